/* Requests: answers, forwarding, suppression, starvation, refresh. */
#include "routing/engine.h"
#include "tests/unit/routing_harness.h"

#define P "fd00:1::/64"

static unsigned probe_number(const struct heard *h)
{
	return h->from.bytes[15];
}

/* Speaker 0 with usable probes 1, 2, 3 on segments 0, 1, 2. */
static struct world *world_with_three_probes(void)
{
	struct world *w = world_with_probe();

	for (unsigned i = 2; i < 4; i++) {
		probe_start(w, i);
		world_cable(w, i - 1, 0, i);
		world_run(w, 10 * MILLISECOND);
		probe_befriend(w, i, i - 1, 0, 7);
		world_run(w, 250 * MILLISECOND);
	}
	for (unsigned i = 1; i < 4; i++)
		probe_say(w, i, i - 1, 0, say_hello(9, 1000)); /* ten seconds of peace */
	return w;
}

static void exact_request_is_answered_with_an_update__rfc8966_3_8_1_1(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	node_announce(w, 0, P);
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_route_request(P));
	world_run(w, 200 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 1, P);
	assert_non_null(h);
	assert_false(h->multicast);
	assert_int_equal(h->tlv.u.update.metric, 0);
	world_free(w);
}

static void exact_request_is_answered_with_a_retraction__rfc8966_3_8_1_1(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	node_announce(w, 0, "fd00::/16"); /* a covering prefix is not the exact one */
	probe_say(w, 1, 0, 0, say_route_request(P));
	world_run(w, 200 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 1, P);
	assert_non_null(h);
	assert_int_equal(h->tlv.u.update.metric, BABEL_INFINITY);
	world_free(w);
}

static void stranger_gets_its_answer_too(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	node_announce(w, 0, P);
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_route_request(P));
	probe_say(w, 1, 0, 0, say_route_request(NULL)); /* no entry: no dump */
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_UPDATE), 1);
	assert_int_equal(probe_last_update(w, 1, P)->tlv.u.update.metric, 0);
	world_free(w);
}

static void wildcard_request_gets_the_table_at_a_limited_rate__rfc8966_3_8_1_1(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	node_announce(w, 0, P);
	node_announce(w, 0, "fd00:2::/64");
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	for (unsigned i = 0; i < 50; i++) {
		probe_say(w, 1, 0, 0, say_route_request(NULL));
		world_run(w, 10 * MILLISECOND);
	}
	world_run(w, 300 * MILLISECOND);
	assert_non_null(probe_last_update(w, 1, P));
	assert_non_null(probe_last_update(w, 1, "fd00:2::/64"));
	assert_in_range(probe_count_updates(w, 1, P, false), 1, 3);
	assert_int_equal(babel_counters(w->nodes[0].b)->route_requests_received, 50);
	world_free(w);
}

static void own_seqno_goes_up_by_one_only__rfc8966_3_8_1_2(void **state)
{
	struct world *w = world_with_probe();
	uint16_t seqno = babel_own_seqno(w->nodes[0].b);

	(void)state;
	node_announce(w, 0, P);
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	/* A gap of more than a hundred is no reason to refuse (FRR 22895). */
	probe_say(w, 1, 0, 0, say_seqno_request(P, world_id(0), (uint16_t)(seqno + 500), 64));
	assert_int_equal(babel_own_seqno(w->nodes[0].b), seqno + 1);
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_last_update(w, 1, P)->tlv.u.update.seqno, seqno + 1);
	probe_say(w, 1, 0, 0, say_seqno_request(P, world_id(0), (uint16_t)(seqno + 1), 64));
	assert_int_equal(babel_own_seqno(w->nodes[0].b), seqno + 1);
	assert_int_equal(babel_counters(w->nodes[0].b)->seqno_increments, 1);
	world_free(w);
}

static void own_prefix_answers_for_another_origin__rfc8966_3_8_1_2__bird_2023(void **state)
{
	struct world *w = world_with_probe();
	uint16_t seqno = babel_own_seqno(w->nodes[0].b);

	(void)state;
	node_announce(w, 0, P);
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_seqno_request(P, world_id(5), 9000, 64));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_last_update(w, 1, P)->tlv.u.update.metric, 0);
	assert_int_equal(babel_own_seqno(w->nodes[0].b), seqno);
	world_free(w);
}

