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

static struct roll_entry **bucket_of(struct roll *r, const struct certificate *c)
{
	return &r->buckets[(c->signature[0] << 8 | c->signature[1]) % BUCKETS];
}

/* What two certificates say differs, or their signatures do: nodes check those before they ask. */
static struct roll_entry *find(struct roll *r, const struct certificate *c)
{
	struct roll_entry *e = *bucket_of(r, c);

	while (e && memcmp(e->member.certificate.signature, c->signature, SIGNATURE_LEN) != 0)
		e = e->next;
	return e;
}

const struct node_member *roll_find(struct roll *r, const struct certificate *certificate)
{
	pthread_mutex_lock(&r->lock);
	const struct roll_entry *e = find(r, certificate);
	pthread_mutex_unlock(&r->lock);
	return e ? &e->member : NULL;
}

const struct node_member *roll_enter(struct roll *r, const struct node_member *member)
{
	pthread_mutex_lock(&r->lock);
	struct roll_entry *e = find(r, &member->certificate);

	if (!e) {
		struct roll_entry **bucket = bucket_of(r, &member->certificate);

		e = world_alloc(sizeof(*e));
		e->member = *member;
		e->next = *bucket;
		*bucket = e;
	}
	pthread_mutex_unlock(&r->lock);
	return &e->member;
}
