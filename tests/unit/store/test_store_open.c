// SPDX-License-Identifier: BSD-2-Clause
/* Opening a store: the schema, what cannot be opened, TLS to MariaDB. On both backends. */
#define _GNU_SOURCE
#include "store_bed.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

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
	assert_true(bed.store->backend->query(
			    bed.store, "SELECT COUNT(*), MAX(version) FROM schema_migrations", NULL,
			    0, see_row, line) >= 0);
	snprintf(wanted, sizeof(wanted), "%zu|%zu|", *bed.store->backend->migrations_count,
		 *bed.store->backend->migrations_count);
	assert_string_equal(line, wanted);
	assert_int_equal(bed_put("urn:dev:a", 1, 1, 3), 3);
}

static void a_schema_made_half_way_is_finished(void **state)
{
	(void)state;
	need_mariadb();
	bed_put("urn:dev:a", 1, 1, 3);
	/* As after a crash in the middle: tables are there, the record of the migration is not.
	 * SQLite migrates in one transaction. */
	assert_true(bed.store->backend->query(bed.store, "DELETE FROM schema_migrations", NULL, 0,
					      NULL, NULL) >= 0);
	assert_true(bed.store->backend->query(bed.store, "DROP VIEW reading_view", NULL, 0, NULL,
					      NULL) >= 0);
	store_free(bed.store);
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), 0);
	assert_true(bed.store->backend->query(bed.store, "SELECT * FROM reading_view", NULL, 0,
					      NULL, NULL) >= 0);
	assert_int_equal(bed_put("urn:dev:a", 1, 1, 4), 1);
}

static void exec(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
		fail_msg("%s: %.100s", why, sql);
	}
}

static void see_schema(char line[256])
{
	*line = '\0';
	assert_true(
		bed.store->backend->query(
			bed.store,
			"SELECT (SELECT COUNT(*) FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID' AND "
			"name = 'readings'), (SELECT COUNT(*) FROM sqlite_master WHERE name = 'readings_time' "
			"AND tbl_name = 'readings')",
			NULL, 0, see_row, line) >= 0);
}

static void readings_lie_by_their_key_and_have_an_index_of_time(void **state)
{
	char line[256];

	(void)state;
	see_schema(line);
	assert_string_equal(line, "1|1|");
	*line = '\0';
	assert_true(bed.store->backend->query(bed.store, "PRAGMA page_size", NULL, 0, see_row,
					      line) >= 0);
	assert_string_equal(line, "1024|"); /* and its log */
	*line = '\0';
	assert_true(bed.store->backend->query(bed.store, "PRAGMA wal_autocheckpoint", NULL, 0,
					      see_row, line) >= 0);
	assert_string_equal(line, "65536|");
	*line = '\0';
	assert_true(
		bed.store->backend->query(
			bed.store,
			"EXPLAIN QUERY PLAN SELECT * FROM readings WHERE stream = 1 AND time_us "
			"BETWEEN 2 AND 3",
			NULL, 0, see_row, line) >= 0);
	assert_non_null(strstr(line, "readings_time"));
}