static void request_that_the_route_satisfies_is_answered__rfc8966_3_8_1_2(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_forget(w, 1);
	probe_forget(w, 2);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 77, 64));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.seqno, 77);
	probe_forget(w, 2);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(6), 9000, 64)); /* another router-id */
	world_run(w, 200 * MILLISECOND);
	assert_non_null(probe_last_update(w, 2, P));
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	world_free(w);
}

static void request_is_forwarded_to_one_feasible_next_hop__rfc8966_3_8_1_2(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 3, 2, 0, say_update(P, world_id(5), 76, 90)); /* cheaper, not feasible: FRR 18581 */
	world_run(w, A_SECOND);
	for (unsigned i = 1; i < 4; i++)
		probe_forget(w, i);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 90, 20));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 1);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 0);
	assert_int_equal(probe_count(w, 3, TLV_SEQNO_REQUEST), 0);
	const struct heard *h = probe_last(w, 1, TLV_SEQNO_REQUEST);
	assert_false(h->multicast);
	assert_int_equal(h->tlv.u.seqno_request.hop_count, 19);
	assert_int_equal(h->tlv.u.seqno_request.seqno, 90);
	assert_int_equal(h->tlv.u.seqno_request.origin.bytes[7], 6);
	assert_int_equal(babel_counters(w->nodes[0].b)->seqno_requests_forwarded, 1);
	world_free(w);
}

/* Another origin of the prefix would answer for itself and pass nothing on. */
/* An answer that comes by another way than packets do leaves the selected route as old as it was, and the requester
 * without an answer. */
static void request_goes_where_packets_go(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 77, 99)); /* better, by less than it takes to move */
	assert_int_equal(node_next(w, 0, P), 1);
	probe_say(w, 3, 2, 0, say_seqno_request(P, world_id(5), 78, 64));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 1);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 0);
	probe_forget(w, 3);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 78, 100));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_last_update(w, 3, P)->tlv.u.update.seqno, 78);
	world_free(w);
}

static void request_goes_towards_the_origin_that_it_names__rfc8966_3_8_1_2(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 3, 2, 0, say_update(P, world_id(6), 5, 90)); /* nearer, by too little to be selected */
	for (unsigned i = 1; i < 4; i++)
		probe_forget(w, i);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 90, 20));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 1);
	assert_int_equal(probe_count(w, 3, TLV_SEQNO_REQUEST), 0);
	world_free(w);
}

static void request_never_returns_to_the_requester__rfc8966_3_8_1_2(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_seqno_request(P, world_id(5), 90, 20));
	world_run(w, 200 * MILLISECOND);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(probe_count(w, i, TLV_SEQNO_REQUEST), 0);
	/* With an unfeasible route elsewhere it goes there. */
	probe_say(w, 3, 2, 0, say_update(P, world_id(5), 77, 5000));
	probe_say(w, 1, 0, 0, say_seqno_request(P, world_id(5), 91, 20));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	assert_int_equal(probe_count(w, 3, TLV_SEQNO_REQUEST), 1);
	world_free(w);
}

static void hop_count_ends_a_request__rfc8966_4_6_11(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 90, 1));
	probe_say(w, 2, 1, 0, say_seqno_request("fd00:9::/64", world_id(5), 90, 9)); /* not announced by us */
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 90, 2));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_last(w, 1, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.hop_count, 1);
	world_free(w);
}

static void copies_are_suppressed_by_prefix_and_router_id__rfc8966_3_8_1_2(void **state)
{
	struct world *w = world_with_three_probes();
	const struct babel_counters *c = babel_counters(w->nodes[0].b);

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	probe_say(w, 1, 0, 0, say_update("fd00:2::/64", world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 90, 20));
	probe_say(w, 3, 2, 0, say_seqno_request(P, world_id(5), 90, 20));
	probe_say(w, 3, 2, 0, say_seqno_request(P, world_id(5), 89, 20));
	assert_int_equal(c->seqno_requests_duplicate, 2);
	assert_int_equal(c->seqno_requests_forwarded, 1);
	probe_say(w, 3, 2, 0, say_seqno_request("fd00:2::/64", world_id(5), 90, 20)); /* another prefix */
	probe_say(w, 3, 2, 0, say_seqno_request(P, world_id(5), 91, 20)); /* more is wanted */
	assert_int_equal(c->seqno_requests_duplicate, 2);
	assert_int_equal(c->seqno_requests_forwarded, 3);
	/* The originator's own repetition passes. */
	world_run(w, A_SECOND);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 91, 20));
	assert_int_equal(c->seqno_requests_forwarded, 4);
	world_free(w);
}

