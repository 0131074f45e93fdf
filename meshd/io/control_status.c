/*
 * "status": one verdict, and for everything that is wrong a sentence and what to
 * do about it.
 *
 *   alone     no neighbour on any link
 *   degraded  something that is configured, or somebody who commands, is not there
 *   healthy   neither
 *
 * A scene node that is switched off is normal; a city that cannot be reached is
 * not. Hence the upper levels count, and command posts wherever they are.
 */
#include "meshd/io/collect.h"
#include "meshd/io/control.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define LISTED_MAX 32 /* nodes per level in the answer */
#define REASONS_MAX 16
#define LEVELS 4
#define REFUSED_SHOWN_US (600 * SECOND_US)

struct census {
	struct view *v;
	json_t *reasons;
	json_t *nodes[LEVELS];
	unsigned known[LEVELS], reachable[LEVELS];
};

/* Its kind and subject are those of the alarm that it will be, if it lasts. */
static void __attribute__((format(printf, 5, 6)))
reason_add(json_t *reasons, enum alarm_kind kind, const char *subject, const char *action, const char *format, ...)
{
	char what[IO_ERROR_MAX];
	va_list args;

	if (json_array_size(reasons) == REASONS_MAX)
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	json_array_append_new(reasons, json_pack("{s:s, s:s, s:o, s:s}", "kind", alarm_kind_name(kind), "subject",
					       subject, "what", json_of_text(what), "action", action));
}

/* --- nodes by level ------------------------------------------------------------------------ */

static json_t *reachable_make(const struct view *v, const struct certificate *c, const struct babel_route_info *r)
{
	const struct node_peer_info *peer = view_peer(v, r->route.link, &r->route.neighbour);
	char via[VIEW_NAME];

	return json_pack("{s:s, s:b, s:o, s:s, s:s, s:b, s:o, s:o}", "name", c->name, "reachable", 1, "classes",
		view_classes(v, &r->route.prefix), "link", view_link_name(v, r->route.link), "via",
		view_neighbour_name(v, r->route.link, &r->route.neighbour, via), "direct", view_is_direct(v, r),
		"metric", json_metric(r->route.metric), "heard_s",
		json_age_s(v->now_us, peer ? peer->last_heard_us : 0));
}

/* Those that can be reached are listed first. */
static void member_count(struct census *census, const struct certificate *c)
{
	unsigned level = (unsigned)c->level % LEVELS;
	struct prefix host = prefix_of_host(view_address_of(census->v, c));

	if (view_is_own(census->v, c))
		return;
	const struct babel_route_info *r = view_selected(census->v, &host, BABEL_TEXT);
	census->known[level]++;
	if (r) {
		census->reachable[level]++;
		json_array_insert_new(
			census->nodes[level], census->reachable[level] - 1, reachable_make(census->v, c, r));
	} else {
		json_array_append_new(census->nodes[level], json_pack("{s:s, s:b}", "name", c->name, "reachable", 0));
		if (c->roles & ROLE_COMMAND_POST)
			reason_add(census->reasons, ALARM_POST, c->name,
				"ask what was switched off there; meshctl why tells what is known",
				"command post \"%s\" (%s) cannot be reached", c->name, level_name(c->level));
	}
	if (json_array_size(census->nodes[level]) > LISTED_MAX)
		json_array_remove(census->nodes[level], LISTED_MAX);
}

static json_t *levels_make(struct census *census)
{
	json_t *levels = json_array();

	for (unsigned i = 0; i < LEVELS; i++)
		census->nodes[i] = json_array();
	view_members(census->v);
	view_routes(census->v, VIEW_ALL_CLASSES);
	for (size_t i = 0; i < census->v->member_count; i++)
		if (view_counts(&census->v->members[i]))
			member_count(census, census->v->members[i].certificate);
	for (unsigned i = 0; i < LEVELS; i++) {
		const char *name = level_name((enum level)i);

		json_array_append_new(
			levels, json_pack("{s:s, s:i, s:i, s:o}", "level", name, "known", census->known[i], "reachable",
					census->reachable[i], "nodes", census->nodes[i]));
		if (i != LEVEL_SCENE && census->known[i] && !census->reachable[i])
			reason_add(census->reasons, ALARM_LEVEL, name,
				"check the links that should lead there: meshctl links", "no %s node can be reached",
				name);
	}
	return levels;
}

/* --- links ---------------------------------------------------------------------------------- */

