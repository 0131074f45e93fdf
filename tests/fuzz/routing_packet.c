/*
 * Babel packets from an authenticated but hostile neighbour reach a speaker.
 *
 * Input: a sequence of steps. A step delivers a packet (raw bytes behind a good
 * header, or messages drawn from small sets of prefixes, origins and numbers, so
 * that they concern each other; then perhaps one flipped byte), lets time pass,
 * or is something that the owner does. After each step every table keeps within
 * its limit and what is selected is feasible; every packet that leaves parses
 * cleanly, and every packet read, when built from its messages, reads the same.
 */
#include "routing/session.h"
#include "routing/wire_compact.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINKS 2
#define MTU 600
#define TLVS_MAX 1024
#define STEPS_MAX 200

static const struct babel_limits limits = { .neighbours = 4, .routes = 12, .sources = 24, .requests = 6 };

struct fuzz {
	struct babel *b;
	struct prng prng;
	uint64_t now_us;
	uint16_t opaque; /* of the last acknowledgment request that was sent */
	uint8_t verdict;
	size_t packets;
};

/* --- messages: equal, and the same after a round trip ------------------------------------------- */

static bool hellos_equal(const struct babel_tlv *a, const struct babel_tlv *b)
{
	return a->u.hello.unicast == b->u.hello.unicast && a->u.hello.seqno == b->u.hello.seqno &&
	       a->u.hello.interval_cs == b->u.hello.interval_cs &&
	       a->u.hello.has_timestamp == b->u.hello.has_timestamp &&
	       (!a->u.hello.has_timestamp || a->u.hello.t1 == b->u.hello.t1);
}

static bool ihus_equal(const struct babel_tlv *a, const struct babel_tlv *b)
{
	return a->u.ihu.rxcost == b->u.ihu.rxcost && a->u.ihu.interval_cs == b->u.ihu.interval_cs &&
	       a->u.ihu.has_address == b->u.ihu.has_address &&
	       (!a->u.ihu.has_address || address_equal(&a->u.ihu.address, &b->u.ihu.address)) &&
	       a->u.ihu.has_timestamps == b->u.ihu.has_timestamps &&
	       (!a->u.ihu.has_timestamps ||
		       (a->u.ihu.origin == b->u.ihu.origin && a->u.ihu.receive == b->u.ihu.receive));
}

static bool updates_equal(const struct babel_tlv *a, const struct babel_tlv *b)
{
	if (a->u.update.wildcard != b->u.update.wildcard || a->u.update.metric != b->u.update.metric ||
		a->u.update.interval_cs != b->u.update.interval_cs || a->u.update.seqno != b->u.update.seqno)
		return false;
	if (a->u.update.wildcard)
		return true;
	if (!prefix_equal(&a->u.update.prefix, &b->u.update.prefix) || a->u.update.v4_via_v6 != b->u.update.v4_via_v6)
		return false;
	return a->u.update.metric == BABEL_INFINITY ||
	       (router_id_equal(&a->u.update.origin, &b->u.update.origin) &&
		       address_equal(&a->u.update.next_hop, &b->u.update.next_hop));
}

static bool requests_equal(const struct babel_tlv *a, const struct babel_tlv *b)
{
	if (a->type == TLV_ROUTE_REQUEST)
		return a->u.route_request.wildcard == b->u.route_request.wildcard &&
		       (a->u.route_request.wildcard ||
			       prefix_equal(&a->u.route_request.prefix, &b->u.route_request.prefix));
	return prefix_equal(&a->u.seqno_request.prefix, &b->u.seqno_request.prefix) &&
	       a->u.seqno_request.seqno == b->u.seqno_request.seqno &&
	       a->u.seqno_request.hop_count == b->u.seqno_request.hop_count &&
	       router_id_equal(&a->u.seqno_request.origin, &b->u.seqno_request.origin);
}

static bool deltas_equal(const struct babel_tlv *a, const struct babel_tlv *b)
{
	if (a->u.delta.begin != b->u.delta.begin || a->u.delta.end != b->u.delta.end ||
		a->u.delta.urgent != b->u.delta.urgent || a->u.delta.epoch != b->u.delta.epoch ||
		a->u.delta.from != b->u.delta.from || a->u.delta.ver != b->u.delta.ver)
		return false;
	return !a->u.delta.begin ||
	       (a->u.delta.interval_cs == b->u.delta.interval_cs && a->u.delta.key[0] == b->u.delta.key[0] &&
		       a->u.delta.key[1] == b->u.delta.key[1]);
}

