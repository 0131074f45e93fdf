/*
 * Token buckets against handshake floods (protocol.md 4.3): each source has 5
 * tokens and gets 1 a second, all sources together have 50 and get 50 a second.
 *
 * A bucket is one time: when it will be full again. Taking a token moves that
 * time by one interval; it may not lie further ahead than the burst. A full
 * bucket says nothing, so its entry can be forgotten.
 *
 * A source gets an entry only with a token of the common bucket, and is
 * forgotten once its bucket is full and it is the longest unused: a flood of
 * invented sources cannot hold more than about 300 of the RATE_SOURCES_MAX
 * entries, and all of them are allocated at the start. Those that were never used
 * are not touched: to most nodes the memory costs nothing.
 */
#include "crypto/crypto.h"

#include "meshd/base/list.h"
#include "meshd/base/map.h"

#include <stdlib.h>

#define SOURCE_BURST 5
#define SOURCE_INTERVAL_US 1000000ull
#define TOTAL_BURST 50
#define TOTAL_INTERVAL_US (1000000ull / 50)
#define SOURCE_KEY_LEN 16

struct rate_source {
	struct list link; /* in `used` or `unused` */
	struct map_entry entry; /* by `key` */
	uint8_t key[SOURCE_KEY_LEN]; /* hash of the source: addresses of any length fit */
	uint64_t full_us;
};

struct rate_limiter {
	struct map sources;
	struct list used; /* least recently used first */
	struct list unused; /* any more */
	size_t touched; /* entries of the table that were ever used */
	uint64_t total_full_us;
	struct rate_source table[RATE_SOURCES_MAX];
};

struct rate_limiter *rate_limiter_new(const struct random *random)
{
	struct rate_limiter *r = calloc(1, sizeof(*r));
	uint64_t secret[2];

	if (!r)
		return NULL;
	random_fill(random, secret, sizeof(secret));
	map_init(&r->sources, RATE_SOURCES_MAX, secret);
	list_init(&r->used);
	list_init(&r->unused);
	return r;
}

void rate_limiter_free(struct rate_limiter *r)
{
	if (!r)
		return;
	map_done(&r->sources);
	free(r);
}

/* What a bucket's time becomes by taking a token now; 0 if it has none. */
static uint64_t bucket_take(uint64_t full_us, uint64_t now_us, uint64_t interval_us, uint64_t burst)
{
	uint64_t from = full_us > now_us ? full_us : now_us;
	uint64_t next = from + interval_us;

	return next - now_us <= burst * interval_us ? next : 0;
}

static void source_forget(struct rate_limiter *r, struct rate_source *source)
{
	map_remove(&r->sources, &source->entry);
	list_remove(&source->link);
	list_push_back(&r->unused, &source->link);
}

static void sources_expire(struct rate_limiter *r, uint64_t now_us)
{
	list_for_each (at, after, &r->used) {
		struct rate_source *source = list_entry(at, struct rate_source, link);

		if (source->full_us > now_us)
			return;
		source_forget(r, source);
	}
}

static struct rate_source *source_find(struct rate_limiter *r, const uint8_t key[SOURCE_KEY_LEN])
{
	struct map_entry *entry = map_find(&r->sources, bytes_of(key, SOURCE_KEY_LEN));

	return entry ? container_of(entry, struct rate_source, entry) : NULL;
}

static struct rate_source *source_unused(struct rate_limiter *r)
{
	if (list_is_empty(&r->unused) && r->touched < RATE_SOURCES_MAX) {
		struct rate_source *source = &r->table[r->touched++];

		list_init(&source->link);
		list_push_back(&r->unused, &source->link);
	}
	return list_is_empty(&r->unused) ? NULL : list_entry(r->unused.next, struct rate_source, link);
}

static struct rate_source *source_add(struct rate_limiter *r, const uint8_t key[SOURCE_KEY_LEN])
{
	struct rate_source *source = source_unused(r);

	if (!source)
		return NULL;
	for (size_t i = 0; i < SOURCE_KEY_LEN; i++)
		source->key[i] = key[i];
	if (map_insert(&r->sources, &source->entry, bytes_of(source->key, SOURCE_KEY_LEN)))
		return NULL;
	source->full_us = 0;
	return source;
}

bool rate_limiter_take(struct rate_limiter *r, uint64_t now_us, struct bytes source_bytes)
{
	uint8_t key[SOURCE_KEY_LEN];
	uint64_t source_full_us, total_full_us;
	struct rate_source *source;

	sources_expire(r, now_us);
	hash_bytes(key, sizeof(key), source_bytes, bytes_of(NULL, 0));
	source = source_find(r, key);
	source_full_us = bucket_take(source ? source->full_us : 0, now_us, SOURCE_INTERVAL_US, SOURCE_BURST);
	total_full_us = bucket_take(r->total_full_us, now_us, TOTAL_INTERVAL_US, TOTAL_BURST);
	if (!source_full_us || !total_full_us)
		return false;
	if (!source)
		source = source_add(r, key);
	if (!source)
		return false;
	source->full_us = source_full_us;
	r->total_full_us = total_full_us;
	list_remove(&source->link);
	list_push_back(&r->used, &source->link);
	return true;
}
