/*
 * What survives a restart: the Babel seqno, a lower bound of the time, the
 * certificates that were learned, the outage clock, silences, the list of who is out and the keys that took the
 * place of the deployment's. None of it is needed to run:
 * without it a restart is only slower to be believed by others (protocol.md 6.3). So nothing here ever stops the
 * daemon, except a second daemon in the same directory.
 *
 *   changed ──► dirty ──► job: a copy, written by a thread of its own ──► clean
 *                 ▲                          │ cannot be written
 *                 └── RETRY_US later ────────┘ (said once)
 *
 * A list of who is out is written at once, and so is a key; the node waits for that: the thread
 * wakes the loop.
 *
 * The thread touches its job only. A sync of flash memory takes up to seconds,
 * and packets do not wait for it.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_US (30 * SECOND_US)
#define SETTLE_US (5 * SECOND_US) /* certificates come in bursts */
#define AHEAD_MAX_MIN (10u * 366 * 24 * 60) /* a floor so far beyond this build's date is damage */
#define SEQNO_LEN 11 /* "%010u\n" */
#define TIME_LEN 11 /* "%010u\n" */
#define CHECKSUM_LEN 16
#define WITH_PROOF 0x8000u /* in the length before a certificate: the proof follows it */
#define RECORD_MAX (2 + CERTIFICATE_MAX_LEN + CERTIFICATE_PROOF_LEN)
#define CERTIFICATES_MAX (NODE_CERTIFICATE_MAX * RECORD_MAX + CHECKSUM_LEN)

static const char *const item_names[STATE_ITEMS] = {
	[STATE_SEQNO] = "seqno",
	[STATE_TIME] = "time",
	[STATE_CERTIFICATES] = "certificates",
	[STATE_OUTAGES] = "outages",
	[STATE_REVOCATION] = "revoked",
	[STATE_SILENCES] = "silences",
	[STATE_KEYS] = "keys",
};

struct state_job {
	pthread_t thread;
	char dir[CONFIG_PATH_MAX];
	bool has[STATE_ITEMS];
	uint8_t seqno[SEQNO_LEN + 1], time[TIME_LEN + 1];
	uint8_t *certificates;
	size_t certificates_len;
	uint8_t outages[OUTAGE_STATE_MAX + CHECKSUM_LEN];
	size_t outages_len;
	uint8_t silences[ALARM_SILENCES_SIZE + CHECKSUM_LEN];
	size_t silences_len;
	struct state_record list, keys;
	struct ev_loop *loop;
	ev_async *written;
	int error;
	atomic_bool is_done;
};

/* --- writing ---------------------------------------------------------------------------- */

/* Appended; returns the length of both. */
static size_t checksum_append(uint8_t *data, size_t len)
{
	hash_bytes(data + len, CHECKSUM_LEN, bytes_of(data, len), (struct bytes){ 0 });
	return len + CHECKSUM_LEN;
}

struct collection {
	const struct node *node;
	struct writer w;
};

static void certificate_collect(void *arg, const struct certificate *c)
{
	struct collection *all = arg;
	uint8_t encoding[CERTIFICATE_MAX_LEN], proof[CERTIFICATE_PROOF_LEN];
	int len = certificate_encode(c, encoding, sizeof(encoding));

	if (len <= 0 || writer_left(&all->w) < RECORD_MAX + CHECKSUM_LEN)
		return;
	node_certificate_prove(all->node, c, proof);
	write_u16(&all->w, (uint16_t)(WITH_PROOF | (unsigned)len));
	write_copy(&all->w, encoding, (size_t)len);
	write_copy(&all->w, proof, sizeof(proof));
}

static void certificates_collect(struct state_job *job, const struct node *n)
{
	struct collection all = { .node = n };

	job->certificates = malloc(CERTIFICATES_MAX);
	if (!job->certificates)
		return;
	all.w = writer_of(job->certificates, CERTIFICATES_MAX);
	node_dump_certificates(n, certificate_collect, &all);
	job->certificates_len = checksum_append(job->certificates, writer_len(&all.w));
	job->has[STATE_CERTIFICATES] = true;
}

