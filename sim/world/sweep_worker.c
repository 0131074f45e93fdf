/*
 * Worker processes of this machine. Each is forked with the spec in its memory,
 * gets the number of a job as one message and answers with a row as one message.
 * One that dies is replaced, and its job goes to the next that is free.
 */
#include "sim/world/sweep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void worker_serve(struct sweep *s, int fd)
{
	char row[SWEEP_ROW_MAX];
	unsigned job;

	while (recv(fd, &job, sizeof(job), 0) == (ssize_t)sizeof(job)) {
		size_t len = sweep_job_run(s, job, row) ? 0 : strlen(row);

		if (!len || send(fd, row, len, MSG_NOSIGNAL) != (ssize_t)len)
			break;
	}
	_exit(0);
}

int sweep_worker_start(struct sweep_worker *w, struct sweep *s)
{
	pid_t parent = getpid();
	int fds[2];

	*w = (struct sweep_worker){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	w->pid = fork();
	if (w->pid == 0) {
		/* An ended sweep leaves nobody behind, whatever way it ended. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		close(fds[0]);
		worker_serve(s, fds[1]);
	}
	int error = w->pid < 0 ? -errno : 0;
	close(fds[1]);
	if (error)
		close(fds[0]);
	else
		w->fd = fds[0];
	return error;
}

void sweep_worker_stop(struct sweep_worker *w)
{
	if (w->fd < 0)
		return;
	close(w->fd);
	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	w->fd = -1;
}

int sweep_worker_give(struct sweep_worker *w, unsigned job)
{
	w->is_busy = true;
	w->job = job;
	return send(w->fd, &job, sizeof(job), MSG_NOSIGNAL) == (ssize_t)sizeof(job) ? 0 : -EPIPE;
}

int sweep_worker_row(struct sweep_worker *w, char row[SWEEP_ROW_MAX])
{
	ssize_t len = recv(w->fd, row, SWEEP_ROW_MAX - 1, MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len <= 0)
		return -EPIPE;
	row[len] = '\0';
	w->is_busy = false;
	return 1;
}

/* The worker is replaced, and what it had is open again. */
static int worker_lost(struct sweep_worker *w, struct sweep *s, struct sweep_book *b)
{
	bool was_busy = w->is_busy;
	unsigned job = w->job;
	char text[200];

	sweep_worker_stop(w);
	sweep_job_text(s, job, text, sizeof(text));
	if (was_busy && !sweep_book_lost(b, job)) {
		fprintf(stderr, "meshsim: %s: died %d times; use fewer --workers, or run it alone to see why\n", text,
			SWEEP_TRIES);
		return -EIO;
	}
	fprintf(stderr, "meshsim: %s: its worker is lost; another takes its place\n", was_busy ? text : "no run yet");
	int error = sweep_worker_start(w, s);
	if (error)
		fprintf(stderr, "meshsim: no process can be started: %s; use fewer --workers\n", strerror(-error));
	return error;
}

/* What the worker has to say, and the next job if it is free. */
static int worker_attend(struct sweep_worker *w, struct sweep *s, struct sweep_book *b)
{
	char row[SWEEP_ROW_MAX];
	int got = sweep_worker_row(w, row);
	unsigned job;
	int error = got > 0 ? sweep_book_row(b, w->job, row) : 0;

	if (error)
		fprintf(stderr, "meshsim: the CSV cannot be written: %s; make room\n", strerror(-error));
	if (got < 0)
		error = worker_lost(w, s, b);
	while (!error && !w->is_busy && sweep_book_take(b, &job))
		error = sweep_worker_give(w, job) ? worker_lost(w, s, b) : 0;
	return error;
}

int sweep_pool(struct sweep *s, struct sweep_book *b, unsigned workers)
{
	struct sweep_worker pool[SWEEP_WORKERS_MAX];
	struct pollfd polls[SWEEP_WORKERS_MAX];
	unsigned count = 0;
	int error = 0;

	while (count < workers && count < s->job_count && !error)
		error = sweep_worker_start(&pool[count++], s);
	if (error)
		fprintf(stderr, "meshsim: no process can be started: %s; use fewer --workers\n", strerror(-error));
	while (!error && !sweep_book_is_over(b)) {
		for (unsigned i = 0; i < count && !error; i++) {
			error = worker_attend(&pool[i], s, b);
			polls[i] = (struct pollfd){ .fd = pool[i].fd, .events = POLLIN };
		}
		if (!error && !sweep_book_is_over(b) && poll(polls, count, -1) < 0 && errno != EINTR)
			error = -errno;
	}
	for (unsigned i = 0; i < count; i++)
		sweep_worker_stop(&pool[i]);
	return error;
}
