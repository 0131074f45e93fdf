/*
 * Orders from a Unix socket: one line in, one answer out, then it is closed. The
 * answer begins with "0" (done) or "1" (refused). An order that ends processes is
 * answered when they have ended.
 */
#include "sim/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define LINE_MAX_BYTES 1024
#define ANSWER_ROOM (1024 * 1024)

struct client {
	struct lab_watch watch;
	bool waits;
	unsigned node; /* whose processes it waits for */
	size_t len;
	char line[LINE_MAX_BYTES];
};

struct lab_control {
	struct lab_watch watch;
	int dir;
	struct client clients[CLIENTS_MAX];
};

static void client_close(struct lab *lab, struct client *c)
{
	lab_watch_close(lab, &c->watch);
	c->waits = false;
}

/* One who does not read his answer loses it: the lab waits for nobody. */
static void client_answer(struct lab *lab, struct client *c, bool done, const char *text)
{
	const char *status = done ? "0" : "1";

	if (send(c->watch.fd, status, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		(void)!send(c->watch.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	client_close(lab, c);
}

static void client_answer_stats(struct lab *lab, struct client *c, bool json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		json_t *stats = json ? stats_json(lab) : NULL;

		if (stats)
			json_dumpf(stats, out, JSON_INDENT(2));
		else
			stats_print(lab, out);
		json_decref(stats);
		fclose(out);
	}
	for (unsigned l = 0; l < lab->link_count; l++)
		capture_flush(lab->links[l].capture);
	client_answer(lab, c, text != NULL, text ? text : "out of memory");
	free(text);
}

static void client_obey(struct lab *lab, struct client *c)
{
	char complaint[LINK_COMPLAINT_MAX] = "";

	if (strcmp(c->line, "stats") == 0 || strcmp(c->line, "stats --json") == 0) {
		client_answer_stats(lab, c, strcmp(c->line, "stats") != 0);
	} else if (strcmp(c->line, "time") == 0) {
		snprintf(complaint, sizeof(complaint), "%.6f", (double)(lab_clock_us() - lab->start_us) / 1e6);
		client_answer(lab, c, true, complaint);
	} else if (strcmp(c->line, "end") == 0) {
		client_answer(lab, c, true, "");
		lab_end(lab, EXIT_SUCCESS);
	} else {
		enum steer_result result = steer(lab, c->line, "ctl", &c->node, complaint);

		c->waits = result == STEER_WHEN_STOPPED;
		if (!c->waits)
			client_answer(lab, c, result == STEER_DONE, complaint);
	}
}

static void client_ready(struct lab *lab, struct lab_watch *watch, uint32_t events)
{
	struct client *c = container_of(watch, struct client, watch);
	ssize_t len = read(watch->fd, c->line + c->len, sizeof(c->line) - c->len);

	(void)events;
	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0 || c->waits) {
		client_close(lab, c); /* gone, or speaks out of turn */
		return;
	}
	c->len += (size_t)len;
	char *end = memchr(c->line, '\n', c->len);
	if (end) {
		*end = '\0';
		client_obey(lab, c);
	} else if (c->len == sizeof(c->line)) {
		client_answer(lab, c, false, "the line is too long");
	}
}

static void control_ready(struct lab *lab, struct lab_watch *watch, uint32_t events)
{
	static const int room = ANSWER_ROOM;
	struct lab_control *control = container_of(watch, struct lab_control, watch);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &control->clients[i];

		if (c->watch.fd >= 0)
			continue;
		c->len = 0;
		lab_watch_add(lab, &c->watch, fd, client_ready);
		return;
	}
	close(fd);
}

void control_node_stopped(struct lab *lab, unsigned node)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &lab->control->clients[i];

		if (c->waits && c->node == node)
			client_answer(lab, c, true, "");
	}
}

int control_open(struct lab *lab)
{
	struct lab_control *control = calloc(1, sizeof(*control));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	lab->control = control;
	if (!control)
		return lab_complain("out of memory");
	control->watch.fd = -1;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		control->clients[i].watch.fd = -1;
	control->dir = open(lab->out, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* A socket's path is short, that of DIR may not be. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" LAB_SOCKET, control->dir);
	unlinkat(control->dir, LAB_SOCKET, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->dir < 0 || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16)) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		return lab_complain("%s/" LAB_SOCKET ": %s", lab->out, strerror(error));
	}
	return lab_watch_add(lab, &control->watch, fd, control_ready);
}

void control_close(struct lab *lab)
{
	struct lab_control *control = lab->control;

	if (!control)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		client_close(lab, &control->clients[i]);
	lab_watch_close(lab, &control->watch);
	if (control->dir >= 0) {
		unlinkat(control->dir, LAB_SOCKET, 0);
		close(control->dir);
	}
	free(control);
	lab->control = NULL;
}