static void answer_goes_at_once_to_all_who_asked__rfc8966_3_8_1_2(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 78, 20));
	probe_say(w, 3, 2, 0, say_seqno_request(P, world_id(5), 78, 20));
	world_run(w, 100 * MILLISECOND);
	probe_forget(w, 2);
	probe_forget(w, 3);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 78, 100));
	world_run(w, 200 * MILLISECOND);
	for (unsigned i = 2; i < 4; i++) {
		const struct heard *h = probe_last_update(w, i, P);

		assert_non_null(h);
		assert_int_equal(h->tlv.u.update.seqno, 78);
		assert_false(h->multicast);
	}
	world_free(w);
}

static void many_requesters_are_answered_by_multicast(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	node_start(w, 0);
	for (unsigned i = 1; i < NODES; i++)
		probe_start(w, i);
	for (unsigned i = 0; i < NODES; i++)
		node_join(w, i, 0);
	world_run(w, 10 * MILLISECOND);
	for (unsigned i = 1; i < NODES; i++)
		probe_befriend(w, i, 0, 0, 7);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 300 * MILLISECOND);
	for (unsigned i = 2; i < NODES; i++)
		probe_say(w, i, 0, 0, say_seqno_request(P, world_id(5), 78, 20));
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 78, 100));
	world_run(w, 300 * MILLISECOND);
	for (unsigned i = 2; i < NODES; i++)
		assert_int_equal(probe_last_update(w, i, P)->tlv.u.update.seqno, 78);
	world_free(w);
}

static void starvation_asks_along_the_unfeasible_route__rfc8966_3_8_2_1(void **state)
{
	struct world *w = world_with_three_probes();
	struct address probe = world_address(1, 0);

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 77, 5000));
	assert_int_equal(node_next(w, 0, P), 1);
	babel_neighbour_lost(w->nodes[0].b, w->now, 0, &probe);
	node_poll(w, 0);
	world_run(w, 200 * MILLISECOND);
	const struct heard *h = probe_last(w, 2, TLV_SEQNO_REQUEST);
	assert_non_null(h);
	assert_false(h->multicast);
	assert_int_equal(h->tlv.u.seqno_request.seqno, 78);
	assert_true(h->tlv.u.seqno_request.hop_count >= 16);
	assert_int_equal(h->tlv.u.seqno_request.origin.bytes[7], 6);
	assert_int_equal(probe_count(w, 3, TLV_SEQNO_REQUEST), 0);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 78, 5000));
	assert_int_equal(node_next(w, 0, P), 2);
	world_free(w);
}

static void total_loss_asks_everybody__frr_18582__babeld_1_8_1(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, BABEL_INFINITY));
	world_run(w, 200 * MILLISECOND);
	for (unsigned i = 1; i < 4; i++) /* on each link that is up: FRR 22891 */
		assert_int_equal(probe_count(w, i, TLV_SEQNO_REQUEST), 1);
	assert_true(probe_last(w, 3, TLV_SEQNO_REQUEST)->multicast);
	assert_int_equal(probe_number(probe_last(w, 3, TLV_SEQNO_REQUEST)), 1);
	world_free(w);
}

static void unanswered_request_is_repeated_with_backoff__rfc8966_3_8_2_1(void **state)
{
	struct world *w = world_with_three_probes();
	uint64_t last = 0, gap = 0;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, BABEL_INFINITY));
	world_run(w, 12 * A_SECOND);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 4);
	assert_int_equal(babel_counters(w->nodes[0].b)->seqno_requests_resent, 3);
	for (size_t i = 0; i < w->nodes[2].heard_count; i++) {
		const struct heard *h = &w->nodes[2].heard[i];

		if (h->tlv.type != TLV_SEQNO_REQUEST)
			continue;
		if (last) {
			assert_true(h->at - last > gap);
			gap = h->at - last;
		}
		last = h->at;
	}
	world_free(w);
}

/* Whoever announces it answers one day, and until then nothing else would bring the route: its own next update may be
 * minutes away, and get lost. */
