/* Versioned sessions: the rules R1 to R14 (docs/routing.md), against probes that speak by hand. */
#include "tests/unit/routing_versioned.h"

#include <stdio.h>

/* Probe 1 has announced P, at a metric of 196 here, and is in step. */
static struct world *world_with_route(void)
{
	struct world *w = world_with_sessions();

	announce(w, 1, 3, 100);
	return w;
}

/* P is the speaker's own, and probe 1 has acknowledged it. */
static struct world *world_with_own_prefix(struct prefix *p)
{
	struct world *w = world_with_sessions();

	*p = node_announce(w, 0, P);
	ack_all(w, 1);
	return w;
}

/* No news leaves, not even what may be ahead of its turn. */
static void session_close_window(struct world *w, unsigned i)
{
	session_with(w, i)->out.window = 0;
	session_with(w, i)->out.outstanding.count = 9;
}

/* --- the rules -------------------------------------------------------------------------- */

static void loss_is_in_the_very_next_refresh__R1(void **state)
{
	struct prefix p;
	struct world *w = world_with_own_prefix(&p);

	(void)state;
	uint32_t before = session_with(w, 1)->out.ver;
	assert_int_equal(session_with(w, 1)->out.count, 1);
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	/* Asked before anything of the loss can have left. */
	SAY(w, 1, say_syncack(w, 1, before, true));
	world_run(w, 50 * MILLISECOND);
	const struct heard *h = probe_last(w, 1, TLV_REFRESH);
	assert_true(h && h->tlv.u.refresh.ver > before && h->tlv.u.refresh.count == 0);
	assert_true(h->tlv.u.refresh.digest == 0);
	world_free(w);
}

/* Whether the news itself may leave or not. */
static void refresh_speaks_of_what_has_not_left_yet__R1(void **state)
{
	struct prefix p;
	struct world *w = world_with_own_prefix(&p);

	(void)state;
	uint32_t before = session_with(w, 1)->out.ver;
	session_close_window(w, 1);
	probe_forget(w, 1);
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	world_run(w, 5 * A_SECOND);
	assert_int_equal(probe_count(w, 1, TLV_DELTA), 0);
	const struct heard *h = probe_last(w, 1, TLV_REFRESH);
	assert_true(h && h->tlv.u.refresh.ver > before && h->tlv.u.refresh.count == 0);
	world_free(w);
}

static void refresh_tells_version_count_and_digest__R2(void **state)
{
	struct world *w = world_with_sessions();
	uint64_t sum = 0, *told;

	(void)state;
	node_announce(w, 0, P);
	node_announce(w, 0, Q);
	ack_all(w, 1);
	told = session_with(w, 1)->out.key;
	for (size_t k = 0; k < w->nodes[1].heard_count; k++) {
		const struct babel_tlv *t = &w->nodes[1].heard[k].tlv;

		if (t->type != TLV_UPDATE)
			continue;
		assert_int_equal(t->u.update.interval_cs, 0xffff);
		const struct announcement a = announcement_of(t);
		sum += adj_hash(told, &t->u.update.prefix, a.claims);
	}
	probe_forget(w, 1);
	world_run(w, 5 * A_SECOND);
	const struct heard *h = probe_last(w, 1, TLV_REFRESH);
	assert_true(h && h->tlv.u.refresh.count == 2 && h->tlv.u.refresh.digest == sum);
	assert_int_equal(h->tlv.u.refresh.interval_cs, 400);
	assert_int_equal(probe_count(w, 1, TLV_UPDATE), 0);
	world_free(w);
}

static void refresh_extends_the_lease_only_if_all_of_it_matches__R3(void **state)
{
	struct world *w = world_with_route();
	uint64_t digest = hash_of(P, 5, 3, 100), lease;

	(void)state;
	lease = lease_of(w);
	assert_int_equal(lease, w->now + 14 * A_SECOND);
	world_run(w, A_SECOND);
	SAY(w, 1, say_refresh(1, 2, digest));
	assert_int_equal(lease_of(w), lease);
	world_free(w);

	w = world_with_route();
	lease = lease_of(w);
	world_run(w, A_SECOND);
	SAY(w, 1, say_refresh(0, 1, digest)); /* older */
	assert_int_equal(lease_of(w), lease);
	SAY(w, 1, say_refresh(1, 1, digest)); /* right */
	assert_int_equal(lease_of(w), w->now + 14 * A_SECOND);
	lease = lease_of(w);
	world_run(w, A_SECOND);
	SAY(w, 1, say_refresh(2, 1, digest)); /* ahead */
	assert_int_equal(lease_of(w), lease);
	/* Nothing matches from now on: all routes are lost when it is over. */
	assert_int_not_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_run(w, lease - w->now + 1000);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_int_equal(counters(w)->leases_lapsed, 1);
	world_free(w);
}

/* The thin body has 32 bits of the digest, and no count. */
static void thin_refresh_extends_the_lease_only_if_all_of_it_matches__R3(void **state)
{
	struct world *w = world_with_sessions();
	struct wire_thin thin = {
		.is_refresh = true, .epoch = (uint8_t)EPOCH, .ver = 1, .interval_cs = 400, .rxcost = 96
	};
	uint64_t lease;

	(void)state;
	thin.digest = (uint32_t)hash_of(P, 5, 3, 100);
	announce(w, 1, 3, 100);
	world_run(w, A_SECOND);
	thin_received(session_with(w, 1), w->now, &thin, false);
	assert_int_equal(lease_of(w), w->now + 14 * A_SECOND);
	lease = lease_of(w);
	world_run(w, A_SECOND);
	thin.epoch++;
	thin_received(session_with(w, 1), w->now, &thin, false);
	thin.epoch--;
	thin_received(session_with(w, 1), w->now, &thin, true);
	thin.ver = 2;
	thin_received(session_with(w, 1), w->now, &thin, false);
	assert_int_equal(lease_of(w), lease);
	world_free(w);

	w = world_with_route();
	lease = lease_of(w);
	world_run(w, A_SECOND);
	thin.ver = 1;
	thin.digest++;
	thin_received(session_with(w, 1), w->now, &thin, false);
	assert_int_equal(lease_of(w), lease);
	assert_int_equal(counters(w)->sync_mismatches, 1);
	world_free(w);
}

