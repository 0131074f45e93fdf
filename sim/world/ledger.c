/*
 * The books of a station, beside its node's own: what it was handed, what it
 * sealed and opened, what its host got.
 *
 *   sealing ─► sent ──► (the note goes with the frame) ──► handed ─► opening
 *
 * No byte is read that no station wrote: what a node opens is what another one
 * sealed for it, to the byte, and that once. No packet is lost in silence: at the
 * end of each life the node's counters must account for all that went in. And a
 * host gets only packets for itself or for what is behind it.
 */
#include "meshd/base/map.h"
#include "sim/world/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND_IP 0 /* docs/frames.md */
#define KIND_PIECE 5
#define KIND_BUNDLE 6
#define BUNDLE_LONG 0xf0 /* from it on a length is two bytes */
#define KIND_MESSAGE 8
#define KIND_COMPRESSED 7
#define KIND_CLASS 0x60
#define BREACH_TEXT 256

struct opened {
	uint64_t bits; /* a multiple of 8 */
	uint8_t *is_opened; /* by number */
};

void station_breach(struct station *s, const char *format, ...)
{
	va_list arguments;

	if (s->breach)
		return;
	s->breach = world_alloc(BREACH_TEXT);
	int len = snprintf(s->breach, BREACH_TEXT, "at %.6f s: %s ", (double)station_time_us(s) / 1e6, s->name);
	va_start(arguments, format);
	vsnprintf(s->breach + len, BREACH_TEXT - (size_t)len, format, arguments);
	va_end(arguments);
}

const char *world_breach(const struct world *w)
{
	for (unsigned i = 0; i < w->station_count; i++)
		if (w->stations[i]->breach)
			return w->stations[i]->breach;
	return NULL;
}

static uint64_t digest_of(struct bytes inner)
{
	static const uint64_t key[2];

	return siphash24(key, inner);
}

/* --- what nodes seal and open ------------------------------------------------------- */

static bool kind_is_packet(uint8_t kind)
{
	return (kind & ~KIND_CLASS) == KIND_IP || (kind & ~KIND_CLASS) == KIND_COMPRESSED;
}

/* People's: what nodes say to each other for its own sake is the rest. */
static bool kind_is_for_users(uint8_t kind)
{
	return kind_is_packet(kind) || kind == KIND_MESSAGE;
}

/* How many of them are in it, or begin with it? *is_for_users: there is something of one in it. Only the first piece
 * tells what it is of. */
static unsigned inner_users(struct station *s, const struct address *to, struct bytes inner, bool *is_for_users)
{
	struct reader r = reader_of(inner);
	uint8_t kind = read_u8(&r);
	unsigned count = 0;

	*is_for_users = kind_is_for_users(kind);
	if (kind == KIND_BUNDLE) {
		while (reader_left(&r) > 0) {
			uint8_t first = read_u8(&r);
			size_t len = first < BUNDLE_LONG ? first : (size_t)(first - BUNDLE_LONG) << 8 | read_u8(&r);
			struct bytes item = read_bytes(&r, len);

			count += item.len && kind_is_for_users(item.data[0]);
		}
		*is_for_users = count > 0;
		return count;
	}
	if (kind != KIND_PIECE)
		return *is_for_users;
	uint8_t id = read_u8(&r), place = read_u8(&r), whole = read_u8(&r);
	bool *piece_is_for_users = &s->piece_is_for_users[id ^ to->bytes[15]];
	if (place >> 1 == 0)
		*piece_is_for_users = kind_is_for_users(whole);
	*is_for_users = *piece_is_for_users;
	return *is_for_users && place >> 1 == 0;
}

void ledger_sealing(struct station *s, const struct address *to, struct bytes inner)
{
	bool is_for_users;
	unsigned packets = inner_users(s, to, inner, &is_for_users);

	s->sealing = (struct sealed){
		.is_sealed = true,
		.is_for_users = is_for_users,
		.from = s->index,
		.number = s->sealed_count++,
		.by = s->neighbour_address,
		.to = *to,
		.digest = digest_of(inner),
	};
	s->ledger.sealed++;
	s->ledger.users_sealed += packets;
}

static size_t data_min(const struct port *p)
{
	return port_header_len(p) + (p->config.is_thin ? THIN_TAG_LEN : TAG_LEN);
}

struct sealed ledger_sent(struct port *p, struct bytes frame)
{
	struct station *s = p->station;
	struct sealed note = { 0 };

	if (!port_frame_is_data(p, frame))
		return note;
	note = s->sealing;
	s->sealing.is_sealed = false;
	s->ledger.sent++;
	if (!note.is_sealed)
		station_breach(s, "sends a data frame that it did not seal");
	return note;
}

void ledger_carried(struct station *s, const struct sealed *note, unsigned segments)
{
	if (!note->is_sealed)
		return;
	s->ledger.carried += segments;
	s->ledger.nowhere += segments == 0;
}

void ledger_handed(struct port *p, const struct sealed *note, struct bytes frame)
{
	struct station *s = p->station;

	s->landing = *note;
	s->ledger.data_in += frame.len >= data_min(p) && port_frame_is_data(p, frame);
}

void ledger_handled(struct station *s)
{
	s->landing.is_sealed = false;
}

/* The first time? */
static bool opened_mark(struct station *s, const struct sealed *note)
{
	if (!s->opened)
		s->opened = world_alloc(s->w->station_count * sizeof(*s->opened));
	struct opened *o = &s->opened[note->from];

	if (note->number >= o->bits) {
		uint64_t bits = (2 * note->number + 1024) / 8 * 8;

		o->is_opened = realloc(o->is_opened, bits / 8);
		if (!o->is_opened)
			abort();
		memset(o->is_opened + o->bits / 8, 0, (bits - o->bits) / 8);
		o->bits = bits;
	}
	bool is_first = !(o->is_opened[note->number / 8] & 1u << note->number % 8);
	o->is_opened[note->number / 8] |= (uint8_t)(1u << note->number % 8);
	return is_first;
}

