/* Values of the node and of its links: defaults, bounds, and what must hold between links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

static void a_node_needs_no_line_of_its_own(void **state)
{
	const struct config bare = *good("links: [{name: a, preset: fibre}]\n"), *c = &bare;

	(void)state;
	assert_string_equal(c->key_path, "/etc/meshd/node.key");
	assert_string_equal(c->state_dir, "/var/lib/meshd");
	assert_string_equal(c->control_path, "/run/meshd/control.sock");
	assert_string_equal(c->tun, "mesh0");
	assert_int_equal(c->tun_mtu, 1400);
	assert_string_equal(c->lan, "");
	assert_memory_equal(&bare, good("node: {}\nlinks: [{name: a, preset: fibre}]\n"), sizeof(bare));
}

static void a_node_is_as_written(void **state)
{
	const struct config *c = good("node:\n  key: /k\n  state: \"/s t\"\n  control: /c\n  tun: mesh7\n  mtu: 1280\n"
				      "  lan: br-lan\nlinks: [{name: a, preset: fibre}]\n");

	(void)state;
	assert_string_equal(c->key_path, "/k");
	assert_string_equal(c->state_dir, "/s t");
	assert_string_equal(c->control_path, "/c");
	assert_string_equal(c->tun, "mesh7");
	assert_int_equal(c->tun_mtu, 1280);
	assert_string_equal(c->lan, "br-lan");
	good("node: {mtu: 2015}\nlinks: [{name: a, preset: fibre}]\n");
}

static void node_values_out_of_bounds_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "node:\n  mtu: 1279\n", "m.yaml:2: node: mtu \"1279\" is out of range; write 1280 to 2015, 1400 is "
					  "usual" },
		{ "node:\n  mtu: 2016\n", "m.yaml:2: node: mtu \"2016\" is out of range; write 1280 to 2015, 1400 is "
					  "usual" },
		{ "node:\n  mtu: -1400\n", "m.yaml:2: node: mtu \"-1400\" is out of range; write 1280 to 2015, 1400 "
					   "is usual" },
		{ "node:\n  mtu: 0x578\n", "m.yaml:2: node: mtu \"0x578\" is out of range; write 1280 to 2015, 1400 "
					   "is usual" },
		{ "node:\n  mtu: 4294968696\n",
			"m.yaml:2: node: mtu \"4294968696\" is out of range; write 1280 to 2015, 1400 is usual" },
		{ "node:\n  mtu: 1400 bytes\n",
			"m.yaml:2: node: mtu \"1400 bytes\" is out of range; write 1280 to 2015, 1400 is usual" },
		{ "node:\n  key: /k\n  tun: mesh/0\n", "m.yaml:3: node: tun \"mesh/0\" is not an interface name; "
						       "write up to 15 characters, such as mesh0" },
		{ "node:\n  tun: ..\n", "m.yaml:2: node: tun \"..\" is not an interface name; write up to 15 "
					"characters, such as mesh0" },
		{ "node:\n  tun: mesh%d\n", "m.yaml:2: node: tun \"mesh%d\" is not an interface name; write up to 15 "
					    "characters, such as mesh0" },
		{ "node:\n  tun: a123456789012345\n", "m.yaml:2: node: tun \"a123456789012345\" is not an interface "
						      "name; write up to 15 characters, such as mesh0" },
		{ "node:\n  lan: \"br lan\"\n", "m.yaml:2: node: lan \"br lan\" is not an interface name; write up "
						"to 15 characters, such as eth1" },
		{ "node:\n  tun: m\n  lan: m\n", "m.yaml:3: node: lan and tun are both \"m\"; lan is the port where "
						 "your own devices are" },
		{ "node:\n  lan: mesh0\n", "m.yaml:2: node: lan and tun are both \"mesh0\"; lan is the port where "
					   "your own devices are" },
		{ "node:\n  control: /" HUNDRED TEN "\n",
			"m.yaml:2: node: control path has more than 107 bytes; use a shorter one" },
		{ "node:\n  key: /" HUNDRED HUNDRED HUNDRED "\n",
			"m.yaml:2: node: key path has more than 255 bytes; use a shorter one" },
		{ "node:\n  state: /" HUNDRED HUNDRED HUNDRED "\n",
			"m.yaml:2: node: state path has more than 255 bytes; use a shorter one" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
	good("node: {tun: a12345678901234}\nlinks: [{name: a, preset: fibre}]\n");
}

static void a_link_is_one_line(void **state)
{
	const struct config_link *l = good("links: [{interface: wlan0, preset: mesh-radio}]\n")->links;

	(void)state;
	assert_string_equal(l->name, "wlan0");
	assert_string_equal(l->interface, "wlan0");
	assert_int_equal(l->type, CONFIG_ETHERNET);
	assert_int_equal(l->port, 0);
	assert_int_equal(l->peer_count, 0);
	l = good("links: [{interface: eth1, type: ethernet}]\n")->links;
	assert_int_equal(l->hello_ms, 200); /* a cable says no less about itself than a radio */
	l = good("links: [{name: a, type: udp}]\n")->links;
	assert_int_equal(l->rxcost, 96);
	assert_int_equal(l->port, CONFIG_UDP_PORT);
	assert_string_equal(l->interface, "");
	assert_false(l->discover);
}

