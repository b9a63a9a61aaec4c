// SPDX-License-Identifier: BSD-2-Clause
/* One suite, run on both backends: SQLite in a file, MariaDB in a private server. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "server/store.h"
#include "server/store_backend.h"
#include "unit/private_mariadbd.h"

#define T0 INT64_C(1700000000000000)

static struct private_mariadbd mariadbd;
static char dir[64];

struct bed {
	struct store_config config;
	char path[128];		/* or hosts */
	char file[128];
	struct store *store;
};

static struct bed bed;

static void need_mariadb(void)
{
	if (bed.config.kind == STORE_MARIADB && mariadbd.pid == 0) {
		print_message("skipped: %s\n", mariadbd.why);
		skip();
	}
}

static int open_sqlite(void **state)
{
	static unsigned number;

	memset(&bed, 0, sizeof(bed));
	snprintf(bed.path, sizeof(bed.path), "%s/%u.db", dir, number++);
	bed.config = (struct store_config){ .kind = STORE_SQLITE, .path = bed.path };
	bed.store = store_new(&bed.config);
	*state = &bed;
	return store_connect(bed.store);
}

static int open_mariadb(void **state)
{
	memset(&bed, 0, sizeof(bed));
	bed.config = (struct store_config){
		.kind = STORE_MARIADB, .socket = mariadbd.socket, .user = "root", .database = "geotherm",
	};
	bed.store = store_new(&bed.config);
	*state = &bed;
	if (mariadbd.pid == 0) {
		return 0;	/* each test says that it is skipped */
	}
	if (!private_mariadbd_sql(&mariadbd, "DROP DATABASE IF EXISTS geotherm") ||
	    !private_mariadbd_sql(&mariadbd, "CREATE DATABASE geotherm")) {
		return -1;
	}
	return store_connect(bed.store);
}

static int close_bed(void **state)
{
	(void)state;
	store_free(bed.store);
	return 0;
}

static uint64_t stream_of(const char *device, uint64_t epoch, struct gaps *gaps)
{
	struct gaps mine;
	uint64_t stream = 0;

	assert_int_equal(store_stream(bed.store, device, epoch, T0, &stream, gaps != NULL ? gaps : &mine), 0);
	return stream;
}

static void make(struct reading *r, const char *device, uint64_t epoch, uint64_t seq)
{
	reading_init(r);
	strcpy(r->device, device);
	r->epoch = epoch;
	r->seq = seq;
	r->time_source = READING_TIME_GNSS;
	r->utc_us = T0 + (int64_t)seq * 1000000;
	r->time_acc_ns = 25;
	r->n_temperatures = 1;
	r->temperatures[0] = (struct reading_temperature){
		.rom = { 0x28, 1, 2, 3, 4, 5, 6, 7 }, .temp_known = true, .temp_mc = 21500 + (int32_t)(seq % 100),
		.raw = 344, .resolution_bits = 12,
	};
}

/* Stores first..last of one stream; how many were new. */
static int put(const char *device, uint64_t epoch, uint64_t first, uint64_t last)
{
	uint64_t stream = stream_of(device, epoch, NULL);
	size_t n = (size_t)(last - first + 1);
	struct reading *r = calloc(n, sizeof(*r));
	struct store_item *items = calloc(n, sizeof(*items));
	int fresh;

	for (size_t i = 0; i < n; i++) {
		make(&r[i], device, epoch, first + i);
		items[i] = (struct store_item){ .stream = stream, .reading = &r[i], .received_us = T0 + (int64_t)i };
	}
	fresh = store_commit(bed.store, items, n);
	for (size_t i = 0; i < n; i++) {
		assert_false(items[i].conflict);
	}
	free(items);
	free(r);
	return fresh;
}

struct seen {
	struct reading reading[32];
	unsigned n;
};

