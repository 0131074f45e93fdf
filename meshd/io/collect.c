/*
 * Asking other members for their logs (collect.h): one at a time, whom gather.c says. The
 * thread tells what is here of it already, the rest is asked for by TCP, and the thread
 * decides what of the answer is believed.
 *
 *   NONE ─► CHAIN ─► ASKS ─► HEARS ─► TAKEN ─► NONE
 *              └───────┴────────┴── failed ─────┘
 */
#include "meshd/io/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_US (10 * SECOND_US)
#define CONNECT_US (20 * SECOND_US)
#define ANSWER_US COLLECT_GIVE_UP_US

/* --- members --------------------------------------------------------------------------------------- */

/* A guest is another agency's: it is not to have what happened here, nor is its log ours. */
static bool member_shares(const struct view *v, const struct view_member *m)
{
	return view_counts(m) && !(m->certificate->roles & ROLE_GUEST) && !view_is_own(v, m->certificate);
}

const struct certificate *collect_member(struct view *v, const struct address *address)
{
	view_members(v);
	for (size_t i = 0; i < v->member_count; i++) {
		struct address of = view_address_of(v, v->members[i].certificate);

		if (member_shares(v, &v->members[i]) && address_equal(&of, address))
			return v->members[i].certificate;
	}
	return NULL;
}

/* Those with a way for bulk: none is on links that are too thin for it. */
static void members_look(struct daemon *d, uint64_t now_us)
{
	struct view *v = view_new(d);

	if (!v)
		return;
	view_members(v);
	view_routes(v, 1u << BABEL_BULK);
	for (size_t i = 0; i < v->member_count; i++) {
		const struct certificate *c = v->members[i].certificate;
		struct prefix host = prefix_of_host(view_address_of(v, c));

		if (member_shares(v, &v->members[i]) && view_selected(v, &host, BABEL_BULK))
			gather_see(&d->collect->gather, now_us, c->key.sign);
	}
	view_free(v);
}

static bool member_find(struct daemon *d, const uint8_t key[SIGN_PUBLIC_LEN], struct certificate *out)
{
	struct view *v = view_new(d);
	bool is_there = false;

	if (!v)
		return false;
	view_members(v);
	for (size_t i = 0; i < v->member_count && !is_there; i++) {
		is_there = member_shares(v, &v->members[i]) &&
			   memcmp(v->members[i].certificate->key.sign, key, SIGN_PUBLIC_LEN) == 0;
		if (is_there)
			*out = *v->members[i].certificate;
	}
	view_free(v);
	return is_there;
}

/* --- one question -------------------------------------------------------------------------------------- */

static void socket_end(struct daemon *d, struct collect_question *q)
{
	if (q->fd < 0)
		return;
	ev_io_stop(d->loop, &q->io);
	close(q->fd);
	q->fd = -1;
}

static void question_end(struct daemon *d, uint64_t now_us, enum gather_end end)
{
	struct collect_question *q = &d->collect->question;

	socket_end(d, q);
	free(q->answer);
	q->answer = NULL;
	q->len = 0;
	q->state = QUESTION_NONE;
	gather_end(&d->collect->gather, now_us, end);
}

/* What is here already is told before anybody is asked. */
static void sum_ask(struct daemon *d)
{
	struct incident_job *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	job->kind = JOB_SUM;
	if (!incidents_give(d, job))
		incident_job_free(job);
}

static bool job_give(struct daemon *d, enum incident_job_kind kind)
{
	struct collect_question *q = &d->collect->question;
	struct incident_job *job = calloc(1, sizeof(*job));

	if (!job)
		return false;
	job->kind = kind;
	job->certificate = q->certificate;
	job->token = q->token;
	if (kind == JOB_TAKE) {
		job->body = (char *)q->answer;
		job->len = q->len;
	}
	if (incidents_give(d, job)) {
		q->answer = NULL;
		return true;
	}
	job->body = NULL;
	incident_job_free(job);
	return false;
}

/* All has come that will. */
static void answer_ends(struct daemon *d, uint64_t now_us)
{
	struct collect_question *q = &d->collect->question;

	socket_end(d, q);
	q->state = QUESTION_TAKEN;
	if (!q->len || !job_give(d, JOB_TAKE))
		question_end(d, now_us, GATHER_NOTHING);
}

