// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE	/* mkdtemp(), memmem() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "userspace/node/outbox.h"

static const struct outbox_range none;

#define S UINT64_C(1000000000)
#define T0 (INT64_C(20800) * 86400 * 1000000)
#define BOOT 0x1111

/* A folder and an outbox in it. */
struct place {
	char dir[64], path[96], err[600];
	struct outbox_config config;
	struct outbox *o;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/geotherm-outbox-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/outbox.db", p->dir);
	p->config = (struct outbox_config){
		.path = p->path, .max_rows = 1000, .max_bytes = 10000000, .boot = BOOT
	};
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	const struct dirent *entry;
	DIR *dir;

	outbox_close(p->o);
	chmod(p->dir, 0700);
	dir = opendir(p->dir);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.') {
			unlinkat(dirfd(dir), entry->d_name, 0);
		}
	}
	closedir(dir);
	rmdir(p->dir);
	free(p);
	return 0;
}

static int reopen(struct place *p)
{
	outbox_close(p->o);
	p->o = NULL;
	return outbox_open(&p->o, &p->config, p->err, sizeof(p->err));
}

/*
 * Leaves the file as a kill would: not closed. What SQLite holds in memory is let go without a
 * trace in the file.
 */
static int crash(struct place *p)
{
	char copy[128], wal[128], copy_wal[140], command[700];

	snprintf(copy, sizeof(copy), "%s.copy", p->path);
	snprintf(wal, sizeof(wal), "%s-wal", p->path);
	snprintf(copy_wal, sizeof(copy_wal), "%s-wal", copy);
	snprintf(command, sizeof(command), "cp %s %s && cp %s %s", p->path, copy, wal, copy_wal);
	assert_int_equal(system(command), 0);
	outbox_close(p->o);
	p->o = NULL;
	snprintf(command, sizeof(command), "rm -f %s && mv %s %s && mv %s %s", wal, copy, p->path, copy_wal, wal);
	assert_int_equal(system(command), 0);
	return outbox_open(&p->o, &p->config, p->err, sizeof(p->err));
}

static struct reading sample(uint64_t boot_s)
{
	struct reading r;

	reading_init(&r);
	strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
	r.boot_ns = boot_s * S;
	reading_scalar_put(&r, READING_LAT, -276004400);
	reading_scalar_put(&r, READING_LON, -485188400);
	strcpy(r.host, "river-hut");
	r.n_temperatures = 1;
	memcpy(r.temperatures[0].rom, "\x28\x01\x02\x03\x04\x05\x06\x9e", 8);
	r.temperatures[0].temp_known = true;
	r.temperatures[0].raw = (int16_t)(boot_s % 1000);
	r.temperatures[0].temp_mc = (int32_t)(boot_s % 1000) * 625 / 10;
	return r;
}

static struct reading put(struct place *p, uint64_t boot_s)
{
	struct reading r = sample(boot_s);

	assert_int_equal(outbox_put(p->o, &r), 0);
	return r;
}

static struct reading put_dated(struct place *p, uint64_t boot_s)
{
	struct reading r = sample(boot_s);

	r.time_source = READING_TIME_GNSS;
	r.utc_us = T0 + (int64_t)boot_s * 1000000;
	r.time_acc_ns = 40;
	assert_int_equal(outbox_put(p->o, &r), 0);
	return r;
}

static struct outbox_stats stats(struct place *p)
{
	struct outbox_stats s;

	assert_int_equal(outbox_stats(p->o, &s), 0);
	return s;
}

/* --- order, keys --------------------------------------------------------- */

static void what_is_put_is_peeked_in_order_and_stays(void **state)
{
	struct place *p = *state;
	struct reading in[5], out[8];

	for (int i = 0; i < 5; i++) {
		in[i] = put_dated(p, 10 + (uint64_t)i);
		assert_int_equal(in[i].seq, i + 1);
	}
	for (int again = 0; again < 2; again++) {
		assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 5);
		for (int i = 0; i < 5; i++) {
			assert_true(reading_equal(&in[i], &out[i]));
		}
	}
	assert_int_equal(outbox_peek(p->o, OUTBOX_NEWEST_FIRST, none, out, 2), 2);
	assert_true(reading_equal(&in[4], &out[0]));
	assert_true(reading_equal(&in[3], &out[1]));
}

