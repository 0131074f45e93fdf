/* What anybody may ask the kernel: interfaces, and the way that frames of the underlay take. Changes nothing. */
#include "tests/unit/io_fakes.h"

#include <net/if.h>

static int setup(void **state)
{
	struct daemon *d = fake_daemon();
	char error[IO_ERROR_MAX];

	assert_int_equal(kernel_open(d, error), 0);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *d = *state;

	kernel_close(d);
	kernel_close(d);
	fake_daemon_free(d);
	return 0;
}

static struct endpoint endpoint_make(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_parse(&e, text), 0);
	return e;
}

static void an_interface_is_described(void **state)
{
	struct daemon *d = *state;
	struct kernel_link link;

	assert_int_equal(kernel_link_get(d, "lo", &link), 0);
	assert_true(link.is_present);
	assert_int_equal(link.ifindex, if_nametoindex("lo"));
	assert_string_equal(link.name, "lo");
	assert_false(link.is_ethernet);
	assert_in_range(link.mtu, 1280, 65536);
	assert_in_range(kernel_carrier_get(d, "lo"), 0, 1);
}

static void an_interface_that_is_not_there_is_not_there(void **state)
{
	struct daemon *d = *state;
	struct kernel_link link;

	memset(&link, 0xff, sizeof(link));
	assert_int_equal(kernel_link_get(d, "nowhere0", &link), -ENODEV);
	assert_false(link.is_present || link.is_up || link.has_carrier);
	assert_string_equal(link.name, "nowhere0");
	assert_int_equal(kernel_carrier_get(d, "nowhere0"), -ENODEV);
	/* The socket is none the worse for it. */
	assert_int_equal(kernel_link_get(d, "lo", &link), 0);
}

static void a_carrier_that_does_not_change_is_not_asked_for_again(void **state)
{
	struct daemon *d = *state;
	struct carrier_count count = { 0 };
	struct kernel_link link;

	assert_int_equal(kernel_link_get(d, "lo", &link), 0);
	assert_true(carrier_count_moved(&count, &link));
	assert_false(carrier_count_moved(&count, &link));
	assert_false(carrier_count_moved(&count, &link));
	count.changes++;
	assert_true(carrier_count_moved(&count, &link));
	assert_false(carrier_count_moved(&count, &link));
	/* The file of another device of that name says nothing of this one. */
	link.mac[5]++;
	assert_true(carrier_count_moved(&count, &link));
	assert_true(carrier_count_moved(&count, &link));
	carrier_count_close(&count);
}

static void the_kernel_s_way_is_left_to_it_unless_it_is_the_mesh(void **state)
{
	static const char *const places[] = { "127.0.0.1:1", "[::1]:1" };
	struct daemon *d = *state;
	int lo = (int)if_nametoindex("lo");
	struct kernel_link link;

	assert_int_equal(kernel_link_get(d, "lo", &link), 0);

	for (unsigned i = 0; i < 2; i++) {
		struct endpoint to = endpoint_make(places[i]);

		d->kernel.tun_ifindex = lo + 1000;
		underlay_forget(d);
		assert_int_equal(underlay_way(d, &to, 1), 0);
		/* Were the loopback interface the mesh, another one must be found, or none. */
		d->kernel.tun_ifindex = lo;
		underlay_forget(d);
		int way = underlay_way(d, &to, 1);
		assert_int_not_equal(way, lo);
		/* Switched off it is no way, and the kernel may say so itself. */
		assert_true(way == -ENETUNREACH || way > 0 || !link.is_up);
	}
}

/* A mark in the cache shows who answers. */
static void ways_mark(struct daemon *d)
{
	for (unsigned i = 0; i < UNDERLAY_SETS * UNDERLAY_PLACES; i++)
		if (d->underlay.ways[i / UNDERLAY_PLACES][i % UNDERLAY_PLACES].until_us)
			d->underlay.ways[i / UNDERLAY_PLACES][i % UNDERLAY_PLACES].ifindex = 4711;
}

static void a_way_is_kept_a_second_and_forgotten_on_demand(void **state)
{
	struct daemon *d = *state;
	struct endpoint to = endpoint_make("[::1]:1");

	d->kernel.tun_ifindex = 1 << 20;
	assert_int_equal(underlay_way(d, &to, SECOND_US), 0);
	ways_mark(d);
	assert_int_equal(underlay_way(d, &to, 2 * SECOND_US - 1), 4711);
	assert_int_equal(underlay_way(d, &to, 2 * SECOND_US), 0);
	ways_mark(d);
	underlay_forget(d);
	assert_int_equal(underlay_way(d, &to, 2 * SECOND_US), 0);
}

static void many_endpoints_share_the_cache(void **state)
{
	struct daemon *d = *state;
	char text[ENDPOINT_TEXT];

	d->kernel.tun_ifindex = 1 << 20;
	for (unsigned i = 0; i < 2 * UNDERLAY_SETS * UNDERLAY_PLACES; i++) {
		snprintf(text, sizeof(text), "127.0.0.1:%u", i + 1);
		struct endpoint to = endpoint_make(text);
		assert_int_equal(underlay_way(d, &to, 1), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_interface_is_described, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interface_that_is_not_there_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_carrier_that_does_not_change_is_not_asked_for_again, setup, teardown),
		cmocka_unit_test_setup_teardown(the_kernel_s_way_is_left_to_it_unless_it_is_the_mesh, setup, teardown),
		cmocka_unit_test_setup_teardown(a_way_is_kept_a_second_and_forgotten_on_demand, setup, teardown),
		cmocka_unit_test_setup_teardown(many_endpoints_share_the_cache, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
