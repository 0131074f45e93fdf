/*
 * UDP links: one dual-stack socket each, bound to an interface if the link names
 * one. Frames arrive in batches into the daemon's room and are opened there.
 *
 *   fd         everything that is sent, from the port that NATs remember; with a
 *              fixed port also the discovery group
 *   group_fd   the discovery group when the kernel chose the port of `fd`, for
 *              a group is met at a known port
 *
 * Don't-fragment is set and what ICMP says of the path is not believed (anyone
 * can send it): the link's MTU is the configuration's, and what of it arrives the
 * node finds out. What an interface refuses as too long is counted.
 */
#include "meshd/io/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1 << 20) /* a burst of a fast link while the loop is busy elsewhere */
#define GROUP "ff02::6d65:7368" /* link-local, our own: "mesh" */
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static struct sockaddr_in6 group_address(uint16_t port, unsigned scope)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope };

	inet_pton(AF_INET6, GROUP, &a.sin6_addr);
	return a;
}

static uint16_t group_port(const struct port *p)
{
	return p->config->port ? p->config->port : CONFIG_UDP_PORT;
}

/* --- opening ------------------------------------------------------------------------------------ */

static int bind_fail(const struct port *p, char error[IO_ERROR_MAX], int code, unsigned port)
{
	const char *interface = p->config->interface;

	switch (-code) {
	case EADDRINUSE:
		return io_fail(error, code,
			"port %u is in use; stop the other program, or write listen: with another port", port);
	case EACCES:
		return io_fail(
			error, code, "port %u is not allowed; write listen: 1024 or more, or run meshd as root", port);
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
		return io_fail(error, code, "%s%sport %u: %s; see \"ip address\"", interface, *interface ? ": " : "",
			port, strerror(-code));
	}
}

static int socket_bind(const struct port *p, const struct sockaddr_in6 *address, bool shared)
{
	const char *interface = p->config->interface;
	int code, fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	code = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (!code && shared)
		code = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!code && *interface &&
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface) + 1) < 0)
		code = -errno;
	if (!code && bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		code = -errno;
	if (code) {
		close(fd);
		return code;
	}
	/* As root whatever we ask for, else what the system allows. */
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0)
		set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	return fd;
}

static int sending_setup(const struct port *p, int fd)
{
	int code = set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);

	if (!code)
		code = set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	/* The group's frames are for the group that was joined here, and ours for others. */
	set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	if (!code && p->config->discover)
		code = set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, p->link.ifindex);
	if (!code && p->config->discover)
		code = set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	return code;
}

static int group_join(const struct port *p, int fd)
{
	struct ipv6_mreq request = {
		.ipv6mr_multiaddr = group_address(0, 0).sin6_addr,
		.ipv6mr_interface = (unsigned)p->link.ifindex,
	};

	return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)) < 0 ? -errno : 0;
}

/* The kernel lets join a group where IPv6 is switched off, and then sends nothing. */
static bool ipv6_is_off(const struct port *p)
{
	char name[64];
	int value;

	snprintf(name, sizeof(name), "net/ipv6/conf/%s/disable_ipv6", p->config->interface);
	return sysctl_read(name, &value) == 0 && value;
}

static int group_open(struct port *p, char error[IO_ERROR_MAX])
{
	struct sockaddr_in6 address = group_address(group_port(p), (unsigned)p->link.ifindex);
	int code;

	if (ipv6_is_off(p))
		return io_fail(error, -ENETUNREACH,
			"IPv6 is off on %s; run \"sysctl net.ipv6.conf.%s.disable_ipv6=0\", or write discover: no",
			p->config->interface, p->config->interface);
	if (!p->config->port) {
		code = socket_bind(p, &address, true);
		if (code < 0)
			return bind_fail(p, error, code, group_port(p));
		p->group_fd = code;
	}
	code = group_join(p, p->group_fd >= 0 ? p->group_fd : p->fd);
	if (code < 0)
		return io_fail(error, code, "%s: no IPv6 multicast: %s; switch IPv6 on there, or write discover: no",
			p->config->interface, strerror(-code));
	return 0;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events);

static void watch(struct port *p, ev_io *io, int fd)
{
	ev_io_init(io, on_readable, fd, EV_READ);
	io->data = p;
	ev_io_start(p->d->loop, io);
}

