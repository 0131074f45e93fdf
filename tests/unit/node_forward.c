/*
 * The data path alone: a node that is only a table, and a egress_packet()
 * that records instead of sealing.
 */
#include "tests/unit/node_packets.h"

#include "meshd/node/state.h"

#include <stdlib.h>

#define SENT_MAX 64
#define SELF "fd00::aa"
#define LINK_MTU 1400
#define PATH_MTU (LINK_MTU - NODE_OVERHEAD)
#define BOOT (1000 * SECOND)

struct sent {
	struct peer *peer; /* NULL: delivered to the host */
	enum packet_class class;
	size_t len;
	uint8_t data[PACKET_MAX];
};

static struct sent sent[SENT_MAX];
static unsigned sent_count;
static struct node node;
static struct node_link links[2];
static struct peer peers[2]; /* the next hops */
static struct peer bringer; /* beside the second one */

static void record(struct peer *p, const uint8_t *data, size_t len)
{
	assert_true(sent_count < SENT_MAX);
	assert_true(len <= PACKET_MAX);
	sent[sent_count].peer = p;
	sent[sent_count].len = len;
	memcpy(sent[sent_count++].data, data, len);
}

void egress_packet(struct peer *p, uint64_t now_us, enum packet_class class, uint8_t *inner, size_t len)
{
	(void)now_us;
	/* The room that sealing needs is the caller's to write. */
	memset(inner - (NODE_HEADROOM - 1), 0xaa, NODE_HEADROOM - 1);
	memset(inner + len, 0xbb, NODE_TAILROOM);
	record(p, inner + 1, len - 1);
	sent[sent_count - 1].class = class;
}

void detect_used_first(struct peer *p, uint64_t now_us)
{
	(void)p, (void)now_us;
}

void peer_busy(struct peer *p, uint64_t now_us)
{
	p->busy_told_us = now_us;
}

static unsigned relayed;

void meet_relayed(struct peer *from, struct peer *to, uint64_t now_us)
{
	(void)now_us;
	assert_ptr_equal(from->link, to->link);
	relayed++;
}

static void deliver(void *user, struct bytes packet)
{
	assert_ptr_equal(user, &node);
	record(NULL, packet.data, packet.len);
}

static void route_set(const char *text, enum fib_kind kind, struct peer *peer)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	assert_int_equal(fib_set(&node.fib, &p, kind, peer), 0);
}

static int setup(void **state)
{
	(void)state;
	relayed = 0;
	node = (struct node){ .user = &node, .output = { .deliver = deliver }, .address = addr(SELF) };
	for (unsigned i = 0; i < 2; i++) {
		links[i] = (struct node_link){ .n = &node, .id = i, .config = { .mtu = LINK_MTU } };
		peers[i] = (struct peer){ .n = &node, .link = &links[i], .address = addr(i ? "fe80::2" : "fe80::1") };
	}
	bringer = (struct peer){ .n = &node, .link = &links[1], .address = addr("fe80::3") };
	route_set(SELF, FIB_OWN, NULL);
	route_set("fd01::/64", FIB_OWN, NULL);
	route_set("192.168.1.0/24", FIB_OWN, NULL);
	route_set("fd00::1", FIB_PEER, &peers[0]);
	route_set("fd00::2", FIB_PEER, &peers[1]);
	route_set("fd00::3", FIB_HELD, NULL);
	route_set("10.0.0.0/8", FIB_PEER, &peers[0]);
	route_set("10.2.0.0/16", FIB_PEER, &peers[1]);
	sent_count = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fib_done(&node.fib);
	free(node.classes);
	return 0;
}

static void from_host(struct test_packet *p, uint64_t now_us)
{
	struct node_packet packet = { p->data, p->len };

	node_packets_in(&node, now_us, &packet, 1);
}

static void from_peer(struct test_packet *p, uint64_t now_us)
{
	forward_from_peer(&bringer, now_us, KIND_IP, p->data, p->len);
}

static void is_icmp(const struct sent *s, uint8_t type, uint8_t code)
{
	bool v4 = s->data[0] >> 4 == 4;
	size_t at = v4 ? 20 : 40;

	assert_true(s->len > at);
	assert_int_equal(s->data[v4 ? 9 : 6], v4 ? 1 : 58);
	assert_int_equal(s->data[at], type);
	assert_int_equal(s->data[at + 1], code);
}

static void hop_limit_falls_at_relays_only(void **state)
{
	struct test_packet p, original;

	(void)state;
	packet_build(&p, SELF, "fd00::2", PROTOCOL_UDP, 64, 100);
	original = p;
	from_host(&p, BOOT);
	assert_ptr_equal(sent[0].peer, &peers[1]);
	assert_int_equal(sent[0].len, original.len);
	assert_memory_equal(sent[0].data, original.data, original.len);

	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, 100);
	original = p;
	from_peer(&p, BOOT);
	assert_ptr_equal(sent[1].peer, &peers[1]);
	original.data[7] = 63;
	assert_memory_equal(sent[1].data, original.data, original.len);
	assert_int_equal(node.counters.packets_in, 1);
	assert_int_equal(node.counters.packets_forwarded, 2);
}

