/* Restarts: of this node with and without its seqno, of neighbours. */
#include "tests/unit/routing_harness.h"

#define P "fd00:1::/64"

static void node_restart(struct world *w, unsigned i, unsigned segments)
{
	babel_free(w->nodes[i].b);
	w->nodes[i].b = NULL;
	w->nodes[i].config.stored_seqno = w->nodes[i].stored;
	node_start(w, i);
	for (unsigned s = 0; s < SEGMENTS; s++)
		if (segments >> s & 1)
			node_join(w, i, s);
}

static void seqno_starts_beyond_what_was_stored__protocol_6_3(void **state)
{
	struct world *w = world_new(1);

	(void)state;
	w->nodes[0].config.stored_seqno = 65530;
	node_start(w, 0);
	assert_int_equal(babel_own_seqno(w->nodes[0].b), (uint16_t)(65530 + 17));
	world_free(w);
}

static void stored_seqno_is_never_more_than_16_behind__protocol_6_3(void **state)
{
	struct world *w = world_with_probe();
	struct node *n = &w->nodes[0];

	(void)state;
	node_announce(w, 0, P);
	world_run(w, A_SECOND);
	for (unsigned i = 0; i < 100; i++) {
		uint16_t seqno = babel_own_seqno(n->b);

		assert_true((uint16_t)(seqno - n->stored) <= 16);
		probe_say(w, 1, 0, 0, say_seqno_request(P, world_id(0), (uint16_t)(seqno + 1), 64));
		assert_int_equal(babel_own_seqno(n->b), (uint16_t)(seqno + 1));
	}
	assert_in_range(n->stores, 6, 8); /* blocks: flash wears */
	assert_true((uint16_t)(n->stored + 17 - babel_own_seqno(n->b)) < 0x8000);
	world_free(w);
}

static void restarted_origin_is_believed_at_once__protocol_6_3(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		node_start(w, i);
	world_cable(w, 0, 0, 1);
	world_cable(w, 1, 1, 2);
	struct prefix p = node_announce(w, 0, P);
	world_run(w, 5 * A_SECOND);
	node_restart(w, 0, 1);
	assert_int_equal(babel_originate(w->nodes[0].b, w->now, &p, 0), 0);
	node_poll(w, 0);
	world_run(w, 2 * A_SECOND);
	assert_int_equal(node_metric(w, 1, P), 96);
	assert_int_equal(node_metric(w, 2, P), 192);
	world_free(w);
}

static void lost_seqno_is_adopted_from_the_own_past__protocol_6_3(void **state)
{
	struct world *w = world_new(3);
	struct node *n = &w->nodes[0];

	(void)state;
	n->config.has_stored_seqno = false;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	node_announce(w, 0, P);
	uint16_t seqno = babel_own_seqno(n->b);
	probe_say(w, 1, 0, 0, say_hello(7, 100));
	probe_say(w, 1, 0, 0, say_update(P, world_id(0), (uint16_t)(seqno - 5), 96));
	assert_int_equal(babel_own_seqno(n->b), seqno);
	probe_say(w, 1, 0, 0, say_update(P, world_id(0), (uint16_t)(seqno + 1000), 96));
	assert_int_equal(babel_own_seqno(n->b), (uint16_t)(seqno + 1001));
	assert_int_equal(n->stored, (uint16_t)(seqno + 1001));
	world_run(w, 300 * MILLISECOND);
	assert_int_equal(probe_last_update(w, 1, P)->tlv.u.update.seqno, (uint16_t)(seqno + 1001));
	world_run(w, 601 * A_SECOND);
	seqno = babel_own_seqno(n->b);
	probe_befriend(w, 1, 0, 0, 200);
	probe_say(w, 1, 0, 0, say_update(P, world_id(0), (uint16_t)(seqno + 1000), 96));
	assert_int_equal(babel_own_seqno(n->b), seqno); /* ten minutes are over */
	world_free(w);
}

static void stored_seqno_is_not_talked_away(void **state)
{
	struct world *w = world_with_probe();
	uint16_t seqno = babel_own_seqno(w->nodes[0].b);

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(0), (uint16_t)(seqno + 1000), 96));
	assert_int_equal(babel_own_seqno(w->nodes[0].b), seqno);
	world_free(w);
}

/* Without its distances the relay must not believe the neighbour that still
 * routes through it. */
static void restarted_relay_never_closes_a_loop__protocol_2_2_R7(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct world *w = world_new(seed);

		for (unsigned i = 0; i < 3; i++)
			node_start(w, i);
		world_cable(w, 0, 0, 1);
		world_cable(w, 1, 1, 2);
		node_announce(w, 0, P);
		world_run(w, 5 * A_SECOND);
		assert_int_equal(node_metric(w, 2, P), 192);
		w->segments[0].is_down = true; /* the origin is gone when the relay comes back */
		w->segments[1].loss_permille = 10 * seed % 500;
		node_restart(w, 1, 2);
		world_run(w, 20 * A_SECOND); /* the oracle watches */
		w->segments[1].loss_permille = 0;
		world_run(w, 10 * A_SECOND);
		assert_int_equal(node_metric(w, 1, P), BABEL_INFINITY);
		world_free(w);
	}
}

