/*
 * GraphML as the Topology Zoo writes it: <key> names the data, <node> and <edge>
 * hold them. Read as a stream, block by block; of the file nothing stays but
 * nodes, links and the datum that is being read. A file with a DOCTYPE is
 * refused, so no entity can be defined, and none can be expanded into more than
 * it took to write.
 *
 *   <graphml>                     keys: id -> name, of nodes or of edges
 *     <key id="d1" for= attr.name=>
 *     <graph>
 *       <node id="0">             open: a node
 *         <data key="d1">text     text: gathered until </data>
 *       <edge source= target=>    open: an edge
 */
#include "sim/topology/import.h"

#include <errno.h>
#include <expat.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 16384
#define TOKEN_MAX 65536u /* what the parser may hold before it understands it */
#define KEYS_MAX 256
#define DEPTH_MAX 32
#define TEXT_MAX 256

enum datum { DATUM_NONE, DATUM_LATITUDE, DATUM_LONGITUDE, DATUM_LABEL, DATUM_LEVEL, DATUM_RATE, DATUM_PRESET };

enum element { ELEMENT_OTHER, ELEMENT_NODE, ELEMENT_EDGE };

struct graphml {
	XML_Parser parser;
	struct topology *topology;
	struct origin *origin;
	bool failed;
	unsigned depth;
	struct names keys; /* data keys, to enum datum */
	unsigned key_count;
	struct names ids; /* nodes' ids, to numbers */
	struct places places;
	enum element open;
	unsigned long open_line;
	char id[IMPORT_KEY_MAX]; /* of the open node */
	char ends[2][IMPORT_KEY_MAX]; /* of the open edge */
	double latitude, longitude, rate_bps;
	char label[TEXT_MAX], level[TEXT_MAX], preset[TEXT_MAX];
	enum datum datum; /* whose text is gathered */
	size_t text_len;
	char text[TEXT_MAX];
};

#define FAIL(g, ...)                                                                                                   \
	do {                                                                                                           \
		if (!(g)->failed)                                                                                      \
			origin_complain((g)->origin, __VA_ARGS__);                                                     \
		(g)->failed = true;                                                                                    \
		XML_StopParser((g)->parser, XML_FALSE);                                                                \
	} while (0)

static unsigned long line_now(const struct graphml *g)
{
	return (unsigned long)XML_GetCurrentLineNumber(g->parser);
}

static void add_failed(struct graphml *g, const char *what, const char *name, int error)
{
	origin_complain_add(g->origin, g->open_line, what, name, error);
	g->failed = true;
	XML_StopParser(g->parser, XML_FALSE);
}

