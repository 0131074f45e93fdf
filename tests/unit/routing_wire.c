/* Packets, byte by byte: what is read, what is ignored, what is written. */
#include <errno.h>

#include "tests/unit/routing_harness.h"

/* --- reading ------------------------------------------------------------------------ */

#define TLVS 16

struct parsed {
	struct babel_tlv tlvs[TLVS];
	size_t count;
	struct babel_counters counters;
};

static struct parsed parse_from(struct address sender, const uint8_t *body, size_t len)
{
	uint8_t packet[4 + 512] = { BABEL_MAGIC, BABEL_VERSION, (uint8_t)(len >> 8), (uint8_t)len };
	struct wire_parser parser;
	struct parsed out = { .count = 0 };

	assert_true(len <= 512);
	memcpy(packet + 4, body, len);
	assert_int_equal(wire_parse_begin(&parser, bytes_of(packet, 4 + len), &sender, &out.counters), 0);
	while (wire_parse_next(&parser, &out.tlvs[out.count]))
		assert_true(++out.count < TLVS);
	return out;
}

#define PARSE_FROM(sender, ...)                                                                                        \
	parse_from(sender, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define PARSE(...) PARSE_FROM(world_address(1, 0), __VA_ARGS__)

#define ROUTER_ID(last) 6, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, last
#define NEXT_HOP_V4 7, 6, 1, 0, 192, 168, 1, 9
/* Interval 4 s, seqno 7, metric 256. */
#define NUMBERS 0x01, 0x90, 0, 7, 1, 0
#define RETRACTED 0x01, 0x90, 0, 7, 0xff, 0xff
/* fd00:1::/32, with flags and sub-TLVs of no length. */
#define UPDATE(flags) 8, 14, 2, flags, 32, 0, NUMBERS, 0xfd, 0, 0, 1

static void assert_prefix(const struct babel_tlv *tlv, const char *text)
{
	struct prefix p = world_prefix(text);

	assert_int_equal(tlv->type, TLV_UPDATE);
	assert_true(prefix_equal(&tlv->u.update.prefix, &p));
}

static void update_is_read_whole__rfc8966_4_6_9(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), UPDATE(0));
	struct address sender = world_address(1, 0);

	(void)state;
	assert_int_equal(p.count, 1);
	assert_prefix(&p.tlvs[0], "fd00:1::/32");
	assert_int_equal(p.tlvs[0].u.update.interval_cs, 400);
	assert_int_equal(p.tlvs[0].u.update.seqno, 7);
	assert_int_equal(p.tlvs[0].u.update.metric, 256);
	assert_int_equal(p.tlvs[0].u.update.origin.bytes[7], 5);
	assert_true(address_equal(&p.tlvs[0].u.update.next_hop, &sender));
}

static void packet_of_any_size_up_to_the_mtu_is_read__rfc8966_4(void **state)
{
	uint8_t body[508] = { 0 };

	(void)state;
	body[0] = 1; /* PadN over everything but the last TLV */
	body[1] = 253;
	body[255] = 1;
	body[256] = 243;
	memcpy(body + 500, (const uint8_t[]){ 4, 6, 0, 0, 0, 9, 0, 100 }, 8);
	struct parsed p = parse_from(world_address(1, 0), body, sizeof(body));
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.hello.seqno, 9);
}

static void trailer_is_not_part_of_the_body__rfc8966_4_2(void **state)
{
	const uint8_t packet[] = { 42, 2, 0, 8, 4, 6, 0, 0, 0, 9, 0, 100, 4, 6, 0, 0, 0, 10, 0, 100 };
	struct babel_counters counters = { 0 };
	struct address sender = world_address(1, 0);
	struct wire_parser parser;
	struct babel_tlv tlv;

	(void)state;
	assert_int_equal(wire_parse_begin(&parser, bytes_of(packet, sizeof(packet)), &sender, &counters), 0);
	assert_true(wire_parse_next(&parser, &tlv));
	assert_int_equal(tlv.u.hello.seqno, 9);
	assert_false(wire_parse_next(&parser, &tlv));
}

