/*
 * Which way a udp link's frames leave when the link names no interface: as the
 * kernel routes, but never into the mesh. A prefix that the mesh announces may
 * well cover the address of a peer (a city's public network and its gateway in
 * it), and frames that carry the mesh must not be carried by it, each within the
 * next.
 *
 *   the kernel's way is not the TUN ──► 0, leave it to the kernel
 *   it is ──► the first other interface with a way there, or none: -ENETUNREACH
 *
 * Answers are kept for KEEP_US, and forgotten when a route of the mesh changes.
 * An endpoint's answer is in one of the few places of its set; the oldest there
 * makes room. There are so many sets that as many peers as a node may have find
 * a place each: the kernel is asked by the second, not by the frame.
 */
#include "meshd/io/io.h"

#include "meshd/base/map.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#define KEEP_US SECOND_US

static int on_route(struct nl_msg *message, void *arg)
{
	int *ifindex = arg;
	struct nlattr *way = nlmsg_find_attr(nlmsg_hdr(message), sizeof(struct rtmsg), RTA_OIF);

	if (way)
		*ifindex = (int)nla_get_u32(way);
	return NL_OK;
}

static struct nl_msg *question_make(const struct in6_addr *to, int oif)
{
	bool is_v4 = IN6_IS_ADDR_V4MAPPED(to);
	struct rtmsg header = { .rtm_family = is_v4 ? AF_INET : AF_INET6, .rtm_dst_len = is_v4 ? 32 : 128 };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, 0);

	if (!m)
		return NULL;
	if (nlmsg_append(m, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
		nla_put(m, RTA_DST, is_v4 ? 4 : 16, to->s6_addr + (is_v4 ? 12 : 0)) < 0 ||
		(oif && nla_put_u32(m, RTA_OIF, (uint32_t)oif) < 0)) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

static struct nl_cb *callbacks_make(struct nl_sock *s, int *ifindex)
{
	struct nl_cb *own = nl_socket_get_cb(s), *callbacks = nl_cb_clone(own);

	nl_cb_put(own);
	if (callbacks)
		nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_route, ifindex);
	return callbacks;
}

/* The interface by which the kernel would send; `oif` if not 0 is the only one allowed. 0: none. */
static int ask(struct nl_sock *s, const struct in6_addr *to, int oif)
{
	int ifindex = 0;
	struct nl_msg *m = question_make(to, oif);
	struct nl_cb *callbacks = callbacks_make(s, &ifindex);

	if (m && callbacks && nl_send_auto(s, m) >= 0 && nl_recvmsgs(s, callbacks) >= 0)
		nl_wait_for_ack(s);
	nl_cb_put(callbacks);
	nlmsg_free(m);
	return ifindex;
}

static int look(struct daemon *d, const struct in6_addr *to)
{
	int tun = d->kernel.tun_ifindex, way = 0;

	if (ask(d->kernel.request, to, 0) != tun)
		return 0;
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *i = all; i && i->if_index && !way; i++)
		if ((int)i->if_index != tun && ask(d->kernel.request, to, (int)i->if_index) == (int)i->if_index)
			way = (int)i->if_index;
	if_freenameindex(all);
	return way ? way : -ENETUNREACH;
}

/* Where the answer for `to` is, or else the place that it shall have. */
static struct underlay_way *way_place(struct underlay *u, const struct endpoint *to)
{
	static const uint64_t secret[2]; /* who finds addresses that share a set makes it no worse than no cache */
	struct underlay_way *set = u->ways[siphash24(secret, bytes_of(to->bytes, to->len)) % UNDERLAY_SETS];
	struct underlay_way *oldest = set;

	for (unsigned i = 0; i < UNDERLAY_PLACES; i++) {
		if (endpoint_equal(&set[i].to, to))
			return &set[i];
		if (set[i].until_us < oldest->until_us)
			oldest = &set[i];
	}
	return oldest;
}

int underlay_way(struct daemon *d, const struct endpoint *to, uint64_t now_us)
{
	struct underlay_way *w = way_place(&d->underlay, to);
	struct sockaddr_storage address;
	struct sockaddr_in6 v6;
	socklen_t len;

	if (now_us < w->until_us && endpoint_equal(&w->to, to))
		return w->ifindex;
	if (!endpoint_to_sockaddr(to, &address, &len))
		return -EINVAL;
	memcpy(&v6, &address, sizeof(v6));
	*w = (struct underlay_way){ .to = *to, .ifindex = look(d, &v6.sin6_addr), .until_us = now_us + KEEP_US };
	return w->ifindex;
}

void underlay_forget(struct daemon *d)
{
	memset(&d->underlay, 0, sizeof(d->underlay));
}
