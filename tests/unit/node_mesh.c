/* Several nodes: forwarding, healing, who may announce what, roaming, leaving. */
#include "tests/unit/node_world.h"

#include "meshd/node/state.h"

#include <errno.h>

/* 0 ── 1 ── 2 on segments 0 and 1; LANs behind both ends. */
static struct world *chain(uint64_t seed)
{
	struct world *w = world_new(seed);
	struct prefix lans[3] = { prefix_make("10.0.0.0/24"), { 0 }, prefix_make("10.2.0.0/16") };

	station_enrol(w, 0, "10.0.0.0/24", NULL);
	station_enrol(w, 1, NULL, NULL);
	station_enrol(w, 2, "10.2.0.0/16", "2001:db8:2::/48");
	for (unsigned i = 0; i < 3; i++)
		station_start(w, i);
	for (unsigned i = 0; i < 3; i += 2)
		assert_int_equal(node_originate(w->stations[i].node, w->now, &lans[i]), 0);
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	station_join(w, 2, 1);
	world_run(w, 15 * A_SECOND);
	all_reach(w, 3);
	return w;
}

static void chain_forwards_both_families(void **state)
{
	struct address a = addr("10.0.0.5"), b = addr("10.2.7.7");
	struct world *w = chain(1);

	(void)state;
	station_say(w, 0, 2, 1);
	world_run(w, A_SECOND);
	assert_true(w->stations[2].seen[1]);
	assert_int_equal(w->stations[2].hops, 63);
	station_send_packet(w, 0, &a, &b, 64, 100, 2);
	station_send_packet(w, 2, &b, &a, 64, 100, 3);
	world_run(w, A_SECOND);
	assert_true(w->stations[2].seen[2]);
	assert_true(w->stations[0].seen[3]);
	assert_int_equal(w->stations[0].hops, 63);
	assert_int_equal(w->stations[1].received, 0);
	assert_int_equal(counters_of(w, 1)->packets_forwarded, 3);
	assert_int_equal(world_flow(w, 0, 2, 100, 500, MILLISECOND), 0);
	assert_int_equal(world_flow(w, 2, 0, 100, 500, MILLISECOND), 0);
	world_free(w);
}

static void hop_limit_ends_at_the_relay_that_says_so(void **state)
{
	struct address a = addr("10.0.0.5"), b = addr("10.2.7.7"), dummy = addr("192.0.0.8");
	struct world *w = chain(2);
	struct station *s = &w->stations[0];

	(void)state;
	station_send_packet(w, 0, &s->address, &w->stations[2].address, 1, 64, 1);
	world_run(w, A_SECOND);
	assert_int_equal(s->icmp_count, 1);
	assert_int_equal(s->icmp_type, 3);
	assert_true(address_equal(&s->icmp_from, &w->stations[1].address));
	station_send_packet(w, 0, &a, &b, 1, 64, 2);
	world_run(w, A_SECOND);
	assert_int_equal(s->icmp_count, 2);
	assert_int_equal(s->icmp_type, 11);
	assert_true(address_equal(&s->icmp_from, &dummy));
	assert_int_equal(w->stations[2].received, 0);
	assert_int_equal(counters_of(w, 1)->drops.hop_limit, 2);
	station_send_packet(w, 0, &a, &b, 2, 64, 3);
	world_run(w, A_SECOND);
	assert_true(w->stations[2].seen[3]);
	world_free(w);
}

static void unknown_destination_is_answered(void **state)
{
	struct address nowhere = addr("2001:db8:9::1"), a = addr("10.0.0.5"), b = addr("10.9.0.1");
	struct world *w = chain(3);

	(void)state;
	station_send_packet(w, 0, &w->stations[0].address, &nowhere, 64, 64, 1);
	assert_int_equal(w->stations[0].icmp_type, 1);
	station_send_packet(w, 0, &a, &b, 64, 64, 1);
	assert_int_equal(w->stations[0].icmp_type, 3);
	assert_int_equal(counters_of(w, 0)->drops.no_route, 2);
	world_free(w);
}

