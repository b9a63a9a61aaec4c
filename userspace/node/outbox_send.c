// SPDX-License-Identifier: BSD-2-Clause
/* outbox_send: the part of outbox.h from what is peeked to what is confirmed. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "outbox_own.h"
#include "outbox_row.h"
#include "userspace/reading/senml.h"

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
	rc = outbox_finish(o, rc);
	if (rc == 0 && kept > 0) {
		o->stats.refused++;
	} else if (rc == 0) {
		o->stats.rows--;
		o->stats.bytes -= (uint64_t)held[1] + OUTBOX_ROW_BYTES;
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

/* Those of `within`: 1: go on with the next range, 0: the pack is full, or an error. */
static int peek_range(struct outbox *o, enum outbox_order order, struct outbox_range within,
		      struct outbox_range except, unsigned max, void *buffer, size_t size,
		      struct outbox_pack *pack, uint64_t *seq)
{
	sqlite3_stmt *peek =
		OUTBOX_SQL(&o->sql, order == OUTBOX_NEWEST_FIRST ? OUTBOX_NEWEST : OUTBOX_OLDEST,
			   max - pack->n,
			   (int64_t)(within.last < o->wal.durable ? within.last : o->wal.durable),
			   (int64_t)except.first, (int64_t)except.last, (int64_t)within.first);
	int step = SQLITE_DONE, rc = 1;

	while (rc == 1 && pack->n < max && (step = sqlite3_step(peek)) == SQLITE_ROW) {
		*seq = (uint64_t)sqlite3_column_int64(peek, 0);
		rc = add_to_pack(o, peek, except, buffer, size, pack);
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE) {
		rc = outbox_sql_fail(&o->sql, step);
	}
	sqlite3_reset(peek);
	return rc == 1 ? pack->n < max : rc;
}

int outbox_peek(struct outbox *o, enum outbox_order order, const struct outbox_sent *sent,
		unsigned max, void *buffer, size_t size, struct outbox_pack *pack)
{
	int n = peek_memory(o, sent->memory, max, buffer, size, pack), rc;

	if (n != 0) {
		return n;
	}
	*pack = (struct outbox_pack){ .epoch = o->stats.epoch };
	if (!outbox_wal_may_send(&o->wal)) {
		return 0;
	}
	do {
		uint64_t seq = 0;

		*pack = (struct outbox_pack){ .epoch = o->stats.epoch };
		rc = 1;
		for (unsigned i = 0; rc == 1 && i <= o->kept.n; i++) {
			struct outbox_range within;

			if (outbox_kept_between(&o->kept,
						order == OUTBOX_NEWEST_FIRST ? o->kept.n - i : i,
						&within)) {
				rc = peek_range(o, order, within, sent->disk, max, buffer, size,
						pack, &seq);
			}
		}
		if (rc == -EBADMSG) {
			rc = put_aside(o, seq, OUTBOX_GAP_DAMAGED,
				       "its bytes on the disk are wrong");
			rc = rc == 0 ? -EBADMSG : rc;
		}
	} while (rc == -EBADMSG);
	return rc < 0 ? rc : (int)pack->n;
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
	rc = outbox_finish(o, rc);
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
		rc = length < 0 ? length : outbox_insert(o, &r, boot, body, length);
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

/* With keep_us 0, or too many ranges of what is kept. */
static int delete_confirmed(struct outbox *o, uint64_t first, uint64_t last)
{
	int64_t size[2] = { 0 };
	int rc;

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
	rc = outbox_finish(o, rc);
	if (rc != 0) {
		return rc;
	}
	outbox_wal_on_commit(&o->wal);
	o->stats.rows -= (uint64_t)size[0];
	o->stats.bytes -= (uint64_t)size[1] + OUTBOX_ROW_BYTES * (uint64_t)size[0];
	return (int)size[0];
}

int outbox_confirm(struct outbox *o, uint64_t epoch, uint64_t first, uint64_t last)
{
	const struct outbox_kept kept = o->kept;
	struct outbox_range within;
	uint64_t bytes = 0;
	int n = 0, rc = -ENOSPC;

	if (epoch == o->memory.epoch) {
		return outbox_memory_confirm(&o->memory, first, last);
	}
	if (epoch != o->stats.epoch || first > last || last > INT64_MAX) {
		return 0;
	}
	if (o->keep_us > 0) {
		rc = outbox_kept_add(&o->kept, &o->sql, first, last, &bytes);
	}
	if (rc >= 0) {
		o->stats.rows -= (uint64_t)rc;
		o->stats.bytes -= bytes;
		return rc;
	}
	o->kept = kept;
	for (unsigned i = 0; rc == -ENOSPC && i <= kept.n; i++) { /* what is kept stays */
		if (outbox_kept_between(&kept, i, &within) && within.first <= last &&
		    within.last >= first) {
			within.first = within.first > first ? within.first : first;
			within.last = within.last < last ? within.last : last;
			rc = delete_confirmed(o, within.first, within.last);
			n += rc > 0 ? rc : 0;
			rc = rc < 0 ? rc : -ENOSPC;
		}
	}
	return rc == -ENOSPC ? n : rc;
}

unsigned outbox_find_kept(const struct outbox *o, uint64_t first, uint64_t last,
			  struct outbox_range *ranges, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < o->kept.n && n < max; i++) {
		const struct outbox_range *kept = &o->kept.ranges[i];

		if (kept->first <= last && kept->last >= first) {
			ranges[n++] = (struct outbox_range){
				kept->first > first ? kept->first : first,
				kept->last < last ? kept->last : last,
			};
		}
	}
	return n;
}

int outbox_resend(struct outbox *o, uint64_t first, uint64_t last, unsigned max, uint64_t *to)
{
	const struct outbox_kept kept = o->kept;
	uint64_t bytes;
	int n = outbox_kept_release(&o->kept, &o->sql, first, last, max, &bytes, to);

	if (n < 0) {
		o->kept = kept;
		return n;
	}
	o->stats.rows += (uint64_t)n;
	o->stats.bytes += bytes;
	return n;
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
	rc = outbox_finish(o, rc < 0 ? rc : 0);
	outbox_wal_on_commit(&o->wal);
	return rc == 0 ? n : rc;
}
