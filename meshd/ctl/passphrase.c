/* A passphrase, from the terminal without showing it, or from a file's first line. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int first_line(const char *text, size_t len, char out[PASSPHRASE_MAX + 1])
{
	const char *end = memchr(text, '\n', len);

	if (end)
		len = (size_t)(end - text);
	if (len && text[len - 1] == '\r')
		len--;
	if (len > PASSPHRASE_MAX)
		return -EINVAL;
	memcpy(out, text, len);
	out[len] = 0;
	return 0;
}

static int from_file(const char *path, char out[PASSPHRASE_MAX + 1], char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = file_read(path, text, error);

	if (len < 0)
		return len;
	int code = first_line(text, (size_t)len, out);
	secret_wipe(text, sizeof(text));
	return code ? ctl_error(error, code, "%s: its first line is longer than %d bytes", path, PASSPHRASE_MAX) : 0;
}

static int from_terminal(int fd, const char *prompt, char out[PASSPHRASE_MAX + 1])
{
	char text[PASSPHRASE_MAX + 2];
	struct termios shown, hidden;
	size_t len = 0;
	ssize_t got = 1;

	if (tcgetattr(fd, &shown) < 0)
		return -errno;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(fd, "%s: ", prompt);
	tcsetattr(fd, TCSAFLUSH, &hidden);
	while (got > 0 && len < sizeof(text) && !memchr(text, '\n', len)) {
		got = read(fd, text + len, sizeof(text) - len);
		if (got > 0)
			len += (size_t)got;
	}
	tcsetattr(fd, TCSAFLUSH, &shown);
	dprintf(fd, "\n");
	int code = len ? first_line(text, len, out) : -EIO;
	secret_wipe(text, sizeof(text));
	return code;
}

int passphrase_get(const char *file, const char *prompt, char out[PASSPHRASE_MAX + 1], char error[CTL_ERROR_MAX])
{
	if (file)
		return from_file(file, out, error);
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int code = fd < 0 ? -errno : from_terminal(fd, prompt, out);
	if (fd >= 0)
		close(fd);
	if (code == -EINVAL)
		return ctl_error(error, code, "a passphrase has %d bytes at most", PASSPHRASE_MAX);
	return code ? ctl_error(error, code,
			      "there is no terminal to ask for the passphrase; write it to a file and name that with "
			      "--passphrase-file")
		    : 0;
}

int passphrase_choose(const char *file, char out[PASSPHRASE_MAX + 1], char error[CTL_ERROR_MAX])
{
	char again[PASSPHRASE_MAX + 1] = "";
	int code = passphrase_get(file, "New passphrase of the authority", out, error);

	if (!code && strlen(out) < PASSPHRASE_MIN)
		code = ctl_error(
			error, -EINVAL, "a passphrase has %d characters or more; take a few words", PASSPHRASE_MIN);
	if (!code && !file)
		code = passphrase_get(NULL, "The same again", again, error);
	if (!code && !file && strcmp(out, again) != 0)
		code = ctl_error(error, -EINVAL, "the two are not the same; try again");
	secret_wipe(again, sizeof(again));
	return code;
}
