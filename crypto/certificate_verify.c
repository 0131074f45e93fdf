/*
 * What a certificate proves: that the authority of this deployment signed it,
 * that it is not certainly expired, and what its holder may originate.
 *
 * A node may have no clock. Expiry is therefore judged by a lower bound of the
 * time: a wrong "not yet expired" is revocation's business, a wrong "expired"
 * would silence a box in the field. not_before is not judged at all.
 *
 * A signature costs 50 us and more to verify, and a node starts with a thousand
 * certificates on its disk. A keyed hash of what was verified costs 1 us; who can
 * write the disk but not read the identity cannot make one.
 */
#include "crypto/certificate.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define PROOF_LABEL "mesh certificate proof"

/* All but the signature. */
static int certificate_judge(const struct certificate *c, const struct authority *a, const struct time_floor *t)
{
	/* What cannot be encoded was not signed: fields that overflow their place could alias others. */
	if (c->deployment != a->deployment || c->issuer != authority_id(a) || !certificate_is_encodable(c))
		return -EKEYREJECTED;
	return t->t_lo > c->not_after ? -EKEYEXPIRED : 0;
}

int certificate_verify(const struct certificate *c, const struct authority *a, const struct time_floor *t)
{
	uint8_t buffer[CERTIFICATE_SIGNED_MAX];
	int error = certificate_judge(c, a, t);

	if (error == -EKEYREJECTED)
		return error;
	struct bytes message = certificate_signed_bytes(c, buffer);
	if (crypto_sign_verify_detached(c->signature, message.data, message.len, a->sign_public) != 0)
		return -EKEYREJECTED;
	return error;
}

/* --- what was verified before ------------------------------------------------------------ */

void proof_key(uint8_t key[KEY_LEN], const struct secret_identity *id)
{
	hash_bytes(key, KEY_LEN, bytes_of(PROOF_LABEL, sizeof(PROOF_LABEL) - 1),
		bytes_of(id->sign_secret, sizeof(id->sign_secret)));
}

void certificate_proof(uint8_t proof[CERTIFICATE_PROOF_LEN], const uint8_t key[KEY_LEN], const struct authority *a,
	struct bytes encoded)
{
	uint8_t buffer[SIGN_PUBLIC_LEN + CERTIFICATE_MAX_LEN];
	struct writer w = writer_of(buffer, sizeof(buffer));

	write_copy(&w, a->sign_public, SIGN_PUBLIC_LEN);
	write_copy(&w, encoded.data, encoded.len);
	assert(writer_ok(&w));
	hash_bytes(proof, CERTIFICATE_PROOF_LEN, writer_bytes(&w), bytes_of(key, KEY_LEN));
}

int certificate_verify_proven(const struct certificate *c, const struct authority *a, const struct time_floor *t,
	const uint8_t key[KEY_LEN], struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	uint8_t right[CERTIFICATE_PROOF_LEN];
	int error = certificate_judge(c, a, t);

	if (error == -EKEYREJECTED)
		return error;
	certificate_proof(right, key, a, encoded);
	return secret_equal(proof, right, sizeof(right)) ? error : -EKEYREJECTED;
}

/* --- what its holder may originate --------------------------------------------------------- */

bool certificate_authorises(const struct certificate *c, const struct prefix *prefix, const uint8_t rid[8])
{
	struct prefix host = prefix_of_host(identity_address(&c->key, c->deployment));
	struct prefix deployment = deployment_prefix(c->deployment);
	uint8_t own[8];

	identity_router_id(own, &c->key);
	if (memcmp(rid + ROUTER_ID_FREE, own + ROUTER_ID_FREE, sizeof(own) - ROUTER_ID_FREE) != 0)
		return false;
	if (prefix_equal(prefix, &host))
		return true;
	for (unsigned i = 0; i < c->prefix_count; i++) {
		const struct prefix *named = &c->prefixes[i];

		if (!prefix_contains(named, prefix))
			continue;
		/* A gateway's ::/0 must not make it the owner of every node's address. */
		if (prefix_contains(named, &deployment) && prefix_contains(&deployment, prefix))
			continue;
		return true;
	}
	return false;
}

/* --- what a guest may do ---------------------------------------------------------------------- */

static bool prefixes_contain(const struct prefix *prefixes, unsigned count, const struct address *a)
{
	struct prefix one = prefix_of_host(*a);

	for (unsigned i = 0; i < count; i++)
		if (prefix_contains(&prefixes[i], &one))
			return true;
	return false;
}

bool certificate_has_behind(const struct certificate *c, const struct address *a)
{
	return prefixes_contain(c->prefixes, c->prefix_count, a);
}

bool guest_may_meet(const struct certificate *c, const struct address *a)
{
	return prefixes_contain(c->guest.to, c->guest.to_count, a);
}
