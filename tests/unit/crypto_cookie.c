/* mac1, mac2, cookies and the limiter that stand before any handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define SECOND 1000000ull

static const uint8_t psk[KEY_LEN] = { 1, 2, 3 };
static const uint8_t responder[KEY_LEN] = { 4, 5, 6 };
static const uint8_t message_data[100] = { 7, 8, 9 };

static struct bytes message(void)
{
	return bytes_of(message_data, sizeof(message_data));
}

static struct bytes source(const char *text)
{
	return bytes_of(text, strlen(text));
}

static void mac1_is_keyed_blake2b__protocol_4_3(void **state)
{
	uint8_t key[KEY_LEN], expected_key[KEY_LEN], mac[MAC_LEN], expected[MAC_LEN];
	uint8_t text[9 + 2 * KEY_LEN] = "mesh mac1";

	(void)state;
	memcpy(text + 9, psk, KEY_LEN);
	memcpy(text + 9 + KEY_LEN, responder, KEY_LEN);
	crypto_generichash_blake2b(expected_key, KEY_LEN, text, sizeof(text), NULL, 0);
	mac1_key(key, psk, responder);
	assert_memory_equal(key, expected_key, KEY_LEN);
	crypto_generichash_blake2b(expected_key, KEY_LEN, text, 9 + KEY_LEN, NULL, 0);
	mac1_key(key, psk, NULL);
	assert_memory_equal(key, expected_key, KEY_LEN);
	crypto_generichash_blake2b(expected, MAC_LEN, message_data, sizeof(message_data), key, KEY_LEN);
	mac1_compute(mac, key, message());
	assert_memory_equal(mac, expected, MAC_LEN);
}

static void mac1_refuses_every_flipped_bit(void **state)
{
	uint8_t key[KEY_LEN], other[KEY_LEN], mac[MAC_LEN];

	(void)state;
	mac1_key(key, psk, responder);
	mac1_key(other, psk, NULL);
	mac1_compute(mac, key, message());
	assert_true(mac1_verify(key, message(), mac));
	assert_false(mac1_verify(other, message(), mac));
	assert_false(mac1_verify(key, bytes_of(message_data, sizeof(message_data) - 1), mac));
	for (size_t bit = 0; bit < 8 * MAC_LEN; bit++) {
		mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(mac1_verify(key, message(), mac));
		mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* A side under load and one that wants a handshake from `address`. */
struct scene {
	struct secret_cookie_jar jar;
	struct prng prng;
	struct random random;
	uint8_t key[KEY_LEN], mac1[MAC_LEN];
};

static void scene_init(struct scene *s)
{
	*s = (struct scene){ 0 };
	prng_seed(&s->prng, 7);
	s->random = prng_random(&s->prng);
	mac1_key(s->key, psk, responder);
	mac1_compute(s->mac1, s->key, message());
}

/* Asks for a cookie and makes mac2 with it. */
static void scene_mac2(struct scene *s, uint64_t now_us, const char *address, uint8_t mac2[MAC_LEN])
{
	uint8_t sealed[COOKIE_SEALED_LEN], cookie[COOKIE_LEN];

	cookie_make(&s->jar, now_us, &s->random, s->key, source(address), s->mac1, sealed);
	assert_int_equal(cookie_open(cookie, s->key, s->mac1, sealed), 0);
	mac2_compute(mac2, cookie, message());
}

static bool scene_verify(struct scene *s, uint64_t now_us, const char *address, const uint8_t mac2[MAC_LEN])
{
	return mac2_verify(&s->jar, now_us, &s->random, source(address), message(), mac2);
}

static void mac2_proves_the_source(void **state)
{
	uint8_t mac2[MAC_LEN];
	struct scene s;

	(void)state;
	scene_init(&s);
	memset(mac2, 0, sizeof(mac2));
	assert_false(scene_verify(&s, 0, "10.0.0.1:7", mac2)); /* before any cookie was made */
	scene_mac2(&s, 0, "10.0.0.1:7", mac2);
	assert_true(scene_verify(&s, 0, "10.0.0.1:7", mac2));
	assert_false(scene_verify(&s, 0, "10.0.0.1:8", mac2));
	assert_false(scene_verify(&s, 0, "", mac2));
	assert_false(mac2_verify(&s.jar, 0, &s.random, source("10.0.0.1:7"), bytes_of(message_data, 99), mac2));
	mac2[0] ^= 1;
	assert_false(scene_verify(&s, 0, "10.0.0.1:7", mac2));
}

