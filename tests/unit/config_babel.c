/* Links of type babel: what they are without a word, what is written, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

#include <unistd.h>

static void a_babel_link_is_by_the_book__rfc8966_B(void **state)
{
	const struct config_link *l = &good("links: [{type: babel, interface: eth3}]\n")->links[0];

	(void)state;
	assert_int_equal(l->type, CONFIG_BABEL);
	assert_string_equal(l->name, "eth3");
	assert_int_equal(l->cost, CONFIG_COST_WIRED);
	assert_int_equal(l->rxcost, 96);
	assert_int_equal(l->hello_ms, 4000);
	assert_int_equal(l->update_s, 16);
	assert_int_equal(l->dead_misses, 0);
	assert_int_equal(l->mtu, 1500 - CONFIG_UDP_OVERHEAD);
	assert_true(l->split_horizon);
	assert_false(l->rtt);
	assert_int_equal(l->accept_count, 0);
	assert_int_equal(l->announce_count, 0);
}

static void a_wireless_one_repeats_what_it_heard__rfc8966_3_7_4(void **state)
{
	const struct config_link *l = &good("links: [{type: babel, interface: wlan0, kind: wireless}]\n")->links[0];

	(void)state;
	assert_int_equal(l->cost, CONFIG_COST_RADIO);
	assert_int_equal(l->rxcost, 256);
	assert_false(l->split_horizon);
}

static void a_babel_link_is_as_written(void **state)
{
	const struct config_link *l =
		&good("links:\n  - {name: lab, type: babel, interface: eth3, kind: wired, cost: 200, hello: 500,\n"
		      "     update: 60, rtt: yes, split-horizon: no, accept: [deny 10.1.9.0/24, 10.1.0.0/16 +5],\n"
		      "     announce: [deny any 0]}\n")
			 ->links[0];

	(void)state;
	assert_int_equal(l->rxcost, 200);
	assert_int_equal(l->hello_ms, 500);
	assert_int_equal(l->update_s, 60);
	assert_true(l->rtt);
	assert_false(l->split_horizon);
	assert_int_equal(l->accept_count, 2);
	assert_true(l->accept[0].is_deny);
	assert_int_equal(l->accept[1].cost, 5);
	assert_int_equal(l->announce_count, 1);
}

static void a_link_between_members_has_rules_by_name(void **state)
{
	const struct config_link *l = &good("links:\n  - {name: hill, interface: eth3, preset: mesh-radio,\n"
					    "     accept: [deny 10.1.9.0/24 from relay-2, any +96 from relay-3],\n"
					    "     announce: [deny any 0 to relay-2]}\n")
					       ->links[0];

	(void)state;
	assert_int_equal(l->type, CONFIG_ETHERNET);
	assert_int_equal(l->accept_count, 2);
	assert_string_equal(l->accept[0].name, "relay-2");
	assert_int_equal(l->accept[1].cost, 96);
	assert_int_equal(l->announce_count, 1);
	assert_true(l->announce[0].is_to);
}

static void updates_follow_the_hellos(void **state)
{
	(void)state;
	assert_int_equal(good("links: [{type: babel, interface: a, hello: 1000}]\n")->links[0].update_s, 4);
	assert_int_equal(good("links: [{type: babel, interface: a, hello: 20}]\n")->links[0].update_s, 1);
	assert_int_equal(good("links: [{type: babel, interface: a, hello: 600000}]\n")->links[0].update_s, 655);
}

static void routes_go_where_the_file_says(void **state)
{
	const struct config *c = good("links: [{type: babel, interface: a}]\n");

	(void)state;
	assert_int_equal(c->table, 254);
	assert_int_equal(c->route_metric, 4096);
	c = good("node: {table: 90, metric: 20}\nlinks: [{type: babel, interface: a}]\n");
	assert_int_equal(c->table, 90);
	assert_int_equal(c->route_metric, 20);
	assert_int_equal(good("node: {table: main}\nlinks: [{type: babel, interface: a}]\n")->table, 254);
}

static void what_makes_no_babel_link_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n  - name: b\n    type: babel\n",
			"m.yaml:2: link \"b\": no interface; add interface: with the port that the routers are on" },
		{ "links:\n  - type: babel\n    interface: b\n    preset: fibre\n",
			"m.yaml:4: link \"b\": a babel link has no preset: it is plain Babel on its interface; remove "
			"it" },
		{ "links:\n  - type: babel\n    interface: b\n    kind: fibre\n",
			"m.yaml:4: link \"b\": kind \"fibre\" is not known; write wired (a cable, a tunnel) or "
			"wireless (a "
			"radio that loses)" },
		{ "links:\n  - type: babel\n    interface: b\n    cost: 0\n",
			"m.yaml:4: link \"b\": cost \"0\" is out of range; write 1 to 32767, 96 is usual here" },
		{ "links:\n  - type: babel\n    interface: b\n    hello: 15\n",
			"m.yaml:4: link \"b\": hello \"15\" is out of range; write 20 to 600000 (milliseconds, in "
			"tens), "
			"4000 is usual" },
		{ "links:\n  - type: babel\n    interface: b\n    hello: 25\n",
			"m.yaml:4: link \"b\": hello \"25\" is out of range; write 20 to 600000 (milliseconds, in "
			"tens), "
			"4000 is usual" },
		{ "links:\n  - type: babel\n    interface: b\n    update: 656\n",
			"m.yaml:4: link \"b\": update \"656\" is out of range; write 1 to 655 (seconds), four Hellos "
			"are "
			"usual" },
		{ "links:\n  - type: babel\n    interface: b\n    rtt: maybe\n",
			"m.yaml:4: link \"b\": rtt \"maybe\" is neither yes nor no; write one of them" },
		{ "links:\n  - type: babel\n    interface: b\n    accept: 10.0.0.0/8\n",
			"m.yaml:4: link 1: \"accept\" takes a list; write accept: [PREFIX, deny PREFIX]" },
		{ "links:\n  - type: babel\n    interface: b\n    accept:\n      - 10.0.0.0/8\n      - 10.0.0.1/8\n",
			"m.yaml:6: link \"b\": rule \"10.0.0.1/8\" has bits set beyond its length; write the network's "
			"own "
			"address, as 10.1.0.0/16" },
		{ "links:\n  - type: babel\n    interface: b\n    announce:\n      - any from fe80::1\n",
			"m.yaml:5: link \"b\": rule \"any from fe80::1\" names a neighbour, but all of a babel link "
			"are told the same; remove it" },
		{ "links:\n  - type: babel\n    interface: b\n    accept:\n      - any from relay-2\n",
			"m.yaml:5: link \"b\": rule \"any from relay-2\" names a member, but nobody on a babel link "
			"has "
			"proven to be one; write from and its link-local address, as \"from fe80::1\"" },
		{ "links:\n  - interface: b\n    accept: [any from fe80::1]\n",
			"m.yaml:3: link \"b\": rule \"any from fe80::1\" names an address, but members are known by "
			"name; write it, as \"from relay-2\"" },
		{ "links:\n  - interface: b\n    accept: [any to relay-2]\n",
			"m.yaml:3: link \"b\": rule \"any to relay-2\" says who is told, which is for announce; write "
			"from" },
		{ "links:\n  - interface: b\n    announce: [any from relay-2]\n",
			"m.yaml:3: link \"b\": rule \"any from relay-2\" says who has told, which is for accept; write "
			"to" },
		{ "links:\n  - {type: babel, interface: b}\n  - {name: c, type: babel, interface: b}\n",
			"m.yaml:3: link \"c\": interface \"b\" is used by link \"b\" in line 2; remove one of them" },
		{ "node:\n  table: 255\n", "m.yaml:2: node: table \"255\" is none; write main, or the number of a "
					   "routing table of your own "
					   "(see \"ip rule\")" },
		{ "node:\n  metric: 0\n",
			"m.yaml:2: node: metric \"0\" is out of range; write 1 to 2147483647, 4096 is "
			"behind the box's own routes" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void rules_are_bounded(void **state)
{
	char *enough =
		repeated("links: [{type: babel, interface: b, accept: [", "any, ", CONFIG_RULE_MAX - 1, "any]}]\n");
	char *more = repeated("links: [{type: babel, interface: b, accept: [", "any, ", CONFIG_RULE_MAX, "any]}]\n");

	(void)state;
	assert_int_equal(good(enough)->links[0].accept_count, CONFIG_RULE_MAX);
	refused_as(more, "m.yaml:1: link 1: more than 32 rules; write wider prefixes");
	free(enough);
	free(more);
}

static void keys_are_digits_or_in_a_file__rfc8967_3_1(void **state)
{
	char path[] = "/tmp/meshd-mac-XXXXXX", yaml[256];
	int fd = mkstemp(path);
	const struct config_link *l;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "00FF7a\nanother line\n", 20), 20);
	snprintf(yaml, sizeof(yaml),
		"links: [{type: babel, interface: b, mac: [0102, hmac-sha256 03, blake2s 04, blake2s %s]}]\n", path);
	l = &good(yaml)->links[0];
	assert_true(l->mac_required);
	assert_int_equal(l->mac_count, 4);
	assert_int_equal(l->mac[0].algorithm, PACKET_HMAC_SHA256);
	assert_int_equal(l->mac[0].len, 2);
	assert_memory_equal(l->mac[0].bytes, "\1\2", 2);
	assert_int_equal(l->mac[1].algorithm, PACKET_HMAC_SHA256);
	assert_int_equal(l->mac[2].algorithm, PACKET_BLAKE2S);
	assert_int_equal(l->mac[3].algorithm, PACKET_BLAKE2S);
	assert_int_equal(l->mac[3].len, 3);
	assert_memory_equal(l->mac[3].bytes, "\0\xff\x7a", 3);
	assert_false(
		good("links: [{type: babel, interface: b, mac: [01], mac-required: no}]\n")->links[0].mac_required);
	close(fd);
	unlink(path);
}

#define REMEDY "write 64 hexadecimal digits (\"openssl rand -hex 32\"), or the path of a file that has them"

static void what_is_no_key_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- {type: babel, interface: b, mac: [\n  01,\n  012]}\n",
			"m.yaml:4: link \"b\": mac key is no pairs of hexadecimal digits; " REMEDY },
		{ "links: [{type: babel, interface: b, mac: [secret]}]\n",
			"m.yaml:1: link \"b\": mac key is no pairs of hexadecimal digits; " REMEDY },
		{ "links: [{type: babel, interface: b, mac: [md5 0102]}]\n",
			"m.yaml:1: link \"b\": mac key is no pairs of hexadecimal digits; " REMEDY },
		{ "links: [{type: babel, interface: b, mac: [/nowhere/key]}]\n",
			"m.yaml:1: link \"b\": mac key file /nowhere/key: No such file or directory; " REMEDY },
		{ "links: [{type: babel, interface: b, mac: [blake2s /dev/null]}]\n",
			"m.yaml:1: link \"b\": mac key file /dev/null: it is empty; " REMEDY },
		{ "links: [{type: babel, interface: b, mac: [blake2s "
		  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20]}]\n",
			"m.yaml:1: link \"b\": mac key has 33 bytes, blake2s takes 1 to 32; " REMEDY },
		{ "links: [{type: babel, interface: b, mac-required: no}]\n",
			"m.yaml:1: link \"b\": mac-required is for links with keys; add mac: [KEY]" },
		{ "links: [{interface: b, mac: [0102]}]\n",
			"m.yaml:1: link \"b\": mac is for links of type babel; remove it, or write type: babel" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_babel_link_is_by_the_book__rfc8966_B),
		cmocka_unit_test(a_wireless_one_repeats_what_it_heard__rfc8966_3_7_4),
		cmocka_unit_test(a_babel_link_is_as_written),
		cmocka_unit_test(updates_follow_the_hellos),
		cmocka_unit_test(a_link_between_members_has_rules_by_name),
		cmocka_unit_test(routes_go_where_the_file_says),
		cmocka_unit_test(what_makes_no_babel_link_is_refused),
		cmocka_unit_test(rules_are_bounded),
		cmocka_unit_test(keys_are_digits_or_in_a_file__rfc8967_3_1),
		cmocka_unit_test(what_is_no_key_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
