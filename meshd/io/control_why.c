/*
 * "why DEST [CLASS]": which way a packet takes, which other ways are known, and the rule
 * that kept each of them from being taken, in the words of somebody who has to
 * decide what to switch on next.
 *
 * The rules, in the order in which the routing engine applies them:
 *
 *   no session     nobody is there to hand a packet to
 *   not admitted   the link is too thin for bulk
 *   no class       the neighbour has a way for text, and none of the class
 *   no key         the certificate of the origin is not here yet
 *   retracted      the neighbour says that it cannot reach it (any more)
 *   refused        it may not be announced: rules of a babel link, certificates
 *   link           the link to the neighbour does not work in both directions
 *   unfeasible     using it could close a loop (RFC 8966, 3.5.1)
 *   starved        the same, and nothing else is left: its origin is asked for a newer number
 *   longer         a lower metric is in use
 *   hysteresis     better, but not by enough or not for long enough
 *   waiting        about to be taken
 *   unannounced    the neighbour has no way but ours, or none: then it says nothing
 */
#include "meshd/io/control.h"

#include <string.h>

#define TEXT_MAX 512

/* What is asked about. */
struct question {
	struct destination to;
	enum babel_class class;
};

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

static void unfeasible_say(
	const struct view *v, const struct babel_route_info *r, const char *via, const char *rule, struct reason *out)
{
	char origin[VIEW_NAME];
	uint16_t seqno, metric;

	view_name(v, &r->route.origin, origin);
	if (!babel_feasibility_distance(
		    node_babel(v->node), &r->route.prefix, r->route.class, &r->route.origin, &seqno, &metric)) {
		reason_set(out, rule, "using it could lead in a circle");
		return;
	}
	reason_set(out, rule,
		"using it could lead in a circle: %s announces metric %u (number %u), and this node itself has "
		"announced %u (number %u), so %s may be sending through here; %s was asked for a newer number",
		via, r->refmetric, r->route.seqno, metric, seqno, via, origin);
}

static bool link_admits(const struct view *v, unsigned link, enum babel_class class)
{
	return link >= v->d->config.link_count || babel_rate_admits(v->d->config.links[link].rate_bps, class);
}

static void thin_say(const struct view *v, unsigned link, struct reason *out)
{
	char rate[32];

	config_format_rate(rate, sizeof(rate), v->d->config.links[link].rate_bps);
	reason_set(out, "not admitted", "%s carries %sbit/s, and bulk needs 200 kbit/s", view_link_name(v, link), rate);
}

static void infinite_say(const struct view *v, const struct babel_route_info *r, const char *via, struct reason *out)
{
	bool is_plain = view_is_plain(v, r->route.link);
	char origin[VIEW_NAME];

	if (r->refmetric == BABEL_INFINITY && !is_plain && !node_certificate_of(v->node, &r->route.origin))
		reason_set(out, "no key", "the certificate of %s is not here yet; %s was asked for it",
			view_name(v, &r->route.origin, origin), via);
	else if (r->refmetric == BABEL_INFINITY)
		reason_set(out, "retracted", "%s says that it cannot reach it, or may not announce it", via);
	else if (r->cost == BABEL_INFINITY && !link_admits(v, r->route.link, r->route.class))
		thin_say(v, r->route.link, out);
	else if (r->cost == BABEL_INFINITY)
		reason_set(out, "link", "%s to %s works in one direction only, or is dead",
			view_link_name(v, r->route.link), via);
	else
		reason_set(out, "refused", "%s",
			is_plain ? "no rule of the link accepts it, or it is the network's own: see accept: in the file"
				 : "no certificate that is known lets its origin announce it, or a rule of the link "
				   "denies it");
}