static bool syncs_equal(const struct babel_tlv *a, const struct babel_tlv *b)
{
	if (a->type == TLV_DELTA)
		return deltas_equal(a, b);
	if (a->type == TLV_SYNCACK)
		return a->u.syncack.nack == b->u.syncack.nack && a->u.syncack.full == b->u.syncack.full &&
		       a->u.syncack.epoch == b->u.syncack.epoch && a->u.syncack.applied == b->u.syncack.applied &&
		       bytes_equal(a->u.syncack.whole, b->u.syncack.whole);
	return a->u.refresh.epoch == b->u.refresh.epoch && a->u.refresh.ver == b->u.refresh.ver &&
	       a->u.refresh.count == b->u.refresh.count && a->u.refresh.interval_cs == b->u.refresh.interval_cs &&
	       a->u.refresh.digest == b->u.refresh.digest;
}

static bool lists_equal(const struct babel_tlv *a, const struct babel_tlv *b)
{
	if (a->type == TLV_COMPACT)
		return a->u.compact.check == b->u.compact.check && a->u.compact.base_id == b->u.compact.base_id &&
		       a->u.compact.base_seqno == b->u.compact.base_seqno &&
		       bytes_equal(a->u.compact.items, b->u.compact.items);
	return a->u.batch.hop_count == b->u.batch.hop_count && a->u.batch.class == b->u.batch.class &&
	       a->u.batch.with_lans == b->u.batch.with_lans && a->u.batch.is_salted == b->u.batch.is_salted &&
	       bytes_equal(a->u.batch.items, b->u.batch.items);
}

static bool tlvs_equal(const struct babel_tlv *a, const struct babel_tlv *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case TLV_ACK_REQUEST:
		return a->u.ack_request.opaque == b->u.ack_request.opaque &&
		       a->u.ack_request.interval_cs == b->u.ack_request.interval_cs;
	case TLV_ACK:
		return a->u.ack.opaque == b->u.ack.opaque;
	case TLV_HELLO:
		return hellos_equal(a, b);
	case TLV_IHU:
		return ihus_equal(a, b);
	case TLV_UPDATE:
		return updates_equal(a, b);
	case TLV_REFRESH:
	case TLV_DELTA:
	case TLV_SYNCACK:
		return syncs_equal(a, b);
	case TLV_COMPACT:
	case TLV_BATCH_REQUEST:
		return lists_equal(a, b);
	default:
		return requests_equal(a, b);
	}
}

static size_t packet_parse(
	struct bytes packet, const struct address *from, struct babel_tlv *tlvs, struct babel_counters *counters)
{
	struct wire_parser parser;
	size_t count = 0;

	if (wire_parse_begin(&parser, packet, from, counters))
		return 0;
	while (count < TLVS_MAX && wire_parse_next(&parser, &tlvs[count]))
		count++;
	return count;
}

static void packet_round_trip(struct bytes packet, const struct address *from)
{
	static struct babel_tlv before[TLVS_MAX], after[TLVS_MAX];
	static uint8_t room[64 * 1024];
	struct babel_counters counters = { 0 };
	struct wire_builder builder;
	size_t count = packet_parse(packet, from, before, &counters);

	wire_build_begin(&builder, room, sizeof(room), from);
	for (size_t i = 0; i < count; i++)
		assert(wire_write(&builder, &before[i]) == 0);
	struct bytes built = wire_build_end(&builder);

	counters = (struct babel_counters){ 0 };
	assert(packet_parse(built, from, after, &counters) == count);
	assert(counters.tlvs_malformed == 0 && counters.tlvs_bad_value == 0);
	for (size_t i = 0; i < count; i++)
		assert(tlvs_equal(&before[i], &after[i]));
}

/* --- the owner -------------------------------------------------------------------------------------- */

static struct address self_address(unsigned link)
{
	return address_ipv6((uint8_t[16]){ 0xfe, 0x80, [14] = (uint8_t)link, [15] = 0xff });
}

static struct address neighbour_address(unsigned which)
{
	return address_ipv6((uint8_t[16]){ 0xfe, 0x80, [15] = (uint8_t)(which % 6 + 1) });
}