static void only_what_comes_and_goes_by_one_link_asks_for_a_meeting(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, SELF, "fd00::2", PROTOCOL_UDP, 64, 100);
	from_host(&p, BOOT);
	packet_build(&p, "fd00::2", "fd00::1", PROTOCOL_UDP, 64, 100);
	from_peer(&p, BOOT);
	packet_build(&p, "fd00::9", SELF, PROTOCOL_UDP, 64, 100);
	from_peer(&p, BOOT);
	assert_int_equal(relayed, 0);
	packet_build(&p, "fd00::9", "fd00::2", PROTOCOL_UDP, 64, 100);
	from_peer(&p, BOOT);
	assert_int_equal(relayed, 1);
}

static void packet_for_the_host_arrives_as_it_was_sent(void **state)
{
	struct test_packet p, original;

	(void)state;
	packet_build(&p, "fd00::1", SELF, PROTOCOL_UDP, 1, 100);
	original = p;
	from_peer(&p, BOOT);
	packet_build(&p, "fd00::1", "fd01::77", PROTOCOL_UDP, 1, 100);
	from_peer(&p, BOOT);
	packet_build(&p, "10.0.0.1", "192.168.1.9", PROTOCOL_UDP, 1, 100);
	from_peer(&p, BOOT);
	assert_int_equal(sent_count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_null(sent[i].peer);
	assert_memory_equal(sent[0].data, original.data, original.len);
	assert_int_equal(node.counters.packets_delivered, 3);
}

static void ipv4_checksum_follows_the_hop_limit__rfc1624(void **state)
{
	struct test_packet p;

	(void)state;
	/* All identifications: the sum passes through 0 and 0xffff, and every hop limit is met. */
	for (unsigned i = 0; i < 0x10000; i++) {
		packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, (uint8_t)(2 + i % 254), 0);
		p.data[4] = (uint8_t)(i >> 8);
		p.data[5] = (uint8_t)i;
		ipv4_checksum_set(p.data);
		uint8_t hops = p.data[8];
		sent_count = 0;
		from_peer(&p, BOOT);
		assert_int_equal(sent_count, 1);
		assert_int_equal(sent[0].data[8], hops - 1);
		assert_true(ipv4_checksum_holds(sent[0].data));
	}
}

static void longest_prefix_wins(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "192.168.1.5", "10.3.0.1", PROTOCOL_UDP, 64, 8);
	from_host(&p, BOOT);
	packet_build(&p, "192.168.1.5", "10.2.0.1", PROTOCOL_UDP, 64, 8);
	from_host(&p, BOOT);
	assert_ptr_equal(sent[0].peer, &peers[0]);
	assert_ptr_equal(sent[1].peer, &peers[1]);
}

static void last_hop_is_answered_with_time_exceeded(void **state)
{
	struct test_packet p, original;

	(void)state;
	for (uint8_t hops = 0; hops < 2; hops++) {
		sent_count = 0;
		packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, hops, 100);
		original = p;
		from_peer(&p, BOOT);
		assert_int_equal(sent_count, 1);
		assert_ptr_equal(sent[0].peer, &peers[0]);
		is_icmp(&sent[0], 3, 0);
		/* The quote is of the packet as it came. */
		assert_memory_equal(sent[0].data + 48, original.data, original.len);
	}
	assert_int_equal(node.counters.drops.hop_limit, 2);
	assert_int_equal(links[1].drops.hop_limit, 2);
	assert_int_equal(node.counters.packets_forwarded, 0);
	/* From the host even 1 is enough: the first relay counts. */
	packet_build(&p, SELF, "fd00::2", PROTOCOL_UDP, 1, 100);
	from_host(&p, BOOT);
	assert_ptr_equal(sent[1].peer, &peers[1]);
}

static void without_route_the_source_is_told(void **state)
{
	static const char *const nowhere[] = { "fd00::3", "fd00::9", "2001:db8::1" };
	struct test_packet p;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		packet_build(&p, "fd00::1", nowhere[i], PROTOCOL_UDP, 64, 100);
		from_peer(&p, BOOT);
		assert_ptr_equal(sent[2 * i].peer, &peers[0]);
		is_icmp(&sent[2 * i], 1, 0);
		packet_build(&p, "fd01::5", nowhere[i], PROTOCOL_UDP, 64, 100);
		from_host(&p, BOOT);
		assert_null(sent[2 * i + 1].peer);
		is_icmp(&sent[2 * i + 1], 1, 0);
	}
	assert_int_equal(node.counters.drops.no_route, 6);
	assert_int_equal(node.counters.icmp_sent, 6);
	assert_int_equal(node.counters.packets_delivered, 0); /* errors are not packets of the mesh */
	/* Nobody to tell: the source has no route either. */
	packet_build(&p, "fd00::9", "fd00::3", PROTOCOL_UDP, 64, 100);
	from_peer(&p, BOOT);
	assert_int_equal(sent_count, 6);
	assert_int_equal(node.counters.drops.no_route, 7);
}

