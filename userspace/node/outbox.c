// SPDX-License-Identifier: BSD-2-Clause
#include "outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outbox_file.h"
#include "outbox_flush.h"
#include "outbox_row.h"
#include "userspace/reading/senml.h"

#define ROW_BYTES 64	/* counted for a row beside its body: columns and b-tree */

/*
 * What can be unsynced at most, in readings. After a power cut that many seqs are skipped (and are a gap), since
 * the server may have had them before the cut.
 */
#define UNSYNCED_MAX 1000

/* A literal over two lines stands in parentheses: that is no missing comma. */
#define STATEMENTS(X) \
	X(BEGIN, "BEGIN IMMEDIATE") \
	X(COMMIT, "COMMIT") \
	X(ROLLBACK, "ROLLBACK") \
	X(PUT, "INSERT INTO reading VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)") \
	X(OLDEST, "SELECT * FROM reading WHERE seq <= ?2 ORDER BY seq LIMIT ?1") \
	X(NEWEST, "SELECT * FROM reading WHERE seq <= ?2 ORDER BY seq DESC LIMIT ?1") \
	X(OLDEST_SIZE, "SELECT seq, length(body) FROM reading ORDER BY seq LIMIT 1") \
	X(REFUSED_SIZE, "SELECT seq, length(body) FROM refused ORDER BY seq LIMIT 1") \
	X(DROP, "DELETE FROM reading WHERE seq = ?1") \
	X(DROP_REFUSED, "DELETE FROM refused WHERE seq = ?1") \
	X(SIZE_OF, ("SELECT count(*), coalesce(sum(length(body)), 0) FROM reading" \
		    " WHERE seq BETWEEN ?1 AND ?2")) \
	X(CONFIRM, "DELETE FROM reading WHERE seq BETWEEN ?1 AND ?2") \
	X(HIGH_WATER, "UPDATE outbox SET next_seq = ?1") \
	X(REFUSE, "INSERT INTO refused SELECT *, ?2 FROM reading WHERE seq = ?1") \
	X(UNDATED, ("SELECT * FROM reading WHERE boot = ?1 AND time_source = 0 AND boot_ns > 0" \
		    " LIMIT 1")) \
	X(DATE, ("UPDATE reading SET utc_us = ?2, time_source = ?3, time_acc_ns = ?4, crc = ?5" \
		 " WHERE seq = ?1")) \
	X(GAP_EXTEND, ("UPDATE gap SET last = ?2 WHERE first = (SELECT max(first) FROM gap WHERE first < ?1)" \
		       " AND last = ?1 - 1 AND reason = ?3")) \
	X(GAP_ADD, "INSERT INTO gap VALUES (?1, ?2, ?3)") \
	X(GAPS, "SELECT first, last, reason FROM gap WHERE first >= ?1 ORDER BY first LIMIT ?2")

enum statement {
#define X(id, sql) id,
	STATEMENTS(X)
#undef X
	STATEMENT_COUNT
};

static const char *const sql_of[STATEMENT_COUNT] = {
#define X(id, sql) [id] = sql,
	STATEMENTS(X)
#undef X
};

struct outbox {
	struct outbox_file file;
	sqlite3 *db;	/* file.db */
	sqlite3_stmt *statements[STATEMENT_COUNT];
	uint64_t max_rows, max_bytes, boot;
	unsigned sync_ms;
	struct outbox_flush *flush;	/* NULL: no thread */
	unsigned wal_pages;	/* with a thread */
	uint64_t durable;	/* nothing above this seq may be sent yet */
	uint64_t unsynced;	/* puts since the last sync; with a thread: since it was asked */
	uint64_t unsynced_ns;	/* boot_ns of the first of them */
	uint64_t burnt_first, burnt_last;	/* given, but not written; 0: none */
	struct outbox_stats stats;
	char reason[256];
};

const char *outbox_gap_reason_name(enum outbox_gap_reason reason)
{
	switch (reason) {
	case OUTBOX_GAP_FULL:
		return "full";
	case OUTBOX_GAP_NOT_WRITTEN:
		return "not-written";
	case OUTBOX_GAP_POWER:
		return "power";
	case OUTBOX_GAP_REFUSED:
		return "refused";
	case OUTBOX_GAP_DAMAGED:
		return "damaged";
	}
	return "unknown";
}

