/*
 * What both ends of a session make of a short-id.
 *
 * A short-id names a member, and a member stands for prefixes and an origin: both ends
 * have them from the member's certificate, which they may have in different versions,
 * and two members may have one short-id. So each list has a check of what it stands for
 * at the sender, keyed as the session's digest is: what the receiver does not
 * understand in the same way it does not use, and asks for in full.
 */
#include "routing/compact.h"

bool member_prefix_at(const struct babel_member *m, bool with_lans, unsigned i, struct prefix *out)
{
	if (i > 0 && (!with_lans || i > m->lan_count))
		return false;
	*out = i == 0 ? m->host : m->lans[i - 1];
	return true;
}

/* The owner's word: the first one whose short-id is not below `from`; false: there is none. */
static bool member_from(const struct babel *b, unsigned from, struct babel_member *out)
{
	return from <= UINT16_MAX && b->output.member_from && b->output.member_from(b->user, (uint16_t)from, out);
}

bool member_next(const struct babel *b, unsigned *id, unsigned last, struct babel_member *out)
{
	if (!member_from(b, *id, out) || out->short_id > last)
		return false;
	*id = out->short_id + 1u;
	return true;
}

bool member_of_id(const struct babel *b, uint16_t id, struct babel_member *out)
{
	return member_from(b, id, out) && out->short_id == id;
}

bool member_of_origin(const struct babel *b, const router_id *origin, struct babel_member *out)
{
	return b->output.member_of_origin && b->output.member_of_origin(b->user, origin, out);
}

uint16_t compact_check(const uint64_t key[2], const struct prefix *prefix, const struct claim claims[BABEL_CLASSES])
{
	return (uint16_t)adj_hash(key, prefix, claims);
}
