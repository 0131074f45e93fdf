/* A port settles what is known of its interface; kernel and sockets are played by the test. */
#include "tests/unit/io_fakes.h"

/* --- the kernel and the backends, as the test wants them --------------------------------------- */

static struct {
	struct kernel_link link; /* what the kernel knows */
	int carrier; /* what the poll says; -1: what the kernel knows */
	uint64_t now_us;
	int open_error;
	unsigned opens, closes, kicks, looks, sent, forwardings;
	struct kernel_addresses addresses;
	uint32_t overruns;
} world;

uint64_t io_now_us(void)
{
	return world.now_us;
}

int kernel_link_get(struct daemon *d, const char *name, struct kernel_link *out)
{
	(void)d;
	world.looks++;
	if (world.link.is_present && strcmp(name, world.link.name) == 0) {
		*out = world.link;
		return 0;
	}
	*out = (struct kernel_link){ 0 };
	snprintf(out->name, sizeof(out->name), "%s", name);
	return -ENODEV;
}

int kernel_carrier_get(struct daemon *d, const char *name)
{
	(void)d;
	if (!world.link.is_present || strcmp(name, world.link.name) != 0)
		return -ENODEV;
	return world.carrier >= 0 ? world.carrier : world.link.has_carrier;
}

bool carrier_count_moved(struct carrier_count *c, const struct kernel_link *link)
{
	(void)c, (void)link;
	return true;
}

void carrier_count_close(struct carrier_count *c)
{
	(void)c;
}

static int backend_open(struct port *p, char error[IO_ERROR_MAX])
{
	assert_false(p->is_open);
	if (world.open_error) {
		snprintf(error, IO_ERROR_MAX, "%s: refused; ask again", p->config->name);
		return world.open_error;
	}
	world.opens++;
	return 0;
}

static void backend_close(struct port *p)
{
	assert_true(p->is_open);
	world.closes++;
}

int ethernet_open(struct port *p, char error[IO_ERROR_MAX])
{
	return backend_open(p, error);
}

void ethernet_close(struct port *p)
{
	backend_close(p);
}

void ethernet_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	(void)p, (void)to, (void)frame;
	world.sent++;
}

void ethernet_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count)
{
	(void)p, (void)to, (void)frames;
	world.sent += count;
}

int udp_open(struct port *p, char error[IO_ERROR_MAX])
{
	return backend_open(p, error);
}

void udp_close(struct port *p)
{
	backend_close(p);
}

void udp_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	(void)p, (void)to, (void)frame;
	world.sent++;
}

void udp_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count)
{
	(void)p, (void)to, (void)frames;
	world.sent += count;
}

bool batch_frame(struct daemon *d, struct port *port, const struct endpoint *to, struct bytes frame)
{
	(void)d, (void)port, (void)to, (void)frame;
	return false;
}

int babel_open(struct port *p, char error[IO_ERROR_MAX])
{
	return backend_open(p, error);
}

void babel_close(struct port *p)
{
	backend_close(p);
}

void babel_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	(void)p, (void)to, (void)frame;
	world.sent++;
}

int kernel_addresses_get(struct daemon *d, int ifindex, struct kernel_addresses *addresses)
{
	(void)d;
	assert_int_equal(ifindex, world.link.ifindex);
	*addresses = world.addresses;
	return 0;
}

void kernel_forwarding_enable(struct daemon *d)
{
	(void)d;
	world.forwardings++;
}

uint32_t ethernet_overruns(struct port *p)
{
	assert_true(p->is_open);
	return world.overruns;
}

uint32_t udp_overruns(struct port *p)
{
	assert_true(p->is_open);
	return world.overruns;
}

/* These have tests of their own, on real lines. */
int serial_open(struct port *p, char error[IO_ERROR_MAX])
{
	return backend_open(p, error);
}

int pipe_open(struct port *p, char error[IO_ERROR_MAX])
{
	return backend_open(p, error);
}

