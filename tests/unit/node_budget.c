/* What nodes may say to each other: how much, who has it, and who waits (protocol.md 6.1). */
#define STATIONS 4
#include "tests/unit/node_world.h"

#define AIR 0
#define RATE_BPS 9600
#define WINDOW_BYTES 12000 /* that it carries in ten seconds */
#define FIVE_PERCENT (WINDOW_BYTES / 20)
#define HALF (WINDOW_BYTES / 2)
#define FRAME 240
#define XX_INIT 88 /* bytes of its first message, with both macs */
#define LIFE_LEN (14 + THIN_OVERHEAD_MAX) /* of a thin Hello, sealed */
#define START_US (1000 * A_SECOND)
#define LIFE BABEL_NEED_LIFE
#define ROUTINE BABEL_NEED_ROUTINE
#define URGENT BABEL_NEED_URGENT

/* A link without a node, and up to that many neighbours who are up. */
struct line {
	struct node_link link;
	struct peer peers[8];
	uint64_t now_us, again_us;
};

static void line_init(struct line *l, bool is_half_duplex, unsigned neighbours)
{
	memset(l, 0, sizeof(*l));
	l->link.config.rate_bps = RATE_BPS;
	l->link.config.is_half_duplex = is_half_duplex;
	l->link.config.overhead = 6;
	l->now_us = START_US;
	list_init(&l->link.peers);
	for (unsigned i = 0; i < neighbours; i++) {
		l->peers[i].is_up = true;
		list_push_back(&l->link.peers, &l->peers[i].on_link);
	}
}

static size_t left(struct line *l, enum babel_need need, size_t least)
{
	l->again_us = 0;
	return budget_left(&l->link, l->now_us, need, least, &l->again_us);
}

static void say(struct line *l, enum babel_need need, size_t bytes)
{
	budget_spent(&l->link, l->now_us, bytes);
	budget_said(&l->link, l->now_us, need, bytes);
}

/* As often as it is let, for so long; how many frames that were. */
static unsigned say_all_that_may_be_said(struct line *l, enum babel_need need, uint64_t us)
{
	unsigned frames = 0;

	for (uint64_t end_us = l->now_us + us; l->now_us < end_us;) {
		if (left(l, need, FRAME)) {
			say(l, need, FRAME);
			frames++;
			continue;
		}
		assert_true(l->again_us > l->now_us);
		l->now_us = l->again_us < end_us ? l->again_us : end_us;
	}
	return frames;
}

static void five_percent_of_ten_seconds_are_for_news__protocol_6_1(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, false, 1);
	assert_int_equal(left(&l, ROUTINE, FRAME), FIVE_PERCENT);
	say(&l, ROUTINE, FIVE_PERCENT);
	l.link.budget.floor_us = NEVER;
	assert_int_equal(left(&l, ROUTINE, 1), 0);
	/* A second later there is no more than before, ten later all of it is. */
	l.now_us += A_SECOND;
	assert_int_equal(left(&l, ROUTINE, 1), 0);
	assert_int_equal(l.again_us, START_US + BUDGET_SLOTS * A_SECOND);
	l.now_us = l.again_us;
	assert_int_equal(left(&l, ROUTINE, FRAME), FIVE_PERCENT);
}

static void signs_of_life_are_never_refused_and_count__protocol_6_1(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, false, 1);
	say(&l, ROUTINE, FIVE_PERCENT);
	assert_int_equal(left(&l, LIFE, FRAME), SIZE_MAX);
	say(&l, LIFE, 100);
	assert_int_equal(budget_permille(&l.link, l.now_us), 50 + 8);
}

static void a_link_of_unknown_rate_has_no_budget(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, false, 1);
	l.link.config.rate_bps = 0;
	assert_int_equal(left(&l, ROUTINE, FRAME), SIZE_MAX);
}

