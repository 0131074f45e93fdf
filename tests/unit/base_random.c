/* Randomness: bounds without bias, and seeds that repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/random.h"

#include <string.h>

/* Hands out decided values, in order. */
struct script {
	uint64_t values[8];
	unsigned next;
};

static void script_fill(void *user, void *out, size_t len)
{
	struct script *s = user;

	assert_true(s->next < 8);
	memcpy(out, &s->values[s->next++], len);
}

static void values_that_would_bias_are_drawn_again(void **state)
{
	/* 2^64 mod 3 is 1: of 2^64 values the first one is too many. */
	struct script s = { .values = { 0, 1 } };
	struct random r = { script_fill, &s };

	(void)state;
	assert_int_equal(random_below(&r, 3), 1);
	assert_int_equal(s.next, 2);
	/* Just above half of the range nearly every other value is too many: 2^64 mod (2^63 + 1) = 2^63 - 1. */
	uint64_t bound = (UINT64_C(1) << 63) + 1, least = (UINT64_C(1) << 63) - 1;
	s = (struct script){ .values = { 0, least - 1, least } };
	assert_true(random_below(&r, bound) == least);
	assert_int_equal(s.next, 3);
	/* Powers of two take the first value whatever it is. */
	s = (struct script){ .values = { 0, UINT64_MAX } };
	assert_int_equal(random_below(&r, 256), 0);
	assert_int_equal(random_below(&r, 256), 255);
	assert_int_equal(s.next, 2);
}

static void edges_of_the_bound(void **state)
{
	struct script s = { .values = { UINT64_MAX, UINT64_MAX } };
	struct random r = { script_fill, &s };

	(void)state;
	assert_int_equal(random_below(&r, 0), 0);
	assert_int_equal(s.next, 0);
	assert_int_equal(random_below(&r, 1), 0);
	assert_true(random_below(&r, UINT64_MAX) == 0);
}

static void all_values_come_equally_often__property(void **state)
{
	static const uint64_t bounds[] = { 2, 3, 6, 7, 10 };
	struct prng prng;

	(void)state;
	prng_seed(&prng, 1);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		unsigned counts[10] = { 0 }, rounds = 10000 * (unsigned)bounds[i];
		double chi = 0;

		for (unsigned j = 0; j < rounds; j++) {
			uint64_t v = prng_below(&prng, bounds[i]);

			assert_true(v < bounds[i]);
			counts[v]++;
		}
		for (uint64_t v = 0; v < bounds[i]; v++)
			chi += ((double)counts[v] - 10000) * ((double)counts[v] - 10000) / 10000;
		assert_true(chi < 34); /* one in 10,000 by chance at nine degrees of freedom; the seed is fixed */
	}
}

static void words_come_from_the_generator(void **state)
{
	struct script s = { .values = { UINT64_C(0x1122334455667788), UINT64_C(0x99aabbccddeeff00) } };
	struct random r = { script_fill, &s };
	uint32_t half;

	(void)state;
	memcpy(&half, &s.values[0], sizeof(half));
	assert_int_equal(random_u32(&r), half);
	assert_true(random_u64(&r) == UINT64_C(0x99aabbccddeeff00));
}

/* xoshiro256** from the state 1, 2, 3, 4; the first is rotl(2 * 5, 7) * 9, before which s[1] becomes 1 ^ 2 ^ 3. */
static void the_generator_is_xoshiro256starstar(void **state)
{
	struct prng p = { .state = { 1, 2, 3, 4 } };

	(void)state;
	assert_true(prng_next(&p) == 11520);
	assert_true(prng_next(&p) == 0);
	assert_true(prng_next(&p) == 1509978240);
	assert_true(prng_next(&p) == UINT64_C(1215971899390074240));
}

static void a_seed_repeats_and_another_differs(void **state)
{
	struct prng a, b, c;
	uint8_t filled[21], again[21];

	(void)state;
	prng_seed(&a, 7);
	prng_seed(&b, 7);
	prng_seed(&c, 8);
	for (int i = 0; i < 100; i++) {
		uint64_t v = prng_next(&a);

		assert_true(v == prng_next(&b));
		assert_true(v != prng_next(&c));
	}
	struct random r = prng_random(&a), s = prng_random(&b);
	random_fill(&r, filled, sizeof(filled));
	random_fill(&s, again, sizeof(again));
	assert_memory_equal(filled, again, sizeof(filled));
	prng_seed(&a, 0); /* a state of zeros would never leave them */
	assert_true(prng_next(&a) != 0 || prng_next(&a) != 0);
}

static void the_unit_interval_is_half_open(void **state)
{
	struct prng p;
	double sum = 0;

	(void)state;
	prng_seed(&p, 1);
	for (int i = 0; i < 100000; i++) {
		double v = prng_unit(&p);

		assert_true(v >= 0 && v < 1);
		sum += v;
	}
	assert_true(sum > 49500 && sum < 50500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_would_bias_are_drawn_again),
		cmocka_unit_test(edges_of_the_bound),
		cmocka_unit_test(all_values_come_equally_often__property),
		cmocka_unit_test(words_come_from_the_generator),
		cmocka_unit_test(the_generator_is_xoshiro256starstar),
		cmocka_unit_test(a_seed_repeats_and_another_differs),
		cmocka_unit_test(the_unit_interval_is_half_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
