/*
 * Costs of links and the smoothing of metrics (RFC 8966, appendix A).
 *
 * Everything here is a pure function of a neighbour's statistics, so that one
 * place answers why a link costs what it costs.
 */
#include "routing/engine.h"

#define MEAN_HELLOS 16
#define BETTER_US (10 * SECOND)

uint16_t metric_add(uint32_t a, uint32_t b)
{
	uint32_t sum = a + b;

	return sum >= BABEL_INFINITY ? BABEL_INFINITY : (uint16_t)sum;
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

/* --- steadiness --------------------------------------------------------------------------- */

static bool is_off_by(uint32_t a, uint32_t b, unsigned part)
{
	uint32_t least = a < b ? a : b;

	return (a < b ? b - a : a - b) * part > least;
}

/*
 * ETX counts the losses among six Hellos, so a single one moves it by a fifth, and
 * with it the metric of every route by this neighbour, here and at all who follow.
 * Its mean is what counts, and only when it is off by a quarter; what is off by less
 * is put right after a while.
 */
uint16_t metric_steady_cost(struct neighbour *n, uint64_t now_us)
{
	uint16_t measured = metric_cost(n), last = n->cost_measured;
	uint64_t interval_us = history_period_us(n, metric_history(n));

	n->cost_measured = measured;
	if (n->cost == BABEL_INFINITY)
		n->usable_since_us = now_us;
	/* A young history says little, and soon more. */
	bool is_young = now_us < n->usable_since_us + MEAN_HELLOS * interval_us;
	if (measured == BABEL_INFINITY || last == BABEL_INFINITY || is_young)
		n->cost_mean = measured;
	else
		n->cost_mean =
			metric_smooth(n->cost_mean, last, now_us - n->cost_mean_us, MEAN_HELLOS / 2 * interval_us);
	n->cost_mean_us = now_us;
	if (n->link->config.cost != BABEL_COST_ETX || measured == BABEL_INFINITY || n->cost == BABEL_INFINITY) {
		n->cost_since_us = now_us;
		return measured;
	}
	bool is_wrong = is_off_by(n->cost_mean, n->cost, 4) || (is_young && n->cost_mean < n->cost);
	/* That a link is better than it seemed is put right sooner: nobody else will notice. */
	uint64_t stale_us = n->cost_mean < n->cost ? BETTER_US : DRIFT_US;
	bool is_stale = now_us >= n->cost_since_us + stale_us && is_off_by(n->cost_mean, n->cost, 16);
	if (!is_wrong && !is_stale)
		return n->cost;
	n->cost_since_us = now_us;
	return metric_add(n->cost_mean, 0);
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
	if (now > old)
		return (uint32_t)(now - old) * 8 > old;
	return (uint32_t)(old - now) * 4 > old;
}

bool metric_has_drifted(uint16_t old, uint16_t now)
{
	return (uint32_t)(now > old ? now - old : old - now) * 16 > old;
}
