/*
 * The invariants of the simulated worlds can fail: with nodes that break one
 * rule, random worlds fail, and that is seen within a hundred seeds. With the
 * same files and no rule broken they hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/fuzz.h"
#include "sim/world/shrink.h"
#include "tests/property/world_broken/broken.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 100
#define WHOLE_SEEDS 3
/* Sanitizers and coverage cost a factor of five, and what they would find the plain engine shows in world_fuzz.c. */
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define IS_SLOW 1
#else
#define IS_SLOW 0
#endif
#define SHRINK_US (600 * SECOND_US) /* of real time, at most: a few seconds where nobody else works */

enum breakage broken;

/* The seed whose world is the first to fail, and as it should. */
static uint64_t caught(enum breakage breakage, const char *failure)
{
	struct fuzz_campaign c = { .first = 1, .last = SEEDS, .workers = 2 };
	char *said = NULL;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	assert_non_null(out);
	broken = breakage;
	assert_int_equal(fuzz_campaign_run(&c, out), 0);
	broken = BROKEN_NOT;
	assert_int_equal(fclose(out), 0);
	assert_int_equal(c.failed, 1);
	print_message("# caught: %s", said);
	assert_non_null(strstr(said, failure));
	free(said);
	return c.worlds;
}

static void without_feasibility_there_are_loops(void **state)
{
	(void)state;
	caught(BROKEN_FEASIBILITY, ": no loop: ");
}

static void with_sources_forgotten_there_are_loops(void **state)
{
	(void)state;
	caught(BROKEN_SOURCES, ": no loop: ");
}

static void without_the_mark_of_fallen_packets_there_are_loops(void **state)
{
	(void)state;
	caught(BROKEN_MARK, ": no loop: ");
}

#if !IS_SLOW
/* Where acknowledgments say that everybody knows, routes are used too early; elsewhere ghosts stay. */
static void without_retractions_worlds_fail(void **state)
{
	(void)state;
	caught(BROKEN_RETRACTION, ": ");
}

static void a_world_that_loops_becomes_small(void **state)
{
	uint64_t seed = caught(BROKEN_FEASIBILITY, ": no loop: ");
	struct shrink s = { .workers = 2, .until_us = real_time_us() + SHRINK_US };
	char *text = NULL, error[PLAN_ERROR_MAX];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	assert_int_equal(fuzz_write(seed, out), 0);
	assert_int_equal(fclose(out), 0);
	broken = BROKEN_FEASIBILITY;
	assert_int_equal(shrink_begin(&s, sheet_parse(bytes_of(text, len)), error), 0);
	assert_string_equal(s.kind, "no loop");
	shrink_run(&s);
	free(text);
	print_message("# made small: %u nodes, %u tries\n", sheet_get(s.best, "nodes")->count, s.tries);
	assert_true(sheet_get(s.best, "nodes")->count <= 6);
	/* It is the engine that loops: as it should be, it does not. */
	broken = BROKEN_NOT;
	struct sheet *small = s.best;
	assert_int_equal(shrink_begin(&s, small, error), -ENOENT);
	shrink_done(&s);
}

#endif

/* Not the campaign: each death is the failure of its seed. */
static void a_node_that_dies_takes_only_its_world_with_it(void **state)
{
	struct fuzz_campaign c = { .first = 1, .last = 5, .workers = 2, .keeps_going = true };
	char *said = NULL;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	(void)state;
	assert_non_null(out);
	broken = BROKEN_DEATH;
	assert_int_equal(fuzz_campaign_run(&c, out), 0);
	broken = BROKEN_NOT;
	assert_int_equal(fclose(out), 0);
	assert_int_equal(c.worlds, 5);
	assert_int_equal(c.failed, 5);
	assert_non_null(strstr(said, "seed 1: its process died: Aborted\n"));
	assert_non_null(strstr(said, "seed 5: its process died: Aborted\n"));
	free(said);
}

static void with_no_rule_broken_the_same_worlds_hold(void **state)
{
	struct fuzz_verdict v;

	(void)state;
	for (uint64_t seed = 1; seed <= WHOLE_SEEDS; seed++) {
		fuzz_judge(seed, &v);
		if (!v.is_good)
			fail_msg("seed %llu: %s", (unsigned long long)seed, v.failure);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_feasibility_there_are_loops),
		cmocka_unit_test(with_sources_forgotten_there_are_loops),
		cmocka_unit_test(without_the_mark_of_fallen_packets_there_are_loops),
#if !IS_SLOW
		cmocka_unit_test(without_retractions_worlds_fail),
		cmocka_unit_test(a_world_that_loops_becomes_small),
#endif
		cmocka_unit_test(a_node_that_dies_takes_only_its_world_with_it),
		cmocka_unit_test(with_no_rule_broken_the_same_worlds_hold),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