/* The kernel sends here what lies behind itself only when it has lost its own
 * route: back and forth would be a loop. */
static void what_lies_behind_the_host_is_not_given_back(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, SELF, "fd01::77", PROTOCOL_UDP, 64, 100);
	from_host(&p, BOOT);
	assert_int_equal(sent_count, 1);
	is_icmp(&sent[0], 1, 0);
	packet_build(&p, SELF, SELF, PROTOCOL_UDP, 64, 100);
	from_host(&p, BOOT);
	assert_int_equal(node.counters.packets_delivered, 1);
}

static void errors_are_rate_limited(void **state)
{
	struct test_packet p, original;

	(void)state;
	packet_build(&original, "fd00::1", "fd00::9", PROTOCOL_UDP, 64, 100);
	for (unsigned i = 0; i < 1000; i++) {
		sent_count = 0;
		p = original;
		from_peer(&p, BOOT);
		assert_int_equal(sent_count, i < 50);
	}
	/* A second of floods at 10,000/s: 100 errors. */
	for (unsigned i = 1; i <= 10000; i++) {
		sent_count = 0;
		p = original;
		from_peer(&p, BOOT + i * 100);
	}
	assert_int_equal(node.counters.icmp_sent, 150);
	assert_int_equal(node.counters.drops.no_route, 11000);
	/* Rest fills the bucket, and no more than that. */
	for (unsigned i = 0; i < 60; i++) {
		sent_count = 0;
		p = original;
		from_peer(&p, BOOT + 3600 * SECOND);
	}
	assert_int_equal(node.counters.icmp_sent, 200);
}

/* What tells a flow its MTU must not drown in errors about another that goes nowhere. */
static void one_kind_of_error_does_not_use_up_the_others(void **state)
{
	struct test_packet p;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		sent_count = 0;
		packet_build(&p, "fd00::1", "fd00::9", PROTOCOL_UDP, 64, 100);
		from_peer(&p, BOOT);
	}
	assert_int_equal(sent_count, 0);
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, PATH_MTU);
	from_peer(&p, BOOT);
	assert_int_equal(sent_count, 1);
	is_icmp(&sent[0], 2, 0);
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 1, 100);
	from_peer(&p, BOOT);
	is_icmp(&sent[1], 3, 0);
}

static void too_big_comes_back_with_the_mtu(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, PATH_MTU - 40);
	from_peer(&p, BOOT);
	assert_ptr_equal(sent[0].peer, &peers[1]);
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, PATH_MTU - 40 + 1);
	from_peer(&p, BOOT);
	assert_ptr_equal(sent[1].peer, &peers[0]);
	is_icmp(&sent[1], 2, 0);
	assert_int_equal(sent[1].data[46] << 8 | sent[1].data[47], PATH_MTU);
	assert_int_equal(sent[1].len, 1280);
	/* Quoted with the hop limit that it came with. */
	assert_int_equal(sent[1].data[48 + 7], 64);
	packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, PATH_MTU - 20 + 1);
	from_peer(&p, BOOT);
	is_icmp(&sent[2], 3, 4);
	assert_int_equal(sent[2].data[26] << 8 | sent[2].data[27], PATH_MTU);
	assert_int_equal(node.counters.drops.too_big, 2);
	assert_int_equal(links[1].drops.too_big, 2);
}

/* Puts what was sent together again; the payload must be what packet_build() wrote. */
static void fragments_make_the_packet(size_t payload_len, unsigned base, bool more)
{
	bool have[PACKET_MAX] = { false };

	for (unsigned i = 0; i < sent_count; i++) {
		const uint8_t *d = sent[i].data;
		size_t header_len = (d[0] & 15u) * 4, part = sent[i].len - header_len;
		unsigned field = (unsigned)(d[6] << 8 | d[7]), at = ((field & 0x1fff) - base) * 8;

		assert_true(sent[i].len <= PATH_MTU);
		assert_int_equal(d[2] << 8 | d[3], sent[i].len);
		assert_true(ipv4_checksum_holds(d));
		assert_int_equal(field & 0x4000, 0);
		bool last = at + part == payload_len;
		assert_int_equal((field & 0x2000) != 0, more || !last);
		assert_true(last || part % 8 == 0);
		for (size_t k = 0; k < part; k++) {
			assert_true(at + k < payload_len);
			assert_false(have[at + k]);
			have[at + k] = true;
			assert_int_equal(d[header_len + k], (uint8_t)(at + k));
		}
	}
	for (size_t k = 0; k < payload_len; k++)
		assert_true(have[k]);
}

