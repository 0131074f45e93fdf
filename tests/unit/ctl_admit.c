/* request, enrol --request and accept: the way in for a machine with keys of its own, and each refusal. */
#include "tests/unit/ctl_run.h"

#define REQUEST "--name village-7 --level scene --key node.key --file village-7.request"
#define ENROL "--authority authority.key --request "

static int begin(void **state)
{
	struct scratch *s;

	scratch_enter(state);
	s = *state;
	assert_int_equal(run(s, command_authority, "init --id 2a5f00c1"), CTL_GOOD);
	assert_int_equal(run(s, command_request, REQUEST), CTL_GOOD);
	return 0;
}

static void file_save(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int own_parse(const char *path, struct secret_request *own)
{
	char text[4096];

	file_load(path, text, sizeof(text));
	return request_parse_secret(own, bytes_of(text, strlen(text)));
}

static int enrolment_of(const char *path, struct enrolment *e)
{
	char text[4096];

	file_load(path, text, sizeof(text));
	return enrolment_parse(e, bytes_of(text, strlen(text)));
}

/* A member of the answer in JSON; for json_decref(). */
static json_t *answered(struct scratch *s, int (*command)(int argc, char **argv), const char *line)
{
	assert_int_equal(run(s, command, line), CTL_GOOD);
	json_t *o = json_loads(s->out, 0, NULL);
	assert_non_null(o);
	return o;
}

static void words_save(const char *path, const json_t *words)
{
	char text[SPOKEN_TEXT_MAX] = "";
	const json_t *line;
	size_t i;

	json_array_foreach (words, i, line) {
		strcat(text, json_string_value(line));
		strcat(text, "\n");
	}
	file_save(path, text);
}

/* --- the way in -------------------------------------------------------------------------------- */

static void machine_with_keys_of_its_own_becomes_a_member(void **state)
{
	struct scratch *s = *state;
	struct secret_request own;
	struct enrolment e;

	assert_int_equal(own_parse("node.key", &own), 0);
	assert_int_equal(
		run(s, command_enrol, ENROL "village-7.request --prefix 10.7.0.0/24 --role gateway"), CTL_GOOD);
	says(s->out, "enrolled village-7 (scene), serial 1");
	says(s->out, "meshctl accept village-7.answer");
	assert_int_equal(run(s, command_accept, "village-7.answer --key node.key"), CTL_GOOD);
	says(s->out, "this machine is village-7 (scene), serial 1");
	says(s->out, "deployment 2a5f00c1");
	assert_int_equal(enrolment_of("node.key", &e), 0);
	assert_memory_equal(&e.identity, &own.identity, sizeof(e.identity));
	assert_int_equal(e.certificate.prefix_count, 1);
	assert_int_equal(e.certificate.roles, ROLE_GATEWAY);
	assert_int_equal(run(s, command_identity, "node.key"), CTL_GOOD);
}

/* As meshd keeps it. */
static void answer_keep(const char *from, const char *state)
{
	const struct identity_public nobody = { 0 };
	char text[SPOKEN_TEXT_MAX], path[64];
	struct spoken_fault f;
	struct grant g;
	uint8_t encoded[GRANT_MAX_LEN];
	bool is_words;

	file_load(from, text, sizeof(text));
	assert_int_equal(grant_parse(&g, bytes_of(text, strlen(text)), &nobody, &is_words, &f), 0);
	int len = grant_encode(&g, encoded, sizeof(encoded));
	assert_true(len > 0);
	snprintf(path, sizeof(path), "%s/answer", state);
	mkdir(state, 0700);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, encoded, (size_t)len), len);
	close(fd);
}

