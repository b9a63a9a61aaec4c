// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* open_memstream */
#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "store_schema.h"
#include "store_sql.h"

#define COMPARED_RUNS 64 /* in one query, each of so many numbers: a batch has some fewer */
#define COMPARED_SPAN 4096
#define STREAMS_PER_TRACK 64 /* in one query by stream; each new outbox of a device is one */

struct store *store_new(const struct store_config *config)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s != NULL) {
		s->config = *config;
		s->backend = config->kind == STORE_MARIADB ? &store_mariadb : &store_sqlite;
	}
	return s;
}

void store_free(struct store *s)
{
	if (s != NULL) {
		store_disconnect(s);
		free(s);
	}
}

bool store_connected(const struct store *s)
{
	return s->db != NULL;
}

const char *store_error(const struct store *s)
{
	return s->error;
}

int store_connect(struct store *s)
{
	int rc;

	if (s->db != NULL) {
		return 0;
	}
	rc = s->backend->open(s);
	if (rc >= 0) {
		rc = store_schema_update(s);
	}
	if (rc < 0) {
		store_disconnect(s);
		/* A schema that cannot be created is as fatal as a wrong password. */
		return rc == STORE_REFUSED ? STORE_UNUSABLE : rc == STORE_BUSY ? STORE_DOWN : rc;
	}
	return 0;
}

/* --- readings in --------------------------------------------------------- */

struct reading_walk {
	struct store *store;
	store_reading_fn each;
	void *arg;
};

/* The columns of store_row_names, then device and epoch. */
static int on_reading(void *arg, const struct sql_value *v, size_t n)
{
	struct reading_walk *walk = arg;
	struct store *s = walk->store;
	char device[READING_DEVICE_SIZE];
	size_t size = v[STORE_COLUMNS].size;

	(void)n;
	if (size >= sizeof(device)) {
		size = sizeof(device) - 1;
	}
	memcpy(device, v[STORE_COLUMNS].data, size);
	device[size] = '\0';
	if (store_row_reading(v, device, sql_epoch_of(&v[STORE_COLUMNS + 1]), &s->reading) < 0) {
		return store_fail(s, STORE_REFUSED, "the row of %s seq %" PRId64 " is no reading",
				  device, v[STORE_COLUMN_SEQ].integer);
	}
	return walk->each(walk->arg, &s->reading, v[STORE_COLUMN_RECEIVED].integer);
}

static int walk_readings(struct store *s, const char *tail, const struct sql_value *params,
			 size_t n, store_reading_fn each, void *arg)
{
	struct reading_walk walk = { .store = s, .each = each, .arg = arg };
	char sql[1536];

	snprintf(sql, sizeof(sql), "SELECT %s, device, epoch FROM %s", store_row_names, tail);
	return store_query(s, sql, params, n, on_reading, &walk);
}

struct comparison {
	struct store *store;
	struct store_item *items;
	size_t n;
};

/* A row that is no reading (damaged since) is other content. */
static int compare_row(void *arg, const struct sql_value *v, size_t n)
{
	const struct comparison *c = arg;
	struct reading *r = &c->store->reading;

	(void)n;
	for (size_t i = 0; i < c->n; i++) {
		struct store_item *item = &c->items[i];

		if ((int64_t)item->stream == v[STORE_COLUMN_STREAM].integer &&
		    (int64_t)item->reading->seq == v[STORE_COLUMN_SEQ].integer) {
			item->conflict = store_row_reading(v, item->reading->device,
							   item->reading->epoch, r) < 0 ||
					 !reading_is_same_sample(r, item->reading);
		}
	}
	return 0;
}

/* How many of them are of one stream, by seq and close together. */
static size_t run_length(const struct store_item *items, size_t n)
{
	size_t i = 1;

	while (i < n && items[i].stream == items->stream &&
	       items[i].reading->seq >= items[i - 1].reading->seq &&
	       items[i].reading->seq - items->reading->seq < COMPARED_SPAN) {
		i++;
	}
	return i;
}