static void kernel_is_told_what_lies_outside(void **state)
{
	struct prefix lan = prefix_make("10.2.0.0/16");
	struct world *w = chain(4);

	(void)state;
	/* 10.2.0.0/16 only: the deployment's own prefix is routed to the mesh once and for all. */
	assert_int_equal(w->stations[0].kernel_adds, 1);
	assert_int_equal(node_withdraw(w->stations[2].node, w->now, &lan), 0);
	station_poll(&w->stations[2]);
	world_run(w, 10 * A_MINUTE); /* held for a while: no covering route may be used */
	assert_int_equal(w->stations[0].kernel_removes, 1);
	assert_int_equal(node_withdraw(w->stations[2].node, w->now, &lan), -ENOENT);
	world_free(w);
}

/* 0 ── 1 ── 2 and 0 ── 3 ── 2 on segments 0..3. */
static struct world *diamond(uint64_t seed)
{
	struct world *w = world_of(seed, 4);

	station_join(w, 0, 0);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	station_join(w, 2, 1);
	station_join(w, 0, 2);
	station_join(w, 3, 2);
	station_join(w, 3, 3);
	station_join(w, 2, 3);
	world_run(w, 20 * A_SECOND);
	return w;
}

static unsigned segment_in_use(struct world *w, unsigned from, unsigned to)
{
	struct prefix p = prefix_of_host(w->stations[to].address);
	struct babel_route r;

	assert_true(babel_selected(node_babel(w->stations[from].node), &p, BABEL_TEXT, &r));
	return r.link;
}

static void cut_heals_over_the_second_path(void **state)
{
	(void)state;
	for (unsigned carrier = 0; carrier < 2; carrier++) {
		for (uint64_t seed = 10; seed < 16; seed++) {
			struct world *w = diamond(seed);
			unsigned lost = 0, used = segment_in_use(w, 0, 2);

			assert_int_equal(world_flow(w, 0, 2, 0, 100, 10 * MILLISECOND), 0);
			w->segments[used].is_cut = true;
			if (carrier) {
				node_link_set_up(w->stations[0].node, w->now, used, false);
				station_poll(&w->stations[0]);
			}
			lost = world_flow(w, 0, 2, 1000, 1000, 10 * MILLISECOND);
			/* Silent: five missed Hellos of 0.5 s and some. Told: at once, if feasible; else one request.
			 */
			assert_true(lost < (carrier ? 50 : 400));
			assert_int_equal(world_flow(w, 0, 2, 3000, 100, 10 * MILLISECOND), 0);
			assert_int_equal(world_flow(w, 2, 0, 3000, 100, 10 * MILLISECOND), 0);
			w->segments[used].is_cut = false;
			if (carrier)
				node_link_set_up(w->stations[0].node, w->now, used, true);
			world_run(w, 60 * A_SECOND);
			assert_true(is_peer(w, 0, used == 0 ? 1 : 3, used));
			assert_int_equal(world_flow(w, 0, 2, 4000, 100, 10 * MILLISECOND), 0);
			world_free(w);
		}
	}
}

static void cut_of_the_only_path_is_told_to_the_sender(void **state)
{
	struct world *w = chain(20);

	(void)state;
	w->segments[1].is_cut = true;
	world_run(w, 10 * A_SECOND);
	assert_false(reaches(w, 0, 2));
	station_say(w, 0, 2, 1);
	world_run(w, A_SECOND);
	assert_int_equal(w->stations[0].icmp_type, 1);
	w->segments[1].is_cut = false;
	assert_true(world_until_reached(w, 0, 2, 60 * A_SECOND) != UINT64_MAX);
	world_run(w, 5 * A_SECOND);
	assert_int_equal(world_flow(w, 0, 2, 10, 50, 10 * MILLISECOND), 0);
	world_free(w);
}

static void clean_leave_is_known_at_once(void **state)
{
	struct world *w = chain(21);

	(void)state;
	node_shutdown(w->stations[1].node, w->now);
	world_run(w, 5 * MILLISECOND);
	assert_false(reaches(w, 0, 1));
	assert_false(reaches(w, 0, 2));
	assert_false(reaches(w, 2, 0));
	/* And that it will not come back soon: nobody waits for its silence. */
	struct node_peer_info info;
	assert_false(peer_info(w, 0, 1, 0, &info));
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 1);
	station_kill(w, 1);
	world_run(w, 10 * A_SECOND);
	assert_false(reaches(w, 0, 1));
	station_start(w, 1);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	assert_true(world_until_reached(w, 0, 2, 20 * A_SECOND) != UINT64_MAX);
	world_free(w);
}

