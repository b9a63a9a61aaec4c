/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox: readings on disk until the server has them. Consume on confirm: put, peek, send,
 * confirm. What was put survives kill -9 at any point, and a power cut within the bounds of `sync`.
 *
 * The file is SQLite in WAL mode, held by one process. It has one epoch, random and never 0, made
 * with the file; seq is 1, 2, 3 ... in it, given by outbox_put() and never given twice, also after
 * everything was confirmed and deleted. Each seq that was given and can't come any more is in a gap
 * (a tombstone) with the reason.
 *
 *   reading   seq, boot, boot_ns, time (columns, so that it can be dated later), a CRC-32 of all,
 *             body: the reading as a SenML CBOR pack of one
 *   refused   the same, set aside: with the server's code and text
 *   gap       first, last, reason
 *   sensors   list: the node's sensors, a text of sensor_list.h
 *   kept      first, last: of reading, what the server has (outbox_kept.h)
 *
 * It is bounded by rows and by bytes (of bodies and 64 a row, and of all files): what is kept goes
 * first, then what is set aside, then the oldest, each into a gap. While the WAL is not copied fast
 * enough nothing can be peeked, and then nothing put.
 *
 * A file that is damaged is set aside, never deleted. A new one takes over what can be read of it,
 * with gaps for the rest, or begins a new epoch; a file of a newer version or of another program is
 * refused.
 *
 * Errors are negative errno (-ENOSPC, -EROFS, -EIO ...), -EUCLEAN when the file turns out
 * to be damaged (close it and open it again as that), or OUTBOX_E...; after any of
 * them the file is as it was before the call and outbox_reason() has the text.
 * Threads: all calls on one thread; it may have one of its own that waits for the disk.
 */
#ifndef NODE_OUTBOX_H
#define NODE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "outbox_gap.h"
#include "userspace/reading/reading.h"

enum {
	OUTBOX_E_NEWER = -1001, /* written by a newer version of this program */
	OUTBOX_E_FOREIGN = -1002, /* a database, but not an outbox */
};

struct outbox_config {
	const char *path; /* borrowed for the call of outbox_open() only */
	uint64_t max_rows; /* at least 1 */
	uint64_t max_bytes;
	unsigned sync_ms; /* 0: each reading is synced before it is peeked; else see outbox_sync()
			   */
	bool flush_thread; /* sync on a thread: no call waits for the disk; see outbox_fd() */
	int64_t keep_us; /* what the server has stays so long, as far as the bounds allow; 0: not at
			    all */
	unsigned max_memory; /* readings in memory that could not be written; 0: they are lost */
	bool damaged; /* it returned -EUCLEAN: it is set aside, whatever a check would find */
	uint64_t boot; /* system_facts_boot() */
};

struct outbox_stats {
	enum reading_start start; /* how the process before this one ended */
	uint64_t epoch, next_seq;
	uint64_t rows, bytes; /* waiting and set aside */
	uint64_t kept; /* confirmed, and still there */
	uint64_t refused; /* set aside, of rows */
	uint64_t gaps; /* ranges kept */
	uint64_t dropped; /* of this process's life: FULL */
	uint64_t not_written; /* of this process's life: NOT_WRITTEN */
	uint64_t unprotected; /* in memory only */
	uint64_t new_epochs; /* of this process's life: begun as the server had other readings */
	uint64_t syncs; /* of this process's life: by outbox_sync() or the thread */
	uint64_t oldest_boot_ns; /* of the oldest waiting reading, if it is of this boot, else 0 */
	int64_t oldest_utc_us; /* of the same; 0 if not dated */
};

struct outbox;

enum outbox_order { OUTBOX_OLDEST_FIRST, OUTBOX_NEWEST_FIRST };

/*
 * 0; 1 if a damaged file was set aside, then err names it and gives the cause; or an error:
 * err in one line. -EBUSY: another process has it.
 */
int outbox_open(struct outbox **out, const struct outbox_config *config, char *err,
		size_t err_size);
/* Syncs what is not. NULL is accepted. */
void outbox_close(struct outbox *o);

/* It is in memory only, and is lost if the process ends before it was sent. */
#define OUTBOX_UNPROTECTED 1

/*
 * Gives the reading its epoch and seq and stores it; boot_ns must be set. 0; or OUTBOX_UNPROTECTED
 * if the disk did not take it, outbox_reason() has why; or an error: then the seq is used up, and
 * the next write that succeeds, of whatever kind, records the gap.
 */
