/*
 * The TUN: packets of this host and its LAN go into the mesh and come out of it
 * here. One wakeup takes up to IO_BATCH packets into buffers with room in front
 * and behind, so that the node seals them where they lie.
 *
 * With offloads the kernel hands out large packets. They are cut by the read itself: it
 * scatters a packet over the rooms as one like the last would have to lie, each payload
 * behind the place of its headers, which are then written there (segment.c). Where the
 * guess was wrong, as at the begin of another flow, the packet is cut by copying.
 *
 * A packet for this node's own address that the kernel sends into the mesh, since
 * somebody took the address off the TUN, ends here: the node would hand it back,
 * and it would go round between the two.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TUN_DEVICE "/dev/net/tun"
#define WAKEUP_PACKETS (4 * IO_BATCH) /* after so many others have their turn */
#define PLAIN_READS 8 /* without a large packet, until none is expected */
/* Of Linux 6.2; libc's header is older. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

static int device_fail(char error[IO_ERROR_MAX], int code)
{
	switch (-code) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return io_fail(
			error, code, TUN_DEVICE ": not there; run \"modprobe tun\", or give the container the device");
	case EACCES:
	case EPERM:
		return io_fail(error, code,
			TUN_DEVICE
			": not allowed; run meshd as root or with CAP_NET_ADMIN (the systemd unit gives it)");
	default:
		return io_fail(error, code, TUN_DEVICE ": %s; see \"dmesg\"", strerror(-code));
	}
}

static int name_fail(struct daemon *d, char error[IO_ERROR_MAX], int code)
{
	switch (-code) {
	case EBUSY:
	case EEXIST:
	case EINVAL:
		return io_fail(error, code,
			"%s: an interface of this name is there already; stop the other meshd, or write node: tun: "
			"with another name",
			d->config.tun);
	case EPERM:
	case EACCES:
		return io_fail(error, code,
			"%s: not allowed; run meshd as root or with CAP_NET_ADMIN (the systemd unit gives it)",
			d->config.tun);
	default:
		return io_fail(error, code, "%s: %s; see \"dmesg\"", d->config.tun, strerror(-code));
	}
}

/* What the kernel can do of what is wanted. */
static void offloads_open(struct tun *t)
{
	unsigned long segments = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	if (!t->has_header)
		return;
	t->takes_udp = ioctl(t->fd, TUNSETOFFLOAD, segments | TUN_F_USO4 | TUN_F_USO6) == 0;
	t->gives_large = t->takes_udp || ioctl(t->fd, TUNSETOFFLOAD, segments) == 0;
}

int tun_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	struct tun *t = &d->tun;
	/* Exclusive: a device that outlives us would keep our routes. */
	struct ifreq request = { .ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL) };
	unsigned features = 0;
	int code;

	*t = (struct tun){ .fd = -1 };
	int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return device_fail(error, -errno);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", d->config.tun);
	if (!d->config.is_unbatched && ioctl(fd, TUNGETFEATURES, &features) == 0 && features & IFF_VNET_HDR)
		request.ifr_flags |= IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		code = -errno;
		close(fd);
		return name_fail(d, error, code);
	}
	t->fd = fd;
	t->has_header = request.ifr_flags & IFF_VNET_HDR;
	offloads_open(t);
	d->batch.packets.takes_udp = t->takes_udp;
	return 0;
}

/* After a read that brought nothing. */
static void read_failed(struct daemon *d)
{
	if (errno != EAGAIN && errno != EINTR)
		daemon_fail(d, "%s: %s; the interface was removed: start meshd again", d->config.tun, strerror(errno));
}

/* False: nothing (more) to read. */
static bool packet_read(struct daemon *d, uint8_t *room, struct node_packet *packet)
{
	ssize_t len = read(d->tun.fd, room + NODE_HEADROOM, TUN_PACKET_MAX);

	if (len < 0) {
		read_failed(d);
		return false;
	}
	*packet = (struct node_packet){ .data = room + NODE_HEADROOM, .len = (size_t)len };
	return true;
}

bool packet_destination(struct bytes packet, struct address *to)
{
	struct reader r = reader_of(packet);
	uint8_t version = read_u8(&r) >> 4;
	uint8_t bytes[16];

	read_skip(&r, version == 4 ? 15 : 23);
	read_copy(&r, bytes, version == 4 ? 4 : 16);
	if (!reader_ok(&r) || (version != 4 && version != 6))
		return false;
	*to = version == 4 ? address_ipv4(bytes) : address_ipv6(bytes);
	return true;
}

