/*
 * Which of a peer's sessions opens and seals a frame (protocol.md 4.4), and the
 * make-before-break between them:
 *
 *             initiated            first valid frame           60 s, thin 10 min
 *   (new) ----------------> current <------------- pending
 *                           current ------------> previous ---------> wiped
 *             responded
 *   (new) ----------------> pending
 *
 * When handshakes cross, that of the lower key is done by both. Its initiator holds
 * it current at once, and the other's, if pending, no longer: with nothing else to
 * open by it becomes previous at once, for what is on its way.
 *
 * A replayed first message makes at most a pending session, which never carries
 * what we send: it cannot displace a live one, and no clock is needed to tell.
 */
#include "crypto/crypto.h"

#include <errno.h>

#define PREVIOUS_LIFE_US (60ull * 1000000)
#define PREVIOUS_LIFE_THIN_US (600ull * 1000000) /* a frame may wait for minutes in a slow link's queue */

static void session_move(struct secret_session *to, struct secret_session *from)
{
	*to = *from;
	session_done(from);
}

static void previous_drop(struct secret_keyring *k)
{
	session_done(&k->previous);
	k->has_previous = false;
}

static void previous_set(struct secret_keyring *k, struct secret_session *s, uint64_t now_us)
{
	bool is_thin = s->form != SESSION_NORMAL;

	session_move(&k->previous, s);
	k->has_previous = true;
	k->previous_until_us = now_us + (is_thin ? PREVIOUS_LIFE_THIN_US : PREVIOUS_LIFE_US);
}

/* Makes room for a new current session. */
static void current_retire(struct secret_keyring *k, uint64_t now_us)
{
	if (!k->has_current)
		return;
	previous_set(k, &k->current, now_us);
	k->has_current = false;
}

void keyring_done(struct secret_keyring *k)
{
	secret_wipe(k, sizeof(*k));
}

/* Handshakes that cross: the peer's own is never to be sent under, or it and we would take up each other's. */
static void pending_retire(struct secret_keyring *k, uint64_t now_us)
{
	if (!k->has_pending)
		return;
	if (k->has_current)
		session_done(&k->pending);
	else
		previous_set(k, &k->pending, now_us);
	k->has_pending = false;
}

void keyring_initiated(struct secret_keyring *k, struct secret_session *s, uint64_t now_us)
{
	pending_retire(k, now_us);
	current_retire(k, now_us);
	session_move(&k->current, s);
	k->has_current = true;
}

void keyring_responded(struct secret_keyring *k, struct secret_session *s)
{
	session_move(&k->pending, s);
	k->has_pending = true;
}

static void pending_promote(struct secret_keyring *k, uint64_t now_us)
{
	current_retire(k, now_us);
	session_move(&k->current, &k->pending);
	k->has_current = true;
	k->has_pending = false;
}

int keyring_open(struct secret_keyring *k, uint64_t now_us, uint8_t *frame, size_t len, bool *promoted)
{
	uint32_t index;
	int plain_len;

	*promoted = false;
	if (!frame_receiver_index(bytes_of(frame, len), &index))
		return -EBADMSG;
	keyring_expire(k, now_us);
	if (k->has_current && k->current.local_index == index)
		return session_open(&k->current, frame, len);
	if (k->has_previous && k->previous.local_index == index)
		return session_open(&k->previous, frame, len);
	if (!k->has_pending || k->pending.local_index != index)
		return -ENOENT;
	plain_len = session_open(&k->pending, frame, len);
	if (plain_len >= 0) {
		pending_promote(k, now_us);
		*promoted = true;
	}
	return plain_len;
}

int keyring_open_thin(
	struct secret_keyring *k, uint64_t now_us, uint8_t *frame, size_t len, bool *promoted, struct thin_place *place)
{
	int result = -ENOENT;

	*promoted = false;
	keyring_expire(k, now_us);
	struct secret_session *sessions[3] = {
		k->has_current ? &k->current : NULL,
		k->has_previous ? &k->previous : NULL,
		k->has_pending ? &k->pending : NULL,
	};
	for (unsigned i = 0; i < 3 && result < 0; i++) {
		if (!sessions[i] || !thin_is_for(sessions[i], bytes_of(frame, len)))
			continue;
		place->local_index = sessions[i]->local_index;
		result = thin_open(sessions[i], frame, len, &place->counter);
		if (result >= 0 && sessions[i] == &k->pending) {
			pending_promote(k, now_us);
			*promoted = true;
		}
	}
	return result;
}

int keyring_seal(struct secret_keyring *k, uint8_t *frame, size_t plain_len, uint8_t flags)
{
	if (!k->has_current)
		return -ENOTCONN;
	return k->current.form == SESSION_NORMAL ? session_seal(&k->current, frame, plain_len, flags)
						 : thin_seal(&k->current, frame, plain_len, flags);
}

void keyring_expire(struct secret_keyring *k, uint64_t now_us)
{
	if (k->has_previous && now_us >= k->previous_until_us)
		previous_drop(k);
}
