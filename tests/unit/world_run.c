/* Worlds in virtual time: the same again from the same seed; what links, power, NAT boxes and the oracle do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/trial.h"

#include <sodium.h>
#include <string.h>

#define PAIR(link) "for: 40\nnodes: [{name: a}, {name: b}]\nlinks:\n  - " link "\n"
#define RADIO PAIR("{name: l, preset: mesh-radio, ends: [a:r0, b:r0]}")
#define WIRE PAIR("{name: l, preset: fibre, ends: [a:f0, b:f0]}")
#define SATELLITE PAIR("{name: l, preset: geo-satellite, fade: none, ends: [a:s0, b:s0]}")

struct run {
	struct plan *plan;
	struct trial *trial;
	struct world *w;
	struct station *a, *b;
	struct segment *l;
};

static struct run run_begin(const char *yaml, uint64_t seed)
{
	char error[PLAN_ERROR_MAX];
	struct run r = { .plan = plan_parse("test", bytes_of(yaml, strlen(yaml)), error) };

	if (!r.plan)
		fail_msg("%s", error);
	r.trial = trial_new(r.plan, seed, NULL);
	assert_non_null(r.trial);
	r.w = r.trial->world;
	r.a = station_find(r.w, "a");
	r.b = station_find(r.w, "b");
	r.l = segment_find(r.w, "l");
	return r;
}

static void run_end(struct run *r)
{
	trial_free(r->trial);
	plan_free(r->plan);
}

static void run_until(struct run *r, double s)
{
	world_run(r->w, WORLD_START_US + (uint64_t)(s * 1e6));
}

static void digest_of(const char *yaml, uint64_t seed, uint8_t digest[WORLD_DIGEST_LEN])
{
	struct run r = run_begin(yaml, seed);

	trial_run(r.trial, NULL);
	assert_true(r.w->events > 100);
	memcpy(digest, r.w->digest, WORLD_DIGEST_LEN);
	run_end(&r);
}

static void the_same_seed_is_the_same_run(void **state)
{
	uint8_t first[WORLD_DIGEST_LEN], again[WORLD_DIGEST_LEN], other[WORLD_DIGEST_LEN];

	(void)state;
	digest_of(RADIO, 1, first);
	digest_of(RADIO, 1, again);
	digest_of(RADIO, 2, other);
	assert_memory_equal(first, again, sizeof(first));
	assert_memory_not_equal(first, other, sizeof(first));
}

static void a_wire_tells_of_its_cut_and_a_radio_does_not(void **state)
{
	struct run wire = run_begin(WIRE, 1), radio = run_begin(RADIO, 1);

	(void)state;
	run_until(&wire, 10);
	run_until(&radio, 10);
	assert_true(station_reaches(wire.a, wire.b) && station_reaches(radio.a, radio.b));
	segment_set_state(wire.l, LINK_CUT);
	segment_set_state(radio.l, LINK_SILENT);
	run_until(&wire, 10.11);
	run_until(&radio, 10.11);
	assert_false(station_reaches(wire.a, wire.b));
	assert_true(station_reaches(radio.a, radio.b));
	run_until(&radio, 12);
	assert_false(station_reaches(radio.a, radio.b));
	segment_set_state(wire.l, LINK_UP);
	run_until(&wire, 15);
	assert_true(station_reaches(wire.a, wire.b));
	run_end(&wire);
	run_end(&radio);
}

/* A frame takes 270 ms; what is on its way when the link falls silent is lost with it. */
static void frames_in_flight_are_lost_with_the_link(void **state)
{
	struct run r = run_begin(SATELLITE, 1);

	(void)state;
	run_until(&r, 20);
	assert_true(station_reaches(r.a, r.b));
	assert_false(list_is_empty(&r.w->in_flight));
	uint64_t lost = r.l->traffic.lost_frames, frames = r.l->traffic.frames;
	while (r.l->traffic.frames == frames)
		run_until(&r, (double)(world_time_us(r.w) + 10000) / 1e6);
	segment_set_state(r.l, LINK_SILENT);
	segment_set_state(r.l, LINK_UP);
	uint64_t until_us = world_time_us(r.w) + 300000;
	run_until(&r, (double)until_us / 1e6);
	assert_true(r.l->traffic.lost_frames > lost);
	run_end(&r);
}

