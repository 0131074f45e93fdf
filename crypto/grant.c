/*
 * What the authority answers to a request.
 *
 *   version 1 | certificate length 2, certificate | authority's Ed25519 32 | sealed 51
 *
 * Sealed are the deployment key and the request's ticket: from the authority, by the X25519 form
 * of its key, to the X25519 key of the request (libsodium's crypto_box). The nonce is a hash of
 * the certificate, and no two certificates of one authority are the same. So nothing in a grant
 * needs hiding: it is of use to the one machine that has the keys.
 *
 * The new machine knows no authority yet. That whoever answers has seen its request, and not only
 * its name on a link, the ticket proves: links carry the id of its keys alone.
 *
 * Words leave out the keys, which the machine has: 64 bytes less to say.
 */
#include "crypto/armour.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define GRANT_VERSION 1
#define NONCE_LABEL "meshd grant 1"
#define SPOKEN_GRANT 'G'
#define KEYS_AT 26 /* in an encoded certificate */
#define KEYS_LEN (KEY_LEN + SIGN_PUBLIC_LEN)
_Static_assert(GRANT_MAX_LEN <= ARMOUR_BLOB_MAX, "a grant fits its armour");
_Static_assert(GRANT_MAX_LEN - KEYS_LEN <= SPOKEN_MAX, "a grant can be said");
_Static_assert(TAG_LEN == crypto_box_MACBYTES, "as crypto_box() has it");

static void nonce_make(uint8_t nonce[crypto_box_NONCEBYTES], const struct certificate *c)
{
	hash_bytes(nonce, crypto_box_NONCEBYTES, bytes_of(c->signature, SIGNATURE_LEN),
		bytes_of(NONCE_LABEL, sizeof(NONCE_LABEL) - 1));
}

int grant_make(struct grant *g, const struct certificate *c, const uint8_t ticket[TICKET_LEN],
	const struct secret_authority *a)
{
	uint8_t nonce[crypto_box_NONCEBYTES], secret[KEY_LEN], plain[KEY_LEN + TICKET_LEN];

	*g = (struct grant){ .certificate = *c, .authority = a->public };
	memcpy(plain, a->psk, KEY_LEN);
	memcpy(plain + KEY_LEN, ticket, TICKET_LEN);
	nonce_make(nonce, c);
	int error = crypto_sign_ed25519_sk_to_curve25519(secret, a->sign_secret);
	if (!error)
		error = crypto_box_easy(g->sealed, plain, sizeof(plain), nonce, c->key.dh, secret);
	secret_wipe(secret, sizeof(secret));
	secret_wipe(plain, sizeof(plain));
	return error ? -EINVAL : 0;
}

int grant_ticket(uint8_t ticket[TICKET_LEN], const struct grant *g, const struct secret_authority *a)
{
	uint8_t nonce[crypto_box_NONCEBYTES], secret[KEY_LEN], plain[KEY_LEN + TICKET_LEN];

	nonce_make(nonce, &g->certificate);
	int error = crypto_sign_ed25519_sk_to_curve25519(secret, a->sign_secret);
	/* Both ends of a box have the same key. */
	if (!error)
		error = crypto_box_open_easy(plain, g->sealed, sizeof(g->sealed), nonce, g->certificate.key.dh, secret);
	if (!error)
		memcpy(ticket, plain + KEY_LEN, TICKET_LEN);
	secret_wipe(secret, sizeof(secret));
	secret_wipe(plain, sizeof(plain));
	return error ? -EBADMSG : 0;
}

static int sealed_open(struct enrolment *e, const struct grant *g, const struct secret_request *own)
{
	uint8_t nonce[crypto_box_NONCEBYTES], from[KEY_LEN], plain[KEY_LEN + TICKET_LEN];
	int error = 0;

	nonce_make(nonce, &g->certificate);
	if (crypto_sign_ed25519_pk_to_curve25519(from, g->authority.sign_public) != 0 ||
		crypto_box_open_easy(plain, g->sealed, sizeof(g->sealed), nonce, from, own->identity.dh_secret) != 0)
		error = -EKEYREJECTED;
	else if (!secret_equal(plain + KEY_LEN, own->request.ticket, TICKET_LEN))
		error = -EPERM;
	else
		memcpy(e->psk, plain, KEY_LEN);
	secret_wipe(plain, sizeof(plain));
	return error;
}

