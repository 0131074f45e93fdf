/* Feasibility distances: where they hang, how many, how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "routing/engine.h"

#define NOW_US (1000 * SECOND)

struct speaker {
	struct prng prng;
	struct babel *b;
	struct destination *d;
};

static void speaker_start(struct speaker *s, size_t sources)
{
	const struct babel_output output = { 0 };
	struct babel_config config = { .id = { { 2 } }, .limits.sources = sources };
	struct prefix p = prefix_of_host(address_ipv6((uint8_t[16]){ 0xfd, 1 }));

	prng_seed(&s->prng, 1);
	config.random = prng_random(&s->prng);
	s->b = babel_new(&config, &output, NULL);
	assert_non_null(s->b);
	s->d = destination_get(s->b, &p);
	assert_non_null(s->d);
}

static router_id id_number(unsigned i)
{
	return (router_id){ { 1, [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i } };
}

static bool announce(struct speaker *s, unsigned origin, uint16_t seqno, uint16_t metric)
{
	const struct claim claim = { id_number(origin), seqno, metric };

	return source_update(s->d, NOW_US, BABEL_TEXT, &claim, SECOND);
}

static bool is_feasible(struct speaker *s, enum babel_class class, uint16_t seqno, uint16_t metric)
{
	const struct claim claim = { id_number(1), seqno, metric };

	return source_is_feasible(s->d, class, &claim);
}

static void the_distance_only_falls__rfc8966_3_5_1(void **state)
{
	router_id id = id_number(1);
	struct speaker s;

	(void)state;
	speaker_start(&s, 0);
	assert_true(is_feasible(&s, BABEL_TEXT, 9, 65534));
	assert_true(announce(&s, 1, 10, 300));
	assert_true(announce(&s, 1, 10, 400));
	assert_true(announce(&s, 1, 9, 100));
	assert_int_equal(source_find(s.d, &id)->distances[BABEL_TEXT].metric, 300);
	assert_int_equal(source_find(s.d, &id)->distances[BABEL_TEXT].seqno, 10);
	assert_false(is_feasible(&s, BABEL_TEXT, 10, 300));
	assert_true(is_feasible(&s, BABEL_TEXT, 10, 299));
	assert_true(is_feasible(&s, BABEL_TEXT, 11, 65534));
	assert_false(is_feasible(&s, BABEL_TEXT, 9, 1));
	assert_true(is_feasible(&s, BABEL_TEXT, 9, BABEL_INFINITY));
	assert_true(announce(&s, 1, 11, 500));
	assert_int_equal(source_find(s.d, &id)->distances[BABEL_TEXT].metric, 500);
	babel_free(s.b);
}

/* What one class has announced binds no other (protocol.md 3). */
static void each_class_has_its_own_distance(void **state)
{
	const struct claim bulk = { id_number(1), 12, 70 };
	struct speaker s;

	(void)state;
	speaker_start(&s, 0);
	assert_true(announce(&s, 1, 10, 300));
	assert_true(is_feasible(&s, BABEL_COMMAND, 9, 65534));
	assert_true(source_update(s.d, NOW_US, BABEL_BULK, &bulk, SECOND));
	assert_int_equal(s.b->source_count, 1);
	assert_false(is_feasible(&s, BABEL_BULK, 12, 70));
	assert_true(is_feasible(&s, BABEL_BULK, 12, 69));
	assert_true(is_feasible(&s, BABEL_TEXT, 10, 299));
	assert_false(is_feasible(&s, BABEL_TEXT, 10, 300));
	assert_true(is_feasible(&s, BABEL_COMMAND, 9, 65534));
	babel_free(s.b);
}

static void origins_of_one_prefix_are_told_apart(void **state)
{
	struct speaker s;

	(void)state;
	speaker_start(&s, 0);
	for (unsigned i = 0; i < 10; i++)
		assert_true(announce(&s, i, 1, (uint16_t)(100 + i)));
	for (unsigned i = 0; i < 10; i++) {
		router_id id = id_number(i);

		assert_int_equal(source_find(s.d, &id)->distances[BABEL_TEXT].metric, 100 + i);
	}
	assert_int_equal(s.b->source_count, 10);
	babel_free(s.b);
}