const char *outbox_reason(const struct outbox *o)
{
	return o->reason;
}

/* --- statements --------------------------------------------------------- */

static int fail(struct outbox *o, int sqlite_rc)
{
	snprintf(o->reason, sizeof(o->reason), "%s (SQLite %d)", sqlite3_errmsg(o->db), sqlite_rc);
	return outbox_file_error(sqlite_rc);
}

/* A statement with its first arguments, all integers, bound. */
static sqlite3_stmt *bound(struct outbox *o, enum statement id, unsigned n, const int64_t *values)
{
	sqlite3_stmt *statement = o->statements[id];

	sqlite3_reset(statement);
	for (unsigned i = 0; i < n; i++) {
		sqlite3_bind_int64(statement, (int)i + 1, values[i]);
	}
	return statement;
}

#define BOUND(o, id, ...) bound(o, id, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), \
				(int64_t[]){ __VA_ARGS__ })

/* Runs to the end: 0 or an error. */
static int run(struct outbox *o, sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
		rc = fail(o, rc);
		sqlite3_reset(statement);
		return rc;
	}
	sqlite3_reset(statement);
	return 0;
}

/* The first row's integers: 1, 0 if there is no row, or an error. */
static int first_row(struct outbox *o, sqlite3_stmt *statement, unsigned n, int64_t *values)
{
	int rc = sqlite3_step(statement);

	if (rc == SQLITE_ROW) {
		for (unsigned i = 0; i < n; i++) {
			values[i] = sqlite3_column_int64(statement, (int)i);
		}
	} else if (rc != SQLITE_DONE) {
		rc = fail(o, rc);
		sqlite3_reset(statement);
		return rc;
	}
	sqlite3_reset(statement);
	return rc == SQLITE_ROW;
}

static int begin(struct outbox *o)
{
	return run(o, bound(o, BEGIN, 0, NULL));
}

/* Commits if rc is 0, else takes everything back; the words of the first trouble stay. */
static int finish(struct outbox *o, int rc)
{
	if (rc == 0) {
		rc = run(o, bound(o, COMMIT, 0, NULL));
	}
	if (rc != 0 && !sqlite3_get_autocommit(o->db)) {
		sqlite3_step(bound(o, ROLLBACK, 0, NULL));
		sqlite3_reset(o->statements[ROLLBACK]);
	}
	return rc;
}

static int add_gap(struct outbox *o, uint64_t first, uint64_t last, enum outbox_gap_reason reason)
{
	int rc = run(o, BOUND(o, GAP_EXTEND, (int64_t)first, (int64_t)last, reason));

	if (rc == 0 && sqlite3_changes(o->db) == 0) {
		rc = run(o, BOUND(o, GAP_ADD, (int64_t)first, (int64_t)last, reason));
	}
	return rc;
}

/* --- open and close ----------------------------------------------------- */

