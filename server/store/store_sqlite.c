// SPDX-License-Identifier: BSD-2-Clause
/* store_sqlite: WAL with synchronous=FULL: a commit that returned survives power loss. */
#define _POSIX_C_SOURCE 200809L /* PATH_MAX */
#include "store_sql.h"

#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "time/now.h"

#define BUSY_TIMEOUT_MS 2000 /* wait for another process that checkpoints or migrates */

struct sqlite {
	sqlite3 *db;
	sqlite3_stmt *insert, *insert_first;
};

static int failed(struct store *s, const char *doing)
{
	struct sqlite *q = s->db;
	int code = sqlite3_errcode(q->db);

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return store_fail(s, STORE_BUSY, "%s: %s: %s", s->config.path, doing,
				  sqlite3_errmsg(q->db));
	case SQLITE_CONSTRAINT:
		if (sqlite3_extended_errcode(q->db) == SQLITE_CONSTRAINT_NOTNULL) {
			return STORE_REPLACED;
		}
		/* fallthrough */
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return store_fail(s, STORE_REFUSED, "%s: %s: %s", s->config.path, doing,
				  sqlite3_errmsg(q->db));
	default:
		return store_fail(s, STORE_DOWN, "%s: %s: %s", s->config.path, doing,
				  sqlite3_errmsg(q->db));
	}
}

static void bind(sqlite3_stmt *stmt, int at, const struct sql_value *v)
{
	switch (v->type) {
	case SQL_NULL:
		sqlite3_bind_null(stmt, at);
		break;
	case SQL_INTEGER:
		sqlite3_bind_int64(stmt, at, v->integer);
		break;
	case SQL_TEXT:
		sqlite3_bind_text(stmt, at, v->data, (int)v->size, SQLITE_STATIC);
		break;
	case SQL_BLOB:
		sqlite3_bind_blob(stmt, at, v->data, (int)v->size, SQLITE_STATIC);
		break;
	}
}

static struct sql_value column(sqlite3_stmt *stmt, int at)
{
	switch (sqlite3_column_type(stmt, at)) {
	case SQLITE_INTEGER:
		return (struct sql_value){ .type = SQL_INTEGER,
					   .integer = sqlite3_column_int64(stmt, at) };
	case SQLITE_TEXT: {
		const void *data = sqlite3_column_text(stmt, at);

		return (struct sql_value){ .type = SQL_TEXT,
					   .data = data,
					   .size = (size_t)sqlite3_column_bytes(stmt, at) };
	}
	case SQLITE_BLOB: {
		const void *data = sqlite3_column_blob(stmt, at);

		return (struct sql_value){ .type = SQL_BLOB,
					   .data = data,
					   .size = (size_t)sqlite3_column_bytes(stmt, at) };
	}
	default:
		return (struct sql_value){ .type = SQL_NULL };
	}
}

/* Was the file replaced, or removed? What is written into the old one no one will find. */
static int check_place(struct store *s)
{
	struct sqlite *q = s->db;
	int moved = 0;

	if (!sqlite3_get_autocommit(q->db) ||
	    sqlite3_file_control(q->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK ||
	    moved == 0) {
		return 0;
	}
	/* Closing must not copy the WAL, nor delete that of the new file. */
	sqlite3_db_config(q->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return store_fail(s, STORE_DOWN, "%s was replaced: it is opened again", s->config.path);
}

static int run(struct store *s, const char *sql, const struct sql_value *params, size_t n,
	       sql_row_fn each, void *arg)
{
	struct sqlite *q = s->db;
	struct sql_value values[STORE_COLUMNS + 2];
	sqlite3_stmt *stmt;
	const char *rest;
	int rc = check_place(s), step;

	if (rc < 0) {
		return rc;
	}
	if (sqlite3_prepare_v2(q->db, sql, -1, &stmt, &rest) != SQLITE_OK) {
		return failed(s, "SQL");
	}
	if (*rest != '\0') { /* SQLite would silently ignore the second statement */
		sqlite3_finalize(stmt);
		return store_fail(s, STORE_REFUSED, "more than one statement at \"%.40s\"", rest);
	}
	if (stmt == NULL) {
		return 0; /* a comment */
	}
	for (size_t i = 0; i < n; i++) {
		bind(stmt, (int)i + 1, &params[i]);
	}
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		int columns = sqlite3_column_count(stmt);

		for (int i = 0; i < columns && i < (int)(sizeof(values) / sizeof(values[0])); i++) {
			values[i] = column(stmt, i);
		}
		rc = each == NULL ? 0 : each(arg, values, (size_t)columns);
		if (rc != 0) {
			break;
		}
	}
	if (step == SQLITE_DONE) {
		rc = sqlite3_stmt_readonly(stmt) ? 0 : sqlite3_changes(q->db);
	} else if (step != SQLITE_ROW) {
		rc = failed(s, "SQL");
	}
	sqlite3_finalize(stmt);
	return rc;
}

static void bind_guard(sqlite3_stmt *stmt, const struct store_item *item)
{
	struct epoch_text text = { "" };
	struct sql_value epoch = sql_epoch(item->reading->epoch, &text);

	sqlite3_bind_text(stmt, STORE_COLUMNS + 1, item->reading->device, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, STORE_COLUMNS + 2, epoch.data, (int)epoch.size, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, STORE_COLUMNS + 3, (int64_t)item->after);
}

static int insert_all(struct store *s, const struct store_item *items, size_t n)
{
	struct sqlite *q = s->db;
	int fresh = 0;

	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || items[i - 1].stream != items[i].stream;
		sqlite3_stmt *stmt = first ? q->insert_first : q->insert;

		store_row_make(&s->row, items[i].stream, items[i].reading, items[i].received_us);
		for (int c = 0; c < STORE_COLUMNS; c++) {
			bind(stmt, c + 1, &s->row.value[c]);
		}
		if (first) {
			bind_guard(stmt, &items[i]);
		}
		if (sqlite3_step(stmt) != SQLITE_DONE) {
			int rc = failed(s, "INSERT");

			sqlite3_reset(stmt);
			return rc;
		}
		fresh += sqlite3_changes(q->db);
		sqlite3_reset(stmt);
	}
	return fresh;
}

