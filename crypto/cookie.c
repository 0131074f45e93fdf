/*
 * mac1, mac2 and cookies (protocol.md 4.3), against floods of handshakes.
 *
 * mac1 proves, for one hash, that the sender knows the deployment key. Under
 * load that is not enough, for mac1 can be replayed from any address: the
 * receiver then answers with a cookie, a MAC over the sender's address under a
 * secret that only the receiver has, and wants mac2 made with it. It keeps
 * nothing per sender.
 */
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(COOKIE_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce of XChaCha20");

#define MAC1_LABEL "mesh mac1"
#define COOKIE_LABEL "mesh cookie"

void mac1_key(uint8_t key[KEY_LEN], const uint8_t psk[KEY_LEN], const uint8_t *responder)
{
	uint8_t text[sizeof(MAC1_LABEL) - 1 + KEY_LEN + KEY_LEN];
	struct writer w = writer_of(text, sizeof(text));

	write_copy(&w, MAC1_LABEL, sizeof(MAC1_LABEL) - 1);
	write_copy(&w, psk, KEY_LEN);
	if (responder)
		write_copy(&w, responder, KEY_LEN);
	hash_bytes(key, KEY_LEN, writer_bytes(&w), bytes_of(NULL, 0));
	secret_wipe(text, sizeof(text));
}

void mac1_compute(uint8_t mac[MAC_LEN], const uint8_t key[KEY_LEN], struct bytes message)
{
	hash_bytes(mac, MAC_LEN, message, bytes_of(key, KEY_LEN));
}

bool mac1_verify(const uint8_t key[KEY_LEN], struct bytes message, const uint8_t mac[MAC_LEN])
{
	uint8_t expected[MAC_LEN];

	mac1_compute(expected, key, message);
	return secret_equal(expected, mac, MAC_LEN);
}

/* One key, one use: cookies are not sealed with the key that makes mac1. */
static void cookie_key(uint8_t out[KEY_LEN], const uint8_t key[KEY_LEN])
{
	hash_bytes(out, KEY_LEN, bytes_of(COOKIE_LABEL, sizeof(COOKIE_LABEL) - 1), bytes_of(key, KEY_LEN));
}

void cookie_jar_done(struct secret_cookie_jar *j)
{
	secret_wipe(j, sizeof(*j));
}

/* Keeps the rhythm of the first secret however rarely it is called, so that a
 * cookie lives at least COOKIE_LIFE_US and less than twice that. */
static void jar_rotate(struct secret_cookie_jar *j, uint64_t now_us, const struct random *random)
{
	uint64_t periods = j->has_secret ? (now_us - j->rotated_us) / COOKIE_LIFE_US : 0;

	if (j->has_secret && periods == 0)
		return;
	j->has_old = periods == 1;
	if (j->has_old)
		memcpy(j->secret[1], j->secret[0], KEY_LEN);
	else
		secret_wipe(j->secret[1], KEY_LEN);
	random_fill(random, j->secret[0], KEY_LEN);
	j->rotated_us = j->has_secret ? j->rotated_us + periods * COOKIE_LIFE_US : now_us;
	j->has_secret = true;
}

static void cookie_of(uint8_t cookie[COOKIE_LEN], const uint8_t secret[KEY_LEN], struct bytes source)
{
	hash_bytes(cookie, COOKIE_LEN, source, bytes_of(secret, KEY_LEN));
}

void cookie_make(struct secret_cookie_jar *j, uint64_t now_us, const struct random *random, const uint8_t key[KEY_LEN],
	struct bytes source, const uint8_t mac1[MAC_LEN], uint8_t sealed[COOKIE_SEALED_LEN])
{
	uint8_t cookie[COOKIE_LEN], seal_key[KEY_LEN];

	jar_rotate(j, now_us, random);
	cookie_of(cookie, j->secret[0], source);
	cookie_key(seal_key, key);
	random_fill(random, sealed, COOKIE_NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		sealed + COOKIE_NONCE_LEN, NULL, cookie, COOKIE_LEN, mac1, MAC_LEN, NULL, sealed, seal_key);
	secret_wipe(cookie, sizeof(cookie));
	secret_wipe(seal_key, sizeof(seal_key));
}

static bool mac2_matches(
	const uint8_t secret[KEY_LEN], struct bytes source, struct bytes message, const uint8_t mac2[MAC_LEN])
{
	uint8_t cookie[COOKIE_LEN], expected[MAC_LEN];

	cookie_of(cookie, secret, source);
	mac2_compute(expected, cookie, message);
	secret_wipe(cookie, sizeof(cookie));
	return secret_equal(expected, mac2, MAC_LEN);
}

bool mac2_verify(struct secret_cookie_jar *j, uint64_t now_us, const struct random *random, struct bytes source,
	struct bytes message, const uint8_t mac2[MAC_LEN])
{
	jar_rotate(j, now_us, random);
	return mac2_matches(j->secret[0], source, message, mac2) ||
	       (j->has_old && mac2_matches(j->secret[1], source, message, mac2));
}

int cookie_open(uint8_t cookie[COOKIE_LEN], const uint8_t key[KEY_LEN], const uint8_t mac1[MAC_LEN],
	const uint8_t sealed[COOKIE_SEALED_LEN])
{
	uint8_t seal_key[KEY_LEN];
	int error;

	cookie_key(seal_key, key);
	error = crypto_aead_xchacha20poly1305_ietf_decrypt(
		cookie, NULL, NULL, sealed + COOKIE_NONCE_LEN, COOKIE_LEN + TAG_LEN, mac1, MAC_LEN, sealed, seal_key);
	secret_wipe(seal_key, sizeof(seal_key));
	return error ? -EBADMSG : 0;
}

void mac2_compute(uint8_t mac[MAC_LEN], const uint8_t cookie[COOKIE_LEN], struct bytes message)
{
	hash_bytes(mac, MAC_LEN, message, bytes_of(cookie, COOKIE_LEN));
}
