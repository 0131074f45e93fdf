/*
 * A box whose battery is dead: preloaded into a program, it makes the date start
 * at LOSTCLOCK_S (seconds since 1970; 0 if unset) when the machine booted. The
 * kernel has no namespaces for the date, only for clocks that count from boot;
 * those are left alone, as they are right on such a box too.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t lost_s(void)
{
	const char *text = getenv("LOSTCLOCK_S");

	return text ? (time_t)strtoll(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	bool is_date = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
	int status = (int)syscall(SYS_clock_gettime, is_date ? CLOCK_BOOTTIME : clock, t);

	if (status == 0 && is_date)
		t->tv_sec += lost_s();
	return status;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	*t = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return (time_t)-1;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
