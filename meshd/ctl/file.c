/* Files with secrets: for their owner only, and never half written. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

int file_read(const char *path, char text[ENROLMENT_TEXT_MAX], char error[CTL_ERROR_MAX])
{
	size_t len = 0;
	ssize_t got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return ctl_error(error, -errno, "%s: %s", path, strerror(errno));
	while (got > 0 && len < ENROLMENT_TEXT_MAX) {
		got = read(fd, text + len, ENROLMENT_TEXT_MAX - len);
		if (got > 0)
			len += (size_t)got;
	}
	int code = got < 0 ? -errno : 0;
	close(fd);
	return code ? ctl_error(error, code, "%s: %s", path, strerror(-code)) : (int)len;
}

static int all_write(int fd, const char *text, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t put = write(fd, text + done, len - done);

		if (put < 0)
			return -errno;
		done += (size_t)put;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* The name appears only when the contents are safe; link() does not replace, rename() does. */
static int file_publish(const char *beside, const char *path, bool replace)
{
	if (replace)
		return rename(beside, path) < 0 ? -errno : 0;
	int code = link(beside, path) < 0 ? -errno : 0;
	if (code == -EPERM || code == -EOPNOTSUPP || code == -ENOSYS) /* FAT on a stick has no links */
		code = file_exists(path) ? -EEXIST : rename(beside, path) < 0 ? -errno : 0;
	unlink(beside);
	return code;
}

int file_write(const char *path, const char *text, size_t len, bool replace, char error[CTL_ERROR_MAX])
{
	char beside[CTL_PATH_MAX + 8];

	if (strlen(path) >= CTL_PATH_MAX)
		return ctl_error(error, -ENAMETOOLONG, "%.40s...: the path is too long", path);
	snprintf(beside, sizeof(beside), "%s.new", path);
	unlink(beside);
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ctl_error(error, -errno, "%s: %s; name another place%s", path, strerror(errno),
			errno == ENOENT ? ", or make its directory first" : "");
	int code = all_write(fd, text, len);
	if (close(fd) < 0 && !code)
		code = -errno;
	if (!code)
		code = file_publish(beside, path, replace);
	else
		unlink(beside);
	if (code == -EEXIST)
		return ctl_error(
			error, code, "%s is there already; name another file, or replace it with --force", path);
	return code ? ctl_error(error, code, "%s: %s", path, strerror(-code)) : 0;
}

int file_deliver(const char *path, const char *text, size_t len, bool replace, char error[CTL_ERROR_MAX])
{
	if (strcmp(path, "-") != 0)
		return file_write(path, text, len, replace, error);
	if (fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0)
		return 0;
	return ctl_error(error, -errno, "standard output: %s", strerror(errno));
}
