/*
 * Whose turn it is on a half-duplex channel, in virtual time: the rules one by
 * one, and a channel of stations that all have something to say.
 */
#include "tests/unit/io_fakes.h"

#include "meshd/io/line.h"

#define RATE_BPS 7680
#define TURNAROUND_US 50000
#define BYTE_US (8 * SECOND_US / RATE_BPS)
#define T0 (100 * SECOND_US)

static struct prng prng;
static struct random draws;

static struct turn turn_of(bool is_half_duplex)
{
	struct turn t;

	prng_seed(&prng, 1);
	draws = prng_random(&prng);
	turn_init(&t, RATE_BPS, is_half_duplex, TURNAROUND_US);
	return t;
}

static uint64_t next_us(struct turn *t, uint64_t now_us)
{
	return turn_next_us(t, now_us, &draws);
}

static void who_has_heard_nothing_may_speak(void **state)
{
	struct turn t = turn_of(true);

	(void)state;
	assert_true(next_us(&t, T0) <= T0);
}

static void full_duplex_waits_for_its_own_line_only(void **state)
{
	struct turn t = turn_of(false);

	(void)state;
	turn_heard(&t, T0);
	assert_true(next_us(&t, T0) <= T0);
	turn_sent(&t, T0, 100);
	assert_in_range(next_us(&t, T0), T0 + 100 * BYTE_US - 3000, T0 + 100 * BYTE_US);
}

static void nobody_speaks_within_a_turnaround_of_what_was_heard(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct turn t = turn_of(true);

		prng_seed(&prng, i);
		turn_heard(&t, T0);
		assert_in_range(next_us(&t, T0), T0 + TURNAROUND_US + t.slot_us, T0 + TURNAROUND_US + 4 * t.slot_us);
	}
}

static void what_was_drawn_is_kept_while_the_silence_lasts(void **state)
{
	struct turn t = turn_of(true);

	(void)state;
	turn_heard(&t, T0);
	uint64_t first_us = next_us(&t, T0);
	for (unsigned i = 0; i < 20; i++)
		assert_true(next_us(&t, T0 + i * 1000) == first_us);
	turn_heard(&t, T0 + 10000);
	assert_true(next_us(&t, T0 + 10000) >= T0 + 10000 + TURNAROUND_US);
}

static void who_was_spoken_to_answers_first(void **state)
{
	struct turn asked = turn_of(true), other = turn_of(true);

	(void)state;
	turn_heard(&asked, T0);
	turn_heard_frame(&asked, true);
	turn_heard(&other, T0);
	turn_heard_frame(&other, false);
	assert_true(next_us(&asked, T0) == T0 + TURNAROUND_US);
	assert_true(next_us(&other, T0) >= T0 + TURNAROUND_US + other.slot_us);
}

static void a_burst_goes_on_for_a_second_and_then_others_have_their_turn(void **state)
{
	struct turn t = turn_of(true);
	uint64_t now_us = T0;

	(void)state;
	for (unsigned i = 0; next_us(&t, now_us) <= now_us + 3000; i++) {
		assert_in_range(i, 0, 10);
		turn_sent(&t, now_us, 200);
		now_us = t.free_us - 1000;
	}
	assert_in_range(now_us, T0 + SECOND_US - 300000, T0 + SECOND_US + 300000);
	/* Behind all that others may have drawn. */
	assert_true(next_us(&t, now_us) >= t.free_us + TURNAROUND_US + 5 * t.slot_us);
}

static void rubbish_makes_room_and_frames_take_it_back(void **state)
{
	struct turn t = turn_of(true);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		turn_heard_rubbish(&t);
	assert_int_equal(t.window, 32);
	for (unsigned i = 0; i < 40; i++)
		turn_heard_frame(&t, false);
	assert_int_equal(t.window, 4);
}

/* --- a channel ------------------------------------------------------------------------------- */

#define STATIONS 5
#define FRAME_BYTES 200

struct channel {
	struct turn turns[STATIONS];
	unsigned sent[STATIONS], collisions;
};

/* All always have a frame. Who begins while nobody is heard yet spoils what another has begun. */
static void channel_run(struct channel *c, uint64_t end_us)
{
	uint64_t now_us = T0, airtime_us = FRAME_BYTES * BYTE_US;

	while (now_us < end_us) {
		unsigned first = 0, speakers = 0;
		uint64_t next[STATIONS];

		for (unsigned i = 0; i < STATIONS; i++) {
			next[i] = next_us(&c->turns[i], now_us);
			next[i] = next[i] < now_us ? now_us : next[i];
			first = next[i] < next[first] ? i : first;
		}
		uint64_t begin_us = next[first];
		for (unsigned i = 0; i < STATIONS; i++) {
			if (next[i] >= begin_us + TURNAROUND_US)
				continue;
			turn_sent(&c->turns[i], next[i], FRAME_BYTES);
			speakers++;
		}
		now_us = begin_us + airtime_us;
		for (unsigned i = 0; i < STATIONS; i++) {
			if (next[i] < begin_us + TURNAROUND_US)
				continue;
			turn_heard(&c->turns[i], now_us);
			if (speakers > 1)
				turn_heard_rubbish(&c->turns[i]);
			else
				turn_heard_frame(&c->turns[i], false);
		}
		if (speakers == 1)
			c->sent[first]++;
		else
			c->collisions++;
	}
}

static void a_busy_channel_carries_most_of_what_it_can_and_starves_nobody(void **state)
{
	static struct channel c;
	unsigned all = 0, span_s = 1000;

	(void)state;
	for (unsigned i = 0; i < STATIONS; i++)
		c.turns[i] = turn_of(true);
	channel_run(&c, T0 + span_s * SECOND_US);
	for (unsigned i = 0; i < STATIONS; i++) {
		printf("# station %u: %u frames\n", i, c.sent[i]);
		all += c.sent[i];
	}
	double share = all * (double)(FRAME_BYTES * BYTE_US) / (span_s * (double)SECOND_US);
	printf("# %.0f %% of the channel, %u collisions\n", 100 * share, c.collisions);
	assert_true(share > 0.4);
	for (unsigned i = 0; i < STATIONS; i++)
		assert_true(c.sent[i] > all / STATIONS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_heard_nothing_may_speak),
		cmocka_unit_test(full_duplex_waits_for_its_own_line_only),
		cmocka_unit_test(nobody_speaks_within_a_turnaround_of_what_was_heard),
		cmocka_unit_test(what_was_drawn_is_kept_while_the_silence_lasts),
		cmocka_unit_test(who_was_spoken_to_answers_first),
		cmocka_unit_test(a_burst_goes_on_for_a_second_and_then_others_have_their_turn),
		cmocka_unit_test(rubbish_makes_room_and_frames_take_it_back),
		cmocka_unit_test(a_busy_channel_carries_most_of_what_it_can_and_starves_nobody),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
