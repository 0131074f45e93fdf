/*
 * Seqno requests by the list (protocol.md 2.5).
 *
 * Requests wait in the queue of the neighbour they go to, each for itself, and when the
 * queue is flushed those that short-ids can name become items of BATCH-REQ. So each
 * keeps its rules (3.8.1.2): who is asked, how often, with what hop count; and a relay
 * groups them anew by its next hops. Most ask for one newer than the neighbour
 * announced: an item says just that, and one item says it of a row of members.
 */
#include "routing/compact.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_HEAD 4 /* TLV, hop count, flags */

/* The requests for one member in one class. */
struct ask {
	uint16_t id;
	unsigned lan_count, lans_asked;
	struct outgoing *item; /* for its own address */
	struct batch_item said;
	bool is_salted;
};

static bool ask_has_lans(const struct ask *a)
{
	return a->lan_count > 0 && a->lans_asked == a->lan_count;
}

/* What one list has in common comes first. */
static int ask_compare(const void *left, const void *right)
{
	const struct ask *a = left, *b = right;
	const struct babel_tlv *t = &a->item->tlv, *u = &b->item->tlv;

	if (t->u.seqno_request.class != u->u.seqno_request.class)
		return t->u.seqno_request.class - u->u.seqno_request.class;
	if (t->u.seqno_request.hop_count != u->u.seqno_request.hop_count)
		return t->u.seqno_request.hop_count - u->u.seqno_request.hop_count;
	if (ask_has_lans(a) != ask_has_lans(b))
		return ask_has_lans(a) - ask_has_lans(b);
	if (a->is_salted != b->is_salted)
		return a->is_salted - b->is_salted;
	return a->id - b->id;
}

static bool asks_are_alike(const struct ask *a, const struct ask *b)
{
	struct ask same = *b;

	same.id = a->id;
	return ask_compare(a, &same) == 0;
}

static int ask_compare_id(const void *left, const void *right)
{
	const struct ask *a = left, *b = right;

	if (a->id != b->id)
		return a->id - b->id;
	return a->item->tlv.u.seqno_request.class - b->item->tlv.u.seqno_request.class;
}

/* --- gathering -------------------------------------------------------------------------- */

static bool is_request(const struct outgoing *item, const struct babel *b, struct babel_member *m)
{
	return item->tlv.type == TLV_SEQNO_REQUEST && member_of_origin(b, &item->tlv.u.seqno_request.origin, m);
}

/* Is it for one newer than what this neighbour has announced? */
static bool is_relative(const struct neighbour *n, const struct babel_tlv *tlv)
{
	struct destination *d = destination_find(n->b, &tlv->u.seqno_request.prefix);
	struct route *r = d ? route_find(d, n) : NULL;
	const struct claim *c = r ? &r->variants[tlv->u.seqno_request.class].claim : NULL;

	return c && c->metric != BABEL_INFINITY && router_id_equal(&c->origin, &tlv->u.seqno_request.origin) &&
	       (uint16_t)(c->seqno + 1) == tlv->u.seqno_request.seqno;
}

static void ask_fill(struct ask *a, const struct neighbour *n, struct outgoing *item, const struct babel_member *m)
{
	const router_id *origin = &item->tlv.u.seqno_request.origin;

	*a = (struct ask){ .id = m->short_id, .lan_count = (unsigned)m->lan_count, .item = item };
	a->said.id = m->short_id;
	a->said.is_relative = is_relative(n, &item->tlv);
	if (a->said.is_relative)
		return;
	a->said.seqno = item->tlv.u.seqno_request.seqno;
	memcpy(a->said.salt, origin->bytes, COMPACT_SALT);
	a->is_salted = !router_id_equal(origin, &m->origin);
}

static size_t asks_gather(const struct queue *q, struct ask *asks)
{
	struct babel_member m;
	size_t count = 0;

	list_for_each (node, next, &q->items) {
		struct outgoing *item = list_entry(node, struct outgoing, node);

		if (is_request(item, q->b, &m) && prefix_equal(&item->tlv.u.seqno_request.prefix, &m.host))
			ask_fill(&asks[count++], q->to, item, &m);
	}
	qsort(asks, count, sizeof(*asks), ask_compare_id);
	return count;
}

/* The request for a member's address that says this one as well, if it says all of them; NULL: none does. */
static struct ask *ask_of_lan(const struct queue *q, struct outgoing *item, struct ask *asks, size_t count)
{
	struct babel_member m;

	if (!is_request(item, q->b, &m) || prefix_equal(&item->tlv.u.seqno_request.prefix, &m.host))
		return NULL;
	struct ask key = { .id = m.short_id, .item = item };
	struct ask *a = bsearch(&key, asks, count, sizeof(*asks), ask_compare_id);
	if (!a || a->item->tlv.u.seqno_request.seqno != item->tlv.u.seqno_request.seqno ||
		a->item->tlv.u.seqno_request.hop_count != item->tlv.u.seqno_request.hop_count ||
		!router_id_equal(&a->item->tlv.u.seqno_request.origin, &item->tlv.u.seqno_request.origin) ||
		a->said.is_relative != is_relative(q->to, &item->tlv))
		return NULL;
	for (size_t i = 0; i < m.lan_count; i++)
		if (prefix_equal(&m.lans[i], &item->tlv.u.seqno_request.prefix))
			return a;
	return NULL;
}

/* --- writing ------------------------------------------------------------------------------ */

