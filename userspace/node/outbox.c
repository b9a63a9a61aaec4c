// SPDX-License-Identifier: BSD-2-Clause
#include "outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outbox_file.h"
#include "outbox_memory.h"
#include "outbox_row.h"
#include "outbox_sql.h"
#include "outbox_wal.h"
#include "userspace/reading/senml.h"

#define DATABASE_MIN 65536 /* bytes: room for some readings whatever max_bytes is */
#define DROP_STEP 64 /* readings dropped for one put at most */

#define ROW_BYTES 64 /* counted for a row beside its body: columns and b-tree */

struct outbox {
	struct outbox_file file;
	struct outbox_sql sql;
	struct outbox_wal wal;
	struct outbox_memory memory;
	uint64_t max_rows, max_bytes, boot;
	uint64_t database_pages; /* at most */
	struct clock_stamp dating; /* of readings of this boot without time; source NONE: not known
				    */
	uint64_t lost_first, lost_last; /* given, but not written; 0: none */
	struct outbox_stats stats;
};

const char *outbox_reason(const struct outbox *o)
{
	return o->sql.reason;
}

/*
 * Ends a transaction: what was given and not written gets its gap in the first that works, before
 * any can save the number that comes after it.
 */
static int finish(struct outbox *o, int rc)
{
	if (rc == 0 && o->lost_first != 0) {
		rc = outbox_gap_add(&o->sql, o->lost_first, o->lost_last, OUTBOX_GAP_NOT_WRITTEN);
	}
	rc = outbox_sql_finish(&o->sql, rc);
	o->lost_first = rc == 0 ? 0 : o->lost_first;
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
	o->stats.rows = (uint64_t)(held[WAITING] + held[REFUSED]);
	o->stats.bytes = (uint64_t)held[BYTES] + ROW_BYTES * o->stats.rows;

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
		finish(o, rc);
	}
	release(o);
}

/* --- put ---------------------------------------------------------------- */

/* Does one of `bytes` fit? 1, 0, or an error. */
static int has_room(struct outbox *o, uint64_t bytes, const struct outbox_stats *stats)
{
	int64_t pages = 0;
	int rc;

	if (stats->rows >= o->max_rows || stats->bytes + bytes > o->max_bytes) {
		return 0;
	}
	rc = outbox_sql_first(&o->sql, o->sql.statements[OUTBOX_PAGES], 1, &pages);
	return rc == 1 ? (uint64_t)pages < o->database_pages : rc < 0 ? rc : -EUCLEAN;
}

