// SPDX-License-Identifier: BSD-2-Clause
/* store_holes: the part of store.h about numbers that are explained: lost or removed. */
#include "store.h"

#include <stdio.h>
#include <string.h>

#include "store_sql.h"

int store_begin(struct store *s, int64_t stream)
{
	int64_t id;
	char sql[80];
	int rc = store_query(s, s->backend->begin, SQL_NO_PARAMS, NULL, NULL);

	s->begun = rc >= 0;
	snprintf(sql, sizeof(sql), "SELECT id FROM streams WHERE id = ? %s", s->backend->lock_row);
	return rc < 0 ? rc
		      : store_query(s, sql, SQL_PARAMS(sql_integer(stream)), sql_first_integer,
				    &id);
}

static int put_hole(struct store *s, int64_t stream, uint64_t first, uint64_t last,
		    const char *cause, int64_t now_us)
{
	int rc = store_query(
		s, "UPDATE holes SET last_seq = ? WHERE stream = ? AND last_seq = ? AND cause = ?",
		SQL_PARAMS(sql_integer((int64_t)last), sql_integer(stream),
			   sql_integer((int64_t)first - 1), sql_text(cause)),
		NULL, NULL);

	/* A growing hole stays one row. */
	return rc != 0 ? rc
		       : store_query(
				 s,
				 "INSERT INTO holes (stream, first_seq, last_seq, cause, created_us) VALUES (?, ?, ?, ?, ?)",
				 SQL_PARAMS(sql_integer(stream), sql_integer((int64_t)first),
					    sql_integer((int64_t)last), sql_text(cause),
					    sql_integer(now_us)),
				 NULL, NULL);
}

static int on_range(void *arg, const struct sql_value *v, size_t n)
{
	(void)n;
	*(struct gaps_range *)arg =
		(struct gaps_range){ (uint64_t)v[0].integer, (uint64_t)v[1].integer };
	return 0;
}

int store_find_unexplained(struct store *s, int64_t stream, struct gaps_range range,
			   struct gaps_range *piece)
{
	while (range.first <= range.last) {
		struct gaps_range hole = { range.last + 1, range.last };
		int rc = store_query(
			s,
			"SELECT first_seq, last_seq FROM holes WHERE stream = ? AND last_seq >= ? AND "
			"first_seq <= ? ORDER BY first_seq LIMIT 1",
			SQL_PARAMS(sql_integer(stream), sql_integer((int64_t)range.first),
				   sql_integer((int64_t)range.last)),
			on_range, &hole);

		if (rc < 0) {
			return rc;
		}
		if (hole.first > range.first) {
			*piece = (struct gaps_range){ range.first, hole.first - 1 };
			return 1;
		}
		range.first = hole.last + 1;
	}
	return 0;
}

int store_explain_range(struct store *s, int64_t stream, struct gaps_range range, const char *cause,
			int64_t now_us)
{
	struct gaps_range piece;
	int rc;

	while ((rc = store_find_unexplained(s, stream, range, &piece)) > 0) {
		rc = put_hole(s, stream, piece.first, piece.last, cause, now_us);
		if (rc < 0) {
			return rc;
		}
		range.first = piece.last + 1;
	}
	return rc;
}

int store_explain(struct store *s, uint64_t stream, const struct store_hole *holes, size_t n,
		  int64_t now_us)
{
	int rc = store_begin(s, (int64_t)stream);

	for (size_t i = 0; i < n && rc >= 0; i++) {
		rc = store_explain_range(s, (int64_t)stream, holes[i].range, holes[i].cause,
					 now_us);
	}
	rc = store_end(s, rc);
	return rc < 0 ? rc : 0;
}

int store_remove(struct store *s, const char *device, uint64_t epoch, uint64_t seq, int64_t now_us)
{
	struct stream_row row;
	int removed = 0, rc = store_find_stream(s, device, epoch, &row);

	if (rc < 0 || !row.found) {
		return rc;
	}
	rc = store_begin(s, row.id);
	if (rc >= 0) {
		removed = rc = store_query(
			s, "DELETE FROM readings WHERE stream = ? AND seq = ?",
			SQL_PARAMS(sql_integer(row.id), sql_integer((int64_t)seq)), NULL, NULL);
	}
	if (removed > 0) {
		rc = store_explain_range(s, row.id, (struct gaps_range){ seq, seq },
					 "removed by operator", now_us);
	}
	rc = store_end(s, rc);
	return rc < 0 ? rc : removed;
}
