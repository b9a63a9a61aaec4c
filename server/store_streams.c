// SPDX-License-Identifier: BSD-2-Clause
/* store_streams: the part of store.h about streams: what they have, and what they never will. */
#include "store.h"

#include <stdio.h>
#include <string.h>

#include "store_sql.h"

#define STREAMS_LISTED 64	/* of one device; each new outbox is one */

struct stream_row {
	bool found;
	int64_t id, complete;
};

static int take_stream(void *arg, const struct sql_value *v, size_t n)
{
	(void)n;
	*(struct stream_row *)arg = (struct stream_row){ true, v[0].integer, v[1].integer };
	return 0;
}

static int find_stream(struct store *s, const char *device, uint64_t epoch, struct stream_row *row)
{
	struct epoch_text text = { "" };

	row->found = false;
	return store_query(s, "SELECT id, complete FROM streams WHERE device = ? AND epoch = ?",
			   SQL_PARAMS(sql_text(device), sql_epoch(epoch, &text)), take_stream, row);
}

/* Islands of consecutive numbers, by where each begins and where the one before it ended. */
struct islands {
	uint64_t first;		/* of the island under way; 0 none */
	int (*each)(void *arg, uint64_t first, uint64_t last);
	void *arg;
};

static int take_island(void *arg, const struct sql_value *v, size_t n)
{
	struct islands *is = arg;
	uint64_t first = is->first;

	(void)n;
	is->first = (uint64_t)v[0].integer;
	return first == 0 ? 0 : is->each(is->arg, first, (uint64_t)v[1].integer);
}

/* The readings of a stream above `complete`. */
static int walk_islands(struct store *s, int64_t stream, int64_t complete,
			int (*each)(void *arg, uint64_t first, uint64_t last), void *arg)
{
	struct islands is = { .each = each, .arg = arg };
	int64_t last = 0;
	int rc = store_query(s, "SELECT seq, prev FROM (SELECT seq, LAG(seq) OVER (ORDER BY seq) AS prev FROM readings "
			     "WHERE stream = ? AND seq > ?) t WHERE prev IS NULL OR seq <> prev + 1 ORDER BY seq",
			     SQL_PARAMS(sql_integer(stream), sql_integer(complete)), take_island, &is);

	if (rc < 0 || is.first == 0) {
		return rc;
	}
	rc = store_query(s, "SELECT MAX(seq) FROM readings WHERE stream = ?", SQL_PARAMS(sql_integer(stream)),
			 sql_first_integer, &last);
	return rc < 0 ? rc : each(arg, is.first, (uint64_t)last);
}

static int add_range(void *arg, uint64_t first, uint64_t last)
{
	gaps_add(arg, first, last);
	return 0;
}

static int add_hole(void *arg, const struct sql_value *v, size_t n)
{
	(void)n;
	gaps_add(arg, (uint64_t)v[0].integer, (uint64_t)v[1].integer);
	return 0;
}

int store_stream(struct store *s, const char *device, uint64_t epoch, int64_t created_us, uint64_t *stream,
		 struct gaps *gaps)
{
	struct stream_row row;
	struct epoch_text text = { "" };
	char sql[160];
	int rc = find_stream(s, device, epoch, &row);

	if (rc >= 0 && !row.found) {
		snprintf(sql, sizeof(sql), "INSERT INTO streams (device, epoch, created_us) VALUES (?, ?, ?) %s",
			 s->backend->keep);
		rc = store_query(s, sql, SQL_PARAMS(sql_text(device), sql_epoch(epoch, &text), sql_integer(created_us)),
				 NULL, NULL);
		if (rc >= 0) {
			rc = find_stream(s, device, epoch, &row);
		}
	}
	if (rc < 0) {
		return rc;
	}
	if (!row.found) {
		return store_fail(s, STORE_DOWN, "the stream of %s was removed while it was made", device);
	}
	*stream = (uint64_t)row.id;
	if (gaps == NULL) {
		return 0;
	}
	gaps_init(gaps, (uint64_t)row.complete);
	rc = store_query(s, "SELECT first_seq, last_seq FROM holes WHERE stream = ? ORDER BY first_seq",
			 SQL_PARAMS(sql_integer(row.id)), add_hole, gaps);
	return rc < 0 ? rc : walk_islands(s, row.id, row.complete, add_range, gaps);
}

