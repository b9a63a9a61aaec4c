/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_bed: a store for a test, SQLite in a file or MariaDB in a private server, so that one suite
 * runs on both.
 */
#ifndef STORE_BED_H
#define STORE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/store/store.h"
#include "server/store/store_backend.h"
#include "private_mariadbd.h"

#define T0 INT64_C(1700000000000000)

extern struct private_mariadbd mariadbd;
extern char bed_dir[64]; /* where the files are */

struct bed {
	struct store_config config;
	char path[128]; /* or hosts */
	char file[128];
	struct store *store;
};

extern struct bed bed;

void need_mariadb(void);

int open_sqlite(void **state);

int open_mariadb(void **state);

int close_bed(void **state);

uint64_t stream_of(const char *device, uint64_t epoch, struct gaps *gaps);

void bed_make(struct reading *r, const char *device, uint64_t epoch, uint64_t seq);

/* Stores first..last of one stream; how many were new. */
int bed_put(const char *device, uint64_t epoch, uint64_t first, uint64_t last);

struct seen {
	struct reading reading[32];
	unsigned n;
};

int see(void *arg, const struct reading *r, int64_t received_us);

int see_row(void *arg, const struct sql_value *v, size_t n);

/* main()'s beginning: where the files are. */
int bed_make_dir(void);

/* Its end: no trace where all went well. */
int bed_remove_dir(int failed);

/* clang-format off */
#define ON(f, open) { #f, f, open, close_bed, NULL }
/* clang-format on */

#endif
