/*
 * Backups: for each class the best of the routes by another neighbour than that of the selected
 * one which may be used as they are, without a word to anybody (RFC 8966, 3.5.1): whoever is
 * feasible leads nowhere that leads back here.
 *
 * The owner has them before it needs them. What it has must be true at each instant, for it
 * may send packets there while nothing is decided (a suspect neighbour, protocol.md 6.1). So
 * they are looked at again whenever a route or its cost changes, and also when a
 * feasibility distance falls, which makes others unfeasible.
 */
#include "routing/engine.h"

static struct route *backup_find(const struct destination *d, enum babel_class class)
{
	const struct route *selected = d->selected[class];
	struct route *best = NULL;
	uint16_t least = BABEL_INFINITY;

	for (struct list *at = d->routes.next; selected && at != &d->routes; at = at->next) {
		struct route *r = list_entry(at, struct route, on_destination);
		uint16_t metric = r == selected ? BABEL_INFINITY : route_metric(r, class);

		if (metric < least && route_is_usable(r, class)) {
			best = r;
			least = metric;
		}
	}
	return best;
}

void backup_review(struct destination *d)
{
	const struct babel *b = d->b;

	if (!b->output.backup_changed)
		return;
	for (unsigned c = 0; c < b->config.classes; c++) {
		const struct route *r = backup_find(d, c);
		uint16_t slot = r ? r->neighbour->slot : 0;

		if (slot == d->told[c].backup)
			continue;
		d->told[c].backup = slot;
		struct babel_route route = { .prefix = d->prefix, .class = c, .metric = BABEL_INFINITY };
		if (r)
			route = destination_route(d, r, c);
		b->output.backup_changed(b->user, &route);
	}
}

uint16_t backup_slot(const struct babel *b)
{
	uint16_t slot = 0;
	bool is_taken = true;

	while (is_taken) {
		slot++;
		is_taken = false;
		for (unsigned id = 0; id < BABEL_LINK_MAX && !is_taken; id++) {
			const struct link *link = b->links[id];

			if (!link)
				continue;
			for (const struct list *at = link->neighbours.next; at != &link->neighbours; at = at->next)
				is_taken |= list_entry(at, struct neighbour, on_link)->slot == slot;
		}
	}
	return slot;
}
