/*
 * Who is out (protocol.md 5). A node holds one list, the newest that it has seen.
 *
 *   from the operator ─┐
 *   LIST of a peer ────┼─► signed, newer ─► told to all peers ─► stored ─► acted on
 *   from the disk ─────┘                        │
 *                                               └─ again each pace until they say that they have it
 *
 * Acted on: sessions with members that are out are closed, what they announce is refused,
 * wherever it comes from, and so are their handshakes, and calls to them.
 *
 * Lists are told apart by a mark: epoch and two bytes of a hash. If two were signed with
 * one epoch, by two copies of the authority's key, all nodes prefer the same one and
 * say so; the next list that is made joins them.
 *
 * Ends of a session that hold different lists are no neighbours yet: the one that is
 * behind gets the list first, and no route passes before it has acted on it. Whoever
 * claims a list that it does not have keeps only itself out. A session that is up stays
 * so while a list travels.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LISTS_PER_PEER 4 /* that differ from ours, one a second: each costs a signature check */
#define NAMES_SAID 8
#define DOUBLINGS_MAX 6 /* of the pause before a list is said again to who does not take it */

/* A list and its bytes. */
struct held {
	struct revocation list;
	uint32_t mark;
	size_t len;
	uint8_t bytes[REVOCATION_MAX_LEN];
};

struct revocations {
	struct held held; /* mark 0: none */
	struct held next; /* is being stored; mark 0: none */
};

uint32_t revoke_mark(const struct node *n)
{
	return n->revocations ? n->revocations->held.mark : 0;
}

bool revoke_ends(const struct node *n, const struct certificate *c)
{
	return (n->revocations && revocation_ends(&n->revocations->held.list, c)) || guest_has_ended(n, c);
}

uint16_t revoke_epoch_of(uint32_t mark)
{
	return (uint16_t)(mark >> 16);
}

static uint32_t mark_of(const struct revocation *r, struct bytes encoded)
{
	uint8_t hash[16];

	hash_bytes(hash, sizeof(hash), encoded, (struct bytes){ 0 });
	return (uint32_t)r->epoch << 16 | (uint32_t)hash[0] << 8 | hash[1];
}

/* --- what peers hold ----------------------------------------------------------------------- */

bool revoke_is_settled(const struct peer *p)
{
	return p->list_mark == revoke_mark(p->n);
}

/* What we are about to hold is told before it is stored. */
static const struct held *newest(const struct node *n)
{
	const struct revocations *r = n->revocations;

	return r && r->next.mark ? &r->next : r ? &r->held : NULL;
}

