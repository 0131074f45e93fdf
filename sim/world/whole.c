/*
 * Is the mesh whole? Nodes that links join, directly or through others, must get
 * each other's packets: from each of them the successors are followed to each
 * other one. In a class only links that admit it count, and a packet that falls to
 * the base on its way does not. Asked again and again until it is so.
 */
#include "sim/world/lane.h"
#include "sim/world/traffic.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_US 100000

static bool end_admits(const struct segment *g, unsigned end, enum packet_class class)
{
	return babel_rate_admits(g->ends[end].port->config.rate_bps, class == CLASS_BULK ? BABEL_BULK : BABEL_TEXT);
}

static bool ends_hear(const struct segment *g, unsigned a, unsigned b)
{
	return g->ends[a].port->station->node && g->ends[b].port->station->node && link_model_hears(&g->model, a, b) &&
	       link_model_hears(&g->model, b, a);
}

unsigned *whole_groups(const struct world *w, enum packet_class class)
{
	unsigned *groups = world_alloc((w->station_count + 1) * sizeof(*groups));

	for (unsigned i = 0; i < w->station_count; i++)
		groups[i] = i;
	for (unsigned k = 0; k < w->segment_count; k++) {
		const struct segment *g = w->segments[k];

		for (unsigned a = 0; a < g->end_count && g->model.state == LINK_UP && !g->is_silent; a++)
			for (unsigned b = g->is_lan ? a + 1 : 1; b < (g->is_lan || a == 0 ? g->end_count : 0); b++)
				if (ends_hear(g, a, b) && end_admits(g, a, class) && end_admits(g, b, class))
					groups[world_root_of(groups, g->ends[a].port->station->index)] =
						world_root_of(groups, g->ends[b].port->station->index);
	}
	for (unsigned i = 0; i < w->station_count; i++)
		groups[i] = world_root_of(groups, i);
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

const struct station *whole_next_hop(
	const struct station *s, const struct prefix *p, enum packet_class *class, const struct segment **over)
{
	unsigned link = 0;
	const struct station *next = oracle_successor(s, p, class, &link);

	*over = next ? port_joins(s->ports[link], next) : NULL;
	return *over ? next : NULL;
}

struct arrivals_at {
	struct prefix prefix;
	enum packet_class class;
	bool *known; /* by station */
	const struct station **trail;
};

/* Follows its way until it meets a node that is known to arrive. */
static bool arrives(struct arrivals_at *k, const struct station *from)
{
	const struct station *at = from;
	const struct segment *over;
	enum packet_class class = k->class;
	unsigned steps = 0;

	for (; at && class == k->class && !k->known[at->index]; at = whole_next_hop(at, &k->prefix, &class, &over)) {
		if (steps == from->w->station_count)
			return false;
		k->trail[steps++] = at;
	}
	if (!at || class != k->class)
		return false;
	while (steps)
		k->known[k->trail[--steps]->index] = true;
	return true;
}

/* The first of its group that does not reach it; NULL: all do. */
static const struct station *who_misses(struct arrivals_at *k, const struct station *to, const unsigned *groups)
{
	static const unsigned ahead[] = { 8, 4 }; /* what is asked so much later is fetched */
	const struct world *w = to->w;

	memset(k->known, 0, w->station_count * sizeof(*k->known));
	k->prefix = prefix_of_host(to->address);
	k->known[to->index] = true;
	for (unsigned i = 0; i < w->station_count && to->node; i++) {
		for (unsigned step = 0; step < 2 && i + ahead[step] < w->station_count; step++)
			oracle_fetch(w->stations[i + ahead[step]], &k->prefix, step);
		if (w->stations[i]->node && groups[i] == groups[to->index] && !arrives(k, w->stations[i]))
			return w->stations[i];
	}
	return NULL;
}

/* Lanes share the targets, one in turn each; the first of all that is missed counts. */
struct whole_look {
	struct world *w;
	enum packet_class class;
	unsigned *groups, first;
	_Atomic unsigned missed; /* the least place of a target that somebody misses, counted from `first` */
	const struct station **from; /* by place */
};

static void missed_at(struct whole_look *l, unsigned place)
{
	unsigned before = atomic_load_explicit(&l->missed, memory_order_relaxed);

	while (place < before && !atomic_compare_exchange_weak(&l->missed, &before, place))
		;
}

static void look_for_missing(void *arg, unsigned lane)
{
	struct whole_look *l = arg;
	unsigned count = l->w->station_count, step = l->w->lane_count ? l->w->lane_count : 1;
	struct arrivals_at k = { .class = l->class,
		.known = world_alloc(count * sizeof(bool)),
		.trail = world_alloc(count * sizeof(struct station *)) };

	for (unsigned i = lane; i < count && i < atomic_load_explicit(&l->missed, memory_order_relaxed); i += step) {
		l->from[i] = who_misses(&k, l->w->stations[(l->first + i) % count], l->groups);
		if (l->from[i])
			missed_at(l, i);
	}
	free(k.known);
	free(k.trail);
}

bool whole_pair_missing(struct world *w, enum packet_class class, unsigned *begin, const struct station **from,
	const struct station **to)
{
	unsigned count = w->station_count;
	struct whole_look l = { .w = w,
		.class = class,
		.groups = whole_groups(w, class),
		.first = *begin % count,
		.from = world_alloc(count * sizeof(struct station *)) };

	atomic_init(&l.missed, count);
	crew_share(w, look_for_missing, &l);
	unsigned missed = atomic_load(&l.missed);
	*begin = (l.first + (missed < count ? missed : count - 1)) % count;
	*from = missed < count ? l.from[missed] : NULL;
	*to = w->stations[*begin];
	free(l.groups);
	free(l.from);
	return *from;
}

void trial_whole_due(struct timer *timer, uint64_t now_us)
{
	struct trial_expect *e = container_of(timer, struct trial_expect, timer);
	struct world *w = e->trial->world;
	uint64_t after_us = WORLD_START_US + e->conf->after_us;
	const struct station *from, *to;

	if (!whole_pair_missing(w, traffic_mark(e->conf->class), &e->looked_at, &from, &to)) {
		e->is_met = true;
		e->measured = (double)(now_us - after_us) / 1e6;
		e->detail[0] = '\0';
	} else {
		snprintf(e->detail, sizeof(e->detail), "%s does not reach %s", from->name, to->name);
		if (now_us + AGAIN_US <= after_us + (uint64_t)(e->conf->at_most * 1e6))
			timer_set(&w->heap, timer, now_us + AGAIN_US);
	}
}