static bool packet_loops(const struct node_packet *packet, const struct address *own)
{
	struct address to;

	return packet_destination(bytes_of(packet->data, packet->len), &to) && address_equal(&to, own);
}

static void packets_in(struct daemon *d, struct node_packet *packets, size_t count)
{
	struct address own = node_address(d->node);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (packet_loops(&packets[i], &own))
			d->tun.looped++;
		else
			packets[kept++] = packets[i];
	}
	if (!kept)
		return;
	node_packets_in(d->node, io_now_us(), packets, kept);
	batch_flush(d);
}

static void read_plain(struct daemon *d)
{
	struct node_packet packets[IO_BATCH];
	size_t count = 0;

	while (count < IO_BATCH && packet_read(d, d->tun.room[count], &packets[count]))
		count++;
	packets_in(d, packets, count);
}

/* --- large packets ------------------------------------------------------------------------------ */

/* What one read is scattered over: the header; the room number `first` and those that follow, as the guess is; and
 * for the rest, what is behind as much of `large` as those take. */
struct scatter {
	struct virtio_net_hdr header;
	unsigned first, count; /* of parts */
	struct iovec parts[2 + IO_BATCH];
};

static uint8_t *room_at(struct tun *t, unsigned i)
{
	return t->room[i] + NODE_HEADROOM;
}

static void scatter_lay(struct tun *t, struct scatter *s, unsigned first)
{
	const struct segments_shape *g = &t->guess;
	size_t expected = g->size ? LARGE_PACKET_MAX / g->size + 1 : 1,
	       taken = g->size ? g->header_len + g->size : TUN_PACKET_MAX;

	s->first = first;
	s->parts[0] = (struct iovec){ &s->header, sizeof(s->header) };
	s->parts[1] = (struct iovec){ room_at(t, first), taken };
	s->count = 2;
	for (unsigned i = 1; i < expected && first + i < IO_BATCH; i++) {
		s->parts[s->count++] = (struct iovec){ room_at(t, first + i) + g->header_len, g->size };
		taken += g->size;
	}
	s->parts[s->count++] = (struct iovec){ t->large + taken, sizeof(t->large) - taken };
}

/* Moves all of it to `large`. */
static void scatter_gather(struct tun *t, const struct scatter *s, size_t len)
{
	for (size_t i = 1, at = 0; i + 1 < s->count && at < len; at += s->parts[i++].iov_len)
		memcpy(t->large + at, s->parts[i].iov_base,
			len - at < s->parts[i].iov_len ? len - at : s->parts[i].iov_len);
}

/* Of a packet that is not cut: in the first room. False: it was dropped. */
static bool plain_take(struct tun *t, const struct scatter *s, size_t len, struct node_packet *packet)
{
	uint8_t *data = room_at(t, s->first);

	if (len > s->parts[1].iov_len && len <= TUN_PACKET_MAX) {
		scatter_gather(t, s, len);
		memcpy(data, t->large, len);
	}
	if (len > TUN_PACKET_MAX || checksum_complete(&s->header, data, len) < 0) {
		t->malformed++;
		return false;
	}
	*packet = (struct node_packet){ .data = data, .len = len };
	return true;
}

/* The read has put every payload where it belongs. */
static void large_in_place(struct daemon *d, const struct segments *cut)
{
	struct node_packet packets[IO_BATCH];

	for (unsigned i = 0; i < cut->count; i++) {
		uint8_t *data = room_at(&d->tun, i);

		packets[i] = (struct node_packet){ .data = data, .len = segments_write(cut, i, data) };
	}
	packets_in(d, packets, cut->count);
}

static void large_by_copy(struct daemon *d, const struct segments *cut)
{
	struct node_packet packets[IO_BATCH];
	const uint8_t *payload = d->tun.large + cut->shape.header_len;

	for (unsigned i = 0, count = 0; i < cut->count; i++) {
		uint8_t *data = room_at(&d->tun, count);

		memcpy(data + cut->shape.header_len, payload, segments_payload(cut, i));
		payload += segments_payload(cut, i);
		packets[count++] = (struct node_packet){ .data = data, .len = segments_write(cut, i, data) };
		if (count == IO_BATCH || i + 1 == cut->count) {
			packets_in(d, packets, count);
			count = 0;
		}
	}
}

