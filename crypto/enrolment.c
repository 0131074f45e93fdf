/*
 * The one file that makes a box a member: its keys, its certificate, whom to
 * trust and the deployment's key.
 *
 * Contents: sign seed 32 | X25519 secret 32 | psk 32 | authority's deployment 4
 * and key 32 | certificate, to the end. Public keys are derived, not stored.
 * The parts are checked against each other, since a file put together by hand
 * from two boxes would otherwise fail only at the scene, in a handshake.
 */
#include "crypto/armour.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define CONTENTS_MAX (crypto_sign_SEEDBYTES + KEY_LEN + KEY_LEN + 4 + SIGN_PUBLIC_LEN + CERTIFICATE_MAX_LEN)
_Static_assert(CONTENTS_MAX <= ARMOUR_BLOB_MAX, "an enrolment fits its armour");

void enrolment_done(struct enrolment *e)
{
	secret_wipe(e, sizeof(*e));
}

static void title_format(char title[ARMOUR_TITLE_MAX], const struct certificate *c)
{
	snprintf(title, ARMOUR_TITLE_MAX,
		"meshd enrolment for %s (%s), serial %" PRIu32 ", deployment %08" PRIx32 ", secret, for this node only",
		c->name, level_name(c->level), c->serial, c->deployment);
}

int enrolment_format(const struct enrolment *e, char *text, size_t capacity)
{
	uint8_t contents[CONTENTS_MAX], certificate[CERTIFICATE_MAX_LEN];
	char title[ARMOUR_TITLE_MAX];
	struct writer w = writer_of(contents, sizeof(contents));
	int len = certificate_encode(&e->certificate, certificate, sizeof(certificate));

	if (len < 0)
		return len;
	write_copy(&w, e->identity.sign_secret, crypto_sign_SEEDBYTES); /* an Ed25519 secret key begins with its seed */
	write_copy(&w, e->identity.dh_secret, KEY_LEN);
	write_copy(&w, e->psk, KEY_LEN);
	write_u32(&w, e->authority.deployment);
	write_copy(&w, e->authority.sign_public, SIGN_PUBLIC_LEN);
	write_copy(&w, certificate, (size_t)len);
	title_format(title, &e->certificate);
	len = armour_format(ARMOUR_ENROLMENT, title, writer_bytes(&w), text, capacity);
	secret_wipe(contents, sizeof(contents));
	return len;
}

static int contents_read(struct enrolment *e, struct bytes contents)
{
	struct reader r = reader_of(contents);
	struct bytes seed = read_bytes(&r, crypto_sign_SEEDBYTES);

	read_copy(&r, e->identity.dh_secret, KEY_LEN);
	read_copy(&r, e->psk, KEY_LEN);
	e->authority.deployment = read_u32(&r);
	read_copy(&r, e->authority.sign_public, SIGN_PUBLIC_LEN);
	struct bytes certificate = read_bytes(&r, reader_left(&r));
	if (!reader_ok(&r))
		return -EBADMSG;
	crypto_sign_seed_keypair(e->identity.public.sign, e->identity.sign_secret, seed.data);
	crypto_scalarmult_base(e->identity.public.dh, e->identity.dh_secret);
	return certificate_decode(&e->certificate, certificate);
}

/* Do keys, certificate and authority fit? Expiry is not this file's business: the
 * box may have no clock, and an expired member must still be able to say so. */
static int parts_verify(const struct enrolment *e)
{
	const struct time_floor any_time = { 0 };
	const struct identity_public *own = &e->identity.public;
	const struct identity_public *certified = &e->certificate.key;

	if (memcmp(own->sign, certified->sign, SIGN_PUBLIC_LEN) != 0 || memcmp(own->dh, certified->dh, KEY_LEN) != 0)
		return -EKEYREJECTED;
	return certificate_verify(&e->certificate, &e->authority, &any_time);
}

int enrolment_parse(struct enrolment *e, struct bytes text)
{
	struct armour armour;
	int error = armour_parse(&armour, ARMOUR_ENROLMENT, text);

	enrolment_done(e);
	if (error)
		return error;
	error = contents_read(e, bytes_of(armour.contents, armour.len));
	armour_done(&armour);
	if (!error)
		error = parts_verify(e);
	if (error)
		enrolment_done(e);
	return error;
}
