/* The judge must be able to say no: each promise is broken alone, and its row alone falls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/demo/judge.h"
#include "sim/demo/picture.h"
#include "sim/demo/tools.h"

#include <stdlib.h>
#include <string.h>

#define WALL 1790000000000000ull /* wall clock less monotonic */
#define SECONDS(s) ((uint64_t)((s)*1000000.0))
#define BEGIN_S 0
#define POWER_ON_S 10
#define FLOW_S 40
#define SILENCE_S 44
#define GAP_S 4.5
#define END_S 54
#define DEAD_S 55 /* 4G, too */
#define TEXT_S 64

enum row { PING, IMAGE, HASH, WAY, BEFORE, AFTER, GAP, TEXT, SEALED, PROOF, RUN, ROWS };
enum station { VEHICLE = 1, RELAY, SCENE, GATE };

static uint64_t zero_us; /* when the imagined run began */
static uint8_t picture[PICTURE_MIN];

static uint64_t at(double seconds)
{
	return zero_us + SECONDS(seconds);
}

static void frames_add(
	struct report *r, enum report_link link, uint8_t from, double start_s, double end_s, double every_s, size_t len)
{
	uint8_t frame[1500] = { 0 };

	frame[11] = from;
	for (double s = start_s; s < end_s; s += every_s)
		capture_frame(r->captures[link], at(s) + WALL, bytes_of(frame, len));
}

static void flow_add(struct flow_view *v, double gap_s)
{
	v->record.samples = calloc(FLOW_SAMPLES_MAX, sizeof(struct flow_sample));
	for (uint64_t us = at(FLOW_S); us < at(END_S); us += FLOW_INTERVAL_US) {
		uint64_t seq = v->record.sent++;

		if (us < at(SILENCE_S) || us >= at(SILENCE_S + gap_s))
			v->record.samples[v->record.count++] = (struct flow_sample){ seq, us, us + 40000 };
	}
}

static json_t *us(double seconds)
{
	return json_integer((json_int_t)at(seconds));
}

static json_t *facts_make(void)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:{s:o, s:i}, s:{s:o}, s:{s:o}, s:{s:s, s:s, s:s, s:s}, s:o, s:{s:o, s:i}}",
		"begin_us", us(BEGIN_S), "power_on_us", us(POWER_ON_S), "silence_us", us(SILENCE_S), "flow_us",
		us(FLOW_S), "flow_end_us", us(END_S), "first_ping", "answered_us", us(POWER_ON_S + 3), "rtt_us", 600000,
		"image_sent", "start_us", us(20), "image_received", "done_us", us(30), "stations", "vehicle-1 sat0",
		"00:00:00:00:00:01", "backpack-relay radio0", "00:00:00:00:00:02", "backpack-relay cell0",
		"00:00:00:00:00:02", "backpack-scene radio0", "00:00:00:00:00:03", "dead_us", us(DEAD_S),
		"text_received", "done_us", us(TEXT_S), "bytes", 199);
}

/* A run in which everything held. */
static struct report *run_make(void)
{
	struct report *r = calloc(1, sizeof(*r));

	zero_us = now_us() - SECONDS(100);
	r->facts = facts_make();
	r->result = json_object();
	r->wall_offset_us = WALL;
	r->power_on_us = at(POWER_ON_S);
	r->silence_us = at(SILENCE_S);
	for (unsigned i = 0; i < REPORT_LINKS; i++) {
		r->captures[i] = calloc(1, sizeof(struct capture));
		r->captures[i]->start_us = zero_us + WALL;
		frames_add(r, (enum report_link)i, GATE, 1, 2, 0.5, 100);
	}
	for (unsigned kind = 0; kind < SCAN_KINDS; kind++)
		r->captures[LINK_CLEAR]->hits.of[kind] = 1;
	frames_add(r, LINK_RADIO, SCENE, 20, 30, 0.01, 1400);
	frames_add(r, LINK_RADIO, RELAY, 20, 30, 0.01, 1400);
	frames_add(r, LINK_SATELLITE, VEHICLE, 20, 30, 0.01, 1400);
	frames_add(r, LINK_SATELLITE, VEHICLE, FLOW_S, SILENCE_S + GAP_S, 0.01, 323);
	frames_add(r, LINK_SATELLITE, GATE, FLOW_S, SILENCE_S, 0.01, 323);
	frames_add(r, LINK_CELLULAR, RELAY, SILENCE_S + GAP_S, END_S, 0.01, 323);
	frames_add(r, LINK_CELLULAR, GATE, SILENCE_S + GAP_S, END_S, 0.01, 323);
	flow_add(&r->flows[0], GAP_S);
	flow_add(&r->flows[1], GAP_S);
	r->picture = malloc(sizeof(picture));
	memcpy(r->picture, picture, sizeof(picture));
	r->picture_len = sizeof(picture);
	return r;
}

