/*
 * Bytes that nobody honest sent: each is dropped, counted under its reason, and
 * changes nothing that can be seen.
 */
#include "tests/unit/node_world.h"

#include "meshd/node/state.h"

#include <stdarg.h>

#define AIR 0

static const struct endpoint elsewhere = { 6, { 2, 0, 0, 0, 0, 0x66 } };

/* --- what a node looks like ------------------------------------------------------------- */

struct portrait {
	char text[16384];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void draw(struct portrait *p, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(p->text + p->len, sizeof(p->text) - p->len, format, arguments);
	va_end(arguments);
	assert_true(n >= 0 && p->len + (size_t)n < sizeof(p->text));
	p->len += (size_t)n;
}

static void draw_peer(void *arg, const struct node_peer_info *info)
{
	draw(arg, "peer %u %02x%02x up %d since %llu at", info->link, info->rid.bytes[6], info->rid.bytes[7],
		info->is_up, (unsigned long long)info->up_since_us);
	for (unsigned i = 0; i < info->endpoint.len; i++)
		draw(arg, " %02x", info->endpoint.bytes[i]);
	draw(arg, " heard %llu\n", (unsigned long long)info->last_heard_us);
}

static void draw_route(void *arg, const struct babel_route_info *info)
{
	char text[PREFIX_TEXT];

	draw(arg, "route %s metric %u seqno %u selected %d held %d\n", prefix_format(&info->route.prefix, text),
		info->route.metric, info->route.seqno, info->selected, info->held);
}

static void draw_neighbour(void *arg, const struct babel_neighbour_info *info)
{
	draw(arg, "neighbour %u cost %u tx %u routes %zu\n", info->link, info->cost[BABEL_TEXT], info->txcost,
		info->routes);
}

static void draw_certificate(void *arg, const struct certificate *c)
{
	draw(arg, "certificate %s %u\n", c->name, c->serial);
}

static void draw_node(struct portrait *p, struct world *w, unsigned i)
{
	const struct node *n = w->stations[i].node;
	const struct babel_counters *c = babel_counters(node_babel(n));

	p->len = 0;
	node_dump_peers(n, draw_peer, p);
	node_dump_certificates(n, draw_certificate, p);
	babel_dump_neighbours(node_babel(n), draw_neighbour, p);
	babel_dump_routes(node_babel(n), w->now, BABEL_TEXT, draw_route, p);
	draw(p, "babel in %llu\n", (unsigned long long)c->packets_received);
	draw(p, "handshakes %u indices %zu peers %zu delivered %llu duplicate %d\n", n->handshakes_theirs,
		n->indices.count, n->peer_count, (unsigned long long)n->counters.packets_delivered, n->has_duplicate);
}

/* --- a settled pair and what it said ------------------------------------------------------- */

static struct world *settled_pair(uint64_t seed)
{
	struct world *w = world_of(seed, 2);

	w->is_recording = true;
	station_join(w, 0, AIR);
	station_join(w, 1, AIR);
	world_run(w, 5 * A_SECOND);
	world_flow(w, 0, 1, 0, 5, MILLISECOND);
	world_flow(w, 1, 0, 0, 5, MILLISECOND);
	w->is_recording = false;
	assert_true(is_peer(w, 0, 1, AIR) && is_peer(w, 1, 0, AIR));
	assert_true(w->tape_count > 20 && w->tape_count < TAPE_MAX);
	return w;
}

/* One frame into station 0; the total of drops goes up by one and nothing else moves. */
static void refuse_on(struct world *w, unsigned link, const struct endpoint *from, struct bytes frame)
{
	static struct portrait before, after;
	uint64_t drops = drops_of(w, 0);

	draw_node(&before, w, 0);
	station_hear(&w->stations[0], link, from, frame);
	draw_node(&after, w, 0);
	assert_string_equal(after.text, before.text);
	assert_int_equal(drops_of(w, 0), drops + 1);
}

static void refuse(struct world *w, const struct endpoint *from, struct bytes frame)
{
	refuse_on(w, AIR, from, frame);
}

static void refuse_as(struct world *w, unsigned link, struct bytes frame, size_t reason)
{
	const struct node_drops *d = &counters_of(w, 0)->drops;
	const uint64_t *counter = (const uint64_t *)((const char *)d + reason);
	uint64_t before = *counter;

	refuse_on(w, link, &elsewhere, frame);
	assert_int_equal(*counter, before + 1);
}
#define REFUSE_AS_ON(w, link, frame, reason) refuse_as(w, link, frame, offsetof(struct node_drops, reason))
#define REFUSE_AS(w, frame, reason) REFUSE_AS_ON(w, AIR, frame, reason)

static const struct flight *heard(const struct world *w, uint8_t type, unsigned from)
{
	for (unsigned i = w->tape_count; i-- > 0;)
		if (w->tape[i].data[0] == type && w->tape[i].from == from)
			return &w->tape[i];
	return NULL;
}

static void unknown_types_are_counted(void **state)
{
	struct world *w = settled_pair(1);
	uint8_t frame[64] = { 0 };

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		bool is_known =
			(type >= FRAME_INIT && type <= FRAME_ANSWER && type != FRAME_PART) || type == FRAME_TYPE_DATA;

		if (is_known)
			continue;
		frame[0] = (uint8_t)type;
		REFUSE_AS(w, bytes_of(frame, sizeof(frame)), unknown_type);
	}
	world_free(w);
}