static void body_longer_than_the_packet_is_refused__rfc8966_4_2(void **state)
{
	const uint8_t packet[] = { 42, 2, 0, 9, 4, 6, 0, 0, 0, 9, 0, 100 };
	struct babel_counters counters = { 0 };
	struct address sender = world_address(1, 0);
	struct wire_parser parser;

	(void)state;
	for (size_t len = 0; len <= sizeof(packet); len++)
		assert_int_not_equal(wire_parse_begin(&parser, bytes_of(packet, len), &sender, &counters), 0);
	assert_int_equal(counters.packets_truncated, sizeof(packet) + 1);
}

static void unknown_tlvs_are_skipped__rfc8966_4_3(void **state)
{
	struct parsed p = PARSE(200, 3, 1, 2, 3, 0, 1, 2, 0, 0, 223, 0, 4, 6, 0, 0, 0, 9, 0, 100);

	(void)state;
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].type, TLV_HELLO);
	assert_int_equal(p.counters.tlvs_unknown, 2);
}

static void tlv_that_overruns_ends_the_packet__rfc8966_4_3(void **state)
{
	struct parsed p = PARSE(4, 6, 0, 0, 0, 9, 0, 100, 8, 200, 2, 0);

	(void)state;
	assert_int_equal(p.count, 1);
	assert_int_equal(p.counters.tlvs_malformed, 1);
}

static void tlv_shorter_than_its_fields_is_ignored(void **state)
{
	struct parsed p = PARSE(4, 5, 0, 0, 0, 9, 0, 5, 2, 0, 0, 8, 5, 2, 0, 32, 0, 0, 2, 5, 0, 0, 0, 9, 0, 3, 1, 0, 6,
		4, 0, 0, 2, 0, 7, 1, 1, 9, 1, 2, 10, 6, 2, 32, 0, 1, 5, 0);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_malformed, 9);
}

static void sub_tlv_is_skipped_unless_mandatory__rfc8966_4_4__babeld_1_12_2(void **state)
{
	struct parsed p = PARSE(4, 13, 0, 0, 0, 9, 0, 100, 0, 112, 1, 9, 1, 1, 0);

	(void)state;
	assert_int_equal(p.count, 1);
	p = PARSE(4, 9, 0, 0, 0, 9, 0, 100, 241, 1, 9, 4, 6, 0, 0, 0, 10, 0, 100);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.hello.seqno, 10);
	assert_int_equal(p.counters.tlvs_mandatory_subtlv, 1);
	p = PARSE(4, 8, 0, 0, 0, 9, 0, 100, 112, 1); /* the sub-TLV overruns */
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_malformed, 1);
}

static void mandatory_sub_tlv_is_heeded_in_every_tlv__rfc8966_4_4(void **state)
{
	struct parsed p = PARSE(2, 8, 0, 0, 0, 9, 0, 100, 241, 0, 3, 4, 0, 9, 241, 0, 5, 8, 0, 0, 0, 96, 0, 100, 241, 0,
		9, 4, 0, 0, 241, 0, 10, 20, 2, 32, 0, 7, 5, 0, 2, 0, 0, 0, 0, 0, 0, 5, 0xfd, 0, 0, 1, 241, 0);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_mandatory_subtlv, 5);
}

/* An update that is ignored still sets the default prefix and the router-id. */
static void parser_state_is_updated_by_ignored_tlvs__rfc8966_4_5(void **state)
{
	struct parsed p = PARSE(8, 24, 2, 0xc0, 96, 0, NUMBERS, 0xfd, 0, 0, 1, 7, 7, 7, 7, 0, 0, 0, 9, 241, 0, /**/
		8, 10, 2, 0, 32, 4, NUMBERS);

	(void)state;
	assert_int_equal(p.counters.tlvs_mandatory_subtlv, 1);
	assert_int_equal(p.count, 1);
	assert_prefix(&p.tlvs[0], "fd00:1::/32");
	assert_memory_equal(p.tlvs[0].u.update.origin.bytes, ((uint8_t[]){ 0, 0, 0, 9, 0, 0, 0, 0 }), 8);
	p = PARSE(6, 12, 0, 0, 2, 0, 0, 0, 0, 0, 0, 5, 241, 0, UPDATE(0));
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.update.origin.bytes[7], 5);
	p = PARSE(ROUTER_ID(5), 7, 8, 1, 0, 192, 168, 1, 9, 241, 0, 8, 11, 1, 0, 8, 0, NUMBERS, 10);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.update.next_hop.bytes[3], 9);
}

