/*
 * From messages to bytes (RFC 8966, section 4). Each message is written to a
 * copy of the builder's cursor and state, which replaces the original only if
 * everything fitted: a full packet is never left with half a message.
 */
#include <errno.h>
#include <string.h>

#include "routing/wire.h"
#include "routing/wire_compact.h"
#include "routing/wire_format.h"

void wire_build_begin(struct wire_builder *w, void *buffer, size_t capacity, const struct address *self)
{
	*w = (struct wire_builder){ .packet = writer_of(buffer, capacity), .self = *self, .next_hop_v6 = *self };
	write_u8(&w->packet, BABEL_MAGIC);
	write_u8(&w->packet, BABEL_VERSION);
	write_u16(&w->packet, 0); /* body length, by wire_build_end() */
}

/* --- one TLV --------------------------------------------------------------------- */

/* Starts a TLV and returns the place of its length, NULL if nothing fits. */
static uint8_t *tlv_open(struct writer *out, enum tlv_type type)
{
	write_u8(out, (uint8_t)type);
	return write_reserve(out, 1);
}

static void tlv_close(struct writer *out, uint8_t *len)
{
	if (writer_ok(out))
		*len = (uint8_t)(out->at - len - 1);
}

static uint8_t address_encoding(const struct address *a)
{
	static const uint8_t subnet[8] = { 0xfe, 0x80 };

	if (a->family == FAMILY_IPV4)
		return AE_IPV4;
	return memcmp(a->bytes, subnet, sizeof(subnet)) == 0 ? AE_LINK_LOCAL : AE_IPV6;
}

static void write_address(struct writer *out, const struct address *a)
{
	switch (address_encoding(a)) {
	case AE_IPV4:
		write_copy(out, a->bytes, 4);
		break;
	case AE_LINK_LOCAL:
		write_copy(out, a->bytes + 8, 8);
		break;
	default:
		write_copy(out, a->bytes, 16);
		break;
	}
}

/* Who does not know classes ignores what this is part of. */
static void write_class(struct writer *out, uint8_t class)
{
	if (class == BABEL_TEXT)
		return;
	write_u8(out, SUB_TLV_CLASS);
	write_u8(out, 1);
	write_u8(out, class);
}

static size_t prefix_size(const struct prefix *p)
{
	return (p->plen + 7u) / 8;
}

static void write_ack_request(struct writer *out, const struct babel_tlv *tlv)
{
	write_u16(out, 0);
	write_u16(out, tlv->u.ack_request.opaque);
	write_u16(out, tlv->u.ack_request.interval_cs);
}

static void write_hello(struct writer *out, const struct babel_tlv *tlv)
{
	write_u16(out, tlv->u.hello.unicast ? HELLO_UNICAST : 0);
	write_u16(out, tlv->u.hello.seqno);
	write_u16(out, tlv->u.hello.interval_cs);
	if (tlv->u.hello.has_timestamp) {
		write_u8(out, SUB_TLV_TIMESTAMP);
		write_u8(out, 4);
		write_u32(out, tlv->u.hello.t1);
	}
}

static void write_ihu(struct writer *out, const struct babel_tlv *tlv)
{
	write_u8(out, tlv->u.ihu.has_address ? address_encoding(&tlv->u.ihu.address) : AE_WILDCARD);
	write_u8(out, 0);
	write_u16(out, tlv->u.ihu.rxcost);
	write_u16(out, tlv->u.ihu.interval_cs);
	if (tlv->u.ihu.has_address)
		write_address(out, &tlv->u.ihu.address);
	if (tlv->u.ihu.has_timestamps) {
		write_u8(out, SUB_TLV_TIMESTAMP);
		write_u8(out, 8);
		write_u32(out, tlv->u.ihu.origin);
		write_u32(out, tlv->u.ihu.receive);
	}
}

