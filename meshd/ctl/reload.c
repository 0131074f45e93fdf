/* meshctl reload: what of the configuration file took effect, and what waits. */
#include "meshd/ctl/ctl.h"

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

int command_reload(int argc, char **argv)
{
	return question_command(argc, argv, "reload", 0, reload_print, is_all_applied);
}
