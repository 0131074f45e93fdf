/*
 * What comes next is known before it happens: the memory that it will touch is fetched
 * meanwhile. A large world lies in no cache, and an event finds what it works on by one
 * pointer after the other:
 *
 *   station ──► its heaps, ports, node ──► frame, links, engine ──► timer, segment
 *   fourth       third                     second                   the one that happens now
 *
 * Nothing but the speed depends on it: an event that comes in between was not fetched.
 */
#include "meshd/base/fetch.h"
#include "sim/world/lane.h"

#define CHAIN_BYTES 384 /* libsodium keeps to itself what is in it */
#define STEPS 4
#define PATHS (STEPS * 32) /* beside the ways down to that many leaves */

#define FETCH_FIELDS(object, first, last)                                                                              \
	fetch(&(object)->first, offsetof(__typeof__(*(object)), last) + sizeof((object)->last) -                       \
					offsetof(__typeof__(*(object)), first))

static void fetch_station(const struct station *s)
{
	FETCH_FIELDS(s, lane, stalled_until_us);
	FETCH_FIELDS(s, due, ports[3]);
	FETCH_FIELDS(s, nonces, sealing);
}

static void fetch_parts(const struct station *s)
{
	if (s->heap.count)
		fetch(s->heap.slots, CACHE_LINE);
	if (s->arrivals.count)
		fetch(s->arrivals.slots, CACHE_LINE);
	fetch(s->chain, CHAIN_BYTES);
	for (unsigned i = 0; i < s->port_count; i++) {
		FETCH_FIELDS(s->ports[i], nat, attachments);
		FETCH_FIELDS(s->ports[i], is_up, ready);
	}
	if (s->node)
		node_fetch(s->node, 0);
}

static bool station_has_frame(const struct station *s)
{
	return s->arrivals.count && (!s->heap.count || s->arrivals.slots[0]->due_us < s->heap.slots[0].due_us);
}

static void fetch_next(const struct station *s)
{
	if (s->arrivals.count)
		fetch(s->arrivals.slots[0], 4 * CACHE_LINE);
	if (s->node)
		node_fetch(s->node, 1);
	for (unsigned i = 0; i < s->port_count; i++)
		if (s->ports[i]->attachment_count)
			fetch(s->ports[i]->attachments, CACHE_LINE);
}

static void fetch_rest(const struct station *s)
{
	if (station_has_frame(s))
		flight_fetch(s->arrivals.slots[0]);
	if (s->node)
		node_fetch(s->node, 2);
}

/* The leaf of the least below a node; its other children are remembered. */
static size_t descend(const struct lane *l, size_t at, size_t paths[PATHS], unsigned *count)
{
	while (at < l->leaves) {
		size_t least = 2 * at + (l->due_us[2 * at] != l->due_us[at]);

		paths[(*count)++] = least ^ 1;
		at = least;
	}
	return at;
}

static size_t take_least(const struct lane *l, size_t paths[PATHS], unsigned *count)
{
	unsigned least = 0;

	for (unsigned i = 1; i < *count; i++)
		if (l->due_us[paths[i]] < l->due_us[paths[least]])
			least = i;
	size_t at = paths[least];
	paths[least] = paths[--*count];
	return at;
}

void lane_foresee(const struct lane *l)
{
	static void (*const steps[STEPS])(
		const struct station *s) = { fetch_rest, fetch_next, fetch_parts, fetch_station };
	size_t paths[PATHS] = { 1 };
	unsigned count = 1;

	for (unsigned step = 0; step < STEPS && count; step++) {
		size_t at = take_least(l, paths, &count);

		if (l->due_us[at] == NEVER)
			return;
		steps[step](l->stations[descend(l, at, paths, &count) - l->leaves]);
	}
}
