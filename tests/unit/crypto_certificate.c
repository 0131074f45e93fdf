/* Certificates: form, signature, time, authorisation. */
#include "tests/unit/crypto_members.h"

#define NAME_AT 90 /* of the name's length byte in the encoding */
#define NAME_8 "town-017"
#define COUNT_AT (NAME_AT + 1 + 8) /* of the prefix count, with a name of 8 bytes */
#define EVEN_LATER                                                                                                     \
	{                                                                                                              \
		.t_lo = UINT32_MAX                                                                                     \
	}

struct world {
	struct secret_authority authority;
	struct secret_identity id;
	struct certificate c;
	uint8_t encoding[CERTIFICATE_MAX_LEN];
	size_t len;
};

static const struct time_floor no_clock = { 0 };

/* The example of protocol.md 4.2: a name of 8 bytes, one /24 and one /64. */
static void world_init(struct world *w)
{
	authority_make(&w->authority, 11);
	identity_make(&w->id, 12);
	w->c = certificate_draft(&w->id.public, NAME_8);
	prefix_add(&w->c, "10.1.2.0/24");
	prefix_add(&w->c, "2001:db8:1:2::/64");
	assert_int_equal(certificate_issue(&w->c, &w->authority), 0);
	int len = certificate_encode(&w->c, w->encoding, sizeof(w->encoding));
	assert_true(len > 0);
	w->len = (size_t)len;
}

static int decode(struct certificate *c, const uint8_t *data, size_t len)
{
	/* A copy of just this length, so that a sanitizer sees an overrun. */
	uint8_t *copy = test_malloc(len ? len : 1);
	memcpy(copy, data, len);
	int error = certificate_decode(c, bytes_of(copy, len));
	test_free(copy);
	return error;
}

static void certificates_equal(const struct certificate *a, const struct certificate *b)
{
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->roles, b->roles);
	assert_int_equal(a->deployment, b->deployment);
	assert_int_equal(a->short_id, b->short_id);
	assert_int_equal(a->generation, b->generation);
	assert_int_equal(a->serial, b->serial);
	assert_int_equal(a->not_before, b->not_before);
	assert_int_equal(a->not_after, b->not_after);
	assert_int_equal(a->issuer, b->issuer);
	assert_memory_equal(&a->key, &b->key, sizeof(a->key));
	assert_int_equal(a->name_len, b->name_len);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->prefix_count, b->prefix_count);
	for (unsigned i = 0; i < a->prefix_count; i++)
		assert_true(prefix_equal(&a->prefixes[i], &b->prefixes[i]));
	assert_memory_equal(a->signature, b->signature, SIGNATURE_LEN);
}

static void bytes_are_as_written_down__protocol_4_2(void **state)
{
	struct world w;
	uint8_t expected[177];
	struct writer out = writer_of(expected, sizeof(expected));

	(void)state;
	world_init(&w);
	assert_int_equal(w.len, 177);
	write_u8(&out, 1);
	write_u8(&out, 2 | 2 << 2); /* town, command post */
	write_u32(&out, w.authority.public.deployment);
	write_u16(&out, 1);
	write_u16(&out, 0x0102);
	write_u32(&out, 1);
	write_u32(&out, 29000000);
	write_u32(&out, 30000000);
	write_u32(&out, authority_id(&w.authority.public));
	write_copy(&out, w.id.public.dh, 32);
	write_copy(&out, w.id.public.sign, 32);
	write_copy(&out, "\x08" NAME_8, 9);
	write_copy(&out, "\x02\x99\x0a\x01\x02", 5); /* 129 + 24 */
	write_copy(&out, "\x40\x20\x01\x0d\xb8\x00\x01\x00\x02", 9);
	write_copy(&out, w.c.signature, 64);
	assert_true(writer_ok(&out));
	assert_memory_equal(w.encoding, expected, sizeof(expected));
}

static void signature_is_over_context_and_body(void **state)
{
	static const char context[] = "meshd certificate 1";
	struct world w;
	uint8_t message[sizeof(context) + CERTIFICATE_MAX_LEN];
	size_t body;

	(void)state;
	world_init(&w);
	body = w.len - SIGNATURE_LEN;
	memcpy(message, context, sizeof(context));
	memcpy(message + sizeof(context), w.encoding, body);
	assert_int_equal(crypto_sign_verify_detached(
				 w.encoding + body, message, sizeof(context) + body, w.authority.public.sign_public),
		0);
	assert_int_not_equal(
		crypto_sign_verify_detached(w.encoding + body, w.encoding, body, w.authority.public.sign_public), 0);
}

