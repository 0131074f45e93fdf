/*
 * Our routes in the kernel. A prefix has one at most, known by table, metric and
 * protocol number; whatever it was, the next one replaces it in one step, so that no
 * packet meets the gap between two. Many changes go out as one batch (kernel_batch.c).
 *
 *   mesh          dev TUN                         goes with the process
 *   native        via NEXT HOP dev INTERFACE      stays when the process is killed:
 *   unreachable                                   the next one sweeps at its start
 *
 * An IPv4 prefix may have an IPv6 next hop (RFC 9229). An IPv4 next hop need not lie
 * in a network of the interface: Babel has heard from it there.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <stdlib.h>

/* --- one route ------------------------------------------------------------------------------ */

static struct rtnl_route *route_new(const struct daemon *d, const struct prefix *prefix)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct nl_addr *to = kernel_nl_addr(prefix);

	if (!route || !to || rtnl_route_set_dst(route, to) < 0) {
		nl_addr_put(to);
		rtnl_route_put(route);
		return NULL;
	}
	nl_addr_put(to);
	rtnl_route_set_family(route, prefix->address.family == FAMILY_IPV6 ? AF_INET6 : AF_INET);
	rtnl_route_set_table(route, d->config.table);
	rtnl_route_set_protocol(route, KERNEL_PROTOCOL);
	rtnl_route_set_priority(route, d->config.route_metric);
	return route;
}

static bool hop_set_gateway(struct rtnl_nexthop *hop, const struct prefix *prefix, const struct address *next_hop)
{
	const struct prefix host = prefix_of_host(*next_hop);
	struct nl_addr *gateway = kernel_nl_addr(&host);
	bool is_via = prefix->address.family != next_hop->family;

	if (!gateway)
		return false;
	if (is_via)
		rtnl_route_nh_set_via(hop, gateway);
	else
		rtnl_route_nh_set_gateway(hop, gateway);
	if (prefix->address.family == FAMILY_IPV4)
		rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
	nl_addr_put(gateway);
	return true;
}

/* 0, or an error of libnl. */
static int route_point(const struct daemon *d, struct rtnl_route *route, const struct node_kernel_route *r)
{
	struct rtnl_nexthop *hop;

	if (r->way == NODE_KERNEL_UNREACHABLE) {
		rtnl_route_set_scope(route, RT_SCOPE_UNIVERSE);
		return rtnl_route_set_type(route, RTN_UNREACHABLE);
	}
	hop = rtnl_route_nh_alloc();
	if (!hop)
		return -NLE_NOMEM;
	if (r->way == NODE_KERNEL_MESH) {
		rtnl_route_set_scope(route, RT_SCOPE_LINK);
		rtnl_route_nh_set_ifindex(hop, d->kernel.tun_ifindex);
	} else {
		rtnl_route_set_scope(route, RT_SCOPE_UNIVERSE);
		rtnl_route_nh_set_ifindex(hop, d->ports[r->link].link.ifindex);
		if (!hop_set_gateway(hop, &r->prefix, &r->next_hop)) {
			rtnl_route_nh_free(hop);
			return -NLE_NOMEM;
		}
	}
	rtnl_route_add_nexthop(route, hop); /* the route's now */
	return 0;
}

/* It is to be removed whatever kind it is. */
static void route_forget_way(struct rtnl_route *route)
{
	rtnl_route_set_scope(route, RT_SCOPE_NOWHERE);
	rtnl_route_set_type(route, RTN_UNSPEC);
}

static int route_delete(struct kernel *k, struct rtnl_route *route)
{
	route_forget_way(route);
	return rtnl_route_delete(k->request, route, 0);
}

/* What the kernel is asked; NULL: out of memory. */
static struct nl_msg *route_message(struct daemon *d, const struct node_kernel_route *r)
{
	struct rtnl_route *route = route_new(d, &r->prefix);
	struct nl_msg *message = NULL;

	if (route && r->way == NODE_KERNEL_NONE) {
		route_forget_way(route);
		rtnl_route_build_del_request(route, 0, &message);
	} else if (route && route_point(d, route, r) >= 0) {
		rtnl_route_build_add_request(route, NLM_F_CREATE | NLM_F_REPLACE, &message);
	}
	rtnl_route_put(route);
	return message;
}

