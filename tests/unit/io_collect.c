/*
 * Members that are slow or hostile at the sockets of the logs, on both sides: who asks this
 * node, and whom it asks. Sockets of this machine stand in for those of the mesh
 * (meshd/io/collect_socket.c); who is at the far end is told beside. Time is handed in.
 */
#include "tests/unit/io_world.h"

#include "meshd/io/collect.h"

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* --- sockets instead of those of the mesh -------------------------------------------------------- */

#define COME_MAX 512

static struct {
	int listener, door; /* the node's own; of who is asked by it */
	struct sockaddr_in address, door_address;
	struct address come[COME_MAX]; /* who comes, one after the other */
	unsigned comes, came;
	int accept_error; /* once */
	bool is_stuck; /* whom it asks never lets it in */
	unsigned connects;
} net;

static int inet_listen(struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(listen(fd, 512), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

int collect_listen(const struct daemon *d, int backlog)
{
	(void)d, (void)backlog;
	return net.listener = inet_listen(&net.address);
}

int collect_accept(int listener, struct address *from)
{
	const int small = 4096; /* what the kernel takes for who does not read is not what is looked at */
	int fd = net.accept_error ? net.accept_error : accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	net.accept_error = 0;
	if (fd < 0)
		return fd == -1 ? -errno : fd;
	assert_true(net.came < net.comes);
	*from = net.come[net.came++];
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	return fd;
}

/* Takes no more: it never becomes writable. */
static int stuck_socket(void)
{
	static const char rubbish[4096];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	while (send(ends[0], rubbish, sizeof(rubbish), MSG_DONTWAIT) > 0)
		;
	net.door = ends[1];
	return ends[0];
}

int collect_connect(const struct daemon *d, const struct address *to)
{
	(void)d, (void)to;
	net.connects++;
	if (net.is_stuck)
		return stuck_socket();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(connect(fd, (struct sockaddr *)&net.door_address, sizeof(net.door_address)) == 0 ||
		    errno == EINPROGRESS);
	return fd;
}

/* --- the car, which shares its log ------------------------------------------------------------------ */

#define LOG_RUNS 8 /* and more than an answer holds */
#define LOG_RUN_BYTES 40000

static void log_fill(const struct daemon *d)
{
	static const struct incident_limits limits = { INCIDENT_ENTRIES_MAX, INCIDENT_BYTES_MAX };
	const struct incident_signer signer = { &d->enrolment.identity, d->enrolment.authority.deployment };
	struct incident_store *s;
	char error[IO_ERROR_MAX], *body = malloc(LOG_RUN_BYTES + 200);
	bool was_bad;

	assert_int_equal(incident_store_open(&s, d->config.state_dir, &signer, &limits, &was_bad, error), 0);
	for (int i = 0; i < LOG_RUNS; i++) {
		int len = snprintf(body, LOG_RUN_BYTES + 200,
			"{\"process\":\"aa\",\"entries\":[{\"at\":1,\"date\":%d,\"code\":\"x\",\"text\":\"%0*d\"}]}", i,
			LOG_RUN_BYTES, 7);

		assert_int_equal(incident_store_append(s, bytes_of(body, (size_t)len), 1, error), 0);
	}
	incident_store_close(s);
	free(body);
}

static void thread_has_done(struct ev_loop *loop, ev_async *async, int events)
{
	(void)loop, (void)events;
	incidents_written(async->data, io_now_us());
}

static struct world *shared(struct place *p)
{
	struct world *w = world_new(p);
	struct daemon *d = w->members[CAR].d;

	memset(&net, 0, sizeof(net));
	net.listener = net.door = -1;
	world_run(w, 10 * SECOND_US);
	mkdir(d->config.state_dir, 0700);
	log_fill(d);
	d->loop = ev_loop_new(EVFLAG_AUTO);
	ev_async_init(&d->written, thread_has_done);
	d->written.data = d;
	ev_async_start(d->loop, &d->written);
	d->config.shares_log = true;
	incidents_open(d);
	collect_open(d);
	assert_non_null(d->collect);
	collect_server_tick(d, io_now_us());
	assert_true(net.listener >= 0);
	for (unsigned i = 0; i < 10000 && !d->collect->is_summed; i++) { /* the thread has its files open */
		ev_run(d->loop, EVRUN_NOWAIT);
		usleep(500);
	}
	assert_true(d->collect->is_summed);
	return w;
}

static void unshared(struct world *w)
{
	struct daemon *d = w->members[CAR].d;

	collect_close(d);
	incidents_close(d);
	ev_loop_destroy(d->loop);
	if (net.door >= 0)
		close(net.door);
	world_free(w);
}

static void turns(const struct daemon *d, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ev_run(d->loop, EVRUN_NOWAIT);
}

static unsigned readies;

static void readies_count(struct ev_loop *loop)
{
	readies += ev_pending_count(loop);
	ev_invoke_pending(loop);
}

/* Nothing is ready: the loop would sleep, whatever somebody at the far end leaves undone. */
static void loop_sleeps(const struct daemon *d)
{
	turns(d, 3);
	ev_set_invoke_pending_cb(d->loop, readies_count);
	readies = 0;
	turns(d, 10);
	ev_set_invoke_pending_cb(d->loop, ev_invoke_pending);
	assert_int_equal(readies, 0);
}

/* The thread does its work meanwhile. */
#define TURN_UNTIL(d, condition)                                                                                       \
	for (unsigned turn_ = 0; !(condition); turn_++) {                                                              \
		assert_true(turn_ < 10000);                                                                            \
		turns((d), 1);                                                                                         \
		usleep(500);                                                                                           \
	}

static unsigned descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(all))
		count++;
	closedir(all);
	return count;
}

