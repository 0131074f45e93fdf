/*
 * The file of other members' logs (collect.h): SQLite, one row for each member and one
 * for each of its runs. No member can push out what others wrote: it is who has most
 * whose oldest give way.
 */
#include "meshd/io/collect.h"
#include "meshd/io/database.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct collected_store {
	sqlite3 *db;
	struct authority authority;
	struct collected_limits limits;
};

static const char schema[] =
	"PRAGMA synchronous=NORMAL;"
	"CREATE TABLE IF NOT EXISTS member(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, name TEXT NOT NULL,"
	" level TEXT NOT NULL, certificate BLOB NOT NULL, last INTEGER NOT NULL, after BLOB NOT NULL,"
	" until INTEGER NOT NULL, bytes INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS run(member INTEGER NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,"
	" before BLOB NOT NULL, signature BLOB NOT NULL, PRIMARY KEY(member, number)) WITHOUT ROWID;";

static sqlite3_stmt *statement(struct collected_store *s, const char *text, char error[IO_ERROR_MAX])
{
	return database_statement(s->db, text, error);
}

/* --- open ----------------------------------------------------------------------------------------- */

int collected_store_open(struct collected_store **out, const char *dir, const struct authority *authority,
	const struct collected_limits *limits, bool *was_bad, char error[IO_ERROR_MAX])
{
	struct collected_store *s = calloc(1, sizeof(*s));

	*was_bad = false;
	if (!s)
		return io_fail(error, -ENOMEM, "out of memory");
	s->authority = *authority;
	s->limits = *limits;
	int code = database_open_or_anew(&s->db, dir, COLLECTED_FILE, schema, was_bad, error);
	if (code) {
		free(s);
		return code;
	}
	*out = s;
	return 0;
}

void collected_store_close(struct collected_store *s)
{
	database_close(s->db);
	free(s);
}

/* --- whose log --------------------------------------------------------------------------------------- */

struct owner {
	sqlite3_int64 id; /* 0: nothing is here of it */
	struct exchange_chain chain;
	int64_t until_ms;
	uint64_t bytes;
};

static int owner_find(
	struct collected_store *s, const uint8_t key[SIGN_PUBLIC_LEN], struct owner *o, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = statement(s, "SELECT id, last, after, until, bytes FROM member WHERE key = ?", error);
	int code = at ? 0 : database_code(s->db);

	*o = (struct owner){ 0 };
	if (code)
		return code;
	sqlite3_bind_blob(at, 1, key, SIGN_PUBLIC_LEN, SQLITE_STATIC);
	int step = sqlite3_step(at);
	if (step == SQLITE_ROW && sqlite3_column_bytes(at, 2) == LOG_HASH_LEN) {
		o->id = sqlite3_column_int64(at, 0);
		o->chain.last = (uint64_t)sqlite3_column_int64(at, 1);
		memcpy(o->chain.after, sqlite3_column_blob(at, 2), LOG_HASH_LEN);
		o->until_ms = sqlite3_column_int64(at, 3);
		o->bytes = (uint64_t)sqlite3_column_int64(at, 4);
	} else if (step == SQLITE_ROW) {
		code = io_fail(error, -EBADMSG, "somebody changed it");
	} else if (step != SQLITE_DONE) {
		code = database_trouble(s->db, error);
	}
	sqlite3_finalize(at);
	return code;
}

int collected_store_chain(struct collected_store *s, const uint8_t key[SIGN_PUBLIC_LEN], struct exchange_chain *chain,
	char error[IO_ERROR_MAX])
{
	struct owner o;
	int code = owner_find(s, key, &o, error);

	*chain = o.chain;
	return code;
}

