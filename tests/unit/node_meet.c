/*
 * Two that are reached through a third meet (meet.c), and what a neighbour's word is worth.
 *
 *   north ── NAT ──► gateway ◄── NAT ── south        packets of the one for the other
 */
#include "tests/unit/node_world.h"

#define GATEWAY 0
#define NORTH 1
#define SOUTH 2
#define RELAY 3
#define INTERNET 0
#define MEET 8 /* control (docs/frames.md) */

static struct node_link_config config_of(struct world *w, bool introduces, bool is_introduced)
{
	struct node_link_config c = link_config_of(&w->segments[INTERNET]);

	c.introduces = introduces;
	c.is_introduced = is_introduced;
	return c;
}

/* Three that have met; the terminals are behind NAT boxes or not, and wish to be introduced or not. */
static struct world *internet(uint64_t seed, bool introduces, bool is_introduced, bool has_nat)
{
	struct world *w = world_of(seed, 3);
	struct node_link_config gateway = config_of(w, introduces, false);
	struct node_link_config terminal = config_of(w, false, is_introduced);

	segment_make(w, INTERNET, false);
	gateway.beacon = terminal.beacon = false;
	for (unsigned i = NORTH; i <= SOUTH && has_nat; i++)
		station_behind_nat(w, i, INTERNET, (uint16_t)(30000 + i));
	station_join_with(w, GATEWAY, INTERNET, &gateway);
	for (unsigned i = NORTH; i <= SOUTH; i++) {
		station_join_with(w, i, INTERNET, &terminal);
		station_target(w, i, GATEWAY, INTERNET);
	}
	world_run(w, 15 * A_SECOND);
	assert_true(reaches(w, NORTH, SOUTH) && reaches(w, SOUTH, NORTH));
	assert_false(is_peer(w, NORTH, SOUTH, INTERNET));
	return w;
}

/* What `by` says of a member `id` that is at `at`, with bytes of the end left out. */
static void say_meet(
	struct world *w, unsigned by, unsigned to, const uint8_t *id, const struct endpoint *at, size_t left_out)
{
	const struct station *s = &w->stations[by];
	struct address neighbour = node_neighbour_address(&w->stations[to].rid);
	uint8_t room[1 + 1 + NODE_ID_LEN + 1 + UINT8_MAX] = { KIND_CONTROL, MEET };
	size_t len = 2;

	memcpy(room + len, id, NODE_ID_LEN);
	len += NODE_ID_LEN;
	room[len++] = at->len;
	memcpy(room + len, at->bytes, at->len <= ENDPOINT_MAX ? at->len : ENDPOINT_MAX);
	len += at->len;
	assert_int_equal(node_inner_send(s->node, w->now, INTERNET, &neighbour, bytes_of(room, len - left_out)), 0);
	station_poll(&w->stations[by]);
}

static uint64_t inits(const struct world *w)
{
	return w->segments[INTERNET].frames[FRAME_INIT];
}

static void who_send_each_other_packets_meet(void **state)
{
	struct world *w = internet(1, true, true, true);
	struct node_peer_info info;

	(void)state;
	assert_int_equal(world_flow(w, NORTH, SOUTH, 1, 50, 100 * MILLISECOND), 0);
	assert_true(is_peer(w, NORTH, SOUTH, INTERNET) && is_peer(w, SOUTH, NORTH, INTERNET));
	assert_true(peer_info(w, NORTH, SOUTH, INTERNET, &info));
	assert_true(info.is_introduced);
	assert_true(router_id_equal(&info.introducer, &w->stations[GATEWAY].rid));
	assert_true(peer_info(w, NORTH, GATEWAY, INTERNET, &info));
	assert_false(info.is_introduced);
	world_run(w, 30 * A_SECOND);
	uint64_t relayed = counters_of(w, GATEWAY)->packets_forwarded;
	assert_int_equal(world_flow(w, NORTH, SOUTH, 100, 50, 100 * MILLISECOND), 0);
	assert_int_equal(world_flow(w, SOUTH, NORTH, 200, 50, 100 * MILLISECOND), 0);
	assert_int_equal(counters_of(w, GATEWAY)->packets_forwarded, relayed);
	world_free(w);
}

/* north ── NAT ──► gateway ──► second ◄── NAT ── south: each relay introduces who passes it, the next one among them.
 */
