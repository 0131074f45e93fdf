/*
 * ChaCha20-Poly1305 of RFC 8439, in place, as sessions use it. Private to crypto/.
 *
 * aead_seal() and aead_open() give the library's bytes and are faster at the sizes of packets;
 * the two others are the library's own calls, and what they are compared with.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY 32
#define AEAD_NONCE 12
#define AEAD_TAG 16

/* Encrypts `len` bytes at `text`; the tag follows them. */
void aead_seal(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY]);
/* Decrypts `len` bytes that the tag follows. False: it is not theirs, and nothing was changed. */
bool aead_open(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY]);

/* What they must be equal to. After a failure `text` of aead_open_by_library() is wiped. */
void aead_seal_by_library(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY]);
bool aead_open_by_library(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY]);

#endif