/* Makes the row, or has it as it is now. */
static int owner_write(
	struct collected_store *s, const struct certificate *c, struct owner *o, char error[IO_ERROR_MAX])
{
	static const char text[] =
		"INSERT INTO member(key, name, level, certificate, last, after, until, bytes)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET name = excluded.name,"
		" level = excluded.level, certificate = excluded.certificate, last = excluded.last,"
		" after = excluded.after, until = excluded.until, bytes = excluded.bytes";
	uint8_t encoded[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(c, encoded, sizeof(encoded));
	sqlite3_stmt *at = statement(s, text, error);

	if (at) {
		sqlite3_bind_blob(at, 1, c->key.sign, SIGN_PUBLIC_LEN, SQLITE_STATIC);
		sqlite3_bind_text(at, 2, c->name, -1, SQLITE_STATIC);
		sqlite3_bind_text(at, 3, level_name(c->level), -1, SQLITE_STATIC);
		sqlite3_bind_blob(at, 4, encoded, len > 0 ? len : 0, SQLITE_STATIC);
		sqlite3_bind_int64(at, 5, (sqlite3_int64)o->chain.last);
		sqlite3_bind_blob(at, 6, o->chain.after, LOG_HASH_LEN, SQLITE_STATIC);
		sqlite3_bind_int64(at, 7, o->until_ms);
		sqlite3_bind_int64(at, 8, (sqlite3_int64)o->bytes);
	}
	int code = database_done(s->db, at, error);
	if (!code && !o->id)
		o->id = sqlite3_last_insert_rowid(s->db);
	return code;
}

/* --- what gives way --------------------------------------------------------------------------------- */

/* The oldest of a member, until it has at most so many bytes, but never its newest. */
static int oldest_drop(
	struct collected_store *s, sqlite3_int64 id, uint64_t *bytes, uint64_t limit, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = statement(s,
		"SELECT number, length(body) FROM run WHERE member = ?1"
		" AND number < (SELECT max(number) FROM run WHERE member = ?1) ORDER BY number",
		error);
	sqlite3_int64 until = 0;

	if (!at)
		return database_code(s->db);
	sqlite3_bind_int64(at, 1, id);
	while (*bytes > limit && sqlite3_step(at) == SQLITE_ROW) {
		until = sqlite3_column_int64(at, 0);
		*bytes -= (uint64_t)sqlite3_column_int64(at, 1) + COLLECTED_RUN_BYTES;
	}
	sqlite3_finalize(at);
	if (!until)
		return 0;
	at = statement(s, "DELETE FROM run WHERE member = ? AND number <= ?", error);
	if (at) {
		sqlite3_bind_int64(at, 1, id);
		sqlite3_bind_int64(at, 2, until);
	}
	int code = database_done(s->db, at, error);
	if (code)
		return code;
	at = statement(s, "UPDATE member SET bytes = ? WHERE id = ?", error);
	if (at) {
		sqlite3_bind_int64(at, 1, (sqlite3_int64)*bytes);
		sqlite3_bind_int64(at, 2, id);
	}
	return database_done(s->db, at, error);
}

/* Who has most gives, until it suffices. */
static int most_drop(struct collected_store *s, char error[IO_ERROR_MAX])
{
	for (;;) {
		sqlite3_stmt *at = statement(s,
			"SELECT id, bytes, (SELECT total(bytes) FROM member) FROM member ORDER BY bytes DESC LIMIT 1",
			error);
		if (!at)
			return database_code(s->db);
		int step = sqlite3_step(at);
		sqlite3_int64 id = step == SQLITE_ROW ? sqlite3_column_int64(at, 0) : 0;
		uint64_t bytes = step == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(at, 1) : 0, before = bytes;
		uint64_t all = step == SQLITE_ROW ? (uint64_t)sqlite3_column_double(at, 2) : 0;
		sqlite3_finalize(at);
		if (step != SQLITE_ROW && step != SQLITE_DONE)
			return database_trouble(s->db, error);
		if (all <= s->limits.bytes)
			return 0;
		/* A quarter of it at a time: then somebody else may have most. */
		int code = oldest_drop(s, id, &bytes, bytes - bytes / 4, error);
		if (code || bytes == before)
			return code;
	}
}

/* --- take -------------------------------------------------------------------------------------------- */

static int run_insert(struct collected_store *s, sqlite3_int64 member, const struct log_link *l, struct bytes body,
	char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at =
		statement(s, "INSERT INTO run(member, number, body, before, signature) VALUES(?, ?, ?, ?, ?)", error);

	if (at) {
		sqlite3_bind_int64(at, 1, member);
		sqlite3_bind_int64(at, 2, (sqlite3_int64)l->number);
		sqlite3_bind_blob(at, 3, body.data, (int)body.len, SQLITE_STATIC);
		sqlite3_bind_blob(at, 4, l->before, LOG_HASH_LEN, SQLITE_STATIC);
		sqlite3_bind_blob(at, 5, l->signature, SIGNATURE_LEN, SQLITE_STATIC);
	}
	return database_done(s->db, at, error);
}

/* 1: the answer goes on; 0: it is over. */
static int part_take(struct collected_store *s, const struct certificate *c, struct owner *o, struct reader *r,
	struct collected_answer *taken, char error[IO_ERROR_MAX])
{
	struct exchange_facts facts;
	struct log_link link;
	struct bytes body;
	uint64_t newest = 0;
	enum exchange_part part = exchange_read(r, &link, &body, &newest);

