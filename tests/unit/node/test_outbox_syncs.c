// SPDX-License-Identifier: BSD-2-Clause
/*
 * How often, and how much, the outbox makes the disk write: fsync() and fdatasync() of SQLite are
 * counted here, below everything of ours. An SD card wears out by them.
 */
#define _GNU_SOURCE /* mkdtemp(), RTLD_NEXT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gpio-w1/w1_crc.h"
#include "peek_readings.h"
#include "userspace/node/outbox.h"

#define S UINT64_C(1000000000)

static atomic_uint syncs;

/*
 * What a card gets: a sync writes each 4 KB block of the file's page cache that was written since
 * the last one. (The file system's own journal comes on top.)
 */
#define BLOCK 4096
#define BLOCKS 16384
#define FILES 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	ino_t inode; /* 0: free */
	bool dirty[BLOCKS];
} files[FILES];
static _Atomic uint64_t block_bytes;

/* Also on the outbox's thread, where cmocka's assertions have no place to return to. */
static unsigned file_of(int fd)
{
	struct stat st;
	unsigned i = 0;

	if (fstat(fd, &st) != 0) {
		abort();
	}
	while (i < FILES && files[i].inode != 0 && files[i].inode != st.st_ino) {
		i++;
	}
	if (i == FILES) {
		abort();
	}
	files[i].inode = st.st_ino;
	return i;
}

/* The libraries' calls come here. That nothing reaches the disk is of no account: no power is cut.
 */
int fdatasync(int fd)
{
	unsigned i;

	pthread_mutex_lock(&lock);
	i = file_of(fd);
	for (unsigned b = 0; b < BLOCKS; b++) {
		block_bytes += files[i].dirty[b] ? BLOCK : 0;
		files[i].dirty[b] = false;
	}
	pthread_mutex_unlock(&lock);
	syncs++;
	return 0;
}

