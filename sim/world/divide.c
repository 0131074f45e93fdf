/*
 * Which stations make a lane. Those that a quick segment joins stay together; the
 * groups that remain are dealt out, the heaviest first, to the lightest lane. The
 * slower the segments that join lanes must be, the farther a lane may run ahead,
 * and the fewer groups there are: the slowest that still gives even lanes is taken.
 *
 * An end of a line between two sends as it likes. A medium that ends share takes
 * their frames in order: where lanes share one, they stop and put what they have
 * offered through it together, before any of it can arrive.
 */
#include "sim/world/lane.h"
#include "sim/world/nat.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define EVEN 1.1 /* the heaviest lane of what an even one would have: good enough */
#define USEFUL 0.8 /* the heaviest lane of all: more is not worth a thread */

/* Least times of the segments that join lanes, in microseconds: of lines, and of shared media. */
static const struct slowness {
	uint64_t line_us, shared_us;
} slownesses[] = { { 5000, 20000 }, { 2000, 20000 }, { 1500, 20000 }, { 1000, 20000 }, { 900, 20000 }, { 800, 20000 },
	{ 700, 20000 }, { 600, 20000 }, { 500, 20000 }, { 400, 20000 }, { 300, 20000 }, { 200, 20000 }, { 5000, 5000 },
	{ 2000, 2000 }, { 1000, 1000 }, { 500, 500 }, { 300, 300 } };
#define SLOWNESSES (sizeof(slownesses) / sizeof(slownesses[0]))

struct group {
	unsigned first; /* its station of the lowest index */
	unsigned weight;
	unsigned lane;
};

struct division {
	unsigned *parents; /* by station: union-find */
	unsigned lane_count, heaviest, total;
	unsigned *lanes; /* by station */
};

/* The lowest index is the root. */
static void join(unsigned *parents, unsigned a, unsigned b)
{
	a = world_root_of(parents, a);
	b = world_root_of(parents, b);
	parents[a > b ? a : b] = a < b ? a : b;
}

/* Several behind one NAT box, which keeps what is open to all of them, and who sends there, which asks it whom that
 * is for. */
static void join_boxes(const struct world *w, struct division *d)
{
	for (unsigned k = 0; k < w->segment_count; k++) {
		const struct segment *g = w->segments[k];

		for (unsigned end = 0; end < g->end_count; end++) {
			const struct nat_box *box = g->ends[end].port->nat;

			if (!box || box->users == 1)
				continue;
			for (unsigned other = 0; other < g->end_count; other++)
				join(d->parents, box->host, g->ends[other].port->station->index);
		}
	}
}

static void join_quick(const struct world *w, struct division *d, const struct slowness *slowness)
{
	for (unsigned i = 0; i < w->station_count; i++)
		d->parents[i] = i;
	join_boxes(w, d);
	for (unsigned k = 0; k < w->segment_count; k++) {
		const struct segment *g = w->segments[k];

		if (segment_latency_us(g) >= (g->model.shared ? slowness->shared_us : slowness->line_us))
			continue;
		for (unsigned end = 1; end < g->end_count; end++)
			join(d->parents, g->ends[0].port->station->index, g->ends[end].port->station->index);
	}
}

/* Frames come from ports. */
static unsigned station_weight(const struct station *s)
{
	unsigned weight = 1;

	for (unsigned i = 0; i < s->port_count; i++)
		weight += s->ports[i]->attachment_count;
	return weight;
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *first = a, *second = b;

	if (first->weight != second->weight)
		return first->weight > second->weight ? -1 : 1;
	return first->first < second->first ? -1 : 1;
}

static void deal(const struct world *w, struct division *d)
{
	struct group *groups = world_alloc((w->station_count + 1) * sizeof(*groups));
	unsigned loads[WORLD_THREADS_MAX] = { 0 }, count = 0;

	for (unsigned i = 0; i < w->station_count; i++)
		groups[i].first = i;
	for (unsigned i = 0; i < w->station_count; i++)
		groups[world_root_of(d->parents, i)].weight += station_weight(w->stations[i]);
	for (unsigned i = 0; i < w->station_count; i++)
		if (groups[i].weight)
			groups[count++] = groups[i];
	qsort(groups, count, sizeof(*groups), compare_groups);
	d->heaviest = d->total = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned lightest = 0;

		for (unsigned l = 1; l < d->lane_count; l++)
			if (loads[l] < loads[lightest])
				lightest = l;
		loads[lightest] += groups[i].weight;
		d->total += groups[i].weight;
		d->lanes[groups[i].first] = lightest;
		if (loads[lightest] > d->heaviest)
			d->heaviest = loads[lightest];
	}
	for (unsigned i = 0; i < w->station_count; i++)
		d->lanes[i] = d->lanes[world_root_of(d->parents, i)];
	free(groups);
}

static void divide_by(const struct world *w, struct division *d, const struct slowness *slowness)
{
	join_quick(w, d, slowness);
	deal(w, d);
}