static void fuzz_send(void *user, unsigned link, const struct address *to, struct bytes packet)
{
	static struct babel_tlv tlvs[TLVS_MAX];
	struct fuzz *f = user;
	struct address self = self_address(link);
	struct babel_counters counters = { 0 };
	struct wire_thin thin;

	(void)to;
	if (wire_thin_read(&thin, packet))
		return;
	assert(packet.len <= MTU && packet.len > BABEL_HEADER);
	size_t count = packet_parse(packet, &self, tlvs, &counters);
	assert(count > 0 && counters.tlvs_malformed == 0 && counters.tlvs_bad_value == 0 && counters.tlvs_unknown == 0);
	assert(counters.updates_no_router_id == 0 && counters.updates_no_next_hop == 0);
	for (size_t i = 0; i < count; i++)
		if (tlvs[i].type == TLV_ACK_REQUEST)
			f->opaque = tlvs[i].u.ack_request.opaque;
	packet_round_trip(packet, &self);
	f->packets++;
}

static void fuzz_changed(void *user, enum babel_route_change change, const struct babel_route *route)
{
	(void)user;
	assert((change == BABEL_ROUTE_SET) == (route->metric != BABEL_INFINITY));
}

static struct babel_verdict fuzz_accept(void *user, unsigned link, const struct address *neighbour,
	const struct prefix *prefix, const router_id *origin, uint16_t metric)
{
	const struct fuzz *f = user;

	(void)neighbour, (void)origin;
	assert(metric != BABEL_INFINITY);
	return (struct babel_verdict){
		.accept = (f->verdict & prefix->plen) != 3,
		.extra_cost = (uint16_t)(f->verdict * link * 300u),
	};
}

/* Those of draw_origin(), with prefixes of draw_prefix(). */
static void fuzz_member(unsigned id, struct babel_member *out)
{
	static struct prefix lans[2];

	prefix_parse(&lans[0], "fd00:1:1::/64");
	prefix_parse(&lans[1], "10.1.0.0/16");
	*out = (struct babel_member){ .short_id = (uint16_t)id, .origin = { { 2, [7] = (uint8_t)id } } };
	out->host = prefix_of_host(address_ipv6((uint8_t[16]){ 0xfd, 0, 0, 2, [8] = 2, [15] = (uint8_t)id }));
	out->lans = lans;
	out->lan_count = id - 1;
}

static bool fuzz_member_from(void *user, uint16_t from, struct babel_member *out)
{
	(void)user;
	if (from > 2)
		return false;
	fuzz_member(from > 1 ? from : 1, out);
	return true;
}

static bool fuzz_member_of_origin(void *user, const router_id *origin, struct babel_member *out)
{
	(void)user;
	if (origin->bytes[7] < 1 || origin->bytes[7] > 2)
		return false;
	fuzz_member(origin->bytes[7], out);
	return true;
}

static void fuzz_link_add(struct fuzz *f, unsigned link)
{
	struct address self = self_address(link);
	struct babel_link_config config = {
		.name = "fuzz",
		.cost = link ? BABEL_COST_ETX : BABEL_COST_2_OUT_OF_3,
		.rxcost = link ? 256 : 96,
		.hello_interval_cs = 100,
		.update_interval_cs = 400,
		.idle_interval_cs = link ? 300 : 0,
		.dead_misses = link ? 3 : 0,
		.mtu = MTU,
		.split_horizon = link == 0,
		.has_ipv4 = link == 0,
		.next_hop_ipv4 = address_ipv4((uint8_t[4]){ 10, 9, 8, 7 }),
		.rtt = link == 1 && f->verdict & 1,
		.rtt_min_us = 10000,
		.rtt_max_us = 120000,
		.rtt_max_penalty = 150,
		.needs_ack = link == 1,
		.is_thin = link == 1,
		.packet_max = link == 1 ? 256 : 0,
	};

	babel_link_add(f->b, f->now_us, link, &self, &config);
}

/* --- messages drawn from small sets --------------------------------------------------------------------- */

static struct prefix draw_prefix(struct reader *in)
{
	static const char *const texts[] = { "fd00::/16", "fd00:1::/48", "fd00:1:1::/64", "fd00:1:2::/64",
		"fd00:2::200:0:0:1/128", "fd00:2::200:0:0:2/128", "::/0", "10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0",
		"fe80::/64", "127.0.0.0/8", "fd00:3::/61", "10.1.2.3/32" };
	uint8_t which = read_u8(in);
	struct prefix p;

