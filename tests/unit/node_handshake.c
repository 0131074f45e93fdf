/* Meeting, staying together, and what strangers and replays can do about it. */
#include "tests/unit/node_world.h"

#include "meshd/node/state.h"

#define AIR 0 /* the shared segment */
#define NET 1 /* the one with addressed frames only */

static struct world *pair_on_air(uint64_t seed)
{
	struct world *w = world_of(seed, 2);

	station_join(w, 0, AIR);
	station_join(w, 1, AIR);
	return w;
}

static void assert_peers(struct world *w, unsigned a, unsigned b, unsigned segment)
{
	assert_true(is_peer(w, a, b, segment));
	assert_true(is_peer(w, b, a, segment));
	assert_true(reaches(w, a, b));
	assert_true(reaches(w, b, a));
}

static uint64_t frames(struct world *w, unsigned segment, enum frame_type type)
{
	return w->segments[segment].frames[type];
}

static void count_peer(void *arg, const struct node_peer_info *info)
{
	(void)info;
	++*(unsigned *)arg;
}

static unsigned peer_count(struct world *w, unsigned i)
{
	unsigned count = 0;

	node_dump_peers(w->stations[i].node, count_peer, &count);
	return count;
}

static void strangers_meet_over_a_beacon_by_xx(void **state)
{
	struct world *w = pair_on_air(1);
	unsigned stored = w->stations[0].certificates_stored; /* its own */

	(void)state;
	world_run(w, 3 * A_SECOND);
	assert_peers(w, 0, 1, AIR);
	assert_true(frames(w, AIR, FRAME_FIN) > 0);
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_UP], 1);
	assert_int_equal(w->stations[1].events[NODE_NEIGHBOUR_UP], 1);
	assert_int_equal(w->stations[0].certificates_stored, stored + 1);
	assert_int_equal(world_flow(w, 0, 1, 0, 20, 10 * MILLISECOND), 0);
	assert_int_equal(world_flow(w, 1, 0, 0, 20, 10 * MILLISECOND), 0);
	assert_int_equal(drops_of(w, 0) + drops_of(w, 1), 0);
	world_free(w);
}

/* Not always: a caller that is not sure of the other's keys tries XX now and then. */
static void acquaintances_mostly_meet_by_ik(void **state)
{
	unsigned by_ik = 0;

	(void)state;
	for (uint64_t seed = 20; seed < 40; seed++) {
		struct world *w = world_of(seed, 2);

		for (unsigned i = 0; i < 2; i++) {
			station_knows_of(w, i, !i);
			station_join(w, i, AIR);
		}
		world_run(w, 3 * A_SECOND);
		assert_peers(w, 0, 1, AIR);
		assert_int_equal(world_flow(w, 0, 1, 0, 20, 10 * MILLISECOND), 0);
		by_ik += frames(w, AIR, FRAME_FIN) == 0;
		world_free(w);
	}
	assert_true(by_ik >= 10);
}

/* The one that is called has lost its certificates, or never had them. */
static void one_sided_acquaintance_is_enough(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct world *w = world_of(3, 2);

		station_knows_of(w, who, !who);
		station_join(w, 0, AIR);
		station_join(w, 1, AIR);
		world_run(w, 10 * A_SECOND);
		assert_peers(w, 0, 1, AIR);
		world_free(w);
	}
}

static struct world *pair_on_net(uint64_t seed)
{
	struct world *w = world_of(seed, 2);

	segment_make(w, NET, false);
	station_join(w, 0, NET);
	station_join(w, 1, NET);
	station_target(w, 0, 1, NET);
	return w;
}

/* They meet although the first `lost` messages of a type do not arrive. */
static void meet_in_spite(unsigned segment, enum frame_type type, unsigned lost)
{
	struct world *w = world_of(6, 2);

	segment_make(w, NET, false);
	w->segments[segment].swallow[type] = lost;
	station_join(w, 0, segment);
	station_join(w, 1, segment);
	if (segment == NET)
		station_target(w, 0, 1, NET);
	world_run(w, 20 * A_SECOND);
	/* Whoever is heard needs no more repetition. */
	assert_true(w->segments[segment].swallow[type] < lost);
	assert_peers(w, 0, 1, segment);
	assert_int_equal(world_flow(w, 0, 1, 0, 10, 10 * MILLISECOND), 0);
	world_free(w);
}

static void configured_peer_is_called_by_xx_then_by_ik(void **state)
{
	struct world *w = pair_on_net(4);

	(void)state;
	world_run(w, 3 * A_SECOND);
	assert_peers(w, 0, 1, NET);
	uint64_t fins = frames(w, NET, FRAME_FIN);
	assert_true(fins > 0);
	/* The other is restarted and keeps what it stored: no third message. */
	station_kill(w, 1);
	station_start(w, 1);
	station_knows_of(w, 1, 0);
	station_join(w, 1, NET);
	world_run(w, 20 * A_SECOND);
	assert_peers(w, 0, 1, NET);
	assert_int_equal(frames(w, NET, FRAME_FIN), fins);
	world_free(w);
}

