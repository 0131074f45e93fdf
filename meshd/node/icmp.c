/*
 * ICMP errors of a router (RFC 792, 1122, 1812 for IPv4; RFC 4443 for IPv6).
 *
 * An error is about one packet and quotes its beginning, so that the sender can
 * tell which flow it concerns. It goes only where it can do no harm: never about
 * an error, never about a later fragment, never to or from a group, never to an
 * address that is not one host's (RFC 1122, 3.2.2; RFC 4443, 2.4 e).
 */
#include "meshd/base/checksum.h"
#include "meshd/node/state.h"

#include <string.h>

#define PROTOCOL_ICMPV4 1
#define PROTOCOL_ICMPV6 58
#define ERROR_MAX_V4 576 /* whole packet: RFC 1812, 4.3.2.3 */
#define ERROR_MAX_V6 1280 /* RFC 4443, 2.4 c */
#define ERROR_HOPS 64
#define CONTROL_TOS 0xc0 /* internetwork control (RFC 1812, 4.3.2.5) */
#define EXTENSIONS_MAX 8 /* longer header chains are nobody's honest traffic */

/* What a node without any IPv4 address says its errors with (RFC 7600, 22; RFC 9229, 3). */
static const uint8_t dummy_ipv4[4] = { 192, 0, 0, 8 };

struct code {
	uint8_t type, code;
};

static const struct code codes_v4[] = {
	[ICMP_NO_ROUTE] = { 3, 0 },
	[ICMP_PROHIBITED] = { 3, 13 },
	[ICMP_TIME_EXCEEDED] = { 11, 0 },
	[ICMP_TOO_BIG] = { 3, 4 },
};

static const struct code codes_v6[] = {
	[ICMP_NO_ROUTE] = { 1, 0 },
	[ICMP_PROHIBITED] = { 1, 1 },
	[ICMP_TIME_EXCEEDED] = { 3, 0 },
	[ICMP_TOO_BIG] = { 2, 0 },
};

/* --- may there be an error about it? ---------------------------------------------------- */

static bool is_error_v4(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* All below 128 are errors; a Redirect (137) is no cause for one either. */
static bool is_error_v6(uint8_t type)
{
	return type < 128 || type == 137;
}

static bool deserves_error_v4(struct bytes packet, struct address *source)
{
	struct reader r = reader_of(packet);
	unsigned header_len = (unsigned)(read_u8(&r) & 0x0f) * 4;
	uint8_t bytes[4];

	read_skip(&r, 5);
	uint16_t fragment = read_u16(&r);
	read_skip(&r, 1);
	uint8_t protocol = read_u8(&r);
	read_skip(&r, 2);
	read_copy(&r, bytes, 4);
	*source = address_ipv4(bytes);
	read_copy(&r, bytes, 4);
	struct address destination = address_ipv4(bytes);

	if (!reader_ok(&r) || header_len < 20 || header_len > packet.len || (fragment & 0x1fff) != 0)
		return false;
	if (!address_is_host(source) || !address_is_host(&destination))
		return false;
	if (protocol != PROTOCOL_ICMPV4)
		return true;
	read_skip(&r, header_len - 20);
	uint8_t type = read_u8(&r);
	return reader_ok(&r) && !is_error_v4(type);
}

bool packet_is_icmp_error(const struct packet *p)
{
	bool is_v4 = p->source.family == FAMILY_IPV4;
	uint8_t protocol = p->data[is_v4 ? 9 : 6];

	if (p->len <= p->header_len || protocol != (is_v4 ? PROTOCOL_ICMPV4 : PROTOCOL_ICMPV6))
		return false;
	return is_v4 ? is_error_v4(p->data[p->header_len]) : p->data[p->header_len] < 128;
}

/* Walks the extension headers to the upper-layer protocol. False: malformed,
 * endless, or a fragment other than the first. */
static bool upper_layer(struct reader *r, uint8_t *protocol)
{
	for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
		bool is_fragment = *protocol == 44;

		if (*protocol != 0 && *protocol != 43 && *protocol != 60 && *protocol != 51 && !is_fragment)
			return true;
		bool is_authentication = *protocol == 51;
		*protocol = read_u8(r);
		size_t units = read_u8(r);
		uint16_t offset = read_u16(r);
		if (is_fragment && offset >> 3)
			return false;
		/* Length: 4 byte units less 2 for authentication (RFC 4302), 8 byte units less 1 for others. */
		read_skip(r, is_fragment ? 4 : is_authentication ? 4 * units + 4 : 8 * units + 4);
		if (!reader_ok(r))
			return false;
	}
	return false;
}

