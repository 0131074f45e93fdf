/*
 * What waits to be sent, per link (multicast) and per neighbour (unicast).
 *
 * Messages gather for a short random time and leave together (RFC 8966, 3.1). An
 * update in a queue is only "tell them about P": it gets its values when the
 * queue is flushed. After that it may wait in `repeats` for another copy.
 */
#include "routing/compact.h"

#include <stdlib.h>

static void queue_flush(struct timer *timer, uint64_t now_us);
static void queue_repeat(struct timer *timer, uint64_t now_us);

void queue_init(struct queue *q, struct babel *b, struct link *link, struct neighbour *to)
{
	*q = (struct queue){ .b = b, .link = link, .to = to };
	list_init(&q->items);
	list_init(&q->repeats);
	timer_init(&q->flush, queue_flush);
	timer_init(&q->repeat, queue_repeat);
}

/* Destinations must not believe that an update still waits here. */
static void queue_forget(struct queue *q, const struct outgoing *item, uint64_t now_us)
{
	if (item->tlv.type != TLV_UPDATE)
		return;
	struct destination *d = destination_find(q->b, &item->tlv.u.update.prefix);
	if (!d)
		return;
	if (!q->to)
		d->queued_links &= ~(UINT64_C(1) << q->link->id);
	if (item->is_reliable)
		destination_acked(d, now_us, false);
}

static void queue_drop(struct queue *q, struct list *items)
{
	list_for_each (node, next, items) {
		struct outgoing *item = list_entry(node, struct outgoing, node);

		list_remove(node);
		queue_forget(q, item, 0);
		free(item);
	}
}

void queue_done(struct queue *q)
{
	queue_drop(q, &q->items);
	queue_drop(q, &q->repeats);
	q->count = 0;
	timer_cancel(&q->b->heap, &q->flush);
	timer_cancel(&q->b->heap, &q->repeat);
}

void queue_flush_soon(struct queue *q, uint64_t now_us, uint64_t low_us, uint64_t high_us)
{
	timer_set_earlier(&q->b->heap, &q->flush, now_us + engine_random_between(q->b, low_us, high_us));
}

static void queue_push(struct queue *q, struct outgoing *item, bool urgent)
{
	q->is_urgent |= urgent;
	if (urgent)
		list_push_front(&q->items, &item->node);
	else
		list_push_back(&q->items, &item->node);
	q->count++;
}

/* On a thin link what is asked again may find that the first time still waits for its turn. */
static bool queue_asks_already(const struct queue *q, const struct babel_tlv *tlv)
{
	if (tlv->type != TLV_SEQNO_REQUEST || !q->link->config.is_thin)
		return false;
	list_for_each (node, next, &q->items) {
		struct babel_tlv *other = &list_entry(node, struct outgoing, node)->tlv;

		if (other->type != TLV_SEQNO_REQUEST || other->u.seqno_request.class != tlv->u.seqno_request.class ||
			!prefix_equal(&other->u.seqno_request.prefix, &tlv->u.seqno_request.prefix) ||
			!router_id_equal(&other->u.seqno_request.origin, &tlv->u.seqno_request.origin))
			continue;
		if (seqno_is_newer(tlv->u.seqno_request.seqno, other->u.seqno_request.seqno))
			other->u.seqno_request.seqno = tlv->u.seqno_request.seqno;
		if (tlv->u.seqno_request.hop_count > other->u.seqno_request.hop_count)
			other->u.seqno_request.hop_count = tlv->u.seqno_request.hop_count;
		return true;
	}
	return false;
}

void queue_message(struct queue *q, uint64_t now_us, const struct babel_tlv *tlv)
{
	if (queue_asks_already(q, tlv))
		return;
	struct outgoing *item = q->count < QUEUE_MAX ? calloc(1, sizeof(*item)) : NULL;

	if (!item) {
		q->b->counters.refused_requests++;
		return;
	}
	item->tlv = *tlv;
	item->copies = 1;
	queue_push(q, item, true);
	queue_flush_soon(q, now_us, URGENT_JITTER_MIN_US, URGENT_JITTER_MAX_US);
}

