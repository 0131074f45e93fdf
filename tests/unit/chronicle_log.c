/* Incident logs read back: whose they are, whether they hold, and one clock for all. */
#include "tests/unit/log_writer.h"

#include <unistd.h>

#define DAY_MS 86400000ll

static void log_take(struct chronicle *r, struct writer_of_log *w)
{
	char error[CHRONICLE_ERROR_MAX] = "";

	if (chronicle_take(r, w->answer, error) < 0)
		fail_msg("%s", error);
	json_decref(w->answer);
}

/* --- signatures ----------------------------------------------------------------------------- */

static void a_log_goes_through_a_file(void **state)
{
	char path[] = "/tmp/meshd-log-XXXXXX", error[CHRONICLE_ERROR_MAX];
	struct writer_of_log w;
	struct chronicle r;
	int fd = mkstemp(path);
	FILE *out = fdopen(fd, "w");

	(void)state;
	log_begin(&w, "car", 1);
	entry_add(&w, "aa", 5, T0, "started", "{}");
	entry_add(&w, "aa", 7, T0 + 2, "stopped", "null");
	assert_true(chronicle_write(w.answer, out));
	fclose(out);
	chronicle_init(&r);
	assert_int_equal(chronicle_load(&r, path, error), 0);
	assert_int_equal(chronicle_load(&r, path, error), -EEXIST);
	assert_non_null(strstr(error, "is there twice"));
	chronicle_align(&r);
	assert_int_equal(r.log_count, 1);
	assert_int_equal(r.logs[0].trust, CHRONICLE_SIGNED);
	assert_int_equal(r.logs[0].fault_count, 0);
	assert_string_equal(r.logs[0].source, path);
	assert_int_equal(r.entry_count, 2);
	assert_int_equal(r.entries[1].date_ms, T0 + 2);
	assert_string_equal(r.entries[1].code, "stopped");
	chronicle_done(&r);
	json_decref(w.answer);
	unlink(path);
}

/* Others follow, and they are not to have the entries of one that cannot be read. */
static void of_an_answer_that_is_no_log_nothing_stays(void **state)
{
	char error[CHRONICLE_ERROR_MAX];
	struct writer_of_log w;
	struct chronicle r;

	(void)state;
	chronicle_init(&r);
	log_begin(&w, "car", 1);
	entry_add(&w, "aa", 5, T0, "started", "{}");
	run_add(&w, "rubbish");
	assert_int_equal(chronicle_take(&r, w.answer, error), -EBADMSG);
	json_decref(w.answer);
	log_begin(&w, "bus", 2);
	entry_add(&w, "bb", 5, T0, "started", "{}");
	log_take(&r, &w);
	chronicle_align(&r);
	assert_int_equal(r.log_count, 1);
	assert_int_equal(r.process_count, 1);
	assert_int_equal(r.entry_count, 1);
	assert_string_equal(r.processes[r.entries[0].process].name, "bb");
	assert_int_equal(r.logs[0].until_ms, T0);
	chronicle_done(&r);
}

static void one_that_was_replaced_and_its_successor_both_have_a_log(void **state)
{
	struct writer_of_log w;
	struct chronicle r;

	(void)state;
	chronicle_init(&r);
	for (unsigned i = 1; i <= 2; i++) {
		log_begin(&w, "car", i);
		entry_add(&w, "aa", 5, T0, "started", "{}");
		log_take(&r, &w);
	}
	assert_int_equal(r.log_count, 2);
	chronicle_done(&r);
}

static void what_was_changed_or_is_missing_is_a_fault(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct writer_of_log w;
		struct chronicle r;

		log_begin(&w, "car", 1);
		for (unsigned k = 0; k < 4; k++)
			entry_add(&w, "aa", k, T0 + k, "reload", "null");
		json_t *runs = json_object_get(w.answer, "log"), *second = json_array_get(runs, 1);
		if (i == 1)
			json_object_set_new(second, "body", json_string("{\"process\":\"aa\",\"entries\":[]}"));
		else if (i == 2)
			json_array_remove(runs, 1);
		else if (i == 3)
			json_object_set_new(w.answer, "certificate", json_string("AAAA"));
		chronicle_init(&r);
		log_take(&r, &w);
		assert_int_equal(r.logs[0].trust, i == 3 ? CHRONICLE_UNSIGNED : CHRONICLE_SIGNED);
		assert_int_equal(r.logs[0].fault_count > 0, i == 1 || i == 2);
		if (i == 1 || i == 2) {
			assert_int_equal(r.logs[0].fault.number, i == 1 ? 2 : 3);
			assert_int_equal(r.logs[0].fault.is_gap, i == 2);
		}
		chronicle_done(&r);
	}
}

