/* Keys in the place of the deployment's: who gets them, what is made with them, and that nobody is lost by it. */
#include "tests/unit/node_world.h"

#include <errno.h>

/* 0 ──0── 1 ──1── 2 ──2── 3, whole. */
static struct world *chain(uint64_t seed)
{
	struct world *w = world_of(seed, 4);

	stations_join_in_a_row(w, 4);
	world_run(w, 20 * A_SECOND);
	all_reach(w, 4);
	return w;
}

static unsigned key_at(const struct world *w, unsigned i)
{
	return node_key_number(w->stations[i].node);
}

/* The authority's key of this number, as it is handed in. */
static struct bytes key_make(struct world *w, uint16_t number, uint8_t out[DEPLOYMENT_KEY_LEN])
{
	struct secret_deployment_key k;

	assert_int_equal(deployment_key_make(&k, &w->authority, number), 0);
	deployment_key_encode(&k, out);
	return bytes_of(out, DEPLOYMENT_KEY_LEN);
}

static int key_hand(struct world *w, unsigned i, uint16_t number)
{
	uint8_t room[DEPLOYMENT_KEY_LEN];
	int error = node_key_add(w->stations[i].node, w->now, key_make(w, number, room));

	station_poll(&w->stations[i]);
	return error;
}

/* The next list, with this serial on it, and its key. */
static void revoke_serial(struct world *w, struct revocation *r, unsigned at, uint32_t serial)
{
	uint8_t room[REVOCATION_MAX_LEN];

	assert_int_equal(revocation_add(r, serial), 0);
	assert_int_equal(list_tell(w, at, list_make(w, r, 29000100, room)), 0);
	assert_int_equal(key_hand(w, at, r->epoch), 0);
}

static void revoke_station(struct world *w, struct revocation *r, unsigned at, unsigned out)
{
	revoke_serial(w, r, at, w->stations[out].enrolment.certificate.serial);
}

static void station_back(struct world *w, unsigned i, unsigned first, unsigned last)
{
	station_start(w, i);
	for (unsigned segment = first; segment <= last; segment++)
		station_join(w, i, segment);
}

/* Until it has that key; microseconds. */
static uint64_t until_key(struct world *w, unsigned i, unsigned number, uint64_t limit)
{
	uint64_t start = w->now;

	while (key_at(w, i) != number)
		if (!world_step(w, start + limit))
			return UINT64_MAX;
	return w->now - start;
}

/* --- what frames are made with ------------------------------------------------------------------ */

static void psk_of(struct world *w, uint16_t number, uint8_t psk[KEY_LEN])
{
	struct secret_deployment_key k;

	memcpy(psk, w->authority.psk, KEY_LEN);
	if (!number)
		return;
	assert_int_equal(deployment_key_make(&k, &w->authority, number), 0);
	memcpy(psk, k.psk, KEY_LEN);
}

static bool mac_fits(const uint8_t key[KEY_LEN], const struct flight *f, size_t after)
{
	uint8_t mac[MAC_LEN];

	mac1_compute(mac, key, bytes_of(f->data, f->len - MAC_LEN - after));
	return memcmp(mac, f->data + f->len - MAC_LEN - after, MAC_LEN) == 0;
}

/* A handshake or beacon on an ordinary link. */
static bool is_made_with(struct world *w, const struct flight *f, uint16_t number)
{
	uint8_t psk[KEY_LEN], key[KEY_LEN];

	psk_of(w, number, psk);
	if (f->data[0] == FRAME_BEACON) {
		hash_bytes(key, KEY_LEN, bytes_of("mesh beacon", 11), bytes_of(psk, KEY_LEN));
		return mac_fits(key, f, 0);
	}
	mac1_key(key, psk, NULL);
	bool fits = mac_fits(key, f, MAC_LEN);
	for (unsigned i = 0; i < STATIONS && !fits; i++) {
		mac1_key(key, psk, w->stations[i].enrolment.identity.public.dh);
		fits = mac_fits(key, f, MAC_LEN);
	}
	return fits;
}

static void tape_begin(struct world *w)
{
	w->tape_count = 0;
	w->is_recording = true;
}