int fsync(int fd)
{
	return fdatasync(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
	pthread_mutex_lock(&lock);
	for (off_t b = at / BLOCK; n > 0 && b <= (at + (off_t)n - 1) / BLOCK; b++) {
		files[file_of(fd)].dirty[b % BLOCKS] = true;
	}
	pthread_mutex_unlock(&lock);
	return syscall(SYS_pwrite64, fd, bytes, n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	return pwrite64(fd, bytes, n, at);
}

/* Readings of one a second for so long, each confirmed a second later; returns the syncs of that
 * time. */
static unsigned run(unsigned sync_s, unsigned seconds)
{
	char dir[] = "/tmp/geotherm-syncs-XXXXXX", path[64], err[600], command[96];
	struct outbox_config config = { .max_rows = 100000,
					.max_bytes = 100000000,
					.sync_ms = sync_s * 1000,
					.flush_thread = true,
					.boot = 7 };
	const struct outbox_range none = { 0, 0 };
	struct outbox_stats stats;
	struct outbox *o;
	unsigned before, during;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/outbox.db", dir);
	config.path = path;
	assert_int_equal(outbox_open(&o, &config, err, sizeof(err)), 0);
	outbox_stats(o, &stats);
	before = syncs;
	for (unsigned second = 1; second <= seconds; second++) {
		uint64_t now = second * S, asked = stats.syncs;
		struct reading r, waiting;

		reading_init(&r);
		strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
		r.boot_ns = now;
		memset(r.note, 'x', sizeof(r.note) - 1); /* so that the WAL grows as with sensors */
		assert_int_equal(outbox_put(o, &r), 0);
		if (peek_readings(o, OUTBOX_OLDEST_FIRST, none, &waiting, 1) == 1) {
			assert_int_equal(outbox_confirm(o, waiting.epoch, waiting.seq, waiting.seq),
					 1);
		}
		if (outbox_sync_due_ns(o) != 0 && now >= outbox_sync_due_ns(o)) {
			assert_int_equal(outbox_sync(o), 0);
			do { /* the thread is given its time: an interval is long */
				struct pollfd wait = { .fd = outbox_fd(o), .events = POLLIN };

				assert_int_equal(poll(&wait, 1, 10000), 1);
				assert_int_equal(outbox_on_sync(o), 0);
				outbox_stats(o, &stats);
			} while (stats.syncs == asked);
		}
	}
	during = syncs - before;
	outbox_close(o);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	assert_int_equal(system(command), 0);
	return during;
}

static void the_disk_is_synced_at_most_once_an_interval(void **state)
{
	unsigned n = run(30, 7200);

	(void)state;
	print_message("    two hours at 1 Hz with sync = 30: %u syncs, %u intervals\n", n,
		      7200 / 30);
	assert_in_range(n, 7200 / 31 - 1, 7200 / 30);
}

/* As of a node with four sensors and a receiver: some 590 bytes. */
static struct reading typical(uint64_t now)
{
	struct reading r;

	reading_init(&r);
	strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
	strcpy(r.host, "river-hut");
	strcpy(r.version, "1.0.0");
	r.boot_ns = now;
	r.utc_us = INT64_C(1797120010000000) + (int64_t)(now / 1000);
	r.time_source = READING_TIME_GNSS;
	r.time_acc_ns = 40;
	reading_scalar_put(&r, READING_LAT, -276004400);
	reading_scalar_put(&r, READING_LON, -485188400);
	reading_scalar_put(&r, READING_ALT, 12345);
	reading_scalar_put(&r, READING_HACC, 2500);
	reading_scalar_put(&r, READING_FIX_TYPE, 3);
	reading_scalar_put(&r, READING_NUM_SV, 9);
	reading_scalar_put(&r, READING_UPTIME, (int64_t)(now / S));
	reading_scalar_put(&r, READING_CPU_TEMP, 48312);
	reading_scalar_put(&r, READING_MEM_FREE, 412000256);
	r.n_temperatures = 4;
	for (unsigned i = 0; i < 4; i++) {
		r.temperatures[i].rom[0] = 0x28;
		r.temperatures[i].rom[1] = (uint8_t)i;
		r.temperatures[i].rom[7] = w1_crc8(r.temperatures[i].rom, 7);
		r.temperatures[i].temp_known = true;
		r.temperatures[i].temp_mc = 21437;
		r.temperatures[i].scratchpad_known = true;
		r.temperatures[i].resolution_bits = 12;
	}
	return r;
}

static void await_sync(struct outbox *o)
{
	struct pollfd wait = { .fd = outbox_fd(o), .events = POLLIN };

	assert_int_equal(poll(&wait, 1, 10000), 1);
	assert_int_equal(outbox_on_sync(o), 0);
}

/* Bytes for each reading, at 1 Hz with a server that answers: put, synced, sent, confirmed. */
static uint64_t bytes_for_each(unsigned sync_s, unsigned readings, int64_t keep_us)
{
	char dir[] = "/tmp/geotherm-syncs-XXXXXX", path[64], err[600], command[96];
	struct outbox_config config = { .max_rows = 100000,
					.max_bytes = 100000000,
					.sync_ms = sync_s * 1000,
					.flush_thread = true,
					.keep_us = keep_us,
					.boot = 7 };
	const struct outbox_range none = { 0, 0 };
	struct outbox *o;
	uint64_t before;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/outbox.db", dir);
	config.path = path;
	assert_int_equal(outbox_open(&o, &config, err, sizeof(err)), 0);
	before = block_bytes;
	for (unsigned i = 1; i <= readings; i++) {
		struct reading r = typical(i * S), waiting;

		assert_int_equal(outbox_put(o, &r), 0);
		if (sync_s == 0 || (outbox_sync_due_ns(o) != 0 && i * S >= outbox_sync_due_ns(o))) {
			assert_int_equal(outbox_sync(o), 0);
			await_sync(o);
		}
		while (peek_readings(o, OUTBOX_OLDEST_FIRST, none, &waiting, 1) == 0) {
			await_sync(o);
		}
		assert_int_equal(outbox_confirm(o, waiting.epoch, waiting.seq, waiting.seq), 1);
	}
	outbox_close(o);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	assert_int_equal(system(command), 0);
	memset(files, 0, sizeof(files));
	return (block_bytes - before) / readings;
}

static void a_reading_costs_few_bytes_of_the_card(void **state)
{
	/* Deleted at once, or after 1000 s: as in the long run. */
	uint64_t each = bytes_for_each(0, 3000, 0), lazy = bytes_for_each(30, 3000, 0),
		 kept = bytes_for_each(0, 3000, 1000 * INT64_C(1000000)),
		 lazy_kept = bytes_for_each(30, 3000, 1000 * INT64_C(1000000));

	(void)state;
	print_message(
		"    written for a reading of some 590 bytes: %llu with sync = each, %llu with sync = 30; kept: %llu, %llu\n",
		(unsigned long long)each, (unsigned long long)lazy, (unsigned long long)kept,
		(unsigned long long)lazy_kept);
	assert_in_range(each, 1, 9000);
	/* Pages come from the free list: two more of them change. Where none is free: 8500. */
	assert_in_range(kept, 1, 10500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_disk_is_synced_at_most_once_an_interval),
		cmocka_unit_test(a_reading_costs_few_bytes_of_the_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
