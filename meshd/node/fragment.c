/*
 * IPv4 fragmentation (RFC 791, 3.2), as a router owes it to packets that do not
 * forbid it (RFC 1812, 5.2.6).
 *
 *   packet:  header [options] payload............
 *   first:   header [options] payload.
 *   others:  header [options marked "copied"] payload.
 *
 * A fragment may be cut again: offset and "more" continue what is there.
 */
#include "meshd/base/checksum.h"
#include "meshd/node/state.h"

#include <string.h>

#define MORE_FRAGMENTS 0x2000
#define OFFSET_MASK 0x1fff

void fragmenter_init(struct fragmenter *f, const struct packet *p, size_t mtu)
{
	uint16_t field = (uint16_t)(p->data[6] << 8 | p->data[7]);

	*f = (struct fragmenter){ .packet = *p, .mtu = mtu, .at = p->header_len };
	f->more = field & MORE_FRAGMENTS;
	f->offset = field & OFFSET_MASK;
}

/* The header of all fragments but the first: options that are not "copied" go. */
static size_t later_header(uint8_t *out, const struct packet *p)
{
	struct reader r = reader_of(bytes_of(p->data + 20, p->header_len - 20));
	struct writer w = writer_of(out, 60);

	write_copy(&w, p->data, 20);
	while (reader_left(&r) > 0) {
		uint8_t type = read_u8(&r);

		if (type == 0)
			break;
		if (type == 1)
			continue;
		uint8_t len = read_u8(&r);
		struct bytes body = read_bytes(&r, len >= 2 ? len - 2u : SIZE_MAX);

		if (!reader_ok(&r))
			break;
		if (type & 0x80) {
			write_u8(&w, type);
			write_u8(&w, len);
			write_bytes(&w, body);
		}
	}
	while (writer_len(&w) % 4)
		write_u8(&w, 0);
	return writer_len(&w);
}

size_t fragmenter_next(struct fragmenter *f, uint8_t *out, size_t capacity)
{
	const struct packet *p = &f->packet;
	size_t header_len = p->header_len;
	uint8_t header[60];

	/* Beyond the last offset there is only a packet that nobody can reassemble. */
	if (f->at >= p->len || f->offset > OFFSET_MASK)
		return 0;
	memcpy(header, p->data, header_len);
	if (f->at > p->header_len)
		header_len = later_header(header, p);
	if (f->mtu < header_len + 8 || f->mtu > capacity)
		return 0;
	size_t left = p->len - f->at;
	size_t part = left <= f->mtu - header_len ? left : (f->mtu - header_len) / 8 * 8;
	uint16_t field = (uint16_t)(f->offset | (f->more || part < left ? MORE_FRAGMENTS : 0));
	struct writer w = writer_of(out, capacity);

	write_u8(&w, (uint8_t)(0x40 | header_len / 4));
	write_u8(&w, header[1]);
	write_u16(&w, (uint16_t)(header_len + part));
	write_copy(&w, header + 4, 2);
	write_u16(&w, field);
	write_copy(&w, header + 8, 2);
	write_u16(&w, 0);
	write_copy(&w, header + 12, header_len - 12);
	write_copy(&w, p->data + f->at, part);
	checksum_put(out + 10, checksum_add(0, bytes_of(out, header_len)));
	f->at += part;
	f->offset = (uint16_t)(f->offset + part / 8);
	return header_len + part;
}
