/*
 * The scheduler of a link alone: a node that is only a heap and a pool, and a
 * peer_send_in_place() that records instead of sealing.
 */
#include "tests/unit/node_packets.h"

#include "meshd/node/state.h"

#include <stdlib.h>

#define SENT_MAX 4096
#define LINK_MTU 1400
#define OVERHEAD 42
#define RATE_BPS 96000
#define BOOT (1000 * SECOND)
#define CS1 8
#define CS6 48
#define EF 46

struct sent {
	uint64_t at_us;
	const struct peer *peer;
	size_t len;
	uint8_t mark, dscp; /* first byte of the payload; as in IPv6 */
	uint8_t ecn;
};

static struct sent sent[SENT_MAX];
static unsigned sent_count;
static struct node node;
static struct node_link link;
static struct peer peers[2];
static uint64_t now_us;
static size_t piece; /* of the link; 0: whole packets */

static void record(const struct peer *p, const uint8_t *inner, size_t len)
{
	assert_true(sent_count < SENT_MAX);
	struct sent *s = &sent[sent_count++];

	*s = (struct sent){ .at_us = now_us, .peer = p, .len = len };
	if (inner[0] == KIND_IP && len > 41) {
		s->dscp = (uint8_t)((inner[1] & 15) << 2 | inner[2] >> 6);
		s->ecn = inner[2] >> 4 & 3;
		s->mark = inner[41];
	} else {
		s->mark = inner[0];
	}
}

/* Counts on the line what a frame would. */
static void line(size_t len)
{
	link.lane_bytes[link.lane] += len + FRAME_OVERHEAD + OVERHEAD;
	shaper_sent(&link, now_us, len + FRAME_OVERHEAD + OVERHEAD, link.waiting);
}

void frame_transmit(struct node_link *l, uint64_t at_us, const struct endpoint *to, struct bytes frame)
{
	(void)l, (void)at_us, (void)to;
	record(NULL, frame.data, frame.len);
	line(frame.len);
}

void peer_send_in_place(struct peer *p, uint64_t at_us, uint8_t *inner, size_t len)
{
	(void)at_us;
	/* The room that sealing needs is the caller's to write. */
	memset(inner - (NODE_HEADROOM - 1), 0xaa, NODE_HEADROOM - 1);
	memset(inner + len, 0xbb, NODE_TAILROOM);
	record(p, inner, len);
	line(len);
}

bool bundle_takes(const struct peer *p, const struct bundle *b, size_t len)
{
	(void)p;
	return b->len + len + 2 <= 200;
}

void bundle_add(struct peer *p, uint64_t at_us, struct bundle *b, struct outgoing *o)
{
	(void)p, (void)at_us;
	b->len += o->len + 2;
}

void bundle_send(struct peer *p, uint64_t at_us, struct bundle *b)
{
	(void)at_us;
	record(p, b->inner, b->len);
	line(b->len);
}

bool peer_send_next(struct peer *p, uint64_t at_us, struct outgoing *o)
{
	if (!piece) {
		peer_send_in_place(p, at_us, o->inner, o->len);
		o->at = o->len;
		return false;
	}
	size_t part = o->len - o->at < piece ? o->len - o->at : piece;
	record(p, o->inner, o->len);
	sent[sent_count - 1].len = part;
	line(part);
	o->at += part;
	return o->at < o->len;
}

static int setup(void **state)
{
	(void)state;
	memset(&node, 0, sizeof(node));
	memset(&link, 0, sizeof(link));
	heap_init(&node.heap);
	node.fib.secret[0] = 7;
	node.links[0] = &link;
	link.n = &node;
	link.up = true;
	link.config = (struct node_link_config){
		.mtu = LINK_MTU, .rate_bps = RATE_BPS, .is_shaped = true, .overhead = OVERHEAD
	};
	timer_init(&link.dequeue, egress_due);
	for (unsigned i = 0; i < 2; i++)
		peers[i] = (struct peer){ .n = &node, .link = &link };
	now_us = BOOT;
	sent_count = 0;
	piece = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	egress_done(&link);
	assert_int_equal(link.waiting, 0);
	assert_int_equal(node.pool.used, 0);
	free(link.egress);
	pool_done(&node.pool);
	heap_done(&node.heap);
	return 0;
}

