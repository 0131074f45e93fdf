/* revoke, replace and the authority's passphrase: the lists, and every refusal. */
#include "meshd/base/build.h"
#include "tests/unit/ctl_run.h"

#define OFFLINE " --authority authority.key --passphrase-file right --offline"

static void file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void deployment_make(struct scratch *s)
{
	file_put("right", "correct horse\n");
	file_put("wrong", "battery staple\n");
	file_put("short", "seven77\n");
	assert_int_equal(run(s, command_authority, "init --passphrase-file right"), CTL_GOOD);
}

static void enrol(struct scratch *s, const char *arguments)
{
	char line[512];

	snprintf(line, sizeof(line), "--authority authority.key --passphrase-file right --level town --name %s",
		arguments);
	assert_int_equal(run(s, command_enrol, line), CTL_GOOD);
}

static struct revocation list_get(const char *path)
{
	char text[ENROLMENT_TEXT_MAX];
	struct revocation r;

	file_load(path, text, sizeof(text));
	assert_int_equal(revocation_parse(&r, bytes_of(text, strlen(text))), 0);
	return r;
}

/* Whether it says that it is signed by the authority is not asked: its file is locked. */
static struct secret_deployment_key key_get(const char *path)
{
	char text[ENROLMENT_TEXT_MAX];
	struct secret_deployment_key k;
	struct stat status;

	file_load(path, text, sizeof(text));
	assert_int_equal(deployment_key_parse(&k, bytes_of(text, strlen(text))), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	return k;
}

static struct enrolment enrolment_get(const char *path)
{
	char text[ENROLMENT_TEXT_MAX];
	struct enrolment e;

