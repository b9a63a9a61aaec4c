/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retention: removes readings that are too old, at the start and each hour, in chunks between which
 * other queries run; what will go is logged first. One server of those on a database does it.
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
	uint64_t owner; /* of the lease: random */
	uint64_t due_ms, counted;
	bool running, distrust_logged;
};

/* Must not move while queries runs. */
void retention_init(struct retention *r, struct queries *queries, int64_t days);
/* A run with the new setting is due soon. */
void retention_set_days(struct retention *r, int64_t days);
/*
 * Starts what is due at now_ms (CLOCK_MONOTONIC). Returns in how many ms again. By a clock that is
 * not trusted nothing is removed: it is checked again in 10 s.
 */
int retention_tick(struct retention *r, uint64_t now_ms, bool is_clock_trusted);

#endif
