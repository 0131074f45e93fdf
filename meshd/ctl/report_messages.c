/*
 * Messages in the report: what became of each, and how long it took. A log has an entry for each
 * state of what its node has sent; the last one counts. What was written is not in it.
 */
#include "meshd/ctl/report.h"

#include "meshd/base/html.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 500

/* Those of one message together, the last state of it last. */
static int by_message(const void *a, const void *b)
{
	const struct chronicle_entry *x = *(const struct chronicle_entry *const *)a;
	const struct chronicle_entry *y = *(const struct chronicle_entry *const *)b;
	json_int_t x_number = json_number(x->data, "number"), y_number = json_number(y->data, "number");

	if (x->log != y->log)
		return x->log < y->log ? -1 : 1;
	if (x_number != y_number)
		return x_number < y_number ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int64_t report_written_ms(const struct chronicle_entry *e)
{
	return e->date_ms - 1000 * json_number(e->data, "age_s");
}

static int by_date(const void *a, const void *b)
{
	int64_t x = report_written_ms(*(const struct chronicle_entry *const *)a);
	int64_t y = report_written_ms(*(const struct chronicle_entry *const *)b);

	return x < y ? -1 : x > y;
}

/* The last state of each, by when they were written, in the place of all; how many. */
static size_t last_states(const struct chronicle_entry **all, size_t found)
{
	size_t count = 0;

	qsort(all, found, sizeof(const struct chronicle_entry *), by_message);
	for (size_t i = 0; i < found; i++) {
		bool is_last = i + 1 == found || all[i]->log != all[i + 1]->log ||
			       json_number(all[i]->data, "number") != json_number(all[i + 1]->data, "number");

		if (is_last)
			all[count++] = all[i];
	}
	qsort(all, count, sizeof(const struct chronicle_entry *), by_date);
	return count;
}

bool report_messages_read(struct report *r)
{
	const struct chronicle *c = &r->story->chronicle;
	size_t found = 0;

	r->messages = calloc(c->entry_count + 1, sizeof(const struct chronicle_entry *));
	for (size_t i = 0; r->messages && i < c->entry_count; i++)
		if (strcmp(c->entries[i].code, "message-state") == 0 && story_has(r->story, c->entries[i].date_ms))
			r->messages[found++] = &c->entries[i];
	r->message_count = found ? last_states(r->messages, found) : 0;
	return r->messages;
}

static bool is_delivered(const struct chronicle_entry *e)
{
	return strcmp(json_text(e->data, "state"), "delivered") == 0;
}

static void row_put(const struct report *r, FILE *out, const struct chronicle_entry *e)
{
	char date[DATE_TIME_TEXT], span[WORDS_MAX];
	bool is_late = !is_delivered(e) && strcmp(json_text(e->data, "state"), "expired") == 0;

	fprintf(out, "<tr><td class=\"time\" data-label=\"written\">%s</td><td data-label=\"from\">",
		date_time_format(report_written_ms(e), date));
	html_put(out, r->story->chronicle.logs[e->log].node);
	fprintf(out, "</td><td data-label=\"to\">");
	html_put(out, json_text(e->data, "to"));
	fprintf(out, "</td><td data-label=\"urgent\">%s</td><td class=\"span%s\" data-label=\"became of it\">",
		json_flag(e->data, "urgent") ? "urgent" : "\xe2\x80\x93", is_late ? " late" : "");
	html_put(out, json_text(e->data, "state"));
	if (is_delivered(e))
		fprintf(out, " after %s", report_span_text(1000 * json_number(e->data, "age_s"), span));
	fprintf(out, "</td></tr>\n");
}

static void sum_put(const struct report *r, FILE *out)
{
	size_t delivered = 0;
	json_int_t slowest_s = 0;
	char span[WORDS_MAX];

	for (size_t i = 0; i < r->message_count; i++) {
		json_int_t age_s = json_number(r->messages[i]->data, "age_s");

		delivered += is_delivered(r->messages[i]);
		slowest_s = is_delivered(r->messages[i]) && age_s > slowest_s ? age_s : slowest_s;
	}
	fprintf(out, "<p>%zu written, %zu %s delivered", r->message_count, delivered, delivered == 1 ? "was" : "were");
	if (delivered)
		fprintf(out, ", the slowest after %s", report_span_text(1000 * slowest_s, span));
	fprintf(out, ".</p>\n");
}

void report_messages_put(const struct report *r, FILE *out)
{
	if (!r->message_count)
		return;
	fprintf(out, "<h2>Messages</h2>\n");
	sum_put(r, out);
	fprintf(out, "<div class=\"card\"><table class=\"rows\"><thead><tr><th>Written</th><th>From</th>"
		     "<th>To</th><th>Urgent</th><th>What became of it</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < r->message_count && i < SHOWN_MAX; i++)
		row_put(r, out, r->messages[i]);
	fprintf(out, "</tbody></table>%s</div>\n",
		r->message_count > SHOWN_MAX ? "<p>There are more; meshctl report --csv has them.</p>" : "");
}