static void two_on_one_channel_have_half_each(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, true, 1);
	assert_int_equal(left(&l, ROUTINE, 1), FIVE_PERCENT / 2);
	budget_heard(&l.link, l.now_us, FIVE_PERCENT); /* too much: ours is ours */
	assert_int_equal(left(&l, ROUTINE, 1), FIVE_PERCENT / 2);
	say(&l, ROUTINE, 100);
	assert_int_equal(left(&l, ROUTINE, 1), FIVE_PERCENT / 2 - 100);
}

static void six_on_one_channel_have_a_sixth_or_what_is_quiet(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, true, 5);
	assert_int_equal(left(&l, ROUTINE, 1), FIVE_PERCENT / 2); /* nobody speaks */
	budget_heard(&l.link, l.now_us, 400);
	assert_int_equal(left(&l, ROUTINE, 1), FIVE_PERCENT - 400);
	budget_heard(&l.link, l.now_us, 400);
	assert_int_equal(left(&l, ROUTINE, 1), FIVE_PERCENT / 6);
}

/* All six hear a channel that is full. Each has a frame now and then, and together they keep to five percent. */
static void six_on_a_full_channel_take_no_more_than_it_bears__protocol_6_1(void **state)
{
	struct line l;
	unsigned frames = 0;

	(void)state;
	line_init(&l, true, 5);
	for (unsigned second = 0; second < 600; second++) {
		budget_heard(&l.link, l.now_us, FIVE_PERCENT / 10);
		frames += say_all_that_may_be_said(&l, ROUTINE, A_SECOND);
	}
	assert_in_range(frames * FRAME, 600 / 10 * FIVE_PERCENT / 6 * 9 / 10, 600 / 10 * FIVE_PERCENT / 6 * 12 / 10);
}

static void what_is_urgent_borrows_half_the_link_once__protocol_6_1(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, false, 1);
	assert_int_equal(left(&l, URGENT, FRAME), HALF);
	unsigned frames = say_all_that_may_be_said(&l, URGENT, 1);
	assert_in_range(frames * FRAME, HALF - FRAME, HALF + FRAME);
	l.now_us += 11 * A_SECOND;
	assert_in_range(left(&l, URGENT, FRAME), FIVE_PERCENT, FIVE_PERCENT + 12 * FIVE_PERCENT / 10);
	/* Five percent of the link fill it again: a link that flaps tells it no more often. */
	l.now_us += 100 * A_SECOND;
	assert_int_equal(left(&l, URGENT, FRAME), HALF);
}

static void an_urgent_flood_keeps_to_the_budget_in_the_long_run__protocol_6_1(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, false, 1);
	unsigned frames = say_all_that_may_be_said(&l, URGENT, 3600 * A_SECOND);
	/* The budget, the reserve once and as it is filled, and the floor. */
	assert_in_range(frames * FRAME, 360 * FIVE_PERCENT, HALF + 3 * 360 * FIVE_PERCENT);
}

static void the_reserve_is_of_the_channel__protocol_6_1(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, true, 1);
	/* One tells, the other listens, and has its part for what it may have to say. */
	assert_int_equal(left(&l, URGENT, FRAME), HALF - HALF / 4);
	budget_heard(&l.link, l.now_us, 4000);
	assert_int_equal(left(&l, URGENT, FRAME), HALF - 4000);
	/* Who fills it with noise, or with what he heard, does not take it all. */
	budget_heard(&l.link, l.now_us, 400000);
	assert_int_equal(left(&l, URGENT, FRAME), HALF / 4);
	assert_int_equal(left(&l, ROUTINE, FRAME), FIVE_PERCENT / 2);
}

static void say_to(struct line *from, struct line *to, enum babel_need need, size_t bytes)
{
	say(from, need, bytes);
	budget_heard(&to->link, to->now_us, bytes);
}

