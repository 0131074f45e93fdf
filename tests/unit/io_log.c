/* The log: one line per event, and never more than LOG_BURST of a kind per window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/io/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_US (5000 * SECOND_US)

struct scene {
	struct log log;
	int fd;
	char text[256 * 1024];
};

static struct scene scene;

static int setup(void **state)
{
	memset(&scene, 0, sizeof(scene));
	scene.fd = memfd_create("log", MFD_CLOEXEC);
	log_init(&scene.log, scene.fd, false, START_US);
	*state = &scene;
	return scene.fd < 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	return close(s->fd);
}

/* All that was written. */
static const char *written(struct scene *s)
{
	ssize_t len = pread(s->fd, s->text, sizeof(s->text) - 1, 0);

	assert_true(len >= 0);
	s->text[len] = 0;
	return s->text;
}

static unsigned lines_of(struct scene *s)
{
	unsigned count = 0;

	for (const char *c = written(s); *c; c++)
		count += *c == '\n';
	return count;
}

static void a_line_is_seconds_code_and_words(void **state)
{
	struct scene *s = *state;

	log_event(&s->log, START_US + 12345678, "neighbour-up", "%s %u", "radio0", 7u);
	log_event(&s->log, START_US + 13 * SECOND_US, "stopped", "%s", "");
	assert_string_equal(written(s), "12.345 neighbour-up radio0 7\n13.000 stopped\n");
}

static void text_cannot_forge_lines(void **state)
{
	struct scene *s = *state;

	log_event(&s->log, START_US, "refused", "%s", "a\n9.999 started b\r\033[2J\177");
	assert_string_equal(written(s), "0.000 refused a?9.999 started b??[2J?\n");
}

static void a_long_line_is_cut_and_ends(void **state)
{
	struct scene *s = *state;
	char text[4 * LOG_LINE_MAX];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	log_event(&s->log, START_US, "long", "%s", text);
	log_event(&s->log, START_US, "next", "%s", "y");
	assert_int_equal(lines_of(s), 2);
	assert_true(strlen(s->text) <= LOG_LINE_MAX + 16);
	assert_non_null(strstr(s->text, "\n0.000 next y\n"));
}

static void a_flood_of_one_code_is_counted_not_written(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < 1000; i++)
		log_event(&s->log, START_US + i, "refused", "%u", i);
	assert_int_equal(lines_of(s), LOG_BURST);
}

static void verbose_writes_all(void **state)
{
	struct scene *s = *state;

	s->log.is_verbose = true;
	for (unsigned i = 0; i < 5 * LOG_BURST; i++)
		log_event(&s->log, START_US + i, "refused", "%u", i);
	assert_int_equal(lines_of(s), 5 * LOG_BURST);
}

/* A journal that hangs must not hang us. */
static void full_pipe_loses_lines_and_holds_up_nobody(void **state)
{
	struct scene *s = *state;
	int ends[2];
	ssize_t len = 1;

	assert_int_equal(pipe(ends), 0);
	log_init(&s->log, ends[1], true, START_US);
	for (unsigned i = 0; i < 5000; i++) /* far more than a pipe holds */
		log_event(&s->log, START_US, "refused", "%0400u", i);
	assert_true(s->log.lost > 0);
	unsigned lost = s->log.lost;
	log_flush(&s->log, START_US);
	assert_int_equal(s->log.lost, lost); /* still no room to tell it */
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	while (len > 0)
		len = read(ends[0], s->text, sizeof(s->text));
	log_flush(&s->log, START_US);
	assert_int_equal(s->log.lost, 0);
	len = read(ends[0], s->text, sizeof(s->text) - 1);
	assert_true(len > 0);
	s->text[len] = 0;
	assert_non_null(strstr(s->text, "suppressed log: "));
	close(ends[0]);
	close(ends[1]);
}

static void a_flood_does_not_hide_other_codes(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < 1000; i++)
		log_event(&s->log, START_US, "refused", "%u", i);
	log_event(&s->log, START_US, "neighbour-up", "%s", "b");
	assert_non_null(strstr(written(s), "neighbour-up b\n"));
}

