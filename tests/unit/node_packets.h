/* IP packets for tests: built by hand, checked by arithmetic of their own. */
#ifndef TESTS_UNIT_NODE_PACKETS_H
#define TESTS_UNIT_NODE_PACKETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/address.h"

#include <string.h>

#define PACKET_MAX 2048
#define PROTOCOL_UDP 17

struct test_packet {
	uint8_t room[64]; /* for the header of the frame */
	uint8_t data[PACKET_MAX];
	uint8_t tail[64];
	size_t len;
};

static inline struct address addr(const char *text)
{
	struct address a;

	assert_int_equal(address_parse(&a, text), 0);
	return a;
}

/* One's complement sum, bytewise and slowly: not the code under test. */
static inline uint16_t ones_sum(const uint8_t *data, size_t len, uint32_t start)
{
	uint64_t sum = start;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? data[i] : (uint64_t)data[i] << 8;
	while (sum > 0xffff)
		sum = sum % 0x10000 + sum / 0x10000;
	return (uint16_t)sum;
}

static inline void ipv4_checksum_set(uint8_t *packet)
{
	packet[10] = packet[11] = 0;
	uint16_t c = (uint16_t)~ones_sum(packet, (packet[0] & 15u) * 4, 0);
	packet[10] = (uint8_t)(c >> 8);
	packet[11] = (uint8_t)c;
}

static inline bool ipv4_checksum_holds(const uint8_t *packet)
{
	return ones_sum(packet, (packet[0] & 15u) * 4, 0) == 0xffff;
}

/* `payload_len` bytes 0, 1, 2, ... behind the header. */
static inline void packet_make(struct test_packet *p, const struct address *from, const struct address *to,
	uint8_t protocol, uint8_t hops, size_t payload_len)
{
	bool v4 = from->family == FAMILY_IPV4;
	size_t header_len = v4 ? 20 : 40, total = header_len + payload_len, n = v4 ? 4 : 16;
	uint8_t *d = p->data;

	assert_int_equal(from->family, to->family);
	assert_true(total <= PACKET_MAX);
	memset(p, 0, sizeof(*p));
	p->len = total;
	if (v4) {
		d[0] = 0x45;
		d[2] = (uint8_t)(total >> 8);
		d[3] = (uint8_t)total;
		d[4] = 0x12;
		d[5] = 0x34;
		d[6] = 0x40;
		d[8] = hops;
		d[9] = protocol;
	} else {
		d[0] = 0x60;
		d[4] = (uint8_t)(payload_len >> 8);
		d[5] = (uint8_t)payload_len;
		d[6] = protocol;
		d[7] = hops;
	}
	memcpy(d + header_len - 2 * n, from->bytes, n);
	memcpy(d + header_len - n, to->bytes, n);
	for (size_t i = 0; i < payload_len; i++)
		d[header_len + i] = (uint8_t)i;
	if (v4)
		ipv4_checksum_set(d);
}

static inline void packet_build(
	struct test_packet *p, const char *from, const char *to, uint8_t protocol, uint8_t hops, size_t payload_len)
{
	struct address source = addr(from), destination = addr(to);

	packet_make(p, &source, &destination, protocol, hops, payload_len);
}

#endif
