/*
 * The shipped scenarios: each keeps all that it expects, and no loop is ever seen.
 * What is under sim/scenarios/long/ takes minutes (make check-long), but must be readable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/trial.h"

#include <glob.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FEWEST 10 /* if fewer are found we look in the wrong place */

static glob_t found, long_ones;

static struct plan *load(const char *path)
{
	char error[PLAN_ERROR_MAX];
	struct plan *p = plan_load(path, error);

	if (!p)
		fail_msg("%s", error);
	return p;
}

static void scenario_keeps_what_it_expects(void **state)
{
	const char *path = *state;
	struct plan *p = load(path);
	struct trial *t = trial_new(p, p->seed, NULL);
	char failure[PLAN_ERROR_MAX];

	assert_non_null(t);
	assert_true(p->expect_count > 0);
	trial_run(t, NULL);
	if (trial_failure(t, failure)) {
		trial_print(t, stderr);
		fail_msg("%s: %s", path, failure);
	}
	assert_true(t->world->looks > 0);
	trial_free(t);
	plan_free(p);
}

/* As often as nodes let packets fall, packets arrived that had fallen, orders and pictures. */
static void what_loses_its_class_falls_once__protocol_7_2_16(void **state)
{
	struct plan *p = load("sim/scenarios/16-class-lost.yaml");
	struct trial *t = trial_new(p, p->seed, NULL);
	uint64_t falls = 0, fallen = 0;

	(void)state;
	assert_non_null(t);
	trial_run(t, NULL);
	for (unsigned i = 0; i < t->world->station_count; i++)
		falls += node_counters(t->world->stations[i]->node)->packets_fallen;
	for (unsigned i = 0; i < p->flow_count; i++)
		fallen += t->flows[i].fallen;
	assert_int_equal(t->flows[0].fallen, 0);
	assert_true(t->flows[1].fallen > 0 && t->flows[2].fallen > 0);
	assert_int_equal(falls, fallen);
	trial_free(t);
	plan_free(p);
}

static void long_scenarios_are_readable(void **state)
{
	(void)state;
	for (size_t i = 0; i < long_ones.gl_pathc; i++)
		plan_free(load(long_ones.gl_pathv[i]));
}

static void scenarios_are_shipped(void **state)
{
	(void)state;
	assert_true(found.gl_pathc >= FEWEST);
}

int main(void)
{
	struct CMUnitTest *tests;
	size_t count = 0;

	if (sodium_init() < 0 || glob("sim/scenarios/*.yaml", 0, NULL, &found) ||
		glob("sim/scenarios/long/*.yaml", 0, NULL, &long_ones))
		return 1;
	tests = calloc(found.gl_pathc + 3, sizeof(*tests));
	if (!tests)
		return 1;
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(scenarios_are_shipped);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(long_scenarios_are_readable);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(what_loses_its_class_falls_once__protocol_7_2_16);
	for (size_t i = 0; i < found.gl_pathc; i++)
		tests[count++] = (struct CMUnitTest){
			.name = found.gl_pathv[i],
			.test_func = scenario_keeps_what_it_expects,
			.initial_state = found.gl_pathv[i],
		};
	int failed = _cmocka_run_group_tests("scenarios", tests, count, NULL, NULL);

	free(tests);
	globfree(&found);
	globfree(&long_ones);
	return failed;
}
