/*
 * The authority's answers to machines that ask to be members, on their way to them.
 *
 *   operator ──► held ──GRANT──► members ──GRANT──► ... a member beside the new machine
 *                                                        ▲ PLEA        │ ANSWER
 *                                                        └──── the new machine, from its links
 *
 * Between members an answer goes as a list of who is out does: to each neighbour until it says
 * that it has it. It is passed on only by who did not know its certificate yet, so nobody makes
 * an old one go round again, and from it all know the new member before it is there. A member
 * takes another certificate for its own keys from it, as a guest does that is to stay.
 *
 * The new machine has no key of the deployment and is heard by nobody. Its plea is in the open:
 *
 *   0  type 7 | version 1 | 0 0      thin: type 7
 *   4  id 8                          of its keys: the node id
 *  12  from 2                        which byte of the answer is wanted
 *      zeros                         not on thin links: to PLEA_LEN
 *
 * and so is what it gets, a run of bytes that fits the link, which it asks for one after the other:
 *
 *   0  type 8 | version 1 | 0 0      thin: type 8
 *   4  serial 4 | from 2 | total 2   of the certificate; of the answer
 *  12  bytes
 *
 * Whoever asks without a reason gets nothing, as there is nothing: a plea is looked up among a
 * handful of ids. Else an answer is never longer than what asked for it, so that it is of no use
 * against others, and the node gives so many and no more. What comes back is believed by the
 * new machine for what is in it (crypto/grant.c), whoever said it.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GRANTS_MAX 16
#define GRANT_LIFE_US (3600 * SECOND)
#define GRANT_AGAIN_US (2 * SECOND) /* the pause before it is said again, doubled each time ... */
#define GRANT_DOUBLINGS 5 /* ... so often */
#define GRANTS_PER_PEER 4 /* that are new to us, one a second: each costs a signature check */
#define ANSWERS_BURST 16
#define ANSWER_PAUSE_US (SECOND / 8)
#define OFFERS_BURST 4 /* whole answers that the shell looks at, one every OFFER_PAUSE_US */
#define OFFER_PAUSE_US (2 * SECOND)
#define STALE_PACES 10
#define ADMIT_VERSION 1
#define PLEA_LEN 480
#define ANSWER_HEAD 12 /* before its bytes */
#define ANSWER_HEAD_THIN 9
_Static_assert(GRANT_MAX_LEN + ANSWER_HEAD <= PLEA_LEN, "an answer is not longer than what asked for it");

/* An answer that is passed on. */
struct held_grant {
	uint64_t until_us; /* 0: a free place */
	uint64_t say_us; /* when to whoever lacks it */
	unsigned says;
	uint8_t id[NODE_ID_LEN];
	uint32_t serial;
	size_t len;
	uint8_t bytes[GRANT_MAX_LEN];
};

struct admissions {
	struct node *n;
	struct held_grant held[GRANTS_MAX];
	struct timer timer;
	struct bucket answers;
	/* Of an applicant: what has come of its own. */
	struct bucket offers;
	uint32_t serial;
	size_t total, len;
	uint64_t grown_us;
	uint8_t bytes[GRANT_MAX_LEN];
};

static void says_due(struct timer *timer, uint64_t now_us);

static struct admissions *admissions_get(struct node *n)
{
	if (n->admissions)
		return n->admissions;
	n->admissions = calloc(1, sizeof(*n->admissions));
	if (n->admissions) {
		n->admissions->n = n;
		timer_init(&n->admissions->timer, says_due);
	}
	return n->admissions;
}

void admit_done(struct node *n)
{
	if (n->admissions)
		timer_cancel(&n->heap, &n->admissions->timer);
	free(n->admissions);
	n->admissions = NULL;
}

/* --- between members ------------------------------------------------------------------------- */

/* Peers note by its place which of them have it. */
static uint16_t place_bit(unsigned place)
{
	return (uint16_t)(1u << place);
}

/* The newest for these keys. */
static const struct held_grant *held_for(const struct node *n, uint64_t now_us, const uint8_t id[NODE_ID_LEN])
{
	const struct held_grant *found = NULL;

	for (unsigned i = 0; n->admissions && i < GRANTS_MAX; i++) {
		const struct held_grant *h = &n->admissions->held[i];

		if (h->until_us > now_us && memcmp(h->id, id, NODE_ID_LEN) == 0 &&
			(!found || h->serial > found->serial))
			found = h;
	}
	return found;
}