	if (which & 0x80) { /* many of them, to fill tables */
		uint8_t bytes[16] = { 0xfd, 0x99, which, read_u8(in) };
		return prefix_of(address_ipv6(bytes), 32);
	}
	assert(prefix_parse(&p, texts[which % (sizeof(texts) / sizeof(texts[0]))]) == 0);
	return p;
}

/* The third is the speaker's own. */
static router_id draw_origin(struct reader *in)
{
	return (router_id){ { 2, [7] = (uint8_t)(read_u8(in) % 4 + 1) } };
}

static uint16_t draw_metric(struct reader *in)
{
	uint8_t byte = read_u8(in);

	return byte >= 0xe0 ? BABEL_INFINITY : (uint16_t)(byte * (byte & 1 ? 250u : 10u));
}

static void draw_ihu(struct reader *in, struct babel_tlv *tlv, unsigned link)
{
	uint8_t byte = read_u8(in);

	tlv->u.ihu.has_address = byte & 1;
	tlv->u.ihu.address = self_address(link);
	tlv->u.ihu.rxcost = byte & 2 ? 96 : draw_metric(in);
	tlv->u.ihu.interval_cs = (uint16_t)(byte * 4 + 1);
	tlv->u.ihu.has_timestamps = byte & 4;
	tlv->u.ihu.origin = read_u32(in);
	tlv->u.ihu.receive = read_u32(in);
}

static void draw_update(struct reader *in, struct babel_tlv *tlv, const struct address *from)
{
	uint8_t byte = read_u8(in);

	tlv->u.update.prefix = draw_prefix(in);
	tlv->u.update.origin = draw_origin(in);
	tlv->u.update.seqno = (uint16_t)(read_u8(in) % 8 + (byte & 1 ? 65530 : 0));
	tlv->u.update.metric = draw_metric(in);
	tlv->u.update.interval_cs = byte & 2 ? 400 : byte & 4 ? 0xffff : 10;
	tlv->u.update.next_hop = *from;
	tlv->u.update.v4_via_v6 = tlv->u.update.prefix.address.family == FAMILY_IPV4;
	if (tlv->u.update.v4_via_v6 && byte & 8) {
		tlv->u.update.next_hop = address_ipv4((uint8_t[4]){ 10, 9, 8, byte });
		tlv->u.update.v4_via_v6 = false;
	}
	tlv->u.update.wildcard = byte >= 0xf8;
	if (tlv->u.update.wildcard)
		tlv->u.update.metric = BABEL_INFINITY;
}

/* Versions and epochs near those of the speaker's own session with that neighbour, if there is one. */
static void draw_sync(
	const struct fuzz *f, struct reader *in, struct babel_tlv *tlv, const struct address *from, unsigned link)
{
	const struct link *l = f->b->links[link];
	const struct neighbour *n = l ? neighbour_find(l, from) : NULL;
	const struct session *s = n ? n->session : NULL;
	uint8_t byte = read_u8(in);
	uint32_t ver = read_u8(in) % 16;

	if (tlv->type == TLV_SYNCACK) {
		tlv->u.syncack.nack = byte & 1;
		tlv->u.syncack.full = byte & 2;
		tlv->u.syncack.epoch = s && byte & 4 ? s->out.epoch : byte;
		tlv->u.syncack.applied = s && byte & 8 ? s->out.sent : ver;
	} else if (tlv->type == TLV_DELTA) {
		tlv->u.delta.begin = byte & 1;
		tlv->u.delta.end = byte & 2;
		tlv->u.delta.urgent = byte & 4;
		tlv->u.delta.epoch = byte >> 6;
		tlv->u.delta.from = s && byte & 8 ? s->in.applied : ver / 2;
		tlv->u.delta.ver = tlv->u.delta.from + ver;
		tlv->u.delta.interval_cs = tlv->u.delta.begin ? 400 : 0;
		tlv->u.delta.key[0] = tlv->u.delta.begin ? byte : 0;
	} else {
		tlv->u.refresh.epoch = byte >> 6;
		tlv->u.refresh.ver = s && byte & 8 ? s->in.applied : ver;
		tlv->u.refresh.interval_cs = 400;
		tlv->u.refresh.count = s && byte & 16 ? (uint16_t)n->route_count : ver;
		tlv->u.refresh.digest = s && byte & 32 ? s->in.digest : ver;
	}
}

