/* Troubles that take time to see: what a minute, an hour and half a day say, and what they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/node/trouble.h"

#include <string.h>

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define LOOK (5 * SECOND)

/* --- use ------------------------------------------------------------------------------------- */

/* `rate` a second of the first kind, half as much of the second. */
static uint64_t use_run(struct use *u, uint64_t now_us, uint64_t span_us, uint64_t rate, uint64_t counts[USE_KINDS])
{
	for (uint64_t end_us = now_us + span_us; now_us < end_us; now_us += LOOK) {
		counts[0] += rate * LOOK / SECOND;
		counts[1] += rate * LOOK / SECOND / 2;
		use_note(u, now_us, counts);
	}
	return now_us;
}

static void use_is_that_of_the_last_minute(void **state)
{
	uint64_t counts[USE_KINDS] = { 1000, 5 }, grown[USE_KINDS], now_us = HOUR;
	struct use u = { 0 };

	(void)state;
	assert_int_equal(use_over(&u, grown), 0);
	now_us = use_run(&u, now_us, 25 * SECOND, 100, counts);
	assert_int_equal(use_over(&u, grown), 0); /* too short */
	now_us = use_run(&u, now_us, 10 * MINUTE, 100, counts);
	assert_int_equal(use_over(&u, grown), MINUTE);
	assert_int_equal(grown[0], 60 * 100);
	assert_int_equal(grown[1], 60 * 50);
	assert_int_equal(grown[2], 0);
	now_us = use_run(&u, now_us, 30 * SECOND, 0, counts);
	assert_int_equal(use_over(&u, grown), MINUTE);
	assert_int_equal(grown[0], 30 * 100);
	use_run(&u, now_us, 2 * MINUTE, 0, counts);
	assert_int_equal(use_over(&u, grown), MINUTE);
	assert_int_equal(grown[0], 0);
}

static void counts_that_begin_anew_say_nothing_at_first(void **state)
{
	uint64_t counts[USE_KINDS] = { 0 }, grown[USE_KINDS], now_us = HOUR;
	struct use u = { 0 };

	(void)state;
	now_us = use_run(&u, now_us, 5 * MINUTE, 100, counts);
	memset(counts, 0, sizeof(counts)); /* the link was made again */
	now_us = use_run(&u, now_us, 20 * SECOND, 100, counts);
	assert_int_equal(use_over(&u, grown), 0);
	use_run(&u, now_us, 20 * SECOND, 100, counts);
	assert_int_equal(use_over(&u, grown), 35 * SECOND);
	assert_int_equal(grown[0], 3500);
}

/* Whoever looks more often than that does not shorten the minute. */
static void looks_that_are_too_close_are_not_kept(void **state)
{
	uint64_t counts[USE_KINDS] = { 0 }, grown[USE_KINDS];
	struct use u = { 0 };

	(void)state;
	for (unsigned s = 0; s < 600; s++) {
		counts[0] += 7;
		use_note(&u, HOUR + s * SECOND, counts);
	}
	uint64_t span_us = use_over(&u, grown);
	assert_true(span_us > 50 * SECOND && span_us <= MINUTE);
	assert_int_equal(grown[0], 7 * span_us / SECOND);
}

/* --- trend ------------------------------------------------------------------------------------ */

static struct trends trends;

static struct address neighbour_of(uint8_t last)
{
	const uint8_t bytes[16] = { 0xfe, 0x80, [15] = last };

	return address_ipv6(bytes);
}

static uint64_t trend_run(uint64_t now_us, uint64_t span_us, uint8_t in, uint8_t out)
{
	const struct address n = neighbour_of(1);
	const uint8_t percent[TREND_WAYS] = { in, out };

	for (uint64_t end_us = now_us + span_us; now_us < end_us; now_us += LOOK)
		trend_note(&trends, now_us, 2, &n, percent);
	return now_us;
}

static bool falls_at(uint64_t now_us, struct trend_fall *f)
{
	const struct address n = neighbour_of(1);

	/* It was looked at just now. */
	return trend_falls(&trends, now_us - LOOK, 2, &n, f);
}

static int trends_empty(void **state)
{
	(void)state;
	memset(&trends, 0, sizeof(trends));
	return 0;
}

static void what_is_worse_than_an_hour_ago_is_said_both_ways(void **state)
{
	struct trend_fall f;
	uint64_t now_us = 10 * HOUR;

	(void)state;
	now_us = trend_run(now_us, HOUR + 10 * MINUTE, 98, 99);
	assert_false(falls_at(now_us, &f));
	now_us = trend_run(now_us, 4 * MINUTE, 60, 99);
	assert_false(falls_at(now_us, &f)); /* five minutes are not over */
	now_us = trend_run(now_us, 7 * MINUTE, 60, 99);
	assert_true(falls_at(now_us, &f));
	assert_int_equal(f.now[TREND_IN], 60);
	assert_int_equal(f.then[TREND_IN], 98);
	assert_int_equal(f.now[TREND_OUT], 99);
	/* An hour later it is as it was an hour ago. */
	now_us = trend_run(now_us, HOUR + 10 * MINUTE, 60, 99);
	assert_false(falls_at(now_us, &f));
	now_us = trend_run(now_us, 10 * MINUTE, 60, 30);
	assert_true(falls_at(now_us, &f));
	assert_int_equal(f.now[TREND_OUT], 30);
}

static void what_is_still_good_or_hardly_worse_is_no_fall(void **state)
{
	static const uint8_t cases[][2] = { { 100, 85 }, { 80, 61 }, { 40, 21 }, { 50, 90 } };
	struct trend_fall f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t now_us = 10 * HOUR;

		trends_empty(state);
		now_us = trend_run(now_us, HOUR + 10 * MINUTE, cases[i][0], 100);
		now_us = trend_run(now_us, 20 * MINUTE, cases[i][1], 100);
		assert_false(falls_at(now_us, &f));
	}
}

