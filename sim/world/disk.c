/*
 * What stations keep of each other's certificates. A thousand nodes that know each
 * other keep a million: the bytes are kept once for all, and what is a node's own
 * is its proof. Stations run apart, so the one table is taken under a lock.
 */
#include "sim/world/world.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096

#define SEQNO_BEFORE 16 /* of who has run before the world began */

struct disk_file {
	struct disk_file *next; /* in its bucket */
	uint16_t len;
	uint8_t bytes[];
};

struct disk {
	pthread_mutex_t lock;
	struct disk_file *buckets[BUCKETS];
};

void disk_init(struct world *w)
{
	w->disk = world_alloc(sizeof(*w->disk));
	pthread_mutex_init(&w->disk->lock, NULL);
}

/* FNV-1a: who writes them is ourselves. */
static unsigned bucket_of(struct bytes b)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < b.len; i++)
		hash = (hash ^ b.data[i]) * 16777619u;
	return hash % BUCKETS;
}

static const struct disk_file *file_of(struct disk *d, struct bytes encoded)
{
	struct disk_file **bucket = &d->buckets[bucket_of(encoded)], *file = NULL;

	pthread_mutex_lock(&d->lock);
	for (file = *bucket; file; file = file->next)
		if (bytes_equal(bytes_of(file->bytes, file->len), encoded))
			break;
	if (!file) {
		file = world_alloc(sizeof(*file) + encoded.len);
		file->len = (uint16_t)encoded.len;
		memcpy(file->bytes, encoded.data, encoded.len);
		file->next = *bucket;
		*bucket = file;
	}
	pthread_mutex_unlock(&d->lock);
	return file;
}

static void keep(struct station *s, const struct disk_file *file, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	if ((s->certificate_count & (s->certificate_count - 1)) == 0) { /* room for a power of two */
		size_t room = s->certificate_count ? 2 * s->certificate_count : 1;

		s->certificates = realloc(s->certificates, room * sizeof(*s->certificates));
		if (!s->certificates)
			abort();
	}
	struct stored_certificate *c = &s->certificates[s->certificate_count++];
	memcpy(c->proof, proof, sizeof(c->proof));
	c->file = file;
}

void disk_keep(struct station *s, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	keep(s, file_of(s->w->disk, encoded), proof);
}

static const struct disk_file *certificate_file(const struct station *s)
{
	uint8_t encoding[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(&s->enrolment.certificate, encoding, sizeof(encoding));

	if (len < 0)
		abort();
	return file_of(s->w->disk, bytes_of(encoding, (size_t)len));
}

/* It has run before: its router-id is that of its keys, and its seqno goes on. */
static void seqno_keep(struct station *s)
{
	router_id rid;

	identity_router_id(rid.bytes, &s->enrolment.identity.public);
	s->seqno = (uint32_t)rid.bytes[0] << 24 | (uint32_t)rid.bytes[1] << 16 | SEQNO_BEFORE;
	s->has_seqno = true;
}

void disk_acquaint(struct world *w)
{
	const struct disk_file **files = world_alloc((w->station_count + 1) * sizeof(*files));

	for (unsigned i = 0; i < w->station_count; i++)
		files[i] = certificate_file(w->stations[i]);
	for (unsigned i = 0; i < w->station_count; i++) {
		struct station *s = w->stations[i];
		uint8_t key[KEY_LEN], proof[CERTIFICATE_PROOF_LEN];

		proof_key(key, &s->enrolment.identity);
		seqno_keep(s);
		for (unsigned k = 0; k < w->station_count; k++) {
			if (k == i)
				continue;
			certificate_proof(
				proof, key, &s->enrolment.authority, bytes_of(files[k]->bytes, files[k]->len));
			keep(s, files[k], proof);
		}
	}
	free(files);
}

struct bytes disk_read(const struct stored_certificate *c)
{
	return bytes_of(c->file->bytes, c->file->len);
}

void disk_forget(struct station *s)
{
	free(s->certificates);
	s->certificates = NULL;
	s->certificate_count = 0;
}

void disk_free(struct world *w)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct disk_file *file = w->disk->buckets[i], *next; file; file = next) {
			next = file->next;
			free(file);
		}
	pthread_mutex_destroy(&w->disk->lock);
	free(w->disk);
}
