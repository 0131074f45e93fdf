/*
 * Updates: what is said about a prefix, to whom, how often (RFC 8966, 3.7).
 *
 * This is what plain neighbours hear: the base topology. Versioned ones are told by
 * session.c, of all classes.
 *
 * update_compose() is the one place where a finite update is made. It lowers the
 * feasibility distance first (3.7.3): an update that cannot be accounted for is
 * not sent.
 */
#include "routing/session.h"

#define ACKED_NEIGHBOURS_MAX 8 /* on a link; with more, copies are cheaper than acknowledgments */

void seqno_keep(struct babel *b)
{
	if (b->has_stored && (uint16_t)(b->seqno - b->stored) <= 16)
		return;
	b->has_stored = true;
	b->stored = b->seqno;
	if (b->output.seqno_store)
		b->output.seqno_store(b->user, b->seqno);
}

void seqno_meet_own_past(struct babel *b, uint64_t now_us, uint16_t seqno)
{
	if (b->config.has_stored_seqno || now_us - b->started_us > SEQNO_ADOPT_US || !seqno_is_newer(seqno, b->seqno))
		return;
	b->seqno = (uint16_t)(seqno + 1);
	b->counters.seqno_increments++;
	seqno_keep(b);
	for (struct map_entry *e = map_next(&b->destinations, NULL); e; e = map_next(&b->destinations, e)) {
		struct destination *d = container_of(e, struct destination, entry);

		if (!d->is_own)
			continue;
		update_trigger(d, now_us, true, false);
		session_announce(d, now_us, COMMIT_FORCED);
	}
}

/* IPv4 goes out natively where the link has IPv4, else over an IPv6 next hop (RFC 9229, 2.1). */
bool update_next_hop(const struct link *link, const struct prefix *prefix, struct babel_tlv *out)
{
	bool is_other = prefix->address.family == FAMILY_IPV4 && link->self.family != FAMILY_IPV4;

	out->u.update.next_hop = is_other && link->config.has_ipv4 ? link->config.next_hop_ipv4 : link->self;
	out->u.update.v4_via_v6 |= is_other && !link->config.has_ipv4;
	return update_has_next_hop(link, prefix->address.family);
}

/* A retraction needs neither router-id nor next hop (4.6.9), but FRR 8.4, as babeld before 1.10, ignores one without
 * and sends packets into the hole until the route ages: strangers are told both. */
static void compose_retraction(struct destination *d, const struct link *link, struct babel_tlv *out)
{
	out->u.update.metric = BABEL_INFINITY;
	if (!d)
		return;
	d->announced_links &= ~(UINT64_C(1) << link->id);
	if (link->config.is_filtered && update_next_hop(link, &d->prefix, out))
		out->u.update.origin = d->announced_id;
}

struct babel_tlv update_retracting_all(const struct link *link)
{
	struct babel_tlv tlv = { .type = TLV_UPDATE };

	tlv.u.update.wildcard = true;
	tlv.u.update.interval_cs = link->config.update_interval_cs;
	tlv.u.update.metric = BABEL_INFINITY;
	return tlv;
}

struct babel_verdict update_policy(
	const struct destination *d, const struct link *link, const struct address *neighbour)
{
	const struct babel *b = d->b;

	if (!link->config.is_filtered || !b->output.announce)
		return (struct babel_verdict){ .accept = true };
	const struct claim claim = destination_claim(d, BABEL_TEXT);

	return b->output.announce(b->user, link->id, neighbour, &d->prefix, &claim.origin);
}

uint16_t update_steering(const struct destination *d, const struct link *link)
{
	return metric_add(link->steer_cost, d->is_own ? 0 : link->b->drain_cost);
}

static bool compose_finite(
	struct destination *d, struct link *link, uint64_t now_us, uint16_t extra_cost, struct babel_tlv *out)
{
	struct babel *b = d->b;
	uint64_t until_us = now_us + link_update_hold_us(link);

	if (!update_next_hop(link, &d->prefix, out))
		return false;
	if (d->is_own)
		seqno_keep(b);
	struct claim claim = destination_claim(d, BABEL_TEXT);
	uint16_t metric = claim.metric;

	claim.metric = metric_add(metric, extra_cost);
	if (claim.metric == BABEL_INFINITY || !source_update(d, now_us, BABEL_TEXT, &claim, link_update_hold_us(link)))
		return false;
	out->u.update.origin = claim.origin;
	out->u.update.seqno = claim.seqno;
	out->u.update.metric = claim.metric;
	d->announced_metric = metric;
	d->announced_us = now_us;
	d->announced_links |= UINT64_C(1) << link->id;
	if (d->announced_until_us < until_us)
		d->announced_until_us = until_us;
	return true;
}

/* Learnt from this link, where everybody has heard it as well (3.7.4). */
static bool is_hidden(const struct destination *d, const struct link *link)
{
	const struct route *selected = d->selected[BABEL_TEXT];

	return link->config.split_horizon && selected && selected->neighbour->link == link;
}

bool update_compose(
	struct link *link, uint64_t now_us, const struct outgoing *item, bool is_multicast, struct babel_tlv *out)
{
	const struct prefix *prefix = &item->tlv.u.update.prefix;
	struct destination *d = destination_find(link->b, prefix);

