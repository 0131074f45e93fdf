/*
 * Link models against what can be computed: long runs in virtual time. Random
 * figures are held to five standard deviations of their own estimate, which a
 * sound model misses once in two million runs; seeds are fixed, so that a run
 * that passes always passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/link_model.h"

#include <math.h>
#include <string.h>

#define SIGMAS 5.0
#define S 1000000ull
#define MS 1000ull
#define BYTES 1000u

static struct link_model model;

static void model_open(unsigned ends, bool shared, struct link_params params, uint64_t seed)
{
	const struct link_params both[2] = { params, params };

	assert_int_equal(link_model_init(&model, ends, shared, both, seed), 0);
}

static int model_close(void **state)
{
	(void)state;
	link_model_done(&model);
	return 0;
}

static struct link_fate offer(uint64_t now_us, unsigned from, unsigned to, uint32_t bytes)
{
	struct link_fate fates[LINK_ENDS_MAX];

	link_model_offer(&model, now_us, from, (int)to, bytes, fates);
	return fates[to];
}

static void assert_near(double measured, double expected, double sigma)
{
	if (fabs(measured - expected) > SIGMAS * sigma)
		fail_msg("measured %g, expected %g +- %g", measured, expected, SIGMAS * sigma);
}

static void an_idle_link_takes_serialisation_and_delay(void **state)
{
	(void)state;
	model_open(2, false, (struct link_params){ .rate_bps = 1000000, .delay_us = 5000 }, 1);
	for (uint64_t t = 0; t < 10 * S; t += 100 * MS) {
		struct link_fate fate = offer(t, 0, 1, BYTES);

		assert_int_equal(fate.verdict, LINK_DELIVER);
		assert_int_equal(fate.due_us, t + 8000 + 5000);
	}
}

static void a_loaded_link_carries_its_rate(void **state)
{
	uint64_t bits = 0, last_us = 0;

	(void)state;
	/* Twice the rate is offered for 1000 s; the ends of the run weigh one queue: 100 ms, a ten-thousandth. */
	model_open(2, false, (struct link_params){ .rate_bps = 3000000, .queue_us = 100 * MS }, 1);
	for (uint64_t t = 0; t < 1000 * S; t += 1333) {
		struct link_fate fate = offer(t, 0, 1, BYTES);

		if (fate.verdict == LINK_DELIVER) {
			bits += BYTES * 8;
			last_us = fate.due_us;
		} else {
			assert_int_equal(fate.verdict, LINK_DROP_QUEUE);
		}
	}
	double bps = (double)bits / ((double)last_us / 1e6);
	assert_true(fabs(bps / 3e6 - 1) < 1e-4);
}

static void both_directions_of_a_duplex_link_have_the_whole_rate(void **state)
{
	(void)state;
	model_open(2, false, (struct link_params){ .rate_bps = 1000000 }, 1);
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 8000);
	assert_int_equal(offer(0, 1, 0, BYTES).due_us, 8000);
}

static void each_direction_may_have_its_own_rate(void **state)
{
	const struct link_params params[2] = { { .rate_bps = 1000000 }, { .rate_bps = 8000000 } };

	(void)state;
	assert_int_equal(link_model_init(&model, 2, false, params, 1), 0);
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 8000);
	assert_int_equal(offer(0, 1, 0, BYTES).due_us, 1000);
}

static void jitter_is_uniform_about_the_delay(void **state)
{
	const double n = 100000, jitter_us = 5000;
	double sum = 0, squares = 0;

	(void)state;
	model_open(2, false, (struct link_params){ .delay_us = 20000, .jitter_us = 5000 }, 3);
	for (uint64_t t = 0; t < (uint64_t)n * 50 * MS; t += 50 * MS) {
		double off = (double)(offer(t, 0, 1, BYTES).due_us - t) - 20000;

		assert_true(fabs(off) <= jitter_us);
		sum += off;
		squares += off * off;
	}
	/* Uniform: variance j^2/3, of the square 4 j^4/45. */
	assert_near(sum / n, 0, sqrt(jitter_us * jitter_us / 3 / n));
	assert_near(squares / n, jitter_us * jitter_us / 3, sqrt(4.0 / 45 / n) * jitter_us * jitter_us);
}

