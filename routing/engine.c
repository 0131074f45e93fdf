/*
 * The speaker as a whole: made, driven, given packets.
 *
 * A packet is parsed into typed messages, one after the other, and each goes to
 * the table it concerns. What concerns the packet as a whole (a timestamped
 * Hello beside an IHU, RFC 9616) is gathered on the way and judged at its end.
 */
#include "meshd/base/fetch.h"
#include "routing/ahead.h"
#include "routing/compact.h"

#include <stdlib.h>

bool seqno_is_newer(uint16_t a, uint16_t b)
{
	return a != b && ((a - b) & 0x8000) == 0;
}

void engine_started(struct babel *b, uint64_t now_us)
{
	if (b->is_started)
		return;
	b->is_started = true;
	b->started_us = now_us;
	gate_started(b, now_us);
}

uint64_t engine_random_between(struct babel *b, uint64_t low, uint64_t high)
{
	return low + random_below(&b->config.random, high - low + 1);
}

/* --- new and free --------------------------------------------------------------------- */

static void limits_default(struct babel_limits *l)
{
	if (l->neighbours == 0)
		l->neighbours = 256;
	if (l->routes == 0)
		l->routes = 16384;
	if (l->sources == 0)
		l->sources = 65536;
	if (l->requests == 0)
		l->requests = 4096;
}

struct babel *babel_new(const struct babel_config *config, const struct babel_output *output, void *user)
{
	struct babel *b = router_id_is_reserved(&config->id) ? NULL : calloc(1, sizeof(*b));
	uint64_t secret[2];

	if (!b)
		return NULL;
	b->config = *config;
	if (b->config.classes < 1 || b->config.classes > BABEL_CLASSES)
		b->config.classes = b->config.classes < 1 ? 1 : BABEL_CLASSES;
	b->output = *output;
	b->user = user;
	limits_default(&b->config.limits);
	heap_init(&b->heap);
	random_fill(&b->config.random, secret, sizeof(secret));
	map_init(&b->destinations, b->config.limits.sources, secret);
	map_init(&b->requests, b->config.limits.requests, secret);
	list_init(&b->sessions);
	list_init(&b->starving);
	timer_init(&b->drift, session_drift_due);
	list_init(&b->unsettled);
	timer_init(&b->settle, session_settle_due);
	timer_init(&b->starve, route_starve_due);
	timer_init(&b->gate, gate_look);
	b->is_gated = config->has_open_links;
	b->opaque = (uint16_t)random_u32(&b->config.random);
	b->has_stored = config->has_stored_seqno;
	b->stored = config->stored_seqno;
	b->seqno = config->has_stored_seqno ? (uint16_t)(config->stored_seqno + 17)
					    : (uint16_t)random_u32(&b->config.random);
	return b;
}

void babel_end(struct babel *b)
{
	b->is_leaving = true;
}

void babel_free(struct babel *b)
{
	if (!b)
		return;
	babel_end(b);
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++)
		babel_link_remove(b, 0, id);
	for (struct map_entry *e = map_next(&b->requests, NULL); e; e = map_next(&b->requests, NULL))
		request_free(container_of(e, struct request, entry));
	for (struct map_entry *e = map_next(&b->destinations, NULL); e; e = map_next(&b->destinations, NULL))
		destination_free(container_of(e, struct destination, entry));
	map_done(&b->requests);
	map_done(&b->destinations);
	free(b->places);
	heap_done(&b->heap);
	free(b);
}

/* --- time -------------------------------------------------------------------------------- */

/* If the owner's loop slept, nothing could be heard: that is nobody's miss. */
static void engine_forgive(struct babel *b, uint64_t now_us, uint64_t slept_us)
{
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		if (!b->links[id])
			continue;
		list_for_each (node, next, &b->links[id]->neighbours)
			neighbour_forgive(list_entry(node, struct neighbour, on_link), now_us, slept_us);
	}
}

uint64_t babel_poll(struct babel *b, uint64_t now_us)
{
	uint64_t due_us = heap_next(&b->heap);

	engine_started(b, now_us);
	if (b->is_leaving)
		return NEVER;
	if (due_us < now_us)
		engine_forgive(b, now_us, now_us - due_us);
	return heap_run(&b->heap, now_us);
}

