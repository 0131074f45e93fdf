/* meshctl why DEST [CLASS]: the way that is taken, and what is against each other one. */
#include "meshd/ctl/ctl.h"

#include <string.h>

static void way_print(const json_t *way, FILE *out)
{
	char metric[WORDS_MAX];

	fprintf(out, "%s via %s over %s, metric %s (%s)\n", json_flag(way, "chosen") ? "  *" : "   ",
		json_text(way, "via"), json_text(way, "link"), words_metric(json_object_get(way, "metric"), metric),
		json_text(way, "prefix"));
	fprintf(out, "      %s: %s\n", json_text(way, "rule"), json_text(way, "text"));
}

void why_print(const json_t *answer, FILE *out)
{
	const json_t *ways = json_object_get(answer, "ways"), *way;
	size_t i;

	fprintf(out, "%s\n", json_text(answer, "text"));
	if (json_array_size(ways))
		fprintf(out, "ways that are known:\n");
	json_array_foreach (ways, i, way)
		way_print(way, out);
}

static bool has_way(const json_t *answer)
{
	const char *verdict = json_text(answer, "verdict");

	return strcmp(verdict, "route") == 0 || strcmp(verdict, "own") == 0 || strcmp(verdict, "falls") == 0;
}

int command_why(int argc, char **argv)
{
	return question_command(argc, argv, "why", QUESTION_DEST | QUESTION_CLASS, why_print, has_way);
}
