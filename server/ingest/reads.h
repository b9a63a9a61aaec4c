/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reads: what a client asks of the store, done on a thread and a connection of its own, so that
 * neither the event loop nor the writer waits for it.
 *
 * Threads: all calls on the loop's thread.
 */
#ifndef READS_H
#define READS_H

#include "server/store/store.h"
#include "worker.h"

enum read_kind {
	READ_NEWEST,
	READ_TRACK,
	READ_ONE,
	READ_GAPS,
	READ_REMOVE,
	READ_DEVICE, /* what an operator says of it (device_json.h) */
	READ_SET_DEVICE,
	READ_FORGET, /* one chunk of a device's readings: again until expiry.done */
	READ_EXPIRE, /* one chunk of what is too old: the same */
};

/* What of each reading is given. Zeroed: all. */
struct read_fields {
	bool some;
	bool temperatures, host, version, note;
	uint64_t scalars; /* as `known` of a reading */
};

struct read_job {
	struct job job; /* the caller sets done */
	enum read_kind kind;
	char device[READING_DEVICE_SIZE]; /* "" for READ_NEWEST of all devices */
	uint64_t epoch, seq; /* ONE, REMOVE */
	struct store_track track; /* TRACK; its device is set here */
	struct read_fields fields; /* NEWEST, TRACK */
	struct store_device *set; /* SET_DEVICE; the caller's */
	uint64_t if_match; /* SET_DEVICE: only if this is the ETag of what there is, UINT64_MAX: if
			      there is anything; 0: always */
	bool if_none_match; /* SET_DEVICE: only if there is nothing */
	struct store_expiry expiry; /* FORGET, EXPIRE; its device is set here */
	int format; /* SENML_CBOR or SENML_JSON; GAPS is JSON always */

	int result; /* readings (or 1) found, STORE_DOWN, STORE_REFUSED, -ENOMEM, -E2BIG, -EEXIST:
		       if_match or if_none_match */
	void *body; /* malloc'ed, the caller's; NULL if result < 0, for REMOVE, for ONE that is not
		       there */
	size_t body_size;
	char why[160];
};

/* Takes the store for as long as it runs. NULL with errno. */
struct reads *reads_start(struct store *store);
int reads_submit(struct reads *r, struct read_job *job); /* 0 or -EAGAIN: too many wait */
int reads_fd(const struct reads *r);
void reads_collect(struct reads *r);
void reads_stop(struct reads *r); /* finishes what is queued; accepts NULL */

#endif
