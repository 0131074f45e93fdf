/* Serial links and pipes as written: what is filled in, and each mistake with its remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

static void a_serial_link_is_its_device(void **state)
{
	const struct config_link *l = good("links: [{device: /dev/ttyUSB0}]\n")->links;

	(void)state;
	assert_int_equal(l->type, CONFIG_SERIAL);
	assert_string_equal(l->name, "ttyUSB0");
	assert_string_equal(l->serial.device, "/dev/ttyUSB0");
	assert_int_equal(l->serial.baud, 9600);
	assert_int_equal(l->serial.framing, FRAMING_COBS);
	assert_int_equal(l->serial.flow, CONFIG_FLOW_NONE);
	assert_true(l->serial.half_duplex);
	assert_int_equal(l->serial.turnaround_ms, 50);
	assert_int_equal(l->rate_bps, 7680); /* eight bits of ten */
	assert_int_equal(l->hello_ms, 4000); /* narrowband */
	assert_true(l->discover);
}

static void a_serial_link_is_as_written(void **state)
{
	const struct config_link *l =
		good("links:\n- name: tnc\n  type: serial\n  preset: narrowband\n  device: /dev/serial/by-id/x\n"
		     "  baud: 38400\n  framing: kiss\n  flow: hardware\n  half-duplex: yes\n  turnaround: 200\n"
		     "  kiss-port: 3\n  tx-delay: 350\n  rate: 1200\n")
			->links;

	(void)state;
	assert_string_equal(l->name, "tnc");
	assert_int_equal(l->serial.baud, 38400);
	assert_int_equal(l->serial.framing, FRAMING_KISS);
	assert_int_equal(l->serial.flow, CONFIG_FLOW_HARDWARE);
	assert_true(l->serial.half_duplex);
	assert_int_equal(l->serial.turnaround_ms, 200);
	assert_int_equal(l->serial.kiss_port, 3);
	assert_true(l->serial.has_tx_delay);
	assert_int_equal(l->serial.tx_delay_ms, 350);
	assert_int_equal(l->rate_bps, 1200);
	/* (13 + 28 + 6) x 8 x 2 ends = 752 bits; 60 bit/s: one in 12.6 s. */
	assert_int_equal(l->hello_ms, 12600);
}

static void a_tnc_looks_after_its_channel_itself(void **state)
{
	(void)state;
	assert_false(good("links: [{device: /dev/ttyS0, framing: kiss}]\n")->links[0].serial.half_duplex);
	assert_false(good("links: [{device: /dev/ttyS0, half-duplex: no}]\n")->links[0].serial.half_duplex);
}

