/* The incident log: what is kept, in which bounds, over restarts, and that nobody changes it unseen. */
#include "tests/unit/io_daemon.h"

#include "meshd/io/database.h"
#include "meshd/io/library.h"
#include "meshd/io/incident.h"
#include "meshd/chronicle/chronicle.h"

#include <sched.h>
#include <sqlite3.h>
#include <sys/resource.h>

static struct enrolment enrolment;
static struct secret_authority authority;

static struct daemon *opened(struct place *p)
{
	struct daemon *d = daemon_make(p);

	d->enrolment = enrolment;
	assert_int_equal(state_open(d, p->error), 0);
	incidents_open(d);
	return d;
}

static void closed(struct daemon *d)
{
	incidents_close(d);
	state_close(d);
	daemon_unmake(d);
}

static void sql(struct place *p, const char *text)
{
	char path[256];
	sqlite3 *db;

	assert_int_equal(library_hold(&library_sqlite, (char[IO_ERROR_MAX]){ 0 }), 0);
	assert_int_equal(
		sqlite3_open_v2(path_in(p, "state/" INCIDENT_FILE, path), &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	database_close(db);
}

static struct incident_store *stored(struct place *p, const struct incident_limits *limits)
{
	const struct incident_signer signer = { &enrolment.identity, authority.public.deployment };
	static struct incident_signer kept;
	struct incident_store *s = NULL;
	char path[256];
	bool was_bad;

	kept = signer;
	mkdir(path_in(p, "state", path), 0700);
	assert_int_equal(incident_store_open(&s, path, &kept, limits, &was_bad, p->error), 0);
	assert_false(was_bad);
	return s;
}

static void appended(struct place *p, struct incident_store *s, const char *body)
{
	assert_int_equal(incident_store_append(s, bytes_of(body, strlen(body)), 10, p->error), 0);
}

static size_t runs(struct place *p, struct incident_store *s, uint64_t *first)
{
	uint64_t next;
	json_t *list = incident_store_read(s, 0, &next, p->error);
	size_t count = json_array_size(list);

	assert_int_equal(next, 0);
	*first = (uint64_t)json_integer_value(json_object_get(json_array_get(list, 0), "number"));
	json_decref(list);
	return count;
}

/* --- the store ---------------------------------------------------------------------------------- */

static const struct incident_limits wide = { 1000, 100000 };

static void what_was_written_is_read_after_a_restart(void **state)
{
	struct incident_store *s = stored(*state, &wide);
	uint64_t first;

	appended(*state, s, "one");
	appended(*state, s, "two");
	incident_store_close(s);
	s = stored(*state, &wide);
	appended(*state, s, "three");
	assert_int_equal(runs(*state, s, &first), 3);
	assert_int_equal(first, 1);
	assert_int_equal(incident_store_verify(s, NULL), 0);
	incident_store_close(s);
}

static void the_oldest_go_by_entries_and_by_bytes(void **state)
{
	const struct incident_limits few = { 30, 100000 }, small = { 1000, 12 };
	struct incident_store *s = stored(*state, &few);
	uint64_t first;

	for (unsigned i = 0; i < 8; i++)
		appended(*state, s, "four");
	assert_int_equal(runs(*state, s, &first), 3);
	assert_int_equal(first, 6);
	assert_int_equal(incident_store_verify(s, NULL), 0); /* what was forgotten is no fault */
	incident_store_close(s);
	s = stored(*state, &small);
	appended(*state, s, "four");
	assert_int_equal(runs(*state, s, &first), 3);
	appended(*state, s, "one that is longer than all may be is kept while it is the newest");
	assert_int_equal(runs(*state, s, &first), 1);
	incident_store_close(s);
}

static void what_is_changed_or_taken_out_is_found(void **state)
{
	static const struct {
		const char *change;
		int64_t found;
	} changes[] = {
		{ "UPDATE run SET body = 'Two' WHERE number = 2", 2 },
		{ "UPDATE run SET signature = zeroblob(64) WHERE number = 4", 4 },
		{ "UPDATE run SET before = zeroblob(32) WHERE number = 3", 3 },
		{ "UPDATE run SET signature = 'short' WHERE number = 3", 3 },
		{ "DELETE FROM run WHERE number = 2", 3 },
		{ "UPDATE run SET number = 9 WHERE number = 4", 9 },
		{ "UPDATE run SET body = (SELECT body FROM run WHERE number = 1) WHERE number = 3", 3 },
	};
	static const char *const bodies[] = { "one", "two", "three", "four" };
	struct place *p = *state;
	char path[256];

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct incident_store *s = stored(p, &wide);

		for (unsigned k = 0; k < 4; k++)
			appended(p, s, bodies[k]);
		assert_int_equal(incident_store_verify(s, NULL), 0);
		incident_store_close(s);
		sql(p, changes[i].change);
		s = stored(p, &wide);
		assert_int_equal(incident_store_verify(s, NULL), changes[i].found);
		incident_store_close(s);
		assert_int_equal(unlink(path_in(p, "state/" INCIDENT_FILE, path)), 0);
	}
}

static void a_long_log_is_read_in_pages(void **state)
{
	struct incident_store *s = stored(*state, &(const struct incident_limits){ 1000, 10u << 20 });
	char *body = calloc(1, INCIDENT_PAGE_BYTES / 3 + 1);
	uint64_t next = 0, pages = 0;
	size_t count = 0;

	memset(body, 'x', INCIDENT_PAGE_BYTES / 3);
	for (unsigned i = 0; i < 10; i++)
		appended(*state, s, body);
	do {
		json_t *list = incident_store_read(s, next, &next, NULL);

		count += json_array_size(list);
		pages++;
		json_decref(list);
	} while (next);
	assert_int_equal(count, 10);
	assert_int_equal(pages, 3);
	free(body);
	incident_store_close(s);
}

/* --- the daemon ------------------------------------------------------------------------------------- */

/* The log as it is told, once the thread has read it. */
static json_t *log_of(struct place *p, struct chronicle *r)
{
	struct incident_store *s = stored(p, &wide);
	uint8_t encoded[CERTIFICATE_MAX_LEN];
	char certificate[600], key[64];
	uint64_t next;
	int len = certificate_encode(&enrolment.certificate, encoded, sizeof(encoded));

	assert_true(len > 0);
	sodium_bin2base64(certificate, sizeof(certificate), encoded, (size_t)len, sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(
		key, sizeof(key), authority.public.sign_public, SIGN_PUBLIC_LEN, sodium_base64_VARIANT_ORIGINAL);
	json_t *answer = json_pack("{s:s, s:I, s:s, s:s, s:o}", "node", enrolment.certificate.name, "deployment",
		(json_int_t)authority.public.deployment, "authority", key, "certificate", certificate, "log",
		incident_store_read(s, 0, &next, p->error));
	incident_store_close(s);
	chronicle_init(r);
	assert_int_equal(chronicle_take(r, answer, p->error), 0);
	chronicle_align(r);
	return answer;
}

static unsigned has(const struct chronicle *r, const char *code, const char *text)
{
	unsigned count = 0;

	for (size_t i = 0; i < r->entry_count; i++)
		count += strcmp(r->entries[i].code, code) == 0 && strstr(r->entries[i].text, text) != NULL;
	return count;
}

static void what_happened_survives_restarts_and_is_signed(void **state)
{
	struct daemon *d = opened(*state);
	struct chronicle r;

	daemon_say(d, "port-up", "radio0");
	daemon_tell(d, "outage", json_pack("{s:s}", "site", "city-1"), "city-1: lost %s", "text");
	daemon_say(d, "route-moved", "of no use to a report");
	closed(d);
	d = opened(*state);
	daemon_say(d, "reload", "again");
	closed(d);
	json_decref(log_of(*state, &r));
	assert_int_equal(r.logs[0].trust, CHRONICLE_SIGNED);
	assert_int_equal(r.logs[0].fault_count, 0);
	assert_int_equal(r.process_count, 2);
	assert_int_equal(has(&r, "port-up", "radio0"), 1);
	assert_int_equal(has(&r, "outage", "city-1: lost text"), 1);
	assert_int_equal(has(&r, "reload", "again"), 1);
	assert_int_equal(has(&r, "route-moved", ""), 0);
	chronicle_done(&r);
	assert_int_equal(said(*state, "log-"), 0);
}

/* Flash is written seldom; the loop tells the time at which its tick began. */
static void what_happens_in_a_tick_waits_for_what_comes_with_it(void **state)
{
	struct daemon *d = opened(*state);
	uint64_t now_us = io_now_us(), first;

	incident_note(d, now_us + 1, "port-up", NULL, "radio0");
	incidents_tick(d, now_us);
	incident_note(d, now_us + 2, "port-up", NULL, "radio1");
	closed(d);
	struct incident_store *s = stored(*state, &wide);
	assert_int_equal(runs(*state, s, &first), 1);
	incident_store_close(s);
}

static void settled(struct daemon *d, uint64_t now_us, struct place *p, const char *what)
{
	for (unsigned i = 0; i < 200000 && !said(p, what); i++) {
		incidents_tick(d, now_us);
		sched_yield();
	}
	assert_true(said(p, what) > 0);
}

static void a_log_that_was_changed_is_told_at_the_next_start(void **state)
{
	struct daemon *d = opened(*state);

	daemon_say(d, "port-up", "radio0");
	closed(d);
	sql(*state, "UPDATE run SET body = replace(body, 'radio0', 'radio1')");
	d = opened(*state);
	settled(d, io_now_us(), *state, "log-tampered");
	says(((struct place *)*state)->log, "run 1 is not as this node signed it");
	closed(d);
}

static void a_damaged_file_and_another_nodes_are_set_aside(void **state)
{
	struct place *p = *state;
	struct daemon *d = opened(p);
	char path[256], other[256];

	closed(d);
	file_put(p, "state/" INCIDENT_FILE, "this is no database, and never was one: it is long enough to look", 64);
	unlink(path_in(p, "state/" INCIDENT_FILE "-wal", path));
	d = opened(p);
	settled(d, io_now_us(), p, "log-damaged");
	closed(d);
	assert_int_equal(access(path_in(p, "state/" INCIDENT_FILE ".bad", other), F_OK), 0);
	sql(p, "UPDATE owner SET key = zeroblob(32)");
	d = opened(p);
	daemon_say(d, "port-up", "radio0");
	closed(d);
	struct chronicle r;
	json_decref(log_of(p, &r));
	assert_int_equal(r.logs[0].fault_count, 0);
	assert_int_equal(has(&r, "port-up", "radio0"), 1);
	chronicle_done(&r);
}

static void of_what_happens_too_often_only_the_number_is_kept(void **state)
{
	struct daemon *d = opened(*state);
	uint64_t now_us = io_now_us();
	struct chronicle r;

	for (unsigned i = 0; i < INCIDENT_HOUR_MAX + 50; i++)
		incident_note(d, now_us, "refused", NULL, "somebody");
	incident_note(d, now_us + 3601 * SECOND_US, "refused", NULL, "an hour later");
	closed(d);
	json_decref(log_of(*state, &r));
	assert_int_equal(has(&r, "refused", "somebody"), INCIDENT_HOUR_MAX);
	assert_int_equal(has(&r, "suppressed", "refused: 50 more"), 1);
	assert_int_equal(has(&r, "refused", "an hour later"), 1);
	chronicle_done(&r);
}

/* It may never happen again. */
static void what_was_too_often_is_told_when_the_hour_is_over_or_the_process(void **state)
{
	struct daemon *d = opened(*state);
	uint64_t now_us = io_now_us();
	struct chronicle r;

	for (unsigned i = 0; i < INCIDENT_HOUR_MAX + 50; i++)
		incident_note(d, now_us, "refused", NULL, "somebody");
	incidents_tick(d, now_us + 3599 * SECOND_US);
	incidents_tick(d, now_us + 3601 * SECOND_US);
	for (unsigned i = 0; i < INCIDENT_HOUR_MAX + 7; i++)
		incident_note(d, now_us + 3602 * SECOND_US, "refused", NULL, "somebody else");
	closed(d);
	json_decref(log_of(*state, &r));
	assert_int_equal(has(&r, "suppressed", ""), 2);
	assert_int_equal(has(&r, "suppressed", "refused: 50 more"), 1);
	assert_int_equal(has(&r, "suppressed", "refused: 7 more"), 1);
	assert_int_equal(has(&r, "refused", "somebody else"), INCIDENT_HOUR_MAX);
	chronicle_done(&r);
}

/* What a peer or a disk can cause in memory is bounded, and what is lost by that is told. */
static void a_disk_that_takes_nothing_costs_bounded_memory(void **state)
{
	struct place *p = *state;
	struct daemon *d = opened(p);
	char text[EVENT_TEXT_MAX], path[256];
	struct chronicle r;

	closed(d);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	/* A folder in the place of the file: nothing can be opened there. */
	assert_int_equal(unlink(path_in(p, "state/" INCIDENT_FILE, path)), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	d = opened(p);
	settled(d, io_now_us(), p, "log-unwritable");
	for (unsigned i = 0; i < 2000; i++) {
		char code[EVENT_CODE_MAX];

		snprintf(code, sizeof(code), "code-%u", i % 60);
		incident_note(d, io_now_us(), code, NULL, text);
	}
	assert_int_equal(rmdir(path), 0);
	closed(d);
	json_decref(log_of(p, &r));
	assert_int_equal(has(&r, "log-gap", "so much was not recorded"), 1);
	assert_true(has(&r, "code-1", "") > 0);
	assert_true(r.entry_count * 300 < INCIDENT_PENDING_MAX * 2);
	chronicle_done(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read_after_a_restart),
		TEST(the_oldest_go_by_entries_and_by_bytes),
		TEST(what_is_changed_or_taken_out_is_found),
		TEST(a_long_log_is_read_in_pages),
		TEST(what_happened_survives_restarts_and_is_signed),
		TEST(what_happens_in_a_tick_waits_for_what_comes_with_it),
		TEST(a_log_that_was_changed_is_told_at_the_next_start),
		TEST(a_damaged_file_and_another_nodes_are_set_aside),
		TEST(of_what_happens_too_often_only_the_number_is_kept),
		TEST(what_was_too_often_is_told_when_the_hour_is_over_or_the_process),
		TEST(a_disk_that_takes_nothing_costs_bounded_memory),
	};

	if (sodium_init() < 0)
		return 1;
	authority_generate(&authority, &kernel_random);
	member_make(&enrolment, &authority, "car", LEVEL_SCENE);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