/* The file with the keys is as it was: the answer is in the state directory. */
static void identity_tells_of_an_answer_that_came_over_the_mesh(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, command_identity, "node.key --state state"), CTL_GOOD);
	says(s->out, "village-7 (scene), keys that wait for a certificate");
	assert_int_equal(run(s, command_enrol, ENROL "village-7.request"), CTL_GOOD);
	answer_keep("village-7.answer", "state");
	assert_int_equal(run(s, command_identity, "node.key --state state"), CTL_GOOD);
	assert_null(strstr(s->out, "wait"));
	says(s->out, "village-7 (scene), serial 1");
	says(s->out, "answer      came over the mesh: state/answer");
	json_t *o = answered(s, command_identity, "node.key --state state --json");
	assert_string_equal(json_text(o, "kind"), "enrolment");
	assert_string_equal(json_text(o, "answer"), "state/answer");
	json_decref(o);
	/* One for other keys is none. */
	assert_int_equal(run(s, command_request, "--name village-8 --level scene --key other.key"), CTL_GOOD);
	assert_int_equal(run(s, command_identity, "other.key --state state"), CTL_GOOD);
	says(s->out, "village-8 (scene), keys that wait for a certificate");
	/* And what is damaged is none. */
	file_save("state/answer", "rubbish");
	assert_int_equal(run(s, command_identity, "node.key --state state"), CTL_GOOD);
	says(s->out, "keys that wait for a certificate");
}

static void identity_tells_of_a_later_certificate_that_came_over_the_mesh(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, command_enrol, ENROL "village-7.request"), CTL_GOOD);
	assert_int_equal(run(s, command_accept, "village-7.answer --key node.key"), CTL_GOOD);
	answer_keep("village-7.answer", "first");
	assert_int_equal(run(s, command_identity, "node.key --state first"), CTL_GOOD); /* the same is none */
	says(s->out, "serial 1");
	assert_null(strstr(s->out, "over the mesh"));
	assert_int_equal(run(s, command_enrol, ENROL "village-7.request --again --force"), CTL_GOOD);
	answer_keep("village-7.answer", "second");
	assert_int_equal(run(s, command_identity, "node.key --state second"), CTL_GOOD);
	says(s->out, "serial 2");
	says(s->out, "answer      came over the mesh: second/answer");
	assert_int_equal(run(s, command_enrol, "--authority authority.key --name other --level scene"), CTL_GOOD);
	assert_int_equal(run(s, command_identity, "other.key --state second"), CTL_GOOD);
	assert_null(strstr(s->out, "over the mesh"));
}

static void keys_are_not_written_where_there_is_no_directory(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, command_request, "--name village-8 --level scene --key none/node.key"), CTL_BAD);
	says(s->err, "none/node.key: No such file or directory; name another place, or make its directory first");
}

static void secrets_stay_in_the_file_that_stays(void **state)
{
	struct scratch *s = *state;
	struct secret_request own;
	struct stat status;
	char secret[64];

	assert_int_equal(stat("node.key", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(own_parse("node.key", &own), 0);
	sodium_bin2base64(secret, sizeof(secret), own.identity.dh_secret, 30, sodium_base64_VARIANT_ORIGINAL);
	run(s, command_request, "--key node.key --json");
	assert_null(strstr(s->out, secret));
	json_t *o = json_loads(s->out, 0, NULL);
	assert_non_null(o);
	json_decref(o);
}

static void words_and_scanned_lines_do_as_well_as_the_file(void **state)
{
	struct scratch *s = *state;
	json_t *shown = answered(s, command_request, "--key node.key --json");
	assert_true(strlen(json_text(shown, "line")) < 160); /* a QR code of it fits a screen */
	file_save("scanned", json_text(shown, "line"));
	words_save("words", json_object_get(shown, "words"));
	json_t *o = answered(s, command_enrol, ENROL "words --words --json");
	words_save("answer-words", json_object_get(o, "words"));
	json_decref(o);
	json_decref(shown);
	assert_int_equal(run(s, command_enrol, ENROL "scanned --again --force"), CTL_GOOD);
	says(s->out, "serial 2");
	assert_int_equal(run(s, command_accept, "answer-words --key node.key"), CTL_GOOD);
	says(s->out, "serial 1");
}

static void qr_code_is_drawn_with_its_margin(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, command_request, "--key node.key --qr"), CTL_GOOD);
	says(s->out, "as before");
	says(s->out, "████ ▄▄▄▄▄ █"); /* the finder in the corner, behind four white modules */
}

