/* Readers and writers: exact bytes, and an overrun that sticks and touches nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/bytes.h"
#include "meshd/base/random.h"

#include <string.h>

static const uint8_t eight[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };

static void integers_are_read_in_their_order(void **state)
{
	struct reader r = reader_of(bytes_of(eight, 8));

	(void)state;
	assert_int_equal(read_u8(&r), 0x01);
	assert_int_equal(read_u16(&r), 0x2345);
	assert_int_equal(read_u32(&r), 0x6789abcd);
	assert_int_equal(reader_left(&r), 1);
	r = reader_of(bytes_of(eight, 8));
	assert_true(read_u64(&r) == UINT64_C(0x0123456789abcdef));
	assert_int_equal(reader_left(&r), 0);
	assert_true(reader_ok(&r));
	r = reader_of(bytes_of(eight, 8));
	assert_int_equal(read_le16(&r), 0x2301);
	assert_int_equal(read_le32(&r), 0xab896745);
	r = reader_of(bytes_of(eight, 8));
	assert_true(read_le64(&r) == UINT64_C(0xefcdab8967452301));
}

static void integers_are_written_in_their_order(void **state)
{
	uint8_t out[29];
	static const uint8_t expected[29] = { 0x01, 0x23, 0x45, 0x01, 0x23, 0x45, 0x67, 0x01, 0x23, 0x45, 0x67, 0x89,
		0xab, 0xcd, 0xef, 0x45, 0x23, 0x67, 0x45, 0x23, 0x01, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01 };
	struct writer w = writer_of(out, sizeof(out));

	(void)state;
	write_u8(&w, 0x01);
	write_u16(&w, 0x2345);
	write_u32(&w, 0x01234567);
	write_u64(&w, UINT64_C(0x0123456789abcdef));
	write_le16(&w, 0x2345);
	write_le32(&w, 0x01234567);
	write_le64(&w, UINT64_C(0x0123456789abcdef));
	assert_true(writer_ok(&w));
	assert_int_equal(writer_len(&w), sizeof(out));
	assert_int_equal(writer_left(&w), 0);
	assert_memory_equal(out, expected, sizeof(out));
}

/* Every reading call, by number, so that each can be tried at each length. */
#define READS 10
static uint64_t read_any(struct reader *r, unsigned which, size_t *need, uint8_t copied[5])
{
	static const size_t needs[READS] = { 1, 2, 4, 8, 2, 4, 8, 5, 5, 5 };

	*need = needs[which];
	switch (which) {
	case 0:
		return read_u8(r);
	case 1:
		return read_u16(r);
	case 2:
		return read_u32(r);
	case 3:
		return read_u64(r);
	case 4:
		return read_le16(r);
	case 5:
		return read_le32(r);
	case 6:
		return read_le64(r);
	case 7:
		read_copy(r, copied, 5);
		return copied[0];
	case 8:
		read_skip(r, 5);
		return 0;
	default:
		return read_bytes(r, 5).len;
	}
}

static void a_bad_reader_yields_zeros_and_stays_bad(void **state)
{
	static const uint8_t zeros[5];

	(void)state;
	for (unsigned which = 0; which < READS; which++) {
		for (size_t len = 0; len < sizeof(eight); len++) {
			uint8_t copied[5] = { 9, 9, 9, 9, 9 };
			struct reader r = reader_of(bytes_of(eight, len));
			size_t need;
			uint64_t value = read_any(&r, which, &need, copied);

			assert_true(reader_ok(&r) == (len >= need));
			if (len >= need) {
				assert_int_equal(reader_left(&r), len - need);
				continue;
			}
			assert_true(value == 0);
			if (which == 7)
				assert_memory_equal(copied, zeros, 5);
			assert_int_equal(reader_left(&r), 0);
			/* What would have fitted is not given any more. */
			assert_int_equal(read_u8(&r), 0);
			for (unsigned again = 0; again < READS; again++)
				assert_true(read_any(&r, again, &need, copied) == 0);
			assert_false(reader_ok(&r));
		}
	}
}

static void nothing_can_be_read_from_nothing(void **state)
{
	struct reader r = reader_of((struct bytes){ 0 });

	(void)state;
	assert_int_equal(reader_left(&r), 0);
	assert_int_equal(read_bytes(&r, 0).len, 0);
	read_copy(&r, NULL, 0);
	read_skip(&r, 0);
	assert_true(reader_ok(&r));
	read_skip(&r, SIZE_MAX);
	assert_false(reader_ok(&r));
}

static void a_sub_reader_ends_where_it_was_told(void **state)
{
	struct reader r = reader_of(bytes_of(eight, 8)), sub = read_sub(&r, 3);

	(void)state;
	assert_int_equal(read_u16(&sub), 0x0123);
	assert_int_equal(read_u16(&sub), 0);
	assert_false(reader_ok(&sub));
	/* Its overrun is its own. */
	assert_true(reader_ok(&r));
	assert_int_equal(read_u8(&r), 0x67);
	sub = read_sub(&r, 5);
	assert_false(reader_ok(&sub));
	assert_false(reader_ok(&r));
	assert_int_equal(reader_left(&sub), 0);
}

