/*
 * Does a scenario fail as the first one did? A smaller world draws other numbers
 * from the same seed, and what needs a coincidence may not happen in it: so it is
 * tried with a few seeds, each in a process of its own, which may die. The first
 * seed that fails counts, whoever is ready first.
 */
#include "sim/world/fuzz.h"
#include "sim/world/shrink.h"
#include "sim/world/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORLD_LIMIT_S 120 /* of real time for one world */
#define WORSE_LOSS .1

bool shrink_is_late(const struct shrink *s)
{
	return real_time_us() >= s->until_us;
}

/* --- how it fails ------------------------------------------------------------------- */

static bool is_number(const char *word, size_t len)
{
	return *word >= '0' && *word <= '9' && strspn(word, "0123456789.e+-") >= len;
}

void shrink_kind_of(const char *failure, char kind[SHRINK_KIND_MAX])
{
	static const char breach[] = "no breach: at ";
	bool is_breach = strncmp(failure, breach, strlen(breach)) == 0;
	const char *end = strstr(failure, ": ");
	size_t out = 0;

	if (is_breach) {
		/* "no breach: at 12.3 s: NODE does ... account for packets: 5 in, 4 out" */
		failure = strstr(failure, " s: ");
		failure = failure ? strchr(failure + 4, ' ') : NULL;
		failure = failure ? failure + 1 : breach;
		end = strchr(failure, ':');
	}
	while (*failure && (!end || failure < end) && out + 2 < SHRINK_KIND_MAX) {
		size_t len = strcspn(failure, end ? " :" : " ");

		if (!is_number(failure, len))
			out += (size_t)snprintf(
				kind + out, SHRINK_KIND_MAX - out, "%s%.*s", out ? " " : "", (int)len, failure);
		failure += len + (failure[len] != '\0');
	}
	kind[out < SHRINK_KIND_MAX ? out : SHRINK_KIND_MAX - 1] = '\0';
}

/* Whom a failed expectation is about, if it is about two nodes. */
static bool expect_pair(const struct trial *t, unsigned *from, unsigned *to)
{
	for (unsigned i = 0; i < t->plan->expect_count; i++) {
		const struct plan_expect *e = &t->plan->expect[i];

		if (t->expect[i].is_met)
			continue;
		if (e->measure == PLAN_REACH) {
			*from = e->from;
			*to = e->to;
			return true;
		}
		if (e->measure != PLAN_GAP && e->measure != PLAN_LOST && e->measure != PLAN_FALLEN)
			return false;
		*from = t->plan->flows[e->from].from;
		*to = (unsigned)t->plan->flows[e->from].to;
		return t->plan->flows[e->from].to >= 0;
	}
	return false;
}

/* To fail because nothing is left that joins two nodes is to fail in another way. */
static const char *pair_text(const struct trial *t, const char *failure)
{
	unsigned from, to;

	if (strncmp(failure, "no ", 3) == 0 || !expect_pair(t, &from, &to))
		return "";
	unsigned *groups = whole_groups(t->world, CLASS_TEXT);
	const char *text = groups[from] == groups[to] ? ", joined by links" : ", not joined by links";
	free(groups);
	return text;
}

/* So does a world that was never repaired. */
static const char *links_text(const struct trial *t)
{
	for (unsigned i = 0; i < t->plan->link_count; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct link_params *was = &t->plan->links[i].params[k];
			const struct link_params *is = &t->world->segments[i]->params[k];

			if (is->loss > was->loss + WORSE_LOSS || (is->rate_bps && is->rate_bps < was->rate_bps / 2))
				return ", links left worse than they were";
		}
	return "";
}

/* "" if nothing fails. */
static void world_kind(const char *text, uint64_t seed, char kind[SHRINK_KIND_MAX])
{
	char failure[PLAN_ERROR_MAX];
	struct plan *p = plan_parse("shrink", bytes_of(text, strlen(text)), failure);
	struct trial *t = p ? trial_new(p, seed, NULL) : NULL;

	kind[0] = '\0';
	if (t) {
		trial_run(t, NULL);
		if (trial_failure(t, failure)) {
			shrink_kind_of(failure, kind);
			size_t len = strlen(kind);
			snprintf(kind + len, SHRINK_KIND_MAX - len, "%s%s", pair_text(t, failure),
				strncmp(failure, "no ", 3) == 0 ? "" : links_text(t));
		}
		trial_free(t);
	}
	plan_free(p);
}

/* --- in a process of its own ------------------------------------------------------------- */

struct attempt {
	pid_t pid;
	int fd;
};

