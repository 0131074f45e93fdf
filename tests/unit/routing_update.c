/* Updates: when they are sent, how often, to whom; feasibility distances; acknowledgments. */
#include "tests/unit/routing_harness.h"

#define P "fd00:1::/64"

static void table_is_repeated_each_interval__rfc8966_3_7_1(void **state)
{
	struct world *w = world_with_probe();
	uint64_t last = w->now;
	size_t count = 0;

	(void)state;
	node_announce(w, 0, P);
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	probe_live(w, 1, 0, 0, 9, 40);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++) {
		const struct heard *h = &w->nodes[1].heard[i];

		if (h->tlv.type != TLV_UPDATE)
			continue;
		assert_int_equal(h->tlv.u.update.interval_cs, 400);
		assert_int_equal(h->tlv.u.update.metric, 0);
		if (count++)
			assert_true(h->at - last <= 4 * A_SECOND);
		last = h->at;
	}
	assert_in_range(count, 10, 13);
	world_free(w);
}

static void own_update_carries_own_id_and_seqno__rfc8966_3_7(void **state)
{
	struct world *w = world_with_probe();
	router_id own = world_id(0);

	(void)state;
	node_announce(w, 0, P);
	world_run(w, 100 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 1, P);
	assert_non_null(h);
	assert_true(router_id_equal(&h->tlv.u.update.origin, &own));
	assert_int_equal(h->tlv.u.update.seqno, babel_own_seqno(w->nodes[0].b));
	world_free(w);
}

static void learnt_update_copies_id_and_seqno__rfc8966_3_7(void **state)
{
	struct world *w = world_with_probe();
	router_id id = world_id(5);

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, id, 77, 100));
	world_run(w, 100 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 1, P);
	assert_non_null(h);
	assert_true(router_id_equal(&h->tlv.u.update.origin, &id));
	assert_int_equal(h->tlv.u.update.seqno, 77);
	assert_int_equal(h->tlv.u.update.metric, 196);
	world_free(w);
}

static void distance_is_lowered_before_the_update_is_sent__rfc8966_3_7_3(void **state)
{
	struct world *w = world_with_probe();
	struct prefix p = world_prefix(P);
	router_id id = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, id, 77, 100));
	assert_false(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	w->segments[0].is_down = true; /* whether it arrives does not matter */
	world_run(w, 100 * MILLISECOND);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	assert_int_equal(seqno, 77);
	assert_int_equal(metric, 196);
	world_free(w);
}

static void distance_is_kept_on_retraction_and_forgotten_in_time__rfc8966_3_7_3(void **state)
{
	struct world *w = world_with_probe();
	struct prefix p = world_prefix(P);
	router_id id = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, id, 77, 100));
	world_run(w, 100 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, id, 77, BABEL_INFINITY));
	probe_live(w, 1, 0, 0, 9, 170);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	assert_int_equal(metric, 196);
	world_run(w, 12 * A_SECOND);
	assert_false(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	world_free(w);
}

static void distance_outlives_the_hold_time_of_what_was_sent__protocol_2_2_R8(void **state)
{
	struct world *w = world_new(2);
	struct babel_link_config slow = world_link();
	struct prefix p = world_prefix(P);
	router_id id = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	slow.update_interval_cs = 12000; /* two minutes: receivers hold it for seven */
	node_start(w, 0);
	probe_start(w, 1);
	node_join_with(w, 0, 0, slow);
	node_join(w, 1, 0);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	probe_say(w, 1, 0, 0, say_update(P, id, 77, 100));
	world_run(w, 100 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, id, 77, BABEL_INFINITY));
	world_run(w, 7 * 60 * A_SECOND);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	world_run(w, 2 * 60 * A_SECOND);
	assert_false(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	world_free(w);
}

static void periodic_updates_keep_the_distance_alive__rfc8966_3_7_3(void **state)
{
	struct world *w = world_with_probe();
	struct prefix p = world_prefix(P);
	router_id id = world_id(5);
	uint16_t hello = 9, seqno, metric;

	(void)state;
	for (unsigned i = 0; i < 80; i++) {
		probe_say(w, 1, 0, 0, say_ihu(96, 6000));
		probe_say(w, 1, 0, 0, say_update(P, id, 77, 100));
		hello = probe_live(w, 1, 0, 0, hello, 5);
		probe_forget(w, 1);
	}
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	assert_int_equal(node_metric(w, 0, P), 196);
	world_free(w);
}

