/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_store: the store's write path beside the fastest that each database itself offers, in one
 *run, on the same rows and the same table, flushed to disk at each commit; then the two queries
 *that people wait for.
 *
 *	batches of 1000 (server.batch)	our store_commit()
 *	one row a commit		our store_commit() of one
 *	the peer			LOAD DATA LOCAL of all rows, or prepared INSERTs of SQLite
 *				in one transaction
 *
 * Rounds take turns; medians. GEOTHERM_BENCH_ROWS=10000000 fills that many before the queries
 *(default 300000).
 *
 * The store gives a database 10 s to answer. A disk that stands still for longer ends the run with
 *"Lost connection": the end of the database's log, which is shown then, says "Long wait" where that
 *was it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <mysql.h>
#include <unistd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpio-w1/w1_crc.h"
#include "server/store/store.h"
#include "server/store/store_row.h"
#include "tests/bench/target.h"
#include "tests/unit/store/private_mariadbd.h"
#include "userspace/daemon/options.h"

#define DEVICES 1000
#define BATCH 1000
#define ROUNDS 5
#define ROUND_ROWS 50000
#define ONES 500
#define PERIOD_US INT64_C(10000000)
#define DAY_US INT64_C(86400000000)
#define T0 INT64_C(1790000000000000)
#define TARGET_ONES 20
#define TARGET_QUERY_MS 20
#define ROWS_MAX 1000000000

struct bed {
	struct store_config config;
	struct store *store;
	struct private_mariadbd *mariadbd; /* NULL: SQLite */
	char path[128];
	uint64_t stream[DEVICES];
	uint64_t next; /* rows made so far, in all tables */
};

static struct private_mariadbd mariadbd;
static char sqlite_dir[] = "/tmp/geotherm-bench-XXXXXX";

static void clean_up(void)
{
	char command[64];

	private_mariadbd_remove(&mariadbd);
	snprintf(command, sizeof(command), "rm -rf %s", sqlite_dir);
	if (system(command) != 0) {
		fprintf(stderr, "bench_store: %s is left\n", sqlite_dir);
	}
}

static double wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Of this process, and of the database's where it has its own. */
static double cpu_s(const struct bed *bed)
{
	struct timespec t;
	double sum;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	sum = (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
	if (bed->mariadbd != NULL) {
		char path[40];
		unsigned long user = 0, kernel = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)bed->mariadbd->pid);
		f = fopen(path, "r");
		if (f == NULL ||
		    fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			   &user, &kernel) != 2) {
			fprintf(stderr, "bench_store: %s cannot be read\n", path);
		}
		if (f != NULL) {
			fclose(f);
		}
		sum += (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
	}
	return sum;
}

static void die(const char *doing, const char *why)
{
	char command[160];

	fflush(stdout);
	fprintf(stderr, "bench_store: %s: %s\n", doing, why);
	if (mariadbd.pid > 0) {
		fprintf(stderr, "the end of the database's log:\n");
		snprintf(command, sizeof(command), "tail -n 40 %s/err.log >&2", mariadbd.dir);
		if (system(command) != 0) {
			fprintf(stderr, "it cannot be read\n");
		}
	}
	exit(1);
}

/* A node with two sensors and a fix; everything that differs from row to row in the field does so
 * here. */
