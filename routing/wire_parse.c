/*
 * From bytes to messages (RFC 8966, section 4). The state that a packet carries
 * along (router-id, next hops, default prefixes) is updated even by TLVs that
 * are then ignored, so that all implementations agree on it (4.5).
 */
#include <errno.h>
#include <string.h>

#include "routing/wire.h"
#include "routing/wire_compact.h"
#include "routing/wire_format.h"

enum verdict {
	TLV_GOOD,
	TLV_SKIP, /* nothing wrong, nothing for the engine */
	TLV_MALFORMED, /* shorter than its own fields */
	TLV_BAD_VALUE,
	TLV_NOT_UNDERSTOOD, /* an unknown mandatory sub-TLV */
};

int wire_parse_begin(
	struct wire_parser *p, struct bytes packet, const struct address *sender, struct babel_counters *counters)
{
	struct reader r = reader_of(packet);
	uint8_t magic = read_u8(&r);
	uint8_t version = read_u8(&r);
	uint16_t len = read_u16(&r);

	*p = (struct wire_parser){ .counters = counters };
	if (!reader_ok(&r)) {
		counters->packets_truncated++;
		return -EPROTO;
	}
	if (magic != BABEL_MAGIC) {
		counters->packets_bad_magic++;
		return -EPROTO;
	}
	if (version != BABEL_VERSION) {
		counters->packets_bad_version++;
		return -EPROTO;
	}
	/* What follows the body is the packet trailer, in which nothing that we
	 * know is allowed but padding (4.2). */
	p->body = read_sub(&r, len);
	if (!reader_ok(&r)) {
		counters->packets_truncated++;
		return -EPROTO;
	}
	p->has_next_hop_v4 = sender->family == FAMILY_IPV4;
	p->has_next_hop_v6 = sender->family == FAMILY_IPV6;
	if (p->has_next_hop_v4)
		p->next_hop_v4 = *sender;
	if (p->has_next_hop_v6)
		p->next_hop_v6 = *sender;
	return 0;
}

/* --- sub-TLVs ---------------------------------------------------------------- */

/* What is left of `r` are sub-TLVs. One of type `wanted` of at least `want` bytes is
 * handed out once, others are skipped. */
static enum verdict read_sub_tlvs(struct reader *r, uint8_t wanted, size_t want, struct reader *found, bool *has_found)
{
	enum verdict verdict = TLV_GOOD;

	while (reader_left(r) > 0) {
		uint8_t type = read_u8(r);

		if (type == SUB_TLV_PAD1)
			continue;
		uint8_t len = read_u8(r);
		struct reader body = read_sub(r, len);

		if (!reader_ok(r))
			return TLV_MALFORMED;
		if (type == wanted && len >= want && !*has_found) {
			*found = body;
			*has_found = true;
		} else if (type & SUB_TLV_MANDATORY) {
			verdict = TLV_NOT_UNDERSTOOD;
		}
	}
	return verdict;
}

static enum verdict read_end(struct reader *r)
{
	struct reader unused;
	bool is_padded = false;

	if (!reader_ok(r))
		return TLV_MALFORMED;
	return read_sub_tlvs(r, SUB_TLV_PADN, 0, &unused, &is_padded);
}

/* The end of what may be of a class (protocol.md 2.3). */
static enum verdict read_end_class(struct reader *r, uint8_t *class)
{
	struct reader body;
	bool has_class = false;

	if (!reader_ok(r))
		return TLV_MALFORMED;
	enum verdict verdict = read_sub_tlvs(r, SUB_TLV_CLASS, 1, &body, &has_class);

	*class = has_class ? read_u8(&body) : BABEL_TEXT;
	return has_class && (*class == BABEL_TEXT || *class >= BABEL_CLASSES) ? TLV_NOT_UNDERSTOOD : verdict;
}

/* --- addresses ------------------------------------------------------------------ */

static struct address read_ipv4(struct reader *r)
{
	uint8_t bytes[4];

	read_copy(r, bytes, sizeof(bytes));
	return address_ipv4(bytes);
}

static struct address read_ipv6(struct reader *r)
{
	uint8_t bytes[16];

	read_copy(r, bytes, sizeof(bytes));
	return address_ipv6(bytes);
}

static struct address read_link_local(struct reader *r)
{
	uint8_t bytes[16] = { 0xfe, 0x80 };

	read_copy(r, bytes + 8, 8);
	return address_ipv6(bytes);
}