/* Reads where we are, and marks the file as in use. */
static int take_over(struct outbox *o, bool lazy)
{
	uint64_t next, skip = 0;
	sqlite3_stmt *statement;
	int64_t was[5] = { 0 }, rows[4] = { 0 };
	int rc;

	rc = sqlite3_prepare_v2(o->db, "SELECT epoch, next_seq, boot, clean, lazy FROM outbox", -1, &statement, NULL);
	if (rc != SQLITE_OK) {
		return fail(o, rc);
	}
	rc = first_row(o, statement, 5, was);
	sqlite3_finalize(statement);
	if (rc != 1) {
		return rc < 0 ? rc : -EUCLEAN;
	}
	rc = sqlite3_prepare_v2(o->db, "SELECT max(coalesce((SELECT max(seq) FROM reading), 0),"
				" coalesce((SELECT max(seq) FROM refused), 0), coalesce((SELECT max(last) FROM gap), 0)),"
				" (SELECT count(*) FROM reading), (SELECT count(*) FROM refused),"
				" (SELECT coalesce(sum(length(body)), 0) FROM reading) +"
				" (SELECT coalesce(sum(length(body)), 0) FROM refused)", -1, &statement, NULL);
	if (rc != SQLITE_OK) {
		return fail(o, rc);
	}
	rc = first_row(o, statement, 4, rows);
	sqlite3_finalize(statement);
	if (rc != 1) {
		return rc < 0 ? rc : -EUCLEAN;
	}
	next = was[1] > rows[0] ? (uint64_t)was[1] : (uint64_t)rows[0] + 1;
	if (was[3] == 0 && was[4] != 0 && (uint64_t)was[2] != o->boot) {
		skip = UNSYNCED_MAX;
	}
	o->stats.epoch = (uint64_t)was[0];
	o->stats.next_seq = next + skip;
	o->stats.refused = (uint64_t)rows[2];
	o->stats.rows = (uint64_t)(rows[1] + rows[2]);
	o->stats.bytes = (uint64_t)rows[3] + ROW_BYTES * o->stats.rows;

	rc = sqlite3_prepare_v2(o->db, "UPDATE outbox SET next_seq = ?1, boot = ?2, clean = 0, lazy = ?3", -1, &statement,
				NULL);
	if (rc != SQLITE_OK) {
		return fail(o, rc);
	}
	sqlite3_bind_int64(statement, 1, (int64_t)o->stats.next_seq);
	sqlite3_bind_int64(statement, 2, (int64_t)o->boot);
	sqlite3_bind_int64(statement, 3, lazy);
	rc = begin(o);
	if (rc == 0) {
		rc = run(o, statement);
		if (rc == 0 && skip > 0) {
			rc = add_gap(o, next, next + skip - 1, OUTBOX_GAP_POWER);
		}
		rc = finish(o, rc);
	}
	sqlite3_finalize(statement);
	if (rc == 0 && lazy) {	/* from here on a power cut must be known as one */
		rc = outbox_file_sync(o->db) == SQLITE_OK ? 0 : -EIO;
	}
	return rc;
}

static int prepare_all(struct outbox *o)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		int rc = sqlite3_prepare_v3(o->db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT, &o->statements[i], NULL);

		if (rc != SQLITE_OK) {
			return fail(o, rc);
		}
	}
	return 0;
}

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct outbox *o = arg;

	(void)db;
	(void)name;
	o->wal_pages = (unsigned)pages;
	return SQLITE_OK;
}

/* What the last process put may be in the kernel only: it is synced before it is sent. */
static int start_flush(struct outbox *o, const char *path)
{
	o->flush = outbox_flush_start(path, o->reason, sizeof(o->reason));
	if (o->flush == NULL) {
		return -EIO;
	}
	sqlite3_wal_hook(o->db, on_commit, o);	/* in place of SQLite's own, which would checkpoint in here */
	if (o->sync_ms == 0) {
		o->durable = 0;
		outbox_flush_request(o->flush, o->stats.next_seq - 1, 0);
	}
	return 0;
}

static void release(struct outbox *o)
{
	outbox_flush_stop(o->flush);
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(o->statements[i]);
	}
	outbox_file_close(&o->file);
	free(o);
}

int outbox_open(struct outbox **out, const struct outbox_config *config, char *err, size_t err_size)
{
	struct outbox *o = calloc(1, sizeof(*o));
	int opened, rc;

	*out = NULL;
	if (o == NULL) {
		snprintf(err, err_size, "outbox %s: out of memory", config->path);
		return -ENOMEM;
	}
	o->max_rows = config->max_rows;
	o->max_bytes = config->max_bytes;
	o->sync_ms = config->sync_ms;
	o->boot = config->boot;
	o->durable = INT64_MAX;
	opened = outbox_file_open(&o->file, config->path, config->sync_ms == 0 && !config->flush_thread, err, err_size);
	if (opened < 0) {
		free(o);
		return opened;
	}
	o->db = o->file.db;
	rc = prepare_all(o);
	rc = rc == 0 ? take_over(o, config->sync_ms > 0) : rc;
	rc = rc == 0 && config->flush_thread ? start_flush(o, config->path) : rc;
	if (rc != 0) {
		snprintf(err, err_size, "outbox %s: %s%s", config->path,
			 rc == -EROFS ? "cannot be written (its rights, or a read-only file system): " : "", o->reason);
		release(o);
		return rc;
	}
	*out = o;
	return opened;
}

