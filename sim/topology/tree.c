/*
 * The command tree, drawn from a seed.
 *
 *        core: city and districts on fibre         (27 links at full size)
 *        |          |                  |  .  .
 *        | fibre    | fibre       fibre|  sat, 9.6k, and 2.4k from another town
 *      [ near region  ]          [ far region ]
 *       20 posts on radio         38 towns on radio     (2n - 3 links of n posts)
 *
 * At full size: 13 in the core, 34 near regions of 20, 10 far regions of 38, in
 * all 1,073 posts and 2,123 links. 29 of the near regions are headed by their
 * district's post; the others are towns of the core's districts. Of a smaller or
 * larger tree the core, the number of regions and their size all change by the
 * square root, so that each stage keeps its share of the links and of the hops.
 *
 * Positions are whole metres: what is nearest must not depend on the compiler.
 */
#include "sim/topology/import.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FULL_CORE 13
#define FULL_NEAR_REGIONS 34
#define FULL_NEAR_HEADED 29
#define FULL_FAR_REGIONS 10
#define FULL_FAR_NODES 380
#define FULL_REGION_NODES 1060 /* near and far */
#define CITY_SPOKES_MAX 12 /* districts that have their own fibre to the city */
#define RADIO_DEGREE_MAX 12 /* a post has no room for more antennas */
#define KM 1000.0
#define CORE_RADIUS_M (20 * KM)
#define RADIO_GOOD_M 7000 /* beyond: the edge of the range */
#define LOAD_M 15000 /* each line that a core node carries already counts as this far away */

struct plan {
	unsigned core, near_regions, near_headed, near_nodes, far_regions, far_nodes;
};

struct growth {
	struct topology *topology;
	struct prng prng;
	struct plan plan;
	unsigned *degrees; /* of all nodes, as they grow */
	unsigned districts, towns; /* named so far */
	int error; /* the first one stays */
};

static unsigned scaled(double full, double scale, unsigned least)
{
	long value = lround(full * scale);

	return value > (long)least ? (unsigned)value : least;
}

static struct plan plan_make(unsigned nodes)
{
	double scale = sqrt((double)nodes / TREE_FULL_NODES);
	struct plan p = { .core = scaled(FULL_CORE, scale, 2),
		.near_regions = scaled(FULL_NEAR_REGIONS, scale, 1),
		.far_regions = scaled(FULL_FAR_REGIONS, scale, 1) };

	p.near_headed = scaled(p.near_regions, (double)FULL_NEAR_HEADED / FULL_NEAR_REGIONS, 1);
	p.far_nodes = scaled(nodes - p.core, (double)FULL_FAR_NODES / FULL_REGION_NODES, p.far_regions);
	p.near_nodes = nodes - p.core - p.far_nodes;
	return p;
}

static unsigned node_grow(struct growth *g, enum topology_level level, unsigned number, double x_m, double y_m)
{
	static const struct {
		char letter;
		int digits;
	} names[] = { { 'c', 1 }, { 'd', 2 }, { 't', 4 }, { 's', 3 } };
	char name[TOPOLOGY_NAME_MAX];

	if (level == TOPOLOGY_DISTRICT)
		number = ++g->districts;
	else if (level == TOPOLOGY_TOWN)
		number = ++g->towns;
	snprintf(name, sizeof(name), "%c%0*u", names[level].letter, names[level].digits, number);
	if (level == TOPOLOGY_CITY)
		snprintf(name, sizeof(name), "city");
	int node = g->error ? g->error : topology_add_node(g->topology, name, level);
	if (node < 0) {
		g->error = node;
		return 0;
	}
	struct topology_node *n = &g->topology->nodes[node];
	n->placed = true;
	n->x_m = round(x_m);
	n->y_m = round(y_m);
	return (unsigned)node;
}

/* `kind` tells apart the lines between two posts. */
static struct topology_link *link_grow(
	struct growth *g, const char *preset_name, unsigned from, unsigned to, const char *kind)
{
	static struct topology_link lost; /* after an error: written to, never read */
	struct topology *t = g->topology;
	char name[3 * TOPOLOGY_NAME_MAX];

	if (g->error)
		return &lost;
	snprintf(name, sizeof(name), "%s-%s%s", t->nodes[from].name, t->nodes[to].name, kind);
	bool taken = topology_find_link(t, name) >= 0;
	int link = topology_add_link(t, taken ? NULL : name, link_preset_find(preset_name), from, to);
	if (link < 0) {
		g->error = link;
		return &lost;
	}
	g->degrees[from]++;
	g->degrees[to]++;
	struct topology_link *l = &t->links[link];
	if (strcmp(preset_name, "fibre") == 0)
		l->delay_us = topology_fibre_delay_us(t, from, to);
	return l;
}

