/* Neighbours: acquisition, Hello histories, IHUs, loss, acknowledgments. */
#include "tests/unit/routing_harness.h"

static void two_engines_converge_within_a_second(void **state)
{
	struct world *w = world_new(1);

	(void)state;
	node_start(w, 0);
	node_start(w, 1);
	node_announce(w, 1, "fd00:1::/64");
	world_cable(w, 0, 0, 1);
	world_run(w, 900 * MILLISECOND);
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), 96);
	assert_int_equal(w->nodes[0].change_count, 1);
	assert_int_equal(w->nodes[0].changes[0].change, BABEL_ROUTE_SET);
	world_free(w);
}

static void hello_seqno_counts_up_by_one__rfc8966_3_4_1(void **state)
{
	struct world *w = world_new(2);
	bool is_first = true;
	uint16_t expected = 0;

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 20 * A_SECOND);
	assert_true(probe_count(w, 1, TLV_HELLO) >= 20);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++) {
		const struct heard *h = &w->nodes[1].heard[i];

		if (h->tlv.type != TLV_HELLO)
			continue;
		assert_true(h->multicast);
		assert_false(h->tlv.u.hello.unicast);
		assert_int_equal(h->tlv.u.hello.interval_cs, 100);
		if (!is_first)
			assert_int_equal(h->tlv.u.hello.seqno, expected);
		is_first = false;
		expected = (uint16_t)(h->tlv.u.hello.seqno + 1);
	}
	world_free(w);
}

static void hello_interval_is_an_upper_bound__rfc8966_4_6_5(void **state)
{
	struct world *w = world_new(3);
	uint64_t last = 0;

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 30 * A_SECOND);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++) {
		if (w->nodes[1].heard[i].tlv.type != TLV_HELLO)
			continue;
		if (last)
			assert_true(w->nodes[1].heard[i].at - last <= A_SECOND);
		last = w->nodes[1].heard[i].at;
	}
	assert_true(last > 0);
	world_free(w);
}

static void first_hello_from_a_stranger_is_answered_with_an_ihu(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 700 * MILLISECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_hello(7, 100));
	world_run(w, 250 * MILLISECOND);
	const struct heard *ihu = probe_last(w, 1, TLV_IHU);
	assert_non_null(ihu);
	assert_int_equal(ihu->tlv.u.ihu.rxcost, BABEL_INFINITY);
	assert_int_equal(ihu->tlv.u.ihu.interval_cs, 300);
	world_free(w);
}

static void two_hellos_of_three_bring_a_link_up__rfc8966_a_2_1(void **state)
{
	struct world *w = world_new(5);
	struct babel_neighbour_info info;

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	probe_say(w, 1, 0, 0, say_hello(7, 100));
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.rxcost, BABEL_INFINITY);
	probe_say(w, 1, 0, 0, say_hello(8, 100));
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.rxcost, 96);
	assert_int_equal(info.cost[BABEL_TEXT], BABEL_INFINITY);
	assert_int_equal(info.hello_history, 0xc000);
	world_free(w);
}

static void infinite_txcost_makes_the_cost_infinite__rfc8966_3_4_3(void **state)
{
	struct world *w = world_with_probe();
	struct babel_neighbour_info info;

	(void)state;
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], 96);
	probe_say(w, 1, 0, 0, say_ihu(BABEL_INFINITY, 300));
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], BABEL_INFINITY);
	probe_say(w, 1, 0, 0, say_ihu(0, 300));
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], 1); /* strictly positive */
	world_free(w);
}

static void ihu_for_somebody_else_is_not_ours(void **state)
{
	struct world *w = world_with_probe();
	struct babel_neighbour_info info;
	struct babel_tlv ihu = say_ihu(500, 300);

	(void)state;
	ihu.u.ihu.has_address = true;
	ihu.u.ihu.address = world_address(5, 0);
	probe_say(w, 1, 0, 0, ihu);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.txcost, 96);
	ihu.u.ihu.address = world_address(0, 0);
	probe_say(w, 1, 0, 0, ihu);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.txcost, 500);
	world_free(w);
}

static void ihu_hold_time_ends_in_infinity__rfc8966_3_4_2(void **state)
{
	struct world *w = world_with_probe();
	struct babel_neighbour_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_ihu(96, 100));
	uint16_t seqno = probe_live(w, 1, 0, 0, 9, 3);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.txcost, 96);
	probe_live(w, 1, 0, 0, seqno, 1);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.txcost, BABEL_INFINITY);
	assert_int_equal(info.cost[BABEL_TEXT], BABEL_INFINITY);
	world_free(w);
}