static void cookie_opens_only_for_its_asker(void **state)
{
	uint8_t sealed[COOKIE_SEALED_LEN] = { 0 }, again[COOKIE_SEALED_LEN] = { 0 }, cookie[COOKIE_LEN], other[KEY_LEN];
	struct scene s;

	(void)state;
	scene_init(&s);
	cookie_make(&s.jar, 0, &s.random, s.key, source("x"), s.mac1, sealed);
	cookie_make(&s.jar, 0, &s.random, s.key, source("x"), s.mac1, again);
	assert_memory_not_equal(sealed, again, COOKIE_NONCE_LEN);
	assert_int_equal(cookie_open(cookie, s.key, s.mac1, sealed), 0);
	mac1_key(other, psk, NULL);
	assert_int_equal(cookie_open(cookie, other, s.mac1, sealed), -EBADMSG);
	s.mac1[15] ^= 1;
	assert_int_equal(cookie_open(cookie, s.key, s.mac1, sealed), -EBADMSG);
	s.mac1[15] ^= 1;
	for (size_t bit = 0; bit < 8 * COOKIE_SEALED_LEN; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(cookie_open(cookie, s.key, s.mac1, sealed), -EBADMSG);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(cookie_open(cookie, s.key, s.mac1, sealed), 0);
}

static void cookie_lives_one_rotation_and_no_two(void **state)
{
	const uint64_t start = 1000 * SECOND;
	uint8_t early[MAC_LEN], late[MAC_LEN], next[MAC_LEN];
	struct scene s;

	(void)state;
	scene_init(&s);
	scene_mac2(&s, start, "a", early);
	scene_mac2(&s, start + COOKIE_LIFE_US - 1, "a", late);
	assert_memory_equal(early, late, MAC_LEN); /* the same secret */
	assert_true(scene_verify(&s, start + COOKIE_LIFE_US - 1, "a", early));
	scene_mac2(&s, start + COOKIE_LIFE_US, "a", next);
	assert_memory_not_equal(early, next, MAC_LEN);
	assert_true(scene_verify(&s, start + 2 * COOKIE_LIFE_US - 1, "a", early));
	assert_true(scene_verify(&s, start + 2 * COOKIE_LIFE_US - 1, "a", next));
	assert_false(scene_verify(&s, start + 2 * COOKIE_LIFE_US, "a", early));
	assert_true(scene_verify(&s, start + 2 * COOKIE_LIFE_US, "a", next));
	assert_false(scene_verify(&s, start + 3 * COOKIE_LIFE_US, "a", next));
}

static void cookie_is_old_after_silence(void **state)
{
	uint8_t mac2[MAC_LEN];
	struct scene s;

	(void)state;
	scene_init(&s);
	scene_mac2(&s, 0, "a", mac2);
	assert_false(scene_verify(&s, 2 * COOKIE_LIFE_US, "a", mac2));
	assert_false(s.jar.has_old);
	assert_int_equal(sodium_is_zero(s.jar.secret[1], KEY_LEN), 1);
	/* The rhythm is that of the first secret: 20 s are left of this one. */
	scene_mac2(&s, 340 * SECOND, "a", mac2);
	assert_true(scene_verify(&s, 479 * SECOND, "a", mac2));
	assert_false(scene_verify(&s, 480 * SECOND, "a", mac2));
}

static void jar_is_wiped(void **state)
{
	uint8_t mac2[MAC_LEN];
	struct scene s;

	(void)state;
	scene_init(&s);
	scene_mac2(&s, 0, "a", mac2);
	scene_mac2(&s, COOKIE_LIFE_US, "a", mac2);
	assert_true(s.jar.has_old);
	cookie_jar_done(&s.jar);
	assert_int_equal(sodium_is_zero((const uint8_t *)&s.jar, sizeof(s.jar)), 1);
}

/* --- rate limiter ------------------------------------------------------------------ */

static struct rate_limiter *limiter_new(void)
{
	struct prng prng;
	struct random random = prng_random(&prng);
	struct rate_limiter *r;

	prng_seed(&prng, 9);
	r = rate_limiter_new(&random);
	assert_non_null(r);
	return r;
}

static unsigned taken(struct rate_limiter *r, uint64_t now_us, const char *address, unsigned tries)
{
	unsigned count = 0;

	for (unsigned i = 0; i < tries; i++)
		count += rate_limiter_take(r, now_us, source(address));
	return count;
}

static void source_has_five_and_one_a_second(void **state)
{
	struct rate_limiter *r = limiter_new();

	(void)state;
	assert_int_equal(taken(r, 0, "a", 20), 5);
	assert_int_equal(taken(r, SECOND - 1, "a", 20), 0);
	assert_int_equal(taken(r, SECOND, "a", 20), 1);
	assert_int_equal(taken(r, 3 * SECOND, "a", 20), 2);
	assert_int_equal(taken(r, 3 * SECOND, "b", 20), 5); /* another's tokens are its own */
	assert_int_equal(taken(r, 100 * SECOND, "a", 20), 5); /* never more than the burst */
	rate_limiter_free(r);
}

/* Ten minutes of two tries a second from one source: one a second passes. */
static void source_cannot_exceed_its_rate(void **state)
{
	struct rate_limiter *r = limiter_new();
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 1200; i++)
		count += taken(r, i * SECOND / 2, "a", 1);
	assert_in_range(count, 600, 605);
	rate_limiter_free(r);
}

