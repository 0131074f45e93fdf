/* The thread that has the file of the incident log: jobs go to it from the loop, and come back (incident.h). */
#include "meshd/io/collect.h"
#include "meshd/io/mailbox.h"

#include <errno.h>
#include <stdlib.h>

#define REST_S 30 /* without a job: the files are closed, and SQLite is unloaded */
#define JOBS_MAX 24 /* one for each client, and what the log itself wants */

/* --- a job ---------------------------------------------------------------------------------------- */

static bool store_ensure(struct incident_thread *t, struct incident_job *job)
{
	static const struct incident_limits limits = { INCIDENT_ENTRIES_MAX, INCIDENT_BYTES_MAX };

	if (!t->store)
		job->result = incident_store_open(&t->store, t->dir, &t->signer, &limits, &job->was_bad, job->error);
	return t->store;
}

static void keep_do(struct incident_thread *t, struct incident_job *job)
{
	if (!t->mailbox)
		job->result = mailbox_store_open(&t->mailbox, t->dir, &job->was_bad, job->error);
	if (!job->result)
		job->result = mailbox_store_apply(t->mailbox, bytes_of(job->body, job->len), job->date_s, job->error);
	if (job->result == -EBADMSG && t->mailbox) {
		mailbox_store_close(t->mailbox);
		t->mailbox = NULL;
	}
}

static void collected_do(struct incident_thread *t, struct incident_job *job)
{
	static const struct collected_limits limits = { COLLECTED_MEMBER_BYTES, COLLECTED_BYTES };

	if (!t->collected)
		job->result = collected_store_open(
			&t->collected, t->dir, &t->d->enrolment.authority, &limits, &job->was_bad, job->error);
	if (job->result)
		return;
	struct collected_store *s = t->collected;
	if (job->kind == JOB_CHAIN)
		job->result = collected_store_chain(s, job->certificate.key.sign, &job->chain, job->error);
	else if (job->kind == JOB_TAKE)
		job->result = collected_store_take(
			s, &job->certificate, bytes_of(job->body, job->len), &job->taken, job->error);
	else if (job->kind == JOB_SUM)
		job->result = collected_store_sum(s, &job->sum, job->error);
	else if (job->kind == JOB_READ_OTHER)
		job->result = collected_store_read(
			s, job->whose, job->from, &job->head, &job->runs, &job->next_run, job->error);
	else if (!(job->runs = collected_store_list(s, job->from, &job->next_run, job->error)))
		job->result = -EIO;
	if (job->kind == JOB_TAKE && !job->result)
		job->result = collected_store_sum(s, &job->sum, job->error);
	if (job->result == -EBADMSG) {
		collected_store_close(s);
		t->collected = NULL;
	}
}

static void give_do(struct incident_thread *t, struct incident_job *job)
{
	job->body = malloc(EXCHANGE_ANSWER_MAX);
	if (!job->body) {
		job->result = -ENOMEM;
		return;
	}
	struct writer answer = writer_of(job->body, EXCHANGE_ANSWER_MAX);
	job->result = incident_store_give(t->store, job->from, &answer, job->error);
	job->len = writer_len(&answer);
}

void incident_job_do(struct incident_thread *t, struct incident_job *job)
{
	job->result = 0;
	if (job->kind >= JOB_CHAIN) {
		collected_do(t, job);
		return;
	}
	if (job->kind == JOB_KEEP) {
		keep_do(t, job);
		return;
	}
	if (!store_ensure(t, job))
		return;
	if (job->kind == JOB_VERIFY)
		job->result = incident_store_verify(t->store, job->error);
	else if (job->kind == JOB_GIVE)
		give_do(t, job);
	else if (job->kind == JOB_APPEND)
		job->result = incident_store_append(t->store, bytes_of(job->body, job->len), job->entries, job->error);
	else if (!(job->runs = incident_store_read(t->store, job->from, &job->next_run, job->error)))
		job->result = -EIO;
	if (job->result == -EBADMSG) { /* opened anew, it is set aside */
		incident_store_close(t->store);
		t->store = NULL;
	}
}

void incident_job_free(struct incident_job *job)
{
	json_decref(job->runs);
	json_decref(job->head);
	free(job->body);
	free(job);
}

/* --- the thread -------------------------------------------------------------------------------- */

static void files_close(struct incident_thread *t)
{
	if (t->store)
		incident_store_close(t->store);
	if (t->mailbox)
		mailbox_store_close(t->mailbox);
	if (t->collected)
		collected_store_close(t->collected);
	t->store = NULL;
	t->mailbox = NULL;
	t->collected = NULL;
}

/* Until there is a job, or the end has come; with the lock. */
static void job_await(struct incident_thread *t)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += REST_S;
	while (!t->todo && !t->ends) {
		bool is_open = t->store || t->mailbox || t->collected;

		if (!is_open) {
			pthread_cond_wait(&t->wake, &t->lock);
		} else if (pthread_cond_timedwait(&t->wake, &t->lock, &until) == ETIMEDOUT && !t->todo && !t->ends) {
			pthread_mutex_unlock(&t->lock);
			files_close(t);
			pthread_mutex_lock(&t->lock);
		}
	}
}

static void *thread_run(void *arg)
{
	struct incident_thread *t = arg;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		job_await(t);
		struct incident_job *job = t->todo;
		if (!job)
			break;
		t->todo = job->next;
		pthread_mutex_unlock(&t->lock);
		incident_job_do(t, job);
		pthread_mutex_lock(&t->lock);
		job->next = t->done;
		t->done = job;
		if (t->d->loop && !t->ends)
			ev_async_send(t->d->loop, &t->d->written);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

void incident_thread_start(struct incident_thread *t, struct daemon *d)
{
	t->d = d;
	t->signer = (struct incident_signer){ &d->enrolment.identity, d->enrolment.authority.deployment };
	snprintf(t->dir, sizeof(t->dir), "%s", d->config.state_dir);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	t->is_running = pthread_create(&t->thread, NULL, thread_run, t) == 0;
}

void incident_thread_end(struct incident_thread *t)
{
	pthread_mutex_lock(&t->lock);
	t->ends = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	if (t->is_running)
		pthread_join(t->thread, NULL);
	t->is_running = false;
}

void incident_thread_close(struct incident_thread *t)
{
	files_close(t);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->wake);
}

/* --- to it, and back ---------------------------------------------------------------------------- */

bool incident_job_give(struct incident_thread *t, struct incident_job *job)
{
	struct incident_job **at = &t->todo;

	if (!t->is_running || t->jobs >= JOBS_MAX)
		return false;
	t->jobs++;
	job->next = NULL;
	pthread_mutex_lock(&t->lock);
	while (*at)
		at = &(*at)->next;
	*at = job;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	return true;
}

struct incident_job *incident_jobs_done(struct incident_thread *t)
{
	pthread_mutex_lock(&t->lock);
	struct incident_job *done = t->done;
	t->done = NULL;
	pthread_mutex_unlock(&t->lock);
	for (const struct incident_job *job = done; job; job = job->next)
		t->jobs--;
	return done;
}
