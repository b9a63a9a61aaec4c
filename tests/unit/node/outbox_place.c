// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "outbox_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct outbox_range none;

int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/geotherm-outbox-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/outbox.db", p->dir);
	p->config = (struct outbox_config){
		.path = p->path, .max_rows = 1000, .max_bytes = 10000000, .boot = BOOT
	};
	assert_int_equal(outbox_open(&p->o, &p->config, p->err, sizeof(p->err)), 0);
	*state = p;
	return 0;
}

int place_teardown(void **state)
{
	struct place *p = *state;
	const struct dirent *entry;
	DIR *dir;

	outbox_close(p->o);
	chmod(p->dir, 0700);
	dir = opendir(p->dir);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.') {
			unlinkat(dirfd(dir), entry->d_name, 0);
		}
	}
	closedir(dir);
	rmdir(p->dir);
	free(p);
	return 0;
}

int place_reopen(struct place *p)
{
	outbox_close(p->o);
	p->o = NULL;
	return outbox_open(&p->o, &p->config, p->err, sizeof(p->err));
}

int place_crash(struct place *p)
{
	char copy[128], wal[128], copy_wal[140], command[700];

	snprintf(copy, sizeof(copy), "%s.copy", p->path);
	snprintf(wal, sizeof(wal), "%s-wal", p->path);
	snprintf(copy_wal, sizeof(copy_wal), "%s-wal", copy);
	snprintf(command, sizeof(command), "cp %s %s && cp %s %s", p->path, copy, wal, copy_wal);
	assert_int_equal(system(command), 0);
	outbox_close(p->o);
	p->o = NULL;
	snprintf(command, sizeof(command), "rm -f %s && mv %s %s && mv %s %s", wal, copy, p->path,
		 copy_wal, wal);
	assert_int_equal(system(command), 0);
	return outbox_open(&p->o, &p->config, p->err, sizeof(p->err));
}

struct reading sample(uint64_t boot_s)
{
	struct reading r;

	reading_init(&r);
	strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
	r.boot_ns = boot_s * S;
	reading_scalar_put(&r, READING_LAT, -276004400);
	reading_scalar_put(&r, READING_LON, -485188400);
	strcpy(r.host, "river-hut");
	r.n_temperatures = 1;
	memcpy(r.temperatures[0].rom, "\x28\x01\x02\x03\x04\x05\x06\x9e", 8);
	r.temperatures[0].temp_known = true;
	r.temperatures[0].temp_mc = (int32_t)(boot_s % 1000) * 625 / 10;
	return r;
}

struct reading place_put(struct place *p, uint64_t boot_s)
{
	struct reading r = sample(boot_s);

	assert_int_equal(outbox_put(p->o, &r), 0);
	return r;
}

struct reading place_put_dated(struct place *p, uint64_t boot_s)
{
	struct reading r = sample(boot_s);

	r.time_source = READING_TIME_GNSS;
	r.utc_us = T0 + (int64_t)boot_s * 1000000;
	r.time_acc_ns = 40;
	assert_int_equal(outbox_put(p->o, &r), 0);
	return r;
}

struct outbox_stats stats(struct place *p)
{
	struct outbox_stats s;

	assert_int_equal(outbox_stats(p->o, &s), 0);
	return s;
}