static void write_route_request(struct writer *out, const struct babel_tlv *tlv)
{
	const struct prefix *prefix = &tlv->u.route_request.prefix;

	if (tlv->u.route_request.wildcard) {
		write_u8(out, AE_WILDCARD);
		write_u8(out, 0);
		return;
	}
	write_u8(out, prefix->address.family == FAMILY_IPV4 ? AE_IPV4 : AE_IPV6);
	write_u8(out, prefix->plen);
	write_copy(out, prefix->address.bytes, prefix_size(prefix));
}

static void write_seqno_request(struct writer *out, const struct babel_tlv *tlv)
{
	const struct prefix *prefix = &tlv->u.seqno_request.prefix;

	write_u8(out, prefix->address.family == FAMILY_IPV4 ? AE_IPV4 : AE_IPV6);
	write_u8(out, prefix->plen);
	write_u16(out, tlv->u.seqno_request.seqno);
	write_u8(out, tlv->u.seqno_request.hop_count);
	write_u8(out, 0);
	write_copy(out, tlv->u.seqno_request.origin.bytes, sizeof(tlv->u.seqno_request.origin.bytes));
	write_copy(out, prefix->address.bytes, prefix_size(prefix));
	write_class(out, tlv->u.seqno_request.class);
}

/* --- versioned sessions ------------------------------------------------------------- */

static void write_refresh(struct writer *out, const struct babel_tlv *tlv)
{
	write_u16(out, 0);
	write_u32(out, tlv->u.refresh.epoch);
	write_u32(out, tlv->u.refresh.ver);
	write_u16(out, tlv->u.refresh.count);
	write_u16(out, tlv->u.refresh.interval_cs);
	write_u64(out, tlv->u.refresh.digest);
}

static void write_delta(struct writer *out, const struct babel_tlv *tlv)
{
	uint8_t flags = tlv->u.delta.begin ? DELTA_BEGIN : 0;

	flags |= tlv->u.delta.end ? DELTA_END : 0;
	flags |= tlv->u.delta.urgent ? DELTA_URGENT : 0;
	write_u8(out, flags);
	write_u8(out, 0);
	write_u32(out, tlv->u.delta.epoch);
	write_u16(out, (uint16_t)tlv->u.delta.from);
	write_u32(out, tlv->u.delta.ver);
	if (!tlv->u.delta.begin)
		return;
	write_u16(out, tlv->u.delta.interval_cs);
	write_u64(out, tlv->u.delta.key[0]);
	write_u64(out, tlv->u.delta.key[1]);
}

static void write_syncack(struct writer *out, const struct babel_tlv *tlv)
{
	write_u8(out, (uint8_t)((tlv->u.syncack.nack ? SYNCACK_NACK : 0) | (tlv->u.syncack.full ? SYNCACK_FULL : 0) |
				(tlv->u.syncack.is_unknown ? SYNCACK_UNKNOWN : 0)));
	write_u8(out, 0);
	write_u32(out, tlv->u.syncack.epoch);
	write_u32(out, tlv->u.syncack.applied);
	if (tlv->u.syncack.whole.len == 0)
		return;
	write_u8(out, SYNCACK_WHOLE);
	write_u8(out, (uint8_t)tlv->u.syncack.whole.len);
	write_bytes(out, tlv->u.syncack.whole);
}

static void write_compact(struct writer *out, const struct babel_tlv *tlv)
{
	write_u16(out, tlv->u.compact.check);
	write_u16(out, tlv->u.compact.base_id);
	write_u16(out, tlv->u.compact.base_seqno);
	write_bytes(out, tlv->u.compact.items);
}

static void write_batch_request(struct writer *out, const struct babel_tlv *tlv)
{
	write_u8(out, tlv->u.batch.hop_count);
	write_u8(out, (uint8_t)(tlv->u.batch.class | (tlv->u.batch.with_lans ? BATCH_LANS : 0) |
				(tlv->u.batch.is_salted ? BATCH_SALTED : 0)));
	write_bytes(out, tlv->u.batch.items);
}

/* --- updates: what they need from the state ------------------------------------------ */

