/*
 * The deployment's key, and those that take its place when a member is out (protocol.md 5).
 *
 * Number 0 is the one that every member was enrolled with. Number n goes with the list of who
 * is out that has the epoch n. The authority makes it of its seed, so all copies of its file
 * make the same one, and the file need not change:
 *
 *   key n    BLAKE2b-256 of "meshd deployment key 1", NUL, deployment 4, n 2; key: the sign seed
 *
 * What travels, signed, is
 *
 *   version 1 | deployment 4 | issuer 4 | number 2 | key 32 | signature 64
 *
 * and between two members the 32 bytes are hidden once more, by what their X25519 keys make: who
 * looks on at what a session carries, for a capture that others are to read, learns no key.
 */
#include "crypto/armour.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define KEY_VERSION 1
#define DERIVE_CONTEXT "meshd deployment key 1" /* with its NUL: what is made or signed means nothing else */
#define SIGN_CONTEXT "meshd deployment key signed 1"
#define HIDE_CONTEXT "meshd deployment key hidden 1"
#define HEAD_LEN (1 + 4 + 4 + 2)
#define SIGNED_LEN (sizeof(SIGN_CONTEXT) + HEAD_LEN + KEY_LEN)
_Static_assert(HEAD_LEN + KEY_LEN + SIGNATURE_LEN == DEPLOYMENT_KEY_LEN, "a key is this long");

void deployment_key_done(struct secret_deployment_key *k)
{
	secret_wipe(k, sizeof(*k));
}

static void unsigned_write(struct writer *w, const struct secret_deployment_key *k)
{
	write_u8(w, KEY_VERSION);
	write_u32(w, k->deployment);
	write_u32(w, k->issuer);
	write_u16(w, k->number);
	write_copy(w, k->psk, KEY_LEN);
}

static struct bytes signed_bytes(const struct secret_deployment_key *k, uint8_t buffer[SIGNED_LEN])
{
	struct writer w = writer_of(buffer, SIGNED_LEN);

	write_copy(&w, SIGN_CONTEXT, sizeof(SIGN_CONTEXT));
	unsigned_write(&w, k);
	return writer_bytes(&w);
}

/* --- the authority's part -------------------------------------------------------------------- */

int deployment_key_make(struct secret_deployment_key *k, const struct secret_authority *a, uint16_t number)
{
	uint8_t text[sizeof(DERIVE_CONTEXT) + 4 + 2], buffer[SIGNED_LEN];
	struct writer w = writer_of(text, sizeof(text));

	if (!number)
		return -ERANGE;
	*k = (struct secret_deployment_key){
		.deployment = a->public.deployment,
		.issuer = authority_id(&a->public),
		.number = number,
	};
	write_copy(&w, DERIVE_CONTEXT, sizeof(DERIVE_CONTEXT));
	write_u32(&w, a->public.deployment);
	write_u16(&w, number);
	/* An Ed25519 secret key begins with its seed. */
	hash_bytes(k->psk, KEY_LEN, writer_bytes(&w), bytes_of(a->sign_secret, crypto_sign_SEEDBYTES));
	struct bytes message = signed_bytes(k, buffer);
	crypto_sign_detached(k->signature, NULL, message.data, message.len, a->sign_secret);
	secret_wipe(buffer, sizeof(buffer));
	return 0;
}

/* --- bytes ----------------------------------------------------------------------------------- */

void deployment_key_encode(const struct secret_deployment_key *k, uint8_t out[DEPLOYMENT_KEY_LEN])
{
	struct writer w = writer_of(out, DEPLOYMENT_KEY_LEN);

	unsigned_write(&w, k);
	write_copy(&w, k->signature, SIGNATURE_LEN);
}

