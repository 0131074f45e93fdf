/*
 * The graph in memory: two arrays, and names that find their way into them.
 */
#include "sim/topology/import.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define FIBRE_EQUIPMENT_US 500
#define FIBRE_US_PER_KM 5.0 /* light in glass */
#define FIBRE_DELAY_MAX_US 200000 /* around the world */

const char *const topology_level_names[TOPOLOGY_LEVELS] = { "city", "district", "town", "scene" };

struct topology *topology_new(void)
{
	struct topology *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	names_init(&t->node_names, TOPOLOGY_NODES_MAX);
	names_init(&t->link_names, TOPOLOGY_LINKS_MAX);
	return t;
}

void topology_free(struct topology *t)
{
	if (!t)
		return;
	names_done(&t->node_names);
	names_done(&t->link_names);
	free(t->nodes);
	free(t->links);
	free(t);
}

/* As the scenario's: names become namespaces and files. */
static bool name_is_good(const char *name)
{
	return name[0] && name[0] != '.' && name[0] != '-' && strlen(name) < TOPOLOGY_NAME_MAX &&
	       name[strspn(name, NAME_LETTERS)] == '\0';
}

/* Room for one more; the array may move. */
static int array_grow(void **array, unsigned *capacity, unsigned count, size_t size)
{
	if (count < *capacity)
		return 0;
	unsigned wanted = *capacity ? 2 * *capacity : 64;
	void *grown = realloc(*array, wanted * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*capacity = wanted;
	return 0;
}

int topology_add_node(struct topology *t, const char *name, enum topology_level level)
{
	void *nodes = t->nodes;
	int error;

	if (!name_is_good(name))
		return -EINVAL;
	error = array_grow(&nodes, &t->node_capacity, t->node_count, sizeof(*t->nodes));
	t->nodes = nodes;
	if (error)
		return error;
	const char *kept = names_add(&t->node_names, name, t->node_count, &error);
	if (!kept)
		return error;
	t->nodes[t->node_count] = (struct topology_node){ .name = kept, .level = level };
	return (int)t->node_count++;
}

/* Letters that a name cannot have become one "-" for each run of them. */
static void name_make(char name[TOPOLOGY_NAME_MAX], const char *label)
{
	size_t len = 0;

	for (; *label && len + 1 < TOPOLOGY_NAME_MAX; label++) {
		bool good = strchr(NAME_LETTERS, *label) != NULL;

		if (good && (len > 0 || (*label != '.' && *label != '-')))
			name[len++] = *label;
		else if (!good && len > 0 && name[len - 1] != '-')
			name[len++] = '-';
	}
	while (len > 0 && name[len - 1] == '-')
		len--;
	name[len] = '\0';
	if (len == 0)
		snprintf(name, TOPOLOGY_NAME_MAX, "node");
}

int topology_add_node_called(struct topology *t, const char *label, enum topology_level level)
{
	char name[TOPOLOGY_NAME_MAX], numbered[TOPOLOGY_NAME_MAX];

	name_make(name, label);
	int node = topology_add_node(t, name, level);
	if (node != -EEXIST)
		return node;
	/* The node's own number first: one try is enough unless a file is malicious. */
	for (unsigned i = t->node_count; node == -EEXIST; i++) {
		snprintf(numbered, sizeof(numbered), "%.*s-%u", TOPOLOGY_NAME_MAX - 12, name, i);
		node = topology_add_node(t, numbered, level);
	}
	return node;
}

int topology_add_link(
	struct topology *t, const char *name, const struct link_preset *preset, unsigned end_a, unsigned end_b)
{
	char made[2 * TOPOLOGY_NAME_MAX];
	void *links = t->links;
	int error;

	snprintf(made, sizeof(made), "%s-%s", t->nodes[end_a].name, t->nodes[end_b].name);
	if (!name && (strlen(made) >= TOPOLOGY_NAME_MAX || topology_find_link(t, made) >= 0))
		snprintf(made, sizeof(made), "link-%u", t->link_count);
	if (!name)
		name = made;
	if (!name_is_good(name))
		return -EINVAL;
	error = array_grow(&links, &t->link_capacity, t->link_count, sizeof(*t->links));
	t->links = links;
	if (error)
		return error;
	const char *kept = names_add(&t->link_names, name, t->link_count, &error);
	if (!kept)
		return error;
	t->links[t->link_count] =
		(struct topology_link){ .name = kept, .preset = preset, .ends = { end_a, end_b }, .loss = -1 };
	return (int)t->link_count++;
}

int topology_find_node(const struct topology *t, const char *name)
{
	return names_find(&t->node_names, name);
}

int topology_find_link(const struct topology *t, const char *name)
{
	return names_find(&t->link_names, name);
}

void topology_link_params(const struct topology_link *l, struct link_params params[2])
{
	for (unsigned i = 0; i < 2; i++) {
		params[i] = l->preset->params[i];
		if (l->rate_bps)
			params[i].rate_bps = l->rate_bps;
		if (l->delay_us)
			params[i].delay_us = l->delay_us;
		if (l->loss >= 0) {
			params[i].loss = l->loss;
			params[i].fade.to_bad = params[i].fade.to_good = params[i].fade.loss = 0;
		}
	}
}

double topology_distance_m(const struct topology *t, unsigned a, unsigned b)
{
	const struct topology_node *from = &t->nodes[a], *to = &t->nodes[b];

	return from->placed && to->placed ? hypot(from->x_m - to->x_m, from->y_m - to->y_m) : -1;
}

uint32_t topology_fibre_delay_us(const struct topology *t, unsigned a, unsigned b)
{
	double distance_m = topology_distance_m(t, a, b);

	if (distance_m < 0)
		return 0;
	double delay_us = FIBRE_EQUIPMENT_US + FIBRE_US_PER_KM * distance_m / 1000;
	return delay_us < FIBRE_DELAY_MAX_US ? (uint32_t)delay_us : FIBRE_DELAY_MAX_US;
}

/* The root of a node's part, halving the way to it. */
static unsigned part_of(unsigned *parents, unsigned node)
{
	while (parents[node] != node)
		node = parents[node] = parents[parents[node]];
	return node;
}

int topology_count_parts(const struct topology *t)
{
	unsigned *parents = calloc(t->node_count + 1, sizeof(*parents));
	unsigned parts = t->node_count;

	if (!parents)
		return -1;
	for (unsigned i = 0; i < t->node_count; i++)
		parents[i] = i;
	for (unsigned i = 0; i < t->link_count; i++) {
		unsigned a = part_of(parents, t->links[i].ends[0]), b = part_of(parents, t->links[i].ends[1]);

		if (a == b)
			continue;
		parents[a > b ? a : b] = a > b ? b : a;
		parts--;
	}
	free(parents);
	return (int)parts;
}

void topology_count_degrees(const struct topology *t, unsigned *degrees)
{
	memset(degrees, 0, t->node_count * sizeof(*degrees));
	for (unsigned i = 0; i < t->link_count; i++) {
		degrees[t->links[i].ends[0]]++;
		degrees[t->links[i].ends[1]]++;
	}
}
