/* What a plan expects. */
#include "sim/world/plan_read.h"

#include "meshd/node/outage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_US 100000

/* A picture that shows whether pictures get through. */
static void picture_add(struct plan_reading *r, int i, struct plan_expect *e)
{
	struct plan_file *f = &r->plan->files[r->plan->file_count];

	snprintf(f->name, sizeof(f->name), "picture-%d", i + 1);
	f->class = PLAN_BULK;
	f->from = e->from;
	f->to = e->to;
	f->start_us = e->after_us;
	f->size = PLAN_PICTURE_BYTES;
	e->file = r->plan->file_count++;
}

/* A time that begins at `after` and is over with the plan at the latest. */
static int within_read(struct plan_reading *r, int i, const char *after, const char *within, struct plan_expect *e)
{
	uint64_t within_us = 0;
	int error = plan_time_read(r, "expect", i, after, &e->after_us);

	if (!error)
		error = plan_time_read(r, "expect", i, within, &within_us);
	if (error)
		return error;
	if (!within_us || e->after_us + within_us > r->plan->duration_us)
		return outline_complain(&r->outline, "expect", i, NULL,
			"%s needs a time that ends with the plan at the latest; write within: 10",
			plan_measure_name(e->measure));
	e->at_most = (double)within_us / 1e6;
	return 0;
}

static int reach_read(struct plan_reading *r, int i, const struct plan_text_reach *text, struct plan_expect *e)
{
	int error = plan_node_name_read(r, "expect", i, text->from, &e->from);

	e->every_us = EVERY_US;
	if (!error)
		error = plan_node_name_read(r, "expect", i, text->to, &e->to);
	if (!error)
		error = plan_class_read(r, "expect", i, text->class, &e->class);
	if (!error)
		error = plan_time_read(r, "expect", i, text->every, &e->every_us);
	if (!error)
		error = within_read(r, i, text->after, text->within, e);
	if (error)
		return error;
	if (!e->every_us)
		return outline_complain(&r->outline, "expect", i, NULL,
			"reach asks again and again, and not all the time; write every: 0.1, or leave it out");
	if (e->from == e->to)
		return outline_complain(
			&r->outline, "expect", i, NULL, "reach is from a node to another one; name two");
	if (e->class == PLAN_BULK)
		picture_add(r, i, e);
	return 0;
}

