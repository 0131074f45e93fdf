/*
 * A radio cell of a town: as many nodes as hear each other on one channel, all
 * switched on at once after a blackout. They make hundreds of sessions at the
 * same time, while the limits against floods are in force.
 */
#define STATIONS 28
#include "tests/unit/node_world.h"

#define AIR 0
#define BRIDGE 2

/* A radio's Hello: slower than a cable's. */
static void crowd_join(struct world *w, unsigned i, unsigned segment)
{
	struct node_link_config config = link_config_of(&w->segments[segment]);

	config.hello_ms = 2000;
	config.update_s = 20;
	station_join_with(w, i, segment, &config);
}

static unsigned pairs_apart(struct world *w)
{
	unsigned apart = 0;

	for (unsigned i = 0; i < STATIONS; i++)
		for (unsigned k = 0; k < STATIONS; k++)
			apart += i != k && !reaches(w, i, k);
	return apart;
}

static uint64_t run_until_joined(struct world *w, uint64_t limit)
{
	uint64_t start = w->now;

	while (pairs_apart(w)) {
		assert_true(w->now < start + limit);
		world_run(w, 500 * MILLISECOND);
		world_look(w);
	}
	return w->now - start;
}

static void cell_comes_together_after_a_blackout(void **state)
{
	struct world *w = world_of(1, STATIONS);
	uint64_t started = 0;

	(void)state;
	w->is_unchecked = true;
	w->segments[AIR].delay = 5 * MILLISECOND;
	w->segments[AIR].jitter = 20 * MILLISECOND;
	w->segments[AIR].loss = 20;
	for (unsigned i = 0; i < STATIONS; i++)
		crowd_join(w, i, AIR);
	uint64_t took = run_until_joined(w, 30 * A_SECOND);
	print_message("# %u nodes joined in %.1f s\n", STATIONS, (double)took / 1e6);
	/* Every pair has a session of its own soon, and it stays so. */
	world_run(w, 15 * A_SECOND);
	for (unsigned i = 0; i < STATIONS; i++) {
		assert_int_equal(w->stations[i].node->peer_count, STATIONS - 1);
		assert_int_equal(w->stations[i].events[NODE_REFUSED], 0);
		started += counters_of(w, i)->handshakes_started;
	}
	/* One call for each pair would do; the rest is what chance, crossing and loss cost. */
	assert_true(started < 4 * STATIONS * (STATIONS - 1) / 2);
	assert_int_equal(pairs_apart(w), 0);
	world_free(w);
}

/* Two cells meet by two nodes that hear each other on a third channel. */
static void two_cells_merge(void **state)
{
	struct world *w = world_of(2, STATIONS);

	(void)state;
	w->is_unchecked = true;
	for (unsigned i = 0; i < STATIONS; i++)
		crowd_join(w, i, i % 2);
	world_run(w, 15 * A_SECOND);
	assert_int_equal(pairs_apart(w), STATIONS * STATIONS / 2);
	crowd_join(w, 0, BRIDGE);
	crowd_join(w, 1, BRIDGE);
	uint64_t took = run_until_joined(w, 30 * A_SECOND);
	print_message("# two cells of %u merged in %.1f s\n", STATIONS / 2, (double)took / 1e6);
	assert_int_equal(world_flow(w, 2, 3, 0, 20, 10 * MILLISECOND), 0);
	assert_int_equal(w->stations[3].hops, 62); /* 2 ── 0 ── 1 ── 3: two relays */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cell_comes_together_after_a_blackout),
		cmocka_unit_test(two_cells_merge),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
