/* SPDX-License-Identifier: BSD-2-Clause */
/* outbox_own: what outbox.c (opens, puts) and outbox_send.c (peeks, confirms) share. Theirs only.
 */
#ifndef NODE_OUTBOX_OWN_H
#define NODE_OUTBOX_OWN_H

#include "outbox.h"
#include "outbox_file.h"
#include "outbox_kept.h"
#include "outbox_memory.h"
#include "outbox_sql.h"
#include "outbox_wal.h"

struct outbox {
	struct outbox_file file;
	struct outbox_sql sql;
	struct outbox_wal wal;
	struct outbox_memory memory;
	struct outbox_kept kept;
	int64_t keep_us;
	uint64_t max_rows, max_bytes, boot;
	uint64_t database_pages; /* at most */
	struct clock_stamp dating; /* of readings of this boot without time; source NONE: not known
				    */
	uint64_t lost_first, lost_last; /* given, but not written; 0: none */
	struct outbox_stats stats;
};

/*
 * Ends a transaction: what was given and not written gets its gap in the first that works, before
 * any can save the number that comes after it.
 */
int outbox_finish(struct outbox *o, int rc);

/* boot: of which r->boot_ns is. */
int outbox_insert(struct outbox *o, const struct reading *r, int64_t boot, const uint8_t *body,
		  int length);

#endif
