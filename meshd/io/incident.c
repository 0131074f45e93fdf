/*
 * What the incident log records, and what becomes of it (incident.h).
 *
 * An entry is a line of JSON: at (ms since the start of this process), date (ms since
 * 1970 by the machine's clock, which may be wrong), code, text, and data for programs.
 * A run of them says first which process wrote it. Of what happens often no more than
 * INCIDENT_HOUR_MAX of one code (more, where they have data) are kept in an hour, so that a flapping link does not
 * push out what the report is about; the rest is told as a number.
 */
#include "meshd/io/incident.h"
#include "meshd/io/collect.h"
#include "meshd/io/control.h"
#include "meshd/io/mailbox.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#define BATCH_US (2 * SECOND_US)
#define BATCH_BYTES (16u << 10) /* written at once */
#define RETRY_US (30 * SECOND_US)
#define HOUR_US (3600 * SECOND_US)
#define CLOCK_US (300 * SECOND_US) /* how often the clock, and that this node lives, is recorded */
#define CLOCK_STEP_MS 2000 /* by more than that it was set, and does not drift */
#define ENTRY_MAX 2048
#define ENTRIES_ROOM (INCIDENT_PENDING_MAX - 256) /* the rest is for saying that it did not suffice */

struct incidents {
	struct incident_thread thread;
	bool is_writable;
	uint64_t start_us, retry_us, clock_us;
	int64_t offset_ms; /* date less `at`; by it a clock that is set is seen */
	char process[9]; /* names the runs of this process */
	char *pending;
	size_t pending_len;
	unsigned pending_entries, lost;
	uint64_t pending_us; /* the oldest */
	struct incident_job *append; /* being written, or waiting to be tried again */
	bool append_waits;
	struct quotas quotas; /* of an hour */
	json_t *head; /* who this is: of every answer */
};

/* --- entries -------------------------------------------------------------------------------------- */

static uint64_t date_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Takes `data` over. `room`: how much of what waits it may use up. */
static void entry_append(
	struct incidents *c, uint64_t now_us, const char *code, json_t *data, const char *text, size_t room)
{
	json_t *entry = json_pack("{s:I, s:I, s:s, s:o}", "at", (json_int_t)((now_us - c->start_us) / 1000), "date",
		(json_int_t)date_ms(), "code", code, "text", json_of_text(text));
	char line[ENTRY_MAX];

	if (data)
		json_object_set_new(entry, "data", data);
	size_t len = json_dumpb(entry, line, sizeof(line), JSON_COMPACT);
	json_decref(entry);
	if (!len || len > sizeof(line) || c->pending_len + len + 2 > room) {
		c->lost++;
		return;
	}
	if (!c->pending_len)
		c->pending_us = now_us;
	c->pending[c->pending_len++] = c->pending_entries++ ? ',' : '[';
	memcpy(c->pending + c->pending_len, line, len);
	c->pending_len += len;
}

static void hour_close(struct incidents *c, struct quota *q, uint64_t now_us)
{
	int more = (int)q->more;
	char text[QUOTA_TEXT];

	if (quota_renew(q, now_us, text))
		entry_append(c, now_us, "suppressed", json_pack("{s:s, s:i}", "code", q->code, "more", more), text,
			ENTRIES_ROOM);
}

/* It may never happen again: what was only counted is told when the hour is over, or all is. */
static void hours_close(struct incidents *c, uint64_t now_us, bool is_end)
{
	for (unsigned i = 0; i < c->quotas.count; i++) {
		struct quota *q = &c->quotas.all[i];

		if (q->more && (is_end || quota_is_over(q, now_us, HOUR_US)))
			hour_close(c, q, now_us);
	}
}

void incident_note(struct daemon *d, uint64_t now_us, const char *code, json_t *data, const char *text)
{
	struct incidents *c = d->incidents;

	if (!c) {
		json_decref(data);
		return;
	}
	struct quota *q = quota_find(&c->quotas, now_us, code);
	if (quota_is_over(q, now_us, HOUR_US))
		hour_close(c, q, now_us);
	/* What has data is what the report is made of. */
	if (quota_take(q, data ? INCIDENT_HOUR_DATA_MAX : INCIDENT_HOUR_MAX))
		entry_append(c, now_us, code, data, text, ENTRIES_ROOM);
	else
		json_decref(data);
}

/* --- the clock --------------------------------------------------------------------------------------- */

/* Whether somebody keeps the clock right, and how far it may be off, if the kernel tells. */
static json_t *clock_make(void)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);

	if (state < 0)
		return json_pack("{s:n, s:n}", "synced", "error_ms");
	if (state == TIME_ERROR || t.status & STA_UNSYNC)
		return json_pack("{s:b, s:n}", "synced", 0, "error_ms");
	return json_pack("{s:b, s:I}", "synced", 1, "error_ms", (json_int_t)(t.maxerror / 1000));
}

