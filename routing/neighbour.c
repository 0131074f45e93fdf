/*
 * Neighbours: who is heard, who hears us (RFC 8966, 3.4 and appendix A.1).
 *
 * Two Hello histories, two expiry timers, one IHU timer feed one cost. Any
 * authenticated frame may stand in for a Hello (babel_neighbour_alive()): a busy
 * link is not dead because its Hellos wait behind the traffic.
 *
 * A node that has restarted has lost its feasibility distances while a neighbour
 * may still route through it. Believing that neighbour's updates could close a
 * loop. So for as long as such routes can live the first thing said to a new
 * neighbour is a wildcard retraction with an acknowledgment request, and its
 * updates are ignored until it has acknowledged.
 */
#include "routing/session.h"

#include <stdlib.h>

#define CONFIRM_TIMEOUT_US (250 * MS)
#define HISTORY_GAP_MAX 16

static void neighbour_confirm(struct timer *timer, uint64_t now_us);
static void multicast_missed(struct timer *timer, uint64_t now_us);
static void unicast_missed(struct timer *timer, uint64_t now_us);

uint64_t history_period_us(const struct neighbour *n, const struct history *h)
{
	uint16_t interval_cs = h->interval_cs ? h->interval_cs : n->link->config.hello_interval_cs;

	return (uint64_t)interval_cs * 10 * MS;
}

/* --- find, new, free -------------------------------------------------------------- */

struct neighbour *neighbour_find(const struct link *link, const struct address *address)
{
	list_for_each (node, next, &link->neighbours) {
		struct neighbour *n = list_entry(node, struct neighbour, on_link);

		if (address_equal(&n->address, address))
			return n;
	}
	return NULL;
}

struct neighbour *neighbour_at(const struct babel *b, unsigned id, const struct address *address)
{
	struct link *link = link_by_id(b, id);

	return link ? neighbour_find(link, address) : NULL;
}

static void ihu_expired(struct timer *timer, uint64_t now_us)
{
	struct neighbour *n = container_of(timer, struct neighbour, ihu);

	n->txcost = BABEL_INFINITY;
	neighbour_cost_update(n, now_us);
}

static void damp_over(struct timer *timer, uint64_t now_us)
{
	neighbour_cost_update(container_of(timer, struct neighbour, damp), now_us);
}

static void dump_due(struct timer *timer, uint64_t now_us)
{
	struct neighbour *n = container_of(timer, struct neighbour, dump);

	n->dumped_us = now_us;
	update_dump(n->link, now_us, n);
}

struct neighbour *neighbour_new(struct link *link, uint64_t now_us, const struct address *address)
{
	struct babel *b = link->b;
	struct neighbour *n = b->neighbour_count < b->config.limits.neighbours ? calloc(1, sizeof(*n)) : NULL;

	if (!n) {
		b->counters.refused_neighbours++;
		return NULL;
	}
	n->b = b;
	n->link = link;
	n->number = ++b->neighbour_number;
	n->slot = backup_slot(b);
	n->address = *address;
	n->classes = 1u << BABEL_TEXT;
	n->txcost = n->told_rxcost = BABEL_INFINITY;
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		n->cost[c] = BABEL_INFINITY;
	n->heard_us = now_us;
	n->confirm_deadline_us = b->started_us + link_update_hold_us(link);
	n->is_confirmed = now_us >= n->confirm_deadline_us;
	timer_init(&n->multicast.timer, multicast_missed);
	timer_init(&n->unicast.timer, unicast_missed);
	timer_init(&n->ihu, ihu_expired);
	timer_init(&n->dump, dump_due);
	timer_init(&n->damp, damp_over);
	timer_init(&n->confirm, neighbour_confirm);
	neighbour_hello_init(n);
	list_init(&n->routes);
	list_init(&n->acks);
	queue_init(&n->queue, b, link, n);
	list_push_back(&link->neighbours, &n->on_link);
	b->neighbour_count++;
	if (!n->is_confirmed)
		timer_set(&b->heap, &n->confirm, now_us);
	neighbour_meet(n, now_us);
	return n;
}

