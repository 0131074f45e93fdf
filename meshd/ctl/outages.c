/* meshctl outages: what is out now, and every outage with the times until what came back. */
#include "meshd/ctl/ctl.h"

#include <time.h>

#define CELL 32

/* By this machine's clock, as the daemon had it. */
static const char *date_text(json_int_t unix_s, char text[CELL])
{
	time_t at = (time_t)unix_s;
	struct tm parts;

	if (!localtime_r(&at, &parts) || !strftime(text, CELL, "%F %T", &parts))
		snprintf(text, CELL, "-");
	return text;
}

/* "21.0 s", "12 min"; "-" if it has not happened. */
static const char *after_text(const json_t *outage, const char *key, char text[CELL])
{
	const json_t *after = json_object_get(outage, key);
	double s = json_number_value(after);
	char span[WORDS_MAX];

	if (!json_is_number(after))
		snprintf(text, CELL, "-");
	else if (s < 100)
		snprintf(text, CELL, "%.1f s", s);
	else
		snprintf(text, CELL, "%s", words_span((json_int_t)s, span));
	return text;
}

static void outage_row(struct table *t, const json_t *outage)
{
	char text[CELL], lost[WORDS_MAX];

	table_cell(t, "%s", json_text(outage, "site"));
	table_cell(t, "%s", date_text(json_number(outage, "began_unix_s"), text));
	table_cell(t, "%s", words_lost(outage, lost));
	for (unsigned i = 0; i < WORDS_MARKS; i++)
		table_cell(t, "%s", after_text(outage, words_mark_keys[i], text));
}

static void site_print(const json_t *site, FILE *out)
{
	const json_t *class;
	char text[CELL], ago[WORDS_MAX];
	size_t i;

	fprintf(out, "%s: ", json_text(site, "site"));
	if (json_flag(site, "out"))
		fprintf(out, "OUT for %s", after_text(site, "out_s", text));
	else
		fprintf(out, "whole");
	json_array_foreach (json_object_get(site, "classes"), i, class) {
		const json_t *worked = json_object_get(class, "worked_s");

		if (i == TRAFFIC_CLASSES)
			break;
		fprintf(out, "%s %s ", i ? ";" : ",", words_purposes[i]);
		if (!json_is_number(worked))
			fprintf(out, "never");
		else
			fprintf(out, "%s, %s", json_flag(class, "works") ? "works" : "LOST", words_ago(worked, ago));
	}
	fputc('\n', out);
}

void outages_print(const json_t *answer, FILE *out)
{
	const json_t *sites = json_object_get(answer, "sites"), *log = json_object_get(answer, "outages"), *each;
	static const char *const heads[] = { "SITE", "BEGAN", "LOST", "CONTACT", "TEXT", "VOICE", "PICTURE",
		"RESTORED" };
	struct table t;
	size_t i;

	if (!json_array_size(sites))
		fprintf(out, "nothing is watched; name sites in meshd.yaml: node: {watch: [city-post]}\n");
	json_array_foreach (sites, i, each)
		site_print(each, out);
	table_begin(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach (sites, i, each)
		if (json_flag(each, "out"))
			outage_row(&t, json_object_get(each, "outage"));
	for (i = json_array_size(log); i-- > 0;)
		outage_row(&t, json_array_get(log, i));
	if (t.count > t.columns)
		table_print(&t, out, "");
	table_done(&t);
}

static bool all_are_whole(const json_t *answer)
{
	const json_t *site;
	size_t i;

	json_array_foreach (json_object_get(answer, "sites"), i, site)
		if (json_flag(site, "out"))
			return false;
	return true;
}

int command_outages(int argc, char **argv)
{
	return question_command(argc, argv, "outages", 0, outages_print, all_are_whole);
}
