// SPDX-License-Identifier: BSD-2-Clause
/* retention: due at once, then each hour, and at once again after its setting has changed. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "server/ingest/retention.h"
#include "time/now.h"

#define DAY_US INT64_C(86400000000)
#define HOUR_MS (3600 * 1000)
#define OLD 2500 /* more than two chunks (STORE_EXPIRE_ROWS) */
#define YOUNG 10

static char path[64];
static struct store *store;
static struct queries *queries;

static int start(void **state)
{
	struct store_config config = { .kind = STORE_SQLITE, .path = path };
	struct store *fill;
	struct store_item *items = calloc(OLD + YOUNG, sizeof(*items));
	struct reading *readings = calloc(OLD + YOUNG, sizeof(*readings));
	struct gaps gaps;
	uint64_t stream;

	(void)state;
	strcpy(path, "/tmp/retention-XXXXXX");
	close(mkstemp(path));
	fill = store_new(&config);
	if (store_connect(fill) < 0 || store_stream(fill, "urn:dev:a", 1, 0, &stream, &gaps) < 0) {
		return -1;
	}
	for (unsigned i = 0; i < OLD + YOUNG; i++) {
		reading_init(&readings[i]);
		strcpy(readings[i].device, "urn:dev:a");
		readings[i].epoch = 1;
		readings[i].seq = i + 1;
		readings[i].time_source = READING_TIME_GNSS;
		readings[i].utc_us = now_utc_us() - (i < OLD ? 20 : 1) * DAY_US;
		items[i] = (struct store_item){ .stream = stream,
						.reading = &readings[i],
						.received_us = now_utc_us() };
	}
	if (store_commit(fill, items, OLD + YOUNG) != OLD + YOUNG) {
		return -1;
	}
	free(items);
	free(readings);
	store_free(fill);
	store = store_new(&config);
	queries = queries_start(store, NULL);
	return queries == NULL ? -1 : 0;
}

static int stop(void **state)
{
	char other[80];

	(void)state;
	queries_stop(queries);
	store_free(store);
	unlink(path);
	snprintf(other, sizeof(other), "%s-wal", path);
	unlink(other);
	snprintf(other, sizeof(other), "%s-shm", path);
	unlink(other);
	return 0;
}

/* Until what was started has ended. */
static void run_out(const struct retention *r)
{
	struct pollfd fd = { .fd = queries_fd(queries), .events = POLLIN };

	while (r->running) {
		assert_int_equal(poll(&fd, 1, 60000), 1);
		queries_collect(queries);
	}
}

static int count(void *arg, const struct reading *r, int64_t received_us)
{
	(void)r;
	(void)received_us;
	++*(unsigned *)arg;
	return 0;
}

static unsigned left(void)
{
	struct store_config config = { .kind = STORE_SQLITE, .path = path };
	struct store *s = store_new(&config);
	unsigned n = 0;

	assert_int_equal(store_connect(s), 0);
	assert_int_equal(store_track(s,
				     &(struct store_track){ .device = "urn:dev:a",
							    .to_us = INT64_MAX,
							    .limit = 10000 },
				     count, &n),
			 0);
	store_free(s);
	return n;
}

static void all_that_is_too_old_is_removed_in_chunks_and_nothing_else(void **state)
{
	struct retention r;

	(void)state;
	retention_init(&r, queries, 10);
	assert_int_equal(retention_tick(&r, 5000, true), HOUR_MS);
	assert_true(r.running);
	run_out(&r);
	assert_int_equal(left(), YOUNG);
}

static void it_is_due_each_hour(void **state)
{
	struct retention r;

	(void)state;
	retention_init(&r, queries, 0);
	assert_int_equal(retention_tick(&r, 5000, true), HOUR_MS);
	run_out(&r);
	assert_int_equal(retention_tick(&r, 5001, true), HOUR_MS - 1);
	assert_int_equal(retention_tick(&r, 5000 + HOUR_MS - 1, true), 1);
	assert_false(r.running);
	assert_int_equal(retention_tick(&r, 5000 + HOUR_MS, true), HOUR_MS);
	assert_true(r.running);
	run_out(&r);
	assert_int_equal(left(), OLD + YOUNG); /* 0 days: for ever */
}

static void a_changed_setting_is_applied_at_once(void **state)
{
	struct retention r;

	(void)state;
	retention_init(&r, queries, 0);
	retention_tick(&r, 5000, true);
	run_out(&r);
	retention_set_days(&r, 10);
	assert_int_equal(retention_tick(&r, 5001, true), HOUR_MS);
	assert_true(r.running);
	run_out(&r);
	assert_int_equal(left(), YOUNG);
}

static void a_clock_that_is_not_trusted_removes_nothing(void **state)
{
	struct retention r;

	(void)state;
	retention_init(&r, queries, 10);
	assert_int_equal(retention_tick(&r, 5000, false), 10000);
	assert_false(r.running);
	assert_int_equal(retention_tick(&r, 5000 + 10000, true), HOUR_MS);
	run_out(&r);
	assert_int_equal(left(), YOUNG);
}

static void another_server_has_the_lease(void **state)
{
	struct retention first, second;

	(void)state;
	retention_init(&first, queries, 0);
	retention_tick(&first, 5000, true);
	run_out(&first);
	retention_init(&second, queries, 10);
	retention_tick(&second, 5000, true);
	run_out(&second);
	assert_int_equal(left(), OLD + YOUNG);
	retention_set_days(&first, 10);
	retention_tick(&first, 5001, true);
	run_out(&first);
	assert_int_equal(left(), YOUNG);
}

/* A clock 200 days ahead: at an hour a day's readings go, no more. */
static void a_run_removes_no_more_than_a_day_of_a_stream(void **state)
{
	struct store_expiry what = { .days = 10 };
	struct store *s = store_new(&(struct store_config){ .kind = STORE_SQLITE, .path = path });

	(void)state;
	assert_int_equal(store_connect(s), 0);
	while (!what.done) {
		assert_true(store_expire(s, &what, now_utc_us() + 200 * DAY_US) >= 0);
	}
	assert_int_equal(left(), YOUNG);
	what = (struct store_expiry){ .days = 10, .count_only = true };
	assert_int_equal(store_expire(s, &what, now_utc_us()), 0);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(test) cmocka_unit_test_setup_teardown(test, start, stop)
		ON(all_that_is_too_old_is_removed_in_chunks_and_nothing_else),
		ON(it_is_due_each_hour),
		ON(a_changed_setting_is_applied_at_once),
		ON(a_clock_that_is_not_trusted_removes_nothing),
		ON(another_server_has_the_lease),
		ON(a_run_removes_no_more_than_a_day_of_a_stream),
	};

	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