/* Compares as many of them with their rows as one query can: how many, or negative. */
static int compare_some(struct store *s, struct store_item *items, size_t n)
{
	struct comparison c = { .store = s, .items = items };
	struct sql_value params[COMPARED_RUNS * 3];
	size_t k = 0, at;
	char sql[1024 + COMPARED_RUNS * 48];
	int rc;

	at = (size_t)snprintf(sql, sizeof(sql), "SELECT %s FROM readings %s WHERE ",
			      store_row_names, s->backend->by_key);
	while (c.n < n && k + 3 <= COMPARED_RUNS * 3) {
		const struct store_item *first = &items[c.n];

		c.n += run_length(first, n - c.n);
		at += (size_t)snprintf(sql + at, sizeof(sql) - at,
				       "%s(stream = ? AND seq BETWEEN ? AND ?)",
				       k == 0 ? "" : " OR ");
		params[k++] = sql_integer((int64_t)first->stream);
		params[k++] = sql_integer((int64_t)first->reading->seq);
		params[k++] = sql_integer((int64_t)items[c.n - 1].reading->seq);
	}
	rc = store_query(s, sql, params, k, compare_row, &c);
	return rc < 0 ? rc : (int)c.n;
}

int store_commit(struct store *s, struct store_item *items, size_t n)
{
	int fresh = s->db == NULL ? STORE_DOWN : store_after(s, s->backend->insert(s, items, n));

	for (size_t i = 0; i < n; i++) {
		items[i].conflict = false;
	}
	/* Some were there before: the same readings sent again, or others under their keys. */
	for (size_t i = 0; fresh >= 0 && (size_t)fresh < n && i < n;) {
		int rc = compare_some(s, items + i, n - i);

		if (rc < 0) {
			return rc;
		}
		i += (size_t)rc;
	}
	return fresh;
}

/* --- readings out -------------------------------------------------------- */

/* Rows come by device, then by when they were received: the last of each device is its newest. */
struct newest {
	struct reading reading;
	int64_t received_us;
	bool held;
	store_reading_fn each;
	void *arg;
};

static int on_newest(void *arg, const struct reading *r, int64_t received_us)
{
	struct newest *newest = arg;
	int rc = 0;

	if (newest->held && strcmp(newest->reading.device, r->device) != 0) {
		rc = newest->each(newest->arg, &newest->reading, newest->received_us);
	}
	newest->reading = *r;
	newest->received_us = received_us;
	newest->held = true;
	return rc;
}

int store_newest(struct store *s, const char *device, store_reading_fn each, void *arg)
{
	struct newest newest = { .each = each, .arg = arg };
	char tail[512];
	const struct sql_value name = sql_text(device != NULL ? device : "");
	int rc;

	snprintf(
		tail, sizeof(tail),
		"(SELECT id, device, epoch, (SELECT seq FROM readings %s WHERE stream = id "
		"ORDER BY seq DESC LIMIT 1) AS top FROM streams %s) s JOIN readings ON stream = s.id AND seq = s.top "
		"ORDER BY device, received_us",
		s->backend->by_key, device != NULL ? "WHERE device = ?" : "");
	rc = walk_readings(s, tail, &name, device != NULL ? 1 : 0, on_newest, &newest);
	return rc >= 0 && newest.held ? each(arg, &newest.reading, newest.received_us)
	       : rc < 0		      ? rc
				      : 0;
}

static int mix_stream(void *arg, const struct sql_value *v, size_t n)
{
	uint64_t *hash = arg;

	for (size_t i = 0; i < n; i++) {
		int64_t number = v[i].type == SQL_INTEGER ? v[i].integer : 0;

		*hash = hash_bytes(*hash, &number, sizeof(number));
	}
	return 0;
}

int store_mark(struct store *s, const char *device, uint64_t *mark)
{
	const struct sql_value name = sql_text(device != NULL ? device : "");
	uint64_t hash = HASH_START;
	char sql[512];
	int rc;

	snprintf(
		sql, sizeof(sql),
		"SELECT id, (SELECT seq FROM readings %s WHERE stream = id ORDER BY seq DESC LIMIT 1), "
		"(SELECT CAST(SUM(last_seq - first_seq + 1) AS SIGNED) FROM holes WHERE stream = id) "
		"FROM streams %s ORDER BY id",
		s->backend->by_key, device != NULL ? "WHERE device = ?" : "");
	rc = store_query(s, sql, &name, device != NULL ? 1 : 0, mix_stream, &hash);
	*mark = hash != 0 ? hash : 1;
	return rc < 0 ? rc : 0;
}

