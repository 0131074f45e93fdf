/*
 * Four children per slot, the deadlines beside each other.
 *
 * Nearly every timer here is a patience that is renewed long before it ends. To
 * put a timer off is therefore free: its slot keeps the earlier deadline, and is
 * moved down only when that one comes to the top. Slots are never late, so what
 * is at the top and up to date is the next.
 */
#include "meshd/base/heap.h"

#include <stdlib.h>

#define CHILDREN 4
#define CAPACITY_MIN 16

void heap_init(struct heap *h)
{
	*h = (struct heap){ 0 };
}

void heap_done(struct heap *h)
{
	for (size_t i = 0; i < h->count; i++) {
		h->slots[i].timer->place = 0;
		h->slots[i].timer->due_us = NEVER;
	}
	free(h->slots);
	*h = (struct heap){ 0 };
}

void timer_init(struct timer *t, void (*fire)(struct timer *timer, uint64_t now_us))
{
	*t = (struct timer){ .due_us = NEVER, .fire = fire };
}

/* Orders are compared on a circle: those of equal deadlines lie close together. */
static bool slot_is_before(const struct heap_slot *a, const struct heap_slot *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : (int32_t)(a->order - b->order) < 0;
}

static void heap_put(struct heap *h, size_t index, struct heap_slot slot)
{
	h->slots[index] = slot;
	slot.timer->place = (uint32_t)index + 1;
	if (index == 0)
		h->is_top_sure = false;
}

static void heap_sift_up(struct heap *h, size_t index, struct heap_slot slot)
{
	while (index > 0) {
		size_t parent = (index - 1) / CHILDREN;

		if (!slot_is_before(&slot, &h->slots[parent]))
			break;
		heap_put(h, index, h->slots[parent]);
		index = parent;
	}
	heap_put(h, index, slot);
}

static void heap_sift_down(struct heap *h, size_t index, struct heap_slot slot)
{
	for (;;) {
		size_t child = CHILDREN * index + 1, end = child + CHILDREN;
		size_t least = child;

		if (child >= h->count)
			break;
		for (child++; child < end && child < h->count; child++)
			if (slot_is_before(&h->slots[child], &h->slots[least]))
				least = child;
		if (!slot_is_before(&h->slots[least], &slot))
			break;
		heap_put(h, index, h->slots[least]);
		index = least;
	}
	heap_put(h, index, slot);
}

void timer_cancel(struct heap *h, struct timer *t)
{
	if (!timer_is_armed(t))
		return;
	size_t index = t->place - 1;
	struct heap_slot last = h->slots[--h->count];

	if (last.timer != t) {
		if (slot_is_before(&last, &h->slots[index]))
			heap_sift_up(h, index, last);
		else
			heap_sift_down(h, index, last);
	}
	t->place = 0;
	t->due_us = NEVER;
}

static void heap_reserve(struct heap *h, size_t count)
{
	if (count <= h->capacity)
		return;
	size_t capacity = h->capacity ? h->capacity + h->capacity / 2 : CAPACITY_MIN;
	struct heap_slot *slots = realloc(h->slots, capacity * sizeof(*slots));

	/* A node that cannot hold its own deadlines cannot keep any promise. */
	if (!slots || capacity > UINT32_MAX)
		abort();
	h->slots = slots;
	h->capacity = capacity;
}

void timer_set(struct heap *h, struct timer *t, uint64_t due_us)
{
	if (due_us == NEVER) {
		timer_cancel(h, t);
		return;
	}
	t->order = h->order++;
	if (timer_is_armed(t)) {
		size_t index = t->place - 1;

		t->due_us = due_us;
		if (due_us < h->slots[index].due_us)
			heap_sift_up(h, index, (struct heap_slot){ due_us, t, t->order });
		else if (index == 0)
			h->is_top_sure = false;
		return;
	}
	heap_reserve(h, h->count + 1);
	t->due_us = due_us;
	h->count++;
	heap_sift_up(h, h->count - 1, (struct heap_slot){ due_us, t, t->order });
}

void timer_set_earlier(struct heap *h, struct timer *t, uint64_t due_us)
{
	if (!timer_is_armed(t) || due_us < t->due_us)
		timer_set(h, t, due_us);
}

/* Brings the next timer to the top; false: none is armed. Asked much more often
 * than anything changes: then it does not touch the timer. */
static bool heap_settle(struct heap *h)
{
	while (h->count && !h->is_top_sure) {
		const struct heap_slot *top = &h->slots[0];
		struct timer *t = top->timer;

		if (top->due_us == t->due_us && top->order == t->order)
			h->is_top_sure = true;
		else
			heap_sift_down(h, 0, (struct heap_slot){ t->due_us, t, t->order });
	}
	return h->count > 0;
}

uint64_t heap_next(struct heap *h)
{
	return heap_settle(h) ? h->slots[0].due_us : NEVER;
}

bool heap_fire(struct heap *h, uint64_t now_us)
{
	if (heap_next(h) > now_us || h->count == 0)
		return false;
	struct timer *t = h->slots[0].timer;
	timer_cancel(h, t);
	t->fire(t, now_us);
	return true;
}

uint64_t heap_run(struct heap *h, uint64_t now_us)
{
	for (unsigned runs = 0; runs < HEAP_RUN_LIMIT && heap_fire(h, now_us); runs++)
		;
	return heap_next(h);
}
