/*
 * What a node runs, and COMMAND. Each of a node's processes leads a group, which
 * dies as one when the power goes.
 */
#include "sim/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL_FAILED 127

void process_set_environment(const struct lab *lab, const char *program_dir)
{
	const char *path = getenv("PATH");
	char all[LAB_PATH_MAX], socket[LAB_PATH_MAX];

	/* The sbin folders are not in everybody's PATH; ip and nft are there. */
	snprintf(all, sizeof(all), "%s:%s:/usr/sbin:/sbin", program_dir, path ? path : "/usr/bin:/bin");
	snprintf(socket, sizeof(socket), "%s/%s", lab->out, LAB_SOCKET);
	setenv("PATH", all, 1);
	setenv("MESHLAB_DIR", lab->out, 1);
	setenv("MESHLAB_SOCKET", socket, 1);
}

/* Between fork and exec: what the lab blocked and bent is put straight. */
static void child_prepare(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static _Noreturn void child_run_node(const struct lab *lab, const struct lab_node *node, const char *line)
{
	char log[LAB_PATH_MAX];

	child_prepare();
	setsid();
	snprintf(log, sizeof(log), "%s/%s.log", lab->out, node->conf->name);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(TOOL_FAILED);
	setenv("MESHLAB_NODE", node->conf->name, 1);
	if (namespace_enter(node->netns))
		_exit(TOOL_FAILED);
	execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	_exit(TOOL_FAILED);
}

int process_start_node(struct lab *lab, struct lab_node *node)
{
	node->start_wanted = false;
	for (unsigned i = 0; i < node->conf->run_count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return lab_complain("cannot fork: %s", strerror(errno));
		if (pid == 0)
			child_run_node(lab, node, node->conf->run[i]);
		setpgid(pid, pid); /* so that a kill right now finds the group; the child does the same */
		node->processes[i].pid = pid;
	}
	return 0;
}

void process_signal_node(struct lab_node *node, int signal)
{
	for (unsigned i = 0; i < node->conf->run_count; i++) {
		pid_t pid = node->processes[i].pid;

		if (pid && kill(-pid, signal) && errno == ESRCH)
			kill(pid, signal);
	}
}

bool process_is_running(const struct lab_node *node)
{
	for (unsigned i = 0; i < node->conf->run_count; i++)
		if (node->processes[i].pid)
			return true;
	return false;
}

int process_start_command(struct lab *lab)
{
	lab->command_pid = fork();
	if (lab->command_pid < 0)
		return lab_complain("cannot fork: %s", strerror(errno));
	if (lab->command_pid == 0) {
		child_prepare();
		execvp(lab->command[0], lab->command);
		lab_complain("%s: %s", lab->command[0], strerror(errno));
		_exit(TOOL_FAILED);
	}
	return 0;
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void node_process_ended(struct lab *lab, unsigned n, pid_t pid, int status)
{
	struct lab_node *node = &lab->nodes[n];

	if (WIFSIGNALED(status))
		journal_write(lab, "lab", "exit %s pid %d signal %d", node->conf->name, (int)pid, WTERMSIG(status));
	else
		journal_write(lab, "lab", "exit %s pid %d status %d", node->conf->name, (int)pid, WEXITSTATUS(status));
	if (process_is_running(node))
		return;
	if (node->start_wanted && !lab->ending)
		process_start_node(lab, node);
	control_node_stopped(lab, n);
	lab_end_check(lab);
}

void process_reap(struct lab *lab)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == lab->command_pid) {
			lab->command_pid = 0;
			lab_end(lab, status_of(status));
			continue;
		}
		for (unsigned n = 0; n < lab->node_count; n++)
			for (unsigned i = 0; i < SCENARIO_RUN_MAX; i++)
				if (lab->nodes[n].processes[i].pid == pid) {
					lab->nodes[n].processes[i].pid = 0;
					node_process_ended(lab, n, pid, status);
				}
	}
}

int process_run_tool(int netns, char *const argv[], const char *input)
{
	int in = memfd_create("input", MFD_CLOEXEC);
	int status;

	if (in < 0 || write(in, input, strlen(input)) < 0 || lseek(in, 0, SEEK_SET) < 0)
		return lab_complain("cannot write to memory: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		child_prepare();
		if (dup2(in, 0) >= 0 && namespace_enter(netns) == 0)
			execvp(argv[0], argv);
		_exit(TOOL_FAILED);
	}
	close(in);
	if (pid < 0)
		return lab_complain("cannot fork: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status_of(status);
}
