/*
 * Lanes: a world's stations, divided among threads that run apart.
 *
 *   lane 0   station ── station ── segment ──► station       each a heap of its own;
 *   lane 1   station ── segment ═══ crosses ═══► lane 0      a lane runs its earliest
 *
 * What happens has one order, whoever runs it: by time; orders of the plan before
 * the nodes; by station; a station's timers before the frames that reach it; of
 * those by segment, end and number. A station touches nothing of another but by
 * frames, and a frame takes a microsecond at least. So what happens at a station is
 * felt in another lane no sooner than frames can be there, by however many stations
 * between (`far_us`): a lane may run ahead of the others by that much and no order
 * changes. How many lanes there are cannot be seen in a run.
 *
 *   lane.c     who is next in a lane; what arrives from others
 *   arrival.c  what is on its way to a station
 *   divide.c   which stations make a lane
 *   crew.c     the threads, and how far each may run
 *   foresee.c  memory is fetched before it is needed
 */
#ifndef SIM_WORLD_LANE_H
#define SIM_WORLD_LANE_H

#include "meshd/base/fetch.h"
#include "sim/world/world.h"

#include <stdalign.h>
#include <stdatomic.h>

struct crew;
struct offer;

#define ARRIVAL_SIZES 3 /* arrival.c */

/* Comes to a station later, from another. Whoever embeds it begins with it, has it from arrival_new(), and gives it to
 * arrival_free() when it landed. */
struct arrival {
	struct arrival *next; /* in an inbox, or of those whose memory is free */
	unsigned size; /* arrival.c */
	struct station *to;
	uint64_t due_us, order; /* of those that are due at once the lower order lands first */
	void (*land)(struct arrival *a, uint64_t now_us);
};

struct lane {
	struct world *w;
	unsigned index;
	uint64_t now_us; /* of what is happening in it */
	unsigned station_count;
	struct station **stations; /* by index */
	unsigned leaves; /* a power of two */
	/* Winner trees: [leaves + place] of a station, [i] the lesser of [2i] and [2i + 1]. When something happens;
	 * when something of it may be in another lane. */
	uint64_t *due_us, *felt_us;
	uint64_t nearest_us; /* the least far_us of its stations */
	uint64_t events;
	struct suspects suspects;
	unsigned offer_count, offer_capacity;
	struct offer **offers; /* segment.c: to shared media that other lanes use too */
	/* What landed here: its memory is in a cache, and what is sent next takes it. */
	struct arrival *landed[ARRIVAL_SIZES];
	unsigned landed_count[ARRIVAL_SIZES];
	/* Written by the lane, read by the others: what is still to be sent to them is not there before. */
	alignas(CACHE_LINE) _Atomic uint64_t promise_us;
	/* Written by the others. */
	alignas(CACHE_LINE) _Atomic(struct arrival *) inbox;
};

static inline uint64_t time_after(uint64_t a_us, uint64_t by_us)
{
	return a_us < NEVER - by_us ? a_us + by_us : NEVER;
}

struct lane *lane_new(struct world *w, unsigned index, unsigned station_count);
void lane_free(struct lane *l);
/* Something else is the next thing that happens to `s`. Only from its own lane, or when none runs. */
void lane_touch(struct station *s);
/* The same, when one more is on its way to it and nothing else has changed: only that is looked at. */
void lane_touch_arrival(struct station *s, uint64_t due_us);
static inline uint64_t lane_next(const struct lane *l)
{
	return l->due_us[1];
}
uint64_t lanes_next(const struct world *w); /* the earliest of all */
void lanes_count_events(struct world *w); /* since the last time, to those of the world */
/* By itself it sends nothing that is in another lane sooner. */
static inline uint64_t lane_felt(const struct lane *l)
{
	return l->felt_us[1];
}
/* How far stations are from other lanes is known anew. Only when no lane runs. */
void lane_reckon(struct lane *l);
/* Fetches what the next things touch (foresee.c). */
void lane_foresee(const struct lane *l);
void flight_fetch(const struct arrival *a); /* segment.c: what it touches where it lands */
/* Runs one thing: there must be one. */
void lane_step(struct lane *l);
/* Hands `a` to the lane of its station; `from` is who runs, NULL when none does. */
void lane_send(const struct lane *from, struct arrival *a);
void lane_drain(struct lane *l); /* takes in what others sent */
/* `size` with the arrival; `from` is the lane of who sends it, NULL: the world is not divided. Aborts when memory runs
 * out. */
struct arrival *arrival_new(struct lane *from, size_t size);
void arrival_free(struct arrival *a);
/* Waits in its station until it is due: also again, from land(). */
void arrival_keep(struct arrival *a);
struct arrival *arrivals_pop(struct arrivals *all); /* the first: there must be one */
void arrivals_free(struct station *s); /* no lane has it any more */
void arrivals_forget(struct lane *l); /* the memory of those that landed */

/* Divides the stations into as many lanes as are wanted and make sense (divide.c). */
void lanes_divide(struct world *w);
void lanes_free(struct world *w);
/* Tells each station how far it is from other lanes. */
void lanes_measure(struct world *w);
/* Frames may take less time over a segment than before. */
void lanes_notice(const struct segment *g);

/* Runs all lanes to `end_us`, without what is due then (crew.c). */
void crew_run(struct world *w, uint64_t end_us);
/* Has each lane's thread do its part of some work, in which nothing of the world changes. */
void crew_share(struct world *w, void (*work)(void *arg, unsigned lane), void *arg);
void crew_free(struct world *w);

/* Puts what the lanes offered to shared media through their models (segment.c). */
void offers_settle(struct world *w);

#endif
