/* The report as one page that needs nothing else: the verdict first, then what worked when, then why. */
#include "meshd/base/html.h"
#include "meshd/ctl/report.h"

#include <inttypes.h>
#include <string.h>

#define EVENTS_SHOWN 2000
#define CAUSES_SHOWN 3

static const char style[] =
	"td.time,td.span{white-space:nowrap}td.late{color:var(--bad);font-weight:600}"
	".late{color:var(--bad)}.amber{color:var(--warn)}td,h1{overflow-wrap:break-word}"
	"details summary{cursor:pointer;font-weight:600;padding:.25rem 0}"
	".log td{padding:.15rem .5rem;font-size:.85rem}tr:has(+.why) td{border-bottom:0}.why "
	"td{color:var(--soft);font-size:.9rem;padding-top:0}small{font-weight:400;color:var(--soft)}"
	"@media print,(min-width:52rem){.sites .site{grid-template-columns:9rem 4.5rem 1fr 9rem}"
	".site b{grid-row:span 3}.sites .ticks{margin-left:15rem;margin-right:9.75rem}}"
	"@media(max-width:40rem){.rows td:not(.mark){margin-left:0}"
	".rows td[data-label]::before{content:attr(data-label) \": \";color:var(--soft);font-size:.85rem}"
	".rows td.head{font-weight:600}.rows td.head::before{content:\"\"!important}"
	"}@media print{h1{font-size:1.5rem}td,th{padding:.2rem .35rem}"
	"table{font-size:9pt}th,td .soft,.why "
	"td{font-size:9pt}.card{break-inside:auto}thead{display:table-header-group}"
	".sites .site{grid-template-columns:7rem 4.5rem 1fr 8.5rem}"
	".sites .ticks{margin-left:13rem;margin-right:9.25rem}details:not([open]){display:none}"
	".all{display:none}}@page{margin:14mm}";

static const char *node_of(const struct report *r, unsigned log)
{
	return r->story->chronicle.logs[log].node;
}

static void cell_put(FILE *out, const char *class, const char *label, const char *text)
{
	fprintf(out, "<td%s%s%s data-label=\"%s\">", *class ? " class=\"" : "", class, *class ? "\"" : "", label);
	html_put(out, text);
	fprintf(out, "</td>");
}

static void date_put(FILE *out, const char *label, int64_t ms)
{
	char text[DATE_TIME_TEXT];

	cell_put(out, "time", label, date_time_format(ms, text));
}

static void heads_put(FILE *out, const char *class, const char *const *heads, unsigned count)
{
	fprintf(out, "<div class=\"card\"><table class=\"rows %s\"><thead><tr>", class);
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "<th>%s</th>", heads[i]);
	fprintf(out, "</tr></thead><tbody>\n");
}

#define HEADS_PUT(out, class, ...)                                                                                     \
	heads_put(out, class, (const char *const[]){ __VA_ARGS__ },                                                    \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* --- the verdict --------------------------------------------------------------------------------- */

/* The longest until that mark, over all outages that are no start; REPORT_OPEN: one has not got it. */
static int64_t longest_until(const struct report *r, unsigned mark)
{
	int64_t longest_ms = 0;

	for (size_t i = 0; i < r->outage_count; i++) {
		int64_t ms = report_mark_ms(&r->outages[i], mark);

		if (!json_flag(r->outages[i].data, "start") && ms > longest_ms)
			longest_ms = ms;
	}
	return longest_ms;
}

static size_t real_outages(const struct report *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->outage_count; i++)
		count += !json_flag(r->outages[i].data, "start");
	return count;
}

static size_t without_text(const struct report *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->outage_count; i++)
		count += !json_flag(r->outages[i].data, "start") && report_mark_ms(&r->outages[i], 1) == REPORT_OPEN;
	return count;
}

/* Those who have not been whole since a node was switched on. */
static size_t never_whole(const struct report *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->outage_count; i++)
		count += json_flag(r->outages[i].data, "start") &&
			 report_mark_ms(&r->outages[i], WORDS_MARKS - 1) == REPORT_OPEN;
	return count;
}

static bool is_late(int64_t ms)
{
	return ms > REPORT_PROMISE_MS;
}

static void tile_put(FILE *out, int64_t ms, const char *what)
{
	char text[WORDS_MAX];

	fprintf(out, "<div class=\"tile\"><b%s>%s</b>%s</div>\n", is_late(ms) ? " class=\"late\"" : "",
		ms == REPORT_OPEN ? "not yet" : report_span_text(ms, text), what);
}

