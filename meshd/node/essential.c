/*
 * Links that are for a few: a message modem that has room for the routes to two
 * command posts and for no more. Over a link that names whom it is for, a node
 * announces and believes only
 *
 *   its own address and its neighbour's, so that the two can answer each other,
 *   what the named members announce, and what lies within the named prefixes.
 *
 * Both ends should name the same; each holds to its own list whatever the other says.
 */
#include "meshd/node/state.h"

#include <string.h>

bool essential_allows(const struct node_link *link, const struct prefix *prefix, const router_id *origin)
{
	const struct node_link_config *c = &link->config;
	const struct known *k = trust_by_rid(link->n, origin);

	for (unsigned i = 0; i < c->essential_count; i++) {
		const struct node_essential *e = &c->essential[i];

		if (e->name[0] ? k && strcmp(k->member->certificate.name, e->name) == 0
			       : prefix_contains(&e->prefix, prefix))
			return true;
	}
	return c->essential_count == 0;
}

struct babel_verdict essential_announce(
	void *user, unsigned id, const struct address *neighbour, const struct prefix *prefix, const router_id *origin)
{
	struct node *n = user;
	struct node_link *link = n->links[id];

	const struct peer *p = link->has_guest && neighbour ? peer_find_address(link, neighbour) : NULL;

	if (p && p->is_guest && !guest_may_hear(p, prefix))
		return (struct babel_verdict){ .accept = false };
	if (!router_id_equal(origin, &n->rid) && !essential_allows(link, prefix, origin))
		return (struct babel_verdict){ .accept = false };
	return policy_ask(link, NODE_OUT, prefix, neighbour);
}
