/* Times count from the outage; before it a line has none. */
#include "sim/demo/timeline.h"
#include "sim/demo/tools.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_MAX 512

struct mark_style {
	const char *name, *sign, *colour;
};

static const struct mark_style styles[MARKS] = {
	[MARK_PHASE] = { "phase", "==", "\033[1m" },
	[MARK_ACT] = { "act", "!!", "\033[33m" },
	[MARK_SEEN] = { "seen", "  ", "" },
	[MARK_KEPT] = { "kept", "ok", "\033[32m" },
	[MARK_BROKEN] = { "broken", "NO", "\033[31m" },
};

void timeline_init(struct timeline *t)
{
	const char *terminal = getenv("TERM");

	t->events = json_array();
	t->zero_us = 0;
	t->has_colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && terminal && *terminal;
	setvbuf(stdout, NULL, _IOLBF, 0);
}

void timeline_done(struct timeline *t)
{
	json_decref(t->events);
}

static void line_print(const struct timeline *t, enum mark mark, double at_s, const char *who, const char *text)
{
	const struct mark_style *style = &styles[mark];
	const char *on = t->has_colour ? style->colour : "", *off = t->has_colour && *style->colour ? "\033[0m" : "";

	if (mark == MARK_PHASE)
		printf("\n%s%s %s%s\n", on, style->sign, text, off);
	else if (!t->zero_us)
		printf("%s%12s %s %-14s %s%s\n", on, "", style->sign, who, text, off);
	else
		printf("%s%+10.2f s %s %-14s %s%s\n", on, at_s, style->sign, who, text, off);
}

void timeline_say(struct timeline *t, enum mark mark, uint64_t at_us, const char *who, const char *format, ...)
{
	double at_s = t->zero_us ? ((double)at_us - (double)t->zero_us) / 1e6 : 0;
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line_print(t, mark, at_s, who, text);
	/* A line from a log may not be UTF-8; then it is not kept. */
	json_array_append_new(t->events, json_pack("{s:I, s:s, s:s, s:s}", "at_us", (json_int_t)at_us, "mark",
						 styles[mark].name, "who", who, "text", text));
}
