/*
 * What happened over time. All charts share one axis: a thousand units are the run.
 * They stretch with the page; words stand beside them, so that they never do.
 */
#include "meshd/base/html.h"
#include "sim/world/page.h"

#include <stdlib.h>

#define ROWS_MAX 12
#define TICKS 5

void page_duration(uint64_t us, char text[32])
{
	unsigned tenths = (unsigned)((us + 50000) / 100000), s = (unsigned)((us + 500000) / SECOND_US);

	if (tenths < 200)
		snprintf(text, 32, "%u.%u s", tenths / 10, tenths % 10);
	else if (s < 120)
		snprintf(text, 32, "%u s", s);
	else if (s < 7200)
		snprintf(text, 32, "%u min %02u s", s / 60, s % 60);
	else
		snprintf(text, 32, "%u h %02u min", s / 3600, s / 60 % 60);
}

double page_unit_x(const struct record *r, uint64_t at_us)
{
	return 1000.0 * (double)at_us / (double)r->trial->plan->duration_us;
}

static bool promise_is_shown(const struct record *r)
{
	return r->has_harm && r->harm_us + PAGE_PROMISE_US <= r->trial->plan->duration_us;
}

void page_marks_put(FILE *f, const struct record *r, unsigned height)
{
	const uint64_t at_us[] = { r->harm_us, r->harm_us + PAGE_PROMISE_US };

	for (unsigned i = 0; r->has_harm && i < (promise_is_shown(r) ? 2 : 1); i++)
		fprintf(f, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%u\"/>", i ? "ten" : "harm",
			page_unit_x(r, at_us[i]), page_unit_x(r, at_us[i]), height);
}

/* Words above a chart; on the right half they end at their mark. */
static void mark_word_put(FILE *f, double x, const char *word)
{
	if (x > 500)
		fprintf(f, "<span style=\"right:%.1f%%\">%s</span>", (1000 - x) / 10, word);
	else
		fprintf(f, "<span style=\"left:%.1f%%\">%s</span>", x / 10, word);
}

void page_mark_words_put(FILE *f, const struct record *r)
{
	if (!r->has_harm)
		return;
	bool is_close = promise_is_shown(r) && page_unit_x(r, PAGE_PROMISE_US) < 100;

	fprintf(f, "<div class=\"ticks\">");
	mark_word_put(f, page_unit_x(r, r->harm_us), is_close ? "T0, ten minutes" : "T0");
	if (promise_is_shown(r) && !is_close)
		mark_word_put(f, page_unit_x(r, r->harm_us + PAGE_PROMISE_US), "ten minutes");
	fprintf(f, "</div>\n");
}

void page_ticks_put(FILE *f, const struct record *r)
{
	static const unsigned steps[] = { 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400 };
	double duration_s = (double)r->trial->plan->duration_us / 1e6;
	unsigned i = 0;

	while (i < sizeof(steps) / sizeof(steps[0]) - 1 && steps[i] * (double)TICKS < duration_s)
		i++;
	fprintf(f, "<div class=\"ticks\">");
	for (unsigned s = 0; s <= duration_s * 0.88 && s / steps[i] < 100; s += steps[i])
		fprintf(f, "<span style=\"left:%.2f%%\">%u%s</span>", 100.0 * s / duration_s,
			steps[i] < 60 ? s : s / 60, steps[i] < 60 ? " s" : " min");
	fprintf(f, "</div>\n");
}

/* --- the recovery curve ---------------------------------------------------------------- */

static void curve_path(FILE *f, const struct record *r, const char *class, const unsigned *counts, unsigned whole)
{
	double bottom = whole ? whole : 1;

	fprintf(f, "<path class=\"%s\" d=\"M0 100", class);
	for (unsigned i = 0; i < r->sample_count; i++)
		if (i == 0 || i + 1 == r->sample_count || counts[i] != counts[i - 1] || counts[i] != counts[i + 1])
			fprintf(f, "L%.1f %.2f", page_unit_x(r, record_sample_us(r, i)),
				100 - 100 * counts[i] / bottom);
	fprintf(f, "V100Z\"/>");
}