static void neighbour_drop_acks(struct neighbour *n, uint64_t now_us)
{
	list_for_each (node, next, &n->acks) {
		struct ack *a = list_entry(node, struct ack, on_neighbour);

		list_for_each (item_node, item_next, &a->items)
			list_entry(item_node, struct outgoing, node)->tries = COPIES_MAX;
		ack_free(a, now_us, false);
	}
}

void neighbour_free(struct neighbour *n, uint64_t now_us)
{
	struct babel *b = n->b;
	uint64_t follows_until_us = now_us + link_update_hold_us(n->link);

	/* It may follow us yet, and nobody asks it for acknowledgments any more. */
	if (!n->session && b->forgotten_until_us < follows_until_us)
		b->forgotten_until_us = follows_until_us;
	list_remove(&n->on_link);
	b->neighbour_count--;
	if (n->session)
		session_free(n->session, now_us);
	neighbour_drop_acks(n, now_us);
	queue_done(&n->queue);
	list_for_each (node, next, &n->routes) {
		routes_fetch(n, node);
		struct route *r = list_entry(node, struct route, on_neighbour);
		struct destination *d = r->destination;

		route_free(r);
		destination_decide(d, now_us);
	}
	timer_cancel(&b->heap, &n->multicast.timer);
	timer_cancel(&b->heap, &n->unicast.timer);
	neighbour_hello_done(n);
	timer_cancel(&b->heap, &n->ihu);
	timer_cancel(&b->heap, &n->dump);
	timer_cancel(&b->heap, &n->damp);
	timer_cancel(&b->heap, &n->confirm);
	free(n);
}

void babel_neighbour_lost(struct babel *b, uint64_t now_us, unsigned id, const struct address *address)
{
	struct neighbour *n = neighbour_at(b, id, address);

	if (!n)
		return;
	b->counters.neighbours_lost++;
	neighbour_free(n, now_us);
}

/* --- the gate after a restart --------------------------------------------------------- */

#define ASK_TRIES 5

static void ask_all(struct neighbour *n, uint64_t now_us)
{
	struct babel_tlv ack = { .type = TLV_ACK_REQUEST };
	struct babel_tlv ask = { .type = TLV_ROUTE_REQUEST, .u.route_request.wildcard = true };
	struct packet p;

	if (n->confirm_tries == 0)
		n->confirm_opaque = ++n->b->opaque;
	ack.u.ack_request.opaque = n->confirm_opaque;
	ack.u.ack_request.interval_cs = CONFIRM_TIMEOUT_US / (10 * MS);
	packet_begin(&p, n->b, n->link, &n->address);
	packet_write(&p, &ack);
	packet_write(&p, &ask);
	packet_send(&p);
	if (++n->confirm_tries < ASK_TRIES)
		timer_set(&n->b->heap, &n->confirm, now_us + (CONFIRM_TIMEOUT_US << (n->confirm_tries - 1)));
	else
		n->is_asking = false;
}

void neighbour_ask_all(struct neighbour *n, uint64_t now_us)
{
	if (n->session) {
		adj_in_ask(n->session, now_us);
		return;
	}
	if (!n->is_confirmed)
		return; /* it will be asked then */
	n->is_asking = true;
	n->confirm_tries = 0;
	timer_set(&n->b->heap, &n->confirm, now_us);
}

static void neighbour_confirmed(struct neighbour *n, uint64_t now_us)
{
	n->is_confirmed = true;
	timer_cancel(&n->b->heap, &n->confirm);
	neighbour_ask_all(n, now_us);
	/* The retraction erased what it had from us: say it again. */
	timer_set_earlier(&n->b->heap, &n->dump, now_us);
	neighbour_cost_update(n, now_us);
}

