/*
 * What the files of the daemon that are SQLite have in common: how they are opened, and
 * what their errors mean. Each is used by one thread at a time.
 */
#ifndef MESHD_IO_DATABASE_H
#define MESHD_IO_DATABASE_H

#include "meshd/io/io.h"

#include <sqlite3.h>

/* Makes the file if there is none, in WAL, and runs `schema`. 0, or a negative errno with a sentence: -EBADMSG is a
 * file that is damaged, or none of ours. */
int database_open(sqlite3 **out, const char *dir, const char *file, const char *schema, char error[IO_ERROR_MAX]);
/* Statements are at their end. The library goes with the last file that is open (library.h). */
void database_close(sqlite3 *db);
/* Renames a file that is closed to NAME.bad. */
void database_set_aside(const char *dir, const char *file);
/* As database_open(); a file that is damaged is set aside, which *was_bad tells, and another one is made. */
int database_open_or_anew(
	sqlite3 **out, const char *dir, const char *file, const char *schema, bool *was_bad, char error[IO_ERROR_MAX]);
/* Of the last call, as a negative errno. */
int database_code(sqlite3 *db);
/* The same with a sentence. */
int database_trouble(sqlite3 *db, char error[IO_ERROR_MAX]);
/* NULL with a sentence. */
sqlite3_stmt *database_statement(sqlite3 *db, const char *text, char error[IO_ERROR_MAX]);
/* Ends a statement that gives no rows; NULL: it could not be made. 0, or a negative errno with a sentence. */
int database_done(sqlite3 *db, sqlite3_stmt *at, char error[IO_ERROR_MAX]);
/* What follows until database_end() is all written, or nothing of it. */
int database_begin(sqlite3 *db, char error[IO_ERROR_MAX]);
/* Writes it if `code`, of what was done since, is 0. Returns `code`, or that of the write. */
int database_end(sqlite3 *db, int code, char error[IO_ERROR_MAX]);

#endif
