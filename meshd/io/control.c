/*
 * The control socket: one line of JSON asks, one line answers.
 *
 *   reading ──line──► answering ──all sent──► reading
 *      │                 │ ▲ └──all sent──► following, until it says anything
 *      │                 │ └──an event────────┘
 *      │                 └──all sent──► streaming a capture, until its end is wanted or came
 *      └── nothing moves for IDLE_S, line too long, end ──► closed
 *
 * Whoever connects is local and allowed, yet may be stuck or confused: a client
 * has one bounded line and one answer in memory, is served one request per turn
 * of the loop, and is dropped when it does not read. Who follows the events is
 * told each from where they are kept, one at a time, so that one who reads slowly
 * loses events and holds nothing. A capture waits in its own bounded room (tap.c), and
 * loses packets likewise; it goes on until its client shuts its end of the socket, and
 * then what is left is sent. When the system has no descriptor for the next
 * client, who connects waits in the backlog, and the loop is not woken for it
 * until PAUSE_S later.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define IDLE_S 30.0
#define PAUSE_S 0.5
#define BACKLOG 16
#define POUR_MAX 65536 /* bytes of a capture in one turn */
#define FOLLOWERS_MAX (CONTROL_CLIENT_MAX / 2) /* there is always a place for who only asks */

struct client {
	struct control *c;
	int fd; /* -1: free */
	ev_io io;
	ev_timer idle;
	size_t in_len;
	char in[CONTROL_LINE_MAX];
	char *out; /* NULL: reading */
	size_t out_len, out_at;
	bool is_last; /* close after this answer */
	struct asker asker;
};

struct control {
	struct daemon *d;
	int fd;
	ev_io io;
	ev_timer pause; /* until clients are let in again */
	bool is_short; /* of descriptors; has been said */
	uint64_t tokens; /* of clients, given so far */
	struct client clients[CONTROL_CLIENT_MAX];
};

/* --- one client -------------------------------------------------------------------------- */

static void client_close(struct client *client)
{
	struct ev_loop *loop = client->c->d->loop;

	ev_io_stop(loop, &client->io);
	ev_timer_stop(loop, &client->idle);
	close(client->fd);
	client->fd = -1;
	free(client->out);
	client->out = NULL;
	if (client->asker.tap)
		tap_close(client->asker.tap);
	client->asker.tap = NULL;
}

static void client_moved(struct client *client)
{
	ev_timer_again(client->c->d->loop, &client->idle);
}

static void client_wait(struct client *client, int events)
{
	struct ev_loop *loop = client->c->d->loop;

	ev_io_stop(loop, &client->io);
	ev_io_set(&client->io, client->fd, events);
	ev_io_start(loop, &client->io);
}

static void client_say(struct client *client, char *line)
{
	client->out = line;
	client->out_len = strlen(line);
	client->out_at = 0;
}

static unsigned followers_count(const struct control *c)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++)
		count += c->clients[i].fd >= 0 && c->clients[i].asker.follow != CONTROL_NO_FOLLOW;
	return count;
}

/* False: the client was closed. */
static bool client_answer(struct client *client, const char *line, size_t len)
{
	static const char full[] = "{\"ok\": false, \"error\": \"too many follow the events; end one of them\"}\n";
	char *answer = control_answer(client->c->d, bytes_of(line, len), &client->asker);

	if (client->asker.waits)
		return true;
	if (answer && followers_count(client->c) > FOLLOWERS_MAX) {
		client->asker.follow = CONTROL_NO_FOLLOW;
		free(answer);
		answer = strdup(full);
	}
	if (!answer) {
		client_close(client);
		return false;
	}
	client_say(client, answer);
	return true;
}

/* The next event, or none yet: then its end is all that is waited for, for as long as it takes. */
static void client_follow(struct client *client)
{
	char *line = control_event_line(client->c->d, &client->asker.follow);

	if (!line) {
		ev_timer_stop(client->c->d->loop, &client->idle);
		client_wait(client, EV_READ);
		return;
	}
	client_say(client, line);
	client_moved(client);
	client_wait(client, EV_WRITE);
}

void control_event(struct daemon *d)
{
	for (unsigned i = 0; d->control && i < CONTROL_CLIENT_MAX; i++) {
		struct client *client = &d->control->clients[i];

		/* Nothing is closed here: an event may happen in the midst of anything. */
		if (client->fd >= 0 && client->asker.follow != CONTROL_NO_FOLLOW && !client->out)
			client_follow(client);
	}
}

