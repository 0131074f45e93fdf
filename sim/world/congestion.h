/*
 * How much a sender may have in flight: slow start, then CUBIC (RFC 9438) with its
 * Reno-friendly floor. Whole numbers only, so that every compiler gets the same.
 */
#ifndef SIM_WORLD_CONGESTION_H
#define SIM_WORLD_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#define CONGESTION_UNIT UINT64_C(1000) /* of a window: thousandths of a segment */
#define CONGESTION_MOST 1024 /* segments */

struct congestion {
	uint64_t window, threshold; /* in units */
	uint64_t most; /* where it last lost, in units */
	uint64_t reno; /* what Reno would have now */
	uint64_t epoch_us; /* since the last loss; 0: it has not grown since */
	uint64_t rise_ms; /* from the epoch until `most` is reached again */
};

void congestion_init(struct congestion *c);
/* `segments` more are acknowledged; the round trip lasts `rtt_us`. */
void congestion_acked(struct congestion *c, uint64_t now_us, uint64_t segments, uint64_t rtt_us);
void congestion_lost(struct congestion *c); /* once in a round trip */
/* All of `flight` segments are given up. */
void congestion_timed_out(struct congestion *c, uint64_t flight);

#endif
