/* Classes (protocol.md 3): what travels of them, and what is made of it. */
#include "tests/unit/routing_versioned.h"

#define ENTRY_MAX 4

static struct babel_tlv say_class(enum babel_class class, unsigned origin, uint16_t seqno, uint16_t metric)
{
	struct babel_tlv tlv = say_update(P, world_id(origin), seqno, metric);

	tlv.u.update.class = (uint8_t) class;
	return tlv;
}

static uint64_t hash_of_three(uint16_t seqno, uint16_t text, uint16_t command, uint16_t bulk)
{
	struct prefix p = world_prefix(P);
	const struct claim claims[] = { { world_id(5), seqno, text }, { world_id(5), seqno, command },
		{ world_id(5), seqno, bulk } };

	return adj_hash(key, &p, claims);
}

static uint16_t metric_of(const struct world *w, enum babel_class class)
{
	struct prefix p = world_prefix(P);
	struct babel_route r;

	return babel_selected(w->nodes[0].b, &p, class, &r) ? r.metric : BABEL_INFINITY;
}

static uint16_t cost_of(const struct world *w, unsigned probe, enum babel_class class)
{
	struct babel_neighbour_info info;

	assert_true(node_neighbour(w, 0, probe - 1, probe, &info));
	return info.cost[class];
}

static struct babel_link_config link_at(uint64_t rate_bps)
{
	struct babel_link_config config = world_link();

	config.rate_bps = rate_bps;
	return config;
}

/* All three classes, by a full sync of probe 1. */
static void announce_three(struct world *w, uint16_t seqno)
{
	SAY(w, 1, say_full(1), say_class(BABEL_TEXT, 5, seqno, 100), say_class(BABEL_COMMAND, 5, seqno, 200),
		say_class(BABEL_BULK, 5, seqno, 300), say_refresh(1, 1, hash_of_three(seqno, 100, 200, 300)));
}

/* The updates of P that a probe heard, from the last one of the base on. */
static size_t heard_entry(const struct world *w, unsigned i, struct babel_tlv out[ENTRY_MAX])
{
	struct prefix p = world_prefix(P);
	size_t count = 0;

	for (size_t k = 0; k < w->nodes[i].heard_count; k++) {
		const struct babel_tlv *t = &w->nodes[i].heard[k].tlv;

		if (t->type != TLV_UPDATE || !prefix_equal(&t->u.update.prefix, &p))
			continue;
		if (t->u.update.class == BABEL_TEXT)
			count = 0;
		assert_true(count < ENTRY_MAX);
		out[count++] = *t;
	}
	return count;
}

/* --- on the wire ---------------------------------------------------------------------- */

/* Its prefix is that of the base, which it neither repeats nor replaces. */
static void update_of_a_class_has_no_flags_and_a_mandatory_sub_tlv__protocol_2_3(void **state)
{
	static const uint8_t tagged[] = { 8, 13, 2, 0, 48, 6, 1, 0x90, 0, 9, 0, 7, 240, 1, 2 };
	struct address self = world_address(1, 0);
	struct babel_tlv base = say_class(BABEL_TEXT, 5, 9, 6), bulk = say_class(BABEL_BULK, 5, 9, 7);
	struct wire_builder w;
	uint8_t room[256];

	(void)state;
	wire_build_begin(&w, room, sizeof(room), &self);
	assert_int_equal(wire_write(&w, &base), 0);
	size_t at = writer_len(&w.packet);
	assert_int_equal(wire_write(&w, &bulk), 0);
	assert_int_equal(writer_len(&w.packet) - at, sizeof(tagged));
	assert_memory_equal(room + at, tagged, sizeof(tagged));
}

