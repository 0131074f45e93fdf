/*
 * Whom to ask for his log, and when (exchange.h). One question at a time: a node that
 * has met a thousand others asks for hours, and never more of a link than one answer.
 * Who has just come is asked soon, for that is when there is something to tell; who does
 * not answer, twice as late each time.
 */
#include "meshd/chronicle/exchange.h"

#include <string.h>

void gather_init(struct gather *g, const struct random *random)
{
	memset(g, 0, sizeof(*g));
	g->random = random;
}

static struct gather_peer *peer_find(struct gather *g, const uint8_t key[SIGN_PUBLIC_LEN])
{
	for (size_t i = 0; i < g->peer_count; i++)
		if (memcmp(g->peers[i].key, key, SIGN_PUBLIC_LEN) == 0)
			return &g->peers[i];
	return NULL;
}

/* A place for one more; NULL: all that are here can be reached. */
static struct gather_peer *place_find(struct gather *g, uint64_t now_us)
{
	struct gather_peer *oldest = NULL;

	if (g->peer_count < GATHER_PEERS_MAX)
		return &g->peers[g->peer_count++];
	for (size_t i = 0; i < g->peer_count; i++) {
		struct gather_peer *p = &g->peers[i];
		bool is_asked = g->is_asking && g->asked == i;

		if (!is_asked && now_us - p->seen_us > GATHER_GONE_US && (!oldest || p->seen_us < oldest->seen_us))
			oldest = p;
	}
	return oldest;
}

static void peer_meet(struct gather *g, struct gather_peer *p, uint64_t now_us)
{
	uint64_t soon_us = now_us + GATHER_SETTLE_US + random_below(g->random, GATHER_MEET_US - GATHER_SETTLE_US);

	p->due_us = p->asked_us && p->asked_us + GATHER_LEAST_US > soon_us ? p->asked_us + GATHER_LEAST_US : soon_us;
}

void gather_see(struct gather *g, uint64_t now_us, const uint8_t key[SIGN_PUBLIC_LEN])
{
	struct gather_peer *p = peer_find(g, key);

	if (!p) {
		p = place_find(g, now_us);
		if (!p)
			return;
		*p = (struct gather_peer){ .seen_us = now_us };
		memcpy(p->key, key, SIGN_PUBLIC_LEN);
		peer_meet(g, p, now_us);
	} else if (now_us - p->seen_us > GATHER_GONE_US) {
		peer_meet(g, p, now_us);
	}
	p->seen_us = now_us;
}

const uint8_t *gather_next(struct gather *g, uint64_t now_us)
{
	struct gather_peer *first = NULL;

	if (g->is_asking || now_us < g->free_us)
		return NULL;
	for (size_t i = 0; i < g->peer_count; i++) {
		struct gather_peer *p = &g->peers[i];

		if (p->due_us <= now_us && now_us - p->seen_us <= GATHER_GONE_US &&
			(!first || p->due_us < first->due_us))
			first = p;
	}
	if (!first)
		return NULL;
	g->is_asking = true;
	g->asked = (size_t)(first - g->peers);
	first->asked_us = now_us;
	return first->key;
}

/* All ask all: what passes in the middle of a large mesh grows with the square of it, unless each asks less often. */
static uint64_t every_us(const struct gather *g)
{
	uint64_t share = g->peer_count * GATHER_SHARE_US;

	return share > GATHER_EVERY_US ? share : GATHER_EVERY_US;
}

static uint64_t wait_us(const struct gather *g, const struct gather_peer *p)
{
	uint64_t wait = every_us(g), worst = wait > GATHER_WORST_US ? wait : GATHER_WORST_US;

	for (unsigned i = 0; i < p->failures && wait < worst; i++)
		wait *= 2;
	return wait < worst ? wait : worst;
}

void gather_end(struct gather *g, uint64_t now_us, enum gather_end end)
{
	struct gather_peer *p = &g->peers[g->asked];

	if (!g->is_asking)
		return;
	g->is_asking = false;
	g->free_us = now_us + GATHER_PAUSE_US;
	p->failures = end == GATHER_NOTHING ? p->failures + 1 : 0;
	uint64_t wait = wait_us(g, p);
	p->due_us =
		now_us + (end == GATHER_MORE ? GATHER_MORE_US : wait - wait / 4 + random_below(g->random, wait / 2));
}