/* Short lists of ids up to 15, of which the speaker's owner knows some. */
static void draw_list(struct reader *in, struct babel_tlv *tlv)
{
	static uint8_t room[COMPACT_LIST_MAX];
	uint8_t byte = read_u8(in);
	struct list_writer l = list_writer_of(room, sizeof(room), 0);
	uint16_t id = 0;

	for (unsigned count = byte & 3; count > 0; count--) {
		uint8_t how = read_u8(in);

		id = (uint16_t)(id + how % 5);
		if (tlv->type == TLV_COMPACT) {
			struct compact_item item = { .id = id, .kind = (enum compact_kind)(how >> 4 & 1) };

			item.with_lans = how & 0x80;
			item.how = (enum compact_seqno)(how >> 5 & 3);
			item.seqno = item.how >= COMPACT_GIVEN ? how % 8 : 0;
			item.metric[0] = (uint16_t)(how * 10);
			if (how & 0x40)
				item.kind = COMPACT_BUMPED;
			if (item.kind != COMPACT_FINITE)
				item.more = how & 3;
			compact_write(&l, 0, &item);
			id = (uint16_t)(id + item.more);
		} else {
			struct batch_item item = { .id = id, .is_relative = how & 0x10, .seqno = how % 8 };

			item.more = item.is_relative ? how & 3 : 0;
			batch_write(&l, byte & 0x40, &item);
			id = (uint16_t)(id + item.more);
		}
		id++;
	}
	if (tlv->type == TLV_COMPACT) {
		tlv->u.compact.check = read_u16(in);
		tlv->u.compact.items = writer_bytes(&l.w);
	} else {
		tlv->u.batch.hop_count = (uint8_t)(byte % 4 + 1);
		tlv->u.batch.with_lans = byte & 0x80;
		tlv->u.batch.is_salted = byte & 0x40;
		tlv->u.batch.items = writer_bytes(&l.w);
	}
}

static struct babel_tlv draw_tlv(const struct fuzz *f, struct reader *in, const struct address *from, unsigned link)
{
	uint8_t kind = read_u8(in);
	struct babel_tlv tlv = { .type = TLV_ACK_REQUEST + kind % 9 };

	if (kind >= 0xe0) {
		tlv.type = kind & 1 ? TLV_COMPACT : TLV_BATCH_REQUEST;
		draw_list(in, &tlv);
		return tlv;
	}
	if (kind >= 0xa0) {
		tlv.type = TLV_REFRESH + kind % 3;
		draw_sync(f, in, &tlv, from, link);
		return tlv;
	}

	switch (tlv.type) {
	case TLV_ACK_REQUEST:
		tlv.u.ack_request.opaque = read_u16(in);
		tlv.u.ack_request.interval_cs = 1;
		break;
	case TLV_ACK:
		tlv.u.ack.opaque = f->opaque;
		break;
	case TLV_HELLO:
		tlv.u.hello.seqno = read_u8(in);
		tlv.u.hello.unicast = tlv.u.hello.seqno & 0x80;
		tlv.u.hello.interval_cs = (uint16_t)(read_u8(in) * 2);
		tlv.u.hello.has_timestamp = tlv.u.hello.seqno & 1;
		tlv.u.hello.t1 = (uint32_t)f->now_us;
		break;
	case TLV_IHU:
		draw_ihu(in, &tlv, link);
		break;
	case TLV_ROUTE_REQUEST:
		tlv.u.route_request.prefix = draw_prefix(in);
		tlv.u.route_request.wildcard = read_u8(in) & 1;
		break;
	case TLV_SEQNO_REQUEST:
		tlv.u.seqno_request.prefix = draw_prefix(in);
		tlv.u.seqno_request.origin = draw_origin(in);
		tlv.u.seqno_request.seqno = (uint16_t)(read_u8(in) % 16 - 4);
		tlv.u.seqno_request.hop_count = (uint8_t)(read_u8(in) % 4 + 1);
		break;
	default:
		tlv.type = TLV_UPDATE;
		draw_update(in, &tlv, from);
		break;
	}
	return tlv;
}

/* --- steps ------------------------------------------------------------------------------------------------- */

static void deliver(
	struct fuzz *f, unsigned link, const struct address *from, uint8_t *packet, size_t len, bool multicast)
{
	struct babel_sender sender = { *from, BABEL_PORT, 1, multicast, false };

	packet_round_trip(bytes_of(packet, len), from);
	babel_receive(f->b, f->now_us, link, &sender, bytes_of(packet, len));
}

