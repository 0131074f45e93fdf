/* The line that says how far a run is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/progress.h"

#include <string.h>

static const char *line(double share, double virtual_s, double real_s, unsigned columns)
{
	static char text[256];
	const struct progress p = { share, virtual_s, real_s };

	progress_text(&p, columns, text, sizeof(text));
	return text;
}

static void it_says_how_far_how_fast_and_how_long(void **state)
{
	(void)state;
	assert_string_equal(
		line(0.25, 3727, 10, 79), "[====>           ]  25 %  1:02:07 of the world, 373 x real time, 0:30 left");
	assert_string_equal(
		line(0.5, 5, 2, 79), "[========>       ]  50 %  0:05 of the world, 2.5 x real time, 0:02 left");
}

static void speed_is_not_guessed_in_the_first_moment(void **state)
{
	(void)state;
	assert_null(strstr(line(0.01, 6, 0.1, 79), "real time"));
	assert_non_null(strstr(line(0.01, 6, 0.1, 79), "  1 %  0:06 of the world"));
}

static void it_fits_any_terminal(void **state)
{
	(void)state;
	for (unsigned columns = 1; columns < 200; columns++)
		for (unsigned share = 0; share <= 10; share++)
			assert_true(strlen(line(share / 10.0, 1e6 * share, 1000, columns)) <= columns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_how_far_how_fast_and_how_long),
		cmocka_unit_test(speed_is_not_guessed_in_the_first_moment),
		cmocka_unit_test(it_fits_any_terminal),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
