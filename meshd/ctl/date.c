/* Dates at the authority's desk, where the clock may be wrong as well. */
#include "meshd/ctl/ctl.h"

#include "meshd/base/build.h"

#include <time.h>

uint32_t date_now(bool *is_guess)
{
	time_t now = time(NULL);

	/* Behind the day on which this program was made: a clock that was never set. */
	*is_guess = now < (time_t)build_s;
	return (uint32_t)((*is_guess ? (time_t)build_s : now) / 60);
}

const char *date_format(uint32_t minutes, char text[16])
{
	time_t then = (time_t)minutes * 60;
	struct tm day;

	if (!gmtime_r(&then, &day) || !strftime(text, 16, "%Y-%m-%d", &day))
		snprintf(text, 16, "?");
	return text;
}