static void what_is_confirmed_is_gone_and_the_rest_stays(void **state)
{
	struct place *p = *state;
	struct reading out[8];
	uint64_t epoch = stats(p).epoch, before;

	for (uint64_t i = 0; i < 6; i++) {
		put(p, 10 + i);
	}
	before = stats(p).bytes;
	assert_int_equal(outbox_confirm(p->o, epoch, 2, 4), 3);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 3);
	assert_int_equal(out[0].seq, 1);
	assert_int_equal(out[1].seq, 5);
	assert_int_equal(stats(p).rows, 3);
	assert_true(stats(p).bytes < before);
	assert_int_equal(outbox_confirm(p->o, epoch, 2, 4), 0);
	assert_int_equal(outbox_confirm(p->o, epoch + 1, 1, 6), 0);
	assert_int_equal(outbox_confirm(p->o, epoch, 0, INT64_MAX), 3);
	assert_int_equal(stats(p).rows, 0);
	assert_int_equal(stats(p).bytes, 0);
}

static void what_is_under_way_is_not_peeked_and_nothing_reaches_over_it(void **state)
{
	static const struct {
		enum outbox_order order;
		struct outbox_range except;
		uint64_t first, last;	/* in the order of the peek */
	} rows[] = {
		{ OUTBOX_OLDEST_FIRST, { 1, 4 }, 5, 9 },
		{ OUTBOX_OLDEST_FIRST, { 3, 5 }, 1, 2 },
		{ OUTBOX_NEWEST_FIRST, { 3, 5 }, 9, 6 },
		{ OUTBOX_NEWEST_FIRST, { 6, 9 }, 5, 1 },
		{ OUTBOX_OLDEST_FIRST, { 1, 9 }, 0, 0 },
	};
	struct place *p = *state;
	struct reading out[16];

	for (uint64_t i = 1; i <= 9; i++) {
		put(p, i);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n = outbox_peek(p->o, rows[i].order, rows[i].except, out, 16);

		assert_int_equal(n, rows[i].first == 0 ? 0 : llabs((long long)rows[i].last - (long long)rows[i].first) + 1);
		assert_true(n == 0 || (out[0].seq == rows[i].first && out[n - 1].seq == rows[i].last));
	}
}

static void a_seq_is_never_given_twice_even_after_all_was_confirmed(void **state)
{
	struct place *p = *state;
	uint64_t epoch = stats(p).epoch;

	put(p, 1);
	put(p, 2);
	outbox_confirm(p->o, epoch, 1, 2);
	assert_int_equal(reopen(p), 0);
	assert_int_equal(put(p, 3).seq, 3);
	outbox_confirm(p->o, epoch, 3, 3);
	assert_int_equal(crash(p), 0);
	assert_int_equal(put(p, 4).seq, 4);
	assert_true(stats(p).epoch == epoch);
}

static void each_new_file_has_an_epoch_of_its_own(void **state)
{
	struct place *p = *state;
	uint64_t first = stats(p).epoch;

	outbox_close(p->o);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 0);
	assert_true(first != 0 && stats(p).epoch != 0 && stats(p).epoch != first);
	assert_int_equal(put(p, 1).seq, 1);
}

static void a_second_process_is_refused(void **state)
{
	struct place *p = *state;
	struct outbox *second;

	assert_int_equal(outbox_open(&second, &p->config, p->err, sizeof(p->err)), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(p->err, p->path));
	assert_non_null(strstr(p->err, "another"));
}

/* Holds the file's lock as long as a look into it, or the recovery of its WAL, may take. */
static void *look_into(void *arg)
{
	sqlite3 *db = arg;
	const struct timespec while_ = { 0, 300000000 };

	nanosleep(&while_, NULL);
	sqlite3_close(db);
	return NULL;
}

static void somebody_who_looks_into_the_file_does_not_keep_it_from_being_opened(void **state)
{
	struct place *p = *state;
	pthread_t thread;
	sqlite3 *db;

	put(p, 1);
	outbox_close(p->o);
	p->o = NULL;
	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(pthread_create(&thread, NULL, look_into, db), 0);
	if (outbox_open(&p->o, &p->config, p->err, sizeof(p->err)) != 0) {
		fail_msg("%s", p->err);
	}
	pthread_join(thread, NULL);
}