static _Noreturn void attempt_serve(const char *text, uint64_t seed, int fd)
{
	char kind[SHRINK_KIND_MAX] = { 0 };
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	/* What a dying node says is no news. */
	if (nowhere >= 0)
		dup2(nowhere, STDERR_FILENO);
	alarm(WORLD_LIMIT_S);
	world_kind(text, seed, kind);
	_exit(write(fd, kind, sizeof(kind)) == (ssize_t)sizeof(kind) ? 0 : 1);
}

static void attempt_start(struct attempt *a, const char *text, uint64_t seed)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		abort();
	fflush(NULL);
	a->pid = fork();
	if (a->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			attempt_serve(text, seed, fds[1]);
		_exit(1);
	}
	if (a->pid < 0)
		abort();
	close(fds[1]);
	a->fd = fds[0];
}

static void attempt_end(struct attempt *a, char kind[SHRINK_KIND_MAX])
{
	ssize_t len;
	int status = 0;

	do
		len = read(a->fd, kind, SHRINK_KIND_MAX);
	while (len < 0 && errno == EINTR);
	close(a->fd);
	while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (len == SHRINK_KIND_MAX)
		return;
	if (WIFSIGNALED(status))
		snprintf(kind, SHRINK_KIND_MAX, "its process died: %s", strsignal(WTERMSIG(status)));
	else
		snprintf(kind, SHRINK_KIND_MAX, "its process ended with status %d", WEXITSTATUS(status));
}

/* --- candidates ------------------------------------------------------------------------------ */

static uint64_t sheet_seed(const struct sheet *s)
{
	const char *seed = sheet_word(s, "seed");

	return seed ? strtoull(seed, NULL, 10) : 0;
}

/* The entry of a list that stands in that line, and its list; false: none does. */
static bool entry_cut(struct sheet *s, unsigned line)
{
	for (unsigned i = 0; i < s->count; i++)
		for (unsigned k = 0; s->parts[i]->kind == SHEET_LIST && k < s->parts[i]->count; k++)
			if (s->parts[i]->parts[k]->line == line) {
				sheet_cut(s->parts[i], k, 1);
				return true;
			}
	return false;
}

/* Cuts what makes no sense any more, as long as the reader says where it is; NULL: that does not help. */
static char *sheet_repair(struct sheet *s, char error[PLAN_ERROR_MAX])
{
	for (;;) {
		size_t len;
		char *text = sheet_write(s, &len);
		struct plan *p = plan_parse("shrink", bytes_of(text, len), error);

		plan_free(p);
		if (p)
			return text;
		free(text);
		if (strncmp(error, "shrink:", 7) != 0 || !entry_cut(s, (unsigned)strtoul(error + 7, NULL, 10)))
			return NULL;
	}
}

/* The first seed, in order, with which it fails as `best` does; false: none. */
static bool seed_find(const struct shrink *s, const char *text, uint64_t first, uint64_t *seed)
{
	struct attempt attempts[SHRINK_SEEDS];
	char kind[SHRINK_KIND_MAX];
	unsigned begun = 0;
	bool is_found = false;

	for (unsigned i = 0; i < SHRINK_SEEDS && (!is_found || i < begun); i++) {
		for (; !is_found && begun < SHRINK_SEEDS && begun < i + s->workers; begun++)
			attempt_start(&attempts[begun], text, first + begun);
		attempt_end(&attempts[i], kind);
		if (is_found || strcmp(kind, s->kind) != 0)
			continue;
		is_found = true;
		*seed = first + i;
	}
	return is_found;
}

bool shrink_try(struct shrink *s, struct sheet *candidate)
{
	char error[PLAN_ERROR_MAX], word[24];
	char *text = shrink_is_late(s) ? NULL : sheet_repair(candidate, error);
	uint64_t seed;

	s->tries++;
	bool is_found = text && seed_find(s, text, sheet_seed(candidate), &seed);
	free(text);
	if (is_found) {
		snprintf(word, sizeof(word), "%llu", (unsigned long long)seed);
		sheet_set(candidate, "seed", word);
		sheet_free(s->best);
		s->best = candidate;
		s->found++;
	} else {
		sheet_free(candidate);
	}
	if (s->progress)
		s->progress(s);
	return is_found;
}

int shrink_begin(struct shrink *s, struct sheet *sheet, char error[PLAN_ERROR_MAX])
{
	struct attempt a;
	size_t len;
	char *text = sheet_write(sheet, &len);
	struct plan *p = plan_parse("shrink", bytes_of(text, len), error);

	s->best = sheet;
	s->tries = s->found = 0;
	plan_free(p);
	if (p) {
		attempt_start(&a, text, sheet_seed(sheet));
		attempt_end(&a, s->kind);
		snprintf(error, PLAN_ERROR_MAX, "it does not fail: there is nothing to shrink");
	}
	free(text);
	return !p ? -EINVAL : s->kind[0] ? 0 : -ENOENT;
}

void shrink_done(struct shrink *s)
{
	sheet_free(s->best);
	s->best = NULL;
}
