/*
 * Requests: asking for routes and for newer seqnos, answering (RFC 8966, 3.8).
 *
 * A pending seqno request is known by (class, prefix, router-id): a prefix alone
 * would let an answer for one origin silence the request for another. The seqno is
 * one for all classes, but it comes by their own ways. The entry serves three ends: to
 * resend what this node wants, to hand the answer to those on whose behalf it was
 * passed on, and to recognise copies.
 */
#include "routing/session.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MIN_US (500 * MS)
#define TIMEOUT_MAX_US (2 * SECOND)
#define STARVED_US (64 * SECOND) /* between requests for what starves for long */

void request_route(struct neighbour *n, uint64_t now_us, const struct prefix *prefix)
{
	struct babel_tlv tlv = { .type = TLV_ROUTE_REQUEST, .u.route_request.prefix = *prefix };

	queue_message(&n->queue, now_us, &tlv);
}

/* --- the table --------------------------------------------------------------------- */

static void request_key(
	uint8_t key[REQUEST_KEY], enum babel_class class, const struct prefix *prefix, const router_id *id)
{
	key[0] = (uint8_t) class;
	memcpy(key + 1, prefix, sizeof(*prefix));
	memcpy(key + 1 + sizeof(*prefix), id->bytes, sizeof(id->bytes));
}

struct request *request_find(
	const struct babel *b, enum babel_class class, const struct prefix *prefix, const router_id *id)
{
	uint8_t key[REQUEST_KEY];

	request_key(key, class, prefix, id);
	struct map_entry *e = map_find(&b->requests, bytes_of(key, sizeof(key)));
	return e ? container_of(e, struct request, entry) : NULL;
}

void request_free(struct request *q)
{
	struct babel *b = q->destination->b;

	timer_cancel(&b->heap, &q->timer);
	map_remove(&b->requests, &q->entry);
	list_remove(&q->on_destination);
	free(q);
}

static void request_due(struct timer *timer, uint64_t now_us);

struct request *request_get(struct destination *d, enum babel_class class, const router_id *id)
{
	struct babel *b = d->b;
	struct request *q = request_find(b, class, &d->prefix, id);

	if (q)
		return q;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->destination = d;
	q->class = class;
	q->origin = *id;
	request_key(q->key, class, &d->prefix, id);
	timer_init(&q->timer, request_due);
	if (map_insert(&b->requests, &q->entry, bytes_of(q->key, sizeof(q->key)))) {
		b->counters.refused_requests++;
		free(q);
		return NULL;
	}
	list_push_back(&d->requests, &q->on_destination);
	return q;
}

void request_add_requester(struct request *q, const struct link *link, const struct address *address)
{
	for (size_t i = 0; i < q->requester_count; i++)
		if (q->requesters[i].link == link->id && address_equal(&q->requesters[i].address, address))
			return;
	if (q->requester_count == REQUEST_REQUESTERS) {
		q->has_more_requesters = true;
		return;
	}
	q->requesters[q->requester_count++] = (struct requester){ .link = link->id, .address = *address };
}

/* --- what this node wants -------------------------------------------------------------- */

struct babel_tlv request_tlv(const struct request *q, uint8_t hop_count)
{
	struct babel_tlv tlv = { .type = TLV_SEQNO_REQUEST };

	tlv.u.seqno_request.prefix = q->destination->prefix;
	tlv.u.seqno_request.class = (uint8_t)q->class;
	tlv.u.seqno_request.seqno = q->seqno;
	tlv.u.seqno_request.hop_count = hop_count;
	tlv.u.seqno_request.origin = q->origin;
	return tlv;
}

/* A neighbour with a session that says nothing of a prefix has no route to it, or one by us: it need not be asked, and
 * if it had everybody who lost a region would ask everybody for each prefix of it. Of plain ones words get lost. */
static bool link_may_know_more(const struct link *link)
{
	return link && link_speaks_plain(link);
}

#define WAY_BYTES 2400 /* a frame or two that are ahead, the turns, and the answer */

uint64_t request_thin_way_us(const struct link *link)
{
	uint64_t most_us = link_hello_interval_us(link) / 2, rate_bps = link->config.rate_bps;
	uint64_t way_us = rate_bps ? WAY_BYTES * 8 * SECOND / rate_bps + 2 * link->config.turn_us : most_us;

	return way_us < most_us ? way_us : most_us;
}

