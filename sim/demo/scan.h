/*
 * Known plaintext in captured frames: what a listener on any link would be glad
 * to find. The image byte by byte, names of nodes, addresses of the mesh, Babel
 * packets, and the marker of our own test traffic. Private to sim/demo/.
 */
#ifndef SIM_DEMO_SCAN_H
#define SIM_DEMO_SCAN_H

#include "meshd/base/address.h"
#include "meshd/base/bytes.h"

#define SCAN_TEXT_MAX 16 /* names and markers */
#define SCAN_TEXT_LEN_MIN 7 /* shorter ones would be found in random bytes by chance */
#define SCAN_PREFIX_MAX 4
#define SCAN_PREFIX_BITS_MIN 40 /* likewise */
#define SCAN_CHUNK 16 /* bytes of the image that are looked for together */
#define SCAN_CHUNK_VARIETY 9 /* different bytes that a chunk must have to be telling */

enum scan_kind { SCAN_IMAGE, SCAN_NAME, SCAN_ADDRESS, SCAN_BABEL, SCAN_MARKER, SCAN_KINDS };
const char *scan_kind_name(enum scan_kind kind);

struct scan_text {
	enum scan_kind kind; /* SCAN_NAME or SCAN_MARKER */
	struct bytes text; /* borrowed */
};

struct scan {
	struct bytes image; /* borrowed */
	uint32_t *slots; /* hash table: offset of a chunk in the image + 1, 0: free */
	uint32_t mask;
	unsigned chunk_count;
	unsigned text_count, prefix_count;
	struct scan_text texts[SCAN_TEXT_MAX];
	struct prefix prefixes[SCAN_PREFIX_MAX];
};

struct scan_hits {
	uint64_t frames, bytes; /* looked at */
	uint64_t of[SCAN_KINDS];
};
uint64_t scan_hits_total(const struct scan_hits *hits);
void scan_hits_add(struct scan_hits *sum, const struct scan_hits *more);

/* Every chunk of `image` at a multiple of SCAN_CHUNK that has variety: any run of 2 * SCAN_CHUNK - 1 bytes of the
 * image holds an aligned one. -ENOMEM; -EINVAL: no chunk of it is telling. */
int scan_init(struct scan *s, struct bytes image);
void scan_done(struct scan *s);
/* Borrowed. -EINVAL: too short; -ENOSPC. */
int scan_text_add(struct scan *s, enum scan_kind kind, const char *text);
/* Whole bytes of the prefix are looked for. -EINVAL: too short; -ENOSPC. */
int scan_prefix_add(struct scan *s, const struct prefix *prefix);
/* Counts what one Ethernet frame gives away. */
void scan_frame(const struct scan *s, struct bytes frame, struct scan_hits *hits);

#endif
