/*
 * An operator steers: a link is avoided, or a node drained, by all, in each class, both
 * ways; nothing is lost by it, and nothing is left of it.
 *
 *        segment 0            1
 *   0 ═══════════════ 1 ───────────── 2
 *   ╚═════════════════════════════════╝
 *                  segment 2
 */
#include "tests/unit/node_world.h"

#define COST 16384

static struct world *triangle(void)
{
	struct world *w = world_new(3);

	for (unsigned i = 0; i < 3; i++) {
		station_enrol(w, i, NULL, NULL);
		station_start(w, i);
	}
	for (unsigned s = 0; s < 3; s++)
		segment_make(w, s, true);
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	station_join(w, 2, 1);
	station_join(w, 0, 2);
	station_join(w, 2, 2);
	world_run(w, 20 * A_SECOND);
	all_reach(w, 3);
	return w;
}

/* By which link packets of the class leave. */
static unsigned way(struct world *w, unsigned from, unsigned to, enum packet_class class)
{
	struct prefix host = prefix_of_host(w->stations[to].address);
	struct node_way by = { .link = NODE_LINK_MAX };

	assert_true(node_way(w->stations[from].node, &host, &class, &by));
	return by.link;
}

static void goes(struct world *w, unsigned from, unsigned to, unsigned link)
{
	for (unsigned class = CLASS_TEXT; class <= CLASS_BULK; class ++)
		if (way(w, from, to, (enum packet_class) class) != link)
			fail_msg("at %llu s %u to %u in class %u goes by %u, not %u",
				(unsigned long long)(w->now / A_SECOND), from, to, class,
				way(w, from, to, (enum packet_class) class), link);
}

/* Packets that pass meanwhile both ways, and are lost. */
static unsigned lost_meanwhile(struct world *w, unsigned a, unsigned b, uint32_t first, uint64_t us)
{
	uint32_t count = (uint32_t)(us / (20 * MILLISECOND));

	for (uint32_t i = 0; i < count; i++) {
		station_say(w, a, b, first + 2 * i);
		station_say(w, b, a, first + 2 * i + 1);
		world_run(w, 20 * MILLISECOND);
	}
	world_run(w, A_SECOND);
	unsigned lost = 0;
	for (uint32_t i = 0; i < count; i++)
		lost += !w->stations[b].seen[first + 2 * i] + !w->stations[a].seen[first + 2 * i + 1];
	return lost;
}

static void a_link_that_is_avoided_is_by_both_ends_and_for_a_while(void **state)
{
	struct world *w = triangle();

	(void)state;
	goes(w, 0, 2, 2);
	goes(w, 2, 0, 2);
	node_link_steer(w->stations[0].node, w->now, 2, COST);
	assert_int_equal(lost_meanwhile(w, 0, 2, 0, 30 * A_SECOND), 0);
	goes(w, 0, 2, 0);
	goes(w, 2, 0, 1);
	goes(w, 0, 1, 0);
	node_link_steer(w->stations[0].node, w->now, 2, 0);
	assert_int_equal(lost_meanwhile(w, 0, 2, 5000, 120 * A_SECOND), 0);
	/* To command a millisecond more is no reason to move back. */
	assert_int_equal(way(w, 0, 2, CLASS_TEXT), 2);
	assert_int_equal(way(w, 2, 0, CLASS_TEXT), 2);
	assert_int_equal(way(w, 0, 2, CLASS_BULK), 2);
	world_free(w);
}

static void what_has_no_other_way_goes_by_it_still(void **state)
{
	struct world *w = triangle();

	(void)state;
	station_leave(w, 0, 0);
	world_run(w, 20 * A_SECOND);
	goes(w, 0, 1, 2);
	node_link_steer(w->stations[0].node, w->now, 2, COST);
	assert_int_equal(lost_meanwhile(w, 0, 1, 0, 30 * A_SECOND), 0);
	goes(w, 0, 1, 2);
	goes(w, 1, 0, 1);
	world_free(w);
}

/* As after a loss of carrier: the engine's link is another one then. */
static void it_holds_when_the_link_was_away(void **state)
{
	struct world *w = triangle();

	(void)state;
	node_link_steer(w->stations[0].node, w->now, 2, COST);
	world_run(w, 5 * A_SECOND);
	node_link_set_up(w->stations[0].node, w->now, 2, false);
	world_run(w, 5 * A_SECOND);
	node_link_set_up(w->stations[0].node, w->now, 2, true);
	world_run(w, 60 * A_SECOND);
	goes(w, 0, 2, 0);
	world_free(w);
}

static void a_node_that_is_drained_is_passed_by_and_still_reached(void **state)
{
	struct world *w = triangle();

	(void)state;
	node_link_steer(w->stations[0].node, w->now, 2, COST); /* all by 1 */
	world_run(w, 30 * A_SECOND);
	goes(w, 0, 2, 0);
	node_link_steer(w->stations[0].node, w->now, 2, COST / 8);
	world_run(w, 5 * A_SECOND);
	node_drain(w->stations[1].node, w->now, COST);
	assert_int_equal(lost_meanwhile(w, 0, 2, 0, 30 * A_SECOND), 0);
	goes(w, 0, 2, 2);
	goes(w, 2, 0, 2);
	goes(w, 0, 1, 0);
	goes(w, 2, 1, 1);
	station_kill(w, 1);
	assert_int_equal(lost_meanwhile(w, 0, 2, 5000, 10 * A_SECOND), 0); /* nobody had anything by it */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_that_is_avoided_is_by_both_ends_and_for_a_while),
		cmocka_unit_test(what_has_no_other_way_goes_by_it_still),
		cmocka_unit_test(it_holds_when_the_link_was_away),
		cmocka_unit_test(a_node_that_is_drained_is_passed_by_and_still_reached),
	};

	if (sodium_init() < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
