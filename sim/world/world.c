/*
 * Time in the world. What is due in the world's own heap happens first, and alone;
 * then what is due in the stations', one event after the other with a look after
 * each, or in rounds of the crew with a look after each window.
 */
#include "sim/world/lane.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_ALIGN 64 /* libsodium's */

void *world_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

/* --- the hash --------------------------------------------------------------------------- */

struct crypto_generichash_blake2b_state *chain_new(void)
{
	struct crypto_generichash_blake2b_state *chain =
		aligned_alloc(CHAIN_ALIGN, (sizeof(*chain) + CHAIN_ALIGN - 1) / CHAIN_ALIGN * CHAIN_ALIGN);

	if (!chain)
		abort();
	crypto_generichash_blake2b_init(chain, NULL, 0, WORLD_DIGEST_LEN);
	return chain;
}

static void chain_add(struct crypto_generichash_blake2b_state *chain, char kind, uint64_t now_us, unsigned a,
	unsigned b, struct bytes what)
{
	uint8_t event[256];
	struct writer out = writer_of(event, sizeof(event));

	write_u8(&out, (uint8_t)kind);
	write_u64(&out, now_us);
	write_u32(&out, a);
	write_u32(&out, b);
	write_u32(&out, (uint32_t)what.len);
	bool is_whole = what.len <= writer_left(&out);
	if (is_whole)
		write_bytes(&out, what);
	crypto_generichash_blake2b_update(chain, event, writer_len(&out));
	if (!is_whole)
		crypto_generichash_blake2b_update(chain, what.data, what.len);
}

void world_note(struct world *w, char kind, unsigned a, unsigned b, struct bytes what)
{
	assert(!w->is_apart);
	chain_add(w->chain, kind, w->now_us, a, b, what);
}

void station_note(struct station *s, char kind, unsigned detail, struct bytes what)
{
	chain_add(s->chain, kind, station_now_us(s), detail, 0, what);
}

static void digest_add(
	struct crypto_generichash_blake2b_state *all, const struct crypto_generichash_blake2b_state *chain)
{
	struct crypto_generichash_blake2b_state copy;
	uint8_t digest[WORLD_DIGEST_LEN];

	memcpy(&copy, chain, sizeof(copy));
	crypto_generichash_blake2b_final(&copy, digest, sizeof(digest));
	crypto_generichash_blake2b_update(all, digest, sizeof(digest));
}

void world_digest(const struct world *w, uint8_t digest[WORLD_DIGEST_LEN])
{
	struct crypto_generichash_blake2b_state all;

	crypto_generichash_blake2b_init(&all, NULL, 0, WORLD_DIGEST_LEN);
	digest_add(&all, w->chain);
	for (unsigned i = 0; i < w->station_count; i++)
		digest_add(&all, w->stations[i]->chain);
	crypto_generichash_blake2b_final(&all, digest, WORLD_DIGEST_LEN);
}

/* --- building and ending ------------------------------------------------------------------- */

unsigned world_root_of(unsigned *parents, unsigned i)
{
	while (parents[i] != i) {
		parents[i] = parents[parents[i]];
		i = parents[i];
	}
	return i;
}

struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct random random;

	if (!w)
		return NULL;
	w->seed = seed;
	w->now_us = WORLD_START_US;
	w->windows_from = WORLD_WINDOWS_FROM;
	w->look_us = NEVER;
	w->successor = oracle_successor;
	w->chain = chain_new();
	heap_init(&w->heap);
	list_init(&w->pending);
	disk_init(w);
	segment_fold_start(w);
	prng_seed(&w->prng, seed);
	random = prng_random(&w->prng);
	authority_generate(&w->authority, &random);
	w->roll = roll_new();
	return w;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	crew_free(w);
	lanes_free(w);
	heap_done(&w->heap);
	for (unsigned i = 0; i < w->station_count; i++)
		station_free(w->stations[i]);
	for (unsigned i = 0; i < w->segment_count; i++)
		segment_free(w->segments[i]);
	list_for_each (at, next, &w->pending)
		free(at); /* the first member of each */
	disk_free(w);
	roll_free(w->roll);
	authority_done(&w->authority);
	free(w->stations);
	free(w->segments);
	free(w->suspects.suspects);
	for (unsigned l = 0; l < WORLD_THREADS_MAX; l++) {
		free(w->tracks[l].marks);
		free(w->tracks[l].trail);
	}
	free(w->chain);
	free(w);
}

/* --- time ------------------------------------------------------------------------------------- */

static void time_set(struct world *w, uint64_t now_us)
{
	if (now_us > w->now_us)
		w->now_us = now_us;
	for (unsigned l = 0; l < w->lane_count; l++)
		w->lanes[l]->now_us = w->now_us;
}

static void run_world_timer(struct world *w, uint64_t now_us)
{
	time_set(w, now_us);
	heap_fire(&w->heap, w->now_us);
	w->events++;
	if (!world_is_windowed(w))
		oracle_look(w); /* also at what was done before the world ran */
}

static void run_station_timer(struct world *w)
{
	struct lane *l = w->lanes[0];

	if (lane_next(l) > w->now_us)
		w->now_us = lane_next(l);
	lane_step(l);
	if (l->suspects.count)
		oracle_look(w);
}

/* Up to `end_us`, and less where lanes share a medium. */
static void run_round(struct world *w, uint64_t now_us, uint64_t end_us)
{
	if (w->look_us == NEVER)
		w->look_us = (now_us / WORLD_WINDOW_US + 1) * WORLD_WINDOW_US;
	if (end_us > w->look_us)
		end_us = w->look_us;
	if (end_us - now_us > w->meeting_us)
		end_us = now_us + w->meeting_us;
	w->is_apart = true;
	crew_run(w, end_us);
	w->is_apart = false;
	offers_settle(w);
}

static void look(struct world *w)
{
	time_set(w, w->look_us);
	w->look_us = NEVER;
	oracle_look(w);
}

void world_run(struct world *w, uint64_t until_us)
{
	for (;;) {
		if (!w->is_divided)
			lanes_divide(w);
		if (!w->is_measured)
			lanes_measure(w);
		uint64_t own_us = heap_next(&w->heap), stations_us = lanes_next(w);
		uint64_t next_us = own_us < stations_us ? own_us : stations_us;

		if (next_us > until_us && w->look_us > until_us)
			break;
		if (w->look_us <= next_us)
			look(w);
		else if (own_us <= stations_us)
			run_world_timer(w, own_us);
		else if (!world_is_windowed(w))
			run_station_timer(w);
		else
			run_round(w, stations_us, own_us <= until_us ? own_us : until_us + 1);
	}
	time_set(w, until_us);
	lanes_count_events(w);
}
