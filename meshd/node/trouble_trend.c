/* Neighbours that are worse heard than an hour ago (trouble.h): a mean of each five minutes of the last hour. */
#include "meshd/node/trouble.h"

#include <string.h>

#define HOUR_SLOTS (TREND_SLOTS - 2)
#define LOOKS_LEAST 12 /* in five minutes: it was there for a part of them that says something */

static struct trend *trend_find(const struct trends *t, unsigned link, const struct address *neighbour)
{
	for (unsigned i = 0; i < TRENDS_MAX; i++)
		if (t->all[i].seen_us && t->all[i].link == link && address_equal(&t->all[i].neighbour, neighbour))
			return (struct trend *)&t->all[i];
	return NULL;
}

/* A free place, or that of who was not seen for an hour. */
static struct trend *trend_place(struct trends *t, uint64_t now_us)
{
	for (unsigned i = 0; i < TRENDS_MAX; i++)
		if (!t->all[i].seen_us || now_us - t->all[i].seen_us > HOUR_SLOTS * TREND_SLOT_US)
			return &t->all[i];
	return NULL;
}

/* Slots in which it was not seen, or hardly, are not known. */
static void trend_turn(struct trend *n, uint64_t slot)
{
	uint8_t *means = n->means[n->slot % TREND_SLOTS];

	for (unsigned way = 0; way < TREND_WAYS; way++)
		means[way] = n->looks < LOOKS_LEAST ? TREND_UNKNOWN : (uint8_t)(n->sums[way] / n->looks);
	for (unsigned i = 0; i < TREND_SLOTS && n->slot < slot; i++)
		memset(n->means[++n->slot % TREND_SLOTS], TREND_UNKNOWN, TREND_WAYS);
	n->slot = slot;
	n->looks = 0;
	memset(n->sums, 0, sizeof(n->sums));
}

void trend_note(
	struct trends *t, uint64_t now_us, unsigned link, const struct address *neighbour, const uint8_t percent[2])
{
	struct trend *n = trend_find(t, link, neighbour);
	uint64_t slot = now_us / TREND_SLOT_US;

	if (!n) {
		n = trend_place(t, now_us);
		if (!n)
			return;
		*n = (struct trend){ .link = link, .neighbour = *neighbour, .slot = slot };
		memset(n->means, TREND_UNKNOWN, sizeof(n->means));
	}
	if (slot != n->slot)
		trend_turn(n, slot);
	n->seen_us = now_us;
	n->looks++;
	for (unsigned way = 0; way < TREND_WAYS; way++)
		n->sums[way] += percent[way];
}

/* The last five minutes that are over, against those an hour before them. */
bool trend_falls(const struct trends *t, uint64_t now_us, unsigned link, const struct address *neighbour,
	struct trend_fall *fall)
{
	const struct trend *n = trend_find(t, link, neighbour);
	uint64_t slot = now_us / TREND_SLOT_US;
	bool falls = false;

	if (!n || n->slot != slot || slot < TREND_SLOTS)
		return false;
	for (unsigned way = 0; way < TREND_WAYS; way++) {
		fall->now[way] = n->means[(slot - 1) % TREND_SLOTS][way];
		fall->then[way] = n->means[(slot - 1 - HOUR_SLOTS) % TREND_SLOTS][way];
		if (fall->now[way] == TREND_UNKNOWN || fall->then[way] == TREND_UNKNOWN)
			return false;
		falls |= fall->now[way] < TREND_GOOD && fall->now[way] + TREND_FALL <= fall->then[way];
	}
	return falls;
}
