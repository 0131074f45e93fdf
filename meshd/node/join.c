/*
 * What comes in parts on a thin link: pieces are joined per peer, bundles are taken
 * apart. Only what a session opened gets here.
 *
 *   piece ──► join of its id ──► whole ──► inner frame
 *             │ not grown for 4 paces, 64 ids behind, displaced: given up
 *
 * A member can make us keep JOINS_PER_PEER joins, all of them together JOINS_MAX.
 */
#include "meshd/node/state.h"

#include <stdlib.h>

#define JOIN_PACES 4
#define ID_BEHIND_MAX 64 /* of 256: further back an id is one of the next round */

/* --- joins of a peer --------------------------------------------------------------------- */

static void join_free(struct peer *p, struct join *j)
{
	list_remove(&j->on_peer);
	p->n->join_count--;
	free(j);
}

static void join_give_up(struct peer *p, struct join *j)
{
	DROP(p->n, p->link, pieces_lost);
	join_free(p, j);
}

void joins_done(struct peer *p)
{
	list_for_each (node, next, &p->joins)
		join_free(p, list_entry(node, struct join, on_peer));
}

void joins_expire(struct peer *p, uint64_t now_us)
{
	list_for_each (node, next, &p->joins) {
		struct join *j = list_entry(node, struct join, on_peer);

		if (now_us > j->grown_us + JOIN_PACES * link_pace_us(p->link))
			join_give_up(p, j);
	}
}

static bool is_behind(uint8_t id, uint8_t newest)
{
	uint8_t by = (uint8_t)(newest - id);

	return by >= ID_BEHIND_MAX && by < 256 - ID_BEHIND_MAX;
}

static struct join *join_new(struct peer *p, uint8_t id)
{
	struct join *j;

	if (p->n->join_count >= JOINS_MAX) {
		DROP(p->n, p->link, tables_full);
		return NULL;
	}
	j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->id = id;
	list_push_back(&p->joins, &j->on_peer);
	p->n->join_count++;
	return j;
}

/* Finds or makes it, last in the list; in the place of those whose time is over. */
static struct join *join_get(struct peer *p, uint64_t now_us, uint8_t id)
{
	struct join *found = NULL, *oldest = NULL;
	unsigned count = 0;

	joins_expire(p, now_us);
	list_for_each (node, next, &p->joins) {
		struct join *j = list_entry(node, struct join, on_peer);

		if (j->id == id) {
			found = j;
		} else if (is_behind(j->id, id)) {
			join_give_up(p, j);
		} else {
			oldest = oldest ? oldest : j;
			count++;
		}
	}
	if (!found && count >= JOINS_PER_PEER)
		join_give_up(p, oldest);
	if (!found)
		return join_new(p, id);
	list_remove(&found->on_peer);
	list_push_back(&p->joins, &found->on_peer);
	return found;
}

/* --- pieces --------------------------------------------------------------------------------- */

/* Neither may be inside the other, or in itself. */
static bool kind_is_plain(uint8_t kind)
{
	return kind != KIND_PIECE && kind != KIND_BUNDLE;
}

/* What was inside another frame. */
static void unwrapped_in(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len, struct freshness f)
{
	p->n->counters.packets_joined += kind_is_packet(inner[0]);
	/* With its headers it is shown once they are there. */
	if (kind_base(inner[0]) != KIND_COMPRESSED)
		whole_show(p, false, inner, len);
	inner_in(p, now_us, inner, len, f);
}

static void joined(struct peer *p, uint64_t now_us, struct join *j, struct freshness f)
{
	uint8_t *inner = j->room + FRAME_HEADER;

	list_remove(&j->on_peer);
	p->n->join_count--;
	/* A probe asks how large a frame arrives. */
	if (!kind_is_plain(inner[0]) || control_is_probe(inner, j->len))
		DROP(p->n, p->link, unknown_kind);
	else if (f.is_overtaken && !kind_is_packet(inner[0]))
		DROP(p->n, p->link, not_fresh);
	else
		unwrapped_in(p, now_us, inner, j->len, f);
	free(j); /* the peer may be gone */
}

void piece_in(struct peer *p, uint64_t now_us, struct bytes piece, struct freshness f)
{
	struct join *j = piece.len > PIECE_HEADER ? join_get(p, now_us, piece.data[0]) : NULL;

	if (!j) {
		if (piece.len <= PIECE_HEADER)
			DROP(p->n, p->link, pieces_lost);
		return;
	}
	j->grown_us = now_us;
	j->is_overtaken |= f.is_overtaken;
	switch (join_add(j, piece)) {
	case JOIN_MORE:
		break;
	case JOIN_WRONG:
		join_give_up(p, j);
		break;
	case JOIN_DONE:
		f.is_overtaken = j->is_overtaken;
		joined(p, now_us, j, f);
		break;
	}
}

/* --- bundles ---------------------------------------------------------------------------------- */

static bool peer_is_there(const struct node_link *link, const struct peer *p)
{
	list_for_each (node, next, &link->peers)
		if (list_entry(node, struct peer, on_link) == p)
			return true;
	return false;
}

void bundle_in(struct peer *p, uint64_t now_us, struct bytes bundle, struct freshness f)
{
	uint8_t room[FRAME_HEADER + NODE_FRAME_MAX + NODE_TAILROOM], *inner = room + FRAME_HEADER;
	struct reader r = reader_of(bundle);
	struct node_link *link = p->link;

	while (reader_left(&r) > 0 && peer_is_there(link, p)) {
		size_t len = bundle_read_length(&r);

		read_copy(&r, inner, len <= NODE_FRAME_MAX ? len : 0);
		if (!reader_ok(&r) || len == 0 || len > NODE_FRAME_MAX || !kind_is_plain(inner[0])) {
			DROP(link->n, link, unknown_kind);
			return;
		}
		unwrapped_in(p, now_us, inner, len, f);
	}
}
