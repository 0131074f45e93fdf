/*
 * A trace of measured links, one value a line, in order of time:
 *
 *   time_s,link,field,value
 *   0,ridge,rate,2.4M
 *   30.5,ridge,loss,12%
 *   61,ridge,state,cut
 *
 * Fields and values are those of a link in a scenario; each is tried on the link
 * as it is read, so that a run does not stop in its middle for a slip.
 */
#include "sim/topology/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 256
#define COLUMNS 4
#define HEADER "time_s,link,field,value"

struct reading {
	const struct topology *topology;
	struct origin *origin;
	struct trace *trace;
	unsigned long line;
};

/* One line without its end in `text`; 0, -EINVAL, or -ENODATA at the end. */
static int line_read(struct reading *r, FILE *file, char text[LINE_MAX_BYTES])
{
	size_t len = 0;
	int c;

	while ((c = getc(file)) != EOF && c != '\n') {
		if (len == LINE_MAX_BYTES - 1)
			return origin_complain(r->origin, r->line + 1,
				"a line of more than %d letters; this is not a trace", LINE_MAX_BYTES - 1);
		if (c == '\0')
			return origin_complain(r->origin, r->line + 1, "a zero byte; this is not a text");
		text[len++] = (char)c;
	}
	if (c == EOF && len == 0)
		return -ENODATA;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	text[len] = '\0';
	r->line++;
	return 0;
}

/* NULL: no such field. */
static const char *field_find(const char *name)
{
	for (unsigned i = 0; link_param_names[i]; i++)
		if (strcmp(name, link_param_names[i]) == 0)
			return link_param_names[i];
	return strcmp(name, "state") == 0 ? "state" : NULL;
}

static int value_check(struct reading *r, unsigned link, const char *field, const char *value)
{
	struct link_params params[2];
	char complaint[LINK_COMPLAINT_MAX];

	if (strlen(value) >= TOPOLOGY_TRACE_VALUE_MAX)
		return origin_complain(r->origin, r->line, "value \"%.40s\" is longer than %d letters; shorten it",
			value, TOPOLOGY_TRACE_VALUE_MAX - 1);
	if (strcmp(field, "state") == 0) {
		if (strcmp(value, "up") == 0 || strcmp(value, "cut") == 0 || strcmp(value, "silent") == 0)
			return 0;
		return origin_complain(
			r->origin, r->line, "state \"%.40s\" is not known; write up, cut or silent", value);
	}
	topology_link_params(&r->topology->links[link], params);
	if (link_params_set(params, field, value, complaint))
		return origin_complain(r->origin, r->line, "%s", complaint);
	return 0;
}

static int point_add(struct reading *r, const struct trace_point *point)
{
	struct trace *t = r->trace;

	if (t->count == TOPOLOGY_TRACE_POINTS_MAX)
		return origin_complain(r->origin, r->line, "more than %d values; take fewer samples, or a shorter time",
			TOPOLOGY_TRACE_POINTS_MAX);
	if (t->count > 0 && point->at_us < t->points[t->count - 1].at_us)
		return origin_complain(
			r->origin, r->line, "the time runs back here; sort the lines by time (sort -n -s -t, -k1,1)");
	if (t->count == t->capacity) {
		unsigned capacity = t->capacity ? 2 * t->capacity : 64;
		struct trace_point *grown = realloc(t->points, capacity * sizeof(*grown));

		if (!grown)
			return origin_complain(r->origin, r->line, "out of memory; free some and try again");
		t->points = grown;
		t->capacity = capacity;
	}
	t->points[t->count++] = *point;
	return 0;
}

static int point_read(struct reading *r, char *text)
{
	char *column[COLUMNS], *rest = text;
	struct trace_point point = { 0 };

	for (unsigned i = 0; i < COLUMNS; i++) {
		column[i] = strsep(&rest, ",");
		if (!column[i] || !column[i][0])
			return origin_complain(r->origin, r->line, "a line has four columns; write %s", HEADER);
	}
	if (rest)
		return origin_complain(r->origin, r->line, "a line has four columns, not more; write %s", HEADER);
	if (column[0][strspn(column[0], "0123456789.")] || link_duration_parse(&point.at_us, column[0]))
		return origin_complain(
			r->origin, r->line, "time \"%.40s\" is not a number of seconds; write 12.5", column[0]);
	int link = topology_find_link(r->topology, column[1]);
	if (link < 0)
		return origin_complain(
			r->origin, r->line, "there is no link \"%.60s\" in the topology; correct the name", column[1]);
	point.link = (unsigned)link;
	point.field = field_find(column[2]);
	if (!point.field)
		return origin_complain(r->origin, r->line,
			"\"%.40s\" is not a field of a link; write rate, delay, loss, state or another of docs/lab.md",
			column[2]);
	int error = value_check(r, point.link, point.field, column[3]);
	if (error)
		return error;
	snprintf(point.value, sizeof(point.value), "%s", column[3]);
	return point_add(r, &point);
}

static struct trace *trace_read(const struct topology *t, struct origin *o, FILE *file)
{
	struct reading r = { .topology = t, .origin = o, .trace = calloc(1, sizeof(struct trace)) };
	char text[LINE_MAX_BYTES] = "";
	int error = 0;

	o->error[0] = '\0';
	if (!r.trace)
		error = origin_complain(o, 0, "out of memory; free some and try again");
	if (!error)
		error = line_read(&r, file, text);
	if (!error || error == -ENODATA)
		error = strcmp(text, HEADER) == 0
				? 0
				: origin_complain(o, 1, "a trace begins with its columns; write %s", HEADER);
	while (!error && (error = line_read(&r, file, text)) == 0)
		if (text[0] != '\0')
			error = point_read(&r, text);
	if (error == -ENODATA && ferror(file))
		error = origin_complain(o, r.line, "cannot be read to its end; copy it again");
	if (error != -ENODATA) {
		trace_free(r.trace);
		return NULL;
	}
	return r.trace;
}

struct trace *trace_load(const struct topology *t, const char *path, char error[TOPOLOGY_ERROR_MAX])
{
	struct origin o = { .name = path, .error = error };
	FILE *file = fopen(path, "re");

	if (!file) {
		origin_complain(&o, 0, "cannot be read: %s; name a file that is there", strerror(errno));
		return NULL;
	}
	struct trace *trace = trace_read(t, &o, file);
	fclose(file);
	return trace;
}

struct trace *trace_parse(const struct topology *t, const char *name, struct bytes text, char error[TOPOLOGY_ERROR_MAX])
{
	struct origin o = { .name = name, .error = error };
	FILE *file = fmemopen((void *)text.data, text.len, "r");

	if (!file) {
		origin_complain(&o, 0, "out of memory; free some and try again");
		return NULL;
	}
	struct trace *trace = trace_read(t, &o, file);
	fclose(file);
	return trace;
}

void trace_free(struct trace *trace)
{
	if (!trace)
		return;
	free(trace->points);
	free(trace);
}