static void delta_behind_a_gap_is_not_applied_but_nacked__R4(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	world_run(w, 100 * MILLISECOND);
	probe_forget(w, 1);
	SAY(w, 1, say_delta(4, 5), say_update(Q, world_id(6), 1, 50));
	assert_int_equal(node_metric(w, 0, Q), BABEL_INFINITY);
	world_run(w, 50 * MILLISECOND);
	const struct heard *h = probe_last(w, 1, TLV_SYNCACK);
	assert_true(h && h->tlv.u.syncack.nack && !h->tlv.u.syncack.full && h->tlv.u.syncack.applied == 1);
	/* What covers the gap is. */
	SAY(w, 1, say_delta(1, 5), say_update(Q, world_id(6), 1, 50));
	assert_int_equal(node_metric(w, 0, Q), 146);
	/* What is older is not. */
	SAY(w, 1, say_delta(0, 4), say_update(Q, world_id(6), 1, BABEL_INFINITY));
	assert_int_equal(node_metric(w, 0, Q), 146);
	world_free(w);
}

static void what_was_never_mentioned_is_written_over__R4(void **state)
{
	struct world *w = world_with_sessions();
	struct prefix p = node_announce(w, 0, P);
	uint32_t ver = session_with(w, 1)->out.ver;

	(void)state;
	/* Not a microsecond has passed: nobody has heard of that version. */
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	node_announce(w, 0, P);
	assert_int_equal(session_with(w, 1)->out.ver, ver);
	ack_all(w, 1);
	assert_int_equal(probe_count(w, 1, TLV_UPDATE), 1);
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	assert_int_equal(session_with(w, 1)->out.ver, ver + 1);
	world_free(w);
}

/* Probe 1 says another metric; is probe 2 told within some seconds? */
static bool moves(struct world *w, uint32_t ver, uint16_t metric)
{
	probe_forget(w, 2);
	announce(w, ver, 3, metric);
	world_run(w, 3 * A_SECOND);
	bool is_told = probe_count(w, 2, TLV_UPDATE) > 0;
	SAY(w, 2, say_syncack(w, 2, session_with(w, 2)->out.ver, false));
	return is_told;
}

static void thin_links_are_told_of_what_doubles__R9(void **state)
{
	(void)state;
	for (unsigned is_thin = 0; is_thin < 2; is_thin++) {
		struct babel_link_config link = world_link();

		link.is_thin = is_thin;
		struct world *w = world_with_classes(1, link);
		assert_true(moves(w, 1, 1000));
		assert_int_equal(moves(w, 2, 1500), !is_thin);
		assert_true(moves(w, 3, 4000));
		world_free(w);
	}
}

/* The neighbour goes by the cost of the link as well: what is small beside that changes nothing for it. */
static void what_the_link_dwarfs_is_not_told__R9(void **state)
{
	(void)state;
	for (unsigned is_dear = 0; is_dear < 2; is_dear++) {
		struct world *w = world_with_sessions();

		SAY(w, 2, say_ihu(is_dear ? 4000 : 96, 60000));
		assert_true(moves(w, 1, 100));
		assert_int_equal(moves(w, 2, 600), !is_dear);
		assert_true(moves(w, 3, 9000));
		world_free(w);
	}
}

static void urgent_retraction_counts_behind_a_gap__R4(void **state)
{
	struct world *w = world_with_route();
	struct babel_tlv urgent = say_delta(4, 5);

	(void)state;
	urgent.u.delta.urgent = true;
	SAY(w, 1, urgent, say_update(P, world_id(5), 3, BABEL_INFINITY), say_update(Q, world_id(6), 1, 50));
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 0, Q), BABEL_INFINITY);
	assert_int_equal(session_with(w, 1)->in.applied, 1);
	world_free(w);
}

static void nack_is_answered_from_the_table_not_from_a_log__R4(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	announce(w, 1, 3, 1000);
	world_run(w, 200 * MILLISECOND);
	uint32_t before = session_with(w, 2)->out.acked;
	announce(w, 2, 3, 2000);
	world_run(w, 1200 * MILLISECOND);
	announce(w, 3, 3, 4000);
	world_run(w, 1200 * MILLISECOND);
	probe_forget(w, 2);
	SAY(w, 2, say_syncack(w, 2, before, true));
	world_run(w, 50 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, false), 1);
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.metric, 4096);
	assert_int_equal(probe_last(w, 2, TLV_DELTA)->tlv.u.delta.from, before);
	world_free(w);
}

/* Applied up to the version before: the neighbour still follows us. */
static void older_acknowledgment_is_none_of_a_retraction__R4(void **state)
{
	struct world *w = world_with_route();
	struct prefix p = world_prefix(P);

	(void)state;
	ack_all(w, 2);
	node_announce(w, 0, Q);
	world_run(w, 200 * MILLISECOND);
	SAY(w, 1, say_delta(1, 2), say_update(P, world_id(5), 3, BABEL_INFINITY));
	SAY(w, 2, say_syncack(w, 2, session_with(w, 2)->out.ver - 1, false));
	const struct destination *d = destination_find(w->nodes[0].b, &p);
	assert_true(d && adj_out_find(session_with(w, 2), d));
	SAY(w, 2, say_syncack(w, 2, session_with(w, 2)->out.ver, false));
	d = destination_find(w->nodes[0].b, &p);
	assert_true(!d || !adj_out_find(session_with(w, 2), d));
	world_free(w);
}

static void what_is_not_acknowledged_is_sent_again(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	node_announce(w, 0, P);
	world_run(w, 3 * A_SECOND);
	assert_true(probe_count_updates(w, 1, P, false) >= 2);
	ack_all(w, 1);
	probe_forget(w, 1);
	world_run(w, 10 * A_SECOND);
	assert_int_equal(probe_count(w, 1, TLV_UPDATE), 0);
	world_free(w);
}

/* Of so much to say four packets have left to probe 1, and none was acknowledged. */
static struct world *world_with_much_to_say(struct babel_link_config link)
{
	struct world *w = world_with_classes(1, link);
	char text[32];

	session_with(w, 1)->out.window = 4;
	probe_forget(w, 1);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "fd00:%x::/48", 0x1000 + i * 7);
		SAY(w, 2, i ? say_delta(i, i + 1) : say_full(1), say_update(text, world_id(5), 3, 100));
	}
	while (probe_count(w, 1, TLV_DELTA) < 4)
		world_run(w, 10 * MILLISECOND);
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_DELTA), 4);
	return w;
}

/* The version of the n-th delta that probe 1 has heard. */
static uint32_t delta_heard(struct world *w, size_t n)
{
	for (size_t i = 0, seen = 0; i < w->nodes[1].heard_count; i++) {
		const struct heard *h = &w->nodes[1].heard[i];

		if (h->tlv.type == TLV_DELTA && ++seen == n)
			return h->tlv.u.delta.ver;
	}
	return 0;
}