/* Of what others than `but` said since tape_begin(). */
static unsigned tape_count_with(struct world *w, unsigned but, uint16_t number, bool beacons)
{
	unsigned count = 0;

	for (unsigned i = 0; i < w->tape_count; i++) {
		const struct flight *f = &w->tape[i];
		bool is_counted = beacons ? f->data[0] == FRAME_BEACON : f->data[0] <= FRAME_FIN;

		count += is_counted && f->from != but && is_made_with(w, f, number);
	}
	return count;
}

/* --- those who may have it ----------------------------------------------------------------------- */

static void all_but_who_is_out_have_it(void **state)
{
	struct world *w = chain(1);
	struct revocation r = { 0 };

	(void)state;
	revoke_station(w, &r, 0, 3);
	assert_int_equal(key_at(w, 0), 1);
	world_run(w, 2 * A_SECOND);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(key_at(w, i), 1);
		assert_int_equal(w->stations[i].keys_stored, 1);
		assert_int_equal(w->stations[i].keys_len, DEPLOYMENT_KEY_LEN);
	}
	all_reach(w, 3);
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(key_at(w, 3), 0);
	assert_int_equal(w->stations[3].keys_stored, 0);
	all_reach(w, 3);
	world_free(w);
}

static void sessions_go_on_and_nothing_is_lost(void **state)
{
	struct world *w = chain(2);
	struct revocation r = { 0 };
	uint64_t before[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		before[i] = counters_of(w, i)->handshakes_completed;
	world_say(w, 0, 2, 1, 50, 10 * MILLISECOND);
	revoke_station(w, &r, 0, 3);
	world_say(w, 0, 2, 51, 200, 10 * MILLISECOND);
	assert_int_equal(world_lost(w, 2, 1, 250), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(counters_of(w, i)->handshakes_completed, before[i]);
	assert_int_equal(key_at(w, 2), 1);
	world_free(w);
}

/* After it is round nothing is made with the former key, and who has that key alone reads no beacon. */
static void all_that_follows_is_made_with_it(void **state)
{
	struct world *w = chain(3);
	struct revocation r = { 0 };

	(void)state;
	revoke_station(w, &r, 0, 3);
	world_run(w, 2 * A_SECOND);
	station_kill(w, 1);
	tape_begin(w);
	station_back(w, 1, 0, 1);
	world_run(w, A_SECOND);
	all_reach(w, 3);
	assert_true(tape_count_with(w, 3, 1, false) >= 4); /* two handshakes */
	assert_int_equal(tape_count_with(w, 3, 0, false), 0);
	world_run(w, A_MINUTE);
	assert_true(tape_count_with(w, 3, 1, true) > 4);
	for (unsigned i = 0; i < w->tape_count; i++)
		if (w->tape[i].segment < 2 && w->tape[i].data[0] == FRAME_BEACON)
			assert_false(is_made_with(w, &w->tape[i], 0));
	world_free(w);
}

/* It is answered by the former key, and refused by its certificate: what keeps out is that. */
static void who_is_out_is_refused_with_either_key(void **state)
{
	struct world *w = chain(4);
	struct revocation r = { 0 };

	(void)state;
	revoke_station(w, &r, 0, 3);
	world_run(w, A_SECOND);
	station_kill(w, 3);
	w->stations[3].list_len = 0;
	station_back(w, 3, 2, 2);
	world_run(w, A_MINUTE);
	assert_false(is_peer(w, 2, 3, 2) || is_peer(w, 3, 2, 2));
	assert_int_equal(key_at(w, 3), 0);
	assert_true(counters_of(w, 2)->drops.certificate_refused > 0);
	/* Even if it had got the key somewhere. */
	station_kill(w, 3);
	key_make(w, 1, w->stations[3].keys);
	w->stations[3].keys_len = DEPLOYMENT_KEY_LEN;
	station_back(w, 3, 2, 2);
	world_run(w, A_MINUTE);
	assert_false(is_peer(w, 2, 3, 2) || is_peer(w, 3, 2, 2));
	world_free(w);
}

/* --- those who missed it -------------------------------------------------------------------------- */

struct meeting_case {
	bool is_shared, is_thin;
	bool old_calls, new_calls; /* where nobody is heard by all: who was told where the other is */
	bool is_new; /* they have not met before: XX */
	unsigned missed;
	uint64_t limit;
};

/* 0 and 1 are together, 2 was with them and is away while that many lists are made. */
static void meeting_try(const struct meeting_case *c, uint64_t seed)
{
	struct world *w = world_of(seed, 3);
	struct revocation r = { 0 };

	w->segments[1].is_shared = c->is_shared;
	w->segments[1].is_thin = w->segments[1].is_paired = c->is_thin;
	w->segments[1].rate_bps = c->is_thin ? 9600 : 0;
	w->segments[1].mtu = c->is_thin ? 128 : 1500;
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	station_join(w, 2, 1);
	w->segments[1].is_cut = c->is_new;
	if (c->old_calls)
		station_target(w, 2, 1, 1);
	if (c->new_calls)
		station_target(w, 1, 2, 1);
	world_run(w, A_MINUTE);
	assert_true(c->is_new || reaches(w, 0, 2));
	w->segments[1].is_cut = true;
	world_run(w, 2 * A_MINUTE);
	for (unsigned i = 0; i < c->missed; i++) {
		revoke_serial(w, &r, 0, 900 + i);
		world_run(w, 2 * A_SECOND);
	}
	assert_int_equal(key_at(w, 1), c->missed);
	world_run(w, A_MINUTE);
	w->segments[1].is_cut = false;
	uint64_t took = until_key(w, 2, c->missed, c->limit);
	if (took == UINT64_MAX)
		fail_msg("shared %d thin %d calls %d %d new %d missed %u seed %u: still key %u", c->is_shared,
			c->is_thin, c->old_calls, c->new_calls, c->is_new, c->missed, (unsigned)seed, key_at(w, 2));
	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "met after %.1f s\n", (double)took / 1e6);
	world_run(w, 10 * A_SECOND);
	all_reach(w, 3);
	world_free(w);
}

static void who_was_away_meets_the_others_and_gets_it(void **state)
{
	static const struct meeting_case cases[] = {
		{ .is_shared = true, .missed = 1, .limit = 12 * A_SECOND },
		{ .is_shared = true, .missed = 3, .limit = 12 * A_SECOND },
		{ .is_shared = true, .missed = 7, .limit = 12 * A_SECOND },
		{ .is_shared = true, .is_new = true, .missed = 2, .limit = 12 * A_SECOND },
		{ .old_calls = true, .missed = 1, .limit = 30 * A_SECOND },
		{ .old_calls = true, .missed = 7, .limit = 30 * A_SECOND },
		{ .new_calls = true, .missed = 1, .limit = 30 * A_SECOND },
		{ .new_calls = true, .missed = 7, .limit = 30 * A_SECOND },
		{ .new_calls = true, .is_new = true, .missed = 7, .limit = 30 * A_SECOND },
		{ .old_calls = true, .new_calls = true, .missed = 4, .limit = 30 * A_SECOND },
		{ .is_shared = true, .is_thin = true, .missed = 1, .limit = 60 * A_SECOND },
		{ .is_shared = true, .is_thin = true, .is_new = true, .missed = 7, .limit = 60 * A_SECOND },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (uint64_t seed = 1; seed <= 6; seed++) /* either has the lower id */
			meeting_try(&cases[i], 100 * i + seed);
}

/* Two groups on one radio that had lost each other, either of which has company. */
static void groups_that_find_each_other_again(void **state)
{
	(void)state;
	for (unsigned missed = 1; missed <= 7; missed += 3) {
		struct world *w = world_of(20 + missed, 4);
		struct revocation r = { 0 };

		for (unsigned i = 0; i < 4; i++)
			station_join(w, i, 0);
		world_run(w, 20 * A_SECOND);
		all_reach(w, 4);
		w->segments[0].apart = 1 << 2 | 1 << 3;
		world_run(w, 5 * A_MINUTE);
		for (unsigned i = 0; i < missed; i++) {
			revoke_serial(w, &r, 0, 900 + i);
			world_run(w, 2 * A_SECOND);
		}
		world_run(w, A_MINUTE);
		assert_int_equal(key_at(w, 1), missed);
		assert_int_equal(key_at(w, 2), 0);
		w->segments[0].apart = 0;
		assert_true(until_key(w, 2, missed, 40 * A_SECOND) != UINT64_MAX);
		assert_true(until_key(w, 3, missed, 5 * A_SECOND) != UINT64_MAX);
		world_run(w, 10 * A_SECOND);
		all_reach(w, 4);
		world_free(w);
	}
}

/* 1 skipped the keys between, so no key of it but the first is one that 2 has. */
static void who_skipped_keys_meets_who_stopped_between(void **state)
{
	struct world *w = world_of(31, 3);
	struct revocation r = { 0 };

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		station_join(w, i, 0);
	world_run(w, 20 * A_SECOND);
	w->segments[0].apart = 1 << 1;
	for (unsigned i = 0; i < 4; i++) {
		revoke_serial(w, &r, 0, 900 + i);
		world_run(w, 2 * A_SECOND);
	}
	assert_int_equal(key_at(w, 2), 4);
	w->segments[0].apart = 1 << 2;
	for (unsigned i = 0; i < 4; i++)
		revoke_serial(w, &r, 0, 910 + i);
	world_run(w, A_MINUTE);
	assert_int_equal(key_at(w, 1), 8);
	station_kill(w, 0);
	w->segments[0].apart = 0;
	assert_true(until_key(w, 2, 8, 20 * A_SECOND) != UINT64_MAX);
	world_run(w, 10 * A_SECOND);
	assert_true(reaches(w, 1, 2) && reaches(w, 2, 1));
	world_free(w);
}

static void it_survives_a_restart(void **state)
{
	struct world *w = chain(5);
	struct revocation r = { 0 };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		revoke_serial(w, &r, 0, 900 + i);
		world_run(w, 2 * A_SECOND);
	}
	assert_int_equal(w->stations[1].keys_len, NODE_KEYS_MAX_LEN);
	station_kill(w, 1);
	station_start(w, 1);
	assert_int_equal(key_at(w, 1), 5);
	assert_int_equal(w->stations[1].node->key_count, KEYS_MAX);
	assert_int_equal(w->stations[1].node->keys[1].key.number, 4);
	assert_int_equal(w->stations[1].node->keys[3].key.number, 0);
	assert_memory_equal(w->stations[1].node->keys[3].key.psk, w->authority.psk, KEY_LEN);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	world_run(w, 10 * A_SECOND);
	all_reach(w, 4);
	assert_int_equal(w->stations[1].keys_stored, 5);
	world_free(w);
}

static void whose_disk_is_lost_gets_it_again(void **state)
{
	struct world *w = chain(6);
	struct revocation r = { 0 };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		revoke_serial(w, &r, 0, 900 + i);
		world_run(w, 2 * A_SECOND);
	}
	station_kill(w, 1);
	w->stations[1].keys_len = w->stations[1].list_len = 0;
	w->stations[1].has_stored_seqno = false;
	station_back(w, 1, 0, 1);
	assert_int_equal(key_at(w, 1), 0);
	assert_true(until_key(w, 1, 5, 5 * A_SECOND) != UINT64_MAX);
	world_run(w, 10 * A_SECOND);
	all_reach(w, 4);
	world_free(w);
}