static int insert(struct store *s, const struct store_item *items, size_t n)
{
	int fresh, rc = run(s, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL);

	if (rc < 0) {
		return rc;
	}
	fresh = insert_all(s, items, n);
	rc = fresh < 0 ? fresh : run(s, "COMMIT", NULL, 0, NULL, NULL);
	if (rc < 0) {
		sqlite3_exec(((struct sqlite *)s->db)->db, "ROLLBACK", NULL, NULL, NULL);
		return rc;
	}
	return fresh;
}

static void sqlite_close(struct store *s)
{
	struct sqlite *q = s->db;

	sqlite3_finalize(q->insert);
	sqlite3_finalize(q->insert_first);
	sqlite3_close_v2(q->db);
	free(q);
}

static int is_wal(void *arg, const struct sql_value *v, size_t n)
{
	*(bool *)arg = n == 1 && v[0].type == SQL_TEXT && v[0].size == 3 &&
		       memcmp(v[0].data, "wal", 3) == 0;
	return 0;
}

/*
 * SQLite does not wait for other connections here, whatever its busy timeout: it has read the
 * header and would have to upgrade its lock (sqlite3BtreeSetVersion()). Several that open one new
 * file do meet.
 */
static int enter_wal(struct store *s)
{
	uint64_t until_ms = now_ms() + BUSY_TIMEOUT_MS;
	bool wal = false;
	int rc;

	while ((rc = run(s, "PRAGMA journal_mode=WAL", NULL, 0, is_wal, &wal)) == STORE_BUSY &&
	       now_ms() < until_ms) {
		sqlite3_sleep(1 + rand() % 16);
	}
	if (rc < 0) {
		return rc == STORE_BUSY ? STORE_DOWN : STORE_UNUSABLE;
	}
	return wal ? 0
		   : store_fail(s, STORE_UNUSABLE, "%s: SQLite cannot keep a write-ahead log there",
				s->config.path);
}

/* "file:PATH?immutable=1", with its bytes in hexadecimal. */
static void immutable_uri(char *uri, const char *path)
{
	uri += sprintf(uri, "file:");
	for (; *path != '\0'; path++) {
		uri += sprintf(uri, *path == '/' ? "/" : "%%%02x", (unsigned char)*path);
	}
	sprintf(uri, "?immutable=1");
}

/*
 * Where its folder cannot be written SQLite cannot share the file with writers: it is then read as
 * one that does not change, which needs one without a WAL.
 */
static int open_read_only(struct store *s)
{
	struct sqlite *q = s->db;
	char path[PATH_MAX], uri[3 * PATH_MAX + 32];
	struct stat wal;
	int rc = sqlite3_open_v2(s->config.path, &q->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
				 NULL);

	rc = rc == SQLITE_OK ? sqlite3_exec(q->db, "SELECT 1 FROM sqlite_master", NULL, NULL, NULL)
			     : rc;
	snprintf(path, sizeof(path), "%s-wal", s->config.path);
	if ((rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY) &&
	    (stat(path, &wal) != 0 || wal.st_size == 0)) {
		sqlite3_close(q->db);
		snprintf(path, sizeof(path), "%s", s->config.path);
		immutable_uri(uri, path);
		rc = sqlite3_open_v2(uri, &q->db,
				     SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
				     NULL);
	}
	sqlite3_busy_timeout(q->db, BUSY_TIMEOUT_MS);
	return rc == SQLITE_OK ? 0
			       : store_fail(s, STORE_UNUSABLE, "%s: cannot be read: %s",
					    s->config.path, sqlite3_errmsg(q->db));
}

