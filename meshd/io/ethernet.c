/*
 * Ethernet links: sealed frames under our own EtherType, no IP needed beneath.
 * Frames to all go to a group address of ours, which the interface is told to
 * let in; it is never put into promiscuous mode.
 *
 * With offloads frames arrive by a packet socket of our own (ethernet_socket.c). Without
 * them, and where the kernel gives no such socket, they do by libpcap (ethernet_pcap.c).
 * A batch of frames leaves by one call on the socket of either (sendmmsg).
 */
#include "meshd/io/ethernet.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BUFFER (2 << 20) /* what a device has not sent yet; what finds no room is lost */

const uint8_t ethernet_group[IO_MAC_LEN] = { 0x03, 0x6d, 0x65, 0x73, 0x68, 0x01 };

/* --- opening -------------------------------------------------------------------------------------- */

static int group_join(struct port *p)
{
	struct packet_mreq request = {
		.mr_ifindex = p->link.ifindex,
		.mr_type = PACKET_MR_MULTICAST,
		.mr_alen = IO_MAC_LEN,
	};

	/* The kernel need not queue our own frames. */
	socket_set(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	socket_send_room(p->fd, SEND_BUFFER);
	memcpy(request.mr_address, ethernet_group, IO_MAC_LEN);
	return setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) < 0 ? -errno : 0;
}

int ethernet_open(struct port *p, char error[IO_ERROR_MAX])
{
	bool is_own = !p->d->config.is_unbatched && p->link.is_ethernet && ethernet_socket_open(p, error) == 0;
	int code = is_own ? 0 : ethernet_pcap_open(p, error);

	if (code < 0)
		return code;
	code = group_join(p);
	if (code < 0) {
		ethernet_close(p);
		return io_fail(error, code, "%s: takes no group address: %s; its driver must, see \"ip maddress\"",
			p->config->interface, strerror(-code));
	}
	ev_io_init(&p->io, is_own ? ethernet_socket_readable : ethernet_pcap_readable, p->fd, EV_READ);
	p->io.data = p;
	ev_io_start(p->d->loop, &p->io);
	return 0;
}

void ethernet_close(struct port *p)
{
	if (ev_is_active(&p->io))
		ev_io_stop(p->d->loop, &p->io);
	if (p->pcap)
		pcap_close(p->pcap);
	else if (p->fd >= 0)
		close(p->fd);
	p->pcap = NULL;
	p->fd = -1;
}

/* --- frames ------------------------------------------------------------------------------------------- */

void ethernet_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	uint8_t raw[ETHERNET_MAX];

	if (to && to->len != IO_MAC_LEN)
		return;
	size_t len = ethernet_wrap(raw, to ? to->bytes : ethernet_group, p->link.mac, frame);
	if (!len)
		port_send_failed(p, EMSGSIZE);
	else if (send(p->fd, raw, len, MSG_DONTWAIT) < 0)
		port_send_failed(p, errno);
}

/* What one call sends: headers, frames where they lie, and what short ones are filled up with. */
struct departures {
	struct mmsghdr messages[IO_BATCH];
	struct iovec parts[IO_BATCH][3];
	uint8_t headers[IO_BATCH][ETHERNET_HEADER + ETHERNET_LENGTH];
};

static void departure_lay(struct departures *d, unsigned i, const struct port *p, const uint8_t *to, struct bytes frame)
{
	static const uint8_t zeros[ETHERNET_MIN];
	size_t len = sizeof(d->headers[i]) + frame.len, missing = len < ETHERNET_MIN ? ETHERNET_MIN - len : 0;

	ethernet_header_write(d->headers[i], to, p->link.mac, frame.len);
	d->parts[i][0] = (struct iovec){ d->headers[i], sizeof(d->headers[i]) };
	d->parts[i][1] = (struct iovec){ (void *)frame.data, frame.len };
	d->parts[i][2] = (struct iovec){ (void *)zeros, missing };
	d->messages[i].msg_hdr = (struct msghdr){ .msg_iov = d->parts[i], .msg_iovlen = missing ? 3 : 2 };
}

static void departures_send(struct port *p, struct departures *d, unsigned count)
{
	for (unsigned sent = 0; sent < count;) {
		int taken = sendmmsg(p->fd, d->messages + sent, count - sent, MSG_DONTWAIT);

		if (taken <= 0)
			port_send_failed(p, errno);
		sent += taken > 0 ? (unsigned)taken : 1;
	}
}

void ethernet_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count)
{
	struct departures d;
	unsigned laid = 0;

	if (to->len != IO_MAC_LEN)
		return;
	for (unsigned i = 0; i < count; i++) {
		departure_lay(&d, laid++, p, to->bytes, frames[i]);
		if (laid == IO_BATCH || i + 1 == count) {
			departures_send(p, &d, laid);
			laid = 0;
		}
	}
}

uint32_t ethernet_overruns(struct port *p)
{
	struct pcap_stat stat;

	if (!p->pcap)
		return socket_overruns(p->fd);
	return pcap_stats(p->pcap, &stat) == 0 ? stat.ps_drop : 0;
}