static void restarted_relay_is_used_again(void **state)
{
	(void)state;
	for (unsigned kept = 0; kept < 2; kept++) {
		struct world *w = chain(22 + kept);

		station_kill(w, 1);
		if (!kept)
			w->stations[1].has_stored_seqno = false;
		station_start(w, 1);
		station_join(w, 1, 0);
		station_join(w, 1, 1);
		world_run(w, 20 * A_SECOND);
		assert_int_equal(world_flow(w, 0, 2, 10, 50, 10 * MILLISECOND), 0);
		assert_int_equal(world_flow(w, 0, 1, 10, 50, 10 * MILLISECOND), 0);
		world_free(w);
	}
}

/* The number that was stored counts for the router-id of its time only. */
static void seqno_that_was_lost_once_and_then_kept_is_believed__protocol_6_3(void **state)
{
	struct world *w = chain(24);

	(void)state;
	for (unsigned life = 0; life < 12; life++) {
		station_kill(w, 1);
		if (life % 2 == 0)
			w->stations[1].has_stored_seqno = false;
		station_start(w, 1);
		station_join(w, 1, 0);
		station_join(w, 1, 1);
		world_run(w, 10 * A_SECOND);
		assert_true(reaches(w, 0, 1));
		assert_true(reaches(w, 2, 1));
	}
	world_free(w);
}

/* --- who may announce what --------------------------------------------------------------- */

static void node_announces_only_what_its_certificate_names(void **state)
{
	struct world *w = chain(30);
	struct node *n = w->stations[0].node;
	struct prefix foreign = prefix_make("10.9.0.0/24"), wider = prefix_make("10.0.0.0/23"),
		      all = prefix_make("0.0.0.0/0"), part = prefix_make("10.0.0.128/25"),
		      again = prefix_make("10.0.0.0/24"), other = prefix_of_host(w->stations[2].address);

	(void)state;
	assert_int_equal(node_originate(n, w->now, &foreign), -EACCES);
	assert_int_equal(node_originate(n, w->now, &wider), -EACCES);
	assert_int_equal(node_originate(n, w->now, &all), -EACCES);
	assert_int_equal(node_originate(n, w->now, &other), -EACCES);
	assert_int_equal(node_originate(n, w->now, &again), -EEXIST);
	assert_int_equal(node_originate(n, w->now, &part), 0);
	world_free(w);
}

/* A member whose program has been changed: its engine announces what it likes. */
static void hostile_announce(struct world *w, unsigned i, const struct prefix *p)
{
	assert_int_equal(babel_originate(w->stations[i].node->babel, w->now, p, 0), 0);
	station_poll(&w->stations[i]);
}

static void what_a_hostile_member_announces_is_not_accepted(void **state)
{
	struct world *w = chain(31);
	struct prefix lies[] = { prefix_make("10.2.9.0/24"), prefix_make("0.0.0.0/0"), prefix_make("::/0"),
		prefix_of_host(w->stations[2].address), node_deployment(w->stations[0].node) };
	struct address victims[] = { addr("10.2.9.9"), addr("8.8.8.8"), addr("2001:db8::1") };

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		hostile_announce(w, 0, &lies[i]);
	world_run(w, 10 * A_SECOND);
	assert_true(babel_counters(node_babel(w->stations[1].node))->updates_refused > 0);
	for (unsigned i = 1; i < 3; i++) {
		struct prefix match;

		for (unsigned k = 0; k < 5; k++) {
			struct babel_route r;

			if (babel_selected(node_babel(w->stations[i].node), &lies[k], BABEL_TEXT, &r))
				assert_false(router_id_equal(&r.origin, &w->stations[0].rid));
		}
		for (unsigned k = 1; k < 3; k++)
			assert_int_equal(node_lookup(w->stations[i].node, &victims[k], &match), NODE_VERDICT_NONE);
	}
	assert_true(w->stations[1].events[NODE_REFUSED] > 0);
	/* The truth is not hurt by the lies. */
	assert_int_equal(world_flow(w, 1, 2, 0, 20, 10 * MILLISECOND), 0);
	station_send_packet(w, 1, &w->stations[1].address, &w->stations[0].address, 64, 64, 100);
	world_run(w, A_SECOND);
	assert_true(w->stations[0].seen[100]);
	world_free(w);
}

