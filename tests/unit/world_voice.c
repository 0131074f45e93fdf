/* Group voice and calls: in time within the budget, polite, half-duplex; what is missed is counted where it is missed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/voice.h"

#include <sodium.h>
#include <string.h>

#define TWO(duration) "for: " duration "\nnodes: [{name: a}, {name: b}]\nlinks:\n"
#define WIRE "  - {name: l, preset: fibre, ends: [a:e0, b:e0]}\n"
#define SATELLITE "  - {name: l, preset: geo-satellite, fade: none, ends: [a:e0, b:e0]}\n"
#define FAR "  - {name: l, preset: geo-satellite, delay: 2s, fade: none, ends: [a:e0, b:e0]}\n"
#define NET(more) "groups:\n  - {name: net, members: [a, b], start: 5" more "}\n"

struct run {
	struct plan *plan;
	struct trial *trial;
	const struct voice_member *a, *b;
};

static struct run run_all(const char *yaml)
{
	char error[PLAN_ERROR_MAX];
	struct run r = { .plan = plan_parse("test", bytes_of(yaml, strlen(yaml)), error) };

	if (!r.plan)
		fail_msg("%s", error);
	r.trial = trial_new(r.plan, 1, NULL);
	assert_non_null(r.trial);
	trial_run(r.trial, NULL);
	if (r.plan->group_count) {
		r.a = &r.trial->voices[0].members[0];
		r.b = &r.trial->voices[0].members[1];
	}
	return r;
}

static void run_end(struct run *r)
{
	trial_free(r->trial);
	plan_free(r->plan);
}

static struct voice_outcome heard_by(const struct run *r, unsigned member, double after_s)
{
	return voice_outcome(&r->trial->voices[0], member, (uint64_t)(after_s * 1e6));
}

static void over_a_wire_all_is_heard_and_the_budget_of_speech_is_kept(void **state)
{
	struct run r = run_all(TWO("65") WIRE NET(", end: 64") "expect:\n  - usable: {group: net, at most: 1%}\n");
	struct voice_outcome o = heard_by(&r, 1, 0);

	(void)state;
	assert_int_equal(o.wanted, r.a->sent);
	assert_int_equal(o.in_time, r.a->sent);
	assert_int_equal(o.gap_us, 0);
	assert_int_equal(r.b->late, 0);
	/* Four seconds of speech and two of silence, in turns: two thirds of a minute. */
	assert_in_range(r.a->sent + r.b->sent, 1000 * 2 / 3 * 6 / 10, 1000 * 2 / 3 * 13 / 10);
	assert_true(r.a->spurts >= 2 && r.b->spurts >= 2);
	assert_true(r.trial->expect[0].is_met);
	run_end(&r);
}

/* Whoever hears somebody speak waits: only who pressed at nearly the same time is talked over. */
static void nobody_presses_while_he_hears_somebody(void **state)
{
	struct run near = run_all(TWO("125") WIRE NET(", talk: 4, pause: 500ms"));
	struct run far = run_all(TWO("125") FAR NET(", talk: 4, pause: 500ms"));

	(void)state;
	assert_true(near.a->waits + near.b->waits > 5);
	assert_int_equal(near.a->talked_over + near.b->talked_over, 0);
	/* Who hears two seconds late presses too early. */
	assert_true(far.a->talked_over + far.b->talked_over > 0);
	run_end(&near);
	run_end(&far);
}

/* 60 ms of frame and 270 of way are within 400, and not within 300. */
static void a_frame_that_is_late_is_not_in_time(void **state)
{
	struct run in_time =
		run_all(TWO("65") SATELLITE NET("") "expect:\n  - usable: {group: net, after: 9, at most: 1%}\n");
	struct run late = run_all(TWO("65")
			SATELLITE NET(", budget: 300ms") "expect:\n  - usable: {group: net, after: 9, at most: 1%}\n");
	char failure[PLAN_ERROR_MAX];

	(void)state;
	assert_true(in_time.trial->expect[0].is_met);
	assert_true(heard_by(&late, 0, 9).wanted > 50);
	assert_int_equal(heard_by(&late, 0, 9).in_time, 0);
	assert_true(late.a->late > 50);
	assert_true(trial_failure(late.trial, failure));
	assert_string_equal(failure, "net: at most 1 % not within 300 ms, after 9 s: a missed 100.0 %");
	run_end(&in_time);
	run_end(&late);
}

