/*
 * The loop oracle. A loop that was not there before goes through a route that has
 * just moved: so after every event, or window, the successors are followed from each
 * node whose route moved, for that prefix, until they meet a way that was followed.
 * What a node seals for an earlier life of its neighbour is not heard there and leads
 * nowhere (protocol.md 2.2, R7).
 *
 * A prefix that several nodes announce may loop for a moment while nodes change
 * from one origin to the other (RFC 8966, 1.1); so may those of a node that lost
 * its disk and came back as another origin (protocol.md 6.3). Such a loop is
 * looked at again and again, and must be gone before long.
 */
#include "sim/world/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_US 100000

struct suspect {
	struct station *station;
	bool is_any;
	struct prefix prefix;
};

struct second_look {
	struct list list; /* first: world_free() */
	struct timer timer;
	struct station *station;
	struct prefix prefix;
	uint64_t until_us;
};

static struct station *port_neighbour(const struct port *p, const struct address *neighbour)
{
	for (unsigned i = 0; i < p->attachment_count; i++) {
		const struct segment *g = p->attachments[i].segment;

		for (unsigned end = 0; end < g->end_count; end++)
			if (address_equal(&g->ends[end].port->station->neighbour_address, neighbour))
				return g->ends[end].port->station;
	}
	return NULL;
}

struct station *oracle_successor(const struct station *s, const struct prefix *prefix, unsigned *link)
{
	struct babel_route r;

	if (!s->node || !babel_selected(node_babel(s->node), prefix, BABEL_TEXT, &r) || r.link >= s->port_count)
		return NULL;
	struct station *next = port_neighbour(s->ports[r.link], &r.neighbour);
	*link = r.link;
	return next && next->node && station_has_session(s, r.link, next) ? next : NULL;
}

static void suspects_reserve(struct suspects *all, unsigned count)
{
	if (count <= all->capacity)
		return;
	all->capacity = count < 64 ? 64 : 2 * count;
	all->suspects = realloc(all->suspects, all->capacity * sizeof(*all->suspects));
	if (!all->suspects)
		abort();
}

void oracle_suspect(struct station *s, const struct prefix *prefix)
{
	struct suspects *all = s->lane ? &s->lane->suspects : &s->w->suspects;

	if (s->w->is_unchecked)
		return;
	suspects_reserve(all, all->count + 1);
	struct suspect *suspect = &all->suspects[all->count++];
	*suspect = (struct suspect){ .station = s, .is_any = !prefix };
	if (prefix)
		suspect->prefix = *prefix;
}

void oracle_gather(struct world *w)
{
	for (unsigned l = 0; l < w->lane_count; l++) {
		struct suspects *from = &w->lanes[l]->suspects;

		if (!from->count)
			continue;
		suspects_reserve(&w->suspects, w->suspects.count + from->count);
		memcpy(w->suspects.suspects + w->suspects.count, from->suspects, from->count * sizeof(*from->suspects));
		w->suspects.count += from->count;
		from->count = 0;
	}
}

static void loop_found(const struct station *s, const struct prefix *prefix)
{
	struct world *w = s->w;
	char text[PREFIX_TEXT];
	unsigned link;

	w->loops++;
	world_note(w, 'L', s->index, 0, bytes_of(prefix, 0));
	if (w->loop[0])
		return;
	size_t len = (size_t)snprintf(w->loop, sizeof(w->loop), "at %.6f s: %s goes %s", (double)world_time_us(w) / 1e6,
		prefix_format(prefix, text), s->name);
	const struct station *at = s;
	for (unsigned steps = 0; at && steps < 8 && len < sizeof(w->loop); steps++) {
		at = w->successor(at, prefix, &link);
		len += (size_t)snprintf(w->loop + len, sizeof(w->loop) - len, " > %s", at ? at->name : "nowhere");
	}
}

/* A new question: nothing is known of any node. */
static void marks_clear(struct world *w)
{
	w->mark++;
	if (w->trail_room >= w->station_count)
		return;
	w->trail_room = w->station_count;
	w->trail = realloc(w->trail, w->trail_room * sizeof(struct station *));
	if (!w->trail)
		abort();
}

/* What leads to a node that bears the present mark leads out. */
static bool is_loop(struct station *s, const struct prefix *prefix)
{
	struct world *w = s->w;
	struct station *at = s;
	unsigned link, steps = 0;

	w->looks++;
	for (; at && at->mark != w->mark; at = w->successor(at, prefix, &link)) {
		if (steps == w->station_count)
			return true;
		w->trail[steps++] = at;
	}
	while (steps)
		w->trail[--steps]->mark = w->mark;
	return false;
}

