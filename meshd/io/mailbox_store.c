/*
 * The file of messages: SQLite, one row for each thing that the node wants kept, which is
 * not looked into. Every transaction is synced: a sender is told "delivered" after it.
 *
 * Writes lie in a row as: key length 1, key, value length 2, value.
 */
#include "meshd/io/mailbox.h"

#include "meshd/io/database.h"

#include <errno.h>
#include <stdlib.h>

struct mailbox_store {
	sqlite3 *db;
};

static const char schema[] = "PRAGMA synchronous=FULL;"
			     "CREATE TABLE IF NOT EXISTS kept(number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,"
			     " value BLOB NOT NULL, date INTEGER NOT NULL);";

int mailbox_store_open(struct mailbox_store **out, const char *dir, bool *was_bad, char error[IO_ERROR_MAX])
{
	struct mailbox_store *s = calloc(1, sizeof(*s));

	*was_bad = false;
	if (!s)
		return io_fail(error, -ENOMEM, "out of memory");
	int code = database_open_or_anew(&s->db, dir, MAILBOX_FILE, schema, was_bad, error);
	if (code) {
		free(s);
		return code;
	}
	*out = s;
	return 0;
}

void mailbox_store_close(struct mailbox_store *s)
{
	database_close(s->db);
	free(s);
}

/* --- write ------------------------------------------------------------------------------------- */

void mailbox_write(struct writer *w, struct bytes key, struct bytes value)
{
	write_u8(w, (uint8_t)key.len);
	write_bytes(w, key);
	write_u16(w, (uint16_t)value.len);
	write_bytes(w, value);
}

static int row_put(sqlite3_stmt *at, struct bytes key, struct bytes value, uint64_t date_s)
{
	sqlite3_reset(at);
	sqlite3_bind_blob(at, 1, key.data, (int)key.len, SQLITE_STATIC);
	if (value.len) {
		sqlite3_bind_blob(at, 2, value.data, (int)value.len, SQLITE_STATIC);
		sqlite3_bind_int64(at, 3, (sqlite3_int64)date_s);
	}
	return sqlite3_step(at);
}

static int rows_put(struct mailbox_store *s, struct bytes writes, uint64_t date_s, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *put = database_statement(s->db,
		"INSERT INTO kept(key, value, date) VALUES(?, ?, ?) "
		"ON CONFLICT(key) DO UPDATE SET value = excluded.value, date = excluded.date",
		error);
	sqlite3_stmt *drop = put ? database_statement(s->db, "DELETE FROM kept WHERE key = ?", error) : NULL;
	struct reader r = reader_of(writes);
	int code = drop ? 0 : database_code(s->db);

	while (!code && reader_left(&r)) {
		struct bytes key = read_bytes(&r, read_u8(&r)), value = read_bytes(&r, read_u16(&r));

		if (row_put(value.len ? put : drop, key, value, date_s) != SQLITE_DONE)
			code = database_trouble(s->db, error);
	}
	sqlite3_finalize(put);
	sqlite3_finalize(drop);
	return code;
}

int mailbox_store_apply(struct mailbox_store *s, struct bytes writes, uint64_t date_s, char error[IO_ERROR_MAX])
{
	int code = database_begin(s->db, error);

	return code ? code : database_end(s->db, rows_put(s, writes, date_s, error), error);
}

/* --- read -------------------------------------------------------------------------------------- */

int mailbox_store_each(struct mailbox_store *s,
	void (*each)(void *arg, struct bytes key, struct bytes value, uint64_t date_s), void *arg,
	char error[IO_ERROR_MAX])
{
	sqlite3_stmt *at = database_statement(s->db, "SELECT key, value, date FROM kept ORDER BY number", error);
	int step = SQLITE_DONE, code = at ? 0 : database_code(s->db);

	while (at && (step = sqlite3_step(at)) == SQLITE_ROW) {
		struct bytes key = bytes_of(sqlite3_column_blob(at, 0), (size_t)sqlite3_column_bytes(at, 0));
		struct bytes value = bytes_of(sqlite3_column_blob(at, 1), (size_t)sqlite3_column_bytes(at, 1));

		each(arg, key, value, (uint64_t)sqlite3_column_int64(at, 2));
	}
	if (at && step != SQLITE_DONE)
		code = database_trouble(s->db, error);
	sqlite3_finalize(at);
	return code;
}
