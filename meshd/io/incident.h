/*
 * The incident log: what happened, what was out and when it was back, and what people
 * did, kept for the report that is written afterwards.
 *
 *   daemon_say ─┐                       tick: every BATCH_US, or when there is much
 *   watch       ├─► entries, in memory ────────────────────────────────► thread ─► store
 *   operator    ┘   (bounded; what is too much is counted)                 ▲
 *   control "log" ─────────────────────── a page is to be read ────────────┘
 *
 * The store (incident_store.c) is one SQLite file: runs of entries, each signed by the
 * node and chained to the one before (crypto/log_chain.c). Only the thread touches it,
 * for flash memory takes up to seconds and packets do not wait for that.
 */
#ifndef MESHD_IO_INCIDENT_H
#define MESHD_IO_INCIDENT_H

#include "meshd/chronicle/exchange.h"
#include "meshd/io/io.h"

#include <jansson.h>
#include <pthread.h>
#include <sqlite3.h>

#define INCIDENT_FILE "incidents.db"
#define INCIDENT_ENTRIES_MAX 20000 /* that are kept, the newest; and of them ... */
#define INCIDENT_BYTES_MAX (8u << 20) /* ... so many bytes */
#define INCIDENT_PENDING_MAX (128u << 10) /* bytes that wait to be written */
#define INCIDENT_PAGE_BYTES (128u << 10) /* of one answer, about */
#define INCIDENT_HOUR_MAX 100 /* entries of one code in an hour; the rest is counted ... */
#define INCIDENT_HOUR_DATA_MAX 600 /* ... and of those that have data */

/* --- incident_store.c: the file. Used by one thread at a time ------------------------------- */

struct incident_store;
struct incident_limits {
	uint64_t entries, bytes;
};
/* Who signs: borrowed, for as long as the store is open. */
struct incident_signer {
	const struct secret_identity *identity;
	uint32_t deployment;
};
/* Makes the file if there is none. A file that is damaged, or another node's, is renamed to NAME.bad, which *was_bad
 * tells. 0, or a negative errno with a sentence. */
int incident_store_open(struct incident_store **out, const char *dir, const struct incident_signer *signer,
	const struct incident_limits *limits, bool *was_bad, char error[IO_ERROR_MAX]);
void incident_store_close(struct incident_store *s);
/* One more run of so many entries; the oldest go when there are too many. Negative errno with a sentence. */
int incident_store_append(struct incident_store *s, struct bytes body, unsigned entries, char error[IO_ERROR_MAX]);
/* Runs from number `from` on, as an array of {number, before, signature, body}; *next: where to go on, 0 after the last
 * one. NULL with a sentence. */
json_t *incident_store_read(struct incident_store *s, uint64_t from, uint64_t *next, char error[IO_ERROR_MAX]);
/* The same, of rows {number, before, signature, body} of any such file; ends the statement. */
json_t *incident_runs_read(sqlite3 *db, sqlite3_stmt *at, uint64_t *next, char error[IO_ERROR_MAX]);
/* What stands before runs in an answer to "log": whose they are, and what tells it. */
json_t *incident_head_make(const char *name, const char *level, const struct authority *a, struct bytes certificate);
/* As an answer to another member (meshd/chronicle/exchange.h). Negative errno with a sentence. */
int incident_store_give(struct incident_store *s, uint64_t from, struct writer *answer, char error[IO_ERROR_MAX]);
/* Looks at every signature. The number of the first run that is not as it was written, or before which some are
 * missing; 0: all are. Negative errno with a sentence. */
int64_t incident_store_verify(struct incident_store *s, char error[IO_ERROR_MAX]);

/* --- incident_thread.c: what is to be done with the file, while packets pass ------------------ */