/* Who ignores the update of a class has the same state as who does not. */
static void state_of_the_packet_is_that_of_the_base__rfc8966_4_5(void **state)
{
	struct address self = world_address(1, 0);
	struct babel_counters counters = { 0 };
	struct babel_tlv tlvs[] = { say_class(BABEL_TEXT, 5, 9, 6), say_class(BABEL_COMMAND, 6, 8, 7),
		say_update("fd00:1:0:1::/64", world_id(5), 9, 8) };
	struct wire_parser parser;
	struct wire_builder w;
	struct babel_tlv out;
	uint8_t room[256];

	(void)state;
	wire_build_begin(&w, room, sizeof(room), &self);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(wire_write(&w, &tlvs[i]), 0);
	assert_int_equal(wire_parse_begin(&parser, wire_build_end(&w), &self, &counters), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(wire_parse_next(&parser, &out));
		assert_int_equal(out.u.update.class, tlvs[i].u.update.class);
		assert_int_equal(out.u.update.metric, tlvs[i].u.update.metric);
		assert_true(router_id_equal(&out.u.update.origin, &tlvs[i].u.update.origin));
		assert_true(prefix_equal(&out.u.update.prefix, &tlvs[i].u.update.prefix));
	}
	assert_false(wire_parse_next(&parser, &out));
}

static void classes_that_nobody_knows_are_ignored__rfc8966_4_4(void **state)
{
	/* Class 3, and no class at all. */
	uint8_t packet[] = { 42, 2, 0, 36, 6, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 5, 8, 11, 1, 0, 0, 0, 0, 1, 0, 1, 0, 1,
		240, 1, 3, 8, 10, 1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 240, 0 };
	struct address sender = world_address(1, 0);
	struct babel_counters counters = { 0 };
	struct wire_parser parser;
	struct babel_tlv out;

	(void)state;
	packet[3] = sizeof(packet) - 4;
	packet[17] = 13;
	packet[32] = 12;
	assert_int_equal(wire_parse_begin(&parser, bytes_of(packet, sizeof(packet)), &sender, &counters), 0);
	parser.has_next_hop_v4 = true;
	assert_false(wire_parse_next(&parser, &out));
	assert_int_equal(counters.tlvs_mandatory_subtlv, 2);
}

/* --- heard ------------------------------------------------------------------------------- */

static void each_class_is_selected_by_its_own_metric(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, link_at(100000000));

	(void)state;
	announce_three(w, 9);
	assert_int_equal(metric_of(w, BABEL_TEXT), 196);
	assert_int_equal(metric_of(w, BABEL_COMMAND), 200 + cost_of(w, 1, BABEL_COMMAND));
	assert_int_equal(metric_of(w, BABEL_BULK), 300 + cost_of(w, 1, BABEL_BULK));
	/* The entry is one: in step, it has a lease. */
	assert_int_equal(counters(w)->sync_mismatches, 0);
	assert_true(lease_of(w) > w->now);
	world_free(w);
}

static void class_that_is_not_named_again_is_lost(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, world_link());

	(void)state;
	announce_three(w, 9);
	SAY(w, 1, say_delta(1, 2), say_class(BABEL_TEXT, 5, 9, 100), say_class(BABEL_COMMAND, 5, 9, 200),
		say_refresh(2, 1, hash_of_three(9, 100, 200, BABEL_INFINITY)));
	assert_true(metric_of(w, BABEL_COMMAND) != BABEL_INFINITY);
	assert_int_equal(metric_of(w, BABEL_BULK), BABEL_INFINITY);
	assert_int_equal(counters(w)->sync_mismatches, 0);
	world_free(w);
}

static void class_may_have_a_route_where_the_base_has_none(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, world_link());

	(void)state;
	announce_three(w, 9);
	SAY(w, 1, say_delta(1, 2), say_class(BABEL_TEXT, 5, 9, BABEL_INFINITY), say_class(BABEL_COMMAND, 5, 9, 200),
		say_refresh(2, 1, hash_of_three(9, BABEL_INFINITY, 200, BABEL_INFINITY)));
	assert_int_equal(metric_of(w, BABEL_TEXT), BABEL_INFINITY);
	assert_true(metric_of(w, BABEL_COMMAND) != BABEL_INFINITY);
	assert_int_equal(counters(w)->sync_mismatches, 0);
	/* Packets of the base are refused, not led by a shorter prefix. */
	const struct change *c = &w->nodes[0].changes[w->nodes[0].change_count - 1];
	bool is_removed = false;
	for (size_t i = 0; i < w->nodes[0].change_count; i++)
		is_removed |= w->nodes[0].changes[i].change == BABEL_ROUTE_REMOVED && c->route.class == BABEL_COMMAND;
	assert_false(is_removed);
	world_free(w);
}

