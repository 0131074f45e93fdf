/*
 * Handshakes that others start with us.
 *
 *   INIT (XX) ─► waiting ── FIN ──► pending session
 *               └ 10 paces ► forgotten
 *   INIT (IK) ─────────────────────► pending session
 *
 * A message that comes twice gets the same answer twice and changes nothing; not
 * more often, nor for longer, than a caller repeats it: an answer is larger than most
 * of what a narrow channel carries, and who replays messages would have all of it.
 * What a sender can make us keep is bounded: waiting handshakes by a table in
 * which a source displaces only its own, answers by the peers there are.
 */
#include "meshd/node/state.h"

#include <string.h>

#define WAITING_PACES 10
#define LOADED_US (5 * SECOND)
#define LOADED_HANDSHAKES 32
#define ANSWERS_MAX 8 /* to one message: so often is it sent, with a cookie in between (call.c) */

/* --- load ------------------------------------------------------------------------------------ */

static struct bytes source_of(const struct endpoint *from)
{
	return bytes_of(from->bytes, from->len);
}

static void cookie_send(
	struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f)
{
	struct node *n = link->n;
	uint8_t frame[8 + COOKIE_SEALED_LEN], sealed[COOKIE_SEALED_LEN];
	struct writer w = writer_of(frame, sizeof(frame));

	cookie_make(&n->jar, now_us, &n->random, f->key->made[f->is_ik ? KEY_FOR_US : KEY_FOR_ALL], source_of(from),
		f->mac1, sealed);
	write_u8(&w, FRAME_COOKIE);
	write_zeros(&w, 3);
	write_u32(&w, f->sender);
	write_copy(&w, sealed, sizeof(sealed));
	n->counters.cookies_sent++;
	egress_frame(link, now_us, from, writer_bytes(&w));
}

/* Where it is noted, or the place of what was answered the longest ago. */
static struct answered *answered_at(struct node *n, const uint8_t mac1[MAC_LEN])
{
	struct answered *oldest = n->answered;

	for (struct answered *a = n->answered; a < n->answered + ANSWERED_MAX; a++) {
		if (a->count && secret_equal(a->mac1, mac1, MAC_LEN))
			return a;
		if (a->at_us < oldest->at_us)
			oldest = a;
	}
	memcpy(oldest->mac1, mac1, MAC_LEN);
	oldest->count = 0;
	return oldest;
}

/* A caller waits for a pace before it says the same again, unless a cookie was the answer. */
static bool answer_is_due(struct node_link *link, uint64_t now_us, const uint8_t mac1[MAC_LEN], bool is_cookie)
{
	struct answered *a = answered_at(link->n, mac1);
	uint64_t pause_us = link_pace_us(link) / 2;

	if (a->count == ANSWERS_MAX || (a->count && now_us < a->at_us + pause_us)) {
		DROP(link->n, link, rate_limited);
		return false;
	}
	a->at_us = is_cookie ? now_us - pause_us : now_us;
	a->count++;
	return true;
}

/* May this INIT cost us more than a hash? */
static bool init_is_admitted(
	struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f)
{
	struct node *n = link->n;
	size_t len = handshake_frame_len(link, f->before_mac1.len);
	uint64_t again_us;

	/* Its answer is larger than it, mostly: it is a first one that the budget must bear. */
	if (!budget_admits(link, now_us, BABEL_NEED_URGENT, len, &again_us)) {
		DROP(n, link, rate_limited);
		return false;
	}
	if (n->handshakes_theirs > LOADED_HANDSHAKES)
		n->loaded_until_us = now_us + LOADED_US;
	bool needs_cookie = now_us < n->loaded_until_us && !link->config.is_thin &&
			    !mac2_verify(&n->jar, now_us, &n->random, source_of(from), f->before_mac2, f->mac2);

	if (!answer_is_due(link, now_us, f->mac1, needs_cookie))
		return false;
	if (needs_cookie) {
		DROP(n, link, rate_limited);
		cookie_send(link, now_us, from, f);
		return false;
	}
	if (rate_limiter_take(n->limiter, now_us, source_of(from)))
		return true;
	n->loaded_until_us = now_us + LOADED_US;
	DROP(n, link, rate_limited);
	return false;
}

/* --- XX ------------------------------------------------------------------------------------------ */

static struct handshake *waiting_find(const struct node_link *link, const struct endpoint *from, const uint8_t *mac1)
{
	list_for_each (node, next, &link->n->handshakes) {
		struct handshake *h = list_entry(node, struct handshake, on_node);

		if (!h->initiator && h->link == link && endpoint_equal(&h->endpoint, from) &&
			secret_equal(h->asked_mac1, mac1, MAC_LEN))
			return h;
	}
	return NULL;
}

