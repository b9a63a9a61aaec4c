// SPDX-License-Identifier: BSD-2-Clause
/* The outbox with files that are damaged, foreign or of the future, and disks that take nothing. */
#define _GNU_SOURCE /* memmem() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_takes.h"
#include "outbox_place.h"
#include "peek_readings.h"

/* --- trouble --------------------------------------------------------------- */

static void sql(const char *path, const char *statements)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, statements, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_newer_version_is_refused_with_words(void **state)
{
	struct place *p = *state;

	outbox_close(p->o);
	sql(p->path, "PRAGMA user_version = 2");
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), OUTBOX_E_NEWER);
	assert_null(p->o);
	assert_non_null(strstr(p->err, p->path));
	assert_non_null(strstr(p->err, "newer version"));
}

static void another_programs_database_is_refused_and_left_alone(void **state)
{
	struct place *p = *state;
	struct stat before, after;
	char other[128];

	snprintf(other, sizeof(other), "%s/photos.db", p->dir);
	sql(other, "CREATE TABLE photo (name TEXT)");
	assert_int_equal(stat(other, &before), 0);
	outbox_close(p->o);
	p->config.path = other;
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), OUTBOX_E_FOREIGN);
	assert_non_null(strstr(p->err, other));
	assert_int_equal(stat(other, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void a_file_that_is_no_database_is_set_aside(void **state)
{
	struct place *p = *state;
	char aside[128];
	FILE *f;

	outbox_close(p->o);
	for (int n = 1; n <= 2; n++) {
		f = fopen(p->path, "w");
		assert_non_null(f);
		for (int i = 0; i < 500; i++) {
			fputs("this is not a database\n", f);
		}
		fclose(f);
		assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 1);
		snprintf(aside, sizeof(aside), "%s.damaged-%d", p->path, n);
		assert_non_null(strstr(p->err, aside));
		assert_int_equal(access(aside, F_OK), 0);
		assert_int_equal(place_put(p, 1).seq, 1);
		outbox_close(p->o);
	}
	p->o = NULL;
}

/* Writes over the page of the file that holds some readings, `which` of those. */
static void damage_a_page_of_readings(const char *path, int which)
{
	uint8_t page[4096], garbage[100];
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	memset(garbage, 0xa5, sizeof(garbage));
	for (off_t at = 0; pread(fd, page, sizeof(page), at) == (ssize_t)sizeof(page); at += 4096) {
		if (memmem(page, sizeof(page), "river-hut", 9) != NULL && which-- == 0) {
			assert_int_equal(pwrite(fd, garbage, sizeof(garbage), at), sizeof(garbage));
			close(fd);
			return;
		}
	}
	fail_msg("no such page in %s", path);
}

static void damage_is_set_aside_though_the_file_was_closed_in_order(void **state)
{
	struct place *p = *state;
	char aside[128];

	snprintf(aside, sizeof(aside), "%s.damaged-1", p->path);
	for (uint64_t i = 1; i <= 60; i++) {
		place_put(p, i);
	}
	outbox_close(p->o);
	damage_a_page_of_readings(p->path, 2);
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 1);
	assert_int_equal(access(aside, F_OK), 0);
	assert_non_null(strstr(p->err, "readings in it are taken over"));
	assert_int_equal(place_put(p, 1).seq, 60 + 1000 + 1);
}

/* Each number from 1 to `last` waits or is in a gap, once. How many wait. */
static uint64_t account(struct place *p, uint64_t last)
{
	static struct outbox_gap gaps[100];
	int n = outbox_gaps(p->o, 1, gaps, 100);
	uint64_t lost = 0;

	assert_in_range(n, 0, 99);
	for (int i = 0; i < n; i++) {
		lost += gaps[i].last - gaps[i].first + 1;
	}
	assert_int_equal(stats(p).rows + lost, last);
	return stats(p).rows;
}

static void whichever_page_is_zeroed_what_can_be_read_is_taken_over(void **state)
{
	struct place *p = *state;
	static const uint8_t zeros[1024];
	char copy[128], command[600];
	uint64_t epoch = stats(p).epoch;
	unsigned pages, salvaged = 0;
	struct stat st;

	for (uint64_t i = 1; i <= 60; i++) {
		place_put(p, i);
	}
	outbox_close(p->o);
	snprintf(copy, sizeof(copy), "%s.copy", p->path);
	snprintf(command, sizeof(command), "cp %s %s", p->path, copy);
	assert_int_equal(system(command), 0);
	assert_int_equal(stat(p->path, &st), 0);
	pages = (unsigned)(st.st_size / 1024);
	for (unsigned page = 0; page < pages; page++) {
		int fd, rc;

		snprintf(command, sizeof(command), "rm -f %s-wal %s-shm; cp %s %s", p->path,
			 p->path, copy, p->path);
		assert_int_equal(system(command), 0);
		fd = open(p->path, O_RDWR);
		assert_int_equal(pwrite(fd, zeros, sizeof(zeros), page * 1024), sizeof(zeros));
		close(fd);
		p->config.damaged = page % 2 != 0; /* or by a check */
		rc = outbox_open(&p->o, &p->config, p->err, sizeof(p->err));
		assert_in_range(rc, 0, 1);
		if (rc == 1 && stats(p).epoch == epoch) {
			assert_true(account(p, 1060) > 0);
			salvaged++;
		} else if (rc == 1) { /* nothing of it can be read */
			assert_int_equal(place_put(p, 1).seq, 1);
		}
		outbox_close(p->o);
	}
	p->o = NULL;
	p->config.damaged = false;
	print_message("    %u of %u pages, each zeroed alone: readings taken over\n", salvaged,
		      pages);
	assert_true(salvaged + 8 >= pages);
}

