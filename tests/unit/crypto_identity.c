/* Identity and authority: what follows from the keys. */
#include "tests/unit/crypto_members.h"

/* Gives out a fixed run of bytes. */
struct script {
	struct reader bytes;
};

static void script_fill(void *user, void *out, size_t len)
{
	struct script *s = user;

	read_copy(&s->bytes, out, len);
	assert_true(reader_ok(&s->bytes));
}

static bool is_zero(const void *p, size_t len)
{
	return sodium_is_zero(p, len);
}

static void hex_equal(const uint8_t *bytes, size_t len, const char *hex)
{
	char text[129];

	assert_true(2 * len < sizeof(text));
	sodium_bin2hex(text, sizeof(text), bytes, len);
	assert_string_equal(text, hex);
}

static void address_text_equal(const struct address *a, const char *expected)
{
	char text[ADDRESS_TEXT];

	assert_string_equal(address_format(a, text), expected);
}

/* Secrets of RFC 8032 section 7.1 (test 1) and RFC 7748 section 6.1 (Alice). */
static void public_keys_follow_from_secrets__rfc8032_rfc7748(void **state)
{
	uint8_t secrets[64];
	size_t len;
	struct secret_identity id;

	(void)state;
	assert_int_equal(sodium_hex2bin(secrets, sizeof(secrets),
				 "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
				 "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
				 128, NULL, &len, NULL),
		0);
	assert_int_equal(len, 64);
	struct script script = { reader_of(bytes_of(secrets, sizeof(secrets))) };
	struct random random = { .fill = script_fill, .user = &script };
	identity_generate(&id, &random);
	assert_int_equal(reader_left(&script.bytes), 0);
	hex_equal(id.public.sign, SIGN_PUBLIC_LEN, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	hex_equal(id.public.dh, KEY_LEN, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_memory_equal(id.dh_secret, secrets + 32, KEY_LEN);
	identity_done(&id);
}

static void one_seed_makes_one_identity(void **state)
{
	struct secret_identity a, b, c;

	(void)state;
	identity_make(&a, 7);
	identity_make(&b, 7);
	identity_make(&c, 8);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(a.public.sign, c.public.sign, SIGN_PUBLIC_LEN);
	assert_memory_not_equal(a.public.dh, c.public.dh, KEY_LEN);
}

static void keys_do_their_work(void **state)
{
	uint8_t signature[SIGNATURE_LEN], ab[KEY_LEN], ba[KEY_LEN];
	struct secret_identity a, b;

	(void)state;
	identity_make(&a, 1);
	identity_make(&b, 2);
	crypto_sign_detached(signature, NULL, (const uint8_t *)"mesh", 4, a.sign_secret);
	assert_int_equal(crypto_sign_verify_detached(signature, (const uint8_t *)"mesh", 4, a.public.sign), 0);
	assert_int_not_equal(crypto_sign_verify_detached(signature, (const uint8_t *)"mesh", 4, b.public.sign), 0);
	assert_int_equal(crypto_scalarmult(ab, a.dh_secret, b.public.dh), 0);
	assert_int_equal(crypto_scalarmult(ba, b.dh_secret, a.public.dh), 0);
	assert_memory_equal(ab, ba, KEY_LEN);
}

/* Expected values by another implementation of BLAKE2b (Python's hashlib). */
static void address_and_router_id_are_cut_from_the_hash(void **state)
{
	struct identity_public id;
	uint8_t hash[32], rid[8];

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		id.sign[i] = (uint8_t)i;
		id.dh[i] = (uint8_t)(32 + i);
	}
	identity_hash(hash, &id);
	hex_equal(hash, 32, "10d8e6d534b00939843fe9dcc4dae48cdf008f6b8b2b82b156f5404d874887f5");
	struct address address = identity_address(&id, 0x0a1b2c3d);
	address_text_equal(&address, "fd30:d575:cb22:10d8:e6d5:34b0:939:843f");
	identity_router_id(rid, &id);
	hex_equal(rid, 8, "e6d534b00939843f");
}

static void deployments_have_their_own_prefix(void **state)
{
	struct prefix p = deployment_prefix(0x0a1b2c3d), zero = deployment_prefix(0);

	(void)state;
	assert_int_equal(p.plen, 48);
	address_text_equal(&p.address, "fd30:d575:cb22::");
	assert_int_equal(zero.plen, 48);
	address_text_equal(&zero.address, "fd11:da6d:1f76::");
}

static void router_id_is_the_low_half_of_every_address(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 50; i++) {
		struct secret_identity id;
		uint8_t rid[8];
		struct prefix deployment = deployment_prefix(i * 77);

		identity_make(&id, i);
		struct address address = identity_address(&id.public, i * 77);
		identity_router_id(rid, &id.public);
		assert_memory_equal(rid, address.bytes + 8, 8);
		assert_true(prefix_contains_address(&deployment, &address));
	}
}

