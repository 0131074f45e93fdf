/*
 * KISS ("keep it simple, stupid": Chepponis and Karn, 1987):
 *
 *   FEND | port (4 bits), command (4 bits) | data, FEND and FESC escaped | FEND
 *
 * Two delimiters in a row hold no frame, so that one may stand between two
 * frames. A wrong escape spoils its frame: what was sealed would not open anyway.
 */
#include "meshd/base/framing.h"

#define FESC 0xdb
#define TFEND 0xdc
#define TFESC 0xdd

void kiss_byte(struct deframer *d, uint8_t byte)
{
	if (d->is_escaped) {
		d->is_escaped = false;
		if (byte != TFEND && byte != TFESC) {
			deframer_spoil(d, &d->bad_escape);
			return;
		}
		byte = byte == TFEND ? KISS_DELIMITER : FESC;
	} else if (byte == FESC) {
		d->is_escaped = true;
		return;
	}
	if (d->is_begun) {
		deframer_keep(d, byte);
		return;
	}
	d->is_begun = true;
	if (byte != (uint8_t)(d->kiss_port << 4 | KISS_DATA))
		deframer_spoil(d, &d->other_port);
}

static void byte_write(struct writer *w, uint8_t byte)
{
	if (byte == KISS_DELIMITER || byte == FESC) {
		write_u8(w, FESC);
		write_u8(w, byte == FESC ? TFESC : TFEND);
	} else {
		write_u8(w, byte);
	}
}

size_t kiss_encode(uint8_t *out, size_t capacity, uint8_t port, enum kiss_command command, struct bytes data)
{
	struct writer w = writer_of(out, capacity);

	write_u8(&w, KISS_DELIMITER);
	byte_write(&w, (uint8_t)(port << 4 | (unsigned)command));
	for (size_t i = 0; i < data.len; i++)
		byte_write(&w, data.data[i]);
	write_u8(&w, KISS_DELIMITER);
	return writer_ok(&w) ? writer_len(&w) : 0;
}
