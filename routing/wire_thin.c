/*
 * What a thin link carries in peace: one body of thirteen bytes (protocol.md 2.3).
 *
 *   type and flags 1 | epoch 1 | ver 2 | digest 4 | interval 1 | applied 2 | seqno 1 | rxcost 1
 *
 * Interval and cost are log codes; the others are the low bits of what they stand for.
 */
#include "routing/wire.h"
#include "routing/wire_compact.h"
#include "routing/wire_format.h"

#define FLAGS 0x0f

void wire_thin_write(uint8_t out[THIN_LEN], const struct wire_thin *thin)
{
	struct writer w = writer_of(out, THIN_LEN);
	unsigned flags = (thin->is_hello ? THIN_HELLO : 0u) | (thin->is_refresh ? THIN_REFRESH : 0u) |
			 (thin->nack ? THIN_NACK : 0u) | (thin->full ? THIN_FULL : 0u);

	write_u8(&w, (uint8_t)(THIN_BODY | flags));
	write_u8(&w, thin->epoch);
	write_u16(&w, thin->ver);
	write_u32(&w, thin->digest);
	write_u8(&w, log_encode(thin->interval_cs));
	write_u16(&w, thin->applied);
	write_u8(&w, thin->seqno);
	write_u8(&w, log_encode(thin->rxcost));
}

bool wire_thin_read(struct wire_thin *thin, struct bytes packet)
{
	struct reader r = reader_of(packet);
	uint8_t type = read_u8(&r);

	*thin = (struct wire_thin){
		.is_hello = type & THIN_HELLO,
		.is_refresh = type & THIN_REFRESH,
		.nack = type & THIN_NACK,
		.full = type & THIN_FULL,
	};
	thin->epoch = read_u8(&r);
	thin->ver = read_u16(&r);
	thin->digest = read_u32(&r);
	thin->interval_cs = log_decode(read_u8(&r));
	thin->applied = read_u16(&r);
	thin->seqno = read_u8(&r);
	thin->rxcost = log_decode(read_u8(&r));
	return reader_ok(&r) && (type & ~FLAGS) == THIN_BODY;
}