void babel_fetch(const struct babel *b, unsigned step)
{
	if (step == 0) {
		fetch(&b->config, sizeof(b->config) + sizeof(b->output) + sizeof(b->user) + sizeof(b->heap));
		fetch(&b->counters, CACHE_LINE);
		fetch(b->links, CACHE_LINE);
		fetch(&b->destinations, sizeof(b->destinations));
		return;
	}
	fetch(b->heap.slots, b->heap.count ? CACHE_LINE : 0);
	for (unsigned id = 0; id < CACHE_LINE / sizeof(b->links[0]); id++)
		if (b->links[id])
			fetch(&b->links[id]->neighbours, CACHE_LINE);
}

/* --- packets -------------------------------------------------------------------------------- */

struct reception {
	struct link *link;
	struct address from;
	struct neighbour *neighbour;
	bool is_late;
	bool has_hello, has_ihu;
	uint32_t hello;
	uint32_t origin, receive;
	/* Of a versioned neighbour. */
	enum delta_use use;
	struct babel_tlv delta;
	struct ahead entries; /* its updates that wait */
	bool has_refresh;
	struct babel_tlv refresh;
};

static bool sender_is_valid(const struct link *link, const struct babel_sender *from)
{
	if (from->port != BABEL_PORT || from->hop_limit != 1 || address_equal(&from->address, &link->self))
		return false;
	if (from->address.family == FAMILY_IPV4)
		return link->config.has_ipv4 && !address_equal(&from->address, &link->config.next_hop_ipv4);
	return address_is_link_local(&from->address);
}

static void ihu_received(struct reception *rx, uint64_t now_us, const struct babel_tlv *tlv)
{
	const struct link *link = rx->link;
	bool is_for_us = !tlv->u.ihu.has_address || address_equal(&tlv->u.ihu.address, &link->self) ||
			 (link->config.has_ipv4 && address_equal(&tlv->u.ihu.address, &link->config.next_hop_ipv4));

	if (!rx->neighbour || !is_for_us)
		return;
	if (tlv->u.ihu.has_timestamps && link->config.rtt) {
		rx->has_ihu = true;
		rx->origin = tlv->u.ihu.origin;
		rx->receive = tlv->u.ihu.receive;
	}
	neighbour_ihu(rx->neighbour, now_us, tlv);
}

static void hello_received(struct reception *rx, uint64_t now_us, const struct babel_tlv *tlv)
{
	rx->neighbour = neighbour_hello(rx->link, now_us, &rx->from, tlv);
	if (tlv->u.hello.has_timestamp) {
		rx->has_hello = true;
		rx->hello = tlv->u.hello.t1;
	}
}

/* In a delta the updates of one prefix are one entry: what is not named is not there. */
static void session_update_received(struct reception *rx, uint64_t now_us, const struct babel_tlv *tlv)
{
	if (tlv->u.update.class != BABEL_TEXT) {
		bool is_ours = tlv->u.update.class < rx->link->b->config.classes;

		if (!is_ours || !ahead_add_class(&rx->entries, tlv))
			rx->link->b->counters.updates_stray_class++;
		return;
	}
	if (tlv->u.update.wildcard && tlv->u.update.metric == BABEL_INFINITY) {
		ahead_end(&rx->entries, now_us);
		adj_in_leave(rx->neighbour->session, now_us);
		return;
	}
	if (rx->use == DELTA_APPLIED || rx->use == DELTA_RETRACTIONS)
		ahead_add(&rx->entries, now_us, tlv);
}

static void plain_update_received(struct reception *rx, uint64_t now_us, const struct babel_tlv *tlv)
{
	const struct announcement a = announcement_of(tlv);

	route_update(rx->neighbour, now_us, &a);
}

static void update_received(struct reception *rx, uint64_t now_us, const struct babel_tlv *tlv)
{
	struct babel *b = rx->link->b;

	b->counters.updates_received++;
	if (rx->neighbour && tlv->u.update.metric != BABEL_INFINITY &&
		router_id_equal(&tlv->u.update.origin, &b->config.id)) {
		ahead_catch_up(&rx->entries, now_us);
		seqno_meet_own_past(b, now_us, tlv->u.update.seqno);
	}
	if (rx->neighbour && rx->neighbour->session)
		session_update_received(rx, now_us, tlv);
	else if (tlv->u.update.class != BABEL_TEXT)
		b->counters.tlvs_mandatory_subtlv++; /* it does not know what that means */
	/* Before the neighbour has confirmed our restart its routes may be ours. */
	else if (rx->neighbour && rx->neighbour->is_confirmed)
		plain_update_received(rx, now_us, tlv);
}

