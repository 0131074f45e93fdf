/*
 * The box in which a lab lives, and which nothing outlives.
 *
 *   meshlab run ---- fork ----> pid 1 of a new PID namespace (the lab)
 *   waits, passes               | dies when its parent dies (PDEATHSIG);
 *   signals on                  | the kernel then kills all that it started,
 *                               v and with them mounts and namespaces go
 *                            nodes' processes, COMMAND
 *
 * Without privilege a user namespace comes first, in which the caller is root.
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

static int sandbox_unshare(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(BOX) == 0)
		return 0;
	if (errno != EPERM || unshare(CLONE_NEWUSER | BOX) != 0)
		return lab_complain("namespaces are not allowed here (%s); run as root, or allow user namespaces: "
				    "sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=1000",
			strerror(errno));
	int error = sandbox_map_root(uid, gid);
	if (error)
		return lab_complain("cannot become root in a user namespace: %s; run as root", strerror(-error));
	return 0;
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

static int sandbox_inner(int (*body)(void *user), void *user, int pipe_read)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || !sandbox_parent_lives(pipe_read))
		return EXIT_FAILURE;
	if (sandbox_mount())
		return EXIT_FAILURE;
	return body(user);
}

/* Passes signals on until the child is gone. */
static int sandbox_wait(pid_t pid, const sigset_t *signals)
{
	int status, signal;

	for (;;) {
		if (sigwait(signals, &signal))
			return EXIT_FAILURE;
		if (signal != SIGCHLD)
			kill(pid, signal);
		else if (waitpid(pid, &status, WNOHANG) == pid)
			break;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int sandbox_run(int (*body)(void *user), void *user)
{
	sigset_t signals;
	int pipe_fds[2];

	if (sandbox_unshare() || pipe2(pipe_fds, O_CLOEXEC))
		return EXIT_FAILURE;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	pid_t pid = fork();
	if (pid < 0)
		return lab_complain("cannot fork: %s", strerror(errno)), EXIT_FAILURE;
	if (pid == 0) {
		close(pipe_fds[1]);
		return sandbox_inner(body, user, pipe_fds[0]);
	}
	close(pipe_fds[0]);
	return sandbox_wait(pid, &signals);
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
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
