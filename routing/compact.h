/*
 * Members by short-id (docs/routing.md): what is said so of a session's entries, and
 * what is understood of it. Private to routing/.
 */
#ifndef ROUTING_COMPACT_H
#define ROUTING_COMPACT_H

#include "routing/session.h"
#include "routing/wire_compact.h"

_Static_assert(COMPACT_CLASSES == BABEL_CLASSES, "an item has room for every class");

/* --- compact.c: what both ends make of a short-id -------------------------------------- */

/* The prefixes of a member, in order; `i` from 0 on. False: there are no more. */
bool member_prefix_at(const struct babel_member *m, bool with_lans, unsigned i, struct prefix *out);
/* What a run of ids may pass over, between two that it is for: whoever is there is looked up. */
#define MEMBER_GAP 16
/* Walks over those whose short-ids are in *id..last: sets *id behind the one found. False: there are no more. */
bool member_next(const struct babel *b, unsigned *id, unsigned last, struct babel_member *out);
/* False: nobody has this short-id, or more than one. */
bool member_of_id(const struct babel *b, uint16_t id, struct babel_member *out);
bool member_of_origin(const struct babel *b, const router_id *origin, struct babel_member *out);
/* What one entry adds to the check of a list. */
uint16_t compact_check(const uint64_t key[2], const struct prefix *prefix, const struct claim claims[BABEL_CLASSES]);

/* --- compact_out.c ------------------------------------------------------------------------ */

/* An entry is about to say `next`, after it was as it is (before its first commit: ver 0). */
void compact_committed(
	struct session *s, unsigned index, const struct adj_out *before, const struct claim next[BABEL_CLASSES]);
/* The entry is no longer. */
void compact_forgotten(struct session *s, unsigned index);
/* Whatever was said counts as not understood. */
void compact_begin(struct session *s);
/* The neighbour could make nothing of these; `is_unknown`: it does not know the members. */
void compact_refused(struct session *s, struct bytes whole, bool is_unknown);

/* Items that wait for the end of their packet, as they stand there in ascending order. */
#define CROWD_MAX 768
struct crowd {
	struct session *s;
	unsigned count;
	size_t size; /* of their TLVs at most */
	struct compact_item items[CROWD_MAX];
};
void crowd_init(struct crowd *c, struct session *s);
enum crowd_verdict { CROWD_TAKEN, CROWD_FULL, CROWD_NOT_COMPACT };
/* Takes the entry of `d` unless `room` bytes do not suffice for all of them. */
enum crowd_verdict crowd_take(struct crowd *c, const struct destination *d, const struct adj_out *e, size_t room);
void crowd_write(struct crowd *all, struct packet *p); /* all of them; there is room */

/* What the neighbour was told of a prefix; NULL: nothing finite. */
const struct claim *compact_told(const struct session *s, const struct prefix *prefix, unsigned class);
/* A newer seqno of it is on its way: the neighbour may still speak of the one before. */
bool compact_is_newer_under_way(const struct session *s, const struct prefix *prefix);

/* --- batch.c ------------------------------------------------------------------------------ */

/* Writes the seqno requests that wait in the queue, as far as lists can say them. */
void batch_take(struct queue *q, struct packet *p);
void batch_received(struct session *s, uint64_t now_us, const struct babel_tlv *tlv);

/* --- compact_in.c ---------------------------------------------------------------------------- */

/* A list of the delta `use` says what becomes of; what becomes of the rest. */
enum delta_use compact_received(struct session *s, uint64_t now_us, enum delta_use use, const struct babel_tlv *tlv);

#endif
