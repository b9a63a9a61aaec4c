// SPDX-License-Identifier: BSD-2-Clause
/* queries: a short one does not wait for long ones. */
#define _GNU_SOURCE /* mkdtemp */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/ingest/queries.h"
#include "time/now.h"
#include "userspace/reading/senml.h"

#define LONG_ONES 100
#define READINGS 1000

static unsigned done;

static void on_long_done(struct job *job)
{
	struct query *q = (struct query *)job;

	assert_int_equal(q->result, READINGS);
	free(q->body);
	done++;
}

static void on_short_done(struct job *job)
{
	struct query *q = (struct query *)job;

	assert_int_equal(q->result, 1);
	free(q->body);
	q->body = NULL;
	q->kind = QUERY_MARKS; /* noted */
}

static void fill(struct store *store)
{
	struct store_item *items = calloc(READINGS, sizeof(*items));
	struct reading *readings = calloc(READINGS, sizeof(*readings));
	struct gaps gaps;
	uint64_t stream;

	assert_int_equal(store_connect(store), 0);
	assert_int_equal(store_stream(store, "urn:dev:a", 1, 0, &stream, &gaps), 0);
	for (unsigned i = 0; i < READINGS; i++) {
		reading_init(&readings[i]);
		strcpy(readings[i].device, "urn:dev:a");
		readings[i].epoch = 1;
		readings[i].seq = i + 1;
		readings[i].time_source = READING_TIME_GNSS;
		readings[i].utc_us = now_utc_us();
		items[i] = (struct store_item){ .stream = stream,
						.reading = &readings[i],
						.received_us = now_utc_us() };
	}
	assert_int_equal(store_commit(store, items, READINGS), READINGS);
	free(items);
	free(readings);
}

static struct query track(unsigned limit, void (*on_done)(struct job *job))
{
	struct query q = { .job.done = on_done,
			   .kind = QUERY_TRACK,
			   .track = { .to_us = INT64_MAX, .limit = limit },
			   .format = SENML_JSON };

	strcpy(q.device, "urn:dev:a");
	return q;
}

static void a_short_query_does_not_wait_for_long_ones(void **state)
{
	static struct query long_ones[LONG_ONES];
	struct query short_one = track(1, on_short_done);
	char folder[] = "/tmp/queries-XXXXXX", path[80], command[80];
	struct store_config config = { .kind = STORE_SQLITE, .path = path };
	struct store *stores[2];
	struct queries *queries;
	struct pollfd fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/db", folder);
	stores[0] = store_new(&config);
	stores[1] = store_new(&config);
	fill(stores[0]);
	queries = queries_start(stores[0], stores[1]);
	assert_non_null(queries);
	fd = (struct pollfd){ .fd = queries_fd(queries), .events = POLLIN };
	for (unsigned i = 0; i < LONG_ONES; i++) {
		long_ones[i] = track(10000, on_long_done);
		assert_int_equal(queries_submit(queries, &long_ones[i]), 0);
	}
	assert_int_equal(queries_submit(queries, &short_one), 0);
	while (short_one.kind != QUERY_MARKS) {
		assert_int_equal(poll(&fd, 1, 60000), 1);
		queries_collect(queries);
	}
	assert_true(done < LONG_ONES);
	queries_stop(queries);
	assert_int_equal(done, LONG_ONES);
	store_free(stores[0]);
	store_free(stores[1]);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_query_does_not_wait_for_long_ones),
	};

	return cmocka_run_group_tests_name("queries", tests, NULL, NULL);
}
