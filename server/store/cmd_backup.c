// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* access */
#include "cmd_backup.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migrations.h"
#include "userspace/daemon/log.h"

#define BUSY_MS 60000 /* a server's commit, or another backup */

static bool failed(sqlite3 *db, const char *path)
{
	log_error("%s: %s", path, db != NULL ? sqlite3_errmsg(db) : "out of memory");
	return false;
}

/* All pages at once: a source that is written meanwhile would be begun again. then: SQL for `to`.
 */
static bool copy(const char *from, const char *to, const char *then)
{
	sqlite3 *source = NULL, *target = NULL;
	sqlite3_backup *backup = NULL;
	bool done = false;

	if (sqlite3_open_v2(from, &source, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
		failed(source, from);
	} else if (sqlite3_open_v2(to, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
		   SQLITE_OK) {
		failed(target, to);
	} else {
		sqlite3_busy_timeout(source, BUSY_MS);
		sqlite3_busy_timeout(target, BUSY_MS);
		/* A power cut after this command has returned costs nothing. */
		sqlite3_exec(target, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
		backup = sqlite3_backup_init(target, "main", source, "main");
		sqlite3_backup_step(backup, -1);
		done = backup != NULL && sqlite3_backup_finish(backup) == SQLITE_OK;
		done = done && sqlite3_exec(target, then, NULL, NULL, NULL) == SQLITE_OK;
		done = done || failed(target, to);
	}
	sqlite3_close(source);
	sqlite3_close(target);
	return done;
}

static bool is_sqlite(const struct store_config *config)
{
	if (config->kind != STORE_SQLITE) {
		log_error("the store is MariaDB: use mariadb-dump (docs/operation.md, Backup)");
		return false;
	}
	return true;
}

/* The first column of the first row, "" if there is none. */
static bool query_text(sqlite3 *db, const char *sql, char *text, size_t size)
{
	sqlite3_stmt *stmt;
	bool done = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
		    sqlite3_step(stmt) == SQLITE_ROW;

	snprintf(text, size, "%s", done ? (const char *)sqlite3_column_text(stmt, 0) : "");
	sqlite3_finalize(stmt);
	return done;
}

/* Is it a whole store, of a schema that this program knows? */
static bool check_store(const char *path)
{
	sqlite3 *db;
	char version[24], damage[200] = "";
	bool good = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK;

	sqlite3_busy_timeout(db, BUSY_MS);
	if (!good || !query_text(db, "SELECT MAX(version) FROM schema_migrations", version,
				 sizeof(version))) {
		good = failed(db, path);
	} else if (strtoul(version, NULL, 10) > migrations_sqlite_count) {
		log_error("%s: has schema %s, this program knows %zu: use the newer one", path,
			  version, migrations_sqlite_count);
		good = false;
	} else if (!query_text(db, "PRAGMA quick_check(1)", damage, sizeof(damage)) ||
		   strcmp(damage, "ok") != 0) {
		log_error("%s: is damaged: %s", path, damage);
		good = false;
	}
	sqlite3_close(db);
	return good;
}

bool cmd_backup(const struct store_config *config, const char *path)
{
	char part[PATH_MAX];

	if (!is_sqlite(config)) {
		return false;
	}
	if (access(path, F_OK) == 0 ||
	    (size_t)snprintf(part, sizeof(part), "%s.part", path) >= sizeof(part)) {
		log_error("%s: exists, or is too long a name: name another file", path);
		return false;
	}
	unlink(part); /* of a backup that was ended */
	if (!copy(config->path, part, "PRAGMA journal_mode=DELETE" /* one file */) ||
	    !check_store(part)) {
		unlink(part);
		return false;
	}
	if (rename(part, path) != 0) {
		log_error("%s: %s", path, strerror(errno));
		unlink(part);
		return false;
	}
	return true;
}

bool cmd_restore(const struct store_config *config, const char *path)
{
	struct store *store;
	bool good;

	if (!is_sqlite(config) || !check_store(path) || !copy(path, config->path, "")) {
		return false;
	}
	store = store_new(config);
	good = store != NULL && store_connect(store) >= 0;
	if (!good) {
		log_error("store: %s", store != NULL ? store_error(store) : "out of memory");
	}
	store_free(store);
	return good;
}
