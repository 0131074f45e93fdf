/*
 * Near is what few links join; a radio is nearer than a wire, which may come from
 * anywhere. All distances are found by going over the links until nothing changes.
 */
#include "sim/world/region.h"

#include "sim/world/world.h"

#include <stdlib.h>

#define RADIO_FAR 1
#define WIRE_FAR 3
#define NOWHERE 1000000u
#define CENTRES 24 /* of a world without districts */

/* The nearer end of a link pulls the others. True: something changed. */
static bool link_relax(struct regions *r, unsigned *far, const struct plan_link *l)
{
	unsigned step = l->preset->shared ? RADIO_FAR : WIRE_FAR, nearest = l->ends[0].node;
	bool has_changed = false;

	for (unsigned i = 1; i < l->end_count; i++)
		nearest = far[l->ends[i].node] < far[nearest] ? l->ends[i].node : nearest;
	for (unsigned i = 0; i < l->end_count && far[nearest] < NOWHERE; i++) {
		unsigned node = l->ends[i].node;

		if (far[nearest] + step >= far[node])
			continue;
		far[node] = far[nearest] + step;
		r->of[node] = r->of[nearest];
		has_changed = true;
	}
	return has_changed;
}

static void regions_grow(struct regions *r, unsigned *far, const struct plan *p)
{
	bool has_changed = true;

	for (unsigned i = 0; i < p->node_count; i++) {
		far[i] = NOWHERE;
		r->of[i] = 0;
	}
	for (unsigned k = 0; k < r->count; k++) {
		far[r->heads[k]] = 0;
		r->of[r->heads[k]] = k;
	}
	while (has_changed) {
		has_changed = false;
		for (unsigned i = 0; i < p->link_count; i++)
			has_changed |= link_relax(r, far, &p->links[i]);
	}
}

/* One after another, each the farthest from those before. */
static void centres_choose(struct regions *r, unsigned *far, const struct plan *p)
{
	r->count = 1;
	r->heads[0] = 0;
	while (r->count < CENTRES && r->count < p->node_count) {
		unsigned farthest = 0;

		regions_grow(r, far, p);
		for (unsigned i = 1; i < p->node_count; i++)
			farthest = far[i] > far[farthest] ? i : farthest;
		if (far[farthest] == 0)
			return;
		r->heads[r->count++] = farthest;
	}
}

void regions_make(struct regions *r, const struct plan *p)
{
	unsigned *far = world_alloc((p->node_count + 1) * sizeof(*far)), posts = 0;

	*r = (struct regions){ .of = world_alloc((p->node_count + 1) * sizeof(*r->of)) };
	for (unsigned i = 0; i < p->node_count; i++)
		posts += p->nodes[i].level <= LEVEL_DISTRICT;
	if (posts >= 2 && posts <= REGIONS_MAX)
		for (unsigned i = 0; i < p->node_count; i++) {
			if (p->nodes[i].level <= LEVEL_DISTRICT)
				r->heads[r->count++] = i;
		}
	else
		centres_choose(r, far, p);
	regions_grow(r, far, p);
	for (unsigned i = 0; i < p->node_count; i++)
		r->sizes[r->of[i]]++;
	free(far);
}

void regions_done(struct regions *r)
{
	free(r->of);
}