static void run(uint64_t us)
{
	uint64_t until_us = now_us + us;

	while (heap_next(&node.heap) <= until_us) {
		if (heap_next(&node.heap) > now_us)
			now_us = heap_next(&node.heap);
		heap_run(&node.heap, now_us);
	}
	now_us = until_us;
}

/* The inner frame of `p`. */
static uint8_t *inner_of(struct test_packet *p)
{
	uint8_t *inner = (uint8_t *)p + offsetof(struct test_packet, data) - 1;

	inner[0] = KIND_IP;
	return inner;
}

/* An UDP packet of `len` bytes from port `flow`. */
static void put(unsigned dscp, unsigned ecn, uint16_t flow, uint8_t mark, size_t len)
{
	struct test_packet p;

	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, len - 40);
	p.data[0] = (uint8_t)(0x60 | dscp >> 2);
	p.data[1] = (uint8_t)(dscp << 6 | ecn << 4);
	p.data[40] = mark;
	p.data[41] = (uint8_t)flow;
	egress_packet(&peers[0], now_us, class_of_dscp(bytes_of(p.data, len)), inner_of(&p), len + 1);
}

static struct node_lane_info lane(enum lane which)
{
	return egress_info(&link, which);
}

static uint64_t airtime_us(size_t len)
{
	return (len + 1 + FRAME_OVERHEAD + OVERHEAD) * 8 * SECOND / RATE_BPS;
}

static void free_line_takes_a_packet_at_once(void **state)
{
	(void)state;
	put(0, 0, 1, 1, 500);
	assert_int_equal(sent_count, 1);
	assert_null(link.egress);
	put(0, 0, 1, 2, 500);
	assert_int_equal(sent_count, 1);
	assert_int_equal(lane(LANE_TEXT).packets, 1);
	run(airtime_us(500));
	assert_int_equal(sent_count, 2);
	assert_int_equal(sent[1].mark, 2);
}

static void line_of_unknown_rate_never_waits(void **state)
{
	(void)state;
	link.config.rate_bps = 0;
	for (unsigned i = 0; i < 100; i++)
		put(0, 0, 1, (uint8_t)i, 1300);
	assert_int_equal(sent_count, 100);
	assert_null(link.egress);
}

static void lanes_are_served_in_strict_order(void **state)
{
	static const uint8_t expected[] = { 9, 7, KIND_CONTROL, 3, 4, 2, 1 };
	uint8_t room[200] = { 0 }, frame[20] = { 7 };

	(void)state;
	put(0, 0, 1, 9, 500); /* on the line */
	put(CS1, 0, 1, 1, 500);
	put(0, 0, 1, 2, 500);
	put(EF, 0, 1, 3, 500);
	put(CS6, 0, 1, 4, 500);
	room[100] = KIND_CONTROL;
	egress_control(&peers[0], now_us, room + 100, 20);
	egress_frame(&link, now_us, NULL, bytes_of(frame, sizeof(frame)));
	run(SECOND);
	assert_int_equal(sent_count, sizeof(expected));
	for (unsigned i = 0; i < sizeof(expected); i++)
		assert_int_equal(sent[i].mark, expected[i]);
}

static void lane_is_told_by_dscp(void **state)
{
	static const struct {
		unsigned dscp;
		enum lane lane;
	} cases[] = {
		{ 0, LANE_TEXT },
		{ 1, LANE_BULK },
		{ CS1, LANE_BULK },
		{ 10, LANE_BULK },
		{ 14, LANE_BULK },
		{ 16, LANE_TEXT },
		{ 34, LANE_TEXT },
		{ 40, LANE_COMMAND },
		{ EF, LANE_COMMAND },
		{ CS6, LANE_COMMAND },
		{ 56, LANE_COMMAND },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t six[40] = { (uint8_t)(0x60 | cases[i].dscp >> 2), (uint8_t)(cases[i].dscp << 6) };
		uint8_t four[20] = { 0x45, (uint8_t)(cases[i].dscp << 2 | 1) };

		assert_int_equal(lane_of_class(class_of_dscp(bytes_of(six, sizeof(six)))), cases[i].lane);
		assert_int_equal(lane_of_class(class_of_dscp(bytes_of(four, sizeof(four)))), cases[i].lane);
	}
}

