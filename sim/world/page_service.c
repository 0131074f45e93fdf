/* What was sent to each site and what came of it: measured with packets, not reckoned from links. */
#include "meshd/base/html.h"
#include "sim/world/page.h"
#include "sim/world/service.h"

#include <stdlib.h>

#define ROWS_MAX 48
#define LANE 20
#define GOOD_PERCENT 95
#define POOR_PERCENT 50

enum quality { QUALITY_IDLE, QUALITY_NONE, QUALITY_POOR, QUALITY_GOOD };

static enum quality step_quality(const struct service *s, unsigned step)
{
	uint64_t asked = s->asked.counts[step], came = s->came.counts[step];

	if (!asked)
		return QUALITY_IDLE;
	if (came * 100 >= asked * GOOD_PERCENT)
		return QUALITY_GOOD;
	return came * 100 >= asked * POOR_PERCENT ? QUALITY_POOR : QUALITY_NONE;
}

static void lane_put(FILE *f, const struct record *r, const struct service *s)
{
	static const char *const classes[] = { "", "apart", "searching", "reached" };
	static const double heights[] = { 0, LANE * 0.3, LANE * 0.7, LANE };

	fprintf(f, "<svg viewBox=\"0 0 1000 %d\" preserveAspectRatio=\"none\">", LANE);
	for (unsigned i = 0, end; i < TIMELINE_STEPS; i = end) {
		enum quality q = step_quality(s, i);

		for (end = i + 1; end < TIMELINE_STEPS && step_quality(s, end) == q;)
			end++;
		if (q != QUALITY_IDLE)
			fprintf(f, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
				classes[q], page_unit_x(r, i * s->asked.step_us), LANE - heights[q],
				page_unit_x(r, (end - i) * s->asked.step_us), heights[q]);
	}
	page_marks_put(f, r, LANE);
	fprintf(f, "</svg>");
}

static void words_put(FILE *f, const struct service *s)
{
	uint64_t longest_us, total_us;
	char length[32];

	service_outages(s, &longest_us, &total_us);
	fprintf(f, "<em>");
	if (s->wanted)
		fprintf(f, "%.1f %% of %llu %s", 100.0 * (double)s->got / (double)s->wanted,
			(unsigned long long)s->wanted, s->class == PLAN_VOICE ? "frames in time" : "packets");
	if (s->files) {
		page_duration(s->slowest_us, length);
		fprintf(f, "%s%u of %u file%s", s->wanted ? "; " : "", s->whole, s->files, s->files == 1 ? "" : "s");
		if (s->whole)
			fprintf(f, " in %s", length);
	}
	if (longest_us) {
		page_duration(longest_us, length);
		fprintf(f, "; nothing for %s", length);
	}
	fprintf(f, "</em>\n");
}

void page_services_put(FILE *f, const struct record *r)
{
	unsigned count;
	struct service *rows = services_of(r->trial, &count);

	if (count) {
		fprintf(f, "<h2>What was sent, by site and class</h2><div class=\"card sites\"><p class=\"soft\">What "
			   "arrived at each site of what others sent it: packets, files under way, and speech within "
			   "its time from mouth to ear. <i class=\"key reached\"></i> 95 %% and more <i class=\"key "
			   "searching\"></i> half and more <i class=\"key apart\"></i> less; empty: nothing was "
			   "sent.</p>\n");
		page_mark_words_put(f, r);
	}
	for (unsigned i = 0; i < count && i < ROWS_MAX; i++) {
		if (i == 0 || rows[i].site != rows[i - 1].site) {
			fprintf(f, "%s<div class=\"site\"><b>", i ? "</div>\n" : "");
			html_put(f, r->trial->plan->nodes[rows[i].site].name);
			fprintf(f, "</b>\n");
		}
		fprintf(f, "<span>%s</span>", plan_class_name(rows[i].class));
		lane_put(f, r, &rows[i]);
		words_put(f, &rows[i]);
	}
	if (count) {
		fprintf(f, "</div>\n");
		page_ticks_put(f, r);
		if (count > ROWS_MAX)
			fprintf(f, "<p class=\"soft\">%u rows more are in the JSON.</p>", count - ROWS_MAX);
		fprintf(f, "</div>\n");
	}
	free(rows);
}
