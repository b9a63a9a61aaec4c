/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_gap: the seqs that were given and can't come any more, as ranges in the outbox's table
 * `gap`. Its functions with an outbox_sql are used by outbox.c only, and run in its transaction.
 */
#ifndef NODE_OUTBOX_GAP_H
#define NODE_OUTBOX_GAP_H

#include <stddef.h>
#include <stdint.h>

/* Why a seq does not come. On disk: never renumber, only append. */
enum outbox_gap_reason {
	OUTBOX_GAP_FULL = 1, /* dropped, as the outbox was full */
	OUTBOX_GAP_NOT_WRITTEN = 2, /* the disk did not take it (full, read-only, failing) */
	OUTBOX_GAP_POWER = 3, /* the power failed before it was synced, or it was never given */
	OUTBOX_GAP_REFUSED = 4, /* set aside: the server refused it for what it is */
	OUTBOX_GAP_DAMAGED = 5, /* set aside: its bytes on the disk are wrong */
	OUTBOX_GAP_RENUMBERED = 6, /* given in an epoch before this one */
};

struct outbox_gap {
	uint64_t first, last; /* inclusive */
	enum outbox_gap_reason reason;
};

const char *outbox_gap_reason_name(enum outbox_gap_reason reason);

struct outbox_sql;

/* Adds first..last, to the gap before them if that has the same reason. 0 or an error. */
int outbox_gap_add(struct outbox_sql *s, uint64_t first, uint64_t last,
		   enum outbox_gap_reason reason);

/* As outbox_gaps(). */
int outbox_gap_read(struct outbox_sql *s, uint64_t from, struct outbox_gap *gaps, size_t max);

/* Deletes the gap if it is still the same: 1, else 0, or an error. */
int outbox_gap_drop(struct outbox_sql *s, const struct outbox_gap *gap);

#endif
