// SPDX-License-Identifier: BSD-2-Clause
/*
 * How often the outbox makes the disk write: fsync() and fdatasync() of SQLite are counted here,
 * below everything of ours. An SD card wears out by them.
 */
#define _GNU_SOURCE /* mkdtemp(), RTLD_NEXT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peek_readings.h"
#include "userspace/node/outbox.h"

#define S UINT64_C(1000000000)

static atomic_uint syncs;

/* The libraries' calls come here. That nothing reaches the disk is of no account: no power is cut.
 */
int fsync(int fd)
{
	(void)fd;
	syncs++;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	syncs++;
	return 0;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_disk_is_synced_at_most_once_an_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