static int see(void *arg, const struct reading *r, int64_t received_us)
{
	struct seen *seen = arg;

	assert_true(received_us >= T0);
	assert_true(seen->n < 32);
	seen->reading[seen->n++] = *r;
	return 0;
}

/* --- the suite ------------------------------------------------------------ */

static void fill(struct reading *r, int64_t (*value)(const struct reading_scalar_info *info))
{
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		assert_int_equal(reading_scalar_put(r, i, value(&reading_scalars[i])), 0);
	}
}

static int64_t smallest(const struct reading_scalar_info *info)
{
	return !info->is_signed ? 0 : -(INT64_C(1) << (8 * info->size - 1));
}

static int64_t largest(const struct reading_scalar_info *info)
{
	return info->size == 8 ? -1 : (INT64_C(1) << (8 * info->size - info->is_signed)) - 1;
}

static void a_reading_comes_back_exactly_as_it_was_stored(void **state)
{
	struct reading r[4];
	struct store_item item[4];
	uint64_t stream;

	(void)state;
	need_mariadb();
	stream = stream_of("urn:dev:mac:0000000000000001", UINT64_MAX, NULL);
	for (unsigned i = 0; i < 4; i++) {
		make(&r[i], "urn:dev:mac:0000000000000001", UINT64_MAX, i + 1);
		item[i] = (struct store_item){ .stream = stream, .reading = &r[i], .received_us = T0 };
	}
	r[0].n_temperatures = 0;	/* knows nothing but its key */
	r[0].time_source = READING_TIME_NONE;
	r[0].time_acc_ns = UINT64_MAX;
	fill(&r[1], smallest);
	r[1].utc_us = -1;
	fill(&r[2], largest);
	r[2].seq = INT64_MAX;
	r[2].boot_ns = 1;
	strcpy(r[2].host, "it's \\ \"quoted\" ? %s; -- x'");
	strcpy(r[2].version, "0.1\xc2\xb5");
	strcpy(r[2].note, "\xf0\x9f\x8c\xa1 \x01\x7f 'DROP TABLE readings;\n");
	r[2].n_temperatures = READING_TEMPERATURES_MAX;
	for (unsigned i = 0; i < READING_TEMPERATURES_MAX; i++) {
		struct reading_temperature *t = &r[2].temperatures[i];

		memset(t->rom, (int)i, sizeof(t->rom));
		t->scratchpad_known = i % 2;
		if (t->scratchpad_known) {
			memset(t->scratchpad, 255 - (int)i, sizeof(t->scratchpad));
		}
		t->temp_known = i % 3 != 0;
		t->temp_mc = t->temp_known ? -55000 + (int32_t)i : 0;
		t->raw = t->temp_known ? -880 : 0;
		t->resolution_bits = 9 + i % 4;
		t->retries = 255;
		t->quality = (uint8_t)(i % 8);
	}
	r[3].temperatures[0].temp_known = false;
	assert_int_equal(store_commit(bed.store, item, 4), 4);
	for (unsigned i = 0; i < 4; i++) {
		struct seen *seen = calloc(1, sizeof(*seen));

		assert_int_equal(store_one(bed.store, r[i].device, r[i].epoch, r[i].seq, see, seen), 0);
		assert_int_equal(seen->n, 1);
		assert_true(reading_equal(&seen->reading[0], &r[i]));
		free(seen);
	}
}

static void a_reading_sent_again_is_stored_once(void **state)
{
	(void)state;
	need_mariadb();
	assert_int_equal(put("urn:dev:a", 1, 1, 100), 100);
	assert_int_equal(put("urn:dev:a", 1, 1, 100), 0);
	assert_int_equal(put("urn:dev:a", 1, 51, 150), 50);
	assert_int_equal(put("urn:dev:a", 2, 1, 100), 100);
	assert_int_equal(put("urn:dev:b", 1, 1, 100), 100);
}

