/* The daemons' log lines, as the demonstration reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/demo/watch.h"

#include <string.h>

static void an_event_has_a_time_a_code_and_words(void **state)
{
	struct log_line line;

	(void)state;
	assert_true(log_line_parse(&line, "12.345 neighbour-up radio0 backpack-relay"));
	assert_string_equal(line.code, "neighbour-up");
	assert_string_equal(line.rest, "radio0 backpack-relay");
	assert_true(log_line_parse(&line, "0.001 stopped"));
	assert_string_equal(line.code, "stopped");
	assert_string_equal(line.rest, "");
}

static void other_lines_are_no_events(void **state)
{
	static const char *const lines[] = { "", "meshd: meshd.yaml:3: no", "12.345", "12.345 ", "12.345neighbour-up x",
		"12.345 Up radio0", "12.345 up?radio0" };
	struct log_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(log_line_parse(&line, lines[i]));
}

static bool parsed(struct known_route *route, const char *text)
{
	struct log_line line;

	assert_true(log_line_parse(&line, text));
	return log_route_parse(route, &line);
}

static void routes_are_read_with_link_next_hop_and_metric(void **state)
{
	struct known_route route;

	(void)state;
	assert_true(
		parsed(&route, "2.745 route-moved sat0 fda8:37b3:b903::1/128 of city-post by vehicle-1, metric 1174"));
	assert_true(route.is_up);
	assert_string_equal(route.link, "sat0");
	assert_string_equal(route.to, "city-post");
	assert_string_equal(route.by, "vehicle-1");
	assert_int_equal(route.metric, 1174);
	assert_true(parsed(&route, "15.6 route-down fda8:37b3:b903::1/128 of city-post"));
	assert_false(route.is_up);
	assert_string_equal(route.to, "city-post");
	assert_false(parsed(&route, "1.0 route-up sat0 fda8::1/128 of city-post"));
	assert_false(parsed(&route, "1.0 route-down"));
}

static void words_of_any_length_stay_within_bounds(void **state)
{
	char text[2000] = "1.0 route-up ";
	struct known_route route;
	struct log_line line;

	(void)state;
	memset(text + 13, 'a', sizeof(text) - 14);
	assert_true(log_line_parse(&line, text));
	assert_int_equal(strlen(line.rest), WATCH_LINE_MAX - 1);
	assert_false(log_route_parse(&route, &line));
	memset(text + 4, 'a', sizeof(text) - 5);
	assert_false(log_line_parse(&line, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_a_time_a_code_and_words),
		cmocka_unit_test(other_lines_are_no_events),
		cmocka_unit_test(routes_are_read_with_link_next_hop_and_metric),
		cmocka_unit_test(words_of_any_length_stay_within_bounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