/* --- dates ---------------------------------------------------------------- */

static void readings_of_this_boot_without_time_are_dated_when_it_is_known(void **state)
{
	struct place *p = *state;
	const struct clock_stamp now = { 100 * S, T0, READING_TIME_GNSS, 30 };
	struct reading out[4], dated;

	put(p, 40);
	dated = put_dated(p, 50);
	put(p, 99);
	assert_int_equal(outbox_date(p->o, &now), 2);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 3);
	assert_true(out[0].utc_us == T0 - 60000000);
	assert_int_equal(out[0].time_source, READING_TIME_GNSS);
	assert_true(out[0].time_acc_ns == 30 + 60 * S / CLOCK_DRIFT_DIVISOR);
	assert_true(reading_equal(&out[1], &dated));
	assert_true(out[2].utc_us == T0 - 1000000);
	assert_int_equal(outbox_date(p->o, &now), 0);
}

static void readings_of_another_boot_are_never_dated(void **state)
{
	struct place *p = *state;
	const struct clock_stamp now = { 100 * S, T0, READING_TIME_GNSS, CLOCK_ACC_UNKNOWN };
	struct reading out[4];

	put(p, 40);
	p->config.boot = BOOT + 1;
	assert_int_equal(reopen(p), 0);
	put(p, 50);
	assert_int_equal(outbox_date(p->o, &now), 1);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 2);
	assert_int_equal(out[0].time_source, READING_TIME_NONE);
	assert_int_equal(out[1].time_source, READING_TIME_GNSS);
	assert_true(out[1].time_acc_ns == CLOCK_ACC_UNKNOWN);
}

/* --- bounds --------------------------------------------------------------- */

static void when_it_is_full_the_oldest_go_into_a_gap(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[4];
	struct reading out[16];

	p->config.max_rows = 10;
	assert_int_equal(reopen(p), 0);
	for (uint64_t i = 1; i <= 25; i++) {
		put(p, i);
	}
	assert_int_equal(stats(p).rows, 10);
	assert_int_equal(stats(p).dropped, 15);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 16), 10);
	assert_int_equal(out[0].seq, 16);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 4), 1);
	assert_int_equal(gaps[0].first, 1);
	assert_int_equal(gaps[0].last, 15);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_FULL);
}

static void a_gap_holds_only_what_was_dropped_not_what_was_confirmed(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[4];

	p->config.max_rows = 4;
	assert_int_equal(reopen(p), 0);
	for (uint64_t i = 1; i <= 4; i++) {
		put(p, i);
	}
	outbox_confirm(p->o, stats(p).epoch, 2, 3);
	for (uint64_t i = 5; i <= 8; i++) {
		put(p, i);
	}
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 4), 2);
	assert_int_equal(gaps[0].first, 1);
	assert_int_equal(gaps[0].last, 1);
	assert_int_equal(gaps[1].first, 4);
	assert_int_equal(gaps[1].last, 4);
	assert_int_equal(outbox_gaps(p->o, 2, gaps, 4), 1);
}

static void bytes_are_a_bound_as_well(void **state)
{
	struct place *p = *state;
	uint64_t one;

	put(p, 1);
	one = stats(p).bytes;
	p->config.max_bytes = one * 5;
	assert_int_equal(reopen(p), 0);
	assert_true(stats(p).bytes == one);
	for (uint64_t i = 2; i <= 50; i++) {
		put(p, i);
		assert_true(stats(p).bytes <= p->config.max_bytes);
	}
	assert_in_range(stats(p).rows, 4, 5);
}

/* --- set aside ------------------------------------------------------------- */

static void a_refused_reading_is_kept_but_not_sent_again(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[2];
	struct reading out[4];
	uint64_t epoch = stats(p).epoch;

	put(p, 1);
	put(p, 2);
	assert_int_equal(outbox_refuse(p->o, epoch, 1, "4.00 record 3: not a number"), 0);
	assert_int_equal(outbox_refuse(p->o, epoch, 1, "again"), -ENOENT);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 1);
	assert_int_equal(out[0].seq, 2);
	assert_int_equal(stats(p).rows, 2);
	assert_int_equal(stats(p).refused, 1);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_REFUSED);
	outbox_confirm(p->o, epoch, 1, 2);
	assert_int_equal(stats(p).rows, 1);
	assert_int_equal(reopen(p), 0);
	assert_int_equal(stats(p).refused, 1);
}

