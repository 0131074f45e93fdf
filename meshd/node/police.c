/*
 * How much of a class one source may send through this node (protocol.md 3).
 *
 * Command goes before everything else, on every link behind. A neighbour that marks
 * all of its traffic so would take that from the others; what it sends beyond its limit
 * goes on as bulk does, in the last lane, and so it has gained nothing. The same becomes
 * of text beyond a limit; bulk beyond one is dropped.
 *
 *   command   unless stated otherwise an eighth of the link that it came by
 *   text      \ unless stated otherwise no limit
 *   bulk      /
 *
 * A link that is thinner than a call is bound enough by itself. What this host and the
 * network behind it send has the same limits, if they are stated.
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

/* Bits per second, 0: no limit. Bulk that fell counts as bulk. `from` NULL: this host. */
static uint64_t limit_of(const struct node *n, const struct peer *from, enum traffic_class class, uint64_t *burst_us)
{
	static const struct traffic_limit usual;
	const struct traffic_limit *limit = n->classes ? &n->classes->policy.limits[class] : &usual;

	*burst_us = BURST_US;
	if (limit->kind == TRAFFIC_LIMIT_STATED) {
		*burst_us = limit->burst_ms * MS;
		return limit->rate_bps;
	}
	return limit->kind == TRAFFIC_LIMIT_DEFAULT && class == TRAFFIC_COMMAND && from ? command_bps(from->link) : 0;
}

bool police(struct node *n, uint64_t now_us, struct packet *p)
{
	enum traffic_class class = p->class == CLASS_FALLEN ? TRAFFIC_BULK : (enum traffic_class)p->class;
	struct policer *policer = p->from ? &p->from->policer : &n->host_policer;
	uint64_t burst_us, rate_bps = limit_of(n, p->from, class, &burst_us);

	if (!rate_bps || bucket_pour(&policer->sent[class], now_us, p->len * 8 * SECOND / rate_bps, burst_us))
		return true;
	policer->over[class]++;
	n->counters.over_limit[class]++;
	if (class == TRAFFIC_BULK) {
		DROP(n, p->from ? p->from->link : NULL, bulk_over_limit);
		return false;
	}
	p->class = CLASS_FALLEN;
	return true;
}
