/* Messages in the daemon: what is kept over restarts, when who writes is answered, and a disk that fails. */
#include "tests/unit/io_daemon.h"

#include "meshd/io/database.h"
#include "meshd/io/library.h"
#include "meshd/io/control.h"
#include "meshd/io/mailbox.h"

#include <sqlite3.h>

static struct secret_authority authority;
static struct enrolment enrolment, other;

static void fill(void *user, void *out, size_t len)
{
	(void)user;
	randombytes_buf(out, len);
}

static bool output_store(void *user, struct bytes key, struct bytes value)
{
	return mailbox_store_message(user, key, value);
}

static void output_message(void *user, const struct node_message *m)
{
	mailbox_message(user, m);
}

static void nothing_seqno(void *user, uint32_t seqno)
{
	(void)user, (void)seqno;
}

static void nothing_certificate(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	(void)user, (void)encoded, (void)proof;
}

static void nothing_event(void *user, enum node_event event, unsigned link, const char *text)
{
	(void)user, (void)event, (void)link, (void)text;
}

static struct daemon *opened(struct place *p)
{
	static const struct node_output output = { .store_seqno = nothing_seqno,
		.store_certificate = nothing_certificate,
		.event = nothing_event,
		.store_message = output_store,
		.message = output_message };
	const struct node_config config = { .enrolment = &enrolment, .random = { .fill = fill } };
	struct daemon *d = daemon_make(p);

	d->enrolment = enrolment;
	assert_int_equal(state_open(d, p->error), 0);
	incidents_open(d);
	d->node = node_new(&config, &output, d, io_now_us());
	assert_non_null(d->node);
	assert_int_equal(member_introduce(d->node, &other.certificate), 0);
	mailbox_open(d);
	return d;
}

static void closed(struct daemon *d)
{
	incidents_close(d);
	state_close(d);
	node_free(d->node);
	daemon_unmake(d);
}

static json_t *asked(struct daemon *d, const char *request, uint64_t token)
{
	struct asker asker = { .token = token };
	json_t *parsed = json_loads(request, 0, NULL);

	assert_non_null(parsed);
	json_t *answer = control_reply(d, parsed, &asker);
	json_decref(parsed);
	assert_true(answer || asker.waits);
	return answer;
}

static void sent(struct daemon *d, const char *text)
{
	char request[512];

	snprintf(request, sizeof(request),
		"{\"request\": \"send\", \"to\": \"other\", \"text\": \"%s\", \"urgent\": true}", text);
	json_t *answer = asked(d, request, 0);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
}

static void refused(struct daemon *d, const char *request, const char *why)
{
	json_t *answer = asked(d, request, 0);

	assert_true(json_is_false(json_object_get(answer, "ok")));
	says(json_string_value(json_object_get(answer, "error")), why);
	json_decref(answer);
}

static const json_t *newest(json_t *outbox)
{
	return json_array_get(json_object_get(outbox, "outbox"), 0);
}

static bool is_kept(struct daemon *d)
{
	incidents_written(d, io_now_us());
	json_t *outbox = asked(d, "{\"request\": \"outbox\"}", 0);
	const char *waits = json_string_value(json_object_get(newest(outbox), "waits"));
	bool kept = waits && strcmp(waits, "store") != 0;
	json_decref(outbox);
	node_poll(d->node, io_now_us());
	return kept;
}

static void until_kept(struct daemon *d)
{
	uint64_t since_us = io_now_us();

	while (!is_kept(d))
		assert_true(io_now_us() - since_us < 10 * SECOND_US);
}

/* --- the store --------------------------------------------------------------------------------------- */

struct reading {
	char text[256];
};

static void reading_each(void *arg, struct bytes key, struct bytes value, uint64_t date_s)
{
	struct reading *r = arg;
	size_t len = strlen(r->text);

	snprintf(r->text + len, sizeof(r->text) - len, "%.*s=%.*s@%u ", (int)key.len, (const char *)key.data,
		(int)value.len, (const char *)value.data, (unsigned)date_s);
}

static void put(struct mailbox_store *s, const char *key, const char *value, uint64_t date_s)
{
	uint8_t room[64];
	char error[IO_ERROR_MAX];
	struct writer w = writer_of(room, sizeof(room));

	mailbox_write(&w, bytes_of(key, strlen(key)), bytes_of(value, strlen(value)));
	assert_int_equal(mailbox_store_apply(s, writer_bytes(&w), date_s, error), 0);
}

static void rows_are_replaced_removed_and_keep_their_order(void **state)
{
	struct place *p = *state;
	struct mailbox_store *s;
	struct reading r = { "" };
	bool was_bad;

	assert_int_equal(mailbox_store_open(&s, p->dir, &was_bad, p->error), 0);
	put(s, "b", "1", 10);
	put(s, "a", "2", 11);
	put(s, "c", "3", 12);
	put(s, "b", "4", 13);
	put(s, "c", "", 14);
	put(s, "never there", "", 14);
	mailbox_store_close(s);
	assert_int_equal(mailbox_store_open(&s, p->dir, &was_bad, p->error), 0);
	assert_false(was_bad);
	assert_int_equal(mailbox_store_each(s, reading_each, &r, p->error), 0);
	assert_string_equal(r.text, "b=4@13 a=2@11 ");
	mailbox_store_close(s);
}