static void reserved_router_ids_name_nobody__rfc8966_4_1_3(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), 6, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, UPDATE(0));

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_bad_value, 1);
	assert_int_equal(p.counters.updates_no_router_id, 1);
	p = PARSE(6, 10, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, UPDATE(0));
	assert_int_equal(p.count, 0);
	p = PARSE(8, 14, 2, 0x40, 32, 0, NUMBERS, 0xfd, 0, 0, 1); /* the R flag: eight zeros */
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.updates_no_router_id, 1);
}

static void reserved_router_id_in_a_request_is_ignored__frr_23102(void **state)
{
	struct parsed p = PARSE(10, 18, 2, 32, 0, 7, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0, 0, 1, /**/
		10, 18, 2, 32, 0, 7, 5, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0xfd, 0, 0, 1);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_bad_value, 2);
}

static void reserved_fields_are_ignored__rfc8966_4_6(void **state)
{
	struct parsed p = PARSE(2, 6, 9, 9, 0, 1, 0, 50, 4, 6, 0x7f, 0xff, 0, 9, 0, 100, 5, 6, 0, 9, 0, 96, 0, 100, 6,
		10, 9, 9, 2, 0, 0, 0, 0, 0, 0, 5, 7, 6, 1, 9, 192, 168, 1, 9, UPDATE(0x3f), 10, 18, 2, 32, 0, 7, 5, 9,
		2, 0, 0, 0, 0, 0, 0, 5, 0xfd, 0, 0, 1);

	(void)state;
	assert_int_equal(p.count, 5);
	assert_false(p.tlvs[1].u.hello.unicast);
	assert_prefix(&p.tlvs[3], "fd00:1::/32");
	assert_int_equal(p.counters.tlvs_bad_value + p.counters.tlvs_malformed, 0);
}

static void zero_intervals_are_ignored_but_in_hellos__rfc8966_4_6(void **state)
{
	struct parsed p = PARSE(2, 6, 0, 0, 0, 1, 0, 0, 5, 6, 0, 0, 0, 96, 0, 0, ROUTER_ID(5), 8, 14, 2, 0, 32, 0, 0, 0,
		0, 7, 1, 0, 0xfd, 0, 0, 1, 4, 6, 0, 0, 0, 9, 0, 0);

	(void)state;
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].type, TLV_HELLO); /* unscheduled */
	assert_int_equal(p.counters.tlvs_bad_value, 3);
}

static void unknown_encodings_are_ignored__rfc8966_4_1_4(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), 8, 14, 9, 0, 32, 0, NUMBERS, 0xfd, 0, 0, 1, 9, 3, 9, 8, 1, 10, 15, 9, 8,
		0, 7, 5, 0, 2, 0, 0, 0, 0, 0, 0, 5, 1, 5, 7, 9, 0, 0, 96, 0, 100, 1, 7, 3, 9, 0, 1);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_bad_value, 5);
}

static void next_hop_needs_an_address__rfc8966_4_6_8(void **state)
{
	struct parsed p = PARSE(7, 2, 0, 0, ROUTER_ID(5), 8, 11, 1, 0, 8, 0, NUMBERS, 10);

	(void)state;
	assert_int_equal(p.counters.tlvs_bad_value, 1);
	assert_int_equal(p.counters.updates_no_next_hop, 1);
	assert_int_equal(p.count, 0);
	p = PARSE(7, 10, 3, 0, 0, 0, 0, 0, 0, 0, 0, 7, ROUTER_ID(5), UPDATE(0));
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.update.next_hop.bytes[0], 0xfe);
	assert_int_equal(p.tlvs[0].u.update.next_hop.bytes[15], 7);
	p = PARSE(7, 18, 2, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, ROUTER_ID(5), UPDATE(0));
	assert_int_equal(p.tlvs[0].u.update.next_hop.bytes[15], 8);
}

