/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store: keeps readings in SQLite or MariaDB, each (device, epoch, seq) once.
 *
 * A (device, epoch) pair is a stream; a reading's primary key is (stream, seq). What
 * store_commit() returned 0 for is on disk; what it failed for may or may not be there, and is
 * committed again as it is: the key makes that harmless.
 *
 * Ownership: store_new() allocates, store_free() frees and accepts NULL; the config's strings are
 * borrowed for the store's life. Threads: one store per thread; it may be made on another.
 * Errors: 0 or a count, or a negative code below; store_error() is the message.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gaps.h"
#include "userspace/reading/reading.h"

#define STORE_DOWN \
	(-1101) /* not reachable, full or broken: nothing is lost, connect and try again later */
#define STORE_BUSY \
	(-1102) /* deadlock, lock or certification conflict with another writer: retry soon */
#define STORE_REFUSED (-1103) /* the database will never take this content */
#define STORE_UNUSABLE \
	(-1104) /* wrong path, password, schema or credential: only a person can help */

#define STORE_REPLACED \
	(-1105) /* a stream is another one, or has lost a reading: look streams up again */

enum store_kind { STORE_SQLITE, STORE_MARIADB };

struct store_config {
	int kind; /* enum store_kind */
	const char *path; /* SQLite: the database file */
	const char *hosts; /* MariaDB: "db1,db2:3307"; ignored if socket is set */
	const char *socket; /* MariaDB: unix socket, or NULL */
	const char *user;
	const char *password_file; /* first line is the password; NULL: none */
	const char *database;
	const char *tls_ca; /* MariaDB over TCP: CA file to verify the server */
	bool tls; /* false: unencrypted TCP */
	bool read_only; /* nothing is changed: no schema is made, no file, and no log beside it */
};

/* Does not connect yet. NULL only without memory. */
struct store *store_new(const struct store_config *config);
void store_free(struct store *s);

/* Connects if it is not, and brings an older schema up to date. 0, STORE_DOWN or STORE_UNUSABLE. */
int store_connect(struct store *s);
bool store_connected(const struct store *s);
const char *store_error(const struct store *s); /* of the last failure, one line; valid until the
						   next call */

/* A node begins an epoch with a new outbox; one that keeps none on disk, at each start. */
#define STORE_STREAMS_A_DAY 500

/* Finds or makes a stream; *gaps is what it has, and may be NULL where numbers are not counted
 * (READING_EPOCH_LEGACY). STORE_REFUSED: the device has begun too many within a day. */
int store_stream(struct store *s, const char *device, uint64_t epoch, int64_t now_us,
		 uint64_t *stream, struct gaps *gaps);
/* Notes that 1..complete are there, so that the next store_stream() need not read them. */
int store_checkpoint(struct store *s, uint64_t stream, uint64_t complete);

/* 1: the number is stored, or has a cause why it never will be; 0: neither; or negative. */
int store_is_accounted(struct store *s, uint64_t stream, uint64_t seq);

struct store_item {
	uint64_t stream;
	uint64_t after; /* a number that the stream must have; 0: none. The same in all items of a
			   stream */
	const struct reading *reading; /* borrowed; seq 1..INT64_MAX */
	int64_t received_us;
	bool conflict; /* out: the key was taken by other content, which stays */
};

/*
 * All or nothing, one transaction. Items are best sorted by (stream, seq). Returns how many were
 * new; the others were there before, `conflict` is set in those that differ. STORE_REPLACED: a
 * stream is not that of the reading's device and epoch, or does not have `after`: a backup was
 * restored since store_stream(), or that reading removed.
 */
int store_commit(struct store *s, struct store_item *items, size_t n);

/* Called for each reading; a non-zero return ends the walk and is returned. *r is valid for the
 * call. */
typedef int (*store_reading_fn)(void *arg, const struct reading *r, int64_t received_us);

/* The newest reading of a device, or of each (device NULL): the highest seq of the stream that was
 * received last. */
int store_newest(struct store *s, const char *device, store_reading_fn each, void *arg);

/*
 * A number that differs after readings of a device, or of any (device NULL), were added by whatever
 * server or removed; never 0. Not for a late reading that only fills a hole: the next reading after
 * it changes the mark. One look at an index for each stream.
 */
int store_mark(struct store *s, const char *device, uint64_t *mark);

struct store_track {
	const char *device;
	bool from_known;
	int64_t from_us, to_us; /* UTC, both in the track */
	unsigned limit;
};

/*
 * Dated readings of one device in ascending time: the first `limit` from from_us on, or, if that is
 * not known, the last `limit` up to to_us. A reading whose time is unknown is on no track.
 */
int store_track(struct store *s, const struct store_track *track, store_reading_fn each, void *arg);
int store_one(struct store *s, const char *device, uint64_t epoch, uint64_t seq,
	      store_reading_fn each, void *arg);