static void make_reading(struct reading *r, uint64_t n)
{
	static const uint8_t pad[9] = { 0x91, 0x01, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10, 0x25 };
	uint64_t seq = n / DEVICES + 1;

	reading_init(r);
	snprintf(r->device, sizeof(r->device), "urn:dev:mac:0200c0fffe%06x",
		 (unsigned)(n % DEVICES));
	r->epoch = 1 + n % DEVICES;
	r->seq = seq;
	r->utc_us = T0 + (int64_t)seq * PERIOD_US + (int64_t)(n % DEVICES) * 7;
	r->time_source = READING_TIME_GNSS;
	r->time_acc_ns = 40 + n % 50;
	r->boot_ns = seq * 10000000000u + n;
	(void)reading_scalar_put(r, READING_LAT, 480000000 + (int32_t)(n * 7919 % 1000000));
	(void)reading_scalar_put(r, READING_LON, 110000000 + (int32_t)(n * 104729 % 1000000));
	(void)reading_scalar_put(r, READING_ALT, 520000 + (int32_t)(n % 9000));
	(void)reading_scalar_put(r, READING_HACC, (int64_t)(2500 + n % 700));
	(void)reading_scalar_put(r, READING_SPEED, (int64_t)(n % 30000));
	(void)reading_scalar_put(r, READING_FIX_TYPE, 3);
	(void)reading_scalar_put(r, READING_FIX_OK, 1);
	(void)reading_scalar_put(r, READING_NUM_SV, (int64_t)(5 + n % 7));
	(void)reading_scalar_put(r, READING_UPTIME, (int64_t)(seq * 10));
	(void)reading_scalar_put(r, READING_CPU_TEMP, (int64_t)(45000 + n % 9000));
	(void)reading_scalar_put(r, READING_W1_RETRIES, (int64_t)(n % 3));
	snprintf(r->host, sizeof(r->host), "node-%u", (unsigned)(n % DEVICES));
	snprintf(r->version, sizeof(r->version), "0.1.0");
	r->n_temperatures = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct thermometer_sample *t = &r->temperatures[i];

		t->rom[0] = 0x28;
		t->rom[1] = (uint8_t)i;
		t->rom[2] = (uint8_t)n;
		t->rom[7] = w1_crc8(t->rom, 7);
		memcpy(t->scratchpad, pad, sizeof(pad));
		t->scratchpad_known = t->temp_known = true;
		t->temp_mc = (int32_t)(200 + n % 400) * 625 / 10;
		t->resolution_bits = 12;
	}
}

static uint64_t stream_of(struct bed *bed, uint64_t n)
{
	struct reading r;

	if (bed->stream[n % DEVICES] == 0) {
		make_reading(&r, n);
		if (store_stream(bed->store, r.device, r.epoch, T0, &bed->stream[n % DEVICES],
				 NULL) < 0) {
			die("a stream", store_error(bed->store));
		}
	}
	return bed->stream[n % DEVICES];
}

static int by_key(const void *a, const void *b)
{
	const struct store_item *x = a, *y = b;

	return x->stream != y->stream
		       ? (x->stream > y->stream) - (x->stream < y->stream)
		       : (x->reading->seq > y->reading->seq) - (x->reading->seq < y->reading->seq);
}

/* Seconds in the store; the making of the readings is not its work. */
static double commit(struct bed *bed, uint64_t rows, size_t batch)
{
	static struct reading readings[BATCH];
	static struct store_item items[BATCH];
	double took = 0, began;

	for (uint64_t done = 0; done < rows; done += batch) {
		for (size_t i = 0; i < batch; i++) {
			make_reading(&readings[i], bed->next);
			items[i] =
				(struct store_item){ .stream = stream_of(bed, bed->next),
						     .reading = &readings[i],
						     .received_us = readings[i].utc_us + 250000 };
			bed->next++;
		}
		qsort(items, batch, sizeof(items[0]), by_key);
		began = wall_s();
		if (store_commit(bed->store, items, batch) != (int)batch) {
			char doing[48];

			snprintf(doing, sizeof(doing), "a commit, after %.1f s", wall_s() - began);
			die(doing, store_error(bed->store));
		}
		took += wall_s() - began;
	}
	return took;
}

/* --- the peers ----------------------------------------------------------- */

struct text {
	char *bytes;
	size_t length, size, sent;
};

static void say(struct text *t, const char *bytes, size_t n)
{
	if (t->length + n > t->size) {
		t->size = (t->length + n) * 2;
		t->bytes = realloc(t->bytes, t->size);
		if (t->bytes == NULL) {
			die("rows for LOAD DATA", "out of memory");
		}
	}
	memcpy(t->bytes + t->length, bytes, n);
	t->length += n;
}