struct collected_answer {
	enum gather_end end;
	unsigned runs; /* that are new here */
	uint64_t last; /* that is here now */
	enum exchange_belief belief; /* of the first run that was not believed; else EXCHANGE_BELIEVED */
	uint64_t refused; /* its number */
};
/* Of all that is here of others. */
struct collected_sum {
	unsigned members;
	int64_t until_ms; /* the newest entry, by the clock of who wrote it */
};
enum incident_job_kind {
	JOB_VERIFY,
	JOB_APPEND,
	JOB_READ,
	JOB_KEEP, /* writes of mailbox.h, into their own file */
	JOB_GIVE, /* to another member: the answer comes in `body` */
	/* Of other members' logs, in their own file (collect.h): */
	JOB_CHAIN, /* what is here of who has `certificate` */
	JOB_TAKE, /* his answer, `body`; and `sum` after it */
	JOB_SUM, /* `sum` */
	JOB_LIST, /* for a control socket */
	JOB_READ_OTHER /* likewise, of `whose` */
};
struct incident_job {
	enum incident_job_kind kind;
	struct incident_job *next;
	char *body; /* append, keep */
	size_t len;
	unsigned entries;
	uint64_t from, token; /* read */
	uint64_t date_s; /* keep */
	int64_t result; /* negative errno, with `error` */
	bool was_bad; /* the file was set aside */
	json_t *runs, *head;
	uint64_t next_run;
	struct certificate certificate;
	struct exchange_chain chain;
	struct collected_answer taken;
	struct collected_sum sum;
	char whose[2 * SIGN_PUBLIC_LEN + 1];
	char error[IO_ERROR_MAX];
};
struct incident_thread {
	/* the thread's: */
	struct incident_store *store; /* NULL: it could not be opened so far */
	struct mailbox_store *mailbox; /* likewise */
	struct collected_store *collected; /* likewise */
	struct incident_signer signer;
	char dir[CONFIG_PATH_MAX];
	/* both, under the lock: */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct incident_job *todo, *done;
	bool ends;
	/* the loop's: */
	struct daemon *d; /* is woken when something is done */
	pthread_t thread;
	bool is_running;
	unsigned jobs; /* given, and not taken back */
};
void incident_thread_start(struct incident_thread *t, struct daemon *d);
/* At the end of those to do. False: there are too many, or there is no thread; `job` is still the caller's. */
bool incident_job_give(struct incident_thread *t, struct incident_job *job);
/* Those that are done, the caller's from now on. */
struct incident_job *incident_jobs_done(struct incident_thread *t);
/* Does what was given, and is there no more: then jobs are done by incident_job_do(). */
void incident_thread_end(struct incident_thread *t);
void incident_job_do(struct incident_thread *t, struct incident_job *job);
void incident_job_free(struct incident_job *job);
void incident_thread_close(struct incident_thread *t); /* the file */

/* --- incident.c: what is recorded ------------------------------------------------------------- */

/* What cannot be recorded never stops the daemon. */
void incidents_open(struct daemon *d);
/* Writes what is not written yet. */
void incidents_close(struct daemon *d);
void incidents_tick(struct daemon *d, uint64_t now_us);
/* The thread has something to tell. */
void incidents_written(struct daemon *d, uint64_t now_us);
/* An entry of the log only; `data` for programs is taken over, NULL: none. Before incidents_open(): nothing. */
void incident_note(struct daemon *d, uint64_t now_us, const char *code, json_t *data, const char *text);
/* As incident_job_give(); what is done comes back to who is named by its kind. */
bool incidents_give(struct daemon *d, struct incident_job *job);
/* A page from run `from` on is read, of this node's log or, by name or key in hex, of another's that is here;
 * control_later(token) tells. -ENOBUFS: there is no log. */
int incidents_read(struct daemon *d, const char *whose, uint64_t from, uint64_t token);
/* Likewise, whose logs are here (collect.h). */
int incidents_list(struct daemon *d, uint64_t from, uint64_t token);

/* As daemon_say(), with `data` for programs in the incident log; it is taken over. */
__attribute__((format(printf, 4, 5))) void daemon_tell(
	struct daemon *d, const char *code, json_t *data, const char *format, ...);

#endif