static void starved_destination_is_asked_for_as_long_as_it_starves__rfc8966_3_8_2_1(void **state)
{
	struct world *w = world_with_three_probes();
	struct address probe = world_address(1, 0);
	struct babel_tlv worse = say_update(P, world_id(5), 77, 5000);

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	worse.u.update.interval_cs = 60000;
	probe_say(w, 2, 1, 0, worse);
	babel_neighbour_lost(w->nodes[0].b, w->now, 0, &probe);
	for (uint16_t i = 0; i < 14; i++) {
		probe_say(w, 2, 1, 0, say_hello((uint16_t)(10 + i), 1000));
		world_run(w, 10 * A_SECOND);
	}
	unsigned asked = probe_count(w, 2, TLV_SEQNO_REQUEST);
	assert_in_range(asked, 7, 9); /* after 0.5 1 2 4 8 16 32 64 seconds */
	/* Another update that does not help: it may be that now somebody answers. */
	probe_say(w, 2, 1, 0, worse);
	world_run(w, 600 * MILLISECOND);
	assert_true(probe_count(w, 2, TLV_SEQNO_REQUEST) >= asked + 1);
	worse.u.update.seqno = 78;
	probe_say(w, 2, 1, 0, worse);
	asked = probe_count(w, 2, TLV_SEQNO_REQUEST);
	world_run(w, 5 * A_SECOND);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), asked);
	world_free(w);
}

/* Who was asked alone announces it no more: then it is asked of who still does. */
static void who_retracts_is_not_asked_in_the_place_of_others(void **state)
{
	struct world *w = world_with_three_probes();
	struct babel_tlv worse = say_update(P, world_id(5), 77, 5000);

	(void)state;
	worse.u.update.interval_cs = 60000;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, BABEL_INFINITY));
	probe_say(w, 2, 1, 0, worse);
	for (uint16_t i = 0; i < 2; i++) {
		world_run(w, 10 * A_SECOND);
		for (unsigned k = 2; k < 4; k++)
			probe_say(w, k, k - 1, 0, say_hello((uint16_t)(10 + i), 1000));
	}
	probe_say(w, 3, 2, 0, worse);
	world_run(w, 100 * MILLISECOND);
	assert_true(probe_count(w, 3, TLV_SEQNO_REQUEST) > 0);
	probe_say(w, 3, 2, 0, say_update(P, world_id(5), 77, BABEL_INFINITY));
	probe_forget(w, 2);
	probe_forget(w, 3);
	world_run(w, 5 * A_SECOND);
	assert_true(probe_count(w, 2, TLV_SEQNO_REQUEST) > 0);
	assert_int_equal(probe_count(w, 3, TLV_SEQNO_REQUEST), 0);
	world_free(w);
}

static void request_stops_when_the_route_is_back(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, BABEL_INFINITY));
	world_run(w, 100 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 78, 100));
	world_run(w, 8 * A_SECOND);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 1);
	world_free(w);
}

static void unfeasible_update_of_the_selected_route_asks_its_neighbour__rfc8966_3_8_2_2(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 300));
	world_run(w, 200 * MILLISECOND);
	const struct heard *h = probe_last(w, 1, TLV_SEQNO_REQUEST);
	assert_non_null(h);
	assert_int_equal(h->tlv.u.seqno_request.seqno, 78);
	assert_false(h->multicast);
	world_free(w);
}

/* Who was asked first may be gone, and not known to be. */
static void another_who_announces_it_while_one_is_asked_is_asked_too__rfc8966_3_8_2_1(void **state)
{
	struct world *w = world_with_three_probes();
	struct address probe = world_address(2, 1);

	(void)state;
	/* It was near once, and then another origin had its place. */
	probe_say(w, 2, 1, 0, say_update(P, world_id(6), 9, 50));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(7), 3, 50));
	probe_say(w, 1, 0, 0, say_update(P, world_id(6), 9, 5000));
	world_run(w, 500 * MILLISECOND);
	assert_int_equal(node_next(w, 0, P), 2);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	babel_neighbour_lost(w->nodes[0].b, w->now, 1, &probe);
	node_poll(w, 0);
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(node_next(w, 0, P), -1);
	unsigned asked = probe_count(w, 1, TLV_SEQNO_REQUEST);
	assert_true(asked >= 1);
	assert_int_equal(probe_count(w, 3, TLV_SEQNO_REQUEST), 0);
	probe_say(w, 3, 2, 0, say_update(P, world_id(6), 9, 6000));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), asked);
	assert_int_equal(probe_count(w, 3, TLV_SEQNO_REQUEST), 1);
	assert_int_equal(probe_last(w, 3, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.seqno, 10);
	/* Both, from then on. */
	world_run(w, 5 * A_SECOND);
	assert_true(probe_count(w, 1, TLV_SEQNO_REQUEST) > asked);
	assert_true(probe_count(w, 3, TLV_SEQNO_REQUEST) > 1);
	world_free(w);
}

