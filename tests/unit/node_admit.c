/* How an answer of the authority gets to a machine that nobody hears, and what outsiders get for asking. */
#include "tests/unit/node_world.h"

#include <errno.h>

#define NEWCOMER 3

/* 0 ──0── 1 ──1── 2, whole; 3 is to come on segment 2, beside 2. */
static struct world *chain(uint64_t seed)
{
	struct world *w = world_of(seed, NEWCOMER);

	stations_join_in_a_row(w, NEWCOMER);
	station_join(w, 2, 2);
	world_run(w, 20 * A_SECOND);
	return w;
}

static void applicant_start(struct world *w, unsigned i, unsigned segment)
{
	struct station *s = &w->stations[i];
	struct random random = prng_random(&s->prng);

	if (!s->own.request.name_len) {
		assert_int_equal(request_make(&s->own, "newcomer", LEVEL_SCENE, &random), 0);
		request_alone(&s->enrolment, &s->own, &random);
	}
	s->is_applicant = true;
	station_start(w, i);
	station_join(w, i, segment);
}

static struct world *chain_with_newcomer(uint64_t seed)
{
	struct world *w = chain(seed);

	applicant_start(w, NEWCOMER, 2);
	return w;
}

/* What the authority answers to station `i`. */
static struct bytes answer_by(
	struct world *w, unsigned i, struct secret_authority *a, struct grant *g, uint8_t out[GRANT_MAX_LEN])
{
	struct certificate c = certificate_draft(&w->stations[i].own.request.key, "newcomer");

	assert_int_equal(certificate_issue(&c, a), 0);
	assert_int_equal(grant_make(g, &c, w->stations[i].own.request.ticket, a), 0);
	int len = grant_encode(g, out, GRANT_MAX_LEN);
	assert_true(len > 0);
	return bytes_of(out, (size_t)len);
}

static struct bytes answer(struct world *w, unsigned i, uint8_t out[GRANT_MAX_LEN])
{
	struct grant g;

	return answer_by(w, i, &w->authority, &g, out);
}

static int tell(struct world *w, unsigned i, struct bytes grant)
{
	int error = node_grant_add(w->stations[i].node, w->now, grant);

	station_poll(&w->stations[i]);
	return error;
}

/* The authority's answer to the newcomer is handed in at station `i`. */
static void answer_at(struct world *w, unsigned i)
{
	uint8_t room[GRANT_MAX_LEN];

	assert_int_equal(tell(w, i, answer(w, NEWCOMER, room)), 0);
}

static bool is_granted(const struct world *w, unsigned i)
{
	return w->stations[i].granted.certificate.version;
}

/* Time until station `i` has it; UINT64_MAX: longer than `limit`. */
static uint64_t until_granted(struct world *w, unsigned i, uint64_t limit)
{
	uint64_t start = w->now;

	while (!is_granted(w, i))
		if (!world_step(w, start + limit))
			return UINT64_MAX;
	return w->now - start;
}

/* As the shell does it: another node, of the member that it now is. */
static void member_start(struct world *w, unsigned i, unsigned segment)
{
	struct station *s = &w->stations[i];

	station_kill(w, i);
	s->is_applicant = false;
	s->enrolment = s->granted;
	s->address = identity_address(&s->enrolment.identity.public, w->authority.public.deployment);
	identity_router_id(s->rid.bytes, &s->enrolment.identity.public);
	station_start(w, i);
	station_join(w, i, segment);
}

/* --- the way ------------------------------------------------------------------------------- */

