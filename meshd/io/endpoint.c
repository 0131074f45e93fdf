/*
 * The node compares endpoints and does not read them; here is what they mean: a
 * MAC address on an ethernet link; on a udp link an IPv6 address (IPv4 mapped
 * into it, as the dual-stack socket has it), port and scope; a station's number on
 * a serial line; a pipe's address as its modem has it. Their lengths differ.
 */
#include "meshd/io/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

struct endpoint endpoint_of_mac(const uint8_t mac[IO_MAC_LEN])
{
	struct endpoint e = { .len = IO_MAC_LEN };

	memcpy(e.bytes, mac, IO_MAC_LEN);
	return e;
}

struct endpoint endpoint_of_station(uint8_t station)
{
	return (struct endpoint){ .len = STATION_ENDPOINT_LEN, .bytes = { station } };
}

struct endpoint endpoint_of_modem(struct bytes address)
{
	struct endpoint e = { .len = MODEM_ENDPOINT_LEN };

	if (address.len)
		memcpy(e.bytes, address.data,
			address.len < CONFIG_PIPE_ADDRESS_MAX ? address.len : CONFIG_PIPE_ADDRESS_MAX);
	return e;
}

struct bytes modem_of_endpoint(const struct endpoint *e)
{
	return bytes_of(e->bytes, strnlen((const char *)e->bytes, CONFIG_PIPE_ADDRESS_MAX));
}

static struct endpoint udp_make(const uint8_t address[16], uint16_t port, uint32_t scope)
{
	struct endpoint e = { .len = ENDPOINT_UDP_LEN };
	struct writer w = writer_of(e.bytes, sizeof(e.bytes));

	write_copy(&w, address, 16);
	write_u16(&w, port);
	write_u32(&w, scope);
	return e;
}

struct endpoint endpoint_of_sockaddr(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
		/* A scope means something for link-local addresses only; others must compare equal. */
		bool scoped = IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);

		return udp_make(v6->sin6_addr.s6_addr, ntohs(v6->sin6_port), scoped ? v6->sin6_scope_id : 0);
	}
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
		uint8_t bytes[16];

		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + 12, &v4->sin_addr, 4);
		return udp_make(bytes, ntohs(v4->sin_port), 0);
	}
	return (struct endpoint){ 0 };
}

bool endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct reader r = reader_of(bytes_of(e->bytes, e->len));

	if (e->len != ENDPOINT_UDP_LEN)
		return false;
	read_copy(&r, v6.sin6_addr.s6_addr, 16);
	v6.sin6_port = htons(read_u16(&r));
	v6.sin6_scope_id = read_u32(&r);
	memset(out, 0, sizeof(*out));
	memcpy(out, &v6, sizeof(v6));
	*len = sizeof(v6);
	return true;
}