static void configured_peer_is_called_until_it_answers(void **state)
{
	struct world *w = world_of(5, 2);

	(void)state;
	segment_make(w, NET, false);
	station_join(w, 0, NET);
	station_target(w, 0, 1, NET);
	world_run(w, 10 * A_MINUTE);
	assert_true(frames(w, NET, FRAME_INIT) >= 10);
	assert_true(frames(w, NET, FRAME_INIT) < 600); /* and not a flood */
	station_join(w, 1, NET);
	world_run(w, 30 * A_SECOND);
	assert_peers(w, 0, 1, NET);
	world_free(w);
}

static void lost_messages_are_repeated(void **state)
{
	static const enum frame_type types[] = { FRAME_INIT, FRAME_RESP, FRAME_FIN };

	(void)state;
	for (unsigned t = 0; t < 3; t++) {
		for (unsigned lost = 1; lost <= 3; lost++) {
			meet_in_spite(AIR, types[t], lost);
			meet_in_spite(NET, types[t], lost);
		}
	}
}

static void they_meet_through_any_weather(void **state)
{
	(void)state;
	for (uint64_t seed = 100; seed < 140; seed++) {
		struct world *w = seed % 2 ? pair_on_net(seed) : pair_on_air(seed);
		struct segment *s = &w->segments[seed % 2];

		s->delay = 270 * MILLISECOND;
		s->jitter = 300 * MILLISECOND;
		s->loss = 250;
		s->duplication = 200;
		s->corruption = 50;
		world_run(w, 40 * A_SECOND);
		assert_true(is_peer(w, 0, 1, seed % 2));
		assert_true(is_peer(w, 1, 0, seed % 2));
		s->jitter = s->loss = s->corruption = 0;
		world_run(w, 20 * A_SECOND);
		assert_peers(w, 0, 1, seed % 2);
		assert_int_equal(world_flow(w, 0, 1, 0, 10, 10 * MILLISECOND), 0);
		assert_int_equal(world_flow(w, 1, 0, 0, 10, 10 * MILLISECOND), 0);
		world_free(w);
	}
}

static const struct secret_keyring *keys_of(struct world *w, unsigned i, unsigned segment)
{
	struct address there = node_neighbour_address(&w->stations[!i].rid);
	const struct peer *p = peer_find_address(w->stations[i].node->links[segment], &there);

	assert_non_null(p);
	return &p->keys;
}

static void simultaneous_open_ends_in_one_session(void **state)
{
	(void)state;
	for (uint64_t seed = 200; seed < 230; seed++) {
		struct world *w = pair_on_net(seed);

		station_target(w, 1, 0, NET);
		w->segments[NET].delay = seed % 3 ? 300 * MILLISECOND : 1 * MILLISECOND;
		if (seed % 5 == 0)
			w->segments[NET].loss = 300;
		if (seed % 2) {
			station_knows_of(w, 0, 1);
			station_knows_of(w, 1, 0);
		}
		world_run(w, 20 * A_SECOND);
		w->segments[NET].loss = 0;
		world_run(w, 20 * A_SECOND);
		assert_peers(w, 0, 1, NET);
		assert_int_equal(peer_count(w, 0), 1);
		assert_int_equal(peer_count(w, 1), 1);
		const struct secret_keyring *a = keys_of(w, 0, NET), *b = keys_of(w, 1, NET);
		assert_true(a->has_current && b->has_current && !a->has_pending && !b->has_pending);
		assert_int_equal(a->current.local_index, b->current.remote_index);
		assert_int_equal(a->current.remote_index, b->current.local_index);
		/* It is settled: nobody calls any more. */
		uint64_t started = counters_of(w, 0)->handshakes_started + counters_of(w, 1)->handshakes_started;
		world_run(w, A_MINUTE);
		assert_int_equal(
			counters_of(w, 0)->handshakes_started + counters_of(w, 1)->handshakes_started, started);
		assert_int_equal(world_flow(w, 0, 1, 0, 10, 10 * MILLISECOND), 0);
		assert_int_equal(world_flow(w, 1, 0, 0, 10, 10 * MILLISECOND), 0);
		world_free(w);
	}
}

/* The first message of the one with the higher key is lost; when it comes again the other's handshake is done. It
 * yields to that: else each would speak under a session that the other refused. */
static void late_copy_of_a_call_yields_to_the_session_there_is(void **state)
{
	(void)state;
	for (uint64_t seed = 260; seed < 264; seed++) {
		struct world *w = world_of(seed, 2);
		const uint8_t *keys[2] = { w->stations[0].enrolment.identity.public.dh,
			w->stations[1].enrolment.identity.public.dh };
		unsigned higher = memcmp(keys[0], keys[1], KEY_LEN) > 0 ? 0 : 1;

		segment_make(w, NET, false);
		station_join(w, 0, NET);
		station_join(w, 1, NET);
		w->segments[NET].swallow[FRAME_INIT] = 1;
		station_target(w, higher, !higher, NET);
		world_run(w, 100 * MILLISECOND);
		station_target(w, !higher, higher, NET);
		world_run(w, 700 * MILLISECOND);
		assert_peers(w, 0, 1, NET);
		assert_int_equal(world_flow(w, 0, 1, 0, 200, 10 * MILLISECOND), 0);
		assert_int_equal(world_flow(w, 1, 0, 0, 200, 10 * MILLISECOND), 0);
		world_free(w);
	}
}

