/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retention: removes readings that are too old, at the start and each hour, in chunks between which
 * other queries run.
 *
 * Threads: the loop's.
 */
#ifndef RETENTION_H
#define RETENTION_H

#include "queries.h"

struct retention {
	struct query query; /* first: the job is the retention */
	struct queries *queries;
	int64_t days; /* of devices without a setting of their own; 0: for ever */
	uint64_t due_ms;
	bool running;
};

/* Must not move while queries runs. */
void retention_init(struct retention *r, struct queries *queries, int64_t days);
/* A run with the new setting is due soon. */
void retention_set_days(struct retention *r, int64_t days);
/* Starts what is due at now_ms (CLOCK_MONOTONIC). Returns in how many ms again. */
int retention_tick(struct retention *r, uint64_t now_ms);

#endif
