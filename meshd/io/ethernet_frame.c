/* The Ethernet frame around a sealed one, as bytes (io.h draws it). */
#include "meshd/io/io.h"

#include <string.h>

void ethernet_header_write(uint8_t out[ETHERNET_HEADER + ETHERNET_LENGTH], const uint8_t to[IO_MAC_LEN],
	const uint8_t from[IO_MAC_LEN], size_t frame_len)
{
	struct writer w = writer_of(out, ETHERNET_HEADER + ETHERNET_LENGTH);

	write_copy(&w, to, IO_MAC_LEN);
	write_copy(&w, from, IO_MAC_LEN);
	write_u16(&w, IO_ETHERTYPE);
	write_u16(&w, (uint16_t)frame_len);
}

size_t ethernet_wrap(
	uint8_t out[ETHERNET_MAX], const uint8_t to[IO_MAC_LEN], const uint8_t from[IO_MAC_LEN], struct bytes frame)
{
	const size_t header = ETHERNET_HEADER + ETHERNET_LENGTH;
	struct writer w = writer_of(out + header, ETHERNET_MAX - header);

	ethernet_header_write(out, to, from, frame.len);
	write_bytes(&w, frame);
	/* What the driver would pad with is not ours to leak. */
	if (header + writer_len(&w) < ETHERNET_MIN)
		write_zeros(&w, ETHERNET_MIN - header - writer_len(&w));
	return writer_ok(&w) ? header + writer_len(&w) : 0;
}

bool ethernet_header_read(const uint8_t in[ETHERNET_HEADER + ETHERNET_LENGTH], size_t whole_len,
	uint8_t from[IO_MAC_LEN], size_t *frame_len)
{
	const size_t header = ETHERNET_HEADER + ETHERNET_LENGTH;
	struct reader r = reader_of(bytes_of(in, whole_len < header ? whole_len : header));

	read_skip(&r, IO_MAC_LEN);
	read_copy(&r, from, IO_MAC_LEN);
	if (read_u16(&r) != IO_ETHERTYPE)
		return false;
	*frame_len = read_u16(&r);
	return reader_ok(&r) && *frame_len > 0 && *frame_len <= NODE_FRAME_MAX && *frame_len <= whole_len - header;
}

bool ethernet_unwrap(struct bytes raw, uint8_t from[IO_MAC_LEN], struct bytes *frame)
{
	size_t len;

	if (!ethernet_header_read(raw.data, raw.len, from, &len))
		return false;
	*frame = bytes_of(raw.data + ETHERNET_HEADER + ETHERNET_LENGTH, len);
	return true;
}
