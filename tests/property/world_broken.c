/*
 * The invariants of the simulated worlds can fail: with an engine that breaks one
 * rule, random worlds fail, and that is seen within a hundred seeds. With the
 * same files and no rule broken they hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/fuzz.h"
#include "tests/property/world_broken/broken.h"

#include <sodium.h>
#include <string.h>

#define SEEDS 100
#define WHOLE_SEEDS 3

enum breakage broken;

static void caught(enum breakage breakage, const char *failure)
{
	struct fuzz_verdict v;
	uint64_t seed = 1;

	broken = breakage;
	for (; seed <= SEEDS; seed++) {
		fuzz_judge(seed, &v);
		if (!v.is_good && strncmp(v.failure, failure, strlen(failure)) == 0)
			break;
	}
	broken = BROKEN_NOT;
	assert_true(seed <= SEEDS);
	print_message("# caught with seed %llu: %s\n", (unsigned long long)seed, v.failure);
}

static void without_feasibility_there_are_loops(void **state)
{
	(void)state;
	caught(BROKEN_FEASIBILITY, "no loop: ");
}

static void with_sources_forgotten_there_are_loops(void **state)
{
	(void)state;
	caught(BROKEN_SOURCES, "no loop: ");
}

static void without_retractions_there_are_black_holes(void **state)
{
	(void)state;
	caught(BROKEN_RETRACTION, "whole ");
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
		cmocka_unit_test(without_retractions_there_are_black_holes),
		cmocka_unit_test(with_no_rule_broken_the_same_worlds_hold),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
