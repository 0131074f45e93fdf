/*
 * What rules see of a packet: options, extension headers, fragments, and packets that
 * end too early. Each lies in a buffer of its own size, so that ASan sees an overread.
 */
#include "tests/unit/node_packets.h"

#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NONE 0x10000u
#define UDP_PORTS 0x13, 0xc4, 0x9c, 0x40 /* 5060, 40000 */
#define TCP 6
#define UDP 17

/* What is behind the IP header; `first` is the protocol that the header names. */
struct body {
	const char *what;
	uint8_t first;
	uint8_t bytes[64];
	size_t len;
	unsigned protocol, source; /* NONE: not seen */
};

#define EIGHT(next, len) (next), (len), 0, 0, 0, 0, 0, 0
#define FRAGMENT(next, high, low) (next), 0, (high), (low), 0, 0, 0, 1

static const struct body bodies6[] = {
	{ "udp", UDP, { UDP_PORTS }, 8, UDP, 5060 },
	{ "tcp", TCP, { UDP_PORTS }, 20, TCP, 5060 },
	{ "sctp", 132, { UDP_PORTS }, 12, 132, 5060 },
	{ "four bytes of udp", UDP, { UDP_PORTS }, 4, UDP, 5060 },
	{ "three", UDP, { UDP_PORTS }, 3, UDP, NONE },
	{ "nothing of udp", UDP, { 0 }, 0, UDP, NONE },
	{ "icmp has no ports", 58, { UDP_PORTS }, 8, 58, NONE },
	{ "esp hides them", 50, { UDP_PORTS }, 8, 50, NONE },
	{ "no next header", 59, { UDP_PORTS }, 8, 59, NONE },
	{ "hop by hop", 0, { EIGHT(UDP, 0), UDP_PORTS }, 16, UDP, 5060 },
	{ "a long one", 60, { EIGHT(UDP, 1), 0, 0, 0, 0, 0, 0, 0, 0, UDP_PORTS }, 24, UDP, 5060 },
	{ "longer than the packet", 60, { EIGHT(UDP, 200), UDP_PORTS }, 16, NONE, NONE },
	{ "one byte of a header", 60, { UDP }, 1, NONE, NONE },
	{ "routing, options", 43, { EIGHT(60, 0), EIGHT(UDP, 0), UDP_PORTS }, 24, UDP, 5060 },
	{ "authentication counts in fours", 51, { EIGHT(UDP, 1), 0, 0, 0, 0, UDP_PORTS }, 16, UDP, 5060 },
	{ "the first fragment shows no ports", 44, { FRAGMENT(UDP, 0, 1), UDP_PORTS }, 16, UDP, NONE },
	{ "nor does a later one", 44, { FRAGMENT(UDP, 1, 0), UDP_PORTS }, 16, UDP, NONE },
	{ "an atomic one does", 44, { FRAGMENT(UDP, 0, 0), UDP_PORTS }, 16, UDP, 5060 },
	{ "reserved bits are none of both", 44, { FRAGMENT(UDP, 0, 6), UDP_PORTS }, 16, UDP, 5060 },
	{ "options behind a first fragment", 44, { FRAGMENT(60, 0, 1), EIGHT(UDP, 0), UDP_PORTS }, 24, UDP, NONE },
	{ "... are not in a later one", 44, { FRAGMENT(60, 1, 0), EIGHT(UDP, 0), UDP_PORTS }, 24, NONE, NONE },
	{ "a cut fragment header", 44, { FRAGMENT(UDP, 0, 0) }, 5, NONE, NONE },
	{ "eight headers are too many", 60,
		{ EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0),
			EIGHT(UDP, 0) },
		64, NONE, NONE },
	{ "seven are not", 60,
		{ EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0), EIGHT(60, 0), EIGHT(UDP, 0),
			UDP_PORTS },
		64, UDP, 5060 },
};

