/*
 *        window
 *   most ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄___──┄┄┄   the curve is flat where it last lost,
 *              ╲   __──▔            and steep far from it
 *   0.7 most    ╲─▔
 *             loss    rise_ms
 */
#include "sim/world/congestion.h"

#define INITIAL 10 /* segments (RFC 6928) */
#define KEPT_PERCENT 70 /* after a loss */
#define FAST_PERCENT 85 /* of the window, to let others in when it loses again below `most` */
#define RENO_PERMILLE 529 /* 3 (1 - 0.7) / (1 + 0.7): as much as Reno with half the cuts */
#define RISE_LONGEST_MS 100000

void congestion_init(struct congestion *c)
{
	*c = (struct congestion){ .window = INITIAL * CONGESTION_UNIT, .threshold = UINT64_MAX };
}

static uint64_t cube_root(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 20; bit; bit >>= 1)
		if ((root + bit) * (root + bit) * (root + bit) <= n)
			root += bit;
	return root;
}

/* W(t) = 0.4 (t - K)^3 + Wmax, t in seconds and W in segments. */
static uint64_t curve(const struct congestion *c, uint64_t at_ms)
{
	int64_t from_ms = (int64_t)(at_ms < RISE_LONGEST_MS ? at_ms : RISE_LONGEST_MS) - (int64_t)c->rise_ms;
	int64_t window = (int64_t)c->most + from_ms * from_ms * from_ms / 2500000;

	return window > (int64_t)CONGESTION_UNIT ? (uint64_t)window : CONGESTION_UNIT;
}

static void epoch_begin(struct congestion *c, uint64_t now_us)
{
	c->epoch_us = now_us;
	c->reno = c->window;
	if (c->most < c->window)
		c->most = c->window;
	/* K = cbrt((Wmax - W) / 0.4 segments) s */
	c->rise_ms = cube_root((c->most - c->window) * 2500000);
}

void congestion_acked(struct congestion *c, uint64_t now_us, uint64_t segments, uint64_t rtt_us)
{
	uint64_t added = segments * CONGESTION_UNIT;

	if (c->window < c->threshold) {
		c->window += added;
	} else {
		if (!c->epoch_us)
			epoch_begin(c, now_us);
		uint64_t target = curve(c, (now_us - c->epoch_us + rtt_us) / 1000);

		if (target > c->window * 3 / 2)
			target = c->window * 3 / 2;
		c->reno += added * RENO_PERMILLE / c->window;
		if (target > c->window)
			c->window += (target - c->window) * added / c->window;
		if (c->reno > c->window)
			c->window = c->reno;
	}
	if (c->window > CONGESTION_MOST * CONGESTION_UNIT)
		c->window = CONGESTION_MOST * CONGESTION_UNIT;
}

void congestion_lost(struct congestion *c)
{
	c->most = c->window < c->most ? c->window * FAST_PERCENT / 100 : c->window;
	c->window = c->window * KEPT_PERCENT / 100;
	if (c->window < 2 * CONGESTION_UNIT)
		c->window = 2 * CONGESTION_UNIT;
	c->threshold = c->window;
	c->epoch_us = 0;
}

void congestion_timed_out(struct congestion *c, uint64_t flight)
{
	congestion_lost(c);
	uint64_t half = flight * CONGESTION_UNIT / 2;

	c->threshold = half > 2 * CONGESTION_UNIT ? half : 2 * CONGESTION_UNIT;
	c->window = CONGESTION_UNIT;
}