static void neighbour_confirm(struct timer *timer, uint64_t now_us)
{
	struct neighbour *n = container_of(timer, struct neighbour, confirm);
	struct babel_tlv ask = { .type = TLV_ACK_REQUEST };
	const struct babel_tlv retraction = update_retracting_all(n->link);
	struct packet p;

	if (n->is_confirmed) {
		if (n->is_asking)
			ask_all(n, now_us);
		return;
	}
	if (now_us >= n->confirm_deadline_us) {
		neighbour_confirmed(n, now_us);
		return;
	}
	/* One opaque for all copies: an acknowledgment of any copy will do. */
	if (n->confirm_tries == 0)
		n->confirm_opaque = ++n->b->opaque;
	ask.u.ack_request.opaque = n->confirm_opaque;
	ask.u.ack_request.interval_cs = CONFIRM_TIMEOUT_US / (10 * MS);
	packet_begin(&p, n->b, n->link, &n->address);
	packet_write(&p, &ask);
	packet_write(&p, &retraction);
	packet_send(&p);
	uint64_t wait_us = CONFIRM_TIMEOUT_US << (n->confirm_tries < 4 ? n->confirm_tries : 4);
	n->confirm_tries++;
	if (wait_us > n->confirm_deadline_us - now_us)
		wait_us = n->confirm_deadline_us - now_us;
	timer_set(&n->b->heap, &n->confirm, now_us + wait_us);
}

void neighbour_acked(struct neighbour *n, uint64_t now_us, uint16_t opaque)
{
	n->b->counters.acks_received++;
	if (n->polls > 0)
		neighbour_sign_of_life(n, now_us);
	if (!n->is_confirmed && n->confirm_tries > 0 && opaque == n->confirm_opaque)
		neighbour_confirmed(n, now_us);
	else if (n->is_asking && n->confirm_tries > 0 && opaque == n->confirm_opaque)
		n->is_asking = false;
	else
		ack_received(n, now_us, opaque);
}

/* --- cost ------------------------------------------------------------------------------- */

bool neighbour_is_heard_of(const struct neighbour *n)
{
	return n->multicast.bits != 0 || n->unicast.bits != 0;
}

static bool neighbour_is_heard(const struct neighbour *n)
{
	if (n->link->config.cost == BABEL_COST_ETX)
		return metric_history(n)->bits & 0xfc00;
	return metric_two_out_of_three(n->multicast.bits) || metric_two_out_of_three(n->unicast.bits);
}

/* True if that of any class did. */
static bool neighbour_costs_change(struct neighbour *n, uint64_t now_us)
{
	bool has_changed = false;

	for (unsigned c = 0; c < n->b->config.classes; c++) {
		uint16_t old = n->cost[c];

		/* What was measured before is what the next is held against. */
		if (old != BABEL_INFINITY)
			n->cost[c] = old > n->steered ? (uint16_t)(old - n->steered) : 1;
		n->cost[c] = c == BABEL_TEXT ? metric_steady_cost(n, now_us) : metric_class_cost(n, c);
		if (timer_is_armed(&n->damp))
			n->cost[c] = metric_inflated(n->cost[c]);
		n->cost[c] = metric_steered(n->cost[c], n->link->steer_cost);
		has_changed |= n->cost[c] != old;
	}
	n->steered = n->link->steer_cost;
	return has_changed;
}

