/* Who speaks of versions with whom, and what a link is spared by it. */
#include "tests/unit/node_world.h"

#include "meshd/node/state.h"

/* A radio cell of 0, 1 and 2, and 2 ── 3 behind it. `plain` is a bit mask. */
static struct world *cell(uint64_t seed, unsigned plain)
{
	struct world *w = world_of(seed, 4);

	for (unsigned i = 0; i < 4; i++) {
		station_kill(w, i);
		w->stations[i].is_plain = plain >> i & 1;
		station_start(w, i);
	}
	for (unsigned i = 0; i < 3; i++)
		station_join(w, i, 0);
	station_join(w, 2, 1);
	station_join(w, 3, 1);
	world_run(w, 20 * A_SECOND);
	all_reach(w, 4);
	return w;
}

struct search {
	struct address address;
	bool is_found, is_versioned;
};

static void search_each(void *arg, const struct babel_neighbour_info *info)
{
	struct search *s = arg;

	if (!address_equal(&info->address, &s->address))
		return;
	s->is_found = true;
	s->is_versioned = info->is_versioned;
}

static bool is_versioned(struct world *w, unsigned i, unsigned other)
{
	struct search s = { .address = node_neighbour_address(&w->stations[other].rid) };

	babel_dump_neighbours(node_babel(w->stations[i].node), search_each, &s);
	assert_true(s.is_found);
	return s.is_versioned;
}

static const struct babel_counters *engine(struct world *w, unsigned i)
{
	return babel_counters(node_babel(w->stations[i].node));
}

static void versions_are_spoken_where_both_ends_can(void **state)
{
	struct world *w = cell(60, 1 << 1);

	(void)state;
	assert_true(is_versioned(w, 0, 2) && is_versioned(w, 2, 0) && is_versioned(w, 2, 3));
	assert_false(is_versioned(w, 0, 1) || is_versioned(w, 1, 0) || is_versioned(w, 2, 1));
	world_free(w);
}

static void steady_state_repeats_no_route(void **state)
{
	struct world *w = cell(61, 0);
	uint64_t updates, refreshes;

	(void)state;
	world_run(w, A_MINUTE);
	updates = engine(w, 2)->updates_sent;
	refreshes = engine(w, 2)->refreshes_sent;
	world_run(w, 10 * A_MINUTE);
	assert_int_equal(engine(w, 2)->updates_sent, updates);
	/* Three neighbours, one each in 3.5 to 4 s. */
	assert_in_range(engine(w, 2)->refreshes_sent - refreshes, 450, 530);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(engine(w, i)->leases_lapsed, 0);
		assert_int_equal(engine(w, i)->sync_mismatches, 0);
	}
	assert_true(reaches(w, 0, 3) && reaches(w, 3, 1));
	world_free(w);
}

static void plain_neighbour_in_the_cell_is_told_again_and_again(void **state)
{
	struct world *w = cell(62, 1 << 1);
	uint64_t to_plain, versioned;

	(void)state;
	world_run(w, A_MINUTE);
	to_plain = engine(w, 2)->updates_sent;
	versioned = engine(w, 3)->updates_sent;
	world_run(w, 10 * A_MINUTE);
	assert_true(engine(w, 2)->updates_sent > to_plain + 300);
	assert_int_equal(engine(w, 3)->updates_sent, versioned);
	assert_true(reaches(w, 1, 3) && reaches(w, 3, 1) && reaches(w, 0, 1));
	world_free(w);
}

/* Another process behind the same keys: everything anew, and nothing of before. */
static void restarted_neighbour_is_another_epoch__R6(void **state)
{
	struct world *w = cell(63, 0);
	uint64_t full;

	(void)state;
	full = engine(w, 2)->full_syncs;
	station_kill(w, 3);
	station_start(w, 3);
	station_join(w, 3, 1);
	world_run(w, 20 * A_SECOND);
	assert_true(reaches(w, 0, 3) && reaches(w, 3, 1));
	/* Two new tables, each told once: nobody had to ask for a whole one. */
	assert_int_equal(engine(w, 2)->full_syncs, full);
	assert_int_equal(engine(w, 3)->full_syncs, 0);
	world_free(w);
}

static void one_that_was_upgraded_is_spoken_to_anew(void **state)
{
	struct world *w = cell(64, 1 << 3);

	(void)state;
	assert_false(is_versioned(w, 2, 3));
	station_kill(w, 3);
	w->stations[3].is_plain = false;
	station_start(w, 3);
	station_join(w, 3, 1);
	world_run(w, 20 * A_SECOND);
	assert_true(is_versioned(w, 2, 3) && is_versioned(w, 3, 2));
	assert_true(reaches(w, 0, 3) && reaches(w, 3, 1));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_spoken_where_both_ends_can),
		cmocka_unit_test(steady_state_repeats_no_route),
		cmocka_unit_test(plain_neighbour_in_the_cell_is_told_again_and_again),
		cmocka_unit_test(restarted_neighbour_is_another_epoch__R6),
		cmocka_unit_test(one_that_was_upgraded_is_spoken_to_anew),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
