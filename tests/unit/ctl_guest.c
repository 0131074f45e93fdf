/* meshctl guest: what the certificate says, more time, and each refusal. */
#include "tests/unit/ctl_run.h"

#define GUEST "--authority authority.key --offline --request engine-3.request --agency fire_brigade "

static int begin(void **state)
{
	struct scratch *s;

	scratch_enter(state);
	s = *state;
	assert_int_equal(run(s, command_authority, "init --id 2a5f00c1"), CTL_GOOD);
	assert_int_equal(
		run(s, command_enrol, "--authority authority.key --name post --level city --prefix 10.1.0.0/24"),
		CTL_GOOD);
	assert_int_equal(
		run(s, command_request, "--name engine-3 --level scene --key engine-3.key --file engine-3.request"),
		CTL_GOOD);
	return 0;
}

static void enrolment_get(const char *path, struct enrolment *e)
{
	char text[ENROLMENT_TEXT_MAX];

	file_load(path, text, sizeof(text));
	assert_int_equal(enrolment_parse(e, bytes_of(text, strlen(text))), 0);
}

static struct certificate accepted(struct scratch *s)
{
	struct enrolment e;

	assert_int_equal(run(s, command_accept, "engine-3.answer --key engine-3.key"), CTL_GOOD);
	enrolment_get("engine-3.key", &e);
	return e.certificate;
}

static void guest_is_admitted_for_what_was_named(void **state)
{
	struct scratch *s = *state;
	struct enrolment post;
	char text[PREFIX_TEXT];

	assert_int_equal(
		run(s, command_guest, GUEST "--to post --to 10.5.0.0/16 --class pictures --for 8h --until-list 7"),
		CTL_GOOD);
	says(s->out, "guest    of fire brigade, for text, pictures");
	says(s->out, "10.1.0.0/24");
	says(s->out, "until    list 7");
	struct certificate c = accepted(s);
	assert_int_equal(c.roles, ROLE_GUEST);
	assert_string_equal(c.guest.agency, "fire brigade");
	assert_int_equal(c.guest.classes, GUEST_TEXT | GUEST_BULK);
	assert_int_equal(c.guest.until_list, 7);
	assert_int_equal(c.not_after - c.not_before, 8 * 60);
	/* The address of a name is the one that its keys give. */
	enrolment_get("post.key", &post);
	struct prefix host = prefix_of_host(identity_address(&post.certificate.key, 0x2a5f00c1));
	assert_int_equal(c.guest.to_count, 3);
	assert_true(prefix_equal(&c.guest.to[0], &host));
	assert_string_equal(prefix_format(&c.guest.to[1], text), "10.1.0.0/24");
	assert_string_equal(prefix_format(&c.guest.to[2], text), "10.5.0.0/16");
}

static void guest_that_nothing_else_is_said_of_talks_for_a_day(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, command_guest, GUEST "--to 10.5.0.0/16"), CTL_GOOD);
	struct certificate c = accepted(s);
	assert_int_equal(c.guest.classes, GUEST_TEXT | GUEST_COMMAND);
	assert_int_equal(c.guest.until_list, 0);
	assert_int_equal(c.not_after - c.not_before, 24 * 60);
	assert_int_equal(c.prefix_count, 0);
}

static void more_time_is_another_certificate_for_the_same(void **state)
{
	struct scratch *s = *state;
	struct secret_request own;
	const struct time_floor ever = { 0 };
	const struct identity_public nobody = { 0 };
	char text[ENROLMENT_TEXT_MAX];
	struct spoken_fault f;
	struct enrolment e;
	struct grant g;
	bool is_words;

	assert_int_equal(run(s, command_guest, GUEST "--to post --for 1h --prefix 10.99.0.0/24"), CTL_GOOD);
	assert_int_equal(
		run(s, command_guest,
			"--authority authority.key --extend engine-3.answer --for 48h --until-list 9 --offline"),
		CTL_GOOD);
	says(s->out, "serial 3");
	/* It still bears the ticket of the request, by which the machine knows it. */
	file_load("engine-3.key", text, sizeof(text));
	assert_int_equal(request_parse_secret(&own, bytes_of(text, strlen(text))), 0);
	file_load("engine-3.answer", text, sizeof(text));
	assert_int_equal(grant_parse(&g, bytes_of(text, strlen(text)), &nobody, &is_words, &f), 0);
	assert_int_equal(grant_open(&e, &g, &own, &ever), 0);
	assert_int_equal(g.certificate.not_after - g.certificate.not_before, 48 * 60);
	assert_int_equal(g.certificate.guest.until_list, 9);
	assert_int_equal(g.certificate.guest.to_count, 2);
	assert_int_equal(g.certificate.prefix_count, 1);
	assert_string_equal(g.certificate.guest.agency, "fire brigade");
}