static void who_are_two_relays_apart_meet_step_by_step(void **state)
{
	struct world *w = world_of(13, 4);
	struct node_link_config relay = config_of(w, true, true), terminal = config_of(w, false, true);
	struct node_peer_info info;

	(void)state;
	segment_make(w, INTERNET, false);
	relay.beacon = terminal.beacon = false;
	for (unsigned i = NORTH; i <= SOUTH; i++)
		station_behind_nat(w, i, INTERNET, (uint16_t)(30000 + i));
	station_join_with(w, GATEWAY, INTERNET, &relay);
	station_join_with(w, RELAY, INTERNET, &relay);
	station_join_with(w, NORTH, INTERNET, &terminal);
	station_join_with(w, SOUTH, INTERNET, &terminal);
	station_target(w, GATEWAY, RELAY, INTERNET);
	station_target(w, NORTH, GATEWAY, INTERNET);
	station_target(w, SOUTH, RELAY, INTERNET);
	world_run(w, 15 * A_SECOND);
	assert_false(is_peer(w, NORTH, RELAY, INTERNET) || is_peer(w, SOUTH, GATEWAY, INTERNET));
	assert_int_equal(world_flow(w, NORTH, SOUTH, 1, 100, 100 * MILLISECOND), 0);
	assert_int_equal(world_flow(w, SOUTH, NORTH, 200, 100, 100 * MILLISECOND), 0);
	assert_true(peer_info(w, NORTH, SOUTH, INTERNET, &info));
	assert_true(info.is_introduced);
	uint64_t relayed = counters_of(w, GATEWAY)->packets_forwarded + counters_of(w, RELAY)->packets_forwarded;
	assert_int_equal(world_flow(w, NORTH, SOUTH, 400, 50, 100 * MILLISECOND), 0);
	assert_int_equal(
		counters_of(w, GATEWAY)->packets_forwarded + counters_of(w, RELAY)->packets_forwarded, relayed);
	world_free(w);
}

static void who_say_nothing_are_left_alone(void **state)
{
	struct world *w = internet(2, true, true, true);

	(void)state;
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(counters_of(w, GATEWAY)->introductions_made, 0);
	assert_false(is_peer(w, NORTH, SOUTH, INTERNET));
	world_free(w);
}

static void either_end_can_do_without(void **state)
{
	(void)state;
	for (unsigned off = 0; off < 2; off++) {
		struct world *w = internet(3, off != 0, off != 1, true);

		assert_int_equal(world_flow(w, NORTH, SOUTH, 1, 100, 100 * MILLISECOND), 0);
		assert_int_equal(counters_of(w, GATEWAY)->introductions_made, 0);
		assert_false(is_peer(w, NORTH, SOUTH, INTERNET));
		world_free(w);
	}
}

static void lost_way_is_replaced_by_that_through_the_introducer(void **state)
{
	struct world *w = internet(4, true, true, true);
	struct segment *internet = &w->segments[INTERNET];

	(void)state;
	world_flow(w, NORTH, SOUTH, 1, 100, 100 * MILLISECOND);
	assert_true(is_peer(w, NORTH, SOUTH, INTERNET));
	internet->is_parted = true;
	internet->parted[0] = NORTH;
	internet->parted[1] = SOUTH;
	/* What was sent until the neighbour counted as dead: four Hellos of half a second. */
	assert_in_range(world_flow(w, NORTH, SOUTH, 1000, 300, 100 * MILLISECOND), 10, 35);
	assert_false(is_peer(w, NORTH, SOUTH, INTERNET));
	internet->is_parted = false;
	world_flow(w, NORTH, SOUTH, 2000, 1300, 100 * MILLISECOND);
	assert_true(is_peer(w, NORTH, SOUTH, INTERNET));
	world_free(w);
}

static void who_moved_is_told_anew_and_no_neighbour_is_lost(void **state)
{
	struct world *w = internet(5, true, true, true);

	(void)state;
	world_flow(w, NORTH, SOUTH, 1, 100, 100 * MILLISECOND);
	assert_true(is_peer(w, NORTH, SOUTH, INTERNET));
	world_run(w, 10 * A_SECOND);
	unsigned downs = w->stations[NORTH].events[NODE_NEIGHBOUR_DOWN];
	for (uint16_t k = 0; k < 5; k++) {
		station_behind_nat(w, NORTH, INTERNET, (uint16_t)(31000 + k)); /* another port, and nobody let in */
		world_flow(w, NORTH, SOUTH, 1000u + 1000u * k, 200, 100 * MILLISECOND);
	}
	assert_int_equal(w->stations[NORTH].events[NODE_NEIGHBOUR_DOWN], downs);
	assert_true(is_peer(w, NORTH, SOUTH, INTERNET) && is_peer(w, SOUTH, NORTH, INTERNET));
	world_free(w);
}