static double distance_squared(const struct growth *g, unsigned a, unsigned b)
{
	const struct topology_node *from = &g->topology->nodes[a], *to = &g->topology->nodes[b];
	double x = from->x_m - to->x_m, y = from->y_m - to->y_m;

	return x * x + y * y;
}

static void radio_grow(struct growth *g, unsigned from, unsigned to, const char *kind)
{
	bool edge = distance_squared(g, from, to) > (double)RADIO_GOOD_M * RADIO_GOOD_M;

	link_grow(g, edge ? "mesh-radio-edge" : "mesh-radio", from, to, kind);
}

/* City, a ring of districts, spokes, and chords across the ring. */
static void core_grow(struct growth *g)
{
	unsigned ring = g->plan.core - 1;
	unsigned spokes = ring < CITY_SPOKES_MAX ? ring : CITY_SPOKES_MAX;

	node_grow(g, TOPOLOGY_CITY, 0, 0, 0);
	for (unsigned i = 0; i < ring; i++) {
		double angle = 2 * M_PI * (i + .5 * prng_unit(&g->prng)) / ring;

		node_grow(g, TOPOLOGY_DISTRICT, 0, CORE_RADIUS_M * cos(angle), CORE_RADIUS_M * sin(angle));
	}
	for (unsigned i = 0; i < spokes; i++)
		link_grow(g, "fibre", 1 + i * ring / spokes, 0, "");
	for (unsigned i = 0; i + 1 < ring; i++)
		link_grow(g, "fibre", 1 + i, 2 + i, "");
	if (ring > 2)
		link_grow(g, "fibre", ring, 1, "");
	for (unsigned i = 0; ring >= 6 && i < (ring + 2) / 4; i++)
		link_grow(g, "fibre", 1 + i, 1 + i + ring / 2, "");
}

/* The core node for another line of `from`: near, not loaded, not `other`. */
static unsigned core_find(const struct growth *g, unsigned from, unsigned other)
{
	unsigned best = 0;
	double best_cost = INFINITY;

	/* The city keeps its room for the ring, unless it is nearly alone. */
	for (unsigned i = g->plan.core > 2 ? 1 : 0; i < g->plan.core; i++) {
		double cost = sqrt(distance_squared(g, from, i)) + (double)LOAD_M * g->degrees[i];

		if (i == other || cost >= best_cost)
			continue;
		best = i;
		best_cost = cost;
	}
	return best;
}

/* Joins `node` to the `count` nearest of its region's earlier posts. */
static void region_join(struct growth *g, unsigned first, unsigned node, unsigned count)
{
	unsigned chosen[3];

	for (unsigned c = 0; c < count; c++) {
		double best_distance = INFINITY;

		chosen[c] = first;
		for (unsigned i = first; i < node; i++) {
			double distance = distance_squared(g, node, i);
			bool taken = (c > 0 && chosen[0] == i) || (c > 1 && chosen[1] == i);

			if (taken || distance >= best_distance || g->degrees[i] >= RADIO_DEGREE_MAX)
				continue;
			best_distance = distance;
			chosen[c] = i;
		}
		if (best_distance < INFINITY)
			radio_grow(g, node, chosen[c], "");
	}
}

/* Two links for each post that is added. Now and then one gets a single link, in
 * a side valley, and the next one three. */
static void region_link(struct growth *g, unsigned first, unsigned count)
{
	bool owed = false;

	for (unsigned i = 1; i < count; i++) {
		unsigned links = i < 2 ? i : 2;

		if (owed)
			links = 3;
		else if (i >= 3 && i + 1 < count && prng_below(&g->prng, 3) == 0)
			links = 1;
		owed = links == 1 && i >= 2;
		region_join(g, first, first + i, links);
	}
}

/* Posts around a centre, the first in its middle. Returns the first. */
static unsigned region_grow(
	struct growth *g, enum topology_level head, unsigned count, double distance_m, double angle, double radius_m)
{
	double x_m = distance_m * cos(angle), y_m = distance_m * sin(angle);
	unsigned first = node_grow(g, head, 0, x_m, y_m);

	for (unsigned i = 1; i < count; i++) {
		double turn = 2 * M_PI * prng_unit(&g->prng);
		double away_m = radius_m * sqrt((i + prng_unit(&g->prng)) / count);

		node_grow(g, TOPOLOGY_TOWN, 0, x_m + away_m * cos(turn), y_m + away_m * sin(turn));
	}
	if (!g->error)
		region_link(g, first, count);
	return first;
}

static unsigned share(unsigned total, unsigned parts, unsigned part)
{
	return total / parts + (part < total % parts);
}