static void who_was_not_there_an_hour_ago_is_compared_with_nothing(void **state)
{
	struct trend_fall f;
	uint64_t now_us = 10 * HOUR;

	(void)state;
	now_us = trend_run(now_us, 30 * MINUTE, 99, 99);
	now_us = trend_run(now_us, 20 * MINUTE, 20, 20);
	assert_false(falls_at(now_us, &f));
	/* Away for the time that counts. */
	trends_empty(state);
	now_us = trend_run(now_us, 20 * MINUTE, 99, 99);
	now_us += 100 * MINUTE;
	now_us = trend_run(now_us, 20 * MINUTE, 20, 20);
	assert_false(falls_at(now_us, &f));
	/* There for a moment only. */
	trends_empty(state);
	now_us = 20 * HOUR;
	now_us = trend_run(now_us, 30 * SECOND, 99, 99);
	now_us = trend_run(now_us + HOUR, 10 * MINUTE, 20, 20);
	assert_false(falls_at(now_us, &f));
}

static void many_neighbours_have_room_when_others_are_gone(void **state)
{
	const uint8_t good[TREND_WAYS] = { 100, 100 };
	struct trend_fall f;
	uint64_t now_us = 10 * HOUR;

	(void)state;
	for (unsigned i = 0; i < TRENDS_MAX; i++) {
		struct address n = neighbour_of((uint8_t)(10 + i));

		trend_note(&trends, now_us, 2, &n, good);
	}
	now_us = trend_run(now_us, 30 * MINUTE, 99, 99);
	now_us = trend_run(now_us + HOUR, HOUR + 10 * MINUTE, 99, 99); /* now there is room */
	now_us = trend_run(now_us, 10 * MINUTE, 20, 20);
	assert_true(falls_at(now_us, &f));
}

/* --- spare ------------------------------------------------------------------------------------- */

static struct spares spares;

static int spares_empty(void **state)
{
	(void)state;
	memset(&spares, 0, sizeof(spares));
	return 0;
}

/* What it says last. */
static bool spare_run(uint64_t *now_us, uint64_t span_us, uint32_t serial, bool has_several)
{
	bool is_missed = false;

	for (uint64_t end_us = *now_us + span_us; *now_us < end_us; *now_us += LOOK)
		is_missed = spare_note(&spares, *now_us, serial, has_several);
	return is_missed;
}

static void one_way_is_missed_where_there_were_several(void **state)
{
	uint64_t now_us = HOUR;

	(void)state;
	assert_false(spare_run(&now_us, 20 * MINUTE, 7, true));
	assert_true(spare_run(&now_us, LOOK, 7, false));
	assert_true(spare_run(&now_us, HOUR, 7, false));
	assert_false(spare_run(&now_us, MINUTE, 7, true));
	assert_true(spare_run(&now_us, MINUTE, 7, false));
}

static void where_one_is_all_there_ever_was_nothing_is_missed(void **state)
{
	uint64_t now_us = HOUR;

	(void)state;
	assert_false(spare_run(&now_us, 2 * HOUR, 7, false));
	/* Somebody drives by. */
	assert_false(spare_run(&now_us, 5 * MINUTE, 7, true));
	assert_false(spare_run(&now_us, HOUR, 7, false));
	assert_false(spare_run(&now_us, HOUR, 0, false)); /* no serial */
}

static void after_half_a_day_it_is_how_things_are(void **state)
{
	uint64_t now_us = HOUR;

	(void)state;
	assert_false(spare_run(&now_us, 20 * MINUTE, 7, true));
	assert_true(spare_run(&now_us, 11 * HOUR, 7, false));
	assert_false(spare_run(&now_us, 2 * HOUR, 7, false));
}

static void more_sites_than_places_are_not_looked_at(void **state)
{
	uint64_t now_us = HOUR;

	(void)state;
	for (uint32_t serial = 1; serial <= SPARES_MAX; serial++)
		assert_false(spare_note(&spares, now_us, serial, true));
	assert_false(spare_run(&now_us, HOUR, 1000, true));
	assert_false(spare_run(&now_us, MINUTE, 1000, false));
	/* Those that were not seen for long make room. */
	now_us += 13 * HOUR;
	assert_false(spare_run(&now_us, HOUR, 1000, true));
	assert_true(spare_run(&now_us, MINUTE, 1000, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(use_is_that_of_the_last_minute),
		cmocka_unit_test(counts_that_begin_anew_say_nothing_at_first),
		cmocka_unit_test(looks_that_are_too_close_are_not_kept),
		cmocka_unit_test_setup(what_is_worse_than_an_hour_ago_is_said_both_ways, trends_empty),
		cmocka_unit_test_setup(what_is_still_good_or_hardly_worse_is_no_fall, trends_empty),
		cmocka_unit_test_setup(who_was_not_there_an_hour_ago_is_compared_with_nothing, trends_empty),
		cmocka_unit_test_setup(many_neighbours_have_room_when_others_are_gone, trends_empty),
		cmocka_unit_test_setup(one_way_is_missed_where_there_were_several, spares_empty),
		cmocka_unit_test_setup(where_one_is_all_there_ever_was_nothing_is_missed, spares_empty),
		cmocka_unit_test_setup(after_half_a_day_it_is_how_things_are, spares_empty),
		cmocka_unit_test_setup(more_sites_than_places_are_not_looked_at, spares_empty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
