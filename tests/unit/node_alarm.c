/* Alarms: hysteresis, one cause one alarm, silences that end, and a table that others cannot fill for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/node/alarm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

static struct {
	struct alarms a;
	uint64_t now_us;
	unsigned raised, over;
	char said[256]; /* what was raised last */
} w;

static int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.now_us = 1000 * SECOND;
	*state = &w;
	return 0;
}

static void changed(void *arg, const struct alarm *alarm)
{
	assert_ptr_equal(arg, &w);
	if (alarm->phase == ALARM_OVER) {
		w.over++;
		return;
	}
	assert_int_equal(alarm->phase, ALARM_RAISED);
	w.raised++;
	snprintf(w.said, sizeof(w.said), "%s %s", alarm_kind_name(alarm->kind), alarm->subject);
}

/* What is wrong while time passes, looked at each second. */
struct wrong {
	enum alarm_kind kind;
	const char *subject, *group;
};

static void pass(unsigned seconds, const struct wrong *wrongs, unsigned count)
{
	for (unsigned i = 0; i < seconds; i++) {
		w.now_us += SECOND;
		alarms_look(&w.a);
		for (unsigned j = 0; j < count; j++)
			alarm_see(&w.a, w.now_us, wrongs[j].kind, wrongs[j].subject, wrongs[j].group, "what", "do");
		alarms_done(&w.a, w.now_us, changed, &w);
	}
}

static const struct wrong sat_down = { ALARM_LINK, "sat0", "" }, city_off = { ALARM_LEVEL, "city", "" };

static const struct alarm *raised(enum alarm_kind kind)
{
	for (unsigned i = 0; i < ALARM_MAX; i++)
		if (w.a.all[i].phase == ALARM_RAISED && w.a.all[i].kind == kind)
			return &w.a.all[i];
	return NULL;
}

static void what_is_short_is_no_alarm(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		pass(14, &sat_down, 1);
		pass(1, NULL, 0);
	}
	assert_int_equal(w.raised, 0);
}

static void what_lasts_is_one_alarm_and_has_an_end(void **state)
{
	(void)state;
	pass(120, &sat_down, 1);
	assert_int_equal(w.raised, 1);
	assert_string_equal(w.said, "link-down sat0");
	pass(9, NULL, 0);
	assert_int_equal(w.over, 0);
	pass(1, NULL, 0);
	assert_int_equal(w.over, 1);
	assert_null(raised(ALARM_LINK));
}

static void a_pause_does_not_end_it(void **state)
{
	(void)state;
	pass(20, &sat_down, 1);
	for (unsigned i = 0; i < 20; i++) {
		pass(9, NULL, 0);
		pass(1, &sat_down, 1);
	}
	assert_int_equal(w.raised, 1);
	assert_int_equal(w.over, 0);
}

static void one_cause_is_one_alarm(void **state)
{
	const struct wrong all[] = { { ALARM_LINK, "sat0", "" }, { ALARM_LINK, "radio0", "" },
		{ ALARM_POST, "city-1", "city" }, { ALARM_LEVEL, "city", "" }, { ALARM_LEVEL, "town", "" },
		{ ALARM_ALONE, "", "" } };

	(void)state;
	pass(14, all, 5);
	pass(60, all, 6);
	/* The links were told before anything worse was known. */
	assert_non_null(raised(ALARM_POST));
	assert_int_equal(w.a.all[raised(ALARM_POST)->under].kind, ALARM_ALONE);
	assert_int_equal(w.a.all[raised(ALARM_LINK)->under].kind, ALARM_ALONE);
	assert_int_equal(raised(ALARM_ALONE)->under, ALARM_NONE);
	assert_int_equal(w.raised, 2 + 2 + 1);
	pass(60, &all[5], 1);
	assert_int_equal(w.raised, 5);
}

static void a_post_is_under_its_own_level_only(void **state)
{
	const struct wrong all[] = { { ALARM_LEVEL, "city", "" }, { ALARM_POST, "city-1", "city" },
		{ ALARM_POST, "town-1", "town" } };

	(void)state;
	pass(60, all, 3);
	assert_int_equal(w.raised, 2);
	assert_string_equal(w.said, "post-cut-off town-1");
}

