/*
 * Addresses and prefixes of both families, and their text.
 *
 * IPv4 stays IPv4 (4 significant bytes, the rest zero): an IPv6 default route
 * must never cover an IPv4 destination by accident of representation.
 */
#ifndef MESHD_BASE_ADDRESS_H
#define MESHD_BASE_ADDRESS_H

#include "meshd/base/bytes.h"

#include <string.h>

enum family { FAMILY_NONE = 0, FAMILY_IPV4 = 4, FAMILY_IPV6 = 6 };

struct address {
	uint8_t family; /* enum family */
	uint8_t bytes[16]; /* unused tail is zero */
};

struct prefix {
	uint8_t plen; /* 0..32 or 0..128 */
	struct address address; /* bits beyond plen are zero */
};

#define ADDRESS_TEXT 48 /* enough for any address with its NUL */
#define PREFIX_TEXT 52

unsigned family_bits(uint8_t family); /* 32, 128, or 0 */
struct address address_ipv4(const uint8_t bytes[4]);
struct address address_ipv6(const uint8_t bytes[16]);
static inline bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
int address_compare(const struct address *a, const struct address *b); /* total order */
bool address_is_link_local(const struct address *a); /* fe80::/10 or 169.254/16 */
bool address_is_loopback(const struct address *a); /* 127/8 or ::1 */
bool address_is_multicast(const struct address *a);
/* Accepts "10.0.0.1" or "fd00::1"; -EINVAL otherwise. */
int address_parse(struct address *out, const char *text);
const char *address_format(const struct address *a, char text[ADDRESS_TEXT]);

/* Clears the bits beyond plen; plen is cut to the family's size. */
struct prefix prefix_of(struct address address, unsigned plen);
struct prefix prefix_of_host(struct address address);
static inline bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->plen == b->plen && address_equal(&a->address, &b->address);
}
int prefix_compare(const struct prefix *a, const struct prefix *b); /* total order */
bool prefix_contains(const struct prefix *outer, const struct prefix *inner); /* or equal */
bool prefix_contains_address(const struct prefix *outer, const struct address *inner);
/* "10.0.0.0/8", "fd00::/48", or a bare address as a host prefix; -EINVAL if
 * malformed, -EDOM if bits are set beyond the length. */
int prefix_parse(struct prefix *out, const char *text);
const char *prefix_format(const struct prefix *p, char text[PREFIX_TEXT]);

#endif
