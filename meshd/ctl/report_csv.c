/* The report for a spreadsheet: one table, whose first column says what a line is. */
#include "meshd/ctl/report.h"

#include <string.h>

/* RFC 4180; what a spreadsheet would take for a formula begins with a quote. */
static void field_put(FILE *out, const char *text)
{
	bool is_formula = *text && strchr("=+-@\t\r", *text);

	fprintf(out, ",\"%s", is_formula ? "'" : "");
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void line_put(const struct report *r, FILE *out, const char *kind, unsigned log, int64_t from_ms, int64_t to_ms,
	const char *subject, const char *what)
{
	char from[DATE_TIME_TEXT], to[DATE_TIME_TEXT];

	fprintf(out, "%s", kind);
	field_put(out, r->story->chronicle.logs[log].node);
	fprintf(out, ",%s,", date_time_format(from_ms, from));
	if (to_ms != REPORT_OPEN)
		fprintf(out, "%s,%.1f", date_time_format(to_ms, to), (double)(to_ms - from_ms) / 1000);
	else
		fprintf(out, ",");
	field_put(out, subject);
	field_put(out, what);
	fprintf(out, "\r\n");
}

static void outages_put(const struct report *r, FILE *out)
{
	static const char *const kinds[WORDS_MARKS] = { "first-contact", "first-text", "first-voice", "first-picture",
		"restored" };
	char lost[WORDS_MAX];

	for (size_t i = 0; i < r->outage_count; i++) {
		const struct report_outage *o = &r->outages[i];
		int64_t restored_ms = report_mark_ms(o, WORDS_MARKS - 1);

		line_put(r, out, "outage", o->log, o->began_ms,
			restored_ms == REPORT_OPEN ? REPORT_OPEN : o->began_ms + restored_ms, o->site,
			words_lost(o->data, lost));
		for (unsigned m = 0; m < WORDS_MARKS; m++)
			if (report_mark_ms(o, m) != REPORT_OPEN)
				line_put(r, out, kinds[m], o->log, o->began_ms, o->began_ms + report_mark_ms(o, m),
					o->site, words_lost(o->data, lost));
	}
}

static void spans_put(const struct report *r, FILE *out)
{
	char share[32];

	for (size_t i = 0; i < r->span_count; i++)
		line_put(r, out, r->spans[i].works ? "works" : "out", r->spans[i].log, r->spans[i].from_ms,
			r->spans[i].to_ms, r->spans[i].site, words_purposes[r->spans[i].class]);
	for (size_t i = 0; i < r->site_count; i++)
		for (unsigned class = 0; class < TRAFFIC_CLASSES; class ++) {
			const struct report_site *s = &r->sites[i];

			if (!s->seen_ms[class])
				continue;
			snprintf(share, sizeof(share), "%s %.2f %%", words_purposes[class],
				100.0 * (double)s->worked_ms[class] / (double)s->seen_ms[class]);
			line_put(r, out, "available", s->log, r->story->from_ms,
				r->story->from_ms + s->worked_ms[class], s->site, share);
		}
}

void report_csv(const struct report *r, FILE *out)
{
	const struct chronicle *log = &r->story->chronicle;
	char text[STORY_TEXT];

	fprintf(out, "kind,node,from,to,seconds,subject,what\r\n");
	outages_put(r, out);
	spans_put(r, out);
	for (size_t i = 0; i < r->fault_count; i++) {
		const struct report_fault *f = &r->faults[i];

		snprintf(text, sizeof(text), "%s %s", f->link ? f->link : f->kind, f->subject);
		line_put(r, out, f->is_cut ? "fault-until-stop" : "fault", f->log, f->from_ms, f->to_ms, text, f->what);
	}
	for (size_t i = 0; i < r->message_count; i++) {
		const struct chronicle_entry *e = r->messages[i];
		const char *state = json_text(e->data, "state");

		snprintf(text, sizeof(text), "%s%s", state, json_flag(e->data, "urgent") ? ", urgent" : "");
		line_put(r, out, "message", e->log, report_written_ms(e),
			strcmp(state, "delivered") == 0 ? e->date_ms : REPORT_OPEN, json_text(e->data, "to"), text);
	}
	for (unsigned i = 0; i < log->process_count; i++)
		line_put(r, out, "clock", log->processes[i].log, log->processes[i].first_ms, log->processes[i].last_ms,
			"", report_clock_text(&log->processes[i], text));
	for (unsigned i = 0; i < log->log_count; i++)
		line_put(r, out, "signature", i, r->story->from_ms, r->story->to_ms, "",
			story_trust_text(r->story, i, text));
	for (size_t i = 0; i < log->entry_count; i++) {
		const struct chronicle_entry *e = &log->entries[i];

		if (story_tells(r->story, e))
			line_put(r, out, strcmp(e->code, "operator") == 0 ? "operator" : "event", e->log, e->date_ms,
				REPORT_OPEN, e->code, e->text);
	}
}
