/*
 * JSON graphs: NetJSON's NetworkGraph, and the graphs that community meshes
 * publish. Both have "nodes" and "links"; they differ in what a link says of its
 * quality:
 *
 *   "cost": 1.25                       NetJSON with metric ETX: one in 1.25 arrives and is answered
 *   "quality": 0.9                     the share of frames that arrive
 *   "source_tq": 0.9, "target_tq": 1   the same, as each end sees it
 *
 * The library holds the whole file at many times its size, so its bytes and its
 * values are counted before it is asked. It forgets lines: they are found again
 * only when there is something to complain of.
 */
#include "sim/topology/import.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct netjson {
	struct topology *topology;
	struct origin *origin;
	struct bytes text;
	struct names ids;
	struct names pairs; /* "a b": the link between two nodes */
	struct places places;
	bool strict; /* NetJSON: its links name only nodes that are there, once */
	bool etx; /* costs are expected transmissions */
};

/* The line of entry `index` of the list `section` of the outermost object, or 0. */
static unsigned long entry_line(struct bytes text, const char *section, size_t index)
{
	char quoted[32];
	unsigned long line = 1;
	unsigned depth = 0;
	bool inside = false; /* the list that is sought */
	size_t entry = 0;
	bool fresh = true; /* the next letter opens an entry */

	int len = snprintf(quoted, sizeof(quoted), "\"%s\"", section);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		line += c == '\n';
		if (inside && fresh && depth == 2 && !strchr(" \t\r\n", c)) {
			if (entry == index)
				return line;
			fresh = false;
		}
		if (c == '"') {
			bool named = depth == 1 && text.len - i > (size_t)len &&
				     memcmp(text.data + i, quoted, (size_t)len) == 0;

			inside = depth == 1 ? named : inside;
			for (i++; i < text.len && text.data[i] != '"'; i++)
				i += text.data[i] == '\\';
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			depth--;
		} else if (c == ',' && depth == 2 && inside) {
			entry++;
			fresh = true;
		}
	}
	return 0;
}

#define COMPLAIN(n, section, index, ...)                                                                               \
	origin_complain((n)->origin, entry_line((n)->text, section, index), __VA_ARGS__)