/* What is heard of two packets at once makes room for two, and one more as the window opens. */
static void acknowledgment_makes_room_for_all_that_it_covers(void **state)
{
	struct world *w = world_with_much_to_say(world_link());

	(void)state;
	SAY(w, 1, say_syncack(w, 1, delta_heard(w, 2), false));
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_DELTA), 4 + 2 + 1);
	world_free(w);
}

/* What it asks for left a moment ago, whenever the first of all those packets did. */
static void nack_that_crosses_what_it_asks_for_is_not_answered(void **state)
{
	struct babel_link_config link = world_link();

	(void)state;
	link.is_thin = true;
	struct world *w = world_with_much_to_say(link);

	session_with(w, 1)->out.rtt_us = 2 * A_SECOND;
	world_run(w, 1500 * MILLISECOND);
	SAY(w, 1, say_syncack(w, 1, delta_heard(w, 2), false));
	world_run(w, 400 * MILLISECOND);
	size_t before = probe_count(w, 1, TLV_DELTA);
	assert_true(before > 4);
	SAY(w, 1, say_syncack(w, 1, delta_heard(w, 4), false));
	session_with(w, 1)->out.window = 0;
	world_run(w, 400 * MILLISECOND);
	before = probe_count(w, 1, TLV_DELTA);
	session_with(w, 1)->out.window = 4;
	SAY(w, 1, say_syncack(w, 1, delta_heard(w, 4), true));
	for (size_t i = before + 1; i <= probe_count(w, 1, TLV_DELTA); i++)
		assert_true(delta_heard(w, i) > delta_heard(w, before));
	world_free(w);
}

/* Its packets are acknowledged; to ask for it would have it said again. */
static void table_that_comes_is_not_asked_for(void **state)
{
	struct world *w = world_with_sessions();
	struct babel_tlv begin = say_full(1);

	(void)state;
	begin.u.delta.end = false;
	probe_forget(w, 1);
	SAY(w, 1, begin, say_update(P, world_id(5), 3, 100));
	for (uint32_t ver = 1; ver < 20; ver++) {
		world_run(w, 200 * MILLISECOND);
		SAY(w, 1, say_delta(ver, ver + 1), say_update(Q, world_id(5), 3, (uint16_t)(100 * ver)));
	}
	assert_true(probe_count(w, 1, TLV_SYNCACK) > 10);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++)
		assert_false(w->nodes[1].heard[i].tlv.type == TLV_SYNCACK && w->nodes[1].heard[i].tlv.u.syncack.nack);
	/* It stops in the midst. */
	world_run(w, A_SECOND);
	assert_true(probe_last(w, 1, TLV_SYNCACK)->tlv.u.syncack.nack);
	world_free(w);
}

/* On a thin link, too: a lost acknowledgment must not make all that follow it worthless. */
static void table_that_comes_is_acknowledged_by_its_epoch(void **state)
{
	struct babel_link_config link = world_link();
	struct address a = world_address(1, 0);
	struct babel_tlv begin = say_full(1);

	(void)state;
	link.is_thin = true;
	struct world *w = world_with_classes(1, link);

	assert_true(babel_neighbour_compact(w->nodes[0].b, 0, &a));
	begin.u.delta.end = false;
	SAY(w, 1, begin, say_update(P, world_id(5), 3, 100));
	world_run(w, A_SECOND);
	probe_forget(w, 1);
	for (uint32_t ver = 1; ver < 4; ver++) {
		struct babel_tlv delta = say_delta(ver, ver + 1);

		delta.u.delta.urgent = true;
		SAY(w, 1, delta, say_update(Q, world_id(5), 3, (uint16_t)(100 * ver)));
		world_run(w, 500 * MILLISECOND);
	}
	assert_int_equal(probe_count(w, 1, TLV_SYNCACK), 3);
	assert_int_equal(probe_last(w, 1, TLV_SYNCACK)->tlv.u.syncack.applied, 4);
	world_free(w);
}

/* Behind it waits all that happens meanwhile, loss of routes too: a link that heals must not wait for a doubled clock.
 */
static void what_is_long_not_acknowledged_is_sent_every_few_seconds(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	w->nodes[0].b->links[0]->config.update_interval_cs = 6000;
	node_announce(w, 0, P);
	uint16_t seqno = probe_live(w, 1, 0, 0, 50, 30);
	probe_forget(w, 1);
	probe_live(w, 1, 0, 0, seqno, 20);
	assert_in_range(probe_count_updates(w, 1, P, false), 4, 6);
	world_free(w);
}

/* What was told long ago and not acknowledged does not hold up a loss, nor does the clock that doubled for it. */
static void loss_does_not_wait_for_what_is_not_acknowledged(void **state)
{
	struct prefix p;
	struct world *w = world_with_own_prefix(&p);
	struct session *s = session_with(w, 1);

	(void)state;
	w->nodes[0].b->links[0]->config.update_interval_cs = 6000;
	node_announce(w, 0, Q);
	probe_live(w, 1, 0, 0, 50, 12);
	assert_true(s->out.tries >= 3 && s->out.outstanding.count >= s->out.window);
	assert_true(s->out.retransmit.due_us > w->now + 2 * A_SECOND);
	probe_forget(w, 1);
	assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p), 0);
	node_poll(w, 0);
	world_run(w, 50 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 1, P, true), 1);
	assert_true(probe_last(w, 1, TLV_DELTA)->tlv.u.delta.urgent);
	/* Lost: again as after a first loss, with all that is not acknowledged. */
	world_run(w, s->out.rtt_us * 3 / 2 + 100 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 1, P, true), 2);
	assert_int_equal(probe_count_updates(w, 1, Q, false), 1);
	world_free(w);
}

static void one_packet_is_ahead_of_its_turn(void **state)
{
	struct world *w = world_with_sessions();
	struct prefix p[2];
	char text[20];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "fd00:%x::/48", 0x10 + i);
		p[i] = node_announce(w, 0, text);
	}
	ack_all(w, 1);
	session_with(w, 1)->out.window = 1;
	node_announce(w, 0, Q);
	world_run(w, 100 * MILLISECOND);
	probe_forget(w, 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(babel_withdraw(w->nodes[0].b, w->now, &p[i]), 0);
		node_poll(w, 0);
		world_run(w, 30 * MILLISECOND);
	}
	assert_int_equal(probe_count(w, 1, TLV_DELTA), 1);
	world_free(w);
}

/* The probe's Hellos have measured a round trip. */
static void session_measures(struct world *w, unsigned i, uint32_t rtt_us)
{
	struct rtt *rtt = &session_with(w, i)->n->rtt;

	rtt->has_smoothed = true;
	rtt->smoothed_us = rtt->least_us = rtt->least_before_us = rtt_us;
	rtt->window_us = w->now;
}

