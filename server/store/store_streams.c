// SPDX-License-Identifier: BSD-2-Clause
/* store_streams: the part of store.h about streams and their sequence numbers. */
#include "store.h"

#include <stdio.h>
#include <string.h>

#include "store_sql.h"

#define DAY_US (86400 * INT64_C(1000000))

#define STREAMS_LISTED 64 /* of one device at a time; each new outbox is one */

static int on_stream(void *arg, const struct sql_value *v, size_t n)
{
	(void)n;
	*(struct stream_row *)arg = (struct stream_row){ true, v[0].integer, v[1].integer };
	return 0;
}

int store_find_stream(struct store *s, const char *device, uint64_t epoch, struct stream_row *row)
{
	struct epoch_text text = { "" };

	row->found = false;
	return store_query(s, "SELECT id, complete FROM streams WHERE device = ? AND epoch = ?",
			   SQL_PARAMS(sql_text(device), sql_epoch(epoch, &text)), on_stream, row);
}

/* Islands of consecutive numbers, by where each begins and where the one before it ended. */
struct islands {
	uint64_t first; /* of the island under way; 0 none */
	int (*each)(void *arg, uint64_t first, uint64_t last);
	void *arg;
};

static int on_island(void *arg, const struct sql_value *v, size_t n)
{
	struct islands *is = arg;
	uint64_t first = is->first;

	(void)n;
	is->first = (uint64_t)v[0].integer;
	return first == 0 ? 0 : is->each(is->arg, first, (uint64_t)v[1].integer);
}

