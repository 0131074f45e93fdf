/* Addresses and prefixes: text against the C library's, containment against single bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/address.h"
#include "meshd/base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Half of the bytes are zero, so that "::" and leading zeros are met. */
static struct address address_random(struct prng *prng)
{
	uint8_t bytes[16];

	for (int i = 0; i < 16; i++)
		bytes[i] = prng_below(prng, 2) ? (uint8_t)prng_next(prng) : 0;
	return prng_below(prng, 2) ? address_ipv4(bytes) : address_ipv6(bytes);
}

static void addresses_read_and_write_as_the_c_library_does__property(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 1);
	for (int i = 0; i < 20000; i++) {
		struct address a = address_random(&prng), back;
		int family = a.family == FAMILY_IPV4 ? AF_INET : AF_INET6;
		char text[ADDRESS_TEXT], expected[INET6_ADDRSTRLEN];
		uint8_t bytes[16] = { 0 };

		assert_non_null(inet_ntop(family, a.bytes, expected, sizeof(expected)));
		assert_string_equal(address_format(&a, text), expected);
		assert_int_equal(address_parse(&back, text), 0);
		assert_true(address_equal(&a, &back));
		assert_memory_equal(&a, &back, sizeof(a));
		assert_int_equal(inet_pton(family, text, bytes), 1);
		assert_memory_equal(bytes, back.bytes, 16);
	}
}

static void what_is_not_an_address_is_refused(void **state)
{
	static const char *const cases[] = { "", " ", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4",
		"01.2.3.4x", ":", ":::", "1::2::3", "fe80::1%eth0", "[::1]", "12345::", "1:2:3:4:5:6:7", "::1/128",
		"1:2:3:4:5:6:7:8:9", "localhost" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct address a = { .family = 77 };

		assert_int_equal(address_parse(&a, cases[i]), -EINVAL);
		assert_int_equal(a.family, 77);
	}
}

static void no_address_has_a_text_too(void **state)
{
	struct address none = { 0 };
	char text[ADDRESS_TEXT];

	(void)state;
	assert_string_equal(address_format(&none, text), "-");
	assert_int_equal(family_bits(FAMILY_NONE), 0);
	assert_int_equal(family_bits(FAMILY_IPV4), 32);
	assert_int_equal(family_bits(FAMILY_IPV6), 128);
}

static struct address address_of(const char *text)
{
	struct address a;

	assert_int_equal(address_parse(&a, text), 0);
	return a;
}