/* --- replays ------------------------------------------------------------------------------ */

/* Everything that was recorded, said again: to both, from where it came and from elsewhere. */
static void replay_all(struct world *w, unsigned segment)
{
	struct endpoint elsewhere = endpoint_ip(66, 66, 666);

	w->is_recording = false;
	for (unsigned i = 0; i < w->tape_count; i++) {
		const struct flight *f = &w->tape[i];

		for (unsigned to = 0; to < 2; to++) {
			station_hear(&w->stations[to], segment, &f->source, bytes_of(f->data, f->len));
			station_hear(&w->stations[to], segment, &elsewhere, bytes_of(f->data, f->len));
			if (i % 4 == 0)
				world_run(w, 10 * MILLISECOND);
		}
	}
}

static void replays_change_nothing__protocol_7_2_22(void **state)
{
	(void)state;
	for (unsigned knows = 0; knows < 2; knows++) {
		struct world *w = world_of(300 + knows, 2);
		struct node_peer_info before[2], after[2];

		if (knows) {
			station_knows_of(w, 0, 1);
			station_knows_of(w, 1, 0);
		}
		w->is_recording = true;
		station_join(w, 0, AIR);
		station_join(w, 1, AIR);
		world_run(w, 5 * A_SECOND);
		assert_peers(w, 0, 1, AIR);
		assert_true(w->tape_count > 10 && w->tape_count < TAPE_MAX);
		for (unsigned i = 0; i < 2; i++)
			assert_true(peer_info(w, i, !i, AIR, &before[i]));
		replay_all(w, AIR);
		assert_int_equal(world_flow(w, 0, 1, 0, 100, 10 * MILLISECOND), 0);
		assert_int_equal(world_flow(w, 1, 0, 0, 100, 10 * MILLISECOND), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_true(peer_info(w, i, !i, AIR, &after[i]));
			assert_int_equal(after[i].up_since_us, before[i].up_since_us);
			assert_true(endpoint_equal(&after[i].endpoint, &before[i].endpoint));
			assert_int_equal(w->stations[i].events[NODE_NEIGHBOUR_DOWN], 0);
			assert_int_equal(peer_count(w, i), 1);
			assert_int_equal(w->stations[i].twice, 0);
		}
		world_run(w, A_MINUTE);
		assert_peers(w, 0, 1, AIR);
		world_free(w);
	}
}

/* The handshake of an earlier life of the same two nodes. */
static void replayed_past_life_does_not_end_the_present(void **state)
{
	(void)state;
	for (unsigned knows = 0; knows < 2; knows++) {
		struct world *w = world_of(310 + knows, 2);
		unsigned downs = 0;

		w->is_recording = true;
		for (unsigned life = 0; life < 2; life++) {
			for (unsigned i = 0; i < 2; i++) {
				if (life)
					station_kill(w, i);
				if (life)
					station_start(w, i);
				if (knows)
					station_knows_of(w, i, !i);
				station_join(w, i, AIR);
			}
			world_run(w, 5 * A_SECOND);
			w->is_recording = false;
			assert_peers(w, 0, 1, AIR);
		}
		for (unsigned i = 0; i < 2; i++)
			downs += w->stations[i].events[NODE_NEIGHBOUR_DOWN];
		replay_all(w, AIR);
		assert_int_equal(world_flow(w, 0, 1, 0, 100, 10 * MILLISECOND), 0);
		assert_int_equal(world_flow(w, 1, 0, 0, 100, 10 * MILLISECOND), 0);
		for (unsigned i = 0; i < 2; i++)
			downs -= w->stations[i].events[NODE_NEIGHBOUR_DOWN];
		assert_int_equal(downs, 0);
		world_free(w);
	}
}

/* --- strangers ------------------------------------------------------------------------------ */

static void assert_strangers(struct world *w, unsigned segment)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_false(is_peer(w, i, !i, segment));
		assert_false(reaches(w, i, !i));
		assert_int_equal(w->stations[i].events[NODE_NEIGHBOUR_UP], 0);
	}
}

static void another_deployment_is_ignored(void **state)
{
	(void)state;
	for (unsigned is_net = 0; is_net < 2; is_net++) {
		struct world *w = world_new(320);
		struct secret_authority other;

		authority_make(&other, 99);
		station_enrol(w, 0, NULL, NULL);
		station_enrol_by(w, 1, &other, NULL, NULL);
		segment_make(w, NET, false);
		for (unsigned i = 0; i < 2; i++) {
			station_start(w, i);
			station_join(w, i, is_net);
		}
		if (is_net)
			station_target(w, 1, 0, NET);
		world_run(w, 30 * A_SECOND);
		assert_strangers(w, is_net);
		assert_int_equal(frames(w, is_net, FRAME_RESP), 0);
		assert_int_equal(w->stations[0].events[NODE_REFUSED], 0);
		if (is_net)
			assert_true(counters_of(w, 0)->drops.mac1_wrong > 0);
		else
			assert_true(counters_of(w, 0)->drops.beacon_foreign > 0);
		authority_done(&other);
		world_free(w);
	}
}

