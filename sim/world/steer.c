/* Orders of the plan in their time, and faults drawn from the world's seed. */
#include "sim/world/record.h"
#include "sim/world/trial.h"

#include "sim/scenario.h"

#include <string.h>

static void link_set(struct segment *g, const char *settings)
{
	char complaint[LINK_COMPLAINT_MAX];
	struct link_params params[2];

	memcpy(params, g->params, sizeof(params));
	if (order_settings(params, settings, complaint) == 0)
		segment_set_params(g, params);
}

static void rebind(struct station *s)
{
	for (unsigned i = 0; i < s->w->segment_count; i++)
		segment_forget_flows(s->w->segments[i], s);
}

/* Its memory fails; each digest that did must be found out. */
static void damage(struct station *s)
{
	s->damages += s->node ? node_damage(s->node) : 0;
}

/* Another device in the old one's place, with the old one's name. */
static void replace(struct trial *t, unsigned node)
{
	struct station *s = t->world->stations[node];
	bool power = s->node;

	station_power_off(s);
	station_replace(s);
	if (power)
		station_power_on(s);
}

static void arrive(struct trial *t, const struct plan_event *e)
{
	if (e->has_place)
		trial_move(t, e->object, &e->move);
	trial_power_on(t, e->object);
}

static void links_obey(struct trial *t, const struct plan_event *e)
{
	static const enum link_state states[] = {
		[PLAN_CUT] = LINK_CUT,
		[PLAN_SILENCE] = LINK_SILENT,
		[PLAN_RESTORE] = LINK_UP,
	};

	for (unsigned l = 0; l < t->plan->link_count; l++) {
		struct segment *g = t->world->segments[l];

		if (!plan_event_means_link(t->plan, e, l))
			continue;
		if (e->verb == PLAN_SET)
			link_set(g, e->settings);
		else
			segment_set_state(g, states[e->verb]);
	}
}

static void obey(struct trial_event *event)
{
	const struct plan_event *e = event->conf;
	struct trial *t = event->trial;
	struct world *w = t->world;

	switch (e->verb) {
	case PLAN_CUT:
	case PLAN_SILENCE:
	case PLAN_RESTORE:
	case PLAN_SET:
		links_obey(t, e);
		break;
	case PLAN_POWER_OFF:
		trial_power_off(t, e->object);
		break;
	case PLAN_POWER_ON:
		trial_power_on(t, e->object);
		break;
	case PLAN_MAINS_OFF:
	case PLAN_MAINS_ON:
		trial_set_mains(t, e->object, e->verb == PLAN_MAINS_ON);
		break;
	case PLAN_ARRIVE:
		arrive(t, e);
		break;
	case PLAN_LEAVE:
		trial_leave(t, e->object);
		break;
	case PLAN_MOVE:
		trial_move(t, e->object, &e->move);
		break;
	case PLAN_REPLACE:
		replace(t, e->object);
		break;
	case PLAN_CLOCK:
		station_set_clock(w->stations[e->object], e->clock_min, e->clock_is_trusted);
		break;
	case PLAN_JAM:
		trial_jam(event);
		break;
	case PLAN_WIPE:
		station_wipe(w->stations[e->object]);
		break;
	case PLAN_STALL:
		w->stations[e->object]->stalled_until_us = w->now_us + e->stall_us;
		break;
	case PLAN_REBIND:
		rebind(w->stations[e->object]);
		break;
	case PLAN_REVOKE:
		trial_revoke(t, e);
		break;
	case PLAN_WRITE:
		trial_write(t, e);
		break;
	case PLAN_DAMAGE:
		damage(w->stations[e->object]);
		break;
	}
}

static void event_due(struct timer *timer, uint64_t now_us)
{
	struct trial_event *e = container_of(timer, struct trial_event, timer);
	struct world *w = e->trial->world;

	world_note(w, 'O', (unsigned)e->conf->verb, e->conf->object, bytes_of(e->conf->text, strlen(e->conf->text)));
	if (e->trial->log)
		fprintf(e->trial->log, "%12.6f %s\n", (double)world_time_us(w) / 1e6, e->conf->text);
	obey(e);
	if (e->trial->record)
		record_look(e->trial->record);
	uint64_t next_us = now_us + e->conf->every_us;
	if (e->conf->every_us && next_us <= WORLD_START_US + e->conf->until_us)
		timer_set(&w->heap, timer, next_us);
}

/* A link or a node changes for the worse, or comes back. */
static void fault_draw(struct trial *t)
{
	struct world *w = t->world;

	if (t->plan->faults.power && prng_below(&w->prng, 4) == 0) {
		struct station *s = w->stations[prng_below(&w->prng, w->station_count)];

		world_note(w, 'X', s->index, s->node != NULL, bytes_of(NULL, 0));
		if (s->node)
			trial_power_off(t, s->index);
		else
			trial_power_on(t, s->index);
	} else if (w->segment_count) {
		struct segment *g = w->segments[prng_below(&w->prng, w->segment_count)];
		enum link_state worse = prng_below(&w->prng, 2) ? LINK_CUT : LINK_SILENT;

		world_note(w, 'X', g->index, worse, bytes_of(NULL, 0));
		segment_set_state(g, g->model.state == LINK_UP ? worse : LINK_UP);
	}
}

static void faults_mend(struct trial *t)
{
	for (unsigned i = 0; i < t->world->segment_count; i++)
		segment_set_state(t->world->segments[i], t->plan->links[i].state);
	for (unsigned i = 0; i < t->world->station_count; i++)
		if (t->plan->nodes[i].power)
			trial_power_on(t, i);
}

static void faults_due(struct timer *timer, uint64_t now_us)
{
	struct trial *t = container_of(timer, struct trial, faults);

	if (now_us >= WORLD_START_US + t->plan->faults.until_us) {
		faults_mend(t);
	} else {
		fault_draw(t);
		timer_set(&t->world->heap, timer, now_us + t->plan->faults.every_us);
	}
	if (t->record)
		record_look(t->record);
}

void trial_steer_init(struct trial *t)
{
	for (unsigned i = 0; i < t->plan->event_count; i++) {
		struct trial_event *e = &t->events[i];

		timer_init(&e->timer, event_due);
		e->trial = t;
		e->conf = &t->plan->events[i];
		timer_set(&t->world->heap, &e->timer, WORLD_START_US + e->conf->at_us);
	}
	timer_init(&t->faults, faults_due);
	if (t->plan->faults.every_us)
		timer_set(&t->world->heap, &t->faults, WORLD_START_US + t->plan->faults.from_us);
}
