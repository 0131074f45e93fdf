/*
 * What each preset gives, and that it keeps what the design promises: detection
 * times (protocol.md 6.1) and the 5 % budget (design.md 3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/config/config.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ETX_WINDOW 6 /* Hellos that the ETX estimate looks back (RFC 8966, A.2.2; routing/metric.c) */
#define HISTORY_BITS 16

static const char *const names[] = { "mesh-radio", "narrowband", "geo-satellite", "leo-satellite", "cellular",
	"fibre" };

static struct config_link link_of(const char *preset, const char *more)
{
	static struct config config;
	char text[256], error[CONFIG_ERROR_MAX];

	bool is_pipe = strcmp(preset, "short-message") == 0;

	snprintf(text, sizeof(text), "links: [{name: a, %s, preset: %s%s%s}]",
		is_pipe ? "command: [/bin/cat]" : "interface: eth1", preset, *more ? ", " : "", more);
	if (config_parse(&config, "f", bytes_of(text, strlen(text)), error) != 0)
		fail_msg("%s", error);
	return config.links[0];
}

/* From the last sign of life, at the most: half an interval of grace, then one miss per interval. */
/* On a thin link whoever is late by half an interval is polled at a quarter of it, twice as many times. */
static bool is_thin(const struct config_link *l)
{
	return l->rate_bps < 200000;
}

static unsigned polled_ms(const struct config_link *l)
{
	return is_thin(l) ? l->hello_ms / 4 * 2 * l->dead_misses : l->hello_ms * l->dead_misses;
}

static unsigned detection_ms(const struct config_link *l)
{
	return l->hello_ms * l->dead_misses + l->hello_ms / 2;
}

/* Of a neighbour that no packets pass to or from: late after one and a half of its intervals, then polled. */
static unsigned idle_detection_ms(const struct config_link *l)
{
	return l->idle_ms > l->hello_ms ? l->idle_ms * 3 / 2 + polled_ms(l) : detection_ms(l);
}