/* Cuts it, behind `pending` packets that were read before it. Returns how many packets came of it. */
static unsigned large_take(
	struct daemon *d, const struct scatter *s, size_t len, struct node_packet *pending, size_t pending_count)
{
	struct tun *t = &d->tun;
	size_t at_hand = len < s->parts[1].iov_len ? len : s->parts[1].iov_len;
	struct segments cut;

	if (segments_init(&cut, &s->header, bytes_of(s->parts[1].iov_base, at_hand), len) < 0 ||
		cut.shape.header_len + cut.shape.size > TUN_PACKET_MAX) {
		t->malformed++;
		packets_in(d, pending, pending_count);
		return 0;
	}
	bool is_in_place = s->first == 0 && cut.count <= IO_BATCH && cut.shape.size == t->guess.size &&
			   cut.shape.header_len == t->guess.header_len;
	if (!is_in_place)
		scatter_gather(t, s, len);
	packets_in(d, pending, pending_count);
	if (is_in_place)
		large_in_place(d, &cut);
	else
		large_by_copy(d, &cut);
	t->guess = cut.shape;
	t->plain_reads = 0;
	return cut.count;
}

static void read_large(struct daemon *d)
{
	struct tun *t = &d->tun;
	struct node_packet packets[IO_BATCH];
	struct scatter s;
	size_t count = 0, taken = 0;

	while (taken < WAKEUP_PACKETS) {
		scatter_lay(t, &s, (unsigned)count);
		ssize_t got = readv(t->fd, s.parts, (int)s.count);
		if (got < (ssize_t)sizeof(s.header)) {
			if (got < 0)
				read_failed(d);
			break;
		}
		size_t len = (size_t)got - sizeof(s.header);
		if (s.header.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
			taken += large_take(d, &s, len, packets, count);
			count = 0;
			continue;
		}
		taken++;
		count += plain_take(t, &s, len, &packets[count]);
		if (t->guess.size && ++t->plain_reads >= PLAIN_READS)
			t->guess = (struct segments_shape){ 0 };
		/* A large packet, if one comes next, shall find all rooms free. */
		if (count == IO_BATCH || (t->guess.size && count)) {
			packets_in(d, packets, count);
			count = 0;
		}
	}
	packets_in(d, packets, count);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct daemon *d = io->data;

	(void)loop, (void)events;
	if (d->tun.has_header)
		read_large(d);
	else
		read_plain(d);
}

/* --- the daemon's calls ---------------------------------------------------------------------------- */

void tun_start(struct daemon *d)
{
	struct tun *t = &d->tun;

	ev_io_init(&t->io, on_readable, t->fd, EV_READ);
	t->io.data = d;
	ev_io_start(d->loop, &t->io);
}

void tun_close(struct daemon *d)
{
	struct tun *t = &d->tun;

	if (t->fd <= 0)
		return; /* never opened */
	if (ev_is_active(&t->io))
		ev_io_stop(d->loop, &t->io);
	close(t->fd);
	t->fd = -1;
}

void tun_deliver(struct daemon *d, struct bytes packet)
{
	static const struct virtio_net_hdr nothing;
	const struct iovec parts[2] = { { (void *)&nothing, sizeof(nothing) }, { (void *)packet.data, packet.len } };
	bool has_header = d->tun.has_header;

	if (batch_packet(d, packet))
		return;
	if (writev(d->tun.fd, has_header ? parts : parts + 1, has_header ? 2 : 1) < 0)
		d->tun.write_errors++;
}

void tun_flush(struct daemon *d)
{
	struct merge *m = &d->batch.packets;
	struct iovec parts[1 + MERGE_PACKETS];
	struct virtio_net_hdr header;

	parts[0] = (struct iovec){ &header, sizeof(header) };
	for (unsigned i = 0; i < m->group_count; i++) {
		unsigned count = merge_take(m, i, &header, parts + 1);

		if (writev(d->tun.fd, parts, (int)count + 1) < 0)
			d->tun.write_errors += count;
	}
	merge_clear(m);
}
