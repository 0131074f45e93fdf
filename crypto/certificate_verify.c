/*
 * What a certificate proves: that the authority of this deployment signed it,
 * that it is not certainly expired, and what its holder may originate.
 *
 * A node may have no clock. Expiry is therefore judged by a lower bound of the
 * time: a wrong "not yet expired" is revocation's business, a wrong "expired"
 * would silence a box in the field. not_before is not judged at all.
 */
#include "crypto/certificate.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

int certificate_verify(const struct certificate *c, const struct authority *a, const struct time_floor *t)
{
	uint8_t buffer[CERTIFICATE_SIGNED_MAX];

	/* What cannot be encoded was not signed: fields that overflow their place could alias others. */
	if (c->deployment != a->deployment || c->issuer != authority_id(a) || !certificate_is_encodable(c))
		return -EKEYREJECTED;
	struct bytes message = certificate_signed_bytes(c, buffer);
	if (crypto_sign_verify_detached(c->signature, message.data, message.len, a->sign_public) != 0)
		return -EKEYREJECTED;
	return t->t_lo > c->not_after ? -EKEYEXPIRED : 0;
}

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