/* Nobody between two ids is announced by the neighbour: a row may pass. */
static bool row_goes_on(const struct neighbour *n, const struct batch_item *row, const struct batch_item *next)
{
	unsigned last = (unsigned)row->id + row->more;
	struct babel_member m;

	if (!row->is_relative || !next->is_relative || next->id <= last || next->id - last > MEMBER_GAP)
		return false;
	for (unsigned id = last + 1; member_next(n->b, &id, next->id - 1u, &m);) {
		struct destination *d = destination_find(n->b, &m.host);

		if (d && route_find(d, n))
			return false;
	}
	return true;
}

static void list_send(struct packet *p, const struct ask *like, struct list_writer *l)
{
	struct babel_tlv tlv = { .type = TLV_BATCH_REQUEST };

	tlv.u.batch.class = like->item->tlv.u.seqno_request.class;
	tlv.u.batch.hop_count = like->item->tlv.u.seqno_request.hop_count;
	tlv.u.batch.with_lans = ask_has_lans(like);
	tlv.u.batch.is_salted = like->is_salted;
	tlv.u.batch.items = writer_bytes(&l->w);
	if (tlv.u.batch.items.len)
		packet_write(p, &tlv);
}

static void asks_write(const struct queue *q, struct packet *p, const struct ask *asks, size_t count)
{
	uint8_t room[COMPACT_LIST_MAX];
	size_t most = q->link->config.packet_max - BABEL_HEADER - BATCH_HEAD;
	size_t capacity = most < sizeof(room) ? most : sizeof(room);

	for (size_t at = 0; at < count;) {
		const struct ask *like = &asks[at];
		struct list_writer l = list_writer_of(room, capacity, 0);

		while (at < count && asks_are_alike(like, &asks[at])) {
			struct batch_item row = asks[at].said;
			size_t end = at + 1;

			for (; end < count && asks_are_alike(like, &asks[end]) &&
				row_goes_on(q->to, &row, &asks[end].said);
				end++)
				row.more = (uint16_t)(asks[end].said.id - row.id);
			/* Asked for twice: in another list. */
			if (row.id < l.next || !batch_write(&l, like->is_salted, &row))
				break;
			at = end;
		}
		list_send(p, like, &l);
	}
}

static void queue_take(struct queue *q, struct outgoing *item)
{
	list_remove(&item->node);
	q->count--;
	free(item);
}

void batch_take(struct queue *q, struct packet *p)
{
	struct ask *asks = q->to && q->to->session && q->to->session->is_compact && q->count > 1
				   ? calloc(q->count, sizeof(*asks))
				   : NULL;

	if (!asks)
		return;
	size_t count = asks_gather(q, asks);
	list_for_each (node, next, &q->items) {
		struct ask *a = ask_of_lan(q, list_entry(node, struct outgoing, node), asks, count);

		if (a)
			a->lans_asked++;
	}
	list_for_each (node, next, &q->items) {
		struct outgoing *item = list_entry(node, struct outgoing, node);
		const struct ask *a = ask_of_lan(q, item, asks, count);

		if (a && ask_has_lans(a))
			queue_take(q, item);
	}
	qsort(asks, count, sizeof(*asks), ask_compare);
	asks_write(q, p, asks, count);
	for (size_t i = 0; i < count; i++)
		queue_take(q, asks[i].item);
	q->b->counters.seqno_requests_batched += count;
	free(asks);
}

/* --- what is heard -------------------------------------------------------------------------- */

/* The request for one prefix of a member. False: nothing was announced that it could lean on. */
static bool request_of(const struct session *s, const struct babel_tlv *batch, const struct batch_item *item,
	const struct babel_member *m, const struct prefix *prefix, struct babel_tlv *out)
{
	const struct claim *told = item->is_relative ? compact_told(s, prefix, batch->u.batch.class) : NULL;
	/* Asked before the answer to the last time came, or for another class: it is for that one, not for one more. */
	bool is_answered = told && compact_is_newer_under_way(s, prefix);

	*out = (struct babel_tlv){ .type = TLV_SEQNO_REQUEST };
	out->u.seqno_request.prefix = *prefix;
	out->u.seqno_request.class = batch->u.batch.class;
	out->u.seqno_request.hop_count = batch->u.batch.hop_count;
	out->u.seqno_request.origin = told ? told->origin : m->origin;
	out->u.seqno_request.seqno = told ? (uint16_t)(told->seqno + !is_answered) : item->seqno;
	if (!item->is_relative && batch->u.batch.is_salted)
		memcpy(out->u.seqno_request.origin.bytes, item->salt, COMPACT_SALT);
	return (told || !item->is_relative) && !router_id_is_reserved(&out->u.seqno_request.origin);
}

void batch_received(struct session *s, uint64_t now_us, const struct babel_tlv *tlv)
{
	const struct neighbour *n = s->n;
	struct list_reader l = list_reader_of(tlv->u.batch.items, 0);
	struct batch_item item;
	struct babel_member m;
	struct babel_tlv request;
	struct prefix prefix;

	while (batch_read(&l, tlv->u.batch.is_salted, &item)) {
		unsigned last = (unsigned)item.id + item.more;

		for (unsigned id = item.id; member_next(n->b, &id, last, &m);)
			for (unsigned i = 0; member_prefix_at(&m, tlv->u.batch.with_lans, i, &prefix); i++)
				if (request_of(s, tlv, &item, &m, &prefix, &request))
					request_received(n->link, now_us, &n->address, &request);
	}
}
