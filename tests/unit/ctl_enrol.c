/* authority init, enrol and identity: the files, their modes, and every refusal. */
#include "meshd/base/build.h"
#include "tests/unit/ctl_run.h"

#define ENROL "--authority authority.key --level scene --name "

static void authority_make(struct scratch *s)
{
	assert_int_equal(run(s, command_authority, "init --id 2a5f00c1"), CTL_GOOD);
}

static void enrol(struct scratch *s, const char *arguments)
{
	char line[512];

	snprintf(line, sizeof(line), ENROL "%s", arguments);
	run(s, command_enrol, line);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

static void enrolment_get(const char *path, struct enrolment *e)
{
	char text[ENROLMENT_TEXT_MAX];

	file_load(path, text, sizeof(text));
	assert_int_equal(enrolment_parse(e, bytes_of(text, strlen(text))), 0);
}

static void authority_get(struct secret_authority *a)
{
	char text[ENROLMENT_TEXT_MAX];

	file_load("authority.key", text, sizeof(text));
	assert_int_equal(authority_parse(a, bytes_of(text, strlen(text))), 0);
}

/* --- authority ------------------------------------------------------------------------------ */

static void authority_is_made_for_its_owner_only(void **state)
{
	struct secret_authority a;

	authority_make(*state);
	authority_get(&a);
	assert_int_equal(a.public.deployment, 0x2a5f00c1);
	assert_int_equal(a.next_serial, 1);
	assert_int_equal(mode_of("authority.key"), 0600);
}

static void two_authorities_share_nothing(void **state)
{
	struct secret_authority a, b;

	run(*state, command_authority, "init");
	authority_get(&a);
	run(*state, command_authority, "init --force");
	authority_get(&b);
	assert_int_not_equal(a.public.deployment, b.public.deployment);
	assert_memory_not_equal(a.psk, b.psk, KEY_LEN);
	assert_memory_not_equal(a.public.sign_public, b.public.sign_public, SIGN_PUBLIC_LEN);
}

static void authority_is_never_overwritten_by_itself(void **state)
{
	struct scratch *s = *state;
	char before[2048], after[2048];

	authority_make(s);
	file_load("authority.key", before, sizeof(before));
	assert_int_equal(run(s, command_authority, "init"), CTL_BAD);
	says(s->err, "is there already");
	says(s->err, "--force");
	file_load("authority.key", after, sizeof(after));
	assert_string_equal(before, after);
}

static void list_of_the_enrolled_outlives_its_authority(void **state)
{
	struct scratch *s = *state;
	char first[2048], second[2048], kept[2048];

	authority_make(s);
	enrol(s, "alpha");
	file_load("authority.key.issued", first, sizeof(first));
	assert_int_equal(run(s, command_authority, "init --force"), CTL_GOOD);
	says(s->out, "authority.key.issued.1");
	assert_false(file_exists("authority.key.issued"));
	enrol(s, "beta");
	file_load("authority.key.issued", second, sizeof(second));
	assert_int_equal(run(s, command_authority, "init --force --json"), CTL_GOOD);
	says(s->out, "\"enrolled_before\": \"authority.key.issued.2\"");
	file_load("authority.key.issued.1", kept, sizeof(kept));
	assert_string_equal(kept, first);
	file_load("authority.key.issued.2", kept, sizeof(kept));
	assert_string_equal(kept, second);
	/* Without a list there is nothing to say. */
	assert_int_equal(run(s, command_authority, "init --force"), CTL_GOOD);
	assert_null(strstr(s->out, "issued"));
	assert_false(file_exists("authority.key.issued.3"));
}

static void list_stays_in_use_if_the_new_authority_cannot_be_written(void **state)
{
	struct scratch *s = *state;
	char before[2048], after[2048];

	authority_make(s);
	enrol(s, "alpha");
	file_load("authority.key.issued", before, sizeof(before));
	assert_int_equal(mkdir("authority.key.new", 0700), 0); /* where it is written first */
	assert_int_equal(run(s, command_authority, "init --force"), CTL_BAD);
	file_load("authority.key.issued", after, sizeof(after));
	assert_string_equal(before, after);
	assert_false(file_exists("authority.key.issued.1"));
}

static void authority_id_must_be_hex(void **state)
{
	static const char *const wrong[] = { "12345", "0x2a5f00", "2a5f00cg", "00000000", "2a5f00c1a" };
	struct scratch *s = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "init --id %s", wrong[i]);
		assert_int_equal(run(s, command_authority, line), CTL_USAGE);
		says(s->err, "eight hex digits");
		assert_false(file_exists("authority.key"));
	}
}

