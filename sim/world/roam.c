/*
 * Where nodes are. Who moves is looked at once a second, on the second; radios with
 * a range hear each other, or no longer do, by the distance that there is then.
 * Between two looks nothing changes, and a look at which no radio passes a step of
 * its table (preset.c) changes nothing.
 */
#include "sim/world/trial.h"

#include <errno.h>
#include <stdlib.h>

#define STEP_US SECOND_US

/* --- radios ------------------------------------------------------------------------------- */

static bool pair_is_deaf(const struct plan_link *link, unsigned a, unsigned b)
{
	for (unsigned i = 0; i < link->deaf_count; i++)
		if ((link->deaf[i].a == a && link->deaf[i].b == b) || (link->deaf[i].a == b && link->deaf[i].b == a))
			return true;
	return false;
}

static void pair_look(struct trial *t, unsigned l, unsigned a, unsigned b)
{
	const struct plan_link *link = &t->plan->links[l];
	double distance_m = place_distance_m(&t->places[link->ends[a].node].at, &t->places[link->ends[b].node].at);
	const struct link_reach *reach = link_preset_reach(link->preset, distance_m / link->range_m);
	struct segment *g = t->world->segments[l];

	if (!pair_is_deaf(link, a, b) && link_model_set_reach(&g->model, a, b, reach))
		world_note(t->world, 'R', l, a << 8 | b, bytes_of(NULL, 0));
}

static void radios_look(struct trial *t)
{
	for (unsigned l = 0; l < t->plan->link_count; l++) {
		const struct plan_link *link = &t->plan->links[l];

		for (unsigned a = 0; link->range_m > 0 && a < link->end_count; a++)
			for (unsigned b = a + 1; b < link->end_count; b++)
				pair_look(t, l, a, b);
	}
	trial_jam_update(t);
}

/* --- ways --------------------------------------------------------------------------------- */

/* Takes the next of the plan's way-points when its time has come. */
static void place_advance(struct trial_place *p, const struct plan_node *conf, uint64_t now_us)
{
	while (p->next < conf->way_count && now_us >= conf->way[p->next].leave_us)
		p->way = conf->way[p->next++];
	p->at = way_place(&p->way, now_us);
}

/* When it is to be looked at again; NEVER: it stays. */
static uint64_t place_due_us(const struct trial_place *p, const struct plan_node *conf, uint64_t now_us)
{
	uint64_t due_us = NEVER;

	if (now_us < p->way.arrive_us)
		due_us = now_us;
	else if (p->next < conf->way_count)
		due_us = conf->way[p->next].leave_us;
	return due_us == NEVER ? NEVER : ((due_us > now_us ? due_us - 1 : now_us) / STEP_US + 1) * STEP_US;
}

static void roam_watch(struct trial *t)
{
	uint64_t now_us = world_time_us(t->world), due_us = NEVER;

	for (unsigned i = 0; i < t->plan->node_count; i++) {
		uint64_t at_us = place_due_us(&t->places[i], &t->plan->nodes[i], now_us);

		due_us = at_us < due_us ? at_us : due_us;
	}
	timer_set(&t->world->heap, &t->roam, due_us == NEVER ? NEVER : WORLD_START_US + due_us);
}

static void roam_due(struct timer *timer, uint64_t now_us)
{
	struct trial *t = container_of(timer, struct trial, roam);

	(void)now_us;
	for (unsigned i = 0; i < t->plan->node_count; i++)
		place_advance(&t->places[i], &t->plan->nodes[i], world_time_us(t->world));
	radios_look(t);
	roam_watch(t);
}

void trial_move(struct trial *t, unsigned node, const struct plan_move *move)
{
	struct trial_place *p = &t->places[node];
	uint64_t now_us = world_time_us(t->world);

	place_advance(p, &t->plan->nodes[node], now_us);
	p->next = t->plan->nodes[node].way_count;
	p->way = (struct way_point){ .leave_us = now_us, .arrive_us = now_us, .from = p->at, .to = move->to };
	if (move->speed_mps > 0)
		p->way.arrive_us = way_arrival_us(&p->way, move->speed_mps);
	else if (move->by_us > now_us)
		p->way.arrive_us = move->by_us;
	p->at = way_place(&p->way, now_us);
	radios_look(t);
	roam_watch(t);
}

int trial_roam_init(struct trial *t)
{
	t->places = calloc(t->plan->node_count + 1, sizeof(*t->places));
	if (!t->places)
		return -ENOMEM;
	timer_init(&t->roam, roam_due);
	for (unsigned i = 0; i < t->plan->node_count; i++) {
		const struct position *at = &t->plan->nodes[i].place;

		t->places[i].at = *at;
		t->places[i].way = (struct way_point){ .from = *at, .to = *at };
		place_advance(&t->places[i], &t->plan->nodes[i], 0);
	}
	radios_look(t);
	roam_watch(t);
	return 0;
}
