/*
 * Costs of links and the smoothing of metrics (RFC 8966, appendix A).
 *
 * Everything here is a pure function of a neighbour's statistics, so that one
 * place answers why a link costs what it costs.
 */
#include "routing/engine.h"

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
