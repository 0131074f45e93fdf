/*
 * Header compression of thin links: static rules, nothing is remembered between packets.
 *
 *   0   rule 2 | flags 6
 *
 *   rule 1, IPv6 of mesh addresses, and 2, the same with UDP:
 *       32 source is the frame's sender, 16 destination its receiver, 8 traffic class,
 *       4 flow label, 3 ports: 0 both, 1 a known pair, 2 equal ones (rule 1: zero)
 *       hop limit 1 | class 1? | flow label 3? | source short-id 2? | destination short-id 2?
 *       rule 1: next header 1 | payload
 *       rule 2: ports 4, 1 or 2 | checksum 2 | payload
 *   rule 3, IPv4 of prefixes that certificates name, of 24 bits or more:
 *       32 the sender's, 16 the receiver's, 8 type of service, 4 do not fragment,
 *       2 identification, 1 prefix numbers (else both the first)
 *       TTL 1 | protocol 1 | service 1? | identification 2? | numbers 4, 4? |
 *       source short-id 2? | its last byte 1 | destination short-id 2? | its last byte 1 | payload
 *
 * Lengths follow from the frame, the checksum of an IPv4 header from the header. That
 * of UDP, TCP or ICMPv6 stays: it is the only one that reaches from end to end, and it
 * covers the addresses. So it also finds out a short-id that means another member to
 * the other end: what expands to a wrong checksum is not taken for a packet. Only
 * packets whose checksum is right are compressed, for no others could pass.
 */
#include "meshd/node/header.h"

#include "meshd/base/checksum.h"

#include <string.h>

#define RULE_IPV6 1
#define RULE_UDP 2
#define RULE_IPV4 3
#define FLAG_FROM 32
#define FLAG_TO 16
#define FLAG_CLASS 8
#define FLAG_LABEL 4
#define PORTS 3
#define PORTS_BOTH 0
#define PORTS_PAIR 1
#define PORTS_EQUAL 2
#define FLAG_NO_FRAGMENT 4
#define FLAG_ID 2
#define FLAG_NUMBERS 1

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ICMPV6 58
#define DONT_FRAGMENT 0x4000
#define PLEN_MIN 24

/* Both ports of services whose two ends are known beforehand; a place in it never changes its meaning. */
static const uint16_t pairs[][2] = {
	{ 5060, 5060 }, /* SIP */
	{ 4242, 4242 }, /* situational awareness, cursor on target */
	{ 6969, 6969 }, { 123, 123 }, /* NTP */
	{ 5353, 5353 }, /* mDNS */
	{ 5683, 5683 }, /* CoAP */
};
#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

/* --- checksums (RFC 1071) ---------------------------------------------------------------- */

/* Is the checksum of what the packet carries there, and right? `payload` is from the protocol's header on. */
static bool checksum_proves(
	const struct address *from, const struct address *to, uint8_t protocol, struct bytes payload)
{
	size_t address_len = from->family == FAMILY_IPV4 ? 4 : 16;
	size_t least = protocol == PROTOCOL_TCP ? 20 : protocol == PROTOCOL_UDP ? 8 : 4;
	bool is_covered = protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP ||
			  (protocol == PROTOCOL_ICMPV6 && from->family == FAMILY_IPV6);

	if (!is_covered || payload.len < least)
		return false;
	if (protocol == PROTOCOL_UDP && payload.data[6] == 0 && payload.data[7] == 0)
		return false; /* it says that there is none */
	uint64_t sum = checksum_add_u16(0, protocol);
	sum = checksum_add_u16(sum, (uint16_t)payload.len);
	sum = checksum_add(sum, bytes_of(from->bytes, address_len));
	sum = checksum_add(sum, bytes_of(to->bytes, address_len));
	return checksum_fold(checksum_add(sum, payload)) == 0xffff;
}

/* --- both ways ----------------------------------------------------------------------------- */

/* What a rule keeps of a packet. */
struct fields {
	unsigned rule, flags;
	uint8_t hops, class, protocol;
	uint32_t label; /* or the identification of IPv4 */
	struct header_member from, to;
	struct address source, destination;
	uint8_t numbers; /* of the prefixes, the source's above */
	uint16_t source_port, destination_port, checksum;
	struct bytes payload; /* what follows the headers that go */
};

static int prefix_number(const struct header_member *m, const struct address *a)
{
	for (unsigned i = 0; i < m->prefix_count && i < 16; i++) {
		const struct prefix *p = &m->prefixes[i];

		if (p->address.family == FAMILY_IPV4 && p->plen >= PLEN_MIN && prefix_contains_address(p, a))
			return (int)i;
	}
	return -1;
}

/* --- compressing ------------------------------------------------------------------------------ */

