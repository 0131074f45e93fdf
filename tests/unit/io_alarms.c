/* Alarms of a real node in a small world: what is cut off is told once, with what to do, and is over when it is. */
#include "tests/unit/io_world.h"

/* The world goes on, and is looked at as often as the loop does. */
static void passes(struct world *w, struct daemon *d, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		world_run(w, SECOND_US);
		alarms_tick(d, w->now_us);
	}
}

/* NULL: it is not raised. */
static const json_t *alarm_named(const json_t *answer, const char *name)
{
	const json_t *alarm;
	size_t i;

	json_array_foreach (json_object_get(answer, "alarms"), i, alarm) {
		assert_true(*text_of(alarm, "text") && *text_of(alarm, "action"));
		if (strcmp(text_of(alarm, "name"), name) == 0)
			return alarm;
	}
	return NULL;
}

static const json_t *level_named(const json_t *answer, const char *name)
{
	const json_t *level;
	size_t i;

	json_array_foreach (json_object_get(answer, "levels"), i, level)
		if (strcmp(text_of(level, "level"), name) == 0)
			return level;
	fail_msg("no level %s", name);
	return NULL;
}

static void what_works_raises_nothing(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 40);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "alarms")), 0);
	assert_int_equal(said(*state, "alarm-"), 0);
	json_decref(answer);
	world_free(w);
}

static void only_what_was_tested_lately_is_green(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 40);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	/* The relay is a neighbour; the city is behind it, and nobody asked it anything. */
	assert_string_equal(text_of(level_named(answer, "town"), "state"), "works");
	assert_string_equal(text_of(level_named(answer, "city"), "state"), "unknown");
	assert_true(json_is_null(json_object_get(level_named(answer, "city"), "tested_s")));
	assert_string_equal(text_of(level_named(answer, "district"), "state"), "nobody");
	json_decref(answer);
	json_decref(asked(d, "{\"request\": \"reach\", \"dest\": \"city-1\", \"class\": \"text\", \"start\": true}"));
	w->now_us = io_now_us(); /* when that was asked */
	world_run(w, 3 * SECOND_US);
	answer = asked(d, "{\"request\": \"alarms\"}");
	assert_string_equal(text_of(level_named(answer, "city"), "state"), "works");
	json_decref(answer);
	world_free(w);
}

static void who_is_alone_hears_of_one_alarm_and_of_its_end(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 15);
	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = true;
	passes(w, d, 44); /* which is about now, for the answers */
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_non_null(alarm_named(answer, "alone"));
	assert_true(json_is_null(json_object_get(alarm_named(answer, "alone"), "under")));
	assert_string_equal(text_of(alarm_named(answer, "alone"), "grade"), "red");
	assert_string_equal(text_of(alarm_named(answer, "level-cut-off city"), "under"), "alone");
	assert_string_equal(text_of(level_named(answer, "city"), "state"), "cut-off");
	json_decref(answer);
	assert_int_equal(said(*state, "alarm-red alone: "), 1);
	assert_int_equal(said(*state, "alarm-red"), 1);
	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = false;
	passes(w, d, 60);
	answer = asked(d, "{\"request\": \"alarms\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "alarms")), 0);
	assert_true(json_array_size(json_object_get(answer, "over")) >= 1);
	json_decref(answer);
	assert_int_equal(said(*state, "alarm-over alone: it lasted "), 1);
	world_free(w);
}

static void who_is_turned_away_is_told_with_the_link(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 20);
	alarms_event(d, NODE_REFUSED, 0, "a node with a certificate that is foreign");
	d->watch.refused_us = w->now_us;
	passes(w, d, 6);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	says(text_of(alarm_named(answer, "refused"), "text"), "on radio0: a node with a certificate that is foreign");
	json_decref(answer);
	world_free(w);
}

static void neighbours_that_come_and_go_are_told(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 20);
	for (unsigned i = 0; i < ALARM_LOSSES; i++) {
		json_t *answer = asked(d, "{\"request\": \"alarms\"}");
		assert_null(alarm_named(answer, "link-flapping radio0"));
		json_decref(answer);
		alarms_event(d, NODE_NEIGHBOUR_DOWN, 0, "");
		d->watch.lost_us[0][i] = w->now_us;
		passes(w, d, 5);
	}
	passes(w, d, 5);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_non_null(alarm_named(answer, "link-flapping radio0"));
	json_decref(answer);
	world_free(w);
}

static void a_silence_is_asked_for_by_name_and_span(void **state)
{
	static const char *const wrong[] = { "{\"request\": \"silence\"}",
		"{\"request\": \"silence\", \"kind\": \"nothing\", \"for_s\": 60}",
		"{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": 86401}",
		"{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": -1}",
		"{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": 0}" };
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	json_t *answer;

	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = true;
	passes(w, d, 40);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer = asked(d, wrong[i]);
		assert_false(json_is_true(json_object_get(answer, "ok")));
		json_decref(answer);
	}
	answer = asked(d, "{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": 600}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	answer = asked(d, "{\"request\": \"alarms\"}");
	json_int_t left_s = json_integer_value(json_object_get(alarm_named(answer, "alone"), "silent_s"));
	assert_true(left_s > 590 && left_s <= 600);
	json_decref(answer);
	assert_int_equal(said(*state, "silence alone: for 600 s"), 1);
	world_free(w);
}

static void a_silence_survives_a_restart(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	assert_int_equal(state_open(d, d->error), 0);
	json_decref(asked(d, "{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": 600}"));
	state_close(d);
	memset(&d->watch.alarms, 0, sizeof(d->watch.alarms));
	state_silences_restore(d);
	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = true;
	passes(w, d, 40);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_true(json_integer_value(json_object_get(alarm_named(answer, "alone"), "silent_s")) > 500);
	json_decref(answer);
	world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_works_raises_nothing),
		TEST(only_what_was_tested_lately_is_green),
		TEST(who_is_alone_hears_of_one_alarm_and_of_its_end),
		TEST(who_is_turned_away_is_told_with_the_link),
		TEST(neighbours_that_come_and_go_are_told),
		TEST(a_silence_is_asked_for_by_name_and_span),
		TEST(a_silence_survives_a_restart),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
