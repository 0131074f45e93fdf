/* Scenarios taken apart and written again, and worlds made small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/fuzz.h"
#include "sim/world/shrink.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static struct sheet *sheet_of(const char *text)
{
	return sheet_parse(bytes_of(text, strlen(text)));
}

static void assert_written(struct sheet *s, const char *expected)
{
	size_t len;
	char *text = sheet_write(s, &len);

	assert_string_equal(text, expected);
	assert_int_equal(len, strlen(expected));
	free(text);
}

/* --- sheets ------------------------------------------------------------------------ */

static void a_scenario_is_written_an_entry_a_line(void **state)
{
	static const char written[] = "seed: 7\nnodes:\n  - {name: a, prefixes: [\"fd01::/64\"]}\n  - {name: \"b c\"}\n"
				      "faults: {from: 10, until: 60}\n";
	struct sheet *s = sheet_of("seed: 7\nnodes: [{name: a, prefixes: ['fd01::/64']}, {name: b c}]\nevents: []\n"
				   "faults:\n  from: 10\n  until: 60\n");

	(void)state;
	assert_non_null(s);
	assert_written(s, written);
	assert_int_equal(sheet_get(s, "nodes")->parts[1]->line, 4);
	struct sheet *again = sheet_of(written);
	assert_written(again, written);
	sheet_free(again);
	sheet_free(s);
}

static void words_that_yaml_would_misread_are_quoted(void **state)
{
	struct sheet *s = sheet_of("a: 'x: \"y\" \\ z'\nb: ''\nc: '{d}'\n");

	(void)state;
	assert_written(s, "a: \"x: \\\"y\\\" \\\\ z\"\nb: \"\"\nc: \"{d}\"\n");
	sheet_free(s);
}

static void parts_are_cut_set_and_copied(void **state)
{
	struct sheet *s = sheet_of("l: [a, b, c, d]\nm: {k: v}\n"), *copy = sheet_copy(s);

	(void)state;
	sheet_cut(sheet_get(s, "l"), 1, 2);
	sheet_set(s, "seed", "9");
	sheet_set(sheet_get(s, "m"), "k", "w");
	assert_written(s, "seed: 9\nl:\n  - a\n  - d\nm: {k: w}\n");
	assert_written(copy, "l:\n  - a\n  - b\n  - c\n  - d\nm: {k: v}\n");
	assert_null(sheet_get(s, "x"));
	assert_null(sheet_word(s, "l"));
	sheet_free(copy);
	sheet_free(s);
}

static void what_is_no_map_or_too_deep_is_refused(void **state)
{
	(void)state;
	assert_null(sheet_of("[a]"));
	assert_null(sheet_of("a: [\n"));
	assert_null(sheet_of("a: [[[[[[[[[[x]]]]]]]]]]"));
	assert_null(sheet_of("a: &x [*x]"));
	assert_null(sheet_of("[a]: b"));
}

/* --- ways to fail --------------------------------------------------------------------- */

static void assert_kind(const char *failure, const char *expected)
{
	char kind[SHRINK_KIND_MAX];

	shrink_kind_of(failure, kind);
	assert_string_equal(kind, expected);
}

static void numbers_do_not_tell_failures_apart(void **state)
{
	(void)state;
	assert_kind("no loop: at 20.079759 s: fdf3::1/128 goes n4 > n0 > n4", "no loop");
	assert_kind("reach n2 from n11 within 10.5 s of 3 s: never", "reach n2 from n11 within s of s");
	assert_kind("12 packets were delivered to another node than they were sent to",
		"packets were delivered to another node than they were sent to");
	assert_kind(
		"no breach: at 3.2 s: n5 does not account for packets: 5 in, 4 out", "does not account for packets");
	assert_kind("no breach: at 3.2 s: n5 keeps 9 certificates, at most 8", "keeps certificates, at most");
}

/* --- worlds ------------------------------------------------------------------------------- */

