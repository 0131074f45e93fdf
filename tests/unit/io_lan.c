/* What is announced of the certificate's prefixes, and when. */
#include "tests/unit/io_fakes.h"

static struct kernel_link lan;
static unsigned forwarding;

uint64_t io_now_us(void)
{
	return 1;
}

int kernel_link_get(struct daemon *d, const char *name, struct kernel_link *out)
{
	(void)d;
	*out = (struct kernel_link){ 0 };
	if (strcmp(name, lan.name) == 0)
		*out = lan;
	snprintf(out->name, sizeof(out->name), "%s", name);
	return out->is_present ? 0 : -ENODEV;
}

void kernel_forwarding_enable(struct daemon *d)
{
	(void)d;
	forwarding++;
}

/* A certificate with hosts and networks of both families; the LAN is up. */
static int setup(void **state)
{
	static const char *const prefixes[] = { "10.7.0.1/32", "10.7.1.0/24", "2001:db8::7/128", "2001:db8:7::/64" };
	struct daemon *d = fake_daemon();

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(prefix_parse(&d->enrolment.certificate.prefixes[i], prefixes[i]), 0);
	d->enrolment.certificate.prefix_count = 4;
	strcpy(d->config.lan, "eth1");
	lan = (struct kernel_link){
		.name = "eth1", .ifindex = 3, .is_present = true, .is_up = true, .has_carrier = true
	};
	forwarding = 0;
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	fake_daemon_free(*state);
	return 0;
}

static bool announced(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	for (unsigned i = 0; i < fake.origin_count; i++)
		if (prefix_equal(&fake.origins[i], &p))
			return true;
	return false;
}

static void everything_is_announced_while_the_lan_is_up(void **state)
{
	struct daemon *d = *state;

	lan_open(d);
	assert_int_equal(fake.origin_count, 4);
	assert_int_equal(forwarding, 1);
}

static void networks_follow_the_lan_and_hosts_stay(void **state)
{
	struct daemon *d = *state;

	lan.has_carrier = false;
	lan_open(d);
	assert_int_equal(fake.origin_count, 2);
	assert_true(announced("10.7.0.1/32") && announced("2001:db8::7/128"));
	lan.has_carrier = true;
	lan_observe(d, &lan);
	assert_true(announced("10.7.1.0/24") && announced("2001:db8:7::/64"));
	lan.has_carrier = false;
	lan_observe(d, &lan);
	assert_int_equal(fake.origin_count, 2);
	assert_true(announced("10.7.0.1/32") && announced("2001:db8::7/128"));
}

static void news_is_told_once(void **state)
{
	struct daemon *d = *state;

	lan_open(d);
	unsigned said = fake.said;
	for (unsigned i = 0; i < 10; i++)
		lan_observe(d, &lan);
	assert_int_equal(fake.said, said);
	assert_int_equal(fake.origin_count, 4);
}

static void a_lan_that_is_missing_is_told_with_its_remedy(void **state)
{
	struct daemon *d = *state;

	lan.is_present = lan.has_carrier = false;
	lan_open(d);
	assert_int_equal(fake.origin_count, 2);
	assert_string_equal(fake.text, "eth1 is not there; see \"ip link\"");
}

static void other_interfaces_change_nothing(void **state)
{
	struct daemon *d = *state;
	struct kernel_link other = { .name = "eth2", .ifindex = 4 };

	lan_open(d);
	lan_observe(d, &other);
	assert_int_equal(fake.origin_count, 4);
}

static void a_renamed_lan_is_gone(void **state)
{
	struct daemon *d = *state;
	struct kernel_link renamed;

	lan_open(d);
	renamed = lan;
	strcpy(renamed.name, "eth9");
	lan_observe(d, &renamed);
	assert_int_equal(fake.origin_count, 2);
	lan_observe(d, &lan);
	assert_int_equal(fake.origin_count, 4);
}

static void networks_without_a_lan_are_told_and_not_announced(void **state)
{
	struct daemon *d = *state;

	d->config.lan[0] = 0;
	lan_open(d);
	assert_int_equal(fake.origin_count, 2);
	assert_string_equal(fake.code, "lan-missing");
	assert_int_equal(fake.said, 2);
	/* An event of an interface without name must not match "no LAN". */
	lan_observe(d, &(struct kernel_link){ .is_present = true, .has_carrier = true });
	assert_int_equal(fake.origin_count, 2);
}

static void what_the_node_refuses_is_tried_again_with_the_next_carrier(void **state)
{
	struct daemon *d = *state;

	fake.origin_error = -ENOMEM;
	lan_open(d);
	assert_string_equal(fake.code, "lan-refused");
	fake.origin_error = 0;
	lan.has_carrier = false;
	lan_observe(d, &lan);
	lan.has_carrier = true;
	lan_observe(d, &lan);
	assert_true(announced("10.7.1.0/24"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_is_announced_while_the_lan_is_up, setup, teardown),
		cmocka_unit_test_setup_teardown(networks_follow_the_lan_and_hosts_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(news_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lan_that_is_missing_is_told_with_its_remedy, setup, teardown),
		cmocka_unit_test_setup_teardown(other_interfaces_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_renamed_lan_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(networks_without_a_lan_are_told_and_not_announced, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_the_node_refuses_is_tried_again_with_the_next_carrier, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
