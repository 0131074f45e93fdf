/* The page's server: codes and tokens, who reads the stream, and visitors who are slow, many or gone. */
#include "tests/unit/io_world.h"

#include "meshd/io/page.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

static time_t ahead_s; /* of the clock, as everybody reads it */

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *now)
{
	int code = (int)syscall(SYS_clock_gettime, id, now);

	now->tv_sec += ahead_s;
	return code;
}

/* --- a served page --------------------------------------------------------------------------- */

static unsigned free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static struct daemon *served(struct place *p, struct world **w)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };

	*w = world_new(p);
	world_run(*w, 20 * SECOND_US);
	struct daemon *d = (*w)->members[CAR].d;
	d->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(d->loop);
	d->config.page = (struct config_page){ .place_count = 1, .has_pairing = true };
	d->config.page.places[0] =
		(struct config_page_place){ .address = address_ipv4(loopback), .port = (uint16_t)free_port() };
	assert_int_equal(page_open(d, p->error), 0);
	assert_true(d->page->places[0].fd >= 0);
	return d;
}

static void unserved(struct world *w, struct daemon *d)
{
	page_close(d);
	ev_loop_destroy(d->loop);
	world_free(w);
}

static int connected(const struct daemon *d, int room)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(d->config.page.places[0].port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (room)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void asks(int fd, const char *request)
{
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
}

static void turns(struct daemon *d, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ev_run(d->loop, EVRUN_NOWAIT);
}

/* What has come until all of `last` has, at most for so long as one may wait; false: it has not. */
static bool hears(struct daemon *d, int fd, char *text, size_t size, const char *last)
{
	size_t len = 0;

	for (unsigned i = 0; i < 2000; i++) {
		ev_run(d->loop, EVRUN_NOWAIT);
		ssize_t got = recv(fd, text + len, size - 1 - len, MSG_DONTWAIT);
		len += got > 0 ? (size_t)got : 0;
		text[len] = 0;
		if (strstr(text, last))
			return true;
		if (got == 0)
			return false;
		usleep(1000);
	}
	return false;
}

static bool is_ended(struct daemon *d, int fd)
{
	char text[4096];

	for (unsigned i = 0; i < 200; i++) {
		ev_run(d->loop, EVRUN_NOWAIT);
		ssize_t got = recv(fd, text, sizeof(text), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return true;
		usleep(got > 0 ? 0 : 1000);
	}
	return false;
}

/* --- pairing ---------------------------------------------------------------------------------- */

static struct page pairing_page;

static struct page *unpaired(void)
{
	pairing_page = (struct page){ 0 };
	return &pairing_page;
}

static void a_code_is_good_once_and_its_token_until_it_is_given_back(void **state)
{
	struct page *page = unpaired();
	char code[PAGE_CODE_LEN + 1], token[2 * PAGE_TOKEN_LEN + 1];
	unsigned valid_s;

	(void)state;
	assert_int_equal(page_pair(page, 1, "", token), -ENOENT); /* nobody has asked for a code */
	strcpy(code, page_code_new(page, 1, &valid_s));
	assert_int_equal(strlen(code), PAGE_CODE_LEN);
	assert_int_equal(page_pair(page, 2, code, token), 0);
	assert_int_equal(page_pair(page, 3, code, token), -ENOENT);
	assert_true(page_is_paired(page, 4, token));
	assert_false(page_is_paired(page, 4, ""));
	token[0] ^= 1;
	assert_false(page_is_paired(page, 4, token));
	token[0] ^= 1;
	page_unpair(page, token);
	assert_false(page_is_paired(page, 5, token));
}

static void five_wrong_guesses_end_a_code(void **state)
{
	struct page *page = unpaired();
	char code[PAGE_CODE_LEN + 1], wrong[PAGE_CODE_LEN + 1], token[2 * PAGE_TOKEN_LEN + 1];
	unsigned valid_s;

	(void)state;
	strcpy(code, page_code_new(page, 1, &valid_s));
	strcpy(wrong, code);
	wrong[5] = wrong[5] == '9' ? '0' : (char)(wrong[5] + 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(page_pair(page, 2, wrong, token), -EACCES);
	assert_int_equal(page_pair(page, 2, wrong, token), -ENOENT);
	assert_int_equal(page_pair(page, 2, code, token), -ENOENT);
}

static void codes_and_tokens_end_by_themselves(void **state)
{
	struct page *page = unpaired();
	char code[PAGE_CODE_LEN + 1], token[2 * PAGE_TOKEN_LEN + 1];
	unsigned valid_s;

	(void)state;
	strcpy(code, page_code_new(page, 1, &valid_s));
	assert_int_equal(page_pair(page, 2 + valid_s * SECOND_US, code, token), -ENOENT);
	strcpy(code, page_code_new(page, 1, &valid_s));
	assert_int_equal(page_pair(page, 1, code, token), 0);
	assert_true(page_is_paired(page, 11 * 3600 * SECOND_US, token));
	assert_false(page_is_paired(page, 13 * 3600 * SECOND_US, token));
}

static void one_browser_too_many_takes_the_place_of_the_oldest(void **state)
{
	struct page *page = unpaired();
	char tokens[PAGE_TOKENS_MAX + 1][2 * PAGE_TOKEN_LEN + 1];
	unsigned valid_s;

	(void)state;
	for (unsigned i = 0; i <= PAGE_TOKENS_MAX; i++) {
		char code[PAGE_CODE_LEN + 1];

		strcpy(code, page_code_new(page, i + 1, &valid_s));
		assert_int_equal(page_pair(page, i + 1, code, tokens[i]), 0);
	}
	assert_false(page_is_paired(page, 100, tokens[0]));
	for (unsigned i = 1; i <= PAGE_TOKENS_MAX; i++)
		assert_true(page_is_paired(page, 100, tokens[i]));
}

/* --- readers -------------------------------------------------------------------------------------- */

#define STREAM "GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

static void who_reads_is_told_every_topic_and_then_what_happens(void **state)
{
	static char text[65536];
	struct world *w;
	struct daemon *d = served(*state, &w);
	int fd = connected(d, 0);

	asks(fd, STREAM);
	assert_true(hears(d, fd, text, sizeof(text), "event: events"));
	assert_non_null(strstr(text, "text/event-stream"));
	assert_non_null(strstr(text, "Content-Security-Policy: default-src 'none'"));
	for (unsigned i = 0; i < TOPICS; i++) {
		char event[32];

		snprintf(event, sizeof(event), "event: %s\ndata: {\"ok\":true", page_topic_name((enum page_topic)i));
		assert_non_null(strstr(text, event));
	}
	says(text, "\"name\":\"relay\"");
	daemon_say(d, "started", "something else");
	assert_true(hears(d, fd, text, sizeof(text), "something else"));
	assert_int_equal(d->page->readers, 1);
	close(fd);
	ahead_s += 20; /* the next thing that is said finds him gone */
	for (unsigned i = 0; i < 500 && d->page->readers; i++) {
		turns(d, 1);
		usleep(1000);
	}
	assert_int_equal(d->page->readers, 0);
	unserved(w, d);
}

static void there_is_a_place_for_who_asks_beside_all_who_read(void **state)
{
	static char text[65536];
	struct world *w;
	struct daemon *d = served(*state, &w);
	int fds[PAGE_READERS_MAX];

	for (unsigned i = 0; i < PAGE_READERS_MAX; i++) {
		fds[i] = connected(d, 0);
		asks(fds[i], STREAM);
		turns(d, 4);
	}
	for (unsigned i = 0; i < PAGE_READERS_MAX; i++)
		assert_true(hears(d, fds[i], text, sizeof(text), "event: status"));
	assert_int_equal(d->page->readers, PAGE_READERS_MAX);
	int fd = connected(d, 0);
	asks(fd, STREAM);
	assert_true(hears(d, fd, text, sizeof(text), "too many read this page"));
	says(text, "503");
	asks(fd, "GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(hears(d, fd, text, sizeof(text), "\"verdict\""));
	close(fd);
	page_close(d); /* in the midst of it */
	for (unsigned i = 0; i < PAGE_READERS_MAX; i++)
		close(fds[i]);
	unserved(w, d);
}

static void who_never_reads_holds_nothing_for_long(void **state)
{
	struct world *w;
	struct daemon *d = served(*state, &w);
	int fd = connected(d, 2048);
	unsigned i;

	asks(fd, STREAM);
	for (i = 0; i < 100 && !d->page->readers; i++)
		turns(d, 1);
	assert_int_equal(d->page->readers, 1);
	for (i = 0; i < 2000 && d->page->readers; i++) {
		ahead_s += i % 4 == 0;
		turns(d, 3);
		page_tick(d, io_now_us());
		usleep(200);
	}
	assert_int_equal(d->page->readers, 0);
	close(fd);
	unserved(w, d);
}

/* --- the rest of the crowd ---------------------------------------------------------------------------- */

static void a_request_that_takes_too_long_is_ended_however_busy_it_is(void **state)
{
	struct world *w;
	struct daemon *d = served(*state, &w);
	int fd = connected(d, 0);

	asks(fd, "GET / HTTP/1.1\r\n");
	for (unsigned i = 0; i < 10; i++) {
		turns(d, 4);
		asks(fd, "X-More: a\r\n");
		ahead_s += 1;
		page_tick(d, io_now_us());
	}
	turns(d, 4);
	ahead_s += 1;
	page_tick(d, io_now_us());
	assert_true(is_ended(d, fd));
	close(fd);
	unserved(w, d);
}

static void a_body_that_comes_byte_by_byte_is_not_waited_for(void **state)
{
	struct world *w;
	struct daemon *d = served(*state, &w);
	int fd = connected(d, 0);

	asks(fd, "POST /api/pair HTTP/1.1\r\nHost: car\r\nContent-Type: application/json\r\n"
		 "Content-Length: 900\r\n\r\n");
	for (unsigned i = 0; i < 11; i++) {
		turns(d, 4);
		asks(fd, " ");
		ahead_s += 1;
		page_tick(d, io_now_us());
	}
	assert_true(is_ended(d, fd));
	close(fd);
	unserved(w, d);
}

/* He takes a little from time to time, so that the connection is never idle. */
static void a_text_is_taken_within_half_a_minute(void **state)
{
	static char text[65536];
	struct world *w;
	struct daemon *d = served(*state, &w);
	struct page_visitor *v = &d->page->visitors[0];
	int fd = connected(d, 0);

	asks(fd, STREAM);
	assert_true(hears(d, fd, text, sizeof(text), "event: events"));
	assert_int_equal(v->state, VISITOR_READS);
	v->text = d->page->hello;
	v->text->holders++;
	v->text_us = io_now_us();
	page_tick(d, v->text_us + PAGE_TEXT_US - SECOND_US);
	assert_int_equal(v->state, VISITOR_READS);
	page_tick(d, v->text_us + PAGE_TEXT_US + SECOND_US);
	assert_true(is_ended(d, fd));
	close(fd);
	unserved(w, d);
}

static void one_address_cannot_take_every_place(void **state)
{
	struct world *w;
	struct daemon *d = served(*state, &w);
	char text[4096];
	int fds[160];

	for (unsigned i = 0; i < 160; i++) {
		fds[i] = connected(d, 0);
		turns(d, 2);
	}
	int fd = connected(d, 0);
	assert_true(hears(d, fd, text, sizeof(text), "too many read this page"));
	says(text, "HTTP/1.1 503");
	assert_true(is_ended(d, fd));
	close(fd);
	close(fds[0]);
	turns(d, 10);
	fd = connected(d, 0);
	asks(fd, "GET /api/status HTTP/1.1\r\n\r\n");
	assert_true(hears(d, fd, text, sizeof(text), "\"verdict\""));
	close(fd);
	for (unsigned i = 1; i < 160; i++)
		close(fds[i]);
	unserved(w, d);
}

static void what_is_not_understood_is_refused_in_a_sentence(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "not known by that name" },
		{ "GET /../etc/passwd HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "no such page" },
		{ "GET /api/status HTTP/1.1\r\nHost: CAR.local:80\r\n\r\n", "\"verdict\"" },
		{ "GET /api/status HTTP/1.1\r\nHost: car.evil.example\r\n\r\n", "not known by that name" },
		{ "PUT / HTTP/1.1\r\nHost: car\r\n\r\n", "only GET and POST" },
		{ "POST /api/silence HTTP/1.1\r\nHost: car\r\nContent-Type: application/json\r\n"
		  "Content-Length: 2\r\n\r\n{}",
			"not paired" },
		{ "POST /api/pair HTTP/1.1\r\nHost: car\r\nOrigin: http://evil.example\r\nContent-Length: 2\r\n\r\n{}",
			"another site" },
		{ "POST /api/pair HTTP/1.1\r\nHost: car\r\nContent-Length: 2\r\n\r\n{}", "send JSON" },
		{ "POST /api/pair HTTP/1.1\r\nHost: car\r\nContent-Type: application/json\r\n"
		  "Content-Length: 2\r\n\r\n[}",
			"not a JSON object" },
		{ "POST /api/pair HTTP/1.1\r\nHost: car\r\nContent-Type: application/json\r\n"
		  "Content-Length: 2\r\n\r\n{}",
			"ask for one on the node" },
	};
	struct world *w;
	struct daemon *d = served(*state, &w);
	char text[8192], much[2200];
	int head = snprintf(much, sizeof(much),
		"POST /api/pair HTTP/1.1\r\nHost: car\r\nContent-Type: application/json\r\n"
		"Content-Length: 2000\r\n\r\n");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = connected(d, 0);

		asks(fd, cases[i].request);
		if (!hears(d, fd, text, sizeof(text), cases[i].answer))
			fail_msg("\"%s\" is not in what %s is answered: %s", cases[i].answer, cases[i].request, text);
		close(fd);
	}
	int fd = connected(d, 0);
	memset(much + head, ' ', 2000);
	assert_int_equal(send(fd, much, (size_t)head + 2000, MSG_NOSIGNAL), head + 2000);
	assert_true(hears(d, fd, text, sizeof(text), "more than anything here takes"));
	close(fd);
	unserved(w, d);
}

