/* What a plan measures and what it expects. */
#include "sim/world/plan_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 72 /* IPv6, UDP, and what a probe says */
#define SIZE_MAX_BYTES 1280
#define EVERY_US 100000

static int time_read(struct plan_reading *r, const char *section, int i, const char *text, uint64_t *us)
{
	if (!text || link_duration_parse(us, text) == 0)
		return 0;
	return outline_complain(
		&r->outline, section, i, NULL, "\"%.40s\" is not a time; write 12.5 (seconds) or 100ms", text);
}

static int node_name_read(struct plan_reading *r, const char *section, int i, const char *text, unsigned *node)
{
	int found = text ? plan_find_node(r->plan, text, strlen(text)) : -1;

	*node = (unsigned)found;
	if (found >= 0)
		return 0;
	return outline_complain(
		&r->outline, section, i, NULL, "there is no node \"%.40s\"; name one of nodes:", text ? text : "");
}

static int flow_target_read(struct plan_reading *r, int i, const struct plan_text_flow *text, struct plan_flow *f)
{
	f->to = text->to ? plan_find_node(r->plan, text->to, strlen(text->to)) : -1;
	if (f->to >= 0)
		return 0;
	if (text->to && address_parse(&f->address, text->to) == 0 && f->address.family == FAMILY_IPV6)
		return 0;
	return outline_complain(&r->outline, "flows", i, "to",
		"flow \"%s\": \"%.40s\" is neither a node nor an IPv6 address; name one of nodes:, or write fd09::1",
		f->name, text->to ? text->to : "");
}

int plan_flow_read(struct plan_reading *r, int i)
{
	const struct plan_text_flow *text = &r->text->flows[i];
	struct plan_flow *f = &r->plan->flows[i];

	if (!plan_name_is_good(text->name, PLAN_NAME_MAX))
		return outline_complain(
			&r->outline, "flows", i, "name", "a flow needs a name of 1 to 31 letters, digits, . _ or -");
	snprintf(f->name, sizeof(f->name), "%s", text->name);
	r->plan->flow_count++;
	f->every_us = EVERY_US;
	f->end_us = r->plan->duration_us > 1000000 ? r->plan->duration_us - 1000000 : r->plan->duration_us;
	f->size = SIZE_MIN;
	int error = node_name_read(r, "flows", i, text->from, &f->from);
	if (!error)
		error = flow_target_read(r, i, text, f);
	if (!error)
		error = time_read(r, "flows", i, text->start, &f->start_us);
	if (!error)
		error = time_read(r, "flows", i, text->end, &f->end_us);
	if (!error)
		error = time_read(r, "flows", i, text->every, &f->every_us);
	if (!error && text->size)
		f->size = (unsigned)strtoul(text->size, NULL, 10);
	if (!error && (f->size < SIZE_MIN || f->size > SIZE_MAX_BYTES))
		return outline_complain(&r->outline, "flows", i, "size",
			"flow \"%s\": packets have %d to %d bytes; write size: 200", f->name, SIZE_MIN, SIZE_MAX_BYTES);
	if (!error && (!f->every_us || f->start_us >= f->end_us || f->end_us > r->plan->duration_us))
		return outline_complain(&r->outline, "flows", i, NULL,
			"flow \"%s\": it must start before it ends, and end with the plan at the latest", f->name);
	return error;
}

static int reach_read(struct plan_reading *r, int i, const struct plan_text_reach *text, struct plan_expect *e)
{
	uint64_t within_us = 0;
	int error = node_name_read(r, "expect", i, text->from, &e->from);

	e->every_us = EVERY_US;
	if (!error)
		error = node_name_read(r, "expect", i, text->to, &e->to);
	if (!error)
		error = time_read(r, "expect", i, text->after, &e->after_us);
	if (!error)
		error = time_read(r, "expect", i, text->every, &e->every_us);
	if (!error)
		error = time_read(r, "expect", i, text->within, &within_us);
	if (!error && (!within_us || !e->every_us || e->after_us + within_us > r->plan->duration_us))
		return outline_complain(&r->outline, "expect", i, NULL,
			"reach needs a time that ends with the plan at the latest; write within: 10");
	e->at_most = (double)within_us / 1e6;
	return error;
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
	int found = measure == PLAN_SHARE   ? plan_find_link(r->plan, what, strlen(what))
		    : measure == PLAN_MOVES ? plan_find_node(r->plan, what, strlen(what))
					    : flow_find(r->plan, what);

	if (found < 0)
		return outline_complain(&r->outline, "expect", i, NULL, "%s: there is no %s \"%.40s\"; name one",
			plan_measure_name(measure),
			measure == PLAN_SHARE   ? "link"
			: measure == PLAN_MOVES ? "node"
						: "flow",
			what);
	e->from = (unsigned)found;
	int error = limit_value_read(r, i, measure, text->at_most, &e->at_most);
	return error ? error : time_read(r, "expect", i, text->after, &e->after_us);
}

static int whole_read(struct plan_reading *r, int i, const struct plan_text_whole *text, struct plan_expect *e)
{
	uint64_t within_us = 0;
	int error = time_read(r, "expect", i, text->after, &e->after_us);

	if (!error)
		error = time_read(r, "expect", i, text->within, &within_us);
	if (!error && (!within_us || e->after_us + within_us > r->plan->duration_us))
		return outline_complain(&r->outline, "expect", i, NULL,
			"whole needs a time that ends with the plan at the latest; write within: 10");
	e->at_most = (double)within_us / 1e6;
	return error;
}

int plan_expect_read(struct plan_reading *r, int i)
{
	const struct plan_text_expect *text = &r->text->expect[i];
	const struct plan_text_limit *limits[] = { text->gap, text->lost, text->share, text->moves };
	struct plan_expect *e = &r->plan->expect[i];
	unsigned given = (text->reach != NULL) + (text->whole != NULL);
	unsigned limit = 4;

	for (unsigned k = 0; k < 4; k++) {
		given += limits[k] != NULL;
		if (limits[k])
			limit = k;
	}
	if (given != 1)
		return outline_complain(&r->outline, "expect", i, NULL,
			"an expectation is one of reach, gap, lost, share, moves, whole; write each in a line of its "
			"own");
	r->plan->expect_count++;
	e->measure = text->reach ? PLAN_REACH : text->whole ? PLAN_WHOLE : PLAN_GAP + limit;
	if (text->reach)
		return reach_read(r, i, text->reach, e);
	return text->whole ? whole_read(r, i, text->whole, e) : limit_read(r, i, e->measure, limits[limit], e);
}
