// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is left of an outbox after a kill at any moment, and after any part of its files is torn.
 * GEOTHERM_OUTBOX_KILLS and GEOTHERM_OUTBOX_TEARS scale the number of both.
 */
#define _GNU_SOURCE /* mkdtemp(), pipe2() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peek_readings.h"
#include "userspace/node/outbox.h"

static const struct outbox_range none;

#define S UINT64_C(1000000000)
#define SEQS 200000

static char dir[64], path[96], wal[128], err[1200];
static uint64_t random_state = 20261123;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static unsigned scale(const char *name, unsigned normal)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)atoi(text) : normal;
}

static void clear(void)
{
	const struct dirent *entry;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] != '.') {
			unlinkat(dirfd(d), entry->d_name, 0);
		}
	}
	closedir(d);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/geotherm-crash-XXXXXX");
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/outbox.db", dir);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	clear();
	return rmdir(dir);
}

static struct outbox *open_as(unsigned sync_ms, bool thread, bool damaged, int *rc)
{
	const struct outbox_config config = {
		.path = path,
		.max_rows = 100000,
		.max_bytes = 100000000,
		.boot = 7,
		.sync_ms = sync_ms,
		.flush_thread = thread,
		.damaged = damaged,
	};
	struct outbox *o = NULL;

	*rc = outbox_open(&o, &config, err, sizeof(err));
	return o;
}

static struct outbox *open_outbox(unsigned sync_ms, bool thread, int *rc)
{
	return open_as(sync_ms, thread, false, rc);
}

/* A reading whose every value follows from its seq, so that it can be known again. */
static struct reading sample(uint64_t seq)
{
	struct reading r;

	reading_init(&r);
	strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
	r.boot_ns = (1000 + seq) * S;
	reading_scalar_put(&r, READING_LAT, (int64_t)(seq * 7919 % 900000000));
	reading_scalar_put(&r, READING_UPTIME, (int64_t)seq);
	snprintf(
		r.note, sizeof(r.note), "%.*s", (int)(seq % 90),
		"the quick brown fox jumps over the lazy dog and then over the lazy dog once more and again");
	return r;
}

static bool is_sample(const struct reading *r)
{
	struct reading want = sample(r->seq);

	want.epoch = r->epoch;
	want.seq = r->seq;
	return reading_equal(&want, r);
}

/* --- kill -9 --------------------------------------------------------------- */

/* What the child tells: a put has returned, a confirm begins, a confirm has returned. */
struct event {
	enum { PUT, CONFIRMING, CONFIRMED } what;
	uint64_t first, last;
};

static void tell(int fd, int what, uint64_t first, uint64_t last)
{
	const struct event event = { what, first, last };

	if (write(fd, &event, sizeof(event)) != sizeof(event)) {
		_exit(3);
	}
}

static void __attribute__((noreturn)) child(int fd, unsigned sync_ms, bool thread, uint64_t seed)
{
	static struct reading readings[16];
	struct outbox_stats stats;
	struct outbox *o;
	int rc;

	random_state = seed;
	o = open_outbox(sync_ms, thread, &rc);
	if (o == NULL || rc != 0) {
		_exit(4);
	}
	for (;;) {
		if (draw(3) != 0) {
			struct reading r;

			outbox_stats(o, &stats);
			r = sample(stats.next_seq);
			if (outbox_put(o, &r) != 0) {
				_exit(5);
			}
			tell(fd, PUT, r.seq, r.seq);
		} else {
			int n = peek_readings(o,
					      draw(2) ? OUTBOX_OLDEST_FIRST : OUTBOX_NEWEST_FIRST,
					      none, readings, 1 + draw(16));
			uint64_t first, last;

			outbox_on_sync(o);
			if (n <= 0) {
				continue;
			}
			first = readings[0].seq < readings[n - 1].seq ? readings[0].seq
								      : readings[n - 1].seq;
			last = readings[0].seq < readings[n - 1].seq ? readings[n - 1].seq
								     : readings[0].seq;
			tell(fd, CONFIRMING, first, last);
			if (outbox_confirm(o, readings[0].epoch, first, last) != n) {
				_exit(6);
			}
			tell(fd, CONFIRMED, first, last);
		}
	}
}

/* 1 waiting for sure, 2 may be there or not, 0 not there */
static uint8_t expected[SEQS];

/* Marks all that is waiting as seen (3): each is as it was put, in order, and expected. How many.
 */