static void whoever_asks_again_is_shown_the_same(void **state)
{
	struct scratch *s = *state;
	char before[4096], after[4096];

	file_load("node.key", before, sizeof(before));
	assert_int_equal(run(s, command_request, "--key node.key"), CTL_GOOD);
	says(s->out, "request of village-7 (scene), as before");
	file_load("node.key", after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(run(s, command_request, "--key node.key --name other --level town"), CTL_BAD);
	says(s->err, "waits for an answer as \"village-7\"");
	file_load("node.key", after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(run(s, command_request, "--key node.key --name other --level town --force"), CTL_GOOD);
	says(s->out, "request of other (town)");
}

static void authority_may_give_another_name_and_level(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, command_enrol, ENROL "village-7.request --name village-8 --level town"), CTL_GOOD);
	assert_int_equal(run(s, command_accept, "village-8.answer --key node.key"), CTL_GOOD);
	says(s->out, "this machine is village-8 (town)");
}

static void lost_machine_is_replaced_by_one_that_asked(void **state)
{
	struct scratch *s = *state;
	struct enrolment e;

	run(s, command_enrol, "--authority authority.key --name car-1 --level town --prefix 10.9.0.0/24");
	assert_int_equal(run(s, command_replace,
				 "car-1 car-1.answer --authority authority.key --request village-7.request --offline"),
		CTL_GOOD);
	says(s->out, "\"car-1\" is out");
	assert_int_equal(run(s, command_accept, "car-1.answer --key node.key"), CTL_GOOD);
	assert_int_equal(enrolment_of("node.key", &e), 0);
	assert_string_equal(e.certificate.name, "car-1");
	assert_int_equal(e.certificate.prefix_count, 1);
}

/* --- refusals ------------------------------------------------------------------------------------ */

static void request_is_answered_once(void **state)
{
	struct scratch *s = *state;

	run(s, command_enrol, ENROL "village-7.request");
	assert_int_equal(run(s, command_enrol, ENROL "village-7.request --force"), CTL_BAD);
	says(s->err, "was answered on");
	says(s->err, "\"village-7\" (serial 1)");
	/* Under another name, too. */
	assert_int_equal(run(s, command_enrol, ENROL "village-7.request --name x"), CTL_BAD);
	says(s->err, "\"village-7\" (serial 1)");
	assert_int_equal(run(s, command_enrol, ENROL "village-7.request --force --again"), CTL_GOOD);
	says(s->out, "serial 2");
}

static void name_that_is_taken_is_refused_with_its_owner(void **state)
{
	struct scratch *s = *state;

	run(s, command_enrol, "--authority authority.key --name Village-7 --level town");
	assert_int_equal(run(s, command_enrol, ENROL "village-7.request"), CTL_BAD);
	says(s->err, "the name \"Village-7\" was given on");
	says(s->err, "(serial 1)");
	says(s->err, "use \"village-8\"");
	assert_false(file_exists("village-7.answer"));
}

/* The second word of the second line is `word` instead; what it was is in `right`. */
static void word_mistype(const char *path, const char *word, char right[SPOKEN_WORD_TEXT])
{
	char text[SPOKEN_TEXT_MAX], typed[SPOKEN_TEXT_MAX + SPOKEN_HEARD_TEXT];

	file_load(path, text, sizeof(text));
	char *at = strchr(strchr(text, '\n') + 1, ' ') + 1;
	size_t len = strcspn(at, " ");
	snprintf(right, SPOKEN_WORD_TEXT, "%.*s", (int)len, at);
	snprintf(typed, sizeof(typed), "%.*s%s%s", (int)(at - text), text, word, at + len);
	file_save("mistyped", typed);
}