const char *endpoint_format(const struct endpoint *e, char text[ENDPOINT_TEXT])
{
	const uint8_t *b = e->bytes;
	char address[INET6_ADDRSTRLEN];

	if (e->len == IO_MAC_LEN) {
		snprintf(text, ENDPOINT_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
		return text;
	}
	if (e->len == STATION_ENDPOINT_LEN) {
		snprintf(text, ENDPOINT_TEXT, "station %u", b[0]);
		return text;
	}
	if (e->len == MODEM_ENDPOINT_LEN) {
		struct bytes modem = modem_of_endpoint(e);

		snprintf(text, ENDPOINT_TEXT, "modem %.*s", (int)modem.len, (const char *)modem.data);
		return text;
	}
	if (e->len != ENDPOINT_UDP_LEN) {
		snprintf(text, ENDPOINT_TEXT, "none");
		return text;
	}
	struct reader r = reader_of(bytes_of(b + 16, 6));
	unsigned port = read_u16(&r), scope = read_u32(&r);
	if (memcmp(b, mapped, sizeof(mapped)) == 0)
		snprintf(text, ENDPOINT_TEXT, "%u.%u.%u.%u:%u", b[12], b[13], b[14], b[15], port);
	else if (scope)
		snprintf(text, ENDPOINT_TEXT, "[%s%%%u]:%u", inet_ntop(AF_INET6, b, address, sizeof(address)), scope,
			port);
	else
		snprintf(text, ENDPOINT_TEXT, "[%s]:%u", inet_ntop(AF_INET6, b, address, sizeof(address)), port);
	return text;
}

/* --- endpoints on somebody's word ----------------------------------------------------------- */

/* Ranges in which a network numbers its own; what is in none of them is the internet's. */
static const char *const realms[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7" };
#define REALMS (sizeof(realms) / sizeof(realms[0]))
#define SITE_BITS 48 /* of fc00::/7: each draws its own (RFC 4193) */

/* Never one host's, or one behind a translator, who may be anybody. */
static const char *const refused[] = { "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/3",
	"::/32", "64:ff9b::/32", "2001::/32", "2002::/16", "fe80::/9", "ff00::/8" };

static bool is_within(const char *prefix, const struct address *a)
{
	struct prefix p;

	return prefix_parse(&p, prefix) == 0 && prefix_contains_address(&p, a);
}

static size_t realm_of(const struct address *a)
{
	size_t i = 0;

	while (i < REALMS && !is_within(realms[i], a))
		i++;
	return i;
}

bool endpoint_address(const struct endpoint *e, struct address *address, uint16_t *port)
{
	struct reader r = reader_of(bytes_of(e->bytes, e->len));
	uint8_t bytes[16];

	read_copy(&r, bytes, sizeof(bytes));
	*port = read_u16(&r);
	if (e->len != ENDPOINT_UDP_LEN || read_u32(&r) != 0 || !reader_ok(&r))
		return false;
	*address =
		memcmp(bytes, mapped, sizeof(mapped)) == 0 ? address_ipv4(bytes + sizeof(mapped)) : address_ipv6(bytes);
	return true;
}

bool endpoint_is_introducible(const struct endpoint *by, const struct endpoint *to)
{
	struct address here, there;
	uint16_t port;

	if (!endpoint_address(by, &here, &port) || !endpoint_address(to, &there, &port) || !port ||
		here.family != there.family)
		return false;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (is_within(refused[i], &there))
			return false;
	size_t realm = realm_of(&there);
	if (realm == REALMS)
		return true;
	struct prefix site = prefix_of(here, here.family == FAMILY_IPV6 ? SITE_BITS : 0);
	return realm == realm_of(&here) && prefix_contains_address(&site, &there);
}

static bool number_parse(uint32_t *out, const char *text, char end, uint32_t max)
{
	char *stop;
	unsigned long v;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoul(text, &stop, 10);
	*out = (uint32_t)v;
	return !errno && v <= max && *stop == end;
}

static bool mac_parse(uint8_t mac[IO_MAC_LEN], const char *text)
{
	if (strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < IO_MAC_LEN; i++, text += 3) {
		static const char digits[] = "0123456789abcdef";
		const char *high = strchr(digits, text[0]), *low = strchr(digits, text[1]);

		if (!high || !low || text[2] != (i < IO_MAC_LEN - 1 ? ':' : 0))
			return false;
		mac[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return true;
}

int endpoint_parse(struct endpoint *e, const char *text)
{
	char host[ENDPOINT_TEXT];
	uint8_t mac[IO_MAC_LEN];
	uint32_t port, scope = 0;
	struct address address;
	const char *colon = strrchr(text, ':');

	if (mac_parse(mac, text)) {
		*e = endpoint_of_mac(mac);
		return 0;
	}
	if (!colon || (size_t)(colon - text) >= sizeof(host) || !number_parse(&port, colon + 1, 0, UINT16_MAX))
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	if (host[0] != '[') {
		uint8_t bytes[16];

		if (address_parse(&address, host) < 0 || address.family != FAMILY_IPV4)
			return -EINVAL;
		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + 12, address.bytes, 4);
		*e = udp_make(bytes, (uint16_t)port, 0);
		return 0;
	}
	char *close = strchr(host, ']'), *percent = strchr(host, '%');
	if (!close || close[1] || (percent && !number_parse(&scope, percent + 1, ']', UINT32_MAX)))
		return -EINVAL;
	*(percent ? percent : close) = 0;
	if (address_parse(&address, host + 1) < 0 || address.family != FAMILY_IPV6)
		return -EINVAL;
	*e = udp_make(address.bytes, (uint16_t)port, scope);
	return 0;
}