static char *fuzz_text(uint64_t seed, const char *more)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(fuzz_write(seed, out), 0);
	fputs(more, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static struct shrink shrunk(const char *text)
{
	struct shrink s = { .workers = 2, .until_us = UINT64_MAX };
	char error[PLAN_ERROR_MAX];

	if (shrink_begin(&s, sheet_of(text), error))
		fail_msg("%s", error);
	shrink_run(&s);
	return s;
}

/* So many nodes in a row, and no answer comes within 20 microseconds. */
static void row_write(char *text, size_t size, unsigned nodes, unsigned from, unsigned to)
{
	size_t len = (size_t)snprintf(text, size, "for: 40\nnodes:\n");

	for (unsigned i = 0; i < nodes; i++)
		len += (size_t)snprintf(
			text + len, size - len, "  - {name: n%u, prefixes: [\"2001:db8:%u::/48\"]}\n", i, i);
	len += (size_t)snprintf(text + len, size - len, "links:\n");
	for (unsigned i = 0; i + 1 < nodes; i++)
		len += (size_t)snprintf(text + len, size - len,
			"  - {name: l%u, preset: fibre, ends: [\"n%u:a\", \"n%u:b\"], jitter: 1ms}\n", i, i, i + 1);
	snprintf(text + len, size - len,
		"events:\n  - {at: 20, do: cut l1}\n  - {at: 30, do: restore l1}\n  - {at: 21, do: power-off n1}\n"
		"  - {at: 23, do: power-on n1}\nflows:\n  - {name: f, from: n0, to: n2, every: 1}\n"
		"expect:\n  - whole: {after: 0, within: 20}\n  - reach: {from: n%u, to: n%u, after: 8, within: 20us}\n",
		from, to);
}

static void an_impossible_wish_of_two_of_twelve_nodes_needs_two_nodes(void **state)
{
	char text[4096];
	size_t len;

	(void)state;
	row_write(text, sizeof(text), 12, 2, 9);
	struct shrink s = shrunk(text);
	char *small = sheet_write(s.best, &len);

	assert_string_equal(s.kind, "reach n9 from n2 within s of s, joined by links");
	assert_int_equal(sheet_get(s.best, "nodes")->count, 2);
	assert_int_equal(sheet_get(s.best, "links")->count, 1);
	assert_null(strstr(small, "events:"));
	assert_null(strstr(small, "flows:"));
	assert_non_null(strstr(small, "{reach: {from: n2, to: n9, after: 8, within: 20us}}"));
	assert_non_null(strstr(small, "for: 9\n"));
	free(small);
	shrink_done(&s);
}

/* What has nothing to do with it goes: who listens at the link, what is sent, what all knew of each other. */
static void attacks_files_and_groups_are_left_out(void **state)
{
	static const char text[] = "for: 20\nacquainted: yes\nfaults: {from: 15, until: 19, every: 1}\n"
				   "nodes:\n  - {name: a}\n  - {name: b}\n"
				   "links:\n  - {name: l, preset: mesh-radio, ends: [\"a:r\", \"b:r\"]}\n"
				   "attacks:\n  - {name: x, link: l, from: 5, do: garble, rate: 10}\n"
				   "files:\n  - {name: image, from: a, to: b, size: 20k}\n"
				   "groups:\n  - {name: net, members: [a, b]}\n"
				   "expect:\n  - arrives: {file: image, within: 20}\n"
				   "  - reach: {from: a, to: b, after: 8, within: 20us}\n";
	size_t len;

	(void)state;
	struct shrink s = shrunk(text);
	char *small = sheet_write(s.best, &len);

	assert_string_equal(small, "seed: 0\nfor: 9\nnodes:\n  - {name: a}\n  - {name: b}\n"
				   "links:\n  - {name: l, preset: mesh-radio, ends: [\"a:r\", \"b:r\"]}\n"
				   "expect:\n  - {reach: {from: a, to: b, after: 8, within: 20us}}\n");
	free(small);
	shrink_done(&s);
}

static void a_world_becomes_small_the_same_way_every_time(void **state)
{
	char text[4096];
	size_t len;

	(void)state;
	row_write(text, sizeof(text), 4, 0, 3);
	struct shrink s = shrunk(text), again = shrunk(text);
	char *small = sheet_write(s.best, &len);

	assert_int_equal(s.tries, again.tries);
	assert_written(again.best, small);
	free(small);
	shrink_done(&again);
	shrink_done(&s);
}

static void what_holds_cannot_be_shrunk(void **state)
{
	struct shrink s = { .workers = 1, .until_us = UINT64_MAX };
	char error[PLAN_ERROR_MAX];
	char *text = fuzz_text(1, "");

	(void)state;
	assert_int_equal(shrink_begin(&s, sheet_of(text), error), -ENOENT);
	shrink_done(&s);
	assert_int_equal(shrink_begin(&s, sheet_of("for: 10\n"), error), -EINVAL);
	assert_non_null(strstr(error, "no nodes"));
	shrink_done(&s);
	free(text);
}

static void no_more_is_tried_when_the_time_is_over(void **state)
{
	struct shrink s = { .workers = 1 };
	char error[PLAN_ERROR_MAX];
	char *text = fuzz_text(1, "  - reach: {from: n0, to: n1, after: 8, within: 20us}\n");

	(void)state;
	assert_int_equal(shrink_begin(&s, sheet_of(text), error), 0);
	shrink_run(&s);
	assert_int_equal(s.found, 0);
	shrink_done(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scenario_is_written_an_entry_a_line),
		cmocka_unit_test(words_that_yaml_would_misread_are_quoted),
		cmocka_unit_test(parts_are_cut_set_and_copied),
		cmocka_unit_test(what_is_no_map_or_too_deep_is_refused),
		cmocka_unit_test(numbers_do_not_tell_failures_apart),
		cmocka_unit_test(an_impossible_wish_of_two_of_twelve_nodes_needs_two_nodes),
		cmocka_unit_test(attacks_files_and_groups_are_left_out),
		cmocka_unit_test(a_world_becomes_small_the_same_way_every_time),
		cmocka_unit_test(what_holds_cannot_be_shrunk),
		cmocka_unit_test(no_more_is_tried_when_the_time_is_over),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