static void authority_knows_only_init(void **state)
{
	assert_int_equal(run(*state, command_authority, ""), CTL_USAGE);
	assert_int_equal(run(*state, command_authority, "make"), CTL_USAGE);
	assert_int_equal(run(*state, command_authority, "init --nonsense"), CTL_USAGE);
	assert_int_equal(run(*state, command_authority, "init --out"), CTL_USAGE);
	assert_int_equal(run(*state, command_authority, "init --force=yes"), CTL_USAGE);
}

/* --- enrol ---------------------------------------------------------------------------------- */

static void enrolled_node_is_a_member(void **state)
{
	struct scratch *s = *state;
	struct secret_authority a;
	struct enrolment e;

	authority_make(s);
	enrol(s, "vehicle-7 --prefix 10.1.2.0/24 --prefix fd77::/64 --role gateway --role command-post --years 2");
	assert_int_equal(s->status, CTL_GOOD);
	assert_int_equal(mode_of("vehicle-7.key"), 0600);
	enrolment_get("vehicle-7.key", &e);
	authority_get(&a);
	const struct certificate *c = &e.certificate;
	assert_int_equal(certificate_verify(c, &a.public, &(struct time_floor){ 0 }), 0);
	assert_string_equal(c->name, "vehicle-7");
	assert_int_equal(c->level, LEVEL_SCENE);
	assert_int_equal(c->roles, ROLE_GATEWAY | ROLE_COMMAND_POST);
	assert_int_equal(c->prefix_count, 2);
	assert_int_equal(c->serial, 1);
	assert_int_equal((c->not_after - c->not_before) / (365 * 24 * 60), 2);
	assert_true(c->not_before >= build_s / 60);
	assert_memory_equal(e.psk, a.psk, KEY_LEN);
	assert_int_equal(a.next_serial, 2);
}

static void names_may_be_chinese(void **state)
{
	struct scratch *s = *state;
	struct enrolment e;

	authority_make(s);
	enrol(s, "\xe5\x8e\xbf\xe6\x8c\x87\xe6\x8c\xa5\xe9\x83\xa8_1 --out post.key");
	assert_int_equal(s->status, CTL_GOOD);
	enrolment_get("post.key", &e);
	assert_string_equal(e.certificate.name, "\xe5\x8e\xbf\xe6\x8c\x87\xe6\x8c\xa5\xe9\x83\xa8 1");
}

static void no_serial_is_given_twice(void **state)
{
	struct scratch *s = *state;
	char old[2048], error[CTL_ERROR_MAX];
	struct enrolment e;

	authority_make(s);
	file_load("authority.key", old, sizeof(old));
	enrol(s, "a");
	enrol(s, "b");
	enrolment_get("b.key", &e);
	assert_int_equal(e.certificate.serial, 2);
	/* Somebody puts back the copy from before. */
	assert_int_equal(file_write("authority.key", old, strlen(old), true, error), 0);
	enrol(s, "c");
	enrolment_get("c.key", &e);
	assert_int_equal(e.certificate.serial, 3);
}

static void a_name_is_given_once(void **state)
{
	struct scratch *s = *state;
	struct secret_authority a;

	authority_make(s);
	enrol(s, "backpack-1");
	enrol(s, "backpack-2");
	enrol(s, "Backpack-1 --out other.key");
	assert_int_equal(s->status, CTL_BAD);
	says(s->err, "\"backpack-1\" was given on");
	says(s->err, "use \"Backpack-3\"");
	assert_false(file_exists("other.key"));
	authority_get(&a);
	assert_int_equal(a.next_serial, 3); /* nothing was taken */
	enrol(s, "backpack-1 --out other.key --again");
	assert_int_equal(s->status, CTL_GOOD);
	assert_true(file_exists("other.key"));
}

