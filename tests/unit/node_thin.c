/* Thin links: small frames with short headers, and what they make of packets and handshakes. */
#include "tests/unit/node_world.h"

#define LINE 0

static struct world *world_thin(uint64_t seed, unsigned stations, size_t mtu, bool is_paired)
{
	struct world *w = world_of(seed, stations);
	struct segment *s = &w->segments[LINE];

	segment_make(w, LINE, true);
	s->is_thin = true;
	s->is_paired = is_paired;
	s->is_lossy = true;
	s->mtu = mtu;
	return w;
}

static void all_join(struct world *w, unsigned stations)
{
	for (unsigned i = 0; i < stations; i++)
		station_join(w, i, LINE);
}

static void all_join_with(struct world *w, unsigned stations, const struct node_link_config *config)
{
	for (unsigned i = 0; i < stations; i++)
		station_join_with(w, i, LINE, config);
}

/* By a radio of 9,600 bit/s, which is given no more. */
static void all_join_by_radio(struct world *w, unsigned stations)
{
	struct node_link_config config;

	w->segments[LINE].rate_bps = 9600;
	config = link_config_of(&w->segments[LINE]);
	config.is_shaped = true;
	config.hello_ms = 4000;
	all_join_with(w, stations, &config);
}

/* By modems that take a minute for a message. */
static void all_join_by_modem(struct world *w, unsigned stations)
{
	struct node_link_config config;

	w->segments[LINE].rate_bps = 233;
	config = link_config_of(&w->segments[LINE]);
	config.hello_ms = 60000;
	config.update_s = 600;
	config.dead_misses = 8;
	all_join_with(w, stations, &config);
}

static void assert_peers(struct world *w, unsigned a, unsigned b)
{
	assert_true(is_peer(w, a, b, LINE));
	assert_true(is_peer(w, b, a, LINE));
	assert_true(reaches(w, a, b));
	assert_true(reaches(w, b, a));
}

static void assert_talk(struct world *w, unsigned a, unsigned b, uint32_t first)
{
	assert_int_equal(world_flow(w, a, b, first, 10, 10 * MILLISECOND), 0);
	assert_int_equal(world_flow(w, b, a, first + 10, 10, 10 * MILLISECOND), 0);
}

/* --- frames -------------------------------------------------------------------------- */

static void two_strangers_meet_and_talk(void **state)
{
	static const size_t mtus[] = { 64, 200, 240, 512, 1500 };

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct world *w = world_thin(100 + i, 2, mtus[i / 2], i % 2);

		all_join(w, 2);
		world_run(w, 5 * A_SECOND);
		assert_peers(w, 0, 1);
		assert_talk(w, 0, 1, 0);
		assert_true(w->segments[LINE].longest <= mtus[i / 2]);
		assert_int_equal(drops_of(w, 0) + drops_of(w, 1), 0);
		world_free(w);
	}
}

static void data_frames_have_eleven_bytes_more__protocol_4_5(void **state)
{
	(void)state;
	for (unsigned paired = 0; paired < 2; paired++) {
		struct world *w = world_thin(1, 2, 240, paired);

		all_join(w, 2);
		world_run(w, 5 * A_SECOND);
		uint64_t before = w->segments[LINE].bytes;
		uint64_t frames = w->segments[LINE].frames[FRAME_TYPE_DATA];
		station_say(w, 0, 1, 7);
		assert_int_equal(w->segments[LINE].frames[FRAME_TYPE_DATA] - frames, 1);
		assert_int_equal(
			w->segments[LINE].bytes - before, 40 + 64 + (paired ? 11 : 12)); /* no checksum: as it is */
		world_free(w);
	}
}

