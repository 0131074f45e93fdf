/*
 * Intrusive hash map with a limit.
 *
 * Entries embed a `struct map_entry` and own their key; the map borrows it, so
 * a key must not change or move while the entry is in the map. Keys are hashed
 * with SipHash-2-4 under a secret of the map's owner: a peer that chooses keys
 * cannot choose collisions. The map refuses entries beyond its limit and counts
 * the refusals; it never evicts by itself.
 */
#ifndef MESHD_BASE_MAP_H
#define MESHD_BASE_MAP_H

#include "meshd/base/bytes.h"

struct map_entry {
	struct map_entry *next; /* in the bucket's chain */
	const uint8_t *key;
	uint32_t key_len;
	uint32_t hash;
};

struct map {
	struct map_entry **buckets;
	size_t bucket_count;
	size_t count;
	size_t limit;
	uint64_t refused; /* inserts refused by the limit */
	uint64_t secret[2];
};

void map_init(struct map *m, size_t limit, const uint64_t secret[2]);
/* Frees the buckets. Entries belong to the owner, who frees them first. */
void map_done(struct map *m);
struct map_entry *map_find(const struct map *m, struct bytes key);
/* For who looks for a key in steps, and has its memory fetched between them. */
uint32_t map_hash(const struct map *m, struct bytes key);
void map_fetch(const struct map *m, uint32_t hash); /* the bucket */
struct map_entry *map_first_hashed(const struct map *m, uint32_t hash); /* of the bucket; NULL: it is empty */
struct map_entry *map_find_hashed(const struct map *m, uint32_t hash, struct bytes key);
/* 0; -ENOSPC at the limit; -EEXIST if the key is there; -ENOMEM. */
int map_insert(struct map *m, struct map_entry *entry, struct bytes key);
void map_remove(struct map *m, struct map_entry *entry);
/* Walks all entries in an unspecified but repeatable order: start with NULL.
 * The entry returned may be removed before the next call is made only if the
 * caller fetched its successor first. */
struct map_entry *map_next(const struct map *m, const struct map_entry *entry);

/* SipHash-2-4 (Aumasson and Bernstein, 2012), 64-bit output. */
uint64_t siphash24(const uint64_t secret[2], struct bytes message);

#endif
