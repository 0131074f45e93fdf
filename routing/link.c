/*
 * Links: when a node says Hello, hears its neighbours, and repeats its table
 * (RFC 8966, 3.2.3, 3.4.1, 3.7.1).
 *
 * Multicast Hellos promise the configured interval; the first few, and those after
 * a new neighbour appeared, come ahead of time, which the RFC allows, so that two of
 * them are soon heard. On a paced link they promise nothing and are for strangers:
 * whom we know has Hellos of its own (hello.c).
 */
#include "routing/session.h"

#include <errno.h>
#include <stdlib.h>

uint64_t link_hello_interval_us(const struct link *link)
{
	return (uint64_t)link->config.hello_interval_cs * 10 * MS;
}

uint64_t link_update_interval_us(const struct link *link)
{
	return (uint64_t)link->config.update_interval_cs * 10 * MS;
}

uint64_t link_update_hold_us(const struct link *link)
{
	/* 3.5 intervals (appendix B), and half a one for what is on the way. */
	return 4 * link_update_interval_us(link);
}

void link_request_all(struct link *link, uint64_t now_us, struct neighbour *only)
{
	struct babel_tlv tlv = { .type = TLV_ROUTE_REQUEST, .u.route_request.wildcard = true };

	queue_message(only ? &only->queue : &link->queue, now_us, &tlv);
}

static void link_write_hello(struct link *link, struct packet *p, uint64_t now_us)
{
	struct babel_tlv tlv = { .type = TLV_HELLO };

	tlv.u.hello.seqno = link->hello_seqno++;
	tlv.u.hello.interval_cs = link_is_paced(link) ? 0 : link->config.hello_interval_cs;
	tlv.u.hello.has_timestamp = link->config.rtt;
	tlv.u.hello.t1 = (uint32_t)now_us;
	packet_write(p, &tlv);
	link->last_hello_us = now_us;
}

/* On lossy links an IHU goes with each Hello, else with every third. */
static bool link_ihu_is_due(struct link *link, const struct neighbour *n, bool is_third)
{
	return is_third || link->config.rtt || metric_is_lossy(n) || n->told_rxcost != metric_rxcost(n);
}

static void link_write_ihus(struct link *link, struct packet *p)
{
	bool is_third = link->hellos_until_ihu == 0;

	link->hellos_until_ihu = is_third ? 2 : link->hellos_until_ihu - 1;
	list_for_each (node, next, &link->neighbours) {
		struct neighbour *n = list_entry(node, struct neighbour, on_link);

		/* Timestamps count only beside a Hello: not in an overflow packet. */
		if (link_ihu_is_due(link, n, is_third))
			neighbour_write_ihu(n, p, p->sent == 0, metric_rxcost(n));
	}
}

static uint64_t link_next_hello_us(struct link *link)
{
	uint64_t interval_us = link_hello_interval_us(link);
	uint64_t next_us = engine_random_between(link->b, interval_us - interval_us / 10, interval_us);

	if (link->fast_hellos == 0)
		return next_us;
	link->fast_hellos--;
	return next_us < FAST_HELLO_US ? next_us : FAST_HELLO_US;
}

/* All that was ever announced here, before the start. What holds is said anew. */
static void link_write_retraction(struct link *link, struct packet *p, uint64_t now_us)
{
	const struct babel_tlv tlv = update_retracting_all(link);

	packet_write(p, &tlv);
	timer_set_earlier(&link->b->heap, &link->update, now_us + engine_random_between(link->b, 50 * MS, 100 * MS));
}

uint64_t link_fast_us(const struct link *link)
{
	uint64_t fast_us = link_hello_interval_us(link) / 4;

	return link->config.is_thin && fast_us > FAST_HELLO_US ? fast_us : FAST_HELLO_US;
}

static void link_hello(struct timer *timer, uint64_t now_us)
{
	struct link *link = container_of(timer, struct link, hello);
	bool is_paced = link_is_paced(link);
	struct packet p;

	/* Strangers on a thin link make themselves known to the owner. */
	if (!is_paced || !link->config.is_thin || link_speaks_plain(link)) {
		packet_begin(&p, link->b, link, NULL);
		link_write_hello(link, &p, now_us);
		if (gate_takes_back(link, now_us))
			link_write_retraction(link, &p, now_us);
		if (!is_paced)
			link_write_ihus(link, &p);
		packet_send(&p);
	}
	timer_set(&link->b->heap, &link->hello,
		now_us + (is_paced ? link_next_stranger_us(link) : link_next_hello_us(link)));
}

void link_hello_soon(struct link *link, uint64_t now_us, unsigned count)
{
	uint64_t due_us = now_us + engine_random_between(link->b, URGENT_JITTER_MIN_US, URGENT_JITTER_MAX_US);

	/* Many neighbours that appear at once are served by the same few Hellos. */
	if (link->last_hello_us && due_us < link->last_hello_us + FAST_HELLO_US / 2)
		due_us = link->last_hello_us + FAST_HELLO_US / 2;
	if (link->fast_hellos < count)
		link->fast_hellos = count;
	timer_set_earlier(&link->b->heap, &link->hello, due_us);
}

bool link_speaks_plain(const struct link *link)
{
	for (const struct list *node = link->neighbours.next; node != &link->neighbours; node = node->next)
		if (!list_entry(node, struct neighbour, on_link)->session)
			return true;
	/* Who is not known yet may listen. */
	return list_is_empty(&link->neighbours);
}

