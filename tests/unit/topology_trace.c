/* Traces of measured links: what is read, what becomes of it in a scenario, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/scenario.h"
#include "tests/unit/topology_import.h"
#include "tests/unit/topology_rubbish.h"

static struct topology *valley(void)
{
	char error[TOPOLOGY_ERROR_MAX];
	struct topology *t = topology_load("sim/examples/valley.netjson", error);

	assert_string_equal(error, "");
	assert_non_null(t);
	return t;
}

static void a_trace_is_read_in_order_of_time(void **state)
{
	struct topology *t = valley();
	char error[TOPOLOGY_ERROR_MAX];
	struct trace *trace = trace_load(t, "sim/examples/valley-trace.csv", error);

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(trace);
	assert_int_equal(trace->count, 5);
	assert_int_equal(trace->points[1].at_us, 30500000);
	assert_int_equal(trace->points[1].link, topology_find_link(t, "ridge-mill"));
	assert_string_equal(trace->points[1].field, "loss");
	assert_string_equal(trace->points[2].value, "0.05 0.2 0.8");
	assert_string_equal(trace->points[3].field, "state");
	assert_string_equal(trace->points[3].value, "cut");
	trace_free(trace);
	topology_free(t);
}

static void a_trace_becomes_the_events_of_a_scenario(void **state)
{
	struct topology *t = valley();
	char error[TOPOLOGY_ERROR_MAX], complaint[SCENARIO_ERROR_MAX], *text = NULL;
	struct trace *trace = trace_load(t, "sim/examples/valley-trace.csv", error);
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(trace);
	assert_non_null(out);
	assert_int_equal(topology_write(t, trace, &(struct topology_output){ .seed = 1 }, out), 0);
	fclose(out);
	struct scenario *s = scenario_parse("valley.yaml", bytes_of(text, len), complaint);
	assert_string_equal(complaint, "");
	assert_non_null(s);
	assert_int_equal(s->event_count, 5);
	assert_int_equal(s->events[2].at_us, 30500000);
	assert_string_equal(s->events[2].text, "set ridge-mill fade=0.05 0.2 0.8");
	assert_string_equal(s->events[3].text, "cut county-ridge");
	assert_string_equal(s->events[4].text, "restore county-ridge");
	scenario_free(s);
	free(text);
	trace_free(trace);
	topology_free(t);
}

#define HEAD "time_s,link,field,value\n"

static void errors_name_line_and_remedy(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "c:1: a trace begins with its columns; write time_s,link,field,value" },
		{ "hello\n", "c:1: a trace begins with its columns" },
		{ HEAD "1,ridge-mill,rate\n", "c:2: a line has four columns; write" },
		{ HEAD "1,ridge-mill,rate,\n", "c:2: a line has four columns; write" },
		{ HEAD "1,ridge-mill,rate,2M,3M\n", "c:2: a line has four columns, not more" },
		{ HEAD "\n-1,ridge-mill,rate,2M\n", "c:3: time \"-1\" is not a number of seconds" },
		{ HEAD "1ms,ridge-mill,rate,2M\n", "c:2: time \"1ms\" is not a number of seconds; write 12.5" },
		{ HEAD "1e9,ridge-mill,rate,2M\n", "c:2: time \"1e9\"" },
		{ HEAD "1,ridge,rate,2M\n", "c:2: there is no link \"ridge\" in the topology; correct" },
		{ HEAD "1,ridge-mill,colour,2M\n", "c:2: \"colour\" is not a field of a link; write rate" },
		{ HEAD "1,ridge-mill,rate,-2M\n", "c:2: rate \"-2M\" is not a rate; write 2M" },
		{ HEAD "1,ridge-mill,loss,120%\n", "c:2: loss \"120%\" is not a loss; write 2%" },
		{ HEAD "1,ridge-mill,state,open\n", "c:2: state \"open\" is not known; write up, cut or silent" },
		{ HEAD "2,ridge-mill,loss,2%\n1,ridge-mill,loss,2%\n", "c:3: the time runs back here; sort" },
		{ HEAD "1,ridge-mill,rate,0000000000000000000000000000000002M\n", "c:2: value \"00000" },
	};
	struct topology *t = valley();
	char error[TOPOLOGY_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(trace_parse(t, "c", bytes_of(cases[i].text, strlen(cases[i].text)), error));
		if (!strstr(error, cases[i].error))
			fail_msg("it says \"%s\", not \"%s\"", error, cases[i].error);
	}
	assert_null(trace_parse(t, "c", bytes_of(HEAD "1,a\0b,rate,1\n", sizeof(HEAD "1,a\0b,rate,1\n") - 1), error));
	assert_non_null(strstr(error, "c:2: a zero byte"));
	topology_free(t);
}

static void lines_may_end_as_they_do_elsewhere(void **state)
{
	static const char text[] = "time_s,link,field,value\r\n0,ridge-mill,mtu,1400\r\n\r\n0.5,ridge-mill,delay,9ms";
	struct topology *t = valley();
	char error[TOPOLOGY_ERROR_MAX];
	struct trace *trace = trace_parse(t, "c", bytes_of(text, sizeof(text) - 1), error);

	(void)state;
	assert_non_null(trace);
	assert_int_equal(trace->count, 2);
	assert_string_equal(trace->points[1].value, "9ms");
	trace_free(trace);
	topology_free(t);
}

static void refused(const struct topology *t, const char *head, const char *unit, size_t size, const char *expected)
{
	char path[32], error[TOPOLOGY_ERROR_MAX];

	rubbish_write(path, head, unit, size);
	struct trace *trace = trace_load(t, path, error);
	unlink(path);
	if (trace || !strstr(error, expected))
		fail_msg("it says \"%s\", not \"%s\"", trace ? "good" : error, expected);
}

static void rubbish_is_refused_in_bounded_memory(void **state)
{
	struct topology *t = valley();

	(void)state;
	long before_kb = peak_kb();
	refused(t, "", "\xff\x01 rubbish\n", 20 << 20, ":1: a trace begins");
	refused(t, "", "rubbish", 20 << 20, ":1: a line of more than 255 letters");
	refused(t, HEAD, "rubbish", 20 << 20, ":2: a line of more than 255 letters");
	refused(t, HEAD, "1,ridge-mill,loss,2%\n", 20 << 20, ":200002: more than 200000 values");
	if (MEMORY_IS_OURS) /* 56 bytes a point; twice and a half while the array grows */
		assert_in_range(peak_kb() - before_kb, 0, 28 << 10);
	topology_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_is_read_in_order_of_time),
		cmocka_unit_test(a_trace_becomes_the_events_of_a_scenario),
		cmocka_unit_test(errors_name_line_and_remedy),
		cmocka_unit_test(lines_may_end_as_they_do_elsewhere),
		cmocka_unit_test(rubbish_is_refused_in_bounded_memory),
	};

	return cmocka_run_group_tests_name("topology_trace", tests, NULL, NULL);
}
