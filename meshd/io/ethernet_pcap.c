/*
 * Ethernet links by libpcap: a filter in the kernel (our EtherType, to us or to the group)
 * and a ring from which a wakeup takes up to IO_BATCH frames. They are copied out, because
 * libpcap gives a place in the ring back after each frame.
 *
 * The ring is memory that is taken even if nothing ever comes, so it is as large as the
 * link's rate asks for.
 */
#include "meshd/io/ethernet.h"
#include "meshd/io/library.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>

#define RING_LEAST (128 << 10)
#define RING_MOST (2 << 20)
#define RING_MS 20 /* so long the loop may be busy elsewhere */

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
		IO_ETHERTYPE, m[0], m[1], m[2], m[3], m[4], m[5], ethernet_group[0], ethernet_group[1],
		ethernet_group[2], ethernet_group[3], ethernet_group[4], ethernet_group[5]);
	int code = pcap_compile(p->pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN);
	if (code)
		return code;
	code = pcap_setfilter(p->pcap, &program);
	pcap_freecode(&program);
	return code;
}

/* Of 0 it is not known what passes. */
static int ring_bytes(uint64_t rate_bps)
{
	uint64_t bytes = rate_bps / 8 * RING_MS / 1000;

	if (!rate_bps || bytes > RING_MOST)
		return RING_MOST;
	return bytes < RING_LEAST ? RING_LEAST : (int)bytes;
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
	if (pcap_setnonblock(p->pcap, 1, text))
		return io_fail(error, -EIO, "%s: %s; see \"dmesg\"", p->config->interface, text);
	return 0;
}

int ethernet_pcap_open(struct port *p, char error[IO_ERROR_MAX])
{
	char text[PCAP_ERRBUF_SIZE];
	int code = library_load(&library_pcap, error);

	if (code < 0)
		return code;
	p->pcap = pcap_create(p->config->interface, text);
	if (!p->pcap)
		return io_fail(error, -ENOMEM, "%s: %s; free some memory", p->config->interface, text);
	pcap_set_promisc(p->pcap, 0);
	pcap_set_immediate_mode(p->pcap, 1);
	pcap_set_snaplen(p->pcap, ETHERNET_MAX);
	pcap_set_buffer_size(p->pcap, ring_bytes(p->config->rate_bps));
	code = pcap_activate(p->pcap); /* positive: a warning */
	code = code < 0 ? activate_fail(p, error, code) : ring_setup(p, error);
	if (code < 0) {
		pcap_close(p->pcap);
		p->pcap = NULL;
		return code;
	}
	p->fd = pcap_get_selectable_fd(p->pcap);
	return 0;
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

void ethernet_pcap_readable(struct ev_loop *loop, ev_io *io, int events)
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