/* Where the budget has no room it is said later. */
static void grant_say(struct peer *p, uint64_t now_us, const struct held_grant *h)
{
	enum babel_need need = h->says ? BABEL_NEED_ROUTINE : BABEL_NEED_URGENT;
	uint8_t room[1 + GRANT_MAX_LEN];
	struct writer w = writer_of(room, sizeof(room));
	uint64_t again_us;

	write_u8(&w, CONTROL_GRANT);
	write_copy(&w, h->bytes, h->len);
	control_say(p, now_us, need, writer_bytes(&w), &again_us);
}

/* False: all who are there have it. */
static bool grant_say_all(struct node *n, uint64_t now_us, unsigned place)
{
	bool is_lacking = false;

	for (struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p)) {
		if (!peer_is_told_of(p, CAPABILITY_GRANTS) || p->grants & place_bit(place))
			continue;
		is_lacking = true;
		grant_say(p, now_us, &n->admissions->held[place]);
	}
	return is_lacking;
}

static void says_due(struct timer *timer, uint64_t now_us)
{
	struct admissions *a = container_of(timer, struct admissions, timer);
	uint64_t next_us = NEVER;

	for (unsigned i = 0; i < GRANTS_MAX; i++) {
		struct held_grant *h = &a->held[i];

		if (h->until_us <= now_us)
			continue;
		if (h->say_us <= now_us) {
			unsigned doublings = h->says < GRANT_DOUBLINGS ? h->says : GRANT_DOUBLINGS;

			h->say_us = grant_say_all(a->n, now_us, i) ? now_us + (GRANT_AGAIN_US << doublings) : NEVER;
			h->says++;
		}
		next_us = h->say_us < next_us ? h->say_us : next_us;
	}
	if (next_us != NEVER)
		timer_set(&a->n->heap, timer, next_us);
}

void admit_peer_up(struct peer *p, uint64_t now_us)
{
	struct admissions *a = p->n->admissions;

	p->grants = 0;
	if (!a)
		return;
	for (unsigned i = 0; i < GRANTS_MAX; i++)
		if (a->held[i].until_us > now_us)
			a->held[i].say_us = now_us;
	timer_set_earlier(&p->n->heap, &a->timer, now_us);
}

static void peers_forget(struct node *n, unsigned place)
{
	for (struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p))
		p->grants &= (uint16_t)~place_bit(place);
}

/* In a free place, or in that of the one that is over first. NULL: out of memory. */
static struct held_grant *grant_hold(struct node *n, uint64_t now_us, const struct grant *g, struct bytes encoded)
{
	struct admissions *a = admissions_get(n);
	unsigned place = 0;
	uint8_t hash[32];

	if (!a)
		return NULL;
	for (unsigned i = 1; i < GRANTS_MAX; i++)
		if (a->held[i].until_us < a->held[place].until_us)
			place = i;
	struct held_grant *h = &a->held[place];
	*h = (struct held_grant){ .until_us = now_us + GRANT_LIFE_US,
		.say_us = now_us,
		.serial = g->certificate.serial,
		.len = encoded.len };
	identity_hash(hash, &g->certificate.key);
	memcpy(h->id, hash, NODE_ID_LEN);
	memcpy(h->bytes, encoded.data, encoded.len);
	peers_forget(n, place);
	timer_set_earlier(&n->heap, &a->timer, now_us);
	return h;
}

/* More time, or other rights, for the keys that this node has. */
static bool is_own_renewal(const struct node *n, const struct certificate *c)
{
	const struct certificate *own = &n->enrolment.certificate;

	return c->serial > own->serial && memcmp(&c->key, &own->key, sizeof(c->key)) == 0;
}