void outbox_close(struct outbox *o)
{
	char sql[96];

	if (o == NULL) {
		return;
	}
	outbox_flush_stop(o->flush);
	o->flush = NULL;
	/* If this fails the file counts as not closed, which is safe: it is looked through. */
	snprintf(sql, sizeof(sql), "PRAGMA synchronous = FULL; UPDATE outbox SET next_seq = %" PRId64 ", clean = 1",
		 (int64_t)o->stats.next_seq);
	outbox_file_exec(o->db, sql);
	release(o);
}

/* --- put ---------------------------------------------------------------- */

/* Deletes what is set aside, then the oldest, until one of `bytes` fits. Counts into *stats. */
static int make_room(struct outbox *o, uint64_t bytes, struct outbox_stats *stats)
{
	while (stats->rows > 0 && (stats->rows >= o->max_rows || stats->bytes + bytes > o->max_bytes)) {
		bool refused = stats->refused > 0;
		int64_t victim[2] = { 0 };
		int rc = first_row(o, bound(o, refused ? REFUSED_SIZE : OLDEST_SIZE, 0, NULL), 2, victim);

		if (rc != 1) {
			return rc < 0 ? rc : -EUCLEAN;
		}
		rc = run(o, BOUND(o, refused ? DROP_REFUSED : DROP, victim[0]));
		if (rc == 0 && !refused) {	/* what is set aside has its gap already */
			rc = add_gap(o, (uint64_t)victim[0], (uint64_t)victim[0], OUTBOX_GAP_FULL);
			stats->dropped++;
		}
		if (rc != 0) {
			return rc;
		}
		stats->rows--;
		stats->refused -= refused;
		stats->bytes -= (uint64_t)victim[1] + ROW_BYTES;
	}
	return 0;
}

static int insert(struct outbox *o, const struct reading *r, const uint8_t *body, int length)
{
	struct outbox_row row = {
		.seq = (int64_t)r->seq, .boot = (int64_t)o->boot, .boot_ns = (int64_t)r->boot_ns,
		.body = body, .length = length,
	};
	sqlite3_stmt *put = BOUND(o, PUT, row.seq, row.boot, row.boot_ns);

	outbox_row_set_time(&row, &(const struct clock_stamp){ .utc_us = r->utc_us, .source = r->time_source,
							       .acc_ns = r->time_acc_ns });
	outbox_row_bind_time(put, 4, &row);
	sqlite3_bind_int64(put, 7, outbox_row_crc(&row));
	sqlite3_bind_blob(put, 8, body, length, SQLITE_STATIC);
	return run(o, put);
}

static void burn(struct outbox *o, uint64_t seq)
{
	if (o->burnt_first == 0) {
		o->burnt_first = seq;
	}
	o->burnt_last = seq;
	o->stats.not_written++;
}

int outbox_put(struct outbox *o, struct reading *r)
{
	uint8_t body[SENML_READING_MAX];
	struct outbox_stats stats;
	int length, rc;

	r->epoch = o->stats.epoch;
	r->seq = o->stats.next_seq;
	length = senml_encode(SENML_CBOR, r, 1, body, sizeof(body), NULL);
	if (length < 0) {	/* no Reading: nothing was given */
		snprintf(o->reason, sizeof(o->reason), "not a reading that can be encoded: %s", strerror(-length));
		return length;
	}
	o->stats.next_seq++;
	stats = o->stats;
	rc = begin(o);
	if (rc == 0) {
		rc = make_room(o, (uint64_t)length + ROW_BYTES, &stats);
		if (rc == 0) {
			rc = insert(o, r, body, length);
		}
		if (rc == 0 && o->burnt_first != 0) {
			rc = add_gap(o, o->burnt_first, o->burnt_last, OUTBOX_GAP_NOT_WRITTEN);
		}
		rc = finish(o, rc);
	}
	if (rc != 0) {
		burn(o, r->seq);
		return rc;
	}
	o->burnt_first = 0;
	stats.rows++;
	stats.bytes += (uint64_t)length + ROW_BYTES;
	o->stats = stats;
	if (o->sync_ms == 0 && o->flush == NULL) {
		return 0;	/* the commit was synced */
	}
	o->unsynced_ns = o->unsynced == 0 ? r->boot_ns : o->unsynced_ns;
	o->unsynced++;
	return o->sync_ms == 0 || o->unsynced >= UNSYNCED_MAX ? outbox_sync(o) : 0;
}