/* IPv6 is owed 1,280 bytes, however small a frame is. */
static void packets_of_1280_bytes_travel_in_pieces(void **state)
{
	static const size_t mtus[] = { 64, 240, 512 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct world *w = world_thin(i, 2, mtus[i], true);
		uint32_t number = 0;

		all_join(w, 2);
		world_run(w, 5 * A_SECOND);
		for (size_t len = 8; len <= 1280 - 40; len += len < 1100 ? 37 : 1)
			station_send_packet(w, 0, &w->stations[0].address, &w->stations[1].address, 64, len, number++);
		world_run(w, A_SECOND);
		for (uint32_t k = 0; k < number; k++)
			assert_true(w->stations[1].seen[k]);
		assert_true(counters_of(w, 0)->pieces_sent > number);
		assert_int_equal(drops_of(w, 0) + drops_of(w, 1), 0);
		assert_int_equal(w->stations[1].node->join_count, 0);
		station_send_packet(w, 0, &w->stations[0].address, &w->stations[1].address, 64, 1241, number);
		assert_int_equal(w->stations[0].icmp_mtu, 1280);
		world_free(w);
	}
}

static void a_radio_of_six_is_one_neighbourhood(void **state)
{
	(void)state;
	for (unsigned open = 0; open < 2; open++) {
		struct world *w = world_thin(open, 6, 240, false);

		w->segments[LINE].is_open = open;
		all_join(w, 6);
		world_run(w, 60 * A_SECOND);
		for (unsigned a = 0; a < 6; a++)
			for (unsigned b = 0; b < a; b++)
				assert_peers(w, a, b);
		for (unsigned a = 1; a < 6; a++)
			assert_talk(w, 0, a, 100 * a);
		world_free(w);
	}
}

/* A line says whom its frames are for only if there are several. */
static void ends_that_disagree_on_the_frame_do_not_meet(void **state)
{
	struct world *w = world_thin(1, 2, 240, true);
	struct node_link_config other;

	(void)state;
	station_join(w, 0, LINE);
	other = link_config_of(&w->segments[LINE]);
	other.is_paired = false;
	station_join_with(w, 1, LINE, &other);
	world_run(w, 10 * A_SECOND);
	assert_false(is_peer(w, 0, 1, LINE));
	assert_true(counters_of(w, 0)->drops.handshake_failed + counters_of(w, 1)->drops.handshake_failed > 0);
	world_free(w);
}

static void noise_and_loss_harm_nothing(void **state)
{
	struct world *w = world_thin(4, 2, 120, false);
	unsigned lost;

	(void)state;
	w->segments[LINE].loss = 50;
	w->segments[LINE].corruption = 50;
	w->segments[LINE].duplication = 50;
	all_join(w, 2);
	world_run(w, 60 * A_SECOND);
	assert_true(is_peer(w, 0, 1, LINE));
	lost = world_flow(w, 0, 1, 0, 1000, 10 * MILLISECOND);
	assert_true(lost < 250);
	assert_int_equal(w->stations[1].twice, 0);
	assert_true(counters_of(w, 1)->drops.replayed > 0);
	assert_true(counters_of(w, 1)->drops.not_authentic > 0);
	world_free(w);
}

/* Two sessions whose frames cannot be told apart but by their tags. */
static void sessions_that_look_alike_are_told_apart_by_their_tags(void **state)
{
	struct world *w = world_thin(5, 3, 240, false);
	struct peer *a, *b;

	(void)state;
	all_join(w, 3);
	world_run(w, 20 * A_SECOND);
	assert_peers(w, 0, 1);
	assert_peers(w, 0, 2);
	struct node_link *link = w->stations[0].node->links[LINE];
	a = peer_find_id(link, w->stations[1].node->id);
	b = peer_find_id(link, w->stations[2].node->id);
	struct peer *back = peer_find_id(w->stations[2].node->links[LINE], w->stations[0].node->id);
	b->keys.current.local_index = a->keys.current.local_index ^ 0xffff0000;
	back->keys.current.remote_index = b->keys.current.local_index;
	assert_talk(w, 0, 1, 0);
	assert_talk(w, 0, 2, 100);
	world_free(w);
}