static void other_content_under_a_taken_key_is_kept_out_and_told(void **state)
{
	struct reading r[3];
	struct store_item item[3];
	struct seen *seen = calloc(1, sizeof(*seen));
	uint64_t stream;

	(void)state;
	need_mariadb();
	put("urn:dev:a", 1, 1, 2);
	stream = stream_of("urn:dev:a", 1, NULL);
	for (unsigned i = 0; i < 3; i++) {
		make(&r[i], "urn:dev:a", 1, i + 1);
		item[i] = (struct store_item){ .stream = stream, .reading = &r[i], .received_us = T0 };
	}
	r[1].temperatures[0].scratchpad[3] = 7;
	r[1].temperatures[0].scratchpad_known = true;
	assert_int_equal(store_commit(bed.store, item, 3), 1);
	assert_false(item[0].conflict);
	assert_true(item[1].conflict);
	assert_false(item[2].conflict);
	assert_int_equal(store_one(bed.store, "urn:dev:a", 1, 2, see, seen), 0);
	assert_false(seen->reading[0].temperatures[0].scratchpad_known);
	free(seen);
}

static void the_same_key_twice_in_a_batch_is_stored_once(void **state)
{
	struct reading r[2];
	struct store_item item[2];

	(void)state;
	need_mariadb();
	for (unsigned i = 0; i < 2; i++) {
		make(&r[i], "urn:dev:a", 1, 5);
		item[i] = (struct store_item){ .stream = stream_of("urn:dev:a", 1, NULL), .reading = &r[i],
					       .received_us = T0 };
	}
	assert_int_equal(store_commit(bed.store, item, 2), 1);
	assert_false(item[0].conflict || item[1].conflict);
}

static void a_stream_is_found_again_with_all_it_has(void **state)
{
	struct gaps gaps;
	uint64_t stream;

	(void)state;
	need_mariadb();
	stream = stream_of("urn:dev:a", 7, &gaps);
	assert_int_equal(gaps.complete, 0);
	assert_int_equal(gaps.n, 0);
	put("urn:dev:a", 7, 1, 10);
	put("urn:dev:a", 7, 12, 12);
	put("urn:dev:a", 7, 20, 30);
	put("urn:dev:a", 8, 2, 3);
	for (unsigned checkpointed = 0; checkpointed < 2; checkpointed++) {
		assert_int_equal(stream_of("urn:dev:a", 7, &gaps), stream);
		assert_int_equal(gaps.complete, 10);
		assert_int_equal(gaps.n, 2);
		assert_int_equal(gaps.above[0].first, 12);
		assert_int_equal(gaps.above[0].last, 12);
		assert_int_equal(gaps.above[1].first, 20);
		assert_int_equal(gaps.above[1].last, 30);
		assert_int_equal(store_checkpoint(bed.store, stream, 9), 0);
	}
	assert_int_not_equal(stream_of("urn:dev:a", 8, &gaps), stream);
	assert_int_equal(gaps.complete, 0);
	assert_int_equal(gaps.above[0].first, 2);
	assert_int_equal(gaps.above[0].last, 3);
}

static void newest_is_the_last_of_the_stream_heard_of_last(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct reading r;
	struct store_item item = { .reading = &r, .received_us = T0 + 1000000 };

	(void)state;
	need_mariadb();
	assert_int_equal(store_newest(bed.store, NULL, see, seen), 0);
	assert_int_equal(seen->n, 0);
	put("urn:dev:b", 9, 1, 4);
	put("urn:dev:a", 1, 1, 40);
	put("urn:dev:a", 2, 1, 3);
	make(&r, "urn:dev:a", 2, 4);
	item.stream = stream_of("urn:dev:a", 2, NULL);
	assert_int_equal(store_commit(bed.store, &item, 1), 1);
	stream_of("urn:dev:c", 1, NULL);	/* a stream without a reading is no device yet */
	assert_int_equal(store_newest(bed.store, NULL, see, seen), 0);
	assert_int_equal(seen->n, 2);
	assert_string_equal(seen->reading[0].device, "urn:dev:a");
	assert_int_equal(seen->reading[0].epoch, 2);
	assert_int_equal(seen->reading[0].seq, 4);
	assert_string_equal(seen->reading[1].device, "urn:dev:b");
	assert_int_equal(seen->reading[1].seq, 4);
	seen->n = 0;
	assert_int_equal(store_newest(bed.store, "urn:dev:b", see, seen), 0);
	assert_int_equal(seen->n, 1);
	assert_string_equal(seen->reading[0].device, "urn:dev:b");
	free(seen);
}