uint64_t outbox_sync_due_ns(const struct outbox *o)
{
	return o->unsynced == 0 ? 0 : o->unsynced_ns + (uint64_t)o->sync_ms * 1000000;
}

int outbox_sync(struct outbox *o)
{
	int rc;

	if (o->unsynced == 0) {
		return 0;
	}
	if (o->flush != NULL) {
		outbox_flush_request(o->flush, o->stats.next_seq - 1, o->wal_pages);
	} else {
		rc = outbox_file_sync(o->db);
		if (rc != SQLITE_OK) {
			return fail(o, rc);
		}
		o->stats.syncs++;
	}
	o->unsynced = 0;
	return 0;
}

int outbox_fd(const struct outbox *o)
{
	return o->flush != NULL ? outbox_flush_fd(o->flush) : -1;
}

int outbox_settle(struct outbox *o)
{
	uint64_t durable;
	int rc;

	if (o->flush == NULL) {
		return 0;
	}
	rc = outbox_flush_done(o->flush, &durable);
	if (o->sync_ms == 0) {
		o->durable = durable;
	}
	if (rc < 0) {
		snprintf(o->reason, sizeof(o->reason), "what was written cannot be brought to the disk");
	}
	return rc;
}

/* --- peek, confirm, refuse ---------------------------------------------- */

/* Moves a row from reading to refused. */
static int put_aside(struct outbox *o, uint64_t seq, enum outbox_gap_reason reason, const char *why)
{
	sqlite3_stmt *refuse;
	int rc = begin(o), moved = 0;

	if (rc != 0) {
		return rc;
	}
	refuse = BOUND(o, REFUSE, (int64_t)seq);
	sqlite3_bind_text(refuse, 2, why, -1, SQLITE_TRANSIENT);
	rc = run(o, refuse);
	moved = sqlite3_changes(o->db);
	if (rc == 0 && moved == 0) {
		snprintf(o->reason, sizeof(o->reason), "no reading %" PRIu64 " is waiting", seq);
		rc = -ENOENT;
	}
	if (rc == 0) {
		rc = run(o, BOUND(o, DROP, (int64_t)seq));
	}
	if (rc == 0) {
		rc = add_gap(o, seq, seq, reason);
	}
	rc = finish(o, rc);
	o->stats.refused += rc == 0;
	return rc;
}

int outbox_refuse(struct outbox *o, uint64_t epoch, uint64_t seq, const char *why)
{
	return epoch == o->stats.epoch ? put_aside(o, seq, OUTBOX_GAP_REFUSED, why) : -ENOENT;
}

int outbox_peek(struct outbox *o, enum outbox_order order, struct reading *readings, size_t max)
{
	for (;;) {
		sqlite3_stmt *peek = BOUND(o, order == OUTBOX_NEWEST_FIRST ? NEWEST : OLDEST, (int64_t)max,
					   (int64_t)o->durable);
		uint64_t damaged = 0;
		size_t n = 0;
		int rc = SQLITE_DONE;

		while (damaged == 0 && n < max && (rc = sqlite3_step(peek)) == SQLITE_ROW) {
			struct outbox_row row;

			if (outbox_row_take(peek, &row) && outbox_row_reading(&row, o->stats.epoch, &readings[n])) {
				n++;
			} else {
				damaged = (uint64_t)row.seq;
			}
		}
		if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
			rc = fail(o, rc);
			sqlite3_reset(peek);
			return rc;
		}
		sqlite3_reset(peek);
		if (damaged == 0) {
			return (int)n;
		}
		rc = put_aside(o, damaged, OUTBOX_GAP_DAMAGED, "its bytes on the disk are wrong");
		if (rc != 0) {
			return rc;
		}
	}
}

