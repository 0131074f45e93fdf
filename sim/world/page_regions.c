/*
 * A large network at a moment: a disc for each region, as large as it has sites,
 * filled as far as they reach the post, and one line for all links between two
 * regions: what the best of them does, and beside it those that failed.
 */
#include "meshd/base/html.h"
#include "sim/world/page.h"
#include "sim/world/region.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH 360
#define HEIGHT 380
#define DISC_MIN 5.0
#define DISC_MAX 15.0
#define FULL 6.283185307179586

struct bundle {
	unsigned used, up, failed;
};

struct map {
	const struct record *r;
	const struct record_view *v;
	struct regions g;
	double x[REGIONS_MAX], y[REGIONS_MAX], radius[REGIONS_MAX];
	unsigned served[REGIONS_MAX], off[REGIONS_MAX], sites[REGIONS_MAX];
	struct bundle bundles[REGIONS_MAX][REGIONS_MAX]; /* the lower number first */
};

/* --- what there is -------------------------------------------------------------------------- */

static void sites_count(struct map *m)
{
	const struct plan *p = m->r->trial->plan;
	unsigned largest = 1;

	for (unsigned i = 0; i < p->node_count; i++) {
		unsigned region = m->g.of[i];

		m->off[region] += !m->v->power[i];
		m->sites[region] += m->r->site_pairs[i] >= 0;
		m->served[region] += m->r->site_pairs[i] >= 0 && m->v->served[i];
	}
	for (unsigned k = 0; k < m->g.count; k++)
		largest = m->g.sizes[k] > largest ? m->g.sizes[k] : largest;
	for (unsigned k = 0; k < m->g.count; k++)
		m->radius[k] = DISC_MIN + (DISC_MAX - DISC_MIN) * sqrt((double)m->g.sizes[k] / largest);
}

static void bundle_add(struct map *m, unsigned link, unsigned a, unsigned b)
{
	unsigned first = a < b ? a : b, second = a < b ? b : a;
	struct bundle *bundle = &m->bundles[first][second];
	const struct plan_link *l = &m->r->trial->plan->links[link];
	unsigned powered = 0;

	for (unsigned i = 0; i < l->end_count; i++)
		powered += m->v->power[l->ends[i].node];
	if (m->v->state[link] != LINK_UP || powered < 2)
		bundle->failed++;
	else if (m->v->used[link])
		bundle->used++;
	else
		bundle->up++;
}

static void links_bundle(struct map *m)
{
	const struct plan *p = m->r->trial->plan;

	for (unsigned i = 0; i < p->link_count; i++) {
		unsigned first = m->g.of[p->links[i].ends[0].node];

		for (unsigned k = 1; k < p->links[i].end_count; k++)
			if (m->g.of[p->links[i].ends[k].node] != first)
				bundle_add(m, i, first, m->g.of[p->links[i].ends[k].node]);
	}
}

/* --- where it is -------------------------------------------------------------------------------- */

static bool nodes_have_places(const struct plan *p)
{
	for (unsigned i = 0; i < p->node_count; i++)
		if (!p->nodes[i].has_place)
			return false;
	return true;
}

/* Where its nodes are in the mean, as the plan has it, so that pictures can be compared. */
static void place_on_ground(struct map *m)
{
	const struct plan *p = m->r->trial->plan;
	double left = INFINITY, right = -INFINITY, bottom = INFINITY, top = -INFINITY;

	for (unsigned k = 0; k < m->g.count; k++)
		m->x[k] = m->y[k] = 0;
	for (unsigned i = 0; i < p->node_count; i++) {
		m->x[m->g.of[i]] += p->nodes[i].place.x_m / m->g.sizes[m->g.of[i]];
		m->y[m->g.of[i]] += p->nodes[i].place.y_m / m->g.sizes[m->g.of[i]];
	}
	for (unsigned k = 0; k < m->g.count; k++) {
		left = fmin(left, m->x[k]);
		right = fmax(right, m->x[k]);
		bottom = fmin(bottom, m->y[k]);
		top = fmax(top, m->y[k]);
	}
	for (unsigned k = 0; k < m->g.count; k++) {
		m->x[k] = 24 + (WIDTH - 48) * (m->x[k] - left) / fmax(right - left, 1);
		m->y[k] = 24 + (HEIGHT - 48) * (top - m->y[k]) / fmax(top - bottom, 1);
	}
}

