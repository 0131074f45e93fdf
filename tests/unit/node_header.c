/* Header compression: what is saved, that it comes out as it went in, and what is not for it. */
#include "tests/unit/node_packets.h"

#include "meshd/base/random.h"
#include "meshd/node/header.h"

#include <stdio.h>
#include <stdlib.h>

#define SEED 20261130
#define MEMBERS 6

/* What one end knows. */
struct end {
	struct header_member members[MEMBERS];
	unsigned count;
};

static struct prefix prefixes[MEMBERS][3];
static struct end here, there;

static bool by_short_id(void *user, uint16_t short_id, struct header_member *out)
{
	const struct end *e = user;
	unsigned found = 0;

	for (unsigned i = 0; i < e->count; i++) {
		if (e->members[i].short_id != short_id)
			continue;
		*out = e->members[i];
		found++;
	}
	return found == 1;
}

static bool by_address(void *user, const struct address *a, struct header_member *out)
{
	const struct end *e = user;

	for (unsigned i = 0; i < e->count; i++) {
		bool is_it = address_equal(a, &e->members[i].host);

		for (unsigned k = 0; k < e->members[i].prefix_count; k++)
			is_it |= e->members[i].prefixes[k].address.family == FAMILY_IPV4 &&
				 e->members[i].prefixes[k].plen >= 24 &&
				 prefix_contains_address(&e->members[i].prefixes[k], a);
		if (is_it)
			return by_short_id(user, e->members[i].short_id, out);
	}
	return false;
}

/* Members 0 and 1 are the ends of the link. */
static struct header_rules rules_of(struct end *e)
{
	return (struct header_rules){ .from = e->members[0],
		.to = e->members[1],
		.by_short_id = by_short_id,
		.by_address = by_address,
		.user = e };
}

static int setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MEMBERS; i++) {
		char text[64];

		snprintf(text, sizeof(text), "10.20.%u.0/24", i);
		assert_int_equal(prefix_parse(&prefixes[i][0], text), 0);
		snprintf(text, sizeof(text), "fd00:%u::/64", i);
		assert_int_equal(prefix_parse(&prefixes[i][1], text), 0);
		snprintf(text, sizeof(text), "10.30.7.%u/28", 16 * i);
		assert_int_equal(prefix_parse(&prefixes[i][2], text), 0);
		snprintf(text, sizeof(text), "fd12:3456:789a::%x:%x", 0x1111 * (i + 1), 0x77 + i);
		here.members[i] = (struct header_member){
			.short_id = (uint16_t)(100 + i), .host = addr(text), .prefixes = prefixes[i], .prefix_count = 3
		};
	}
	here.count = MEMBERS;
	there = here;
	return 0;
}

/* --- packets ------------------------------------------------------------------------------ */

static uint16_t transport_sum(const uint8_t *packet, size_t len)
{
	bool v4 = packet[0] >> 4 == 4;
	size_t header_len = v4 ? 20 : 40, addresses = v4 ? 8 : 32;
	uint32_t pseudo = (uint32_t)(len - header_len) + packet[v4 ? 9 : 6];
	uint8_t bytes[32 + PACKET_MAX];

	memcpy(bytes, packet + (v4 ? 12 : 8), addresses);
	memcpy(bytes + addresses, packet + header_len, len - header_len);
	return ones_sum(bytes, addresses + len - header_len, pseudo);
}

/* Puts the right checksum in, at `at` of the transport header. */
static void transport_checksum_set(struct test_packet *p, size_t at)
{
	uint8_t *field = p->data + (p->data[0] >> 4 == 4 ? 20 : 40) + at;

	field[0] = field[1] = 0;
	uint16_t sum = (uint16_t)~transport_sum(p->data, p->len);
	if (sum == 0)
		sum = 0xffff;
	field[0] = (uint8_t)(sum >> 8);
	field[1] = (uint8_t)sum;
}