static void clock_look(struct daemon *d, uint64_t now_us)
{
	struct incidents *c = d->incidents;
	int64_t offset_ms = (int64_t)date_ms() - (int64_t)((now_us - c->start_us) / 1000);
	int64_t step_ms = offset_ms - c->offset_ms;

	c->offset_ms = offset_ms;
	if (step_ms > CLOCK_STEP_MS || step_ms < -CLOCK_STEP_MS)
		daemon_tell(d, "clock-set", json_pack("{s:I}", "by_ms", (json_int_t)step_ms), "%lld s %s",
			(long long)(step_ms < 0 ? -step_ms : step_ms) / 1000, step_ms < 0 ? "back" : "forward");
	if (now_us < c->clock_us)
		return;
	c->clock_us = now_us + CLOCK_US;
	incident_note(d, now_us, "clock", clock_make(), "");
}

/* --- to the store, and from it ------------------------------------------------------------------------ */

static void append_give(struct daemon *d, uint64_t now_us)
{
	struct incidents *c = d->incidents;
	struct incident_job *job = calloc(1, sizeof(*job));
	char head[64];

	if (c->lost) {
		json_t *data = json_pack("{s:i}", "lost", (int)c->lost);

		c->lost = 0;
		entry_append(c, now_us, "log-gap", data, "so much was not recorded", INCIDENT_PENDING_MAX);
	}
	int len = snprintf(head, sizeof(head), "{\"process\":\"%s\",\"entries\":", c->process);
	if (!job || !(job->body = malloc((size_t)len + c->pending_len + 2))) {
		free(job);
		return;
	}
	job->kind = JOB_APPEND;
	job->entries = c->pending_entries;
	memcpy(job->body, head, (size_t)len);
	memcpy(job->body + len, c->pending, c->pending_len);
	memcpy(job->body + (size_t)len + c->pending_len, "]}", 2);
	job->len = (size_t)len + c->pending_len + 2;
	c->pending_len = c->pending_entries = 0;
	c->append = job;
	c->append_waits = !incident_job_give(&c->thread, job);
}

static void trouble_say(struct daemon *d, const char *error)
{
	struct incidents *c = d->incidents;

	if (c->is_writable)
		daemon_say(d, "log-unwritable",
			"%s/%s: %s; everything works, but what happens now may be missing in the report: free some "
			"space, or make it writable",
			c->thread.dir, INCIDENT_FILE, error);
	c->is_writable = false;
}

static void appended(struct daemon *d, uint64_t now_us, struct incident_job *job)
{
	struct incidents *c = d->incidents;

	if (job->result) {
		trouble_say(d, job->error);
		c->append_waits = true;
		c->retry_us = now_us + RETRY_US;
		return;
	}
	c->append = NULL;
	if (!c->is_writable)
		daemon_say(d, "log-writable", "%s/%s", c->thread.dir, INCIDENT_FILE);
	c->is_writable = true;
	incident_job_free(job);
}

static void verified(struct daemon *d, const struct incident_job *job)
{
	struct incidents *c = d->incidents;

	if (job->result > 0)
		daemon_tell(d, "log-tampered", json_pack("{s:I}", "run", (json_int_t)job->result),
			"%s/%s: run %lld is not as this node signed it, or some before it are missing: somebody "
			"changed the log; copy it before it is overwritten, and tell the command post",
			c->thread.dir, INCIDENT_FILE, (long long)job->result);
	else if (job->result == 0)
		return;
	else
		trouble_say(d, job->error);
}

static void read_done(struct daemon *d, struct incident_job *job)
{
	json_t *answer;

	if (!job->runs) {
		answer = job->result ? answer_error("the incident log cannot be read: %s", job->error)
				     : answer_error("no log of \"%s\" is here; meshctl log nodes tells whose are",
					       job->whose);
	} else {
		answer = job->head ? json_incref(job->head) : json_deep_copy(d->incidents->head);
		json_object_set_new(answer, "log", job->runs);
		json_object_set_new(
			answer, "next", job->next_run ? json_integer((json_int_t)job->next_run) : json_null());
		job->runs = NULL;
	}
	control_later(d, job->token, control_line(answer));
}

static void list_done(struct daemon *d, struct incident_job *job)
{
	json_t *answer = job->runs ? json_pack("{s:b, s:O, s:o}", "ok", 1, "logs", job->runs, "next",
					     job->next_run ? json_integer((json_int_t)job->next_run) : json_null())
				   : answer_error("the logs of other members cannot be read: %s", job->error);

	control_later(d, job->token, control_line(answer));
}

