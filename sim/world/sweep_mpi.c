/*
 * A sweep under mpirun. Rank 0 hands out jobs and writes; every other rank keeps
 * one worker process and is its messenger:
 *
 *   rank 0                          rank n                      its worker
 *     | <-- READY, then BEAT ---------|                              |
 *     |--- JOB 17 ------------------->|--- 17 ---------------------->|
 *     | <-- BEAT ... -----------------|                              | runs
 *     | <-- ROW 17 -------------------|<-- row ----------------------|
 *     |--- BEAT, END ---------------->|
 *
 * The messenger never computes, so that silence means that the machine is lost
 * (or mpirun was told to go on without the rank: --enable-recovery). A worker that
 * dies costs a job's try, not the rank. Workers are forked before MPI starts, for
 * the network's libraries do not like to be forked; a rank whose worker died ends
 * its part and the others go on.
 */
#include "sim/world/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool sweep_mpi_is_used(unsigned *rank)
{
	const char *size = getenv("OMPI_COMM_WORLD_SIZE"), *mine = getenv("OMPI_COMM_WORLD_RANK");

	if (!size || !mine || atoi(size) < 2)
		return false;
	*rank = (unsigned)atoi(mine);
	return true;
}

#ifndef MESHD_MPI

int sweep_mpi(struct sweep *s, FILE *out)
{
	unsigned rank = 0;

	(void)s;
	(void)out;
	if (sweep_mpi_is_used(&rank) && rank == 0)
		fprintf(stderr, "meshsim: built without MPI; install libopenmpi-dev and build it again\n");
	return -ENOTSUP;
}

#else

#include <mpi.h>
#include <poll.h>
#include <time.h>

#define BEAT_MS 500
#define SILENCE_MS 5000 /* of a rank, before its job goes to another */
#define DESK_SILENCE_MS 30000 /* of rank 0, which may wait for its disk */
#define RANKS_MAX 1024

enum { TAG_READY = 1, TAG_BEAT, TAG_ROW, TAG_FAILED, TAG_JOB, TAG_END };

struct message {
	unsigned job;
	char row[SWEEP_ROW_MAX];
};
#define MESSAGE_HEAD (offsetof(struct message, row))

struct rank {
	uint64_t heard_ms;
	bool is_idle, is_busy;
	bool is_silent; /* until it is heard again */
	bool has_failed; /* it has no worker */
	unsigned job;
};

struct desk {
	struct sweep *sweep;
	struct sweep_book book;
	unsigned count;
	struct rank ranks[RANKS_MAX]; /* of which 0 is the desk itself */
};

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void message_send(int rank, int tag, const struct message *m)
{
	size_t len = MESSAGE_HEAD + (tag == TAG_ROW ? strlen(m->row) + 1 : 0);

	MPI_Send(m, (int)len, MPI_BYTE, rank, tag, MPI_COMM_WORLD);
}

/* False: nothing has come. */
static bool message_take(struct message *m, int *rank, int *tag)
{
	MPI_Status status;
	int has_come = 0;

	if (MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &has_come, &status) != MPI_SUCCESS || !has_come)
		return false;
	*rank = status.MPI_SOURCE;
	*tag = status.MPI_TAG;
	m->row[0] = '\0';
	if (MPI_Recv(m, sizeof(*m), MPI_BYTE, *rank, *tag, MPI_COMM_WORLD, &status) != MPI_SUCCESS)
		return false;
	m->row[SWEEP_ROW_MAX - 1] = '\0';
	return true;
}

/* 0, or -EIO: the job has cost too many. */
static int rank_lost(struct desk *d, unsigned n, const char *why)
{
	struct rank *r = &d->ranks[n];
	char text[200];

	fprintf(stderr, "meshsim: rank %u %s; the others go on\n", n, why);
	if (!r->is_busy)
		return 0;
	r->is_busy = false;
	sweep_job_text(d->sweep, r->job, text, sizeof(text));
	if (sweep_book_lost(&d->book, r->job)) {
		fprintf(stderr, "meshsim: %s: it is done again\n", text);
		return 0;
	}
	fprintf(stderr, "meshsim: %s: died %d times; run it alone to see why\n", text, SWEEP_TRIES);
	return -EIO;
}

static int desk_hear(struct desk *d)
{
	struct message m;
	int from, tag, error = 0;

	while (!error && message_take(&m, &from, &tag)) {
		struct rank *r = &d->ranks[from];

		r->heard_ms = clock_ms();
		r->is_silent = false;
		if (tag == TAG_READY)
			r->is_idle = true;
		if (tag == TAG_BEAT)
			message_send(from, TAG_BEAT, &m);
		if (tag == TAG_FAILED) {
			r->has_failed = true;
			r->is_idle = false;
			error = rank_lost(d, (unsigned)from, "has lost its worker");
		}
		if (tag != TAG_ROW || m.job >= d->sweep->job_count)
			continue;
		r->is_busy = false;
		r->is_idle = !r->has_failed;
		error = sweep_book_row(&d->book, m.job, m.row);
		if (error)
			fprintf(stderr, "meshsim: the CSV cannot be written: %s; make room\n", strerror(-error));
	}
	return error;
}