void neighbour_cost_update(struct neighbour *n, uint64_t now_us)
{
	unsigned dead_misses = n->link->config.dead_misses;
	bool was_up = n->is_up;

	if (n->is_mute)
		n->is_up = false;
	else if (dead_misses == 0)
		n->is_up = neighbour_is_heard(n);
	else if (n->misses >= dead_misses)
		n->is_up = false;
	else if (neighbour_is_heard(n))
		n->is_up = true;
	/* A neighbour that waits to hear that we hear it must not wait an interval. */
	if ((metric_rxcost(n) == BABEL_INFINITY) != (n->told_rxcost == BABEL_INFINITY))
		neighbour_hello_soon(n, now_us, 0);
	if (n->is_up && !was_up && link_is_paced(n->link))
		neighbour_meet(n, now_us);
	uint16_t old = n->cost[BABEL_TEXT];
	if (!neighbour_costs_change(n, now_us))
		return;
	if (n->cost[BABEL_TEXT] != old && n->session)
		session_cost_changed(n->session, now_us, old);
	else if (old == BABEL_INFINITY && n->cost[BABEL_TEXT] != BABEL_INFINITY)
		link_request_all(n->link, now_us, n);
	list_for_each (node, next, &n->routes) {
		routes_fetch(n, node);
		struct route *r = list_entry(node, struct route, on_neighbour);

		route_smooth(r, now_us);
		if (destination_depends_on(r->destination, r))
			destination_decide(r->destination, now_us);
		else
			backup_review(r->destination);
	}
}

/* --- Hellos --------------------------------------------------------------------------------- */

/* False if the sender has lost its count: it has restarted (appendix A.1). */
static bool history_follow(struct history *h, uint16_t seqno)
{
	if (h->is_known) {
		int gap = (int16_t)(uint16_t)(seqno - h->expected);

		if (gap > HISTORY_GAP_MAX || gap < -HISTORY_GAP_MAX)
			return false;
		h->bits = (uint16_t)(gap < 0 ? (uint32_t)h->bits << -gap : (uint32_t)h->bits >> gap);
	}
	h->bits = (uint16_t)(h->bits >> 1 | 0x8000);
	h->expected = (uint16_t)(seqno + 1);
	h->is_known = true;
	return true;
}

static void history_arm(struct neighbour *n, struct history *h, uint64_t now_us, uint16_t interval_cs)
{
	struct history *other = h == &n->multicast ? &n->unicast : &n->multicast;
	bool is_timed = timer_is_armed(&n->multicast.timer) || timer_is_armed(&n->unicast.timer);
	bool is_paced = link_is_paced(n->link);

	if (is_paced && h == &n->multicast && n->unicast.interval_cs != 0)
		return; /* there unicast Hellos are what counts */
	h->ahead_us = 0;
	if (interval_cs != 0)
		h->interval_cs = interval_cs;
	else if (is_timed)
		return; /* unscheduled: the earlier promise stands */
	if (interval_cs != 0 && (is_paced || other->interval_cs == 0))
		timer_cancel(&n->b->heap, &other->timer); /* of what was not promised */
	h->since_us = now_us;
	timer_set(&n->b->heap, &h->timer, now_us + history_period_us(n, h) * 3 / 2);
}

/*
 * What is not known yet. By ETX, Hellos that could not come are no proof of loss: they
 * count as heard. If they counted as lost, or half of them, the cost of a new neighbour
 * would fall with each of its first Hellos, and each time the metric of everything
 * behind it with it, here and at all who follow. That it seems to be good before much is
 * known moves no route in use: that takes a while (select.c).
 */
static uint16_t history_unwritten(const struct neighbour *n)
{
	return n->link->config.cost == BABEL_COST_ETX ? 0xfc00 : 0;
}

/* False if the sender has restarted. On a paced link its owner would have said so:
 * there a lost count only shows that it had forgotten us, and the first unicast Hellos
 * go on where the multicast ones ended. */
static bool neighbour_follow(struct neighbour *n, struct history *h, uint16_t seqno)
{
	bool is_paced = link_is_paced(n->link);

	if (!h->is_known)
		h->bits = is_paced && neighbour_is_heard_of(n) ? n->multicast.bits : history_unwritten(n);
	if (history_follow(h, seqno))
		return true;
	if (!is_paced && !n->session)
		return false;
	h->is_known = false;
	return history_follow(h, seqno);
}

struct neighbour *neighbour_hello(
	struct link *link, uint64_t now_us, const struct address *from, const struct babel_tlv *tlv)
{
	struct neighbour *n = neighbour_find(link, from);