/* What a member can cause in any number is a counter; the log gets a few lines. */
static void refusals_do_not_flood_the_log(void **state)
{
	struct world *w = chain(33);
	unsigned before;

	(void)state;
	before = w->stations[1].events[NODE_REFUSED];
	for (unsigned i = 0; i < 200; i++) {
		struct prefix lie = prefix_of(address_ipv4((uint8_t[]){ 11, (uint8_t)i, 0, 0 }), 24);

		hostile_announce(w, 0, &lie);
	}
	world_run(w, A_MINUTE);
	assert_true(counters_of(w, 1)->drops.certificate_refused >= 200);
	assert_true(w->stations[1].events[NODE_REFUSED] > before);
	assert_true(w->stations[1].events[NODE_REFUSED] - before < 20);
	world_free(w);
}

/* The relay is in the plot: it believes that the certificate of 0 names more. The
 * next node checks by what the authority signed. */
static void what_a_colluding_relay_passes_on_is_not_accepted(void **state)
{
	struct world *w = chain(32);
	struct prefix lie = prefix_make("10.2.9.0/24");
	struct known *k = (struct known *)trust_by_rid(w->stations[1].node, &w->stations[0].rid);
	struct babel_route r;

	(void)state;
	assert_non_null(k);
	k->own[0].certificate.prefixes[k->own[0].certificate.prefix_count++] = lie;
	hostile_announce(w, 0, &lie);
	world_run(w, 10 * A_SECOND);
	assert_true(babel_selected(node_babel(w->stations[1].node), &lie, BABEL_TEXT, &r)); /* the plot works ... */
	assert_false(babel_selected(node_babel(w->stations[2].node), &lie, BABEL_TEXT, &r)); /* ... so far */
	assert_true(babel_counters(node_babel(w->stations[2].node))->updates_refused > 0);
	world_free(w);
}

/* A Babel packet full of origins that nobody has heard of. */
static void hostile_invent(struct world *w, unsigned i, unsigned to, unsigned segment)
{
	uint8_t packet[1400];
	struct writer p = writer_of(packet, sizeof(packet));
	struct address there = node_neighbour_address(&w->stations[to].rid);
	struct peer *peer = peer_find_address(w->stations[i].node->links[segment], &there);

	write_u16(&p, 42 << 8 | 2);
	write_u16(&p, 0);
	for (unsigned k = 0; k < 30; k++) {
		write_u32(&p, 6 << 24 | 10 << 16); /* Router-Id */
		write_u64(&p, prng_next(&w->prng));
		write_u32(&p, 8 << 24 | 26 << 16 | 2 << 8); /* Update, IPv6 */
		write_u32(&p, 128u << 24 | 400);
		write_u32(&p, 1 << 16 | 96); /* seqno, metric */
		write_u32(&p, 0x20010db8);
		write_u32(&p, k);
		write_u64(&p, prng_next(&w->prng));
	}
	assert_true(writer_ok(&p) && peer);
	packet[2] = (uint8_t)((writer_len(&p) - 4) >> 8);
	packet[3] = (uint8_t)(writer_len(&p) - 4);
	peer_send(peer, w->now, KIND_BABEL, writer_bytes(&p));
}

/* Each unknown origin makes a certificate wanted. A member that invents them must
 * not keep the others' from being fetched. */
