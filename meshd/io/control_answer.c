/* From a line to an answer: parses, dispatches, prints. Only "reload", "silence", "revoke", "grant" and "send"
 * change anything; "reach" sends questions. */
#include "meshd/io/control.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	answer_function answer;
} requests[] = {
	{ "status", answer_status },
	{ "nodes", answer_nodes },
	{ "links", answer_links },
	{ "routes", answer_routes },
	{ "why", answer_why },
	{ "trace", answer_trace },
	{ "names", answer_names },
	{ "reload", answer_reload },
	{ "diff", answer_diff },
	{ "steer", answer_steer },
	{ "classes", answer_classes },
	{ "reach", answer_reach },
	{ "events", answer_events },
	{ "alarms", answer_alarms },
	{ "silence", answer_silence },
	{ "outages", answer_outages },
	{ "members", answer_members },
	{ "revoke", answer_revoke },
	{ "grant", answer_grant },
	{ "send", answer_send },
	{ "inbox", answer_inbox },
	{ "outbox", answer_outbox },
	{ "mail", answer_mail },
	{ "log", answer_log },
	{ "logs", answer_logs },
	{ "pair", answer_pair },
	{ "capture", answer_capture },
};
#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

json_t *answer_error(const char *format, ...)
{
	char text[IO_ERROR_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return json_pack("{s:b, s:o}", "ok", 0, "error", json_of_text(text));
}

size_t page_from(const json_t *request)
{
	json_int_t from = json_integer_value(json_object_get(request, "from"));

	return from > 0 ? (size_t)from : 0;
}

json_t *page_next(size_t from, size_t total)
{
	return from < total && total - from > PAGE_LEN ? json_integer((json_int_t)from + PAGE_LEN) : json_null();
}

static answer_function request_find(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "request"));

	for (size_t i = 0; name && i < REQUESTS; i++)
		if (strcmp(requests[i].name, name) == 0)
			return requests[i].answer;
	return NULL;
}

static json_t *unknown_answer(void)
{
	char names[IO_ERROR_MAX] = "";
	size_t len = 0;

	for (size_t i = 0; i < REQUESTS && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "", requests[i].name);
	return answer_error("\"request\" is one of %s", names);
}

json_t *control_reply(struct daemon *d, const json_t *request, struct asker *asker)
{
	answer_function answer = request_find(request);

	if (!answer)
		return unknown_answer();
	asker->follow = CONTROL_NO_FOLLOW;
	asker->waits = false;
	asker->tap = NULL;
	struct view *v = view_new(d);
	if (!v)
		return NULL;
	v->asker = asker;
	json_t *result = answer(v, request);
	view_free(v);
	return result;
}

/* JSON as a line, newline included; takes `answer` over. */
char *control_line(json_t *answer)
{
	char *line = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	size_t len = line ? strlen(line) : 0;
	char *longer = line ? realloc(line, len + 2) : NULL;

	json_decref(answer);
	if (!longer) {
		free(line);
		return NULL;
	}
	longer[len] = '\n';
	longer[len + 1] = 0;
	return longer;
}

char *control_event_line(const struct daemon *d, uint64_t *number)
{
	uint64_t first = events_first(&d->events);

	if (*number < first) {
		json_int_t lost = (json_int_t)(first - *number);

		*number = first;
		return control_line(json_pack("{s:I}", "lost", lost));
	}
	const struct event *event = events_at(&d->events, *number);
	return event ? control_line(event_make(d, (*number)++, event)) : NULL;
}

char *control_answer(struct daemon *d, struct bytes request, struct asker *asker)
{
	json_error_t trouble;
	json_t *answer = NULL, *parsed = NULL;

	asker->follow = CONTROL_NO_FOLLOW;
	asker->waits = false;
	asker->tap = NULL;
	if (request.len >= CONTROL_LINE_MAX)
		answer = answer_error("the line has more than %d bytes; ask one thing at a time", CONTROL_LINE_MAX - 1);
	else if (!(parsed = json_loadb((const char *)request.data, request.len, JSON_REJECT_DUPLICATES, &trouble)))
		answer = answer_error("not JSON: %s; write {\"request\": \"status\"} on one line", trouble.text);
	else
		answer = control_reply(d, parsed, asker);
	json_decref(parsed);
	return asker->waits ? NULL : control_line(answer);
}
