/*
 * Who has what: a job is open, handed out, or done.
 *
 *          take          row
 *   OPEN --------> OUT --------> DONE
 *     ^             |
 *     +-------------+ lost (SWEEP_TRIES times at most)
 *
 * Rows come in any order and are written in the order of the jobs, each as soon as
 * all before it are there: what a file of a sweep that was ended has is right.
 */
#include "sim/world/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { JOB_OPEN, JOB_OUT, JOB_DONE };

int sweep_book_init(struct sweep_book *b, const struct sweep *s, FILE *out)
{
	char row[SWEEP_ROW_MAX];

	*b = (struct sweep_book){ .sweep = s, .out = out };
	b->rows = calloc(s->job_count, sizeof(*b->rows));
	b->states = calloc(s->job_count, 1);
	b->tries = calloc(s->job_count, 1);
	if (!b->rows || !b->states || !b->tries) {
		sweep_book_done(b);
		return -ENOMEM;
	}
	sweep_head(s, row);
	fprintf(out, "%s\n", row);
	return 0;
}

void sweep_book_done(struct sweep_book *b)
{
	for (unsigned i = b->written; b->rows && i < b->sweep->job_count; i++)
		free(b->rows[i]);
	free(b->rows);
	free(b->states);
	free(b->tries);
}

bool sweep_book_take(struct sweep_book *b, unsigned *job)
{
	while (b->open_from < b->sweep->job_count && b->states[b->open_from] != JOB_OPEN)
		b->open_from++;
	if (b->open_from == b->sweep->job_count)
		return false;
	*job = b->open_from;
	b->states[*job] = JOB_OUT;
	return true;
}

int sweep_book_row(struct sweep_book *b, unsigned job, const char *row)
{
	if (b->states[job] == JOB_DONE)
		return 0;
	b->rows[job] = strdup(row);
	if (!b->rows[job])
		return -ENOMEM;
	b->states[job] = JOB_DONE;
	for (; b->written < b->sweep->job_count && b->rows[b->written]; b->written++) {
		fprintf(b->out, "%s\n", b->rows[b->written]);
		free(b->rows[b->written]);
	}
	return fflush(b->out) ? -EIO : 0;
}

bool sweep_book_lost(struct sweep_book *b, unsigned job)
{
	if (b->states[job] != JOB_OUT)
		return true;
	b->states[job] = JOB_OPEN;
	if (job < b->open_from)
		b->open_from = job;
	return ++b->tries[job] < SWEEP_TRIES;
}

bool sweep_book_is_over(const struct sweep_book *b)
{
	return b->written == b->sweep->job_count;
}
