/* SQLite's functions, as far as files are written by them (library.h). Who has one open holds the library (database.c).
 */
#include "meshd/io/library.h"

#include <sqlite3.h>

struct library library_sqlite = {
	.files = (const char *const[]){ "libsqlite3.so.0", NULL }, .package = "libsqlite3-0", .end = "sqlite3_shutdown"
};

#define FUNCTION(...) LIBRARY_FUNCTION(&library_sqlite, __VA_ARGS__)

FUNCTION(int, sqlite3_open_v2, (const char *path, sqlite3 **db, int flags, const char *vfs), path, db, flags, vfs)
FUNCTION(int, sqlite3_close, (sqlite3 * db), db)
FUNCTION(int, sqlite3_exec,
	(sqlite3 * db, const char *text, int (*each)(void *, int, char **, char **), void *arg, char **error), db, text,
	each, arg, error)
FUNCTION(int, sqlite3_errcode, (sqlite3 * db), db)
FUNCTION(const char *, sqlite3_errmsg, (sqlite3 * db), db)
FUNCTION(int, sqlite3_wal_autocheckpoint, (sqlite3 * db, int pages), db, pages)
FUNCTION(sqlite3_int64, sqlite3_last_insert_rowid, (sqlite3 * db), db)
FUNCTION(int, sqlite3_prepare_v2, (sqlite3 * db, const char *text, int len, sqlite3_stmt **at, const char **rest), db,
	text, len, at, rest)
FUNCTION(int, sqlite3_step, (sqlite3_stmt * at), at)
FUNCTION(int, sqlite3_reset, (sqlite3_stmt * at), at)
FUNCTION(int, sqlite3_finalize, (sqlite3_stmt * at), at)
FUNCTION(int, sqlite3_bind_blob, (sqlite3_stmt * at, int i, const void *data, int len, void (*done)(void *)), at, i,
	data, len, done)
FUNCTION(int, sqlite3_bind_text, (sqlite3_stmt * at, int i, const char *text, int len, void (*done)(void *)), at, i,
	text, len, done)
FUNCTION(int, sqlite3_bind_int64, (sqlite3_stmt * at, int i, sqlite3_int64 value), at, i, value)
FUNCTION(const void *, sqlite3_column_blob, (sqlite3_stmt * at, int i), at, i)
FUNCTION(const unsigned char *, sqlite3_column_text, (sqlite3_stmt * at, int i), at, i)
FUNCTION(int, sqlite3_column_bytes, (sqlite3_stmt * at, int i), at, i)
FUNCTION(double, sqlite3_column_double, (sqlite3_stmt * at, int i), at, i)
FUNCTION(sqlite3_int64, sqlite3_column_int64, (sqlite3_stmt * at, int i), at, i)