static void it_is_said_until_it_is_there(void **state)
{
	struct world *w = chain(7);
	struct revocation r = { 0 };

	(void)state;
	w->segments[1].loss = 600;
	revoke_station(w, &r, 0, 3);
	world_run(w, A_MINUTE);
	w->segments[1].loss = 0;
	world_run(w, A_MINUTE);
	assert_int_equal(key_at(w, 2), 1);
	all_reach(w, 3);
	world_free(w);
}

static unsigned keys_seen, keyeds_seen;

static void inner_count(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	(void)user;
	(void)link;
	(void)neighbour;
	keys_seen += is_out && inner.data[0] == KIND_CONTROL && inner.data[1] == CONTROL_KEY;
	keyeds_seen += is_out && inner.data[0] == KIND_CONTROL && inner.data[1] == CONTROL_KEYED;
	/* Who looks on sees no key. */
	const struct node *n = ((struct station *)user)->node;
	for (size_t at = 0; at + 8 <= inner.len; at++)
		assert_memory_not_equal(inner.data + at, key_newest(n)->key.psk + 8, 8);
}

static void inner_watch(struct world *w, unsigned count)
{
	keys_seen = keyeds_seen = 0;
	for (unsigned i = 0; i < count; i++)
		w->stations[i].node->output.inner = inner_count;
}