static void presets_are_what_the_manual_says(void **state)
{
	static const struct {
		const char *name;
		struct config_link link;
	} cases[] = {
		{ "mesh-radio", { .type = CONFIG_ETHERNET,
					.rate_bps = 20000000,
					.mtu = 1500,
					.cost = CONFIG_COST_RADIO,
					.rxcost = 256,
					.hello_ms = 200,
					.idle_ms = 4000,
					.probe_ms = 40,
					.dead_misses = 6,
					.update_s = 40 } },
		{ "narrowband", { .type = CONFIG_UDP,
					.rate_bps = 9600,
					.mtu = 512,
					.is_thin = true,
					.cost = CONFIG_COST_RADIO,
					.rxcost = 1024,
					.hello_ms = 4000,
					.idle_ms = 10000,
					.dead_misses = 2,
					.update_s = 600 } },
		{ "geo-satellite", { .type = CONFIG_UDP,
					   .rate_bps = 2000000,
					   .mtu = 1352,
					   .cost = CONFIG_COST_WIRED,
					   .rxcost = 1024,
					   .hello_ms = 500,
					   .idle_ms = 500,
					   .probe_ms = 500,
					   .dead_misses = 8,
					   .update_s = 60,
					   .keepalive_s = 25,
					   .rtt = true } },
		{ "leo-satellite", { .type = CONFIG_UDP,
					   .rate_bps = 10000000,
					   .mtu = 1452,
					   .cost = CONFIG_COST_WIRED,
					   .rxcost = 384,
					   .hello_ms = 500,
					   .idle_ms = 500,
					   .probe_ms = 500,
					   .dead_misses = 6,
					   .update_s = 30,
					   .keepalive_s = 25,
					   .rtt = true } },
		{ "cellular", { .type = CONFIG_UDP,
				      .rate_bps = 5000000,
				      .mtu = 1352,
				      .cost = CONFIG_COST_WIRED,
				      .rxcost = 512,
				      .extra_cost = 2048,
				      .hello_ms = 1000,
				      .idle_ms = 1000,
				      .probe_ms = 1000,
				      .dead_misses = 4,
				      .update_s = 60,
				      .keepalive_s = 25,
				      .metered = true,
				      .rtt = true } },
		{ "fibre", { .type = CONFIG_UDP,
				   .rate_bps = 100000000,
				   .mtu = 1452,
				   .cost = CONFIG_COST_WIRED,
				   .rxcost = 96,
				   .hello_ms = 100,
				   .idle_ms = 4000,
				   .probe_ms = 10,
				   .dead_misses = 3,
				   .update_s = 16 } },
		{ "wired", { .type = CONFIG_ETHERNET,
				   .rate_bps = 100000000,
				   .mtu = 1500,
				   .cost = CONFIG_COST_WIRED,
				   .rxcost = 96,
				   .hello_ms = 100,
				   .idle_ms = 4000,
				   .probe_ms = 10,
				   .dead_misses = 3,
				   .update_s = 16 } },
		{ "short-message", { .type = CONFIG_PIPE,
					   .rate_bps = 233,
					   .mtu = 1750,
					   .is_thin = true,
					   .cost = CONFIG_COST_WIRED,
					   .rxcost = 16384,
					   .extra_cost = 2048,
					   .hello_ms = 600000,
					   .idle_ms = 600000,
					   .dead_misses = 2,
					   .update_s = 655,
					   .metered = true } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config_link is = link_of(cases[i].name, ""), want = cases[i].link;

		assert_int_equal(is.type, want.type);
		assert_int_equal(is.rate_bps, want.rate_bps);
		assert_int_equal(is.mtu, want.mtu);
		assert_int_equal(is.is_thin, want.is_thin);
		assert_int_equal(is.cost, want.cost);
		assert_int_equal(is.rxcost, want.rxcost);
		assert_int_equal(is.extra_cost, want.extra_cost);
		assert_int_equal(is.hello_ms, want.hello_ms);
		assert_int_equal(is.idle_ms, want.idle_ms);
		assert_int_equal(is.probe_ms, want.probe_ms);
		assert_int_equal(is.dead_misses, want.dead_misses);
		assert_int_equal(is.update_s, want.update_s);
		assert_int_equal(is.keepalive_s, want.keepalive_s);
		assert_int_equal(is.metered, want.metered);
		assert_int_equal(is.rtt, want.rtt);
	}
}

static void silence_is_judged_in_the_time_of_the_link__protocol_6_1(void **state)
{
	static const struct {
		const char *name;
		unsigned low_ms, high_ms, idle_ms;
	} cases[] = {
		{ "fibre", 250, 350, 6300 },
		{ "mesh-radio", 400, 1400, 7200 },
		{ "leo-satellite", 1500, 3500, 3250 }, /* a slot edge must not be an outage */
		{ "geo-satellite", 3500, 4500, 4250 },
		{ "cellular", 3500, 4500, 4500 }, /* stalls of 1.7 s are measured */
		{ "narrowband", 8000, 10000, 19000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config_link l = link_of(cases[i].name, "");

		assert_in_range(detection_ms(&l), cases[i].low_ms, cases[i].high_ms);
		assert_int_equal(idle_detection_ms(&l), cases[i].idle_ms);
	}
}

static void geostationary_failover_has_room_within_six_seconds(void **state)
{
	struct config_link l = link_of("geo-satellite", "");

	(void)state;
	/* What is on the way at the cut still arrives for 280 ms; 0.5 s for the new path to be told. */
	assert_true(detection_ms(&l) + 280 + 500 < 6000);
	/* Two round trips of an overloaded hub, 1.2 s, are not a death. */
	assert_true(detection_ms(&l) - l.hello_ms > 2400);
}

static void an_ihu_outlives_the_verdict_on_hellos(void **state)
{
	(void)state;
	/* Hearing ends by Hellos, not by an IHU (sent with every third, held for 3.5 of its
	 * intervals) that ran out before. */
	for (size_t i = 0; i < COUNT(names); i++) {
		struct config_link l = link_of(names[i], "");

		assert_true(l.hello_ms * 3 * 7 / 2 > detection_ms(&l));
	}
}

static void misses_fit_the_history_that_judges_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct config_link l = link_of(names[i], "");

		assert_in_range(l.dead_misses, 2, l.cost == CONFIG_COST_RADIO ? ETX_WINDOW : HISTORY_BITS - 1);
		assert_int_equal(l.hello_ms % 10, 0); /* centiseconds on the wire */
		assert_in_range(l.update_s, 1, 655); /* 16 bits of centiseconds */
	}
}

