/* meshctl avoid, prefer, cost, drain: ways are bent for a while. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_S 1800

struct steer {
	const char *how, *socket, *link;
	bool json, off;
	long cost, for_s;
};

/* "+500", "500"; -1: neither. */
static long cost_parse(const char *text)
{
	char *end;
	long cost = strtol(text + (*text == '+'), &end, 10);

	return *end || end == text || cost <= 0 ? -1 : cost;
}

/* LINK, a cost if there is to be one, and "for SPAN". */
static int words_take(struct steer *s, struct text_list *words, char error[CTL_ERROR_MAX])
{
	bool has_link = strcmp(s->how, "drain") != 0, has_cost = strcmp(s->how, "cost") == 0;
	unsigned at = 0;

	if (span_take(words, s->off, USUAL_S, &s->for_s, error) < 0)
		return -EINVAL;
	if (has_link && at < words->count)
		s->link = words->texts[at++];
	if (has_cost && at < words->count)
		s->cost = cost_parse(words->texts[at++]);
	if (s->cost < 0)
		return ctl_error(error, -EINVAL, "\"%s\" is no cost; write cost LINK +500", words->texts[at - 1]);
	if (at != words->count || (has_link && !s->link) || (has_cost && !s->cost && !s->off))
		return ctl_error(error, -EINVAL, "write: meshctl %s%s%s [for 30m] [--off]", s->how,
			has_link ? " LINK" : "", has_cost ? " +N" : "");
	s->cost = has_cost && !s->cost ? 1 : s->cost; /* what is ended may have had any */
	return 0;
}

static int steer_ask(const struct steer *s)
{
	json_t *request = json_pack("{s:s, s:s, s:s*, s:I, s:I}", "request", "steer", "how", s->how, "link", s->link,
		"cost", (json_int_t)s->cost, "for_s", (json_int_t)s->for_s);
	char error[CTL_ERROR_MAX], span[WORDS_MAX];
	int code;
	json_t *answer = client_ask(s->socket, request, &code, error);

	if (!answer)
		return client_fail(code, error);
	if (s->json)
		json_print(answer, stdout);
	else if (s->for_s)
		printf("%s: for %s; it ends by itself, or with --off\n", json_text(answer, "what"),
			words_span(s->for_s, span));
	else
		printf("ended\n");
	json_decref(answer);
	return CTL_GOOD;
}

static int steer_run(const char *how, int argc, char **argv)
{
	struct steer s = { .how = how };
	const struct option_spec specs[] = {
		{ "--off", .flag = &s.off },
		{ "--json", .flag = &s.json },
		{ "--socket", .text = &s.socket },
	};
	struct text_list words = { 0 };
	char error[CTL_ERROR_MAX];

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &words, error) < 0 ||
		words_take(&s, &words, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (!s.socket)
		s.socket = CTL_SOCKET;
	return steer_ask(&s);
}

int command_avoid(int argc, char **argv)
{
	return steer_run("avoid", argc, argv);
}

int command_prefer(int argc, char **argv)
{
	return steer_run("prefer", argc, argv);
}

int command_cost(int argc, char **argv)
{
	return steer_run("cost", argc, argv);
}

int command_drain(int argc, char **argv)
{
	return steer_run("drain", argc, argv);
}