static void say_value(struct text *t, const struct sql_value *v)
{
	char number[24];

	switch (v->type) {
	case SQL_NULL:
		say(t, "\\N", 2);
		break;
	case SQL_INTEGER:
		say(t, number, (size_t)snprintf(number, sizeof(number), "%" PRId64, v->integer));
		break;
	case SQL_TEXT:
		say(t, v->data, v->size); /* none of ours needs an escape */
		break;
	case SQL_BLOB:
		for (size_t i = 0; i < v->size; i++) {
			snprintf(number, sizeof(number), "%02x", ((const uint8_t *)v->data)[i]);
			say(t, number, 2);
		}
		break;
	}
}

static int infile_init(void **handle, const char *name, void *arg)
{
	(void)name;
	*handle = arg;
	return 0;
}

static int infile_read(void *handle, char *buffer, unsigned size)
{
	struct text *t = handle;
	size_t n = t->length - t->sent < size ? t->length - t->sent : size;

	memcpy(buffer, t->bytes + t->sent, n);
	t->sent += n;
	return (int)n;
}

static void infile_end(void *handle)
{
	(void)handle;
}

static int infile_error(void *handle, char *message, unsigned size)
{
	(void)handle;
	snprintf(message, size, "none");
	return 0;
}

/* Only the loading is timed, not the making of the text. */
static double load_data(struct bed *bed, double *cpu)
{
	static struct text text;
	struct store_row row;
	struct reading r;
	MYSQL *db = mysql_init(NULL);
	double took;
	char sql[2048], names[1024];

	text.length = text.sent = 0;
	for (unsigned n = 0; n < ROUND_ROWS; n++, bed->next++) {
		make_reading(&r, bed->next);
		store_row_make(&row, stream_of(bed, bed->next), &r, r.utc_us + 250000);
		for (unsigned c = 0; c < STORE_COLUMNS; c++) {
			if (c > 0) {
				say(&text, "\t", 1);
			}
			say_value(&text, &row.value[c]);
		}
		say(&text, "\n", 1);
	}
	mysql_options(db, MYSQL_OPT_LOCAL_INFILE, &(unsigned){ 1 });
	if (mysql_real_connect(db, NULL, "root", "", "geotherm", 0, bed->mariadbd->socket, 0) ==
	    NULL) {
		die("LOAD DATA", mysql_error(db));
	}
	mysql_set_local_infile_handler(db, infile_init, infile_read, infile_end, infile_error,
				       &text);
	snprintf(names, sizeof(names), "%s", store_row_names);
	*strstr(names, "sensors") = '\0';
	snprintf(
		sql, sizeof(sql),
		"LOAD DATA LOCAL INFILE 'rows' INTO TABLE readings (%s @s) SET sensors = UNHEX(@s)",
		names);
	*cpu = cpu_s(bed);
	took = wall_s();
	if (mysql_query(db, sql) != 0 || mysql_affected_rows(db) != ROUND_ROWS) {
		die("LOAD DATA",
		    mysql_errno(db) != 0 ? mysql_error(db) : "not all rows were taken");
	}
	took = wall_s() - took;
	*cpu = cpu_s(bed) - *cpu;
	mysql_close(db);
	return took;
}

static void bind_row(sqlite3_stmt *insert, const struct store_row *row)
{
	for (int c = 0; c < STORE_COLUMNS; c++) {
		const struct sql_value *v = &row->value[c];

		switch (v->type) {
		case SQL_NULL:
			sqlite3_bind_null(insert, c + 1);
			break;
		case SQL_INTEGER:
			sqlite3_bind_int64(insert, c + 1, v->integer);
			break;
		case SQL_TEXT:
			sqlite3_bind_text(insert, c + 1, v->data, (int)v->size, SQLITE_STATIC);
			break;
		case SQL_BLOB:
			sqlite3_bind_blob(insert, c + 1, v->data, (int)v->size, SQLITE_STATIC);
			break;
		}
	}
}

