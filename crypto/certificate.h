/* What issuing and verifying share. Private to crypto/. */
#ifndef CRYPTO_CERTIFICATE_H
#define CRYPTO_CERTIFICATE_H

#include "crypto/crypto.h"

#define CERTIFICATE_VERSION 1

/* The context that keeps a certificate's signature from meaning anything else,
 * with its NUL, then the encoding without the signature. */
#define CERTIFICATE_CONTEXT "meshd certificate 1"
#define CERTIFICATE_SIGNED_MAX (sizeof(CERTIFICATE_CONTEXT) + CERTIFICATE_MAX_LEN - SIGNATURE_LEN)

/* Does every field fit its place on the wire, and all of them into CERTIFICATE_MAX_LEN? */
bool certificate_is_encodable(const struct certificate *c);
/* The bytes that are signed; the certificate must be encodable. */
struct bytes certificate_signed_bytes(const struct certificate *c, uint8_t buffer[CERTIFICATE_SIGNED_MAX]);

#endif