/* Else each loss would make the next one last longer. */
static void time_in_which_nothing_arrived_is_no_round_trip(void **state)
{
	struct world *w = world_with_sessions();
	struct session *s = session_with(w, 1);

	(void)state;
	session_measures(w, 1, 60 * MILLISECOND);
	uint64_t before = s->out.rtt_us;
	node_announce(w, 0, P);
	for (unsigned copies = 0; copies < 3; copies = (unsigned)probe_count_updates(w, 1, P, false))
		world_run(w, 10 * MILLISECOND);
	world_run(w, 80 * MILLISECOND);
	SAY(w, 1, say_syncack(w, 1, s->out.ver, false));
	assert_int_equal(s->out.acked, s->out.ver);
	assert_true(s->out.rtt_us < before);
	world_free(w);
}

/* An answer that comes before one to the copy can be here is one to what was sent first. */
static void link_that_is_slower_than_believed_is_found_out(void **state)
{
	struct world *w = world_with_sessions();
	struct session *s = session_with(w, 1);

	(void)state;
	session_measures(w, 1, 600 * MILLISECOND);
	uint64_t before = s->out.rtt_us;
	node_announce(w, 0, P);
	while (probe_count_updates(w, 1, P, false) < 2)
		world_run(w, 10 * MILLISECOND);
	world_run(w, 80 * MILLISECOND);
	SAY(w, 1, say_syncack(w, 1, s->out.ver, false));
	assert_true(s->out.rtt_us > before);
	world_free(w);
}

/* Probe 1 has announced P of one origin, and probe 2 was told. */
static struct world *world_with_way_to_tell(void)
{
	struct world *w = world_with_sessions();

	announce(w, 1, 3, 2000);
	ack_all(w, 2);
	probe_forget(w, 2);
	return w;
}

/* Now probe 2 has it, too, of another origin, and nearer. */
static void way_turns_to_probe_2(struct world *w)
{
	SAY(w, 2, say_full(1), say_update(P, world_id(6), 3, 10), say_refresh(1, 1, hash_of(P, 6, 3, 10)));
	assert_int_equal(node_next(w, 0, P), 2);
}

/* It may have changed to us in the same moment. */
static void way_through_who_was_told_of_another_origin_is_urgent(void **state)
{
	struct world *w = world_with_way_to_tell();

	(void)state;
	way_turns_to_probe_2(w);
	world_run(w, 30 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, true), 1);
	assert_true(probe_last(w, 2, TLV_DELTA)->tlv.u.delta.urgent);
	world_free(w);
}

/* Where little fits, that comes before all that was not mentioned yet. */
static void way_through_who_was_told_of_another_origin_comes_first(void **state)
{
	struct world *w = world_with_way_to_tell();
	struct session *s = session_with(w, 2);
	struct prefix p = world_prefix(P);
	char text[20];

	(void)state;
	session_close_window(w, 2);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "fd00:%x::/48", 0x10 + i);
		node_announce(w, 0, text);
	}
	uint32_t said = s->out.said;
	way_turns_to_probe_2(w);
	assert_int_equal(s->out.said, said);
	uint32_t last = said;
	for (unsigned place = adj_out_find(s, destination_find(w->nodes[0].b, &p)) - s->out.entries + 1, i = 0; i < 3;
		i++, place = s->out.entries[place - 1].newer) {
		assert_true(place && s->out.entries[place - 1].ver == last + 1);
		last++;
	}
	assert_int_equal(last, s->out.ver);
	assert_int_equal(s->out.entries[s->out.newest - 1].ver, last);
	world_free(w);
}

static void other_digest_makes_a_full_sync_that_sweeps__R5(void **state)
{
	struct world *w = world_with_sessions();
	struct babel_tlv again = say_full(9);

	(void)state;
	SAY(w, 1, say_full(2), say_update(P, world_id(5), 3, 100), say_update(Q, world_id(6), 1, 50));
	world_run(w, 100 * MILLISECOND);
	probe_forget(w, 1);
	SAY(w, 1, say_refresh(2, 2, 12345));
	world_run(w, 50 * MILLISECOND);
	assert_true(probe_last(w, 1, TLV_SYNCACK)->tlv.u.syncack.full);
	assert_int_equal(counters(w)->sync_mismatches, 1);
	/* Said again but for Q, while P never was lost. */
	size_t changes = w->nodes[0].change_count;
	again.u.delta.from = 7;
	SAY(w, 1, again, say_update(P, world_id(5), 3, 100), say_refresh(9, 1, hash_of(P, 5, 3, 100)));
	assert_int_equal(node_metric(w, 0, Q), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 0, P), 196);
	for (; changes < w->nodes[0].change_count; changes++)
		assert_true(w->nodes[0].changes[changes].route.prefix.address.bytes[3] == 2);
	assert_int_equal(lease_of(w), w->now + 14 * A_SECOND);
	world_free(w);
}

static void who_wants_everything_gets_it_between_begin_and_end__R5(void **state)
{
	struct world *w = world_with_sessions();
	struct babel_tlv want = { .type = TLV_SYNCACK, .u.syncack = { .nack = true, .full = true } };

	(void)state;
	node_announce(w, 0, P);
	node_announce(w, 0, Q);
	world_run(w, 2 * A_SECOND);
	ack_all(w, 1);
	probe_forget(w, 1);
	uint32_t before = session_with(w, 1)->out.ver;
	SAY(w, 1, want);
	world_run(w, 100 * MILLISECOND);
	const struct heard *h = probe_last(w, 1, TLV_DELTA);
	assert_true(h && h->tlv.u.delta.begin && h->tlv.u.delta.end && h->tlv.u.delta.ver > before);
	assert_int_equal(probe_count(w, 1, TLV_UPDATE), 2);
	assert_int_equal(counters(w)->full_syncs, 1);
	world_free(w);
}

