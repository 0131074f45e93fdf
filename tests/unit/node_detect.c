/*
 * Next hops that fall silent (detect.c):
 *
 *   A ── one ── B      one way is better; all links are cables, unless said
 *   └─── two ───┘
 */
#include "tests/unit/node_world.h"

enum { A, ONE, TWO, B };
enum { A_ONE, A_TWO, ONE_B, TWO_B, CABLES };

static const struct node_link_config cable = {
	.name = "cable",
	.mtu = 1500,
	.beacon = true,
	.wired = true,
	.rxcost = 96,
	.rate_bps = 100000000,
	.hello_ms = 100,
	.idle_ms = 4000,
	.probe_ms = 10,
	.update_s = 16,
	.dead_misses = 3,
};

static void cable_join(struct world *w, unsigned i, unsigned segment, const struct node_link_config *model)
{
	struct node_link_config c = *model;

	c.rxcost = segment == A_TWO ? 2 * c.rxcost : c.rxcost;
	station_join_with(w, i, segment, &c);
}

static struct world *diamond(uint64_t seed, const struct node_link_config *c)
{
	static const unsigned ends[CABLES][2] = { { A, ONE }, { A, TWO }, { ONE, B }, { TWO, B } };
	struct world *w = world_new(seed);

	for (unsigned i = 0; i < 4; i++) {
		station_enrol(w, i, NULL, NULL);
		station_start(w, i);
	}
	for (unsigned k = 0; k < CABLES; k++) {
		segment_make(w, k, true);
		for (unsigned e = 0; e < 2; e++)
			cable_join(w, ends[k][e], k, c);
	}
	world_run(w, 30 * A_SECOND);
	assert_true(reaches(w, A, B) && reaches(w, B, A));
	return w;
}

/* A packet each millisecond from A to B. */
static void flow(struct world *w, uint32_t first, unsigned count)
{
	world_say(w, A, B, first, count, MILLISECOND);
}

/* The better way falls silent in the midst of a flow, and `count` packets more are said; how many are lost. */
static unsigned lost_by_silence(struct world *w, unsigned count)
{
	flow(w, 0, 200);
	w->segments[A_ONE].is_cut = true;
	flow(w, 200, count);
	return world_lost(w, B, 0, 200 + count);
}

/* What A has beside its way to B; STATIONS: nothing. */
static unsigned backup_of(struct world *w, enum babel_class class)
{
	const struct node *n = w->stations[A].node;
	struct prefix to = prefix_of_host(w->stations[B].address);
	const struct fib_entry *e = fib_exact(&n->fib, &to);

	assert_non_null(e);
	const struct peer *p = n->numbered[e->backups[class]];
	return p ? station_by_neighbour(w, &p->address)->index : STATIONS;
}

static struct detector *detector_of(struct world *w, unsigned i, unsigned other, unsigned segment)
{
	struct address a = node_neighbour_address(&w->stations[other].rid);
	struct peer *p = peer_find_address(w->stations[i].node->links[segment], &a);

	assert_non_null(p);
	return &p->detector;
}

static void nobody_is_asked_where_nothing_flows(void **state)
{
	struct world *w = diamond(1, &cable);

	(void)state;
	/* The round trip, once. */
	assert_int_equal(counters_of(w, A)->questions_sent, 2);
	world_run(w, A_MINUTE);
	assert_int_equal(counters_of(w, A)->questions_sent, 2);
	world_free(w);
}

static void one_packet_is_followed_by_few_questions(void **state)
{
	struct world *w = diamond(2, &cable);
	uint64_t before = counters_of(w, A)->questions_sent;

	(void)state;
	flow(w, 0, 1);
	world_run(w, A_MINUTE);
	assert_in_range(counters_of(w, A)->questions_sent - before, 1, 60);
	world_free(w);
}

static void who_speaks_is_not_asked(void **state)
{
	struct world *w = diamond(3, &cable);
	uint64_t before = counters_of(w, A)->questions_sent;

	(void)state;
	for (unsigned k = 0; k < 1000; k++) {
		station_say(w, A, B, k);
		station_say(w, B, A, 1000 + k);
		world_run(w, MILLISECOND);
	}
	assert_in_range(counters_of(w, A)->questions_sent - before, 0, 2);
	world_free(w);
}

static void silent_next_hop_is_left_within_thirty_packets(void **state)
{
	struct world *w = diamond(4, &cable);

	(void)state;
	assert_in_range(lost_by_silence(w, 300), 15, 32);
	assert_int_equal(counters_of(w, A)->deaths, 1);
	world_free(w);
}

