/* A node's log: what is signed hangs together, and no part of it can be another. */
#include "tests/unit/crypto_members.h"

static struct secret_identity identity;

static struct bytes text(const char *s)
{
	return bytes_of(s, strlen(s));
}

static void chain_make(struct log_link links[3], uint8_t after[LOG_HASH_LEN])
{
	static const char *const bodies[] = { "one", "two", "three" };

	identity_make(&identity, 1);
	memset(after, 0, LOG_HASH_LEN);
	for (unsigned i = 0; i < 3; i++) {
		links[i] = (struct log_link){ .deployment = 7, .number = i + 1 };
		memcpy(links[i].before, after, LOG_HASH_LEN);
		log_link_sign(&links[i], text(bodies[i]), &identity, after);
	}
}

static void a_chain_that_was_signed_holds(void **state)
{
	struct log_link links[3];
	uint8_t after[LOG_HASH_LEN], last[LOG_HASH_LEN];

	(void)state;
	chain_make(links, last);
	assert_int_equal(log_link_verify(&links[0], text("one"), identity.public.sign, after), 0);
	assert_memory_equal(after, links[1].before, LOG_HASH_LEN);
	assert_int_equal(log_link_verify(&links[1], text("two"), identity.public.sign, after), 0);
	assert_memory_equal(after, links[2].before, LOG_HASH_LEN);
	assert_int_equal(log_link_verify(&links[2], text("three"), identity.public.sign, after), 0);
	assert_memory_equal(after, last, LOG_HASH_LEN);
}

static void nothing_of_it_can_be_another(void **state)
{
	struct log_link links[3], changed;
	struct secret_identity other;
	uint8_t after[LOG_HASH_LEN], last[LOG_HASH_LEN];

	(void)state;
	chain_make(links, last);
	assert_int_equal(log_link_verify(&links[1], text("Two"), identity.public.sign, after), -EKEYREJECTED);
	assert_memory_not_equal(after, links[2].before, LOG_HASH_LEN);
	changed = links[1];
	changed.number++;
	assert_int_equal(log_link_verify(&changed, text("two"), identity.public.sign, after), -EKEYREJECTED);
	changed = links[1];
	changed.deployment++;
	assert_int_equal(log_link_verify(&changed, text("two"), identity.public.sign, after), -EKEYREJECTED);
	changed = links[1];
	changed.before[31] ^= 1;
	assert_int_equal(log_link_verify(&changed, text("two"), identity.public.sign, after), -EKEYREJECTED);
	changed = links[1];
	changed.signature[0] ^= 1;
	assert_int_equal(log_link_verify(&changed, text("two"), identity.public.sign, after), -EKEYREJECTED);
	identity_make(&other, 2);
	assert_int_equal(log_link_verify(&links[1], text("two"), other.public.sign, after), -EKEYREJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_that_was_signed_holds),
		cmocka_unit_test(nothing_of_it_can_be_another),
	};

	if (sodium_init() < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