static void ipv4_is_cut_if_it_may_be__rfc791_rfc1812_5_2_6(void **state)
{
	struct test_packet p;

	(void)state;
	for (size_t payload_len = PATH_MTU - 20; payload_len < PATH_MTU + 24; payload_len++) {
		packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, payload_len);
		p.data[6] = 0;
		ipv4_checksum_set(p.data);
		sent_count = 0;
		from_peer(&p, BOOT);
		assert_int_equal(sent_count, payload_len == PATH_MTU - 20 ? 1 : 2);
		for (unsigned i = 0; i < sent_count; i++) {
			assert_int_equal(sent[i].data[8], 63);
			assert_int_equal(sent[i].data[4] << 8 | sent[i].data[5], 0x1234);
		}
		fragments_make_the_packet(payload_len, 0, false);
	}
	assert_int_equal(node.counters.drops.too_big, 0);
}

static void a_fragment_is_cut_again(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, 1600);
	p.data[6] = 0x20 | 0x01;
	p.data[7] = 0x50;
	ipv4_checksum_set(p.data);
	from_peer(&p, BOOT);
	assert_int_equal(sent_count, 2);
	fragments_make_the_packet(1600, 0x150, true);
	/* At the end of what can be addressed: no offset may run into the flags. */
	packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, 1600);
	p.data[6] = 0x1f;
	p.data[7] = 0xff;
	ipv4_checksum_set(p.data);
	sent_count = 0;
	from_peer(&p, BOOT);
	for (unsigned i = 0; i < sent_count; i++)
		assert_int_equal((sent[i].data[6] << 8 | sent[i].data[7]) & 0xdfff, 0x1fff);
}

static void later_fragments_keep_copied_options_only__rfc791_3_1(void **state)
{
	static const uint8_t options[12] = { 1, 7, 3, 4, 0x94, 4, 0, 0, 1, 1, 0, 0 };
	struct test_packet p;

	(void)state;
	packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, 1600);
	memmove(p.data + 32, p.data + 20, 1600);
	memcpy(p.data + 20, options, sizeof(options));
	p.data[0] = 0x48;
	p.data[2] = (1632) >> 8;
	p.data[3] = (uint8_t)1632;
	p.data[6] = 0;
	p.len = 1632;
	ipv4_checksum_set(p.data);
	from_peer(&p, BOOT);
	assert_int_equal(sent_count, 2);
	assert_int_equal(sent[0].data[0], 0x48);
	assert_memory_equal(sent[0].data + 20, options, sizeof(options));
	assert_int_equal(sent[1].data[0], 0x46);
	assert_memory_equal(sent[1].data + 20, options + 4, 4);
	fragments_make_the_packet(1600, 0, false);
	/* Options that lie about their length: cut, not read past. */
	for (unsigned len = 0; len < 256; len++) {
		packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, 1600);
		p.data[0] = 0x46;
		p.data[6] = 0;
		p.data[20] = 0x94;
		p.data[21] = (uint8_t)len;
		ipv4_checksum_set(p.data);
		sent_count = 0;
		from_peer(&p, BOOT);
		assert_int_equal(sent_count, 2);
		for (unsigned i = 0; i < 2; i++)
			assert_true(ipv4_checksum_holds(sent[i].data));
	}
}

static void link_local_and_groups_are_never_forwarded(void **state)
{
	static const char *const v4[] = { "0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255" };
	static const char *const v6[] = { "::", "::1", "fe80::1", "ff02::1", "::ffff:10.2.0.1" };
	struct test_packet p;
	uint64_t dropped = 0;

	(void)state;
	route_set("::/0", FIB_PEER, &peers[0]);
	route_set("0.0.0.0/0", FIB_PEER, &peers[0]);
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 4; k++) {
			const char *odd = k < 2 ? v4[i] : v6[i], *good = k < 2 ? "10.2.0.1" : "fd00::2";

			packet_build(&p, k % 2 ? odd : good, k % 2 ? good : odd, PROTOCOL_UDP, 64, 8);
			from_peer(&p, BOOT);
			from_host(&p, BOOT);
			dropped += 2;
		}
	}
	assert_int_equal(sent_count, 0);
	assert_int_equal(node.counters.drops.not_forwardable, dropped);
}