static void an_interface_is_enough_for_a_link(void **state)
{
	const struct config radio = *good("links: [{interface: eth1, preset: mesh-radio}]\n");

	(void)state;
	assert_memory_equal(&radio, good("links: [{interface: eth1}]\n"), sizeof(radio));
	const struct config_link *l = good("links: [{interface: eth1, name: mast, rate: 2M, cost: 300}]\n")->links;
	assert_int_equal(l->type, CONFIG_ETHERNET);
	assert_string_equal(l->name, "mast");
	assert_int_equal(l->rate_bps, 2000000);
}

static void a_link_is_as_written(void **state)
{
	const struct config_link *l =
		good("links:\n- name: sat0\n  type: udp\n  interface: eth2\n  preset: geo-satellite\n  peers: "
		     "[gw.example.org, 'a:1']\n  rate: 512k\n  metered: yes\n  listen: 7000\n  discover: yes\n"
		     "  mtu: 1361\n  cost: 2000\n")
			->links;

	(void)state;
	assert_string_equal(l->name, "sat0");
	assert_string_equal(l->interface, "eth2");
	assert_int_equal(l->peer_count, 2);
	assert_string_equal(l->peers[0].host, "gw.example.org");
	assert_int_equal(l->peers[0].port, CONFIG_UDP_PORT);
	assert_int_equal(l->peers[1].port, 1);
	assert_int_equal(l->rate_bps, 512000);
	assert_true(l->metered);
	assert_int_equal(l->extra_cost, 2048);
	assert_int_equal(l->port, 7000);
	assert_true(l->discover);
	assert_int_equal(l->mtu, CONFIG_FRAME_MIN);
	assert_int_equal(l->rxcost, 2000);
	assert_int_equal(good("links: [{interface: a, preset: mesh-radio, mtu: 2048}]\n")->links[0].mtu, 2048);
	assert_int_equal(good("links: [{interface: a, preset: mesh-radio, mtu: 1315}]\n")->links[0].mtu, 1315);
}

static void switches_take_every_usual_word(void **state)
{
	static const char *const yes[] = { "yes", "true", "on" }, *const no[] = { "no", "false", "off" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++) {
		sprintf(text, "links: [{name: a, preset: fibre, metered: %s}]\n", yes[i]);
		assert_true(good(text)->links[0].metered);
		sprintf(text, "links: [{name: a, preset: cellular, metered: %s}]\n", no[i]);
		assert_false(good(text)->links[0].metered);
		assert_int_equal(config.links[0].extra_cost, 0);
	}
}

static void names_reach_to_the_ends_of_their_alphabet(void **state)
{
	static const char *const names[] = { "azAZ09", "a-b.c_d", "Z", "0", "a12345678901234" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		sprintf(text, "links: [{name: %s, preset: fibre}]\n", names[i]);
		assert_string_equal(good(text)->links[0].name, names[i]);
		sprintf(text, "links: [{name: b, preset: fibre, peers: [\"%s.azAZ\"]}]\n", names[i]);
		good(text);
	}
	for (const char *wrong = "`{@[/:+ "; *wrong; wrong++) {
		sprintf(text, "links: [{name: \"a%cb\", preset: fibre}]\n", *wrong);
		assert_int_equal(parse(text), -EINVAL);
	}
}

