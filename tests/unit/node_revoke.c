/* Who is out: how a list travels, what is done before routes pass, and what a node makes of a bad one. */
#include "tests/unit/node_world.h"

#include <errno.h>

/* 0 ──0── 1 ──1── 2 ──2── 3, whole. */
static struct world *chain(uint64_t seed)
{
	struct world *w = world_of(seed, 4);

	stations_join_in_a_row(w, 4);
	world_run(w, 20 * A_SECOND);
	return w;
}

/* The authority's next list, with this serial on it. */
static struct bytes list_naming(struct world *w, struct revocation *r, uint32_t serial, uint8_t out[REVOCATION_MAX_LEN])
{
	assert_int_equal(revocation_add(r, serial), 0);
	return list_make(w, r, 29000100, out);
}

static bool holds(const struct world *w, unsigned i, struct bytes list)
{
	return bytes_equal(node_revocation(w->stations[i].node), list);
}

static void list_goes_everywhere_and_the_node_is_out(void **state)
{
	struct world *w = chain(1);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	assert_true(reaches(w, 0, 3) && is_peer(w, 2, 3, 2));
	struct bytes list = list_against(w, &r, 3, room);
	assert_int_equal(list_tell(w, 0, list), 0);
	world_run(w, A_SECOND);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(holds(w, i, list));
		assert_false(reaches(w, i, 3));
		assert_int_equal(w->stations[i].lists_stored, 1);
		assert_true(node_is_revoked(w->stations[i].node, &w->stations[3].enrolment.certificate));
	}
	assert_false(is_peer(w, 2, 3, 2));
	assert_true(reaches(w, 0, 2)); /* the others go on */
	assert_true(holds(w, 3, list)); /* it was told why */
	assert_true(w->stations[3].events[NODE_REVOKED] > 0);
	world_run(w, 2 * A_MINUTE);
	assert_false(is_peer(w, 2, 3, 2) || reaches(w, 0, 3));
	world_free(w);
}

static void handshakes_of_who_is_out_are_refused_also_after_restarts(void **state)
{
	struct world *w = chain(2);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	assert_int_equal(list_tell(w, 0, list_against(w, &r, 3, room)), 0);
	world_run(w, A_SECOND);
	/* The thief empties the disk: the node believes in itself. */
	station_kill(w, 3);
	w->stations[3].list_len = 0;
	station_kill(w, 2);
	station_start(w, 3);
	station_start(w, 2);
	station_join(w, 2, 1);
	station_join(w, 2, 2);
	station_join(w, 3, 2);
	world_run(w, A_MINUTE);
	assert_false(is_peer(w, 2, 3, 2) || is_peer(w, 3, 2, 2));
	assert_false(reaches(w, 0, 3));
	assert_true(reaches(w, 0, 2));
	assert_true(w->stations[2].events[NODE_REFUSED] > 0);
	assert_true(node_counters(w->stations[2].node)->drops.certificate_refused > 0);
	world_free(w);
}

/* Scenario 23 of protocol.md 7.2, the merge: 2 and 3 are apart while 3 is revoked. */
static void who_was_apart_learns_it_before_any_route(void **state)
{
	struct world *w = chain(3);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	w->segments[1].is_cut = true;
	world_run(w, A_MINUTE);
	assert_true(reaches(w, 2, 3));
	struct bytes list = list_against(w, &r, 3, room);
	assert_int_equal(list_tell(w, 0, list), 0);
	world_run(w, 5 * A_SECOND);
	assert_false(holds(w, 2, list));
	w->segments[1].is_cut = false;
	for (unsigned i = 0; i < 600 && !is_peer(w, 1, 2, 1); i++) {
		world_run(w, 100 * MILLISECOND);
		assert_false(reaches(w, 0, 3) || reaches(w, 1, 3));
		if (is_peer(w, 1, 2, 1) || is_peer(w, 2, 1, 1))
			assert_true(holds(w, 2, list));
	}
	assert_true(is_peer(w, 1, 2, 1));
	world_run(w, 10 * A_SECOND);
	assert_true(reaches(w, 0, 2));
	assert_false(reaches(w, 2, 3) || is_peer(w, 2, 3, 2));
	world_free(w);
}

