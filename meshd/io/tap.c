/*
 * Taps: what a link sends and receives, for captures.
 *
 *   port_send, batch_in ──sealed frame──┐
 *   node's inner, whole ──what is in it─┴─► blocks of pcapng ──► ring of TAP_ROOM ──► who reads (control.c)
 *
 * Sealed, each frame is shown as it is on the wire. Opened, what a data frame carries is
 * shown in its place if it is Babel, or an IP packet that begins or ends here. All else
 * stays sealed: handshakes, beacons, what neighbours say beside Babel, and packets of
 * others that only pass through. What is in pieces is shown in the place of the first
 * that leaves, or the last that comes; the others are shown as they are.
 *
 * What passes never waits: a packet that finds no room in the ring is counted as lost.
 */
#include "meshd/base/opened.h"
#include "meshd/base/packet.h"
#include "meshd/base/pcapng.h"
#include "meshd/io/ethernet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TAP_END 128 /* room that is kept for the statistics */
#define NS_PER_S 1000000000ull

struct tap {
	struct daemon *d;
	struct port *port; /* NULL: it has ended */
	bool is_opened;
	void (*ready)(void *user);
	void *user;
	struct pcapng_statistics statistics;
	size_t at, len; /* of what waits */
	uint8_t ring[TAP_ROOM];
};

static uint64_t date_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* --- the ring --------------------------------------------------------------------------- */

/* Whole or not at all; `spare` bytes stay free. */
static bool ring_add(struct tap *t, struct bytes b, size_t spare)
{
	size_t end = (t->at + t->len) % TAP_ROOM, first = b.len < TAP_ROOM - end ? b.len : TAP_ROOM - end;
	bool was_empty = t->len == 0;

	if (!b.len || b.len + spare > TAP_ROOM - t->len)
		return false;
	memcpy(t->ring + end, b.data, first);
	memcpy(t->ring, b.data + first, b.len - first);
	t->len += b.len;
	if (was_empty && t->ready)
		t->ready(t->user);
	return true;
}

struct bytes tap_waiting(const struct tap *t)
{
	size_t together = TAP_ROOM - t->at;

	return bytes_of(t->ring + t->at, t->len < together ? t->len : together);
}

void tap_take(struct tap *t, size_t len)
{
	t->at = (t->at + len) % TAP_ROOM;
	t->len -= len;
}

/* --- open and close ----------------------------------------------------------------------- */

static void port_mark(struct port *p)
{
	router_id rid;

	p->tap = (struct port_tap){ 0 };
	identity_router_id(rid.bytes, &p->d->enrolment.identity.public);
	p->tap.own = node_neighbour_address(&rid);
	for (unsigned i = 0; i < TAPS_MAX; i++) {
		const struct tap *t = p->d->taps[i];

		p->tap.is_on |= t && t->port == p;
		p->tap.is_opened |= t && t->port == p && t->is_opened;
	}
}

static struct tap **place_find(struct daemon *d, const struct tap *t)
{
	for (unsigned i = 0; i < TAPS_MAX; i++)
		if (d->taps[i] == t)
			return &d->taps[i];
	return NULL;
}

static void begin(struct tap *t)
{
	uint8_t data[PCAPNG_BLOCK_MAX];
	struct writer out = writer_of(data, sizeof(data));

	pcapng_begin(&out, "meshd " MESHD_VERSION);
	pcapng_interface(&out, t->port->config->name, t->port->config->rate_bps);
	ring_add(t, writer_bytes(&out), TAP_END);
}

