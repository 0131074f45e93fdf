/* From entries to what a report tells (report.h). */
#include "meshd/ctl/report.h"

#include "meshd/base/build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CAUSE_BEFORE_MS 60000 /* a fault that began so long before an outage, or after, may be its cause */
#define CAUSE_AFTER_MS 15000

static const char *text_of(const struct chronicle_entry *e, const char *key)
{
	return json_text(e->data, key);
}

static int64_t number_of(const struct chronicle_entry *e, const char *key)
{
	return json_number(e->data, key);
}

static bool is(const struct chronicle_entry *e, const char *code)
{
	return strcmp(e->code, code) == 0;
}

/* One more at the end; NULL: memory. */
static void *grown(void *list, size_t *count, size_t size)
{
	void **all = list;
	void *more = realloc(*all, (*count + 1) * size);

	if (!more)
		return NULL;
	*all = more;
	return (char *)more + (*count)++ * size;
}

/* --- outages ------------------------------------------------------------------------------------ */

static bool outage_read(struct report *r, const struct chronicle_entry *e)
{
	bool is_outage = is(e, "outage") || is(e, "outage-mark") || is(e, "outage-over");
	struct report_outage *o = NULL;

	if (!is_outage || !e->data)
		return true;
	/* One that goes on over a restart is told again; it is known by its date. */
	for (size_t i = 0; i < r->outage_count && !o; i++)
		if (r->outages[i].log == e->log && strcmp(r->outages[i].site, text_of(e, "site")) == 0 &&
			json_number(r->outages[i].data, "began_unix_s") == number_of(e, "began_unix_s"))
			o = &r->outages[i];
	if (!o) {
		o = grown(&r->outages, &r->outage_count, sizeof(*o));
		if (!o)
			return false;
		*o = (struct report_outage){ .log = e->log, .site = text_of(e, "site") };
		o->began_ms = e->date_ms - number_of(e, "age_ms");
	}
	o->data = e->data;
	o->said_ms = e->date_ms;
	o->is_over = is(e, "outage-over");
	return true;
}

int64_t report_mark_ms(const struct report_outage *o, unsigned mark)
{
	const json_t *after = json_object_get(o->data, words_mark_keys[mark]);

	return json_is_number(after) ? (int64_t)(1000 * json_number_value(after)) : REPORT_OPEN;
}

/* --- what worked ----------------------------------------------------------------------------------- */

static void span_end(struct report *r, unsigned log, const char *site, unsigned class, int64_t at_ms)
{
	for (size_t i = r->span_count; i-- > 0;) {
		struct report_span *s = &r->spans[i];

		if (s->log != log || (site && (strcmp(s->site, site) != 0 || s->class != class)) ||
			s->to_ms != REPORT_OPEN)
			continue;
		s->to_ms = at_ms > s->from_ms ? at_ms : s->from_ms;
		if (site)
			return;
	}
}

static bool span_read(struct report *r, const struct chronicle_entry *e)
{
	const char *name = text_of(e, "class");
	unsigned class;

	if (!is(e, "watch") || !e->data)
		return true;
	if (traffic_class_parse(&class, name) < 0) { /* it is watched no longer */
		for (class = 0; class < TRAFFIC_CLASSES; class ++)
			span_end(r, e->log, text_of(e, "site"), class, e->date_ms);
		return true;
	}
	int64_t at_ms = e->date_ms - number_of(e, "ago_ms");
	span_end(r, e->log, text_of(e, "site"), class, at_ms);
	struct report_span *s = grown(&r->spans, &r->span_count, sizeof(*s));
	if (!s)
		return false;
	*s = (struct report_span){ e->log, text_of(e, "site"), class, at_ms, REPORT_OPEN, json_flag(e->data, "works") };
	return true;
}

/* --- faults ------------------------------------------------------------------------------------------ */

static struct report_fault *fault_find(struct report *r, unsigned log, const char *kind, const char *subject)
{
	for (size_t i = r->fault_count; i-- > 0;) {
		struct report_fault *f = &r->faults[i];

		if (f->log == log && f->to_ms == REPORT_OPEN && strcmp(f->kind, kind) == 0 &&
			strcmp(f->subject, subject) == 0)
			return f;
	}
	return NULL;
}

static bool fault_add(struct report *r, const struct report_fault *fault)
{
	struct report_fault *f = grown(&r->faults, &r->fault_count, sizeof(*f));

	if (f)
		*f = *fault;
	return f;
}