static void verdict_put(const struct report *r, FILE *out)
{
	int64_t text_ms = longest_until(r, 1);
	size_t outages = real_outages(r);
	char span[WORDS_MAX];

	if (!r->site_count && !r->outage_count)
		fprintf(out, "<p class=\"verdict\">No site was watched; node: watch in meshd.yaml names some.</p>\n");
	else if (!outages && never_whole(r))
		fprintf(out, "<p class=\"verdict\">Nothing that was watched was lost, but not all has worked since the "
			     "start: see Outages.</p>\n");
	else if (!outages)
		fprintf(out, "<p class=\"verdict good\">No site that was watched was out.</p>\n");
	else if (text_ms == REPORT_OPEN)
		fprintf(out, "<p class=\"verdict bad\">%zu outage%s; of %zu, text had not come back at the end.</p>\n",
			outages, outages == 1 ? "" : "s", without_text(r));
	else
		fprintf(out, "<p class=\"verdict %s\">%zu outage%s; text was back after %s at the latest%s.</p>\n",
			is_late(text_ms) ? "bad" : "good", outages, outages == 1 ? "" : "s",
			report_span_text(text_ms, span),
			is_late(text_ms) ? ", more than ten minutes" : ", within ten minutes");
	if (!outages)
		return;
	fprintf(out, "<div class=\"tiles\">\n");
	tile_put(out, longest_until(r, 0), "first contact, at the latest");
	tile_put(out, text_ms, "first text");
	tile_put(out, longest_until(r, 2), "first voice");
	tile_put(out, longest_until(r, 3), "first picture");
	fprintf(out, "</div>\n");
}

static void faults_of_logs_put(const struct report *r, FILE *out)
{
	const struct chronicle *log = &r->story->chronicle;
	char text[STORY_TEXT];

	for (unsigned i = 0; i < log->log_count; i++) {
		if (story_holds(r->story, i))
			continue;
		fprintf(out, "<p class=\"bad\"><b>The log of ");
		html_put(out, log->logs[i].node);
		fprintf(out, " does not hold:</b> ");
		html_put(out, story_trust_text(r->story, i, text));
		fprintf(out, "</p>\n");
	}
}

static void head_put(const struct report *r, FILE *out)
{
	const struct chronicle *log = &r->story->chronicle;
	char from[DATE_TIME_TEXT], to[DATE_TIME_TEXT];

	date_time_format(r->story->from_ms, from);
	date_time_format(r->story->to_ms, to);
	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" "
		"content=\"width=device-width,initial-scale=1\"/><meta http-equiv=\"Content-Security-Policy\" "
		"content=\"default-src 'none'; style-src 'unsafe-inline'\"/><title>Report %s</title>"
		"<style>%s%s%s</style></head><body><main>\n<h1><span>Incident report</span><span>%s to %s, as ",
		from, html_style, html_time_style, style, from, to);
	for (unsigned i = 0; i < log->log_count; i++) {
		fprintf(out, "%s", i == 0 ? "" : i + 1 == log->log_count ? " and " : ", ");
		html_put(out, log->logs[i].node);
	}
	fprintf(out, " saw it</span></h1>\n");
}

/* --- outages and availability ------------------------------------------------------------------------ */

/* In a row of their own. */
static void causes_put(const struct report *r, FILE *out, const struct report_outage *o)
{
	const struct report_fault *f = NULL;
	size_t at = 0;
	unsigned count = 0;

	while (!json_flag(o->data, "start") && (f = report_cause(r, o, &at)) && count++ < CAUSES_SHOWN) {
		fprintf(out, "%s", count == 1 ? "<tr class=\"why\"><td colspan=\"8\">at that time: " : "; ");
		if (f->link) {
			html_put(out, f->link);
			fprintf(out, ", ");
			html_put(out, f->subject);
			fprintf(out, ": ");
		}
		html_put(out, f->what);
	}
	fprintf(out, "%s%s", f ? "; ..." : "", count ? "</td></tr>\n" : "");
}

