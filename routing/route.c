/*
 * The route table: what neighbours announce (RFC 8966, 3.5.3).
 *
 * Entries are kept whether feasible or not; feasibility is asked at each use,
 * never remembered. An unfeasible or refused entry is not selected, but it tells
 * whom to ask for a newer seqno.
 */
#include "routing/session.h"

#include <assert.h>
#include <stdlib.h>

#define STARVE_US (10 * SECOND) /* after the last resend of a request */
#define SMOOTH_US (8 * SECOND)

/* Prefixes that no neighbour may announce (appendix C). */
static bool prefix_is_martian(const struct prefix *p)
{
	const uint8_t *a = p->address.bytes;

	if (p->address.family == FAMILY_IPV6)
		return (p->plen >= 64 && a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || (p->plen >= 8 && a[0] == 0xff);
	if (p->plen == 32 && a[0] == 0 && a[1] == 0 && a[2] == 0 && a[3] == 0)
		return true;
	return p->plen >= 8 && (a[0] == 127 || (a[0] >= 224 && a[0] < 240));
}

uint16_t route_metric(const struct route *r)
{
	if (r->refmetric == BABEL_INFINITY || r->is_refused || r->neighbour->cost == BABEL_INFINITY ||
		r->neighbour->is_dormant)
		return BABEL_INFINITY;
	return metric_add(metric_add(r->refmetric, r->neighbour->cost), r->extra_cost);
}

/* What carries our own router-id went through us: it is never a way there. */
bool route_is_feasible(const struct route *r)
{
	const struct babel *b = r->destination->b;

	return !router_id_equal(&r->origin, &b->config.id) &&
	       source_is_feasible(r->destination, &r->origin, r->seqno, r->proven_metric);
}

bool route_is_usable(const struct route *r)
{
	if (r->is_v4_via_v6 && !r->destination->b->config.kernel_has_v4_via_v6)
		return false;
	return route_metric(r) != BABEL_INFINITY && route_is_feasible(r);
}

struct route *route_find(const struct destination *d, const struct neighbour *n)
{
	list_for_each (node, next, &d->routes) {
		struct route *r = list_entry(node, struct route, on_destination);

		if (r->neighbour == n)
			return r;
	}
	return NULL;
}

void route_free(struct route *r)
{
	struct destination *d = r->destination;

	if (d->selected == r)
		d->selected = NULL;
	adj_in_count(r, false);
	if (r->has_clock)
		timer_cancel(&d->b->heap, &r->clock->expiry);
	list_remove(&r->on_destination);
	list_remove(&r->on_neighbour);
	r->neighbour->route_count--;
	free(r);
}

/* --- the smoothed metric (appendix A.3) --------------------------------------------- */

/*
 * Long enough that noise passes: a cost by ETX is measured over sixteen Hellos, and
 * the average of a few such windows is needed to tell two equally lossy links apart.
 */
uint64_t route_half_life_us(const struct route *r)
{
	const struct babel_link_config *config = &r->neighbour->link->config;
	uint64_t interval_us = link_hello_interval_us(r->neighbour->link);
	uint64_t window_us = 32 * interval_us;

	if (config->cost != BABEL_COST_ETX)
		return 2 * interval_us;
	if (window_us > SMOOTH_US)
		window_us = SMOOTH_US;
	return window_us > 2 * interval_us ? window_us : 2 * interval_us;
}

uint32_t route_smoothed_at(const struct route *r, uint64_t now_us)
{
	return metric_smooth(r->smoothed, r->smoothed_metric, now_us - r->smoothed_us, route_half_life_us(r));
}

void route_smooth(struct route *r, uint64_t now_us)
{
	uint16_t metric = route_metric(r);

	if (metric == r->smoothed_metric)
		return;
	r->smoothed = route_smoothed_at(r, now_us);
	r->smoothed_us = now_us;
	/* What was unreachable, or seemed to be bad as long as little was known of it,
	 * must prove itself, but not for minutes. */
	if (metric != BABEL_INFINITY && r->smoothed > 2u * metric)
		r->smoothed = 2u * metric;
	r->smoothed_metric = metric;
}

/* --- expiry ---------------------------------------------------------------------------- */

/* Three and a half intervals (appendix B). */
static uint64_t route_hold_us(const struct route *r)
{
	return (uint64_t)r->interval_cs * 10 * MS * 7 / 2;
}

/* The timer first asks for a refresh, twice, shortly before the end (3.8.2.3). */
static void route_arm(struct route *r, uint64_t now_us)
{
	struct route_clock *clock = r->clock;
	uint64_t step_us = route_hold_us(r) / 14;
	uint64_t due_us = clock->expires_us;

	if (r->refmetric != BABEL_INFINITY && clock->probes < 2)
		due_us -= step_us * (2u - clock->probes);
	timer_set(&r->destination->b->heap, &clock->expiry, due_us > now_us ? due_us : now_us);
}

static void route_refresh(struct route *r, uint64_t now_us)
{
	assert(r->has_clock); /* whoever has a session keeps it until it is gone */
	r->clock->expires_us = now_us + route_hold_us(r);
	r->clock->forgiven_us = 0;
	r->clock->probes = 0;
	route_arm(r, now_us);
}

static void route_expired(struct timer *timer, uint64_t now_us)
{
	struct route_clock *clock = container_of(timer, struct route_clock, expiry);
	struct route *r = clock->route;
	struct destination *d = r->destination;

	if (now_us < clock->expires_us) {
		clock->probes++;
		if (d->selected == r)
			request_route(r->neighbour, now_us, &d->prefix);
		route_arm(r, now_us);
		return;
	}
	if (r->refmetric == BABEL_INFINITY) {
		route_free(r);
		destination_decide(d, now_us);
		return;
	}
	d->b->counters.routes_expired++;
	r->refmetric = BABEL_INFINITY;
	route_refresh(r, now_us);
	destination_decide(d, now_us);
}

/* By a quarter of an interval at most: the announcer, if it has lost the route,
 * keeps packets to it back for half an interval longer than we hold it (3.5.4). */
void route_forgive(struct route *r, uint64_t now_us, uint64_t slept_us)
{
	uint64_t left_us = route_hold_us(r) / 14 - r->clock->forgiven_us;

	if (slept_us > left_us)
		slept_us = left_us;
	r->clock->expires_us += slept_us;
	r->clock->forgiven_us += (uint32_t)slept_us; /* below 2^28 */
	route_arm(r, now_us);
}

/* --- updates received --------------------------------------------------------------------- */

static struct babel_verdict ask_owner(
	const struct destination *d, const struct neighbour *n, const router_id *origin, uint16_t metric)
{
	const struct babel *b = d->b;

	if (!b->output.accept)
		return (struct babel_verdict){ .accept = true, .is_named = true };
	return b->output.accept(b->user, n->link->id, &n->address, &d->prefix, origin, metric);
}

/* Who cuts his prefix into very many takes three quarters of a table, and nobody else's place. */
static bool route_has_room(const struct destination *d, const struct neighbour *n, const struct babel_tlv *tlv)
{
	const struct babel_limits *l = &d->b->config.limits;

	if (n->route_count >= l->routes)
		return false;
	if (n->route_count < l->routes - l->routes / 4 && d->b->destinations.count <= l->sources - l->sources / 4)
		return true;
	struct babel_verdict verdict = ask_owner(d, n, &tlv->u.update.origin, tlv->u.update.metric);
	return verdict.accept && verdict.is_named;
}

static struct route *route_new(struct destination *d, struct neighbour *n, uint64_t now_us, const struct babel_tlv *tlv)
{
	struct babel *b = d->b;
	size_t size = sizeof(struct route) + (n->session ? 0 : sizeof(struct route_clock));
	struct route *r = route_has_room(d, n, tlv) ? calloc(1, size) : NULL;

	if (!r) {
		b->counters.refused_routes++;
		return NULL;
	}
	r->destination = d;
	r->neighbour = n;
	r->refmetric = BABEL_INFINITY; /* nothing was announced yet */
	r->smoothed = r->smoothed_metric = BABEL_INFINITY;
	r->smoothed_us = now_us;
	r->has_clock = !n->session;
	if (r->has_clock) {
		r->clock->route = r;
		timer_init(&r->clock->expiry, route_expired);
	}
	list_push_back(&d->routes, &r->on_destination);
	list_push_back(&n->routes, &r->on_neighbour);
	n->route_count++;
	return r;
}

/* What a versioned neighbour announces it does not repeat, so whoever needs a newer
 * seqno for it must remember that: requests and their answers can be lost. */
static void route_starves(const struct route *r, uint64_t now_us)
{
	struct babel *b = r->destination->b;

	if (!r->neighbour->session)
		return;
	list_remove(&r->destination->on_starving);
	list_push_back(&b->starving, &r->destination->on_starving);
	if (!timer_is_armed(&b->starve))
		timer_set(&b->heap, &b->starve, now_us + STARVE_US);
}

/* Asks for a newer seqno if the unfeasible route is wanted (3.8.2.1, 3.8.2.2). */
static void route_unfeasible(struct route *r, uint64_t now_us, bool was_selected)
{
	struct destination *d = r->destination;
	uint16_t metric = route_metric(r);

	r->neighbour->b->counters.updates_unfeasible++;
	if (d->is_own || metric == BABEL_INFINITY || router_id_equal(&r->origin, &d->b->config.id))
		return;
	if (!d->selected || was_selected || (uint32_t)metric * 8 < (uint32_t)route_metric(d->selected) * 7) {
		route_starves(r, now_us);
		request_seqno(d, now_us, &r->origin, r->neighbour);
	}
}

/* False: a route is there that may be used, or none that could be. */
static bool destination_is_starving(const struct destination *d, const struct route **by)
{
	*by = NULL;
	if (d->is_own || d->selected)
		return false;
	for (const struct list *node = d->routes.next; node != &d->routes && !*by; node = node->next) {
		const struct route *r = list_entry(node, struct route, on_destination);

		if (r->neighbour->session && route_metric(r) != BABEL_INFINITY)
			*by = r;
	}
	return *by;
}

void route_note_starving(const struct destination *d, uint64_t now_us)
{
	const struct route *by;

	if (destination_is_starving(d, &by))
		route_starves(by, now_us);
}

void route_starve_due(struct timer *timer, uint64_t now_us)
{
	struct babel *b = container_of(timer, struct babel, starve);
	struct list now;

	list_init(&now);
	while (!list_is_empty(&b->starving))
		list_push_back(&now, list_pop_front(&b->starving));
	while (!list_is_empty(&now)) {
		struct destination *d = list_entry(list_pop_front(&now), struct destination, on_starving);

		list_for_each (node, next, &d->routes) {
			struct route *r = list_entry(node, struct route, on_destination);

			if (!route_is_feasible(r))
				route_unfeasible(r, now_us, false);
		}
	}
}

static void route_ask_owner(struct route *r)
{
	struct babel *b = r->destination->b;
	struct babel_verdict verdict = ask_owner(r->destination, r->neighbour, &r->origin, r->refmetric);

	r->is_refused = !verdict.accept;
	r->extra_cost = verdict.extra_cost;
	if (r->is_refused)
		b->counters.updates_refused++;
}

static void route_changed(struct route *r, uint64_t now_us)
{
	route_smooth(r, now_us);
	if (destination_depends_on(r->destination, r))
		destination_decide(r->destination, now_us);
}

static void route_retract(struct neighbour *n, uint64_t now_us, const struct prefix *prefix)
{
	struct destination *d = destination_find(n->b, prefix);
	struct route *r = d ? route_find(d, n) : NULL;

	if (!r)
		return;
	/* Without a timer there is nothing that it would wait for. */
	if (n->session) {
		route_free(r);
		destination_decide(d, now_us);
		return;
	}
	/* The expiry timer keeps running: a retraction does not prolong anything. */
	r->refmetric = BABEL_INFINITY;
	route_changed(r, now_us);
}

/*
 * What an update proves is the announcer's feasibility distance, which is no worse
 * than what it ever announced with this seqno. Its metric may rise since; the
 * distance does not, and distances are all that freedom from loops rests on
 * (3.5.1). So the selected route stays feasible while only its metric gets worse:
 * RFC 8966 (3.5.3) has such an update ignored, which would keep the old metric too.
 * Dropping it would starve everybody above a lossy radio until a new seqno is there.
 */
static void route_prove(struct route *r, const struct babel_tlv *tlv)
{
	bool is_selected = r->destination->selected == r && r->refmetric != BABEL_INFINITY;

	if (!is_selected || !router_id_equal(&r->origin, &tlv->u.update.origin) || r->seqno != tlv->u.update.seqno ||
		tlv->u.update.metric < r->proven_metric)
		r->proven_metric = tlv->u.update.metric;
}

/* True if something is different from before. */
static bool route_store(struct route *r, uint64_t now_us, const struct babel_tlv *tlv)
{
	bool is_of_same = r->refmetric != BABEL_INFINITY && router_id_equal(&r->origin, &tlv->u.update.origin);
	bool is_known = is_of_same && !r->is_refused;
	bool is_same = is_known && r->seqno == tlv->u.update.seqno && r->refmetric == tlv->u.update.metric &&
		       r->is_v4_via_v6 == tlv->u.update.v4_via_v6 &&
		       address_equal(&r->next_hop, &tlv->u.update.next_hop);

	route_prove(r, tlv);
	adj_in_count(r, false);
	r->origin = tlv->u.update.origin;
	r->seqno = tlv->u.update.seqno;
	r->refmetric = tlv->u.update.metric;
	if (!is_same && r->destination->selected == r)
		r->destination->told.is_outdated = true;
	r->next_hop = tlv->u.update.next_hop;
	r->is_v4_via_v6 = tlv->u.update.v4_via_v6;
	r->interval_cs = tlv->u.update.interval_cs;
	if (!is_known)
		route_ask_owner(r);
	adj_in_count(r, true);
	r->is_fresh = true;
	/* A lease holds all routes of a versioned neighbour, and none has a clock of its own. */
	if (!r->neighbour->session)
		route_refresh(r, now_us);
	return !is_same;
}

void route_update(struct neighbour *n, uint64_t now_us, const struct babel_tlv *tlv)
{
	struct babel *b = n->b;
	const struct prefix *prefix = &tlv->u.update.prefix;

	if (tlv->u.update.metric == BABEL_INFINITY) {
		b->counters.retractions_received++;
		if (tlv->u.update.wildcard)
			route_retract_all(n, now_us);
		else
			route_retract(n, now_us, prefix);
		return;
	}
	if (tlv->u.update.wildcard || prefix_is_martian(prefix) ||
		address_equal(&tlv->u.update.next_hop, &n->link->self)) {
		b->counters.updates_refused++;
		return;
	}
	struct destination *d = destination_get(b, prefix);
	if (!d) {
		b->counters.refused_routes++;
		return;
	}
	struct route *r = route_find(d, n);
	bool was_selected = r && d->selected == r;
	if (!r)
		r = route_new(d, n, now_us, tlv);
	if (!r) {
		destination_release(d);
		return;
	}
	bool is_news = route_store(r, now_us, tlv);
	bool is_feasible = source_is_feasible(d, &r->origin, r->seqno, r->refmetric);
	if (is_news || !was_selected)
		route_changed(r, now_us);
	if (!is_feasible)
		route_unfeasible(r, now_us, was_selected);
}

void route_retract_all(struct neighbour *n, uint64_t now_us)
{
	list_for_each (node, next, &n->routes) {
		struct route *r = list_entry(node, struct route, on_neighbour);

		if (r->refmetric == BABEL_INFINITY)
			continue;
		r->refmetric = BABEL_INFINITY;
		route_changed(r, now_us);
	}
}

void babel_refilter(struct babel *b, uint64_t now_us)
{
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		if (!b->links[id])
			continue;
		list_for_each (node, next, &b->links[id]->neighbours) {
			struct neighbour *n = list_entry(node, struct neighbour, on_link);

			list_for_each (route_node, route_next, &n->routes) {
				struct route *r = list_entry(route_node, struct route, on_neighbour);

				if (r->refmetric == BABEL_INFINITY)
					continue;
				route_ask_owner(r);
				destination_decide(r->destination, now_us);
				if (n->session && !route_is_feasible(r))
					route_unfeasible(r, now_us, false);
			}
			neighbour_ask_all(n, now_us);
		}
	}
}
