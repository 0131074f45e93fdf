/*
 * Handshakes: the messages, whoever starts (protocol.md 4.1, 4.3).
 *
 *   header, Noise message, macs      as in handshake_frame.c
 *   payload of the Noise message      epoch 4 | capabilities 2 | mark 4? | certificate, or its hash (8)
 *
 * XXpsk0 meets whom we do not know; IKpsk2 calls whom we do. mac1 is checked
 * before anything else is computed. Under load an INIT must also prove, by mac2,
 * that its source address is real. On thin links IK names certificates by their
 * hashes; who does not know one calls back with XX. The mark is that of the list of who is
 * out (revoke.c), if there is one: a capability says so.
 */
#include "meshd/node/state.h"

#include <stdlib.h>
#include <string.h>

#define PROTOCOL_VERSION 1

/* --- new and free ---------------------------------------------------------------------- */

/* What the frames that follow look like is part of it: both ends must mean the same. */
static size_t prologue_write(const struct node *n, enum session_form form, uint8_t out[8])
{
	struct writer w = writer_of(out, 8);

	write_u8(&w, PROTOCOL_VERSION);
	write_u32(&w, n->enrolment.authority.deployment);
	write_u8(&w, (uint8_t)form);
	return writer_len(&w);
}

struct handshake *handshake_new(struct node_link *link, uint64_t now_us, const struct endpoint *to, bool initiator,
	enum noise_pattern pattern, const uint8_t *remote_static, const struct node_key *key)
{
	struct node *n = link->n;
	struct handshake *h = calloc(1, sizeof(*h));
	uint8_t prologue[8];

	if (!h)
		return NULL;
	h->n = n;
	h->link = link;
	h->initiator = initiator;
	h->endpoint = *to;
	h->started_us = now_us;
	const struct noise_config config = {
		.pattern = pattern,
		.initiator = initiator,
		.prologue = bytes_of(prologue, prologue_write(n, link_form(link), prologue)),
		.s_secret = n->enrolment.identity.dh_secret,
		.psk = key->key.psk,
		.remote_static = remote_static,
	};
	noise_init(&h->noise, &config);
	h->index.handshake = h;
	index_take(n, &h->index, index_fresh(link));
	timer_init(&h->timer, initiator ? call_due : answer_due);
	h->key_number = key->key.number;
	memcpy(h->mac_key, key->made[KEY_FOR_ALL], KEY_LEN);
	if (remote_static)
		mac1_key(h->mac_key, key->key.psk, remote_static);
	list_push_back(&n->handshakes, &h->on_node);
	if (initiator)
		n->handshakes_own++;
	else
		n->handshakes_theirs++;
	return h;
}

void handshake_free(struct handshake *h)
{
	struct node *n = h->n;

	if (h->initiator)
		n->handshakes_own--;
	else
		n->handshakes_theirs--;
	timer_cancel(&n->heap, &h->timer);
	index_drop(n, &h->index);
	list_remove(&h->on_node);
	noise_done(&h->noise);
	secret_wipe(h, sizeof(*h));
	free(h);
}

void handshakes_drop_link(struct node_link *link)
{
	list_for_each (node, next, &link->n->handshakes) {
		struct handshake *h = list_entry(node, struct handshake, on_node);

		if (h->link == link)
			handshake_free(h);
	}
}

/* --- out ---------------------------------------------------------------------------------- */

static void payload_write(const struct handshake *h, struct writer *w)
{
	const struct node *n = h->n;
	uint8_t hash[CERTIFICATE_HASH_LEN];

	write_u32(w, n->epoch);
	uint32_t mark = revoke_mark(n);

	write_u16(w,
		n->capabilities | (h->link->config.is_introduced ? CAPABILITY_MEET : 0) | (mark ? CAPABILITY_LIST : 0));
	if (mark)
		write_u32(w, mark);
	if (h->link->config.is_thin && h->noise.pattern == NOISE_IKPSK2) {
		certificate_hash(hash, &n->enrolment.certificate);
		write_copy(w, hash, sizeof(hash));
	} else {
		write_copy(w, n->certificate_bytes, n->certificate_len);
	}
}