static void jitter_reorders_only_when_asked(void **state)
{
	struct link_params params = { .delay_us = 20000, .jitter_us = 10000 };

	(void)state;
	for (int reorder = 0; reorder < 2; reorder++) {
		unsigned reversed = 0;
		uint64_t last_us = 0;

		params.reorder = reorder != 0;
		model_open(2, false, params, 4);
		for (uint64_t t = 0; t < 10 * S; t += 1 * MS) {
			uint64_t due_us = offer(t, 0, 1, BYTES).due_us;

			reversed += due_us < last_us;
			last_us = due_us;
		}
		link_model_done(&model);
		if (reorder)
			assert_true(reversed > 1000);
		else
			assert_int_equal(reversed, 0);
	}
}

static void loss_without_memory_is_as_asked(void **state)
{
	const unsigned n = 500000;
	const double p = 0.02;
	unsigned lost = 0, pairs = 0;
	bool before = false;

	(void)state;
	model_open(2, false, (struct link_params){ .loss = p }, 5);
	for (unsigned i = 0; i < n; i++) {
		bool now = offer(i * MS, 0, 1, BYTES).verdict == LINK_DROP_LOSS;

		lost += now;
		pairs += now && before;
		before = now;
	}
	assert_near((double)lost / n, p, sqrt(p * (1 - p) / n));
	assert_near((double)pairs / n, p * p, sqrt(p * p / n));
}

/*
 * Frames at steps apart see a chain with memory lambda = (1-p-r)^apart: the
 * variance of the mean grows by (1 + lambda) / (1 - lambda).
 */
static void fade_loses(double p, double r, double l, uint64_t every_us, unsigned n)
{
	const struct link_params params = { .fade = { .to_bad = p, .to_good = r, .loss = l, .step_us = 20000 } };
	const double mean = l * p / (p + r), lambda = pow(1 - p - r, (double)every_us / 20000);
	unsigned lost = 0;

	model_open(2, false, params, 6);
	assert_true(fabs(link_fade_loss(&params.fade) - mean) < 1e-12);
	for (unsigned i = 0; i < n; i++)
		lost += offer(i * every_us, 0, 1, BYTES).verdict == LINK_DROP_FADE;
	link_model_done(&model);
	assert_near((double)lost / n, mean, sqrt(mean * (1 - mean) / n * (1 + lambda) / (1 - lambda)));
}

static void mean_loss_of_a_fade_does_not_depend_on_the_traffic(void **state)
{
	(void)state;
	fade_loses(.01, .3, .6, 20 * MS, 400000);
	fade_loses(.01, .3, .6, 1 * MS, 2000000); /* many frames in a step */
	fade_loses(.01, .3, .6, 1 * S, 400000); /* many steps between frames */
	fade_loses(.05, .2, .8, 20 * MS, 400000);
	fade_loses(.0001, .2, 1, 20 * MS, 2000000);
	fade_loses(.001, .02, 1, 20 * MS, 2000000);
}

static void a_fade_lasts_its_time(void **state)
{
	const double p = .05, r = .2;
	const struct link_params params = { .fade = { .to_bad = p, .to_good = r, .loss = 1, .step_us = 20000 } };
	unsigned fades = 0, steps = 0;
	bool before = false;

	(void)state;
	model_open(2, false, params, 7);
	for (uint64_t i = 0; i < 500000; i++) {
		bool bad = offer(i * 20000, 0, 1, BYTES).verdict == LINK_DROP_FADE;

		fades += bad && !before;
		steps += bad;
		before = bad;
	}
	/* Geometric: mean 1/r, variance (1-r)/r^2. */
	assert_near((double)steps / fades, 1 / r, sqrt((1 - r) / (r * r) / fades));
}

static void an_idle_link_leaves_its_fade(void **state)
{
	/* 500 steps of 0.98 between frames: what was is forgotten. A chain that ran per frame would stay in 99 %. */
	const struct link_params params = { .fade = { .to_bad = .01, .to_good = .01, .loss = 1, .step_us = 20000 } };
	unsigned after_bad = 0, stayed = 0;
	bool before = false;

	(void)state;
	model_open(2, false, params, 8);
	for (uint64_t i = 0; i < 40000; i++) {
		bool bad = offer(i * 10 * S, 0, 1, BYTES).verdict == LINK_DROP_FADE;

		after_bad += before;
		stayed += before && bad;
		before = bad;
	}
	assert_near((double)stayed / after_bad, .5, sqrt(.25 / after_bad));
}