/* Frame 16 + 1 + 16, thin 4 + 1 + 8; Babel header 4, Hello 8, IHU 16 (RFC 8966), timestamps 6 and 10 (RFC 9616). */
static double hello_bps(const struct config_link *l, bool ihu_each)
{
	double babel = 4 + 8 + 16 * (ihu_each ? 1 : 1 / 3.0) + (l->rtt ? 6 + 10 : 0);
	double below = l->type == CONFIG_UDP ? 48 : 14, frame = l->is_thin ? 13 : 33;
	double speakers = l->cost == CONFIG_COST_RADIO ? 2 : 1;

	/* Jitter brings Hellos forward by up to a tenth, half of it on average. */
	return (frame + babel + below) * 8 * 1000 / (l->hello_ms * 0.95) * speakers;
}

/* `routes` of 21 bytes (protocol.md 1.1), frames of 1,300. */
static double table_bps(const struct config_link *l, double routes)
{
	double speakers = l->cost == CONFIG_COST_RADIO ? 2 : 1;

	/* Jitter: 1/8 to 1/32 earlier. */
	return routes * 21 * 8 * (1 + 81 / 1300.0) / (l->update_s * 0.92) * speakers;
}

static void hellos_and_the_whole_table_fit_the_budget__design_3(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct config_link l = link_of(names[i], "");
		double budget = (double)l.rate_bps / 20;

		assert_true(hello_bps(&l, true) <= budget);
		assert_true(hello_bps(&l, false) + table_bps(&l, is_thin(&l) ? 90 : 1100) <= budget);
	}
}

/* Stations in range of each other, of which `busy` pairs carry packets; each has Hellos of its own for each other. */
static double radio_bps(const struct config_link *l, double stations, double busy, double routes)
{
	double pairs = stations * (stations - 1), hello = (14 + 33 + 4 + 8 + 16 / 3.0) * 8;

	return hello * 1000 / 0.95 * ((pairs - 2 * busy) / l->idle_ms + 2 * busy / l->hello_ms) +
	       pairs * table_bps(l, routes) / 2;
}

static void stations_in_range_fit_the_budget_of_a_radio(void **state)
{
	struct config_link l = link_of("mesh-radio", "");
	double budget = (double)l.rate_bps / 20;

	(void)state;
	/* With few routes: all busy with all, every station busy with two others, in peace. */
	assert_true(radio_bps(&l, 19, 19 * 9, 20) <= budget);
	assert_true(radio_bps(&l, 55, 55, 20) <= budget);
	assert_true(radio_bps(&l, 66, 0, 20) <= budget);
	assert_true(radio_bps(&l, 13, 13, 1100) <= budget);
}