/* Hellos of both go meanwhile: all of it together is half of the link, whoever has what to say. */
static void urgent_news_of_both_and_signs_of_life_take_half_of_the_link__protocol_6_1(void **state)
{
	size_t hello = LIFE_LEN + 6;

	(void)state;
	for (unsigned turns = 1; turns <= 256; turns *= 4) {
		struct line lines[2];
		size_t bytes = 0;

		for (unsigned i = 0; i < 2; i++) {
			line_init(&lines[i], true, 1);
			lines[i].link.config.is_thin = true;
			lines[i].link.config.hello_ms = 4000;
		}
		for (unsigned step = 0; step < 1000; step++) {
			struct line *from = &lines[step / turns % 2], *to = &lines[step / turns % 2 ^ 1];

			for (unsigned i = 0; i < 2; i++)
				lines[i].now_us += A_SECOND / 100;
			if (step % 400 == 100) {
				say_to(from, to, LIFE, hello);
				say_to(to, from, LIFE, hello);
				bytes += 2 * hello;
			}
			if (step % 10 == 0 && left(from, URGENT, FRAME)) {
				say_to(from, to, URGENT, FRAME);
				bytes += FRAME;
			}
		}
		assert_in_range(bytes, HALF - HALF / 4 - 2 * FRAME, HALF);
	}
}

/* One of two who have much to say at the same moment, and hear each other's frames a frame later. */
struct talker {
	struct line line;
	struct egress egress;
	size_t flying; /* what leaves now */
};

static void talker_works(struct talker *t, struct talker *other)
{
	size_t *waiting = &t->egress.lanes[LANE_CONTROL].bytes;

	if (t->flying) {
		budget_heard(&other->line.link, other->line.now_us, t->flying);
		t->flying = 0;
	}
	while (left(&t->line, URGENT, FRAME)) {
		*waiting += FRAME;
		budget_said(&t->line.link, t->line.now_us, URGENT, FRAME);
	}
	if (*waiting) {
		*waiting -= FRAME;
		budget_spent(&t->line.link, t->line.now_us, FRAME);
		t->flying = FRAME;
		t->line.link.shaper.free_us = t->line.now_us + A_SECOND / 4;
	}
}

/* They do not both take what each of them finds free, before either has heard of it. */
static void who_begins_together_takes_half_of_the_link_together__protocol_6_1(void **state)
{
	struct talker talkers[2] = { 0 };
	size_t bytes = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		line_init(&talkers[i].line, true, 1);
		talkers[i].line.link.egress = &talkers[i].egress;
	}
	for (unsigned step = 0; step < 36; step++) {
		for (unsigned i = 0; i < 2; i++) {
			talker_works(&talkers[i], &talkers[i ^ 1]);
			bytes += talkers[i].flying;
		}
		for (unsigned i = 0; i < 2; i++)
			talkers[i].line.now_us += A_SECOND / 4;
	}
	/* A frame of each may be on its way. */
	assert_in_range(bytes, HALF - 2 * FRAME, HALF + 2 * FRAME);
}

static void news_never_starves(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, false, 1);
	/* Hellos take it all, for ever. */
	unsigned frames = 0;
	for (unsigned second = 0; second < 100; second++) {
		say(&l, LIFE, FIVE_PERCENT / 10);
		frames += say_all_that_may_be_said(&l, ROUTINE, A_SECOND);
	}
	assert_in_range(frames, 100 * FIVE_PERCENT / 10 / FRAME - 2, 100 * FIVE_PERCENT / 10 / FRAME + 2);
}

/* Small frames borrow whatever the reserve has got back; a large one, for which that is never enough, waits. */
static void large_news_never_starves_behind_small(void **state)
{
	size_t small = FRAME / 4;
	unsigned larges = 0;
	struct line l;

	(void)state;
	line_init(&l, true, 1);
	for (unsigned step = 0; step < 3000; step++) {
		l.now_us += A_SECOND / 10;
		if (left(&l, URGENT, 10 * FRAME)) {
			say(&l, URGENT, 10 * FRAME);
			larges += step > 500;
		}
		while (left(&l, URGENT, small))
			say(&l, URGENT, small);
	}
	assert_true(larges > 0);
}

static void what_waits_to_leave_counts_already(void **state)
{
	struct egress egress = { .lanes[LANE_CONTROL] = { .bytes = FIVE_PERCENT } };
	struct line l;

	(void)state;
	line_init(&l, false, 1);
	l.link.egress = &egress;
	l.link.budget.floor_us = NEVER;
	assert_int_equal(left(&l, ROUTINE, 1), 0);
}