static void invented_origins_do_not_crowd_out_the_honest(void **state)
{
	struct world *w = world_of(35, 4);
	uint64_t start;

	(void)state;
	station_kill(w, 0);
	w->stations[0].is_plain = true; /* its updates count outside of deltas */
	station_start(w, 0);
	for (unsigned g = 0; g < 3; g++) { /* 0 ── 1 ── 2 ── 3 */
		station_join(w, g, g);
		if (g < 2)
			station_join(w, g + 1, g);
	}
	world_run(w, 15 * A_SECOND);
	assert_true(reaches(w, 1, 2));
	for (unsigned i = 0; i < 40; i++) {
		hostile_invent(w, 0, 1, 0);
		world_run(w, 50 * MILLISECOND);
	}
	assert_true(babel_counters(node_babel(w->stations[1].node))->updates_refused > 100);
	assert_true(w->stations[1].node->want_count <= CERTIFICATE_WANTS_MAX);
	station_join(w, 3, 2);
	start = w->now;
	while (!reaches(w, 1, 3)) {
		hostile_invent(w, 0, 1, 0);
		world_run(w, 50 * MILLISECOND);
		assert_true(w->now < start + 20 * A_SECOND);
	}
	world_free(w);
}

/* Two announce the same; whoever was asked first falls silent before it has answered. */
static void another_announcer_is_asked_for_the_certificate(void **state)
{
	struct world *w = world_of(41, 4);
	struct node *newcomer = w->stations[3].node;

	(void)state;
	for (unsigned i = 1; i <= 2; i++) { /* 0 ── 1 ── 3, 0 ── 2 ── 3 */
		station_join(w, 0, i);
		station_join(w, i, i);
		station_join(w, i, 2 + i);
	}
	world_run(w, 15 * A_SECOND);
	for (unsigned i = 1; i <= 2; i++)
		station_join(w, 3, 2 + i);
	while (!newcomer->want_count)
		world_run(w, MILLISECOND);
	w->segments[newcomer->wants[0].link].is_cut = true;
	world_run(w, 20 * A_SECOND);
	assert_true(reaches(w, 3, 0));
	world_free(w);
}

/* The certificate issued last holds, here and on disk, in whatever order they come. */
static void older_certificate_does_not_replace_a_newer_one(void **state)
{
	struct world *w = world_of(34, 2);
	struct certificate older = w->stations[1].enrolment.certificate, newer = older;
	const struct certificate *order[3] = { &older, &newer, &older };
	unsigned stored = 0;

	(void)state;
	prefix_add(&newer, "10.7.0.0/24");
	assert_int_equal(certificate_issue(&newer, &w->authority), 0);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t encoded[CERTIFICATE_MAX_LEN];
		int len = certificate_encode(order[i], encoded, sizeof(encoded));

		assert_int_equal(node_certificate_add(w->stations[0].node, bytes_of(encoded, (size_t)len)), 0);
		if (i == 1)
			stored = w->stations[0].certificates_stored;
	}
	assert_int_equal(node_certificate_of(w->stations[0].node, &w->stations[1].rid)->serial, newer.serial);
	assert_int_equal(w->stations[0].certificates_stored, stored);
	world_free(w);
}

/* A process that did not run for a while has not missed what waits in its sockets. */
static void stalled_process_does_not_lose_its_neighbours__protocol_7_2_20(void **state)
{
	(void)state;
	for (uint64_t seed = 60; seed < 80; seed++) {
		struct world *w = world_of(seed, 2);
		struct node_link_config patient = link_config_of(&w->segments[0]);
		struct station *s = &w->stations[0];

		/* The other one must not be the first to lose patience. */
		patient.dead_misses = 20;
		station_join(w, 0, 0);
		station_join_with(w, 1, 0, &patient);
		world_run(w, 10 * A_SECOND + prng_below(&w->prng, A_SECOND));
		assert_true(reaches(w, 0, 1));
		s->stalled_until = w->now + 6 * A_SECOND;
		unsigned downs = s->events[NODE_ROUTE_DOWN] + s->events[NODE_NEIGHBOUR_DOWN];
		world_run(w, 6 * A_SECOND + 400 * MILLISECOND);
		assert_int_equal(s->events[NODE_ROUTE_DOWN] + s->events[NODE_NEIGHBOUR_DOWN], downs);
		assert_true(reaches(w, 0, 1));
		world_run(w, 10 * A_SECOND);
		assert_int_equal(s->events[NODE_ROUTE_DOWN] + s->events[NODE_NEIGHBOUR_DOWN], downs);
		assert_true(reaches(w, 1, 0));
		world_free(w);
	}
}

