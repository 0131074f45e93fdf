/* The list of who is out: its bytes, its limits, and who may sign it. */
#include "tests/unit/crypto_members.h"

static struct secret_authority authority;

static struct revocation list_of(const uint32_t *serials, size_t count)
{
	struct revocation r = { 0 };

	for (size_t i = 0; i < count; i++)
		assert_int_equal(revocation_add(&r, serials[i]), 0);
	assert_int_equal(revocation_issue(&r, &authority, 29500000), 0);
	return r;
}

static size_t encode(const struct revocation *r, uint8_t out[REVOCATION_MAX_LEN])
{
	int len = revocation_encode(r, out, REVOCATION_MAX_LEN);

	assert_true(len > 0);
	return (size_t)len;
}

static void names_whom_it_was_given(void **state)
{
	static const uint32_t serials[] = { 1, 8, 9, 1073, REVOCATION_SERIAL_MAX };
	struct revocation r = list_of(serials, 5);
	unsigned named = 0;

	(void)state;
	assert_int_equal(revocation_count(&r), 5);
	for (uint32_t s = 0; s <= REVOCATION_SERIAL_MAX + 9; s++) {
		bool is_there = false;

		for (unsigned i = 0; i < 5; i++)
			is_there |= serials[i] == s;
		assert_int_equal(revocation_names(&r, s), is_there);
		named += is_there;
	}
	assert_int_equal(named, 5);
	assert_false(revocation_names(&r, UINT32_MAX));
}

static void serials_that_no_list_holds_are_refused(void **state)
{
	struct revocation r = { 0 };

	(void)state;
	assert_int_equal(revocation_add(&r, 0), -ERANGE);
	assert_int_equal(revocation_add(&r, REVOCATION_SERIAL_MAX + 1), -ERANGE);
	assert_int_equal(revocation_add(&r, UINT32_MAX), -ERANGE);
	assert_int_equal(r.bitmap_len, 0);
}

static void guests_end_with_the_list_of_their_number(void **state)
{
	static const uint32_t nobody[] = { 500 };
	struct revocation r = list_of(nobody, 1);
	struct certificate c = { .serial = 7, .roles = ROLE_GUEST, .guest.until_list = 3 };

	(void)state;
	assert_false(revocation_ends(&r, &c));
	assert_int_equal(revocation_issue(&r, &authority, 29500000), 0);
	assert_false(revocation_ends(&r, &c));
	assert_int_equal(revocation_issue(&r, &authority, 29500000), 0);
	assert_true(revocation_ends(&r, &c));
	c.guest.until_list = 0;
	assert_false(revocation_ends(&r, &c));
}

static void eleven_hundred_members_fit_220_bytes__protocol_5(void **state)
{
	uint8_t bytes[REVOCATION_MAX_LEN];
	struct revocation r = { 0 };

	(void)state;
	for (uint32_t s = 1; s <= 1100; s++)
		assert_int_equal(revocation_add(&r, s), 0);
	assert_int_equal(revocation_issue(&r, &authority, 1), 0);
	assert_int_equal(encode(&r, bytes), 219);
	assert_int_equal(revocation_add(&r, REVOCATION_SERIAL_MAX), 0);
	assert_int_equal(revocation_issue(&r, &authority, 1), 0);
	assert_int_equal(encode(&r, bytes), REVOCATION_MAX_LEN);
}

static void decodes_to_what_was_encoded_and_verifies(void **state)
{
	static const uint32_t serials[] = { 7, 700 };
	struct revocation r = list_of(serials, 2), back;
	uint8_t bytes[REVOCATION_MAX_LEN], again[REVOCATION_MAX_LEN];
	size_t len = encode(&r, bytes);

	(void)state;
	assert_int_equal(revocation_decode(&back, bytes_of(bytes, len)), 0);
	assert_int_equal(revocation_verify(&back, &authority.public), 0);
	assert_int_equal(back.epoch, 1);
	assert_int_equal(back.date, 29500000);
	assert_int_equal(encode(&back, again), len);
	assert_memory_equal(bytes, again, len);
}

static void no_prefix_of_a_list_is_read_as_one_that_verifies(void **state)
{
	static const uint32_t serials[] = { 3, 44, 555 };
	struct revocation r = list_of(serials, 3), back;
	uint8_t bytes[REVOCATION_MAX_LEN + 1] = { 0 };
	size_t len = encode(&r, bytes);

	(void)state;
	for (size_t cut = 0; cut <= len + 1; cut++)
		if (cut != len && revocation_decode(&back, bytes_of(bytes, cut)) == 0)
			assert_int_equal(revocation_verify(&back, &authority.public), -EKEYREJECTED);
}

static void every_changed_bit_is_noticed(void **state)
{
	static const uint32_t serials[] = { 3, 44 };
	struct revocation r = list_of(serials, 2), back;
	uint8_t bytes[REVOCATION_MAX_LEN];
	size_t len = encode(&r, bytes);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (revocation_decode(&back, bytes_of(bytes, len)) == 0)
			assert_int_equal(revocation_verify(&back, &authority.public), -EKEYREJECTED);
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
}

