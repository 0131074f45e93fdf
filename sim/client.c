/* The other side of the control socket: `meshlab ctl` and `meshlab exec`. */
#include "sim/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

/* The lab's DIR: --dir, taken off the arguments, or the environment. */
static const char *client_dir(int *argc, char ***argv)
{
	if (*argc >= 2 && strcmp((*argv)[0], "--dir") == 0) {
		const char *dir = (*argv)[1];

		*argc -= 2;
		*argv += 2;
		return dir;
	}
	return getenv("MESHLAB_DIR");
}

static int client_connect(const char *dir)
{
	static const struct timeval patience = { .tv_sec = 60 }; /* a process may take its time to stop */
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (!dir)
		return lab_complain("which lab? Name its directory with --dir DIR, or set MESHLAB_DIR");
	int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" LAB_SOCKET, dir_fd);
	if (dir_fd < 0 || fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		lab_complain("%s/" LAB_SOCKET ": %s; is the lab running?", dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (dir_fd >= 0)
		close(dir_fd);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The answer to stdout or stderr, and the exit status. */
static int client_read_answer(int fd)
{
	char data[4096], status = 0, last = '\n';
	ssize_t len;

	while ((len = read(fd, data, sizeof(data))) > 0) {
		size_t skip = status ? 0 : 1;

		if (!status)
			status = data[0];
		FILE *out = status == '0' ? stdout : stderr;
		if (skip && status != '0')
			fputs("meshlab: ", out);
		fwrite(data + skip, 1, (size_t)len - skip, out);
		if ((size_t)len > skip)
			last = data[len - 1];
	}
	if (last != '\n')
		fputc('\n', status == '0' ? stdout : stderr);
	if (!status)
		lab_complain(len < 0 ? "no answer in a minute; the order may still be carried out"
				     : "the lab ended without an answer");
	return status == '0' ? EXIT_SUCCESS : EXIT_FAILURE;
}

int client_main(int argc, char **argv)
{
	const char *dir = client_dir(&argc, &argv);
	char line[LINE_MAX_BYTES];
	size_t len = 0;

	for (int i = 0; i < argc && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", i ? " " : "", argv[i]);
	if (argc == 0 || len + 1 >= sizeof(line) || strchr(line, '\n'))
		return lab_complain("one order; write meshlab ctl cut LINK (meshlab --help lists them)"), EXIT_FAILURE;
	line[len++] = '\n';
	int fd = client_connect(dir);
	if (fd < 0)
		return EXIT_FAILURE;
	int status = EXIT_FAILURE;
	if (send(fd, line, len, MSG_NOSIGNAL) == (ssize_t)len)
		status = client_read_answer(fd);
	close(fd);
	return status;
}

/* The lab's process, as it is numbered where we are. */
static int lab_find_pid(const char *dir, pid_t *pid)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	int fd = client_connect(dir);

	if (fd < 0)
		return -EIO;
	int error = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) ? -errno : 0;
	close(fd);
	*pid = credentials.pid;
	return error;
}

int client_exec_main(int argc, char **argv)
{
	const char *dir = client_dir(&argc, &argv);
	char path[sizeof(LAB_NETNS_DIR) + SCENARIO_NAME_MAX + 1];
	pid_t pid;

	if (argc < 2 || strlen(argv[0]) >= SCENARIO_NAME_MAX || strchr(argv[0], '/'))
		return lab_complain("write meshlab exec NODE COMMAND ARGS..."), EXIT_FAILURE;
	if (lab_find_pid(dir, &pid) || sandbox_join(pid))
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/%s", LAB_NETNS_DIR, argv[0]);
	int netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return lab_complain("there is no node \"%s\" in the lab", argv[0]), EXIT_FAILURE;
	if (namespace_enter(netns))
		return EXIT_FAILURE;
	setenv("MESHLAB_NODE", argv[0], 1);
	execvp(argv[1], argv + 1);
	return lab_complain("%s: %s", argv[1], strerror(errno)), 127;
}
