/*
 * The oracle of the simulated worlds can fail: with an engine that takes every
 * update for feasible, random worlds loop, and the loop is seen soon.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The engine's source table, but for the one rule that keeps it free of loops: it takes the library's place. */
#define source_is_feasible source_is_feasible_by_the_rule
#include "routing/source.c"
#undef source_is_feasible

#include "sim/world/fuzz.h"

#include <sodium.h>
#include <string.h>

#define SEEDS 100

bool source_is_feasible(const struct destination *d, const router_id *id, uint16_t seqno, uint16_t metric);

bool source_is_feasible(const struct destination *d, const router_id *id, uint16_t seqno, uint16_t metric)
{
	(void)source_is_feasible_by_the_rule(d, id, seqno, metric);
	return true;
}

static void an_engine_without_feasibility_is_caught(void **state)
{
	char failure[PLAN_ERROR_MAX];
	uint64_t seed = 1;

	(void)state;
	while (seed <= SEEDS && (fuzz_world(seed, failure) || strncmp(failure, "no loop: ", 9) != 0))
		seed++;
	assert_true(seed <= SEEDS);
	print_message("# caught with seed %llu: %s\n", (unsigned long long)seed, failure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_engine_without_feasibility_is_caught),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