/* In any ten seconds, whatever is offered. */
static void rate_is_held(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		put(0, 0, (uint16_t)i, 1, 100 + i * 7 % 1200);
		run(50 * MS);
	}
	for (unsigned i = 0; i < sent_count; i++) {
		uint64_t bits = 0;

		for (unsigned k = i; k < sent_count && sent[k].at_us < sent[i].at_us + 10 * SECOND; k++)
			bits += (sent[k].len + FRAME_OVERHEAD + OVERHEAD) * 8;
		assert_true(bits <= RATE_BPS * 10 + 2 * LINK_MTU * 8);
	}
	assert_true(sent_count > 100);
}

static void flows_of_a_lane_take_turns(void **state)
{
	unsigned other = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		put(0, 0, 1, 1, 1300);
	for (unsigned i = 0; i < 3; i++)
		put(0, 0, 2, 2, 1300);
	run(8 * airtime_us(1300));
	assert_true(sent_count >= 8);
	for (unsigned i = 0; i < 8; i++)
		other += sent[i].mark == 2;
	assert_int_equal(other, 3);
}

/* By bytes, not by packets. */
static void small_packets_get_as_many_bytes(void **state)
{
	size_t bytes[3] = { 0 };

	(void)state;
	link.config.rate_bps = 10 * RATE_BPS;
	for (unsigned i = 0; i < 60; i++)
		put(CS1, 0, 1, 1, 1300);
	for (unsigned i = 0; i < 600; i++)
		put(CS1, 0, 2, 2, 130);
	run(500 * MS);
	for (unsigned i = 0; i < sent_count; i++)
		bytes[sent[i].mark] += sent[i].len + FRAME_OVERHEAD + OVERHEAD;
	assert_true(bytes[1] < bytes[2] * 3 / 2 && bytes[2] < bytes[1] * 3 / 2);
}

static void full_lane_takes_from_its_fattest_flow(void **state)
{
	unsigned thin = 0;

	(void)state;
	put(0, 0, 3, 0, 1300);
	for (unsigned i = 0; i < 5; i++)
		put(0, 0, 2, 2, 100);
	for (unsigned i = 0; i < 200; i++)
		put(0, 0, 1, 1, 1300);
	assert_true(lane(LANE_TEXT).full > 100);
	assert_int_equal(lane(LANE_TEXT).full, link.drops.queue_full);
	assert_true(lane(LANE_TEXT).bytes <= RATE_BPS / 8 * 2);
	run(10 * SECOND);
	for (unsigned i = 0; i < sent_count; i++)
		thin += sent[i].mark == 2;
	assert_int_equal(thin, 5);
}

/* RFC 8289: what is too late for a whole interval loses packets, ever more often. */
static void standing_queue_is_thinned__rfc8289(void **state)
{
	(void)state;
	link.config.rate_bps = 10 * RATE_BPS;
	for (unsigned i = 0; i < 4000; i++) { /* a third more than the line carries, none of which listens */
		put(0, 0, 1, (uint8_t)i, 950);
		run(6 * MS);
	}
	assert_true(lane(LANE_TEXT).late > 20);
	assert_int_equal(lane(LANE_TEXT).late, link.drops.queue_late);
}

static void burst_that_drains_loses_nothing__rfc8289(void **state)
{
	(void)state;
	link.config.rate_bps = 10 * RATE_BPS;
	for (unsigned k = 0; k < 20; k++) {
		for (unsigned i = 0; i < 8; i++)
			put(0, 0, 1, 1, 950);
		run(200 * MS);
	}
	assert_int_equal(sent_count, 160);
	assert_int_equal(link.drops.queue_late + link.drops.queue_full, 0);
}

