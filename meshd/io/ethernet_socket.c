/*
 * Ethernet frames by a packet socket of our own. One call takes up to IO_BATCH of them, each
 * straight into its room: the headers go elsewhere, so nothing is copied by us, and memory is
 * taken by what waits alone, where a ring has it for good (docs/performance.md has figures of
 * both).
 */
#include "meshd/io/ethernet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER (4 << 20) /* a burst of a fast link while the loop is busy elsewhere */
#define HEADERS (ETHERNET_HEADER + ETHERNET_LENGTH)

/* --- opening -------------------------------------------------------------------------------------- */

#define LOAD(size, at) BPF_STMT(BPF_LD | (size) | BPF_ABS, (at))
#define IF_EQUAL(value, skip_if, skip_else) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (skip_if), (skip_else))

/* What passes: no tag, our EtherType, and the destination is one of two. */
static int filter_set(int fd, const uint8_t own[IO_MAC_LEN])
{
	uint32_t own_head, group_head;
	uint16_t own_tail, group_tail;

	memcpy(&own_head, own, 4);
	memcpy(&own_tail, own + 4, 2);
	memcpy(&group_head, ethernet_group, 4);
	memcpy(&group_tail, ethernet_group + 4, 2);
	struct sock_filter code[] = {
		LOAD(BPF_B, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
		IF_EQUAL(0, 0, 10),
		LOAD(BPF_H, 2 * IO_MAC_LEN),
		IF_EQUAL(IO_ETHERTYPE, 0, 8),
		LOAD(BPF_W, 0),
		IF_EQUAL(ntohl(own_head), 0, 2),
		LOAD(BPF_H, 4),
		IF_EQUAL(ntohs(own_tail), 3, 4),
		IF_EQUAL(ntohl(group_head), 0, 3),
		LOAD(BPF_H, 4),
		IF_EQUAL(ntohs(group_tail), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int socket_bind(int fd, const struct port *p)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = p->link.ifindex
	};

	socket_receive_room(fd, RECEIVE_BUFFER);
	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int ethernet_socket_open(struct port *p, char error[IO_ERROR_MAX])
{
	/* Of no protocol it hears nothing until it is bound. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int code = fd < 0 ? -errno : filter_set(fd, p->link.mac);

	if (!code)
		code = socket_bind(fd, p);
	if (!code) {
		p->fd = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return io_fail(error, code, "%s: %s; see \"dmesg\"", p->config->interface, strerror(-code));
}

/* --- frames ------------------------------------------------------------------------------------------- */

struct arrivals {
	struct mmsghdr messages[IO_BATCH];
	struct iovec parts[IO_BATCH][2];
	uint8_t headers[IO_BATCH][HEADERS];
};

static void arrivals_lay(struct daemon *d, struct arrivals *a)
{
	for (unsigned i = 0; i < IO_BATCH; i++) {
		a->parts[i][0] = (struct iovec){ a->headers[i], HEADERS };
		a->parts[i][1] = (struct iovec){ d->frames[i], NODE_FRAME_MAX };
		a->messages[i].msg_hdr = (struct msghdr){ .msg_iov = a->parts[i], .msg_iovlen = 2 };
	}
}

static void frame_in(struct batch_in *in, const struct arrivals *a, unsigned i)
{
	uint8_t mac[IO_MAC_LEN];
	size_t whole = a->messages[i].msg_len, len;

	/* Padding may be longer than there is room for. */
	if (!ethernet_header_read(a->headers[i], whole, mac, &len)) {
		in->port->rx_dropped++;
		return;
	}
	struct endpoint from = endpoint_of_mac(mac);
	batch_in_add(in, &from, in->port->d->frames[i], len);
}

void ethernet_socket_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct port *p = io->data;
	struct arrivals a;
	struct batch_in in;

	(void)loop;
	(void)events;
	arrivals_lay(p->d, &a);
	int count = recvmmsg(io->fd, a.messages, IO_BATCH, MSG_DONTWAIT, NULL);
	/* An interface that was switched off is told by netlink, and is heard again by the same socket. To open it anew
	 * would stop the loop for ten milliseconds: the kernel waits until nobody can be in the old one any more. */
	if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN) {
		ev_io_stop(p->d->loop, &p->io);
		port_broken(p, "%s: %s; look at the interface", p->config->interface, strerror(errno));
	}
	batch_in_begin(&in, p);
	for (int i = 0; i < count; i++)
		frame_in(&in, &a, (unsigned)i);
	batch_in_end(&in);
}
