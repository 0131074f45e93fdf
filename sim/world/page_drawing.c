/*
 * The network at a moment; where its nodes stand is in page_layout.c. A link of many
 * ends meets in a dot. What a link is doing is told by its pattern and by its colour.
 */
#include "meshd/base/html.h"
#include "sim/world/page.h"
#include "sim/world/page_layout.h"

#include <math.h>

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

/* In rows it bends to pass the nodes between: within a row, and over several rows. On a map it is straight. */
static void line_put(FILE *f, const struct layout *l, const struct spot *a, const struct spot *b, double fan)
{
	double flat = !l->is_ground && a->y == b->y ? 26 : 0, rows = fabs(a->y - b->y) / LAYOUT_PITCH;
	double bend = rows > 1.5 && !l->is_ground ? fan + (fan < 0 ? -30 : 30) * fmin(rows, 3) : fan;
	double x = fmin(fmax((a->x + b->x) / 2 + bend, LAYOUT_MARGIN), LAYOUT_WIDTH - LAYOUT_MARGIN);

	fprintf(f, "<path d=\"M%.1f %.1fQ%.1f %.1f %.1f %.1f\"/>", a->x, a->y, x, (a->y + b->y) / 2 + flat + fan, b->x,
		b->y);
}

/* On a map, radios with a range: who hears whom there. */
static void radios_put(FILE *f, const struct record_view *v, const struct layout *l, const struct plan_link *link)
{
	for (unsigned a = 0; a < link->end_count; a++)
		for (unsigned b = a + 1; b < link->end_count; b++) {
			unsigned from = link->ends[a].node, to = link->ends[b].node;
			double distance_m = place_distance_m(&v->places[from], &v->places[to]);

			if (v->power[from] && v->power[to] &&
				link_preset_reach(link->preset, distance_m / link->range_m))
				line_put(f, l, &l->spots[from], &l->spots[to], 0);
		}
}

static void link_put(FILE *f, const struct record *r, const struct record_view *v, const struct layout *l, unsigned i)
{
	const struct plan_link *link = &r->trial->plan->links[i];
	struct spot hub = { 0, 0 };

	fprintf(f, "<g class=\"link %s%s\"><title>", line_class(r, v, i),
		link->range_m > 0 && link->end_count > 2 ? " radios" : "");
	html_put(f, link->name);
	fprintf(f, " (%s)</title>", link->preset->name);
	if (l->is_ground && link->range_m > 0 && link->end_count > 2) {
		radios_put(f, v, l, link);
		fprintf(f, "</g>\n");
		return;
	}
	for (unsigned k = 0; k < link->end_count; k++) {
		hub.x += l->spots[link->ends[k].node].x / link->end_count;
		hub.y += l->spots[link->ends[k].node].y / link->end_count;
	}
	hub.y += l->is_ground ? 0 : 24;
	if (link->end_count == 2)
		/* Parallel links fan out a little. */
		line_put(f, l, &l->spots[link->ends[0].node], &l->spots[link->ends[1].node], (double)(i % 3) * 7 - 7);
	for (unsigned k = 0; k < link->end_count && link->end_count > 2; k++)
		line_put(f, l, &l->spots[link->ends[k].node], &hub, 0);
	if (link->end_count > 2)
		fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", hub.x, hub.y);
	fprintf(f, "</g>\n");
}

static void node_put(FILE *f, const struct plan_node *n, const struct spot *at, bool power)
{
	double width = layout_label_width(n);

	fprintf(f,
		"<g class=\"spot%s\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"5\"/><text "
		"x=\"%.1f\" y=\"%.1f\">",
		power ? "" : " off", at->x - width / 2, at->y - LAYOUT_LABEL / 2.0, width, LAYOUT_LABEL, at->x,
		at->y + 3.5);
	html_put(f, n->name);
	fprintf(f, "</text></g>\n");
}

void page_drawing_put(FILE *f, const struct record *r, const struct record_view *v)
{
	const struct plan *p = r->trial->plan;
	struct layout l;

	layout_make(&l, r, v);
	fprintf(f, "<svg class=\"drawing\" viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"the network\">\n",
		LAYOUT_WIDTH, l.height);
	for (unsigned i = 0; i < p->link_count; i++)
		link_put(f, r, v, &l, i);
	for (unsigned i = 0; i < p->node_count; i++)
		node_put(f, &p->nodes[i], &l.spots[i], v->power[i]);
	fprintf(f, "</svg>\n");
	layout_done(&l);
}
