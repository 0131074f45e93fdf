/*
 * The table of destinations: one entry per prefix that anything is known about.
 *
 * An entry lives as long as somebody has a reason: a route, a request, our own
 * origin, a promise made to neighbours (a hold, a feasibility distance). Each has a
 * small index, so that what is known per (neighbour, prefix) can lie in an array.
 */
#include "routing/engine.h"

#include <stdlib.h>

/* --- indices ---------------------------------------------------------------------------- */

struct destination *destination_at(const struct babel *b, unsigned index)
{
	return index < b->place_count ? b->places[index].destination : NULL;
}

/* False: out of memory. */
static bool place_take(struct babel *b, struct destination *d)
{
	if (b->place_free == 0) {
		if (b->place_count == b->place_capacity) {
			unsigned capacity = b->place_capacity ? 2 * b->place_capacity : 16;
			struct place *places = realloc(b->places, capacity * sizeof(*places));

			if (!places)
				return false;
			b->places = places;
			b->place_capacity = capacity;
		}
		b->places[b->place_count++] = (struct place){ 0 };
		b->place_free = b->place_count;
	}
	d->index = b->place_free - 1;
	b->place_free = b->places[d->index].next_free;
	b->places[d->index] = (struct place){ .destination = d };
	return true;
}

static void place_give_back(struct destination *d)
{
	d->b->places[d->index] = (struct place){ .next_free = d->b->place_free };
	d->b->place_free = d->index + 1;
}

/* --- find, get, free --------------------------------------------------------------------- */

struct destination *destination_find(const struct babel *b, const struct prefix *prefix)
{
	struct map_entry *e = map_find(&b->destinations, prefix_key(prefix));

	return e ? container_of(e, struct destination, entry) : NULL;
}

struct destination *destination_get(struct babel *b, const struct prefix *prefix)
{
	struct destination *d = destination_find(b, prefix);

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->b = b;
	d->prefix = *prefix;
	list_init(&d->routes);
	list_init(&d->requests);
	list_init(&d->on_starving);
	list_init(&d->on_unsettled);
	destination_init_timers(d);
	if (!place_take(b, d)) {
		free(d);
		return NULL;
	}
	if (map_insert(&b->destinations, &d->entry, prefix_key(&d->prefix))) {
		place_give_back(d);
		free(d);
		return NULL;
	}
	return d;
}

void destination_free(struct destination *d)
{
	while (d->sources)
		source_free(d->sources);
	timer_cancel(&d->b->heap, &d->hold);
	timer_cancel(&d->b->heap, &d->reselect);
	list_remove(&d->on_starving);
	list_remove(&d->on_unsettled);
	map_remove(&d->b->destinations, &d->entry);
	place_give_back(d);
	free(d);
}

static bool is_installed(const struct destination *d)
{
	bool is_there = false;

	for (unsigned c = 0; c < d->b->config.classes; c++)
		is_there |= d->told[c].installed != INSTALLED_NOTHING;
	return is_there;
}

void destination_release(struct destination *d)
{
	bool is_empty = list_is_empty(&d->routes) && list_is_empty(&d->requests) && !d->sources;

	if (is_empty && !d->is_own && !d->is_held && !d->is_announced && d->unacked == 0 && d->told_sessions == 0 &&
		!is_installed(d))
		destination_free(d);
}

bool destination_is_reachable(const struct destination *d, enum babel_class class)
{
	return d->is_own || d->selected[class];
}

bool destination_is_routed(const struct destination *d)
{
	bool is_routed = d->is_own;

	for (unsigned c = 0; c < d->b->config.classes; c++)
		is_routed |= d->selected[c] != NULL;
	return is_routed;
}

struct claim destination_claim(const struct destination *d, enum babel_class class)
{
	const struct route *r = d->selected[class];

	if (d->is_own)
		return (struct claim){ .origin = d->b->config.id, .seqno = d->b->seqno, .metric = d->own_metric };
	if (!r)
		return (struct claim){ .metric = BABEL_INFINITY };
	struct claim claim = r->variants[class].claim;

	claim.metric = route_metric(r, class);
	return claim;
}

void destination_claims(const struct destination *d, struct claim claims[BABEL_CLASSES])
{
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		claims[c] = destination_claim(d, c);
}

struct babel_route destination_route(const struct destination *d, const struct route *r, enum babel_class class)
{
	const struct claim *claim = &r->variants[class].claim;

	return (struct babel_route){
		.prefix = d->prefix,
		.class = class,
		.origin = claim->origin,
		.seqno = claim->seqno,
		.metric = route_metric(r, class),
		.link = r->neighbour->link->id,
		.next_hop = r->next_hop,
		.neighbour = r->neighbour->address,
	};
}
