#include "meshd/base/map.h"

#include "meshd/base/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t rotate_left(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] = rotate_left(v[2], 32);
}

/* Written out, compilers make one load of it. */
static inline uint64_t sip_word_of(const uint8_t b[8])
{
	return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
	       (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
}

/* Of fewer than eight bytes. */
static inline uint64_t sip_rest_of(const uint8_t *bytes, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

static inline void sip_block(uint64_t v[4], uint64_t block)
{
	v[3] ^= block;
	sip_round(v);
	sip_round(v);
	v[0] ^= block;
}

uint64_t siphash24(const uint64_t secret[2], struct bytes message)
{
	uint64_t v[4] = {
		secret[0] ^ UINT64_C(0x736f6d6570736575),
		secret[1] ^ UINT64_C(0x646f72616e646f6d),
		secret[0] ^ UINT64_C(0x6c7967656e657261),
		secret[1] ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *at = message.data;
	size_t left = message.len;

	for (; left >= 8; left -= 8, at += 8)
		sip_block(v, sip_word_of(at));
	sip_block(v, sip_rest_of(at, left) | (uint64_t)message.len << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m, size_t limit, const uint64_t secret[2])
{
	*m = (struct map){ .limit = limit, .secret = { secret[0], secret[1] } };
}

void map_done(struct map *m)
{
	free(m->buckets);
	m->buckets = NULL;
	m->bucket_count = m->count = 0;
}

uint32_t map_hash(const struct map *m, struct bytes key)
{
	return (uint32_t)siphash24(m->secret, key);
}

static bool entry_is(const struct map_entry *e, uint32_t hash, struct bytes key)
{
	return e->hash == hash && e->key_len == key.len && (key.len == 0 || memcmp(e->key, key.data, key.len) == 0);
}

static struct map_entry **map_bucket(const struct map *m, uint32_t hash)
{
	return &m->buckets[hash & (m->bucket_count - 1)];
}

void map_fetch(const struct map *m, uint32_t hash)
{
	if (m->count)
		fetch(map_bucket(m, hash), 1);
}

struct map_entry *map_first_hashed(const struct map *m, uint32_t hash)
{
	return m->count ? *map_bucket(m, hash) : NULL;
}

struct map_entry *map_find_hashed(const struct map *m, uint32_t hash, struct bytes key)
{
	for (struct map_entry *e = map_first_hashed(m, hash); e; e = e->next)
		if (entry_is(e, hash, key))
			return e;
	return NULL;
}

struct map_entry *map_find(const struct map *m, struct bytes key)
{
	return m->count ? map_find_hashed(m, map_hash(m, key), key) : NULL;
}

static int map_grow(struct map *m)
{
	size_t count = m->bucket_count ? 2 * m->bucket_count : 16;
	struct map grown = *m;

	grown.buckets = calloc(count, sizeof(struct map_entry *));
	if (!grown.buckets)
		return -ENOMEM;
	grown.bucket_count = count;
	for (size_t i = 0; i < m->bucket_count; i++) {
		for (struct map_entry *e = m->buckets[i], *next; e; e = next) {
			struct map_entry **bucket = map_bucket(&grown, e->hash);

			next = e->next;
			e->next = *bucket;
			*bucket = e;
		}
	}
	free(m->buckets);
	*m = grown;
	return 0;
}

int map_insert(struct map *m, struct map_entry *entry, struct bytes key)
{
	if (map_find(m, key))
		return -EEXIST;
	if (m->count >= m->limit) {
		m->refused++;
		return -ENOSPC;
	}
	if (m->count >= m->bucket_count) {
		int error = map_grow(m);

		/* A fuller table is slower, not wrong; only the first growth is vital. */
		if (error && !m->buckets)
			return error;
	}
	entry->key = key.data;
	entry->key_len = (uint32_t)key.len;
	entry->hash = map_hash(m, key);
	struct map_entry **bucket = map_bucket(m, entry->hash);
	entry->next = *bucket;
	*bucket = entry;
	m->count++;
	return 0;
}

void map_remove(struct map *m, struct map_entry *entry)
{
	for (struct map_entry **at = map_bucket(m, entry->hash); *at; at = &(*at)->next) {
		if (*at == entry) {
			*at = entry->next;
			entry->next = NULL;
			m->count--;
			return;
		}
	}
}

struct map_entry *map_next(const struct map *m, const struct map_entry *entry)
{
	size_t i = 0;

	if (m->count == 0)
		return NULL;
	if (entry) {
		if (entry->next)
			return entry->next;
		i = (entry->hash & (m->bucket_count - 1)) + 1;
	}
	for (; i < m->bucket_count; i++)
		if (m->buckets[i])
			return m->buckets[i];
	return NULL;
}
