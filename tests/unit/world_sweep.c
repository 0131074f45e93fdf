/* Sweeps: what is read, every refusal, whose job is whose, and that a lost worker loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/sweep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCENARIO                                                                                                       \
	"for: 4\nnodes: [{name: a}, {name: b}]\n"                                                                      \
	"links: [{name: l.x, preset: mesh-radio, ends: [a:r0, b:r0]}]\n"                                               \
	"flows: [{name: f, from: a, to: b, start: 1, end: 3}]\n"                                                       \
	"expect: [{reach: {from: a, to: b, within: 4}}]\n"
#define SPEC                                                                                                           \
	"scenario: s.yaml\nseeds: 3..5\n"                                                                              \
	"set:\n"                                                                                                       \
	"  - {link: l.x, field: delay, values: [1ms, 20ms]}\n"                                                         \
	"  - {link: l.x, field: loss, values: [0%, 20%]}\n"                                                            \
	"metrics: [hash, links.l.x.lost_frames, expect.0.measured, expect.0.text]\n"
#define JOBS 12

static char folder[] = "/tmp/world_sweep.XXXXXX";
static char spec[64], scenario[64];

static void text_write(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static struct sweep *good(const char *text)
{
	char error[PLAN_ERROR_MAX];

	text_write(spec, text);
	struct sweep *s = sweep_load(spec, error);
	if (!s)
		fail_msg("%s", error);
	return s;
}

static void refused(const char *text, const char *expected)
{
	char error[PLAN_ERROR_MAX];

	text_write(spec, text);
	assert_null(sweep_load(spec, error));
	if (strncmp(error, folder, strlen(folder)) != 0 || strcmp(error + strlen(folder) + 1, expected) != 0)
		fail_msg("\"%s\", not \"%s\"", error, expected);
}

static void seeds_times_values_are_the_jobs(void **state)
{
	struct sweep *s = good(SPEC);
	char text[200], head[SWEEP_ROW_MAX];

	(void)state;
	assert_int_equal(s->job_count, JOBS);
	sweep_head(s, head);
	assert_string_equal(head, "seed,l.x.delay,l.x.loss,hash,links.l.x.lost_frames,expect.0.measured,expect.0.text");
	sweep_job_text(s, 0, text, sizeof(text));
	assert_string_equal(text, "seed 3, l.x delay=1ms, l.x loss=0%");
	sweep_job_text(s, 4, text, sizeof(text));
	assert_string_equal(text, "seed 4, l.x delay=1ms, l.x loss=20%");
	sweep_job_text(s, JOBS - 1, text, sizeof(text));
	assert_string_equal(text, "seed 5, l.x delay=20ms, l.x loss=20%");
	sweep_free(s);
}

static void refusals_name_file_line_and_remedy(void **state)
{
	(void)state;
	refused("seeds: 1..2\n", "sweep.yaml:1: which scenario is swept? write scenario: FILE.yaml, seen from here");
	refused("scenario: s.yaml\nseeds: 5..2\n", "sweep.yaml:2: seeds \"5..2\" is no range; write seeds: 1..20");
	refused("scenario: s.yaml\nseeds: -1..2\n", "sweep.yaml:2: seeds \"-1..2\" is no range; write seeds: 1..20");
	refused("scenario: s.yaml\nseeds: 1..900000\n", "sweep.yaml:2: these are more than 100000 seeds; write fewer");
	refused("scenario: s.yaml\nset:\n  - {link: l.x, field: loss}\n",
		"sweep.yaml:3: not all is said; write {link: radio, field: loss, values: [0%, 5%]}");
	refused("scenario: s.yaml\nset:\n  - {link: l.x, field: rate, values: [2M, 2Mb]}\n",
		"sweep.yaml:3: rate \"2Mb\" is not a rate; write 2M, 9.6k or none");
	refused("scenario: s.yaml\nmetrics:\n  - passed\n  - flows.g.gap_s\n",
		"sweep.yaml:4: \"flows.g.gap_s\" is no value of a run; "
		"write one that meshsim run --json has, as flows.NAME.gap_s");
	refused("scenario: s.yaml\nmetrics: [flows.f]\n", "sweep.yaml:2: \"flows.f\" is no value of a run; "
							  "write one that meshsim run --json has, as flows.NAME.gap_s");
	refused("scenario: s.yaml\nset:\n  - {link: l.x, field: loss, values: [0%]}\n"
		"  - {link: l.x, field: loss, values: [1%]}\n",
		"sweep.yaml:4: loss of l.x is set above; give all its values there");
	refused("scenario: s.yaml\nseeds: 1..90000\nset: [{link: l.x, field: loss, values: [0%, 1%]}]\n",
		"sweep.yaml:3: these are more than 100000 runs; give fewer values or seeds");
	refused("scenario: s.yaml\nspeed: 1\n",
		"sweep.yaml:2: \"speed\" is not a field; known are scenario seeds set metrics");
}

static void refusals_name_the_scenario(void **state)
{
	char error[PLAN_ERROR_MAX], expected[PLAN_ERROR_MAX];

	(void)state;
	text_write(spec, "scenario: none.yaml\n");
	assert_null(sweep_load(spec, error));
	assert_non_null(strstr(error, "/none.yaml: cannot be read"));
	text_write(spec, "scenario: s.yaml\nset:\n  - {link: y, field: loss, values: [1%]}\n");
	assert_null(sweep_load(spec, error));
	snprintf(expected, sizeof(expected), "%s:3: there is no link \"y\" in %s; name one of its links:", spec,
		scenario);
	assert_string_equal(error, expected);
}

static void a_row_is_decided_by_its_job_alone(void **state)
{
	struct sweep *s = good(SPEC);
	char first[SWEEP_ROW_MAX], other[SWEEP_ROW_MAX], again[SWEEP_ROW_MAX];

	(void)state;
	assert_int_equal(sweep_job_run(s, 0, first), 0);
	assert_int_equal(sweep_job_run(s, JOBS - 1, other), 0);
	assert_int_equal(sweep_job_run(s, 0, again), 0);
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
	assert_int_equal(strncmp(other, "5,20ms,20%,", 11), 0);
	sweep_free(s);
}

static void values_change_the_run_and_not_only_the_row(void **state)
{
	struct sweep *s = good(SPEC);
	char clear[SWEEP_ROW_MAX], lossy[SWEEP_ROW_MAX];
	unsigned lost_clear, lost_lossy;

	(void)state;
	assert_int_equal(sweep_job_run(s, 0, clear), 0);
	assert_int_equal(sweep_job_run(s, 3, lossy), 0);
	assert_int_equal(sscanf(clear, "3,1ms,0%%,%*[0-9a-f],%u", &lost_clear), 1);
	assert_int_equal(sscanf(lossy, "3,1ms,20%%,%*[0-9a-f],%u", &lost_lossy), 1);
	assert_true(lost_lossy > lost_clear + 10);
	sweep_free(s);
}

static void rows_are_written_in_order_and_once(void **state)
{
	struct sweep *s = good("scenario: s.yaml\nseeds: 1..3\n");
	struct sweep_book b;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	unsigned job[3], none;

	(void)state;
	assert_int_equal(sweep_book_init(&b, s, out), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(sweep_book_take(&b, &job[i]));
	assert_false(sweep_book_take(&b, &none));
	assert_int_equal(sweep_book_row(&b, 2, "two"), 0);
	assert_int_equal(sweep_book_row(&b, 0, "zero"), 0);
	assert_int_equal(sweep_book_row(&b, 0, "late"), 0);
	assert_string_equal(text, "seed,passed,loops,events,hash\nzero\n");
	assert_int_equal(sweep_book_row(&b, 1, "one"), 0);
	assert_true(sweep_book_is_over(&b));
	assert_string_equal(text, "seed,passed,loops,events,hash\nzero\none\ntwo\n");
	sweep_book_done(&b);
	fclose(out);
	free(text);
	sweep_free(s);
}

static void a_lost_job_is_open_again_but_not_for_ever(void **state)
{
	struct sweep *s = good("scenario: s.yaml\nseeds: 1..2\n");
	struct sweep_book b;
	FILE *out = fopen("/dev/null", "we");
	unsigned job;

	(void)state;
	assert_int_equal(sweep_book_init(&b, s, out), 0);
	for (unsigned i = 1; i <= SWEEP_TRIES; i++) {
		assert_true(sweep_book_take(&b, &job));
		assert_int_equal(job, 0);
		assert_int_equal(sweep_book_lost(&b, job), i < SWEEP_TRIES);
	}
	sweep_book_done(&b);
	fclose(out);
	sweep_free(s);
}

static void a_killed_worker_is_noticed_and_another_gives_the_row(void **state)
{
	struct sweep *s = good(SPEC);
	char row[SWEEP_ROW_MAX], expected[SWEEP_ROW_MAX];
	struct sweep_worker w;
	int got = 0;

	(void)state;
	assert_int_equal(sweep_worker_start(&w, s), 0);
	kill(w.pid, SIGKILL);
	assert_true(poll(&(struct pollfd){ .fd = w.fd, .events = POLLIN }, 1, 20000) == 1);
	assert_int_equal(sweep_worker_row(&w, row), -EPIPE);
	assert_int_equal(sweep_worker_give(&w, 1), -EPIPE);
	sweep_worker_stop(&w);
	assert_int_equal(sweep_worker_start(&w, s), 0);
	assert_int_equal(sweep_worker_give(&w, 1), 0);
	while (!got && poll(&(struct pollfd){ .fd = w.fd, .events = POLLIN }, 1, 20000) == 1)
		got = sweep_worker_row(&w, row);
	assert_int_equal(got, 1);
	sweep_worker_stop(&w);
	assert_int_equal(sweep_job_run(s, 1, expected), 0);
	assert_string_equal(row, expected);
	sweep_free(s);
}

static char *pool_csv(unsigned workers)
{
	struct sweep *s = good(SPEC);
	struct sweep_book b;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(sweep_book_init(&b, s, out), 0);
	assert_int_equal(sweep_pool(s, &b, workers), 0);
	assert_true(sweep_book_is_over(&b));
	sweep_book_done(&b);
	fclose(out);
	sweep_free(s);
	return text;
}

static void one_worker_and_three_write_the_same(void **state)
{
	char *one = pool_csv(1), *three = pool_csv(3);
	unsigned lines = 0;

	(void)state;
	for (const char *c = one; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, JOBS + 1);
	assert_string_equal(one, three);
	free(one);
	free(three);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_times_values_are_the_jobs),
		cmocka_unit_test(refusals_name_file_line_and_remedy),
		cmocka_unit_test(refusals_name_the_scenario),
		cmocka_unit_test(a_row_is_decided_by_its_job_alone),
		cmocka_unit_test(values_change_the_run_and_not_only_the_row),
		cmocka_unit_test(rows_are_written_in_order_and_once),
		cmocka_unit_test(a_lost_job_is_open_again_but_not_for_ever),
		cmocka_unit_test(a_killed_worker_is_noticed_and_another_gives_the_row),
		cmocka_unit_test(one_worker_and_three_write_the_same),
	};

	if (sodium_init() < 0 || !mkdtemp(folder))
		return 1;
	snprintf(spec, sizeof(spec), "%s/sweep.yaml", folder);
	snprintf(scenario, sizeof(scenario), "%s/s.yaml", folder);
	text_write(scenario, SCENARIO);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	unlink(spec);
	unlink(scenario);
	rmdir(folder);
	return failed;
}