static void answer_crosses_the_mesh_to_who_is_no_member(void **state)
{
	struct world *w = chain_with_newcomer(1);

	(void)state;
	world_run(w, A_MINUTE);
	assert_false(is_granted(w, NEWCOMER) || is_peer(w, 2, NEWCOMER, 2));
	answer_at(w, 0);
	assert_true(until_granted(w, NEWCOMER, A_MINUTE) < 40 * A_SECOND);
	/* Everybody knows it before it is there. */
	for (unsigned i = 0; i < NEWCOMER; i++)
		assert_non_null(trust_by_id(w->stations[i].node, w->stations[NEWCOMER].node->id));
	/* It asks no more. */
	uint64_t pleas = w->segments[2].frames[FRAME_PLEA];
	world_run(w, A_MINUTE);
	assert_int_equal(w->segments[2].frames[FRAME_PLEA], pleas);
	member_start(w, NEWCOMER, 2);
	world_run(w, 10 * A_SECOND);
	assert_true(reaches(w, 0, NEWCOMER) && reaches(w, NEWCOMER, 0));
	world_free(w);
}

static void who_comes_within_the_hour_finds_its_answer(void **state)
{
	struct world *w = chain_with_newcomer(2);

	(void)state;
	station_kill(w, NEWCOMER);
	answer_at(w, 0);
	world_run(w, 50 * A_MINUTE);
	applicant_start(w, NEWCOMER, 2);
	assert_true(until_granted(w, NEWCOMER, A_MINUTE) < 10 * A_SECOND);
	world_free(w);
}

static void nothing_is_kept_for_longer(void **state)
{
	struct world *w = chain_with_newcomer(3);

	(void)state;
	station_kill(w, NEWCOMER);
	answer_at(w, 0);
	world_run(w, 65 * A_MINUTE);
	applicant_start(w, NEWCOMER, 2);
	world_run(w, 5 * A_MINUTE);
	assert_false(is_granted(w, NEWCOMER));
	answer_at(w, 0); /* another one does it */
	assert_true(until_granted(w, NEWCOMER, A_MINUTE) < 40 * A_SECOND);
	world_free(w);
}

static void parts_that_were_apart_pass_it_on_when_they_meet(void **state)
{
	struct world *w = chain(4);

	(void)state;
	w->segments[1].is_cut = true;
	applicant_start(w, NEWCOMER, 2);
	world_run(w, A_MINUTE);
	answer_at(w, 0);
	world_run(w, 5 * A_MINUTE);
	assert_false(is_granted(w, NEWCOMER));
	w->segments[1].is_cut = false;
	assert_true(until_granted(w, NEWCOMER, 5 * A_MINUTE) < 2 * A_MINUTE);
	world_free(w);
}

static void loss_only_delays_it(void **state)
{
	struct world *w = chain(5);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		w->segments[i].loss = 300;
	applicant_start(w, NEWCOMER, 2);
	world_run(w, A_MINUTE);
	answer_at(w, 0);
	assert_true(until_granted(w, NEWCOMER, 10 * A_MINUTE) < 4 * A_MINUTE);
	world_free(w);
}

/* Of frames that hold a fifth of it, on a line without a beacon's room to spare. */
static void narrow_lines_carry_it_in_runs(void **state)
{
	struct world *w = world_of(6, 2);

	(void)state;
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	w->segments[1].is_thin = true;
	w->segments[1].is_open = true;
	w->segments[1].mtu = NODE_THIN_FRAME_MIN;
	w->segments[1].rate_bps = 9600;
	station_join(w, 1, 1);
	world_run(w, 20 * A_SECOND);
	applicant_start(w, NEWCOMER, 1);
	answer_at(w, 0);
	assert_true(until_granted(w, NEWCOMER, 10 * A_MINUTE) < 5 * A_MINUTE);
	assert_true(w->segments[1].longest <= NODE_THIN_FRAME_MIN);
	assert_true(w->segments[1].frames[FRAME_ANSWER] >= 5);
	world_free(w);
}

static void who_has_only_an_address_to_call_asks_there(void **state)
{
	struct world *w = world_of(7, 2);

	(void)state;
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	segment_make(w, 1, false);
	station_join(w, 1, 1);
	world_run(w, 20 * A_SECOND);
	applicant_start(w, NEWCOMER, 1);
	station_behind_nat(w, NEWCOMER, 1, 4000);
	station_target(w, NEWCOMER, 1, 1);
	answer_at(w, 0);
	assert_true(until_granted(w, NEWCOMER, A_MINUTE) < 20 * A_SECOND);
	world_free(w);
}