/* A line over the areas, in the same units. */
static void curve_line(FILE *f, const struct record *r, const char *class, const unsigned *counts, unsigned whole)
{
	fprintf(f, "<path class=\"%s\" d=\"", class);
	for (unsigned i = 0; i < r->sample_count; i++)
		if (i == 0 || i + 1 == r->sample_count || counts[i] != counts[i - 1] || counts[i] != counts[i + 1])
			fprintf(f, "%s%.1f %.2f", i ? "L" : "M", page_unit_x(r, record_sample_us(r, i)),
				99.5 - 99 * (double)counts[i] / (whole ? whole : 1));
	fprintf(f, "\"/>");
}

static void curve_begin(FILE *f, const struct record *r, const char *label)
{
	page_mark_words_put(f, r);
	fprintf(f,
		"<div class=\"curve\"><svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" "
		"aria-label=\"%s\">",
		label);
}

static void curve_end(FILE *f, const struct record *r)
{
	fprintf(f, "<line class=\"axis\" x1=\"0\" x2=\"1000\" y1=\"50\" y2=\"50\"/>");
	page_marks_put(f, r, 100);
	fprintf(f, "</svg><span class=\"top\">100 %%</span><span class=\"half\">50 %%</span></div>\n");
	page_ticks_put(f, r);
	fprintf(f, "</div>\n");
}

void page_recovery_put(FILE *f, const struct record *r)
{
	fprintf(f, "<div class=\"card whole\"><h3>Sites that reach ");
	html_put(f, r->trial->plan->nodes[r->post].name);
	fprintf(f,
		"</h3><p class=\"soft\">Of %u, there and back. <i class=\"key reached\"></i> for text <i class=\"key "
		"line voice\"></i> for voice <i class=\"key line bulk\"></i> for pictures</p>\n",
		r->site_count);
	curve_begin(f, r, "share of sites that reach the post over time");
	curve_path(f, r, "reached", r->served[PLAN_TEXT], r->site_count);
	curve_line(f, r, "line voice", r->served[PLAN_VOICE], r->site_count);
	curve_line(f, r, "line bulk", r->served[PLAN_BULK], r->site_count);
	curve_end(f, r);
}

void page_curve_put(FILE *f, const struct record *r)
{
	fprintf(f,
		"<div class=\"card\"><h3>Share of pairs in contact</h3><p class=\"soft\">Of %u pairs of nodes%s, both "
		"ways. <i class=\"key joined\"></i> links join them <i class=\"key reached\"></i> they reach each "
		"other</p>\n",
		r->pair_count, r->is_chosen ? " (evenly chosen from all)" : "");
	curve_begin(f, r, "share of pairs in contact over time");
	curve_path(f, r, "joined", r->joined, r->pair_count);
	curve_path(f, r, "reached", r->reached, r->pair_count);
	curve_end(f, r);
}

/* --- outages, pair by pair ---------------------------------------------------------------- */

static void bar_put(FILE *f, const struct record *r, unsigned pair)
{
	static const char *const classes[] = { "apart", "searching", "reached" };
	static const unsigned tops[] = { 14, 4, 0 };

	fprintf(f, "<svg viewBox=\"0 0 1000 20\" preserveAspectRatio=\"none\">");
	for (unsigned i = 0, end; i < r->sample_count; i = end) {
		enum pair_state state = record_state(r, i, pair);
		uint64_t from_us = i ? record_sample_us(r, i) : 0;

		for (end = i; end < r->sample_count && record_state(r, end, pair) == state;)
			end++;
		uint64_t until_us = end < r->sample_count ? record_sample_us(r, end) : r->trial->plan->duration_us;
		fprintf(f, "<rect class=\"%s\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>", classes[state],
			page_unit_x(r, from_us), tops[state], page_unit_x(r, until_us - from_us), 20 - tops[state]);
	}
	page_marks_put(f, r, 20);
	fprintf(f, "</svg>");
}