static void other_epoch_voids_everything_at_once__R6(void **state)
{
	struct world *w = world_with_route();
	struct babel_tlv other = say_delta(40, 41);
	struct address a = world_address(1, 0);

	(void)state;
	assert_int_equal(node_metric(w, 0, P), 196);
	other.u.delta.epoch = EPOCH + 1;
	SAY(w, 1, other);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_int_equal(counters(w)->epochs_changed, 1);
	world_free(w);

	w = world_with_route();
	babel_neighbour_session(w->nodes[0].b, w->now, 0, &a, 2, 0);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

/* Its keys are those of this process: what it says was not said to the one before. */
static void session_is_believed_right_after_a_restart__R7(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	assert_int_equal(node_metric(w, 0, P), 196);
	probe_start(w, 3);
	world_cable(w, 2, 0, 3);
	SAY(w, 3, say_hello(1, 100));
	SAY(w, 3, say_hello(2, 100), say_ihu(96, 6000));
	SAY(w, 3, say_update(Q, world_id(6), 1, 50));
	assert_int_equal(node_metric(w, 0, Q), BABEL_INFINITY); /* a plain one is not */
	world_free(w);
}

static void distance_is_kept_while_a_neighbour_may_follow__R8(void **state)
{
	struct world *w = world_with_route();
	struct prefix p = world_prefix(P);
	router_id id = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	ack_all(w, 2);
	for (unsigned s = 0; s < 2000; s++) {
		SAY(w, 1, say_hello((uint16_t)(9 + s), 100), say_ihu(96, 6000),
			say_refresh(1, 1, hash_of(P, 5, 3, 100)));
		SAY(w, 2, say_hello((uint16_t)(9 + s), 100), say_ihu(96, 6000));
		probe_forget(w, 1);
		probe_forget(w, 2);
		world_run(w, A_SECOND);
	}
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	assert_int_equal(metric, 196);
	SAY(w, 1, say_delta(1, 2), say_update(P, id, 3, BABEL_INFINITY));
	ack_all(w, 2);
	world_run(w, 170 * A_SECOND);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	world_run(w, 20 * A_SECOND);
	assert_false(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	world_free(w);
}

/* Without pins: 180 s, or four times what the longest lease was, if that is longer. */
static void distance_outlives_long_leases__R8(void **state)
{
	struct babel_link_config slow = world_link();
	struct prefix p = world_prefix(P);
	router_id id = world_id(5);
	uint16_t seqno, metric;

	(void)state;
	slow.update_interval_cs = 2000;
	struct world *w = world_with_classes(1, slow);
	announce(w, 1, 3, 100);
	ack_all(w, 2);
	SAY(w, 1, say_delta(1, 2), say_update(P, id, 3, BABEL_INFINITY));
	ack_all(w, 2);
	world_run(w, 310 * A_SECOND);
	assert_true(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	world_run(w, 20 * A_SECOND);
	assert_false(babel_feasibility_distance(w->nodes[0].b, &p, BABEL_TEXT, &id, &seqno, &metric));
	world_free(w);
}

static void metric_that_drifts_is_told_late_and_loss_at_once__R9(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	announce(w, 1, 3, 904);
	ack_all(w, 2);
	probe_forget(w, 2);
	announce(w, 2, 3, 1054); /* 15 % more here */
	for (uint16_t s = 0; s < 50; s += 2) {
		SAY(w, 1, say_refresh(2, 1, hash_of(P, 5, 3, 1054)));
		world_run(w, 2 * A_SECOND);
	}
	assert_int_equal(probe_count(w, 2, TLV_UPDATE), 0);
	for (uint16_t s = 0; s < 12; s += 2) {
		SAY(w, 1, say_refresh(2, 1, hash_of(P, 5, 3, 1054)));
		world_run(w, 2 * A_SECOND);
	}
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.metric, 1150);
	ack_all(w, 2);
	probe_forget(w, 2);
	SAY(w, 1, say_delta(2, 3), say_update(P, world_id(5), 3, BABEL_INFINITY));
	world_run(w, 50 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, true), 1);
	assert_true(probe_last(w, 2, TLV_DELTA)->tlv.u.delta.urgent);
	world_free(w);
}

/* Who has a better way himself is not told how long ours is; once he needs it he is. */
static void metric_is_not_told_to_who_has_a_better_one__R9(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	announce(w, 1, 3, 300);
	ack_all(w, 2);
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.metric, 396);
	SAY(w, 2, say_full(1), say_update(P, world_id(5), 3, 380));
	probe_forget(w, 2);
	announce(w, 2, 3, 424);
	world_run(w, 3 * A_SECOND);
	assert_int_equal(node_next(w, 0, P), 1);
	assert_int_equal(probe_count(w, 2, TLV_UPDATE), 0);
	SAY(w, 2, say_delta(1, 2), say_update(P, world_id(5), 3, BABEL_INFINITY));
	world_run(w, 3 * A_SECOND);
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.metric, 520);
	world_free(w);
}

/* A change runs through a mesh in many steps, each with a better path: only the last one is told. */
static void metric_is_told_when_it_has_settled__R9(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	announce(w, 1, 3, 4000);
	world_run(w, 200 * MILLISECOND);
	ack_all(w, 2);
	probe_forget(w, 2);
	announce(w, 2, 3, 2000);
	world_run(w, 300 * MILLISECOND);
	announce(w, 3, 3, 1000);
	world_run(w, 300 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, false), 0);
	world_run(w, 600 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, false), 1);
	assert_int_equal(probe_last_update(w, 2, P)->tlv.u.update.metric, 1096);
	world_free(w);
}

/* By another origin the same metric is another promise. */
static void other_origin_is_told_at_once__R9(void **state)
{
	struct world *w = world_with_route();
	router_id other = world_id(6);

	(void)state;
	ack_all(w, 2);
	probe_forget(w, 2);
	SAY(w, 1, say_delta(1, 2), say_update(P, other, 3, 100));
	world_run(w, 50 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 2, P);
	assert_true(h && router_id_equal(&h->tlv.u.update.origin, &other));
	assert_true(probe_last(w, 2, TLV_DELTA)->tlv.u.delta.urgent);
	world_free(w);
}

static void leased_entry_is_judged_by_the_distance_of_now__R10(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	SAY(w, 1, say_delta(1, 2), say_update(P, world_id(5), 3, 20));
	world_run(w, 1200 * MILLISECOND);
	ack_all(w, 2); /* the distance is 116 */
	SAY(w, 1, say_delta(2, 3), say_update(P, world_id(5), 3, BABEL_INFINITY));
	SAY(w, 1, say_delta(3, 4), say_update(P, world_id(5), 3, 150), say_refresh(4, 1, hash_of(P, 5, 3, 150)));
	assert_int_equal(lease_of(w), w->now + 14 * A_SECOND);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

static void seqno_is_told_to_who_asked_for_it_only__R11(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	ack_all(w, 2);
	probe_forget(w, 2);
	announce(w, 2, 4, 100);
	world_run(w, A_SECOND);
	assert_int_equal(probe_count(w, 2, TLV_UPDATE), 0);
	SAY(w, 2, say_seqno_request(P, world_id(5), 4, 10));
	world_run(w, 50 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 2, P);
	assert_true(h && h->tlv.u.update.seqno == 4 && probe_last(w, 2, TLV_DELTA)->tlv.u.delta.urgent);
	world_free(w);
}

static void hold_ends_when_the_loss_is_acknowledged__R12(void **state)
{
	struct world *w = world_with_route();
	const struct node *n = &w->nodes[0];

	(void)state;
	ack_all(w, 2);
	world_run(w, 4 * A_SECOND);
	SAY(w, 1, say_delta(1, 2), say_update(P, world_id(5), 3, BABEL_INFINITY));
	world_run(w, 500 * MILLISECOND);
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_UNREACHABLE);
	SAY(w, 2, say_syncack(w, 2, session_with(w, 2)->out.ver - 1, false)); /* not of this version */
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_UNREACHABLE);
	ack_all(w, 2);
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_REMOVED);
	world_free(w);
}