static void link_local_prefixes_are_no_updates__rfc8966_4_6_9(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), 8, 18, 3, 0, 64, 0, NUMBERS, 0, 0, 0, 0, 0, 0, 0, 1, 8, 14, 3, 0, 64, 4,
		NUMBERS, 0, 0, 0, 1);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_bad_value, 2);
}

static void omitted_bytes_come_from_the_last_p_flag__rfc8966_4_6_9(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), UPDATE(0x80), /**/
		8, 12, 2, 0, 48, 4, NUMBERS, 0, 2, /* without P: the default stays */
		8, 10, 2, 0, 32, 4, NUMBERS);

	(void)state;
	assert_int_equal(p.count, 3);
	assert_prefix(&p.tlvs[1], "fd00:1:2::/48");
	assert_prefix(&p.tlvs[2], "fd00:1::/32");
	p = PARSE(ROUTER_ID(5), UPDATE(0), 8, 12, 2, 0, 48, 4, NUMBERS, 0, 2);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.counters.tlvs_bad_value, 1);
	p = PARSE(ROUTER_ID(5), UPDATE(0x80), 8, 10, 2, 0, 24, 4, NUMBERS); /* more than there is */
	assert_int_equal(p.count, 1);
	assert_int_equal(p.counters.tlvs_bad_value, 1);
}

static void router_id_may_be_in_the_prefix__rfc8966_4_6_9(void **state)
{
	struct parsed p = PARSE(8, 26, 2, 0x40, 128, 0, NUMBERS, 0xfd, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 6, /**/
		UPDATE(0), NEXT_HOP_V4, 8, 14, 1, 0x40, 32, 0, NUMBERS, 10, 0, 0, 3);

	(void)state;
	assert_int_equal(p.count, 3);
	assert_memory_equal(p.tlvs[0].u.update.origin.bytes, ((uint8_t[]){ 2, 0, 0, 0, 0, 0, 0, 6 }), 8);
	assert_memory_equal(p.tlvs[1].u.update.origin.bytes, ((uint8_t[]){ 2, 0, 0, 0, 0, 0, 0, 6 }), 8);
	assert_memory_equal(p.tlvs[2].u.update.origin.bytes, ((uint8_t[]){ 0, 0, 0, 0, 10, 0, 0, 3 }), 8);
}

static void update_without_next_hop_in_its_family_is_ignored__rfc8966_4_6_9(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), 8, 11, 1, 0, 8, 0, NUMBERS, 10);
	struct address v4 = address_ipv4((uint8_t[4]){ 192, 168, 1, 9 });

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.updates_no_next_hop, 1);
	p = PARSE_FROM(v4, ROUTER_ID(5), UPDATE(0), 8, 11, 1, 0, 8, 0, NUMBERS, 10);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.update.prefix.address.family, FAMILY_IPV4);
	assert_int_equal(p.counters.updates_no_next_hop, 1);
}

static void wildcard_update_is_a_plain_retraction_or_nothing__rfc8966_4_6_9(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), 8, 10, 0, 0, 0, 0, RETRACTED);

	(void)state;
	assert_int_equal(p.count, 1);
	assert_true(p.tlvs[0].u.update.wildcard);
	p = PARSE(ROUTER_ID(5), 8, 10, 0, 0, 0, 0, NUMBERS); /* finite */
	assert_int_equal(p.count, 0);
	p = PARSE(ROUTER_ID(5), 8, 10, 0, 0, 8, 0, RETRACTED, 8, 10, 0, 0, 0, 1, RETRACTED);
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_bad_value, 2);
}

