/* Where the node is told to call; look-ups are played by the test, time too. */
#include "tests/unit/io_fakes.h"
#include "tests/unit/io_one_by_one.h"

#include "meshd/io/lookup.h"

#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* --- look-ups ----------------------------------------------------------------------------------- */

struct lookups {
	int fd;
	unsigned asked;
	struct lookup *done;
};

static struct lookups lookups;
static uint64_t now_us;

uint64_t io_now_us(void)
{
	return now_us;
}

void lookup_find(struct lookup *l)
{
	(void)l;
}

int io_fail(char error[IO_ERROR_MAX], int code, const char *format, ...)
{
	(void)error, (void)format;
	return code;
}

int lookup_numeric(const char *host, uint16_t port, unsigned scope, struct endpoint *out)
{
	char text[ENDPOINT_TEXT];

	(void)scope;
	snprintf(text, sizeof(text), "%s:%u", host, port);
	return endpoint_parse(out, text);
}

struct lookups *lookups_open(void (*find)(struct lookup *l))
{
	assert_ptr_equal(find, lookup_find);
	lookups = (struct lookups){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	return &lookups;
}

void lookups_close(struct lookups *all)
{
	close(all->fd);
}

int lookups_fd(const struct lookups *all)
{
	return all->fd;
}

int lookup_start(struct lookups *all, unsigned link, unsigned slot, const char *host, uint16_t port)
{
	(void)link, (void)slot, (void)host, (void)port;
	all->asked++;
	return 0;
}

struct lookup *lookup_take(struct lookups *all)
{
	struct lookup *l = all->done;

