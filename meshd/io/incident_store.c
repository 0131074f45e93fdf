/*
 * The file of the incident log: SQLite, one row for each run of entries that was
 * signed. WAL with synchronous=NORMAL: a run costs a write, a sync comes with each
 * checkpoint; a power cut may cost the last runs and never the file.
 *
 * A run is kept as the text that was signed, so that nothing has to be put together
 * again to look at its signature.
 */
#include "meshd/io/incident.h"
#include "meshd/io/control.h"
#include "meshd/io/database.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct incident_store {
	sqlite3 *db;
	struct incident_signer signer;
	struct incident_limits limits;
	uint64_t last; /* number of the newest run; 0: none */
	uint8_t after[LOG_HASH_LEN]; /* of it */
	uint64_t entries, bytes; /* kept */
};

static const char schema[] = "PRAGMA synchronous=NORMAL;"
			     "CREATE TABLE IF NOT EXISTS run(number INTEGER PRIMARY KEY, entries INTEGER NOT NULL,"
			     " body BLOB NOT NULL, before BLOB NOT NULL, signature BLOB NOT NULL);"
			     "CREATE TABLE IF NOT EXISTS owner(key BLOB NOT NULL);";

static int trouble(const struct incident_store *s, char error[IO_ERROR_MAX])
{
	return database_trouble(s->db, error);
}

static sqlite3_stmt *statement(struct incident_store *s, const char *text, char error[IO_ERROR_MAX])
{
	return database_statement(s->db, text, error);
}

/* --- one row ------------------------------------------------------------------------------------ */

struct run {
	struct log_link link;
	struct bytes body; /* until the next step of the statement */
};

/* Of "SELECT number, before, signature, body". False: a row has not the form of one. */
static bool run_take(uint32_t deployment, sqlite3_stmt *at, struct run *run)
{
	*run = (struct run){ .link = { .deployment = deployment } };
	run->link.number = (uint64_t)sqlite3_column_int64(at, 0);
	if (sqlite3_column_bytes(at, 1) != LOG_HASH_LEN || sqlite3_column_bytes(at, 2) != SIGNATURE_LEN)
		return false;
	memcpy(run->link.before, sqlite3_column_blob(at, 1), LOG_HASH_LEN);
	memcpy(run->link.signature, sqlite3_column_blob(at, 2), SIGNATURE_LEN);
	run->body = bytes_of(sqlite3_column_blob(at, 3), (size_t)sqlite3_column_bytes(at, 3));
	return true;
}

/* --- open ----------------------------------------------------------------------------------------- */

static int owner_check(struct incident_store *s, char error[IO_ERROR_MAX])
{
	const uint8_t *key = s->signer.identity->public.sign;
	sqlite3_stmt *at = statement(s, "SELECT key FROM owner", error);
	int code = at ? 0 : database_code(s->db), step = at ? sqlite3_step(at) : SQLITE_ERROR;

	if (step == SQLITE_ROW && (sqlite3_column_bytes(at, 0) != SIGN_PUBLIC_LEN ||
					  memcmp(sqlite3_column_blob(at, 0), key, SIGN_PUBLIC_LEN) != 0))
		code = io_fail(error, -EBADMSG, "it is another node's");
	else if (!code && step != SQLITE_ROW && step != SQLITE_DONE)
		code = trouble(s, error);
	sqlite3_finalize(at);
	if (code || step == SQLITE_ROW)
		return code;
	at = statement(s, "INSERT INTO owner VALUES(?)", error);
	if (at)
		sqlite3_bind_blob(at, 1, key, SIGN_PUBLIC_LEN, SQLITE_STATIC);
	return database_done(s->db, at, error);
}

static int last_find(struct incident_store *s, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at =
		statement(s, "SELECT number, before, signature, body FROM run ORDER BY number DESC LIMIT 1", error);
	struct run run;

	if (!at)
		return database_code(s->db);
	int step = sqlite3_step(at), code = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : trouble(s, error);
	if (step == SQLITE_ROW && run_take(s->signer.deployment, at, &run)) {
		s->last = run.link.number;
		/* That it holds is looked at by incident_store_verify(). */
		log_link_verify(&run.link, run.body, s->signer.identity->public.sign, s->after);
	}
	sqlite3_finalize(at);
	at = code ? NULL : statement(s, "SELECT total(entries), total(length(body)) FROM run", error);
	if (at && sqlite3_step(at) == SQLITE_ROW) {
		s->entries = (uint64_t)sqlite3_column_int64(at, 0);
		s->bytes = (uint64_t)sqlite3_column_int64(at, 1);
	} else if (!code) {
		code = trouble(s, error);
	}
	sqlite3_finalize(at);
	return code;
}

