/* Endpoints: what the node compares, and their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/io/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static struct endpoint of_v6(const char *address, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope };

	assert_int_equal(inet_pton(AF_INET6, address, &a.sin6_addr), 1);
	return endpoint_of_sockaddr((struct sockaddr *)&a);
}

static struct endpoint of_v4(const char *address, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
	return endpoint_of_sockaddr((struct sockaddr *)&a);
}

static bool same(const struct endpoint *a, const struct endpoint *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, ENDPOINT_MAX) == 0;
}

static void an_ipv4_peer_is_the_same_by_both_families(void **state)
{
	struct endpoint a = of_v4("192.0.2.1", 6697), b = of_v6("::ffff:192.0.2.1", 6697, 0);

	(void)state;
	assert_true(same(&a, &b));
	b = of_v6("::ffff:192.0.2.1", 6698, 0);
	assert_false(same(&a, &b));
}

static void scope_counts_for_link_local_addresses_only(void **state)
{
	struct endpoint a = of_v6("2001:db8::1", 1, 3), b = of_v6("2001:db8::1", 1, 4);

	(void)state;
	assert_true(same(&a, &b));
	a = of_v6("fe80::1", 1, 3);
	b = of_v6("fe80::1", 1, 4);
	assert_false(same(&a, &b));
}

static void other_families_are_no_endpoint(void **state)
{
	struct sockaddr a = { .sa_family = AF_UNIX };
	struct endpoint e = endpoint_of_sockaddr(&a), mac = endpoint_of_mac((const uint8_t[]){ 2, 0, 0x5e, 0, 0, 1 });
	struct sockaddr_storage out;
	socklen_t len;

	(void)state;
	assert_int_equal(e.len, 0);
	assert_false(endpoint_to_sockaddr(&e, &out, &len));
	assert_false(endpoint_to_sockaddr(&mac, &out, &len));
}

static void text_is_as_documented(void **state)
{
	char text[ENDPOINT_TEXT];
	struct endpoint e = of_v4("192.0.2.1", 6697);

	(void)state;
	assert_string_equal(endpoint_format(&e, text), "192.0.2.1:6697");
	e = of_v6("fe80::1", 6697, 2);
	assert_string_equal(endpoint_format(&e, text), "[fe80::1%2]:6697");
	e = of_v6("2001:db8::1", 65535, 0);
	assert_string_equal(endpoint_format(&e, text), "[2001:db8::1]:65535");
	e = endpoint_of_mac((const uint8_t[]){ 2, 0, 0x5e, 0, 0, 0xff });
	assert_string_equal(endpoint_format(&e, text), "02:00:5e:00:00:ff");
	e = (struct endpoint){ 0 };
	assert_string_equal(endpoint_format(&e, text), "none");
}

/* One endpoint of each kind, by chance. */
static struct endpoint endpoint_drawn(struct prng *p)
{
	struct sockaddr_in6 a = {
		.sin6_family = AF_INET6, .sin6_port = (uint16_t)prng_next(p), .sin6_scope_id = (uint32_t)prng_next(p)
	};
	struct random r = prng_random(p);
	uint8_t mac[IO_MAC_LEN];

	random_fill(&r, &a.sin6_addr, 16);
	switch (prng_below(p, 4)) {
	case 0:
		random_fill(&r, mac, sizeof(mac));
		return endpoint_of_mac(mac);
	case 1:
		memcpy(&a.sin6_addr, (const uint8_t[12]){ [10] = 0xff, [11] = 0xff }, 12);
		break;
	case 2:
		memcpy(&a.sin6_addr, (const uint8_t[2]){ 0xfe, 0x80 }, 2);
		break;
	}
	return endpoint_of_sockaddr((struct sockaddr *)&a);
}

static void text_reads_back_to_the_same_endpoint(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 1);
	for (unsigned i = 0; i < 20000; i++) {
		struct endpoint e = endpoint_drawn(&prng), back;
		char text[ENDPOINT_TEXT];

		assert_int_equal(endpoint_parse(&back, endpoint_format(&e, text)), 0);
		if (!same(&e, &back))
			fail_msg("%s (draw %u)", text, i);
	}
}

static void socket_address_leads_back_to_the_same_endpoint(void **state)
{
	struct endpoint e = of_v6("fe80::1", 6697, 7), back;
	struct sockaddr_storage address;
	socklen_t len = 0;

	(void)state;
	assert_true(endpoint_to_sockaddr(&e, &address, &len));
	assert_int_equal(len, sizeof(struct sockaddr_in6));
	back = endpoint_of_sockaddr((struct sockaddr *)&address);
	assert_true(same(&e, &back));
}