static void new_indices_avoid_those_that_show(void **state)
{
	struct world *w = world_thin(6, 6, 240, false);

	(void)state;
	w->segments[LINE].is_open = true;
	all_join(w, 6);
	world_run(w, 60 * A_SECOND);
	bool taken[THIN_INDEX_MASK + 1] = { false };
	for (unsigned i = 0; i < 6; i++) {
		struct node_link *link = w->stations[i].node->links[LINE];

		list_for_each (node, next, &link->peers) {
			const struct peer *p = list_entry(node, struct peer, on_link);
			uint32_t shown = p->keys.current.local_index & THIN_INDEX_MASK;

			assert_false(i == 0 && taken[shown]); /* of one node never */
			taken[shown] |= i == 0;
		}
	}
	for (unsigned draw = 0; draw < 100; draw++) {
		uint32_t value = thin_index_fresh(w->stations[0].node->links[LINE]);

		assert_false(taken[value & THIN_INDEX_MASK]);
	}
	world_free(w);
}

/* --- headers ------------------------------------------------------------------------------- */

/* What the test's host takes for a numbered packet, with the port that makes the checksum at 16 right: TCP. */
static void say_tcp(struct world *w, unsigned i, unsigned to, size_t len, uint32_t number)
{
	uint8_t pseudo[32 + PACKET_MAX];
	struct test_packet p;

	packet_make(&p, &w->stations[i].address, &w->stations[to].address, 6, 64, len);
	uint8_t *tcp = p.data + 40;
	memset(tcp, 0, 4);
	tcp[4] = (uint8_t)(number >> 24);
	tcp[5] = (uint8_t)(number >> 16);
	tcp[6] = (uint8_t)(number >> 8);
	tcp[7] = (uint8_t)number;
	memcpy(pseudo, p.data + 8, 32);
	memcpy(pseudo + 32, tcp, len);
	uint16_t port = (uint16_t)~ones_sum(pseudo, 32 + len, (uint32_t)(len + 6));
	tcp[0] = (uint8_t)(port >> 8);
	tcp[1] = (uint8_t)port;
	station_packet_in(w, i, &p);
}

static void headers_are_compressed_between_members(void **state)
{
	struct world *w = world_thin(40, 2, 240, true);

	(void)state;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	uint64_t before = w->segments[LINE].bytes;
	say_tcp(w, 0, 1, 64, 1);
	/* 40 bytes become rule, hop limit and next header. */
	assert_int_equal(w->segments[LINE].bytes - before, 3 + 64 + 11);
	for (uint32_t k = 2; k < 100; k++)
		say_tcp(w, 0, 1, 8 + 12 * k, k);
	world_run(w, A_SECOND);
	for (uint32_t k = 1; k < 100; k++)
		assert_true(w->stations[1].seen[k]);
	assert_int_equal(counters_of(w, 0)->header_bytes_saved, 99 * 37);
	assert_int_equal(drops_of(w, 0) + drops_of(w, 1), 0);
	world_free(w);
}

/* Over a relay: the source is known to the receiver by its short-id, or is not. */
static void who_cannot_read_a_short_id_gets_the_address(void **state)
{
	struct world *w = world_thin(41, 4, 240, false);

	(void)state;
	segment_make(w, 1, true);
	segment_make(w, 2, true);
	station_join(w, 0, 1);
	station_join(w, 1, 1);
	station_join(w, 1, LINE);
	station_join(w, 2, LINE);
	station_join(w, 2, 2);
	station_join(w, 3, 2);
	assert_true(world_until_reached(w, 0, 3, 60 * A_SECOND) != UINT64_MAX);
	assert_true(world_until_reached(w, 2, 0, 60 * A_SECOND) != UINT64_MAX);
	say_tcp(w, 0, 3, 64, 1);
	world_run(w, A_SECOND);
	assert_true(w->stations[3].seen[1]);
	assert_int_equal(counters_of(w, 1)->header_bytes_saved, 33);
	/* To the receiver somebody else has the source's short-id too, and so nobody. */
	struct certificate twin = w->stations[0].enrolment.certificate;
	struct secret_identity other;
	identity_make(&other, 77);
	twin.key = other.public;
	w->authority.next_serial = twin.serial + 0x10000;
	assert_int_equal(certificate_issue(&twin, &w->authority), 0);
	assert_int_equal(twin.short_id, w->stations[0].enrolment.certificate.short_id);
	station_knows(w, 2, &twin);
	say_tcp(w, 0, 3, 64, 2);
	world_run(w, A_SECOND);
	assert_false(w->stations[3].seen[2]);
	assert_int_equal(counters_of(w, 2)->drops.not_expandable, 1);
	for (uint32_t k = 3; k < 10; k++)
		say_tcp(w, 0, 3, 64, k);
	world_run(w, A_SECOND);
	for (uint32_t k = 3; k < 10; k++)
		assert_true(w->stations[3].seen[k]);
	assert_int_equal(counters_of(w, 2)->drops.not_expandable, 1);
	assert_int_equal(counters_of(w, 1)->header_bytes_saved, 2 * 33);
	world_free(w);
}

