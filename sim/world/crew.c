/*
 * The crew: a thread for each lane, the caller's own for the first. In a round all
 * run to one end; there they stop and the caller is alone.
 *
 *   lane 0   ──●──●────●───|            ● what happens    | bound: the others' earliest
 *   lane 1   ─●────●──●──────|            promise
 *
 * A lane promises when the first frame that it may still send can be in another: by
 * what is to happen at its stations, or at the one nearest to the others if they send
 * it a frame at its own bound. It reads the others' promises first and then its inbox:
 * what was sent before a promise was made is there. With nothing to do it still makes
 * promises, so that the others can go on.
 *
 * Waiting is short, or the work would not be worth threads: so it spins first, then
 * lets others run, and between rounds it sleeps.
 */
#include "sim/world/lane.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS 1000 /* a few microseconds to some tens */
#define FEW 4 /* events in the last round: not worth to wake anybody */

struct crew;

struct hand {
	struct crew *crew;
	unsigned lane;
	pthread_t thread;
};

struct crew {
	unsigned count; /* of threads beside the caller's */
	struct hand hands[WORLD_THREADS_MAX];
	void (*work)(void *arg, unsigned lane); /* in this round */
	void *arg;
	uint64_t events; /* in the last round */
	_Atomic bool is_over;
	alignas(CACHE_LINE) _Atomic uint32_t round;
	_Atomic unsigned asleep;
	alignas(CACHE_LINE) _Atomic unsigned busy; /* in this round */
};

