/*
 * Handshakes that this node starts: whom to call, how often, and what comes back.
 *
 *   target (configured) ─┐
 *   beacon heard ────────┼─► call: INIT ──1,1,2,3 paces──► given up
 *   silent peer, rekey ──┘           └─ RESP ► (XX: FIN) ► session, and a ping in it
 *
 * Whom we know is called with IK; every third try with XX, in case the keys
 * there have changed. The deployment's key is the newest that the other end is known to have, or else
 * ours; every second try that of the enrolment, as who was away may lack all that came after it.
 */
#include "meshd/node/state.h"

#include <string.h>

#define TARGET_LOOK_US (1 * SECOND) /* is it still there? */

static const unsigned call_pauses[] = { 1, 1, 2, 3 }; /* after each INIT, in paces of the link */
#define CALL_SENDS (sizeof(call_pauses) / sizeof(call_pauses[0]))
#define GUESS_SENDS 2 /* with a key that may not be known there */

/* --- who was there before ---------------------------------------------------------------- */

void recall_note(const struct peer *p)
{
	struct node_link *link = p->link;

	if (!p->is_up || link->recall_count == RECALLS_MAX)
		return;
	struct recall *r = &link->recalls[link->recall_count++];
	memcpy(r->id, p->id, NODE_ID_LEN);
	r->endpoint = p->endpoint;
	r->key_number = p->key_number;
}

void recall_next(struct node_link *link, uint64_t now_us)
{
	while (link->recall_count) {
		const struct recall *r = &link->recalls[link->recall_count - 1];
		const struct call c = {
			.to = &r->endpoint, .remote_id = r->id, .key = key_numbered(link->n, r->key_number)
		};
		bool is_there = peer_find_id(link, r->id);

		if (!is_there && !call_start(link, now_us, &c))
			return; /* another call is under way there */
		link->recall_count--;
		if (!is_there)
			return;
	}
}

/* --- calls ------------------------------------------------------------------------------- */

bool call_is_under_way(const struct node_link *link, const struct endpoint *to)
{
	list_for_each (node, next, &link->n->handshakes) {
		const struct handshake *h = list_entry(node, struct handshake, on_node);

		if (h->initiator && h->link == link && endpoint_equal(&h->endpoint, to))
			return true;
	}
	return false;
}

static struct peer *peer_at(const struct node_link *link, const struct endpoint *at)
{
	list_for_each (node, next, &link->peers) {
		struct peer *p = list_entry(node, struct peer, on_link);

		if (endpoint_equal(&p->endpoint, at))
			return p;
	}
	return NULL;
}

static const struct node_key *key_of_call(struct node_link *link, const struct call *c, bool *is_guess)
{
	const struct node_key *newest = key_newest(link->n);

	*is_guess = false;
	if (c->key)
		return c->key;
	if (c->tries % 2)
		return key_enrolled(link->n);
	const struct peer *p = c->remote_id ? peer_find_id(link, c->remote_id) : peer_at(link, c->to);
	if (p && p->key_number < newest->key.number)
		return key_numbered(link->n, p->key_number);
	*is_guess = !p && newest->key.number;
	return newest;
}

bool call_start(struct node_link *link, uint64_t now_us, const struct call *c)
{
	struct node *n = link->n;
	const struct certificate *known = c->remote_id ? trust_by_id(n, c->remote_id) : NULL;
	bool is_guess;

	if (!link->up || n->is_out || call_is_under_way(link, c->to) || (known && revoke_ends(n, known)))
		return false;
	if (n->handshakes_own >= CALLINGS_MAX) {
		DROP(n, link, tables_full);
		return false;
	}
	if (c->tries % 3 == 2)
		known = NULL;
	const struct node_key *key = key_of_call(link, c, &is_guess);
	struct handshake *h = handshake_new(
		link, now_us, c->to, true, known ? NOISE_IKPSK2 : NOISE_XXPSK0, known ? known->key.dh : NULL, key);
	if (!h)
		return false;
	h->is_guess = is_guess;
	h->target = c->target;
	h->has_callee = c->remote_id;
	if (c->remote_id)
		memcpy(h->callee, c->remote_id, NODE_ID_LEN);
	if (!handshake_write(h, FRAME_INIT)) {
		handshake_free(h);
		return false;
	}
	n->counters.handshakes_started++;
	call_due(&h->timer, now_us);
	return true;
}

/* Whoever is called has called us meanwhile: there is a session already. */
static bool call_is_settled(const struct handshake *h)
{
	list_for_each (node, next, &h->link->peers) {
		const struct peer *p = list_entry(node, struct peer, on_link);
		bool is_callee = h->has_callee ? memcmp(p->id, h->callee, NODE_ID_LEN) == 0
					       : endpoint_equal(&p->endpoint, &h->endpoint);

		if (is_callee && p->is_up && p->session_us > h->started_us)
			return true;
	}
	return false;
}