static void nobody_speaks_from_our_address(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, SELF, SELF, PROTOCOL_UDP, 64, 8);
	from_peer(&p, BOOT);
	packet_build(&p, SELF, "fd00::2", PROTOCOL_UDP, 64, 8);
	from_peer(&p, BOOT);
	assert_int_equal(sent_count, 0);
	assert_int_equal(node.counters.drops.not_forwardable, 2);
}

static void padding_is_cut_off(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "fd00::1", SELF, PROTOCOL_UDP, 64, 8);
	p.len += 30;
	from_peer(&p, BOOT);
	assert_int_equal(sent[0].len, 48);
	packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, 8);
	p.len += 30;
	from_peer(&p, BOOT);
	assert_int_equal(sent[1].len, 28);
}

/* Every cut of a packet lies in a buffer of its own size: ASan sees an overread. */
static void malformed_packets_are_dropped_and_counted(void **state)
{
	struct test_packet p;
	uint64_t dropped = 0;

	(void)state;
	for (unsigned family = 0; family < 2; family++) {
		packet_build(&p, family ? "fd00::1" : "10.0.0.1", family ? "fd00::2" : "10.2.0.1", PROTOCOL_UDP, 64, 8);
		for (size_t len = 0; len < p.len; len++) {
			uint8_t *exact = test_malloc(len + 1);
			struct node_packet packet = { exact + 1, len };

			memcpy(exact + 1, p.data, len);
			forward_from_peer(&peers[1], BOOT, KIND_IP, exact + 1, len);
			node_packets_in(&node, BOOT, &packet, 1);
			dropped += 2;
			test_free(exact);
		}
	}
	for (unsigned version = 0; version < 16; version++) {
		if (version == 6)
			continue;
		packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, 8);
		p.data[0] = (uint8_t)(version << 4);
		from_peer(&p, BOOT);
		dropped++;
	}
	for (unsigned words = 0; words < 16; words++) {
		if (words >= 5 && words <= 7)
			continue;
		packet_build(&p, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, 8);
		p.data[0] = (uint8_t)(0x40 | words);
		from_host(&p, BOOT);
		dropped++;
	}
	assert_int_equal(sent_count, 0);
	assert_int_equal(node.counters.drops.packet_malformed, dropped);
}

static void wrong_header_checksum_from_a_peer_is_dropped__rfc1812_5_2_2(void **state)
{
	struct test_packet p, original;

	(void)state;
	packet_build(&original, "10.0.0.1", "10.2.0.1", PROTOCOL_UDP, 64, 8);
	for (unsigned bit = 32; bit < 160; bit++) {
		p = original;
		p.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		from_peer(&p, BOOT);
	}
	assert_int_equal(sent_count, 0);
	assert_int_equal(node.counters.drops.packet_malformed, 128);
}

/* --- classes -------------------------------------------------------------------------------- */

#define EF 46
#define AF11 10

static void class_set(const char *text, enum packet_class class, struct peer *peer)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	assert_int_equal(fib_set_class(&node.fib, &p, class, peer), 0);
}

static struct test_packet packet_marked(unsigned dscp)
{
	struct test_packet p;

	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, 100);
	p.data[0] = (uint8_t)(0x60 | dscp >> 2);
	p.data[1] = (uint8_t)(dscp << 6);
	return p;
}

/* From one that speaks of classes. */
static void from_whom_as(struct peer *from, enum packet_class class, uint64_t now_us)
{
	struct test_packet p = packet_marked(0);

	from->capabilities = node.capabilities = CAPABILITY_CLASSES;
	forward_from_peer(from, now_us, kind_of_class(KIND_IP, class), p.data, p.len);
}

static void from_peer_as(enum packet_class class, uint64_t now_us)
{
	from_whom_as(&bringer, class, now_us);
}

static void class_is_set_at_entry_by_dscp__protocol_3(void **state)
{
	static const struct {
		unsigned dscp;
		enum packet_class class;
		struct peer *peer;
	} cases[] = { { EF, CLASS_COMMAND, &peers[0] }, { AF11, CLASS_BULK, &peers[1] }, { 0, CLASS_TEXT, &peers[1] } };

	(void)state;
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	class_set("fd00::2", CLASS_BULK, &peers[1]);
	for (unsigned i = 0; i < 3; i++) {
		struct test_packet p = packet_marked(cases[i].dscp), original = p;

		from_host(&p, BOOT);
		assert_int_equal(sent[i].class, cases[i].class);
		assert_ptr_equal(sent[i].peer, cases[i].peer);
		assert_memory_equal(sent[i].data, original.data, original.len); /* the mark of the sender, too */
	}
	assert_int_equal(node.counters.packets_fallen, 0);
}

