/* What other implementations got wrong (protocol.md 6.4), each named after the bug. */
#include "tests/unit/routing_harness.h"

#define P "fd00:1::/64"

/* Speaker 0 with usable probes 1, 2, 3 on segments 0, 1, 2. */
static struct world *world_with_three_probes(void)
{
	struct world *w = world_with_probe();

	for (unsigned i = 2; i < 4; i++) {
		probe_start(w, i);
		world_cable(w, i - 1, 0, i);
		world_run(w, 10 * MILLISECOND);
		probe_befriend(w, i, i - 1, 0, 7);
	}
	world_run(w, 200 * MILLISECOND);
	for (unsigned i = 1; i < 4; i++)
		probe_say(w, i, i - 1, 0, say_hello(9, 1000)); /* ten seconds of peace */
	return w;
}

static enum babel_route_change last_change(const struct world *w)
{
	const struct node *n = &w->nodes[0];

	assert_true(n->change_count > 0);
	return n->changes[n->change_count - 1].change;
}

static void same_source_now_unfeasible_is_uninstalled__frr_22928(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(last_change(w), BABEL_ROUTE_SET);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 2, 10)); /* a seqno of before */
	assert_int_equal(last_change(w), BABEL_ROUTE_UNREACHABLE);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

static void now_unfeasible_gives_way_to_the_backup__frr_22928(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, 150)); /* feasible: below 196 */
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 700));
	assert_int_equal(last_change(w), BABEL_ROUTE_SET);
	assert_int_equal(node_next(w, 0, P), 2);
	world_free(w);
}

static void request_is_not_forwarded_to_the_unfeasible__frr_18581(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 77, 300));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 3, 2, 0, say_update(P, world_id(5), 76, 10)); /* first in the order of metrics */
	world_run(w, A_SECOND);
	for (unsigned i = 1; i < 4; i++)
		probe_forget(w, i);
	probe_say(w, 1, 0, 0, say_seqno_request(P, world_id(5), 90, 20));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_last(w, 2, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.seqno, 90);
	for (size_t k = 0; k < w->nodes[3].heard_count; k++) /* it may be asked on our own behalf, for 78 */
		assert_true(w->nodes[3].heard[k].tlv.type != TLV_SEQNO_REQUEST ||
			    w->nodes[3].heard[k].tlv.u.seqno_request.seqno != 90);
	world_free(w);
}

static void seqno_far_ahead_is_accepted__frr_22895(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3 + 20000, 5000));
	assert_int_equal(node_next(w, 0, P), 1);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	assert_int_equal(node_next(w, 0, P), 2); /* feasible by its seqno alone */
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3 + 20000 + 101, 100));
	assert_int_equal(node_next(w, 0, P), 1);
	world_free(w);
}

static void request_far_ahead_is_passed_on__frr_22895(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_forget(w, 1);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 3 + 5000, 20));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 1);
	assert_int_equal(probe_last(w, 1, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.seqno, 3 + 5000);
	world_free(w);
}

static void request_to_all_leaves_on_every_link__frr_22891(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	for (unsigned i = 1; i < 4; i++)
		probe_forget(w, i);
	/* The link through which it was lost included: it is still up. */
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, BABEL_INFINITY));
	world_run(w, 200 * MILLISECOND);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(probe_count(w, i, TLV_SEQNO_REQUEST), 1);
	world_free(w);
}

static void request_for_a_reserved_router_id_goes_nowhere__frr_23102(void **state)
{
	struct world *w = world_with_three_probes();
	router_id none = { { 0 } }, all = { { 255, 255, 255, 255, 255, 255, 255, 255 } };

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 500 * MILLISECOND);
	probe_forget(w, 1);
	probe_forget(w, 2);
	probe_say(w, 2, 1, 0, say_seqno_request(P, none, 9, 20));
	probe_say(w, 2, 1, 0, say_seqno_request(P, all, 9, 20));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	assert_int_equal(probe_count_updates(w, 2, P, false), 0);
	assert_int_equal(babel_counters(w->nodes[0].b)->seqno_requests_received, 0);
	world_free(w);
}

static void unfeasible_route_that_is_kept_is_timed_anew__frr_22915(void **state)
{
	struct world *w = world_with_three_probes();
	struct babel_route_info info;
	uint16_t seqno = 10;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	for (unsigned k = 0; k < 10; k++) { /* 20 s, each update good for 14 s */
		probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, 900));
		probe_say(w, 2, 1, 0, say_hello(seqno, 100));
		probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
		probe_say(w, 1, 0, 0, say_hello(seqno++, 100));
		world_run(w, A_SECOND);
		probe_say(w, 2, 1, 0, say_hello(seqno, 100));
		probe_say(w, 1, 0, 0, say_hello(seqno++, 100));
		world_run(w, A_SECOND);
	}
	assert_true(node_route(w, 0, P, 1, 2, &info));
	assert_false(info.feasible);
	assert_int_equal(info.refmetric, 900);
	assert_true(info.expires_us > w->now + 10 * A_SECOND);
	world_free(w);
}