static void outages_collect(struct state_job *job, const struct daemon *d)
{
	size_t len = outages_write(&d->outage_watch.outages, io_now_us(), io_date_s(), job->outages, OUTAGE_STATE_MAX);

	job->outages_len = checksum_append(job->outages, len);
	job->has[STATE_OUTAGES] = len > 0;
}

static void silences_collect(struct state_job *job, const struct daemon *d)
{
	size_t len =
		alarm_silences_write(&d->watch.alarms, io_now_us(), io_date_s(), job->silences, ALARM_SILENCES_SIZE);

	job->silences_len = checksum_append(job->silences, len);
	job->has[STATE_SILENCES] = len > 0;
}

static struct state_job *job_make(struct daemon *d)
{
	struct state *s = &d->state;
	struct state_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	memcpy(job->dir, d->config.state_dir, sizeof(job->dir));
	job->has[STATE_SEQNO] = s->dirty[STATE_SEQNO];
	job->has[STATE_TIME] = s->dirty[STATE_TIME];
	job->has[STATE_REVOCATION] = s->dirty[STATE_REVOCATION];
	job->list = s->list;
	job->has[STATE_KEYS] = s->dirty[STATE_KEYS];
	job->keys = s->keys;
	job->loop = d->loop;
	job->written = &d->written;
	snprintf((char *)job->seqno, sizeof(job->seqno), "%010u\n", (unsigned)s->seqno);
	snprintf((char *)job->time, sizeof(job->time), "%010u\n", (unsigned)s->floor.t_lo);
	if (s->dirty[STATE_CERTIFICATES] && d->node)
		certificates_collect(job, d->node);
	if (s->dirty[STATE_OUTAGES])
		outages_collect(job, d);
	if (s->dirty[STATE_SILENCES])
		silences_collect(job, d);
	return job;
}

static void *job_run(void *arg)
{
	struct state_job *job = arg;
	const struct bytes contents[STATE_ITEMS] = {
		[STATE_SEQNO] = bytes_of(job->seqno, SEQNO_LEN),
		[STATE_TIME] = bytes_of(job->time, TIME_LEN),
		[STATE_CERTIFICATES] = bytes_of(job->certificates, job->certificates_len),
		[STATE_OUTAGES] = bytes_of(job->outages, job->outages_len),
		[STATE_REVOCATION] = bytes_of(job->list.bytes, job->list.len),
		[STATE_SILENCES] = bytes_of(job->silences, job->silences_len),
		[STATE_KEYS] = bytes_of(job->keys.bytes, job->keys.len),
	};

	if (mkdir(job->dir, 0700) < 0 && errno != EEXIST)
		job->error = -errno;
	for (unsigned i = 0; i < STATE_ITEMS && !job->error; i++)
		if (job->has[i])
			job->error = state_file_write(job->dir, item_names[i], contents[i]);
	/* Read before: once it is done it may be freed. */
	struct ev_loop *loop = job->loop;
	ev_async *written = job->written;

	atomic_store(&job->is_done, true);
	if (loop)
		ev_async_send(loop, written);
	return NULL;
}

static void trouble_say(struct daemon *d, int error)
{
	const char *remedy = error == -ENOSPC || error == -EDQUOT ? "free some space" : "make it writable";

	if (d->state.is_writable)
		daemon_say(d, "state-unwritable",
			"%s: %s; running on, but after a restart the others may need minutes to believe this node: %s",
			d->config.state_dir, strerror(-error), remedy);
}

/* It is written, or cannot be: to wait for the disk would keep a thief in. */
static void record_tried(struct state_record *now, const struct state_record *tried)
{
	if (tried->len == now->len && memcmp(tried->bytes, now->bytes, now->len) == 0)
		now->is_written = true;
}

