/*
 * What hangs on one path, or on one node: `warnings` of "status".
 *
 * A way counts if the neighbour has it without us: what it announces is less than our own
 * metric and the link to it. Else it may lead through this node, and is lost with the way in
 * use. Sites are told by the neighbour on which all their ways hang:
 *
 *   one path   a single way: a link to one neighbour
 *   one node   ways by several links, all of them to one neighbour, which is not the site itself
 */
#include "meshd/io/control.h"

#include <string.h>

#define WARNINGS_MAX 8
#define NAMED 3 /* sites in one sentence; the rest is counted */

/* Sites that hang on the same. */
struct hang {
	bool is_node;
	unsigned link; /* of a path */
	struct address neighbour;
	unsigned count;
	char names[NAMED][NAME_MAX_LEN + 1];
};

struct hangs {
	const struct view *v;
	unsigned count;
	struct hang hangs[WARNINGS_MAX];
};

struct ways {
	unsigned count;
	bool are_by_one; /* neighbour */
	unsigned link;
	struct address neighbour;
};

static bool way_counts(const struct babel_route_info *selected, const struct babel_route_info *r)
{
	return r == selected ||
	       (r->route.metric != BABEL_INFINITY && r->refmetric < (uint32_t)selected->route.metric + r->cost);
}

static bool is_beside(const struct babel_route_info *r, const struct babel_route_info *selected)
{
	return r->route.class == selected->route.class && prefix_equal(&r->route.prefix, &selected->route.prefix);
}

static struct ways ways_to(const struct view *v, const struct babel_route_info *selected)
{
	struct ways w = { .are_by_one = true, .link = selected->route.link, .neighbour = selected->route.neighbour };

	const struct babel_route_info *end = v->routes + v->route_count;

	/* It is the first of its prefix and class. */
	for (const struct babel_route_info *r = selected; r < end && is_beside(r, selected); r++) {
		if (!way_counts(selected, r))
			continue;
		w.count++;
		w.are_by_one = w.are_by_one && address_equal(&r->route.neighbour, &w.neighbour);
	}
	return w;
}

static struct hang *hang_of(struct hangs *all, bool is_node, const struct ways *w)
{
	unsigned i = 0;

	while (i < all->count &&
		!(all->hangs[i].is_node == is_node && address_equal(&all->hangs[i].neighbour, &w->neighbour) &&
			(is_node || all->hangs[i].link == w->link)))
		i++;
	if (i == WARNINGS_MAX)
		return NULL;
	if (i == all->count)
		all->hangs[all->count++] =
			(struct hang){ .is_node = is_node, .link = w->link, .neighbour = w->neighbour };
	return &all->hangs[i];
}

static void site_look(struct hangs *all, const struct certificate *c)
{
	const struct view *v = all->v;
	struct prefix host = prefix_of_host(view_address_of(v, c));
	const struct babel_route_info *selected = view_is_own(v, c) ? NULL : view_selected(v, &host, BABEL_TEXT);

	if (!selected)
		return;
	const struct ways w = ways_to(v, selected);
	bool is_path = w.count == 1;

	if (!is_path && (!w.are_by_one || view_is_direct(v, selected)))
		return;
	struct hang *h = hang_of(all, !is_path, &w);
	if (!h)
		return;
	if (h->count < NAMED)
		snprintf(h->names[h->count], sizeof(h->names[0]), "%s", c->name);
	h->count++;
}

static json_t *hang_make(const struct view *v, const struct hang *h)
{
	char what[IO_ERROR_MAX], neighbour[VIEW_NAME];
	size_t len = (size_t)snprintf(what, sizeof(what), "%s", h->names[0]);

	for (unsigned i = 1; i < h->count && i < NAMED; i++)
		len += (size_t)snprintf(what + len, sizeof(what) - len, ", %s", h->names[i]);
	if (h->count > NAMED)
		len += (size_t)snprintf(what + len, sizeof(what) - len, " and %u more", h->count - NAMED);
	len += (size_t)snprintf(what + len, sizeof(what) - len, " hang%s on one %s: ", h->count == 1 ? "s" : "",
		h->is_node ? "node" : "path");
	if (!h->is_node)
		len += (size_t)snprintf(what + len, sizeof(what) - len, "%s to ", view_link_name(v, h->link));
	view_neighbour_name(v, h->link, &h->neighbour, neighbour);
	snprintf(what + len, sizeof(what) - len, "%s", neighbour);
	json_t *names = json_array();
	for (unsigned i = 0; i < h->count && i < NAMED; i++)
		json_array_append_new(names, json_of_text(h->names[i]));
	return json_pack("{s:s, s:o, s:i, s:s, s:s, s:s, s:s}", "kind", h->is_node ? "one-node" : "one-path", "sites",
		names, "count", (int)h->count, "link", h->is_node ? "" : view_link_name(v, h->link), "via", neighbour,
		"what", what, "action",
		h->is_node ? "give this node a link that does not lead there"
			   : "give this node a second link in that direction");
}

json_t *warnings_make(const struct view *v)
{
	struct hangs all = { .v = v };
	json_t *warnings = json_array();

	for (size_t i = 0; i < v->member_count; i++)
		if (view_counts(&v->members[i]))
			site_look(&all, v->members[i].certificate);
	for (unsigned i = 0; i < all.count; i++)
		json_array_append_new(warnings, hang_make(v, &all.hangs[i]));
	return warnings;
}
