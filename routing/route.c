/*
 * The route table: what neighbours announce (RFC 8966, 3.5.3).
 *
 * Entries are kept whether feasible or not; feasibility is asked at each use,
 * never remembered. An unfeasible or refused entry is not selected, but it tells
 * whom to ask for a newer seqno.
 */
#include "meshd/base/fetch.h"
#include "routing/session.h"

#include <assert.h>
#include <stdlib.h>

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

bool route_is_announced(const struct route *r)
{
	bool is_announced = false;

	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		is_announced |= r->variants[c].claim.metric != BABEL_INFINITY;
	return is_announced;
}

/* What carries our own router-id went through us: it is never a way there. */
bool route_is_feasible(const struct route *r, enum babel_class class)
{
	struct claim proven = r->variants[class].claim;

	proven.metric = r->variants[class].proven_metric;
	return !router_id_equal(&proven.origin, &r->destination->b->config.id) &&
	       source_is_feasible(r->destination, class, &proven);
}

bool route_is_usable(const struct route *r, enum babel_class class)
{
	const struct babel *b = r->destination->b;

	if (b->is_gated || (r->is_v4_via_v6 && !b->config.kernel_has_v4_via_v6))
		return false;
	return route_metric(r, class) != BABEL_INFINITY && route_is_feasible(r, class);
}

void routes_fetch(const struct neighbour *n, const struct list *at)
{
	const struct list *next = at->next, *second = next->next;

	if (next == &n->routes)
		return;
	fetch(list_entry(second, struct route, on_neighbour), sizeof(struct route));
	fetch(list_entry(next, struct route, on_neighbour)->destination, sizeof(struct destination));
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

	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		if (d->selected[c] == r)
			d->selected[c] = NULL;
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

uint32_t route_smoothed_at(const struct route *r, enum babel_class class, uint64_t now_us)
{
	const struct variant *v = &r->variants[class];
	uint32_t elapsed_ms = (uint32_t)(now_us / MS) - v->smoothed_ms;

	return metric_smooth(v->smoothed, v->smoothed_metric, elapsed_ms * MS, route_half_life_us(r));
}

static void variant_smooth(struct route *r, enum babel_class class, uint64_t now_us)
{
	struct variant *v = &r->variants[class];
	uint16_t metric = route_metric(r, class);

	if (metric == v->smoothed_metric)
		return;
	v->smoothed = route_smoothed_at(r, class, now_us);
	v->smoothed_ms = (uint32_t)(now_us / MS);
	/* What was unreachable, or seemed to be bad as long as little was known of it,
	 * must prove itself, but not for minutes. */
	if (metric != BABEL_INFINITY && v->smoothed > 2u * metric)
		v->smoothed = 2u * metric;
	v->smoothed_metric = metric;
}

void route_smooth(struct route *r, uint64_t now_us)
{
	for (unsigned c = 0; c < r->destination->b->config.classes; c++)
		variant_smooth(r, c, now_us);
}

/* Nothing is announced any more. */
static void route_forget(struct route *r)
{
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		r->variants[c].claim.metric = BABEL_INFINITY;
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

	if (route_is_announced(r) && clock->probes < 2)
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
		if (d->selected[BABEL_TEXT] == r)
			request_route(r->neighbour, now_us, &d->prefix);
		route_arm(r, now_us);
		return;
	}
	if (!route_is_announced(r)) {
		route_free(r);
		destination_decide(d, now_us);
		return;
	}
	d->b->counters.routes_expired++;
	route_forget(r);
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

struct announcement announcement_of(const struct babel_tlv *update)
{
	struct announcement a = { .update = *update };

	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		a.claims[c].metric = BABEL_INFINITY;
	a.claims[BABEL_TEXT] = (struct claim){
		.origin = update->u.update.origin,
		.seqno = update->u.update.seqno,
		.metric = update->u.update.metric,
	};
	return a;
}

bool announcement_add(struct announcement *a, const struct babel_tlv *update)
{
	struct claim *claim = &a->claims[update->u.update.class];

	if (update->u.update.wildcard || !prefix_equal(&a->update.u.update.prefix, &update->u.update.prefix))
		return false;
	claim->origin = update->u.update.origin;
	claim->seqno = update->u.update.seqno;
	claim->metric = update->u.update.metric;
	/* A base that is not reachable says nothing of next hops. */
	if (a->update.u.update.metric == BABEL_INFINITY && claim->metric != BABEL_INFINITY)
		a->update = *update;
	return true;
}

static struct babel_verdict ask_owner(const struct destination *d, const struct neighbour *n, const struct claim *claim)
{
	const struct babel *b = d->b;

	if (!b->output.accept)
		return (struct babel_verdict){ .accept = true, .is_named = true };
	return b->output.accept(b->user, n->link->id, &n->address, &d->prefix, &claim->origin, claim->metric);
}

/* Who cuts his prefix into very many takes three quarters of a table, and nobody else's place. */
static bool route_has_room(const struct destination *d, const struct neighbour *n, const struct announcement *a)
{
	const struct babel_limits *l = &d->b->config.limits;

	if (n->route_count >= l->routes)
		return false;
	if (n->route_count < l->routes - l->routes / 4 && d->b->destinations.count <= l->sources - l->sources / 4)
		return true;
	struct babel_verdict verdict = ask_owner(d, n, &a->claims[a->update.u.update.class]);
	return verdict.accept && verdict.is_named;
}

static struct route *route_new(
	struct destination *d, struct neighbour *n, uint64_t now_us, const struct announcement *a)
{
	struct babel *b = d->b;
	size_t size = sizeof(struct route) + (n->session ? 0 : sizeof(struct route_clock));
	struct route *r = route_has_room(d, n, a) ? calloc(1, size) : NULL;

	if (!r) {
		b->counters.refused_routes++;
		return NULL;
	}
	r->destination = d;
	r->neighbour = n;
	route_forget(r);
	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		r->variants[c].smoothed = r->variants[c].smoothed_metric = BABEL_INFINITY;
		r->variants[c].smoothed_ms = (uint32_t)(now_us / MS);
	}
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

/* The origin of a class is nearly always that of the one before it. */
static void route_ask_owner(struct route *r)
{
	const struct claim *asked = NULL;
	struct babel_verdict verdict = { 0 };

	r->refused = 0;
	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		const struct claim *claim = &r->variants[c].claim;

		if (claim->metric == BABEL_INFINITY)
			continue;
		if (!asked || !router_id_equal(&asked->origin, &claim->origin))
			verdict = ask_owner(r->destination, r->neighbour, claim);
		asked = claim;
		r->extra_cost = verdict.extra_cost;
		r->refused |= (uint8_t)(!verdict.accept << c);
	}
	if (r->refused)
		r->destination->b->counters.updates_refused++;
}