static void malformed_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		":",
		"none",
		"192.0.2.1",
		"192.0.2.1:",
		"192.0.2.1:65536",
		"192.0.2.1:-1",
		"192.0.2.1: 1",
		"192.0.2.1:1x",
		"192.0.2.256:1",
		"2001:db8::1:x",
		"[2001:db8::1]",
		"[2001:db8::1]:",
		"[2001:db8::1:1",
		"[2001:db8::1]x:1",
		"[fe80::1%]:1",
		"[fe80::1%eth0]:1",
		"[fe80::1%1]]:1",
		"[192.0.2.1]:1",
		"[]:1",
		"fe80::1:1",
		"02:00:5e:00:00",
		"02:00:5e:00:00:0g",
		"02:00:5e:00:00:01:02",
		"02-00-5e-00-00-01",
		"0200:5e:00:00:001",
		"[fe80::1%4294967296]:1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct endpoint e;

		if (endpoint_parse(&e, texts[i]) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

static void text_longer_than_any_endpoint_is_refused(void **state)
{
	char text[4 * ENDPOINT_TEXT];
	struct endpoint e;

	(void)state;
	memset(text, '1', sizeof(text));
	memcpy(text + sizeof(text) - 3, ":1", 3);
	assert_int_equal(endpoint_parse(&e, text), -EINVAL);
}

static struct endpoint of_text(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_parse(&e, text), 0);
	return e;
}

static void nobody_is_sent_to_where_who_says_so_is_not(void **state)
{
	static const struct {
		const char *by, *to;
		bool is_good;
	} cases[] = {
		{ "203.0.113.1:6697", "198.51.100.7:40000", true },
		{ "[2001:db8::1]:6697", "[2001:db8:7::2]:40000", true },
		/* Into private networks, this machine, or to many. */
		{ "203.0.113.1:6697", "10.0.0.7:40000", false },
		{ "203.0.113.1:6697", "172.16.0.7:40000", false },
		{ "203.0.113.1:6697", "172.32.0.7:40000", true },
		{ "203.0.113.1:6697", "192.168.1.1:40000", false },
		{ "203.0.113.1:6697", "100.64.0.7:40000", false },
		{ "203.0.113.1:6697", "127.0.0.1:53", false },
		{ "203.0.113.1:6697", "0.0.0.0:53", false },
		{ "203.0.113.1:6697", "169.254.1.1:53", false },
		{ "203.0.113.1:6697", "224.0.0.1:53", false },
		{ "203.0.113.1:6697", "255.255.255.255:53", false },
		{ "203.0.113.1:6697", "198.51.100.7:0", false },
		{ "[2001:db8::1]:6697", "[::1]:53", false },
		{ "[2001:db8::1]:6697", "[::]:53", false },
		{ "[2001:db8::1]:6697", "[ff02::1]:53", false },
		{ "[2001:db8::1]:6697", "[fe80::1]:53", false },
		{ "[2001:db8::1]:6697", "[fe80::1%3]:53", false },
		{ "[2001:db8::1]:6697", "[fd00::1]:53", false },
		/* IPv4 in other clothes. */
		{ "[2001:db8::1]:6697", "[::10.0.0.1]:53", false },
		{ "[2001:db8::1]:6697", "[64:ff9b::a00:1]:53", false },
		{ "[2001:db8::1]:6697", "[2002:a00:1::1]:53", false },
		{ "[2001:db8::1]:6697", "[2001:0:a00:1::1]:53", false },
		/* By the way that leads to him nobody of the other family is reached. */
		{ "203.0.113.1:6697", "[2001:db8:7::2]:40000", false },
		{ "[2001:db8::1]:6697", "198.51.100.7:40000", false },
		/* A private network that he is in himself. */
		{ "10.9.9.9:6697", "10.0.0.7:40000", true },
		{ "10.9.9.9:6697", "192.168.1.1:40000", false },
		{ "10.9.9.9:6697", "198.51.100.7:40000", true },
		{ "100.100.0.1:6697", "100.64.0.7:40000", true },
		{ "[fd00:1:2::1]:6697", "[fd00:1:2:7::1]:40000", true },
		{ "[fd00:1:2::1]:6697", "[fd00:1:3::1]:40000", false },
		/* Not by a radio. */
		{ "02:00:00:00:00:01", "198.51.100.7:40000", false },
		{ "203.0.113.1:6697", "02:00:00:00:00:01", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint by = of_text(cases[i].by), to = of_text(cases[i].to);

		if (endpoint_is_introducible(&by, &to) != cases[i].is_good)
			fail_msg("%s says that a member is at %s", cases[i].by, cases[i].to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_peer_is_the_same_by_both_families),
		cmocka_unit_test(scope_counts_for_link_local_addresses_only),
		cmocka_unit_test(other_families_are_no_endpoint),
		cmocka_unit_test(text_is_as_documented),
		cmocka_unit_test(text_reads_back_to_the_same_endpoint),
		cmocka_unit_test(socket_address_leads_back_to_the_same_endpoint),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(text_longer_than_any_endpoint_is_refused),
		cmocka_unit_test(nobody_is_sent_to_where_who_says_so_is_not),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