static int sqlite_open(struct store *s)
{
	struct sqlite *q = calloc(1, sizeof(*q));
	int64_t page = 4096;
	char sql[64];
	int rc;

	if (q == NULL) {
		return store_fail(s, STORE_DOWN, "out of memory");
	}
	s->db = q;
	if (s->config.read_only) {
		return open_read_only(s);
	}
	/* Two connections live on two threads, never one on two at once: SQLite's own locks are not
	 * needed. */
	rc = sqlite3_open_v2(s->config.path, &q->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc != SQLITE_OK) {
		int why = sqlite3_system_errno(q->db);

		return store_fail(
			s, STORE_UNUSABLE,
			"%s: cannot open the database: %s; its directory must exist and be writable",
			s->config.path, why != 0 ? strerror(why) : sqlite3_errstr(rc));
	}
	sqlite3_busy_timeout(q->db, BUSY_TIMEOUT_MS);
	/*
	 * Of a new file. Each reading changes a page of its device and one of the index, and
	 * changed pages are logged whole: with 1000 devices 2 KB a reading instead of 8, and 50 %
	 * more readings a second.
	 */
	run(s, "PRAGMA page_size=1024", NULL, 0, NULL, NULL);
	rc = enter_wal(s);
	if (rc < 0) {
		return rc;
	}
	rc = run(s, "PRAGMA synchronous=FULL", NULL, 0, NULL, NULL);
	/* What a long reader made the log grow beyond its usual length is given back. */
	rc = rc < 0 ? rc : run(s, "PRAGMA journal_size_limit=67108864", NULL, 0, NULL, NULL);
	/*
	 * A batch of 1000 devices touches 2000 pages. The defaults (2 MB of cache, a checkpoint
	 * each 1000 pages) would read and write them all again for every batch: half the speed. 64
	 * MB each.
	 */
	rc = rc < 0 ? rc : run(s, "PRAGMA cache_size=-65536", NULL, 0, NULL, NULL);
	rc = rc < 0 ? rc : run(s, "PRAGMA page_size", NULL, 0, sql_first_integer, &page);
	snprintf(sql, sizeof(sql), "PRAGMA wal_autocheckpoint=%" PRId64,
		 (INT64_C(64) << 20) / page);
	return rc < 0 ? rc : run(s, sql, NULL, 0, NULL, NULL);
}

static int prepare_insert(struct store *s, const char *stream, sqlite3_stmt **stmt)
{
	struct sqlite *q = s->db;
	char sql[2048];
	int at = snprintf(sql, sizeof(sql), "INSERT INTO readings (%s) VALUES (%s", store_row_names,
			  stream);

	for (int i = 1; i < STORE_COLUMNS; i++) {
		at += snprintf(sql + at, sizeof(sql) - (size_t)at, ",?%d", i + 1);
	}
	snprintf(sql + at, sizeof(sql) - (size_t)at, ") ON CONFLICT DO NOTHING");
	return sqlite3_prepare_v3(q->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL) ==
			       SQLITE_OK
		       ? 0
		       : failed(s, "INSERT");
}

/* The table exists only after the migrations, so the statements are prepared at first use. */
static int sqlite_insert(struct store *s, const struct store_item *items, size_t n)
{
	struct sqlite *q = s->db;
	/* NULL, which no row may have, unless the stream is the reading's and has `after`. */
	char guard[320];
	int rc = q->insert != NULL ? 0 : prepare_insert(s, "?1", &q->insert);

	if (rc == 0 && q->insert_first == NULL) {
		snprintf(
			guard, sizeof(guard),
			"(SELECT id FROM streams WHERE id = ?1 AND device = ?%1$d AND epoch = ?%2$d AND "
			"(?%3$d = 0 OR EXISTS (SELECT 1 FROM readings WHERE stream = ?1 AND seq = ?%3$d)))",
			STORE_COLUMNS + 1, STORE_COLUMNS + 2, STORE_COLUMNS + 3);
		rc = prepare_insert(s, guard, &q->insert_first);
	}
	return rc < 0 ? rc : insert(s, items, n);
}

const struct store_backend store_sqlite = {
	.keep = "ON CONFLICT DO NOTHING",
	.keep_lease = "ON CONFLICT DO NOTHING",
	.has_schema = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_migrations'",
	.lock = "BEGIN IMMEDIATE",
	.unlock = "COMMIT",
	.abandon = "ROLLBACK",
	.begin = "BEGIN IMMEDIATE",
	.lock_row = "", /* the whole file is locked */
	.by_key = "",
	.migrations = migrations_sqlite,
	.migrations_count = &migrations_sqlite_count,
	.open = sqlite_open,
	.close = sqlite_close,
	.query = run,
	.insert = sqlite_insert,
};
