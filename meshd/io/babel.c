/*
 * Babel links: plain RFC 8966 on UDP port 6696, one socket for each interface, bound
 * to it. What makes a packet one of this link is checked here or handed on to the
 * routing engine, which checks the rest:
 *
 *   sender      link-local, its port and its hop limit as received    engine
 *   receiver    ff02::1:6, or the link-local address of the link      here
 *
 * Packets leave with hop limit 1 from the link's own link-local address, which the
 * kernel would otherwise choose anew where an interface has several.
 */
#include "meshd/io/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define GROUP "ff02::1:6"
#define PRECEDENCE 0xc0 /* "internetwork control", as other routing protocols have it */
#define RECEIVE_BUFFER (1 << 20)
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

static struct sockaddr_in6 address_on(const struct port *p, const uint8_t bytes[16])
{
	struct sockaddr_in6 a = {
		.sin6_family = AF_INET6, .sin6_port = htons(BABEL_PORT), .sin6_scope_id = (uint32_t)p->link.ifindex
	};

	memcpy(&a.sin6_addr, bytes, sizeof(a.sin6_addr));
	return a;
}

static struct in6_addr group(void)
{
	struct in6_addr a;

	inet_pton(AF_INET6, GROUP, &a);
	return a;
}

/* --- opening ------------------------------------------------------------------------------------ */

static int open_fail(const struct port *p, char error[IO_ERROR_MAX], int code)
{
	const char *interface = p->config->interface;

	switch (-code) {
	case EADDRINUSE:
		return io_fail(error, code,
			"port %d is in use on %s; stop the other routing daemon there (babeld, BIRD, FRR)", BABEL_PORT,
			interface);
	case EPERM:
		return io_fail(error, code,
			"%s: not allowed; run meshd as root or with CAP_NET_RAW (the systemd unit gives it)",
			interface);
	case EAFNOSUPPORT:
		return io_fail(
			error, code, "this kernel runs without IPv6; remove ipv6.disable=1 from its command line");
	case ENODEV:
		return io_fail(error, code, "%s is not there; plug it in", interface);
	default:
		return io_fail(error, code, "%s: %s; see \"ip address\"", interface, strerror(-code));
	}
}

static int socket_setup(const struct port *p, int fd)
{
	const struct {
		int level, option, value;
	} options[] = {
		{ IPPROTO_IPV6, IPV6_V6ONLY, 1 },
		{ SOL_SOCKET, SO_REUSEADDR, 0 },
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
		{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1 },
		{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, 1 },
		{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1 },
		{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0 },
		{ IPPROTO_IPV6, IPV6_MULTICAST_IF, p->link.ifindex },
		{ IPPROTO_IPV6, IPV6_TCLASS, PRECEDENCE },
	};
	struct ipv6_mreq membership = { .ipv6mr_multiaddr = group(), .ipv6mr_interface = (unsigned)p->link.ifindex };
	const char *interface = p->config->interface;
	int code = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && !code; i++)
		code = socket_set(fd, options[i].level, options[i].option, options[i].value);
	if (code)
		return code;
	socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	socket_receive_room(fd, RECEIVE_BUFFER);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface) + 1) < 0)
		return -errno;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership, sizeof(membership)) < 0 ? -errno : 0;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events);

int babel_open(struct port *p, char error[IO_ERROR_MAX])
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(BABEL_PORT) };
	int code = 0;

	p->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return open_fail(p, error, -errno);
	code = socket_setup(p, p->fd);
	if (!code && bind(p->fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		code = -errno;
	if (code) {
		babel_close(p);
		return open_fail(p, error, code);
	}
	ev_io_init(&p->io, on_readable, p->fd, EV_READ);
	p->io.data = p;
	ev_io_start(p->d->loop, &p->io);
	return 0;
}

void babel_close(struct port *p)
{
	if (ev_is_active(&p->io))
		ev_io_stop(p->d->loop, &p->io);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* --- packets -------------------------------------------------------------------------------------- */

union ancillary {
	struct cmsghdr header;
	uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

/* False: the kernel did not say how it came. */
static bool sender_read(struct babel_sender *from, struct address *to, struct msghdr *m)
{
	const struct sockaddr_in6 *sender = m->msg_name;
	bool has_info = false, has_hops = false;
	struct in6_pktinfo info;
	int hops = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO && c->cmsg_len >= CMSG_LEN(sizeof(info))) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			has_info = true;
		} else if (c->cmsg_type == IPV6_HOPLIMIT && c->cmsg_len >= CMSG_LEN(sizeof(hops))) {
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
			has_hops = true;
		}
	}
	if (!has_info || !has_hops || sender->sin6_family != AF_INET6)
		return false;
	*to = address_ipv6(info.ipi6_addr.s6_addr);
	*from = (struct babel_sender){ .address = address_ipv6(sender->sin6_addr.s6_addr),
		.port = ntohs(sender->sin6_port),
		.hop_limit = (uint8_t)hops,
		.multicast = address_is_multicast(to) };
	return true;
}

static void packet_in(struct port *p, uint64_t now_us, struct mmsghdr *message)
{
	const struct in6_addr all = group();
	struct babel_sender from;
	struct address to;

	if ((message->msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !sender_read(&from, &to, &message->msg_hdr)) {
		p->rx_dropped++;
		return;
	}
	/* Another group, or a global address of ours: from beyond the link, or meant for who else is there. */
	if (memcmp(to.bytes, all.s6_addr, sizeof(all)) != 0 && !address_equal(&to, &p->addresses.link_local)) {
		p->rx_dropped++;
		return;
	}
	struct bytes packet = bytes_of(message->msg_hdr.msg_iov->iov_base, message->msg_len);
	if (p->tap.is_on)
		tap_babel_in(p, &from.address, from.multicast, packet);
	node_babel_in(p->d->node, now_us, p->id, &from, packet);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct port *p = io->data;
	struct mmsghdr messages[IO_BATCH];
	struct iovec parts[IO_BATCH];
	struct sockaddr_in6 senders[IO_BATCH];
	union ancillary controls[IO_BATCH];

	(void)loop, (void)events;
	for (unsigned i = 0; i < IO_BATCH; i++) {
		parts[i] = (struct iovec){ .iov_base = p->d->frames[i], .iov_len = NODE_FRAME_MAX };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &senders[i],
							.msg_namelen = sizeof(senders[i]),
							.msg_iov = &parts[i],
							.msg_iovlen = 1,
							.msg_control = &controls[i],
							.msg_controllen = sizeof(controls[i]) } };
	}
	int count = recvmmsg(io->fd, messages, IO_BATCH, MSG_DONTWAIT, NULL);
	uint64_t now_us = io_now_us();
	for (int i = 0; i < count; i++)
		packet_in(p, now_us, &messages[i]);
}

void babel_send(struct port *p, const struct endpoint *to, struct bytes packet)
{
	const struct in6_addr all = group();
	struct sockaddr_in6 address = address_on(p, to ? to->bytes : all.s6_addr);
	struct in6_pktinfo info = { .ipi6_ifindex = (unsigned)p->link.ifindex };
	struct iovec part = { .iov_base = (void *)packet.data, .iov_len = packet.len };
	union ancillary control = {
		.header = { .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info)) }
	};
	struct msghdr message = { .msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(sizeof(info)) };

	memcpy(&info.ipi6_addr, p->addresses.link_local.bytes, sizeof(info.ipi6_addr));
	memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
	if (sendmsg(p->fd, &message, MSG_DONTWAIT) < 0)
		port_send_failed(p, errno);
}
