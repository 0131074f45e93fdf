/*
 * A topology: who can be linked with whom, by what kind of link, before any
 * clock runs. It is read from the files in which the field keeps its networks,
 * or grown from a seed, and written as the nodes and links of a scenario.
 *
 *   NetJSON, mesh graphs --> netjson.c --\
 *   GraphML              --> graphml.c ---> struct topology --> write.c --> scenario
 *   seed                 --> tree.c    --/        |
 *   CSV of measured links ---------------> trace.c (names its links) --> events
 *
 * What a file can make us hold is bounded by the limits below; a file that
 * passes one is refused with the limit's name and its line.
 */
#ifndef SIM_TOPOLOGY_TOPOLOGY_H
#define SIM_TOPOLOGY_TOPOLOGY_H

#include "meshd/base/bytes.h"
#include "meshd/base/map.h"
#include "sim/preset.h"

#include <stdio.h>

#define TOPOLOGY_NODES_MAX 16384
#define TOPOLOGY_LINKS_MAX 65536
#define TOPOLOGY_NAME_MAX 32 /* as in a scenario, with the NUL */
#define TOPOLOGY_ERROR_MAX 512
#define TOPOLOGY_XML_MAX ((uint64_t)16 << 20) /* bytes of a GraphML file */
#define TOPOLOGY_JSON_MAX ((size_t)4 << 20) /* bytes of a JSON file */
#define TOPOLOGY_JSON_VALUES_MAX 500000 /* commas and brackets in it: each may cost 50 bytes */
#define TOPOLOGY_TRACE_POINTS_MAX 200000
#define TOPOLOGY_TRACE_VALUE_MAX 32

enum topology_level { TOPOLOGY_CITY, TOPOLOGY_DISTRICT, TOPOLOGY_TOWN, TOPOLOGY_SCENE, TOPOLOGY_LEVELS };
extern const char *const topology_level_names[TOPOLOGY_LEVELS];

/* Keys to numbers; owns copies of the keys. */
struct names {
	struct map map;
};

struct topology_node {
	const char *name; /* letters, digits, . _ and -; unique; owned by the topology */
	enum topology_level level;
	bool placed; /* x and y mean something */
	double x_m; /* east of an origin common to all nodes */
	double y_m; /* north */
};

struct topology_link {
	const char *name; /* as a node's */
	const struct link_preset *preset;
	unsigned ends[2]; /* numbers of nodes, not equal; the first is the terminal */
	uint64_t rate_bps; /* 0: the preset's */
	uint32_t delay_us; /* 0: the preset's */
	double loss; /* of each frame, in place of the preset's fade; negative: the preset's */
};

struct topology {
	unsigned node_count;
	struct topology_node *nodes;
	unsigned link_count;
	struct topology_link *links;
	unsigned skipped; /* links of the file that lead back to their start, or have quality 0 */
	unsigned merged; /* nodes and links of the file that were there already */
	unsigned implied; /* nodes that only links name */
	unsigned node_capacity;
	unsigned link_capacity;
	struct names node_names;
	struct names link_names;
};

/* NULL: out of memory. */
struct topology *topology_new(void);
void topology_free(struct topology *t);

/* The number of the new node; -EINVAL: the name is not fit for a scenario;
 * -EEXIST; -ENOSPC: TOPOLOGY_NODES_MAX; -ENOMEM. Pointers to nodes end here. */
int topology_add_node(struct topology *t, const char *name, enum topology_level level);
/* As topology_add_node(), and makes a name of what people wrote: other letters
 * become "-", a name that is taken gets a number. */
int topology_add_node_called(struct topology *t, const char *label, enum topology_level level);
/* The number of the new link between two different nodes; errors as above.
 * `name` NULL: made of the ends' names. Pointers to links end here. */
int topology_add_link(
	struct topology *t, const char *name, const struct link_preset *preset, unsigned end_a, unsigned end_b);
/* The number, or -1. */
int topology_find_node(const struct topology *t, const char *name);
int topology_find_link(const struct topology *t, const char *name);

/* What the link's preset and its own values come to. */
void topology_link_params(const struct topology_link *l, struct link_params params[2]);
/* Metres between two placed nodes; negative: unknown. */
double topology_distance_m(const struct topology *t, unsigned a, unsigned b);
/* Light in glass between the ends and 0.5 ms of equipment; 0: unknown. */
uint32_t topology_fibre_delay_us(const struct topology *t, unsigned a, unsigned b);
/* Number of parts that no link joins; 0 of no nodes, -1 without memory. */
int topology_count_parts(const struct topology *t);
/* degrees[node_count]: links that end at each. */
void topology_count_degrees(const struct topology *t, unsigned *degrees);

/* NULL with one line in `error`: file:line: what; remedy. JSON or GraphML, as
 * the first letter says. Holds no more than the limits allow, whatever the file. */
struct topology *topology_load(const char *path, char error[TOPOLOGY_ERROR_MAX]);
struct topology *topology_parse(const char *name, struct bytes text, char error[TOPOLOGY_ERROR_MAX]);

/*
 * The command tree: a fibre core, radio regions with two ways into it, and far
 * regions that hang on one. docs/topology.md says how it is drawn.
 */
#define TREE_FULL_NODES 1073u /* 1 city, 41 districts, 1,031 towns */
#define TREE_NODES_MIN 8u

struct tree_params {
	uint64_t seed;
	unsigned nodes; /* city, districts and towns */
	unsigned scenes; /* at most an eighth of them */
};

/* NULL with one line in `error`. The same parameters give the same topology. */
struct topology *topology_grow(const struct tree_params *p, char error[TOPOLOGY_ERROR_MAX]);

/*
 * A trace: what was measured on links, over time.
 */
struct trace_point {
	uint64_t at_us;
	unsigned link; /* of the topology */
	const char *field; /* one of link_param_names[], or "state" */
	char value[TOPOLOGY_TRACE_VALUE_MAX]; /* checked: link_params_set() takes it, or up, cut, silent */
};

struct trace {
	unsigned count;
	unsigned capacity;
	struct trace_point *points; /* in order of time */
};

/* NULL with one line in `error`. The links are those of `t`. */
struct trace *trace_load(const struct topology *t, const char *path, char error[TOPOLOGY_ERROR_MAX]);
struct trace *trace_parse(
	const struct topology *t, const char *name, struct bytes text, char error[TOPOLOGY_ERROR_MAX]);
void trace_free(struct trace *trace);

/* Who is to read what is written. */
enum topology_reader {
	TOPOLOGY_FOR_LAB, /* ends with its last event; level and position of a node stand in a remark */
	TOPOLOGY_FOR_SIMULATOR /* "for", "level" and "position" are fields */
};

struct topology_output {
	enum topology_reader reader;
	uint64_t seed;
	uint64_t duration_s; /* 0: a minute, after the last event of the trace */
	const char *remark; /* one line for the head, or NULL */
};

/* Nodes, links and (trace not NULL) events in the syntax of a scenario. 0, or -EIO. */
int topology_write(
	const struct topology *t, const struct trace *trace, const struct topology_output *output, FILE *out);

#endif