	link->b->counters.hellos_received++;
	if (!n)
		n = neighbour_new(link, now_us, from);
	if (!n)
		return NULL;
	struct history *h = tlv->u.hello.unicast ? &n->unicast : &n->multicast;
	if (!neighbour_follow(n, h, tlv->u.hello.seqno)) {
		link->b->counters.neighbours_lost++;
		neighbour_free(n, now_us);
		n = neighbour_new(link, now_us, from);
		if (!n)
			return NULL;
		h = tlv->u.hello.unicast ? &n->unicast : &n->multicast;
		history_follow(h, tlv->u.hello.seqno);
	}
	n->misses = 0;
	n->is_mute = false;
	n->heard_us = now_us;
	history_arm(n, h, now_us, tlv->u.hello.interval_cs);
	neighbour_poll_answered(n, now_us);
	if (tlv->u.hello.has_timestamp)
		rtt_hello(n, now_us, tlv->u.hello.t1);
	neighbour_cost_update(n, now_us);
	return n;
}

/*
 * A sign of life stands in for the Hello that was due at the end of its period,
 * which may be an interval later. The last miss, the one that decides, comes so
 * much earlier: silence is noticed no later for the traffic before it. Only that
 * one: the others keep step with the sender's count. Who says Hello slowly is
 * polled after the first.
 */
static uint64_t history_next_us(const struct neighbour *n, const struct history *h, uint64_t now_us)
{
	uint64_t period_us = history_period_us(n, h);
	bool is_last = n->misses + 1 == (neighbour_is_slow(n) ? 1 : n->link->config.dead_misses);

	return now_us + period_us - (!is_last ? 0 : h->ahead_us < period_us ? h->ahead_us : period_us);
}

/* Not heard for a whole history. On a paced link the owner says when it is gone. */
static void neighbour_faded(struct neighbour *n, uint64_t now_us)
{
	struct link *link = n->link;
	struct address address = n->address;

	link->b->counters.neighbours_lost++;
	/* It may come back before its lease is over (R13); its owner says when it is gone. */
	if (n->session) {
		n->multicast.is_known = n->unicast.is_known = false;
		neighbour_cost_update(n, now_us);
		neighbour_become_idle(n, now_us);
		return;
	}
	neighbour_free(n, now_us);
	if (link_is_paced(link)) {
		n = neighbour_new(link, now_us, &address);
		if (n)
			neighbour_become_idle(n, now_us);
	}
}

static void history_missed(struct neighbour *n, struct history *h, uint64_t now_us)
{
	struct history *other = h == &n->multicast ? &n->unicast : &n->multicast;
	bool is_alive = n->alive_us > h->since_us;

	h->bits = (uint16_t)(h->bits >> 1 | (is_alive ? 0x8000 : 0));
	h->expected++;
	h->since_us = now_us;
	if (is_alive) {
		uint64_t silent_us = now_us - n->alive_us, grace_us = history_period_us(n, h) / 2;

		n->misses = 0;
		h->ahead_us = silent_us > grace_us ? silent_us - grace_us : 0;
	} else {
		n->misses++;
	}
	/* A history without promises of its own ages with the other one. */
	if (!timer_is_armed(&other->timer))
		other->bits >>= 1;
	if (!neighbour_is_heard_of(n)) {
		neighbour_faded(n, now_us);
		return;
	}
	if (n->misses > 0 && (neighbour_is_slow(n) || n->link->config.is_thin))
		neighbour_poll_soon(n, now_us);
	timer_set(&n->b->heap, &h->timer, history_next_us(n, h, now_us));
	neighbour_cost_update(n, now_us);
}

static void multicast_missed(struct timer *timer, uint64_t now_us)
{
	struct neighbour *n = container_of(timer, struct neighbour, multicast.timer);

	history_missed(n, &n->multicast, now_us);
}

static void unicast_missed(struct timer *timer, uint64_t now_us)
{
	struct neighbour *n = container_of(timer, struct neighbour, unicast.timer);

	history_missed(n, &n->unicast, now_us);
}

