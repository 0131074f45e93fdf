/*
 * Chaining key, handshake hash and sealing of a Noise handshake: BLAKE2b with
 * 64-byte output, HKDF over HMAC-BLAKE2b (RFC 2104 with BLAKE2b's block of 128
 * bytes, not BLAKE2b's own keyed mode: Noise section 4.3 asks for HMAC), and
 * ChaCha20-Poly1305 with the nonce 0^32 || LE64.
 */
#include "crypto/noise_symmetric.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define BLOCK_LEN 128

typedef uint8_t hash_block[NOISE_HASH_LEN];

static void hash_of_two(hash_block out, struct bytes a, struct bytes b)
{
	crypto_generichash_blake2b_state state;

	crypto_generichash_blake2b_init(&state, NULL, 0, NOISE_HASH_LEN);
	crypto_generichash_blake2b_update(&state, a.data, a.len);
	crypto_generichash_blake2b_update(&state, b.data, b.len);
	crypto_generichash_blake2b_final(&state, out, NOISE_HASH_LEN);
	secret_wipe(&state, sizeof(state));
}

/* The key is always one hash long, so it never needs hashing down to a block. */
static void hmac(hash_block out, const hash_block key, struct bytes message)
{
	uint8_t pad[BLOCK_LEN];
	hash_block inner;

	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < NOISE_HASH_LEN; i++)
		pad[i] ^= key[i];
	hash_of_two(inner, bytes_of(pad, sizeof(pad)), message);
	for (size_t i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash_of_two(out, bytes_of(pad, sizeof(pad)), bytes_of(inner, sizeof(inner)));
	secret_wipe(pad, sizeof(pad));
	secret_wipe(inner, sizeof(inner));
}

/* HKDF of section 4.3: `count` outputs, 2 or 3. */
static void hkdf(hash_block *out, size_t count, const hash_block ck, struct bytes material)
{
	hash_block extracted;
	uint8_t step[NOISE_HASH_LEN + 1];
	size_t len = 0;

	hmac(extracted, ck, material);
	for (size_t i = 0; i < count; i++) {
		step[len] = (uint8_t)(i + 1);
		hmac(out[i], extracted, bytes_of(step, len + 1));
		memcpy(step, out[i], NOISE_HASH_LEN);
		len = NOISE_HASH_LEN;
	}
	secret_wipe(extracted, sizeof(extracted));
	secret_wipe(step, sizeof(step));
}

void symmetric_init(struct secret_noise *n, const char *name)
{
	size_t len = strlen(name);

	assert(len <= NOISE_HASH_LEN);
	memset(n->h, 0, sizeof(n->h));
	memcpy(n->h, name, len);
	memcpy(n->ck, n->h, sizeof(n->ck));
	n->has_key = false;
	n->n = 0;
}

void symmetric_mix_hash(struct secret_noise *n, struct bytes data)
{
	hash_block mixed;

	hash_of_two(mixed, bytes_of(n->h, sizeof(n->h)), data);
	memcpy(n->h, mixed, sizeof(n->h));
}

static void key_set(struct secret_noise *n, const hash_block key)
{
	memcpy(n->k, key, KEY_LEN); /* the rest of the 64 bytes is cut off: section 5.2 */
	n->n = 0;
	n->has_key = true;
}

void symmetric_mix_key(struct secret_noise *n, const uint8_t material[KEY_LEN])
{
	hash_block out[2];

	hkdf(out, 2, n->ck, bytes_of(material, KEY_LEN));
	memcpy(n->ck, out[0], sizeof(n->ck));
	key_set(n, out[1]);
	secret_wipe(out, sizeof(out));
}

void symmetric_mix_key_and_hash(struct secret_noise *n, const uint8_t material[KEY_LEN])
{
	hash_block out[3];

	hkdf(out, 3, n->ck, bytes_of(material, KEY_LEN));
	memcpy(n->ck, out[0], sizeof(n->ck));
	symmetric_mix_hash(n, bytes_of(out[1], NOISE_HASH_LEN));
	key_set(n, out[2]);
	secret_wipe(out, sizeof(out));
}

static void nonce_make(uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES], uint64_t counter)
{
	struct writer w = writer_of(nonce, crypto_aead_chacha20poly1305_IETF_NPUBBYTES);

	write_zeros(&w, 4);
	write_le64(&w, counter);
}

/* All patterns mix a key in before anything is sealed, so the
 * specification's unkeyed case, sending plain text, does not exist here. */
void symmetric_encrypt(struct secret_noise *n, struct bytes plain, struct writer *out)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];
	uint8_t *sealed = write_reserve(out, plain.len + TAG_LEN);

	assert(n->has_key);
	if (!sealed)
		return;
	nonce_make(nonce, n->n++);
	crypto_aead_chacha20poly1305_ietf_encrypt(
		sealed, NULL, plain.data, plain.len, n->h, sizeof(n->h), NULL, nonce, n->k);
	symmetric_mix_hash(n, bytes_of(sealed, plain.len + TAG_LEN));
}

bool symmetric_decrypt(struct secret_noise *n, struct bytes sealed, uint8_t *plain)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

	assert(n->has_key);
	nonce_make(nonce, n->n);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(
		    plain, NULL, NULL, sealed.data, sealed.len, n->h, sizeof(n->h), nonce, n->k))
		return false;
	n->n++;
	symmetric_mix_hash(n, sealed);
	return true;
}

void symmetric_split(const struct secret_noise *n, uint8_t first[KEY_LEN], uint8_t second[KEY_LEN])
{
	hash_block out[2];

	hkdf(out, 2, n->ck, bytes_of(NULL, 0));
	memcpy(first, out[0], KEY_LEN);
	memcpy(second, out[1], KEY_LEN);
	secret_wipe(out, sizeof(out));
}