void ledger_opening(struct station *s, const struct address *from, struct bytes inner)
{
	const struct sealed *note = &s->landing;

	s->ledger.opened++;
	s->ledger.ip_opened += inner.len && kind_is_packet(inner.data[0]);
	if (!note->is_sealed || !address_equal(from, &note->by) || !address_equal(&note->to, &s->neighbour_address) ||
		note->digest != digest_of(inner))
		station_breach(s, "reads %zu bytes that no station sealed for it", inner.len);
	else if (s->w->interfere && !opened_mark(s, note))
		station_breach(s, "reads %zu bytes of %s again", inner.len, s->w->stations[note->from]->name);
	s->landing.is_sealed = false;
}

/* --- what the host gets ---------------------------------------------------------------- */

static bool packet_destination(struct bytes packet, struct address *to)
{
	struct reader r = reader_of(packet);
	uint8_t bytes[16];

	if (packet.len && packet.data[0] >> 4 == 4) {
		read_skip(&r, 16);
		read_copy(&r, bytes, 4);
		*to = address_ipv4(bytes);
	} else {
		read_skip(&r, 24);
		read_copy(&r, bytes, 16);
		*to = address_ipv6(bytes);
	}
	return reader_ok(&r);
}

void ledger_delivered(struct station *s, struct bytes packet)
{
	char text[ADDRESS_TEXT];
	struct address to;
	bool is_ours;

	s->ledger.delivered++;
	if (!packet_destination(packet, &to)) {
		station_breach(s, "gives its host %zu bytes that are no packet", packet.len);
		return;
	}
	is_ours = address_is_multicast(&to) || address_equal(&to, &s->address);
	for (unsigned i = 0; i < s->prefix_count; i++)
		is_ours |= prefix_contains_address(&s->prefixes[i], &to);
	if (!is_ours)
		station_breach(s, "gives its host a packet for %s", address_format(&to, text));
}

void ledger_done(struct station *s)
{
	for (unsigned i = 0; s->opened && i < s->w->station_count; i++)
		free(s->opened[i].is_opened);
	free(s->opened);
	free(s->breach);
}

/* --- the end of a life -------------------------------------------------------------------- */

static void balance(struct station *s, const char *what, uint64_t in, uint64_t out)
{
	if (in != out)
		station_breach(s, "does not account for %s: %" PRIu64 " in, %" PRIu64 " out", what, in, out);
}

/* Packets that a link's queue has, or lost. */
static void queue_count(void *arg, const struct node_link_info *info)
{
	uint64_t *count = arg;

	for (unsigned lane = NODE_LANE_CONTROL + 1; lane < NODE_LANES; lane++) {
		const struct node_lane_info *l = &info->lanes[lane];

		*count += l->packets + l->full + l->late + l->gone - l->begun;
	}
}

void ledger_close(struct station *s)
{
	const struct ledger *l = &s->ledger;
	const struct node_counters *c = node_counters(s->node);
	const struct node_drops *d = &c->drops;
	uint64_t icmp_to_host = l->delivered - c->packets_delivered, queued = 0;

	node_dump_links(s->node, queue_count, &queued);
	balance(s, "its host's packets", l->offered, c->packets_in);
	s->host_taken += c->packets_in;
	balance(s, "packets", c->packets_in + l->ip_opened + c->packets_joined,
		c->packets_delivered + c->packets_forwarded + d->packet_malformed + d->not_forwardable + d->no_route +
			d->hop_limit + d->too_big + d->bulk_not_admitted + d->bulk_over_limit + d->not_expandable +
			d->came_back);
	balance(s, "packets to neighbours",
		c->packets_forwarded + c->fragments_more + c->icmp_sent - icmp_to_host + c->messages_said,
		l->users_sealed + queued);
	balance(s, "data frames", l->data_in,
		l->opened + d->unknown_session + d->not_authentic + d->replayed + d->session_expired);
	balance(s, "data frames that it sent", l->sent, l->carried + l->nowhere);
	/* Frames that are no data fail at a link that is down as well. */
	if (l->sealed < l->sent + d->no_session || l->sealed > l->sent + d->no_session + d->link_down)
		station_breach(s, "sealed %" PRIu64 " frames, sent %" PRIu64 " and dropped %" PRIu64, l->sealed,
			l->sent, d->no_session + d->link_down);
	s->ledger = (struct ledger){ 0 };
	s->sealing.is_sealed = false;
}

static void segment_close(const struct segment *g)
{
	const struct segment_traffic t = segment_traffic(g);

	if (t.copies != t.heard_frames + t.lost_frames + t.deaf_frames + t.flying_frames)
		station_breach(g->ends[0].port->station,
			"ends %s, which lost frames: %" PRIu64 " in, %" PRIu64 " heard, %" PRIu64 " lost", g->name,
			t.copies, t.heard_frames, t.lost_frames);
}

static void host_close(struct station *s)
{
	balance(s, "packets that its host offered", s->host_packets, s->host_unsent + s->host_taken);
}

void world_close(struct world *w)
{
	bounds_look(w);
	for (unsigned i = 0; i < w->station_count; i++) {
		if (w->stations[i]->node)
			ledger_close(w->stations[i]);
		host_close(w->stations[i]);
	}
	for (unsigned i = 0; i < w->segment_count; i++)
		segment_close(w->segments[i]);
}
