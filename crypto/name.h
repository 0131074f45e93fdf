/* Which node names a certificate may carry. Private to crypto/. */
#ifndef CRYPTO_NAME_H
#define CRYPTO_NAME_H

#include "meshd/base/bytes.h"

/* 1..NAME_MAX_LEN bytes of valid UTF-8 without control, formatting or line
 * separating characters, and without a space at either end. */
bool name_is_valid(struct bytes name);

#endif