/* It has the deployment's key, and a certificate that it made itself. */
static void certificate_of_another_authority_is_refused(void **state)
{
	(void)state;
	for (unsigned is_net = 0; is_net < 2; is_net++) {
		struct world *w = world_new(330);
		struct secret_authority rogue;

		authority_make(&rogue, 99);
		rogue.public.deployment = w->authority.public.deployment;
		memcpy(rogue.psk, w->authority.psk, KEY_LEN);
		station_enrol(w, 0, NULL, NULL);
		station_enrol_by(w, 1, &rogue, NULL, NULL);
		segment_make(w, NET, false);
		for (unsigned i = 0; i < 2; i++) {
			station_start(w, i);
			station_join(w, i, is_net);
		}
		if (is_net)
			station_target(w, 1, 0, NET);
		world_run(w, 30 * A_SECOND);
		assert_strangers(w, is_net);
		/* Who reads the other's certificate first breaks off: the caller. */
		assert_true(
			counters_of(w, 0)->drops.certificate_refused + counters_of(w, 1)->drops.certificate_refused >
			0);
		assert_true(w->stations[0].events[NODE_REFUSED] + w->stations[1].events[NODE_REFUSED] > 0);
		authority_done(&rogue);
		world_free(w);
	}
}

/* Two machines from one enrolment file: the operator must hear of it. */
static void own_keys_on_another_machine_are_reported(void **state)
{
	struct world *w = world_of(335, 2);
	struct station *twin = &w->stations[2];

	(void)state;
	twin->enrolment = w->stations[0].enrolment;
	twin->rid = (router_id){ { 0 } };
	station_start(w, 2);
	station_join(w, 0, AIR);
	station_join(w, 1, AIR);
	world_run(w, 10 * A_SECOND);
	assert_int_equal(w->stations[0].events[NODE_DUPLICATE], 0);
	assert_false(node_has_duplicate(w->stations[0].node));
	station_join(w, 2, AIR);
	world_run(w, 10 * A_SECOND);
	assert_true(node_has_duplicate(w->stations[0].node));
	assert_true(node_has_duplicate(twin->node));
	assert_true(w->stations[0].events[NODE_DUPLICATE] > 0);
	assert_true(w->stations[0].events[NODE_DUPLICATE] < 5); /* said, not shouted */
	assert_false(node_has_duplicate(w->stations[1].node));
	world_free(w);
}

/* --- life of a session ------------------------------------------------------------------------ */

static void rekey_loses_no_packet(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct world *w = k == 2 ? pair_on_net(342) : pair_on_air(340 + k);
		struct segment *s = &w->segments[k == 2 ? NET : AIR];
		unsigned lost = 0;

		s->delay = 100 * MILLISECOND;
		world_run(w, 10 * A_SECOND);
		assert_peers(w, 0, 1, k == 2 ? NET : AIR);
		if (k == 1)
			s->swallow[FRAME_RESP] = s->swallow[FRAME_INIT] = 1;
		uint64_t completed = counters_of(w, 0)->handshakes_completed;
		/* One packet each second both ways for an hour, then ten each second around two hours. */
		world_run(w, AN_HOUR + 55 * A_MINUTE);
		for (uint32_t i = 0; i < 6000; i++) {
			station_say(w, 0, 1, i);
			station_say(w, 1, 0, i);
			world_run(w, 100 * MILLISECOND);
		}
		world_run(w, A_SECOND);
		for (uint32_t i = 0; i < 6000; i++)
			lost += !w->stations[0].seen[i] + !w->stations[1].seen[i];
		assert_int_equal(lost, 0);
		assert_true(counters_of(w, 0)->handshakes_completed > completed);
		assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 0);
		assert_int_equal(w->stations[1].events[NODE_NEIGHBOUR_DOWN], 0);
		world_free(w);
	}
}

/* The last message of a new handshake is lost while frames of the old session still come: it is repeated all the
 * same. Else the peer hears nothing until it takes us for dead. */
static void lost_fin_is_repeated_beside_a_live_session(void **state)
{
	unsigned worst = 0;

	(void)state;
	for (unsigned phase = 0; phase < 10; phase++) {
		struct world *w = pair_on_air(344);
		unsigned lost = 0;

		world_run(w, 10 * A_SECOND + phase * 100 * MILLISECOND);
		assert_peers(w, 0, 1, AIR);
		const struct peer *p = list_entry(w->stations[0].node->links[AIR]->peers.next, struct peer, on_link);
		w->segments[AIR].swallow[FRAME_FIN] = 1;
		assert_true(call_start(p->link, w->now, &(struct call){ .to = &p->endpoint })); /* by XX */
		for (uint32_t i = 0; i < 500; i++) {
			station_say(w, 0, 1, i);
			station_say(w, 1, 0, i);
			world_run(w, 10 * MILLISECOND);
		}
		for (uint32_t i = 0; i < 500; i++)
			lost += !w->stations[1].seen[i];
		worst = lost > worst ? lost : worst;
		assert_int_equal(w->segments[AIR].swallow[FRAME_FIN], 0);
		assert_int_equal(world_flow(w, 0, 1, 500, 100, 10 * MILLISECOND), 0);
		assert_peers(w, 0, 1, AIR);
		world_free(w);
	}
	assert_in_range(worst, 50, 120); /* a second's: it is repeated once a second */
}