/* All are asked at the pace of the fastest link. A thin one hears of it once in a while. */
static void request_send_to_links(struct request *q, uint64_t now_us, const struct babel_tlv *tlv)
{
	bool spares_thin = now_us < q->spares_thin_us;

	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		struct link *link = q->destination->b->links[id];

		if (!link_may_know_more(link) || (link->config.is_thin && spares_thin))
			continue;
		queue_message(&link->queue, now_us, tlv);
		if (link->config.is_thin && q->spares_thin_us < now_us + request_thin_way_us(link))
			q->spares_thin_us = now_us + request_thin_way_us(link);
	}
}

static void request_send_to_announcers(struct request *q, uint64_t now_us, const struct babel_tlv *tlv)
{
	struct destination *d = q->destination;
	bool is_sent = false;

	list_for_each (node, next, &d->routes) {
		struct route *r = list_entry(node, struct route, on_destination);

		if (route_metric(r, q->class) == BABEL_INFINITY)
			continue;
		queue_message(&r->neighbour->queue, now_us, tlv);
		is_sent = true;
	}
	if (!is_sent)
		request_send_to_links(q, now_us, tlv);
}

static bool destination_is_announced(const struct destination *d, enum babel_class class)
{
	for (const struct list *node = d->routes.next; node != &d->routes; node = node->next)
		if (route_metric(list_entry(node, struct route, on_destination), class) != BABEL_INFINITY)
			return true;
	return false;
}

/* The one neighbour that is to be asked, as long as it announces the prefix; NULL: all who do. */
static struct neighbour *request_target_left(const struct request *q)
{
	const struct destination *d = q->destination;
	struct neighbour *n = q->target.family == FAMILY_NONE ? NULL : neighbour_at(d->b, q->target_link, &q->target);
	const struct route *r = n ? route_find(d, n) : NULL;
	bool announces = r && route_metric(r, q->class) != BABEL_INFINITY;

	return announces || !destination_is_announced(d, q->class) ? n : NULL;
}

static void request_send(struct request *q, uint64_t now_us)
{
	struct babel *b = q->destination->b;
	struct neighbour *n = request_target_left(q);
	struct babel_tlv tlv = request_tlv(q, REQUEST_HOPS);

	q->sent_us = now_us;
	q->asked = n ? (struct requester){ .link = n->link->id, .address = n->address } : (struct requester){ 0 };
	if (n)
		queue_message(&n->queue, now_us, &tlv);
	else
		request_send_to_announcers(q, now_us, &tlv);
	timer_set(&b->heap, &q->timer, now_us + q->timeout_us);
	q->timeout_us = 2 * q->timeout_us < STARVED_US ? 2 * q->timeout_us : STARVED_US;
}

/* Nothing is selected, and somebody announces what only a newer seqno makes feasible. If the answer is lost nothing
 * else brings it but his next update, which may be minutes away. */
static bool request_is_starved(const struct request *q)
{
	const struct destination *d = q->destination;

	if (destination_is_reachable(d, q->class))
		return false;
	list_for_each (node, next, &d->routes) {
		const struct route *r = list_entry(node, struct route, on_destination);

		if (route_metric(r, q->class) != BABEL_INFINITY &&
			router_id_equal(&r->variants[q->class].claim.origin, &q->origin))
			return true;
	}
	return false;
}

/* Whoever was asked announces what was asked for: what it says a second time is not more. */
static bool request_is_answered(const struct request *q)
{
	const struct neighbour *n = request_target_left(q);
	const struct route *r = n ? route_find(q->destination, n) : NULL;
	const struct claim *claim = r ? &r->variants[q->class].claim : NULL;

	return claim && claim->metric != BABEL_INFINITY && router_id_equal(&claim->origin, &q->origin) &&
	       !seqno_is_newer(q->seqno, claim->seqno);
}

static void request_due(struct timer *timer, uint64_t now_us)
{
	struct request *q = container_of(timer, struct request, timer);
	struct destination *d = q->destination;

	if (request_wait(q, now_us) || request_pass_again(q, now_us))
		return;
	if (q->is_own && (request_is_starved(q) || (q->resends > 0 && !request_is_answered(q)))) {
		q->resends -= q->resends > 0;
		d->b->counters.seqno_requests_resent++;
		request_send(q, now_us);
		return;
	}
	request_free(q);
	destination_release(d);
}