static void relay_goes_by_the_frame_not_by_the_header__protocol_3(void **state)
{
	struct test_packet p = packet_marked(EF);

	(void)state;
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	class_set("fd00::2", CLASS_BULK, &peers[1]);
	from_peer_as(CLASS_COMMAND, BOOT);
	assert_int_equal(sent[0].class, CLASS_COMMAND);
	assert_ptr_equal(sent[0].peer, &peers[0]);
	forward_from_peer(&bringer, BOOT, kind_of_class(KIND_IP, CLASS_TEXT), p.data, p.len);
	assert_int_equal(sent[1].class, CLASS_TEXT);
}

/* Who knows no classes marks none: there the packet enters. */
static void packet_from_who_knows_no_classes_enters_here(void **state)
{
	struct test_packet p = packet_marked(EF);

	(void)state;
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	forward_from_peer(&bringer, BOOT, KIND_IP, p.data, p.len);
	assert_int_equal(sent[0].class, CLASS_COMMAND);
	assert_ptr_equal(sent[0].peer, &peers[0]);
}

/* Once, and no node lifts it again though it has a route of the class. */
static void class_without_route_falls_to_the_base_for_good__protocol_3(void **state)
{
	(void)state;
	from_peer_as(CLASS_COMMAND, BOOT);
	assert_int_equal(sent[0].class, CLASS_TEXT);
	assert_ptr_equal(sent[0].peer, &peers[1]);
	assert_int_equal(node.counters.packets_fallen, 1);
	from_peer_as(CLASS_BULK, BOOT);
	assert_int_equal(sent[1].class, CLASS_FALLEN);
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	class_set("fd00::2", CLASS_BULK, &peers[0]);
	from_peer_as(CLASS_TEXT, BOOT);
	from_peer_as(CLASS_FALLEN, BOOT);
	assert_ptr_equal(sent[2].peer, &peers[1]);
	assert_ptr_equal(sent[3].peer, &peers[1]);
	assert_int_equal(sent[3].class, CLASS_FALLEN);
	assert_int_equal(node.counters.packets_fallen, 2);
}

/* Its source is told, by whichever node it is that has the thin link. */
static void fallen_bulk_does_not_go_over_a_thin_link__protocol_3(void **state)
{
	(void)state;
	route_set("fd00::1", FIB_PEER, &peers[0]);
	links[1].config.rate_bps = 199999;
	from_peer_as(CLASS_BULK, BOOT);
	assert_int_equal(sent_count, 1);
	assert_ptr_equal(sent[0].peer, &peers[0]);
	is_icmp(&sent[0], 1, 1); /* communication with destination administratively prohibited */
	from_peer_as(CLASS_FALLEN, BOOT);
	assert_int_equal(node.counters.drops.bulk_not_admitted, 2);
	from_peer_as(CLASS_COMMAND, BOOT);
	assert_int_equal(sent_count, 3);
	assert_ptr_equal(sent[2].peer, &peers[1]);
}

static void class_may_have_a_route_where_the_base_has_none(void **state)
{
	(void)state;
	route_set("fd00::2", FIB_HELD, NULL);
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	from_peer_as(CLASS_COMMAND, BOOT);
	assert_ptr_equal(sent[0].peer, &peers[0]);
	from_peer_as(CLASS_TEXT, BOOT);
	assert_int_equal(node.counters.drops.no_route, 1);
	assert_int_equal(node.counters.packets_fallen, 0);
}

/* Each of two believes that the other one is nearer: for a moment, or as long as news is lost between them. */
static void packet_does_not_go_back_to_who_brought_it(void **state)
{
	struct test_packet p;
	/* The same node, by another link. */
	struct peer other = { .n = &node, .link = &links[0], .address = peers[1].address };

	(void)state;
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, 100);
	forward_from_peer(&peers[1], BOOT, KIND_IP, p.data, p.len);
	assert_int_equal(sent_count, 1);
	assert_ptr_equal(sent[0].peer, &peers[0]);
	is_icmp(&sent[0], 1, 0);
	forward_from_peer(&other, BOOT, KIND_IP, p.data, p.len);
	assert_int_equal(sent_count, 2);
	is_icmp(&sent[1], 1, 0);
	assert_int_equal(node.counters.drops.came_back, 2);
	assert_int_equal(links[1].drops.came_back, 2);
	assert_int_equal(node.counters.packets_forwarded, 0);
}

/* One way in its class and one in the base may meet twice, and end. */
static void packet_that_falls_here_may_go_back(void **state)
{
	(void)state;
	class_set("fd00::2", CLASS_BULK, &peers[1]);
	from_whom_as(&peers[1], CLASS_COMMAND, BOOT);
	assert_int_equal(sent_count, 1);
	assert_ptr_equal(sent[0].peer, &peers[1]);
	assert_int_equal(sent[0].class, CLASS_TEXT);
	from_whom_as(&peers[1], CLASS_BULK, BOOT);
	from_whom_as(&peers[1], CLASS_TEXT, BOOT);
	from_whom_as(&peers[1], CLASS_FALLEN, BOOT);
	assert_int_equal(node.counters.drops.came_back, 3);
	assert_int_equal(node.counters.packets_forwarded, 1);
}