	if (part == EXCHANGE_END)
		taken->end = newest > o->chain.last && taken->runs ? GATHER_MORE : GATHER_ALL;
	if (part != EXCHANGE_RUN)
		return 0;
	link.deployment = s->authority.deployment;
	enum exchange_belief belief = exchange_believe(&o->chain, &link, body, c->key.sign, &facts);
	if (belief == EXCHANGE_KNOWN)
		return 1;
	if (belief != EXCHANGE_BELIEVED) {
		taken->belief = belief;
		taken->refused = link.number;
		return 0;
	}
	int code = o->id ? 0 : owner_write(s, c, o, error);
	if (!code)
		code = run_insert(s, o->id, &link, body, error);
	o->until_ms = facts.until_ms;
	o->bytes += body.len + COLLECTED_RUN_BYTES;
	taken->runs++;
	return code ? code : 1;
}

static int answer_take(struct collected_store *s, const struct certificate *c, struct bytes answer,
	struct collected_answer *taken, char error[IO_ERROR_MAX])
{
	struct reader r = reader_of(answer);
	struct owner o;
	int code = owner_find(s, c->key.sign, &o, error);

	if (code || exchange_head_read(&r) < 0)
		return code;
	while ((code = part_take(s, c, &o, &r, taken, error)) == 1)
		;
	taken->last = o.chain.last;
	if (!code && taken->runs)
		code = owner_write(s, c, &o, error);
	if (!code && taken->runs)
		code = oldest_drop(s, o.id, &o.bytes, s->limits.member_bytes, error);
	return code || !taken->runs ? code : most_drop(s, error);
}

int collected_store_take(struct collected_store *s, const struct certificate *c, struct bytes answer,
	struct collected_answer *taken, char error[IO_ERROR_MAX])
{
	*taken = (struct collected_answer){ .end = GATHER_NOTHING, .belief = EXCHANGE_BELIEVED };
	int code = database_begin(s->db, error);

