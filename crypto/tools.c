/*
 * The three tools that every other file of this ring uses: hash, compare in
 * constant time, wipe.
 */
#include "crypto/crypto.h"

#include <assert.h>
#include <sodium.h>

void hash_bytes(uint8_t *out, size_t out_len, struct bytes message, struct bytes key)
{
	assert(out_len >= 1 && out_len <= crypto_generichash_blake2b_BYTES_MAX);
	assert(key.len <= crypto_generichash_blake2b_KEYBYTES_MAX);
	int error = crypto_generichash_blake2b(out, out_len, message.data, message.len, key.data, key.len);
	assert(error == 0); /* the lengths are its only preconditions */
	(void)error;
}

bool secret_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void secret_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}