static void hold_ends_with_the_lease_of_who_is_silent__R12(void **state)
{
	struct world *w = world_with_route();
	const struct node *n = &w->nodes[0];

	(void)state;
	ack_all(w, 2);
	SAY(w, 1, say_delta(1, 2), say_update(P, world_id(5), 3, BABEL_INFINITY));
	world_run(w, 14 * A_SECOND / 2);
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_UNREACHABLE);
	world_run(w, 17 * A_SECOND);
	assert_int_equal(n->changes[n->change_count - 1].change, BABEL_ROUTE_REMOVED);
	world_free(w);
}

static void link_that_comes_back_needs_one_refresh__R13(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	SAY(w, 1, say_ihu(BABEL_INFINITY, 6000)); /* it does not hear us */
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_run(w, 3 * A_SECOND);
	probe_forget(w, 1);
	SAY(w, 1, say_ihu(96, 6000));
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY); /* dormant */
	world_run(w, 50 * MILLISECOND);
	assert_true(probe_last(w, 1, TLV_SYNCACK)->tlv.u.syncack.nack);
	SAY(w, 1, say_refresh(1, 1, hash_of(P, 5, 3, 100)));
	assert_int_equal(node_metric(w, 0, P), 196);
	world_free(w);
}

/* What was said before the link was lost may be of an older seqno than what was used meanwhile. */
static void route_that_comes_back_too_old_is_asked_to_be_newer__R13(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	SAY(w, 1, say_ihu(BABEL_INFINITY, 6000));
	SAY(w, 2, say_full(1), say_update(P, world_id(5), 4, 500), say_refresh(1, 1, hash_of(P, 5, 4, 500)));
	assert_int_equal(node_metric(w, 0, P), 596);
	world_run(w, 3 * A_SECOND);
	SAY(w, 1, say_ihu(96, 6000));
	world_run(w, 50 * MILLISECOND);
	probe_forget(w, 1);
	SAY(w, 1, say_refresh(1, 1, hash_of(P, 5, 3, 100)));
	assert_int_equal(node_metric(w, 0, P), 596); /* the other one would not be safe */
	world_run(w, A_SECOND);
	const struct heard *request = probe_last(w, 1, TLV_SEQNO_REQUEST);
	assert_non_null(request);
	assert_int_equal(request->tlv.u.seqno_request.seqno, 4); /* and no newer one than what is used */
	SAY(w, 1, say_delta(1, 2), say_update(P, world_id(5), 4, 100));
	world_run(w, 50 * MILLISECOND);
	assert_int_equal(node_metric(w, 0, P), 196);
	world_free(w);
}

static void late_refresh_is_not_believed__R14(void **state)
{
	struct world *w = world_with_route();
	struct address self = world_address(1, 0);
	struct babel_sender from = { .address = self, .port = BABEL_PORT, .hop_limit = 1, .is_late = true };
	struct babel_tlv refresh = say_refresh(1, 1, hash_of(P, 5, 3, 100));
	struct wire_builder builder;
	uint8_t room[100];

	(void)state;
	uint64_t lease = lease_of(w);
	world_run(w, A_SECOND);
	wire_build_begin(&builder, room, sizeof(room), &self);
	assert_int_equal(wire_write(&builder, &refresh), 0);
	babel_receive(w->nodes[0].b, w->now, 0, &from, wire_build_end(&builder));
	assert_int_equal(lease_of(w), lease);
	assert_int_equal(counters(w)->refreshes_late, 1);
	world_free(w);
}

/* There and back takes longer than an interval: it may be as old as the lease that it would renew. */
static void refresh_over_a_slower_path_than_its_interval_is_not_believed__R14(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	uint64_t lease = lease_of(w);
	world_run(w, A_SECOND);
	session_with(w, 1)->n->rtt.has_smoothed = true;
	session_with(w, 1)->n->rtt.smoothed_us = 4 * A_SECOND + 1;
	SAY(w, 1, say_refresh(1, 1, hash_of(P, 5, 3, 100)));
	assert_int_equal(lease_of(w), lease);
	session_with(w, 1)->n->rtt.smoothed_us = 4 * A_SECOND;
	SAY(w, 1, say_refresh(1, 1, hash_of(P, 5, 3, 100)));
	assert_int_equal(lease_of(w), w->now + 14 * A_SECOND);
	assert_int_equal(counters(w)->refreshes_late, 1);
	world_free(w);
}

static void refresh_is_asked_for_before_the_lease_is_over__R14(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	world_run(w, 5 * A_SECOND);
	probe_forget(w, 1);
	world_run(w, 2 * A_SECOND);
	assert_true(probe_last(w, 1, TLV_SYNCACK)->tlv.u.syncack.nack);
	world_free(w);
}

static void updates_outside_of_deltas_are_not_of_the_session(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	SAY(w, 1, say_update(Q, world_id(6), 1, 50), say_update(P, world_id(5), 3, BABEL_INFINITY));
	assert_int_equal(node_metric(w, 0, Q), BABEL_INFINITY);
	assert_int_equal(node_metric(w, 0, P), 196);
	world_free(w);
}

static void what_is_reached_through_it_is_not_told_to_it__rfc8966_3_7_4(void **state)
{
	struct world *w = world_with_route();

	(void)state;
	world_run(w, A_SECOND);
	assert_int_equal(probe_count_updates(w, 1, P, false), 0);
	assert_true(probe_count_updates(w, 2, P, false) > 0);
	world_free(w);
}

