/* The shape of the file and the bytes it is made of: what is refused, and at which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

#define EXAMPLE "links: and below it - {name: radio0, interface: eth1, preset: mesh-radio}"

static void what_is_not_of_our_shape_is_refused_where_it_stands(void **state)
{
	static const struct refusal cases[] = {
		{ "", "m.yaml: the file is empty; a link is the least: " EXAMPLE },
		{ "\n# nothing but a comment\n", "m.yaml: the file is empty; a link is the least: " EXAMPLE },
		{ "---\n", "m.yaml:2: the file must begin with node: or links:" },
		{ "hello\n", "m.yaml:1: the file must begin with node: or links:" },
		{ "\n- links\n", "m.yaml:2: the file must begin with node: or links:" },
		{ "{}\n", "m.yaml: there are no links; write " EXAMPLE },
		{ "node:\n  tun: mesh1\n", "m.yaml: there are no links; write " EXAMPLE },
		{ "node: {tun: mesh1}\nlinks: []\n", "m.yaml:2: there are no links; write " EXAMPLE },
		{ "links:\n", "m.yaml:1: \"links\" takes a list; below it write - {name: radio0, interface: eth1, "
			      "preset: mesh-radio}" },
		{ "links: {a: b}\n", "m.yaml:1: \"links\" takes a list; below it write - {name: radio0, interface: "
				     "eth1, preset: mesh-radio}" },
		{ "links:\n- a\n", "m.yaml:2: link 1: not a set of fields; write - {name: radio0, interface: eth1, "
				   "preset: mesh-radio}" },
		{ "links:\n- name: a\n  preset: fibre\n-\n  - b\n",
			"m.yaml:5: link 2: not a set of fields; write - {name: radio0, interface: eth1, preset: "
			"mesh-radio}" },
		{ "node: a\n", "m.yaml:1: \"node\" takes fields; write them below it, indented" },
		{ "node:\n  tun:\n    a: b\n",
			"m.yaml:3: node: tun is one value, not a list or a set of fields; write it in one line" },
		{ "node:\n  tun: [a]\n",
			"m.yaml:2: node: tun is one value, not a list or a set of fields; write it in one line" },
		{ "links:\n- name: [a]\n",
			"m.yaml:2: link 1: name is one value, not a list or a set of fields; write it in one line" },
		{ "links:\n- name:\n", "m.yaml:2: link 1: name is empty; give it, or remove the line" },
		{ "links:\n- name: ''\n", "m.yaml:2: link 1: name is empty; give it, or remove the line" },
		{ "links:\n- name: a\n  peers: gw.example.org\n",
			"m.yaml:3: link 1: \"peers\" takes a list; write peers: [HOST, HOST:PORT]" },
		{ "links:\n- name: a\n  peers:\n    host: gw.example.org\n",
			"m.yaml:4: link 1: \"peers\" takes a list; write peers: [HOST, HOST:PORT]" },
		{ "links:\n- name: a\n  peers:\n  - {host: b}\n",
			"m.yaml:4: link 1: a peer is one value, not a list or a set of fields; write it in one line" },
		{ "links:\n- name: a\n  peers: [b, '']\n",
			"m.yaml:3: link 1: a peer is empty; give it, or remove the line" },
		{ "node:\n  ? [a]\n  : b\n",
			"m.yaml:2: node: the name of a field is one value, not a list or a set of fields; write it in "
			"one line" },
		{ "'': b\n", "m.yaml:1: the name of a field is empty; give it, or remove the line" },
		{ "links: [{name: a, preset: fibre}]\n---\nlinks: []\n",
			"m.yaml:2: a second document begins here; one file, one document" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void unknown_fields_are_refused_with_the_nearest_known(void **state)
{
	static const struct refusal cases[] = {
		{ "link: []\n", "m.yaml:1: \"link\" is not a field; did you mean \"links\"?" },
		{ "Links: []\n", "m.yaml:1: \"Links\" is not a field; did you mean \"links\"?" },
		{ "nodes: {}\n", "m.yaml:1: \"nodes\" is not a field; did you mean \"node\"?" },
		{ "version: 1\n", "m.yaml:1: \"version\" is not a field; known are node, links, classes, io, page" },
		{ "<<: {}\n", "m.yaml:1: \"<<\" is not a field; known are node, links, classes, io, page" },
		{ "node:\n  contol: /a\n", "m.yaml:2: node: \"contol\" is not a field; did you mean \"control\"?" },
		{ "node:\n  statedir: /a\n", "m.yaml:2: node: \"statedir\" is not a field; did you mean \"state\"?" },
		{ "node:\n  zzzzzzzz: a\n", "m.yaml:2: node: \"zzzzzzzz\" is not a field; known are key, state, "
					    "control, tun, mtu, lan, table, metric, redistribute, watch, share-log" },
		{ "links:\n- naem: a\n", "m.yaml:2: link 1: \"naem\" is not a field; did you mean \"name\"?" },
		{ "links:\n- name: a\n  intreface: b\n",
			"m.yaml:3: link 1: \"intreface\" is not a field; did you mean \"interface\"?" },
		{ "links:\n- name: a\n- peer: [b]\n",
			"m.yaml:3: link 2: \"peer\" is not a field; did you mean \"peers\"?" },
		{ "links:\n- 802.11s: a\n",
			"m.yaml:2: link 1: \"802.11s\" is not a field; known are name, type, "
			"interface, preset, peers, rate, metered, listen, discover, mtu, cost, idle-hello, "
			"probe, kind, hello, update, rtt, split-horizon, accept, announce, mac, mac-required, "
			"device, baud, framing, flow, half-duplex, turnaround, kiss-port, tx-delay, command, "
			"essential, introductions" },
		/* Three slips are forgiven in seven letters; four are another word. */
		{ "links:\n- prezits: a\n", "m.yaml:2: link 1: \"prezits\" is not a field; did you mean \"preset\"?" },
		{ "links:\n- brezits: a\n",
			"m.yaml:2: link 1: \"brezits\" is not a field; known are name, type, "
			"interface, preset, peers, rate, metered, listen, discover, mtu, cost, idle-hello, "
			"probe, kind, hello, update, rtt, split-horizon, accept, announce, mac, mac-required, "
			"device, baud, framing, flow, half-duplex, turnaround, kiss-port, tx-delay, command, "
			"essential, introductions" },
		/* Long words are cut, and compared with nothing. */
		{ HUNDRED ": a\n",
			"m.yaml:1: \"" TEN TEN TEN TEN "\" is not a field; known are node, links, classes, io, page" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void nothing_is_given_twice(void **state)
{
	static const struct refusal cases[] = {
		{ "links: [{name: a, preset: fibre}]\n\nlinks: []\n",
			"m.yaml:3: \"links\" is given twice, first in line 1; remove one" },
		{ "node: {}\nnode: {}\n", "m.yaml:2: \"node\" is given twice, first in line 1; remove one" },
		{ "node:\n  tun: a\n  key: /b\n  tun: a\n",
			"m.yaml:4: node: \"tun\" is given twice, first in line 2; remove one" },
		{ "links:\n- rate: 2M\n  name: a\n  rate: 2M\n",
			"m.yaml:4: link 1: \"rate\" is given twice, first in line 2; remove one" },
		{ "links:\n- name: a\n  peers: [b]\n  peers: [c]\n",
			"m.yaml:4: link 1: \"peers\" is given twice, first in line 3; remove one" },
		{ "links:\n- name: a\n  preset: fibre\n  peers:\n  - b\n  - c\n  - b:6697\n",
			"m.yaml:7: link \"a\": peer \"b:6697\" is given twice; remove one" },
		{ "links:\n- {name: a, preset: fibre, listen: 1}\n- {name: b, preset: fibre, listen: 2}\n- preset: "
		  "fibre\n  listen: 3\n  name: a\n",
			"m.yaml:6: link \"a\": the link in line 2 has this name too; give each its own name" },
		{ "links:\n- {interface: eth1, preset: fibre, listen: 1}\n- {interface: eth1, preset: fibre}\n",
			"m.yaml:3: link \"eth1\": the link in line 2 has this name too; give each its own name" },
		{ "links:\n- {interface: eth1, preset: mesh-radio}\n- {name: b, interface: eth1, preset: mesh-radio}\n",
			"m.yaml:3: link \"b\": interface \"eth1\" is used by link \"eth1\" in line 2; remove one of "
			"them" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void aliases_are_refused_before_they_unfold(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- &a {name: a, preset: fibre}\n- *a\n",
			"m.yaml:3: YAML aliases (*name) are not used here; write the value out" },
		{ "links:\n- name: &n a\n  preset: *n\n",
			"m.yaml:3: YAML aliases (*name) are not used here; write the value out" },
		{ "links: *nothing\n", "m.yaml:1: YAML aliases (*name) are not used here; write the value out" },
		{ "*a : b\n", "m.yaml:1: YAML aliases (*name) are not used here; write the value out" },
		{ "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n",
			"m.yaml:1: \"a\" is not a field; known are node, links, classes, io, page" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
	/* An anchor that nobody follows is harmless. */
	assert_string_equal(good("links: [&a {name: a, preset: fibre}]\n")->links[0].name, "a");
}

static void refused_bytes(const void *data, size_t len, const char *line)
{
	assert_int_equal(config_parse(&config, "m.yaml", bytes_of(data, len), error), -EINVAL);
	assert_string_equal(error, line);
	config_is_blank();
}

static void bytes_that_are_not_text_are_refused_at_their_line(void **state)
{
	static const char nul[] = "links:\n- name: a\n  preset: fi\0bre\n";
	static const char utf16[] = "\xff\xfel\0i\0n\0k\0s\0";

	(void)state;
	refused_bytes(nul, sizeof(nul) - 1,
		"m.yaml:3: this is not text: control characters are not allowed; save the file as UTF-8 text");
	refused_bytes("\0", 1,
		"m.yaml:1: this is not text: control characters are not allowed; save the file as "
		"UTF-8 text");
	refused_bytes(utf16, sizeof(utf16) - 1,
		"m.yaml:1: this is not text: invalid leading UTF-8 octet; save the file as UTF-8 text");
	refused_as("links:\n- name: a\n  preset: caf\xe9\n",
		"m.yaml:3: this is not text: incomplete UTF-8 octet sequence; save the file as UTF-8 text");
	refused_as("links:\n- name: \"a\\0b\"\n",
		"m.yaml:2: link 1: name has a control character or line break in it; write it in one line");
	refused_as("links:\n- name: a\n  preset: |\n    fibre\n",
		"m.yaml:3: link 1: preset has a control character or line break in it; write it in one line");
	refused_as("links:\n- name: a\n  peers: [\"b\\e[31m\"]\n",
		"m.yaml:3: link 1: a peer has a control character or line break in it; write it in one line");
	refused_as("\"\\tlinks\": b\n",
		"m.yaml:1: the name of a field has a control character or line break in it; write it in one line");
	refused_as("\"a\\x7f\": b\n",
		"m.yaml:1: the name of a field has a control character or line break in it; write it in one line");
}

static void what_is_not_yaml_is_refused_at_its_line(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n\t- name: a\n", "m.yaml:2: indented with a tab; YAML takes only spaces" },
		{ "links:\n  - name: a\n  \tpreset: fibre\n", "m.yaml:3: indented with a tab; YAML takes only spaces" },
		{ "links: [{name: a, preset: fibre}\n",
			"m.yaml:2: this is not YAML: did not find expected ',' or ']'; check indentation, brackets "
			"and quotes here and in the line above" },
		{ "links:\n- name: 'a\n",
			"m.yaml:3: this is not YAML: found unexpected end of stream; check indentation, brackets and "
			"quotes here and in the line above" },
		{ "links:\n- name: a\n   preset: fibre\n",
			"m.yaml:3: this is not YAML: mapping values are not allowed in this context; check "
			"indentation, brackets and quotes here and in the line above" },
		{ "links:\n- name: @a\n",
			"m.yaml:2: this is not YAML: found character that cannot start any token; check indentation, "
			"brackets and quotes here and in the line above" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void a_byte_order_mark_and_windows_lines_are_fine(void **state)
{
	(void)state;
	assert_int_equal(good("\xef\xbb\xbflinks: [{name: a, preset: fibre}]\n")->link_count, 1);
	assert_string_equal(good("links:\r\n- name: a\r\n  preset: fibre\r\n")->links[0].name, "a");
	refused_as("links:\r\n- name: a\r\n  preset: fibr\r\n",
		"m.yaml:3: link \"a\": preset \"fibr\" is not known; did you mean \"fibre\"?");
}

static void size_and_depth_are_bounded(void **state)
{
	static const struct {
		const char *head, *body;
		size_t count;
		const char *tail, *line;
	} cases[] = {
		{ "", "#", CONFIG_FILE_MAX + 1, "", "m.yaml: more than 65536 bytes; this is not a configuration" },
		{ "", "#", CONFIG_FILE_MAX, "", "m.yaml: the file is empty; a link is the least: " EXAMPLE },
		{ "", "[", CONFIG_FILE_MAX, "", "m.yaml:1: the file must begin with node: or links:" },
		{ "node: {key: ", "{a: ", 10000, "",
			"m.yaml:1: node: key is one value, not a list or a set of fields; write it in one line" },
		{ "links: [", "{name: a, preset: fibre}, ", 33, "]", "m.yaml:1: more than 32 links; remove some" },
		{ "links: [{name: a, preset: fibre, peers: [", "b, ", 17, "]}]",
			"m.yaml:1: link 1: more than 16 peers; put the others on a second link" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = repeated(cases[i].head, cases[i].body, cases[i].count, cases[i].tail);

		refused_as(text, cases[i].line);
		free(text);
	}
}

static void as_much_as_is_allowed_is_accepted(void **state)
{
	char text[8192], *at = text + sprintf(text, "links:\n");

	(void)state;
	for (int i = 0; i < CONFIG_LINK_MAX; i++)
		at += sprintf(at, "- {name: link%d, preset: fibre, listen: %d}\n", i, 7000 + i);
	assert_int_equal(good(text)->link_count, CONFIG_LINK_MAX);
	assert_int_equal(config.links[31].port, 7031);
	at = text + sprintf(text, "links:\n- name: a\n  preset: fibre\n  peers:\n");
	for (int i = 0; i < CONFIG_PEER_MAX; i++)
		at += sprintf(at, "  - host%d\n", i);
	assert_int_equal(good(text)->links[0].peer_count, CONFIG_PEER_MAX);
	assert_string_equal(config.links[0].peers[15].host, "host15");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_of_our_shape_is_refused_where_it_stands),
		cmocka_unit_test(unknown_fields_are_refused_with_the_nearest_known),
		cmocka_unit_test(nothing_is_given_twice),
		cmocka_unit_test(aliases_are_refused_before_they_unfold),
		cmocka_unit_test(bytes_that_are_not_text_are_refused_at_their_line),
		cmocka_unit_test(what_is_not_yaml_is_refused_at_its_line),
		cmocka_unit_test(a_byte_order_mark_and_windows_lines_are_fine),
		cmocka_unit_test(size_and_depth_are_bounded),
		cmocka_unit_test(as_much_as_is_allowed_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