static bool alarm_read(struct report *r, const struct chronicle_entry *e)
{
	bool is_red = is(e, "alarm-red"), begins = is_red || is(e, "alarm-amber");
	const char *kind = text_of(e, "kind"), *subject = text_of(e, "subject");
	struct report_fault *open = e->data ? fault_find(r, e->log, kind, subject) : NULL;

	if (is(e, "alarm-over") && open)
		open->to_ms = e->date_ms - number_of(e, "seen_ms");
	if (!begins || !e->data || open)
		return true;
	return fault_add(r, &(struct report_fault){ .log = e->log,
				    .kind = kind,
				    .subject = subject,
				    .what = text_of(e, "what"),
				    .action = text_of(e, "action"),
				    .is_red = is_red,
				    .from_ms = e->date_ms - number_of(e, "since_ms"),
				    .to_ms = REPORT_OPEN });
}

/* "radio0 bravo: nothing heard for 3 s": what is behind the name. */
static const char *reason_of(const struct chronicle_entry *e)
{
	const char *colon = strstr(e->text, ": ");

	return colon ? colon + 2 : e->text;
}

static bool neighbour_read(struct report *r, const struct chronicle_entry *e)
{
	const char *name = text_of(e, "neighbour"), *link = text_of(e, "link");
	bool is_up = is(e, "neighbour-up"), is_down = is(e, "neighbour-down");

	if (!e->data || (!is_up && !is_down))
		return true;
	for (size_t i = r->fault_count; i-- > 0;) {
		struct report_fault *f = &r->faults[i];

		if (f->log != e->log || !f->link || f->to_ms != REPORT_OPEN || strcmp(f->link, link) != 0 ||
			strcmp(f->subject, name) != 0)
			continue;
		if (is_up)
			f->to_ms = e->date_ms;
		return true;
	}
	return is_up || fault_add(r, &(struct report_fault){ .log = e->log,
					     .kind = "neighbour",
					     .subject = name,
					     .link = link,
					     .what = reason_of(e),
					     .from_ms = e->date_ms,
					     .to_ms = REPORT_OPEN });
}

/* A node that is stopped or killed sees neither the end of a fault nor what works. */
static void process_end(struct report *r, const struct chronicle_process *p)
{
	span_end(r, p->log, NULL, 0, p->last_ms);
	for (size_t i = 0; i < r->fault_count; i++)
		if (r->faults[i].log == p->log && r->faults[i].to_ms == REPORT_OPEN) {
			r->faults[i].to_ms = p->last_ms;
			r->faults[i].is_cut = true;
		}
}

const struct report_fault *report_cause(const struct report *r, const struct report_outage *o, size_t *at)
{
	while (*at < r->fault_count) {
		const struct report_fault *f = &r->faults[(*at)++];

		if (f->log == o->log && f->from_ms >= o->began_ms - CAUSE_BEFORE_MS &&
			f->from_ms <= o->began_ms + CAUSE_AFTER_MS)
			return f;
	}
	return NULL;
}

/* --- the range ----------------------------------------------------------------------------------------- */

/* False: nothing of it is within. */
static bool cut(const struct story *s, int64_t *from_ms, int64_t *to_ms)
{
	if (*from_ms > s->to_ms || *to_ms < s->from_ms)
		return false;
	*from_ms = *from_ms < s->from_ms ? s->from_ms : *from_ms;
	*to_ms = *to_ms > s->to_ms ? s->to_ms : *to_ms;
	return true;
}

static struct report_site *site_find(struct report *r, unsigned log, const char *site)
{
	for (size_t i = 0; i < r->site_count; i++)
		if (r->sites[i].log == log && strcmp(r->sites[i].site, site) == 0)
			return &r->sites[i];
	struct report_site *s = grown(&r->sites, &r->site_count, sizeof(*s));
	if (s)
		*s = (struct report_site){ .log = log, .site = site };
	return s;
}

static bool spans_cut(struct report *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->span_count; i++) {
		struct report_span s = r->spans[i];
		struct report_site *site;

		if (!cut(r->story, &s.from_ms, &s.to_ms) || s.to_ms == s.from_ms)
			continue;
		site = site_find(r, s.log, s.site);
		if (!site)
			return false;
		site->seen_ms[s.class] += s.to_ms - s.from_ms;
		site->worked_ms[s.class] += s.works ? s.to_ms - s.from_ms : 0;
		r->spans[kept++] = s;
	}
	r->span_count = kept;
	return true;
}

static void rest_cut(struct report *r)
{
	const struct story *s = r->story;
	size_t kept = 0;

	for (size_t i = 0; i < r->fault_count; i++)
		if (r->faults[i].from_ms <= s->to_ms && r->faults[i].to_ms >= s->from_ms)
			r->faults[kept++] = r->faults[i];
	r->fault_count = kept;
	kept = 0;
	for (size_t i = 0; i < r->outage_count; i++) {
		const struct report_outage *o = &r->outages[i];
		int64_t restored_ms = o->is_over ? report_mark_ms(o, WORDS_MARKS - 1) : REPORT_OPEN;
		bool is_before = restored_ms != REPORT_OPEN && o->began_ms + restored_ms < s->from_ms;

		if (o->began_ms <= s->to_ms && !is_before)
			r->outages[kept++] = *o;
	}
	r->outage_count = kept;
}