/* Takes what a finished job says. */
static void job_end(struct daemon *d, uint64_t now_us)
{
	struct state *s = &d->state;
	struct state_job *job = s->job;

	s->job = NULL;
	if (job->has[STATE_REVOCATION])
		record_tried(&s->list, &job->list);
	if (job->has[STATE_KEYS])
		record_tried(&s->keys, &job->keys);
	if (job->error) {
		trouble_say(d, job->error);
		for (unsigned i = 0; i < STATE_ITEMS; i++)
			s->dirty[i] = s->dirty[i] || job->has[i];
		s->write_us = now_us + RETRY_US;
	} else if (!s->is_writable) {
		daemon_say(d, "state-writable", "%s", d->config.state_dir);
	}
	s->is_writable = !job->error;
	s->error = -job->error;
	free(job->certificates);
	secret_wipe(&job->keys, sizeof(job->keys));
	free(job);
}

static void job_start(struct daemon *d, uint64_t now_us, bool in_thread)
{
	struct state *s = &d->state;

	s->job = job_make(d);
	if (!s->job)
		return;
	for (unsigned i = 0; i < STATE_ITEMS; i++)
		if (s->job->has[i])
			s->dirty[i] = false;
	if (in_thread && pthread_create(&s->job->thread, NULL, job_run, s->job) == 0)
		return;
	job_run(s->job);
	job_end(d, now_us);
}

static bool is_dirty(const struct state *s)
{
	for (unsigned i = 0; i < STATE_ITEMS; i++)
		if (s->dirty[i])
			return true;
	return false;
}

/* Once for each that is stored. */
static bool record_is_news(struct state_record *r)
{
	bool is_news = r->waits && r->is_written;

	if (is_news)
		r->waits = false;
	return is_news;
}

void state_tick(struct daemon *d, uint64_t now_us)
{
	struct state *s = &d->state;

	if (s->job && atomic_load(&s->job->is_done)) {
		pthread_join(s->job->thread, NULL);
		job_end(d, now_us);
	}
	if (!s->job && is_dirty(s) && now_us >= s->write_us)
		job_start(d, now_us, true);
	if (record_is_news(&s->list))
		node_revocation_stored(d->node, now_us);
	if (record_is_news(&s->keys))
		node_keys_stored(d->node, now_us);
}

/* To be written at once. */
static void record_store(struct daemon *d, enum state_item item, struct state_record *r, struct bytes encoded)
{
	struct state *s = &d->state;

	*r = (struct state_record){ .len = encoded.len, .waits = true };
	memcpy(r->bytes, encoded.data, encoded.len);
	s->dirty[item] = true;
	s->write_us = io_now_us();
	if (!s->job)
		job_start(d, s->write_us, true);
}

void state_revocation(struct daemon *d, struct bytes encoded, uint32_t date)
{
	struct state *s = &d->state;

	/* A date that is damage to the next start is not the authority's word. */
	if (date > s->floor.t_lo && date < io_build_floor().t_lo + AHEAD_MAX_MIN) {
		s->floor.t_lo = date;
		s->dirty[STATE_TIME] = true;
	}
	record_store(d, STATE_REVOCATION, &s->list, encoded);
}

void state_keys(struct daemon *d, struct bytes encoded)
{
	record_store(d, STATE_KEYS, &d->state.keys, encoded);
}

void state_seqno(struct daemon *d, uint32_t seqno)
{
	struct state *s = &d->state;

	if (s->has_seqno && s->seqno == seqno)
		return;
	s->has_seqno = true;
	s->seqno = seqno;
	s->dirty[STATE_SEQNO] = true;
	if (!s->job && s->is_writable)
		job_start(d, io_now_us(), true);
}

void state_outages_changed(struct daemon *d)
{
	d->state.dirty[STATE_OUTAGES] = true;
}

void state_silences_changed(struct daemon *d)
{
	d->state.dirty[STATE_SILENCES] = true;
}

