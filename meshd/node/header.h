/*
 * Header compression of thin links by static rules (protocol.md 4.5). Pure: who the
 * members are is asked of the caller.
 */
#ifndef MESHD_NODE_HEADER_H
#define MESHD_NODE_HEADER_H

#include "meshd/base/address.h"
#include "meshd/base/bytes.h"

/* What rules know of a member. */
struct header_member {
	uint16_t short_id;
	struct address host; /* its mesh address */
	const struct prefix *prefixes; /* that its certificate names; borrowed */
	unsigned prefix_count;
};

struct header_rules {
	struct header_member from, to; /* sender and receiver of the frame */
	/* The member with that short-id, if it is one and no other is known. */
	bool (*by_short_id)(void *user, uint16_t short_id, struct header_member *out);
	/* The member whose mesh address it is, or one of whose IPv4 prefixes of 24 bits or more it is in. */
	bool (*by_address)(void *user, const struct address *address, struct header_member *out);
	void *user;
};

#define HEADER_SAVED_MAX 48 /* what expands can become longer by no more than this */

/* Writes what stands for `packet` into `out`, which has room for packet.len bytes, and returns its length; 0: no rule
 * is for it, and it is to be sent as it is. */
size_t header_compress(const struct header_rules *rules, struct bytes packet, uint8_t *out);
/* The packet again, byte for byte; returns its length. 0: malformed, a short-id is not known here or is another
 * member's (the packet's own checksum tells), or there is no room. */
size_t header_expand(const struct header_rules *rules, struct bytes compressed, uint8_t *out, size_t capacity);
/* The short-ids in it, at most two; returns how many. */
unsigned header_short_ids(struct bytes compressed, uint16_t ids[2]);

#endif
