/*
 * Keys that authenticate plain packets (RFC 8967, 4.1): HMAC-SHA256, which every
 * speaker has, and keyed BLAKE2s with 128 bits, which it should have. The first is
 * libsodium's.
 */
#include "crypto/blake2s.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define BLAKE2S_LEN 16

_Static_assert(crypto_auth_hmacsha256_BYTES <= PACKET_MAC_MAX, "a MAC fits");

int packet_key_init(struct secret_packet_key *k, enum packet_algorithm algorithm, struct bytes key)
{
	size_t max = algorithm == PACKET_BLAKE2S ? (size_t)BLAKE2S_KEY_MAX : PACKET_KEY_MAX;

	*k = (struct secret_packet_key){ .algorithm = algorithm };
	if (key.len == 0 || key.len > max)
		return -EINVAL;
	k->len = (uint8_t)key.len;
	memcpy(k->bytes, key.data, key.len);
	return 0;
}

void packet_key_done(struct secret_packet_key *k)
{
	secret_wipe(k, sizeof(*k));
}

static size_t hmac_sha256(const struct secret_packet_key *k, const struct bytes *parts, size_t count, uint8_t *mac)
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, k->bytes, k->len);
	for (size_t i = 0; i < count; i++)
		crypto_auth_hmacsha256_update(&state, parts[i].data, parts[i].len);
	crypto_auth_hmacsha256_final(&state, mac);
	secret_wipe(&state, sizeof(state));
	return crypto_auth_hmacsha256_BYTES;
}

static size_t blake2s_keyed(const struct secret_packet_key *k, const struct bytes *parts, size_t count, uint8_t *mac)
{
	struct secret_blake2s state;

	blake2s_begin(&state, BLAKE2S_LEN, bytes_of(k->bytes, k->len));
	for (size_t i = 0; i < count; i++)
		blake2s_add(&state, parts[i]);
	blake2s_end(&state, mac);
	return BLAKE2S_LEN;
}

size_t packet_mac(
	const struct secret_packet_key *k, const struct bytes *parts, size_t count, uint8_t mac[PACKET_MAC_MAX])
{
	return k->algorithm == PACKET_BLAKE2S ? blake2s_keyed(k, parts, count, mac) : hmac_sha256(k, parts, count, mac);
}