/* Sends once more, or gives up. */
void call_due(struct timer *timer, uint64_t now_us)
{
	struct handshake *h = container_of(timer, struct handshake, timer);
	struct node *n = h->n;
	enum babel_need need = h->sends ? BABEL_NEED_ROUTINE : BABEL_NEED_URGENT;
	uint64_t again_us;

	if (h->sends == (h->is_guess ? GUESS_SENDS : CALL_SENDS) || call_is_settled(h)) {
		handshake_free(h);
		return;
	}
	if (!budget_admits(h->link, now_us, need, handshake_frame_len(h->link, h->message_len), &again_us)) {
		timer_set(&n->heap, timer, again_us);
		return;
	}
	handshake_send(h, now_us, need);
	/* Not all at once after a power cut. */
	uint64_t pause_us = call_pauses[h->sends++] * link_pace_us(h->link);
	timer_set(&n->heap, &h->timer, now_us + pause_us + random_below(&n->random, pause_us / 8));
}

void call_answered(
	struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f)
{
	struct node *n = link->n;
	struct handshake *h = handshake_waiting(link, true, f->receiver);
	struct handshake_remote remote;
	uint8_t fin[HANDSHAKE_MAX + 2 * MAC_LEN];
	size_t fin_len = 0;

	if (!h || f->is_ik != (h->noise.pattern == NOISE_IKPSK2)) {
		DROP(n, link, handshake_unexpected);
		return;
	}
	if (!handshake_read(h, now_us, f, &remote))
		return;
	if (handshake_yields(h, now_us, &remote)) {
		handshake_free(h);
		return;
	}
	h->remote_index = f->sender;
	h->has_cookie = false; /* it was for the first message */
	if (!f->is_ik) {
		if (!handshake_write(h, FRAME_FIN)) {
			handshake_free(h);
			return;
		}
		fin_len = handshake_finish(h, fin);
		handshake_frame_send(link, now_us, BABEL_NEED_URGENT, from, h->key_number, bytes_of(fin, fin_len));
	}
	struct target *target = h->target;
	uint16_t key_number = h->key_number;
	struct peer *p = handshake_complete(h, now_us, from, &remote);
	if (!p)
		return;
	memcpy(p->fin, fin, fin_len);
	p->fin_len = fin_len;
	p->said_key = key_number;
	if (target) {
		target->peer = p;
		target->has_id = true;
		memcpy(target->id, p->id, NODE_ID_LEN);
	}
}

void call_cookie_in(struct node_link *link, uint64_t now_us, struct bytes frame)
{
	struct reader r = reader_of(frame);
	uint8_t sealed[COOKIE_SEALED_LEN];

	read_skip(&r, 4);
	uint32_t receiver = read_u32(&r);
	read_copy(&r, sealed, sizeof(sealed));
	if (!reader_ok(&r)) {
		DROP(link->n, link, truncated);
		return;
	}
	struct handshake *h = handshake_waiting(link, true, receiver);
	if (!h || h->has_cookie) {
		DROP(link->n, link, handshake_unexpected);
		return;
	}
	if (cookie_open(h->cookie, h->mac_key, h->mac1, sealed) < 0) {
		DROP(link->n, link, handshake_failed);
		return;
	}
	/* The answer to it counts as the first try: what came before was refused. */
	h->has_cookie = true;
	h->sends = 0;
	call_due(&h->timer, now_us);
}

/* --- configured peers ------------------------------------------------------------------------- */

static struct peer *target_peer(struct target *t)
{
	if (t->peer)
		return t->peer;
	/* It may have called first. */
	return t->peer = peer_at(t->link, &t->endpoint);
}

/* Nobody would answer a call. */
static void plea_due(struct target *t, uint64_t now_us)
{
	uint64_t again_us;

	if (budget_admits(t->link, now_us, BABEL_NEED_ROUTINE, NODE_THIN_FRAME_MIN, &again_us))
		admit_plea(t->link, now_us, &t->endpoint);
}

static bool target_call(struct target *t, uint64_t now_us)
{
	const struct call c = {
		.to = &t->endpoint,
		.target = t,
		.remote_id = t->has_id ? t->id : NULL,
		.tries = t->tries,
	};

	return call_start(t->link, now_us, &c);
}

static void target_due(struct timer *timer, uint64_t now_us)
{
	struct target *t = container_of(timer, struct target, timer);
	struct peer *p;

	if (!t->is_set || !t->link->up)
		return;
	p = target_peer(t);
	if (p && (peer_is_live(p, now_us) || now_us < p->session_us + link_silence_us(t->link))) {
		t->tries = 0;
		timer_set(&t->n->heap, timer, now_us + TARGET_LOOK_US);
		return;
	}
	uint64_t again_us = link_pace_us(t->link);
	if (t->n->is_applicant)
		plea_due(t, now_us);
	else if (target_call(t, now_us))
		t->tries++;
	timer_set(&t->n->heap, timer, now_us + again_us + random_below(&t->n->random, again_us / 4));
}

void target_init(struct target *t, struct node_link *link)
{
	*t = (struct target){ .n = link->n, .link = link };
	timer_init(&t->timer, target_due);
}

void target_kick(struct target *t, uint64_t now_us)
{
	if (t->is_set && t->link->up)
		timer_set(&t->n->heap, &t->timer, now_us);
	else
		timer_cancel(&t->n->heap, &t->timer);
}