static double one_transaction(struct bed *bed, double *cpu)
{
	static struct reading readings[BATCH];
	struct store_row row;
	sqlite3_stmt *insert;
	sqlite3 *db;
	char sql[2048];
	int at;
	double took;

	if (sqlite3_open(bed->path, &db) != SQLITE_OK) {
		die(bed->path, sqlite3_errmsg(db));
	}
	at = snprintf(sql, sizeof(sql), "INSERT INTO readings (%s) VALUES (?", store_row_names);
	for (unsigned c = 1; c < STORE_COLUMNS; c++) {
		at += snprintf(sql + at, sizeof(sql) - (size_t)at, ",?");
	}
	snprintf(sql + at, sizeof(sql) - (size_t)at, ")");
	sqlite3_exec(db, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
	if (sqlite3_prepare_v2(db, sql, -1, &insert, NULL) != SQLITE_OK) {
		die("INSERT", sqlite3_errmsg(db));
	}
	*cpu = cpu_s(bed);
	took = -wall_s();
	sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
	for (unsigned n = 0; n < ROUND_ROWS; n += BATCH) {
		took += wall_s();
		for (unsigned i = 0; i < BATCH; i++, bed->next++) {
			make_reading(&readings[i], bed->next);
			(void)stream_of(bed, bed->next);
		}
		took -= wall_s();
		for (unsigned i = 0; i < BATCH; i++) {
			const struct reading *r = &readings[i];

			store_row_make(&row, stream_of(bed, bed->next - BATCH + i), r,
				       r->utc_us + 250000);
			bind_row(insert, &row);
			if (sqlite3_step(insert) != SQLITE_DONE) {
				die("INSERT", sqlite3_errmsg(db));
			}
			sqlite3_reset(insert);
		}
	}
	if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
		die("COMMIT", sqlite3_errmsg(db));
	}
	took += wall_s();
	*cpu = cpu_s(bed) - *cpu;
	sqlite3_finalize(insert);
	sqlite3_close(db);
	return took;
}

