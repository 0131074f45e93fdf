/* Costs and smoothing: appendix A of RFC 8966. */
#include "tests/unit/routing_harness.h"

#include "routing/engine.h"

static void two_out_of_three(void **state)
{
	static const struct {
		uint16_t history;
		bool is_up;
	} cases[] = { { 0x8000, false }, { 0x4000, false }, { 0x2000, false }, { 0x1fff, false }, { 0xc000, true },
		{ 0xa000, true }, { 0x6000, true }, { 0xe000, true } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(metric_two_out_of_three(cases[i].history), cases[i].is_up);
}

static void sums_stop_at_infinity__rfc8966_3_5_2(void **state)
{
	(void)state;
	assert_int_equal(metric_add(1, 2), 3);
	assert_int_equal(metric_add(65534, 0), 65534);
	assert_int_equal(metric_add(65534, 1), BABEL_INFINITY);
	assert_int_equal(metric_add(65535, 65535), BABEL_INFINITY);
}

/* A neighbour with just what the cost depends on. */
static struct neighbour neighbour_of(struct link *link, uint16_t history, uint16_t txcost)
{
	struct neighbour n = { .link = link, .txcost = txcost, .is_up = true, .is_confirmed = true };

	n.multicast.bits = history;
	return n;
}

static void etx_follows_the_loss_rate__rfc8966_a_2_2(void **state)
{
	struct link link = { .config = { .cost = BABEL_COST_ETX, .rxcost = 256 } };
	struct neighbour n = neighbour_of(&link, 0xffff, 256);

	(void)state;
	assert_int_equal(metric_rxcost(&n), 256);
	assert_int_equal(metric_cost(&n), 256);
	n.multicast.bits = 0xa800; /* three of six */
	assert_int_equal(metric_rxcost(&n), 512);
	assert_int_equal(metric_cost(&n), 512);
	assert_true(metric_is_lossy(&n));
	n.txcost = 512;
	assert_int_equal(metric_cost(&n), 1024);
	n.txcost = 100; /* alpha is never above one */
	assert_int_equal(metric_cost(&n), 512);
	n.multicast.bits = 0x03ff;
	assert_int_equal(metric_rxcost(&n), BABEL_INFINITY);
	assert_int_equal(metric_cost(&n), BABEL_INFINITY);
	n.multicast.bits = 0xffff;
	n.txcost = 65534;
	assert_int_equal(metric_cost(&n), 65534);
	n.multicast.bits = 0xf800;
	assert_int_equal(metric_cost(&n), BABEL_INFINITY);
}

static void wired_cost_is_the_txcost__rfc8966_a_2_1(void **state)
{
	struct link link = { .config = { .cost = BABEL_COST_2_OUT_OF_3, .rxcost = 96 } };
	struct neighbour n = neighbour_of(&link, 0xe000, 123);

	(void)state;
	assert_int_equal(metric_rxcost(&n), 96);
	assert_int_equal(metric_cost(&n), 123);
	n.is_up = false;
	assert_int_equal(metric_rxcost(&n), BABEL_INFINITY);
	assert_int_equal(metric_cost(&n), BABEL_INFINITY);
	n.is_up = true;
	n.is_confirmed = false; /* our restart is not yet known to it */
	assert_int_equal(metric_rxcost(&n), 96);
	assert_int_equal(metric_cost(&n), BABEL_INFINITY);
}

static void smoothing_halves_the_gap_each_half_life__rfc8966_a_3(void **state)
{
	(void)state;
	assert_int_equal(metric_smooth(1000, 0, 0, 100), 1000);
	assert_int_equal(metric_smooth(1000, 0, 100, 100), 500);
	assert_int_equal(metric_smooth(1000, 0, 200, 100), 250);
	assert_int_equal(metric_smooth(0, 1000, 100, 100), 500);
	assert_in_range(metric_smooth(1000, 0, 50, 100), 700, 755); /* 707 exactly */
	assert_int_equal(metric_smooth(65535, 7, 100 * 40, 100), 7);
	assert_int_equal(metric_smooth(300, 300, 77, 100), 300);
	for (unsigned t = 1; t < 1000; t++) /* never rises on the way down */
		assert_true(metric_smooth(65535, 96, t, 100) <= metric_smooth(65535, 96, t - 1, 100));
}

static void only_large_changes_are_news(void **state)
{
	(void)state;
	assert_false(metric_change_is_significant(800, 900));
	assert_true(metric_change_is_significant(800, 901));
	assert_false(metric_change_is_significant(800, 600));
	assert_true(metric_change_is_significant(800, 599));
	assert_false(metric_change_is_significant(0, 0));
	assert_true(metric_change_is_significant(0, 1));
}

static void metrics_move_by_a_quarter_and_drift_by_an_eighth__R9(void **state)
{
	(void)state;
	assert_false(metric_has_moved(800, 1000));
	assert_true(metric_has_moved(800, 1001));
	assert_false(metric_has_moved(800, 600));
	assert_true(metric_has_moved(800, 599));
	assert_false(metric_has_drifted(800, 900));
	assert_true(metric_has_drifted(800, 901));
	assert_false(metric_has_drifted(800, 700));
	assert_true(metric_has_drifted(800, 699));
	assert_false(metric_has_moved(0, 0));
	assert_true(metric_has_moved(1, BABEL_INFINITY)); /* no overflow */
}

static void on_a_thin_link_only_twice_or_half_is_news__R9(void **state)
{
	(void)state;
	assert_false(metric_has_doubled(800, 1600));
	assert_true(metric_has_doubled(800, 1601));
	assert_false(metric_has_doubled(800, 400));
	assert_true(metric_has_doubled(800, 399));
	assert_false(metric_has_doubled(0, 0));
	assert_false(metric_has_doubled(40000, BABEL_INFINITY)); /* no overflow */
}

static void sequence_numbers_wrap__rfc8966_3_2_1(void **state)
{
	(void)state;
	assert_true(seqno_is_newer(1, 0));
	assert_true(seqno_is_newer(0, 65535));
	assert_true(seqno_is_newer(32767, 0));
	assert_false(seqno_is_newer(32768, 0));
	assert_false(seqno_is_newer(5, 5));
	assert_false(seqno_is_newer(65535, 0));
}

/* Losses of a while move the cost in use; a lost Hello does not. */
static void cost_in_use_is_steady(void **state)
{
	struct link link = { .config = { .cost = BABEL_COST_ETX, .rxcost = 256, .hello_interval_cs = 100 } };
	struct neighbour n = neighbour_of(&link, 0xffff, 256);
	uint64_t now_us = SECOND;
	unsigned moved = 0;

	(void)state;
	n.cost[BABEL_TEXT] = BABEL_INFINITY;
	assert_int_equal(n.cost[BABEL_TEXT] = metric_steady_cost(&n, now_us), 256);
	for (unsigned i = 0; i < 600; i++) { /* every twentieth is lost */
		n.multicast.bits = (uint16_t)(n.multicast.bits >> 1 | (i % 20 ? 0x8000 : 0));
		uint16_t cost = metric_steady_cost(&n, now_us += SECOND);
		moved += cost != n.cost[BABEL_TEXT];
		assert_in_range(cost, 256, 320);
		n.cost[BABEL_TEXT] = cost;
	}
	assert_true(moved <= 10); /* once a minute at most */
	for (unsigned i = 0; i < 60; i++) { /* every second one */
		n.multicast.bits = (uint16_t)(n.multicast.bits >> 1 | (i % 2 ? 0x8000 : 0));
		n.cost[BABEL_TEXT] = metric_steady_cost(&n, now_us += SECOND);
		assert_true(i < 40 || n.cost[BABEL_TEXT] > 380);
	}
	n.is_up = false;
	assert_int_equal(metric_steady_cost(&n, now_us += SECOND), BABEL_INFINITY); /* at once */
}

/* How long until the cost in use follows a link of which one Hello in six is lost from now on. */
static uint64_t followed_after_us(uint16_t interval_cs)
{
	struct link link = { .config = { .cost = BABEL_COST_ETX, .rxcost = 256, .hello_interval_cs = interval_cs } };
	struct neighbour n = neighbour_of(&link, 0xffff, 256);
	uint64_t now_us = SECOND;

	n.cost[BABEL_TEXT] = BABEL_INFINITY;
	n.cost[BABEL_TEXT] = metric_steady_cost(&n, now_us);
	for (unsigned i = 0; i < 1000 && n.cost[BABEL_TEXT] < 290; i++) {
		n.multicast.bits = (uint16_t)(n.multicast.bits >> 1 | (i % 6 ? 0x8000 : 0));
		n.cost[BABEL_TEXT] = metric_steady_cost(&n, now_us += interval_cs * 10 * MS);
	}
	return now_us - SECOND;
}

/* The same number of Hellos takes longer to be right. */
static void few_hellos_are_not_believed_sooner_for_being_slow(void **state)
{
	(void)state;
	assert_in_range(followed_after_us(20), 60 * SECOND, 70 * SECOND);
	assert_in_range(followed_after_us(100), 64 * SECOND, 90 * SECOND);
	assert_in_range(followed_after_us(400), (128 + 32) * SECOND, 240 * SECOND);
}

/* A new radio seems to be bad until a few Hellos have come: that is not held against it for long. */
static void route_that_seemed_bad_is_soon_believed__rfc8966_a_3(void **state)
{
	struct link link = { .config = { .cost = BABEL_COST_ETX, .rxcost = 256, .hello_interval_cs = 100 } };
	struct neighbour n = neighbour_of(&link, 0xffff, 256);
	struct babel b = { .config.classes = 1 };
	struct destination d = { .b = &b };
	struct route r = {
		.neighbour = &n,
		.destination = &d,
		.variants[BABEL_TEXT] = {
			.claim.metric = 100, .smoothed = BABEL_INFINITY, .smoothed_metric = BABEL_INFINITY,
		},
	};

	(void)state;
	n.cost[BABEL_TEXT] = 9000;
	route_smooth(&r, SECOND);
	n.cost[BABEL_TEXT] = 256;
	route_smooth(&r, 2 * SECOND);
	assert_int_equal(route_smoothed_at(&r, BABEL_TEXT, 2 * SECOND), 2 * 356);
	assert_in_range(route_smoothed_at(&r, BABEL_TEXT, 12 * SECOND), 356, 534);
	n.cost[BABEL_TEXT] = BABEL_INFINITY;
	route_smooth(&r, 13 * SECOND);
	assert_true(route_smoothed_at(&r, BABEL_TEXT, 100 * SECOND) > 60000);
}

/* By the table of protocol.md 3. */
static void costs_of_classes_are_by_the_formulas__protocol_3(void **state)
{
	(void)state;
	assert_int_equal(metric_bulk(1000000000, 65536), 15);
	assert_int_equal(metric_bulk(100000000, 65536), 105);
	assert_int_equal(metric_bulk(10000000, 65536), 1005);
	assert_int_equal(metric_bulk(1000000, 65536), 10005);
	assert_int_equal(metric_bulk(1000000, 32768), 20005);
	assert_int_equal(metric_bulk(200000, 65536), 50005);
	assert_int_equal(metric_bulk(199999, 65536), BABEL_INFINITY);
	assert_int_equal(metric_command(100000000, 0, 65536), 4);
	assert_int_equal(metric_command(100000000, 600000, 65536), 1201); /* geostationary */
	assert_int_equal(metric_command(9600, 0, 65536), 427 + 4000);
	assert_int_equal(metric_command(2400, 0, 65536), 1707 + 4000);
	assert_int_equal(metric_command(16000, 0, 65536), 256);
	assert_int_equal(metric_command(1000000000, 0, 65536 - 6554), 801); /* a tenth is lost */
}

/* A step is left a quarter of one beyond its edge. */
static void costs_of_classes_move_by_steps__protocol_3(void **state)
{
	(void)state;
	assert_int_equal(metric_step(BABEL_INFINITY, 1000), 1024);
	assert_int_equal(metric_step(BABEL_INFINITY, 4), 4);
	assert_int_equal(metric_step(1024, 1024 * 113 / 100), 1024);
	assert_int_equal(metric_step(1024, 1024 * 115 / 100), 1217);
	assert_int_equal(metric_step(1217, 1100), 1217);
	assert_int_equal(metric_step(1024, 905), 1024);
	assert_int_equal(metric_step(1024, 890), 861);
	assert_int_equal(metric_step(1024, BABEL_INFINITY), BABEL_INFINITY);
	for (uint32_t measured = 4; measured < 60000; measured += measured / 16 + 1) {
		uint16_t step = metric_step(BABEL_INFINITY, measured);

		assert_true(step * 100 <= measured * 125 && measured * 100 <= step * 125u);
		assert_int_equal(metric_step(step, measured), step);
	}
}

/* A lost Hello in a hundred says nothing of how long a packet takes, however often the cost is asked for. */
static void cost_of_command_is_steady(void **state)
{
	struct link link = { .config = { .cost = BABEL_COST_ETX, .rxcost = 256, .hello_interval_cs = 400 } };
	struct neighbour n = neighbour_of(&link, 0xffff, 256);
	uint64_t now_us = SECOND;
	unsigned moved = 0;

	(void)state;
	n.classes = 1u << BABEL_TEXT | 1u << BABEL_COMMAND;
	n.cost[BABEL_TEXT] = n.cost[BABEL_COMMAND] = BABEL_INFINITY;
	for (unsigned i = 0; i < 1000; i++) {
		n.multicast.bits = (uint16_t)(n.multicast.bits >> 1 | (i % 100 != 50 ? 0x8000 : 0));
		now_us += 4 * SECOND;
		for (unsigned k = 0; k < 2; k++) { /* a Hello and an IHU of one packet */
			n.cost[BABEL_TEXT] = metric_steady_cost(&n, now_us);
			uint16_t cost = metric_class_cost(&n, BABEL_COMMAND);

			moved += cost != n.cost[BABEL_COMMAND];
			n.cost[BABEL_COMMAND] = cost;
		}
	}
	assert_int_equal(moved, 1); /* when it was found */
	assert_int_equal(n.cost[BABEL_COMMAND], 4);
	for (unsigned i = 0; i < 60; i++) { /* a quarter is lost, one way */
		n.multicast.bits = (uint16_t)(n.multicast.bits >> 1 | (i % 4 ? 0x8000 : 0));
		n.cost[BABEL_TEXT] = metric_steady_cost(&n, now_us += 4 * SECOND);
		n.cost[BABEL_COMMAND] = metric_class_cost(&n, BABEL_COMMAND);
	}
	assert_in_range(n.cost[BABEL_COMMAND], 600, 1500);
}

static void etx_link_works_between_engines(void **state)
{
	struct world *w = world_new(7);
	struct babel_link_config config = world_link();

	(void)state;
	config.cost = BABEL_COST_ETX;
	config.rxcost = 256;
	for (unsigned i = 0; i < 2; i++) {
		node_start(w, i);
		node_join_with(w, i, 0, config);
	}
	node_announce(w, 1, "fd00:1::/64");
	world_run(w, 20 * A_SECOND);
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), 256);
	w->segments[0].loss_permille = 300;
	unsigned raised = 0;
	for (unsigned s = 0; s < 60; s++) {
		world_run(w, A_SECOND);
		raised += node_metric(w, 0, "fd00:1::/64") > 256;
	}
	assert_true(raised > 30);
	world_free(w);
}

