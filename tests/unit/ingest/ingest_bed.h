/* SPDX-License-Identifier: BSD-2-Clause */
/* ingest_bed: ingest on a store of its own, SQLite or MariaDB, and what came of the jobs it was
 * given. */
#ifndef INGEST_BED_H
#define INGEST_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "server/ingest/ingest.h"
#include "tests/unit/store/private_mariadbd.h"

#define DEVICE "urn:dev:mac:0000000000000001"
#define T0 INT64_C(1700000000000000)

extern struct ingest_bed {
	char path[100];
	struct store_config config;
	struct store *store;
	struct ingest *in;
	unsigned out; /* jobs not yet answered */
	uint64_t shown; /* calls of `stored` */
	bool shared; /* others write, too */

	struct ingest_job last; /* as it was answered; acks in `ack` */
	struct reading_ack ack[8];
	unsigned done, down, refused;
	uint8_t *acked; /* by seq, of epoch 1; NULL: not kept */
} ingest_bed;
extern struct private_mariadbd ingest_bed_mariadbd;
extern char ingest_bed_dir[64];

/* n readings of DEVICE from `first`, a second apart. */
struct ingest_job *ingest_bed_job(uint64_t epoch, uint64_t first, size_t n);
/* As ingest_submit(); frees the job where it is not accepted. */
int ingest_bed_submit(struct ingest_job *job);
void ingest_bed_wait(void); /* for the answers of all jobs */
void ingest_bed_start(size_t queue, size_t batch);
void ingest_bed_stop(void);

/* Setup and teardown of a test. */
int ingest_bed_make_sqlite(void **state);
int ingest_bed_make_mariadb(void **state);
int ingest_bed_clear(void **state);
void ingest_bed_need_mariadb(void); /* skips the test where there is none */

/* main(): the tests on SQLite, then a database server and those on it. */
int ingest_bed_run_tests(const struct CMUnitTest *sqlite, size_t n_sqlite,
			 const struct CMUnitTest *mariadb, size_t n_mariadb);

#endif