static void each_mistake_has_its_sentence(void **state)
{
	static const struct {
		const char *line, *says;
		int status;
	} cases[] = {
		{ GUEST "--to nobody", "nobody of that name was enrolled", CTL_BAD },
		{ GUEST "--to post --class video", "write text, command (voice) or bulk (pictures)", CTL_BAD },
		{ GUEST "--to post --for ever", "no span of time", CTL_USAGE },
		{ GUEST "--to post --for 5000h", "90 days", CTL_USAGE },
		{ GUEST "--to post --until-list 0", "no number of a list", CTL_USAGE },
		{ GUEST, "write: meshctl guest", CTL_USAGE },
		{ "--authority authority.key --request engine-3.request --to post", "whose guest is it", CTL_BAD },
		{ "--authority authority.key --extend engine-3.request --for 1h", "not an answer", CTL_BAD },
		{ "--authority authority.key --extend post.key --for 1h", "not an answer", CTL_BAD },
		{ GUEST "--extend x --to post", "write: meshctl guest", CTL_USAGE },
		{ GUEST "--to 10.1.0.0/16 --to 10.2.0.0/16 --to 10.3.0.0/16 --to 10.4.0.0/16 --to 10.5.0.0/16 --to "
			"10.6.0.0/16 --to 10.7.0.0/16 --to 10.8.0.0/16 --to 10.9.0.0/16",
			"more than 8 networks", CTL_BAD },
	};
	struct scratch *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(s, command_guest, cases[i].line), cases[i].status);
		says(s->err, cases[i].says);
		assert_false(file_exists("engine-3.answer"));
	}
	assert_int_equal(
		run(s, command_enrol, "--authority authority.key --name x --level town --role guest"), CTL_USAGE);
	says(s->err, "meshctl guest");
}

static void another_authority_gives_no_more_time(void **state)
{
	struct scratch *s = *state;

	run(s, command_guest, GUEST "--to post");
	run(s, command_authority, "init --out other.key");
	assert_int_equal(
		run(s, command_guest, "--authority other.key --extend engine-3.answer --for 1h --offline"), CTL_BAD);
	says(s->err, "was not made with other.key");
}

static void guest_is_not_replaced_by_a_member(void **state)
{
	struct scratch *s = *state;

	run(s, command_guest, GUEST "--to post");
	assert_int_equal(run(s, command_replace, "engine-3 new.key --authority authority.key --offline"), CTL_BAD);
	says(s->err, "\"engine-3\" is a guest");
	assert_false(file_exists("new.key") || file_exists("authority.key.revoked"));
	assert_int_equal(run(s, command_revoke, "engine-3 --authority authority.key --offline"), CTL_GOOD);
	says(s->out, "\"engine-3\" is out");
}

static void guests_are_listed_by_agency(void **state)
{
	static const char *const answer = "{\"ok\": true, \"list\": null, \"members\": ["
					  "{\"name\": \"post\", \"level\": \"city\", \"serial\": 1, \"state\": "
					  "\"member\", \"self\": true, \"roles\": [], "
					  "\"ends_min\": 30000000, \"guest\": null},"
					  "{\"name\": \"engine-3\", \"level\": \"scene\", \"serial\": 2, \"state\": "
					  "\"member\", \"self\": false, \"roles\": "
					  "[\"guest\"], \"ends_min\": 30000000, \"guest\": {\"agency\": \"fire\", "
					  "\"to\": [\"10.1.0.0/24\"], \"classes\": "
					  "[\"text\", \"command\"], \"until_list\": 4, \"left_s\": 7200}},"
					  "{\"name\": \"line-1\", \"level\": \"scene\", \"serial\": 3, \"state\": "
					  "\"member\", \"self\": false, \"roles\": "
					  "[\"guest\"], \"ends_min\": 30000000, \"guest\": {\"agency\": \"power\", "
					  "\"to\": [], \"classes\": [\"text\"], "
					  "\"until_list\": 0, \"left_s\": 600}},"
					  "{\"name\": \"engine-4\", \"level\": \"scene\", \"serial\": 4, \"state\": "
					  "\"ended\", \"self\": false, \"roles\": "
					  "[\"guest\"], \"ends_min\": 30000000, \"guest\": {\"agency\": \"fire\", "
					  "\"to\": [], \"classes\": [\"text\"], "
					  "\"until_list\": 0, \"left_s\": 0}}]}";
	struct scratch *s = *state;
	json_t *o = json_loads(answer, 0, NULL);
	FILE *out = fopen("shown", "w");
	char text[4096];

	(void)s;
	assert_non_null(o);
	members_print(o, out);
	fclose(out);
	json_decref(o);
	file_load("shown", text, sizeof(text));
	char *engine_3 = strstr(text, "fire    engine-3"), *engine_4 = strstr(text, "fire    engine-4"),
	     *line_1 = strstr(text, "power   line-1");
	assert_true(engine_3 && engine_4 && line_1);
	assert_true(engine_3 < engine_4 && engine_4 < line_1);
	says(text, "2 h, or list 4");
	says(text, "10.1.0.0/24");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, scratch_leave)
	const struct CMUnitTest tests[] = {
		TEST(guest_is_admitted_for_what_was_named),
		TEST(guest_that_nothing_else_is_said_of_talks_for_a_day),
		TEST(more_time_is_another_certificate_for_the_same),
		TEST(each_mistake_has_its_sentence),
		TEST(another_authority_gives_no_more_time),
		TEST(guest_is_not_replaced_by_a_member),
		TEST(guests_are_listed_by_agency),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
