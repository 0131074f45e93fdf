/*
 * Is the mesh whole? Nodes that links join, directly or through others, must get
 * each other's packets: from each of them the successors are followed to each
 * other one. Asked again and again until it is so.
 */
#include "sim/world/trial.h"

#include <stdlib.h>

#define AGAIN_US 100000

static unsigned group_of(unsigned *groups, unsigned i)
{
	while (groups[i] != i) {
		groups[i] = groups[groups[i]];
		i = groups[i];
	}
	return i;
}

static bool ends_hear(const struct segment *g, unsigned a, unsigned b)
{
	return g->ends[a].port->station->node && g->ends[b].port->station->node && link_model_hears(&g->model, a, b) &&
	       link_model_hears(&g->model, b, a);
}

unsigned *whole_groups(const struct world *w)
{
	unsigned *groups = world_alloc((w->station_count + 1) * sizeof(*groups));

	for (unsigned i = 0; i < w->station_count; i++)
		groups[i] = i;
	for (unsigned k = 0; k < w->segment_count; k++) {
		const struct segment *g = w->segments[k];

		for (unsigned a = 0; a < g->end_count && g->model.state == LINK_UP; a++)
			for (unsigned b = g->is_lan ? a + 1 : 1; b < (g->is_lan || a == 0 ? g->end_count : 0); b++)
				if (ends_hear(g, a, b))
					groups[group_of(groups, g->ends[a].port->station->index)] =
						group_of(groups, g->ends[b].port->station->index);
	}
	for (unsigned i = 0; i < w->station_count; i++)
		groups[i] = group_of(groups, i);
	return groups;
}

static const struct segment *port_joins(const struct port *p, const struct station *to)
{
	for (unsigned i = 0; i < p->attachment_count; i++) {
		const struct segment *g = p->attachments[i].segment;

		for (unsigned end = 0; end < g->end_count && g->model.state == LINK_UP; end++)
			if (g->ends[end].port->station == to && ends_hear(g, p->attachments[i].end, end))
				return g;
	}
	return NULL;
}

const struct station *whole_next_hop(const struct station *s, const struct prefix *p, const struct segment **over)
{
	unsigned link = 0;
	const struct station *next = oracle_successor(s, p, &link);

	*over = next ? port_joins(s->ports[link], next) : NULL;
	return *over ? next : NULL;
}

static bool arrives(const struct station *from, const struct station *to)
{
	struct prefix p = prefix_of_host(to->address);
	const struct station *at = from;
	const struct segment *over;

	for (unsigned steps = 0; at && at != to && steps <= from->w->station_count; steps++)
		at = whole_next_hop(at, &p, &over);
	return at == to;
}

bool whole_pair_missing(const struct world *w, const struct station **from, const struct station **to)
{
	unsigned *groups = whole_groups(w);
	bool is_missing = false;

	for (unsigned a = 0; a < w->station_count && !is_missing; a++)
		for (unsigned b = 0; b < w->station_count && !is_missing; b++) {
			*from = w->stations[a];
			*to = w->stations[b];
			is_missing = a != b && (*from)->node && (*to)->node && groups[a] == groups[b] &&
				     !arrives(*from, *to);
		}
	free(groups);
	return is_missing;
}

void trial_whole_due(struct timer *timer, uint64_t now_us)
{
	struct trial_expect *e = container_of(timer, struct trial_expect, timer);
	struct world *w = e->trial->world;
	uint64_t after_us = WORLD_START_US + e->conf->after_us;
	const struct station *from, *to;

	if (!whole_pair_missing(w, &from, &to)) {
		e->is_met = true;
		e->measured = (double)(now_us - after_us) / 1e6;
		e->detail[0] = '\0';
	} else {
		snprintf(e->detail, sizeof(e->detail), "%s does not reach %s", from->name, to->name);
		if (now_us + AGAIN_US <= after_us + (uint64_t)(e->conf->at_most * 1e6))
			timer_set(&w->heap, timer, now_us + AGAIN_US);
	}
}
