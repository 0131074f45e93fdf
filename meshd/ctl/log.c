/* meshctl log: the incident log for people, and a signed copy of it for others. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* --- export ------------------------------------------------------------------------------------- */

static int answer_save(const json_t *answer, const char *path, bool replace)
{
	char *text = NULL, error[CTL_ERROR_MAX];
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool is_good = out && chronicle_write(answer, out);
	int code = 0;

	if (!out || fclose(out) || !is_good)
		code = ctl_error(error, -ENOMEM, "not enough memory");
	if (!code)
		code = file_deliver(path, text, len, replace, error);
	free(text);
	return code ? ctl_fail(CTL_BAD, "%s", error) : CTL_GOOD;
}

static int export_run(const char *socket, const char *path, bool replace)
{
	const struct question q = { .socket = socket ? socket : CTL_SOCKET };
	int status = 0;
	json_t *answer = question_ask(&q, "log", &status);

	if (!answer)
		return status;
	status = answer_save(answer, path, replace);
	if (!status && strcmp(path, "-") != 0)
		printf("%s: the log of %s, %zu runs\n", path, json_text(answer, "node"),
			json_array_size(json_object_get(answer, "log")));
	json_decref(answer);
	return status;
}

/* --- whose are here --------------------------------------------------------------------------------- */

static void logs_print(const json_t *answer, FILE *out)
{
	const json_t *each;
	char date[DATE_TIME_TEXT];
	size_t i;

	json_array_foreach (json_object_get(answer, "logs"), i, each)
		fprintf(out, "log of %s, until %s\n", json_text(each, "name"),
			date_time_format(json_number(each, "until_ms"), date));
	if (!i)
		fprintf(out, "no other node's log is here yet\n");
}

static int logs_run(const char *socket, bool as_json)
{
	const struct question q = { .socket = socket ? socket : CTL_SOCKET, .json = as_json };
	int status = 0;
	json_t *answer = question_ask(&q, "logs", &status);

	if (!answer)
		return status;
	answer_print(&q, answer, logs_print);
	json_decref(answer);
	return CTL_GOOD;
}

/* --- for people ------------------------------------------------------------------------------------ */

static void entry_json(const struct story *s, const struct chronicle_entry *e, json_t *list)
{
	json_t *made = json_pack("{s:s, s:I, s:I, s:s, s:s}", "node", s->chronicle.logs[e->log].node, "date_ms",
		(json_int_t)e->date_ms, "at_ms", (json_int_t)e->at_ms, "code", e->code, "text", e->text);

	if (e->data)
		json_object_set(made, "data", (json_t *)(uintptr_t)e->data);
	json_array_append_new(list, made);
}

static void log_json(const struct story *s, FILE *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->chronicle.entry_count; i++)
		if (story_has(s, s->chronicle.entries[i].date_ms))
			entry_json(s, &s->chronicle.entries[i], list);
	json_print(list, out);
	json_decref(list);
}

static void log_print(const struct story *s, FILE *out)
{
	for (size_t i = 0; i < s->chronicle.entry_count; i++) {
		const struct chronicle_entry *e = &s->chronicle.entries[i];
		char date[DATE_TIME_TEXT];

		if (!story_tells(s, e))
			continue;
		fprintf(out, "%s ", date_time_format(e->date_ms, date));
		if (s->chronicle.log_count > 1)
			fprintf(out, "%s ", s->chronicle.logs[e->log].node);
		fprintf(out, "%s%s%s\n", e->code, *e->text ? " " : "", e->text);
	}
}

static int log_run(struct story *s, const struct text_list *files)
{
	int status = story_load(s, files);

	if (status)
		return status;
	if (s->json)
		log_json(s, stdout);
	else
		log_print(s, stdout);
	return story_faults_print(s, stderr) ? CTL_BAD : CTL_GOOD;
}

int command_log(int argc, char **argv)
{
	struct story s = { 0 };
	const struct option_spec specs[] = {
		{ "--json", .flag = &s.json },
		{ "--own", .flag = &s.own },
		{ "--force", .flag = &s.force },
		{ "--from", .text = &s.from_text },
		{ "--to", .text = &s.to_text },
		{ "--socket", .text = &s.socket },
	};
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX];

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (rest.count && strcmp(rest.texts[0], "export") == 0) {
		if (rest.count != 2)
			return ctl_fail(CTL_USAGE, "write: meshctl log export FILE (or -)");
		return export_run(s.socket, rest.texts[1], s.force);
	}
	if (rest.count == 1 && strcmp(rest.texts[0], "nodes") == 0)
		return logs_run(s.socket, s.json);
	int status = log_run(&s, &rest);
	story_done(&s);
	return status;
}
