/*
 * Links: added, up, down, removed.
 *
 *   added ──► down ◄──► up
 *
 * What is known of a link's neighbours ends when it goes down: the keys could
 * live on, but a link that comes back is often another network.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool config_is_valid(const struct node_link_config *c)
{
	unsigned least = c->is_plain ? NODE_PLAIN_MIN : c->is_thin ? NODE_THIN_FRAME_MIN : NODE_FRAME_MIN;

	return memchr(c->name, 0, sizeof(c->name)) && c->mtu >= least && c->mtu <= NODE_FRAME_MAX && c->rxcost != 0 &&
	       c->hello_ms >= 10 && c->hello_ms <= 655350 && c->idle_ms <= 655350 && c->probe_ms <= 60000 &&
	       c->update_s != 0;
}

int node_link_add(struct node *n, uint64_t now_us, unsigned id, const struct node_link_config *config)
{
	(void)now_us;
	if (id >= NODE_LINK_MAX || !config_is_valid(config))
		return -EINVAL;
	if (n->links[id])
		return -EEXIST;
	struct node_link *link = calloc(1, sizeof(*link));
	struct thin_link *thin = config->is_thin ? calloc(1, sizeof(*thin)) : NULL;
	if (!link || (config->is_thin && !thin)) {
		free(link);
		free(thin);
		return -ENOMEM;
	}
	if (thin)
		random_fill(&n->random, thin->part_id, sizeof(thin->part_id));
	link->thin = thin;
	link->n = n;
	link->id = id;
	link->config = *config;
	if (config->is_plain && !plain_new(link)) {
		free(link);
		return -ENOMEM;
	}
	list_init(&link->peers);
	timer_init(&link->beacon, beacon_due);
	timer_init(&link->dequeue, egress_due);
	for (unsigned i = 0; i < NODE_TARGET_MAX; i++)
		target_init(&link->targets[i], link);
	n->links[id] = link;
	return 0;
}

static void link_up(struct node_link *link, uint64_t now_us)
{
	struct node *n = link->n;

	bool is_plain = link->config.is_plain;

	if (is_plain && !link->plain->has_self)
		return;
	/* The engine speaks from within. */
	link->up = true;
	if ((is_plain && plain_mac_start(link) < 0) || route_link_start(link, now_us) < 0) {
		link->up = false;
		if (is_plain)
			plain_mac_stop(link);
		return;
	}
	event_say(n, NODE_LINK_UP, link, "%s",
		is_plain || link->config.beacon ? "looking for neighbours" : "calling its peers");
	if (is_plain)
		return;
	beacon_start(link, now_us);
	for (unsigned i = 0; i < NODE_TARGET_MAX; i++) {
		link->targets[i].tries = 0;
		target_kick(&link->targets[i], now_us);
	}
}

static void link_down(struct node_link *link, uint64_t now_us)
{
	struct node *n = link->n;

	link->up = false;
	if (!n->is_leaving)
		damper_fell(&link->damper, now_us);
	/* The engine first: it loses all neighbours in one step. */
	babel_link_remove(n->babel, now_us, link->id);
	if (link->plain)
		plain_mac_stop(link);
	handshakes_drop_link(link);
	link->recall_count = 0;
	list_for_each (node, next, &link->peers)
		recall_note(list_entry(node, struct peer, on_link));
	list_for_each (node, next, &link->peers)
		peer_free(list_entry(node, struct peer, on_link), now_us, "the link is down");
	egress_done(link);
	meet_forget_link(link);
	timer_cancel(&n->heap, &link->beacon);
	for (unsigned i = 0; i < NODE_TARGET_MAX; i++)
		timer_cancel(&n->heap, &link->targets[i].timer);
	if (!n->is_leaving)
		event_say(n, NODE_LINK_DOWN, link, "its neighbours are lost until it is back");
}

void node_link_set_up(struct node *n, uint64_t now_us, unsigned id, bool up)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link || link->up == up || n->is_leaving)
		return;
	n->now_us = now_us;
	if (up)
		link_up(link, now_us);
	else
		link_down(link, now_us);
}

bool node_link_is_in_use(const struct node *n, uint64_t now_us, unsigned id)
{
	const struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;
	bool is_in_use = false;

	if (!link)
		return false;
	for (const struct list *at = link->peers.next; at != &link->peers && !is_in_use; at = at->next)
		is_in_use = detect_is_watching(list_entry(at, struct peer, on_link), now_us);
	return is_in_use;
}

void link_bye(struct node_link *link, uint64_t now_us)
{
	list_for_each (node, next, &link->peers)
		control_bye(list_entry(node, struct peer, on_link), now_us);
	egress_flush_control(link, now_us);
}

void node_link_leave(struct node *n, uint64_t now_us, unsigned id)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link || !link->up || n->is_leaving)
		return;
	n->now_us = now_us;
	babel_link_leave(n->babel, id);
	link_bye(link, now_us);
}

void node_link_remove(struct node *n, uint64_t now_us, unsigned id)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link)
		return;
	n->now_us = now_us;
	if (link->up)
		link_down(link, now_us);
	n->links[id] = NULL;
	free(link->egress);
	if (link->plain)
		secret_wipe(link->plain->keys, sizeof(link->plain->keys));
	free(link->plain);
	free(link->policy);
	free(link->thin);
	free(link);
}

int node_target_set(struct node *n, uint64_t now_us, unsigned id, unsigned slot, const struct endpoint *endpoint)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;
	struct target *t;

	if (!link || link->config.is_plain || slot >= NODE_TARGET_MAX)
		return -EINVAL;
	n->now_us = now_us;
	t = &link->targets[slot];
	if (endpoint && t->is_set && endpoint_equal(endpoint, &t->endpoint))
		return 0;
	t->is_set = endpoint != NULL;
	t->peer = NULL;
	t->tries = 0;
	if (endpoint)
		t->endpoint = *endpoint;
	target_kick(t, now_us);
	return 0;
}
