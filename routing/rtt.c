/*
 * Round-trip times by Mills' algorithm (RFC 9616).
 *
 * Timestamps are the low 32 bits of a microsecond clock. All arithmetic is
 * modulo 2^32; a difference with the top bit set lies in the past.
 */
#include "routing/engine.h"

#define RTT_AGE_MAX_US (180u * 1000000u) /* section 3.3 */
#define RTT_WINDOW_US (30 * SECOND)

void rtt_hello(struct neighbour *n, uint64_t now_us, uint32_t t1)
{
	n->rtt.has_origin = true;
	n->rtt.origin = t1;
	n->rtt.receive = (uint32_t)now_us;
}

/* Two windows of half a minute: the least of both is that of the last half to whole one. */
static void rtt_note_least(struct rtt *rtt, uint64_t now_us, uint32_t sample_us)
{
	if (rtt->window_us == 0 || now_us >= rtt->window_us + RTT_WINDOW_US) {
		bool is_next = rtt->window_us != 0 && now_us < rtt->window_us + 2 * RTT_WINDOW_US;

		rtt->least_before_us = is_next ? rtt->least_us : UINT32_MAX;
		rtt->least_us = UINT32_MAX;
		rtt->window_us = now_us;
	}
	if (sample_us < rtt->least_us)
		rtt->least_us = sample_us;
}

uint32_t rtt_least_us(const struct rtt *rtt)
{
	if (rtt->window_us == 0)
		return 0;
	return rtt->least_us < rtt->least_before_us ? rtt->least_us : rtt->least_before_us;
}

void rtt_sample(struct neighbour *n, uint64_t now_us, uint32_t hello, uint32_t origin, uint32_t receive)
{
	uint32_t away = (uint32_t)now_us - origin; /* between our Hello and now, our clock */
	uint32_t kept = hello - receive; /* how long the neighbour kept it, its clock */
	struct rtt *rtt = &n->rtt;

	/* Old, from the future, or from before a restart of either side. */
	if (away > RTT_AGE_MAX_US || kept > RTT_AGE_MAX_US || kept > away) {
		n->b->counters.rtt_discarded++;
		return;
	}
	uint32_t sample = away - kept;
	n->b->counters.rtt_samples++;
	if (rtt->has_smoothed)
		rtt->smoothed_us = (uint32_t)(((uint64_t)rtt->smoothed_us * 836 + (uint64_t)sample * 164) / 1000);
	else
		rtt->smoothed_us = sample;
	rtt->has_smoothed = true;
	rtt_note_least(rtt, now_us, sample);
}

uint16_t rtt_penalty(const struct babel_link_config *config, uint32_t rtt_us)
{
	uint32_t low = config->rtt_min_us, high = config->rtt_max_us;

	if (rtt_us <= low)
		return 0;
	if (rtt_us >= high)
		return config->rtt_max_penalty;
	return (uint16_t)((uint64_t)config->rtt_max_penalty * (rtt_us - low) / (high - low));
}