/* The first one gets lost: it is said again, and no more often than that. */
static void it_is_said_once_to_each_who_lacks_it(void **state)
{
	struct world *w = chain(8);
	struct revocation r = { 0 };

	(void)state;
	inner_watch(w, 4);
	revoke_serial(w, &r, 0, 900);
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(key_at(w, 3), 1);
	assert_int_equal(keys_seen, 3);
	assert_in_range(keyeds_seen, 3, 6);
	/* New sessions of who is up to date say nothing of it. */
	station_kill(w, 1);
	station_back(w, 1, 0, 1);
	inner_watch(w, 4);
	world_run(w, A_MINUTE);
	all_reach(w, 4);
	assert_int_equal(keys_seen + keyeds_seen, 0);
	world_free(w);
}

/* Where all hear each other most get it from one, and few twice. */
static void a_crowd_does_not_say_it_all_at_once(void **state)
{
	struct world *w = world_of(9, STATIONS);
	struct revocation r = { 0 };

	(void)state;
	for (unsigned i = 0; i < STATIONS; i++)
		station_join(w, i, 0);
	world_run(w, 30 * A_SECOND);
	all_reach(w, STATIONS);
	inner_watch(w, STATIONS);
	revoke_serial(w, &r, 0, 900);
	world_run(w, A_MINUTE);
	for (unsigned i = 0; i < STATIONS; i++)
		assert_int_equal(key_at(w, i), 1);
	assert_true(keys_seen < 2 * STATIONS);
	world_free(w);
}

