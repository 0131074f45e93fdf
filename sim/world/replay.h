/*
 * A recorded incident as a scenario: who was there, over which links, when those failed
 * and came back, who was switched off; and, as what is expected, that what came back
 * then comes back.
 *
 * A log tells what its node saw, and when it saw it. A link to a neighbour that fell
 * silent is cut for as long as nothing was heard there, a site that was out while its
 * way began well is cut off behind that neighbour. What nobody recorded is not played.
 */
#ifndef SIM_WORLD_REPLAY_H
#define SIM_WORLD_REPLAY_H

#include "meshd/chronicle/chronicle.h"

#include <stdio.h>

#define REPLAY_ERROR_MAX CHRONICLE_ERROR_MAX
#define REPLAY_LEAD_S 5 /* of the run, before the first moment of the range */

struct replay_node {
	const char *name; /* as it was recorded */
	const char *level;
	int log; /* -1: it has recorded nothing */
	bool is_off; /* in the beginning */
	bool was_met; /* a link ends there */
};

/* A link to a neighbour, as one of them has recorded it. */
struct replay_link {
	unsigned from, to; /* nodes; `from` has recorded it */
	const char *name; /* NULL: a way that others have, behind a neighbour */
	const char *preset;
	int64_t rate_bps; /* 0: that of the preset */
	bool begins_up, is_up;
	bool is_new; /* since `from` was started: it has not been up */
	int64_t new_ms;
	int64_t down_ms; /* when it was lost last */
	size_t down_event; /* and the order that says so */
};

enum replay_order {
	REPLAY_CUT,
	REPLAY_SILENCE,
	REPLAY_RESTORE,
	REPLAY_ON,
	REPLAY_OFF,
	REPLAY_LEAVE,
	REPLAY_NOTHING, /* was taken back */
};
struct replay_event {
	int64_t at_ms;
	enum replay_order order;
	unsigned what; /* link or node */
};

struct replay_outage {
	unsigned from, to; /* nodes */
	const json_t *data; /* as it was said last */
	int64_t began_ms;
};

struct replay {
	const struct chronicle *chronicle;
	int64_t from_ms, to_ms;
	unsigned node_count, link_count;
	struct replay_node *nodes;
	struct replay_link *links;
	size_t event_count, outage_count;
	struct replay_event *events;
	struct replay_outage *outages;
};

/* Reads a chronicle that is on one clock. 0; -ENODATA: nothing in that range, -E2BIG: more than a scenario may have,
 * -ENOMEM, with a sentence. replay_done() in any case. */
int replay_read(struct replay *r, const struct chronicle *chronicle, int64_t from_ms, int64_t to_ms,
	char error[REPLAY_ERROR_MAX]);
void replay_done(struct replay *r);
/* The scenario. */
void replay_write(const struct replay *r, FILE *out);
int replay_main(int argc, char **argv);

#endif
