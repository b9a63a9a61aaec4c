// SPDX-License-Identifier: BSD-2-Clause
/* store_expire: the part of store.h about readings that are too old to be kept, or of a device that
 * is forgotten. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_sql.h"

#define DAY_US INT64_C(86400000000)

struct expiry {
	int64_t stream, cutoff_us; /* stream 0: none */
	bool counted; /* its numbers are counted: not the legacy client's */
};

/* Numbers of a chunk that go; by chunk_sort() as ranges without a gap, in ascending order. */
struct chunk {
	size_t n;
	struct gaps_range range[STORE_EXPIRE_ROWS];
};

static int on_expiry(void *arg, const struct sql_value *v, size_t n)
{
	(void)n;
	*(struct expiry *)arg = (struct expiry){
		.stream = v[0].integer,
		.cutoff_us = v[1].integer,
		.counted = sql_epoch_of(&v[2]) != READING_EPOCH_LEGACY,
	};
	return 0;
}

static int on_row(void *arg, const struct sql_value *v, size_t n)
{
	struct chunk *chunk = arg;
	uint64_t seq = (uint64_t)v[0].integer;

	(void)n;
	chunk->range[chunk->n++] = (struct gaps_range){ seq, seq };
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct gaps_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static void chunk_sort(struct chunk *chunk)
{
	size_t n = 0;

	qsort(chunk->range, chunk->n, sizeof(chunk->range[0]), by_first);
	for (size_t i = 0; i < chunk->n; i++) {
		if (n > 0 && chunk->range[n - 1].last + 1 == chunk->range[i].first) {
			chunk->range[n - 1].last = chunk->range[i].last;
		} else {
			chunk->range[n++] = chunk->range[i];
		}
	}
	chunk->n = n;
}

static int remove_chunk(struct store *s, const struct expiry *e, const struct chunk *chunk,
			const char *cause, int64_t now_us)
{
	int rc = store_begin(s, e->stream);

	for (size_t i = 0; rc >= 0 && i < chunk->n; i++) {
		const struct gaps_range *range = &chunk->range[i];

		rc = store_query(s, "DELETE FROM readings WHERE stream = ? AND seq BETWEEN ? AND ?",
				 SQL_PARAMS(sql_integer(e->stream),
					    sql_integer((int64_t)range->first),
					    sql_integer((int64_t)range->last)),
				 NULL, NULL);
		if (rc >= 0 && e->counted) {
			rc = store_explain_range(s, e->stream, *range, cause, now_us);
		}
	}
	return store_end(s, rc);
}

/* Up to STORE_EXPIRE_ROWS readings of one stream, the dated ones first: how many were removed. */
static int expire_stream(struct store *s, const struct expiry *e, const char *cause, int64_t now_us)
{
	static const char *const old[] = {
		/* each by its index, which does not read what is kept */
		"time_us < ? ORDER BY time_us",
		"time_us IS NULL AND received_us < ?",
	};
	static _Thread_local struct chunk chunk;
	char sql[160];
	size_t rows;
	int rc = 0;

	chunk.n = 0;
	for (size_t i = 0; rc >= 0 && chunk.n == 0 && i < sizeof(old) / sizeof(old[0]); i++) {
		snprintf(sql, sizeof(sql),
			 "SELECT seq FROM readings WHERE stream = ? AND %s LIMIT ?", old[i]);
		rc = store_query(s, sql,
				 SQL_PARAMS(sql_integer(e->stream), sql_integer(e->cutoff_us),
					    sql_integer(STORE_EXPIRE_ROWS)),
				 on_row, &chunk);
	}
	if (rc < 0 || chunk.n == 0) {
		return rc < 0 ? rc : 0;
	}
	rows = chunk.n;
	chunk_sort(&chunk);
	rc = remove_chunk(s, e, &chunk, cause, now_us);
	return rc < 0 ? rc : (int)rows;
}

/* The first stream from what->stream on of which something may go; e->stream 0: none. */
static int next_stream(struct store *s, const struct store_expiry *what, int64_t now_us,
		       struct expiry *e)
{
	if (what->device != NULL) {
		return store_query(
			s,
			"SELECT id, ?, epoch FROM streams WHERE device = ? AND id >= ? ORDER BY id LIMIT 1",
			SQL_PARAMS(sql_integer(INT64_MAX), sql_text(what->device),
				   sql_integer(what->stream)),
			on_expiry, e);
	}
	return store_query(
		s,
		"SELECT id, ? - COALESCE(retention_days, ?) * ?, epoch FROM streams s LEFT JOIN devices d "
		"ON d.device = s.device WHERE id >= ? AND COALESCE(retention_days, ?) > 0 ORDER BY id LIMIT 1",
		SQL_PARAMS(sql_integer(now_us), sql_integer(what->days), sql_integer(DAY_US),
			   sql_integer(what->stream), sql_integer(what->days)),
		on_expiry, e);
}

/* A day after the oldest reading of the stream: what one run may remove at most. */
static int find_limit(struct store *s, int64_t stream, int64_t *limit_us)
{
	int64_t dated = INT64_MAX - DAY_US, undated = INT64_MAX - DAY_US;
	int rc = store_query(
		s, "SELECT MIN(time_us) FROM readings WHERE stream = ? AND time_us IS NOT NULL",
		SQL_PARAMS(sql_integer(stream)), sql_first_integer, &dated);

	rc = rc < 0 ? rc
		    : store_query(
			      s,
			      "SELECT MIN(received_us) FROM readings WHERE stream = ? AND time_us IS NULL",
			      SQL_PARAMS(sql_integer(stream)), sql_first_integer, &undated);
	*limit_us = (dated < undated ? dated : undated) + DAY_US;
	return rc;
}

static int count_old(struct store *s, const struct expiry *e)
{
	int64_t n = 0;
	int rc = store_query(
		s,
		"SELECT (SELECT COUNT(*) FROM readings WHERE stream = ? AND time_us < ?) + "
		"(SELECT COUNT(*) FROM readings WHERE stream = ? AND time_us IS NULL AND received_us < ?)",
		SQL_PARAMS(sql_integer(e->stream), sql_integer(e->cutoff_us),
			   sql_integer(e->stream), sql_integer(e->cutoff_us)),
		sql_first_integer, &n);

	return rc < 0 ? rc : n > INT32_MAX ? INT32_MAX : (int)n;
}

/* e->cutoff_us is brought down to what this run may remove. */
static int apply_limit(struct store *s, struct store_expiry *what, struct expiry *e)
{
	int rc = 0;

	if (what->device != NULL) {
		return 0;
	}
	if (what->stream != e->stream || what->limit_us == 0) {
		rc = find_limit(s, e->stream, &what->limit_us);
	}
	what->stream = e->stream;
	e->cutoff_us = e->cutoff_us < what->limit_us ? e->cutoff_us : what->limit_us;
	return rc;
}

int store_expire(struct store *s, struct store_expiry *what, int64_t now_us)
{
	const char *cause = what->device != NULL ? "removed by operator" : "retention";

	for (;;) {
		struct expiry e = { .stream = 0 };
		int rc = next_stream(s, what, now_us, &e);

		if (rc >= 0 && e.stream != 0) {
			rc = apply_limit(s, what, &e);
		}
		if (rc < 0) {
			return rc;
		}
		if (e.stream == 0) {
			what->done = true;
			return 0;
		}
		rc = what->count_only ? count_old(s, &e) : expire_stream(s, &e, cause, now_us);
		if (rc == 0 || what->count_only) {
			what->stream = e.stream + 1; /* no reading of it is that old any more */
			what->limit_us = 0;
		}
		if (rc != 0) {
			return rc;
		}
	}
}

int store_lease(struct store *s, const char *name, uint64_t owner, int64_t now_us, int64_t until_us)
{
	struct epoch_text text = { "" };
	char sql[160];
	int rc = store_query(
		s,
		"UPDATE leases SET owner = ?, until_us = ? WHERE name = ? AND (owner = ? OR until_us < ?)",
		SQL_PARAMS(sql_epoch(owner, &text), sql_integer(until_us), sql_text(name),
			   sql_epoch(owner, &text), sql_integer(now_us)),
		NULL, NULL);

	if (rc == 0) {
		snprintf(sql, sizeof(sql),
			 "INSERT INTO leases (name, owner, until_us) VALUES (?, ?, ?) %s",
			 s->backend->keep_lease);
		rc = store_query(
			s, sql,
			SQL_PARAMS(sql_text(name), sql_epoch(owner, &text), sql_integer(until_us)),
			NULL, NULL);
	}
	return rc;
}

int store_forget_device(struct store *s, const char *device)
{
	return store_query(s, "DELETE FROM devices WHERE device = ?", SQL_PARAMS(sql_text(device)),
			   NULL, NULL);
}

struct device_out {
	store_device_fn each;
	void *arg;
};

static int on_device(void *arg, const struct sql_value *v, size_t n)
{
	const struct device_out *out = arg;
	struct store_device d = { .retention_days = v[2].type == SQL_INTEGER ? v[2].integer : -1 };

	(void)n;
	if (v[0].type == SQL_TEXT) {
		memcpy(d.label, v[0].data,
		       v[0].size < sizeof(d.label) ? v[0].size : sizeof(d.label) - 1);
	}
	if (v[1].type == SQL_TEXT) {
		memcpy(d.settings, v[1].data,
		       v[1].size < sizeof(d.settings) ? v[1].size : sizeof(d.settings) - 1);
	}
	return out->each(out->arg, &d);
}

int store_get_device(struct store *s, const char *device, store_device_fn each, void *arg)
{
	struct device_out out = { each, arg };

	return store_query(s,
			   "SELECT label, settings, retention_days FROM devices WHERE device = ?",
			   SQL_PARAMS(sql_text(device)), on_device, &out);
}

int store_put_device(struct store *s, const char *device, const struct store_device *d,
		     int64_t now_us)
{
	const struct sql_value none = { .type = SQL_NULL };
	int rc = store_query(
		s,
		"REPLACE INTO devices (device, label, settings, retention_days, changed_us) "
		"VALUES (?, ?, ?, ?, ?)",
		SQL_PARAMS(sql_text(device), d->label[0] != '\0' ? sql_text(d->label) : none,
			   d->settings[0] != '\0' ? sql_text(d->settings) : none,
			   d->retention_days >= 0 ? sql_integer(d->retention_days) : none,
			   sql_integer(now_us)),
		NULL, NULL);

	return rc < 0 ? rc : 0;
}