/* --- what is not believed --------------------------------------------------------------------------- */

static void each_bad_key_has_its_answer(void **state)
{
	struct world *w = world_of(10, 1);
	struct revocation r = { 0 };
	struct secret_authority other;
	struct secret_deployment_key k;
	uint8_t room[DEPLOYMENT_KEY_LEN];

	(void)state;
	struct node *n = w->stations[0].node;
	assert_int_equal(key_hand(w, 0, 1), -ENOENT); /* there is no list */
	for (unsigned i = 0; i < 3; i++)
		revoke_serial(w, &r, 0, 900 + i);
	assert_int_equal(key_hand(w, 0, 4), -ENOENT);
	assert_int_equal(key_hand(w, 0, 3), -EALREADY);
	assert_int_equal(key_hand(w, 0, 2), -ESTALE);
	struct bytes key = key_make(w, 3, room);
	assert_int_equal(node_key_add(n, w->now, bytes_of(key.data, key.len - 1)), -EBADMSG);
	revoke_serial(w, &r, 0, 903);
	uint8_t list[REVOCATION_MAX_LEN];
	assert_int_equal(list_tell(w, 0, list_make(w, &r, 29000100, list)), 0);
	key_make(w, 5, room);
	room[20] ^= 1;
	assert_int_equal(node_key_add(n, w->now, bytes_of(room, sizeof(room))), -EKEYREJECTED);
	authority_make(&other, 77);
	assert_int_equal(deployment_key_make(&k, &other, 5), 0);
	deployment_key_encode(&k, room);
	assert_int_equal(node_key_add(n, w->now, bytes_of(room, sizeof(room))), -EKEYREJECTED);
	k.deployment = w->authority.public.deployment;
	k.issuer = authority_id(&w->authority.public);
	deployment_key_encode(&k, room);
	assert_int_equal(node_key_add(n, w->now, bytes_of(room, sizeof(room))), -EKEYREJECTED);
	assert_int_equal(key_at(w, 0), 4);
	assert_int_equal(w->stations[0].keys_stored, 4);
	world_free(w);
}

