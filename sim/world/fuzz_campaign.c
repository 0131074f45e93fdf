/*
 * A campaign: each worker judges every n-th seed and writes its verdicts into a
 * pipe of its own, from which they are taken in turn:
 *
 *   worker 0   seeds 1 4 7 ..  ═══╗
 *   worker 1   seeds 2 5 8 ..  ═══╬═► 1 2 3 4 5 ..
 *   worker 2   seeds 3 6 9 ..  ═══╝
 *
 * A node that aborts takes only its worker with it: the seed that was due is the
 * one that failed, and another process goes on behind it.
 */
#include "sim/world/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORLD_LIMIT_S 600 /* of real time for one world: then it hangs */

_Static_assert(sizeof(struct fuzz_verdict) <= PIPE_BUF, "a verdict is written whole or not at all");

/* Somebody wants it to end, and to hear what came of it until now. */
static volatile sig_atomic_t is_interrupted;

struct worker {
	pid_t pid;
	int fd;
};

uint64_t real_time_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000;
}

/* --- workers ------------------------------------------------------------------------ */

static _Noreturn void worker_serve(const struct fuzz_campaign *c, uint64_t seed, int fd)
{
	struct fuzz_verdict v;

	/* These go to all processes of a terminal: the campaign decides. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	for (bool is_over = false; !is_over;) {
		alarm(WORLD_LIMIT_S);
		fuzz_judge(seed, &v);
		if (write(fd, &v, sizeof(v)) != (ssize_t)sizeof(v))
			break;
		is_over = c->last - seed < c->workers;
		seed += c->workers;
	}
	_exit(0);
}

static int worker_start(struct worker *w, const struct fuzz_campaign *c, uint64_t seed)
{
	pid_t parent = getpid();
	int fds[2];

	*w = (struct worker){ .fd = -1 };
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	w->pid = fork();
	if (w->pid == 0) {
		/* An ended campaign leaves nobody behind, whatever way it ended. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		close(fds[0]);
		worker_serve(c, seed, fds[1]);
	}
	int error = w->pid < 0 ? -errno : 0;
	close(fds[1]);
	if (error)
		close(fds[0]);
	else
		w->fd = fds[0];
	return error;
}

static int worker_stop(struct worker *w)
{
	int status = 0;

	if (w->fd < 0)
		return 0;
	close(w->fd);
	w->fd = -1;
	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

/* It ended without a verdict on `seed`. */
static void worker_died(struct worker *w, uint64_t seed, struct fuzz_verdict *v)
{
	int status = 0;

	*v = (struct fuzz_verdict){ .seed = seed };
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	close(w->fd);
	w->fd = -1;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(v->failure, sizeof(v->failure), "it does not come to an end: given up after %d s",
			WORLD_LIMIT_S);
	else if (WIFSIGNALED(status))
		snprintf(v->failure, sizeof(v->failure), "its process died: %s", strsignal(WTERMSIG(status)));
	else
		snprintf(v->failure, sizeof(v->failure), "its process ended with status %d", WEXITSTATUS(status));
}

/* --- the campaign ---------------------------------------------------------------------- */

enum turn { TURN_VERDICT, TURN_DIED, TURN_TIME_OVER };

/* Waits for the verdict that is due, until `until_us`. */
static enum turn worker_verdict(struct worker *w, struct fuzz_verdict *v, uint64_t until_us)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	ssize_t len = -1;

	for (;;) {
		uint64_t now_us = real_time_us();

		if (is_interrupted || (until_us && now_us >= until_us))
			return TURN_TIME_OVER;
		if (poll(&p, 1,
			    until_us && until_us - now_us < SECOND_US ? (int)((until_us - now_us) / 1000 + 1) : 1000) >
			0)
			len = read(w->fd, v, sizeof(*v));
		if (len >= 0)
			return len == (ssize_t)sizeof(*v) ? TURN_VERDICT : TURN_DIED;
	}
}

static void verdict_take(struct fuzz_campaign *c, const struct fuzz_verdict *v, FILE *out)
{
	unsigned long long seed = (unsigned long long)v->seed;

	c->worlds++;
	hash_bytes(c->digest, sizeof(c->digest), bytes_of(v->digest, sizeof(v->digest)),
		bytes_of(c->digest, sizeof(c->digest)));
	if (v->is_good)
		return;
	c->failed++;
	fprintf(out,
		"seed %llu: %s\n  replay: meshsim fuzz %llu --verbose\n  shrink: meshsim shrink %llu -o w%llu.yaml\n",
		seed, v->failure, seed, seed, seed);
	fflush(out);
}

static void progress_show(const struct fuzz_campaign *c, uint64_t began_us, bool is_end)
{
	double s = (double)(real_time_us() - began_us) / 1e6;

	if (!c->has_progress)
		return;
	fprintf(stderr, "\r%llu worlds, %llu failed, %.1f a second ", (unsigned long long)c->worlds,
		(unsigned long long)c->failed, s > 0 ? (double)c->worlds / s : 0);
	if (is_end)
		fprintf(stderr, "\r%60s\r", "");
}

static void interrupted(int signal)
{
	(void)signal;
	is_interrupted = 1;
}

/* All seeds in turn, until one fails or the time is over. */
static int verdicts_take(struct fuzz_campaign *c, struct worker *workers, FILE *out)
{
	uint64_t began_us = real_time_us(), until_us = c->limit_us ? began_us + c->limit_us : 0;
	int error = 0;

	for (uint64_t seed = c->first; !error; seed++) {
		struct worker *w = &workers[(seed - c->first) % c->workers];
		struct fuzz_verdict v;
		enum turn turn = worker_verdict(w, &v, until_us);

		if (turn == TURN_TIME_OVER)
			break;
		if (turn == TURN_DIED)
			worker_died(w, seed, &v);
		progress_show(c, began_us, true);
		verdict_take(c, &v, out);
		progress_show(c, began_us, false);
		if (seed == c->last || (c->failed && !c->keeps_going))
			break;
		if (turn == TURN_DIED && c->last - seed >= c->workers)
			error = worker_start(w, c, seed + c->workers);
	}
	progress_show(c, began_us, true);
	return error;
}

int fuzz_campaign_run(struct fuzz_campaign *c, FILE *out)
{
	const struct sigaction on = { .sa_handler = interrupted };
	struct sigaction before[2];
	struct worker workers[FUZZ_WORKERS_MAX];
	unsigned count = 0;
	int error = 0;

	assert(c->workers > 0 && c->workers <= FUZZ_WORKERS_MAX && c->first <= c->last);
	if (c->last - c->first < c->workers)
		c->workers = (unsigned)(c->last - c->first + 1);
	/* A child must not have what is waiting to be written. */
	fflush(NULL);
	for (; count < c->workers && !error; count++)
		error = worker_start(&workers[count], c, c->first + count);
	sigaction(SIGINT, &on, &before[0]);
	sigaction(SIGTERM, &on, &before[1]);
	if (!error)
		error = verdicts_take(c, workers, out);
	sigaction(SIGINT, &before[0], NULL);
	sigaction(SIGTERM, &before[1], NULL);
	for (unsigned i = 0; i < count; i++)
		worker_stop(&workers[i]);
	return error;
}