static void near_regions_grow(struct growth *g)
{
	const struct plan *p = &g->plan;

	for (unsigned r = 0; r < p->near_regions && !g->error; r++) {
		unsigned count = share(p->near_nodes, p->near_regions, r);
		double angle = 2 * M_PI * (r + .5 * prng_unit(&g->prng)) / p->near_regions;
		double distance_m = KM * (45 + 50 * prng_unit(&g->prng));
		enum topology_level head = r < p->near_headed ? TOPOLOGY_DISTRICT : TOPOLOGY_TOWN;
		unsigned first = region_grow(g, head, count, distance_m, angle, 2700 * sqrt(count));
		unsigned last = first + count - 1;
		unsigned core = core_find(g, first, first);

		link_grow(g, "fibre", first, core, "-up");
		link_grow(g, "fibre", last, core_find(g, last, core), "-up");
	}
}

/* Satellite and narrowband lie beside the uplink, where they are a backup for
 * the whole region; one thin line ends elsewhere, as it does in the field. */
static void far_regions_grow(struct growth *g)
{
	const struct plan *p = &g->plan;

	for (unsigned r = 0; r < p->far_regions && !g->error; r++) {
		unsigned count = share(p->far_nodes, p->far_regions, r);
		double angle = 2 * M_PI * (r + .5 * prng_unit(&g->prng)) / p->far_regions;
		double distance_m = KM * (130 + 60 * prng_unit(&g->prng));
		unsigned first = region_grow(g, TOPOLOGY_TOWN, count, distance_m, angle, 2700 * sqrt(count));
		unsigned other = first + count / 2;
		unsigned core = core_find(g, first, first);

		link_grow(g, "fibre", first, core, "-up");
		link_grow(g, "geo-satellite", first, core_find(g, first, core), "-sat");
		link_grow(g, "narrowband", first, core_find(g, first, core), "-nb");
		link_grow(g, "narrowband", other, core_find(g, other, core), "-thin")->rate_bps = 2400;
	}
}

/* The nearest post outside the core. */
static unsigned post_find(const struct growth *g, unsigned from, unsigned other)
{
	unsigned best = 0;
	double best_distance = INFINITY;

	for (unsigned i = g->plan.core; i < g->topology->node_count; i++) {
		double distance = distance_squared(g, from, i);

		if (i == from || i == other || distance >= best_distance || g->degrees[i] >= 2 * RADIO_DEGREE_MAX ||
			g->topology->nodes[i].level == TOPOLOGY_SCENE)
			continue;
		best = i;
		best_distance = distance;
	}
	return best;
}

/* A scene within radio reach of a post: a vehicle with its satellite, and a
 * narrowband radio that the next post hears too. */
static void scenes_grow(struct growth *g, unsigned scenes)
{
	unsigned posts = g->topology->node_count;

	for (unsigned i = 0; i < scenes && !g->error; i++) {
		unsigned near = g->plan.core + (unsigned)prng_below(&g->prng, posts - g->plan.core);
		double turn = 2 * M_PI * prng_unit(&g->prng), away_m = KM * (2 + 6 * prng_unit(&g->prng));
		unsigned scene = node_grow(g, TOPOLOGY_SCENE, i + 1, g->topology->nodes[near].x_m + away_m * cos(turn),
			g->topology->nodes[near].y_m + away_m * sin(turn));
		unsigned post = post_find(g, scene, scene);

		radio_grow(g, scene, post, "");
		link_grow(g, "geo-satellite", scene, core_find(g, scene, scene), "-sat");
		link_grow(g, "narrowband", scene, post_find(g, scene, post), "-nb");
	}
}

struct topology *topology_grow(const struct tree_params *p, char error[TOPOLOGY_ERROR_MAX])
{
	struct growth g = { 0 };

	error[0] = '\0';
	if (p->nodes < TREE_NODES_MIN || p->nodes > TOPOLOGY_NODES_MAX / 2 || p->scenes > p->nodes / 8) {
		snprintf(error, TOPOLOGY_ERROR_MAX,
			"a tree of %u posts and %u scenes cannot be grown; ask for %u to %u posts, and a scene for "
			"every eight of them at most",
			p->nodes, p->scenes, TREE_NODES_MIN, TOPOLOGY_NODES_MAX / 2);
		return NULL;
	}
	g.topology = topology_new();
	g.degrees = calloc(p->nodes + p->scenes, sizeof(*g.degrees));
	if (!g.topology || !g.degrees)
		g.error = -ENOMEM;
	prng_seed(&g.prng, p->seed);
	g.plan = plan_make(p->nodes);
	if (!g.error) {
		core_grow(&g);
		near_regions_grow(&g);
		far_regions_grow(&g);
		scenes_grow(&g, p->scenes);
	}
	free(g.degrees);
	if (!g.error)
		return g.topology;
	snprintf(error, TOPOLOGY_ERROR_MAX, "a tree of %u posts could not be grown: %s; free memory and try again",
		p->nodes, strerror(-g.error));
	topology_free(g.topology);
	return NULL;
}
