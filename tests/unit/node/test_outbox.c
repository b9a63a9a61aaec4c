// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "outbox_place.h"
#include "peek_readings.h"
#include "tests/unit/reading/random_reading.h"

static const struct outbox_sent nothing;

/* --- order, keys --------------------------------------------------------- */

static void what_is_put_is_peeked_in_order_and_stays(void **state)
{
	struct place *p = *state;
	struct reading in[5], out[8];

	for (int i = 0; i < 5; i++) {
		in[i] = place_put_dated(p, 10 + (uint64_t)i);
		assert_int_equal(in[i].seq, i + 1);
	}
	for (int again = 0; again < 2; again++) {
		assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 5);
		for (int i = 0; i < 5; i++) {
			assert_true(reading_equal(&in[i], &out[i]));
		}
	}
	assert_int_equal(peek_readings(p->o, OUTBOX_NEWEST_FIRST, none, out, 2), 2);
	assert_true(reading_equal(&in[4], &out[0]));
	assert_true(reading_equal(&in[3], &out[1]));
}

static void what_is_confirmed_is_gone_and_the_rest_stays(void **state)
{
	struct place *p = *state;
	struct reading out[8];
	uint64_t epoch = stats(p).epoch, before;

	for (uint64_t i = 0; i < 6; i++) {
		place_put(p, 10 + i);
	}
	before = stats(p).bytes;
	assert_int_equal(outbox_confirm(p->o, epoch, 2, 4), 3);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 3);
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
		uint64_t first, last; /* in the order of the peek */
	} rows[] = {
		{ OUTBOX_OLDEST_FIRST, { 1, 4 }, 5, 9 }, { OUTBOX_OLDEST_FIRST, { 3, 5 }, 1, 2 },
		{ OUTBOX_NEWEST_FIRST, { 3, 5 }, 9, 6 }, { OUTBOX_NEWEST_FIRST, { 6, 9 }, 5, 1 },
		{ OUTBOX_OLDEST_FIRST, { 1, 9 }, 0, 0 },
	};
	struct place *p = *state;
	struct reading out[16];

	for (uint64_t i = 1; i <= 9; i++) {
		place_put(p, i);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n = peek_readings(p->o, rows[i].order, rows[i].except, out, 16);

		assert_int_equal(
			n, rows[i].first == 0
				   ? 0
				   : llabs((long long)rows[i].last - (long long)rows[i].first) + 1);
		assert_true(n == 0 ||
			    (out[0].seq == rows[i].first && out[n - 1].seq == rows[i].last));
	}
}

static void a_seq_is_never_given_twice_even_after_all_was_confirmed(void **state)
{
	struct place *p = *state;
	uint64_t epoch = stats(p).epoch;

	place_put(p, 1);
	place_put(p, 2);
	outbox_confirm(p->o, epoch, 1, 2);
	assert_int_equal(place_reopen(p), 0);
	assert_int_equal(place_put(p, 3).seq, 3);
	outbox_confirm(p->o, epoch, 3, 3);
	assert_int_equal(place_crash(p), 0);
	assert_int_equal(place_put(p, 4).seq, 4);
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
	assert_int_equal(place_put(p, 1).seq, 1);
}

static int64_t pragma(const char *path, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t value = -1;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		value = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static void a_file_of_an_older_version_gets_small_pages_and_keeps_all_else(void **state)
{
	struct place *p = *state;
	struct reading in = place_put(p, 1), out[2];
	uint64_t epoch = stats(p).epoch;

	outbox_close(p->o);
	p->o = NULL;
	pragma(p->path, "PRAGMA journal_mode = DELETE");
	assert_int_equal(pragma(p->path, "PRAGMA page_size"), 1024);
	{
		sqlite3 *db;

		assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
		assert_int_equal(
			sqlite3_exec(db, "PRAGMA page_size = 4096; VACUUM", NULL, NULL, NULL),
			SQLITE_OK);
		sqlite3_close(db);
	}
	assert_int_equal(pragma(p->path, "PRAGMA page_size"), 4096);
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 0);
	assert_int_equal(pragma(p->path, "PRAGMA page_size"), 1024);
	assert_true(stats(p).epoch == epoch);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 2), 1);
	assert_true(reading_equal(&in, &out[0]));
	assert_int_equal(place_put(p, 2).seq, 2);
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

	place_put(p, 1);
	outbox_close(p->o);
	p->o = NULL;
	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL,
				      NULL, NULL),
			 SQLITE_OK);
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

	place_put(p, 40);
	dated = place_put_dated(p, 50);
	place_put(p, 99);
	assert_int_equal(outbox_date(p->o, &now, 1), 1);
	assert_int_equal(outbox_date(p->o, &now, 9), 1);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 3);
	assert_true(out[0].utc_us == T0 - 60000000);
	assert_int_equal(out[0].time_source, READING_TIME_GNSS);
	assert_true(out[0].time_acc_ns == 30 + 60 * S / CLOCK_DRIFT_DIVISOR);
	assert_true(reading_equal(&out[1], &dated));
	assert_true(out[2].utc_us == T0 - 1000000);
	assert_int_equal(outbox_date(p->o, &now, 9), 0);
}