/* --- who asks ------------------------------------------------------------------------------------------ */

static struct address own_of(const struct world *w, enum member_name member)
{
	return node_address(w->members[member].d->node);
}

/* Somebody at this address connects. */
static int visit(const struct address *from)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_in_range(net.comes, 0, COME_MAX - 1);
	net.come[net.comes++] = *from;
	assert_true(connect(fd, (struct sockaddr *)&net.address, sizeof(net.address)) == 0 || errno == EINPROGRESS);
	return fd;
}

/* A member that was never heard, with an address of its own. */
static struct address stranger_introduce(struct world *w, const char *name)
{
	struct enrolment e;

	member_make(&e, &w->authority, name, LEVEL_SCENE);
	assert_int_equal(member_introduce(w->members[CAR].d->node, &e.certificate), 0);
	return identity_address(&e.certificate.key, w->authority.public.deployment);
}

static unsigned visitors(const struct daemon *d)
{
	unsigned count = 0;

	for (unsigned i = 0; i < COLLECT_SERVED_MAX; i++)
		count += d->collect->server.visitors[i].state != VISITOR_FREE;
	return count;
}

/* The far end has closed; what it said before is read and forgotten. */
static bool is_over(int fd)
{
	char some[65536];
	ssize_t got;

	while ((got = recv(fd, some, sizeof(some), MSG_DONTWAIT)) > 0)
		;
	return got == 0 || errno == ECONNRESET;
}

static void request_send(int fd, uint64_t from)
{
	uint8_t request[EXCHANGE_REQUEST_LEN];

	exchange_request_write(request, from);
	assert_int_equal(send(fd, request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
}

/* So much later, who was here just now may come again. */
static void recent_forget(struct daemon *d)
{
	for (unsigned i = 0; i < COLLECT_RECENT_MAX; i++)
		if (d->collect->server.recent[i].at_us)
			d->collect->server.recent[i].at_us -= 3 * SECOND_US;
}

/* All of an answer: what comes until the end. */
static size_t answer_receive(struct daemon *d, int fd)
{
	static char answer[EXCHANGE_ANSWER_MAX + 1];
	size_t len = 0;
	ssize_t got = -1;

	TURN_UNTIL(d, ({
		while ((got = recv(fd, answer + len, sizeof(answer) - len, MSG_DONTWAIT)) > 0)
			len += (size_t)got;
		got == 0;
	}));
	struct reader r = reader_of(bytes_of(answer, len));
	assert_int_equal(exchange_head_read(&r), 0);
	return len;
}

static void who_asks_gets_the_log(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY);
	int fd = visit(&relay);

	request_send(fd, 1);
	assert_in_range(answer_receive(d, fd), 5 * LOG_RUN_BYTES, EXCHANGE_ANSWER_MAX);
	assert_int_equal(d->collect->server.given, 1);
	assert_int_equal(visitors(d), 0);
	close(fd);
	unshared(w);
}

static void who_says_nothing_is_sent_away_after_twenty_seconds(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY);
	int fd = visit(&relay);

	TURN_UNTIL(d, visitors(d) == 1);
	uint64_t since_us = io_now_us();
	loop_sleeps(d);
	collect_server_tick(d, since_us + 19 * SECOND_US);
	assert_false(is_over(fd));
	collect_server_tick(d, since_us + 21 * SECOND_US);
	assert_int_equal(visitors(d), 0);
	assert_true(is_over(fd));
	close(fd);
	unshared(w);
}