static uint64_t check_waiting(struct outbox *o, uint64_t highest)
{
	static struct reading readings[256];
	struct outbox_range seen = { 1, 0 };
	uint64_t total = 0;
	int n;

	while ((n = peek_readings(o, OUTBOX_OLDEST_FIRST, seen.last > 0 ? seen : none, readings,
				  256)) > 0) {
		for (int i = 0; i < n; i++) {
			assert_true(readings[i].seq > seen.last);
			assert_true(is_sample(&readings[i]));
			assert_true(expected[readings[i].seq] != 0 || readings[i].seq > highest);
			expected[readings[i].seq] = 3;
			seen.last = readings[i].seq;
		}
		total += (uint64_t)n;
	}
	assert_int_equal(n, 0);
	return total;
}

static void nothing_put_is_lost_doubled_or_renumbered_by_kill_9(void **state)
{
	unsigned kills = scale("GEOTHERM_OUTBOX_KILLS", 40);
	uint64_t highest = 0;

	(void)state;
	for (unsigned round = 0; round < kills; round++) {
		uint64_t events = draw(60), epoch_before, seed = draw(UINT64_MAX) | 1;
		struct outbox_stats stats;
		struct event event;
		struct outbox *o;
		int pipes[2], status, rc;
		pid_t pid;

		o = open_outbox(0, false, &rc);
		assert_non_null(o);
		outbox_stats(o, &stats);
		epoch_before = stats.epoch;
		outbox_close(o);
		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(pipes[0]);
			child(pipes[1], round % 2 ? 30000 : 0, round % 4 / 2, seed);
		}
		close(pipes[1]);
		for (uint64_t i = 0; read(pipes[0], &event, sizeof(event)) == sizeof(event); i++) {
			assert_in_range(event.last, event.first, SEQS - 1);
			for (uint64_t seq = event.first; seq <= event.last; seq++) {
				if (event.what == PUT) {
					assert_true(seq > highest);
					highest = seq;
					expected[seq] = 1;
				} else if (expected[seq] != 0) {
					expected[seq] = event.what == CONFIRMING ? 2 : 0;
				}
			}
			if (i == events) { /* it is somewhere in the next call by now: then it dies
					    */
				for (volatile uint64_t spin = draw(200000); spin > 0; spin--) {
				}
				kill(pid, SIGKILL);
			}
		}
		close(pipes[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

		o = open_outbox(0, false, &rc);
		assert_int_equal(rc, 0);
		outbox_stats(o, &stats);
		assert_true(stats.epoch == epoch_before);
		assert_true(stats.next_seq > highest);
		assert_true(stats.next_seq <= highest + 2); /* one more may have been put and not
							       told */
		assert_int_equal(check_waiting(o, highest), stats.rows);
		for (uint64_t seq = 1; seq <= highest; seq++) {
			if (expected[seq] == 1) {
				fail_msg("kill %u: %llu was put, not confirmed, and is gone", round,
					 (unsigned long long)seq);
			}
			expected[seq] = expected[seq] == 3;
		}
		if (stats.next_seq > highest + 1) {
			highest++;
			expected[highest] = expected[highest] == 3;
		}
		outbox_close(o);
	}
	print_message("    %u kills, %llu readings\n", kills, (unsigned long long)highest);
}

/* --- torn files -------------------------------------------------------------- */

struct bytes {
	uint8_t *at;
	size_t n;
};

static struct bytes slurp(const char *name)
{
	struct bytes b = { NULL, 0 };
	FILE *f = fopen(name, "rb");
	struct stat st;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	b.n = (size_t)st.st_size;
	b.at = malloc(b.n + 1);
	assert_non_null(b.at);
	assert_int_equal(fread(b.at, 1, b.n, f), b.n);
	fclose(f);
	return b;
}

static void spill(const char *name, const uint8_t *at, size_t n)
{
	FILE *f = fopen(name, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(at, 1, n, f), n);
	fclose(f);
}

#define WAITING 60

/* Files as a kill leaves them: some of it in the database, some only in the WAL. */
static void make_files(struct bytes *db, struct bytes *log, uint64_t *epoch)
{
	struct outbox_stats stats;
	struct outbox *o = NULL;
	int rc;

	clear();
	for (uint64_t seq = 1; seq <= WAITING; seq++) {
		struct reading r = sample(seq);

		if (seq == 1 || seq == WAITING / 2) {
			outbox_close(o);
			o = open_outbox(0, false, &rc);
			assert_int_equal(rc, 0);
		}
		assert_int_equal(outbox_put(o, &r), 0);
	}
	outbox_stats(o, &stats);
	*epoch = stats.epoch;
	*db = slurp(path);
	*log = slurp(wal);
	outbox_close(o);
}

/*
 * Opens what is there: it must be a sound outbox with some of the readings, each as it was, or a
 * new one, which may have taken over some.
 */
static void assert_survives(const char *what, size_t at, uint64_t epoch)
{
	static struct reading readings[WAITING + 1];
	struct outbox_stats stats;
	struct reading r;
	struct outbox *o;
	char aside[128];
	int rc, n;

	o = open_outbox(0, false, &rc);
	if (o == NULL) {
		fail_msg("%s at %zu: %s", what, at, err);
	}
	outbox_stats(o, &stats);
	snprintf(aside, sizeof(aside), "%s.damaged-1", path);
	if (rc == 1) {
		/* What is taken over of it is checked below, reading by reading. */
		assert_true(stats.rows == 0 ? stats.epoch != epoch
					    : stats.epoch == epoch && stats.next_seq > WAITING);
		assert_non_null(strstr(err, aside));
		assert_int_equal(access(aside, F_OK), 0);
	} else {
		assert_int_not_equal(access(aside, F_OK), 0);
	}
	n = peek_readings(o, OUTBOX_OLDEST_FIRST, none, readings, WAITING + 1);
	if (n < 0) { /* quick_check passes some damage that a query meets */
		if (n != -EUCLEAN) {
			fail_msg("%s at %zu: %d: %s", what, at, n, outbox_reason(o));
		}
		outbox_close(o);
		o = open_as(0, false, true, &rc);
		assert_int_equal(rc, 1);
		outbox_close(o);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (!is_sample(&readings[i]) || readings[i].epoch != stats.epoch ||
		    readings[i].seq >= stats.next_seq) {
			fail_msg("%s at %zu: reading %d is not as it was put", what, at, i);
		}
	}
	r = sample(stats.next_seq);
	rc = outbox_put(o, &r);
	assert_true(rc == 0 || rc == -EUCLEAN);
	outbox_close(o);
}

static void a_torn_file_is_cut_or_set_aside_and_never_believed(void **state)
{
	unsigned tears = scale("GEOTHERM_OUTBOX_TEARS", 250);
	struct bytes db, log;
	uint64_t epoch;

	(void)state;
	make_files(&db, &log, &epoch);
	for (unsigned i = 0; i < tears; i++) {
		bool in_db = i % 2;
		struct bytes *torn = in_db ? &db : &log;
		uint8_t *copy = malloc(torn->n + 1);
		size_t at = draw(torn->n + 1), n = torn->n;
		const char *what = in_db ? "database cut" : "WAL cut";

		assert_non_null(copy);
		memcpy(copy, torn->at, torn->n);
		switch (i / 2 % 4) {
		case 0: /* cut anywhere */
			n = at;
			break;
		case 1: /* cut at a page, or one off */
			n = at / 4096 * 4096 + draw(3);
			n = n > 0 && n <= torn->n ? n - 1 : at;
			break;
		case 2: /* a sector that holds something else */
			what = in_db ? "sector of the database" : "sector of the WAL";
			at = at / 512 * 512;
			for (size_t b = at; b < at + 512 && b < n; b++) {
				copy[b] = (uint8_t)draw(256);
			}
			break;
		case 3: /* a sector that was never written */
			what = in_db ? "zeros in the database" : "zeros in the WAL";
			at = at / 512 * 512;
			memset(copy + at, 0, at + 512 <= n ? 512 : n - at);
			break;
		}
		clear();
		spill(path, in_db ? copy : db.at, in_db ? n : db.n);
		spill(wal, in_db ? log.at : copy, in_db ? log.n : n);
		assert_survives(what, n < torn->n ? n : at, epoch);
		free(copy);
	}
	free(db.at);
	free(log.at);
}

static void one_flipped_bit_is_never_sent_as_a_reading(void **state)
{
	unsigned flips = scale("GEOTHERM_OUTBOX_TEARS", 250) / 2;
	struct bytes db, log;
	uint64_t epoch;

	(void)state;
	make_files(&db, &log, &epoch);
	for (unsigned i = 0; i < flips; i++) {
		size_t at = 100 + draw(db.n - 100); /* behind the file's header */

		clear();
		db.at[at] ^= (uint8_t)(1 << i % 8);
		spill(path, db.at, db.n);
		spill(wal, log.at, log.n);
		db.at[at] ^= (uint8_t)(1 << i % 8);
		assert_survives("bit of the database", at, epoch);
	}
	free(db.at);
	free(log.at);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_put_is_lost_doubled_or_renumbered_by_kill_9),
		TEST(a_torn_file_is_cut_or_set_aside_and_never_believed),
		TEST(one_flipped_bit_is_never_sent_as_a_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