void state_certificates_changed(struct daemon *d)
{
	struct state *s = &d->state;

	if (!s->dirty[STATE_CERTIFICATES] && s->is_writable)
		s->write_us = io_now_us() + SETTLE_US;
	s->dirty[STATE_CERTIFICATES] = true;
}

/* --- reading ------------------------------------------------------------------------------ */

/* A file that cannot be right is kept for whoever wants to know, and not used again. */
static void set_aside(struct daemon *d, enum state_item item)
{
	const char *name = item_names[item];

	state_file_set_aside(d->config.state_dir, name);
	daemon_say(d, "state-damaged", "%s/%s: damaged; set aside as %s.bad, starting without it", d->config.state_dir,
		name, name);
}

/* Exactly `len` bytes: digits and a line feed. */
static bool number_read(struct daemon *d, enum state_item item, size_t len, uint32_t max, uint32_t *out)
{
	uint8_t *data;
	uint64_t value = 0;
	int got = state_file_read(d->config.state_dir, item_names[item], 64, &data);
	bool is_good = got == (int)len && data[len - 1] == '\n';

	for (size_t i = 0; is_good && i < len - 1; i++) {
		is_good = data[i] >= '0' && data[i] <= '9';
		value = value * 10 + (uint64_t)(data[i] - '0');
	}
	free(data);
	is_good = is_good && value <= max;
	if (is_good)
		*out = (uint32_t)value;
	else if (got >= 0 || got == -EFBIG)
		set_aside(d, item);
	return is_good;
}

static bool is_locked_by_other(int fd)
{
	uint64_t start_us = io_now_us();
	bool is_locked;

	do
		is_locked = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	while (is_locked && io_patience(start_us));
	return is_locked;
}

static int lock_take(struct daemon *d, char error[IO_ERROR_MAX])
{
	char path[CONFIG_PATH_MAX + 8], pid[16] = "";
	struct state *s = &d->state;

	snprintf(path, sizeof(path), "%s/lock", d->config.state_dir);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	if (s->lock_fd < 0)
		s->error = errno;
	if (s->lock_fd < 0)
		s->lock_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a file system mounted read-only */
	if (s->lock_fd < 0)
		return 0;
	if (is_locked_by_other(s->lock_fd)) {
		ssize_t len = pread(s->lock_fd, pid, sizeof(pid) - 1, 0);

		close(s->lock_fd);
		s->lock_fd = -1;
		pid[len > 0 ? len : 0] = 0;
		pid[strspn(pid, "0123456789")] = 0;
		return io_fail(error, -EBUSY,
			"%s: another meshd (pid %s) is running with this directory; stop it first, or give this one "
			"its own \"state\" and \"control\"",
			d->config.state_dir, *pid ? pid : "unknown");
	}
	int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (!s->error && (ftruncate(s->lock_fd, 0) < 0 || pwrite(s->lock_fd, pid, (size_t)len, 0) < 0))
		s->error = errno;
	return 0;
}

int state_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	struct state *s = &d->state;
	uint32_t value;

	*s = (struct state){ .lock_fd = -1, .floor = io_build_floor() };
	if (mkdir(d->config.state_dir, 0700) < 0 && errno != EEXIST)
		s->error = errno;
	int failure = lock_take(d, error);
	if (failure)
		return failure;
	s->is_writable = true; /* until now nobody was told otherwise */
	if (s->error) {
		trouble_say(d, -s->error);
		s->is_writable = false;
		s->write_us = io_now_us() + RETRY_US;
	}
	if (number_read(d, STATE_SEQNO, SEQNO_LEN, UINT32_MAX, &value)) {
		s->has_seqno = true;
		s->seqno = value;
	}
	s->dirty[STATE_TIME] = true;
	if (number_read(d, STATE_TIME, TIME_LEN, s->floor.t_lo + AHEAD_MAX_MIN, &value) && value >= s->floor.t_lo) {
		s->floor.t_lo = value;
		s->dirty[STATE_TIME] = false;
	}
	return 0;
}

