/*
 * The list of who is out (protocol.md 5): one signed object that names them all, so
 * that nobody ever has to put two together. The higher epoch holds.
 *
 *   version 1 | deployment 4 | issuer 4 | epoch 2 | date 4 | minimum generation 2
 *   bitmap, to the end, less | signature 64
 *
 * Bit 7 of the bitmap's first byte is serial 1, and there is no zero byte at its end:
 * one encoding of each list. 1,100 members take 17 + 138 + 64 = 219 bytes, whoever of
 * them is out.
 */
#include "crypto/armour.h"
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define REVOCATION_VERSION 1
#define REVOCATION_CONTEXT "meshd revocation 1" /* with its NUL: what is signed means nothing else */
#define REVOCATION_HEAD_LEN (1 + 4 + 4 + 2 + 4 + 2)
#define REVOCATION_SIGNED_MAX (sizeof(REVOCATION_CONTEXT) + REVOCATION_HEAD_LEN + REVOCATION_BITMAP_MAX)
_Static_assert(REVOCATION_HEAD_LEN + REVOCATION_BITMAP_MAX + SIGNATURE_LEN == REVOCATION_MAX_LEN,
	"the longest list is this long");
_Static_assert(REVOCATION_HEAD_LEN + (1100 + 7) / 8 + SIGNATURE_LEN <= 220, "a list of 1,100 members fits 220 bytes");
_Static_assert(REVOCATION_MAX_LEN <= ARMOUR_BLOB_MAX, "a list fits its armour");

/* --- whom it names -------------------------------------------------------------------------- */

static uint8_t bit_of(uint32_t serial)
{
	return (uint8_t)(0x80 >> ((serial - 1) & 7));
}

bool revocation_names(const struct revocation *r, uint32_t serial)
{
	size_t at = (serial - 1) / 8;

	return serial && at < r->bitmap_len && (r->bitmap[at] & bit_of(serial));
}

static void bitmap_reach(struct revocation *r, size_t len)
{
	if (len <= r->bitmap_len)
		return;
	memset(r->bitmap + r->bitmap_len, 0, len - r->bitmap_len);
	r->bitmap_len = (uint16_t)len;
}

int revocation_add(struct revocation *r, uint32_t serial)
{
	size_t at = (serial - 1) / 8;

	if (serial == 0 || serial > REVOCATION_SERIAL_MAX)
		return -ERANGE;
	bitmap_reach(r, at + 1);
	r->bitmap[at] |= bit_of(serial);
	return 0;
}

void revocation_join(struct revocation *r, const struct revocation *other)
{
	bitmap_reach(r, other->bitmap_len);
	for (size_t i = 0; i < other->bitmap_len; i++)
		r->bitmap[i] |= other->bitmap[i];
	if (other->epoch > r->epoch)
		r->epoch = other->epoch;
	if (other->date > r->date)
		r->date = other->date;
	if (other->min_generation > r->min_generation)
		r->min_generation = other->min_generation;
}

unsigned revocation_count(const struct revocation *r)
{
	unsigned count = 0;

	for (size_t i = 0; i < r->bitmap_len; i++)
		count += (unsigned)__builtin_popcount(r->bitmap[i]);
	return count;
}

bool revocation_ends(const struct revocation *r, const struct certificate *c)
{
	if (r->epoch == 0)
		return false;
	if (c->guest.until_list && r->epoch >= c->guest.until_list)
		return true;
	return revocation_names(r, c->serial) || c->generation < r->min_generation;
}

/* --- bytes ------------------------------------------------------------------------------------- */

static bool is_canonical(const struct revocation *r)
{
	return r->epoch > 0 && r->bitmap_len <= REVOCATION_BITMAP_MAX &&
	       (r->bitmap_len == 0 || r->bitmap[r->bitmap_len - 1]);
}