static void power_off_forgets_all_but_the_disk(void **state)
{
	struct run r = run_begin(RADIO, 1);

	(void)state;
	run_until(&r, 10);
	assert_true(r.b->has_seqno);
	assert_int_equal(r.b->certificate_count, 1);
	station_power_off(r.b);
	assert_null(r.b->node);
	run_until(&r, 15);
	assert_false(station_reaches(r.a, r.b));
	station_power_on(r.b);
	run_until(&r, 25);
	assert_true(station_reaches(r.a, r.b) && station_reaches(r.b, r.a));
	station_power_off(r.b);
	station_wipe(r.b);
	assert_false(r.b->has_seqno);
	station_power_on(r.b);
	run_until(&r, 38);
	assert_true(station_reaches(r.a, r.b) && station_reaches(r.b, r.a));
	run_end(&r);
}

/* The terminal calls; nobody can call it. After a rebinding the city hears it from elsewhere. */
static void a_nat_box_gives_new_ports_and_the_session_goes_on(void **state)
{
	struct run r = run_begin(SATELLITE, 1);
	struct endpoint before = r.l->ends[0].outside;

	(void)state;
	assert_true(r.l->ends[0].has_nat);
	assert_false(r.l->ends[1].has_nat);
	run_until(&r, 20);
	assert_true(station_has_session(r.b, 0, r.a));
	assert_true(endpoint_equal(&before, &r.l->ends[0].outside));
	segment_forget_flows(r.l, r.a);
	assert_false(endpoint_equal(&before, &r.l->ends[0].outside));
	run_until(&r, 24);
	assert_true(station_reaches(r.a, r.b) && station_reaches(r.b, r.a));
	run_end(&r);
}

/* --- the oracle can fail --------------------------------------------------------------- */

static struct station *each_other(const struct station *s, const struct prefix *prefix, unsigned *link)
{
	struct world *w = s->w;

	(void)prefix;
	*link = 0;
	return w->stations[(s->index + 1) % w->station_count];
}

static void a_loop_is_found_and_told_in_words(void **state)
{
	char failure[PLAN_ERROR_MAX];
	struct run r = run_begin(RADIO, 1);

	(void)state;
	r.w->successor = each_other;
	run_until(&r, 10);
	assert_true(r.w->looks > 0);
	assert_int_equal(r.w->loops, r.w->looks);
	assert_non_null(strstr(r.w->loop, " goes "));
	assert_non_null(strstr(r.w->loop, "a > b > a"));
	assert_false(trial_is_passed(r.trial));
	assert_true(trial_failure(r.trial, failure));
	assert_int_equal(strncmp(failure, "no loop: at ", 12), 0);
	run_end(&r);
}

/* An emptied disk makes another origin of the same address (RFC 8966, 1.1). */
static void a_loop_between_two_lives_must_be_gone_in_ten_seconds(void **state)
{
	for (unsigned lasts = 0; lasts < 2; lasts++) {
		struct run r = run_begin(RADIO, 1);

		(void)state;
		r.a->wiped_us = r.b->wiped_us = r.w->now_us;
		r.w->successor = each_other;
		run_until(&r, 6);
		assert_true(r.w->shared_loops > 0);
		assert_int_equal(r.w->loops, 0);
		if (!lasts)
			r.w->successor = oracle_successor;
		run_until(&r, 17);
		assert_int_equal(r.w->loops > 0, lasts);
		run_end(&r);
	}
}

static void every_route_that_moves_is_looked_at(void **state)
{
	struct run r = run_begin(RADIO, 1);

	(void)state;
	run_until(&r, 10);
	assert_true(r.w->looks >= 2);
	assert_int_equal(r.w->loops, 0);
	run_end(&r);
}

