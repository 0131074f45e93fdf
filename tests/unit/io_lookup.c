/* Look-ups in threads. None of them asks a name server: names are found by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/io/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

static sem_t gate; /* hanging look-ups pass it one by one */
static sem_t ended; /* and tell when they did */

static void find_at_once(struct lookup *l)
{
	l->error = strcmp(l->host, "unknown") == 0 ? EAI_NONAME : 0;
	l->count = l->error ? 0 : 1;
	lookup_numeric("192.0.2.1", l->port, 0, &l->addresses[0]);
}

static void find_hanging(struct lookup *l)
{
	sem_wait(&gate);
	find_at_once(l);
	sem_post(&ended);
}

static int setup(void **state)
{
	(void)state;
	sem_init(&gate, 0, 0);
	sem_init(&ended, 0, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sem_destroy(&gate);
	sem_destroy(&ended);
	return 0;
}

static struct lookup *wait_for(struct lookups *all)
{
	struct pollfd wanted = { .fd = lookups_fd(all), .events = POLLIN };
	struct lookup *l;

	while (!(l = lookup_take(all)))
		assert_int_equal(poll(&wanted, 1, 10000), 1);
	return l;
}

static void expect_numeric(const char *host, unsigned scope, const char *expected)
{
	char text[ENDPOINT_TEXT];
	struct endpoint e;

	assert_int_equal(lookup_numeric(host, 6697, scope, &e), 0);
	assert_string_equal(endpoint_format(&e, text), expected);
}

static void numbers_need_no_look_up(void **state)
{
	(void)state;
	expect_numeric("203.0.113.7", 0, "203.0.113.7:6697");
	expect_numeric("2001:db8::1", 4, "[2001:db8::1]:6697");
	expect_numeric("::ffff:203.0.113.7", 4, "203.0.113.7:6697");
}

static void a_link_local_number_gets_the_scope_of_its_link(void **state)
{
	(void)state;
	expect_numeric("fe80::1", 4, "[fe80::1%4]:6697");
	expect_numeric("fe80::1%7", 4, "[fe80::1%7]:6697");
}

static void a_name_is_no_number(void **state)
{
	struct endpoint e;

	(void)state;
	assert_int_equal(lookup_numeric("gw.example.org", 1, 0, &e), -EINVAL);
	assert_int_equal(lookup_numeric("", 1, 0, &e), -EINVAL);
	assert_int_equal(lookup_numeric("203.0.113.256", 1, 0, &e), -EINVAL);
}

/* By the resolver of libc, which has no need of a server for these. */
static void the_resolver_finds_or_says_why_not(void **state)
{
	struct lookup found = { .host = "203.0.113.7", .port = 9 }, lost = { .host = "two..dots", .port = 9 };
	char text[ENDPOINT_TEXT];

	(void)state;
	lookup_find(&found);
	assert_int_equal(found.error, 0);
	assert_int_equal(found.count, 1);
	assert_string_equal(endpoint_format(&found.addresses[0], text), "203.0.113.7:9");
	lookup_find(&lost);
	assert_int_not_equal(lost.error, 0);
	assert_int_equal(lost.count, 0);
}

static void an_answer_comes_back_to_who_asked(void **state)
{
	struct lookups *all = lookups_open(find_at_once);
	char text[ENDPOINT_TEXT];

	(void)state;
	assert_non_null(all);
	assert_int_equal(lookup_start(all, 3, 5, "gw", 77), 0);
	struct lookup *l = wait_for(all);
	assert_int_equal(l->link, 3);
	assert_int_equal(l->slot, 5);
	assert_int_equal(l->error, 0);
	assert_string_equal(endpoint_format(&l->addresses[0], text), "192.0.2.1:77");
	free(l);
	assert_int_equal(lookup_start(all, 3, 5, "unknown", 77), 0);
	l = wait_for(all);
	assert_int_equal(l->error, EAI_NONAME);
	free(l);
	assert_null(lookup_take(all));
	lookups_close(all);
}

static void every_answer_comes_exactly_once(void **state)
{
	struct lookups *all = lookups_open(find_at_once);
	unsigned asked = 0, answered[200] = { 0 };

	(void)state;
	for (unsigned done = 0; done < 200; done++) {
		while (asked < 200 && lookup_start(all, 0, asked, "gw", 1) == 0)
			asked++;
		struct lookup *l = wait_for(all);
		answered[l->slot]++;
		free(l);
	}
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(answered[i], 1);
	lookups_close(all);
}

static void so_many_may_hang_and_no_more(void **state)
{
	struct lookups *all = lookups_open(find_hanging);

	(void)state;
	for (unsigned i = 0; i < LOOKUPS_MAX; i++)
		assert_int_equal(lookup_start(all, 0, i, "slow", 1), 0);
	assert_int_equal(lookup_start(all, 0, 0, "slow", 1), -EAGAIN);
	assert_null(lookup_take(all));
	sem_post(&gate);
	struct lookup *l = wait_for(all);
	free(l);
	/* The thread that is done leaves a moment after its answer is there. */
	while (lookup_start(all, 0, 0, "slow", 1) == -EAGAIN)
		;
	for (unsigned i = 0; i < LOOKUPS_MAX; i++)
		sem_post(&gate);
	for (unsigned i = 0; i < LOOKUPS_MAX; i++)
		free(wait_for(all));
	lookups_close(all);
}

static void closing_waits_for_nobody(void **state)
{
	struct lookups *all = lookups_open(find_hanging);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(lookup_start(all, 0, i, "slow", 1), 0);
	lookups_close(all);
	/* They answer into the void, and what was shared is freed by the last of them. */
	for (unsigned i = 0; i < 3; i++)
		sem_post(&gate);
	for (unsigned i = 0; i < 3; i++)
		sem_wait(&ended);
}

static void closing_frees_answers_that_nobody_took(void **state)
{
	struct lookups *all = lookups_open(find_at_once);
	struct pollfd wanted = { .fd = lookups_fd(all), .events = POLLIN };

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(lookup_start(all, 0, i, "gw", 1), 0);
	assert_int_equal(poll(&wanted, 1, 10000), 1);
	lookups_close(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_need_no_look_up, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_local_number_gets_the_scope_of_its_link, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_is_no_number, setup, teardown),
		cmocka_unit_test_setup_teardown(the_resolver_finds_or_says_why_not, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_comes_back_to_who_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(every_answer_comes_exactly_once, setup, teardown),
		cmocka_unit_test_setup_teardown(so_many_may_hang_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(closing_waits_for_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(closing_frees_answers_that_nobody_took, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
