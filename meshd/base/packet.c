/* IP and UDP headers with their checksums (RFC 1071, RFC 768, RFC 8200 8.1). */
#include "meshd/base/packet.h"

#define UDP_CHECKSUM_AT 6 /* in the UDP header */
#define TCP_CHECKSUM_AT 16
#define IPV4_CHECKSUM_AT 10

/* Adds 16-bit words; an odd last byte counts as the upper half of a word. */
static uint32_t sum_add(uint32_t sum, struct bytes b)
{
	struct reader r = reader_of(b);

	while (reader_left(&r) > 1)
		sum += read_u16(&r);
	if (reader_left(&r))
		sum += (uint32_t)read_u8(&r) << 8;
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_u16(uint8_t *at, uint16_t v)
{
	struct writer w = writer_of(at, 2);

	write_u16(&w, v);
}

/* `addresses` as in the IP header; `body` has zeros where its checksum goes. */
static void body_seal(struct bytes addresses, uint8_t protocol, uint8_t *body, size_t len)
{
	uint32_t sum = sum_add(protocol + (uint32_t)len, addresses);
	uint16_t checksum = sum_fold(sum_add(sum, bytes_of(body, len)));

	/* Both are the same sum; in UDP none may be 0. */
	put_u16(body + (protocol == IP_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT), checksum ? checksum : 0xffff);
}

void packet_seal_ipv6(uint8_t *packet, size_t len)
{
	bool is_tcp = len >= IPV6_HEADER && packet[6] == IP_TCP;

	if (len < IPV6_HEADER + (is_tcp ? TCP_HEADER : UDP_HEADER))
		return;
	put_u16(packet + IPV6_HEADER + (is_tcp ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT), 0);
	body_seal(bytes_of(packet + 8, 32), packet[6], packet + IPV6_HEADER, len - IPV6_HEADER);
}

static void ipv6_write(struct writer *out, const struct packet_udp *u, size_t len)
{
	write_u32(out, 6u << 28 | (uint32_t)u->traffic_class << 20);
	write_u16(out, (uint16_t)len);
	write_u8(out, IP_UDP);
	write_u8(out, u->hop_limit);
	write_copy(out, u->source.bytes, 16);
	write_copy(out, u->destination.bytes, 16);
}

static void ipv4_write(struct writer *out, const struct packet_udp *u, size_t len)
{
	uint8_t *header = write_reserve(out, IPV4_HEADER);
	struct writer w = writer_of(header, header ? IPV4_HEADER : 0);

	write_u16(&w, (uint16_t)(0x4500 | u->traffic_class));
	write_u16(&w, (uint16_t)(IPV4_HEADER + len));
	write_u32(&w, 0);
	write_u8(&w, u->hop_limit);
	write_u8(&w, IP_UDP);
	write_u16(&w, 0);
	write_copy(&w, u->source.bytes, 4);
	write_copy(&w, u->destination.bytes, 4);
	if (header)
		put_u16(header + IPV4_CHECKSUM_AT, sum_fold(sum_add(0, bytes_of(header, IPV4_HEADER))));
}

void packet_write_udp(struct writer *out, const struct packet_udp *u, struct bytes payload)
{
	bool is_v4 = u->source.family == FAMILY_IPV4;
	size_t len = UDP_HEADER + payload.len, address_len = is_v4 ? 4 : 16;

	if (is_v4)
		ipv4_write(out, u, len);
	else
		ipv6_write(out, u, len);
	uint8_t *udp = write_reserve(out, len);
	if (!udp)
		return;
	struct writer w = writer_of(udp, len);

	write_u16(&w, u->source_port);
	write_u16(&w, u->destination_port);
	write_u16(&w, (uint16_t)len);
	write_u16(&w, 0);
	write_bytes(&w, payload);
	/* The addresses end the header of either family. */
	body_seal(bytes_of(udp - 2 * address_len, 2 * address_len), IP_UDP, udp, len);
}