static void retraction_needs_neither_router_id_nor_next_hop__babeld_66_71(void **state)
{
	struct parsed p = PARSE(8, 14, 2, 0, 32, 0, RETRACTED, 0xfd, 0, 0, 1, 8, 11, 1, 0, 8, 0, RETRACTED, 10);

	(void)state;
	assert_int_equal(p.count, 2);
	assert_prefix(&p.tlvs[0], "fd00:1::/32");
	assert_prefix(&p.tlvs[1], "10.0.0.0/8");
}

static void wildcard_route_request_has_no_length__rfc8966_4_6_10(void **state)
{
	struct parsed p = PARSE(9, 2, 0, 0, 9, 2, 0, 8, 9, 3, 1, 8, 10);

	(void)state;
	assert_int_equal(p.count, 2);
	assert_true(p.tlvs[0].u.route_request.wildcard);
	assert_false(p.tlvs[1].u.route_request.wildcard);
	assert_int_equal(p.counters.tlvs_bad_value, 1);
}

static void seqno_request_needs_prefix_and_hop_count__rfc8966_4_6_11(void **state)
{
	struct parsed p = PARSE(10, 14, 0, 0, 0, 7, 5, 0, 2, 0, 0, 0, 0, 0, 0, 5, /* AE 0 */
		10, 18, 2, 32, 0, 7, 0, 0, 2, 0, 0, 0, 0, 0, 0, 5, 0xfd, 0, 0, 1, /* no hop left */
		10, 18, 2, 32, 0, 7, 1, 0, 2, 0, 0, 0, 0, 0, 0, 5, 0xfd, 0, 0, 1);

	(void)state;
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.seqno_request.hop_count, 1);
	assert_int_equal(p.counters.tlvs_bad_value, 2);
}

static void bits_beyond_the_length_are_cleared__rfc8966_4_6_9(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), 8, 14, 2, 0, 27, 0, NUMBERS, 0xfd, 0, 0, 0xff, 9, 4, 1, 9, 10, 0xff);
	struct prefix request = world_prefix("10.128.0.0/9");

	(void)state;
	assert_int_equal(p.count, 2);
	assert_prefix(&p.tlvs[0], "fd00:e0::/27");
	assert_true(prefix_equal(&p.tlvs[1].u.route_request.prefix, &request));
}

static void length_beyond_the_family_is_ignored(void **state)
{
	struct parsed p = PARSE(
		9, 19, 2, 129, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 9, 7, 1, 33, 1, 2, 3, 4, 5);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_bad_value, 2);
}

static void ihu_takes_all_kinds_of_addresses__rfc8966_4_6_6(void **state)
{
	struct parsed p = PARSE(5, 6, 0, 0, 0, 96, 0, 100, 5, 10, 1, 0, 0, 96, 0, 100, 10, 0, 0, 1, 5, 14, 3, 0, 0, 96,
		0, 100, 0, 0, 0, 0, 0, 0, 0, 7);

	(void)state;
	assert_int_equal(p.count, 3);
	assert_false(p.tlvs[0].u.ihu.has_address);
	assert_int_equal(p.tlvs[1].u.ihu.address.family, FAMILY_IPV4);
	assert_int_equal(p.tlvs[2].u.ihu.address.bytes[15], 7);
}

/* --- RFC 9229 ------------------------------------------------------------------------------ */

static void v4_via_v6_has_an_ipv6_next_hop__rfc9229_4(void **state)
{
	struct parsed p = PARSE(ROUTER_ID(5), NEXT_HOP_V4, 8, 11, 4, 0, 8, 0, NUMBERS, 10);
	struct address sender = world_address(1, 0);

	(void)state;
	assert_int_equal(p.count, 1);
	assert_prefix(&p.tlvs[0], "10.0.0.0/8");
	assert_true(p.tlvs[0].u.update.v4_via_v6);
	assert_true(address_equal(&p.tlvs[0].u.update.next_hop, &sender));
}

