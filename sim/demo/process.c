/*
 * Children by their process id, never by name. Each writes into files: a pipe
 * that nobody reads while a step waits would stop its writer.
 */
#include "sim/demo/process.h"
#include "sim/demo/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define STOP_US (3 * SECOND_US)
#define LOOK_NS 10000000

extern char **environ;

int process_start(struct process *p, const char *name, const char *const *argv)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char err_path[PROCESS_PATH_MAX + 8];
	sigset_t none;

	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->out_path, sizeof(p->out_path), "tools/%s.out", name);
	snprintf(err_path, sizeof(err_path), "%s.err", p->out_path);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, p->out_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	posix_spawn_file_actions_addopen(&actions, 2, err_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	int error = posix_spawnp(&p->pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		p->pid = 0;
	return -error;
}

bool process_is_over(struct process *p)
{
	int status;

	if (!p->pid)
		return true;
	pid_t pid = waitpid(p->pid, &status, WNOHANG);
	if (pid == 0 || (pid < 0 && errno == EINTR))
		return false;
	p->status = pid < 0 ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	p->pid = 0;
	return true;
}

void process_stop(struct process *p)
{
	const struct timespec look = { 0, LOOK_NS };
	uint64_t deadline = now_us() + STOP_US;

	if (process_is_over(p))
		return;
	kill(p->pid, SIGTERM);
	while (!process_is_over(p)) {
		if (now_us() > deadline)
			kill(p->pid, SIGKILL);
		nanosleep(&look, NULL);
	}
}

static size_t beginning_read(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len = file ? fread(text, 1, size - 1, file) : 0;

	if (file)
		fclose(file);
	text[len] = '\0';
	return len;
}

void process_output(const struct process *p, char *text, size_t size)
{
	char path[PROCESS_PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s.err", p->out_path);
	if (!beginning_read(p->out_path, text, size))
		beginning_read(path, text, size);
	for (size_t len = strlen(text); len && (text[len - 1] == '\n' || text[len - 1] == ' ');)
		text[--len] = '\0';
}
