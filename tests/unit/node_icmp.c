/* ICMP errors: what they say, how much they quote, and when there is none. */
#include "tests/unit/node_packets.h"

#include "meshd/node/state.h"

#define V6_SELF "fd00::aa"

static uint8_t out[1500];

static size_t error_about(const struct test_packet *p, enum icmp_error error, unsigned mtu)
{
	struct address self = addr(V6_SELF);

	memset(out, 0xee, sizeof(out));
	return icmp_error_write(out, sizeof(out), bytes_of(p->data, p->len), error, mtu, &self);
}

static bool address_at(size_t at, const char *text)
{
	struct address a = addr(text);

	return memcmp(out + at, a.bytes, a.family == FAMILY_IPV4 ? 4 : 16) == 0;
}

static void check_v6(size_t len, uint8_t type, uint8_t code, uint32_t parameter)
{
	size_t icmp_len = len - 40;

	assert_true(len >= 48);
	assert_int_equal(out[0] >> 4, 6);
	assert_int_equal(out[4] << 8 | out[5], icmp_len);
	assert_int_equal(out[6], 58);
	assert_int_equal(out[7], 64);
	assert_true(address_at(8, V6_SELF));
	assert_int_equal(out[40], type);
	assert_int_equal(out[41], code);
	assert_int_equal((uint32_t)out[44] << 24 | out[45] << 16 | out[46] << 8 | out[47], parameter);
	/* Addresses, length and protocol are summed with the message. */
	uint32_t pseudo = ones_sum(out + 8, 32, (uint32_t)icmp_len + 58);
	assert_int_equal(ones_sum(out + 40, icmp_len, pseudo), 0xffff);
}

static void check_v4(size_t len, uint8_t type, uint8_t code, uint16_t mtu)
{
	assert_true(len >= 28);
	assert_int_equal(out[0], 0x45);
	assert_int_equal(out[2] << 8 | out[3], len);
	assert_int_equal(out[9], 1);
	assert_true(ipv4_checksum_holds(out));
	assert_int_equal(out[20], type);
	assert_int_equal(out[21], code);
	assert_int_equal(out[24] << 8 | out[25], 0);
	assert_int_equal(out[26] << 8 | out[27], mtu);
	assert_int_equal(ones_sum(out + 20, len - 20, 0), 0xffff);
}

static void errors_have_their_types__rfc4443(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 5, 100);
	check_v6(error_about(&p, ICMP_NO_ROUTE, 0), 1, 0, 0);
	check_v6(error_about(&p, ICMP_PROHIBITED, 0), 1, 1, 0);
	check_v6(error_about(&p, ICMP_TIME_EXCEEDED, 0), 3, 0, 0);
	check_v6(error_about(&p, ICMP_TOO_BIG, 1280), 2, 0, 1280);
	assert_true(address_at(24, "fd00::1"));
	assert_memory_equal(out + 48, p.data, p.len);
}

static void errors_have_their_types__rfc792_1191_1812(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "10.0.0.1", "10.0.0.2", PROTOCOL_UDP, 5, 100);
	check_v4(error_about(&p, ICMP_NO_ROUTE, 0), 3, 0, 0);
	check_v4(error_about(&p, ICMP_PROHIBITED, 0), 3, 13, 0);
	check_v4(error_about(&p, ICMP_TIME_EXCEEDED, 0), 11, 0, 0);
	check_v4(error_about(&p, ICMP_TOO_BIG, 1400), 3, 4, 1400);
	assert_true(address_at(16, "10.0.0.1"));
	assert_memory_equal(out + 28, p.data, p.len);
}

static void ipv4_error_needs_no_ipv4_address__rfc7600_rfc9229(void **state)
{
	struct address self = addr("192.168.7.1");
	struct test_packet p;

	(void)state;
	packet_build(&p, "10.0.0.1", "10.0.0.2", PROTOCOL_UDP, 5, 8);
	check_v4(error_about(&p, ICMP_NO_ROUTE, 0), 3, 0, 0);
	assert_true(address_at(12, "192.0.0.8"));
	check_v4(icmp_error_write(out, sizeof(out), bytes_of(p.data, p.len), ICMP_NO_ROUTE, 0, &self), 3, 0, 0);
	assert_true(address_at(12, "192.168.7.1"));
}

