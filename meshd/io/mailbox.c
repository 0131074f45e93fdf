/* What the node wants kept of messages, and what is said of them (mailbox.h). */
#include "meshd/io/mailbox.h"

#include "meshd/io/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 16 /* who wrote a message, and waits for the disk */
#define RETRY_US (30 * SECOND_US)

struct mailbox_waiting {
	uint64_t token; /* 0: free */
	uint32_t number;
	uint8_t key[NODE_KEPT_KEY_MAX];
	size_t key_len;
};

struct mailbox {
	bool is_writable;
	uint8_t *room; /* MAILBOX_PENDING_MAX */
	struct writer pending;
	struct incident_job *job; /* being written, or waiting to be tried again */
	bool job_waits; /* it is not with the thread */
	bool is_failing; /* the last attempt did */
	size_t told; /* bytes of `pending` of which the node knows that they cannot be written now */
	uint64_t retry_us, changes;
	struct mailbox_waiting waiting[WAITING_MAX];
};

/* --- to the disk -------------------------------------------------------------------------------- */

static void trouble_say(struct daemon *d, const char *error)
{
	struct mailbox *b = d->mailbox;

	if (b->is_writable)
		daemon_say(d, "messages-unwritable",
			"%s/%s: %s; messages go on, but what is here would not survive a restart: free some space, or "
			"make it writable",
			d->config.state_dir, MAILBOX_FILE, error);
	b->is_writable = false;
}

static void job_give(struct daemon *d)
{
	struct mailbox *b = d->mailbox;
	size_t len = writer_len(&b->pending);
	struct incident_job *job = len ? calloc(1, sizeof(*job)) : NULL;

	if (!job || !(job->body = malloc(len))) {
		free(job);
		return; /* tried again with the next tick */
	}
	job->kind = JOB_KEEP;
	memcpy(job->body, b->room, len);
	job->len = len;
	job->date_s = io_date_s();
	b->pending = writer_of(b->room, MAILBOX_PENDING_MAX);
	b->told = 0;
	b->job = job;
	b->job_waits = !incidents_give(d, job);
}

bool mailbox_store_message(struct daemon *d, struct bytes key, struct bytes value)
{
	struct mailbox *b = d->mailbox;

	if (!b)
		return true;
	if (writer_left(&b->pending) < 3 + key.len + value.len) {
		trouble_say(d, "too much waits to be written");
		return true; /* it is not kept, and the disk has been told of */
	}
	mailbox_write(&b->pending, key, value);
	if (!b->job)
		job_give(d);
	return false;
}

/* Who waits for this one is told. */
static void waiting_answer(struct daemon *d, struct bytes key)
{
	for (unsigned i = 0; i < WAITING_MAX; i++) {
		struct mailbox_waiting *w = &d->mailbox->waiting[i];

		if (!w->token || !bytes_equal(key, bytes_of(w->key, w->key_len)))
			continue;
		control_later(d, w->token, control_line(message_sent_make(w->number)));
		w->token = 0;
	}
}

static void writes_tell(struct daemon *d, uint64_t now_us, struct bytes writes, bool is_kept)
{
	struct reader r = reader_of(writes);

	while (reader_left(&r)) {
		struct bytes key = read_bytes(&r, read_u8(&r));

		read_skip(&r, read_u16(&r));
		node_message_stored(d->node, now_us, key, is_kept);
		waiting_answer(d, key);
	}
}

/* What came to be written meanwhile does not wait for the disk either. */
static void pending_tell(struct daemon *d, uint64_t now_us)
{
	struct mailbox *b = d->mailbox;
	size_t from = b->told;

	b->told = writer_len(&b->pending);
	writes_tell(d, now_us, bytes_of(b->room + from, b->told - from), false);
}

void mailbox_kept(struct daemon *d, uint64_t now_us, struct incident_job *job)
{
	struct mailbox *b = d->mailbox;

	if (job->was_bad)
		daemon_say(d, "messages-damaged", "%s/%s: damaged; set aside as %s.bad, starting a new one",
			d->config.state_dir, MAILBOX_FILE, MAILBOX_FILE);
	job->was_bad = false;
	if (job->result) {
		trouble_say(d, job->error);
		b->job_waits = true;
		b->retry_us = now_us + RETRY_US;
		if (!b->is_failing)
			writes_tell(d, now_us, bytes_of(job->body, job->len), false);
		b->is_failing = true;
		pending_tell(d, now_us);
		return;
	}
	if (!b->is_writable)
		daemon_say(d, "messages-writable", "%s/%s", d->config.state_dir, MAILBOX_FILE);
	b->is_writable = true;
	b->job = NULL;
	b->is_failing = false;
	writes_tell(d, now_us, bytes_of(job->body, job->len), true);
	incident_job_free(job);
	if (!b->job)
		job_give(d);
}

