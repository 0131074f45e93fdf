/* MACs of plain packets, against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static size_t unhex(uint8_t *out, const char *hex)
{
	size_t len;

	assert_int_equal(sodium_hex2bin(out, 256, hex, strlen(hex), NULL, &len, NULL), 0);
	return len;
}

static void assert_mac(enum packet_algorithm algorithm, struct bytes key, struct bytes message, const char *expected)
{
	struct secret_packet_key k;
	uint8_t mac[PACKET_MAC_MAX], want[256];
	size_t want_len = unhex(want, expected);

	assert_int_equal(packet_key_init(&k, algorithm, key), 0);
	/* In one part, and cut in two at every place. */
	for (size_t cut = 0; cut <= message.len; cut++) {
		struct bytes parts[2] = { bytes_of(message.data, cut),
			bytes_of(message.data + cut, message.len - cut) };

		assert_int_equal(packet_mac(&k, parts, 2, mac), want_len);
		assert_memory_equal(mac, want, want_len);
	}
	packet_key_done(&k);
	assert_true(sodium_is_zero((const uint8_t *)&k, sizeof(k)));
}

static void assert_hmac(const uint8_t *key, size_t key_len, const char *message_hex, const char *expected)
{
	uint8_t message[256];
	size_t len = unhex(message, message_hex);

	assert_mac(PACKET_HMAC_SHA256, bytes_of(key, key_len), bytes_of(message, len), expected);
}

/* Test cases 1 to 4 of RFC 4231, section 4; the others have keys longer than a block, or truncate. */
static void hmac_sha256_is_that_of_rfc4231(void **state)
{
	uint8_t key[64];

	(void)state;
	memset(key, 0x0b, 20);
	assert_hmac(key, 20, "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_hmac((const uint8_t *)"Jefe", 4, "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, 20);
	assert_hmac(key, 20,
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	for (uint8_t i = 0; i < 25; i++)
		key[i] = i + 1;
	assert_hmac(key, 25,
		"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
}

/* Made with Python's hashlib (the reference implementation): keyed, 16 bytes, messages of three lengths. */
static void blake2s_is_keyed_and_has_128_bits__rfc7693(void **state)
{
	uint8_t key[32], message[255];

	(void)state;
	for (unsigned i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	memcpy(key, message, sizeof(key));
	assert_mac(PACKET_BLAKE2S, bytes_of(key, 32), bytes_of(message, 255), "cd075928ab7e6883e697fe7fd3ac43ee");
	assert_mac(PACKET_BLAKE2S, bytes_of("key", 3), bytes_of("hello world", 11), "a781554b38e855cafeb5fde536703ebc");
}

static void keys_have_the_lengths_of_their_algorithm__rfc8967_4_1(void **state)
{
	static const uint8_t long_key[65] = { 1 };
	struct secret_packet_key k;

	(void)state;
	assert_int_equal(packet_key_init(&k, PACKET_HMAC_SHA256, bytes_of(long_key, 64)), 0);
	assert_int_equal(packet_key_init(&k, PACKET_HMAC_SHA256, bytes_of(long_key, 65)), -EINVAL);
	assert_int_equal(k.len, 0);
	assert_int_equal(packet_key_init(&k, PACKET_BLAKE2S, bytes_of(long_key, 32)), 0);
	assert_int_equal(packet_key_init(&k, PACKET_BLAKE2S, bytes_of(long_key, 33)), -EINVAL);
	assert_int_equal(packet_key_init(&k, PACKET_HMAC_SHA256, bytes_of(long_key, 0)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmac_sha256_is_that_of_rfc4231),
		cmocka_unit_test(blake2s_is_keyed_and_has_128_bits__rfc7693),
		cmocka_unit_test(keys_have_the_lengths_of_their_algorithm__rfc8967_4_1),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
