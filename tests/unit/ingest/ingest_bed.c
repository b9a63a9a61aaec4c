// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "tests/unit/ingest/ingest_bed.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/daemon/log.h"

struct ingest_bed ingest_bed;
struct private_mariadbd ingest_bed_mariadbd;
char ingest_bed_dir[64];

/* --- jobs ----------------------------------------------------------------- */

static void done(struct job *job)
{
	struct ingest_job *j = (struct ingest_job *)job;

	ingest_bed.last = *j;
	ingest_bed.out--;
	if (j->result >= 0) {
		ingest_bed.done++;
		assert_true(j->n_acks >= 1 && j->n_acks <= 8);
		memcpy(ingest_bed.ack, j->acks, j->n_acks * sizeof(ingest_bed.ack[0]));
		for (size_t i = 0; i < j->n && ingest_bed.acked != NULL; i++) {
			ingest_bed.acked[j->readings[i].seq] = 1;
		}
	} else if (j->result == STORE_REFUSED) {
		ingest_bed.refused++;
	} else {
		ingest_bed.down++;
	}
	free(j->acks);
	free(j->readings);
	free(j);
}

struct ingest_job *ingest_bed_job(uint64_t epoch, uint64_t first, size_t n)
{
	struct ingest_job *j = calloc(1, sizeof(*j));

	j->job.done = done;
	j->n = n;
	j->readings = calloc(n, sizeof(*j->readings));
	j->acks = calloc(n, sizeof(*j->acks));
	j->received_us = T0;
	for (size_t i = 0; i < n; i++) {
		struct reading *r = &j->readings[i];

		reading_init(r);
		strcpy(r->device, DEVICE);
		r->epoch = epoch;
		r->seq = first + i;
		r->time_source = READING_TIME_HOST;
		r->utc_us = T0 + (int64_t)(first + i) * 1000000;
	}
	return j;
}

int ingest_bed_submit(struct ingest_job *j)
{
	int rc = ingest_submit(ingest_bed.in, j);

	if (rc == 0) {
		ingest_bed.out++;
	} else {
		free(j->acks);
		free(j->readings);
		free(j);
	}
	return rc;
}

void ingest_bed_wait(void)
{
	while (ingest_bed.out > 0) {
		struct pollfd fd = { .fd = ingest_fd(ingest_bed.in), .events = POLLIN };

		assert_int_equal(poll(&fd, 1, 60000), 1);
		ingest_collect(ingest_bed.in);
	}
}

static void shown(void *arg, const struct reading *r)
{
	(void)arg;
	(void)r;
	ingest_bed.shown++;
}

void ingest_bed_start(size_t queue, size_t batch)
{
	ingest_bed.store = store_new(&ingest_bed.config);
	ingest_bed.in =
		ingest_start(ingest_bed.store, &(struct ingest_config){ .queue = queue,
									.batch = batch,
									.shared = ingest_bed.shared,
									.stored = shown });
	assert_non_null(ingest_bed.in);
}

void ingest_bed_stop(void)
{
	ingest_stop(ingest_bed.in);
	store_free(ingest_bed.store);
	ingest_bed.in = NULL;
	ingest_bed.store = NULL;
}

/* --- beds ----------------------------------------------------------------- */

int ingest_bed_make_sqlite(void **state)
{
	static unsigned number;

	(void)state;
	memset(&ingest_bed, 0, sizeof(ingest_bed));
	snprintf(ingest_bed.path, sizeof(ingest_bed.path), "%s/%u.db", ingest_bed_dir, number++);
	ingest_bed.config = (struct store_config){ .kind = STORE_SQLITE, .path = ingest_bed.path };
	return 0;
}

int ingest_bed_make_mariadb(void **state)
{
	(void)state;
	memset(&ingest_bed, 0, sizeof(ingest_bed));
	ingest_bed.config = (struct store_config){
		.kind = STORE_MARIADB,
		.socket = ingest_bed_mariadbd.socket,
		.user = "root",
		.database = "geotherm",
	};
	return ingest_bed_mariadbd.pid == 0 ? 0
	       : private_mariadbd_sql(&ingest_bed_mariadbd, "DROP DATABASE IF EXISTS geotherm") &&
			       private_mariadbd_sql(&ingest_bed_mariadbd,
						    "CREATE DATABASE geotherm")
		       ? 0
		       : -1;
}

int ingest_bed_clear(void **state)
{
	(void)state;
	ingest_bed_stop();
	free(ingest_bed.acked);
	return 0;
}

void ingest_bed_need_mariadb(void)
{
	if (ingest_bed_mariadbd.pid == 0) {
		print_message("skipped: %s\n", ingest_bed_mariadbd.why);
		skip();
	}
}

int ingest_bed_run_tests(const struct CMUnitTest *sqlite, size_t n_sqlite,
			 const struct CMUnitTest *mariadb, size_t n_mariadb)
{
	const char *base = getenv("TMPDIR");
	int failed;

	log_init("test_ingest", LOG_LEVEL_ERROR);
	snprintf(ingest_bed_dir, sizeof(ingest_bed_dir), "%s/ingest-XXXXXX",
		 base != NULL && strlen(base) < 40 ? base : "/tmp");
	if (mkdtemp(ingest_bed_dir) == NULL) {
		perror(ingest_bed_dir);
		return 1;
	}
	failed = _cmocka_run_group_tests("ingest_sqlite", sqlite, n_sqlite, NULL, NULL);
	private_mariadbd_start(&ingest_bed_mariadbd);
	failed += _cmocka_run_group_tests("ingest_mariadb", mariadb, n_mariadb, NULL, NULL);
	private_mariadbd_remove(&ingest_bed_mariadbd);
	if (failed == 0) {
		execlp("rm", "rm", "-rf", ingest_bed_dir, NULL);
	}
	return failed;
}
