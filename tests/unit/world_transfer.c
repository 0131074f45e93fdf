/* Files by TCP: as fast as the link, through losses and outages, anew after a lost power; the window's arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/transfer.h"

#include <sodium.h>
#include <string.h>

#define HEAD(duration) "for: " duration "\nnodes: [{name: a}, {name: b}]\nlinks:\n"
#define WIRE(more) "  - {name: l, preset: fibre, rate: 10M, " more "ends: [a:e0, b:e0]}\n"
#define SATELLITE "  - {name: l, preset: geo-satellite, rate: 2M, fade: none, ends: [a:e0, b:e0]}\n"
#define FILE_AT_5(size) "files:\n  - {name: image, from: a, to: b, start: 5, size: " size "}\n"

struct run {
	struct plan *plan;
	struct trial *trial;
	struct transfer *file;
};

static struct run run_begin(const char *yaml)
{
	char error[PLAN_ERROR_MAX];
	struct run r = { .plan = plan_parse("test", bytes_of(yaml, strlen(yaml)), error) };

	if (!r.plan)
		fail_msg("%s", error);
	r.trial = trial_new(r.plan, 1, NULL);
	assert_non_null(r.trial);
	r.file = &r.trial->transfers[0];
	return r;
}

static void run_end(struct run *r)
{
	trial_free(r->trial);
	plan_free(r->plan);
}

static struct run run_all(const char *yaml)
{
	struct run r = run_begin(yaml);

	trial_run(r.trial, NULL);
	return r;
}

/* From its start; it must be whole. */
static double whole_s(const struct run *r)
{
	assert_true(r->file->receiver.whole_us > 0);
	assert_int_equal(r->file->sender.state, TRANSFER_DONE);
	return (double)(r->file->receiver.whole_us - WORLD_START_US - r->plan->files[0].start_us) / 1e6;
}

/* Of 10 Mbit/s, with the headers of IP, TCP, the mesh and Ethernet. */
static void without_loss_goodput_is_near_the_links_rate(void **state)
{
	struct run r = run_all(HEAD("20") WIRE("") FILE_AT_5("5M"));
	double goodput_bps = 5e6 * 8 / whole_s(&r);

	(void)state;
	assert_true(goodput_bps > 0.85 * 10e6 && goodput_bps < 10e6);
	assert_int_equal(r.file->sender.attempts, 1);
	run_end(&r);
}

/* Over a satellite a window of many segments must open first. */
static void a_long_fat_link_is_filled(void **state)
{
	struct run r = run_all(HEAD("60") SATELLITE "files:\n  - {name: image, from: a, to: b, start: 20, size: 4M}\n");

	(void)state;
	/* 17.8 s at the bare rate with all headers; 37 s by a window of 64 kB. */
	assert_in_range((int)whole_s(&r), 18, 30);
	run_end(&r);
}

static void one_percent_of_loss_costs_speed_and_no_bytes(void **state)
{
	struct run r = run_all(HEAD("60") WIRE("delay: 10ms, loss: 1%, ") FILE_AT_5("2M"));
	double seconds = whole_s(&r);

	(void)state;
	assert_true(seconds > 1.7 && seconds < 20);
	assert_true(r.file->sender.recoveries > 0);
	assert_true(r.file->sender.repeated >= 5);
	/* What was lost was sent again, and little else. */
	assert_true(r.file->sender.repeated < r.file->count / 20);
	run_end(&r);
}

static void a_third_of_all_frames_lost_is_slow_and_ends(void **state)
{
	struct run r = run_all(HEAD("3600") WIRE("loss: 30%, ") FILE_AT_5("30k"));

	(void)state;
	assert_true(whole_s(&r) > 1);
	assert_true(r.file->sender.timeouts > 0);
	run_end(&r);
}

#define OUTAGE                                                                                                         \
	"events:\n  - {at: 6, do: silence l}\n  - {at: 16, do: restore l}\n"                                           \
	"expect:\n  - arrives: {file: image, within: 40}\n"

/* The timer doubles from one second: after ten silent ones it comes again within 16. */
static void a_file_goes_on_after_an_outage(void **state)
{
	struct run r = run_all(HEAD("60") WIRE("") FILE_AT_5("2M") OUTAGE);
	double seconds = whole_s(&r);

	(void)state;
	assert_true(seconds > 11 && seconds < 30);
	assert_int_equal(r.file->sender.attempts, 1); /* the same connection */
	assert_in_range(r.file->sender.timeouts, 2, 6);
	assert_true(r.trial->expect[0].is_met);
	run_end(&r);
}

