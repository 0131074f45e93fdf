#include "meshd/base/heap.h"

#include <stdlib.h>

void heap_init(struct heap *h)
{
	*h = (struct heap){ 0 };
}

void heap_done(struct heap *h)
{
	for (size_t i = 0; i < h->count; i++) {
		h->slots[i]->place = 0;
		h->slots[i]->due_us = NEVER;
	}
	free(h->slots);
	*h = (struct heap){ 0 };
}

void timer_init(struct timer *t, void (*fire)(struct timer *timer, uint64_t now_us))
{
	*t = (struct timer){ .due_us = NEVER, .fire = fire };
}

static bool timer_is_before(const struct timer *a, const struct timer *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void heap_put(struct heap *h, size_t index, struct timer *t)
{
	h->slots[index] = t;
	t->place = index + 1;
}

static void heap_sift_up(struct heap *h, size_t index)
{
	struct timer *t = h->slots[index];

	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (!timer_is_before(t, h->slots[parent]))
			break;
		heap_put(h, index, h->slots[parent]);
		index = parent;
	}
	heap_put(h, index, t);
}

static void heap_sift_down(struct heap *h, size_t index)
{
	struct timer *t = h->slots[index];

	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count && timer_is_before(h->slots[child + 1], h->slots[child]))
			child++;
		if (!timer_is_before(h->slots[child], t))
			break;
		heap_put(h, index, h->slots[child]);
		index = child;
	}
	heap_put(h, index, t);
}

void timer_cancel(struct heap *h, struct timer *t)
{
	if (!timer_is_armed(t))
		return;
	size_t index = t->place - 1;
	struct timer *last = h->slots[--h->count];

	if (last != t) {
		heap_put(h, index, last);
		heap_sift_up(h, index);
		heap_sift_down(h, last->place - 1);
	}
	t->place = 0;
	t->due_us = NEVER;
}

static void heap_reserve(struct heap *h, size_t count)
{
	if (count <= h->capacity)
		return;
	size_t capacity = h->capacity ? 2 * h->capacity : 32;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	struct timer **slots = realloc(h->slots, capacity * sizeof(*slots));

	/* A node that cannot hold its own deadlines cannot keep any promise. */
	if (!slots)
		abort();
	h->slots = slots;
	h->capacity = capacity;
}

void timer_set(struct heap *h, struct timer *t, uint64_t due_us)
{
	timer_cancel(h, t);
	if (due_us == NEVER)
		return;
	heap_reserve(h, h->count + 1);
	t->due_us = due_us;
	t->order = h->order++;
	heap_put(h, h->count, t);
	h->count++;
	heap_sift_up(h, h->count - 1);
}

void timer_set_earlier(struct heap *h, struct timer *t, uint64_t due_us)
{
	if (!timer_is_armed(t) || due_us < t->due_us)
		timer_set(h, t, due_us);
}

uint64_t heap_next(const struct heap *h)
{
	return h->count ? h->slots[0]->due_us : NEVER;
}

uint64_t heap_run(struct heap *h, uint64_t now_us)
{
	for (unsigned runs = 0; h->count && h->slots[0]->due_us <= now_us && runs < HEAP_RUN_LIMIT; runs++) {
		struct timer *t = h->slots[0];

		timer_cancel(h, t);
		t->fire(t, now_us);
	}
	return heap_next(h);
}