static void a_byte_now_and_then_wins_no_time(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY);
	uint8_t request[EXCHANGE_REQUEST_LEN];
	int fd = visit(&relay);

	exchange_request_write(request, 1);
	TURN_UNTIL(d, visitors(d) == 1);
	uint64_t since_us = io_now_us();
	for (unsigned i = 0; i + 1 < sizeof(request); i++) {
		assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
		TURN_UNTIL(d, d->collect->server.visitors[0].at == i + 1);
		collect_server_tick(d, since_us + (i + 1) * SECOND_US);
		assert_int_equal(visitors(d), 1);
	}
	loop_sleeps(d);
	collect_server_tick(d, since_us + 21 * SECOND_US);
	assert_true(is_over(fd));
	close(fd);
	unshared(w);
}

static void who_never_reads_has_one_answer_for_two_minutes(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY);
	const int small = 2048;
	int fd = visit(&relay);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	request_send(fd, 1);
	TURN_UNTIL(d, d->collect->server.visitors[0].state == VISITOR_TAKES);
	TURN_UNTIL(d, d->collect->server.visitors[0].at > 0);
	uint64_t since_us = io_now_us();
	loop_sleeps(d);
	const struct collect_visitor *v = &d->collect->server.visitors[0];
	assert_true(v->at < v->len && v->len <= EXCHANGE_ANSWER_MAX);
	collect_server_tick(d, since_us + 119 * SECOND_US);
	assert_int_equal(visitors(d), 1);
	collect_server_tick(d, since_us + 121 * SECOND_US);
	assert_int_equal(visitors(d), 0);
	assert_null(v->answer);
	assert_int_equal(d->collect->server.given, 0);
	close(fd);
	unshared(w);
}

/* And who goes away meanwhile is no signal, and no place. */
static void who_goes_away_leaves_nothing(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY);
	const struct linger at_once = { .l_onoff = 1 };
	unsigned before = descriptors();

	for (unsigned round = 0; round < 3; round++) {
		int fd = visit(&relay);

		TURN_UNTIL(d, visitors(d) == 1);
		if (round) /* its answer is under way, or being fetched */
			request_send(fd, 1);
		if (round == 2)
			TURN_UNTIL(d, d->collect->server.visitors[0].at > 0);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
		TURN_UNTIL(d, visitors(d) == 0);
		recent_forget(d);
	}
	assert_int_equal(descriptors(), before);
	unshared(w);
}

static void rubbish_ends_a_visit_and_a_number_beyond_all_is_one(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY);
	static char rubbish[1 << 16];
	int fd = visit(&relay);

	memset(rubbish, 0xff, sizeof(rubbish));
	assert_true(send(fd, rubbish, sizeof(rubbish), MSG_NOSIGNAL) > 0);
	TURN_UNTIL(d, is_over(fd));
	assert_int_equal(visitors(d), 0);
	close(fd);
	recent_forget(d);
	fd = visit(&relay);
	request_send(fd, UINT64_MAX);
	TURN_UNTIL(d, is_over(fd));
	assert_int_equal(visitors(d), 0);
	close(fd);
	recent_forget(d);
	fd = visit(&relay);
	request_send(fd, INT64_MAX);
	assert_int_equal(answer_receive(d, fd), EXCHANGE_HEAD_LEN + EXCHANGE_END_LEN); /* nothing is that new */
	close(fd);
	unshared(w);
}

/* All four places are held by who says nothing: a fifth has one when their time is over. */
static void four_are_served_and_the_fifth_when_one_of_them_is_over(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY);
	int silent[COLLECT_SERVED_MAX];

	for (unsigned i = 0; i < COLLECT_SERVED_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "silent-%u", i);
		struct address from = stranger_introduce(w, name);
		silent[i] = visit(&from);
	}
	TURN_UNTIL(d, visitors(d) == COLLECT_SERVED_MAX);
	uint64_t since_us = io_now_us();
	int fd = visit(&relay);
	TURN_UNTIL(d, is_over(fd));
	close(fd);
	loop_sleeps(d);
	collect_server_tick(d, since_us + 21 * SECOND_US);
	fd = visit(&relay);
	request_send(fd, 1);
	assert_true(answer_receive(d, fd) > LOG_RUN_BYTES);
	close(fd);
	for (unsigned i = 0; i < COLLECT_SERVED_MAX; i++)
		close(silent[i]);
	unshared(w);
}