/* A source that fills the table displaces the oldest of its own. */
static bool waiting_make_room(struct node_link *link, const struct endpoint *from)
{
	struct node *n = link->n;

	if (n->handshakes_theirs < HANDSHAKES_MAX)
		return true;
	list_for_each (node, next, &n->handshakes) {
		struct handshake *h = list_entry(node, struct handshake, on_node);

		if (!h->initiator && h->link == link && endpoint_equal(&h->endpoint, from)) {
			handshake_free(h);
			return true;
		}
	}
	DROP(n, link, tables_full);
	return false;
}

void answer_due(struct timer *timer, uint64_t now_us)
{
	(void)now_us;
	handshake_free(container_of(timer, struct handshake, timer));
}

static void answer_xx(
	struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f)
{
	struct handshake *h;

	if (!waiting_make_room(link, from))
		return;
	h = handshake_new(link, now_us, from, false, NOISE_XXPSK0, NULL, f->key);
	if (!h)
		return;
	h->remote_index = f->sender;
	if (!handshake_read(h, now_us, f, NULL) || !handshake_write(h, FRAME_RESP)) {
		handshake_free(h);
		return;
	}
	timer_set(&link->n->heap, &h->timer, now_us + WAITING_PACES * link_pace_us(link));
	handshake_send(h, now_us, BABEL_NEED_URGENT);
}

void answer_fin(struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f)
{
	struct node *n = link->n;
	struct handshake *h = handshake_waiting(link, false, f->receiver);
	struct handshake_remote remote;

	if (f->is_ik || !h) {
		const struct index *i = index_find(n, f->receiver);

		/* A FIN that came twice finds the session in the handshake's place. */
		if (!link->config.is_thin && (!i || !i->peer))
			DROP(n, link, handshake_unexpected);
		return;
	}
	if (!handshake_read(h, now_us, f, &remote))
		return;
	if (handshake_yields(h, now_us, &remote)) {
		handshake_free(h);
		return;
	}
	handshake_complete(h, now_us, from, &remote);
}

/* Somebody of our deployment whom we do not know by the hash of its certificate: it is asked who it is. It may be a
 * replay, as a beacon may. On other than thin links certificates come whole, and who sends a hash wants us to call
 * whomever it names as the sender. */
static void call_back(
	struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f)
{
	const struct call c = { .to = from, .key = f->key };

	if (link->config.is_thin && beacon_may_call(link, now_us))
		call_start(link, now_us, &c);
}

/* --- IK --------------------------------------------------------------------------------------------- */

static struct peer *answered_find(const struct node_link *link, const uint8_t *mac1)
{
	list_for_each (node, next, &link->peers) {
		struct peer *p = list_entry(node, struct peer, on_link);

		if (p->answer_len && secret_equal(p->answered_mac1, mac1, MAC_LEN))
			return p;
	}
	return NULL;
}

static void answer_ik(
	struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f)
{
	struct handshake *h = handshake_new(link, now_us, from, false, NOISE_IKPSK2, NULL, f->key);
	struct handshake_remote remote;
	uint8_t answer[HANDSHAKE_MAX + 2 * MAC_LEN];

	if (!h)
		return;
	h->remote_index = f->sender;
	if (!handshake_read(h, now_us, f, &remote) || handshake_yields(h, now_us, &remote)) {
		bool is_stranger = h->is_stranger;

		handshake_free(h);
		if (is_stranger)
			call_back(link, now_us, from, f);
		return;
	}
	mac1_key(h->mac_key, f->key->key.psk, h->noise.rs);
	if (!handshake_write(h, FRAME_RESP)) {
		handshake_free(h);
		return;
	}
	size_t len = handshake_finish(h, answer);
	struct peer *p = handshake_complete(h, now_us, from, &remote);
	if (!p)
		return;
	memcpy(p->answer, answer, len);
	p->answer_len = len;
	p->said_key = f->key->key.number;
	memcpy(p->answered_mac1, f->mac1, MAC_LEN);
	handshake_frame_send(link, now_us, BABEL_NEED_URGENT, from, p->said_key, bytes_of(answer, len));
}

void answer_init(struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f)
{
	struct handshake *h = f->is_ik ? NULL : waiting_find(link, from, f->mac1);
	struct peer *p = f->is_ik ? answered_find(link, f->mac1) : NULL;

	if (!init_is_admitted(link, now_us, from, f))
		return;
	if (h)
		handshake_send(h, now_us, BABEL_NEED_URGENT);
	else if (p)
		handshake_frame_send(
			link, now_us, BABEL_NEED_URGENT, from, p->said_key, bytes_of(p->answer, p->answer_len));
	else if (f->is_ik)
		answer_ik(link, now_us, from, f);
	else
		answer_xx(link, now_us, from, f);
}
