/*
 * Follows the daemons' logs: who met whom, which routes moved. Private to
 * sim/demo/.
 */
#ifndef SIM_DEMO_WATCH_H
#define SIM_DEMO_WATCH_H

#include "sim/demo/timeline.h"

#define WATCH_NODES 6
#define WATCH_MEETINGS_MAX 32
#define WATCH_ROUTES_MAX 64
#define WATCH_LINE_MAX 400
#define WATCH_NAME_MAX 64

struct watch_node {
	const char *name;
	long offset; /* of NAME.log: up to here it was read */
};

/* A neighbour on a link, as the daemon calls them; up or down again. */
struct meeting {
	const struct watch_node *node;
	char link[16], neighbour[WATCH_NAME_MAX];
	bool is_up;
	uint64_t at_us;
};

/* How a node reaches another one, by its last word on it. */
struct known_route {
	const struct watch_node *node;
	char to[WATCH_NAME_MAX], link[16], by[WATCH_NAME_MAX];
	bool is_up;
	unsigned metric;
};

struct watch {
	struct timeline *timeline;
	const char *ends[2]; /* routes to them are told */
	struct watch_node nodes[WATCH_NODES];
	unsigned meeting_count;
	struct meeting meetings[WATCH_MEETINGS_MAX];
	unsigned route_count;
	struct known_route routes[WATCH_ROUTES_MAX];
};

void watch_init(struct watch *w, struct timeline *timeline, const char *const names[WATCH_NODES], const char *end_a,
	const char *end_b);
/* Reads what is new and tells what matters. */
void watch_poll(struct watch *w);
/* Neighbours that `node` has on `link`; NULL: on any. */
unsigned watch_neighbours(const struct watch *w, const char *node, const char *link);
/* True if the node's log ever named `neighbour` on `link`. */
bool watch_has_met(const struct watch *w, const char *node, const char *link, const char *neighbour);
/* NULL: the node has no route to `to`. */
const struct known_route *watch_route(const struct watch *w, const char *node, const char *to);
/* Prints the last lines of the node's log. */
void watch_tail(const struct watch *w, const char *node, unsigned lines);

/* "12.345 neighbour-up radio0 backpack-1 ...": false if the line is no event. */
struct log_line {
	char code[32], rest[WATCH_LINE_MAX];
};
bool log_line_parse(struct log_line *out, const char *line);
/* The rest of "route-up", "route-moved" (LINK PREFIX of NAME by NAME, metric N) and "route-down" (PREFIX of NAME). */
bool log_route_parse(struct known_route *out, const struct log_line *line);

#endif
