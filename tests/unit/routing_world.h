/*
 * A small world of Babel speakers in one process, in virtual time.
 *
 * Nodes are joined by segments (a cable, an Ethernet, a radio cell). A node with
 * an engine is a speaker; a node without one is a probe: it records what it
 * hears as typed messages and says what the test makes it say. After every event
 * the successor graph of every prefix is walked: a loop fails the test.
 */
#ifndef TESTS_UNIT_ROUTING_WORLD_H
#define TESTS_UNIT_ROUTING_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "routing/babel.h"
#include "routing/wire.h"

#define NODES 8
#define SEGMENTS 16
#define PREFIXES 4
#define HEARD_MAX 8192
#define CHANGES_MAX 512
#define MILLISECOND UINT64_C(1000)
#define A_SECOND UINT64_C(1000000)

struct heard {
	uint64_t at;
	struct address from;
	bool multicast;
	unsigned packet; /* number of the packet that carried it */
	size_t packet_len;
	struct babel_tlv tlv;
};

struct change {
	uint64_t at;
	enum babel_route_change change;
	struct babel_route route;
};

struct world;

struct member {
	bool is_here;
	unsigned segment;
};

struct node {
	struct world *w;
	unsigned index;
	struct babel *b; /* NULL: a probe */
	struct babel_config config;
	struct prng prng;
	uint64_t due;
	struct member members[SEGMENTS]; /* by link id, which is the segment's number */
	uint16_t stored;
	unsigned stores;
	struct heard *heard;
	size_t heard_count;
	struct change changes[CHANGES_MAX];
	size_t change_count;
	struct babel_verdict verdict;
	unsigned packets;
	const struct babel_member *cards; /* members whom it knows, in the order of their short-ids */
	size_t card_count;
};

struct flight {
	struct flight *next;
	uint64_t at;
	unsigned segment, from, to;
	bool multicast;
	size_t len;
	uint8_t data[2048];
};

struct segment {
	bool is_down;
	uint64_t delay;
	unsigned loss_permille;
	unsigned deaf[NODES]; /* bit mask: whom this node does not hear here */
	size_t largest; /* packet seen */
	size_t bytes; /* of all packets */
};

struct world {
	uint64_t now;
	struct node nodes[NODES];
	struct segment segments[SEGMENTS];
	struct prefix prefixes[PREFIXES];
	size_t prefix_count;
	struct flight *flights;
	struct prng prng;
	bool allow_loops; /* a scenario in which the protocol does not promise loop-freedom */
	unsigned loops;
	unsigned classes; /* of which probes' sessions speak, as a bit mask */
};

static inline struct address world_address(unsigned node, unsigned segment)
{
	uint8_t bytes[16] = { 0xfe, 0x80 };

	bytes[13] = (uint8_t)(segment + 1);
	bytes[15] = (uint8_t)(node + 1);
	return address_ipv6(bytes);
}

static inline router_id world_id(unsigned node)
{
	return (router_id){ { 2, 0, 0, 0, 0, 0, 0, (uint8_t)(node + 1) } };
}

static inline struct prefix world_prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

/* --- the oracle ------------------------------------------------------------------ */

static inline int world_node_at(const struct address *a, unsigned link)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct address there = world_address(i, link);

		if (address_equal(&there, a))
			return (int)i;
	}
	return -1;
}

static inline void world_check(struct world *w)
{
	for (size_t p = 0; p < w->prefix_count; p++) {
		for (unsigned start = 0; start < NODES; start++) {
			int at = (int)start;
			unsigned steps = 0;
			struct babel_route r;

			while (at >= 0 && w->nodes[at].b &&
				babel_selected(w->nodes[at].b, &w->prefixes[p], BABEL_TEXT, &r) && steps <= NODES) {
				at = world_node_at(&r.neighbour, r.link);
				steps++;
			}
			if (steps > NODES)
				w->loops++;
		}
	}
	if (!w->allow_loops)
		assert_int_equal(w->loops, 0);
}

/* --- flights ------------------------------------------------------------------------ */

static inline void world_launch(
	struct world *w, unsigned segment, unsigned from, unsigned to, bool multicast, struct bytes packet)
{
	struct segment *s = &w->segments[segment];
	struct flight *f, **at = &w->flights;

