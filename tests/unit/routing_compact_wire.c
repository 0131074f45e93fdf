/* Lists of short-ids, byte by byte and at random, and the thin body. */
#include "routing/wire_compact.h"
#include "routing/wire_format.h"
#include "tests/unit/routing_harness.h"

#include <stdio.h>
#include <stdlib.h>

#define TLVS 8

struct parsed {
	struct babel_tlv tlvs[TLVS];
	size_t count;
	struct babel_counters counters;
	uint8_t packet[4 + 512];
};

static void parse(struct parsed *out, const uint8_t *body, size_t len)
{
	struct address sender = world_address(1, 0);
	struct wire_parser parser;

	*out = (struct parsed){ .packet = { BABEL_MAGIC, BABEL_VERSION, (uint8_t)(len >> 8), (uint8_t)len } };
	memcpy(out->packet + 4, body, len);
	assert_int_equal(wire_parse_begin(&parser, bytes_of(out->packet, 4 + len), &sender, &out->counters), 0);
	while (wire_parse_next(&parser, &out->tlvs[out->count]))
		assert_true(++out->count < TLVS);
}

#define PARSE(p, ...) parse(p, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct bytes build(uint8_t room[512], const struct babel_tlv *tlv)
{
	struct address self = world_address(1, 0);
	struct wire_builder w;

	wire_build_begin(&w, room, 512, &self);
	assert_int_equal(wire_write(&w, tlv), 0);
	return wire_build_end(&w);
}

static struct compact_item item_at(const struct babel_tlv *tlv, unsigned i)
{
	struct list_reader l = list_reader_of(tlv->u.compact.items, tlv->u.compact.base_id);
	struct compact_item item = { 0 };

	for (unsigned k = 0; k <= i; k++)
		assert_true(compact_read(&l, tlv->u.compact.base_seqno, &item));
	return item;
}

/* --- bytes ------------------------------------------------------------------------------ */

static void member_in_step_takes_four_bytes__protocol_2_3(void **state)
{
	/* 0x0105 with base + 1, metric 0x1234; the next one with what is known. */
	static const uint8_t body[] = { 227, 14, 0xab, 0xcd, 1, 5, 0, 7, 1, 0x60, 0x12, 0x34, 1, 0, 0, 99 };
	struct parsed p;
	uint8_t room[512];

	(void)state;
	parse(&p, body, sizeof(body));
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.compact.check, 0xabcd);
	struct compact_item first = item_at(&p.tlvs[0], 0), second = item_at(&p.tlvs[0], 1);
	assert_int_equal(first.id, 0x105);
	assert_int_equal(first.how, COMPACT_GIVEN);
	assert_int_equal(first.seqno, 8);
	assert_int_equal(first.metric[0], 0x1234);
	assert_int_equal(second.id, 0x106);
	assert_int_equal(second.how, COMPACT_KNOWN);
	struct bytes built = build(room, &p.tlvs[0]);
	assert_int_equal(built.len, 4 + sizeof(body));
	assert_memory_equal(built.data + 4, body, sizeof(body));
}

static void member_with_the_metrics_of_the_one_before_takes_two_bytes(void **state)
{
	/* base + 1, class 1 in the set; the next two the same, the second with a seqno of its own; then another metric.
	 */
	static const uint8_t body[] = { 227, 21, 0, 0, 0, 9, 0, 7, 1, 0x68, 0x12, 0x34, 0x20, 1, 0x64, 2, 0xc4, 0, 99,
		1, 0x60, 0x12, 0x34 };
	struct parsed p;
	uint8_t room[512];

	(void)state;
	parse(&p, body, sizeof(body));
	assert_int_equal(p.count, 1);
	struct compact_item second = item_at(&p.tlvs[0], 1), third = item_at(&p.tlvs[0], 2),
			    fourth = item_at(&p.tlvs[0], 3);
	assert_int_equal(second.id, 10);
	assert_int_equal(second.seqno, 8);
	assert_int_equal(second.metric[0], 0x1234);
	assert_int_equal(second.classes, 2);
	assert_int_equal(second.metric[1], log_decode(0x20));
	assert_int_equal(third.id, 12);
	assert_int_equal(third.seqno, 99);
	assert_int_equal(third.metric[1], log_decode(0x20));
	assert_int_equal(fourth.classes, 0);

	struct list_writer l = list_writer_of(room, sizeof(room), 9);
	for (unsigned i = 0; i < 4; i++) {
		const struct compact_item item = item_at(&p.tlvs[0], i);

		assert_true(compact_write(&l, 7, &item));
	}
	assert_int_equal(writer_len(&l.w), sizeof(body) - 8);
	assert_memory_equal(room, body + 8, sizeof(body) - 8);
	PARSE(&p, 227, 8, 0, 0, 0, 1, 0, 0, 1, 0x04); /* the first has none before it */
	assert_int_equal(p.counters.tlvs_malformed, 1);
}