/* The times between drops: interval / sqrt(n). */
static void drops_come_faster_by_the_root_of_their_count__rfc8289_3_3(void **state)
{
	const struct codel_limits limits = { .target_us = 5000, .interval_us = 100000, .mtu = 1500 };
	static const uint64_t expected_ms[] = { 100, 200, 270, 328, 378, 423 };
	struct codel c = { 0 };
	unsigned drops = 0;

	(void)state;
	for (uint64_t t = 0; drops < 6; t += MS) {
		if (!codel_drops(&c, BOOT + t, 10000, 100000, &limits))
			continue;
		assert_in_range(t / MS, expected_ms[drops], expected_ms[drops] + 2);
		drops++;
	}
	/* One that is short enough ends it. */
	assert_false(codel_drops(&c, BOOT + 10 * SECOND, 4000, 100000, &limits));
	assert_false(c.is_dropping);
	/* So does a queue of one packet, however late. */
	assert_false(codel_drops(&c, BOOT + 20 * SECOND, SECOND, 1500, &limits));
}

static void thin_line_has_time_for_a_packet_and_a_half(void **state)
{
	struct codel_limits fast = codel_limits_of(100000000, 1400), thin = codel_limits_of(9600, 1200);

	(void)state;
	assert_int_equal(fast.target_us, 5000);
	assert_int_equal(fast.interval_us, 100000);
	assert_int_equal(thin.target_us, 1500 * MS);
	assert_int_equal(thin.interval_us, 6 * SECOND);
}

static void who_understands_marks_gets_marks__rfc3168(void **state)
{
	unsigned marked = 0;

	(void)state;
	link.config.rate_bps = 10 * RATE_BPS;
	for (unsigned i = 0; i < 1000; i++) {
		put(0, 2, 1, 1, 950);
		run(6 * MS);
	}
	for (unsigned i = 0; i < sent_count; i++)
		marked += sent[i].ecn == 3;
	assert_true(marked > 5);
	assert_int_equal(lane(LANE_TEXT).marked, marked);
	assert_int_equal(link.drops.queue_late, 0);
}

static void mark_keeps_the_checksum(void **state)
{
	struct test_packet p;

	(void)state;
	packet_build(&p, "10.0.0.1", "10.0.0.2", PROTOCOL_UDP, 64, 20);
	assert_false(packet_mark_congestion(p.data, p.len));
	p.data[1] = 1;
	ipv4_checksum_set(p.data);
	assert_true(packet_mark_congestion(p.data, p.len));
	assert_int_equal(p.data[1] & 3, 3);
	assert_true(ipv4_checksum_holds(p.data));
}

/* Or the receiver would have as many packets to join as there are flows. */
static void a_packet_that_is_begun_ends_before_another_of_its_lane(void **state)
{
	(void)state;
	piece = 200;
	for (unsigned i = 0; i < 4; i++) {
		put(0, 0, 1, 1, 1300);
		put(0, 0, 2, 2, 1300);
		put(0, 0, 3, 3, 1300);
	}
	run(12 * airtime_us(1400) + 100 * 12 * airtime_us(10));
	unsigned packets = 0, changes = 0;
	size_t bytes = 0;
	for (unsigned i = 0; i < sent_count; i++) {
		changes += i > 0 && bytes > 0 && sent[i].mark != sent[i - 1].mark;
		bytes += sent[i].len;
		if (bytes >= 1301) {
			packets++;
			bytes = 0;
		}
	}
	assert_true(packets >= 10);
	assert_int_equal(changes, 0);
}

/* Of one lane, for one neighbour, as many as a frame takes. */
static void small_packets_of_a_thin_link_share_a_frame(void **state)
{
	(void)state;
	link.config.is_thin = true;
	put(0, 0, 1, 1, 100); /* leaves at once */
	for (unsigned i = 0; i < 7; i++)
		put(0, 0, 1, 1, 50);
	put(0, 0, 2, 2, 50);
	run(20 * airtime_us(200));
	assert_int_equal(sent_count, 4);
	assert_int_equal(sent[1].len, 3 * (51 + 2));
	assert_int_equal(sent[2].len, 3 * (51 + 2));
	assert_int_equal(sent[3].len, 2 * (51 + 2));
	assert_int_equal(link.waiting, 0);
}