static void route_changed(struct route *r, uint64_t now_us)
{
	route_smooth(r, now_us);
	if (destination_depends_on(r->destination, r)) {
		destination_decide(r->destination, now_us);
		return;
	}
	backup_review(r->destination);
	if (r->neighbour->session)
		session_reconsider(r->neighbour->session, r->destination, now_us);
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
	route_forget(r);
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
static void route_prove(struct route *r, enum babel_class class, const struct claim *claim)
{
	struct variant *v = &r->variants[class];
	bool is_selected = r->destination->selected[class] == r && v->claim.metric != BABEL_INFINITY;

	if (!is_selected || !router_id_equal(&v->claim.origin, &claim->origin) || v->claim.seqno != claim->seqno ||
		claim->metric < v->proven_metric)
		v->proven_metric = claim->metric;
}

/* What is the same in all classes. True if something is different from before. */
static bool route_store_hop(struct route *r, const struct babel_tlv *tlv)
{
	bool is_same =
		r->is_v4_via_v6 == tlv->u.update.v4_via_v6 && address_equal(&r->next_hop, &tlv->u.update.next_hop);

	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		if (!is_same && r->destination->selected[c] == r)
			r->destination->told[c].is_outdated = true;
	r->next_hop = tlv->u.update.next_hop;
	r->is_v4_via_v6 = tlv->u.update.v4_via_v6;
	r->interval_cs = tlv->u.update.interval_cs;
	return !is_same;
}

/* True if something is different from before. */
static bool route_store(struct route *r, uint64_t now_us, const struct announcement *a)
{
	bool is_known = !r->refused, is_same = true;

	adj_in_count(r, false);
	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		const struct claim *claim = &a->claims[c];
		struct claim *own = &r->variants[c].claim;
		bool is_finite = claim->metric != BABEL_INFINITY, was_finite = own->metric != BABEL_INFINITY;

		if (!is_finite && !was_finite)
			continue;
		is_known &= !is_finite || (was_finite && router_id_equal(&own->origin, &claim->origin));
		is_same &= own->metric == claim->metric && own->seqno == claim->seqno;
		route_prove(r, c, claim);
		*own = *claim;
	}
	is_same &= is_known;
	is_same &= !route_store_hop(r, &a->update);
	if (!is_known)
		route_ask_owner(r);
	adj_in_count(r, true);
	r->is_fresh = true;
	/* A lease holds all routes of a versioned neighbour, and none has a clock of its own. */
	if (!r->neighbour->session)
		route_refresh(r, now_us);
	return !is_same;
}