static void wrong_word_is_named(void **state)
{
	struct scratch *s = *state;
	char right[SPOKEN_WORD_TEXT], expected[128];

	json_t *shown = answered(s, command_request, "--key node.key --json");
	words_save("words", json_object_get(shown, "words"));
	json_decref(shown);
	word_mistype("words", "baba", right);
	if (strcmp(right, "baba") == 0)
		word_mistype("words", "sasa", right);
	assert_int_equal(run(s, command_enrol, ENROL "mistyped"), CTL_BAD);
	snprintf(expected, sizeof(expected), "does not fit the others of its line; was it \"%s\"?", right);
	says(s->err, "line 2, word 2");
	says(s->err, expected);
	word_mistype("words", "xiexie", right);
	assert_int_equal(run(s, command_enrol, ENROL "mistyped"), CTL_BAD);
	says(s->err, "line 2, word 2, \"xiexie\", is none of the words");
	assert_false(file_exists("authority.key.issued"));
}

static void answer_goes_to_its_own_machine_only(void **state)
{
	struct scratch *s = *state;

	run(s, command_enrol, ENROL "village-7.request");
	run(s, command_request, "--name other --level town --key other.key");
	assert_int_equal(run(s, command_accept, "village-7.answer --key other.key"), CTL_BAD);
	says(s->err, "for another machine, \"village-7\" (serial 1)");
	assert_int_equal(run(s, command_accept, "village-7.answer --key none.key"), CTL_BAD);
	says(s->err, "has asked for nothing");
	assert_int_equal(run(s, command_accept, "village-7.answer --key node.key"), CTL_GOOD);
	/* Twice. */
	assert_int_equal(run(s, command_accept, "village-7.answer --key node.key"), CTL_BAD);
	says(s->err, "is \"village-7\" already (serial 1)");
	assert_int_equal(run(s, command_request, "--key node.key"), CTL_BAD);
	says(s->err, "is \"village-7\" already (serial 1); with --force");
}

static void grant_load(const char *path, struct grant *g)
{
	const struct identity_public nobody = { 0 };
	struct spoken_fault f;
	char text[4096];
	bool is_words;

	file_load(path, text, sizeof(text));
	assert_int_equal(grant_parse(g, bytes_of(text, strlen(text)), &nobody, &is_words, &f), 0);
}

static void grant_save(const char *path, const struct grant *g)
{
	char text[4096];

	assert_true(grant_format(g, text, sizeof(text)) > 0);
	file_save(path, text);
}

static void forged_expired_and_uninvited_answers_each_say_so(void **state)
{
	struct scratch *s = *state;
	struct secret_authority stranger;
	struct secret_request own;
	struct grant g, forged;

	run(s, command_enrol, ENROL "village-7.request");
	grant_load("village-7.answer", &g);
	forged = g;
	forged.certificate.level = LEVEL_CITY;
	grant_save("forged", &forged);
	assert_int_equal(run(s, command_accept, "forged --key node.key"), CTL_BAD);
	says(s->err, "forged: the authority that this answer names has not signed it");

	assert_int_equal(own_parse("node.key", &own), 0);
	authority_generate(&stranger, &ctl_random);
	own.request.ticket[0] ^= 1;
	assert_int_equal(certificate_issue(&g.certificate, &stranger), 0);
	assert_int_equal(grant_make(&forged, &g.certificate, own.request.ticket, &stranger), 0);
	grant_save("uninvited", &forged);
	assert_int_equal(run(s, command_accept, "uninvited --key node.key"), CTL_BAD);
	says(s->err, "has not seen the request of this machine");

	own.request.ticket[0] ^= 1;
	g.certificate.not_after = 1000;
	assert_int_equal(certificate_issue(&g.certificate, &stranger), 0);
	assert_int_equal(grant_make(&forged, &g.certificate, own.request.ticket, &stranger), 0);
	grant_save("expired", &forged);
	assert_int_equal(run(s, command_accept, "expired --key node.key"), CTL_BAD);
	says(s->err, "ended on 1970-01-01");
	assert_int_equal(run(s, command_accept, "village-7.answer --key node.key"), CTL_GOOD);
}

