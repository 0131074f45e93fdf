/* The file of other members' logs: what is kept of an answer, in which bounds, and what no member can do to others. */
#include "tests/unit/io_daemon.h"

#include "meshd/io/database.h"
#include "meshd/io/library.h"
#include "meshd/chronicle/chronicle.h"
#include "meshd/io/collect.h"

#include <sqlite3.h>

static struct secret_authority authority;
static const struct collected_limits wide = { 1 << 20, 1 << 22 };

struct member {
	struct enrolment e;
	uint8_t after[LOG_HASH_LEN];
	uint64_t number;
};

static struct collected_store *opened(struct place *p, const struct collected_limits *limits, bool *was_bad)
{
	struct collected_store *s = NULL;
	char path[256];

	mkdir(path_in(p, "state", path), 0700);
	assert_int_equal(collected_store_open(&s, path, &authority.public, limits, was_bad, p->error), 0);
	return s;
}

/* With nothing wrong. */
static struct collected_store *stored(struct place *p, const struct collected_limits *limits)
{
	bool was_bad;
	struct collected_store *s = opened(p, limits, &was_bad);

	assert_false(was_bad);
	return s;
}

static struct writer answer_begin(uint8_t *answer)
{
	struct writer w = writer_of(answer, EXCHANGE_ANSWER_MAX);

	exchange_head_write(&w);
	return w;
}

/* One more run of a member, of about so many bytes. */
static void run_add(struct writer *w, struct member *m, size_t size)
{
	struct log_link link = { .deployment = authority.public.deployment, .number = ++m->number };
	char *body = malloc(size + 200);

	int len = snprintf(body, size + 200,
		"{\"process\":\"aa\",\"entries\":[{\"at\":1,\"date\":%d,\"code\":\"port-up\",\"text\":\"%0*d\"}]}",
		1000 + (int)m->number, (int)size, 7);
	memcpy(link.before, m->after, LOG_HASH_LEN);
	log_link_sign(&link, bytes_of(body, (size_t)len), &m->e.identity, m->after);
	assert_true(exchange_run_write(w, &link, bytes_of(body, (size_t)len)));
	free(body);
}

static struct collected_answer taken(struct place *p, struct collected_store *s, const struct member *m, struct bytes b)
{
	struct collected_answer t;

	assert_int_equal(collected_store_take(s, &m->e.certificate, b, &t, p->error), 0);
	return t;
}

/* So many runs of so many bytes, at once. */
static struct collected_answer runs_take(
	struct place *p, struct collected_store *s, struct member *m, unsigned count, size_t size)
{
	static uint8_t answer[EXCHANGE_ANSWER_MAX];
	struct writer w = answer_begin(answer);

	for (unsigned i = 0; i < count; i++)
		run_add(&w, m, size);
	exchange_end_write(&w, m->number);
	return taken(p, s, m, writer_bytes(&w));
}

static json_int_t listed(struct place *p, struct collected_store *s, const char *name, const char *what)
{
	uint64_t next;
	json_t *list = collected_store_list(s, 0, &next, p->error);
	json_int_t found = -1;
	const json_t *each;
	size_t i;

	json_array_foreach (list, i, each)
		if (strcmp(json_string_value(json_object_get(each, "name")), name) == 0)
			found = json_integer_value(json_object_get(each, what));
	json_decref(list);
	return found;
}

static void member_begin(struct member *m, const char *name)
{
	*m = (struct member){ 0 };
	member_make(&m->e, &authority, name, LEVEL_SCENE);
}

/* --- what is kept -------------------------------------------------------------------------------- */