static void missed_hellos_empty_the_history_and_drop_the_entry__rfc8966_a_1(void **state)
{
	struct world *w = world_with_probe();
	struct babel_neighbour_info info;

	(void)state;
	world_run(w, 2200 * MILLISECOND);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.rxcost, BABEL_INFINITY);
	world_run(w, 20 * A_SECOND);
	assert_false(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(babel_counters(w->nodes[0].b)->neighbours_lost, 1);
	world_free(w);
}

static void lost_hellos_are_zeros__rfc8966_a_1(void **state)
{
	struct world *w = world_with_probe();
	struct babel_neighbour_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_hello(11, 100)); /* 9 and 10 are lost */
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.hello_history, 0x9800);
	probe_say(w, 1, 0, 0, say_hello(10, 100)); /* late: undo 10 and 11 */
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.hello_history, 0xb000);
	world_free(w);
}

static void hello_seqno_far_off_is_a_restart__rfc8966_a_1(void **state)
{
	struct world *w = world_with_probe();
	struct babel_neighbour_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_update("fd00:1::/64", world_id(1), 5, 100));
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), 196);
	probe_say(w, 1, 0, 0, say_hello(9 + 17, 100));
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), BABEL_INFINITY);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.hello_history, 0x8000);
	assert_int_equal(info.routes, 0);
	world_free(w);
}

static void unscheduled_hello_keeps_the_earlier_promise__rfc8966_3_4_1(void **state)
{
	struct world *w = world_with_probe();
	struct babel_neighbour_info info;

	(void)state;
	world_run(w, 900 * MILLISECOND); /* 1.4 s after the last scheduled Hello of 1 s */
	probe_say(w, 1, 0, 0, say_hello(9, 0));
	world_run(w, 200 * MILLISECOND);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.hello_history, 0x7000);
	world_free(w);
}

static void unicast_hellos_have_a_history_of_their_own__rfc8966_a_2_1(void **state)
{
	struct world *w = world_with_probe();
	struct babel_neighbour_info info;

	(void)state;
	for (uint16_t i = 0; i < 6; i++) {
		struct babel_tlv hello = say_hello((uint16_t)(500 + i), 100);

		hello.u.hello.unicast = true;
		probe_say(w, 1, 0, 0, hello);
		world_run(w, A_SECOND);
	}
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.unicast_history, 0xfc00);
	assert_int_equal(info.hello_history >> 13, 0);
	assert_int_equal(info.rxcost, 96);
	world_run(w, 25 * A_SECOND);
	assert_false(node_neighbour(w, 0, 0, 1, &info));
	world_free(w);
}

static void unscheduled_hellos_alone_do_not_keep_a_neighbour_for_ever(void **state)
{
	struct world *w = world_new(6);
	struct babel_neighbour_info info;

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	probe_say(w, 1, 0, 0, say_hello(7, 0));
	probe_say(w, 1, 0, 0, say_hello(8, 0));
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	world_run(w, 25 * A_SECOND);
	assert_false(node_neighbour(w, 0, 0, 1, &info));
	world_free(w);
}

static void start_with_dead_misses(struct world *w, unsigned dead_misses)
{
	struct babel_link_config config = world_link();

	config.dead_misses = dead_misses;
	node_start(w, 0);
	probe_start(w, 1);
	node_join_with(w, 0, 0, config);
	node_join(w, 1, 0);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	world_run(w, 100 * MILLISECOND);
}

static void dead_misses_bound_the_detection__protocol_6_1(void **state)
{
	struct world *w = world_new(7);
	struct babel_neighbour_info info;

	(void)state;
	start_with_dead_misses(w, 5);
	world_run(w, 5300 * MILLISECOND); /* four misses: 1.5, 2.5, 3.5, 4.5 s */
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], 96);
	world_run(w, 300 * MILLISECOND);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], BABEL_INFINITY);
	world_free(w);
}

struct silence {
	enum babel_cost_kind cost;
	uint16_t hello_cs;
	unsigned dead_misses;
};

#define TRAFFIC_STEP (10 * MILLISECOND)

