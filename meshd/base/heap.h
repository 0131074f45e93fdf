/*
 * Deadline heap: the timers of one node in one heap.
 *
 * A timer is a field of the thing that it times and says what happened, not
 * what to do. The heap stores pointers to timers and owns none of them; it
 * grows when a timer is armed for the first time and never shrinks. Timers with
 * equal deadlines fire in the order in which they were armed, so that a
 * simulated run does not depend on heap layout.
 */
#ifndef MESHD_BASE_HEAP_H
#define MESHD_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEVER UINT64_MAX /* a deadline that does not come */

struct timer {
	uint64_t due_us; /* NEVER when not armed */
	uint32_t order; /* tie-breaker, set when armed */
	uint32_t place; /* 1-based place in the heap, 0 when not armed */
	void (*fire)(struct timer *timer, uint64_t now_us);
};

/* Beside the timer its deadline, or an earlier one that it had: to compare two
 * slots touches no timer. */
struct heap_slot {
	uint64_t due_us;
	struct timer *timer;
	uint32_t order;
};

struct heap {
	struct heap_slot *slots;
	size_t count;
	size_t capacity;
	uint32_t order;
	bool is_top_sure; /* the top's slot tells its timer's own deadline */
};

void heap_init(struct heap *h);
/* Forgets all timers (they become unarmed) and frees the array. */
void heap_done(struct heap *h);

void timer_init(struct timer *t, void (*fire)(struct timer *timer, uint64_t now_us));
/* Arms or re-arms; due_us == NEVER cancels. Aborts when memory runs out. */
void timer_set(struct heap *h, struct timer *t, uint64_t due_us);
/* Arms only if this is earlier than what is armed. */
void timer_set_earlier(struct heap *h, struct timer *t, uint64_t due_us);
void timer_cancel(struct heap *h, struct timer *t);
static inline bool timer_is_armed(const struct timer *t)
{
	return t->place != 0;
}

uint64_t heap_next(struct heap *h); /* earliest deadline, or NEVER */
/* Fires the earliest timer if it is due; false: none is. */
bool heap_fire(struct heap *h, uint64_t now_us);
/* Fires all timers due at or before now_us, each unarmed before its callback,
 * and returns the next deadline. A callback that re-arms its timer for a time
 * that is not after now_us is fired again in the same call at most
 * `HEAP_RUN_LIMIT` times in total: a runaway timer must not hang the node. */
#define HEAP_RUN_LIMIT 1000000
uint64_t heap_run(struct heap *h, uint64_t now_us);

#endif