static bool deserves_error_v6(struct bytes packet, struct address *source)
{
	struct reader r = reader_of(packet);
	uint8_t bytes[16];

	read_skip(&r, 6);
	uint8_t protocol = read_u8(&r);
	read_skip(&r, 1);
	read_copy(&r, bytes, 16);
	*source = address_ipv6(bytes);
	read_copy(&r, bytes, 16);
	struct address destination = address_ipv6(bytes);

	if (!reader_ok(&r) || !address_is_host(source) || !address_is_host(&destination))
		return false;
	if (!upper_layer(&r, &protocol))
		return false;
	if (protocol != PROTOCOL_ICMPV6)
		return true;
	uint8_t type = read_u8(&r);
	return reader_ok(&r) && !is_error_v6(type);
}

/* --- writing ------------------------------------------------------------------------------ */

static struct bytes quote_of(struct bytes packet, size_t room)
{
	return bytes_of(packet.data, packet.len < room ? packet.len : room);
}

static size_t write_v4(struct writer *w, struct bytes packet, const struct address *to, enum icmp_error error,
	unsigned mtu, const struct address *self)
{
	const uint8_t *from = self->family == FAMILY_IPV4 ? self->bytes : dummy_ipv4;
	struct bytes quote = quote_of(packet, ERROR_MAX_V4 - 28);

	write_u8(w, 0x45);
	write_u8(w, CONTROL_TOS);
	write_u16(w, (uint16_t)(28 + quote.len));
	write_u16(w, 0); /* never fragmented, so it needs no identification (RFC 6864) */
	write_u16(w, 0x4000);
	write_u8(w, ERROR_HOPS);
	write_u8(w, PROTOCOL_ICMPV4);
	write_u16(w, 0);
	write_copy(w, from, 4);
	write_copy(w, to->bytes, 4);
	write_u8(w, codes_v4[error].type);
	write_u8(w, codes_v4[error].code);
	write_u16(w, 0);
	write_u16(w, 0);
	write_u16(w, error == ICMP_TOO_BIG ? (uint16_t)(mtu > 0xffff ? 0xffff : mtu) : 0); /* RFC 1191 */
	write_bytes(w, quote);
	if (!writer_ok(w))
		return 0;
	checksum_put(w->start + 10, checksum_add(0, bytes_of(w->start, 20)));
	checksum_put(w->start + 22, checksum_add(0, bytes_of(w->start + 20, 8 + quote.len)));
	return writer_len(w);
}

static size_t write_v6(struct writer *w, struct bytes packet, const struct address *to, enum icmp_error error,
	unsigned mtu, const struct address *self)
{
	struct bytes quote = quote_of(packet, ERROR_MAX_V6 - 48);

	if (self->family != FAMILY_IPV6)
		return 0;
	write_u32(w, 0x60000000 | CONTROL_TOS << 20);
	write_u16(w, (uint16_t)(8 + quote.len));
	write_u8(w, PROTOCOL_ICMPV6);
	write_u8(w, ERROR_HOPS);
	write_copy(w, self->bytes, 16);
	write_copy(w, to->bytes, 16);
	write_u8(w, codes_v6[error].type);
	write_u8(w, codes_v6[error].code);
	write_u16(w, 0);
	write_u32(w, error == ICMP_TOO_BIG ? mtu : 0);
	write_bytes(w, quote);
	if (!writer_ok(w))
		return 0;
	/* Pseudo-header: addresses, length, protocol (RFC 8200, 8.1). */
	uint64_t sum = checksum_add(0, bytes_of(w->start + 8, 32));
	sum = checksum_add_u16(checksum_add_u16(sum, (uint16_t)(8 + quote.len)), PROTOCOL_ICMPV6);
	checksum_put(w->start + 42, checksum_add(sum, bytes_of(w->start + 40, 8 + quote.len)));
	return writer_len(w);
}

size_t icmp_error_write(uint8_t *out, size_t capacity, struct bytes packet, enum icmp_error error, unsigned mtu,
	const struct address *self)
{
	struct writer w = writer_of(out, capacity);
	struct address to;

	switch (packet.len ? packet.data[0] >> 4 : 0) {
	case 4:
		return deserves_error_v4(packet, &to) ? write_v4(&w, packet, &to, error, mtu, self) : 0;
	case 6:
		return deserves_error_v6(packet, &to) ? write_v6(&w, packet, &to, error, mtu, self) : 0;
	default:
		return 0;
	}
}