static void round_trip(void **state)
{
	struct world w;
	struct certificate d;
	uint8_t again[CERTIFICATE_MAX_LEN];

	(void)state;
	world_init(&w);
	assert_int_equal(decode(&d, w.encoding, w.len), 0);
	certificates_equal(&d, &w.c);
	assert_int_equal(certificate_encode(&d, again, sizeof(again)), w.len);
	assert_memory_equal(again, w.encoding, w.len);
	assert_int_equal(certificate_verify(&d, &w.authority.public, &no_clock), 0);
}

static void every_level_role_and_prefix_length_makes_the_round_trip(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	for (unsigned i = 0; i <= 161; i++) {
		struct certificate c = certificate_draft(&w.id.public, "n"), d;
		struct address ones = { .family = i > 128 ? FAMILY_IPV4 : FAMILY_IPV6 };

		memset(ones.bytes, 0xff, i > 128 ? 4 : 16);
		c.level = (enum level)(i & 3);
		c.roles = i >> 2 & 3;
		if (i & 16)
			guest_draft(&c, "fire brigade", "10.0.0.0/8");
		c.prefixes[c.prefix_count++] = prefix_of(ones, i > 128 ? i - 129 : i);
		assert_int_equal(certificate_issue(&c, &w.authority), 0);
		int len = certificate_encode(&c, w.encoding, sizeof(w.encoding));
		assert_true(len > 0);
		assert_int_equal(decode(&d, w.encoding, (size_t)len), 0);
		certificates_equal(&d, &c);
		assert_int_equal(certificate_verify(&d, &w.authority.public, &no_clock), 0);
	}
}

static void longest_certificate_is_320_bytes(void **state)
{
	struct world w;
	struct certificate c, d;

	(void)state;
	world_init(&w);
	c = certificate_draft(&w.id.public, "01234567890123456789012345678901");
	for (unsigned i = 0; i < 4; i++)
		prefix_add(&c, "2001:db8::1/128");
	for (unsigned i = 0; i < 4; i++)
		prefix_add(&c, "2001:db8::/120");
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	assert_int_equal(certificate_encode(&c, w.encoding, sizeof(w.encoding)), CERTIFICATE_MAX_LEN);
	assert_int_equal(decode(&d, w.encoding, CERTIFICATE_MAX_LEN), 0);
	certificates_equal(&d, &c);
	assert_int_equal(certificate_verify(&d, &w.authority.public, &no_clock), 0);
	assert_int_equal(certificate_encode(&c, w.encoding, CERTIFICATE_MAX_LEN - 1), -ENOSPC);

	c.prefixes[7] = prefix_make("2001:db8::1/128"); /* one byte more */
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	assert_int_equal(certificate_encode(&c, w.encoding, sizeof(w.encoding)), -EINVAL);
}

static void certificate_of_321_bytes_is_refused(void **state)
{
	uint8_t long_one[CERTIFICATE_MAX_LEN + 1] = { 1 };
	struct writer w = writer_of(long_one + NAME_AT, sizeof(long_one) - NAME_AT);
	struct certificate d;

	(void)state;
	write_u8(&w, 32);
	write_copy(&w, "01234567890123456789012345678901", 32);
	write_u8(&w, 8);
	for (unsigned i = 0; i < 8; i++) {
		write_u8(&w, i < 5 ? 128 : 120);
		write_zeros(&w, i < 5 ? 16 : 15);
	}
	assert_int_equal(writer_left(&w), SIGNATURE_LEN);
	assert_int_equal(decode(&d, long_one, sizeof(long_one)), -EBADMSG);
	long_one[NAME_AT] = 31; /* without its last byte it is well-formed */
	memmove(long_one + NAME_AT + 32, long_one + NAME_AT + 33, sizeof(long_one) - NAME_AT - 33);
	assert_int_equal(decode(&d, long_one, CERTIFICATE_MAX_LEN), 0);
}

