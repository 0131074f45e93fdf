/* Scenarios, orders and parameters as people write them, and what they are told when they slip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/scenario.h"

#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char good[] =
	"seed: 7\n"
	"nodes:\n"
	"  - name: city\n"
	"    interfaces:\n"
	"      - {name: wan0, addresses: [203.0.113.1/24, \"2001:db8::1/64\"]}\n"
	"    run: [meshd -c city.yaml, sleep 9]\n"
	"  - name: vehicle\n"
	"    power: off\n"
	"    interfaces:\n"
	"      - {name: sat0, addresses: [100.64.1.2/24], gateway: 100.64.1.1}\n"
	"  - name: pack\n"
	"  - name: nat\n"
	"    nat: out\n"
	"links:\n"
	"  - {name: sat, preset: geo-satellite, ends: [vehicle:sat0, nat:in], delay: 280ms, rate_up: 1M}\n"
	"  - {name: core, preset: switch, ends: [city:wan0, nat:out]}\n"
	"  - name: radio\n"
	"    preset: mesh-radio\n"
	"    ends: [vehicle:radio0, pack:radio0, city:radio0]\n"
	"    deaf: [pack:radio0 city:radio0]\n"
	"    state: silent\n"
	"events:\n"
	"  - {at: 12.5, do: silence sat}\n"
	"  - {at: 3, do: power-on vehicle}\n";

static struct scenario *parse(const char *text, char error[SCENARIO_ERROR_MAX])
{
	return scenario_parse("s.yaml", bytes_of(text, strlen(text)), error);
}

static void a_scenario_is_read_whole(void **state)
{
	char error[SCENARIO_ERROR_MAX];
	struct scenario *s = parse(good, error);

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(s);
	assert_int_equal(s->seed, 7);
	assert_int_equal(s->node_count, 4);
	assert_int_equal(s->nodes[0].run_count, 2);
	assert_string_equal(s->nodes[0].run[1], "sleep 9");
	assert_int_equal(s->nodes[0].interfaces[0].addresses[1].plen, 64);
	assert_int_equal(s->nodes[0].interfaces[0].addresses[1].address.family, FAMILY_IPV6);
	assert_true(s->nodes[0].power);
	assert_false(s->nodes[1].power);
	assert_int_equal(s->nodes[1].interfaces[0].gateway.family, FAMILY_IPV4);
	assert_string_equal(s->nodes[3].nat, "out");
	assert_int_equal(s->nodes[3].interface_count, 2); /* both known from links only */
	assert_int_equal(s->link_count, 3);
	assert_int_equal(s->links[0].params[0].delay_us, 280000);
	assert_int_equal(s->links[0].params[0].rate_bps, 1000000);
	assert_int_equal(s->links[0].params[1].rate_bps, 8000000); /* the preset's */
	assert_int_equal(s->links[2].end_count, 3);
	assert_int_equal(s->links[2].deaf[0].a, 1);
	assert_int_equal(s->links[2].deaf[0].b, 2);
	assert_int_equal(s->links[2].state, LINK_SILENT);
	assert_int_equal(s->event_count, 2);
	assert_int_equal(s->events[0].at_us, 3000000); /* in order of time, not of the file */
	assert_string_equal(s->events[1].text, "silence sat");
	scenario_free(s);
}

