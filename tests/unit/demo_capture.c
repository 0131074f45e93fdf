/* Counting in captures: by station, by size, by time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/demo/capture.h"

#include <stdlib.h>
#include <string.h>

#define START 1000000000ull
#define TENTHS(n) (START + (n) * (uint64_t)CAPTURE_BIN_US)

static struct capture *capture_new(void)
{
	struct capture *c = calloc(1, sizeof(*c));

	c->start_us = START;
	return c;
}

static void frame_add(struct capture *c, uint64_t at_us, uint8_t station, size_t len)
{
	uint8_t frame[2000] = { 0 };

	frame[11] = station;
	capture_frame(c, at_us, bytes_of(frame, len));
}

static const struct capture_station *station(const struct capture *c, uint8_t number)
{
	const uint8_t mac[6] = { 0, 0, 0, 0, 0, number };

	return capture_station_find(c, mac);
}

static void frames_count_for_the_station_that_sent_them(void **state)
{
	struct capture *c = capture_new();

	(void)state;
	frame_add(c, TENTHS(3), 1, 400);
	frame_add(c, TENTHS(3) + 1, 2, 500);
	frame_add(c, TENTHS(4), 1, 600);
	assert_int_equal(c->frames, 3);
	assert_int_equal(c->station_count, 2);
	assert_int_equal(capture_frames_between(c, station(c, 1), START, TENTHS(10)), 2);
	assert_int_equal(capture_bytes_between(c, station(c, 1), START, TENTHS(10)), 1000);
	assert_int_equal(capture_bytes_between(c, station(c, 2), START, TENTHS(10)), 500);
	assert_null(station(c, 3));
	assert_int_equal(capture_frames_between(c, NULL, START, TENTHS(10)), 0);
	free(c);
}

static void small_frames_are_seen_but_carry_nothing(void **state)
{
	struct capture *c = capture_new();

	(void)state;
	frame_add(c, TENTHS(1), 1, CAPTURE_PAYLOAD_MIN - 1);
	frame_add(c, TENTHS(1), 1, CAPTURE_PAYLOAD_MIN);
	assert_int_equal(station(c, 1)->frames, 2);
	assert_int_equal(capture_frames_between(c, station(c, 1), START, TENTHS(9)), 1);
	free(c);
}

static void a_window_holds_the_bins_that_begin_in_it(void **state)
{
	struct capture *c = capture_new();

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		frame_add(c, TENTHS(i) + 50, 1, 400);
	assert_int_equal(capture_frames_between(c, station(c, 1), TENTHS(2), TENTHS(5)), 3);
	assert_int_equal(capture_frames_between(c, station(c, 1), TENTHS(2) + 1, TENTHS(5)), 2);
	assert_int_equal(capture_frames_between(c, station(c, 1), 0, TENTHS(1)), 1);
	assert_int_equal(capture_frames_between(c, station(c, 1), TENTHS(5), TENTHS(2)), 0);
	assert_int_equal(capture_frames_between(c, station(c, 1), 0, UINT64_MAX), 10);
	free(c);
}

static void frames_outside_the_time_kept_do_no_harm(void **state)
{
	struct capture *c = capture_new();

	(void)state;
	frame_add(c, START - 1, 1, 400);
	frame_add(c, TENTHS(CAPTURE_BINS_MAX), 1, 400);
	frame_add(c, UINT64_MAX, 1, 400);
	assert_int_equal(station(c, 1)->frames, 3);
	assert_int_equal(capture_frames_between(c, station(c, 1), 0, UINT64_MAX), 0);
	free(c);
}

static void more_stations_than_room_and_stumps_of_frames_are_only_counted(void **state)
{
	struct capture *c = capture_new();

	(void)state;
	for (unsigned i = 0; i < 2 * CAPTURE_STATIONS_MAX; i++)
		frame_add(c, TENTHS(1), (uint8_t)i, 400);
	frame_add(c, TENTHS(1), 0, 11);
	assert_int_equal(c->station_count, CAPTURE_STATIONS_MAX);
	assert_int_equal(c->frames, 2 * CAPTURE_STATIONS_MAX + 1);
	free(c);
}

static void a_file_that_is_no_capture_is_named(void **state)
{
	struct capture *c = capture_new();
	char error[CAPTURE_ERROR_MAX];

	(void)state;
	assert_int_equal(capture_read(c, "/nonexistent/x.pcap", START, NULL, error), -1);
	assert_non_null(strstr(error, "x.pcap"));
	assert_int_equal(capture_read(c, "/dev/null", START, NULL, error), -1);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_count_for_the_station_that_sent_them),
		cmocka_unit_test(small_frames_are_seen_but_carry_nothing),
		cmocka_unit_test(a_window_holds_the_bins_that_begin_in_it),
		cmocka_unit_test(frames_outside_the_time_kept_do_no_harm),
		cmocka_unit_test(more_stations_than_room_and_stumps_of_frames_are_only_counted),
		cmocka_unit_test(a_file_that_is_no_capture_is_named),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
