/*
 * Files that are either the old or the new one, whatever happens in between:
 * written beside, synced, renamed over, and the directory synced.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PATH_MAX (CONFIG_PATH_MAX + 32)

static void path_make(char path[FILE_PATH_MAX], const char *dir, const char *name, const char *suffix)
{
	snprintf(path, FILE_PATH_MAX, "%s/%s%s", dir, name, suffix);
}

static int all_read(int fd, uint8_t *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t got = read(fd, data + done, len - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EIO; /* shorter than it said */
		done += (size_t)got;
	}
	return 0;
}

int state_file_read(const char *dir, const char *name, size_t max, uint8_t **data)
{
	char path[FILE_PATH_MAX];
	struct stat status;
	int error;

	*data = NULL;
	path_make(path, dir, name, "");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		error = -errno;
	else if (!S_ISREG(status.st_mode) || status.st_size < 0 || (uint64_t)status.st_size > max)
		error = -EFBIG;
	else if (!(*data = malloc((size_t)status.st_size + 1)))
		error = -ENOMEM;
	else
		error = all_read(fd, *data, (size_t)status.st_size);
	close(fd);
	if (!error)
		return (int)status.st_size;
	free(*data);
	*data = NULL;
	return error;
}

static int all_write(int fd, struct bytes data)
{
	for (size_t done = 0; done < data.len;) {
		ssize_t put = write(fd, data.data + done, data.len - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		done += (size_t)put;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static void directory_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int state_file_write(const char *dir, const char *name, struct bytes data)
{
	char path[FILE_PATH_MAX], beside[FILE_PATH_MAX];

	path_make(path, dir, name, "");
	path_make(beside, dir, name, ".new");
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int error = all_write(fd, data);
	if (close(fd) < 0 && !error)
		error = -errno;
	if (!error && rename(beside, path) < 0)
		error = -errno;
	if (error)
		unlink(beside); /* on a full disk its room is wanted */
	else
		directory_sync(dir);
	return error;
}

void state_file_set_aside(const char *dir, const char *name)
{
	char path[FILE_PATH_MAX], aside[FILE_PATH_MAX];

	path_make(path, dir, name, "");
	path_make(aside, dir, name, ".bad");
	if (rename(path, aside) < 0)
		unlink(path);
}