#define POWER(who)                                                                                                     \
	"events:\n  - {at: 6, do: power-off " who "}\n  - {at: 10, do: power-on " who "}\n"                            \
	"expect:\n  - arrives: {file: image, within: 50}\n"

static void a_file_begins_anew_when_an_end_lost_power(void **state)
{
	static const char *const worlds[] = { HEAD("60") WIRE("") FILE_AT_5("2M") POWER("a"),
		HEAD("60") WIRE("") FILE_AT_5("2M") POWER("b") };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct run r = run_all(worlds[i]);

		assert_true(whole_s(&r) > 5);
		assert_int_equal(r.file->sender.attempts, 2);
		/* All of it again. */
		assert_true(r.file->sender.sent > r.file->count + 300);
		assert_true(r.trial->expect[0].is_met);
		run_end(&r);
	}
}

static void a_file_of_one_byte_and_one_of_a_full_segment_arrive(void **state)
{
	static const char *const sizes[] = { HEAD("9") WIRE("") FILE_AT_5("1"), HEAD("9") WIRE("") FILE_AT_5("1220"),
		HEAD("9") WIRE("") FILE_AT_5("1221") };
	static const unsigned counts[] = { 1, 1, 2 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct run r = run_all(sizes[i]);

		assert_int_equal(r.file->count, counts[i]);
		assert_true(whole_s(&r) < 1);
		run_end(&r);
	}
}

static void what_does_not_arrive_is_named_with_how_far_it_came(void **state)
{
	struct run r = run_all(HEAD("9") WIRE("") FILE_AT_5("9M") "expect:\n  - arrives: {file: image, within: 2}\n");
	char failure[PLAN_ERROR_MAX];
	int percent = 0;

	(void)state;
	assert_true(trial_failure(r.trial, failure));
	assert_int_equal(sscanf(failure, "image (9 MB) at b within 2 s of 5 s: %d %% of it came", &percent), 1);
	assert_in_range(percent, 30, 70);
	run_end(&r);
}

/* --- reach by class ---------------------------------------------------------------------- */

#define REACH(class) "expect:\n  - reach: {from: a, to: b, class: " class ", after: 8, within: 30}\n"
#define SLOW "  - {name: l, preset: narrowband, delay: 1300ms, fade: none, ends: [a:e0, b:e0]}\n"

static bool reach_is_met(const char *yaml)
{
	struct run r = run_all(yaml);
	bool is_met = r.trial->expect[0].is_met;

	run_end(&r);
	return is_met;
}

static void a_link_may_do_for_text_and_not_for_orders_or_pictures(void **state)
{
	(void)state;
	assert_true(reach_is_met(HEAD("60") WIRE("") REACH("text")));
	assert_true(reach_is_met(HEAD("60") WIRE("") REACH("command")));
	assert_true(reach_is_met(HEAD("60") WIRE("") REACH("bulk")));
	assert_true(reach_is_met(HEAD("60") SLOW REACH("text")));
	assert_false(reach_is_met(HEAD("60") SLOW REACH("command")));
	assert_false(reach_is_met(HEAD("60") SLOW REACH("bulk")));
}

/* --- what is on the wire ---------------------------------------------------------------------- */

static void segments_are_read_as_they_were_written(void **state)
{
	static const uint8_t one[16] = { 0xfd, [15] = 1 }, two[16] = { 0xfd, [15] = 2 };
	const struct host_packet p = { .protocol = IP_TCP,
		.dscp = 1,
		.from = address_ipv6(one),
		.to = address_ipv6(two),
		.source_port = 30001,
		.destination_port = 20007 };
	const struct tcp_segment s = { .flags = TCP_ACK,
		.seq = 1,
		.ack = 12201,
		.sack_count = 2,
		.sack = { { 15861, 18301 }, { 20741, 21961 } },
		.len = 3 };
	uint8_t packet[WORLD_PACKET_MAX];
	struct bytes bytes = tcp_write(packet, &p, &s);
	struct host_packet heard;
	struct tcp_segment read;

	(void)state;
	assert_int_equal(bytes.len, 40 + 20 + 20 + 3);
	assert_true(host_packet_read(&heard, bytes));
	assert_int_equal(heard.protocol, IP_TCP);
	assert_int_equal(heard.dscp, 1);
	assert_int_equal(heard.source_port, 30001);
	assert_int_equal(heard.destination_port, 20007);
	assert_true(address_equal(&heard.from, &p.from) && address_equal(&heard.to, &p.to));
	assert_true(tcp_read(&read, &heard));
	assert_memory_equal(&read, &s, sizeof(s));
	/* Cut anywhere, it is refused or shorter. */
	for (size_t len = 0; len < 80; len++)
		assert_false(host_packet_read(&heard, bytes_of(packet, len)) && tcp_read(&read, &heard));
}