static void as_much_is_quoted_as_fits(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 5, 1460);
	assert_int_equal(error_about(&p, ICMP_TOO_BIG, 1300), 1280);
	check_v6(1280, 2, 0, 1300);
	assert_memory_equal(out + 48, p.data, 1280 - 48);
	packet_build(&p, "10.0.0.1", "10.0.0.2", PROTOCOL_UDP, 5, 1400);
	assert_int_equal(error_about(&p, ICMP_TOO_BIG, 1300), 576);
	check_v4(576, 3, 4, 1300);
	assert_memory_equal(out + 28, p.data, 576 - 28);
	/* Odd lengths sum as if a zero byte followed. */
	packet_build(&p, "10.0.0.1", "10.0.0.2", PROTOCOL_UDP, 5, 33);
	check_v4(error_about(&p, ICMP_NO_ROUTE, 0), 3, 0, 0);
}

static void no_error_fits_into_too_little_room(void **state)
{
	struct address self = addr(V6_SELF);
	struct test_packet p;

	(void)state;
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 5, 100);
	for (size_t capacity = 0; capacity < 48 + p.len; capacity++)
		assert_int_equal(icmp_error_write(out, capacity, bytes_of(p.data, p.len), ICMP_NO_ROUTE, 0, &self), 0);
	assert_int_equal(
		icmp_error_write(out, 48 + p.len, bytes_of(p.data, p.len), ICMP_NO_ROUTE, 0, &self), 48 + p.len);
}

static void icmp_about(bool v4, uint8_t type, bool expected)
{
	struct test_packet p;

	packet_build(&p, v4 ? "10.0.0.1" : "fd00::1", v4 ? "10.0.0.2" : "fd00::2", v4 ? 1 : 58, 5, 16);
	p.data[v4 ? 20 : 40] = type;
	assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0) > 0, expected);
	/* The type itself is missing: it could be an error. */
	p.len = v4 ? 20 : 40;
	assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
}

static void there_is_no_error_about_an_error__rfc1122_3_2_2__rfc4443_2_4(void **state)
{
	static const uint8_t errors_v4[] = { 3, 4, 5, 11, 12 }, others_v4[] = { 0, 8, 13, 14 };
	static const uint8_t errors_v6[] = { 1, 2, 3, 4, 127, 137 }, others_v6[] = { 128, 129, 135 };

	(void)state;
	for (size_t i = 0; i < sizeof(errors_v4); i++)
		icmp_about(true, errors_v4[i], false);
	for (size_t i = 0; i < sizeof(others_v4); i++)
		icmp_about(true, others_v4[i], true);
	for (size_t i = 0; i < sizeof(errors_v6); i++)
		icmp_about(false, errors_v6[i], false);
	for (size_t i = 0; i < sizeof(others_v6); i++)
		icmp_about(false, others_v6[i], true);
}

static void an_error_behind_ipv4_options_is_seen(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "10.0.0.1", "10.0.0.2", 1, 5, 32);
	p.data[0] = 0x47;
	p.data[20] = 8; /* an option's byte, that looks like an echo request */
	p.data[28] = 3;
	assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
	p.data[20] = 3;
	p.data[28] = 8;
	assert_true(error_about(&p, ICMP_NO_ROUTE, 0) > 0);
}

static void an_error_behind_extension_headers_is_seen(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "fd00::1", "fd00::2", 0, 5, 80);
	uint8_t *e = p.data + 40;

	memset(e, 0, 80);
	e[0] = 60; /* hop by hop, 16 bytes: destination options next */
	e[1] = 1;
	e[16] = 51; /* 8 bytes: authentication next */
	e[24] = 44; /* 4 * (4 + 2) = 24 bytes: fragment next */
	e[25] = 4;
	e[48] = 43; /* first fragment: routing next */
	e[51] = 1;
	e[56] = 58; /* 8 bytes: ICMPv6 */
	e[64] = 1;
	assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
	e[64] = 128;
	assert_true(error_about(&p, ICMP_NO_ROUTE, 0) > 0);
	/* A chain that ends in the middle of a header. */
	for (size_t len = 40; len < 40 + 65; len++) {
		p.len = len;
		assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
	}
}

