/*
 * Requests of others, passed on (RFC 8966, 3.8.1.2).
 *
 * Whoever starves asks at the pace of its own link. Behind a thin one a copy takes its
 * time, and after a cut there are a thousand of them: each copy more takes the room of
 * the answers. So a copy counts as under way while answers still come by that link, and
 * what is asked again meanwhile is passed on when they have ended without it.
 */
#include "routing/session.h"

#define DUPLICATE_US (400 * MS) /* less than anybody's first resend */
#define FORWARDED_US (10 * SECOND) /* how long an answer may take */
#define ANSWERS_GAP_US (2 * SECOND) /* between two of the answers that still come */

static bool is_better_target(
	const struct route *r, const struct route *than, enum babel_class class, const router_id *id)
{
	if (!than)
		return true;
	const struct route *selected = r->destination->selected[class];
	bool is_of = router_id_equal(&r->variants[class].claim.origin, id);
	bool is_usable = route_is_usable(r, class);

	if (is_of != router_id_equal(&than->variants[class].claim.origin, id))
		return is_of;
	if (is_usable != route_is_usable(than, class))
		return is_usable;
	if (r == selected || than == selected)
		return r == selected;
	return route_metric(r, class) < route_metric(than, class);
}

/* Where to pass a request on: towards the origin that it names, as another one
 * would answer for itself; a feasible next hop first, and of those the one that is
 * used: an answer by another way, which is not worth a move, helps nobody. Never
 * the requester. */
static struct neighbour *request_target(
	const struct destination *d, const struct link *link, const struct address *from, const struct babel_tlv *tlv)
{
	enum babel_class class = tlv->u.seqno_request.class;
	const struct route *best = NULL;

	list_for_each (node, next, &d->routes) {
		const struct route *r = list_entry(node, struct route, on_destination);
		bool is_requester = r->neighbour->link == link &&
				    (address_equal(&r->neighbour->address, from) || address_equal(&r->next_hop, from));

		if (!is_requester && route_metric(r, class) != BABEL_INFINITY &&
			is_better_target(r, best, class, &tlv->u.seqno_request.origin))
			best = r;
	}
	return best ? best->neighbour : NULL;
}

/* The thin link by which the last copy went; NULL: it was no thin one. */
static const struct link *request_thin_link(const struct request *q)
{
	const struct link *link = q->asked.address.family ? q->destination->b->links[q->asked.link] : NULL;

	return link && link->config.is_thin ? link : NULL;
}

/* For so long a copy is under way: whoever asks again by a fast link does not know that there is a thin one behind. */
static uint64_t request_way_us(const struct request *q)
{
	const struct link *link = request_thin_link(q);

	if (!link)
		return DUPLICATE_US;
	const struct neighbour *n = neighbour_at(q->destination->b, q->asked.link, &q->asked.address);
	uint64_t way_us = request_thin_way_us(link), heard_us = n && n->session ? n->session->in.delta_us : 0;
	if (heard_us > q->sent_us && heard_us - q->sent_us + ANSWERS_GAP_US > way_us)
		way_us = heard_us - q->sent_us + ANSWERS_GAP_US;
	return way_us < FORWARDED_US ? way_us : FORWARDED_US;
}

static bool request_is_on_its_way(const struct request *q, uint64_t now_us)
{
	return now_us < q->sent_us + request_way_us(q);
}

/* A copy is under way already. One that went to the requester alone does not
 * count: two nodes that wait for each other's answer would both starve. */
static bool request_is_duplicate(
	const struct request *q, uint64_t now_us, const struct link *link, const struct address *from, uint16_t seqno)
{
	return !seqno_is_newer(seqno, q->seqno) && request_is_on_its_way(q, now_us) &&
	       !(q->asked.link == link->id && address_equal(&q->asked.address, from));
}

/* Was the same asked of the same neighbour for the base? The answer says all classes. */
static bool request_rides(const struct request *q, uint64_t now_us)
{
	const struct destination *d = q->destination;
	const struct request *base =
		q->class == BABEL_TEXT ? NULL : request_find(d->b, BABEL_TEXT, &d->prefix, &q->origin);

	return base && !seqno_is_newer(q->seqno, base->seqno) && base->asked.link == q->asked.link &&
	       address_equal(&base->asked.address, &q->asked.address) && request_is_on_its_way(base, now_us);
}

static void request_send_on(struct request *q, uint64_t now_us, struct neighbour *to)
{
	const struct babel_tlv tlv = request_tlv(q, q->hop_count);
	struct babel *b = q->destination->b;

	q->sent_us = now_us;
	q->is_asked_again = false;
	q->asked = (struct requester){ .link = to->link->id, .address = to->address };
	if (!q->is_own)
		timer_set(&b->heap, &q->timer, now_us + FORWARDED_US);
	if (request_rides(q, now_us))
		return;
	queue_message(&to->queue, now_us, &tlv);
	b->counters.seqno_requests_forwarded++;
}

bool request_wait(struct request *q, uint64_t now_us)
{
	if (!request_thin_link(q) || !(q->is_own || q->is_asked_again) || !request_is_on_its_way(q, now_us))
		return false;
	timer_set(&q->destination->b->heap, &q->timer, q->sent_us + request_way_us(q));
	return true;
}

bool request_pass_again(struct request *q, uint64_t now_us)
{
	struct neighbour *n = neighbour_at(q->destination->b, q->asked.link, &q->asked.address);

	if (q->is_own || !q->is_asked_again || !n)
		return false;
	request_send_on(q, now_us, n);
	return true;
}

/* By a thin link it is passed on again as soon as no answer is to be expected any more. */
static void request_remember(struct request *q, const struct link *link, const struct address *from)
{
	request_add_requester(q, link, from);
	if (!request_thin_link(q) || q->is_own)
		return;
	q->is_asked_again = true;
	timer_set_earlier(&q->destination->b->heap, &q->timer, q->sent_us + request_way_us(q));
}

void request_pass(struct destination *d, struct link *link, uint64_t now_us, const struct address *from,
	const struct babel_tlv *tlv)
{
	struct babel *b = d->b;
	uint16_t seqno = tlv->u.seqno_request.seqno;
	enum babel_class class = tlv->u.seqno_request.class;
	struct request *q = request_find(b, class, &d->prefix, &tlv->u.seqno_request.origin);

	if (q && request_is_duplicate(q, now_us, link, from, seqno)) {
		b->counters.seqno_requests_duplicate++;
		request_remember(q, link, from);
		return;
	}
	struct neighbour *target = request_target(d, link, from, tlv);
	if (tlv->u.seqno_request.hop_count < 2 || !target)
		return;
	q = request_get(d, class, &tlv->u.seqno_request.origin);
	if (!q)
		return;
	if ((!q->is_own && q->requester_count == 0) || seqno_is_newer(seqno, q->seqno))
		q->seqno = seqno;
	q->hop_count = (uint8_t)(tlv->u.seqno_request.hop_count - 1);
	request_add_requester(q, link, from);
	request_send_on(q, now_us, target);
}
