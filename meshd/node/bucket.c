/*
 * Token buckets for what outsiders can provoke: errors, log lines, calls.
 *
 * A bucket is one number: until when it is busy working off what was taken, at
 * one token per interval, or so many bytes at a rate (police.c). Taking ahead of
 * time is allowed as long as that lies less than a burst away. A zero is a full
 * bucket.
 */
#include "meshd/node/state.h"

bool bucket_pour(struct bucket *b, uint64_t now_us, uint64_t price_us, uint64_t ahead_us)
{
	uint64_t busy_us = b->busy_until_us > now_us ? b->busy_until_us : now_us;

	if (busy_us - now_us > ahead_us)
		return false;
	b->busy_until_us = busy_us + price_us;
	return true;
}

bool bucket_take(struct bucket *b, uint64_t now_us, uint64_t interval_us, unsigned burst)
{
	return bucket_pour(b, now_us, interval_us, (burst - 1) * interval_us);
}