static bool checksum_verify(struct bytes contents, const uint8_t checksum[CHECKSUM_LEN])
{
	uint8_t right[CHECKSUM_LEN];

	hash_bytes(right, sizeof(right), contents, (struct bytes){ 0 });
	return memcmp(right, checksum, CHECKSUM_LEN) == 0;
}

/* What is before the checksum at its end; *data is for free(). False: there is no such file, or it was set aside. */
static bool checked_read(struct daemon *d, enum state_item item, size_t max, uint8_t **data, struct bytes *contents)
{
	int len = state_file_read(d->config.state_dir, item_names[item], max, data);

	if (len < 0 && len != -EFBIG)
		return false;
	if (len >= CHECKSUM_LEN) {
		*contents = bytes_of(*data, (size_t)len - CHECKSUM_LEN);
		if (checksum_verify(*contents, *data + contents->len))
			return true;
	}
	set_aside(d, item);
	free(*data);
	return false;
}

/* Of what the node refuses nothing is kept. */
static void record_restore(struct daemon *d, enum state_item item, size_t max, struct state_record *r,
	int (*restore)(struct node *n, struct bytes encoded))
{
	uint8_t *data;
	int len = state_file_read(d->config.state_dir, item_names[item], max, &data);

	if (len < 0 && len != -EFBIG)
		return;
	if (len < 0 || restore(d->node, bytes_of(data, (size_t)len)) < 0) {
		set_aside(d, item);
	} else {
		memcpy(r->bytes, data, (size_t)len);
		r->len = (size_t)len;
	}
	if (len > 0)
		secret_wipe(data, (size_t)len);
	free(data);
}

static void certificates_restore(struct daemon *d)
{
	struct bytes contents;
	uint8_t *data;

	if (!checked_read(d, STATE_CERTIFICATES, CERTIFICATES_MAX, &data, &contents))
		return;
	struct reader r = reader_of(contents);
	while (reader_left(&r) > 0) {
		unsigned length = read_u16(&r);
		struct bytes encoded = read_bytes(&r, length & ~WITH_PROOF);
		struct bytes proof = read_bytes(&r, length & WITH_PROOF ? CERTIFICATE_PROOF_LEN : 0);

		if (reader_ok(&r) && node_certificate_restore(d->node, encoded, proof.len ? proof.data : NULL) < 0)
			d->state.dirty[STATE_CERTIFICATES] = true;
	}
	free(data);
}

void state_restore(struct daemon *d)
{
	record_restore(d, STATE_REVOCATION, REVOCATION_MAX_LEN, &d->state.list, node_revocation_restore);
	record_restore(d, STATE_KEYS, NODE_KEYS_MAX_LEN, &d->state.keys, node_keys_restore);
	certificates_restore(d);
}

void state_outages_restore(struct daemon *d)
{
	struct bytes contents;
	uint8_t *data;

	if (!checked_read(d, STATE_OUTAGES, OUTAGE_STATE_MAX + CHECKSUM_LEN, &data, &contents))
		return;
	if (outages_read(&d->outage_watch.outages, io_now_us(), io_date_s(), contents) < 0)
		set_aside(d, STATE_OUTAGES);
	free(data);
}

void state_silences_restore(struct daemon *d)
{
	struct bytes contents;
	uint8_t *data;

	if (!checked_read(d, STATE_SILENCES, ALARM_SILENCES_SIZE + CHECKSUM_LEN, &data, &contents))
		return;
	if (alarm_silences_read(&d->watch.alarms, io_now_us(), io_date_s(), contents) < 0)
		set_aside(d, STATE_SILENCES);
	free(data);
}

void state_close(struct daemon *d)
{
	struct state *s = &d->state;

	if (s->job) {
		pthread_join(s->job->thread, NULL);
		job_end(d, io_now_us());
	}
	if (is_dirty(s))
		job_start(d, io_now_us(), false);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	s->lock_fd = -1;
	secret_wipe(&s->keys, sizeof(s->keys));
}