/* A working day: keys change four times, nothing piles up, nobody notices. */
static void hours_leave_no_trace(void **state)
{
	struct world *w = pair_on_air(345);

	(void)state;
	world_run(w, 10 * A_SECOND);
	assert_peers(w, 0, 1, AIR);
	world_run(w, 9 * AN_HOUR);
	for (unsigned i = 0; i < 2; i++) {
		const struct node *n = w->stations[i].node;

		assert_true(n->counters.handshakes_completed >= 4 && n->counters.handshakes_completed <= 10);
		assert_int_equal(n->handshakes_own + n->handshakes_theirs, 0);
		assert_int_equal(n->indices.count, 1);
		assert_int_equal(w->stations[i].events[NODE_NEIGHBOUR_DOWN], 0);
		assert_int_equal(w->stations[i].events[NODE_ROUTE_DOWN], 0);
		assert_int_equal(drops_of(w, i), 0);
	}
	assert_int_equal(world_flow(w, 0, 1, 0, 10, 10 * MILLISECOND), 0);
	world_free(w);
}

static void restarted_peer_loses_its_routes_at_once(void **state)
{
	struct world *w = world_new(350);
	struct address behind = addr("10.7.0.9");
	struct prefix lan = prefix_make("10.7.0.0/24");

	(void)state;
	station_enrol(w, 0, NULL, NULL);
	station_enrol(w, 1, "10.7.0.0/24", NULL);
	for (unsigned i = 0; i < 2; i++) {
		station_start(w, i);
		station_join(w, i, AIR);
	}
	assert_int_equal(node_originate(w->stations[1].node, w->now, &lan), 0);
	station_poll(&w->stations[1]);
	world_run(w, 10 * A_SECOND);
	assert_true(can_reach(w, 0, &behind));
	assert_int_equal(w->stations[0].kernel_adds, 1);
	/* Back within a moment, without the LAN: nobody has retracted it. */
	station_kill(w, 1);
	station_start(w, 1);
	station_join(w, 1, AIR);
	while (w->stations[1].events[NODE_NEIGHBOUR_UP] < 2)
		assert_true(world_step(w, w->now + 30 * A_SECOND));
	world_run(w, 100 * MILLISECOND);
	assert_false(can_reach(w, 0, &behind));
	world_run(w, 5 * A_SECOND);
	assert_peers(w, 0, 1, AIR);
	/* The kernel keeps its route while the prefix is held. */
	world_run(w, 10 * A_MINUTE);
	assert_int_equal(w->stations[0].kernel_removes, 1);
	world_free(w);
}

/* What a process said before it died may arrive after its successor has answered:
 * it is void, and must not bring the dead one back. */
static void frames_of_a_past_life_are_not_opened__protocol_7_2_12(void **state)
{
	(void)state;
	for (unsigned knows = 0; knows < 2; knows++) {
		for (unsigned caller = 0; caller < 2; caller++) {
			struct world *w = world_of(355 + knows, 2);
			uint64_t refused;

			segment_make(w, NET, false);
			station_join(w, 0, NET);
			station_join(w, 1, NET);
			station_target(w, caller, !caller, NET);
			world_run(w, 10 * A_SECOND);
			assert_peers(w, 0, 1, NET);
			w->segments[NET].is_cut = true; /* the wire is slow */
			w->is_recording = true;
			for (uint32_t i = 0; i < 10; i++)
				station_say(w, 1, 0, i);
			w->is_recording = false;
			w->segments[NET].is_cut = false;
			station_kill(w, 1);
			station_start(w, 1);
			if (knows)
				station_knows_of(w, 1, 0);
			station_join(w, 1, NET);
			if (caller == 1)
				station_target(w, 1, 0, NET);
			world_run(w, 20 * A_SECOND);
			assert_peers(w, 0, 1, NET);
			refused = counters_of(w, 0)->drops.unknown_session;
			for (unsigned i = 0; i < w->tape_count; i++)
				station_hear(&w->stations[0], NET, &w->tape[i].source,
					bytes_of(w->tape[i].data, w->tape[i].len));
			assert_int_equal(counters_of(w, 0)->drops.unknown_session, refused + 10);
			assert_int_equal(w->stations[0].received, 0);
			assert_int_equal(world_flow(w, 0, 1, 100, 20, 10 * MILLISECOND), 0);
			assert_int_equal(world_flow(w, 1, 0, 100, 20, 10 * MILLISECOND), 0);
			world_free(w);
		}
	}
}

