/*
 * Controlled delay (RFC 8289): a queue that stays longer than `target` for a whole
 * `interval` is a standing one, and drops packets ever faster until it is not.
 *
 * The RFC's 5 ms and 100 ms are for links on which a packet takes less than that.
 * Where one packet takes a second the queue of a single one must not count as
 * standing, and a sender learns of a drop later: target is the time of a packet and
 * a half, interval four times as much (RFC 8289, 4.2 and 4.3: a target of 5 to 10 %
 * of the interval where that is possible, never below one packet).
 */
#include "meshd/node/egress.h"

#define TARGET_US 5000
#define INTERVAL_US 100000
#define INTERVAL_TARGETS 4
#define REMEMBER_INTERVALS 16 /* dropping that begins again so soon goes on where it ended */
#define ROOT_BITS 10 /* of the fraction of a square root */

struct codel_limits codel_limits_of(uint64_t rate_bps, size_t mtu)
{
	uint64_t packet_us = rate_bps ? (uint64_t)mtu * 8 * 1000000 / rate_bps : 0;
	struct codel_limits l = { .target_us = TARGET_US, .interval_us = INTERVAL_US, .mtu = mtu };

	if (packet_us * 3 / 2 > l.target_us)
		l.target_us = packet_us * 3 / 2;
	if (l.target_us * INTERVAL_TARGETS > l.interval_us)
		l.interval_us = l.target_us * INTERVAL_TARGETS;
	return l;
}

static uint64_t root_of(uint64_t square)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= square)
			root += bit;
	return root;
}

/* interval / sqrt(count) later: the rate at which loss makes TCP's fall linearly (3.3). */
static uint64_t control_law(uint64_t from_us, uint32_t count, uint64_t interval_us)
{
	return from_us + (interval_us << ROOT_BITS) / root_of((uint64_t)count << 2 * ROOT_BITS);
}

static bool is_standing(
	struct codel *c, uint64_t now_us, uint64_t sojourn_us, size_t bytes, const struct codel_limits *limits)
{
	if (sojourn_us < limits->target_us || bytes <= limits->mtu) {
		c->first_above_us = 0;
		return false;
	}
	if (!c->first_above_us) {
		c->first_above_us = now_us + limits->interval_us;
		return false;
	}
	return now_us >= c->first_above_us;
}

bool codel_drops(struct codel *c, uint64_t now_us, uint64_t sojourn_us, size_t bytes, const struct codel_limits *limits)
{
	bool is_above = is_standing(c, now_us, sojourn_us, bytes, limits);

	if (!is_above) {
		c->is_dropping = false;
		return false;
	}
	if (!c->is_dropping) {
		uint32_t before = c->count - c->last_count;
		bool is_recent = c->drop_next_us && now_us < c->drop_next_us + REMEMBER_INTERVALS * limits->interval_us;

		c->is_dropping = true;
		c->count = before > 1 && is_recent ? before : 1;
		c->last_count = c->count;
		c->drop_next_us = control_law(now_us, c->count, limits->interval_us);
		return true;
	}
	if (now_us < c->drop_next_us)
		return false;
	c->count++;
	c->drop_next_us = control_law(c->drop_next_us, c->count, limits->interval_us);
	return true;
}
