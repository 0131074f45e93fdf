/*
 * What a plan has grown instead of listed: a command tree (docs/topology.md), or
 * crowds of nodes on lines of one kind around nodes of its own. They are written as
 * people would write them, and read as that.
 */
#include "sim/world/plan_read.h"

#include "sim/topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWD_HUB_MAX 16 /* with NUL: names of the crowd begin with it */
#define CROWD_PER_HUB 200 /* a node has 256 neighbours at most: the next ones are around one of these */

/* Without text it stays what it is. */
static int number_read(struct plan_reading *r, const char *section, const char *text, unsigned most, unsigned *number)
{
	unsigned value = plan_number_of(text, most);

	if (text && !value)
		return outline_complain(&r->outline, section, -1, NULL, "%s: \"%.40s\" is not a number from 1 to %u",
			section, text, most);
	*number = text ? value : *number;
	return 0;
}

static int tree_write(struct plan_reading *r, const struct plan_text_tree *text, FILE *out)
{
	const struct topology_output how = { .reader = TOPOLOGY_FOR_SIMULATOR, .duration_s = 1 };
	char complaint[TOPOLOGY_ERROR_MAX] = "";
	unsigned seed = 1, nodes = TREE_FULL_NODES;
	int error = number_read(r, "tree", text->seed, 1000000, &seed);

	if (!error)
		error = number_read(r, "tree", text->nodes, PLAN_NODES_MAX, &nodes);
	if (error)
		return error;
	struct topology *t = topology_grow(&(struct tree_params){ .seed = seed, .nodes = nodes }, complaint);
	if (!t)
		return outline_complain(&r->outline, "tree", -1, NULL, "tree: %.200s", complaint);
	error = topology_write(t, NULL, &how, out);
	topology_free(t);
	return error;
}

/* Nodes and links are in sections of their own: `links` says which. */
static int crowd_write(struct plan_reading *r, int c, bool links, FILE *out)
{
	const struct plan_text_crowd *text = &r->text->crowds[c];
	const char *preset = text->preset ? text->preset : "fibre";
	unsigned nodes = 0;
	int error = number_read(r, "crowds", text->nodes, PLAN_NODES_MAX, &nodes);

	if (error)
		return error;
	if (!nodes || !plan_name_is_good(text->hub, CROWD_HUB_MAX))
		return outline_complain(&r->outline, "crowds", c, NULL,
			"around whom is the crowd, and how many are they? write - {hub: NODE, nodes: 1000}, the hub's "
			"name "
			"with %d letters at most",
			CROWD_HUB_MAX - 1);
	for (unsigned i = 1; i <= nodes; i++) {
		unsigned hub = (i - 1) / CROWD_PER_HUB;

		if (!links)
			fprintf(out, "  - {name: %s-%u, level: town}\n", text->hub, i);
		else if (hub)
			fprintf(out, "  - {name: %s-%u, preset: %.20s, ends: [%s-%u:up, %s-%u:crowd]}\n", text->hub, i,
				preset, text->hub, i, text->hub, hub);
		else
			fprintf(out, "  - {name: %s-%u, preset: %.20s, ends: [%s-%u:up, %s:crowd]}\n", text->hub, i,
				preset, text->hub, i, text->hub);
	}
	return 0;
}

static int crowds_write(struct plan_reading *r, FILE *out)
{
	int error = 0;

	fputs("for: 1\nnodes:\n", out);
	for (unsigned c = 0; c < r->text->crowds_count && !error; c++)
		error = crowd_write(r, (int)c, false, out);
	fputs("links:\n", out);
	for (unsigned c = 0; c < r->text->crowds_count && !error; c++)
		error = crowd_write(r, (int)c, true, out);
	return error;
}

int plan_grow(struct plan_reading *r, struct plan_text **grown)
{
	const struct plan_text *t = r->text;
	char *text = NULL;
	size_t len = 0;
	int error;

	*grown = NULL;
	if (!t->tree && !t->crowds_count)
		return 0;
	if (t->tree && t->crowds_count)
		return outline_complain(&r->outline, "crowds", 0, NULL, "a plan has a tree or crowds; remove one");
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
	error = t->tree ? tree_write(r, t->tree, out) : crowds_write(r, out);
	if (fclose(out) && !error)
		error = outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
	if (!error) {
		struct outline outline = { .file = t->tree ? "tree" : "crowds", .error = r->outline.error };

		error = plan_text_load(grown, bytes_of(text, len), &outline);
		outline_done(&outline);
	}
	free(text);
	return error;
}
