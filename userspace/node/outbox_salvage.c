// SPDX-License-Identifier: BSD-2-Clause
#include "outbox_salvage.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "outbox_file.h"
#include "outbox_gap.h"

/* Numbers that the rows which cannot be read may have had above all others. */
#define SKIPPED 1000
#define TRIES 2000 /* seeks into what cannot be read; from STEPS on they go twice as far each */
#define STEPS 1000
#define DAMAGED 5 /* OUTBOX_GAP_DAMAGED, as SQL has it */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
_Static_assert(DAMAGED == OUTBOX_GAP_DAMAGED, "the same");

static int64_t number(sqlite3 *db, const char *sql, int64_t unreadable)
{
	sqlite3_stmt *at = NULL;
	int64_t found = unreadable;

	if (sqlite3_prepare_v2(db, sql, -1, &at, NULL) == SQLITE_OK &&
	    sqlite3_step(at) == SQLITE_ROW) {
		found = sqlite3_column_int64(at, 0);
	}
	sqlite3_finalize(at);
	return found;
}

/*
 * Rows whose first column is above *key, which follows. SQLITE_DONE, or why one cannot be read; a
 * row that `to` does not take ends it with SQLITE_ABORT.
 */
static int copy_rows(sqlite3 *from, const char *select, sqlite3 *to, const char *insert,
		     int64_t *key, int *n)
{
	sqlite3_stmt *out = NULL, *in = NULL;
	int rc = sqlite3_prepare_v2(from, select, -1, &out, NULL);

	if (rc == SQLITE_OK && sqlite3_prepare_v2(to, insert, -1, &in, NULL) != SQLITE_OK) {
		rc = SQLITE_ABORT;
	}
	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(out, 1, *key);
	}
	while ((rc == SQLITE_OK || rc == SQLITE_ROW) && (rc = sqlite3_step(out)) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(out); i++) {
			sqlite3_bind_value(in, i + 1, sqlite3_column_value(out, i));
		}
		*key = sqlite3_column_int64(out, 0);
		rc = sqlite3_step(in) == SQLITE_DONE ? SQLITE_ROW : SQLITE_ABORT;
		sqlite3_reset(in);
		*n += rc == SQLITE_ROW;
	}
	sqlite3_finalize(out);
	sqlite3_finalize(in);
	return rc;
}

/* With ?1 and ?2. */
static int exec(sqlite3 *db, const char *sql, int64_t a, int64_t b)
{
	sqlite3_stmt *at = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &at, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(at, 1, a);
		sqlite3_bind_int64(at, 2, b);
		rc = sqlite3_step(at) == SQLITE_DONE ? SQLITE_OK : SQLITE_ABORT;
	}
	sqlite3_finalize(at);
	return rc;
}

static const char put_gap[] = "INSERT OR IGNORE INTO gap VALUES (?1, ?2, " TEXT(DAMAGED) ")";

/* Of what could not be read from bad_from on: a gap up to the next row, or to `next`. */
static int add_gap(sqlite3 *to, int64_t bad_from, int64_t next)
{
	char sql[80];
	int64_t end;

	snprintf(sql, sizeof(sql), "SELECT min(seq) FROM reading WHERE seq >= %" PRId64, bad_from);
	end = number(to, sql, 0);
	end = end != 0 ? end : next;
	return end <= bad_from ? SQLITE_OK : exec(to, put_gap, bad_from, end - 1);
}

/* The readings, around what cannot be read: their number, or -1. */
static int copy_readings(sqlite3 *from, sqlite3 *to, int64_t next)
{
	int64_t key = 0, step = 1, bad_from = 0;
	int n = 0, rc = SQLITE_ERROR;

	for (int tries = 0; tries < TRIES && key < next; tries++) {
		int before = n;

		rc = copy_rows(from, "SELECT * FROM reading WHERE seq > ?1 ORDER BY seq", to,
			       "INSERT INTO reading VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", &key,
			       &n);
		if (bad_from != 0 && (n > before || rc == SQLITE_DONE)) {
			add_gap(to, bad_from, next);
			bad_from = 0;
		}
		if (rc == SQLITE_DONE || rc == SQLITE_ABORT) {
			return rc == SQLITE_DONE ? n : -1;
		}
		bad_from = bad_from != 0 ? bad_from : key + 1;
		step = tries < STEPS ? 1 : step * 2;
		key += step;
	}
	if (bad_from != 0) {
		add_gap(to, bad_from, next);
	}
	return n;
}

static int copy_all(sqlite3 *from, sqlite3 *to)
{
	/* The rest, as far as it can be read at all. */
	static const char *const others[][2] = {
		{ "SELECT * FROM gap WHERE first > ?1",
		  "INSERT OR IGNORE INTO gap VALUES (?1, ?2, ?3)" },
		{ "SELECT * FROM kept WHERE first > ?1", "INSERT INTO kept VALUES (?1, ?2)" },
		{ "SELECT * FROM refused WHERE seq > ?1",
		  "INSERT INTO refused VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)" },
	};
	int64_t epoch = number(from, "SELECT epoch FROM outbox", 0),
		next = number(from, "SELECT next_seq FROM outbox", 0), highest;
	int n, rest = 0;

	if (epoch == 0 || next <= 0) {
		return -1;
	}
	highest = number(from, "SELECT max(seq) FROM reading", 0);
	next = highest >= next ? highest + 1 : next;
	n = copy_readings(from, to, next);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		int64_t key = 0;

		copy_rows(from, others[i][0], to, others[i][1], &key, &rest);
	}
	if (n < 0 ||
	    exec(to, "UPDATE outbox SET epoch = ?1, next_seq = ?2", epoch, next + SKIPPED) !=
		    SQLITE_OK ||
	    exec(to, put_gap, next, next + SKIPPED - 1) != SQLITE_OK) {
		return -1;
	}
	return n;
}

int outbox_salvage(sqlite3 *to, const char *damaged)
{
	sqlite3 *from = NULL;
	int n = -1;

	if (sqlite3_open_v2(damaged, &from, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    outbox_file_exec(to, "BEGIN IMMEDIATE") == SQLITE_OK) {
		n = copy_all(from, to);
		if (outbox_file_exec(to, n > 0 ? "COMMIT" : "ROLLBACK") != SQLITE_OK) {
			n = -1;
		}
	}
	sqlite3_close(from);
	return n > 0 ? n : -1;
}