static void put_router_id(struct wire_builder *w, const router_id *id)
{
	uint8_t *len = tlv_open(&w->packet, TLV_ROUTER_ID);

	write_u16(&w->packet, 0);
	write_copy(&w->packet, id->bytes, sizeof(id->bytes));
	tlv_close(&w->packet, len);
	w->has_router_id = true;
	w->router_id = *id;
}

static void put_next_hop(struct wire_builder *w, const struct address *next_hop)
{
	bool is_v4 = next_hop->family == FAMILY_IPV4;

	if (is_v4 ? w->has_next_hop_v4 && address_equal(&w->next_hop_v4, next_hop)
		  : address_equal(&w->next_hop_v6, next_hop))
		return;
	uint8_t *len = tlv_open(&w->packet, TLV_NEXT_HOP);

	write_u8(&w->packet, address_encoding(next_hop));
	write_u8(&w->packet, 0);
	write_address(&w->packet, next_hop);
	tlv_close(&w->packet, len);
	if (is_v4) {
		w->has_next_hop_v4 = true;
		w->next_hop_v4 = *next_hop;
	} else {
		w->next_hop_v6 = *next_hop;
	}
}

/* Does the R flag say this router-id (4.6.9)? An IPv4 prefix could, but BIRD 2 does not see the flag there and takes
 * the update for one of the origin before: who hears then of its own router-id with a foreign seqno may adopt it. */
static bool prefix_names_origin(const struct prefix *prefix, const router_id *id)
{
	if (prefix->address.family == FAMILY_IPV4)
		return false;
	return memcmp(id->bytes, prefix->address.bytes + 8, 8) == 0;
}

/* Makes the receiver know origin and next hop; returns the flags that help. */
static uint8_t put_update_state(struct wire_builder *w, const struct babel_tlv *tlv)
{
	const struct address *next_hop = &tlv->u.update.next_hop;
	const router_id *origin = &tlv->u.update.origin;
	uint8_t flags = 0;

	if (!w->has_router_id || !router_id_equal(&w->router_id, origin)) {
		/* Who ignores an update of a class takes no state from it (protocol.md 2.3). */
		if (tlv->u.update.class == BABEL_TEXT && prefix_names_origin(&tlv->u.update.prefix, origin)) {
			flags = UPDATE_ROUTER_ID;
			w->has_router_id = true;
			w->router_id = *origin;
		} else {
			put_router_id(w, origin);
		}
	}
	put_next_hop(w, next_hop->family == FAMILY_NONE ? &w->self : next_hop);
	return flags;
}

/* How many whole bytes the receiver has already. */
static uint8_t shared_bytes(const struct wire_builder *w, unsigned slot, const struct prefix *prefix)
{
	size_t size = prefix_size(prefix);
	uint8_t n = 0;

	if (!w->has_default[slot])
		return 0;
	while (n < size && w->default_prefix[slot][n] == prefix->address.bytes[n])
		n++;
	return n;
}

