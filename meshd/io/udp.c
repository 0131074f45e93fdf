/*
 * UDP links: one dual-stack socket each, bound to an interface if the link names
 * one. Frames arrive in batches into the daemon's room and are opened there.
 *
 * Where the kernel can, one message is a row of frames: those for one next hop that are
 * of one length, of which only the last may be shorter, are sent as one and cut below
 * (UDP_SEGMENT), and what came so is received so (UDP_GRO). Most of what a packet costs
 * is its way through the kernel, which a row takes once.
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
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#define RECEIVE_BUFFER (4 << 20) /* a burst of a fast link while the loop is busy elsewhere */
#define SEND_BUFFER (2 << 20) /* rows of frames are large, and what finds no room is lost */
#define ROW_FRAMES 64 /* the kernel's limit */
#define SEND_MESSAGES 64 /* per call */
#define GROUP "ff02::6d65:7368" /* link-local, our own: "mesh" */
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

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
	code = socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (!code && shared)
		code = socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!code && *interface &&
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface) + 1) < 0)
		code = -errno;
	if (!code && bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		code = -errno;
	if (code) {
		close(fd);
		return code;
	}
	socket_receive_room(fd, RECEIVE_BUFFER);
	socket_send_room(fd, SEND_BUFFER);
	return fd;
}

static int sending_setup(const struct port *p, int fd)
{
	int code = socket_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);

	if (!code)
		code = socket_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	/* The group's frames are for the group that was joined here, and ours for others. */
	socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	if (!code && p->config->discover)
		code = socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, p->link.ifindex);
	if (!code && p->config->discover)
		code = socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
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

/* Rows of frames, where the kernel has them. Thin frames need room behind each. */
static void offloads_open(struct port *p)
{
	bool is_wanted = !p->d->config.is_unbatched && !p->config->is_thin;

	p->has_gso = is_wanted && socket_set(p->fd, SOL_UDP, UDP_SEGMENT, 0) == 0;
	p->has_gro = is_wanted && socket_set(p->fd, SOL_UDP, UDP_GRO, 1) == 0;
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
	offloads_open(p);
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

/* --- frames in ------------------------------------------------------------------------------------ */

/* Room for what the kernel says beside a message. */
union ancillary {
	struct cmsghdr header;
	uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

struct arrivals {
	struct mmsghdr messages[IO_BATCH];
	struct iovec parts[IO_BATCH];
	struct sockaddr_in6 senders[IO_BATCH];
	union ancillary controls[RECEIVE_MESSAGES];
};

/* Rows in few large rooms, or single frames in many small ones. Returns how many messages there is room for. */
static unsigned arrivals_lay(struct port *p, struct arrivals *a, bool has_rows)
{
	unsigned count = has_rows ? RECEIVE_MESSAGES : IO_BATCH;

	for (unsigned i = 0; i < count; i++) {
		a->parts[i] = has_rows ? (struct iovec){ p->d->batch.room[i], RECEIVE_MAX }
				       : (struct iovec){ p->d->frames[i], NODE_FRAME_MAX };
		a->messages[i].msg_hdr = (struct msghdr){ .msg_name = &a->senders[i],
			.msg_namelen = sizeof(a->senders[i]),
			.msg_iov = &a->parts[i],
			.msg_iovlen = 1,
			.msg_control = has_rows ? &a->controls[i] : NULL,
			.msg_controllen = has_rows ? sizeof(a->controls[i]) : 0 };
	}
	return count;
}

/* Of the frames of a row; 0: it is one frame. */
static size_t row_size(struct msghdr *message)
{
	int size = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	return size > 0 ? (size_t)size : 0;
}

/* Adds the frames of the message to `in`. */
static void message_read(struct port *p, struct mmsghdr *message, struct batch_in *in)
{
	struct endpoint from = endpoint_of_sockaddr(message->msg_hdr.msg_name);
	uint8_t *data = message->msg_hdr.msg_iov->iov_base;
	size_t left = message->msg_len, size = row_size(&message->msg_hdr);

	if ((message->msg_hdr.msg_flags & MSG_TRUNC) || !left || !from.len) {
		p->rx_dropped++;
		return;
	}
	for (size = size ? size : left; left; data += size, left -= size) {
		size = left < size ? left : size;
		if (size > NODE_FRAME_MAX)
			p->rx_dropped++;
		else
			batch_in_add(in, &from, data, size);
	}
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct port *p = io->data;
	bool has_rows = p->has_gro && io->fd == p->fd;
	struct arrivals a;
	unsigned taken = 0, room;
	struct batch_in in;
	int count;

	(void)loop;
	(void)events;
	do {
		room = arrivals_lay(p, &a, has_rows);
		/* Errors are those of single datagrams (ICMP): the next call tells the next. */
		count = recvmmsg(io->fd, a.messages, room, MSG_DONTWAIT, NULL);
		batch_in_begin(&in, p);
		for (int i = 0; i < count; i++)
			message_read(p, &a.messages[i], &in);
		taken += batch_in_end(&in);
	} while (count == (int)room && taken < IO_BATCH);
}

/* --- frames out ------------------------------------------------------------------------------------- */

/* Where frames for one next hop go, and by which interface; 0: as the kernel routes. */
struct way {
	struct sockaddr_in6 address;
	int ifindex;
};

/* False: nowhere, and that was counted. */
static bool way_find(struct port *p, const struct endpoint *to, struct way *w)
{
	struct sockaddr_storage storage;
	socklen_t len;

	w->ifindex = p->config->interface[0] ? 0 : underlay_way(p->d, to, io_now_us());
	if (w->ifindex < 0 || !endpoint_to_sockaddr(to, &storage, &len)) {
		port_send_failed(p, w->ifindex < 0 ? -w->ifindex : EINVAL);
		return false;
	}
	memcpy(&w->address, &storage, sizeof(w->address));
	return true;
}

static void control_add(struct msghdr *message, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)message->msg_control + message->msg_controllen);

	*c = (struct cmsghdr){ .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) };
	memcpy(CMSG_DATA(c), data, len);
	message->msg_controllen += CMSG_SPACE(len);
}