static void covering_prefix_is_not_used_during_the_hold__frr_18551(void **state)
{
	struct world *w = world_with_three_probes();
	struct node *n = &w->nodes[0];
	struct prefix held = world_prefix(P);

	(void)state;
	probe_say(w, 2, 1, 0, say_update("fd00::/16", world_id(6), 3, 100));
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 500 * MILLISECOND);
	n->change_count = 0;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	world_run(w, 5 * A_SECOND);
	/* The owner is told to refuse, not to forget: only that keeps packets off the shorter one. */
	assert_int_equal(n->change_count, 1);
	assert_int_equal(n->changes[0].change, BABEL_ROUTE_UNREACHABLE);
	assert_true(prefix_equal(&n->changes[0].route.prefix, &held));
	world_free(w);
}

static void retraction_needs_no_state_of_finite_updates__babeld_66_71(void **state)
{
	/* A packet with nothing but retractions, IPv4 without any IPv4 next hop. */
	static const uint8_t packet[] = { 42, 2, 0, 33, 8, 18, 2, 0, 64, 0, 1, 0x90, 0, 0, 255, 255, 0xfd, 0, 0, 1, 0,
		0, 0, 0, 8, 11, 4, 0, 8, 0, 1, 0x90, 0, 0, 255, 255, 10 };
	struct world *w = world_with_three_probes();
	struct babel_sender from = { world_address(1, 0), BABEL_PORT, 1, true, false };

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	probe_say(w, 1, 0, 0, say_update("10.0.0.0/8", world_id(5), 3, 100));
	assert_int_equal(node_next(w, 0, P), 1);
	assert_int_equal(node_next(w, 0, "10.0.0.0/8"), 1);
	babel_receive(w->nodes[0].b, w->now, 0, &from, bytes_of(packet, sizeof(packet)));
	node_poll(w, 0);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 0, "10.0.0.0/8"), BABEL_INFINITY);
	world_free(w);
}

static void own_retractions_carry_no_state_either__babeld_66_71(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update("10.0.0.0/8", world_id(5), 3, 100));
	world_run(w, 500 * MILLISECOND);
	probe_forget(w, 2);
	probe_say(w, 1, 0, 0, say_update("10.0.0.0/8", world_id(5), 3, BABEL_INFINITY));
	world_run(w, 100 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 2, "10.0.0.0/8");
	assert_non_null(h);
	assert_int_equal(h->tlv.u.update.metric, BABEL_INFINITY);
	assert_int_equal(h->tlv.u.update.next_hop.family, FAMILY_NONE);
	world_free(w);
}

static void unfeasible_is_never_selected_even_alone__mycelium_47(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, 400));
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	world_run(w, 3 * A_SECOND);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 4, 400)); /* the origin has answered */
	assert_int_equal(node_next(w, 0, P), 2);
	world_free(w);
}

static void lower_metric_is_recorded_in_the_distance__mycelium_280(void **state)
{
	struct world *w = world_with_three_probes();
	struct prefix p = world_prefix(P);
	router_id origin = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, origin, 3, 400));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, origin, 3, 50));
	world_run(w, 200 * MILLISECOND);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &origin, &seqno, &metric));
	assert_int_equal(metric, 146);
	/* What was feasible for the old distance is not for the new one. */
	probe_say(w, 2, 1, 0, say_update(P, origin, 3, 146));
	probe_say(w, 1, 0, 0, say_update(P, origin, 3, BABEL_INFINITY));
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

static void switch_replaces_without_a_gap__babeld_110(void **state)
{
	struct world *w = world_with_three_probes();
	struct node *n = &w->nodes[0];

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, 120));
	world_run(w, 500 * MILLISECOND);
	n->change_count = 0;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	assert_int_equal(n->change_count, 1);
	assert_int_equal(n->changes[0].change, BABEL_ROUTE_SET);
	world_free(w);
}

/* A path that was once fast pins the distance low; the origin's next seqno frees it. */
static void distance_pinned_by_a_fast_moment_is_freed__babeld_73(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 10));
	world_run(w, 200 * MILLISECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 500));
	world_run(w, 50 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 1);
	assert_int_equal(probe_last(w, 1, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.seqno, 4);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 4, 500));
	assert_int_equal(node_metric(w, 0, P), 596);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_source_now_unfeasible_is_uninstalled__frr_22928),
		cmocka_unit_test(now_unfeasible_gives_way_to_the_backup__frr_22928),
		cmocka_unit_test(request_is_not_forwarded_to_the_unfeasible__frr_18581),
		cmocka_unit_test(seqno_far_ahead_is_accepted__frr_22895),
		cmocka_unit_test(request_far_ahead_is_passed_on__frr_22895),
		cmocka_unit_test(request_to_all_leaves_on_every_link__frr_22891),
		cmocka_unit_test(request_for_a_reserved_router_id_goes_nowhere__frr_23102),
		cmocka_unit_test(unfeasible_route_that_is_kept_is_timed_anew__frr_22915),
		cmocka_unit_test(covering_prefix_is_not_used_during_the_hold__frr_18551),
		cmocka_unit_test(retraction_needs_no_state_of_finite_updates__babeld_66_71),
		cmocka_unit_test(own_retractions_carry_no_state_either__babeld_66_71),
		cmocka_unit_test(unfeasible_is_never_selected_even_alone__mycelium_47),
		cmocka_unit_test(lower_metric_is_recorded_in_the_distance__mycelium_280),
		cmocka_unit_test(switch_replaces_without_a_gap__babeld_110),
		cmocka_unit_test(distance_pinned_by_a_fast_moment_is_freed__babeld_73),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