static int file_find(const struct plan_reading *r, const char *name)
{
	for (unsigned i = 0; i < r->text->files_count; i++)
		if (strcmp(r->plan->files[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int arrives_read(struct plan_reading *r, int i, const struct plan_text_arrives *text, struct plan_expect *e)
{
	int found = text->file ? file_find(r, text->file) : -1;
	uint64_t within_us = 0;

	if (found < 0)
		return outline_complain(&r->outline, "expect", i, NULL,
			"arrives: there is no file \"%.40s\"; name one of files:", text->file ? text->file : "");
	int error = plan_time_read(r, "expect", i, text->within, &within_us);
	if (error)
		return error;
	e->from = (unsigned)found;
	e->after_us = r->plan->files[found].start_us;
	e->at_most = (double)within_us / 1e6;
	if (within_us && e->after_us + within_us <= r->plan->duration_us)
		return 0;
	return outline_complain(&r->outline, "expect", i, NULL,
		"arrives needs a time from the file's start that ends with the plan at the latest; write within: 600");
}

static int group_find(const struct plan *p, const char *name)
{
	for (unsigned i = 0; i < p->group_count; i++)
		if (strcmp(p->groups[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int flow_find(const struct plan *p, const char *name)
{
	for (unsigned i = 0; i < p->flow_count; i++)
		if (strcmp(p->flows[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* "5 %", "5%", "4.6" (seconds) or a number, as the measure has it. */
static int limit_value_read(struct plan_reading *r, int i, enum plan_measure measure, const char *text, double *value)
{
	char *end = NULL;
	uint64_t us;

	if (text && measure == PLAN_GAP) {
		if (link_duration_parse(&us, text))
			text = NULL;
		else
			*value = (double)us / 1e6;
	} else if (text) {
		*value = strtod(text, &end);
		end += strspn(end, " ");
		if (text[0] < '0' || text[0] > '9' || strcmp(end, measure == PLAN_MOVES ? "" : "%") != 0)
			text = NULL;
		if (measure != PLAN_MOVES)
			*value /= 100;
	}
	if (text)
		return 0;
	return outline_complain(&r->outline, "expect", i, NULL, "%s needs its limit; write at most: %s",
		plan_measure_name(measure),
		measure == PLAN_GAP     ? "5 (seconds)"
		: measure == PLAN_MOVES ? "10"
					: "5%");
}

static int limit_read(struct plan_reading *r, int i, enum plan_measure measure, const struct plan_text_limit *text,
	struct plan_expect *e)
{
	const char *what = text->what ? text->what : "";
	int found = measure == PLAN_MOVES    ? plan_find_node(r->plan, what, strlen(what))
		    : measure == PLAN_USABLE ? group_find(r->plan, what)
					     : flow_find(r->plan, what);

	if (found < 0)
		return outline_complain(&r->outline, "expect", i, NULL, "%s: there is no %s \"%.40s\"; name one",
			plan_measure_name(measure),
			measure == PLAN_MOVES    ? "node"
			: measure == PLAN_USABLE ? "group"
						 : "flow",
			what);
	e->from = (unsigned)found;
	int error = limit_value_read(r, i, measure, text->at_most, &e->at_most);
	return error ? error : plan_time_read(r, "expect", i, text->after, &e->after_us);
}

/* Of one link, or of each of a kind. */
static int share_read(struct plan_reading *r, int i, const struct plan_text_share *text, struct plan_expect *e)
{
	int found = text->link ? plan_find_link(r->plan, text->link, strlen(text->link)) : -1;

	if (!text->link == !text->kind)
		return outline_complain(&r->outline, "expect", i, NULL,
			"share is of one link or of a kind; write link: NAME or kind: thin");
	if (text->link && found < 0)
		return outline_complain(
			&r->outline, "expect", i, NULL, "share: there is no link \"%.40s\"; name one", text->link);
	e->from = (unsigned)found;
	e->is_thin = text->kind && strcmp(text->kind, "thin") == 0;
	e->kind = text->kind ? link_preset_find(text->kind) : NULL;
	if (text->kind && !e->is_thin && !e->kind)
		return outline_complain(&r->outline, "expect", i, NULL,
			"share: there is no kind \"%.40s\"; write thin or one of %s", text->kind, link_preset_names());
	int error = limit_value_read(r, i, PLAN_SHARE, text->at_most, &e->at_most);
	if (!error)
		error = plan_time_read(r, "expect", i, text->after, &e->after_us);
	if (!error)
		error = plan_time_read(r, "expect", i, text->over, &e->over_us);
	if (!error && e->over_us && (!text->link || e->after_us + e->over_us > r->plan->duration_us))
		return outline_complain(&r->outline, "expect", i, NULL,
			"share: a mean is of one link, over a time that ends with the plan at the latest; write link: "
			"NAME, "
			"over: 1h");
	return error;
}

/* Bytes with all headers. */
static int carried_read(struct plan_reading *r, int i, const struct plan_text_carried *text, struct plan_expect *e)
{
	int found = text->link ? plan_find_link(r->plan, text->link, strlen(text->link)) : -1;
	char *end = NULL;

	if (found >= 0 && text->class && text->at_most)
		e->at_most = strtod(text->at_most, &end);
	if (!end || end == text->at_most || *end || e->at_most < 0)
		return outline_complain(&r->outline, "expect", i, NULL,
			"carried is of a link and a class, in bytes; write carried: {link: NAME, class: bulk, at most: "
			"0}");
	e->from = (unsigned)found;
	return plan_class_read(r, "expect", i, text->class, &e->class);
}

static int whole_read(struct plan_reading *r, int i, const struct plan_text_whole *text, struct plan_expect *e)
{
	int error = plan_class_read(r, "expect", i, text->class, &e->class);

	return error ? error : within_read(r, i, text->after, text->within, e);
}

/* By all that links which admit the class join to a node. */
static int revoked_read(struct plan_reading *r, int i, const struct plan_text_revoked *text, struct plan_expect *e)
{
	int error = plan_node_name_read(r, "expect", i, text->node, &e->from);

	if (!error && text->at)
		error = plan_node_name_read(r, "expect", i, text->at, &e->to);
	if (!error)
		error = plan_class_read(r, "expect", i, text->class, &e->class);
	return error ? error : within_read(r, i, text->after, text->within, e);
}

static int mark_find(const char *text)
{
	if (text && strcmp(text, "start") == 0)
		return OUTAGE_MARKS;
	for (int i = 0; text && i < OUTAGE_MARKS; i++)
		if (strcmp(text, outage_mark_name((enum outage_mark)i)) == 0)
			return i;
	return -1;
}

static bool is_watched(const struct plan_node *node, unsigned site)
{
	for (unsigned i = 0; i < node->watch_count; i++)
		if (node->watch[i] == site)
			return true;
	return false;
}

/* Of the first outage that begins from `after` on; of the one that a node begins with, without. */
static int outage_read(struct plan_reading *r, int i, const struct plan_text_outage *text, struct plan_expect *e)
{
	int error = plan_node_name_read(r, "expect", i, text->node, &e->from), mark = mark_find(text->mark);
	uint64_t least_us = 0, within_us = 0;
	bool is_never = text->within && strcmp(text->within, "never") == 0;

	if (!error)
		error = plan_node_name_read(r, "expect", i, text->site, &e->to);
	if (!error)
		error = plan_time_read(r, "expect", i, text->after, &e->after_us);
	if (!error)
		error = plan_time_read(r, "expect", i, text->at_least, &least_us);
	if (!error && !is_never)
		error = plan_time_read(r, "expect", i, text->within, &within_us);
	if (error)
		return error;
	if (mark < 0 || (!is_never && !within_us))
		return outline_complain(&r->outline, "expect", i, NULL,
			"outage needs a mark and a time; write mark: start, contact, text, voice, picture or restored, "
			"and within: 30 (or never)");
	if (!is_watched(&r->plan->nodes[e->from], e->to))
		return outline_complain(&r->outline, "expect", i, NULL,
			"outage: \"%s\" does not watch \"%s\"; write watch: [%s] at that node", text->node, text->site,
			text->site);
	e->mark = (unsigned)mark;
	e->at_least = (double)least_us / 1e6;
	e->at_most = is_never ? -1 : (double)within_us / 1e6;
	return 0;
}

static int delivered_read(struct plan_reading *r, int i, const struct plan_text_delivered *text, struct plan_expect *e)
{
	int error = plan_node_name_read(r, "expect", i, text->from, &e->from);

	if (!error)
		error = plan_node_name_read(r, "expect", i, text->to, &e->to);
	return error ? error : within_read(r, i, text->after, text->within, e);
}

int plan_expect_read(struct plan_reading *r, int i)
{
	const struct plan_text_expect *text = &r->text->expect[i];
	struct plan_expect *e = &r->plan->expect[i];
	const void *given[] = {
		[PLAN_REACH] = text->reach,
		[PLAN_GAP] = text->gap,
		[PLAN_LOST] = text->lost,
		[PLAN_FALLEN] = text->fallen,
		[PLAN_SHARE] = text->share,
		[PLAN_MOVES] = text->moves,
		[PLAN_WHOLE] = text->whole,
		[PLAN_ARRIVES] = text->arrives,
		[PLAN_USABLE] = text->usable,
		[PLAN_CARRIED] = text->carried,
		[PLAN_SESSIONS] = text->sessions,
		[PLAN_ENTRIES] = text->entries,
		[PLAN_ROUTED] = text->routed,
		[PLAN_RELAYED] = text->relayed,
		[PLAN_FLOOR] = text->floor,
		[PLAN_REVOKED] = text->revoked,
		[PLAN_DELIVERED] = text->delivered,
		[PLAN_KNOWN] = text->known,
		[PLAN_OUTAGE] = text->outage,
	};
	unsigned count = 0;

	for (unsigned k = 0; k < sizeof(given) / sizeof(given[0]); k++) {
		count += given[k] != NULL;
		e->measure = given[k] ? k : e->measure;
	}
	if (count != 1)
		return outline_complain(&r->outline, "expect", i, NULL,
			"an expectation is one of reach, gap, lost, fallen, share, moves, whole, arrives, usable, "
			"carried, sessions, entries, routed, relayed, floor, revoked, known, outage, delivered; write "
			"each in a line of its own");
	r->plan->expect_count++;
	switch (e->measure) {
	case PLAN_REACH:
		return reach_read(r, i, text->reach, e);
	case PLAN_SHARE:
		return share_read(r, i, text->share, e);
	case PLAN_WHOLE:
		return whole_read(r, i, text->whole, e);
	case PLAN_REVOKED:
	case PLAN_KNOWN:
		return revoked_read(r, i, given[e->measure], e);
	case PLAN_OUTAGE:
		return outage_read(r, i, text->outage, e);
	case PLAN_DELIVERED:
		return delivered_read(r, i, text->delivered, e);
	case PLAN_CARRIED:
		return carried_read(r, i, text->carried, e);
	case PLAN_ARRIVES:
		return arrives_read(r, i, text->arrives, e);
	case PLAN_SESSIONS:
	case PLAN_ENTRIES:
	case PLAN_ROUTED:
	case PLAN_RELAYED:
	case PLAN_FLOOR:
		return plan_guard_read(r, i, given[e->measure]);
	case PLAN_GAP:
	case PLAN_LOST:
	case PLAN_FALLEN:
	case PLAN_MOVES:
	case PLAN_USABLE:
		return limit_read(r, i, e->measure, given[e->measure], e);
	}
	return -EINVAL;
}