static void expect_track(struct seen *seen, const struct store_track *track, unsigned n, uint64_t first,
			 uint64_t last)
{
	seen->n = 0;
	assert_int_equal(store_track(bed.store, track, see, seen), 0);
	assert_int_equal(seen->n, n);
	if (n > 0) {
		assert_int_equal(seen->reading[0].seq, first);
		assert_int_equal(seen->reading[n - 1].seq, last);
	}
	for (unsigned i = 1; i < n; i++) {
		assert_true(seen->reading[i].utc_us >= seen->reading[i - 1].utc_us);
	}
}

static void a_track_runs_in_time_over_all_epochs(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct store_track track = { .device = "urn:dev:a", .to_us = INT64_MAX, .limit = 30 };
	struct reading r;
	struct store_item item = { .reading = &r, .received_us = T0 };

	(void)state;
	need_mariadb();
	expect_track(seen, &track, 0, 0, 0);
	put("urn:dev:a", 1, 1, 10);
	put("urn:dev:a", 2, 6, 15);	/* the times overlap those of epoch 1 */
	put("urn:dev:b", 1, 1, 10);
	make(&r, "urn:dev:a", 1, 11);
	r.time_source = READING_TIME_NONE;
	item.stream = stream_of("urn:dev:a", 1, NULL);
	assert_int_equal(store_commit(bed.store, &item, 1), 1);
	expect_track(seen, &track, 20, 1, 15);
	track.limit = 4;
	expect_track(seen, &track, 4, 12, 15);
	track.to_us = T0 + 10 * 1000000;
	expect_track(seen, &track, 4, 9, 10);
	assert_int_equal(seen->reading[2].epoch, 1);
	assert_int_equal(seen->reading[3].epoch, 2);
	track.from_known = true;
	track.from_us = T0 + 2 * 1000000;
	expect_track(seen, &track, 4, 2, 5);
	track.limit = 30;
	expect_track(seen, &track, 14, 2, 10);
	free(seen);
}

struct ranges {
	struct gaps_range range[8];
	uint64_t epoch[8];
	char cause[8][32];
	unsigned n;
};

static int see_range(void *arg, uint64_t epoch, struct gaps_range range, const char *cause)
{
	struct ranges *ranges = arg;

	assert_true(ranges->n < 8);
	ranges->epoch[ranges->n] = epoch;
	ranges->range[ranges->n] = range;
	strcpy(ranges->cause[ranges->n++], cause != NULL ? cause : "");
	return 0;
}

