/* The outage clock, in virtual time: what begins an outage, what marks it, what ends it, and what survives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/node/outage.h"

#include <errno.h>
#include <string.h>

#define SECOND 1000000ull
#define DATE 1790000000ull /* when the clock of the tests stood at 1000 s */
#define TEXT 0
#define COMMAND 1
#define BULK 2

static struct {
	struct outages o;
	uint64_t now_us;
	bool route;
	bool works[OUTAGE_CLASSES];
} w;

static uint64_t date(void)
{
	return DATE + w.now_us / SECOND - 1000;
}

static int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.now_us = 1000 * SECOND;
	assert_int_equal(outages_add(&w.o, w.now_us, date(), "city"), 0);
	*state = &w;
	return 0;
}

static void all(bool works)
{
	w.route = w.works[TEXT] = w.works[COMMAND] = w.works[BULK] = works;
}

/* Looked at each second, probed every five. */
static void pass(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		w.now_us += SECOND;
		outage_route(&w.o, w.now_us, date(), 0, w.route);
		for (unsigned c = 0; c < OUTAGE_CLASSES && w.now_us / SECOND % 5 == 0; c++)
			outage_probed(&w.o, w.now_us, date(), 0, c, w.works[c]);
		outages_poll(&w.o, w.now_us);
	}
}

static void make_whole(void)
{
	all(true);
	pass(60);
	assert_false(w.o.sites[0].is_out);
	assert_int_equal(w.o.log_count, 1);
}

static const struct outage *last(void)
{
	return &w.o.log[(w.o.log_count - 1) % OUTAGE_LOG_MAX];
}

static void from_power_on_everything_is_timed(void **state)
{
	(void)state;
	pass(20);
	w.route = true;
	pass(3);
	w.works[TEXT] = true;
	pass(10);
	w.works[COMMAND] = true;
	pass(30);
	w.works[BULK] = true;
	pass(60);
	assert_int_equal(w.o.log_count, 1);
	assert_true(last()->is_start);
	assert_int_equal(last()->began_unix_s, DATE);
	assert_int_equal(last()->after_ms[OUTAGE_CONTACT], 21000);
	assert_int_equal(last()->after_ms[OUTAGE_TEXT], 25000);
	assert_int_equal(last()->after_ms[OUTAGE_VOICE], 35000);
	assert_int_equal(last()->after_ms[OUTAGE_PICTURE], 65000);
	assert_int_equal(last()->after_ms[OUTAGE_RESTORED], 65000);
}

static void pictures_that_never_come_are_not_waited_for(void **state)
{
	(void)state;
	w.route = w.works[TEXT] = w.works[COMMAND] = true;
	pass(590);
	assert_true(w.o.sites[0].is_out);
	pass(60);
	assert_int_equal(w.o.log_count, 1);
	assert_int_equal(last()->after_ms[OUTAGE_PICTURE], OUTAGE_NOT_YET);
}

static void an_outage_begins_when_the_route_went(void **state)
{
	(void)state;
	make_whole();
	uint64_t went_us = w.now_us + SECOND;
	all(false);
	pass(2);
	assert_false(w.o.sites[0].is_out);
	pass(100);
	assert_true(w.o.sites[0].is_out);
	assert_int_equal(w.o.sites[0].now.lost, 7);
	assert_int_equal(outage_age_ms(&w.o.sites[0], w.now_us), (w.now_us - went_us) / 1000);
	assert_int_equal(w.o.sites[0].now.began_unix_s, DATE + went_us / SECOND - 1000);
	assert_false(w.o.sites[0].now.is_start);
}

static void a_route_that_is_gone_for_a_moment_is_none(void **state)
{
	(void)state;
	make_whole();
	for (unsigned i = 0; i < 20; i++) {
		w.route = false;
		pass(2);
		w.route = true;
		pass(1);
	}
	assert_false(w.o.sites[0].is_out);
}

static void one_probe_that_is_lost_is_none_and_two_are(void **state)
{
	(void)state;
	make_whole();
	w.works[COMMAND] = false;
	pass(5);
	assert_false(w.o.sites[0].is_out);
	w.works[COMMAND] = true;
	pass(5);
	w.works[COMMAND] = false;
	pass(5);
	uint64_t missed_us = w.now_us - w.now_us % (5 * SECOND);
	pass(5);
	assert_true(w.o.sites[0].is_out);
	assert_int_equal(w.o.sites[0].now.lost, 1u << COMMAND);
	assert_int_equal(w.o.sites[0].begun_us, missed_us);
	w.works[COMMAND] = true;
	pass(60);
	/* Only what was lost has a time at which it came back ... */
	assert_int_equal(w.o.log_count, 2);
	assert_true(last()->after_ms[OUTAGE_VOICE] != OUTAGE_NOT_YET);
	assert_int_equal(last()->after_ms[OUTAGE_RESTORED], last()->after_ms[OUTAGE_VOICE]);
}

static void what_breaks_again_at_once_is_the_same_outage(void **state)
{
	(void)state;
	make_whole();
	all(false);
	pass(10);
	for (unsigned i = 0; i < 4; i++) {
		all(true);
		pass(20);
		all(false);
		pass(15);
	}
	assert_int_equal(w.o.log_count, 1);
	all(true);
	pass(60);
	assert_int_equal(w.o.log_count, 2);
	/* The first text was in the first of them; restored it was in the last. */
	assert_true(last()->after_ms[OUTAGE_TEXT] < 20000);
	assert_true(last()->after_ms[OUTAGE_RESTORED] > 140000);
}

