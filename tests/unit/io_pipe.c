/*
 * Pipes: real children, good and bad. Time is real, conditions are waited for.
 */
#include "tests/unit/io_fakes.h"
#include "tests/unit/io_one_by_one.h"

#include "meshd/io/line.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAIT_S 10
#define MTU 1400

static struct {
	struct daemon *d;
	struct port *p;
	char script[64], pid_file[80];
} w;

/* A shell program; "$$" goes into a file where the test looks for it. */
static void program_write(const char *body)
{
	FILE *f = fopen(w.script, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\necho $$ >%s\n%s\n", w.pid_file, body);
	fclose(f);
	assert_int_equal(chmod(w.script, 0700), 0);
}

static pid_t pid_in(const char *path)
{
	FILE *f = fopen(path, "r");
	int pid = 0;

	if (f) {
		if (fscanf(f, "%d", &pid) != 1)
			pid = 0;
		fclose(f);
	}
	return pid;
}

static pid_t program_pid(void)
{
	return pid_in(w.pid_file);
}

/* Nobody, or a dead one that init has not looked after yet. */
static bool is_gone(pid_t pid)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return pid > 0;
	if (fscanf(f, "%*d %*s %c", &state) != 1)
		state = 0;
	fclose(f);
	return state == 'Z';
}

static void start_with(const char *program)
{
	struct config_link *c = &w.d->config.links[0];

	*c = (struct config_link){ .name = "beidou",
		.type = CONFIG_PIPE,
		.mtu = MTU,
		.rate_bps = 100000,
		.discover = true,
		.hello_ms = 1000,
		.pipe = { .word_count = 1 } };
	snprintf(c->pipe.words, sizeof(c->pipe.words), "%s", program);
	w.d->config.link_count = 1;
	ports_open(w.d);
	w.p = &w.d->ports[0];
}

static void start(const char *body)
{
	program_write(body);
	start_with(w.script);
}

static int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.d = fake_daemon();
	ev_loop_destroy(w.d->loop);
	w.d->loop = ev_default_loop(EVFLAG_AUTO); /* the one that hears of children */
	snprintf(w.script, sizeof(w.script), "/tmp/meshd-test-modem-%d", (int)getpid());
	snprintf(w.pid_file, sizeof(w.pid_file), "%s.pid", w.script);
	unlink(w.pid_file);
	signal(SIGPIPE, SIG_IGN);
	*state = w.d;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ports_close(w.d);
	unlink(w.script);
	unlink(w.pid_file);
	fake_daemon_free(w.d);
	return 0;
}

static void look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer, (void)events;
	ports_tick(w.d, io_now_us());
	ev_break(loop, EVBREAK_ONE);
}

static bool wait_for(bool (*is_so)(void))
{
	uint64_t end_us = io_now_us() + WAIT_S * SECOND_US;
	ev_timer timer;

	ev_timer_init(&timer, look, 0.005, 0.005);
	ev_timer_start(w.d->loop, &timer);
	while (!is_so() && io_now_us() < end_us)
		ev_run(w.d->loop, 0);
	ev_timer_stop(w.d->loop, &timer);
	return is_so();
}

static struct bytes text(const char *s)
{
	return bytes_of(s, strlen(s));
}

static bool one_came_in(void)
{
	return fake.frame_count >= 1;
}

static bool is_up(void)
{
	return w.p->state == PORT_UP;
}

static bool is_down(void)
{
	return w.p->state == PORT_ERROR;
}

static bool it_has_spoken(void)
{
	return strcmp(fake.code, "modem") == 0;
}

static bool it_runs(void)
{
	return program_pid() > 0;
}

/* The loop has seen that it takes a frame: with the program alone it need not have run at all. */
static bool it_has_room(void)
{
	return it_runs() && fake.readies[0] > 0;
}

static bool its_child_runs(void)
{
	char second[96];

	snprintf(second, sizeof(second), "%s.second", w.pid_file);
	return pid_in(second) > 0;
}

static bool it_was_restarted(void)
{
	return w.p->line.restarts >= 1 && is_up();
}

static void frames_go_out_and_come_in_with_their_address(void **state)
{
	struct endpoint to = endpoint_of_modem(text("287654"));
	char shown[ENDPOINT_TEXT];

	(void)state;
	start("exec cat");
	assert_true(is_up());
	port_send(w.p, &to, text("hello"));
	assert_true(wait_for(one_came_in));
	assert_memory_equal(fake.frames[0].shown, "hello", 5);
	assert_true(endpoint_equal(&fake.frames[0].from, &to));
	assert_string_equal(endpoint_format(&to, shown), "modem 287654");
}

static void the_program_has_one_frame_and_the_next_waits(void **state)
{
	uint8_t frame[MTU] = { 0 };

	(void)state;
	start("exec sleep 60");
	assert_true(wait_for(it_has_room));
	for (unsigned i = 0; i < 10; i++) {
		port_send(w.p, NULL, bytes_of(frame, sizeof(frame)));
		ev_run(w.d->loop, EVRUN_NOWAIT);
	}
	/* One in the pipe, a few in the queue that is for what the node sends without being asked. */
	assert_in_range(w.p->line.queue_dropped, 6, 8);
	assert_int_equal(fake.readies[0], 1);
}

static void what_it_says_is_in_the_log(void **state)
{
	(void)state;
	start("echo 'no satellite in sight' >&2; exec sleep 60");
	assert_true(wait_for(it_has_spoken));
	assert_string_equal(fake.text, "beidou: no satellite in sight");
}