static void what_is_neither_is_told(void **state)
{
	struct scratch *s = *state;
	char text[4096];

	assert_int_equal(run(s, command_enrol, ENROL "authority.key"), CTL_BAD);
	says(s->err, "not a request, or damaged");
	assert_int_equal(run(s, command_accept, "village-7.request --key node.key"), CTL_BAD);
	says(s->err, "not an answer, or damaged");
	assert_int_equal(run(s, command_enrol, ENROL "nowhere"), CTL_BAD);
	says(s->err, "nowhere: No such file");
	assert_int_equal(run(s, command_enrol, ENROL "meshd:AAAA"), CTL_BAD);
	says(s->err, "not a request");
	json_t *shown = answered(s, command_request, "--key node.key --json");
	words_save("words", json_object_get(shown, "words"));
	json_decref(shown);
	assert_int_equal(run(s, command_accept, "words --key node.key"), CTL_BAD);
	says(s->err, "the words are right, but they are something else");
	file_load("words", text, sizeof(text));
	*strchr(text, '\n') = 0;
	file_save("words", text);
	assert_int_equal(run(s, command_enrol, ENROL "words"), CTL_BAD);
	says(s->err, "words are missing");
	file_save("node.key", "# nothing\nAAAA\n");
	assert_int_equal(run(s, command_accept, "words --key node.key"), CTL_BAD);
	says(s->err, "move it away");
	assert_int_equal(run(s, command_request, "--key new.key --name a --level moon"), CTL_USAGE);
	says(s->err, "write city, district, town or scene");
	assert_int_equal(run(s, command_request, "--key new.key --level town"), CTL_USAGE);
	says(s->err, "--name is missing");
	assert_false(file_exists("new.key"));
}

static void wrong_passphrase_answers_nothing(void **state)
{
	struct scratch *s = *state;

	file_save("right", "three small words\n");
	file_save("wrong", "three large words\n");
	assert_int_equal(
		run(s, command_authority, "lock --authority authority.key --new-passphrase-file right"), CTL_GOOD);
	assert_int_equal(run(s, command_enrol, ENROL "village-7.request --passphrase-file wrong"), CTL_BAD);
	says(s->err, "wrong passphrase; nothing was changed");
	assert_false(file_exists("village-7.answer"));
	assert_int_equal(run(s, command_enrol, ENROL "village-7.request --passphrase-file right"), CTL_GOOD);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, scratch_leave)
	const struct CMUnitTest tests[] = {
		TEST(machine_with_keys_of_its_own_becomes_a_member),
		TEST(identity_tells_of_an_answer_that_came_over_the_mesh),
		TEST(identity_tells_of_a_later_certificate_that_came_over_the_mesh),
		TEST(keys_are_not_written_where_there_is_no_directory),
		TEST(secrets_stay_in_the_file_that_stays),
		TEST(words_and_scanned_lines_do_as_well_as_the_file),
		TEST(qr_code_is_drawn_with_its_margin),
		TEST(whoever_asks_again_is_shown_the_same),
		TEST(authority_may_give_another_name_and_level),
		TEST(lost_machine_is_replaced_by_one_that_asked),
		TEST(request_is_answered_once),
		TEST(name_that_is_taken_is_refused_with_its_owner),
		TEST(wrong_word_is_named),
		TEST(answer_goes_to_its_own_machine_only),
		TEST(forged_expired_and_uninvited_answers_each_say_so),
		TEST(what_is_neither_is_told),
		TEST(wrong_passphrase_answers_nothing),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
