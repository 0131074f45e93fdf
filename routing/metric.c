/*
 * Costs of links and the smoothing of metrics (RFC 8966, appendix A).
 *
 * Everything here is a pure function of a neighbour's statistics, so that one
 * place answers why a link costs what it costs.
 *
 *   class     a unit of cost          made of
 *   text      Babel's                 transmissions by ETX, times rxcost; RTT above 10 ms
 *   command   a quarter millisecond   half a round trip, 128 bytes at the link's rate, 2 s for what is lost
 *   bulk      a tenth of one          the airtime of 1 Mbit, losses included
 *
 * All are sums along the path, whole and positive: a bottleneck is no metric, as it
 * would not keep the order of two paths when a link is put before both (RFC 8966,
 * 3.5.2). Nothing here is measured behind a queue of our own, as a route would move
 * away from its own traffic, and back.
 */
#include "routing/engine.h"

#define MEAN_HELLOS 16
#define BETTER_US (30 * SECOND)
#define STALE_HALF_LIVES 4

/* Four times as much, but no way is lost by that: of a cost that is large already by no more than four bad radio hops.
 */
#define INFLATION_MAX 4096
uint16_t metric_steered(uint16_t cost, uint16_t by)
{
	if (cost == BABEL_INFINITY)
		return cost;
	return (uint32_t)cost + by < BABEL_INFINITY ? (uint16_t)(cost + by) : BABEL_INFINITY - 1;
}

uint16_t metric_inflated(uint16_t cost)
{
	uint32_t more = 3u * cost < INFLATION_MAX ? 3u * cost : INFLATION_MAX;

	return cost == BABEL_INFINITY || cost + more >= BABEL_INFINITY ? cost : (uint16_t)(cost + more);
}

bool metric_two_out_of_three(uint16_t history)
{
	unsigned newest = history >> 13;

	return (newest & 1) + (newest >> 1 & 1) + (newest >> 2) >= 2;
}

/* Ones among the six newest entries; fewer when the neighbour is younger. */
static unsigned etx_received(uint16_t history)
{
	unsigned count = 0;

	for (unsigned bit = 10; bit < 16; bit++)
		count += history >> bit & 1;
	return count;
}

const struct history *metric_history(const struct neighbour *n)
{
	return link_is_paced(n->link) && n->unicast.is_known ? &n->unicast : &n->multicast;
}

uint16_t metric_rxcost(const struct neighbour *n)
{
	const struct babel_link_config *config = &n->link->config;

	if (!n->is_up)
		return BABEL_INFINITY;
	if (config->cost == BABEL_COST_2_OUT_OF_3)
		return config->rxcost;
	unsigned received = etx_received(metric_history(n)->bits);
	return received ? metric_add(config->rxcost * 6u / received, 0) : BABEL_INFINITY;
}

uint16_t metric_cost(const struct neighbour *n)
{
	const struct babel_link_config *config = &n->link->config;
	uint16_t rxcost = metric_rxcost(n);
	uint32_t cost;

	if (!n->is_confirmed || rxcost == BABEL_INFINITY || n->txcost == BABEL_INFINITY)
		return BABEL_INFINITY;
	if (config->cost == BABEL_COST_2_OUT_OF_3) {
		cost = n->txcost;
	} else {
		uint32_t txcost = n->txcost < 256 ? 256 : n->txcost;

		cost = metric_add((uint32_t)((uint64_t)txcost * rxcost / 256), 0);
	}
	/* A neighbour may say 0; a cost of 0 would break strict monotonicity. */
	if (cost == 0)
		cost = 1;
	if (config->rtt && n->rtt.has_smoothed)
		cost += rtt_penalty(config, n->rtt.smoothed_us);
	return metric_add(cost, 0);
}

/* --- other classes ---------------------------------------------------------------------- */

#define RATE_UNKNOWN_BPS UINT64_C(10000000)
#define BULK_MIN_BPS UINT64_C(200000)
/* One packet crosses a serial line sooner than a satellite; a conversation does not. */
#define COMMAND_MIN_BPS UINT64_C(16000)
#define COMMAND_THIN_COST 4000
#define DELIVERED UINT32_C(65536)