static void udp_make(struct test_packet *p, const struct address *from, const struct address *to, uint16_t source_port,
	uint16_t port, size_t len)
{
	packet_make(p, from, to, PROTOCOL_UDP, 64, 8 + len);
	uint8_t *udp = p->data + p->len - 8 - len;
	udp[0] = (uint8_t)(source_port >> 8);
	udp[1] = (uint8_t)source_port;
	udp[2] = (uint8_t)(port >> 8);
	udp[3] = (uint8_t)port;
	udp[4] = (uint8_t)((8 + len) >> 8);
	udp[5] = (uint8_t)(8 + len);
	transport_checksum_set(p, 6);
}

/* Length of what stands for it, 0 if raw; what comes out at the other end must be the same. */
static size_t pass(const struct test_packet *p)
{
	uint8_t compressed[PACKET_MAX], out[PACKET_MAX];
	const struct header_rules sender = rules_of(&here), receiver = rules_of(&there);
	size_t len = header_compress(&sender, bytes_of(p->data, p->len), compressed);

	if (len == 0)
		return 0;
	assert_true(len < p->len && p->len - len <= HEADER_SAVED_MAX);
	uint8_t *exact = malloc(len); /* an overread is seen */
	assert_non_null(exact);
	memcpy(exact, compressed, len);
	assert_int_equal(header_expand(&receiver, bytes_of(exact, len), out, p->len - 1), 0);
	assert_int_equal(header_expand(&receiver, bytes_of(exact, len), out, sizeof(out)), p->len);
	assert_memory_equal(out, p->data, p->len);
	free(exact);
	return len;
}

/* --- what is saved --------------------------------------------------------------------------- */

static void ipv6_and_udp_of_48_bytes_become_six_to_eight_and_a_checksum__protocol_4_5(void **state)
{
	struct test_packet p;

	(void)state;
	udp_make(&p, &here.members[0].host, &here.members[1].host, 5060, 5060, 20);
	assert_int_equal(pass(&p) - 20, 5);
	udp_make(&p, &here.members[0].host, &here.members[1].host, 40000, 7777, 20);
	assert_int_equal(pass(&p) - 20, 8);
	udp_make(&p, &here.members[2].host, &here.members[1].host, 5060, 5060, 20);
	assert_int_equal(pass(&p) - 20, 7);
	udp_make(&p, &here.members[2].host, &here.members[3].host, 5060, 5060, 20);
	assert_int_equal(pass(&p) - 20, 9); /* 7 and a checksum */
	udp_make(&p, &here.members[2].host, &here.members[3].host, 7777, 7777, 20);
	assert_int_equal(pass(&p) - 20, 10);
	udp_make(&p, &here.members[2].host, &here.members[3].host, 40000, 7777, 20);
	assert_int_equal(pass(&p) - 20, 12);
	/* A host that labels its flows pays for it. */
	p.data[1] = 0x0a;
	p.data[2] = 0xbc;
	assert_int_equal(pass(&p) - 20, 15);
	p.data[0] = 0x6b;
	assert_int_equal(pass(&p) - 20, 16);
}

static void ipv4_header_of_20_bytes_becomes_five_to_eleven(void **state)
{
	struct test_packet p;
	struct address a = addr("10.20.0.5"), b = addr("10.20.1.9"), c = addr("10.20.4.200"), d = addr("10.30.7.37");

	(void)state;
	udp_make(&p, &a, &b, 1, 2, 20);
	assert_int_equal(p.len - pass(&p), 20 - 5 - 2 * (p.data[4] || p.data[5]));
	p.data[4] = p.data[5] = 0;
	p.data[6] = 0x40;
	ipv4_checksum_set(p.data);
	assert_int_equal(p.len - pass(&p), 20 - 5);
	udp_make(&p, &d, &c, 1, 2, 20);
	p.data[4] = 7;
	p.data[1] = 0xb8;
	ipv4_checksum_set(p.data);
	assert_int_equal(p.len - pass(&p), 20 - 13);
}

/* --- what is not for it -------------------------------------------------------------------------- */