static void answer_hear(struct daemon *d)
{
	struct collect_question *q = &d->collect->question;
	ssize_t got = recv(q->fd, q->answer + q->len, EXCHANGE_ANSWER_MAX - q->len, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		q->len += (size_t)got;
	if (got <= 0 || q->len == EXCHANGE_ANSWER_MAX)
		answer_ends(d, io_now_us());
}

static void question_ask(struct daemon *d)
{
	struct collect_question *q = &d->collect->question;
	uint8_t request[EXCHANGE_REQUEST_LEN];
	int error = 0;
	socklen_t len = sizeof(error);

	exchange_request_write(request, q->from);
	if (getsockopt(q->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error ||
		send(q->fd, request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(request) ||
		!(q->answer = malloc(EXCHANGE_ANSWER_MAX))) {
		question_end(d, io_now_us(), GATHER_NOTHING);
		return;
	}
	q->state = QUESTION_HEARS;
	ev_io_stop(d->loop, &q->io);
	ev_io_set(&q->io, q->fd, EV_READ);
	ev_io_start(d->loop, &q->io);
}

static void socket_is_ready(struct ev_loop *loop, ev_io *io, int events)
{
	struct daemon *d = io->data;

	(void)loop, (void)events;
	if (d->collect->question.state == QUESTION_ASKS)
		question_ask(d);
	else
		answer_hear(d);
}

static int question_connect(struct daemon *d)
{
	struct collect_question *q = &d->collect->question;
	struct address to = identity_address(&q->certificate.key, d->enrolment.authority.deployment);
	int fd = collect_connect(d, &to);

	if (fd < 0)
		return fd;
	q->fd = fd;
	q->state = QUESTION_ASKS;
	ev_io_init(&q->io, socket_is_ready, fd, EV_WRITE);
	q->io.data = d;
	ev_io_start(d->loop, &q->io);
	return 0;
}

static void question_begin(struct daemon *d, uint64_t now_us, const uint8_t key[SIGN_PUBLIC_LEN])
{
	struct collect *c = d->collect;

	c->question.token = ++c->tokens;
	c->question.since_us = now_us;
	c->question.state = QUESTION_CHAIN;
	if (!member_find(d, key, &c->question.certificate) || !job_give(d, JOB_CHAIN))
		question_end(d, now_us, GATHER_NOTHING);
	else
		c->asked++;
}

/* --- the thread has done something ----------------------------------------------------------------------- */

static void answer_taken(struct daemon *d, uint64_t now_us, const struct incident_job *job)
{
	const struct collected_answer *taken = &job->taken;
	struct collect *c = d->collect;

	c->runs += job->result ? 0 : taken->runs;
	if (!job->result && taken->belief != EXCHANGE_BELIEVED) {
		c->refused++;
		daemon_say(d, "log-refused", "%s: run %llu of its log %s; it is not kept; look at that node",
			job->certificate.name, (unsigned long long)taken->refused, exchange_belief_text(taken->belief));
	}
	question_end(d, now_us, job->result ? GATHER_NOTHING : taken->end);
}

void collect_done(struct daemon *d, uint64_t now_us, struct incident_job *job)
{
	struct collect *c = d->collect;

	if (job->kind == JOB_GIVE) {
		collect_given(d, job);
		return;
	}
	if (c && !job->result && (job->kind == JOB_SUM || job->kind == JOB_TAKE)) {
		c->sum = job->sum;
		c->is_summed = true;
	}
	if (c && job->token == c->question.token && job->kind == JOB_TAKE && c->question.state == QUESTION_TAKEN) {
		answer_taken(d, now_us, job);
	} else if (c && job->token == c->question.token && c->question.state == QUESTION_CHAIN) {
		c->question.from = job->chain.last + 1;
		if (job->result || question_connect(d) < 0)
			question_end(d, now_us, GATHER_NOTHING);
	}
	incident_job_free(job);
}

/* --- all of it -------------------------------------------------------------------------------------------- */

void collect_tick(struct daemon *d, uint64_t now_us)
{
	struct collect *c = d->collect;

	if (!c)
		return;
	collect_server_tick(d, now_us);
	struct collect_question *q = &c->question;
	if (q->state == QUESTION_ASKS && now_us - q->since_us > CONNECT_US)
		question_end(d, now_us, GATHER_NOTHING);
	else if (q->state == QUESTION_HEARS && now_us - q->since_us > ANSWER_US)
		answer_ends(d, now_us);
	if (now_us >= c->look_us) {
		c->look_us = now_us + LOOK_US;
		members_look(d, now_us);
	}
	const uint8_t *key = gather_next(&c->gather, now_us);
	if (key)
		question_begin(d, now_us, key);
}

void collect_open(struct daemon *d)
{
	if (!d->config.shares_log || !d->incidents || d->applicant)
		return;
	d->collect = calloc(1, sizeof(*d->collect));
	if (!d->collect)
		return;
	gather_init(&d->collect->gather, &io_random);
	d->collect->server.fd = d->collect->question.fd = -1;
	/* What comes back from the thread for who was here before is not ours. */
	d->collect->tokens = d->collect->server.tokens = io_now_us();
	sum_ask(d);
}

void collect_close(struct daemon *d)
{
	if (!d->collect)
		return;
	collect_server_close(d);
	socket_end(d, &d->collect->question);
	free(d->collect->question.answer);
	free(d->collect);
	d->collect = NULL;
}
