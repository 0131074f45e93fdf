/*
 * How fast and how large: a command tree (docs/topology.md) of nodes that have met
 * before, from cold until every one reaches every other; then some time in which a
 * far region loses what joins it to the rest but for its narrowband:
 *
 *   cold ......... whole |........ cut ............................ restored .......|
 *                        0         1/6                              2/3             1
 *
 * Memory is the process's largest.
 */
#include "sim/world/trial.h"

#include "sim/topology/topology.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define STEP_US 500000
#define AGAIN_US (30 * SECOND_US) /* radios at the edge of their range come and go */

struct stopwatch {
	double wall_s, cpu_s;
};

static double clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct stopwatch stopwatch_now(void)
{
	return (struct stopwatch){ clock_s(CLOCK_MONOTONIC), clock_s(CLOCK_PROCESS_CPUTIME_ID) };
}

static double largest_bytes(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) ? 0 : (double)usage.ru_maxrss * 1024;
}

/* The tree as a scenario: what people can write is what is measured. */
static struct plan *tree_plan(const struct bench *b, char error[PLAN_ERROR_MAX])
{
	const struct tree_params params = { .seed = b->seed, .nodes = b->nodes };
	struct topology *t = topology_grow(&params, error);
	char *text = NULL;
	size_t len = 0;
	FILE *out = t ? open_memstream(&text, &len) : NULL;
	struct plan *p = NULL;

	if (out) {
		const struct topology_output how = { .reader = TOPOLOGY_FOR_SIMULATOR,
			.seed = b->seed,
			.duration_s = (b->limit_us + b->steady_us) / SECOND_US };
		int failed = topology_write(t, NULL, &how, out);

		failed |= fclose(out);
		if (failed)
			snprintf(error, PLAN_ERROR_MAX, "the tree cannot be written: out of memory");
		else
			p = plan_parse("tree", bytes_of(text, len), error);
	}
	free(text);
	topology_free(t);
	return p;
}

/* The lines of a region that hangs on one of its posts, and that post's radios: all but narrowband. */
static void region_set(const struct plan *p, struct world *w, enum link_state state)
{
	unsigned head = UINT_MAX;

	for (unsigned i = 0; i < p->link_count && head == UINT_MAX; i++)
		if (strcmp(p->links[i].preset->name, "geo-satellite") == 0)
			head = p->links[i].ends[0].node;
	for (unsigned i = 0; i < p->link_count; i++) {
		const char *kind = p->links[i].preset->name;

		if (p->links[i].ends[0].node == head &&
			(strcmp(kind, "fibre") == 0 || strcmp(kind, "geo-satellite") == 0))
			segment_set_state(w->segments[i], state);
	}
}

static bool run_until_whole(struct world *w, uint64_t until_us)
{
	const struct station *from, *to;
	unsigned looked_at = 0;
	bool is_whole = false;

	while (!is_whole && w->now_us < until_us) {
		world_run(w, w->now_us + STEP_US);
		is_whole = !whole_pair_missing(w, CLASS_TEXT, &looked_at, &from, &to);
	}
	return is_whole;
}

static uint64_t entries_of(const struct world *w)
{
	uint64_t entries = 0;
	const char *name;
	size_t used, limit;

	for (unsigned i = 0; i < w->station_count; i++)
		for (unsigned k = 0; (name = babel_table_at(node_babel(w->stations[i]->node), k, &used, &limit)); k++)
			if (strcmp(name, "sources") == 0)
				entries += used;
	return entries;
}

static void bench_run(struct bench *b, const struct plan *p, struct world *w)
{
	struct stopwatch start = stopwatch_now(), cold, end;

	b->is_whole = run_until_whole(w, WORLD_START_US + b->limit_us);
	cold = stopwatch_now();
	uint64_t whole_us = w->now_us;
	b->entries = entries_of(w);
	world_run(w, whole_us + b->steady_us / 12);
	uint64_t events = w->events;
	world_run(w, whole_us + b->steady_us / 6);
	b->peace_events = (double)(w->events - events) * 12e6 / (double)b->steady_us / b->nodes;
	region_set(p, w, LINK_CUT);
	world_run(w, whole_us + b->steady_us * 2 / 3);
	region_set(p, w, LINK_UP);
	world_run(w, whole_us + b->steady_us);
	end = stopwatch_now();
	b->whole_s = (double)(whole_us - WORLD_START_US) / 1e6;
	b->cold_wall_s = cold.wall_s - start.wall_s;
	b->cold_cpu_s = cold.cpu_s - start.cpu_s;
	b->steady_wall_s = end.wall_s - cold.wall_s;
	b->steady_cpu_s = end.cpu_s - cold.cpu_s;
	b->loops = w->loops;
	b->events = w->events;
	b->lanes = w->lane_count;
	world_digest(w, b->digest);
	b->is_whole_again = run_until_whole(w, w->now_us + AGAIN_US);
}

double bench_speedup(const struct bench *b)
{
	double wall_s = b->build_wall_s + b->cold_wall_s + b->steady_wall_s;

	return wall_s > 0 ? (b->whole_s + (double)b->steady_us / 1e6) / wall_s : 0;
}

int bench_tree(struct bench *b, char error[PLAN_ERROR_MAX])
{
	double before = largest_bytes();
	struct plan *p = tree_plan(b, error);

	if (!p)
		return -EINVAL;
	struct stopwatch start = stopwatch_now();
	p->is_acquainted = true;
	struct trial *t = trial_new(p, b->seed, NULL);
	if (t) {
		b->build_wall_s = stopwatch_now().wall_s - start.wall_s;
		b->links = p->link_count;
		t->world->threads = b->threads;
		bench_run(b, p, t->world);
		b->bytes_per_node = (largest_bytes() - before) / b->nodes;
		trial_free(t);
	} else {
		snprintf(error, PLAN_ERROR_MAX, "the tree cannot be built: out of memory");
	}
	plan_free(p);
	return t ? 0 : -EINVAL;
}
