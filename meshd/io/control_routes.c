/* "routes": every destination with the way that is used and the ways that are not. */
#include "meshd/io/control.h"

static bool is_backup(const struct view *v, const struct babel_route_info *r)
{
	struct node_way way;

	return node_backup(v->node, &r->route.prefix, r->route.class, &way) && way.link == r->route.link &&
	       address_equal(&way.neighbour, &r->route.neighbour);
}

static json_t *route_make(const struct view *v, const struct babel_route_info *r)
{
	char name[VIEW_NAME], via[VIEW_NAME];
	bool is_hold = r->route.neighbour.family == FAMILY_NONE; /* no way at all, only the hold */
	json_t *o = json_pack("{s:o, s:s, s:s, s:b, s:b, s:b}", "prefix", json_prefix(&r->route.prefix), "class",
		traffic_class_name(r->route.class), "origin", view_name(v, &r->route.origin, name), "selected",
		r->selected, "feasible", r->feasible, "held", r->held);

	json_object_set_new(o, "backup", json_boolean(is_backup(v, r)));
	json_object_set_new(o, "via",
		is_hold ? json_null() : json_string(view_neighbour_name(v, r->route.link, &r->route.neighbour, via)));
	json_object_set_new(o, "link", is_hold ? json_null() : json_string(view_link_name(v, r->route.link)));
	/* What a plain neighbour is given, the kernel gives it. */
	json_object_set_new(o, "next_hop",
		!is_hold && view_is_plain(v, r->route.link) ? json_address(&r->route.next_hop) : json_null());
	json_object_set_new(o, "metric", json_metric(r->route.metric));
	json_object_set_new(o, "announced", json_metric(r->refmetric));
	json_object_set_new(o, "cost", json_metric(r->cost));
	json_object_set_new(o, "smoothed", json_metric(r->smoothed));
	json_object_set_new(o, "seqno", json_integer(r->route.seqno));
	json_object_set_new(o, "heard_s", json_age_s(v->now_us, view_heard_us(v, r->route.link, &r->route.neighbour)));
	json_object_set_new(o, "valid_s",
		json_integer((json_int_t)(r->expires_us > v->now_us ? (r->expires_us - v->now_us) / SECOND_US : 0)));
	return o;
}

static json_t *own_make(const struct view *v)
{
	const struct certificate *c = &v->d->enrolment.certificate;
	struct address address = node_address(v->node);
	struct prefix host = prefix_of_host(address);
	json_t *own = json_array();

	json_array_append_new(own, json_pack("{s:o, s:b}", "prefix", json_prefix(&host), "announced", 1));
	for (unsigned i = 0; i < c->prefix_count; i++)
		json_array_append_new(own, json_pack("{s:o, s:b}", "prefix", json_prefix(&c->prefixes[i]), "announced",
						   v->d->lan.announced[i]));
	return own;
}

json_t *answer_routes(struct view *v, const json_t *request)
{
	size_t from = page_from(request);
	unsigned class;
	json_t *error = class_of(request, BABEL_CLASSES, &class);

	if (error)
		return error;
	view_routes(v, class < BABEL_CLASSES ? 1u << class : VIEW_ALL_CLASSES);
	json_t *routes = json_array();
	for (size_t i = from; i < v->route_count && i - from < PAGE_LEN; i++)
		if (!view_prefix_is_own(v, &v->routes[i].route.prefix)) /* what others say of ours is no way */
			json_array_append_new(routes, route_make(v, &v->routes[i]));
	return json_pack("{s:b, s:o, s:o, s:o}", "ok", 1, "own", own_make(v), "routes", routes, "next",
		page_next(from, v->route_count));
}
