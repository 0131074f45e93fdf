/* One question to meshd: a line there, a line back, and a sentence when nobody answers. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX (64u << 20)
#define TIMEOUT_S 10
#define LINE_FIRST_MAX 4096 /* before a stream */

static int unreachable(char error[CTL_ERROR_MAX], int code, const char *path)
{
	if (code == -EACCES)
		return ctl_error(
			error, -ECONNREFUSED, "%s: not allowed; run meshctl as root, or join the socket's group", path);
	if (code == -ENOENT || code == -ECONNREFUSED)
		return ctl_error(error, -ECONNREFUSED,
			"%s: no meshd answers there; start it, or name its socket with --socket", path);
	return ctl_error(error, -ECONNREFUSED, "%s: %s; name meshd's socket with --socket", path, strerror(-code));
}

static int connection_open(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = TIMEOUT_S };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int code = -errno;
	close(fd);
	return code;
}

static int line_send(int fd, const json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len = line ? strlen(line) : 0, done = 0;

	if (!line)
		return -ENOMEM;
	line[len++] = '\n'; /* in the place of the NUL */
	while (done < len) {
		ssize_t put = send(fd, line + done, len - done, MSG_NOSIGNAL);

		if (put <= 0)
			break;
		done += (size_t)put;
	}
	free(line);
	return done == len ? 0 : -EIO;
}

/* One line for free(); NULL if it does not come. */
static char *line_receive(int fd, size_t *len)
{
	size_t capacity = 65536;
	char *line = malloc(capacity);

	*len = 0;
	while (line) {
		ssize_t got = recv(fd, line + *len, capacity - *len, 0);

		if (got <= 0)
			break;
		*len += (size_t)got;
		if (line[*len - 1] == '\n')
			return line;
		if (*len < capacity)
			continue;
		capacity *= 2;
		char *more = capacity <= ANSWER_MAX ? realloc(line, capacity) : NULL;
		if (!more)
			break;
		line = more;
	}
	free(line);
	return NULL;
}

/* What meshd has said; NULL: it is not meshd, or says no. */
static json_t *answer_take(const char *path, const char *line, size_t len, int *code, char error[CTL_ERROR_MAX])
{
	json_t *answer = len && line[len - 1] == '\n' ? json_loadb(line, len, 0, NULL) : NULL;

	if (answer && json_flag(answer, "ok"))
		return answer;
	if (!answer)
		*code = ctl_error(
			error, -ECONNREFUSED, "%s: the answer is not meshd's; name its socket with --socket", path);
	else
		*code = ctl_error(error, -ENOENT, "%s", json_text(answer, "error"));
	json_decref(answer);
	return NULL;
}

int client_fail(int code, const char *error)
{
	return ctl_fail(code == -ENOENT ? CTL_BAD : CTL_USAGE, "%s", error);
}

int client_follow(const char *socket_path, json_t *request, void (*each)(void *arg, const json_t *line), void *arg,
	char error[CTL_ERROR_MAX])
{
	const struct timeval forever = { 0 };
	int fd = connection_open(socket_path), code = fd < 0 ? unreachable(error, fd, socket_path) : 0;
	FILE *in = NULL;
	char *line = NULL;
	size_t size = 0;

	if (!code && (line_send(fd, request) < 0 || !(in = fdopen(fd, "r"))))
		code = ctl_error(error, -ECONNREFUSED, "%s: meshd does not answer; see its log", socket_path);
	json_decref(request);
	if (in)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	else if (fd >= 0)
		close(fd);
	while (!code && getline(&line, &size, in) > 0) {
		json_t *said = json_loads(line, 0, NULL);

		if (!said || json_is_false(json_object_get(said, "ok")))
			code = ctl_error(error, -ENOENT, "%s", said ? json_text(said, "error") : "not JSON");
		else
			each(arg, said);
		json_decref(said);
	}
	free(line);
	if (in)
		fclose(in);
	return code ? code : ctl_error(error, -ECONNREFUSED, "%s: meshd has ended", socket_path);
}

json_t *client_ask(const char *socket_path, json_t *request, int *code, char error[CTL_ERROR_MAX])
{
	int fd = connection_open(socket_path);
	json_t *answer = NULL;
	char *line = NULL;
	size_t len = 0;

	*code = fd < 0 ? unreachable(error, fd, socket_path) : 0;
	if (!*code && (line_send(fd, request) < 0 || !(line = line_receive(fd, &len))))
		*code = ctl_error(error, -ECONNREFUSED, "%s: meshd does not answer; see its log", socket_path);
	if (!*code)
		answer = answer_take(socket_path, line, len, code, error);
	free(line);
	json_decref(request);
	if (fd >= 0)
		close(fd);
	return answer;
}

void client_hand_in(json_t *request, const char *key, struct bytes bytes)
{
	_Static_assert(GRANT_MAX_LEN <= CLIENT_BYTES_MAX && REVOCATION_MAX_LEN <= CLIENT_BYTES_MAX &&
			       DEPLOYMENT_KEY_LEN <= CLIENT_BYTES_MAX,
		"what is handed in");
	char text[sodium_base64_ENCODED_LEN(CLIENT_BYTES_MAX, sodium_base64_VARIANT_ORIGINAL)];

	sodium_bin2base64(text, sizeof(text), bytes.data, bytes.len, sodium_base64_VARIANT_ORIGINAL);
	json_object_set_new(request, key, json_string(text));
	secret_wipe(text, sizeof(text));
}

int client_stream(const char *socket_path, json_t *request, int *code, char error[CTL_ERROR_MAX])
{
	int fd = connection_open(socket_path);
	char line[LINE_FIRST_MAX];
	size_t len = 0;

	*code = fd < 0 ? unreachable(error, fd, socket_path) : 0;
	if (!*code && line_send(fd, request) < 0)
		*code = ctl_error(error, -ECONNREFUSED, "%s: meshd does not answer; see its log", socket_path);
	json_decref(request);
	/* Byte by byte: what follows is no line. */
	while (!*code && len < sizeof(line) && recv(fd, line + len, 1, 0) == 1 && line[len++] != '\n')
		;
	if (!*code)
		json_decref(answer_take(socket_path, line, len, code, error));
	if (!*code)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}