/* --- handshakes ------------------------------------------------------------------------- */

/* Bytes of all handshake messages from here on until they have met. */
static uint64_t handshake_bytes(struct world *w)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < w->tape_count; i++)
		if (w->tape[i].data[0] >= FRAME_INIT && w->tape[i].data[0] <= FRAME_FIN)
			bytes += w->tape[i].len;
	return bytes;
}

static void acquaintances_meet_in_200_bytes__protocol_4_1(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world *w = world_thin(seed, 2, 240, true);

		w->is_recording = true;
		for (unsigned i = 0; i < 2; i++)
			station_knows_of(w, i, !i);
		station_join(w, 0, LINE);
		world_run(w, A_SECOND);
		station_join(w, 1, LINE);
		world_run(w, 3 * A_SECOND);
		assert_peers(w, 0, 1);
		assert_int_equal(w->segments[LINE].frames[FRAME_FIN], 0);
		if (w->segments[LINE].frames[FRAME_INIT] == 1)
			assert_in_range(handshake_bytes(w), 150, 200);
		assert_talk(w, 0, 1, 0);
		world_free(w);
	}
}

static void beacons_are_short(void **state)
{
	struct world *w = world_thin(1, 2, 240, true);

	(void)state;
	w->is_recording = true;
	station_join(w, 0, LINE);
	world_run(w, 3 * A_SECOND);
	assert_true(w->tape_count > 2);
	for (unsigned i = 0; i < w->tape_count; i++)
		assert_int_equal(w->tape[i].len, 25);
	world_free(w);
}

/* Only one of the two knows the other: it calls by a hash, and is asked who it is. */
static void who_is_not_known_by_its_hash_is_called_back(void **state)
{
	(void)state;
	for (unsigned knowing = 0; knowing < 2; knowing++) {
		struct world *w = world_thin(20 + knowing, 2, 240, false);

		station_knows_of(w, knowing, !knowing);
		all_join(w, 2);
		world_run(w, 10 * A_SECOND);
		assert_peers(w, 0, 1);
		assert_talk(w, 0, 1, 0);
		world_free(w);
	}
}

static void restarted_neighbour_is_met_again_by_hash(void **state)
{
	struct world *w = world_thin(8, 2, 240, true);

	(void)state;
	w->stations[0].has_disk = w->stations[1].has_disk = true;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	assert_peers(w, 0, 1);
	uint64_t fins = w->segments[LINE].frames[FRAME_FIN], parts = w->segments[LINE].frames[FRAME_PART];
	station_kill(w, 1);
	world_run(w, A_SECOND);
	station_start(w, 1);
	station_join(w, 1, LINE);
	world_run(w, 10 * A_SECOND);
	assert_peers(w, 0, 1);
	assert_int_equal(w->segments[LINE].frames[FRAME_FIN], fins);
	assert_int_equal(w->segments[LINE].frames[FRAME_PART], parts);
	world_free(w);
}

static void lost_messages_are_said_again(void **state)
{
	static const enum frame_type lost[] = { FRAME_INIT, FRAME_RESP, FRAME_FIN, FRAME_PART, FRAME_TYPE_DATA };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct world *w = world_thin(30 + i, 2, 240, true);

		w->segments[LINE].swallow[lost[i]] = 3;
		all_join(w, 2);
		world_run(w, 60 * A_SECOND);
		assert_peers(w, 0, 1);
		assert_talk(w, 0, 1, 0);
		world_free(w);
	}
}

