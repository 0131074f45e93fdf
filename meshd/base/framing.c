/* What KISS and COBS have in common: delimiters, room, and how what is no frame is counted. */
#include "meshd/base/framing.h"

#include <string.h>

void deframer_init(struct deframer *d, enum framing framing, uint8_t kiss_port, uint8_t *room, size_t capacity)
{
	memset(d, 0, sizeof(*d));
	d->framing = framing;
	d->kiss_port = kiss_port;
	d->room = room;
	d->capacity = capacity;
}

void deframer_reset(struct deframer *d)
{
	d->len = d->run = 0;
	d->block_left = 0;
	d->is_synced = d->is_spoilt = d->is_begun = d->is_escaped = d->is_whole_block = false;
}

void deframer_spoil(struct deframer *d, uint64_t *reason)
{
	++*reason;
	d->is_spoilt = true;
}

void deframer_keep(struct deframer *d, uint8_t byte)
{
	if (d->len == d->capacity)
		deframer_spoil(d, &d->too_long);
	else
		d->room[d->len++] = byte;
}

/* At a delimiter: the frame that ends here; empty: none. */
static struct bytes frame_end(struct deframer *d)
{
	if (!d->is_synced)
		d->unframed += d->run > 0;
	else if (!d->is_spoilt && d->is_escaped)
		deframer_spoil(d, &d->bad_escape);
	else if (!d->is_spoilt && d->block_left)
		deframer_spoil(d, &d->bad_block);
	struct bytes frame = bytes_of(d->room, d->is_spoilt ? 0 : d->len);
	if (frame.len)
		d->frames++;
	else
		d->rubbish_bytes += d->run;
	deframer_reset(d);
	d->is_synced = true;
	return frame;
}

size_t deframer_take(struct deframer *d, struct bytes in, struct bytes *frame)
{
	bool is_kiss = d->framing == FRAMING_KISS;
	uint8_t delimiter = is_kiss ? KISS_DELIMITER : COBS_DELIMITER;

	*frame = bytes_of(d->room, 0);
	for (size_t i = 0; i < in.len; i++) {
		uint8_t byte = in.data[i];

		if (byte == delimiter) {
			*frame = frame_end(d);
			if (frame->len)
				return i + 1;
			continue;
		}
		d->run++;
		if (!d->is_synced || d->is_spoilt)
			continue;
		if (is_kiss)
			kiss_byte(d, byte);
		else
			cobs_byte(d, byte);
	}
	return in.len;
}

uint64_t deframer_rubbish_at(const struct deframer *d, unsigned i, const char **name)
{
	unsigned at = 0;

#define DEFRAMER_AT(field)                                                                                             \
	if (at++ == i) {                                                                                               \
		*name = #field;                                                                                        \
		return d->field;                                                                                       \
	}
	DEFRAMER_RUBBISH(DEFRAMER_AT)
#undef DEFRAMER_AT
	*name = NULL;
	return 0;
}

size_t framing_encode(uint8_t *out, size_t capacity, enum framing framing, uint8_t kiss_port, struct bytes frame)
{
	return framing == FRAMING_KISS ? kiss_encode(out, capacity, kiss_port, KISS_DATA, frame)
				       : cobs_encode(out, capacity, true, frame);
}