static void way_is(enum packet_class class, const struct peer *peer, enum packet_class leaves)
{
	struct prefix to;
	struct node_way way;

	assert_int_equal(prefix_parse(&to, "fd00::2/128"), 0);
	assert_int_equal(node_way(&node, &to, &class, &way), peer != NULL);
	if (!peer)
		return;
	assert_int_equal(class, leaves);
	assert_int_equal(way.link, peer->link->id);
	assert_true(address_equal(&way.neighbour, &peer->address));
}

/* Who looks on is told what the data path would do. */
static void way_is_that_of_the_data_path(void **state)
{
	(void)state;
	way_is(CLASS_TEXT, &peers[1], CLASS_TEXT);
	way_is(CLASS_COMMAND, &peers[1], CLASS_TEXT);
	way_is(CLASS_BULK, &peers[1], CLASS_FALLEN);
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	class_set("fd00::2", CLASS_BULK, &peers[0]);
	way_is(CLASS_COMMAND, &peers[0], CLASS_COMMAND);
	way_is(CLASS_BULK, &peers[0], CLASS_BULK);
	way_is(CLASS_FALLEN, &peers[1], CLASS_FALLEN);
	links[1].config.rate_bps = 199999;
	way_is(CLASS_FALLEN, NULL, CLASS_FALLEN);
	way_is(CLASS_TEXT, &peers[1], CLASS_TEXT);
	route_set("fd00::2", FIB_HELD, NULL);
	way_is(CLASS_TEXT, NULL, CLASS_TEXT);
	way_is(CLASS_COMMAND, &peers[0], CLASS_COMMAND);
	route_set("fd00::2", FIB_OWN, NULL);
	way_is(CLASS_COMMAND, NULL, CLASS_COMMAND);
}

/* Bulk that is marked as command is bulk in the end. */
static void more_command_than_its_share_goes_on_as_bulk__protocol_3(void **state)
{
	uint64_t now_us = BOOT;
	unsigned command = 0;

	(void)state;
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	links[1].config.rate_bps = 1000000;
	for (unsigned i = 0; i < 8000; i++) { /* a megabit for eight seconds: 140 bytes each */
		sent_count = 0;
		from_peer_as(CLASS_COMMAND, now_us += 1120);
		assert_true(sent[0].class == CLASS_COMMAND || sent[0].class == CLASS_FALLEN);
		command += sent[0].class == CLASS_COMMAND;
	}
	/* An eighth, and a second of it at once. */
	assert_in_range(command, 1000, 1150);
	assert_int_equal(node.counters.over_limit[TRAFFIC_COMMAND], 8000 - command);
	assert_int_equal(bringer.policer.over[TRAFFIC_COMMAND], 8000 - command);
	from_peer_as(CLASS_COMMAND, now_us + 2 * SECOND);
	assert_int_equal(sent[1].class, CLASS_COMMAND);
}

static void limit_is(enum traffic_class class, uint64_t rate_bps, unsigned burst_ms)
{
	struct traffic_policy policy = { .rule_count = 0 };

	policy.limits[class] =
		(struct traffic_limit){ rate_bps ? TRAFFIC_LIMIT_STATED : TRAFFIC_LIMIT_NONE, rate_bps, burst_ms };
	assert_int_equal(node_classes_set(&node, &policy), 0);
}

/* A megabit in a second, 140 bytes each; returns how many left in their class. */
static unsigned megabit_from_peer(enum packet_class class, uint64_t start_us)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < 1000; i++) {
		sent_count = 0;
		from_peer_as(class, start_us + i * 1000);
		kept += sent_count == 1 && sent[0].class == class;
	}
	return kept;
}

static void stated_limits_hold_for_each_class(void **state)
{
	(void)state;
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	class_set("fd00::2", CLASS_BULK, &peers[0]);
	limit_is(TRAFFIC_COMMAND, 280000, 100);
	/* A quarter, and a tenth of a second of that at once. */
	assert_in_range(megabit_from_peer(CLASS_COMMAND, BOOT), 270, 280);
	assert_int_equal(megabit_from_peer(CLASS_TEXT, BOOT + 10 * SECOND), 1000);
	limit_is(TRAFFIC_COMMAND, 0, 0);
	assert_int_equal(megabit_from_peer(CLASS_COMMAND, BOOT + 20 * SECOND), 1000);
	limit_is(TRAFFIC_TEXT, 280000, 100);
	assert_in_range(megabit_from_peer(CLASS_TEXT, BOOT + 30 * SECOND), 270, 280);
	assert_int_equal(sent[0].class, CLASS_FALLEN);
	assert_int_equal(node.counters.drops.bulk_over_limit, 0);
	limit_is(TRAFFIC_BULK, 280000, 100);
	unsigned kept = megabit_from_peer(CLASS_BULK, BOOT + 40 * SECOND);
	assert_in_range(kept, 270, 280);
	assert_int_equal(node.counters.drops.bulk_over_limit, 1000 - kept);
	assert_int_equal(links[1].drops.bulk_over_limit, 1000 - kept);
	assert_int_equal(bringer.policer.over[TRAFFIC_BULK], 1000 - kept);
	/* What fell from it is bulk as well. */
	kept = megabit_from_peer(CLASS_FALLEN, BOOT + 50 * SECOND);
	assert_in_range(kept, 270, 280);
}

