/*
 * A line of any bytes in pieces of any size, in both framings: what comes out
 * fits the room and does not depend on the pieces, and each frame that is put
 * on the line behind the rubbish, apart, comes out as it went in.
 */
#include "meshd/base/framing.h"

#include <assert.h>
#include <string.h>

#define ROOM 96

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A running sum over all frames, to compare. */
static uint64_t feed(struct deframer *d, struct bytes line, size_t piece)
{
	uint64_t sum = 0;

	while (line.len) {
		struct bytes frame, in = bytes_of(line.data, line.len < piece ? line.len : piece);
		size_t taken = deframer_take(d, in, &frame);

		assert(taken > 0 && taken <= in.len && frame.len <= d->capacity);
		for (size_t i = 0; i < frame.len; i++)
			sum = sum * 31 + frame.data[i] + 1;
		line = bytes_of(line.data + taken, line.len - taken);
	}
	return sum;
}

static void framing_try(enum framing framing, struct bytes line, size_t piece, struct bytes good)
{
	struct deframer whole, parts;
	uint8_t room[2][ROOM], coded[FRAMING_ENCODED_MAX(ROOM)];
	struct bytes frame;

	deframer_init(&whole, framing, 0, room[0], ROOM);
	deframer_init(&parts, framing, 0, room[1], ROOM);
	assert(feed(&whole, line, line.len + 1) == feed(&parts, line, piece));
	assert(whole.frames == parts.frames && whole.rubbish_bytes == parts.rubbish_bytes);
	if (!good.len)
		return;
	size_t len = framing_encode(coded, sizeof(coded), framing, 0, good);
	assert(len);
	/* The first delimiter may end a frame that the rubbish began. */
	assert(deframer_take(&whole, bytes_of(coded, 1), &frame) == 1);
	assert(deframer_take(&whole, bytes_of(coded + 1, len - 1), &frame) == len - 1);
	assert(frame.len == good.len && memcmp(frame.data, good.data, good.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));
	size_t piece = (size_t)read_u8(&r) + 1, good_len = read_u8(&r) % (ROOM + 1);

	if (reader_left(&r) < good_len)
		return 0;
	struct bytes good = read_bytes(&r, good_len), line = read_bytes(&r, reader_left(&r));
	framing_try(FRAMING_KISS, line, piece, good);
	framing_try(FRAMING_COBS, line, piece, good);
	return 0;
}