static void unfeasible_but_much_better_update_asks_its_neighbour__rfc8966_3_8_2_2(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 1000));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 76, 1500)); /* no better: not wanted */
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 0);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 76, 50));
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(node_next(w, 0, P), 1);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 1);
	assert_int_equal(probe_last(w, 2, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.seqno, 78);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	world_free(w);
}

/* Two nodes lose the same origin's seqno, and each hopes for the other: what we asked of the requester itself is
 * no reason to keep its request back. Else both starve until the next dump. */
static void request_is_passed_on_although_the_requester_was_asked(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 78, 2000));
	world_run(w, 500 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 77, 200));
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(node_next(w, 0, P), 1);
	assert_int_equal(probe_last(w, 2, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.seqno, 79);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 79, 20));
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 1);
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 79, 20)); /* now it is a copy */
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 1);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 79, 2000));
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.seqno, 79);
	world_free(w);
}

static void requests_of_several_origins_do_not_displace_each_other__frr_22892(void **state)
{
	struct world *w = world_with_three_probes();

	(void)state;
	/* Distances for two origins of one prefix. */
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	world_run(w, 300 * MILLISECOND);
	probe_say(w, 1, 0, 0, say_update(P, world_id(6), 30, 100));
	world_run(w, 300 * MILLISECOND);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 77, 5000));
	probe_say(w, 3, 2, 0, say_update(P, world_id(6), 30, 5000));
	probe_forget(w, 2);
	probe_forget(w, 3);
	probe_say(w, 1, 0, 0, say_update(P, world_id(6), 30, BABEL_INFINITY));
	world_run(w, 200 * MILLISECOND);
	bool is_first = false, is_second = false;
	for (unsigned i = 2; i < 4; i++) {
		for (size_t k = 0; k < w->nodes[i].heard_count; k++) {
			const struct babel_tlv *t = &w->nodes[i].heard[k].tlv;

			if (t->type != TLV_SEQNO_REQUEST)
				continue;
			is_first |= t->u.seqno_request.origin.bytes[7] == 6 && t->u.seqno_request.seqno == 78;
			is_second |= t->u.seqno_request.origin.bytes[7] == 7 && t->u.seqno_request.seqno == 31;
		}
	}
	assert_true(is_first && is_second);
	world_free(w);
}

/* --- thin links -------------------------------------------------------------------------------- */

/* Speaker 0 with probe 1 on a fast cable, and probe 2 on a thin one. */
static struct world *world_with_a_thin_link(void)
{
	struct babel_link_config config = world_link();
	struct world *w = world_with_probe();

	config.is_thin = true;
	config.hello_interval_cs = 400;
	probe_start(w, 2);
	node_join_with(w, 0, 1, config);
	node_join(w, 2, 1);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 2, 1, 0, 7);
	world_run(w, 250 * MILLISECOND);
	for (unsigned i = 1; i < 3; i++)
		probe_say(w, i, i - 1, 0, say_hello(9, 6000));
	return w;
}

static size_t asked(struct world *w, uint64_t us)
{
	probe_forget(w, 2);
	world_run(w, us);
	return probe_count(w, 2, TLV_SEQNO_REQUEST);
}

static void an_answer_over_a_thin_link_is_waited_for(void **state)
{
	struct world *w = world_with_a_thin_link();

	(void)state;
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 7, 100));
	world_run(w, A_SECOND);
	probe_forget(w, 2);
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 6, 100)); /* starved */
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_int_equal(asked(w, 3900 * MILLISECOND), 1);
	assert_int_equal(asked(w, 4 * A_SECOND), 1);
	world_free(w);
}

/* Who asks again by a fast link does not know that there is a thin one behind. */
static void who_asks_again_has_a_thin_link_asked_once(void **state)
{
	struct world *w = world_with_a_thin_link();
	size_t count = 0;

	(void)state;
	probe_say(w, 2, 1, 0, say_update(P, world_id(5), 7, 100));
	for (unsigned i = 0; i < 3; i++) {
		probe_say(w, 1, 0, 0, say_seqno_request(P, world_id(5), 8, 64));
		count += asked(w, 500 * MILLISECOND);
	}
	assert_int_equal(count, 1);
	assert_int_equal(asked(w, A_SECOND), 1); /* that one was lost: what was asked meanwhile is passed on */
	assert_int_equal(asked(w, 5 * A_SECOND), 0);
	world_free(w);
}

