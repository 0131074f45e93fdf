/*
 * "why DEST": which way a packet takes, which other ways are known, and the rule
 * that kept each of them from being taken, in the words of somebody who has to
 * decide what to switch on next.
 *
 * The rules, in the order in which the routing engine applies them:
 *
 *   no session     nobody is there to hand a packet to
 *   retracted      the neighbour says that it cannot reach it (any more)
 *   refused        it may not be announced: rules of a babel link, certificates
 *   link           the link to the neighbour does not work in both directions
 *   unfeasible     using it could close a loop (RFC 8966, 3.5.1)
 *   longer         a lower metric is in use
 *   hysteresis     better, but not by enough or not for long enough
 *   waiting        about to be taken
 *   unannounced    the neighbour has no way but ours, or none: then it says nothing
 */
#include "meshd/io/control.h"

#include <string.h>

#define TEXT_MAX 512

struct reason {
	const char *rule;
	char text[TEXT_MAX];
};

static void __attribute__((format(printf, 3, 4)))
reason_set(struct reason *r, const char *rule, const char *format, ...)
{
	va_list args;

	r->rule = rule;
	va_start(args, format);
	vsnprintf(r->text, sizeof(r->text), format, args);
	va_end(args);
}

static void unfeasible_say(const struct view *v, const struct babel_route_info *r, const char *via, struct reason *out)
{
	char origin[VIEW_NAME];
	uint16_t seqno, metric;

	view_name(v, &r->route.origin, origin);
	if (!babel_feasibility_distance(
		    node_babel(v->node), &r->route.prefix, BABEL_TEXT, &r->route.origin, &seqno, &metric)) {
		reason_set(out, "unfeasible", "using it could lead in a circle");
		return;
	}
	reason_set(out, "unfeasible",
		"using it could lead in a circle: %s announces metric %u (number %u), and this node itself has "
		"announced %u (number %u), so %s may be sending through here; %s was asked for a newer number",
		via, r->refmetric, r->route.seqno, metric, seqno, via, origin);
}

static void refusal_find(const struct view *v, const struct babel_route_info *r,
	const struct babel_route_info *selected, struct reason *out)
{
	const struct node_peer_info *peer = view_peer(v, r->route.link, &r->route.neighbour);
	const char *link = view_link_name(v, r->route.link);
	char via[VIEW_NAME];

	view_neighbour_name(v, r->route.link, &r->route.neighbour, via);
	if (!view_is_plain(v, r->route.link) && (!peer || !peer->is_up))
		reason_set(out, "no session", "there is no session with %s on %s", via, link);
	else if (r->refmetric == BABEL_INFINITY)
		reason_set(out, "retracted", "%s says that it cannot reach it, or may not announce it", via);
	else if (r->cost == BABEL_INFINITY)
		reason_set(out, "link", "%s to %s works in one direction only, or is dead", link, via);
	else if (r->route.metric == BABEL_INFINITY)
		reason_set(out, "refused", "%s",
			view_is_plain(v, r->route.link)
				? "no rule of the link accepts it, or it is the network's own: see accept: in the file"
				: "no certificate that is known lets its origin announce it");
	else if (!r->feasible)
		unfeasible_say(v, r, via, out);
	else if (selected && r->route.metric >= selected->route.metric)
		reason_set(out, "longer", "metric %u, and %u is in use", r->route.metric, selected->route.metric);
	else if (selected)
		reason_set(out, "hysteresis",
			"metric %u against %u in use (averaged: %u against %u): better, but not by a tenth, or not for "
			"long enough to move traffic for",
			r->route.metric, selected->route.metric, r->smoothed, selected->smoothed);
	else
		reason_set(out, "waiting", "it is about to be taken");
}

static json_t *way_make(const struct view *v, const struct babel_route_info *r, const struct babel_route_info *selected)
{
	char via[VIEW_NAME], origin[VIEW_NAME];
	struct reason reason = { .rule = "chosen" };

	if (r == selected)
		snprintf(reason.text, sizeof(reason.text), "the lowest metric of the ways that are safe");
	else
		refusal_find(v, r, selected, &reason);
	json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:b, s:s, s:s}", "prefix", json_prefix(&r->route.prefix), "origin",
		view_name(v, &r->route.origin, origin), "via",
		view_neighbour_name(v, r->route.link, &r->route.neighbour, via), "link",
		view_link_name(v, r->route.link), "chosen", r == selected, "rule", reason.rule, "text", reason.text);
	json_object_set_new(o, "metric", json_metric(r->route.metric));
	json_object_set_new(o, "announced", json_metric(r->refmetric));
	json_object_set_new(o, "cost", json_metric(r->cost));
	return o;
}

/* An entry for a prefix that holds the destination. */
static bool route_covers(const struct babel_route_info *r, const struct destination *to)
{
	return to->is_host ? prefix_contains(&r->route.prefix, &to->prefix)
			   : prefix_equal(&r->route.prefix, &to->prefix);
}