static struct prefix prefix_read(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static void addresses_are_known_by_kind(void **state)
{
	static const struct {
		const char *text;
		bool is_link_local, is_multicast;
	} cases[] = {
		{ "fe80::", true, false }, { "febf:ffff::1", true, false }, { "fec0::", false, false },
		{ "fe7f::", false, false }, { "ff02::1:6", false, true }, { "feff::", false, false },
		{ "fd00::1", false, false }, { "169.254.0.0", true, false }, { "169.254.255.255", true, false },
		{ "169.253.255.255", false, false }, { "223.255.255.255", false, false }, { "224.0.0.0", false, true },
		{ "239.255.255.255", false, true }, { "240.0.0.0", false, false },
		{ "254.128.0.0", false, false }, /* fe80 as IPv4 */
	};
	struct address none = { .bytes = { 0xfe, 0x80 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct address a = address_of(cases[i].text);

		assert_int_equal(address_is_link_local(&a), cases[i].is_link_local);
		assert_int_equal(address_is_multicast(&a), cases[i].is_multicast);
	}
	assert_false(address_is_link_local(&none));
	assert_false(address_is_multicast(&none));
}

static void order_is_total_and_families_do_not_mix(void **state)
{
	struct address a = address_of("10.0.0.1"), b = address_of("a00:1::"), none = { 0 };
	struct address zero4 = address_of("0.0.0.0"), zero6 = address_of("::");
	struct prng prng;

	(void)state;
	/* The same bytes, but not the same address. */
	assert_memory_equal(a.bytes, b.bytes, 4);
	assert_false(address_equal(&a, &b));
	assert_false(address_equal(&zero4, &zero6));
	assert_false(address_equal(&zero4, &none));
	prng_seed(&prng, 2);
	for (int i = 0; i < 20000; i++) {
		struct address x = address_random(&prng), y = address_random(&prng), z = address_random(&prng);

		assert_int_equal(address_compare(&x, &x), 0);
		assert_true((address_compare(&x, &y) < 0) == (address_compare(&y, &x) > 0));
		if (address_compare(&x, &y) < 0 && address_compare(&y, &z) < 0)
			assert_true(address_compare(&x, &z) < 0);
	}
}

static bool bit_of(const struct address *a, unsigned i)
{
	return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

static void a_prefix_contains_whose_first_bits_are_equal__property(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 3);
	for (int round = 0; round < 20000; round++) {
		struct address a = address_random(&prng), b = prng_below(&prng, 3) ? a : address_random(&prng);
		unsigned plen = (unsigned)prng_below(&prng, family_bits(a.family) + 1);
		struct prefix outer = prefix_of(a, plen);

		/* One bit differs more often than chance would have it. */
		if (prng_below(&prng, 2))
			b.bytes[prng_below(&prng, family_bits(b.family) / 8)] ^= (uint8_t)(1u << prng_below(&prng, 8));
		bool expected = a.family == b.family;
		for (unsigned i = 0; expected && i < plen; i++)
			expected = bit_of(&a, i) == bit_of(&b, i);
		assert_int_equal(prefix_contains_address(&outer, &b), expected);
		unsigned inner_plen = (unsigned)prng_below(&prng, family_bits(b.family) + 1);
		struct prefix inner = prefix_of(b, inner_plen);
		expected = a.family == b.family && inner_plen >= plen;
		for (unsigned i = 0; expected && i < plen; i++)
			expected = bit_of(&a, i) == bit_of(&b, i);
		assert_int_equal(prefix_contains(&outer, &inner), expected);
		assert_true(prefix_contains(&outer, &outer));
	}
}

static void a_prefix_has_no_bits_beyond_its_length__property(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 4);
	for (int round = 0; round < 20000; round++) {
		struct address a = address_random(&prng);
		unsigned bits = family_bits(a.family), plen = (unsigned)prng_below(&prng, 300);
		struct prefix p = prefix_of(a, plen);

		assert_int_equal(p.plen, plen < bits ? plen : bits);
		for (unsigned i = 0; i < 128; i++)
			assert_int_equal(bit_of(&p.address, i), i < p.plen && bit_of(&a, i));
		char text[PREFIX_TEXT];
		struct prefix back = prefix_read(prefix_format(&p, text));
		assert_true(prefix_equal(&p, &back));
		assert_int_equal(prefix_compare(&p, &back), 0);
	}
}

static void the_default_routes_contain_their_family_only(void **state)
{
	struct prefix all6 = prefix_read("::/0"), all4 = prefix_read("0.0.0.0/0");
	struct address v4 = address_of("203.0.113.7"), v6 = address_of("2001:db8::1");

	(void)state;
	assert_true(prefix_contains_address(&all6, &v6));
	assert_false(prefix_contains_address(&all6, &v4));
	assert_true(prefix_contains_address(&all4, &v4));
	assert_false(prefix_contains_address(&all4, &v6));
	assert_false(prefix_contains(&all6, &all4));
	assert_false(prefix_equal(&all6, &all4));
}

static void prefixes_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text, *formatted; /* NULL: refused with `error` */
		int error;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", 0 },
		{ "10.0.0.1", "10.0.0.1/32", 0 },
		{ "fd00::/48", "fd00::/48", 0 },
		{ "FD00:0::1", "fd00::1/128", 0 },
		{ "0.0.0.0/0", "0.0.0.0/0", 0 },
		{ "255.255.255.255/32", "255.255.255.255/32", 0 },
		{ "10.0.0.1/8", NULL, -EDOM },
		{ "fd00::1/127", NULL, -EDOM },
		{ "128.0.0.0/0", NULL, -EDOM },
		{ "10.0.0.0/33", NULL, -EINVAL },
		{ "fd00::/129", NULL, -EINVAL },
		{ "10.0.0.0/", NULL, -EINVAL },
		{ "10.0.0.0/-1", NULL, -EINVAL },
		{ "10.0.0.0/+8", NULL, -EINVAL },
		{ "10.0.0.0/ 8", NULL, -EINVAL },
		{ "10.0.0.0/8 ", NULL, -EINVAL },
		{ "10.0.0.0/8/8", NULL, -EINVAL },
		{ "10.0.0.0/0x8", NULL, -EINVAL },
		{ "10.0.0.0/18446744073709551624", NULL, -EINVAL },
		{ "10.0.0/8", NULL, -EINVAL },
		{ "/8", NULL, -EINVAL },
		{ "", NULL, -EINVAL },
		{ "0000000000000000000000000000000000000000000000000000000000000000", NULL, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct prefix p = { .plen = 77 };
		char text[PREFIX_TEXT];

		assert_int_equal(prefix_parse(&p, cases[i].text), cases[i].error);
		if (cases[i].formatted)
			assert_string_equal(prefix_format(&p, text), cases[i].formatted);
		else
			assert_int_equal(p.plen, 77);
	}
}

static void the_longest_texts_fit(void **state)
{
	struct prefix p = prefix_read("1111:2222:3333:4444:5555:6666:7777:8888");
	char text[PREFIX_TEXT];

	(void)state;
	assert_string_equal(prefix_format(&p, text), "1111:2222:3333:4444:5555:6666:7777:8888/128");
	p = prefix_read("::ffff:255.255.255.255");
	assert_int_equal(p.address.family, FAMILY_IPV6);
	assert_string_equal(prefix_format(&p, text), "::ffff:255.255.255.255/128");
}

static void prefixes_are_ordered_by_address_then_length(void **state)
{
	struct prefix a = prefix_read("10.0.0.0/8"), b = prefix_read("10.0.0.0/9"), c = prefix_read("11.0.0.0/8");
	struct prefix d = prefix_read("::/0");

	(void)state;
	assert_true(prefix_compare(&a, &b) < 0);
	assert_true(prefix_compare(&b, &c) < 0);
	assert_true(prefix_compare(&c, &d) < 0);
	assert_false(prefix_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_and_write_as_the_c_library_does__property),
		cmocka_unit_test(what_is_not_an_address_is_refused),
		cmocka_unit_test(no_address_has_a_text_too),
		cmocka_unit_test(addresses_are_known_by_kind),
		cmocka_unit_test(order_is_total_and_families_do_not_mix),
		cmocka_unit_test(a_prefix_contains_whose_first_bits_are_equal__property),
		cmocka_unit_test(a_prefix_has_no_bits_beyond_its_length__property),
		cmocka_unit_test(the_default_routes_contain_their_family_only),
		cmocka_unit_test(prefixes_are_read_as_people_write_them),
		cmocka_unit_test(the_longest_texts_fit),
		cmocka_unit_test(prefixes_are_ordered_by_address_then_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