/* --- beacons and handshakes ------------------------------------------------------------------------ */

static struct node_link *thin_join(struct world *w, unsigned i)
{
	struct node_link_config config = link_config_of(&w->segments[AIR]);

	config.rate_bps = RATE_BPS;
	config.hello_ms = 4000;
	config.update_s = 600;
	station_join_with(w, i, AIR, &config);
	return w->stations[i].node->links[AIR];
}

/* Nothing is left of the budget, nor of the reserve. */
static void exhaust(struct world *w, struct node_link *link, bool with_reserve)
{
	budget_spent(link, w->now, with_reserve ? HALF : FIVE_PERCENT);
	link->budget.floor_us = w->now + 3600 * A_SECOND;
}

static void beacons_wait_for_the_budget__protocol_6_1(void **state)
{
	struct world *w = world_of(1, 2);

	(void)state;
	struct node_link *link = thin_join(w, 0);
	world_run(w, 60 * A_SECOND);
	exhaust(w, link, false);
	uint64_t before = counters_of(w, 0)->beacons_sent;
	for (unsigned second = 0; second < 60; second++) {
		budget_spent(link, w->now, FIVE_PERCENT / 10);
		world_run(w, A_SECOND);
	}
	assert_int_equal(counters_of(w, 0)->beacons_sent, before);
	world_run(w, 40 * A_SECOND);
	assert_in_range(counters_of(w, 0)->beacons_sent - before, 1, 4);
	world_free(w);
}

static void calls_and_answers_wait_for_the_budget__protocol_6_1(void **state)
{
	struct world *w = world_of(2, 2);

	(void)state;
	w->segments[AIR].is_cut = true;
	struct node_link *links[2] = { thin_join(w, 0), thin_join(w, 1) };
	world_run(w, 60 * A_SECOND);
	w->segments[AIR].is_cut = false;
	exhaust(w, links[0], true);
	uint64_t inits = w->segments[AIR].frames[FRAME_INIT], resps = w->segments[AIR].frames[FRAME_RESP];
	/* Both of them: who may not call does not answer. */
	exhaust(w, links[1], true);
	call_start(links[0], w->now, &(struct call){ .to = &w->stations[1].ports[AIR].self });
	world_run(w, 9 * A_SECOND);
	assert_int_equal(w->segments[AIR].frames[FRAME_INIT], inits);
	assert_int_equal(w->segments[AIR].frames[FRAME_RESP], resps);
	world_run(w, 51 * A_SECOND);
	assert_true(is_peer(w, 0, 1, AIR) && is_peer(w, 1, 0, AIR));
	world_free(w);
}

static void a_call_is_paid_for_as_it_leaves__protocol_6_1(void **state)
{
	struct world *w = world_of(3, 2);

	(void)state;
	struct node_link *link = thin_join(w, 0);
	world_run(w, 60 * A_SECOND);
	station_poll(&w->stations[0]);
	budget_spent(link, w->now, FIVE_PERCENT);
	assert_true(link->budget.reserve_full_us <= w->now);
	uint64_t before = w->segments[AIR].bytes;
	call_start(link, w->now, &(struct call){ .to = &(struct endpoint){ 6, { 2, 0, 0, 0, AIR, 2 } } });
	uint64_t bytes = w->segments[AIR].bytes - before;
	assert_true(bytes > 0);
	/* By 5 % of the link. */
	assert_int_equal(link->budget.reserve_full_us - w->now, bytes * 8 * A_SECOND * 20 / RATE_BPS);
	world_free(w);
}

