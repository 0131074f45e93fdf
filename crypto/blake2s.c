/*
 * The function F of RFC 7693, 3.2, over blocks of 64 bytes, the last one padded with zeros.
 *
 * libb2 has it as well; but it comes with OpenMP, for which a daemon that authenticates a few packets
 * of Babel a second had four tenths of a megabyte more resident.
 */
#include "crypto/blake2s.h"

#include "crypto/crypto.h"

#include <assert.h>
#include <string.h>

#define ROUNDS 10

static const uint32_t iv[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
	0x5be0cd19 };

/* 2.7 */
static const uint8_t sigma[ROUNDS][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static uint32_t load(const uint8_t *from)
{
	return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint32_t turn_right(uint32_t word, unsigned bits)
{
	return word >> bits | word << (32 - bits);
}

/* The function G, 3.1. */
static void mix(uint32_t v[16], unsigned a, unsigned b, unsigned c, unsigned d, uint32_t x, uint32_t y)
{
	v[a] += v[b] + x;
	v[d] = turn_right(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = turn_right(v[b] ^ v[c], 12);
	v[a] += v[b] + y;
	v[d] = turn_right(v[d] ^ v[a], 8);
	v[c] += v[d];
	v[b] = turn_right(v[b] ^ v[c], 7);
}

/* Of the block that is full, or padded. */
static void compress(struct secret_blake2s *b, bool is_last)
{
	uint32_t v[16], m[16];

	for (unsigned i = 0; i < 16; i++)
		m[i] = load(b->block + 4 * i);
	memcpy(v, b->h, sizeof(b->h));
	memcpy(v + 8, iv, sizeof(iv));
	v[12] ^= (uint32_t)b->hashed;
	v[13] ^= (uint32_t)(b->hashed >> 32);
	v[14] ^= is_last ? UINT32_MAX : 0;
	for (unsigned r = 0; r < ROUNDS; r++) {
		const uint8_t *s = sigma[r];

		for (unsigned i = 0; i < 4; i++)
			mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
		for (unsigned i = 0; i < 4; i++)
			mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
	}
	for (unsigned i = 0; i < 8; i++)
		b->h[i] ^= v[i] ^ v[8 + i];
	secret_wipe(v, sizeof(v));
	secret_wipe(m, sizeof(m));
}

void blake2s_begin(struct secret_blake2s *b, size_t out_len, struct bytes key)
{
	assert(out_len >= 1 && out_len <= BLAKE2S_OUT_MAX && key.len <= BLAKE2S_KEY_MAX);
	*b = (struct secret_blake2s){ .out_len = out_len };
	memcpy(b->h, iv, sizeof(iv));
	b->h[0] ^= 0x01010000 ^ (uint32_t)key.len << 8 ^ (uint32_t)out_len;
	if (key.len == 0)
		return;
	memcpy(b->block, key.data, key.len);
	b->len = BLAKE2S_BLOCK;
}

void blake2s_add(struct secret_blake2s *b, struct bytes part)
{
	while (part.len > 0) {
		/* A full block may be the last one: it waits until there is more. */
		if (b->len == BLAKE2S_BLOCK) {
			b->hashed += BLAKE2S_BLOCK;
			compress(b, false);
			b->len = 0;
		}
		size_t room = BLAKE2S_BLOCK - b->len, len = part.len < room ? part.len : room;

		memcpy(b->block + b->len, part.data, len);
		b->len += len;
		part = bytes_of(part.data + len, part.len - len);
	}
}

void blake2s_end(struct secret_blake2s *b, uint8_t *out)
{
	b->hashed += b->len;
	memset(b->block + b->len, 0, BLAKE2S_BLOCK - b->len);
	compress(b, true);
	for (size_t i = 0; i < b->out_len; i++)
		out[i] = (uint8_t)(b->h[i / 4] >> 8 * (i % 4));
	secret_wipe(b, sizeof(*b));
}
