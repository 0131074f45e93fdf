/*
 * What a test says and asks in the small world: probes that speak Babel by
 * hand, counts of what they heard, and the speakers' view of a prefix.
 */
#ifndef TESTS_UNIT_ROUTING_HARNESS_H
#define TESTS_UNIT_ROUTING_HARNESS_H

#include "tests/unit/routing_world.h"

/* --- what probes say -------------------------------------------------------------------------- */

struct speech {
	struct world *w;
	unsigned node, segment;
	uint8_t buffer[1400];
	struct wire_builder builder;
};

static inline struct speech probe_speech(struct world *w, unsigned i, unsigned segment)
{
	return (struct speech){ .w = w, .node = i, .segment = segment };
}

static inline void speech_begin(struct speech *s)
{
	struct address self = world_address(s->node, s->segment);

	wire_build_begin(&s->builder, s->buffer, sizeof(s->buffer), &self);
}

static inline void speech_add(struct speech *s, struct babel_tlv tlv)
{
	assert_int_equal(wire_write(&s->builder, &tlv), 0);
}

/* Delivers at once to the speaker. */
static inline void speech_end(struct speech *s, unsigned to)
{
	struct world *w = s->w;
	struct babel_sender from = { world_address(s->node, s->segment), BABEL_PORT, 1, false, false };

	babel_receive(w->nodes[to].b, w->now, s->segment, &from, wire_build_end(&s->builder));
	node_poll(w, to);
}

static inline void probe_say(struct world *w, unsigned i, unsigned segment, unsigned to, struct babel_tlv tlv)
{
	struct speech s = probe_speech(w, i, segment);

	speech_begin(&s);
	speech_add(&s, tlv);
	speech_end(&s, to);
}

static inline struct babel_tlv say_hello(uint16_t seqno, uint16_t interval_cs)
{
	return (struct babel_tlv){ .type = TLV_HELLO, .u.hello = { .seqno = seqno, .interval_cs = interval_cs } };
}

static inline struct babel_tlv say_ihu(uint16_t rxcost, uint16_t interval_cs)
{
	return (struct babel_tlv){ .type = TLV_IHU, .u.ihu = { .rxcost = rxcost, .interval_cs = interval_cs } };
}

static inline struct babel_tlv say_update(const char *prefix, router_id origin, uint16_t seqno, uint16_t metric)
{
	struct babel_tlv tlv = { .type = TLV_UPDATE };

	tlv.u.update.prefix = world_prefix(prefix);
	tlv.u.update.interval_cs = 400;
	tlv.u.update.seqno = seqno;
	tlv.u.update.metric = metric;
	tlv.u.update.origin = origin;
	return tlv;
}

static inline struct babel_tlv say_route_request(const char *prefix)
{
	struct babel_tlv tlv = { .type = TLV_ROUTE_REQUEST };

	if (prefix)
		tlv.u.route_request.prefix = world_prefix(prefix);
	else
		tlv.u.route_request.wildcard = true;
	return tlv;
}

static inline struct babel_tlv say_seqno_request(const char *prefix, router_id origin, uint16_t seqno, uint8_t hops)
{
	struct babel_tlv tlv = { .type = TLV_SEQNO_REQUEST };

	tlv.u.seqno_request.prefix = world_prefix(prefix);
	tlv.u.seqno_request.seqno = seqno;
	tlv.u.seqno_request.hop_count = hops;
	tlv.u.seqno_request.origin = origin;
	return tlv;
}

/* Answers the last acknowledgment request that the probe heard. */
static inline void probe_ack(struct world *w, unsigned i, unsigned segment, unsigned to)
{
	const struct node *n = &w->nodes[i];

	for (size_t k = n->heard_count; k-- > 0;) {
		if (n->heard[k].tlv.type != TLV_ACK_REQUEST)
			continue;
		probe_say(w, i, segment, to,
			(struct babel_tlv){ .type = TLV_ACK, .u.ack.opaque = n->heard[k].tlv.u.ack_request.opaque });
		return;
	}
}

/* Acknowledges whatever the probe was asked to since the last probe_forget(). */
static inline void probe_ack_all(struct world *w, unsigned i, unsigned segment, unsigned to)
{
	const struct node *n = &w->nodes[i];

	for (size_t k = 0; k < n->heard_count; k++)
		if (n->heard[k].tlv.type == TLV_ACK_REQUEST)
			probe_say(w, i, segment, to,
				(struct babel_tlv){
					.type = TLV_ACK, .u.ack.opaque = n->heard[k].tlv.u.ack_request.opaque });
}

/* A probe becomes a usable neighbour of cost 96: two Hellos, an IHU, an
 * acknowledgment. Its Hello seqno is `seqno` + 2 afterwards. */
static inline void probe_befriend(struct world *w, unsigned i, unsigned segment, unsigned to, uint16_t seqno)
{
	probe_say(w, i, segment, to, say_hello(seqno, 100));
	world_run(w, 20 * MILLISECOND);
	probe_ack(w, i, segment, to);
	probe_say(w, i, segment, to, say_hello((uint16_t)(seqno + 1), 100));
	probe_say(w, i, segment, to, say_ihu(96, 6000));
}

