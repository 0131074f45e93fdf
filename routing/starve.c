/*
 * What only a newer seqno helps: routes that are announced, and not feasible (RFC 8966,
 * 3.8.2.1, 3.8.2.2).
 *
 * A plain neighbour says its route again and again, and each time a seqno is asked for.
 * What a versioned one announces it does not repeat, and requests and their answers can
 * be lost: so destinations that need a newer seqno for it are kept in a list, and all
 * of them are looked at again after a while.
 *
 * Nor does it repeat a route of which nothing but the seqno is new (R11). Whoever heard the
 * newer one from another neighbour asks those who lag for it: not for their routes to be
 * used, but to have one in hand when the selected one is lost.
 */
#include "routing/engine.h"

#define STARVE_US (10 * SECOND) /* after the last resend of a request */

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

/* Asks its neighbour. */
static void route_ask(struct route *r, uint64_t now_us, enum babel_class class)
{
	route_starves(r, now_us);
	request_seqno(r->destination, now_us, class, &r->variants[class].claim.origin, r->neighbour);
}

/*
 * The route in use got worse and stays in use (route_prove()): a newer seqno is wanted
 * only for the sake of others. One that would be feasible by it, and stand in if this
 * one were lost, is worth asking for, unless one that can stand in already is there.
 * To ask whenever a metric rises would bring every origin behind a link a request from
 * everybody before it. NULL: nothing is won by asking.
 */
static struct route *route_kept_back(const struct route *selected, enum babel_class class)
{
	const struct destination *d = selected->destination;
	struct route *kept_back = NULL;

	list_for_each (node, next, &d->routes) {
		struct route *r = list_entry(node, struct route, on_destination);

		if (r == selected || route_metric(r, class) == BABEL_INFINITY)
			continue;
		if (route_is_feasible(r, class))
			return NULL;
		if (r->variants[class].claim.metric < route_metric(selected, class) &&
			!router_id_equal(&r->variants[class].claim.origin, &d->b->config.id))
			kept_back = r;
	}
	return kept_back;
}

void route_unfeasible(struct route *r, uint64_t now_us, enum babel_class class, bool was_selected)
{
	struct destination *d = r->destination;
	const struct route *selected = d->selected[class];
	uint16_t metric = route_metric(r, class);

	r->neighbour->b->counters.updates_unfeasible++;
	if (d->is_own || metric == BABEL_INFINITY ||
		router_id_equal(&r->variants[class].claim.origin, &d->b->config.id))
		return;
	if (selected == r && r->neighbour->session) {
		struct route *other = route_kept_back(r, class);

		if (other)
			route_ask(other, now_us, class);
	} else if (!selected || was_selected || (uint32_t)metric * 8 < (uint32_t)route_metric(selected, class) * 7) {
		route_ask(r, now_us, class);
	}
}

bool route_needs_no_new_seqno(const struct route *r, enum babel_class class)
{
	const struct claim *claim = &r->variants[class].claim;
	const struct source *s = source_find(r->destination, &claim->origin);

	return r->neighbour->session && s && claim->metric < s->distances[class].metric;
}

/* On a thin link a backup is not worth the question. */
static bool route_lags(const struct route *r, enum babel_class class)
{
	return !r->neighbour->link->config.is_thin && route_metric(r, class) != BABEL_INFINITY &&
	       !route_is_feasible(r, class) && route_needs_no_new_seqno(r, class);
}

/* A route that lags, where nothing else could stand in for the selected one. */
static struct route *route_lagging(const struct destination *d, enum babel_class class)
{
	struct route *lagging = NULL;

	/* What was told is what backup_review() found just before. */
	if (!d->selected[class] || d->told[class].backup)
		return NULL;
	for (const struct list *node = d->routes.next; node != &d->routes; node = node->next) {
		struct route *r = list_entry(node, struct route, on_destination);

		if (r == d->selected[class])
			continue;
		if (route_is_usable(r, class))
			return NULL;
		if (route_lags(r, class))
			lagging = r;
	}
	return lagging;
}

/* A route by which the destination starves; NULL: one is there that may be used, or none that could be. */
static const struct route *destination_starves_by(const struct destination *d, enum babel_class class)
{
	if (d->is_own || d->selected[class])
		return NULL;
	for (const struct list *node = d->routes.next; node != &d->routes; node = node->next) {
		const struct route *r = list_entry(node, struct route, on_destination);

		if (r->neighbour->session && route_metric(r, class) != BABEL_INFINITY)
			return r;
	}
	return NULL;
}

void route_note_starving(const struct destination *d, uint64_t now_us)
{
	for (unsigned c = 0; c < d->b->config.classes; c++) {
		const struct route *by = destination_starves_by(d, c);

		by = by ? by : route_lagging(d, c);
		if (by)
			route_starves(by, now_us);
	}
}

void route_ask_seqnos(struct route *r, uint64_t now_us)
{
	for (unsigned c = 0; c < r->destination->b->config.classes; c++)
		if (r->variants[c].claim.metric != BABEL_INFINITY && !route_is_feasible(r, c))
			route_unfeasible(r, now_us, c, false);
}

/* A request that is under way is repeated by its own clock. */
static void route_ask_again(struct route *r, uint64_t now_us)
{
	const struct destination *d = r->destination;

	for (unsigned c = 0; c < d->b->config.classes; c++) {
		const struct claim *claim = &r->variants[c].claim;

		if (claim->metric == BABEL_INFINITY || route_is_feasible(r, c))
			continue;
		if (request_is_under_way(d, c, &claim->origin))
			route_starves(r, now_us);
		else if (route_lagging(d, c) == r)
			route_ask(r, now_us, c);
		else
			route_unfeasible(r, now_us, c, false);
	}
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
			route_ask_again(list_entry(node, struct route, on_destination), now_us);
		}
	}
}
