/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_wal: when the outbox's WAL is synced and when it is copied into the database: by the
 * thread of outbox_flush.h, or without one in the call. Used by outbox.c only.
 *
 * Threads: all calls on the outbox's.
 */
#ifndef NODE_OUTBOX_WAL_H
#define NODE_OUTBOX_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "outbox.h"
#include "outbox_sql.h"

/*
 * What can be unsynced at most, in readings. After a power cut that many seqs are skipped (and are
 * a gap), since the server may have had them before the cut.
 */
#define OUTBOX_UNSYNCED_MAX 1000

struct outbox_wal {
	struct outbox_sql *sql; /* borrowed */
	unsigned sync_ms;
	struct outbox_flush *flush; /* NULL: no thread */
	unsigned pages, checkpoint_pages; /* with a thread */
	uint64_t seq; /* of the newest reading put */
	uint64_t durable; /* nothing above this seq may be sent yet */
	uint64_t unsynced; /* puts since the last sync; with a thread: since it was asked */
	uint64_t unsynced_ns; /* boot_ns of the first of them */
	uint64_t syncs; /* in a call */
};

/* Bytes of max_bytes that the WAL may take. */
uint64_t outbox_wal_bytes(uint64_t max_bytes);

/*
 * sql is borrowed until outbox_wal_stop(); seq: the highest given so far. 0, or -EIO with sql's
 * reason.
 */
int outbox_wal_start(struct outbox_wal *w, struct outbox_sql *sql,
		     const struct outbox_config *config, uint64_t seq);
/* Waits for the running sync. May be called again, and for one that is all 0. */
void outbox_wal_stop(struct outbox_wal *w);

/* A reading more, committed: it is synced at once, or within the interval. */
int outbox_wal_on_put(struct outbox_wal *w, uint64_t seq, uint64_t boot_ns);
/* After any other commit, which needs no sync. */
void outbox_wal_on_commit(struct outbox_wal *w);

/* Is the WAL short enough to send, or to put? If not, copying it is requested. */
bool outbox_wal_may_send(struct outbox_wal *w);
bool outbox_wal_may_put(struct outbox_wal *w);

/* These four as in outbox.h. */
int outbox_wal_sync(struct outbox_wal *w);
uint64_t outbox_wal_sync_due_ns(const struct outbox_wal *w);
int outbox_wal_fd(const struct outbox_wal *w);
int outbox_wal_on_sync(struct outbox_wal *w);

/* Syncs since the start. */
uint64_t outbox_wal_syncs(const struct outbox_wal *w);

#endif