void kernel_route_note(struct daemon *d, const struct node_kernel_route *route)
{
	struct nl_msg *message = route_message(d, route);

	if (!message) {
		d->kernel.routes_failed++;
		daemon_say(
			d, "out-of-memory", "a route of the kernel is not what it should be; free memory and restart");
		return;
	}
	route_batch_add(d, &route->prefix, route->way == NODE_KERNEL_NONE, message);
	nlmsg_free(message);
}

int kernel_route_set(struct daemon *d, const struct node_kernel_route *route)
{
	uint64_t failed = d->kernel.routes_failed;

	kernel_route_note(d, route);
	route_batch_send(d);
	return d->kernel.routes_failed == failed ? 0 : -EIO;
}

/* --- all of them ------------------------------------------------------------------------------ */

struct look {
	void (*each)(struct rtnl_route *route, void *arg);
	void *arg;
};

static int on_message(struct nl_msg *message, void *arg)
{
	const struct look *look = arg;
	struct rtnl_route *route = NULL;

	if (nlmsg_hdr(message)->nlmsg_type != RTM_NEWROUTE || rtnl_route_parse(nlmsg_hdr(message), &route) < 0)
		return NL_OK;
	look->each(route, look->arg);
	rtnl_route_put(route);
	return NL_OK;
}

static void family_look(struct kernel *k, int family, struct look *look)
{
	const struct rtmsg header = { .rtm_family = (unsigned char)family };
	struct nl_cb *own = nl_socket_get_cb(k->request), *callbacks = nl_cb_clone(own);

	nl_cb_put(own);
	if (!callbacks)
		return;
	nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_message, look);
	if (nl_send_simple(k->request, RTM_GETROUTE, NLM_F_DUMP, (void *)&header, sizeof(header)) >= 0)
		nl_recvmsgs(k->request, callbacks);
	nl_cb_put(callbacks);
}

void kernel_routes_each(struct daemon *d, void (*each)(struct rtnl_route *route, void *arg), void *arg)
{
	struct look look = { each, arg };

	family_look(&d->kernel, AF_INET, &look);
	family_look(&d->kernel, AF_INET6, &look);
}

/* --- those that are left --------------------------------------------------------------------- */

struct sweep {
	struct daemon *d;
	struct rtnl_route **routes;
	size_t count, capacity;
	bool is_shared; /* another meshd runs on this box */
};

static void sweep_keep(struct sweep *s, struct rtnl_route *route)
{
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 64;
		struct rtnl_route **more = realloc(s->routes, capacity * sizeof(struct rtnl_route *));

		if (!more)
			return;
		s->routes = more;
		s->capacity = capacity;
	}
	nl_object_get((struct nl_object *)route);
	s->routes[s->count++] = route;
}

static void on_route(struct rtnl_route *route, void *arg)
{
	struct sweep *s = arg;
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);

	if (rtnl_route_get_protocol(route) != KERNEL_PROTOCOL)
		return;
	/* What hangs on a TUN dies with its process: that one lives. */
	if (hop && rtnl_route_get_type(route) == RTN_UNICAST && !rtnl_route_nh_get_gateway(hop) &&
		!rtnl_route_nh_get_via(hop))
		s->is_shared |= rtnl_route_nh_get_ifindex(hop) != s->d->kernel.tun_ifindex;
	else
		sweep_keep(s, route);
}

void kernel_routes_flush(struct daemon *d)
{
	struct sweep s = { .d = d };

	kernel_routes_each(d, on_route, &s);
	for (size_t i = 0; i < s.count; i++) {
		struct rtnl_route *route = s.routes[i];

		/* Beside another meshd only those are ours that nobody else may have. */
		if (!s.is_shared || (rtnl_route_get_table(route) == d->config.table &&
					    rtnl_route_get_priority(route) == d->config.route_metric))
			route_delete(&d->kernel, route);
		rtnl_route_put(route);
	}
	free(s.routes);
}