static void what_an_outage_takes_is_a_gap(void **state)
{
	struct run r = run_all(TWO("125") WIRE NET(
		", talk: 30, pause: 100ms") "events:\n  - {at: 40, do: silence l}\n  - {at: 50, do: restore l}\n"
					    "expect:\n  - usable: {group: net, after: 60, at most: 0%}\n"
					    "  - usable: {group: net, at most: 1%}\n");
	uint64_t gap_a_us = heard_by(&r, 0, 0).gap_us, gap_b_us = heard_by(&r, 1, 0).gap_us;

	(void)state;
	assert_in_range(gap_a_us > gap_b_us ? gap_a_us : gap_b_us, 2000000, 18000000);
	assert_true(r.trial->expect[0].is_met);
	assert_false(r.trial->expect[1].is_met);
	run_end(&r);
}

static void without_power_nobody_speaks_and_what_he_misses_counts(void **state)
{
	struct run r = run_all(TWO("65") WIRE NET("") "events:\n  - {at: 20, do: power-off b}\n");

	(void)state;
	for (uint32_t i = 0; i < r.b->sent; i++)
		assert_true(r.b->sent_us[i] < WORLD_START_US + 20 * SECOND_US);
	assert_true(heard_by(&r, 1, 20).wanted > 0);
	assert_int_equal(heard_by(&r, 1, 20).in_time, 0);
	run_end(&r);
}

static void voice_that_nobody_tried_is_not_usable(void **state)
{
	struct run r =
		run_all(TWO("20") WIRE NET(", end: 6") "expect:\n  - usable: {group: net, after: 10, at most: 5%}\n");
	char failure[PLAN_ERROR_MAX];

	(void)state;
	assert_true(trial_failure(r.trial, failure));
	assert_non_null(strstr(failure, ": nobody spoke"));
	run_end(&r);
}

/* --- calls ------------------------------------------------------------------------------- */

#define THREE                                                                                                          \
	"for: 60\nnodes: [{name: a}, {name: b}, {name: c}]\nlinks:\n"                                                  \
	"  - {name: l, preset: geo-satellite, fade: none, ends: [a:e0, b:e0]}\n"                                       \
	"  - {name: m, preset: geo-satellite, fade: none, ends: [c:e0, b:e1]}\n"

/* People can talk over one satellite and not over two: 0.06 + 0.27 and 0.06 + 0.54 seconds. */
static void a_call_needs_both_ways_within_the_budget(void **state)
{
	struct run r = run_all(THREE "expect:\n"
				     "  - reach: {from: a, to: b, class: voice, after: 8, within: 30}\n"
				     "  - reach: {from: a, to: c, class: voice, after: 8, within: 30}\n"
				     "  - reach: {from: a, to: c, class: command, after: 8, within: 30}\n");

	(void)state;
	assert_true(r.trial->expect[0].is_met);
	/* A hundred frames and what is waited for the last answer. */
	assert_true(r.trial->expect[0].measured > 6.7 && r.trial->expect[0].measured < 8);
	assert_false(r.trial->expect[1].is_met);
	assert_true(r.trial->expect[2].is_met);
	run_end(&r);
}

static void a_call_bears_five_percent_of_loss_and_not_twenty(void **state)
{
	static const char good[] =
		TWO("60") "  - {name: l, preset: fibre, loss: 1%, ends: [a:e0, b:e0]}\n"
			  "expect:\n  - reach: {from: a, to: b, class: voice, after: 8, within: 40}\n";
	static const char bad[] =
		TWO("60") "  - {name: l, preset: fibre, loss: 12%, ends: [a:e0, b:e0]}\n"
			  "expect:\n  - reach: {from: a, to: b, class: voice, after: 8, within: 40}\n";
	struct run light = run_all(good), heavy = run_all(bad);

	(void)state;
	assert_true(light.trial->expect[0].is_met);
	assert_false(heavy.trial->expect[0].is_met);
	run_end(&light);
	run_end(&heavy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_a_wire_all_is_heard_and_the_budget_of_speech_is_kept),
		cmocka_unit_test(nobody_presses_while_he_hears_somebody),
		cmocka_unit_test(a_frame_that_is_late_is_not_in_time),
		cmocka_unit_test(what_an_outage_takes_is_a_gap),
		cmocka_unit_test(without_power_nobody_speaks_and_what_he_misses_counts),
		cmocka_unit_test(voice_that_nobody_tried_is_not_usable),
		cmocka_unit_test(a_call_needs_both_ways_within_the_budget),
		cmocka_unit_test(a_call_bears_five_percent_of_loss_and_not_twenty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