static void versions_that_run_out_begin_a_new_epoch(void **state)
{
	struct prefix p;
	struct world *w = world_with_own_prefix(&p);

	(void)state;
	uint32_t epoch = session_with(w, 1)->out.epoch;
	session_with(w, 1)->out.ver = session_with(w, 1)->out.acked = session_with(w, 1)->out.sent = 0x7ffffffe;
	node_announce(w, 0, Q);
	assert_int_not_equal(session_with(w, 1)->out.epoch, epoch);
	probe_forget(w, 1);
	world_run(w, 200 * MILLISECOND);
	const struct heard *h = probe_last(w, 1, TLV_DELTA);
	assert_true(h && h->tlv.u.delta.begin && h->tlv.u.delta.end && h->tlv.u.delta.from == 0);
	assert_int_equal(probe_count(w, 1, TLV_UPDATE), 2);
	world_free(w);
}

/* It would have announced what it has. All who lose a region would ask each other for each prefix of it. */
static void what_no_session_announces_is_not_asked_for(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	announce(w, 1, 7, 100);
	world_run(w, A_SECOND);
	assert_int_equal(node_next(w, 0, P), 1);
	SAY(w, 1, say_delta(1, 2), say_update(P, world_id(5), 7, BABEL_INFINITY));
	world_run(w, 5 * A_SECOND);
	for (unsigned i = 1; i <= 2; i++)
		assert_int_equal(probe_count(w, i, TLV_SEQNO_REQUEST), 0);
	assert_int_equal(w->nodes[0].b->requests.count, 0);
	SAY(w, 2, say_full(1), say_update(P, world_id(5), 7, 5000)); /* but this is */
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 1);
	world_free(w);
}

/* For 24 s: neighbour 1 announces what is used, and 2 says that what it has told by version `ver` still is so. */
static void both_go_on(struct world *w, uint32_t ver, uint16_t seqno, uint16_t metric)
{
	for (unsigned i = 0; i < 8; i++) {
		world_run(w, 3 * A_SECOND);
		announce(w, 1, 4, 100);
		SAY(w, 2, say_refresh(ver, 1, hash_of(P, 5, seqno, metric)));
	}
}

/* Only who asked hears of a newer seqno (R11). A backup that lags behind it would not be one until its metric moves. */
static void backup_whose_seqno_lags_is_asked_for_the_newer_one__R11(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	SAY(w, 2, say_full(1), say_update(P, world_id(5), 3, 150));
	announce(w, 1, 4, 100);
	both_go_on(w, 1, 3, 150);
	assert_int_equal(node_next(w, 0, P), 1);
	assert_int_equal(probe_count(w, 1, TLV_SEQNO_REQUEST), 0);
	unsigned asked = probe_count(w, 2, TLV_SEQNO_REQUEST);
	assert_true(asked > 0);
	/* No new one is made for that. */
	assert_int_equal(probe_last(w, 2, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.seqno, 4);
	SAY(w, 2, say_delta(1, 2), say_update(P, world_id(5), 4, 150), say_refresh(2, 1, hash_of(P, 5, 4, 150)));
	both_go_on(w, 2, 4, 150);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), asked);
	world_free(w);
}

/* No newer seqno than that of the selected route makes it feasible: its metric is as long as ours. */
static void long_way_is_not_asked_for_the_sake_of_a_backup__R11(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	announce(w, 1, 4, 100);
	SAY(w, 2, say_full(1), say_update(P, world_id(5), 3, 400));
	both_go_on(w, 1, 3, 400);
	assert_int_equal(node_next(w, 0, P), 1);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 0);
	world_free(w);
}

/* It has the newer seqno now, and is not worth a move: what was asked for is there. */
static void who_announces_what_was_asked_for_is_not_asked_again(void **state)
{
	struct world *w = world_with_sessions();

	(void)state;
	SAY(w, 1, say_full(1), say_update(P, world_id(5), 3, 100));
	world_run(w, A_SECOND);
	SAY(w, 1, say_delta(1, 2), say_update(P, world_id(5), 3, 2000));
	SAY(w, 2, say_full(1), say_update(P, world_id(5), 3, 300));
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(node_next(w, 0, P), 1);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 1);
	assert_int_equal(probe_last(w, 2, TLV_SEQNO_REQUEST)->tlv.u.seqno_request.seqno, 4);
	SAY(w, 2, say_delta(1, 2), say_update(P, world_id(5), 4, 1990));
	world_run(w, 8 * A_SECOND);
	assert_int_equal(node_next(w, 0, P), 1);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 1);
	world_free(w);
}

static struct world *world_with_thin_sessions(void)
{
	struct babel_link_config link = world_link();

	link.is_thin = true;
	return world_with_classes(1, link);
}

/* After a cut there are a thousand: each copy more takes the room of the answers that come one after another. */
static void what_is_asked_by_a_thin_link_is_not_asked_again_while_answers_come(void **state)
{
	struct world *w = world_with_thin_sessions();

	(void)state;
	SAY(w, 2, say_full(1), say_update(P, world_id(5), 3, 100));
	probe_forget(w, 2);
	for (uint32_t i = 1; i < 7; i++) {
		SAY(w, 1, say_seqno_request(P, world_id(5), 4, 64));
		world_run(w, A_SECOND);
		SAY(w, 2, say_delta(i, i + 1), say_update(Q, world_id(6), (uint16_t)i, 100));
	}
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 1);
	world_run(w, 3 * A_SECOND);
	assert_int_equal(probe_count(w, 2, TLV_SEQNO_REQUEST), 2);
	world_free(w);
}

/* No nack comes of what was the last for now. A word that could have acknowledged it says that it did not arrive. */
static void thin_word_that_acknowledges_nothing_new_has_the_last_repeated__R4(void **state)
{
	struct world *w = world_with_thin_sessions();

	(void)state;
	SAY(w, 1, say_full(1), say_update(P, world_id(5), 3, 100));
	world_run(w, 500 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, false), 1);
	uint32_t acked = session_with(w, 2)->out.acked;
	session_with(w, 2)->out.rtt_us = 2 * A_SECOND;
	SAY(w, 2, say_syncack(w, 2, acked, false)); /* it crossed */
	world_run(w, 500 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, false), 1);
	world_run(w, 1500 * MILLISECOND);
	SAY(w, 2, say_syncack(w, 2, acked, false));
	world_run(w, 100 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, false), 2);
	world_free(w);
}

static size_t budget_for_what_is_urgent(
	void *user, unsigned link, const struct address *to, enum babel_need need, uint64_t *again_us)
{
	(void)user, (void)link, (void)to;
	*again_us = NEVER;
	return need == BABEL_NEED_ROUTINE ? 0 : SIZE_MAX;
}

