/* The receiver of versioned sessions, which can keep the routes of a dead process (R6). */
#define route_free route_free_unless_kept
#include "routing/adj_in.c"
#undef route_free

#include "tests/property/routing_worlds/broken.h"

void route_free(struct route *r);

void route_free_unless_kept(struct route *r)
{
	const struct session *s = r->neighbour->session;

	/* Neither the end of a lease nor that of a full sync: another epoch. */
	if (broken_keeps_routes() && s->in.has_begun && r->is_fresh)
		return;
	route_free(r);
}