/* The readings of the bed's file in one of the first layout, which the bed then has. */
static void go_back_to_the_first_layout(void)
{
	char old[160], columns[1024] = "", sql[2400];
	sqlite3_stmt *names;
	sqlite3 *db;

	snprintf(old, sizeof(old), "%s-old", bed.path);
	assert_int_equal(sqlite3_open(old, &db), SQLITE_OK);
	for (unsigned i = 0; i < 3; i++) {
		exec(db, migrations_sqlite[i].sql);
	}
	snprintf(sql, sizeof(sql), "ATTACH '%s' AS new", bed.path);
	exec(db, sql);
	exec(db, "INSERT INTO main.streams SELECT * FROM new.streams");
	/* Today's table may have more columns. */
	assert_int_equal(
		sqlite3_prepare_v2(
			db, "SELECT group_concat(name) FROM pragma_table_info('readings', 'main')",
			-1, &names, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(names), SQLITE_ROW);
	snprintf(columns, sizeof(columns), "%s", (const char *)sqlite3_column_text(names, 0));
	sqlite3_finalize(names);
	snprintf(sql, sizeof(sql), "INSERT INTO main.readings (%s) SELECT %s FROM new.readings",
		 columns, columns);
	exec(db, sql);
	exec(db,
	     "CREATE TABLE main.schema_migrations AS SELECT * FROM new.schema_migrations WHERE version <= 3");
	sqlite3_close(db);
	store_free(bed.store);
	strcpy(bed.path, old);
	bed.store = store_new(&bed.config);
}

static void a_database_of_the_first_layout_is_brought_to_this_one_with_all_its_readings(void **state)
{
	char line[256] = "", was[256] = "";

	(void)state;
	bed_put("urn:dev:a", 1, 1, 30);
	bed_put("urn:dev:b", 2, 5, 9);
	assert_true(bed.store->backend->query(
			    bed.store,
			    "SELECT COUNT(*), SUM(seq), MAX(time_us), SUM(t1_mc) FROM readings",
			    NULL, 0, see_row, was) >= 0);
	go_back_to_the_first_layout();
	assert_int_equal(store_connect(bed.store), 0);
	assert_true(bed.store->backend->query(
			    bed.store,
			    "SELECT COUNT(*), SUM(seq), MAX(time_us), SUM(t1_mc) FROM readings",
			    NULL, 0, see_row, line) >= 0);
	assert_string_equal(line, was);
	see_schema(line);
	assert_string_equal(line, "1|1|");
	assert_int_equal(bed_put("urn:dev:a", 1, 30, 31), 1);
	*line = '\0';
	assert_true(bed.store->backend->query(bed.store, "SELECT COUNT(*) FROM reading_view", NULL,
					      0, see_row, line) >= 0);
	assert_string_equal(line, "36|");
}

static void a_migration_that_fails_in_the_middle_changes_nothing_and_is_made_later(void **state)
{
	char line[256] = "";
	sqlite3 *db;

	(void)state;
	bed_put("urn:dev:a", 1, 1, 3);
	go_back_to_the_first_layout();
	/* In the way of 004's last statements, when the old table is already gone. */
	assert_int_equal(sqlite3_open(bed.path, &db), SQLITE_OK);
	exec(db, "DROP INDEX readings_time; CREATE INDEX readings_time ON streams (device)");
	assert_true(store_connect(bed.store) < 0);
	assert_non_null(strstr(store_error(bed.store), "readings_time"));
	exec(db, "SELECT * FROM reading_view; DROP INDEX readings_time");
	sqlite3_close(db);
	assert_int_equal(store_connect(bed.store), 0);
	see_schema(line);
	assert_string_equal(line, "1|1|");
	assert_int_equal(bed_put("urn:dev:a", 1, 1, 4), 1);
}

static void two_statements_in_one_are_refused(void **state)
{
	(void)state;
	assert_int_equal(
		bed.store->backend->query(bed.store, "SELECT 1; SELECT 2", NULL, 0, NULL, NULL),
		STORE_REFUSED);
	assert_non_null(strstr(store_error(bed.store), "more than one statement"));
}

/* The lock that a new file's write-ahead log needs, for which SQLite itself does not wait. */
static void a_new_file_that_another_is_making_is_waited_for(void **state)
{
	struct timespec until;
	pthread_t thread;
	sqlite3 *other;
	int rc = -1;

	(void)state;
	strcat(bed.path, "-locked");
	assert_int_equal(sqlite3_open(bed.path, &other), SQLITE_OK);
	exec(other, "CREATE TABLE t (x)");
	exec(other, "BEGIN IMMEDIATE");
	assert_int_equal(pthread_create(&thread, NULL, connect_another, &rc), 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	assert_int_equal(pthread_timedjoin_np(thread, NULL, &until), ETIMEDOUT);
	exec(other, "ROLLBACK");
	sqlite3_close(other);
	pthread_join(thread, NULL);
	assert_int_equal(rc, 0);
}

static void a_schema_from_the_future_is_refused(void **state)
{
	(void)state;
	need_mariadb();
	assert_true(bed.store->backend->query(
			    bed.store, "INSERT INTO schema_migrations VALUES (999, 'later', 0)",
			    NULL, 0, NULL, NULL) >= 0);
	store_free(bed.store);
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(bed.store), "999"));
}

