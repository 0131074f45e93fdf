/* The source table, which can forget what refreshes repeat (R8). */
#define source_pin source_pin_by_the_rule
#include "routing/source.c"
#undef source_pin

#include "tests/property/routing_worlds/broken.h"

void source_pin(struct destination *d, const router_id *id);

void source_pin(struct destination *d, const router_id *id)
{
	if (!broken_forgets_sources())
		source_pin_by_the_rule(d, id);
}