/* Nor can one member have more than one of them: what it began last counts, for the other may be cut off. */
static void one_member_has_one_place(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY), city = own_of(w, CITY);
	int hog[2 * COLLECT_SERVED_MAX];

	for (unsigned i = 0; i < 2 * COLLECT_SERVED_MAX; i++) {
		hog[i] = visit(&relay);
		TURN_UNTIL(d, net.came == net.comes);
		turns(d, 2);
		recent_forget(d);
		assert_int_equal(visitors(d), 1);
	}
	assert_true(is_over(hog[0]));
	int fd = visit(&city);
	request_send(fd, 1);
	assert_true(answer_receive(d, fd) > LOG_RUN_BYTES);
	close(fd);
	request_send(hog[2 * COLLECT_SERVED_MAX - 1], 1); /* the last one is heard */
	assert_true(answer_receive(d, hog[2 * COLLECT_SERVED_MAX - 1]) > LOG_RUN_BYTES);
	for (unsigned i = 0; i < 2 * COLLECT_SERVED_MAX; i++)
		close(hog[i]);
	unshared(w);
}

static void a_crowd_at_the_door_costs_no_more_than_the_door(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY), foreign = { .family = relay.family, .bytes = { 0xfd, 1 } };
	int crowd[200];

	for (unsigned i = 0; i < 200; i++)
		crowd[i] = visit(i % 2 ? &relay : &foreign);
	unsigned before = descriptors();
	TURN_UNTIL(d, net.came == 200);
	loop_sleeps(d);
	assert_int_equal(visitors(d), 1); /* once in two seconds, and never who is no member */
	assert_int_equal(descriptors(), before + 1);
	for (unsigned i = 0; i < 200; i++)
		close(crowd[i]);
	unshared(w);
}

/* Without descriptors the listener would be ready again and again. */
static void without_descriptors_the_door_is_closed_until_the_next_tick(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	struct address relay = own_of(w, RELAY);
	int fd = visit(&relay);

	net.accept_error = -EMFILE;
	net.comes = 0;
	TURN_UNTIL(d, d->collect->server.fd < 0);
	loop_sleeps(d);
	close(fd);
	collect_server_tick(d, io_now_us());
	fd = visit(&relay);
	request_send(fd, 1);
	assert_true(answer_receive(d, fd) > LOG_RUN_BYTES);
	close(fd);
	unshared(w);
}

/* --- whom it asks --------------------------------------------------------------------------------------- */