static unsigned flood(struct rate_limiter *r, uint64_t now_us, uint32_t *next, unsigned tries)
{
	unsigned count = 0;

	for (unsigned i = 0; i < tries; i++) {
		uint32_t invented = (*next)++;
		count += rate_limiter_take(r, now_us, bytes_of(&invented, sizeof(invented)));
	}
	return count;
}

static void all_sources_have_fifty_a_second(void **state)
{
	struct rate_limiter *r = limiter_new();
	uint32_t next = 0;

	(void)state;
	assert_int_equal(flood(r, 0, &next, 5000), 50);
	assert_int_equal(flood(r, SECOND / 50 - 1, &next, 100), 0);
	assert_int_equal(flood(r, SECOND / 50, &next, 100), 1);
	assert_int_equal(flood(r, 100 * SECOND, &next, 5000), 50);
	/* A refusal for want of a common token costs the source nothing. */
	assert_int_equal(taken(r, 100 * SECOND, "a", 10), 0);
	assert_int_equal(taken(r, 101 * SECOND, "a", 10), 5);
	rate_limiter_free(r);
}

/* Far more sources than the table has room for, at the full rate for two
 * minutes: the flood gets its 50 a second and the table never fills for good. */
static void invented_sources_do_not_fill_the_table(void **state)
{
	struct rate_limiter *r = limiter_new();
	unsigned count = 0;
	uint32_t next = 0;

	(void)state;
	for (unsigned ms = 0; ms < 120000; ms++)
		count += flood(r, ms * 1000ull, &next, 1);
	assert_int_equal(next, 120000);
	assert_int_equal(count, 50 + 5999); /* the burst, then one each 20 ms */
	assert_true(count > 5 * RATE_SOURCES_MAX);
	/* Afterwards a stranger is served at once. */
	assert_int_equal(taken(r, 125 * SECOND, "a", 10), 5);
	rate_limiter_free(r);
}

static void free_takes_null(void **state)
{
	(void)state;
	rate_limiter_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac1_is_keyed_blake2b__protocol_4_3),
		cmocka_unit_test(mac1_refuses_every_flipped_bit),
		cmocka_unit_test(mac2_proves_the_source),
		cmocka_unit_test(cookie_opens_only_for_its_asker),
		cmocka_unit_test(cookie_lives_one_rotation_and_no_two),
		cmocka_unit_test(cookie_is_old_after_silence),
		cmocka_unit_test(jar_is_wiped),
		cmocka_unit_test(source_has_five_and_one_a_second),
		cmocka_unit_test(source_cannot_exceed_its_rate),
		cmocka_unit_test(all_sources_have_fifty_a_second),
		cmocka_unit_test(invented_sources_do_not_fill_the_table),
		cmocka_unit_test(free_takes_null),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
