/*
 * Who a node is: two key pairs, and everything that follows from them.
 *
 * The node hash covers both public keys, so an address cannot be kept while
 * one key is exchanged. Address and router-id are cut from the same hash: the
 * router-id is the address's low half and costs no TLV of its own.
 *
 *   address   fd | 40 bits of the deployment's hash | hash[0..9]
 *   router-id                                         hash[2..9]
 */
#include "crypto/crypto.h"

#include <sodium.h>
#include <string.h>

#define NODE_HASH_LEN 32
#define DEPLOYMENT_LEN 6 /* bytes of the /48 */
#define HOST_LEN 10 /* bytes of the node hash in an address */

void identity_generate(struct secret_identity *id, const struct random *random)
{
	uint8_t seed[crypto_sign_SEEDBYTES];

	random_fill(random, seed, sizeof(seed));
	crypto_sign_seed_keypair(id->public.sign, id->sign_secret, seed);
	secret_wipe(seed, sizeof(seed));
	random_fill(random, id->dh_secret, sizeof(id->dh_secret));
	crypto_scalarmult_base(id->public.dh, id->dh_secret);
}

void identity_done(struct secret_identity *id)
{
	secret_wipe(id, sizeof(*id));
}

void identity_hash(uint8_t hash[32], const struct identity_public *id)
{
	uint8_t keys[SIGN_PUBLIC_LEN + KEY_LEN];

	memcpy(keys, id->sign, SIGN_PUBLIC_LEN);
	memcpy(keys + SIGN_PUBLIC_LEN, id->dh, KEY_LEN);
	hash_bytes(hash, NODE_HASH_LEN, bytes_of(keys, sizeof(keys)), (struct bytes){ 0 });
}

struct prefix deployment_prefix(uint32_t deployment)
{
	uint8_t id[4], hash[NODE_HASH_LEN], address[16] = { 0xfd };
	struct writer w = writer_of(id, sizeof(id));

	write_u32(&w, deployment);
	hash_bytes(hash, sizeof(hash), writer_bytes(&w), (struct bytes){ 0 });
	memcpy(address + 1, hash, DEPLOYMENT_LEN - 1);
	return prefix_of(address_ipv6(address), 8 * DEPLOYMENT_LEN);
}

struct address identity_address(const struct identity_public *id, uint32_t deployment)
{
	struct address address = deployment_prefix(deployment).address;
	uint8_t hash[NODE_HASH_LEN];

	identity_hash(hash, id);
	memcpy(address.bytes + DEPLOYMENT_LEN, hash, HOST_LEN);
	return address;
}

void identity_router_id(uint8_t rid[8], const struct identity_public *id)
{
	uint8_t hash[NODE_HASH_LEN];

	identity_hash(hash, id);
	memcpy(rid, hash + HOST_LEN - 8, 8);
}
