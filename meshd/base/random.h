/*
 * Randomness as an argument. The daemon passes the kernel's generator, the
 * simulator and the tests a seeded one; nothing else in the pure rings knows
 * the difference.
 */
#ifndef MESHD_BASE_RANDOM_H
#define MESHD_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	void (*fill)(void *user, void *out, size_t len); /* cannot fail */
	void *user;
};

static inline void random_fill(const struct random *r, void *out, size_t len)
{
	r->fill(r->user, out, len);
}

uint32_t random_u32(const struct random *r);
uint64_t random_u64(const struct random *r);
/* Uniform in [0, bound); 0 when bound is 0. Free of modulo bias. */
uint64_t random_below(const struct random *r, uint64_t bound);

/* Seeded generator for tests and simulation: xoshiro256** seeded by
 * splitmix64 (Blackman and Vigna). Never a source of keys in the daemon. */
struct prng {
	uint64_t state[4];
};
void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
uint64_t prng_below(struct prng *p, uint64_t bound);
double prng_unit(struct prng *p); /* uniform in [0, 1) */
struct random prng_random(struct prng *p); /* borrows p */

#endif