/* Behind a gap only what is lost counts, class by class. */
static void behind_a_gap_a_class_may_be_lost__R4(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, world_link());
	struct babel_tlv urgent = say_delta(2, 3);

	(void)state;
	announce_three(w, 9);
	urgent.u.delta.urgent = true;
	SAY(w, 1, urgent, say_class(BABEL_TEXT, 5, 9, 50), say_class(BABEL_BULK, 5, 9, 60));
	assert_int_equal(metric_of(w, BABEL_COMMAND), BABEL_INFINITY);
	assert_int_equal(metric_of(w, BABEL_TEXT), 196);
	assert_int_equal(metric_of(w, BABEL_BULK), 300 + cost_of(w, 1, BABEL_BULK));
	world_free(w);
}

static void update_of_a_class_without_its_base_is_counted(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, world_link());
	struct babel_tlv other = say_class(BABEL_BULK, 5, 9, 60);

	(void)state;
	other.u.update.prefix = world_prefix(Q);
	SAY(w, 1, say_full(1), say_class(BABEL_TEXT, 5, 9, 50), other);
	SAY(w, 1, say_class(BABEL_COMMAND, 5, 9, 60));
	assert_int_equal(counters(w)->updates_stray_class, 2);
	assert_int_equal(metric_of(w, BABEL_COMMAND), BABEL_INFINITY);
	world_free(w);
}

static void plain_neighbours_know_the_base_alone(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	probe_say(w, 1, 0, 0, say_class(BABEL_COMMAND, 5, 9, 60));
	assert_int_equal(counters(w)->tlvs_mandatory_subtlv, 1);
	assert_int_equal(metric_of(w, BABEL_COMMAND), BABEL_INFINITY);
	assert_int_equal(metric_of(w, BABEL_TEXT), BABEL_INFINITY);
	world_free(w);
}

/* --- said ------------------------------------------------------------------------------------ */

static void classes_follow_their_base__protocol_2_3(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, link_at(1000000));
	struct babel_tlv entry[ENTRY_MAX];

	(void)state;
	announce_three(w, 9);
	world_run(w, A_SECOND);
	assert_int_equal(heard_entry(w, 2, entry), 3);
	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		assert_int_equal(entry[c].u.update.class, c);
		assert_int_equal(entry[c].u.update.metric, metric_of(w, c));
		assert_int_equal(entry[c].u.update.seqno, 9);
	}
	world_free(w);
}

/* A class that leads to another origin says so. */
static void class_of_another_origin_is_announced_with_it__protocol_3(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, world_link());
	struct babel_tlv entry[ENTRY_MAX];

	(void)state;
	SAY(w, 1, say_full(1), say_class(BABEL_TEXT, 5, 9, 100), say_class(BABEL_COMMAND, 6, 3, 200));
	world_run(w, A_SECOND);
	router_id text = world_id(5), command = world_id(6);
	assert_int_equal(heard_entry(w, 2, entry), 2);
	assert_true(router_id_equal(&entry[0].u.update.origin, &text));
	assert_true(router_id_equal(&entry[1].u.update.origin, &command));
	assert_int_equal(entry[1].u.update.seqno, 3);
	world_free(w);
}

