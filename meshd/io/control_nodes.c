/* "nodes": every member whose certificate is known, and what is known of it, with its age. */
#include "meshd/io/control.h"

json_t *roles_make(const struct certificate *c)
{
	json_t *roles = json_array();

	if (c->roles & ROLE_GATEWAY)
		json_array_append_new(roles, json_string("gateway"));
	if (c->roles & ROLE_COMMAND_POST)
		json_array_append_new(roles, json_string("command-post"));
	if (c->roles & ROLE_GUEST)
		json_array_append_new(roles, json_string("guest"));
	return roles;
}

static json_t *prefixes_make(const struct certificate *c)
{
	json_t *prefixes = json_array();

	for (unsigned i = 0; i < c->prefix_count; i++)
		json_array_append_new(prefixes, json_prefix(&c->prefixes[i]));
	return prefixes;
}

static void route_add(const struct view *v, json_t *o, const struct babel_route_info *r)
{
	const struct node_peer_info *peer = r ? view_peer(v, r->route.link, &r->route.neighbour) : NULL;
	char via[VIEW_NAME];

	json_object_set_new(o, "metric", r ? json_metric(r->route.metric) : json_null());
	json_object_set_new(o, "link", r ? json_string(view_link_name(v, r->route.link)) : json_null());
	json_object_set_new(o, "via",
		r ? json_string(view_neighbour_name(v, r->route.link, &r->route.neighbour, via)) : json_null());
	json_object_set_new(o, "direct", json_boolean(r && view_is_direct(v, r)));
	json_object_set_new(o, "heard_s", json_age_s(v->now_us, peer ? peer->last_heard_us : 0));
	json_object_set_new(o, "valid_s",
		r && r->expires_us > v->now_us ? json_integer((json_int_t)((r->expires_us - v->now_us) / SECOND_US))
					       : json_null());
}

static json_t *node_make(const struct view *v, const struct view_member *member)
{
	const struct certificate *c = member->certificate;
	struct address address = view_address_of(v, c);
	struct prefix host = prefix_of_host(address);
	bool is_own = view_is_own(v, c);
	const struct babel_route_info *r = is_own ? NULL : view_selected(v, &host, BABEL_TEXT);
	json_t *o = json_pack("{s:s, s:s, s:o, s:I, s:b, s:b, s:o, s:o}", "name", c->name, "level",
		level_name(c->level), "address", json_address(&address), "serial", (json_int_t)c->serial, "self",
		is_own, "reachable", is_own || r, "roles", roles_make(c), "prefixes", prefixes_make(c));

	route_add(v, o, r);
	json_object_set_new(o, "classes", view_classes(v, &host));
	json_object_set_new(o, "replaced", json_boolean(member->is_replaced));
	return o;
}

json_t *answer_nodes(struct view *v, const json_t *request)
{
	json_t *nodes = json_array();
	size_t from = page_from(request);

	view_members(v);
	view_routes(v, VIEW_ALL_CLASSES);
	for (size_t i = from; i < v->member_count && i - from < PAGE_LEN; i++)
		json_array_append_new(nodes, node_make(v, &v->members[i]));
	return json_pack("{s:b, s:o, s:o}", "ok", 1, "nodes", nodes, "next", page_next(from, v->member_count));
}
