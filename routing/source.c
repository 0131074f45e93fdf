/*
 * The source table: feasibility distances (RFC 8966, 3.2.5, 3.5.1, 3.7.3).
 *
 * An entry is a promise to all neighbours that believed us: while one of them
 * may still follow an update that we sent, the entry must live. Each finite
 * update that is sent prolongs it by the garbage-collection time, or by the hold
 * time that the update gives to its receivers if that is longer. What a versioned
 * neighbour was told holds with every refresh: it pins the entry (R8).
 *
 * One entry holds the distances of all classes: they have the origin and its seqno in
 * common, and live as long as any of them is needed.
 *
 * Entries hang on their destination, nearly always one alone. Origins that follow
 * each other faster than they are forgotten are bounded per prefix.
 */
#include "routing/engine.h"

#include <stdlib.h>

struct source *source_find(const struct destination *d, const router_id *id)
{
	for (struct source *s = d->sources; s; s = s->next)
		if (router_id_equal(&s->origin, id))
			return s;
	return NULL;
}

bool source_is_feasible(const struct destination *d, enum babel_class class, const struct claim *claim)
{
	if (claim->metric == BABEL_INFINITY)
		return true;
	const struct source *s = source_find(d, &claim->origin);
	const struct distance *own = s ? &s->distances[class] : NULL;

	return !own || own->metric == BABEL_INFINITY || seqno_is_newer(claim->seqno, own->seqno) ||
	       (claim->seqno == own->seqno && claim->metric < own->metric);
}

static void source_unlink(struct source *s)
{
	struct source **at = &s->destination->sources;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
}

static void source_put_first(struct source *s)
{
	s->next = s->destination->sources;
	s->destination->sources = s;
}

void source_free(struct source *s)
{
	struct destination *d = s->destination;

	timer_cancel(&d->b->heap, &s->gc);
	source_unlink(s);
	d->source_count--;
	d->b->source_count--;
	free(s);
}

static void source_gc(struct timer *timer, uint64_t now_us)
{
	struct source *s = container_of(timer, struct source, gc);
	struct destination *d = s->destination;

	(void)now_us;
	source_free(s);
	destination_release(d);
}

/* Lives until then at least, and while it is pinned. */
static void source_prolong(struct source *s, uint64_t until_us)
{
	if (until_us > s->until_us)
		s->until_us = until_us;
	if (s->pins == 0)
		timer_set(&s->destination->b->heap, &s->gc, s->until_us);
}

void source_pin(struct destination *d, const router_id *id)
{
	struct source *s = source_find(d, id);

	if (!s)
		return;
	s->pins++;
	timer_cancel(&d->b->heap, &s->gc);
}

void source_unpin(struct destination *d, uint64_t now_us, const router_id *id, uint64_t hold_us)
{
	struct source *s = source_find(d, id);

	if (!s || s->pins == 0)
		return;
	s->pins--;
	source_prolong(s, now_us + (4 * hold_us > SOURCE_GC_US ? 4 * hold_us : SOURCE_GC_US));
}

static struct source *source_new(struct destination *d, const router_id *id)
{
	struct babel *b = d->b;
	bool has_room = b->source_count < b->config.limits.sources && d->source_count < DESTINATION_SOURCES;
	struct source *s = has_room ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		b->counters.refused_sources++;
		return NULL;
	}
	s->destination = d;
	s->origin = *id;
	for (unsigned i = 0; i < BABEL_CLASSES; i++)
		s->distances[i].metric = BABEL_INFINITY;
	timer_init(&s->gc, source_gc);
	source_put_first(s);
	d->source_count++;
	b->source_count++;
	return s;
}

/* False: it is as low already. */
static bool distance_lower(struct distance *own, const struct claim *claim)
{
	bool is_there = own->metric != BABEL_INFINITY;

	if (is_there && claim->seqno == own->seqno && claim->metric >= own->metric)
		return false;
	if (is_there && claim->seqno != own->seqno && !seqno_is_newer(claim->seqno, own->seqno))
		return false;
	own->seqno = claim->seqno;
	own->metric = claim->metric;
	return true;
}

bool source_update(
	struct destination *d, uint64_t now_us, enum babel_class class, const struct claim *claim, uint64_t hold_us)
{
	struct source *s = source_find(d, &claim->origin);

	if (!s)
		s = source_new(d, &claim->origin);
	if (!s)
		return false;
	if (distance_lower(&s->distances[class], claim))
		backup_review(d);
	if (s != d->sources) {
		source_unlink(s);
		source_put_first(s);
	}
	/* Another link's receivers may hold it longer than this one's. */
	source_prolong(s, now_us + (hold_us > SOURCE_GC_US ? hold_us : SOURCE_GC_US));
	return true;
}