struct streams_of {
	int64_t id[STREAMS_PER_TRACK];
	unsigned count; /* STREAMS_PER_TRACK + 1: more */
};

static int on_stream(void *arg, const struct sql_value *v, size_t n)
{
	struct streams_of *streams = arg;

	(void)n;
	if (streams->count < STREAMS_PER_TRACK) {
		streams->id[streams->count] = v[0].integer;
	}
	streams->count++;
	return 0;
}

/* Each stream walks its own index and stops at the limit; what is left to sort is streams * limit
 * rows. */
static void write_track(FILE *sql, const struct store_track *track,
			const struct streams_of *streams)
{
	const char *order = track->from_known ? "" : "DESC";
	const int64_t from_us = track->from_known ? track->from_us : INT64_MIN + 1;

	if (streams->count == 1 && track->from_known) { /* as a rule: the index is in order, nothing
							   to sort */
		fprintf(sql,
			"SELECT %s, device, epoch FROM readings JOIN streams ON id = stream WHERE stream = %" PRId64
			" AND time_us BETWEEN %" PRId64 " AND %" PRId64
			" ORDER BY time_us, seq LIMIT %u",
			store_row_names, streams->id[0], from_us, track->to_us, track->limit);
		return;
	}
	if (streams->count > STREAMS_PER_TRACK) { /* slower: sorts all rows in between */
		fprintf(sql,
			"SELECT * FROM (SELECT %s, device, epoch FROM streams JOIN readings ON id = stream WHERE device = ? "
			"AND time_us BETWEEN %" PRId64 " AND %" PRId64
			" ORDER BY time_us %s, stream %s, seq %s LIMIT %u) t "
			"ORDER BY time_us, stream, seq",
			store_row_names, from_us, track->to_us, order, order, order, track->limit);
		return;
	}
	fprintf(sql, "SELECT * FROM (SELECT u.*, device, epoch FROM (");
	for (unsigned i = 0; i < streams->count; i++) {
		fprintf(sql,
			"%sSELECT * FROM (SELECT %s FROM readings WHERE stream = %" PRId64
			" AND time_us BETWEEN %" PRId64 " AND %" PRId64
			" ORDER BY time_us %s, seq %s LIMIT %u) s%u",
			i > 0 ? " UNION ALL " : "", store_row_names, streams->id[i], from_us,
			track->to_us, order, order, track->limit, i);
	}
	fprintf(sql,
		") u JOIN streams ON id = stream ORDER BY time_us %s, stream %s, seq %s LIMIT %u) t "
		"ORDER BY time_us, stream, seq",
		order, order, order, track->limit);
}

int store_track(struct store *s, const struct store_track *track, store_reading_fn each, void *arg)
{
	struct reading_walk walk = { .store = s, .each = each, .arg = arg };
	struct streams_of streams = { .count = 0 };
	const struct sql_value device = sql_text(track->device);
	char *sql = NULL;
	size_t size;
	FILE *out;
	int rc =
		store_query(s, "SELECT id FROM streams WHERE device = ? ORDER BY id DESC LIMIT ?",
			    SQL_PARAMS(sql_text(track->device), sql_integer(STREAMS_PER_TRACK + 1)),
			    on_stream, &streams);

	if (rc < 0 || streams.count == 0) {
		return rc;
	}
	out = open_memstream(&sql, &size);
	if (out == NULL) {
		return store_fail(s, STORE_DOWN, "out of memory");
	}
	write_track(out, track, &streams);
	if (fclose(out) != 0) {
		rc = store_fail(s, STORE_DOWN, "out of memory");
	} else {
		rc = store_query(s, sql, &device, streams.count > STREAMS_PER_TRACK, on_reading,
				 &walk);
	}
	free(sql);
	return rc;
}

int store_one(struct store *s, const char *device, uint64_t epoch, uint64_t seq,
	      store_reading_fn each, void *arg)
{
	struct epoch_text text = { "" };

	return walk_readings(
		s,
		"readings JOIN streams ON id = stream WHERE device = ? AND epoch = ? AND seq = ?",
		SQL_PARAMS(sql_text(device), sql_epoch(epoch, &text), sql_integer((int64_t)seq)),
		each, arg);
}
