/* Where the page is served: page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

#define LINKS "links: [{name: a, preset: fibre}]\n"

static void served_at(unsigned i, const char *address, unsigned port)
{
	char text[ADDRESS_TEXT];

	assert_false(config.page.places[i].is_lan);
	assert_string_equal(address_format(&config.page.places[i].address, text), address);
	assert_int_equal(config.page.places[i].port, port);
}

static void without_a_word_it_is_for_this_machine(void **state)
{
	(void)state;
	assert_int_equal(good(LINKS)->page.place_count, 1);
	served_at(0, "127.0.0.1", 8080);
	assert_true(config.page.has_pairing);
}

static void places_are_taken_in_their_order(void **state)
{
	(void)state;
	good("node: {lan: eth0}\npage:\n  port: 8081\n  pairing: no\n  listen: [loopback, lan, \"10.7.1.1:8082\", "
	     "\"[fd00::1]:80\"]\n" LINKS);
	assert_int_equal(config.page.place_count, 4);
	served_at(0, "127.0.0.1", 8081);
	assert_true(config.page.places[1].is_lan);
	assert_int_equal(config.page.places[1].port, 8081);
	served_at(2, "10.7.1.1", 8082);
	served_at(3, "fd00::1", 80);
	assert_false(config.page.has_pairing);
}

static void it_can_be_left_out(void **state)
{
	(void)state;
	assert_int_equal(good("page: {serve: no}\n" LINKS)->page.place_count, 0);
}

static void what_is_no_place_is_refused_with_its_line(void **state)
{
	static const struct refusal cases[] = {
		{ "page: yes\n" LINKS, "m.yaml:1: \"page\" takes fields; write page: {listen: [loopback, lan]}" },
		{ "page:\n  serve: maybe\n" LINKS,
			"m.yaml:2: page: serve \"maybe\" is neither yes nor no; write one of them" },
		{ "page:\n  pairing: 3\n" LINKS,
			"m.yaml:2: page: pairing \"3\" is neither yes nor no; write one of them" },
		{ "page:\n  port: 70000\n" LINKS,
			"m.yaml:2: page: port \"70000\" is none; write 1 to 65535, 8080 is usual" },
		{ "page:\n  listen: lan\n" LINKS,
			"m.yaml:2: page: \"listen\" takes a list; write listen: [loopback, lan, ADDRESS]" },
		{ "page:\n  listen:\n    - loopback\n    - lan\n" LINKS,
			"m.yaml:4: page: \"lan\" is where the devices of node: lan are; write that as well, or an "
			"address here" },
		{ "page:\n  listen: [0.0.0.0]\n" LINKS,
			"m.yaml:2: page: \"0.0.0.0\" is every address, those of the links as well; write loopback, "
			"lan, or the addresses themselves" },
		{ "page:\n  listen: [\"[::]:80\"]\n" LINKS,
			"m.yaml:2: page: \"[::]:80\" is none of loopback, lan, ADDRESS, ADDRESS:PORT; names are not "
			"looked up here" },
		{ "page:\n  listen: [post.example.org]\n" LINKS,
			"m.yaml:2: page: \"post.example.org\" is none of loopback, lan, ADDRESS, ADDRESS:PORT; names "
			"are not looked up here" },
		{ "page:\n  listen: [loopback, \"127.0.0.1:8080\"]\n" LINKS,
			"m.yaml:2: page: \"127.0.0.1:8080\" is the same as entry 1; write it once" },
		{ "node: {lan: eth0}\npage:\n  listen:\n    - 10.7.1.1\n    - lan\n" LINKS,
			"m.yaml:4: page: entry 1 and lan have the same port; write another behind the address: "
			"ADDRESS:8081" },
		{ "page:\n  listn: [loopback]\n" LINKS,
			"m.yaml:2: page: \"listn\" is not a field; did you mean \"listen\"?" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_it_is_for_this_machine),
		cmocka_unit_test(places_are_taken_in_their_order),
		cmocka_unit_test(it_can_be_left_out),
		cmocka_unit_test(what_is_no_place_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