/* `row_size` 0: one frame. */
static struct msghdr message_make(
	struct way *w, struct iovec *parts, unsigned count, uint16_t row_size, union ancillary *control)
{
	struct in6_pktinfo info = { .ipi6_ifindex = (unsigned)w->ifindex };
	struct msghdr message = { .msg_name = &w->address,
		.msg_namelen = sizeof(w->address),
		.msg_iov = parts,
		.msg_iovlen = count,
		.msg_control = control };

	/* For an IPv4 address the kernel wants to see an IPv4 source, were it none. */
	if (IN6_IS_ADDR_V4MAPPED(&w->address.sin6_addr))
		info.ipi6_addr.s6_addr[10] = info.ipi6_addr.s6_addr[11] = 0xff;
	if (w->ifindex)
		control_add(&message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	if (row_size)
		control_add(&message, SOL_UDP, UDP_SEGMENT, &row_size, sizeof(row_size));
	return message;
}

static void send_by(struct port *p, struct way *w, struct bytes frame)
{
	struct iovec part = { .iov_base = (void *)frame.data, .iov_len = frame.len };
	union ancillary control;
	struct msghdr message = message_make(w, &part, 1, 0, &control);

	if (sendmsg(p->fd, &message, MSG_DONTWAIT) < 0)
		port_send_failed(p, errno);
}

void udp_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	struct way w = { .address = group_address(group_port(p), (unsigned)p->link.ifindex) };

	if (to ? way_find(p, to, &w) : p->config->discover)
		send_by(p, &w, frame);
}

/* How many of them make one row. */
static unsigned row_count(const struct bytes *frames, unsigned count)
{
	size_t size = frames[0].len, bytes = size;
	unsigned i = 1;

	while (i < count && i < ROW_FRAMES && frames[i - 1].len == size && frames[i].len <= size &&
		bytes + frames[i].len <= UDP_ROW_BYTES)
		bytes += frames[i++].len;
	return i;
}

/* What one call sends. */
struct departures {
	unsigned count;
	struct mmsghdr messages[SEND_MESSAGES];
	union ancillary controls[SEND_MESSAGES];
	const struct bytes *first[SEND_MESSAGES]; /* of each row */
};

/* The kernel did not take the row. Where it cannot cut, which it says of the interface, the frames go one by one. */
static void row_failed(struct port *p, struct way *w, const struct mmsghdr *m, const struct bytes *frames, int code)
{
	bool is_alone = m->msg_hdr.msg_iovlen == 1;

	if (!is_alone && code == EIO)
		p->has_gso = false;
	for (size_t i = 0; i < m->msg_hdr.msg_iovlen; i++) {
		if (!is_alone && (code == EIO || code == EINVAL || code == EMSGSIZE))
			send_by(p, w, frames[i]);
		else
			port_send_failed(p, code);
	}
}

static void departures_send(struct port *p, struct way *w, struct departures *d)
{
	unsigned sent = 0;

	while (sent < d->count) {
		int count = sendmmsg(p->fd, d->messages + sent, d->count - sent, MSG_DONTWAIT);

		if (count > 0) {
			sent += (unsigned)count;
			continue;
		}
		row_failed(p, w, &d->messages[sent], d->first[sent], errno);
		sent++;
	}
	d->count = 0;
}

void udp_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count)
{
	struct iovec parts[BATCH_FRAMES];
	struct departures d;
	struct way w;

	if (!way_find(p, to, &w))
		return;
	d.count = 0;
	for (unsigned i = 0; i < count; i++)
		parts[i] = (struct iovec){ (void *)frames[i].data, frames[i].len };
	for (unsigned i = 0, row; i < count; i += row) {
		row = p->has_gso ? row_count(frames + i, count - i) : 1;
		d.first[d.count] = frames + i;
		d.messages[d.count].msg_hdr =
			message_make(&w, parts + i, row, row > 1 ? (uint16_t)frames[i].len : 0, &d.controls[d.count]);
		if (++d.count == SEND_MESSAGES)
			departures_send(p, &w, &d);
	}
	departures_send(p, &w, &d);
}

uint32_t udp_overruns(struct port *p)
{
	return socket_overruns(p->fd) + socket_overruns(p->group_fd);
}
