/* meshctl reload, diff: what of the configuration file took effect, what waits, and what would change. */
#include "meshd/ctl/ctl.h"

#include <errno.h>

static void list_print(const json_t *list, const char *what, FILE *out)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry)
		fprintf(out, "%s: %s\n", what, json_string_value(entry));
}

void reload_print(const json_t *answer, FILE *out)
{
	const json_t *applied = json_object_get(answer, "applied"), *waiting = json_object_get(answer, "waiting");

	list_print(applied, "changed", out);
	list_print(waiting, "needs a restart", out);
	if (!json_array_size(applied) && !json_array_size(waiting))
		fprintf(out, "nothing is different\n");
}

static bool is_all_applied(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "waiting")) == 0;
}

struct reload_words {
	bool json, keep, undo;
	const char *socket, *try;
};

static int reload_ask(const struct reload_words *w, json_int_t try_s)
{
	json_t *request = json_pack(
		"{s:s, s:I, s:b, s:b}", "request", "reload", "try_s", try_s, "keep", w->keep, "undo", w->undo);
	char error[CTL_ERROR_MAX], span[WORDS_MAX];
	int code;
	json_t *answer = client_ask(w->socket, request, &code, error);

	if (!answer)
		return client_fail(code, error);
	if (w->json)
		json_print(answer, stdout);
	else if (w->keep || w->undo)
		printf("%s\n", w->keep ? "it stays" : "the configuration of before is back; the file is as it was");
	else
		reload_print(answer, stdout);
	if (!w->json && try_s)
		printf("it is undone in %s unless you write: meshctl reload --keep\n", words_span(try_s, span));
	int status = is_all_applied(answer) ? CTL_GOOD : CTL_BAD;
	json_decref(answer);
	return status;
}

int command_reload(int argc, char **argv)
{
	struct reload_words w = { 0 };
	const struct option_spec specs[] = {
		{ "--try", .text = &w.try },
		{ "--keep", .flag = &w.keep },
		{ "--undo", .flag = &w.undo },
		{ "--json", .flag = &w.json },
		{ "--socket", .text = &w.socket },
	};
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX];
	json_int_t try_s = 0;

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (rest.count || w.keep + w.undo + (w.try != NULL) > 1)
		return ctl_fail(CTL_USAGE, "write: meshctl reload [--try 2m], and then --keep or --undo");
	if (w.try && (try_s = span_parse(w.try)) < 0)
		return ctl_fail(CTL_USAGE, "--try: \"%s\" is no span of time; write --try 2m", w.try);
	if (!w.socket)
		w.socket = CTL_SOCKET;
	return reload_ask(&w, try_s);
}

/* --- diff ------------------------------------------------------------------------------------------ */

void diff_print(const json_t *answer, FILE *out)
{
	const json_t *list = json_object_get(answer, "differences"), *each;
	size_t i;

	if (!json_array_size(list))
		fprintf(out, "%s is what runs\n", json_text(answer, "file"));
	json_array_foreach (list, i, each)
		fprintf(out, "%s%s\n", json_text(each, "what"), json_flag(each, "restart") ? " (needs a restart)" : "");
}

static bool is_same(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "differences")) == 0;
}

int command_diff(int argc, char **argv)
{
	return question_command(argc, argv, "diff", 0, diff_print, is_same);
}
