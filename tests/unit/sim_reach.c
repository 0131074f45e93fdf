/*
 * Radios in places: who hears whom how well at which distance, and a medium that is
 * as large as a frame is heard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/preset.h"

#include <math.h>

#define S 1000000ull
#define MS 1000ull
#define BYTES 1000u
#define RATE_BPS 8000000.

static const struct link_reach whole = { 1, 1, 1, 1, 1 }, half = { 1, .5, 1, 1, 1 }, tenth = { 1, .1, 1, 1, 1 };
static struct link_model model;

/* Everybody out of everybody's reach. */
static void model_open(unsigned ends, struct link_params params)
{
	const struct link_params both[2] = { params, params };

	assert_int_equal(link_model_init(&model, ends, true, both, 1), 0);
	for (unsigned a = 0; a < ends; a++)
		for (unsigned b = a + 1; b < ends; b++)
			link_model_set_reach(&model, a, b, NULL);
}

static int model_close(void **state)
{
	(void)state;
	link_model_done(&model);
	return 0;
}

static struct link_fate offer(uint64_t now_us, unsigned from, unsigned to)
{
	struct link_fate fates[LINK_ENDS_MAX];

	link_model_offer(&model, now_us, from, (int)to, BYTES, fates);
	return fates[to];
}

/* A source that always has a frame, and relays that pass on what they get: bits a second at the end of the chain. */
static double chain_carries(unsigned hops)
{
	uint64_t due_us[LINK_ENDS_MAX][LINK_QUEUE_FRAMES], now_us = 0, arrived = 0;
	unsigned first[LINK_ENDS_MAX] = { 0 }, count[LINK_ENDS_MAX] = { 0 };

	model_open(hops + 1, (struct link_params){ .rate_bps = (uint64_t)RATE_BPS, .queue_us = 100 * MS });
	for (unsigned i = 0; i < hops; i++)
		link_model_set_reach(&model, i, i + 1, &whole);
	count[0] = 1;
	due_us[0][0] = 0;
	while (now_us < 100 * S) {
		unsigned at = 0;

		for (unsigned i = 1; i < hops; i++)
			if (count[i] && (!count[at] || due_us[i][first[i]] <= due_us[at][first[at]]))
				at = i;
		now_us = due_us[at][first[at]];
		first[at] = (first[at] + 1) % LINK_QUEUE_FRAMES;
		count[at]--;
		struct link_fate fate = offer(now_us, at, at + 1);
		assert_int_equal(fate.verdict, LINK_DELIVER);
		if (at == 0)
			due_us[0][(first[0] + count[0]++) % LINK_QUEUE_FRAMES] = fate.due_us;
		if (at + 1 < hops)
			due_us[at + 1][(first[at + 1] + count[at + 1]++) % LINK_QUEUE_FRAMES] = fate.due_us;
		else
			arrived++;
	}
	link_model_done(&model);
	return (double)arrived * BYTES * 8 / ((double)now_us / 1e6);
}

static void a_chain_carries_its_rate_by_hops_and_never_less_than_a_third(void **state)
{
	(void)state;
	for (unsigned hops = 1; hops <= 10; hops++) {
		double share = chain_carries(hops) / RATE_BPS;

		if (fabs(share * (hops < 3 ? hops : 3) - 1) > .01)
			fail_msg("%u hops: %g of the rate", hops, share);
	}
}

static void pairs_that_do_not_hear_each_other_send_at_the_same_time(void **state)
{
	(void)state;
	model_open(4, (struct link_params){ .rate_bps = 8000000 });
	link_model_set_reach(&model, 0, 1, &whole);
	link_model_set_reach(&model, 2, 3, &whole);
	assert_int_equal(offer(0, 0, 1).due_us, 1 * MS);
	assert_int_equal(offer(0, 2, 3).due_us, 1 * MS);
	/* 1 and 2 come to hear each other: what 2 sends 1 would hear, so it waits. */
	link_model_set_reach(&model, 1, 2, &whole);
	assert_int_equal(offer(10 * MS, 0, 1).due_us, 11 * MS);
	assert_int_equal(offer(10 * MS, 2, 3).due_us, 12 * MS);
}

static void stations_hidden_from_each_other_do_not_speak_to_the_same_one_at_once(void **state)
{
	(void)state;
	model_open(3, (struct link_params){ .rate_bps = 8000000 });
	link_model_set_reach(&model, 0, 1, &whole);
	link_model_set_reach(&model, 1, 2, &whole);
	assert_int_equal(offer(0, 0, 1).due_us, 1 * MS);
	assert_int_equal(offer(0, 2, 1).due_us, 2 * MS);
	assert_int_equal(offer(0, 0, 2).verdict, LINK_DROP_DEAF);
}