void neighbour_sign_of_life(struct neighbour *n, uint64_t now_us)
{
	n->alive_us = now_us;
	n->heard_us = now_us;
	n->misses = 0;
	neighbour_poll_answered(n, now_us);
	if (!n->is_mute)
		return;
	n->is_mute = false;
	neighbour_cost_update(n, now_us);
}

void babel_neighbour_mute(struct babel *b, uint64_t now_us, unsigned id, const struct address *address)
{
	struct neighbour *n = neighbour_at(b, id, address);

	if (!n || n->is_mute)
		return;
	n->is_mute = true;
	neighbour_cost_update(n, now_us);
}

void babel_neighbour_damp(
	struct babel *b, uint64_t now_us, unsigned id, const struct address *address, uint64_t until_us)
{
	struct neighbour *n = neighbour_at(b, id, address);

	if (!n || (timer_is_armed(&n->damp) && n->damp.due_us >= until_us))
		return;
	timer_set(&b->heap, &n->damp, until_us);
	neighbour_cost_update(n, now_us);
}

void babel_neighbour_alive(struct babel *b, uint64_t now_us, unsigned id, const struct address *address)
{
	struct neighbour *n = neighbour_at(b, id, address);

	if (n)
		neighbour_sign_of_life(n, now_us);
}

static void history_forgive(struct neighbour *n, struct history *h, uint64_t slept_us)
{
	if (timer_is_armed(&h->timer) && slept_us > history_period_us(n, h))
		timer_set(&n->b->heap, &h->timer, h->timer.due_us + slept_us);
}

void neighbour_forgive(struct neighbour *n, uint64_t now_us, uint64_t slept_us)
{
	if (slept_us <= history_period_us(n, &n->multicast))
		return;
	history_forgive(n, &n->multicast, slept_us);
	history_forgive(n, &n->unicast, slept_us);
	neighbour_poll_forgive(n, now_us);
	if (timer_is_armed(&n->ihu))
		timer_set(&n->b->heap, &n->ihu, n->ihu.due_us + slept_us);
	if (n->session) {
		session_forgive(n->session, now_us, slept_us);
		return;
	}
	list_for_each (node, next, &n->routes)
		route_forgive(list_entry(node, struct route, on_neighbour), now_us, slept_us);
}

/* --- IHUs -------------------------------------------------------------------------------------- */

void neighbour_ihu(struct neighbour *n, uint64_t now_us, const struct babel_tlv *tlv)
{
	uint64_t interval_us = (uint64_t)tlv->u.ihu.interval_cs * 10 * MS;

	n->b->counters.ihus_received++;
	n->txcost = tlv->u.ihu.rxcost;
	timer_set(&n->b->heap, &n->ihu, now_us + interval_us * 7 / 2);
	/* Only who has heard our Hello answers a request for its table. */
	if (!n->has_met && n->is_confirmed && n->txcost != BABEL_INFINITY) {
		n->has_met = true;
		neighbour_ask_all(n, now_us);
	}
	neighbour_cost_update(n, now_us);
}

void neighbour_write_ihu(struct neighbour *n, struct packet *p, bool with_timestamps, uint16_t rxcost)
{
	uint32_t interval_cs = 3u * (link_is_paced(n->link) ? n->promised_cs : n->link->config.hello_interval_cs);
	struct babel_tlv tlv = { .type = TLV_IHU };

	tlv.u.ihu.has_address = true;
	tlv.u.ihu.address = n->address;
	tlv.u.ihu.rxcost = rxcost;
	tlv.u.ihu.interval_cs = (uint16_t)(interval_cs > UINT16_MAX ? UINT16_MAX : interval_cs);
	if (with_timestamps && n->link->config.rtt && n->rtt.has_origin) {
		tlv.u.ihu.has_timestamps = true;
		tlv.u.ihu.origin = n->rtt.origin;
		tlv.u.ihu.receive = n->rtt.receive;
	}
	n->told_rxcost = rxcost;
	packet_write(p, &tlv);
}
