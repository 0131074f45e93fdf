/* Questions about classes: who answers, what the answer says, and what becomes of what is none. */
#include "tests/unit/node_world.h"

#include <errno.h>

#define TEXT TRAFFIC_TEXT
#define COMMAND TRAFFIC_COMMAND
#define BULK TRAFFIC_BULK

/* 0 ──0── 1 ──1── 2 ──2── 3; the middle one carries `rate_bps`. */
static struct world *chain_of(uint64_t seed, uint64_t rate_bps)
{
	struct world *w = world_new(seed);

	for (unsigned i = 0; i < 4; i++) {
		station_enrol(w, i, i == 3 ? "10.3.0.0/24" : NULL, NULL);
		station_start(w, i);
	}
	for (unsigned segment = 0; segment < 3; segment++) {
		w->segments[segment].rate_bps = segment == 1 ? rate_bps : 10000000;
		station_join(w, segment, segment);
		station_join(w, segment + 1, segment);
	}
	world_run(w, 30 * A_SECOND);
	return w;
}

static struct node_reach reach_of(struct world *w, unsigned i, const struct address *to, unsigned class)
{
	struct node *n = w->stations[i].node;

	assert_int_equal(node_reach_ask(n, w->now, to, class), 0);
	station_poll(&w->stations[i]);
	for (unsigned s = 0; s < 30 && node_reach(n, to, class).state == NODE_REACH_WAITING; s++)
		world_run(w, A_SECOND);
	return node_reach(n, to, class);
}

static void slowest_is(struct world *w, const struct node_reach *r, unsigned hop, uint64_t bps, unsigned from)
{
	assert_int_equal(r->slow_hop, hop);
	assert_int_equal(r->slow_bps, bps);
	assert_memory_equal(r->slow_from.bytes + 2, w->stations[from].rid.bytes + 2, 6);
	assert_memory_equal(r->slow_to.bytes + 2, w->stations[from + 1].rid.bytes + 2, 6);
}

static void each_class_has_its_verdict_and_the_slowest_hop(void **state)
{
	struct world *w = chain_of(1, 9600);
	const struct address *to = &w->stations[3].address;

	(void)state;
	for (unsigned class = TEXT; class <= COMMAND; class ++) {
		struct node_reach r = reach_of(w, 0, to, class);

		assert_int_equal(r.state, NODE_REACH_WORKS);
		assert_int_equal(r.end, NODE_REACH_ARRIVED);
		assert_int_equal(r.hops, 3);
		assert_false(r.fell_there || r.fell_back || r.is_rate_unknown);
		/* A millisecond a hop, there and back; nothing is shaped here. */
		assert_in_range(r.rtt_us, 6 * MILLISECOND, 10 * MILLISECOND);
		assert_memory_equal(r.ended_at.bytes + 2, w->stations[3].rid.bytes + 2, 6);
		slowest_is(w, &r, 2, 9600, 1);
	}
	struct node_reach r = reach_of(w, 0, to, BULK);
	assert_int_equal(r.state, NODE_REACH_FAILS);
	assert_int_equal(r.end, NODE_REACH_NOT_ADMITTED);
	assert_memory_equal(r.ended_at.bytes + 2, w->stations[1].rid.bytes + 2, 6);
	assert_int_equal(r.worked_us, 0);
	slowest_is(w, &r, 2, 9600, 1);
	world_free(w);
}

static void bulk_works_where_every_link_carries_it(void **state)
{
	struct world *w = chain_of(2, 2000000);
	struct node_reach r = reach_of(w, 0, &w->stations[3].address, BULK);

	(void)state;
	assert_int_equal(r.state, NODE_REACH_WORKS);
	assert_false(r.fell_there);
	slowest_is(w, &r, 2, 2000000, 1);
	world_free(w);
}

static void device_behind_a_node_is_answered_for_by_it(void **state)
{
	struct world *w = chain_of(3, 9600);
	struct prefix lan;
	struct address device = addr("10.3.0.7");

	(void)state;
	assert_int_equal(prefix_parse(&lan, "10.3.0.0/24"), 0);
	assert_int_equal(node_originate(w->stations[3].node, w->now, &lan), 0);
	station_poll(&w->stations[3]);
	world_run(w, 10 * A_SECOND);
	struct node_reach r = reach_of(w, 0, &device, TEXT);
	assert_int_equal(r.end, NODE_REACH_ARRIVED);
	assert_memory_equal(r.ended_at.bytes + 2, w->stations[3].rid.bytes + 2, 6);
	world_free(w);
}