static void keys_change_without_loss(void **state)
{
	struct world *w = world_thin(9, 2, 240, true);

	(void)state;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	struct peer *p = peer_find_id(w->stations[0].node->links[LINE], w->stations[1].node->id);
	uint64_t completed = counters_of(w, 0)->handshakes_completed;
	p->keys.current.send_counter = THIN_REKEY_FRAMES - 20;
	p->keys.current.window.head = 0;
	struct peer *back = peer_find_id(w->stations[1].node->links[LINE], w->stations[0].node->id);
	back->keys.current.window.head = THIN_REKEY_FRAMES - 20;
	assert_int_equal(world_flow(w, 0, 1, 0, 600, 100 * MILLISECOND), 0);
	assert_int_equal(counters_of(w, 0)->handshakes_completed, completed + 1);
	assert_true(p->keys.current.send_counter < 1000);
	world_free(w);
}

/* Nothing that was said before, by whomever, changes anything. */
static void replayed_frames_change_nothing(void **state)
{
	struct world *w = world_thin(10, 2, 120, false);

	(void)state;
	w->is_recording = true;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	assert_talk(w, 0, 1, 0);
	w->is_recording = false;
	unsigned received = w->stations[1].received;
	for (unsigned i = 0; i < w->tape_count; i++) {
		const struct flight *f = &w->tape[i];

		station_hear(&w->stations[!f->from], LINE, &f->source, bytes_of(f->data, f->len));
	}
	world_run(w, A_SECOND);
	assert_peers(w, 0, 1);
	assert_int_equal(w->stations[1].received, received);
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_UP], 1);
	assert_int_equal(w->stations[1].events[NODE_NEIGHBOUR_UP], 1);
	assert_talk(w, 0, 1, 100);
	world_free(w);
}

/* --- pieces ------------------------------------------------------------------------------- */

static struct peer *other_of(struct world *w, unsigned i)
{
	return peer_find_id(w->stations[i].node->links[LINE], w->stations[!i].node->id);
}

/* Whatever a member seals: joins are bounded, and what is no packet goes nowhere. */
static void a_member_cannot_fill_the_memory_with_pieces(void **state)
{
	struct world *w = world_thin(11, 2, 240, true);
	uint8_t piece[2 + 32] = { 0 };

	(void)state;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	for (unsigned id = 0; id < 256; id++) {
		piece[0] = (uint8_t)id;
		piece[1] = (uint8_t)(id % 7 << 1);
		peer_send(other_of(w, 0), w->now, KIND_PIECE, bytes_of(piece, sizeof(piece)));
		world_run(w, 10 * MILLISECOND);
		assert_true(w->stations[1].node->join_count <= JOINS_PER_PEER);
	}
	assert_int_equal(counters_of(w, 1)->drops.pieces_lost, 256 - JOINS_PER_PEER);
	world_run(w, 30 * A_SECOND);
	assert_int_equal(w->stations[1].node->join_count, 0);
	assert_int_equal(counters_of(w, 1)->drops.pieces_lost, 256);
	assert_talk(w, 0, 1, 0);
	world_free(w);
}

static void nothing_is_inside_itself(void **state)
{
	static const uint8_t bundles[][8] = { { 3, KIND_BUNDLE, 1, 2 }, { 4, KIND_PIECE, 0, 1, 0 }, { 0 },
		{ 200, 2, 1 } };
	struct world *w = world_thin(12, 2, 240, true);

	(void)state;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t before = counters_of(w, 1)->drops.unknown_kind;

		peer_send(other_of(w, 0), w->now, KIND_BUNDLE, bytes_of(bundles[i], 1 + (bundles[i][0] % 8)));
		world_run(w, 10 * MILLISECOND);
		assert_int_equal(counters_of(w, 1)->drops.unknown_kind, before + 1);
	}
	static const uint8_t piece[] = { 9, 1, KIND_PIECE, 1, 1, 1 };
	peer_send(other_of(w, 0), w->now, KIND_PIECE, bytes_of(piece, sizeof(piece)));
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(counters_of(w, 1)->drops.unknown_kind, 5);
	assert_talk(w, 0, 1, 0);
	world_free(w);
}