static void readings_of_another_boot_are_never_dated(void **state)
{
	struct place *p = *state;
	const struct clock_stamp now = { 100 * S, T0, READING_TIME_GNSS, CLOCK_ACC_UNKNOWN };
	struct reading out[4];

	place_put(p, 40);
	p->config.boot = BOOT + 1;
	assert_int_equal(place_reopen(p), 0);
	place_put(p, 50);
	assert_int_equal(outbox_date(p->o, &now, 9), 1);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 2);
	assert_int_equal(out[0].time_source, READING_TIME_NONE);
	assert_int_equal(out[1].time_source, READING_TIME_GNSS);
	assert_true(out[1].time_acc_ns == CLOCK_ACC_UNKNOWN);
}

static void what_is_sent_is_what_its_readings_encode_to(void **state)
{
	struct place *p = *state;
	const struct clock_stamp now = { 5000 * S, T0, READING_TIME_NTP, 70 };
	static struct reading in[200];
	static uint8_t sent[1 << 22], want[1 << 22];
	struct outbox_pack pack;
	uint64_t seed = 15;
	int size;

	for (size_t i = 0; i < 200; i++) {
		random_reading(&seed, &in[i]);
		in[i].boot_ns = 1 + random_below(&seed, 9000 * S);
		assert_int_equal(outbox_put(p->o, &in[i]), 0);
		if (in[i].time_source == READING_TIME_NONE) {
			struct clock_stamp at = clock_stamp_at(&now, in[i].boot_ns);

			in[i].utc_us = at.utc_us;
			in[i].time_source = at.source;
			in[i].time_acc_ns = at.acc_ns;
		}
	}
	assert_int_equal(outbox_date(p->o, &now, 20), 20); /* on the disk; the rest as they go */
	assert_int_equal(
		outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &nothing, 200, sent, sizeof(sent), &pack),
		200);
	assert_int_equal(pack.first, 1);
	assert_int_equal(pack.last, 200);
	size = senml_encode(SENML_CBOR, in, 200, want, sizeof(want), NULL);
	assert_int_equal(pack.size, size);
	assert_memory_equal(sent, want, pack.size);
}

static void a_pack_ends_before_the_reading_that_does_not_fit(void **state)
{
	struct place *p = *state;
	struct outbox_pack one, pack;
	uint8_t buffer[2048];

	for (uint64_t i = 1; i <= 3; i++) {
		place_put(p, i);
	}
	assert_int_equal(
		outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &nothing, 1, buffer, sizeof(buffer), &one),
		1);
	assert_int_equal(outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &nothing, 3, buffer,
				     3 * one.size - 3,
				     /* three have one head */ &pack),
			 2);
	assert_int_equal(pack.last, 2);
	assert_int_equal(
		outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &nothing, 3, buffer, one.size, &pack), 1);
	assert_int_equal(
		outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &nothing, 3, buffer, one.size - 1, &pack),
		-EMSGSIZE);
	assert_int_equal(stats(p).rows, 3);
	assert_int_equal(stats(p).refused, 0);
}

/* --- bounds --------------------------------------------------------------- */

static void when_it_is_full_the_oldest_go_into_a_gap(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[4];
	struct reading out[16];

	p->config.max_rows = 10;
	assert_int_equal(place_reopen(p), 0);
	for (uint64_t i = 1; i <= 25; i++) {
		place_put(p, i);
	}
	assert_int_equal(stats(p).rows, 10);
	assert_int_equal(stats(p).dropped, 15);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 16), 10);
	assert_int_equal(out[0].seq, 16);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 4), 1);
	assert_int_equal(gaps[0].first, 1);
	assert_int_equal(gaps[0].last, 15);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_FULL);
}