static void run_free(struct report *r)
{
	for (unsigned i = 0; i < REPORT_LINKS; i++)
		free(r->captures[i]);
	for (unsigned i = 0; i < 2; i++)
		flow_record_done(&r->flows[i].record);
	free(r->picture);
	json_decref(r->facts);
	json_decref(r->result);
	free(r);
}

/* Judges and frees; `broken` is the bit set of rows that must fall, and no other may. */
static void falls(struct report *r, unsigned broken)
{
	judge_all(r, bytes_of(picture, sizeof(picture)));
	assert_int_equal(r->row_count, ROWS);
	for (unsigned i = 0; i < ROWS; i++)
		if (r->rows[i].held == (broken >> i & 1))
			fail_msg("row \"%s\" (%s) %s", r->rows[i].what, r->rows[i].measured,
				r->rows[i].held ? "held" : "fell");
	assert_int_equal(report_held(r), broken == 0);
	run_free(r);
}

#define ONLY(row) (1u << (row))

static void a_good_run_holds_and_its_figures_are_computed(void **state)
{
	struct report *r = run_make();

	(void)state;
	judge_all(r, bytes_of(picture, sizeof(picture)));
	assert_true(report_held(r));
	assert_float_equal(json_number_value(json_object_get(r->result, "restored_s")), 3, 0.001);
	assert_float_equal(json_number_value(json_object_get(r->result, "image_s")), 20, 0.001);
	assert_float_equal(json_number_value(json_object_get(r->result, "image_transfer_s")), 10, 0.001);
	assert_float_equal(json_number_value(json_object_get(r->result, "failover_gap_s")), GAP_S, 0.011);
	assert_true(json_is_true(json_object_get(r->result, "image_sha256_ok")));
	assert_int_equal(json_integer_value(json_object_get(r->result, "plaintext_hits")), 0);
	run_free(r);
}

static void a_late_first_ping_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	json_object_set_new(json_object_get(r->facts, "first_ping"), "answered_us", us(POWER_ON_S + 15.1));
	falls(r, ONLY(PING));
}

static void a_late_picture_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	json_object_set_new(json_object_get(r->facts, "image_received"), "done_us", us(POWER_ON_S + 60.1));
	falls(r, ONLY(IMAGE));
}

static void one_wrong_bit_in_the_picture_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	r->picture[777] ^= 1;
	falls(r, ONLY(HASH));
}

static void a_short_picture_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	r->picture_len--;
	falls(r, ONLY(HASH));
}

static void another_way_than_radio_radio_satellite_falls(void **state)
{
	static const struct {
		enum report_link link;
		uint8_t station;
	} hops[] = { { LINK_RADIO, SCENE }, { LINK_RADIO, RELAY } };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct report *r = run_make();
		const uint8_t mac[6] = { 0, 0, 0, 0, 0, hops[i].station };
		struct capture_station *s =
			(struct capture_station *)(uintptr_t)capture_station_find(r->captures[hops[i].link], mac);

		memset(s->payload_bytes, 0, sizeof(s->payload_bytes));
		falls(r, ONLY(WAY));
	}
}

static void a_flow_that_was_on_4g_already_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	frames_add(r, LINK_CELLULAR, RELAY, FLOW_S, SILENCE_S, 0.01, 323);
	falls(r, ONLY(BEFORE));
}

static void a_flow_that_is_not_on_4g_afterwards_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	frames_add(r, LINK_SATELLITE, GATE, END_S - 3, END_S, 0.01, 323);
	falls(r, ONLY(AFTER));
}