static void step_raw(struct fuzz *f, struct reader *in, unsigned link, const struct address *from)
{
	uint8_t packet[4 + 255] = { BABEL_MAGIC, BABEL_VERSION };
	size_t len = read_u8(in);

	if (len > reader_left(in))
		len = reader_left(in);
	packet[3] = (uint8_t)len;
	read_copy(in, packet + 4, len);
	deliver(f, link, from, packet, 4 + len, true);
}

static void step_built(struct fuzz *f, struct reader *in, unsigned link, const struct address *from)
{
	uint8_t packet[MTU];
	struct wire_builder builder;
	uint8_t flip = read_u8(in);

	wire_build_begin(&builder, packet, sizeof(packet), from);
	for (unsigned count = flip % 8 + 1u; count > 0 && reader_left(in) > 0; count--) {
		struct babel_tlv tlv = draw_tlv(f, in, from, link);

		if (wire_write(&builder, &tlv))
			break;
	}
	struct bytes built = wire_build_end(&builder);

	if (built.len == 0)
		return;
	if (flip & 0x80)
		packet[read_u8(in) % built.len] ^= (uint8_t)(1u << (flip >> 4 & 7));
	deliver(f, link, from, packet, built.len, flip & 0x08);
}

static void step_thin(struct fuzz *f, struct reader *in, unsigned link, const struct address *from)
{
	struct babel_sender sender = { *from, BABEL_PORT, 1, false, false };
	uint8_t body[THIN_LEN];

	read_copy(in, body, sizeof(body));
	body[0] = (uint8_t)(0xc0 | (body[0] & 0x0f));
	babel_receive(f->b, f->now_us, link, &sender, bytes_of(body, sizeof(body)));
}

/* A neighbour becomes usable: what random bytes would take long to find. */
static void step_befriend(struct fuzz *f, unsigned link, const struct address *from)
{
	uint8_t packet[MTU];

	for (uint16_t i = 0; i < 3; i++) {
		struct wire_builder builder;
		struct babel_tlv hello = { .type = TLV_HELLO, .u.hello = { .seqno = i, .interval_cs = 100 } };
		struct babel_tlv ihu = { .type = TLV_IHU, .u.ihu = { .rxcost = 96, .interval_cs = 6000 } };
		struct babel_tlv ack = { .type = TLV_ACK, .u.ack.opaque = f->opaque };

		wire_build_begin(&builder, packet, sizeof(packet), from);
		assert(wire_write(&builder, &hello) == 0 && wire_write(&builder, &ihu) == 0);
		assert(wire_write(&builder, &ack) == 0);
		deliver(f, link, from, packet, wire_build_end(&builder).len, true);
		babel_poll(f->b, f->now_us);
	}
}

static void step_owner(struct fuzz *f, struct reader *in, unsigned link, const struct address *from)
{
	uint8_t what = read_u8(in);
	struct prefix prefix;

	switch (what % 9) {
	case 0:
		prefix = draw_prefix(in);
		babel_originate(f->b, f->now_us, &prefix, draw_metric(in) % 1000);
		break;
	case 1:
		prefix = draw_prefix(in);
		babel_withdraw(f->b, f->now_us, &prefix);
		break;
	case 2:
		babel_link_remove(f->b, f->now_us, link);
		break;
	case 3:
		fuzz_link_add(f, link);
		break;
	case 4:
		babel_neighbour_lost(f->b, f->now_us, link, from);
		break;
	case 5:
		babel_neighbour_hint(f->b, f->now_us, link, from);
		break;
	case 6:
		babel_neighbour_alive(f->b, f->now_us, link, from);
		break;
	case 7:
		babel_neighbour_session(f->b, f->now_us, link, from, what >> 7, what >> 4);
		if (what & 0x40)
			babel_neighbour_compact(f->b, link, from);
		break;
	default:
		f->verdict = what >> 4;
		babel_refilter(f->b, f->now_us);
		break;
	}
}

/* Time passes in small steps, or the own loop sleeps. */
static void step_time(struct fuzz *f, struct reader *in)
{
	uint8_t byte = read_u8(in);
	uint64_t until_us = f->now_us + (uint64_t)(byte & 0x7f) * (byte & 1 ? SECOND : 20 * MS);

	while (!(byte & 0x80) && f->now_us < until_us) {
		uint64_t due_us = babel_poll(f->b, f->now_us);

		f->now_us = due_us < until_us ? due_us : until_us;
	}
	f->now_us = until_us;
}

