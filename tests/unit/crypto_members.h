/* A seeded authority and members of its deployment. */
#ifndef TESTS_UNIT_CRYPTO_MEMBERS_H
#define TESTS_UNIT_CRYPTO_MEMBERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static inline void authority_make(struct secret_authority *a, uint64_t seed)
{
	struct prng prng;
	struct random random = prng_random(&prng);

	prng_seed(&prng, seed);
	authority_generate(a, &random);
}

static inline void identity_make(struct secret_identity *id, uint64_t seed)
{
	struct prng prng;
	struct random random = prng_random(&prng);

	prng_seed(&prng, seed);
	identity_generate(id, &random);
}

static inline struct prefix prefix_make(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static inline void name_set(struct certificate *c, const char *name)
{
	assert_true(strlen(name) <= NAME_MAX_LEN);
	c->name_len = (uint8_t)strlen(name);
	memcpy(c->name, name, strlen(name) + 1);
}

/* What the caller of certificate_issue() sets. */
static inline struct certificate certificate_draft(const struct identity_public *key, const char *name)
{
	struct certificate c = { .level = LEVEL_TOWN,
		.roles = ROLE_COMMAND_POST,
		.generation = 0x0102,
		.not_before = 29000000,
		.not_after = 30000000,
		.key = *key };

	name_set(&c, name);
	return c;
}

static inline void prefix_add(struct certificate *c, const char *text)
{
	assert_true(c->prefix_count < CERTIFICATE_PREFIX_MAX);
	c->prefixes[c->prefix_count++] = prefix_make(text);
}

/* It is a guest of an agency's, for voice and text to what lies in `to`, and nothing else. */
static inline void guest_draft(struct certificate *c, const char *agency, const char *to)
{
	c->roles = ROLE_GUEST;
	c->guest = (struct guest_scope){ .classes = GUEST_TEXT | GUEST_COMMAND, .to_count = 1 };
	c->guest.to[0] = prefix_make(to);
	c->guest.agency_len = (uint8_t)strlen(agency);
	memcpy(c->guest.agency, agency, strlen(agency) + 1);
}

#endif
