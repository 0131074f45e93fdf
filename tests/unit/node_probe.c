/*
 * Ways that take less than their links say: what nodes find out, and what becomes of
 * packets (probe.c, frame.c, forward.c).
 */
#include "tests/unit/node_world.h"

#define NEAR 0
#define FAR 1
#define WAY 0
#define PROBE 9 /* control (docs/frames.md) */
#define PROBED 10

/* Two that have met; `passes` 0: all frames arrive. */
static struct world *way_of(uint64_t seed, size_t passes, bool probes, uint64_t rate_bps)
{
	struct world *w = world_new(seed);
	struct node_link_config c;
	struct prefix lans[2] = { prefix_make("10.0.0.0/24"), prefix_make("10.1.0.0/24") };

	station_enrol(w, NEAR, "10.0.0.0/24", NULL);
	station_enrol(w, FAR, "10.1.0.0/24", NULL);
	segment_make(w, WAY, false);
	w->segments[WAY].passes = passes;
	w->segments[WAY].rate_bps = rate_bps;
	c = link_config_of(&w->segments[WAY]);
	c.probes_mtu = probes;
	for (unsigned i = NEAR; i <= FAR; i++) {
		station_start(w, i);
		assert_int_equal(node_originate(w->stations[i].node, w->now, &lans[i]), 0);
		station_join_with(w, i, WAY, &c);
	}
	station_target(w, NEAR, FAR, WAY);
	world_run(w, 60 * A_SECOND);
	assert_true(reaches(w, NEAR, FAR) && reaches(w, FAR, NEAR));
	return w;
}

static size_t frame_max(struct world *w, unsigned i, unsigned other)
{
	struct node_peer_info info;

	assert_true(peer_info(w, i, other, WAY, &info));
	return info.frame_max;
}

static bool arrives(struct world *w, const char *from, const char *to, size_t payload, uint32_t number)
{
	struct address a = from ? addr(from) : w->stations[NEAR].address, b = to ? addr(to) : w->stations[FAR].address;

	station_send_packet(w, NEAR, &a, &b, 64, payload, number);
	world_run(w, A_SECOND);
	return w->stations[FAR].seen[number];
}

static void whole_way_is_used_whole(void **state)
{
	struct world *w = way_of(1, 0, true, 0);

	(void)state;
	assert_int_equal(frame_max(w, NEAR, FAR), 1500);
	assert_int_equal(frame_max(w, FAR, NEAR), 1500);
	assert_true(arrives(w, NULL, NULL, 1500 - NODE_OVERHEAD - 40, 1));
	assert_int_equal(counters_of(w, NEAR)->pieces_sent, 0);
	assert_in_range(counters_of(w, NEAR)->probes_sent, 1, 5);
	world_free(w);
}

static void ipv6_gets_its_1280_bytes_through_less(void **state)
{
	struct world *w = way_of(2, 1272, true, 0);
	struct station *near = &w->stations[NEAR];

	(void)state;
	assert_in_range(frame_max(w, NEAR, FAR), 1272 - PATH_GRAIN, 1272);
	assert_true(arrives(w, NULL, NULL, 1280 - 40, 1));
	assert_true(counters_of(w, NEAR)->pieces_sent >= 2);
	assert_int_equal(counters_of(w, FAR)->packets_joined, 1);
	assert_int_equal(near->icmp_count, 0);
	/* More is refused, and that is said with what IPv6 is owed (RFC 4443, 3.2; RFC 8200, 5). */
	assert_false(arrives(w, NULL, NULL, 1281 - 40, 2));
	assert_int_equal(near->icmp_count, 1);
	assert_int_equal(near->icmp_type, 2);
	assert_int_equal(near->icmp_mtu, 1280);
	world_free(w);
}

