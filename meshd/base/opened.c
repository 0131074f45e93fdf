#include "meshd/base/opened.h"

#include "meshd/base/packet.h"

#define NETWORK_CONTROL 0xc0 /* traffic class */
#define KIND_IP 0 /* docs/frames.md */
#define KIND_BABEL 1
#define KIND_PIECE 5
#define KIND_BUNDLE 6
#define KIND_COMPRESSED 7
#define KIND_MULTICAST 0x80
#define KIND_CLASS 0x60
#define BABEL_UDP 6696
#define BABEL_HEADER 4
#define BABEL_MAX 4096
#define TLV_PAD1 0
#define TLV_PADN 1
#define TLV_IHU 5
#define IPV4_ENDS_AT 12
#define IPV6_ENDS_AT 8

/* Wireshark reads four bytes past a timestamp in an IHU and calls the packet malformed if it ends there.
 * Then it gets a trailer of four bytes, which Babel ignores (RFC 8966, 4.2). */
static bool ends_in_ihu(struct bytes packet)
{
	struct reader r = reader_of(packet);
	uint8_t type = TLV_PAD1;

	read_skip(&r, BABEL_HEADER);
	while (reader_left(&r)) {
		type = read_u8(&r);
		if (type != TLV_PAD1)
			read_skip(&r, read_u8(&r));
	}
	return type == TLV_IHU;
}

struct address opened_babel_group(void)
{
	static const uint8_t all_routers[16] = { 0xff, 2, [13] = 1, [15] = 6 };

	return address_ipv6(all_routers);
}

void opened_write_babel(
	struct writer *out, struct bytes packet, const struct address *source, const struct address *destination)
{
	static const uint8_t trailer[4] = { TLV_PADN, 2 };
	const struct packet_udp u = {
		.traffic_class = NETWORK_CONTROL,
		.hop_limit = 1,
		.source = *source,
		.destination = *destination,
		.source_port = BABEL_UDP,
		.destination_port = BABEL_UDP,
	};
	uint8_t payload[BABEL_MAX];
	struct writer w = writer_of(payload, sizeof(payload));

	write_bytes(&w, packet);
	if (ends_in_ihu(packet))
		write_copy(&w, trailer, sizeof(trailer));
	write_u16(out, ETHERTYPE_IPV6);
	packet_write_udp(out, &u, writer_bytes(&w));
}

static bool is_ip(struct bytes inner)
{
	return inner.len >= 2 && (inner.data[0] & ~KIND_CLASS) == KIND_IP;
}

bool opened_is_wrapped(struct bytes inner)
{
	uint8_t kind = inner.len ? inner.data[0] : KIND_IP;

	return kind == KIND_PIECE || kind == KIND_BUNDLE || (kind & ~KIND_CLASS) == KIND_COMPRESSED;
}

bool opened_write(
	struct writer *out, struct bytes inner, const struct address *source, const struct address *destination)
{
	if (inner.len < 2)
		return false;
	struct bytes body = bytes_of(inner.data + 1, inner.len - 1);
	if ((inner.data[0] & ~KIND_MULTICAST) == KIND_BABEL) {
		struct address all = opened_babel_group();

		opened_write_babel(out, body, source, inner.data[0] & KIND_MULTICAST ? &all : destination);
		return true;
	}
	if (!is_ip(inner))
		return false;
	write_u16(out, body.data[0] >> 4 == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	write_bytes(out, body);
	return true;
}

bool opened_ends(struct bytes inner, struct address *source, struct address *destination)
{
	if (!is_ip(inner))
		return false;
	bool is_v4 = inner.data[1] >> 4 == 4;
	struct reader r = reader_of(inner);
	uint8_t ends[2][16];
	size_t len = is_v4 ? 4 : 16;

	read_skip(&r, 1 + (is_v4 ? IPV4_ENDS_AT : IPV6_ENDS_AT));
	read_copy(&r, ends[0], len);
	read_copy(&r, ends[1], len);
	if (!reader_ok(&r))
		return false;
	*source = is_v4 ? address_ipv4(ends[0]) : address_ipv6(ends[0]);
	*destination = is_v4 ? address_ipv4(ends[1]) : address_ipv6(ends[1]);
	return true;
}