static void zero_byte_at_the_end_is_another_encoding(void **state)
{
	static const uint32_t serials[] = { 3 };
	struct revocation r = list_of(serials, 1), back;
	uint8_t bytes[REVOCATION_MAX_LEN];

	(void)state;
	r.bitmap[r.bitmap_len++] = 0;
	assert_int_equal(revocation_encode(&r, bytes, sizeof(bytes)), -EINVAL);
	r.bitmap_len--;
	size_t len = encode(&r, bytes);
	memmove(bytes + len - SIGNATURE_LEN + 1, bytes + len - SIGNATURE_LEN, SIGNATURE_LEN);
	bytes[len - SIGNATURE_LEN] = 0;
	assert_int_equal(revocation_decode(&back, bytes_of(bytes, len + 1)), -EBADMSG);
}

static void other_authority_and_other_deployment_are_foreign(void **state)
{
	struct secret_authority other, same_key = authority;
	struct revocation r = { 0 };

	(void)state;
	authority_make(&other, 99);
	assert_int_equal(revocation_issue(&r, &other, 1), 0);
	assert_int_equal(revocation_verify(&r, &authority.public), -EKEYREJECTED);
	same_key.public.deployment ^= 1;
	assert_int_equal(revocation_issue(&r, &same_key, 1), 0);
	assert_int_equal(revocation_verify(&r, &authority.public), -EKEYREJECTED);
	/* Who knows the ids but not the key. */
	r.deployment = authority.public.deployment;
	r.issuer = authority_id(&authority.public);
	assert_int_equal(revocation_verify(&r, &authority.public), -EKEYREJECTED);
}

static void epochs_go_up_by_one_and_end(void **state)
{
	struct revocation r = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(revocation_issue(&r, &authority, 1000 - i), 0);
		assert_int_equal(r.epoch, i);
		assert_int_equal(r.date, 999); /* never earlier than it was */
	}
	r.epoch = UINT16_MAX;
	assert_int_equal(revocation_issue(&r, &authority, 1), -ERANGE);
	assert_int_equal(r.epoch, UINT16_MAX);
}

static void what_was_never_issued_is_no_list(void **state)
{
	uint8_t bytes[REVOCATION_MAX_LEN];
	struct revocation r = { 0 };
	struct certificate c = { .serial = 5 };

	(void)state;
	assert_int_equal(revocation_add(&r, 5), 0);
	assert_int_equal(revocation_encode(&r, bytes, sizeof(bytes)), -EINVAL);
	assert_false(revocation_ends(&r, &c));
}

static void lists_that_are_joined_forget_nobody(void **state)
{
	static const uint32_t one[] = { 2, 90 }, two[] = { 3 };
	struct revocation a = list_of(one, 2), b = list_of(two, 1);

	(void)state;
	a.epoch = 4, b.epoch = 9, b.min_generation = 2;
	struct revocation ab = a, ba = b;
	revocation_join(&ab, &b);
	revocation_join(&ba, &a);
	assert_memory_equal(ab.bitmap, ba.bitmap, ab.bitmap_len);
	assert_int_equal(ab.bitmap_len, ba.bitmap_len);
	assert_int_equal(ab.epoch, 9);
	assert_int_equal(ba.epoch, 9);
	assert_int_equal(ab.min_generation, 2);
	assert_int_equal(revocation_count(&ab), 3);
}

static void generations_below_the_least_are_out(void **state)
{
	struct revocation r = { .min_generation = 3 };
	struct certificate c = { .serial = 1, .generation = 2 };

	(void)state;
	assert_int_equal(revocation_issue(&r, &authority, 1), 0);
	assert_true(revocation_ends(&r, &c));
	c.generation = 3;
	assert_false(revocation_ends(&r, &c));
}

static void text_comes_back_and_tells_of_damage(void **state)
{
	static const uint32_t serials[] = { 3, 1073 };
	struct revocation r = list_of(serials, 2), back;
	char text[ENROLMENT_TEXT_MAX];
	int len = revocation_format(&r, text, sizeof(text));

	(void)state;
	assert_true(len > 0);
	assert_int_equal(revocation_parse(&back, bytes_of(text, (size_t)len)), 0);
	assert_int_equal(revocation_verify(&back, &authority.public), 0);
	assert_true(revocation_names(&back, 1073));
	text[len / 2] = text[len / 2] == 'A' ? 'B' : 'A';
	assert_int_equal(revocation_parse(&back, bytes_of(text, (size_t)len)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_whom_it_was_given),
		cmocka_unit_test(serials_that_no_list_holds_are_refused),
		cmocka_unit_test(guests_end_with_the_list_of_their_number),
		cmocka_unit_test(eleven_hundred_members_fit_220_bytes__protocol_5),
		cmocka_unit_test(decodes_to_what_was_encoded_and_verifies),
		cmocka_unit_test(no_prefix_of_a_list_is_read_as_one_that_verifies),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(zero_byte_at_the_end_is_another_encoding),
		cmocka_unit_test(other_authority_and_other_deployment_are_foreign),
		cmocka_unit_test(epochs_go_up_by_one_and_end),
		cmocka_unit_test(what_was_never_issued_is_no_list),
		cmocka_unit_test(lists_that_are_joined_forget_nobody),
		cmocka_unit_test(generations_below_the_least_are_out),
		cmocka_unit_test(text_comes_back_and_tells_of_damage),
	};

	if (sodium_init() < 0)
		return 1;
	authority_make(&authority, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
