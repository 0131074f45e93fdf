/*
 * The log: one line per event on standard error, "12.345 neighbour-up radio0 …":
 * seconds since start, because a box in the field may not know the date (the
 * journal adds its own), then a stable code, then words.
 *
 * A peer can cause events as fast as it likes. Of each code only LOG_BURST lines
 * are written per window; what came on top is told as a number. And nobody may
 * hold up the packets by not reading the log: a line for which there is no room
 * is lost and counted.
 */
#include "meshd/io/io.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void log_init(struct log *l, int fd, bool is_verbose, uint64_t now_us)
{
	*l = (struct log){ .fd = fd, .is_verbose = is_verbose, .start_us = now_us };
}

void log_find_journal(struct log *l, const char *stream)
{
	unsigned long long device, inode;
	struct stat status;

	l->is_journal = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(l->fd, &status) == 0 &&
			status.st_dev == device && status.st_ino == inode;
}

static void line_write(struct log *l, uint64_t now_us, const char *code, const char *text)
{
	char line[LOG_LINE_MAX];
	uint64_t ms = (now_us - l->start_us) / 1000;
	struct pollfd room = { .fd = l->fd, .events = POLLOUT };
	char grade[8] = "";

	if (l->is_journal)
		snprintf(grade, sizeof(grade), "<%u>", (unsigned)event_grade(code) % 8);
	int len = snprintf(line, sizeof(line) - 1, "%s%llu.%03u %s%s%s", grade, (unsigned long long)(ms / 1000),
		(unsigned)(ms % 1000), code, *text ? " " : "", text);

	if (len < 0)
		return;
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	for (int i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	/* A pipe that polls writable has room for a line; nobody can be told that the log is gone. */
	if (poll(&room, 1, 0) <= 0 || write(l->fd, line, (size_t)len) < 0)
		l->lost++;
}

static void window_close(struct log *l, struct quota *q, uint64_t now_us)
{
	char text[QUOTA_TEXT];

	if (quota_renew(q, now_us, text))
		line_write(l, now_us, "suppressed", text);
}

bool log_event(struct log *l, uint64_t now_us, const char *code, const char *format, ...)
{
	struct quota *q = quota_find(&l->quotas, now_us, code);
	char text[LOG_LINE_MAX];
	va_list args;

	if (quota_is_over(q, now_us, LOG_WINDOW_US))
		window_close(l, q, now_us);
	if (!quota_take(q, l->is_verbose ? UINT_MAX : LOG_BURST))
		return false;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line_write(l, now_us, code, text);
	return true;
}

/* Once there is room again. */
static void lost_tell(struct log *l, uint64_t now_us)
{
	unsigned lost = l->lost;
	char text[64];

	snprintf(text, sizeof(text), "log: %u lines had no room", lost);
	line_write(l, now_us, "suppressed", text);
	l->lost = l->lost > lost ? lost : 0;
}

void log_flush(struct log *l, uint64_t now_us)
{
	if (l->lost)
		lost_tell(l, now_us);
	for (unsigned i = 0; i < l->quotas.count; i++)
		if (quota_is_over(&l->quotas.all[i], now_us, LOG_WINDOW_US))
			window_close(l, &l->quotas.all[i], now_us);
}