static void what_no_checksum_proves_goes_as_it_is(void **state)
{
	struct test_packet p;
	struct address v4a = addr("10.20.0.5"), v4b = addr("10.20.1.9");

	(void)state;
	udp_make(&p, &here.members[2].host, &here.members[3].host, 7, 8, 20);
	assert_true(pass(&p) > 0);
	p.data[60] ^= 1;
	assert_int_equal(pass(&p), 0); /* it is wrong */
	udp_make(&p, &here.members[2].host, &here.members[3].host, 7, 8, 20);
	p.data[46] = p.data[47] = 0;
	assert_int_equal(pass(&p), 0); /* there is none */
	packet_make(&p, &here.members[2].host, &here.members[3].host, 50, 64, 40);
	assert_int_equal(pass(&p), 0); /* nobody can tell: ESP */
	packet_make(&p, &here.members[2].host, &here.members[3].host, 44, 64, 40);
	assert_int_equal(pass(&p), 0); /* a fragment */
	udp_make(&p, &v4a, &v4b, 7, 8, 20);
	p.data[20 + 6] = p.data[20 + 7] = 0;
	assert_int_equal(pass(&p), 0);
	udp_make(&p, &v4a, &v4b, 7, 8, 20);
	p.data[6] = 0x20; /* more fragments */
	ipv4_checksum_set(p.data);
	assert_int_equal(pass(&p), 0);
	packet_make(&p, &v4a, &v4b, 1, 64, 40); /* ICMP: its checksum does not cover addresses */
	assert_int_equal(pass(&p), 0);
}

static void strangers_addresses_go_as_they_are(void **state)
{
	struct address stranger = addr("2001:db8::1"), v4 = addr("192.0.2.1"), member4 = addr("10.20.3.1");
	struct test_packet p;

	(void)state;
	udp_make(&p, &stranger, &here.members[1].host, 7, 8, 20);
	assert_int_equal(pass(&p), 0);
	udp_make(&p, &here.members[2].host, &stranger, 7, 8, 20);
	assert_int_equal(pass(&p), 0);
	udp_make(&p, &v4, &member4, 7, 8, 20);
	assert_int_equal(pass(&p), 0);
	here.count = 3; /* the others are not known here */
	udp_make(&p, &here.members[2].host, &here.members[4].host, 7, 8, 20);
	assert_int_equal(pass(&p), 0);
	setup(NULL);
}

/* Two nodes with one short-id, each known to one end only: no packet comes out as another's. */
static void another_member_of_that_short_id_is_found_out(void **state)
{
	uint8_t compressed[PACKET_MAX], out[PACKET_MAX];
	struct test_packet p;
	uint16_t ids[2];

	(void)state;
	udp_make(&p, &here.members[2].host, &here.members[3].host, 7, 8, 20);
	there.members[3] = there.members[4];
	there.members[3].short_id = here.members[3].short_id;
	there.members[4].short_id = 999;
	const struct header_rules sender = rules_of(&here), receiver = rules_of(&there);
	size_t len = header_compress(&sender, bytes_of(p.data, p.len), compressed);
	assert_true(len > 0);
	assert_int_equal(header_expand(&receiver, bytes_of(compressed, len), out, sizeof(out)), 0);
	assert_int_equal(header_short_ids(bytes_of(compressed, len), ids), 2);
	assert_int_equal(ids[0], 102);
	assert_int_equal(ids[1], 103);
	/* Where both are known nobody is named so. */
	here.members[5].short_id = here.members[3].short_id;
	assert_int_equal(header_compress(&sender, bytes_of(p.data, p.len), compressed), 0);
	setup(NULL);
}

/* --- properties ------------------------------------------------------------------------------------ */

static struct address address_draw(struct prng *prng, bool v4)
{
	unsigned i = (unsigned)prng_below(prng, MEMBERS);
	struct address a = here.members[i].host;

	if (v4) {
		a = prefixes[i][prng_below(prng, 2) ? 0 : 2].address;
		a.bytes[3] = (uint8_t)(a.bytes[3] | prng_below(prng, 16));
	}
	if (prng_below(prng, 8) == 0)
		a.bytes[prng_below(prng, v4 ? 4 : 16)] ^= (uint8_t)(1 << prng_below(prng, 8));
	return a;
}

