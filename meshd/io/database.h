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
/* Renames a file that is closed to NAME.bad. */
void database_set_aside(const char *dir, const char *file);
/* Of the last call, as a negative errno. */
int database_code(sqlite3 *db);
/* The same with a sentence. */
int database_trouble(sqlite3 *db, char error[IO_ERROR_MAX]);
/* NULL with a sentence. */
sqlite3_stmt *database_statement(sqlite3 *db, const char *text, char error[IO_ERROR_MAX]);

#endif