static void errors_name_line_and_remedy(void **state)
{
	static const struct {
		const char *text;
		const char *error; /* in the message */
	} cases[] = {
		{ "", "s.yaml: the file is empty" },
		{ "nodes: [\n", "s.yaml:" },
		{ "seed: x\nnodes: [{name: a}]\n", "s.yaml:1: seed \"x\"" },
		{ "links: []\n", "there are no nodes" },
		{ "nodes:\n- name: a\n  color: red\n", "s.yaml:3: \"color\" is not a field; known are name" },
		{ "nodes:\n- name: a\n  name: b\n", "s.yaml:3: \"name\" is given twice" },
		{ "nodes:\n- name: a\n  power: [on]\n", "s.yaml:3: " },
		{ "nodes: 3\n", "s.yaml:1: " },
		{ "nodes:\n- {name: a}\n- {name: a}\n", "s.yaml:3: there are two nodes \"a\"" },
		{ "nodes:\n- {name: ../a}\n", "s.yaml:2: a node needs a name" },
		{ "nodes:\n- {power: off}\n", "s.yaml:2: a node needs a name" },
		{ "nodes:\n- {name: a, power: maybe}\n", "power is on or off, not \"maybe\"" },
		{ "nodes:\n- {name: a, interfaces: [{name: e, addresses: [1.2.3.4]}]}\n",
			"\"1.2.3.4\" is not an address; write 192.0.2.1/24" },
		{ "nodes:\n- {name: a, interfaces: [{name: e, addresses: [1.2.3.4/33]}]}\n", "is not an address" },
		{ "nodes:\n- {name: a, interfaces: [{name: e, gateway: here}]}\n", "gateway \"here\"" },
		{ "nodes:\n- {name: a, interfaces: [{name: e}]}\n", "no link ends in interface \"e\"" },
		{ "nodes:\n- {name: a, interfaces: [{name: a-name-of-16-bytes}]}\n", "1 to 15 letters" },
		{ "nodes:\n- {name: a, nat: out}\n", "nat names no interface" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, ends: [a:e, b:e]}\n",
			"s.yaml:3: link \"l\" has no preset; known are switch, fibre" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, preset: string, ends: [a:e, b:e]}\n",
			"preset \"string\" is not known; known are" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, preset: fibre, ends: [a:e, c:e]}\n",
			"s.yaml:3: link \"l\": end \"c:e\" names no node" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, preset: fibre, ends: [a:e]}\n",
			"fewer than two ends" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, preset: fibre, ends: [a:e, a:e]}\n",
			"two links end in \"a:e\"" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- name: l\n  preset: fibre\n  ends: [a:e, b:e]\n"
		  "  delay: 5m\n",
			"s.yaml:6: link \"l\": delay \"5m\" is not a duration; write 270ms" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, preset: fibre, ends: [a:e, b:e], deaf: [a:e "
		  "c:e]}\n",
			"are not two of its ends" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, preset: fibre, ends: [a:e, b:e], state: gone}\n",
			"state is up, cut or silent" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, preset: narrowband, framing: slip, ends: [a:t, "
		  "b:t]}\n",
			"link \"l\": framing is cobs or kiss, not \"slip\"" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- name: l\n  preset: narrowband\n  baud: 9600\n  ends: [a:t, "
		  "b:t]\n",
			"s.yaml:5: link \"l\": baud is a number from 300 to 1000000, and only for links with "
			"framing:" },
		{ "nodes: [{name: a}, {name: b}]\nlinks:\n- {name: l, preset: narrowband, framing: kiss, baud: 96k, "
		  "ends: [a:t, "
		  "b:t]}\n",
			"baud is a number" },
		{ "nodes: [{name: a}]\nevents:\n- {at: 3, do: dance a}\n",
			"s.yaml:3: \"dance\" is not an order; known are cut, silence" },
		{ "nodes: [{name: a}]\nevents:\n- {at: 3, do: power-off b}\n", "there is no node \"b\"" },
		{ "nodes: [{name: a}]\nevents:\n- {at: soon, do: kill a}\n", "s.yaml:3: an event needs its time" },
		{ "nodes: [{name: a}]\nevents:\n- {at: 1}\n", "an event needs what to do" },
		{ "nodes: [&x {name: a}, *x]\n", "s.yaml" },
	};
	char error[SCENARIO_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scenario *s = parse(cases[i].text, error);

		if (s || !strstr(error, cases[i].error) || strchr(error, '\n'))
			fail_msg("case %zu: \"%s\" has no \"%s\"", i, error, cases[i].error);
	}
}

/* No cut of a good scenario crashes; those that still are scenarios are few. */
static void truncated_scenarios_are_read_or_refused(void **state)
{
	char error[SCENARIO_ERROR_MAX];

	(void)state;
	for (size_t len = 0; len < strlen(good); len++) {
		struct scenario *s = scenario_parse("s.yaml", bytes_of(good, len), error);

		assert_true(s != NULL || strncmp(error, "s.yaml", 6) == 0);
		scenario_free(s);
	}
}