/* Traffic goes on for `traffic_us` after the last Hello; how long after it the neighbour is dead. */
static uint64_t detection_us(const struct silence *silence, uint64_t traffic_us)
{
	struct world *w = world_new(7);
	struct babel_link_config config = world_link();
	struct address probe = world_address(1, 0);
	struct babel_neighbour_info info;

	config.cost = silence->cost;
	config.dead_misses = silence->dead_misses;
	node_start(w, 0);
	probe_start(w, 1);
	node_join_with(w, 0, 0, config);
	node_join(w, 1, 0);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	for (uint16_t seqno = 9; seqno < 25; seqno++) {
		world_run(w, silence->hello_cs * 10 * MILLISECOND);
		probe_say(w, 1, 0, 0, say_hello(seqno, silence->hello_cs));
	}
	probe_say(w, 1, 0, 0, say_ihu(96, 6000));
	for (uint64_t end_us = w->now + traffic_us; w->now < end_us;) {
		world_run(w, TRAFFIC_STEP);
		babel_neighbour_alive(w->nodes[0].b, w->now, 0, &probe);
	}
	uint64_t since_us = w->now;
	do {
		assert_true(w->now < since_us + 30 * A_SECOND);
		world_run(w, MILLISECOND);
		assert_true(node_neighbour(w, 0, 0, 1, &info));
	} while (info.cost[BABEL_TEXT] != BABEL_INFINITY);
	uint64_t passed_us = w->now - since_us;
	world_free(w);
	return passed_us;
}

static void silence_under_traffic_is_noticed_as_soon_as_without__protocol_6_1(void **state)
{
	static const struct silence cases[] = {
		{ BABEL_COST_2_OUT_OF_3, 50, 8 }, /* geostationary */
		{ BABEL_COST_ETX, 20, 6 }, /* mesh radio */
		{ BABEL_COST_2_OUT_OF_3, 10, 3 }, /* fibre */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t hello_us = cases[i].hello_cs * 10 * MILLISECOND;
		uint64_t idle_us = detection_us(&cases[i], 0), least_us = UINT64_MAX, most_us = 0;

		assert_int_equal(idle_us, cases[i].dead_misses * hello_us + hello_us / 2);
		for (uint64_t traffic_us = TRAFFIC_STEP; traffic_us <= 4 * hello_us; traffic_us += TRAFFIC_STEP) {
			uint64_t us = detection_us(&cases[i], traffic_us);

			least_us = us < least_us ? us : least_us;
			most_us = us > most_us ? us : most_us;
		}
		print_message("# dead after %llu ms idle, %llu to %llu ms under traffic\n",
			(unsigned long long)idle_us / 1000, (unsigned long long)least_us / 1000,
			(unsigned long long)most_us / 1000);
		assert_in_range(least_us, cases[i].dead_misses * hello_us, most_us);
		assert_true(most_us <= idle_us);
	}
}

static void any_sign_of_life_counts_as_a_hello__protocol_6_1(void **state)
{
	struct world *w = world_new(8);
	struct babel_neighbour_info info;
	struct address probe = world_address(1, 0);

	(void)state;
	start_with_dead_misses(w, 3);
	for (int i = 0; i < 60; i++) {
		babel_neighbour_alive(w->nodes[0].b, w->now, 0, &probe);
		babel_neighbour_alive(w->nodes[0].b, w->now, 9, &probe);
		probe_say(w, 1, 0, 0, say_ihu(96, 6000));
		world_run(w, 500 * MILLISECOND);
	}
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], 96);
	world_run(w, 5 * A_SECOND);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], BABEL_INFINITY);
	world_free(w);
}

static void sleep_of_the_own_loop_counts_no_misses__protocol_6_1(void **state)
{
	struct world *w = world_new(9);
	struct babel_neighbour_info info;

	(void)state;
	start_with_dead_misses(w, 2);
	probe_say(w, 1, 0, 0, say_update("fd00:1::/64", world_id(1), 5, 0));
	w->now += 30 * A_SECOND; /* nobody called babel_poll() */
	node_poll(w, 0);
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], 96);
	world_run(w, 10 * A_SECOND); /* but silence while awake counts */
	assert_true(node_neighbour(w, 0, 0, 1, &info));
	assert_int_equal(info.cost[BABEL_TEXT], BABEL_INFINITY);
	world_free(w);
}