static void truncated_frames_of_every_type_change_nothing(void **state)
{
	static const uint8_t types[] = { FRAME_INIT, FRAME_RESP, FRAME_FIN, FRAME_BEACON, FRAME_PLEA, FRAME_ANSWER,
		FRAME_TYPE_DATA };
	struct world *w = settled_pair(2);
	unsigned tried = 0;

	(void)state;
	for (unsigned t = 0; t < sizeof(types); t++) {
		for (unsigned from = 0; from < 2; from++) {
			const struct flight *f = heard(w, types[t], from);

			for (size_t len = 0; f && len < f->len; len++) {
				refuse(w, &elsewhere, bytes_of(f->data, len));
				tried++;
			}
		}
	}
	assert_true(tried > 500);
	assert_true(counters_of(w, 0)->drops.truncated > 0);
	assert_int_equal(world_flow(w, 0, 1, 100, 10, MILLISECOND), 0);
	assert_int_equal(world_flow(w, 1, 0, 100, 10, MILLISECOND), 0);
	world_free(w);
}

static void bit_flips_in_every_type_change_nothing(void **state)
{
	static const uint8_t types[] = { FRAME_INIT, FRAME_RESP, FRAME_FIN, FRAME_BEACON, FRAME_PLEA, FRAME_ANSWER,
		FRAME_TYPE_DATA };
	struct world *w = settled_pair(3);
	unsigned tried = 0;

	(void)state;
	for (unsigned t = 0; t < sizeof(types); t++) {
		for (unsigned from = 0; from < 2; from++) {
			const struct flight *f = heard(w, types[t], from);

			/* mac2 counts under load only: without it an INIT is a replay (node_handshake.c). */
			size_t bits = f ? 8 * (f->len - (types[t] == FRAME_INIT ? MAC_LEN : 0)) : 0;

			for (size_t bit = 0; bit < bits; bit++) {
				struct flight bad = *f;

				bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
				refuse(w, &elsewhere, bytes_of(bad.data, bad.len));
				tried++;
			}
		}
	}
	assert_true(tried > 4000);
	assert_int_equal(world_flow(w, 0, 1, 100, 10, MILLISECOND), 0);
	assert_int_equal(world_flow(w, 1, 0, 100, 10, MILLISECOND), 0);
	world_free(w);
}

static void data_frames_are_refused_by_reason(void **state)
{
	struct world *w = settled_pair(4);
	const struct flight *f = heard(w, FRAME_TYPE_DATA, 1);
	struct flight bad;

	(void)state;
	assert_non_null(f);
	REFUSE_AS(w, bytes_of(f->data, f->len), replayed);
	REFUSE_AS(w, bytes_of(f->data, FRAME_OVERHEAD - 1), truncated);
	bad = *f;
	bad.data[4] ^= 0xff; /* receiver index */
	REFUSE_AS(w, bytes_of(bad.data, bad.len), unknown_session);
	bad = *f;
	bad.data[10] ^= 1; /* a counter to come */
	REFUSE_AS(w, bytes_of(bad.data, bad.len), not_authentic);
	bad = *f;
	bad.data[8] ^= 0x80;
	bad.data[9] ^= 1;
	bad.data[FRAME_HEADER] ^= 1;
	REFUSE_AS(w, bytes_of(bad.data, bad.len), not_authentic);
	world_free(w);
}