void serial_close(struct port *p)
{
	backend_close(p);
}

void pipe_close(struct port *p)
{
	backend_close(p);
}

void serial_free(struct port *p)
{
	assert_false(p->is_open);
}

void pipe_free(struct port *p)
{
	assert_false(p->is_open);
}

void serial_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	(void)p, (void)to, (void)frame;
	world.sent++;
}

void pipe_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	(void)p, (void)to, (void)frame;
	world.sent++;
}

bool serial_probe(struct port *p)
{
	(void)p;
	return true;
}

void pipe_probe(struct port *p, uint64_t now_us)
{
	(void)p, (void)now_us;
}

void resolver_kick(struct port *p, uint64_t now_us)
{
	(void)now_us;
	assert_int_equal(p->state, PORT_UP);
	assert_true(fake.is_up[p->id]);
	world.kicks++;
}

/* --- scenes ------------------------------------------------------------------------------------------ */

static void world_reset(void)
{
	memset(&world, 0, sizeof(world));
	world.now_us = 1000 * SECOND_US;
	world.carrier = -1;
	world.link = (struct kernel_link){ .ifindex = 7,
		.name = "radio0",
		.is_present = true,
		.is_up = true,
		.has_carrier = true,
		.is_ethernet = true,
		.mtu = 1500,
		.mac = { 2, 0, 0x5e, 0, 0, 1 } };
}

/* One link on radio0. */
static int setup(void **state)
{
	struct daemon *d = fake_daemon();
	struct config_link *c = &d->config.links[0];

	world_reset();
	d->config.link_count = 1;
	*c = (struct config_link){ .name = "mesh",
		.interface = "radio0",
		.type = CONFIG_ETHERNET,
		.mtu = 1500,
		.rxcost = 256,
		.hello_ms = 500,
		.update_s = 16,
		.dead_misses = 6 };
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *d = *state;

	ports_close(d);
	assert_int_equal(world.opens, world.closes);
	fake_daemon_free(d);
	return 0;
}

/* Netlink tells of radio0 as it is now. */
static void tell(struct daemon *d)
{
	struct kernel_link link;

	kernel_link_get(d, "radio0", &link);
	ports_observe(d, &link);
}

static void later(struct daemon *d, uint64_t us)
{
	world.now_us += us;
	ports_tick(d, world.now_us);
}

static void expect(struct daemon *d, enum port_state state, bool node_is_up)
{
	assert_string_equal(port_state_name(d->ports[0].state), port_state_name(state));
	assert_int_equal(fake.is_up[0], node_is_up);
	/* Whatever is not well has a sentence with its remedy. */
	assert_int_equal(d->ports[0].error[0] == 0, state == PORT_UP);
}

static void an_interface_with_carrier_is_a_link_that_is_up(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	expect(d, PORT_UP, true);
	assert_int_equal(world.kicks, 1);
	assert_string_equal(fake.links[0].name, "mesh");
	assert_true(fake.links[0].beacon);
	assert_string_equal(fake.code, "port-up");
}

static void a_missing_interface_is_told_and_starts_when_it_comes(void **state)
{
	struct daemon *d = *state;

	world.link.is_present = false;
	ports_open(d);
	expect(d, PORT_MISSING, false);
	assert_string_equal(fake.text, "mesh: radio0 is not there; plug it in, or see \"ip link\" for its name");
	assert_int_equal(world.opens, 0);
	world.link.is_present = true;
	tell(d);
	expect(d, PORT_UP, true);
}

static void carrier_loss_downs_the_link_and_keeps_the_socket(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	world.link.has_carrier = false;
	tell(d);
	expect(d, PORT_NO_CARRIER, false);
	world.link.has_carrier = true;
	tell(d);
	expect(d, PORT_UP, true);
	assert_int_equal(world.opens, 1);
	assert_int_equal(world.kicks, 2);
}

