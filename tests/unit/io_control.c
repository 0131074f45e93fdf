/* The control socket: who gets it, and clients that are slow, many, rude or gone. */
#include "tests/unit/io_served.h"

#include <sys/syscall.h>
#include <time.h>

#define STATUS "{\"request\": \"status\"}\n"

static time_t ahead_s; /* of the clock, as libev reads it */
static int accept_errno; /* 0: clients are let in */
static unsigned accepts;

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *now)
{
	int code = (int)syscall(SYS_clock_gettime, id, now);

	now->tv_sec += ahead_s;
	return code;
}

int accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	accepts++;
	if (!accept_errno)
		return (int)syscall(SYS_accept4, fd, from, len, flags);
	errno = accept_errno;
	return -1;
}

static void told(int fd, const char *text, size_t len)
{
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Takes what comes until `lines` line feeds are there, or the end; the number of lines. */
static unsigned heard(const struct daemon *d, int fd, char *out, size_t size, unsigned lines)
{
	size_t len = 0;
	unsigned count = 0;

	for (unsigned i = 0; i < 10000 && count < lines; i++) {
		ssize_t got = recv(fd, out + len, size - 1 - len, 0);

		if (got == 0)
			break;
		for (ssize_t at = 0; at < got; at++)
			count += out[len + (size_t)at] == '\n';
		len += got > 0 ? (size_t)got : 0;
		turns(d, 1);
	}
	out[len] = 0;
	return count;
}

static bool is_closed(const struct daemon *d, int fd)
{
	char c;

	for (unsigned i = 0; i < 1000; i++) {
		ssize_t got = recv(fd, &c, 1, 0);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			return true;
		turns(d, 1);
	}
	return false;
}

static char big[1 << 20];

/* --- the socket ------------------------------------------------------------------------------ */

static void socket_is_for_owner_and_group_only(void **state)
{
	struct world *w = served(*state);
	struct stat status;

	assert_int_equal(stat(w->members[CAR].d->config.control_path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0660);
	unserved(w);
}

static void socket_goes_with_the_daemon(void **state)
{
	struct world *w = served(*state);
	struct stat status;
	char path[256];

	unserved(w);
	assert_int_equal(lstat(path_in(*state, "control/sock", path), &status), -1);
}

static void socket_left_by_kill_is_replaced(void **state)
{
	struct place *p = *state;
	char path[256];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	mkdir(path_in(p, "control", path), 0700);
	struct sockaddr_un address = socket_address(path_in(p, "control/sock", path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	struct world *w = served(p);
	int client = connected(w->members[CAR].d);
	told(client, STATUS, strlen(STATUS));
	assert_int_equal(heard(w->members[CAR].d, client, big, sizeof(big), 1), 1);
	close(client);
	unserved(w);
}

static void live_socket_is_refused_and_left_alone(void **state)
{
	struct place *p = *state;
	struct world *w = served(p);
	struct daemon *first = w->members[CAR].d, *second = w->members[RELAY].d;

	second->loop = first->loop;
	assert_int_equal(control_open(second, p->error), -EBUSY);
	says(p->error, "another meshd answers there; stop it first");
	control_close(second);
	int client = connected(first);
	assert_true(client >= 0);
	close(client);
	unserved(w);
}

static void what_is_no_socket_is_not_removed(void **state)
{
	struct place *p = *state;
	struct world *w = world_new(p);
	struct daemon *d = w->members[CAR].d;
	char path[256], text[8];

	mkdir(path_in(p, "control", path), 0700);
	file_put(p, "control/sock", "letter", 6);
	d->loop = ev_loop_new(EVFLAG_AUTO);
	assert_int_equal(control_open(d, p->error), -ENOTSOCK);
	says(p->error, "is no socket; remove it");
	assert_int_equal(file_get(p, "control/sock", text, sizeof(text)), 6);
	/* A directory that cannot be made. */
	path_in(p, "control/sock/x", d->config.control_path);
	assert_true(control_open(d, p->error) < 0);
	says(p->error, "name another \"control\"");
	ev_loop_destroy(d->loop);
	world_free(w);
}

/* --- clients ------------------------------------------------------------------------------------ */

static void one_connection_may_ask_many_things(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = connected(d);

	for (unsigned i = 0; i < 50; i++)
		told(fd, STATUS "rubbish\n{\"request\": \"routes\"}\n", strlen(STATUS) + 8 + 22);
	assert_int_equal(heard(d, fd, big, sizeof(big), 150), 150);
	unsigned good = 0;
	for (const char *at = big; (at = strstr(at, "\"ok\":true")); at++)
		good++;
	assert_int_equal(good, 100);
	close(fd);
	unserved(w);
}

static void question_may_come_byte_by_byte(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = connected(d);

	for (const char *c = STATUS; *c; c++) {
		told(fd, c, 1);
		turns(d, 2);
	}
	assert_int_equal(heard(d, fd, big, sizeof(big), 1), 1);
	says(big, "\"verdict\":\"alone\"");
	close(fd);
	unserved(w);
}

static void line_without_end_is_answered_once_and_cut_off(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = connected(d);

	memset(big, 'x', CONTROL_LINE_MAX);
	told(fd, big, CONTROL_LINE_MAX);
	assert_int_equal(heard(d, fd, big, sizeof(big), 1), 1);
	says(big, "more than 4095 bytes");
	assert_true(is_closed(d, fd));
	close(fd);
	unserved(w);
}

static void client_that_leaves_in_the_middle_is_forgotten(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;

	for (unsigned i = 0; i < 10 * CONTROL_CLIENT_MAX; i++) {
		int fd = connected(d);

		assert_true(fd >= 0);
		if (i % 3 == 0)
			told(fd, STATUS, strlen(STATUS)); /* and never reads */
		else if (i % 3 == 1)
			told(fd, STATUS, 7);
		turns(d, 2);
		close(fd);
		turns(d, 2);
	}
	int fd = connected(d);
	told(fd, STATUS, strlen(STATUS));
	assert_int_equal(heard(d, fd, big, sizeof(big), 1), 1);
	says(big, "\"ok\":true");
	close(fd);
	unserved(w);
}

static void too_many_clients_are_told_so_and_the_others_go_on(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fds[CONTROL_CLIENT_MAX], extra;

	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++) {
		fds[i] = connected(d);
		turns(d, 2);
	}
	extra = connected(d);
	assert_int_equal(heard(d, extra, big, sizeof(big), 1), 1);
	says(big, "too many clients");
	assert_true(is_closed(d, extra));
	close(extra);
	told(fds[7], STATUS, strlen(STATUS));
	assert_int_equal(heard(d, fds[7], big, sizeof(big), 1), 1);
	says(big, "\"ok\":true");
	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++)
		close(fds[i]);
	turns(d, 5);
	extra = connected(d); /* there is room again */
	told(extra, STATUS, strlen(STATUS));
	assert_int_equal(heard(d, extra, big, sizeof(big), 1), 1);
	says(big, "\"ok\":true");
	close(extra);
	unserved(w);
}

/* Its answers fill the socket's buffer; the loop goes on for the others. */
static void client_that_does_not_read_stalls_nobody(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int stuck = connected(d), quick = connected(d);

	for (unsigned i = 0; i < 2000; i++) {
		if (send(stuck, STATUS, strlen(STATUS), MSG_NOSIGNAL) < 0)
			assert_int_equal(errno, EAGAIN);
		turns(d, 1);
	}
	told(quick, STATUS, strlen(STATUS));
	assert_int_equal(heard(d, quick, big, sizeof(big), 1), 1);
	says(big, "\"ok\":true");
	close(stuck);
	close(quick);
	turns(d, 3);
	unserved(w);
}

static void client_that_is_stuck_is_dropped_after_thirty_seconds(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int silent = connected(d), busy = connected(d);

	told(silent, STATUS, 7);
	for (unsigned i = 0; i < 29; i++) {
		turns(d, 3);
		ahead_s++;
	}
	told(busy, STATUS, strlen(STATUS));
	assert_int_equal(heard(d, busy, big, sizeof(big), 1), 1);
	assert_int_equal(recv(silent, big, 1, 0), -1); /* not yet */
	assert_int_equal(errno, EAGAIN);
	ahead_s += 2;
	turns(d, 3);
	assert_int_equal(recv(silent, big, 1, 0), 0);
	assert_int_equal(recv(busy, big, 1, 0), -1); /* it has moved */
	assert_int_equal(errno, EAGAIN);
	ahead_s += 30;
	turns(d, 3);
	assert_int_equal(recv(busy, big, 1, 0), 0);
	close(silent);
	close(busy);
	unserved(w);
}

static void without_descriptors_the_loop_does_not_spin(void **state)
{
	static const int shortages[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;

	for (size_t i = 0; i < sizeof(shortages) / sizeof(shortages[0]); i++) {
		int fd = connected(d); /* it waits in the backlog */

		accept_errno = shortages[i];
		accepts = 0;
		turns(d, 1000);
		assert_int_equal(accepts, 1);
		ahead_s++;
		turns(d, 1000); /* tried again, in vain */
		assert_int_equal(accepts, 2);
		accept_errno = 0;
		ahead_s++;
		told(fd, STATUS, strlen(STATUS));
		assert_int_equal(heard(d, fd, big, sizeof(big), 1), 1);
		close(fd);
		turns(d, 3);
	}
	accept_errno = EMFILE;
	int fd = connected(d);
	turns(d, 3);
	accept_errno = 0;
	unserved(w); /* also while it waits */
	close(fd);
	assert_int_equal(said(*state, "control-short"), 5); /* each shortage once */
}

static void client_that_gave_up_in_the_backlog_delays_nobody(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = connected(d);

	accept_errno = ECONNABORTED;
	turns(d, 1);
	accept_errno = 0;
	told(fd, STATUS, strlen(STATUS));
	assert_int_equal(heard(d, fd, big, sizeof(big), 1), 1);
	close(fd);
	unserved(w);
}

/* --- who follows the events ------------------------------------------------------------------------ */

#define FOLLOW "{\"request\": \"events\", \"follow\": true}\n"

static int follower(const struct daemon *d)
{
	int fd = connected(d);

	told(fd, FOLLOW, strlen(FOLLOW));
	assert_int_equal(heard(d, fd, big, sizeof(big), 1), 1);
	return fd;
}

static void who_follows_is_told_what_happens_and_nothing_from_before(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;

	daemon_say(d, "reload", "before");
	int fd = follower(d);
	assert_non_null(strstr(big, "\"ok\":true"));
	assert_null(strstr(big, "before"));
	daemon_say(d, "kernel-refused", "one");
	daemon_say(d, "reload", "two");
	assert_int_equal(heard(d, fd, big, sizeof(big), 2), 2);
	char *one = strstr(big, "\"grade\":\"error\",\"code\":\"kernel-refused\",\"text\":\"one\"}\n");
	assert_non_null(one);
	assert_non_null(strstr(one, "\"text\":\"two\""));
	close(fd);
	turns(d, 10);
	daemon_say(d, "reload", "nobody hears it");
	unserved(w);
}

static void who_names_a_number_is_told_all_from_there(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	uint64_t from = d->events.next;
	int fd = connected(d);
	char line[128];

	daemon_say(d, "reload", "first");
	daemon_say(d, "reload", "second");
	snprintf(line, sizeof(line), "{\"request\": \"events\", \"follow\": true, \"from\": %u}\n", (unsigned)from + 1);
	told(fd, line, strlen(line));
	assert_int_equal(heard(d, fd, big, sizeof(big), 1), 1);
	assert_null(strstr(big, "first"));
	assert_non_null(strstr(big, "second"));
	close(fd);
	unserved(w);
}

static void who_follows_and_is_told_nothing_for_long_stays(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = follower(d);

	turns(d, 3);
	ahead_s = 3600;
	turns(d, 10);
	daemon_say(d, "reload", "still here");
	assert_int_equal(heard(d, fd, big, sizeof(big), 1), 1);
	ahead_s = 0;
	close(fd);
	unserved(w);
}

static void who_follows_and_does_not_read_loses_events_and_is_told_how_many(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = follower(d);
	unsigned lines = 0;

	d->log.is_verbose = true; /* no event is held back for being one of many */
	for (unsigned i = 0; i < 20000; i++) {
		daemon_say(d, "reload", "number %u", i);
		turns(d, 1);
	}
	/* All that was in the socket, what was lost, and the last ones. */
	while (heard(d, fd, big, sizeof(big), 1) && !strstr(big, "number 19999"))
		lines += strstr(big, "{\"lost\":") != NULL;
	assert_non_null(strstr(big, "number 19999"));
	assert_true(lines == 1 || strstr(big, "{\"lost\":"));
	close(fd);
	unserved(w);
}

static void who_follows_and_goes_on_asking_is_cut_off(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = follower(d);

	told(fd, STATUS, strlen(STATUS));
	assert_true(is_closed(d, fd));
	close(fd);
	unserved(w);
}

static void followers_leave_room_for_who_asks(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fds[CONTROL_CLIENT_MAX / 2 + 1], asking;

	for (unsigned i = 0; i < CONTROL_CLIENT_MAX / 2 + 1; i++)
		fds[i] = follower(d);
	assert_non_null(strstr(big, "too many follow"));
	asking = connected(d);
	told(asking, STATUS, strlen(STATUS));
	assert_int_equal(heard(d, asking, big, sizeof(big), 1), 1);
	assert_non_null(strstr(big, "\"verdict\""));
	close(asking);
	for (unsigned i = 0; i < CONTROL_CLIENT_MAX / 2 + 1; i++)
		close(fds[i]);
	unserved(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(socket_is_for_owner_and_group_only),
		TEST(socket_goes_with_the_daemon),
		TEST(socket_left_by_kill_is_replaced),
		TEST(live_socket_is_refused_and_left_alone),
		TEST(what_is_no_socket_is_not_removed),
		TEST(one_connection_may_ask_many_things),
		TEST(question_may_come_byte_by_byte),
		TEST(line_without_end_is_answered_once_and_cut_off),
		TEST(client_that_leaves_in_the_middle_is_forgotten),
		TEST(too_many_clients_are_told_so_and_the_others_go_on),
		TEST(client_that_does_not_read_stalls_nobody),
		TEST(client_that_is_stuck_is_dropped_after_thirty_seconds),
		TEST(without_descriptors_the_loop_does_not_spin),
		TEST(client_that_gave_up_in_the_backlog_delays_nobody),
		TEST(who_follows_is_told_what_happens_and_nothing_from_before),
		TEST(who_names_a_number_is_told_all_from_there),
		TEST(who_follows_and_is_told_nothing_for_long_stays),
		TEST(who_follows_and_does_not_read_loses_events_and_is_told_how_many),
		TEST(who_follows_and_goes_on_asking_is_cut_off),
		TEST(followers_leave_room_for_who_asks),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
