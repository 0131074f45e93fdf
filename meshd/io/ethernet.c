/*
 * Ethernet links: sealed frames under our own EtherType, no IP needed beneath.
 * Frames to all go to a group address of ours, which the interface is told to
 * let in; it is never put into promiscuous mode.
 *
 * libpcap gives a filter in the kernel (our EtherType, to us or to the group)
 * and a ring from which a wakeup takes up to IO_BATCH frames. They are copied
 * out, because libpcap gives a place in the ring back after each frame. A batch of
 * frames leaves by one call on libpcap's socket (sendmmsg), one frame by libpcap.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/socket.h>

#define RING_BYTES (2 << 20)

static const uint8_t group[IO_MAC_LEN] = { 0x03, 0x6d, 0x65, 0x73, 0x68, 0x01 }; /* locally administered, group */

/* --- opening -------------------------------------------------------------------------------------- */

static int activate_fail(const struct port *p, char error[IO_ERROR_MAX], int code)
{
	const char *interface = p->config->interface;

	switch (code) {
	case PCAP_ERROR_PERM_DENIED:
		return io_fail(error, -EPERM,
			"%s: not allowed; run meshd as root or with CAP_NET_RAW (the systemd unit gives it)",
			interface);
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return io_fail(error, -ENODEV, "%s is not there; plug it in", interface);
	case PCAP_ERROR_IFACE_NOT_UP:
		return io_fail(error, -ENETDOWN, "%s is switched off; run \"ip link set %s up\"", interface, interface);
	default:
		return io_fail(error, -EIO, "%s: %s; see \"dmesg\"", interface, pcap_geterr(p->pcap));
	}
}

static int filter_set(struct port *p)
{
	const uint8_t *m = p->link.mac;
	struct bpf_program program;
	char text[128];

	snprintf(text, sizeof(text),
		"ether proto 0x%04x and (ether dst %02x:%02x:%02x:%02x:%02x:%02x or ether dst "
		"%02x:%02x:%02x:%02x:%02x:%02x)",
		IO_ETHERTYPE, m[0], m[1], m[2], m[3], m[4], m[5], group[0], group[1], group[2], group[3], group[4],
		group[5]);
	int code = pcap_compile(p->pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN);
	if (code)
		return code;
	code = pcap_setfilter(p->pcap, &program);
	pcap_freecode(&program);
	return code;
}

static int group_join(struct port *p)
{
	struct packet_mreq request = {
		.mr_ifindex = p->link.ifindex,
		.mr_type = PACKET_MR_MULTICAST,
		.mr_alen = IO_MAC_LEN,
	};
	int fd = pcap_fileno(p->pcap), ignore = 1;

	/* pcap_setdirection() sorts out our own frames one by one; the kernel need not queue them at all. */
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore));
	memcpy(request.mr_address, group, IO_MAC_LEN);
	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) < 0 ? -errno : 0;
}

/* After activation. */
static int ring_setup(struct port *p, char error[IO_ERROR_MAX])
{
	char text[PCAP_ERRBUF_SIZE];

	if (pcap_datalink(p->pcap) != DLT_EN10MB)
		return io_fail(error, -EPFNOSUPPORT, "%s is not an Ethernet interface; write type: udp, with peers",
			p->config->interface);
	if (filter_set(p) || pcap_setdirection(p->pcap, PCAP_D_IN))
		return io_fail(error, -EIO, "%s: %s; see \"dmesg\"", p->config->interface, pcap_geterr(p->pcap));
	int code = group_join(p);
	if (code < 0)
		return io_fail(error, code, "%s: takes no group address: %s; its driver must, see \"ip maddress\"",
			p->config->interface, strerror(-code));
	if (pcap_setnonblock(p->pcap, 1, text))
		return io_fail(error, -EIO, "%s: %s; see \"dmesg\"", p->config->interface, text);
	return 0;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events);

int ethernet_open(struct port *p, char error[IO_ERROR_MAX])
{
	char text[PCAP_ERRBUF_SIZE];

	p->pcap = pcap_create(p->config->interface, text);
	if (!p->pcap)
		return io_fail(error, -ENOMEM, "%s: %s; free some memory", p->config->interface, text);
	pcap_set_promisc(p->pcap, 0);
	pcap_set_immediate_mode(p->pcap, 1);
	pcap_set_snaplen(p->pcap, ETHERNET_MAX);
	pcap_set_buffer_size(p->pcap, RING_BYTES);
	int code = pcap_activate(p->pcap); /* positive: a warning */
	code = code < 0 ? activate_fail(p, error, code) : ring_setup(p, error);
	if (code < 0) {
		ethernet_close(p);
		return code;
	}
	ev_io_init(&p->io, on_readable, pcap_get_selectable_fd(p->pcap), EV_READ);
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
	p->pcap = NULL;
}

/* --- frames ------------------------------------------------------------------------------------------- */

static void frame_in(uint8_t *user, const struct pcap_pkthdr *header, const uint8_t *raw)
{
	struct batch_in *in = (struct batch_in *)(void *)user;
	struct daemon *d = in->port->d;
	uint8_t mac[IO_MAC_LEN];
	struct bytes frame;

	if (!ethernet_unwrap(bytes_of(raw, header->caplen), mac, &frame)) {
		in->port->rx_dropped++;
		return;
	}
	struct endpoint from = endpoint_of_mac(mac);
	memcpy(d->frames[in->count], frame.data, frame.len);
	batch_in_add(in, &from, d->frames[in->count], frame.len);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct port *p = io->data;
	struct batch_in in;

	(void)loop;
	(void)events;
	batch_in_begin(&in, p);
	int count = pcap_dispatch(p->pcap, IO_BATCH, frame_in, (uint8_t *)&in);
	batch_in_end(&in);
	if (count != PCAP_ERROR)
		return;
	/* The ring stays readable until it is opened anew; the tick does that. */
	ev_io_stop(p->d->loop, &p->io);
	port_broken(p, "%s: %s; look at the interface", p->config->interface, pcap_geterr(p->pcap));
}

void ethernet_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	uint8_t raw[ETHERNET_MAX];

	if (to && to->len != IO_MAC_LEN)
		return;
	size_t len = ethernet_wrap(raw, to ? to->bytes : group, p->link.mac, frame);
	errno = 0;
	if (!len)
		port_send_failed(p, EMSGSIZE);
	else if (pcap_inject(p->pcap, raw, len) < 0)
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

/* By the socket that libpcap has opened, many by one call. */
static void departures_send(struct port *p, struct departures *d, unsigned count)
{
	for (unsigned sent = 0; sent < count;) {
		int taken = sendmmsg(pcap_fileno(p->pcap), d->messages + sent, count - sent, MSG_DONTWAIT);

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

	return pcap_stats(p->pcap, &stat) == 0 ? stat.ps_drop : 0;
}