/* Whose is the address? Prefers the end of the link, which needs no short-id. */
static bool member_of(const struct header_rules *r, const struct header_member *end, const struct address *a,
	struct header_member *out, bool *is_end)
{
	*is_end = a->family == FAMILY_IPV4 ? prefix_number(end, a) >= 0 : address_equal(a, &end->host);
	if (*is_end)
		*out = *end;
	return *is_end || (r->by_address && r->by_address(r->user, a, out));
}

static bool ends_find(const struct header_rules *r, struct fields *f)
{
	bool is_from, is_to;

	if (!member_of(r, &r->from, &f->source, &f->from, &is_from) ||
		!member_of(r, &r->to, &f->destination, &f->to, &is_to))
		return false;
	f->flags |= (is_from ? FLAG_FROM : 0) | (is_to ? FLAG_TO : 0);
	return true;
}

static void udp_split(struct fields *f)
{
	struct reader r = reader_of(f->payload);

	f->source_port = read_u16(&r);
	f->destination_port = read_u16(&r);
	if (read_u16(&r) != f->payload.len)
		return;
	f->checksum = read_u16(&r);
	f->payload = read_bytes(&r, reader_left(&r));
	f->rule = RULE_UDP;
	f->flags |= f->source_port == f->destination_port ? PORTS_EQUAL : PORTS_BOTH;
	for (size_t i = 0; i < PAIRS; i++)
		if (f->source_port == pairs[i][0] && f->destination_port == pairs[i][1])
			f->flags = (f->flags & ~(unsigned)PORTS) | PORTS_PAIR;
}

static bool ipv6_split(const struct header_rules *rules, struct fields *f, struct bytes packet)
{
	struct reader r = reader_of(packet);
	uint8_t bytes[16];
	uint32_t first = read_u32(&r);
	uint16_t len = read_u16(&r);

	f->rule = RULE_IPV6;
	f->protocol = read_u8(&r);
	f->hops = read_u8(&r);
	read_copy(&r, bytes, 16);
	f->source = address_ipv6(bytes);
	read_copy(&r, bytes, 16);
	f->destination = address_ipv6(bytes);
	f->payload = read_bytes(&r, reader_left(&r));
	f->class = (uint8_t)(first >> 20);
	f->label = first & 0xfffff;
	f->flags |= (f->class ? FLAG_CLASS : 0) | (f->label ? FLAG_LABEL : 0);
	if (!reader_ok(&r) || f->payload.len != len ||
		!checksum_proves(&f->source, &f->destination, f->protocol, f->payload) || !ends_find(rules, f))
		return false;
	if (f->protocol == PROTOCOL_UDP)
		udp_split(f);
	return true;
}

/* As it is written: a sum of nothing but ones has two forms. What the header has there does not count. */
static void ipv4_checksum_put(uint8_t *at, const uint8_t *header)
{
	checksum_put(at, checksum_add(checksum_add(0, bytes_of(header, 10)), bytes_of(header + 12, 8)));
}

static bool ipv4_checksum_is_right(const uint8_t *header)
{
	uint8_t right[2];

	ipv4_checksum_put(right, header);
	return memcmp(header + 10, right, sizeof(right)) == 0;
}

static bool ipv4_split(const struct header_rules *rules, struct fields *f, struct bytes packet)
{
	struct reader r = reader_of(packet);
	uint8_t bytes[4], version = read_u8(&r);

	f->rule = RULE_IPV4;
	f->class = read_u8(&r);
	uint16_t len = read_u16(&r);
	f->label = read_u16(&r);
	uint16_t fragment = read_u16(&r);
	f->hops = read_u8(&r);
	f->protocol = read_u8(&r);
	read_skip(&r, 2);
	read_copy(&r, bytes, 4);
	f->source = address_ipv4(bytes);
	read_copy(&r, bytes, 4);
	f->destination = address_ipv4(bytes);
	f->payload = read_bytes(&r, reader_left(&r));
	if (!reader_ok(&r) || version != 0x45 || len != packet.len || fragment & ~(unsigned)DONT_FRAGMENT ||
		!ipv4_checksum_is_right(packet.data) ||
		!checksum_proves(&f->source, &f->destination, f->protocol, f->payload) || !ends_find(rules, f))
		return false;
	int from = prefix_number(&f->from, &f->source), to = prefix_number(&f->to, &f->destination);
	if (from < 0 || to < 0)
		return false;
	f->numbers = (uint8_t)(from << 4 | to);
	f->flags |= (f->class ? FLAG_CLASS : 0) | (fragment ? FLAG_NO_FRAGMENT : 0) | (f->label ? FLAG_ID : 0) |
		    (f->numbers ? FLAG_NUMBERS : 0);
	return true;
}

