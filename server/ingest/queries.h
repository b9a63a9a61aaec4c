/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queries: what clients ask of the store and what an operator changes in it, on threads and
 * connections of its own, so that neither the event loop nor ingest's commits wait for it.
 *
 * Threads: all calls on the loop's thread.
 */
#ifndef QUERIES_H
#define QUERIES_H

#include "server/store/store.h"
#include "job_thread.h"

enum query_kind {
	QUERY_NEWEST,
	QUERY_TRACK,
	QUERY_ONE,
	QUERY_GAPS,
	QUERY_REMOVE,
	QUERY_DEVICE, /* its label and settings (device_json.h) */
	QUERY_SET_DEVICE,
	QUERY_FORGET, /* one chunk of a device's readings: again until expiry.done */
	QUERY_EXPIRE, /* one chunk of what is too old: the same */
	QUERY_MARKS, /* what has changed (store_mark()) */
};

struct query_mark {
	char device[READING_DEVICE_SIZE]; /* "": all */
	uint64_t mark; /* out */
};

/* Which fields of each reading are in the answer. Zeroed: all. */
struct query_fields {
	bool some;
	bool temperatures, host, version, note;
	uint64_t scalars; /* as `known` of a reading */
};

struct query {
	struct job job; /* the caller sets done */
	enum query_kind kind;
	char device[READING_DEVICE_SIZE]; /* "" for QUERY_NEWEST of all devices */
	uint64_t epoch, seq; /* ONE, REMOVE; GAPS: of this epoch only, 0: of all */
	struct store_track track; /* TRACK; its device is set here */
	struct query_fields fields; /* NEWEST, TRACK */
	struct store_device *settings; /* SET_DEVICE; the caller's */
	uint64_t if_match; /* SET_DEVICE: only if the device's settings have this ETag, UINT64_MAX:
			      if it has any; 0: always */
	bool if_none_match; /* SET_DEVICE: only if it has none */
	struct query_mark *marks; /* MARKS; n_marks of them, the caller's */
	size_t n_marks;
	uint64_t owner; /* EXPIRE: of the lease, without which there is nothing to do */
	struct store_expiry expiry; /* FORGET, EXPIRE; its device is set here */
	int format; /* SENML_CBOR or SENML_JSON; GAPS is JSON always */

	int result; /* readings (or 1), STORE_DOWN, STORE_REFUSED, -ENOMEM, -E2BIG, -EEXIST:
		       if_match or if_none_match */
	void *body; /* malloc'ed, the caller's; NULL if result < 0, for REMOVE, for ONE that is not
		       there */
	size_t body_size;
	char why[160];
};

/*
 * Takes the stores for as long as it runs. for_short_ones: a connection and a thread of their own
 * for queries that take milliseconds, so that they do not wait for those that take a second; NULL:
 * all in one. NULL with errno.
 */
struct queries *queries_start(struct store *store, struct store *for_short_ones);
int queries_submit(struct queries *q, struct query *query); /* 0 or -EAGAIN: too many wait */
int queries_fd(const struct queries *q); /* readable when queries_collect() has work */
void queries_collect(struct queries *q); /* runs done() of what is finished */
void queries_stop(struct queries *q); /* finishes what is queued; accepts NULL */

#endif