/* Metric noise of 20 % on two parallel links must not move the route (scenario 17). */
static void noise_on_parallel_links_rarely_switches__rfc8966_a_3(void **state)
{
	struct world *w = world_new(8);
	uint16_t seqno = 7;

	(void)state;
	node_start(w, 0);
	for (unsigned i = 1; i < 3; i++) {
		probe_start(w, i);
		world_cable(w, i - 1, 0, i);
		world_run(w, 10 * MILLISECOND);
		probe_befriend(w, i, i - 1, 0, seqno);
		world_run(w, 300 * MILLISECOND);
	}
	seqno += 2;
	for (unsigned s = 0; s < 1200; s++) {
		for (unsigned i = 1; i < 3; i++) {
			probe_forget(w, i);
			probe_say(w, i, i - 1, 0, say_hello(seqno, 100));
			probe_say(w, i, i - 1, 0, say_ihu((uint16_t)(400 + prng_below(&w->prng, 200)), 6000));
			probe_say(w, i, i - 1, 0, say_update("fd00:1::/64", world_id(5), 1, 100));
		}
		seqno++;
		world_run(w, A_SECOND);
	}
	print_message(
		"# %llu switches in 20 minutes\n", (unsigned long long)babel_counters(w->nodes[0].b)->routes_switched);
	assert_true(babel_counters(w->nodes[0].b)->routes_switched < 20 * 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_out_of_three),
		cmocka_unit_test(sums_stop_at_infinity__rfc8966_3_5_2),
		cmocka_unit_test(etx_follows_the_loss_rate__rfc8966_a_2_2),
		cmocka_unit_test(wired_cost_is_the_txcost__rfc8966_a_2_1),
		cmocka_unit_test(smoothing_halves_the_gap_each_half_life__rfc8966_a_3),
		cmocka_unit_test(only_large_changes_are_news),
		cmocka_unit_test(metrics_move_by_a_quarter_and_drift_by_an_eighth__R9),
		cmocka_unit_test(on_a_thin_link_only_twice_or_half_is_news__R9),
		cmocka_unit_test(sequence_numbers_wrap__rfc8966_3_2_1),
		cmocka_unit_test(cost_in_use_is_steady),
		cmocka_unit_test(few_hellos_are_not_believed_sooner_for_being_slow),
		cmocka_unit_test(route_that_seemed_bad_is_soon_believed__rfc8966_a_3),
		cmocka_unit_test(costs_of_classes_are_by_the_formulas__protocol_3),
		cmocka_unit_test(costs_of_classes_move_by_steps__protocol_3),
		cmocka_unit_test(cost_of_command_is_steady),
		cmocka_unit_test(etx_link_works_between_engines),
		cmocka_unit_test(noise_on_parallel_links_rarely_switches__rfc8966_a_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