/* A class of which a newer seqno was asked for: two bytes more, and none for the next one like it. */
static void seqno_of_a_class_takes_a_byte_of_its_own(void **state)
{
	static const uint8_t body[] = { 227, 15, 0, 0, 0, 9, 0, 7, 1, 0x81, 0x48, 0x12, 0x34, 0x20, 2, 1, 0x44 };
	struct parsed p;
	uint8_t room[512];

	(void)state;
	parse(&p, body, sizeof(body));
	assert_int_equal(p.count, 1);
	struct compact_item first = item_at(&p.tlvs[0], 0), second = item_at(&p.tlvs[0], 1);
	assert_int_equal(first.seqno, 7);
	assert_int_equal(first.ahead[1], 2);
	assert_int_equal(second.id, 10);
	assert_int_equal(second.ahead[1], 2);
	struct list_writer l = list_writer_of(room, sizeof(room), 9);
	assert_true(compact_write(&l, 7, &first) && compact_write(&l, 7, &second));
	assert_int_equal(writer_len(&l.w), sizeof(body) - 8);
	assert_memory_equal(room, body + 8, sizeof(body) - 8);
	PARSE(&p, 227, 9, 0, 0, 0, 1, 0, 0, 1, 0x81, 0x01); /* of what is lost nothing is newer */
	assert_int_equal(p.counters.tlvs_malformed, 1);
}

static void lost_region_takes_four_bytes_however_large(void **state)
{
	uint8_t room[COMPACT_LIST_MAX];
	struct list_writer l = list_writer_of(room, sizeof(room), 100);
	const struct compact_item region = { .id = 100, .more = 999, .kind = COMPACT_RETRACTION, .with_lans = true };

	(void)state;
	assert_true(compact_write(&l, 0, &region));
	assert_int_equal(writer_len(&l.w), 4);
	struct list_reader r = list_reader_of(writer_bytes(&l.w), 100);
	struct compact_item back;
	assert_true(compact_read(&r, 0, &back));
	assert_int_equal(back.more, 999);
	assert_true(back.with_lans && back.kind == COMPACT_RETRACTION);
	assert_false(compact_read(&r, 0, &back));
	assert_true(reader_ok(&r.r));
}

static void gap_of_zero_ends_a_list_and_sub_tlvs_follow(void **state)
{
	struct parsed p;

	(void)state;
	/* Padding behind the list; then an unknown mandatory sub-TLV there. */
	PARSE(&p, 227, 11, 0, 0, 0, 1, 0, 0, 3, 0x01, 0, 1, 0, 227, 11, 0, 0, 0, 1, 0, 0, 3, 0x01, 0, 0xf1, 0);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.tlvs[0].u.compact.items.len, 2);
	assert_int_equal(p.counters.tlvs_mandatory_subtlv, 1);
	PARSE(&p, 228, 7, 9, 0x80, 1, 4, 0, 0x70, 0);
	assert_int_equal(p.count, 1);
	assert_true(p.tlvs[0].u.batch.with_lans);
	assert_int_equal(p.tlvs[0].u.batch.items.len, 2);
}