static const struct body bodies4[] = {
	{ "udp", UDP, { UDP_PORTS }, 8, UDP, 5060 },
	{ "three bytes of it", UDP, { UDP_PORTS }, 3, UDP, NONE },
	{ "icmp", 1, { UDP_PORTS }, 8, 1, NONE },
	{ "a number that means a header in IPv6 only", 60, { EIGHT(UDP, 0), UDP_PORTS }, 16, 60, NONE },
};

static struct traffic_key key_of(uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct traffic_key key;
	struct packet p;

	assert_non_null(exact);
	memcpy(exact, data, len);
	assert_true(packet_parse(&p, exact, len));
	key = traffic_key_of(&p);
	free(exact);
	return key;
}

static void key_is(const struct traffic_key *key, const struct body *b)
{
	if (key->has_protocol != (b->protocol != NONE) || (key->has_protocol && key->protocol != b->protocol))
		fail_msg("%s: protocol %u", b->what, key->has_protocol ? key->protocol : NONE);
	if (key->has_ports != (b->source != NONE) ||
		(key->has_ports && (key->source_port != b->source || key->destination_port != 40000)))
		fail_msg("%s: port %u", b->what, key->has_ports ? key->source_port : NONE);
}

static size_t packet_of(struct test_packet *p, const struct body *b, bool v4)
{
	const struct address from = addr(v4 ? "10.0.0.1" : "fd00::1"), to = addr(v4 ? "10.2.0.1" : "fd00::2");

	packet_make(p, &from, &to, b->first, 64, b->len);
	memcpy(p->data + (v4 ? 20 : 40), b->bytes, b->len);
	return p->len;
}

static void headers_are_walked_to_the_transport(void **state)
{
	struct test_packet p;

	(void)state;
	for (size_t i = 0; i < COUNT(bodies6); i++) {
		struct traffic_key key = key_of(p.data, packet_of(&p, &bodies6[i], false));

		key_is(&key, &bodies6[i]);
	}
	for (size_t i = 0; i < COUNT(bodies4); i++) {
		struct traffic_key key = key_of(p.data, packet_of(&p, &bodies4[i], true));

		key_is(&key, &bodies4[i]);
	}
}

/* The header says less than there is, down to nothing behind it: what is beyond is padding, and not read. */
static void every_cut_is_read_to_its_end_only(void **state)
{
	struct test_packet p;

	(void)state;
	for (size_t i = 0; i < COUNT(bodies6); i++) {
		size_t whole = packet_of(&p, &bodies6[i], false);

		for (size_t len = 40; len < whole; len++) {
			p.data[4] = 0;
			p.data[5] = (uint8_t)(len - 40);
			struct traffic_key cut = key_of(p.data, len), padded = key_of(p.data, whole);

			assert_int_equal(cut.has_ports, padded.has_ports);
			assert_int_equal(cut.has_protocol, padded.has_protocol);
			assert_true(!cut.has_ports || len >= 44);
		}
	}
}

static void fragments_and_options_of_ipv4(void **state)
{
	static const struct body udp = { "udp", UDP, { UDP_PORTS }, 8, UDP, 5060 };
	static const uint16_t fragments[] = { 0x2000, 0x0001, 0x2001, 0x1fff };
	struct test_packet p;

	(void)state;
	size_t len = packet_of(&p, &udp, true);
	for (size_t i = 0; i < COUNT(fragments); i++) {
		p.data[6] = (uint8_t)(fragments[i] >> 8);
		p.data[7] = (uint8_t)fragments[i];
		struct traffic_key key = key_of(p.data, len);
		assert_false(key.has_ports);
		assert_int_equal(key.protocol, UDP);
	}
	/* Four bytes of options: what was the source port is one of them. */
	p.data[6] = 0x40;
	p.data[7] = 0;
	p.data[0] = 0x46;
	struct traffic_key key = key_of(p.data, len);
	assert_true(key.has_ports);
	assert_int_equal(key.source_port, 0);
	p.data[0] = 0x47; /* no room for ports behind eight */
	key = key_of(p.data, len);
	assert_false(key.has_ports);
}