/* 0: it is new here, and held; -EALREADY: its certificate is known. */
static int grant_take(struct node *n, uint64_t now_us, const struct grant *g, struct bytes encoded)
{
	uint8_t certificate[CERTIFICATE_MAX_LEN], hash[CERTIFICATE_HASH_LEN];
	int len = certificate_encode(&g->certificate, certificate, sizeof(certificate)), error = 0;

	certificate_hash(hash, &g->certificate);
	if (memcmp(g->authority.sign_public, n->enrolment.authority.sign_public, SIGN_PUBLIC_LEN) != 0)
		return -EKEYREJECTED;
	bool is_known = trust_by_hash(n, hash);
	if (!is_known && !trust_learn(n, bytes_of(certificate, (size_t)len), &error))
		return error;
	if (revoke_ends(n, &g->certificate))
		return -EKEYREVOKED;
	/* Also if it was told of it otherwise, or could not keep it the last time. */
	if (is_own_renewal(n, &g->certificate) && n->output.granted)
		n->output.granted(n->user, encoded);
	if (is_known)
		return -EALREADY;
	return grant_hold(n, now_us, g, encoded) ? 0 : -ENOMEM;
}

static void granted_say(struct peer *p, uint64_t now_us, const struct certificate *c)
{
	uint8_t room[1 + NODE_ID_LEN + 4], hash[32];
	struct writer w = writer_of(room, sizeof(room));

	identity_hash(hash, &c->key);
	write_u8(&w, CONTROL_GRANTED);
	write_copy(&w, hash, NODE_ID_LEN);
	write_u32(&w, c->serial);
	peer_send(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

static void peer_has(struct peer *p, const uint8_t id[NODE_ID_LEN], uint32_t serial)
{
	const struct admissions *a = p->n->admissions;

	for (unsigned i = 0; a && i < GRANTS_MAX; i++)
		if (a->held[i].serial == serial && memcmp(a->held[i].id, id, NODE_ID_LEN) == 0)
			p->grants |= place_bit(i);
}

void admit_grant_in(struct peer *p, uint64_t now_us, struct reader *r)
{
	struct bytes encoded = read_bytes(r, reader_left(r));
	uint8_t hash[32];
	struct grant g;

	if (grant_decode(&g, encoded) < 0) {
		DROP(p->n, p->link, control_malformed);
		return;
	}
	certificate_hash(hash, &g.certificate);
	if (!trust_by_hash(p->n, hash) && !bucket_take(&p->grants_in, now_us, SECOND, GRANTS_PER_PEER)) {
		DROP(p->n, p->link, rate_limited);
		return;
	}
	int error = grant_take(p->n, now_us, &g, encoded);
	if (error && error != -EALREADY) {
		DROP(p->n, p->link, certificate_refused);
		return;
	}
	identity_hash(hash, &g.certificate.key);
	peer_has(p, hash, g.certificate.serial);
	granted_say(p, now_us, &g.certificate);
}

void admit_granted_in(struct peer *p, struct reader *r)
{
	uint8_t id[NODE_ID_LEN];

	read_copy(r, id, sizeof(id));
	uint32_t serial = read_u32(r);
	if (!reader_ok(r))
		DROP(p->n, p->link, control_malformed);
	else
		peer_has(p, id, serial);
}

int node_grant_add(struct node *n, uint64_t now_us, struct bytes encoded)
{
	struct grant g;
	int error = grant_decode(&g, encoded);

	n->now_us = now_us;
	return error ? error : grant_take(n, now_us, &g, encoded);
}

/* --- to the new machine ----------------------------------------------------------------------- */

static void head_write(struct writer *w, const struct node_link *link, enum frame_type type)
{
	write_u8(w, (uint8_t)type);
	if (link->config.is_thin)
		return;
	write_u8(w, ADMIT_VERSION);
	write_u16(w, 0);
}

static bool head_read(struct reader *r, const struct node_link *link)
{
	read_skip(r, 1);
	if (link->config.is_thin)
		return true;
	unsigned version = read_u8(r);
	read_skip(r, 2);
	return version == ADMIT_VERSION;
}

/* Of an answer, in one frame to who asked with so many bytes. */
static size_t answer_room(const struct node_link *link, size_t asked_len)
{
	if (link->config.is_thin)
		return link->config.mtu - ANSWER_HEAD_THIN;
	return (asked_len < link->config.mtu ? asked_len : link->config.mtu) - ANSWER_HEAD;
}

static void answer_send(struct node_link *link, uint64_t now_us, const struct endpoint *to, const struct held_grant *h,
	size_t from, size_t most)
{
	uint8_t frame[NODE_FRAME_MAX];
	struct writer w = writer_of(frame, sizeof(frame));
	size_t len = h->len - from < most ? h->len - from : most;

	head_write(&w, link, FRAME_ANSWER);
	write_u32(&w, h->serial);
	write_u16(&w, (uint16_t)from);
	write_u16(&w, (uint16_t)h->len);
	write_copy(&w, h->bytes + from, len);
	egress_frame(link, now_us, to, writer_bytes(&w));
	budget_frame_said(link, now_us, BABEL_NEED_ROUTINE, writer_len(&w));
}

void admit_plea_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame)
{
	struct reader r = reader_of(frame);
	bool is_readable = head_read(&r, link);
	uint8_t id[NODE_ID_LEN];
	uint64_t again_us;

	read_copy(&r, id, sizeof(id));
	size_t at = read_u16(&r);
	if (!is_readable || !reader_ok(&r) || (!link->config.is_thin && frame.len < PLEA_LEN)) {
		DROP(link->n, link, truncated);
		return;
	}
	const struct held_grant *h = held_for(link->n, now_us, id);
	if (!h || at >= h->len) {
		DROP(link->n, link, handshake_unexpected);
		return;
	}
	size_t most = answer_room(link, frame.len);
	if (!bucket_take(&link->n->admissions->answers, now_us, ANSWER_PAUSE_US, ANSWERS_BURST) ||
		!budget_admits(link, now_us, BABEL_NEED_ROUTINE, most, &again_us)) {
		DROP(link->n, link, rate_limited);
		return;
	}
	answer_send(link, now_us, from, h, at, most);
}

/* --- of the new machine ------------------------------------------------------------------------- */

static void offer_forget(struct admissions *a)
{
	a->len = a->total = 0;
	a->serial = 0;
}

void admit_plea(struct node_link *link, uint64_t now_us, const struct endpoint *to)
{
	struct node *n = link->n;
	struct admissions *a = n->admissions;
	uint8_t frame[PLEA_LEN];
	struct writer w = writer_of(frame, sizeof(frame));

	/* Who began it does not go on, or never had more. */
	if (a && a->len && now_us > a->grown_us + STALE_PACES * link_pace_us(link))
		offer_forget(a);
	head_write(&w, link, FRAME_PLEA);
	write_copy(&w, n->id, NODE_ID_LEN);
	write_u16(&w, (uint16_t)(a ? a->len : 0));
	if (!link->config.is_thin)
		write_zeros(&w, writer_left(&w));
	egress_frame(link, now_us, to, writer_bytes(&w));
	budget_frame_said(link, now_us, BABEL_NEED_ROUTINE, writer_len(&w));
}

/* All of it is here: the shell, which has the ticket, says what it is worth. */
static void offer_end(struct node *n, uint64_t now_us)
{
	struct admissions *a = n->admissions;

	if (!bucket_take(&a->offers, now_us, OFFER_PAUSE_US, OFFERS_BURST))
		DROP(n, NULL, rate_limited);
	else if (n->output.granted && n->output.granted(n->user, bytes_of(a->bytes, a->len)))
		n->is_applicant = false; /* who asks no more */
	else
		DROP(n, NULL, certificate_refused);
	offer_forget(a);
}

void admit_answer_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame)
{
	struct node *n = link->n;
	struct reader r = reader_of(frame);
	bool is_readable = head_read(&r, link);
	uint32_t serial = read_u32(&r);
	size_t at = read_u16(&r), total = read_u16(&r);
	struct bytes part = read_bytes(&r, reader_left(&r));
	struct admissions *a = n->is_applicant ? admissions_get(n) : NULL;

	if (!a || !is_readable || !part.len || total > GRANT_MAX_LEN || at > total || part.len > total - at) {
		DROP(n, link, handshake_unexpected);
		return;
	}
	/* Another one, which is newer or the only one that is left: from its beginning. */
	if (a->len && at == 0 && (serial != a->serial || total != a->total))
		offer_forget(a);
	if (at != a->len || (a->len && (serial != a->serial || total != a->total)))
		return;
	a->serial = serial;
	a->total = total;
	memcpy(a->bytes + at, part.data, part.len);
	a->len += part.len;
	a->grown_us = now_us;
	if (a->len == total)
		offer_end(n, now_us);
	else
		admit_plea(link, now_us, from);
}