static void every_damaged_bit_is_refused(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < w.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct certificate d;

			w.encoding[i] ^= (uint8_t)(1u << bit);
			int error = decode(&d, w.encoding, w.len);
			if (!error)
				error = certificate_verify(&d, &w.authority.public, &no_clock);
			assert_true(error == -EBADMSG || error == -EKEYREJECTED);
			w.encoding[i] ^= (uint8_t)(1u << bit);
		}
	}
}

static void every_truncation_and_any_tail_is_malformed(void **state)
{
	struct world w;
	struct certificate d;
	uint8_t longer[CERTIFICATE_MAX_LEN + 1] = { 0 };

	(void)state;
	world_init(&w);
	for (size_t len = 0; len < w.len; len++)
		assert_int_equal(decode(&d, w.encoding, len), -EBADMSG);
	for (size_t len = 0; len < w.len; len++)
		assert_int_equal(certificate_encode(&w.c, longer, len), -ENOSPC);
	memset(longer, 0, sizeof(longer));
	memcpy(longer, w.encoding, w.len);
	for (size_t len = w.len + 1; len <= sizeof(longer); len++)
		assert_int_equal(decode(&d, longer, len), -EBADMSG);
}

static void what_is_not_canonical_is_malformed(void **state)
{
	static const struct {
		size_t at;
		uint8_t was, becomes;
	} cases[] = {
		{ 0, 1, 0 }, /* version */
		{ 0, 1, 2 },
		{ 1, 0x0a, 0x2a }, /* reserved bits */
		{ 1, 0x0a, 0x4a },
		{ 1, 0x0a, 0x8a },
		{ NAME_AT, 8, 0 },
		{ NAME_AT, 8, 33 },
		{ NAME_AT + 1, 't', 0 },
		{ NAME_AT + 1, 't', ' ' },
		{ NAME_AT + 8, '7', ' ' },
		{ NAME_AT + 8, '7', 0xc3 },
		{ COUNT_AT, 2, 9 },
		{ COUNT_AT, 2, 1 },
		{ COUNT_AT + 1, 129 + 24, 129 + 23 + 0 }, /* 10.1.2.0 is a /23, see below */
		{ COUNT_AT + 1, 129 + 24, 129 + 33 },
		{ COUNT_AT + 1, 129 + 24, 255 },
		{ COUNT_AT + 1, 129 + 24, 129 + 22 }, /* bits beyond the length */
		{ COUNT_AT + 5, 64, 62 }, /* ends in ...:2 */
		{ COUNT_AT + 5, 64, 61 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world w;
		struct certificate d;
		bool is_fine = cases[i].becomes == 129 + 23;

		world_init(&w);
		assert_int_equal(w.encoding[cases[i].at], cases[i].was);
		w.encoding[cases[i].at] = cases[i].becomes;
		assert_int_equal(decode(&d, w.encoding, w.len), is_fine ? 0 : -EBADMSG);
		if (is_fine) /* well-formed, but not what was signed */
			assert_int_equal(certificate_verify(&d, &w.authority.public, &no_clock), -EKEYREJECTED);
	}
}

static void failed_decode_leaves_the_target(void **state)
{
	struct world w;
	struct certificate d;

	(void)state;
	world_init(&w);
	memset(&d, 0x5a, sizeof(d));
	struct certificate before = d;
	assert_int_equal(decode(&d, w.encoding, w.len - 1), -EBADMSG);
	assert_memory_equal(&d, &before, sizeof(d));
}

static void names_are_printable_utf8(void **state)
{
	static const struct {
		const char *name;
		bool is_valid;
	} cases[] = {
		{ "", false },
		{ "a", true },
		{ "a b", true },
		{ " a", false },
		{ "a ", false },
		{ " ", false },
		{ "a\tb", false },
		{ "a\nb", false },
		{ "a\x7f", false },
		{ "\xe5\x8e\xbf\xe6\x8c\x87\xe6\x8c\xa5\xe9\x83\xa8", true },
		{ "\xe5\x8e\xbf\xe6\x8c", false }, /* cut short */
		{ "\xf0\x9f\x9a\x92", true },
		{ "\x80", false },
		{ "\xff", false },
		{ "\xc1\x81", false }, /* overlong */
		{ "\xe0\x9f\xbf", false },
		{ "\xf0\x8f\xbf\xbd", false },
		{ "\xed\xa0\x80", false }, /* surrogate */
		{ "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
		{ "\xf4\x8f\xbf\xbd", true },
		{ "\xef\xbf\xbf", false }, /* no character */
		{ "\xc2\x85", false }, /* C1: next line */
		{ "\xc3\xa9", true },
		{ "a\xe2\x80\xae"
		  "b",
			false }, /* right-to-left override */
		{ "a\xe2\x80\xa8"
		  "b",
			false }, /* line separator */
		{ "\xef\xbb\xbf"
		  "a",
			false }, /* byte order mark */
		{ "a\xe3\x80\x80", false }, /* ideographic space at the end */
		{ "a\xe3\x80\x80"
		  "b",
			true },
		{ "\xc2\xa0"
		  "a",
			false },
	};
	struct world w;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct certificate c = certificate_draft(&w.id.public, cases[i].name);

		if (certificate_issue(&c, &w.authority) != (cases[i].is_valid ? 0 : -EINVAL))
			fail_msg("name of case %zu", i);
	}
}

static void name_is_of_its_stated_length(void **state)
{
	struct world w;
	struct certificate c;

	(void)state;
	world_init(&w);
	c = certificate_draft(&w.id.public, "town");
	c.name_len = 3; /* would sign "tow" and show "town" */
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c.name_len = 5; /* holds a NUL */
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c.name_len = NAME_MAX_LEN + 1;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c.name_len = 4;
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
}

static void issue_refuses_what_has_no_encoding(void **state)
{
	struct world w;
	struct certificate good, c;

	(void)state;
	world_init(&w);
	good = certificate_draft(&w.id.public, "n");
	prefix_add(&good, "10.0.0.0/8");
	uint32_t serial = w.authority.next_serial;

	c = good;
	c.prefixes[0].plen = 33;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.prefixes[0].address.bytes[3] = 1; /* beyond the length */
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.prefixes[0].address.bytes[9] = 1; /* beyond the family */
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.prefixes[0].address.family = FAMILY_NONE;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.prefix_count = CERTIFICATE_PREFIX_MAX + 1;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.roles = 8;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.level = (enum level)(LEVEL_SCENE + 1);
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);

	assert_int_equal(w.authority.next_serial, serial);
	assert_int_equal(c.issuer, 0); /* a refused draft stays a draft */
	assert_int_equal(certificate_issue(&good, &w.authority), 0);
	assert_int_equal(w.authority.next_serial, serial + 1);
}

