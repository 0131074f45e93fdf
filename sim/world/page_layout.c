/*
 * In rows by level of command, in the order of the scenario, so that the eye
 * compares pictures. Where most nodes have places they stand as on a map, north up,
 * pushed apart until no name lies on another; those without a place in rows above.
 */
#include "sim/world/page_layout.h"

#include "sim/world/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LETTER 6.0 /* width of one */
#define GROUND_MIN 90.0 /* height of a map, and ... */
#define GROUND_EACH 5.0 /* ... for each node */
#define GROUND_MAX 330.0
#define PUSHES 200
#define GAP 3.0 /* between names */

double layout_label_width(const struct plan_node *n)
{
	return (double)strlen(n->name) * LETTER + 10;
}

/* --- rows ----------------------------------------------------------------------------------- */

static bool is_in_row(const struct layout *l, const struct plan_node *n, enum level level)
{
	return n->level == level && !(l->is_ground && n->has_place);
}

static unsigned level_count(const struct layout *l, const struct plan *p, enum level level, size_t *longest)
{
	unsigned members = 0;

	for (unsigned i = 0; i < p->node_count; i++) {
		if (!is_in_row(l, &p->nodes[i], level))
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
	unsigned members = level_count(l, p, level, &longest), row = 0, seen = 0;
	double width = LAYOUT_WIDTH - 2.0 * LAYOUT_MARGIN, cell = (double)longest * LETTER + 16;
	unsigned per_row = cell < width ? (unsigned)(width / cell) : 1;
	unsigned rows = (members + per_row - 1) / per_row;

	for (unsigned i = 0; i < p->node_count; i++) {
		if (!is_in_row(l, &p->nodes[i], level))
			continue;
		while (seen >= (row + 1) * members / rows)
			row++;
		unsigned first = row * members / rows, in_row = (row + 1) * members / rows - first;
		/* The nodes of one row do not stand right under those of the row above. */
		double shift = rows == 1 ? 0 : row % 2 ? 0.06 : -0.06;

		l->spots[i].x = LAYOUT_MARGIN + width / in_row * (seen - first + 0.5 + shift);
		l->spots[i].y = y + row * LAYOUT_PITCH;
		seen++;
	}
	return rows;
}

/* --- map ------------------------------------------------------------------------------------- */

struct frame {
	double left, right, bottom, top; /* metres */
};

static void frame_add(struct frame *f, const struct plan *p, const struct record_view *v)
{
	for (unsigned i = 0; i < p->node_count && v->at_us; i++) {
		if (!p->nodes[i].has_place)
			continue;
		f->left = fmin(f->left, v->places[i].x_m);
		f->right = fmax(f->right, v->places[i].x_m);
		f->bottom = fmin(f->bottom, v->places[i].y_m);
		f->top = fmax(f->top, v->places[i].y_m);
	}
}

/* Along the way on which less is missing; how much was pushed. */
static double pair_push(struct layout *l, const struct plan *p, unsigned a, unsigned b)
{
	double wide = (layout_label_width(&p->nodes[a]) + layout_label_width(&p->nodes[b])) / 2 + GAP;
	double dx = l->spots[b].x - l->spots[a].x, dy = l->spots[b].y - l->spots[a].y;
	double over_x = wide - fabs(dx), over_y = LAYOUT_LABEL + GAP - fabs(dy);

	if (over_x <= 0 || over_y <= 0)
		return 0;
	if (over_y <= over_x) {
		double half = dy < 0 ? -over_y / 2 : over_y / 2;

		l->spots[a].y -= half;
		l->spots[b].y += half;
		return over_y;
	}
	double half = dx < 0 ? -over_x / 2 : over_x / 2;
	l->spots[a].x -= half;
	l->spots[b].x += half;
	return over_x;
}

static void spot_keep_inside(struct layout *l, const struct plan_node *n, struct spot *s, double top)
{
	double half = layout_label_width(n) / 2 + LAYOUT_MARGIN;

	s->x = fmin(fmax(s->x, half), LAYOUT_WIDTH - half);
	s->y = fmin(fmax(s->y, top), l->height - LAYOUT_LABEL);
}

static void ground_place(struct layout *l, const struct record *r, const struct record_view *v, double y)
{
	const struct plan *p = r->trial->plan;
	struct frame f = { INFINITY, -INFINITY, INFINITY, -INFINITY };
	double pushed = 1;

	frame_add(&f, p, &r->before);
	frame_add(&f, p, &r->worst);
	frame_add(&f, p, &r->now);
	double wide = fmax(f.right - f.left, 1), scale = (LAYOUT_WIDTH - 80.0) / wide;
	double height = fmin(fmax((f.top - f.bottom) * scale, GROUND_MIN + GROUND_EACH * p->node_count), GROUND_MAX);

	l->height = y + height + 2.0 * LAYOUT_LABEL;
	for (unsigned i = 0; i < p->node_count; i++) {
		if (!p->nodes[i].has_place)
			continue;
		l->spots[i].x = 40 + (v->places[i].x_m - f.left) * scale;
		l->spots[i].y = y + LAYOUT_LABEL + height * (f.top - v->places[i].y_m) / fmax(f.top - f.bottom, 1);
	}
	for (unsigned turn = 0; turn < PUSHES && pushed > 0; turn++) {
		pushed = 0;
		for (unsigned a = 0; a < p->node_count; a++)
			for (unsigned b = a + 1; b < p->node_count; b++)
				if (p->nodes[a].has_place && p->nodes[b].has_place)
					pushed += pair_push(l, p, a, b);
		for (unsigned i = 0; i < p->node_count; i++)
			if (p->nodes[i].has_place)
				spot_keep_inside(l, &p->nodes[i], &l->spots[i], y + LAYOUT_LABEL / 2.0);
	}
}

void layout_make(struct layout *l, const struct record *r, const struct record_view *v)
{
	const struct plan *p = r->trial->plan;
	double y = LAYOUT_PITCH / 2.0;
	unsigned placed = 0;

	for (unsigned i = 0; i < p->node_count; i++)
		placed += p->nodes[i].has_place;
	*l = (struct layout){ .is_ground = placed > 1 && 2 * placed > p->node_count,
		.spots = world_alloc((p->node_count + 1) * sizeof(*l->spots)) };
	for (enum level level = LEVEL_CITY; level <= LEVEL_SCENE; level++)
		y += level_place(l, p, level, y) * LAYOUT_PITCH;
	l->height = y - LAYOUT_PITCH / 2.0 + LAYOUT_LABEL;
	if (l->is_ground)
		ground_place(l, r, v, y - LAYOUT_PITCH / 2.0);
}

void layout_done(struct layout *l)
{
	free(l->spots);
}
