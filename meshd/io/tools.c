/* Small things that every file of the shell needs: the time, randomness and an error sentence. */
#include "meshd/io/io.h"

#include "meshd/base/build.h"

#include <sodium.h>
#include <stdarg.h>
#include <time.h>

uint64_t io_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_US + (uint64_t)t.tv_nsec / 1000;
}

static void kernel_random_fill(void *user, void *out, size_t len)
{
	(void)user;
	randombytes_buf(out, len);
}

const struct random io_random = { .fill = kernel_random_fill };

uint64_t io_date_s(void)
{
	time_t now = time(NULL);

	return now > 0 ? (uint64_t)now : 0;
}

struct time_floor io_build_floor(void)
{
	return (struct time_floor){ .t_lo = (uint32_t)(build_s / 60) };
}

bool io_patience(uint64_t since_us)
{
	static const struct timespec moment = { .tv_nsec = 20000000 };

	if (io_now_us() - since_us >= SECOND_US)
		return false;
	nanosleep(&moment, NULL);
	return true;
}

int io_fail(char error[IO_ERROR_MAX], int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, IO_ERROR_MAX, format, args);
	va_end(args);
	return code;
}