/* A as a node whose way by TWO is another link than the cables. */
static struct world *diamond_beside(uint64_t seed, const struct node_link_config *c)
{
	struct node_link_config beside = *c;
	struct world *w = diamond(seed, &cable);

	beside.rxcost = 2 * cable.rxcost;
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = w->stations[i ? TWO : A].node;

		node_link_set_up(n, w->now, A_TWO, false);
		node_link_remove(n, w->now, A_TWO);
		assert_int_equal(node_link_add(n, w->now, A_TWO, &beside), 0);
		node_link_set_up(n, w->now, A_TWO, true);
		station_poll(&w->stations[i ? TWO : A]);
	}
	world_run(w, 30 * A_SECOND);
	assert_int_equal(backup_of(w, BABEL_TEXT), TWO);
	return w;
}

static void text_does_not_flood_a_thinner_backup_for_a_suspicion(void **state)
{
	struct node_link_config thinner = cable;
	struct world *w;

	(void)state;
	thinner.rate_bps = cable.rate_bps / 4;
	w = diamond_beside(22, &thinner);
	assert_in_range(lost_by_silence(w, 300), 15, 32);
	world_free(w);
	thinner.rate_bps = cable.rate_bps / 5;
	w = diamond_beside(22, &thinner);
	assert_in_range(lost_by_silence(w, 300), 40, 60);
	world_free(w);
}

/* Nobody would know for long whether it is there. */
static void text_waits_where_the_backup_is_asked_less_often(void **state)
{
	struct node_link_config slower = cable;
	struct world *w;

	(void)state;
	slower.probe_ms = 20;
	w = diamond_beside(23, &slower);
	assert_in_range(lost_by_silence(w, 300), 40, 60);
	world_free(w);
	slower.probe_ms = 0;
	w = diamond_beside(23, &slower);
	assert_in_range(lost_by_silence(w, 300), 40, 60);
	world_free(w);
}

static void radio_is_left_within_350(void **state)
{
	struct node_link_config radio = cable;
	struct world *w;

	(void)state;
	radio.wired = false;
	radio.is_half_duplex = true;
	radio.rxcost = 256;
	radio.rate_bps = 20000000;
	radio.hello_ms = 200;
	radio.probe_ms = 40;
	radio.dead_misses = 6;
	w = diamond(5, &radio);
	assert_in_range(lost_by_silence(w, 500), 200, 350);
	world_free(w);
}

/* By Hellos alone it would be a third of a second. */
static void without_probes_hellos_find_out(void **state)
{
	struct node_link_config c = cable;
	struct world *w;

	(void)state;
	c.probe_ms = 0;
	w = diamond(6, &c);
	assert_in_range(lost_by_silence(w, 800), 250, 500);
	assert_int_equal(counters_of(w, A)->questions_sent, 0);
	world_free(w);
}

/* Its timers run before it reads what came meanwhile. */
static void whoever_slept_judges_nobody(void **state)
{
	static const uint64_t naps_ms[] = { 25, 45, 60, 120, 199, 400, 3000 };
	struct world *w = diamond(7, &cable);

	(void)state;
	for (unsigned i = 0; i < sizeof(naps_ms) / sizeof(naps_ms[0]); i++) {
		flow(w, 1000 * i, 300);
		w->stations[A].stalled_until = w->now + naps_ms[i] * MILLISECOND;
		world_run(w, naps_ms[i] * MILLISECOND);
		flow(w, 1000 * i + 300, 300);
	}
	assert_int_equal(counters_of(w, A)->deaths, 0);
	world_free(w);
}

/* The next hop does nothing for so long, in the midst of a flow, and then all that it missed. */
static void stall(struct world *w, uint32_t first, unsigned ms)
{
	flow(w, first, 100);
	w->stations[ONE].stalled_until = w->now + ms * MILLISECOND;
	flow(w, first + 100, 400);
}

static void who_was_only_late_is_waited_for_the_next_time(void **state)
{
	struct world *w = diamond(21, &cable);

	(void)state;
	w->segments[A_TWO].is_cut = true;
	world_run(w, 30 * A_SECOND);
	stall(w, 0, 60);
	assert_int_equal(counters_of(w, A)->deaths, 1);
	for (unsigned i = 1; i < 6; i++) {
		stall(w, 500 * i, 60);
		world_run(w, 20 * A_SECOND);
	}
	assert_int_equal(counters_of(w, A)->deaths, 1);
	/* Who is gone is found out nevertheless ... */
	flow(w, 5000, 100);
	w->segments[A_ONE].is_cut = true;
	flow(w, 5100, 130);
	assert_int_equal(counters_of(w, A)->deaths, 2);
	w->segments[A_ONE].is_cut = false;
	/* ... and who is as quick as ever for minutes is not waited for any longer. */
	world_run(w, 11 * 60 * A_SECOND);
	flow(w, 6000, 1000);
	stall(w, 7000, 60);
	assert_int_equal(counters_of(w, A)->deaths, 3);
	world_free(w);
}