static void an_answer_is_a_contact(void **state)
{
	(void)state;
	outage_probed(&w.o, w.now_us + 7 * SECOND, date(), 0, TEXT, true);
	assert_int_equal(w.o.sites[0].now.after_ms[OUTAGE_CONTACT], 7000);
}

static uint8_t kept[OUTAGE_STATE_MAX];

static size_t keep(void)
{
	size_t len = outages_write(&w.o, w.now_us, date(), kept, sizeof(kept));

	assert_true(len > 0);
	return len;
}

/* Another process, whose monotonic clock begins anew. */
static void restart(uint64_t monotonic_s)
{
	memset(&w.o, 0, sizeof(w.o));
	w.now_us = monotonic_s * SECOND;
	assert_int_equal(outages_add(&w.o, w.now_us, date(), "city"), 0);
}

static void an_outage_goes_on_over_a_restart(void **state)
{
	(void)state;
	make_whole();
	all(false);
	pass(50);
	uint64_t age_ms = outage_age_ms(&w.o.sites[0], w.now_us), then_s = date();
	size_t len = keep();
	restart(3);
	assert_int_equal(outages_read(&w.o, w.now_us, then_s + 100, bytes_of(kept, len)), 0);
	assert_int_equal(w.o.log_count, 1);
	assert_false(w.o.sites[0].now.is_start);
	assert_int_equal(outage_age_ms(&w.o.sites[0], w.now_us), age_ms + 100000);
	all(true);
	pass(60);
	assert_int_equal(w.o.log_count, 2);
	assert_true(last()->after_ms[OUTAGE_TEXT] >= age_ms + 100000);
}

static void a_date_that_jumps_adds_nothing(void **state)
{
	(void)state;
	make_whole();
	all(false);
	pass(50);
	uint64_t age_ms = outage_age_ms(&w.o.sites[0], w.now_us), then_s = date();
	size_t len = keep();
	restart(3);
	assert_int_equal(outages_read(&w.o, w.now_us, then_s + 365 * 86400, bytes_of(kept, len)), 0);
	assert_int_equal(outage_age_ms(&w.o.sites[0], w.now_us), age_ms);
	restart(3);
	assert_int_equal(outages_read(&w.o, w.now_us, 0, bytes_of(kept, len)), 0);
	assert_int_equal(outage_age_ms(&w.o.sites[0], w.now_us), age_ms);
}

static void what_is_damaged_is_not_taken(void **state)
{
	(void)state;
	make_whole();
	size_t len = keep();
	restart(3);
	struct outages before = w.o;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(outages_read(&w.o, w.now_us, date(), bytes_of(kept, cut)), -EBADMSG);
	kept[len] = 0;
	assert_int_equal(outages_read(&w.o, w.now_us, date(), bytes_of(kept, len + 1)), -EBADMSG);
	assert_memory_equal(&w.o, &before, sizeof(before));
}

static void the_log_is_bounded_and_keeps_the_last(void **state)
{
	(void)state;
	for (unsigned i = 0; i < OUTAGE_LOG_MAX + 5; i++) {
		all(true);
		pass(60);
		all(false);
		pass(20);
	}
	assert_int_equal(w.o.log_count, OUTAGE_LOG_MAX + 5);
	size_t len = keep();
	restart(3);
	assert_int_equal(outages_read(&w.o, w.now_us, date(), bytes_of(kept, len)), 0);
	assert_int_equal(w.o.log_count, OUTAGE_LOG_MAX);
	assert_false(w.o.log[0].is_start); /* that one was the first, and is forgotten */
}

static void sites_are_bounded_and_can_go(void **state)
{
	(void)state;
	for (unsigned i = 1; i < OUTAGE_SITES_MAX; i++)
		assert_int_equal(outages_add(&w.o, w.now_us, date(), "another"), 0);
	assert_int_equal(outages_add(&w.o, w.now_us, date(), "more"), -ENOSPC);
	outages_remove(&w.o, 0);
	assert_int_equal(w.o.site_count, OUTAGE_SITES_MAX - 1);
	assert_string_equal(w.o.sites[0].name, "another");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(from_power_on_everything_is_timed, setup),
		cmocka_unit_test_setup(pictures_that_never_come_are_not_waited_for, setup),
		cmocka_unit_test_setup(an_outage_begins_when_the_route_went, setup),
		cmocka_unit_test_setup(a_route_that_is_gone_for_a_moment_is_none, setup),
		cmocka_unit_test_setup(one_probe_that_is_lost_is_none_and_two_are, setup),
		cmocka_unit_test_setup(what_breaks_again_at_once_is_the_same_outage, setup),
		cmocka_unit_test_setup(an_answer_is_a_contact, setup),
		cmocka_unit_test_setup(an_outage_goes_on_over_a_restart, setup),
		cmocka_unit_test_setup(a_date_that_jumps_adds_nothing, setup),
		cmocka_unit_test_setup(what_is_damaged_is_not_taken, setup),
		cmocka_unit_test_setup(the_log_is_bounded_and_keeps_the_last, setup),
		cmocka_unit_test_setup(sites_are_bounded_and_can_go, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
