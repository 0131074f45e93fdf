/* Routes: acquisition, feasibility, expiry, hold, selection. */
#include "tests/unit/routing_harness.h"

#define P "fd00:1::/64"

/* Speaker 0 with usable probes 1 on segment 0 and 2 on segment 1. */
static struct world *world_with_two_probes(void)
{
	struct world *w = world_with_probe();

	probe_start(w, 2);
	world_cable(w, 1, 0, 2);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 2, 1, 0, 7);
	world_run(w, 300 * MILLISECOND);
	return w;
}

/* Hello seqnos 9 and up on both. */
static void both_live(struct world *w, uint16_t *seqno, unsigned seconds)
{
	for (unsigned s = 0; s < seconds; s++) {
		probe_say(w, 2, 1, 0, say_hello(*seqno, 100));
		*seqno = probe_live(w, 1, 0, 0, *seqno, 1);
	}
}

static void metric_adds_the_link_cost__rfc8966_3_5_2(void **state)
{
	struct world *w = world_with_probe();
	struct babel_route_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	assert_true(node_route(w, 0, P, 0, 1, &info));
	assert_int_equal(info.refmetric, 100);
	assert_int_equal(info.cost, 96);
	assert_int_equal(info.route.metric, 196);
	assert_true(info.selected && info.feasible && !info.held);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 65500)); /* the sum is infinite */
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

static void feasibility_is_strict_and_seqno_first__rfc8966_3_5_1(void **state)
{
	struct world *w = world_with_two_probes();
	struct prefix p = world_prefix(P);
	struct babel_route_info info;
	router_id id = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, id, 65535, 100));
	world_run(w, 200 * MILLISECOND);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	assert_int_equal(seqno, 65535);
	assert_int_equal(metric, 196);
	probe_say(w, 2, 1, 0, say_update(P, id, 65535, 196));
	assert_true(node_route(w, 0, P, 1, 2, &info) && !info.feasible);
	probe_say(w, 2, 1, 0, say_update(P, id, 65535, 195));
	assert_true(node_route(w, 0, P, 1, 2, &info) && info.feasible);
	probe_say(w, 2, 1, 0, say_update(P, id, 65534, 1));
	assert_true(node_route(w, 0, P, 1, 2, &info) && !info.feasible);
	probe_say(w, 2, 1, 0, say_update(P, id, 0, 60000)); /* newer, modulo 2^16 */
	assert_true(node_route(w, 0, P, 1, 2, &info) && info.feasible);
	probe_say(w, 2, 1, 0, say_update(P, world_id(6), 9, 60000)); /* another source */
	assert_true(node_route(w, 0, P, 1, 2, &info) && info.feasible);
	world_free(w);
}

static void retraction_is_always_feasible__rfc8966_3_5_1(void **state)
{
	struct world *w = world_with_probe();
	struct babel_route_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, (router_id){ { 0 } }, 0, BABEL_INFINITY));
	assert_true(node_route(w, 0, P, 0, 1, &info));
	assert_int_equal(info.refmetric, BABEL_INFINITY);
	assert_true(info.feasible && !info.selected);
	assert_int_equal(babel_counters(w->nodes[0].b)->retractions_received, 1);
	world_free(w);
}

static void retraction_of_an_unknown_route_is_ignored__rfc8966_3_5_3(void **state)
{
	struct world *w = world_with_probe();
	struct babel_route_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	assert_false(node_route(w, 0, P, 0, 1, &info));
	assert_int_equal(w->nodes[0].change_count, 0);
	world_free(w);
}

static void wildcard_retraction_takes_all_routes_of_the_neighbour__rfc8966_4_6_9(void **state)
{
	struct world *w = world_with_two_probes();
	struct babel_tlv all = { .type = TLV_UPDATE };

	(void)state;
	all.u.update.wildcard = true;
	all.u.update.interval_cs = 400;
	all.u.update.metric = BABEL_INFINITY;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	probe_say(w, 1, 0, 0, say_update("fd00:2::/64", world_id(5), 3, 100));
	probe_say(w, 2, 1, 0, say_update("fd00:3::/64", world_id(5), 3, 100));
	probe_say(w, 1, 0, 0, all);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 0, "fd00:2::/64"), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 0, "fd00:3::/64"), 196);
	world_free(w);
}