bool handshake_write(struct handshake *h, enum frame_type type)
{
	struct writer w = writer_of(h->message, sizeof(h->message));
	bool is_ik = h->noise.pattern == NOISE_IKPSK2;
	uint8_t room[NOISE_PAYLOAD_MAX];
	struct writer payload = writer_of(room, sizeof(room));

	/* The first message of XX comes before the other side is known. */
	if (is_ik || type != FRAME_INIT)
		payload_write(h, &payload);
	handshake_header_write(h, type, &w);
	bool is_good = noise_write(&h->noise, &h->n->random, writer_bytes(&payload), &w) == 0 && writer_ok(&w);
	h->message_len = writer_len(&w);
	if (is_good && h->link->config.is_thin && type == FRAME_INIT)
		handshake_hint_write(h);
	return is_good;
}

void handshake_send(struct handshake *h, uint64_t now_us, enum babel_need need)
{
	uint8_t frame[HANDSHAKE_MAX + 2 * MAC_LEN];
	size_t len = handshake_finish(h, frame);

	handshake_frame_send(h->link, now_us, need, &h->endpoint, h->key_number, bytes_of(frame, len));
}

/* --- in ------------------------------------------------------------------------------------- */

void handshake_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame)
{
	struct node *n = link->n;
	struct handshake_frame f;

	if (!handshake_frame_parse(link, &f, frame)) {
		DROP(n, link, truncated);
		return;
	}
	if (handshake_is_for_another(link, &f))
		return;
	f.key = handshake_key_find(link, &f);
	if (!f.key) {
		DROP(n, link, mac1_wrong);
		/* Where all hear everything it may be for another member. */
		if (!link->config.is_thin)
			stranger_heard(link, now_us, from);
		return;
	}
	/* By another of our keys the hint may fit by chance. */
	if (handshake_is_for_another(link, &f))
		return;
	if (f.type == FRAME_INIT)
		answer_init(link, now_us, from, &f);
	else if (f.type == FRAME_RESP)
		call_answered(link, now_us, from, &f);
	else
		answer_fin(link, now_us, from, &f);
}

/* Whose certificate is it, and does it belong to the key that made the handshake? */
static const struct certificate *certificate_read(struct handshake *h, struct bytes bytes)
{
	struct node *n = h->n;
	int error = 0;
	const struct certificate *c =
		bytes.len == CERTIFICATE_HASH_LEN ? trust_by_hash(n, bytes.data) : trust_learn(n, bytes, &error);

	bool is_its_own = c && secret_equal(c->key.dh, h->noise.rs, KEY_LEN);
	if (is_its_own && !revoke_ends(n, c))
		return c;
	DROP(n, h->link, certificate_refused);
	h->is_stranger = !c && bytes.len == CERTIFICATE_HASH_LEN;
	if (h->is_stranger)
		return NULL;
	/* Only who knows the deployment key gets so far: worth a line. */
	if (is_its_own)
		event_say(n, NODE_REFUSED, h->link, "\"%s\", which was revoked", c->name);
	else
		event_say(n, NODE_REFUSED, h->link, "a node with a certificate that %s",
			c ? "is not for its key" : trust_error_text(error));
	return NULL;
}

bool handshake_read(
	struct handshake *h, uint64_t now_us, const struct handshake_frame *f, struct handshake_remote *remote)
{
	struct node *n = h->n;
	struct secret_noise before = h->noise;
	uint8_t room[NOISE_PAYLOAD_MAX];
	struct writer payload = writer_of(room, sizeof(room));
	bool is_good = false;