/* --- roaming --------------------------------------------------------------------------------- */

#define NET 3

static struct world *roaming_pair(uint64_t seed)
{
	struct world *w = world_of(seed, 2);

	segment_make(w, NET, false);
	station_join(w, 0, NET);
	station_behind_nat(w, 1, NET, 40000);
	station_join(w, 1, NET);
	station_target(w, 1, 0, NET);
	world_run(w, 10 * A_SECOND);
	assert_true(is_peer(w, 0, 1, NET));
	assert_true(is_peer(w, 1, 0, NET));
	return w;
}

static struct endpoint seen_at(struct world *w, unsigned i, unsigned other)
{
	struct node_peer_info info;

	assert_true(peer_info(w, i, other, NET, &info));
	return info.endpoint;
}

static void authentic_frame_from_elsewhere_moves_the_peer(void **state)
{
	struct world *w = roaming_pair(40);
	struct endpoint before = seen_at(w, 0, 1);

	(void)state;
	assert_true(endpoint_equal(&before, &w->stations[1].ports[NET].outside));
	/* The NAT forgets and gives another port. */
	station_behind_nat(w, 1, NET, 50000);
	station_say(w, 1, 0, 1);
	world_run(w, 10 * MILLISECOND);
	struct endpoint after = seen_at(w, 0, 1);
	assert_true(endpoint_equal(&after, &w->stations[1].ports[NET].outside));
	assert_int_equal(world_flow(w, 0, 1, 10, 50, 10 * MILLISECOND), 0);
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 0);
	world_free(w);
}

static void forged_or_replayed_frame_does_not_move_the_peer(void **state)
{
	struct world *w = roaming_pair(41);
	struct endpoint elsewhere = endpoint_ip(66, 66, 666), before, after;
	unsigned tried = 0;

	(void)state;
	before = seen_at(w, 0, 1);
	w->is_recording = true;
	world_flow(w, 1, 0, 0, 20, 10 * MILLISECOND);
	w->is_recording = false;
	for (unsigned i = 0; i < w->tape_count; i++) {
		struct flight f = w->tape[i];

		if (f.from != 1)
			continue;
		station_hear(&w->stations[0], NET, &elsewhere, bytes_of(f.data, f.len));
		f.data[f.len - 1] ^= 1;
		station_hear(&w->stations[0], NET, &elsewhere, bytes_of(f.data, f.len));
		f.data[10] ^= 0x40; /* a counter that was not used yet */
		station_hear(&w->stations[0], NET, &elsewhere, bytes_of(f.data, f.len));
		tried++;
	}
	assert_true(tried >= 20);
	after = seen_at(w, 0, 1);
	assert_true(endpoint_equal(&after, &before));
	assert_true(counters_of(w, 0)->drops.replayed >= 20);
	assert_true(counters_of(w, 0)->drops.not_authentic >= 20);
	assert_int_equal(world_flow(w, 0, 1, 100, 20, 10 * MILLISECOND), 0);
	world_free(w);
}

static void keepalive_holds_the_nat_open(void **state)
{
	struct world *w = roaming_pair(42);
	uint64_t frames;

	(void)state;
	frames = w->segments[NET].frames[FRAME_TYPE_DATA];
	world_run(w, 26 * A_SECOND);
	assert_true(w->segments[NET].frames[FRAME_TYPE_DATA] > frames);
	world_run(w, AN_HOUR / 2);
	assert_int_equal(world_flow(w, 0, 1, 10, 20, 10 * MILLISECOND), 0);
	world_free(w);
}

/* --- sizes ------------------------------------------------------------------------------------- */