static void a_removed_reading_leaves_an_explained_hole(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct ranges ranges = { .n = 0 };
	struct gaps gaps;

	(void)state;
	need_mariadb();
	put("urn:dev:a", 3, 1, 5);
	put("urn:dev:a", 3, 7, 8);
	assert_int_equal(store_remove(bed.store, "urn:dev:a", 3, 4, T0), 1);
	assert_int_equal(store_remove(bed.store, "urn:dev:a", 3, 4, T0), 0);
	assert_int_equal(store_remove(bed.store, "urn:dev:a", 4, 4, T0), 0);
	assert_int_equal(store_one(bed.store, "urn:dev:a", 3, 4, see, seen), 0);
	assert_int_equal(seen->n, 0);
	stream_of("urn:dev:a", 3, &gaps);
	assert_int_equal(gaps.complete, 5);
	assert_int_equal(store_ranges(bed.store, "urn:dev:a", see_range, &ranges), 0);
	assert_int_equal(ranges.n, 4);
	assert_int_equal(ranges.epoch[0], 3);
	assert_int_equal(ranges.range[0].first, 1);
	assert_int_equal(ranges.range[0].last, 3);
	assert_int_equal(ranges.range[1].first, 5);
	assert_int_equal(ranges.range[1].last, 5);
	assert_int_equal(ranges.range[2].first, 7);
	assert_int_equal(ranges.range[2].last, 8);
	assert_string_equal(ranges.cause[2], "");
	assert_int_equal(ranges.range[3].first, 4);
	assert_int_equal(ranges.range[3].last, 4);
	assert_string_equal(ranges.cause[3], "removed by operator");
	free(seen);
}

static void a_large_batch_of_large_readings_is_one_commit(void **state)
{
	enum { N = 600 };	/* 2.5 MB of text on MariaDB, whose packet limit here is 1 MB */
	struct reading *r = calloc(N, sizeof(*r));
	struct store_item *items = calloc(N, sizeof(*items));
	uint64_t stream;
	struct gaps gaps;

	(void)state;
	need_mariadb();
	stream = stream_of("urn:dev:a", 1, NULL);
	for (unsigned i = 0; i < N; i++) {
		make(&r[i], "urn:dev:a", 1, i + 1);
		r[i].n_temperatures = READING_TEMPERATURES_MAX;
		items[i] = (struct store_item){ .stream = stream, .reading = &r[i], .received_us = T0 };
	}
	assert_int_equal(store_commit(bed.store, items, N), N);
	stream_of("urn:dev:a", 1, &gaps);
	assert_int_equal(gaps.complete, N);
	free(items);
	free(r);
}

static int see_row(void *arg, const struct sql_value *v, size_t n)
{
	char *line = arg;

	for (size_t i = 0; i < n; i++) {
		if (v[i].type == SQL_INTEGER) {
			line += sprintf(line, "%" PRId64 "|", v[i].integer);
		} else {
			line += sprintf(line, "%.*s|", v[i].type == SQL_NULL ? 4 : (int)v[i].size,
					v[i].type == SQL_NULL ? "NULL" : (const char *)v[i].data);
		}
	}
	return 0;
}

static void plain_sql_shows_temperature_position_time_and_sequence(void **state)
{
	char line[512] = "";
	struct reading r;
	struct store_item item = { .reading = &r, .received_us = T0 };

	(void)state;
	need_mariadb();
	make(&r, "urn:dev:a", 0x1f, 5);
	reading_scalar_put(&r, READING_LAT, 525163400);
	reading_scalar_put(&r, READING_LON, -134049999);
	r.temperatures[0].temp_mc = -10063;
	item.stream = stream_of("urn:dev:a", 0x1f, NULL);
	assert_int_equal(store_commit(bed.store, &item, 1), 1);
	/* Numbers as text on both, so that one line is expected of both. */
	assert_true(bed.store->backend->query(bed.store,
		"SELECT device, epoch, seq, REPLACE(REPLACE(CAST(time AS CHAR), 'T', ' '), 'Z', ''), time_source, "
		"CAST(ROUND(t1 * 1000) AS CHAR), t2, CAST(ROUND(lat * 10000000) AS CHAR), "
		"CAST(ROUND(lon * 10000000) AS CHAR) FROM reading_view",
		NULL, 0, see_row, line) >= 0);
	for (char *dot; (dot = strstr(line, ".0|")) != NULL;) {
		memmove(dot, dot + 2, strlen(dot + 2) + 1);
	}
	assert_string_equal(line, "urn:dev:a|000000000000001f|5|2023-11-14 22:13:25.000000|gnss|-10063|NULL|"
			    "525163400|-134049999|");
}

