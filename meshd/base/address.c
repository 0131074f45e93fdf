#include "meshd/base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned family_bits(uint8_t family)
{
	return family == FAMILY_IPV4 ? 32 : family == FAMILY_IPV6 ? 128 : 0;
}

struct address address_ipv4(const uint8_t bytes[4])
{
	struct address a = { .family = FAMILY_IPV4 };

	memcpy(a.bytes, bytes, 4);
	return a;
}

struct address address_ipv6(const uint8_t bytes[16])
{
	struct address a = { .family = FAMILY_IPV6 };

	memcpy(a.bytes, bytes, 16);
	return a;
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, 16);
}

bool address_is_link_local(const struct address *a)
{
	if (a->family == FAMILY_IPV6)
		return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
	return a->family == FAMILY_IPV4 && a->bytes[0] == 169 && a->bytes[1] == 254;
}

bool address_is_loopback(const struct address *a)
{
	static const struct address v6 = { .family = FAMILY_IPV6, .bytes = { [15] = 1 } };

	return a->family == FAMILY_IPV4 ? a->bytes[0] == 127 : address_equal(a, &v6);
}

bool address_is_multicast(const struct address *a)
{
	if (a->family == FAMILY_IPV6)
		return a->bytes[0] == 0xff;
	return a->family == FAMILY_IPV4 && (a->bytes[0] & 0xf0) == 0xe0;
}

int address_parse(struct address *out, const char *text)
{
	struct address a = { 0 };

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = FAMILY_IPV4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = FAMILY_IPV6;
	else
		return -EINVAL;
	*out = a;
	return 0;
}

const char *address_format(const struct address *a, char text[ADDRESS_TEXT])
{
	int family = a->family == FAMILY_IPV4 ? AF_INET : AF_INET6;

	if (a->family == FAMILY_NONE || !inet_ntop(family, a->bytes, text, ADDRESS_TEXT))
		snprintf(text, ADDRESS_TEXT, "-");
	return text;
}

struct prefix prefix_of(struct address address, unsigned plen)
{
	unsigned bits = family_bits(address.family);
	struct prefix p = { .plen = (uint8_t)(plen > bits ? bits : plen), .address = address };

	for (unsigned i = p.plen; i < 128; i++)
		p.address.bytes[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
	return p;
}

struct prefix prefix_of_host(struct address address)
{
	return prefix_of(address, family_bits(address.family));
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = address_compare(&a->address, &b->address);

	return order ? order : (int)a->plen - (int)b->plen;
}

bool prefix_contains_address(const struct prefix *outer, const struct address *inner)
{
	if (outer->address.family != inner->family)
		return false;
	struct prefix cut = prefix_of(*inner, outer->plen);

	return address_equal(&cut.address, &outer->address);
}

bool prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	return inner->plen >= outer->plen && prefix_contains_address(outer, &inner->address);
}

int prefix_parse(struct prefix *out, const char *text)
{
	char host[ADDRESS_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct address a;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	int error = address_parse(&a, host);
	if (error)
		return error;
	if (!slash) {
		*out = prefix_of_host(a);
		return 0;
	}
	char *end;
	errno = 0;
	unsigned long plen = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || errno || plen > family_bits(a.family))
		return -EINVAL;
	struct prefix p = prefix_of(a, (unsigned)plen);
	if (!address_equal(&p.address, &a))
		return -EDOM;
	*out = p;
	return 0;
}

const char *prefix_format(const struct prefix *p, char text[PREFIX_TEXT])
{
	char host[ADDRESS_TEXT];

	snprintf(text, PREFIX_TEXT, "%s/%u", address_format(&p->address, host), p->plen);
	return text;
}
