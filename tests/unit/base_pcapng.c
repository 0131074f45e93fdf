/* Captures: blocks that fit, what is refused of a stream, and packets of what frames carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/opened.h"
#include "meshd/base/pcapng.h"

#include <string.h>

static uint8_t room[PCAPNG_BLOCK_MAX];
static const struct address here = { .family = FAMILY_IPV6, .bytes = { 0xfe, 0x80, [15] = 1 } };
static const struct address there = { .family = FAMILY_IPV6, .bytes = { 0xfe, 0x80, [15] = 2 } };

static struct bytes statistics_block(uint64_t seen, uint64_t lost)
{
	struct writer w = writer_of(room, sizeof(room));

	pcapng_statistics(&w, 0, 1, &(struct pcapng_statistics){ seen, lost });
	assert_true(writer_ok(&w));
	return writer_bytes(&w);
}

static void statistics_come_back(void **state)
{
	struct bytes b = statistics_block(7, 1ull << 40);
	struct pcapng_statistics s = { 0 };
	uint32_t type, len;

	(void)state;
	assert_true(pcapng_head_read(bytes_of(b.data, PCAPNG_BLOCK_HEAD), &type, &len));
	assert_int_equal(type, PCAPNG_STATISTICS);
	assert_int_equal(len, b.len);
	assert_true(pcapng_statistics_read(b, &s));
	assert_int_equal(s.seen, 7);
	assert_int_equal(s.lost, 1ull << 40);
}

static void damaged_statistics_are_none(void **state)
{
	struct bytes b = statistics_block(7, 8);
	struct pcapng_statistics s;

	(void)state;
	for (size_t len = 0; len < b.len; len++)
		assert_false(pcapng_statistics_read(bytes_of(room, len), &s));
	room[b.len - 4] ^= 4; /* the length at its end */
	assert_false(pcapng_statistics_read(b, &s));
	room[b.len - 4] ^= 4;
	room[22] = 9; /* longer than the option is */
	assert_false(pcapng_statistics_read(b, &s));
}

static void heads_out_of_bounds_are_refused(void **state)
{
	static const uint32_t bad[] = { 0, 8, 13, PCAPNG_BLOCK_MAX + 4, UINT32_MAX - 3 };
	uint8_t head[PCAPNG_BLOCK_HEAD];
	uint32_t type, len;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct writer w = writer_of(head, sizeof(head));

		write_le32(&w, PCAPNG_PACKET);
		write_le32(&w, bad[i]);
		assert_false(pcapng_head_read(writer_bytes(&w), &type, &len));
	}
	assert_false(pcapng_head_read(bytes_of(head, 7), &type, &len));
}

static void a_packet_is_padded_and_the_largest_fits(void **state)
{
	static const uint8_t packet[PCAPNG_PACKET_MAX] = { 1, 2, 3, 4, 5 };
	struct writer w = writer_of(room, sizeof(room));

	(void)state;
	pcapng_packet(&w, 0, 0x100000002, bytes_of(packet, 5));
	struct reader r = reader_of(writer_bytes(&w));
	assert_int_equal(read_le32(&r), PCAPNG_PACKET);
	assert_int_equal(read_le32(&r), 40);
	read_skip(&r, 4);
	assert_int_equal(read_le32(&r), 1);
	assert_int_equal(read_le32(&r), 2);
	assert_int_equal(read_le32(&r), 5);
	assert_int_equal(read_le32(&r), 5);
	assert_int_equal(read_u8(&r), 1);
	read_skip(&r, 7);
	assert_int_equal(read_le32(&r), 40);
	assert_int_equal(reader_left(&r), 0);
	w = writer_of(room, sizeof(room));
	pcapng_packet(&w, 0, 0, bytes_of(packet, sizeof(packet)));
	assert_true(writer_ok(&w));
}

static void a_babel_packet_is_udp_between_link_local_addresses(void **state)
{
	static const uint8_t to_one[] = { 1, 42, 2, 0, 0 }, to_all[] = { 0x81, 42, 2, 0, 0 };
	struct writer w = writer_of(room, sizeof(room));

	(void)state;
	assert_true(opened_write(&w, bytes_of(to_one, sizeof(to_one)), &here, &there));
	struct reader r = reader_of(writer_bytes(&w));
	assert_int_equal(read_u16(&r), ETHERTYPE_IPV6);
	read_skip(&r, 8);
	assert_memory_equal(read_bytes(&r, 16).data, here.bytes, 16);
	assert_memory_equal(read_bytes(&r, 16).data, there.bytes, 16);
	assert_int_equal(read_u16(&r), 6696);
	assert_int_equal(read_u16(&r), 6696);
	assert_int_equal(read_u16(&r), 8 + 4);
	w = writer_of(room, sizeof(room));
	assert_true(opened_write(&w, bytes_of(to_all, sizeof(to_all)), &here, &there));
	assert_memory_equal(room + 2 + 24, opened_babel_group().bytes, 16);
}

static void packets_are_as_they_are_and_the_rest_stays_sealed(void **state)
{
	static const uint8_t ipv4[] = { 0x20, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };
	static const uint8_t sealed[][3] = { { 2, 1, 0 }, { 5, 0, 0 }, { 0x82, 1, 1 } };
	struct writer w = writer_of(room, sizeof(room));
	struct address ends[2];

	(void)state;
	assert_true(opened_write(&w, bytes_of(ipv4, sizeof(ipv4)), &here, &there));
	assert_int_equal(writer_len(&w), 2 + 20);
	assert_memory_equal(room + 2, ipv4 + 1, 20);
	assert_true(opened_ends(bytes_of(ipv4, sizeof(ipv4)), &ends[0], &ends[1]));
	assert_memory_equal(ends[0].bytes, ipv4 + 13, 4);
	assert_memory_equal(ends[1].bytes, ipv4 + 17, 4);
	assert_false(opened_ends(bytes_of(ipv4, sizeof(ipv4) - 1), &ends[0], &ends[1]));
	for (unsigned i = 0; i < 3; i++) {
		w = writer_of(room, sizeof(room));
		assert_false(opened_write(&w, bytes_of(sealed[i], 3), &here, &there));
		assert_int_equal(writer_len(&w), 0);
		assert_false(opened_ends(bytes_of(sealed[i], 3), &ends[0], &ends[1]));
	}
	assert_false(opened_write(&w, bytes_of(ipv4, 1), &here, &there));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statistics_come_back),
		cmocka_unit_test(damaged_statistics_are_none),
		cmocka_unit_test(heads_out_of_bounds_are_refused),
		cmocka_unit_test(a_packet_is_padded_and_the_largest_fits),
		cmocka_unit_test(a_babel_packet_is_udp_between_link_local_addresses),
		cmocka_unit_test(packets_are_as_they_are_and_the_rest_stays_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