	return code ? code : database_end(s->db, answer_take(s, c, answer, taken, error), error);
}

/* --- read ------------------------------------------------------------------------------------------- */

static json_t *key_hex(sqlite3_stmt *at, int column)
{
	char hex[2 * SIGN_PUBLIC_LEN + 1] = "";

	if (sqlite3_column_bytes(at, column) == SIGN_PUBLIC_LEN)
		sodium_bin2hex(hex, sizeof(hex), sqlite3_column_blob(at, column), SIGN_PUBLIC_LEN);
	return json_string(hex);
}

int collected_store_sum(struct collected_store *s, struct collected_sum *sum, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = statement(s, "SELECT count(*), coalesce(max(until), 0) FROM member", error);

	*sum = (struct collected_sum){ 0 };
	if (!at)
		return database_code(s->db);
	int code = sqlite3_step(at) == SQLITE_ROW ? 0 : database_trouble(s->db, error);
	if (!code)
		*sum = (struct collected_sum){ (unsigned)sqlite3_column_int64(at, 0), sqlite3_column_int64(at, 1) };
	sqlite3_finalize(at);
	return code;
}

json_t *collected_store_list(struct collected_store *s, uint64_t from, uint64_t *next, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = statement(s,
		"SELECT name, key, (SELECT min(number) FROM run WHERE member = id), last, until, bytes FROM member"
		" ORDER BY until DESC, id LIMIT ? OFFSET ?",
		error);
	json_t *list = at ? json_array() : NULL;
	int step = SQLITE_DONE;

	*next = 0;
	if (!list)
		return NULL;
	sqlite3_bind_int64(at, 1, COLLECTED_LIST_MAX + 1);
	sqlite3_bind_int64(at, 2, (sqlite3_int64)from);
	while ((step = sqlite3_step(at)) == SQLITE_ROW) {
		if (json_array_size(list) == COLLECTED_LIST_MAX) {
			*next = from + COLLECTED_LIST_MAX;
			break;
		}
		json_array_append_new(list, json_pack("{s:o, s:o, s:I, s:I, s:I, s:I}", "name",
						    json_of_text((const char *)sqlite3_column_text(at, 0)), "key",
						    key_hex(at, 1), "first", (json_int_t)sqlite3_column_int64(at, 2),
						    "last", (json_int_t)sqlite3_column_int64(at, 3), "until_ms",
						    (json_int_t)sqlite3_column_int64(at, 4), "bytes",
						    (json_int_t)sqlite3_column_int64(at, 5)));
	}
	if (step != SQLITE_DONE && step != SQLITE_ROW) {
		database_trouble(s->db, error);
		json_decref(list);
		list = NULL;
	}
	sqlite3_finalize(at);
	return list;
}

static int head_find(
	struct collected_store *s, const char *whose, json_t **head, sqlite3_int64 *id, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = statement(s,
		"SELECT id, name, level, certificate FROM member WHERE lower(hex(key)) = lower(?1)"
		" OR lower(name) = lower(?1) ORDER BY until DESC LIMIT 1",
		error);

	if (!at)
		return database_code(s->db);
	sqlite3_bind_text(at, 1, whose, -1, SQLITE_STATIC);
	int step = sqlite3_step(at), code = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -EIO;
	if (step == SQLITE_ROW && sqlite3_column_bytes(at, 3) > CERTIFICATE_MAX_LEN) {
		code = io_fail(error, -EBADMSG, "somebody changed it");
	} else if (step == SQLITE_ROW) {
		*id = sqlite3_column_int64(at, 0);
		*head = incident_head_make((const char *)sqlite3_column_text(at, 1),
			(const char *)sqlite3_column_text(at, 2), &s->authority,
			bytes_of(sqlite3_column_blob(at, 3), (size_t)sqlite3_column_bytes(at, 3)));
	} else if (code) {
		code = database_trouble(s->db, error);
	}
	sqlite3_finalize(at);
	return code;
}

int collected_store_read(struct collected_store *s, const char *whose, uint64_t from, json_t **head, json_t **runs,
	uint64_t *next, char error[IO_ERROR_MAX])
{
	sqlite3_int64 id = 0;

	*head = *runs = NULL;
	*next = 0;
	int code = head_find(s, whose, head, &id, error);
	if (code || !*head)
		return code;
	sqlite3_stmt *at = statement(s,
		"SELECT number, before, signature, body FROM run WHERE number >= ? AND member = ? ORDER BY number",
		error);
	if (at) {
		sqlite3_bind_int64(at, 1, (sqlite3_int64)from);
		sqlite3_bind_int64(at, 2, id);
		*runs = incident_runs_read(s->db, at, next, error);
	}
	if (*runs)
		return 0;
	json_decref(*head);
	*head = NULL;
	return -EIO;
}