static void v4_via_v6_without_ipv6_next_hop_is_ignored__rfc9229_2_2(void **state)
{
	struct parsed p =
		PARSE_FROM(address_ipv4((uint8_t[4]){ 192, 168, 1, 9 }), ROUTER_ID(5), 8, 11, 4, 0, 8, 0, NUMBERS, 10);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.updates_no_next_hop, 1);
}

static void v4_via_v6_compresses_on_its_own__rfc9229_4_2(void **state)
{
	struct parsed p =
		PARSE(ROUTER_ID(5), NEXT_HOP_V4, 8, 12, 1, 0x80, 16, 0, NUMBERS, 10, 1, /* AE 1 sets its own */
			8, 12, 4, 0, 24, 2, NUMBERS, 9, 9, /* AE 4 has none yet */
			8, 12, 4, 0x80, 16, 0, NUMBERS, 10, 2, /**/
			8, 11, 1, 0, 24, 2, NUMBERS, 3, 8, 11, 4, 0, 24, 2, NUMBERS, 3);

	(void)state;
	assert_int_equal(p.count, 4);
	assert_int_equal(p.counters.tlvs_bad_value, 1);
	assert_prefix(&p.tlvs[2], "10.1.3.0/24");
	assert_prefix(&p.tlvs[3], "10.2.3.0/24");
}

static void v4_via_v6_is_no_address__rfc9229_4_1(void **state)
{
	struct parsed p = PARSE(5, 10, 4, 0, 0, 96, 0, 100, 10, 0, 0, 1, 7, 6, 4, 0, 10, 0, 0, 1);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_bad_value, 2);
}

static void requests_name_ipv4_either_way__rfc9229_2_3(void **state)
{
	struct parsed p = PARSE(9, 3, 1, 8, 10, 9, 3, 4, 8, 10);

	(void)state;
	assert_int_equal(p.count, 2);
	assert_true(prefix_equal(&p.tlvs[0].u.route_request.prefix, &p.tlvs[1].u.route_request.prefix));
}

/* --- RFC 9616 -------------------------------------------------------------------------------- */

static void timestamps_may_be_longer_but_not_shorter__rfc9616_6(void **state)
{
	struct parsed p =
		PARSE(4, 12, 0, 0, 0, 9, 0, 100, 3, 4, 1, 2, 3, 4, 4, 11, 0, 0, 0, 9, 0, 100, 3, 3, 1, 2, 3, /**/
			4, 14, 0, 0, 0, 9, 0, 100, 3, 6, 1, 2, 3, 4, 5, 6);

	(void)state;
	assert_int_equal(p.count, 3);
	assert_true(p.tlvs[0].u.hello.has_timestamp);
	assert_int_equal(p.tlvs[0].u.hello.t1, 0x01020304);
	assert_false(p.tlvs[1].u.hello.has_timestamp);
	assert_int_equal(p.tlvs[2].u.hello.t1, 0x01020304);
	p = PARSE(5, 16, 0, 0, 0, 96, 0, 100, 3, 8, 0, 0, 0, 1, 0, 0, 0, 2, 5, 15, 0, 0, 0, 96, 0, 100, 3, 7, 0, 0, 0,
		1, 0, 0, 0);
	assert_int_equal(p.count, 2);
	assert_int_equal(p.tlvs[0].u.ihu.origin, 1);
	assert_int_equal(p.tlvs[0].u.ihu.receive, 2);
	assert_false(p.tlvs[1].u.ihu.has_timestamps);
}

/* --- writing ------------------------------------------------------------------------------------ */

static struct bytes build(uint8_t *room, size_t size, const struct babel_tlv *tlvs, size_t count)
{
	struct address self = world_address(1, 0);
	struct wire_builder w;

	wire_build_begin(&w, room, size, &self);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(wire_write(&w, &tlvs[i]), 0);
	return wire_build_end(&w);
}

static void nothing_written_is_no_packet(void **state)
{
	uint8_t room[64];

	(void)state;
	assert_int_equal(build(room, sizeof(room), NULL, 0).len, 0);
}