/* --- measuring ----------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), ascending);
	return values[n / 2];
}

static void ingest(struct bed *bed, const char *name, const char *peer, double target)
{
	double ours[ROUNDS], one[ROUNDS], peers[ROUNDS], our_cpu[ROUNDS], peer_cpu[ROUNDS], start,
		cpu, batch_rate, peer_rate;

	for (unsigned i = 0; i < ROUNDS; i++) {
		cpu = cpu_s(bed);
		ours[i] = ROUND_ROWS / commit(bed, ROUND_ROWS, BATCH);
		our_cpu[i] = (cpu_s(bed) - cpu) / ROUND_ROWS * 1e6;
		one[i] = ONES / commit(bed, ONES, 1);
		start = bed->mariadbd != NULL ? load_data(bed, &cpu) : one_transaction(bed, &cpu);
		peers[i] = ROUND_ROWS / start;
		peer_cpu[i] = cpu / ROUND_ROWS * 1e6;
	}
	batch_rate = median(ours, ROUNDS);
	peer_rate = median(peers, ROUNDS);
	printf("%s: %.0f rows/s in batches of %d; %s %.0f: ratio ", name, batch_rate, BATCH, peer,
	       peer_rate);
	target_print(batch_rate / peer_rate, "", AT_LEAST, target);
	printf("%s: one row a commit %.0f rows/s: batches are faster by ", name,
	       median(one, ROUNDS));
	target_print(batch_rate / median(one, ROUNDS), " times", AT_LEAST, TARGET_ONES);
	printf("%s: CPU %.1f us a row, %s %.1f (database included)\n", name,
	       median(our_cpu, ROUNDS), peer, median(peer_cpu, ROUNDS));
}

static int count(void *arg, const struct reading *r, int64_t received_us)
{
	(void)r;
	(void)received_us;
	(*(unsigned *)arg)++;
	return 0;
}

static void queries(struct bed *bed, const char *name, uint64_t rows)
{
	double newest[ROUNDS], day[ROUNDS], start, fill = 0;
	uint64_t first = bed->next;
	unsigned devices = 0, track = 0;

	while (bed->next < rows) {
		fill += commit(bed, BATCH, BATCH);
		if (isatty(2) && bed->next % 100000 == 0) {
			fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " rows", name, bed->next,
				rows);
		}
	}
	if (isatty(2) && bed->next > first) {
		fprintf(stderr, "\r%60s\r", "");
	}
	if (bed->next > first) {
		printf("%s: %.0f rows/s over the next %.1f million\n", name,
		       (double)(bed->next - first) / fill, (double)(bed->next - first) / 1e6);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		char device[READING_DEVICE_SIZE];
		struct store_track t = { .device = device,
					 .from_known = true,
					 .from_us = T0 + PERIOD_US,
					 .to_us = T0 + PERIOD_US + DAY_US,
					 .limit = 10000 };

		snprintf(device, sizeof(device), "urn:dev:mac:0200c0fffe%06x", i * 37u % DEVICES);
		devices = track = 0;
		start = wall_s();
		if (store_newest(bed->store, NULL, count, &devices) < 0) {
			die("newest", store_error(bed->store));
		}
		newest[i] = (wall_s() - start) * 1e3;
		start = wall_s();
		if (store_track(bed->store, &t, count, &track) < 0) {
			die("track", store_error(bed->store));
		}
		day[i] = (wall_s() - start) * 1e3;
	}
	printf("%s: of %.1f million rows, newest of %u devices in ", name, (double)bed->next / 1e6,
	       devices);
	target_print(median(newest, ROUNDS), " ms", AT_MOST, TARGET_QUERY_MS);
	printf("%s: of %.1f million rows, a device's day (%u rows) in ", name,
	       (double)bed->next / 1e6, track);
	target_print(median(day, ROUNDS), " ms", AT_MOST, TARGET_QUERY_MS);
}

static void run(struct bed *bed, const char *name, const char *peer, double target, uint64_t rows)
{
	bed->store = store_new(&bed->config);
	if (bed->store == NULL || store_connect(bed->store) < 0) {
		die(name, bed->store == NULL ? "out of memory" : store_error(bed->store));
	}
	ingest(bed, name, peer, target);
	queries(bed, name, rows);
	store_free(bed->store);
	fflush(stdout);
}

int main(void)
{
	static struct bed sqlite, mariadb;
	const char *wanted = getenv("GEOTHERM_BENCH_ROWS");
	unsigned long rows = 300000;

	if (wanted != NULL &&
	    !options_number("bench_store: GEOTHERM_BENCH_ROWS", wanted, 0, ROWS_MAX, &rows)) {
		return 2;
	}
	if (mkdtemp(sqlite_dir) == NULL) {
		die(sqlite_dir, strerror(errno));
	}
	atexit(clean_up);
	snprintf(sqlite.path, sizeof(sqlite.path), "%s/readings.db", sqlite_dir);
	sqlite.config = (struct store_config){ .kind = STORE_SQLITE, .path = sqlite.path };
	run(&sqlite, "SQLite", "one transaction", 0.7, rows);

	if (!private_mariadbd_start(&mariadbd)) {
		if (mariadbd.dir[0] != '\0') {
			die("MariaDB", mariadbd.why);
		}
		printf("MariaDB: skipped: %s\n", mariadbd.why);
		return 0;
	}
	mariadb.mariadbd = &mariadbd;
	mariadb.config = (struct store_config){ .kind = STORE_MARIADB,
						.socket = mariadbd.socket,
						.user = "root",
						.database = "geotherm" };
	/* As Debian sets it up, but for more memory: the tests' own has a redo log that a round
	 * would fill twice. */
	if (!private_mariadbd_sql(&mariadbd, "SET GLOBAL max_allowed_packet = 16777216") ||
	    !private_mariadbd_sql(&mariadbd, "SET GLOBAL innodb_buffer_pool_size = 1073741824") ||
	    !private_mariadbd_sql(&mariadbd, "SET GLOBAL innodb_log_file_size = 100663296") ||
	    !private_mariadbd_sql(&mariadbd, "CREATE DATABASE geotherm")) {
		die("MariaDB", "it does not take its settings");
	}
	run(&mariadb, "MariaDB", "LOAD DATA", 0.8, rows);
	return 0;
}