	*out = (struct babel_tlv){ .type = TLV_UPDATE };
	out->u.update.prefix = *prefix;
	out->u.update.interval_cs = link->config.update_interval_cs;
	if (!d || !destination_is_reachable(d, BABEL_TEXT)) {
		compose_retraction(d, link, out);
		return true;
	}
	const struct babel_verdict policy = update_policy(d, link, NULL);
	if (!policy.accept || (is_hidden(d, link) && !item->is_reply)) {
		bool was_told = d->announced_links & UINT64_C(1) << link->id;

		/* They hold our older word: take it back instead of letting it age. */
		if (!item->is_reliable && !item->is_reply && !(is_multicast && was_told))
			return false;
		compose_retraction(d, link, out);
		return true;
	}
	if (compose_finite(d, link, now_us, metric_add(policy.extra_cost, update_steering(d, link)), out)) {
		/* An answer from behind the split horizon is current: nothing to take back. */
		if (is_hidden(d, link))
			d->announced_links &= ~(UINT64_C(1) << link->id);
		return true;
	}
	if (!item->is_reply)
		return false;
	out->u.update.v4_via_v6 = false;
	compose_retraction(d, link, out);
	return true;
}

/* --- to whom -------------------------------------------------------------------------- */

static bool neighbour_is_told_plainly(const struct neighbour *n)
{
	return !n->session && neighbour_is_heard_of(n);
}

bool update_is_acked_on(const struct link *link)
{
	size_t count = 0;

	for (const struct list *node = link->neighbours.next; node != &link->neighbours; node = node->next)
		count += neighbour_is_told_plainly(list_entry(node, struct neighbour, on_link));
	return link->config.needs_ack && count > 0 && count <= ACKED_NEIGHBOURS_MAX;
}

static void update_trigger_link(struct destination *d, struct link *link, uint64_t now_us, bool urgent, bool reliable)
{
	struct outgoing how = { .copies = 1 };

	if (!link_speaks_plain(link))
		return;
	if (reliable && update_is_acked_on(link)) {
		how.is_reliable = true;
		list_for_each (node, next, &link->neighbours) {
			struct neighbour *n = list_entry(node, struct neighbour, on_link);

			if (neighbour_is_told_plainly(n))
				queue_update(&n->queue, now_us, &d->prefix, how, urgent);
		}
		return;
	}
	/* So many copies are reasonable (3.7.2); what merely appears is repeated by the next dump. */
	if (reliable && urgent)
		how.copies = link->config.cost == BABEL_COST_ETX ? 3 : 2;
	queue_update(&link->queue, now_us, &d->prefix, how, urgent);
}

void update_trigger(struct destination *d, uint64_t now_us, bool urgent, bool reliable)
{
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++)
		if (d->b->links[id])
			update_trigger_link(d, d->b->links[id], now_us, urgent, reliable);
	if (d->unacked == 0 && d->told_sessions == 0)
		d->hold_by_ack = false;
}

void update_dump(struct link *link, uint64_t now_us, struct neighbour *only)
{
	struct babel *b = link->b;
	struct queue *q = only ? &only->queue : &link->queue;
	/* What one neighbour asked for it does not hear again for an interval. */
	const struct outgoing how = { .copies = 1, .is_reliable = only && update_is_acked_on(link) };

	for (struct map_entry *e = map_next(&b->destinations, NULL); e; e = map_next(&b->destinations, e)) {
		struct destination *d = container_of(e, struct destination, entry);

		if (destination_is_reachable(d, BABEL_TEXT) || d->is_held)
			queue_update(q, now_us, &d->prefix, how, false);
	}
}

void update_reply(struct link *link, uint64_t now_us, const struct address *to, const struct prefix *prefix)
{
	struct neighbour *n = neighbour_find(link, to);
	struct outgoing item = { .is_reply = true, .copies = 1 };
	struct babel_tlv tlv;
	struct packet p;

	/* Versioned, it has heard of whatever was ever there. */
	if (n && n->session) {
		struct destination *d = destination_find(link->b, prefix);

		if (d)
			session_reply(n->session, d, now_us);
		return;
	}
	if (n) {
		queue_update(&n->queue, now_us, prefix, item, true);
		return;
	}
	/* A stranger gets its answer all the same: the RFC says always. */
	item.tlv = (struct babel_tlv){ .type = TLV_UPDATE, .u.update.prefix = *prefix };
	packet_begin(&p, link->b, link, to);
	if (update_compose(link, now_us, &item, false, &tlv))
		packet_write(&p, &tlv);
	packet_send(&p);
}

/* --- leaving ----------------------------------------------------------------------------- */

static void link_retract_all(struct link *link)
{
	struct babel *b = link->b;
	struct packet p;

	if (!link_speaks_plain(link))
		return;
	packet_begin(&p, b, link, NULL);
	for (struct map_entry *e = map_next(&b->destinations, NULL); e; e = map_next(&b->destinations, e)) {
		struct destination *d = container_of(e, struct destination, entry);
		struct babel_tlv tlv = { .type = TLV_UPDATE };

		if (!destination_is_reachable(d, BABEL_TEXT))
			continue;
		tlv.u.update.prefix = d->prefix;
		tlv.u.update.interval_cs = link->config.update_interval_cs;
		tlv.u.update.metric = BABEL_INFINITY;
		packet_write(&p, &tlv);
	}
	packet_send(&p);
}

void babel_shutdown(struct babel *b, uint64_t now_us)
{
	engine_started(b, now_us);
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++)
		if (b->links[id])
			link_retract_all(b->links[id]);
	list_for_each (node, next, &b->sessions)
		session_leave(list_entry(node, struct session, on_babel));
	b->is_leaving = true;
}

void babel_link_leave(struct babel *b, unsigned id)
{
	struct link *link = link_by_id(b, id);

	if (!link || b->is_leaving)
		return;
	link_retract_all(link);
	list_for_each (node, next, &link->neighbours) {
		struct neighbour *n = list_entry(node, struct neighbour, on_link);

		if (n->session)
			session_leave(n->session);
	}
}
