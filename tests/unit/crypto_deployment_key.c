/* Keys that take the place of the deployment's: who makes them, their bytes, and whom they are for. */
#include "tests/unit/crypto_members.h"

static struct secret_authority authority;

static struct secret_deployment_key key_of(uint16_t number)
{
	struct secret_deployment_key k;

	assert_int_equal(deployment_key_make(&k, &authority, number), 0);
	return k;
}

static void same(const struct secret_deployment_key *a, const struct secret_deployment_key *b)
{
	uint8_t bytes[2][DEPLOYMENT_KEY_LEN];

	deployment_key_encode(a, bytes[0]);
	deployment_key_encode(b, bytes[1]);
	assert_memory_equal(bytes[0], bytes[1], DEPLOYMENT_KEY_LEN);
}

static void all_copies_of_the_authority_make_the_same_key(void **state)
{
	char text[ENROLMENT_TEXT_MAX];
	struct secret_authority copy;
	struct secret_deployment_key a = key_of(7), b;
	int len = authority_format(&authority, text, sizeof(text));

	(void)state;
	assert_true(len > 0);
	assert_int_equal(authority_parse(&copy, bytes_of(text, (size_t)len)), 0);
	copy.next_serial = 900; /* it has enrolled others since */
	assert_int_equal(deployment_key_make(&b, &copy, 7), 0);
	same(&a, &b);
}

static void each_number_and_each_authority_has_its_own(void **state)
{
	struct secret_deployment_key a = key_of(1), b = key_of(2), c, d;
	struct secret_authority other, renamed = authority;

	(void)state;
	authority_make(&other, 2);
	renamed.public.deployment++;
	assert_int_equal(deployment_key_make(&c, &other, 1), 0);
	assert_int_equal(deployment_key_make(&d, &renamed, 1), 0);
	const uint8_t *const all[] = { authority.psk, a.psk, b.psk, c.psk, d.psk };
	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(all[i], all[k], KEY_LEN);
	/* As its head says, by a library that is not ours: libsodium's keyed BLAKE2b. */
	uint8_t text[23 + 6] = "meshd deployment key 1", right[KEY_LEN];
	for (unsigned i = 0; i < 4; i++)
		text[23 + i] = (uint8_t)(authority.public.deployment >> (24 - 8 * i));
	text[28] = 1;
	assert_int_equal(
		crypto_generichash(right, KEY_LEN, text, sizeof(text), authority.sign_secret, crypto_sign_SEEDBYTES),
		0);
	assert_memory_equal(a.psk, right, KEY_LEN);
	assert_int_equal(deployment_key_make(&a, &authority, 0), -ERANGE);
}

static void travels_whole(void **state)
{
	struct secret_deployment_key k = key_of(UINT16_MAX), back;
	uint8_t bytes[DEPLOYMENT_KEY_LEN];

	(void)state;
	deployment_key_encode(&k, bytes);
	assert_int_equal(deployment_key_decode(&back, bytes_of(bytes, sizeof(bytes))), 0);
	same(&k, &back);
	assert_int_equal(deployment_key_verify(&back, &authority.public), 0);
}

static void is_a_file_that_says_that_it_is_secret(void **state)
{
	struct secret_deployment_key k = key_of(12), back;
	char text[ENROLMENT_TEXT_MAX];
	int len = deployment_key_format(&k, text, sizeof(text));

	(void)state;
	assert_true(len > 0 && len == (int)strlen(text));
	assert_non_null(strstr(text, "deployment key 12"));
	assert_non_null(strstr(text, "secret"));
	assert_int_equal(deployment_key_parse(&back, bytes_of(text, (size_t)len)), 0);
	same(&k, &back);
	text[len / 2] ^= 1;
	assert_int_equal(deployment_key_parse(&back, bytes_of(text, (size_t)len)), -EBADMSG);
	assert_int_equal(deployment_key_format(&k, text, 40), -ENOSPC);
}