int outbox_confirm(struct outbox *o, uint64_t epoch, uint64_t first, uint64_t last)
{
	int64_t size[2] = { 0 };
	int rc;

	if (epoch != o->stats.epoch || first > last || last > INT64_MAX) {
		return 0;
	}
	rc = begin(o);
	if (rc != 0) {
		return rc;
	}
	rc = first_row(o, BOUND(o, SIZE_OF, (int64_t)first, (int64_t)last), 2, size);
	rc = rc == 1 ? run(o, BOUND(o, CONFIRM, (int64_t)first, (int64_t)last)) : rc;
	if (rc == 0) {
		rc = run(o, BOUND(o, HIGH_WATER, (int64_t)o->stats.next_seq));
	}
	rc = finish(o, rc);
	if (rc != 0) {
		return rc;
	}
	o->stats.rows -= (uint64_t)size[0];
	o->stats.bytes -= (uint64_t)size[1] + ROW_BYTES * (uint64_t)size[0];
	return (int)size[0];
}

/* Dates one row: 1, 0 if there is none left, or an error. */
static int date_next(struct outbox *o, const struct clock_stamp *stamp)
{
	sqlite3_stmt *undated = BOUND(o, UNDATED, (int64_t)o->boot), *date;
	struct clock_stamp time;
	struct outbox_row row;
	bool sound;
	int rc = sqlite3_step(undated);

	if (rc != SQLITE_ROW) {
		rc = rc == SQLITE_DONE ? 0 : fail(o, rc);
		sqlite3_reset(undated);
		return rc;
	}
	sound = outbox_row_take(undated, &row);
	time = clock_stamp_at(stamp, (uint64_t)row.boot_ns);
	outbox_row_set_time(&row, &time);
	date = BOUND(o, DATE, row.seq);
	outbox_row_bind_time(date, 2, &row);
	/* One that is damaged stays so, and is set aside when it is peeked. */
	sqlite3_bind_int64(date, 5, sound ? outbox_row_crc(&row) : -1);
	sqlite3_reset(undated);	/* row.body ends here */
	rc = run(o, date);
	return rc == 0 ? 1 : rc;
}

int outbox_date(struct outbox *o, const struct clock_stamp *stamp)
{
	int rc = stamp->source != READING_TIME_NONE ? begin(o) : -EINVAL, n = 0;

	if (rc != 0) {
		return rc;
	}
	while ((rc = date_next(o, stamp)) == 1) {
		n++;
	}
	rc = finish(o, rc);
	return rc == 0 ? n : rc;
}

/* --- what it holds ------------------------------------------------------ */

int outbox_gaps(struct outbox *o, uint64_t from, struct outbox_gap *gaps, size_t max)
{
	sqlite3_stmt *rows = BOUND(o, GAPS, (int64_t)from, (int64_t)max);
	size_t n = 0;
	int rc = SQLITE_DONE;

	while (n < max && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
		gaps[n++] = (struct outbox_gap){
			.first = (uint64_t)sqlite3_column_int64(rows, 0),
			.last = (uint64_t)sqlite3_column_int64(rows, 1),
			.reason = (enum outbox_gap_reason)sqlite3_column_int(rows, 2),
		};
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		rc = fail(o, rc);
		sqlite3_reset(rows);
		return rc;
	}
	sqlite3_reset(rows);
	return (int)n;
}

int outbox_stats(struct outbox *o, struct outbox_stats *stats)
{
	sqlite3_stmt *oldest = BOUND(o, OLDEST, 1, INT64_MAX);
	int64_t row[5] = { 0 };
	int rc = first_row(o, oldest, 5, row);

	*stats = o->stats;
	stats->syncs += o->flush != NULL ? outbox_flush_syncs(o->flush) : 0;
	stats->oldest_boot_ns = 0;
	stats->oldest_utc_us = 0;
	if (rc == 1) {
		stats->oldest_boot_ns = (uint64_t)row[1] == o->boot ? (uint64_t)row[2] : 0;
		stats->oldest_utc_us = row[4] != READING_TIME_NONE ? row[3] : 0;
	}
	return rc < 0 ? rc : 0;
}