struct tap *tap_open(struct port *p, bool is_opened)
{
	struct tap **place = place_find(p->d, NULL), *t = place ? malloc(sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	*place = t;
	t->d = p->d;
	t->port = p;
	t->is_opened = is_opened;
	t->ready = NULL;
	t->user = NULL;
	t->statistics = (struct pcapng_statistics){ 0 };
	t->at = t->len = 0;
	begin(t);
	port_mark(p);
	return t;
}

void tap_watch(struct tap *t, void (*ready)(void *user), void *user)
{
	t->ready = ready;
	t->user = user;
}

bool tap_has_ended(const struct tap *t)
{
	return !t->port;
}

void tap_end(struct tap *t)
{
	struct port *p = t->port;
	uint8_t data[TAP_END];
	struct writer out = writer_of(data, sizeof(data));

	if (!p)
		return;
	t->port = NULL;
	port_mark(p);
	pcapng_statistics(&out, 0, date_ns(), &t->statistics);
	ring_add(t, writer_bytes(&out), 0);
}

void tap_link_gone(struct port *p)
{
	for (unsigned i = 0; i < TAPS_MAX; i++)
		if (p->d->taps[i] && p->d->taps[i]->port == p)
			tap_end(p->d->taps[i]);
}

void tap_close(struct tap *t)
{
	struct daemon *d = t->d;

	t->ready = NULL;
	tap_end(t);
	*place_find(d, t) = NULL;
	free(t);
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A packet that has an Ethernet header, to those who look: at what is sealed, at what is opened, or both. */
static void packet_show(struct port *p, const struct writer *packet, bool to_sealed, bool to_opened)
{
	uint8_t data[PCAPNG_BLOCK_MAX];
	struct writer out = writer_of(data, sizeof(data));

	pcapng_packet(&out, 0, date_ns(), writer_bytes(packet));
	for (unsigned i = 0; i < TAPS_MAX; i++) {
		struct tap *t = p->d->taps[i];

		if (!t || t->port != p || !(t->is_opened ? to_opened : to_sealed))
			continue;
		t->statistics.seen++;
		t->statistics.lost += !ring_add(t, writer_bytes(&out), TAP_END);
	}
}

/* Who has none on this link gets one that is his alone: from the end of what tells him from others. */
static void mac_write(struct writer *out, struct bytes of)
{
	write_u16(out, 0x026d); /* locally administered */
	write_zeros(out, of.len < 4 ? 4 - of.len : 0);
	write_bytes(out, of.len < 4 ? of : bytes_of(of.data + of.len - 4, 4));
}

static void own_mac_write(struct writer *out, const struct port *p)
{
	if (p->config->type == CONFIG_ETHERNET)
		write_copy(out, p->link.mac, IO_MAC_LEN);
	else
		mac_write(out, bytes_of(p->tap.own.bytes, sizeof(p->tap.own.bytes)));
}

/* NULL: of all. */
static void endpoint_mac_write(struct writer *out, const struct port *p, const struct endpoint *e)
{
	static const uint8_t all[IO_MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (!e)
		write_copy(out, p->config->type == CONFIG_ETHERNET ? ethernet_group : all, IO_MAC_LEN);
	else if (p->config->type == CONFIG_ETHERNET)
		write_copy(out, e->bytes, IO_MAC_LEN);
	else
		mac_write(out, bytes_of(e->bytes, e->len));
}

static void macs_write(struct writer *out, const struct port *p, bool is_out, const struct endpoint *other)
{
	if (is_out) {
		endpoint_mac_write(out, p, other);
		own_mac_write(out, p);
	} else {
		own_mac_write(out, p);
		endpoint_mac_write(out, p, other);
	}
}

/* --- sealed ------------------------------------------------------------------------------------- */

static uint16_t own_udp_port(const struct port *p)
{
	struct sockaddr_in6 own = { 0 };
	socklen_t len = sizeof(own);

	return getsockname(p->fd, (struct sockaddr *)&own, &len) == 0 ? ntohs(own.sin6_port) : 0;
}

/* The kernel chooses our own address as it sends: none is known here. */
static void udp_write(
	struct writer *out, const struct port *p, bool is_out, const struct endpoint *other, struct bytes frame)
{
	static const uint8_t none[16], group[16] = { 0xff, 2, [12] = 'm', 'e', 's', 'h' };
	struct address there = address_ipv6(group), here;
	uint16_t there_port = p->config->port ? p->config->port : CONFIG_UDP_PORT, here_port = own_udp_port(p);

	if (other) {
		struct endpoint unscoped = *other;

		memset(unscoped.bytes + ENDPOINT_UDP_LEN - 4, 0, 4);
		if (!endpoint_address(&unscoped, &there, &there_port))
			return;
	}
	here = there.family == FAMILY_IPV4 ? address_ipv4(none) : address_ipv6(none);
	const struct packet_udp u = {
		.hop_limit = 64,
		.source = is_out ? here : there,
		.destination = is_out ? there : here,
		.source_port = is_out ? here_port : there_port,
		.destination_port = is_out ? there_port : here_port,
	};
	write_u16(out, there.family == FAMILY_IPV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	packet_write_udp(out, &u, frame);
}

static void sealed_show(
	struct port *p, bool is_out, const struct endpoint *other, struct bytes frame, bool to_sealed, bool to_opened)
{
	uint8_t data[PCAPNG_PACKET_MAX];
	struct writer out = writer_of(data, sizeof(data));

	macs_write(&out, p, is_out, other);
	if (p->config->type == CONFIG_UDP) {
		udp_write(&out, p, is_out, other, frame);
	} else {
		write_u16(&out, ETHERTYPE_MESH);
		write_u16(&out, (uint16_t)frame.len);
		write_bytes(&out, frame);
	}
	packet_show(p, &out, to_sealed, to_opened);
}

static void plain_show(struct port *p, bool is_out, const struct address *other, bool is_to_all, struct bytes packet)
{
	const struct address *own = &p->addresses.link_local, all = opened_babel_group();
	struct endpoint e = { .len = sizeof(other->bytes) };
	uint8_t data[PCAPNG_PACKET_MAX];
	struct writer out = writer_of(data, sizeof(data));

	if (other)
		memcpy(e.bytes, other->bytes, sizeof(other->bytes));
	macs_write(&out, p, is_out, other ? &e : NULL);
	opened_write_babel(&out, packet, is_out ? own : other, is_to_all ? &all : is_out ? other : own);
	packet_show(p, &out, true, true);
}

void tap_babel_in(struct port *p, const struct address *from, bool is_to_all, struct bytes packet)
{
	plain_show(p, false, from, is_to_all, packet);
}

void tap_out(struct port *p, const struct endpoint *to, struct bytes frame)
{
	bool is_shown = p->tap.out_is_shown && node_frame_is_data(p->config->is_thin, frame);

	if (p->config->type == CONFIG_BABEL) {
		struct address there = to ? address_ipv6(to->bytes) : (struct address){ 0 };

		plain_show(p, true, to ? &there : NULL, !to, frame);
		return;
	}
	if (is_shown)
		p->tap.out_is_shown = false;
	sealed_show(p, true, to, frame, true, !is_shown);
}

/* --- opened ---------------------------------------------------------------------------------------- */

/* A packet of others that passes through is theirs, though it lies open here. */
static bool is_for_us(const struct port *p, struct bytes inner)
{
	struct address ends[2];
	struct prefix match;

	if (!opened_ends(inner, &ends[0], &ends[1]))
		return true;
	return node_lookup(p->d->node, &ends[0], &match) == NODE_VERDICT_OWN ||
	       node_lookup(p->d->node, &ends[1], &match) == NODE_VERDICT_OWN;
}

/* False: it stays sealed. */
static bool opened_show(struct port *p, bool is_out, const struct address *neighbour, struct bytes inner)
{
	const struct address *own = &p->tap.own;
	struct bytes here = bytes_of(own->bytes, sizeof(own->bytes));
	struct bytes there = bytes_of(neighbour->bytes, sizeof(neighbour->bytes));
	uint8_t data[PCAPNG_PACKET_MAX];
	struct writer out = writer_of(data, sizeof(data));

	if (!is_for_us(p, inner))
		return false;
	mac_write(&out, is_out ? there : here);
	mac_write(&out, is_out ? here : there);
	if (!opened_write(&out, inner, is_out ? own : neighbour, is_out ? neighbour : own))
		return false;
	packet_show(p, &out, false, true);
	return true;
}

static void pending_show(struct port *p)
{
	if (p->tap.pending.len)
		sealed_show(p, false, p->tap.pending_from, p->tap.pending, false, true);
	p->tap.pending = bytes_of(NULL, 0);
}

/* What is in the frame that came, before it is read. Several may be in one: it is shown beside them if one is not. */
static void in_show(struct port *p, const struct address *neighbour, struct bytes inner)
{
	if (opened_show(p, false, neighbour, inner))
		p->tap.in_is_shown = true;
	else
		pending_show(p);
}

/* One by one, so that it is known which frame it is that the node opens: in place, so the sealed one is kept before. */
void tap_frames_in(struct port *p, uint64_t now_us, struct node_frame *frames, size_t count)
{
	uint8_t sealed[NODE_FRAME_MAX];

	for (size_t i = 0; i < count; i++) {
		struct bytes frame = bytes_of(frames[i].data, frames[i].len);

		sealed_show(p, false, &frames[i].from, frame, true, false);
		if (p->tap.is_opened && frame.len <= sizeof(sealed)) {
			memcpy(sealed, frame.data, frame.len);
			p->tap.pending = bytes_of(sealed, frame.len);
			p->tap.pending_from = &frames[i].from;
			if (!node_frame_is_data(p->config->is_thin, frame))
				pending_show(p); /* before what it is answered with */
		}
		p->tap.in_is_shown = false;
		node_frames_in(p->d->node, now_us, p->id, &frames[i], 1);
		if (p->tap.in_is_shown)
			p->tap.pending = bytes_of(NULL, 0);
		pending_show(p);
		batch_flush(p->d);
	}
}

void tap_inner(struct port *p, bool is_out, const struct address *neighbour, struct bytes inner)
{
	if (!is_out) {
		if (!opened_is_wrapped(inner))
			in_show(p, neighbour, inner);
		return;
	}
	if (!p->tap.has_whole)
		p->tap.out_is_shown = opened_show(p, true, neighbour, inner);
	p->tap.has_whole = false;
}

void tap_whole(struct port *p, bool is_out, const struct address *neighbour, struct bytes inner)
{
	if (!is_out) {
		in_show(p, neighbour, inner);
		return;
	}
	bool is_shown = opened_show(p, true, neighbour, inner);

	/* Several are in one frame: it is shown beside them if one of them is not. */
	p->tap.out_is_shown = is_shown && (!p->tap.has_whole || p->tap.out_is_shown);
	p->tap.has_whole = true;
}