/* A node's address; false if the encoding is none for addresses. */
static bool read_address(struct reader *r, uint8_t encoding, struct address *out)
{
	switch (encoding) {
	case AE_IPV4:
		*out = read_ipv4(r);
		return true;
	case AE_IPV6:
		*out = read_ipv6(r);
		return true;
	case AE_LINK_LOCAL:
		*out = read_link_local(r);
		return true;
	default:
		return false;
	}
}

static uint8_t encoding_family(uint8_t encoding)
{
	if (encoding == AE_IPV4 || encoding == AE_V4_VIA_V6)
		return FAMILY_IPV4;
	return encoding == AE_IPV6 ? FAMILY_IPV6 : FAMILY_NONE;
}

static unsigned encoding_slot(uint8_t encoding)
{
	return encoding == AE_V4_VIA_V6 ? 2 : encoding - 1u;
}

/* A prefix of which the first `omitted` bytes are in `head`. */
static enum verdict read_prefix(
	struct reader *r, uint8_t encoding, uint8_t plen, const uint8_t *head, size_t omitted, struct prefix *out)
{
	struct address address = { .family = encoding_family(encoding) };
	size_t size = (plen + 7u) / 8;

	if (address.family == FAMILY_NONE || plen > family_bits(address.family) || omitted > size)
		return TLV_BAD_VALUE;
	if (omitted > 0)
		memcpy(address.bytes, head, omitted);
	read_copy(r, address.bytes + omitted, size - omitted);
	*out = prefix_of(address, plen);
	return reader_ok(r) ? TLV_GOOD : TLV_MALFORMED;
}

/* --- the TLVs ------------------------------------------------------------------- */

static enum verdict parse_ack_request(struct reader *r, struct babel_tlv *out)
{
	read_skip(r, 2);
	out->u.ack_request.opaque = read_u16(r);
	out->u.ack_request.interval_cs = read_u16(r);
	enum verdict verdict = read_end(r);

	return verdict == TLV_GOOD && out->u.ack_request.interval_cs == 0 ? TLV_BAD_VALUE : verdict;
}

static enum verdict parse_ack(struct reader *r, struct babel_tlv *out)
{
	out->u.ack.opaque = read_u16(r);
	return read_end(r);
}

static enum verdict parse_hello(struct reader *r, struct babel_tlv *out)
{
	struct reader timestamp;

	out->u.hello.unicast = read_u16(r) & HELLO_UNICAST;
	out->u.hello.seqno = read_u16(r);
	out->u.hello.interval_cs = read_u16(r);
	if (!reader_ok(r))
		return TLV_MALFORMED;
	enum verdict verdict = read_sub_tlvs(r, SUB_TLV_TIMESTAMP, 4, &timestamp, &out->u.hello.has_timestamp);

	if (out->u.hello.has_timestamp)
		out->u.hello.t1 = read_u32(&timestamp);
	return verdict;
}

static enum verdict parse_ihu(struct reader *r, struct babel_tlv *out)
{
	struct reader timestamps;
	uint8_t encoding = read_u8(r);

	read_skip(r, 1);
	out->u.ihu.rxcost = read_u16(r);
	out->u.ihu.interval_cs = read_u16(r);
	out->u.ihu.has_address = encoding != AE_WILDCARD;
	if (out->u.ihu.has_address && !read_address(r, encoding, &out->u.ihu.address))
		return reader_ok(r) ? TLV_BAD_VALUE : TLV_MALFORMED;
	if (!reader_ok(r))
		return TLV_MALFORMED;
	enum verdict verdict = read_sub_tlvs(r, SUB_TLV_TIMESTAMP, 8, &timestamps, &out->u.ihu.has_timestamps);

	if (out->u.ihu.has_timestamps) {
		out->u.ihu.origin = read_u32(&timestamps);
		out->u.ihu.receive = read_u32(&timestamps);
	}
	return verdict == TLV_GOOD && out->u.ihu.interval_cs == 0 ? TLV_BAD_VALUE : verdict;
}

static enum verdict parse_router_id(struct wire_parser *p, struct reader *r)
{
	router_id id;

	read_skip(r, 2);
	read_copy(r, id.bytes, sizeof(id.bytes));
	if (!reader_ok(r))
		return TLV_MALFORMED;
	/* A reserved id names nobody: better no origin than the one before. */
	p->router_id = id;
	p->has_router_id = !router_id_is_reserved(&id);
	enum verdict verdict = read_end(r);

