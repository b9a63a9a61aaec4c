/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest: readings into the store, committed in groups, each answered only after its commit.
 *
 * A writer thread owns the store. Its batch is what arrived while the last commit ran, bounded by
 * rows: no timer. While the store is down every job comes back as STORE_DOWN at once, and the
 * arrival of jobs drives the attempts to connect, with a back-off.
 *
 * Threads: all calls on the loop's thread; `stored` is called on the writer's.
 */
#ifndef INGEST_H
#define INGEST_H

#include "server/store/store.h"
#include "job_thread.h"

/* Streams kept in memory, half a kilobyte each; beyond it all are forgotten, and loaded when
 * they come again. */
#define INGEST_STREAMS_MAX 8192

/* Numbers of a stream that will never come, as reported by its node. */
struct ingest_gaps {
	char device[READING_DEVICE_SIZE];
	uint64_t epoch;
	size_t n;
	struct store_hole holes[];
};

/* The readings or the gaps of one request: all are stored, or none. */
struct ingest_job {
	struct job job; /* the caller sets done */
	struct reading *readings; /* the caller's; n >= 1 */
	size_t n;
	const struct ingest_gaps *gaps; /* the caller's; not NULL: instead of readings, and n is 0
					 */
	int64_t received_us;

	int result; /* rows that were new, or STORE_DOWN, or STORE_REFUSED with `why` */
	struct reading_ack *acks; /* the caller's, room for n (gaps: 1): one per stream in the job
				   */
	size_t n_acks;
	/* Of readings, the first whose key is taken by other content, which stays; NULL: none. All
	 * others are stored. */
	const struct reading *conflict;
	char why[160];
};

struct ingest_config {
	size_t queue; /* readings that wait or are in work */
	size_t batch; /* readings in one commit */
	bool shared; /* other servers write into the same database: what is missing here may have
			come by them */
	/*
	 * Called for each new reading after its commit; may be NULL. Readings of the legacy client
	 * may come twice when they are sent twice: their numbers are not kept. So may what another
	 * server has stored meanwhile.
	 */
	void (*stored)(void *arg, const struct reading *r);
	void *arg;
};

struct ingest_counts {
	uint64_t readings, stored, duplicates, conflicts, refused, batches, failures, gaps;
	uint64_t streams; /* kept in memory now */
	bool clock_agrees; /* with the GNSS or NTP time of a reading that has come */
	bool down; /* the last attempt to store something failed */
};

/* Takes the store (connected or not) for as long as it runs. NULL with errno. */
struct ingest *ingest_start(struct store *store, const struct ingest_config *config);
/* 0; -EAGAIN: the queue is full; -EMSGSIZE: more readings than a batch holds. The job is then still
 * the caller's. */
int ingest_submit(struct ingest *in, struct ingest_job *job);
int ingest_fd(const struct ingest *in);
void ingest_collect(struct ingest *in);
struct ingest_counts ingest_counts(struct ingest *in);
size_t ingest_queued(struct ingest *in); /* readings that wait or are in work */
void ingest_stop(struct ingest *in); /* finishes what is queued; accepts NULL */

#endif