static void *connect_another(void *arg)
{
	struct store *s = store_new(&bed.config);
	int rc = store_connect(s);

	if (rc < 0) {
		fprintf(stderr, "%s\n", store_error(s));
	}
	*(int *)arg = rc;
	store_free(s);
	return NULL;
}

static void servers_that_start_together_make_one_schema(void **state)
{
	enum { N = 6 };
	pthread_t thread[N];
	int rc[N];
	char line[64] = "", wanted[64];

	(void)state;
	need_mariadb();
	store_free(bed.store);
	if (bed.config.kind == STORE_SQLITE) {
		strcat(bed.path, "-fresh");
	} else {
		assert_true(private_mariadbd_sql(&mariadbd, "DROP DATABASE geotherm"));
		assert_true(private_mariadbd_sql(&mariadbd, "CREATE DATABASE geotherm"));
	}
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(pthread_create(&thread[i], NULL, connect_another, &rc[i]), 0);
	}
	for (unsigned i = 0; i < N; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(rc[i], 0);
	}
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), 0);
	assert_true(bed.store->backend->query(bed.store, "SELECT COUNT(*), MAX(version) FROM schema_migrations",
					      NULL, 0, see_row, line) >= 0);
	snprintf(wanted, sizeof(wanted), "%zu|%zu|", *bed.store->backend->migrations_count,
		 *bed.store->backend->migrations_count);
	assert_string_equal(line, wanted);
	assert_int_equal(put("urn:dev:a", 1, 1, 3), 3);
}

static void a_schema_made_half_way_is_finished(void **state)
{
	(void)state;
	need_mariadb();
	put("urn:dev:a", 1, 1, 3);
	/* As after a crash in the middle: tables are there, the record of the migration is not. */
	assert_true(bed.store->backend->query(bed.store, "DELETE FROM schema_migrations", NULL, 0, NULL, NULL) >= 0);
	assert_true(bed.store->backend->query(bed.store, "DROP VIEW reading_view", NULL, 0, NULL, NULL) >= 0);
	store_free(bed.store);
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), 0);
	assert_true(bed.store->backend->query(bed.store, "SELECT * FROM reading_view", NULL, 0, NULL, NULL) >= 0);
	assert_int_equal(put("urn:dev:a", 1, 1, 4), 1);
}

static void a_schema_from_the_future_is_refused(void **state)
{
	(void)state;
	need_mariadb();
	assert_true(bed.store->backend->query(bed.store, "INSERT INTO schema_migrations VALUES (999, 'later', 0)",
					      NULL, 0, NULL, NULL) >= 0);
	store_free(bed.store);
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(bed.store), "999"));
}

/* --- of one backend only -------------------------------------------------- */

static void a_path_without_directory_is_named(void **state)
{
	struct store *s;

	(void)state;
	strcpy(bed.path, "/nonexistent/readings.db");
	s = store_new(&bed.config);
	assert_int_equal(store_connect(s), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(s), "/nonexistent/readings.db"));
	assert_false(store_connected(s));
	store_free(s);
}

static void a_file_that_is_no_database_is_left_alone(void **state)
{
	char text[] = "this file is not a database, and long enough to be sure of it: 16 bytes are looked at";
	char after[sizeof(text)] = "";
	FILE *file;
	struct store *s;

	(void)state;
	strcat(bed.path, "-text");
	file = fopen(bed.path, "w+");
	fwrite(text, 1, sizeof(text), file);
	fflush(file);
	s = store_new(&bed.config);
	assert_int_equal(store_connect(s), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(s), bed.path));
	rewind(file);
	assert_int_equal(fread(after, 1, sizeof(after), file), sizeof(after));
	assert_memory_equal(after, text, sizeof(text));
	fclose(file);
	store_free(s);
}

