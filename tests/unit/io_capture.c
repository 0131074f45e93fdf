/* Captures over the control socket: whole blocks, what a slow reader loses, what stays sealed, and how they end. */
#include "tests/unit/io_served.h"

#include "meshd/base/pcapng.h"
#include "meshd/node/state.h"

#define SEALED "{\"request\": \"capture\", \"link\": \"radio0\"}\n"
#define OPENED "{\"request\": \"capture\", \"link\": \"radio0\", \"opened\": true}\n"
#define STREAM_MAX (8u << 20)

static uint8_t stream[STREAM_MAX];
static size_t stream_len;

struct counted {
	uint64_t packets;
	bool has_statistics;
	struct pcapng_statistics statistics;
	struct bytes last; /* packet */
};

/* Asks, and takes the answer line. */
static int begun(const struct daemon *d, const char *request, const char *answer)
{
	int fd = connected(d);
	char line[512];
	size_t len = 0;

	assert_true(fd >= 0);
	assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	for (unsigned i = 0; i < 1000 && (!len || line[len - 1] != '\n'); i++) {
		turns(d, 1);
		len += recv(fd, line + len, 1, 0) == 1;
		assert_true(len < sizeof(line));
	}
	line[len] = 0;
	says(line, answer);
	stream_len = 0;
	return fd;
}

/* Takes what comes for some turns of the loop; true: the end came. */
static bool streamed(const struct daemon *d, int fd, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ssize_t got = recv(fd, stream + stream_len, STREAM_MAX - stream_len, 0);

		if (got == 0)
			return true;
		stream_len += got > 0 ? (size_t)got : 0;
		turns(d, 1);
	}
	return false;
}

/* All of it is whole blocks. */
static struct counted counted(void)
{
	struct counted c = { 0 };
	uint32_t type, len;

	for (size_t at = 0; at < stream_len; at += len) {
		assert_true(stream_len - at >= PCAPNG_BLOCK_MIN);
		struct reader r = reader_of(bytes_of(stream + at, stream_len - at));
		type = read_le32(&r);
		len = read_le32(&r);
		assert_true(len >= PCAPNG_BLOCK_MIN && len <= stream_len - at && len % 4 == 0);
		if (type == PCAPNG_PACKET) {
			read_skip(&r, 12);
			c.last = read_bytes(&r, read_le32(&r) + 4);
			c.last = bytes_of(c.last.data + 4, c.last.len - 4);
			c.packets++;
		}
		c.has_statistics |= pcapng_statistics_read(bytes_of(stream + at, len), &c.statistics);
	}
	return c;
}

static void sent(struct daemon *d, size_t len)
{
	static const uint8_t frame[NODE_FRAME_MAX] = { 10 };

	if (d->ports[0].tap.is_on) /* as port_send() asks */
		tap_out(&d->ports[0], NULL, bytes_of(frame, len));
}

static void a_capture_is_all_that_passes_until_the_client_ends_it(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;

	sent(d, 100); /* before */
	int fd = begun(d, SEALED, "\"ok\":true");
	for (unsigned i = 0; i < 50; i++)
		sent(d, 100 + i);
	assert_false(streamed(d, fd, 20));
	assert_int_equal(counted().packets, 50);
	assert_int_equal(counted().last.len, 16 + 149);
	shutdown(fd, SHUT_WR);
	assert_true(streamed(d, fd, 20));
	assert_true(counted().has_statistics);
	assert_int_equal(counted().statistics.seen, 50);
	assert_int_equal(counted().statistics.lost, 0);
	assert_false(d->ports[0].tap.is_on);
	assert_int_equal(said(*state, "capture of radio0, sealed"), 1);
	close(fd);
	unserved(w);
}

static void who_reads_slowly_loses_packets_and_is_told_how_many(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = begun(d, SEALED, "\"ok\":true");

	for (unsigned i = 0; i < 3000; i++) {
		sent(d, 1400);
		turns(d, 1);
	}
	shutdown(fd, SHUT_WR);
	assert_true(streamed(d, fd, 10000));
	struct counted c = counted();
	assert_true(c.has_statistics);
	assert_true(c.statistics.lost > 500);
	assert_int_equal(c.statistics.seen, 3000);
	assert_int_equal(c.packets + c.statistics.lost, 3000);
	close(fd);
	unserved(w);
}

