// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE	/* clock_gettime, nanosleep, open_memstream */
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store_backend.h"

#define STREAMS_PER_TRACK 64	/* newest first; each new outbox of a device is one */
#define COMMIT_TRIES 8		/* on conflicts with other writers */

int store_fail(struct store *s, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
	return code;
}

struct store *store_new(const struct store_config *config)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s != NULL) {
		s->config = *config;
		s->backend = config->kind == STORE_MARIADB ? &store_mariadb : &store_sqlite;
	}
	return s;
}

static void disconnect(struct store *s)
{
	if (s->db != NULL) {
		s->backend->close(s);
		s->db = NULL;
	}
}

void store_free(struct store *s)
{
	if (s != NULL) {
		disconnect(s);
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

/* --- SQL ----------------------------------------------------------------- */

static struct sql_value sql_integer(int64_t n)
{
	return (struct sql_value){ .type = SQL_INTEGER, .integer = n };
}

static struct sql_value sql_text(const char *s)
{
	return (struct sql_value){ .type = SQL_TEXT, .data = s, .size = strlen(s) };
}

/* An epoch is random bits: 16 hexadecimal digits in SQL, no sign and nothing to add up. */
struct epoch_text {
	char digits[17];
};

static struct sql_value sql_epoch(uint64_t epoch, struct epoch_text *text)
{
	snprintf(text->digits, sizeof(text->digits), "%016" PRIx64, epoch);
	return sql_text(text->digits);
}

static uint64_t epoch_of(const struct sql_value *v)
{
	char digits[17] = "";

	if (v->type == SQL_TEXT && v->size == 16) {
		memcpy(digits, v->data, 16);
	}
	return strtoull(digits, NULL, 16);
}

/* A lost connection is closed here, in one place: the next store_connect() makes a new one. */
static int after(struct store *s, int rc)
{
	if (rc == STORE_DOWN) {
		disconnect(s);
	}
	return rc;
}

#define PARAMS(...) (const struct sql_value[]){ __VA_ARGS__ }, \
	sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value)
#define NO_PARAMS NULL, 0

static int query(struct store *s, const char *sql, const struct sql_value *params, size_t n,
		 sql_row_fn each, void *arg)
{
	if (s->db == NULL) {
		return STORE_DOWN;
	}
	return after(s, s->backend->query(s, sql, params, n, each, arg));
}

static int first_integer(void *arg, const struct sql_value *v, size_t n)
{
	if (n > 0 && v[0].type == SQL_INTEGER) {
		*(int64_t *)arg = v[0].integer;
	}
	return 0;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- schema -------------------------------------------------------------- */

static int schema_version(struct store *s, size_t *version)
{
	int64_t found = 0;
	int rc = query(s, "SELECT COALESCE(MAX(version), 0) FROM schema_migrations", NO_PARAMS, first_integer, &found);

	*version = (size_t)found;
	if (rc >= 0 && *version > *s->backend->migrations_count) {
		return store_fail(s, STORE_UNUSABLE,
				  "the database has schema %zu, this server knows %zu: run the newer server",
				  *version, *s->backend->migrations_count);
	}
	return rc;
}

/* Statement by statement: each ends with ';' at the end of a line. */
static int run_migration(struct store *s, const struct migration *m)
{
	const char *at = m->sql;
	int rc = 0;

	while (rc >= 0 && at < m->end) {
		const char *stop = memmem(at, (size_t)(m->end - at), ";\n", 2);
		char *sql;

		if (stop == NULL) {
			break;
		}
		sql = strndup(at, (size_t)(stop - at));
		if (sql == NULL) {
			return store_fail(s, STORE_DOWN, "out of memory");
		}
		rc = query(s, sql, NO_PARAMS, NULL, NULL);
		free(sql);
		at = stop + 2;
	}
	return rc;
}

static int migrate_locked(struct store *s)
{
	size_t version;
	int rc = schema_version(s, &version);

	for (size_t i = version; rc >= 0 && i < *s->backend->migrations_count; i++) {
		const struct migration *m = &s->backend->migrations[i];

		rc = run_migration(s, m);
		if (rc >= 0) {
			rc = query(s, "INSERT INTO schema_migrations (version, name, applied_us) VALUES (?, ?, ?)",
				   PARAMS(sql_integer((int64_t)i + 1), sql_text(m->name), sql_integer(now_us())),
				   NULL, NULL);
		}
	}
	return rc;
}

static int migrate(struct store *s)
{
	size_t version = 0;
	int64_t locked = 1;
	int rc = query(s, "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, "
		       "name VARCHAR(64) NOT NULL, applied_us BIGINT NOT NULL)", NO_PARAMS, NULL, NULL);

	if (rc >= 0) {
		rc = schema_version(s, &version);
	}
	if (rc < 0 || version == *s->backend->migrations_count) {
		return rc;
	}
	rc = query(s, s->backend->lock, NO_PARAMS, first_integer, &locked);
	if (rc < 0) {
		return rc;
	}
	if (locked != 1) {
		return store_fail(s, STORE_DOWN, "another server is changing the schema");
	}
	rc = migrate_locked(s);
	if (rc >= 0) {
		return query(s, s->backend->unlock, NO_PARAMS, NULL, NULL);
	}
	if (s->db != NULL) {
		char why[sizeof(s->error)];

		memcpy(why, s->error, sizeof(why));
		query(s, s->backend->abandon, NO_PARAMS, NULL, NULL);
		store_fail(s, rc, "%s", why);
	}
	return rc;
}

int store_connect(struct store *s)
{
	int rc;

	if (s->db != NULL) {
		return 0;
	}
	rc = s->backend->open(s);
	if (rc >= 0) {
		rc = migrate(s);
	}
	if (rc < 0) {
		disconnect(s);
		/* A schema that cannot be made is no better than a wrong password. */
		return rc == STORE_REFUSED ? STORE_UNUSABLE : rc == STORE_BUSY ? STORE_DOWN : rc;
	}
	return 0;
}

/* --- streams ------------------------------------------------------------- */

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
	return query(s, "SELECT id, complete FROM streams WHERE device = ? AND epoch = ?",
		     PARAMS(sql_text(device), sql_epoch(epoch, &text)), take_stream, row);
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
	int rc = query(s, "SELECT seq, prev FROM (SELECT seq, LAG(seq) OVER (ORDER BY seq) AS prev FROM readings "
		       "WHERE stream = ? AND seq > ?) t WHERE prev IS NULL OR seq <> prev + 1 ORDER BY seq",
		       PARAMS(sql_integer(stream), sql_integer(complete)), take_island, &is);

	if (rc < 0 || is.first == 0) {
		return rc;
	}
	rc = query(s, "SELECT MAX(seq) FROM readings WHERE stream = ?", PARAMS(sql_integer(stream)),
		   first_integer, &last);
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
		rc = query(s, sql, PARAMS(sql_text(device), sql_epoch(epoch, &text), sql_integer(created_us)),
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
	rc = query(s, "SELECT first_seq, last_seq FROM holes WHERE stream = ? ORDER BY first_seq",
		   PARAMS(sql_integer(row.id)), add_hole, gaps);
	return rc < 0 ? rc : walk_islands(s, row.id, row.complete, add_range, gaps);
}

int store_checkpoint(struct store *s, uint64_t stream, uint64_t complete)
{
	int rc = query(s, "UPDATE streams SET complete = ? WHERE id = ? AND complete < ?",
		       PARAMS(sql_integer((int64_t)complete), sql_integer((int64_t)stream),
			      sql_integer((int64_t)complete)), NULL, NULL);

	return rc < 0 ? rc : 0;
}

/* --- readings in --------------------------------------------------------- */

struct reading_walk {
	struct store *store;
	store_reading_fn each;
	void *arg;
};

/* The columns of store_row_names, then device and epoch. */
static int take_reading(void *arg, const struct sql_value *v, size_t n)
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
	if (store_row_reading(v, device, epoch_of(&v[STORE_COLUMNS + 1]), &s->reading) < 0) {
		return store_fail(s, STORE_REFUSED, "the row of %s seq %" PRId64 " is no reading", device,
				  v[STORE_COLUMN_SEQ].integer);
	}
	return walk->each(walk->arg, &s->reading, v[STORE_COLUMN_RECEIVED].integer);
}

static int walk_readings(struct store *s, const char *tail, const struct sql_value *params, size_t n,
			 store_reading_fn each, void *arg)
{
	struct reading_walk walk = { .store = s, .each = each, .arg = arg };
	char sql[1536];

	snprintf(sql, sizeof(sql), "SELECT %s, device, epoch FROM %s", store_row_names, tail);
	return query(s, sql, params, n, take_reading, &walk);
}

static int compare_reading(void *arg, const struct reading *r, int64_t received_us)
{
	struct store_item *item = arg;

	(void)received_us;
	item->conflict = !reading_equal(r, item->reading);
	return 0;
}

int store_commit(struct store *s, struct store_item *items, size_t n)
{
	int fresh = STORE_BUSY, rc = 0;

	for (unsigned tried = 0; fresh == STORE_BUSY && tried < COMMIT_TRIES; tried++) {
		if (tried > 0) {
			nanosleep(&(struct timespec){ .tv_nsec = (1 + rand() % 4) * 1000000L << tried }, NULL);
		}
		fresh = s->db == NULL ? STORE_DOWN : after(s, s->backend->insert(s, items, n));
	}
	for (size_t i = 0; i < n; i++) {
		items[i].conflict = false;
	}
	/* Some were there before: the same readings sent again, or others under their keys. */
	for (size_t i = 0; fresh >= 0 && (size_t)fresh < n && rc >= 0 && i < n; i++) {
		rc = walk_readings(s, "readings JOIN streams ON id = stream WHERE stream = ? AND seq = ?",
				   PARAMS(sql_integer((int64_t)items[i].stream),
					  sql_integer((int64_t)items[i].reading->seq)),
				   compare_reading, &items[i]);
	}
	return fresh < 0 ? (fresh == STORE_BUSY ? STORE_DOWN : fresh) : rc < 0 ? rc : fresh;
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
	rc = query(s, s->backend->begin, NO_PARAMS, NULL, NULL);
	if (rc >= 0) {
		removed = rc = query(s, "DELETE FROM readings WHERE stream = ? AND seq = ?",
				     PARAMS(sql_integer(row.id), number), NULL, NULL);
	}
	if (removed > 0) {
		rc = query(s, sql, PARAMS(sql_integer(row.id), number, number, sql_integer(created_us)), NULL, NULL);
	}
	if (rc >= 0) {
		rc = query(s, "COMMIT", NO_PARAMS, NULL, NULL);
	}
	if (rc < 0) {
		query(s, "ROLLBACK", NO_PARAMS, NULL, NULL);
		return rc;
	}
	return removed;
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

static int take_newest(void *arg, const struct reading *r, int64_t received_us)
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

	snprintf(tail, sizeof(tail), "(SELECT id, device, epoch, (SELECT seq FROM readings WHERE stream = id "
		 "ORDER BY seq DESC LIMIT 1) AS top FROM streams %s) s JOIN readings ON stream = s.id AND seq = s.top "
		 "ORDER BY device, received_us", device != NULL ? "WHERE device = ?" : "");
	rc = walk_readings(s, tail, &name, device != NULL ? 1 : 0, take_newest, &newest);
	return rc >= 0 && newest.held ? each(arg, &newest.reading, newest.received_us) : rc < 0 ? rc : 0;
}

struct track_sql {
	FILE *sql;
	const struct store_track *track;
	unsigned streams;
};

/* Each stream walks its own index and stops at the limit; one sort of streams * limit rows is left. */
static int add_stream(void *arg, const struct sql_value *v, size_t n)
{
	struct track_sql *t = arg;
	const char *order = t->track->from_known ? "" : "DESC";

	(void)n;
	fprintf(t->sql, "%sSELECT * FROM (SELECT %s FROM readings WHERE stream = %" PRId64
		" AND time_us BETWEEN %" PRId64 " AND %" PRId64 " ORDER BY time_us %s, seq %s LIMIT %u) s%u",
		t->streams > 0 ? " UNION ALL " : "", store_row_names, v[0].integer,
		t->track->from_known ? t->track->from_us : INT64_MIN + 1, t->track->to_us, order, order,
		t->track->limit, t->streams);
	t->streams++;
	return 0;
}

int store_track(struct store *s, const struct store_track *track, store_reading_fn each, void *arg)
{
	struct reading_walk walk = { .store = s, .each = each, .arg = arg };
	struct track_sql t = { .track = track };
	const char *order = track->from_known ? "" : "DESC";
	char *sql = NULL;
	size_t size;
	int rc;

	t.sql = open_memstream(&sql, &size);
	if (t.sql == NULL) {
		return store_fail(s, STORE_DOWN, "out of memory");
	}
	fprintf(t.sql, "SELECT * FROM (SELECT u.*, device, epoch FROM (");
	rc = query(s, "SELECT id FROM streams WHERE device = ? ORDER BY id DESC LIMIT ?",
		   PARAMS(sql_text(track->device), sql_integer(STREAMS_PER_TRACK)), add_stream, &t);
	fprintf(t.sql, ") u JOIN streams ON id = stream ORDER BY time_us %s, stream %s, seq %s LIMIT %u) t "
		"ORDER BY time_us, stream, seq", order, order, order, track->limit);
	if (fclose(t.sql) != 0) {
		rc = store_fail(s, STORE_DOWN, "out of memory");
	} else if (rc >= 0 && t.streams > 0) {
		rc = query(s, sql, NO_PARAMS, take_reading, &walk);
	}
	free(sql);
	return rc;
}

int store_one(struct store *s, const char *device, uint64_t epoch, uint64_t seq, store_reading_fn each, void *arg)
{
	struct epoch_text text = { "" };

	return walk_readings(s, "readings JOIN streams ON id = stream WHERE device = ? AND epoch = ? AND seq = ?",
			     PARAMS(sql_text(device), sql_epoch(epoch, &text), sql_integer((int64_t)seq)), each, arg);
}

/* --- what is there ------------------------------------------------------- */

struct stream_list {
	struct stream_row row[STREAMS_PER_TRACK];
	uint64_t epoch[STREAMS_PER_TRACK];
	unsigned n;
};

static int list_stream(void *arg, const struct sql_value *v, size_t n)
{
	struct stream_list *list = arg;

	take_stream(&list->row[list->n], v, n);
	list->epoch[list->n++] = epoch_of(&v[2]);
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
	int rc = query(s, "SELECT id, complete, epoch FROM streams WHERE device = ? ORDER BY id LIMIT ?",
		       PARAMS(sql_text(device), sql_integer(STREAMS_PER_TRACK)), list_stream, &list);

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
			rc = query(s, "SELECT first_seq, last_seq, cause FROM holes WHERE stream = ? ORDER BY first_seq",
				   PARAMS(sql_integer(list.row[i].id)), explained_range, &walk);
		}
	}
	return rc < 0 ? rc : 0;
}
