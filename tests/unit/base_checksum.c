/* The fast checksum against RFC 1071 word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/checksum.h"
#include "meshd/base/random.h"

#include <string.h>

#define LONGEST 70000

static uint8_t data[LONGEST + 8];

static uint16_t slow_sum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static uint16_t fast_sum(const uint8_t *p, size_t len)
{
	uint8_t put[2];

	checksum_put_sum(put, checksum_add(0, bytes_of(p, len)));
	return (uint16_t)(put[0] << 8 | put[1]);
}

static void fill(uint8_t byte)
{
	struct prng prng;
	struct random random = prng_random(&prng);

	prng_seed(&prng, 7);
	random_fill(&random, data, sizeof(data));
	if (byte)
		memset(data, byte, sizeof(data));
}

static void every_length_at_every_place_is_summed_alike(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		fill(kind ? 0xff : 0);
		for (size_t len = 0; len < 300; len++)
			for (size_t at = 0; at < 8; at++)
				assert_int_equal(fast_sum(data + at, len), slow_sum(data + at, len));
		for (size_t len = LONGEST - 70; len < LONGEST; len++)
			assert_int_equal(fast_sum(data, len), slow_sum(data, len));
	}
}

static void parts_of_even_length_add_up(void **state)
{
	(void)state;
	fill(0);
	for (size_t cut = 0; cut < 200; cut += 2) {
		uint64_t parts = checksum_add(checksum_add(0, bytes_of(data, cut)), bytes_of(data + cut, 201 - cut));

		assert_int_equal(checksum_fold(parts), checksum_fold(checksum_add(0, bytes_of(data, 201))));
	}
}

static void what_holds_its_own_checksum_sums_to_all_ones(void **state)
{
	(void)state;
	fill(0);
	for (size_t len = 2; len < 100; len++) {
		memset(data, 0, 2);
		checksum_put(data, checksum_add(0, bytes_of(data, len)));
		assert_int_equal(checksum_fold(checksum_add(0, bytes_of(data, len))), 0xffff);
	}
}

static void a_number_is_added_as_a_packet_has_it(void **state)
{
	static const uint8_t bytes[] = { 0x12, 0x34 };

	(void)state;
	assert_int_equal(checksum_add_u16(5, 0x1234), checksum_add(5, bytes_of(bytes, 2)));
	assert_int_equal(checksum_fold(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_at_every_place_is_summed_alike),
		cmocka_unit_test(parts_of_even_length_add_up),
		cmocka_unit_test(what_holds_its_own_checksum_sums_to_all_ones),
		cmocka_unit_test(a_number_is_added_as_a_packet_has_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