/* --- the window -------------------------------------------------------------------------------- */

static void the_window_doubles_until_it_loses(void **state)
{
	struct congestion c;

	(void)state;
	congestion_init(&c);
	assert_int_equal(c.window, 10 * CONGESTION_UNIT);
	congestion_acked(&c, 1, 10, 1000);
	assert_int_equal(c.window, 20 * CONGESTION_UNIT);
	congestion_lost(&c);
	assert_int_equal(c.window, 14 * CONGESTION_UNIT);
	assert_int_equal(c.threshold, 14 * CONGESTION_UNIT);
}

/* W = 0.4 (t - K)^3 + Wmax with K = cbrt(Wmax 0.3 / 0.4): 100 segments come back after 4.2 s (RFC 9438, 4.2). */
static void after_a_loss_the_window_follows_the_cubic(void **state)
{
	struct congestion c = { .window = 100 * CONGESTION_UNIT, .threshold = 10 * CONGESTION_UNIT };
	uint64_t now_us = 1000000, begin_us = now_us;

	(void)state;
	congestion_lost(&c);
	assert_int_equal(c.window, 70 * CONGESTION_UNIT);
	/* A round trip of 500 ms: Reno would be slower. */
	for (unsigned round = 0; round < 8; round++, now_us += 500000)
		congestion_acked(&c, now_us, c.window / CONGESTION_UNIT, 500000);
	assert_in_range(now_us - begin_us, 4000000, 4000000);
	assert_in_range(c.window, 99 * CONGESTION_UNIT, 101 * CONGESTION_UNIT);
	for (unsigned round = 0; round < 8; round++, now_us += 500000)
		congestion_acked(&c, now_us, c.window / CONGESTION_UNIT, 500000);
	assert_in_range(c.window, 115 * CONGESTION_UNIT, 130 * CONGESTION_UNIT);
}

static void with_short_round_trips_the_window_is_renos(void **state)
{
	struct congestion c = { .window = 20 * CONGESTION_UNIT, .threshold = 10 * CONGESTION_UNIT };
	uint64_t now_us = 1000000;

	(void)state;
	congestion_lost(&c);
	for (unsigned round = 0; round < 100; round++, now_us += 10000)
		congestion_acked(&c, now_us, c.window / CONGESTION_UNIT, 10000);
	/* 14 and 0.529 in each of a hundred round trips. */
	assert_in_range(c.window, 63 * CONGESTION_UNIT, 68 * CONGESTION_UNIT);
}

static void a_timeout_begins_again_with_one_segment(void **state)
{
	struct congestion c = { .window = 100 * CONGESTION_UNIT, .threshold = 10 * CONGESTION_UNIT };

	(void)state;
	congestion_timed_out(&c, 80);
	assert_int_equal(c.window, CONGESTION_UNIT);
	assert_int_equal(c.threshold, 40 * CONGESTION_UNIT);
	congestion_acked(&c, 1, 5000, 1000);
	assert_int_equal(c.window, CONGESTION_MOST * CONGESTION_UNIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_loss_goodput_is_near_the_links_rate),
		cmocka_unit_test(a_long_fat_link_is_filled),
		cmocka_unit_test(one_percent_of_loss_costs_speed_and_no_bytes),
		cmocka_unit_test(a_third_of_all_frames_lost_is_slow_and_ends),
		cmocka_unit_test(a_file_goes_on_after_an_outage),
		cmocka_unit_test(a_file_begins_anew_when_an_end_lost_power),
		cmocka_unit_test(a_file_of_one_byte_and_one_of_a_full_segment_arrive),
		cmocka_unit_test(what_does_not_arrive_is_named_with_how_far_it_came),
		cmocka_unit_test(a_link_may_do_for_text_and_not_for_orders_or_pictures),
		cmocka_unit_test(segments_are_read_as_they_were_written),
		cmocka_unit_test(the_window_doubles_until_it_loses),
		cmocka_unit_test(after_a_loss_the_window_follows_the_cubic),
		cmocka_unit_test(with_short_round_trips_the_window_is_renos),
		cmocka_unit_test(a_timeout_begins_again_with_one_segment),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
