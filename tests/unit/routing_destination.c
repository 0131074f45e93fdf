/* The indices of destinations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "routing/engine.h"

#define MANY 1000u

static struct prefix prefix_number(unsigned i)
{
	return prefix_of_host(address_ipv6((uint8_t[16]){ 0xfd, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i }));
}

static struct babel *speaker(struct prng *prng)
{
	const struct babel_output output = { 0 };
	struct babel_config config = { .id = { { 2 } } };

	prng_seed(prng, 1);
	config.random = prng_random(prng);
	struct babel *b = babel_new(&config, &output, NULL);
	assert_non_null(b);
	return b;
}

static struct destination *get(struct babel *b, unsigned i)
{
	struct prefix p = prefix_number(i);
	struct destination *d = destination_get(b, &p);

	assert_non_null(d);
	return d;
}

static void indices_are_dense_and_lead_back(void **state)
{
	struct prng prng;
	struct babel *b = speaker(&prng);

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(get(b, i)->index, i);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(destination_at(b, i), get(b, i));
	assert_null(destination_at(b, MANY));
	babel_free(b);
}

static void a_freed_index_is_nobodys_until_it_is_taken_again(void **state)
{
	struct prng prng;
	struct babel *b = speaker(&prng);

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		get(b, i);
	for (unsigned i = 0; i < MANY; i += 2)
		destination_release(get(b, i));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(destination_at(b, i) != NULL, i % 2);
	for (unsigned i = MANY; i < MANY + MANY / 2; i++)
		assert_true(get(b, i)->index < MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_non_null(destination_at(b, i));
		assert_int_equal(destination_at(b, i)->index, i);
	}
	assert_int_equal(get(b, 0)->index, MANY);
	babel_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indices_are_dense_and_lead_back),
		cmocka_unit_test(a_freed_index_is_nobodys_until_it_is_taken_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