static void what_needs_no_question_is_known_at_once(void **state)
{
	struct world *w = chain_of(4, 9600);
	struct address nowhere = addr("10.9.0.1");
	struct node *n = w->stations[0].node;

	(void)state;
	assert_int_equal(node_reach(n, &nowhere, TEXT).state, NODE_REACH_UNASKED);
	assert_int_equal(node_reach_ask(n, w->now, &nowhere, TEXT), 0);
	assert_int_equal(node_reach(n, &nowhere, TEXT).end, NODE_REACH_NO_ROUTE);
	assert_int_equal(node_reach_ask(n, w->now, &w->stations[0].address, TEXT), 0);
	assert_int_equal(node_reach(n, &w->stations[0].address, TEXT).end, NODE_REACH_ARRIVED);
	assert_int_equal(node_reach(n, &w->stations[0].address, TEXT).hops, 0);
	assert_int_equal(node_reach_ask(n, w->now, &nowhere, 3), -EINVAL);
	world_free(w);
}

static void lost_question_is_asked_again(void **state)
{
	struct world *w = chain_of(5, 9600);
	const struct address *to = &w->stations[3].address;
	struct node *n = w->stations[0].node;

	(void)state;
	w->segments[0].swallow[FRAME_TYPE_DATA] = 1;
	assert_int_equal(node_reach_ask(n, w->now, to, TEXT), 0);
	assert_int_equal(w->segments[0].swallow[FRAME_TYPE_DATA], 0);
	station_poll(&w->stations[0]);
	world_run(w, A_SECOND);
	assert_int_equal(node_reach(n, to, TEXT).state, NODE_REACH_WAITING);
	world_run(w, 2 * A_SECOND);
	assert_int_equal(node_reach(n, to, TEXT).state, NODE_REACH_WORKS);
	/* The time is that of the question that was answered. */
	assert_in_range(node_reach(n, to, TEXT).rtt_us, 6 * MILLISECOND, 10 * MILLISECOND);
	world_free(w);
}

static void silence_is_not_a_verdict_and_remembers_the_last_one(void **state)
{
	struct world *w = world_of(6, 2);
	struct node_link_config config = link_config_of(&w->segments[0]);
	const struct address *to = &w->stations[1].address;

	(void)state;
	config.hello_ms = 20000; /* a silent neighbour is not noticed so soon */
	station_join_with(w, 0, 0, &config);
	station_join_with(w, 1, 0, &config);
	world_run(w, 60 * A_SECOND);
	struct node_reach before = reach_of(w, 0, to, COMMAND);
	assert_int_equal(before.state, NODE_REACH_WORKS);
	assert_true(before.is_rate_unknown);
	assert_int_equal(before.slow_hop, 0);
	w->segments[0].is_cut = true;
	struct node_reach r = reach_of(w, 0, to, COMMAND);
	assert_int_equal(r.state, NODE_REACH_UNKNOWN);
	assert_int_equal(r.end, NODE_REACH_SILENT);
	assert_int_equal(r.worked_us, before.at_us);
	assert_in_range(r.at_us - before.at_us, 13 * A_SECOND, 15 * A_SECOND);
	world_free(w);
}

/* The neighbour speaks of no classes: command goes by the way of text, and the answer says so. */
static void fall_to_the_base_is_told(void **state)
{
	struct world *w = world_new(7);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		station_enrol(w, i, NULL, NULL);
		w->stations[i].is_plain = i == 2;
		station_start(w, i);
	}
	for (unsigned segment = 0; segment < 2; segment++) {
		w->segments[segment].rate_bps = 10000000;
		station_join(w, segment, segment);
		station_join(w, segment + 1, segment);
	}
	world_run(w, 30 * A_SECOND);
	struct node_reach r = reach_of(w, 0, &w->stations[2].address, COMMAND);
	assert_int_equal(r.state, NODE_REACH_WORKS);
	assert_true(r.fell_there);
	assert_true(r.fell_back);
	r = reach_of(w, 0, &w->stations[1].address, COMMAND);
	assert_false(r.fell_there || r.fell_back);
	world_free(w);
}