static void long_round_trip_is_no_silence(void **state)
{
	struct world *w = diamond(8, &cable);

	(void)state;
	w->segments[A_ONE].delay = w->segments[A_TWO].delay = 90 * MILLISECOND;
	w->segments[A_ONE].jitter = w->segments[A_TWO].jitter = 20 * MILLISECOND;
	/* It was shorter before, and nobody knows yet. */
	world_run(w, 10 * A_SECOND);
	flow(w, 0, 1000);
	uint64_t deaths = counters_of(w, A)->deaths;
	flow(w, 1000, 5000);
	assert_int_equal(counters_of(w, A)->deaths, deaths);
	world_free(w);
}

static void losses_are_learned_and_no_death(void **state)
{
	struct world *w = diamond(9, &cable);

	(void)state;
	assert_int_equal(detect_misses(detector_of(w, A, ONE, A_ONE)), 4);
	w->segments[A_ONE].loss = w->segments[A_TWO].loss = 50;
	flow(w, 0, 3000);
	uint64_t deaths = counters_of(w, A)->deaths;
	assert_in_range(detect_misses(detector_of(w, A, ONE, A_ONE)), 5, 12);
	flow(w, 3000, 10000);
	assert_int_equal(counters_of(w, A)->deaths, deaths);
	world_free(w);
}