static void outage_put(const struct report *r, FILE *out, const struct report_outage *o)
{
	static const char *const labels[WORDS_MARKS] = { "contact", "text", "voice", "picture", "restored" };
	char text[WORDS_MAX], lost[WORDS_MAX];

	fprintf(out, "<tr>");
	cell_put(out, "head", "site", o->site);
	date_put(out, "began", o->began_ms);
	cell_put(out, "", "lost", words_lost(o->data, lost));
	for (unsigned i = 0; i < WORDS_MARKS; i++) {
		int64_t ms = report_mark_ms(o, i);
		bool is_open = ms == REPORT_OPEN && !o->is_over && o->said_ms - o->began_ms > REPORT_PROMISE_MS;

		cell_put(out, (ms == REPORT_OPEN ? is_open : is_late(ms)) ? "span late" : "span", labels[i],
			ms == REPORT_OPEN ? "\xe2\x80\x93" : report_span_text(ms, text));
	}
	fprintf(out, "</tr>\n");
	causes_put(r, out, o);
}

static void outages_put(const struct report *r, FILE *out)
{
	if (!r->outage_count)
		return;
	fprintf(out, "<h2>Outages</h2>\n");
	HEADS_PUT(out, "outages", "Site", "Began", "Lost", "Contact", "Text", "Voice", "Picture", "Restored");
	for (size_t i = 0; i < r->outage_count; i++)
		outage_put(r, out, &r->outages[i]);
	fprintf(out, "</tbody></table></div><p class=\"soft\">Time from the beginning until something worked again; "
		     "\xe2\x80\x93: not, or it was not lost. Red: more than ten minutes. (start): the node that "
		     "watched was switched on then.</p>\n");
}

static void availability_put(const struct report *r, FILE *out)
{
	char text[WORDS_MAX];

	if (!r->site_count)
		return;
	fprintf(out, "<h2>Availability</h2>\n");
	HEADS_PUT(out, "", "Site", "Seen from", "For", "Watched", "Worked", "Out", "Available");
	for (size_t i = 0; i < r->site_count; i++)
		for (unsigned class = 0; class < TRAFFIC_CLASSES; class ++) {
			const struct report_site *s = &r->sites[i];
			int64_t seen_ms = s->seen_ms[class], worked_ms = s->worked_ms[class];
			char share[32] = "\xe2\x80\x93";

			if (seen_ms)
				snprintf(share, sizeof(share), "%.2f %%", 100.0 * (double)worked_ms / (double)seen_ms);
			fprintf(out, "<tr>");
			cell_put(out, "head", "site", s->site);
			cell_put(out, "", "seen from", node_of(r, s->log));
			cell_put(out, "", "for", words_purposes[class]);
			cell_put(out, "span", "watched", report_span_text(seen_ms, text));
			cell_put(out, "span", "worked", report_span_text(worked_ms, text));
			cell_put(out, "span", "out", report_span_text(seen_ms - worked_ms, text));
			cell_put(out, "span", "available", share);
			fprintf(out, "</tr>\n");
		}
	fprintf(out, "</tbody></table></div><p class=\"soft\">Of the time in which the node that watched was running. "
		     "What never worked there, such as pictures over a thin link, counts as out.</p>\n");
}

/* --- faults and people ---------------------------------------------------------------------------------- */

static void fault_put(const struct report *r, FILE *out, const struct report_fault *f)
{
	char text[WORDS_MAX + 32];

	fprintf(out, "<tr>");
	date_put(out, "began", f->from_ms);
	cell_put(out, "", "at", node_of(r, f->log));
	fprintf(out, "<td class=\"%s\" data-label=\"fault\">", f->link ? "" : f->is_red ? "late" : "amber");
	html_put(out, f->link ? f->link : f->kind);
	fprintf(out, " ");
	html_put(out, f->subject);
	fprintf(out, "</td><td data-label=\"cause\">");
	html_put(out, f->what);
	if (f->action) {
		fprintf(out, "<br/><span class=\"soft\">");
		html_put(out, f->action);
		fprintf(out, "</span>");
	}
	fprintf(out, "</td>");
	if (f->is_cut)
		snprintf(text, sizeof(text), "not known: the node stopped");
	else if (f->to_ms == REPORT_OPEN)
		snprintf(text, sizeof(text), "not yet");
	else
		report_span_text(f->to_ms - f->from_ms, text);
	cell_put(out, f->to_ms == REPORT_OPEN ? "late" : "", "repaired after", text);
	fprintf(out, "</tr>\n");
}