/* Either may be NULL. */
static const struct link *faster(const struct link *a, const struct link *b)
{
	if (!a || !b)
		return a ? a : b;
	return link_hello_interval_us(b) < link_hello_interval_us(a) ? b : a;
}

/* An answer can hardly come before a Hello would by the fastest link that it may come from; and on a thin link all
 * that is asked for at once takes its turns. */
static uint64_t request_timeout_us(const struct destination *d)
{
	const struct link *fastest = NULL;

	list_for_each (node, next, &d->routes)
		fastest = faster(fastest, list_entry(node, struct route, on_destination)->neighbour->link);
	for (unsigned id = 0; id < BABEL_LINK_MAX && list_is_empty(&d->routes); id++)
		fastest = faster(fastest, d->b->links[id]);
	uint64_t timeout_us = fastest ? link_hello_interval_us(fastest) : TIMEOUT_MAX_US;
	if (timeout_us > TIMEOUT_MAX_US && !fastest->config.is_thin)
		return TIMEOUT_MAX_US;
	return timeout_us < TIMEOUT_MIN_US ? TIMEOUT_MIN_US : timeout_us;
}

/* A request for the base that is under way may bring what a class needs. Then that one asks only when it did not. */
static bool request_may_wait(const struct destination *d, enum babel_class class, const router_id *id, uint16_t seqno)
{
	const struct request *q = class == BABEL_TEXT ? NULL : request_find(d->b, BABEL_TEXT, &d->prefix, id);

	return q && q->is_own && !seqno_is_newer(seqno, q->seqno);
}

/* Somebody announces the prefix, or could know it all the same. */
static bool somebody_may_know(const struct destination *d, enum babel_class class)
{
	if (destination_is_announced(d, class))
		return true;
	if (class != BABEL_TEXT)
		return false; /* not all speak of other classes */
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++)
		if (link_may_know_more(d->b->links[id]))
			return true;
	return false;
}

/* Whoever was asked may be gone, and not known to be: another one who announces the prefix is asked as well, and from
 * now on all are. */
static void request_widen(struct request *q, uint64_t now_us, struct neighbour *to)
{
	const struct babel_tlv tlv = request_tlv(q, REQUEST_HOPS);

	if (!to || q->target.family == FAMILY_NONE ||
		(q->target_link == to->link->id && address_equal(&q->target, &to->address)))
		return;
	q->target = (struct address){ 0 };
	queue_message(&to->queue, now_us, &tlv);
}

/* Where a route is there, another may need no more than the seqno of that one: no new one is wanted. */
static bool announces_enough(
	const struct destination *d, enum babel_class class, const router_id *id, const struct neighbour *n)
{
	const struct route *r = n && d->selected[class] ? route_find(d, n) : NULL;

	return r && router_id_equal(&r->variants[class].claim.origin, id) && route_needs_no_new_seqno(r, class);
}

static void request_one(
	struct destination *d, uint64_t now_us, enum babel_class class, const router_id *id, struct neighbour *only)
{
	const struct source *s = source_find(d, id);

	/* Without a feasibility distance nothing of that origin is unfeasible. */
	if (!s || s->distances[class].metric == BABEL_INFINITY)
		return;
	if (!only && !somebody_may_know(d, class))
		return;
	uint16_t seqno = (uint16_t)(s->distances[class].seqno + (announces_enough(d, class, id, only) ? 0 : 1));
	struct request *q = request_find(d->b, class, &d->prefix, id);
	/* What is asked for at long intervals only is asked for again from the beginning. */
	if (q && q->is_own && !seqno_is_newer(seqno, q->seqno) && (only || q->target.family == FAMILY_NONE) &&
		(q->resends > 0 || now_us - q->sent_us < TIMEOUT_MIN_US)) {
		request_widen(q, now_us, only);
		return;
	}
	q = request_get(d, class, id);
	if (!q)
		return;
	if (!q->is_own || seqno_is_newer(seqno, q->seqno))
		q->seqno = seqno;
	q->is_own = true;
	q->target = only ? only->address : (struct address){ 0 };
	q->target_link = only ? only->link->id : 0;
	q->resends = REQUEST_RESENDS;
	q->timeout_us = request_timeout_us(d);
	if (request_may_wait(d, class, id, seqno))
		timer_set(&d->b->heap, &q->timer, now_us + q->timeout_us);
	else
		request_send(q, now_us);
}

