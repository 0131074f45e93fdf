/*
 * No (key, nonce) twice: the counter of a session only rises. What a node seals
 * shows the receiver's index, one for each session, and the counter (docs/frames.md);
 * so each frame that leaves is held against the last one of its session. A thin frame
 * shows too little: there the node says which key and counter it takes, and the frame
 * must show the same.
 */
#include "meshd/base/map.h"
#include "sim/world/world.h"

#include <stdlib.h>

#define SLOTS_MIN 16

struct nonce {
	uint64_t key; /* the session's index, or a digest of its key */
	uint64_t next; /* 0: free */
};

static struct nonce *nonce_slot(const struct station *s, uint64_t key)
{
	unsigned at = (unsigned)key & (s->nonce_slots - 1);

	while (s->nonces[at].next && s->nonces[at].key != key)
		at = (at + 1) & (s->nonce_slots - 1);
	return &s->nonces[at];
}

static void nonces_grow(struct station *s)
{
	struct nonce *old = s->nonces;
	unsigned count = s->nonce_slots;

	s->nonce_slots = count ? 2 * count : SLOTS_MIN;
	s->nonces = world_alloc(s->nonce_slots * sizeof(*s->nonces));
	for (unsigned i = 0; i < count; i++)
		if (old[i].next)
			*nonce_slot(s, old[i].key) = old[i];
	free(old);
}

static void nonce_use(struct station *s, uint64_t key, uint64_t counter)
{
	if (2 * s->nonce_count >= s->nonce_slots)
		nonces_grow(s);
	struct nonce *n = nonce_slot(s, key);
	s->nonce_count += !n->next;
	if (counter < n->next)
		s->w->nonces_repeated++;
	*n = (struct nonce){ key, counter + 1 };
}

void nonce_sealing(struct station *s, const struct secret_session *session)
{
	static const uint64_t secret[2];

	if (session->form == SESSION_NORMAL)
		return;
	s->thin_counter = session->send_counter;
	nonce_use(s, siphash24(secret, bytes_of(session->send_key, KEY_LEN)), session->send_counter);
}

static void thin_check(struct station *s, const struct port *p, struct bytes frame)
{
	struct reader r = reader_of(frame);

	read_skip(&r, port_header_len(p) - 2);
	if (read_le16(&r) != (uint16_t)s->thin_counter)
		station_breach(s, "sends a frame that does not show its counter");
}

void nonce_check(struct station *s, struct bytes frame)
{
	struct reader r = reader_of(frame);

	if (read_u8(&r) != FRAME_TYPE_DATA)
		return;
	read_skip(&r, 3);
	uint32_t index = read_u32(&r);
	uint64_t counter = read_le64(&r);
	if (!reader_ok(&r))
		return;
	nonce_use(s, index, counter);
}

void nonce_look(struct port *p, struct bytes frame)
{
	if (!p->config.is_thin)
		nonce_check(p->station, frame);
	else if (port_frame_is_data(p, frame))
		thin_check(p->station, p, frame);
}

void nonces_forget(struct station *s)
{
	free(s->nonces);
	s->nonces = NULL;
	s->nonce_slots = s->nonce_count = 0;
}
