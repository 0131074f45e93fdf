/*
 * What nodes live on. A battery drains while its node runs without mains, and
 * charges as fast while there are mains; empty, it takes the node with it.
 *
 *   on mains ── mains-off ──► on battery ── empty ──► starved
 *      ▲                          │                      │
 *      └──────── mains-on ────────┴──────────────────────┘
 *
 * A node without a battery starves at once. One that was switched off stays off
 * when the mains return; power-on and arrive bring a full battery.
 */
#include "sim/world/record.h"
#include "sim/world/trial.h"

#include <errno.h>
#include <stdlib.h>

static struct station *station_of(const struct trial_supply *s)
{
	return s->trial->world->stations[s->node];
}

static uint64_t full_us(const struct trial_supply *s)
{
	return s->trial->plan->nodes[s->node].battery_us;
}

/* Before anything changes: what has gone in or out since the last look. */
static void supply_look(struct trial_supply *s)
{
	uint64_t now_us = s->trial->world->now_us, passed_us = now_us - s->looked_us;

	s->looked_us = now_us;
	if (s->has_mains)
		s->left_us = full_us(s) - s->left_us > passed_us ? s->left_us + passed_us : full_us(s);
	else if (station_of(s)->node)
		s->left_us -= passed_us < s->left_us ? passed_us : s->left_us;
}

/* After something changed. */
static void supply_watch(struct trial_supply *s)
{
	struct world *w = s->trial->world;
	bool drains = station_of(s)->node && !s->has_mains && full_us(s);

	timer_set(&w->heap, &s->empty, drains ? w->now_us + s->left_us : NEVER);
}

static void supply_starve(struct trial_supply *s)
{
	s->is_starved = true;
	station_power_off(station_of(s));
}

static void supply_empty(struct timer *timer, uint64_t now_us)
{
	struct trial_supply *s = container_of(timer, struct trial_supply, empty);
	struct trial *t = s->trial;

	(void)now_us;
	supply_look(s);
	world_note(t->world, 'B', s->node, 0, bytes_of(NULL, 0));
	if (t->log)
		fprintf(t->log, "%12.6f %s: its battery is empty\n", (double)world_time_us(t->world) / 1e6,
			station_of(s)->name);
	supply_starve(s);
	if (t->record)
		record_look(t->record);
}

void trial_power_on(struct trial *t, unsigned node)
{
	struct trial_supply *s = &t->supplies[node];

	supply_look(s);
	s->left_us = full_us(s);
	s->is_starved = false;
	station_power_on(station_of(s));
	supply_watch(s);
}

void trial_power_off(struct trial *t, unsigned node)
{
	struct trial_supply *s = &t->supplies[node];

	supply_look(s);
	s->is_starved = false;
	station_power_off(station_of(s));
	supply_watch(s);
}

void trial_leave(struct trial *t, unsigned node)
{
	struct trial_supply *s = &t->supplies[node];

	supply_look(s);
	s->is_starved = false;
	station_leave(station_of(s));
	supply_watch(s);
}

void trial_set_mains(struct trial *t, unsigned node, bool has_mains)
{
	struct trial_supply *s = &t->supplies[node];

	supply_look(s);
	s->has_mains = has_mains;
	if (has_mains && s->is_starved)
		station_power_on(station_of(s));
	else if (!has_mains && station_of(s)->node && !full_us(s))
		supply_starve(s);
	s->is_starved &= !has_mains;
	supply_watch(s);
}

int trial_supply_init(struct trial *t)
{
	t->supplies = calloc(t->plan->node_count + 1, sizeof(*t->supplies));
	if (!t->supplies)
		return -ENOMEM;
	for (unsigned i = 0; i < t->plan->node_count; i++) {
		struct trial_supply *s = &t->supplies[i];

		timer_init(&s->empty, supply_empty);
		s->trial = t;
		s->node = i;
		s->has_mains = t->plan->nodes[i].has_mains;
		s->left_us = t->plan->nodes[i].battery_us;
		s->looked_us = t->world->now_us;
	}
	return 0;
}