static void suggestion_always_fits(void **state)
{
	struct registry_entry entries[] = { { .name = "01234567890123456789012345678999" }, { .name = "city" },
		{ .name = "city-2" }, { .name = "123" } };
	struct registry r = { .fd = -1, .count = 4, .entries = entries };
	char out[NAME_MAX_LEN + 1];

	(void)state;
	registry_suggest(&r, "city", out);
	assert_string_equal(out, "city-3");
	registry_suggest(&r, "123", out);
	assert_string_equal(out, "123-2");
	registry_suggest(&r, "01234567890123456789012345678999", out);
	assert_true(strlen(out) <= NAME_MAX_LEN);
	registry_suggest(&r, "0123456789012345678901234567890x", out);
	assert_string_equal(out, "");
}

static void node_file_is_never_overwritten_by_itself(void **state)
{
	struct scratch *s = *state;
	struct enrolment e;

	authority_make(s);
	enrol(s, "a --out node.key");
	enrol(s, "b --out node.key");
	assert_int_equal(s->status, CTL_BAD);
	says(s->err, "node.key is there already");
	enrolment_get("node.key", &e);
	assert_string_equal(e.certificate.name, "a");
	enrol(s, "b --out node.key --force");
	assert_int_equal(s->status, CTL_GOOD);
	enrolment_get("node.key", &e);
	assert_string_equal(e.certificate.name, "b");
}

static void name_cannot_lead_to_another_directory(void **state)
{
	struct scratch *s = *state;

	authority_make(s);
	enrol(s, "../../etc/x");
	assert_int_equal(s->status, CTL_GOOD);
	assert_true(file_exists(".._.._etc_x.key"));
}

static void wrong_arguments_touch_nothing(void **state)
{
	static const struct {
		const char *arguments, *says;
	} wrong[] = {
		{ "x --prefix 10.1.2.1/24", "bits beyond its length" },
		{ "x --prefix 10.1.2/24", "is no network" },
		{ "x --prefix fe80::/64", "cannot be routed" },
		{ "x --prefix 224.0.0.0/8", "cannot be routed" },
		{ "x --prefix 10.0.0.0/8 --prefix 10.0.0.0/8", "is there twice" },
		{ "x --role boss", "gateway or command-post" },
		{ "x --years 0", "1 to 20" },
		{ "x --years 21", "1 to 20" },
		{ "x --years -3", "1 to 20" },
		{ "x --years 3x", "1 to 20" },
		{ "x y", "does not belong here" },
		{ "x --level town", "is there twice" },
		{ "012345678901234567890123456789012", "33 bytes" },
	};
	struct scratch *s = *state;
	struct secret_authority a;

	authority_make(s);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		enrol(s, wrong[i].arguments);
		assert_int_equal(s->status, CTL_USAGE);
		says(s->err, wrong[i].says);
		assert_int_equal(lines_of(s->err), 1);
	}
	assert_int_equal(run(s, command_enrol, "--authority authority.key --name x --level boss"), CTL_USAGE);
	says(s->err, "city, district, town or scene");
	assert_int_equal(run(s, command_enrol, "--authority authority.key --name x"), CTL_USAGE);
	says(s->err, "--level is missing");
	authority_get(&a);
	assert_int_equal(a.next_serial, 1);
	assert_false(file_exists("x.key"));
}

static void invisible_names_are_refused(void **state)
{
	struct scratch *s = *state;
	struct secret_authority a;

	authority_make(s);
	enrol(s, "_x --out x.key"); /* "_" is a space */
	assert_int_equal(s->status, CTL_BAD);
	says(s->err, "cannot be seen");
	enrol(s, "a\xe2\x80\xaehc --out x.key"); /* writes right to left */
	assert_int_equal(s->status, CTL_BAD);
	authority_get(&a);
	assert_int_equal(a.next_serial, 1);
	assert_false(file_exists("x.key"));
}

