/* UDP links over the loopback interface: two ports of one daemon. */
#include "tests/unit/io_fakes.h"
#include "tests/unit/io_one_by_one.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

static int way; /* of the underlay */

int underlay_way(struct daemon *d, const struct endpoint *to, uint64_t now_us)
{
	(void)d, (void)now_us;
	assert_int_equal(to->len, ENDPOINT_UDP_LEN);
	return way;
}

void underlay_forget(struct daemon *d)
{
	(void)d;
}

struct scene {
	struct daemon *d;
	struct port *a, *b;
	char error[IO_ERROR_MAX];
};

static struct scene scene;

static struct port *port_make(struct daemon *d, unsigned id)
{
	struct config_link *config = &d->config.links[id];

	*config = (struct config_link){ .type = CONFIG_UDP, .mtu = 1452 };
	snprintf(config->name, sizeof(config->name), "link%u", id);
	d->ports[id] = (struct port){ .d = d, .id = id, .config = config, .fd = -1, .group_fd = -1 };
	return &d->ports[id];
}

static int setup(void **state)
{
	struct scene *s = &scene;

	way = 0;
	s->d = fake_daemon();
	s->a = port_make(s->d, 0);
	s->b = port_make(s->d, 1);
	assert_int_equal(udp_open(s->a, s->error), 0);
	assert_int_equal(udp_open(s->b, s->error), 0);
	s->a->is_open = s->b->is_open = true;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	udp_close(s->a);
	udp_close(s->b);
	fake_daemon_free(s->d);
	return 0;
}

static uint16_t port_number(const struct port *p)
{
	struct sockaddr_in6 own;
	socklen_t len = sizeof(own);

	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&own, &len), 0);
	return ntohs(own.sin6_port);
}

static struct endpoint endpoint_at(const char *address, const struct port *p)
{
	char text[ENDPOINT_TEXT];
	struct endpoint e;

	snprintf(text, sizeof(text), "%s:%u", address, port_number(p));
	assert_int_equal(endpoint_parse(&e, text), 0);
	return e;
}

static void send_to(struct port *from, const char *address, struct port *to, size_t len, uint8_t fill)
{
	uint8_t frame[4096];
	struct endpoint e = endpoint_at(address, to);

	memset(frame, fill, len);
	udp_send(from, &e, bytes_of(frame, len));
}

/* Loopback delivers within the call that sends. */
static void run(struct scene *s)
{
	ev_run(s->d->loop, EVRUN_NOWAIT);
}

static void a_frame_crosses_in_either_family(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "[::1]" };
	struct scene *s = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct endpoint expected = endpoint_at(addresses[i], s->a);

		send_to(s->a, addresses[i], s->b, 100 + i, 7);
		run(s);
		assert_int_equal(fake.frame_count, i + 1);
		assert_int_equal(fake.frames[i].link, 1);
		assert_int_equal(fake.frames[i].len, 100 + i);
		assert_int_equal(fake.frames[i].first, 7);
		assert_true(endpoint_equal(&fake.frames[i].from, &expected));
	}
}

static void an_answer_goes_where_the_frame_came_from(void **state)
{
	struct scene *s = *state;

	send_to(s->a, "127.0.0.1", s->b, 10, 1);
	run(s);
	udp_send(s->b, &fake.frames[0].from, bytes_of("answer", 6));
	run(s);
	assert_int_equal(fake.frame_count, 2);
	assert_int_equal(fake.frames[1].link, 0);
	assert_int_equal(fake.frames[1].first, 'a');
}

static void the_largest_frame_fits_and_a_larger_one_is_dropped(void **state)
{
	struct scene *s = *state;

	send_to(s->a, "127.0.0.1", s->b, NODE_FRAME_MAX, 1);
	send_to(s->a, "127.0.0.1", s->b, NODE_FRAME_MAX + 1, 2);
	send_to(s->a, "127.0.0.1", s->b, 1, 3);
	run(s);
	assert_int_equal(fake.frame_count, 2);
	assert_int_equal(fake.frames[0].len, NODE_FRAME_MAX);
	assert_int_equal(fake.frames[1].first, 3);
	assert_int_equal(s->b->rx_dropped, 1);
}