static void short_sleep_does_not_lose_routes(void **state)
{
	struct world *w = world_new(10);

	(void)state;
	start_with_dead_misses(w, 2);
	probe_say(w, 1, 0, 0, say_update("fd00:1::/64", world_id(1), 5, 0));
	w->now += 3 * A_SECOND;
	node_poll(w, 0);
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), 96);
	world_free(w);
}

/* The announcer of a lost route refuses packets for four intervals (3.5.4). Who
 * follows it for longer, because he slept, may close a loop. */
static void sleep_does_not_outlast_the_hold_of_the_announcer__rfc8966_3_5_4(void **state)
{
	struct world *w = world_new(10);

	(void)state;
	start_with_dead_misses(w, 2);
	probe_say(w, 1, 0, 0, say_update("fd00:1::/64", world_id(1), 5, 0)); /* every 4 s */
	for (unsigned s = 0; s < 7; s++) { /* alive, but silent about the route */
		probe_say(w, 1, 0, 0, say_hello((uint16_t)(9 + s), 100));
		world_run(w, A_SECOND);
	}
	w->now += 6 * A_SECOND;
	node_poll(w, 0);
	probe_say(w, 1, 0, 0, say_hello(16, 1000));
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), 96);
	world_run(w, 3 * A_SECOND); /* 16 s after the update */
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), BABEL_INFINITY);
	world_free(w);
}

static void acknowledgment_request_is_answered_in_time__rfc8966_3_3(void **state)
{
	struct world *w = world_new(11);
	struct babel_tlv ask = { .type = TLV_ACK_REQUEST, .u.ack_request = { .opaque = 4711, .interval_cs = 1 } };

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	probe_say(w, 1, 0, 0, ask); /* even of a stranger */
	world_run(w, 5 * MILLISECOND);
	const struct heard *ack = probe_last(w, 1, TLV_ACK);
	assert_non_null(ack);
	assert_false(ack->multicast);
	assert_int_equal(ack->tlv.u.ack.opaque, 4711);
	assert_int_equal(babel_counters(w->nodes[0].b)->acks_sent, 1);
	world_free(w);
}

static void sender_must_be_link_local_at_the_port_with_hop_limit_one__rfc8966_4(void **state)
{
	struct world *w = world_new(12);
	struct babel_sender from = { world_address(1, 0), BABEL_PORT, 1, true, false };
	struct babel_sender wrong[6] = { from, from, from, from, from, from };
	static const uint8_t packet[] = { 42, 2, 0, 0 };

	(void)state;
	node_start(w, 0);
	node_join(w, 0, 0);
	wrong[0].port = 6697;
	wrong[1].hop_limit = 255;
	wrong[2].hop_limit = 0;
	assert_int_equal(address_parse(&wrong[3].address, "fd00::1"), 0);
	assert_int_equal(address_parse(&wrong[4].address, "10.0.0.1"), 0); /* the link has no IPv4 */
	wrong[5].address = world_address(0, 0); /* our own voice */
	for (size_t i = 0; i < 6; i++) {
		babel_receive(w->nodes[0].b, w->now, 0, &wrong[i], bytes_of(packet, sizeof(packet)));
		assert_int_equal(babel_counters(w->nodes[0].b)->packets_bad_sender, i + 1);
	}
	babel_receive(w->nodes[0].b, w->now, 0, &from, bytes_of(packet, sizeof(packet)));
	assert_int_equal(babel_counters(w->nodes[0].b)->packets_bad_sender, 6);
	babel_receive(w->nodes[0].b, w->now, 3, &from, bytes_of(packet, sizeof(packet)));
	assert_int_equal(babel_counters(w->nodes[0].b)->packets_received, 7);
	world_free(w);
}

static void bad_header_drops_the_packet__rfc8966_4_2(void **state)
{
	struct world *w = world_new(13);
	struct babel_sender from = { world_address(1, 0), BABEL_PORT, 1, true, false };
	static const uint8_t magic[] = { 41, 2, 0, 0 }, version[] = { 42, 3, 0, 0 };

	(void)state;
	node_start(w, 0);
	node_join(w, 0, 0);
	babel_receive(w->nodes[0].b, w->now, 0, &from, bytes_of(magic, 4));
	babel_receive(w->nodes[0].b, w->now, 0, &from, bytes_of(version, 4));
	assert_int_equal(babel_counters(w->nodes[0].b)->packets_bad_magic, 1);
	assert_int_equal(babel_counters(w->nodes[0].b)->packets_bad_version, 1);
	world_free(w);
}

