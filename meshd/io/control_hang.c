/*
 * What hangs on one path, or on one node: `warnings` of "status".
 *
 * A way counts if the neighbour has it without us: what it announces is less than our own
 * metric and the link to it. Else it may lead through this node, and is lost with the way in
 * use. Sites are told by the neighbour on which all their ways hang:
 *
 *   one path   a single way: a link to one neighbour
 *   one node   ways by several links, all of them to one neighbour, which is not the site itself
 *
 * That is how things are at the edge. Where a site that people look for had more than that, and has lost it,
 * it is an alarm (meshd/node/trouble.h).
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
	struct spares *spares; /* NULL: all that hang; else those that did not before */
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
	bool is_path = w.count == 1, hangs = is_path || (w.are_by_one && !view_is_direct(v, selected));

	if (all->spares ? !spare_note(all->spares, v->now_us, c->serial, !hangs) : !hangs)
		return;
	struct hang *h = hang_of(all, !is_path, &w);
	if (!h)
		return;
	if (h->count < NAMED)
		snprintf(h->names[h->count], sizeof(h->names[0]), "%s", c->name);
	h->count++;
}

/* "city-1, town-2 and 3 more hang on one path: radio0 to relay" */
static void hang_say(const struct view *v, const struct hang *h, const char *neighbour, char *what, size_t size)
{
	size_t len = (size_t)snprintf(what, size, "%s", h->names[0]);

	for (unsigned i = 1; i < h->count && i < NAMED; i++)
		len += (size_t)snprintf(what + len, size - len, ", %s", h->names[i]);
	if (h->count > NAMED)
		len += (size_t)snprintf(what + len, size - len, " and %u more", h->count - NAMED);
	snprintf(what + len, size - len, " hang%s on one %s: %s%s%s", h->count == 1 ? "s" : "",
		h->is_node ? "node" : "path", h->is_node ? "" : view_link_name(v, h->link), h->is_node ? "" : " to ",
		neighbour);
}

static const char *hang_action(const struct hang *h)
{
	return h->is_node ? "give this node a link that does not lead there"
			  : "give this node a second link in that direction";
}

static json_t *hang_make(const struct view *v, const struct hang *h)
{
	char what[IO_ERROR_MAX], neighbour[VIEW_NAME];

	view_neighbour_name(v, h->link, &h->neighbour, neighbour);
	hang_say(v, h, neighbour, what, sizeof(what));
	json_t *names = json_array();
	for (unsigned i = 0; i < h->count && i < NAMED; i++)
		json_array_append_new(names, json_of_text(h->names[i]));
	return json_pack("{s:s, s:o, s:i, s:s, s:s, s:s, s:s}", "kind", h->is_node ? "one-node" : "one-path", "sites",
		names, "count", (int)h->count, "link", h->is_node ? "" : view_link_name(v, h->link), "via", neighbour,
		"what", what, "action", hang_action(h));
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

/* --- what has become so ------------------------------------------------------------------ */

/* People look for it: who commands, and what the configuration watches. */
static bool is_missed(const struct view *v, const struct certificate *c)
{
	return c->level == LEVEL_CITY || c->level == LEVEL_DISTRICT || c->roles & ROLE_COMMAND_POST ||
	       config_watches(&v->d->config, c->name);
}

void hangs_look(const struct view *v, struct spares *spares, hang_function say, void *arg)
{
	struct hangs all = { .v = v, .spares = spares };
	char what[ALARM_TEXT_MAX], neighbour[VIEW_NAME];

	for (size_t i = 0; i < v->member_count; i++)
		if (view_counts(&v->members[i]) && is_missed(v, v->members[i].certificate))
			site_look(&all, v->members[i].certificate);
	for (unsigned i = 0; i < all.count; i++) {
		const struct hang *h = &all.hangs[i];

		view_neighbour_name(v, h->link, &h->neighbour, neighbour);
		hang_say(v, h, neighbour, what, sizeof(what));
		say(arg, neighbour, what, hang_action(h));
	}
}