static void spin(unsigned *spins)
{
	if (++*spins >= SPINS) {
		sched_yield();
		return;
	}
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* --- a lane in a round ------------------------------------------------------------------ */

static uint64_t lane_bound(const struct lane *l, uint64_t end_us)
{
	const struct world *w = l->w;
	uint64_t bound_us = end_us;

	for (unsigned i = 0; i < w->lane_count; i++) {
		if (w->lanes[i] == l)
			continue;
		uint64_t promise_us = atomic_load_explicit(&w->lanes[i]->promise_us, memory_order_acquire);
		if (promise_us < bound_us)
			bound_us = promise_us;
	}
	return bound_us;
}

static uint64_t earlier(uint64_t a_us, uint64_t b_us)
{
	return a_us < b_us ? a_us : b_us;
}

/* Nothing comes from others before the bound. */
static void lane_promise(struct lane *l, uint64_t bound_us)
{
	uint64_t promise_us = earlier(lane_felt(l), time_after(bound_us, l->nearest_us));

	atomic_store_explicit(&l->promise_us, promise_us, memory_order_release);
}

/* As far as the others allow; true: to the end. */
static bool lane_advance(struct lane *l, uint64_t end_us, unsigned *spins)
{
	uint64_t bound_us = lane_bound(l, end_us);

	lane_drain(l);
	if (lane_next(l) < bound_us)
		*spins = 0;
	while (lane_next(l) < bound_us) {
		lane_step(l);
		lane_promise(l, bound_us);
	}
	lane_promise(l, bound_us);
	return bound_us == end_us;
}

static void lane_run(struct lane *l, uint64_t end_us)
{
	for (unsigned spins = 0; !lane_advance(l, end_us, &spins);)
		spin(&spins);
}

/* --- threads ------------------------------------------------------------------------------ */

static void round_await(struct crew *c, uint32_t seen)
{
	for (unsigned spins = 0; atomic_load_explicit(&c->round, memory_order_acquire) == seen;) {
		if (spins < 2 * SPINS) {
			spin(&spins);
			continue;
		}
		atomic_fetch_add(&c->asleep, 1);
		syscall(SYS_futex, &c->round, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
		atomic_fetch_sub(&c->asleep, 1);
	}
}

static void *hand_work(void *arg)
{
	struct hand *h = arg;
	struct crew *c = h->crew;

	for (uint32_t seen = 0;;) {
		round_await(c, seen);
		seen++;
		if (atomic_load(&c->is_over))
			return NULL;
		c->work(c->arg, h->lane);
		atomic_fetch_sub_explicit(&c->busy, 1, memory_order_release);
	}
}

static void round_begin(struct crew *c)
{
	atomic_store_explicit(&c->busy, c->count, memory_order_relaxed);
	atomic_fetch_add(&c->round, 1);
	if (atomic_load(&c->asleep))
		syscall(SYS_futex, &c->round, FUTEX_WAKE_PRIVATE, WORLD_THREADS_MAX, NULL, NULL, 0);
}

static void round_end(const struct crew *c)
{
	for (unsigned spins = 0; atomic_load_explicit(&c->busy, memory_order_acquire);)
		spin(&spins);
}

static struct crew *crew_new(struct world *w)
{
	struct crew *c = aligned_alloc(CACHE_LINE, sizeof(*c));

	if (!c)
		abort();
	*c = (struct crew){ 0 };
	for (unsigned l = 1; l < w->lane_count; l++) {
		struct hand *h = &c->hands[c->count++];

		*h = (struct hand){ .crew = c, .lane = l };
		if (pthread_create(&h->thread, NULL, hand_work, h))
			abort();
	}
	return c;
}

void crew_free(struct world *w)
{
	struct crew *c = w->crew;

	if (!c)
		return;
	atomic_store(&c->is_over, true);
	round_begin(c);
	for (unsigned i = 0; i < c->count; i++)
		pthread_join(c->hands[i].thread, NULL);
	free(c);
	w->crew = NULL;
}

/* In turns, where so little happens that the others need not be woken. */
static void run_alone(struct world *w, uint64_t end_us)
{
	unsigned done = 0, spins = 0;

	while (done < w->lane_count) {
		done = 0;
		for (unsigned l = 0; l < w->lane_count; l++)
			done += lane_advance(w->lanes[l], end_us, &spins);
	}
}

/* Nothing is on its way between lanes. */
static void promises_make(struct world *w)
{
	for (unsigned l = 0; l < w->lane_count; l++) {
		uint64_t bound_us = NEVER;

		for (unsigned i = 0; i < w->lane_count; i++)
			if (i != l)
				bound_us = earlier(bound_us, lane_felt(w->lanes[i]));
		lane_promise(w->lanes[l], bound_us);
	}
}

static uint64_t events_of(const struct world *w)
{
	uint64_t events = 0;

	for (unsigned l = 0; l < w->lane_count; l++)
		events += w->lanes[l]->events;
	return events;
}

static struct crew *crew_of(struct world *w)
{
	if (w->crew && w->crew->count + 1 != w->lane_count)
		crew_free(w);
	if (!w->crew)
		w->crew = crew_new(w);
	return w->crew;
}

void crew_share(struct world *w, void (*work)(void *arg, unsigned lane), void *arg)
{
	if (w->lane_count <= 1) {
		work(arg, 0);
		return;
	}
	struct crew *c = crew_of(w);

	c->work = work;
	c->arg = arg;
	round_begin(c);
	work(arg, 0);
	round_end(c);
}

/* What is to be run, and to where. */
struct run {
	struct world *w;
	uint64_t end_us;
};

static void run_share(void *arg, unsigned lane)
{
	const struct run *run = arg;

	lane_run(run->w->lanes[lane], run->end_us);
}

void crew_run(struct world *w, uint64_t end_us)
{
	if (w->lane_count == 1) {
		lane_run(w->lanes[0], end_us);
		return;
	}
	uint64_t before = events_of(w);
	struct crew *c = crew_of(w);

	promises_make(w);
	if (c->events < FEW)
		run_alone(w, end_us);
	else
		crew_share(w, run_share, &(struct run){ w, end_us });
	for (unsigned l = 0; l < w->lane_count; l++)
		lane_drain(w->lanes[l]);
	c->events = events_of(w) - before;
}
