/* Keys that wait for a certificate: what the daemon makes of them, and of each answer that comes. */
#include "tests/unit/io_daemon.h"

struct desk {
	struct daemon *d;
	struct place *p;
	struct secret_authority a;
	struct secret_request own;
};

static const struct time_floor long_ago = { 0 };

static struct desk desk_make(struct place *p)
{
	struct desk k = { .d = daemon_make(p), .p = p };
	char text[ENROLMENT_TEXT_MAX], path[256];

	authority_generate(&k.a, &kernel_random);
	assert_int_equal(request_make(&k.own, "car", LEVEL_SCENE, &kernel_random), 0);
	file_put(p, "node.key", text, (size_t)request_format_secret(&k.own, text, sizeof(text)));
	path_in(p, "node.key", k.d->config.key_path);
	mkdir(path_in(p, "state", path), 0700);
	k.d->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(k.d->loop);
	return k;
}

static void desk_done(struct desk *k)
{
	applicant_close(k->d);
	enrolment_done(&k->d->enrolment);
	ev_loop_destroy(k->d->loop);
	daemon_unmake(k->d);
}

static size_t answer_by(
	struct desk *k, struct secret_authority *a, const struct identity_public *key, uint8_t out[GRANT_MAX_LEN])
{
	struct certificate c = { .level = LEVEL_SCENE, .key = *key, .name = "car", .name_len = 3 };
	struct grant g;

	c.not_before = (uint32_t)(build_s / 60);
	c.not_after = c.not_before + 1000;
	assert_int_equal(certificate_issue(&c, a), 0);
	assert_int_equal(grant_make(&g, &c, k->own.request.ticket, a), 0);
	return (size_t)grant_encode(&g, out, GRANT_MAX_LEN);
}

static size_t answer(struct desk *k, uint8_t out[GRANT_MAX_LEN])
{
	return answer_by(k, &k->a, &k->own.request.key, out);
}

static bool is_kept(struct desk *k)
{
	uint8_t data[GRANT_MAX_LEN];

	return file_get(k->p, "state/answer", data, sizeof(data)) > 0;
}

static void it_is_alone_until_an_answer_comes(void **state)
{
	struct desk k = desk_make(*state);
	uint8_t room[GRANT_MAX_LEN];

	assert_int_equal(applicant_open(k.d, &long_ago), 0);
	assert_non_null(k.d->applicant);
	assert_int_equal(certificate_verify(&k.d->enrolment.certificate, &k.d->enrolment.authority, &long_ago), 0);
	assert_memory_equal(&k.d->enrolment.identity, &k.own.identity, sizeof(k.own.identity));
	assert_true(k.d->enrolment.authority.deployment != k.a.public.deployment);
	assert_true(applicant_granted(k.d, bytes_of(room, answer(&k, room))));
	assert_true(k.d->was_admitted);
	assert_int_equal(said(k.p, "admitted as car (scene), serial 1"), 1);
	/* At the next start. */
	applicant_close(k.d);
	assert_int_equal(applicant_open(k.d, &long_ago), 0);
	assert_null(k.d->applicant);
	assert_int_equal(k.d->enrolment.certificate.serial, 1);
	assert_memory_equal(k.d->enrolment.psk, k.a.psk, KEY_LEN);
	desk_done(&k);
}

static void what_is_no_answer_to_it_is_refused_by_name(void **state)
{
	struct desk k = desk_make(*state);
	struct secret_identity other;
	uint8_t room[GRANT_MAX_LEN];

	assert_int_equal(applicant_open(k.d, &long_ago), 0);
	identity_generate(&other, &kernel_random);
	assert_false(applicant_granted(k.d, bytes_of(room, answer_by(&k, &k.a, &other.public, room))));
	assert_int_equal(said(k.p, "is for other keys"), 1);
	size_t len = answer(&k, room);
	room[len - 1] ^= 1;
	assert_false(applicant_granted(k.d, bytes_of(room, len)));
	assert_int_equal(said(k.p, "no authority has signed"), 1);
	k.own.request.ticket[0] ^= 1;
	assert_false(applicant_granted(k.d, bytes_of(room, answer(&k, room))));
	assert_int_equal(said(k.p, "was made by somebody who has not seen it"), 1);
	k.own.request.ticket[0] ^= 1;
	k.d->state.floor.t_lo = UINT32_MAX;
	assert_false(applicant_granted(k.d, bytes_of(room, answer(&k, room))));
	assert_int_equal(said(k.p, "has expired"), 1);
	assert_false(k.d->was_admitted || is_kept(&k));
	desk_done(&k);
}

