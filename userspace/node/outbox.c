// SPDX-License-Identifier: BSD-2-Clause
#include "outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outbox_own.h"
#include "outbox_row.h"
#include "userspace/reading/senml.h"

#define DATABASE_MIN 65536 /* bytes: room for some readings whatever max_bytes is */
#define DROP_STEP 64 /* readings dropped for one put at most */

#define EXPIRE_EVERY 64 /* puts: neighbours go together, which writes fewer pages ... */
#define EXPIRE_STEP 128 /* ... and so many kept readings at most */

const char *outbox_reason(const struct outbox *o)
{
	return o->sql.reason;
}

int outbox_finish(struct outbox *o, int rc)
{
	if (rc == 0 && o->lost_first != 0) {
		rc = outbox_gap_add(&o->sql, o->lost_first, o->lost_last, OUTBOX_GAP_NOT_WRITTEN);
	}
	rc = rc == 0 ? outbox_kept_write(&o->kept, &o->sql, OUTBOX_KEPT_STEP) : rc;
	rc = outbox_sql_finish(&o->sql, rc);
	if (rc == 0) {
		o->lost_first = 0;
		o->kept.unwritten %= OUTBOX_KEPT_STEP;
	}
	return rc;
}

/* --- open and close ----------------------------------------------------- */

/* Reads where we are, and marks the file as in use. */
static int load_state(struct outbox *o, bool lazy)
{
	enum { EPOCH, NEXT_SEQ, BOOT, CLEAN, LAZY, STATE_COUNT };
	enum { HIGHEST, WAITING, REFUSED, BYTES, HELD_COUNT };
	int64_t was[STATE_COUNT] = { 0 }, held[HELD_COUNT] = { 0 };
	uint64_t next, skip = 0;
	int rc = outbox_sql_first(&o->sql, o->sql.statements[OUTBOX_STATE], STATE_COUNT, was);

	rc = rc == 1 ? outbox_sql_first(&o->sql, o->sql.statements[OUTBOX_HELD], HELD_COUNT, held)
		     : rc;
	if (rc != 1) {
		return rc < 0 ? rc : -EUCLEAN;
	}
	next = was[NEXT_SEQ] > held[HIGHEST] ? (uint64_t)was[NEXT_SEQ]
					     : (uint64_t)held[HIGHEST] + 1;
	if (was[CLEAN] == 0 && was[LAZY] != 0 && (uint64_t)was[BOOT] != o->boot) {
		skip = OUTBOX_UNSYNCED_MAX;
	}
	/* It closed the outbox; it did not, in this boot; it did not, in another boot. */
	o->stats.start = next == 1			  ? READING_START_NEW
			 : was[CLEAN] != 0		  ? READING_START_STOP
			 : (uint64_t)was[BOOT] == o->boot ? READING_START_CRASH
							  : READING_START_POWER;
	o->stats.epoch = (uint64_t)was[EPOCH];
	o->stats.next_seq = next + skip;
	o->stats.refused = (uint64_t)held[REFUSED];
	rc = outbox_kept_load(&o->kept, &o->sql);
	if (rc != 0) {
		return rc;
	}
	o->stats.rows = (uint64_t)(held[WAITING] + held[REFUSED]);
	o->stats.bytes = (uint64_t)held[BYTES] + OUTBOX_ROW_BYTES * o->stats.rows - o->kept.bytes;
	o->stats.rows -= o->kept.rows;

	rc = outbox_sql_begin(&o->sql);
	if (rc == 0) {
		rc = outbox_sql_run(&o->sql,
				    OUTBOX_SQL(&o->sql, OUTBOX_TAKE, (int64_t)o->stats.next_seq,
					       (int64_t)o->boot, lazy));
		if (rc == 0 && skip > 0) {
			rc = outbox_gap_add(&o->sql, next, next + skip - 1, OUTBOX_GAP_POWER);
		}
		rc = outbox_sql_finish(&o->sql, rc);
	}
	if (rc == 0 && lazy) { /* from here on a power cut must be known as one */
		rc = outbox_file_sync(o->sql.db) == SQLITE_OK ? 0 : -EIO;
	}
	return rc;
}

