/* meshctl classes: which packets are of which class here, the limits, and who sends more. */
#include "meshd/config/config.h"
#include "meshd/ctl/ctl.h"

#include <string.h>

static void rules_print(const json_t *rules, FILE *out)
{
	const json_t *rule;
	struct table t;
	size_t i;

	fprintf(out, "packets that enter the mesh here, by the first rule that holds:\n");
	table_init(&t, 2);
	json_array_foreach (rules, i, rule) {
		table_cell(&t, "%s", json_text(rule, "rule"));
		table_cell(&t, "%lld packets", (long long)json_number(rule, "packets"));
	}
	table_cell(&t, "all others: by DSCP");
	table_cell(&t, "EF, CS5 to CS7 command; LE, CS1, AF1x bulk; else text");
	table_print(&t, out, "  ");
	table_done(&t);
}

static const char *limit_words(const json_t *class, char text[WORDS_MAX])
{
	const char *kind = json_text(class, "limit"), *name = json_text(class, "class");
	char rate[WORDS_MAX];

	if (strcmp(kind, "stated") == 0) {
		config_format_rate(rate, sizeof(rate), (uint64_t)json_number(class, "rate_bps"));
		snprintf(text, WORDS_MAX, "%.20sbit/s, %lld ms at once", rate,
			(long long)json_number(class, "burst_ms"));
	} else if (strcmp(kind, "usual") == 0 && strcmp(name, "command") == 0) {
		snprintf(text, WORDS_MAX, "an eighth of its link, 64k at least");
	} else {
		snprintf(text, WORDS_MAX, "none");
	}
	return text;
}

static void offenders_print(const json_t *class, FILE *out)
{
	const json_t *offender;
	size_t i;

	json_array_foreach (json_object_get(class, "offenders"), i, offender)
		fprintf(out, "! %s sends too much %s by %s: %lld packets %s\n", json_text(offender, "name"),
			json_text(class, "class"), json_text(offender, "link"),
			(long long)json_number(offender, "packets"),
			strcmp(json_text(class, "class"), "bulk") == 0 ? "were dropped" : "went on as bulk");
}

void classes_print(const json_t *answer, FILE *out)
{
	const json_t *classes = json_object_get(answer, "classes"), *class;
	char text[WORDS_MAX];
	struct table t;
	size_t i;

	rules_print(json_object_get(answer, "rules"), out);
	fprintf(out, "what one neighbour, or this node's own network, may send:\n");
	table_init(&t, 3);
	json_array_foreach (classes, i, class) {
		table_cell(&t, "%s", json_text(class, "class"));
		table_cell(&t, "%s", limit_words(class, text));
		table_cell(&t, "%lld packets beyond", (long long)json_number(class, "over_limit"));
	}
	table_print(&t, out, "  ");
	table_done(&t);
	fprintf(out, "%lld packets had no way of their class and went on as text\n",
		(long long)json_number(answer, "fallen"));
	json_array_foreach (classes, i, class)
		offenders_print(class, out);
}

int command_classes(int argc, char **argv)
{
	return question_command(argc, argv, "classes", 0, classes_print, NULL);
}
