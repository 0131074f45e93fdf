/* The TLVs of versioned sessions, byte by byte. */
#include "tests/unit/routing_harness.h"

#define TLVS 8

struct parsed {
	struct babel_tlv tlvs[TLVS];
	size_t count;
	struct babel_counters counters;
};

static struct parsed parse(const uint8_t *body, size_t len)
{
	uint8_t packet[4 + 512] = { BABEL_MAGIC, BABEL_VERSION, (uint8_t)(len >> 8), (uint8_t)len };
	struct address sender = world_address(1, 0);
	struct wire_parser parser;
	struct parsed out = { .count = 0 };

	memcpy(packet + 4, body, len);
	assert_int_equal(wire_parse_begin(&parser, bytes_of(packet, 4 + len), &sender, &out.counters), 0);
	while (wire_parse_next(&parser, &out.tlvs[out.count]))
		assert_true(++out.count < TLVS);
	return out;
}

#define PARSE(...) parse((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct bytes build(uint8_t room[512], const struct babel_tlv *tlv)
{
	struct address self = world_address(1, 0);
	struct wire_builder w;

	wire_build_begin(&w, room, 512, &self);
	assert_int_equal(wire_write(&w, tlv), 0);
	return wire_build_end(&w);
}

#define EPOCH 0xde, 0xad, 0xbe, 0xef
#define REFRESH 224, 22, 0, 0, EPOCH, 0, 0, 1, 2, 4, 0x31, 0x06, 0x40, 1, 2, 3, 4, 5, 6, 7, 8
#define KEY 1, 0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0, 0, 4

static void refresh_is_24_bytes__R2(void **state)
{
	static const uint8_t wanted[] = { 42, 2, 0, 24, REFRESH };
	struct parsed p = PARSE(REFRESH);
	uint8_t room[512];

	(void)state;
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].type, TLV_REFRESH);
	assert_int_equal(p.tlvs[0].u.refresh.epoch, 0xdeadbeef);
	assert_int_equal(p.tlvs[0].u.refresh.ver, 258);
	assert_int_equal(p.tlvs[0].u.refresh.count, 1073);
	assert_int_equal(p.tlvs[0].u.refresh.interval_cs, 1600);
	assert_true(p.tlvs[0].u.refresh.digest == UINT64_C(0x0102030405060708));
	struct bytes built = build(room, &p.tlvs[0]);
	assert_int_equal(built.len, sizeof(wanted));
	assert_memory_equal(built.data, wanted, sizeof(wanted));
}

static void delta_says_where_it_begins_in_16_bits__R4(void **state)
{
	struct parsed p = PARSE(225, 12, 0x20, 0, EPOCH, 0xff, 0xf0, 0, 1, 0, 5);
	uint8_t room[512];

	(void)state;
	assert_int_equal(p.count, 1);
	assert_true(p.tlvs[0].u.delta.urgent && !p.tlvs[0].u.delta.begin && !p.tlvs[0].u.delta.end);
	assert_int_equal(p.tlvs[0].u.delta.ver, 0x10005);
	assert_int_equal(p.tlvs[0].u.delta.from, 0xfff0);
	assert_int_equal(build(room, &p.tlvs[0]).len, 4 + 14);
}

static void begin_of_a_full_sync_brings_key_and_interval__R5(void **state)
{
	struct parsed p = PARSE(225, 30, 0xc0, 0, EPOCH, 0, 0, 0, 0, 0, 1, 0x06, 0x40, KEY);
	uint8_t room[512];

	(void)state;
	assert_int_equal(p.count, 1);
	assert_true(p.tlvs[0].u.delta.begin && p.tlvs[0].u.delta.end);
	assert_int_equal(p.tlvs[0].u.delta.interval_cs, 1600);
	assert_true(p.tlvs[0].u.delta.key[0] == UINT64_C(0x0100000000000002));
	assert_true(p.tlvs[0].u.delta.key[1] == UINT64_C(0x0300000000000004));
	assert_int_equal(build(room, &p.tlvs[0]).len, 4 + 32);
}

static void syncack_is_12_bytes__R4(void **state)
{
	static const uint8_t wanted[] = { 42, 2, 0, 12, 226, 10, 0xc0, 0, EPOCH, 0, 0, 0, 9 };
	struct parsed p = PARSE(226, 10, 0xc0, 0, EPOCH, 0, 0, 0, 9);
	uint8_t room[512];

	(void)state;
	assert_int_equal(p.count, 1);
	assert_true(p.tlvs[0].u.syncack.nack && p.tlvs[0].u.syncack.full);
	assert_int_equal(p.tlvs[0].u.syncack.applied, 9);
	struct bytes built = build(room, &p.tlvs[0]);
	assert_int_equal(built.len, sizeof(wanted));
	assert_memory_equal(built.data, wanted, sizeof(wanted));
}

static void short_ones_are_malformed_and_longer_ones_have_sub_tlvs(void **state)
{
	struct parsed p = PARSE(224, 2, 0, 0, 225, 12, 0x80, 0, EPOCH, 0, 0, 0, 0, 0, 1, 226, 9, 0, 0, EPOCH, 0, 0, 0);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_malformed, 3);
	p = PARSE(226, 13, 0, 0, EPOCH, 0, 0, 0, 9, 112, 1, 7);
	assert_int_equal(p.count, 1);
	p = PARSE(226, 12, 0, 0, EPOCH, 0, 0, 0, 9, 241, 0);
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_mandatory_subtlv, 1);
}

static void intervals_of_zero_are_ignored(void **state)
{
	struct parsed p = PARSE(224, 22, 0, 0, EPOCH, 0, 0, 1, 2, 0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, /* and */
		225, 30, 0x80, 0, EPOCH, 0, 0, 0, 0, 0, 1, 0, 0, KEY);

	(void)state;
	assert_int_equal(p.count, 0);
	assert_int_equal(p.counters.tlvs_bad_value, 2);
}

static void delta_is_amended_where_it_stands(void **state)
{
	struct address self = world_address(1, 0);
	struct babel_counters counters = { 0 };
	struct wire_parser parser;
	struct wire_builder w;
	struct babel_tlv tlv = { .type = TLV_DELTA, .u.delta = { .epoch = 7, .from = 3, .ver = 3 } };
	struct babel_tlv out;
	uint8_t room[512];

	(void)state;
	wire_build_begin(&w, room, sizeof(room), &self);
	size_t at = writer_len(&w.packet);
	assert_int_equal(wire_write(&w, &tlv), 0);
	struct babel_tlv hello = say_hello(5, 100);
	assert_int_equal(wire_write(&w, &hello), 0);
	tlv.u.delta.ver = 90;
	tlv.u.delta.end = true;
	wire_amend(&w, at, &tlv);
	assert_int_equal(wire_parse_begin(&parser, wire_build_end(&w), &self, &counters), 0);
	assert_true(wire_parse_next(&parser, &out));
	assert_true(out.type == TLV_DELTA && out.u.delta.end && out.u.delta.from == 3 && out.u.delta.ver == 90);
	assert_true(wire_parse_next(&parser, &out));
	assert_int_equal(out.u.hello.seqno, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refresh_is_24_bytes__R2),
		cmocka_unit_test(delta_says_where_it_begins_in_16_bits__R4),
		cmocka_unit_test(begin_of_a_full_sync_brings_key_and_interval__R5),
		cmocka_unit_test(syncack_is_12_bytes__R4),
		cmocka_unit_test(short_ones_are_malformed_and_longer_ones_have_sub_tlvs),
		cmocka_unit_test(intervals_of_zero_are_ignored),
		cmocka_unit_test(delta_is_amended_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