static void a_refused_row_takes_its_batch_with_it(void **state)
{
	struct reading r[3];
	struct store_item item[3];
	struct gaps gaps;

	(void)state;
	need_mariadb();
	for (unsigned i = 0; i < 3; i++) {
		make(&r[i], "urn:dev:a", 1, i + 1);
		item[i] = (struct store_item){ .stream = stream_of("urn:dev:a", 1, NULL), .reading = &r[i],
					       .received_us = T0 };
	}
	strcpy(r[1].host, "no UTF-8: \xff");
	assert_int_equal(store_commit(bed.store, item, 3), STORE_REFUSED);
	assert_non_null(strstr(store_error(bed.store), "utf8mb4"));
	assert_true(store_connected(bed.store));
	stream_of("urn:dev:a", 1, &gaps);
	assert_int_equal(gaps.complete, 0);
	assert_int_equal(gaps.n, 0);
}

static void a_database_that_is_not_there_is_down_and_a_wrong_user_unusable(void **state)
{
	struct store_config config;
	struct store *s;

	(void)state;
	need_mariadb();
	config = bed.config;
	config.socket = "/nonexistent/socket";
	s = store_new(&config);
	assert_int_equal(store_connect(s), STORE_DOWN);
	assert_non_null(strstr(store_error(s), "/nonexistent/socket"));
	store_free(s);
	config = bed.config;
	config.user = "nobody_here";
	s = store_new(&config);
	assert_int_equal(store_connect(s), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(s), "nobody_here"));
	store_free(s);
	config = bed.config;
	config.database = "no_such_database";
	s = store_new(&config);
	assert_int_equal(store_connect(s), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(s), "no_such_database"));
	store_free(s);
	config = bed.config;
	config.password_file = "/nonexistent/password";
	s = store_new(&config);
	assert_int_equal(store_connect(s), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(s), "/nonexistent/password"));
	store_free(s);
}

static void a_remote_database_without_verified_tls_is_refused(void **state)
{
	struct store_config config = {
		.kind = STORE_MARIADB, .hosts = "192.0.2.1", .user = "root", .database = "geotherm", .tls = true,
	};
	struct store *s = store_new(&config);

	(void)state;
	assert_int_equal(store_connect(s), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(s), "store.tls_ca"));
	store_free(s);
}

/* --- over TCP with TLS ---------------------------------------------------- */

static unsigned free_port(void)
{
	for (unsigned port = 26000 + (unsigned)getpid() % 3000; port < 32768; port++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int rc = bind(fd, (struct sockaddr *)&a, sizeof(a));

		close(fd);
		if (rc == 0) {
			return port;
		}
	}
	return 0;
}

/* mariadbd again, on a TCP port with the certificate of a test CA. */
static int open_tls(void **state)
{
	char command[300];

	memset(&bed, 0, sizeof(bed));
	*state = &bed;
	bed.config = (struct store_config){ .kind = STORE_MARIADB, .user = "root", .database = "geotherm", .tls = true,
					    .hosts = bed.path, .tls_ca = bed.file };
	if (mariadbd.pid == 0) {
		return 0;
	}
	if (mariadbd.port == 0) {
		private_mariadbd_end(&mariadbd, SIGTERM);
		mariadbd.port = free_port();
		snprintf(mariadbd.pki, sizeof(mariadbd.pki), "%s/pki", dir);
		snprintf(command, sizeof(command), "certs/make-test-ca %s && certs/make-test-ca %s-other", mariadbd.pki,
			 mariadbd.pki);
		if (system(command) != 0 || !private_mariadbd_run(&mariadbd)) {
			return -1;
		}
	}
	snprintf(bed.path, sizeof(bed.path), "127.0.0.1:%u", mariadbd.port);
	snprintf(bed.file, sizeof(bed.file), "%s/ca.pem", mariadbd.pki);
	return private_mariadbd_sql(&mariadbd, "DROP DATABASE IF EXISTS geotherm") &&
	       private_mariadbd_sql(&mariadbd, "CREATE DATABASE geotherm") ? 0 : -1;
}

