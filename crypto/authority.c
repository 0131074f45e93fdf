/*
 * The authority: the key that admits nodes to one deployment, the deployment's
 * pre-shared key, and the serial of the next certificate. It lives in one file
 * that stays away from the nodes.
 *
 * The file's contents: deployment 4 | next serial 4 | sign seed 32 | psk 32. Of a locked
 * one: passes 4 | memory 4, KiB | salt 16 | nonce 24 | the same under XSalsa20-Poly1305,
 * by a key that Argon2id makes of the passphrase.
 */
#include "crypto/armour.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define AUTHORITY_LEN (4 + 4 + crypto_sign_SEEDBYTES + KEY_LEN)
#define LOCK_PASSES crypto_pwhash_OPSLIMIT_INTERACTIVE
#define LOCK_KIB (crypto_pwhash_MEMLIMIT_INTERACTIVE / 1024)
#define LOCK_PASSES_MAX 16 /* of a file that somebody else has made */
#define LOCK_KIB_MAX (256u * 1024)
#define LOCKED_LEN                                                                                                     \
	(4 + 4 + crypto_pwhash_SALTBYTES + crypto_secretbox_NONCEBYTES + AUTHORITY_LEN + crypto_secretbox_MACBYTES)

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

static void contents_write(const struct secret_authority *a, uint8_t contents[AUTHORITY_LEN])
{
	struct writer w = writer_of(contents, AUTHORITY_LEN);

	write_u32(&w, a->public.deployment);
	write_u32(&w, a->next_serial);
	write_copy(&w, a->sign_secret, crypto_sign_SEEDBYTES); /* an Ed25519 secret key begins with its seed */
	write_copy(&w, a->psk, KEY_LEN);
}

/* -EBADMSG: of another length. */
static int contents_read(struct secret_authority *a, struct bytes contents)
{
	struct reader r = reader_of(contents);

	a->public.deployment = read_u32(&r);
	a->next_serial = read_u32(&r);
	struct bytes seed = read_bytes(&r, crypto_sign_SEEDBYTES);
	read_copy(&r, a->psk, KEY_LEN);
	if (!reader_ok(&r) || reader_left(&r) > 0)
		return -EBADMSG;
	crypto_sign_seed_keypair(a->public.sign_public, a->sign_secret, seed.data);
	return 0;
}

int authority_format(const struct secret_authority *a, char *text, size_t capacity)
{
	uint8_t contents[AUTHORITY_LEN];
	char title[ARMOUR_TITLE_MAX];

	contents_write(a, contents);
	title_format(title, &a->public);
	int len = armour_format(ARMOUR_AUTHORITY, title, bytes_of(contents, sizeof(contents)), text, capacity);
	secret_wipe(contents, sizeof(contents));
	return len;
}

int authority_parse(struct secret_authority *a, struct bytes text)
{
	struct armour armour;
	int error = armour_parse(&armour, ARMOUR_AUTHORITY, text);

	authority_done(a);
	if (error && armour_parse(&armour, ARMOUR_AUTHORITY_LOCKED, text) == 0)
		error = -ENOKEY;
	else if (!error)
		error = contents_read(a, bytes_of(armour.contents, armour.len));
	armour_done(&armour);
	if (error)
		authority_done(a);
	return error;
}

/* --- under a passphrase ------------------------------------------------------------------- */

static int lock_key(uint8_t key[crypto_secretbox_KEYBYTES], struct bytes passphrase,
	const uint8_t salt[crypto_pwhash_SALTBYTES], uint32_t passes, uint32_t kib)
{
	return crypto_pwhash(key, crypto_secretbox_KEYBYTES, (const char *)passphrase.data, passphrase.len, salt,
		       passes, (size_t)kib * 1024, crypto_pwhash_ALG_ARGON2ID13)
		       ? -ENOMEM
		       : 0;
}

int authority_format_locked(const struct secret_authority *a, struct bytes passphrase, const struct random *random,
	char *text, size_t capacity)
{
	uint8_t contents[AUTHORITY_LEN], room[LOCKED_LEN], key[crypto_secretbox_KEYBYTES];
	uint8_t salt[crypto_pwhash_SALTBYTES], nonce[crypto_secretbox_NONCEBYTES];
	uint8_t sealed[AUTHORITY_LEN + crypto_secretbox_MACBYTES];
	char title[ARMOUR_TITLE_MAX];
	struct writer w = writer_of(room, sizeof(room));

	random_fill(random, salt, sizeof(salt));
	random_fill(random, nonce, sizeof(nonce));
	int error = lock_key(key, passphrase, salt, LOCK_PASSES, LOCK_KIB);
	if (error)
		return error;
	contents_write(a, contents);
	crypto_secretbox_easy(sealed, contents, sizeof(contents), nonce, key);
	secret_wipe(contents, sizeof(contents));
	secret_wipe(key, sizeof(key));
	write_u32(&w, LOCK_PASSES);
	write_u32(&w, LOCK_KIB);
	write_copy(&w, salt, sizeof(salt));
	write_copy(&w, nonce, sizeof(nonce));
	write_copy(&w, sealed, sizeof(sealed));
	title_format(title, &a->public);
	return armour_format(ARMOUR_AUTHORITY_LOCKED, title, writer_bytes(&w), text, capacity);
}

static int locked_read(struct secret_authority *a, struct bytes locked, struct bytes passphrase)
{
	uint8_t contents[AUTHORITY_LEN], key[crypto_secretbox_KEYBYTES];
	struct reader r = reader_of(locked);
	uint32_t passes = read_u32(&r), kib = read_u32(&r);
	struct bytes salt = read_bytes(&r, crypto_pwhash_SALTBYTES);
	struct bytes nonce = read_bytes(&r, crypto_secretbox_NONCEBYTES);
	struct bytes sealed = read_bytes(&r, reader_left(&r));

	if (!reader_ok(&r) || sealed.len != AUTHORITY_LEN + crypto_secretbox_MACBYTES || passes < 1 ||
		passes > LOCK_PASSES_MAX || kib < 8 || kib > LOCK_KIB_MAX)
		return -EBADMSG;
	int error = lock_key(key, passphrase, salt.data, passes, kib);
	if (error)
		return error;
	if (crypto_secretbox_open_easy(contents, sealed.data, sealed.len, nonce.data, key) != 0)
		error = -EACCES;
	else
		error = contents_read(a, bytes_of(contents, sizeof(contents)));
	secret_wipe(contents, sizeof(contents));
	secret_wipe(key, sizeof(key));
	return error;
}

int authority_parse_locked(struct secret_authority *a, struct bytes text, struct bytes passphrase)
{
	struct armour armour;
	int error = armour_parse(&armour, ARMOUR_AUTHORITY_LOCKED, text);

	authority_done(a);
	if (!error)
		error = locked_read(a, bytes_of(armour.contents, armour.len), passphrase);
	armour_done(&armour);
	if (error)
		authority_done(a);
	return error;
}
