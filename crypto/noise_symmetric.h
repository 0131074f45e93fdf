/*
 * The SymmetricState of Noise revision 34, section 5.2, over the fields k, n,
 * ck and h of struct secret_noise. Knows hashing and sealing, nothing of
 * patterns. Private to crypto/.
 */
#ifndef CRYPTO_NOISE_SYMMETRIC_H
#define CRYPTO_NOISE_SYMMETRIC_H

#include "crypto/crypto.h"

/* `name` is at most NOISE_HASH_LEN bytes: it is padded, not hashed. */
void symmetric_init(struct secret_noise *n, const char *name);
void symmetric_mix_hash(struct secret_noise *n, struct bytes data);
void symmetric_mix_key(struct secret_noise *n, const uint8_t material[KEY_LEN]);
/* For psk tokens (section 9.2). */
void symmetric_mix_key_and_hash(struct secret_noise *n, const uint8_t material[KEY_LEN]);
/* Appends plain.len + TAG_LEN bytes to `out`; a short `out` turns bad. */
void symmetric_encrypt(struct secret_noise *n, struct bytes plain, struct writer *out);
/* Writes sealed.len - TAG_LEN bytes to `plain`. False: does not authenticate. */
bool symmetric_decrypt(struct secret_noise *n, struct bytes sealed, uint8_t *plain);
/* First key: initiator to responder; second: the way back. */
void symmetric_split(const struct secret_noise *n, uint8_t first[KEY_LEN], uint8_t second[KEY_LEN]);

#endif