static void serials_are_taken_in_order_and_end(void **state)
{
	struct world w;
	struct certificate c;

	(void)state;
	world_init(&w);
	assert_int_equal(w.c.serial, 1);
	c = certificate_draft(&w.id.public, "n");
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	assert_int_equal(c.serial, 2);
	assert_int_equal(c.short_id, 2);
	w.authority.next_serial = UINT32_MAX;
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	assert_int_equal(c.serial, UINT32_MAX);
	assert_int_equal(c.short_id, 0xffff);
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
}

static void verify_wants_this_authority(void **state)
{
	struct world w;
	struct secret_authority other;

	(void)state;
	world_init(&w);
	authority_make(&other, 99);
	assert_int_equal(certificate_verify(&w.c, &other.public, &no_clock), -EKEYREJECTED);

	/* Another key in the same deployment, and one that takes the issuer's id as well. */
	struct secret_authority impostor = other;
	struct certificate forged = w.c;
	impostor.public.deployment = w.authority.public.deployment;
	assert_int_equal(certificate_issue(&forged, &impostor), 0);
	assert_int_equal(certificate_verify(&forged, &w.authority.public, &no_clock), -EKEYREJECTED);
	forged.issuer = authority_id(&w.authority.public);
	assert_int_equal(certificate_verify(&forged, &w.authority.public, &no_clock), -EKEYREJECTED);

	/* The same key in another deployment. */
	struct authority elsewhere = w.authority.public;
	elsewhere.deployment++;
	assert_int_equal(certificate_verify(&w.c, &elsewhere, &no_clock), -EKEYREJECTED);
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &no_clock), 0);
}

static void verify_refuses_fields_beyond_their_bits(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.c.roles |= 0x40; /* would fall off the wire and verify */
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &no_clock), -EKEYREJECTED);
	world_init(&w);
	w.c.prefix_count = 200;
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &no_clock), -EKEYREJECTED);
}