/* How many origins of the prefix the others may have heard of at this station. */
static unsigned origins_at(const struct station *s, const struct prefix *prefix)
{
	struct prefix host = prefix_of_host(s->address);
	bool is_here = prefix_equal(&host, prefix);

	for (unsigned k = 0; k < s->prefix_count; k++)
		is_here |= prefix_equal(&s->prefixes[k], prefix);
	if (!is_here)
		return 0;
	return s->wiped_us && s->w->now_us - s->wiped_us < WORLD_TWO_LIVES_US ? 2 : 1;
}

static bool prefix_is_shared(const struct world *w, const struct prefix *prefix)
{
	unsigned origins = 0;

	for (unsigned i = 0; i < w->station_count; i++)
		origins += origins_at(w->stations[i], prefix);
	return origins > 1;
}

static bool port_carries(const struct port *p, const struct station *to)
{
	for (unsigned i = 0; i < p->attachment_count; i++) {
		const struct segment *g = p->attachments[i].segment;

		for (unsigned end = 0; end < g->end_count && g->model.state == LINK_UP; end++)
			if (g->ends[end].port->station == to)
				return true;
	}
	return false;
}

/* No packet goes round where a link is silent, and nodes need their time to notice that it is. */
static bool loop_carries(struct station *s, const struct prefix *prefix)
{
	struct station *at = s;
	unsigned link = 0;

	for (unsigned steps = 0; at && steps < s->w->station_count; steps++) {
		struct station *next = s->w->successor(at, prefix, &link);

		if (next && link < at->port_count && !port_carries(at->ports[link], next))
			return false;
		at = next;
	}
	return true;
}

static void look_again(struct timer *timer, uint64_t now_us)
{
	struct second_look *l = container_of(timer, struct second_look, timer);
	struct world *w = l->station->w;

	marks_clear(w);
	bool is_there = is_loop(l->station, &l->prefix);

	if (is_there && !loop_carries(l->station, &l->prefix))
		l->until_us = now_us + WORLD_SHARED_LOOP_US;
	/* Another one later, between two that hesitate, is not one that lasts. */
	if (is_there && now_us < l->until_us) {
		timer_set(&w->heap, timer, now_us + LOOK_AGAIN_US);
		return;
	}
	if (is_there)
		loop_found(l->station, &l->prefix);
	list_remove(&l->list);
	free(l);
}

static void follow(struct station *s, const struct prefix *prefix)
{
	struct world *w = s->w;

	if (!is_loop(s, prefix))
		return;
	if (!prefix_is_shared(w, prefix)) {
		loop_found(s, prefix);
		return;
	}
	struct second_look *l = world_alloc(sizeof(*l));

	w->shared_loops++;
	timer_init(&l->timer, look_again);
	l->station = s;
	l->prefix = *prefix;
	list_init(&l->list);
	list_push_back(&w->pending, &l->list);
	l->until_us = w->now_us + WORLD_SHARED_LOOP_US;
	timer_set(&w->heap, &l->timer, w->now_us + LOOK_AGAIN_US);
}

static int compare_suspects(const void *a, const void *b)
{
	const struct suspect *first = a, *second = b;
	int order = prefix_compare(&first->prefix, &second->prefix);

	if (first->is_any != second->is_any)
		return first->is_any ? -1 : 1;
	if (order)
		return order;
	return first->station->index < second->station->index   ? -1
	       : first->station->index > second->station->index ? 1
								: 0;
}

static void look_at_all(struct station *s)
{
	for (unsigned k = 0; k < s->w->station_count; k++) {
		struct prefix p = prefix_of_host(s->w->stations[k]->address);

		marks_clear(s->w);
		follow(s, &p);
	}
}

void oracle_look(struct world *w)
{
	struct suspect *all, *before = NULL;

	oracle_gather(w);
	all = w->suspects.suspects;
	if (w->suspects.count > 1)
		qsort(all, w->suspects.count, sizeof(*all), compare_suspects);
	for (unsigned i = 0; i < w->suspects.count; i++) {
		struct suspect *suspect = &all[i];

		if (before && compare_suspects(before, suspect) == 0)
			continue; /* its route moved twice */
		if (suspect->is_any) {
			look_at_all(suspect->station);
		} else {
			if (!before || before->is_any || !prefix_equal(&before->prefix, &suspect->prefix))
				marks_clear(w);
			follow(suspect->station, &suspect->prefix);
		}
		before = suspect;
	}
	w->suspects.count = 0;
}