	if (verdict == TLV_GOOD)
		return p->has_router_id ? TLV_SKIP : TLV_BAD_VALUE;
	return verdict;
}

static enum verdict parse_next_hop(struct wire_parser *p, struct reader *r)
{
	uint8_t encoding = read_u8(r);
	struct address address;

	read_skip(r, 1);
	if (!reader_ok(r))
		return TLV_MALFORMED;
	if (!read_address(r, encoding, &address))
		return TLV_BAD_VALUE;
	if (!reader_ok(r))
		return TLV_MALFORMED;
	if (address.family == FAMILY_IPV4) {
		p->has_next_hop_v4 = true;
		p->next_hop_v4 = address;
	} else {
		p->has_next_hop_v6 = true;
		p->next_hop_v6 = address;
	}
	enum verdict verdict = read_end(r);

	return verdict == TLV_GOOD ? TLV_SKIP : verdict;
}

/* The R flag: the last eight bytes of the prefix's first address, zeros before
 * shorter ones (4.6.9). */
static void take_router_id(struct wire_parser *p, const struct prefix *prefix)
{
	memset(&p->router_id, 0, sizeof(p->router_id));
	if (prefix->address.family == FAMILY_IPV4)
		memcpy(p->router_id.bytes + 4, prefix->address.bytes, 4);
	else
		memcpy(p->router_id.bytes, prefix->address.bytes + 8, 8);
	p->has_router_id = !router_id_is_reserved(&p->router_id);
}

/* The fields that a finite update takes from the packet's state. */
static enum verdict complete_update(struct wire_parser *p, struct babel_tlv *out)
{
	bool wants_v4 = out->u.update.prefix.address.family == FAMILY_IPV4 && !out->u.update.v4_via_v6;

	if (!p->has_router_id) {
		p->counters->updates_no_router_id++;
		return TLV_SKIP;
	}
	if (wants_v4 ? !p->has_next_hop_v4 : !p->has_next_hop_v6) {
		p->counters->updates_no_next_hop++;
		return TLV_SKIP;
	}
	out->u.update.origin = p->router_id;
	out->u.update.next_hop = wants_v4 ? p->next_hop_v4 : p->next_hop_v6;
	return TLV_GOOD;
}

static enum verdict parse_update_prefix(struct wire_parser *p, struct reader *r, uint8_t encoding, uint8_t flags,
	uint8_t plen, uint8_t omitted, struct prefix *out)
{
	if (encoding_family(encoding) == FAMILY_NONE)
		return TLV_BAD_VALUE;
	unsigned slot = encoding_slot(encoding);

	if (omitted > 0 && !p->has_default[slot])
		return TLV_BAD_VALUE;
	enum verdict verdict = read_prefix(r, encoding, plen, p->default_prefix[slot], omitted, out);

	if (verdict != TLV_GOOD)
		return verdict;
	if (flags & UPDATE_PREFIX) {
		p->has_default[slot] = true;
		memcpy(p->default_prefix[slot], out->address.bytes, sizeof(out->address.bytes));
	}
	if (flags & UPDATE_ROUTER_ID)
		take_router_id(p, out);
	return TLV_GOOD;
}

static enum verdict parse_update(struct wire_parser *p, struct reader *r, struct babel_tlv *out)
{
	uint8_t encoding = read_u8(r);
	uint8_t flags = read_u8(r);
	uint8_t plen = read_u8(r);
	uint8_t omitted = read_u8(r);

	out->u.update.interval_cs = read_u16(r);
	out->u.update.seqno = read_u16(r);
	out->u.update.metric = read_u16(r);
	if (!reader_ok(r))
		return TLV_MALFORMED;
	out->u.update.wildcard = encoding == AE_WILDCARD;
	out->u.update.v4_via_v6 = encoding == AE_V4_VIA_V6;
	enum verdict verdict = TLV_GOOD;

	if (!out->u.update.wildcard)
		verdict = parse_update_prefix(p, r, encoding, flags, plen, omitted, &out->u.update.prefix);
	else if (plen != 0 || omitted != 0 || out->u.update.metric != WIRE_INFINITY)
		verdict = TLV_BAD_VALUE;
	if (verdict == TLV_GOOD)
		verdict = read_end_class(r, &out->u.update.class);
	if (verdict == TLV_GOOD && out->u.update.interval_cs == 0)
		verdict = TLV_BAD_VALUE;
	if (verdict == TLV_GOOD && out->u.update.metric != WIRE_INFINITY)
		verdict = complete_update(p, out);
	return verdict;
}

