/*
 * Log lines as events. Only whole lines are taken; what matters is picked by its
 * stable code and told in words, the rest stays in NAME.log.
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
	} else if (*after) {
		return false;
	}
	return true;
}

void watch_init(struct watch *w, struct timeline *timeline, const char *const names[WATCH_NODES], const char *end_a,
	const char *end_b)
{
	memset(w, 0, sizeof(*w));
	w->timeline = timeline;
	w->ends[0] = end_a;
	w->ends[1] = end_b;
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

static void meeting_take(struct watch *w, const struct watch_node *node, const struct log_line *line)
{
	bool is_up = strcmp(line->code, "neighbour-up") == 0;
	char link[16] = "", neighbour[WATCH_NAME_MAX] = "";
	uint64_t now = now_us();
	int used = 0;

	/* "radio0 NAME", or "radio0 NAME: why" */
	if (sscanf(line->rest, "%15s %63[^: ]%n", link, neighbour, &used) != 2)
		return;
	struct meeting *m = meeting_of(w, node, link, neighbour);
	if (m) {
		m->is_up = is_up;
		m->at_us = now;
	}
	timeline_say(w->timeline, MARK_SEEN, now, node->name, "%s %s on %s%s", is_up ? "has found" : "has lost",
		neighbour, link, line->rest + used);
}

bool log_route_parse(struct known_route *out, const struct log_line *line)
{
	memset(out, 0, sizeof(*out));
	out->is_up = strcmp(line->code, "route-down") != 0;
	if (out->is_up)
		return sscanf(line->rest, "%15s %*s of %63s by %63[^ ,], metric %u", out->link, out->to, out->by,
			       &out->metric) == 4;
	return sscanf(line->rest, "%*s of %63s", out->to) == 1;
}

static struct known_route *route_of(struct watch *w, const struct watch_node *node, const char *to)
{
	for (unsigned i = 0; i < w->route_count; i++)
		if (w->routes[i].node == node && strcmp(w->routes[i].to, to) == 0)
			return &w->routes[i];
	return w->route_count < WATCH_ROUTES_MAX ? &w->routes[w->route_count++] : NULL;
}

static void route_take(struct watch *w, const struct watch_node *node, const struct log_line *line)
{
	struct known_route route;

	if (!log_route_parse(&route, line))
		return;
	route.node = node;
	struct known_route *known = route_of(w, node, route.to);
	if (known)
		*known = route;
	/* Routes to the two ends of the demonstration are its story. */
	if (strcmp(route.to, w->ends[0]) != 0 && strcmp(route.to, w->ends[1]) != 0)
		return;
	if (route.is_up)
		timeline_say(w->timeline, MARK_SEEN, now_us(), node->name, "reaches %s by %s on %s, metric %u",
			route.to, route.by, route.link, route.metric);
	else
		timeline_say(w->timeline, MARK_SEEN, now_us(), node->name, "has no way to %s any more", route.to);
}

/* A daemon that starts anew knows nobody. */
static void node_started(struct watch *w, const struct watch_node *node, const struct log_line *line)
{
	for (unsigned i = 0; i < w->meeting_count; i++)
		if (w->meetings[i].node == node)
			w->meetings[i].is_up = false;
	for (unsigned i = 0; i < w->route_count; i++)
		if (w->routes[i].node == node)
			w->routes[i].is_up = false;
	timeline_say(w->timeline, MARK_SEEN, now_us(), node->name, "started %s", line->rest);
}

/* What is no part of the story but nobody should have to look for. */
static bool code_is_trouble(const char *code)
{
	static const char *const codes[] = { "refused", "duplicate", "port-error", "state-unwritable", "kernel-refused",
		"suppressed" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return false;
}

static void line_take(struct watch *w, const struct watch_node *node, const char *text)
{
	struct log_line line;

	if (!log_line_parse(&line, text))
		return;
	if (strncmp(line.code, "neighbour-", 10) == 0)
		meeting_take(w, node, &line);
	else if (strncmp(line.code, "route-", 6) == 0)
		route_take(w, node, &line);
	else if (strcmp(line.code, "started") == 0)
		node_started(w, node, &line);
	else if (strcmp(line.code, "clock") == 0)
		timeline_say(w->timeline, MARK_SEEN, now_us(), node->name, "its clock says %s", line.rest);
	else if (code_is_trouble(line.code))
		timeline_say(w->timeline, MARK_SEEN, now_us(), node->name, "%s %s", line.code, line.rest);
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

const struct known_route *watch_route(const struct watch *w, const char *node, const char *to)
{
	for (unsigned i = 0; i < w->route_count; i++) {
		const struct known_route *route = &w->routes[i];

		if (route->is_up && strcmp(route->node->name, node) == 0 && strcmp(route->to, to) == 0)
			return route;
	}
	return NULL;
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
