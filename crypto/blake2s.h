/* BLAKE2s (RFC 7693), as far as libsodium lacks it: a hash of 1 to 32 bytes, with a key of at most 32. */
#ifndef CRYPTO_BLAKE2S_H
#define CRYPTO_BLAKE2S_H

#include "meshd/base/bytes.h"

#define BLAKE2S_BLOCK 64
#define BLAKE2S_OUT_MAX 32
#define BLAKE2S_KEY_MAX 32

struct secret_blake2s {
	uint32_t h[8];
	uint64_t hashed; /* bytes, without those in the block */
	uint8_t block[BLAKE2S_BLOCK];
	size_t len; /* of what is in the block */
	size_t out_len;
};

/* A key of no bytes: none. Lengths are the caller's to see to. */
void blake2s_begin(struct secret_blake2s *b, size_t out_len, struct bytes key);
void blake2s_add(struct secret_blake2s *b, struct bytes part);
/* Writes out_len bytes, and wipes `b`. */
void blake2s_end(struct secret_blake2s *b, uint8_t *out);

#endif