static enum verdict parse_route_request(struct reader *r, struct babel_tlv *out)
{
	uint8_t encoding = read_u8(r);
	uint8_t plen = read_u8(r);
	enum verdict verdict = TLV_GOOD;

	if (!reader_ok(r))
		return TLV_MALFORMED;
	out->u.route_request.wildcard = encoding == AE_WILDCARD;
	if (!out->u.route_request.wildcard)
		verdict = read_prefix(r, encoding, plen, NULL, 0, &out->u.route_request.prefix);
	else if (plen != 0)
		verdict = TLV_BAD_VALUE;
	return verdict == TLV_GOOD ? read_end(r) : verdict;
}

static enum verdict parse_seqno_request(struct reader *r, struct babel_tlv *out)
{
	uint8_t encoding = read_u8(r);
	uint8_t plen = read_u8(r);

	out->u.seqno_request.seqno = read_u16(r);
	out->u.seqno_request.hop_count = read_u8(r);
	read_skip(r, 1);
	read_copy(r, out->u.seqno_request.origin.bytes, sizeof(out->u.seqno_request.origin.bytes));
	if (!reader_ok(r))
		return TLV_MALFORMED;
	enum verdict verdict = read_prefix(r, encoding, plen, NULL, 0, &out->u.seqno_request.prefix);

	if (verdict == TLV_GOOD)
		verdict = read_end_class(r, &out->u.seqno_request.class);
	if (verdict == TLV_GOOD &&
		(out->u.seqno_request.hop_count == 0 || router_id_is_reserved(&out->u.seqno_request.origin)))
		verdict = TLV_BAD_VALUE;
	return verdict;
}

/* --- versioned sessions ------------------------------------------------------------ */

/* Where a list was read to the end: *items are its bytes, and `r` goes on behind it. */
static enum verdict list_end(const struct list_reader *l, struct bytes list, struct reader *r, struct bytes *items)
{
	if (!reader_ok(&l->r) || !reader_ok(r))
		return TLV_MALFORMED;
	size_t len = list.len - reader_left(&l->r);

	*items = bytes_of(list.data, len - (l->is_ended ? 1 : 0));
	read_skip(r, len);
	return TLV_GOOD;
}

static enum verdict parse_refresh(struct reader *r, struct babel_tlv *out)
{
	read_skip(r, 2);
	out->u.refresh.epoch = read_u32(r);
	out->u.refresh.ver = read_u32(r);
	out->u.refresh.count = read_u16(r);
	out->u.refresh.interval_cs = read_u16(r);
	out->u.refresh.digest = read_u64(r);
	enum verdict verdict = read_end(r);

	return verdict == TLV_GOOD && out->u.refresh.interval_cs == 0 ? TLV_BAD_VALUE : verdict;
}

static enum verdict parse_delta(struct reader *r, struct babel_tlv *out)
{
	uint8_t flags = read_u8(r);

	read_skip(r, 1);
	out->u.delta.begin = flags & DELTA_BEGIN;
	out->u.delta.end = flags & DELTA_END;
	out->u.delta.urgent = flags & DELTA_URGENT;
	out->u.delta.epoch = read_u32(r);
	uint16_t from = read_u16(r);
	out->u.delta.ver = read_u32(r);
	out->u.delta.from = out->u.delta.ver - (uint16_t)(out->u.delta.ver - from);
	if (out->u.delta.begin) {
		out->u.delta.interval_cs = read_u16(r);
		out->u.delta.key[0] = read_u64(r);
		out->u.delta.key[1] = read_u64(r);
	}
	enum verdict verdict = read_end(r);

	return verdict == TLV_GOOD && out->u.delta.begin && out->u.delta.interval_cs == 0 ? TLV_BAD_VALUE : verdict;
}

static enum verdict parse_syncack(struct reader *r, struct babel_tlv *out)
{
	uint8_t flags = read_u8(r);

	read_skip(r, 1);
	out->u.syncack.nack = flags & SYNCACK_NACK;
	out->u.syncack.full = flags & SYNCACK_FULL;
	out->u.syncack.is_unknown = flags & SYNCACK_UNKNOWN;
	out->u.syncack.epoch = read_u32(r);
	out->u.syncack.applied = read_u32(r);
	if (!reader_ok(r))
		return TLV_MALFORMED;
	struct reader whole;
	bool has_whole = false;
	enum verdict verdict = read_sub_tlvs(r, SYNCACK_WHOLE, 1, &whole, &has_whole);