/* The best of all; one lane if none is of use. */
static void division_find(const struct world *w, struct division *d)
{
	const struct slowness *best = NULL;
	unsigned least = UINT32_MAX;

	for (unsigned i = 0; i < SLOWNESSES; i++) {
		divide_by(w, d, &slownesses[i]);
		if (d->heaviest < least) {
			least = d->heaviest;
			best = &slownesses[i];
		}
		if (d->heaviest <= EVEN * d->total / d->lane_count)
			return;
	}
	if (least <= USEFUL * d->total) {
		divide_by(w, d, best);
		return;
	}
	d->lane_count = 1;
	memset(d->lanes, 0, w->station_count * sizeof(*d->lanes));
}

static unsigned lanes_wanted(const struct world *w)
{
	cpu_set_t cpus;
	unsigned count = w->threads;

	/* One look after every event, and whoever looks on, sees one event after the other. */
	if (!world_is_windowed(w) || w->offered || w->inner || w->interfere || w->is_watched)
		return 1;
	if (!count)
		count = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : (unsigned)CPU_COUNT(&cpus);
	return count < WORLD_THREADS_MAX ? count : WORLD_THREADS_MAX;
}

static void lanes_make(struct world *w, const struct division *d)
{
	unsigned counts[WORLD_THREADS_MAX] = { 0 };

	w->lane_count = d->lane_count;
	for (unsigned i = 0; i < w->station_count; i++)
		counts[d->lanes[i]]++;
	for (unsigned l = 0; l < d->lane_count; l++)
		w->lanes[l] = lane_new(w, l, counts[l]);
	for (unsigned i = 0; i < w->station_count; i++) {
		struct station *s = w->stations[i];
		struct lane *l = w->lanes[d->lanes[i]];

		s->lane = l;
		s->clock_us = &l->now_us;
		s->place = l->station_count;
		l->stations[l->station_count++] = s;
		lane_touch(s);
	}
}

static bool segment_joins_lanes(const struct segment *g)
{
	for (unsigned end = 1; end < g->end_count; end++)
		if (g->ends[end].port->station->lane != g->ends[0].port->station->lane)
			return true;
	return false;
}

static void meeting_find(struct world *w)
{
	w->meeting_us = NEVER;
	for (unsigned k = 0; k < w->segment_count; k++) {
		struct segment *g = w->segments[k];

		g->joins_lanes = segment_joins_lanes(g);
		if (g->joins_lanes && g->model.shared && segment_latency_us(g) < w->meeting_us)
			w->meeting_us = segment_latency_us(g);
	}
}

/* Of a frame that one of its ends sends, and whoever got it sends on; true: one end is nearer than it was known to be.
 */
static bool segment_brings_nearer(const struct segment *g)
{
	uint64_t far_us = g->joins_lanes ? 0 : NEVER;
	bool is_nearer = false;

	for (unsigned end = 0; end < g->end_count; end++)
		if (g->ends[end].port->station->far_us < far_us)
			far_us = g->ends[end].port->station->far_us;
	far_us = time_after(far_us, g->reckoned_us);
	for (unsigned end = 0; end < g->end_count; end++) {
		struct station *s = g->ends[end].port->station;

		is_nearer |= far_us < s->far_us;
		s->far_us = far_us < s->far_us ? far_us : s->far_us;
	}
	return is_nearer;
}

/* What a medium brings that lanes share is there only after they have met. */
void lanes_measure(struct world *w)
{
	bool is_nearer = true;

	for (unsigned i = 0; i < w->station_count; i++)
		w->stations[i]->far_us = NEVER;
	for (unsigned k = 0; k < w->segment_count; k++)
		w->segments[k]->reckoned_us = segment_latency_us(w->segments[k]);
	while (is_nearer) {
		is_nearer = false;
		for (unsigned k = 0; k < w->segment_count; k++)
			if (!w->segments[k]->joins_lanes || !w->segments[k]->model.shared)
				is_nearer |= segment_brings_nearer(w->segments[k]);
	}
	for (unsigned l = 0; l < w->lane_count; l++)
		lane_reckon(w->lanes[l]);
	w->is_measured = true;
}

void lanes_divide(struct world *w)
{
	struct division d = { .lane_count = lanes_wanted(w),
		.parents = world_alloc((w->station_count + 1) * sizeof(unsigned)),
		.lanes = world_alloc((w->station_count + 1) * sizeof(unsigned)) };

	lanes_free(w);
	if (d.lane_count > 1)
		division_find(w, &d);
	lanes_make(w, &d);
	meeting_find(w);
	lanes_measure(w);
	w->is_divided = true;
	free(d.parents);
	free(d.lanes);
}

void lanes_free(struct world *w)
{
	oracle_gather(w);
	for (unsigned l = 0; l < w->lane_count; l++)
		lane_drain(w->lanes[l]);
	lanes_count_events(w);
	for (unsigned i = 0; i < w->station_count; i++) {
		w->stations[i]->lane = NULL;
		w->stations[i]->clock_us = &w->now_us;
	}
	for (unsigned l = 0; l < w->lane_count; l++)
		lane_free(w->lanes[l]);
	w->lane_count = 0;
	w->is_divided = false;
}

void lanes_notice(const struct segment *g)
{
	uint64_t latency_us = segment_latency_us(g);

	if (g->joins_lanes && g->model.shared && latency_us < g->w->meeting_us)
		g->w->is_divided = false;
	if (latency_us < g->reckoned_us)
		g->w->is_measured = false;
}