static void port_trouble(json_t *reasons, const struct port *p)
{
	char what[PORT_ERROR_MAX];
	const char *remedy = view_port_error(p, what);

	reason_add(reasons, ALARM_LINK, p->config->name, remedy, "link %s is down (%s): %s", p->config->name,
		port_state_name(p->state), what);
}

static void remote_trouble(json_t *reasons, const struct port *p)
{
	for (unsigned i = 0; i < p->config->peer_count; i++)
		if (p->remotes[i].is_failed && !p->remotes[i].count) {
			reason_add(reasons, ALARM_LINK, p->config->name,
				"check that this link has a name server, or write the address",
				"link %s: the name %s cannot be looked up", p->config->name, p->config->peers[i].host);
			return;
		}
	reason_add(reasons, ALARM_LINK, p->config->name,
		"check that the far end is switched on, and its address and port in both files",
		"link %s: nobody answers at %s port %u", p->config->name, p->config->peers[0].host,
		p->config->peers[0].port);
}

static json_t *link_make(const struct view *v, json_t *reasons, const struct port *p)
{
	unsigned neighbours = view_neighbours(v, p->id);

	if (p->state != PORT_UP)
		port_trouble(reasons, p);
	else if (p->config->peer_count && !neighbours)
		remote_trouble(reasons, p);
	else if (p->config->type == CONFIG_BABEL && !neighbours)
		reason_add(reasons, ALARM_LINK, p->config->name,
			"check that Babel runs at the other end, and its keys: meshctl links",
			"link %s: no router answers", p->config->name);
	return json_pack("{s:s, s:s, s:s, s:i}", "name", p->config->name, "type", port_type_name(p->config->type),
		"state", port_state_name(p->state), "neighbours", neighbours);
}

static json_t *links_make(const struct view *v, json_t *reasons)
{
	json_t *links = json_array();

	for (struct port *p = port_next(v->d, NULL); p; p = port_next(v->d, p))
		json_array_append_new(links, link_make(v, reasons, p));
	return links;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void self_trouble(const struct view *v, json_t *reasons)
{
	const struct state *s = &v->d->state;

	if (node_has_duplicate(v->node))
		reason_add(reasons, ALARM_DUPLICATE, "",
			"find that machine and switch it off, or enrol it under its own name",
			"another machine runs with this node's keys");
	if (!s->is_writable)
		reason_add(reasons, ALARM_STATE, "",
			s->error == ENOSPC ? "free some space" : "make it writable; meshd runs on meanwhile",
			"%s cannot be written: %s", v->d->config.state_dir, strerror(s->error));
	if (v->d->route_refused_us && v->now_us < v->d->route_refused_us + REFUSED_SHOWN_US)
		reason_add(
			reasons, ALARM_KERNEL, "", "see the log for \"kernel-refused\"", "the kernel refused a route");
}

static void trial_warn(const struct view *v, json_t *warnings)
{
	const struct trial *t = &v->d->trial;
	char what[96];

	if (!t->before)
		return;
	unsigned left_s = t->until_us > v->now_us ? (unsigned)((t->until_us - v->now_us) / SECOND_US) : 0;
	snprintf(what, sizeof(what), "another configuration is on trial; it is undone in %u s", left_s);
	json_array_insert_new(warnings, 0,
		json_pack("{s:s, s:i, s:s, s:s}", "kind", "trial", "left_s", (int)left_s, "what", what, "action",
			"meshctl reload --keep, or --undo"));
}

/* Whoever has not heard of it still speaks with who is out. */
static void list_warn(const json_t *list, json_t *warnings)
{
	json_t *missing = json_object_get(list, "missing"), *number = json_object_get(list, "number");
	json_int_t known = json_integer_value(json_object_get(list, "known"));
	json_int_t reachable = json_integer_value(json_object_get(list, "reachable"));
	size_t named = json_array_size(missing), len;
	char what[IO_ERROR_MAX];

	if (known >= reachable)
		return;
	len = (size_t)snprintf(what, sizeof(what), "list %d of who is out is known by %d of %d, not yet by ",
		(int)json_integer_value(number), (int)known, (int)reachable);
	for (size_t i = 0; i < named; i++)
		len += (size_t)snprintf(what + len, sizeof(what) - len, "%s%s", i ? ", " : "",
			json_string_value(json_array_get(missing, i)));
	if (reachable - known > (json_int_t)named)
		snprintf(what + len, sizeof(what) - len, " and %d more", (int)(reachable - known - (json_int_t)named));
	json_array_append_new(warnings,
		json_pack("{s:s, s:O, s:I, s:I, s:O, s:i, s:s, s:s}", "kind", "list-spreads", "number", number, "known",
			known, "reachable", reachable, "sites", missing, "count", (int)(reachable - known), "what",
			what, "action",
			"wait a minute; if one is left over, switch it on again, or hand it the list: meshctl revoke "
			"--list"));
}

#define GUEST_SOON_S 3600

/* Who is to stay needs more time before that. */
static void guests_warn(const struct view *v, json_t *warnings)
{
	char what[IO_ERROR_MAX];

	for (size_t i = 0; i < v->member_count; i++) {
		const struct certificate *c = v->members[i].certificate;
		unsigned left_s = (unsigned)(node_guest_left_us(v->node, c) / SECOND_US);

		if (!left_s || left_s > GUEST_SOON_S || !view_counts(&v->members[i]))
			continue;
		snprintf(
			what, sizeof(what), "guest \"%s\" of %s ends in %u min", c->name, c->guest.agency, left_s / 60);
		json_array_append_new(
			warnings, json_pack("{s:s, s:[o], s:i, s:i, s:o, s:s}", "kind", "guest-ends", "sites",
					  json_of_text(c->name), "count", 1, "left_s", (int)left_s, "what",
					  json_of_text(what), "action", "if it is to stay: meshctl guest --extend"));
	}
}

static const char *verdict_of(unsigned neighbours, const json_t *reasons)
{
	if (!neighbours)
		return "alone";
	return json_array_size(reasons) ? "degraded" : "healthy";
}

static json_t *traffic_make(const struct view *v)
{
	const struct node_counters *c = node_counters(v->node);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "packets_in", (json_int_t)c->packets_in,
		"packets_delivered", (json_int_t)c->packets_delivered, "packets_forwarded",
		(json_int_t)c->packets_forwarded, "handshakes_completed", (json_int_t)c->handshakes_completed,
		"suspects", (json_int_t)c->suspects, "suspects_wronged", (json_int_t)c->suspects_wronged, "deaths",
		(json_int_t)c->deaths);
}

