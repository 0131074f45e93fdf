/*
 * Certificates from outside: any bytes.
 *
 * What must hold: what decodes, encodes to the same bytes, is hashed and judged
 * without harm, and is accepted only if it is the one that was signed here.
 */
#include "tests/fuzz/crypto_authority.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return authority_make();
}

static void certificate_judge(const struct certificate *c)
{
	const struct time_floor t = { .t_lo = c->not_after };
	struct prefix host = prefix_of_host(identity_address(&c->key, c->deployment));
	uint8_t hash[CERTIFICATE_HASH_LEN], rid[8];

	certificate_hash(hash, c);
	assert(certificate_verify(c, &authority.public, &t) == -EKEYREJECTED);
	identity_router_id(rid, &c->key);
	assert(certificate_authorises(c, &host, rid));
	rid[0] ^= 1;
	assert(certificate_authorises(c, &host, rid)); /* a free byte */
	rid[ROUTER_ID_FREE] ^= 1;
	assert(!certificate_authorises(c, &host, rid));
}

/* The same fields under our signature: must verify, and no more once one bit of the encoding differs. */
static void certificate_sign(const struct certificate *c, const uint8_t *data, size_t size)
{
	struct secret_authority a = authority;
	struct certificate issued = *c, back;
	const struct time_floor t = { .t_lo = c->not_after };
	uint8_t encoding[CERTIFICATE_MAX_LEN];

	a.next_serial = c->serial ? c->serial : 1;
	assert(certificate_issue(&issued, &a) == 0);
	assert(certificate_verify(&issued, &authority.public, &t) == 0);
	int len = certificate_encode(&issued, encoding, sizeof(encoding));
	assert(len == (int)size);
	size_t bit = (data[2] << 8 | data[3]) % (8 * size);
	encoding[bit / 8] ^= (uint8_t)(1u << bit % 8);
	if (certificate_decode(&back, bytes_of(encoding, size)) == 0)
		assert(certificate_verify(&back, &authority.public, &t) == -EKEYREJECTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[CERTIFICATE_MAX_LEN];
	struct certificate c;
	int error = certificate_decode(&c, bytes_of(data, size));

	if (error) {
		assert(error == -EBADMSG);
		return 0;
	}
	assert(certificate_encode(&c, again, sizeof(again)) == (int)size);
	assert(memcmp(again, data, size) == 0);
	certificate_judge(&c);
	certificate_sign(&c, data, size);
	return 0;
}
