/* SPDX-License-Identifier: BSD-2-Clause */
/* outbox_place: an outbox in a folder of its own, for the tests of the outbox. */
#ifndef OUTBOX_PLACE_H
#define OUTBOX_PLACE_H

#include "userspace/node/outbox.h"

extern const struct outbox_range none;

#define S UINT64_C(1000000000)
#define T0 (INT64_C(20800) * 86400 * 1000000)
#define BOOT 0x1111

/* A folder and an outbox in it. */
struct place {
	char dir[64], path[96], err[600];
	struct outbox_config config;
	struct outbox *o;
};

int place_setup(void **state);

int place_teardown(void **state);

int place_reopen(struct place *p);

/*
 * Leaves the file as a kill would: not closed. What SQLite holds in memory is let go without a
 * trace in the file.
 */
int place_crash(struct place *p);

struct reading sample(uint64_t boot_s);

struct reading place_put(struct place *p, uint64_t boot_s);

struct reading place_put_dated(struct place *p, uint64_t boot_s);

struct outbox_stats stats(struct place *p);

#endif