static void the_poll_sees_what_netlink_holds_back(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	ports_carriers(d);
	world.link.has_carrier = false;
	expect(d, PORT_UP, true);
	ports_carriers(d);
	expect(d, PORT_NO_CARRIER, false);
	world.link.has_carrier = true;
	ports_carriers(d);
	expect(d, PORT_UP, true);
}

static void the_poll_sees_an_interface_go_and_come(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	ports_carriers(d);
	world.link.is_present = false;
	ports_carriers(d);
	expect(d, PORT_MISSING, false);
	world.link.is_present = true;
	world.link.ifindex = 9;
	ports_carriers(d);
	expect(d, PORT_UP, true);
	assert_int_equal(world.opens, 2);
}

static void the_poll_asks_for_more_only_when_its_answer_changes(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	ports_carriers(d);
	unsigned looks = world.looks;
	for (unsigned i = 0; i < 10; i++)
		ports_carriers(d);
	assert_int_equal(world.looks, looks);
}

/* An unplugged radio comes back as another device before anybody saw it go. */
static void another_index_or_address_opens_anew(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	world.link.ifindex = 8;
	tell(d);
	expect(d, PORT_UP, true);
	assert_int_equal(world.opens, 2);
	world.link.mac[5] = 9;
	tell(d);
	assert_int_equal(world.opens, 3);
	assert_memory_equal(d->ports[0].link.mac, world.link.mac, IO_MAC_LEN);
	tell(d);
	assert_int_equal(world.opens, 3);
	assert_int_equal(fake.adds, 1);
}

static void a_renamed_interface_is_missing(void **state)
{
	struct daemon *d = *state;
	struct kernel_link renamed;

	ports_open(d);
	renamed = world.link;
	strcpy(renamed.name, "wlan7");
	world.link.is_present = false;
	ports_observe(d, &renamed);
	expect(d, PORT_MISSING, false);
	/* One that was never ours says nothing. */
	renamed.ifindex = 77;
	world.link.is_present = true;
	tell(d);
	ports_observe(d, &renamed);
	expect(d, PORT_UP, true);
}

static void an_interface_switched_off_is_not_opened(void **state)
{
	struct daemon *d = *state;

	world.link.is_up = world.link.has_carrier = false;
	ports_open(d);
	expect(d, PORT_NO_CARRIER, false);
	assert_non_null(strstr(fake.text, "ip link set radio0 up"));
	assert_int_equal(world.opens, 0);
	world.link.is_up = world.link.has_carrier = true;
	tell(d);
	expect(d, PORT_UP, true);
}

static void a_refused_port_is_tried_again_every_two_seconds(void **state)
{
	struct daemon *d = *state;

	world.open_error = -EADDRINUSE;
	ports_open(d);
	expect(d, PORT_ERROR, false);
	assert_string_equal(d->ports[0].error, "mesh: refused; ask again");
	unsigned said = fake.said;
	world.open_error = 0;
	later(d, SECOND_US);
	expect(d, PORT_ERROR, false);
	later(d, SECOND_US);
	expect(d, PORT_UP, true);
	assert_int_equal(fake.said, said + 1);
}

static void a_lasting_error_is_told_once(void **state)
{
	struct daemon *d = *state;

	world.open_error = -EADDRINUSE;
	ports_open(d);
	unsigned said = fake.said;
	for (unsigned i = 0; i < 100; i++)
		later(d, SECOND_US);
	assert_int_equal(fake.said, said);
}

static void a_broken_port_is_opened_anew_by_the_tick(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	world.now_us += 10 * SECOND_US;
	port_send_failed(&d->ports[0], ENXIO);
	/* Within an output of the node nothing is touched. */
	expect(d, PORT_UP, true);
	assert_int_equal(world.closes, 0);
	port_send(&d->ports[0], NULL, bytes_of("x", 1));
	assert_int_equal(world.sent, 0);
	later(d, 0);
	expect(d, PORT_UP, true);
	assert_int_equal(world.opens, 2);
	port_send(&d->ports[0], NULL, bytes_of("x", 1));
	assert_int_equal(world.sent, 1);
	assert_int_equal(d->ports[0].tx_errors, 1);
}