static void update_without_a_neighbour_entry_is_ignored__rfc8966_3_4(void **state)
{
	struct world *w = world_new(14);

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	probe_say(w, 1, 0, 0, say_update("fd00:1::/64", world_id(1), 5, 0));
	probe_befriend(w, 1, 0, 0, 7);
	world_run(w, 500 * MILLISECOND);
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), BABEL_INFINITY);
	world_free(w);
}

static void neighbour_table_is_bounded_and_counted(void **state)
{
	struct world *w = world_new(15);
	struct babel_neighbour_info info;

	(void)state;
	w->nodes[0].config.limits.neighbours = 2;
	node_start(w, 0);
	for (unsigned i = 0; i < 4; i++)
		node_join(w, i, 0);
	for (unsigned i = 1; i < 4; i++)
		probe_say(w, i, 0, 0, say_hello(1, 100));
	assert_true(node_neighbour(w, 0, 0, 2, &info));
	assert_false(node_neighbour(w, 0, 0, 3, &info));
	assert_int_equal(babel_counters(w->nodes[0].b)->refused_neighbours, 1);
	world_free(w);
}

static void link_add_checks_what_it_is_given(void **state)
{
	struct world *w = world_new(16);
	struct address self = world_address(0, 0);
	struct babel_link_config good = world_link(), bad;
	struct babel *b = node_start(w, 0);

	(void)state;
	assert_int_equal(babel_link_add(b, w->now, BABEL_LINK_MAX, &self, &good), -22);
	bad = good;
	bad.rxcost = 0;
	assert_int_equal(babel_link_add(b, w->now, 0, &self, &bad), -22);
	bad = good;
	bad.hello_interval_cs = 0;
	assert_int_equal(babel_link_add(b, w->now, 0, &self, &bad), -22);
	bad = good;
	bad.update_interval_cs = 0;
	assert_int_equal(babel_link_add(b, w->now, 0, &self, &bad), -22);
	bad = good;
	bad.mtu = 511;
	assert_int_equal(babel_link_add(b, w->now, 0, &self, &bad), -22);
	assert_int_equal(babel_link_add(b, w->now, 0, &self, &good), 0);
	assert_int_equal(babel_link_add(b, w->now, 0, &self, &good), -17);
	babel_link_remove(b, w->now, 0);
	babel_link_remove(b, w->now, 0);
	assert_int_equal(babel_link_add(b, w->now, 0, &self, &good), 0);
	world_free(w);
}

static void late_link_speaks_and_asks_at_once__frr_22484(void **state)
{
	struct world *w = world_new(17);

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_run(w, 60 * A_SECOND);
	world_cable(w, 0, 0, 1);
	world_run(w, 100 * MILLISECOND);
	assert_non_null(probe_last(w, 1, TLV_HELLO));
	const struct heard *request = probe_last(w, 1, TLV_ROUTE_REQUEST);
	assert_non_null(request);
	assert_true(request->tlv.u.route_request.wildcard);
	world_free(w);
}

static void hint_greets_and_asks_soon(void **state)
{
	struct world *w = world_with_probe();
	struct address probe = world_address(1, 0);

	(void)state;
	probe_live(w, 1, 0, 0, 9, 3);
	probe_forget(w, 1);
	babel_neighbour_hint(w->nodes[0].b, w->now, 9, &probe);
	babel_neighbour_hint(w->nodes[0].b, w->now, 0, &probe);
	node_poll(w, 0);
	world_run(w, 200 * MILLISECOND);
	assert_true(probe_count(w, 1, TLV_HELLO) >= 1);
	assert_true(probe_count(w, 1, TLV_ROUTE_REQUEST) >= 1);
	world_free(w);
}

static void lost_neighbour_loses_its_routes_at_once(void **state)
{
	struct world *w = world_with_probe();
	struct address probe = world_address(1, 0);
	struct babel_neighbour_info info;

	(void)state;
	probe_say(w, 1, 0, 0, say_update("fd00:1::/64", world_id(1), 5, 0));
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), 96);
	babel_neighbour_lost(w->nodes[0].b, w->now, 0, &probe);
	babel_neighbour_lost(w->nodes[0].b, w->now, 0, &probe);
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), BABEL_INFINITY);
	assert_false(node_neighbour(w, 0, 0, 1, &info));
	world_free(w);
}