static void too_big_comes_back_and_the_flow_goes_on(void **state)
{
	struct world *w = world_of(50, 3);
	struct station *s = &w->stations[0];

	(void)state;
	w->segments[1].mtu = 1400;
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	station_join(w, 2, 1);
	world_run(w, 15 * A_SECOND);
	/* Fits the first link, not the second. */
	station_send_packet(w, 0, &s->address, &w->stations[2].address, 64, 1400, 1);
	world_run(w, A_SECOND);
	assert_int_equal(s->icmp_type, 2);
	assert_int_equal(s->icmp_mtu, 1400 - NODE_OVERHEAD);
	assert_true(address_equal(&s->icmp_from, &w->stations[1].address));
	station_send_packet(w, 0, &s->address, &w->stations[2].address, 64, s->icmp_mtu - 40, 2);
	world_run(w, A_SECOND);
	assert_true(w->stations[2].seen[2]);
	assert_false(w->stations[2].seen[1]);
	/* Does not fit the own link: the host itself is told. */
	station_send_packet(w, 0, &s->address, &w->stations[2].address, 64, 1500, 3);
	assert_int_equal(s->icmp_count, 2);
	assert_int_equal(s->icmp_mtu, 1500 - NODE_OVERHEAD);
	assert_true(address_equal(&s->icmp_from, &s->address));
	world_free(w);
}

/* --- time ---------------------------------------------------------------------------------------- */

static void node_without_a_clock_is_a_member__protocol_5(void **state)
{
	struct world *w = world_new(60);

	(void)state;
	/* The certificates are valid from 29000000 on; station 0 thinks that it is 1970. */
	for (unsigned i = 0; i < 2; i++) {
		station_enrol(w, i, NULL, NULL);
		w->stations[i].t_lo = i ? 29500000 : 0;
		station_start(w, i);
		station_join(w, i, 0);
	}
	world_run(w, 10 * A_SECOND);
	assert_true(is_peer(w, 0, 1, 0));
	assert_true(is_peer(w, 1, 0, 0));
	world_free(w);
}

static void certainly_expired_certificate_is_refused(void **state)
{
	struct world *w = world_new(61);
	struct certificate *c = &w->stations[0].enrolment.certificate;

	(void)state;
	station_enrol(w, 0, NULL, NULL);
	station_enrol(w, 1, NULL, NULL);
	c->not_after = 29400000;
	assert_int_equal(certificate_issue(c, &w->authority), 0);
	w->stations[1].t_lo = 29400001;
	for (unsigned i = 0; i < 2; i++) {
		station_start(w, i);
		station_join(w, i, 0);
	}
	world_run(w, 20 * A_SECOND);
	assert_false(is_peer(w, 1, 0, 0));
	assert_false(reaches(w, 1, 0));
	assert_true(counters_of(w, 1)->drops.certificate_refused > 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_forwards_both_families),
		cmocka_unit_test(hop_limit_ends_at_the_relay_that_says_so),
		cmocka_unit_test(unknown_destination_is_answered),
		cmocka_unit_test(kernel_is_told_what_lies_outside),
		cmocka_unit_test(cut_heals_over_the_second_path),
		cmocka_unit_test(cut_of_the_only_path_is_told_to_the_sender),
		cmocka_unit_test(clean_leave_is_known_at_once),
		cmocka_unit_test(restarted_relay_is_used_again),
		cmocka_unit_test(stalled_process_does_not_lose_its_neighbours__protocol_7_2_20),
		cmocka_unit_test(seqno_that_was_lost_once_and_then_kept_is_believed__protocol_6_3),
		cmocka_unit_test(node_announces_only_what_its_certificate_names),
		cmocka_unit_test(what_a_hostile_member_announces_is_not_accepted),
		cmocka_unit_test(refusals_do_not_flood_the_log),
		cmocka_unit_test(invented_origins_do_not_crowd_out_the_honest),
		cmocka_unit_test(another_announcer_is_asked_for_the_certificate),
		cmocka_unit_test(older_certificate_does_not_replace_a_newer_one),
		cmocka_unit_test(what_a_colluding_relay_passes_on_is_not_accepted),
		cmocka_unit_test(authentic_frame_from_elsewhere_moves_the_peer),
		cmocka_unit_test(forged_or_replayed_frame_does_not_move_the_peer),
		cmocka_unit_test(keepalive_holds_the_nat_open),
		cmocka_unit_test(too_big_comes_back_and_the_flow_goes_on),
		cmocka_unit_test(node_without_a_clock_is_a_member__protocol_5),
		cmocka_unit_test(certainly_expired_certificate_is_refused),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
