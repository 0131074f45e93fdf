/*
 * From a file to a topology: the first letter says which reader it is for, so
 * that rubbish is refused before more than a block of it is read. Places come
 * in degrees and leave in metres.
 */
#include "sim/topology/import.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SPACE_MAX 4096 /* before the first letter */
#define EARTH_RADIUS_M 6371000.0
#define DEGREE (M_PI / 180)

int origin_complain(struct origin *o, unsigned long line, const char *format, ...)
{
	va_list arguments;
	int len = line ? snprintf(o->error, TOPOLOGY_ERROR_MAX, "%.200s:%lu: ", o->name, line)
		       : snprintf(o->error, TOPOLOGY_ERROR_MAX, "%.200s: ", o->name);

	va_start(arguments, format);
	vsnprintf(o->error + len, TOPOLOGY_ERROR_MAX - (size_t)len, format, arguments);
	va_end(arguments);
	/* What is quoted from the file must not break the line or colour the terminal. */
	for (char *c = o->error; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -EINVAL;
}

int origin_complain_add(struct origin *o, unsigned long line, const char *what, const char *name, int error)
{
	if (error == -EEXIST)
		return origin_complain(o, line, "there are two %ss \"%.60s\"; rename one", what, name);
	if (error == -ENOSPC)
		return origin_complain(o, line, "more than %d %ss; cut the graph down",
			strcmp(what, "link") == 0 ? TOPOLOGY_LINKS_MAX : TOPOLOGY_NODES_MAX, what);
	if (error == -EINVAL)
		return origin_complain(o, line, "%s \"%.60s\": a name has 1 to %d letters, digits, . _ or -; rename it",
			what, name, TOPOLOGY_NAME_MAX - 1);
	return origin_complain(o, line, "out of memory; free some and try again");
}

void places_add(struct places *p, struct topology_node *node, double latitude, double longitude)
{
	/* Not the negation: what is no number is no place. */
	if (!(fabs(latitude) <= 90 && fabs(longitude) <= 180))
		return;
	node->placed = true;
	node->x_m = longitude;
	node->y_m = latitude;
	p->latitude += latitude;
	p->longitude += longitude;
	p->count++;
}

void places_settle(const struct places *p, struct topology *t)
{
	double latitude = p->count ? p->latitude / p->count : 0, longitude = p->count ? p->longitude / p->count : 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		struct topology_node *n = &t->nodes[i];

		if (!n->placed)
			continue;
		n->x_m = (n->x_m - longitude) * DEGREE * EARTH_RADIUS_M * cos(latitude * DEGREE);
		n->y_m = (n->y_m - latitude) * DEGREE * EARTH_RADIUS_M;
	}
	for (unsigned i = 0; i < t->link_count; i++) {
		struct topology_link *l = &t->links[i];

		if (strcmp(l->preset->name, "fibre") == 0)
			l->delay_us = topology_fibre_delay_us(t, l->ends[0], l->ends[1]);
	}
}

/* The first letter, which stays to be read; 0: none near the start. */
static int letter_peek(FILE *file)
{
	for (unsigned i = 0; i < SPACE_MAX; i++) {
		int c = getc(file);

		if (c == EOF)
			return 0;
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		if (c == 0xef && getc(file) == 0xbb && getc(file) == 0xbf)
			continue; /* the mark that some editors put before UTF-8 */
		return c;
	}
	return 0;
}

static struct topology *topology_read(struct origin *o, FILE *file)
{
	struct topology *t = topology_new();
	int letter = letter_peek(file);
	int error = 0;

	o->error[0] = '\0';
	rewind(file);
	if (!t) {
		origin_complain(o, 0, "out of memory; free some and try again");
		return NULL;
	}
	if (letter == '{')
		error = netjson_read(t, o, file);
	else if (letter == '<')
		error = graphml_read(t, o, file);
	else
		error = origin_complain(o, letter ? 1 : 0,
			"neither JSON nor GraphML; a topology starts with { or <, see docs/topology.md");
	if (!error && ferror(file))
		error = origin_complain(o, 0, "cannot be read to its end; copy it again");
	if (!error && t->node_count == 0)
		error = origin_complain(o, 0, "there are no nodes in it; a topology has \"nodes\" and \"links\"");
	if (error) {
		topology_free(t);
		return NULL;
	}
	return t;
}

struct topology *topology_load(const char *path, char error[TOPOLOGY_ERROR_MAX])
{
	struct origin o = { .name = path, .error = error };
	FILE *file = fopen(path, "re");

	if (!file) {
		origin_complain(&o, 0, "cannot be read: %s; name a file that is there", strerror(errno));
		return NULL;
	}
	struct topology *t = topology_read(&o, file);
	fclose(file);
	return t;
}

struct topology *topology_parse(const char *name, struct bytes text, char error[TOPOLOGY_ERROR_MAX])
{
	struct origin o = { .name = name, .error = error };
	FILE *file = fmemopen((void *)text.data, text.len, "r");

	if (!file) {
		origin_complain(&o, 0, "out of memory; free some and try again");
		return NULL;
	}
	struct topology *t = topology_read(&o, file);
	fclose(file);
	return t;
}
