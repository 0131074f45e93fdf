/*
 * Ways that come and go cost more, for a while (protocol.md 6.2).
 *
 *   each fall adds one to the penalty, which fades by a half in three and a half minutes
 *   up again    its cost is inflated for 1, 2, 4, ... 60 s, by how many falls the penalty is
 *
 * They are never refused: it may be the only way. Nor is the first fall held against
 * anybody: most cuts come alone, and each change of a metric is told to all.
 */
#include "meshd/node/state.h"

#define FALL 256u /* in the penalty */
#define HALF_LIFE_US (208 * SECOND) /* a time constant of five minutes */
#define HOLD_MAX_US (60 * SECOND)

static uint32_t penalty_at(const struct damper *d, uint64_t now_us)
{
	uint64_t halves = (now_us - d->fell_us) / HALF_LIFE_US, rest_us = (now_us - d->fell_us) % HALF_LIFE_US;

	if (halves >= 32)
		return 0;
	uint32_t left = d->penalty >> halves;
	/* A straight line within a half-life is never more than 6 % off. */
	return left - (uint32_t)(left * rest_us / (2 * HALF_LIFE_US));
}

void damper_fell(struct damper *d, uint64_t now_us)
{
	d->penalty = penalty_at(d, now_us) + FALL;
	d->fell_us = now_us;
}

uint64_t damper_hold_us(const struct damper *d, uint64_t now_us)
{
	unsigned falls = (penalty_at(d, now_us) + FALL / 2) / FALL;

	if (falls < 2)
		return 0;
	uint64_t hold_us = falls - 2 < 16 ? SECOND << (falls - 2) : HOLD_MAX_US;
	return hold_us < HOLD_MAX_US ? hold_us : HOLD_MAX_US;
}