void control_later(struct daemon *d, uint64_t token, char *line)
{
	for (unsigned i = 0; d->control && i < CONTROL_CLIENT_MAX; i++) {
		struct client *client = &d->control->clients[i];

		if (client->fd < 0 || client->asker.token != token || !client->asker.waits)
			continue;
		client->asker.waits = false;
		if (!line) {
			client_close(client);
			return;
		}
		client_say(client, line);
		client_moved(client);
		client_wait(client, EV_WRITE);
		return;
	}
	free(line);
}

/* --- a capture ------------------------------------------------------------------------------ */

/* Waits for room to send in, if there is anything, and for the end that the client may want. An end that came would be
 * there forever. */
static void client_stream(struct client *client)
{
	struct tap *t = client->asker.tap;
	bool has_ended = tap_has_ended(t);

	if (has_ended && !tap_waiting(t).len) {
		client_close(client);
		return;
	}
	if (!has_ended)
		ev_timer_stop(client->c->d->loop, &client->idle);
	client_wait(client, (tap_waiting(t).len ? EV_WRITE : 0) | (has_ended ? 0 : EV_READ));
}

/* From within the node, which is not to be disturbed: only wakes the loop. */
static void capture_is_ready(void *user)
{
	struct client *client = user;

	client_wait(client, EV_WRITE | (tap_has_ended(client->asker.tap) ? 0 : EV_READ));
}

static void capture_begin(struct client *client)
{
	tap_watch(client->asker.tap, capture_is_ready, client);
	client_stream(client);
}

static void capture_move(struct client *client, int events)
{
	struct tap *t = client->asker.tap;
	struct bytes b = tap_waiting(t);
	char rest[64];

	if (b.len && (events & EV_WRITE)) {
		ssize_t put = send(client->fd, b.data, b.len < POUR_MAX ? b.len : POUR_MAX, MSG_NOSIGNAL);

		if (put < 0 && errno != EAGAIN && errno != EINTR) {
			client_close(client);
			return;
		}
		if (put > 0) {
			tap_take(t, (size_t)put);
			client_moved(client);
		}
	}
	if ((events & EV_READ) && !tap_has_ended(t)) {
		ssize_t got = recv(client->fd, rest, sizeof(rest), 0);

		if (got >= 0 || (errno != EAGAIN && errno != EINTR)) {
			tap_end(t);
			client_moved(client);
		}
	}
	client_stream(client);
}

/* Takes a complete line from the buffer, if there is one. False: the client was closed. */
static bool client_take_line(struct client *client)
{
	char *end = memchr(client->in, '\n', client->in_len);

	if (!end && client->in_len < sizeof(client->in))
		return true;
	if (!end) { /* what follows is the middle of a line: there is no way back */
		client->is_last = true;
		return client_answer(client, client->in, client->in_len);
	}
	size_t len = (size_t)(end - client->in);
	if (!client_answer(client, client->in, len))
		return false;
	client->in_len -= len + 1;
	memmove(client->in, end + 1, client->in_len);
	return true;
}

static void client_next(struct client *client)
{
	if (!client_take_line(client))
		return;
	if (client->asker.waits) /* what it says meanwhile waits, too */
		ev_io_stop(client->c->d->loop, &client->io);
	else
		client_wait(client, client->out ? EV_WRITE : EV_READ);
}

static void client_write(struct client *client)
{
	ssize_t put = send(client->fd, client->out + client->out_at, client->out_len - client->out_at, MSG_NOSIGNAL);

	if (put < 0 && errno != EAGAIN && errno != EINTR) {
		client_close(client);
		return;
	}
	if (put > 0) {
		client->out_at += (size_t)put;
		client_moved(client);
	}
	if (client->out_at < client->out_len)
		return;
	free(client->out);
	client->out = NULL;
	if (client->is_last) {
		client_close(client);
		return;
	}
	if (client->asker.tap) {
		capture_begin(client);
		return;
	}
	if (client->asker.follow != CONTROL_NO_FOLLOW) {
		client_follow(client);
		return;
	}
	/* Another line may be there already; its answer waits for the next turn. */
	client_next(client);
}

static void client_read(struct client *client)
{
	ssize_t got = recv(client->fd, client->in + client->in_len, sizeof(client->in) - client->in_len, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || client->asker.follow != CONTROL_NO_FOLLOW) {
		client_close(client);
		return;
	}
	client->in_len += (size_t)got;
	client_moved(client);
	client_next(client);
}

static void client_is_ready(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *client = io->data;

	(void)loop;
	if (client->out)
		client_write(client);
	else if (client->asker.tap)
		capture_move(client, events);
	else
		client_read(client);
}

static void client_is_idle(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	client_close(timer->data);
}

