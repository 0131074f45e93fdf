/*
 * What a machine that wants to be a member shows of itself.
 *
 *   version 1 | level 1 | Ed25519 32 | X25519 32 | ticket 3 | name length 1, name
 *
 * It is not signed: a signature would make it twice as long to say, and prove only what the
 * answer proves anyway, since nobody can use it without the X25519 key. Whose request it is no
 * signature can tell; the person who brings it can.
 */
#include "crypto/armour.h"
#include "crypto/crypto.h"
#include "crypto/name.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_VERSION 1
#define REQUEST_MAX_LEN (2 + SIGN_PUBLIC_LEN + KEY_LEN + TICKET_LEN + 1 + NAME_MAX_LEN)
#define SECRET_MAX_LEN (crypto_sign_SEEDBYTES + KEY_LEN + TICKET_LEN + 1 + NAME_MAX_LEN)
#define SPOKEN_REQUEST 'Q'
#define LINE_PREFIX "meshd:"
#define LINE_SUM_LEN 4

void request_done(struct secret_request *r)
{
	secret_wipe(r, sizeof(*r));
}

static bool wish_set(struct request *r, unsigned level, struct bytes name)
{
	if (level > LEVEL_SCENE || !name_is_valid(name))
		return false;
	r->level = (enum level)level;
	r->name_len = (uint8_t)name.len;
	memcpy(r->name, name.data, name.len);
	r->name[name.len] = 0;
	return true;
}

int request_make(struct secret_request *r, const char *name, enum level level, const struct random *random)
{
	*r = (struct secret_request){ 0 };
	if (!wish_set(&r->request, level, bytes_of(name, strlen(name))))
		return -EINVAL;
	identity_generate(&r->identity, random);
	random_fill(random, r->request.ticket, TICKET_LEN);
	r->request.key = r->identity.public;
	return 0;
}

/* --- the machine's own file ------------------------------------------------------------------ */

int request_format_secret(const struct secret_request *r, char *text, size_t capacity)
{
	uint8_t contents[SECRET_MAX_LEN];
	char title[ARMOUR_TITLE_MAX];
	struct writer w = writer_of(contents, sizeof(contents));

	write_copy(&w, r->identity.sign_secret, crypto_sign_SEEDBYTES); /* an Ed25519 secret key begins with its seed */
	write_copy(&w, r->identity.dh_secret, KEY_LEN);
	write_copy(&w, r->request.ticket, TICKET_LEN);
	write_u8(&w, (uint8_t)r->request.level);
	write_copy(&w, r->request.name, r->request.name_len);
	snprintf(title, sizeof(title), "meshd keys of %s, which waits for its certificate, secret, for this node only",
		r->request.name);
	int len = armour_format(ARMOUR_REQUEST_SECRET, title, writer_bytes(&w), text, capacity);
	secret_wipe(contents, sizeof(contents));
	return len;
}

static int secret_read(struct secret_request *r, struct bytes contents)
{
	struct reader in = reader_of(contents);
	struct bytes seed = read_bytes(&in, crypto_sign_SEEDBYTES);

	read_copy(&in, r->identity.dh_secret, KEY_LEN);
	read_copy(&in, r->request.ticket, TICKET_LEN);
	unsigned level = read_u8(&in);
	if (!reader_ok(&in) || !wish_set(&r->request, level, read_bytes(&in, reader_left(&in))))
		return -EBADMSG;
	crypto_sign_seed_keypair(r->identity.public.sign, r->identity.sign_secret, seed.data);
	crypto_scalarmult_base(r->identity.public.dh, r->identity.dh_secret);
	r->request.key = r->identity.public;
	return 0;
}

int request_parse_secret(struct secret_request *r, struct bytes text)
{
	struct armour armour;
	int error = armour_parse(&armour, ARMOUR_REQUEST_SECRET, text);

	request_done(r);
	if (!error)
		error = secret_read(r, bytes_of(armour.contents, armour.len));
	armour_done(&armour);
	if (error)
		request_done(r);
	return error;
}

void request_alone(struct enrolment *e, const struct secret_request *r, const struct random *random)
{
	struct secret_authority a;

	authority_generate(&a, random);
	*e = (struct enrolment){ .identity = r->identity, .authority = a.public };
	memcpy(e->psk, a.psk, KEY_LEN);
	e->certificate = (struct certificate){ .level = r->request.level,
		.not_after = UINT32_MAX,
		.key = r->request.key,
		.name_len = r->request.name_len };
	memcpy(e->certificate.name, r->request.name, sizeof(e->certificate.name));
	int error = certificate_issue(&e->certificate, &a);
	assert(!error); /* the name was checked */
	authority_done(&a);
}

/* --- what is shown ----------------------------------------------------------------------------- */