static void marks_of_both_families(void **state)
{
	static const struct body udp = { "udp", UDP, { UDP_PORTS }, 8, UDP, 5060 };
	struct test_packet p;

	(void)state;
	for (unsigned dscp = 0; dscp < 64; dscp++) {
		size_t len = packet_of(&p, &udp, true);

		p.data[1] = (uint8_t)(dscp << 2 | 3);
		assert_int_equal(key_of(p.data, len).dscp, dscp);
		len = packet_of(&p, &udp, false);
		p.data[0] = (uint8_t)(0x60 | dscp >> 2);
		p.data[1] = (uint8_t)(dscp << 6 | 0x3f);
		assert_int_equal(key_of(p.data, len).dscp, dscp);
	}
}

/* --- rules ----------------------------------------------------------------------------------- */

static struct node node;

static void rules_are(unsigned count, const char *const *texts)
{
	struct traffic_policy policy = { .rule_count = count };

	for (unsigned i = 0; i < count; i++)
		assert_null(traffic_rule_parse(&policy.rules[i], texts[i]));
	assert_int_equal(node_classes_set(&node, &policy), 0);
}

static enum packet_class class_with(uint8_t dscp)
{
	static const struct body udp = { "udp", UDP, { UDP_PORTS }, 8, UDP, 5060 };
	struct test_packet t;
	struct packet p;

	size_t len = packet_of(&t, &udp, true);
	t.data[1] = (uint8_t)(dscp << 2);
	assert_true(packet_parse(&p, t.data, len));
	return classify(&node, &p);
}

static void first_rule_that_holds_decides_and_else_the_mark(void **state)
{
	static const char *const rules[] = { "command udp port 5060 dscp CS1", "text udp port 5060", "bulk any" };
	static const char *const others[] = { "bulk tcp" };

	(void)state;
	assert_int_equal(class_with(46), CLASS_COMMAND);
	rules_are(3, rules);
	assert_int_equal(class_with(46), CLASS_TEXT);
	assert_int_equal(class_with(8), CLASS_COMMAND);
	assert_int_equal(class_with(0), CLASS_TEXT);
	assert_int_equal(node_rule_packets(&node, 0), 1);
	assert_int_equal(node_rule_packets(&node, 1), 2);
	assert_int_equal(node_rule_packets(&node, 2), 0);
	assert_int_equal(node_rule_packets(&node, 3), 0);
	rules_are(1, others);
	assert_int_equal(class_with(46), CLASS_COMMAND);
	assert_int_equal(class_with(8), CLASS_BULK);
	assert_int_equal(node_rule_packets(&node, 0), 0);
	free(node.classes);
	node.classes = NULL;
}

static void what_cannot_be_is_not_taken(void **state)
{
	struct traffic_policy policy = { .rule_count = TRAFFIC_RULES_MAX + 1 };

	(void)state;
	assert_int_equal(node_classes_set(&node, &policy), -EINVAL);
	policy = (struct traffic_policy){ .limits = { [TRAFFIC_BULK] = { TRAFFIC_LIMIT_STATED, 0, 1000 } } };
	assert_int_equal(node_classes_set(&node, &policy), -EINVAL);
	policy.limits[TRAFFIC_BULK] = (struct traffic_limit){ TRAFFIC_LIMIT_STATED, 1000, 0 };
	assert_int_equal(node_classes_set(&node, &policy), -EINVAL);
	assert_null(node.classes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_walked_to_the_transport),
		cmocka_unit_test(every_cut_is_read_to_its_end_only),
		cmocka_unit_test(fragments_and_options_of_ipv4),
		cmocka_unit_test(marks_of_both_families),
		cmocka_unit_test(first_rule_that_holds_decides_and_else_the_mark),
		cmocka_unit_test(what_cannot_be_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