static void what_is_set_aside_goes_first_when_it_is_full(void **state)
{
	struct place *p = *state;
	struct reading out[8];

	p->config.max_rows = 4;
	assert_int_equal(reopen(p), 0);
	for (uint64_t i = 1; i <= 4; i++) {
		put(p, i);
	}
	outbox_refuse(p->o, stats(p).epoch, 4, "4.00");
	put(p, 5);
	assert_int_equal(stats(p).refused, 0);
	assert_int_equal(stats(p).dropped, 0);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 4);
	assert_int_equal(out[0].seq, 1);
	assert_int_equal(out[3].seq, 5);
}

static void a_gap_that_the_server_knows_is_gone_unless_it_has_grown(void **state)
{
	struct place *p = *state;
	struct outbox_gap told, now;

	p->config.max_rows = 3;
	assert_int_equal(reopen(p), 0);
	for (uint64_t i = 1; i <= 5; i++) {
		put(p, i);
	}
	assert_int_equal(outbox_gaps(p->o, 1, &told, 1), 1);
	assert_int_equal(told.last, 2);
	put(p, 6);
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &told), 0);
	assert_int_equal(outbox_gaps(p->o, 1, &now, 1), 1);
	assert_int_equal(now.first, 1);
	assert_int_equal(now.last, 3);
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch + 1, &now), 0);	/* of another file */
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &now), 1);
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &now), 0);
	assert_int_equal(stats(p).gaps, 0);
	assert_int_equal(outbox_refuse(p->o, stats(p).epoch, 6, "it"), 0);
	assert_int_equal(outbox_confirm(p->o, stats(p).epoch, 4, 5), 2);
	assert_int_equal(outbox_gaps(p->o, 1, &now, 1), 1);
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &now), 1);
	assert_int_equal(reopen(p), 0);
	assert_int_equal(put(p, 7).seq, 7);
}

/* --- power and sync -------------------------------------------------------- */

static void after_a_power_cut_unsynced_seqs_are_skipped_and_a_gap(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[2];
	uint64_t next;

	p->config.sync_ms = 30000;
	assert_int_equal(reopen(p), 0);
	put(p, 1);
	put(p, 2);
	assert_int_equal(crash(p), 0);	/* of the process only: the kernel still has all of it */
	assert_int_equal(put(p, 3).seq, 3);
	p->config.boot = BOOT + 1;
	assert_int_equal(crash(p), 0);
	next = put(p, 4).seq;
	assert_true(next > 1000);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 4);
	assert_int_equal(gaps[0].last, next - 1);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_POWER);
	p->config.boot = BOOT + 2;
	assert_int_equal(reopen(p), 0);	/* closed in order: nothing is skipped */
	assert_int_equal(put(p, 5).seq, next + 1);
}

static void a_sync_is_due_its_interval_after_the_first_unsynced_put(void **state)
{
	struct place *p = *state;

	p->config.sync_ms = 30000;
	assert_int_equal(reopen(p), 0);
	assert_int_equal(outbox_sync_due_ns(p->o), 0);
	put(p, 100);
	put(p, 110);
	assert_true(outbox_sync_due_ns(p->o) == 130 * S);
	assert_int_equal(outbox_sync(p->o), 0);
	assert_int_equal(outbox_sync_due_ns(p->o), 0);
	assert_int_equal(outbox_sync(p->o), 0);
	assert_int_equal(stats(p).syncs, 1);
	for (uint64_t i = 0; i < 1000; i++) {
		put(p, 200 + i);
	}
	assert_int_equal(stats(p).syncs, 2);	/* never more unsynced than are skipped */
}

