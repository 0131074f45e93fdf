/*
 * The loop oracle. A loop that was not there before goes through a route that has
 * just moved: so after every event the successors are followed from each node
 * whose route moved, for that prefix. What a node seals for an earlier life of
 * its neighbour is not heard there and leads nowhere (protocol.md 2.2, R7).
 *
 * A prefix that several nodes announce may loop for a moment while nodes change
 * from one origin to the other (RFC 8966, 1.1); so may those of a node that lost
 * its disk and came back as another origin (protocol.md 6.3). Such a loop is
 * looked at again and again, and must be gone before long.
 */
#include "sim/world/world.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_AGAIN_US 100000

struct world_suspect {
	struct station *station;
	bool is_any;
	struct prefix prefix;
};

struct second_look {
	struct list list; /* first: world_free() */
	struct timer timer;
	const struct station *station;
	struct prefix prefix;
	uint64_t until_us;
};

static int compare_stations(const void *a, const void *b)
{
	const struct station *const *first = a, *const *second = b;

	return address_compare(&(*first)->neighbour_address, &(*second)->neighbour_address);
}

static int compare_address(const void *key, const void *element)
{
	const struct station *const *s = element;

	return address_compare(key, &(*s)->neighbour_address);
}

static struct station *station_by_neighbour(struct world *w, const struct address *a)
{
	if (!w->by_address) {
		w->by_address = world_alloc(w->station_count * sizeof(struct station *));
		for (unsigned i = 0; i < w->station_count; i++)
			w->by_address[i] = w->stations[i];
		qsort(w->by_address, w->station_count, sizeof(struct station *), compare_stations);
	}
	struct station **found = bsearch(a, w->by_address, w->station_count, sizeof(struct station *), compare_address);
	return found ? *found : NULL;
}

struct station *oracle_successor(const struct station *s, const struct prefix *prefix, unsigned *link)
{
	struct babel_route r;

	if (!s->node || !babel_selected(node_babel(s->node), prefix, &r))
		return NULL;
	struct station *next = station_by_neighbour(s->w, &r.neighbour);
	*link = r.link;
	return next && next->node && station_has_session(s, r.link, next) ? next : NULL;
}

void oracle_suspect(struct station *s, const struct prefix *prefix)
{
	struct world *w = s->w;

	if (w->is_unchecked)
		return;
	if (w->suspect_count == w->suspect_capacity) {
		w->suspect_capacity = w->suspect_capacity ? 2 * w->suspect_capacity : 64;
		w->suspects = realloc(w->suspects, w->suspect_capacity * sizeof(*w->suspects));
		if (!w->suspects)
			abort();
	}
	struct world_suspect *suspect = &w->suspects[w->suspect_count++];
	suspect->station = s;
	suspect->is_any = !prefix;
	if (prefix)
		suspect->prefix = *prefix;
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

static bool is_loop(const struct station *s, const struct prefix *prefix)
{
	const struct station *at = s;
	unsigned link;

	s->w->looks++;
	for (unsigned steps = 0; (at = s->w->successor(at, prefix, &link)); steps++)
		if (steps > s->w->station_count)
			return true;
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

static void look_again(struct timer *timer, uint64_t now_us)
{
	struct second_look *l = container_of(timer, struct second_look, timer);
	struct world *w = l->station->w;
	bool is_there = is_loop(l->station, &l->prefix);

	/* Another one later, between two that hesitate, is not one that lasts. */
	if (is_there && now_us < l->until_us) {
		timer_set(&w->heap, timer, now_us + LOOK_AGAIN_US);
		world_event_done(w);
		return;
	}
	if (is_there)
		loop_found(l->station, &l->prefix);
	list_remove(&l->list);
	free(l);
	world_event_done(w);
}

static void follow(const struct station *s, const struct prefix *prefix)
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
	list_push_back(&w->in_flight, &l->list);
	l->until_us = w->now_us + WORLD_SHARED_LOOP_US;
	timer_set(&w->heap, &l->timer, w->now_us + LOOK_AGAIN_US);
}

void oracle_look(struct world *w)
{
	for (unsigned i = 0; i < w->suspect_count; i++) {
		const struct world_suspect *suspect = &w->suspects[i];

		if (!suspect->is_any) {
			follow(suspect->station, &suspect->prefix);
			continue;
		}
		for (unsigned k = 0; k < w->station_count; k++) {
			struct prefix p = prefix_of_host(w->stations[k]->address);

			follow(suspect->station, &p);
		}
	}
	w->suspect_count = 0;
}
