/* Peers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

static void peers_are_read_in_every_usual_spelling(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} cases[] = {
		{ "gw.example.org", "gw.example.org", 6697 },
		{ "gw.example.org:7000", "gw.example.org", 7000 },
		{ "gw", "gw", 6697 },
		{ "3com.example", "3com.example", 6697 },
		{ "node_7-a.example:65535", "node_7-a.example", 65535 },
		{ "203.0.113.7", "203.0.113.7", 6697 },
		{ "203.0.113.7:1", "203.0.113.7", 1 },
		{ "2001:db8::1", "2001:db8::1", 6697 },
		{ "[2001:db8::1]", "2001:db8::1", 6697 },
		{ "[2001:db8::1]:7000", "2001:db8::1", 7000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[160];

		sprintf(text, "links: [{name: a, preset: fibre, peers: ['%s']}]\n", cases[i].text);
		const struct config_peer *peer = good(text)->links[0].peers;
		assert_string_equal(peer->host, cases[i].host);
		assert_int_equal(peer->port, cases[i].port);
	}
}

static void what_is_not_a_peer_is_refused(void **state)
{
#define FORMS "write gw.example.org, 203.0.113.7:6697 or \"[2001:db8::1]:6697\""
	static const struct {
		const char *text, *wrong;
	} cases[] = {
		{ "gw.example.org:", "has no port from 1 to 65535 behind its colon" },
		{ "gw.example.org:0", "has no port from 1 to 65535 behind its colon" },
		{ "gw.example.org:65536", "has no port from 1 to 65535 behind its colon" },
		{ "gw.example.org:ssh", "has no port from 1 to 65535 behind its colon" },
		{ "[2001:db8::1]:", "has no port from 1 to 65535 behind its colon" },
		{ "[2001:db8::1", "has an open bracket" },
		{ "[2001:db8::1]7", "has an open bracket" },
		{ "[203.0.113.7]:7", "is neither an address nor a host name" },
		{ "[gw.example.org]", "is neither an address nor a host name" },
		{ "[]:7", "is neither an address nor a host name" },
		{ "2001:db8::g", "is neither an address nor a host name" },
		{ "203.0.113.256", "is neither an address nor a host name" },
		{ "203.0.113", "is neither an address nor a host name" },
		{ "fe80::1%eth0", "is neither an address nor a host name" },
		{ ":6697", "is neither an address nor a host name" },
		{ "udp://gw.example.org", "has no port from 1 to 65535 behind its colon" },
		{ "gw example", "is neither an address nor a host name" },
		{ "-gw", "is neither an address nor a host name" },
		{ ".gw", "is neither an address nor a host name" },
		{ "gw;reboot", "is neither an address nor a host name" },
		{ "0.0.0.0", "is not the address of one host" },
		{ "::", "is not the address of one host" },
		{ "[ff02::1]:6697", "is not the address of one host" },
		{ "224.0.0.1", "is not the address of one host" },
	};
	char text[256], line[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		sprintf(text, "links:\n- name: a\n  preset: fibre\n  peers:\n  - b\n  - \"%s\"\n", cases[i].text);
		sprintf(line, "m.yaml:6: link \"a\": peer \"%s\" %s; " FORMS, cases[i].text, cases[i].wrong);
		refused_as(text, line);
	}
}

static void long_peers_are_refused_up_to_the_byte(void **state)
{
	char text[256];

	(void)state;
	sprintf(text, "links: [{name: a, preset: fibre, peers: [%s%.27s:65535]}]\n", HUNDRED, HUNDRED);
	refused_as(text, "m.yaml:1: link \"a\": peer \"" TEN TEN TEN TEN TEN TEN TEN TEN
			 "\" is neither an address nor a host name; " FORMS);
	sprintf(text, "links: [{name: a, preset: fibre, peers: [h%s%.26s:65535]}]\n", HUNDRED, HUNDRED);
	assert_int_equal(strlen(good(text)->links[0].peers[0].host), 127);
	sprintf(text, "links: [{name: a, preset: fibre, peers: [h%s%.27s]}]\n", HUNDRED, HUNDRED);
	assert_int_equal(parse(text), -EINVAL);
	assert_non_null(strstr(error, "\" is too long; "));
	sprintf(text, "links: [{name: a, preset: fibre, peers: [h%s%.40s]}]\n", HUNDRED, HUNDRED);
	assert_int_equal(parse(text), -EINVAL);
	assert_non_null(strstr(error, "\" is too long; "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_are_read_in_every_usual_spelling),
		cmocka_unit_test(what_is_not_a_peer_is_refused),
		cmocka_unit_test(long_peers_are_refused_up_to_the_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
