/* Orders of a plan, "cut fibre0" or "power-off town", once or again and again; and faults drawn from the seed. */
#include "sim/world/plan_read.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	enum plan_verb verb;
	bool is_node;
} verbs[] = {
	{ "cut", PLAN_CUT, false },
	{ "silence", PLAN_SILENCE, false },
	{ "restore", PLAN_RESTORE, false },
	{ "set", PLAN_SET, false },
	{ "power-off", PLAN_POWER_OFF, true },
	{ "power-on", PLAN_POWER_ON, true },
	{ "wipe", PLAN_WIPE, true },
	{ "rebind", PLAN_REBIND, true },
	{ "stall", PLAN_STALL, true },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))
#define VERB_NAMES "cut, silence, restore, set, power-off, power-on, wipe, rebind, stall"

static int order_read(struct plan_reading *r, int e, struct plan_event *event)
{
	const char *text = event->text;
	size_t len = strcspn(text, " "), v = 0;
	const char *object = text + len + strspn(text + len, " ");
	size_t object_len = strcspn(object, " ");
	const char *rest = object + object_len + strspn(object + object_len, " ");
	char complaint[LINK_COMPLAINT_MAX];

	while (v < VERBS && (strlen(verbs[v].name) != len || memcmp(verbs[v].name, text, len) != 0))
		v++;
	if (v == VERBS)
		return outline_complain(&r->outline, "events", e, "do",
			"\"%.*s\" is not an order; known are " VERB_NAMES, (int)(len < 40 ? len : 40), text);
	event->verb = verbs[v].verb;
	int found = verbs[v].is_node ? plan_find_node(r->plan, object, object_len)
				     : plan_find_link(r->plan, object, object_len);
	if (found < 0)
		return outline_complain(&r->outline, "events", e, "do", "there is no %s \"%.*s\"; name one of %s",
			verbs[v].is_node ? "node" : "link", (int)(object_len < 40 ? object_len : 40), object,
			verbs[v].is_node ? "nodes:" : "links:");
	event->object = (unsigned)found;
	event->settings = rest;
	if (event->verb == PLAN_STALL && (link_duration_parse(&event->stall_us, rest) || !event->stall_us))
		return outline_complain(
			&r->outline, "events", e, "do", "\"%.40s\" is not how long; write stall NODE 3s", rest);
	if (event->verb != PLAN_SET && event->verb != PLAN_STALL && *rest)
		return outline_complain(
			&r->outline, "events", e, "do", "\"%.40s\" is too much; an order is a verb and a name", rest);
	if (event->verb == PLAN_SET) {
		struct link_params params[2];

		memcpy(params, r->plan->links[found].params, sizeof(params));
		if (order_settings(params, rest, complaint))
			return outline_complain(&r->outline, "events", e, "do", "%s", complaint);
	}
	return 0;
}

int plan_event_read(struct plan_reading *r, int e)
{
	const struct plan_text_event *text = &r->text->events[e];
	struct plan_event *event = &r->plan->events[e];

	if (!text->at || link_duration_parse(&event->at_us, text->at))
		return outline_complain(&r->outline, "events", e, "at",
			"an event needs its time after the start; write at: 12.5 (seconds)");
	if (event->at_us >= r->plan->duration_us)
		return outline_complain(&r->outline, "events", e, "at",
			"at %.40s everything is over; write for: with a longer time, or an earlier event", text->at);
	if (text->every && (link_duration_parse(&event->every_us, text->every) || !event->every_us))
		return outline_complain(
			&r->outline, "events", e, "every", "\"%.40s\" is not a time; write every: 4", text->every);
	event->until_us = r->plan->duration_us;
	if (text->until && (link_duration_parse(&event->until_us, text->until) || !text->every))
		return outline_complain(&r->outline, "events", e, "until",
			"until needs a time and an every; write every: 4, until: 60");
	if (!text->order)
		return outline_complain(
			&r->outline, "events", e, "at", "an event needs what to do; write do: cut LINK");
	event->text = strdup(text->order);
	if (!event->text)
		return outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
	r->plan->event_count++;
	return order_read(r, e, event);
}

int plan_faults_read(struct plan_reading *r)
{
	const struct plan_text_faults *text = r->text->faults;
	struct plan_faults *f = &r->plan->faults;

	if (!text)
		return 0;
	if (!text->every || link_duration_parse(&f->every_us, text->every) || !f->every_us || !text->until ||
		link_duration_parse(&f->until_us, text->until) ||
		(text->from && link_duration_parse(&f->from_us, text->from)))
		return outline_complain(&r->outline, "faults", -1, NULL,
			"faults need times; write faults: {from: 10, until: 60, every: 2}");
	f->power = text->power && strcmp(text->power, "yes") == 0;
	if (text->power && !f->power && strcmp(text->power, "no") != 0)
		return outline_complain(
			&r->outline, "faults", -1, NULL, "power is yes or no, not \"%.40s\"", text->power);
	return 0;
}
