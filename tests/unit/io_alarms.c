/* Alarms of a real node in a small world: what is cut off is told once, with what to do, and is over when it is. */
#include "tests/unit/io_world.h"
#include "tests/unit/node_packets.h"

/* The world goes on, and is looked at as often as the loop does. */
static void passes(struct world *w, struct daemon *d, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		world_run(w, SECOND_US);
		alarms_tick(d, w->now_us);
	}
}

/* NULL: it is not raised. */
static const json_t *alarm_named(const json_t *answer, const char *name)
{
	const json_t *alarm;
	size_t i;

	json_array_foreach (json_object_get(answer, "alarms"), i, alarm) {
		assert_true(*text_of(alarm, "text") && *text_of(alarm, "action"));
		if (strcmp(text_of(alarm, "name"), name) == 0)
			return alarm;
	}
	return NULL;
}

static const json_t *level_named(const json_t *answer, const char *name)
{
	const json_t *level;
	size_t i;

	json_array_foreach (json_object_get(answer, "levels"), i, level)
		if (strcmp(text_of(level, "level"), name) == 0)
			return level;
	fail_msg("no level %s", name);
	return NULL;
}

static void what_works_raises_nothing(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 40);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "alarms")), 0);
	assert_int_equal(said(*state, "alarm-"), 0);
	json_decref(answer);
	world_free(w);
}

static void only_what_was_tested_lately_is_green(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 40);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	/* The relay is a neighbour; the city is behind it, and nobody asked it anything. */
	assert_string_equal(text_of(level_named(answer, "town"), "state"), "works");
	assert_string_equal(text_of(level_named(answer, "city"), "state"), "unknown");
	assert_true(json_is_null(json_object_get(level_named(answer, "city"), "tested_s")));
	assert_string_equal(text_of(level_named(answer, "district"), "state"), "nobody");
	json_decref(answer);
	json_decref(asked(d, "{\"request\": \"reach\", \"dest\": \"city-1\", \"class\": \"text\", \"start\": true}"));
	w->now_us = io_now_us(); /* when that was asked */
	world_run(w, 3 * SECOND_US);
	answer = asked(d, "{\"request\": \"alarms\"}");
	assert_string_equal(text_of(level_named(answer, "city"), "state"), "works");
	json_decref(answer);
	world_free(w);
}

static void who_is_alone_hears_of_one_alarm_and_of_its_end(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 15);
	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = true;
	passes(w, d, 44); /* which is about now, for the answers */
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_non_null(alarm_named(answer, "alone"));
	assert_true(json_is_null(json_object_get(alarm_named(answer, "alone"), "under")));
	assert_string_equal(text_of(alarm_named(answer, "alone"), "grade"), "red");
	assert_string_equal(text_of(alarm_named(answer, "level-cut-off city"), "under"), "alone");
	assert_string_equal(text_of(level_named(answer, "city"), "state"), "cut-off");
	json_decref(answer);
	assert_int_equal(said(*state, "alarm-red alone: "), 1);
	assert_int_equal(said(*state, "alarm-red"), 1);
	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = false;
	passes(w, d, 60);
	answer = asked(d, "{\"request\": \"alarms\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "alarms")), 0);
	assert_true(json_array_size(json_object_get(answer, "over")) >= 1);
	json_decref(answer);
	assert_int_equal(said(*state, "alarm-over alone: it lasted "), 1);
	world_free(w);
}

/* The text of an alarm that must be raised, with what it must say. */
static void tells(struct daemon *d, const char *name, const char *grade, const char *text)
{
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	const json_t *alarm = alarm_named(answer, name);

	if (!alarm)
		fail_msg("no alarm \"%s\"", name);
	assert_string_equal(text_of(alarm, "grade"), grade);
	says(text_of(alarm, "text"), text);
	json_decref(answer);
}

static void tells_nothing_of(struct daemon *d, const char *kind)
{
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	const json_t *alarm;
	size_t i;

	json_array_foreach (json_object_get(answer, "alarms"), i, alarm)
		assert_string_not_equal(text_of(alarm, "kind"), kind);
	json_decref(answer);
}

static void who_is_turned_away_is_told_with_the_link_and_how_often(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 20);
	for (unsigned i = 0; i < 3; i++)
		alarms_event(d, NODE_REFUSED, 0, "\"stolen\", which was revoked");
	alarms_event(d, NODE_REFUSED, 1, "a node with a certificate that is foreign");
	d->watch.refusals[0].last_us = d->watch.refusals[1].last_us = w->now_us;
	passes(w, d, 6);
	tells(d, "refused radio0", "red", "refused on radio0: \"stolen\", which was revoked (3 times in ");
	tells(d, "refused fibre0", "red", "on fibre0: a node with a certificate that is foreign (once)");
	world_free(w);
}