static void unsigned_write(struct writer *w, const struct revocation *r)
{
	write_u8(w, REVOCATION_VERSION);
	write_u32(w, r->deployment);
	write_u32(w, r->issuer);
	write_u16(w, r->epoch);
	write_u32(w, r->date);
	write_u16(w, r->min_generation);
	write_copy(w, r->bitmap, r->bitmap_len);
}

static struct bytes signed_bytes(const struct revocation *r, uint8_t buffer[REVOCATION_SIGNED_MAX])
{
	struct writer w = writer_of(buffer, REVOCATION_SIGNED_MAX);

	write_copy(&w, REVOCATION_CONTEXT, sizeof(REVOCATION_CONTEXT));
	unsigned_write(&w, r);
	assert(writer_ok(&w));
	return writer_bytes(&w);
}

int revocation_issue(struct revocation *r, const struct secret_authority *a, uint32_t date)
{
	uint8_t buffer[REVOCATION_SIGNED_MAX];

	if (r->epoch == UINT16_MAX)
		return -ERANGE;
	r->deployment = a->public.deployment;
	r->issuer = authority_id(&a->public);
	r->epoch++;
	if (date > r->date)
		r->date = date;
	struct bytes message = signed_bytes(r, buffer);
	crypto_sign_detached(r->signature, NULL, message.data, message.len, a->sign_secret);
	return 0;
}

int revocation_encode(const struct revocation *r, uint8_t *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);

	if (!is_canonical(r))
		return -EINVAL;
	unsigned_write(&w, r);
	write_copy(&w, r->signature, SIGNATURE_LEN);
	return writer_ok(&w) ? (int)writer_len(&w) : -ENOSPC;
}

int revocation_decode(struct revocation *r, struct bytes bytes)
{
	struct revocation d = { 0 };
	struct reader in = reader_of(bytes);

	if (read_u8(&in) != REVOCATION_VERSION)
		return -EBADMSG;
	d.deployment = read_u32(&in);
	d.issuer = read_u32(&in);
	d.epoch = read_u16(&in);
	d.date = read_u32(&in);
	d.min_generation = read_u16(&in);
	if (!reader_ok(&in) || reader_left(&in) < SIGNATURE_LEN ||
		reader_left(&in) - SIGNATURE_LEN > REVOCATION_BITMAP_MAX)
		return -EBADMSG;
	d.bitmap_len = (uint16_t)(reader_left(&in) - SIGNATURE_LEN);
	read_copy(&in, d.bitmap, d.bitmap_len);
	read_copy(&in, d.signature, SIGNATURE_LEN);
	if (!is_canonical(&d))
		return -EBADMSG;
	*r = d;
	return 0;
}

int revocation_verify(const struct revocation *r, const struct authority *a)
{
	uint8_t buffer[REVOCATION_SIGNED_MAX];

	if (r->deployment != a->deployment || r->issuer != authority_id(a) || !is_canonical(r))
		return -EKEYREJECTED;
	struct bytes message = signed_bytes(r, buffer);
	if (crypto_sign_verify_detached(r->signature, message.data, message.len, a->sign_public) != 0)
		return -EKEYREJECTED;
	return 0;
}

/* --- text ------------------------------------------------------------------------------------------ */

int revocation_format(const struct revocation *r, char *text, size_t capacity)
{
	uint8_t encoded[REVOCATION_MAX_LEN];
	char title[ARMOUR_TITLE_MAX];
	int len = revocation_encode(r, encoded, sizeof(encoded));

	if (len < 0)
		return len;
	snprintf(title, sizeof(title), "meshd revocations of deployment %08" PRIx32 ", list %u, %u revoked, not secret",
		r->deployment, r->epoch, revocation_count(r));
	return armour_format(ARMOUR_REVOCATION, title, bytes_of(encoded, (size_t)len), text, capacity);
}

int revocation_parse(struct revocation *r, struct bytes text)
{
	struct armour armour;
	int error = armour_parse(&armour, ARMOUR_REVOCATION, text);

	if (!error)
		error = revocation_decode(r, bytes_of(armour.contents, armour.len));
	armour_done(&armour);
	return error;
}