static const char *attribute(const char **attributes, const char *name)
{
	for (; attributes[0]; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return "";
}

static void key_start(struct graphml *g, const char **attributes)
{
	static const struct {
		const char *of, *name;
		enum datum datum;
	} known[] = { { "node", "Latitude", DATUM_LATITUDE }, { "node", "Longitude", DATUM_LONGITUDE },
		{ "node", "label", DATUM_LABEL }, { "node", "level", DATUM_LEVEL },
		{ "edge", "LinkSpeedRaw", DATUM_RATE }, { "edge", "preset", DATUM_PRESET } };
	const char *id = attribute(attributes, "id"), *of = attribute(attributes, "for");
	const char *name = attribute(attributes, "attr.name");
	enum datum datum = DATUM_NONE;
	int error;

	if (++g->key_count > KEYS_MAX) {
		FAIL(g, line_now(g), "more than %d keys; keep those of nodes and edges", KEYS_MAX);
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0 && (strcmp(known[i].of, of) == 0 || strcmp(of, "all") == 0))
			datum = known[i].datum;
	if (strlen(id) >= IMPORT_KEY_MAX || !names_add(&g->keys, id, datum, &error))
		FAIL(g, line_now(g), "key \"%.60s\" is given twice, or longer than %d letters; rename it", id,
			IMPORT_KEY_MAX - 1);
}

static void node_start(struct graphml *g, const char **attributes)
{
	const char *id = attribute(attributes, "id");

	g->open = ELEMENT_NODE;
	g->open_line = line_now(g);
	g->latitude = g->longitude = NAN;
	g->label[0] = g->level[0] = '\0';
	if (!id[0] || strlen(id) >= IMPORT_KEY_MAX)
		FAIL(g, g->open_line, "a node needs an id of 1 to %d letters; write <node id=\"n0\">",
			IMPORT_KEY_MAX - 1);
	else
		snprintf(g->id, sizeof(g->id), "%s", id);
}

static void edge_start(struct graphml *g, const char **attributes)
{
	const char *ends[2] = { attribute(attributes, "source"), attribute(attributes, "target") };

	g->open = ELEMENT_EDGE;
	g->open_line = line_now(g);
	g->rate_bps = 0;
	g->preset[0] = '\0';
	for (unsigned i = 0; i < 2; i++) {
		if (!ends[i][0] || strlen(ends[i]) >= IMPORT_KEY_MAX) {
			FAIL(g, g->open_line,
				"an edge needs two ends; write <edge source=\"n0\" target=\"n1\"> with ids of nodes");
			return;
		}
		snprintf(g->ends[i], sizeof(g->ends[i]), "%s", ends[i]);
	}
}

static void data_start(struct graphml *g, const char **attributes)
{
	int datum = names_find(&g->keys, attribute(attributes, "key"));

	g->datum = datum > 0 && g->open != ELEMENT_OTHER ? (enum datum)datum : DATUM_NONE;
	g->text_len = 0;
}

static void element_start(void *user, const char *name, const char **attributes)
{
	struct graphml *g = user;

	if (g->failed)
		return;
	if (++g->depth > DEPTH_MAX)
		FAIL(g, line_now(g), "elements are nested more than %d deep; this is not a topology", DEPTH_MAX);
	else if (g->depth == 1 && strcmp(name, "graphml") != 0)
		FAIL(g, line_now(g), "the file begins with <%.40s>; GraphML begins with <graphml>", name);
	else if (strcmp(name, "key") == 0)
		key_start(g, attributes);
	else if (g->open == ELEMENT_OTHER && strcmp(name, "node") == 0)
		node_start(g, attributes);
	else if (g->open == ELEMENT_OTHER && strcmp(name, "edge") == 0)
		edge_start(g, attributes);
	else if (g->open != ELEMENT_OTHER && (strcmp(name, "node") == 0 || strcmp(name, "edge") == 0))
		FAIL(g, line_now(g), "<%s> inside the element of line %lu; graphs in graphs are not read, flatten it",
			name, g->open_line);
	else if (strcmp(name, "data") == 0)
		data_start(g, attributes);
}

static void text_add(void *user, const char *text, int len)
{
	struct graphml *g = user;
	size_t left = TEXT_MAX - 1 - g->text_len;

	if (g->datum == DATUM_NONE)
		return;
	if ((size_t)len > left)
		len = (int)left;
	memcpy(g->text + g->text_len, text, (size_t)len);
	g->text_len += (size_t)len;
}

static void number_read(struct graphml *g, double *value)
{
	char *end;

	*value = strtod(g->text, &end);
	if (end == g->text || end[strspn(end, " \t\r\n")] || !isfinite(*value))
		FAIL(g, line_now(g), "\"%.40s\" is not a number; write 29.5", g->text);
}

static void data_end(struct graphml *g)
{
	g->text[g->text_len] = '\0';
	switch (g->datum) {
	case DATUM_LATITUDE:
		number_read(g, &g->latitude);
		break;
	case DATUM_LONGITUDE:
		number_read(g, &g->longitude);
		break;
	case DATUM_RATE:
		number_read(g, &g->rate_bps);
		break;
	case DATUM_LABEL:
		memcpy(g->label, g->text, g->text_len + 1);
		break;
	case DATUM_LEVEL:
		memcpy(g->level, g->text, g->text_len + 1);
		break;
	case DATUM_PRESET:
		memcpy(g->preset, g->text, g->text_len + 1);
		break;
	case DATUM_NONE:
		break;
	}
	g->datum = DATUM_NONE;
}

static void node_end(struct graphml *g)
{
	struct topology *t = g->topology;
	int level = g->level[0] ? 0 : TOPOLOGY_TOWN;
	int error;

	while (level < TOPOLOGY_LEVELS && g->level[0] && strcmp(g->level, topology_level_names[level]) != 0)
		level++;
	if (level == TOPOLOGY_LEVELS) {
		FAIL(g, g->open_line, "level \"%.40s\" is not known; write city, district, town or scene", g->level);
		return;
	}
	int node = topology_add_node_called(t, g->label[0] ? g->label : g->id, (enum topology_level)level);
	if (node < 0) {
		add_failed(g, "node", g->id, node);
		return;
	}
	if (!names_add(&g->ids, g->id, (unsigned)node, &error)) {
		add_failed(g, "node", g->id, error);
		return;
	}
	places_add(&g->places, &t->nodes[node], g->latitude, g->longitude);
}

static void edge_end(struct graphml *g)
{
	struct topology *t = g->topology;
	const struct link_preset *preset = link_preset_find(g->preset[0] ? g->preset : "fibre");
	int ends[2];

	for (unsigned i = 0; i < 2; i++) {
		ends[i] = names_find(&g->ids, g->ends[i]);
		if (ends[i] < 0) {
			FAIL(g, g->open_line,
				"edge ends at node \"%.60s\", which is not above; add <node id=\"%.60s\">", g->ends[i],
				g->ends[i]);
			return;
		}
	}
	if (!preset) {
		FAIL(g, g->open_line, "preset \"%.40s\" is not known; known are %s", g->preset, link_preset_names());
		return;
	}
	if (!(g->rate_bps >= 0 && g->rate_bps <= 1e12)) {
		FAIL(g, g->open_line, "LinkSpeedRaw is %g; write bits per second, at most 1e12", g->rate_bps);
		return;
	}
	if (ends[0] == ends[1]) {
		t->skipped++;
		return;
	}
	int link = topology_add_link(t, NULL, preset, (unsigned)ends[0], (unsigned)ends[1]);
	if (link < 0) {
		add_failed(g, "link", g->ends[0], link);
		return;
	}
	t->links[link].rate_bps = (uint64_t)g->rate_bps;
}

static void element_end(void *user, const char *name)
{
	struct graphml *g = user;

	if (g->failed)
		return;
	g->depth--;
	if (strcmp(name, "data") == 0) {
		data_end(g);
	} else if (g->open == ELEMENT_NODE && strcmp(name, "node") == 0) {
		g->open = ELEMENT_OTHER;
		node_end(g);
	} else if (g->open == ELEMENT_EDGE && strcmp(name, "edge") == 0) {
		g->open = ELEMENT_OTHER;
		edge_end(g);
	}
}

static void doctype_start(void *user, const char *name, const char *system, const char *public, int internal)
{
	struct graphml *g = user;

	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	FAIL(g, line_now(g), "a DOCTYPE could define entities without end; remove it, GraphML needs none");
}

/* 0, or -EINVAL with the reason said. */
static int blocks_read(struct graphml *g, FILE *file)
{
	uint64_t fed = 0;
	bool last = false;

	while (!last) {
		void *block = XML_GetBuffer(g->parser, BLOCK);
		size_t len = block ? fread(block, 1, BLOCK, file) : 0;

		if (!block)
			return origin_complain(g->origin, 0, "out of memory; free some and try again");
		last = len < BLOCK;
		fed += len;
		if (fed > TOPOLOGY_XML_MAX)
			return origin_complain(g->origin, line_now(g), "more than %u MB; this is not a topology",
				(unsigned)(TOPOLOGY_XML_MAX >> 20));
		enum XML_Status status = XML_ParseBuffer(g->parser, (int)len, last);
		if (g->failed)
			return -EINVAL;
		if (status != XML_STATUS_OK)
			return origin_complain(g->origin, line_now(g), "this is not XML: %s; repair or export it again",
				XML_ErrorString(XML_GetErrorCode(g->parser)));
		XML_Index understood = XML_GetCurrentByteIndex(g->parser); /* -1: nothing yet */
		if (!last && fed - (uint64_t)(understood < 0 ? 0 : understood) > TOKEN_MAX)
			return origin_complain(g->origin, line_now(g),
				"one tag or text is longer than %u bytes; this is not a topology", TOKEN_MAX);
	}
	return 0;
}

int graphml_read(struct topology *t, struct origin *o, FILE *file)
{
	struct graphml g = { .topology = t, .origin = o, .parser = XML_ParserCreate(NULL) };

	if (!g.parser)
		return origin_complain(o, 0, "out of memory; free some and try again");
	names_init(&g.keys, KEYS_MAX);
	names_init(&g.ids, TOPOLOGY_NODES_MAX);
	XML_SetUserData(g.parser, &g);
	XML_SetElementHandler(g.parser, element_start, element_end);
	XML_SetCharacterDataHandler(g.parser, text_add);
	XML_SetStartDoctypeDeclHandler(g.parser, doctype_start);
	int error = blocks_read(&g, file);
	if (!error)
		places_settle(&g.places, t);
	names_done(&g.keys);
	names_done(&g.ids);
	XML_ParserFree(g.parser);
	return error;
}