/* Longest prefix first: that is how a packet looks them up. */
static json_t *ways_make(const struct view *v, const struct destination *to)
{
	json_t *ways = json_array();

	for (int plen = 128; plen >= 0; plen--)
		for (size_t i = 0; i < v->route_count; i++) {
			const struct babel_route_info *r = &v->routes[i];

			if (r->route.prefix.plen == plen && r->route.neighbour.family != FAMILY_NONE &&
				route_covers(r, to) && !view_prefix_is_own(v, &r->route.prefix))
				json_array_append_new(ways, way_make(v, r, view_selected(v, &r->route.prefix)));
		}
	return ways;
}

static bool ways_have(const struct view *v, const struct node_peer_info *peer, const struct destination *to)
{
	struct address neighbour = node_neighbour_address(&peer->rid);

	for (size_t i = 0; i < v->route_count; i++) {
		const struct babel_route_info *r = &v->routes[i];

		if (r->route.link == peer->link && address_equal(&r->route.neighbour, &neighbour) &&
			route_covers(r, to))
			return true;
	}
	return false;
}

/* Neighbours that announce nothing are asked about, too: "why not by the car?" */
static void silent_ways_add(const struct view *v, const struct destination *to, json_t *ways)
{
	char via[VIEW_NAME], text[TEXT_MAX];

	for (size_t i = 0; i < v->peer_count; i++) {
		const struct node_peer_info *peer = &v->peers[i];
		struct address neighbour = node_neighbour_address(&peer->rid);

		if (!peer->is_up || ways_have(v, peer, to))
			continue;
		view_neighbour_name(v, peer->link, &neighbour, via);
		snprintf(text, sizeof(text), "%s announces no way to it: it has none, or one through this node", via);
		json_array_append_new(ways, json_pack("{s:o, s:s, s:s, s:s, s:b, s:s, s:s, s:n, s:n, s:n}", "prefix",
						    json_prefix(&to->prefix), "origin", "", "via", via, "link",
						    view_link_name(v, peer->link), "chosen", 0, "rule", "unannounced",
						    "text", text, "metric", "announced", "cost"));
	}
}

static const char *name_of(const struct destination *to, char text[PREFIX_TEXT])
{
	if (to->certificate)
		return to->certificate->name;
	return to->is_host ? address_format(&to->prefix.address, text) : prefix_format(&to->prefix, text);
}

static void none_say(
	const struct view *v, const struct destination *to, const char *name, size_t ways, struct reason *out)
{
	struct prefix deployment = node_deployment(v->node);

	if (ways)
		reason_set(out, "none", "no way to %s can be used; each is listed with what is against it", name);
	else if (to->certificate)
		reason_set(out, "none",
			"nobody announces %s: it is switched off, or no link leads there; it is a member, so it will "
			"appear by itself as soon as a link does",
			name);
	else if (prefix_contains(&deployment, &to->prefix))
		reason_set(out, "none", "nobody announces %s, and no known member has this address", name);
	else
		reason_set(out, "none", "nobody in the mesh announces %s; it needs a node with it in its certificate",
			name);
}

/* What happens to a packet, in one sentence. */
static void verdict_say(const struct view *v, const struct destination *to, size_t ways, struct reason *out)
{
	char text[PREFIX_TEXT], match_text[PREFIX_TEXT], via[VIEW_NAME];
	const char *name = name_of(to, text);
	struct prefix match = to->prefix;
	enum node_verdict verdict = node_lookup(v->node, &to->prefix.address, &match);
	const struct babel_route_info *r = view_selected(v, to->is_host ? &match : &to->prefix);

	if (verdict == NODE_VERDICT_OWN)
		reason_set(out, "own", "%s is this node, or behind it", name);
	else if (r)
		reason_set(out, "route", "packets to %s go to %s over %s, by the route to %s, metric %u", name,
			view_neighbour_name(v, r->route.link, &r->route.neighbour, via),
			view_link_name(v, r->route.link), prefix_format(&r->route.prefix, match_text), r->route.metric);
	else if (verdict == NODE_VERDICT_HELD)
		reason_set(out, "held",
			"the way to %s was lost moments ago; packets are refused until every neighbour knows, so that "
			"none goes in a circle",
			name);
	else
		none_say(v, to, name, ways, out);
}

json_t *answer_why(struct view *v, const json_t *request)
{
	struct destination to;
	struct reason verdict;
	json_t *error = destination_of(v, request, &to);

	if (error)
		return error;
	json_t *ways = ways_make(v, &to);
	verdict_say(v, &to, json_array_size(ways), &verdict);
	if (json_array_size(ways) > 0)
		silent_ways_add(v, &to, ways);
	return json_pack("{s:b, s:o, s:s, s:s, s:s, s:o}", "ok", 1, "dest", json_prefix(&to.prefix), "name",
		to.certificate ? to.certificate->name : "", "verdict", verdict.rule, "text", verdict.text, "ways",
		ways);
}