static void an_empty_datagram_is_dropped(void **state)
{
	struct scene *s = *state;

	send_to(s->a, "127.0.0.1", s->b, 0, 0);
	run(s);
	assert_int_equal(fake.frame_count, 0);
	assert_int_equal(s->b->rx_dropped, 1);
}

static void a_wakeup_takes_one_batch_and_loses_nothing(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < IO_BATCH + 10; i++)
		send_to(s->a, "127.0.0.1", s->b, 200, (uint8_t)i);
	run(s);
	assert_int_equal(fake.frame_count, IO_BATCH);
	run(s);
	assert_int_equal(fake.frame_count, IO_BATCH + 10);
	for (unsigned i = 0; i < fake.frame_count; i++)
		assert_int_equal(fake.frames[i].first, i);
}

/* What batch_flush() would send: frames of these lengths, numbered. */
static void send_batch(struct port *from, struct port *to, const size_t *lens, unsigned count)
{
	static uint8_t room[BATCH_FRAMES][NODE_FRAME_MAX];
	struct bytes frames[BATCH_FRAMES];
	struct endpoint e = endpoint_at("127.0.0.1", to);

	for (unsigned i = 0; i < count; i++) {
		memset(room[i], (int)i, lens[i]);
		frames[i] = bytes_of(room[i], lens[i]);
	}
	udp_send_batch(from, &e, frames, count);
}

static void a_batch_arrives_frame_by_frame_and_in_order(void **state)
{
	struct scene *s = *state;
	size_t lens[BATCH_FRAMES];

	/* With rows and without: the same. */
	for (unsigned way_of_sending = 0; way_of_sending < 4; way_of_sending++) {
		s->a->has_gso = way_of_sending & 1;
		setsockopt(s->b->fd, SOL_UDP, UDP_GRO, &(int){ way_of_sending >> 1 }, sizeof(int));
		s->b->has_gro = way_of_sending & 2;
		s->b->tap.is_on = way_of_sending & 1; /* somebody looks: the same */
		fake.frame_count = fake.tapped = 0;
		for (unsigned i = 0; i < 200; i++)
			lens[i] = i % 50 == 49 ? 700 : i % 67 == 0 ? 1433 : i < 120 ? 1432 : 90;
		send_batch(s->a, s->b, lens, 200);
		for (unsigned i = 0; i < 8; i++)
			run(s);
		assert_int_equal(fake.frame_count, 200);
		assert_int_equal(fake.tapped, s->b->tap.is_on ? 200 : 0);
		for (unsigned i = 0; i < 200; i++) {
			assert_int_equal(fake.frames[i].len, lens[i]);
			assert_int_equal(fake.frames[i].first, i);
			assert_int_equal(fake.frames[i].last, i);
		}
		assert_int_equal(s->a->tx_errors + s->b->rx_dropped, 0);
	}
}

static void a_flood_is_cut_by_the_kernel_and_known(void **state)
{
	struct scene *s = *state;
	unsigned sent = 0;

	while (udp_overruns(s->b) == 0 && sent < 100000) {
		send_to(s->a, "127.0.0.1", s->b, NODE_FRAME_MAX, 1);
		sent++;
	}
	assert_int_equal(udp_overruns(s->b), 1);
	assert_int_equal(udp_overruns(s->a), 0);
}

static void a_peer_that_is_gone_breaks_nothing(void **state)
{
	struct scene *s = *state;
	struct port *c = port_make(s->d, 2);

	assert_int_equal(udp_open(c, s->error), 0);
	struct endpoint gone = endpoint_at("127.0.0.1", c);
	udp_close(c);
	for (unsigned i = 0; i < 3; i++) {
		udp_send(s->a, &gone, bytes_of("x", 1));
		run(s);
	}
	assert_false(s->a->wants_reopen);
	send_to(s->a, "127.0.0.1", s->b, 10, 9);
	run(s);
	assert_int_equal(fake.frame_count, 1);
}