/* --- what must hold ------------------------------------------------------------------------------------------- */

static void check_route(void *arg, const struct babel_route_info *info)
{
	(void)arg;
	if (info->selected)
		assert(info->feasible && info->route.metric != BABEL_INFINITY && info->cost > 0);
}

static void check_neighbour(void *arg, const struct babel_neighbour_info *info)
{
	(void)arg;
	assert(info->routes <= limits.routes && info->cost[BABEL_TEXT] > 0);
}

/* What a session says of itself is what its tables say. */
static void check_session(const struct session *s)
{
	const struct babel *b = s->n->b;
	uint64_t out = 0, in = 0;
	size_t finite = 0;

	for (unsigned i = 0; i < s->out.capacity; i++) {
		const struct adj_out *e = &s->out.entries[i];
		const struct destination *d = e->ver ? destination_at(b, i) : NULL;

		assert(!e->ver == !d && e->ver <= s->out.ver);
		bool is_finite = false;
		for (unsigned c = 0; d && c < BABEL_CLASSES; c++) {
			if (e->claims[c].metric == BABEL_INFINITY)
				continue;
			is_finite = true;
			assert(source_find(d, &e->claims[c].origin)->pins > 0);
		}
		if (!is_finite)
			continue;
		out += adj_hash(s->out.key, &d->prefix, e->claims);
		finite++;
	}
	for (const struct list *node = s->n->routes.next; node != &s->n->routes; node = node->next) {
		const struct route *r = list_entry(node, struct route, on_neighbour);

		struct claim claims[BABEL_CLASSES];

		for (unsigned c = 0; c < BABEL_CLASSES; c++)
			claims[c] = r->variants[c].claim;
		in += adj_hash(s->in.key, &r->destination->prefix, claims);
	}
	assert(out == s->out.digest && finite == s->out.count && in == s->in.digest);
	assert(s->out.acked <= s->out.ver && s->out.sent <= s->out.ver && s->out.capacity <= 4 * limits.sources);
}

static void check_all(const struct fuzz *f)
{
	const struct babel *b = f->b;

	for (const struct list *node = b->sessions.next; node != &b->sessions; node = node->next)
		check_session(list_entry(node, struct session, on_babel));
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		babel_dump_routes(b, f->now_us, c, check_route, NULL);
	babel_dump_neighbours(b, check_neighbour, NULL);
	assert(b->neighbour_count <= limits.neighbours && b->source_count <= limits.sources);
	assert(b->requests.count <= limits.requests && b->destinations.count <= limits.sources);
	for (unsigned i = 0; i < LINKS; i++)
		assert(!b->links[i] || b->links[i]->queue.count <= 4 * QUEUE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct babel_output output = { .send = fuzz_send,
		.route_changed = fuzz_changed,
		.accept = fuzz_accept,
		.member_from = fuzz_member_from,
		.member_of_origin = fuzz_member_of_origin };
	struct reader in = reader_of(bytes_of(data, size));
	struct fuzz f = { .now_us = 1000 * SECOND };
	struct babel_config config = { .id = { { 2, [7] = 3 } }, .has_stored_seqno = true, .limits = limits };

	prng_seed(&f.prng, 1);
	config.random = prng_random(&f.prng);
	config.kernel_has_v4_via_v6 = size & 1;
	f.b = babel_new(&config, &output, &f);
	assert(f.b);
	for (unsigned i = 0; i < LINKS; i++)
		fuzz_link_add(&f, i);
	for (unsigned step = 0; step < STEPS_MAX && reader_left(&in) > 0; step++) {
		uint8_t op = read_u8(&in);
		unsigned link = op >> 3 & 1;
		struct address from = neighbour_address(op >> 4);

		if (op % 8 == 0 && op & 0x80)
			step_thin(&f, &in, link, &from);
		else if (op % 8 == 0)
			step_raw(&f, &in, link, &from);
		else if (op % 8 < 4)
			step_built(&f, &in, link, &from);
		else if (op % 8 == 4)
			step_befriend(&f, link, &from);
		else if (op % 8 == 5)
			step_owner(&f, &in, link, &from);
		else
			step_time(&f, &in);
		babel_poll(f.b, f.now_us);
		check_all(&f);
	}
	if (size % 3 == 0)
		babel_shutdown(f.b, f.now_us);
	babel_free(f.b);
	return 0;
}