int outbox_put(struct outbox *o, struct reading *r);

/* Sequence numbers, both included; all 0: none. */
struct outbox_range {
	uint64_t first, last;
};

/* What is in flight, of each epoch. */
struct outbox_sent {
	struct outbox_range disk, memory;
};

/* What outbox_peek() has put into a buffer. */
struct outbox_pack {
	uint64_t epoch, first, last; /* the lowest and the highest seq */
	unsigned n; /* readings */
	bool in_memory; /* those that the disk did not take */
	size_t size;
};

/*
 * Up to max readings, in that order, without those of `except` (in flight), as one SENML_CBOR pack;
 * they stay. As many as fit: n, 0 if there are none, or -EMSGSIZE if the first does not fit. What
 * lies between the lowest and the highest of their seqs is among them. A damaged one is set aside
 * and not among them. What is in memory goes first.
 */
int outbox_peek(struct outbox *o, enum outbox_order order, const struct outbox_sent *except,
		unsigned max, void *buffer, size_t size, struct outbox_pack *pack);

/*
 * The server has first..last of that epoch: they wait no longer, and are deleted, or kept
 * (keep_us). Returns how many waited.
 */
int outbox_confirm(struct outbox *o, uint64_t epoch, uint64_t first, uint64_t last);

/* What of first..last is kept now, as up to max ranges: how many. */
unsigned outbox_find_kept(const struct outbox *o, uint64_t first, uint64_t last,
			  struct outbox_range *ranges, unsigned max);

/*
 * The server has lost readings that it had confirmed: up to max of first..last that are kept wait
 * again. How many, and in *to up to where; 0 and *to < last: call again from there.
 */
int outbox_resend(struct outbox *o, uint64_t first, uint64_t last, unsigned max, uint64_t *to);

/* Sets one aside: it is kept, not sent again, and its seq is a gap. 0, or -ENOENT. */
int outbox_refuse(struct outbox *o, uint64_t epoch, uint64_t seq, const char *why);

/*
 * The server has other content under this number (this file was restored or copied): the reading
 * gets a number of a new epoch, as does all that is put later. Numbers go on, so that a row's is
 * unique; those before are a gap of the new epoch. 0, or -ENOENT.
 */
int outbox_renumber(struct outbox *o, uint64_t epoch, uint64_t seq);

/*
 * The server has numbers of this epoch that were never given (this file was restored or copied):
 * all that is put from here on is of a new epoch. What waits keeps its number: the server takes it,
 * or answers 4.09. 0, -ENOENT: it is not the epoch, or an error.
 */
int outbox_begin_epoch(struct outbox *o, uint64_t epoch);

/*
 * Dates readings of this boot that have no time by the stamp of the first call: all in what
 * outbox_peek() gives from here on, up to max on the disk. Returns how many of these.
 */
int outbox_date(struct outbox *o, const struct clock_stamp *stamp, int max);

/*
 * With sync_ms: brings to the disk what was put since the last sync, if anything; with a thread,
 * asks it to. Due at outbox_sync_due_ns(): sync_ms after the boot_ns of the first unsynced reading;
 * 0: not due.
 */
int outbox_sync(struct outbox *o);
uint64_t outbox_sync_due_ns(const struct outbox *o);

/* For epoll: readable when the thread has synced. -1 without a thread. */
int outbox_fd(const struct outbox *o);
/* To be called then: more can be peeked. 0, or why the last sync failed. */
int outbox_on_sync(struct outbox *o);

/* Gaps that begin at `from` or later, in order. Returns how many, up to max. */
int outbox_gaps(struct outbox *o, uint64_t from, struct outbox_gap *gaps, size_t max);

/*
 * The server knows of the gap, exactly as it was read: it is deleted. 1, or 0 if there is none that
 * is the same (it has grown meanwhile: the longer one is to be reported), or an error.
 */
int outbox_confirm_gap(struct outbox *o, uint64_t epoch, const struct outbox_gap *gap);

/* The text of the newest outbox_put_sensors(): 1, 0 if there is none, or an error. */
int outbox_sensors(struct outbox *o, char *text, size_t size);
int outbox_put_sensors(struct outbox *o, const char *text);

int outbox_stats(struct outbox *o, struct outbox_stats *stats);

/* The last error as a text; valid until the next call. */
const char *outbox_reason(const struct outbox *o);

#endif