static void there_is_no_error_about_a_later_fragment(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "10.0.0.1", "10.0.0.2", PROTOCOL_UDP, 5, 64);
	p.data[6] = 0x20; /* the first of several */
	assert_true(error_about(&p, ICMP_NO_ROUTE, 0) > 0);
	p.data[7] = 1;
	assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
	packet_build(&p, "fd00::1", "fd00::2", 44, 5, 64);
	p.data[40] = PROTOCOL_UDP;
	p.data[42] = 0;
	p.data[43] = 1;
	assert_true(error_about(&p, ICMP_NO_ROUTE, 0) > 0);
	p.data[43] = 8;
	assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
}

static void errors_go_to_single_hosts_only(void **state)
{
	static const char *const v4[] = { "0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
		"255.255.255.255" };
	static const char *const v6[] = { "::", "::1", "fe80::1", "ff02::1", "ff0e::1", "::ffff:10.0.0.1" };
	struct test_packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
		packet_build(&p, v4[i], "10.0.0.2", PROTOCOL_UDP, 5, 64);
		assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
		packet_build(&p, "10.0.0.2", v4[i], PROTOCOL_UDP, 5, 64);
		assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
	}
	for (size_t i = 0; i < sizeof(v6) / sizeof(v6[0]); i++) {
		packet_build(&p, v6[i], "fd00::2", PROTOCOL_UDP, 5, 64);
		assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
		packet_build(&p, "fd00::2", v6[i], PROTOCOL_UDP, 5, 64);
		assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
	}
}

/* Each prefix of each packet in a buffer of its own size: ASan sees an overread. */
static void truncated_and_foreign_bytes_get_no_error(void **state)
{
	struct address self = addr(V6_SELF);
	struct test_packet p;

	(void)state;
	for (unsigned family = 0; family < 2; family++) {
		size_t header_len = family ? 40 : 20;

		packet_build(&p, family ? "fd00::1" : "10.0.0.1", family ? "fd00::2" : "10.0.0.2", PROTOCOL_UDP, 5, 8);
		for (size_t len = 0; len < header_len; len++) {
			uint8_t *exact = test_malloc(len + 1);

			memcpy(exact + 1, p.data, len);
			assert_int_equal(
				icmp_error_write(out, sizeof(out), bytes_of(exact + 1, len), ICMP_NO_ROUTE, 0, &self),
				0);
			test_free(exact);
		}
	}
	for (unsigned version = 0; version < 16; version++) {
		p.data[0] = (uint8_t)(version << 4);
		assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0) > 0, version == 6);
	}
	packet_build(&p, "10.0.0.1", "10.0.0.2", PROTOCOL_UDP, 5, 8);
	p.data[0] = 0x44; /* a header shorter than a header */
	assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
	p.data[0] = 0x4f; /* longer than the packet */
	assert_int_equal(error_about(&p, ICMP_NO_ROUTE, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_have_their_types__rfc4443),
		cmocka_unit_test(errors_have_their_types__rfc792_1191_1812),
		cmocka_unit_test(ipv4_error_needs_no_ipv4_address__rfc7600_rfc9229),
		cmocka_unit_test(as_much_is_quoted_as_fits),
		cmocka_unit_test(no_error_fits_into_too_little_room),
		cmocka_unit_test(there_is_no_error_about_an_error__rfc1122_3_2_2__rfc4443_2_4),
		cmocka_unit_test(an_error_behind_ipv4_options_is_seen),
		cmocka_unit_test(an_error_behind_extension_headers_is_seen),
		cmocka_unit_test(there_is_no_error_about_a_later_fragment),
		cmocka_unit_test(errors_go_to_single_hosts_only),
		cmocka_unit_test(truncated_and_foreign_bytes_get_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