static void what_was_under_another_is_told_when_it_stays(void **state)
{
	const struct wrong both[] = { { ALARM_ALONE, "", "" }, { ALARM_LEVEL, "city", "" } };

	(void)state;
	pass(60, both, 2);
	assert_int_equal(w.raised, 1);
	pass(10, &both[1], 1);
	assert_int_equal(w.over, 1);
	assert_int_equal(w.raised, 2);
	assert_string_equal(w.said, "level-cut-off city");
}

static void a_link_that_went_long_before_is_another_matter(void **state)
{
	const struct wrong both[] = { sat_down, city_off };

	(void)state;
	pass(300, both, 1);
	pass(60, both, 2);
	assert_int_equal(raised(ALARM_LINK)->under, ALARM_NONE);
	assert_int_equal(w.raised, 2);
}

/* What is under what, on the same link and on another one. */
static void what_has_the_same_cause_is_under_it(void **state)
{
	static const struct {
		struct wrong what, graver;
		bool is_under;
	} cases[] = {
		{ { ALARM_ONE_WAY, "radio0", "" }, { ALARM_REFUSED, "radio0", "" }, true },
		{ { ALARM_ONE_WAY, "radio1", "" }, { ALARM_REFUSED, "radio0", "" }, false },
		{ { ALARM_ONE_WAY, "radio0", "" }, { ALARM_LINK, "radio0", "" }, true },
		{ { ALARM_FLAPPING, "radio0", "" }, { ALARM_LINK, "radio0", "" }, true },
		{ { ALARM_WORSE, "radio0", "" }, { ALARM_FLAPPING, "radio0", "" }, true },
		{ { ALARM_WORSE, "radio0", "" }, { ALARM_FLAPPING, "radio1", "" }, false },
		{ { ALARM_WORSE, "radio0", "" }, { ALARM_ONE_WAY, "radio0", "" }, true },
		{ { ALARM_FULL, "nb0", "" }, { ALARM_BUDGET, "nb0", "" }, true },
		{ { ALARM_FULL, "nb0", "" }, { ALARM_BUDGET, "nb1", "" }, false },
		{ { ALARM_PATH, "relay-2", "" }, { ALARM_LINK, "sat0", "" }, true },
		{ { ALARM_PREFIX, "10.1.0.0/16", "" }, { ALARM_LINK, "sat0", "" }, false },
		{ { ALARM_CLOCK, "", "" }, { ALARM_ALONE, "", "" }, false },
		{ { ALARM_MESSAGE, "city-1", "city" }, { ALARM_POST, "city-1", "city" }, true },
		{ { ALARM_MESSAGE, "city-1", "city" }, { ALARM_POST, "city-2", "city" }, false },
		{ { ALARM_MESSAGE, "city-1", "city" }, { ALARM_LEVEL, "city", "" }, true },
		{ { ALARM_MESSAGE, "city-1", "city" }, { ALARM_LEVEL, "town", "" }, false },
		{ { ALARM_MESSAGE, "city-1", "city" }, { ALARM_LINK, "sat0", "" }, false },
		{ { ALARM_FOREIGN, "radio0", "" }, { ALARM_ALONE, "", "" }, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct wrong both[] = { cases[i].what, cases[i].graver };

		setup(state);
		pass(120, both, 2);
		assert_non_null(raised(both[0].kind));
		assert_int_equal(raised(both[0].kind)->under != ALARM_NONE, cases[i].is_under);
		if (cases[i].is_under)
			assert_int_equal(w.a.all[raised(both[0].kind)->under].kind, both[1].kind);
	}
}

static void the_last_way_has_not_the_cause_of_a_link_that_went_long_before(void **state)
{
	const struct wrong both[] = { sat_down, { ALARM_PATH, "relay-2", "" } };

	(void)state;
	pass(300, both, 1);
	pass(60, both, 2);
	assert_int_equal(raised(ALARM_PATH)->under, ALARM_NONE);
	assert_string_equal(w.said, "one-path-left relay-2");
}

static void a_silence_is_for_its_subject_and_ends_by_itself(void **state)
{
	const struct wrong both[] = { { ALARM_LINK, "sat0", "" }, { ALARM_LINK, "radio0", "" } };
	unsigned silent = 0;

	(void)state;
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_LINK, "sat0", w.now_us + 100 * SECOND), 0);
	pass(60, both, 2);
	for (unsigned i = 0; i < ALARM_MAX; i++)
		if (w.a.all[i].phase == ALARM_RAISED && alarm_silent_until(&w.a, w.now_us, &w.a.all[i])) {
			assert_string_equal(w.a.all[i].subject, "sat0");
			silent++;
		}
	assert_int_equal(silent, 1);
	assert_int_equal(w.raised, 2);
	pass(60, both, 2);
	for (unsigned i = 0; i < ALARM_MAX; i++)
		assert_int_equal(alarm_silent_until(&w.a, w.now_us, &w.a.all[i]), 0);
}

