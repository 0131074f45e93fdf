/* The enrolment file as meshd reads it: what is wrong with it, and what to do. */
#include "meshd/io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int key_file_read(const char *path, char text[ENROLMENT_TEXT_MAX + 1])
{
	size_t len = 0;
	ssize_t got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	while (got > 0 && len < ENROLMENT_TEXT_MAX + 1) {
		got = read(fd, text + len, ENROLMENT_TEXT_MAX + 1 - len);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			len += (size_t)got;
	}
	int error = got < 0 ? -errno : 0;
	close(fd);
	return error ? error : (int)len;
}

static int unreadable_say(char error[IO_ERROR_MAX], int code, const char *path)
{
	if (code == -ENOENT)
		return io_fail(error, code,
			"%s: there is no enrolment file; make one with \"meshctl enrol\" where the authority is, and "
			"put it there",
			path);
	if (code == -EACCES)
		return io_fail(error, code, "%s: may not be read by this user; start meshd as root", path);
	return io_fail(error, code, "%s: cannot be read: %s; put the enrolment file there", path, strerror(-code));
}

/* Keys that are to have a certificate. */
static bool request_waits(struct bytes text)
{
	struct secret_request own;
	bool waits = request_parse_secret(&own, text) == 0;

	request_done(&own);
	return waits;
}

int enrolment_expired(char error[IO_ERROR_MAX], const char *path, const struct certificate *c)
{
	time_t end = (time_t)c->not_after * 60;
	struct tm day;
	char date[16] = "";

	if (gmtime_r(&end, &day))
		strftime(date, sizeof(date), "%Y-%m-%d", &day);
	return io_fail(error, -EKEYEXPIRED, "%s: the certificate of \"%s\" ended on %s; enrol this node again", path,
		c->name, date);
}

int enrolment_load(struct enrolment *e, const char *path, const struct time_floor *floor, char error[IO_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX + 1];
	int len = key_file_read(path, text);

	if (len < 0)
		return unreadable_say(error, len, path);
	int failure = enrolment_parse(e, bytes_of(text, (size_t)len));
	bool waits = failure && request_waits(bytes_of(text, (size_t)len));
	secret_wipe(text, sizeof(text));
	if (waits)
		return io_fail(error, -EAGAIN,
			"%s: has no certificate yet; bring what \"meshctl request\" shows to who has the authority's "
			"key, and "
			"its answer to \"meshctl accept\"",
			path);
	if (failure == -EKEYREJECTED)
		return io_fail(error, failure,
			"%s: its keys and its certificate do not belong together; enrol this node again", path);
	if (failure)
		return io_fail(error, failure,
			"%s: not an enrolment file, or damaged; copy it again, or enrol this node again", path);
	failure = certificate_verify(&e->certificate, &e->authority, floor);
	if (!failure)
		return 0;
	failure = enrolment_expired(error, path, &e->certificate);
	enrolment_done(e);
	return failure;
}
