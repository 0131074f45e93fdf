/* Looking inside without touching: for the operator, the tests, and `why`. */
#include "routing/session.h"

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
				.cost = n->cost,
				.hello_history = n->multicast.bits,
				.unicast_history = n->unicast.bits,
				.has_rtt = n->rtt.has_smoothed,
				.rtt_us = n->rtt.smoothed_us,
				.routes = n->route_count,
				.last_heard_us = n->heard_us,
				.is_versioned = n->session,
				.lease_until_us = n->session ? session_lease_us(n->session) : 0,
			};

			each(arg, &info);
		}
	}
}

void babel_dump_routes(
	const struct babel *b, uint64_t now_us, void (*each)(void *arg, const struct babel_route_info *info), void *arg)
{
	for (struct map_entry *e = map_next(&b->destinations, NULL); e; e = map_next(&b->destinations, e)) {
		const struct destination *d = container_of(e, struct destination, entry);

		list_for_each (node, next, &d->routes) {
			const struct route *r = list_entry(node, struct route, on_destination);
			struct babel_route_info info = {
				.route = destination_route(d, r),
				.refmetric = r->refmetric,
				.cost = metric_add(r->neighbour->cost, r->extra_cost),
				.smoothed = metric_add(route_smoothed_at(r, now_us), 0),
				.selected = d->selected == r,
				.feasible = route_is_feasible(r),
				.held = d->is_held,
				.expires_us = r->neighbour->session ? session_lease_us(r->neighbour->session)
								    : r->clock->expires_us,
			};

			each(arg, &info);
		}
		if (d->is_held && list_is_empty(&d->routes)) {
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

bool babel_selected(const struct babel *b, const struct prefix *prefix, struct babel_route *out)
{
	const struct destination *d = destination_find(b, prefix);

	if (!d || !d->selected)
		return false;
	*out = destination_route(d, d->selected);
	return true;
}

bool babel_feasibility_distance(
	const struct babel *b, const struct prefix *prefix, const router_id *origin, uint16_t *seqno, uint16_t *metric)
{
	const struct destination *d = destination_find(b, prefix);
	const struct source *s = d ? source_find(d, origin) : NULL;

	if (!s)
		return false;
	*seqno = s->seqno;
	*metric = s->metric;
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
