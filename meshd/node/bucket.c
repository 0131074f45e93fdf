/*
 * Token buckets for what outsiders can provoke: errors, log lines, calls.
 *
 * A bucket is one number: until when it is busy working off what was taken, at
 * one token per interval. Taking ahead of time is allowed as long as that lies
 * less than a burst away. A zero is a full bucket.
 */
#include "meshd/node/state.h"

bool bucket_take(struct bucket *b, uint64_t now_us, uint64_t interval_us, unsigned burst)
{
	uint64_t busy_us = b->busy_until_us > now_us ? b->busy_until_us : now_us;

	if (busy_us - now_us > (burst - 1) * interval_us)
		return false;
	b->busy_until_us = busy_us + interval_us;
	return true;
}