	if (verdict != TLV_GOOD || !has_whole)
		return verdict;
	struct bytes list = bytes_of(whole.at, reader_left(&whole));
	struct list_reader l = list_reader_of(list, 0);
	uint16_t id;
	while (id_read(&l, &id))
		;
	return list_end(&l, list, &whole, &out->u.syncack.whole);
}

static enum verdict parse_compact(struct reader *r, struct babel_tlv *out)
{
	out->u.compact.check = read_u16(r);
	out->u.compact.base_id = read_u16(r);
	out->u.compact.base_seqno = read_u16(r);
	struct bytes list = bytes_of(r->at, reader_left(r));
	struct list_reader l = list_reader_of(list, out->u.compact.base_id);
	struct compact_item item;

	while (compact_read(&l, out->u.compact.base_seqno, &item))
		;
	enum verdict verdict = list_end(&l, list, r, &out->u.compact.items);
	return verdict == TLV_GOOD ? read_end(r) : verdict;
}

static enum verdict parse_batch_request(struct reader *r, struct babel_tlv *out)
{
	out->u.batch.hop_count = read_u8(r);
	uint8_t flags = read_u8(r);

	out->u.batch.class = flags & BATCH_CLASS;
	out->u.batch.with_lans = flags & BATCH_LANS;
	out->u.batch.is_salted = flags & BATCH_SALTED;
	struct bytes list = bytes_of(r->at, reader_left(r));
	struct list_reader l = list_reader_of(list, 0);
	struct batch_item item;

	while (batch_read(&l, out->u.batch.is_salted, &item))
		;
	enum verdict verdict = list_end(&l, list, r, &out->u.batch.items);
	if (verdict == TLV_GOOD)
		verdict = read_end(r);
	bool is_sane = out->u.batch.hop_count != 0 && out->u.batch.class < BABEL_CLASSES;
	return verdict == TLV_GOOD && !is_sane ? TLV_BAD_VALUE : verdict;
}

/* --- the sequence ------------------------------------------------------------------ */

static enum verdict parse_tlv(struct wire_parser *p, uint8_t type, struct reader *r, struct babel_tlv *out)
{
	*out = (struct babel_tlv){ .type = type };
	switch (type) {
	case TLV_PADN:
	case TLV_MAC:
	case TLV_PC:
	case TLV_CHALLENGE_REQUEST:
	case TLV_CHALLENGE_REPLY:
		return TLV_SKIP;
	case TLV_ACK_REQUEST:
		return parse_ack_request(r, out);
	case TLV_ACK:
		return parse_ack(r, out);
	case TLV_HELLO:
		return parse_hello(r, out);
	case TLV_IHU:
		return parse_ihu(r, out);
	case TLV_ROUTER_ID:
		return parse_router_id(p, r);
	case TLV_NEXT_HOP:
		return parse_next_hop(p, r);
	case TLV_UPDATE:
		return parse_update(p, r, out);
	case TLV_ROUTE_REQUEST:
		return parse_route_request(r, out);
	case TLV_SEQNO_REQUEST:
		return parse_seqno_request(r, out);
	case TLV_REFRESH:
		return parse_refresh(r, out);
	case TLV_DELTA:
		return parse_delta(r, out);
	case TLV_SYNCACK:
		return parse_syncack(r, out);
	case TLV_COMPACT:
		return parse_compact(r, out);
	case TLV_BATCH_REQUEST:
		return parse_batch_request(r, out);
	default:
		p->counters->tlvs_unknown++;
		return TLV_SKIP;
	}
}

bool wire_parse_next(struct wire_parser *p, struct babel_tlv *out)
{
	while (reader_left(&p->body) > 0) {
		uint8_t type = read_u8(&p->body);

		if (type == TLV_PAD1)
			continue;
		uint8_t len = read_u8(&p->body);
		struct reader r = read_sub(&p->body, len);

		if (!reader_ok(&p->body)) {
			p->counters->tlvs_malformed++;
			return false;
		}
		switch (parse_tlv(p, type, &r, out)) {
		case TLV_GOOD:
			return true;
		case TLV_SKIP:
			break;
		case TLV_MALFORMED:
			p->counters->tlvs_malformed++;
			break;
		case TLV_BAD_VALUE:
			p->counters->tlvs_bad_value++;
			break;
		case TLV_NOT_UNDERSTOOD:
			p->counters->tlvs_mandatory_subtlv++;
			break;
		}
	}
	return false;
}
