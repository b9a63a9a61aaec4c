/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_file: the SQLite file of an outbox: opened, checked, made, set aside.
 *
 * Used by outbox.c only. One node has an outbox: "PATH-lock" is locked for as long as it is open.
 * Other programs may read the database meanwhile.
 */
#ifndef NODE_OUTBOX_FILE_H
#define NODE_OUTBOX_FILE_H

#include <sqlite3.h>
#include <stddef.h>

#include "outbox.h"

/* Timeout for another process's lock on the file */
#define OUTBOX_FILE_BUSY_MS 2000

struct outbox_file {
	sqlite3 *db;
	int lock_fd;
};

/*
 * 0 or 1 and *file, or an error, as outbox_open(). sync_each: commit only when on the disk.
 * damaged: the file has shown damage, set it aside without a check.
 */
int outbox_file_open(struct outbox_file *file, const char *path, bool sync_each, bool damaged,
		     char *err, size_t err_size);
void outbox_file_close(struct outbox_file *file);

/* An SQLite result code as one of ours: SQLITE_FULL is -ENOSPC ... */
int outbox_file_error(int sqlite_rc);

/* Runs statements that give no rows: 0 or an SQLite result code. */
int outbox_file_exec(sqlite3 *db, const char *sql);

/* Syncs the WAL: an SQLite result code. */
int outbox_file_sync(sqlite3 *db);

/* Random, never 0. */
int64_t outbox_file_epoch(void);

/* In bytes. */
int outbox_file_page_size(sqlite3 *db);

#endif