static void a_store_that_is_only_read_is_not_changed(void **state)
{
	struct store_verdict verdict;
	struct reading r;
	uint64_t stream;

	(void)state;
	need_mariadb();
	bed_put("urn:dev:a", 1, 1, 3);
	store_free(bed.store);
	bed.config.read_only = true;
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), 0);
	assert_int_equal(store_verify(bed.store, &verdict, NULL, NULL), 0);
	assert_int_equal(verdict.rows, 3);
	if (bed.config.kind == STORE_SQLITE) {
		bed_make(&r, "urn:dev:b", 1, 1);
		assert_true(store_stream(bed.store, "urn:dev:b", 1, T0, &stream, NULL) < 0);
	}
	store_free(bed.store);
	/* An older schema stays one. */
	bed.config.read_only = false;
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), 0);
	assert_true(bed.store->backend->query(bed.store,
					      "DELETE FROM schema_migrations WHERE version > 1",
					      NULL, 0, NULL, NULL) > 0);
	store_free(bed.store);
	bed.config.read_only = true;
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), STORE_UNUSABLE);
	assert_non_null(strstr(store_error(bed.store), "has schema 1"));
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

static void a_file_in_a_folder_that_cannot_be_written_is_read(void **state)
{
	struct store_verdict verdict;
	struct stat st;
	char wal[160];

	(void)state;
	bed_put("urn:dev:a", 1, 1, 3);
	store_free(bed.store);
	bed.config.read_only = true;
	bed.store = store_new(&bed.config);
	assert_int_equal(chmod(bed_dir, 0555), 0);
	assert_int_equal(chmod(bed.path, 0444), 0);
	assert_int_equal(seteuid(geteuid() == 0 ? 65534 : geteuid()), 0);
	assert_int_equal(store_connect(bed.store), 0);
	assert_int_equal(store_verify(bed.store, &verdict, NULL, NULL), 0);
	store_free(bed.store);
	bed.store = NULL;
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(chmod(bed_dir, 0755), 0);
	assert_int_equal(verdict.rows, 3);
	snprintf(wal, sizeof(wal), "%s-wal", bed.path);
	assert_int_equal(stat(wal, &st), -1);
}

