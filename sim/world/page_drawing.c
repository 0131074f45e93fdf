/*
 * The network at a moment. Nodes stand in rows by level of command, in the order of
 * the scenario, so that the eye compares pictures; a link of many ends meets in a
 * dot. What a link is doing is told by its pattern and by its colour.
 */
#include "sim/html.h"
#include "sim/world/page.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH 360
#define MARGIN 6
#define LETTER 6.0 /* width of one */

struct spot {
	double x, y;
};

struct layout {
	bool has_labels;
	double pitch, height;
	struct spot *spots;
};

static unsigned level_count(const struct plan *p, enum level level, size_t *longest)
{
	unsigned members = 0;

	for (unsigned i = 0; i < p->node_count; i++) {
		if (p->nodes[i].level != level)
			continue;
		members++;
		*longest = strlen(p->nodes[i].name) > *longest ? strlen(p->nodes[i].name) : *longest;
	}
	return members;
}

/* In as many rows as its names need, evenly filled. The number of rows. */
static unsigned level_place(struct layout *l, const struct plan *p, enum level level, double y)
{
	size_t longest = 1;
	unsigned members = level_count(p, level, &longest), row = 0, seen = 0;
	double width = WIDTH - 2.0 * MARGIN, cell = l->has_labels ? (double)longest * LETTER + 16 : 14;
	unsigned per_row = cell < width ? (unsigned)(width / cell) : 1;
	unsigned rows = (members + per_row - 1) / per_row;

	for (unsigned i = 0; i < p->node_count; i++) {
		if (p->nodes[i].level != level)
			continue;
		while (seen >= (row + 1) * members / rows)
			row++;
		unsigned first = row * members / rows, in_row = (row + 1) * members / rows - first;
		/* The nodes of one row do not stand right under those of the row above. */
		double shift = rows == 1 ? 0 : row % 2 ? 0.06 : -0.06;

		l->spots[i].x = MARGIN + width / in_row * (seen - first + 0.5 + shift);
		l->spots[i].y = y + row * l->pitch;
		seen++;
	}
	return rows;
}

static void layout_make(struct layout *l, const struct plan *p)
{
	l->spots = world_alloc((p->node_count + 1) * sizeof(*l->spots));
	l->has_labels = p->node_count <= PAGE_NODES_MAX;
	l->pitch = l->has_labels ? 56 : 28;
	double y = l->pitch / 2;

	for (enum level level = LEVEL_CITY; level <= LEVEL_SCENE; level++)
		y += level_place(l, p, level, y) * l->pitch;
	l->height = y - l->pitch / 2 + 18;
}

static const char *line_class(const struct record *r, const struct record_view *v, unsigned segment)
{
	const struct plan_link *link = &r->trial->plan->links[segment];
	unsigned powered = 0;

	for (unsigned i = 0; i < link->end_count; i++)
		powered += v->power[link->ends[i].node];
	if (v->state[segment] == LINK_CUT)
		return "down";
	if (v->state[segment] == LINK_SILENT)
		return "silent";
	return powered < 2 ? "absent" : v->used[segment] ? "used" : "up";
}

/* It bends to pass the nodes between: within a row, and over several rows. */
static void line_put(FILE *f, const struct layout *l, const struct spot *a, const struct spot *b, double fan)
{
	double flat = a->y == b->y ? 26 : 0, rows = (a->y > b->y ? a->y - b->y : b->y - a->y) / l->pitch;
	double bend = rows > 1.5 ? fan + (fan < 0 ? -30 : 30) * (rows < 3 ? rows : 3) : fan;
	double x = (a->x + b->x) / 2 + bend;

	x = x < MARGIN ? MARGIN : x > WIDTH - MARGIN ? WIDTH - MARGIN : x;
	fprintf(f, "<path d=\"M%.1f %.1fQ%.1f %.1f %.1f %.1f\"/>", a->x, a->y, x, (a->y + b->y) / 2 + flat + fan, b->x,
		b->y);
}

static void link_put(FILE *f, const struct record *r, const struct record_view *v, const struct layout *l, unsigned i)
{
	const struct plan_link *link = &r->trial->plan->links[i];
	struct spot hub = { 0, 0 };

	fprintf(f, "<g class=\"link %s\"><title>", line_class(r, v, i));
	html_put(f, link->name);
	fprintf(f, " (%s)</title>", link->preset->name);
	for (unsigned k = 0; k < link->end_count; k++) {
		hub.x += l->spots[link->ends[k].node].x / link->end_count;
		hub.y += l->spots[link->ends[k].node].y / link->end_count;
	}
	hub.y += 24;
	if (link->end_count == 2)
		/* Parallel links fan out a little. */
		line_put(f, l, &l->spots[link->ends[0].node], &l->spots[link->ends[1].node], (double)(i % 3) * 7 - 7);
	for (unsigned k = 0; k < link->end_count && link->end_count > 2; k++)
		line_put(f, l, &l->spots[link->ends[k].node], &hub, 0);
	if (link->end_count > 2)
		fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", hub.x, hub.y);
	fprintf(f, "</g>\n");
}

static void node_put(FILE *f, const struct plan_node *n, const struct layout *l, const struct spot *at, bool power)
{
	double width = (double)strlen(n->name) * LETTER + 10;

	fprintf(f, "<g class=\"spot%s\">", power ? "" : " off");
	if (l->has_labels) {
		fprintf(f,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"18\" rx=\"5\"/><text x=\"%.1f\" "
			"y=\"%.1f\">",
			at->x - width / 2, at->y - 9, width, at->x, at->y + 3.5);
		html_put(f, n->name);
		fprintf(f, "</text>");
	} else {
		fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"6\" height=\"6\" rx=\"3\"><title>", at->x - 3,
			at->y - 3);
		html_put(f, n->name);
		fprintf(f, "</title></rect>");
	}
	fprintf(f, "</g>\n");
}

void page_drawing_put(FILE *f, const struct record *r, const struct record_view *v)
{
	const struct plan *p = r->trial->plan;
	struct layout l;

	layout_make(&l, p);
	fprintf(f, "<svg class=\"drawing%s\" viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"the network\">\n",
		l.has_labels ? "" : " many", WIDTH, l.height);
	for (unsigned i = 0; i < p->link_count; i++)
		link_put(f, r, v, &l, i);
	for (unsigned i = 0; i < p->node_count; i++)
		node_put(f, &p->nodes[i], &l, &l.spots[i], v->power[i]);
	fprintf(f, "</svg>\n");
	free(l.spots);
}