static void a_fade_keeps_time_between_frames_that_are_no_steps_apart(void **state)
{
	/* At 35 ms a quarter of the frames see one step of 20 ms since the last, three quarters two. */
	const double p = .02, r = .2, share = p / (p + r);
	const double stay1 = share + (1 - share) * (1 - p - r), stay2 = share + (1 - share) * (1 - p - r) * (1 - p - r);
	const double stay = .25 * stay1 + .75 * stay2;
	const struct link_params params = { .fade = { .to_bad = p, .to_good = r, .loss = 1, .step_us = 20000 } };
	unsigned after_bad = 0, stayed = 0;
	bool before = false;

	(void)state;
	model_open(2, false, params, 11);
	for (uint64_t i = 0; i < 1000000; i++) {
		bool bad = offer(i * 35 * MS, 0, 1, BYTES).verdict == LINK_DROP_FADE;

		after_bad += before;
		stayed += before && bad;
		before = bad;
	}
	assert_near((double)stayed / after_bad, stay, sqrt(stay * (1 - stay) / after_bad));
}

static void a_link_begins_in_a_fade_as_often_as_it_is_in_one(void **state)
{
	const struct link_params params = { .fade = { .to_bad = .01, .to_good = .03, .loss = 1, .step_us = 20000 } };
	const unsigned n = 4000;
	unsigned bad = 0;

	(void)state;
	for (unsigned seed = 0; seed < n; seed++) {
		model_open(2, false, params, seed);
		bad += offer(0, 0, 1, BYTES).verdict == LINK_DROP_FADE;
		link_model_done(&model);
	}
	assert_near((double)bad / n, .25, sqrt(.25 * .75 / n));
}

static void receivers_lose_apart(void **state)
{
	const struct link_params params = { .loss = .5 };
	struct link_fate fates[LINK_ENDS_MAX];
	const unsigned n = 100000;
	unsigned together = 0;

	(void)state;
	model_open(3, true, params, 9);
	for (unsigned i = 0; i < n; i++) {
		link_model_offer(&model, i * MS, 0, -1, BYTES, fates);
		together += fates[1].verdict == LINK_DROP_LOSS && fates[2].verdict == LINK_DROP_LOSS;
	}
	assert_near((double)together / n, .25, sqrt(.25 * .75 / n));
}

static unsigned burst(unsigned frames, uint64_t now_us, unsigned from)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < frames; i++)
		taken += offer(now_us, from, from ? 0 : 1, BYTES).verdict == LINK_DELIVER;
	return taken;
}

static void a_queue_of_bytes_holds_so_many(void **state)
{
	(void)state;
	model_open(2, false, (struct link_params){ .rate_bps = 1000000, .queue_bytes = 10 * BYTES }, 1);
	assert_int_equal(burst(100, 0, 0), 10);
	assert_int_equal(burst(100, 7999, 0), 0);
	assert_int_equal(burst(100, 8000, 0), 1); /* one has left */
	assert_int_equal(burst(100, 1 * S, 0), 10);
}

static void a_queue_of_time_holds_one_frame_more_than_its_time(void **state)
{
	struct link_fate last = { 0 };

	(void)state;
	model_open(2, false, (struct link_params){ .rate_bps = 1000000, .queue_us = 80 * MS }, 1);
	for (unsigned i = 0; i < 100; i++) {
		struct link_fate fate = offer(0, 0, 1, BYTES);

		if (fate.verdict == LINK_DELIVER)
			last = fate;
	}
	assert_int_equal(last.due_us, 88 * MS);
}

static void a_queue_shorter_than_a_frame_takes_one(void **state)
{
	(void)state;
	model_open(2, false, (struct link_params){ .rate_bps = 1000000, .queue_bytes = 1 }, 1);
	assert_int_equal(burst(10, 0, 0), 1);
}

static void no_queue_holds_more_frames_than_its_ring(void **state)
{
	(void)state;
	model_open(2, false, (struct link_params){ .rate_bps = 1000000 }, 1);
	assert_int_equal(burst(LINK_QUEUE_FRAMES + 100, 0, 0), LINK_QUEUE_FRAMES);
	assert_int_equal(burst(LINK_QUEUE_FRAMES + 100, 8 * MS * LINK_QUEUE_FRAMES, 0), LINK_QUEUE_FRAMES);
}

static void a_shared_medium_serves_one_at_a_time(void **state)
{
	(void)state;
	model_open(3, true, (struct link_params){ .rate_bps = 1000000 }, 1);
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 8 * MS);
	assert_int_equal(offer(0, 1, 2, BYTES).due_us, 16 * MS);
	assert_int_equal(offer(0, 2, 0, BYTES).due_us, 24 * MS);
}