static void a_low_rate_slows_hellos_down_to_the_budget(void **state)
{
	struct config_link l = link_of("geo-satellite", "rate: 9600");

	(void)state;
	/* (33 + 4 + 8 + 16 + 16 + 48) x 8 = 1000 bits each; 5 % of 9600 are 480 bit/s: one in 2.1 s. */
	assert_int_equal(l.hello_ms, 2100);
	assert_int_equal(l.dead_misses, 8);
	l = link_of("mesh-radio", "rate: 64k");
	/* (33 + 28 + 14) x 8 x 2 ends = 1200 bits; 3.2 kbit/s: one in 375 ms. */
	assert_int_equal(l.hello_ms, 400);
	l = link_of("mesh-radio", "rate: 1G");
	assert_int_equal(l.hello_ms, 200);
	l = link_of("fibre", "rate: 2M");
	assert_int_equal(l.hello_ms, 100);
	for (size_t i = 0; i < COUNT(names); i++) {
		l = link_of(names[i], "rate: 4800");
		assert_true(hello_bps(&l, true) * 0.95 <= 240.001);
		assert_in_range(l.hello_ms, 1, 200000); /* three of them still fit an IHU interval */
		/* A thin one has room for people in peace, up to a minute. */
		unsigned idle_ms = l.hello_ms * 2 < 60000 ? l.hello_ms * 2 : 60000;
		assert_true(l.idle_ms >= (l.is_thin && idle_ms > l.hello_ms ? idle_ms : l.hello_ms));
	}
	/* The 10 s of protocol.md 6.1, nearly: (13 + 28 + 48) x 8 x 2 ends = 1424 bits each; 5 % of 4800 are 240 bit/s.
	 */
	l = link_of("narrowband", "rate: 4800");
	assert_int_equal(l.hello_ms, 6000);
	assert_int_equal(l.idle_ms, 12000);
}