/* An id is a text or a whole number. */
static bool id_read(const json_t *value, char id[IMPORT_KEY_MAX])
{
	int len = -1;

	if (json_is_string(value) && json_string_length(value) == strlen(json_string_value(value)))
		len = snprintf(id, IMPORT_KEY_MAX, "%s", json_string_value(value));
	else if (json_is_integer(value))
		len = snprintf(id, IMPORT_KEY_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return len > 0 && len < IMPORT_KEY_MAX;
}

/* A member of the entry, or of its "properties". */
static const json_t *member(const json_t *entry, const char *name)
{
	const json_t *value = json_object_get(entry, name);

	return value ? value : json_object_get(json_object_get(entry, "properties"), name);
}

static const char *text_of(const json_t *entry, const char *name)
{
	return json_string_value(member(entry, name));
}

/* The first of the names that is a number; NaN: none. */
static double number_of(const json_t *entry, const char *const names[])
{
	for (unsigned i = 0; names[i]; i++)
		if (json_is_number(member(entry, names[i])))
			return json_number_value(member(entry, names[i]));
	return NAN;
}

static int node_read(struct netjson *n, size_t index, const json_t *entry)
{
	static const char *const latitudes[] = { "latitude", "lat", "x", NULL };
	static const char *const longitudes[] = { "longitude", "lon", "lng", "y", NULL };
	const char *label = text_of(entry, "label"), *level_name = text_of(entry, "level");
	char id[IMPORT_KEY_MAX];
	int level = level_name ? 0 : TOPOLOGY_TOWN;
	int error;

	if (!id_read(json_object_get(entry, "id"), id))
		return COMPLAIN(n, "nodes", index,
			"a node needs an id, a text of 1 to %d letters or a whole number; write {\"id\": \"n0\"}",
			IMPORT_KEY_MAX - 1);
	if (!n->strict && names_find(&n->ids, id) >= 0) {
		n->topology->merged++;
		return 0;
	}
	if (!label)
		label = text_of(entry, "name");
	while (level_name && level < TOPOLOGY_LEVELS && strcmp(level_name, topology_level_names[level]) != 0)
		level++;
	if (level == TOPOLOGY_LEVELS)
		return COMPLAIN(n, "nodes", index, "level \"%.40s\" is not known; write city, district, town or scene",
			level_name);
	int node = topology_add_node_called(n->topology, label && label[0] ? label : id, (enum topology_level)level);
	if (node < 0)
		return origin_complain_add(n->origin, entry_line(n->text, "nodes", index), "node", id, node);
	if (!names_add(&n->ids, id, (unsigned)node, &error))
		return origin_complain_add(n->origin, entry_line(n->text, "nodes", index), "node", id, error);
	places_add(&n->places, &n->topology->nodes[node], number_of(entry, latitudes), number_of(entry, longitudes));
	return 0;
}

/* Share of frames that arrive; NaN: not said; negative or above 1: nonsense. */
static double quality_of(const struct netjson *n, const json_t *entry)
{
	static const char *const quality[] = { "quality", NULL }, *const cost[] = { "cost", NULL };
	static const char *const source[] = { "source_tq", NULL }, *const target[] = { "target_tq", NULL };
	double value = number_of(entry, quality);

	/* Of two views the worse: a frame that is not answered is sent again. */
	if (isnan(value))
		value = fmin(number_of(entry, source), number_of(entry, target));
	if (isnan(value) && n->etx && !isnan(number_of(entry, cost)))
		value = number_of(entry, cost) >= 1 ? sqrt(1 / number_of(entry, cost)) : -1;
	return value;
}

/* Air if nothing is said: it is a mesh. What is not air is a line on the ground. */
static const struct link_preset *preset_of(const json_t *entry)
{
	const char *preset = text_of(entry, "preset"), *type = text_of(entry, "type");

	if (preset)
		return link_preset_find(preset);
	return link_preset_find(!type || strcmp(type, "wifi") == 0 ? "mesh-radio" : "fibre");
}

/* The worse of two entries for one pair of nodes stays. */
static void quality_set(struct topology_link *l, double quality)
{
	if (!isnan(quality) && 1 - quality > l->loss)
		l->loss = 1 - quality;
}

static int link_add(
	struct netjson *n, size_t index, const int ends[2], const struct link_preset *preset, double quality)
{
	char pair[32];
	int error;

	snprintf(pair, sizeof(pair), "%d %d %.8s", ends[0] < ends[1] ? ends[0] : ends[1],
		ends[0] < ends[1] ? ends[1] : ends[0], preset->name);
	int known = names_find(&n->pairs, pair);
	if (known >= 0) {
		quality_set(&n->topology->links[known], quality);
		n->topology->merged++;
		return 0;
	}
	int link = topology_add_link(n->topology, NULL, preset, (unsigned)ends[0], (unsigned)ends[1]);
	if (link >= 0 && !names_add(&n->pairs, pair, (unsigned)link, &error))
		link = error;
	if (link < 0)
		return origin_complain_add(n->origin, entry_line(n->text, "links", index), "link", pair, link);
	quality_set(&n->topology->links[link], quality);
	return 0;
}

/* An end that the list of nodes does not have. Meshes publish maps in which a node
 * is missing that its neighbours still hear: there it is a node without a place. */
static int end_imply(struct netjson *n, size_t index, const char *side, const char *id)
{
	int error;

	if (n->strict)
		return COMPLAIN(n, "links", index, "%s \"%.60s\" is not among the nodes; add {\"id\": \"%.60s\"}", side,
			id, id);
	int node = topology_add_node_called(n->topology, id, TOPOLOGY_TOWN);
	if (node >= 0 && !names_add(&n->ids, id, (unsigned)node, &error))
		node = error;
	if (node < 0)
		return origin_complain_add(n->origin, entry_line(n->text, "links", index), "node", id, node);
	n->topology->implied++;
	return node;
}

static int link_read(struct netjson *n, size_t index, const json_t *entry)
{
	static const char *const sides[] = { "source", "target" };
	const struct link_preset *preset = preset_of(entry);
	double quality = quality_of(n, entry);
	char id[IMPORT_KEY_MAX];
	int ends[2];

	for (unsigned i = 0; i < 2; i++) {
		if (!id_read(json_object_get(entry, sides[i]), id))
			return COMPLAIN(n, "links", index,
				"a link needs a %s, the id of a node; write {\"source\": \"n0\", \"target\": \"n1\"}",
				sides[i]);
		ends[i] = names_find(&n->ids, id);
		if (ends[i] < 0)
			ends[i] = end_imply(n, index, sides[i], id);
		if (ends[i] < 0)
			return -EINVAL;
	}
	if (!preset)
		return COMPLAIN(n, "links", index, "preset \"%.40s\" is not known; known are %s",
			text_of(entry, "preset"), link_preset_names());
	if (quality < 0 || quality > 1)
		return COMPLAIN(
			n, "links", index, "a quality is a share from 0 to 1, an ETX cost at least 1; correct it");
	if (ends[0] == ends[1] || quality == 0) {
		n->topology->skipped++;
		return 0;
	}
	return link_add(n, index, ends, preset, quality);
}

static int graph_read(struct netjson *n, const json_t *root)
{
	const json_t *nodes = json_object_get(root, "nodes"), *links = json_object_get(root, "links");
	const char *type = json_string_value(json_object_get(root, "type"));
	const char *metric = json_string_value(json_object_get(root, "metric"));
	const json_t *entry;
	size_t i;
	int error = 0;

	if (!json_is_array(links) || (nodes && !json_is_array(nodes)))
		return origin_complain(
			n->origin, 1, "not a graph; write \"nodes\" and \"links\" as lists, see docs/topology.md");
	if (type && strcmp(type, "NetworkGraph") != 0)
		return origin_complain(
			n->origin, 1, "type \"%.40s\" of NetJSON is not a graph; export a NetworkGraph", type);
	n->strict = type != NULL;
	n->etx = metric && (strcmp(metric, "ETX") == 0 || strcmp(metric, "etx") == 0);
	json_array_foreach (nodes, i, entry) {
		error = error ? error : node_read(n, i, entry);
	}
	json_array_foreach (links, i, entry) {
		error = error ? error : link_read(n, i, entry);
	}
	return error;
}

/* The whole file in *text, or -EINVAL. */
static int text_read(struct origin *o, FILE *file, char **text, size_t *len)
{
	size_t values = 0;

	*text = malloc(TOPOLOGY_JSON_MAX + 1);
	if (!*text)
		return origin_complain(o, 0, "out of memory; free some and try again");
	*len = fread(*text, 1, TOPOLOGY_JSON_MAX + 1, file);
	if (*len > TOPOLOGY_JSON_MAX)
		return origin_complain(
			o, 0, "more than %u MB; this is not a topology", (unsigned)(TOPOLOGY_JSON_MAX >> 20));
	for (size_t i = 0; i < *len; i++)
		values += (*text)[i] == ',' || (*text)[i] == '[' || (*text)[i] == '{';
	if (values > TOPOLOGY_JSON_VALUES_MAX)
		return origin_complain(o, 0, "more than %d values; this is not a topology", TOPOLOGY_JSON_VALUES_MAX);
	return 0;
}

int netjson_read(struct topology *t, struct origin *o, FILE *file)
{
	struct netjson n = { .topology = t, .origin = o };
	json_error_t problem;
	char *text = NULL;
	size_t len = 0;
	int error = text_read(o, file, &text, &len);
	json_t *root = error ? NULL : json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);

	if (!error && !root)
		error = origin_complain(o, problem.line > 0 ? (unsigned long)problem.line : 0,
			"this is not JSON: %s; check brackets, commas and quotes here", problem.text);
	if (!error) {
		names_init(&n.ids, TOPOLOGY_NODES_MAX);
		names_init(&n.pairs, TOPOLOGY_LINKS_MAX);
		n.text = bytes_of(text, len);
		error = graph_read(&n, root);
		names_done(&n.ids);
		names_done(&n.pairs);
	}
	if (!error)
		places_settle(&n.places, t);
	json_decref(root);
	free(text);
	return error;
}
