/*
 * The authority: the key that admits nodes to one deployment, the deployment's
 * pre-shared key, and the serial of the next certificate. It lives in one file
 * that stays away from the nodes.
 *
 * The file's contents: deployment 4 | next serial 4 | sign seed 32 | psk 32.
 */
#include "crypto/armour.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define AUTHORITY_LEN (4 + 4 + crypto_sign_SEEDBYTES + KEY_LEN)

void authority_generate(struct secret_authority *a, const struct random *random)
{
	uint8_t seed[crypto_sign_SEEDBYTES];

	random_fill(random, seed, sizeof(seed));
	crypto_sign_seed_keypair(a->public.sign_public, a->sign_secret, seed);
	secret_wipe(seed, sizeof(seed));
	random_fill(random, a->psk, sizeof(a->psk));
	do
		a->public.deployment = random_u32(random);
	while (a->public.deployment == 0); /* no deployment is 0: a forgotten setting must not match one */
	a->next_serial = 1;
}

void authority_done(struct secret_authority *a)
{
	secret_wipe(a, sizeof(*a));
}

uint32_t authority_id(const struct authority *a)
{
	uint8_t hash[32];

	hash_bytes(hash, sizeof(hash), bytes_of(a->sign_public, SIGN_PUBLIC_LEN), (struct bytes){ 0 });
	struct reader r = reader_of(bytes_of(hash, sizeof(hash)));
	return read_u32(&r);
}

static void title_format(char title[ARMOUR_TITLE_MAX], const struct authority *a)
{
	snprintf(title, ARMOUR_TITLE_MAX,
		"meshd authority %08" PRIx32 " of deployment %08" PRIx32 ", secret, keep offline", authority_id(a),
		a->deployment);
}

int authority_format(const struct secret_authority *a, char *text, size_t capacity)
{
	uint8_t contents[AUTHORITY_LEN];
	char title[ARMOUR_TITLE_MAX];
	struct writer w = writer_of(contents, sizeof(contents));

	write_u32(&w, a->public.deployment);
	write_u32(&w, a->next_serial);
	write_copy(&w, a->sign_secret, crypto_sign_SEEDBYTES); /* an Ed25519 secret key begins with its seed */
	write_copy(&w, a->psk, KEY_LEN);
	title_format(title, &a->public);
	int len = armour_format(ARMOUR_AUTHORITY, title, writer_bytes(&w), text, capacity);
	secret_wipe(contents, sizeof(contents));
	return len;
}

int authority_parse(struct secret_authority *a, struct bytes text)
{
	struct armour armour;
	int error = armour_parse(&armour, ARMOUR_AUTHORITY, text);

	authority_done(a);
	if (error)
		return error;
	struct reader r = reader_of(bytes_of(armour.contents, armour.len));
	a->public.deployment = read_u32(&r);
	a->next_serial = read_u32(&r);
	struct bytes seed = read_bytes(&r, crypto_sign_SEEDBYTES);
	read_copy(&r, a->psk, KEY_LEN);
	if (reader_ok(&r) && reader_left(&r) == 0)
		crypto_sign_seed_keypair(a->public.sign_public, a->sign_secret, seed.data);
	else
		error = -EBADMSG;
	armour_done(&armour);
	if (error)
		authority_done(a);
	return error;
}