static unsigned user_of(int fd)
{
	struct ucred who = { .uid = UINT32_MAX };
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 ? who.uid : UINT32_MAX;
}

static void client_open(struct control *c, int fd)
{
	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++) {
		struct client *client = &c->clients[i];

		if (client->fd >= 0)
			continue;
		client->c = c;
		client->fd = fd;
		client->in_len = 0;
		client->is_last = false;
		client->asker =
			(struct asker){ .user = user_of(fd), .token = ++c->tokens, .follow = CONTROL_NO_FOLLOW };
		ev_io_init(&client->io, client_is_ready, fd, EV_READ);
		ev_timer_init(&client->idle, client_is_idle, 0, IDLE_S);
		client->io.data = client->idle.data = client;
		ev_io_start(c->d->loop, &client->io);
		client_moved(client);
		return;
	}
	static const char full[] = "{\"ok\": false, \"error\": \"too many clients; try again\"}\n";
	send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

/* --- the socket ---------------------------------------------------------------------------- */

static void control_pause(struct control *c, int error)
{
	if (!c->is_short)
		daemon_say(c->d, "control-short", "clients wait: %s; close what is not needed, or raise LimitNOFILE",
			strerror(error));
	c->is_short = true;
	ev_io_stop(c->d->loop, &c->io);
	ev_timer_set(&c->pause, PAUSE_S, 0);
	ev_timer_start(c->d->loop, &c->pause);
}

static void pause_is_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct control *c = timer->data;

	(void)events;
	ev_io_start(loop, &c->io);
}

static void client_is_new(struct ev_loop *loop, ev_io *io, int events)
{
	struct control *c = io->data;
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop, (void)events;
	if (fd >= 0) {
		c->is_short = false;
		client_open(c, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		control_pause(c, errno);
	}
}

static void directory_make(const char *path)
{
	char dir[CONFIG_PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	char *end = strrchr(dir, '/');
	if (end && end != dir) {
		*end = 0;
		mkdir(dir, 0755); /* if it fails, bind() will say why */
	}
}

static int refuse(char error[IO_ERROR_MAX], int code, const char *path)
{
	switch (-code) {
	case EBUSY:
		return io_fail(error, code,
			"%s: another meshd answers there; stop it first, or give this one its own \"control\" and "
			"\"state\"",
			path);
	case ENOTSOCK:
		return io_fail(
			error, code, "%s: is there and is no socket; remove it, or name another \"control\"", path);
	case EACCES:
	case EPERM:
		return io_fail(error, code, "%s: not allowed; start meshd as root, or name another \"control\"", path);
	default:
		return io_fail(error, code, "%s: %s; name another \"control\"", path, strerror(-code));
	}
}

/* A socket that nobody answers on was left by a daemon that was killed. */
static int stale_remove(int fd, const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -ENOTSOCK;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EBUSY;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int socket_new(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int socket_listen(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0117); /* never open to others, not even for a moment */
	int error = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(mask);
	if (!error && listen(fd, BACKLOG) < 0)
		error = -errno;
	return error;
}

/* A listening socket, or a negative errno. */
static int socket_open(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int probe = socket_new(), fd = socket_new();
	int error = probe < 0 || fd < 0 ? -errno : 0;

	if (!error && strlen(path) >= sizeof(address.sun_path))
		error = -ENAMETOOLONG;
	if (!error) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		directory_make(path);
		error = stale_remove(probe, &address);
	}
	if (!error)
		error = socket_listen(fd, &address);
	if (probe >= 0)
		close(probe);
	if (error && fd >= 0)
		close(fd);
	return error ? error : fd;
}

int control_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	int fd = socket_open(d->config.control_path);

	if (fd < 0)
		return refuse(error, fd, d->config.control_path);
	struct control *c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return io_fail(error, -ENOMEM, "not enough memory; stop what else runs here");
	}
	c->d = d;
	c->fd = fd;
	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++)
		c->clients[i].fd = -1;
	ev_io_init(&c->io, client_is_new, fd, EV_READ);
	ev_init(&c->pause, pause_is_over);
	c->io.data = c->pause.data = c;
	ev_io_start(d->loop, &c->io);
	d->control = c;
	return 0;
}

void control_close(struct daemon *d)
{
	struct control *c = d->control;

	if (!c)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++)
		if (c->clients[i].fd >= 0)
			client_close(&c->clients[i]);
	ev_io_stop(d->loop, &c->io);
	ev_timer_stop(d->loop, &c->pause);
	close(c->fd);
	unlink(d->config.control_path);
	free(c);
	d->control = NULL;
}
