/*
 * Routes of the kernel that the configuration has announced to the mesh and to plain
 * neighbours (node.redistribute), followed as they come and go.
 *
 *   netlink: a route that is not ours has changed ──► SETTLE_S later: look at all,
 *   events were lost, the rules are other ones ─────┘  withdraw and announce
 *
 * All are looked at, not the one that changed: what is missed once is found by the
 * next look. Never announced is what we put there ourselves (by protocol number and by
 * the TUN), and what leads into a cable that is out.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_S 0.2 /* a table that is being filled is looked at a few times, not a thousand */
#define EXPORTS_MAX 1024

struct export
{
	struct prefix prefix;
	bool is_wanted;
	bool is_announced;
	bool is_refused; /* by the node; that was said */
	uint16_t metric; /* as it was announced, or refused */
	uint16_t wanted_metric;
};

struct redistribution {
	struct daemon *d;
	ev_timer settle;
	bool is_full; /* and that was said */
	size_t count;
	struct export exports[EXPORTS_MAX];
};

/* --- what is wanted -------------------------------------------------------------------------- */

static bool prefix_read(struct prefix *out, const struct nl_addr *a)
{
	unsigned len = nl_addr_get_len(a);
	struct address address = { 0 };

	if (nl_addr_get_family(a) == AF_INET && len <= 4)
		address.family = FAMILY_IPV4;
	else if (nl_addr_get_family(a) == AF_INET6 && len <= 16)
		address.family = FAMILY_IPV6;
	else
		return false;
	if (len)
		memcpy(address.bytes, nl_addr_get_binary_addr(a), len);
	*out = prefix_of(address, nl_addr_get_prefixlen(a));
	return true;
}

static bool route_is_real(const struct daemon *d, struct rtnl_route *route, struct rtnl_nexthop *hop)
{
	return hop && rtnl_route_get_type(route) == RTN_UNICAST && rtnl_route_get_protocol(route) != KERNEL_PROTOCOL &&
	       rtnl_route_get_table(route) == RT_TABLE_MAIN &&
	       !(rtnl_route_nh_get_flags(hop) & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) &&
	       rtnl_route_nh_get_ifindex(hop) != d->kernel.tun_ifindex;
}

static bool rule_takes(
	const struct kernel_rule *r, const struct prefix *prefix, struct rtnl_route *route, struct rtnl_nexthop *hop)
{
	return rule_matches(&r->rule, prefix, NULL, NULL) &&
	       (!r->protocol || r->protocol == rtnl_route_get_protocol(route)) &&
	       (!r->has_metric || r->metric == rtnl_route_get_priority(route)) &&
	       (!r->interface[0] || (int)if_nametoindex(r->interface) == rtnl_route_nh_get_ifindex(hop));
}

static const struct rule *rule_for(
	const struct config *c, const struct prefix *prefix, struct rtnl_route *route, struct rtnl_nexthop *hop)
{
	for (unsigned i = 0; i < c->redistribute_count; i++)
		if (rule_takes(&c->redistribute[i], prefix, route, hop))
			return &c->redistribute[i].rule;
	return NULL;
}

/* Two routes to one prefix: the better one counts. */
static void export_want(struct redistribution *r, const struct prefix *prefix, uint16_t metric)
{
	struct export *e = r->exports, *end = r->exports + r->count;

	while (e < end && !prefix_equal(&e->prefix, prefix))
		e++;
	if (e == end && r->count == EXPORTS_MAX) {
		if (!r->is_full)
			daemon_say(r->d, "redistribute-full",
				"more than %d routes of the kernel match; narrow redistribute: down", EXPORTS_MAX);
		r->is_full = true;
		return;
	}
	if (e == end) {
		*e = (struct export){ .prefix = *prefix };
		r->count++;
	}
	if (!e->is_wanted || metric < e->wanted_metric)
		e->wanted_metric = metric;
	e->is_wanted = true;
}

static void on_route(struct rtnl_route *route, void *arg)
{
	struct redistribution *r = arg;
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	const struct nl_addr *to = rtnl_route_get_dst(route);
	struct prefix prefix;

	if (!to || !route_is_real(r->d, route, hop) || !prefix_read(&prefix, to) ||
		address_is_link_local(&prefix.address) || address_is_multicast(&prefix.address))
		return;
	const struct rule *rule = rule_for(&r->d->config, &prefix, route, hop);
	if (rule && !rule->is_deny)
		export_want(r, &prefix, rule->cost);
}

/* --- what is announced ------------------------------------------------------------------------- */

static void export_withdraw(struct redistribution *r, struct export *e)
{
	char text[PREFIX_TEXT];

	node_withdraw(r->d->node, io_now_us(), &e->prefix);
	e->is_announced = false;
	if (!e->is_wanted)
		daemon_say(r->d, "redistribute", "%s no more", prefix_format(&e->prefix, text));
}

static void export_announce(struct redistribution *r, struct export *e)
{
	char text[PREFIX_TEXT];
	int code = node_redistribute(r->d->node, io_now_us(), &e->prefix, e->wanted_metric);

	e->metric = e->wanted_metric;
	e->is_announced = code == 0;
	e->is_refused = !e->is_announced;
	prefix_format(&e->prefix, text);
	if (!code)
		daemon_say(r->d, "redistribute", "%s, metric %u", text, e->metric);
	else if (code == -EACCES)
		daemon_say(r->d, "redistribute-refused",
			"%s: the certificate does not name it; enrol again with --prefix, or deny it in redistribute:",
			text);
	else if (code != -EEXIST) /* that of the LAN is announced as such */
		daemon_say(r->d, "redistribute-refused", "%s: %s", text, strerror(-code));
}

static void exports_settle(struct redistribution *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct export *e = &r->exports[i];
		bool is_other = !e->is_wanted || e->wanted_metric != e->metric;

		if (e->is_announced && is_other)
			export_withdraw(r, e);
		if (is_other)
			e->is_refused = false;
		if (e->is_wanted)
			r->exports[kept++] = *e;
	}
	r->count = kept;
	for (size_t i = 0; i < r->count; i++)
		if (!r->exports[i].is_announced && !r->exports[i].is_refused)
			export_announce(r, &r->exports[i]);
}

static void on_settled(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct redistribution *r = timer->data;

	(void)loop, (void)events;
	r->is_full = false;
	for (size_t i = 0; i < r->count; i++)
		r->exports[i].is_wanted = false;
	kernel_routes_each(r->d, on_route, r);
	exports_settle(r);
}

/* --- the daemon's calls ------------------------------------------------------------------------- */

int redistribute_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	struct redistribution *r = calloc(1, sizeof(*r));

	if (!r)
		return io_fail(error, -ENOMEM, "not enough memory; stop what else runs here");
	r->d = d;
	ev_timer_init(&r->settle, on_settled, 0, 0);
	r->settle.data = r;
	d->redistribution = r;
	redistribute_look(d);
	return 0;
}

void redistribute_look(struct daemon *d)
{
	struct redistribution *r = d->redistribution;

	if (r && d->config.redistribute_count)
		watch_routes(d);
	/* Nothing is wanted, and nothing was. */
	if (!r || ev_is_active(&r->settle) || (!d->config.redistribute_count && !r->count))
		return;
	ev_timer_set(&r->settle, SETTLE_S, 0);
	ev_timer_start(d->loop, &r->settle);
}

void redistribute_close(struct daemon *d)
{
	if (!d->redistribution)
		return;
	ev_timer_stop(d->loop, &d->redistribution->settle);
	free(d->redistribution);
	d->redistribution = NULL;
}