static void bad_keys_of_a_member_change_nothing(void **state)
{
	struct world *w = chain(11);
	struct revocation r = { 0 };
	struct secret_deployment_key k;
	uint8_t room[2 + DEPLOYMENT_KEY_LEN] = { KIND_CONTROL, CONTROL_KEY };
	const struct enrolment *own = &w->stations[0].enrolment, *to = &w->stations[1].enrolment;
	static const uint8_t claim[] = { KIND_CONTROL, CONTROL_KEYED, 0xff, 0xff };

	(void)state;
	revoke_station(w, &r, 0, 3);
	world_run(w, A_SECOND);
	const struct node_drops *drops = &counters_of(w, 1)->drops;
	/* One that is ahead of any list. */
	assert_int_equal(deployment_key_make(&k, &w->authority, 2), 0);
	assert_int_equal(deployment_key_hide(&k, &own->identity, to->identity.public.dh, room + 2), 0);
	station_say_inner(w, 0, 1, 0, bytes_of(room, sizeof(room)));
	world_run(w, A_SECOND);
	assert_int_equal(drops->key_refused, 1);
	/* One that nobody signed, and one that was for another member. */
	uint8_t list[REVOCATION_MAX_LEN];
	assert_int_equal(list_tell(w, 0, list_make(w, &r, 29000100, list)), 0);
	world_run(w, 2 * A_SECOND);
	room[2 + DEPLOYMENT_KEY_LEN - 1] ^= 1;
	station_say_inner(w, 0, 1, 0, bytes_of(room, sizeof(room)));
	assert_int_equal(
		deployment_key_hide(&k, &own->identity, w->stations[2].enrolment.identity.public.dh, room + 2), 0);
	station_say_inner(w, 0, 1, 0, bytes_of(room, sizeof(room)));
	station_say_inner(w, 0, 1, 0, bytes_of(room, sizeof(room) - 1));
	world_run(w, A_SECOND);
	assert_int_equal(drops->key_refused, 3);
	assert_int_equal(drops->control_malformed, 1);
	for (unsigned i = 0; i < 20; i++)
		station_say_inner(w, 0, 1, 0, bytes_of(room, sizeof(room)));
	world_run(w, A_SECOND);
	assert_in_range(drops->key_refused, 4, 7); /* so many are looked at in one moment */
	/* Whoever claims a key that it has not keeps itself from it. */
	station_say_inner(w, 0, 1, 0, bytes_of(claim, sizeof(claim)));
	world_run(w, A_MINUTE);
	assert_int_equal(key_at(w, 1), 1);
	assert_int_equal(w->stations[1].keys_stored, 1);
	all_reach(w, 3);
	world_free(w);
}

/* The disk takes its time: until then the old one is said, and the new one told to nobody. */
static void it_is_stored_before_it_is_used(void **state)
{
	struct world *w = chain(12);
	struct revocation r = { 0 };

	(void)state;
	revoke_serial(w, &r, 0, 900);
	world_run(w, 2 * A_SECOND);
	w->stations[1].disk_is_slow = true;
	uint8_t list[REVOCATION_MAX_LEN];
	assert_int_equal(list_tell(w, 0, list_make(w, &r, 29000100, list)), 0);
	world_run(w, A_SECOND);
	node_revocation_stored(w->stations[1].node, w->now);
	station_poll(&w->stations[1]);
	world_run(w, A_SECOND);
	assert_int_equal(key_hand(w, 0, 2), 0);
	world_run(w, 5 * A_SECOND);
	assert_int_equal(w->stations[1].keys_stored, 2);
	assert_int_equal(key_at(w, 1), 1);
	assert_int_equal(key_at(w, 2), 1);
	node_keys_stored(w->stations[1].node, w->now);
	station_poll(&w->stations[1]);
	world_run(w, 5 * A_SECOND);
	assert_int_equal(key_at(w, 1), 2);
	assert_int_equal(key_at(w, 3), 2);
	world_free(w);
}

/* The key is here, and the list that goes with it is still being written: who is out by that is not told. */
static void it_waits_for_its_list(void **state)
{
	struct world *w = chain(13);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	w->stations[2].disk_is_slow = true;
	assert_int_equal(list_tell(w, 2, list_against(w, &r, 3, room)), 0);
	w->stations[2].disk_is_slow = false; /* the key gets there first */
	assert_int_equal(key_hand(w, 2, 1), 0);
	assert_int_equal(key_at(w, 2), 1);
	world_run(w, 30 * A_SECOND);
	assert_true(w->stations[3].node->keys[0].key.number == 0 && w->stations[3].keys_stored == 0);
	node_revocation_stored(w->stations[2].node, w->now);
	station_poll(&w->stations[2]);
	world_run(w, 5 * A_SECOND);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(key_at(w, i), 1);
	assert_int_equal(w->stations[3].keys_stored, 0);
	world_free(w);
}

