/*
 * Link models: what happens to a frame between the interface that sends it and
 * those that hear it. Pure: time, size and randomness come in, fates come out,
 * so that the live lab and the simulator run the very same links.
 *
 *   offer --> sender's queue --> medium (airtime) --> path --> due
 *               | full             one, or one         | fade, loss, gap
 *               v                  per sender          v
 *              drop                                   drop
 *
 * A sender's queue is bounded in bytes, in airtime and in frames. A medium
 * serves one frame at a time in order of arrival; a shared one is a single
 * contention domain that charges airtime to all. Each ordered pair of ends is a
 * path with a fade of its own. A fade runs in time, not per frame: an idle link
 * must not stay in the state in which it fell silent.
 *
 * Where ends have a reach (radios in places) the shared medium is as large as a
 * frame is heard: who sends silences all who hear the sender or a receiver of
 * the frame. Along a chain one frame in three hops is on its way, so that it
 * carries a third of the rate however long it is.
 */
#ifndef SIM_LINK_MODEL_H
#define SIM_LINK_MODEL_H

#include "meshd/base/random.h"

#include <stdbool.h>
#include <stdint.h>

#define LINK_ENDS_MAX 32 /* bits of a mask */
#define LINK_QUEUE_FRAMES 1024 /* a sender's queue, whatever its other bounds say */
#define LINK_HEADER 14 /* Ethernet header: not counted by the MTU */

/* Gilbert-Elliott: per step good->bad and bad->good; loss in bad, none in good. */
struct link_fade {
	double to_bad;
	double to_good; /* both 0: no fade */
	double loss;
	uint32_t step_us; /* never 0 while there is a fade */
};

/* Once in every period, for min..max. */
struct link_gap {
	uint64_t every_us; /* 0: none */
	uint32_t min_us;
	uint32_t max_us;
};

/* What distance makes of a path: a row of a table (preset.c), never changed. */
struct link_reach {
	double within; /* share of the radio's range up to which this holds */
	double rate; /* share of the link's rate */
	double to_bad, to_good, loss; /* factors on the fade's */
};

struct link_params {
	uint64_t rate_bps; /* 0: no limit */
	uint32_t queue_bytes; /* 0: not bounded by bytes */
	uint32_t queue_us; /* airtime waiting; 0: not bounded by time */
	uint32_t delay_us;
	uint32_t jitter_us; /* uniform in delay +- jitter, never below 0 */
	uint32_t shift_us; /* the delay of each of the gap's periods differs: uniform in delay +- shift */
	uint32_t turnaround_us; /* before a frame that does not follow the same sender's last one at once */
	uint32_t pace_us; /* at least so long from one frame's beginning to the next one's */
	uint32_t mtu; /* without the Ethernet header; 0: any */
	bool reorder; /* jitter may reorder */
	double loss; /* of each frame, without memory */
	struct link_fade fade;
	struct link_gap gap; /* handover: all is lost, in any length alike, at the start of the period */
	struct link_gap stall; /* nothing leaves, all waits: mostly short, at any time of the period */
};

enum link_state { LINK_UP, LINK_CUT, LINK_SILENT };

enum link_verdict {
	LINK_DELIVER,
	LINK_DROP_DOWN, /* cut, silent, or an end without power */
	LINK_DROP_MTU,
	LINK_DROP_QUEUE,
	LINK_DROP_FADE,
	LINK_DROP_LOSS,
	LINK_DROP_GAP,
	LINK_DROP_DEAF, /* out of this receiver's range */
	LINK_DROP_JAM,
	LINK_DROP_LAB, /* the shell's own bound; never from the model */
	LINK_VERDICTS
};
extern const char *const link_verdict_names[LINK_VERDICTS];

struct link_fate {
	enum link_verdict verdict;
	uint64_t due_us; /* only when delivered */
};

struct link_waiting {
	uint64_t done_ns;
	uint64_t airtime_ns;
	uint32_t bytes;
};

struct link_sender {
	struct link_waiting *queue; /* ring of LINK_QUEUE_FRAMES: frames not yet sent */
	unsigned first;
	unsigned count;
	uint64_t bytes; /* of the ring */
	uint64_t airtime_ns; /* of the ring */
};

struct link_medium {
	uint64_t busy_until_ns;
	unsigned last_sender;
};

struct link_end {
	struct link_sender sender;
	struct link_medium medium;
	uint32_t deaf; /* bit mask of the ends that it does not hear */
	double jam; /* share of what it should hear that a jammer drowns */
};

struct link_path {
	struct prng prng;
	const struct link_reach *reach; /* NULL: as the parameters say */
	bool started; /* the fade has a state */
	bool bad;
	uint64_t fade_us; /* start of the step that `bad` speaks of */
	uint64_t last_due_us;
};

struct link_model {
	enum link_state state;
	bool shared;
	bool spatial; /* ends have a reach: airtime is charged to who hears it */
	unsigned end_count;
	uint64_t seed;
	struct link_params params[2]; /* 0: what end 0 sends; 1: what the others send */
	struct link_end *ends; /* shared but not spatial: only the first one's medium */
	struct link_path *paths; /* [from * end_count + to] */
};

/* `ends` in 2..LINK_ENDS_MAX. Up, everybody hears everybody. 0 or -ENOMEM;
 * link_model_done() is due in both cases. */
int link_model_init(
	struct link_model *m, unsigned ends, bool shared, const struct link_params params[2], uint64_t seed);
void link_model_done(struct link_model *m);
/* From now on; frames that were offered keep their fates. */
void link_model_set(struct link_model *m, const struct link_params params[2]);
/* Two ends that do not hear each other. */
void link_model_deafen(struct link_model *m, unsigned a, unsigned b);
/* How two ends hear each other where they are now; NULL: not at all. Borrowed.
 * True: it was otherwise before. */
bool link_model_set_reach(struct link_model *m, unsigned a, unsigned b, const struct link_reach *reach);
/* What `end` receives is lost with this probability besides; 0: no longer. */
void link_model_jam(struct link_model *m, unsigned end, double loss);
/* Something that `from` sends can arrive at `to`. */
bool link_model_hears(const struct link_model *m, unsigned from, unsigned to);
/* End `from` offers a frame of `bytes` (whole Ethernet frame, no FCS) to the end
 * `to` (-1: all). now_us never runs back. Fills fates[] for every end but `from`:
 * others may hear what is for `to`. A frame that is due later than a cut is lost
 * with it: that is for the caller, who holds it. */
void link_model_offer(struct link_model *m, uint64_t now_us, unsigned from, int to, uint32_t bytes,
	struct link_fate fates[LINK_ENDS_MAX]);

/* Mean loss of a fade in the long run. */
double link_fade_loss(const struct link_fade *f);

#endif
