/*
 * Time in the world: the earliest timer fires, and what it did goes into the
 * hash. The hash is a chain: each event is hashed under the digest before it.
 */
#include "sim/world/world.h"

#include <stdlib.h>
#include <string.h>

void *world_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct random random;

	if (!w)
		return NULL;
	w->seed = seed;
	w->now_us = WORLD_START_US;
	w->nat_ports = 20000;
	w->successor = oracle_successor;
	heap_init(&w->heap);
	list_init(&w->in_flight);
	prng_seed(&w->prng, seed);
	random = prng_random(&w->prng);
	authority_generate(&w->authority, &random);
	return w;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	heap_done(&w->heap);
	for (unsigned i = 0; i < w->station_count; i++)
		station_free(w->stations[i]);
	for (unsigned i = 0; i < w->segment_count; i++)
		segment_free(w->segments[i]);
	list_for_each (at, next, &w->in_flight)
		free(at); /* the first member of each */
	authority_done(&w->authority);
	free(w->stations);
	free(w->by_address);
	free(w->segments);
	free(w->suspects);
	free(w);
}

void world_run(struct world *w, uint64_t until_us)
{
	for (uint64_t next; (next = heap_next(&w->heap)) <= until_us;) {
		if (next > w->now_us)
			w->now_us = next;
		heap_run(&w->heap, w->now_us);
	}
	if (until_us > w->now_us)
		w->now_us = until_us;
}

void world_event_done(struct world *w)
{
	w->events++;
	if (w->suspect_count)
		oracle_look(w);
}

void world_note(struct world *w, char kind, unsigned a, unsigned b, struct bytes what)
{
	uint8_t event[32 + NODE_FRAME_MAX];
	struct writer out = writer_of(event, sizeof(event));
	size_t len = what.len < NODE_FRAME_MAX ? what.len : NODE_FRAME_MAX;

	write_u8(&out, (uint8_t)kind);
	write_u64(&out, w->now_us);
	write_u32(&out, a);
	write_u32(&out, b);
	write_copy(&out, what.data, len);
	hash_bytes(w->digest, sizeof(w->digest), writer_bytes(&out), bytes_of(w->digest, sizeof(w->digest)));
}