void queue_update(struct queue *q, uint64_t now_us, const struct prefix *prefix, struct outgoing how, bool urgent)
{
	uint64_t bit = UINT64_C(1) << q->link->id;
	struct destination *d = destination_find(q->b, prefix);
	bool waits = !q->to && d && (d->queued_links & bit);

	/* Answers that a neighbour asks for faster than they can leave. */
	if (q->to && q->count >= QUEUE_MAX + 2 * q->b->destinations.count) {
		q->b->counters.refused_requests++;
		if (how.is_reliable && d)
			d->hold_by_ack = false; /* it will not know */
		return;
	}
	if (urgent)
		queue_flush_soon(q, now_us, URGENT_JITTER_MIN_US, URGENT_JITTER_MAX_US);
	else
		queue_flush_soon(q, now_us, TRIGGERED_JITTER_MIN_US, TRIGGERED_JITTER_MAX_US);
	/* What waits already will say the same; only further copies are news. */
	if (waits && how.copies <= 1 && !how.is_reply)
		return;
	struct outgoing *item = calloc(1, sizeof(*item));
	if (!item)
		return;
	*item = how;
	list_init(&item->node);
	item->tlv = (struct babel_tlv){ .type = TLV_UPDATE, .u.update.prefix = *prefix };
	if (item->copies == 0)
		item->copies = 1;
	if (!q->to && d)
		d->queued_links |= bit;
	if (item->is_reliable && d)
		d->unacked++;
	queue_push(q, item, urgent);
}

static void queue_repeat(struct timer *timer, uint64_t now_us)
{
	struct queue *q = container_of(timer, struct queue, repeat);

	list_for_each (node, next, &q->repeats) {
		list_remove(node);
		queue_push(q, list_entry(node, struct outgoing, node), true);
	}
	queue_flush_soon(q, now_us, URGENT_JITTER_MIN_US, URGENT_JITTER_MAX_US);
}

/* --- packets ------------------------------------------------------------------- */

/* How large the next packet may be. */
static void packet_ask_budget(struct packet *p)
{
	const struct babel_output *output = &p->b->output;
	size_t mtu = p->link->config.packet_max, left = mtu;

	if (output->budget)
		left = output->budget(p->b->user, p->link->id, p->to, p->need, &p->again_us);
	size_t least = BUDGET_PACKET_MIN < mtu ? BUDGET_PACKET_MIN : mtu;
	p->most = left < least ? 0 : left < mtu ? left : mtu;
	wire_build_begin(&p->builder, p->link->buffer, p->most ? p->most : mtu, &p->link->self);
}

void packet_begin(struct packet *p, struct babel *b, struct link *link, const struct address *to)
{
	*p = (struct packet){ .b = b, .link = link, .to = to, .need = BABEL_NEED_LIFE };
	packet_ask_budget(p);
}

bool packet_begin_within(
	struct packet *p, struct babel *b, struct link *link, const struct address *to, enum babel_need need)
{
	*p = (struct packet){ .b = b, .link = link, .to = to, .need = need };
	packet_ask_budget(p);
	return packet_goes_on(p);
}

bool packet_goes_on(const struct packet *p)
{
	return p->most > 0;
}

void packet_send_bytes(struct babel *b, struct link *link, const struct address *to, struct bytes bytes)
{
	b->counters.packets_sent++;
	b->output.send(b->user, link->id, to, bytes);
}

void packet_send(struct packet *p)
{
	struct bytes bytes = wire_build_end(&p->builder);

	if (bytes.len > 0) {
		p->sent++;
		packet_send_bytes(p->b, p->link, p->to, bytes);
	}
	packet_ask_budget(p);
	p->ack = NULL;
}

static void packet_count(struct babel_counters *c, enum tlv_type type)
{
	switch (type) {
	case TLV_ACK:
		c->acks_sent++;
		break;
	case TLV_HELLO:
		c->hellos_sent++;
		break;
	case TLV_IHU:
		c->ihus_sent++;
		break;
	case TLV_UPDATE:
		c->updates_sent++;
		break;
	case TLV_ROUTE_REQUEST:
		c->route_requests_sent++;
		break;
	case TLV_SEQNO_REQUEST:
		c->seqno_requests_sent++;
		break;
	case TLV_REFRESH:
		c->refreshes_sent++;
		break;
	case TLV_DELTA:
		c->deltas_sent++;
		break;
	case TLV_SYNCACK:
		c->syncacks_sent++;
		break;
	default:
		break;
	}
}

