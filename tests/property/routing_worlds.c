/*
 * The property test of the routing engine: random worlds (routing_worlds/world.h)
 * in which, after every event, no packet may run in a circle (L), and in which,
 * some time after the last fault, everything that is connected is reachable and
 * nothing else is (B).
 *
 * A world is drawn from a number alone. World k of a run with seed S has the
 * number S + k, so that a failure is replayed by one command.
 */
#include <time.h>

#include "tests/property/routing_worlds/world.h"

/* What a check has time for; sanitizers and coverage cost a factor of five. */
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define WORLDS 150
#define QUICK_WORLDS 50
#define MUTANT_WORLDS 30
#else
#define WORLDS 500
#define QUICK_WORLDS 200
#define MUTANT_WORLDS 100
#endif
#define PROBE_EVERY_US (250 * MILLISECOND)

struct options {
	uint64_t seed;
	uint64_t worlds;
	uint64_t seconds;
	enum mutant mutant;
	bool is_quick; /* plain worlds in which nodes restart at once */
	bool trace;
	bool is_custom; /* not what `make check` runs */
};

static const char *const mutant_names[] = { "none", "seqno", "no-hold", "no-requests", "keep", "no-gate", "no-start",
	"no-pin", "no-mark" };

/* --- one world ------------------------------------------------------------------------------- */

/* Looks at the world until its bound is over. */
static void world_settle(struct world *w)
{
	uint64_t calm_us = w->now_us, reach_us = calm_us + world_reach_us(w), end_us = calm_us + world_bound_us(w);
	uint64_t right_us = calm_us; /* when nothing was broken last */
	char why[200] = "";

	while (w->now_us < end_us && w->loops == 0 && w->blackholes == 0) {
		world_run(w, w->now_us + PROBE_EVERY_US);
		oracle_walk_all(w);
		enum order order = oracle_order(w, why, sizeof(why));

		if (order != ORDER_RIGHT)
			w->settled_us = w->now_us - calm_us;
		if (order != ORDER_RIGHT)
			world_trace(w, "%s: %s", order == ORDER_BROKEN ? "broken" : "ghosts", why);
		if (order != ORDER_BROKEN)
			right_us = w->now_us;
		else if (w->now_us - calm_us <= world_reach_us(w) || w->now_us - right_us >= world_repair_us(w))
			w->reached_us = w->now_us - calm_us;
		/* A late switch to another origin may cost a seqno request (3.8.2.1). */
		w->blackholes += (order == ORDER_BROKEN && w->now_us >= reach_us &&
					 w->now_us - right_us >= world_repair_us(w)) ||
				 (order != ORDER_RIGHT && w->now_us >= end_us);
	}
	if (w->loops == 0 && w->blackholes > 0)
		snprintf(w->verdict, sizeof(w->verdict), "%.0f s after the last fault %s",
			(double)(w->now_us - calm_us) / 1e6, why);
}

/* --- many worlds ---------------------------------------------------------------------------------- */

#define SAMPLES 4096

/* A time in each of many worlds, and the one nearest to its bound. */
struct times {
	uint64_t us[SAMPLES];
	size_t count;
	double largest_share;
	uint64_t largest_us, largest_seed;
};

struct tally {
	const char *program;
	uint64_t worlds, events, with_loops, with_blackholes;
	uint64_t circles, longest_circle_us, falls;
	struct times reached, settled;
};

static void times_add(struct times *t, uint64_t us, uint64_t bound_us, uint64_t seed)
{
	double share = (double)us / (double)bound_us;

	if (t->count < SAMPLES)
		t->us[t->count++] = us;
	if (share <= t->largest_share)
		return;
	t->largest_share = share;
	t->largest_us = us;
	t->largest_seed = seed;
}

static int time_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void times_print(struct times *t, const char *what)
{
	if (t->count == 0)
		return;
	qsort(t->us, t->count, sizeof(t->us[0]), time_compare);
	printf("# %s after the last fault: median %.1f s, 99 %% %.1f s; nearest to its bound: %.1f s, %.0f %% of it "
	       "(seed %llu)\n",
		what, (double)t->us[t->count / 2] / 1e6, (double)t->us[t->count * 99 / 100] / 1e6,
		(double)t->largest_us / 1e6, 100 * t->largest_share, (unsigned long long)t->largest_seed);
}

static void world_judge(struct tally *t, const struct world *w)
{
	t->worlds++;
	t->events += w->events;
	t->with_loops += w->loops > 0;
	t->circles += w->circles;
	t->falls += w->falls;
	if (w->longest_circle_us > t->longest_circle_us)
		t->longest_circle_us = w->longest_circle_us;
	t->with_blackholes += w->blackholes > 0;
	times_add(&t->reached, w->reached_us, world_reach_us(w), w->seed);
	times_add(&t->settled, w->settled_us, world_bound_us(w), w->seed);
	if (w->verdict[0] && w->mutant == MUTANT_NONE)
		printf("# %s; replay: %s --seed %llu --worlds 1 --trace\n", w->verdict, t->program,
			(unsigned long long)w->seed);
}

static void world_live(struct tally *t, uint64_t seed, const struct options *o)
{
	struct world *w = world_new(seed, o->mutant, o->is_quick, o->trace);

	world_run(w, w->faults_end_us);
	world_calm(w);
	world_settle(w);
	world_judge(t, w);
	world_free(w);
}

/* --- runs --------------------------------------------------------------------------------------- */

