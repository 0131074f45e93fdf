/* Packets at the TUN: where they want to go, and those that would come straight back. */
#include "tests/unit/io_fakes.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the node's answers ------------------------------------------------------------------------- */

static struct address own;
static size_t batches[16], batch_count, packets_in;

struct address node_address(const struct node *n)
{
	(void)n;
	return own;
}

void node_packets_in(struct node *n, uint64_t now_us, struct node_packet *packets, size_t count)
{
	(void)n, (void)now_us;
	assert_in_range(batch_count, 0, 15);
	batches[batch_count++] = count;
	packets_in += count;
	/* The room that node.h promises is there: a sanitizer sees if not. */
	for (size_t i = 0; i < count; i++)
		memset(packets[i].data - NODE_HEADROOM, 0xaa, NODE_HEADROOM + packets[i].len + NODE_TAILROOM);
}

/* --- the scene: a socket pair keeps packets apart as a TUN does ----------------------------------- */

static int far_end;

static int setup(void **state)
{
	struct daemon *d = fake_daemon();
	int ends[2], room = 2 * IO_BATCH * TUN_PACKET_MAX;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	batch_count = packets_in = 0;
	assert_int_equal(address_parse(&own, "fd00::7"), 0);
	d->tun.fd = ends[0];
	far_end = ends[1];
	tun_start(d);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *d = *state;

	tun_close(d);
	close(far_end);
	fake_daemon_free(d);
	return 0;
}

static size_t ipv6_make(uint8_t packet[TUN_PACKET_MAX], const char *to, size_t len)
{
	struct address a;

	assert_int_equal(address_parse(&a, to), 0);
	memset(packet, 0, len);
	packet[0] = 0x60;
	memcpy(packet + 24, a.bytes, 16);
	return len;
}

static void come(const char *to, size_t len)
{
	uint8_t packet[TUN_PACKET_MAX];

	assert_int_equal(write(far_end, packet, ipv6_make(packet, to, len)), len);
}

static void destinations_of_both_families_are_found(void **state)
{
	uint8_t v6[TUN_PACKET_MAX], v4[20] = { [0] = 0x45, [16] = 10, [17] = 7, [18] = 0, [19] = 1 };
	char text[ADDRESS_TEXT];
	struct address to;

	(void)state;
	assert_true(packet_destination(bytes_of(v6, ipv6_make(v6, "2001:db8::1", 40)), &to));
	assert_string_equal(address_format(&to, text), "2001:db8::1");
	assert_true(packet_destination(bytes_of(v4, sizeof(v4)), &to));
	assert_string_equal(address_format(&to, text), "10.7.0.1");
}

static void what_is_cut_short_or_no_ip_has_no_destination(void **state)
{
	uint8_t v6[TUN_PACKET_MAX], v4[20] = { [0] = 0x45 };
	struct address to;

	(void)state;
	ipv6_make(v6, "2001:db8::1", 40);
	for (size_t len = 0; len < 40; len++)
		assert_false(packet_destination(bytes_of(v6, len), &to));
	for (size_t len = 0; len < 20; len++)
		assert_false(packet_destination(bytes_of(v4, len), &to));
	for (unsigned version = 0; version < 16; version++) {
		v6[0] = (uint8_t)(version << 4);
		assert_int_equal(packet_destination(bytes_of(v6, 40), &to), version == 4 || version == 6);
	}
}

static void waiting_packets_reach_the_node_in_one_call(void **state)
{
	struct daemon *d = *state;

	for (unsigned i = 0; i < 10; i++)
		come("fd00::1", 40 + i);
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(batch_count, 1);
	assert_int_equal(batches[0], 10);
}

static void a_wakeup_takes_one_batch_and_loses_nothing(void **state)
{
	struct daemon *d = *state;

	for (unsigned i = 0; i < IO_BATCH + 5; i++)
		come("fd00::1", 64);
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(packets_in, IO_BATCH);
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(packets_in, IO_BATCH + 5);
}

static void the_largest_packet_has_its_room(void **state)
{
	struct daemon *d = *state;

	for (unsigned i = 0; i < IO_BATCH; i++)
		come("fd00::1", TUN_PACKET_MAX);
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(packets_in, IO_BATCH);
}

static void a_packet_that_would_come_back_is_dropped_and_counted(void **state)
{
	struct daemon *d = *state;

	come("fd00::7", 64);
	come("fd00::1", 64);
	come("fd00::7", 64);
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(packets_in, 1);
	assert_int_equal(d->tun.looped, 2);
	come("fd00::7", 64);
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(batch_count, 1);
}

static void what_the_node_delivers_is_written(void **state)
{
	struct daemon *d = *state;
	uint8_t packet[TUN_PACKET_MAX];

	tun_deliver(d, bytes_of("packet", 6));
	assert_int_equal(read(far_end, packet, sizeof(packet)), 6);
	assert_memory_equal(packet, "packet", 6);
}

static void a_full_tun_is_counted_and_nothing_waits(void **state)
{
	static const uint8_t packet[1000];
	struct daemon *d = *state;

	while (!d->tun.write_errors)
		tun_deliver(d, bytes_of(packet, sizeof(packet)));
	tun_deliver(d, bytes_of(packet, sizeof(packet)));
	assert_int_equal(d->tun.write_errors, 2);
	assert_false(fake.has_failed);
}

static void a_tun_that_is_gone_ends_the_daemon_with_a_sentence(void **state)
{
	struct daemon *d = *state;
	int blank = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Reading from it is an error, as from a device that was removed. */
	strcpy(d->config.tun, "mesh0");
	assert_true(blank >= 0);
	come("fd00::1", 64);
	ev_io_stop(d->loop, &d->tun.io);
	assert_true(dup2(blank, d->tun.fd) >= 0);
	close(blank);
	ev_invoke(d->loop, &d->tun.io, EV_READ);
	assert_true(fake.has_failed);
	assert_non_null(strstr(fake.text, "the interface was removed: start meshd again"));
	assert_int_equal(batch_count, 0);
}

int main(void)
{
#define TUN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TUN_TEST(destinations_of_both_families_are_found),
		TUN_TEST(what_is_cut_short_or_no_ip_has_no_destination),
		TUN_TEST(waiting_packets_reach_the_node_in_one_call),
		TUN_TEST(a_wakeup_takes_one_batch_and_loses_nothing),
		TUN_TEST(the_largest_packet_has_its_room),
		TUN_TEST(a_packet_that_would_come_back_is_dropped_and_counted),
		TUN_TEST(what_the_node_delivers_is_written),
		TUN_TEST(a_full_tun_is_counted_and_nothing_waits),
		TUN_TEST(a_tun_that_is_gone_ends_the_daemon_with_a_sentence),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
