/*
 * Looks at everything every few seconds, and says what is wrong to the table of
 * alarms (meshd/node/alarm.h), which decides what is told. What is wrong and what
 * to do about it are sentences that can be read out over the radio.
 */
#include "meshd/io/alarm_look.h"
#include "meshd/io/incident.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECENT_US (60 * SECOND_US)

void look_see(struct looker *l, enum alarm_kind kind, const char *subject, const char *group, const char *action,
	const char *format, ...)
{
	char text[ALARM_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	alarm_see(&l->watch->alarms, l->v->now_us, kind, subject, group, text, action);
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
		look_see(l, ALARM_POST, c->name, level_name(c->level),
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
			look_see(l, ALARM_LEVEL, level_name((enum level)i), "",
				"look at the links that lead there (meshctl links); raise an antenna, or move a relay",
				"no %s node can be reached, %u known", level_name((enum level)i), l->known[i]);
}

/* --- what hangs on one path, and on one network ------------------------------------------------- */

static void hang_see(void *arg, const char *neighbour, const char *what, const char *action)
{
	look_see(arg, ALARM_PATH, neighbour, "", action, "%s now, and did not before", what);
}

struct network {
	struct prefix prefix;
	const struct certificate *of;
};

/* A wider one before what lies within it. */
static int network_compare(const void *a, const void *b)
{
	return prefix_compare(&((const struct network *)a)->prefix, &((const struct network *)b)->prefix);
}

/* Gateways may announce what others have as well; and everybody may have everything. */
static size_t networks_take(const struct view *v, const struct certificate *c, struct network *all, size_t count)
{
	if (!c->prefix_count || c->roles & ROLE_GATEWAY)
		return count;
	struct prefix host = prefix_of_host(view_address_of(v, c));
	if (!view_is_own(v, c) && !view_selected(v, &host, BABEL_TEXT))
		return count;
	for (unsigned i = 0; i < c->prefix_count; i++)
		if (c->prefixes[i].plen)
			all[count++] = (struct network){ c->prefixes[i], c };
	return count;
}

static void networks_compare(struct looker *l, struct network *all, size_t count)
{
	const struct network *wide = all;
	char text[PREFIX_TEXT];

	if (count)
		qsort(all, count, sizeof(*all), network_compare);
	for (size_t i = 1; i < count; i++) {
		const struct network *other = &all[i];

		if (!prefix_contains(&wide->prefix, &other->prefix))
			wide = other;
		if (wide->of == other->of)
			continue;
		prefix_format(&other->prefix, text);
		look_see(l, ALARM_PREFIX, text, "",
			"one of the two LANs needs another network: enrol that node again with it",
			"\"%s\" and \"%s\" both have the network %s", wide->of->name, other->of->name, text);
	}
}

static void networks_look(struct looker *l)
{
	const struct view *v = l->v;
	struct network *all = calloc(v->member_count * CERTIFICATE_PREFIX_MAX + 1, sizeof(*all));
	size_t count = 0;

	for (size_t i = 0; all && i < v->member_count; i++)
		if (view_counts(&v->members[i]))
			count = networks_take(v, v->members[i].certificate, all, count);
	if (all)
		networks_compare(l, all, count);
	free(all);
}

/* --- this node --------------------------------------------------------------------------------------------- */

/* "3 hours" */
static const char *apart_words(int64_t s, char text[32])
{
	int64_t minutes = llabs(s) / 60;

	if (minutes < 120)
		snprintf(text, 32, "%d min", (int)minutes);
	else if (minutes < 48 * 60)
		snprintf(text, 32, "%d hours", (int)(minutes / 60));
	else
		snprintf(text, 32, "%lld days", (long long)(minutes / (24 * 60)));
	return text;
}

static const char *day_words(int64_t date_s, char text[32])
{
	time_t then = (time_t)date_s;
	struct tm day;

	if (!gmtime_r(&then, &day) || !strftime(text, 32, "%Y-%m-%d", &day))
		snprintf(text, 32, "?");
	return text;
}

static void clock_look(struct looker *l)
{
	struct node_clock clock = node_clock(l->v->node, l->v->now_us);
	const char *side = clock.ahead_s > 0 ? "ahead of" : "behind";
	char text[32];

	if (clock.state == NODE_CLOCK_UNSET)
		look_see(l, ALARM_CLOCK, "", "", "set it, or give it GNSS; only the times in reports depend on it",
			"this node's clock is not set: it says %s", day_words(clock.date_s, text));
	else if (clock.state == NODE_CLOCK_PAST)
		look_see(l, ALARM_CLOCK, "", "", "set the clock; or, if it is right, enrol this node again",
			"this node's clock says %s, when its certificate has ended", day_words(clock.date_s, text));
	else if (clock.state == NODE_CLOCK_APART)
		look_see(l, ALARM_CLOCK, "", "",
			"find out which is right, and set it; only the times in reports depend on it",
			"this node's clock is %s %s those of %u of %u neighbours", apart_words(clock.ahead_s, text),
			side, clock.apart, clock.witnesses);
}

static void self_look(struct looker *l)
{
	const struct daemon *d = l->v->d;
	uint64_t now_us = l->v->now_us;

	if (d->applicant)
		look_see(l, ALARM_ALONE, "", "", "bring what \"meshctl request\" shows to who has the authority's key",
			"this machine has no certificate yet");
	else if (!view_neighbours_all(l->v))
		look_see(l, ALARM_ALONE, "", "",
			"switch on a second node; check power, antennas and cables: meshctl links",
			"no other node is in contact");
	if (node_has_duplicate(d->node))
		look_see(l, ALARM_DUPLICATE, "", "",
			"find that machine and switch it off, or enrol it under its own name",
			"another machine runs with this node's keys");
	if (!d->state.is_writable)
		look_see(l, ALARM_STATE, "", "", d->state.error == ENOSPC ? "free some space" : "make it writable",
			"%s cannot be written: %s", d->config.state_dir, strerror(d->state.error));
	if (d->route_refused_us && now_us - d->route_refused_us < RECENT_US)
		look_see(
			l, ALARM_KERNEL, "", "", "see meshctl events for kernel-refused", "the kernel refused a route");
	clock_look(l);
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
	struct looker l = { .watch = &d->watch };

	if (now_us < d->watch.next_us || !(l.v = view_new(d)))
		return;
	l.v->now_us = now_us;
	d->watch.next_us = now_us + ALARM_LOOK_US;
	node_clock_set(d->node, now_us, io_date_s());
	alarms_look(&d->watch.alarms);
	levels_look(&l);
	hangs_look(l.v, &d->watch.spares, hang_see, &l);
	networks_look(&l);
	alarm_links_look(&l);
	alarm_messages_look(&l);
	self_look(&l);
	alarms_done(&d->watch.alarms, now_us, alarm_changed, d);
	view_free(l.v);
}