static void thin_links_carry_no_bulk__protocol_3(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, link_at(199999));
	struct babel_tlv entry[ENTRY_MAX];

	(void)state;
	announce_three(w, 9);
	node_announce(w, 0, Q);
	world_run(w, A_SECOND);
	assert_int_equal(cost_of(w, 1, BABEL_BULK), BABEL_INFINITY);
	assert_int_equal(metric_of(w, BABEL_BULK), BABEL_INFINITY);
	assert_true(metric_of(w, BABEL_COMMAND) != BABEL_INFINITY);
	assert_int_equal(heard_entry(w, 2, entry), 2);
	world_free(w);
}

/* On thin links one byte stands for a metric: what it means is what we promised. */
static void distance_is_what_was_said__R9(void **state)
{
	struct babel_link_config thin = world_link();
	struct babel_tlv entry[ENTRY_MAX];
	struct prefix p = world_prefix(P);
	router_id id = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	thin.is_thin = true;
	struct world *w = world_with_classes(BABEL_CLASSES, thin);
	SAY(w, 1, say_full(1), say_class(BABEL_TEXT, 5, 9, 100), say_class(BABEL_COMMAND, 5, 9, 1001));
	world_run(w, A_SECOND);
	uint16_t own = metric_of(w, BABEL_COMMAND), said = log_decode(log_encode(own));
	assert_int_equal(heard_entry(w, 2, entry), 2);
	assert_int_equal(entry[1].u.update.metric, said);
	assert_int_not_equal(said, own);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_COMMAND, &id, &seqno, &metric));
	assert_int_equal(metric, said);
	world_free(w);
}

/* What probe 2 was told last of command. */
static uint16_t told_command(const struct world *w)
{
	struct babel_tlv entry[ENTRY_MAX];
	uint16_t metric = 0;

	for (size_t i = 0, count = heard_entry(w, 2, entry); i < count; i++)
		if (entry[i].u.update.class == BABEL_COMMAND)
			metric = entry[i].u.update.metric;
	return metric;
}

/* With a refresh now and then. */
static void hold_command(struct world *w, uint32_t ver, uint16_t metric, unsigned seconds)
{
	for (unsigned s = 0; s < seconds; s += 2) {
		SAY(w, 1, say_refresh(ver, 1, hash_of_three(9, 100, metric, 300)));
		world_run(w, 2 * A_SECOND);
	}
}

/* Losses are not known better than that. */
static void command_is_told_when_it_doubles_or_after_a_minute__R9(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, link_at(100000000));

	(void)state;
	announce_three(w, 9);
	ack_all(w, 2);
	uint16_t cost = cost_of(w, 1, BABEL_COMMAND);
	assert_int_equal(told_command(w), 200 + cost);
	SAY(w, 1, say_delta(1, 2), say_class(BABEL_TEXT, 5, 9, 100), say_class(BABEL_COMMAND, 5, 9, 320),
		say_class(BABEL_BULK, 5, 9, 300));
	hold_command(w, 2, 320, 50);
	assert_int_equal(told_command(w), 200 + cost);
	hold_command(w, 2, 320, 14);
	assert_int_equal(told_command(w), 320 + cost);
	ack_all(w, 2);
	SAY(w, 1, say_delta(2, 3), say_class(BABEL_TEXT, 5, 9, 100), say_class(BABEL_COMMAND, 5, 9, 700),
		say_class(BABEL_BULK, 5, 9, 300));
	hold_command(w, 3, 700, 2);
	assert_int_equal(told_command(w), 700 + cost);
	world_free(w);
}

/* --- requests -------------------------------------------------------------------------------- */

