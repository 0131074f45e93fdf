/* meshctl alarms: what is wrong, and what to do; meshctl silence: of what nobody wants to hear for a while. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OVER_SHOWN 5
#define SILENCE_USUAL_S 1800

/* --- alarms --------------------------------------------------------------------------------------- */

/* Whole seconds of an age. */
static json_int_t age(const json_t *object, const char *key)
{
	return (json_int_t)json_number_value(json_object_get(object, key));
}

static void alarm_print(const json_t *alarm, const json_t *all, FILE *out)
{
	char span[WORDS_MAX], silent[WORDS_MAX];
	const char *name = json_text(alarm, "name");
	bool is_silent = json_is_integer(json_object_get(alarm, "silent_s"));
	const json_t *other;
	size_t i;

	fprintf(out, "%s  %s: %s, for %s", strcmp(json_text(alarm, "grade"), "red") == 0 ? "RED  " : "AMBER", name,
		json_text(alarm, "text"), words_span(age(alarm, "since_s"), span));
	if (is_silent)
		fprintf(out, " (silent for %s more)", words_span(json_number(alarm, "silent_s"), silent));
	fprintf(out, "\n       %s\n", json_text(alarm, "action"));
	json_array_foreach (all, i, other)
		if (strcmp(json_text(other, "under"), name) == 0)
			fprintf(out, "       with it: %s: %s\n", json_text(other, "name"), json_text(other, "text"));
}

static void over_print(const json_t *over, FILE *out)
{
	char ago[WORDS_MAX], span[WORDS_MAX];
	const json_t *alarm;
	size_t i;

	json_array_foreach (over, i, alarm) {
		if (i == OVER_SHOWN)
			break;
		json_int_t over_s = age(alarm, "over_s");
		fprintf(out, "over   %s: ended %s ago, after %s\n", json_text(alarm, "name"), words_span(over_s, ago),
			words_span(age(alarm, "since_s") - over_s, span));
	}
}

static void level_print(const json_t *level, FILE *out)
{
	const json_t *tested = json_object_get(level, "tested_s");
	const char *state = json_text(level, "state"), *name = json_text(level, "level");
	char span[WORDS_MAX];

	if (strcmp(state, "nobody") == 0)
		return;
	if (strcmp(state, "cut-off") == 0)
		fprintf(out, "       %s: cut off\n", name);
	else if (strcmp(state, "works") == 0)
		fprintf(out, "       %s: works, tested %s ago\n", name, words_span(age(level, "tested_s"), span));
	else if (json_is_number(tested))
		fprintf(out, "       %s: not known, last heard %s ago; meshctl reach tests it\n", name,
			words_span(age(level, "tested_s"), span));
	else
		fprintf(out, "       %s: not known, never tested; meshctl reach tests it\n", name);
}

void alarms_print(const json_t *answer, FILE *out)
{
	const json_t *all = json_object_get(answer, "alarms"), *alarm, *level;
	size_t i;

	if (!json_array_size(all))
		fprintf(out, "no alarm\n");
	json_array_foreach (all, i, alarm)
		if (json_is_null(json_object_get(alarm, "under")))
			alarm_print(alarm, all, out);
	over_print(json_object_get(answer, "over"), out);
	fprintf(out, "levels\n");
	json_array_foreach (json_object_get(answer, "levels"), i, level)
		level_print(level, out);
}

/* What is silent was heard. */
static bool is_quiet(const json_t *answer)
{
	const json_t *alarm;
	size_t i;

	json_array_foreach (json_object_get(answer, "alarms"), i, alarm)
		if (json_is_null(json_object_get(alarm, "silent_s")) && json_is_null(json_object_get(alarm, "under")))
			return false;
	return true;
}

int command_alarms(int argc, char **argv)
{
	return question_command(argc, argv, "alarms", 0, alarms_print, is_quiet);
}

/* --- silence ------------------------------------------------------------------------------------------ */

/* KIND [SUBJECT] [for SPAN] */
static json_t *silence_request(struct text_list *words, bool is_over, char error[CTL_ERROR_MAX])
{
	long span_s;

	if (span_take(words, is_over, SILENCE_USUAL_S, &span_s, error) < 0)
		return NULL;
	if (words->count < 1 || words->count > 2) {
		ctl_error(
			error, CTL_USAGE, "write one alarm as meshctl alarms names it: silence link-down sat0 for 30m");
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:I}", "request", "silence", "kind", words->texts[0], "subject",
		words->count > 1 ? words->texts[1] : "", "for_s", (json_int_t)span_s);
}

int command_silence(int argc, char **argv)
{
	const char *socket = NULL;
	bool is_json = false, is_over = false;
	const struct option_spec specs[] = {
		{ "--json", .flag = &is_json },
		{ "--socket", .text = &socket },
		{ "--off", .flag = &is_over },
	};
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX], span[WORDS_MAX];
	int code;

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	json_t *request = silence_request(&rest, is_over, error);
	if (!request)
		return ctl_fail(CTL_USAGE, "%s", error);
	json_t *answer = client_ask(socket ? socket : CTL_SOCKET, request, &code, error);
	if (!answer)
		return client_fail(code, error);
	if (is_json)
		json_print(answer, stdout);
	else if (is_over)
		printf("no longer silent\n");
	else
		printf("silent for %s; it goes on being recorded\n", words_span(json_number(answer, "for_s"), span));
	json_decref(answer);
	return CTL_GOOD;
}
