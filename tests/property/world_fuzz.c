/*
 * Random worlds of whole nodes (sim/world/fuzz.c): no loop after any event, and
 * whole again within a minute of the last fault. A seed that fails is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/fuzz.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* What a check has time for; sanitizers and coverage cost a factor of five. */
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define WORLDS 20
#else
#define WORLDS 100
#endif

static void random_worlds_have_no_loop_and_become_whole(void **state)
{
	char failure[PLAN_ERROR_MAX];

	(void)state;
	for (uint64_t seed = 1; seed <= WORLDS; seed++)
		if (!fuzz_world(seed, failure))
			fail_msg("%s; replay: meshsim fuzz --print %llu >w.yaml; meshsim run w.yaml --verbose", failure,
				(unsigned long long)seed);
}

static char *written(uint64_t seed)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(fuzz_write(seed, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void a_seed_is_one_world(void **state)
{
	char *first = written(5), *again = written(5), *other = written(6);

	(void)state;
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
	free(first);
	free(again);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_is_one_world),
		cmocka_unit_test(random_worlds_have_no_loop_and_become_whole),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
