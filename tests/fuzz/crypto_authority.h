/* An authority, the same in every run. Included by one fuzzer each. */
#ifndef TESTS_FUZZ_CRYPTO_AUTHORITY_H
#define TESTS_FUZZ_CRYPTO_AUTHORITY_H

#include "crypto/crypto.h"

#include <sodium.h>

static struct secret_authority authority;
static struct prng authority_prng;
static struct random authority_random; /* what it was drawn from; goes on */

/* 0, or 1: the library does not work. */
static inline int authority_make(void)
{
	if (sodium_init() < 0)
		return 1;
	prng_seed(&authority_prng, 1);
	authority_random = prng_random(&authority_prng);
	authority_generate(&authority, &authority_random);
	return 0;
}

#endif