static void prefixes_are_compressed_and_the_router_id_said_once__rfc8966_4_6_9(void **state)
{
	const struct babel_tlv tlvs[] = {
		say_update("fd00:1:0:1::/64", world_id(5), 3, 100),
		say_update("fd00:1:0:2::/64", world_id(5), 3, 100),
	};
	uint8_t room[256];

	(void)state;
	struct bytes packet = build(room, sizeof(room), tlvs, 2);
	/* header, Router-Id, a whole prefix, one byte of the second */
	assert_int_equal(packet.len, 4 + 12 + 20 + 13);
	struct parsed p = parse_from(world_address(1, 0), packet.data + 4, packet.len - 4);
	assert_int_equal(p.count, 2);
	assert_prefix(&p.tlvs[0], "fd00:1:0:1::/64");
	assert_prefix(&p.tlvs[1], "fd00:1:0:2::/64");
}

static void prefix_that_names_its_origin_saves_the_router_id__rfc8966_4_6_9(void **state)
{
	const struct babel_tlv tlvs[] = { say_update("fd00::200:0:0:6/128", world_id(5), 3, 100) };
	uint8_t room[256];

	(void)state;
	struct bytes packet = build(room, sizeof(room), tlvs, 1);
	assert_int_equal(packet.len, 4 + 28);
	assert_int_equal(packet.data[7] & 0x40, 0x40);
	struct parsed p = parse_from(world_address(1, 0), packet.data + 4, packet.len - 4);
	assert_int_equal(p.count, 1);
	assert_memory_equal(p.tlvs[0].u.update.origin.bytes, world_id(5).bytes, 8);
}

static void ipv4_prefix_is_not_said_to_name_its_origin__bird_2_0(void **state)
{
	router_id id = { { 0, 0, 0, 0, 10, 0, 0, 3 } };
	struct babel_tlv tlv = say_update("10.0.0.3/32", id, 3, 100);
	uint8_t room[256];

	(void)state;
	tlv.u.update.next_hop = address_ipv4((uint8_t[4]){ 192, 168, 1, 9 });
	struct bytes packet = build(room, sizeof(room), &tlv, 1);
	struct parsed p = parse_from(world_address(1, 0), packet.data + 4, packet.len - 4);
	assert_int_equal(packet.data[4], TLV_ROUTER_ID);
	assert_int_equal(p.count, 1);
	assert_memory_equal(p.tlvs[0].u.update.origin.bytes, id.bytes, 8);
	assert_false(p.tlvs[0].u.update.v4_via_v6);
}

static void retraction_that_names_its_origin_carries_it__frr_8_4(void **state)
{
	struct babel_tlv tlv = say_update("10.0.0.3/32", world_id(5), 3, BABEL_INFINITY);
	uint8_t room[256];

	(void)state;
	tlv.u.update.next_hop = address_ipv4((uint8_t[4]){ 192, 168, 1, 9 });
	struct bytes packet = build(room, sizeof(room), &tlv, 1);
	assert_int_equal(packet.data[4], TLV_ROUTER_ID);
	assert_int_equal(packet.data[4 + 12], TLV_NEXT_HOP);
	assert_int_equal(packet.data[4 + 12 + 8], TLV_UPDATE);
	tlv.u.update.origin = (router_id){ { 0 } };
	packet = build(room, sizeof(room), &tlv, 1);
	assert_int_equal(packet.data[4], TLV_UPDATE);
}

