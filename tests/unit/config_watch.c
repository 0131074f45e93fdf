/* Sites that are watched, node.watch, and whether the log of that is shared, node.share-log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

#define LINKS "links: [{name: a, preset: fibre}]\n"

static void sites_are_taken_by_their_names(void **state)
{
	const struct config *c = good("node: {watch: [city-post, \"区指挥部\"]}\n" LINKS);

	(void)state;
	assert_int_equal(c->watch_count, 2);
	assert_string_equal(c->watch[0], "city-post");
	assert_string_equal(c->watch[1], "区指挥部");
	assert_int_equal(good(LINKS)->watch_count, 0);
}

static void what_is_no_name_is_refused_with_its_line(void **state)
{
	static const struct refusal cases[] = {
		{ "node:\n  watch: city\n" LINKS,
			"m.yaml:2: node: \"watch\" takes a list; write watch: [city-post, district-post]" },
		{ "node:\n  watch:\n    - a\n    - b\n    - a\n" LINKS,
			"m.yaml:5: node: \"a\" is watched twice; write it once" },
		{ "node:\n  watch:\n    - " TEN TEN TEN "123\n" LINKS,
			"m.yaml:3: node: \"" TEN TEN TEN
			"123\" is no name of a node; watch takes names as meshctl nodes "
			"shows them, 1 to 32 bytes" },
		{ "node:\n  watch: [a, b, c, d, e, f, g]\n" LINKS,
			"m.yaml:2: node: more than 6 sites to watch; name those without whom nothing works" },
	};

	(void)state;
	all_refused(cases, COUNT(cases));
}

static void logs_are_shared_unless_the_file_says_no(void **state)
{
	static const struct refusal cases[] = {
		{ "node:\n  share-log: perhaps\n" LINKS,
			"m.yaml:2: node: share-log \"perhaps\" is neither yes nor no; write one of them" },
	};

	(void)state;
	assert_true(good(LINKS)->shares_log);
	assert_true(good("node: {share-log: yes}\n" LINKS)->shares_log);
	assert_false(good("node: {share-log: no}\n" LINKS)->shares_log);
	all_refused(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sites_are_taken_by_their_names),
		cmocka_unit_test(what_is_no_name_is_refused_with_its_line),
		cmocka_unit_test(logs_are_shared_unless_the_file_says_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