/* 1 is of before there were keys: a mesh of both goes on. */
static void who_knows_nothing_of_keys_goes_on(void **state)
{
	struct world *w = world_of(14, 3);
	struct revocation r = { 0 };

	(void)state;
	w->stations[1].node->capabilities &= (uint16_t)~CAPABILITY_KEYS;
	stations_join_in_a_row(w, 3);
	world_run(w, 20 * A_SECOND);
	all_reach(w, 3);
	revoke_serial(w, &r, 0, 900);
	world_run(w, 10 * A_SECOND);
	assert_int_equal(key_at(w, 1), 0);
	assert_int_equal(counters_of(w, 1)->drops.control_malformed, 0);
	assert_int_equal(key_hand(w, 2, 1), 0);
	all_reach(w, 3);
	station_kill(w, 1);
	station_start(w, 1);
	w->stations[1].node->capabilities &= (uint16_t)~CAPABILITY_KEYS;
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	world_run(w, 10 * A_SECOND);
	all_reach(w, 3);
	world_run(w, 3 * AN_HOUR); /* over a rekey */
	all_reach(w, 3);
	world_free(w);
}

/* Only one end has the newer key when the session is made anew: both ways round. */
static void a_rekey_takes_what_both_have(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 2; at++) {
		struct world *w = world_of(15, 2);
		struct revocation r = { 0 };
		uint8_t room[REVOCATION_MAX_LEN];

		station_join(w, 0, 0);
		station_join(w, 1, 0);
		world_run(w, 20 * A_SECOND);
		assert_int_equal(revocation_add(&r, 900), 0);
		assert_int_equal(list_tell(w, 0, list_make(w, &r, 29000100, room)), 0);
		world_run(w, A_SECOND);
		w->stations[1 - at].node->capabilities &= (uint16_t)~CAPABILITY_KEYS;
		assert_int_equal(key_hand(w, at, 1), 0);
		world_run(w, 5 * AN_HOUR);
		all_reach(w, 2);
		assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 0);
		w->stations[1 - at].node->capabilities |= CAPABILITY_KEYS;
		world_run(w, 10 * A_SECOND);
		assert_int_equal(key_at(w, 1 - at), 1);
		tape_begin(w);
		while (!tape_count_with(w, STATIONS, 1, false)) {
			w->tape_count = 0;
			world_run(w, 10 * A_SECOND);
			assert_int_equal(tape_count_with(w, STATIONS, 0, false), 0);
		}
		all_reach(w, 2);
		assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 0);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_but_who_is_out_have_it),
		cmocka_unit_test(sessions_go_on_and_nothing_is_lost),
		cmocka_unit_test(all_that_follows_is_made_with_it),
		cmocka_unit_test(who_is_out_is_refused_with_either_key),
		cmocka_unit_test(who_was_away_meets_the_others_and_gets_it),
		cmocka_unit_test(groups_that_find_each_other_again),
		cmocka_unit_test(who_skipped_keys_meets_who_stopped_between),
		cmocka_unit_test(it_survives_a_restart),
		cmocka_unit_test(whose_disk_is_lost_gets_it_again),
		cmocka_unit_test(it_is_said_until_it_is_there),
		cmocka_unit_test(it_is_said_once_to_each_who_lacks_it),
		cmocka_unit_test(a_crowd_does_not_say_it_all_at_once),
		cmocka_unit_test(each_bad_key_has_its_answer),
		cmocka_unit_test(bad_keys_of_a_member_change_nothing),
		cmocka_unit_test(it_is_stored_before_it_is_used),
		cmocka_unit_test(it_waits_for_its_list),
		cmocka_unit_test(who_knows_nothing_of_keys_goes_on),
		cmocka_unit_test(a_rekey_takes_what_both_have),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