static void ports_write(struct writer *w, const struct fields *f)
{
	switch (f->flags & PORTS) {
	case PORTS_PAIR:
		for (size_t i = 0; i < PAIRS; i++)
			if (f->source_port == pairs[i][0] && f->destination_port == pairs[i][1])
				write_u8(w, (uint8_t)i);
		break;
	case PORTS_EQUAL:
		write_u16(w, f->source_port);
		break;
	default:
		write_u16(w, f->source_port);
		write_u16(w, f->destination_port);
	}
}

static void ids_write(struct writer *w, const struct fields *f)
{
	bool is_v4 = f->rule == RULE_IPV4;

	if (!(f->flags & FLAG_FROM))
		write_u16(w, f->from.short_id);
	if (is_v4)
		write_u8(w, f->source.bytes[3]);
	if (!(f->flags & FLAG_TO))
		write_u16(w, f->to.short_id);
	if (is_v4)
		write_u8(w, f->destination.bytes[3]);
}

static void fields_write(struct writer *w, const struct fields *f)
{
	write_u8(w, (uint8_t)(f->rule << 6 | f->flags));
	write_u8(w, f->hops);
	if (f->rule == RULE_IPV4)
		write_u8(w, f->protocol);
	if (f->flags & FLAG_CLASS)
		write_u8(w, f->class);
	if (f->rule == RULE_IPV4 && f->flags & FLAG_ID)
		write_u16(w, (uint16_t)f->label);
	if (f->rule == RULE_IPV4 && f->flags & FLAG_NUMBERS)
		write_u8(w, f->numbers);
	if (f->rule != RULE_IPV4 && f->flags & FLAG_LABEL) {
		write_u8(w, (uint8_t)(f->label >> 16));
		write_u16(w, (uint16_t)f->label);
	}
	ids_write(w, f);
	if (f->rule == RULE_IPV6)
		write_u8(w, f->protocol);
	if (f->rule == RULE_UDP) {
		ports_write(w, f);
		write_u16(w, f->checksum);
	}
	write_bytes(w, f->payload);
}

size_t header_compress(const struct header_rules *rules, struct bytes packet, uint8_t *out)
{
	struct fields f = { 0 };
	struct writer w = writer_of(out, packet.len);
	bool is_known = false;

	if (packet.len && packet.data[0] >> 4 == 6)
		is_known = ipv6_split(rules, &f, packet);
	else if (packet.len && packet.data[0] >> 4 == 4)
		is_known = ipv4_split(rules, &f, packet);
	if (!is_known)
		return 0;
	fields_write(&w, &f);
	return writer_ok(&w) ? writer_len(&w) : 0;
}

/* --- expanding ---------------------------------------------------------------------------------- */

static bool member_read(
	const struct header_rules *rules, struct reader *r, const struct header_member *end, struct header_member *out)
{
	if (end) {
		*out = *end;
		return true;
	}
	return rules->by_short_id && rules->by_short_id(rules->user, read_u16(r), out);
}

/* An IPv4 address: the member's prefix of that number, and the last byte. */
static bool ipv4_read(struct reader *r, const struct header_member *m, unsigned number, struct address *out)
{
	uint8_t last = read_u8(r);

	if (number >= m->prefix_count || m->prefixes[number].address.family != FAMILY_IPV4 ||
		m->prefixes[number].plen < PLEN_MIN)
		return false;
	*out = m->prefixes[number].address;
	out->bytes[3] = last;
	return prefix_contains_address(&m->prefixes[number], out);
}

static bool ends_read(const struct header_rules *rules, struct reader *r, struct fields *f)
{
	bool is_v4 = f->rule == RULE_IPV4;

	if (!member_read(rules, r, f->flags & FLAG_FROM ? &rules->from : NULL, &f->from))
		return false;
	f->source = f->from.host;
	if (is_v4 && !ipv4_read(r, &f->from, f->numbers >> 4, &f->source))
		return false;
	if (!member_read(rules, r, f->flags & FLAG_TO ? &rules->to : NULL, &f->to))
		return false;
	f->destination = f->to.host;
	return !is_v4 || ipv4_read(r, &f->to, f->numbers & 15, &f->destination);
}

static bool ports_read(struct reader *r, struct fields *f)
{
	uint8_t pair;

	switch (f->flags & PORTS) {
	case PORTS_BOTH:
		f->source_port = read_u16(r);
		f->destination_port = read_u16(r);
		return true;
	case PORTS_PAIR:
		pair = read_u8(r);
		if (pair >= PAIRS)
			return false;
		f->source_port = pairs[pair][0];
		f->destination_port = pairs[pair][1];
		return true;
	case PORTS_EQUAL:
		f->source_port = f->destination_port = read_u16(r);
		return true;
	default:
		return false;
	}
}