/* The post's region in the middle, the others on a ring, or on two if they are many. */
static void place_in_rings(struct map *m)
{
	unsigned centre = m->g.of[m->r->post], outside = m->g.count - 1, placed = 0;
	bool has_two = outside > 20;
	unsigned inner = has_two ? outside / 3 : 0;

	for (unsigned k = 0; k < m->g.count; k++) {
		if (k == centre) {
			m->x[k] = WIDTH / 2.0;
			m->y[k] = HEIGHT / 2.0;
			continue;
		}
		unsigned third = placed / 3;
		bool is_inner = has_two && placed % 3 == 1 && third < inner;
		double share = is_inner ? (double)third / inner : (double)placed / outside;
		double far = is_inner ? 92 : 155;

		m->x[k] = WIDTH / 2.0 + far * sin(FULL * share);
		m->y[k] = HEIGHT / 2.0 - far * cos(FULL * share) * 1.06;
		placed++;
	}
}

/* --- drawing --------------------------------------------------------------------------------------- */

static void line_put(FILE *f, const struct map *m, unsigned a, unsigned b, const char *class, double aside)
{
	double dx = m->x[b] - m->x[a], dy = m->y[b] - m->y[a], length = fmax(hypot(dx, dy), 1);

	fprintf(f, "<g class=\"link %s\"><path d=\"M%.1f %.1fL%.1f %.1f\"/></g>\n", class,
		m->x[a] - dy / length * aside, m->y[a] + dx / length * aside, m->x[b] - dy / length * aside,
		m->y[b] + dx / length * aside);
}

static void bundles_put(FILE *f, const struct map *m)
{
	for (unsigned a = 0; a < m->g.count; a++)
		for (unsigned b = a + 1; b < m->g.count; b++) {
			const struct bundle *l = &m->bundles[a][b];

			if (l->up && !l->used)
				line_put(f, m, a, b, "up", 0);
			if (l->used)
				line_put(f, m, a, b, "used", 0);
			if (l->failed)
				line_put(f, m, a, b, "down", l->used || l->up ? 2.5 : 0);
		}
}

static void pie_put(FILE *f, const struct map *m, unsigned k)
{
	double share = m->sites[k] ? (double)m->served[k] / m->sites[k] : 1;
	double x = m->x[k], y = m->y[k], r = m->radius[k];

	fprintf(f, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>", share >= 1 ? "reached" : "apart", x, y,
		r);
	if (share > 0 && share < 1)
		fprintf(f, "<path class=\"reached\" d=\"M%.1f %.1fV%.1fA%.1f %.1f 0 %d 1 %.1f %.1fZ\"/>", x, y, y - r,
			r, r, share > 0.5, x + r * sin(FULL * share), y - r * cos(FULL * share));
}

static void region_put(FILE *f, const struct map *m, unsigned k)
{
	const char *name = m->r->trial->plan->nodes[m->g.heads[k]].name;

	fprintf(f, "<g class=\"region\"><title>");
	html_put(f, name);
	fprintf(f, ": %u of %u sites reach the post, %u nodes without power</title>", m->served[k], m->sites[k],
		m->off[k]);
	pie_put(f, m, k);
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\">", m->x[k], m->y[k] + m->radius[k] + 9);
	html_put(f, name);
	if (m->served[k] < m->sites[k])
		fprintf(f, " %u/%u", m->served[k], m->sites[k]);
	fprintf(f, "</text></g>\n");
}

void page_regions_put(FILE *f, const struct record *r, const struct record_view *v)
{
	struct map *m = world_alloc(sizeof(*m));

	m->r = r;
	m->v = v;
	regions_make(&m->g, r->trial->plan);
	sites_count(m);
	links_bundle(m);
	if (nodes_have_places(r->trial->plan))
		place_on_ground(m);
	else
		place_in_rings(m);
	fprintf(f,
		"<svg class=\"drawing map\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"the network by "
		"regions\">\n",
		WIDTH, HEIGHT);
	bundles_put(f, m);
	/* What is not well lies above the rest. */
	for (unsigned k = 0; k < m->g.count; k++)
		if (m->served[k] == m->sites[k])
			region_put(f, m, k);
	for (unsigned k = 0; k < m->g.count; k++)
		if (m->served[k] < m->sites[k])
			region_put(f, m, k);
	fprintf(f, "</svg>\n");
	regions_done(&m->g);
	free(m);
}
