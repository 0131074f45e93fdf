/* meshctl pair: a code for a browser that is to do more than read the page. */
#include "meshd/ctl/ctl.h"

#include <string.h>

void pair_print(const json_t *answer, FILE *out)
{
	char span[WORDS_MAX];
	const json_t *place;
	size_t i;

	fprintf(out, "%s\n", json_text(answer, "code"));
	fprintf(out, "Type it into the page (the key, top right) within %s; it is good for one browser.\n",
		words_span(json_number(answer, "valid_s"), span));
	json_array_foreach (json_object_get(answer, "places"), i, place)
		fprintf(out, "%s%s", i ? ", " : "The page: ", json_string_value(place));
	fprintf(out, "%s\n", i ? "" : "The page cannot be served now: meshctl events has page-error.");
}

int command_pair(int argc, char **argv)
{
	return question_command(argc, argv, "pair", 0, pair_print, NULL);
}