static void a_long_gap_in_one_direction_falls(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct report *r = run_make();

		flow_record_done(&r->flows[i].record);
		flow_add(&r->flows[i], 6.1);
		falls(r, ONLY(GAP));
	}
}

static void a_gap_that_does_not_end_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	flow_record_done(&r->flows[1].record);
	flow_add(&r->flows[1], END_S - SILENCE_S);
	falls(r, ONLY(GAP));
}

static void a_late_text_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	json_object_set_new(json_object_get(r->facts, "text_received"), "done_us", us(DEAD_S + 60.1));
	falls(r, ONLY(TEXT));
}

static void a_text_from_before_everything_was_dead_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	json_object_set_new(json_object_get(r->facts, "text_received"), "done_us", us(DEAD_S - 1));
	falls(r, ONLY(TEXT));
	r = run_make();
	json_object_set_new(r->facts, "dead_us", us(SILENCE_S - 1));
	falls(r, ONLY(TEXT));
}

static void one_readable_place_on_any_sealed_link_falls(void **state)
{
	(void)state;
	for (unsigned link = 0; link < LINK_CLEAR; link++)
		for (unsigned kind = 0; kind < SCAN_KINDS; kind++) {
			struct report *r = run_make();

			r->captures[link]->hits.of[kind] = 1;
			falls(r, ONLY(SEALED));
		}
}

static void a_missing_or_cut_capture_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	free(r->captures[LINK_INTERNET]);
	r->captures[LINK_INTERNET] = NULL;
	falls(r, ONLY(SEALED));
	r = run_make();
	r->captures[LINK_INTERNET]->frames_cut = 1;
	falls(r, ONLY(SEALED));
}

static void a_scanner_that_misses_a_kind_falls(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < SCAN_KINDS; kind++) {
		struct report *r = run_make();

		r->captures[LINK_CLEAR]->hits.of[kind] = 0;
		falls(r, ONLY(PROOF));
	}
}

static void a_slow_run_falls(void **state)
{
	struct report *r = run_make();

	(void)state;
	json_object_set_new(r->facts, "begin_us", json_integer((json_int_t)(now_us() - SECONDS(181))));
	falls(r, ONLY(RUN));
}

static void a_step_that_broke_falls_whatever_the_figures_say(void **state)
{
	struct report *r = run_make();

	(void)state;
	json_object_set_new(r->facts, "broken", json_string("the town still answers"));
	judge_all(r, bytes_of(picture, sizeof(picture)));
	assert_false(report_held(r));
	run_free(r);
}

static void a_run_that_stopped_at_once_holds_nothing_it_did_not_reach(void **state)
{
	struct report r = { .facts = json_object(), .result = json_object() };

	(void)state;
	judge_all(&r, bytes_of(NULL, 0));
	for (unsigned i = 0; i < ROWS; i++)
		assert_false(r.rows[i].held);
	json_decref(r.facts);
	json_decref(r.result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_run_holds_and_its_figures_are_computed),
		cmocka_unit_test(a_late_first_ping_falls),
		cmocka_unit_test(a_late_picture_falls),
		cmocka_unit_test(one_wrong_bit_in_the_picture_falls),
		cmocka_unit_test(a_short_picture_falls),
		cmocka_unit_test(another_way_than_radio_radio_satellite_falls),
		cmocka_unit_test(a_flow_that_was_on_4g_already_falls),
		cmocka_unit_test(a_flow_that_is_not_on_4g_afterwards_falls),
		cmocka_unit_test(a_long_gap_in_one_direction_falls),
		cmocka_unit_test(a_gap_that_does_not_end_falls),
		cmocka_unit_test(a_late_text_falls),
		cmocka_unit_test(a_text_from_before_everything_was_dead_falls),
		cmocka_unit_test(one_readable_place_on_any_sealed_link_falls),
		cmocka_unit_test(a_missing_or_cut_capture_falls),
		cmocka_unit_test(a_scanner_that_misses_a_kind_falls),
		cmocka_unit_test(a_slow_run_falls),
		cmocka_unit_test(a_step_that_broke_falls_whatever_the_figures_say),
		cmocka_unit_test(a_run_that_stopped_at_once_holds_nothing_it_did_not_reach),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
