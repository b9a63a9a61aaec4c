// SPDX-License-Identifier: BSD-2-Clause
/* store_expire: the part of store.h about readings that are too old to be kept, or of a device that is forgotten. */
#include "store.h"

#include <string.h>

#include "store_sql.h"

struct expiry {
	int64_t stream, cutoff_us;	/* stream 0: none */
	bool counted;		/* its numbers are counted: not the older program's */
};

/* Numbers of a chunk that go, in ascending order, as ranges without a gap. */
struct chunk {
	int64_t cutoff_us;
	uint64_t last;		/* seen */
	size_t rows, n;
	struct store_hole holes[STORE_EXPIRE_ROWS];
};

static int take_expiry(void *arg, const struct sql_value *v, size_t n)
{
	(void)n;
	*(struct expiry *)arg = (struct expiry){
		.stream = v[0].integer, .cutoff_us = v[1].integer, .counted = sql_epoch_of(&v[2]) != READING_EPOCH_LEGACY,
	};
	return 0;
}

static int take_row(void *arg, const struct sql_value *v, size_t n)
{
	struct chunk *chunk = arg;
	uint64_t seq = (uint64_t)v[0].integer;

	(void)n;
	chunk->last = seq;
	if (v[1].integer >= chunk->cutoff_us) {
		return 0;
	}
	chunk->rows++;
	if (chunk->n > 0 && chunk->holes[chunk->n - 1].range.last + 1 == seq) {
		chunk->holes[chunk->n - 1].range.last = seq;
	} else {
		chunk->holes[chunk->n++].range = (struct gaps_range){ seq, seq };
	}
	return 0;
}

static int remove_chunk(struct store *s, const struct expiry *e, struct chunk *chunk, const char *cause, int64_t now_us)
{
	int rc = store_begin(s, e->stream);

	for (size_t i = 0; rc >= 0 && i < chunk->n; i++) {
		const struct gaps_range *range = &chunk->holes[i].range;

		rc = store_query(s, "DELETE FROM readings WHERE stream = ? AND seq BETWEEN ? AND ?",
				 SQL_PARAMS(sql_integer(e->stream), sql_integer((int64_t)range->first),
					    sql_integer((int64_t)range->last)), NULL, NULL);
		if (rc >= 0 && e->counted) {
			rc = store_explain_range(s, e->stream, *range, cause, now_us);
		}
	}
	return store_end(s, rc);
}

/* Up to STORE_EXPIRE_ROWS readings of one stream from *after on. How many were removed; *after moves on. */
static int expire_stream(struct store *s, const struct expiry *e, uint64_t *after, const char *cause, int64_t now_us)
{
	static _Thread_local struct chunk chunk;
	int rc;

	chunk.cutoff_us = e->cutoff_us;
	chunk.rows = chunk.n = 0;
	chunk.last = 0;
	rc = store_query(s, "SELECT seq, COALESCE(time_us, received_us) FROM readings WHERE stream = ? AND seq > ? "
			 "ORDER BY seq LIMIT ?", SQL_PARAMS(sql_integer(e->stream), sql_integer((int64_t)*after),
			 sql_integer(STORE_EXPIRE_ROWS)), take_row, &chunk);
	*after = chunk.last;
	if (rc < 0 || chunk.rows == 0) {
		return rc < 0 ? rc : 0;
	}
	rc = remove_chunk(s, e, &chunk, cause, now_us);
	return rc < 0 ? rc : (int)chunk.rows;
}

/* The first stream from what->stream on of which something may go; e->stream 0: none. */
static int next_stream(struct store *s, const struct store_expiry *what, int64_t now_us, struct expiry *e)
{
	const int64_t day_us = INT64_C(86400000000);

	if (what->device != NULL) {
		return store_query(s, "SELECT id, ?, epoch FROM streams WHERE device = ? AND id >= ? ORDER BY id LIMIT 1",
				   SQL_PARAMS(sql_integer(INT64_MAX), sql_text(what->device), sql_integer(what->stream)),
				   take_expiry, e);
	}
	return store_query(s, "SELECT id, ? - COALESCE(retention_days, ?) * ?, epoch FROM streams s LEFT JOIN devices d "
			   "ON d.device = s.device WHERE id >= ? AND COALESCE(retention_days, ?) > 0 ORDER BY id LIMIT 1",
			   SQL_PARAMS(sql_integer(now_us), sql_integer(what->days), sql_integer(day_us),
				      sql_integer(what->stream), sql_integer(what->days)), take_expiry, e);
}

int store_expire(struct store *s, struct store_expiry *what, int64_t now_us)
{
	const char *cause = what->device != NULL ? "removed by operator" : "retention";

	for (;;) {
		struct expiry e = { .stream = 0 };
		int rc = next_stream(s, what, now_us, &e);

		if (rc < 0) {
			return rc;
		}
		if (e.stream == 0) {
			what->done = true;
			return 0;
		}
		if (e.stream != what->stream) {
			what->stream = e.stream;
			what->after = 0;
		}
		rc = expire_stream(s, &e, &what->after, cause, now_us);
		if (rc != 0) {
			return rc;
		}
		what->stream = e.stream + 1;	/* nothing of it is that old any more */
		what->after = 0;
	}
}

int store_forget_device(struct store *s, const char *device)
{
	return store_query(s, "DELETE FROM devices WHERE device = ?", SQL_PARAMS(sql_text(device)), NULL, NULL);
}

struct device_out {
	store_device_fn each;
	void *arg;
};

static int take_device(void *arg, const struct sql_value *v, size_t n)
{
	const struct device_out *out = arg;
	struct store_device d = { .retention_days = v[2].type == SQL_INTEGER ? v[2].integer : -1 };

	(void)n;
	if (v[0].type == SQL_TEXT) {
		memcpy(d.label, v[0].data, v[0].size < sizeof(d.label) ? v[0].size : sizeof(d.label) - 1);
	}
	if (v[1].type == SQL_TEXT) {
		memcpy(d.settings, v[1].data, v[1].size < sizeof(d.settings) ? v[1].size : sizeof(d.settings) - 1);
	}
	return out->each(out->arg, &d);
}

int store_get_device(struct store *s, const char *device, store_device_fn each, void *arg)
{
	struct device_out out = { each, arg };

	return store_query(s, "SELECT label, settings, retention_days FROM devices WHERE device = ?",
			   SQL_PARAMS(sql_text(device)), take_device, &out);
}

int store_put_device(struct store *s, const char *device, const struct store_device *d, int64_t now_us)
{
	const struct sql_value none = { .type = SQL_NULL };
	int rc = store_query(s, "REPLACE INTO devices (device, label, settings, retention_days, changed_us) "
			     "VALUES (?, ?, ?, ?, ?)",
			     SQL_PARAMS(sql_text(device), d->label[0] != '\0' ? sql_text(d->label) : none,
					d->settings[0] != '\0' ? sql_text(d->settings) : none,
					d->retention_days >= 0 ? sql_integer(d->retention_days) : none,
					sql_integer(now_us)), NULL, NULL);

	return rc < 0 ? rc : 0;
}