static void a_log_is_read_back_over_a_restart_and_holds(void **state)
{
	char error[CHRONICLE_ERROR_MAX];
	struct member m;
	struct chronicle r;
	json_t *head, *runs;
	uint64_t next;
	struct collected_store *s = stored(*state, &wide);

	member_begin(&m, "town-3");
	struct collected_answer t = runs_take(*state, s, &m, 3, 20);
	assert_int_equal(t.end, GATHER_ALL);
	assert_int_equal(t.runs, 3);
	collected_store_close(s);
	s = stored(*state, &wide);
	t = runs_take(*state, s, &m, 2, 20);
	assert_int_equal(t.last, 5);
	assert_int_equal(listed(*state, s, "town-3", "until_ms"), 1005);
	assert_int_equal(collected_store_read(s, "TOWN-3", 0, &head, &runs, &next, error), 0);
	assert_int_equal(next, 0);
	json_object_set_new(head, "log", runs);
	chronicle_init(&r);
	assert_int_equal(chronicle_take(&r, head, error), 0);
	assert_int_equal(r.logs[0].trust, CHRONICLE_SIGNED);
	assert_int_equal(r.logs[0].fault_count, 0);
	assert_int_equal(r.logs[0].last, 5);
	chronicle_done(&r);
	json_decref(head);
	assert_int_equal(collected_store_read(s, "nobody", 0, &head, &runs, &next, error), 0);
	assert_null(runs);
	collected_store_close(s);
}

static void of_an_answer_that_is_cut_what_is_whole_is_kept(void **state)
{
	static uint8_t answer[EXCHANGE_ANSWER_MAX];
	struct writer w = answer_begin(answer);
	struct member m;
	struct collected_store *s = stored(*state, &wide);

	member_begin(&m, "car");
	run_add(&w, &m, 20);
	run_add(&w, &m, 20);
	struct collected_answer t = taken(*state, s, &m, bytes_of(answer, writer_len(&w) - 1));
	assert_int_equal(t.end, GATHER_NOTHING);
	assert_int_equal(t.last, 1);
	t = taken(*state, s, &m, writer_bytes(&w)); /* a replay of the first, and the rest */
	assert_int_equal(t.runs, 1);
	assert_int_equal(t.last, 2);
	assert_int_equal(taken(*state, s, &m, bytes_of("rubbish and more", 16)).end, GATHER_NOTHING);
	assert_int_equal(taken(*state, s, &m, bytes_of("", 0)).last, 0);
	collected_store_close(s);
}

static void who_says_that_there_is_more_and_gives_nothing_is_not_asked_again_at_once(void **state)
{
	static uint8_t answer[EXCHANGE_ANSWER_MAX];
	struct writer w = answer_begin(answer);
	struct member m;
	struct collected_store *s = stored(*state, &wide);

	member_begin(&m, "car");
	exchange_end_write(&w, 1000);
	assert_int_equal(taken(*state, s, &m, writer_bytes(&w)).end, GATHER_ALL);
	w = answer_begin(answer);
	run_add(&w, &m, 20);
	exchange_end_write(&w, 1000);
	assert_int_equal(taken(*state, s, &m, writer_bytes(&w)).end, GATHER_MORE);
	collected_store_close(s);
}

static void another_members_log_is_refused_and_what_was_before_it_stays(void **state)
{
	static uint8_t answer[EXCHANGE_ANSWER_MAX];
	struct writer w = answer_begin(answer);
	struct member m, other;
	struct collected_store *s = stored(*state, &wide);

	member_begin(&m, "car");
	member_begin(&other, "bus");
	run_add(&w, &m, 20);
	other.number = 1;
	run_add(&w, &other, 20);
	struct collected_answer t = taken(*state, s, &m, writer_bytes(&w));
	assert_int_equal(t.belief, EXCHANGE_FORGED);
	assert_int_equal(t.refused, 2);
	assert_int_equal(t.end, GATHER_NOTHING);
	assert_int_equal(listed(*state, s, "car", "last"), 1);
	assert_int_equal(listed(*state, s, "bus", "last"), -1);
	collected_store_close(s);
}

static void of_how_many_there_are_logs_and_until_when_is_told(void **state)
{
	struct collected_store *s = stored(*state, &wide);
	struct collected_sum sum = { 7, 7 };
	struct member car, town;

	assert_int_equal(collected_store_sum(s, &sum, ((struct place *)*state)->error), 0);
	assert_int_equal(sum.members, 0);
	assert_int_equal(sum.until_ms, 0);
	member_begin(&car, "car");
	member_begin(&town, "town");
	runs_take(*state, s, &car, 5, 20);
	runs_take(*state, s, &town, 2, 20);
	assert_int_equal(collected_store_sum(s, &sum, ((struct place *)*state)->error), 0);
	assert_int_equal(sum.members, 2);
	assert_int_equal(sum.until_ms, 1005);
	collected_store_close(s);
}

