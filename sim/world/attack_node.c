/*
 * A node that is turned against the others. Its own engine goes on.
 *
 *   malform    besides it seals, for each neighbour with a session, packets that no
 *              engine would write: TLVs of any type with what does not belong there,
 *              lengths, address encodings and sub-TLVs of all kinds, requests with the
 *              largest hop count for what the others announce; one in two damaged
 *   announce   its engine announces so many /64s inside of its prefix
 */
#include "sim/world/trial.h"

#include <string.h>

#define KIND_BABEL 1
#define BABEL_HEADER 4
#define PACKET_MAX 1100
#define PREFIXES_MAX 48 /* at a time */
#define NEIGHBOURS_MAX 64
#define TLV_SEQNO_REQUEST 10
#define AE_IPV6 2
#define STORED_AHEAD 17 /* a seqno is stored before it is reached */

struct audience {
	unsigned count;
	struct {
		unsigned link;
		struct address address;
	} neighbours[NEIGHBOURS_MAX];
};

static void audience_add(void *arg, const struct node_peer_info *info)
{
	struct audience *a = arg;

	if (!info->is_up || a->count == NEIGHBOURS_MAX)
		return;
	a->neighbours[a->count].link = info->link;
	a->neighbours[a->count++].address = node_neighbour_address(&info->rid);
}

/* Of this life: what a node stores beside its seqno says which one it is. */
static router_id rid_of(const struct station *s)
{
	router_id rid;

	identity_router_id(rid.bytes, &s->enrolment.identity.public);
	if (s->has_seqno) {
		rid.bytes[0] = (uint8_t)(s->seqno >> 24);
		rid.bytes[1] = (uint8_t)(s->seqno >> 16);
	}
	return rid;
}

/* Puts the header before the TLVs behind it, and says it to all. */
static void say(struct station *s, uint8_t packet[1 + BABEL_HEADER + PACKET_MAX], size_t len)
{
	struct writer w = writer_of(packet, 1 + BABEL_HEADER);
	struct audience audience = { 0 };

	write_u8(&w, KIND_BABEL);
	write_u16(&w, 42 << 8 | 2);
	write_u16(&w, (uint16_t)len);
	node_dump_peers(s->node, audience_add, &audience);
	for (unsigned i = 0; i < audience.count; i++)
		node_inner_send(s->node, s->w->now_us, audience.neighbours[i].link, &audience.neighbours[i].address,
			bytes_of(packet, 1 + BABEL_HEADER + len));
	station_settle(s);
}

/* --- very many ------------------------------------------------------------------------------ */

/* By its own engine: how it says so is as its sessions have it. */
static void announce(struct trial_attack *a, struct station *s)
{
	const struct prefix *inside = &a->trial->plan->nodes[a->conf->node].prefixes[0];

	for (unsigned i = 0; i < PREFIXES_MAX && a->done < a->conf->count; i++, a->done++) {
		struct prefix p = { 64, inside->address };

		p.address.bytes[6] = (uint8_t)(a->done >> 8);
		p.address.bytes[7] = (uint8_t)a->done;
		node_originate(s->node, station_now_us(s), &p);
	}
	station_settle(s);
}

/* --- malformed ------------------------------------------------------------------------------- */

static uint8_t byte_of(struct prng *p)
{
	/* Edges more often than the rest. */
	static const uint8_t edges[] = { 0, 1, 2, 3, 4, 8, 64, 127, 128, 129, 240, 254, 255 };

	return prng_below(p, 3) ? edges[prng_below(p, sizeof(edges))] : (uint8_t)prng_next(p);
}

/* With a hop count that would carry it round for long. */
static void seqno_request_write(struct writer *w, struct prng *p, const struct world *world)
{
	const struct station *s = world->stations[prng_below(p, world->station_count)];
	router_id rid = rid_of(s);

	write_u8(w, TLV_SEQNO_REQUEST);
	write_u8(w, 14 + 16);
	write_u8(w, AE_IPV6);
	write_u8(w, 128);
	write_u16(w, (uint16_t)(s->seqno - STORED_AHEAD + prng_below(p, 2ull * STORED_AHEAD)));
	write_u8(w, prng_below(p, 4) ? 255 : byte_of(p));
	write_u8(w, 0);
	write_copy(w, rid.bytes, sizeof(rid.bytes));
	write_copy(w, s->address.bytes, 16);
}

static void sub_tlvs_write(struct writer *w, struct prng *p, size_t len)
{
	while (len >= 2 && prng_below(p, 4)) {
		size_t body = prng_below(p, 4) ? prng_below(p, len - 1) : len - 2 + prng_below(p, 3);

		write_u8(w, byte_of(p));
		write_u8(w, (uint8_t)body);
		body = body < len - 2 ? body : len - 2;
		for (size_t i = 0; i < body; i++)
			write_u8(w, byte_of(p));
		len -= 2 + body;
	}
	while (len--)
		write_u8(w, byte_of(p));
}

static void tlv_write(struct writer *w, struct prng *p, size_t room)
{
	static const uint8_t body_len[] = { 0, 0, 6, 2, 6, 6, 10, 2, 10, 2, 14 }; /* of each type, at least */
	uint8_t type = prng_below(p, 4) ? (uint8_t)prng_below(p, 13) : (uint8_t)(224 + prng_below(p, 8));
	size_t fixed = type < sizeof(body_len) ? body_len[type] : prng_below(p, 24);
	size_t len = prng_below(p, 3) ? fixed + prng_below(p, 40) : prng_below(p, 60);

	len = len < room - 2 ? len : room - 2;
	fixed = fixed < len ? fixed : len;
	write_u8(w, type);
	write_u8(w, prng_below(p, 16) ? (uint8_t)len : byte_of(p));
	for (size_t i = 0; i < fixed; i++)
		write_u8(w, byte_of(p));
	sub_tlvs_write(w, p, len - fixed);
}

static void malform(struct trial_attack *a, struct station *s)
{
	uint8_t packet[1 + BABEL_HEADER + PACKET_MAX];
	struct writer w = writer_of(packet + 1 + BABEL_HEADER, PACKET_MAX);
	unsigned tlvs = 1 + (unsigned)prng_below(&a->prng, 12);

	for (unsigned i = 0; i < tlvs && writer_left(&w) > 32; i++) {
		if (prng_below(&a->prng, 8) == 0)
			seqno_request_write(&w, &a->prng, s->w);
		else
			tlv_write(&w, &a->prng, writer_left(&w));
	}
	size_t len = writer_len(&w);
	for (uint64_t damage = prng_below(&a->prng, 2) ? prng_below(&a->prng, 4) : 0; damage; damage--)
		packet[1 + BABEL_HEADER + prng_below(&a->prng, len)] ^= (uint8_t)(1u << prng_below(&a->prng, 8));
	if (prng_below(&a->prng, 8) == 0)
		len -= prng_below(&a->prng, len);
	say(s, packet, len);
}

void trial_attack_by_node(struct trial_attack *a)
{
	struct station *s = a->trial->world->stations[a->conf->node];

	if (!s->node || a->trial->world->now_us < s->stalled_until_us)
		return;
	if (a->conf->kind == ATTACK_MALFORM)
		malform(a, s);
	else if (a->done < a->conf->count)
		announce(a, s);
	else
		return;
	a->frames++;
}