static void who_looks_at_a_link_sees_what_leaves_it_and_no_other(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	port_send(&d->ports[0], NULL, bytes_of("x", 1));
	assert_int_equal(fake.tapped, 0);
	d->ports[0].tap.is_on = true;
	port_send(&d->ports[0], NULL, bytes_of("x", 1));
	assert_int_equal(fake.tapped, 1);
	assert_int_equal(world.sent, 2);
	port_broken(&d->ports[0], "it is gone");
	port_send(&d->ports[0], NULL, bytes_of("x", 1));
	assert_int_equal(fake.tapped, 1);
}

static void a_port_that_breaks_at_once_does_not_spin(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	for (unsigned i = 0; i < 100; i++) {
		port_send_failed(&d->ports[0], ENXIO);
		later(d, 100000);
	}
	assert_in_range(world.opens, 4, 7); /* ten seconds, one each two */
}

static void a_broken_port_without_its_interface_is_told_once(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	unsigned said = fake.said;
	world.link.is_present = false;
	port_broken(&d->ports[0], "radio0: the interface disappeared; look at it");
	for (unsigned i = 0; i < 10; i++)
		later(d, SECOND_US);
	expect(d, PORT_MISSING, false);
	assert_int_equal(fake.said, said + 1);
}

static void errors_of_single_frames_do_not_break_it(void **state)
{
	static const int codes[] = { EAGAIN, ENOBUFS, EMSGSIZE, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPERM };
	struct daemon *d = *state;

	ports_open(d);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		port_send_failed(&d->ports[0], codes[i]);
	assert_false(d->ports[0].wants_reopen);
	assert_int_equal(d->ports[0].tx_errors, sizeof(codes) / sizeof(codes[0]));
	assert_int_equal(d->ports[0].tx_errno, EPERM);
}

static void frames_lost_in_the_kernel_are_counted_once(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	world.overruns = 5;
	later(d, SECOND_US);
	later(d, SECOND_US);
	assert_int_equal(d->ports[0].rx_dropped, 5);
	/* Another socket counts from nothing. */
	world.link.ifindex++;
	world.overruns = 2;
	tell(d);
	later(d, SECOND_US);
	assert_int_equal(d->ports[0].rx_dropped, 7);
}

static void the_frame_fits_interface_and_configuration(void **state)
{
	static const struct {
		enum config_link_type type;
		unsigned config, interface, node;
	} cases[] = {
		{ CONFIG_ETHERNET, 1500, 1500, 1498 },
		{ CONFIG_ETHERNET, 1400, 1500, 1398 },
		{ CONFIG_ETHERNET, 1500, 1400, 1398 },
		{ CONFIG_ETHERNET, 1500, NODE_FRAME_MIN + 2, NODE_FRAME_MIN },
		{ CONFIG_UDP, 1452, 1500, 1452 }, /* the configuration counts no headers here */
		{ CONFIG_UDP, 1452, 1420, 1372 },
		{ CONFIG_UDP, 1352, 1500, 1352 },
	};
	struct daemon *d = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		d->config.links[0].type = cases[i].type;
		d->config.links[0].mtu = cases[i].config;
		world.link.mtu = cases[i].interface;
		fake.has_link[0] = false;
		ports_open(d);
		expect(d, PORT_UP, true);
		assert_int_equal(fake.links[0].mtu, cases[i].node);
		ports_close(d);
	}
}