/* Who calls from behind NAT wishes to be introduced, who is called introduces; the rest stay as they are wired. */
static void who_is_behind_nat_is_introduced(void **state)
{
	static const struct {
		const char *preset, *more;
		bool introduces, is_introduced;
	} cases[] = {
		{ "cellular", "peers: [gw]", true, true },
		{ "geo-satellite", "peers: [gw]", true, true },
		{ "leo-satellite", "peers: [gw]", true, true },
		{ "cellular", "listen: 6697", true, false },
		{ "fibre", "peers: [gw]", true, false },
		{ "fibre", "peers: [gw], introductions: yes", true, true },
		{ "cellular", "peers: [gw], introductions: no", false, false },
		{ "fibre", "introductions: off", false, false },
		{ "narrowband", "peers: [gw]", false, false },
		{ "mesh-radio", "", false, false },
		{ "short-message", "peers: [card]", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config_link l = link_of(cases[i].preset, cases[i].more);

		assert_int_equal(l.introduces, cases[i].introduces);
		assert_int_equal(l.is_introduced, cases[i].is_introduced);
	}
}

static void probes_are_as_written(void **state)
{
	(void)state;
	assert_int_equal(link_of("fibre", "probe: 25").probe_ms, 25);
	assert_int_equal(link_of("fibre", "probe: no").probe_ms, 0);
	/* Every byte counts there. */
	assert_int_equal(link_of("narrowband", "probe: 100").probe_ms, 0);
}

static void idle_hellos_are_as_written_but_not_above_the_full_rate(void **state)
{
	struct config_link l = link_of("mesh-radio", "idle-hello: 5000");

	(void)state;
	assert_int_equal(l.hello_ms, 200);
	assert_int_equal(l.idle_ms, 5000);
	l = link_of("fibre", "idle-hello: 255");
	assert_int_equal(l.idle_ms, 250); /* centiseconds on the wire */
	l = link_of("fibre", "idle-hello: 100");
	assert_int_equal(l.idle_ms, 100);
	l = link_of("cellular", "idle-hello: 500");
	assert_int_equal(l.idle_ms, 1000);
	l = link_of("mesh-radio", "rate: 9600, idle-hello: 1000");
	assert_int_equal(l.idle_ms, l.hello_ms);
}

/* Metric of a hop without loss, both ends configured alike. */
static unsigned hop_metric(const struct config_link *l)
{
	unsigned cost = l->rxcost;

	if (l->cost == CONFIG_COST_RADIO)
		cost = (l->rxcost > 256 ? l->rxcost : 256u) * l->rxcost / 256;
	return cost + l->extra_cost;
}

static void a_hop_costs_what_is_written(void **state)
{
	static const unsigned costs[] = { 1, 2, 95, 255, 256, 257, 258, 1000, 4096, 10000, 32767 };

	(void)state;
	for (size_t i = 0; i < COUNT(costs); i++) {
		char more[32];

		snprintf(more, sizeof(more), "cost: %u", costs[i]);
		struct config_link wired = link_of("fibre", more), radio = link_of("mesh-radio", more);
		assert_int_equal(hop_metric(&wired), costs[i]);
		/* Whole numbers squared: at most one step of the root below. */
		assert_in_range(hop_metric(&radio), costs[i] - costs[i] / 64, costs[i]);
		assert_int_not_equal(radio.rxcost, 0);
	}
}

static void links_are_preferred_in_the_order_of_the_field(void **state)
{
	unsigned fibre, radio, leo, geo, cellular, narrowband, free_cellular;
	struct config_link l;

	(void)state;
	l = link_of("fibre", "");
	fibre = hop_metric(&l);
	l = link_of("mesh-radio", "");
	radio = hop_metric(&l);
	l = link_of("leo-satellite", "");
	leo = hop_metric(&l);
	l = link_of("geo-satellite", "");
	geo = hop_metric(&l);
	l = link_of("cellular", "");
	cellular = hop_metric(&l);
	l = link_of("cellular", "metered: no");
	free_cellular = hop_metric(&l);
	l = link_of("narrowband", "");
	narrowband = hop_metric(&l);
	assert_true(fibre < radio);
	assert_true(radio < leo);
	assert_true(leo < free_cellular);
	assert_true(free_cellular < geo);
	/* Two radio hops to a satellite with the worst RTT penalty beat paying by the byte. */
	assert_true(2 * radio + geo + 150 < cellular);
	assert_true(cellular + 2 * radio < narrowband);
	/* Three narrowband hops that lose a third both ways are still a route. */
	assert_true(3 * narrowband * 9 / 4 < 0xffff);
}

static void the_type_overrides_that_of_the_preset(void **state)
{
	struct config_link l = link_of("fibre", "type: ethernet");

	(void)state;
	assert_int_equal(l.type, CONFIG_ETHERNET);
	assert_int_equal(l.mtu, 1500); /* no IP and UDP headers there */
	assert_int_equal(l.rxcost, 96);
	l = link_of("mesh-radio", "type: udp");
	assert_int_equal(l.type, CONFIG_UDP);
	assert_int_equal(l.mtu, 1452);
	assert_int_equal(l.port, CONFIG_UDP_PORT);
	assert_true(l.discover);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_are_what_the_manual_says),
		cmocka_unit_test(silence_is_judged_in_the_time_of_the_link__protocol_6_1),
		cmocka_unit_test(geostationary_failover_has_room_within_six_seconds),
		cmocka_unit_test(an_ihu_outlives_the_verdict_on_hellos),
		cmocka_unit_test(misses_fit_the_history_that_judges_them),
		cmocka_unit_test(hellos_and_the_whole_table_fit_the_budget__design_3),
		cmocka_unit_test(stations_in_range_fit_the_budget_of_a_radio),
		cmocka_unit_test(a_low_rate_slows_hellos_down_to_the_budget),
		cmocka_unit_test(who_is_behind_nat_is_introduced),
		cmocka_unit_test(probes_are_as_written),
		cmocka_unit_test(idle_hellos_are_as_written_but_not_above_the_full_rate),
		cmocka_unit_test(a_hop_costs_what_is_written),
		cmocka_unit_test(links_are_preferred_in_the_order_of_the_field),
		cmocka_unit_test(the_type_overrides_that_of_the_preset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