/* Several to a frame; a neighbour that says it leaves is gone before the rest is read. */
static void a_bundle_is_taken_apart(void **state)
{
	static const uint8_t pings[] = { 2, KIND_CONTROL, 1, 2, KIND_CONTROL, 1 };
	static const uint8_t leaves[] = { 2, KIND_CONTROL, 4, 2, KIND_CONTROL, 1 };
	struct world *w = world_thin(13, 2, 240, true);

	(void)state;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	peer_send(other_of(w, 0), w->now, KIND_BUNDLE, bytes_of(pings, sizeof(pings)));
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(drops_of(w, 1), 0);
	peer_send(other_of(w, 0), w->now, KIND_BUNDLE, bytes_of(leaves, sizeof(leaves)));
	world_run(w, 2 * MILLISECOND);
	assert_false(is_peer(w, 1, 0, LINE));
	world_free(w);
}

/* From 240 bytes on a length takes two: certificates share frames with what is small. */
static void a_bundle_has_room_for_long_ones(void **state)
{
	static const uint8_t bad[][3] = { { 0xf0 }, { 0xf1, 44, KIND_CONTROL }, { 0xff, 0xff, KIND_CONTROL } };
	uint8_t pings[2 + 300 + 3] = { 0xf1, 44, KIND_CONTROL, 1 };
	struct world *w = world_thin(13, 2, 600, true);
	uint64_t before;

	(void)state;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	memcpy(pings + 302, (const uint8_t[]){ 2, KIND_CONTROL, 1 }, 3);
	peer_send(other_of(w, 0), w->now, KIND_BUNDLE, bytes_of(pings, sizeof(pings)));
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(drops_of(w, 1), 0);
	before = counters_of(w, 1)->drops.unknown_kind;
	for (unsigned i = 0; i < 3; i++)
		peer_send(other_of(w, 0), w->now, KIND_BUNDLE, bytes_of(bad[i], i == 0 ? 1 : 3));
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(counters_of(w, 1)->drops.unknown_kind, before + 3);
	world_free(w);
}

/* Its radio was pulled out for a moment: the others believe for long that it hears them. */
static void who_was_there_before_is_called_again(void **state)
{
	struct world *w = world_thin(19, 3, 240, false);

	(void)state;
	all_join_by_radio(w, 3);
	world_run(w, 300 * A_SECOND);
	for (unsigned i = 0; i < 3; i++) {
		node_link_set_up(w->stations[2].node, w->now, LINE, false);
		world_run(w, 2 * A_SECOND);
		node_link_set_up(w->stations[2].node, w->now, LINE, true);
		world_run(w, 15 * A_SECOND);
		assert_true(reaches(w, 2, 0) && reaches(w, 0, 2));
		assert_true(reaches(w, 2, 1) && reaches(w, 1, 2));
		world_run(w, 60 * A_SECOND);
	}
	world_free(w);
}

/* Both call at once, and what crosses takes minutes: in the end they speak by one session. */
static void slow_handshakes_that_cross_are_one_meeting(void **state)
{
	struct world *w = world_thin(18, 2, 1750, true);

	(void)state;
	w->segments[LINE].delay = 60 * A_SECOND;
	all_join_by_modem(w, 2);
	world_run(w, 1200 * A_SECOND);
	assert_peers(w, 0, 1);
	assert_true(reaches(w, 0, 1) && reaches(w, 1, 0));
	assert_int_equal(counters_of(w, 0)->drops.not_fresh + counters_of(w, 1)->drops.not_fresh, 0);
	world_free(w);
}

/* A message a minute, and each of them a minute and more on its way: what was asked for is taken when it comes. */
static void certificates_come_by_slow_messages(void **state)
{
	struct world *w = world_thin(17, 3, 1750, true);

	(void)state;
	all_join_by_modem(w, 2);
	world_run(w, 600 * A_SECOND);
	assert_peers(w, 0, 1);
	w->segments[LINE].delay = 112 * A_SECOND;
	station_join(w, 1, LINE + 1);
	station_join(w, 2, LINE + 1);
	world_run(w, 1500 * A_SECOND);
	assert_true(reaches(w, 0, 2));
	world_free(w);
}

