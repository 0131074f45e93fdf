/* Rules about prefixes: what they match, and what is said about those that are none. */
#include "meshd/base/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct rule rule(const char *text)
{
	struct rule r;

	assert_null(rule_parse(&r, text));
	return r;
}

static bool matches(const char *text, const char *prefix)
{
	struct rule r = rule(text);
	struct prefix p;

	assert_int_equal(prefix_parse(&p, prefix), 0);
	return rule_matches(&r, &p, NULL, NULL);
}

static void a_prefix_stands_for_itself_and_all_inside(void **state)
{
	(void)state;
	assert_true(matches("10.1.0.0/16", "10.1.0.0/16"));
	assert_true(matches("10.1.0.0/16", "10.1.2.3"));
	assert_false(matches("10.1.0.0/16", "10.0.0.0/8"));
	assert_false(matches("10.1.0.0/16", "10.2.0.0/16"));
	assert_true(matches("fd00::/8", "fd12:3456::/32"));
	assert_false(matches("0.0.0.0/0", "::/0"));
}

static void lengths_narrow_down(void **state)
{
	(void)state;
	assert_true(matches("10.1.0.0/16 16", "10.1.0.0/16"));
	assert_false(matches("10.1.0.0/16 16", "10.1.2.0/24"));
	assert_true(matches("10.1.0.0/16 20-24", "10.1.2.0/24"));
	assert_false(matches("10.1.0.0/16 20-24", "10.1.0.0/16"));
	assert_false(matches("10.1.0.0/16 20-24", "10.1.2.0/25"));
	assert_true(matches("any 0", "::/0"));
	assert_true(matches("any 0", "0.0.0.0/0"));
	assert_false(matches("any 0", "10.0.0.0/8"));
}

static void any_is_both_families(void **state)
{
	(void)state;
	assert_true(matches("any", "10.1.2.3"));
	assert_true(matches("any", "fd00::1"));
}

static void words_come_in_their_order(void **state)
{
	struct rule r = rule("allow 10.1.0.0/16 16-24 +96 from fe80::1");
	struct address from;

	(void)state;
	assert_false(r.is_deny);
	assert_int_equal(r.low, 16);
	assert_int_equal(r.high, 24);
	assert_int_equal(r.cost, 96);
	address_parse(&from, "fe80::1");
	assert_true(address_equal(&r.from, &from));
	assert_true(rule("deny any").is_deny);
	assert_int_equal(rule("any +5").cost, 5);
}

static void a_named_neighbour_is_the_only_one(void **state)
{
	struct rule r = rule("any from fe80::1");
	struct address one, other;
	struct prefix p;

	(void)state;
	address_parse(&one, "fe80::1");
	address_parse(&other, "fe80::2");
	prefix_parse(&p, "10.0.0.0/8");
	assert_true(rule_matches(&r, &p, &one, NULL));
	assert_false(rule_matches(&r, &p, &other, NULL));
	assert_false(rule_matches(&r, &p, NULL, NULL));
}

static void a_named_member_is_the_only_one(void **state)
{
	struct rule from = rule("any +5 from relay-2"), to = rule("deny any to relay-2");
	struct address one;
	struct prefix p;

	(void)state;
	address_parse(&one, "fe80::1");
	prefix_parse(&p, "10.0.0.0/8");
	assert_string_equal(from.name, "relay-2");
	assert_int_equal(from.from.family, FAMILY_NONE);
	assert_false(from.is_to);
	assert_true(to.is_to);
	assert_true(rule_matches(&from, &p, &one, "relay-2"));
	assert_false(rule_matches(&from, &p, &one, "relay-22"));
	assert_false(rule_matches(&to, &p, &one, NULL));
	assert_false(rule_equal(&from, &to));
}

static void the_first_that_matches_decides(void **state)
{
	const struct rule rules[] = { rule("deny 10.1.9.0/24"), rule("10.1.0.0/16 +7"), rule("deny any") };
	struct prefix p;

	(void)state;
	prefix_parse(&p, "10.1.9.0/25");
	assert_ptr_equal(rules_find(rules, 3, &p, NULL, NULL), &rules[0]);
	prefix_parse(&p, "10.1.8.0/24");
	assert_ptr_equal(rules_find(rules, 3, &p, NULL, NULL), &rules[1]);
	prefix_parse(&p, "fd00::/8");
	assert_ptr_equal(rules_find(rules, 3, &p, NULL, NULL), &rules[2]);
	assert_null(rules_find(rules, 2, &p, NULL, NULL));
}

static void what_is_no_rule_is_told_why(void **state)
{
	static const struct {
		const char *text, *wrong;
	} cases[] = {
		{ "", "no prefix" },
		{ "deny", "no prefix" },
		{ "10.1.0.0/33", "no prefix" },
		{ "10.1.2.3/16", "beyond its length" },
		{ "10.1.0.0/16 40", "beyond its family's" },
		{ "10.1.0.0/16 8", "not below" },
		{ "10.1.0.0/16 24-20", "not below" },
		{ "10.1.0.0/16 20-", "is none" },
		{ "10.1.0.0/16 20x", "not below" },
		{ "any +", "a cost that is none" },
		{ "any +40000", "a cost that is none" },
		{ "deny any +5", "what it denies" },
		{ "any from", "no neighbour" },
		{ "any from 2001:db8::1", "no neighbour" },
		{ "any to fe80::1", "no neighbour" },
		{ "any to", "no neighbour" },
		{ "any from a-name-that-is-longer-than-certificates-have", "no neighbour" },
		{ "any from a to b", "more than a rule" },
		{ "any +1 16", "more than a rule" },
		{ "a b c d e f g h i", "too many words" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule r;
		const char *wrong = rule_parse(&r, cases[i].text);

		assert_non_null(wrong);
		if (!strstr(wrong, cases[i].wrong))
			fail_msg("\"%s\": %s", cases[i].text, wrong);
	}
}

static void rules_are_equal_in_all_they_say(void **state)
{
	const struct rule a = rule("10.1.0.0/16 16-24 +96 from fe80::1");
	static const char *const others[] = { "deny 10.1.0.0/16 16-24 from fe80::1",
		"10.2.0.0/16 16-24 +96 from fe80::1", "10.1.0.0/16 17-24 +96 from fe80::1",
		"10.1.0.0/16 16-25 +96 from fe80::1", "10.1.0.0/16 16-24 +95 from fe80::1",
		"10.1.0.0/16 16-24 +96 from fe80::2", "any 16-24 +96 from fe80::1" };

	(void)state;
	assert_true(rule_equal(&a, &a));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct rule b = rule(others[i]);

		assert_false(rule_equal(&a, &b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_stands_for_itself_and_all_inside),
		cmocka_unit_test(lengths_narrow_down),
		cmocka_unit_test(any_is_both_families),
		cmocka_unit_test(words_come_in_their_order),
		cmocka_unit_test(a_named_neighbour_is_the_only_one),
		cmocka_unit_test(a_named_member_is_the_only_one),
		cmocka_unit_test(the_first_that_matches_decides),
		cmocka_unit_test(what_is_no_rule_is_told_why),
		cmocka_unit_test(rules_are_equal_in_all_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
