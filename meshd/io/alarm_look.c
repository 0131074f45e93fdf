/*
 * Looks at everything every few seconds, and says what is wrong to the table of
 * alarms (meshd/node/alarm.h), which decides what is told. What is wrong and what
 * to do about it are sentences that can be read out over the radio.
 */
#include "meshd/io/control.h"
#include "meshd/io/incident.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define LOOK_EVERY_US (5 * SECOND_US)
#define RECENT_US (60 * SECOND_US)
#define FLAPPING_US (600 * SECOND_US) /* as many losses of neighbours on one link as are remembered, within */
#define BUDGET_PERMILLE 80 /* of 50: bursts that the budget lends for are not told */

struct looker {
	struct view *v;
	struct alarms *alarms;
	const struct alarm_watch *watch;
	unsigned known[VIEW_LEVELS], reached[VIEW_LEVELS];
};

__attribute__((format(printf, 6, 7))) static void see(struct looker *l, enum alarm_kind kind, const char *subject,
	const char *group, const char *action, const char *format, ...)
{
	char text[ALARM_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	alarm_see(l->alarms, l->v->now_us, kind, subject, group, text, action);
}

/* --- members ------------------------------------------------------------------------------------ */

static void member_look(struct looker *l, const struct certificate *c)
{
	struct prefix host = prefix_of_host(view_address_of(l->v, c));
	unsigned level = (unsigned)c->level % VIEW_LEVELS;

	if (view_is_own(l->v, c))
		return;
	l->known[level]++;
	if (view_selected(l->v, &host, BABEL_TEXT))
		l->reached[level]++;
	else if (c->roles & ROLE_COMMAND_POST)
		see(l, ALARM_POST, c->name, level_name(c->level),
			"ask over the radio what was switched off there; meshctl why tells what is known",
			"command post \"%s\" (%s) cannot be reached", c->name, level_name(c->level));
}

/* Nobody at the scene is no alarm: nodes there are switched off as people go home. */
static void levels_look(struct looker *l)
{
	view_members(l->v);
	view_routes(l->v, 1u << BABEL_TEXT);
	for (size_t i = 0; i < l->v->member_count; i++)
		if (view_counts(&l->v->members[i]))
			member_look(l, l->v->members[i].certificate);
	for (unsigned i = 0; i < VIEW_LEVELS; i++)
		if (i != LEVEL_SCENE && l->known[i] && !l->reached[i])
			see(l, ALARM_LEVEL, level_name((enum level)i), "",
				"look at the links that lead there (meshctl links); raise an antenna, or move a relay",
				"no %s node can be reached, %u known", level_name((enum level)i), l->known[i]);
}

/* --- links -------------------------------------------------------------------------------------------- */

static void port_is_down(struct looker *l, const struct port *p)
{
	char what[PORT_ERROR_MAX];
	const char *remedy = view_port_error(p, what);

	see(l, ALARM_LINK, p->config->name, "", remedy, "link %s is down (%s): %s", p->config->name,
		port_state_name(p->state), what);
}

static void port_look(struct looker *l, const struct port *p)
{
	const uint64_t *lost_us = l->watch->lost_us[p->id];
	uint64_t oldest_us = lost_us[l->watch->lost_at[p->id] % ALARM_LOSSES];

	if (p->state != PORT_UP)
		port_is_down(l, p);
	else if (p->config->peer_count && !view_neighbours(l->v, p->id))
		see(l, ALARM_LINK, p->config->name, "",
			"check that the far end is switched on, and its address and port in both files",
			"link %s: nobody answers at %s", p->config->name, p->config->peers[0].host);
	if (oldest_us && l->v->now_us - oldest_us < FLAPPING_US)
		see(l, ALARM_FLAPPING, p->config->name, "", "look at antenna, plugs and power",
			"link %s comes and goes: %d neighbours lost in %u min", p->config->name, ALARM_LOSSES,
			(unsigned)(FLAPPING_US / (60 * SECOND_US)));
}

static void link_look(void *arg, const struct node_link_info *info)
{
	struct looker *l = arg;

	if (info->up && info->config.rate_bps && info->control_permille > BUDGET_PERMILLE)
		see(l, ALARM_BUDGET, info->config.name, "",
			"check the rate that is written for it, and how many nodes share the channel",
			"link %s: nodes take %u %% of it for themselves, 5 %% is meant for that", info->config.name,
			info->control_permille / 10);
}

static void frames_look(struct looker *l)
{
	char action[ALARM_TEXT_MAX];

	for (size_t i = 0; i < l->v->peer_count; i++) {
		const struct node_peer_info *peer = &l->v->peers[i];

		if (!peer->is_up || !peer->is_probed)
			continue;
		const char *link = view_link_name(l->v, peer->link);
		snprintf(action, sizeof(action), "smaller ones are sent; write mtu: %zu for the link at both ends",
			peer->frame_max);
		see(l, ALARM_MTU, link, "", action, "link %s: no frame of more than %zu bytes arrives at %s", link,
			peer->frame_max, peer->certificate ? peer->certificate->name : "the other end");
	}
}

/* --- this node --------------------------------------------------------------------------------------------- */

static void self_look(struct looker *l)
{
	const struct daemon *d = l->v->d;
	uint64_t now_us = l->v->now_us;

	if (d->applicant)
		see(l, ALARM_ALONE, "", "", "bring what \"meshctl request\" shows to who has the authority's key",
			"this machine has no certificate yet");
	else if (!view_neighbours_all(l->v))
		see(l, ALARM_ALONE, "", "", "switch on a second node; check power, antennas and cables: meshctl links",
			"no other node is in contact");
	if (node_has_duplicate(d->node))
		see(l, ALARM_DUPLICATE, "", "", "find that machine and switch it off, or enrol it under its own name",
			"another machine runs with this node's keys");
	if (!d->state.is_writable)
		see(l, ALARM_STATE, "", "", d->state.error == ENOSPC ? "free some space" : "make it writable",
			"%s cannot be written: %s", d->config.state_dir, strerror(d->state.error));
	if (d->route_refused_us && now_us - d->route_refused_us < RECENT_US)
		see(l, ALARM_KERNEL, "", "", "see meshctl events for kernel-refused", "the kernel refused a route");
	if (l->watch->refused_us && now_us - l->watch->refused_us < LOOK_EVERY_US)
		see(l, ALARM_REFUSED, "", "",
			"if it is one of yours, enrol it again; if not, somebody is trying: tell the command post",
			"%s (%u times so far)", l->watch->refused_text, l->watch->refused);
}

/* For the report: what it was about, and when it was seen first and last (ago). */
static json_t *alarm_data(const struct alarm *alarm)
{
	uint64_t now_us = io_now_us();

	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I}", "kind", alarm_kind_name(alarm->kind), "subject",
		json_of_text(alarm->subject), "what", json_of_text(alarm->text), "action", json_of_text(alarm->action),
		"since_ms", (json_int_t)((now_us - alarm->since_us) / 1000), "seen_ms",
		(json_int_t)((now_us - alarm->seen_us) / 1000));
}

