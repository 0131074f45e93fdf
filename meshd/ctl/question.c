/* What the commands that ask meshd have in common. */
#include "meshd/ctl/ctl.h"

#include <errno.h>

int question_parse(struct question *q, int argc, char **argv, bool has_dest)
{
	*q = (struct question){ 0 };
	const struct option_spec specs[] = {
		{ "--json", .flag = &q->json },
		{ "--socket", .text = &q->socket },
	};
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX];

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (has_dest && rest.count != 1)
		return ctl_fail(CTL_USAGE, "write one destination: a node's name, an address or a prefix");
	if (!has_dest && rest.count)
		return ctl_fail(CTL_USAGE, "\"%s\" does not belong here", rest.texts[0]);
	if (!q->socket)
		q->socket = CTL_SOCKET;
	if (has_dest)
		q->dest = rest.texts[0];
	return 0;
}

json_t *question_ask(const struct question *q, const char *request, int *status)
{
	json_t *o = json_pack("{s:s}", "request", request);
	char error[CTL_ERROR_MAX];
	int code;

	if (q->dest && json_object_set_new(o, "dest", json_string(q->dest)) < 0) {
		json_decref(o);
		*status = ctl_fail(CTL_USAGE, "the destination is not text in UTF-8");
		return NULL;
	}
	json_t *answer = client_ask(q->socket, o, &code, error);
	if (!answer)
		*status = ctl_fail(code == -ECONNREFUSED ? CTL_USAGE : CTL_BAD, "%s", error);
	return answer;
}

void json_print(const json_t *answer, FILE *out)
{
	json_dumpf(answer, out, JSON_INDENT(2));
	fputc('\n', out);
}