static void a_full_table_refuses_and_counts(void **state)
{
	struct speaker s;

	(void)state;
	speaker_start(&s, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_true(announce(&s, i, 1, 100));
	assert_false(announce(&s, 3, 1, 100));
	assert_true(announce(&s, 2, 1, 90));
	assert_int_equal(babel_counters(s.b)->refused_sources, 1);
	babel_free(s.b);
}

static void one_prefix_cannot_take_the_whole_table(void **state)
{
	struct speaker s;

	(void)state;
	speaker_start(&s, 0);
	for (unsigned i = 0; i < DESTINATION_SOURCES; i++)
		assert_true(announce(&s, i, 1, 100));
	assert_false(announce(&s, DESTINATION_SOURCES, 1, 100));
	assert_int_equal(babel_counters(s.b)->refused_sources, 1);
	babel_free(s.b);
}

/* The promise outlives the route, and the entry of the prefix with it. */
static void a_distance_is_kept_for_its_time_and_no_longer(void **state)
{
	struct prefix p = prefix_of_host(address_ipv6((uint8_t[16]){ 0xfd, 1 }));
	router_id id = id_number(1);
	uint16_t seqno, metric;
	struct speaker s;

	(void)state;
	speaker_start(&s, 0);
	announce(&s, 1, 1, 100);
	destination_release(s.d);
	babel_poll(s.b, NOW_US + SOURCE_GC_US - 1);
	assert_true(babel_feasibility_distance(s.b, &p, BABEL_TEXT, &id, &seqno, &metric));
	babel_poll(s.b, NOW_US + SOURCE_GC_US);
	assert_false(babel_feasibility_distance(s.b, &p, BABEL_TEXT, &id, &seqno, &metric));
	assert_int_equal(s.b->destinations.count, 0);
	babel_free(s.b);
}

/* A lease on a slow link may still run when that on a quick one is long over. */
static void the_longest_lease_counts_whoever_is_unpinned_last__R8(void **state)
{
	const uint64_t slow_us = 600 * SECOND, quick_us = 10 * SECOND;
	struct prefix p = prefix_of_host(address_ipv6((uint8_t[16]){ 0xfd, 1 }));
	router_id id = id_number(1);
	uint16_t seqno, metric;
	struct speaker s;

	(void)state;
	speaker_start(&s, 0);
	announce(&s, 1, 1, 100);
	source_pin(s.d, &id);
	source_pin(s.d, &id);
	babel_poll(s.b, NOW_US + 5000 * SECOND);
	source_unpin(s.d, NOW_US + 5000 * SECOND, &id, slow_us);
	source_unpin(s.d, NOW_US + 5001 * SECOND, &id, quick_us);
	destination_release(s.d);
	babel_poll(s.b, NOW_US + 5000 * SECOND + 4 * slow_us - 1);
	assert_true(babel_feasibility_distance(s.b, &p, BABEL_TEXT, &id, &seqno, &metric));
	babel_poll(s.b, NOW_US + 5000 * SECOND + 4 * slow_us);
	assert_false(babel_feasibility_distance(s.b, &p, BABEL_TEXT, &id, &seqno, &metric));
	babel_free(s.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_distance_only_falls__rfc8966_3_5_1),
		cmocka_unit_test(each_class_has_its_own_distance),
		cmocka_unit_test(origins_of_one_prefix_are_told_apart),
		cmocka_unit_test(a_full_table_refuses_and_counts),
		cmocka_unit_test(one_prefix_cannot_take_the_whole_table),
		cmocka_unit_test(a_distance_is_kept_for_its_time_and_no_longer),
		cmocka_unit_test(the_longest_lease_counts_whoever_is_unpinned_last__R8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