static void now_unfeasible_route_is_unselected_at_once__rfc8966_3_5_3(void **state)
{
	struct world *w = world_with_probe();
	struct babel_route_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 2, 100)); /* FRR 22928 */
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_true(node_route(w, 0, P, 0, 1, &info));
	assert_false(info.feasible);
	assert_true(info.held);
	assert_int_equal(w->nodes[0].changes[w->nodes[0].change_count - 1].change, BABEL_ROUTE_UNREACHABLE);
	assert_true(babel_counters(w->nodes[0].b)->updates_unfeasible >= 1);
	world_free(w);
}

static void selected_route_may_get_worse__rfc8966_3_5_3(void **state)
{
	struct world *w = world_with_probe();
	uint16_t seqno, distance;
	struct prefix p;

	(void)state;
	assert_int_equal(prefix_parse(&p, P), 0);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 300));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(node_metric(w, 0, P), 396);
	assert_true(babel_counters(w->nodes[0].b)->updates_unfeasible >= 1);
	const router_id origin = world_id(5);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &origin, &seqno, &distance));
	assert_int_equal(distance, 196); /* what was announced then still counts */
	world_free(w);
}

static void worse_route_is_not_taken_back_once_left__rfc8966_3_5_1(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 300));
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	probe_say(w, 1, 0, 0, say_update(P, world_id(6), 3, 100));
	assert_int_equal(node_metric(w, 0, P), 196);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 300)); /* another origin: judged by itself */
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

static void unfeasible_route_is_never_selected__rfc8966_3_6(void **state)
{
	struct world *w = world_with_two_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, 400));
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 4, 400)); /* mycelium 47, then cured by a seqno */
	assert_int_equal(node_metric(w, 0, P), 496);
	world_free(w);
}

static void seqno_does_not_decide_selection__rfc8966_3_6(void **state)
{
	struct world *w = world_with_two_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 4, 400));
	assert_int_equal(node_next(w, 0, P), 1);
	world_free(w);
}

static void better_route_must_be_better_for_a_while__rfc8966_a_3(void **state)
{
	struct world *w = world_with_two_probes();
	uint16_t seqno = 9;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 300));
	both_live(w, &seqno, 8);
	assert_int_equal(node_next(w, 0, P), 1);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 4, 200));
	assert_int_equal(node_next(w, 0, P), 1); /* better now, not yet for long */
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 4, 300));
	both_live(w, &seqno, 2);
	assert_int_equal(node_next(w, 0, P), 1);
	both_live(w, &seqno, 8);
	assert_int_equal(node_next(w, 0, P), 2);
	assert_int_equal(babel_counters(w->nodes[0].b)->routes_switched, 1);
	world_free(w);
}

static void feasible_backup_takes_over_in_the_same_moment(void **state)
{
	struct world *w = world_with_two_probes();
	struct node *n = &w->nodes[0];

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, 150));
	world_run(w, 200 * MILLISECOND);
	n->change_count = 0;
	node_leave(w, 0, 0);
	assert_int_equal(node_next(w, 0, P), 2);
	assert_int_equal(n->change_count, 1); /* replaced, never removed (babeld 110) */
	assert_int_equal(n->changes[0].change, BABEL_ROUTE_SET);
	assert_int_equal(n->changes[0].route.link, 1);
	world_free(w);
}

static void route_expires_first_to_infinity_then_is_flushed__rfc8966_3_5_3(void **state)
{
	struct world *w = world_with_probe();
	struct babel_route_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100)); /* interval 4 s: hold 14 s */
	uint16_t seqno = probe_live(w, 1, 0, 0, 9, 13);
	assert_int_equal(node_metric(w, 0, P), 196);
	seqno = probe_live(w, 1, 0, 0, seqno, 2);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_int_equal(babel_counters(w->nodes[0].b)->routes_expired, 1);
	assert_true(node_route(w, 0, P, 0, 1, &info));
	assert_int_equal(info.refmetric, BABEL_INFINITY);
	probe_live(w, 1, 0, 0, seqno, 14);
	assert_false(node_route(w, 0, P, 0, 1, &info));
	world_free(w);
}

static void retraction_does_not_prolong_the_entry__rfc8966_3_5_3(void **state)
{
	struct world *w = world_with_probe();
	struct babel_route_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	uint16_t seqno = probe_live(w, 1, 0, 0, 9, 10);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	probe_live(w, 1, 0, 0, seqno, 5);
	assert_false(node_route(w, 0, P, 0, 1, &info) && info.refmetric != BABEL_INFINITY);
	assert_int_equal(babel_counters(w->nodes[0].b)->routes_expired, 0);
	world_free(w);
}