	if (s->is_down || prng_below(&w->prng, 1000) < s->loss_permille || (s->deaf[to] >> from & 1))
		return;
	f = calloc(1, sizeof(*f));
	assert_non_null(f);
	assert_true(packet.len <= sizeof(f->data));
	f->at = w->now + s->delay;
	f->segment = segment;
	f->from = from;
	f->to = to;
	f->multicast = multicast;
	f->len = packet.len;
	memcpy(f->data, packet.data, packet.len);
	while (*at && (*at)->at <= f->at)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

static inline void world_send(void *user, unsigned link, const struct address *to, struct bytes packet)
{
	struct node *n = user;
	struct world *w = n->w;

	w->segments[link].bytes += packet.len;
	if (packet.len > w->segments[link].largest)
		w->segments[link].largest = packet.len;
	for (unsigned i = 0; i < NODES; i++) {
		struct address there = world_address(i, link);

		if (i == n->index || !w->nodes[i].members[link].is_here)
			continue;
		if (!to || address_equal(to, &there))
			world_launch(w, link, n->index, i, !to, packet);
	}
}

static inline void world_changed(void *user, enum babel_route_change change, const struct babel_route *route)
{
	struct node *n = user;

	if (n->change_count < CHANGES_MAX)
		n->changes[n->change_count++] = (struct change){ n->w->now, change, *route };
}

static inline void world_store(void *user, uint16_t seqno)
{
	struct node *n = user;

	n->stored = seqno;
	n->stores++;
}

static inline struct babel_verdict world_accept(void *user, unsigned link, const struct address *neighbour,
	const struct prefix *prefix, const router_id *origin, uint16_t metric)
{
	struct node *n = user;

	(void)link, (void)neighbour, (void)prefix, (void)origin, (void)metric;
	return n->verdict;
}

static inline bool world_member_from(void *user, uint16_t from, struct babel_member *out)
{
	const struct node *n = user;

	for (size_t i = 0; i < n->card_count; i++) {
		if (n->cards[i].short_id < from)
			continue;
		*out = n->cards[i];
		return true;
	}
	return false;
}

/* All but the first two bytes of an origin follow from the member. */
static inline bool world_member_of_origin(void *user, const router_id *origin, struct babel_member *out)
{
	const struct node *n = user;

	for (size_t i = 0; i < n->card_count; i++) {
		if (memcmp(n->cards[i].origin.bytes + 2, origin->bytes + 2, 6) != 0)
			continue;
		*out = n->cards[i];
		return true;
	}
	return false;
}

static inline void probe_hear(struct node *n, const struct flight *f)
{
	struct babel_counters counters = { 0 };
	struct address from = world_address(f->from, f->segment);
	struct wire_parser parser;
	struct babel_tlv tlv;

	n->packets++;
	assert_int_equal(wire_parse_begin(&parser, bytes_of(f->data, f->len), &from, &counters), 0);
	while (wire_parse_next(&parser, &tlv)) {
		assert_true(n->heard_count < HEARD_MAX);
		n->heard[n->heard_count++] = (struct heard){ n->w->now, from, f->multicast, n->packets, f->len, tlv };
	}
	assert_int_equal(counters.tlvs_malformed, 0);
	assert_int_equal(counters.tlvs_bad_value, 0);
}

static inline void world_land(struct world *w, const struct flight *f)
{
	struct node *n = &w->nodes[f->to];
	struct babel_sender from = { world_address(f->from, f->segment), BABEL_PORT, 1, f->multicast, false };

	if (!n->b) {
		if (n->heard)
			probe_hear(n, f);
		return;
	}
	babel_receive(n->b, w->now, f->segment, &from, bytes_of(f->data, f->len));
	n->due = babel_poll(n->b, w->now);
}

/* --- time ------------------------------------------------------------------------------ */

static inline bool world_step(struct world *w, uint64_t until)
{
	uint64_t at = w->flights ? w->flights->at : UINT64_MAX;
	int who = -1;

	for (unsigned i = 0; i < NODES; i++) {
		if (w->nodes[i].b && w->nodes[i].due < at) {
			at = w->nodes[i].due;
			who = (int)i;
		}
	}
	if (at > until)
		return false;
	if (at > w->now)
		w->now = at;
	if (who >= 0) {
		w->nodes[who].due = babel_poll(w->nodes[who].b, w->now);
	} else {
		struct flight *f = w->flights;

		w->flights = f->next;
		if (!w->segments[f->segment].is_down)
			world_land(w, f);
		free(f);
	}
	world_check(w);
	return true;
}

static inline void world_run(struct world *w, uint64_t us)
{
	uint64_t until = w->now + us;

	while (world_step(w, until))
		;
	w->now = until;
}

/* --- building ------------------------------------------------------------------------------ */

static inline struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	prng_seed(&w->prng, seed);
	w->now = 1000 * A_SECOND;
	for (unsigned i = 0; i < SEGMENTS; i++)
		w->segments[i].delay = MILLISECOND;
	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = &w->nodes[i];

