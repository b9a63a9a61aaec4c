// SPDX-License-Identifier: BSD-2-Clause
/* ingest while its database becomes an older one: a restored backup, a replaced file. */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/ingest/ingest_bed.h"

static void post_for(const char *device, uint64_t first, size_t n)
{
	struct ingest_job *j = ingest_bed_job(1, first, n);

	for (size_t i = 0; i < n; i++) {
		strcpy(j->readings[i].device, device);
		j->readings[i].temperatures[0].retries = (uint8_t)device[8]; /* its own content */
		j->readings[i].n_temperatures = 1;
	}
	ingest_bed_submit(j);
	ingest_bed_wait();
	assert_true(ingest_bed.last.result >= 0);
	assert_null(ingest_bed.last.conflict);
}

static int is_own(void *arg, const struct reading *r, int64_t received_us)
{
	(void)received_us;
	*(bool *)arg = r->temperatures[0].retries == (uint8_t)r->device[8];
	return 0;
}

static bool is_stored(struct store *s, const char *device, uint64_t seq)
{
	bool own = false;

	assert_int_equal(store_one(s, device, 1, seq, is_own, &own), 0);
	return own;
}

static void restore_and_expect(void (*dump)(void), void (*restore)(void))
{
	struct store *s;

	ingest_bed_start(100, 100);
	post_for("urn:dev:aa", 1, 5);
	dump();
	post_for("urn:dev:bb", 1, 3);
	post_for("urn:dev:aa", 6, 3);
	restore();
	post_for("urn:dev:cc", 1, 2);
	assert_int_equal(ingest_bed.ack[0].complete, 2);
	post_for("urn:dev:bb", 4, 2);
	assert_int_equal(ingest_bed.ack[0].complete, 0);
	post_for("urn:dev:aa", 9, 1);
	assert_int_equal(ingest_bed.ack[0].complete, 5);
	s = store_new(&ingest_bed.config);
	assert_int_equal(store_connect(s), 0);
	assert_true(is_stored(s, "urn:dev:cc", 1) && is_stored(s, "urn:dev:cc", 2));
	assert_true(is_stored(s, "urn:dev:bb", 4) && is_stored(s, "urn:dev:bb", 5));
	assert_false(is_stored(s, "urn:dev:bb", 1));
	assert_true(is_stored(s, "urn:dev:aa", 5) && is_stored(s, "urn:dev:aa", 9));
	store_free(s);
}

static void copy_sqlite(const char *from, const char *to)
{
	sqlite3 *source, *target;
	sqlite3_backup *backup;

	assert_int_equal(sqlite3_open(from, &source), SQLITE_OK);
	assert_int_equal(sqlite3_open(to, &target), SQLITE_OK);
	backup = sqlite3_backup_init(target, "main", source, "main");
	assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
	assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
	sqlite3_close(source);
	sqlite3_close(target);
}

static const char *dump_path(void)
{
	static char path[120];

	snprintf(path, sizeof(path), "%s/dump", ingest_bed_dir);
	return path;
}

static void dump_sqlite(void)
{
	unlink(dump_path());
	copy_sqlite(ingest_bed.path, dump_path());
}

static void restore_sqlite(void)
{
	copy_sqlite(dump_path(), ingest_bed.path);
}

static void replace_sqlite(void)
{
	char wal[110];

	snprintf(wal, sizeof(wal), "%s-wal", ingest_bed.path);
	unlink(wal);
	snprintf(wal, sizeof(wal), "%s-shm", ingest_bed.path);
	unlink(wal);
	assert_int_equal(rename(dump_path(), ingest_bed.path), 0);
}

static void run_shell(const char *tool, const char *direction)
{
	char command[400];

	/* MariaDB 11.8 asks for TLS, which this server has no certificate for. */
	snprintf(command, sizeof(command),
		 "%s --no-defaults --skip-ssl -uroot -S %s geotherm %s %s", tool,
		 ingest_bed_mariadbd.socket, direction, dump_path());
	assert_int_equal(system(command), 0);
}

static void dump_mariadb(void)
{
	run_shell("mariadb-dump", ">");
}

static void restore_mariadb(void)
{
	run_shell("mariadb", "<");
}

static void a_backup_restored_under_a_running_server_mixes_no_devices(void **state)
{
	(void)state;
	restore_and_expect(dump_sqlite, restore_sqlite);
}

static void a_file_replaced_under_a_running_server_is_the_one_that_is_written(void **state)
{
	(void)state;
	restore_and_expect(dump_sqlite, replace_sqlite);
}

static void a_dump_restored_under_a_running_server_mixes_no_devices(void **state)
{
	(void)state;
	ingest_bed_need_mariadb();
	restore_and_expect(dump_mariadb, restore_mariadb);
}

int main(void)
{
	const struct CMUnitTest sqlite[] = {
		cmocka_unit_test_setup_teardown(
			a_backup_restored_under_a_running_server_mixes_no_devices,
			ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(
			a_file_replaced_under_a_running_server_is_the_one_that_is_written,
			ingest_bed_make_sqlite, ingest_bed_clear),
	};
	const struct CMUnitTest mariadb[] = {
		cmocka_unit_test_setup_teardown(
			a_dump_restored_under_a_running_server_mixes_no_devices,
			ingest_bed_make_mariadb, ingest_bed_clear),
	};

	return ingest_bed_run_tests(sqlite, sizeof(sqlite) / sizeof(sqlite[0]), mariadb,
				    sizeof(mariadb) / sizeof(mariadb[0]));
}