/* Of other members' incident logs. A clock that is behind theirs makes none of them newer than now. */
static json_t *logs_make(const struct collect *c)
{
	if (!c || !c->is_summed)
		return json_null();
	int64_t age_s = (int64_t)io_date_s() - c->sum.until_ms / 1000;

	return json_pack("{s:i, s:o}", "members", c->sum.members, "newest_s",
		c->sum.members ? json_integer(age_s > 0 ? age_s : 0) : json_null());
}

json_t *answer_status(struct view *v, const json_t *request)
{
	const struct certificate *own = &v->d->enrolment.certificate;
	struct census census = { .v = v, .reasons = json_array() };
	struct address address = node_address(v->node);
	unsigned neighbours = view_neighbours_all(v);

	(void)request;
	if (v->d->applicant)
		reason_add(census.reasons, ALARM_ALONE, "",
			"bring what \"meshctl request\" shows to who has the authority's key",
			"this machine has no certificate yet");
	else if (!neighbours)
		reason_add(census.reasons, ALARM_ALONE, "",
			"switch on a second node, check antennas and cables: meshctl links",
			"no other node is in contact");
	self_trouble(v, census.reasons);
	json_t *links = links_make(v, census.reasons);
	json_t *levels = levels_make(&census);
	json_t *o = json_pack("{s:b, s:s, s:s, s:s, s:o, s:I, s:s}", "ok", 1, "version", MESHD_VERSION, "name",
		own->name, "level", level_name(own->level), "address", json_address(&address), "uptime_s",
		(json_int_t)((v->now_us - v->d->start_us) / SECOND_US), "verdict",
		verdict_of(neighbours, census.reasons));
	json_object_set_new(o, "neighbours", json_integer(neighbours));
	json_object_set_new(o, "duplicate", json_boolean(node_has_duplicate(v->node)));
	json_object_set_new(o, "state_writable", json_boolean(v->d->state.is_writable));
	json_object_set_new(o, "traffic", traffic_make(v));
	json_object_set_new(o, "levels", levels);
	json_object_set_new(o, "links", links);
	json_object_set_new(o, "reasons", census.reasons);
	json_t *warnings = warnings_make(v), *list = list_make(v);
	list_warn(list, warnings);
	guests_warn(v, warnings);
	json_object_set_new(o, "list", list);
	json_object_set_new(o, "logs", logs_make(v->d->collect));
	/* What somebody has set for a while is easily forgotten: before what may fail. */
	steering_warn(v, warnings);
	trial_warn(v, warnings);
	json_object_set_new(o, "warnings", warnings);
	return o;
}