/* Somebody speaks as one of another deployment would. */
static void strangers_speak(struct world *w, struct daemon *d)
{
	const struct endpoint there = { .len = 6, .bytes = { 2, 0, 0, 0, 0, 9 } };

	for (unsigned i = 0; i < 100; i++) {
		uint8_t beacon[44 + NODE_TAILROOM] = { 5, 1 }; /* of this size, and of no key of ours */
		struct node_frame frame = { there, beacon, 44 };

		node_frames_in(d->node, w->now_us, 0, &frame, 1);
		passes(w, d, 1);
	}
}

static void other_keys_are_told_with_where_they_are(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 20);
	strangers_speak(w, d);
	tells(d, "foreign-keys radio0", "red", "the keys of another deployment (02:00:00:00:00:09, ");
	tells_nothing_of(d, "refused");
	world_free(w);
}

/* Who has no keys yet hears nothing but other ones. */
static void who_asks_to_be_a_member_hears_no_strangers(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct secret_request request = { 0 }; /* that there is one is all that is looked at */

	d->applicant = &request;
	strangers_speak(w, d);
	tells_nothing_of(d, "foreign-keys");
	d->applicant = NULL;
	world_free(w);
}

static void a_clock_that_is_not_set_is_told(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 70);
	tells_nothing_of(d, "clock");
	world_free(w);
	w = world_new(*state);
	d = w->members[CAR].d;
	d->state.floor.t_lo = (uint32_t)(io_date_s() / 60) + 100000; /* what it believes in is later than the clock */
	member_stop(w, CAR);
	member_boot(w, CAR);
	passes(w, d, 70);
	tells(d, "clock", "amber", "this node's clock is not set: it says 20");
	world_free(w);
}

static void clocks_that_are_apart_are_told_by_who_is_alone_with_it(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 20);
	node_clock_set(w->members[RELAY].d->node, w->now_us, io_date_s() + 10900);
	passes(w, d, 70);
	tells(d, "clock", "amber", "this node's clock is 3 hours behind those of 2 of 2 neighbours");
	world_free(w);
}

/* A member is another machine, with this network and its radio at this rate. */
static void member_again(struct world *w, unsigned i, const char *network, uint64_t rate_bps)
{
	struct daemon *d = w->members[i].d;
	struct certificate *c = &d->enrolment.certificate;

	member_stop(w, i);
	if (network)
		assert_int_equal(prefix_parse(&c->prefixes[c->prefix_count++], network), 0);
	assert_int_equal(certificate_issue(c, &w->authority), 0);
	d->config.links[0].rate_bps = rate_bps;
	member_boot(w, i);
}

static void a_network_that_two_have_is_told_and_one_that_lies_within_its_own_is_not(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	member_again(w, RELAY, "10.1.0.0/16", 0);
	member_again(w, RELAY, "10.1.7.0/24", 0);
	member_again(w, CITY, "10.2.0.0/16", 0);
	passes(w, d, 60);
	tells_nothing_of(d, "network-twice");
	member_again(w, CAR, "10.1.64.0/24", 0);
	passes(w, d, 60);
	tells(d, "network-twice 10.1.64.0/24", "amber", "\"relay\" and \"car\" both have the network 10.1.64.0/24");
	world_free(w);
}

static void a_site_that_has_lost_its_second_way_is_told_with_what_is_left(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	snprintf(d->config.watch[d->config.watch_count++], sizeof(d->config.watch[0]), "relay");
	passes(w, d, 660);
	tells_nothing_of(d, "one-path-left");
	w->is_cut[FIBRE0] = true;
	passes(w, d, 120);
	tells(d, "one-path-left relay", "amber", "relay hangs on one path: radio0 to relay now, and did not before");
	/* The city has hung on the relay from the beginning. */
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_null(strstr(text_of(alarm_named(answer, "one-path-left relay"), "text"), "city-1"));
	json_decref(answer);
	w->is_cut[FIBRE0] = false;
	passes(w, d, 120);
	tells_nothing_of(d, "one-path-left");
	assert_int_equal(said(*state, "alarm-over one-path-left relay: it lasted "), 1);
	world_free(w);
}

static void a_thin_link_that_is_full_is_told_with_what_fills_it(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct address from, to;

	w->is_cut[FIBRE0] = true;
	member_again(w, CAR, NULL, 38400);
	from = node_address(d->node);
	to = node_address(w->members[RELAY].d->node);
	passes(w, d, 40);
	tells_nothing_of(d, "link-full");
	for (unsigned s = 0; s < 120; s++) {
		for (unsigned i = 0; i < 4; i++) {
			static struct test_packet p;

			packet_make(&p, &from, &to, PROTOCOL_UDP, 64, 1000);
			node_packets_in(d->node, w->now_us, &(struct node_packet){ p.data, p.len }, 1);
		}
		passes(w, d, 1);
	}
	tells(d, "link-full radio0", "amber", "%) text");
	passes(w, d, 150);
	tells_nothing_of(d, "link-full");
	world_free(w);
}