void packet_write(struct packet *p, const struct babel_tlv *tlv)
{
	if (wire_write(&p->builder, tlv)) {
		packet_send(p);
		if (wire_write(&p->builder, tlv))
			return;
	}
	packet_count(&p->b->counters, tlv->type);
}

/* The packet that carries a reliable update begins with the question. */
static void packet_ask_ack(struct packet *p, struct neighbour *n, uint64_t now_us)
{
	struct babel_tlv tlv = { .type = TLV_ACK_REQUEST };
	struct ack *a = ack_new(n, now_us);

	if (!a)
		return;
	tlv.u.ack_request.opaque = a->opaque;
	tlv.u.ack_request.interval_cs = ACK_INTERVAL_CS;
	packet_write(p, &tlv);
	p->ack = a;
}

static void packet_write_reliable(struct packet *p, struct neighbour *n, uint64_t now_us, const struct babel_tlv *tlv)
{
	if (!p->ack)
		packet_ask_ack(p, n, now_us);
	if (wire_write(&p->builder, tlv) == 0) {
		p->b->counters.updates_sent++;
		return;
	}
	packet_send(p);
	packet_ask_ack(p, n, now_us);
	packet_write(p, tlv);
}

/* --- flushing -------------------------------------------------------------------- */

static void queue_write_update(struct queue *q, struct packet *p, uint64_t now_us, struct outgoing *item)
{
	struct prefix prefix = item->tlv.u.update.prefix;
	struct destination *d = destination_find(q->b, &prefix);
	struct babel_tlv tlv;
	bool has_content = update_compose(q->link, now_us, item, !q->to, &tlv);

	if (d && !q->to)
		d->queued_links &= ~(UINT64_C(1) << q->link->id);
	if (has_content && item->is_reliable && q->to) {
		packet_write_reliable(p, q->to, now_us, &tlv);
		if (p->ack) {
			item->tries++;
			list_push_back(&p->ack->items, &item->node);
			return;
		}
	} else if (has_content) {
		packet_write(p, &tlv);
	}
	if (item->is_reliable && d)
		destination_acked(d, now_us, false);
	if (has_content && item->copies > 1 && !item->is_reliable) {
		item->copies--;
		list_push_back(&q->repeats, &item->node);
		timer_set_earlier(&q->b->heap, &q->repeat,
			now_us + engine_random_between(q->b, COPY_INTERVAL_US, 2 * COPY_INTERVAL_US));
		return;
	}
	free(item);
}

static void queue_flush(struct timer *timer, uint64_t now_us)
{
	struct queue *q = container_of(timer, struct queue, flush);
	enum babel_need need = q->is_urgent ? BABEL_NEED_URGENT : BABEL_NEED_ROUTINE;
	struct packet p;

	if (list_is_empty(&q->items))
		return;
	if (!packet_begin_within(&p, q->b, q->link, q->to ? &q->to->address : NULL, need)) {
		timer_set(&q->b->heap, &q->flush, p.again_us);
		return;
	}
	batch_take(q, &p);
	while (!list_is_empty(&q->items) && p.sent < QUEUE_BURST && packet_goes_on(&p)) {
		struct outgoing *item = list_entry(list_pop_front(&q->items), struct outgoing, node);

		q->count--;
		if (item->tlv.type == TLV_UPDATE && !item->tlv.u.update.wildcard) {
			queue_write_update(q, &p, now_us, item);
		} else {
			packet_write(&p, &item->tlv);
			free(item);
		}
	}
	packet_send(&p);
	if (list_is_empty(&q->items))
		q->is_urgent = false;
	else if (!packet_goes_on(&p))
		timer_set(&q->b->heap, &q->flush, p.again_us);
	else
		queue_flush_soon(q, now_us, 2 * MS, 4 * MS); /* a long dump must not overrun the receivers (3.1) */
}
