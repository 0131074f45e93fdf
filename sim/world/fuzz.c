/*
 * Random worlds. The scenario is written as text and read again, so that what
 * fails can be kept, changed and run as any other.
 *
 *   a tree of links, a few more across, perhaps a radio cell of several
 *   0 ......... 20 ............ 80 to 140 ............. the end
 *     cold start    faults           mended: whole within a minute
 */
#include "sim/world/fuzz.h"

#include "sim/world/trial.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define NODES_MIN 3
#define NODES_MAX 9
#define CALM_S 20 /* before the first fault */
#define AFTER_S 60 /* to become whole again */

static const char *const presets[] = { "fibre", "mesh-radio", "mesh-radio", "geo-satellite", "leo-satellite",
	"cellular" };
#define PRESETS (sizeof(presets) / sizeof(presets[0]))

/* Each link has interfaces of its own. */
static void link_write(FILE *out, struct prng *p, unsigned number, unsigned a, unsigned b)
{
	static const char *const faults[] = { "", "", "", ", loss: 5%", ", loss: 15%", ", jitter: 30ms, reorder: yes" };

	fprintf(out, "  - {name: l%u, preset: %s, ends: [n%u:i%u, n%u:i%u]%s}\n", number,
		presets[prng_below(p, PRESETS)], a, number, b, number,
		faults[prng_below(p, sizeof(faults) / sizeof(faults[0]))]);
}

static unsigned links_write(FILE *out, struct prng *p, unsigned nodes)
{
	unsigned count = 0, extra = (unsigned)prng_below(p, nodes);

	fputs("links:\n", out);
	for (unsigned n = 1; n < nodes; n++, count++)
		link_write(out, p, count, n, (unsigned)prng_below(p, n));
	for (unsigned k = 0; k < extra; k++, count++) {
		unsigned a = (unsigned)prng_below(p, nodes);

		link_write(out, p, count, a, (a + 1 + (unsigned)prng_below(p, nodes - 1)) % nodes);
	}
	if (prng_below(p, 2) == 0) {
		unsigned first = (unsigned)prng_below(p, nodes - 2);

		fprintf(out, "  - {name: cell, preset: mesh-radio, ends: [n%u:cell, n%u:cell, n%u:cell]}\n", first,
			first + 1, first + 2);
	}
	return count;
}

/* A node that loses power, and perhaps its disk, and comes back. */
static void restart_write(FILE *out, struct prng *p, unsigned nodes, unsigned until_s)
{
	unsigned n = (unsigned)prng_below(p, nodes);
	double at = CALM_S + (double)prng_below(p, (until_s - CALM_S - UINT64_C(10)) * 1000) / 1e3;

	fprintf(out, "  - {at: %.3f, do: power-off n%u}\n", at, n);
	if (prng_below(p, 2))
		fprintf(out, "  - {at: %.3f, do: wipe n%u}\n", at + 0.001, n);
	fprintf(out, "  - {at: %.3f, do: power-on n%u}\n", at + 0.01 + (double)prng_below(p, 5000) / 1e3, n);
}

int fuzz_write(uint64_t seed, FILE *out)
{
	struct prng p;

	prng_seed(&p, seed);
	unsigned nodes = NODES_MIN + (unsigned)prng_below(&p, NODES_MAX - NODES_MIN + 1);
	unsigned until_s = 80 + (unsigned)prng_below(&p, 61);
	unsigned restarts = (unsigned)prng_below(&p, 6);

	assert(nodes >= NODES_MIN && nodes <= NODES_MAX);
	fprintf(out, "# meshsim fuzz, seed %llu\nseed: %llu\nfor: %u\nnodes:\n", (unsigned long long)seed,
		(unsigned long long)seed, until_s + AFTER_S);
	for (unsigned n = 0; n < nodes; n++)
		fprintf(out, "  - {name: n%u, prefixes: [\"fd09:%u::/32\"]}\n", n, (unsigned)prng_below(&p, 3));
	links_write(out, &p, nodes);
	fputs("events:\n", out);
	fprintf(out, "  - {at: 1, do: restore l0}\n");
	for (unsigned k = 0; k < restarts; k++)
		restart_write(out, &p, nodes, until_s);
	if (prng_below(&p, 2))
		fprintf(out, "  - {at: %u, do: stall n%u %ums}\n", CALM_S + (unsigned)prng_below(&p, until_s - CALM_S),
			(unsigned)prng_below(&p, nodes), 1 + (unsigned)prng_below(&p, 6000));
	fprintf(out, "faults: {from: %u, until: %u, every: %ums, power: %s}\n", CALM_S, until_s,
		200 + (unsigned)prng_below(&p, 4000), prng_below(&p, 2) ? "yes" : "no");
	fprintf(out, "flows:\n  - {name: order, from: n0, to: n%u, every: 100ms}\n", nodes - 1);
	fprintf(out, "expect:\n  - whole: {after: %u, within: %u}\n", until_s, AFTER_S);
	return ferror(out) ? -EIO : 0;
}

static struct plan *fuzz_plan(uint64_t seed, char failure[PLAN_ERROR_MAX])
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct plan *p = NULL;

	snprintf(failure, PLAN_ERROR_MAX, "out of memory");
	if (!out)
		return NULL;
	int failed = fuzz_write(seed, out);
	failed |= fclose(out);
	if (!failed)
		p = plan_parse("fuzz", bytes_of(text, len), failure);
	free(text);
	return p;
}

bool fuzz_world(uint64_t seed, char failure[PLAN_ERROR_MAX])
{
	struct plan *p = fuzz_plan(seed, failure);
	struct trial *t = p ? trial_new(p, seed, NULL) : NULL;
	bool is_good = false;

	if (t) {
		trial_run(t, NULL);
		is_good = !trial_failure(t, failure);
		trial_free(t);
	}
	plan_free(p);
	return is_good;
}