/* In which classes what it announces is not, by the distances of now; a bit mask. */
static unsigned route_unfeasible_classes(const struct route *r)
{
	unsigned classes = 0;

	for (unsigned c = 0; c < r->destination->b->config.classes; c++)
		classes |= (unsigned)!source_is_feasible(r->destination, c, &r->variants[c].claim) << c;
	return classes;
}

void route_update(struct neighbour *n, uint64_t now_us, const struct announcement *a)
{
	struct babel *b = n->b;
	const struct babel_tlv *tlv = &a->update;
	const struct prefix *prefix = &tlv->u.update.prefix;

	if (!claims_are_finite(a->claims)) {
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
	unsigned selected = 0; /* in which classes it is; a bit mask */
	for (unsigned c = 0; r && c < b->config.classes; c++)
		selected |= (unsigned)(d->selected[c] == r) << c;
	if (!r)
		r = route_new(d, n, now_us, a);
	if (!r) {
		destination_release(d);
		return;
	}
	bool is_news = route_store(r, now_us, a);
	unsigned worse = route_unfeasible_classes(r);
	if (is_news || selected != (1u << b->config.classes) - 1)
		route_changed(r, now_us);
	for (unsigned c = 0; c < b->config.classes; c++)
		if (worse >> c & 1)
			route_unfeasible(r, now_us, c, selected >> c & 1);
}

void route_update_losses(struct neighbour *n, uint64_t now_us, const struct announcement *a)
{
	struct destination *d = destination_find(n->b, &a->update.u.update.prefix);
	struct route *r = d ? route_find(d, n) : NULL;

	if (!r)
		return;
	adj_in_count(r, false);
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		if (a->claims[c].metric == BABEL_INFINITY)
			r->variants[c].claim.metric = BABEL_INFINITY;
	adj_in_count(r, true);
	if (route_is_announced(r))
		route_smooth(r, now_us);
	else
		route_free(r);
	destination_decide(d, now_us);
}

void route_retract_all(struct neighbour *n, uint64_t now_us)
{
	list_for_each (node, next, &n->routes) {
		struct route *r = list_entry(node, struct route, on_neighbour);

		if (!route_is_announced(r))
			continue;
		route_forget(r);
		route_changed(r, now_us);
	}
}

static void routes_judge(struct neighbour *n, uint64_t now_us, bool may_be_more)
{
	list_for_each (node, next, &n->routes) {
		struct route *r = list_entry(node, struct route, on_neighbour);

		if (!route_is_announced(r))
			continue;
		route_ask_owner(r);
		destination_decide(r->destination, now_us);
		if (may_be_more && n->session)
			route_ask_seqnos(r, now_us);
	}
	if (may_be_more)
		neighbour_ask_all(n, now_us);
}

static void links_judge(struct babel *b, uint64_t now_us, bool may_be_more)
{
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		if (!b->links[id])
			continue;
		list_for_each (node, next, &b->links[id]->neighbours)
			routes_judge(list_entry(node, struct neighbour, on_link), now_us, may_be_more);
	}
}

void babel_refilter(struct babel *b, uint64_t now_us)
{
	links_judge(b, now_us, true);
}

void babel_judge(struct babel *b, uint64_t now_us)
{
	links_judge(b, now_us, false);
}