/* The readings of a stream above `above`, up to `last`. */
static int walk_islands(struct store *s, int64_t stream, int64_t above, int64_t last,
			int (*each)(void *arg, uint64_t first, uint64_t last), void *arg)
{
	struct islands is = { .each = each, .arg = arg };
	int64_t end = 0;
	int rc = store_query(
		s,
		"SELECT seq, prev FROM (SELECT seq, LAG(seq) OVER (ORDER BY seq) AS prev FROM readings "
		"WHERE stream = ? AND seq > ? AND seq <= ?) t WHERE prev IS NULL OR seq <> prev + 1 ORDER BY seq",
		SQL_PARAMS(sql_integer(stream), sql_integer(above), sql_integer(last)), on_island,
		&is);

	if (rc < 0 || is.first == 0) {
		return rc;
	}
	rc = store_query(s, "SELECT MAX(seq) FROM readings WHERE stream = ? AND seq <= ?",
			 SQL_PARAMS(sql_integer(stream), sql_integer(last)), sql_first_integer,
			 &end);
	return rc < 0 ? rc : each(arg, is.first, (uint64_t)end);
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

/* 0, or STORE_REFUSED: this device has made too many within a day. */
static int check_new_streams(struct store *s, const char *device, int64_t now_us)
{
	int64_t n = 0;
	int rc = store_query(s, "SELECT COUNT(*) FROM streams WHERE device = ? AND created_us > ?",
			     SQL_PARAMS(sql_text(device), sql_integer(now_us - DAY_US)),
			     sql_first_integer, &n);

	if (rc >= 0 && n >= STORE_STREAMS_A_DAY) {
		rc = store_fail(s, STORE_REFUSED, "%s has begun %d epochs within a day", device,
				STORE_STREAMS_A_DAY);
	}
	return rc;
}

int store_stream(struct store *s, const char *device, uint64_t epoch, int64_t created_us,
		 uint64_t *stream, struct gaps *gaps)
{
	struct stream_row row;
	struct epoch_text text = { "" };
	char sql[160];
	int rc = store_find_stream(s, device, epoch, &row);

	if (rc >= 0 && !row.found) {
		rc = check_new_streams(s, device, created_us);
	}
	if (rc >= 0 && !row.found) {
		snprintf(sql, sizeof(sql),
			 "INSERT INTO streams (device, epoch, created_us) VALUES (?, ?, ?) %s",
			 s->backend->keep);
		rc = store_query(s, sql,
				 SQL_PARAMS(sql_text(device), sql_epoch(epoch, &text),
					    sql_integer(created_us)),
				 NULL, NULL);
		if (rc >= 0) {
			rc = store_find_stream(s, device, epoch, &row);
		}
	}
	if (rc < 0) {
		return rc;
	}
	if (!row.found) {
		return store_fail(s, STORE_DOWN, "the stream of %s was removed while it was made",
				  device);
	}
	*stream = (uint64_t)row.id;
	if (gaps == NULL) {
		return 0;
	}
	gaps_init(gaps, (uint64_t)row.complete);
	rc = store_query(
		s, "SELECT first_seq, last_seq FROM holes WHERE stream = ? ORDER BY first_seq",
		SQL_PARAMS(sql_integer(row.id)), add_hole, gaps);
	return rc < 0 ? rc : walk_islands(s, row.id, row.complete, INT64_MAX, add_range, gaps);
}

int store_checkpoint(struct store *s, uint64_t stream, uint64_t complete)
{
	int rc =
		store_query(s, "UPDATE streams SET complete = ? WHERE id = ? AND complete < ?",
			    SQL_PARAMS(sql_integer((int64_t)complete), sql_integer((int64_t)stream),
				       sql_integer((int64_t)complete)),
			    NULL, NULL);

	return rc < 0 ? rc : 0;
}

int store_is_accounted(struct store *s, uint64_t stream, uint64_t seq)
{
	const struct sql_value id = sql_integer((int64_t)stream),
			       number = sql_integer((int64_t)seq);
	int64_t found = 0;
	int rc = store_query(
		s,
		"SELECT EXISTS (SELECT 1 FROM readings WHERE stream = ? AND seq = ?) OR "
		"EXISTS (SELECT 1 FROM holes WHERE stream = ? AND first_seq <= ? AND last_seq >= ?)",
		SQL_PARAMS(id, number, id, number, number), sql_first_integer, &found);

	return rc < 0 ? rc : found != 0;
}

/* --- ranges -------------------------------------------------------------- */

struct stream_list {
	struct stream_row row[STREAMS_LISTED];
	uint64_t epoch[STREAMS_LISTED];
	unsigned n;
};

static int list_stream(void *arg, const struct sql_value *v, size_t n)
{
	struct stream_list *list = arg;

	on_stream(&list->row[list->n], v, n);
	list->epoch[list->n++] = sql_epoch_of(&v[2]);
	return 0;
}

struct range_walk {
	struct store *store;
	int64_t stream;
	store_range_fn each;
	void *arg;
	uint64_t epoch;
};

static int present_range(void *arg, uint64_t first, uint64_t last)
{
	struct range_walk *walk = arg;

	return walk->each(walk->arg, walk->epoch, (struct gaps_range){ first, last }, NULL);
}

/* A hole, without numbers that arrived anyway. */
struct hole_walk {
	struct range_walk *walk;
	uint64_t next; /* the first of its numbers that is not yet reported */
	char cause[32];
};

static int hole_up_to(struct hole_walk *hole, uint64_t last)
{
	return hole->next > last
		       ? 0
		       : hole->walk->each(hole->walk->arg, hole->walk->epoch,
					  (struct gaps_range){ hole->next, last }, hole->cause);
}

static int skip_present(void *arg, uint64_t first, uint64_t last)
{
	struct hole_walk *hole = arg;
	int rc = hole_up_to(hole, first - 1);

	hole->next = last + 1;
	return rc;
}

static int explained_range(void *arg, const struct sql_value *v, size_t n)
{
	struct hole_walk hole = { .walk = arg, .next = (uint64_t)v[0].integer };
	int64_t last = v[1].integer;
	int rc;

	(void)n;
	memcpy(hole.cause, v[2].data,
	       v[2].size < sizeof(hole.cause) ? v[2].size : sizeof(hole.cause) - 1);
	rc = walk_islands(hole.walk->store, hole.walk->stream, v[0].integer - 1, last, skip_present,
			  &hole);
	return rc != 0 ? rc : hole_up_to(&hole, (uint64_t)last);
}

static int ranges_of(struct range_walk *walk, const struct stream_row *row)
{
	int rc = 0;

	if (walk->epoch == READING_EPOCH_LEGACY) {
		return 0;
	}
	if (row->complete > 0) {
		rc = present_range(walk, 1, (uint64_t)row->complete);
	}
	if (rc >= 0) {
		rc = walk_islands(walk->store, row->id, row->complete, INT64_MAX, present_range,
				  walk);
	}
	if (rc >= 0) {
		rc = store_query(
			walk->store,
			"SELECT first_seq, last_seq, cause FROM holes WHERE stream = ? ORDER BY first_seq",
			SQL_PARAMS(sql_integer(row->id)), explained_range, walk);
	}
	return rc;
}

int store_ranges(struct store *s, const char *device, uint64_t only_epoch, store_range_fn each,
		 void *arg)
{
	struct stream_list list = { .n = STREAMS_LISTED };
	int64_t after = 0;
	int rc = 0;

	while (rc >= 0 && list.n == STREAMS_LISTED) {
		list.n = 0;
		rc = store_query(
			s,
			"SELECT id, complete, epoch FROM streams WHERE device = ? AND id > ? ORDER BY id LIMIT ?",
			SQL_PARAMS(sql_text(device), sql_integer(after),
				   sql_integer(STREAMS_LISTED)),
			list_stream, &list);
		for (unsigned i = 0; rc >= 0 && i < list.n; i++) {
			after = list.row[i].id;
			if (only_epoch != 0 && list.epoch[i] != only_epoch) {
				continue;
			}
			struct range_walk walk = { .store = s,
						   .stream = list.row[i].id,
						   .each = each,
						   .arg = arg,
						   .epoch = list.epoch[i] };

			rc = ranges_of(&walk, &list.row[i]);
		}
	}
	return rc < 0 ? rc : 0;
}

/* --- starts -------------------------------------------------------------- */

struct start_walk {
	store_start_fn each;
	void *arg;
};

static int on_start(void *arg, const struct sql_value *v, size_t n)
{
	const struct start_walk *walk = arg;
	const struct store_start start = {
		.epoch = sql_epoch_of(&v[0]),
		.seq = (uint64_t)v[1].integer,
		.cause = (uint64_t)v[2].integer,
		.since_us = v[3].integer, /* 0 where it is SQL_NULL */
		.until_us = v[4].integer,
	};

	(void)n;
	return walk->each(walk->arg, &start);
}

int store_starts(struct store *s, const char *device, store_start_fn each, void *arg)
{
	struct start_walk walk = { each, arg };
	int rc = store_query(
		s,
		"SELECT s.epoch, r.seq, r.start_cause, p.time_us, r.time_us FROM streams s "
		"JOIN readings r ON r.stream = s.id LEFT JOIN readings p "
		"ON p.stream = r.stream AND p.seq = r.seq - 1 "
		"WHERE s.device = ? AND r.start_cause IS NOT NULL ORDER BY s.id, r.seq",
		SQL_PARAMS(sql_text(device)), on_start, &walk);

	return rc < 0 ? rc : 0;
}
