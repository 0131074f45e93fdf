/*
 * How large a frame may be to arrive at a neighbour: the state of one direction, found
 * out by probes (RFC 8899, 5). Pure: time, sizes and what was confirmed come in.
 *
 *   begun ──► searching ──► settled ──raise──► searching (what is known stays in use)
 *                 ▲            │ what is in use is not confirmed any more
 *                 └────────────┘ (a black hole): smaller at once
 *
 * A size is that of the whole frame. Until anything is confirmed PATH_BASE is taken to
 * pass, and PATH_MIN if even that does not.
 */
#ifndef MESHD_NODE_PATH_H
#define MESHD_NODE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_BASE 1200 /* RFC 8899, 5.1.2 */
#define PATH_MIN 548 /* 576 with IPv4 and UDP headers: every host of the internet takes that */
#define PATH_GRAIN 16 /* no nearer is looked */
#define PATH_TRIES 3 /* RFC 8899, 5.1.2: MAX_PROBES */
#define PATH_CONFIRM_TRIES 5 /* of what did pass: loss of a fifth takes that many in three thousand */

struct path {
	size_t max; /* that the link takes */
	size_t size; /* that is used */
	size_t low, high; /* low: confirmed in this search, 0: nothing; what has `high` does not pass */
	bool is_settled; /* a search came to its end */
	bool is_searching;
	size_t probe; /* under way; 0: none */
	uint16_t id; /* of it */
	unsigned tries; /* at this size */
	uint64_t sent_us; /* the last of them */
	uint64_t due_us; /* when something is to be done */
	uint64_t raise_us; /* when a larger one is looked for again */
	uint64_t used_us; /* when a frame larger than PATH_MIN was sent last */
	uint64_t confirmed_us;
	uint32_t rtt_us; /* of probes; 0: not known */
	uint64_t cost_us; /* airtime of the largest frame: what is slow is probed seldom */
};

/* Everything begins anew. `cost_us`: the airtime of a frame of `max` bytes, 0 if it is not known. */
void path_begin(struct path *p, uint64_t now_us, size_t max, uint64_t cost_us);
/* What passed may not pass any more: the neighbour is heard from elsewhere, or again. */
void path_doubt(struct path *p, uint64_t now_us);
/* At due_us, or later: the size of the probe to send now, under path.id, which is `id` if its size is new; 0: none.
 * `heard_us`: when the neighbour was heard last; what is lost while it is silent says nothing. */
size_t path_next(struct path *p, uint64_t now_us, uint64_t heard_us, uint16_t id);
/* A probe of that id arrived, with that size. */
void path_confirmed(struct path *p, uint64_t now_us, uint16_t id, size_t size);
/* A frame of that size is sent. */
void path_used(struct path *p, uint64_t now_us, size_t size);

#endif
