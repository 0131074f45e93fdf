/* The section `classes`: rules, limits, and what is refused at its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

#define LINKS "links: [{name: a, preset: fibre}]\n"
#define RULES "classes:\n  rules:\n"
#define LIMITS "classes:\n  limits:\n"
#define LIMIT_FORM                                                                                                     \
	"write command, text or bulk, and a rate: \"command 128k\", \"bulk 2M burst 2s\", or \"command none\""

static void rules_keep_their_order_and_words(void **state)
{
	const struct config *c = good(RULES "    - command udp port 5060-5080\n"
					    "    - bulk from 10.7.0.20    # the camera\n" LINKS);

	(void)state;
	assert_int_equal(c->classes.policy.rule_count, 2);
	assert_int_equal(c->classes.policy.rules[0].class, TRAFFIC_COMMAND);
	assert_int_equal(c->classes.policy.rules[0].port_high, 5080);
	assert_int_equal(c->classes.policy.rules[1].class, TRAFFIC_BULK);
	assert_int_equal(c->classes.policy.rules[1].from.plen, 32);
	assert_string_equal(c->classes.rules[1], "bulk from 10.7.0.20");
	for (unsigned i = 0; i < TRAFFIC_CLASSES; i++)
		assert_int_equal(c->classes.policy.limits[i].kind, TRAFFIC_LIMIT_DEFAULT);
}

static void limits_are_rates_and_bursts(void **state)
{
	const struct traffic_limit *limits =
		good(LIMITS "    - bulk 2M burst 2s\n    - command 128k\n    - text none\n" LINKS)
			->classes.policy.limits;

	(void)state;
	assert_int_equal(limits[TRAFFIC_BULK].kind, TRAFFIC_LIMIT_STATED);
	assert_int_equal(limits[TRAFFIC_BULK].rate_bps, 2000000);
	assert_int_equal(limits[TRAFFIC_BULK].burst_ms, 2000);
	assert_int_equal(limits[TRAFFIC_COMMAND].rate_bps, 128000);
	assert_int_equal(limits[TRAFFIC_COMMAND].burst_ms, 1000);
	assert_int_equal(limits[TRAFFIC_TEXT].kind, TRAFFIC_LIMIT_NONE);
	limits = good(LIMITS "    - text 9.6k burst 250ms\n" LINKS)->classes.policy.limits;
	assert_int_equal(limits[TRAFFIC_TEXT].rate_bps, 9600);
	assert_int_equal(limits[TRAFFIC_TEXT].burst_ms, 250);
}

static void nothing_is_a_section_too(void **state)
{
	(void)state;
	assert_int_equal(good("classes: {}\n" LINKS)->classes.policy.rule_count, 0);
	assert_int_equal(good("classes: {rules: []}\n" LINKS)->classes.policy.rule_count, 0);
}

static void what_is_wrong_is_refused_at_its_line(void **state)
{
	static const struct refusal cases[] = {
		{ "classes: bulk\n" LINKS,
			"m.yaml:1: \"classes\" takes rules: and limits:; write them below it, indented" },
		{ "classes:\n  rule: []\n" LINKS,
			"m.yaml:2: classes: \"rule\" is not a field; did you mean \"rules\"?" },
		{ "classes:\n  rules: []\n  rules: []\n" LINKS,
			"m.yaml:3: classes: \"rules\" is given twice, first in line 2; remove one" },
		{ "classes:\n  rules: bulk any\n" LINKS, "m.yaml:2: classes: \"rules\" takes a list; write rules: "
							 "[command udp port 5060-5080, bulk from PREFIX]" },
		{ RULES "    - bulk any\n    - bulk utp\n" LINKS,
			"m.yaml:4: classes: rule \"bulk utp\" has a word that is none; write CLASS [PREFIX] [from "
			"PREFIX] [to PREFIX] [tcp|udp|icmp|NUMBER] [port 5060-5080] [dscp EF], or CLASS any" },
		{ RULES "    - bulk                                                                                "
			"           any\n" LINKS,
			"m.yaml:3: classes: rule \"bulk                                                             "
			"               \" is too long; use fewer blanks" },
		{ LIMITS "    - command\n" LINKS, "m.yaml:3: classes: limit \"command\" is not one; " LIMIT_FORM },
		{ LIMITS "    - urgent 2M\n" LINKS, "m.yaml:3: classes: limit \"urgent 2M\" is not one; " LIMIT_FORM },
		{ LIMITS "    - bulk 2M at once\n" LINKS,
			"m.yaml:3: classes: limit \"bulk 2M at once\" is not one; " LIMIT_FORM },
		{ LIMITS "    - bulk 2M burst\n" LINKS,
			"m.yaml:3: classes: limit \"bulk 2M burst\" is not one; " LIMIT_FORM },
		{ LIMITS "    - bulk 2M burst 2s more\n" LINKS,
			"m.yaml:3: classes: limit \"bulk 2M burst 2s more\" is not one; " LIMIT_FORM },
		{ LIMITS "    - bulk fast\n" LINKS, "m.yaml:3: classes: limit \"bulk fast\" has a rate that is none; "
						    "write 1k or more (bit/s), as 128k or 2M, or none" },
		{ LIMITS "    - bulk 900\n" LINKS, "m.yaml:3: classes: limit \"bulk 900\" has a rate that is none; "
						   "write 1k or more (bit/s), as 128k or 2M, or none" },
		{ LIMITS "    - bulk 2M burst 2\n" LINKS,
			"m.yaml:3: classes: limit \"bulk 2M burst 2\" has a burst that "
			"is none; write 100ms to 60s, 1s is usual" },
		{ LIMITS "    - bulk 2M burst 61s\n" LINKS,
			"m.yaml:3: classes: limit \"bulk 2M burst 61s\" has a burst "
			"that is none; write 100ms to 60s, 1s is usual" },
		{ LIMITS "    - bulk 2M burst 99ms\n" LINKS, "m.yaml:3: classes: limit \"bulk 2M burst 99ms\" has a "
							     "burst that is none; write 100ms to 60s, 1s is usual" },
		{ LIMITS "    - bulk none burst 2s\n" LINKS,
			"m.yaml:3: classes: limit \"bulk none burst 2s\" has a burst "
			"of nothing; remove burst" },
		{ LIMITS "    - bulk 2M\n    - bulk 3M\n" LINKS,
			"m.yaml:4: classes: limit \"bulk 3M\" is the second one of its class; remove one" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void rules_have_an_end(void **state)
{
	char *many = repeated(RULES, "    - bulk any\n", TRAFFIC_RULES_MAX, LINKS);

	(void)state;
	assert_int_equal(good(many)->classes.policy.rule_count, TRAFFIC_RULES_MAX);
	free(many);
	many = repeated(RULES, "    - bulk any\n", TRAFFIC_RULES_MAX + 1, LINKS);
	refused_as(many, "m.yaml:35: classes: more than 32 rules; write wider prefixes or ranges of ports");
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_keep_their_order_and_words),
		cmocka_unit_test(limits_are_rates_and_bursts),
		cmocka_unit_test(nothing_is_a_section_too),
		cmocka_unit_test(what_is_wrong_is_refused_at_its_line),
		cmocka_unit_test(rules_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