static void handshake_frames_are_refused_by_reason(void **state)
{
	struct world *w = settled_pair(5);
	uint8_t cookie[4 + COOKIE_SEALED_LEN + 8] = { FRAME_COOKIE };
	const struct flight *beacon = heard(w, FRAME_BEACON, 1);
	struct flight bad;

	(void)state;
	assert_non_null(beacon);
	bad = *beacon;
	bad.data[bad.len - 1] ^= 1;
	REFUSE_AS(w, bytes_of(bad.data, bad.len), beacon_foreign);
	for (unsigned from = 0; from < 2; from++) {
		const struct flight *init = heard(w, FRAME_INIT, from);

		if (!init)
			continue;
		bad = *init;
		memset(bad.data + 16, 0x55, bad.len - 16);
		REFUSE_AS(w, bytes_of(bad.data, bad.len), mac1_wrong);
	}
	/* Cookies that nobody asked for, of any length. */
	for (size_t len = 1; len <= sizeof(cookie); len++)
		refuse(w, &elsewhere, bytes_of(cookie, len));
	world_free(w);
}

static void noise_of_every_type_and_length_changes_nothing(void **state)
{
	struct world *w = settled_pair(6);
	uint8_t noise[1600];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = prng_below(&w->prng, i % 10 ? 300 : sizeof(noise));

		for (size_t k = 0; k < len; k++)
			noise[k] = (uint8_t)prng_next(&w->prng);
		if (len && i % 2)
			noise[0] = (uint8_t)(i % 4 == 1 ? FRAME_TYPE_DATA : 1 + i / 4 % 5);
		refuse(w, &elsewhere, bytes_of(noise, len));
	}
	assert_int_equal(world_flow(w, 0, 1, 100, 10, MILLISECOND), 0);
	world_free(w);
}

static void reordered_and_doubled_frames_arrive_once(void **state)
{
	struct world *w = settled_pair(7);
	struct segment *s = &w->segments[AIR];

	(void)state;
	s->jitter = 200 * MILLISECOND;
	s->duplication = 500;
	for (uint32_t i = 100; i < 1100; i++) {
		station_say(w, 0, 1, i);
		world_run(w, MILLISECOND);
	}
	world_run(w, A_SECOND);
	for (uint32_t i = 100; i < 1100; i++)
		assert_true(w->stations[1].seen[i]);
	assert_int_equal(w->stations[1].twice, 0);
	assert_true(counters_of(w, 1)->drops.replayed > 300);
	assert_int_equal(w->stations[0].events[NODE_NEIGHBOUR_DOWN], 0);
	world_free(w);
}

static void frames_on_links_that_are_not_there_are_dropped(void **state)
{
	struct world *w = settled_pair(8);
	const struct flight *f = heard(w, FRAME_TYPE_DATA, 1);

	(void)state;
	REFUSE_AS_ON(w, 7, bytes_of(f->data, f->len), link_down);
	REFUSE_AS_ON(w, NODE_LINK_MAX, bytes_of(f->data, f->len), link_down);
	node_link_set_up(w->stations[0].node, w->now, AIR, false);
	REFUSE_AS_ON(w, AIR, bytes_of(f->data, f->len), link_down);
	assert_int_equal(node_counters(w->stations[0].node)->packets_delivered, 5);
	world_free(w);
}

/* --- a member that misbehaves inside its session ---------------------------------------------- */

static struct peer *peer_at(struct world *w, unsigned i, unsigned other)
{
	struct node *n = w->stations[i].node;
	struct address there = node_neighbour_address(&w->stations[other].rid);
	struct peer *p = peer_find_address(n->links[AIR], &there);

	assert_non_null(p);
	return p;
}

