#include "meshd/base/map.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t rotate_left(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
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

uint64_t siphash24(const uint64_t secret[2], struct bytes message)
{
	uint64_t v[4] = {
		secret[0] ^ UINT64_C(0x736f6d6570736575),
		secret[1] ^ UINT64_C(0x646f72616e646f6d),
		secret[0] ^ UINT64_C(0x6c7967656e657261),
		secret[1] ^ UINT64_C(0x7465646279746573),
	};
	struct reader r = reader_of(message);
	uint64_t block;

	while (reader_left(&r) >= 8) {
		block = read_le64(&r);
		v[3] ^= block;
		sip_round(v);
		sip_round(v);
		v[0] ^= block;
	}
	block = (uint64_t)message.len << 56;
	for (unsigned shift = 0; reader_left(&r) > 0; shift += 8)
		block |= (uint64_t)read_u8(&r) << shift;
	v[3] ^= block;
	sip_round(v);
	sip_round(v);
	v[0] ^= block;
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

static struct map_entry **map_bucket(const struct map *m, uint64_t hash)
{
	return &m->buckets[hash & (m->bucket_count - 1)];
}

struct map_entry *map_find(const struct map *m, struct bytes key)
{
	if (m->count == 0)
		return NULL;
	uint64_t hash = siphash24(m->secret, key);

	for (struct map_entry *e = *map_bucket(m, hash); e; e = e->next)
		if (e->hash == hash && bytes_equal(e->key, key))
			return e;
	return NULL;
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
	entry->key = key;
	entry->hash = siphash24(m->secret, key);
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
		i = (size_t)(entry->hash & (m->bucket_count - 1)) + 1;
	}
	for (; i < m->bucket_count; i++)
		if (m->buckets[i])
			return m->buckets[i];
	return NULL;
}