static void lists_that_end_early_or_pass_the_last_id_are_malformed(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(&p, 227, 9, 0, 0, 0, 1, 0, 0, 1, 0x00, 1); /* half a metric */
	assert_int_equal(p.counters.tlvs_malformed, 1);
	PARSE(&p, 227, 8, 0, 0, 0xff, 0xff, 0, 0, 2, 0x01); /* 65536 */
	assert_int_equal(p.counters.tlvs_malformed, 1);
	PARSE(&p, 227, 9, 0, 0, 0xff, 0xff, 0, 0, 1, 0x21, 1); /* 65535 and one more */
	assert_int_equal(p.counters.tlvs_malformed, 1);
	PARSE(&p, 227, 10, 0, 0, 0, 1, 0, 0, 0x80, 0x80, 0x80, 0); /* a gap without an end */
	assert_int_equal(p.counters.tlvs_malformed, 1);
	PARSE(&p, 228, 3, 9, 0, 1); /* nothing behind a gap */
	assert_int_equal(p.counters.tlvs_malformed, 1);
	PARSE(&p, 226, 15, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 112, 1, 0x80); /* what is not understood, not understood */
	assert_int_equal(p.counters.tlvs_malformed, 1);
	PARSE(&p, 228, 6, 0, 0, 1, 0, 0, 1); /* a request that goes nowhere */
	assert_int_equal(p.counters.tlvs_bad_value, 1);
	assert_int_equal(p.count, 0);
}

static void syncack_names_what_is_to_be_said_whole(void **state)
{
	struct parsed p;
	uint8_t room[512];
	uint16_t id;

	(void)state;
	PARSE(&p, 226, 16, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 9, 112, 2, 6, 3, 1, 0);
	assert_int_equal(p.count, 1);
	struct list_reader l = list_reader_of(p.tlvs[0].u.syncack.whole, 0);
	assert_true(id_read(&l, &id) && id == 5);
	assert_true(id_read(&l, &id) && id == 8);
	assert_false(id_read(&l, &id));
	assert_int_equal(build(room, &p.tlvs[0]).len, 4 + 16);
}

static void log_codes_round_up_by_a_sixteenth_at_most__R9(void **state)
{
	(void)state;
	for (unsigned v = 1; v <= 61440; v++) {
		unsigned back = log_decode(log_encode((uint16_t)v));

		assert_in_range(back, v, v + v / 16 + 1);
	}
	assert_int_equal(log_encode(61441), LOG_INFINITY);
	assert_int_equal(log_decode(LOG_INFINITY), BABEL_INFINITY);
}

static void thin_body_is_13_bytes__protocol_2_3(void **state)
{
	const struct wire_thin thin = { .is_hello = true,
		.nack = true,
		.epoch = 0xe0,
		.ver = 0x1234,
		.digest = 0xdeadbeef,
		.interval_cs = 800,
		.applied = 0xfffe,
		.seqno = 200,
		.rxcost = 4096 };
	uint8_t body[THIN_LEN + 1] = { 0 };
	struct wire_thin back;

	(void)state;
	wire_thin_write(body, &thin);
	assert_int_equal(body[0], 0xc5);
	assert_true(wire_thin_read(&back, bytes_of(body, THIN_LEN)));
	assert_memory_equal(&back, &thin, sizeof(thin));
	for (size_t len = 0; len < THIN_LEN; len++)
		assert_false(wire_thin_read(&back, bytes_of(body, len)));
	body[0] = BABEL_MAGIC;
	assert_false(wire_thin_read(&back, bytes_of(body, THIN_LEN)));
}

/* --- at random ---------------------------------------------------------------------------- */

static struct compact_item item_draw(struct prng *p, uint32_t *next)
{
	struct compact_item item = { .id = (uint16_t)(*next + prng_below(p, prng_below(p, 8) ? 4 : 900)) };

	item.kind = (enum compact_kind)prng_below(p, 3);
	item.with_lans = prng_below(p, 2);
	*next = item.id + 1u;
	if (item.kind != COMPACT_FINITE) {
		item.more = (uint16_t)(prng_below(p, 2) ? prng_below(p, 700) : 0);
		*next += item.more;
		return item;
	}
	item.how = (enum compact_seqno)prng_below(p, 4);
	if (item.how >= COMPACT_GIVEN)
		item.seqno = (uint16_t)(65530 + prng_below(p, 12));
	if (item.how == COMPACT_SALTED)
		item.salt[0] = (uint8_t)prng_below(p, 256);
	item.classes = (uint8_t)(prng_below(p, 4) << 1);
	item.metric[0] = (uint16_t)prng_below(p, BABEL_INFINITY);
	for (unsigned c = 1; c < COMPACT_CLASSES; c++)
		if (item.classes & 1u << c)
			item.metric[c] = log_decode(log_encode((uint16_t)prng_below(p, 0x10000)));
	for (unsigned c = 1; c < COMPACT_CLASSES; c++)
		if (item.classes & 1u << c && prng_below(p, 2))
			item.ahead[c] = (int8_t)(prng_below(p, 255) - 127);
	if (item.classes & 2 && prng_below(p, 2))
		item.metric[1] = item.metric[0];
	return item;
}