static void the_next_window_tells_how_much_was_left_out(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < LOG_BURST + 7; i++)
		log_event(&s->log, START_US, "refused", "%u", i);
	log_event(&s->log, START_US + LOG_WINDOW_US - 1, "refused", "%s", "too early");
	assert_null(strstr(written(s), "suppressed"));
	log_event(&s->log, START_US + LOG_WINDOW_US, "refused", "%s", "again");
	assert_non_null(strstr(written(s), "\n10.000 suppressed refused: 8 more\n10.000 refused again\n"));
}

static void flush_tells_it_when_the_flood_is_over(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < LOG_BURST + 1; i++)
		log_event(&s->log, START_US, "refused", "%u", i);
	log_flush(&s->log, START_US + LOG_WINDOW_US - 1);
	assert_int_equal(lines_of(s), LOG_BURST);
	log_flush(&s->log, START_US + LOG_WINDOW_US);
	log_flush(&s->log, START_US + 2 * LOG_WINDOW_US);
	assert_int_equal(lines_of(s), LOG_BURST + 1);
	assert_non_null(strstr(s->text, "suppressed refused: 1 more\n"));
}

/* The loop tells the time at which its tick began. */
static void a_window_that_begins_after_the_tick_is_not_over_in_it(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < LOG_BURST + 1; i++)
		log_event(&s->log, START_US + 1, "refused", "%u", i);
	log_flush(&s->log, START_US);
	log_event(&s->log, START_US + 2, "refused", "%s", "too early");
	assert_int_equal(lines_of(s), LOG_BURST);
}

static void more_codes_than_the_table_are_still_limited(void **state)
{
	struct scene *s = *state;
	char code[24];

	for (unsigned i = 0; i < 100 * QUOTAS_MAX; i++) {
		snprintf(code, sizeof(code), "code-%u", i);
		log_event(&s->log, START_US, code, "%s", "");
	}
	assert_true(lines_of(s) <= QUOTAS_MAX + LOG_BURST);
}

static void a_log_that_cannot_be_written_is_borne(void **state)
{
	struct scene *s = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(full >= 0);
	s->log.fd = full;
	log_event(&s->log, START_US, "started", "%s", "");
	close(full);
	s->log.fd = s->fd;
	log_event(&s->log, START_US, "stopped", "%s", "");
	assert_string_equal(written(s), "0.000 stopped\n");
}

static void the_journal_is_told_the_grade(void **state)
{
	struct scene *s = *state;
	struct stat status;
	char stream[64];

	assert_int_equal(fstat(s->fd, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		(unsigned long long)status.st_ino);
	log_find_journal(&s->log, stream);
	log_event(&s->log, START_US, "duplicate", "%s", "");
	log_event(&s->log, START_US, "route-up", "%s", "");
	assert_string_equal(written(s), "<3>0.000 duplicate\n<6>0.000 route-up\n");
}

static void who_is_not_the_journal_reads_plain_lines(void **state)
{
	static const char *const streams[] = { NULL, "", "rubbish", "1:2" };
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		log_find_journal(&s->log, streams[i]);
	log_event(&s->log, START_US, "duplicate", "%s", "");
	assert_string_equal(written(s), "0.000 duplicate\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_is_seconds_code_and_words, setup, teardown),
		cmocka_unit_test_setup_teardown(text_cannot_forge_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_of_one_code_is_counted_not_written, setup, teardown),
		cmocka_unit_test_setup_teardown(verbose_writes_all, setup, teardown),
		cmocka_unit_test_setup_teardown(full_pipe_loses_lines_and_holds_up_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_does_not_hide_other_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(the_next_window_tells_how_much_was_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_window_that_begins_after_the_tick_is_not_over_in_it, setup, teardown),
		cmocka_unit_test_setup_teardown(flush_tells_it_when_the_flood_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(more_codes_than_the_table_are_still_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(a_log_that_cannot_be_written_is_borne, setup, teardown),
		cmocka_unit_test_setup_teardown(the_journal_is_told_the_grade, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_not_the_journal_reads_plain_lines, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