/* Hello each half minute: a minute without a word is nothing. */
static void slow_links_keep_their_peers(void **state)
{
	struct world *w = world_of(365, 2);
	struct node_link_config config = link_config_of(&w->segments[AIR]);

	(void)state;
	config.hello_ms = 30000;
	config.update_s = 300;
	config.dead_misses = 3;
	station_join_with(w, 0, AIR, &config);
	station_join_with(w, 1, AIR, &config);
	world_run(w, 5 * A_MINUTE);
	assert_peers(w, 0, 1, AIR);
	/* Two Hellos and what comes with them are lost. */
	w->segments[AIR].is_cut = true;
	world_run(w, 75 * A_SECOND);
	w->segments[AIR].is_cut = false;
	world_run(w, 10 * A_MINUTE);
	assert_peers(w, 0, 1, AIR);
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 0);
	assert_int_equal(w->stations[1].events[NODE_NEIGHBOUR_DOWN], 0);
	world_free(w);
}

static void silent_peer_is_lost_and_found_again(void **state)
{
	(void)state;
	for (unsigned is_net = 0; is_net < 2; is_net++) {
		struct world *w = is_net ? pair_on_net(360) : pair_on_air(360);

		world_run(w, 10 * A_SECOND);
		assert_peers(w, 0, 1, is_net);
		w->segments[is_net].is_cut = true;
		world_run(w, 10 * A_SECOND);
		assert_false(reaches(w, 0, 1));
		world_run(w, 10 * A_MINUTE);
		w->segments[is_net].is_cut = false;
		world_run(w, 60 * A_SECOND);
		assert_peers(w, 0, 1, is_net);
		assert_int_equal(world_flow(w, 0, 1, 0, 10, 10 * MILLISECOND), 0);
		world_free(w);
	}
}

static void tape_record(struct world *w, uint64_t us)
{
	w->tape_count = 0;
	w->is_recording = true;
	world_run(w, us);
	w->is_recording = false;
}

/* Hands station 0 again what station 1 sealed, and looks each time whether it reaches that one. How many they were. */
static unsigned tape_play(struct world *w, bool is_reached)
{
	unsigned played = 0;

	for (unsigned i = 0; i < w->tape_count; i++) {
		const struct flight *f = &w->tape[i];

		if (f->from != 1 || f->data[0] != FRAME_TYPE_DATA)
			continue;
		station_hear(&w->stations[0], AIR, &f->source, bytes_of(f->data, f->len));
		world_run(w, 50 * MILLISECOND);
		assert_int_equal(reaches(w, 0, 1), is_reached);
		played++;
	}
	return played;
}

/* Held back by a jammer and played when its sender is dead: sealed as it is, it is no sign of life. */
static void what_was_held_back_makes_no_neighbour(void **state)
{
	struct world *w = pair_on_air(361);

	(void)state;
	world_run(w, 10 * A_SECOND);
	assert_peers(w, 0, 1, AIR);
	w->segments[AIR].is_cut = true;
	tape_record(w, 20 * A_SECOND);
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 1);
	unsigned ups = w->stations[0].events[NODE_NEIGHBOUR_UP];
	station_kill(w, 1);
	w->segments[AIR].is_cut = false;
	unsigned played = tape_play(w, false);
	assert_true(played > 20);
	assert_int_equal(counters_of(w, 0)->drops.not_authentic + counters_of(w, 0)->drops.replayed, 0);
	assert_true(counters_of(w, 0)->drops.not_fresh > 20);
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_UP], ups);
	world_free(w);
}

/* The sender lives and is heard; what he said before, and was held back, changes nothing any more. */
static void what_was_overtaken_is_no_news(void **state)
{
	struct world *w = pair_on_air(363);

	(void)state;
	world_run(w, 10 * A_SECOND);
	w->segments[AIR].is_cut = true;
	tape_record(w, 20 * A_SECOND);
	w->segments[AIR].is_cut = false;
	world_run(w, 10 * A_SECOND);
	assert_true(reaches(w, 0, 1));
	unsigned downs = w->stations[0].events[NODE_NEIGHBOUR_DOWN], moves = w->stations[0].events[NODE_ROUTE_DOWN];
	unsigned played = tape_play(w, true);
	assert_true(played > 20);
	assert_true(counters_of(w, 0)->drops.not_fresh >= played);
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], downs);
	assert_int_equal(w->stations[0].events[NODE_ROUTE_DOWN], moves);
	world_free(w);
}

/* The same frames, and the sender lives: it is asked, answers, and is a neighbour again at once. */
static void who_answers_is_heard_again(void **state)
{
	struct world *w = pair_on_air(362);

	(void)state;
	world_run(w, 10 * A_SECOND);
	w->segments[AIR].is_cut = true;
	world_run(w, 20 * A_SECOND);
	assert_false(reaches(w, 0, 1));
	w->segments[AIR].is_cut = false;
	world_run(w, 2 * A_SECOND);
	assert_true(reaches(w, 0, 1) && reaches(w, 1, 0));
	assert_true(strstr(w->stations[0].event_text, "heard again") || w->stations[0].events[NODE_NEIGHBOUR_UP] == 2);
	world_free(w);
}

/* --- floods --------------------------------------------------------------------------------------- */

enum flood { FLOOD_NOISE, FLOOD_REPLAYED, FLOOD_ONE_SOURCE, FLOODS };

