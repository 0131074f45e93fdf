/* What the commands that ask meshd have in common. */
#include "meshd/base/traffic.h"
#include "meshd/ctl/ctl.h"

#include <errno.h>

int question_parse(struct question *q, int argc, char **argv, unsigned words)
{
	*q = (struct question){ 0 };
	const struct option_spec specs[] = {
		{ "--json", .flag = &q->json },
		{ "--socket", .text = &q->socket },
		{ "--follow", .flag = &q->follow },
	};
	/* The last one is there only if it may be written. */
	const size_t count = sizeof(specs) / sizeof(specs[0]) - !(words & QUESTION_FOLLOW);
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX];
	unsigned at = 0, class;

	if (arguments_parse(argc, argv, specs, count, &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (words & QUESTION_DEST && !rest.count)
		return ctl_fail(CTL_USAGE, "write one destination: a node's name, an address or a prefix");
	if (words & QUESTION_DEST)
		q->dest = rest.texts[at++];
	if (words & QUESTION_CLASS && at < rest.count)
		q->class = rest.texts[at++];
	if (q->class && traffic_class_parse(&class, q->class) < 0)
		return ctl_fail(CTL_USAGE, "\"%s\" is no class; write text, command or bulk", q->class);
	if (at < rest.count && words & QUESTION_DEST)
		return ctl_fail(CTL_USAGE, "\"%s\" is one word too many; write one destination", rest.texts[at]);
	if (at < rest.count)
		return ctl_fail(CTL_USAGE, "\"%s\" does not belong here", rest.texts[at]);
	if (!q->socket)
		q->socket = CTL_SOCKET;
	return 0;
}

static json_t *page_ask(
	const struct question *q, const char *request, json_int_t from, int *code, char error[CTL_ERROR_MAX])
{
	json_t *o = json_pack("{s:s, s:I}", "request", request, "from", from);

	if (q->dest && json_object_set_new(o, "dest", json_string(q->dest)) < 0) {
		json_decref(o);
		*code = ctl_error(error, -EINVAL, "the destination is not text in UTF-8");
		return NULL;
	}
	if (q->class)
		json_object_set_new(o, "class", json_string(q->class));
	if (q->start)
		json_object_set_new(o, "start", json_true());
	return client_ask(q->socket, o, code, error);
}

/* A list of many pages has the request's name. */
json_t *question_pages(const struct question *q, const char *request, int *code, char error[CTL_ERROR_MAX])
{
	json_t *answer = page_ask(q, request, 0, code, error);
	json_int_t from = 0, next;

	while (answer && (next = json_number(answer, "next")) > from) {
		from = next;
		json_t *page = page_ask(q, request, from, code, error);

		if (!page) {
			json_decref(answer);
			return NULL;
		}
		json_array_extend(json_object_get(answer, request), json_object_get(page, request));
		json_object_set(answer, "next", json_object_get(page, "next"));
		json_decref(page);
	}
	json_object_del(answer, "next");
	return answer;
}

json_t *question_ask(const struct question *q, const char *request, int *status)
{
	char error[CTL_ERROR_MAX];
	int code;
	json_t *answer = question_pages(q, request, &code, error);

	if (!answer)
		*status = client_fail(code, error);
	return answer;
}

void json_print(const json_t *answer, FILE *out)
{
	json_dumpf(answer, out, JSON_INDENT(2));
	fputc('\n', out);
}

void answer_print(const struct question *q, const json_t *answer, answer_printer print)
{
	if (q->json)
		json_print(answer, stdout);
	else
		print(answer, stdout);
}

int question_command(int argc, char **argv, const char *request, unsigned words, answer_printer print,
	bool (*is_good)(const json_t *answer))
{
	struct question q;
	int status = question_parse(&q, argc, argv, words);
	json_t *answer = status ? NULL : question_ask(&q, request, &status);

	if (!answer)
		return status;
	answer_print(&q, answer, print);
	status = !is_good || is_good(answer) ? CTL_GOOD : CTL_BAD;
	json_decref(answer);
	return status;
}