static void only_certain_expiry_counts__protocol_5(void **state)
{
	struct world w;
	struct time_floor t = { 0 }, far = EVEN_LATER;

	(void)state;
	world_init(&w);
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &t), 0); /* before not_before: advisory */
	t.t_lo = w.c.not_after;
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &t), 0);
	t.t_lo = w.c.not_after + 1;
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &t), -EKEYEXPIRED);
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &far), -EKEYEXPIRED);
	w.c.not_after = UINT32_MAX; /* for ever, but then signed by nobody */
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &far), -EKEYREJECTED);
	assert_int_equal(certificate_issue(&w.c, &w.authority), 0);
	assert_int_equal(certificate_verify(&w.c, &w.authority.public, &far), 0);
}

static void hash_names_the_whole_encoding(void **state)
{
	struct world w;
	uint8_t hash[CERTIFICATE_HASH_LEN], other[CERTIFICATE_HASH_LEN], expected[32];

	(void)state;
	world_init(&w);
	certificate_hash(hash, &w.c);
	crypto_generichash(expected, sizeof(expected), w.encoding, w.len, NULL, 0);
	assert_memory_equal(hash, expected, CERTIFICATE_HASH_LEN);
	w.c.signature[63] ^= 1;
	certificate_hash(other, &w.c);
	assert_memory_not_equal(hash, other, CERTIFICATE_HASH_LEN);
}

static bool may(const struct certificate *c, const char *prefix)
{
	struct prefix p = prefix_make(prefix);
	uint8_t rid[8];

	identity_router_id(rid, &c->key);
	return certificate_authorises(c, &p, rid);
}

static void own_host_address_is_authorised(void **state)
{
	struct world w;
	uint8_t rid[8], other_rid[8];
	struct secret_identity other;

	(void)state;
	world_init(&w);
	identity_make(&other, 13);
	identity_router_id(rid, &w.id.public);
	identity_router_id(other_rid, &other.public);
	struct address own = identity_address(&w.id.public, w.c.deployment);
	struct address next = identity_address(&other.public, w.c.deployment);
	struct address abroad = identity_address(&w.id.public, w.c.deployment + 1);
	struct prefix host = prefix_of_host(own), wider = prefix_of(own, 127), deployment = prefix_of(own, 48);
	struct prefix next_host = prefix_of_host(next), abroad_host = prefix_of_host(abroad);

	assert_true(certificate_authorises(&w.c, &host, rid));
	assert_false(certificate_authorises(&w.c, &host, other_rid));
	assert_false(certificate_authorises(&w.c, &wider, rid));
	assert_false(certificate_authorises(&w.c, &deployment, rid));
	assert_false(certificate_authorises(&w.c, &next_host, rid));
	assert_false(certificate_authorises(&w.c, &abroad_host, rid));
}