/* The ring goes round many times. */
static void who_reads_in_time_loses_nothing(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = begun(d, SEALED, "\"ok\":true");

	for (unsigned i = 0; i < 4000; i++) {
		sent(d, i % 1500 + 1);
		streamed(d, fd, 1);
	}
	shutdown(fd, SHUT_WR);
	assert_true(streamed(d, fd, 1000));
	assert_int_equal(counted().packets, 4000);
	assert_int_equal(counted().statistics.lost, 0);
	close(fd);
	unserved(w);
}

static void few_run_at_once_and_one_that_is_gone_makes_room(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fds[TAPS_MAX];

	for (unsigned i = 0; i < TAPS_MAX; i++)
		fds[i] = begun(d, SEALED, "\"ok\":true");
	close(begun(d, SEALED, "end one of them"));
	close(fds[0]);
	turns(d, 5);
	fds[0] = begun(d, OPENED, "\"ok\":true");
	for (unsigned i = 0; i < TAPS_MAX; i++)
		close(fds[i]);
	sent(d, 100);
	turns(d, 5);
	assert_false(d->ports[0].tap.is_on);
	unserved(w);
}

static void a_link_that_is_not_there_is_an_error(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;

	close(begun(d, "{\"request\": \"capture\", \"link\": \"sat9\"}\n", "there is no link \\\"sat9\\\""));
	close(begun(d, "{\"request\": \"capture\"}\n", "there is no link"));
	turns(d, 5);
	unserved(w);
}

static void a_link_that_goes_away_ends_its_captures(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	int fd = begun(d, SEALED, "\"ok\":true");

	sent(d, 100);
	tap_link_gone(&d->ports[0]);
	assert_true(streamed(d, fd, 20));
	assert_int_equal(counted().packets, 1);
	assert_true(counted().has_statistics);
	close(fd);
	unserved(w);
}

/* --- opened --------------------------------------------------------------------------------- */

/* An inner frame: a packet of that class. */
static struct bytes packet_between(uint8_t room[64], const struct address *from, const struct address *to)
{
	struct writer w = writer_of(room, 64);

	write_u8(&w, 0x20);
	write_u32(&w, 6u << 28);
	write_u32(&w, 59u << 8 | 64); /* no next header */
	write_copy(&w, from->bytes, 16);
	write_copy(&w, to->bytes, 16);
	return writer_bytes(&w);
}

static void opened_shows_what_ends_here_and_no_packets_of_others(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	struct port *p = &d->ports[0];
	struct address own = node_address(d->node), relay = node_address(w->members[RELAY].d->node);
	struct address city = node_address(w->members[CITY].d->node);
	uint8_t room[64];
	int fd = begun(d, OPENED, "\"ok\":true");

	tap_inner(p, true, &relay, packet_between(room, &own, &city));
	sent(d, 90);
	assert_false(streamed(d, fd, 10));
	assert_int_equal(counted().packets, 1);
	assert_int_equal(counted().last.len, 14 + 40);
	tap_inner(p, true, &relay, packet_between(room, &relay, &city));
	sent(d, 91);
	assert_false(streamed(d, fd, 10));
	assert_int_equal(counted().packets, 2);
	assert_int_equal(counted().last.len, 16 + 91);
	/* Two in one frame, of which one is not ours: it stays sealed beside the other. */
	tap_whole(p, true, &relay, packet_between(room, &relay, &city));
	tap_whole(p, true, &relay, packet_between(room, &city, &own));
	tap_inner(p, true, &relay, bytes_of("\6x", 2));
	sent(d, 92);
	assert_false(streamed(d, fd, 10));
	assert_int_equal(counted().packets, 4);
	assert_int_equal(counted().last.len, 16 + 92);
	close(fd);
	turns(d, 5);
	unserved(w);
}

static void world_inner(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	tap_inner(&((struct member *)user)->d->ports[link], is_out, neighbour, inner);
}

static void world_whole(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	tap_whole(&((struct member *)user)->d->ports[link], is_out, neighbour, inner);
}

