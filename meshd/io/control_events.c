/* "events": what happened lately, and, for who follows, what happens from now on. */
#include "meshd/io/control.h"

#include <string.h>

json_t *event_make(const struct daemon *d, uint64_t number, const struct event *event)
{
	return json_pack("{s:I, s:f, s:s, s:s, s:o}", "number", (json_int_t)number, "at_s",
		(double)((event->at_us - d->start_us) / 1000) / 1000, "grade",
		event_grade_name(event_grade(event->code)), "code", event->code, "text", json_of_text(event->text));
}

json_t *answer_events(struct view *v, const json_t *request)
{
	const struct events *e = &v->d->events;
	uint64_t first = events_first(e), from = page_from(request);
	bool is_follow = json_is_true(json_object_get(request, "follow"));
	json_t *events = json_array();

	/* Who names no beginning has seen nothing yet, and misses nothing. */
	uint64_t lost = from && from < first ? first - from : 0, at = from > first ? from : first, end = at + PAGE_LEN;
	if (is_follow && !json_object_get(request, "from"))
		at = e->next;
	for (; at < e->next && at < end; at++)
		json_array_append_new(events, event_make(v->d, at, events_at(e, at)));
	if (is_follow)
		v->asker->follow = at;
	return json_pack("{s:b, s:f, s:I, s:o, s:o}", "ok", 1, "now_s",
		(double)((v->now_us - v->d->start_us) / 1000) / 1000, "lost", (json_int_t)lost, "next",
		at < e->next && !is_follow ? json_integer((json_int_t)at) : json_null(), "events", events);
}
