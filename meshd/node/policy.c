/*
 * Rules of a link about routes, in both directions: the first that matches decides
 * whether a prefix passes, and what it costs on top (meshd/base/rule.h).
 *
 *              none matches, inwards     outwards    a neighbour is named by
 *   plain      refused                   passes      its link-local address, inwards
 *   sealed     passes                    passes      the name in its certificate
 *
 * Between members the rules only take away: what may be believed at all is in the
 * certificates (trust.c). To the neighbours of a plain link all is said once, and so
 * the same to each.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool policy_filters(const struct node_link *link)
{
	return link->config.is_plain || link->has_guest || link->config.essential_count > 0 ||
	       (link->policy && link->policy->count[NODE_OUT] > 0);
}

static bool rules_are(const struct policy *p, enum node_direction direction, const struct rule *rules, unsigned count)
{
	return p ? rules_equal(rules, count, p->rules[direction], p->count[direction]) : !count;
}

int node_policy_set(struct node *n, uint64_t now_us, unsigned id, enum node_direction direction,
	const struct rule *rules, unsigned count)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link || count > NODE_RULE_MAX)
		return -EINVAL;
	if (rules_are(link->policy, direction, rules, count))
		return 0;
	if (!link->policy)
		link->policy = calloc(1, sizeof(*link->policy));
	if (!link->policy)
		return -ENOMEM;
	n->now_us = now_us;
	if (count)
		memcpy(link->policy->rules[direction], rules, count * sizeof(*rules));
	link->policy->count[direction] = count;
	if (link->up && direction == NODE_IN)
		babel_refilter(n->babel, now_us);
	else if (link->up)
		babel_link_filter(n->babel, now_us, id, policy_filters(link));
	return 0;
}

static const char *name_of(struct node_link *link, const struct address *neighbour)
{
	const struct peer *p = neighbour && !link->config.is_plain ? peer_find_address(link, neighbour) : NULL;

	return p && p->certificate ? p->certificate->name : NULL;
}

struct babel_verdict policy_ask(struct node_link *link, enum node_direction direction, const struct prefix *prefix,
	const struct address *neighbour)
{
	const struct policy *p = link->policy;
	const bool passes = !link->config.is_plain || direction == NODE_OUT;
	const struct rule *r = NULL;

	if (p && p->count[direction])
		r = rules_find(p->rules[direction], p->count[direction], prefix, neighbour, name_of(link, neighbour));
	return (struct babel_verdict){ .accept = r ? !r->is_deny : passes, .extra_cost = r ? r->cost : 0 };
}
