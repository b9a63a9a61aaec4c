// SPDX-License-Identifier: BSD-2-Clause
/* When the outbox's WAL is synced and copied, and what a power cut costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "outbox_place.h"
#include "peek_readings.h"

static const struct outbox_sent nothing;

static void after_a_power_cut_unsynced_seqs_are_skipped_and_a_gap(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[2];
	uint64_t next;

	p->config.sync_ms = 30000;
	assert_int_equal(place_reopen(p), 0);
	place_put(p, 1);
	place_put(p, 2);
	assert_int_equal(place_crash(p), 0); /* of the process only: the kernel still has all of it
					      */
	assert_int_equal(place_put(p, 3).seq, 3);
	p->config.boot = BOOT + 1;
	assert_int_equal(place_crash(p), 0);
	next = place_put(p, 4).seq;
	assert_true(next > 1000);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 4);
	assert_int_equal(gaps[0].last, next - 1);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_POWER);
	p->config.boot = BOOT + 2;
	assert_int_equal(place_reopen(p), 0); /* closed in order: nothing is skipped */
	assert_int_equal(place_put(p, 5).seq, next + 1);
}

static void a_sync_is_due_its_interval_after_the_first_unsynced_put(void **state)
{
	struct place *p = *state;

	p->config.sync_ms = 30000;
	assert_int_equal(place_reopen(p), 0);
	assert_int_equal(outbox_sync_due_ns(p->o), 0);
	place_put(p, 100);
	place_put(p, 110);
	assert_true(outbox_sync_due_ns(p->o) == 130 * S);
	assert_int_equal(outbox_sync(p->o), 0);
	assert_int_equal(outbox_sync_due_ns(p->o), 0);
	assert_int_equal(outbox_sync(p->o), 0);
	assert_int_equal(stats(p).syncs, 1);
	for (uint64_t i = 0; i < 1000; i++) {
		place_put(p, 200 + i);
	}
	assert_int_equal(stats(p).syncs, 2); /* never more unsynced than are skipped */
}

static void with_a_thread_a_reading_is_peeked_once_it_is_on_the_disk(void **state)
{
	struct place *p = *state;
	struct pollfd done = { .events = POLLIN };
	struct reading out[8];
	uint64_t syncs;
	int n = 0;

	place_put(p, 1); /* of the process before: it may be in the kernel only */
	p->config.flush_thread = true;
	assert_int_equal(place_reopen(p), 0);
	place_put(p, 2);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 0);
	done.fd = outbox_fd(p->o);
	while (n < 2) {
		assert_int_equal(poll(&done, 1, 30000), 1);
		assert_int_equal(outbox_on_sync(p->o), 0);
		n = peek_readings(p->o, OUTBOX_NEWEST_FIRST, none, out, 8);
	}
	assert_int_equal(out[0].seq, 2);
	assert_int_equal(out[1].seq, 1);
	syncs = stats(p).syncs;
	assert_in_range(syncs, 1, 2);
	assert_int_equal(outbox_confirm(p->o, stats(p).epoch, 1, 2), 2); /* needs none */
	assert_int_equal(stats(p).syncs, syncs);
	assert_int_equal(place_reopen(p), 0);
	assert_int_equal(stats(p).rows, 0);
	assert_int_equal(place_put(p, 3).seq, 3);
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
	assert_int_equal(place_reopen(p), 0);
	done.fd = outbox_fd(p->o);
	for (uint64_t i = 1; i <= 1200; i++) {
		uint64_t seq = place_put(p, i).seq;

		/* The thread is never further behind than one sync. */
		while (peek_readings(p->o, OUTBOX_NEWEST_FIRST, none, out, 1) < 1 ||
		       out[0].seq < seq) {
			assert_int_equal(poll(&done, 1, 30000), 1);
			assert_int_equal(outbox_on_sync(p->o), 0);
		}
	}
	snprintf(name, sizeof(name), "%s-wal", p->path);
	assert_int_equal(stat(name, &wal), 0);
	assert_true(wal.st_size < 10 * 1024 * 1024);
}

static uint64_t size_of(const char *path, const char *suffix)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Waits for the thread where the outbox does; whatever it does, the files fit. */
static void assert_files_fit(struct place *p)
{
	uint64_t db = size_of(p->path, ""), wal = size_of(p->path, "-wal");

	if (db + wal > p->config.max_bytes) {
		fail_msg("database %llu and WAL %llu bytes: more than %llu", (unsigned long long)db,
			 (unsigned long long)wal, (unsigned long long)p->config.max_bytes);
	}
}

static void files_fit_max_bytes_while_it_fills_and_while_it_drains(void **state)
{
	struct place *p = *state;
	struct pollfd done = { .events = POLLIN };
	struct outbox_pack pack;
	uint8_t buffer[2048];

	p->config.flush_thread = true;
	p->config.sync_ms = 30000;
	p->config.max_rows = 1000000;
	p->config.max_bytes = 4000000;
	assert_int_equal(place_reopen(p), 0);
	done.fd = outbox_fd(p->o);
	for (uint64_t i = 1; i <= 12000; i++) {
		place_put(p, i);
		assert_files_fit(p);
		/* As a node between two readings: no faster than the thread copies. */
		while (outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &nothing, 1, buffer, sizeof(buffer),
				   &pack) == 0) {
			assert_int_equal(poll(&done, 1, 30000), 1);
			outbox_on_sync(p->o);
		}
	}
	assert_true(stats(p).dropped > 0);
	assert_true(stats(p).rows > 2000);
	while (stats(p).rows > 0) {
		int n = outbox_peek(p->o, OUTBOX_OLDEST_FIRST, &nothing, 2, buffer, sizeof(buffer),
				    &pack);

		assert_true(n >= 0);
		if (n == 0) { /* it waits for a checkpoint, not for a put */
			assert_int_equal(poll(&done, 1, 30000), 1);
		} else {
			assert_int_equal(outbox_confirm(p->o, pack.epoch, pack.first, pack.last),
					 n);
		}
		outbox_on_sync(p->o);
		assert_files_fit(p);
	}
}

static void with_a_thread_and_an_interval_readings_need_not_wait(void **state)
{
	struct place *p = *state;
	struct pollfd done = { .events = POLLIN };
	struct reading out[8];

	p->config.flush_thread = true;
	p->config.sync_ms = 30000;
	assert_int_equal(place_reopen(p), 0);
	place_put(p, 100);
	place_put(p, 110);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 2);
	assert_true(outbox_sync_due_ns(p->o) == 130 * S);
	assert_int_equal(stats(p).syncs, 0);
	assert_int_equal(outbox_sync(p->o), 0);
	done.fd = outbox_fd(p->o);
	assert_int_equal(poll(&done, 1, 30000), 1);
	assert_int_equal(outbox_on_sync(p->o), 0);
	assert_int_equal(stats(p).syncs, 1);
	assert_int_equal(outbox_sync_due_ns(p->o), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(after_a_power_cut_unsynced_seqs_are_skipped_and_a_gap),
		TEST(a_sync_is_due_its_interval_after_the_first_unsynced_put),
		TEST(with_a_thread_a_reading_is_peeked_once_it_is_on_the_disk),
		TEST(the_thread_keeps_the_wal_short),
		TEST(files_fit_max_bytes_while_it_fills_and_while_it_drains),
		TEST(with_a_thread_and_an_interval_readings_need_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