static void refusal_find(const struct view *v, const struct babel_route_info *r,
	const struct babel_route_info *selected, struct reason *out)
{
	const struct node_peer_info *peer = view_peer(v, r->route.link, &r->route.neighbour);
	char via[VIEW_NAME];

	view_neighbour_name(v, r->route.link, &r->route.neighbour, via);
	if (!view_is_plain(v, r->route.link) && (!peer || !peer->is_up))
		reason_set(
			out, "no session", "there is no session with %s on %s", via, view_link_name(v, r->route.link));
	else if (r->route.metric == BABEL_INFINITY)
		infinite_say(v, r, via, out);
	else if (!r->feasible)
		unfeasible_say(v, r, via, selected ? "unfeasible" : "starved", out);
	else if (selected && r->route.metric >= selected->route.metric)
		reason_set(out, "longer", "metric %u, and %u is in use", r->route.metric, selected->route.metric);
	else if (selected)
		reason_set(out, "hysteresis",
			"metric %u against %u in use (averaged: %u against %u): better, but not by a %s, or not for "
			"long enough to move traffic for",
			r->route.metric, selected->route.metric, r->smoothed, selected->smoothed,
			r->route.class == BABEL_BULK ? "fifth" : "tenth");
	else
		reason_set(out, "waiting", "it is about to be taken");
}

/* A way that is one for text only. */
static void absence_find(
	const struct view *v, const struct babel_route_info *r, enum babel_class class, struct reason *out)
{
	const struct node_peer_info *peer = view_peer(v, r->route.link, &r->route.neighbour);
	char via[VIEW_NAME];

	view_neighbour_name(v, r->route.link, &r->route.neighbour, via);
	if (r->refmetric == BABEL_INFINITY)
		refusal_find(v, r, NULL, out);
	else if (!link_admits(v, r->route.link, class))
		thin_say(v, r->route.link, out);
	else if (!peer || !peer->has_classes)
		reason_set(out, "no class", "%s knows no classes: packets fall to the way of text there", via);
	else
		reason_set(out, "no class", "%s has a way for text, and none for %s: beyond it %s", via,
			traffic_class_name(class),
			class == BABEL_BULK ? "a link is too thin, or it is still looked for"
					    : "somebody knows no classes, or it is still looked for");
}

static json_t *way_make(const struct view *v, const struct babel_route_info *r, bool is_chosen, struct reason *reason)
{
	char via[VIEW_NAME], origin[VIEW_NAME];

	return json_pack("{s:o, s:s, s:s, s:s, s:b, s:s, s:s}", "prefix", json_prefix(&r->route.prefix), "origin",
		view_name(v, &r->route.origin, origin), "via",
		view_neighbour_name(v, r->route.link, &r->route.neighbour, via), "link",
		view_link_name(v, r->route.link), "chosen", is_chosen, "rule", reason->rule, "text", reason->text);
}

static json_t *way_of_class(const struct view *v, const struct babel_route_info *r)
{
	const struct babel_route_info *selected = view_selected(v, &r->route.prefix, r->route.class);
	struct reason reason = { .rule = "chosen" };

	if (r == selected)
		snprintf(reason.text, sizeof(reason.text), "the lowest metric of the ways that are safe");
	else
		refusal_find(v, r, selected, &reason);
	json_t *o = way_make(v, r, r == selected, &reason);
	json_object_set_new(o, "metric", json_metric(r->route.metric));
	json_object_set_new(o, "announced", json_metric(r->refmetric));
	json_object_set_new(o, "cost", json_metric(r->cost));
	return o;
}

/* By the same neighbour, in the class that is asked about. */
static bool route_has_class(const struct view *v, const struct babel_route_info *r, enum babel_class class)
{
	for (size_t i = 0; i < v->route_count; i++) {
		const struct babel_route *other = &v->routes[i].route;

		if (other->class == class && other->link == r->route.link &&
			address_equal(&other->neighbour, &r->route.neighbour) &&
			prefix_equal(&other->prefix, &r->route.prefix))
			return true;
	}
	return false;
}

static json_t *way_of_text(const struct view *v, const struct babel_route_info *r, enum babel_class class)
{
	struct reason reason;

	absence_find(v, r, class, &reason);
	json_t *o = way_make(v, r, false, &reason);
	json_object_set_new(o, "metric", json_null());
	json_object_set_new(o, "announced", json_null());
	json_object_set_new(o, "cost", json_null());
	return o;
}

