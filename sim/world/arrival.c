/* What is on its way to a station: a binary heap by time and order. */
#include "sim/world/lane.h"

#include <stdlib.h>

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
