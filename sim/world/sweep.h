/*
 * A sweep: one scenario run with each seed and each combination of link
 * parameters; a row of CSV for each run, in the same order whoever ran it.
 *
 *   sweep_spec.c     SPEC.yaml, read and checked whole before the first run
 *   sweep_job.c      a job is a number: seed and values; its run, its row
 *   sweep_book.c     what is open, handed out and done; rows written in order
 *   sweep_worker.c   processes of this machine, one run at a time each
 *   sweep_mpi.c      ranks of many machines, each with one such process
 *   sweep.c          the command
 */
#ifndef SIM_WORLD_SWEEP_H
#define SIM_WORLD_SWEEP_H

#include "sim/world/plan.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

#define SWEEP_SETTINGS_MAX 8
#define SWEEP_VALUES_MAX 64 /* of a setting */
#define SWEEP_METRICS_MAX 32
#define SWEEP_FIELD_MAX 160 /* of the CSV; longer ones are cut */
#define SWEEP_ROW_MAX 8192
#define SWEEP_JOBS_MAX 100000
#define SWEEP_TRIES 3 /* of one job, before its workers' deaths are its own fault */
#define SWEEP_WORKERS_MAX 256

struct sweep_setting {
	unsigned link;
	char *name, *field; /* of the link; of what is set */
	char **values;
	unsigned values_count;
};

struct sweep {
	struct sweep_text *text; /* owns the words below */
	struct plan *plan;
	char *scenario; /* its path */
	uint64_t seed_first;
	unsigned seed_count, job_count;
	unsigned setting_count, metric_count;
	struct sweep_setting settings[SWEEP_SETTINGS_MAX];
	char **metrics;
};

/* NULL with one line in `error`: file:line: what; remedy. */
struct sweep *sweep_load(const char *path, char error[PLAN_ERROR_MAX]);
void sweep_free(struct sweep *s);

/* The names of the columns. */
void sweep_head(const struct sweep *s, char row[SWEEP_ROW_MAX]);
/* Seed and settings of a job in words. */
void sweep_job_text(const struct sweep *s, unsigned job, char *text, size_t size);
/* Runs a job; `row` is without line end. 0 or -ENOMEM. */
int sweep_job_run(struct sweep *s, unsigned job, char row[SWEEP_ROW_MAX]);
/* "flows.order.gap_s" or "expect.0.measured" in a run's JSON; NULL: nothing is there. */
const json_t *sweep_metric_find(const json_t *root, const char *path);
/* What a run would write, before it has begun. NULL: the world cannot be built. */
json_t *sweep_run_json(const struct sweep *s, uint64_t seed, bool is_run);

struct sweep_book {
	const struct sweep *sweep;
	FILE *out;
	char **rows; /* done, not written yet */
	uint8_t *states, *tries;
	unsigned open_from; /* nothing is open before it */
	unsigned written;
};
/* Writes the head. 0, or -ENOMEM; `out` is borrowed. */
int sweep_book_init(struct sweep_book *b, const struct sweep *s, FILE *out);
void sweep_book_done(struct sweep_book *b);
/* Takes an open job; false: all are done or handed out. */
bool sweep_book_take(struct sweep_book *b, unsigned *job);
/* 0, -ENOMEM, or -EIO. A row that came before is not written twice. */
int sweep_book_row(struct sweep_book *b, unsigned job, const char *row);
/* Whoever had the job is no more: it is open again. False: that was once too often. */
bool sweep_book_lost(struct sweep_book *b, unsigned job);
bool sweep_book_is_over(const struct sweep_book *b);

struct sweep_worker {
	pid_t pid;
	int fd; /* -1: none */
	bool is_busy;
	unsigned job;
};
/* A process that runs jobs until its socket is closed. 0, or -errno. */
int sweep_worker_start(struct sweep_worker *w, struct sweep *s);
void sweep_worker_stop(struct sweep_worker *w);
/* 0, or -EPIPE: it is no more. */
int sweep_worker_give(struct sweep_worker *w, unsigned job);
/* 1: a row; 0: not yet; -EPIPE: it is no more. Never waits. */
int sweep_worker_row(struct sweep_worker *w, char row[SWEEP_ROW_MAX]);

/* Each fills the book. 0, or -errno after a complaint. */
int sweep_pool(struct sweep *s, struct sweep_book *b, unsigned workers);
/* Whether mpirun started us, and as which rank of how many. */
bool sweep_mpi_is_used(unsigned *rank);
/* 0, or -errno after a complaint. On other ranks than 0 nothing is written to `out`. */
int sweep_mpi(struct sweep *s, FILE *out);

int sweep_main(int argc, char **argv);

#endif