static void retraction_is_urgent_and_repeated_at_most_five_times__rfc8966_3_7_2(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	struct prefix p = node_announce(w, 0, P);
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	uint64_t start = w->now;
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	node_poll(w, 0);
	world_run(w, 1500 * MILLISECOND);
	size_t copies = probe_count_updates(w, 1, P, true);
	assert_in_range(copies, 2, 5);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++) {
		if (w->nodes[1].heard[i].tlv.type != TLV_UPDATE)
			continue;
		assert_true(w->nodes[1].heard[i].at - start <= 200 * MILLISECOND);
		break;
	}
	world_free(w);
}

static void changed_router_id_is_urgent__rfc8966_3_7_2(void **state)
{
	struct world *w = world_with_probe();
	router_id id = world_id(6);

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_update(P, id, 3, 100));
	world_run(w, 200 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 1, P);
	assert_non_null(h);
	assert_true(router_id_equal(&h->tlv.u.update.origin, &id));
	world_run(w, 400 * MILLISECOND);
	assert_true(probe_count_updates(w, 1, P, false) >= 2);
	world_free(w);
}

static void small_changes_and_new_seqnos_trigger_nothing__rfc8966_3_7_2(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	probe_live(w, 1, 0, 0, 9, 2);
	probe_forget(w, 1);
	for (uint16_t hello = 11; probe_count_updates(w, 1, P, false) == 0; hello++) {
		assert_true(hello < 20);
		probe_live(w, 1, 0, 0, hello, 1); /* until just after a periodic update */
	}
	world_run(w, 100 * MILLISECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 78, 101));
	world_run(w, 300 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 1, P, false), 0);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 79, 300));
	world_run(w, 300 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 1, P, false), 1);
	world_free(w);
}

static struct world *world_with_split_horizon(void)
{
	struct world *w = world_new(3);
	struct babel_link_config config = world_link();

	config.split_horizon = true;
	node_start(w, 0);
	probe_start(w, 1);
	probe_start(w, 2);
	for (unsigned s = 0; s < 2; s++) {
		node_join_with(w, 0, s, config);
		node_join(w, s + 1, s);
		world_run(w, 10 * MILLISECOND);
		probe_befriend(w, s + 1, s, 0, 7);
		world_run(w, 300 * MILLISECOND);
	}
	return w;
}

static void split_horizon_is_silent_where_it_learnt__rfc8966_3_7_4(void **state)
{
	struct world *w = world_with_split_horizon();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	probe_live(w, 1, 0, 0, 9, 8);
	assert_int_equal(probe_count_updates(w, 1, P, false), 0);
	assert_true(probe_count_updates(w, 2, P, false) >= 2);
	world_free(w);
}

static void split_horizon_does_not_eat_a_reply__frr_22918(void **state)
{
	struct world *w = world_with_split_horizon();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	probe_say(w, 1, 0, 0, say_route_request(P));
	world_run(w, 200 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 1, P);
	assert_non_null(h);
	assert_int_equal(h->tlv.u.update.metric, 196);
	world_free(w);
}

static void split_horizon_takes_back_what_it_said_before(void **state)
{
	struct world *w = world_with_split_horizon();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.metric, 196);
	probe_say(w, 2, 1, 0, say_update(P, world_id(6), 3, 10));
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, BABEL_INFINITY));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(node_next(w, 0, P), 2);
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.metric, BABEL_INFINITY);
	assert_int_equal(probe_last_update(w, 1, P)->tlv.u.update.metric, 106);
	world_free(w);
}

static struct world *world_with_acks(struct babel_link_config *config)
{
	struct world *w = world_new(4);

	*config = world_link();
	config->needs_ack = true;
	node_start(w, 0);
	probe_start(w, 1);
	node_join_with(w, 0, 0, *config);
	node_join(w, 1, 0);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	world_run(w, 300 * MILLISECOND);
	node_announce(w, 0, P);
	world_run(w, 200 * MILLISECOND);
	probe_ack_all(w, 1, 0, 0);
	return w;
}

static void unacknowledged_retraction_is_sent_five_times_and_no_more__rfc8966_3_7_2(void **state)
{
	struct babel_link_config config;
	struct world *w = world_with_acks(&config);
	struct prefix p = world_prefix(P);

	(void)state;
	config.update_interval_cs = 60000;
	babel_link_remove(w->nodes[0].b, w->now, 0);
	node_join_with(w, 0, 0, config);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 20);
	world_run(w, 200 * MILLISECOND);
	probe_ack_all(w, 1, 0, 0);
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	node_poll(w, 0);
	probe_live(w, 1, 0, 0, 22, 10);
	assert_int_equal(probe_count_updates(w, 1, P, true), 5);
	assert_int_equal(probe_count(w, 1, TLV_ACK_REQUEST), 5);
	assert_int_equal(babel_counters(w->nodes[0].b)->ack_timeouts, 5);
	world_free(w);
}

