/* Rates as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void rates_are_read_in_every_usual_spelling(void **state)
{
	static const struct {
		const char *text;
		uint64_t bps;
	} cases[] = {
		{ "1", 1 },
		{ "1.0", 1 },
		{ "9600", 9600 },
		{ "9600bit", 9600 },
		{ "9600bit/s", 9600 },
		{ "2.4k", 2400 },
		{ "2.4K", 2400 },
		{ "2.125k", 2125 },
		{ "0.3M", 300000 },
		{ "2M", 2000000 },
		{ "2Mbit", 2000000 },
		{ "100Mbit/s", 100000000 },
		{ "1G", 1000000000 },
		{ "2.5Gbit", 2500000000 },
		{ "0010M", 10000000 },
		{ "1000G", 1000000000000 },
		{ "1000000000000", 1000000000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t bps = 0;

		assert_int_equal(config_parse_rate(&bps, cases[i].text), 0);
		assert_int_equal(bps, cases[i].bps);
	}
}

static void what_is_not_a_rate_is_refused(void **state)
{
	static const char *const cases[] = { "", " ", "M", "-1", "+1", " 1", "1 ", "1 M", "2Mb", "2MB", "2Mbit/",
		"2Mbps", "2m", "0", "0k", "0.0M", ".5M", "5.M", "1.2345k", "1.5", "1e6", "0x10", "1,5M", "1000.001G",
		"1001G", "1000000000001", "18446744073709551617", "99999999999999999999999999M", "2MM", "2kM", "nan" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t bps = 77;

		if (config_parse_rate(&bps, cases[i]) != -EINVAL)
			fail_msg("\"%s\" was taken for %" PRIu64, cases[i], bps);
		assert_int_equal(bps, 77);
	}
}

static void rates_are_shown_short_and_never_higher(void **state)
{
	static const struct {
		uint64_t bps;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 999, "999" },
		{ 1000, "1k" },
		{ 1099, "1k" },
		{ 9600, "9.6k" },
		{ 19200, "19.2k" },
		{ 999999, "999.9k" },
		{ 2000000, "2M" },
		{ 20000000, "20M" },
		{ 1000000000, "1G" },
		{ 2550000000, "2.5G" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[24];
		uint64_t back = 0;

		config_format_rate(text, sizeof(text), cases[i].bps);
		assert_string_equal(text, cases[i].text);
		if (cases[i].bps) {
			assert_int_equal(config_parse_rate(&back, text), 0);
			assert_true(back <= cases[i].bps);
			assert_true(back >= cases[i].bps - cases[i].bps / 10);
		}
	}
}

static void a_rate_is_cut_to_the_buffer(void **state)
{
	char text[4] = "xyz";

	(void)state;
	config_format_rate(text, 3, 19200);
	assert_string_equal(text, "19");
	assert_int_equal(text[3], '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_read_in_every_usual_spelling),
		cmocka_unit_test(what_is_not_a_rate_is_refused),
		cmocka_unit_test(rates_are_shown_short_and_never_higher),
		cmocka_unit_test(a_rate_is_cut_to_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
