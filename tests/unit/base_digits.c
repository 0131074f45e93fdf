/* Decimal numbers: where they end, and how much they may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/digits.h"

#include <limits.h>
#include <string.h>

static void digits_end_where_they_end_and_say_no_more_than_they_may(void **state)
{
	static const struct {
		const char *text;
		unsigned most;
		bool is_taken;
		unsigned value;
		size_t len;
	} cases[] = { { "0", 0, true, 0, 1 }, { "1", 0, false, 0, 0 }, { "12-34", 99, true, 12, 2 },
		{ "007", 7, true, 7, 3 }, { "", 9, false, 0, 0 }, { "x1", 9, false, 0, 0 }, { "-1", 9, false, 0, 0 },
		{ "65535", 65535, true, 65535, 5 }, { "65536", 65535, false, 0, 0 },
		{ "4294967295", UINT_MAX, true, UINT_MAX, 10 }, { "4294967296", UINT_MAX, false, 0, 0 },
		{ "99999999999999999999", UINT_MAX, false, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *at = cases[i].text;
		unsigned value = 4711;

		assert_int_equal(digits_take(&at, cases[i].most, &value), cases[i].is_taken);
		assert_int_equal(at - cases[i].text, cases[i].len);
		assert_int_equal(value, cases[i].is_taken ? cases[i].value : 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(digits_end_where_they_end_and_say_no_more_than_they_may) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