/* An entry for a prefix that holds the destination. */
static bool route_covers(const struct babel_route_info *r, const struct destination *to)
{
	return to->is_host ? prefix_contains(&r->route.prefix, &to->prefix)
			   : prefix_equal(&r->route.prefix, &to->prefix);
}

/* Longest prefix first: that is how a packet looks them up. */
static json_t *ways_make(const struct view *v, const struct question *q)
{
	json_t *ways = json_array();

	for (int plen = 128; plen >= 0; plen--)
		for (size_t i = 0; i < v->route_count; i++) {
			const struct babel_route_info *r = &v->routes[i];

			if (r->route.prefix.plen != plen || r->route.neighbour.family == FAMILY_NONE ||
				!route_covers(r, &q->to) || view_prefix_is_own(v, &r->route.prefix))
				continue;
			if (r->route.class == q->class)
				json_array_append_new(ways, way_of_class(v, r));
			else if (!route_has_class(v, r, q->class))
				json_array_append_new(ways, way_of_text(v, r, q->class));
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

/* There is none of the class: what becomes of its packets. */
static void fallen_say(const struct view *v, const struct question *q, const char *name,
	const struct babel_route_info *text_way, struct reason *out)
{
	const struct babel_route *r = &text_way->route;
	const char *class = traffic_class_name(q->class);
	struct reason thin;
	char via[VIEW_NAME];

	view_neighbour_name(v, r->link, &r->neighbour, via);
	if (link_admits(v, r->link, q->class)) {
		reason_set(out, "falls", "there is no way for %s to %s: it goes on as text does, to %s over %s", class,
			name, via, view_link_name(v, r->link));
		return;
	}
	thin_say(v, r->link, &thin);
	reason_set(out, "not admitted",
		"%s to %s is refused, and its sender told: the only way is to %s over %s, and %s", class, name, via,
		view_link_name(v, r->link), thin.text);
}

/* What happens to a packet, in one sentence. */
static void verdict_say(const struct view *v, const struct question *q, size_t ways, struct reason *out)
{
	char text[PREFIX_TEXT], match_text[PREFIX_TEXT], via[VIEW_NAME];
	const struct destination *to = &q->to;
	const char *name = name_of(to, text);
	struct prefix match = to->prefix;
	enum node_verdict verdict = node_lookup(v->node, &to->prefix.address, &match);
	const struct prefix *prefix = to->is_host ? &match : &to->prefix;
	const struct babel_route_info *r = view_selected(v, prefix, q->class);
	const struct babel_route_info *text_way = view_selected(v, prefix, BABEL_TEXT);

	if (verdict == NODE_VERDICT_OWN)
		reason_set(out, "own", "%s is this node, or behind it", name);
	else if (r)
		reason_set(out, "route", "%s to %s go to %s over %s, by the route to %s, metric %u",
			q->class == BABEL_TEXT      ? "packets"
			: q->class == BABEL_COMMAND ? "packets of command"
						    : "packets of bulk",
			name, view_neighbour_name(v, r->route.link, &r->route.neighbour, via),
			view_link_name(v, r->route.link), prefix_format(&r->route.prefix, match_text), r->route.metric);
	else if (text_way)
		fallen_say(v, q, name, text_way, out);
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
	struct question q;
	struct reason verdict;
	unsigned class;
	json_t *error = destination_of(v, request, &q.to);

	if (!error)
		error = class_of(request, BABEL_TEXT, &class);
	if (error)
		return error;
	q.class = (enum babel_class) class;
	view_routes(v, 1u << BABEL_TEXT | 1u << class);
	json_t *ways = ways_make(v, &q);
	verdict_say(v, &q, json_array_size(ways), &verdict);
	if (json_array_size(ways) > 0)
		silent_ways_add(v, &q.to, ways);
	return json_pack("{s:b, s:o, s:s, s:s, s:s, s:s, s:o}", "ok", 1, "dest", json_prefix(&q.to.prefix), "name",
		q.to.certificate ? q.to.certificate->name : "", "class", traffic_class_name(class), "verdict",
		verdict.rule, "text", verdict.text, "ways", ways);
}