int grant_open(struct enrolment *e, const struct grant *g, const struct secret_request *own, const struct time_floor *t)
{
	const struct identity_public *mine = &own->identity.public, *theirs = &g->certificate.key;
	bool is_ours =
		memcmp(mine->sign, theirs->sign, SIGN_PUBLIC_LEN) == 0 && memcmp(mine->dh, theirs->dh, KEY_LEN) == 0;

	enrolment_done(e);
	int error = is_ours ? certificate_verify(&g->certificate, &g->authority, t) : -ENXIO;
	if (!error)
		error = sealed_open(e, g, own);
	if (error) {
		enrolment_done(e);
		return error;
	}
	e->identity = own->identity;
	e->certificate = g->certificate;
	e->authority = g->authority;
	return 0;
}

/* --- bytes ------------------------------------------------------------------------------------ */

int grant_encode(const struct grant *g, uint8_t *out, size_t capacity)
{
	uint8_t certificate[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(&g->certificate, certificate, sizeof(certificate));
	struct writer w = writer_of(out, capacity);

	if (len < 0)
		return len;
	write_u8(&w, GRANT_VERSION);
	write_u16(&w, (uint16_t)len);
	write_copy(&w, certificate, (size_t)len);
	write_copy(&w, g->authority.sign_public, SIGN_PUBLIC_LEN);
	write_copy(&w, g->sealed, sizeof(g->sealed));
	return writer_ok(&w) ? (int)writer_len(&w) : -ENOSPC;
}

int grant_decode(struct grant *g, struct bytes bytes)
{
	struct grant got = { 0 };
	struct reader r = reader_of(bytes);
	unsigned version = read_u8(&r);
	struct bytes certificate = read_bytes(&r, read_u16(&r));

	read_copy(&r, got.authority.sign_public, SIGN_PUBLIC_LEN);
	read_copy(&r, got.sealed, sizeof(got.sealed));
	if (!reader_ok(&r) || reader_left(&r) || version != GRANT_VERSION ||
		certificate_decode(&got.certificate, certificate) < 0)
		return -EBADMSG;
	got.authority.deployment = got.certificate.deployment;
	*g = got;
	return 0;
}

int grant_format(const struct grant *g, char *text, size_t capacity)
{
	uint8_t encoded[GRANT_MAX_LEN];
	char title[ARMOUR_TITLE_MAX];
	int len = grant_encode(g, encoded, sizeof(encoded));

	if (len < 0)
		return len;
	snprintf(title, sizeof(title), "meshd answer for %s (%s): of use to that node alone", g->certificate.name,
		level_name(g->certificate.level));
	return armour_format(ARMOUR_GRANT, title, bytes_of(encoded, (size_t)len), text, capacity);
}

/* The keys of a certificate stand at one place: 3 bytes of head are before it. */
int grant_format_words(const struct grant *g, char *text, size_t capacity)
{
	uint8_t encoded[GRANT_MAX_LEN];
	int len = grant_encode(g, encoded, sizeof(encoded));

	if (len < 0)
		return len;
	uint8_t *keys = encoded + 3 + KEYS_AT;
	size_t behind = (size_t)len - 3 - KEYS_AT - KEYS_LEN;
	memmove(keys, keys + KEYS_LEN, behind);
	return spoken_format(SPOKEN_GRANT, bytes_of(encoded, (size_t)len - KEYS_LEN), text, capacity);
}

static int words_parse(struct grant *g, struct bytes text, const struct identity_public *own, struct spoken_fault *f)
{
	uint8_t encoded[GRANT_MAX_LEN];
	int len = spoken_parse(SPOKEN_GRANT, text, encoded, GRANT_MAX_LEN - KEYS_LEN, f);

	if (len < 0)
		return len;
	*f = (struct spoken_fault){ .kind = SPOKEN_KIND_WRONG };
	if (len < 3 + KEYS_AT)
		return -EBADMSG;
	uint8_t *keys = encoded + 3 + KEYS_AT;
	memmove(keys + KEYS_LEN, keys, (size_t)len - 3 - KEYS_AT);
	memcpy(keys, own->dh, KEY_LEN);
	memcpy(keys + KEY_LEN, own->sign, SIGN_PUBLIC_LEN);
	return grant_decode(g, bytes_of(encoded, (size_t)len + KEYS_LEN));
}

int grant_parse(
	struct grant *g, struct bytes text, const struct identity_public *own, bool *is_words, struct spoken_fault *f)
{
	struct armour armour;

	*is_words = !armour_begins(&text);
	if (*is_words)
		return words_parse(g, text, own, f);
	int error = armour_parse(&armour, ARMOUR_GRANT, text);
	if (!error)
		error = grant_decode(g, bytes_of(armour.contents, armour.len));
	armour_done(&armour);
	return error;
}