static void delta_end(struct reception *rx, uint64_t now_us)
{
	ahead_end(&rx->entries, now_us);
	if (rx->use != DELTA_NONE)
		adj_in_delta_end(rx->neighbour->session, now_us, rx->use, &rx->delta);
	rx->use = DELTA_NONE;
}

/* A refresh is judged when all of its packet has been applied. */
static void session_received(struct reception *rx, uint64_t now_us, const struct babel_tlv *tlv)
{
	struct session *s = rx->neighbour ? rx->neighbour->session : NULL;

	if (!s)
		return;
	if (tlv->type == TLV_SYNCACK) {
		s->out.is_followed |= tlv->u.syncack.epoch == s->out.epoch;
		session_syncack_received(s, now_us, tlv);
	} else if (tlv->type == TLV_BATCH_REQUEST) {
		batch_received(s, now_us, tlv);
	} else if (tlv->type == TLV_COMPACT) {
		rx->use = compact_received(s, now_us, rx->use, tlv);
	} else if (tlv->type == TLV_REFRESH) {
		rx->has_refresh = true;
		rx->refresh = *tlv;
	} else {
		delta_end(rx, now_us);
		rx->delta = *tlv;
		rx->use = adj_in_delta(s, now_us, tlv, rx->is_late);
		ahead_begin(&rx->entries, s, rx->use);
	}
}

static void tlv_received(struct reception *rx, uint64_t now_us, const struct babel_tlv *tlv)
{
	/* What follows may end what an entry is said in. */
	if (tlv->type != TLV_UPDATE)
		ahead_end(&rx->entries, now_us);
	switch (tlv->type) {
	case TLV_ACK_REQUEST:
		ack_answer(rx->link, &rx->from, tlv);
		break;
	case TLV_ACK:
		if (rx->neighbour)
			neighbour_acked(rx->neighbour, now_us, tlv->u.ack.opaque);
		break;
	case TLV_HELLO:
		hello_received(rx, now_us, tlv);
		break;
	case TLV_IHU:
		ihu_received(rx, now_us, tlv);
		break;
	case TLV_UPDATE:
		update_received(rx, now_us, tlv);
		break;
	case TLV_ROUTE_REQUEST:
	case TLV_SEQNO_REQUEST:
		request_received(rx->link, now_us, &rx->from, tlv);
		break;
	case TLV_REFRESH:
	case TLV_DELTA:
	case TLV_SYNCACK:
	case TLV_COMPACT:
	case TLV_BATCH_REQUEST:
		session_received(rx, now_us, tlv);
		break;
	default:
		break;
	}
}

void babel_receive(struct babel *b, uint64_t now_us, unsigned id, const struct babel_sender *from, struct bytes packet)
{
	struct link *link = link_by_id(b, id);
	struct wire_parser parser;
	struct wire_thin thin;
	struct babel_tlv tlv;

	if (!link || b->is_leaving)
		return;
	b->counters.packets_received++;
	if (!sender_is_valid(link, from)) {
		b->counters.packets_bad_sender++;
		return;
	}
	struct reception rx = { .link = link, .from = from->address, .is_late = from->is_late };
	rx.neighbour = neighbour_find(link, &from->address);
	if (rx.neighbour && rx.neighbour->session && wire_thin_read(&thin, packet)) {
		thin_received(rx.neighbour->session, now_us, &thin, rx.is_late);
		return;
	}
	if (wire_parse_begin(&parser, packet, &from->address, &b->counters))
		return;
	while (wire_parse_next(&parser, &tlv))
		tlv_received(&rx, now_us, &tlv);
	delta_end(&rx, now_us);
	if (rx.neighbour && rx.has_hello && rx.has_ihu) {
		rtt_sample(rx.neighbour, now_us, rx.hello, rx.origin, rx.receive);
		neighbour_cost_update(rx.neighbour, now_us);
	}
	if (rx.has_refresh)
		adj_in_refresh(rx.neighbour->session, now_us, &rx.refresh, rx.is_late);
}