static void update_that_is_not_repeated_lives_long__rfc8966_4_6_9(void **state)
{
	struct world *w = world_with_probe();
	struct babel_tlv update = say_update(P, world_id(5), 3, 100);

	(void)state;
	update.u.update.interval_cs = 0xffff;
	probe_say(w, 1, 0, 0, update);
	probe_live(w, 1, 0, 0, 9, 200);
	assert_int_equal(node_metric(w, 0, P), 196);
	world_free(w);
}

static void prefix_is_held_while_neighbours_may_follow__rfc8966_3_5_4(void **state)
{
	struct world *w = world_with_probe();
	struct node *n = &w->nodes[0];

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 500 * MILLISECOND);
	n->change_count = 0;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	assert_int_equal(n->change_count, 1);
	assert_int_equal(n->changes[0].change, BABEL_ROUTE_UNREACHABLE);
	world_run(w, 13 * A_SECOND);
	assert_int_equal(n->change_count, 1);
	world_run(w, 10 * A_SECOND);
	assert_int_equal(n->change_count, 2);
	assert_int_equal(n->changes[1].change, BABEL_ROUTE_REMOVED);
	world_free(w);
}

static void hold_ends_when_a_route_is_selected__rfc8966_3_5_4(void **state)
{
	struct world *w = world_with_probe();
	struct node *n = &w->nodes[0];

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 4, 100));
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_SET);
	probe_live(w, 1, 0, 0, 9, 13);
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_SET);
	world_free(w);
}

static void hold_ends_early_when_all_have_acknowledged__rfc8966_3_5_4(void **state)
{
	struct world *w = world_new(3);
	struct babel_link_config config = world_link();
	struct node *n = &w->nodes[1];

	(void)state;
	config.needs_ack = true;
	config.update_interval_cs = 1600;
	for (unsigned i = 0; i < 3; i++)
		node_start(w, i);
	for (unsigned s = 0; s < 2; s++) {
		node_join_with(w, s, s, config);
		node_join_with(w, s + 1, s, config);
	}
	struct prefix p = node_announce(w, 0, P);
	world_run(w, 8 * A_SECOND);
	assert_int_equal(node_metric(w, 2, P), 192);
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	node_poll(w, 0);
	world_run(w, 800 * MILLISECOND);
	assert_true(n->change_count >= 2);
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_REMOVED);
	assert_int_equal(n->changes[n->change_count - 2].change, BABEL_ROUTE_UNREACHABLE);
	assert_true(babel_counters(n->b)->acks_received >= 2);
	world_free(w);
}

/* Speaker 0 asks probes 1 and 2 to acknowledge. */
static struct world *world_with_acking_probes(void)
{
	struct world *w = world_new(1);
	struct babel_link_config config = world_link();

	config.needs_ack = true;
	config.update_interval_cs = 1600;
	node_start(w, 0);
	for (unsigned i = 1; i < 3; i++) {
		probe_start(w, i);
		node_join_with(w, 0, i - 1, config);
		node_join(w, i, i - 1);
	}
	world_run(w, 10 * MILLISECOND);
	for (unsigned i = 1; i < 3; i++) {
		probe_befriend(w, i, i - 1, 0, 7);
		probe_say(w, i, i - 1, 0, say_hello(9, 1000)); /* ten seconds of peace */
	}
	world_run(w, 100 * MILLISECOND);
	return w;
}

static void both_acknowledge_the_loss(struct world *w)
{
	probe_forget(w, 1);
	probe_forget(w, 2);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, BABEL_INFINITY));
	world_run(w, 100 * MILLISECOND);
	probe_ack(w, 1, 0, 0);
	probe_ack(w, 2, 1, 0);
	world_run(w, 100 * MILLISECOND);
}

static enum babel_route_change last_change(const struct node *n)
{
	return n->changes[n->change_count - 1].change;
}

static void acknowledgments_prove_nothing_while_updates_are_on_their_way__rfc8966_3_5_4(void **state)
{
	struct world *w = world_with_acking_probes();

	(void)state;
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 200 * MILLISECOND); /* announced just now: it may overtake the retraction */
	both_acknowledge_the_loss(w);
	assert_int_equal(babel_counters(w->nodes[0].b)->ack_timeouts, 0);
	assert_int_equal(last_change(&w->nodes[0]), BABEL_ROUTE_UNREACHABLE);
	world_run(w, 12 * A_SECOND);
	assert_int_equal(last_change(&w->nodes[0]), BABEL_ROUTE_UNREACHABLE);
	world_run(w, 53 * A_SECOND);
	assert_int_equal(last_change(&w->nodes[0]), BABEL_ROUTE_REMOVED);
	world_free(w);
}