/* Station 1 sends an inner frame to station 0. */
static void inside(struct world *w, uint8_t kind, struct bytes body)
{
	peer_send(peer_at(w, 1, 0), w->now, kind, body);
	world_run(w, 2 * MILLISECOND);
}

static void unknown_inner_kinds_are_counted(void **state)
{
	struct world *w = settled_pair(20);
	unsigned sent = 0;

	(void)state;
	for (unsigned kind = 0; kind < 256; kind++) {
		unsigned base = kind & ~(unsigned)KIND_MULTICAST;

		if ((base & ~(unsigned)KIND_CLASS) == KIND_IP || base == KIND_BABEL || base == KIND_CONTROL ||
			kind == KIND_PIECE || kind == KIND_MESSAGE)
			continue;
		inside(w, (uint8_t)kind, bytes_of("meshmesh", 8));
		sent++;
	}
	assert_int_equal(counters_of(w, 0)->drops.unknown_kind, sent);
	assert_true(is_peer(w, 0, 1, AIR));
	world_free(w);
}

static void inner_noise_harms_nobody(void **state)
{
	static const uint8_t kinds[] = { KIND_IP, KIND_BABEL, KIND_CONTROL, KIND_MESSAGE, KIND_BABEL | KIND_MULTICAST,
		KIND_CONTROL | KIND_MULTICAST, KIND_IP | KIND_MULTICAST };
	struct world *w = settled_pair(21);
	uint8_t noise[1400];

	(void)state;
	for (unsigned i = 0; i < 6000; i++) {
		size_t len = prng_below(&w->prng, i % 8 ? 120 : sizeof(noise));

		for (size_t k = 0; k < len; k++)
			noise[k] = (uint8_t)prng_next(&w->prng);
		if (len > 4 && i % 3 == 0) {
			/* Into the parsers: a Babel header, an IP version, a small control code. */
			noise[0] = (uint8_t)(i % 2 ? 42 : 0x60);
			noise[1] = 2;
			noise[2] = (uint8_t)((len - 4) >> 8);
			noise[3] = (uint8_t)(len - 4);
		}
		inside(w, kinds[i % sizeof(kinds)], bytes_of(noise, len));
	}
	assert_true(counters_of(w, 0)->drops.packet_malformed > 0);
	assert_true(counters_of(w, 0)->drops.control_malformed > 0);
	assert_true(babel_counters(node_babel(w->stations[0].node))->packets_bad_magic > 0);
	world_run(w, 20 * A_SECOND);
	assert_true(is_peer(w, 0, 1, AIR));
	assert_true(reaches(w, 0, 1));
	assert_int_equal(world_flow(w, 0, 1, 100, 10, MILLISECOND), 0);
	world_free(w);
}

static void empty_inner_frame_is_dropped(void **state)
{
	struct world *w = settled_pair(22);
	struct peer *p = peer_at(w, 1, 0);
	uint8_t frame[FRAME_OVERHEAD];
	uint64_t drops = drops_of(w, 0);
	int len = keyring_seal(&p->keys, frame, 0, 0);

	(void)state;
	assert_int_equal(len, FRAME_OVERHEAD);
	station_hear(&w->stations[0], AIR, &w->stations[1].ports[AIR].self, bytes_of(frame, (size_t)len));
	assert_true(drops_of(w, 0) <= drops + 1);
	assert_true(is_peer(w, 0, 1, AIR));
	assert_int_equal(w->stations[0].received, 5);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_types_are_counted),
		cmocka_unit_test(truncated_frames_of_every_type_change_nothing),
		cmocka_unit_test(bit_flips_in_every_type_change_nothing),
		cmocka_unit_test(data_frames_are_refused_by_reason),
		cmocka_unit_test(handshake_frames_are_refused_by_reason),
		cmocka_unit_test(noise_of_every_type_and_length_changes_nothing),
		cmocka_unit_test(reordered_and_doubled_frames_arrive_once),
		cmocka_unit_test(frames_on_links_that_are_not_there_are_dropped),
		cmocka_unit_test(unknown_inner_kinds_are_counted),
		cmocka_unit_test(inner_noise_harms_nobody),
		cmocka_unit_test(empty_inner_frame_is_dropped),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
