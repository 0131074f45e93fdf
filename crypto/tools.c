/*
 * The tools that every other file of this ring uses, hash, compare in constant time, wipe;
 * and base64, for who hands on what is signed or sealed as text.
 */
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

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

int base64_read(const char *text, uint8_t *out, size_t capacity)
{
	size_t len;

	if (!text || sodium_base642bin(
			     out, capacity, text, strlen(text), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) < 0)
		return -EBADMSG;
	return (int)len;
}