static void acknowledged_hold_waits_for_a_forgotten_neighbour__rfc8966_3_5_4(void **state)
{
	struct world *w = world_with_acking_probes();
	struct address stranger = world_address(3, 0);

	(void)state;
	probe_start(w, 3);
	node_join(w, 3, 0);
	probe_befriend(w, 3, 0, 0, 7);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 3500 * MILLISECOND);
	/* It has heard of the route, and nobody will ask it any more. */
	babel_neighbour_lost(w->nodes[0].b, w->now, 0, &stranger);
	node_poll(w, 0);
	both_acknowledge_the_loss(w);
	world_run(w, 5 * A_SECOND);
	assert_int_equal(last_change(&w->nodes[0]), BABEL_ROUTE_UNREACHABLE);
	world_run(w, 60 * A_SECOND);
	assert_int_equal(last_change(&w->nodes[0]), BABEL_ROUTE_REMOVED);
	world_free(w);
}

static void own_prefix_wins_over_received_ones(void **state)
{
	struct world *w = world_with_probe();
	struct prefix p = world_prefix(P);
	struct node *n = &w->nodes[0];
	struct babel_route_info info;
	struct babel_route r;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 0));
	assert_int_equal(babel_originate(n->b, w->now, &p, 10), 0);
	assert_int_equal(babel_originate(n->b, w->now, &p, 10), -17);
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_REMOVED);
	assert_false(babel_selected(n->b, &p, BABEL_TEXT, &r));
	assert_true(node_route(w, 0, P, 0, 1, &info));
	assert_false(info.selected);
	assert_int_equal(babel_withdraw(n->b, w->now, &p), 0);
	assert_int_equal(babel_withdraw(n->b, w->now, &p), -2);
	assert_true(babel_selected(n->b, &p, BABEL_TEXT, &r));
	assert_int_equal(r.metric, 96);
	world_free(w);
}

static void route_of_our_own_origin_is_never_used(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(0), 30000, 0));
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

static void martian_prefixes_are_refused__rfc8966_c(void **state)
{
	static const char *const martians[] = { "fe80::/64", "ff00::/8", "127.0.0.1/32", "0.0.0.0/32", "224.0.0.0/8" };
	struct world *w = world_with_probe();

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct babel_tlv update = say_update(martians[i], world_id(5), 3, 0);

		probe_say(w, 1, 0, 0, update);
		assert_int_equal(node_metric(w, 0, martians[i]), BABEL_INFINITY);
		assert_int_equal(babel_counters(w->nodes[0].b)->updates_refused, i + 1);
	}
	probe_say(w, 1, 0, 0, say_update("::/0", world_id(5), 3, 0));
	assert_int_equal(node_metric(w, 0, "::/0"), 96);
	world_free(w);
}

static void next_hop_that_is_ourselves_is_refused(void **state)
{
	struct world *w = world_with_probe();
	struct babel_tlv update = say_update(P, world_id(5), 3, 0);

	(void)state;
	update.u.update.next_hop = world_address(0, 0);
	probe_say(w, 1, 0, 0, update);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

static void owner_may_refuse_and_make_dearer(void **state)
{
	struct world *w = world_with_probe();
	struct node *n = &w->nodes[0];

	(void)state;
	n->verdict = (struct babel_verdict){ .accept = true, .extra_cost = 1000 };
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	assert_int_equal(node_metric(w, 0, P), 1196);
	n->verdict.accept = false;
	babel_refilter(n->b, w->now);
	node_poll(w, 0);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	probe_forget(w, 1);
	world_run(w, 100 * MILLISECOND);
	assert_true(probe_last(w, 1, TLV_ROUTE_REQUEST)->tlv.u.route_request.wildcard);
	n->verdict = (struct babel_verdict){ .accept = true };
	babel_refilter(n->b, w->now);
	node_poll(w, 0);
	assert_int_equal(node_metric(w, 0, P), 196);
	world_free(w);
}

static void route_table_is_bounded_per_neighbour_and_counted(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	w->nodes[0].config.limits.routes = 3;
	w->nodes[0].config.limits.sources = 5;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	for (unsigned i = 0; i < 5; i++) {
		struct babel_tlv update = say_update(P, world_id(5), 3, 0);

		update.u.update.prefix.address.bytes[5] = (uint8_t)i;
		probe_say(w, 1, 0, 0, update);
	}
	assert_int_equal(babel_counters(w->nodes[0].b)->refused_routes, 2);
	struct prefix own = world_prefix("fd00:2::/64");
	for (unsigned i = 0; i < 3; i++) {
		own.address.bytes[5] = (uint8_t)i;
		assert_int_equal(babel_originate(w->nodes[0].b, w->now, &own, 0), i < 2 ? 0 : -12);
	}
	world_free(w);
}

/* Five prefixes inside of one that is named, then one that is. */
static void a_prefix_cut_into_many_leaves_a_quarter_of_the_table(void **state)
{
	struct world *w = world_new(4);
	struct node *n = &w->nodes[0];

	(void)state;
	n->config.limits.routes = 4;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	for (unsigned i = 0; i < 6; i++) {
		struct babel_tlv update = say_update(P, world_id(5), 3, 0);

		update.u.update.prefix.address.bytes[5] = (uint8_t)i;
		n->verdict.is_named = i == 5;
		probe_say(w, 1, 0, 0, update);
	}
	assert_int_equal(babel_counters(n->b)->refused_routes, 2);
	assert_int_equal(node_metric(w, 0, "fd00:1:4::/64"), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 0, "fd00:1:5::/64"), 96);
	world_free(w);
}