static void damaged_answer_is_set_aside_and_it_asks_again(void **state)
{
	struct desk k = desk_make(*state);
	uint8_t room[GRANT_MAX_LEN];

	file_put(k.p, "state/answer", "rubbish", 7);
	assert_int_equal(applicant_open(k.d, &long_ago), 0);
	assert_non_null(k.d->applicant);
	assert_false(is_kept(&k));
	assert_int_equal(file_get(k.p, "state/answer.bad", room, sizeof(room)), 7);
	desk_done(&k);
}

static void answer_that_cannot_be_kept_is_told(void **state)
{
	struct desk k = desk_make(*state);
	uint8_t room[GRANT_MAX_LEN];

	assert_int_equal(applicant_open(k.d, &long_ago), 0);
	snprintf(k.d->config.state_dir, sizeof(k.d->config.state_dir), "%s/nowhere", k.p->dir);
	assert_false(applicant_granted(k.d, bytes_of(room, answer(&k, room))));
	assert_int_equal(said(k.p, "state-unwritable"), 1);
	assert_false(k.d->was_admitted);
	desk_done(&k);
}

static void expired_answer_says_when(void **state)
{
	const struct time_floor far = { UINT32_MAX };
	struct desk k = desk_make(*state);
	uint8_t room[GRANT_MAX_LEN];
	size_t len = answer(&k, room);

	file_put(k.p, "state/answer", room, len);
	assert_int_equal(applicant_open(k.d, &far), -EKEYEXPIRED);
	says(k.d->error, "the certificate of \"car\" ended on");
	desk_done(&k);
}

/* Of a member, whose keys were made at the desk. */
static void later_certificate_for_the_same_keys_holds(void **state)
{
	struct desk k = desk_make(*state);
	uint8_t first[GRANT_MAX_LEN], later[GRANT_MAX_LEN], foreign[GRANT_MAX_LEN];
	struct secret_authority stranger;

	member_make(&k.d->enrolment, &k.a, "car", LEVEL_SCENE);
	const struct identity_public *key = &k.d->enrolment.certificate.key;
	k.a.next_serial = 1;
	size_t first_len = answer_by(&k, &k.a, key, first), later_len = answer_by(&k, &k.a, key, later);
	authority_generate(&stranger, &kernel_random);
	stranger.next_serial = 9;
	size_t foreign_len = answer_by(&k, &stranger, key, foreign);
	assert_false(applicant_granted(k.d, bytes_of(first, first_len))); /* the serial that it has */
	assert_false(applicant_granted(k.d, bytes_of(foreign, foreign_len)));
	assert_false(is_kept(&k));
	assert_true(applicant_granted(k.d, bytes_of(later, later_len)));
	enrolment_renew(k.d, &long_ago);
	assert_int_equal(k.d->enrolment.certificate.serial, 2);
	file_put(k.p, "state/answer", foreign, foreign_len);
	enrolment_renew(k.d, &long_ago);
	assert_int_equal(k.d->enrolment.certificate.serial, 2);
	desk_done(&k);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)
	const struct CMUnitTest tests[] = {
		TEST(it_is_alone_until_an_answer_comes),
		TEST(what_is_no_answer_to_it_is_refused_by_name),
		TEST(damaged_answer_is_set_aside_and_it_asks_again),
		TEST(answer_that_cannot_be_kept_is_told),
		TEST(expired_answer_says_when),
		TEST(later_certificate_for_the_same_keys_holds),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
