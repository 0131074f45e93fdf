/*
 * Lists of members by their short-ids: COMPACT (227), BATCH-REQ (228), and the list of
 * SYNCACK's sub-TLV 112 (docs/routing.md). Private to routing/.
 *
 * A list is a run of items in ascending order of short-ids, each as the gap to the one
 * before it: 1 or more, in 7-bit groups, the lowest first, the top bit set in all but
 * the last. A gap of 0 ends the list before its TLV does.
 */
#ifndef ROUTING_WIRE_COMPACT_H
#define ROUTING_WIRE_COMPACT_H

#include "meshd/base/bytes.h"

#define COMPACT_CLASSES 3
#define COMPACT_SALT 2 /* bytes of a router-id that do not follow from its node's keys */
#define COMPACT_LIST_MAX 249 /* bytes of items in one TLV */
#define LOG_INFINITY 0xff

/* 1 to 61440 in one byte, sixteen steps an octave, rounded up; what is more is infinite. */
uint8_t log_encode(uint16_t value);
uint16_t log_decode(uint8_t code); /* 0xffff: infinite */

enum compact_kind {
	COMPACT_FINITE,
	COMPACT_RETRACTION,
	COMPACT_BUMPED, /* as the receiver knows it, with a seqno newer by one */
};

enum compact_seqno {
	COMPACT_KNOWN, /* origin and seqno as the receiver knows them */
	COMPACT_NEXT, /* the same, newer by one */
	COMPACT_GIVEN, /* of the origin that follows from the member's keys */
	COMPACT_SALTED, /* of another one of its origins */
};

struct compact_item {
	uint16_t id;
	uint16_t more; /* so many ids after it as well; not of COMPACT_FINITE */
	enum compact_kind kind;
	bool with_lans; /* all prefixes that the certificate names, too */
	/* Of COMPACT_FINITE only. */
	enum compact_seqno how;
	uint16_t seqno; /* COMPACT_GIVEN and _SALTED */
	uint8_t salt[COMPACT_SALT]; /* COMPACT_SALTED */
	uint8_t classes; /* bit c: metric[c] is there, for c > 0 */
	uint16_t metric[COMPACT_CLASSES]; /* of classes above 0 rounded by log_encode() */
	int8_t ahead[COMPACT_CLASSES]; /* so much newer than that of class 0 is the seqno of a class above it */
};

struct batch_item {
	uint16_t id;
	uint16_t more; /* so many ids after it as well, if it is relative */
	bool is_relative; /* asks for one newer than what the receiver has announced here */
	uint16_t seqno; /* else */
	uint8_t salt[COMPACT_SALT]; /* in a salted list, if not relative */
};

/* --- writing: items in ascending order ----------------------------------------------- */

/* What the last finite item of a list said of classes, metrics and how seqnos differ; the first has none before it. */
struct compact_metrics {
	bool is_there;
	uint8_t classes;
	uint16_t metric[COMPACT_CLASSES];
	int8_t ahead[COMPACT_CLASSES];
};

struct list_writer {
	struct writer w;
	uint32_t next; /* the least id that may follow */
	struct compact_metrics before;
};

/* A list of items whose ids are not below `first`. */
struct list_writer list_writer_of(void *buffer, size_t capacity, uint16_t first);
/* False, with nothing written: it does not fit. */
bool compact_write(struct list_writer *l, uint16_t base_seqno, const struct compact_item *item);
bool batch_write(struct list_writer *l, bool is_salted, const struct batch_item *item);
bool id_write(struct list_writer *l, uint16_t id);

/* --- reading --------------------------------------------------------------------------- */

struct list_reader {
	struct reader r;
	uint32_t next;
	bool is_ended; /* by a gap of 0 */
	struct compact_metrics before;
};

struct list_reader list_reader_of(struct bytes list, uint16_t first);
/* True and *item, or false: at the end, or at what cannot be read (reader_ok(&l->r) tells which).
 * Ids never pass 0xffff, those of `more` included. */
bool compact_read(struct list_reader *l, uint16_t base_seqno, struct compact_item *item);
bool batch_read(struct list_reader *l, bool is_salted, struct batch_item *item);
bool id_read(struct list_reader *l, uint16_t *id);

#endif