static void now_better_metric_is_recorded_and_followed__mycelium_280(void **state)
{
	struct world *w = world_with_probe();
	struct prefix p = world_prefix(P);
	router_id id = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, id, 3, 400));
	world_run(w, 200 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, id, 3, 100));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(node_metric(w, 0, P), 196);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	assert_int_equal(metric, 196);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metric_adds_the_link_cost__rfc8966_3_5_2),
		cmocka_unit_test(feasibility_is_strict_and_seqno_first__rfc8966_3_5_1),
		cmocka_unit_test(retraction_is_always_feasible__rfc8966_3_5_1),
		cmocka_unit_test(retraction_of_an_unknown_route_is_ignored__rfc8966_3_5_3),
		cmocka_unit_test(wildcard_retraction_takes_all_routes_of_the_neighbour__rfc8966_4_6_9),
		cmocka_unit_test(now_unfeasible_route_is_unselected_at_once__rfc8966_3_5_3),
		cmocka_unit_test(selected_route_may_get_worse__rfc8966_3_5_3),
		cmocka_unit_test(worse_route_is_not_taken_back_once_left__rfc8966_3_5_1),
		cmocka_unit_test(unfeasible_route_is_never_selected__rfc8966_3_6),
		cmocka_unit_test(seqno_does_not_decide_selection__rfc8966_3_6),
		cmocka_unit_test(better_route_must_be_better_for_a_while__rfc8966_a_3),
		cmocka_unit_test(feasible_backup_takes_over_in_the_same_moment),
		cmocka_unit_test(route_expires_first_to_infinity_then_is_flushed__rfc8966_3_5_3),
		cmocka_unit_test(retraction_does_not_prolong_the_entry__rfc8966_3_5_3),
		cmocka_unit_test(update_that_is_not_repeated_lives_long__rfc8966_4_6_9),
		cmocka_unit_test(prefix_is_held_while_neighbours_may_follow__rfc8966_3_5_4),
		cmocka_unit_test(hold_ends_when_a_route_is_selected__rfc8966_3_5_4),
		cmocka_unit_test(hold_ends_early_when_all_have_acknowledged__rfc8966_3_5_4),
		cmocka_unit_test(acknowledgments_prove_nothing_while_updates_are_on_their_way__rfc8966_3_5_4),
		cmocka_unit_test(acknowledged_hold_waits_for_a_forgotten_neighbour__rfc8966_3_5_4),
		cmocka_unit_test(own_prefix_wins_over_received_ones),
		cmocka_unit_test(route_of_our_own_origin_is_never_used),
		cmocka_unit_test(martian_prefixes_are_refused__rfc8966_c),
		cmocka_unit_test(next_hop_that_is_ourselves_is_refused),
		cmocka_unit_test(owner_may_refuse_and_make_dearer),
		cmocka_unit_test(route_table_is_bounded_per_neighbour_and_counted),
		cmocka_unit_test(a_prefix_cut_into_many_leaves_a_quarter_of_the_table),
		cmocka_unit_test(now_better_metric_is_recorded_and_followed__mycelium_280),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
