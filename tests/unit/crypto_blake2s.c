/* BLAKE2s against what RFC 7693 prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/blake2s.h"

#include <sodium.h>
#include <string.h>

static void hash(uint8_t *out, size_t out_len, struct bytes key, struct bytes message)
{
	struct secret_blake2s b;

	blake2s_begin(&b, out_len, key);
	blake2s_add(&b, message);
	blake2s_end(&b, out);
	assert_true(sodium_is_zero((const uint8_t *)&b, sizeof(b)));
}

static void abc_is_that_of_rfc7693_b(void **state)
{
	static const uint8_t expected[32] = { 0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2, 0xe1, 0xa7, 0x2b, 0xa3,
		0x4e, 0xeb, 0x45, 0x2f, 0x37, 0x45, 0x8b, 0x20, 0x9e, 0xd6, 0x3a, 0x29, 0x4d, 0x99, 0x9b, 0x4c, 0x86,
		0x67, 0x59, 0x82 };
	uint8_t out[32];

	(void)state;
	hash(out, 32, bytes_of(NULL, 0), bytes_of("abc", 3));
	assert_memory_equal(out, expected, 32);
}

/* The sequence that its appendix E fills keys and messages with. */
static void fill(uint8_t *out, size_t len, uint32_t seed)
{
	uint32_t a = 0xdead4bad * seed, b = 1;

	for (size_t i = 0; i < len; i++) {
		uint32_t sum = a + b;

		a = b;
		b = sum;
		out[i] = (uint8_t)(sum >> 24);
	}
}

/* The hash of hashes, with and without keys, of all these lengths. */
static void all_lengths_are_those_of_rfc7693_e(void **state)
{
	static const uint8_t expected[32] = { 0x6a, 0x41, 0x1f, 0x08, 0xce, 0x25, 0xad, 0xcd, 0xfb, 0x02, 0xab, 0xa6,
		0x41, 0x45, 0x1c, 0xec, 0x53, 0xc5, 0x98, 0xb2, 0x4f, 0x4f, 0xc7, 0x87, 0xfb, 0xdc, 0x88, 0x79, 0x7f,
		0x4c, 0x1d, 0xfe };
	static const size_t out_lens[] = { 16, 20, 28, 32 }, lens[] = { 0, 3, 64, 65, 255, 1024 };
	uint8_t message[1024], key[32], one[32], out[32];
	struct secret_blake2s all;

	(void)state;
	blake2s_begin(&all, 32, bytes_of(NULL, 0));
	for (unsigned o = 0; o < 4; o++)
		for (unsigned i = 0; i < 6; i++) {
			fill(message, lens[i], (uint32_t)lens[i]);
			hash(one, out_lens[o], bytes_of(NULL, 0), bytes_of(message, lens[i]));
			blake2s_add(&all, bytes_of(one, out_lens[o]));
			fill(key, out_lens[o], (uint32_t)out_lens[o]);
			hash(one, out_lens[o], bytes_of(key, out_lens[o]), bytes_of(message, lens[i]));
			blake2s_add(&all, bytes_of(one, out_lens[o]));
		}
	blake2s_end(&all, out);
	assert_memory_equal(out, expected, 32);
}

static void parts_are_what_they_are_together(void **state)
{
	uint8_t message[200], whole[32], out[32], key[7] = { 1, 2, 3 };

	(void)state;
	fill(message, sizeof(message), 200);
	hash(whole, 32, bytes_of(key, sizeof(key)), bytes_of(message, sizeof(message)));
	for (size_t step = 1; step <= sizeof(message); step++) {
		struct secret_blake2s b;

		blake2s_begin(&b, 32, bytes_of(key, sizeof(key)));
		for (size_t at = 0; at < sizeof(message); at += step) {
			size_t left = sizeof(message) - at;

			blake2s_add(&b, bytes_of(message + at, left < step ? left : step));
		}
		blake2s_end(&b, out);
		assert_memory_equal(out, whole, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(abc_is_that_of_rfc7693_b),
		cmocka_unit_test(all_lengths_are_those_of_rfc7693_e),
		cmocka_unit_test(parts_are_what_they_are_together),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
