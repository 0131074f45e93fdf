/* Clocks, files and arguments. */
#include "sim/demo/tools.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND_US + (uint64_t)t.tv_nsec / 1000;
}

uint64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

uint64_t wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int complain(const char *format, ...)
{
	va_list args;

	fputs("meshdemo ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 1;
}

long file_read(const char *path, size_t max, uint8_t **data)
{
	FILE *file = fopen(path, "re");
	uint8_t *room = file ? malloc(max + 1) : NULL;
	size_t len = 0;
	int error = file ? 0 : errno;

	if (file && !room)
		error = ENOMEM;
	if (!error) {
		len = fread(room, 1, max + 1, file);
		error = ferror(file) ? EIO : len > max ? EFBIG : 0;
	}
	if (file)
		fclose(file);
	if (error) {
		free(room);
		return -error;
	}
	*data = room;
	return (long)len;
}

int file_write(const char *path, struct bytes data)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	bool is_whole = fwrite(data.data, 1, data.len, file) == data.len;
	return fclose(file) == 0 && is_whole ? 0 : -EIO;
}

const char *option(int argc, char **argv, const char *name)
{
	for (int i = 0; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return argv[i + 1];
	return NULL;
}
