/* What clocks say, and who is told: the times of a report are as good as they are, and nothing else follows. */
#include "tests/unit/node_world.h"

#define T_LO_S (60ull * 29000000) /* a date that has been */

/* 0, 1, 2 and 3 in one cell; `says` is what their clocks say, less than nothing: no shell told. */
static struct world *cell(uint64_t seed, const int64_t says[4])
{
	struct world *w = world_of(seed, 4);

	for (unsigned i = 0; i < 4; i++) {
		station_kill(w, i);
		w->stations[i].t_lo = T_LO_S / 60;
		station_start(w, i);
		station_join(w, i, 0);
		if (says[i] >= 0)
			node_clock_set(w->stations[i].node, w->now, (uint64_t)says[i]);
		station_poll(&w->stations[i]);
	}
	world_run(w, 20 * A_SECOND);
	all_reach(w, 4);
	return w;
}

static struct node_clock clock_of(const struct world *w, unsigned i)
{
	return node_clock(w->stations[i].node, w->now);
}

#define NOW ((int64_t)T_LO_S + 86400)

static void clocks_that_agree_are_good(void **state)
{
	struct world *w = cell(1, (int64_t[]){ NOW, NOW + 20, NOW - 60, NOW + 40 });

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(clock_of(w, i).state, NODE_CLOCK_GOOD);
		assert_int_equal(clock_of(w, i).witnesses, 3);
		assert_int_equal(clock_of(w, i).apart, 0);
	}
	assert_in_range(clock_of(w, 0).date_s, NOW + 20, NOW + 22);
	world_free(w);
}

static void who_is_apart_says_so_and_the_others_do_not(void **state)
{
	struct world *w = cell(2, (int64_t[]){ NOW, NOW + 3600, NOW, NOW });

	(void)state;
	assert_int_equal(clock_of(w, 1).state, NODE_CLOCK_APART);
	assert_in_range(clock_of(w, 1).ahead_s, 3598, 3602);
	assert_int_equal(clock_of(w, 1).apart, 3);
	assert_int_equal(clock_of(w, 0).state, NODE_CLOCK_GOOD);
	assert_int_equal(clock_of(w, 0).apart, 1);
	/* Somebody sets it: the others hear of it at once. */
	node_clock_set(w->stations[1].node, w->now, (uint64_t)NOW + 20);
	station_poll(&w->stations[1]);
	world_run(w, A_SECOND);
	assert_int_equal(clock_of(w, 1).state, NODE_CLOCK_GOOD);
	assert_int_equal(clock_of(w, 0).apart, 0);
	world_free(w);
}

/* Scenario 24 of protocol.md 7.2, as people see it. */
static void in_1970_and_in_2040_a_clock_is_wrong_by_itself(void **state)
{
	const int64_t in_2100 = 60ll * UINT32_MAX; /* after every certificate here */
	struct world *w = cell(3, (int64_t[]){ 40, in_2100, NOW, -1 });
	uint32_t t_lo = w->stations[2].node->time_floor.t_lo;

	(void)state;
	assert_int_equal(clock_of(w, 0).state, NODE_CLOCK_UNSET);
	assert_int_equal(clock_of(w, 1).state, NODE_CLOCK_PAST);
	/* They are no witnesses, nor is who has not said anything. */
	assert_int_equal(clock_of(w, 2).witnesses, 0);
	assert_int_equal(clock_of(w, 2).state, NODE_CLOCK_GOOD);
	assert_int_equal(clock_of(w, 3).state, NODE_CLOCK_GOOD);
	assert_int_equal(w->stations[2].node->time_floor.t_lo, t_lo);
	world_free(w);
}

static void with_two_witnesses_the_nearer_one_is_believed(void **state)
{
	struct world *w = cell(4, (int64_t[]){ NOW, NOW + 7200, NOW + 10, -1 });

	(void)state;
	assert_int_equal(clock_of(w, 0).state, NODE_CLOCK_GOOD);
	assert_int_equal(clock_of(w, 1).state, NODE_CLOCK_APART);
	world_free(w);
}

static void what_is_malformed_is_counted(void **state)
{
	static const uint8_t cut[] = { KIND_CONTROL, CONTROL_CLOCK, 1, 2, 3 };
	struct world *w = cell(5, (int64_t[]){ NOW, NOW, NOW, NOW });
	const struct node_drops *drops = &node_counters(w->stations[1].node)->drops;
	uint64_t before = drops->control_malformed;

	(void)state;
	station_say_inner(w, 0, 1, 0, bytes_of(cut, sizeof(cut)));
	world_run(w, A_SECOND);
	assert_int_equal(drops->control_malformed, before + 1);
	assert_int_equal(clock_of(w, 1).state, NODE_CLOCK_GOOD);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_that_agree_are_good),
		cmocka_unit_test(who_is_apart_says_so_and_the_others_do_not),
		cmocka_unit_test(in_1970_and_in_2040_a_clock_is_wrong_by_itself),
		cmocka_unit_test(with_two_witnesses_the_nearer_one_is_believed),
		cmocka_unit_test(what_is_malformed_is_counted),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