int store_checkpoint(struct store *s, uint64_t stream, uint64_t complete)
{
	int rc = store_query(s, "UPDATE streams SET complete = ? WHERE id = ? AND complete < ?",
			     SQL_PARAMS(sql_integer((int64_t)complete), sql_integer((int64_t)stream),
					sql_integer((int64_t)complete)), NULL, NULL);

	return rc < 0 ? rc : 0;
}

int store_remove(struct store *s, const char *device, uint64_t epoch, uint64_t seq, int64_t created_us)
{
	const struct sql_value number = sql_integer((int64_t)seq);
	struct stream_row row;
	char sql[160];
	int removed = 0, rc = find_stream(s, device, epoch, &row);

	if (rc < 0 || !row.found) {
		return rc;
	}
	snprintf(sql, sizeof(sql), "INSERT INTO holes (stream, first_seq, last_seq, cause, created_us) "
		 "VALUES (?, ?, ?, 'removed by operator', ?) %s", s->backend->keep);
	rc = store_query(s, s->backend->begin, SQL_NO_PARAMS, NULL, NULL);
	if (rc >= 0) {
		removed = rc = store_query(s, "DELETE FROM readings WHERE stream = ? AND seq = ?",
					   SQL_PARAMS(sql_integer(row.id), number), NULL, NULL);
	}
	if (removed > 0) {
		rc = store_query(s, sql, SQL_PARAMS(sql_integer(row.id), number, number, sql_integer(created_us)), NULL, NULL);
	}
	if (rc >= 0) {
		rc = store_query(s, "COMMIT", SQL_NO_PARAMS, NULL, NULL);
	}
	if (rc < 0) {
		store_query(s, "ROLLBACK", SQL_NO_PARAMS, NULL, NULL);
		return rc;
	}
	return removed;
}

/* --- what is there ------------------------------------------------------- */

struct stream_list {
	struct stream_row row[STREAMS_LISTED];
	uint64_t epoch[STREAMS_LISTED];
	unsigned n;
};

static int list_stream(void *arg, const struct sql_value *v, size_t n)
{
	struct stream_list *list = arg;

	take_stream(&list->row[list->n], v, n);
	list->epoch[list->n++] = sql_epoch_of(&v[2]);
	return 0;
}

struct range_walk {
	store_range_fn each;
	void *arg;
	uint64_t epoch;
};

static int present_range(void *arg, uint64_t first, uint64_t last)
{
	struct range_walk *walk = arg;

	return walk->each(walk->arg, walk->epoch, (struct gaps_range){ first, last }, NULL);
}

static int explained_range(void *arg, const struct sql_value *v, size_t n)
{
	struct range_walk *walk = arg;
	char cause[32] = "";

	(void)n;
	memcpy(cause, v[2].data, v[2].size < sizeof(cause) ? v[2].size : sizeof(cause) - 1);
	return walk->each(walk->arg, walk->epoch,
			  (struct gaps_range){ (uint64_t)v[0].integer, (uint64_t)v[1].integer }, cause);
}

int store_ranges(struct store *s, const char *device, store_range_fn each, void *arg)
{
	struct stream_list list = { .n = 0 };
	int rc = store_query(s, "SELECT id, complete, epoch FROM streams WHERE device = ? ORDER BY id LIMIT ?",
			     SQL_PARAMS(sql_text(device), sql_integer(STREAMS_LISTED)), list_stream, &list);

	for (unsigned i = 0; rc >= 0 && i < list.n; i++) {
		struct range_walk walk = { .each = each, .arg = arg, .epoch = list.epoch[i] };

		if (walk.epoch == READING_EPOCH_LEGACY) {
			continue;
		}
		if (list.row[i].complete > 0) {
			rc = present_range(&walk, 1, (uint64_t)list.row[i].complete);
		}
		if (rc >= 0) {
			rc = walk_islands(s, list.row[i].id, list.row[i].complete, present_range, &walk);
		}
		if (rc >= 0) {
			rc = store_query(s, "SELECT first_seq, last_seq, cause FROM holes WHERE stream = ? ORDER BY first_seq",
					 SQL_PARAMS(sql_integer(list.row[i].id)), explained_range, &walk);
		}
	}
	return rc < 0 ? rc : 0;
}