static void named_prefixes_are_authorised_and_what_is_inside(void **state)
{
	struct world w;
	uint8_t rid[8];
	struct prefix lan = prefix_make("10.1.2.0/24");

	(void)state;
	world_init(&w);
	assert_true(may(&w.c, "10.1.2.0/24"));
	assert_true(may(&w.c, "10.1.2.128/25"));
	assert_true(may(&w.c, "10.1.2.255/32"));
	assert_false(may(&w.c, "10.1.3.0/24"));
	assert_false(may(&w.c, "10.1.3.0/32"));
	assert_false(may(&w.c, "10.1.2.0/23"));
	assert_false(may(&w.c, "0.0.0.0/0"));
	assert_true(may(&w.c, "2001:db8:1:2::/64"));
	assert_true(may(&w.c, "2001:db8:1:2:ffff::/80"));
	assert_false(may(&w.c, "2001:db8:1:3::/64"));
	assert_false(may(&w.c, "2001:db8:1::/48"));
	assert_false(may(&w.c, "::/0"));
	for (unsigned bit = 0; bit < 64; bit++) {
		identity_router_id(rid, &w.c.key);
		rid[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* The first bytes are free: a node that lost its seqno draws them anew. */
		assert_int_equal(certificate_authorises(&w.c, &lan, rid), bit / 8 < ROUTER_ID_FREE);
	}
}

static void families_do_not_mix(void **state)
{
	struct world w;
	struct certificate v4, v6;

	(void)state;
	world_init(&w);
	v4 = certificate_draft(&w.id.public, "v4");
	prefix_add(&v4, "0.0.0.0/0");
	v6 = certificate_draft(&w.id.public, "v6");
	prefix_add(&v6, "::/0");
	assert_int_equal(certificate_issue(&v4, &w.authority), 0);
	assert_int_equal(certificate_issue(&v6, &w.authority), 0);
	assert_true(may(&v4, "0.0.0.0/0"));
	assert_true(may(&v4, "192.0.2.0/24"));
	assert_false(may(&v4, "::/0"));
	assert_false(may(&v4, "2001:db8::/32"));
	assert_true(may(&v6, "::/0"));
	assert_true(may(&v6, "2001:db8::/32"));
	assert_false(may(&v6, "0.0.0.0/0"));
	assert_false(may(&v6, "192.0.2.0/24"));
	assert_false(may(&w.c, "a01:200::/24")); /* the bits of 10.1.2.0 */
}

static void gateway_does_not_own_the_deployment(void **state)
{
	struct world w;
	struct secret_identity other;
	struct certificate c;
	uint8_t rid[8];

	(void)state;
	world_init(&w);
	identity_make(&other, 13);
	identity_router_id(rid, &w.id.public);
	struct address own = identity_address(&w.id.public, w.c.deployment);
	struct address next = identity_address(&other.public, w.c.deployment);
	struct prefix own_host = prefix_of_host(own), next_host = prefix_of_host(next), all = prefix_of(own, 48);
	struct prefix lan = prefix_of(next, 64);

	c = certificate_draft(&w.id.public, "gateway");
	prefix_add(&c, "::/0");
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	assert_true(certificate_authorises(&c, &own_host, rid));
	assert_false(certificate_authorises(&c, &next_host, rid));
	assert_false(certificate_authorises(&c, &all, rid));
	c.prefixes[0] = all;
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	assert_false(certificate_authorises(&c, &next_host, rid));
	c.prefixes[0] = lan; /* a part of it that the authority names does count */
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	assert_true(certificate_authorises(&c, &lan, rid));
	assert_true(certificate_authorises(&c, &next_host, rid));
}

static void levels_have_names(void **state)
{
	enum level level;

	(void)state;
	for (unsigned i = LEVEL_CITY; i <= LEVEL_SCENE; i++) {
		assert_int_equal(level_parse(&level, level_name((enum level)i)), 0);
		assert_int_equal(level, i);
	}
	assert_string_equal(level_name(LEVEL_CITY), "city");
	assert_string_equal(level_name(LEVEL_SCENE), "scene");
	assert_string_equal(level_name((enum level)4), "-");
	assert_int_equal(level_parse(&level, "village"), -EINVAL);
	assert_int_equal(level_parse(&level, ""), -EINVAL);
	assert_int_equal(level_parse(&level, "-"), -EINVAL);
}

/* --- guests ---------------------------------------------------------------------------------- */

static void guest_certificate_says_what_for(void **state)
{
	uint8_t without[CERTIFICATE_MAX_LEN];
	struct world w;
	struct certificate d;

	(void)state;
	world_init(&w);
	struct certificate c = certificate_draft(&w.id.public, "engine-3");
	c.roles = 0;
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	int len = certificate_encode(&c, without, sizeof(without));
	guest_draft(&c, "fire brigade", "10.7.0.0/16");
	c.guest.until_list = 0x0102;
	c.guest.to[c.guest.to_count++] = prefix_make("fd00::1/128");
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	/* 2 + 1 + 1 + 12 + 1 + (1 + 2) + (1 + 16) more, between prefixes and signature. */
	assert_int_equal(certificate_encode(&c, w.encoding, sizeof(w.encoding)), len + 37);
	assert_memory_equal(w.encoding + len - SIGNATURE_LEN,
		"\x01\x02\x03\x0c"
		"fire brigade"
		"\x02\x91\x0a\x07",
		20);
	assert_int_equal(decode(&d, w.encoding, (size_t)len + 37), 0);
	certificates_equal(&d, &c);
	assert_string_equal(d.guest.agency, "fire brigade");
	assert_int_equal(certificate_verify(&d, &w.authority.public, &no_clock), 0);
	d.guest.classes |= GUEST_BULK;
	assert_int_equal(certificate_verify(&d, &w.authority.public, &no_clock), -EKEYREJECTED);
}

static void what_is_no_guest_is_not_signed_as_one(void **state)
{
	struct certificate good, c;
	struct world w;

	(void)state;
	world_init(&w);
	good = certificate_draft(&w.id.public, "engine-3");
	guest_draft(&good, "fire brigade", "10.7.0.0/16");
	c = good;
	c.roles |= ROLE_GATEWAY;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.guest.classes = 0;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.guest.classes = 8;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.guest.to_count = 0;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.guest.to[0].plen = 5; /* bits beyond it are set */
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.guest.agency_len = 0;
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	c = good;
	c.roles = 0; /* a scope that nobody would read */
	assert_int_equal(certificate_issue(&c, &w.authority), -EINVAL);
	assert_int_equal(certificate_issue(&good, &w.authority), 0);
}

static void guest_certificate_that_is_cut_is_malformed(void **state)
{
	struct certificate c, d;
	struct world w;

	(void)state;
	world_init(&w);
	c = certificate_draft(&w.id.public, "engine-3");
	guest_draft(&c, "fire brigade", "10.7.0.0/16");
	assert_int_equal(certificate_issue(&c, &w.authority), 0);
	int len = certificate_encode(&c, w.encoding, sizeof(w.encoding));
	for (int i = 0; i < len; i++)
		assert_int_equal(decode(&d, w.encoding, (size_t)i), -EBADMSG);
	w.encoding[1] &= (uint8_t) ~(ROLE_GUEST << 2); /* what follows is nobody's */
	assert_int_equal(decode(&d, w.encoding, (size_t)len), -EBADMSG);
}

static void guest_meets_what_it_is_admitted_for(void **state)
{
	struct address in, out, behind;
	struct certificate c;
	struct world w;

	(void)state;
	world_init(&w);
	c = certificate_draft(&w.id.public, "engine-3");
	guest_draft(&c, "fire brigade", "10.7.0.0/16");
	prefix_add(&c, "10.99.0.0/24");
	assert_int_equal(address_parse(&in, "10.7.3.1"), 0);
	assert_int_equal(address_parse(&out, "10.8.3.1"), 0);
	assert_int_equal(address_parse(&behind, "10.99.0.7"), 0);
	assert_true(guest_may_meet(&c, &in));
	assert_false(guest_may_meet(&c, &out) || guest_may_meet(&c, &behind));
	assert_true(certificate_has_behind(&c, &behind));
	assert_false(certificate_has_behind(&c, &in));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_as_written_down__protocol_4_2),
		cmocka_unit_test(signature_is_over_context_and_body),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(every_level_role_and_prefix_length_makes_the_round_trip),
		cmocka_unit_test(longest_certificate_is_320_bytes),
		cmocka_unit_test(guest_certificate_says_what_for),
		cmocka_unit_test(what_is_no_guest_is_not_signed_as_one),
		cmocka_unit_test(guest_certificate_that_is_cut_is_malformed),
		cmocka_unit_test(guest_meets_what_it_is_admitted_for),
		cmocka_unit_test(certificate_of_321_bytes_is_refused),
		cmocka_unit_test(every_damaged_bit_is_refused),
		cmocka_unit_test(every_truncation_and_any_tail_is_malformed),
		cmocka_unit_test(what_is_not_canonical_is_malformed),
		cmocka_unit_test(failed_decode_leaves_the_target),
		cmocka_unit_test(names_are_printable_utf8),
		cmocka_unit_test(name_is_of_its_stated_length),
		cmocka_unit_test(issue_refuses_what_has_no_encoding),
		cmocka_unit_test(serials_are_taken_in_order_and_end),
		cmocka_unit_test(verify_wants_this_authority),
		cmocka_unit_test(verify_refuses_fields_beyond_their_bits),
		cmocka_unit_test(only_certain_expiry_counts__protocol_5),
		cmocka_unit_test(hash_names_the_whole_encoding),
		cmocka_unit_test(own_host_address_is_authorised),
		cmocka_unit_test(named_prefixes_are_authorised_and_what_is_inside),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(gateway_does_not_own_the_deployment),
		cmocka_unit_test(levels_have_names),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
