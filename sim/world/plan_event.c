/* When a plan's orders come, once or again and again; and faults drawn from the seed. */
#include "sim/world/plan_read.h"

#include <errno.h>
#include <string.h>

bool plan_event_means_link(const struct plan *p, const struct plan_event *e, unsigned link)
{
	return e->kind ? p->links[link].preset == e->kind : link == e->object;
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
	if (text->until && event->until_us < event->at_us)
		return outline_complain(&r->outline, "events", e, "until",
			"until %.40s is before the first time; write a later one, or an earlier at:", text->until);
	if (!text->order)
		return outline_complain(
			&r->outline, "events", e, "at", "an event needs what to do; write do: cut LINK");
	event->text = strdup(text->order);
	if (!event->text)
		return outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
	r->plan->event_count++;
	return plan_order_read(r, e);
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
