/*
 * Follows the daemons' logs: who met whom, which routes moved. Private to
 * sim/demo/.
 */
#ifndef SIM_DEMO_WATCH_H
#define SIM_DEMO_WATCH_H

#include "sim/demo/timeline.h"

#define WATCH_NODES 6
#define WATCH_MEETINGS_MAX 32
#define WATCH_LINE_MAX 400

struct watch_node {
	const char *name;
	long offset; /* of NAME.log: up to here it was read */
	unsigned restarts; /* "started" lines */
};

/* A neighbour on a link, as the daemon calls them; up or down again. */
struct meeting {
	const struct watch_node *node;
	char link[16], neighbour[64];
	bool is_up;
	uint64_t at_us;
};

struct watch {
	struct timeline *timeline;
	struct watch_node nodes[WATCH_NODES];
	unsigned meeting_count;
	struct meeting meetings[WATCH_MEETINGS_MAX];
};

void watch_init(struct watch *w, struct timeline *timeline, const char *const names[WATCH_NODES]);
/* Reads what is new and tells what matters. */
void watch_poll(struct watch *w);
/* Neighbours that `node` has on `link`; NULL: on any. */
unsigned watch_neighbours(const struct watch *w, const char *node, const char *link);
/* True if the node's log ever named `neighbour` on `link`. */
bool watch_has_met(const struct watch *w, const char *node, const char *link, const char *neighbour);
/* Prints the last lines of the node's log. */
void watch_tail(const struct watch *w, const char *node, unsigned lines);

/* "12.345 neighbour-up radio0 backpack-1 ...": false if the line is no event. */
struct log_line {
	char code[32], link[16], rest[WATCH_LINE_MAX];
};
bool log_line_parse(struct log_line *out, const char *line);

#endif
