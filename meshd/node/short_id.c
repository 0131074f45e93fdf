/*
 * Members by their short-ids, for thin links (protocol.md 2.3).
 *
 * A table in the order of short-ids, made when the engine first asks and again after
 * another certificate was learned: most nodes have no thin link and never ask. A
 * short-id that two members have names neither of them: it is counted and said, and
 * both are named in full. So is for a while, when routes are announced, whoever this node
 * has just learned of by neighbours: those whom it tells may have to ask for that
 * certificate, too, and can ask only for a full name.
 */
#include "meshd/node/state.h"

#include <stdlib.h>
#include <string.h>

static int short_id_compare(const void *a, const void *b)
{
	const struct node_member *const *m = a, *const *other = b;

	return (int)(*m)->certificate.short_id - (int)(*other)->certificate.short_id;
}

static void shared_say(struct node *n, const struct node_member *a, const struct node_member *b)
{
	event_say(n, NODE_SHORT_ID, NULL,
		"\"%s\" and \"%s\" have the short-id %u; enrol one of them again: thin links carry both in full until "
		"then",
		a->certificate.name, b->certificate.name, a->certificate.short_id);
}

/* Keeps who is alone with his short-id. */
static void shared_drop(struct node *n)
{
	const struct node_member **all = n->by_short_id;
	size_t kept = 0, shared = 0;

	for (size_t i = 0, next; i < n->by_short_id_count; i = next) {
		next = i + 1;
		while (next < n->by_short_id_count && short_id_compare(&all[i], &all[next]) == 0)
			next++;
		if (next == i + 1)
			all[kept++] = all[i];
		else if (++shared > n->shared_short_ids)
			shared_say(n, all[i], all[i + 1]);
	}
	n->by_short_id_count = kept;
	n->shared_short_ids = shared;
}

static void table_make(struct node *n)
{
	size_t count = 0;

	if (n->by_short_id && !n->short_ids_are_outdated)
		return;
	for (const struct known *k = n->first_known; k; k = k->next)
		count++;
	free(n->by_short_id);
	n->by_short_id = malloc((count ? count : 1) * sizeof(*n->by_short_id));
	n->by_short_id_count = 0;
	n->short_ids_are_outdated = false;
	if (!n->by_short_id)
		return;
	for (const struct known *k = n->first_known; k; k = k->next)
		n->by_short_id[n->by_short_id_count++] = k->member;
	qsort(n->by_short_id, count, sizeof(*n->by_short_id), short_id_compare);
	shared_drop(n);
}

/* The place of the first one that is not below. */
static size_t place_of(const struct node *n, uint16_t short_id)
{
	size_t low = 0, high = n->by_short_id_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (n->by_short_id[middle]->certificate.short_id < short_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void member_fill(struct babel_member *out, const struct node_member *m)
{
	out->short_id = m->certificate.short_id;
	out->origin = m->rid;
	out->host = m->host;
	out->lans = m->certificate.prefixes;
	out->lan_count = m->certificate.prefix_count;
}

bool short_id_from(void *user, uint16_t from, struct babel_member *out)
{
	struct node *n = user;

	table_make(n);
	size_t place = place_of(n, from);

	if (place == n->by_short_id_count)
		return false;
	member_fill(out, n->by_short_id[place]);
	return true;
}

bool short_id_of_origin(void *user, const router_id *origin, struct babel_member *out)
{
	struct node *n = user;
	const struct known *k = trust_by_rid(n, origin);

	if (!k)
		return false;
	uint16_t short_id = k->member->certificate.short_id;
	table_make(n);
	size_t place = place_of(n, short_id);

	if (place == n->by_short_id_count || n->by_short_id[place] != k->member)
		return false;
	member_fill(out, k->member);
	return true;
}

/* The others may not know it yet: it is named in full, so that they can ask. */
#define NEWS_US (30 * SECOND)

bool short_id_to_announce(void *user, const router_id *origin, struct babel_member *out)
{
	const struct node *n = user;
	const struct known *k = trust_by_rid(n, origin);
	bool is_news = k && k->learned_us && n->now_us < k->learned_us + NEWS_US;

	return k && !is_news && short_id_of_origin(user, origin, out);
}

void short_id_done(struct node *n)
{
	free(n->by_short_id);
	n->by_short_id = NULL;
}

size_t node_shared_short_ids(const struct node *n)
{
	return n->shared_short_ids;
}