static struct bytes request_write(const struct request *r, uint8_t out[REQUEST_MAX_LEN])
{
	struct writer w = writer_of(out, REQUEST_MAX_LEN);

	write_u8(&w, REQUEST_VERSION);
	write_u8(&w, (uint8_t)r->level);
	write_copy(&w, r->key.sign, SIGN_PUBLIC_LEN);
	write_copy(&w, r->key.dh, KEY_LEN);
	write_copy(&w, r->ticket, TICKET_LEN);
	write_u8(&w, r->name_len);
	write_copy(&w, r->name, r->name_len);
	return writer_bytes(&w);
}

static int request_read(struct request *r, struct bytes encoded)
{
	struct request got = { 0 };
	struct reader in = reader_of(encoded);
	unsigned version = read_u8(&in), level = read_u8(&in);

	read_copy(&in, got.key.sign, SIGN_PUBLIC_LEN);
	read_copy(&in, got.key.dh, KEY_LEN);
	read_copy(&in, got.ticket, TICKET_LEN);
	struct bytes name = read_bytes(&in, read_u8(&in));
	if (!reader_ok(&in) || reader_left(&in) || version != REQUEST_VERSION || !wish_set(&got, level, name))
		return -EBADMSG;
	*r = got;
	return 0;
}

int request_format(const struct request *r, char *text, size_t capacity)
{
	uint8_t room[REQUEST_MAX_LEN];
	char title[ARMOUR_TITLE_MAX];

	snprintf(title, sizeof(title), "meshd request of %s (%s): for who has the authority's key", r->name,
		level_name(r->level));
	return armour_format(ARMOUR_REQUEST, title, request_write(r, room), text, capacity);
}

int request_format_words(const struct request *r, char *text, size_t capacity)
{
	uint8_t room[REQUEST_MAX_LEN];

	return spoken_format(SPOKEN_REQUEST, request_write(r, room), text, capacity);
}

/* A scanner has checked what it read, but somebody may have copied it. */
static void line_sum(uint8_t sum[LINE_SUM_LEN], struct bytes encoded)
{
	uint8_t hash[16];

	hash_bytes(hash, sizeof(hash), encoded, (struct bytes){ 0 });
	memcpy(sum, hash, LINE_SUM_LEN);
}

int request_format_line(const struct request *r, char *text, size_t capacity)
{
	uint8_t room[REQUEST_MAX_LEN + LINE_SUM_LEN];
	struct bytes encoded = request_write(r, room);

	line_sum(room + encoded.len, encoded);
	size_t need = sodium_base64_encoded_len(encoded.len + LINE_SUM_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	if (capacity < sizeof(LINE_PREFIX) - 1 + need)
		return -ENOSPC;
	memcpy(text, LINE_PREFIX, sizeof(LINE_PREFIX) - 1);
	sodium_bin2base64(text + sizeof(LINE_PREFIX) - 1, need, room, encoded.len + LINE_SUM_LEN,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return (int)strlen(text);
}

static int line_parse(struct request *r, struct bytes text)
{
	uint8_t room[REQUEST_MAX_LEN + LINE_SUM_LEN], sum[LINE_SUM_LEN];
	size_t len;

	if (sodium_base642bin(room, sizeof(room), (const char *)text.data, text.len, " \r\n\t", &len, NULL,
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
		len < LINE_SUM_LEN)
		return -EBADMSG;
	struct bytes encoded = bytes_of(room, len - LINE_SUM_LEN);
	line_sum(sum, encoded);
	return memcmp(sum, room + encoded.len, LINE_SUM_LEN) == 0 ? request_read(r, encoded) : -EBADMSG;
}

static int file_parse(struct request *r, struct bytes text)
{
	struct armour armour;
	int error = armour_parse(&armour, ARMOUR_REQUEST, text);

	if (!error)
		error = request_read(r, bytes_of(armour.contents, armour.len));
	armour_done(&armour);
	return error;
}

int request_parse(struct request *r, struct bytes text, bool *is_words, struct spoken_fault *f)
{
	const size_t prefix = sizeof(LINE_PREFIX) - 1;
	uint8_t room[REQUEST_MAX_LEN];

	*is_words = false;
	if (armour_begins(&text))
		return file_parse(r, text);
	if (text.len > prefix && memcmp(text.data, LINE_PREFIX, prefix) == 0)
		return line_parse(r, bytes_of(text.data + prefix, text.len - prefix));
	*is_words = true;
	int len = spoken_parse(SPOKEN_REQUEST, text, room, sizeof(room), f);
	if (len >= 0 && request_read(r, bytes_of(room, (size_t)len)) == 0)
		return 0;
	if (len >= 0)
		*f = (struct spoken_fault){ .kind = SPOKEN_KIND_WRONG };
	return -EBADMSG;
}