static int store_open(struct incident_store *s, const char *dir, char error[IO_ERROR_MAX])
{
	s->last = s->entries = s->bytes = 0;
	memset(s->after, 0, sizeof(s->after));
	int code = database_open(&s->db, dir, INCIDENT_FILE, schema, error);
	if (code)
		return code;
	code = owner_check(s, error);
	if (!code)
		code = last_find(s, error);
	if (code)
		database_close(s->db);
	return code;
}

int incident_store_open(struct incident_store **out, const char *dir, const struct incident_signer *signer,
	const struct incident_limits *limits, bool *was_bad, char error[IO_ERROR_MAX])
{
	struct incident_store *s = calloc(1, sizeof(*s));

	*was_bad = false;
	if (!s)
		return io_fail(error, -ENOMEM, "out of memory");
	s->signer = *signer;
	s->limits = *limits;
	int code = store_open(s, dir, error);
	if (code == -EBADMSG) {
		*was_bad = true;
		database_set_aside(dir, INCIDENT_FILE);
		code = store_open(s, dir, error);
	}
	if (code) {
		free(s);
		return code;
	}
	*out = s;
	return 0;
}

void incident_store_close(struct incident_store *s)
{
	database_close(s->db);
	free(s);
}

/* --- write ---------------------------------------------------------------------------------------- */

static int run_insert(struct incident_store *s, const struct log_link *l, struct bytes body, unsigned entries,
	char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at =
		statement(s, "INSERT INTO run(number, entries, body, before, signature) VALUES(?, ?, ?, ?, ?)", error);

	if (at) {
		sqlite3_bind_int64(at, 1, (sqlite3_int64)l->number);
		sqlite3_bind_int64(at, 2, entries);
		sqlite3_bind_blob(at, 3, body.data, (int)body.len, SQLITE_STATIC);
		sqlite3_bind_blob(at, 4, l->before, LOG_HASH_LEN, SQLITE_STATIC);
		sqlite3_bind_blob(at, 5, l->signature, SIGNATURE_LEN, SQLITE_STATIC);
	}
	return database_done(s->db, at, error);
}

/* The oldest go, but never the newest. */
static int oldest_drop(struct incident_store *s, uint64_t *entries, uint64_t *bytes, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *find = statement(s, "SELECT number, entries, length(body) FROM run ORDER BY number", error);
	uint64_t until = 0;
	int code = find ? 0 : database_code(s->db);

	while (!code && (*entries > s->limits.entries || *bytes > s->limits.bytes) &&
		sqlite3_step(find) == SQLITE_ROW && sqlite3_column_int64(find, 0) < (sqlite3_int64)s->last + 1) {
		until = (uint64_t)sqlite3_column_int64(find, 0);
		*entries -= (uint64_t)sqlite3_column_int64(find, 1);
		*bytes -= (uint64_t)sqlite3_column_int64(find, 2);
	}
	sqlite3_finalize(find);
	if (code || !until)
		return code;
	sqlite3_stmt *drop = statement(s, "DELETE FROM run WHERE number <= ?", error);
	if (drop)
		sqlite3_bind_int64(drop, 1, (sqlite3_int64)until);
	return database_done(s->db, drop, error);
}

int incident_store_append(struct incident_store *s, struct bytes body, unsigned entries, char error[IO_ERROR_MAX])
{
	struct log_link link = { .deployment = s->signer.deployment, .number = s->last + 1 };
	uint64_t all_entries = s->entries + entries, all_bytes = s->bytes + body.len;
	uint8_t after[LOG_HASH_LEN];

	memcpy(link.before, s->after, LOG_HASH_LEN);
	log_link_sign(&link, body, s->signer.identity, after);
	int code = database_begin(s->db, error);
	if (code)
		return code;
	code = run_insert(s, &link, body, entries, error);
	if (!code)
		code = oldest_drop(s, &all_entries, &all_bytes, error);
	code = database_end(s->db, code, error);
	if (code)
		return code;
	s->last++;
	s->entries = all_entries;
	s->bytes = all_bytes;
	memcpy(s->after, after, LOG_HASH_LEN);
	return 0;
}

