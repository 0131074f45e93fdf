/*
 * What serial links and pipes share: frames that wait for a line that takes one
 * after the other, and whose turn it is to speak on a shared one.
 *
 * Little waits here. Below the node nothing can overtake any more, so a line is
 * given the next frame when it has worked off the last one, and not sooner.
 */
#ifndef MESHD_IO_LINE_H
#define MESHD_IO_LINE_H

#include "meshd/base/random.h"
#include "meshd/io/io.h"

/* --- turn.c: half duplex -------------------------------------------------------------------- */

struct turn {
	bool is_half_duplex;
	uint64_t rate_bps; /* what leaves the port, not 0 */
	uint64_t turnaround_us, slot_us;
	uint64_t free_us; /* what was given to the line has left it by then */
	uint64_t burst_us; /* since when we have spoken without giving others their turn; 0: we have not */
	uint64_t heard_us; /* somebody spoke last */
	bool is_asked; /* what was heard last was for us */
	unsigned window; /* slots to draw from */
	uint64_t drawn_us; /* the silence that `slots` was drawn for began then */
	unsigned slots;
};

void turn_init(struct turn *t, uint64_t rate_bps, bool is_half_duplex, uint64_t turnaround_us);
/* Somebody speaks. */
void turn_heard(struct turn *t, uint64_t now_us);
/* ... and that was a whole frame, for this station or not; or one that others spoke into. */
void turn_heard_frame(struct turn *t, bool is_for_us);
void turn_heard_rubbish(struct turn *t);
/* So many bytes were given to the line. */
void turn_sent(struct turn *t, uint64_t now_us, size_t bytes);
/* When the next frame may be given to it; now or before: now. */
uint64_t turn_next_us(struct turn *t, uint64_t now_us, const struct random *random);

/* --- line.c: frames that wait ------------------------------------------------------------------ */

struct line_frame {
	struct line_frame *next;
	bool is_to_all;
	struct endpoint to;
	size_t len;
	uint8_t bytes[];
};

struct line_queue {
	struct line_frame *first, **last;
	size_t bytes, bytes_max;
};

void line_queue_init(struct line_queue *q, size_t bytes_max);
/* Copies; false: it is full. One frame always has room. */
bool line_queue_push(struct line_queue *q, const struct endpoint *to, struct bytes frame);
/* NULL: empty. For free(). */
struct line_frame *line_queue_pop(struct line_queue *q);
void line_queue_clear(struct line_queue *q);

#endif
