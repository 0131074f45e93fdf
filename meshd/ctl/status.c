/*
 * meshctl status: one screen that says whether it works, for whom, and what to
 * do if not. Never more than STATUS_LINES lines; the exit code is the verdict.
 */
#include "meshd/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_LINES 20
#define LINKS_SHOWN 6 /* and a line that counts the rest */
#define REASONS_SHOWN 5 /* the same */
#define NAMES_WIDTH 60 /* columns for the names of one level */

/* Appends while there is room; counts what does not fit. */
struct names {
	char text[1024];
	unsigned width, more;
};

static void name_add(struct names *n, const char *text)
{
	unsigned width = text_width(text);
	size_t len = strlen(n->text);

	if (n->more || n->width + width + 2 > NAMES_WIDTH || len + strlen(text) + 3 > sizeof(n->text)) {
		n->more++;
		return;
	}
	snprintf(n->text + len, sizeof(n->text) - len, "%s%s", len ? ", " : "", text);
	n->width += width + 2;
}

static void names_of(const json_t *level, bool reachable, struct names *n)
{
	const json_t *node;
	size_t i;

	*n = (struct names){ 0 };
	json_array_foreach (json_object_get(level, "nodes"), i, node) {
		char text[256];

		if (json_flag(node, "reachable") != reachable)
			continue;
		const char *what = words_classes(json_object_get(node, "classes"));
		bool is_direct = json_flag(node, "direct"), is_all = strcmp(what, "all") == 0;
		if (!reachable)
			snprintf(text, sizeof(text), "%s", json_text(node, "name"));
		else
			snprintf(text, sizeof(text), "%s (%s%s%s%s%s)", json_text(node, "name"),
				json_text(node, "link"), is_direct ? "" : " via ",
				is_direct ? "" : json_text(node, "via"), is_all ? "" : ", ", is_all ? "" : what);
		name_add(n, text);
	}
}

static void level_print(const json_t *level, struct table *t)
{
	long long known = json_number(level, "known"), reachable = json_number(level, "reachable");
	struct names near, far;
	char more[32] = "";

	names_of(level, true, &near);
	names_of(level, false, &far);
	long long hidden = reachable - (long long)json_array_size(json_object_get(level, "nodes"));
	long long rest = (long long)near.more + (hidden > 0 ? hidden : 0);
	if (rest)
		snprintf(more, sizeof(more), " and %lld more", rest);
	table_cell(t, "%s", json_text(level, "level"));
	table_cell(t, "%lld of %lld", reachable, known);
	if (reachable)
		table_cell(t, "%s%s", near.text, more);
	else
		table_cell(t, "none; not %s%s", far.text, far.more ? ", ..." : "");
}

static void levels_print(const json_t *levels, FILE *out)
{
	struct table t;
	const json_t *level;
	size_t i;

	table_init(&t, 3);
	json_array_foreach (levels, i, level)
		if (json_number(level, "known"))
			level_print(level, &t);
	if (t.count)
		table_print(&t, out, "  ");
	else
		fprintf(out, "  no other node is known yet\n");
	table_done(&t);
}

static void links_print_short(const json_t *links, FILE *out)
{
	size_t count = json_array_size(links), i;
	struct table t;
	const json_t *link;

	table_init(&t, 3);
	json_array_foreach (links, i, link) {
		long long neighbours = json_number(link, "neighbours");

		if (i == LINKS_SHOWN)
			break;
		table_cell(&t, "%s", json_text(link, "name"));
		table_cell(&t, "%s", json_text(link, "state"));
		if (neighbours)
			table_cell(&t, "%lld neighbour%s", neighbours, neighbours == 1 ? "" : "s");
		else
			table_cell(&t, "nobody there");
	}
	table_print(&t, out, "  ");
	if (count > LINKS_SHOWN)
		fprintf(out, "  and %zu more: meshctl links\n", count - LINKS_SHOWN);
	table_done(&t);
}

/* In the room that reasons leave: that something may fail is less than that it has. */
static void warnings_print(const json_t *warnings, size_t room, FILE *out)
{
	const json_t *warning;
	size_t i;

	json_array_foreach (warnings, i, warning) {
		if (i + 1 == room && json_array_size(warnings) > room) {
			fprintf(out, "~ and %zu more: meshctl status --json\n", json_array_size(warnings) - i);
			return;
		}
		if (i < room)
			fprintf(out, "~ %s\n", json_text(warning, "what"));
	}
}

static void reasons_print(const json_t *reasons, FILE *out)
{
	size_t count = json_array_size(reasons), i;
	const json_t *reason;

	json_array_foreach (reasons, i, reason) {
		if (i == REASONS_SHOWN) {
			fprintf(out, "! and %zu more: meshctl status --json\n", count - REASONS_SHOWN);
			return;
		}
		fprintf(out, "! %s: %s\n", json_text(reason, "what"), json_text(reason, "action"));
	}
}

static void logs_print(const json_t *logs, FILE *out)
{
	long long members = json_number(logs, "members");
	char span[WORDS_MAX];

	if (!members)
		return;
	fprintf(out, "logs of %lld other member%s are here, the newest %s old\n", members, members == 1 ? "" : "s",
		words_span(json_number(logs, "newest_s"), span));
}

void status_print(const json_t *answer, FILE *out)
{
	char span[WORDS_MAX];
	long long neighbours = json_number(answer, "neighbours");

	fprintf(out, "%s: %s (%s), %lld neighbour%s, running for %s\n", json_text(answer, "verdict"),
		json_text(answer, "name"), json_text(answer, "level"), neighbours, neighbours == 1 ? "" : "s",
		words_span(json_number(answer, "uptime_s"), span));
	fprintf(out, "reachable\n");
	levels_print(json_object_get(answer, "levels"), out);
	fprintf(out, "links\n");
	links_print_short(json_object_get(answer, "links"), out);
	const json_t *reasons = json_object_get(answer, "reasons"), *warnings = json_object_get(answer, "warnings");
	size_t said = json_array_size(reasons) + json_array_size(warnings);
	/* What is merely so has the room that is left by what is wrong, or may be. */
	if (said <= REASONS_SHOWN)
		logs_print(json_object_get(answer, "logs"), out);
	reasons_print(reasons, out);
	size_t count = json_array_size(reasons);
	warnings_print(warnings, count > REASONS_SHOWN ? 0 : REASONS_SHOWN + 1 - count, out);
}
_Static_assert(3 + 4 + (LINKS_SHOWN + 1) + (REASONS_SHOWN + 1) <= STATUS_LINES, "one screen");

static bool is_healthy(const json_t *answer)
{
	return strcmp(json_text(answer, "verdict"), "healthy") == 0;
}

int command_status(int argc, char **argv)
{
	return question_command(argc, argv, "status", 0, status_print, is_healthy);
}
