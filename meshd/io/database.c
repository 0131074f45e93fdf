/* SQLite, as the daemon uses it (database.h). */
#include "meshd/io/database.h"
#include "meshd/io/library.h"

#include <errno.h>
#include <unistd.h>

#define CHECKPOINT_PAGES 256
#define PATH_ROOM (CONFIG_PATH_MAX + 32)

int database_code(sqlite3 *db)
{
	switch (sqlite3_errcode(db)) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
		return -EACCES;
	default:
		return -EIO;
	}
}

int database_trouble(sqlite3 *db, char error[IO_ERROR_MAX])
{
	return io_fail(error, database_code(db), "%s", sqlite3_errmsg(db));
}

sqlite3_stmt *database_statement(sqlite3 *db, const char *text, char error[IO_ERROR_MAX])
{
	sqlite3_stmt *made = NULL;

	if (sqlite3_prepare_v2(db, text, -1, &made, NULL) != SQLITE_OK)
		database_trouble(db, error);
	return made;
}

int database_open(sqlite3 **out, const char *dir, const char *file, const char *schema, char error[IO_ERROR_MAX])
{
	static const char common[] =
		"PRAGMA journal_mode=WAL;PRAGMA cache_size=-256;PRAGMA journal_size_limit=1048576;";
	/* Without a lock of its own: one thread at a time has it. */
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	char path[PATH_ROOM];
	int code = library_hold(&library_sqlite, error);

	*out = NULL;
	if (code)
		return code;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (sqlite3_open_v2(path, out, flags, NULL) != SQLITE_OK ||
		sqlite3_exec(*out, common, NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(*out, schema, NULL, NULL, NULL) != SQLITE_OK)
		code = *out ? database_trouble(*out, error) : io_fail(error, -ENOMEM, "out of memory");
	if (!code) {
		sqlite3_wal_autocheckpoint(*out, CHECKPOINT_PAGES);
		return 0;
	}
	database_close(*out);
	*out = NULL;
	return code;
}

void database_close(sqlite3 *db)
{
	sqlite3_close(db);
	library_release(&library_sqlite);
}

void database_set_aside(const char *dir, const char *file)
{
	static const char *const beside[] = { "shm", "wal" };
	char path[PATH_ROOM];

	state_file_set_aside(dir, file);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s-%s", dir, file, beside[i]);
		unlink(path);
	}
}

int database_open_or_anew(
	sqlite3 **out, const char *dir, const char *file, const char *schema, bool *was_bad, char error[IO_ERROR_MAX])
{
	int code = database_open(out, dir, file, schema, error);

	*was_bad = code == -EBADMSG;
	if (!*was_bad)
		return code;
	database_set_aside(dir, file);
	return database_open(out, dir, file, schema, error);
}

/* --- writing ------------------------------------------------------------------------------------ */

int database_done(sqlite3 *db, sqlite3_stmt *at, char error[IO_ERROR_MAX])
{
	int code = !at ? database_code(db) : sqlite3_step(at) == SQLITE_DONE ? 0 : database_trouble(db, error);

	sqlite3_finalize(at);
	return code;
}

int database_begin(sqlite3 *db, char error[IO_ERROR_MAX])
{
	return sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ? 0 : database_trouble(db, error);
}

int database_end(sqlite3 *db, int code, char error[IO_ERROR_MAX])
{
	if (!code && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		code = database_trouble(db, error);
	if (code)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}
