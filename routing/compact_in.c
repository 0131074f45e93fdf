/*
 * COMPACT lists as they come: each item becomes the updates that it stands for.
 *
 * A list is looked at twice: first what it stands for, against its check, then it is
 * applied. One that is not understood stops its delta: the neighbour is told which
 * members it should name in another way, and says the delta again.
 */
#include "routing/compact.h"

#include <string.h>

struct reading {
	struct session *s;
	enum delta_use use;
	uint16_t check;
	bool is_unknown; /* a member, or what an item leans on */
};

static struct route *route_known(const struct session *s, const struct prefix *prefix)
{
	struct destination *d = destination_find(s->n->b, prefix);
	struct route *r = d ? route_find(d, s->n) : NULL;

	return r && r->variants[BABEL_TEXT].claim.metric != BABEL_INFINITY ? r : NULL;
}

/* Origin and seqno of all classes that the item names. False: it leans on what is not there, or names nobody. */
static bool claim_of(
	const struct compact_item *item, const struct babel_member *m, const struct route *known, struct claim *claim)
{
	bool leans = item->how == COMPACT_KNOWN || item->how == COMPACT_NEXT;

	if (leans && !known)
		return false;
	claim->origin = leans ? known->variants[BABEL_TEXT].claim.origin : m->origin;
	claim->seqno =
		leans ? (uint16_t)(known->variants[BABEL_TEXT].claim.seqno + (item->how == COMPACT_NEXT)) : item->seqno;
	if (item->how == COMPACT_SALTED)
		memcpy(claim->origin.bytes, item->salt, COMPACT_SALT);
	return !router_id_is_reserved(&claim->origin);
}

/* What an item says of one prefix. False: it leans on what is not there. */
static bool announcement_read(const struct session *s, const struct compact_item *item, const struct babel_member *m,
	const struct prefix *prefix, struct announcement *a)
{
	const struct route *known = route_known(s, prefix);
	struct babel_tlv update = { .type = TLV_UPDATE };
	struct claim claim = { 0 };

	update.u.update.prefix = *prefix;
	update.u.update.interval_cs = UINT16_MAX;
	update.u.update.metric = BABEL_INFINITY;
	update.u.update.v4_via_v6 = prefix->address.family == FAMILY_IPV4;
	update.u.update.next_hop = s->n->address;
	*a = announcement_of(&update);
	if (item->kind == COMPACT_RETRACTION)
		return true;
	if (item->kind == COMPACT_BUMPED ? !known : !claim_of(item, m, known, &claim))
		return false;
	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		if (item->kind == COMPACT_BUMPED) {
			a->claims[c] = known->variants[c].claim;
			a->claims[c].seqno++;
		} else if (c == BABEL_TEXT || item->classes >> c & 1) {
			claim.metric = item->metric[c];
			a->claims[c] = claim;
			a->claims[c].seqno = (uint16_t)(claim.seqno + (c == BABEL_TEXT ? 0 : item->ahead[c]));
		}
	}
	return true;
}

/* --- the first look -------------------------------------------------------------------------- */

static void member_look_at(struct reading *r, const struct compact_item *item, const struct babel_member *m)
{
	bool is_run = item->more > 0;
	struct announcement a;
	struct prefix prefix;

	for (unsigned i = 0; member_prefix_at(m, item->with_lans, i, &prefix); i++) {
		if (announcement_read(r->s, item, m, &prefix, &a))
			r->check += compact_check(r->s->in.key, &prefix, a.claims);
		else
			r->is_unknown |= !is_run;
	}
}

/* Of one member whom we do not know. */
static bool item_is_unknown(const struct session *s, const struct compact_item *item)
{
	struct babel_member m;

	return item->more == 0 && !member_of_id(s->n->b, item->id, &m);
}

static void item_look_at(struct reading *r, const struct compact_item *item)
{
	unsigned last = (unsigned)item->id + item->more;
	struct babel_member m;

	/* What is lost is lost: wrongly so for a moment at worst. */
	if (item->kind == COMPACT_RETRACTION && item->more > 0)
		return;
	r->is_unknown |= item_is_unknown(r->s, item);
	for (unsigned id = item->id; member_next(r->s->n->b, &id, last, &m);)
		member_look_at(r, item, &m);
}

/* Whom to name in another way: those whom we do not know, or, if there are none, all. */
static void refusal_note(struct session *s, const struct babel_tlv *tlv)
{
	uint8_t room[COMPACT_LIST_MAX];
	struct list_reader l = list_reader_of(tlv->u.compact.items, tlv->u.compact.base_id);
	struct list_writer unknown = list_writer_of(s->in.whole, sizeof(s->in.whole), 0);
	struct list_writer known = list_writer_of(room, sizeof(room), 0);
	struct compact_item item;
	struct babel_member m;

	while (compact_read(&l, tlv->u.compact.base_seqno, &item)) {
		unsigned last = (unsigned)item.id + item.more;

		if (item_is_unknown(s, &item))
			id_write(&unknown, item.id);
		for (unsigned id = item.id; member_next(s->n->b, &id, last, &m);)
			id_write(&known, m.short_id);
	}
	s->in.whole_len = writer_len(&unknown.w);
	s->in.whole_is_unknown = s->in.whole_len > 0;
	if (s->in.whole_is_unknown)
		return;
	s->in.whole_len = writer_len(&known.w);
	memcpy(s->in.whole, room, s->in.whole_len);
}

static bool list_is_understood(struct reading *r, const struct babel_tlv *tlv)
{
	struct list_reader l = list_reader_of(tlv->u.compact.items, tlv->u.compact.base_id);
	struct compact_item item;

	while (compact_read(&l, tlv->u.compact.base_seqno, &item))
		item_look_at(r, &item);
	return !r->is_unknown && r->check == tlv->u.compact.check;
}

/* --- the second --------------------------------------------------------------------------------- */

static void item_apply(const struct reading *r, uint64_t now_us, const struct compact_item *item)
{
	unsigned last = (unsigned)item->id + item->more;
	struct babel_member m;
	struct announcement a;
	struct prefix prefix;

	for (unsigned id = item->id; member_next(r->s->n->b, &id, last, &m);)
		for (unsigned i = 0; member_prefix_at(&m, item->with_lans, i, &prefix); i++)
			if (announcement_read(r->s, item, &m, &prefix, &a))
				adj_in_update(r->s, now_us, r->use, &a);
}

enum delta_use compact_received(struct session *s, uint64_t now_us, enum delta_use use, const struct babel_tlv *tlv)
{
	struct reading r = { .s = s, .use = use };
	struct list_reader l = list_reader_of(tlv->u.compact.items, tlv->u.compact.base_id);
	struct compact_item item;

	s->n->b->counters.compacts_received++;
	if (use != DELTA_APPLIED && use != DELTA_RETRACTIONS)
		return use;
	if (!list_is_understood(&r, tlv)) {
		s->n->b->counters.compacts_refused++;
		refusal_note(s, tlv);
		adj_in_nack(s, now_us);
		return DELTA_SKIPPED;
	}
	while (compact_read(&l, tlv->u.compact.base_seqno, &item))
		item_apply(&r, now_us, &item);
	return use;
}
