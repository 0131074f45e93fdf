/*
 * The certificate and its bytes (protocol.md 4.2).
 *
 * There is one encoding of each certificate: what decodes, encodes to the same
 * bytes. The signature and the 8-byte hash, by which peers name certificates,
 * can then be taken over a fresh encoding and nobody has to keep the bytes.
 *
 *   version 1 | roles and level 1 | deployment 4 | short-id 2 | generation 2
 *   serial 4 | not-before 4 | not-after 4 | issuer 4 | X25519 32 | Ed25519 32
 *   name length 1, name | prefix count 1, {length 1, bytes}* | guest? | signature 64
 *   guest: until list 2 | classes 1 | agency length 1, agency | count 1, {length 1, bytes}*
 *
 * A prefix's length byte is its length for IPv6 and 129 + length for IPv4; only
 * the bytes that hold its bits follow.
 */
#include "crypto/certificate.h"
#include "crypto/name.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define CERTIFICATE_FIXED_LEN (90 + 1 + 1 + SIGNATURE_LEN) /* with an empty name and no prefixes */
#define GUEST_FIXED_LEN (2 + 1 + 1 + 1)
#define LEVEL_MASK 0x03
#define ROLES_SHIFT 2
#define ROLES_ALL (ROLE_GATEWAY | ROLE_COMMAND_POST | ROLE_GUEST)
#define RESERVED_MASK 0xe0
#define IPV4_LENGTHS 129 /* length byte of 0.0.0.0/0 */

static const char *const level_names[] = { "city", "district", "town", "scene" };

const char *level_name(enum level level)
{
	return (unsigned)level <= LEVEL_SCENE ? level_names[level] : "-";
}