bool babel_rate_admits(uint64_t rate_bps, enum babel_class class)
{
	return class != BABEL_BULK || rate_bps == 0 || rate_bps >= BULK_MIN_BPS;
}

static uint64_t ceiling(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

uint32_t metric_command(uint64_t rate_bps, uint32_t rtt_us, uint32_t delivery)
{
	uint64_t rate = rate_bps ? rate_bps : RATE_UNKNOWN_BPS;
	uint64_t us =
		rtt_us / 2 + ceiling(UINT64_C(1024) * SECOND, rate) + (DELIVERED - delivery) * (2 * SECOND) / DELIVERED;
	uint64_t cost = ceiling(us, 250);

	return (uint32_t)(cost < 4 ? 4 : cost) + (rate < COMMAND_MIN_BPS ? COMMAND_THIN_COST : 0);
}

uint32_t metric_bulk(uint64_t rate_bps, uint32_t delivery)
{
	uint64_t rate = rate_bps ? rate_bps : RATE_UNKNOWN_BPS;
	uint64_t cost = 5 + ceiling(UINT64_C(10000000000) * DELIVERED, rate * delivery);

	return rate < BULK_MIN_BPS || cost > BABEL_INFINITY ? BABEL_INFINITY : (uint32_t)cost;
}

/* Losses are as many in both directions, as far as they are known: of both there is only one measurement. */
static uint32_t delivery_of(uint32_t etx)
{
	uint64_t square = (UINT64_C(1) << 32) * 256 / etx, root = 0;

	if (etx == 256)
		return DELIVERED;
	for (uint64_t bit = UINT64_C(1) << 16; bit > 0; bit >>= 1)
		if ((root + bit) * (root + bit) <= square)
			root += bit;
	return root ? (uint32_t)root : 1;
}

uint16_t metric_class_cost(const struct neighbour *n, enum babel_class class)
{
	const struct babel_link_config *config = &n->link->config;

	if (!(n->classes >> class & 1) || n->cost[BABEL_TEXT] == BABEL_INFINITY)
		return BABEL_INFINITY;
	uint32_t delivery = delivery_of(n->etx.used);
	uint32_t measured = class == BABEL_COMMAND ? metric_command(config->rate_bps, rtt_least_us(&n->rtt), delivery)
						   : metric_bulk(config->rate_bps, delivery);

	return metric_step(n->cost[class], measured);
}

/* 2^(k/4), rounded down. */
static uint32_t step_at(unsigned k)
{
	static const uint32_t quarters[] = { 65536, 77936, 92682, 110218 };

	return ((quarters[k % 4] << (k / 4 < 15 ? k / 4 : 15)) >> 16);
}

/*
 * Steps are a fourth root of two apart. One is left when its edge, half a step away,
 * is passed by a quarter of a step: by 2^(3/16), which is 1.139.
 */
uint16_t metric_step(uint16_t used, uint32_t measured)
{
	uint32_t best = 1;

	if (measured >= BABEL_INFINITY)
		return BABEL_INFINITY;
	if (used != BABEL_INFINITY && (uint64_t)measured * 1000 <= (uint64_t)used * 1139 &&
		(uint64_t)measured * 1139 >= (uint64_t)used * 1000)
		return used;
	/* The nearest by its ratio: m / a < b / m. */
	for (unsigned k = 0; k < 64; k++) {
		uint32_t step = step_at(k);

		best = step <= measured || (uint64_t)measured * measured > (uint64_t)best * step ? step : best;
	}
	return metric_add(best, 0);
}

/* --- steadiness --------------------------------------------------------------------------- */

static uint32_t apart(uint32_t a, uint32_t b)
{
	return a < b ? b - a : a - b;
}

static bool is_off_by(uint32_t a, uint32_t b, unsigned part)
{
	return apart(a, b) * part > (a < b ? a : b);
}

/* What is off by less than one part in so many is right. Losses are measured by some four dozen Hellos: one in fifty is
 * not told from none by them, but to command, where a loss costs two seconds, it would be a fortieth of one. */
#define PARTS 8

/*
 * ETX counts the losses among six Hellos, so a single one moves it by a fifth, and
 * with it the metric of every route by this neighbour, here and at all who follow.
 * Its mean is what counts, and only when it is off by a quarter; what is off by less
 * is put right when it has been so for a while.
 */
static void measure_use(struct measure *m, uint64_t now_us, uint64_t half_life_us)
{
	/* That a link is better than it seemed is put right sooner: few will notice. */
	uint64_t stale_us = m->mean < m->used ? BETTER_US : DRIFT_US;

	/* A mean of few Hellos stays off for as long as one that is right: slower ones do not make it known sooner. */
	if (stale_us < STALE_HALF_LIVES * half_life_us)
		stale_us = STALE_HALF_LIVES * half_life_us;
	if (!is_off_by(m->mean, m->used, PARTS))
		m->right_us = now_us;
	if (!is_off_by(m->mean, m->used, 4) && now_us < m->right_us + stale_us)
		return;
	m->used = m->mean;
	m->right_us = now_us;
}

/* What was measured last counts for the time since then. */
static void measure_add(struct measure *m, uint32_t measured, uint64_t elapsed_us, uint64_t half_life_us)
{
	m->mean = metric_smooth(m->mean, m->last, elapsed_us, half_life_us);
	m->last = measured;
}

/* Nothing was measured before. */
static void measure_begin(struct measure *m, uint64_t now_us, uint32_t measured)
{
	*m = (struct measure){ .last = measured, .mean = measured, .used = measured, .right_us = now_us };
}

static uint32_t etx_measured(const struct neighbour *n)
{
	uint64_t nominal = n->link->config.rxcost, rxcost = metric_rxcost(n);
	uint64_t etx = 256 * n->txcost * rxcost / (nominal * nominal);

	if (n->link->config.cost != BABEL_COST_ETX || etx < 256)
		return 256;
	return etx > UINT16_MAX ? UINT16_MAX : (uint32_t)etx;
}

uint16_t metric_steady_cost(struct neighbour *n, uint64_t now_us)
{
	uint16_t measured = metric_cost(n);
	uint64_t elapsed_us = now_us - n->measured_us;
	bool is_new = n->cost[BABEL_TEXT] == BABEL_INFINITY;

	n->measured_us = now_us;
	if (is_new || measured == BABEL_INFINITY || n->link->config.cost != BABEL_COST_ETX) {
		measure_begin(&n->text, now_us, measured);
		measure_begin(&n->etx, now_us, etx_measured(n));
		return measured;
	}
	uint64_t half_life_us = MEAN_HELLOS / 2 * history_period_us(n, metric_history(n));

	measure_add(&n->text, measured, elapsed_us, half_life_us);
	/* A loss is dear to command: its cost would jump tenfold and back with each handful of them. */
	measure_add(&n->etx, etx_measured(n), elapsed_us, 2 * half_life_us);
	measure_use(&n->text, now_us, half_life_us);
	measure_use(&n->etx, now_us, 2 * half_life_us);
	return metric_add(n->text.used, 0);
}

bool metric_is_lossy(const struct neighbour *n)
{
	return (metric_history(n)->bits & 0xfc00) != 0xfc00;
}

/*
 * Exponential decay in integers: whole half-lives are shifts, the rest of one is
 * a straight line, which is never more than 6 % off.
 */
uint32_t metric_smooth(uint32_t old, uint32_t now, uint64_t elapsed_us, uint64_t half_life_us)
{
	bool falls = old > now;
	uint64_t gap = falls ? old - now : now - old;
	uint64_t halves = elapsed_us / half_life_us;

	if (halves >= 32)
		return now;
	gap >>= halves;
	gap -= gap * (elapsed_us % half_life_us) / (2 * half_life_us);
	return falls ? now + (uint32_t)gap : now - (uint32_t)gap;
}

bool metric_change_is_significant(uint16_t old, uint16_t now)
{
	return apart(old, now) * (now > old ? 8 : 4) > old;
}

bool metric_has_moved(uint16_t old, uint16_t now)
{
	return apart(old, now) * 4 > old;
}

bool metric_has_drifted(uint16_t old, uint16_t now)
{
	return apart(old, now) * 8 > old;
}

bool metric_has_doubled(uint16_t old, uint16_t now)
{
	return now > old * 2u || now * 2u < old;
}
