/* Letters: sealed once, opened by one, told from what they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define TEXT "water at the bridge, two boats needed"

struct letter {
	struct secret_identity from, to, other;
	struct prng prng;
	uint8_t sealed[NOISE_MESSAGE_MAX];
	size_t len;
	uint8_t proof[LETTER_PROOF_LEN];
};

static struct bytes about(void)
{
	return bytes_of("header", 6);
}

static void letter_make(struct letter *l)
{
	struct random random;
	struct writer w;

	*l = (struct letter){ 0 };
	prng_seed(&l->prng, 1);
	random = prng_random(&l->prng);
	identity_generate(&l->from, &random);
	identity_generate(&l->to, &random);
	identity_generate(&l->other, &random);
	w = writer_of(l->sealed, sizeof(l->sealed));
	assert_int_equal(
		letter_seal(&w, bytes_of(TEXT, strlen(TEXT)), about(), &l->from, l->to.public.dh, &random, l->proof),
		0);
	l->len = writer_len(&w);
}

static int opened(const struct letter *l, const struct secret_identity *by, struct bytes beside, size_t room)
{
	uint8_t plain[NOISE_PAYLOAD_MAX], from[KEY_LEN], proof[LETTER_PROOF_LEN];
	struct writer w = writer_of(plain, room);
	int error = letter_open(&w, bytes_of(l->sealed, l->len), beside, by, from, proof);

	if (error)
		return error;
	assert_int_equal(writer_len(&w), strlen(TEXT));
	assert_memory_equal(plain, TEXT, strlen(TEXT));
	assert_memory_equal(from, l->from.public.dh, KEY_LEN);
	assert_memory_equal(proof, l->proof, LETTER_PROOF_LEN);
	return 0;
}

static void whoever_it_is_for_reads_it_and_knows_whose_it_is(void **state)
{
	struct letter l;

	(void)state;
	letter_make(&l);
	assert_int_equal(l.len, strlen(TEXT) + LETTER_OVERHEAD);
	assert_int_equal(LETTER_OVERHEAD, 96);
	assert_int_equal(opened(&l, &l.to, about(), NOISE_PAYLOAD_MAX), 0);
	assert_int_equal(opened(&l, &l.to, about(), strlen(TEXT) - 1), -ENOSPC);
}

static void nobody_else_does(void **state)
{
	struct letter l;

	(void)state;
	letter_make(&l);
	assert_int_equal(opened(&l, &l.other, about(), NOISE_PAYLOAD_MAX), -EBADMSG);
	assert_int_equal(opened(&l, &l.from, about(), NOISE_PAYLOAD_MAX), -EBADMSG);
	assert_int_equal(opened(&l, &l.to, bytes_of("Header", 6), NOISE_PAYLOAD_MAX), -EBADMSG);
}

static void changed_or_cut_is_refused(void **state)
{
	struct letter l;

	(void)state;
	letter_make(&l);
	for (size_t i = 0; i < l.len; i++) {
		l.sealed[i] ^= 0x40;
		assert_int_equal(opened(&l, &l.to, about(), NOISE_PAYLOAD_MAX), -EBADMSG);
		l.sealed[i] ^= 0x40;
	}
	size_t whole = l.len;
	for (l.len = 0; l.len < whole; l.len++)
		assert_int_equal(opened(&l, &l.to, about(), NOISE_PAYLOAD_MAX), -EBADMSG);
	assert_int_equal(opened(&l, &l.to, about(), NOISE_PAYLOAD_MAX), 0);
}

/* Points of small order: nothing of ours would be in the key. */
static void unusable_keys_are_refused(void **state)
{
	static const uint8_t zero[KEY_LEN];
	struct letter l;
	struct random random;
	uint8_t room[NOISE_MESSAGE_MAX];
	struct writer w = writer_of(room, sizeof(room));

	(void)state;
	letter_make(&l);
	random = prng_random(&l.prng);
	assert_int_equal(letter_seal(&w, bytes_of(TEXT, 4), about(), &l.from, zero, &random, l.proof), -EPROTO);
	memset(l.sealed, 0, KEY_LEN);
	assert_int_equal(opened(&l, &l.to, about(), NOISE_PAYLOAD_MAX), -EBADMSG);
}

/* The same words twice: nothing of the one is in the other, and each has a proof of its own. */
static void two_letters_have_nothing_in_common(void **state)
{
	struct letter a, b;
	struct random random;
	struct writer w;

	(void)state;
	letter_make(&a);
	b = a;
	random = prng_random(&b.prng);
	w = writer_of(b.sealed, sizeof(b.sealed));
	assert_int_equal(
		letter_seal(&w, bytes_of(TEXT, strlen(TEXT)), about(), &b.from, b.to.public.dh, &random, b.proof), 0);
	for (size_t i = 0; i + 8 <= a.len; i++)
		assert_memory_not_equal(a.sealed + i, b.sealed + i, 8);
	assert_memory_not_equal(a.proof, b.proof, LETTER_PROOF_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_it_is_for_reads_it_and_knows_whose_it_is),
		cmocka_unit_test(nobody_else_does),
		cmocka_unit_test(changed_or_cut_is_refused),
		cmocka_unit_test(unusable_keys_are_refused),
		cmocka_unit_test(two_letters_have_nothing_in_common),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
