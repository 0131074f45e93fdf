/*
 * The source table: feasibility distances (RFC 8966, 3.2.5, 3.5.1, 3.7.3).
 *
 * An entry is a promise to all neighbours that believed us: while one of them
 * may still follow an update that we sent, the entry must live. Each finite
 * update that is sent prolongs it by the garbage-collection time, or by the hold
 * time that the update gives to its receivers if that is longer.
 */
#include "routing/engine.h"

#include <stdlib.h>
#include <string.h>

void source_key(uint8_t key[SOURCE_KEY], const struct prefix *prefix, const router_id *id)
{
	prefix_key(key, prefix);
	memcpy(key + PREFIX_KEY, id->bytes, sizeof(id->bytes));
}

struct source *source_find(const struct babel *b, const struct prefix *prefix, const router_id *id)
{
	uint8_t key[SOURCE_KEY];

	source_key(key, prefix, id);
	struct map_entry *e = map_find(&b->sources, bytes_of(key, sizeof(key)));
	return e ? container_of(e, struct source, entry) : NULL;
}

bool source_is_feasible(
	const struct babel *b, const struct prefix *prefix, const router_id *id, uint16_t seqno, uint16_t metric)
{
	if (metric == BABEL_INFINITY)
		return true;
	const struct source *s = source_find(b, prefix, id);
	return !s || seqno_is_newer(seqno, s->seqno) || (seqno == s->seqno && metric < s->metric);
}

void source_free(struct source *s)
{
	timer_cancel(&s->b->heap, &s->gc);
	map_remove(&s->b->sources, &s->entry);
	free(s);
}

static void source_gc(struct timer *timer, uint64_t now_us)
{
	(void)now_us;
	source_free(container_of(timer, struct source, gc));
}

static struct source *source_new(struct babel *b, const struct prefix *prefix, const router_id *id)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->b = b;
	timer_init(&s->gc, source_gc);
	source_key(s->key, prefix, id);
	if (map_insert(&b->sources, &s->entry, bytes_of(s->key, sizeof(s->key)))) {
		free(s);
		return NULL;
	}
	return s;
}

bool source_update(struct babel *b, uint64_t now_us, const struct prefix *prefix, const router_id *id, uint16_t seqno,
	uint16_t metric, uint64_t hold_us)
{
	struct source *s = source_find(b, prefix, id);

	if (!s) {
		s = source_new(b, prefix, id);
		if (!s) {
			b->counters.refused_sources++;
			return false;
		}
		s->seqno = seqno;
		s->metric = metric;
	} else if (seqno_is_newer(seqno, s->seqno)) {
		s->seqno = seqno;
		s->metric = metric;
	} else if (seqno == s->seqno && metric < s->metric) {
		s->metric = metric;
	}
	uint64_t due_us = now_us + (hold_us > SOURCE_GC_US ? hold_us : SOURCE_GC_US);
	/* Another link's receivers may hold it longer than this one's. */
	if (!timer_is_armed(&s->gc) || s->gc.due_us < due_us)
		timer_set(&b->heap, &s->gc, due_us);
	return true;
}
