/* The enrolment file as meshd reads it: each thing that can be wrong has its own sentence. */
#include "tests/unit/io_daemon.h"

static const struct time_floor long_ago = { 0 };

static void enrolment_put(struct place *p, struct enrolment *e)
{
	char text[ENROLMENT_TEXT_MAX];
	int len = enrolment_format(e, text, sizeof(text));

	assert_true(len > 0);
	file_put(p, "node.key", text, (size_t)len);
}

static void member_put(struct place *p, struct enrolment *e)
{
	struct secret_authority a;

	authority_generate(&a, &kernel_random);
	member_make(e, &a, "car", LEVEL_SCENE);
	enrolment_put(p, e);
}

static int loaded(struct place *p, struct enrolment *e, const struct time_floor *floor)
{
	char path[256];

	p->error[0] = 0;
	return enrolment_load(e, path_in(p, "node.key", path), floor, p->error);
}

static void good_file_loads(void **state)
{
	struct enrolment written, read;

	member_put(*state, &written);
	assert_int_equal(loaded(*state, &read, &long_ago), 0);
	assert_string_equal(read.certificate.name, "car");
	assert_memory_equal(&read.identity, &written.identity, sizeof(read.identity));
}

static void missing_file_says_where_it_comes_from(void **state)
{
	struct place *p = *state;
	struct enrolment e;

	assert_int_equal(loaded(p, &e, &long_ago), -ENOENT);
	says(p->error, "node.key: there is no enrolment file");
	says(p->error, "meshctl enrol");
}

static void what_is_no_file_is_said(void **state)
{
	struct place *p = *state;
	struct enrolment e;
	char path[256];

	mkdir(path_in(p, "node.key", path), 0700);
	assert_int_equal(loaded(p, &e, &long_ago), -EISDIR);
	says(p->error, "cannot be read");
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
	assert_int_equal(loaded(p, &e, &long_ago), -EBADMSG);
}

static void damage_is_told_from_absence(void **state)
{
	struct place *p = *state;
	struct enrolment e;
	char text[2 * ENROLMENT_TEXT_MAX];
	ssize_t len;

	member_put(p, &e);
	len = file_get(p, "node.key", text, sizeof(text));
	for (ssize_t cut = 0; cut < len - 1; cut += 7) {
		file_put(p, "node.key", text, (size_t)cut);
		assert_int_equal(loaded(p, &e, &long_ago), -EBADMSG);
		says(p->error, "not an enrolment file, or damaged");
	}
	for (ssize_t at = 0; at < len - 1; at += 5) {
		text[at] ^= 1;
		file_put(p, "node.key", text, (size_t)len);
		text[at] ^= 1;
		assert_true(loaded(p, &e, &long_ago) < 0);
	}
	memset(text, 'x', sizeof(text));
	file_put(p, "node.key", text, sizeof(text)); /* larger than any */
	assert_int_equal(loaded(p, &e, &long_ago), -EBADMSG);
}

static void keys_that_wait_for_a_certificate_are_told_as_such(void **state)
{
	struct place *p = *state;
	struct secret_request own;
	char text[ENROLMENT_TEXT_MAX];
	struct enrolment e;

	assert_int_equal(request_make(&own, "car", LEVEL_SCENE, &kernel_random), 0);
	file_put(p, "node.key", text, (size_t)request_format_secret(&own, text, sizeof(text)));
	assert_int_equal(loaded(p, &e, &long_ago), -EAGAIN);
	says(p->error, "node.key: has no certificate yet");
	says(p->error, "meshctl accept");
}

static void mixed_parts_are_told_as_such(void **state)
{
	struct place *p = *state;
	struct enrolment e, other;

	member_put(p, &other);
	member_put(p, &e);
	e.identity = other.identity;
	enrolment_put(p, &e);
	assert_int_equal(loaded(p, &e, &long_ago), -EKEYREJECTED);
	says(p->error, "do not belong together");
}

static void certainly_expired_is_refused_with_its_date(void **state)
{
	struct place *p = *state;
	struct secret_authority a;
	struct enrolment e;

	authority_generate(&a, &kernel_random);
	member_make(&e, &a, "car", LEVEL_SCENE);
	e.certificate.not_before = 0;
	e.certificate.not_after = 29929680; /* 2026-11-27 */
	assert_int_equal(certificate_issue(&e.certificate, &a), 0);
	enrolment_put(p, &e);
	assert_int_equal(loaded(p, &e, &(struct time_floor){ 29929680 }), 0);
	assert_int_equal(loaded(p, &e, &(struct time_floor){ 29929681 }), -EKEYEXPIRED);
	says(p->error, "the certificate of \"car\" ended on 2026-11-27; enrol this node again");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_file_loads),
		TEST(missing_file_says_where_it_comes_from),
		TEST(what_is_no_file_is_said),
		TEST(damage_is_told_from_absence),
		TEST(keys_that_wait_for_a_certificate_are_told_as_such),
		TEST(mixed_parts_are_told_as_such),
		TEST(certainly_expired_is_refused_with_its_date),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
