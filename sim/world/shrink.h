/*
 * From a world that fails to a small one that still fails in the same way.
 *
 *   shrink.c           what is left out, in which order
 *   shrink_try.c       does what is left still fail?
 *   shrink_command.c   meshsim shrink
 *
 * A scenario is cut as it is written (sheet.h). What no longer makes sense without
 * what was left out goes with it: the reader of scenarios says where that is.
 */
#ifndef SIM_WORLD_SHRINK_H
#define SIM_WORLD_SHRINK_H

#include "sim/world/plan.h"
#include "sim/world/sheet.h"

#define SHRINK_KIND_MAX PLAN_ERROR_MAX
#define SHRINK_WORKERS_MAX 64
#define SHRINK_SEEDS 4 /* with which a smaller world is tried */

struct shrink {
	unsigned workers; /* processes */
	uint64_t until_us; /* of real time */
	void (*progress)(const struct shrink *s); /* may be NULL */
	/* results */
	struct sheet *best; /* the smallest that fails */
	char kind[SHRINK_KIND_MAX]; /* how it fails, without what differs from world to world */
	unsigned tries, found;
};

/* Takes `sheet`. 0; -EINVAL: it is no scenario; -ENOENT: it does not fail; in both cases with one line in `error`. */
int shrink_begin(struct shrink *s, struct sheet *sheet, char error[PLAN_ERROR_MAX]);
/* Until nothing more can be left out, or the time is over. */
void shrink_run(struct shrink *s);
void shrink_done(struct shrink *s);
bool shrink_is_late(const struct shrink *s);
/* If `candidate` fails as `best` does, with any of a few seeds, it is the best. Takes it. */
bool shrink_try(struct shrink *s, struct sheet *candidate);
/* What failed, but for numbers and names that chance brings. */
void shrink_kind_of(const char *failure, char kind[SHRINK_KIND_MAX]);
int shrink_main(int argc, char **argv);

#endif
