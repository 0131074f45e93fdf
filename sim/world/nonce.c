/*
 * No (key, nonce) twice: the counter of a session only rises. What a node seals
 * shows the receiver's index, one for each session, and the counter (docs/frames.md);
 * so each frame that leaves is held against the last one of its session.
 */
#include "sim/world/world.h"

#include <stdlib.h>

#define SLOTS_MIN 16

struct nonce {
	uint32_t index;
	uint64_t next; /* 0: free */
};

static struct nonce *nonce_slot(const struct station *s, uint32_t index)
{
	unsigned at = index & (s->nonce_slots - 1);

	while (s->nonces[at].next && s->nonces[at].index != index)
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
			*nonce_slot(s, old[i].index) = old[i];
	free(old);
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
	if (2 * s->nonce_count >= s->nonce_slots)
		nonces_grow(s);
	struct nonce *n = nonce_slot(s, index);
	s->nonce_count += !n->next;
	if (counter < n->next)
		s->w->nonces_repeated++;
	*n = (struct nonce){ index, counter + 1 };
}

void nonces_forget(struct station *s)
{
	free(s->nonces);
	s->nonces = NULL;
	s->nonce_slots = s->nonce_count = 0;
}
