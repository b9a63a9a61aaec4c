/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_kept: which rows of the outbox's table `reading` the server has confirmed; they stay for a
 * while, for a server that was restored from a backup. As ranges of seqs, in memory and in the
 * table `kept`, which a transaction that is made anyway brings up to date, each OUTBOX_KEPT_STEP
 * rows: until then a crash only sends them again. Used by outbox.c only, in its transactions.
 * Errors are as in outbox.h.
 *
 * A range may span seqs that have no row. There are few: a node sends in order.
 */
#ifndef NODE_OUTBOX_KEPT_H
#define NODE_OUTBOX_KEPT_H

#include "outbox.h"
#include "outbox_sql.h"

#define OUTBOX_KEPT_MAX 64
#define OUTBOX_KEPT_STEP 64 /* rows: one by one they would write 50 % more to the card */
#define OUTBOX_ROW_BYTES 64 /* counted for a row beside its body: columns and b-tree */

/* Copyable: a transaction that fails puts the copy back. */
struct outbox_kept {
	unsigned n;
	uint64_t unwritten; /* rows confirmed or released since it was written, and rows deleted */
	struct outbox_range ranges[OUTBOX_KEPT_MAX]; /* ascending, apart */
	uint64_t rows, bytes; /* in them */
};

int outbox_kept_load(struct outbox_kept *k, struct outbox_sql *s);
/* at_least: rows that changed, for which it is worth it. */
int outbox_kept_write(const struct outbox_kept *k, struct outbox_sql *s, uint64_t at_least);

/* The i-th of the n + 1 ranges between them that may hold waiting rows; false: it is empty. */
bool outbox_kept_between(const struct outbox_kept *k, unsigned i, struct outbox_range *range);

/*
 * first..last are confirmed: how many of them were waiting, with *bytes of them; -ENOSPC: there is
 * no room for another range, and nothing is changed.
 */
int outbox_kept_add(struct outbox_kept *k, struct outbox_sql *s, uint64_t first, uint64_t last,
		    uint64_t *bytes);

/*
 * Up to max rows of first..last wait again: how many, with *bytes of them and in *to the last seq
 * that was looked at; -ENOSPC as above.
 */
int outbox_kept_release(struct outbox_kept *k, struct outbox_sql *s, uint64_t first, uint64_t last,
			unsigned max, uint64_t *bytes, uint64_t *to);

/*
 * Deletes the oldest, if it was dated before `before_us`: 1, 0 if it stays or there is none.
 * INT64_MAX: whatever its time.
 */
int outbox_kept_drop(struct outbox_kept *k, struct outbox_sql *s, int64_t before_us);

#endif
