/*
 * What is on its way to a station: a binary heap by time and order. Its memory is used
 * again by the lane in which it landed, what landed last first.
 */
#include "sim/world/lane.h"

#include <stdlib.h>

#define KEPT_MAX 4096 /* of each size, in each lane */

/* With their frames: a hello, an update, the largest. */
static const unsigned sizes[ARRIVAL_SIZES] = { 384, 1024, 2560 };

/* The least that holds it; ARRIVAL_SIZES: none does. */
static unsigned size_for(size_t bytes)
{
#ifdef __SANITIZE_ADDRESS__
	return ARRIVAL_SIZES; /* who uses it after it landed is found */
#endif
	unsigned size = 0;

	while (size < ARRIVAL_SIZES && sizes[size] < bytes)
		size++;
	return size;
}

struct arrival *arrival_new(struct lane *from, size_t bytes)
{
	unsigned size = size_for(bytes);
	struct arrival *a = from && size < ARRIVAL_SIZES ? from->landed[size] : NULL;

	if (a) {
		from->landed[size] = a->next;
		from->landed_count[size]--;
		return a;
	}
	a = malloc(size < ARRIVAL_SIZES ? sizes[size] : bytes);
	if (!a)
		abort();
	a->size = size;
	return a;
}

void arrival_free(struct arrival *a)
{
	struct lane *l = a->to->lane;

	if (!l || a->size == ARRIVAL_SIZES || l->landed_count[a->size] == KEPT_MAX) {
		free(a);
		return;
	}
	a->next = l->landed[a->size];
	l->landed[a->size] = a;
	l->landed_count[a->size]++;
}

void arrivals_forget(struct lane *l)
{
	for (unsigned size = 0; size < ARRIVAL_SIZES; size++) {
		for (struct arrival *a = l->landed[size], *next; a; a = next) {
			next = a->next;
			free(a);
		}
		l->landed[size] = NULL;
		l->landed_count[size] = 0;
	}
}

static bool arrival_is_before(const struct arrival *a, const struct arrival *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

void arrival_keep(struct arrival *a)
{
	struct arrivals *all = &a->to->arrivals;

	if (all->count == all->capacity) {
		all->capacity = all->capacity ? all->capacity + all->capacity / 2 : 4;
		all->slots = realloc(all->slots, all->capacity * sizeof(struct arrival *));
		if (!all->slots)
			abort();
	}
	unsigned at = all->count++;
	for (; at > 0 && arrival_is_before(a, all->slots[(at - 1) / 2]); at = (at - 1) / 2)
		all->slots[at] = all->slots[(at - 1) / 2];
	all->slots[at] = a;
	lane_touch_arrival(a->to, a->due_us);
}

struct arrival *arrivals_pop(struct arrivals *all)
{
	struct arrival *first = all->slots[0], *last = all->slots[--all->count];
	unsigned at = 0;

	for (unsigned child; (child = 2 * at + 1) < all->count; at = child) {
		if (child + 1 < all->count && arrival_is_before(all->slots[child + 1], all->slots[child]))
			child++;
		if (!arrival_is_before(all->slots[child], last))
			break;
		all->slots[at] = all->slots[child];
	}
	all->slots[at] = last;
	return first;
}

void arrivals_free(struct station *s)
{
	for (unsigned i = 0; i < s->arrivals.count; i++)
		free(s->arrivals.slots[i]); /* each begins with it */
	free(s->arrivals.slots);
	s->arrivals = (struct arrivals){ 0 };
}