	(void)now_us;
	if (noise_read(&h->noise, f->noise, &payload) < 0) {
		DROP(n, h->link, handshake_failed);
	} else if (!remote) {
		is_good = true;
	} else {
		struct reader r = reader_of(writer_bytes(&payload));

		remote->key_number = h->key_number;
		remote->epoch = read_u32(&r);
		remote->capabilities = read_u16(&r);
		remote->list_mark = remote->capabilities & CAPABILITY_LIST ? read_u32(&r) : 0;
		struct bytes certificate = read_bytes(&r, reader_left(&r));
		if (!reader_ok(&r)) {
			DROP(n, h->link, handshake_failed);
		} else if (secret_equal(h->noise.rs, n->enrolment.identity.public.dh, KEY_LEN)) {
			DROP(n, h->link, handshake_unexpected);
			duplicate_seen(h->link, remote->epoch);
		} else {
			remote->certificate = certificate_read(h, certificate);
			is_good = remote->certificate != NULL;
		}
	}
	if (is_good)
		memcpy(h->asked_mac1, f->mac1, MAC_LEN);
	else
		h->noise = before;
	noise_done(&before);
	secret_wipe(room, sizeof(room));
	return is_good;
}

void duplicate_seen(struct node_link *link, uint32_t epoch)
{
	struct node *n = link->n;

	if (epoch == n->epoch)
		return; /* our own voice, by way of another link */
	n->has_duplicate = true;
	event_say(n, NODE_DUPLICATE, link,
		"another machine uses the keys of \"%s\"; enrol one of the two under a name of its own",
		n->enrolment.certificate.name);
}

/* --- the end of it ---------------------------------------------------------------------------- */

/* How far apart the ends of two handshakes may be that crossed: two messages, and what is in front of them. */
static uint64_t crossing_us(const struct node_link *link)
{
	return (link->config.is_thin ? CROSSING_THIN_US : CROSSING_US) + 4 * link_turn_us(link);
}

/* Theirs was made a moment ago: proven already, or still waiting for the proof. */
static bool theirs_is_fresh(const struct peer *p, uint64_t now_us, uint32_t epoch)
{
	uint64_t crosses_us = crossing_us(p->link);

	if (p->keys.has_pending && p->pending_epoch == epoch && now_us < p->pending_us + crosses_us)
		return true;
	return p->keys.has_current && !p->initiated && p->epoch == epoch && now_us < p->session_us + crosses_us;
}

static bool ours_is_fresh(const struct peer *p, uint64_t now_us, uint32_t epoch)
{
	return p->initiated && p->has_epoch && p->epoch == epoch && now_us < p->session_us + crossing_us(p->link);
}

bool handshake_yields(const struct handshake *h, uint64_t now_us, const struct handshake_remote *remote)
{
	const struct peer *p = peer_find(h->link, h->noise.rs);
	bool we_prevail = memcmp(h->n->enrolment.identity.public.dh, h->noise.rs, KEY_LEN) < 0;

	if (!p)
		return false;
	return h->initiator ? !we_prevail && theirs_is_fresh(p, now_us, remote->epoch)
			    : we_prevail && ours_is_fresh(p, now_us, remote->epoch);
}

struct peer *handshake_complete(
	struct handshake *h, uint64_t now_us, const struct endpoint *from, const struct handshake_remote *remote)
{
	uint8_t send_key[KEY_LEN], receive_key[KEY_LEN], hash[NOISE_HASH_LEN];
	struct reader index = reader_of(bytes_of(h->index.key, sizeof(h->index.key)));
	struct node_link *link = h->link;
	struct secret_session s;
	struct peer *p = NULL;

	if (noise_split(&h->noise, send_key, receive_key, hash) == 0)
		p = peer_get(link, now_us, remote->certificate, from);
	if (!p) {
		DROP(h->n, link, tables_full);
	} else {
		session_init(&s, read_u32(&index), h->remote_index, send_key, receive_key, h->initiator, now_us);
		if (link_form(link) != SESSION_NORMAL)
			session_make_thin(&s, link_form(link));
		if (h->initiator)
			p->endpoint = *from;
	}
	secret_wipe(send_key, sizeof(send_key));
	secret_wipe(receive_key, sizeof(receive_key));
	secret_wipe(hash, sizeof(hash));
	handshake_free(h);
	if (p)
		peer_session_made(p, now_us, &s, remote);
	return p;
}