/* One hostile frame: noise with the first byte of an initiation, or a genuine initiation of before. */
static void flood_frame(struct world *w, enum flood kind, unsigned number, const struct flight *genuine)
{
	struct endpoint from = endpoint_ip((uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint16_t)number);
	uint8_t noise[200];

	if (kind == FLOOD_ONE_SOURCE)
		from = endpoint_ip(66, 66, 666);
	if (kind != FLOOD_NOISE) {
		station_hear(&w->stations[0], AIR, &from, bytes_of(genuine->data, genuine->len));
		return;
	}
	for (unsigned i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)prng_next(&w->prng);
	noise[0] = FRAME_INIT;
	station_hear(&w->stations[0], AIR, &from, bytes_of(noise, sizeof(noise)));
}

static const struct flight *recorded(const struct world *w, enum frame_type type, unsigned from)
{
	for (unsigned i = 0; i < w->tape_count; i++)
		if (w->tape[i].data[0] == type && w->tape[i].from == from)
			return &w->tape[i];
	return NULL;
}

static void handshake_flood_leaves_sessions_alone__protocol_7_2_21(void **state)
{
	(void)state;
	for (enum flood kind = 0; kind < FLOODS; kind++) {
		struct world *w = world_of(370, 3);
		const struct flight *genuine;
		const struct node *n = w->stations[0].node;

		/* An initiation of a member that then went away. */
		segment_make(w, NET, false);
		w->segments[AIR].swallow[FRAME_RESP] = 1000;
		w->is_recording = true;
		station_join(w, 0, AIR);
		station_join(w, 2, AIR);
		world_run(w, 5 * A_SECOND);
		genuine = recorded(w, FRAME_INIT, 2);
		if (!genuine)
			genuine = recorded(w, FRAME_INIT, 0);
		assert_non_null(genuine);
		w->is_recording = false;
		station_kill(w, 2);
		w->segments[AIR].swallow[FRAME_RESP] = 0;
		station_join(w, 1, AIR);
		world_run(w, 10 * A_SECOND);
		assert_peers(w, 0, 1, AIR);

		unsigned lost = 0, number = 0, peers = peer_count(w, 0);
		for (uint32_t i = 0; i < 200; i++) {
			for (unsigned k = 0; k < 100; k++)
				flood_frame(w, kind, number++, genuine);
			assert_true(n->handshakes_theirs <= HANDSHAKES_MAX);
			assert_true(n->indices.count <= HANDSHAKES_MAX + CALLINGS_MAX + 3 * NODE_PEER_MAX);
			station_say(w, 0, 1, i);
			station_say(w, 1, 0, i);
			world_run(w, 10 * MILLISECOND);
		}
		world_run(w, A_SECOND);
		for (uint32_t i = 0; i < 200; i++)
			lost += !w->stations[0].seen[i] + !w->stations[1].seen[i];
		assert_int_equal(lost, 0);
		assert_int_equal(peer_count(w, 0), peers);
		assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 0);
		const struct node_drops *d = &node_counters(n)->drops;
		assert_true(d->mac1_wrong + d->rate_limited + d->tables_full + d->handshake_failed +
				    d->handshake_unexpected + d->truncated >=
			    number / 2);
		world_run(w, A_MINUTE);
		assert_int_equal(n->handshakes_theirs, 0);
		assert_peers(w, 0, 1, AIR);
		world_free(w);
	}
}

/* Initiations of earlier lives are genuine and can be said again: each makes a
 * pending session that displaces the one before. Below every rate limit, from many
 * sources, over a satellite, they must delay the member at most. */
static void replayed_initiations_do_not_keep_a_member_out(void **state)
{
	struct world *w = world_of(395, 2);
	const struct flight *old[8];
	unsigned count = 0, member, other;

	(void)state;
	/* Of two that hear each other the one with the lower id calls. */
	member = memcmp(w->stations[0].node->id, w->stations[1].node->id, NODE_ID_LEN) < 0 ? 0 : 1;
	other = !member;
	w->segments[AIR].delay = 270 * MILLISECOND;
	station_join(w, other, AIR);
	w->stations[member].has_disk = true;
	w->is_recording = true;
	for (unsigned life = 0; life < 20; life++) {
		if (life)
			station_start(w, member);
		station_join(w, member, AIR);
		world_run(w, 10 * A_SECOND);
		assert_peers(w, 0, 1, AIR);
		station_kill(w, member);
	}
	w->is_recording = false;
	for (unsigned i = 0; i < w->tape_count && count < 8; i++)
		if (w->tape[i].data[0] == FRAME_INIT && w->tape[i].data[1] && w->tape[i].from == member)
			old[count++] = &w->tape[i];
	assert_true(count >= 4); /* IK: only these make pending sessions */
	for (unsigned life = 0; life < 10; life++) {
		world_run(w, 2 * A_MINUTE);
		assert_int_equal(peer_count(w, other), 0);
		station_start(w, member);
		station_join(w, member, AIR);
		uint64_t start = w->now;
		for (unsigned i = 0; !(is_peer(w, 0, 1, AIR) && is_peer(w, 1, 0, AIR)); i++) {
			struct endpoint from = endpoint_ip(8, (uint8_t)(i % 40), 1000);

			station_hear(
				&w->stations[other], AIR, &from, bytes_of(old[i % count]->data, old[i % count]->len));
			world_run(w, 25 * MILLISECOND);
			assert_true(w->now < start + A_MINUTE);
		}
		station_kill(w, member);
	}
	world_free(w);
}