		n->w = w;
		n->index = i;
		n->due = UINT64_MAX;
		n->verdict = (struct babel_verdict){ .accept = true, .is_named = true };
		prng_seed(&n->prng, seed * 100 + i);
		n->config = (struct babel_config){ .id = world_id(i), .kernel_has_v4_via_v6 = true };
		n->config.has_stored_seqno = true;
		n->config.stored_seqno = (uint16_t)(100 * i);
		n->config.random = prng_random(&n->prng);
	}
	return w;
}

static inline void world_free(struct world *w)
{
	for (struct flight *f = w->flights, *next; f; f = next) {
		next = f->next;
		free(f);
	}
	for (unsigned i = 0; i < NODES; i++) {
		babel_free(w->nodes[i].b);
		free(w->nodes[i].heard);
	}
	free(w);
}

static inline struct babel *node_start(struct world *w, unsigned i)
{
	struct babel_output output = { .send = world_send,
		.route_changed = world_changed,
		.seqno_store = world_store,
		.accept = world_accept,
		.member_from = world_member_from,
		.member_of_origin = world_member_of_origin };
	struct node *n = &w->nodes[i];

	n->b = babel_new(&n->config, &output, n);
	assert_non_null(n->b);
	n->due = babel_poll(n->b, w->now);
	return n->b;
}

static inline void probe_start(struct world *w, unsigned i)
{
	w->nodes[i].heard = calloc(HEARD_MAX, sizeof(struct heard));
	assert_non_null(w->nodes[i].heard);
}

/* Hello 1 s, update 4 s, wired. */
static inline struct babel_link_config world_link(void)
{
	return (struct babel_link_config){
		.name = "test",
		.cost = BABEL_COST_2_OUT_OF_3,
		.rxcost = 96,
		.hello_interval_cs = 100,
		.update_interval_cs = 400,
		.mtu = 1400,
	};
}

static inline void node_poll(struct world *w, unsigned i)
{
	if (w->nodes[i].b)
		w->nodes[i].due = babel_poll(w->nodes[i].b, w->now);
	world_check(w);
}

static inline void node_join_with(struct world *w, unsigned i, unsigned segment, struct babel_link_config config)
{
	struct address self = world_address(i, segment);

	w->nodes[i].members[segment].is_here = true;
	if (!w->nodes[i].b)
		return;
	assert_int_equal(babel_link_add(w->nodes[i].b, w->now, segment, &self, &config), 0);
	node_poll(w, i);
}

static inline void node_join(struct world *w, unsigned i, unsigned segment)
{
	node_join_with(w, i, segment, world_link());
}

static inline void node_leave(struct world *w, unsigned i, unsigned segment)
{
	w->nodes[i].members[segment].is_here = false;
	if (w->nodes[i].b)
		babel_link_remove(w->nodes[i].b, w->now, segment);
	node_poll(w, i);
}

/* A cable of its own between two nodes. */
static inline void world_cable(struct world *w, unsigned segment, unsigned a, unsigned b)
{
	node_join(w, a, segment);
	node_join(w, b, segment);
}

static inline struct prefix node_announce(struct world *w, unsigned i, const char *text)
{
	struct prefix p = world_prefix(text);

	assert_int_equal(babel_originate(w->nodes[i].b, w->now, &p, 0), 0);
	node_poll(w, i);
	for (size_t k = 0; k < w->prefix_count; k++)
		if (prefix_equal(&w->prefixes[k], &p))
			return p;
	assert_true(w->prefix_count < PREFIXES);
	w->prefixes[w->prefix_count++] = p;
	return p;
}

#endif