/* A fragment is what a command waits for, not the packet. */
static void command_goes_between_the_pieces_of_a_packet(void **state)
{
	(void)state;
	piece = 200;
	put(0, 0, 1, 1, 1200);
	run(airtime_us(200) * 2 + MS);
	assert_int_equal(sent_count, 3);
	put(EF, 0, 2, 2, 100);
	run(airtime_us(200));
	assert_int_equal(sent[3].mark, 2);
	run(SECOND);
	assert_int_equal(sent_count, 8);
	size_t bytes = 0;
	for (unsigned i = 0; i < sent_count; i++)
		bytes += sent[i].mark == 1 ? sent[i].len : 0;
	assert_int_equal(bytes, 1201);
}

static void device_says_what_it_takes(void **state)
{
	(void)state;
	link.config.is_shaped = false;
	link.config.rate_bps = 0;
	node_link_ready(&node, now_us, 0, 0);
	put(0, 0, 1, 1, 500);
	run(SECOND);
	assert_int_equal(sent_count, 0);
	node_link_ready(&node, now_us, 0, 700);
	assert_int_equal(sent_count, 0); /* only noted */
	run(0);
	assert_int_equal(sent_count, 1);
	put(0, 0, 1, 2, 500);
	put(0, 0, 1, 3, 500);
	run(SECOND);
	assert_int_equal(sent_count, 2); /* the last one may go over it */
}

/* 2 kbit/s in steps of 250 bytes, though 9600 were stated. */
static void rate_is_learned_from_what_the_device_takes(void **state)
{
	(void)state;
	link.config.is_shaped = false;
	for (unsigned stated = 0; stated <= 9600; stated += 9600) {
		link.config.rate_bps = stated;
		link.shaper.learned = (struct learned){ 0 };
		for (unsigned i = 0; i < 60; i++) {
			put(0, 0, 1, 1, 250 - 1 - FRAME_OVERHEAD - OVERHEAD);
			put(0, 0, 1, 1, 250 - 1 - FRAME_OVERHEAD - OVERHEAD);
			node_link_ready(&node, now_us, 0, 250);
			run(SECOND);
		}
		assert_in_range(link_rate_bps(&link), 1900, 2100);
	}
}

/* A message a second, of 500 bytes at most, whatever is in it. */
static void rate_of_messages_is_that_of_full_ones(void **state)
{
	(void)state;
	link.config.is_shaped = false;
	link.config.is_by_message = true;
	link.config.mtu = 500;
	link.config.rate_bps = 9600;
	for (unsigned i = 0; i < 60; i++) {
		put(0, 0, 1, 1, 50);
		put(0, 0, 1, 1, 50);
		node_link_ready(&node, now_us, 0, 1);
		run(SECOND);
	}
	assert_in_range(link_rate_bps(&link), 3900, 4100);
}

static void what_was_heard_takes_the_time_of_half_duplex(void **state)
{
	(void)state;
	link.config.is_half_duplex = true;
	put(0, 0, 1, 1, 500);
	put(0, 0, 1, 2, 500);
	shaper_heard(&link, now_us, 500 + 1 + FRAME_OVERHEAD + OVERHEAD);
	run(airtime_us(500) + 200 * MS - 3 * MS); /* two radios turned round */
	assert_int_equal(sent_count, 1);
	run(airtime_us(500) + 3 * MS);
	assert_int_equal(sent_count, 2);
	/* Nothing of ours waited meanwhile: it is over. */
	run(SECOND);
	shaper_heard(&link, now_us, 500);
	put(0, 0, 1, 3, 500);
	assert_int_equal(sent_count, 3);
}

/* Who said three frames in one turn had the radios turn round for one. */
static void frames_that_follow_each_other_are_one_turn(void **state)
{
	size_t heard = 500 + 1 + FRAME_OVERHEAD + OVERHEAD;

	(void)state;
	link.config.is_half_duplex = true;
	for (unsigned i = 0; i < 5; i++)
		put(0, 0, 1, i, 500);
	run(airtime_us(500) * 4);
	assert_in_range(sent_count, 4, 5);
	size_t before = sent_count;
	uint64_t free_us = link.shaper.free_us;
	shaper_heard(&link, now_us, heard);
	now_us += airtime_us(500);
	shaper_heard(&link, now_us, heard);
	assert_int_equal(link.shaper.free_us, free_us + 2 * airtime_us(500) + 200 * MS);
	assert_int_equal(sent_count, before);
}

