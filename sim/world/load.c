/*
 * What a link had to carry: of what nodes say to each other, the mean of a time; of
 * the hosts' packets, the bytes of a class.
 */
#include "sim/world/trial.h"

#include <string.h>

static uint64_t control_bytes(const struct segment *g)
{
	const struct segment_traffic t = segment_traffic(g);

	return t.bytes - t.data_bytes;
}

/* At the beginning of the time, and at its end. */
static void mean_due(struct timer *timer, uint64_t now_us)
{
	struct trial_expect *e = container_of(timer, struct trial_expect, timer);
	const struct segment *g = e->trial->world->segments[e->conf->from];
	uint64_t end_us = WORLD_START_US + e->conf->after_us + e->conf->over_us;

	if (now_us < end_us) {
		e->bytes_before = control_bytes(g);
		timer_set(&e->trial->world->heap, timer, end_us);
		return;
	}
	double capacity = (double)g->rate_bps / 8 * (double)e->conf->over_us / 1e6;
	e->measured = capacity > 0 ? (double)(control_bytes(g) - e->bytes_before) / capacity : 0;
	e->is_met = e->measured <= e->conf->at_most;
}

void trial_mean_init(struct trial_expect *e)
{
	timer_init(&e->timer, mean_due);
	timer_set(&e->trial->world->heap, &e->timer, WORLD_START_US + e->conf->after_us);
}

struct lane_sum {
	const struct port *port;
	unsigned lane;
	uint64_t bytes;
};

static void lane_add(void *arg, const struct node_link_info *info)
{
	struct lane_sum *sum = arg;

	if (info->id == sum->port->number)
		sum->bytes += info->lanes[sum->lane].sent_bytes;
}

static unsigned lane_of(enum plan_class class)
{
	const char *name = plan_class_name(class == PLAN_VOICE ? PLAN_COMMAND : class);
	unsigned lane = 0;

	while (lane + 1 < NODE_LANES && strcmp(node_lane_name(lane), name) != 0)
		lane++;
	return lane;
}

void trial_carried_judge(struct trial_expect *e)
{
	const struct segment *g = e->trial->world->segments[e->conf->from];
	struct lane_sum sum = { .lane = lane_of(e->conf->class) };

	for (unsigned i = 0; i < g->end_count; i++) {
		sum.port = g->ends[i].port;
		if (sum.port->station->node)
			node_dump_links(sum.port->station->node, lane_add, &sum);
	}
	e->measured = (double)sum.bytes;
	e->is_met = e->measured <= e->conf->at_most;
}