/* Else a loss is told late because it was told in vain. */
static void what_was_urgent_and_got_lost_is_urgent_again(void **state)
{
	struct world *w = world_with_thin_sessions();
	const struct session_out *out = &session_with(w, 2)->out;

	(void)state;
	SAY(w, 1, say_full(1), say_update(P, world_id(5), 3, 100));
	world_run(w, 500 * MILLISECOND);
	SAY(w, 2, say_syncack(w, 2, out->ver, false));
	probe_forget(w, 2);
	w->nodes[0].b->output.budget = budget_for_what_is_urgent;
	SAY(w, 1, say_delta(1, 2), say_update(P, world_id(5), 3, BABEL_INFINITY));
	world_run(w, 500 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, true), 1);
	assert_true(probe_last(w, 2, TLV_DELTA)->tlv.u.delta.urgent);
	world_run(w, 4 * A_SECOND);
	probe_forget(w, 2);
	SAY(w, 2, say_syncack(w, 2, out->acked, true));
	world_run(w, 500 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, true), 1);
	assert_true(probe_last(w, 2, TLV_DELTA)->tlv.u.delta.urgent);
	/* What comes behind it is not. */
	SAY(w, 2, say_syncack(w, 2, out->ver, false));
	SAY(w, 1, say_delta(2, 3), say_update(Q, world_id(5), 3, 100));
	world_run(w, 4 * A_SECOND);
	assert_true(out->sent < out->ver);
	world_free(w);
}

/* Its acknowledgment waits for a turn, and for its part of the budget. */
static void what_was_said_by_a_thin_link_has_time_to_be_acknowledged__R4(void **state)
{
	struct world *w = world_with_thin_sessions();

	(void)state;
	SAY(w, 1, say_full(1), say_update(P, world_id(5), 3, 100));
	session_with(w, 2)->out.rtt_us = 300 * MILLISECOND;
	world_run(w, 1800 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 2, P, false), 1);
	world_run(w, A_SECOND);
	assert_int_equal(probe_count_updates(w, 2, P, false), 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loss_is_in_the_very_next_refresh__R1),
		cmocka_unit_test(refresh_speaks_of_what_has_not_left_yet__R1),
		cmocka_unit_test(refresh_tells_version_count_and_digest__R2),
		cmocka_unit_test(refresh_extends_the_lease_only_if_all_of_it_matches__R3),
		cmocka_unit_test(thin_refresh_extends_the_lease_only_if_all_of_it_matches__R3),
		cmocka_unit_test(delta_behind_a_gap_is_not_applied_but_nacked__R4),
		cmocka_unit_test(what_was_never_mentioned_is_written_over__R4),
		cmocka_unit_test(thin_links_are_told_of_what_doubles__R9),
		cmocka_unit_test(what_the_link_dwarfs_is_not_told__R9),
		cmocka_unit_test(urgent_retraction_counts_behind_a_gap__R4),
		cmocka_unit_test(nack_is_answered_from_the_table_not_from_a_log__R4),
		cmocka_unit_test(older_acknowledgment_is_none_of_a_retraction__R4),
		cmocka_unit_test(what_is_not_acknowledged_is_sent_again),
		cmocka_unit_test(acknowledgment_makes_room_for_all_that_it_covers),
		cmocka_unit_test(nack_that_crosses_what_it_asks_for_is_not_answered),
		cmocka_unit_test(table_that_comes_is_not_asked_for),
		cmocka_unit_test(table_that_comes_is_acknowledged_by_its_epoch),
		cmocka_unit_test(what_is_long_not_acknowledged_is_sent_every_few_seconds),
		cmocka_unit_test(loss_does_not_wait_for_what_is_not_acknowledged),
		cmocka_unit_test(one_packet_is_ahead_of_its_turn),
		cmocka_unit_test(time_in_which_nothing_arrived_is_no_round_trip),
		cmocka_unit_test(link_that_is_slower_than_believed_is_found_out),
		cmocka_unit_test(way_through_who_was_told_of_another_origin_is_urgent),
		cmocka_unit_test(way_through_who_was_told_of_another_origin_comes_first),
		cmocka_unit_test(other_digest_makes_a_full_sync_that_sweeps__R5),
		cmocka_unit_test(who_wants_everything_gets_it_between_begin_and_end__R5),
		cmocka_unit_test(other_epoch_voids_everything_at_once__R6),
		cmocka_unit_test(session_is_believed_right_after_a_restart__R7),
		cmocka_unit_test(distance_is_kept_while_a_neighbour_may_follow__R8),
		cmocka_unit_test(distance_outlives_long_leases__R8),
		cmocka_unit_test(metric_that_drifts_is_told_late_and_loss_at_once__R9),
		cmocka_unit_test(metric_is_not_told_to_who_has_a_better_one__R9),
		cmocka_unit_test(metric_is_told_when_it_has_settled__R9),
		cmocka_unit_test(other_origin_is_told_at_once__R9),
		cmocka_unit_test(leased_entry_is_judged_by_the_distance_of_now__R10),
		cmocka_unit_test(seqno_is_told_to_who_asked_for_it_only__R11),
		cmocka_unit_test(backup_whose_seqno_lags_is_asked_for_the_newer_one__R11),
		cmocka_unit_test(long_way_is_not_asked_for_the_sake_of_a_backup__R11),
		cmocka_unit_test(who_announces_what_was_asked_for_is_not_asked_again),
		cmocka_unit_test(hold_ends_when_the_loss_is_acknowledged__R12),
		cmocka_unit_test(hold_ends_with_the_lease_of_who_is_silent__R12),
		cmocka_unit_test(link_that_comes_back_needs_one_refresh__R13),
		cmocka_unit_test(route_that_comes_back_too_old_is_asked_to_be_newer__R13),
		cmocka_unit_test(late_refresh_is_not_believed__R14),
		cmocka_unit_test(refresh_over_a_slower_path_than_its_interval_is_not_believed__R14),
		cmocka_unit_test(refresh_is_asked_for_before_the_lease_is_over__R14),
		cmocka_unit_test(updates_outside_of_deltas_are_not_of_the_session),
		cmocka_unit_test(what_is_reached_through_it_is_not_told_to_it__rfc8966_3_7_4),
		cmocka_unit_test(versions_that_run_out_begin_a_new_epoch),
		cmocka_unit_test(what_no_session_announces_is_not_asked_for),
		cmocka_unit_test(what_is_asked_by_a_thin_link_is_not_asked_again_while_answers_come),
		cmocka_unit_test(thin_word_that_acknowledges_nothing_new_has_the_last_repeated__R4),
		cmocka_unit_test(what_was_said_by_a_thin_link_has_time_to_be_acknowledged__R4),
		cmocka_unit_test(what_was_urgent_and_got_lost_is_urgent_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