static void paths_are_as_long_as_they_may_be(void **state)
{
	char text[700];

	(void)state;
	sprintf(text, "node: {key: /%s%s%.54s, control: /%s%.6s}\nlinks: [{name: a, preset: fibre}]\n", HUNDRED,
		HUNDRED, HUNDRED, HUNDRED, HUNDRED);
	assert_int_equal(strlen(good(text)->key_path), 255);
	assert_int_equal(strlen(config.control_path), 107);
	sprintf(text, "node:\n  key: /%s%s%.55s\n", HUNDRED, HUNDRED, HUNDRED);
	refused_as(text, "m.yaml:2: node: key path has more than 255 bytes; use a shorter one");
	sprintf(text, "node:\n  control: /%s%.7s\n", HUNDRED, HUNDRED);
	refused_as(text, "m.yaml:2: node: control path has more than 107 bytes; use a shorter one");
}

static void link_names_and_kinds_are_checked(void **state)
{
#define PRESETS "mesh-radio, narrowband, geo-satellite, leo-satellite, cellular, fibre, wired, short-message"
	static const struct refusal cases[] = {
		{ "links:\n- name: a\n", "m.yaml:2: link \"a\": no preset; add preset: with one of " PRESETS },
		{ "links:\n- interface: eth1\n  peers: [a]\n",
			"m.yaml:2: link \"eth1\": no preset; add preset: with one of " PRESETS },
		{ "links:\n- interface: eth1\n  listen: 7000\n",
			"m.yaml:2: link \"eth1\": no preset; add preset: with one of " PRESETS },
		{ "links:\n- interface: eth1\n  discover: yes\n",
			"m.yaml:2: link \"eth1\": no preset; add preset: with one of " PRESETS },
		{ "links:\n- {}\n", "m.yaml:2: link 1: no preset; add preset: with one of " PRESETS },
		{ "links:\n- name: a\n  preset: meshradio\n",
			"m.yaml:3: link \"a\": preset \"meshradio\" is not known; did you mean \"mesh-radio\"?" },
		{ "links:\n- name: a\n  preset: geo-satelite\n",
			"m.yaml:3: link \"a\": preset \"geo-satelite\" is not known; did you mean \"geo-satellite\"?" },
		{ "links:\n- name: a\n  preset: wifi\n",
			"m.yaml:3: link \"a\": preset \"wifi\" is not known; known are " PRESETS },
		{ "links:\n- name: a\n  preset: short-message\n",
			"m.yaml:2: link \"a\": no command; add command: [/path/of/the/modem-program, its, arguments]" },
		{ "links:\n- name: a\n  type: serial\n", "m.yaml:2: link \"a\": no device; add device: with the port "
							 "that the radio is on, such as /dev/ttyUSB0" },
		{ "links:\n- name: a\n  type: pipe\n",
			"m.yaml:2: link \"a\": no command; add command: [/path/of/the/modem-program, its, arguments]" },
		{ "links:\n- name: a\n  type: tcp\n",
			"m.yaml:3: link \"a\": type \"tcp\" is not known; write ethernet, udp, babel, serial or pipe" },
		{ "links:\n- preset: fibre\n",
			"m.yaml:2: link 1: no name; add name: (up to 15 letters, digits, - . _)" },
		{ "links:\n- preset: fibre\n  name: \"sat 0\"\n",
			"m.yaml:3: link \"sat 0\": not a name for a link; write name: with 1 to 15 letters, digits, - "
			". _" },
		{ "links:\n- preset: fibre\n  name: a123456789012345\n",
			"m.yaml:3: link \"a123456789012345\": not a name for a link; write name: with 1 to 15 "
			"letters, digits, - . _" },
		{ "links:\n- preset: mesh-radio\n  interface: eth1@phy\n",
			"m.yaml:2: link \"eth1@phy\": not a name for a link; write name: with 1 to 15 letters, "
			"digits, - . _" },
		{ "links:\n- preset: mesh-radio\n  name: a\n  interface: eth/1\n",
			"m.yaml:4: link \"a\": interface \"eth/1\" is not an interface name; see \"ip link\" for "
			"those of this box" },
		{ "links:\n- preset: mesh-radio\n  name: a\n  interface: eth:1\n",
			"m.yaml:4: link \"a\": interface \"eth:1\" is not an interface name; see \"ip link\" for "
			"those of this box" },
		{ "links:\n- preset: mesh-radio\n  interface: mesh0\n",
			"m.yaml:3: link \"mesh0\": interface \"mesh0\" is the mesh's own (node: tun); name the port "
			"that the radio or modem is on" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void link_values_out_of_bounds_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- name: a\n  preset: fibre\n  rate: 2Mb\n",
			"m.yaml:4: link \"a\": rate \"2Mb\" is not a rate; write 2M or 2Mbit" },
		{ "links:\n- name: a\n  preset: narrowband\n  rate: 1199\n",
			"m.yaml:4: link \"a\": rate \"1199\" is too slow for whole packets; write 1200 or more "
			"(bit/s), or remove the link" },
		{ "links:\n- name: a\n  preset: fibre\n  rate: 100\n",
			"m.yaml:4: link \"a\": rate \"100\" is too slow for whole packets; write 4800 or more "
			"(bit/s), or remove the link" },
		{ "links:\n- name: a\n  preset: fibre\n  rate: 2400\n",
			"m.yaml:4: link \"a\": rate \"2400\" is too slow for the frames of this preset; write preset: "
			"narrowband, or 4800 or more (bit/s)" },
		{ "links:\n- name: a\n  preset: fibre\n  idle-hello: 99\n",
			"m.yaml:4: link \"a\": idle-hello \"99\" is out of range; write 100 to 60000 (milliseconds), "
			"4000 is usual" },
		{ "links:\n- name: a\n  preset: fibre\n  idle-hello: 1s\n",
			"m.yaml:4: link \"a\": idle-hello \"1s\" is out of range; write 100 to 60000 (milliseconds), "
			"4000 is usual" },
		{ "links:\n- name: a\n  preset: fibre\n  probe: 4\n",
			"m.yaml:4: link \"a\": probe \"4\" is out of range; write 5 to 60000 (milliseconds), or no" },
		{ "links:\n- name: a\n  preset: fibre\n  introductions: 2\n",
			"m.yaml:4: link \"a\": introductions \"2\" is neither yes nor no; write one of them" },
		{ "links:\n- interface: a\n  preset: mesh-radio\n  introductions: no\n",
			"m.yaml:4: link \"a\": introductions are for links over the internet; remove introductions" },
		{ "links:\n- interface: a\n  preset: narrowband\n  introductions: yes\n",
			"m.yaml:4: link \"a\": introductions are for links over the internet; remove introductions" },
		{ "links:\n- name: a\n  preset: fibre\n  cost: 0\n",
			"m.yaml:4: link \"a\": cost \"0\" is out of range; write 1 to 32767, a radio hop is 256" },
		{ "links:\n- name: a\n  preset: fibre\n  cost: 32768\n",
			"m.yaml:4: link \"a\": cost \"32768\" is out of range; write 1 to 32767, a radio hop is 256" },
		{ "links:\n- name: a\n  preset: fibre\n  metered: maybe\n",
			"m.yaml:4: link \"a\": metered \"maybe\" is neither yes nor no; write one of them" },
		{ "links:\n- name: a\n  preset: fibre\n  discover: 2\n",
			"m.yaml:4: link \"a\": discover \"2\" is neither yes nor no; write one of them" },
		{ "links:\n- interface: a\n  preset: mesh-radio\n  mtu: 1314\n",
			"m.yaml:4: link \"a\": mtu \"1314\" is out of range; write 1315 to 2048, 1500 is usual" },
		{ "links:\n- interface: a\n  preset: mesh-radio\n  mtu: 2049\n",
			"m.yaml:4: link \"a\": mtu \"2049\" is out of range; write 1315 to 2048, 1500 is usual" },
		{ "links:\n- name: a\n  preset: cellular\n  mtu: 1360\n",
			"m.yaml:4: link \"a\": mtu \"1360\" is out of range; write 1361 to 2096, 1400 is usual" },
		{ "links:\n- name: a\n  preset: cellular\n  mtu: 2097\n",
			"m.yaml:4: link \"a\": mtu \"2097\" is out of range; write 1361 to 2096, 1400 is usual" },
		{ "links:\n- name: a\n  preset: fibre\n  mtu: null\n",
			"m.yaml:4: link \"a\": mtu \"null\" is out of range; write 1361 to 2096, 1500 is usual" },
		{ "links:\n- name: a\n  preset: narrowband\n  mtu: 111\n",
			"m.yaml:4: link \"a\": mtu \"111\" is out of range; write 112 to 2096, 560 is usual" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void ethernet_links_take_nothing_of_udp(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- name: a\n  preset: mesh-radio\n",
			"m.yaml:2: link \"a\": no interface; add interface: with the port that the radio is on" },
		{ "links:\n- interface: a\n  preset: mesh-radio\n  peers: [b]\n",
			"m.yaml:4: link \"a\": an ethernet link finds its peers by itself; remove peers, or write "
			"type: udp" },
		{ "links:\n- interface: a\n  preset: mesh-radio\n  peers: []\n",
			"m.yaml:4: link \"a\": an ethernet link finds its peers by itself; remove peers, or write "
			"type: udp" },
		{ "links:\n- interface: a\n  preset: mesh-radio\n  listen: 0\n",
			"m.yaml:4: link \"a\": an ethernet link has no port; remove listen, or write type: udp" },
		{ "links:\n- interface: a\n  preset: mesh-radio\n  discover: yes\n",
			"m.yaml:4: link \"a\": an ethernet link always discovers; remove discover" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void udp_links_must_be_able_to_meet_someone(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- name: a\n  preset: fibre\n  listen: 65536\n",
			"m.yaml:4: link \"a\": listen \"65536\" is not a port; write 1 to 65535, or 0 for any that is "
			"free" },
		{ "links:\n- name: a\n  preset: fibre\n  listen: any\n",
			"m.yaml:4: link \"a\": listen \"any\" is not a port; write 1 to 65535, or 0 for any that is "
			"free" },
		{ "links:\n- name: a\n  preset: fibre\n  discover: yes\n",
			"m.yaml:4: link \"a\": discover needs to know where; add interface:, or write discover: no" },
		{ "links:\n- name: a\n  preset: fibre\n  listen: 0\n",
			"m.yaml:4: link \"a\": no peers, no discovery and no port: nobody can be met; add peers:" },
		{ "links:\n- interface: a\n  preset: fibre\n  discover: no\n  listen: 0\n",
			"m.yaml:5: link \"a\": no peers, no discovery and no port: nobody can be met; add peers:" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
	assert_true(good("links: [{interface: a, preset: fibre}]\n")->links[0].discover);
	/* Where peers are named nobody else is looked for, unless asked to. */
	assert_false(good("links: [{interface: a, preset: fibre, peers: [b]}]\n")->links[0].discover);
	assert_false(good("links: [{interface: a, preset: fibre, discover: no}]\n")->links[0].discover);
	assert_int_equal(good("links: [{name: a, preset: fibre, listen: 0, peers: [b]}]\n")->links[0].port, 0);
}

static void ports_are_shared_only_between_interfaces(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- {name: a, preset: fibre}\n- {name: b, preset: cellular}\n",
			"m.yaml:3: link \"b\": port 6697 is used by link \"a\" in line 2; write listen: 6698, or give "
			"both links their own interface" },
		{ "links:\n- {name: a, preset: fibre, listen: 65535}\n- name: b\n  preset: fibre\n  listen: 65535\n",
			"m.yaml:5: link \"b\": port 65535 is used by link \"a\" in line 2; write listen: 6697, or "
			"give both links their own interface" },
		{ "links:\n- {name: a, preset: fibre, interface: eth1}\n- {name: b, preset: fibre}\n",
			"m.yaml:3: link \"b\": port 6697 is used by link \"a\" in line 2; write listen: 6698, or give "
			"both links their own interface" },
		{ "links:\n- {name: a, preset: fibre, interface: eth1}\n- {name: b, preset: fibre, interface: eth1}\n",
			"m.yaml:3: link \"b\": port 6697 is used by link \"a\" in line 2; write listen: 6698, or give "
			"both links their own interface" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
	good("links:\n- {interface: eth1, preset: fibre}\n- {interface: eth2, preset: fibre}\n");
	good("links:\n- {name: a, preset: fibre, listen: 0, peers: [x]}\n- {name: b, preset: fibre, listen: 0, peers: "
	     "[y]}\n");
	good("links:\n- {interface: eth1, preset: mesh-radio}\n- {name: lan1, interface: eth1, preset: fibre}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_needs_no_line_of_its_own),
		cmocka_unit_test(a_node_is_as_written),
		cmocka_unit_test(node_values_out_of_bounds_are_refused),
		cmocka_unit_test(a_link_is_one_line),
		cmocka_unit_test(an_interface_is_enough_for_a_link),
		cmocka_unit_test(a_link_is_as_written),
		cmocka_unit_test(switches_take_every_usual_word),
		cmocka_unit_test(names_reach_to_the_ends_of_their_alphabet),
		cmocka_unit_test(paths_are_as_long_as_they_may_be),
		cmocka_unit_test(link_names_and_kinds_are_checked),
		cmocka_unit_test(link_values_out_of_bounds_are_refused),
		cmocka_unit_test(ethernet_links_take_nothing_of_udp),
		cmocka_unit_test(udp_links_must_be_able_to_meet_someone),
		cmocka_unit_test(ports_are_shared_only_between_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