static void job_take(struct daemon *d, uint64_t now_us, struct incident_job *job)
{
	if (job->was_bad && job->kind >= JOB_CHAIN)
		daemon_say(d, "log-damaged", "%s/%s: damaged; set aside as %s.bad, starting a new one",
			d->incidents->thread.dir, COLLECTED_FILE, COLLECTED_FILE);
	else if (job->was_bad && job->kind != JOB_KEEP)
		daemon_say(d, "log-damaged",
			"%s/%s: damaged, or another node's; set aside as %s.bad, starting a new "
			"one",
			d->incidents->thread.dir, INCIDENT_FILE, INCIDENT_FILE);
	switch (job->kind) {
	case JOB_KEEP:
		mailbox_kept(d, now_us, job);
		return;
	case JOB_APPEND:
		appended(d, now_us, job);
		return;
	case JOB_VERIFY:
		verified(d, job);
		break;
	case JOB_READ:
	case JOB_READ_OTHER:
		read_done(d, job);
		break;
	case JOB_GIVE:
	case JOB_CHAIN:
	case JOB_TAKE:
	case JOB_SUM:
		collect_done(d, now_us, job);
		return;
	case JOB_LIST:
		list_done(d, job);
		break;
	}
	incident_job_free(job);
}

void incidents_written(struct daemon *d, uint64_t now_us)
{
	struct incidents *c = d->incidents;

	if (!c)
		return;
	struct incident_job *job = incident_jobs_done(&c->thread);
	while (job) {
		struct incident_job *next = job->next;

		job_take(d, now_us, job);
		job = next;
	}
}

void incidents_tick(struct daemon *d, uint64_t now_us)
{
	struct incidents *c = d->incidents;

	if (!c)
		return;
	incidents_written(d, now_us);
	clock_look(d, now_us);
	hours_close(c, now_us, false);
	if (c->append && c->append_waits && now_us >= c->retry_us)
		c->append_waits = !incident_job_give(&c->thread, c->append);
	if (!c->append && c->pending_len && (now_us >= c->pending_us + BATCH_US || c->pending_len >= BATCH_BYTES))
		append_give(d, now_us);
}

bool incidents_give(struct daemon *d, struct incident_job *job)
{
	return d->incidents && incident_job_give(&d->incidents->thread, job);
}

static int job_give(struct daemon *d, enum incident_job_kind kind, const char *whose, uint64_t from, uint64_t token)
{
	struct incident_job *job = d->incidents ? calloc(1, sizeof(*job)) : NULL;

	if (!job)
		return -ENOBUFS;
	job->kind = kind;
	job->from = from;
	job->token = token;
	snprintf(job->whose, sizeof(job->whose), "%s", whose);
	if (incident_job_give(&d->incidents->thread, job))
		return 0;
	free(job);
	return -ENOBUFS;
}

/* Whoever asks is to have what has happened until now. */
int incidents_read(struct daemon *d, const char *whose, uint64_t from, uint64_t token)
{
	struct incidents *c = d->incidents;

	if (whose && strcmp(whose, d->enrolment.certificate.name) != 0)
		return job_give(d, JOB_READ_OTHER, whose, from, token);
	if (c && !c->append && c->pending_len)
		append_give(d, io_now_us());
	return job_give(d, JOB_READ, "", from, token);
}

int incidents_list(struct daemon *d, uint64_t from, uint64_t token)
{
	return job_give(d, JOB_LIST, "", from, token);
}

/* --- open and close ----------------------------------------------------------------------------------- */

static json_t *head_make(const struct enrolment *e)
{
	uint8_t encoded[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(&e->certificate, encoded, sizeof(encoded));

	return incident_head_make(e->certificate.name, level_name(e->certificate.level), &e->authority,
		bytes_of(encoded, len > 0 ? (size_t)len : 0));
}

void incidents_open(struct daemon *d)
{
	struct incidents *c = calloc(1, sizeof(*c));
	uint8_t process[4];

	if (!c || !(c->pending = malloc(INCIDENT_PENDING_MAX))) {
		free(c);
		return;
	}
	d->incidents = c;
	json_object_seed(0); /* before there are two threads */
	c->is_writable = true;
	c->start_us = d->start_us;
	c->head = head_make(&d->enrolment);
	c->offset_ms = (int64_t)date_ms() - (int64_t)((io_now_us() - c->start_us) / 1000);
	randombytes_buf(process, sizeof(process));
	sodium_bin2hex(c->process, sizeof(c->process), process, sizeof(process));
	incident_thread_start(&c->thread, d);
	job_give(d, JOB_VERIFY, "", 0, 0);
}

/* Without the thread. */
static void append_now(struct incidents *c)
{
	if (!c->append)
		return;
	incident_job_do(&c->thread, c->append);
	if (c->append->result)
		return;
	incident_job_free(c->append);
	c->append = NULL;
}

void incidents_close(struct daemon *d)
{
	struct incidents *c = d->incidents;

	if (!c)
		return;
	incident_thread_end(&c->thread);
	incidents_written(d, io_now_us());
	mailbox_close(d, &c->thread);
	append_now(c);
	hours_close(c, io_now_us(), true);
	if (!c->append && c->pending_len) {
		append_give(d, io_now_us());
		append_now(c);
	}
	if (c->append)
		incident_job_free(c->append);
	incident_thread_close(&c->thread);
	json_decref(c->head);
	free(c->pending);
	free(c);
	d->incidents = NULL;
}
