/* What each site could be reached for, over time: one lane for each class, marks where an outage began and ten minutes
 * after it. */
#include "meshd/base/html.h"
#include "meshd/ctl/report.h"

#include <string.h>
#include <time.h>

#define TICKS 6
#define LANE 20 /* units high; a thousand are the range */

static double x_of(const struct report *r, int64_t ms)
{
	const struct story *s = r->story;

	return s->to_ms > s->from_ms ? 1000.0 * (double)(ms - s->from_ms) / (double)(s->to_ms - s->from_ms) : 0;
}

/* --- the axis ----------------------------------------------------------------------------------- */

/* As fine as the steps are. */
static const char *tick_text(int64_t ms, int64_t step_s, char text[DATE_TIME_TEXT])
{
	time_t at = (time_t)(ms / 1000);
	struct tm parts;
	size_t len = 0;

	if (!localtime_r(&at, &parts))
		len = 0;
	else if (step_s >= 86400)
		len = strftime(text, DATE_TIME_TEXT, "%d %b", &parts);
	else if (step_s >= 3600)
		len = strftime(text, DATE_TIME_TEXT, "%d %b %H:%M", &parts);
	else if (step_s >= 60)
		len = strftime(text, DATE_TIME_TEXT, "%H:%M", &parts);
	else
		len = strftime(text, DATE_TIME_TEXT, "%H:%M:%S", &parts);
	text[len] = 0;
	return text;
}

/* The first full step of local time after `ms`. */
static int64_t tick_first(int64_t ms, int64_t step_s)
{
	time_t at = (time_t)(ms / 1000);
	struct tm parts;

	if (!localtime_r(&at, &parts))
		return ms;
	int64_t since_midnight_s = parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec;
	int64_t midnight_s = at - since_midnight_s;
	return 1000 * (midnight_s + (since_midnight_s / step_s + 1) * step_s);
}

static void ticks_put(const struct report *r, FILE *out)
{
	static const int64_t steps_s[] = { 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600,
		43200, 86400, 172800, 604800 };
	const struct story *s = r->story;
	int64_t range_s = (s->to_ms - s->from_ms) / 1000;
	char text[DATE_TIME_TEXT];
	unsigned i = 0;

	while (i < sizeof(steps_s) / sizeof(steps_s[0]) - 1 && steps_s[i] * TICKS < range_s)
		i++;
	fprintf(out, "<div class=\"ticks\">");
	for (int64_t at_ms = tick_first(s->from_ms, steps_s[i]); x_of(r, at_ms) < 930; at_ms += 1000 * steps_s[i])
		fprintf(out, "<span style=\"left:%.2f%%\">%s</span>", x_of(r, at_ms) / 10,
			tick_text(at_ms, steps_s[i], text));
	fprintf(out, "</div>\n");
}

/* --- lanes ----------------------------------------------------------------------------------------- */

static void mark_put(const struct report *r, FILE *out, const char *class, int64_t at_ms)
{
	double x = x_of(r, at_ms);

	if (x >= 0 && x <= 1000)
		fprintf(out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\"/>", class, x, x, LANE);
}

static void lane_put(const struct report *r, FILE *out, const struct report_site *site, unsigned class)
{
	fprintf(out, "<svg viewBox=\"0 0 1000 %d\" preserveAspectRatio=\"none\">", LANE);
	for (size_t i = 0; i < r->span_count; i++) {
		const struct report_span *s = &r->spans[i];
		double from = x_of(r, s->from_ms), width = x_of(r, s->to_ms) - from;
		int height = s->works ? LANE : LANE / 2;

		if (s->log != site->log || s->class != class || strcmp(s->site, site->site) != 0)
			continue;
		/* However short it was, it is seen. */
		fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>",
			s->works ? "reached" : "apart", from, LANE - height, !s->works && width < 2 ? 2 : width,
			height);
	}
	for (size_t i = 0; i < r->outage_count; i++) {
		const struct report_outage *o = &r->outages[i];

		if (o->log != site->log || strcmp(o->site, site->site) != 0)
			continue;
		mark_put(r, out, "harm", o->began_ms);
		mark_put(r, out, "ten", o->began_ms + REPORT_PROMISE_MS);
	}
	fprintf(out, "</svg>");
}

static void lane_words_put(FILE *out, const struct report_site *site, unsigned class)
{
	int64_t out_ms = site->seen_ms[class] - site->worked_ms[class];
	char span[WORDS_MAX];

	if (!site->seen_ms[class])
		fprintf(out, "<em>nobody looked</em>\n");
	else if (!out_ms)
		fprintf(out, "<em>never out</em>\n");
	else
		fprintf(out, "<em>out %s%s</em>\n", report_span_text(out_ms, span),
			site->worked_ms[class] ? "" : ", never worked");
}

static void site_put(const struct report *r, FILE *out, const struct report_site *site)
{
	fprintf(out, "<div class=\"site\"><b>");
	html_put(out, site->site);
	if (r->story->chronicle.log_count > 1) {
		fprintf(out, "<br/><small>seen from ");
		html_put(out, r->story->chronicle.logs[site->log].node);
		fprintf(out, "</small>");
	}
	fprintf(out, "</b>\n");
	for (unsigned class = 0; class < TRAFFIC_CLASSES; class ++) {
		fprintf(out, "<span>%s</span>", words_purposes[class]);
		lane_put(r, out, site, class);
		lane_words_put(out, site, class);
	}
	fprintf(out, "</div>\n");
}

void report_lanes_put(const struct report *r, FILE *out)
{
	if (!r->site_count)
		return;
	fprintf(out, "<h2>What worked, when</h2><div class=\"card sites\"><p class=\"soft\"><i class=\"key "
		     "reached\"></i> works "
		     "<i class=\"key apart\"></i> does not; nothing: nobody looked. A line is where an outage began, "
		     "a broken one ten minutes after it.</p>\n");
	for (size_t i = 0; i < r->site_count; i++)
		site_put(r, out, &r->sites[i]);
	ticks_put(r, out);
	fprintf(out, "</div>\n");
}