/* --- read ------------------------------------------------------------------------------------------- */

json_t *incident_runs_read(sqlite3 *db, sqlite3_stmt *at, uint64_t *next, char error[IO_ERROR_MAX])
{
	json_t *list = json_array();
	size_t bytes = 0;
	struct run run;
	int step = SQLITE_DONE;

	*next = 0;
	while (list && (step = sqlite3_step(at)) == SQLITE_ROW) {
		if (!run_take(0, at, &run))
			continue; /* it was tampered with: the gap is seen by who verifies */
		if (bytes >= INCIDENT_PAGE_BYTES) {
			*next = run.link.number;
			break;
		}
		bytes += run.body.len;
		json_array_append_new(
			list, json_pack("{s:I, s:o, s:o, s:o}", "number", (json_int_t)run.link.number, "before",
				      json_base64(bytes_of(run.link.before, LOG_HASH_LEN)), "signature",
				      json_base64(bytes_of(run.link.signature, SIGNATURE_LEN)), "body",
				      json_stringn((const char *)run.body.data, run.body.len)));
	}
	if (step != SQLITE_DONE && step != SQLITE_ROW) {
		database_trouble(db, error);
		json_decref(list);
		list = NULL;
	}
	sqlite3_finalize(at);
	return list;
}

json_t *incident_head_make(const char *name, const char *level, const struct authority *a, struct bytes certificate)
{
	return json_pack("{s:b, s:o, s:o, s:I, s:o, s:o}", "ok", 1, "node", json_of_text(name), "level",
		json_of_text(level), "deployment", (json_int_t)a->deployment, "authority",
		json_base64(bytes_of(a->sign_public, SIGN_PUBLIC_LEN)), "certificate", json_base64(certificate));
}

/* From a number on. */
static sqlite3_stmt *runs_from(struct incident_store *s, uint64_t from, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = statement(
		s, "SELECT number, before, signature, body FROM run WHERE number >= ? ORDER BY number", error);

	if (at)
		sqlite3_bind_int64(at, 1, (sqlite3_int64)from);
	return at;
}

json_t *incident_store_read(struct incident_store *s, uint64_t from, uint64_t *next, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = runs_from(s, from, error);

	*next = 0;
	return at ? incident_runs_read(s->db, at, next, error) : NULL;
}

int incident_store_give(struct incident_store *s, uint64_t from, struct writer *answer, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = runs_from(s, from, error);
	struct run run;
	int step = SQLITE_DONE;

	if (!at)
		return database_code(s->db);
	exchange_head_write(answer);
	while ((step = sqlite3_step(at)) == SQLITE_ROW)
		if (run_take(s->signer.deployment, at, &run) && !exchange_run_write(answer, &run.link, run.body))
			break;
	exchange_end_write(answer, s->last);
	int code = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : trouble(s, error);
	sqlite3_finalize(at);
	return code;
}

int64_t incident_store_verify(struct incident_store *s, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = statement(s, "SELECT number, before, signature, body FROM run ORDER BY number", error);
	const uint8_t *key = s->signer.identity->public.sign;
	uint8_t after[LOG_HASH_LEN] = { 0 }, before[LOG_HASH_LEN];
	uint64_t number = 0; /* of the one before */
	int64_t bad = 0;
	int step = SQLITE_DONE;
	struct run run;

	if (!at)
		return database_code(s->db);
	while (!bad && (step = sqlite3_step(at)) == SQLITE_ROW) {
		memcpy(before, after, LOG_HASH_LEN);
		bool is_good = run_take(s->signer.deployment, at, &run) &&
			       log_link_verify(&run.link, run.body, key, after) == 0;
		bool is_next = !number ||
			       (run.link.number == number + 1 && memcmp(before, run.link.before, LOG_HASH_LEN) == 0);

		number = run.link.number;
		if (!is_good || !is_next)
			bad = (int64_t)number;
	}
	if (!bad && step != SQLITE_DONE)
		bad = trouble(s, error);
	sqlite3_finalize(at);
	return bad;
}
