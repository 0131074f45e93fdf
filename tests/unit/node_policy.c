/*
 * Rules of sealed links, by what is announced and by whom:
 *
 *   0 ──segment 0── 1 ──segment 1── 2
 *                    └─────────────── 3
 *
 * Station 0 has 10.9.0.0/24; 1, 2 and 3 hear each other.
 */
#include "tests/unit/node_world.h"

#define NEAR 0
#define FAR 1

static struct world *w;

static void scene(void)
{
	struct prefix lan = prefix_make("10.9.0.0/24");

	w = world_new(11);
	for (unsigned i = 0; i < 4; i++) {
		station_enrol(w, i, i == 0 ? "10.9.0.0/24" : NULL, NULL);
		station_start(w, i);
	}
	station_join(w, 0, NEAR);
	for (unsigned i = 1; i < 4; i++)
		station_join(w, i, i == 1 ? NEAR : FAR);
	station_join(w, 1, FAR);
	assert_int_equal(node_originate(w->stations[0].node, w->now, &lan), 0);
	station_poll(&w->stations[0]);
	world_run(w, 10 * A_SECOND);
}

static int unscene(void **state)
{
	(void)state;
	if (w)
		world_free(w);
	w = NULL;
	return 0;
}

static void rules(unsigned i, unsigned link, enum node_direction direction, const char *first, const char *second)
{
	station_rules(w, i, link, direction, first, second);
	world_run(w, 5 * A_SECOND);
}

static bool has(unsigned i, enum babel_class class, struct babel_route *route)
{
	struct prefix p = prefix_make("10.9.0.0/24");

	return babel_selected(node_babel(w->stations[i].node), &p, class, route);
}

static bool goes_by(unsigned i, unsigned neighbour)
{
	struct address next = node_neighbour_address(&w->stations[neighbour].rid);
	struct babel_route r;

	return has(i, BABEL_TEXT, &r) && address_equal(&r.neighbour, &next);
}

static unsigned neighbours_lost(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < 4; i++)
		count += w->stations[i].events[NODE_NEIGHBOUR_DOWN];
	return count;
}

static void without_rules_all_is_believed_and_told(void **state)
{
	(void)state;
	scene();
	assert_true(goes_by(1, 0));
	assert_true(goes_by(2, 1));
	assert_true(goes_by(3, 1));
}

static void what_a_member_says_can_be_denied(void **state)
{
	struct babel_route r;

	(void)state;
	scene();
	rules(1, NEAR, NODE_IN, "deny 10.9.0.0/24 from station-3", NULL);
	assert_true(goes_by(1, 0)); /* it is not about him */
	rules(1, NEAR, NODE_IN, "deny 10.9.0.0/24 from station-0", NULL);
	for (unsigned i = 1; i < 4; i++)
		assert_false(has(i, BABEL_TEXT, &r));
	assert_int_equal(neighbours_lost(), 0);
	rules(1, NEAR, NODE_IN, NULL, NULL);
	assert_true(goes_by(1, 0));
	assert_true(goes_by(3, 1));
}

static void what_a_member_says_can_be_made_dearer_but_for_command(void **state)
{
	struct babel_route text, command, before;

	(void)state;
	scene();
	assert_true(has(1, BABEL_TEXT, &before));
	assert_true(has(1, BABEL_COMMAND, &command));
	uint16_t command_before = command.metric;
	rules(1, NEAR, NODE_IN, "10.9.0.0/24 +1000 from station-0", NULL);
	assert_true(has(1, BABEL_TEXT, &text));
	assert_true(has(1, BABEL_COMMAND, &command));
	assert_int_equal(text.metric, before.metric + 1000);
	assert_int_equal(command.metric, command_before);
}

/* He hears it of the other, whom nobody told to be silent. */
static void one_neighbour_can_be_told_less_than_another(void **state)
{
	(void)state;
	scene();
	rules(1, FAR, NODE_OUT, "deny 10.9.0.0/24 to station-2", NULL);
	assert_true(goes_by(3, 1));
	assert_true(goes_by(2, 3));
	assert_int_equal(neighbours_lost(), 0);
	rules(1, FAR, NODE_OUT, "10.9.0.0/16", "deny any");
	assert_true(goes_by(2, 1));
	rules(1, FAR, NODE_OUT, "deny any", NULL);
	struct babel_route r;
	assert_false(has(2, BABEL_TEXT, &r));
	assert_false(has(3, BABEL_TEXT, &r));
	assert_int_equal(neighbours_lost(), 0);
}

static void one_neighbour_can_be_told_a_higher_metric(void **state)
{
	struct babel_route dear, cheap;

	(void)state;
	scene();
	rules(1, FAR, NODE_OUT, "any +400 to station-2", NULL);
	world_run(w, 90 * A_SECOND); /* a metric that moved little is told late (R9) */
	assert_true(has(2, BABEL_TEXT, &dear));
	assert_true(has(3, BABEL_TEXT, &cheap));
	assert_true(goes_by(3, 1));
	assert_true(dear.metric > cheap.metric);
}

static void rules_hold_after_the_link_was_down(void **state)
{
	struct babel_route r;

	(void)state;
	scene();
	rules(1, FAR, NODE_OUT, "deny any", NULL);
	node_link_set_up(w->stations[1].node, w->now, FAR, false);
	world_run(w, A_SECOND);
	node_link_set_up(w->stations[1].node, w->now, FAR, true);
	world_run(w, 10 * A_SECOND);
	assert_false(has(2, BABEL_TEXT, &r));
	rules(1, FAR, NODE_OUT, NULL, NULL);
	assert_true(goes_by(2, 1));
}

int main(void)
{
#define POLICY_TEST(name) cmocka_unit_test_teardown(name, unscene)
	const struct CMUnitTest tests[] = {
		POLICY_TEST(without_rules_all_is_believed_and_told),
		POLICY_TEST(what_a_member_says_can_be_denied),
		POLICY_TEST(what_a_member_says_can_be_made_dearer_but_for_command),
		POLICY_TEST(one_neighbour_can_be_told_less_than_another),
		POLICY_TEST(one_neighbour_can_be_told_a_higher_metric),
		POLICY_TEST(rules_hold_after_the_link_was_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