static int fault_compare(const void *a, const void *b)
{
	const struct report_fault *x = a, *y = b;

	return (x->from_ms > y->from_ms) - (x->from_ms < y->from_ms);
}

bool report_make(struct report *r, struct story *story)
{
	const struct chronicle *log = &story->chronicle;
	/* What each process has written last; then what it did not see to the end is over. */
	size_t *left = calloc(log->process_count + 1, sizeof(*left));
	bool is_good = left;

	*r = (struct report){ .story = story };
	for (size_t i = 0; is_good && i < log->entry_count; i++)
		left[log->entries[i].process]++;
	for (size_t i = 0; is_good && i < log->entry_count; i++) {
		const struct chronicle_entry *e = &log->entries[i];

		is_good = outage_read(r, e) && span_read(r, e) && alarm_read(r, e) && neighbour_read(r, e);
		bool is_last = --left[e->process] == 0, goes_on = false;
		for (size_t k = i + 1; is_last && k < log->entry_count && !goes_on; k++)
			goes_on = log->entries[k].log == e->log;
		if (is_last && (goes_on || is(e, "stopped")))
			process_end(r, &log->processes[e->process]);
		else if (is_last) /* it runs, as far as is known */
			span_end(r, e->log, NULL, 0, e->date_ms);
	}
	free(left);
	is_good = is_good && report_messages_read(r) && spans_cut(r);
	rest_cut(r);
	if (r->fault_count)
		qsort(r->faults, r->fault_count, sizeof(r->faults[0]), fault_compare);
	return is_good;
}

void report_free(struct report *r)
{
	free(r->outages);
	free(r->spans);
	free(r->faults);
	free(r->sites);
	free(r->messages);
	*r = (struct report){ 0 };
}

/* --- words ------------------------------------------------------------------------------------------------ */

const char *report_span_text(int64_t ms, char text[WORDS_MAX])
{
	long long s = (ms + 500) / 1000;

	if (ms < 20000)
		snprintf(text, WORDS_MAX, "%.1f s", (double)ms / 1000);
	else if (s < 120)
		snprintf(text, WORDS_MAX, "%lld s", s);
	else if (s < 7200)
		snprintf(text, WORDS_MAX, "%lld min %02lld s", s / 60, s % 60);
	else if (s < 172800)
		snprintf(text, WORDS_MAX, "%lld h %02lld min", s / 3600, s / 60 % 60);
	else
		snprintf(text, WORDS_MAX, "%lld days", s / 86400);
	return text;
}

const char *report_clock_text(const struct chronicle_process *p, char text[STORY_TEXT])
{
	const char *kept = p->is_told ? "kept by nobody" : "kept by nobody as far as is known";
	char span[WORDS_MAX], spread[WORDS_MAX];
	int len;

	if (p->is_synced && p->error_ms >= 0)
		len = snprintf(text, STORY_TEXT, "kept right, to %s at worst", report_span_text(p->error_ms, span));
	else if (p->is_synced)
		len = snprintf(text, STORY_TEXT, "kept right");
	else if (p->compared && llabs(p->shifted_ms) < 1000)
		len = snprintf(text, STORY_TEXT, "%s, and as other nodes have it: %u meeting%s agree%s to %s", kept,
			p->compared, p->compared == 1 ? "" : "s", p->compared == 1 ? "s" : "",
			report_span_text(p->spread_ms, spread));
	else if (p->compared)
		len = snprintf(text, STORY_TEXT,
			"%s; moved by %s%s, by %u meeting%s with other nodes, which agree to %s", kept,
			p->shifted_ms < 0 ? "-" : "", report_span_text(llabs(p->shifted_ms), span), p->compared,
			p->compared == 1 ? "" : "s", report_span_text(p->spread_ms, spread));
	else if (p->last_ms / 1000 < (int64_t)build_s)
		len = snprintf(text, STORY_TEXT,
			"WRONG: these dates are before this program was made; spans of time are right");
	else
		len = snprintf(
			text, STORY_TEXT, "%s: how wrong its dates are is not known; spans of time are right", kept);
	if (p->set_ms)
		snprintf(text + len, (size_t)(STORY_TEXT - len), "; it was set %s by %s, and what was before is moved",
			p->set_ms < 0 ? "back" : "forward", report_span_text(llabs(p->set_ms), span));
	if (!p->set_ms && p->is_synced && p->compared && p->spread_ms > 5000)
		snprintf(text + len, (size_t)(STORY_TEXT - len), "; other nodes differ by %s",
			report_span_text(p->spread_ms, span));
	return text;
}