/* --- what is refused ------------------------------------------------------------------------ */

static void each_bad_answer_has_its_own_error(void **state)
{
	struct world *w = chain_with_newcomer(8);
	struct secret_authority stranger;
	uint8_t room[GRANT_MAX_LEN];
	struct grant g;

	(void)state;
	authority_make(&stranger, 99);
	assert_int_equal(tell(w, 0, answer_by(w, NEWCOMER, &stranger, &g, room)), -EKEYREJECTED);
	struct bytes good = answer_by(w, NEWCOMER, &w->authority, &g, room);
	assert_int_equal(tell(w, 0, bytes_of(good.data, good.len - 1)), -EBADMSG);
	g.certificate.level = LEVEL_CITY;
	int len = grant_encode(&g, room, sizeof(room));
	assert_int_equal(tell(w, 0, bytes_of(room, (size_t)len)), -EKEYREJECTED);
	good = answer(w, NEWCOMER, room);
	assert_int_equal(tell(w, 0, good), 0);
	assert_int_equal(tell(w, 0, good), -EALREADY);
	world_free(w);
}

static void say_grant(struct world *w, unsigned from, unsigned to, unsigned segment, struct bytes grant)
{
	uint8_t room[2 + GRANT_MAX_LEN] = { KIND_CONTROL, CONTROL_GRANT };

	memcpy(room + 2, grant.data, grant.len);
	station_say_inner(w, from, to, segment, bytes_of(room, 2 + grant.len));
}

/* A member sends what it has from before, or what it made up. */
static void members_do_not_pass_on_what_is_old_or_forged(void **state)
{
	struct world *w = chain_with_newcomer(9);
	struct secret_authority stranger;
	uint8_t room[GRANT_MAX_LEN], other[GRANT_MAX_LEN];
	struct grant g;

	(void)state;
	struct bytes old = answer_by(w, NEWCOMER, &w->authority, &g, room);
	station_knows(w, 1, &g.certificate);
	say_grant(w, 0, 1, 0, old);
	authority_make(&stranger, 99);
	uint64_t refused = counters_of(w, 1)->drops.certificate_refused;
	say_grant(w, 0, 1, 0, answer_by(w, NEWCOMER, &stranger, &g, other));
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(counters_of(w, 1)->drops.certificate_refused, refused + 1);
	assert_null(trust_by_id(w->stations[2].node, w->stations[NEWCOMER].node->id));
	assert_false(is_granted(w, NEWCOMER));
	assert_true(reaches(w, 0, 2));
	world_free(w);
}

static void members_that_make_up_much_are_heard_a_little(void **state)
{
	struct world *w = chain_with_newcomer(10);
	struct secret_authority stranger;
	uint8_t room[GRANT_MAX_LEN];
	struct grant g;

	(void)state;
	authority_make(&stranger, 99);
	uint64_t before = counters_of(w, 1)->drops.rate_limited;
	for (unsigned i = 0; i < 50; i++) {
		say_grant(w, 0, 1, 0, answer_by(w, NEWCOMER, &stranger, &g, room));
		world_run(w, 20 * MILLISECOND);
	}
	assert_true(counters_of(w, 1)->drops.rate_limited >= before + 40);
	world_free(w);
}

static void plea_frame(const struct world *w, unsigned i, uint8_t frame[480])
{
	memset(frame, 0, 480);
	frame[0] = FRAME_PLEA;
	frame[1] = 1;
	memcpy(frame + 4, w->stations[i].node->id, NODE_ID_LEN);
}