static void ipv4_is_told_what_passes_or_cut_once(void **state)
{
	struct world *w = way_of(3, 1272, true, 0);
	size_t whole = frame_max(w, NEAR, FAR) - NODE_OVERHEAD;
	uint64_t pieces = counters_of(w, NEAR)->pieces_sent;

	(void)state;
	assert_true(arrives(w, "10.0.0.5", "10.1.0.5", whole - 20, 1));
	/* It must not be cut (RFC 1191): its source sends less, and nothing goes in pieces. */
	assert_false(arrives(w, "10.0.0.5", "10.1.0.5", whole - 19, 2));
	assert_int_equal(w->stations[NEAR].icmp_type, 3);
	assert_int_equal(w->stations[NEAR].icmp_code, 4);
	assert_int_equal(w->stations[NEAR].icmp_mtu, whole);
	assert_int_equal(counters_of(w, NEAR)->drops.too_big, 1);
	/* This one may: into fragments that pass whole. */
	struct address a = addr("10.0.0.5"), b = addr("10.1.0.5");
	struct test_packet p;
	packet_make(&p, &a, &b, PROTOCOL_UDP, 64, 1350 - 20);
	p.data[6] = 0;
	ipv4_checksum_set(p.data);
	station_packet_in(w, NEAR, &p);
	assert_int_equal(counters_of(w, NEAR)->fragments_more, 1);
	assert_int_equal(counters_of(w, NEAR)->pieces_sent, pieces);
	world_free(w);
}

/* While it is not known what passes, hosts are told of no size. */
static void way_that_shrinks_stalls_for_seconds_and_tells_nothing_wrong(void **state)
{
	struct world *w = way_of(4, 0, true, 0);
	unsigned lost = 0;

	(void)state;
	w->segments[WAY].passes = 1000;
	for (uint32_t k = 0; k < 600; k++) {
		station_send_packet(w, NEAR, &w->stations[NEAR].address, &w->stations[FAR].address, 64, 1400 - 40, k);
		world_run(w, 100 * MILLISECOND);
		struct peer *p = peer_find_id(w->stations[NEAR].node->links[WAY], w->stations[FAR].node->id);
		assert_true(w->stations[NEAR].icmp_count == 0 || p->path.is_settled);
	}
	for (uint32_t k = 0; k < 600; k++)
		lost += !w->stations[FAR].seen[k];
	assert_true(lost > 20);
	assert_in_range(frame_max(w, NEAR, FAR), 1000 - PATH_GRAIN, 1000);
	assert_true(w->stations[NEAR].icmp_count > 0);
	assert_int_equal(w->stations[NEAR].icmp_mtu, 1280);
	assert_true(is_peer(w, NEAR, FAR, WAY));
	assert_true(arrives(w, NULL, NULL, 1280 - 40, 1000));
	w->segments[WAY].passes = 0;
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(frame_max(w, NEAR, FAR), 1500);
	world_free(w);
}

/* What nodes say to each other is cut as well: certificates and tables arrive over the least of ways. */
static void routing_lives_on_the_least_way(void **state)
{
	struct world *w = way_of(5, PATH_MIN, true, 0);
	uint8_t inner[1 + 1000] = { 0x7f };
	struct address far = node_neighbour_address(&w->stations[FAR].rid);
	uint64_t unknown = counters_of(w, FAR)->drops.unknown_kind;

	(void)state;
	assert_int_equal(frame_max(w, NEAR, FAR), PATH_MIN);
	assert_int_equal(node_inner_send(w->stations[NEAR].node, w->now, WAY, &far, bytes_of(inner, sizeof(inner))), 0);
	world_run(w, A_SECOND);
	assert_int_equal(counters_of(w, FAR)->drops.unknown_kind, unknown + 1); /* it arrived, whole */
	assert_true(w->segments[WAY].longest > PATH_MIN); /* as probes, which got lost */
	world_free(w);
}

