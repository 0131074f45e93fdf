/*
 * Updates of one delta, between reading and applying them (ahead.c). Private to routing/.
 */
#ifndef ROUTING_AHEAD_H
#define ROUTING_AHEAD_H

#include "routing/session.h"

#define AHEAD 5 /* entries; the last one may still get claims of other classes */

struct ahead_entry {
	struct announcement said;
	uint32_t hash; /* of its prefix, in the map of destinations */
};

struct ahead {
	struct session *session;
	enum delta_use use;
	unsigned first, count;
	struct ahead_entry entries[AHEAD];
};

/* None waits. */
void ahead_begin(struct ahead *a, struct session *s, enum delta_use use);
/* The update of the base; those that wait too long are applied, in their order. */
void ahead_add(struct ahead *a, uint64_t now_us, const struct babel_tlv *update);
/* One of another class; false: it does not follow the update of its base. */
bool ahead_add_class(struct ahead *a, const struct babel_tlv *update);
void ahead_catch_up(struct ahead *a, uint64_t now_us); /* all but the last one are applied */
void ahead_end(struct ahead *a, uint64_t now_us); /* all are applied */

#endif