static void a_silence_may_be_changed_and_ended(void **state)
{
	const struct alarm *alarm;

	(void)state;
	pass(60, &sat_down, 1);
	alarm = raised(ALARM_LINK);
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_LINK, "", 0), -ENOENT);
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_LINK, "", w.now_us + 900 * SECOND), 0);
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_LINK, "", w.now_us + 5 * SECOND), 0);
	assert_int_equal(alarm_silent_until(&w.a, w.now_us, alarm), w.now_us + 5 * SECOND);
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_LINK, "", 0), 0);
	assert_int_equal(alarm_silent_until(&w.a, w.now_us, alarm), 0);
}

static void silences_are_bounded(void **state)
{
	char subject[16];

	(void)state;
	for (unsigned i = 0; i < ALARM_SILENCE_MAX; i++) {
		snprintf(subject, sizeof(subject), "l%u", i);
		assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_LINK, subject, w.now_us + SECOND), 0);
	}
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_LINK, "more", w.now_us + SECOND), -ENOSPC);
	assert_int_equal(alarm_silence(&w.a, w.now_us + SECOND, ALARM_LINK, "more", w.now_us + 2 * SECOND), 0);
}

static void too_many_are_counted_and_those_that_are_over_make_room(void **state)
{
	static char subjects[ALARM_MAX + 1][8];
	static struct wrong many[ALARM_MAX + 1];

	(void)state;
	for (unsigned i = 0; i <= ALARM_MAX; i++) {
		snprintf(subjects[i], sizeof(subjects[i]), "l%u", i);
		many[i] = (struct wrong){ ALARM_LINK, subjects[i], "" };
	}
	pass(60, many, ALARM_MAX + 1);
	assert_int_equal(w.raised, ALARM_MAX);
	assert_true(w.a.unplaced > 0);
	pass(20, NULL, 0);
	pass(60, &city_off, 1);
	assert_string_equal(w.said, "level-cut-off city");
}

static void every_kind_has_a_name_that_leads_back(void **state)
{
	enum alarm_kind kind;

	(void)state;
	for (unsigned i = 0; i < ALARM_KINDS; i++) {
		assert_true(alarm_kind_parse(&kind, alarm_kind_name((enum alarm_kind)i)));
		assert_int_equal(kind, i);
	}
	assert_false(alarm_kind_parse(&kind, "nothing"));
}

/* --- over a restart ------------------------------------------------------------------------------ */

#define DATE 1790000000ull

static uint64_t silent_s(const struct alarms *a, enum alarm_kind kind, const char *subject)
{
	struct alarm alarm = { .phase = ALARM_RAISED, .kind = kind };

	snprintf(alarm.subject, sizeof(alarm.subject), "%s", subject);
	uint64_t until_us = alarm_silent_until(a, w.now_us, &alarm);
	return until_us ? (until_us - w.now_us) / SECOND : 0;
}

static size_t silences_kept(uint8_t kept[ALARM_SILENCES_SIZE])
{
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_LINK, "sat0", w.now_us + 3600 * SECOND), 0);
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_ALONE, "", w.now_us + 600 * SECOND), 0);
	assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_MTU, "", w.now_us - SECOND), 0); /* over */
	size_t len = alarm_silences_write(&w.a, w.now_us, DATE, kept, ALARM_SILENCES_SIZE);
	assert_true(len > 0);
	return len;
}