static void an_urgent_message_that_does_not_arrive_is_told_to_who_wrote_it(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	uint32_t number;

	passes(w, d, 20);
	w->is_cut[RADIO1] = true;
	passes(w, d, 20);
	assert_int_equal(node_message_send(d->node, w->now_us, "city-1", bytes_of("now", 3), true, 0, &number), 0);
	assert_int_equal(node_message_send(d->node, w->now_us, "city-1", bytes_of("soon", 4), false, 0, &number), 0);
	passes(w, d, 280);
	tells_nothing_of(d, "urgent-late");
	passes(w, d, 60);
	tells(d, "urgent-late city-1", "red", "urgent message 1 to city-1 has not arrived after 5 min: ");
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_string_equal(text_of(alarm_named(answer, "urgent-late city-1"), "under"), "level-cut-off city");
	assert_null(strstr(text_of(alarm_named(answer, "urgent-late city-1"), "text"), "more"));
	json_decref(answer);
	w->is_cut[RADIO1] = false;
	passes(w, d, 90);
	tells_nothing_of(d, "urgent-late");
	world_free(w);
}

static void neighbours_that_come_and_go_are_told(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 20);
	for (unsigned i = 0; i < ALARM_LOSSES; i++) {
		json_t *answer = asked(d, "{\"request\": \"alarms\"}");
		assert_null(alarm_named(answer, "link-flapping radio0"));
		json_decref(answer);
		alarms_event(d, NODE_NEIGHBOUR_DOWN, 0, "");
		d->watch.lost_us[0][i] = w->now_us;
		passes(w, d, 5);
	}
	passes(w, d, 5);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_non_null(alarm_named(answer, "link-flapping radio0"));
	json_decref(answer);
	world_free(w);
}

static void a_silence_is_asked_for_by_name_and_span(void **state)
{
	static const char *const wrong[] = { "{\"request\": \"silence\"}",
		"{\"request\": \"silence\", \"kind\": \"nothing\", \"for_s\": 60}",
		"{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": 86401}",
		"{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": -1}",
		"{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": 0}" };
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	json_t *answer;

	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = true;
	passes(w, d, 40);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer = asked(d, wrong[i]);
		assert_false(json_is_true(json_object_get(answer, "ok")));
		json_decref(answer);
	}
	answer = asked(d, "{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": 600}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	answer = asked(d, "{\"request\": \"alarms\"}");
	json_int_t left_s = json_integer_value(json_object_get(alarm_named(answer, "alone"), "silent_s"));
	assert_true(left_s > 590 && left_s <= 600);
	json_decref(answer);
	assert_int_equal(said(*state, "silence alone: for 600 s"), 1);
	world_free(w);
}

static void a_silence_survives_a_restart(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	assert_int_equal(state_open(d, d->error), 0);
	json_decref(asked(d, "{\"request\": \"silence\", \"kind\": \"alone\", \"for_s\": 600}"));
	state_close(d);
	memset(&d->watch.alarms, 0, sizeof(d->watch.alarms));
	state_silences_restore(d);
	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = true;
	passes(w, d, 40);
	json_t *answer = asked(d, "{\"request\": \"alarms\"}");
	assert_true(json_integer_value(json_object_get(alarm_named(answer, "alone"), "silent_s")) > 500);
	json_decref(answer);
	world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_works_raises_nothing),
		TEST(only_what_was_tested_lately_is_green),
		TEST(who_is_alone_hears_of_one_alarm_and_of_its_end),
		TEST(who_is_turned_away_is_told_with_the_link_and_how_often),
		TEST(other_keys_are_told_with_where_they_are),
		TEST(who_asks_to_be_a_member_hears_no_strangers),
		TEST(a_clock_that_is_not_set_is_told),
		TEST(clocks_that_are_apart_are_told_by_who_is_alone_with_it),
		TEST(a_network_that_two_have_is_told_and_one_that_lies_within_its_own_is_not),
		TEST(a_site_that_has_lost_its_second_way_is_told_with_what_is_left),
		TEST(a_thin_link_that_is_full_is_told_with_what_fills_it),
		TEST(an_urgent_message_that_does_not_arrive_is_told_to_who_wrote_it),
		TEST(neighbours_that_come_and_go_are_told),
		TEST(a_silence_is_asked_for_by_name_and_span),
		TEST(a_silence_survives_a_restart),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