static void acknowledged_retraction_is_sent_once(void **state)
{
	struct babel_link_config config;
	struct world *w = world_with_acks(&config);
	struct prefix p = world_prefix(P);

	(void)state;
	probe_forget(w, 1);
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	node_poll(w, 0);
	world_run(w, 100 * MILLISECOND);
	const struct heard *question = probe_last(w, 1, TLV_ACK_REQUEST);
	assert_non_null(question);
	assert_int_equal(question->packet, probe_last_update(w, 1, P)->packet);
	probe_ack(w, 1, 0, 0);
	world_run(w, 2 * A_SECOND);
	assert_int_equal(probe_count(w, 1, TLV_ACK_REQUEST), 1);
	assert_int_equal(babel_counters(w->nodes[0].b)->ack_timeouts, 0);
	world_free(w);
}

/* One lost packet must not hide a destination for an update interval. */
static void what_appears_is_sent_until_it_is_acknowledged(void **state)
{
	struct babel_link_config config;
	struct world *w = world_with_acks(&config);

	(void)state;
	probe_forget(w, 1);
	node_announce(w, 0, "2001:db8:2::/48");
	probe_live(w, 1, 0, 0, 9, 2);
	size_t copies = probe_count_updates(w, 1, "2001:db8:2::/48", false);
	assert_in_range(copies, 2, 5);
	probe_ack_all(w, 1, 0, 0);
	probe_live(w, 1, 0, 0, 11, 4);
	assert_in_range(probe_count_updates(w, 1, "2001:db8:2::/48", false), copies, copies + 1); /* the next dump's */
	world_free(w);
}

/* Nor must a lost request hide all that the neighbour has. */
static void table_is_asked_for_until_the_request_is_acknowledged(void **state)
{
	struct world *w = world_new(8);

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	probe_forget(w, 1);
	probe_live(w, 1, 0, 0, 9, 1);
	assert_in_range(probe_count(w, 1, TLV_ROUTE_REQUEST), 3, 6);
	probe_ack_all(w, 1, 0, 0);
	probe_forget(w, 1);
	probe_live(w, 1, 0, 0, 10, 3);
	assert_int_equal(probe_count(w, 1, TLV_ROUTE_REQUEST), 0);
	world_free(w);
}

/* So is a neighbour that appears long after our start, and not before it has heard us: till then it would not answer.
 */
static void late_neighbour_is_asked_once_it_has_heard_us(void **state)
{
	struct world *w = world_new(9);

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 300 * A_SECOND);
	probe_say(w, 1, 0, 0, say_hello(7, 100));
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_hello(8, 100));
	probe_say(w, 1, 0, 0, say_ihu(96, 6000));
	probe_live(w, 1, 0, 0, 9, 1);
	assert_in_range(probe_count(w, 1, TLV_ROUTE_REQUEST), 2, 5);
	assert_true(probe_count(w, 1, TLV_ACK_REQUEST) >= 2);
	world_free(w);
}

static void loss_of_a_neighbour_ends_its_acknowledgments(void **state)
{
	struct babel_link_config config;
	struct world *w = world_with_acks(&config);
	struct prefix p = world_prefix(P);
	struct address probe = world_address(1, 0);

	(void)state;
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	node_poll(w, 0);
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(babel_originate(w->nodes[0].b, w->now, &p, 0), 0);
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0); /* still in the queue */
	babel_neighbour_lost(w->nodes[0].b, w->now, 0, &probe);
	node_poll(w, 0);
	world_run(w, 60 * A_SECOND);
	assert_int_equal(babel_counters(w->nodes[0].b)->ack_timeouts, 0);
	world_free(w);
}

static void packets_never_exceed_the_mtu__rfc8966_4(void **state)
{
	struct world *w = world_new(5);
	struct babel_link_config config = world_link();
	struct prefix p = world_prefix(P);

	(void)state;
	config.mtu = 512;
	config.needs_ack = true;
	for (unsigned i = 0; i < 2; i++) {
		node_start(w, i);
		node_join_with(w, i, 0, config);
	}
	for (unsigned i = 0; i < 500; i++) {
		p.address.bytes[4] = (uint8_t)(i >> 8);
		p.address.bytes[7] = (uint8_t)i;
		assert_int_equal(babel_originate(w->nodes[0].b, w->now, &p, 0), 0);
	}
	node_poll(w, 0);
	world_run(w, 3 * A_SECOND);
	struct babel_neighbour_info info;
	assert_true(node_neighbour(w, 1, 0, 0, &info));
	assert_int_equal(info.routes, 500);
	for (unsigned i = 0; i < 500; i++) {
		p.address.bytes[4] = (uint8_t)(i >> 8);
		p.address.bytes[7] = (uint8_t)i;
		assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	}
	node_poll(w, 0);
	world_run(w, 2 * A_SECOND);
	struct babel_route r;
	assert_false(babel_selected(w->nodes[1].b, &p, BABEL_TEXT, &r));
	assert_int_equal(babel_counters(w->nodes[0].b)->ack_timeouts, 0);
	assert_in_range(w->segments[0].largest, 100, 512);
	world_free(w);
}

