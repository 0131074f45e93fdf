#include "sim/world/lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FORESEEN_FROM 64 /* stations: those of a smaller world lie in caches */

struct lane *lane_new(struct world *w, unsigned index, unsigned station_count)
{
	struct lane *l = aligned_alloc(CACHE_LINE, sizeof(*l));

	if (!l)
		abort();
	memset(l, 0, sizeof(*l));
	l->w = w;
	l->index = index;
	l->now_us = w->now_us;
	l->stations = world_alloc((station_count + 1) * sizeof(struct station *));
	for (l->leaves = 1; l->leaves < station_count; l->leaves *= 2)
		;
	l->due_us = world_alloc(2 * (size_t)l->leaves * sizeof(*l->due_us));
	l->felt_us = world_alloc(2 * (size_t)l->leaves * sizeof(*l->felt_us));
	for (unsigned i = 0; i < 2 * l->leaves; i++)
		l->due_us[i] = l->felt_us[i] = NEVER;
	atomic_init(&l->promise_us, w->now_us);
	atomic_init(&l->inbox, NULL);
	return l;
}

void lane_free(struct lane *l)
{
	lane_drain(l);
	free(l->stations);
	free(l->due_us);
	free(l->felt_us);
	free(l->suspects.suspects);
	free(l->offers); /* they were settled */
	arrivals_forget(l);
	free(l);
}

static void tree_set(uint64_t *tree, unsigned at, uint64_t value_us)
{
	while (tree[at] != value_us) {
		tree[at] = value_us;
		if (at == 1)
			break;
		if (tree[at ^ 1] < value_us)
			value_us = tree[at ^ 1];
		at /= 2;
	}
}

static void lane_set_due(struct lane *l, const struct station *s, uint64_t due_us)
{
	tree_set(l->due_us, l->leaves + s->place, due_us);
	tree_set(l->felt_us, l->leaves + s->place, time_after(due_us, s->far_us));
}

void lane_touch(struct station *s)
{
	if (!s->lane)
		return;
	uint64_t due_us = heap_next(&s->heap);

	if (s->arrivals.count && s->arrivals.slots[0]->due_us < due_us)
		due_us = s->arrivals.slots[0]->due_us;
	lane_set_due(s->lane, s, due_us);
}

void lane_touch_arrival(struct station *s, uint64_t due_us)
{
	struct lane *l = s->lane;

	if (l && due_us < l->due_us[l->leaves + s->place])
		lane_set_due(l, s, due_us);
}

void lane_reckon(struct lane *l)
{
	l->nearest_us = NEVER;
	for (unsigned i = 0; i < l->station_count; i++) {
		struct station *s = l->stations[i];

		if (s->far_us < l->nearest_us)
			l->nearest_us = s->far_us;
		tree_set(l->felt_us, l->leaves + i, time_after(l->due_us[l->leaves + i], s->far_us));
	}
}

/* Of those that are due at once the first station: its place is lower, and so is its index. */
static struct station *lane_earliest(const struct lane *l)
{
	size_t at = 1;

	while (at < l->leaves)
		at = l->due_us[2 * at] == l->due_us[at] ? 2 * at : 2 * at + 1;
	assert(at - l->leaves < l->station_count);
	return l->stations[at - l->leaves];
}

void lane_step(struct lane *l)
{
	struct station *s = lane_earliest(l);
	uint64_t due_us = lane_next(l);

	if (due_us > l->now_us)
		l->now_us = due_us;
	if (l->station_count >= FORESEEN_FROM)
		lane_foresee(l);
	/* Timers that are due run before the sockets are read. */
	if (!heap_fire(&s->heap, due_us)) {
		struct arrival *a = arrivals_pop(&s->arrivals);

		a->land(a, l->now_us);
	}
	l->events++;
	lane_touch(s);
}

uint64_t lanes_next(const struct world *w)
{
	uint64_t next_us = NEVER;

	for (unsigned l = 0; l < w->lane_count; l++)
		if (lane_next(w->lanes[l]) < next_us)
			next_us = lane_next(w->lanes[l]);
	return next_us;
}

void lanes_count_events(struct world *w)
{
	for (unsigned l = 0; l < w->lane_count; l++) {
		w->events += w->lanes[l]->events;
		w->lanes[l]->events = 0;
	}
}

/* --- from lane to lane ------------------------------------------------------------------ */

void lane_send(const struct lane *from, struct arrival *a)
{
	struct lane *to = a->to->lane;

	if (!from || from == to) {
		arrival_keep(a);
		return;
	}
	a->next = atomic_load_explicit(&to->inbox, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&to->inbox, &a->next, a, memory_order_release, memory_order_relaxed))
		;
}

void lane_drain(struct lane *l)
{
	struct arrival *a = NULL;

	if (atomic_load_explicit(&l->inbox, memory_order_relaxed))
		a = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire);
	while (a) {
		struct arrival *next = a->next;

		arrival_keep(a);
		a = next;
	}
}