/* Somebody is asked, and the far end of that connection is here. */
static int question_take(struct daemon *d)
{
	uint64_t now_us = io_now_us();
	int fd = -1;

	net.door = inet_listen(&net.door_address);
	for (unsigned s = 0; s < 60 && d->collect->question.state == QUESTION_NONE; s++)
		collect_tick(d, now_us + s * SECOND_US);
	TURN_UNTIL(d, (fd = accept4(net.door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
	TURN_UNTIL(d, d->collect->question.state == QUESTION_HEARS);
	return fd;
}

static const struct gather_peer *asked_of(const struct daemon *d)
{
	const struct gather *g = &d->collect->gather;

	return &g->peers[g->asked];
}

/* Nothing of it is left, and it is not asked again at once. */
static void question_is_over(struct daemon *d, const struct gather_peer *peer)
{
	const struct collect_question *q = &d->collect->question;

	TURN_UNTIL(d, q->state == QUESTION_NONE);
	assert_null(q->answer);
	assert_int_equal(q->fd, -1);
	assert_int_equal(peer->failures, 1);
	assert_true(peer->due_us - peer->asked_us >= GATHER_LEAST_US);
	assert_int_equal(d->collect->runs, 0);
	assert_int_equal(d->collect->sum.members, 0);
}

static void whom_it_asks_may_take_two_minutes_and_no_longer(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = question_take(d);
	const struct gather_peer *peer = asked_of(d);
	uint64_t since_us = d->collect->question.since_us;

	/* A byte a second. */
	for (unsigned s = 1; s < 120; s++) {
		assert_int_equal(send(fd, "m", 1, MSG_NOSIGNAL), 1);
		TURN_UNTIL(d, d->collect->question.len == s);
		collect_tick(d, since_us + s * SECOND_US);
		assert_int_equal(d->collect->question.state, QUESTION_HEARS);
	}
	loop_sleeps(d);
	collect_tick(d, since_us + 121 * SECOND_US);
	question_is_over(d, peer);
	assert_true(is_over(fd));
	assert_int_equal(net.connects, 1);
	close(fd);
	unshared(w);
}

static void who_says_nothing_to_a_question_is_given_up(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = question_take(d);
	const struct gather_peer *peer = asked_of(d);

	loop_sleeps(d);
	collect_tick(d, d->collect->question.since_us + 121 * SECOND_US);
	question_is_over(d, peer);
	close(fd);
	unshared(w);
}

static void who_never_lets_it_in_is_given_up_after_twenty_seconds(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	uint64_t now_us = io_now_us();

	net.is_stuck = true;
	for (unsigned s = 0; s < 60 && d->collect->question.state == QUESTION_NONE; s++)
		collect_tick(d, now_us + s * SECOND_US);
	TURN_UNTIL(d, d->collect->question.state == QUESTION_ASKS);
	const struct gather_peer *peer = asked_of(d);
	loop_sleeps(d);
	collect_tick(d, d->collect->question.since_us + 19 * SECOND_US);
	assert_int_equal(d->collect->question.state, QUESTION_ASKS);
	collect_tick(d, d->collect->question.since_us + 21 * SECOND_US);
	question_is_over(d, peer);
	unshared(w);
}

/* More than any answer holds: what is above it is not read, and a turn of the loop takes no more than is there. */
static void who_never_ends_is_heard_up_to_the_length_of_an_answer(void **state)
{
	struct world *w = shared(*state);
	struct daemon *d = w->members[CAR].d;
	static char much[1 << 16];
	int fd = question_take(d);
	const struct gather_peer *peer = asked_of(d);
	size_t sent = 0;

	TURN_UNTIL(d, ({
		ssize_t put = send(fd, much, sizeof(much), MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += put > 0 ? (size_t)put : 0;
		assert_true(d->collect->question.len <= EXCHANGE_ANSWER_MAX);
		d->collect->question.state != QUESTION_HEARS;
	}));
	assert_true(sent >= EXCHANGE_ANSWER_MAX);
	question_is_over(d, peer);
	close(fd);
	unshared(w);
}

/* A run of four gigabytes, of which some bytes come: no room is made for what is said to come. */
static void huge_lengths_are_not_believed(void **state)
{
	static const uint32_t lengths[] = { UINT32_MAX, EXCHANGE_BODY_MAX + 1, EXCHANGE_BODY_MAX, 1 << 20 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct world *w = shared(*state);
		struct daemon *d = w->members[CAR].d;
		uint8_t answer[EXCHANGE_HEAD_LEN + EXCHANGE_RUN_HEAD + 100] = { 0 };
		struct writer out = writer_of(answer, sizeof(answer));
		int fd = question_take(d);
		const struct gather_peer *peer = asked_of(d);

		exchange_head_write(&out);
		write_u64(&out, 1);
		write_u32(&out, lengths[i]);
		assert_int_equal(send(fd, answer, sizeof(answer), MSG_NOSIGNAL), sizeof(answer));
		close(fd);
		question_is_over(d, peer);
		unshared(w);
		assert_int_equal(place_leave(state), 0);
		assert_int_equal(place_enter(state), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_asks_gets_the_log),
		TEST(who_says_nothing_is_sent_away_after_twenty_seconds),
		TEST(a_byte_now_and_then_wins_no_time),
		TEST(who_never_reads_has_one_answer_for_two_minutes),
		TEST(who_goes_away_leaves_nothing),
		TEST(rubbish_ends_a_visit_and_a_number_beyond_all_is_one),
		TEST(four_are_served_and_the_fifth_when_one_of_them_is_over),
		TEST(one_member_has_one_place),
		TEST(a_crowd_at_the_door_costs_no_more_than_the_door),
		TEST(without_descriptors_the_door_is_closed_until_the_next_tick),
		TEST(whom_it_asks_may_take_two_minutes_and_no_longer),
		TEST(who_says_nothing_to_a_question_is_given_up),
		TEST(who_never_lets_it_in_is_given_up_after_twenty_seconds),
		TEST(who_never_ends_is_heard_up_to_the_length_of_an_answer),
		TEST(huge_lengths_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