static void bytes_are_a_bound_as_well(void **state)
{
	struct place *p = *state;
	uint64_t one;

	place_put(p, 1);
	one = stats(p).bytes;
	p->config.max_bytes = one * 5;
	assert_int_equal(place_reopen(p), 0);
	assert_true(stats(p).bytes == one);
	for (uint64_t i = 2; i <= 50; i++) {
		place_put(p, i);
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

	place_put(p, 1);
	place_put(p, 2);
	assert_int_equal(outbox_refuse(p->o, epoch, 1, "4.00 record 3: not a number"), 0);
	assert_int_equal(outbox_refuse(p->o, epoch, 1, "again"), -ENOENT);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 1);
	assert_int_equal(out[0].seq, 2);
	assert_int_equal(stats(p).rows, 2);
	assert_int_equal(stats(p).refused, 1);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_REFUSED);
	outbox_confirm(p->o, epoch, 1, 2);
	assert_int_equal(stats(p).rows, 1);
	assert_int_equal(place_reopen(p), 0);
	assert_int_equal(stats(p).refused, 1);
}

static void what_is_set_aside_goes_first_when_it_is_full(void **state)
{
	struct place *p = *state;
	struct reading out[8];

	p->config.max_rows = 4;
	assert_int_equal(place_reopen(p), 0);
	for (uint64_t i = 1; i <= 4; i++) {
		place_put(p, i);
	}
	outbox_refuse(p->o, stats(p).epoch, 4, "4.00");
	place_put(p, 5);
	assert_int_equal(stats(p).refused, 0);
	assert_int_equal(stats(p).dropped, 0);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 4);
	assert_int_equal(out[0].seq, 1);
	assert_int_equal(out[3].seq, 5);
}

static void a_renumbered_reading_is_the_same_under_a_new_key(void **state)
{
	struct place *p = *state;
	const struct clock_stamp now = { 100 * S, T0, READING_TIME_GNSS, 30 };
	struct reading in[3], out[4];
	struct outbox_gap gaps[2];
	uint64_t epoch = stats(p).epoch, fresh;

	in[0] = place_put(p, 40);
	in[1] = place_put_dated(p, 50);
	in[2] = place_put(p, 60);
	assert_int_equal(outbox_refuse(p->o, epoch, 3, "4.00"), 0);
	assert_int_equal(outbox_renumber(p->o, epoch, 9), -ENOENT);
	assert_true(stats(p).epoch == epoch);
	assert_int_equal(outbox_date(p->o, &now, 9), 1);
	assert_int_equal(outbox_renumber(p->o, epoch, 1), 0);
	fresh = stats(p).epoch;
	assert_true(fresh != epoch && fresh != 0);
	assert_int_equal(place_crash(p), 0);
	assert_true(stats(p).epoch == fresh);
	assert_int_equal(outbox_renumber(p->o, fresh, 2), 0);
	assert_true(stats(p).epoch == fresh); /* one for all of them */
	assert_int_equal(place_put(p, 70).seq, 6);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 1);
	assert_int_equal(gaps[0].last, 3);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_RENUMBERED);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 4), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(out[i].epoch == fresh);
		assert_int_equal(out[i].seq, 4 + i);
	}
	in[1].epoch = fresh;
	in[1].seq = 5;
	assert_true(reading_equal(&in[1], &out[1]));
	assert_true(out[0].utc_us == T0 - 60000000); /* as it was dated */
	assert_int_equal(stats(p).rows, 4);
	assert_int_equal(place_reopen(p), 0);
	assert_int_equal(stats(p).rows, 4);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_is_peeked_in_order_and_stays),
		TEST(what_is_confirmed_is_gone_and_the_rest_stays),
		TEST(what_is_under_way_is_not_peeked_and_nothing_reaches_over_it),
		TEST(a_seq_is_never_given_twice_even_after_all_was_confirmed),
		TEST(each_new_file_has_an_epoch_of_its_own),
		TEST(a_file_of_an_older_version_gets_small_pages_and_keeps_all_else),
		TEST(a_second_process_is_refused),
		TEST(somebody_who_looks_into_the_file_does_not_keep_it_from_being_opened),
		TEST(readings_of_this_boot_without_time_are_dated_when_it_is_known),
		TEST(readings_of_another_boot_are_never_dated),
		TEST(what_is_sent_is_what_its_readings_encode_to),
		TEST(a_pack_ends_before_the_reading_that_does_not_fit),
		TEST(when_it_is_full_the_oldest_go_into_a_gap),
		TEST(bytes_are_a_bound_as_well),
		TEST(a_refused_reading_is_kept_but_not_sent_again),
		TEST(what_is_set_aside_goes_first_when_it_is_full),
		TEST(a_renumbered_reading_is_the_same_under_a_new_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