/* r (1 - p) p^n <= 1e-6, worked out by hand. */
static void misses_follow_from_losses(void **state)
{
	static const struct {
		uint64_t interval_us;
		unsigned percent, misses;
	} cases[] = { { 100000, 1, 4 }, { 100000, 5, 6 }, { 100000, 10, 7 }, { 100000, 20, 10 }, { 100000, 30, 14 },
		{ 10000, 1, 4 }, { 10000, 5, 7 }, { 10000, 0, 1 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Rounded up: a hair more than so many percent. */
		struct detector d = {
			.interval_us = cases[i].interval_us, .misses_least = 1, .loss = 65536 * cases[i].percent / 100
		};

		assert_int_equal(detect_misses(&d), cases[i].misses);
	}
}

static void blip_of_the_only_way_is_over_soon(void **state)
{
	struct world *w = diamond(10, &cable);

	(void)state;
	w->segments[A_TWO].is_cut = true;
	world_run(w, 30 * A_SECOND);
	flow(w, 0, 200);
	w->segments[A_ONE].is_cut = true;
	flow(w, 200, 150);
	w->segments[A_ONE].is_cut = false;
	flow(w, 350, 1000);
	assert_int_equal(counters_of(w, A)->deaths, 1);
	assert_in_range(world_lost(w, B, 200, 1150), 150, 350);
	world_free(w);
}

static void every_class_has_its_backup_until_it_is_gone(void **state)
{
	struct world *w = diamond(11, &cable);

	(void)state;
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		assert_int_equal(backup_of(w, c), TWO);
	node_link_set_up(w->stations[TWO].node, w->now, TWO_B, false);
	world_run(w, A_SECOND);
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		assert_int_equal(backup_of(w, c), STATIONS);
	node_link_set_up(w->stations[TWO].node, w->now, TWO_B, true);
	world_run(w, 30 * A_SECOND);
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		assert_int_equal(backup_of(w, c), TWO);
	/* The way in use is lost: the backup is it, and there is none beside it. */
	node_link_set_up(w->stations[A].node, w->now, A_ONE, false);
	assert_true(reaches(w, A, B));
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		assert_int_equal(backup_of(w, c), STATIONS);
	world_free(w);
}

/* B at ten times the distance by TWO than by ONE is farther from TWO than from A. */
static void who_is_not_feasible_is_no_backup(void **state)
{
	struct node_link_config far = cable;
	struct world *w = diamond(12, &cable);

	(void)state;
	far.rxcost = 10 * cable.rxcost;
	for (unsigned i = TWO; i <= B; i++) {
		node_link_set_up(w->stations[i].node, w->now, TWO_B, false);
		node_link_remove(w->stations[i].node, w->now, TWO_B);
		assert_int_equal(node_link_add(w->stations[i].node, w->now, TWO_B, &far), 0);
		node_link_set_up(w->stations[i].node, w->now, TWO_B, true);
		station_poll(&w->stations[i]);
	}
	world_run(w, 30 * A_SECOND);
	assert_int_equal(backup_of(w, BABEL_TEXT), STATIONS);
	world_free(w);
}

enum { DSCP_EF = 46, DSCP_BULK = 8 };

static void say_with(struct world *w, uint32_t number, unsigned dscp)
{
	struct test_packet p;

	packet_make_numbered(&p, &w->stations[A].address, &w->stations[B].address, 64, 64, number);
	p.data[0] = (uint8_t)(0x60 | dscp >> 2);
	p.data[1] = (uint8_t)(dscp << 6);
	station_packet_in(w, A, &p);
}

/* A few milliseconds of silence more than half of what kills. */
static void all_but_bulk_leave_a_suspect_and_nobody_is_told(void **state)
{
	struct world *w = diamond(13, &cable);
	struct babel_route before, after;
	struct prefix to = prefix_of_host(w->stations[B].address);

	(void)state;
	flow(w, 0, 100);
	w->segments[A_ONE].is_cut = true;
	assert_true(babel_selected(node_babel(w->stations[A].node), &to, BABEL_COMMAND, &before));
	flow(w, 100, 31);
	assert_int_equal(detector_of(w, A, ONE, A_ONE)->state, DETECT_SUSPECT);
	say_with(w, 1000, DSCP_EF);
	station_say(w, A, B, 1001);
	say_with(w, 1002, DSCP_BULK);
	w->segments[A_ONE].is_cut = false;
	world_run(w, 4 * MILLISECOND);
	assert_true(w->stations[B].seen[1000]);
	assert_true(w->stations[B].seen[1001]);
	assert_false(w->stations[B].seen[1002]);
	assert_true(babel_selected(node_babel(w->stations[A].node), &to, BABEL_COMMAND, &after));
	assert_true(address_equal(&before.neighbour, &after.neighbour));
	/* It was only a hiccup. */
	flow(w, 2000, 100);
	assert_int_equal(detector_of(w, A, ONE, A_ONE)->state, DETECT_SOUND);
	assert_int_equal(counters_of(w, A)->deaths, 0);
	assert_true(counters_of(w, A)->suspects > 0);
	assert_int_equal(counters_of(w, A)->suspects_wronged, 1);
	world_free(w);
}

static void only_command_leaves_a_suspect_by_radio(void **state)
{
	struct node_link_config radio = cable;
	struct world *w;

	(void)state;
	radio.wired = false;
	w = diamond(24, &radio);
	flow(w, 0, 100);
	w->segments[A_ONE].is_cut = true;
	flow(w, 100, 31);
	assert_int_equal(detector_of(w, A, ONE, A_ONE)->state, DETECT_SUSPECT);
	say_with(w, 1000, DSCP_EF);
	station_say(w, A, B, 1001);
	world_run(w, 4 * MILLISECOND);
	assert_true(w->stations[B].seen[1000]);
	assert_false(w->stations[B].seen[1001]);
	world_free(w);
}

/* ONE does nothing for 35 ms in a flow of text. Does the flow leave it? */
static bool is_left_for_a_stall(struct world *w, uint32_t first)
{
	bool is_left = false;

	flow(w, first, 20);
	w->stations[ONE].stalled_until = w->now + 35 * MILLISECOND;
	for (unsigned i = 0; i < 80; i++) {
		is_left |= detector_of(w, A, ONE, A_ONE)->is_left;
		flow(w, first + 20 + i, 1);
	}
	assert_int_equal(detector_of(w, A, ONE, A_ONE)->state, DETECT_SOUND);
	/* Its answers are as quick as ever: soon nobody expects that they take so long. */
	flow(w, first + 100, 400);
	return is_left;
}

static void who_is_wronged_often_keeps_its_text(void **state)
{
	struct world *w = diamond(25, &cable);
	const struct node_counters *c = counters_of(w, A);

	(void)state;
	assert_true(is_left_for_a_stall(w, 0));
	assert_true(is_left_for_a_stall(w, 500));
	assert_false(is_left_for_a_stall(w, 1000));
	world_run(w, 3 * A_SECOND);
	assert_true(is_left_for_a_stall(w, 1500));
	assert_false(is_left_for_a_stall(w, 2000));
	world_run(w, 30 * A_MINUTE);
	assert_true(is_left_for_a_stall(w, 2500));
	assert_int_equal(c->suspects_wronged, 6);
	assert_int_equal(c->deaths, 0);
	/* It only came by another way, or a little later. */
	assert_int_equal(world_lost(w, B, 0, 3000), 0);
	world_free(w);
}

static uint16_t cost_to_one(struct world *w)
{
	struct prefix to = prefix_of_host(w->stations[ONE].address);
	struct babel_route r;

	return babel_selected(node_babel(w->stations[A].node), &to, BABEL_TEXT, &r) && r.link == A_ONE ? r.metric : 0;
}

static void fall(struct world *w, uint32_t first)
{
	w->segments[A_ONE].is_cut = true;
	flow(w, first, 100);
	w->segments[A_ONE].is_cut = false;
	flow(w, first + 100, 400);
}

static void way_that_comes_and_goes_costs_more_for_a_while(void **state)
{
	struct world *w = diamond(14, &cable);

	(void)state;
	/* It is the only one: nothing else shows its cost. */
	w->segments[A_TWO].is_cut = true;
	world_run(w, 30 * A_SECOND);
	flow(w, 0, 100);
	fall(w, 100);
	assert_int_equal(counters_of(w, A)->deaths, 1);
	assert_int_equal(cost_to_one(w), 96);
	for (unsigned i = 1; i < 4; i++)
		fall(w, 100 + 500 * i);
	assert_int_equal(counters_of(w, A)->deaths, 4);
	/* Four falls: four seconds of four times the cost, and it is used all the same. */
	assert_int_equal(cost_to_one(w), 4 * 96);
	assert_true(reaches(w, A, B));
	world_run(w, 3 * A_SECOND);
	assert_int_equal(cost_to_one(w), 4 * 96);
	world_run(w, 2 * A_SECOND);
	assert_int_equal(cost_to_one(w), 96);
	world_free(w);
}

static void falls_are_forgiven_in_minutes(void **state)
{
	struct damper d = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		static const unsigned holds_s[] = { 0, 1, 2, 4, 8, 16, 32, 60, 60, 60 };

		damper_fell(&d, A_SECOND);
		assert_int_equal(damper_hold_us(&d, A_SECOND), holds_s[i] * A_SECOND);
	}
	assert_in_range(damper_hold_us(&d, 210 * A_SECOND), 8 * A_SECOND, 8 * A_SECOND);
	assert_int_equal(damper_hold_us(&d, AN_HOUR), 0);
	assert_int_equal(damper_hold_us(&d, 1000 * AN_HOUR), 0);
}

