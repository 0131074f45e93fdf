/*
 * Link, address and route events of the kernel. An event is taken as a hint that something about an
 * interface changed, and the interface is asked for what it is now: events wait
 * in a queue, and the oldest may tell what is no longer so.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <string.h>

#define EVENT_BUFFER (1 << 20) /* boxes with many interfaces tell much at once */

/* Whoever switches the TUN off takes its addresses and routes away, even if it is on again by now. */
static void tun_observe(struct daemon *d, const struct kernel_link *link)
{
	if (strcmp(link->name, d->config.tun) != 0 || !link->is_present)
		return; /* its own descriptor tells when it is gone */
	if (!link->is_up || !kernel_tun_is_whole(d))
		daemon_fail(
			d, "%s was switched off, its addresses and routes are gone; start meshd again", d->config.tun);
}

static void interface_look(struct daemon *d, const char *name, int ifindex)
{
	struct kernel_link link;

	if (kernel_link_get(d, name, &link) == -EIO)
		return;
	/* What had this index may now have another name. */
	if (!link.is_present)
		link.ifindex = ifindex;
	ports_observe(d, &link);
	lan_observe(d, &link);
	tun_observe(d, &link);
}

static void lan_look(struct daemon *d)
{
	struct kernel_link link;

	if (d->config.lan[0] && kernel_link_get(d, d->config.lan, &link) != -EIO)
		lan_observe(d, &link);
}

static void on_object(struct nl_object *object, void *arg)
{
	struct rtnl_link *link = (struct rtnl_link *)object;
	struct daemon *d = arg;

	if (rtnl_link_get_name(link))
		interface_look(d, rtnl_link_get_name(link), rtnl_link_get_ifindex(link));
}

/* Our own routes are most of those that change here. */
static void route_observe(struct daemon *d, const struct rtmsg *route)
{
	if (route->rtm_protocol != KERNEL_PROTOCOL)
		redistribute_look(d);
}

static int on_message(struct nl_msg *message, void *arg)
{
	int type = nlmsg_hdr(message)->nlmsg_type;

	if (type == RTM_NEWLINK || type == RTM_DELLINK)
		nl_msg_parse(message, on_object, arg);
	else if (type == RTM_NEWADDR || type == RTM_DELADDR)
		ports_addresses(arg, (int)((const struct ifaddrmsg *)nlmsg_data(nlmsg_hdr(message)))->ifa_index);
	else if (type == RTM_NEWROUTE || type == RTM_DELROUTE)
		route_observe(arg, nlmsg_data(nlmsg_hdr(message)));
	return NL_OK;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct daemon *d = io->data;
	int code = 0;

	(void)loop;
	(void)events;
	for (unsigned i = 0; i < IO_BATCH && code >= 0; i++)
		code = nl_recvmsgs_default(d->kernel.events);
	if (code >= 0 || code == -NLE_AGAIN || code == -NLE_INTR)
		return;
	/* The queue overran: whatever happened, ask how things are. */
	ports_resync(d);
	lan_look(d);
	redistribute_look(d);
}

static int events_setup(struct nl_sock *s, struct daemon *d)
{
	int code = nl_connect(s, NETLINK_ROUTE);

	if (code < 0)
		return code;
	nl_socket_set_buffer_size(s, EVENT_BUFFER, 0);
	nl_socket_disable_seq_check(s);
	code = nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_message, d);
	if (code >= 0)
		code = nl_socket_add_memberships(s, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
	return code < 0 ? code : nl_socket_set_nonblocking(s);
}

int watch_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	struct kernel *k = &d->kernel;
	int code;

	k->events = nl_socket_alloc();
	if (!k->events)
		return io_fail(error, -ENOMEM, "netlink: out of memory; free some");
	code = events_setup(k->events, d);
	if (code < 0) {
		watch_close(d);
		return io_fail(
			error, -EIO, "netlink: %s; meshd must be allowed to listen to link events", nl_geterror(code));
	}
	ev_io_init(&k->io, on_readable, nl_socket_get_fd(k->events), EV_READ);
	k->io.data = d;
	ev_io_start(d->loop, &k->io);
	return 0;
}

void watch_routes(struct daemon *d)
{
	if (d->kernel.events)
		nl_socket_add_memberships(d->kernel.events, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0);
}

void watch_close(struct daemon *d)
{
	struct kernel *k = &d->kernel;

	if (ev_is_active(&k->io))
		ev_io_stop(d->loop, &k->io);
	if (k->events)
		nl_socket_free(k->events);
	k->events = NULL;
}
