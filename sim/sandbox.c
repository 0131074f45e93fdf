/*
 * The box in which a lab lives, and which nothing outlives.
 *
 *   meshlab run -- clone --> pid 1 of a new PID namespace: init
 *   waits, passes            | dies when its parent dies (PDEATHSIG); the kernel then
 *   signals on               | kills all in the namespace, and with them go mounts
 *                            | and network namespaces
 *                            v
 *                          the lab --> nodes' processes, COMMAND
 *
 * Init is apart from the lab because a first process is no ordinary one: signals
 * and ptrace treat it otherwise, and leak checkers give up on it. The parent
 * enters no namespace. Without privilege a user namespace comes first, in which
 * the caller is root.
 */
#include "sim/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOX (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET)

static int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? write(fd, text, strlen(text)) : -1;
	int error = len < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* Root inside for who is nobody outside. */
static int sandbox_map_root(uid_t uid, gid_t gid)
{
	char uids[64], gids[64];

	snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)uid);
	snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)gid);
	int error = file_write("/proc/self/setgroups", "deny");
	if (!error)
		error = file_write("/proc/self/uid_map", uids);
	if (!error)
		error = file_write("/proc/self/gid_map", gids);
	return error;
}

/* As fork(), the child in namespaces of its own. */
static pid_t sandbox_clone(int flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* A /run/netns of our own, so that `ip netns` works and the machine's own is left alone. */
static int sandbox_mount(void)
{
	struct stat st;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return lab_complain("cannot make mounts private: %s", strerror(errno));
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return lab_complain("cannot mount /proc: %s; in a container, run it privileged", strerror(errno));
	if (stat(LAB_NETNS_DIR, &st) == 0)
		return mount("netns", LAB_NETNS_DIR, "tmpfs", 0, "mode=755")
			       ? lab_complain("cannot mount on " LAB_NETNS_DIR ": %s", strerror(errno))
			       : 0;
	if (mount("run", "/run", "tmpfs", 0, "mode=755") || mkdir(LAB_NETNS_DIR, 0755))
		return lab_complain("cannot mount on /run: %s", strerror(errno));
	return 0;
}

/* The parent may have died before PDEATHSIG was set: then its end of the pipe is closed. */
static bool sandbox_parent_lives(int pipe_read)
{
	struct pollfd poll_fd = { .fd = pipe_read, .events = 0 };

	return poll(&poll_fd, 1, 0) == 0;
}

/* Passes signals on until the child is gone, and reaps who has no other parent. Its exit status. */
static int sandbox_wait(pid_t child, const sigset_t *signals)
{
	int status, signal;

	for (;;) {
		pid_t pid;

		if (sigwait(signals, &signal))
			return EXIT_FAILURE;
		if (signal != SIGCHLD)
			kill(child, signal);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == child)
				return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

/* The first process. Returns only in its child, which is the lab. */
static int sandbox_init(int pipe_read, const sigset_t *signals)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || !sandbox_parent_lives(pipe_read) || sandbox_mount())
		_exit(EXIT_FAILURE);
	pid_t pid = fork();
	if (pid < 0)
		_exit(EXIT_FAILURE);
	if (pid > 0)
		_exit(sandbox_wait(pid, signals));
	return close(pipe_read);
}

int sandbox_run(int (*body)(void *user), void *user)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	sigset_t signals;
	int pipe_fds[2];
	bool mapped = false;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return lab_complain("cannot make a pipe: %s", strerror(errno)), EXIT_FAILURE;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	pid_t pid = sandbox_clone(BOX);
	if (pid < 0 && errno == EPERM) {
		mapped = true;
		pid = sandbox_clone(BOX | CLONE_NEWUSER);
	}
	if (pid < 0)
		return lab_complain("namespaces are not allowed here (%s); run as root, or allow user namespaces: "
				    "sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=1000",
			       strerror(errno)),
		       EXIT_FAILURE;
	if (pid > 0) {
		close(pipe_fds[0]);
		int status = sandbox_wait(pid, &signals);
		close(pipe_fds[1]);
		return status;
	}
	close(pipe_fds[1]);
	int error = mapped ? sandbox_map_root(uid, gid) : 0;
	if (error) {
		lab_complain("cannot become root in a user namespace: %s; run as root", strerror(-error));
		_exit(EXIT_FAILURE);
	}
	sandbox_init(pipe_fds[0], &signals);
	return body(user);
}

static bool namespace_is_ours(pid_t pid, const char *kind)
{
	char path[64], ours[64];
	struct stat a, b;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	snprintf(ours, sizeof(ours), "/proc/self/ns/%s", kind);
	return stat(path, &a) == 0 && stat(ours, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int sandbox_join(pid_t pid)
{
	if (namespace_is_ours(pid, "pid"))
		return 0;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int what = CLONE_NEWNS | CLONE_NEWPID | (namespace_is_ours(pid, "user") ? 0 : CLONE_NEWUSER);
	int status;

	if (fd < 0 || setns(fd, what))
		return lab_complain("cannot enter the lab: %s; run as who runs it", strerror(errno));
	close(fd);
	pid_t child = fork();
	if (child < 0)
		return lab_complain("cannot fork: %s", strerror(errno));
	if (child == 0)
		return 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	/* Not exit(): a leak checker cannot fork its helper where children are born elsewhere. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
