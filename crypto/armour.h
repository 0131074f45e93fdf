/* Blobs as text: the form of enrolment and authority files, and of lists of who is out. Private to crypto/. */
#ifndef CRYPTO_ARMOUR_H
#define CRYPTO_ARMOUR_H

#include "meshd/base/bytes.h"

#define ARMOUR_BLOB_MAX 512 /* longest contents */
#define ARMOUR_TITLE_MAX 160 /* with its NUL */

enum armour_kind {
	ARMOUR_ENROLMENT = 'E',
	ARMOUR_AUTHORITY = 'A',
	ARMOUR_AUTHORITY_LOCKED = 'L',
	ARMOUR_REVOCATION = 'R',
	ARMOUR_REQUEST_SECRET = 'P', /* whose answer is still to come */
	ARMOUR_REQUEST = 'Q',
	ARMOUR_GRANT = 'G',
	ARMOUR_DEPLOYMENT_KEY = 'K',
};

/* Writes the title as a comment line, then the contents; text is NUL-terminated.
 * Length without NUL, or -ENOSPC, and then `text` holds nothing secret. */
int armour_format(enum armour_kind kind, const char *title, struct bytes contents, char *text, size_t capacity);

/* Does a file stand there, and not words or a line? Moves past the white space before it. */
bool armour_begins(struct bytes *text);

struct armour {
	char title[ARMOUR_TITLE_MAX];
	size_t len;
	uint8_t contents[ARMOUR_BLOB_MAX];
};
void armour_done(struct armour *a);
/* -EBADMSG: not of this kind, damaged or too long; `a` is wiped then. CR LF, white
 * space at line ends and empty lines are forgiven. */
int armour_parse(struct armour *a, enum armour_kind kind, struct bytes text);

#endif