static void with_a_thread_a_reading_is_peeked_once_it_is_on_the_disk(void **state)
{
	struct place *p = *state;
	struct pollfd done = { .events = POLLIN };
	struct reading out[8];
	uint64_t syncs;
	int n = 0;

	put(p, 1);	/* of the process before: it may be in the kernel only */
	p->config.flush_thread = true;
	assert_int_equal(reopen(p), 0);
	put(p, 2);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 0);
	done.fd = outbox_fd(p->o);
	while (n < 2) {
		assert_int_equal(poll(&done, 1, 30000), 1);
		assert_int_equal(outbox_settle(p->o), 0);
		n = outbox_peek(p->o, OUTBOX_NEWEST_FIRST, none, out, 8);
	}
	assert_int_equal(out[0].seq, 2);
	assert_int_equal(out[1].seq, 1);
	syncs = stats(p).syncs;
	assert_in_range(syncs, 1, 2);
	assert_int_equal(outbox_confirm(p->o, stats(p).epoch, 1, 2), 2);	/* needs none */
	assert_int_equal(stats(p).syncs, syncs);
	assert_int_equal(reopen(p), 0);
	assert_int_equal(stats(p).rows, 0);
	assert_int_equal(put(p, 3).seq, 3);
}

static void the_thread_keeps_the_wal_short(void **state)
{
	struct place *p = *state;
	struct pollfd done = { .events = POLLIN };
	struct reading out[1];
	struct stat wal;
	char name[128];

	p->config.flush_thread = true;
	p->config.max_rows = 100;
	assert_int_equal(reopen(p), 0);
	done.fd = outbox_fd(p->o);
	for (uint64_t i = 1; i <= 1200; i++) {
		uint64_t seq = put(p, i).seq;

		/* The thread is never further behind than one sync. */
		while (outbox_peek(p->o, OUTBOX_NEWEST_FIRST, none, out, 1) < 1 || out[0].seq < seq) {
			assert_int_equal(poll(&done, 1, 30000), 1);
			assert_int_equal(outbox_settle(p->o), 0);
		}
	}
	snprintf(name, sizeof(name), "%s-wal", p->path);
	assert_int_equal(stat(name, &wal), 0);
	assert_true(wal.st_size < 10 * 1024 * 1024);
}

static void with_a_thread_and_an_interval_readings_need_not_wait(void **state)
{
	struct place *p = *state;
	struct pollfd done = { .events = POLLIN };
	struct reading out[8];

	p->config.flush_thread = true;
	p->config.sync_ms = 30000;
	assert_int_equal(reopen(p), 0);
	put(p, 100);
	put(p, 110);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 2);
	assert_true(outbox_sync_due_ns(p->o) == 130 * S);
	assert_int_equal(stats(p).syncs, 0);
	assert_int_equal(outbox_sync(p->o), 0);
	done.fd = outbox_fd(p->o);
	assert_int_equal(poll(&done, 1, 30000), 1);
	assert_int_equal(outbox_settle(p->o), 0);
	assert_int_equal(stats(p).syncs, 1);
	assert_int_equal(outbox_sync_due_ns(p->o), 0);
}

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
		assert_int_equal(put(p, 1).seq, 1);
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
		put(p, i);
	}
	outbox_close(p->o);
	damage_a_page_of_readings(p->path, 2);
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 1);
	assert_int_equal(access(aside, F_OK), 0);
	assert_int_equal(put(p, 1).seq, 1);
}

static void damage_that_is_met_in_use_is_set_aside_at_the_next_open(void **state)
{
	struct place *p = *state;
	struct reading out[64];
	char aside[128];
	int rc = 0;

	snprintf(aside, sizeof(aside), "%s.damaged-1", p->path);
	for (uint64_t i = 1; i <= 60; i++) {
		put(p, i);
	}
	p->config.max_rows = 100000;
	p->config.sync_ms = 3600000;
	assert_int_equal(reopen(p), 0);
	damage_a_page_of_readings(p->path, 1);
	for (uint64_t i = 61; i < 12000 && rc >= 0; i++) {	/* more than it keeps in memory */
		struct reading r = sample(i);

		rc = outbox_put(p->o, &r);
	}
	rc = rc >= 0 ? outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 64) : rc;
	assert_int_equal(rc, -EUCLEAN);
	assert_int_equal(reopen(p), 1);
	assert_int_equal(access(aside, F_OK), 0);
	assert_int_equal(put(p, 1).seq, 1);
}

