/*
 * Random worlds: a scenario drawn from a seed, with faults on links, power, disks
 * and NAT boxes, that must hold every invariant throughout and be whole again in
 * the end.
 *
 *   fuzz_draw.c       the scenario of a seed
 *   fuzz.c            one world, judged
 *   fuzz_campaign.c   many of them, by several processes
 *   fuzz_command.c    meshsim fuzz
 */
#ifndef SIM_WORLD_FUZZ_H
#define SIM_WORLD_FUZZ_H

#include "sim/world/plan.h"
#include "sim/world/world.h"

#include <stdio.h>

#define FUZZ_WORKERS_MAX 256

struct fuzz_verdict {
	uint64_t seed;
	bool is_good;
	uint8_t digest[WORLD_DIGEST_LEN]; /* of the run */
	char failure[PLAN_ERROR_MAX]; /* one line */
};

struct fuzz_campaign {
	uint64_t first, last; /* seeds */
	uint64_t limit_us; /* of real time; 0: none */
	unsigned workers; /* processes */
	bool keeps_going; /* after a failure */
	bool has_progress; /* on standard error */
	/* results */
	uint64_t worlds, failed;
	uint8_t digest[WORLD_DIGEST_LEN]; /* over those of the worlds, in order of seeds */
};

/* The scenario of a seed, as a file that `meshsim run` takes. 0, or -EIO. */
int fuzz_write(uint64_t seed, FILE *out);
/* NULL with one line in `failure`. */
struct plan *fuzz_plan(uint64_t seed, char failure[PLAN_ERROR_MAX]);
/* Draws, runs and judges. */
void fuzz_judge(uint64_t seed, struct fuzz_verdict *v);
/* Failures go to `out` in order of seeds, the same for any number of workers. 0, or -errno if no process can be
 * started. */
int fuzz_campaign_run(struct fuzz_campaign *c, FILE *out);
/* "90", "90s", "10m" or "1h", of real time. */
bool real_time_read(const char *text, uint64_t *us);
uint64_t real_time_us(void); /* of a clock that never runs back */
int fuzz_main(int argc, char **argv);

#endif
