/* The source table, with two rules that can be broken. */
#define source_is_feasible source_is_feasible_by_the_rule
#define source_update source_update_by_the_rule
#define source_pin source_pin_by_the_rule
#include "routing/source.c"
#undef source_is_feasible
#undef source_update
#undef source_pin

#include "tests/property/world_broken/broken.h"

#define FORGOTTEN_US (1 * SECOND)

bool source_is_feasible(const struct destination *d, enum babel_class class, const struct claim *claim);
bool source_update(
	struct destination *d, uint64_t now_us, enum babel_class class, const struct claim *claim, uint64_t hold_us);

bool source_is_feasible(const struct destination *d, enum babel_class class, const struct claim *claim)
{
	return source_is_feasible_by_the_rule(d, class, claim) || broken == BROKEN_FEASIBILITY;
}

bool source_update(
	struct destination *d, uint64_t now_us, enum babel_class class, const struct claim *claim, uint64_t hold_us)
{
	bool is_noted = source_update_by_the_rule(d, now_us, class, claim, hold_us);
	struct source *s = source_find(d, &claim->origin);

	if (s && broken == BROKEN_SOURCES)
		timer_set(&d->b->heap, &s->gc, now_us + FORGOTTEN_US);
	return is_noted;
}

void source_pin(struct destination *d, const router_id *id);

void source_pin(struct destination *d, const router_id *id)
{
	if (broken != BROKEN_SOURCES)
		source_pin_by_the_rule(d, id);
}
