/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * migrations: the numbered SQL files of server/store/migrations/, built into the program.
 *
 * A file is a list of statements, each ended by ';' at the end of a line. SQLite runs all that are
 * due in one transaction. MariaDB's DDL has none: there each statement may run twice (IF NOT
 * EXISTS, OR REPLACE), as a run that was cut off begins again with its first statement. A released
 * file is never changed; append another.
 */
#ifndef MIGRATIONS_H
#define MIGRATIONS_H

#include <stddef.h>

struct migration {
	const char *name; /* "001-readings" */
	const char *sql, *end; /* the file's bytes, sql..end */
};

/* Version n is element n - 1. */
extern const struct migration migrations_sqlite[], migrations_mariadb[];
extern const size_t migrations_sqlite_count, migrations_mariadb_count;

#endif
