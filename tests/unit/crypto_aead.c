/* Our composition of the AEAD against the library's call: every length, and whatever comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/aead.h"
#include "meshd/base/random.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_MAX 65535
#define ASSOCIATED_MAX 70

static struct prng prng;
static struct random rnd;
static uint8_t plain[LENGTH_MAX], ours[LENGTH_MAX + AEAD_TAG], theirs[LENGTH_MAX + AEAD_TAG];

struct input {
	uint8_t key[AEAD_KEY], nonce[AEAD_NONCE], associated[ASSOCIATED_MAX];
	size_t associated_len, len;
};

static struct input input_draw(size_t len)
{
	struct input in = { .len = len, .associated_len = random_u32(&rnd) % (ASSOCIATED_MAX + 1) };

	random_fill(&rnd, in.key, sizeof(in.key));
	random_fill(&rnd, in.nonce, sizeof(in.nonce));
	random_fill(&rnd, in.associated, sizeof(in.associated));
	return in;
}

static void seal_both(const struct input *in)
{
	memcpy(ours, plain, in->len);
	memcpy(theirs, plain, in->len);
	aead_seal(ours, in->len, in->associated, in->associated_len, in->nonce, in->key);
	aead_seal_by_library(theirs, in->len, in->associated, in->associated_len, in->nonce, in->key);
}

static bool open_ours(const struct input *in, uint8_t *text)
{
	return aead_open(text, in->len, in->associated, in->associated_len, in->nonce, in->key);
}

static void assert_equal_both_ways(const struct input *in)
{
	seal_both(in);
	assert_memory_equal(ours, theirs, in->len + AEAD_TAG);
	/* Each opens what the other has sealed. */
	assert_true(open_ours(in, theirs));
	assert_true(aead_open_by_library(ours, in->len, in->associated, in->associated_len, in->nonce, in->key));
	assert_memory_equal(ours, plain, in->len);
	assert_memory_equal(theirs, plain, in->len);
}

static void every_length_gives_the_bytes_of_the_library(void **state)
{
	struct input in = input_draw(0);

	(void)state;
	random_fill(&rnd, plain, sizeof(plain));
	in.associated_len = 16;
	for (in.len = 0; in.len <= LENGTH_MAX; in.len++) {
		in.nonce[4]++;
		/* What we do not compose is the library's call itself: opened, a sample of that is enough. */
		if (in.len <= 9000 || in.len % 97 == 0 || in.len == LENGTH_MAX) {
			assert_equal_both_ways(&in);
			continue;
		}
		seal_both(&in);
		assert_memory_equal(ours, theirs, in.len + AEAD_TAG);
	}
}

static void whatever_comes_gives_the_bytes_of_the_library(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct input in = input_draw(random_u32(&rnd) % (i % 10 ? 2100 : 6000));

		random_fill(&rnd, plain, in.len < 64 ? in.len : 64);
		assert_equal_both_ways(&in);
	}
}

/* RFC 8439, 2.8.2. */
static void the_vector_of_the_rfc_is_met(void **state)
{
	static const uint8_t associated[] = { 0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7 };
	static const uint8_t nonce[AEAD_NONCE] = { 7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47 };
	static const uint8_t tag[AEAD_TAG] = { 0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb,
		0xd0, 0x60, 0x06, 0x91 };
	static const uint8_t begin[] = { 0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb };
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
		"future, sunscreen would be it.";
	uint8_t key[AEAD_KEY], sealed[sizeof(text) - 1 + AEAD_TAG];
	size_t len = sizeof(text) - 1;

	(void)state;
	for (unsigned i = 0; i < AEAD_KEY; i++)
		key[i] = (uint8_t)(0x80 + i);
	memcpy(sealed, text, len);
	aead_seal(sealed, len, associated, sizeof(associated), nonce, key);
	assert_memory_equal(sealed, begin, sizeof(begin));
	assert_memory_equal(sealed + len, tag, AEAD_TAG);
}

/* Any bit, of text, tag, associated data, nonce or key: refused, and no byte of the buffer is changed, so none is
 * decrypted. */
static void a_forgery_is_refused_and_shows_nothing(void **state)
{
	static uint8_t before[LENGTH_MAX + AEAD_TAG];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct input in = input_draw(random_u32(&rnd) % 2100);
		unsigned where = random_u32(&rnd) % 4;
		uint8_t bit = (uint8_t)(1 << random_u32(&rnd) % 8);

		seal_both(&in);
		if (where == 0)
			ours[random_u32(&rnd) % (in.len + AEAD_TAG)] ^= bit;
		else if (where == 1)
			in.nonce[random_u32(&rnd) % AEAD_NONCE] ^= bit;
		else if (where == 2)
			in.key[random_u32(&rnd) % AEAD_KEY] ^= bit;
		else if (in.associated_len)
			in.associated[random_u32(&rnd) % in.associated_len] ^= bit;
		else
			in.associated_len = 1;
		memcpy(before, ours, in.len + AEAD_TAG);
		assert_false(open_ours(&in, ours));
		assert_memory_equal(ours, before, in.len + AEAD_TAG);
	}
}

static void nothing_around_the_text_is_touched(void **state)
{
	(void)state;
	for (size_t len = 0; len < 2100; len++) {
		struct input in = input_draw(len);
		uint8_t *room = malloc(len + AEAD_TAG); /* a sanitizer sees its ends */

		assert_non_null(room);
		memcpy(room, plain, len);
		aead_seal(room, len, in.associated, in.associated_len, in.nonce, in.key);
		assert_true(open_ours(&in, room));
		assert_memory_equal(room, plain, len);
		free(room);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_of_the_rfc_is_met),
		cmocka_unit_test(every_length_gives_the_bytes_of_the_library),
		cmocka_unit_test(whatever_comes_gives_the_bytes_of_the_library),
		cmocka_unit_test(a_forgery_is_refused_and_shows_nothing),
		cmocka_unit_test(nothing_around_the_text_is_touched),
	};

	if (sodium_init() < 0)
		return 1;
	prng_seed(&prng, 1);
	rnd = prng_random(&prng);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