static void no_more_is_remembered_than_there_is_room_for(void **state)
{
	struct world *w = chain_of(8, 9600);
	struct node *n = w->stations[0].node;

	(void)state;
	for (unsigned i = 0; i < 3 * REACHES_MAX; i++) {
		struct address to = addr("10.9.0.0");

		to.bytes[3] = (uint8_t)i;
		w->now += A_SECOND;
		assert_int_equal(node_reach_ask(n, w->now, &to, TEXT), 0);
		assert_int_equal(node_reach(n, &to, TEXT).state, NODE_REACH_FAILS);
		to.bytes[3] = (uint8_t)(i - REACHES_MAX);
		assert_int_equal(node_reach(n, &to, TEXT).state, NODE_REACH_UNASKED);
	}
	world_free(w);
}

/* --- what others may say ------------------------------------------------------------------------ */

#define BODY 62

/* A question of station 0 as it leaves, kind byte first. */
static size_t question_make(struct world *w, uint8_t out[1 + BODY], const struct address *to)
{
	struct writer writer = writer_of(out, 1 + BODY);

	write_u8(&writer, KIND_CONTROL);
	write_u8(&writer, CONTROL_REACH);
	write_u32(&writer, 4711);
	write_u8(&writer, CLASS_TEXT);
	write_u8(&writer, 32);
	write_zeros(&writer, 2 + 4 + 16);
	write_copy(&writer, w->stations[0].address.bytes, 16);
	write_u8(&writer, to->family);
	write_copy(&writer, to->bytes, to->family == FAMILY_IPV4 ? 4 : 16);
	assert_true(writer_ok(&writer));
	return writer_len(&writer);
}

static void say(struct world *w, const uint8_t *inner, size_t len)
{
	struct address neighbour = node_neighbour_address(&w->stations[1].rid);

	assert_int_equal(node_inner_send(w->stations[0].node, w->now, 0, &neighbour, bytes_of(inner, len)), 0);
	station_poll(&w->stations[0]);
	world_run(w, A_SECOND);
}

static void cut_and_impossible_messages_are_dropped(void **state)
{
	struct world *w = chain_of(9, 9600);
	const struct node_drops *drops = &node_counters(w->stations[1].node)->drops;
	uint8_t inner[1 + BODY];
	uint64_t malformed = 0;

	(void)state;
	for (unsigned v4 = 0; v4 < 2; v4++) {
		struct address to = v4 ? addr("10.9.0.1") : w->stations[3].address;
		size_t len = question_make(w, inner, &to);

		for (size_t cut = 2; cut < len; cut++)
			say(w, inner, cut);
		malformed += len - 2;
		assert_int_equal(drops->control_malformed, malformed);
	}
	size_t len = question_make(w, inner, &w->stations[3].address);
	inner[1 + 5] |= CLASS_FALLEN; /* nobody asks for that */
	say(w, inner, len);
	len = question_make(w, inner, &w->stations[3].address);
	inner[len - 17] = 5; /* no family */
	say(w, inner, len);
	len = question_make(w, inner, &w->stations[3].address);
	inner[1] = CONTROL_REACHED;
	inner[len - 17] = NODE_REACH_SILENT; /* nobody answers that */
	say(w, inner, len);
	assert_int_equal(drops->control_malformed, malformed + 3);
	world_free(w);
}

/* Has station `i` heard a question or an answer from station `from`, on that segment? */
static bool heard_any(struct world *w, unsigned i, unsigned from, unsigned segment)
{
	struct address neighbour = node_neighbour_address(&w->stations[from].rid);
	const struct peer *p = peer_find_address(w->stations[i].node->links[segment], &neighbour);

	assert_non_null(p);
	return p->reaches.busy_until_us > 0;
}