static void no_changed_bit_passes(void **state)
{
	struct secret_deployment_key k = key_of(3), back;
	uint8_t bytes[DEPLOYMENT_KEY_LEN];

	(void)state;
	deployment_key_encode(&k, bytes);
	for (unsigned bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		int error = deployment_key_decode(&back, bytes_of(bytes, sizeof(bytes)));
		assert_int_equal(error, bit < 8 ? -EBADMSG : 0);
		assert_true(error || deployment_key_verify(&back, &authority.public) == -EKEYREJECTED);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void other_lengths_are_malformed(void **state)
{
	struct secret_deployment_key k = key_of(3), back = { .number = 99 };
	uint8_t bytes[DEPLOYMENT_KEY_LEN + 1] = { 0 };

	(void)state;
	deployment_key_encode(&k, bytes);
	for (size_t len = 0; len < sizeof(bytes); len++)
		if (len != DEPLOYMENT_KEY_LEN)
			assert_int_equal(deployment_key_decode(&back, bytes_of(bytes, len)), -EBADMSG);
	assert_int_equal(deployment_key_decode(&back, bytes_of(bytes, sizeof(bytes))), -EBADMSG);
	bytes[9] = bytes[10] = 0; /* number 0 */
	assert_int_equal(deployment_key_decode(&back, bytes_of(bytes, DEPLOYMENT_KEY_LEN)), -EBADMSG);
	assert_int_equal(back.number, 99); /* untouched */
}

static void another_authority_is_not_believed(void **state)
{
	struct secret_deployment_key k = key_of(3), theirs;
	struct secret_authority other;

	(void)state;
	authority_make(&other, 2);
	assert_int_equal(deployment_key_verify(&k, &other.public), -EKEYREJECTED);
	assert_int_equal(deployment_key_make(&theirs, &other, 3), 0);
	theirs.deployment = authority.public.deployment;
	theirs.issuer = authority_id(&authority.public);
	assert_int_equal(deployment_key_verify(&theirs, &authority.public), -EKEYREJECTED);
}

static void only_who_it_is_for_can_read_it(void **state)
{
	struct secret_identity from, to, third;
	struct secret_deployment_key k = key_of(4), back;
	uint8_t hidden[DEPLOYMENT_KEY_LEN];

	(void)state;
	identity_make(&from, 11);
	identity_make(&to, 12);
	identity_make(&third, 13);
	assert_int_equal(deployment_key_hide(&k, &from, to.public.dh, hidden), 0);
	for (size_t at = 0; at + 8 <= sizeof(hidden); at++)
		for (size_t i = 0; i + 8 <= KEY_LEN; i++)
			assert_memory_not_equal(hidden + at, k.psk + i, 8);
	assert_int_equal(deployment_key_reveal(&back, &to, from.public.dh, bytes_of(hidden, sizeof(hidden))), 0);
	same(&k, &back);
	assert_int_equal(deployment_key_reveal(&back, &third, from.public.dh, bytes_of(hidden, sizeof(hidden))), 0);
	assert_int_equal(deployment_key_verify(&back, &authority.public), -EKEYREJECTED);
	assert_memory_not_equal(k.psk, back.psk, KEY_LEN);
	/* Another key to the same member is hidden by other bytes. */
	struct secret_deployment_key next = key_of(5);
	uint8_t again[DEPLOYMENT_KEY_LEN], mask[2][KEY_LEN];
	assert_int_equal(deployment_key_hide(&next, &from, to.public.dh, again), 0);
	for (unsigned i = 0; i < KEY_LEN; i++) {
		mask[0][i] = hidden[11 + i] ^ k.psk[i];
		mask[1][i] = again[11 + i] ^ next.psk[i];
	}
	assert_memory_not_equal(mask[0], mask[1], KEY_LEN);
}

static void keys_without_a_meaning_are_refused(void **state)
{
	static const uint8_t nobody[KEY_LEN];
	struct secret_identity own;
	struct secret_deployment_key k = key_of(4), back;
	uint8_t hidden[DEPLOYMENT_KEY_LEN];

	(void)state;
	identity_make(&own, 11);
	assert_int_equal(deployment_key_hide(&k, &own, nobody, hidden), -EPROTO);
	deployment_key_encode(&k, hidden);
	assert_int_equal(deployment_key_reveal(&back, &own, nobody, bytes_of(hidden, sizeof(hidden))), -EPROTO);
	assert_int_equal(deployment_key_reveal(&back, &own, own.public.dh, bytes_of(hidden, 50)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_copies_of_the_authority_make_the_same_key),
		cmocka_unit_test(each_number_and_each_authority_has_its_own),
		cmocka_unit_test(travels_whole),
		cmocka_unit_test(is_a_file_that_says_that_it_is_secret),
		cmocka_unit_test(no_changed_bit_passes),
		cmocka_unit_test(other_lengths_are_malformed),
		cmocka_unit_test(another_authority_is_not_believed),
		cmocka_unit_test(only_who_it_is_for_can_read_it),
		cmocka_unit_test(keys_without_a_meaning_are_refused),
	};

	if (sodium_init() < 0)
		return 1;
	authority_make(&authority, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