/* A beacon makes us call, and anybody can say one again from anywhere: it must
 * cost little, and must not keep us from calling whom we are told to call. */
static void replayed_beacons_do_not_use_up_our_calls(void **state)
{
	struct world *w = world_of(390, 3);
	const struct node *n = w->stations[0].node;
	unsigned number = 0;

	(void)state;
	segment_make(w, NET, false);
	station_join(w, 0, AIR);
	station_join(w, 2, AIR);
	w->is_recording = true;
	world_run(w, 3 * A_SECOND);
	w->is_recording = false;
	const struct flight *beacon = recorded(w, FRAME_BEACON, 2);
	assert_non_null(beacon);
	station_kill(w, 2);
	world_run(w, 2 * A_MINUTE);
	uint64_t started = node_counters(n)->handshakes_started;
	for (unsigned i = 0; i < 2000; i++) {
		for (unsigned k = 0; k < 10; k++, number++) {
			struct endpoint from = endpoint_ip(7, (uint8_t)(number >> 8), (uint16_t)number);

			station_hear(&w->stations[0], AIR, &from, bytes_of(beacon->data, beacon->len));
		}
		if (i == 1000) {
			station_join(w, 0, NET);
			station_join(w, 1, NET);
			station_target(w, 0, 1, NET);
		}
		assert_true(n->handshakes_own <= CALLINGS_MAX / 2 + 2);
		world_run(w, 10 * MILLISECOND);
	}
	assert_true(node_counters(n)->handshakes_started - started < 200);
	assert_peers(w, 0, 1, NET);
	world_free(w);
}

/* A member that comes while strangers flood from everywhere proves its address by a cookie. */
static void newcomer_gets_in_during_a_flood(void **state)
{
	struct world *w = world_of(380, 3);
	unsigned number = 0;

	(void)state;
	station_join(w, 0, AIR);
	station_join(w, 1, AIR);
	w->is_recording = true;
	world_run(w, 5 * A_SECOND);
	w->is_recording = false;
	assert_peers(w, 0, 1, AIR);
	const struct flight *genuine = recorded(w, FRAME_INIT, 1);

	if (!genuine)
		genuine = recorded(w, FRAME_INIT, 0);
	assert_non_null(genuine);
	station_join(w, 2, AIR);
	for (unsigned i = 0; i < 3000 && !is_peer(w, 0, 2, AIR); i++) {
		for (unsigned k = 0; k < 20; k++)
			flood_frame(w, FLOOD_REPLAYED, number++, genuine);
		world_run(w, 10 * MILLISECOND);
	}
	assert_true(is_peer(w, 0, 2, AIR));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_meet_over_a_beacon_by_xx),
		cmocka_unit_test(acquaintances_mostly_meet_by_ik),
		cmocka_unit_test(one_sided_acquaintance_is_enough),
		cmocka_unit_test(configured_peer_is_called_by_xx_then_by_ik),
		cmocka_unit_test(configured_peer_is_called_until_it_answers),
		cmocka_unit_test(lost_messages_are_repeated),
		cmocka_unit_test(they_meet_through_any_weather),
		cmocka_unit_test(simultaneous_open_ends_in_one_session),
		cmocka_unit_test(late_copy_of_a_call_yields_to_the_session_there_is),
		cmocka_unit_test(replays_change_nothing__protocol_7_2_22),
		cmocka_unit_test(replayed_past_life_does_not_end_the_present),
		cmocka_unit_test(another_deployment_is_ignored),
		cmocka_unit_test(certificate_of_another_authority_is_refused),
		cmocka_unit_test(own_keys_on_another_machine_are_reported),
		cmocka_unit_test(rekey_loses_no_packet),
		cmocka_unit_test(lost_fin_is_repeated_beside_a_live_session),
		cmocka_unit_test(hours_leave_no_trace),
		cmocka_unit_test(restarted_peer_loses_its_routes_at_once),
		cmocka_unit_test(frames_of_a_past_life_are_not_opened__protocol_7_2_12),
		cmocka_unit_test(slow_links_keep_their_peers),
		cmocka_unit_test(silent_peer_is_lost_and_found_again),
		cmocka_unit_test(what_was_held_back_makes_no_neighbour),
		cmocka_unit_test(who_answers_is_heard_again),
		cmocka_unit_test(what_was_overtaken_is_no_news),
		cmocka_unit_test(handshake_flood_leaves_sessions_alone__protocol_7_2_21),
		cmocka_unit_test(replayed_initiations_do_not_keep_a_member_out),
		cmocka_unit_test(replayed_beacons_do_not_use_up_our_calls),
		cmocka_unit_test(newcomer_gets_in_during_a_flood),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