static void the_near_are_sent_to_fast_and_all_at_the_pace_of_the_slowest(void **state)
{
	struct link_fate fates[LINK_ENDS_MAX];

	(void)state;
	model_open(4, (struct link_params){ .rate_bps = 8000000 });
	link_model_set_reach(&model, 0, 1, &whole);
	link_model_set_reach(&model, 0, 2, &half);
	link_model_set_reach(&model, 0, 3, &tenth);
	assert_int_equal(offer(0, 0, 1).due_us, 1 * MS);
	assert_int_equal(offer(100 * MS, 0, 2).due_us, 102 * MS);
	assert_int_equal(offer(200 * MS, 0, 3).due_us, 210 * MS);
	link_model_offer(&model, 300 * MS, 0, -1, BYTES, fates);
	assert_int_equal(fates[1].due_us, 310 * MS);
	assert_int_equal(fates[3].due_us, 310 * MS);
	/* It drives away: nobody else holds it up. */
	assert_true(link_model_set_reach(&model, 0, 3, NULL));
	assert_false(link_model_set_reach(&model, 0, 3, NULL));
	assert_false(link_model_set_reach(&model, 0, 2, &half));
	link_model_offer(&model, 400 * MS, 0, -1, BYTES, fates);
	assert_int_equal(fates[1].due_us, 402 * MS);
	assert_int_equal(fates[3].verdict, LINK_DROP_DEAF);
}

static double loss_at(const char *preset, double distance)
{
	const struct link_preset *p = link_preset_find(preset);
	const unsigned n = 200000;
	unsigned lost = 0;

	assert_int_equal(link_model_init(&model, 2, p->shared, p->params, 3), 0);
	link_model_set_reach(&model, 0, 1, link_preset_reach(p, distance));
	for (unsigned i = 0; i < n; i++)
		lost += offer(i * 10 * S, 0, 1).verdict == LINK_DROP_FADE;
	link_model_done(&model);
	return (double)lost / n;
}

static void fades_grow_to_those_of_the_edge(void **state)
{
	static const double shares[] = { .1, .3, .6, .75, .85, .95 };

	(void)state;
	assert_true(fabs(loss_at("mesh-radio", .1) - .0194) < 5 * sqrt(.0194 / 200000));
	assert_true(fabs(loss_at("mesh-radio", .99) - .16) < 5 * sqrt(.16 / 200000));
	for (size_t i = 1; i < sizeof(shares) / sizeof(shares[0]); i++) {
		assert_true(loss_at("mesh-radio", shares[i]) >= loss_at("mesh-radio", shares[i - 1]));
		assert_true(loss_at("narrowband", shares[i]) >= loss_at("narrowband", shares[i - 1]));
	}
}

static void rates_fall_in_steps_to_that_of_the_edge(void **state)
{
	const struct link_preset *radio = link_preset_find("mesh-radio"), *narrow = link_preset_find("narrowband");
	double last = 1;

	(void)state;
	for (double share = .01; share <= 1; share += .01) {
		double rate = link_preset_reach(radio, share)->rate;

		assert_true(rate <= last);
		assert_true(link_preset_reach(narrow, share)->rate == 1);
		last = rate;
	}
	/* 2 to 5 Mbit/s at the edge of what has 20 nearby. */
	assert_in_range((unsigned)(last * (double)radio->params[0].rate_bps), 2000000, 5000000);
	assert_true(link_preset_reach(radio, .1)->rate == 1);
	assert_null(link_preset_reach(radio, 1.001));
	assert_null(link_preset_reach(narrow, 1.001));
}

static void a_jammer_drowns_its_share_at_who_is_near_it(void **state)
{
	const unsigned n = 100000;
	unsigned lost = 0;

	(void)state;
	model_open(2, (struct link_params){ .rate_bps = 8000000 });
	link_model_set_reach(&model, 0, 1, &whole);
	link_model_jam(&model, 1, .9);
	for (unsigned i = 0; i < n; i++) {
		lost += offer(i * 10 * MS, 0, 1).verdict == LINK_DROP_JAM;
		assert_int_equal(offer(i * 10 * MS, 1, 0).verdict, LINK_DELIVER);
	}
	assert_true(fabs((double)lost / n - .9) < 5 * sqrt(.09 / n));
	assert_true(link_model_hears(&model, 0, 1));
	link_model_jam(&model, 1, 1);
	assert_false(link_model_hears(&model, 0, 1));
	link_model_jam(&model, 1, 0);
	assert_int_equal(offer(n * 10 * MS, 0, 1).verdict, LINK_DELIVER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, model_close)
	const struct CMUnitTest tests[] = {
		TEST(a_chain_carries_its_rate_by_hops_and_never_less_than_a_third),
		TEST(pairs_that_do_not_hear_each_other_send_at_the_same_time),
		TEST(stations_hidden_from_each_other_do_not_speak_to_the_same_one_at_once),
		TEST(the_near_are_sent_to_fast_and_all_at_the_pace_of_the_slowest),
		TEST(fades_grow_to_those_of_the_edge),
		TEST(rates_fall_in_steps_to_that_of_the_edge),
		TEST(a_jammer_drowns_its_share_at_who_is_near_it),
	};

	return cmocka_run_group_tests_name("sim_reach", tests, NULL, NULL);
}