static void rubbish_is_refused(void **state)
{
	static const char *const wrong[] = { "", "{}", "{\"meshd-log\":1}\n", "{\"meshd-log\":2,\"node\":\"car\"}\n",
		"not JSON\n", "{\"meshd-log\":1,\"node\":\"car\"}\n{\"number\":1}\n",
		"{\"meshd-log\":1,\"node\":\"car\"}\nrubbish\n",
		"{\"meshd-log\":1,\"node\":\"a name that has more than the thirty-two bytes of one\"}\n" };
	char path[] = "/tmp/meshd-log-XXXXXX", error[CHRONICLE_ERROR_MAX];
	int fd = mkstemp(path);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct chronicle r;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, wrong[i], strlen(wrong[i]), 0), (ssize_t)strlen(wrong[i]));
		chronicle_init(&r);
		if (chronicle_load(&r, path, error) != -EBADMSG)
			fail_msg("%s was taken", wrong[i]);
		assert_int_equal(r.log_count, 0);
		chronicle_done(&r);
	}
	close(fd);
	unlink(path);
}

/* --- clocks ---------------------------------------------------------------------------------------- */

static void what_was_before_the_clock_was_set_is_moved(void **state)
{
	struct writer_of_log w;
	struct chronicle r;

	(void)state;
	log_begin(&w, "car", 1);
	entry_add(&w, "aa", 1000, 5000, "port-up", "null"); /* 1970 */
	entry_add(&w, "aa", 3000, T0, "clock-set", "{\"by_ms\":4102444793000}");
	entry_add(&w, "aa", 4000, T0 + 1000, "clock", "{\"synced\":true,\"error_ms\":12}");
	entry_add(&w, "aa", 9000, T0 + DAY_MS, "port-up", "null"); /* after it was kept right */
	chronicle_init(&r);
	log_take(&r, &w);
	chronicle_align(&r);
	assert_int_equal(r.entries[0].date_ms, T0 - 2000);
	assert_int_equal(r.entries[3].date_ms, T0 + 6000);
	assert_true(r.processes[0].is_synced);
	assert_int_equal(r.processes[0].error_ms, 12);
	assert_int_equal(r.processes[0].set_ms, 4102444793000);
	chronicle_done(&r);
}

/* Both note when they meet; the second one's clock is three days behind and nobody keeps it. */
static void a_clock_is_set_by_meetings(void **state)
{
	static const int64_t met_s[] = { 10, 70, 400 };
	struct writer_of_log car, post;
	struct chronicle r;

	(void)state;
	log_begin(&post, "post", 1);
	log_begin(&car, "car", 2);
	for (unsigned i = 0; i < 3; i++) {
		int64_t at_ms = met_s[i] * 1000;

		entry_add(&post, "pp", at_ms, T0 + at_ms, "neighbour-up", "{\"link\":\"r\",\"neighbour\":\"car\"}");
		entry_add(&car, "cc", at_ms - 5000 + i * 100, T0 - 3 * DAY_MS + at_ms + i * 100, "neighbour-up",
			"{\"link\":\"r\",\"neighbour\":\"post\"}");
	}
	entry_add(&post, "pp", 1000000, T0 + 1000000, "neighbour-up", "{\"link\":\"r\",\"neighbour\":\"other\"}");
	entry_add(&car, "cc", 30000, T0 - 3 * DAY_MS + 35000, "port-error", "null");
	chronicle_init(&r);
	log_take(&r, &post);
	log_take(&r, &car);
	chronicle_align(&r);
	const struct chronicle_process *p = &r.processes[1];
	assert_int_equal(p->compared, 3);
	assert_in_range(p->shifted_ms, 3 * DAY_MS - 500, 3 * DAY_MS + 500);
	assert_in_range(p->spread_ms, 1, 5000);
	for (size_t i = 0; i < r.entry_count; i++)
		if (strcmp(r.entries[i].code, "port-error") == 0)
			assert_in_range(r.entries[i].date_ms, T0 + 34000, T0 + 36000);
	chronicle_done(&r);
}

static void a_clock_that_was_kept_right_is_not_moved(void **state)
{
	struct writer_of_log car, post;
	struct chronicle r;

	(void)state;
	log_begin(&post, "post", 1);
	log_begin(&car, "car", 2);
	entry_add(&post, "pp", 0, T0, "neighbour-up", "{\"neighbour\":\"car\"}");
	entry_add(&car, "cc", 0, T0 + 60000, "neighbour-up", "{\"neighbour\":\"post\"}");
	entry_add(&car, "cc", 10, T0 + 60010, "clock", "{\"synced\":true,\"error_ms\":1}");
	chronicle_init(&r);
	log_take(&r, &post);
	log_take(&r, &car);
	chronicle_align(&r);
	assert_int_equal(r.processes[1].shifted_ms, 0);
	assert_int_equal(r.processes[1].compared, 1);
	assert_int_equal(r.entries[2].date_ms, T0 + 60010);
	chronicle_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_goes_through_a_file),
		cmocka_unit_test(of_an_answer_that_is_no_log_nothing_stays),
		cmocka_unit_test(one_that_was_replaced_and_its_successor_both_have_a_log),
		cmocka_unit_test(what_was_changed_or_is_missing_is_a_fault),
		cmocka_unit_test(rubbish_is_refused),
		cmocka_unit_test(what_was_before_the_clock_was_set_is_moved),
		cmocka_unit_test(a_clock_is_set_by_meetings),
		cmocka_unit_test(a_clock_that_was_kept_right_is_not_moved),
	};

	if (sodium_init() < 0)
		return 1;
	authority_make(&authority, 7);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