static int connect_bed(void)
{
	bed.store = store_new(&bed.config);
	return store_connect(bed.store);
}

static void a_database_over_tcp_is_verified(void **state)
{
	(void)state;
	need_mariadb();
	assert_int_equal(connect_bed(), 0);
	assert_int_equal(put("urn:dev:a", 1, 1, 3), 3);
}

static void a_database_with_a_certificate_of_another_ca_is_not_written_to(void **state)
{
	(void)state;
	need_mariadb();
	snprintf(bed.file, sizeof(bed.file), "%s-other/ca.pem", mariadbd.pki);
	assert_true(connect_bed() < 0);
	assert_non_null(strstr(store_error(bed.store), "ertificate"));
}

static void the_next_host_is_taken_when_one_does_not_answer(void **state)
{
	char hosts[128];

	(void)state;
	need_mariadb();
	snprintf(hosts, sizeof(hosts), "127.0.0.1:1, 127.0.0.1:%u", mariadbd.port);
	bed.config.hosts = hosts;
	assert_int_equal(connect_bed(), 0);
	assert_int_equal(put("urn:dev:a", 1, 1, 3), 3);
}

int main(void)
{
	const char *base = getenv("TMPDIR");
	int failed;
#define ON(f, open) { #f, f, open, close_bed, NULL }
#define SUITE(open) \
	ON(a_reading_comes_back_exactly_as_it_was_stored, open), \
	ON(a_reading_sent_again_is_stored_once, open), \
	ON(other_content_under_a_taken_key_is_kept_out_and_told, open), \
	ON(the_same_key_twice_in_a_batch_is_stored_once, open), \
	ON(a_stream_is_found_again_with_all_it_has, open), \
	ON(newest_is_the_last_of_the_stream_heard_of_last, open), \
	ON(a_track_runs_in_time_over_all_epochs, open), \
	ON(a_removed_reading_leaves_an_explained_hole, open), \
	ON(a_large_batch_of_large_readings_is_one_commit, open), \
	ON(plain_sql_shows_temperature_position_time_and_sequence, open), \
	ON(servers_that_start_together_make_one_schema, open), \
	ON(a_schema_made_half_way_is_finished, open), \
	ON(a_schema_from_the_future_is_refused, open)
	const struct CMUnitTest sqlite[] = {
		SUITE(open_sqlite),
		ON(a_path_without_directory_is_named, open_sqlite),
		ON(a_file_that_is_no_database_is_left_alone, open_sqlite),
	};
	const struct CMUnitTest mariadb[] = {
		SUITE(open_mariadb),
		ON(a_refused_row_takes_its_batch_with_it, open_mariadb),
		ON(a_database_that_is_not_there_is_down_and_a_wrong_user_unusable, open_mariadb),
		ON(a_remote_database_without_verified_tls_is_refused, open_mariadb),
	};
	const struct CMUnitTest tls[] = {
		ON(a_database_over_tcp_is_verified, open_tls),
		ON(a_database_with_a_certificate_of_another_ca_is_not_written_to, open_tls),
		ON(the_next_host_is_taken_when_one_does_not_answer, open_tls),
	};

	snprintf(dir, sizeof(dir), "%s/store-XXXXXX", base != NULL && strlen(base) < 40 ? base : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		return 1;
	}
	failed = cmocka_run_group_tests_name("store_sqlite", sqlite, NULL, NULL);
	private_mariadbd_start(&mariadbd);
	failed += cmocka_run_group_tests_name("store_mariadb", mariadb, NULL, NULL);
	failed += cmocka_run_group_tests_name("store_mariadb_tls", tls, NULL, NULL);
	private_mariadbd_remove(&mariadbd);
	if (failed == 0) {
		execlp("rm", "rm", "-rf", dir, NULL);
	}
	return failed;
}
