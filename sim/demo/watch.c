/*
 * Log lines as events. Only whole lines are taken; what matters is picked by its
 * stable code, and the words behind it are shown as they are.
 */
#include "sim/demo/watch.h"
#include "sim/demo/tools.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MAX (4 << 20)

bool log_line_parse(struct log_line *out, const char *line)
{
	char *after;
	int used = 0;

	memset(out, 0, sizeof(*out));
	if (!isdigit((unsigned char)*line))
		return false;
	strtod(line, &after);
	if (*after != ' ' || sscanf(after, " %31[a-z-]%n", out->code, &used) != 1)
		return false;
	after += used;
	if (*after == ' ') {
		after++;
		snprintf(out->rest, sizeof(out->rest), "%s", after);
		sscanf(after, "%15s", out->link);
	} else if (*after) {
		return false;
	}
	return true;
}

void watch_init(struct watch *w, struct timeline *timeline, const char *const names[WATCH_NODES])
{
	memset(w, 0, sizeof(*w));
	w->timeline = timeline;
	for (unsigned i = 0; i < WATCH_NODES; i++)
		w->nodes[i].name = names[i];
}

static struct meeting *meeting_of(
	struct watch *w, const struct watch_node *node, const char *link, const char *neighbour)
{
	for (unsigned i = 0; i < w->meeting_count; i++) {
		struct meeting *m = &w->meetings[i];

		if (m->node == node && strcmp(m->link, link) == 0 && strcmp(m->neighbour, neighbour) == 0)
			return m;
	}
	if (w->meeting_count == WATCH_MEETINGS_MAX)
		return NULL;
	struct meeting *m = &w->meetings[w->meeting_count++];
	m->node = node;
	snprintf(m->link, sizeof(m->link), "%s", link);
	snprintf(m->neighbour, sizeof(m->neighbour), "%s", neighbour);
	return m;
}

/* A daemon that starts anew knows nobody. */
static void node_started(struct watch *w, struct watch_node *node)
{
	node->restarts++;
	for (unsigned i = 0; i < w->meeting_count; i++)
		if (w->meetings[i].node == node)
			w->meetings[i].is_up = false;
}

static void line_take(struct watch *w, struct watch_node *node, const char *text)
{
	struct log_line line;
	char neighbour[64] = "";
	uint64_t now = now_us();

	if (!log_line_parse(&line, text))
		return;
	bool is_up = strcmp(line.code, "neighbour-up") == 0, is_down = strcmp(line.code, "neighbour-down") == 0;
	if (strcmp(line.code, "started") == 0)
		node_started(w, node);
	if (is_up || is_down) {
		sscanf(line.rest, "%*s %63[^: ]", neighbour); /* "radio0 NAME", or "radio0 NAME: why" */
		struct meeting *m = meeting_of(w, node, line.link, neighbour);
		if (m) {
			m->is_up = is_up;
			m->at_us = now;
		}
	}
	timeline_say(w->timeline, MARK_SEEN, now, node->name, "%s %s", line.code, line.rest);
}

void watch_poll(struct watch *w)
{
	for (unsigned i = 0; i < WATCH_NODES; i++) {
		struct watch_node *node = &w->nodes[i];
		char path[64], line[WATCH_LINE_MAX];

		snprintf(path, sizeof(path), "%s.log", node->name);
		FILE *file = fopen(path, "re");
		if (!file)
			continue;
		fseek(file, node->offset, SEEK_SET);
		while (fgets(line, sizeof(line), file)) {
			size_t len = strlen(line);

			if (line[len - 1] != '\n' && len + 1 < sizeof(line))
				break;
			node->offset += (long)len;
			line[strcspn(line, "\n")] = '\0';
			line_take(w, node, line);
		}
		fclose(file);
	}
}

unsigned watch_neighbours(const struct watch *w, const char *node, const char *link)
{
	unsigned count = 0;

	for (unsigned i = 0; i < w->meeting_count; i++) {
		const struct meeting *m = &w->meetings[i];

		count += m->is_up && strcmp(m->node->name, node) == 0 && (!link || strcmp(m->link, link) == 0);
	}
	return count;
}

bool watch_has_met(const struct watch *w, const char *node, const char *link, const char *neighbour)
{
	for (unsigned i = 0; i < w->meeting_count; i++) {
		const struct meeting *m = &w->meetings[i];

		if (strcmp(m->node->name, node) == 0 && strcmp(m->link, link) == 0 && strstr(m->neighbour, neighbour))
			return true;
	}
	return false;
}

void watch_tail(const struct watch *w, const char *node, unsigned lines)
{
	char path[64];
	uint8_t *text;

	(void)w;
	snprintf(path, sizeof(path), "%s.log", node);
	long len = file_read(path, LOG_MAX, &text);
	if (len < 0) {
		printf("  %s: %s: %s\n", node, path, strerror((int)-len));
		return;
	}
	text[len] = '\0';
	const char *at = (const char *)text + len;
	for (lines++; at > (const char *)text && lines; at--)
		if (at[-1] == '\n' && --lines == 0)
			break;
	printf("  last words of %s (%s):\n", node, path);
	for (const char *line = at; *line;) {
		size_t end = strcspn(line, "\n");

		printf("    %.*s\n", (int)end, line);
		line += end + (line[end] != '\0');
	}
	free(text);
}