static void link_update(struct timer *timer, uint64_t now_us)
{
	struct link *link = container_of(timer, struct link, update);
	uint64_t interval_us = link_update_interval_us(link);

	if (link_speaks_plain(link))
		update_dump(link, now_us, NULL);
	timer_set(&link->b->heap, &link->update,
		now_us + engine_random_between(link->b, interval_us - interval_us / 8, interval_us - interval_us / 32));
}

static bool config_is_valid(const struct babel_link_config *c)
{
	return c->rxcost != 0 && c->hello_interval_cs != 0 && c->update_interval_cs != 0 &&
	       (c->idle_interval_cs == 0 || c->idle_interval_cs >= c->hello_interval_cs) &&
	       c->mtu >= BABEL_PACKET_MIN && (c->packet_max == 0 || c->packet_max >= PACKET_LEAST) &&
	       (!c->has_ipv4 || c->next_hop_ipv4.family == FAMILY_IPV4);
}

int babel_link_add(struct babel *b, uint64_t now_us, unsigned id, const struct address *self,
	const struct babel_link_config *config)
{
	if (id >= BABEL_LINK_MAX || !config_is_valid(config) || self->family == FAMILY_NONE)
		return -EINVAL;
	if (b->links[id])
		return -EEXIST;
	struct link *link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	engine_started(b, now_us);
	link->config = *config;
	if (link->config.mtu > UINT16_MAX)
		link->config.mtu = UINT16_MAX;
	if (link->config.packet_max == 0 || link->config.packet_max > link->config.mtu)
		link->config.packet_max = link->config.mtu;
	link->buffer = malloc(link->config.mtu);
	if (!link->buffer) {
		free(link);
		return -ENOMEM;
	}
	link->b = b;
	link->id = id;
	link->self = *self;
	link->hello_seqno = (uint16_t)random_u32(&b->config.random);
	list_init(&link->neighbours);
	queue_init(&link->queue, b, link, NULL);
	timer_init(&link->hello, link_hello);
	timer_init(&link->update, link_update);
	b->links[id] = link;
	gate_link_added(link, now_us);
	link_hello_soon(link, now_us, FAST_HELLOS);
	link_request_all(link, now_us, NULL);
	/* After the first Hello: what we have, without waiting to be asked. */
	timer_set(&b->heap, &link->update, now_us + engine_random_between(b, 50 * MS, 100 * MS));
	return 0;
}

void link_free(struct babel *b, struct link *link)
{
	timer_cancel(&b->heap, &link->hello);
	timer_cancel(&b->heap, &link->update);
	queue_done(&link->queue);
	free(link->buffer);
	free(link);
}

void babel_link_remove(struct babel *b, uint64_t now_us, unsigned id)
{
	struct link *link = link_by_id(b, id);

	if (!link)
		return;
	/* First off the table: the losses are announced on the other links only. */
	b->links[id] = NULL;
	list_for_each (node, next, &link->neighbours)
		neighbour_free(list_entry(node, struct neighbour, on_link), now_us);
	link_free(b, link);
}

/* Everything anew: to all by updates, to those of sessions what is different. */
static void link_announce(struct link *link, uint64_t now_us)
{
	if (link->b->is_leaving)
		return;
	update_dump(link, now_us, NULL);
	list_for_each (node, next, &link->neighbours) {
		struct neighbour *n = list_entry(node, struct neighbour, on_link);

		if (n->session)
			session_announce_all(n->session, now_us);
	}
}

int babel_link_next_hop(struct babel *b, uint64_t now_us, unsigned id, const struct address *next_hop_ipv4)
{
	struct link *link = link_by_id(b, id);

	if (!link)
		return -ENOENT;
	link->config.has_ipv4 = next_hop_ipv4;
	link->config.next_hop_ipv4 = next_hop_ipv4 ? *next_hop_ipv4 : (struct address){ 0 };
	link_announce(link, now_us);
	return 0;
}

void babel_link_filter(struct babel *b, uint64_t now_us, unsigned id, bool is_filtered)
{
	struct link *link = link_by_id(b, id);

	if (!link)
		return;
	link->config.is_filtered = is_filtered;
	link_announce(link, now_us);
}

void babel_link_steer(struct babel *b, uint64_t now_us, unsigned id, uint16_t cost)
{
	struct link *link = link_by_id(b, id);

	if (!link || link->steer_cost == cost)
		return;
	link->steer_cost = cost;
	list_for_each (node, next, &link->neighbours)
		neighbour_cost_update(list_entry(node, struct neighbour, on_link), now_us);
	link_announce(link, now_us);
}

void babel_drain(struct babel *b, uint64_t now_us, uint16_t cost)
{
	if (b->drain_cost == cost)
		return;
	b->drain_cost = cost;
	for (unsigned i = 0; i < BABEL_LINK_MAX; i++)
		if (b->links[i])
			link_announce(b->links[i], now_us);
}

void babel_neighbour_hint(struct babel *b, uint64_t now_us, unsigned id, const struct address *address)
{
	struct link *link = link_by_id(b, id);

	if (!link)
		return;
	struct neighbour *n = neighbour_find(link, address);
	if (!n && link_is_paced(link)) {
		neighbour_new(link, now_us, address); /* it is asked once it has heard us */
		return;
	}
	if (n) {
		neighbour_meet(n, now_us);
		neighbour_ask_all(n, now_us);
	} else {
		link_hello_soon(link, now_us, FAST_HELLOS);
		link_request_all(link, now_us, NULL);
	}
}
