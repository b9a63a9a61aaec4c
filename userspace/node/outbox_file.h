/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_file: the SQLite file of an outbox: opened, checked, made, set aside.
 *
 * Used by outbox.c only. The file is locked for the life of the connection (locking_mode
 * EXCLUSIVE: no -shm file, no second node on one outbox).
 */
#ifndef NODE_OUTBOX_FILE_H
#define NODE_OUTBOX_FILE_H

#include <sqlite3.h>
#include <stddef.h>

#include "outbox.h"

/* 0 or 1 and *db, or an error, as outbox_open(). sync_each: commit only when on the disk. */
int outbox_file_open(sqlite3 **db, const char *path, bool sync_each, char *err, size_t err_size);

/* An SQLite result code as one of ours: SQLITE_FULL is -ENOSPC ... */
int outbox_file_error(int sqlite_rc);

/* Runs statements that give no rows: 0 or an SQLite result code. */
int outbox_file_exec(sqlite3 *db, const char *sql);

/* Writes what the WAL has to the disk: an SQLite result code. */
int outbox_file_sync(sqlite3 *db);

#endif
