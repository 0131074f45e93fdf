#include "meshd/base/random.h"

#include <string.h>

uint32_t random_u32(const struct random *r)
{
	uint32_t v;

	random_fill(r, &v, sizeof(v));
	return v;
}

uint64_t random_u64(const struct random *r)
{
	uint64_t v;

	random_fill(r, &v, sizeof(v));
	return v;
}

uint64_t random_below(const struct random *r, uint64_t bound)
{
	if (bound == 0)
		return 0;
	uint64_t threshold = -bound % bound; /* 2^64 mod bound: below it is biased */
	uint64_t v;

	do
		v = random_u64(r);
	while (v < threshold);
	return v % bound;
}

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void prng_seed(struct prng *p, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		p->state[i] = splitmix64(&seed);
}

static uint64_t rotate_left(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

uint64_t prng_next(struct prng *p)
{
	uint64_t *s = p->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

static void prng_fill(void *user, void *out, size_t len)
{
	uint8_t *at = out;

	while (len > 0) {
		uint64_t v = prng_next(user);
		size_t part = len < sizeof(v) ? len : sizeof(v);

		memcpy(at, &v, part);
		at += part;
		len -= part;
	}
}

struct random prng_random(struct prng *p)
{
	return (struct random){ .fill = prng_fill, .user = p };
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
	struct random r = prng_random(p);

	return random_below(&r, bound);
}

double prng_unit(struct prng *p)
{
	return (double)(prng_next(p) >> 11) * 0x1.0p-53;
}