/* As many have them that hang on one node. */
static void metrics_copy(struct compact_item *item, const struct compact_item *from)
{
	if (from->kind != COMPACT_FINITE)
		return;
	item->classes = from->classes;
	memcpy(item->metric, from->metric, sizeof(item->metric));
	for (unsigned c = 0; c < COMPACT_CLASSES; c++)
		item->ahead[c] = item->classes & 1u << c && c ? item->ahead[c] : 0;
}

static void one_list_there_and_back(struct prng *p)
{
	struct compact_item items[COMPACT_LIST_MAX], back;
	uint8_t room[COMPACT_LIST_MAX];
	uint16_t first = (uint16_t)prng_below(p, 2000), base_seqno = (uint16_t)(65528 + prng_below(p, 12));
	struct list_writer w = list_writer_of(room, sizeof(room), first);
	uint32_t next = first;
	unsigned count = 0;

	do {
		items[count] = item_draw(p, &next);
		if (count && items[count].kind == COMPACT_FINITE && prng_below(p, 2))
			metrics_copy(&items[count], &items[count - 1]);
	} while (compact_write(&w, base_seqno, &items[count]) && ++count);
	assert_true(count > 20);
	struct list_reader r = list_reader_of(writer_bytes(&w.w), first);
	for (unsigned i = 0; i < count; i++) {
		assert_true(compact_read(&r, base_seqno, &back));
		assert_memory_equal(&back, &items[i], sizeof(back));
	}
	assert_false(compact_read(&r, base_seqno, &back));
	assert_true(reader_ok(&r.r));
}

static void one_batch_there_and_back(struct prng *p)
{
	struct batch_item items[COMPACT_LIST_MAX], back;
	uint8_t room[COMPACT_LIST_MAX];
	bool is_salted = prng_below(p, 2);
	struct list_writer w = list_writer_of(room, sizeof(room), 0);
	uint32_t next = 0;
	unsigned count = 0;

	do {
		struct batch_item *item = &items[count];

		*item = (struct batch_item){ .id = (uint16_t)(next + prng_below(p, 300)) };
		item->is_relative = prng_below(p, 2);
		if (item->is_relative)
			item->more = (uint16_t)prng_below(p, 200);
		else
			item->seqno = (uint16_t)prng_below(p, 0x10000);
		if (!item->is_relative && is_salted)
			item->salt[1] = 7;
		next = (uint32_t)item->id + item->more + 1;
	} while (batch_write(&w, is_salted, &items[count]) && ++count);
	struct list_reader r = list_reader_of(writer_bytes(&w.w), 0);
	for (unsigned i = 0; i < count; i++) {
		assert_true(batch_read(&r, is_salted, &back));
		assert_memory_equal(&back, &items[i], sizeof(back));
	}
	assert_false(batch_read(&r, is_salted, &back));
}

static void lists_there_and_back_are_the_same(void **state)
{
	const char *seed = getenv("SEED");
	struct prng p;

	(void)state;
	prng_seed(&p, seed ? strtoull(seed, NULL, 0) : 227);
	for (unsigned i = 0; i < 2000; i++) {
		one_list_there_and_back(&p);
		one_batch_there_and_back(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(member_in_step_takes_four_bytes__protocol_2_3),
		cmocka_unit_test(member_with_the_metrics_of_the_one_before_takes_two_bytes),
		cmocka_unit_test(seqno_of_a_class_takes_a_byte_of_its_own),
		cmocka_unit_test(lost_region_takes_four_bytes_however_large),
		cmocka_unit_test(gap_of_zero_ends_a_list_and_sub_tlvs_follow),
		cmocka_unit_test(lists_that_end_early_or_pass_the_last_id_are_malformed),
		cmocka_unit_test(syncack_names_what_is_to_be_said_whole),
		cmocka_unit_test(log_codes_round_up_by_a_sixteenth_at_most__R9),
		cmocka_unit_test(thin_body_is_13_bytes__protocol_2_3),
		cmocka_unit_test(lists_there_and_back_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