static void list_send(struct peer *p, uint64_t now_us, const struct held *h)
{
	uint8_t room[1 + REVOCATION_MAX_LEN];
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, CONTROL_LIST);
	write_copy(&w, h->bytes, h->len);
	p->list_said_us = now_us;
	p->list_says++;
	peer_send_first(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

static void mark_send(struct peer *p, uint64_t now_us)
{
	uint8_t room[1 + 4];
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, CONTROL_MARK);
	write_u32(&w, revoke_mark(p->n));
	p->mark_said_us = now_us;
	peer_send_first(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

/* Repeats what it may have missed. */
void revoke_say(struct peer *p, uint64_t now_us)
{
	const struct held *h = newest(p->n);
	uint64_t pace_us = link_pace_us(p->link);
	unsigned doublings = p->list_says < DOUBLINGS_MAX ? p->list_says : DOUBLINGS_MAX;

	if (!p->keys.has_current || revoke_is_settled(p))
		return;
	if (h && h->mark > p->list_mark && (!p->list_says || now_us >= p->list_said_us + (pace_us << doublings) / 2))
		list_send(p, now_us, h);
	else if (revoke_mark(p->n) < p->list_mark && now_us >= p->mark_said_us + pace_us)
		mark_send(p, now_us);
}

void revoke_mark_told(struct peer *p, uint64_t now_us, uint32_t mark)
{
	if (p->list_mark != mark)
		p->list_says = 0;
	p->list_mark = mark;
	if (revoke_is_settled(p))
		peer_settled(p, now_us);
	else
		revoke_say(p, now_us);
}

void revoke_mark_in(struct peer *p, uint64_t now_us, struct reader *r)
{
	uint32_t mark = read_u32(r);

	if (!reader_ok(r))
		DROP(p->n, p->link, control_malformed);
	else
		revoke_mark_told(p, now_us, mark);
}

/* --- acting on a list ---------------------------------------------------------------------- */

static void members_say(struct node *n, const struct revocation *before, const struct revocation *list)
{
	unsigned said = 0;

	for (const struct known *k = n->first_known; k; k = k->next) {
		const struct certificate *c = &k->member->certificate;

		if (!revocation_ends(list, c) || revocation_ends(before, c) || said++ >= NAMES_SAID)
			continue;
		event_say(n, NODE_REVOKED, NULL, "\"%s\" is out by list %u: nothing of it is believed any more",
			c->name, list->epoch);
	}
	if (said > NAMES_SAID)
		event_say(n, NODE_REVOKED, NULL, "... and %u more", said - NAMES_SAID);
}

/* Members who are out are neighbours no more; all of them if it is this node that is out. */
static void peers_close(struct node *n, uint64_t now_us)
{
	for (struct peer *p = peer_next(n, NULL), *next; p; p = next) {
		next = peer_next(n, p);
		if (n->is_out)
			peer_free(p, now_us, "this node was revoked");
		else if (revoke_ends(n, p->certificate))
			peer_free(p, now_us, "it was revoked");
	}
}

static void peers_tell(struct node *n, uint64_t now_us)
{
	for (struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p)) {
		if (!p->keys.has_current)
			continue;
		/* Whoever is behind is told once, at once; whoever knows it already, that we have it now. */
		if (newest(n)->mark > p->list_mark) {
			revoke_say(p, now_us);
		} else if (p->list_mark == revoke_mark(n)) {
			mark_send(p, now_us);
			if (!n->is_out && !revoke_ends(n, p->certificate))
				peer_settled(p, now_us);
		}
	}
}

/* The date by which it moves what is believed to be the earliest time; 0: it does not. One after the end of this node's
 * own certificate was signed where the clock is wrong, and would lock all out at once; if it is right, the others
 * tell this node that it has expired. */
static uint32_t date_of(const struct node *n, const struct revocation *list)
{
	return list->date <= n->enrolment.certificate.not_after ? list->date : 0;
}

void revoke_act(struct node *n, uint64_t now_us)
{
	peers_close(n, now_us);
	messages_way_up(n);
	babel_judge(n->babel, now_us);
}

/* It is on the disk, or it came from there. */
static void list_act(struct node *n, uint64_t now_us)
{
	struct revocations *r = n->revocations;
	struct revocation before = r->held.list;

	r->held = r->next;
	r->next.mark = 0;
	/* The authority says that it is not earlier. */
	if (date_of(n, &r->held.list) > guest_date_least(n, now_us)) {
		n->time_floor.t_lo = date_of(n, &r->held.list);
		n->floor_us = now_us;
	}
	members_say(n, &before, &r->held.list);
	aware_begin(n, now_us);
	bool was_out = n->is_out;
	n->is_out = revoke_ends(n, &n->enrolment.certificate);
	peers_tell(n, now_us); /* those, too, who are closed next: they learn why */
	if (n->is_out && !was_out)
		event_say(n, NODE_REVOKED, NULL,
			"this node is out by list %u: the others refuse it; enrol it again if it is in the right hands",
			r->held.list.epoch);
	revoke_act(n, now_us);
	guests_look(n, now_us);
}

/* --- a list comes ----------------------------------------------------------------------------- */

static int held_read(struct held *h, struct bytes encoded)
{
	int error = revocation_decode(&h->list, encoded);

	if (error)
		return error;
	memcpy(h->bytes, encoded.data, encoded.len);
	h->len = encoded.len;
	h->mark = mark_of(&h->list, encoded);
	return 0;
}

static int list_check(struct node *n, const struct held *h)
{
	if (h->list.deployment != n->enrolment.authority.deployment)
		return -EKEYREJECTED;
	const struct held *ours = newest(n);
	if (ours && h->mark == ours->mark && h->len == ours->len && memcmp(h->bytes, ours->bytes, h->len) == 0)
		return -EALREADY;
	if (ours && h->list.epoch < ours->list.epoch)
		return -ESTALE;
	int error = revocation_verify(&h->list, &n->enrolment.authority);
	if (error || !ours || h->list.epoch != ours->list.epoch)
		return error;
	event_say(n, NODE_REVOKED, NULL, "two lists have the number %u: revoke the members of both again, on any node",
		h->list.epoch);
	return h->mark < ours->mark ? -ESTALE : 0;
}

static int list_take(struct node *n, uint64_t now_us, const struct held *h, bool is_stored)
{
	int error = list_check(n, h);

	if (error)
		return error;
	if (!n->revocations)
		n->revocations = calloc(1, sizeof(*n->revocations));
	if (!n->revocations)
		return -ENOMEM;
	n->revocations->next = *h;
	if (is_stored || !n->output.store_revocation ||
		n->output.store_revocation(n->user, bytes_of(h->bytes, h->len), date_of(n, &h->list)))
		list_act(n, now_us);
	else
		peers_tell(n, now_us);
	return 0;
}

void revoke_list_in(struct peer *p, uint64_t now_us, struct reader *r)
{
	struct bytes encoded = read_bytes(r, reader_left(r));
	const struct held *ours = newest(p->n);
	struct node_link *link = p->link;
	struct node *n = p->n;
	struct held h;

	if (held_read(&h, encoded) < 0) {
		DROP(n, link, control_malformed);
		return;
	}
	if (ours && h.mark == ours->mark) {
		p->list_mark = h.mark;
		mark_send(p, now_us); /* it did not hear the last one */
		return;
	}
	if (!bucket_take(&p->lists, now_us, SECOND, LISTS_PER_PEER)) {
		DROP(n, link, rate_limited);
		return;
	}
	uint32_t before = p->list_mark;
	p->list_mark = h.mark;
	int error = list_take(n, now_us, &h, false);
	/* The peer may be gone now; it is not if the list was refused. */
	if (error == -ESTALE) {
		revoke_say(p, now_us);
	} else if (error) {
		p->list_mark = before;
		DROP(n, link, list_refused);
	}
}

int node_revocation_add(struct node *n, uint64_t now_us, struct bytes encoded)
{
	struct held h;
	int error = held_read(&h, encoded);

	n->now_us = now_us;
	return error ? error : list_take(n, now_us, &h, false);
}

int node_revocation_restore(struct node *n, struct bytes encoded)
{
	struct held h;
	int error = held_read(&h, encoded);

	return error ? error : list_take(n, n->now_us, &h, true);
}

void node_revocation_stored(struct node *n, uint64_t now_us)
{
	n->now_us = now_us;
	if (n->revocations && n->revocations->next.mark)
		list_act(n, now_us);
}

void revoke_done(struct node *n)
{
	free(n->revocations);
	n->revocations = NULL;
}

/* --- looking inside -------------------------------------------------------------------------- */

struct bytes node_revocation(const struct node *n)
{
	const struct held *h = newest(n);

	return h && h->mark ? bytes_of(h->bytes, h->len) : bytes_of(NULL, 0);
}

bool node_is_revoked(const struct node *n, const struct certificate *c)
{
	return revoke_ends(n, c);
}
