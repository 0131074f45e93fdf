/* The simulator's scenarios: what is read, and the exact words of every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES "for: 60\nnodes:\n  - {name: a}\n  - {name: b, power: off, level: scene}\n"
#define LINKS NODES "links:\n  - {name: l, preset: mesh-radio, ends: [a:r0, b:r0]}\n"
#define FLOWS LINKS "flows:\n  - {name: f, from: a, to: b}\n"

static struct plan *parse(const char *text, char error[PLAN_ERROR_MAX])
{
	return plan_parse("s.yaml", bytes_of(text, strlen(text)), error);
}

static struct plan *good(const char *text)
{
	char error[PLAN_ERROR_MAX];
	struct plan *p = parse(text, error);

	if (!p)
		fail_msg("%s", error);
	return p;
}

static void links_take_their_node_side_from_the_daemons_presets(void **state)
{
	struct plan *p = good(NODES "links:\n"
				    "  - {name: r, preset: mesh-radio, ends: [a:r0, b:r0]}\n"
				    "  - {name: s, preset: geo-satellite, rate: 2M, ends: [b:s0, a:s0], cost: 900}\n");

	(void)state;
	assert_int_equal(p->duration_us, 60000000);
	assert_true(p->nodes[0].power);
	assert_false(p->nodes[1].power);
	assert_int_equal(p->nodes[1].level, LEVEL_SCENE);
	assert_int_equal(p->nodes[0].port_count, 2);
	assert_int_equal(p->nodes[0].ports[0].config.type, CONFIG_ETHERNET);
	assert_int_equal(p->nodes[0].ports[0].config.hello_ms, 200);
	assert_int_equal(p->nodes[0].ports[1].config.peer_count, 0);
	assert_int_equal(p->nodes[1].ports[1].config.peer_count, 1);
	assert_int_equal(p->nodes[1].ports[1].config.rxcost, 900);
	assert_int_equal(p->nodes[1].ports[1].config.rate_bps, 2000000);
	assert_true(p->links[0].is_lan);
	assert_false(p->links[1].is_lan);
	assert_true(p->links[1].has_nat);
	assert_int_equal(p->links[1].params[1].rate_bps, 2000000);
	plan_free(p);
}

static void several_links_may_end_in_one_interface(void **state)
{
	struct plan *p = good("for: 1\nnodes: [{name: a}, {name: b}, {name: c}]\nlinks:\n"
			      "  - {name: x, preset: fibre, ends: [a:f0, b:f0]}\n"
			      "  - {name: y, preset: fibre, ends: [a:f0, c:f0]}\n");

	(void)state;
	assert_int_equal(p->nodes[0].port_count, 1);
	assert_int_equal(p->links[1].ends[0].port, 0);
	plan_free(p);
}

static void limits_are_read_in_their_units(void **state)
{
	struct plan *p = good(FLOWS "expect:\n"
				    "  - gap: {flow: f, at most: 250ms}\n"
				    "  - lost: {flow: f, at most: 5 %}\n"
				    "  - share: {link: l, at most: 2.5%, after: 10}\n"
				    "  - moves: {node: b, at most: 3}\n"
				    "  - reach: {from: a, to: b, after: 5, within: 20}\n"
				    "  - whole: {after: 5, within: 55}\n");

	(void)state;
	assert_int_equal(p->expect_count, 6);
	assert_true(p->expect[0].at_most > 0.2499 && p->expect[0].at_most < 0.2501);
	assert_true(p->expect[1].at_most > 0.0499 && p->expect[1].at_most < 0.0501);
	assert_true(p->expect[2].at_most > 0.0249 && p->expect[2].at_most < 0.0251);
	assert_int_equal(p->expect[2].after_us, 10000000);
	assert_int_equal((int)p->expect[3].at_most, 3);
	assert_int_equal(p->expect[3].from, 1);
	assert_int_equal((int)p->expect[4].at_most, 20);
	assert_int_equal(p->expect[5].measure, PLAN_WHOLE);
	plan_free(p);
}

static const struct {
	const char *yaml, *line;
} refusals[] = {
	{ "nodes: [{name: a}]\n", "s.yaml:1: how long does it go on? write for: 60 (seconds of virtual time)" },
	{ "for: 60\nlinks: []\n", "s.yaml: there are no nodes; write nodes: and below it - {name: a}" },
	{ "for: 60\nseed: x\nnodes: [{name: a}]\n", "s.yaml:2: seed \"x\" is not a number" },
	{ "for: 60\nnodes:\n  - {name: a}\n  - {name: a}\n", "s.yaml:4: there are two nodes \"a\"; rename one" },
	{ "for: 60\nnodes:\n  - {name: a, level: county}\n",
		"s.yaml:3: node \"a\": level is city, district, town or scene, not \"county\"" },
	{ "for: 60\nnodes:\n  - {name: a, colour: red}\n",
		"s.yaml:3: \"colour\" is not a field; known are name level power prefixes" },
	{ NODES "links:\n  - {name: l, preset: mesh-radio, ends: [a:r0, x:r0]}\n",
		"s.yaml:6: link \"l\": end \"x:r0\" names no node; write NODE:INTERFACE" },
	{ NODES "links:\n  - {name: l, preset: mesh-radio, rate: -2M, ends: [a:r0, b:r0]}\n",
		"s.yaml:6: link \"l\": rate \"-2M\" is not a rate; write 2M, 9.6k or none" },
	{ NODES "links:\n  - {name: l, preset: fibre, ends: [a:r0]}\n",
		"s.yaml:6: link \"l\" has fewer than two ends; write ends: [a:eth0, b:eth0]" },
	{ NODES "links:\n  - {name: l, preset: fibre, ends: [a:r0, b:r0]}\n"
		"  - {name: m, preset: mesh-radio, ends: [a:r0, b:r1]}\n",
		"s.yaml:7: \"a:r0\" ends a link of another kind; give it an interface of its own" },
	{ NODES "links:\n  - {name: l, preset: fibre, nat: yes, ends: [a:r0, b:r0]}\n",
		"s.yaml:6: link \"l\": nat is yes or no, and only for satellites and cellular" },
	{ LINKS "events:\n  - {at: 10, do: cut m}\n", "s.yaml:8: there is no link \"m\"; name one of links:" },
	{ LINKS "events:\n  - {at: 10, do: explode a}\n",
		"s.yaml:8: \"explode\" is not an order; known are cut, silence, restore, set, power-off, power-on, "
		"wipe, rebind, stall" },
	{ LINKS "events:\n  - {at: 10, do: stall a}\n", "s.yaml:8: \"\" is not how long; write stall NODE 3s" },
	{ LINKS "events:\n  - {at: -10, do: cut l}\n",
		"s.yaml:8: an event needs its time after the start; write at: 12.5 (seconds)" },
	{ LINKS "events:\n  - {at: 60, do: cut l}\n",
		"s.yaml:8: at 60 everything is over; write for: with a longer time, or an earlier event" },
	{ LINKS "flows:\n  - {name: f, from: a, to: nobody}\n",
		"s.yaml:8: flow \"f\": \"nobody\" is neither a node nor an IPv6 address; name one of nodes:, or write "
		"fd09::1" },
	{ LINKS "flows:\n  - {name: f, from: a, to: b, size: 9000}\n",
		"s.yaml:8: flow \"f\": packets have 72 to 1280 bytes; write size: 200" },
	{ FLOWS "expect:\n  - gap: {flow: g, at most: 1}\n", "s.yaml:10: gap: there is no flow \"g\"; name one" },
	{ FLOWS "expect:\n  - gap: {flow: f}\n", "s.yaml:10: gap needs its limit; write at most: 5 (seconds)" },
	{ FLOWS "expect:\n  - share: {link: l, at most: 5}\n", "s.yaml:10: share needs its limit; write at most: 5%" },
	{ FLOWS "expect:\n  - reach: {from: a, to: b, after: 50, within: 20}\n",
		"s.yaml:10: reach needs a time that ends with the plan at the latest; write within: 10" },
	{ FLOWS "expect:\n  - {}\n", "s.yaml:10: an expectation is one of reach, gap, lost, share, moves, whole; "
				     "write each in a line of its own" },
};

static void every_refusal_names_line_and_remedy(void **state)
{
	char error[PLAN_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_null(parse(refusals[i].yaml, error));
		assert_string_equal(error, refusals[i].line);
	}
}

static void a_file_that_is_not_there_is_named(void **state)
{
	char error[PLAN_ERROR_MAX];

	(void)state;
	assert_null(plan_load("/nonexistent/s.yaml", error));
	assert_string_equal(error, "/nonexistent/s.yaml: cannot be read: No such file or directory; name a scenario "
				   "that is there");
}

/* Much rubbish is refused before it is read whole. */
static void rubbish_of_any_size_is_refused(void **state)
{
	char path[] = "/tmp/world_plan_XXXXXX", error[PLAN_ERROR_MAX];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 100000000), 0);
	assert_null(plan_load(path, error));
	assert_non_null(strstr(error, "more than 4 megabytes; this is not a scenario"));
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_take_their_node_side_from_the_daemons_presets),
		cmocka_unit_test(several_links_may_end_in_one_interface),
		cmocka_unit_test(limits_are_read_in_their_units),
		cmocka_unit_test(every_refusal_names_line_and_remedy),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(rubbish_of_any_size_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