/* Its macs are of it: there is room for all of it, or it waits. */
static void a_call_asks_for_all_of_its_bytes__protocol_6_1(void **state)
{
	struct world *w = world_of(4, 2);

	(void)state;
	struct node_link *link = thin_join(w, 0);
	world_run(w, 60 * A_SECOND);
	station_poll(&w->stations[0]);
	size_t whole = XX_INIT + link->config.overhead;
	uint64_t unused_us, inits = w->segments[AIR].frames[FRAME_INIT];
	size_t left = budget_left(link, w->now, URGENT, 1, &unused_us);
	budget_spent(link, w->now, left - whole + 1);
	link->budget.floor_us = w->now + 3600 * A_SECOND;
	assert_int_equal(budget_left(link, w->now, URGENT, 1, &unused_us), whole - 1);
	call_start(link, w->now, &(struct call){ .to = &(struct endpoint){ 6, { 2, 0, 0, 0, AIR, 2 } } });
	assert_int_equal(w->segments[AIR].frames[FRAME_INIT], inits);
	world_free(w);
}

/* The first proof of a session is lost, and nothing is left for what is news. */
static void a_session_is_proven_whatever_the_budget_has__protocol_6_1(void **state)
{
	struct world *w = world_of(5, 2);

	(void)state;
	w->segments[AIR].swallow[FRAME_TYPE_DATA] = 1;
	struct node_link *links[2] = { thin_join(w, 0), thin_join(w, 1) };
	while (w->segments[AIR].frames[FRAME_FIN] == 0)
		world_run(w, A_SECOND / 100);
	exhaust(w, links[0], true);
	exhaust(w, links[1], true);
	uint64_t fins = w->segments[AIR].frames[FRAME_FIN];
	world_run(w, 5 * A_SECOND);
	assert_int_equal(w->segments[AIR].frames[FRAME_FIN], fins);
	assert_true(is_peer(w, 0, 1, AIR) && is_peer(w, 1, 0, AIR));
	world_free(w);
}

/* The proof of a session is lost, and the other end calls meanwhile: once there is one it calls no more. */
static void who_was_called_meanwhile_calls_no_more(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_of(seed, 2);

		w->segments[AIR].swallow[FRAME_TYPE_DATA] = 1;
		thin_join(w, 0);
		thin_join(w, 1);
		world_run(w, 5 * A_SECOND);
		assert_true(is_peer(w, 0, 1, AIR) && is_peer(w, 1, 0, AIR));
		uint64_t inits = w->segments[AIR].frames[FRAME_INIT];
		world_run(w, 60 * A_SECOND);
		assert_int_equal(w->segments[AIR].frames[FRAME_INIT], inits);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_percent_of_ten_seconds_are_for_news__protocol_6_1),
		cmocka_unit_test(signs_of_life_are_never_refused_and_count__protocol_6_1),
		cmocka_unit_test(a_link_of_unknown_rate_has_no_budget),
		cmocka_unit_test(two_on_one_channel_have_half_each),
		cmocka_unit_test(six_on_one_channel_have_a_sixth_or_what_is_quiet),
		cmocka_unit_test(six_on_a_full_channel_take_no_more_than_it_bears__protocol_6_1),
		cmocka_unit_test(what_is_urgent_borrows_half_the_link_once__protocol_6_1),
		cmocka_unit_test(an_urgent_flood_keeps_to_the_budget_in_the_long_run__protocol_6_1),
		cmocka_unit_test(the_reserve_is_of_the_channel__protocol_6_1),
		cmocka_unit_test(urgent_news_of_both_and_signs_of_life_take_half_of_the_link__protocol_6_1),
		cmocka_unit_test(who_begins_together_takes_half_of_the_link_together__protocol_6_1),
		cmocka_unit_test(news_never_starves),
		cmocka_unit_test(large_news_never_starves_behind_small),
		cmocka_unit_test(what_waits_to_leave_counts_already),
		cmocka_unit_test(beacons_wait_for_the_budget__protocol_6_1),
		cmocka_unit_test(calls_and_answers_wait_for_the_budget__protocol_6_1),
		cmocka_unit_test(a_call_is_paid_for_as_it_leaves__protocol_6_1),
		cmocka_unit_test(a_call_asks_for_all_of_its_bytes__protocol_6_1),
		cmocka_unit_test(a_session_is_proven_whatever_the_budget_has__protocol_6_1),
		cmocka_unit_test(who_was_called_meanwhile_calls_no_more),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
