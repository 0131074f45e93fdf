/*
 * How much of command a neighbour may send through this node (protocol.md 3).
 *
 * Command goes before everything else, on every link behind. A neighbour that marks
 * all of its traffic so would take that from the others; what it sends beyond an eighth
 * of its link goes on as bulk does, in the last lane, and so it has gained nothing. A
 * link that is thinner than a call is bound enough by itself.
 */
#include "meshd/node/state.h"

#define SHARE 8 /* of a link, and ... */
#define LEAST_BPS UINT64_C(64000) /* ... not less than a call takes */
#define UNKNOWN_BPS UINT64_C(2000000)
#define BURST_US (1 * SECOND)

static uint64_t command_bps(const struct node_link *link)
{
	uint64_t rate = link_rate_bps(link), share = rate / SHARE;

	return !rate ? UNKNOWN_BPS : share < LEAST_BPS ? LEAST_BPS : share;
}

bool police_admits(struct peer *from, uint64_t now_us, size_t bytes)
{
	uint64_t until_us = from->command_until_us > now_us ? from->command_until_us : now_us;

	if (until_us > now_us + BURST_US)
		return false;
	from->command_until_us = until_us + bytes * 8 * SECOND / command_bps(from->link);
	return true;
}
