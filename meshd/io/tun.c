/*
 * The TUN: packets of this host and its LAN go into the mesh and come out of it
 * here. One wakeup takes up to IO_BATCH packets into buffers with room in front
 * and behind, so that the node seals them where they lie.
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

int tun_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	struct tun *t = &d->tun;
	/* Exclusive: a device that outlives us would keep our routes. */
	struct ifreq request = { .ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL) };
	int code;

	*t = (struct tun){ .fd = -1 };
	int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return device_fail(error, -errno);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", d->config.tun);
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		code = -errno;
		close(fd);
		return name_fail(d, error, code);
	}
	t->fd = fd;
	return 0;
}

/* False: nothing (more) to read. */
static bool packet_read(struct daemon *d, uint8_t *room, struct node_packet *packet)
{
	ssize_t len = read(d->tun.fd, room + NODE_HEADROOM, TUN_PACKET_MAX);

	if (len < 0) {
		if (errno != EAGAIN && errno != EINTR)
			daemon_fail(d, "%s: %s; the interface was removed: start meshd again", d->config.tun,
				strerror(errno));
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

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct daemon *d = io->data;
	struct tun *t = &d->tun;
	struct address own = node_address(d->node);
	struct node_packet packets[IO_BATCH];
	size_t count = 0;

	(void)loop;
	(void)events;
	for (unsigned i = 0; i < IO_BATCH && packet_read(d, t->room[i], &packets[count]); i++) {
		if (packet_loops(&packets[count], &own))
			t->looped++;
		else
			count++;
	}
	if (count)
		node_packets_in(d->node, io_now_us(), packets, count);
}

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
	if (write(d->tun.fd, packet.data, packet.len) < 0)
		d->tun.write_errors++;
}