int deployment_key_decode(struct secret_deployment_key *k, struct bytes bytes)
{
	struct secret_deployment_key d = { 0 };
	struct reader r = reader_of(bytes);
	uint8_t version = read_u8(&r);

	d.deployment = read_u32(&r);
	d.issuer = read_u32(&r);
	d.number = read_u16(&r);
	read_copy(&r, d.psk, KEY_LEN);
	read_copy(&r, d.signature, SIGNATURE_LEN);
	bool is_good = reader_ok(&r) && reader_left(&r) == 0 && version == KEY_VERSION && d.number;
	if (is_good)
		*k = d;
	deployment_key_done(&d);
	return is_good ? 0 : -EBADMSG;
}

int deployment_key_verify(const struct secret_deployment_key *k, const struct authority *a)
{
	uint8_t buffer[SIGNED_LEN];

	if (!k->number || k->deployment != a->deployment || k->issuer != authority_id(a))
		return -EKEYREJECTED;
	struct bytes message = signed_bytes(k, buffer);
	int error = crypto_sign_verify_detached(k->signature, message.data, message.len, a->sign_public);
	secret_wipe(buffer, sizeof(buffer));
	return error ? -EKEYREJECTED : 0;
}

/* --- text ------------------------------------------------------------------------------------ */

int deployment_key_format(const struct secret_deployment_key *k, char *text, size_t capacity)
{
	uint8_t encoded[DEPLOYMENT_KEY_LEN];
	char title[ARMOUR_TITLE_MAX];

	deployment_key_encode(k, encoded);
	snprintf(title, sizeof(title),
		"meshd deployment key %u of deployment %08" PRIx32 ", secret, for its members only", k->number,
		k->deployment);
	int len = armour_format(ARMOUR_DEPLOYMENT_KEY, title, bytes_of(encoded, sizeof(encoded)), text, capacity);
	secret_wipe(encoded, sizeof(encoded));
	return len;
}

int deployment_key_parse(struct secret_deployment_key *k, struct bytes text)
{
	struct armour armour;
	int error = armour_parse(&armour, ARMOUR_DEPLOYMENT_KEY, text);

	if (!error)
		error = deployment_key_decode(k, bytes_of(armour.contents, armour.len));
	armour_done(&armour);
	return error;
}

/* --- from member to member -------------------------------------------------------------------- */

/* Both ends make the same one; the signature makes it another one for each key. */
static int mask_make(uint8_t mask[KEY_LEN], const struct secret_identity *own, const uint8_t other[KEY_LEN],
	const uint8_t signature[SIGNATURE_LEN])
{
	uint8_t shared[crypto_scalarmult_BYTES], text[sizeof(HIDE_CONTEXT) + SIGNATURE_LEN];
	struct writer w = writer_of(text, sizeof(text));

	if (crypto_scalarmult(shared, own->dh_secret, other) != 0)
		return -EPROTO;
	write_copy(&w, HIDE_CONTEXT, sizeof(HIDE_CONTEXT));
	write_copy(&w, signature, SIGNATURE_LEN);
	hash_bytes(mask, KEY_LEN, writer_bytes(&w), bytes_of(shared, sizeof(shared)));
	secret_wipe(shared, sizeof(shared));
	return 0;
}

static int mask_put(struct secret_deployment_key *k, const struct secret_identity *own, const uint8_t other[KEY_LEN])
{
	uint8_t mask[KEY_LEN];
	int error = mask_make(mask, own, other, k->signature);

	for (unsigned i = 0; !error && i < KEY_LEN; i++)
		k->psk[i] ^= mask[i];
	secret_wipe(mask, sizeof(mask));
	return error;
}

int deployment_key_hide(const struct secret_deployment_key *k, const struct secret_identity *from,
	const uint8_t to[KEY_LEN], uint8_t out[DEPLOYMENT_KEY_LEN])
{
	struct secret_deployment_key hidden = *k;
	int error = mask_put(&hidden, from, to);

	if (!error)
		deployment_key_encode(&hidden, out);
	deployment_key_done(&hidden);
	return error;
}

int deployment_key_reveal(struct secret_deployment_key *k, const struct secret_identity *to,
	const uint8_t from[KEY_LEN], struct bytes hidden)
{
	int error = deployment_key_decode(k, hidden);

	return error ? error : mask_put(k, to, from);
}