/* A slow disk: told on at once, acted on only when it is stored. */
static void list_is_stored_before_it_acts(void **state)
{
	struct world *w = chain(4);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	w->stations[2].disk_is_slow = true;
	struct bytes list = list_against(w, &r, 3, room);
	assert_int_equal(list_tell(w, 0, list), 0);
	world_run(w, A_SECOND);
	assert_int_equal(w->stations[2].lists_stored, 1);
	assert_true(is_peer(w, 2, 3, 2) && reaches(w, 2, 3));
	assert_false(reaches(w, 1, 3) || reaches(w, 0, 3)); /* they have acted */
	node_revocation_stored(w->stations[2].node, w->now);
	station_poll(&w->stations[2]);
	assert_false(is_peer(w, 2, 3, 2) || reaches(w, 2, 3));
	world_free(w);
}

static void lost_lists_are_said_again(void **state)
{
	struct world *w = chain(5);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	w->segments[1].loss = 500;
	struct bytes list = list_against(w, &r, 3, room);
	assert_int_equal(list_tell(w, 0, list), 0);
	world_run(w, 30 * A_SECOND);
	w->segments[1].loss = 0;
	world_run(w, 30 * A_SECOND);
	assert_true(holds(w, 2, list));
	assert_false(is_peer(w, 2, 3, 2));
	world_free(w);
}

static void each_bad_list_has_its_answer(void **state)
{
	struct world *w = world_of(6, 2);
	struct secret_authority other;
	struct revocation r = { 0 }, foreign = { 0 };
	uint8_t first[REVOCATION_MAX_LEN], second[REVOCATION_MAX_LEN], room[REVOCATION_MAX_LEN];

	(void)state;
	struct bytes older = list_against(w, &r, 1, first);
	struct bytes newer = list_against(w, &r, 1, second);
	assert_int_equal(list_tell(w, 0, newer), 0);
	assert_int_equal(list_tell(w, 0, newer), -EALREADY);
	assert_int_equal(list_tell(w, 0, older), -ESTALE);
	assert_int_equal(list_tell(w, 0, bytes_of(second, newer.len - 1)), -EKEYREJECTED);
	assert_int_equal(list_tell(w, 0, bytes_of(first, 20)), -EBADMSG);
	authority_make(&other, 77);
	foreign.epoch = 50;
	assert_int_equal(revocation_issue(&foreign, &other, 1), 0);
	int len = revocation_encode(&foreign, room, sizeof(room));
	assert_int_equal(list_tell(w, 0, bytes_of(room, (size_t)len)), -EKEYREJECTED);
	foreign.deployment = w->authority.public.deployment;
	foreign.issuer = authority_id(&w->authority.public);
	len = revocation_encode(&foreign, room, sizeof(room));
	assert_int_equal(list_tell(w, 0, bytes_of(room, (size_t)len)), -EKEYREJECTED); /* forged */
	assert_true(holds(w, 0, newer));
	assert_int_equal(w->stations[0].lists_stored, 1);
	world_free(w);
}

/* Two copies of the authority's key, two lists with one number: all end with the same one, and say so. */
static void two_lists_of_one_number_become_one(void **state)
{
	struct world *w = chain(7);
	struct revocation a = { 0 }, b = { 0 };
	uint8_t room_a[REVOCATION_MAX_LEN], room_b[REVOCATION_MAX_LEN];

	(void)state;
	w->segments[1].is_cut = true;
	struct bytes list_a = list_naming(w, &a, 40, room_a), list_b = list_naming(w, &b, 41, room_b);
	assert_int_equal(list_tell(w, 0, list_a), 0);
	assert_int_equal(list_tell(w, 3, list_b), 0);
	world_run(w, A_MINUTE);
	w->segments[1].is_cut = false;
	world_run(w, A_MINUTE);
	struct bytes one = node_revocation(w->stations[0].node);
	for (unsigned i = 0; i < 4; i++)
		assert_true(holds(w, i, one));
	assert_true(reaches(w, 0, 3));
	assert_true(w->stations[1].events[NODE_REVOKED] + w->stations[2].events[NODE_REVOKED] > 0);
	revocation_join(&a, &b);
	struct bytes joined = list_naming(w, &a, 40, room_a);
	assert_int_equal(list_tell(w, 2, joined), 0);
	world_run(w, A_SECOND);
	for (unsigned i = 0; i < 4; i++)
		assert_true(holds(w, i, joined));
	world_free(w);
}

/* It knows more than it has: it keeps only itself out. */
static void who_claims_a_list_that_it_has_not_is_no_neighbour(void **state)
{
	struct world *w = chain(8);
	static const uint8_t claim[] = { KIND_CONTROL, CONTROL_MARK, 0xff, 0xff, 0, 0 };

	(void)state;
	station_say_inner(w, 0, 1, 0, bytes_of(claim, sizeof(claim)));
	world_run(w, 30 * A_SECOND);
	assert_true(reaches(w, 1, 3) && reaches(w, 1, 2));
	assert_int_equal(w->stations[1].lists_stored, 0);
	world_free(w);
}