/* Work for who is free; who is silent for too long is given up. */
static int desk_hand_out(struct desk *d)
{
	uint64_t now_ms = clock_ms();
	unsigned left = 0;
	int error = 0;

	for (unsigned n = 1; n < d->count && !error; n++) {
		struct rank *r = &d->ranks[n];
		struct message m;

		if (!r->is_silent && now_ms > r->heard_ms + SILENCE_MS) {
			r->is_silent = true;
			error = rank_lost(d, n, "is silent");
		}
		left += !r->is_silent && !r->has_failed;
		if (r->is_silent || !r->is_idle || !sweep_book_take(&d->book, &m.job))
			continue;
		r->job = m.job;
		r->is_idle = false;
		r->is_busy = true;
		message_send((int)n, TAG_JOB, &m);
	}
	if (error || left)
		return error;
	fprintf(stderr, "meshsim: every rank is lost; the CSV has what was done: start mpirun again\n");
	return -EIO;
}

/* What is said to a rank that is gone would wait for ever, as would MPI_Finalize. */
static void desk_close(const struct desk *d, FILE *out)
{
	struct message m = { 0 };
	bool is_whole = true;

	for (unsigned n = 1; n < d->count; n++) {
		is_whole = is_whole && !d->ranks[n].is_silent;
		if (!d->ranks[n].is_silent)
			message_send((int)n, TAG_END, &m);
	}
	if (is_whole) {
		MPI_Finalize();
		return;
	}
	fflush(out);
	MPI_Abort(MPI_COMM_WORLD, sweep_book_is_over(&d->book) ? 0 : 2);
}

static int desk_run(struct sweep *s, unsigned count, FILE *out)
{
	struct desk *d = calloc(1, sizeof(*d));
	int error = d && count <= RANKS_MAX ? sweep_book_init(&d->book, s, out) : -ENOMEM;

	if (!d || error) {
		fprintf(stderr, "meshsim: no memory, or more than %d ranks; start fewer\n", RANKS_MAX);
		MPI_Abort(MPI_COMM_WORLD, 2);
		free(d);
		return error;
	}
	d->sweep = s;
	d->count = count;
	for (unsigned n = 1; n < count; n++)
		d->ranks[n].heard_ms = clock_ms();
	while (!error && !sweep_book_is_over(&d->book)) {
		error = desk_hear(d);
		if (!error)
			error = desk_hand_out(d);
		poll(NULL, 0, 1);
	}
	desk_close(d, out);
	sweep_book_done(&d->book);
	free(d);
	return error;
}

/* A row, or that there will be none. False: the worker is no more. */
static bool messenger_answer(struct sweep_worker *w)
{
	struct message m;
	int got = sweep_worker_row(w, m.row);

	m.job = w->job;
	if (got)
		message_send(0, got > 0 ? TAG_ROW : TAG_FAILED, &m);
	return got >= 0;
}

/* 0, or -EIO: rank 0 is no more. */
static int messenger_run(struct sweep_worker *w)
{
	struct message m = { 0 };
	uint64_t beat_ms = 0, heard_ms = clock_ms();
	bool is_alive = true;
	int from, tag = TAG_READY;

	message_send(0, TAG_READY, &m);
	while (tag != TAG_END) {
		struct pollfd p = { .fd = is_alive ? w->fd : -1, .events = POLLIN };

		poll(&p, 1, 2);
		if (is_alive)
			is_alive = messenger_answer(w);
		if (clock_ms() >= beat_ms + BEAT_MS) {
			beat_ms = clock_ms();
			message_send(0, TAG_BEAT, &m);
		}
		if (clock_ms() > heard_ms + DESK_SILENCE_MS)
			return -EIO;
		if (!message_take(&m, &from, &tag))
			continue;
		heard_ms = clock_ms();
		/* That a job cannot be given is seen when its row is asked for. */
		if (tag == TAG_JOB)
			sweep_worker_give(w, m.job);
	}
	return 0;
}

int sweep_mpi(struct sweep *s, FILE *out)
{
	struct sweep_worker w = { .fd = -1 };
	int count = 0, error;
	unsigned rank = 0;

	sweep_mpi_is_used(&rank);
	error = rank ? sweep_worker_start(&w, s) : 0;
	if (error) {
		fprintf(stderr, "meshsim: no process can be started: %s; start fewer ranks\n", strerror(-error));
		return error;
	}
	if (MPI_Init(NULL, NULL) != MPI_SUCCESS) {
		fprintf(stderr, "meshsim: MPI does not start; try mpirun -n 2 hostname\n");
		sweep_worker_stop(&w);
		return -EIO;
	}
	MPI_Comm_size(MPI_COMM_WORLD, &count);
	if (rank == 0)
		return desk_run(s, (unsigned)count, out);
	error = messenger_run(&w);
	sweep_worker_stop(&w);
	if (error) {
		fprintf(stderr, "meshsim: rank 0 is silent; the CSV has what was done: start mpirun again\n");
		MPI_Abort(MPI_COMM_WORLD, 2);
	}
	MPI_Finalize();
	return error;
}

#endif