static void packet_draw(struct test_packet *p, struct prng *prng)
{
	static const uint8_t protocols[] = { 6, 17, 17, 17, 58, 1, 44, 50 };
	bool v4 = prng_below(prng, 2);
	struct address from = address_draw(prng, v4), to = address_draw(prng, v4);
	uint8_t protocol = protocols[prng_below(prng, sizeof(protocols))];
	size_t len = prng_below(prng, 120), at = protocol == 6 ? 16 : protocol == 17 ? 6 : 2;

	packet_make(p, &from, &to, protocol, (uint8_t)prng_next(prng), len);
	uint8_t *transport = p->data + p->len - len;
	for (size_t i = 0; i < len; i++)
		transport[i] = (uint8_t)prng_next(prng);
	if (protocol == 17 && len >= 8 && prng_below(prng, 8)) {
		transport[4] = 0;
		transport[5] = (uint8_t)len;
		if (prng_below(prng, 2))
			memcpy(transport, prng_below(prng, 2) ? "\x13\xc4\x13\xc4" : "\x30\x39\x30\x39", 4);
	}
	if (prng_below(prng, 2))
		p->data[1] = (uint8_t)prng_next(prng);
	if (prng_below(prng, 2))
		p->data[v4 ? 5 : 3] = (uint8_t)prng_next(prng);
	if (v4 && prng_below(prng, 4) == 0)
		p->data[6] = (uint8_t)prng_next(prng);
	if (v4)
		ipv4_checksum_set(p->data);
	if (len > at + 1 && prng_below(prng, 8))
		transport_checksum_set(p, at);
	if (prng_below(prng, 16) == 0)
		p->data[prng_below(prng, p->len)] ^= (uint8_t)(1 << prng_below(prng, 8));
	if (prng_below(prng, 32) == 0)
		p->len = prng_below(prng, p->len + 1);
}

static void what_is_compressed_comes_out_the_same__100000_packets(void **state)
{
	struct test_packet p;
	struct prng prng;
	unsigned compressed = 0;

	(void)state;
	prng_seed(&prng, SEED);
	for (unsigned i = 0; i < 100000; i++) {
		packet_draw(&p, &prng);
		compressed += pass(&p) > 0;
	}
	assert_in_range(compressed, 20000, 80000);
}

/* Whatever comes out of what was damaged is a packet, and stands for itself again. */
static void damage_expands_to_packets_or_nothing__100000_draws(void **state)
{
	const struct header_rules sender = rules_of(&here), receiver = rules_of(&there);
	unsigned expanded = 0, refused = 0;
	struct test_packet p;
	struct prng prng;

	(void)state;
	prng_seed(&prng, SEED);
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t compressed[PACKET_MAX];

		packet_draw(&p, &prng);
		size_t len = header_compress(&sender, bytes_of(p.data, p.len), compressed);
		if (len == 0)
			continue;
		for (unsigned flips = 0; flips < 1 + i % 3; flips++)
			compressed[prng_below(&prng, len < 12 ? len : 12)] ^= (uint8_t)(1 << prng_below(&prng, 8));
		if (prng_below(&prng, 8) == 0)
			len = prng_below(&prng, len + 1);
		p.len = header_expand(&receiver, bytes_of(compressed, len), p.data, sizeof(p.data));
		refused += p.len == 0;
		expanded += p.len > 0;
		if (p.len > 0)
			assert_true(pass(&p) > 0);
	}
	assert_true(expanded > 1000 && refused > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv6_and_udp_of_48_bytes_become_six_to_eight_and_a_checksum__protocol_4_5),
		cmocka_unit_test(ipv4_header_of_20_bytes_becomes_five_to_eleven),
		cmocka_unit_test(what_no_checksum_proves_goes_as_it_is),
		cmocka_unit_test(strangers_addresses_go_as_they_are),
		cmocka_unit_test(another_member_of_that_short_id_is_found_out),
		cmocka_unit_test(what_is_compressed_comes_out_the_same__100000_packets),
		cmocka_unit_test(damage_expands_to_packets_or_nothing__100000_draws),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