static void a_damaged_body_is_set_aside_and_the_rest_is_sent(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[2];
	struct reading out[4];

	put(p, 1);
	put(p, 2);
	put(p, 3);
	outbox_close(p->o);
	sql(p->path, "UPDATE reading SET body = CAST(substr(body, 1, 40) || X'ff' || substr(body, 42) AS BLOB) WHERE seq = 2");
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 0);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 2);
	assert_int_equal(out[0].seq, 1);
	assert_int_equal(out[1].seq, 3);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 2);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_DAMAGED);
	assert_int_equal(stats(p).refused, 1);
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

/* A limit on the size of files is what a full or failing disk looks like to SQLite. */
static void what_the_disk_does_not_take_is_counted_and_in_a_gap(void **state)
{
	struct place *p = *state;
	struct rlimit limit, no_room;
	struct outbox_gap gaps[2];
	struct reading r, out[8];

	put(p, 1);
	put(p, 2);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	no_room = limit;
	no_room.rlim_cur = 512;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &no_room), 0);
	for (uint64_t i = 3; i <= 5; i++) {
		r = sample(i);
		assert_true(outbox_put(p->o, &r) < 0);
		assert_true(outbox_reason(p->o)[0] != '\0');
	}
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 2);	/* what there is can be sent */
	assert_true(outbox_confirm(p->o, stats(p).epoch, 1, 1) < 0);	/* and stays, as it cannot be deleted */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(stats(p).not_written, 3);
	assert_int_equal(stats(p).rows, 2);
	assert_int_equal(put(p, 6).seq, 6);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 3);
	assert_int_equal(gaps[0].last, 5);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_NOT_WRITTEN);
	assert_int_equal(outbox_confirm(p->o, stats(p).epoch, 1, 6), 3);
}

static void what_is_no_reading_uses_up_no_seq(void **state)
{
	struct place *p = *state;
	struct reading r = sample(1);

	strcpy(r.device, "no urn");
	assert_int_equal(outbox_put(p->o, &r), -EINVAL);
	assert_int_equal(put(p, 1).seq, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_is_peeked_in_order_and_stays),
		TEST(what_is_confirmed_is_gone_and_the_rest_stays),
		TEST(what_is_under_way_is_not_peeked_and_nothing_reaches_over_it),
		TEST(a_seq_is_never_given_twice_even_after_all_was_confirmed),
		TEST(each_new_file_has_an_epoch_of_its_own),
		TEST(a_second_process_is_refused),
		TEST(somebody_who_looks_into_the_file_does_not_keep_it_from_being_opened),
		TEST(readings_of_this_boot_without_time_are_dated_when_it_is_known),
		TEST(readings_of_another_boot_are_never_dated),
		TEST(when_it_is_full_the_oldest_go_into_a_gap),
		TEST(a_gap_holds_only_what_was_dropped_not_what_was_confirmed),
		TEST(bytes_are_a_bound_as_well),
		TEST(a_refused_reading_is_kept_but_not_sent_again),
		TEST(what_is_set_aside_goes_first_when_it_is_full),
		TEST(a_gap_that_the_server_knows_is_gone_unless_it_has_grown),
		TEST(after_a_power_cut_unsynced_seqs_are_skipped_and_a_gap),
		TEST(a_sync_is_due_its_interval_after_the_first_unsynced_put),
		TEST(with_a_thread_a_reading_is_peeked_once_it_is_on_the_disk),
		TEST(the_thread_keeps_the_wal_short),
		TEST(with_a_thread_and_an_interval_readings_need_not_wait),
		TEST(a_newer_version_is_refused_with_words),
		TEST(another_programs_database_is_refused_and_left_alone),
		TEST(a_file_that_is_no_database_is_set_aside),
		TEST(damage_is_set_aside_though_the_file_was_closed_in_order),
		TEST(damage_that_is_met_in_use_is_set_aside_at_the_next_open),
		TEST(a_damaged_body_is_set_aside_and_the_rest_is_sent),
		TEST(a_folder_that_is_not_there_is_named),
		TEST(what_the_disk_does_not_take_is_counted_and_in_a_gap),
		TEST(what_is_no_reading_uses_up_no_seq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