static void an_interface_too_narrow_for_ipv6_is_refused_with_its_remedy(void **state)
{
	struct daemon *d = *state;

	world.link.mtu = NODE_FRAME_MIN + 1;
	ports_open(d);
	expect(d, PORT_ERROR, false);
	assert_string_equal(
		d->ports[0].error, "radio0 has mtu 1314, the mesh needs 1315; run \"ip link set radio0 mtu 1500\"");
	world.link.mtu = 1500;
	tell(d);
	expect(d, PORT_UP, true);
}

static void a_configuration_too_narrow_is_refused_with_its_remedy(void **state)
{
	struct daemon *d = *state;

	d->config.links[0].mtu = CONFIG_FRAME_MIN;
	ports_open(d);
	expect(d, PORT_ERROR, false);
	assert_string_equal(d->ports[0].error, "mtu 1313 is too small; write mtu: 1315 or more");
}

static void another_mtu_is_another_link(void **state)
{
	struct daemon *d = *state;

	ports_open(d);
	world.link.mtu = 1400;
	tell(d);
	expect(d, PORT_UP, true);
	assert_int_equal(fake.removes, 1);
	assert_int_equal(fake.links[0].mtu, 1398);
	/* Too narrow while it runs: closed, and the node has no such link. */
	world.link.mtu = 1000;
	tell(d);
	assert_false(fake.has_link[0]);
	assert_int_equal(d->ports[0].state, PORT_ERROR);
	assert_int_equal(world.opens, world.closes);
}

static void a_udp_link_without_interface_needs_none(void **state)
{
	struct daemon *d = *state;

	d->config.links[0] = (struct config_link){ .name = "sat", .type = CONFIG_UDP, .mtu = 1352, .peer_count = 1 };
	world.link.is_present = false;
	ports_open(d);
	expect(d, PORT_UP, true);
	assert_false(fake.links[0].beacon);
	ports_carriers(d);
	later(d, SECOND_US);
	expect(d, PORT_UP, true);
	/* Its uplink is its own affair. */
	port_send_failed(&d->ports[0], ENETDOWN);
	assert_false(d->ports[0].wants_reopen);
}

/* --- babel links: what the node knows of where they stand -------------------------------------------- */

static void babel_setup(struct daemon *d)
{
	d->config.links[0] = (struct config_link){ .name = "lab",
		.type = CONFIG_BABEL,
		.interface = "radio0",
		.mtu = 1452,
		.rxcost = 96,
		.hello_ms = 4000,
		.update_s = 16,
		.accept_count = 2,
		.announce_count = 1 };
}

static void stand_at(const char *link_local, const char *ipv4)
{
	memset(&world.addresses, 0, sizeof(world.addresses));
	if (link_local)
		address_parse(&world.addresses.link_local, link_local);
	if (ipv4)
		address_parse(&world.addresses.ipv4, ipv4);
}

static void a_babel_link_waits_for_its_address(void **state)
{
	struct daemon *d = *state;

	babel_setup(d);
	ports_open(d);
	expect(d, PORT_ERROR, false);
	assert_non_null(strstr(d->ports[0].error, "no link-local IPv6 address"));
	stand_at("fe80::1", NULL);
	ports_addresses(d, 8); /* another interface's */
	expect(d, PORT_ERROR, false);
	ports_addresses(d, 7);
	expect(d, PORT_UP, true);
	assert_true(fake.links[0].is_plain);
	assert_int_equal(fake.links[0].mtu, 1452);
	assert_int_equal(fake.rules[0][NODE_IN], 2);
	assert_int_equal(fake.rules[0][NODE_OUT], 1);
	assert_int_equal(world.forwardings, 1);
	assert_true(address_equal(&fake.plain[0].link_local, &world.addresses.link_local));
}