int udp_open(struct port *p, char error[IO_ERROR_MAX])
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(p->config->port) };
	int code = socket_bind(p, &any, false);

	p->fd = p->group_fd = -1;
	if (code < 0)
		return bind_fail(p, error, code, p->config->port);
	p->fd = code;
	code = sending_setup(p, p->fd);
	if (code < 0)
		code = bind_fail(p, error, code, p->config->port);
	else if (p->config->discover)
		code = group_open(p, error);
	if (code < 0) {
		udp_close(p);
		return code;
	}
	watch(p, &p->io, p->fd);
	if (p->group_fd >= 0)
		watch(p, &p->group_io, p->group_fd);
	return 0;
}

void udp_close(struct port *p)
{
	if (ev_is_active(&p->io))
		ev_io_stop(p->d->loop, &p->io);
	if (ev_is_active(&p->group_io))
		ev_io_stop(p->d->loop, &p->group_io);
	if (p->fd >= 0)
		close(p->fd);
	if (p->group_fd >= 0)
		close(p->group_fd);
	p->fd = p->group_fd = -1;
}

/* --- frames --------------------------------------------------------------------------------------- */

static void frame_in(struct port *p, uint64_t now_us, const struct mmsghdr *message)
{
	struct endpoint from = endpoint_of_sockaddr(message->msg_hdr.msg_name);

	if ((message->msg_hdr.msg_flags & MSG_TRUNC) || !message->msg_len || !from.len) {
		p->rx_dropped++;
		return;
	}
	node_frame_in(p->d->node, now_us, p->id, &from, message->msg_hdr.msg_iov->iov_base, message->msg_len);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct port *p = io->data;
	struct mmsghdr messages[IO_BATCH];
	struct iovec parts[IO_BATCH];
	struct sockaddr_in6 senders[IO_BATCH];

	(void)loop;
	(void)events;
	for (unsigned i = 0; i < IO_BATCH; i++) {
		parts[i] = (struct iovec){ .iov_base = p->d->frames[i], .iov_len = NODE_FRAME_MAX };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &senders[i],
							.msg_namelen = sizeof(senders[i]),
							.msg_iov = &parts[i],
							.msg_iovlen = 1 } };
	}
	/* Errors are those of single datagrams (ICMP): the next call tells the next. */
	int count = recvmmsg(io->fd, messages, IO_BATCH, MSG_DONTWAIT, NULL);
	uint64_t now_us = io_now_us();
	for (int i = 0; i < count; i++)
		frame_in(p, now_us, &messages[i]);
}

/* By interface `way`, or as the kernel routes if 0. */
static ssize_t send_by(int fd, struct sockaddr_in6 *address, int way, struct bytes frame)
{
	struct in6_pktinfo info = { .ipi6_ifindex = (unsigned)way };
	struct iovec part = { .iov_base = (void *)frame.data, .iov_len = frame.len };
	union {
		struct cmsghdr header;
		uint8_t room[CMSG_SPACE(sizeof(info))];
	} control = {
		.header = { .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info)) }
	};
	struct msghdr message = {
		.msg_name = address, .msg_namelen = sizeof(*address), .msg_iov = &part, .msg_iovlen = 1
	};

	if (way) {
		/* For an IPv4 address the kernel wants to see an IPv4 source, were it none. */
		if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr))
			info.ipi6_addr.s6_addr[10] = info.ipi6_addr.s6_addr[11] = 0xff;
		memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(fd, &message, MSG_DONTWAIT);
}

static void send_one(struct port *p, const struct endpoint *to, struct bytes frame)
{
	int way = p->config->interface[0] ? 0 : underlay_way(p->d, to, io_now_us());
	struct sockaddr_storage storage;
	struct sockaddr_in6 address;
	socklen_t len;

	if (way < 0 || !endpoint_to_sockaddr(to, &storage, &len)) {
		port_send_failed(p, way < 0 ? -way : EINVAL);
		return;
	}
	memcpy(&address, &storage, sizeof(address));
	if (send_by(p->fd, &address, way, frame) < 0)
		port_send_failed(p, errno);
}

void udp_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	struct sockaddr_in6 group = group_address(group_port(p), (unsigned)p->link.ifindex);

	if (to)
		send_one(p, to, frame);
	else if (p->config->discover && send_by(p->fd, &group, 0, frame) < 0)
		port_send_failed(p, errno);
}

static uint32_t socket_overruns(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

uint32_t udp_overruns(struct port *p) /* of a babel port as well */
{
	return socket_overruns(p->fd) + socket_overruns(p->group_fd);
}