static void neighbour_hears_of_the_restart_before_it_is_believed(void **state)
{
	struct world *w = world_new(4);
	struct babel_neighbour_info info;

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 10 * MILLISECOND);
	for (uint16_t i = 0; i < 5; i++)
		probe_say(w, 1, 0, 0, say_hello((uint16_t)(7 + i), 100));
	probe_say(w, 1, 0, 0, say_ihu(96, 6000));
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 3, 100));
	world_run(w, 50 * MILLISECOND);
	const struct heard *h = probe_last(w, 1, TLV_ACK_REQUEST);
	assert_non_null(h);
	assert_false(h->multicast);
	bool is_retracted = false;
	for (size_t i = 0; i < w->nodes[1].heard_count; i++) {
		const struct heard *u = &w->nodes[1].heard[i];

		is_retracted |= u->packet == h->packet && u->tlv.type == TLV_UPDATE && u->tlv.u.update.wildcard &&
				u->tlv.u.update.metric == BABEL_INFINITY;
	}
	assert_true(is_retracted);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], BABEL_INFINITY);
	assert_int_equal(info.routes, 0);
	probe_ack(w, 1, 0, 0);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], 96);
	world_free(w);
}

static void neighbour_that_never_acknowledges_is_used_in_the_end(void **state)
{
	struct world *w = world_new(5);
	struct babel_neighbour_info info;

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 10 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_ihu(96, 6000));
	probe_live(w, 1, 0, 0, 7, 15);
	probe_say(w, 1, 0, 0, say_ihu(96, 6000));
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], BABEL_INFINITY);
	probe_live(w, 1, 0, 0, 22, 3); /* our older announcements are certainly over */
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], 96);
	world_free(w);
}

static void restarted_neighbour_is_usable_within_seconds__aredn_2396(void **state)
{
	struct world *w = world_new(6);

	(void)state;
	node_start(w, 0);
	node_start(w, 1);
	world_cable(w, 0, 0, 1);
	struct prefix p = node_announce(w, 0, P);
	for (unsigned i = 0; i < 10; i++) {
		world_run(w, 3 * A_SECOND);
		assert_int_equal(node_metric(w, 1, P), 96);
		node_restart(w, 0, 1);
		assert_int_equal(babel_originate(w->nodes[0].b, w->now, &p, 0), 0);
		node_poll(w, 0);
	}
	world_free(w);
}

static void source_of_quiet_hours_does_not_loop__protocol_7_2_7(void **state)
{
	/* A triangle, quiet for ten times the garbage-collection time, then a cut. */
	struct world *w = world_new(7);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		node_start(w, i);
	world_cable(w, 0, 0, 1);
	world_cable(w, 1, 1, 2);
	world_cable(w, 2, 2, 0);
	node_announce(w, 0, P);
	world_run(w, 1800 * A_SECOND);
	w->segments[0].is_down = w->segments[2].is_down = true;
	world_run(w, 300 * A_SECOND);
	assert_int_equal(node_metric(w, 1, P), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 2, P), BABEL_INFINITY);
	w->segments[0].is_down = w->segments[2].is_down = false;
	world_run(w, 5 * A_SECOND);
	assert_int_equal(node_metric(w, 1, P), 96);
	assert_int_equal(node_metric(w, 2, P), 96);
	world_free(w);
}

static void reserved_router_id_is_refused__rfc8966_4_1_3(void **state)
{
	struct world *w = world_new(8);
	struct babel_output output = { .send = world_send, .route_changed = world_changed };
	struct babel_config config = w->nodes[0].config;

	(void)state;
	config.id = (router_id){ { 0 } };
	assert_null(babel_new(&config, &output, &w->nodes[0]));
	memset(&config.id, 0xff, sizeof(config.id));
	assert_null(babel_new(&config, &output, &w->nodes[0]));
	config.id = world_id(0);
	struct babel *b = babel_new(&config, &output, &w->nodes[0]); /* optional callbacks are optional */
	assert_non_null(b);
	struct prefix p = world_prefix(P);
	assert_int_equal(babel_originate(b, w->now, &p, 0), 0);
	struct babel_link_config link = world_link();
	struct address self = world_address(0, 0);
	assert_int_equal(babel_link_add(b, w->now, 0, &self, &link), 0);
	for (uint64_t due = babel_poll(b, w->now); due < w->now + A_SECOND;)
		due = babel_poll(b, due);
	babel_free(b);
	babel_free(NULL);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seqno_starts_beyond_what_was_stored__protocol_6_3),
		cmocka_unit_test(stored_seqno_is_never_more_than_16_behind__protocol_6_3),
		cmocka_unit_test(restarted_origin_is_believed_at_once__protocol_6_3),
		cmocka_unit_test(lost_seqno_is_adopted_from_the_own_past__protocol_6_3),
		cmocka_unit_test(stored_seqno_is_not_talked_away),
		cmocka_unit_test(restarted_relay_never_closes_a_loop__protocol_2_2_R7),
		cmocka_unit_test(neighbour_hears_of_the_restart_before_it_is_believed),
		cmocka_unit_test(neighbour_that_never_acknowledges_is_used_in_the_end),
		cmocka_unit_test(restarted_neighbour_is_usable_within_seconds__aredn_2396),
		cmocka_unit_test(source_of_quiet_hours_does_not_loop__protocol_7_2_7),
		cmocka_unit_test(reserved_router_id_is_refused__rfc8966_4_1_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