static void serial_mistakes_are_refused_with_their_remedy(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- device: /dev/ttyS0\n  baud: 9601\n",
			"m.yaml:3: link \"ttyS0\": baud: 9601 is not a rate this port knows; write 9600" },
		{ "links:\n- device: /dev/ttyS0\n  baud: fast\n",
			"m.yaml:3: link \"ttyS0\": baud \"fast\" is not a number; write 9600" },
		{ "links:\n- device: /dev/ttyS0\n  baud: 100000\n",
			"m.yaml:3: link \"ttyS0\": baud: 100000 is not a rate this port knows; write 115200" },
		{ "links:\n- device: ttyS0\n  name: a\n",
			"m.yaml:2: link \"a\": device \"ttyS0\" is not the path of a port; write /dev/ttyUSB0, or see "
			"\"ls /dev/serial/by-id\"" },
		{ "links:\n- device: /dev/ttyS0\n  framing: slip\n",
			"m.yaml:3: link \"ttyS0\": framing \"slip\" is not known; write cobs or kiss" },
		{ "links:\n- device: /dev/ttyS0\n  flow: rts\n",
			"m.yaml:3: link \"ttyS0\": flow \"rts\" is not known; write none, hardware or software" },
		{ "links:\n- device: /dev/ttyS0\n  framing: kiss\n  flow: software\n",
			"m.yaml:4: link \"ttyS0\": flow: software is not for TNCs, which take its bytes for data; "
			"write flow: hardware" },
		{ "links:\n- device: /dev/ttyS0\n  half-duplex: maybe\n",
			"m.yaml:3: link \"ttyS0\": half-duplex \"maybe\" is neither yes nor no; write one of them" },
		{ "links:\n- device: /dev/ttyS0\n  turnaround: 9000\n",
			"m.yaml:3: link \"ttyS0\": turnaround \"9000\" is out of range; write 0 to 5000 "
			"(milliseconds), 50 is usual" },
		{ "links:\n- device: /dev/ttyS0\n  kiss-port: 1\n",
			"m.yaml:3: link \"ttyS0\": kiss-port is for TNCs only; remove it, or write framing: kiss" },
		{ "links:\n- device: /dev/ttyS0\n  tx-delay: 300\n",
			"m.yaml:3: link \"ttyS0\": tx-delay is for TNCs only; remove it, or write framing: kiss" },
		{ "links:\n- device: /dev/ttyS0\n  framing: kiss\n  kiss-port: 15\n",
			"m.yaml:4: link \"ttyS0\": kiss-port \"15\" is out of range; write 0 to 14" },
		{ "links:\n- device: /dev/ttyS0\n  framing: kiss\n  tx-delay: 3000\n",
			"m.yaml:4: link \"ttyS0\": tx-delay \"3000\" is out of range; write 0 to 2550 (milliseconds), "
			"300 is usual" },
		{ "links:\n- device: /dev/ttyS0\n  rate: 9600\n",
			"m.yaml:3: link \"ttyS0\": rate \"9600\" is more than a port of 9600 baud carries; write 7680 "
			"or less" },
		{ "links:\n- device: /dev/ttyS0\n  rate: 299\n",
			"m.yaml:3: link \"ttyS0\": rate \"299\" is too slow for whole packets; write 300 or more "
			"(bit/s), or remove the link" },
		{ "links:\n- device: /dev/ttyS0\n  interface: eth0\n",
			"m.yaml:3: link \"eth0\": a serial link has no interface; remove it" },
		{ "links:\n- device: /dev/ttyS0\n  peers: [a]\n",
			"m.yaml:3: link \"ttyS0\": a serial link finds its peers by itself; remove peers" },
		{ "links:\n- device: /dev/ttyS0\n  discover: yes\n",
			"m.yaml:3: link \"ttyS0\": a serial link always discovers; remove discover" },
		{ "links:\n- device: /dev/ttyS0\n  command: [/bin/cat]\n",
			"m.yaml:3: link \"ttyS0\": command is for a pipe link only; remove it, or write type: pipe" },
		{ "links:\n- interface: eth0\n  baud: 9600\n",
			"m.yaml:3: link \"eth0\": baud is for a serial link only; remove it, or write type: serial" },
		{ "links:\n- device: /dev/ttyS0\n- device: /dev/ttyS0\n  name: b\n",
			"m.yaml:3: link \"b\": device \"/dev/ttyS0\" is used by link \"ttyS0\" in line 2; remove one "
			"of them" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void a_pipe_is_its_command(void **state)
{
	const struct config_link *l = good("links:\n- name: beidou\n  preset: short-message\n"
					   "  command: [/usr/bin/modem, --card, '2 8']\n  peers: [287654, 'B-1']\n")
					      ->links;

	(void)state;
	assert_int_equal(l->type, CONFIG_PIPE);
	assert_int_equal(l->pipe.word_count, 3);
	assert_string_equal(config_pipe_word(&l->pipe, 0), "/usr/bin/modem");
	assert_string_equal(config_pipe_word(&l->pipe, 2), "2 8");
	assert_null(config_pipe_word(&l->pipe, 3));
	assert_int_equal(l->peer_count, 2);
	assert_string_equal(l->peers[0].host, "287654");
	assert_string_equal(l->peers[1].host, "B-1");
	assert_false(l->discover);
	assert_int_equal(l->mtu, 1750);
	assert_int_equal(l->rate_bps, 233);
	assert_true(good("links: [{name: a, command: [/bin/cat]}]\n")->links[0].discover);
}

/* 120 bytes a minute; Babel cannot say an interval that 5 % of it would need. */
static void a_modem_may_be_as_slow_as_it_is(void **state)
{
	const struct config_link *l = good("links: [{name: a, command: [/bin/cat], rate: 10}]\n")->links;

	(void)state;
	assert_int_equal(l->rate_bps, 10);
	assert_int_equal(l->hello_ms, 650000);
	assert_int_equal(l->idle_ms, 650000);
}

static void pipe_mistakes_are_refused_with_their_remedy(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- name: a\n  command: /bin/cat\n",
			"m.yaml:3: link 1: \"command\" takes a list; write command: [/path/of/program, ARGUMENT]" },
		{ "links:\n- name: a\n  type: pipe\n  command: []\n",
			"m.yaml:4: link \"a\": no command; add command: [/path/of/the/modem-program, its, arguments]" },
		{ "links:\n- name: a\n  command: [cat]\n",
			"m.yaml:3: link \"a\": command \"cat\" is not a whole path; write where the program is, such "
			"as /usr/local/libexec/meshd/beidou-example" },
		{ "links:\n- name: a\n  command: [/bin/cat, " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "]\n",
			"m.yaml:3: link \"a\": command has more than 511 bytes; put its arguments into a file of the "
			"program's" },
		{ "links:\n- name: a\n  command: [/bin/cat]\n  peers: ['a b']\n",
			"m.yaml:4: link \"a\": peer \"a b\" is not an address of a modem; write 1 to 20 letters and "
			"digits, as the program has it" },
		{ "links:\n- name: a\n  command: [/bin/cat]\n  peers: [b, b]\n",
			"m.yaml:4: link \"a\": peer \"b\" is given twice; remove one" },
		{ "links:\n- name: a\n  command: [/bin/cat]\n  discover: no\n",
			"m.yaml:4: link \"a\": no peers and no discovery: nobody can be met; add peers: [ADDRESS]" },
		{ "links:\n- name: a\n  command: [/bin/cat]\n  listen: 1\n",
			"m.yaml:4: link \"a\": a pipe link has no listen; remove it" },
		{ "links:\n- name: a\n  command: [/bin/cat]\n  rate: 9\n",
			"m.yaml:4: link \"a\": rate \"9\" is too slow for whole packets; write 10 or more (bit/s), or "
			"remove the link" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void a_link_may_be_for_a_few(void **state)
{
	static const struct refusal cases[] = {
		{ "links:\n- name: a\n  preset: fibre\n  essential: city-post\n",
			"m.yaml:4: link 1: \"essential\" takes a list; write essential: [NODE, PREFIX]" },
		{ "links:\n- name: a\n  preset: fibre\n  essential: [10.7.1.0/33]\n",
			"m.yaml:4: link \"a\": essential \"10.7.1.0/33\" is neither the name of a node nor a prefix; "
			"write "
			"city-post or 10.7.1.0/24" },
		{ "links:\n- name: a\n  preset: fibre\n  essential: [a, b, c, d, e, f, g, h, i]\n",
			"m.yaml:4: link 1: more than 8 essential ones; name those without whom nothing works" },
	};
	const struct config_link *l =
		good("links: [{name: a, preset: fibre, essential: [city-post, 10.7.1.0/24]}]\n")->links;

	(void)state;
	assert_int_equal(l->essential_count, 2);
	assert_string_equal(l->essential[0].name, "city-post");
	assert_string_equal(l->essential[1].name, "");
	assert_int_equal(l->essential[1].prefix.plen, 24 + 96 * (l->essential[1].prefix.address.family == FAMILY_IPV6));
	all_refused(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_serial_link_is_its_device),
		cmocka_unit_test(a_serial_link_is_as_written),
		cmocka_unit_test(a_tnc_looks_after_its_channel_itself),
		cmocka_unit_test(serial_mistakes_are_refused_with_their_remedy),
		cmocka_unit_test(a_pipe_is_its_command),
		cmocka_unit_test(a_modem_may_be_as_slow_as_it_is),
		cmocka_unit_test(pipe_mistakes_are_refused_with_their_remedy),
		cmocka_unit_test(a_link_may_be_for_a_few),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