static void an_account_that_may_not_create_serves_a_schema_that_is_up_to_date(void **state)
{
	(void)state;
	need_mariadb();
	assert_true(private_mariadbd_sql(&mariadbd, "CREATE OR REPLACE USER plain@localhost"));
	assert_true(private_mariadbd_sql(
		&mariadbd,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON geotherm.* TO plain@localhost"));
	store_free(bed.store);
	bed.config.user = "plain";
	bed.store = store_new(&bed.config);
	assert_int_equal(store_connect(bed.store), 0);
	assert_int_equal(bed_put("urn:dev:a", 1, 1, 3), 3);
}

static void a_file_that_is_no_database_is_left_alone(void **state)
{
	char text[] =
		"this file is not a database, and long enough to be sure of it: 16 bytes are looked at";
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
		bed_make(&r[i], "urn:dev:a", 1, i + 1);
		item[i] = (struct store_item){ .stream = stream_of("urn:dev:a", 1, NULL),
					       .reading = &r[i],
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
		.kind = STORE_MARIADB,
		.hosts = "192.0.2.1",
		.user = "root",
		.database = "geotherm",
		.tls = true,
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
		struct sockaddr_in a = { .sin_family = AF_INET,
					 .sin_port = htons((uint16_t)port),
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
	bed.config = (struct store_config){ .kind = STORE_MARIADB,
					    .user = "root",
					    .database = "geotherm",
					    .tls = true,
					    .hosts = bed.path,
					    .tls_ca = bed.file };
	if (mariadbd.pid == 0) {
		return 0;
	}
	if (mariadbd.port == 0) {
		private_mariadbd_end(&mariadbd, SIGTERM);
		mariadbd.port = free_port();
		snprintf(mariadbd.pki, sizeof(mariadbd.pki), "%s/pki", bed_dir);
		snprintf(command, sizeof(command),
			 "certs/make-test-ca %s && certs/make-test-ca %s-other", mariadbd.pki,
			 mariadbd.pki);
		if (system(command) != 0 || !private_mariadbd_run(&mariadbd)) {
			return -1;
		}
	}
	snprintf(bed.path, sizeof(bed.path), "127.0.0.1:%u", mariadbd.port);
	snprintf(bed.file, sizeof(bed.file), "%s/ca.pem", mariadbd.pki);
	return private_mariadbd_sql(&mariadbd, "DROP DATABASE IF EXISTS geotherm") &&
			       private_mariadbd_sql(&mariadbd, "CREATE DATABASE geotherm")
		       ? 0
		       : -1;
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
	assert_int_equal(bed_put("urn:dev:a", 1, 1, 3), 3);
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
	assert_int_equal(bed_put("urn:dev:a", 1, 1, 3), 3);
}

int main(void)
{
	int failed;
#define SUITE(open)                                            \
	ON(servers_that_start_together_make_one_schema, open), \
		ON(a_schema_from_the_future_is_refused, open), \
		ON(a_store_that_is_only_read_is_not_changed, open)
	const struct CMUnitTest sqlite[] = {
		SUITE(open_sqlite),
		ON(readings_lie_by_their_key_and_have_an_index_of_time, open_sqlite),
		ON(a_database_of_the_first_layout_is_brought_to_this_one_with_all_its_readings,
		   open_sqlite),
		ON(a_migration_that_fails_in_the_middle_changes_nothing_and_is_made_later,
		   open_sqlite),
		ON(two_statements_in_one_are_refused, open_sqlite),
		ON(a_new_file_that_another_is_making_is_waited_for, open_sqlite),
		ON(a_path_without_directory_is_named, open_sqlite),
		ON(a_file_in_a_folder_that_cannot_be_written_is_read, open_sqlite),
		ON(a_file_that_is_no_database_is_left_alone, open_sqlite),
	};
	const struct CMUnitTest mariadb[] = {
		SUITE(open_mariadb),
		ON(a_schema_made_half_way_is_finished, open_mariadb),
		ON(an_account_that_may_not_create_serves_a_schema_that_is_up_to_date, open_mariadb),
		ON(a_refused_row_takes_its_batch_with_it, open_mariadb),
		ON(a_database_that_is_not_there_is_down_and_a_wrong_user_unusable, open_mariadb),
		ON(a_remote_database_without_verified_tls_is_refused, open_mariadb),
	};
	const struct CMUnitTest tls[] = {
		ON(a_database_over_tcp_is_verified, open_tls),
		ON(a_database_with_a_certificate_of_another_ca_is_not_written_to, open_tls),
		ON(the_next_host_is_taken_when_one_does_not_answer, open_tls),
	};

	if (bed_make_dir() < 0) {
		return 1;
	}
	failed = cmocka_run_group_tests_name("store_sqlite", sqlite, NULL, NULL);
	private_mariadbd_start(&mariadbd);
	failed += cmocka_run_group_tests_name("store_mariadb", mariadb, NULL, NULL);
	failed += cmocka_run_group_tests_name("store_mariadb_tls", tls, NULL, NULL);
	return bed_remove_dir(failed);
}