static void word_that_is_malformed_is_counted_and_no_more(void **state)
{
	struct world *w = internet(6, true, true, false);
	struct endpoint at = endpoint_ip(9, 9, 9000), none = { 0 }, long_one = { .len = ENDPOINT_MAX + 1 };
	uint64_t before = inits(w);
	uint64_t malformed = counters_of(w, NORTH)->drops.control_malformed;

	(void)state;
	for (size_t left_out = 1; left_out <= 1u + NODE_ID_LEN + at.len; left_out++)
		say_meet(w, GATEWAY, NORTH, w->stations[SOUTH].node->id, &at, left_out);
	say_meet(w, GATEWAY, NORTH, w->stations[SOUTH].node->id, &none, 0);
	say_meet(w, GATEWAY, NORTH, w->stations[SOUTH].node->id, &long_one, 0);
	world_run(w, 20 * A_SECOND);
	assert_int_equal(counters_of(w, NORTH)->drops.control_malformed - malformed, 1 + NODE_ID_LEN + at.len + 2);
	assert_int_equal(inits(w), before);
	assert_int_equal(meet_meetings(w->stations[NORTH].node), 0);
	world_free(w);
}

static void word_that_makes_no_sense_is_refused(void **state)
{
	struct world *w = internet(7, true, true, false);
	struct endpoint somewhere = endpoint_ip(9, 9, 9000);
	struct station *north = &w->stations[NORTH];
	const uint8_t stranger[NODE_ID_LEN] = { 1, 2, 3 };
	uint64_t before = inits(w);

	(void)state;
	/* North itself; at itself; the gateway; where the gateway is; by who is not to. */
	say_meet(w, GATEWAY, NORTH, north->node->id, &somewhere, 0);
	say_meet(w, GATEWAY, NORTH, stranger, &north->ports[INTERNET].self, 0);
	say_meet(w, GATEWAY, NORTH, w->stations[GATEWAY].node->id, &somewhere, 0);
	say_meet(w, GATEWAY, NORTH, stranger, &port_of(w, GATEWAY, INTERNET)->self, 0);
	say_meet(w, NORTH, GATEWAY, stranger, &somewhere, 0);
	world_run(w, 20 * A_SECOND);
	assert_int_equal(counters_of(w, NORTH)->drops.introduction_refused, 4);
	assert_int_equal(counters_of(w, GATEWAY)->drops.introduction_refused, 1);
	assert_int_equal(inits(w), before);
	world_free(w);
}

/* Four first messages at most go to where nobody answers, again after a while, and ever more seldom. */
static void nobody_there_is_called_ever_more_seldom(void **state)
{
	struct world *w = internet(8, true, true, false);
	struct endpoint at = endpoint_ip(9, 9, 9000);
	uint64_t before = inits(w);

	(void)state;
	say_meet(w, GATEWAY, NORTH, w->stations[SOUTH].node->id, &at, 0);
	world_run(w, 9 * A_SECOND);
	assert_in_range(inits(w) - before, 1, 4);
	for (unsigned k = 0; k < 3600; k++) {
		say_meet(w, GATEWAY, NORTH, w->stations[SOUTH].node->id, &at, 0);
		world_run(w, A_SECOND);
	}
	assert_in_range(inits(w) - before, 20, 4 * 16);
	world_free(w);
}

/* A member that lies makes nobody flood anybody, nor keep more than there is room for. */
static void liar_gets_few_small_frames_for_many_words(void **state)
{
	struct world *w = internet(9, true, true, false);
	uint64_t before = inits(w), bytes = w->segments[INTERNET].bytes;

	(void)state;
	for (unsigned k = 0; k < 6000; k++) {
		struct endpoint at = endpoint_ip((uint8_t)(10 + k / 250), (uint8_t)(k % 250), (uint16_t)(1000 + k));
		uint8_t id[NODE_ID_LEN] = { (uint8_t)(k >> 8), (uint8_t)k, 7 };

		say_meet(w, GATEWAY, NORTH, id, &at, 0);
		world_run(w, 10 * MILLISECOND);
	}
	/* Of 6,000 words in a minute 4 and one in 5 s are believed, each is 4 calls of 88 bytes. */
	assert_in_range(inits(w) - before, 4, (4 + 60 / 5 + 1) * 4);
	assert_true(counters_of(w, NORTH)->drops.rate_limited > 5900);
	assert_true(meet_meetings(w->stations[NORTH].node) <= NODE_MEETINGS_MAX);
	assert_true(w->segments[INTERNET].bytes > bytes);
	assert_true(is_peer(w, NORTH, GATEWAY, INTERNET));
	world_free(w);
}