static void put_update(struct wire_builder *w, const struct babel_tlv *tlv)
{
	const struct prefix *prefix = &tlv->u.update.prefix;
	bool is_finite = tlv->u.update.metric != BABEL_INFINITY;
	uint8_t family = tlv->u.update.next_hop.family ? tlv->u.update.next_hop.family : w->self.family;
	bool is_v4 = prefix->address.family == FAMILY_IPV4;
	bool is_v4_via_v6 = is_v4 && (is_finite ? family == FAMILY_IPV6 : tlv->u.update.v4_via_v6);
	unsigned slot = is_v4_via_v6 ? 2 : is_v4 ? 0 : 1;
	bool has_state = is_finite || !router_id_is_reserved(&tlv->u.update.origin);
	uint8_t flags = has_state ? put_update_state(w, tlv) : 0;
	uint8_t omitted = shared_bytes(w, slot, prefix);
	size_t size = prefix_size(prefix);
	bool is_base = tlv->u.update.class == BABEL_TEXT;
	uint8_t *len = tlv_open(&w->packet, TLV_UPDATE);

	/* The last prefix written is the likeliest to share its head. */
	flags |= is_base ? UPDATE_PREFIX : 0;
	write_u8(&w->packet, is_v4_via_v6 ? AE_V4_VIA_V6 : is_v4 ? AE_IPV4 : AE_IPV6);
	write_u8(&w->packet, flags);
	write_u8(&w->packet, prefix->plen);
	write_u8(&w->packet, omitted);
	write_u16(&w->packet, tlv->u.update.interval_cs);
	write_u16(&w->packet, tlv->u.update.seqno);
	write_u16(&w->packet, tlv->u.update.metric);
	write_copy(&w->packet, prefix->address.bytes + omitted, size - omitted);
	write_class(&w->packet, tlv->u.update.class);
	tlv_close(&w->packet, len);
	if (!is_base)
		return;
	w->has_default[slot] = true;
	memcpy(w->default_prefix[slot], prefix->address.bytes, sizeof(prefix->address.bytes));
}

static void put_wildcard_retraction(struct wire_builder *w, const struct babel_tlv *tlv)
{
	uint8_t *len = tlv_open(&w->packet, TLV_UPDATE);

	write_zeros(&w->packet, 4); /* AE, flags, plen, omitted */
	write_u16(&w->packet, tlv->u.update.interval_cs);
	write_u16(&w->packet, tlv->u.update.seqno);
	write_u16(&w->packet, BABEL_INFINITY);
	tlv_close(&w->packet, len);
}

/* --- writing ------------------------------------------------------------------------- */

static void put_plain(struct wire_builder *w, const struct babel_tlv *tlv)
{
	struct writer *out = &w->packet;
	uint8_t *len = tlv_open(out, tlv->type);

	switch (tlv->type) {
	case TLV_ACK_REQUEST:
		write_ack_request(out, tlv);
		break;
	case TLV_ACK:
		write_u16(out, tlv->u.ack.opaque);
		break;
	case TLV_HELLO:
		write_hello(out, tlv);
		break;
	case TLV_IHU:
		write_ihu(out, tlv);
		break;
	case TLV_ROUTE_REQUEST:
		write_route_request(out, tlv);
		break;
	case TLV_SEQNO_REQUEST:
		write_seqno_request(out, tlv);
		break;
	case TLV_REFRESH:
		write_refresh(out, tlv);
		break;
	case TLV_DELTA:
		write_delta(out, tlv);
		break;
	case TLV_SYNCACK:
		write_syncack(out, tlv);
		break;
	case TLV_COMPACT:
		write_compact(out, tlv);
		break;
	case TLV_BATCH_REQUEST:
		write_batch_request(out, tlv);
		break;
	default:
		break;
	}
	tlv_close(out, len);
}

int wire_write(struct wire_builder *w, const struct babel_tlv *tlv)
{
	struct wire_builder next = *w;

	if (tlv->type != TLV_UPDATE)
		put_plain(&next, tlv);
	else if (tlv->u.update.wildcard)
		put_wildcard_retraction(&next, tlv);
	else
		put_update(&next, tlv);
	if (!writer_ok(&next.packet))
		return -ENOSPC;
	*w = next;
	return 0;
}

void wire_amend(struct wire_builder *w, size_t at, const struct babel_tlv *tlv)
{
	struct wire_builder again = { .packet = writer_of(w->packet.start + at, writer_len(&w->packet) - at) };

	put_plain(&again, tlv);
}

struct bytes wire_build_end(struct wire_builder *w)
{
	size_t len = writer_len(&w->packet);

	if (len <= BABEL_HEADER)
		return bytes_of(NULL, 0);
	w->packet.start[2] = (uint8_t)((len - BABEL_HEADER) >> 8);
	w->packet.start[3] = (uint8_t)(len - BABEL_HEADER);
	return writer_bytes(&w->packet);
}
