/*
 *   [=========>          ] 43 %  0:26:10 of the world, 612 x real time, 0:03 left
 *
 * The bar takes what room the words leave. What is left is reckoned from what was
 * done: worlds are slower while they change.
 */
#include "sim/world/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_MAX 200
#define COLUMNS_USUAL 80
#define BAR_MAX 16
#define BAR_MIN 8
#define AGAIN_S 0.1
#define SURE_S 0.5 /* nothing can be said of speed before */

/* 0:07, 12:07, 1:02:07 */
static void clock_text(double s, char text[24])
{
	unsigned long whole = s < 1e9 ? (unsigned long)(s + 0.5) : 999999999;

	if (whole < 3600)
		snprintf(text, 24, "%lu:%02lu", whole / 60, whole % 60);
	else
		snprintf(text, 24, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
}

void progress_text(const struct progress *p, unsigned columns, char *text, size_t size)
{
	char words[100], bar[BAR_MAX + 1], passed[24], left[24];
	int len;

	clock_text(p->virtual_s, passed);
	len = snprintf(words, sizeof(words), "%3.0f %%  %s of the world", 100 * p->share, passed);
	if (p->real_s >= SURE_S && p->share > 0) {
		double speed = p->virtual_s / p->real_s;

		clock_text(p->real_s / p->share * (1 - p->share), left);
		len += snprintf(words + len, sizeof(words) - (size_t)len, ", %.*f x real time, %s left",
			speed < 10 ? 1 : 0, speed, left);
	}
	unsigned room = columns > (unsigned)len + 4 ? columns - (unsigned)len - 4 : 0;
	unsigned width = room < BAR_MAX ? room : BAR_MAX, done = (unsigned)(p->share * width);

	if (width < BAR_MIN) {
		snprintf(text, size, "%.*s", (int)columns, words);
		return;
	}
	memset(bar, ' ', width);
	memset(bar, '=', done < width ? done : width);
	if (done < width)
		bar[done] = '>';
	bar[width] = '\0';
	snprintf(text, size, "[%s] %s", bar, words);
}

static double real_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned columns_now(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
		return COLUMNS_USUAL;
	return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

void progress_show(double share, double virtual_s)
{
	static double start_s, shown_s;
	double now_s = real_s();
	char text[COLUMNS_MAX + 1];

	if (start_s == 0)
		start_s = now_s;
	if (share < 1 && now_s - shown_s < AGAIN_S)
		return;
	shown_s = now_s;
	const struct progress p = { share, virtual_s, now_s - start_s };
	/* The last column stays free: some terminals would go on in the next line. */
	progress_text(&p, columns_now() - 1, text, sizeof(text));
	fprintf(stderr, "\r%s\033[K%s", share < 1 ? text : "", share < 1 ? "" : "\r");
	if (share >= 1)
		start_s = shown_s = 0;
}