/* The relay's next frame on the radio, as the car's port takes it in. */
static void radio_frame_comes(struct world *w, struct bytes piece)
{
	struct node_link *link = w->members[RELAY].d->node->links[0];
	struct endpoint from = { .len = 1, .bytes = { RELAY + 1 } };

	assert_int_equal(w->head, w->tail);
	peer_send(list_entry(link->peers.next, struct peer, on_link), w->now_us, KIND_PIECE, piece);
	assert_int_equal(w->tail, w->head + 1);
	struct flight f = w->flights[w->head++ % FRAMES_MAX];
	assert_int_equal(f.to, CAR);
	tap_frames_in(&w->members[CAR].d->ports[f.link], w->now_us, &(struct node_frame){ from, f.frame, f.len }, 1);
	free(f.frame);
}

static struct bytes piece_of(uint8_t room[64], uint8_t id, size_t at, struct bytes inner)
{
	bool is_last = inner.len - at <= 2 * PIECE_UNIT;
	struct writer w = writer_of(room, 64);

	write_u8(&w, id);
	write_u8(&w, (uint8_t)(at / PIECE_UNIT << 1 | is_last));
	write_copy(&w, inner.data + at, is_last ? inner.len - at : 2 * PIECE_UNIT);
	return writer_bytes(&w);
}

/* In the place of the last of them; and of others it stays sealed then, too. */
static void what_came_in_pieces_is_shown_once_it_is_whole(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	struct address own = node_address(d->node), city = node_address(w->members[CITY].d->node);
	uint8_t room[64], piece[64];

	w->is_cut[FIBRE0] = w->is_cut[RADIO1] = true;
	world_run(w, 10 * SECOND_US);
	while (w->head < w->tail)
		world_run(w, DELAY_US);
	d->node->output.inner = world_inner;
	d->node->output.whole = world_whole;
	int fd = begun(d, OPENED, "\"ok\":true");
	struct bytes inner = packet_between(room, &city, &own);
	radio_frame_comes(w, piece_of(piece, 7, 0, inner));
	assert_false(streamed(d, fd, 10));
	assert_int_equal(counted().packets, 1);
	assert_int_equal(counted().last.data[12] << 8 | counted().last.data[13], 0x88b5);
	radio_frame_comes(w, piece_of(piece, 7, 32, inner));
	assert_false(streamed(d, fd, 10));
	assert_int_equal(counted().packets, 2);
	assert_int_equal(counted().last.len, 14 + 40);
	inner = packet_between(room, &city, &city);
	radio_frame_comes(w, piece_of(piece, 8, 0, inner));
	radio_frame_comes(w, piece_of(piece, 8, 32, inner));
	assert_false(streamed(d, fd, 10));
	assert_int_equal(counted().packets, 4);
	assert_int_equal(counted().last.data[12] << 8 | counted().last.data[13], 0x88b5);
	close(fd);
	turns(d, 5);
	unserved(w);
}

/* The node opens a frame where it lies: what stays sealed is shown as it came. */
static void what_comes_and_cannot_be_opened_is_shown_as_it_came(void **state)
{
	struct world *w = served(*state);
	struct daemon *d = w->members[CAR].d;
	struct endpoint from = { .len = 1, .bytes = { RELAY + 1 } };
	uint8_t frames[2][NODE_FRAME_MAX + NODE_TAILROOM] = { { 10, 0, 0, 0, 7 }, { 1, 2 } };
	int fd = begun(d, OPENED, "\"ok\":true");

	tap_frames_in(
		&d->ports[0], w->now_us, (struct node_frame[]){ { from, frames[0], 60 }, { from, frames[1], 61 } }, 2);
	assert_false(streamed(d, fd, 10));
	assert_int_equal(counted().packets, 2);
	assert_int_equal(counted().last.len, 16 + 61);
	assert_int_equal(counted().last.data[16], 1);
	close(fd);
	turns(d, 5);
	unserved(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_capture_is_all_that_passes_until_the_client_ends_it),
		TEST(who_reads_slowly_loses_packets_and_is_told_how_many),
		TEST(who_reads_in_time_loses_nothing),
		TEST(few_run_at_once_and_one_that_is_gone_makes_room),
		TEST(a_link_that_is_not_there_is_an_error),
		TEST(a_link_that_goes_away_ends_its_captures),
		TEST(opened_shows_what_ends_here_and_no_packets_of_others),
		TEST(what_came_in_pieces_is_shown_once_it_is_whole),
		TEST(what_comes_and_cannot_be_opened_is_shown_as_it_came),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
