/*
 * The roll: members that any node knows, once for all nodes. A thousand nodes that
 * know each other would keep a million certificates; each keeps pointers instead.
 */
#include "sim/world/world.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096

struct roll_entry {
	struct roll_entry *next; /* in its bucket */
	struct node_member member;
};

struct roll {
	pthread_mutex_t lock; /* nodes may run in several threads */
	struct roll_entry *buckets[BUCKETS];
};

struct roll *roll_new(void)
{
	struct roll *r = world_alloc(sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void roll_free(struct roll *r)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct roll_entry *e = r->buckets[i], *next; e; e = next) {
			next = e->next;
			free(e);
		}
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Equal signatures over equal hashes: the same certificate. */
static bool is_same(const struct node_member *a, const struct node_member *b)
{
	return memcmp(a->hash, b->hash, sizeof(a->hash)) == 0 &&
	       memcmp(a->certificate.signature, b->certificate.signature, SIGNATURE_LEN) == 0;
}

const struct node_member *roll_enter(struct roll *r, const struct node_member *member)
{
	struct roll_entry **bucket = &r->buckets[(member->hash[0] << 8 | member->hash[1]) % BUCKETS];
	struct roll_entry *e;

	pthread_mutex_lock(&r->lock);
	for (e = *bucket; e && !is_same(&e->member, member); e = e->next)
		;
	if (!e) {
		e = world_alloc(sizeof(*e));
		e->member = *member;
		e->next = *bucket;
		*bucket = e;
	}
	pthread_mutex_unlock(&r->lock);
	return &e->member;
}
