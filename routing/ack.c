/*
 * Acknowledgments (RFC 8966, 3.3): answering those asked of us, and asking for
 * those that make an urgent update reliable (3.7.2).
 *
 * What is remembered per packet is which prefixes it carried, not its bytes: a
 * retransmission says what is true then. The number of copies is bounded.
 */
#include "routing/engine.h"

#include <stdlib.h>

void ack_answer(struct link *link, const struct address *to, const struct babel_tlv *tlv)
{
	struct packet p;
	struct babel_tlv ack = { .type = TLV_ACK, .u.ack.opaque = tlv->u.ack_request.opaque };

	packet_begin(&p, link->b, link, to);
	packet_write(&p, &ack);
	packet_send(&p);
}

static void ack_timeout(struct timer *timer, uint64_t now_us)
{
	struct ack *a = container_of(timer, struct ack, timeout);

	a->neighbour->b->counters.ack_timeouts++;
	ack_free(a, now_us, false);
}

struct ack *ack_new(struct neighbour *n, uint64_t now_us)
{
	struct ack *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->neighbour = n;
	a->opaque = ++n->b->opaque;
	list_init(&a->items);
	list_push_back(&n->acks, &a->on_neighbour);
	timer_init(&a->timeout, ack_timeout);
	timer_set(&n->b->heap, &a->timeout, now_us + (ACK_INTERVAL_CS + 10) * (10 * MS));
	return a;
}

void ack_free(struct ack *a, uint64_t now_us, bool was_acked)
{
	struct neighbour *n = a->neighbour;
	struct babel *b = n->b;

	list_remove(&a->on_neighbour);
	timer_cancel(&b->heap, &a->timeout);
	list_for_each (node, next, &a->items) {
		struct outgoing *item = list_entry(node, struct outgoing, node);
		struct prefix prefix = item->tlv.u.update.prefix;
		struct destination *d = destination_find(b, &prefix);
		bool again = !was_acked && item->tries < COPIES_MAX;

		list_remove(node);
		if (again)
			queue_update(&n->queue, now_us, &prefix, *item, true);
		if (d)
			destination_acked(d, now_us, was_acked || again);
		free(item);
	}
	free(a);
}

bool ack_received(struct neighbour *n, uint64_t now_us, uint16_t opaque)
{
	list_for_each (node, next, &n->acks) {
		struct ack *a = list_entry(node, struct ack, on_neighbour);

		if (a->opaque == opaque) {
			ack_free(a, now_us, true);
			return true;
		}
	}
	return false;
}