/* --- bounds ---------------------------------------------------------------------------------------- */

static void of_each_member_the_newest_are_kept(void **state)
{
	const struct collected_limits small = { 5000, 1 << 20 };
	struct member m;
	struct collected_store *s = stored(*state, &small);

	member_begin(&m, "car");
	for (unsigned i = 0; i < 20; i++) {
		runs_take(*state, s, &m, 1, 600);
		assert_in_range(listed(*state, s, "car", "bytes"), 0, 5000);
	}
	assert_int_equal(listed(*state, s, "car", "last"), 20);
	assert_in_range(listed(*state, s, "car", "first"), 14, 17);
	runs_take(*state, s, &m, 1, 9000); /* the newest is kept, whatever its length */
	assert_int_equal(listed(*state, s, "car", "first"), 21);
	collected_store_close(s);
}

static void who_writes_most_gives_way_and_nobody_else(void **state)
{
	const struct collected_limits small = { 1 << 20, 20000 };
	struct member loud, quiet[3];
	struct collected_store *s = stored(*state, &small);
	const char *const names[] = { "a", "b", "c" };
	json_int_t all = 0;

	member_begin(&loud, "loud");
	for (unsigned i = 0; i < 3; i++) {
		member_begin(&quiet[i], names[i]);
		runs_take(*state, s, &quiet[i], 3, 500);
	}
	for (unsigned i = 0; i < 30; i++)
		runs_take(*state, s, &loud, 10, 1000);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(listed(*state, s, names[i], "first"), 1);
		assert_int_equal(listed(*state, s, names[i], "last"), 3);
		all += listed(*state, s, names[i], "bytes");
	}
	all += listed(*state, s, "loud", "bytes");
	assert_true(all <= 20000);
	assert_int_equal(listed(*state, s, "loud", "last"), 300);
	collected_store_close(s);
}

static void a_damaged_file_is_set_aside(void **state)
{
	char path[256];
	bool was_bad;
	struct collected_store *s = opened(*state, &wide, &was_bad);

	assert_false(was_bad);
	collected_store_close(s);
	file_put(*state, "state/" COLLECTED_FILE, "this is no database, and never was one: it is long enough to look",
		64);
	unlink(path_in(*state, "state/" COLLECTED_FILE "-wal", path));
	s = opened(*state, &wide, &was_bad);
	assert_true(was_bad);
	collected_store_close(s);
}

static void what_somebody_put_into_the_file_is_no_certificate(void **state)
{
	char path[256], error[IO_ERROR_MAX];
	struct member m;
	json_t *head, *runs;
	uint64_t next;
	sqlite3 *db;
	struct collected_store *s = stored(*state, &wide);

	member_begin(&m, "car");
	runs_take(*state, s, &m, 1, 20);
	assert_int_equal(library_hold(&library_sqlite, (char[IO_ERROR_MAX]){ 0 }), 0);
	assert_int_equal(
		sqlite3_open_v2(path_in(*state, "state/" COLLECTED_FILE, path), &db, SQLITE_OPEN_READWRITE, NULL),
		SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "UPDATE member SET certificate = zeroblob(5000)", NULL, NULL, NULL), SQLITE_OK);
	database_close(db);
	assert_int_equal(collected_store_read(s, "car", 0, &head, &runs, &next, error), -EBADMSG);
	assert_null(head);
	assert_null(runs);
	collected_store_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_is_read_back_over_a_restart_and_holds),
		TEST(of_an_answer_that_is_cut_what_is_whole_is_kept),
		TEST(who_says_that_there_is_more_and_gives_nothing_is_not_asked_again_at_once),
		TEST(another_members_log_is_refused_and_what_was_before_it_stays),
		TEST(of_how_many_there_are_logs_and_until_when_is_told),
		TEST(of_each_member_the_newest_are_kept),
		TEST(who_writes_most_gives_way_and_nobody_else),
		TEST(a_damaged_file_is_set_aside),
		TEST(what_somebody_put_into_the_file_is_no_certificate),
	};

	if (sodium_init() < 0)
		return 1;
	authority_generate(&authority, &kernel_random);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