#define STORE_CAUSE_NODE "dropped by node: " /* and the node's cause (docs/protocol.md 3.1) */

/* Numbers that will never come, and why. */
struct store_hole {
	struct gaps_range range; /* last below INT64_MAX */
	char cause[32];
};

/*
 * Notes holes, all or none. What has a cause already keeps it. 0 or negative.
 */
int store_explain(struct store *s, uint64_t stream, const struct store_hole *holes, size_t n,
		  int64_t now_us);

/*
 * What a stream has, as ranges that do not overlap. cause NULL: readings that are there, or are
 * below a checkpoint and then may be in a range with a cause, too; else why they never will be
 * ("removed by operator"). Numbers in no range never arrived. Streams in the order of their making,
 * without those of READING_EPOCH_LEGACY, whose numbers are times. only_epoch 0: all.
 */
typedef int (*store_range_fn)(void *arg, uint64_t epoch, struct gaps_range range,
			      const char *cause);
int store_ranges(struct store *s, const char *device, uint64_t only_epoch, store_range_fn each,
		 void *arg);

/* The first reading after a start of the node: why, and between which times it made none. */
struct store_start {
	uint64_t epoch, seq;
	uint64_t cause; /* enum reading_start, or a newer node's */
	int64_t since_us, until_us; /* of the reading before it and its own; 0: unknown */
};
typedef int (*store_start_fn)(void *arg, const struct store_start *start);
int store_starts(struct store *s, const char *device, store_start_fn each, void *arg);

/* Removes one reading and notes the hole: 1, 0 if it was not there. */
int store_remove(struct store *s, const char *device, uint64_t epoch, uint64_t seq, int64_t now_us);

#define STORE_EXPIRE_ROWS 1000 /* in one transaction: blocks other writers for some 10 ms */

/* Progress of a removal; stream and done are 0 at the beginning. */
struct store_expiry {
	const char *device; /* all its readings, removed by an operator; NULL: what is too old */
	int64_t days; /* kept, of devices without a setting of their own; 0: for ever */
	bool count_only; /* of what is too old: nothing is removed */
	int64_t stream;
	int64_t limit_us; /* of that stream, in this run; 0: not known yet */
	bool done;
};

/*
 * Removes readings by their age (time, or arrival where that is unknown), the oldest first, and
 * notes the holes: one chunk a call. How many; 0 with what->done: there are no more. Of what is too
 * old, in one run no more than a day's readings of each stream, be the clock right or not.
 */
int store_expire(struct store *s, struct store_expiry *what, int64_t now_us);

/* Is `owner` the one that does the work of that name until until_us? 1, 0: another is, or negative.
 */
int store_lease(struct store *s, const char *name, uint64_t owner, int64_t now_us,
		int64_t until_us);

/* What an operator sets for a device. */
struct store_device {
	char label[128]; /* "": none */
	char settings[4096]; /* JSON; "": none */
	int64_t retention_days; /* 0: for ever, -1: as all */
};
typedef int (*store_device_fn)(void *arg, const struct store_device *d);

/* Calls back if anything was set. */
int store_get_device(struct store *s, const char *device, store_device_fn each, void *arg);
int store_put_device(struct store *s, const char *device, const struct store_device *d,
		     int64_t now_us);
int store_forget_device(struct store *s, const char *device);

/* A row as it stands, for store_verify(). */
enum store_flaw {
	STORE_FLAW_ROW, /* no reading: a column that cannot be */
	STORE_FLAW_ROM, /* the CRC of a sensor's ROM is wrong */
	STORE_FLAW_CRC, /* a scratchpad whose CRC is wrong under a quality that means it is right */
	STORE_FLAW_VALUE, /* the temperature does not follow from the scratchpad */
	STORE_FLAW_COLUMN, /* t1_mc ... t4_mc are not those of the proof */
	STORE_FLAW_RANGE, /* a value that no node measures: a latitude of 95 degrees */
	STORE_FLAW_HOLE, /* numbers that never arrived and that nothing explains */
	STORE_FLAWS
};

struct store_verdict {
	uint64_t streams, rows, proven; /* proven: temperatures recomputed from their nine bytes */
	uint64_t unproven; /* temperatures that came without (the legacy client's, the kernel's
			      1/1000) */
	uint64_t renumbered; /* streams that began as their outbox was restored or copied */
	uint64_t flaws[STORE_FLAWS];
	char first[256]; /* describes the first flaw, holes apart; "": none */
	char first_hole[160];
};

/*
 * Reads every row, and recomputes what can be. progress (may be NULL) is called each 1000 rows;
 * non-zero ends it and is returned. 0: done, whatever the verdict; or a code above.
 */
int store_verify(struct store *s, struct store_verdict *verdict,
		 int (*progress)(void *arg, const struct store_verdict *v), void *arg);

#endif
