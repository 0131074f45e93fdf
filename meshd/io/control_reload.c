/*
 * Another configuration takes effect: what can change without losing a neighbour does;
 * what cannot is told, and waits for a restart.
 *
 *   at once      rules of links (accept, announce), keys of babel links (mac), node.redistribute, classes,
 *                the page
 *   at once      links: those that are new begin, those that are gone say goodbye, those that differ in
 *                anything else do one after the other; the rest keep their neighbours
 *   a restart    everything else of the node
 */
#include "meshd/io/collect.h"
#include "meshd/io/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reload {
	struct daemon *d;
	struct config *new;
	json_t *applied, *waiting;
};

__attribute__((format(printf, 2, 3))) static void note(json_t *list, const char *format, ...)
{
	char text[IO_ERROR_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(list, json_string(text));
}

static void field_waits(void *arg, const char *field)
{
	struct reload *r = arg;

	note(r->waiting, "node: %s", field);
}

static void node_compare(struct reload *r)
{
	struct config *old = &r->d->config;
	const struct config *new = r->new;

	config_node_diff(old, new, field_waits, r);
	if (old->is_unbatched != new->is_unbatched)
		note(r->waiting, "io: offload");
	if (old->watch_count != new->watch_count || memcmp(old->watch, new->watch, sizeof(old->watch)) != 0) {
		old->watch_count = new->watch_count;
		memcpy(old->watch, new->watch, sizeof(old->watch));
		outage_watch_set(r->d, old, io_now_us());
		note(r->applied, "node: watch");
	}
	if (old->shares_log != new->shares_log) {
		old->shares_log = new->shares_log;
		collect_close(r->d);
		collect_open(r->d);
		note(r->applied, "node: share-log");
	}
	if (old->redistribute_count == new->redistribute_count &&
		memcmp(old->redistribute, new->redistribute, sizeof(old->redistribute)) == 0)
		return;
	old->redistribute_count = new->redistribute_count;
	memcpy(old->redistribute, new->redistribute, sizeof(old->redistribute));
	redistribute_look(r->d);
	note(r->applied, "node: redistribute");
}

/* --- classes ---------------------------------------------------------------------------------- */

static void classes_compare(struct reload *r)
{
	struct config_classes *old = &r->d->config.classes;

	if (config_classes_equal(old, &r->new->classes))
		return;
	if (node_classes_set(r->d->node, &r->new->classes.policy) < 0)
		return; /* without memory everything stays as it is */
	*old = r->new->classes;
	note(r->applied, "classes");
}

/* --- the page --------------------------------------------------------------------------------- */

/* Who reads it comes again by itself. */
static void page_compare(struct reload *r)
{
	char error[IO_ERROR_MAX];

	if (config_page_equal(&r->d->config.page, &r->new->page))
		return;
	page_close(r->d);
	r->d->config.page = r->new->page;
	if (page_open(r->d, error) < 0)
		daemon_say(r->d, "page-error", "%s", error);
	note(r->applied, "page");
}

/* --- links ------------------------------------------------------------------------------------ */

static bool keys_equal(const struct config_link *a, const struct config_link *b)
{
	return a->mac_count == b->mac_count && a->mac_required == b->mac_required &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

/* A link as it is without what can change at once. */
static void link_strip(struct config_link *l)
{
	memset(l->preset, 0, sizeof(l->preset)); /* the figures count */
	memset(l->accept, 0, sizeof(l->accept));
	memset(l->announce, 0, sizeof(l->announce));
	secret_wipe(l->mac, sizeof(l->mac));
	l->accept_count = l->announce_count = l->mac_count = 0;
	l->mac_required = false;
}

static bool links_equal_beside(const struct config_link *a, const struct config_link *b)
{
	struct config_link *stripped = malloc(2 * sizeof(*stripped));

	if (!stripped)
		return false;
	stripped[0] = *a;
	stripped[1] = *b;
	link_strip(&stripped[0]);
	link_strip(&stripped[1]);
	bool is_same = memcmp(&stripped[0], &stripped[1], sizeof(*stripped)) == 0;
	free(stripped);
	return is_same;
}

static void link_apply(struct reload *r, struct port *p, const struct config_link *new)
{
	struct config_link *old = &r->d->config.links[p->id];
	bool accepts_same = rules_equal(old->accept, old->accept_count, new->accept, new->accept_count);
	bool announces_same = rules_equal(old->announce, old->announce_count, new->announce, new->announce_count);
	bool has_same_keys = keys_equal(old, new);

	memcpy(old->preset, new->preset, sizeof(old->preset));
	if (accepts_same && announces_same && has_same_keys)
		return;
	memcpy(old->accept, new->accept, sizeof(old->accept));
	memcpy(old->announce, new->announce, sizeof(old->announce));
	memcpy(old->mac, new->mac, sizeof(old->mac));
	old->accept_count = new->accept_count;
	old->announce_count = new->announce_count;
	old->mac_count = new->mac_count;
	old->mac_required = new->mac_required;
	port_policy(p, io_now_us());
	note(r->applied, "link %s:%s%s%s", old->name, accepts_same ? "" : " accept", announces_same ? "" : " announce",
		has_same_keys ? "" : " mac");
}

/* First what goes: a new link may want its port or its device. */
static void links_compare(struct reload *r)
{
	struct daemon *d = r->d;
	bool starts_anew[CONFIG_LINK_MAX] = { false }; /* by place in the new configuration */

	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p)) {
		const struct config_link *new = config_link_named(r->new, p->config->name);

		if (new &&links_equal_beside(p->config, new))
			continue;
		if (new)
			starts_anew[new - r->new->links] = true;
		else
			note(r->applied, "link %s, which is gone", p->config->name);
		port_remove(p, io_now_us());
	}
	for (unsigned i = 0; i < r->new->link_count; i++) {
		const struct config_link *new = &r->new->links[i];
		struct port *p = port_named(d, new->name);

		if (p)
			link_apply(r, p, new);
		else if (port_add(d, new))
			note(r->applied, "link %s, which %s", new->name, starts_anew[i] ? "starts anew" : "is new");
		else
			note(r->waiting, "link %s, for which there is no place", new->name);
	}
}

void reload_apply(struct daemon *d, struct config *new, json_t *applied, json_t *waiting)
{
	struct reload r = { d, new, applied, waiting };

	node_compare(&r);
	classes_compare(&r);
	page_compare(&r);
	links_compare(&r);
}
