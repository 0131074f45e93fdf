/* Dates as people write them for a stretch of a log, and as they read them. */
#include "meshd/chronicle/chronicle.h"

#include <errno.h>
#include <string.h>
#include <time.h>

int64_t date_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* "90m" ago. */
static bool ago_read(const char *text, int64_t now_ms, int64_t *ms)
{
	static const char units[] = "smhd";
	static const int64_t each_ms[] = { 1000, 60000, 3600000, 86400000 };
	unsigned count;
	int end = 0;
	char unit;

	if (sscanf(text, "%5u%c%n", &count, &unit, &end) != 2 || text[end] || !strchr(units, unit))
		return false;
	*ms = now_ms - (int64_t)count * each_ms[strchr(units, unit) - units];
	return true;
}

int date_read(const char *text, int64_t now_ms, bool is_end, int64_t *ms)
{
	static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M" };
	time_t now = (time_t)(now_ms / 1000);

	if (strcmp(text, "now") == 0 || ago_read(text, now_ms, ms)) {
		*ms = strcmp(text, "now") == 0 ? now_ms : *ms;
		return 0;
	}
	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm day = { 0 };
		bool has_day = forms[i][1] == 'Y', has_time = strstr(forms[i], "%H");

		if (!has_day && !localtime_r(&now, &day))
			return -EINVAL;
		day.tm_sec = 0;
		const char *end = strptime(text, forms[i], &day);
		if (!end || *end)
			continue;
		day.tm_isdst = -1;
		day.tm_mday += is_end && !has_time; /* that day, too */
		*ms = (int64_t)mktime(&day) * 1000;
		return 0;
	}
	return -EINVAL;
}

const char *date_time_format(int64_t ms, char text[DATE_TIME_TEXT])
{
	time_t then = (time_t)(ms / 1000);
	struct tm day;

	if (!localtime_r(&then, &day) || !strftime(text, DATE_TIME_TEXT, "%Y-%m-%d %H:%M:%S", &day))
		snprintf(text, DATE_TIME_TEXT, "?");
	return text;
}
