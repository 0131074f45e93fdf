/*
 * COBS, consistent overhead byte stuffing (Cheshire and Baker, 1997): the frame
 * in blocks, each behind a code that is its length and stands for the zero at
 * its end; the zero itself is then free to stand between frames.
 *
 *   code 1..254   code - 1 bytes, and a zero unless the frame ends here
 *   code 255      254 bytes and no zero
 */
#include "meshd/base/framing.h"

#define WHOLE_BLOCK 255

void cobs_byte(struct deframer *d, uint8_t byte)
{
	if (d->block_left) {
		d->block_left--;
		deframer_keep(d, byte);
		return;
	}
	if (d->is_begun && !d->is_whole_block)
		deframer_keep(d, 0);
	d->is_begun = true;
	d->is_whole_block = byte == WHOLE_BLOCK;
	d->block_left = (uint8_t)(byte - 1);
}

size_t cobs_encode(uint8_t *out, size_t capacity, bool apart, struct bytes frame)
{
	struct writer w = writer_of(out, capacity);

	if (apart)
		write_u8(&w, COBS_DELIMITER);
	for (size_t at = 0;; at++) {
		size_t run;

		do {
			for (run = 0; run < WHOLE_BLOCK - 1 && at + run < frame.len && frame.data[at + run]; run++)
				;
			write_u8(&w, (uint8_t)(run + 1));
			write_bytes(&w, bytes_of(frame.data + at, run));
			at += run;
		} while (run == WHOLE_BLOCK - 1 && at < frame.len);
		if (at == frame.len)
			break;
		/* The code stands for the zero here. */
	}
	write_u8(&w, COBS_DELIMITER);
	return writer_ok(&w) ? writer_len(&w) : 0;
}