int level_parse(enum level *out, const char *text)
{
	for (unsigned i = 0; i <= LEVEL_SCENE; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*out = (enum level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static size_t prefix_bytes(unsigned plen)
{
	return (plen + 7) / 8;
}

static bool prefix_is_encodable(const struct prefix *p)
{
	struct prefix cut = prefix_of(p->address, p->plen);

	return family_bits(p->address.family) > 0 && prefix_equal(&cut, p);
}

static void prefix_write(struct writer *w, const struct prefix *p)
{
	write_u8(w, (uint8_t)(p->plen + (p->address.family == FAMILY_IPV4 ? IPV4_LENGTHS : 0)));
	write_copy(w, p->address.bytes, prefix_bytes(p->plen));
}

/* False if there is no such length or a bit beyond it is set. */
static bool prefix_read(struct reader *r, struct prefix *p)
{
	uint8_t length = read_u8(r);
	bool is_ipv4 = length >= IPV4_LENGTHS;

	*p = (struct prefix){ .plen = is_ipv4 ? (uint8_t)(length - IPV4_LENGTHS) : length };
	p->address.family = is_ipv4 ? FAMILY_IPV4 : FAMILY_IPV6;
	if (p->plen > family_bits(p->address.family))
		return false;
	read_copy(r, p->address.bytes, prefix_bytes(p->plen));
	return prefix_is_encodable(p);
}

static size_t prefixes_len(const struct prefix *prefixes, unsigned count)
{
	size_t len = 0;

	for (unsigned i = 0; i < count; i++)
		len += 1 + prefix_bytes(prefixes[i].plen);
	return len;
}

static bool prefixes_are_encodable(const struct prefix *prefixes, unsigned count)
{
	if (count > CERTIFICATE_PREFIX_MAX)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!prefix_is_encodable(&prefixes[i]))
			return false;
	return true;
}

static void prefixes_write(struct writer *w, const struct prefix *prefixes, uint8_t count)
{
	write_u8(w, count);
	for (unsigned i = 0; i < count; i++)
		prefix_write(w, &prefixes[i]);
}

/* False if the count is too high or a prefix malformed. */
static bool prefixes_read(struct reader *r, struct prefix prefixes[CERTIFICATE_PREFIX_MAX], uint8_t *count)
{
	*count = read_u8(r);
	if (*count > CERTIFICATE_PREFIX_MAX)
		return false;
	for (unsigned i = 0; i < *count; i++)
		if (!prefix_read(r, &prefixes[i]))
			return false;
	return true;
}

static size_t certificate_len(const struct certificate *c)
{
	size_t len = CERTIFICATE_FIXED_LEN + c->name_len + prefixes_len(c->prefixes, c->prefix_count);

	if (!(c->roles & ROLE_GUEST))
		return len;
	return len + GUEST_FIXED_LEN + c->guest.agency_len + prefixes_len(c->guest.to, c->guest.to_count);
}

/* A guest is nothing else; who is none has no scope, which would not be encoded. */
static bool guest_is_encodable(const struct certificate *c)
{
	const struct guest_scope *g = &c->guest;

	if (!(c->roles & ROLE_GUEST))
		return !g->until_list && !g->classes && !g->agency_len && !g->to_count;
	if (c->roles != ROLE_GUEST || !g->classes || (g->classes & ~GUEST_ALL))
		return false;
	if (!name_is_valid(bytes_of(g->agency, g->agency_len)) || g->agency[g->agency_len] != '\0')
		return false;
	return g->to_count && prefixes_are_encodable(g->to, g->to_count);
}

bool certificate_is_encodable(const struct certificate *c)
{
	if (c->version != CERTIFICATE_VERSION || (unsigned)c->level > LEVEL_SCENE || (c->roles & ~ROLES_ALL))
		return false;
	if (!name_is_valid(bytes_of(c->name, c->name_len)) || c->name[c->name_len] != '\0')
		return false;
	return prefixes_are_encodable(c->prefixes, c->prefix_count) && guest_is_encodable(c) &&
	       certificate_len(c) <= CERTIFICATE_MAX_LEN;
}

/* All but the signature. */
static void certificate_write(struct writer *w, const struct certificate *c)
{
	write_u8(w, c->version);
	write_u8(w, (uint8_t)(c->roles << ROLES_SHIFT | (unsigned)c->level));
	write_u32(w, c->deployment);
	write_u16(w, c->short_id);
	write_u16(w, c->generation);
	write_u32(w, c->serial);
	write_u32(w, c->not_before);
	write_u32(w, c->not_after);
	write_u32(w, c->issuer);
	write_copy(w, c->key.dh, KEY_LEN);
	write_copy(w, c->key.sign, SIGN_PUBLIC_LEN);
	write_u8(w, c->name_len);
	write_copy(w, c->name, c->name_len);
	prefixes_write(w, c->prefixes, c->prefix_count);
	if (!(c->roles & ROLE_GUEST))
		return;
	write_u16(w, c->guest.until_list);
	write_u8(w, c->guest.classes);
	write_u8(w, c->guest.agency_len);
	write_copy(w, c->guest.agency, c->guest.agency_len);
	prefixes_write(w, c->guest.to, c->guest.to_count);
}

struct bytes certificate_signed_bytes(const struct certificate *c, uint8_t buffer[CERTIFICATE_SIGNED_MAX])
{
	struct writer w = writer_of(buffer, CERTIFICATE_SIGNED_MAX);

	write_copy(&w, CERTIFICATE_CONTEXT, sizeof(CERTIFICATE_CONTEXT));
	certificate_write(&w, c);
	assert(writer_ok(&w));
	return writer_bytes(&w);
}

int certificate_issue(struct certificate *c, struct secret_authority *a)
{
	struct certificate issued = *c;
	uint8_t buffer[CERTIFICATE_SIGNED_MAX];

	if (a->next_serial == 0) /* all 2^32 - 1 are taken */
		return -EINVAL;
	issued.version = CERTIFICATE_VERSION;
	issued.issuer = authority_id(&a->public);
	issued.deployment = a->public.deployment;
	issued.serial = a->next_serial;
	issued.short_id = (uint16_t)a->next_serial;
	if (!certificate_is_encodable(&issued))
		return -EINVAL;
	struct bytes message = certificate_signed_bytes(&issued, buffer);
	crypto_sign_detached(issued.signature, NULL, message.data, message.len, a->sign_secret);
	a->next_serial++;
	*c = issued;
	return 0;
}

int certificate_encode(const struct certificate *c, uint8_t *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);

	if (!certificate_is_encodable(c))
		return -EINVAL;
	certificate_write(&w, c);
	write_copy(&w, c->signature, SIGNATURE_LEN);
	return writer_ok(&w) ? (int)writer_len(&w) : -ENOSPC;
}

static bool guest_read(struct reader *r, struct guest_scope *g)
{
	g->until_list = read_u16(r);
	g->classes = read_u8(r);
	g->agency_len = read_u8(r);
	if (g->agency_len > NAME_MAX_LEN)
		return false;
	read_copy(r, g->agency, g->agency_len);
	return prefixes_read(r, g->to, &g->to_count);
}

int certificate_decode(struct certificate *c, struct bytes bytes)
{
	struct certificate d = { 0 };
	struct reader r = reader_of(bytes);

	d.version = read_u8(&r);
	uint8_t roles = read_u8(&r);
	d.level = (enum level)(roles & LEVEL_MASK);
	d.roles = (uint8_t)((roles & ~RESERVED_MASK) >> ROLES_SHIFT);
	d.deployment = read_u32(&r);
	d.short_id = read_u16(&r);
	d.generation = read_u16(&r);
	d.serial = read_u32(&r);
	d.not_before = read_u32(&r);
	d.not_after = read_u32(&r);
	d.issuer = read_u32(&r);
	read_copy(&r, d.key.dh, KEY_LEN);
	read_copy(&r, d.key.sign, SIGN_PUBLIC_LEN);
	d.name_len = read_u8(&r);
	if ((roles & RESERVED_MASK) || d.name_len > NAME_MAX_LEN)
		return -EBADMSG;
	read_copy(&r, d.name, d.name_len);
	if (!prefixes_read(&r, d.prefixes, &d.prefix_count) || ((d.roles & ROLE_GUEST) && !guest_read(&r, &d.guest)))
		return -EBADMSG;
	read_copy(&r, d.signature, SIGNATURE_LEN);
	if (!reader_ok(&r) || reader_left(&r) > 0 || !certificate_is_encodable(&d))
		return -EBADMSG;
	*c = d;
	return 0;
}

void certificate_hash(uint8_t hash[CERTIFICATE_HASH_LEN], const struct certificate *c)
{
	uint8_t encoding[CERTIFICATE_MAX_LEN], whole[32];
	int len = certificate_encode(c, encoding, sizeof(encoding));

	assert(len > 0);
	hash_bytes(whole, sizeof(whole), bytes_of(encoding, (size_t)len), (struct bytes){ 0 });
	memcpy(hash, whole, CERTIFICATE_HASH_LEN);
}