static void faults_put(const struct report *r, FILE *out)
{
	fprintf(out, "<h2>Faults and their repair</h2>\n");
	if (!r->fault_count) {
		fprintf(out, "<p>None was recorded.</p>\n");
		return;
	}
	HEADS_PUT(out, "", "Began", "At", "Fault", "Cause, and what to do", "Repaired after");
	for (size_t i = 0; i < r->fault_count; i++)
		fault_put(r, out, &r->faults[i]);
	fprintf(out, "</tbody></table></div>\n");
}

static void operators_put(const struct report *r, FILE *out)
{
	const struct chronicle *log = &r->story->chronicle;
	unsigned count = 0;

	fprintf(out, "<h2>What people did</h2>\n");
	for (size_t i = 0; i < log->entry_count; i++) {
		const struct chronicle_entry *e = &log->entries[i];

		if (strcmp(e->code, "operator") != 0 || !story_has(r->story, e->date_ms))
			continue;
		if (!count++)
			HEADS_PUT(out, "", "When", "At", "Who", "What");
		fprintf(out, "<tr>");
		date_put(out, "when", e->date_ms);
		cell_put(out, "", "at", node_of(r, e->log));
		cell_put(out, "", "who", json_text(e->data, "who"));
		cell_put(out, "", "what", json_text(e->data, "did"));
		fprintf(out, "</tr>\n");
	}
	fprintf(out, "%s\n", count ? "</tbody></table></div>" : "<p>Nobody changed anything with meshctl.</p>");
}

/* --- how far it is to be believed ------------------------------------------------------------------------ */

static void clocks_put(const struct report *r, FILE *out)
{
	const struct chronicle *log = &r->story->chronicle;
	char text[STORY_TEXT];

	fprintf(out, "<h2>Clocks and signatures</h2>\n");
	HEADS_PUT(out, "", "Node", "Ran from", "To", "Its clock");
	for (unsigned i = 0; i < log->process_count; i++) {
		const struct chronicle_process *p = &log->processes[i];

		if (p->first_ms > r->story->to_ms || p->last_ms < r->story->from_ms)
			continue;
		fprintf(out, "<tr>");
		cell_put(out, "", "node", node_of(r, p->log));
		date_put(out, "from", p->first_ms);
		date_put(out, "to", p->last_ms);
		cell_put(out, "", "clock", report_clock_text(p, text));
		fprintf(out, "</tr>\n");
	}
	fprintf(out, "</tbody></table></div>\n");
	for (unsigned i = 0; i < log->log_count; i++) {
		fprintf(out, "<p class=\"soft\">Log of ");
		html_put(out, log->logs[i].node);
		if (log->logs[i].is_copy)
			fprintf(out, ", until %s", date_time_format(log->logs[i].until_ms, text));
		fprintf(out, ", runs %" PRIu64 " to %" PRIu64 ": ", log->logs[i].first, log->logs[i].last);
		html_put(out, story_trust_text(r->story, i, text));
		fprintf(out, ".</p>\n");
	}
}

static void events_put(const struct report *r, FILE *out)
{
	const struct chronicle *log = &r->story->chronicle;
	unsigned count = 0;

	fprintf(out, "<h2 class=\"all\">Everything</h2><div class=\"card all\"><details><summary>All that was "
		     "recorded</summary><table "
		     "class=\"log\"><tbody>\n");
	for (size_t i = 0; i < log->entry_count && count < EVENTS_SHOWN; i++) {
		const struct chronicle_entry *e = &log->entries[i];

		if (!story_tells(r->story, e))
			continue;
		count++;
		fprintf(out, "<tr>");
		date_put(out, "", e->date_ms);
		if (log->log_count > 1)
			cell_put(out, "", "", node_of(r, e->log));
		cell_put(out, "", "", e->code);
		cell_put(out, "", "", e->text);
		fprintf(out, "</tr>\n");
	}
	fprintf(out, "</tbody></table>%s</details></div>\n",
		count == EVENTS_SHOWN ? "<p>There is more; meshctl log has it, and --csv.</p>" : "");
}

void report_html(const struct report *r, FILE *out)
{
	head_put(r, out);
	faults_of_logs_put(r, out);
	verdict_put(r, out);
	report_lanes_put(r, out);
	outages_put(r, out);
	availability_put(r, out);
	faults_put(r, out);
	report_messages_put(r, out);
	operators_put(r, out);
	clocks_put(r, out);
	events_put(r, out);
	fprintf(out, "<p class=\"soft\">Made by meshctl " MESHD_VERSION " from signed incident logs. It needs no "
		     "network.</p></main></body></html>\n");
}