/* All are asked for what nobody announces; a thin link not at the pace of the others. */
static void total_loss_is_told_to_thin_links_sparingly(void **state)
{
	struct world *w = world_with_a_thin_link();

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 7, 100));
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	probe_forget(w, 2);
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 7, BABEL_INFINITY));
	world_run(w, 1900 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 2);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 1);
	world_free(w);
}

static void what_waits_for_a_thin_link_is_asked_for_once(void **state)
{
	struct world *w = world_with_a_thin_link();
	struct address to = world_address(2, 1);
	struct neighbour *n = neighbour_find(w->nodes[0].b->links[1], &to);
	struct babel_tlv tlv = say_seqno_request(P, world_id(5), 8, 64);

	(void)state;
	queue_message(&n->queue, w->now, &tlv);
	tlv.u.seqno_request.seqno = 9;
	queue_message(&n->queue, w->now, &tlv);
	tlv = say_seqno_request(P, world_id(6), 8, 64);
	queue_message(&n->queue, w->now, &tlv);
	assert_int_equal(n->queue.count, 2);
	assert_int_equal(asked(w, 500 * MILLISECOND), 2);
	bool is_newest = false;
	for (size_t i = 0; i < w->nodes[2].heard_count; i++)
		is_newest |= w->nodes[2].heard[i].tlv.type == TLV_SEQNO_REQUEST &&
			     w->nodes[2].heard[i].tlv.u.seqno_request.seqno == 9;
	assert_true(is_newest);
	world_free(w);
}

static void route_about_to_expire_is_asked_for__rfc8966_3_8_2_3(void **state)
{
	struct world *w = world_with_probe();
	bool is_asked = false;

	(void)state;
	probe_say(w, 1, 0, 0, say_update(P, world_id(5), 77, 100));
	uint16_t hello = probe_live(w, 1, 0, 0, 9, 11);
	probe_forget(w, 1);
	probe_live(w, 1, 0, 0, hello, 2);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++) {
		const struct heard *h = &w->nodes[1].heard[i];
		struct prefix p = world_prefix(P);

		if (h->tlv.type == TLV_ROUTE_REQUEST && !h->tlv.u.route_request.wildcard) {
			assert_false(h->multicast);
			assert_true(prefix_equal(&h->tlv.u.route_request.prefix, &p));
			is_asked = true;
		}
	}
	assert_true(is_asked);
	assert_int_equal(babel_counters(w->nodes[0].b)->routes_expired, 0);
	world_free(w);
}

static void pending_requests_are_bounded_and_counted(void **state)
{
	struct world *w = world_new(4);

	(void)state;
	w->nodes[0].config.limits.requests = 2;
	node_start(w, 0);
	for (unsigned i = 1; i < 3; i++) {
		probe_start(w, i);
		world_cable(w, i - 1, 0, i);
		world_run(w, 10 * MILLISECOND);
		probe_befriend(w, i, i - 1, 0, 7);
		probe_say(w, i, i - 1, 0, say_hello(9, 6000));
	}
	for (uint8_t i = 0; i < 4; i++) {
		struct babel_tlv update = say_update(P, world_id(5), 3, 0);

		update.u.update.interval_cs = 6000;
		struct babel_tlv request = say_seqno_request(P, world_id(5), 9, 9);

		update.u.update.prefix.address.bytes[5] = i;
		request.u.seqno_request.prefix.address.bytes[5] = i;
		probe_say(w, 1, 0, 0, update);
		probe_say(w, 2, 1, 0, request);
	}
	assert_int_equal(babel_counters(w->nodes[0].b)->refused_requests, 2);
	world_run(w, 15 * A_SECOND); /* and forgotten in finite time */
	probe_say(w, 2, 1, 0, say_seqno_request(P, world_id(5), 9, 9));
	assert_int_equal(babel_counters(w->nodes[0].b)->refused_requests, 2);
	assert_int_equal(babel_counters(w->nodes[0].b)->seqno_requests_forwarded, 3);
	world_free(w);
}

