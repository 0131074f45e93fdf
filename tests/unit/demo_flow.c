/* What the record of the flow says of an interruption. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/demo/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY 270000ull
#define AT(s) ((uint64_t)((s)*1000000.0) + 5000000)

/* Arrivals of a flow of `seconds`, without those sent in [lost_from, lost_to) seconds. */
static struct flow_record flow_make(double seconds, double lost_from, double lost_to)
{
	struct flow_record r = { .samples = calloc(FLOW_SAMPLES_MAX, sizeof(struct flow_sample)) };

	for (uint64_t seq = 0; seq * FLOW_INTERVAL_US < seconds * 1e6; seq++) {
		uint64_t sent = AT(0) + seq * FLOW_INTERVAL_US;

		if (sent >= AT(lost_from) && sent < AT(lost_to))
			continue;
		r.samples[r.count++] = (struct flow_sample){ seq, sent, sent + DELAY };
	}
	return r;
}

static void a_steady_flow_has_no_gap(void **state)
{
	struct flow_record r = flow_make(10, 0, 0);

	(void)state;
	struct flow_silence s = flow_silence_find(&r, AT(1), AT(9));
	assert_int_equal(s.gap_us, 0);
	assert_true(s.is_over);
	flow_record_done(&r);
}

static void gap_is_the_silence_less_the_sending_interval(void **state)
{
	struct flow_record r = flow_make(20, 5, 9.5);

	(void)state;
	struct flow_silence s = flow_silence_find(&r, AT(4), AT(19));
	assert_int_equal(s.gap_us, 4500000);
	assert_int_equal(s.begin_us, AT(4.99) + DELAY);
	assert_int_equal(s.end_us, AT(9.5) + DELAY);
	assert_true(s.is_over);
	flow_record_done(&r);
}

static void silence_to_the_end_is_not_over(void **state)
{
	struct flow_record r = flow_make(20, 5, 20);

	(void)state;
	struct flow_silence s = flow_silence_find(&r, AT(4), AT(19));
	assert_false(s.is_over);
	assert_int_equal(s.end_us, AT(19));
	assert_int_equal(s.gap_us, AT(19) - AT(4.99) - DELAY - FLOW_INTERVAL_US);
	flow_record_done(&r);
}

static void a_flow_that_never_arrives_is_one_silence(void **state)
{
	struct flow_record r = { 0 };

	(void)state;
	struct flow_silence s = flow_silence_find(&r, AT(4), AT(6));
	assert_false(s.is_over);
	assert_int_equal(s.gap_us, 2000000 - FLOW_INTERVAL_US);
}

static void gaps_outside_the_window_do_not_count(void **state)
{
	struct flow_record r = flow_make(20, 1, 3);

	(void)state;
	assert_int_equal(flow_silence_find(&r, AT(4), AT(19)).gap_us, 0);
	flow_record_done(&r);
}

static void duplicates_count_once_and_delay_is_the_median(void **state)
{
	struct flow_record r = flow_make(2, 0.5, 1);

	(void)state;
	r.samples[r.count++] = r.samples[0];
	r.samples[0].got_us += 9000000;
	assert_int_equal(flow_arrived(&r, AT(0), AT(2)), 150);
	assert_int_equal(flow_arrived(&r, AT(0.5), AT(1)), 0);
	assert_int_equal(flow_delay_us(&r, AT(0), AT(3)), DELAY);
	flow_record_done(&r);
}

static int parsed(struct flow_record *r, const char *text, unsigned *line)
{
	return flow_record_parse(r, bytes_of(text, strlen(text)), line);
}

static void records_are_read_and_damage_is_named_by_line(void **state)
{
	struct flow_record r;
	unsigned line;

	(void)state;
	assert_int_equal(parsed(&r, "s,0,100\nr,7,100,200\ns,1,300\n", &line), 0);
	assert_int_equal(r.sent, 2);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.samples[0].seq, 7);
	assert_int_equal(r.samples[0].sent_us, 100);
	assert_int_equal(r.samples[0].got_us, 200);
	flow_record_done(&r);
	static const char *const bad[] = { "s,0,100\nr,7,100\n", "s,0,100\nx,1,2\n", "s,0,100\ns,1,", "s,0,100\n\n",
		"s,0,100\nr,,1,2\n", "s,0,100\ns,99999999999999999999,1\n", "s,0,100\nr,-1,1,2\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parsed(&r, bad[i], &line), -EBADMSG);
		assert_int_equal(line, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steady_flow_has_no_gap),
		cmocka_unit_test(gap_is_the_silence_less_the_sending_interval),
		cmocka_unit_test(silence_to_the_end_is_not_over),
		cmocka_unit_test(a_flow_that_never_arrives_is_one_silence),
		cmocka_unit_test(gaps_outside_the_window_do_not_count),
		cmocka_unit_test(duplicates_count_once_and_delay_is_the_median),
		cmocka_unit_test(records_are_read_and_damage_is_named_by_line),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
