/*
 * Meeting neighbours keeps pace with the link: on 9.6 kbit/s an answer takes
 * seconds, and who asks again before it can be there takes the channel from it.
 */
#define STATIONS 4
#include "tests/unit/node_world.h"

#define AIR 0
#define CABLE 1
#define THIN_BPS 9600

static struct node_link *thin_join(struct world *w, unsigned i, unsigned segment, uint64_t rate_bps)
{
	struct node_link_config config = link_config_of(&w->segments[segment]);

	config.rate_bps = rate_bps;
	config.hello_ms = 4000;
	config.update_s = 600;
	station_join_with(w, i, segment, &config);
	return w->stations[i].node->links[segment];
}

/* What a link carries in `s` seconds, in percent of which `tx_bytes` are. */
static unsigned percent_of(uint64_t tx_bytes, uint64_t rate_bps, unsigned s)
{
	return (unsigned)(tx_bytes * 8 * 100 / (rate_bps * s));
}

static void calls_to_nobody_leave_a_thin_link_free__design_3(void **state)
{
	struct world *w = world_of(1, 2);

	(void)state;
	const struct node_link *link = thin_join(w, 0, CABLE, THIN_BPS);
	station_target(w, 0, 1, CABLE);
	world_run(w, 600 * A_SECOND);
	assert_in_range(counters_of(w, 0)->handshakes_started, 10, 30); /* it does not give up */
	assert_in_range(percent_of(link->tx_bytes, THIN_BPS, 600), 1, 5);
	world_free(w);
}

static void beacons_to_nobody_leave_a_thin_link_free__design_3(void **state)
{
	struct world *w = world_of(2, 2);

	(void)state;
	const struct node_link *link = thin_join(w, 0, AIR, THIN_BPS);
	world_run(w, 600 * A_SECOND);
	assert_in_range(counters_of(w, 0)->beacons_sent, 20, 45);
	assert_in_range(percent_of(link->tx_bytes, THIN_BPS, 600), 0, 5);
	world_free(w);
}

static void calls_keep_their_pace_where_there_is_room(void **state)
{
	struct world *w = world_of(3, 2);

	(void)state;
	thin_join(w, 0, CABLE, 0);
	station_target(w, 0, 1, CABLE);
	world_run(w, 60 * A_SECOND);
	assert_in_range(counters_of(w, 0)->handshakes_started, 6, 9); /* each is given up after seven seconds */
	world_free(w);
}

/* An answer that takes three seconds is not asked for again and again. */
static void slow_answers_make_a_session__design_3(void **state)
{
	struct world *w = world_of(4, 4);
	uint64_t started = 0;

	(void)state;
	w->is_unchecked = true;
	w->segments[AIR].delay = 1500 * MILLISECOND;
	for (unsigned i = 0; i < 4; i++)
		thin_join(w, i, AIR, THIN_BPS);
	world_run(w, 60 * A_SECOND);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 4; k++)
			assert_true(i == k || is_peer(w, i, k, AIR));
	for (unsigned i = 0; i < 4; i++)
		started += counters_of(w, i)->handshakes_started;
	assert_in_range(started, 6, 24); /* six pairs; a pace of one second takes 40 */
	world_free(w);
}

/* Says to each what was ever said to it, but for data. */
static void say_all_again(struct world *w, unsigned *at)
{
	for (unsigned k = 0; k < w->tape_count; k++) {
		const struct flight *f = &w->tape[(*at)++ % w->tape_count];

		if (f->data[0] == FRAME_TYPE_DATA)
			continue;
		for (unsigned i = 0; i < 2; i++)
			if (i != f->from)
				station_hear(&w->stations[i], AIR, &f->source, bytes_of(f->data, f->len));
		return;
	}
}

/* Whoever stands by with a recorder has none of the channel but what he takes himself: what is
 * said again is answered as often as a caller would say it, and calls back to the dead are few. */
static void what_is_said_again_leaves_a_thin_link_free__design_3(void **state)
{
	struct world *w = world_of(6, 2);
	const struct node_link *links[2];
	unsigned at = 0;

	(void)state;
	w->is_recording = true;
	for (unsigned life = 0; life < 4; life++) {
		if (life > 0) {
			station_kill(w, life % 2);
			station_start(w, life % 2);
			links[life % 2] = thin_join(w, life % 2, AIR, THIN_BPS);
		} else {
			for (unsigned i = 0; i < 2; i++)
				links[i] = thin_join(w, i, AIR, THIN_BPS);
		}
		world_run(w, 60 * A_SECOND);
	}
	w->is_recording = false;
	uint64_t before = links[0]->tx_bytes + links[1]->tx_bytes;
	for (unsigned k = 0; k < 120 * 43; k++) {
		say_all_again(w, &at);
		world_run(w, A_SECOND / 43);
	}
	assert_true(is_peer(w, 0, 1, AIR) && is_peer(w, 1, 0, AIR));
	assert_in_range(percent_of(links[0]->tx_bytes + links[1]->tx_bytes - before, THIN_BPS, 120), 1, 20);
	world_free(w);
}

static uint64_t beacons_in(struct world *w, unsigned i, unsigned seconds)
{
	uint64_t before = counters_of(w, i)->beacons_sent;

	world_run(w, seconds * A_SECOND);
	return counters_of(w, i)->beacons_sent - before;
}

/* Who is alone, or has lost somebody, looks around; in company nobody needs to. */
static void beacons_are_rare_where_nobody_comes_or_goes(void **state)
{
	struct world *w = world_of(5, 2);

	(void)state;
	thin_join(w, 0, AIR, 0);
	world_run(w, 30 * A_SECOND);
	assert_in_range(beacons_in(w, 0, 100), 20, 27);
	thin_join(w, 1, AIR, 0);
	world_run(w, 60 * A_SECOND);
	assert_true(is_peer(w, 0, 1, AIR));
	assert_in_range(beacons_in(w, 0, 100), 4, 8);
	station_kill(w, 1);
	world_run(w, 60 * A_SECOND);
	assert_in_range(beacons_in(w, 0, 100), 20, 27);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_to_nobody_leave_a_thin_link_free__design_3),
		cmocka_unit_test(beacons_to_nobody_leave_a_thin_link_free__design_3),
		cmocka_unit_test(calls_keep_their_pace_where_there_is_room),
		cmocka_unit_test(slow_answers_make_a_session__design_3),
		cmocka_unit_test(what_is_said_again_leaves_a_thin_link_free__design_3),
		cmocka_unit_test(beacons_are_rare_where_nobody_comes_or_goes),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