	all->done = NULL;
	return l;
}

/* --- the scene ------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct daemon *d = fake_daemon();
	struct config_link *c = &d->config.links[0];
	char error[IO_ERROR_MAX];

	now_us = 1000 * SECOND_US;
	*c = (struct config_link){ .name = "sat",
		.type = CONFIG_UDP,
		.peer_count = 1,
		.peers = { { .host = "gw.example.org", .port = 6697 } } };
	d->port_count = 1;
	d->ports[0] = (struct port){ .d = d, .config = c, .state = PORT_UP, .node_mtu = 1452 };
	assert_int_equal(resolver_open(d, error), 0);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *d = *state;

	resolver_close(d);
	fake_daemon_free(d);
	return 0;
}

/* The look-up ends: with an error, or with addresses that end in .1, .2, ... as in `last`. */
static void answer(struct daemon *d, int error, const char *last)
{
	struct lookup *l = calloc(1, sizeof(*l));
	uint64_t one = 1;

	assert_non_null(l);
	assert_true(d->ports[0].remotes[0].is_asking);
	l->error = error;
	strcpy(l->host, "gw.example.org");
	for (; *last; last++) {
		char text[ENDPOINT_TEXT];

		snprintf(text, sizeof(text), "192.0.2.%c:6697", *last);
		assert_int_equal(endpoint_parse(&l->addresses[l->count++], text), 0);
	}
	lookups.done = l;
	assert_int_equal(write(lookups.fd, &one, sizeof(one)), sizeof(one));
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(read(lookups.fd, &one, sizeof(one)), sizeof(one));
}

static void later(struct daemon *d, unsigned s)
{
	for (; s; s--) {
		now_us += SECOND_US;
		resolver_tick(d, now_us);
	}
}

static void expect_target(const char *text)
{
	char is[ENDPOINT_TEXT];

	assert_string_equal(endpoint_format(&fake.targets[0][0], is), text);
}

static void a_session_with(const char *text)
{
	fake.peers[0] = (struct node_peer_info){ .link = 0, .is_up = true };
	assert_int_equal(endpoint_parse(&fake.peers[0].endpoint, text), 0);
	fake.peer_count = 1;
}

static void a_number_is_told_at_once_and_never_looked_up(void **state)
{
	struct daemon *d = *state;

	strcpy(d->config.links[0].peers[0].host, "203.0.113.7");
	resolver_kick(&d->ports[0], now_us);
	expect_target("203.0.113.7:6697");
	later(d, 1000);
	assert_int_equal(lookups.asked, 0);
	assert_int_equal(fake.targets_told, 1);
}

static void a_name_is_asked_when_the_port_opens_and_told_when_it_is_known(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	assert_int_equal(lookups.asked, 1);
	assert_int_equal(fake.targets_told, 0);
	answer(d, 0, "1");
	expect_target("192.0.2.1:6697");
}

static void an_answer_for_a_link_that_is_another_by_now_is_not_used(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	strcpy(d->config.links[0].peers[0].host, "other.example.org");
	answer(d, 0, "1");
	assert_int_equal(fake.targets_told, 0);
	d->ports[0].remotes[0].is_asking = true;
	d->config.links[0].peer_count = 0;
	answer(d, 0, "1");
	d->ports[0].remotes[0].is_asking = true;
	d->ports[0].config = NULL;
	answer(d, 0, "1");
	assert_int_equal(fake.targets_told, 0);
}

static void a_look_up_that_hangs_is_not_asked_twice(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	later(d, 1000);
	resolver_kick(&d->ports[0], now_us);
	assert_int_equal(lookups.asked, 1);
}

static void a_name_that_fails_is_asked_each_five_seconds_and_told_once(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	answer(d, EAI_AGAIN, "");
	assert_string_equal(fake.code, "name-failed");
	assert_non_null(strstr(fake.text, "sat: peer \"gw.example.org\""));
	for (unsigned i = 2; i < 10; i++) {
		later(d, 4);
		assert_int_equal(lookups.asked, i - 1);
		later(d, 1);
		assert_int_equal(lookups.asked, i);
		answer(d, EAI_AGAIN, "");
	}
	assert_int_equal(fake.said, 1);
	later(d, 5);
	answer(d, 0, "1");
	assert_string_equal(fake.code, "name-found");
	expect_target("192.0.2.1:6697");
}

static void a_failing_name_keeps_the_address_it_had(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	answer(d, 0, "1");
	later(d, 30);
	answer(d, EAI_AGAIN, "");
	assert_int_equal(d->ports[0].remotes[0].count, 1);
	expect_target("192.0.2.1:6697");
	assert_int_equal(fake.targets_told, 1);
}

static void without_a_session_the_name_is_asked_again_after_thirty_seconds(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	answer(d, 0, "1");
	later(d, 29);
	assert_int_equal(lookups.asked, 1);
	later(d, 1);
	assert_int_equal(lookups.asked, 2);
	answer(d, 0, "2");
	expect_target("192.0.2.2:6697");
}

static void with_a_session_it_is_asked_after_five_minutes(void **state)
{
	struct daemon *d = *state;

	a_session_with("192.0.2.1:6697");
	resolver_kick(&d->ports[0], now_us);
	answer(d, 0, "1");
	later(d, 299);
	assert_int_equal(lookups.asked, 1);
	later(d, 1);
	assert_int_equal(lookups.asked, 2);
}

static void several_addresses_take_turns_until_one_answers(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	answer(d, 0, "123");
	expect_target("192.0.2.1:6697");
	later(d, 10);
	expect_target("192.0.2.2:6697");
	later(d, 10);
	expect_target("192.0.2.3:6697");
	a_session_with("192.0.2.3:6697");
	later(d, 9);
	later(d, 100);
	expect_target("192.0.2.3:6697");
	fake.peer_count = 0;
	later(d, 10);
	expect_target("192.0.2.1:6697");
}

static void the_address_in_use_stays_while_the_name_has_it(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	answer(d, 0, "12");
	later(d, 10);
	expect_target("192.0.2.2:6697");
	a_session_with("192.0.2.2:6697");
	unsigned told = fake.targets_told;
	later(d, 20);
	answer(d, 0, "321"); /* servers shuffle */
	expect_target("192.0.2.2:6697");
	assert_int_equal(fake.targets_told, told);
}

static void a_peer_met_under_another_address_is_met(void **state)
{
	struct daemon *d = *state;

	a_session_with("198.51.100.9:1");
	resolver_kick(&d->ports[0], now_us);
	answer(d, 0, "12");
	later(d, 100);
	expect_target("192.0.2.1:6697");
	/* Of two peers only one is met: which, nobody knows. */
	d->config.links[0].peer_count = 2;
	strcpy(d->config.links[0].peers[1].host, "203.0.113.7");
	later(d, 10);
	expect_target("192.0.2.2:6697");
}

static void a_port_that_is_down_asks_nobody(void **state)
{
	struct daemon *d = *state;

	d->ports[0].state = PORT_NO_CARRIER;
	later(d, 100);
	assert_int_equal(lookups.asked, 0);
}

static void a_port_that_returns_tells_the_node_again(void **state)
{
	struct daemon *d = *state;

	resolver_kick(&d->ports[0], now_us);
	answer(d, 0, "1");
	memset(fake.targets, 0, sizeof(fake.targets));
	resolver_kick(&d->ports[0], now_us);
	expect_target("192.0.2.1:6697");
	assert_int_equal(lookups.asked, 2);
}

int main(void)
{
#define RESOLVE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		RESOLVE_TEST(a_number_is_told_at_once_and_never_looked_up),
		RESOLVE_TEST(a_name_is_asked_when_the_port_opens_and_told_when_it_is_known),
		RESOLVE_TEST(a_look_up_that_hangs_is_not_asked_twice),
		RESOLVE_TEST(an_answer_for_a_link_that_is_another_by_now_is_not_used),
		RESOLVE_TEST(a_name_that_fails_is_asked_each_five_seconds_and_told_once),
		RESOLVE_TEST(a_failing_name_keeps_the_address_it_had),
		RESOLVE_TEST(without_a_session_the_name_is_asked_again_after_thirty_seconds),
		RESOLVE_TEST(with_a_session_it_is_asked_after_five_minutes),
		RESOLVE_TEST(several_addresses_take_turns_until_one_answers),
		RESOLVE_TEST(the_address_in_use_stays_while_the_name_has_it),
		RESOLVE_TEST(a_peer_met_under_another_address_is_met),
		RESOLVE_TEST(a_port_that_is_down_asks_nobody),
		RESOLVE_TEST(a_port_that_returns_tells_the_node_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