static void stations_of_a_shared_medium_get_its_rate_together(void **state)
{
	double bits[3] = { 0 };

	(void)state;
	model_open(3, true, (struct link_params){ .rate_bps = 3000000, .queue_us = 50 * MS }, 1);
	for (uint64_t t = 0; t < 500 * S; t += 2000)
		for (unsigned from = 0; from < 3; from++)
			if (offer(t, from, (from + 1) % 3, BYTES).verdict == LINK_DELIVER)
				bits[from] += BYTES * 8;
	/* All ask as often, so each gets a third; the ends of the run weigh 150 ms of 500 s. */
	for (unsigned from = 0; from < 3; from++)
		assert_true(fabs(bits[from] / 500e6 - 1) < 1e-3);
}

static void a_relay_on_one_frequency_halves_the_rate(void **state)
{
	uint64_t relayed = 0, due_us = 0;

	(void)state;
	model_open(3, true, (struct link_params){ .rate_bps = 4000000, .queue_us = 100 * MS }, 1);
	/* 0 -> 1 -> 2: the second hop asks for the medium as soon as the first has arrived. */
	for (uint64_t t = 0; t < 500 * S; t = due_us) {
		due_us = offer(t, 0, 1, BYTES).due_us;
		due_us = offer(due_us, 1, 2, BYTES).due_us;
		relayed += BYTES * 8;
	}
	assert_true(fabs((double)relayed / 500 / 2e6 - 1) < 1e-4);
}

static void a_greedy_station_does_not_take_the_queue_of_another(void **state)
{
	(void)state;
	model_open(3, true, (struct link_params){ .rate_bps = 1000000, .queue_us = 80 * MS }, 1);
	burst(100, 0, 0);
	assert_int_equal(offer(0, 1, 2, BYTES).verdict, LINK_DELIVER);
}

static void a_turnaround_is_paid_when_the_speaker_changes(void **state)
{
	(void)state;
	model_open(2, true, (struct link_params){ .rate_bps = 1000000, .turnaround_us = 50 * MS }, 1);
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 58 * MS); /* after silence */
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 66 * MS); /* goes on speaking */
	assert_int_equal(offer(0, 1, 0, BYTES).due_us, 124 * MS);
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 182 * MS);
}

static void cut_and_silent_links_lose_all(void **state)
{
	(void)state;
	model_open(2, false, (struct link_params){ 0 }, 1);
	model.state = LINK_CUT;
	assert_int_equal(offer(0, 0, 1, BYTES).verdict, LINK_DROP_DOWN);
	model.state = LINK_SILENT;
	assert_int_equal(offer(0, 0, 1, BYTES).verdict, LINK_DROP_DOWN);
	model.state = LINK_UP;
	assert_int_equal(offer(0, 0, 1, BYTES).verdict, LINK_DELIVER);
}

static void what_is_lost_to_a_cut_takes_no_airtime(void **state)
{
	(void)state;
	model_open(2, false, (struct link_params){ .rate_bps = 1000000 }, 1);
	model.state = LINK_CUT;
	burst(10, 0, 0);
	model.state = LINK_UP;
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 8 * MS);
}

static void the_mtu_does_not_count_the_header(void **state)
{
	(void)state;
	model_open(2, false, (struct link_params){ .mtu = 1400 }, 1);
	assert_int_equal(offer(0, 0, 1, 1414).verdict, LINK_DELIVER);
	assert_int_equal(offer(0, 0, 1, 1415).verdict, LINK_DROP_MTU);
}

static void the_deaf_do_not_hear(void **state)
{
	struct link_fate fates[LINK_ENDS_MAX];

	(void)state;
	model_open(3, true, (struct link_params){ 0 }, 1);
	link_model_deafen(&model, 0, 2);
	link_model_offer(&model, 0, 0, -1, BYTES, fates);
	assert_int_equal(fates[1].verdict, LINK_DELIVER);
	assert_int_equal(fates[2].verdict, LINK_DROP_DEAF);
	link_model_offer(&model, 0, 2, -1, BYTES, fates);
	assert_int_equal(fates[0].verdict, LINK_DROP_DEAF);
	assert_int_equal(fates[1].verdict, LINK_DELIVER);
}