static void random_words_change_nothing(void **state)
{
	struct world *w = internet(10, true, true, false);
	struct address neighbour = node_neighbour_address(&w->stations[NORTH].rid);

	(void)state;
	for (unsigned k = 0; k < 5000; k++) {
		uint8_t room[64] = { KIND_CONTROL, MEET };
		size_t len = 2 + prng_below(&w->prng, sizeof(room) - 2);

		for (size_t i = 2; i < len; i++)
			room[i] = (uint8_t)prng_below(&w->prng, 256);
		assert_int_equal(
			node_inner_send(w->stations[GATEWAY].node, w->now, INTERNET, &neighbour, bytes_of(room, len)),
			0);
		world_run(w, MILLISECOND);
	}
	world_run(w, 10 * A_SECOND);
	assert_true(is_peer(w, NORTH, GATEWAY, INTERNET));
	assert_true(meet_meetings(w->stations[NORTH].node) <= NODE_MEETINGS_MAX);
	world_free(w);
}

struct meetings_seen {
	unsigned count, direct;
};

static void meeting_seen(void *arg, const struct node_meeting_info *info)
{
	struct meetings_seen *seen = arg;

	seen->count++;
	seen->direct += info->is_direct;
}

static struct meetings_seen meetings_of(struct world *w, unsigned i)
{
	struct meetings_seen seen = { 0 };

	node_dump_meetings(w->stations[i].node, meeting_seen, &seen);
	return seen;
}

static void who_was_not_met_is_forgotten(void **state)
{
	struct world *w = internet(12, true, true, false);
	struct endpoint at = endpoint_ip(9, 9, 9000);

	(void)state;
	say_meet(w, GATEWAY, NORTH, w->stations[SOUTH].node->id, &at, 0);
	world_run(w, 10 * A_MINUTE);
	assert_int_equal(meetings_of(w, NORTH).count, 1);
	assert_int_equal(meetings_of(w, NORTH).direct, 0);
	world_run(w, 40 * A_MINUTE);
	assert_int_equal(meetings_of(w, NORTH).count, 0);
	world_free(w);
}

/* Two per cent of 120 kbit/s are Hellos to one, twice a second; of 240, to two. */
static void no_more_are_met_than_the_link_has_hellos_for(void **state)
{
	(void)state;
	for (unsigned most = 1; most <= 2; most++) {
		struct world *w = world_of(13, 5);
		struct node_link_config c = config_of(w, true, true);

		segment_make(w, INTERNET, false);
		c.beacon = false;
		c.rate_bps = 120000 * most;
		for (unsigned i = 0; i < 5; i++)
			station_join_with(w, i, INTERNET, &c);
		for (unsigned i = 1; i < 5; i++)
			station_target(w, i, GATEWAY, INTERNET);
		world_run(w, A_MINUTE);
		for (uint32_t k = 0; k < 600; k++) {
			station_say(w, NORTH, 2 + k % 3, k);
			world_run(w, 700 * MILLISECOND);
		}
		assert_int_equal(meetings_of(w, NORTH).direct, most);
		assert_true(counters_of(w, NORTH)->drops.tables_full > 0);
		world_free(w);
	}
}

/* A link that goes forgets whom it was told of. */
static void link_that_goes_takes_its_meetings(void **state)
{
	struct world *w = internet(11, true, true, true);

	(void)state;
	world_flow(w, NORTH, SOUTH, 1, 50, 100 * MILLISECOND);
	assert_int_equal(meet_meetings(w->stations[NORTH].node), 1);
	assert_int_equal(meet_pairs(w->stations[GATEWAY].node), 1);
	station_leave(w, NORTH, INTERNET);
	station_leave(w, GATEWAY, INTERNET);
	assert_int_equal(meet_meetings(w->stations[NORTH].node), 0);
	assert_int_equal(meet_pairs(w->stations[GATEWAY].node), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_send_each_other_packets_meet),
		cmocka_unit_test(who_are_two_relays_apart_meet_step_by_step),
		cmocka_unit_test(who_say_nothing_are_left_alone),
		cmocka_unit_test(either_end_can_do_without),
		cmocka_unit_test(lost_way_is_replaced_by_that_through_the_introducer),
		cmocka_unit_test(who_moved_is_told_anew_and_no_neighbour_is_lost),
		cmocka_unit_test(word_that_is_malformed_is_counted_and_no_more),
		cmocka_unit_test(word_that_makes_no_sense_is_refused),
		cmocka_unit_test(nobody_there_is_called_ever_more_seldom),
		cmocka_unit_test(liar_gets_few_small_frames_for_many_words),
		cmocka_unit_test(random_words_change_nothing),
		cmocka_unit_test(who_was_not_met_is_forgotten),
		cmocka_unit_test(no_more_are_met_than_the_link_has_hellos_for),
		cmocka_unit_test(link_that_goes_takes_its_meetings),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
