/*
 * What must hold under attack: sessions that stay, tables that stay small, no route
 * to who is gone, a lower bound of the time that nobody moves. And behind NAT boxes: no
 * way through another than who is meant.
 */
#include "sim/world/trial.h"

#define LOOK_US 100000
#define MINUTES_PER_DAY (24 * 60)

/* All entries that others can bring about. */
static size_t entries_of(const struct node *n)
{
	struct node_table t;
	size_t sum = 0, used, limit;

	for (unsigned i = 0; (t = node_table_at(n, i)).name; i++)
		sum += t.used;
	for (unsigned i = 0; babel_table_at(node_babel(n), i, &used, &limit); i++)
		sum += used;
	return sum;
}

static uint64_t completed_by(const struct station *s)
{
	return s->node ? node_counters(s->node)->handshakes_completed : 0;
}

static double floor_days(const struct station *s)
{
	return ((double)s->t_lo - WORLD_CLOCK_MIN) / MINUTES_PER_DAY;
}

static bool is_direct(const struct station *s, const struct station *to)
{
	const struct prefix host = prefix_of_host(to->address);
	enum packet_class class = CLASS_TEXT;
	unsigned link;

	return s->node && oracle_successor(s, &host, &class, &link) == to;
}

/* Is what it is looked at for so now? */
static bool is_looked_at(const struct trial_expect *e)
{
	struct world *w = e->trial->world;

	return e->conf->met < 0 || station_meets(w->stations[e->conf->from], w->stations[e->conf->met]);
}

static void guard_due(struct timer *timer, uint64_t now_us)
{
	struct trial_expect *e = container_of(timer, struct trial_expect, timer);
	struct world *w = e->trial->world;
	const struct station *s = w->stations[e->conf->from];

	if (e->conf->measure == PLAN_SESSIONS) {
		e->completed_before = completed_by(s);
		return;
	}
	if (e->conf->measure == PLAN_ROUTED)
		e->measured += is_looked_at(e) && station_reaches(s, w->stations[e->conf->to]) ? LOOK_US / 1e6 : 0;
	else if (e->conf->measure == PLAN_RELAYED)
		e->measured += is_direct(s, w->stations[e->conf->to]) ? 0 : LOOK_US / 1e6;
	else if (s->node && (double)entries_of(s->node) > e->measured)
		e->measured = (double)entries_of(s->node);
	timer_set(&w->heap, timer, now_us + LOOK_US);
}

void trial_guard_init(struct trial_expect *e)
{
	e->measured = 0;
	if (e->conf->measure == PLAN_FLOOR)
		return;
	timer_init(&e->timer, guard_due);
	timer_set(&e->trial->world->heap, &e->timer, WORLD_START_US + e->conf->after_us);
}

void trial_guard_judge(struct trial_expect *e)
{
	const struct station *s = e->trial->world->stations[e->conf->from];

	if (e->conf->measure == PLAN_SESSIONS)
		e->measured = (double)(e->moves + completed_by(s) - e->completed_before);
	else if (e->conf->measure == PLAN_FLOOR)
		e->measured = floor_days(s);
	e->is_met = e->measured <= e->conf->at_most;
}

bool trial_damage_unnoticed(const struct trial *t, const char **name)
{
	for (unsigned i = 0; i < t->world->station_count; i++) {
		const struct station *s = t->world->stations[i];

		*name = s->name;
		if (s->node && babel_counters(node_babel(s->node))->sync_mismatches < s->damages)
			return true;
	}
	return false;
}

bool trial_attack_missing(const struct trial *t, const char **name)
{
	for (unsigned i = 0; i < t->plan->attack_count; i++) {
		*name = t->plan->attacks[i].name;
		if (!t->attacks[i].frames)
			return true;
	}
	return false;
}