static void forged_list_from_a_member_changes_nothing(void **state)
{
	struct world *w = chain(9);
	struct secret_authority other;
	struct revocation r = { 0 };
	uint8_t room[2 + REVOCATION_MAX_LEN] = { KIND_CONTROL, CONTROL_LIST };

	(void)state;
	authority_make(&other, 88);
	assert_int_equal(revocation_add(&r, w->stations[2].enrolment.certificate.serial), 0);
	assert_int_equal(revocation_issue(&r, &other, 1), 0);
	r.deployment = w->authority.public.deployment;
	r.issuer = authority_id(&w->authority.public);
	int len = revocation_encode(&r, room + 2, REVOCATION_MAX_LEN);
	for (unsigned i = 0; i < 20; i++)
		station_say_inner(w, 0, 1, 0, bytes_of(room, 2 + (size_t)len));
	world_run(w, 10 * A_SECOND);
	const struct node_drops *drops = &node_counters(w->stations[1].node)->drops;
	assert_int_equal(drops->list_refused, 4); /* so many signatures are looked at in one moment */
	assert_int_equal(drops->rate_limited, 16);
	assert_true(reaches(w, 1, 2) && reaches(w, 0, 3));
	assert_int_equal(w->stations[1].lists_stored, 0);
	world_free(w);
}

/* The authority's date is believed, and nobody else's. */
static void signed_date_moves_the_least_time(void **state)
{
	struct world *w = world_of(10, 2);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	assert_true(w->stations[0].node->time_floor.t_lo < 29000100);
	assert_int_equal(list_tell(w, 0, list_against(w, &r, 1, room)), 0);
	assert_int_equal(w->stations[0].node->time_floor.t_lo, 29000100);
	world_free(w);
}

/* The authority's desk was in 2040: the list holds, and nobody is locked out by its date. */
static void a_date_after_ones_own_end_moves_nothing(void **state)
{
	struct world *w = chain(13);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];
	uint32_t end = w->stations[0].enrolment.certificate.not_after;

	(void)state;
	assert_int_equal(revocation_add(&r, w->stations[3].enrolment.certificate.serial), 0);
	struct bytes list = list_make(w, &r, end + 1, room);
	assert_int_equal(list_tell(w, 0, list), 0);
	world_run(w, A_SECOND);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(holds(w, i, list));
		assert_false(reaches(w, i, 3));
		assert_true(w->stations[i].node->time_floor.t_lo < end);
		assert_true(w->stations[i].t_lo < end); /* nor what is kept */
	}
	station_kill(w, 1);
	station_start(w, 1);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	world_run(w, A_MINUTE);
	assert_true(reaches(w, 0, 2) && reaches(w, 2, 0));
	world_free(w);
}

static void thin_link_takes_the_list_in_pieces(void **state)
{
	struct world *w = world_of(11, 3);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	w->segments[0].is_thin = w->segments[0].is_paired = true;
	w->segments[0].mtu = 128;
	w->segments[0].rate_bps = 9600;
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	station_join(w, 2, 1);
	world_run(w, A_MINUTE);
	assert_true(reaches(w, 0, 2));
	assert_int_equal(revocation_add(&r, REVOCATION_SERIAL_MAX), 0); /* as long as it gets */
	struct bytes list = list_against(w, &r, 2, room);
	assert_int_equal(list.len, REVOCATION_MAX_LEN);
	assert_int_equal(list_tell(w, 0, list), 0);
	world_run(w, 10 * A_SECOND);
	assert_true(holds(w, 1, list));
	assert_false(reaches(w, 0, 2));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_goes_everywhere_and_the_node_is_out),
		cmocka_unit_test(handshakes_of_who_is_out_are_refused_also_after_restarts),
		cmocka_unit_test(who_was_apart_learns_it_before_any_route),
		cmocka_unit_test(list_is_stored_before_it_acts),
		cmocka_unit_test(lost_lists_are_said_again),
		cmocka_unit_test(each_bad_list_has_its_answer),
		cmocka_unit_test(two_lists_of_one_number_become_one),
		cmocka_unit_test(who_claims_a_list_that_it_has_not_is_no_neighbour),
		cmocka_unit_test(forged_list_from_a_member_changes_nothing),
		cmocka_unit_test(signed_date_moves_the_least_time),
		cmocka_unit_test(a_date_after_ones_own_end_moves_nothing),
		cmocka_unit_test(thin_link_takes_the_list_in_pieces),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