static void a_handover_loses_its_time_in_every_period(void **state)
{
	const struct link_params params = { .gap = { .every_us = 15 * S, .min_us = 50 * MS, .max_us = 300 * MS } };
	const unsigned periods = 2000;
	double sum = 0;

	(void)state;
	model_open(2, false, params, 10);
	for (unsigned p = 0; p < periods; p++) {
		unsigned lost = 0;

		for (uint64_t t = p * 15 * S; t < p * 15 * S + S; t += 1 * MS) {
			bool gap = offer(t, 0, 1, BYTES).verdict == LINK_DROP_GAP;

			assert_true(
				!gap || t == p * 15 * S + lost * MS); /* from the start of the period, in one piece */
			assert_int_equal(gap, offer(t, 1, 0, BYTES).verdict == LINK_DROP_GAP);
			lost += gap;
		}
		assert_in_range(lost, 50, 301);
		sum += lost;
	}
	/* Uniform: sigma = 250 ms / sqrt(12); sampling each millisecond counts half of one more. */
	assert_near(sum / periods, 175.5, 250 / sqrt(12.0 * periods));
}

static uint64_t run_digest(uint64_t seed)
{
	const struct link_params params = { .rate_bps = 2000000,
		.queue_us = 100 * MS,
		.delay_us = 30000,
		.jitter_us = 20000,
		.loss = .01,
		.fade = { .to_bad = .05, .to_good = .2, .loss = .8, .step_us = 20000 } };
	uint64_t digest = 0;

	model_open(3, true, params, seed);
	for (uint64_t t = 0; t < 60 * S; t += 3 * MS) {
		struct link_fate fate = offer(t, (unsigned)(t / MS) % 3, (unsigned)(t / MS + 1) % 3, BYTES);

		digest = digest * 31 + fate.verdict * 7 + (fate.verdict == LINK_DELIVER ? fate.due_us : 0);
	}
	link_model_done(&model);
	return digest;
}

static void the_same_seed_gives_the_same_run(void **state)
{
	(void)state;
	assert_int_equal(run_digest(1), run_digest(1));
	assert_true(run_digest(1) != run_digest(2));
}

static void new_parameters_hold_from_the_next_frame(void **state)
{
	const struct link_params slow[2] = { { .rate_bps = 1000000 }, { .rate_bps = 1000000 } };
	const struct link_params fast[2] = { { .rate_bps = 8000000 }, { .rate_bps = 8000000 } };

	(void)state;
	assert_int_equal(link_model_init(&model, 2, false, slow, 1), 0);
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 8 * MS);
	link_model_set(&model, fast);
	assert_int_equal(offer(0, 0, 1, BYTES).due_us, 9 * MS); /* behind the one that is on its way */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, model_close)
	const struct CMUnitTest tests[] = {
		TEST(an_idle_link_takes_serialisation_and_delay),
		TEST(a_loaded_link_carries_its_rate),
		TEST(both_directions_of_a_duplex_link_have_the_whole_rate),
		TEST(each_direction_may_have_its_own_rate),
		TEST(jitter_is_uniform_about_the_delay),
		TEST(jitter_reorders_only_when_asked),
		TEST(loss_without_memory_is_as_asked),
		TEST(mean_loss_of_a_fade_does_not_depend_on_the_traffic),
		TEST(a_fade_lasts_its_time),
		TEST(an_idle_link_leaves_its_fade),
		TEST(a_fade_keeps_time_between_frames_that_are_no_steps_apart),
		TEST(a_link_begins_in_a_fade_as_often_as_it_is_in_one),
		TEST(receivers_lose_apart),
		TEST(a_queue_of_bytes_holds_so_many),
		TEST(a_queue_of_time_holds_one_frame_more_than_its_time),
		TEST(a_queue_shorter_than_a_frame_takes_one),
		TEST(no_queue_holds_more_frames_than_its_ring),
		TEST(a_shared_medium_serves_one_at_a_time),
		TEST(stations_of_a_shared_medium_get_its_rate_together),
		TEST(a_relay_on_one_frequency_halves_the_rate),
		TEST(a_greedy_station_does_not_take_the_queue_of_another),
		TEST(a_turnaround_is_paid_when_the_speaker_changes),
		TEST(cut_and_silent_links_lose_all),
		TEST(what_is_lost_to_a_cut_takes_no_airtime),
		TEST(the_mtu_does_not_count_the_header),
		TEST(the_deaf_do_not_hear),
		TEST(a_handover_loses_its_time_in_every_period),
		TEST(the_same_seed_gives_the_same_run),
		TEST(new_parameters_hold_from_the_next_frame),
	};

	return cmocka_run_group_tests_name("sim_link_model", tests, NULL, NULL);
}