void request_seqno(
	struct destination *d, uint64_t now_us, enum babel_class class, const router_id *id, struct neighbour *only)
{
	request_one(d, now_us, class, id, only);
	if (only)
		return;
	/* Who announces the prefix from another origin does not know the lost one. */
	list_for_each (node, next, &d->routes) {
		struct route *r = list_entry(node, struct route, on_destination);
		const router_id *origin = &r->variants[class].claim.origin;

		if (route_metric(r, class) != BABEL_INFINITY && !router_id_equal(origin, id) &&
			!router_id_equal(origin, &d->b->config.id))
			request_one(d, now_us, class, origin, r->neighbour);
	}
}

bool request_is_under_way(const struct destination *d, enum babel_class class, const router_id *id)
{
	const struct request *q = request_find(d->b, class, &d->prefix, id);

	return q && q->is_own;
}

static bool request_is_satisfied(const struct request *q)
{
	const struct claim claim = destination_claim(q->destination, q->class);

	return claim.metric != BABEL_INFINITY &&
	       (!router_id_equal(&q->origin, &claim.origin) || !seqno_is_newer(q->seqno, claim.seqno));
}

void request_satisfied(struct destination *d, uint64_t now_us)
{
	list_for_each (node, next, &d->requests) {
		struct request *q = list_entry(node, struct request, on_destination);

		if (!request_is_satisfied(q))
			continue;
		if (q->has_more_requesters) {
			update_trigger(d, now_us, true, false);
			session_announce(d, now_us, COMMIT_FORCED);
		}
		for (size_t i = 0; i < q->requester_count; i++) {
			struct link *link = d->b->links[q->requesters[i].link];

			if (link)
				update_reply(link, now_us, &q->requesters[i].address, &d->prefix);
		}
		request_free(q);
	}
}

/* --- what is heard -------------------------------------------------------------------------- */

static void seqno_request_received(
	struct link *link, uint64_t now_us, const struct address *from, const struct babel_tlv *tlv)
{
	struct babel *b = link->b;
	const router_id *id = &tlv->u.seqno_request.origin;
	struct destination *d = destination_find(b, &tlv->u.seqno_request.prefix);

	b->counters.seqno_requests_received++;
	if (!d || tlv->u.seqno_request.class >= b->config.classes)
		return;
	const struct claim claim = destination_claim(d, tlv->u.seqno_request.class);
	if (claim.metric != BABEL_INFINITY) {
		bool is_older =
			router_id_equal(&claim.origin, id) && seqno_is_newer(tlv->u.seqno_request.seqno, claim.seqno);

		/* By one, whatever was asked for. */
		if (is_older && d->is_own) {
			b->seqno++;
			b->counters.seqno_increments++;
			seqno_keep(b);
		}
		if (!is_older || d->is_own) {
			update_reply(link, now_us, from, &d->prefix);
			return;
		}
	}
	if (!router_id_equal(id, &b->config.id))
		request_pass(d, link, now_us, from, tlv);
}

static void route_request_received(
	struct link *link, uint64_t now_us, const struct address *from, const struct babel_tlv *tlv)
{
	struct neighbour *n = neighbour_find(link, from);

	link->b->counters.route_requests_received++;
	if (!tlv->u.route_request.wildcard) {
		update_reply(link, now_us, from, &tlv->u.route_request.prefix);
		return;
	}
	if (!n || n->session)
		return;
	uint64_t due_us = n->dumped_us ? n->dumped_us + DUMP_INTERVAL_US : 0;
	timer_set_earlier(&link->b->heap, &n->dump, due_us > now_us ? due_us : now_us);
}

void request_received(struct link *link, uint64_t now_us, const struct address *from, const struct babel_tlv *tlv)
{
	if (tlv->type == TLV_ROUTE_REQUEST)
		route_request_received(link, now_us, from, tlv);
	else
		seqno_request_received(link, now_us, from, tlv);
}