static void a_nonce_that_is_used_again_fails_the_run(void **state)
{
	uint8_t frame[FRAME_OVERHEAD] = { FRAME_TYPE_DATA, 0, 0, 0, 9, 9, 9, 9, 7 };
	char failure[PLAN_ERROR_MAX];
	struct run r = run_begin(RADIO, 1);

	(void)state;
	for (unsigned session = 0; session < 100; session++) {
		frame[4] = (uint8_t)session;
		for (frame[8] = 1; frame[8] < 5; frame[8]++)
			nonce_check(r.a, bytes_of(frame, sizeof(frame)));
	}
	nonce_check(r.b, bytes_of(frame, sizeof(frame)));
	assert_int_equal(r.w->nonces_repeated, 0);
	frame[8] = 4;
	nonce_check(r.a, bytes_of(frame, sizeof(frame)));
	assert_int_equal(r.w->nonces_repeated, 1);
	assert_false(trial_is_passed(r.trial));
	assert_true(trial_failure(r.trial, failure));
	assert_string_equal(failure, "1 frames were sealed with a nonce that their key had seen");
	run_end(&r);
}

/* --- verdicts ------------------------------------------------------------------------------ */

static void expectations_that_are_not_met_are_named(void **state)
{
	static const char yaml[] = RADIO "events:\n  - {at: 10, do: silence l}\n"
					 "flows:\n  - {name: f, from: a, to: b, start: 5, end: 30}\n"
					 "expect:\n"
					 "  - reach: {from: a, to: b, within: 5}\n"
					 "  - reach: {from: a, to: b, after: 20, within: 5}\n"
					 "  - gap: {flow: f, at most: 19}\n"
					 "  - gap: {flow: f, at most: 21}\n"
					 "  - lost: {flow: f, at most: 70%}\n"
					 "  - lost: {flow: f, at most: 90%}\n"
					 "  - share: {link: l, at most: 0.001%}\n"
					 "  - share: {link: l, at most: 5%}\n";
	static const bool met[] = { true, false, false, true, false, true, false, true };
	struct run r = run_begin(yaml, 1);
	char failure[PLAN_ERROR_MAX];

	(void)state;
	trial_run(r.trial, NULL);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(r.trial->expect[i].is_met, met[i]);
	assert_true(trial_failure(r.trial, failure));
	assert_string_equal(failure, "reach b from a within 5 s of 20 s");
	assert_false(trial_is_passed(r.trial));
	run_end(&r);
}

/* Joined by a link that lets nothing through: they should reach each other, and do not. */
static void a_mesh_that_is_not_whole_names_the_pair(void **state)
{
	static const char yaml[] =
		RADIO "events:\n  - {at: 10, do: set l loss=100%}\n"
		      "expect:\n  - whole: {after: 5, within: 5}\n  - whole: {after: 15, within: 5}\n";
	struct run r = run_begin(yaml, 1);

	(void)state;
	trial_run(r.trial, NULL);
	assert_true(r.trial->expect[0].is_met);
	assert_false(r.trial->expect[1].is_met);
	assert_string_equal(r.trial->expect[1].detail, "a does not reach b");
	run_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_is_the_same_run),
		cmocka_unit_test(a_wire_tells_of_its_cut_and_a_radio_does_not),
		cmocka_unit_test(frames_in_flight_are_lost_with_the_link),
		cmocka_unit_test(power_off_forgets_all_but_the_disk),
		cmocka_unit_test(a_nat_box_gives_new_ports_and_the_session_goes_on),
		cmocka_unit_test(a_loop_is_found_and_told_in_words),
		cmocka_unit_test(a_loop_between_two_lives_must_be_gone_in_ten_seconds),
		cmocka_unit_test(every_route_that_moves_is_looked_at),
		cmocka_unit_test(a_nonce_that_is_used_again_fails_the_run),
		cmocka_unit_test(expectations_that_are_not_met_are_named),
		cmocka_unit_test(a_mesh_that_is_not_whole_names_the_pair),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
