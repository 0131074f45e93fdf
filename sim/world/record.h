/*
 * What a report shows over time: who reaches whom and for what, looked at in equal
 * steps, and every change of a link or of power. Each node but one is a site; that
 * one, the highest in command, is the post that sites must reach. It looks on only:
 * a recorded run is the same run, to the hash. Memory is bounded by the limits below,
 * whatever the world.
 */
#ifndef SIM_WORLD_RECORD_H
#define SIM_WORLD_RECORD_H

#include "sim/world/plan.h"
#include "sim/world/world.h"

#define RECORD_SAMPLES_MAX 1000
#define RECORD_STEP_US UINT64_C(100000) /* at least */
#define RECORD_PAIRS_MAX 4096 /* of a larger world, sites, those that the plan asks for and some of the rest */
#define RECORD_REST_MAX 1024 /* of the rest in a world of more than ... */
#define RECORD_REST_NODES 256 /* ... so many nodes */
/* In a state, beside it: */
#define RECORD_TEXT 4 /* reached */
#define RECORD_COMMAND 8 /* orders are, too */
#define RECORD_VOICE 16 /* ... and their way bears voice */
#define RECORD_BULK 32 /* the way of bulk is there, and bears it */
#define RECORD_CHANGES_MAX 4096
#define RECORD_HOPS_MAX 12
#define RECORD_BINS 10

struct trial;

enum pair_state {
	PAIR_APART, /* no links join them, or one has no power */
	PAIR_SEARCHING, /* links join them, packets do not arrive both ways */
	PAIR_REACHED
};

struct record_way {
	unsigned hops; /* 0: none; more than RECORD_HOPS_MAX: the rest is not kept */
	struct {
		uint16_t segment, station; /* over which, to whom */
	} hop[RECORD_HOPS_MAX];
};

struct record_spell {
	uint64_t begin_us, end_us; /* of the world; the end of the run if it did not end */
	bool is_over;
	enum pair_state last; /* before it ended */
	int parted; /* the hop of `before` whose ends no longer heard each other; -1: none */
	struct record_way before, after;
};

struct record_pair {
	unsigned a, b; /* a < b but for those that the plan asks for */
	bool is_watched; /* an expectation or a flow is between them */
	bool is_out, is_searching;
	uint64_t out_us; /* in all */
	uint64_t searching_from_us;
	struct record_way way; /* the last that worked, a to b */
	struct record_spell spell; /* the latest without contact */
	struct record_spell worst; /* the longest after contact; else before any */
};

struct record_change {
	uint64_t at_us;
	bool is_station;
	unsigned object;
	bool is_good;
	enum link_state state; /* of a segment */
};

/* The world at one moment. */
struct record_view {
	uint64_t at_us;
	unsigned sample;
	unsigned reached; /* pairs */
	bool *power; /* by station */
	bool *served; /* by station: reaches the post */
	struct position *places; /* by station; where nodes have places */
	uint8_t *state; /* by segment: enum link_state */
	bool *used; /* by segment: on the way of a pair */
};

struct record {
	const struct trial *trial;
	uint64_t step_us, next_us;
	bool has_harm;
	uint64_t harm_us; /* the first order that takes something away */
	unsigned pair_count;
	struct record_pair *pairs;
	bool is_chosen; /* there are more pairs than are kept */
	unsigned post, site_count;
	int *site_pairs; /* by station; -1: the post */
	unsigned sample_count;
	uint8_t *states; /* enum pair_state with flags; sample by sample, pair_count each */
	unsigned served[PLAN_CLASSES][RECORD_SAMPLES_MAX + 1]; /* sites whose way to and from the post bears this */
	unsigned reached[RECORD_SAMPLES_MAX + 1], joined[RECORD_SAMPLES_MAX + 1];
	unsigned change_count;
	struct record_change *changes;
	/* How long links joined a pair before it was reached. */
	unsigned searches[RECORD_BINS], searches_open;
	struct record_view now, before, worst;
};

/* For all of the trial, before it runs; the plan must be the trial's. */
struct record *record_new(const struct trial *t);
void record_free(struct record *r);
/* Orders and faults call it when they have changed something. */
void record_look(struct record *r);
/* The world stands at next_us. */
void record_sample(struct record *r);
void record_end(struct record *r);

/* Without contact, or without a way that bears a class: from T0 on, or from the beginning if nothing is ordered
 * to fail. */
struct record_out {
	uint64_t total_us, longest_us;
	bool is_still;
};
void record_out(const struct record *r, unsigned pair, enum plan_class class, struct record_out *out);
/* The pair with the worst spell, of those that ended or of all; NULL: there is none. */
const struct record_pair *record_worst(const struct record *r, bool must_be_over);
/* The upper edge of a bin of `searches` in seconds; the last has none: 0. */
double record_bin_s(unsigned bin);
static inline uint64_t record_sample_us(const struct record *r, unsigned sample)
{
	return (sample + 1) * r->step_us;
}
/* T0 is not after it. */
static inline bool record_counts(const struct record *r, unsigned sample)
{
	return !r->has_harm || record_sample_us(r, sample) >= r->harm_us;
}
static inline enum pair_state record_state(const struct record *r, unsigned sample, unsigned pair)
{
	return (enum pair_state)(r->states[(size_t)sample * r->pair_count + pair] & 3);
}
/* Both ways. */
static inline bool record_bears(const struct record *r, unsigned sample, unsigned pair, enum plan_class class)
{
	static const uint8_t flags[PLAN_CLASSES] = { RECORD_TEXT, RECORD_COMMAND, RECORD_VOICE, RECORD_BULK };

	return r->states[(size_t)sample * r->pair_count + pair] & flags[class];
}

#endif