static void host_has_a_limit_only_if_one_is_stated(void **state)
{
	struct test_packet p;
	unsigned kept = 0;

	(void)state;
	class_set("fd00::2", CLASS_COMMAND, &peers[0]);
	for (unsigned i = 0; i < 2000; i++) {
		if (i == 1000)
			limit_is(TRAFFIC_COMMAND, 280000, 100);
		packet_build(&p, SELF, "fd00::2", PROTOCOL_UDP, 64, 100);
		p.data[0] = 0x6b; /* EF */
		p.data[1] = 0x80;
		sent_count = 0;
		from_host(&p, BOOT + i * 1000);
		assert_int_equal(sent_count, 1);
		kept += sent[0].class == CLASS_COMMAND;
		assert_true(i >= 1000 || kept == i + 1);
	}
	assert_in_range(kept, 1270, 1280);
	assert_int_equal(node.host_policer.over[TRAFFIC_COMMAND], 2000 - kept);
	assert_int_equal(bringer.policer.over[TRAFFIC_COMMAND], 0);
}

static void rule_decides_where_a_packet_enters_and_nowhere_else(void **state)
{
	struct traffic_policy policy = { .rule_count = 1 };
	struct test_packet p;

	(void)state;
	assert_null(traffic_rule_parse(&policy.rules[0], "bulk udp"));
	assert_int_equal(node_classes_set(&node, &policy), 0);
	class_set("fd00::2", CLASS_BULK, &peers[0]);
	packet_build(&p, SELF, "fd00::2", PROTOCOL_UDP, 64, 8);
	from_host(&p, BOOT);
	assert_int_equal(sent[0].class, CLASS_BULK);
	/* A neighbour that speaks of classes has decided already. */
	from_peer_as(CLASS_TEXT, BOOT);
	assert_int_equal(sent[1].class, CLASS_TEXT);
	bringer.capabilities = 0;
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, 8);
	from_peer(&p, BOOT);
	assert_int_equal(sent[2].class, CLASS_BULK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(hop_limit_falls_at_relays_only),
		TEST(only_what_comes_and_goes_by_one_link_asks_for_a_meeting),
		TEST(packet_for_the_host_arrives_as_it_was_sent),
		TEST(ipv4_checksum_follows_the_hop_limit__rfc1624),
		TEST(longest_prefix_wins),
		TEST(last_hop_is_answered_with_time_exceeded),
		TEST(without_route_the_source_is_told),
		TEST(what_lies_behind_the_host_is_not_given_back),
		TEST(errors_are_rate_limited),
		TEST(one_kind_of_error_does_not_use_up_the_others),
		TEST(too_big_comes_back_with_the_mtu),
		TEST(ipv4_is_cut_if_it_may_be__rfc791_rfc1812_5_2_6),
		TEST(a_fragment_is_cut_again),
		TEST(later_fragments_keep_copied_options_only__rfc791_3_1),
		TEST(link_local_and_groups_are_never_forwarded),
		TEST(nobody_speaks_from_our_address),
		TEST(padding_is_cut_off),
		TEST(malformed_packets_are_dropped_and_counted),
		TEST(wrong_header_checksum_from_a_peer_is_dropped__rfc1812_5_2_2),
		TEST(class_is_set_at_entry_by_dscp__protocol_3),
		TEST(relay_goes_by_the_frame_not_by_the_header__protocol_3),
		TEST(packet_from_who_knows_no_classes_enters_here),
		TEST(class_without_route_falls_to_the_base_for_good__protocol_3),
		TEST(fallen_bulk_does_not_go_over_a_thin_link__protocol_3),
		TEST(class_may_have_a_route_where_the_base_has_none),
		TEST(packet_does_not_go_back_to_who_brought_it),
		TEST(packet_that_falls_here_may_go_back),
		TEST(way_is_that_of_the_data_path),
		TEST(more_command_than_its_share_goes_on_as_bulk__protocol_3),
		TEST(stated_limits_hold_for_each_class),
		TEST(host_has_a_limit_only_if_one_is_stated),
		TEST(rule_decides_where_a_packet_enters_and_nowhere_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
