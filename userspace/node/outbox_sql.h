/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_sql: the statements of the outbox, prepared once, and how they are run. Used by the
 * outbox's files only.
 *
 * Errors are as in outbox.h; reason then has the text.
 */
#ifndef NODE_OUTBOX_SQL_H
#define NODE_OUTBOX_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* id, SQL. A literal of two lines is in parentheses, to show that no comma is missing. */
#define OUTBOX_STATEMENTS(X)                                                                          \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                   \
	X(COMMIT, "COMMIT")                                                                           \
	X(ROLLBACK, "ROLLBACK")                                                                       \
	X(PUT, "INSERT INTO reading VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                         \
	X(OLDEST,                                                                                     \
	  ("SELECT * FROM reading WHERE seq BETWEEN ?5 AND ?2 AND seq NOT BETWEEN ?3 AND ?4"          \
	   " ORDER BY seq LIMIT ?1"))                                                                 \
	X(NEWEST,                                                                                     \
	  ("SELECT * FROM reading WHERE seq BETWEEN ?5 AND ?2 AND seq NOT BETWEEN ?3 AND ?4"          \
	   " ORDER BY seq DESC LIMIT ?1"))                                                            \
	X(OLDEST_SIZE, "SELECT seq, length(body) FROM reading ORDER BY seq LIMIT 1")                  \
	X(REFUSED_SIZE, "SELECT seq, length(body) FROM refused ORDER BY seq LIMIT 1")                 \
	X(ROW, "SELECT * FROM reading WHERE seq = ?1")                                                \
	X(EPOCH, "UPDATE outbox SET epoch = ?1")                                                      \
	X(GAP_CLEAR, "DELETE FROM gap")                                                               \
	X(DROP, "DELETE FROM reading WHERE seq = ?1")                                                 \
	X(DROP_REFUSED, "DELETE FROM refused WHERE seq = ?1")                                         \
	X(SIZE_OF, ("SELECT count(*), coalesce(sum(length(body)), 0) FROM reading"                    \
		    " WHERE seq BETWEEN ?1 AND ?2"))                                                  \
	X(CONFIRM, "DELETE FROM reading WHERE seq BETWEEN ?1 AND ?2")                                 \
	X(HIGH_WATER, "UPDATE outbox SET next_seq = ?1")                                              \
	X(REFUSE, "INSERT OR IGNORE INTO refused SELECT *, ?2 FROM reading WHERE seq = ?1")           \
	X(UNDATED, ("SELECT * FROM reading WHERE boot = ?1 AND time_source = 0 AND boot_ns > 0"       \
		    " LIMIT 1"))                                                                      \
	X(DATE, ("UPDATE reading SET utc_us = ?2, time_source = ?3, time_acc_ns = ?4, crc = ?5"       \
		 " WHERE seq = ?1"))                                                                  \
	X(KEPT, "SELECT first, last FROM kept ORDER BY first")                                        \
	X(KEPT_CLEAR, "DELETE FROM kept")                                                             \
	X(KEPT_ADD, "INSERT INTO kept VALUES (?1, ?2)")                                               \
	X(KEPT_OLDEST, ("SELECT seq, length(body), coalesce(utc_us, 0) FROM reading"                  \
			" WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT 1"))                         \
	X(SOME, ("SELECT coalesce(max(seq), 0), count(*) FROM (SELECT seq FROM reading"               \
		 " WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT ?3)"))                              \
	X(GAP_EXTEND,                                                                                 \
	  ("UPDATE gap SET last = ?2 WHERE first = (SELECT max(first) FROM gap WHERE first < ?1)"     \
	   " AND last = ?1 - 1 AND reason = ?3"))                                                     \
	X(GAP_ADD, "INSERT INTO gap VALUES (?1, ?2, ?3)")                                             \
	X(GAPS, "SELECT first, last, reason FROM gap WHERE first >= ?1 ORDER BY first LIMIT ?2")      \
	X(GAP_DROP, "DELETE FROM gap WHERE first = ?1 AND last = ?2 AND reason = ?3")                 \
	X(GAP_COUNT, "SELECT count(*) FROM gap")                                                      \
	X(PAGES,                                                                                      \
	  ("SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count"))       \
	X(STATE, "SELECT epoch, next_seq, boot, clean, lazy FROM outbox")                             \
	X(HELD,                                                                                       \
	  ("SELECT max(coalesce((SELECT max(seq) FROM reading), 0),"                                  \
	   " coalesce((SELECT max(seq) FROM refused), 0), coalesce((SELECT max(last) FROM gap), 0))," \
	   " (SELECT count(*) FROM reading), (SELECT count(*) FROM refused),"                         \
	   " (SELECT coalesce(sum(length(body)), 0) FROM reading) +"                                  \
	   " (SELECT coalesce(sum(length(body)), 0) FROM refused)"))                                  \
	X(SENSORS, "SELECT list FROM sensors")                                                        \
	X(KEEP_SENSORS, "INSERT OR REPLACE INTO sensors VALUES (1, ?1)")                              \
	X(TAKE, "UPDATE outbox SET next_seq = ?1, boot = ?2, clean = 0, lazy = ?3")                   \
	X(CLOSE, "UPDATE outbox SET next_seq = ?1, clean = 1")

enum outbox_statement {
#define X(id, sql) OUTBOX_##id,
	OUTBOX_STATEMENTS(X)
#undef X
		OUTBOX_STATEMENT_COUNT
};

struct outbox_sql {
	sqlite3 *db; /* borrowed */
	sqlite3_stmt *statements[OUTBOX_STATEMENT_COUNT];
	char reason[256];
	bool damaged; /* a statement met something that SQLite could not have written */
};

/* 0 or an error; outbox_sql_free() is to be called in either case, before db is closed. */
int outbox_sql_prepare(struct outbox_sql *s, sqlite3 *db);
void outbox_sql_free(struct outbox_sql *s);

/* A statement, reset, with its first parameters bound. */
sqlite3_stmt *outbox_sql_bind(struct outbox_sql *s, enum outbox_statement id, unsigned n,
			      const int64_t *values);
#define OUTBOX_SQL(s, id, ...)                                                       \
	outbox_sql_bind(s, id, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), \
			(int64_t[]){ __VA_ARGS__ })

/* Keeps the text and returns SQLite's code as one of ours. */
int outbox_sql_fail(struct outbox_sql *s, int sqlite_rc);
/* Runs to the end: 0 or an error. */
int outbox_sql_run(struct outbox_sql *s, sqlite3_stmt *statement);
/* The first row's integers: 1, 0 if there is no row (values stay), or an error. */
int outbox_sql_first(struct outbox_sql *s, sqlite3_stmt *statement, unsigned n, int64_t *values);

/* The first row's text: likewise; one that does not fit is cut. */
int outbox_sql_text(struct outbox_sql *s, enum outbox_statement id, char *text, size_t size);

int outbox_sql_begin(struct outbox_sql *s);
/*
 * Commits if rc is 0, else rolls back; the text of the first error stays. Returns rc,
 * or why not.
 */
int outbox_sql_finish(struct outbox_sql *s, int rc);

#endif