static bool fields_read(const struct header_rules *rules, struct fields *f, struct bytes compressed)
{
	struct reader r = reader_of(compressed);
	uint8_t first = read_u8(&r);

	f->rule = first >> 6;
	f->flags = first & 0x3f;
	f->hops = read_u8(&r);
	if (f->rule == RULE_IPV4)
		f->protocol = read_u8(&r);
	if (f->flags & FLAG_CLASS)
		f->class = read_u8(&r);
	if (f->rule == RULE_IPV4 && f->flags & FLAG_ID)
		f->label = read_u16(&r);
	if (f->rule == RULE_IPV4 && f->flags & FLAG_NUMBERS)
		f->numbers = read_u8(&r);
	if (f->rule != RULE_IPV4 && f->flags & FLAG_LABEL) {
		f->label = (uint32_t)read_u8(&r) << 16;
		f->label |= read_u16(&r);
	}
	if (f->rule == 0 || f->label > 0xfffff || !ends_read(rules, &r, f))
		return false;
	if (f->rule == RULE_IPV6) {
		if (f->flags & PORTS)
			return false;
		f->protocol = read_u8(&r);
	}
	if (f->rule == RULE_UDP) {
		f->protocol = PROTOCOL_UDP;
		if (!ports_read(&r, f))
			return false;
		f->checksum = read_u16(&r);
	}
	f->payload = read_bytes(&r, reader_left(&r));
	return reader_ok(&r);
}

static void ipv6_write(struct writer *w, const struct fields *f)
{
	size_t len = f->payload.len + (f->rule == RULE_UDP ? 8 : 0);

	write_u32(w, 6u << 28 | (uint32_t)f->class << 20 | f->label);
	write_u16(w, (uint16_t)len);
	write_u8(w, f->protocol);
	write_u8(w, f->hops);
	write_copy(w, f->source.bytes, 16);
	write_copy(w, f->destination.bytes, 16);
	if (f->rule == RULE_UDP) {
		write_u16(w, f->source_port);
		write_u16(w, f->destination_port);
		write_u16(w, (uint16_t)len);
		write_u16(w, f->checksum);
	}
	write_bytes(w, f->payload);
}

static void ipv4_write(struct writer *w, const struct fields *f)
{
	write_u8(w, 0x45);
	write_u8(w, f->class);
	write_u16(w, (uint16_t)(20 + f->payload.len));
	write_u16(w, (uint16_t)f->label);
	write_u16(w, f->flags & FLAG_NO_FRAGMENT ? DONT_FRAGMENT : 0);
	write_u8(w, f->hops);
	write_u8(w, f->protocol);
	write_u16(w, 0);
	write_copy(w, f->source.bytes, 4);
	write_copy(w, f->destination.bytes, 4);
	if (writer_ok(w))
		ipv4_checksum_put(w->start + 10, w->start);
	write_bytes(w, f->payload);
}

unsigned header_short_ids(struct bytes compressed, uint16_t ids[2])
{
	struct reader r = reader_of(compressed);
	uint8_t first = read_u8(&r), flags = first & 0x3f;
	bool is_v4 = first >> 6 == RULE_IPV4;
	unsigned count = 0;

	read_skip(&r, is_v4 ? 2 : 1);
	read_skip(&r, flags & FLAG_CLASS ? 1 : 0);
	if (is_v4)
		read_skip(&r, (flags & FLAG_ID ? 2u : 0u) + (flags & FLAG_NUMBERS ? 1u : 0u));
	else
		read_skip(&r, flags & FLAG_LABEL ? 3 : 0);
	if (!(flags & FLAG_FROM))
		ids[count++] = read_u16(&r);
	read_skip(&r, is_v4 ? 1 : 0);
	if (!(flags & FLAG_TO))
		ids[count++] = read_u16(&r);
	return reader_ok(&r) ? count : 0;
}

size_t header_expand(const struct header_rules *rules, struct bytes compressed, uint8_t *out, size_t capacity)
{
	struct fields f = { 0 };
	struct writer w = writer_of(out, capacity);
	size_t header_len;

	if (!fields_read(rules, &f, compressed) || f.payload.len > UINT16_MAX - 60)
		return 0;
	if (f.rule == RULE_IPV4)
		ipv4_write(&w, &f);
	else
		ipv6_write(&w, &f);
	if (!writer_ok(&w))
		return 0;
	header_len = f.rule == RULE_IPV4 ? 20 : 40;
	struct bytes whole = bytes_of(out + header_len, writer_len(&w) - header_len);
	return checksum_proves(&f.source, &f.destination, f.protocol, whole) ? writer_len(&w) : 0;
}
