/*
 * This node's log for other members (collect.h). Who asks is known by his address in the
 * mesh: a connection from it takes packets that only he, or whom he lets, can have read.
 * What he can hold up is one of a few places for COLLECT_GIVE_UP_US, and there is one for
 * each address.
 */
#include "meshd/io/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_US (20 * SECOND_US)
#define AGAIN_US (2 * SECOND_US) /* from one address, no sooner */
#define BACKLOG 8

static void visitor_end(struct collect_visitor *v)
{
	if (v->state == VISITOR_FREE)
		return;
	ev_io_stop(v->d->loop, &v->io);
	close(v->fd);
	free(v->answer);
	*v = (struct collect_visitor){ .state = VISITOR_FREE };
}

/* --- the answer -------------------------------------------------------------------------------------- */

static void answer_give(struct collect_visitor *v)
{
	while (v->at < v->len) {
		ssize_t sent = send(v->fd, v->answer + v->at, v->len - v->at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (sent <= 0)
			break;
		v->at += (size_t)sent;
	}
	if (v->at == v->len)
		v->d->collect->server.given++;
	visitor_end(v);
}

void collect_given(struct daemon *d, struct incident_job *job)
{
	struct collect *c = d->collect;

	for (unsigned i = 0; c && i < COLLECT_SERVED_MAX; i++) {
		struct collect_visitor *v = &c->server.visitors[i];

		if (v->state != VISITOR_WAITS || v->token != job->token)
			continue;
		if (job->result) {
			visitor_end(v);
			break;
		}
		v->state = VISITOR_TAKES;
		v->answer = job->body;
		v->len = job->len;
		v->at = 0;
		job->body = NULL;
		ev_io_set(&v->io, v->fd, EV_WRITE);
		ev_io_start(d->loop, &v->io);
		break;
	}
	incident_job_free(job);
}

/* --- the request --------------------------------------------------------------------------------------- */

static void request_take(struct collect_visitor *v)
{
	struct incident_job *job;
	uint64_t from;

	ev_io_stop(v->d->loop, &v->io);
	job = exchange_request_read(bytes_of(v->request, sizeof(v->request)), &from) < 0 ? NULL
											 : calloc(1, sizeof(*job));
	if (!job) {
		visitor_end(v);
		return;
	}
	job->kind = JOB_GIVE;
	job->from = from;
	job->token = v->token;
	v->state = VISITOR_WAITS;
	if (incidents_give(v->d, job))
		return;
	incident_job_free(job);
	visitor_end(v);
}

static void visitor_is_ready(struct ev_loop *loop, ev_io *io, int events)
{
	struct collect_visitor *v = io->data;

	(void)loop, (void)events;
	if (v->state == VISITOR_TAKES) {
		answer_give(v);
		return;
	}
	ssize_t got = recv(v->fd, v->request + v->at, sizeof(v->request) - v->at, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		visitor_end(v);
		return;
	}
	v->at += (size_t)got;
	if (v->at == sizeof(v->request))
		request_take(v);
}

/* --- who comes ------------------------------------------------------------------------------------------- */

/* False: it was here just now. */
static bool recent_take(struct collect_server *s, const struct address *from, uint64_t now_us)
{
	struct collect_recent *place = &s->recent[0];

	for (unsigned i = 0; i < COLLECT_RECENT_MAX; i++) {
		struct collect_recent *r = &s->recent[i];

		if (r->at_us && address_equal(&r->from, from)) {
			if (now_us - r->at_us < AGAIN_US)
				return false;
			place = r;
			break;
		}
		if (r->at_us < place->at_us)
			place = r;
	}
	*place = (struct collect_recent){ *from, now_us };
	return true;
}

static bool visitor_is_welcome(struct daemon *d, const struct address *from)
{
	/* Looking through all members is not for who knocks again and again. */
	struct view *v = recent_take(&d->collect->server, from, io_now_us()) ? view_new(d) : NULL;
	bool is_member = v && collect_member(v, from);

	if (v)
		view_free(v);
	return is_member;
}

/* Its own, if it has one: what it began last counts, for the other connection may be cut off. NULL: all are taken. */
static struct collect_visitor *place_find(struct collect_server *s, const struct address *from)
{
	struct collect_visitor *free_place = NULL;

	for (unsigned i = 0; i < COLLECT_SERVED_MAX; i++) {
		struct collect_visitor *v = &s->visitors[i];

		if (v->state == VISITOR_FREE)
			free_place = free_place ? free_place : v;
		else if (address_equal(&v->from, from))
			return v;
	}
	return free_place;
}

static void visitor_begin(struct daemon *d, struct collect_visitor *v, const struct address *from, int fd)
{
	visitor_end(v);
	*v = (struct collect_visitor){ .d = d,
		.state = VISITOR_SAYS,
		.from = *from,
		.fd = fd,
		.since_us = io_now_us(),
		.token = ++d->collect->server.tokens };
	ev_io_init(&v->io, visitor_is_ready, fd, EV_READ);
	v->io.data = v;
	ev_io_start(d->loop, &v->io);
}

static void door_close(struct daemon *d)
{
	struct collect_server *s = &d->collect->server;

	if (s->fd < 0)
		return;
	ev_io_stop(d->loop, &s->io);
	close(s->fd);
	s->fd = -1;
}

static void visitor_comes(struct ev_loop *loop, ev_io *io, int events)
{
	struct daemon *d = io->data;
	struct address from = { 0 };
	int fd = collect_accept(io->fd, &from);

	(void)loop, (void)events;
	if (fd < 0) {
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM)
			door_close(d); /* until the next tick, or the loop would turn for nothing */
		return;
	}
	struct collect_visitor *place = place_find(&d->collect->server, &from);
	if (place && visitor_is_welcome(d, &from))
		visitor_begin(d, place, &from, fd);
	else
		close(fd);
}

/* --- open and close ------------------------------------------------------------------------------------ */

static void server_open(struct daemon *d)
{
	struct collect_server *s = &d->collect->server;
	int fd = collect_listen(d, BACKLOG), error = fd < 0 ? -fd : 0;

	if (error && strcmp(s->error, strerror(error)) != 0) {
		snprintf(s->error, sizeof(s->error), "%s", strerror(error));
		daemon_say(d, "log-unshared",
			"TCP port %u: %s; others have no copy of this log until it is free; tried again each second",
			EXCHANGE_PORT, s->error);
	}
	if (error)
		return;
	s->error[0] = 0;
	s->fd = fd;
	ev_io_init(&s->io, visitor_comes, fd, EV_READ);
	s->io.data = d;
	ev_io_start(d->loop, &s->io);
}

void collect_server_close(struct daemon *d)
{
	struct collect_server *s = &d->collect->server;

	for (unsigned i = 0; i < COLLECT_SERVED_MAX; i++)
		visitor_end(&s->visitors[i]);
	door_close(d);
}

void collect_server_tick(struct daemon *d, uint64_t now_us)
{
	struct collect_server *s = &d->collect->server;

	if (s->fd < 0)
		server_open(d);
	for (unsigned i = 0; i < COLLECT_SERVED_MAX; i++) {
		struct collect_visitor *v = &s->visitors[i];
		uint64_t limit_us = v->state == VISITOR_SAYS ? REQUEST_US : COLLECT_GIVE_UP_US;

		if (v->state != VISITOR_FREE && now_us - v->since_us > limit_us)
			visitor_end(v);
	}
}