static void wires_are_not_probed_nor_who_does_not_speak_of_it(void **state)
{
	(void)state;
	for (unsigned off = 0; off < 2; off++) {
		struct world *w = way_of(6, 0, off != 0, 0);

		if (off) {
			w->stations[FAR].node->capabilities &= (uint16_t)~CAPABILITY_PROBES;
			station_leave(w, NEAR, WAY);
			struct node_link_config c = link_config_of(&w->segments[WAY]);
			c.probes_mtu = true;
			station_join_with(w, NEAR, WAY, &c);
			station_target(w, NEAR, FAR, WAY);
			world_run(w, 30 * A_SECOND);
		}
		uint64_t before = counters_of(w, NEAR)->probes_sent;
		world_run(w, A_MINUTE);
		assert_int_equal(counters_of(w, NEAR)->probes_sent, before);
		assert_int_equal(frame_max(w, NEAR, FAR), 1500);
		world_free(w);
	}
}

/* 5 % of 9.6 kbit/s are 600 bytes in ten seconds. */
static void probes_keep_to_the_budget(void **state)
{
	struct world *w = way_of(7, 0, true, 9600);
	uint64_t before = counters_of(w, NEAR)->probes_sent;

	(void)state;
	for (uint32_t k = 0; k < 600; k++) {
		station_say(w, NEAR, FAR, k);
		world_run(w, A_SECOND);
	}
	assert_in_range(counters_of(w, NEAR)->probes_sent - before, 0, 6);
	world_free(w);
}

static void malformed_probes_are_counted(void **state)
{
	struct world *w = way_of(8, 0, true, 0);
	struct address far = node_neighbour_address(&w->stations[FAR].rid);
	const uint8_t probe[] = { KIND_CONTROL, PROBE, 1 }, probed[] = { KIND_CONTROL, PROBED, 1, 2, 3 };
	const uint8_t stray[] = { KIND_CONTROL, PROBED, 1, 2, 0xff, 0xff };
	uint64_t malformed = counters_of(w, FAR)->drops.control_malformed;

	(void)state;
	for (size_t len = 2; len <= sizeof(probe); len++)
		node_inner_send(w->stations[NEAR].node, w->now, WAY, &far, bytes_of(probe, len));
	for (size_t len = 2; len <= sizeof(probed); len++)
		node_inner_send(w->stations[NEAR].node, w->now, WAY, &far, bytes_of(probed, len));
	node_inner_send(w->stations[NEAR].node, w->now, WAY, &far, bytes_of(stray, sizeof(stray)));
	world_run(w, A_SECOND);
	assert_int_equal(counters_of(w, FAR)->drops.control_malformed - malformed, 2 + 4);
	assert_int_equal(frame_max(w, FAR, NEAR), 1500);
	world_free(w);
}

/* Random pieces from a member: bounded, and its neighbour stays. */
static void pieces_of_a_liar_are_given_up(void **state)
{
	struct world *w = way_of(9, 0, true, 0);
	struct address far = node_neighbour_address(&w->stations[FAR].rid);

	(void)state;
	for (unsigned k = 0; k < 5000; k++) {
		uint8_t inner[200] = { KIND_PIECE };
		size_t len = 1 + prng_below(&w->prng, sizeof(inner) - 1);

		for (size_t i = 1; i < len; i++)
			inner[i] = (uint8_t)prng_below(&w->prng, 256);
		node_inner_send(w->stations[NEAR].node, w->now, WAY, &far, bytes_of(inner, len));
		world_run(w, MILLISECOND);
		assert_true(w->stations[FAR].node->join_count <= JOINS_PER_PEER);
	}
	world_run(w, 30 * A_SECOND);
	assert_true(is_peer(w, FAR, NEAR, WAY));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_way_is_used_whole),
		cmocka_unit_test(ipv6_gets_its_1280_bytes_through_less),
		cmocka_unit_test(ipv4_is_told_what_passes_or_cut_once),
		cmocka_unit_test(way_that_shrinks_stalls_for_seconds_and_tells_nothing_wrong),
		cmocka_unit_test(routing_lives_on_the_least_way),
		cmocka_unit_test(wires_are_not_probed_nor_who_does_not_speak_of_it),
		cmocka_unit_test(probes_keep_to_the_budget),
		cmocka_unit_test(malformed_probes_are_counted),
		cmocka_unit_test(pieces_of_a_liar_are_given_up),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