static void alarm_changed(void *arg, const struct alarm *alarm)
{
	struct daemon *d = arg;
	const char *name = alarm_kind_name(alarm->kind), *gap = *alarm->subject ? " " : "";

	if (alarm->phase == ALARM_OVER)
		daemon_tell(d, "alarm-over", alarm_data(alarm), "%s%s%s: it lasted %u s", name, gap, alarm->subject,
			(unsigned)((alarm->seen_us - alarm->since_us) / SECOND_US));
	else
		daemon_tell(d, alarm_is_red(alarm->kind) ? "alarm-red" : "alarm-amber", alarm_data(alarm),
			"%s%s%s: %s; %s", name, gap, alarm->subject, alarm->text, alarm->action);
}

void alarms_tick(struct daemon *d, uint64_t now_us)
{
	struct looker l = { .alarms = &d->watch.alarms, .watch = &d->watch };

	if (now_us < d->watch.next_us || !(l.v = view_new(d)))
		return;
	l.v->now_us = now_us;
	d->watch.next_us = now_us + LOOK_EVERY_US;
	alarms_look(l.alarms);
	levels_look(&l);
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p))
		port_look(&l, p);
	node_dump_links(d->node, link_look, &l);
	frames_look(&l);
	self_look(&l);
	alarms_done(l.alarms, now_us, alarm_changed, d);
	view_free(l.v);
}

/* From within the node: only noted. */
void alarms_event(struct daemon *d, enum node_event event, unsigned link, const char *text)
{
	struct alarm_watch *w = &d->watch;

	if (event == NODE_NEIGHBOUR_DOWN && link < CONFIG_LINK_MAX)
		w->lost_us[link][w->lost_at[link]++ % ALARM_LOSSES] = io_now_us();
	if (event != NODE_REFUSED)
		return;
	w->refused++;
	w->refused_us = io_now_us();
	snprintf(w->refused_text, sizeof(w->refused_text), "refused%s%s: %s", link < CONFIG_LINK_MAX ? " on " : "",
		link < CONFIG_LINK_MAX ? d->config.links[link].name : "", text);
}