#define WRITES 10
static void write_any(struct writer *w, unsigned which, size_t *need)
{
	static const size_t needs[WRITES] = { 1, 2, 4, 8, 2, 4, 8, 5, 5, 5 };

	*need = needs[which];
	switch (which) {
	case 0:
		write_u8(w, 0xff);
		break;
	case 1:
		write_u16(w, 0xffff);
		break;
	case 2:
		write_u32(w, UINT32_MAX);
		break;
	case 3:
		write_u64(w, UINT64_MAX);
		break;
	case 4:
		write_le16(w, 0xffff);
		break;
	case 5:
		write_le32(w, UINT32_MAX);
		break;
	case 6:
		write_le64(w, UINT64_MAX);
		break;
	case 7:
		write_copy(w, eight, 5);
		break;
	case 8:
		write_zeros(w, 5);
		break;
	default:
		write_bytes(w, bytes_of(eight, 5));
		break;
	}
}

static void a_bad_writer_drops_all_and_stays_bad(void **state)
{
	uint8_t out[16], before[16];

	(void)state;
	memset(before, 0x5a, sizeof(before));
	for (unsigned which = 0; which < WRITES; which++) {
		for (size_t room = 0; room < 9; room++) {
			struct writer w = writer_of(out, room);
			size_t need;

			memcpy(out, before, sizeof(out));
			write_any(&w, which, &need);
			assert_true(writer_ok(&w) == (room >= need));
			assert_memory_equal(out + room, before + room, sizeof(out) - room);
			if (room >= need) {
				assert_int_equal(writer_len(&w), need);
				assert_int_equal(writer_left(&w), room - need);
				continue;
			}
			/* Not even the part that would have fitted. */
			for (unsigned again = 0; again < WRITES; again++)
				write_any(&w, again, &need);
			assert_false(writer_ok(&w));
			assert_int_equal(writer_left(&w), 0);
			assert_int_equal(writer_bytes(&w).len, 0);
			assert_memory_equal(out, before, sizeof(out));
			assert_null(write_reserve(&w, 1));
		}
	}
}

static void what_is_reserved_is_filled_in_later(void **state)
{
	uint8_t out[4] = { 9, 9, 9, 9 };
	static const uint8_t expected[4] = { 1, 9, 9, 2 };
	struct writer w = writer_of(out, 4);

	(void)state;
	write_u8(&w, 1);
	uint8_t *hole = write_reserve(&w, 2);
	write_u8(&w, 2);
	assert_ptr_equal(hole, out + 1);
	assert_memory_equal(out, expected, 4);
	assert_null(write_reserve(&w, 1));
	w = writer_of(NULL, 100);
	assert_int_equal(writer_left(&w), 0);
	write_u8(&w, 1);
	assert_false(writer_ok(&w));
}

static void runs_are_equal_by_length_and_content(void **state)
{
	(void)state;
	assert_true(bytes_equal(bytes_of(NULL, 0), bytes_of(eight, 0)));
	assert_true(bytes_equal(bytes_of(eight, 8), bytes_of(eight, 8)));
	assert_false(bytes_equal(bytes_of(eight, 7), bytes_of(eight, 8)));
	assert_false(bytes_equal(bytes_of(eight, 4), bytes_of(eight + 4, 4)));
}

/* What is written in any order of calls is read back by the same calls. */
static void any_sequence_reads_back__property(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 1);
	for (int round = 0; round < 2000; round++) {
		uint8_t out[200];
		unsigned kinds[20];
		uint64_t values[20];
		struct writer w = writer_of(out, sizeof(out));

		for (int i = 0; i < 20; i++) {
			kinds[i] = (unsigned)prng_below(&prng, 4);
			values[i] = prng_next(&prng) >> (64 - (8u << kinds[i]));
			if (kinds[i] == 0)
				write_u8(&w, (uint8_t)values[i]);
			else if (kinds[i] == 1)
				write_le16(&w, (uint16_t)values[i]);
			else if (kinds[i] == 2)
				write_u32(&w, (uint32_t)values[i]);
			else
				write_le64(&w, values[i]);
		}
		struct reader r = reader_of(writer_bytes(&w));
		for (int i = 0; i < 20; i++) {
			uint64_t value = kinds[i] == 0   ? read_u8(&r)
					 : kinds[i] == 1 ? read_le16(&r)
					 : kinds[i] == 2 ? read_u32(&r)
							 : read_le64(&r);

			assert_true(value == values[i]);
		}
		assert_int_equal(reader_left(&r), 0);
		assert_true(reader_ok(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_read_in_their_order),
		cmocka_unit_test(integers_are_written_in_their_order),
		cmocka_unit_test(a_bad_reader_yields_zeros_and_stays_bad),
		cmocka_unit_test(nothing_can_be_read_from_nothing),
		cmocka_unit_test(a_sub_reader_ends_where_it_was_told),
		cmocka_unit_test(a_bad_writer_drops_all_and_stays_bad),
		cmocka_unit_test(what_is_reserved_is_filled_in_later),
		cmocka_unit_test(runs_are_equal_by_length_and_content),
		cmocka_unit_test(any_sequence_reads_back__property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
