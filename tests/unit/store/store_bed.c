// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "store_bed.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct private_mariadbd mariadbd;
char bed_dir[64];
struct bed bed;

void need_mariadb(void)
{
	if (bed.config.kind == STORE_MARIADB && mariadbd.pid == 0) {
		print_message("skipped: %s\n", mariadbd.why);
		skip();
	}
}

int open_sqlite(void **state)
{
	static unsigned number;

	memset(&bed, 0, sizeof(bed));
	snprintf(bed.path, sizeof(bed.path), "%s/%u.db", bed_dir, number++);
	bed.config = (struct store_config){ .kind = STORE_SQLITE, .path = bed.path };
	bed.store = store_new(&bed.config);
	*state = &bed;
	return store_connect(bed.store);
}

int open_mariadb(void **state)
{
	memset(&bed, 0, sizeof(bed));
	bed.config = (struct store_config){
		.kind = STORE_MARIADB,
		.socket = mariadbd.socket,
		.user = "root",
		.database = "geotherm",
	};
	bed.store = store_new(&bed.config);
	*state = &bed;
	if (mariadbd.pid == 0) {
		return 0; /* each test says that it is skipped */
	}
	if (!private_mariadbd_sql(&mariadbd, "DROP DATABASE IF EXISTS geotherm") ||
	    !private_mariadbd_sql(&mariadbd, "CREATE DATABASE geotherm")) {
		return -1;
	}
	return store_connect(bed.store);
}

int close_bed(void **state)
{
	(void)state;
	store_free(bed.store);
	return 0;
}

uint64_t stream_of(const char *device, uint64_t epoch, struct gaps *gaps)
{
	struct gaps mine;
	uint64_t stream = 0;

	assert_int_equal(
		store_stream(bed.store, device, epoch, T0, &stream, gaps != NULL ? gaps : &mine),
		0);
	return stream;
}

void bed_make(struct reading *r, const char *device, uint64_t epoch, uint64_t seq)
{
	reading_init(r);
	strcpy(r->device, device);
	r->epoch = epoch;
	r->seq = seq;
	r->time_source = READING_TIME_GNSS;
	r->utc_us = T0 + (int64_t)seq * 1000000;
	r->time_acc_ns = 25;
	r->n_temperatures = 1;
	r->temperatures[0] = (struct thermometer_sample){
		.rom = { 0x28, 1, 2, 3, 4, 5, 6, 7 },
		.temp_known = true,
		.temp_mc = 21500 + (int32_t)(seq % 100),
		.resolution_bits = 12,
	};
}

int bed_put(const char *device, uint64_t epoch, uint64_t first, uint64_t last)
{
	uint64_t stream = stream_of(device, epoch, NULL);
	size_t n = (size_t)(last - first + 1);
	struct reading *r = calloc(n, sizeof(*r));
	struct store_item *items = calloc(n, sizeof(*items));
	int fresh;

	for (size_t i = 0; i < n; i++) {
		bed_make(&r[i], device, epoch, first + i);
		items[i] = (struct store_item){ .stream = stream,
						.reading = &r[i],
						.received_us = T0 + (int64_t)i };
	}
	fresh = store_commit(bed.store, items, n);
	for (size_t i = 0; i < n; i++) {
		assert_false(items[i].conflict);
	}
	free(items);
	free(r);
	return fresh;
}

int see(void *arg, const struct reading *r, int64_t received_us)
{
	struct seen *seen = arg;

	assert_true(received_us >= T0);
	assert_true(seen->n < 32);
	seen->reading[seen->n++] = *r;
	return 0;
}

int see_row(void *arg, const struct sql_value *v, size_t n)
{
	char *line = arg;

	for (size_t i = 0; i < n; i++) {
		if (v[i].type == SQL_INTEGER) {
			line += sprintf(line, "%" PRId64 "|", v[i].integer);
		} else {
			line += sprintf(line, "%.*s|", v[i].type == SQL_NULL ? 4 : (int)v[i].size,
					v[i].type == SQL_NULL ? "NULL" : (const char *)v[i].data);
		}
	}
	return 0;
}

int bed_make_dir(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(bed_dir, sizeof(bed_dir), "%s/store-XXXXXX",
		 base != NULL && strlen(base) < 40 ? base : "/tmp");
	if (mkdtemp(bed_dir) == NULL) {
		perror(bed_dir);
		return -1;
	}
	return 0;
}

int bed_remove_dir(int failed)
{
	private_mariadbd_remove(&mariadbd);
	if (failed == 0) {
		execlp("rm", "rm", "-rf", bed_dir, NULL);
	}
	return failed;
}
