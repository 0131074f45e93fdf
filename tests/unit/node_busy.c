/* Packets make both ends of a hop say Hello at the full rate, and nobody else. */
#include "tests/unit/node_world.h"

#define NET 0

static const struct node_link_config radio = {
	.name = "radio",
	.mtu = 1500,
	.beacon = true,
	.rxcost = 256,
	.hello_ms = 200,
	.idle_ms = 1000,
	.update_s = 60,
	.dead_misses = 6,
};

/* Three stations on one radio that have been quiet for long. */
static struct world *quiet(uint64_t seed)
{
	struct world *w = world_of(seed, 3);

	for (unsigned i = 0; i < 3; i++)
		station_join_with(w, i, NET, &radio);
	world_run(w, 25 * A_SECOND);
	all_reach(w, 3);
	return w;
}

struct pace {
	struct address neighbour;
	uint64_t heard_us;
};

static void pace_look(void *arg, const struct babel_neighbour_info *info)
{
	struct pace *p = arg;

	if (address_equal(&info->address, &p->neighbour))
		p->heard_us = info->last_heard_us;
}

/* How often `at` hears of `from` in ten seconds , perhaps with a packet a second from 0 to 1. */
static unsigned heard_in_ten_seconds(struct world *w, unsigned at, unsigned from, bool is_flowing)
{
	struct pace p = { .neighbour = node_neighbour_address(&w->stations[from].rid) };
	uint64_t last_us = 0;
	unsigned count = 0;

	for (unsigned step = 0; step < 10000; step++) {
		if (is_flowing && step % 1000 == 0)
			station_say(w, 0, 1, step / 1000);
		world_run(w, MILLISECOND);
		babel_dump_neighbours(node_babel(w->stations[at].node), pace_look, &p);
		count += p.heard_us != last_us;
		last_us = p.heard_us;
	}
	return count;
}

static void quiet_stations_say_hello_at_the_idle_interval(void **state)
{
	struct world *w = quiet(1);

	(void)state;
	assert_in_range(heard_in_ten_seconds(w, 0, 1, false), 10, 13);
	world_free(w);
}

static void receiver_of_packets_says_hello_at_the_full_rate(void **state)
{
	struct world *w = quiet(2);

	(void)state;
	assert_true(heard_in_ten_seconds(w, 0, 1, true) >= 48);
	world_free(w);
}

static void sender_of_packets_says_hello_at_the_full_rate(void **state)
{
	struct world *w = quiet(3);

	(void)state;
	assert_true(heard_in_ten_seconds(w, 1, 0, true) >= 48);
	world_free(w);
}

static void those_aside_are_left_in_peace(void **state)
{
	struct world *w = quiet(4);

	(void)state;
	assert_in_range(heard_in_ten_seconds(w, 2, 0, true), 10, 15); /* a cost may settle meanwhile */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_stations_say_hello_at_the_idle_interval),
		cmocka_unit_test(receiver_of_packets_says_hello_at_the_full_rate),
		cmocka_unit_test(sender_of_packets_says_hello_at_the_full_rate),
		cmocka_unit_test(those_aside_are_left_in_peace),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