static void outage_put(FILE *f, const struct record *r, unsigned pair)
{
	const struct record_pair *p = &r->pairs[pair];
	const struct plan_node *nodes = r->trial->plan->nodes;
	char out[32];

	page_duration(p->out_us, out);
	fprintf(f, "<div class=\"row\"><span>%s", p->is_watched ? "<b>" : "");
	html_put(f, nodes[p->a].name);
	fprintf(f, " \xe2\x80\x93 ");
	html_put(f, nodes[p->b].name);
	fprintf(f, "%s</span><em>out %s%s</em>", p->is_watched ? "</b>" : "", out, p->is_out ? ", still" : "");
	bar_put(f, r, pair);
	fprintf(f, "</div>\n");
}

/* Those that the plan asks for, then the longest out. */
static bool comes_before(const struct record *r, unsigned a, unsigned b)
{
	const struct record_pair *first = &r->pairs[a], *second = &r->pairs[b];

	if (first->is_watched != second->is_watched)
		return first->is_watched;
	if (!first->is_watched && first->out_us != second->out_us)
		return first->out_us > second->out_us;
	return a < b;
}

void page_outages_put(FILE *f, const struct record *r)
{
	unsigned rows[ROWS_MAX], count = 0;

	for (unsigned i = 0; i < r->pair_count; i++) {
		unsigned at = count;

		if (count < ROWS_MAX)
			count++;
		else if (comes_before(r, i, rows[ROWS_MAX - 1]))
			at = ROWS_MAX - 1;
		else
			continue;
		for (; at > 0 && comes_before(r, i, rows[at - 1]); at--)
			rows[at] = rows[at - 1];
		rows[at] = i;
	}
	fprintf(f,
		"<h2>Pairs of nodes</h2><div class=\"card outages\"><p class=\"soft\"><i class=\"key reached\"></i> in "
		"contact <i "
		"class=\"key searching\"></i> links join them, no contact yet <i class=\"key apart\"></i> no link or "
		"no power. In bold: what the scenario asks for.</p>\n");
	page_mark_words_put(f, r);
	for (unsigned i = 0; i < count; i++)
		outage_put(f, r, rows[i]);
	page_ticks_put(f, r);
	if (r->pair_count > count)
		fprintf(f, "<p class=\"soft\">%u more pairs were out for no longer than the last of these.</p>",
			r->pair_count - count);
	fprintf(f, "</div>\n");
}

/* --- how long until a way that exists is used ---------------------------------------------- */

void page_searches_put(FILE *f, const struct record *r)
{
	unsigned most = r->searches_open ? r->searches_open : 1;

	for (unsigned i = 0; i < RECORD_BINS; i++)
		most = r->searches[i] > most ? r->searches[i] : most;
	fprintf(f,
		"<div class=\"card\"><h3>How long until a way was used</h3><p class=\"soft\">From the moment links "
		"join "
		"two nodes to contact both ways, each time, to %g s.</p><div class=\"bars\">\n",
		(double)r->step_us / 1e6);
	for (unsigned i = 0; i < RECORD_BINS; i++) {
		char edge[32];

		if (i + 1 < RECORD_BINS)
			snprintf(edge, sizeof(edge), "to %g %s",
				record_bin_s(i) < 60 ? record_bin_s(i) : record_bin_s(i) / 60,
				record_bin_s(i) < 60 ? "s" : "min");
		else
			snprintf(edge, sizeof(edge), "longer");
		fprintf(f, "<span>%s</span><div><i style=\"width:%.1f%%\"></i></div><b>%u</b>\n", edge,
			100.0 * r->searches[i] / most, r->searches[i]);
	}
	fprintf(f,
		"<span>not yet</span><div><i class=\"open\" style=\"width:%.1f%%\"></i></div><b>%u</b></div></div>\n",
		100.0 * r->searches_open / most, r->searches_open);
}
