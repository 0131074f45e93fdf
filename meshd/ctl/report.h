/*
 * What a report tells, drawn from the entries of incident logs: outages, what worked
 * when, faults and their repair, what people did. Times are those of the story's clock
 * (meshd/chronicle/chronicle.h), cut to the range that was asked for.
 */
#ifndef MESHD_CTL_REPORT_H
#define MESHD_CTL_REPORT_H

#include "meshd/ctl/ctl.h"

#define REPORT_PROMISE_MS 600000 /* within ten minutes something works again */
#define REPORT_OPEN INT64_MAX /* an end that is not there yet */

struct report_outage {
	unsigned log; /* who watched */
	const char *site;
	const json_t *data; /* as it was said last; docs/control.md, outages */
	int64_t began_ms;
	int64_t said_ms; /* last */
	bool is_over;
};

/* A class to a site worked, or did not, as somebody saw it. Without a span nobody looked. */
struct report_span {
	unsigned log;
	const char *site;
	unsigned class;
	int64_t from_ms, to_ms;
	bool works;
};

struct report_fault {
	unsigned log;
	const char *kind, *subject; /* of an alarm; "neighbour", and its name */
	const char *link; /* of a neighbour; NULL */
	const char *what, *action; /* action NULL: none was named */
	bool is_red;
	int64_t from_ms, to_ms; /* REPORT_OPEN */
	bool is_cut; /* the node was stopped meanwhile: when it was repaired is not known */
};

/* What is shown in one group of lanes. */
struct report_site {
	unsigned log;
	const char *site;
	int64_t seen_ms[TRAFFIC_CLASSES], worked_ms[TRAFFIC_CLASSES]; /* looked at, and working */
};

struct report {
	struct story *story;
	size_t outage_count, span_count, fault_count, site_count, message_count;
	struct report_outage *outages;
	struct report_span *spans;
	struct report_fault *faults;
	struct report_site *sites;
	const struct chronicle_entry **messages; /* the last state of each that was written, by when that was */
};

/* Reads it all; false: memory. report_free() in any case. */
bool report_make(struct report *r, struct story *story);
void report_free(struct report *r);
/* Milliseconds from the beginning; REPORT_OPEN: not yet. */
int64_t report_mark_ms(const struct report_outage *o, unsigned mark);
/* "4.0 s", "12 min 05 s". */
const char *report_span_text(int64_t ms, char text[WORDS_MAX]);
/* The next fault, from *at on, that began when the outage did; NULL: no more. */
const struct report_fault *report_cause(const struct report *r, const struct report_outage *o, size_t *at);
/* How good the clock of a process was, in a sentence. */
const char *report_clock_text(const struct chronicle_process *p, char text[STORY_TEXT]);

/* report_messages.c: reads what became of messages; false: memory. When one was written; all of them, nothing if there
 * were none. */
bool report_messages_read(struct report *r);
int64_t report_written_ms(const struct chronicle_entry *e);
void report_messages_put(const struct report *r, FILE *out);
/* report_time.c: lanes of each site over time.
 * report_html.c, report_csv.c: all of it. */
void report_lanes_put(const struct report *r, FILE *out);
void report_html(const struct report *r, FILE *out);
void report_csv(const struct report *r, FILE *out);

#endif