static void a_frame_to_all_stays_here_without_discovery(void **state)
{
	struct scene *s = *state;

	udp_send(s->a, NULL, bytes_of("x", 1));
	run(s);
	assert_int_equal(fake.frame_count, 0);
	assert_int_equal(s->a->tx_errors, 0);
}

static void a_frame_that_no_interface_takes_is_counted(void **state)
{
	static const uint8_t frame[66000];
	struct scene *s = *state;
	struct endpoint to = endpoint_at("127.0.0.1", s->b);

	udp_send(s->a, &to, bytes_of(frame, sizeof(frame)));
	assert_int_equal(s->a->tx_errors, 1);
	assert_int_equal(s->a->tx_errno, EMSGSIZE);
	assert_false(s->a->wants_reopen);
}

static void a_frame_leaves_by_the_interface_that_the_underlay_says(void **state)
{
	struct scene *s = *state;

	way = (int)if_nametoindex("lo");
	send_to(s->a, "127.0.0.1", s->b, 10, 1);
	send_to(s->a, "[::1]", s->b, 10, 2);
	run(s);
	assert_int_equal(fake.frame_count, 2);
	assert_int_equal(s->a->tx_errors, 0);
	way = 9999;
	send_to(s->a, "127.0.0.1", s->b, 10, 3);
	send_to(s->a, "[::1]", s->b, 10, 4);
	run(s);
	assert_int_equal(fake.frame_count, 2);
	assert_int_equal(s->a->tx_errors, 2);
}

static void a_frame_without_a_way_beside_the_mesh_is_counted(void **state)
{
	struct scene *s = *state;

	way = -ENETUNREACH;
	send_to(s->a, "127.0.0.1", s->b, 10, 1);
	run(s);
	assert_int_equal(fake.frame_count, 0);
	assert_int_equal(s->a->tx_errno, ENETUNREACH);
	assert_false(s->a->wants_reopen);
}

static void a_port_in_use_is_an_error_with_its_remedy(void **state)
{
	struct scene *s = *state;
	struct port *c = port_make(s->d, 2);
	char expected[96];

	s->d->config.links[2].port = port_number(s->a);
	assert_int_equal(udp_open(c, s->error), -EADDRINUSE);
	snprintf(expected, sizeof(expected),
		"port %u is in use; stop the other program, or write listen: with another port", port_number(s->a));
	assert_string_equal(s->error, expected);
	assert_int_equal(c->fd, -1);
}

static void an_interface_that_is_not_there_is_an_error_with_its_remedy(void **state)
{
	struct scene *s = *state;
	struct port *c = port_make(s->d, 2);

	strcpy(s->d->config.links[2].interface, "nowhere0");
	assert_int_equal(udp_open(c, s->error), -ENODEV);
	assert_string_equal(s->error, "nowhere0 is not there; plug it in");
	assert_int_equal(c->fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_frame_crosses_in_either_family, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_goes_where_the_frame_came_from, setup, teardown),
		cmocka_unit_test_setup_teardown(a_batch_arrives_frame_by_frame_and_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(the_largest_frame_fits_and_a_larger_one_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_datagram_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wakeup_takes_one_batch_and_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_is_cut_by_the_kernel_and_known, setup, teardown),
		cmocka_unit_test_setup_teardown(a_peer_that_is_gone_breaks_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_to_all_stays_here_without_discovery, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_that_no_interface_takes_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_frame_leaves_by_the_interface_that_the_underlay_says, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_without_a_way_beside_the_mesh_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_in_use_is_an_error_with_its_remedy, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_interface_that_is_not_there_is_an_error_with_its_remedy, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