static void silences_go_on_over_a_restart_less_the_pause(void **state)
{
	static const struct {
		uint64_t pause_s, link_s, alone_s;
	} cases[] = { { 0, 3600, 600 }, { 100, 3500, 500 }, { 600, 3000, 0 }, { 3600, 0, 0 },
		{ 50 * 365 * 86400ull, 3600, 600 } /* a wrong clock */ };
	uint8_t kept[ALARM_SILENCES_SIZE];
	size_t len = silences_kept(kept);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct alarms a = { 0 };

		w.now_us = 5 * SECOND; /* the clock of another process */
		assert_int_equal(alarm_silences_read(&a, w.now_us, DATE + cases[i].pause_s, bytes_of(kept, len)), 0);
		assert_int_equal(silent_s(&a, ALARM_LINK, "sat0"), cases[i].link_s);
		assert_int_equal(silent_s(&a, ALARM_ALONE, ""), cases[i].alone_s);
		assert_int_equal(silent_s(&a, ALARM_MTU, "x"), 0);
	}
}

static void damaged_silences_are_refused_and_nothing_is_taken(void **state)
{
	uint8_t kept[ALARM_SILENCES_SIZE], damaged[ALARM_SILENCES_SIZE];
	size_t len = silences_kept(kept);
	struct alarms a = { 0 }, none = { 0 };

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(alarm_silences_read(&a, w.now_us, DATE, bytes_of(kept, cut)), -EBADMSG);
	memcpy(damaged, kept, len);
	damaged[0]++;
	assert_int_equal(alarm_silences_read(&a, w.now_us, DATE, bytes_of(damaged, len)), -EBADMSG);
	memcpy(damaged, kept, len);
	damaged[9] = ALARM_SILENCE_MAX + 1;
	assert_int_equal(alarm_silences_read(&a, w.now_us, DATE, bytes_of(damaged, len)), -EBADMSG);
	memcpy(damaged, kept, len);
	damaged[len] = 0;
	assert_int_equal(alarm_silences_read(&a, w.now_us, DATE, bytes_of(damaged, len + 1)), -EBADMSG);
	assert_memory_equal(&a, &none, sizeof(a));
}

static void as_many_as_there_may_be_fit(void **state)
{
	uint8_t kept[ALARM_SILENCES_SIZE];
	struct alarms a = { 0 };

	(void)state;
	for (unsigned i = 0; i < ALARM_SILENCE_MAX; i++) {
		char subject[ALARM_SUBJECT_MAX];

		memset(subject, 'a' + (int)i, sizeof(subject) - 1);
		subject[sizeof(subject) - 1] = 0;
		assert_int_equal(alarm_silence(&w.a, w.now_us, ALARM_STATE, subject, w.now_us + 60 * SECOND), 0);
	}
	size_t len = alarm_silences_write(&w.a, w.now_us, DATE, kept, sizeof(kept));
	assert_true(len > 0);
	assert_int_equal(alarm_silences_read(&a, w.now_us, DATE, bytes_of(kept, len)), 0);
	assert_memory_equal(a.silences, w.a.silences, sizeof(a.silences));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_short_is_no_alarm, setup),
		cmocka_unit_test_setup(what_lasts_is_one_alarm_and_has_an_end, setup),
		cmocka_unit_test_setup(a_pause_does_not_end_it, setup),
		cmocka_unit_test_setup(one_cause_is_one_alarm, setup),
		cmocka_unit_test_setup(a_post_is_under_its_own_level_only, setup),
		cmocka_unit_test_setup(what_was_under_another_is_told_when_it_stays, setup),
		cmocka_unit_test_setup(a_link_that_went_long_before_is_another_matter, setup),
		cmocka_unit_test_setup(what_has_the_same_cause_is_under_it, setup),
		cmocka_unit_test_setup(the_last_way_has_not_the_cause_of_a_link_that_went_long_before, setup),
		cmocka_unit_test_setup(a_silence_is_for_its_subject_and_ends_by_itself, setup),
		cmocka_unit_test_setup(a_silence_may_be_changed_and_ended, setup),
		cmocka_unit_test_setup(silences_are_bounded, setup),
		cmocka_unit_test_setup(too_many_are_counted_and_those_that_are_over_make_room, setup),
		cmocka_unit_test_setup(every_kind_has_a_name_that_leads_back, setup),
		cmocka_unit_test_setup(silences_go_on_over_a_restart_less_the_pause, setup),
		cmocka_unit_test_setup(damaged_silences_are_refused_and_nothing_is_taken, setup),
		cmocka_unit_test_setup(as_many_as_there_may_be_fit, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