static void question_that_cannot_go_on_is_answered_from_there(void **state)
{
	struct world *w = chain_of(10, 9600);
	const struct node_drops *drops = &node_counters(w->stations[0].node)->drops;
	struct address nowhere = addr("10.9.0.1");
	uint8_t inner[1 + BODY];
	uint64_t answers = w->segments[0].frames[FRAME_TYPE_DATA];

	(void)state;
	say(w, inner, question_make(w, inner, &nowhere));
	/* Nobody here asked it. */
	assert_int_equal(drops->reach_stray, 1);
	assert_true(w->segments[0].frames[FRAME_TYPE_DATA] > answers);
	size_t len = question_make(w, inner, &w->stations[3].address);
	inner[7] = 2; /* hops left: it ends at the next one */
	say(w, inner, len);
	assert_int_equal(drops->reach_stray, 2);
	inner[7] = 0;
	say(w, inner, len);
	assert_int_equal(drops->reach_stray, 3);
	inner[7] = 255; /* more than anybody may have, and has been over as many */
	inner[8] = 255;
	say(w, inner, len);
	assert_int_equal(drops->reach_stray, 4);
	assert_false(heard_any(w, 3, 2, 2));
	inner[8] = 0;
	say(w, inner, len);
	assert_true(heard_any(w, 3, 2, 2));
	world_free(w);
}

/* Who looks on and on takes no more of a thin link than control may, and some more at first. */
static void questions_keep_to_the_budget_of_a_thin_link(void **state)
{
	struct world *w = chain_of(12, 4800);
	const struct address *to = &w->stations[3].address;
	struct node *n = w->stations[0].node;
	uint64_t bytes = w->segments[1].bytes, works = 0, busy = 0;

	(void)state;
	world_run(w, 60 * A_SECOND);
	uint64_t quiet = w->segments[1].bytes - bytes;
	bytes = w->segments[1].bytes;
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned class = TEXT; class <= COMMAND; class ++)
			assert_int_equal(node_reach_ask(n, w->now, to, class), 0);
		station_poll(&w->stations[0]);
		world_run(w, A_SECOND);
		struct node_reach r = node_reach(n, to, TEXT);
		works += r.state == NODE_REACH_WORKS;
		busy += r.state == NODE_REACH_UNKNOWN && r.end == NODE_REACH_BUSY && r.hops == 2 &&
			memcmp(r.ended_at.bytes + 2, w->stations[1].rid.bytes + 2, 6) == 0;
	}
	uint64_t asked = w->segments[1].bytes - bytes - 5 * quiet;
	/* Two stations; a twentieth each, and the reserve in messages. */
	assert_true(works > 10);
	assert_true(busy > 0);
	assert_true(asked < 2 * (4800 / 8 * 300 / 20 + (6 + 300 / 5) * 100));
	world_free(w);
}

static void flood_of_questions_ends_at_the_next_node(void **state)
{
	struct world *w = chain_of(11, 10000000); /* the budget has room */
	struct address neighbour = node_neighbour_address(&w->stations[1].rid);
	uint8_t inner[1 + BODY];
	size_t len = question_make(w, inner, &w->stations[3].address);
	uint64_t frames = w->segments[1].frames[FRAME_TYPE_DATA];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		node_inner_send(w->stations[0].node, w->now, 0, &neighbour, bytes_of(inner, len));
		station_poll(&w->stations[0]);
		world_run(w, MILLISECOND);
	}
	world_run(w, A_SECOND);
	/* Questions and answers, and what is said there anyway. */
	assert_in_range(w->segments[1].frames[FRAME_TYPE_DATA] - frames, 20, 100);
	assert_true(node_counters(w->stations[1].node)->drops.reach_limited > 900);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_class_has_its_verdict_and_the_slowest_hop),
		cmocka_unit_test(bulk_works_where_every_link_carries_it),
		cmocka_unit_test(device_behind_a_node_is_answered_for_by_it),
		cmocka_unit_test(what_needs_no_question_is_known_at_once),
		cmocka_unit_test(lost_question_is_asked_again),
		cmocka_unit_test(silence_is_not_a_verdict_and_remembers_the_last_one),
		cmocka_unit_test(fall_to_the_base_is_told),
		cmocka_unit_test(no_more_is_remembered_than_there_is_room_for),
		cmocka_unit_test(cut_and_impossible_messages_are_dropped),
		cmocka_unit_test(question_that_cannot_go_on_is_answered_from_there),
		cmocka_unit_test(questions_keep_to_the_budget_of_a_thin_link),
		cmocka_unit_test(flood_of_questions_ends_at_the_next_node),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