static void each_key_changes_the_hash(void **state)
{
	uint8_t hash[32], other[32];
	struct secret_identity id;

	(void)state;
	identity_make(&id, 3);
	identity_hash(hash, &id.public);
	for (size_t i = 0; i < sizeof(id.public); i++) {
		struct identity_public changed = id.public;

		((uint8_t *)&changed)[i] ^= 1;
		identity_hash(other, &changed);
		assert_memory_not_equal(hash, other, 32);
	}
}

static void authority_is_named_by_its_key(void **state)
{
	struct authority a = { .deployment = 5 };

	(void)state;
	for (unsigned i = 0; i < SIGN_PUBLIC_LEN; i++)
		a.sign_public[i] = (uint8_t)i;
	assert_int_equal(authority_id(&a), 0xcb2f5160);
	a.deployment = 6;
	assert_int_equal(authority_id(&a), 0xcb2f5160);
}

static void authority_begins_at_serial_1(void **state)
{
	struct secret_authority a, b, c;

	(void)state;
	authority_make(&a, 1);
	authority_make(&b, 1);
	authority_make(&c, 2);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.next_serial, 1);
	assert_int_not_equal(a.public.deployment, c.public.deployment);
	assert_memory_not_equal(a.psk, c.psk, KEY_LEN);
	assert_memory_not_equal(a.public.sign_public, c.public.sign_public, SIGN_PUBLIC_LEN);
}

static void no_deployment_is_zero(void **state)
{
	uint8_t bytes[32 + 32 + 4 + 4 + 4] = { [72] = 9, 9, 9, 9 };
	struct script script = { reader_of(bytes_of(bytes, sizeof(bytes))) };
	struct random random = { .fill = script_fill, .user = &script };
	struct secret_authority a;

	(void)state;
	authority_generate(&a, &random);
	assert_int_equal(a.public.deployment, 0x09090909);
}

static void secrets_are_wiped(void **state)
{
	struct secret_identity id;
	struct secret_authority a;

	(void)state;
	identity_make(&id, 4);
	authority_make(&a, 4);
	assert_false(is_zero(id.sign_secret, SIGN_SECRET_LEN) || is_zero(a.psk, KEY_LEN));
	identity_done(&id);
	authority_done(&a);
	assert_true(is_zero(&id, sizeof(id)));
	assert_true(is_zero(&a, sizeof(a)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_keys_follow_from_secrets__rfc8032_rfc7748),
		cmocka_unit_test(one_seed_makes_one_identity),
		cmocka_unit_test(keys_do_their_work),
		cmocka_unit_test(address_and_router_id_are_cut_from_the_hash),
		cmocka_unit_test(deployments_have_their_own_prefix),
		cmocka_unit_test(router_id_is_the_low_half_of_every_address),
		cmocka_unit_test(each_key_changes_the_hash),
		cmocka_unit_test(authority_is_named_by_its_key),
		cmocka_unit_test(authority_begins_at_serial_1),
		cmocka_unit_test(no_deployment_is_zero),
		cmocka_unit_test(secrets_are_wiped),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
