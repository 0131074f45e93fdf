/*
 * Keys in the place of the deployment's, from anybody. What must hold: what decodes, encodes
 * to the same bytes; only what the authority signed verifies; what is hidden for a member is
 * what that member finds.
 */
#include "tests/fuzz/crypto_authority.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static struct secret_identity ends[2];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (authority_make())
		return 1;
	for (unsigned i = 0; i < 2; i++)
		identity_generate(&ends[i], &authority_random);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct secret_deployment_key k, back;
	uint8_t bytes[DEPLOYMENT_KEY_LEN];

	if (deployment_key_decode(&k, bytes_of(data, size)) < 0)
		return 0;
	assert(size == DEPLOYMENT_KEY_LEN);
	deployment_key_encode(&k, bytes);
	assert(memcmp(bytes, data, size) == 0);
	assert(deployment_key_hide(&k, &ends[0], ends[1].public.dh, bytes) == 0);
	assert(deployment_key_reveal(&back, &ends[1], ends[0].public.dh, bytes_of(bytes, sizeof(bytes))) == 0);
	assert(memcmp(k.psk, back.psk, KEY_LEN) == 0 && memcmp(k.signature, back.signature, SIGNATURE_LEN) == 0);
	if (deployment_key_verify(&k, &authority.public) == 0) {
		assert(deployment_key_make(&back, &authority, k.number) == 0);
		assert(memcmp(k.psk, back.psk, KEY_LEN) == 0);
	}
	return 0;
}