static void many_new_neighbours_cause_no_hello_storm__babeld_8(void **state)
{
	struct world *w = world_new(18);

	(void)state;
	for (unsigned i = 0; i < NODES - 1; i++)
		node_start(w, i);
	probe_start(w, NODES - 1);
	for (unsigned i = 0; i < NODES; i++)
		node_join(w, i, 0);
	world_run(w, 10 * A_SECOND);
	/* seven speakers: the first few fast, then one each second */
	assert_true(probe_count(w, NODES - 1, TLV_HELLO) <= 7 * (11 + 6));
	world_free(w);
}

static void one_way_link_is_not_used(void **state)
{
	struct world *w = world_new(19);

	(void)state;
	node_start(w, 0);
	node_start(w, 1);
	w->segments[0].deaf[1] = 1 << 0; /* 1 does not hear 0 */
	node_announce(w, 1, "fd00:1::/64");
	node_announce(w, 0, "fd00:2::/64");
	world_cable(w, 0, 0, 1);
	world_run(w, 20 * A_SECOND);
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 1, "fd00:2::/64"), BABEL_INFINITY);
	w->segments[0].deaf[1] = 0;
	world_run(w, 5 * A_SECOND);
	assert_int_equal(node_metric(w, 0, "fd00:1::/64"), 96);
	assert_int_equal(node_metric(w, 1, "fd00:2::/64"), 96);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_engines_converge_within_a_second),
		cmocka_unit_test(hello_seqno_counts_up_by_one__rfc8966_3_4_1),
		cmocka_unit_test(hello_interval_is_an_upper_bound__rfc8966_4_6_5),
		cmocka_unit_test(first_hello_from_a_stranger_is_answered_with_an_ihu),
		cmocka_unit_test(two_hellos_of_three_bring_a_link_up__rfc8966_a_2_1),
		cmocka_unit_test(infinite_txcost_makes_the_cost_infinite__rfc8966_3_4_3),
		cmocka_unit_test(ihu_for_somebody_else_is_not_ours),
		cmocka_unit_test(ihu_hold_time_ends_in_infinity__rfc8966_3_4_2),
		cmocka_unit_test(missed_hellos_empty_the_history_and_drop_the_entry__rfc8966_a_1),
		cmocka_unit_test(lost_hellos_are_zeros__rfc8966_a_1),
		cmocka_unit_test(hello_seqno_far_off_is_a_restart__rfc8966_a_1),
		cmocka_unit_test(unscheduled_hello_keeps_the_earlier_promise__rfc8966_3_4_1),
		cmocka_unit_test(unicast_hellos_have_a_history_of_their_own__rfc8966_a_2_1),
		cmocka_unit_test(unscheduled_hellos_alone_do_not_keep_a_neighbour_for_ever),
		cmocka_unit_test(dead_misses_bound_the_detection__protocol_6_1),
		cmocka_unit_test(silence_under_traffic_is_noticed_as_soon_as_without__protocol_6_1),
		cmocka_unit_test(any_sign_of_life_counts_as_a_hello__protocol_6_1),
		cmocka_unit_test(sleep_of_the_own_loop_counts_no_misses__protocol_6_1),
		cmocka_unit_test(short_sleep_does_not_lose_routes),
		cmocka_unit_test(sleep_does_not_outlast_the_hold_of_the_announcer__rfc8966_3_5_4),
		cmocka_unit_test(acknowledgment_request_is_answered_in_time__rfc8966_3_3),
		cmocka_unit_test(sender_must_be_link_local_at_the_port_with_hop_limit_one__rfc8966_4),
		cmocka_unit_test(bad_header_drops_the_packet__rfc8966_4_2),
		cmocka_unit_test(update_without_a_neighbour_entry_is_ignored__rfc8966_3_4),
		cmocka_unit_test(neighbour_table_is_bounded_and_counted),
		cmocka_unit_test(link_add_checks_what_it_is_given),
		cmocka_unit_test(late_link_speaks_and_asks_at_once__frr_22484),
		cmocka_unit_test(hint_greets_and_asks_soon),
		cmocka_unit_test(lost_neighbour_loses_its_routes_at_once),
		cmocka_unit_test(many_new_neighbours_cause_no_hello_storm__babeld_8),
		cmocka_unit_test(one_way_link_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