static void damage_that_is_met_in_use_is_set_aside_at_the_next_open(void **state)
{
	struct place *p = *state;
	struct reading out[64];
	char aside[128];
	int rc = 0;

	snprintf(aside, sizeof(aside), "%s.damaged-1", p->path);
	for (uint64_t i = 1; i <= 60; i++) {
		place_put(p, i);
	}
	p->config.max_rows = 100000;
	p->config.sync_ms = 3600000;
	assert_int_equal(place_reopen(p), 0);
	damage_a_page_of_readings(p->path, 1);
	for (uint64_t i = 61; i < 12000 && rc >= 0; i++) { /* more than it keeps in memory */
		struct reading r = sample(i);

		rc = outbox_put(p->o, &r);
	}
	rc = rc >= 0 ? peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 64) : rc;
	assert_int_equal(rc, -EUCLEAN);
	p->config.damaged = true;
	assert_int_equal(place_reopen(p), 1);
	assert_int_equal(access(aside, F_OK), 0);
	assert_true(place_put(p, 1).seq > 61); /* behind what was taken over */
}

static void a_damaged_body_is_set_aside_and_the_rest_is_sent(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[2];
	struct reading out[4];

	place_put(p, 1);
	place_put(p, 2);
	place_put(p, 3);
	outbox_close(p->o);
	sql(p->path,
	    "UPDATE reading SET body = CAST(substr(body, 1, 40) || X'ff' || substr(body, 42) AS BLOB) WHERE seq = 2");
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 0);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 2);
	assert_int_equal(out[0].seq, 1);
	assert_int_equal(out[1].seq, 3);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 2);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_DAMAGED);
	assert_int_equal(stats(p).refused, 1);
}

/* A flipped bit in a row's header makes a NULL of a column that has none. */
static void a_row_that_cannot_be_set_aside_is_dropped_and_the_rest_is_sent(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[2];
	struct reading out[4];

	place_put(p, 1);
	place_put(p, 2);
	place_put(p, 3);
	outbox_close(p->o);
	sql(p->path, "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql ="
		     " replace(sql, 'crc INTEGER NOT NULL', 'crc INTEGER') WHERE name = 'reading'");
	sql(p->path, "UPDATE reading SET crc = NULL WHERE seq = 2");
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 0);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 2);
	assert_int_equal(out[1].seq, 3);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 2);
	assert_int_equal(gaps[0].last, 2);
	assert_int_equal(stats(p).rows, 2);
	assert_int_equal(stats(p).refused, 0);
}

static void a_table_that_lost_a_column_is_set_aside_with_the_cause(void **state)
{
	struct place *p = *state;

	place_put(p, 1);
	outbox_close(p->o);
	sql(p->path, "ALTER TABLE gap DROP COLUMN reason");
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 1);
	assert_non_null(strstr(p->err, "no such column: reason"));
}

static void an_error_while_dating_is_returned(void **state)
{
	struct place *p = *state;
	const struct clock_stamp now = { 100 * S, T0, READING_TIME_GNSS, 30 };

	place_put(p, 1);
	sql(p->path, "DROP TABLE reading");
	assert_true(outbox_date(p->o, &now, 9) < 0);
	assert_non_null(strstr(outbox_reason(p->o), "reading"));
}

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL) {
		n++;
	}
	closedir(d);
	return n;
}