static void message_that_does_not_fit_leaves_the_packet_as_it_was(void **state)
{
	struct babel_tlv tlv = say_update("fd00:1:0:1::/64", world_id(5), 3, 100);
	struct address self = world_address(1, 0);
	struct wire_builder w;
	uint8_t room[4 + 8 + 31];

	(void)state;
	wire_build_begin(&w, room, sizeof(room), &self);
	assert_int_equal(wire_write(&w, &(struct babel_tlv){ .type = TLV_HELLO, .u.hello.interval_cs = 1 }), 0);
	assert_int_equal(wire_write(&w, &tlv), -ENOSPC); /* one byte short, Router-Id included */
	assert_false(w.has_router_id);
	assert_int_equal(wire_build_end(&w).len, 4 + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(update_is_read_whole__rfc8966_4_6_9),
		cmocka_unit_test(packet_of_any_size_up_to_the_mtu_is_read__rfc8966_4),
		cmocka_unit_test(trailer_is_not_part_of_the_body__rfc8966_4_2),
		cmocka_unit_test(body_longer_than_the_packet_is_refused__rfc8966_4_2),
		cmocka_unit_test(unknown_tlvs_are_skipped__rfc8966_4_3),
		cmocka_unit_test(tlv_that_overruns_ends_the_packet__rfc8966_4_3),
		cmocka_unit_test(tlv_shorter_than_its_fields_is_ignored),
		cmocka_unit_test(sub_tlv_is_skipped_unless_mandatory__rfc8966_4_4__babeld_1_12_2),
		cmocka_unit_test(mandatory_sub_tlv_is_heeded_in_every_tlv__rfc8966_4_4),
		cmocka_unit_test(parser_state_is_updated_by_ignored_tlvs__rfc8966_4_5),
		cmocka_unit_test(reserved_router_ids_name_nobody__rfc8966_4_1_3),
		cmocka_unit_test(reserved_router_id_in_a_request_is_ignored__frr_23102),
		cmocka_unit_test(reserved_fields_are_ignored__rfc8966_4_6),
		cmocka_unit_test(zero_intervals_are_ignored_but_in_hellos__rfc8966_4_6),
		cmocka_unit_test(unknown_encodings_are_ignored__rfc8966_4_1_4),
		cmocka_unit_test(next_hop_needs_an_address__rfc8966_4_6_8),
		cmocka_unit_test(link_local_prefixes_are_no_updates__rfc8966_4_6_9),
		cmocka_unit_test(omitted_bytes_come_from_the_last_p_flag__rfc8966_4_6_9),
		cmocka_unit_test(router_id_may_be_in_the_prefix__rfc8966_4_6_9),
		cmocka_unit_test(update_without_next_hop_in_its_family_is_ignored__rfc8966_4_6_9),
		cmocka_unit_test(wildcard_update_is_a_plain_retraction_or_nothing__rfc8966_4_6_9),
		cmocka_unit_test(retraction_needs_neither_router_id_nor_next_hop__babeld_66_71),
		cmocka_unit_test(wildcard_route_request_has_no_length__rfc8966_4_6_10),
		cmocka_unit_test(seqno_request_needs_prefix_and_hop_count__rfc8966_4_6_11),
		cmocka_unit_test(bits_beyond_the_length_are_cleared__rfc8966_4_6_9),
		cmocka_unit_test(length_beyond_the_family_is_ignored),
		cmocka_unit_test(ihu_takes_all_kinds_of_addresses__rfc8966_4_6_6),
		cmocka_unit_test(v4_via_v6_has_an_ipv6_next_hop__rfc9229_4),
		cmocka_unit_test(v4_via_v6_without_ipv6_next_hop_is_ignored__rfc9229_2_2),
		cmocka_unit_test(v4_via_v6_compresses_on_its_own__rfc9229_4_2),
		cmocka_unit_test(v4_via_v6_is_no_address__rfc9229_4_1),
		cmocka_unit_test(requests_name_ipv4_either_way__rfc9229_2_3),
		cmocka_unit_test(timestamps_may_be_longer_but_not_shorter__rfc9616_6),
		cmocka_unit_test(nothing_written_is_no_packet),
		cmocka_unit_test(prefixes_are_compressed_and_the_router_id_said_once__rfc8966_4_6_9),
		cmocka_unit_test(prefix_that_names_its_origin_saves_the_router_id__rfc8966_4_6_9),
		cmocka_unit_test(ipv4_prefix_is_not_said_to_name_its_origin__bird_2_0),
		cmocka_unit_test(retraction_that_names_its_origin_carries_it__frr_8_4),
		cmocka_unit_test(message_that_does_not_fit_leaves_the_packet_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
