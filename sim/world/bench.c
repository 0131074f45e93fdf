/*
 * How fast and how large: a command tree (docs/topology.md) from cold until every
 * node reaches every other, then some time of peace. Processor time counts, so
 * that what else the machine does does not; memory is the process's largest.
 */
#include "sim/world/trial.h"

#include "sim/topology/topology.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define STEP_US 500000

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
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

static void bench_run(struct bench *b, struct world *w)
{
	const struct station *from, *to;
	double start = cpu_s();

	while (!b->is_whole && world_time_us(w) < b->limit_us) {
		world_run(w, w->now_us + STEP_US);
		b->is_whole = !whole_pair_missing(w, &from, &to);
	}
	b->cold_cpu_s = cpu_s() - start;
	b->whole_s = (double)world_time_us(w) / 1e6;
	start = cpu_s();
	world_run(w, w->now_us + b->steady_us);
	b->steady_cpu_s = cpu_s() - start;
	b->loops = w->loops;
}

int bench_tree(struct bench *b, char error[PLAN_ERROR_MAX])
{
	double before = largest_bytes();
	struct plan *p = tree_plan(b, error);

	if (!p)
		return -EINVAL;
	struct trial *t = trial_new(p, b->seed, NULL);
	if (t) {
		b->links = p->link_count;
		bench_run(b, t->world);
		b->bytes_per_node = (largest_bytes() - before) / b->nodes;
		trial_free(t);
	} else {
		snprintf(error, PLAN_ERROR_MAX, "the tree cannot be built: out of memory");
	}
	plan_free(p);
	return t ? 0 : -EINVAL;
}