/* While a line is busy packets wait; then the small ones share frames, and all arrive once. */
static void what_waited_shares_frames(void **state)
{
	struct world *w = world_thin(16, 2, 240, true);

	(void)state;
	all_join_by_radio(w, 2);
	world_run(w, 60 * A_SECOND);
	assert_peers(w, 0, 1);
	uint64_t frames = w->segments[LINE].frames[FRAME_TYPE_DATA];
	for (uint32_t k = 1; k <= 20; k++)
		say_tcp(w, 0, 1, 24, k);
	world_run(w, 2 * A_SECOND);
	for (uint32_t k = 1; k <= 20; k++)
		assert_true(w->stations[1].seen[k]);
	assert_int_equal(w->stations[1].twice, 0);
	/* 24 bytes and 3 of headers, 29 in a bundle: eight to a frame, and the first by itself. */
	assert_in_range(w->segments[LINE].frames[FRAME_TYPE_DATA] - frames, 4, 12);
	assert_int_equal(drops_of(w, 0) + drops_of(w, 1), 0);
	world_free(w);
}

/* What somebody who looks on at one end sees leave, or come. */
struct looked {
	unsigned count, packets;
	bool has_whole;
	uint64_t seen[256];
};
static struct looked looked_out, looked_in;

static void look(struct looked *l, struct bytes inner)
{
	static const uint64_t key[2];

	assert_true(l->count < sizeof(l->seen) / sizeof(l->seen[0]));
	l->packets += kind_base(inner.data[0]) == KIND_IP;
	l->seen[l->count++] = siphash24(key, inner);
}

static void look_at_inner(
	void *user, bool is_out, unsigned link_id, const struct address *neighbour, struct bytes inner)
{
	const struct station *s = user;
	uint8_t base = kind_base(inner.data[0]);

	(void)link_id, (void)neighbour;
	if (is_out && s->index == 0) {
		if (!looked_out.has_whole && base != KIND_PIECE)
			look(&looked_out, inner);
		looked_out.has_whole = false;
	} else if (!is_out && s->index == 1 && base != KIND_PIECE && base != KIND_BUNDLE && base != KIND_COMPRESSED) {
		look(&looked_in, inner);
	}
}

static void look_at_whole(
	void *user, bool is_out, unsigned link_id, const struct address *neighbour, struct bytes inner)
{
	const struct station *s = user;

	(void)link_id, (void)neighbour;
	if (is_out && s->index == 0) {
		look(&looked_out, inner);
		looked_out.has_whole = true;
	} else if (!is_out && s->index == 1) {
		look(&looked_in, inner);
	}
}

/* Alone, bundled, in pieces, with short headers or none: each once, as it was, and the same at both ends. */
static void who_looks_on_is_shown_all_once_as_it_was(void **state)
{
	struct world *w = world_thin(17, 2, 240, true);

	(void)state;
	all_join_by_radio(w, 2);
	world_run(w, 60 * A_SECOND);
	assert_peers(w, 0, 1);
	looked_out = looked_in = (struct looked){ 0 };
	for (unsigned i = 0; i < 2; i++) {
		w->stations[i].node->output.inner = look_at_inner;
		w->stations[i].node->output.whole = look_at_whole;
	}
	for (uint32_t k = 1; k <= 20; k++)
		say_tcp(w, 0, 1, k % 5 ? 24 : 170 + 10 * k, k);
	world_run(w, 60 * A_SECOND);
	assert_int_equal(looked_out.packets, 20);
	assert_int_equal(looked_in.packets, 20);
	assert_int_equal(looked_out.count, looked_in.count);
	assert_memory_equal(looked_out.seen, looked_in.seen, looked_out.count * sizeof(looked_out.seen[0]));
	for (unsigned i = 0; i < looked_out.count; i++)
		for (unsigned k = 0; k < i; k++)
			assert_true(looked_out.seen[k] != looked_out.seen[i]);
	world_free(w);
}