static void damaged_file_is_set_aside(void **state)
{
	static const char rubbish[8192] = "no database";
	struct place *p = *state;
	struct mailbox_store *s;
	bool was_bad;
	char byte;

	file_put(p, MAILBOX_FILE, rubbish, sizeof(rubbish));
	assert_int_equal(mailbox_store_open(&s, p->dir, &was_bad, p->error), 0);
	assert_true(was_bad);
	put(s, "a", "1", 1);
	mailbox_store_close(s);
	assert_int_equal(file_get(p, MAILBOX_FILE ".bad", &byte, 1), 1);
}

/* --- the daemon --------------------------------------------------------------------------------------- */

static void what_was_written_survives_a_restart(void **state)
{
	struct place *p = *state;
	struct daemon *d = opened(p);

	sent(d, "first");
	sent(d, "second");
	closed(d); /* at once: what waits to be written is written */
	d = opened(p);
	json_t *outbox = asked(d, "{\"request\": \"outbox\"}", 0);
	assert_int_equal(json_array_size(json_object_get(outbox, "outbox")), 2);
	const json_t *m = newest(outbox);
	assert_string_equal(json_string_value(json_object_get(m, "text")), "second");
	assert_string_equal(json_string_value(json_object_get(m, "to")), "other");
	assert_string_equal(json_string_value(json_object_get(m, "state")), "queued");
	assert_true(json_is_true(json_object_get(m, "urgent")));
	assert_int_equal(json_integer_value(json_object_get(m, "number")), 2);
	json_decref(outbox);
	sent(d, "third");
	outbox = asked(d, "{\"request\": \"outbox\"}", 0);
	assert_int_equal(json_integer_value(json_object_get(newest(outbox), "number")), 3);
	json_decref(outbox);
	closed(d);
	assert_int_equal(said(p, "messages-damaged"), 0);
}

static void whoever_writes_is_answered_once_it_is_stored(void **state)
{
	struct daemon *d = opened(*state);
	json_t *answer = asked(d, "{\"request\": \"send\", \"to\": \"other\", \"text\": \"x\"}", 7);

	assert_null(answer); /* later */
	until_kept(d);
	json_t *outbox = asked(d, "{\"request\": \"outbox\"}", 0);
	assert_string_equal(json_string_value(json_object_get(newest(outbox), "waits")), "way");
	json_decref(outbox);
	closed(d);
}

static void what_cannot_be_sent_gets_a_sentence(void **state)
{
	struct daemon *d = opened(*state);
	char request[600], text[400];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	snprintf(request, sizeof(request), "{\"request\": \"send\", \"to\": \"other\", \"text\": \"%s\"}", text);
	refused(d, request, "399 bytes, and a message takes 320");
	refused(d, "{\"request\": \"send\", \"to\": \"nobody\", \"text\": \"x\"}", "nobody here is called");
	refused(d, "{\"request\": \"send\", \"to\": \"own\", \"text\": \"x\"}", "is this node itself");
	refused(d, "{\"request\": \"send\", \"to\": \"other\", \"text\": \"\"}", "there is no text");
	refused(d, "{\"request\": \"send\", \"to\": \"other\"}", "write to whom, and what");
	refused(d, "{\"request\": \"send\", \"to\": 7, \"text\": \"x\"}", "write to whom, and what");
	closed(d);
}

static void disk_that_takes_nothing_stops_no_message(void **state)
{
	struct place *p = *state;
	struct daemon *d = opened(p);
	char path[256];
	sqlite3 *db;

	/* Somebody holds the file. */
	assert_int_equal(library_hold(&library_sqlite, (char[IO_ERROR_MAX]){ 0 }), 0);
	assert_int_equal(
		sqlite3_open_v2(path_in(p, "state/" MAILBOX_FILE, path), &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	sent(d, "not on the disk");
	until_kept(d); /* it waits for a way now, and not for the disk */
	assert_int_equal(said(p, "messages-unwritable"), 1);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	database_close(db);
	mailbox_tick(d, io_now_us() + 31 * SECOND_US);
	for (uint64_t since_us = io_now_us(); !said(p, "messages-writable");) {
		incidents_written(d, io_now_us());
		assert_true(io_now_us() - since_us < 10 * SECOND_US);
	}
	closed(d);
	d = opened(p);
	json_t *outbox = asked(d, "{\"request\": \"outbox\"}", 0);
	assert_string_equal(json_string_value(json_object_get(newest(outbox), "text")), "not on the disk");
	json_decref(outbox);
	closed(d);
}

static void what_another_node_left_is_forgotten(void **state)
{
	struct place *p = *state;
	struct daemon *d = opened(p);
	struct enrolment own = enrolment;

	sent(d, "mine");
	closed(d);
	enrolment = other;
	other = own;
	d = opened(p);
	json_t *outbox = asked(d, "{\"request\": \"outbox\"}", 0);
	assert_int_equal(json_array_size(json_object_get(outbox, "outbox")), 0);
	json_decref(outbox);
	closed(d);
	assert_int_equal(said(p, "messages-damaged"), 1);
	other = enrolment;
	enrolment = own;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			rows_are_replaced_removed_and_keep_their_order, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(damaged_file_is_set_aside, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(what_was_written_survives_a_restart, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(whoever_writes_is_answered_once_it_is_stored, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(what_cannot_be_sent_gets_a_sentence, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(disk_that_takes_nothing_stops_no_message, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(what_another_node_left_is_forgotten, place_enter, place_leave),
	};

	if (sodium_init() < 0)
		return 1;
	authority_generate(&authority, &kernel_random);
	member_make(&enrolment, &authority, "own", LEVEL_SCENE);
	member_make(&other, &authority, "other", LEVEL_CITY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