/* This process hands its right to raw sockets to every child, as a unit without root does. */
static bool ambient_raise(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	if (syscall(SYS_capget, &header, sets) < 0)
		return false;
	sets[0].inheritable |= 1u << CAP_NET_RAW;
	return syscall(SYS_capset, &header, sets) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0;
}

static void it_has_none_of_the_powers_that_the_daemon_was_started_with(void **state)
{
	(void)state;
	if (!ambient_raise())
		skip();
	start("grep CapAmb /proc/self/status | tr '\\t' ' ' >&2; exec sleep 60");
	assert_true(wait_for(it_has_spoken));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	assert_string_equal(fake.text, "beidou: CapAmb: 0000000000000000");
}

static void it_has_none_of_the_daemons_descriptors(void **state)
{
	int kept = dup2(STDERR_FILENO, 50); /* as a library may leave one open over exec */

	(void)state;
	assert_int_equal(kept, 50);
	start("[ -e /proc/$$/fd/50 ] && echo heir >&2 || echo none >&2; exec sleep 60");
	close(kept);
	assert_true(wait_for(it_has_spoken));
	assert_string_equal(fake.text, "beidou: none");
}

static void one_that_ends_is_named_and_started_again(void **state)
{
	(void)state;
	start("sleep 0.1; [ -e $0.pid.second ] && exec sleep 60; touch $0.pid.second; exit 3");
	assert_true(wait_for(is_down));
	assert_false(fake.is_up[0]);
	assert_non_null(strstr(w.p->error, "ended with status 3; it is started again in 1 s"));
	assert_true(wait_for(it_was_restarted));
	char second[96];
	snprintf(second, sizeof(second), "%s.second", w.pid_file);
	unlink(second);
}

static void one_that_is_killed_is_named(void **state)
{
	(void)state;
	start("exec sleep 60");
	assert_true(wait_for(it_runs));
	assert_int_equal(kill(program_pid(), SIGKILL), 0);
	assert_true(wait_for(is_down));
	assert_non_null(strstr(w.p->error, "was ended by signal 9"));
}

static void one_that_writes_rubbish_is_counted_and_killed(void **state)
{
	(void)state;
	start("printf '\\377\\377rubbish'; exec sleep 60");
	assert_true(wait_for(is_down));
	assert_non_null(strstr(w.p->error, "writes what are no records"));
	assert_true(w.p->line.rubbish_bytes > 0);
	assert_true(is_gone(program_pid()));
}

/* Length, address length beyond it; then a good one. */
static void a_bad_record_is_counted_and_costs_itself_only(void **state)
{
	(void)state;
	start("printf '\\000\\002\\005x\\000\\004\\0011ok'; exec sleep 60");
	assert_true(wait_for(one_came_in));
	assert_memory_equal(fake.frames[0].shown, "ok", 2);
	assert_int_equal(w.p->rx_dropped, 1);
	assert_int_equal(w.p->line.rubbish_bytes, 4);
}

static void pauses_grow_while_it_fails(void **state)
{
	uint64_t pause_us = 0;

	(void)state;
	start("exit 1");
	for (unsigned i = 0; i < 10; i++) {
		assert_true(wait_for(is_down));
		assert_true(w.p->pause_us >= pause_us && w.p->pause_us <= 60 * SECOND_US);
		pause_us = w.p->pause_us;
		w.p->retry_us = 0; /* as if it were over */
		ports_tick(w.d, io_now_us());
	}
	assert_int_equal(w.p->pause_us, 60 * SECOND_US);
}

static void a_program_that_is_not_there_is_named(void **state)
{
	(void)state;
	start_with("/nonexistent/modem");
	assert_int_equal(w.p->state, PORT_ERROR);
	assert_string_equal(
		w.p->error, "/nonexistent/modem cannot be run: No such file or directory; look at command:");
}

/* It does not listen to SIGTERM, and has a child of its own. */
static void a_stop_leaves_nothing_behind(void **state)
{
	(void)state;
	start("trap '' TERM; sleep 60 & echo $! >$0.pid.second; wait; sleep 60");
	char second[96];
	snprintf(second, sizeof(second), "%s.second", w.pid_file);
	assert_true(wait_for(its_child_runs));
	pid_t pid = program_pid();
	ports_close(w.d);
	assert_true(is_gone(pid));
	/* Killed, though nobody waits for it here. */
	for (unsigned i = 0; i < 1000 && !is_gone(pid_in(second)); i++)
		usleep(1000);
	assert_true(is_gone(pid_in(second)));
	unlink(second);
}

int main(void)
{
#define PIPE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PIPE_TEST(frames_go_out_and_come_in_with_their_address),
		PIPE_TEST(the_program_has_one_frame_and_the_next_waits),
		PIPE_TEST(what_it_says_is_in_the_log),
		PIPE_TEST(it_has_none_of_the_powers_that_the_daemon_was_started_with),
		PIPE_TEST(it_has_none_of_the_daemons_descriptors),
		PIPE_TEST(one_that_ends_is_named_and_started_again),
		PIPE_TEST(one_that_is_killed_is_named),
		PIPE_TEST(one_that_writes_rubbish_is_counted_and_killed),
		PIPE_TEST(a_bad_record_is_counted_and_costs_itself_only),
		PIPE_TEST(pauses_grow_while_it_fails),
		PIPE_TEST(a_program_that_is_not_there_is_named),
		PIPE_TEST(a_stop_leaves_nothing_behind),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