static void other_links_take_pieces_and_no_bundles(void **state)
{
	struct world *w = world_of(14, 2);
	static const uint8_t piece[] = { 0, 1, KIND_CONTROL, 1 };

	(void)state;
	all_join(w, 2);
	world_run(w, 5 * A_SECOND);
	peer_send(other_of(w, 0), w->now, KIND_PIECE, bytes_of(piece, sizeof(piece)));
	peer_send(other_of(w, 0), w->now, KIND_BUNDLE, bytes_of(piece, sizeof(piece)));
	world_run(w, 10 * MILLISECOND);
	assert_int_equal(counters_of(w, 1)->drops.unknown_kind, 1);
	world_free(w);
}

/* Three links of a chain, the middle one thin. */
static void a_thin_link_carries_what_comes_from_others(void **state)
{
	struct world *w = world_thin(15, 4, 240, false);

	(void)state;
	segment_make(w, 1, true);
	segment_make(w, 2, true);
	station_join(w, 0, 1);
	station_join(w, 1, 1);
	station_join(w, 1, LINE);
	station_join(w, 2, LINE);
	station_join(w, 2, 2);
	station_join(w, 3, 2);
	assert_true(world_until_reached(w, 0, 3, 60 * A_SECOND) != UINT64_MAX);
	assert_true(world_until_reached(w, 3, 0, 60 * A_SECOND) != UINT64_MAX);
	for (uint32_t k = 0; k < 20; k++)
		station_send_packet(w, 0, &w->stations[0].address, &w->stations[3].address, 64, 50 + 60 * k, k);
	world_run(w, A_SECOND);
	for (uint32_t k = 0; k < 20; k++)
		assert_true(w->stations[3].seen[k]);
	/* What the host is told of is the thin link's limit. */
	station_send_packet(w, 0, &w->stations[0].address, &w->stations[3].address, 64, 1300, 20);
	world_run(w, A_SECOND);
	assert_int_equal(w->stations[0].icmp_mtu, 1280);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_strangers_meet_and_talk),
		cmocka_unit_test(data_frames_have_eleven_bytes_more__protocol_4_5),
		cmocka_unit_test(packets_of_1280_bytes_travel_in_pieces),
		cmocka_unit_test(a_radio_of_six_is_one_neighbourhood),
		cmocka_unit_test(ends_that_disagree_on_the_frame_do_not_meet),
		cmocka_unit_test(noise_and_loss_harm_nothing),
		cmocka_unit_test(sessions_that_look_alike_are_told_apart_by_their_tags),
		cmocka_unit_test(new_indices_avoid_those_that_show),
		cmocka_unit_test(headers_are_compressed_between_members),
		cmocka_unit_test(who_cannot_read_a_short_id_gets_the_address),
		cmocka_unit_test(acquaintances_meet_in_200_bytes__protocol_4_1),
		cmocka_unit_test(beacons_are_short),
		cmocka_unit_test(who_is_not_known_by_its_hash_is_called_back),
		cmocka_unit_test(restarted_neighbour_is_met_again_by_hash),
		cmocka_unit_test(lost_messages_are_said_again),
		cmocka_unit_test(keys_change_without_loss),
		cmocka_unit_test(replayed_frames_change_nothing),
		cmocka_unit_test(a_member_cannot_fill_the_memory_with_pieces),
		cmocka_unit_test(nothing_is_inside_itself),
		cmocka_unit_test(a_bundle_is_taken_apart),
		cmocka_unit_test(a_bundle_has_room_for_long_ones),
		cmocka_unit_test(who_was_there_before_is_called_again),
		cmocka_unit_test(slow_handshakes_that_cross_are_one_meeting),
		cmocka_unit_test(certificates_come_by_slow_messages),
		cmocka_unit_test(what_waited_shares_frames),
		cmocka_unit_test(who_looks_on_is_shown_all_once_as_it_was),
		cmocka_unit_test(other_links_take_pieces_and_no_bundles),
		cmocka_unit_test(a_thin_link_carries_what_comes_from_others),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
