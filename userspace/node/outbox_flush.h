/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox_flush: brings the outbox's WAL to the disk on a thread of its own, so that a slow card (a
 * sync can take a second) delays neither the receiver's bytes nor the session. Used by
 * outbox_wal.c only.
 *
 * The thread has a connection of its own to the file; it syncs the WAL, and copies it into the
 * database (a checkpoint) when it has grown. It never writes a reading.
 *
 * Threads: all calls from the outbox's thread; they never wait for the disk, but for
 * outbox_flush_stop().
 */
#ifndef NODE_OUTBOX_FLUSH_H
#define NODE_OUTBOX_FLUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox_flush;

/* NULL with err. path is borrowed for the call. A checkpoint, which costs a second sync, is due at
 * so many pages. */
struct outbox_flush *outbox_flush_start(const char *path, unsigned checkpoint_pages, char *err,
					size_t err_size);
/* Waits for the running sync and starts no other. NULL is accepted. */
void outbox_flush_stop(struct outbox_flush *f);

/* Requests a sync of everything up to seq. wal_pages: present length of the WAL. */
void outbox_flush_request(struct outbox_flush *f, uint64_t seq, unsigned wal_pages);

struct outbox_flush_state {
	uint64_t seq; /* on the disk up to here */
	unsigned copied_pages; /* of the WAL, all copied into the database: it may start again */
	bool busy; /* a request is not done */
	int error; /* 0, or why the last sync failed: then seq stays, and the next request retries
		    */
};

/* Consumes the event of outbox_flush_fd(). */
void outbox_flush_done(struct outbox_flush *f, struct outbox_flush_state *state);

/* Readable when the state has changed. */
int outbox_flush_fd(const struct outbox_flush *f);

/* Syncs since the start. */
uint64_t outbox_flush_syncs(struct outbox_flush *f);

#endif