/* Keeps a probe alive for `seconds`, one Hello each; returns the next seqno. */
static inline uint16_t probe_live(
	struct world *w, unsigned i, unsigned segment, unsigned to, uint16_t seqno, unsigned seconds)
{
	for (unsigned s = 0; s < seconds; s++) {
		probe_say(w, i, segment, to, say_hello(seqno++, 100));
		world_run(w, A_SECOND);
	}
	return seqno;
}

static inline void probe_forget(struct world *w, unsigned i)
{
	w->nodes[i].heard_count = 0;
}

static inline size_t probe_count(const struct world *w, unsigned i, enum tlv_type type)
{
	size_t count = 0;

	for (size_t k = 0; k < w->nodes[i].heard_count; k++)
		count += w->nodes[i].heard[k].tlv.type == type;
	return count;
}

/* The last message of a kind that the probe heard, or NULL. */
static inline const struct heard *probe_last(const struct world *w, unsigned i, enum tlv_type type)
{
	for (size_t k = w->nodes[i].heard_count; k-- > 0;)
		if (w->nodes[i].heard[k].tlv.type == type)
			return &w->nodes[i].heard[k];
	return NULL;
}

static inline const struct heard *probe_last_update(const struct world *w, unsigned i, const char *prefix)
{
	struct prefix p = world_prefix(prefix);

	for (size_t k = w->nodes[i].heard_count; k-- > 0;) {
		const struct heard *h = &w->nodes[i].heard[k];

		if (h->tlv.type == TLV_UPDATE && !h->tlv.u.update.wildcard && prefix_equal(&h->tlv.u.update.prefix, &p))
			return h;
	}
	return NULL;
}

static inline size_t probe_count_updates(const struct world *w, unsigned i, const char *prefix, bool retractions)
{
	struct prefix p = world_prefix(prefix);
	size_t count = 0;

	for (size_t k = 0; k < w->nodes[i].heard_count; k++) {
		const struct babel_tlv *t = &w->nodes[i].heard[k].tlv;

		count += t->type == TLV_UPDATE && !t->u.update.wildcard && prefix_equal(&t->u.update.prefix, &p) &&
			 (t->u.update.metric == BABEL_INFINITY) == retractions;
	}
	return count;
}

/* --- looking -------------------------------------------------------------------------------- */

static inline uint16_t node_metric(const struct world *w, unsigned i, const char *prefix)
{
	struct prefix p = world_prefix(prefix);
	struct babel_route r;

	return babel_selected(w->nodes[i].b, &p, BABEL_TEXT, &r) ? r.metric : BABEL_INFINITY;
}

static inline int node_next(const struct world *w, unsigned i, const char *prefix)
{
	struct prefix p = world_prefix(prefix);
	struct babel_route r;

	return babel_selected(w->nodes[i].b, &p, BABEL_TEXT, &r) ? world_node_at(&r.neighbour, r.link) : -1;
}

struct neighbour_search {
	struct address address;
	unsigned link;
	bool is_found;
	struct babel_neighbour_info info;
};

static inline void neighbour_search_each(void *arg, const struct babel_neighbour_info *info)
{
	struct neighbour_search *s = arg;

	if (info->link == s->link && address_equal(&info->address, &s->address)) {
		s->is_found = true;
		s->info = *info;
	}
}

static inline bool node_neighbour(
	const struct world *w, unsigned i, unsigned segment, unsigned other, struct babel_neighbour_info *out)
{
	struct neighbour_search s = { .address = world_address(other, segment), .link = segment };

	babel_dump_neighbours(w->nodes[i].b, neighbour_search_each, &s);
	*out = s.info;
	return s.is_found;
}

struct route_search {
	struct prefix prefix;
	struct address neighbour;
	bool is_found;
	struct babel_route_info info;
};

static inline void route_search_each(void *arg, const struct babel_route_info *info)
{
	struct route_search *s = arg;

	if (prefix_equal(&info->route.prefix, &s->prefix) && address_equal(&info->route.neighbour, &s->neighbour)) {
		s->is_found = true;
		s->info = *info;
	}
}

static inline bool node_route(const struct world *w, unsigned i, const char *prefix, unsigned segment,
	unsigned neighbour, struct babel_route_info *out)
{
	struct route_search s = { .prefix = world_prefix(prefix), .neighbour = world_address(neighbour, segment) };

	babel_dump_routes(w->nodes[i].b, w->now, BABEL_TEXT, route_search_each, &s);
	*out = s.info;
	return s.is_found;
}

/* A speaker 0 and a usable probe 1 on segment 0. */
static inline struct world *world_with_probe(void)
{
	struct world *w = world_new(1);

	node_start(w, 0);
	probe_start(w, 1);
	world_cable(w, 0, 0, 1);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 7);
	world_run(w, 500 * MILLISECOND);
	return w;
}

#endif
