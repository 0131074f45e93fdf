/*
 * The three-outage in virtual time, with links as the presets make them
 * (meshd/config/preset.c):
 *
 *   far ──radio── near ──radio── vehicle ──satellite, NAT── city
 *                   └──────────── cellular, NAT ─────────────┘
 *
 * From cold to first contact, then the satellite falls silent while a flow runs.
 * Over many phases of the timers: the worst counts.
 */
#include "tests/unit/node_world.h"

enum { CITY, VEHICLE, NEAR, FAR };
enum { RADIO_FAR, RADIO_NEAR, SATELLITE, CELLULAR };

#define PHASES 15
#define METERED 2048

static void join_radio(struct world *w, unsigned i, unsigned segment)
{
	struct node_link_config c = { .name = "radio",
		.mtu = 1500,
		.beacon = true,
		.rxcost = 256,
		.hello_ms = 200,
		.update_s = 40,
		.dead_misses = 6 };

	station_join_with(w, i, segment, &c);
}

static void join_satellite(struct world *w, unsigned i)
{
	struct node_link_config c = { .name = "sat",
		.mtu = 1400,
		.wired = true,
		.rxcost = 1024,
		.hello_ms = 500,
		.update_s = 60,
		.dead_misses = 8,
		.keepalive_s = 25,
		.rtt = true };

	station_join_with(w, i, SATELLITE, &c);
}

static void join_cellular(struct world *w, unsigned i)
{
	struct node_link_config c = { .name = "cell",
		.mtu = 1400,
		.wired = true,
		.rxcost = 512,
		.extra_cost = METERED,
		.hello_ms = 1000,
		.update_s = 60,
		.dead_misses = 4,
		.keepalive_s = 25,
		.rtt = true };

	station_join_with(w, i, CELLULAR, &c);
}

/* The city has been up for long; the team is switched on now. */
static struct world *team_switched_on(uint64_t seed)
{
	struct world *w = world_of(seed, 4);

	segment_make(w, SATELLITE, false);
	segment_make(w, CELLULAR, false);
	w->segments[SATELLITE].delay = 270 * MILLISECOND;
	w->segments[SATELLITE].jitter = 10 * MILLISECOND;
	w->segments[CELLULAR].delay = 40 * MILLISECOND;
	w->segments[CELLULAR].jitter = 20 * MILLISECOND;
	for (unsigned g = RADIO_FAR; g <= RADIO_NEAR; g++) {
		w->segments[g].delay = 3 * MILLISECOND;
		w->segments[g].jitter = 2 * MILLISECOND;
		w->segments[g].loss = 10;
	}
	join_satellite(w, CITY);
	join_cellular(w, CITY);
	world_run(w, A_MINUTE + prng_below(&w->prng, A_MINUTE));
	join_radio(w, FAR, RADIO_FAR);
	join_radio(w, NEAR, RADIO_FAR);
	join_radio(w, NEAR, RADIO_NEAR);
	join_radio(w, VEHICLE, RADIO_NEAR);
	station_behind_nat(w, VEHICLE, SATELLITE, 30000);
	join_satellite(w, VEHICLE);
	station_target(w, VEHICLE, CITY, SATELLITE);
	station_behind_nat(w, NEAR, CELLULAR, 31000);
	join_cellular(w, NEAR);
	station_target(w, NEAR, CITY, CELLULAR);
	return w;
}

/* The longest time without a packet from `from` at `to`, of a flow of 100/s numbered 0... */
static uint64_t longest_gap(struct world *w, unsigned to, unsigned count)
{
	unsigned gap = 0, longest = 0;

	for (unsigned k = 0; k < count; k++) {
		gap = w->stations[to].seen[k] ? 0 : gap + 1;
		longest = gap > longest ? gap : longest;
	}
	return longest * 10 * MILLISECOND;
}

static bool is_by_satellite(struct world *w)
{
	struct prefix p = prefix_of_host(w->stations[CITY].address);
	struct babel_route r;

	return babel_selected(node_babel(w->stations[VEHICLE].node), &p, BABEL_TEXT, &r) && r.link == SATELLITE &&
	       babel_selected(node_babel(w->stations[NEAR].node), &p, BABEL_TEXT, &r) && r.link == RADIO_NEAR;
}

static void team_reaches_the_city_and_survives_the_satellite(void **state)
{
	uint64_t worst_contact = 0, worst_gap = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= PHASES; seed++) {
		struct world *w = team_switched_on(seed);
		uint64_t start = w->now;
		unsigned count = 0;

		while (!reaches(w, FAR, CITY) || !reaches(w, CITY, FAR)) {
			assert_true(w->now < start + 15 * A_SECOND);
			world_run(w, 10 * MILLISECOND);
		}
		if (w->now - start > worst_contact)
			worst_contact = w->now - start;
		world_run(w, 40 * A_SECOND + prng_below(&w->prng, 10 * A_SECOND));
		assert_true(is_by_satellite(w));
		for (; count < 2000; count++) {
			if (count == 300)
				w->segments[SATELLITE].is_cut = true;
			station_say(w, FAR, CITY, count);
			station_say(w, CITY, FAR, count);
			world_run(w, 10 * MILLISECOND);
		}
		assert_false(is_by_satellite(w));
		for (unsigned i = 0; i < 2; i++) {
			uint64_t gap = longest_gap(w, i ? FAR : CITY, count);

			if (gap > worst_gap)
				worst_gap = gap;
		}
		/* The vehicle, which lost its own uplink, too. */
		assert_true(reaches(w, VEHICLE, CITY) && reaches(w, CITY, VEHICLE));
		world_free(w);
	}
	print_message("# first contact %.2f s, failover gap %.2f s at worst of %u\n", (double)worst_contact / 1e6,
		(double)worst_gap / 1e6, PHASES);
	assert_true(worst_contact <= 5 * A_SECOND);
	assert_true(worst_gap <= 6 * A_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(team_reaches_the_city_and_survives_the_satellite),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