static void thin_links_are_not_asked(void **state)
{
	struct node_link link = { .config = cable };

	(void)state;
	assert_int_equal(detect_interval_us(&link), 10000);
	link.config.rate_bps = 5000000; /* one percent of it: 50 kbit/s */
	assert_in_range(detect_interval_us(&link), 30000, 50000);
	link.config.rate_bps = 9600;
	assert_int_equal(detect_interval_us(&link), 0);
	link.config.rate_bps = 0;
	link.config.is_plain = true;
	assert_int_equal(detect_interval_us(&link), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_asked_where_nothing_flows),
		cmocka_unit_test(one_packet_is_followed_by_few_questions),
		cmocka_unit_test(who_speaks_is_not_asked),
		cmocka_unit_test(silent_next_hop_is_left_within_thirty_packets),
		cmocka_unit_test(text_does_not_flood_a_thinner_backup_for_a_suspicion),
		cmocka_unit_test(text_waits_where_the_backup_is_asked_less_often),
		cmocka_unit_test(radio_is_left_within_350),
		cmocka_unit_test(without_probes_hellos_find_out),
		cmocka_unit_test(whoever_slept_judges_nobody),
		cmocka_unit_test(who_was_only_late_is_waited_for_the_next_time),
		cmocka_unit_test(long_round_trip_is_no_silence),
		cmocka_unit_test(losses_are_learned_and_no_death),
		cmocka_unit_test(misses_follow_from_losses),
		cmocka_unit_test(blip_of_the_only_way_is_over_soon),
		cmocka_unit_test(every_class_has_its_backup_until_it_is_gone),
		cmocka_unit_test(who_is_not_feasible_is_no_backup),
		cmocka_unit_test(all_but_bulk_leave_a_suspect_and_nobody_is_told),
		cmocka_unit_test(only_command_leaves_a_suspect_by_radio),
		cmocka_unit_test(who_is_wronged_often_keeps_its_text),
		cmocka_unit_test(way_that_comes_and_goes_costs_more_for_a_while),
		cmocka_unit_test(falls_are_forgiven_in_minutes),
		cmocka_unit_test(thin_links_are_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
