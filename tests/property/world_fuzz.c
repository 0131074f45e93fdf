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
#define WORLDS 200
#endif
#define WORKERS 2

static void random_worlds_hold_every_invariant(void **state)
{
	struct fuzz_campaign c = { .first = 1, .last = WORLDS, .workers = WORKERS, .keeps_going = true };

	(void)state;
	assert_int_equal(fuzz_campaign_run(&c, stdout), 0);
	assert_int_equal(c.worlds, WORLDS);
	assert_int_equal(c.failed, 0);
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

static void any_number_of_workers_says_the_same(void **state)
{
	char *said[2] = { NULL, NULL };
	struct fuzz_campaign c[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		size_t len;
		FILE *out = open_memstream(&said[i], &len);

		assert_non_null(out);
		c[i] = (struct fuzz_campaign){ .first = 3, .last = 9, .workers = 1 + 2 * i };
		assert_int_equal(fuzz_campaign_run(&c[i], out), 0);
		assert_int_equal(fclose(out), 0);
	}
	assert_int_equal(c[0].worlds, 7);
	assert_int_equal(c[1].worlds, 7);
	assert_memory_equal(c[0].digest, c[1].digest, sizeof(c[0].digest));
	assert_string_equal(said[0], said[1]);
	free(said[0]);
	free(said[1]);
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
		cmocka_unit_test(any_number_of_workers_says_the_same),
		cmocka_unit_test(random_worlds_hold_every_invariant),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
