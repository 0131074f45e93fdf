/*
 * Frames on a line of bytes: COBS with a zero between frames, for radios that
 * carry any byte, and KISS, as terminal node controllers speak it.
 *
 * A deframer takes whatever arrives, in pieces of any size, and keeps no more
 * than its room. Noise costs at most the frame that it falls into: the next
 * delimiter begins a new one. What is no frame is counted by its reason.
 */
#ifndef MESHD_BASE_FRAMING_H
#define MESHD_BASE_FRAMING_H

#include "meshd/base/bytes.h"

enum framing { FRAMING_COBS, FRAMING_KISS };

/* Commands of a KISS frame: low half of its first byte (Chepponis and Karn, "The KISS TNC", 1987). */
enum kiss_command {
	KISS_DATA = 0,
	KISS_TX_DELAY = 1, /* from keying up to the first byte, 10 ms each */
	KISS_PERSISTENCE = 2, /* of 256: how often a free slot is taken, minus 1 */
	KISS_SLOT_TIME = 3, /* 10 ms each */
	KISS_TX_TAIL = 4, /* 10 ms each */
	KISS_FULL_DUPLEX = 5, /* 0: half */
};
#define KISS_PORT_MAX 14 /* 15 with command 15 leaves KISS mode */

/* A frame of `len` bytes as it may look on the line at worst, in either framing. */
#define FRAMING_ENCODED_MAX(len) (2 * (len) + 4)

/* clang-format off */
#define DEFRAMER_RUBBISH(X) \
	X(unframed)   /* bytes before the first delimiter, however many */ \
	X(too_long)   /* more than the room takes */ \
	X(bad_escape) /* KISS: an escape of what is never escaped */ \
	X(other_port) /* KISS: for another port, or no data */ \
	X(bad_block)  /* COBS: a delimiter within a block */
/* clang-format on */

struct deframer {
	enum framing framing;
	uint8_t kiss_port; /* whose frames are taken */
	uint8_t *room;
	size_t capacity, len;
	size_t run; /* bytes on the line since the last delimiter */
	bool is_synced; /* a delimiter was seen */
	bool is_spoilt; /* what came since the last delimiter is no frame */
	bool is_begun; /* the first byte of the frame was seen: KISS port and command, or COBS code */
	bool is_escaped; /* KISS: the byte before was an escape */
	bool is_whole_block; /* COBS: no zero ends the block */
	uint8_t block_left; /* COBS: bytes that the block still has */
	uint64_t frames;
	uint64_t rubbish_bytes; /* on the line, of all that was no frame */
#define DEFRAMER_FIELD(name) uint64_t name;
	DEFRAMER_RUBBISH(DEFRAMER_FIELD)
#undef DEFRAMER_FIELD
};

/* Frames of at most `capacity` bytes are put together in `room`, which is borrowed. */
void deframer_init(struct deframer *d, enum framing framing, uint8_t kiss_port, uint8_t *room, size_t capacity);
/* The line is another one: what was begun is forgotten, the counters stay. */
void deframer_reset(struct deframer *d);
/* Takes bytes up to the end of the first frame in `in`, all if none ends there, and returns how many. *frame is that
 * frame, in the deframer's room until the next call; empty if there is none yet. Frames without a byte are none. */
size_t deframer_take(struct deframer *d, struct bytes in, struct bytes *frame);
/* Sets *name and returns the count of the i-th reason; *name is NULL past the last. */
uint64_t deframer_rubbish_at(const struct deframer *d, unsigned i, const char **name);

/* What the other side's deframer takes as `frame`; `kiss_port` as in deframer_init(). Begins and ends with a delimiter:
 * whatever noise a receiver took in since the last frame ends there. Returns the length of it on the line; 0: `out` is
 * too small. */
size_t framing_encode(uint8_t *out, size_t capacity, enum framing framing, uint8_t kiss_port, struct bytes frame);

/* Length of the frame on the line; 0: `out` is too small. */
size_t kiss_encode(uint8_t *out, size_t capacity, uint8_t port, enum kiss_command command, struct bytes data);
/* `apart`: begins with a delimiter too, which ends whatever noise a receiver took in since the last frame. */
size_t cobs_encode(uint8_t *out, size_t capacity, bool apart, struct bytes frame);

/* --- kiss.c, cobs.c: for framing.c ----------------------------------------------------------- */

#define KISS_DELIMITER 0xc0
#define COBS_DELIMITER 0
/* One byte of a frame, not the delimiter. */
void kiss_byte(struct deframer *d, uint8_t byte);
void cobs_byte(struct deframer *d, uint8_t byte);
void deframer_keep(struct deframer *d, uint8_t byte);
/* `reason` is one of the deframer's counters. */
void deframer_spoil(struct deframer *d, uint64_t *reason);

#endif