	file_load(path, text, sizeof(text));
	assert_int_equal(enrolment_parse(&e, bytes_of(text, strlen(text))), 0);
	return e;
}

static void passphrase_is_needed_and_must_be_right(void **state)
{
	struct scratch *s = *state;
	struct secret_authority a;
	char before[ENROLMENT_TEXT_MAX], after[ENROLMENT_TEXT_MAX];

	deployment_make(s);
	file_load("authority.key", before, sizeof(before));
	assert_int_equal(authority_parse(&a, bytes_of(before, strlen(before))), -ENOKEY);
	assert_int_equal(
		run(s, command_enrol, "--authority authority.key --passphrase-file wrong --level town --name a"),
		CTL_BAD);
	says(s->err, "authority.key: wrong passphrase; nothing was changed");
	assert_false(file_exists("a.key"));
	file_load("authority.key", after, sizeof(after));
	assert_string_equal(before, after);
	enrol(s, "a");
	assert_int_equal(enrolment_get("a.key").certificate.serial, 1);
	enrol(s, "b"); /* the serial went under the passphrase, too */
	assert_int_equal(enrolment_get("b.key").certificate.serial, 2);
	assert_int_equal(run(s, command_authority, "init --out other.key --passphrase-file short"), CTL_USAGE);
	says(s->err, "8 characters or more");
	assert_false(file_exists("other.key"));
}

static void passphrase_is_changed_by_who_knows_it(void **state)
{
	struct scratch *s = *state;
	const char *lock = "lock --authority authority.key --passphrase-file right --new-passphrase-file wrong";

	deployment_make(s);
	assert_int_equal(run(s, command_authority, lock), CTL_GOOD);
	assert_int_equal(run(s, command_authority, lock), CTL_BAD);
	says(s->err, "wrong passphrase");
}

static void lists_name_all_who_ever_were_out(void **state)
{
	struct scratch *s = *state;

	deployment_make(s);
	enrol(s, "a");
	enrol(s, "b");
	enrol(s, "c");
	assert_int_equal(run(s, command_revoke, "a" OFFLINE), CTL_GOOD);
	says(s->out, "\"a\" is out: list 1, 1 revoked in all");
	says(s->out, "meshctl revoke --list authority.key.revoked");
	assert_int_equal(run(s, command_revoke, "c" OFFLINE), CTL_GOOD);
	struct revocation r = list_get("authority.key.revoked");
	assert_int_equal(r.epoch, 2);
	assert_true(revocation_names(&r, 1) && !revocation_names(&r, 2) && revocation_names(&r, 3));
	struct enrolment b = enrolment_get("b.key");
	assert_int_equal(revocation_verify(&r, &b.authority), 0);
	assert_int_equal(run(s, command_revoke, "nobody" OFFLINE), CTL_BAD);
	says(s->err, "nobody is called \"nobody\"");
	assert_int_equal(list_get("authority.key.revoked").epoch, 2);
}

/* It goes with the list, in a file of its own, and is as good as the authority that made it. */
static void a_key_goes_with_each_list_that_is_carried(void **state)
{
	struct scratch *s = *state;
	char text[ENROLMENT_TEXT_MAX];

	deployment_make(s);
	enrol(s, "a");
	enrol(s, "b");
	struct enrolment b = enrolment_get("b.key");
	for (unsigned number = 1; number <= 2; number++) {
		assert_int_equal(run(s, command_revoke, "a" OFFLINE), CTL_GOOD);
		says(s->out, "authority.key.revoked.secret beside it, which is secret");
		struct secret_deployment_key k = key_get("authority.key.revoked.secret");
		assert_int_equal(k.number, number);
		assert_int_equal(deployment_key_verify(&k, &b.authority), 0);
		assert_memory_not_equal(k.psk, b.psk, KEY_LEN);
	}
	/* Whoever is enrolled now has the first key, which all have. */
	enrol(s, "c");
	assert_memory_equal(enrolment_get("c.key").psk, b.psk, KEY_LEN);
	/* With a damaged one nothing is handed in; the list alone is as good as ever. */
	file_load("authority.key.revoked.secret", text, sizeof(text));
	text[strlen(text) / 2] ^= 1;
	file_put("authority.key.revoked.secret", text);
	const char *hand_in = "--list authority.key.revoked --socket none.sock";
	assert_int_equal(run(s, command_revoke, hand_in), CTL_BAD);
	says(s->err, "authority.key.revoked.secret: not the key of a list, or damaged");
	assert_int_equal(remove("authority.key.revoked.secret"), 0);
	assert_int_equal(run(s, command_revoke, hand_in), CTL_USAGE);
	says(s->err, "none.sock");
	assert_int_equal(run(s, command_revoke, "--list nowhere --socket none.sock"), CTL_BAD);
	says(s->err, "nowhere: No such file");
}

static void damaged_and_foreign_lists_are_refused(void **state)
{
	struct scratch *s = *state;
	char text[ENROLMENT_TEXT_MAX];

	deployment_make(s);
	enrol(s, "a");
	assert_int_equal(run(s, command_revoke, "a" OFFLINE), CTL_GOOD);
	file_load("authority.key.revoked", text, sizeof(text));
	text[strlen(text) / 2] ^= 1;
	file_put("authority.key.revoked", text);
	assert_int_equal(run(s, command_revoke, "a" OFFLINE), CTL_BAD);
	says(s->err, "authority.key.revoked: not a list of who is out, or damaged");
	assert_int_equal(run(s, command_revoke, "--list authority.key.revoked"), CTL_BAD);
	assert_int_equal(remove("authority.key.revoked"), 0);
	assert_int_equal(run(s, command_authority, "init --out other.key"), CTL_GOOD);
	assert_int_equal(rename("authority.key.issued", "other.key.issued"), 0);
	assert_int_equal(run(s, command_revoke, "a --authority other.key --offline"), CTL_GOOD);
	assert_int_equal(rename("other.key.revoked", "authority.key.revoked"), 0);
	assert_int_equal(rename("other.key.issued", "authority.key.issued"), 0);
	assert_int_equal(run(s, command_revoke, "a" OFFLINE), CTL_BAD);
	says(s->err, "signed by another authority");
}

/* A clock in 2040 at the desk must not end everybody's certificate. */
static void dates_stay_near_what_was_signed_before(void **state)
{
	struct revocation r = { .date = 1000 };
	struct registry_entry e = { .not_before = 2000 };
	struct registry registry = { .fd = -1, .count = 1, .entries = &e };
	bool is_guess;

	(void)state;
	assert_int_equal(list_date(&r, &registry, &is_guess), 2000);
	assert_true(is_guess);
	e.not_before = date_now(&is_guess) - 1000;
	assert_true(list_date(&r, &registry, &is_guess) >= e.not_before + 1000);
	assert_false(is_guess);
	registry.count = 0;
	r.date = 0;
	assert_true(list_date(&r, &registry, &is_guess) >= build_s / 60);
}

static void replacement_takes_name_networks_and_roles(void **state)
{
	struct scratch *s = *state;

	deployment_make(s);
	enrol(s, "post --role command-post --role gateway --prefix 10.7.0.0/16 --prefix fd01::/64");
	struct enrolment before = enrolment_get("post.key");
	assert_int_equal(run(s, command_replace, "post spare.key" OFFLINE), CTL_GOOD);
	says(s->out, "\"post\" is out: list 1");
	says(s->out, "enrolled post (town) again, serial 2, gateway command-post");
	struct enrolment after = enrolment_get("spare.key");
	assert_string_equal(after.certificate.name, "post");
	assert_int_equal(after.certificate.roles, before.certificate.roles);
	assert_int_equal(after.certificate.prefix_count, 2);
	assert_memory_equal(
		after.certificate.prefixes, before.certificate.prefixes, sizeof(before.certificate.prefixes));
	assert_memory_not_equal(after.certificate.key.dh, before.certificate.key.dh, KEY_LEN);
	struct revocation r = list_get("authority.key.revoked");
	assert_true(revocation_ends(&r, &before.certificate));
	assert_false(revocation_ends(&r, &after.certificate));
	assert_int_equal(run(s, command_replace, "post spare.key" OFFLINE), CTL_BAD);
	says(s->err, "spare.key is there already");
	assert_int_equal(list_get("authority.key.revoked").epoch, 1);
}

static void what_an_old_registry_does_not_tell_is_asked_for(void **state)
{
	struct scratch *s = *state;

	deployment_make(s);
	enrol(s, "a");
	file_put("authority.key.issued", "1\ta\ttown\t29000000\t30000000\t\n");
	assert_int_equal(run(s, command_replace, "a spare.key" OFFLINE), CTL_BAD);
	says(s->err, "does not tell the roles of \"a\"");
	assert_false(file_exists("authority.key.revoked") || file_exists("spare.key"));
}

static void what_is_missing_is_said(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, command_revoke, "a"), CTL_USAGE);
	assert_int_equal(run(s, command_revoke, "--authority authority.key"), CTL_USAGE);
	assert_int_equal(run(s, command_revoke, "a --list x --authority y"), CTL_USAGE);
	assert_int_equal(run(s, command_replace, "a --authority y"), CTL_USAGE);
	assert_int_equal(run(s, command_revoke, "a --authority none.key --offline"), CTL_BAD);
	says(s->err, "there is no authority; make one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(passphrase_is_needed_and_must_be_right, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(passphrase_is_changed_by_who_knows_it, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(lists_name_all_who_ever_were_out, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
			a_key_goes_with_each_list_that_is_carried, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(damaged_and_foreign_lists_are_refused, scratch_enter, scratch_leave),
		cmocka_unit_test(dates_stay_near_what_was_signed_before),
		cmocka_unit_test_setup_teardown(
			replacement_takes_name_networks_and_roles, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
			what_an_old_registry_does_not_tell_is_asked_for, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(what_is_missing_is_said, scratch_enter, scratch_leave),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