static void full_source_table_sends_nothing_it_cannot_account_for(void **state)
{
	struct world *w = world_new(6);

	(void)state;
	w->nodes[0].config.limits.sources = 1;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	world_run(w, 200 * MILLISECOND); /* the first dump is over */
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 1, P, false), 1);
	probe_say(w, 1, 0, 0, say_update(P, world_id(6), 77, 100));
	world_run(w, 200 * MILLISECOND);
	assert_true(babel_counters(w->nodes[0].b)->refused_sources >= 1);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++)
		if (w->nodes[1].heard[i].tlv.type == TLV_UPDATE &&
			w->nodes[1].heard[i].tlv.u.update.metric != BABEL_INFINITY)
			assert_int_equal(w->nodes[1].heard[i].tlv.u.update.origin.bytes[7], 6);
	world_free(w);
}

static void clean_leave_retracts_everything_at_once(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	node_announce(w, 0, P);
	probe_say(w, 1, 0, 0, say_update("fd00:2::/64", world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_forget(w, 1);
	babel_shutdown(w->nodes[0].b, w->now);
	node_poll(w, 0);
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 1, P, true), 1);
	assert_int_equal(probe_count_updates(w, 1, "fd00:2::/64", true), 1);
	world_run(w, 10 * A_SECOND);
	assert_int_equal(w->nodes[1].heard_count, 2);
	world_free(w);
}

static void lost_route_causes_no_update_storm__mycelium_217(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, BABEL_INFINITY));
	probe_forget(w, 1);
	probe_live(w, 1, 0, 0, 9, 30);
	assert_true(probe_count_updates(w, 1, P, true) <= 2 + 8);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_repeated_each_interval__rfc8966_3_7_1),
		cmocka_unit_test(own_update_carries_own_id_and_seqno__rfc8966_3_7),
		cmocka_unit_test(learnt_update_copies_id_and_seqno__rfc8966_3_7),
		cmocka_unit_test(distance_is_lowered_before_the_update_is_sent__rfc8966_3_7_3),
		cmocka_unit_test(distance_is_kept_on_retraction_and_forgotten_in_time__rfc8966_3_7_3),
		cmocka_unit_test(distance_outlives_the_hold_time_of_what_was_sent__protocol_2_2_R8),
		cmocka_unit_test(periodic_updates_keep_the_distance_alive__rfc8966_3_7_3),
		cmocka_unit_test(retraction_is_urgent_and_repeated_at_most_five_times__rfc8966_3_7_2),
		cmocka_unit_test(changed_router_id_is_urgent__rfc8966_3_7_2),
		cmocka_unit_test(small_changes_and_new_seqnos_trigger_nothing__rfc8966_3_7_2),
		cmocka_unit_test(split_horizon_is_silent_where_it_learnt__rfc8966_3_7_4),
		cmocka_unit_test(split_horizon_does_not_eat_a_reply__frr_22918),
		cmocka_unit_test(split_horizon_takes_back_what_it_said_before),
		cmocka_unit_test(unacknowledged_retraction_is_sent_five_times_and_no_more__rfc8966_3_7_2),
		cmocka_unit_test(acknowledged_retraction_is_sent_once),
		cmocka_unit_test(what_appears_is_sent_until_it_is_acknowledged),
		cmocka_unit_test(table_is_asked_for_until_the_request_is_acknowledged),
		cmocka_unit_test(late_neighbour_is_asked_once_it_has_heard_us),
		cmocka_unit_test(loss_of_a_neighbour_ends_its_acknowledgments),
		cmocka_unit_test(packets_never_exceed_the_mtu__rfc8966_4),
		cmocka_unit_test(full_source_table_sends_nothing_it_cannot_account_for),
		cmocka_unit_test(clean_leave_retracts_everything_at_once),
		cmocka_unit_test(lost_route_causes_no_update_storm__mycelium_217),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