static void without_descriptors_it_is_not_opened_and_leaves_none(void **state)
{
	struct place *p = *state;
	struct rlimit before, limit;
	unsigned open, failed = 0;
	int rc = -1;

	p->config.flush_thread = true;
	outbox_close(p->o);
	open = open_descriptors();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (rlim_t n = 3; rc != 0; n++) {
		limit = (struct rlimit){ n, before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		rc = outbox_open(&p->o, &p->config, p->err, sizeof(p->err));
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_not_equal(rc, 1);
		if (rc != 0) {
			assert_true(p->err[0] != '\0');
			assert_int_equal(open_descriptors(), open);
			failed++;
		}
	}
	assert_true(failed > 3); /* lock, database, WAL, the thread's */
	outbox_close(p->o);
	p->o = NULL;
	assert_int_equal(open_descriptors(), open);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	struct place *p = *state;
	struct outbox *o;

	p->config.path = "/nonexistent/outbox.db";
	assert_int_equal(outbox_open(&o, &p->config, p->err, sizeof(p->err)), -ENOENT);
	assert_non_null(strstr(p->err, "/nonexistent/outbox.db"));
	assert_non_null(strstr(p->err, "No such file"));
}

static void what_the_disk_does_not_take_is_sent_from_memory(void **state)
{
	struct place *p = *state;
	const struct clock_stamp now = { 100 * S, T0, READING_TIME_GNSS, 30 };
	struct outbox_sent sent = { { 0, 0 }, { 0, 0 } };
	static uint8_t buffer[4096];
	struct reading in[5], out[4];
	struct outbox_pack pack;
	struct senml_error error;
	rlim_t before;

	p->config.max_memory = 3;
	assert_int_equal(place_reopen(p), 0);
	place_put(p, 1);
	place_put(p, 2);
	before = disk_takes(512);
	for (unsigned i = 0; i < 5; i++) {
		in[i] = sample(10 + i);
		assert_int_equal(outbox_put(p->o, &in[i]), OUTBOX_UNPROTECTED);
		assert_non_null(strstr(outbox_reason(p->o), "SQLite"));
	}
	assert_int_equal(stats(p).unprotected, 3);
	assert_int_equal(stats(p).not_written, 2); /* the oldest two of memory */
	assert_true(outbox_date(p->o, &now, 9) < 0);
	assert_int_equal(
		outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &sent, 2, buffer, sizeof(buffer), &pack), 2);
	assert_true(pack.in_memory && pack.epoch != stats(p).epoch);
	assert_int_equal(pack.first, 3);
	assert_int_equal(pack.last, 4);
	assert_int_equal(senml_decode(SENML_CBOR, buffer, pack.size, out, 4, &error), 2);
	assert_true(out[0].boot_ns == in[2].boot_ns && out[1].boot_ns == in[3].boot_ns);
	assert_true(out[0].utc_us == T0 - 88000000);
	sent.memory = (struct outbox_range){ 3, 4 };
	assert_int_equal(
		outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &sent, 2, buffer, sizeof(buffer), &pack), 1);
	assert_int_equal(pack.first, 5);
	assert_int_equal(outbox_confirm(p->o, pack.epoch, 3, 4), 2);
	assert_int_equal(outbox_refuse(p->o, pack.epoch, 5, "4.00"), 0);
	assert_int_equal(stats(p).unprotected, 0);
	assert_int_equal(stats(p).not_written, 3);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 2);
	assert_int_equal(out[0].seq, 1);
	disk_takes(before);
	assert_int_equal(place_put(p, 20).seq, 3); /* no number was used up */
	assert_int_equal(stats(p).gaps, 0);
}

static void a_date_that_the_disk_does_not_take_is_sent_all_the_same(void **state)
{
	struct place *p = *state;
	const struct clock_stamp first = { 100 * S, T0, READING_TIME_SERVER, 30 },
				 later = { 200 * S, T0 + 7, READING_TIME_GNSS, 3 };
	struct reading sent[2], out[2];
	rlim_t before;

	place_put(p, 40);
	place_put(p, 41);
	before = disk_takes(512);
	assert_true(outbox_date(p->o, &first, 9) < 0);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, sent, 2), 2);
	assert_int_equal(sent[0].time_source, READING_TIME_SERVER);
	assert_true(sent[0].utc_us == T0 - 60000000);
	disk_takes(before);
	assert_int_equal(outbox_date(p->o, &later, 1), 1); /* what is sent again must be the same */
	assert_int_equal(place_reopen(p), 0);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 2), 2);
	assert_true(reading_equal(&out[0], &sent[0]));
	assert_int_equal(out[1].time_source, READING_TIME_NONE);
}

static void what_is_no_reading_uses_up_no_seq(void **state)
{
	struct place *p = *state;
	struct reading r = sample(1);

	strcpy(r.device, "no urn");
	assert_int_equal(outbox_put(p->o, &r), -EINVAL);
	assert_int_equal(place_put(p, 1).seq, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_newer_version_is_refused_with_words),
		TEST(another_programs_database_is_refused_and_left_alone),
		TEST(a_file_that_is_no_database_is_set_aside),
		TEST(damage_is_set_aside_though_the_file_was_closed_in_order),
		TEST(whichever_page_is_zeroed_what_can_be_read_is_taken_over),
		TEST(damage_that_is_met_in_use_is_set_aside_at_the_next_open),
		TEST(a_damaged_body_is_set_aside_and_the_rest_is_sent),
		TEST(a_row_that_cannot_be_set_aside_is_dropped_and_the_rest_is_sent),
		TEST(a_table_that_lost_a_column_is_set_aside_with_the_cause),
		TEST(an_error_while_dating_is_returned),
		TEST(without_descriptors_it_is_not_opened_and_leaves_none),
		TEST(a_folder_that_is_not_there_is_named),
		TEST(what_the_disk_does_not_take_is_sent_from_memory),
		TEST(a_date_that_the_disk_does_not_take_is_sent_all_the_same),
		TEST(what_is_no_reading_uses_up_no_seq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