static void orders_name_what_they_mean(void **state)
{
	char error[SCENARIO_ERROR_MAX], complaint[LINK_COMPLAINT_MAX];
	struct scenario *s = parse(good, error);
	struct order o;

	(void)state;
	assert_int_equal(order_parse(&o, s, "cut core", complaint), 0);
	assert_int_equal(o.verb, ORDER_CUT);
	assert_int_equal(o.link, 1);
	assert_int_equal(order_parse(&o, s, "  power-off  nat ", complaint), 0);
	assert_int_equal(o.verb, ORDER_POWER_OFF);
	assert_int_equal(o.node, 3);
	assert_int_equal(order_parse(&o, s, "noise pack:radio0", complaint), 0);
	assert_int_equal(o.verb, ORDER_NOISE);
	assert_int_equal(o.end, 1);
	assert_int_equal(order_parse(&o, s, "unplug pack:radio0", complaint), 0);
	assert_int_equal(o.verb, ORDER_UNPLUG);
	assert_int_equal(o.link, 2);
	assert_int_equal(o.end, 1);
	assert_int_equal(order_parse(&o, s, "set radio loss=5% fade=0.1 0.2 0.3 delay=1ms", complaint), 0);
	assert_int_equal(o.verb, ORDER_SET);
	static const char *const bad[] = { "", " ", "cut", "cut city", "power-on core", "power-off", "cut core now",
		"set radio", "set radio loss", "set radio colour=red", "set radio loss=5% delay=x", "unplug pack",
		"unplug pack:", "unplug :radio0", "unplug pack:radio00", "plug pack:radio", "stats" };
	for (size_t i = 0; i < COUNT(bad); i++)
		if (order_parse(&o, s, bad[i], complaint) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	scenario_free(s);
}

static void settings_are_all_or_nothing(void **state)
{
	struct link_params params[2] = { { .delay_us = 1 }, { .delay_us = 2 } };
	char complaint[LINK_COMPLAINT_MAX];

	(void)state;
	assert_int_equal(order_settings(params, "delay=5ms fade=0.1 0.2 30% rate_down=2M mtu=1300", complaint), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(params[i].delay_us, 5000);
		assert_true(params[i].fade.to_bad == 0.1 && params[i].fade.to_good == 0.2);
		assert_true(params[i].fade.loss == 0.3);
		assert_int_equal(params[i].fade.step_us, 20000);
		assert_int_equal(params[i].mtu, 1300);
	}
	assert_int_equal(params[0].rate_bps, 0);
	assert_int_equal(params[1].rate_bps, 2000000);
	assert_int_equal(order_settings(params, "delay=9ms loss=200%", complaint), -EINVAL);
	assert_int_equal(params[0].delay_us, 5000);
}

static void values_are_checked(void **state)
{
	static const struct {
		const char *field, *value;
		int error;
	} cases[] = {
		{ "delay", "270ms", 0 },
		{ "delay", "0.27s", 0 },
		{ "delay", "0", 0 },
		{ "delay", "-1ms", -EINVAL },
		{ "delay", "ms", -EINVAL },
		{ "delay", "1 ms", -EINVAL },
		{ "delay", "2h", -EINVAL },
		{ "delay", "0x10ms", -EINVAL },
		{ "delay", "5000s", -EINVAL },
		{ "queue", "100ms", 0 },
		{ "queue", "64kB", 0 },
		{ "queue", "0ms", -EINVAL },
		{ "queue", "64", -EINVAL },
		{ "queue", "64k", -EINVAL },
		{ "loss", "2%", 0 },
		{ "loss", "1", 0 },
		{ "loss", "101%", -EINVAL },
		{ "loss", "2 %", -EINVAL },
		{ "loss", "nan", -EINVAL },
		{ "fade", "none", 0 },
		{ "fade", "0.1 0.2", -EINVAL },
		{ "fade", "0.1 0.2 0.3 0.4", -EINVAL },
		{ "fade", "0.1 0.2 3", -EINVAL },
		{ "step", "0ms", -EINVAL },
		{ "gap", "15s 50ms 300ms", 0 },
		{ "gap", "15s 300ms 50ms", -EINVAL },
		{ "gap", "15s 50ms 16s", -EINVAL },
		{ "stall", "8s 100ms 1.7s", 0 },
		{ "stall", "8s 100ms", -EINVAL },
		{ "stall", "none", 0 },
		{ "shift", "12ms", 0 },
		{ "shift", "-12ms", -EINVAL },
		{ "pace", "60s", 0 },
		{ "pace", "often", -EINVAL },
		{ "rate", "none", 0 },
		{ "rate", "2Mb", -EINVAL },
		{ "reorder", "perhaps", -EINVAL },
		{ "mtu", "67", -EINVAL },
		{ "mtu", "9000", 0 },
		{ "mtu", "1400.5", -EINVAL },
		{ "preset", "fibre", -ENOENT },
	};
	char complaint[LINK_COMPLAINT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct link_params params[2] = { 0 };

		if (link_params_set(params, cases[i].field, cases[i].value, complaint) != cases[i].error)
			fail_msg("%s=%s", cases[i].field, cases[i].value);
	}
}

static void presets_are_what_the_field_says(void **state)
{
	/* Mean losses as they follow from p, r and l. */
	static const struct {
		const char *name;
		double loss;
	} cases[] = { { "mesh-radio", .019 }, { "mesh-radio-edge", .16 }, { "geo-satellite", .0005 },
		{ "cellular", .005 }, { "narrowband", .073 }, { "satphone", .064 }, { "hf", .15 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct link_preset *p = link_preset_find(cases[i].name);

		assert_non_null(p);
		double loss = link_fade_loss(&p->params[0].fade);
		assert_true(loss > cases[i].loss * .95 && loss < cases[i].loss * 1.05);
	}
	assert_null(link_preset_find("string"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scenario_is_read_whole),
		cmocka_unit_test(errors_name_line_and_remedy),
		cmocka_unit_test(truncated_scenarios_are_read_or_refused),
		cmocka_unit_test(orders_name_what_they_mean),
		cmocka_unit_test(settings_are_all_or_nothing),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(presets_are_what_the_field_says),
	};

	return cmocka_run_group_tests_name("sim_scenario", tests, NULL, NULL);
}
