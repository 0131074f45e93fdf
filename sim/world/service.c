/* Gathered when the world has ended: both ends of each flow, file and group meet here. */
#include "sim/world/service.h"

#include "sim/world/transfer.h"
#include "sim/world/voice.h"

#include <stdlib.h>

static struct service *service_at(
	struct service *rows, unsigned *count, const struct plan *p, unsigned site, enum plan_class class)
{
	for (unsigned i = 0; i < *count; i++)
		if (rows[i].site == site && rows[i].class == class)
			return &rows[i];
	struct service *s = &rows[(*count)++];

	*s = (struct service){ .site = site, .class = class };
	timeline_init(&s->asked, p);
	timeline_init(&s->came, p);
	return s;
}

static void flow_gather(struct service *s, const struct trial_flow *f)
{
	s->wanted += f->sent;
	s->got += f->received;
	for (unsigned i = 0; i < TIMELINE_STEPS; i++) {
		s->asked.counts[i] += f->said.counts[i];
		s->came.counts[i] += f->heard.counts[i];
	}
}

static void file_gather(struct service *s, const struct transfer *f)
{
	uint64_t whole_us = f->receiver.whole_us;

	s->files++;
	s->whole += whole_us != 0;
	if (whole_us && whole_us - WORLD_START_US - f->conf->start_us > s->slowest_us)
		s->slowest_us = whole_us - WORLD_START_US - f->conf->start_us;
	for (unsigned i = 0; i < TIMELINE_STEPS; i++) {
		bool is_over = whole_us && i * s->asked.step_us + WORLD_START_US > whole_us;

		s->asked.counts[i] += f->receiver.came.counts[i] > 0 || (f->sender.asked.counts[i] > 0 && !is_over);
		s->came.counts[i] += f->receiver.came.counts[i] > 0;
	}
}

static void voice_gather(struct service *s, const struct voice *v, unsigned listener)
{
	struct voice_outcome o = voice_outcome(v, listener, 0);

	s->wanted += o.wanted;
	s->got += o.in_time;
	for (unsigned i = 0; i < TIMELINE_STEPS; i++) {
		for (unsigned k = 0; k < v->conf->member_count; k++)
			s->asked.counts[i] += k != listener ? v->members[k].said.counts[i] : 0;
		s->came.counts[i] += v->members[listener].heard.counts[i];
	}
}

static int compare_services(const void *a, const void *b)
{
	const struct service *first = a, *second = b;

	if (first->site != second->site)
		return first->site < second->site ? -1 : 1;
	return (int)first->class - (int)second->class;
}

struct service *services_of(const struct trial *t, unsigned *count)
{
	const struct plan *p = t->plan;
	struct service *rows =
		world_alloc((p->flow_count + p->file_count + PLAN_MEMBERS_MAX * p->group_count + 1) * sizeof(*rows));

	*count = 0;
	for (unsigned i = 0; i < p->flow_count; i++)
		if (p->flows[i].to >= 0)
			flow_gather(
				service_at(rows, count, p, (unsigned)p->flows[i].to, p->flows[i].class), &t->flows[i]);
	for (unsigned i = 0; i < p->file_count; i++)
		file_gather(service_at(rows, count, p, p->files[i].to, p->files[i].class), &t->transfers[i]);
	for (unsigned i = 0; i < p->group_count; i++)
		for (unsigned k = 0; k < p->groups[i].member_count; k++)
			voice_gather(service_at(rows, count, p, p->groups[i].members[k], p->groups[i].class),
				&t->voices[i], k);
	qsort(rows, *count, sizeof(*rows), compare_services);
	return rows;
}

void service_outages(const struct service *s, uint64_t *longest_us, uint64_t *total_us)
{
	uint64_t spell_us = 0;

	*longest_us = *total_us = 0;
	for (unsigned i = 0; i < TIMELINE_STEPS; i++) {
		if (!s->asked.counts[i])
			continue;
		spell_us = s->came.counts[i] ? 0 : spell_us + s->asked.step_us;
		*total_us += s->came.counts[i] ? 0 : s->asked.step_us;
		*longest_us = spell_us > *longest_us ? spell_us : *longest_us;
	}
}