/* The class asks for what it needs itself, after the base. */
static void starving_class_asks_for_a_seqno__rfc8966_3_8_2_1(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, world_link());
	unsigned asked[BABEL_CLASSES] = { 0 };

	(void)state;
	announce_three(w, 9);
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	/* Worse than what was announced before: no more feasible, once it was lost. */
	SAY(w, 1, say_delta(1, 2), say_class(BABEL_TEXT, 5, 9, 100));
	SAY(w, 1, say_delta(2, 3), say_class(BABEL_TEXT, 5, 9, 100), say_class(BABEL_COMMAND, 5, 9, 4000));
	world_run(w, A_SECOND);
	assert_int_equal(metric_of(w, BABEL_COMMAND), BABEL_INFINITY);
	assert_int_equal(metric_of(w, BABEL_TEXT), 196);
	for (size_t k = 0; k < w->nodes[1].heard_count; k++) {
		const struct babel_tlv *t = &w->nodes[1].heard[k].tlv;

		if (t->type == TLV_SEQNO_REQUEST)
			asked[t->u.seqno_request.class]++;
	}
	assert_int_equal(asked[BABEL_TEXT], 0);
	assert_true(asked[BABEL_COMMAND] > 0);
	SAY(w, 1, say_delta(3, 4), say_class(BABEL_TEXT, 5, 9, 100), say_class(BABEL_COMMAND, 5, 10, 4000));
	assert_true(metric_of(w, BABEL_COMMAND) > 4000);
	world_free(w);
}

/* What one class asks for is answered with all that is known of the prefix. */
static void request_of_a_class_is_answered_with_the_entry(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, link_at(1000000));
	struct babel_tlv entry[ENTRY_MAX], ask = say_seqno_request(P, world_id(5), 9, 4);

	(void)state;
	announce_three(w, 9);
	world_run(w, A_SECOND);
	ack_all(w, 2);
	probe_forget(w, 2);
	ask.u.seqno_request.class = BABEL_BULK;
	SAY(w, 2, ask);
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(heard_entry(w, 2, entry), 3);
	world_free(w);
}

/* The answer for the base says all classes. Only what it did not bring is asked for by itself. */
static void request_of_a_class_waits_for_that_of_the_base(void **state)
{
	struct world *w = world_with_classes(BABEL_CLASSES, world_link());
	struct babel_tlv ask = say_seqno_request(P, world_id(5), 10, 4);

	(void)state;
	announce_three(w, 9);
	world_run(w, A_SECOND);
	SAY(w, 2, ask);
	ask.u.seqno_request.class = BABEL_COMMAND;
	SAY(w, 2, ask);
	assert_int_equal(counters(w)->seqno_requests_forwarded, 1);
	assert_int_equal(counters(w)->seqno_requests_duplicate, 0);
	assert_int_equal(w->nodes[0].b->requests.count, 2);
	world_run(w, A_SECOND);
	SAY(w, 2, ask);
	assert_int_equal(counters(w)->seqno_requests_forwarded, 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(update_of_a_class_has_no_flags_and_a_mandatory_sub_tlv__protocol_2_3),
		cmocka_unit_test(state_of_the_packet_is_that_of_the_base__rfc8966_4_5),
		cmocka_unit_test(classes_that_nobody_knows_are_ignored__rfc8966_4_4),
		cmocka_unit_test(each_class_is_selected_by_its_own_metric),
		cmocka_unit_test(class_that_is_not_named_again_is_lost),
		cmocka_unit_test(class_may_have_a_route_where_the_base_has_none),
		cmocka_unit_test(behind_a_gap_a_class_may_be_lost__R4),
		cmocka_unit_test(update_of_a_class_without_its_base_is_counted),
		cmocka_unit_test(plain_neighbours_know_the_base_alone),
		cmocka_unit_test(classes_follow_their_base__protocol_2_3),
		cmocka_unit_test(class_of_another_origin_is_announced_with_it__protocol_3),
		cmocka_unit_test(thin_links_carry_no_bulk__protocol_3),
		cmocka_unit_test(distance_is_what_was_said__R9),
		cmocka_unit_test(command_is_told_when_it_doubles_or_after_a_minute__R9),
		cmocka_unit_test(starving_class_asks_for_a_seqno__rfc8966_3_8_2_1),
		cmocka_unit_test(request_of_a_class_is_answered_with_the_entry),
		cmocka_unit_test(request_of_a_class_waits_for_that_of_the_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