static void lost_backup_is_recovered_through_the_origin(void **state)
{
	/* 0 - 1 - 2 and 0 - 3 - 2: the longer way round is unfeasible for 2 at first. */
	struct world *w = world_new(5);
	struct babel_link_config far = world_link();

	(void)state;
	far.rxcost = 900;
	for (unsigned i = 0; i < 4; i++)
		node_start(w, i);
	world_cable(w, 0, 0, 1);
	world_cable(w, 1, 1, 2);
	node_join_with(w, 0, 2, far);
	node_join_with(w, 3, 2, far);
	world_cable(w, 3, 3, 2);
	node_announce(w, 0, P);
	world_run(w, 10 * A_SECOND);
	assert_int_equal(node_metric(w, 2, P), 192);
	assert_int_equal(node_next(w, 3, P), 2);
	uint16_t seqno = babel_own_seqno(w->nodes[0].b);
	node_leave(w, 1, 1);
	node_leave(w, 2, 1);
	world_run(w, A_SECOND);
	assert_int_equal(node_metric(w, 2, P), 996);
	assert_int_equal(babel_own_seqno(w->nodes[0].b), (uint16_t)(seqno + 1));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_request_is_answered_with_an_update__rfc8966_3_8_1_1),
		cmocka_unit_test(exact_request_is_answered_with_a_retraction__rfc8966_3_8_1_1),
		cmocka_unit_test(stranger_gets_its_answer_too),
		cmocka_unit_test(wildcard_request_gets_the_table_at_a_limited_rate__rfc8966_3_8_1_1),
		cmocka_unit_test(own_seqno_goes_up_by_one_only__rfc8966_3_8_1_2),
		cmocka_unit_test(own_prefix_answers_for_another_origin__rfc8966_3_8_1_2__bird_2023),
		cmocka_unit_test(request_that_the_route_satisfies_is_answered__rfc8966_3_8_1_2),
		cmocka_unit_test(request_is_forwarded_to_one_feasible_next_hop__rfc8966_3_8_1_2),
		cmocka_unit_test(request_goes_where_packets_go),
		cmocka_unit_test(request_goes_towards_the_origin_that_it_names__rfc8966_3_8_1_2),
		cmocka_unit_test(request_never_returns_to_the_requester__rfc8966_3_8_1_2),
		cmocka_unit_test(hop_count_ends_a_request__rfc8966_4_6_11),
		cmocka_unit_test(copies_are_suppressed_by_prefix_and_router_id__rfc8966_3_8_1_2),
		cmocka_unit_test(answer_goes_at_once_to_all_who_asked__rfc8966_3_8_1_2),
		cmocka_unit_test(many_requesters_are_answered_by_multicast),
		cmocka_unit_test(starvation_asks_along_the_unfeasible_route__rfc8966_3_8_2_1),
		cmocka_unit_test(total_loss_asks_everybody__frr_18582__babeld_1_8_1),
		cmocka_unit_test(unanswered_request_is_repeated_with_backoff__rfc8966_3_8_2_1),
		cmocka_unit_test(starved_destination_is_asked_for_as_long_as_it_starves__rfc8966_3_8_2_1),
		cmocka_unit_test(who_retracts_is_not_asked_in_the_place_of_others),
		cmocka_unit_test(request_stops_when_the_route_is_back),
		cmocka_unit_test(unfeasible_update_of_the_selected_route_asks_its_neighbour__rfc8966_3_8_2_2),
		cmocka_unit_test(another_who_announces_it_while_one_is_asked_is_asked_too__rfc8966_3_8_2_1),
		cmocka_unit_test(unfeasible_but_much_better_update_asks_its_neighbour__rfc8966_3_8_2_2),
		cmocka_unit_test(request_is_passed_on_although_the_requester_was_asked),
		cmocka_unit_test(requests_of_several_origins_do_not_displace_each_other__frr_22892),
		cmocka_unit_test(an_answer_over_a_thin_link_is_waited_for),
		cmocka_unit_test(who_asks_again_has_a_thin_link_asked_once),
		cmocka_unit_test(total_loss_is_told_to_thin_links_sparingly),
		cmocka_unit_test(what_waits_for_a_thin_link_is_asked_for_once),
		cmocka_unit_test(route_about_to_expire_is_asked_for__rfc8966_3_8_2_3),
		cmocka_unit_test(pending_requests_are_bounded_and_counted),
		cmocka_unit_test(lost_backup_is_recovered_through_the_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
