/*
 * meshctl reach DEST [CLASS]: what works to there now, for what, and where it is thin.
 * meshd asks along the way and answers what it knows so far; it is asked until all of
 * it is known.
 */
#include "meshd/ctl/ctl.h"

#include <string.h>
#include <time.h>

#define LOOK_MS 100
#define LOOKS_MAX 160 /* meshd gives up sooner */

static const char *purpose_of(const char *class)
{
	return strcmp(class, "text") == 0      ? "messages"
	       : strcmp(class, "command") == 0 ? "voice, orders"
					       : "pictures, files";
}

static const char *verdict_words(const json_t *class)
{
	const char *verdict = json_text(class, "verdict");

	return strcmp(verdict, "works") == 0 ? "works" : strcmp(verdict, "fails") == 0 ? "DOES NOT WORK" : "NOT KNOWN";
}

static void class_row(const json_t *class, struct table *t)
{
	char age[WORDS_MAX], worked[WORDS_MAX];
	const json_t *worked_s = json_object_get(class, "worked_s");
	bool works = strcmp(json_text(class, "verdict"), "works") == 0;

	table_cell(t, "%s", json_text(class, "class"));
	table_cell(t, "%s", purpose_of(json_text(class, "class")));
	table_cell(t, "%s", verdict_words(class));
	table_cell(t, "%s", words_ago(json_object_get(class, "age_s"), age));
	if (!works && json_is_number(worked_s))
		table_cell(t, "%s; it last worked %s", json_text(class, "text"), words_ago(worked_s, worked));
	else
		table_cell(t, "%s", json_text(class, "text"));
}

void reach_print(const json_t *answer, FILE *out)
{
	const json_t *class;
	const char *name = json_text(answer, "name");
	struct table t;
	size_t i;

	fprintf(out, "to %s%s%s\n", name, *name ? ", " : "", json_text(answer, "address"));
	table_init(&t, 5);
	json_array_foreach (json_object_get(answer, "classes"), i, class)
		class_row(class, &t);
	table_print(&t, out, "  ");
	table_done(&t);
}

static bool all_work(const json_t *answer)
{
	const json_t *class;
	size_t i;

	json_array_foreach (json_object_get(answer, "classes"), i, class)
		if (strcmp(json_text(class, "verdict"), "works") != 0)
			return false;
	return true;
}

int command_reach(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	struct question q;
	int status = question_parse(&q, argc, argv, QUESTION_DEST | QUESTION_CLASS);

	q.start = true;
	json_t *answer = status ? NULL : question_ask(&q, "reach", &status);
	q.start = false;
	for (unsigned i = 0; answer && json_flag(answer, "pending") && i < LOOKS_MAX; i++) {
		json_decref(answer);
		nanosleep(&pause, NULL);
		answer = question_ask(&q, "reach", &status);
	}
	if (!answer)
		return status;
	answer_print(&q, answer, reach_print);
	status = all_work(answer) ? CTL_GOOD : CTL_BAD;
	json_decref(answer);
	return status;
}
