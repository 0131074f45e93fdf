/*
 * Jammers: for a time, radios of a link or of a kind lose what they should hear,
 * all of them or those in a circle. Where several reach a radio the worst counts.
 */
#include "sim/world/trial.h"

static bool jam_meets(const struct trial *t, const struct plan_event *e, unsigned link, unsigned end)
{
	const struct plan_link *conf = &t->plan->links[link];
	unsigned node = conf->ends[end].node;

	if (!plan_event_means_link(t->plan, e, link))
		return false;
	return !e->jam.is_local || (t->plan->nodes[node].has_place &&
					   place_distance_m(&t->places[node].at, &e->jam.centre) <= e->jam.radius_m);
}

static double jam_loss(const struct trial *t, unsigned link, unsigned end)
{
	double loss = 0;

	for (unsigned i = 0; i < t->plan->event_count; i++) {
		const struct plan_event *e = t->events[i].conf;

		if (t->events[i].is_jamming && e->jam.loss > loss && jam_meets(t, e, link, end))
			loss = e->jam.loss;
	}
	return loss;
}

void trial_jam_update(struct trial *t)
{
	for (unsigned l = 0; l < t->plan->link_count; l++)
		for (unsigned end = 0; end < t->plan->links[l].end_count; end++)
			link_model_jam(&t->world->segments[l]->model, end, jam_loss(t, l, end));
}

static void jam_over(struct timer *timer, uint64_t now_us)
{
	struct trial_event *e = container_of(timer, struct trial_event, jam_over);

	(void)now_us;
	e->is_jamming = false;
	world_note(e->trial->world, 'J', e->conf->object, 0, bytes_of(NULL, 0));
	trial_jam_update(e->trial);
}

void trial_jam(struct trial_event *e)
{
	struct world *w = e->trial->world;

	if (!e->is_jamming)
		timer_init(&e->jam_over, jam_over);
	e->is_jamming = true;
	timer_set(&w->heap, &e->jam_over, w->now_us + e->conf->jam.for_us);
	trial_jam_update(e->trial);
}