static void damaged_files_are_named(void **state)
{
	struct scratch *s = *state;
	char error[CTL_ERROR_MAX];

	enrol(s, "x");
	assert_int_equal(s->status, CTL_BAD);
	says(s->err, "there is no authority");
	assert_int_equal(file_write("authority.key", "rubbish\n", 8, true, error), 0);
	enrol(s, "x");
	says(s->err, "authority.key: not an authority file");
	assert_int_equal(run(s, command_authority, "init --force"), CTL_GOOD);
	enrol(s, "x");
	assert_int_equal(s->status, CTL_GOOD);
	assert_int_equal(file_write("authority.key.issued", "1\tonly two\n", 11, true, error), 0);
	enrol(s, "y");
	assert_int_equal(s->status, CTL_BAD);
	says(s->err, "authority.key.issued:1: cannot be read");
}

static void notes_warn_of_likely_mistakes(void **state)
{
	struct scratch *s = *state;

	authority_make(s);
	enrol(s, "a --prefix 10.1.2.0/24");
	assert_string_equal(s->err, "");
	enrol(s, "b --prefix 10.1.2.0/24");
	assert_int_equal(s->status, CTL_GOOD);
	says(s->err, "\"a\" has 10.1.2.0/24 too");
	enrol(s, "c --role gateway --prefix 10.9.0.3/32");
	says(s->err, "name what lies behind a gateway, as --prefix 10.50.0.0/16");
	assert_null(strstr(s->err, "0.0.0.0/0"));
	enrol(s, "d --role gateway --prefix 10.50.0.0/16");
	assert_string_equal(s->err, "");
	enrol(s, "e --role gateway --prefix 0.0.0.0/0");
	says(s->err, "any member can claim any foreign address");
}

/* --- identity ------------------------------------------------------------------------------- */

static void identity_tells_and_hides(void **state)
{
	struct scratch *s = *state;
	struct enrolment e;
	char secret[2 * KEY_LEN + 1];

	authority_make(s);
	enrol(s, "a --prefix 10.1.2.0/24 --role gateway");
	assert_int_equal(run(s, command_identity, "a.key"), CTL_GOOD);
	says(s->out, "a (scene), gateway, serial 1");
	says(s->out, "10.1.2.0/24");
	assert_int_equal(run(s, command_identity, "a.key --json"), CTL_GOOD);
	json_t *o = json_loads(s->out, 0, NULL);
	assert_string_equal(json_text(o, "name"), "a");
	assert_string_equal(json_text(o, "deployment"), "2a5f00c1");
	json_decref(o);
	enrolment_get("a.key", &e);
	sodium_bin2hex(secret, sizeof(secret), e.identity.dh_secret, KEY_LEN);
	assert_null(strstr(s->out, secret));
	assert_int_equal(run(s, command_identity, "authority.key"), CTL_GOOD);
	says(s->out, "of deployment 2a5f00c1");
	assert_int_equal(run(s, command_identity, "authority.key.issued"), CTL_BAD);
	assert_int_equal(run(s, command_identity, "nothing"), CTL_BAD);
	assert_int_equal(run(s, command_identity, "."), CTL_BAD);
	assert_int_equal(run(s, command_identity, ""), CTL_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(authority_is_made_for_its_owner_only),
		TEST(two_authorities_share_nothing),
		TEST(authority_is_never_overwritten_by_itself),
		TEST(list_of_the_enrolled_outlives_its_authority),
		TEST(list_stays_in_use_if_the_new_authority_cannot_be_written),
		TEST(authority_id_must_be_hex),
		TEST(authority_knows_only_init),
		TEST(enrolled_node_is_a_member),
		TEST(names_may_be_chinese),
		TEST(no_serial_is_given_twice),
		TEST(a_name_is_given_once),
		TEST(suggestion_always_fits),
		TEST(node_file_is_never_overwritten_by_itself),
		TEST(name_cannot_lead_to_another_directory),
		TEST(wrong_arguments_touch_nothing),
		TEST(invisible_names_are_refused),
		TEST(damaged_files_are_named),
		TEST(notes_warn_of_likely_mistakes),
		TEST(identity_tells_and_hides),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
