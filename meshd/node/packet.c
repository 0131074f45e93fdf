/*
 * What a router needs to know of an IP packet, and the one thing that it changes:
 * the hop limit.
 */
#include "meshd/base/checksum.h"
#include "meshd/node/state.h"

#include <string.h>

bool address_is_host(const struct address *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	static const uint8_t none[15];

	if (address_is_multicast(a) || address_is_link_local(a))
		return false;
	if (a->family == FAMILY_IPV4)
		return a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 240;
	if (a->family != FAMILY_IPV6 || memcmp(a->bytes, mapped, sizeof(mapped)) == 0)
		return false;
	return memcmp(a->bytes, none, sizeof(none)) != 0 || a->bytes[15] > 1;
}

static bool parse_v4(struct packet *p, size_t len)
{
	struct reader r = reader_of(bytes_of(p->data, len));
	uint8_t bytes[4];

	p->header_len = (size_t)(read_u8(&r) & 0x0f) * 4;
	read_skip(&r, 1);
	p->len = read_u16(&r);
	read_skip(&r, 2);
	p->dont_fragment = read_u16(&r) & 0x4000;
	p->hop_limit = read_u8(&r);
	read_skip(&r, 3);
	read_copy(&r, bytes, 4);
	p->source = address_ipv4(bytes);
	read_copy(&r, bytes, 4);
	p->destination = address_ipv4(bytes);
	return reader_ok(&r) && p->header_len >= 20 && p->len >= p->header_len && p->len <= len;
}

static bool parse_v6(struct packet *p, size_t len)
{
	struct reader r = reader_of(bytes_of(p->data, len));
	uint8_t bytes[16];

	p->header_len = 40;
	p->dont_fragment = true;
	read_skip(&r, 4);
	p->len = 40u + read_u16(&r);
	read_skip(&r, 1);
	p->hop_limit = read_u8(&r);
	read_copy(&r, bytes, 16);
	p->source = address_ipv6(bytes);
	read_copy(&r, bytes, 16);
	p->destination = address_ipv6(bytes);
	return reader_ok(&r) && p->len <= len;
}

bool packet_parse(struct packet *p, uint8_t *data, size_t len)
{
	*p = (struct packet){ .data = data };
	switch (len ? data[0] >> 4 : 0) {
	case 4:
		return parse_v4(p, len);
	case 6:
		return parse_v6(p, len);
	default:
		return false;
	}
}

bool packet_checksum_is_right(const struct packet *p)
{
	return p->source.family != FAMILY_IPV4 ||
	       checksum_fold(checksum_add(0, bytes_of(p->data, p->header_len))) == 0xffff;
}

void packet_hop(struct packet *p)
{
	p->hop_limit--;
	if (p->source.family == FAMILY_IPV6) {
		p->data[7]--;
		return;
	}
	/* RFC 1624: ~(~HC + ~m + m') for the 16 bit word of TTL and protocol. */
	uint32_t before = (uint32_t)(p->data[8] << 8 | p->data[9]);
	uint32_t sum = (uint16_t) ~(p->data[10] << 8 | p->data[11]);

	p->data[8]--;
	sum += (uint16_t)~before + (before - 0x100);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	p->data[10] = (uint8_t)(sum >> 8);
	p->data[11] = (uint8_t)sum;
}
