/* Looking inside without touching: for the operator, the tests, and `why`. */
#include "routing/session.h"

#include <string.h>

void babel_dump_neighbours(
	const struct babel *b, void (*each)(void *arg, const struct babel_neighbour_info *info), void *arg)
{
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		if (!b->links[id])
			continue;
		list_for_each (node, next, &b->links[id]->neighbours) {
			const struct neighbour *n = list_entry(node, struct neighbour, on_link);
			struct babel_neighbour_info info = {
				.link = id,
				.address = n->address,
				.rxcost = metric_rxcost(n),
				.txcost = n->txcost,
				.hello_history = n->multicast.bits,
				.unicast_history = n->unicast.bits,
				.has_rtt = n->rtt.has_smoothed,
				.rtt_us = n->rtt.smoothed_us,
				.routes = n->route_count,
				.last_heard_us = n->heard_us,
				.is_versioned = n->session,
				.lease_until_us = n->session ? session_lease_us(n->session) : 0,
			};

			memcpy(info.cost, n->cost, sizeof(info.cost));

			each(arg, &info);
		}
	}
}

static struct babel_route_info route_info(const struct route *r, enum babel_class class, uint64_t now_us)
{
	const struct destination *d = r->destination;
	const struct session *s = r->neighbour->session;

	return (struct babel_route_info){
		.route = destination_route(d, r, class),
		.refmetric = r->variants[class].claim.metric,
		.cost = route_cost(r, class),
		.smoothed = metric_add(route_smoothed_at(r, class, now_us), 0),
		.selected = d->selected[class] == r,
		.feasible = route_is_feasible(r, class),
		.held = class == BABEL_TEXT && d->is_held,
		.expires_us = s ? session_lease_us(s) : r->clock->expires_us,
	};
}

void babel_dump_routes(const struct babel *b, uint64_t now_us, enum babel_class class,
	void (*each)(void *arg, const struct babel_route_info *info), void *arg)
{
	for (struct map_entry *e = map_next(&b->destinations, NULL); e; e = map_next(&b->destinations, e)) {
		const struct destination *d = container_of(e, struct destination, entry);

		list_for_each (node, next, &d->routes) {
			const struct route *r = list_entry(node, struct route, on_destination);
			struct babel_route_info info = route_info(r, class, now_us);

			/* What was never announced in another class is no route there. */
			if (class == BABEL_TEXT || info.refmetric != BABEL_INFINITY)
				each(arg, &info);
		}
		if (class == BABEL_TEXT && d->is_held && list_is_empty(&d->routes)) {
			struct babel_route_info info = {
				.route = { .prefix = d->prefix, .origin = d->announced_id, .metric = BABEL_INFINITY },
				.refmetric = BABEL_INFINITY,
				.cost = BABEL_INFINITY,
				.smoothed = BABEL_INFINITY,
				.held = true,
				.expires_us = d->hold.due_us,
			};

			each(arg, &info);
		}
	}
}

bool babel_selected(const struct babel *b, const struct prefix *prefix, enum babel_class class, struct babel_route *out)
{
	const struct destination *d = destination_find(b, prefix);

	if (!d || !d->selected[class])
		return false;
	*out = destination_route(d, d->selected[class], class);
	return true;
}

bool babel_feasibility_distance(const struct babel *b, const struct prefix *prefix, enum babel_class class,
	const router_id *origin, uint16_t *seqno, uint16_t *metric)
{
	const struct destination *d = destination_find(b, prefix);
	const struct source *s = d ? source_find(d, origin) : NULL;

	if (!s || s->distances[class].metric == BABEL_INFINITY)
		return false;
	*seqno = s->distances[class].seqno;
	*metric = s->distances[class].metric;
	return true;
}

uint16_t babel_own_seqno(const struct babel *b)
{
	return b->seqno;
}

const struct babel_counters *babel_counters(const struct babel *b)
{
	return &b->counters;
}

static size_t routes_of_most(const struct babel *b)
{
	size_t most = 0;

	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		if (!b->links[id])
			continue;
		list_for_each (node, next, &b->links[id]->neighbours) {
			const struct neighbour *n = list_entry(node, struct neighbour, on_link);

			most = n->route_count > most ? n->route_count : most;
		}
	}
	return most;
}

const char *babel_table_at(const struct babel *b, unsigned i, size_t *used, size_t *limit)
{
	static const char *const names[] = { "routing neighbours", "routes of one neighbour", "sources", "requests" };
	const struct babel_limits *l = &b->config.limits;
	const size_t limits[] = { l->neighbours, l->routes, l->sources, l->requests };

	if (i >= sizeof(limits) / sizeof(limits[0]))
		return NULL;
	*limit = limits[i];
	*used = i == 0 ? b->neighbour_count : i == 1 ? routes_of_most(b) : i == 2 ? b->source_count : b->requests.count;
	return names[i];
}
