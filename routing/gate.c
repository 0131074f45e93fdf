/*
 * The gate after a start, for links in the clear.
 *
 * A node that has restarted has lost its feasibility distances, and on a link that
 * nothing seals its neighbours of before still send it what they think it routes.
 * Whatever route it takes now may lead through one of them, and back to itself,
 * whichever neighbour announces it. RFC 8966 has no rule for this; its holds (3.5.4)
 * would have the node wait until the last of its old updates is forgotten. So no
 * route is used, by whatever link, until nobody can follow:
 *
 *   started, and there are such links ──► closed
 *   closed: every Hello to all takes everything back that was ever said (4.6.9);
 *           each neighbour that is heard must acknowledge that (neighbour.c)
 *   all who were heard have acknowledged, and long enough was listened ──► open
 *   the last update of before has certainly run out                    ──► open
 *
 * Who hears nothing of this for as long as we listen, and still follows us, must
 * have missed that many Hellos: then the link is not one by its own reckoning.
 */
#include "routing/engine.h"

/* Intervals. With those that come ahead of time five of ours are sent meanwhile; who is cut off does not count those,
 * but misses two that were due. With one interval, 3 of 5,000 random worlds had a loop by a link that healed just then.
 */
#define LISTEN_HELLOS 2
#define LINKS_US (3 * SECOND) /* after the start a link in the clear has come up, or there is none just now */
#define LOOK_US (50 * MS)

static uint64_t listen_us(const struct link *link)
{
	return LISTEN_HELLOS * link_hello_interval_us(link);
}

/* What was announced there before the start has run out. */
static bool link_is_old(const struct link *link, uint64_t now_us)
{
	return now_us >= link->b->started_us + link_update_hold_us(link);
}

static bool link_is_clear(const struct link *link, uint64_t now_us)
{
	if (!link->config.is_open || link_is_old(link, now_us))
		return true;
	if (now_us < link->listen_until_us)
		return false;
	for (const struct list *node = link->neighbours.next; node != &link->neighbours; node = node->next) {
		const struct neighbour *n = list_entry(node, struct neighbour, on_link);
		bool hears_us = n->txcost != BABEL_INFINITY;

		/* Whom we hear, and who does not hear us, routes nothing by us; but an IHU may have been lost. */
		if (!n->is_confirmed && (hears_us || now_us < link->listen_until_us + listen_us(link)))
			return false;
	}
	return true;
}

static bool all_are_clear(const struct babel *b, uint64_t now_us)
{
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++)
		if (b->links[id] && !link_is_clear(b->links[id], now_us))
			return false;
	return true;
}

void gate_look(struct timer *timer, uint64_t now_us)
{
	struct babel *b = container_of(timer, struct babel, gate);

	if (!all_are_clear(b, now_us)) {
		timer_set(&b->heap, timer, now_us + LOOK_US);
		return;
	}
	b->is_gated = false;
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		if (!b->links[id])
			continue;
		list_for_each (node, next, &b->links[id]->neighbours) {
			struct neighbour *n = list_entry(node, struct neighbour, on_link);

			list_for_each (route_node, route_next, &n->routes)
				destination_decide(
					list_entry(route_node, struct route, on_neighbour)->destination, now_us);
		}
	}
}

void gate_started(struct babel *b, uint64_t now_us)
{
	if (b->config.has_open_links)
		timer_set(&b->heap, &b->gate, now_us + LINKS_US);
}

void gate_link_added(struct link *link, uint64_t now_us)
{
	link->listen_until_us = now_us + listen_us(link);
	/* A link that comes later does not close it again: what is in use would be lost. */
	if (link->config.is_open && link->b->is_gated)
		timer_set(&link->b->heap, &link->b->gate, now_us + LOOK_US);
}

bool gate_takes_back(const struct link *link, uint64_t now_us)
{
	return link->config.is_open && now_us < link->listen_until_us && !link_is_old(link, now_us);
}
