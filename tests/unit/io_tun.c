/* Packets at the TUN: where they want to go, and those that would come straight back. */
#include "tests/unit/io_fakes.h"

#include "meshd/base/checksum.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

void port_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count)
{
	(void)p, (void)to, (void)frames, (void)count;
}

/* --- the node's answers ------------------------------------------------------------------------- */

static struct address own;
static size_t batches[64], batch_count, packets_in;
static bool returns; /* the node delivers what it is given */
static struct daemon *current;

struct address node_address(const struct node *n)
{
	(void)n;
	return own;
}

void node_packets_in(struct node *n, uint64_t now_us, struct node_packet *packets, size_t count)
{
	(void)n, (void)now_us;
	assert_in_range(batch_count, 0, 63);
	batches[batch_count++] = count;
	packets_in += count;
	if (returns) {
		for (size_t i = 0; i < count; i++)
			tun_deliver(current, bytes_of(packets[i].data, packets[i].len));
		return;
	}
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
	returns = false;
	current = d;
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

/* --- large packets ------------------------------------------------------------------------------ */

#define HEADERS 60 /* IPv6 and TCP */

/* As the kernel hands it out: TCP over IPv6, `size` bytes of payload to be put into each packet; 0: it is one. */
static void large_come(size_t payload, unsigned size)
{
	static uint8_t packet[sizeof(struct virtio_net_hdr) + LARGE_PACKET_MAX];
	static uint32_t seq;
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 40, .csum_offset = 16 };
	uint8_t *ip = packet + sizeof(h);

	h.gso_type = size ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_NONE;
	h.gso_size = (uint16_t)size;
	memcpy(packet, &h, sizeof(h));
	ipv6_make(ip, "fd00::1", HEADERS);
	field_put_u16(ip + 4, 20 + payload);
	ip[6] = 6;
	ip[7] = 64;
	field_put_u32(ip + 44, seq);
	ip[52] = 0x50;
	ip[53] = 0x10;
	for (size_t i = 0; i < payload; i++)
		ip[HEADERS + i] = (uint8_t)((seq + i) * 7 >> 3);
	seq += (uint32_t)payload;
	checksum_put_sum(ip + 56,
		checksum_add_u16(checksum_add_u16(checksum_add(0, bytes_of(ip + 8, 32)), 6), (uint16_t)(20 + payload)));
	assert_int_equal(write(far_end, packet, sizeof(h) + HEADERS + payload), sizeof(h) + HEADERS + payload);
}

/* What leaves by the TUN: one packet, large or not, whose payload is returned. */
static size_t large_goes(unsigned size, uint32_t *seq)
{
	static uint8_t packet[sizeof(struct virtio_net_hdr) + LARGE_PACKET_MAX];
	const uint8_t *ip = packet + sizeof(struct virtio_net_hdr);
	struct virtio_net_hdr h;
	ssize_t len = read(far_end, packet, sizeof(packet));

	if (len < 0)
		return 0;
	memcpy(&h, packet, sizeof(h));
	size_t payload = (size_t)len - sizeof(h) - HEADERS;
	*seq = field_u32(ip + 44);
	assert_int_equal(h.gso_size, payload > size ? size : 0);
	for (size_t i = 0; i < payload; i++)
		assert_int_equal(ip[HEADERS + i], (uint8_t)((*seq + i) * 7 >> 3));
	return payload;
}

/* They come again as they were, whatever the read before them was like; no payload is lost or moved. */
static void large_packets_are_cut_and_joined_again(void **state)
{
	static const struct {
		size_t payload;
		unsigned size;
	} series[] = { { 40000, 1340 }, { 40001, 1340 }, { 300, 0 }, { 40000, 1340 }, { 1340, 0 }, { 60000, 1200 },
		{ 60000, 1200 }, { 1900, 0 }, { 60000, 1200 }, { 1201, 1200 }, { 60000, 900 }, { 60000, 1200 } };
	struct daemon *d = *state;
	uint32_t seq = 0, expected = 0;
	bool has_begun = false;

	d->tun.has_header = d->tun.gives_large = true;
	returns = true;
	for (unsigned i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
		size_t left = series[i].payload;

		large_come(series[i].payload, series[i].size);
		ev_run(d->loop, EVRUN_NOWAIT);
		while (left) {
			size_t payload = large_goes(series[i].size ? series[i].size : 2000, &seq);

			assert_in_range(payload, 1, left);
			assert_true(!has_begun || seq == expected);
			has_begun = true;
			expected = seq + (uint32_t)payload;
			left -= payload;
		}
	}
	assert_int_equal(d->tun.malformed, 0);
	assert_int_equal(d->tun.write_errors, 0);
}

/* Small packets before a large one are not lost, nor overtaken. */
static void what_was_read_before_a_large_packet_goes_before_it(void **state)
{
	struct daemon *d = *state;

	d->tun.has_header = true;
	for (unsigned i = 0; i < 5; i++)
		large_come(100, 0);
	large_come(50000, 1000);
	large_come(100, 0);
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(packets_in, 5 + 50 + 1);
	assert_int_equal(batches[0], 5);
	assert_int_equal(batches[1], 50);
}

/* More pieces than there are rooms: all of them arrive. */
static void tiny_pieces_take_more_than_one_batch(void **state)
{
	struct daemon *d = *state;

	d->tun.has_header = true;
	for (unsigned i = 0; i < 2; i++) {
		packets_in = batch_count = 0;
		large_come(20000, 100);
		ev_run(d->loop, EVRUN_NOWAIT);
		assert_int_equal(packets_in, 200);
		assert_int_equal(batch_count, 4);
	}
}

static void the_rooms_of_the_pieces_are_whole(void **state)
{
	struct daemon *d = *state;

	d->tun.has_header = true;
	for (unsigned i = 0; i < 3; i++) {
		packets_in = 0;
		large_come(60000, 1400);
		ev_run(d->loop, EVRUN_NOWAIT);
		assert_int_equal(packets_in, 43);
	}
}

static void nonsense_before_a_packet_is_counted(void **state)
{
	struct daemon *d = *state;

	d->tun.has_header = true;
	large_come(3000, 2500); /* pieces that no room takes */
	large_come(3000, 0); /* nor this */
	ev_run(d->loop, EVRUN_NOWAIT);
	assert_int_equal(d->tun.malformed, 2);
	assert_int_equal(packets_in, 0);
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
		TUN_TEST(large_packets_are_cut_and_joined_again),
		TUN_TEST(what_was_read_before_a_large_packet_goes_before_it),
		TUN_TEST(tiny_pieces_take_more_than_one_batch),
		TUN_TEST(the_rooms_of_the_pieces_are_whole),
		TUN_TEST(nonsense_before_a_packet_is_counted),
		TUN_TEST(a_tun_that_is_gone_ends_the_daemon_with_a_sentence),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