/* Deletes what is set aside, then the oldest, until one of `bytes` fits. Counts into *stats. */
static int make_room(struct outbox *o, uint64_t bytes, struct outbox_stats *stats)
{
	for (unsigned i = 0; i < DROP_STEP && stats->rows > 0; i++) {
		int fits = has_room(o, bytes, stats);
		bool refused = stats->refused > 0;
		sqlite3_stmt *size_of = outbox_sql_bind(
			&o->sql, refused ? OUTBOX_REFUSED_SIZE : OUTBOX_OLDEST_SIZE, 0, NULL);
		int64_t victim[2] = { 0 };
		int rc = 0;

		if (fits != 0) {
			return fits < 0 ? fits : 0;
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
		stats->bytes -= (uint64_t)victim[1] + ROW_BYTES;
	}
	return 0;
}

/* boot: of which r->boot_ns is. */
static int insert(struct outbox *o, const struct reading *r, int64_t boot, const uint8_t *body,
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
	rc = make_room(o, (uint64_t)length + ROW_BYTES, &stats);
	rc = rc == 0 ? insert(o, r, (int64_t)o->boot, body, length) : rc;
	rc = finish(o, rc);
	if (rc == 0) {
		stats.rows++;
		stats.bytes += (uint64_t)length + ROW_BYTES;
		o->stats = stats;
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

/* --- peek, confirm, refuse ---------------------------------------------- */

/* Moves a row from reading to refused; a damaged one that does not fit there is dropped. */
static int put_aside(struct outbox *o, uint64_t seq, enum outbox_gap_reason reason, const char *why)
{
	int64_t held[2] = { 0 };
	sqlite3_stmt *refuse;
	int rc = outbox_sql_begin(&o->sql), kept = 0;

	if (rc != 0) {
		return rc;
	}
	rc = outbox_sql_first(
		&o->sql, OUTBOX_SQL(&o->sql, OUTBOX_SIZE_OF, (int64_t)seq, (int64_t)seq), 2, held);
	if (rc == 1 && held[0] == 0) {
		snprintf(o->sql.reason, sizeof(o->sql.reason), "reading %" PRIu64 " is not waiting",
			 seq);
		rc = -ENOENT;
	}
	if (rc == 1) {
		refuse = OUTBOX_SQL(&o->sql, OUTBOX_REFUSE, (int64_t)seq);
		sqlite3_bind_text(refuse, 2, why, -1, SQLITE_TRANSIENT);
		rc = outbox_sql_run(&o->sql, refuse);
		kept = sqlite3_changes(o->sql.db);
	}
	if (rc == 0) {
		rc = outbox_sql_run(&o->sql, OUTBOX_SQL(&o->sql, OUTBOX_DROP, (int64_t)seq));
	}
	if (rc == 0) {
		rc = outbox_gap_add(&o->sql, seq, seq, reason);
	}
	rc = finish(o, rc);
	if (rc == 0 && kept > 0) {
		o->stats.refused++;
	} else if (rc == 0) {
		o->stats.rows--;
		o->stats.bytes -= (uint64_t)held[1] + ROW_BYTES;
	}
	return rc;
}

int outbox_refuse(struct outbox *o, uint64_t epoch, uint64_t seq, const char *why)
{
	if (epoch == o->memory.epoch) { /* there is nowhere to keep it */
		o->stats.not_written += (uint64_t)outbox_memory_confirm(&o->memory, seq, seq);
		return 0;
	}
	return epoch == o->stats.epoch ? put_aside(o, seq, OUTBOX_GAP_REFUSED, why) : -ENOENT;
}

/* A row without time, by what is known of this boot. */
static void date(const struct outbox *o, struct outbox_row *row)
{
	struct clock_stamp time = clock_stamp_at(&o->dating, (uint64_t)row->boot_ns);

	if (row->time_source == READING_TIME_NONE && row->boot == (int64_t)o->boot &&
	    row->boot_ns > 0) {
		outbox_row_set_time(row, &time);
	}
}

/* Adds a row to the pack: 1; 0 if the pack ends before it, or -EBADMSG if the row is damaged. */
static int add_to_pack(struct outbox *o, sqlite3_stmt *at, struct outbox_range except, void *buffer,
		       size_t size, struct outbox_pack *pack)
{
	struct outbox_row row;
	bool sound = outbox_row_read(at, &row);
	uint64_t seq = (uint64_t)row.seq;
	int rc = -EBADMSG;

	if (pack->n > 0 && (seq < except.first) != (pack->first < except.first)) {
		return 0; /* it lies beyond them */
	}
	date(o, &row);
	if (sound) {
		rc = outbox_row_pack(&row, buffer, size, &pack->size);
	}
	if (rc == -ENOSPC) {
		return pack->n > 0 ? 0 : -EMSGSIZE;
	}
	if (rc == 0) {
		pack->first = pack->n == 0 || seq < pack->first ? seq : pack->first;
		pack->last = seq > pack->last ? seq : pack->last;
		pack->n++;
	}
	return rc == 0 ? 1 : rc;
}

/* Those of memory behind what is in flight of them; of the others nothing is known of the disk. */
static int peek_memory(struct outbox *o, struct outbox_range except, unsigned max, void *buffer,
		       size_t size, struct outbox_pack *pack)
{
	*pack = (struct outbox_pack){ .epoch = o->memory.epoch, .in_memory = true };
	for (unsigned i = 0; i < o->memory.n && pack->n < max; i++) {
		struct outbox_row row = o->memory.rows[i];
		int rc;

		if ((uint64_t)row.seq <= except.last) {
			continue;
		}
		date(o, &row);
		rc = outbox_row_pack(&row, buffer, size, &pack->size);
		if (rc != 0) {
			return pack->n > 0 ? (int)pack->n : -EMSGSIZE;
		}
		pack->first = pack->n == 0 ? (uint64_t)row.seq : pack->first;
		pack->last = (uint64_t)row.seq;
		pack->n++;
	}
	return (int)pack->n;
}

int outbox_peek(struct outbox *o, enum outbox_order order, const struct outbox_sent *sent,
		unsigned max, void *buffer, size_t size, struct outbox_pack *pack)
{
	const struct outbox_range except = sent->disk;
	int n = peek_memory(o, sent->memory, max, buffer, size, pack);

	if (n != 0) {
		return n;
	}
	*pack = (struct outbox_pack){ .epoch = o->stats.epoch };
	if (!outbox_wal_may_send(&o->wal)) {
		return 0;
	}
	for (;;) {
		sqlite3_stmt *peek = OUTBOX_SQL(
			&o->sql, order == OUTBOX_NEWEST_FIRST ? OUTBOX_NEWEST : OUTBOX_OLDEST, max,
			(int64_t)o->wal.durable, (int64_t)except.first, (int64_t)except.last);
		int step = SQLITE_DONE, rc = 1;
		uint64_t seq = 0;

		*pack = (struct outbox_pack){ .epoch = o->stats.epoch };
		while (rc == 1 && pack->n < max && (step = sqlite3_step(peek)) == SQLITE_ROW) {
			seq = (uint64_t)sqlite3_column_int64(peek, 0);
			rc = add_to_pack(o, peek, except, buffer, size, pack);
		}
		if (step != SQLITE_ROW && step != SQLITE_DONE) {
			rc = outbox_sql_fail(&o->sql, step);
		}
		sqlite3_reset(peek);
		if (rc == -EBADMSG) {
			rc = put_aside(o, seq, OUTBOX_GAP_DAMAGED,
				       "its bytes on the disk are wrong");
			if (rc == 0) {
				continue;
			}
		}
		return rc < 0 ? rc : (int)pack->n;
	}
}

/* Reads a waiting reading, and the boot it is of: 0, -ENOENT, or an error. */
static int read_row(struct outbox *o, uint64_t seq, struct reading *r, int64_t *boot, int *length)
{
	sqlite3_stmt *at = OUTBOX_SQL(&o->sql, OUTBOX_ROW, (int64_t)seq);
	struct outbox_row row;
	int rc = sqlite3_step(at);

	if (rc == SQLITE_ROW) {
		bool sound = outbox_row_read(at, &row);

		date(o, &row);
		*boot = row.boot;
		*length = row.length;
		rc = sound && outbox_row_reading(&row, r) ? 0 : -ENOENT;
	} else {
		rc = rc == SQLITE_DONE ? -ENOENT : outbox_sql_fail(&o->sql, rc);
	}
	sqlite3_reset(at);
	return rc;
}

/* Of the epoch before nothing can be reported any more: its numbers mean two things. */
static int write_epoch(struct outbox *o, uint64_t epoch)
{
	int rc = outbox_sql_run(&o->sql, OUTBOX_SQL(&o->sql, OUTBOX_EPOCH, (int64_t)epoch));

	rc = rc == 0 ? outbox_sql_run(&o->sql, o->sql.statements[OUTBOX_GAP_CLEAR]) : rc;
	return rc == 0 ? outbox_gap_add(&o->sql, 1, o->stats.next_seq - 1, OUTBOX_GAP_RENUMBERED)
		       : rc;
}

/* As finish(), and it is the epoch from here on. */
static int finish_epoch(struct outbox *o, uint64_t epoch, int rc)
{
	bool is_new = epoch != o->stats.epoch;

	o->lost_first = is_new ? 0 : o->lost_first; /* in the gap */
	rc = finish(o, rc);
	if (rc == 0) {
		o->stats.epoch = epoch;
		o->stats.new_epochs += is_new;
	}
	return rc;
}

int outbox_begin_epoch(struct outbox *o, uint64_t of_epoch)
{
	uint64_t epoch = (uint64_t)outbox_file_epoch();
	int rc = of_epoch == o->stats.epoch ? outbox_sql_begin(&o->sql) : -ENOENT;

	if (rc != 0) {
		return rc;
	}
	rc = finish_epoch(o, epoch, write_epoch(o, epoch));
	outbox_wal_on_commit(&o->wal);
	return rc;
}

int outbox_renumber(struct outbox *o, uint64_t of_epoch, uint64_t seq)
{
	uint8_t body[SENML_READING_MAX];
	uint64_t epoch = o->stats.epoch;
	struct reading r = { .epoch = 0 };
	int64_t boot = 0;
	int before = 0, length = 0,
	    rc = of_epoch == o->stats.epoch ? outbox_sql_begin(&o->sql) : -ENOENT;

	if (rc != 0) {
		return rc;
	}
	rc = read_row(o, seq, &r, &boot, &before);
	if (rc == 0 && r.epoch == epoch) {
		epoch = (uint64_t)outbox_file_epoch();
		rc = write_epoch(o, epoch);
	}
	if (rc == 0) {
		r.epoch = epoch;
		r.seq = o->stats.next_seq;
		length = senml_encode(SENML_CBOR, &r, 1, body, sizeof(body), NULL);
		rc = length < 0 ? length : insert(o, &r, boot, body, length);
	}
	if (rc == 0) {
		rc = outbox_sql_run(&o->sql, OUTBOX_SQL(&o->sql, OUTBOX_DROP, (int64_t)seq));
	}
	rc = finish_epoch(o, epoch, rc);
	if (rc != 0) {
		return rc;
	}
	o->stats.next_seq++;
	o->stats.bytes += (uint64_t)length - (uint64_t)before;
	return outbox_wal_on_put(&o->wal, r.seq, r.boot_ns);
}

int outbox_confirm(struct outbox *o, uint64_t epoch, uint64_t first, uint64_t last)
{
	int64_t size[2] = { 0 };
	int rc;

	if (epoch == o->memory.epoch) {
		return outbox_memory_confirm(&o->memory, first, last);
	}
	if (epoch != o->stats.epoch || first > last || last > INT64_MAX) {
		return 0;
	}
	rc = outbox_sql_begin(&o->sql);
	if (rc != 0) {
		return rc;
	}
	rc = outbox_sql_first(&o->sql,
			      OUTBOX_SQL(&o->sql, OUTBOX_SIZE_OF, (int64_t)first, (int64_t)last), 2,
			      size);
	rc = rc == 1 ? outbox_sql_run(&o->sql, OUTBOX_SQL(&o->sql, OUTBOX_CONFIRM, (int64_t)first,
							  (int64_t)last))
		     : rc;
	if (rc == 0) {
		rc = outbox_sql_run(&o->sql, OUTBOX_SQL(&o->sql, OUTBOX_HIGH_WATER,
							(int64_t)o->stats.next_seq));
	}
	rc = finish(o, rc);
	if (rc != 0) {
		return rc;
	}
	outbox_wal_on_commit(&o->wal);
	o->stats.rows -= (uint64_t)size[0];
	o->stats.bytes -= (uint64_t)size[1] + ROW_BYTES * (uint64_t)size[0];
	return (int)size[0];
}

/* Dates one row: 1, 0 if there is none left, or an error. */
static int date_next(struct outbox *o)
{
	sqlite3_stmt *undated = OUTBOX_SQL(&o->sql, OUTBOX_UNDATED, (int64_t)o->boot), *update;
	struct outbox_row row;
	bool sound;
	int rc = sqlite3_step(undated);

	if (rc != SQLITE_ROW) {
		rc = rc == SQLITE_DONE ? 0 : outbox_sql_fail(&o->sql, rc);
		sqlite3_reset(undated);
		return rc;
	}
	sound = outbox_row_read(undated, &row);
	date(o, &row);
	update = OUTBOX_SQL(&o->sql, OUTBOX_DATE, row.seq);
	outbox_row_bind_time(update, 2, &row);
	/* One that is damaged stays so, and is set aside when it is peeked. */
	sqlite3_bind_int64(update, 5, sound ? outbox_row_crc(&row) : -1);
	sqlite3_reset(undated); /* row.body ends here */
	rc = outbox_sql_run(&o->sql, update);
	return rc == 0 ? 1 : rc;
}

int outbox_date(struct outbox *o, const struct clock_stamp *stamp, int max)
{
	int rc, n = 0;

	if (stamp->source == READING_TIME_NONE) {
		return -EINVAL;
	}
	o->dating = o->dating.source == READING_TIME_NONE ? *stamp : o->dating;
	rc = outbox_sql_begin(&o->sql);
	if (rc != 0) {
		return rc;
	}
	while (n < max && (rc = date_next(o)) == 1) {
		n++;
	}
	rc = finish(o, rc < 0 ? rc : 0);
	outbox_wal_on_commit(&o->wal);
	return rc == 0 ? n : rc;
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
	rc = finish(o, rc);
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
	sqlite3_stmt *oldest = OUTBOX_SQL(&o->sql, OUTBOX_OLDEST, 1, INT64_MAX, 0, 0);
	int64_t row[5] = { 0 }, gaps = 0;
	int rc = outbox_sql_first(&o->sql, o->sql.statements[OUTBOX_GAP_COUNT], 1, &gaps);

	rc = rc < 0 ? rc : outbox_sql_first(&o->sql, oldest, 5, row);
	*stats = o->stats;
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