static void release(struct outbox *o)
{
	if (o->sql.damaged) { /* the file stays as it is: it is set aside next */
		sqlite3_db_config(o->sql.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
	outbox_wal_stop(&o->wal);
	outbox_sql_free(&o->sql);
	outbox_file_close(&o->file);
	outbox_memory_free(&o->memory);
	free(o);
}

static int open_file(struct outbox **out, const struct outbox_config *config, bool damaged,
		     char *err, size_t err_size)
{
	struct outbox *o = calloc(1, sizeof(*o));
	bool sync_each = config->sync_ms == 0 && !config->flush_thread;
	uint64_t database;
	int opened, rc;

	if (o == NULL || outbox_memory_init(&o->memory, config->max_memory) != 0) {
		snprintf(err, err_size, "outbox %s: out of memory", config->path);
		free(o);
		return -ENOMEM;
	}
	o->keep_us = config->keep_us;
	o->max_rows = config->max_rows;
	o->max_bytes = config->max_bytes;
	o->boot = config->boot;
	o->dating.source = READING_TIME_NONE;
	opened = outbox_file_open(&o->file, config->path, sync_each, damaged, err, err_size);
	if (opened < 0) {
		outbox_memory_free(&o->memory);
		free(o);
		return opened;
	}
	database = config->max_bytes - outbox_wal_bytes(config->max_bytes);
	o->database_pages = (database > DATABASE_MIN ? database : DATABASE_MIN) /
			    (uint64_t)outbox_file_page_size(o->file.db);
	rc = outbox_sql_prepare(&o->sql, o->file.db);
	rc = rc == 0 ? load_state(o, config->sync_ms > 0) : rc;
	rc = rc == 0 ? outbox_wal_start(&o->wal, &o->sql, config, o->stats.next_seq - 1) : rc;
	if (rc != 0) {
		snprintf(err, err_size, "outbox %s: %s%s", config->path,
			 rc == -EROFS
				 ? "cannot be written (its rights, or a read-only file system): "
				 : "",
			 o->sql.reason);
		release(o);
		return rc;
	}
	*out = o;
	return opened;
}

int outbox_open(struct outbox **out, const struct outbox_config *config, char *err, size_t err_size)
{
	int rc;

	*out = NULL;
	rc = open_file(out, config, config->damaged, err, err_size);
	return rc == -EUCLEAN ? open_file(out, config, true, err, err_size) : rc;
}

void outbox_close(struct outbox *o)
{
	int rc;

	if (o == NULL) {
		return;
	}
	outbox_wal_stop(&o->wal);
	if (!o->sql.damaged) { /* if this fails the file counts as not closed, which is safe */
		outbox_file_exec(o->sql.db, "PRAGMA synchronous = FULL");
		rc = outbox_sql_begin(&o->sql);
		rc = rc == 0 ? outbox_sql_run(&o->sql, OUTBOX_SQL(&o->sql, OUTBOX_CLOSE,
								  (int64_t)o->stats.next_seq))
			     : rc;
		rc = rc == 0 ? outbox_kept_write(&o->kept, &o->sql, 1) : rc;
		outbox_finish(o, rc);
	}
	release(o);
}

/* --- put ---------------------------------------------------------------- */

/* Does one of `bytes` fit? 1, 0, or an error. */
static int has_room(struct outbox *o, uint64_t bytes, const struct outbox_stats *stats)
{
	int64_t pages = 0;
	int rc;

	if (stats->rows + o->kept.rows >= o->max_rows ||
	    stats->bytes + o->kept.bytes + bytes > o->max_bytes) {
		return 0;
	}
	rc = outbox_sql_first(&o->sql, o->sql.statements[OUTBOX_PAGES], 1, &pages);
	return rc == 1 ? (uint64_t)pages < o->database_pages : rc < 0 ? rc : -EUCLEAN;
}

/* Deletes up to EXPIRE_STEP of what is kept, dated before before_us. */
static int drop_kept(struct outbox *o, int64_t before_us)
{
	int rc = 1;

	for (unsigned i = 0; i < EXPIRE_STEP && rc > 0; i++) {
		rc = outbox_kept_drop(&o->kept, &o->sql, before_us);
	}
	return rc < 0 ? rc : 0;
}

/*
 * Deletes what is kept, what is set aside, then the oldest, until one of `bytes` fits. Counts into
 * *stats.
 */
static int make_room(struct outbox *o, uint64_t bytes, struct outbox_stats *stats)
{
	for (unsigned i = 0; i < DROP_STEP && stats->rows + o->kept.rows > 0; i++) {
		int fits = has_room(o, bytes, stats);
		bool refused = stats->refused > 0;
		sqlite3_stmt *size_of = outbox_sql_bind(
			&o->sql, refused ? OUTBOX_REFUSED_SIZE : OUTBOX_OLDEST_SIZE, 0, NULL);
		int64_t victim[2] = { 0 };
		int rc = 0;

		if (fits != 0) {
			return fits < 0 ? fits : 0;
		}
		if (o->kept.rows > 0) {
			rc = drop_kept(o, INT64_MAX);
			if (rc < 0) {
				return rc;
			}
			continue;
		}
		rc = outbox_sql_first(&o->sql, size_of, 2, victim);
		if (rc != 1) {
			return rc < 0 ? rc : -EUCLEAN;
		}
		rc = outbox_sql_run(&o->sql,
				    OUTBOX_SQL(&o->sql, refused ? OUTBOX_DROP_REFUSED : OUTBOX_DROP,
					       victim[0]));
		if (rc == 0 && !refused) { /* what is set aside has its gap already */
			rc = outbox_gap_add(&o->sql, (uint64_t)victim[0], (uint64_t)victim[0],
					    OUTBOX_GAP_FULL);
			stats->dropped++;
		}
		if (rc != 0) {
			return rc;
		}
		stats->rows--;
		stats->refused -= refused;
		stats->bytes -= (uint64_t)victim[1] + OUTBOX_ROW_BYTES;
	}
	return 0;
}

int outbox_insert(struct outbox *o, const struct reading *r, int64_t boot, const uint8_t *body,
		  int length)
{
	struct outbox_row row = {
		.seq = (int64_t)r->seq,
		.boot = boot,
		.boot_ns = (int64_t)r->boot_ns,
		.body = body,
		.length = length,
	};
	sqlite3_stmt *put = OUTBOX_SQL(&o->sql, OUTBOX_PUT, row.seq, row.boot, row.boot_ns);

	outbox_row_set_time(&row, &(const struct clock_stamp){ .utc_us = r->utc_us,
							       .source = r->time_source,
							       .acc_ns = r->time_acc_ns });
	outbox_row_bind_time(put, 4, &row);
	sqlite3_bind_int64(put, 7, outbox_row_crc(&row));
	sqlite3_bind_blob(put, 8, body, length, SQLITE_STATIC);
	return outbox_sql_run(&o->sql, put);
}

static void note_lost_seq(struct outbox *o, uint64_t seq)
{
	if (o->lost_first == 0) {
		o->lost_first = seq;
	}
	o->lost_last = seq;
	o->stats.not_written++;
}

/* 0 once it is committed. */
static int write_row(struct outbox *o, const struct reading *r, const uint8_t *body, int length)
{
	struct outbox_stats stats = o->stats;
	const struct outbox_kept kept = o->kept;
	int rc;

	if (!outbox_wal_may_put(&o->wal)) {
		snprintf(o->sql.reason, sizeof(o->sql.reason),
			 "its WAL is not copied, as another program reads it or the disk is slow");
		return -ENOSPC;
	}
	rc = outbox_sql_begin(&o->sql);
	if (rc != 0) {
		return rc;
	}
	stats.next_seq++; /* for the gaps that finish() records */
	rc = make_room(o, (uint64_t)length + OUTBOX_ROW_BYTES, &stats);
	if (rc == 0 && r->seq % EXPIRE_EVERY == 0 && r->time_source != READING_TIME_NONE) {
		rc = drop_kept(o, r->utc_us - o->keep_us);
	}
	rc = rc == 0 ? outbox_insert(o, r, (int64_t)o->boot, body, length) : rc;
	rc = outbox_finish(o, rc);
	if (rc == 0) {
		stats.rows++;
		stats.bytes += (uint64_t)length + OUTBOX_ROW_BYTES;
		o->stats = stats;
	} else {
		o->kept = kept;
	}
	return rc;
}

/* The disk did not take it. */
static int put_in_memory(struct outbox *o, struct reading *r, int error)
{
	unsigned dropped = 0;
	uint64_t seq = r->seq;

	if (error == -EUCLEAN || outbox_memory_put(&o->memory, r, o->boot, &dropped) != 0) {
		r->seq = seq;
		r->epoch = o->stats.epoch;
		o->stats.next_seq++;
		note_lost_seq(o, seq);
		return error;
	}
	o->stats.not_written += dropped;
	return OUTBOX_UNPROTECTED;
}

int outbox_put(struct outbox *o, struct reading *r)
{
	uint8_t body[SENML_READING_MAX];
	int length, rc;

	r->epoch = o->stats.epoch;
	r->seq = o->stats.next_seq;
	length = senml_encode(SENML_CBOR, r, 1, body, sizeof(body), NULL);
	if (length < 0) { /* no Reading: nothing was given */
		snprintf(o->sql.reason, sizeof(o->sql.reason),
			 "not a reading that can be encoded: %s", strerror(-length));
		return length;
	}
	rc = write_row(o, r, body, length);
	return rc == 0 ? outbox_wal_on_put(&o->wal, r->seq, r->boot_ns) : put_in_memory(o, r, rc);
}

uint64_t outbox_sync_due_ns(const struct outbox *o)
{
	return outbox_wal_sync_due_ns(&o->wal);
}

int outbox_sync(struct outbox *o)
{
	return outbox_wal_sync(&o->wal);
}

int outbox_fd(const struct outbox *o)
{
	return outbox_wal_fd(&o->wal);
}

int outbox_on_sync(struct outbox *o)
{
	return outbox_wal_on_sync(&o->wal);
}

/* --- what it holds ------------------------------------------------------ */

int outbox_gaps(struct outbox *o, uint64_t from, struct outbox_gap *gaps, size_t max)
{
	return outbox_gap_read(&o->sql, from, gaps, max);
}

int outbox_confirm_gap(struct outbox *o, uint64_t epoch, const struct outbox_gap *gap)
{
	int rc = epoch == o->stats.epoch ? outbox_sql_begin(&o->sql) : 0, n;

	if (rc != 0 || epoch != o->stats.epoch) {
		return rc;
	}
	n = rc = outbox_gap_drop(&o->sql, gap);
	if (rc >= 0) { /* its numbers must not be given again when nothing else holds them */
		rc = outbox_sql_run(&o->sql, OUTBOX_SQL(&o->sql, OUTBOX_HIGH_WATER,
							(int64_t)o->stats.next_seq));
	}
	rc = outbox_finish(o, rc);
	return rc == 0 ? n : rc;
}

int outbox_sensors(struct outbox *o, char *text, size_t size)
{
	return outbox_sql_text(&o->sql, OUTBOX_SENSORS, text, size);
}

int outbox_put_sensors(struct outbox *o, const char *text)
{
	sqlite3_stmt *keep = outbox_sql_bind(&o->sql, OUTBOX_KEEP_SENSORS, 0, NULL);
	int rc;

	sqlite3_bind_text(keep, 1, text, -1, SQLITE_STATIC);
	rc = outbox_sql_run(&o->sql, keep);
	outbox_wal_on_commit(&o->wal);
	return rc;
}

int outbox_stats(struct outbox *o, struct outbox_stats *stats)
{
	struct outbox_range within;
	int64_t row[5] = { 0 }, gaps = 0;
	int rc = outbox_sql_first(&o->sql, o->sql.statements[OUTBOX_GAP_COUNT], 1, &gaps);

	rc = rc < 0 ? rc : 0;
	for (unsigned i = 0; rc == 0 && i <= o->kept.n; i++) {
		if (outbox_kept_between(&o->kept, i, &within)) {
			rc = outbox_sql_first(&o->sql,
					      OUTBOX_SQL(&o->sql, OUTBOX_OLDEST, 1,
							 (int64_t)within.last, 0, 0,
							 (int64_t)within.first),
					      5, row);
		}
	}
	*stats = o->stats;
	stats->kept = o->kept.rows;
	stats->gaps = (uint64_t)gaps;
	stats->syncs = outbox_wal_syncs(&o->wal);
	stats->unprotected = o->memory.n;
	stats->oldest_boot_ns = 0;
	stats->oldest_utc_us = 0;
	if (rc == 1) {
		stats->oldest_boot_ns = (uint64_t)row[1] == o->boot ? (uint64_t)row[2] : 0;
		stats->oldest_utc_us = row[4] != READING_TIME_NONE ? row[3] : 0;
	}
	return rc < 0 ? rc : 0;
}
