/* Rules about routes of the kernel: node.redistribute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

#define LINKS "links: [{name: a, preset: fibre}]\n"

static void words_about_the_route_come_in_any_order(void **state)
{
	const struct config *c = good("node:\n  redistribute:\n    - deny 10.60.9.0/24\n"
				      "    - 10.60.0.0/16 16-24 metric 0 dev eth2 proto static +96\n"
				      "    - any 0 proto 77\n" LINKS);

	(void)state;
	assert_int_equal(c->redistribute_count, 3);
	assert_true(c->redistribute[0].rule.is_deny);
	assert_int_equal(c->redistribute[0].protocol, 0);
	assert_false(c->redistribute[0].has_metric);
	assert_int_equal(c->redistribute[1].protocol, 4);
	assert_string_equal(c->redistribute[1].interface, "eth2");
	assert_true(c->redistribute[1].has_metric);
	assert_int_equal(c->redistribute[1].metric, 0);
	assert_int_equal(c->redistribute[1].rule.cost, 96);
	assert_int_equal(c->redistribute[1].rule.low, 16);
	assert_int_equal(c->redistribute[1].rule.high, 24);
	assert_int_equal(c->redistribute[2].protocol, 77);
}

static void what_is_no_rule_is_refused_at_its_line(void **state)
{
	static const struct refusal cases[] = {
		{ "node:\n  redistribute: any\n" LINKS,
			"m.yaml:2: node: \"redistribute\" takes a list; write redistribute: [PREFIX proto static]" },
		{ "node:\n  redistribute:\n    - any\n    - any proto none\n" LINKS,
			"m.yaml:4: node: rule \"any proto none\" has a protocol that is none; write kernel, boot, "
			"static, "
			"ra, dhcp, bird, zebra, bgp, ospf or a number" },
		{ "node:\n  redistribute:\n    - any proto\n" LINKS,
			"m.yaml:3: node: rule \"any proto\" ends behind its last word; say what it is" },
		{ "node:\n  redistribute:\n    - any dev a/b\n" LINKS,
			"m.yaml:3: node: rule \"any dev a/b\" names no interface behind dev; see \"ip link\" for those "
			"of "
			"this box" },
		{ "node:\n  redistribute:\n    - any metric -1\n" LINKS,
			"m.yaml:3: node: rule \"any metric -1\" has a metric that is no number; write that of the "
			"kernel's "
			"route, as metric 100" },
		{ "node:\n  redistribute:\n    - any from fe80::1\n" LINKS,
			"m.yaml:3: node: rule \"any from fe80::1\" names a neighbour, but a kernel has none; remove "
			"it" },
		{ "node:\n  redistribute:\n    - proto static\n" LINKS,
			"m.yaml:3: node: rule \"proto static\" names no prefix; write 10.1.0.0/16, fd12::/32 or any" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_about_the_route_come_in_any_order),
		cmocka_unit_test(what_is_no_rule_is_refused_at_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
