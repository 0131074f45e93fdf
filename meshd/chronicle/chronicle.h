/*
 * Incident logs, as nodes signed them, read back: whose they are, whether they are as
 * they were written, and what happened when. Several logs become one story, by one
 * clock as far as that can be had.
 *
 * A file (meshctl log export) is lines of JSON: the first one says whose log it is,
 * each further one is a run of entries with its signature (crypto/log_chain.c):
 *
 *   {"meshd-log": 1, "node": ..., "certificate": ..., "authority": ..., "deployment": ...}
 *   {"number": 1, "before": ..., "signature": ..., "body": "{\"process\": ..., \"entries\": [...]}"}
 */
#ifndef MESHD_CHRONICLE_CHRONICLE_H
#define MESHD_CHRONICLE_CHRONICLE_H

#include "crypto/crypto.h"

#include <jansson.h>

#define CHRONICLE_LOGS_MAX 64
#define CHRONICLE_ERROR_MAX 512
#define CHRONICLE_TEXT_MAX 200

/* What a log is worth. */
enum chronicle_trust {
	CHRONICLE_SIGNED, /* by a node that an authority has enrolled; chronicle_log.authority says which */
	CHRONICLE_UNSIGNED, /* by nobody whose certificate is there and holds */
};

/* What is wrong with a log: run `number` is not as it was signed, or runs before it are missing. */
struct chronicle_fault {
	bool is_gap;
	uint64_t number;
};

/* One start of one node: what it has written shares one monotonic clock. */
struct chronicle_process {
	char name[16];
	unsigned log;
	int64_t first_ms, last_ms; /* of its entries, by the story's clock */
	int64_t offset_ms; /* date less time since its start, as the story has it */
	int64_t set_ms; /* how far the clock was set while it ran; 0: never */
	int64_t shifted_ms; /* by other nodes' logs, beyond that */
	int64_t spread_ms; /* ... which agree so well; -1: it was not compared with any */
	unsigned compared; /* meetings that both ends have recorded */
	bool is_told; /* whether anybody kept the clock right */
	bool is_synced; /* somebody did */
	int64_t error_ms; /* ... as well as that; -1: not known */
};

struct chronicle_log {
	char node[NAME_MAX_LEN + 1];
	char source[CHRONICLE_TEXT_MAX]; /* the file's name, or "" for what a daemon answered */
	bool is_copy; /* of another member's, that a daemon had collected */
	enum chronicle_trust trust;
	struct certificate certificate; /* valid if it is signed */
	struct authority authority; /* as the log names it */
	uint64_t first, last; /* numbers of runs; 0: there are none */
	int64_t until_ms; /* its newest entry, by the story's clock */
	unsigned fault_count; /* in all; the first one is kept */
	struct chronicle_fault fault;
};

struct chronicle_entry {
	unsigned log, process; /* indices */
	int64_t date_ms; /* since 1970, by the story's clock */
	int64_t at_ms; /* since the start of its process */
	const char *code, *text;
	const json_t *data; /* NULL: none */
	size_t order; /* in which it was written */
};

struct chronicle {
	unsigned log_count, process_count;
	struct chronicle_log logs[CHRONICLE_LOGS_MAX];
	struct chronicle_process *processes;
	size_t entry_count, entry_capacity;
	struct chronicle_entry *entries; /* by date, once chronicle_align() has run */
	json_t *bodies; /* what the entries point into */
};

void chronicle_init(struct chronicle *r);
void chronicle_done(struct chronicle *r);
/* One more log. 0, or a negative errno with a sentence: -EBADMSG it is no log, -EEXIST the same node's is there,
 * -ENOSPC. Signatures that do not hold are no error: they are in the log's faults. */
int chronicle_load(struct chronicle *r, const char *path, char error[CHRONICLE_ERROR_MAX]);
/* The same of what a daemon has answered to "log": the head, and all runs in its member "log". */
int chronicle_take(struct chronicle *r, const json_t *answer, char error[CHRONICLE_ERROR_MAX]);
/* Puts all entries on one clock, and in order. Of each process that is the clock that it had last, or as long as it was
 * kept right; of one that nobody kept right, that of the logs before it whose meetings with it both have recorded. */
void chronicle_align(struct chronicle *r);
/* The daemon's answer as a file, for chronicle_load(). False: writing failed. */
bool chronicle_write(const json_t *answer, FILE *out);

/* --- date.c --- */

/* Milliseconds since 1970, by this machine's clock. */
int64_t date_now_ms(void);
/* "2026-11-24 14:05", "2026-11-24", "14:05" (today), "90m" (ago), "now", by this machine's zone; a day without a time
 * is its beginning, or its end. -EINVAL. */
int date_read(const char *text, int64_t now_ms, bool is_end, int64_t *ms);
#define DATE_TIME_TEXT 24
const char *date_time_format(int64_t ms, char text[DATE_TIME_TEXT]); /* "2026-11-24 14:05:00" */

#endif
