/* meshctl events: what happened lately, and with --follow what happens, a line each. */
#include "meshd/ctl/ctl.h"

#include <errno.h>

static void event_print(const json_t *event, FILE *out)
{
	if (json_object_get(event, "lost"))
		fprintf(out, "%lld events are no longer known\n", (long long)json_number(event, "lost"));
	else
		fprintf(out, "%.3f %s %s %s\n", json_real_value(json_object_get(event, "at_s")),
			json_text(event, "grade"), json_text(event, "code"), json_text(event, "text"));
}

void events_print(const json_t *answer, FILE *out)
{
	const json_t *event;
	size_t i;

	json_array_foreach (json_object_get(answer, "events"), i, event)
		event_print(event, out);
}

/* The answer has those from before, if any were asked for; each later line is one. */
static void line_print(void *arg, const json_t *line)
{
	const struct question *q = arg;
	const json_t *list = json_object_get(line, "events"), *event;
	size_t i;

	if (!list && q->json) {
		json_dumpf(line, stdout, JSON_COMPACT);
		fputc('\n', stdout);
	} else if (!list) {
		event_print(line, stdout);
	}
	json_array_foreach (list, i, event)
		line_print(arg, event);
	fflush(stdout);
}

static int follow(struct question *q)
{
	json_t *request = json_pack("{s:s, s:b}", "request", "events", "follow", 1);
	char error[CTL_ERROR_MAX];

	return client_fail(client_follow(q->socket, request, line_print, q, error), error);
}

int command_events(int argc, char **argv)
{
	struct question q;
	int status = question_parse(&q, argc, argv, QUESTION_FOLLOW);

	if (status)
		return status;
	if (q.follow)
		return follow(&q);
	json_t *answer = question_ask(&q, "events", &status);
	if (!answer)
		return status;
	answer_print(&q, answer, events_print);
	json_decref(answer);
	return CTL_GOOD;
}