static void names_in_metrics_cannot_break_out_of_them(void **state)
{
	struct world *w;
	struct daemon *d = served(*state, &w);
	size_t len;

	strcpy(d->config.links[0].name, "a\"b\\c");
	const char *text = page_metrics(d->page, &len);
	assert_int_equal(strlen(text), len);
	says(text, "meshd_link_up{link=\"a\\\"b\\\\c\",type=\"ethernet\"} 1\n");
	says(text, "# TYPE meshd_neighbour_up gauge\n");
	says(text, "meshd_level_members{level=\"city\"} 1\n");
	unserved(w, d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_code_is_good_once_and_its_token_until_it_is_given_back),
		cmocka_unit_test(five_wrong_guesses_end_a_code),
		cmocka_unit_test(codes_and_tokens_end_by_themselves),
		cmocka_unit_test(one_browser_too_many_takes_the_place_of_the_oldest),
		cmocka_unit_test_setup_teardown(
			who_reads_is_told_every_topic_and_then_what_happens, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(
			there_is_a_place_for_who_asks_beside_all_who_read, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(who_never_reads_holds_nothing_for_long, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(
			a_request_that_takes_too_long_is_ended_however_busy_it_is, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(
			a_body_that_comes_byte_by_byte_is_not_waited_for, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(a_text_is_taken_within_half_a_minute, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(one_address_cannot_take_every_place, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(
			what_is_not_understood_is_refused_in_a_sentence, place_enter, place_leave),
		cmocka_unit_test_setup_teardown(names_in_metrics_cannot_break_out_of_them, place_enter, place_leave),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