static void lost_neighbour_takes_along_what_waits_for_it(void **state)
{
	struct test_packet p;

	(void)state;
	put(0, 0, 1, 1, 500);
	put(0, 0, 1, 1, 500);
	put(EF, 0, 1, 1, 500);
	packet_build(&p, "fd00::1", "fd00::2", PROTOCOL_UDP, 64, 100);
	egress_packet(&peers[1], now_us, CLASS_TEXT, inner_of(&p), p.len + 1);
	egress_forget_peer(&peers[0]);
	assert_int_equal(link.drops.queue_gone, 2);
	assert_int_equal(lane(LANE_COMMAND).gone, 1);
	assert_int_equal(lane(LANE_TEXT).gone, 1);
	run(SECOND);
	assert_int_equal(sent_count, 2);
	assert_ptr_equal(sent[1].peer, &peers[1]);
}

static void bytes_are_counted_by_lane(void **state)
{
	(void)state;
	put(0, 0, 1, 1, 500);
	put(EF, 0, 1, 1, 100);
	put(CS1, 0, 1, 1, 200);
	run(SECOND);
	assert_int_equal(lane(LANE_TEXT).sent_bytes, 501 + FRAME_OVERHEAD + OVERHEAD);
	assert_int_equal(lane(LANE_COMMAND).sent_bytes, 101 + FRAME_OVERHEAD + OVERHEAD);
	assert_int_equal(lane(LANE_BULK).sent_bytes, 201 + FRAME_OVERHEAD + OVERHEAD);
	assert_int_equal(lane(LANE_CONTROL).sent_bytes, 0);
}

static void packets_of_a_node_have_a_limit(void **state)
{
	struct waiting *all = NULL;
	unsigned count = 0;

	(void)state;
	for (struct waiting *w; (w = pool_take(&node.pool, 300)); count++) {
		w->next = all;
		all = w;
	}
	assert_int_equal(count, WAITING_PACKETS_MAX);
	put(0, 0, 1, 1, 500);
	put(0, 0, 1, 2, 500);
	assert_int_equal(link.drops.queue_full, 1);
	for (struct waiting *w = all, *next; w; w = next) {
		next = w->next;
		pool_give(&node.pool, w);
	}
}

int main(void)
{
#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		RULE(free_line_takes_a_packet_at_once),
		RULE(line_of_unknown_rate_never_waits),
		RULE(lanes_are_served_in_strict_order),
		RULE(lane_is_told_by_dscp),
		RULE(rate_is_held),
		RULE(flows_of_a_lane_take_turns),
		RULE(small_packets_get_as_many_bytes),
		RULE(full_lane_takes_from_its_fattest_flow),
		RULE(standing_queue_is_thinned__rfc8289),
		RULE(burst_that_drains_loses_nothing__rfc8289),
		RULE(drops_come_faster_by_the_root_of_their_count__rfc8289_3_3),
		RULE(thin_line_has_time_for_a_packet_and_a_half),
		RULE(who_understands_marks_gets_marks__rfc3168),
		RULE(mark_keeps_the_checksum),
		RULE(a_packet_that_is_begun_ends_before_another_of_its_lane),
		RULE(small_packets_of_a_thin_link_share_a_frame),
		RULE(command_goes_between_the_pieces_of_a_packet),
		RULE(device_says_what_it_takes),
		RULE(rate_is_learned_from_what_the_device_takes),
		RULE(rate_of_messages_is_that_of_full_ones),
		RULE(what_was_heard_takes_the_time_of_half_duplex),
		RULE(frames_that_follow_each_other_are_one_turn),
		RULE(lost_neighbour_takes_along_what_waits_for_it),
		RULE(bytes_are_counted_by_lane),
		RULE(packets_of_a_node_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