void mailbox_tick(struct daemon *d, uint64_t now_us)
{
	struct mailbox *b = d->mailbox;

	if (!b)
		return;
	if (b->is_failing)
		pending_tell(d, now_us);
	if (b->job && b->job_waits && now_us >= b->retry_us)
		b->job_waits = !incidents_give(d, b->job);
	else if (!b->job)
		job_give(d);
}

bool mailbox_answer_later(struct daemon *d, uint32_t number, uint64_t token)
{
	struct mailbox *b = d->mailbox;
	unsigned i = 0;

	while (b && i < WAITING_MAX && b->waiting[i].token)
		i++;
	if (!b || !token || i == WAITING_MAX)
		return false;
	struct mailbox_waiting *w = &b->waiting[i];
	w->number = number;
	w->key_len = message_key_of(d->node, number, w->key).len;
	w->token = w->key_len ? token : 0;
	return w->token;
}

/* --- what is said --------------------------------------------------------------------------------- */

uint64_t mailbox_changes(const struct daemon *d)
{
	return d->mailbox ? d->mailbox->changes : 0;
}

const char *mailbox_name(const struct daemon *d, const struct address *a, char text[NAME_MAX_LEN + 1])
{
	router_id rid = router_id_of_address(a);
	const struct certificate *c = node_certificate_of(d->node, &rid);

	snprintf(text, NAME_MAX_LEN + 1, "%s", c ? c->name : "");
	return text;
}

/* What it says is between those who write: in the log is that it was, and how it went. */
void mailbox_message(struct daemon *d, const struct node_message *m)
{
	char name[NAME_MAX_LEN + 1];
	bool is_in = m->box == NODE_MESSAGE_IN;
	const char *state = is_in ? "received" : node_message_state_name(m->state);

	if (d->mailbox)
		d->mailbox->changes++;
	mailbox_name(d, is_in ? &m->from : &m->to, name);
	json_t *data = json_pack("{s:s, s:s, s:I, s:s, s:b, s:I}", is_in ? "from" : "to", name, "box",
		is_in ? "in" : "out", "number", (json_int_t)m->number, "state", state, "urgent", m->is_urgent, "age_s",
		(json_int_t)(((int64_t)io_now_us() - m->made_us) / (int64_t)SECOND_US));
	if (is_in)
		daemon_tell(d, "message", data, "from %s%s", name, m->is_urgent ? ", urgent" : "");
	else
		daemon_tell(d, "message-state", data, "%u to %s: %s", m->number, name, state);
}

/* --- open and close --------------------------------------------------------------------------------- */

struct restoring {
	struct daemon *d;
	uint64_t now_us, date_s;
	unsigned count, bad;
};

static void restore_one(void *arg, struct bytes key, struct bytes value, uint64_t date_s)
{
	struct restoring *r = arg;
	uint64_t pause_s = r->date_s > date_s ? r->date_s - date_s : 0;
	int error = node_message_restore(r->d->node, r->now_us, key, value, pause_s * SECOND_US);

	r->count++;
	if (error == 0 || error == -ENOMEM)
		return;
	r->bad++;
	if (key.len <= NODE_KEPT_KEY_MAX)
		mailbox_write(&r->d->mailbox->pending, key, (struct bytes){ 0 });
}

void mailbox_open(struct daemon *d)
{
	struct restoring r = { .d = d, .now_us = io_now_us(), .date_s = io_date_s() };
	struct mailbox *b = d->incidents ? calloc(1, sizeof(*b)) : NULL; /* whose thread would write */
	struct mailbox_store *store = NULL;
	char error[IO_ERROR_MAX] = "";
	bool was_bad = false;

	if (!b || !(b->room = malloc(MAILBOX_PENDING_MAX))) {
		free(b);
		return;
	}
	b->is_writable = true;
	b->pending = writer_of(b->room, MAILBOX_PENDING_MAX);
	d->mailbox = b;
	int code = mailbox_store_open(&store, d->config.state_dir, &was_bad, error);
	if (!code) {
		code = mailbox_store_each(store, restore_one, &r, error);
		mailbox_store_close(store);
	}
	if (code)
		trouble_say(d, error);
	if (was_bad || r.bad)
		daemon_say(d, "messages-damaged", "%s/%s: %s; what can be read is kept", d->config.state_dir,
			MAILBOX_FILE, was_bad ? "damaged, and set aside" : "some of it is damaged, or another node's");
}

/* Without the thread. */
static void job_now(struct daemon *d, struct incident_thread *thread)
{
	struct mailbox *b = d->mailbox;

	if (!b->job)
		return;
	incident_job_do(thread, b->job);
	incident_job_free(b->job);
	b->job = NULL;
}

void mailbox_close(struct daemon *d, struct incident_thread *thread)
{
	struct mailbox *b = d->mailbox;

	if (!b)
		return;
	job_now(d, thread);
	job_give(d);
	job_now(d, thread);
	secret_wipe(b->room, MAILBOX_PENDING_MAX);
	free(b->room);
	free(b);
	d->mailbox = NULL;
}