static void another_address_of_a_babel_link_is_another_router(void **state)
{
	struct daemon *d = *state;

	babel_setup(d);
	stand_at("fe80::1", "10.0.0.1");
	ports_open(d);
	expect(d, PORT_UP, true);
	assert_int_equal(fake.plain[0].ipv4.family, FAMILY_IPV4);
	/* A change of IPv4 is told while it is up: node_plain_address() of the fake would refuse another router. */
	stand_at("fe80::1", NULL);
	ports_addresses(d, 7);
	expect(d, PORT_UP, true);
	assert_int_equal(fake.plain[0].ipv4.family, FAMILY_NONE);
	stand_at("fe80::2", NULL);
	ports_addresses(d, 7);
	expect(d, PORT_UP, true);
	assert_true(address_equal(&fake.plain[0].link_local, &world.addresses.link_local));
	stand_at(NULL, NULL);
	ports_addresses(d, 7);
	expect(d, PORT_ERROR, false);
}

static void a_link_comes_and_goes_while_others_stay(void **state)
{
	struct daemon *d = *state;
	struct config_link third = d->config.links[0];

	d->config.links[1] = d->config.links[0];
	strcpy(d->config.links[1].name, "second");
	d->config.link_count = 2;
	ports_open(d);
	assert_int_equal(fake.adds, 2);
	port_remove(&d->ports[0], world.now_us);
	assert_int_equal(fake.leaves, 1);
	assert_int_equal(fake.taps_ended, 1);
	assert_false(fake.has_link[0]);
	assert_true(fake.is_up[1]);
	assert_ptr_equal(port_next(d, NULL), &d->ports[1]);
	assert_null(port_next(d, &d->ports[1]));
	/* Nobody looks at the free place. */
	later(d, 10 * SECOND_US);
	tell(d);
	ports_resync(d);
	ports_carriers(d);
	assert_false(fake.has_link[0]);
	strcpy(third.name, "third");
	assert_ptr_equal(port_add(d, &third), &d->ports[0]);
	expect(d, PORT_UP, true);
	assert_string_equal(fake.links[0].name, "third");
	assert_int_equal(fake.adds, 3);
	assert_int_equal(fake.removes, 1);
	for (unsigned i = 2; i < CONFIG_LINK_MAX; i++)
		assert_non_null(port_add(d, &third));
	assert_null(port_add(d, &third));
}

int main(void)
{
#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PORT_TEST(an_interface_with_carrier_is_a_link_that_is_up),
		PORT_TEST(a_missing_interface_is_told_and_starts_when_it_comes),
		PORT_TEST(carrier_loss_downs_the_link_and_keeps_the_socket),
		PORT_TEST(the_poll_sees_what_netlink_holds_back),
		PORT_TEST(the_poll_sees_an_interface_go_and_come),
		PORT_TEST(the_poll_asks_for_more_only_when_its_answer_changes),
		PORT_TEST(another_index_or_address_opens_anew),
		PORT_TEST(a_renamed_interface_is_missing),
		PORT_TEST(an_interface_switched_off_is_not_opened),
		PORT_TEST(a_refused_port_is_tried_again_every_two_seconds),
		PORT_TEST(a_lasting_error_is_told_once),
		PORT_TEST(who_looks_at_a_link_sees_what_leaves_it_and_no_other),
		PORT_TEST(a_broken_port_is_opened_anew_by_the_tick),
		PORT_TEST(a_port_that_breaks_at_once_does_not_spin),
		PORT_TEST(a_broken_port_without_its_interface_is_told_once),
		PORT_TEST(errors_of_single_frames_do_not_break_it),
		PORT_TEST(frames_lost_in_the_kernel_are_counted_once),
		PORT_TEST(the_frame_fits_interface_and_configuration),
		PORT_TEST(an_interface_too_narrow_for_ipv6_is_refused_with_its_remedy),
		PORT_TEST(a_configuration_too_narrow_is_refused_with_its_remedy),
		PORT_TEST(another_mtu_is_another_link),
		PORT_TEST(a_udp_link_without_interface_needs_none),
		PORT_TEST(a_babel_link_waits_for_its_address),
		PORT_TEST(another_address_of_a_babel_link_is_another_router),
		PORT_TEST(a_link_comes_and_goes_while_others_stay),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