static void asking_without_a_reason_brings_nothing(void **state)
{
	struct world *w = chain_with_newcomer(11);
	uint8_t frame[480];
	struct endpoint from = endpoint_mac(2, 5);

	(void)state;
	plea_frame(w, NEWCOMER, frame);
	station_kill(w, NEWCOMER);
	station_join(w, 2, 3); /* something else to look at */
	uint64_t before = w->segments[2].frames[FRAME_ANSWER];
	station_hear(&w->stations[2], 2, &from, bytes_of(frame, sizeof(frame)));
	assert_int_equal(w->segments[2].frames[FRAME_ANSWER], before);
	answer_at(w, 2);
	/* Not for a question that is shorter than the answer. */
	station_hear(&w->stations[2], 2, &from, bytes_of(frame, sizeof(frame) - 1));
	station_hear(&w->stations[2], 2, &from, bytes_of(frame, 14));
	assert_int_equal(w->segments[2].frames[FRAME_ANSWER], before);
	for (unsigned i = 0; i < 1000; i++) {
		station_hear(&w->stations[2], 2, &from, bytes_of(frame, sizeof(frame)));
		world_run(w, MILLISECOND);
	}
	uint64_t answers = w->segments[2].frames[FRAME_ANSWER] - before;
	assert_true(answers >= 8 && answers <= 25);
	assert_true(w->segments[2].longest <= 1500);
	world_free(w);
}

static void answers_that_somebody_makes_up_are_refused_and_the_right_one_comes(void **state)
{
	struct world *w = chain_with_newcomer(12);
	struct endpoint from = endpoint_mac(2, 5);
	struct secret_authority stranger;
	uint8_t room[GRANT_MAX_LEN], frame[12 + GRANT_MAX_LEN] = { FRAME_ANSWER, 1, 0, 0, 0, 0, 0, 7 };
	struct grant g;

	(void)state;
	world_run(w, 5 * A_SECOND);
	/* By one who has its keys, and not its request. */
	w->stations[NEWCOMER].own.request.ticket[0] ^= 1;
	authority_make(&stranger, 99);
	struct bytes made_up = answer_by(w, NEWCOMER, &stranger, &g, room);
	w->stations[NEWCOMER].own.request.ticket[0] ^= 1;
	frame[10] = (uint8_t)(made_up.len >> 8);
	frame[11] = (uint8_t)made_up.len;
	memcpy(frame + 12, made_up.data, made_up.len);
	for (unsigned i = 0; i < 100; i++) {
		station_hear(&w->stations[NEWCOMER], 2, &from, bytes_of(frame, 12 + made_up.len));
		world_run(w, 10 * MILLISECOND);
	}
	assert_false(is_granted(w, NEWCOMER));
	assert_true(w->stations[NEWCOMER].offers >= 1 && w->stations[NEWCOMER].offers < 10);
	/* The first bytes of something that never ends. */
	station_hear(&w->stations[NEWCOMER], 2, &from, bytes_of(frame, 30));
	/* Members are not interested. */
	uint64_t unexpected = counters_of(w, 2)->drops.handshake_unexpected;
	station_hear(&w->stations[2], 2, &from, bytes_of(frame, 12 + made_up.len));
	assert_int_equal(counters_of(w, 2)->drops.handshake_unexpected, unexpected + 1);
	world_run(w, 10 * A_SECOND);
	answer_at(w, 0);
	assert_true(until_granted(w, NEWCOMER, 2 * A_MINUTE) < A_MINUTE);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_crosses_the_mesh_to_who_is_no_member),
		cmocka_unit_test(who_comes_within_the_hour_finds_its_answer),
		cmocka_unit_test(nothing_is_kept_for_longer),
		cmocka_unit_test(parts_that_were_apart_pass_it_on_when_they_meet),
		cmocka_unit_test(loss_only_delays_it),
		cmocka_unit_test(narrow_lines_carry_it_in_runs),
		cmocka_unit_test(who_has_only_an_address_to_call_asks_there),
		cmocka_unit_test(each_bad_answer_has_its_own_error),
		cmocka_unit_test(members_do_not_pass_on_what_is_old_or_forged),
		cmocka_unit_test(members_that_make_up_much_are_heard_a_little),
		cmocka_unit_test(asking_without_a_reason_brings_nothing),
		cmocka_unit_test(answers_that_somebody_makes_up_are_refused_and_the_right_one_comes),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
