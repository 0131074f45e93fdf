/*
 * The field's links as they behave in long runs: rate under load, delay and loss
 * when idle, against the figures that the field gives (written here again, not
 * taken from the table under test). Five standard deviations, fixed seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/preset.h"

#include <math.h>
#include <string.h>

#define S 1000000ull
#define MS 1000ull
#define FRAMES 20000u
#define EVERY_US (5 * S + 3003) /* no multiple of any period; longer than a fade of broadband */

static struct link_model model;

static const struct link_preset *open_preset(const char *name, uint64_t seed)
{
	const struct link_preset *p = link_preset_find(name);

	assert_non_null(p);
	assert_int_equal(link_model_init(&model, 2, p->shared, p->params, seed), 0);
	return p;
}

static int model_close(void **state)
{
	(void)state;
	link_model_done(&model);
	return 0;
}

static struct link_fate offer(uint64_t now_us, unsigned from, uint32_t bytes)
{
	struct link_fate fates[LINK_ENDS_MAX];

	link_model_offer(&model, now_us, from, -1, bytes, fates);
	return fates[!from];
}

static const struct figures {
	const char *name;
	double rate_bps[2]; /* up, down; 0: no limit */
	double delay_ms, spread_ms; /* one way, without the frame's own time; +- */
	double loss;
	double memory; /* of the fade from one frame to the next, EVERY_US later */
} figures[] = {
	{ "switch", { 0, 0 }, 0, 0, 0, 0 },
	{ "fibre", { 100e6, 100e6 }, 2, .1, 1e-6, 0 },
	{ "mesh-radio", { 20e6, 20e6 }, 6, 5, .0194, 0 },
	{ "mesh-radio-edge", { 3e6, 3e6 }, 6, 5, .16, 0 },
	/* A handover of 0.6 s in 300 s. */
	{ "drone-relay", { 20e6, 20e6 }, 6, 5, .0194 + .002, 0 },
	{ "geo-satellite", { 2e6, 8e6 }, 270, 10, .0005, 0 },
	/* A handover of 175 ms in 15 s. */
	{ "leo-satellite", { 10e6, 100e6 }, 27, 8 + 12, .005 + .0117, 0 },
	/* 0.245 s of 8 s stand still: that much of the rate is lost, and who comes then waits:
	 * E[L^2] / 2T = 10 ms in the mean. */
	{ "cellular", { 5e6 * .969, 20e6 * .969 }, 40 + 10, 1700, .005, 0 },
	{ "narrowband", { 9600, 9600 }, 100 + 100, 40, .073, .01 },
	{ "satphone", { 9600, 9600 }, 340, 50, .0636, .1 },
	/* 1,750 bytes in a minute. */
	{ "short-message", { 1764 * 8 / 60., 1764 * 8 / 60. }, 2000, 1000, .004, 0 },
	{ "hf", { 2400, 2400 }, 2000 + 500, 500, .15, .1 },
};
#define PRESETS (sizeof(figures) / sizeof(figures[0]))

static void every_preset_has_its_figures(void **state)
{
	unsigned count = 0;

	(void)state;
	for (const char *at = link_preset_names(); at; at = strchr(at, ','), at += at != NULL)
		count++;
	assert_int_equal(count, PRESETS);
}

/* Offered more than it carries: what leaves a second. */
static void links_carry_their_rate(void **state)
{
	(void)state;
	for (size_t i = 0; i < PRESETS; i++) {
		const struct figures *f = &figures[i];

		for (unsigned from = 0; from < 2 && f->rate_bps[from] > 0; from++) {
			const struct link_preset *p = open_preset(f->name, 1);
			uint32_t bytes = p->params[0].pace_us ? p->params[0].mtu + LINK_HEADER : 500;
			double frame_us = bytes * 8e6 / f->rate_bps[from], bits = 0;
			/* Stalls have to be many. The first twentieth fills the queue. */
			double frames_us = fmax(40 * S, 4000 * frame_us);
			uint64_t end_us = p->params[0].stall.every_us ? 800 * S : (uint64_t)frames_us;

			for (double t = 0; t < (double)end_us; t += frame_us / 1.3)
				if (offer((uint64_t)t, from, bytes).verdict != LINK_DROP_QUEUE &&
					t > (double)end_us / 20)
					bits += bytes * 8;
			if (fabs(bits / ((double)end_us * .95e-6) / f->rate_bps[from] - 1) > .01)
				fail_msg("%s, end %u: %g bit/s", f->name, from, bits / ((double)end_us * .95e-6));
			link_model_done(&model);
		}
	}
}

static void idle_links_delay_and_lose_as_the_field_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < PRESETS; i++) {
		const struct figures *f = &figures[i];
		const struct link_preset *p = open_preset(f->name, 2);
		uint64_t every_us = p->params[0].pace_us > EVERY_US ? 61 * S : EVERY_US;
		double sum_ms = 0, frame_ms = f->rate_bps[0] > 0 && !p->params[0].pace_us
						      ? 100 * 8e3 / (double)p->params[0].rate_bps
						      : 0;
		unsigned lost = 0;

		for (unsigned n = 0; n < FRAMES; n++) {
			struct link_fate fate = offer(n * every_us, 0, 100);
			double delay_ms = ((double)fate.due_us - (double)(n * every_us)) / 1e3 - frame_ms;

			lost += fate.verdict != LINK_DELIVER;
			if (fate.verdict != LINK_DELIVER)
				continue;
			sum_ms += delay_ms;
			if (fabs(delay_ms - f->delay_ms) > f->spread_ms + .001)
				fail_msg("%s: %g ms", f->name, delay_ms);
		}
		double mean_ms = sum_ms / (FRAMES - lost), share = (double)lost / FRAMES;
		double sigma = sqrt(f->loss / FRAMES * (1 + f->memory) / (1 - f->memory));

		/* Uniform within the spread at most; a stall of cellular has a standard deviation of 78 ms. */
		if (fabs(mean_ms - f->delay_ms) > 5 * fmin(f->spread_ms / sqrt(3), 78) / sqrt(FRAMES) + .01)
			fail_msg("%s: %g ms in the mean", f->name, mean_ms);
		if (fabs(share - f->loss) > 5 * sigma)
			fail_msg("%s: loses %g", f->name, share);
		link_model_done(&model);
	}
}