static void tally_print(struct tally *t)
{
	printf("# %llu worlds, %llu events: %llu with loops, %llu with black holes\n", (unsigned long long)t->worlds,
		(unsigned long long)t->events, (unsigned long long)t->with_loops,
		(unsigned long long)t->with_blackholes);
	printf("# walks that fell to the base: %llu\n", (unsigned long long)t->falls);
	printf("# circles of two origins (RFC 8966, 2.7): %llu, the longest %.3f s\n", (unsigned long long)t->circles,
		(double)t->longest_circle_us / 1e6);
	times_print(&t->reached, "reachable");
	times_print(&t->settled, "settled");
}

static bool time_is_left(const struct options *o, const struct timespec *start, uint64_t done)
{
	struct timespec now;

	if (o->seconds == 0)
		return done < o->worlds;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - start->tv_sec) < o->seconds;
}

static struct tally worlds_run(const struct options *o, const char *program)
{
	struct tally t = { .program = program };
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (time_is_left(o, &start, t.worlds)) {
		world_live(&t, o->seed + t.worlds, o);
		if (t.worlds % 100 == 0)
			fflush(stdout);
	}
	tally_print(&t);
	return t;
}

static bool point(unsigned number, bool is_good, const char *name)
{
	printf("%s %u - %s\n", is_good ? "ok" : "not ok", number, name);
	fflush(stdout);
	return is_good;
}

/* Worlds in which one rule is broken: the oracle must notice, and often. */
static struct tally mutant_run(const struct options *o, const char *program, enum mutant mutant)
{
	struct options broken = { .seed = o->seed, .worlds = MUTANT_WORLDS, .mutant = mutant };

	printf("# broken on purpose: %s\n", mutant_names[mutant]);
	return worlds_run(&broken, program);
}

static bool check_run(const struct options *o, const char *program)
{
	struct tally t = worlds_run(o, program);
	bool is_good = point(1, t.with_loops == 0, "no_packet_runs_in_a_circle__protocol_7_2_L");

	is_good &= point(2, t.with_blackholes == 0, "what_is_connected_is_reachable_in_time__protocol_7_2_B");
	if (o->is_custom) {
		printf("1..2\n");
		return is_good;
	}
	t = mutant_run(o, program, MUTANT_SEQNO);
	is_good &= point(3, t.with_loops >= MUTANT_WORLDS / 4, "without_feasibility_loops_are_found__rfc8966_3_5_1");
	t = mutant_run(o, program, MUTANT_NO_HOLD);
	is_good &= point(4, t.with_loops > 0, "without_hold_loops_are_found__rfc8966_3_5_4");
	t = mutant_run(o, program, MUTANT_NO_REQUESTS);
	is_good &= point(5, t.with_blackholes > 0, "without_requests_black_holes_are_found__rfc8966_3_8_2_1");
	t = mutant_run(o, program, MUTANT_KEEP);
	is_good &= point(6, t.with_loops > 0, "with_routes_of_dead_processes_kept_loops_are_found__R6");
	t = mutant_run(o, program, MUTANT_NO_GATE);
	is_good &= point(7, t.with_loops > 0, "without_the_gate_after_a_restart_loops_are_found__R7");
	t = mutant_run(o, program, MUTANT_NO_PIN);
	is_good &= point(8, t.with_loops > 0, "with_distances_not_pinned_loops_are_found__R8");
	t = mutant_run(o, program, MUTANT_NO_MARK);
	is_good &= point(9, t.with_loops > 0, "with_fallen_packets_not_marked_loops_are_found__protocol_3");
	struct options quick = { .seed = o->seed, .worlds = QUICK_WORLDS, .is_quick = true };
	printf("# in the clear, and who died is back at once\n");
	t = worlds_run(&quick, program);
	is_good &=
		point(10, t.with_loops + t.with_blackholes == 0, "after_a_start_no_route_is_used_until_nobody_follows");
	quick.mutant = MUTANT_NO_START;
	printf("# broken on purpose: %s\n", mutant_names[MUTANT_NO_START]);
	t = worlds_run(&quick, program);
	is_good &= point(11, t.with_loops > 0, "without_the_gate_after_a_start_loops_are_found");
	printf("1..11\n");
	return is_good;
}

/* --- the command line -------------------------------------------------------------------------------- */

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--seed N] [--worlds N | --seconds N] [--mutant NAME] [--quick] [--trace]\n"
		"mutants: seqno no-hold no-requests keep no-gate no-start no-pin no-mark\n",
		program);
	return 2;
}

static bool mutant_parse(struct options *o, const char *name)
{
	for (unsigned i = 0; i < sizeof(mutant_names) / sizeof(mutant_names[0]); i++) {
		if (strcmp(name, mutant_names[i]) == 0) {
			o->mutant = (enum mutant)i;
			return true;
		}
	}
	return false;
}

static bool options_parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		o->is_custom = true;
		if (strcmp(argv[i], "--trace") == 0) {
			o->trace = true;
			continue;
		}
		if (strcmp(argv[i], "--quick") == 0) {
			o->is_quick = true;
			continue;
		}
		if (!value)
			return false;
		if (strcmp(argv[i], "--seed") == 0)
			o->seed = strtoull(value, NULL, 0);
		else if (strcmp(argv[i], "--worlds") == 0)
			o->worlds = strtoull(value, NULL, 0);
		else if (strcmp(argv[i], "--seconds") == 0)
			o->seconds = strtoull(value, NULL, 0);
		else if (strcmp(argv[i], "--mutant") != 0 || !mutant_parse(o, value))
			return false;
		i++;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .worlds = WORLDS };

	if (!options_parse(&o, argc, argv))
		return usage(argv[0]);
	return check_run(&o, argv[0]) ? 0 : 1;
}
