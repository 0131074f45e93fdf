/*
 * The library's AEAD call makes the authenticator's key by a stream call of its own, and its
 * stream is quick by strides of 512 bytes only: 1,420 bytes of it take longer than 1,536. So
 * one call makes the whole key stream here, rounded up to a length that is cheap:
 *
 *   key stream   | 32: the authenticator's key | 32: not used | for the text ...        | thrown away |
 *                  block 0                                      from block 1 (RFC 8439, 2.6 and 2.8)
 *
 * The tag of a text that comes in is checked before a byte of it is decrypted: there is nothing
 * that could be released too early. That the bytes are the library's is proven in
 * tests/unit/crypto_aead.c; what it gains is in docs/performance.md.
 */
#include "crypto/aead.h"
#include "crypto/crypto.h"

#include <sodium.h>
#include <string.h>

#define BLOCK 64
#define STRIDE 512
#define STREAM_MAX 4096 /* beyond, little is gained: the library's own call is used */
#define PAD 16 /* of what is authenticated */

/* The stream is made by strides of 512 bytes, of 256 and of single blocks, in this order: what is left over by more
 * than a block costs less if it is made up to the next stride. */
static size_t cheap_length(size_t len)
{
	size_t rest = len % STRIDE;

	if (rest > STRIDE / 2)
		return len - rest + STRIDE;
	if (rest > BLOCK)
		return len - rest + STRIDE / 2;
	return len;
}

static void text_mix(uint8_t *text, const uint8_t *stream, size_t len)
{
	typedef uint64_t lanes __attribute__((vector_size(16)));
	size_t i = 0;
	lanes a, b;

	for (; i + sizeof(a) <= len; i += sizeof(a)) {
		memcpy(&a, text + i, sizeof(a));
		memcpy(&b, stream + i, sizeof(b));
		a ^= b;
		memcpy(text + i, &a, sizeof(a));
	}
	for (; i < len; i++)
		text[i] ^= stream[i];
}

static void pad_add(crypto_onetimeauth_state *state, size_t len)
{
	static const uint8_t zeros[PAD];

	if (len % PAD)
		crypto_onetimeauth_update(state, zeros, PAD - len % PAD);
}

/* RFC 8439, 2.8, of what is encrypted. */
static void tag_make(uint8_t tag[AEAD_TAG], const uint8_t *text, size_t len, const uint8_t *associated,
	size_t associated_len, const uint8_t *key)
{
	crypto_onetimeauth_state state;
	uint8_t lengths[16];
	struct writer w = writer_of(lengths, sizeof(lengths));

	write_le64(&w, associated_len);
	write_le64(&w, len);
	crypto_onetimeauth_init(&state, key);
	crypto_onetimeauth_update(&state, associated, associated_len);
	pad_add(&state, associated_len);
	crypto_onetimeauth_update(&state, text, len);
	pad_add(&state, len);
	crypto_onetimeauth_update(&state, lengths, sizeof(lengths));
	crypto_onetimeauth_final(&state, tag);
	secret_wipe(&state, sizeof(state));
}

void aead_seal(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY])
{
	uint8_t stream[STREAM_MAX];
	size_t stream_len = cheap_length(BLOCK + len);

	if (len > STREAM_MAX - BLOCK) {
		aead_seal_by_library(text, len, associated, associated_len, nonce, key);
		return;
	}
	crypto_stream_chacha20_ietf(stream, stream_len, nonce, key);
	text_mix(text, stream + BLOCK, len);
	tag_make(text + len, text, len, associated, associated_len, stream);
	secret_wipe(stream, stream_len);
}

bool aead_open(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY])
{
	uint8_t stream[STREAM_MAX], tag[AEAD_TAG];
	size_t stream_len = cheap_length(BLOCK + len);

	if (len > STREAM_MAX - BLOCK)
		return aead_open_by_library(text, len, associated, associated_len, nonce, key);
	crypto_stream_chacha20_ietf(stream, stream_len, nonce, key);
	tag_make(tag, text, len, associated, associated_len, stream);
	bool is_right = secret_equal(tag, text + len, sizeof(tag));
	if (is_right)
		text_mix(text, stream + BLOCK, len);
	secret_wipe(stream, stream_len);
	secret_wipe(tag, sizeof(tag));
	return is_right;
}

void aead_seal_by_library(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY])
{
	crypto_aead_chacha20poly1305_ietf_encrypt(text, NULL, text, len, associated, associated_len, NULL, nonce, key);
}

bool aead_open_by_library(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY])
{
	return crypto_aead_chacha20poly1305_ietf_decrypt(
		       text, NULL, NULL, text, len + AEAD_TAG, associated, associated_len, nonce, key) == 0;
}