/* Level of the delay in each slot of 15 s: the frames' middle, 100 of them, to 1 ms. */
static void the_delay_of_a_leo_satellite_shifts_at_its_slots(void **state)
{
	double last_ms = 0, sum = 0, squares = 0;
	unsigned moved = 0;
	const unsigned slots = 500;

	(void)state;
	open_preset("leo-satellite", 3);
	for (unsigned slot = 0; slot < slots; slot++) {
		double least = 1e9, most = 0;

		for (unsigned n = 0; n < 100; n++) {
			uint64_t at_us = slot * 15 * S + S + n * 140 * MS;
			struct link_fate fate = offer(at_us, 0, 100);
			double delay_ms = (double)(fate.due_us - at_us) / 1e3;

			if (fate.verdict != LINK_DELIVER)
				continue;
			least = fmin(least, delay_ms);
			most = fmax(most, delay_ms);
		}
		assert_true(most - least > 10 && most - least < 16.1);
		double middle_ms = (least + most) / 2;
		moved += fabs(middle_ms - last_ms) > 2;
		last_ms = middle_ms;
		sum += middle_ms;
		squares += middle_ms * middle_ms;
	}
	assert_true(moved > slots * 3 / 4);
	/* Uniform in +- 12 ms: standard deviation 6.9 ms. */
	double mean_ms = sum / slots, deviation_ms = sqrt(squares / slots - mean_ms * mean_ms);
	assert_true(fabs(mean_ms - 27.08) < 5 * 6.9 / sqrt(slots));
	assert_true(deviation_ms > 6 && deviation_ms < 8);
}

/* One silence a period; in between the queue keeps what comes, up to half a second of it. */
static void a_phone_network_stalls_and_keeps_what_waits(void **state)
{
	const unsigned periods = 3000;
	double sum_ms = 0, longest_ms = 0;
	unsigned silences = 0, above_second = 0;
	uint64_t last_us = 0;

	(void)state;
	struct link_params params[2] = { { .rate_bps = 0,
		.stall = { .every_us = 8 * S, .min_us = 100 * MS, .max_us = 1700 * MS } } };
	const struct link_preset *p = link_preset_find("cellular");
	assert_memory_equal(&params[0].stall, &p->params[0].stall, sizeof(params[0].stall));
	assert_memory_equal(&params[0].stall, &p->params[1].stall, sizeof(params[0].stall));
	params[1] = params[0];
	assert_int_equal(link_model_init(&model, 2, false, params, 4), 0);
	for (uint64_t t = 0; t < periods * 8 * S; t += 5 * MS) {
		struct link_fate fate = offer(t, 0, 100);

		assert_int_equal(fate.verdict, LINK_DELIVER);
		double silent_ms = (double)(fate.due_us - last_us) / 1e3;
		last_us = fate.due_us;
		if (silent_ms < 90)
			continue;
		silences++;
		above_second += silent_ms > 1000;
		sum_ms += silent_ms;
		longest_ms = fmax(longest_ms, silent_ms);
	}
	assert_in_range(silences, periods - 2, periods);
	/* 0.1 + 1.6 / 11 s, sampled every 5 ms; standard deviation 0.31 s; 1 - (9/16)^(1/10) above a second. */
	assert_true(fabs(sum_ms / silences - 245 - 2.5) < 5 * 318 / sqrt(silences) + 2.5);
	assert_true(fabs((double)above_second / silences - .0559) < 5 * sqrt(.0559 / silences));
	assert_true(longest_ms > 1650 && longest_ms < 1706);
}

static void a_message_modem_sends_one_a_minute(void **state)
{
	uint64_t last_us = 0;

	(void)state;
	open_preset("short-message", 5);
	for (unsigned n = 0; n < 6; n++) { /* the first is gone at once, four minutes may wait */
		struct link_fate fate = offer(0, 0, 1764);

		assert_int_equal(fate.verdict, LINK_DELIVER);
		assert_in_range(fate.due_us, n * 60 * S + 1 * S, n * 60 * S + 3 * S);
		last_us = fate.due_us;
	}
	assert_int_equal(offer(0, 0, 1764).verdict, LINK_DROP_QUEUE);
	assert_int_equal(offer(0, 0, 1765).verdict, LINK_DROP_MTU);
	assert_true(last_us > 300 * S);
	/* The other end has a card of its own. */
	assert_in_range(offer(0, 1, 120).due_us, 1 * S, 3 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_preset_has_its_figures),
		cmocka_unit_test(links_carry_their_rate),
		cmocka_unit_test(idle_links_delay_and_lose_as_the_field_says),
		cmocka_unit_test_teardown(the_delay_of_a_leo_satellite_shifts_at_its_slots, model_close),
		cmocka_unit_test_teardown(a_phone_network_stalls_and_keeps_what_waits, model_close),
		cmocka_unit_test_teardown(a_message_modem_sends_one_a_minute, model_close),
	};

	return cmocka_run_group_tests_name("sim_preset", tests, NULL, NULL);
}
