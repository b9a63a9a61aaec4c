/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observers: clients that are notified when a representation changes (RFC 7641).
 *
 * A GET with Observe 0 is answered and its session and token are kept. After a commit the owner
 * marks the device as changed; the representation is then read again, and sent if it differs from
 * what was sent last. Changes that come while that is under way, or within OBSERVERS_PAUSE_MS of
 * it, make one notification. Most notifications are NON; each 16th, and one an hour even where
 * nothing changed, is a CON: without an acknowledgement, or with a reset, the observation ends.
 *
 * Where other servers write into the same database, it is polled each OBSERVERS_POLL_MS while there
 * are observers (store_mark()).
 *
 * Threads: the loop's.
 */
#ifndef OBSERVERS_H
#define OBSERVERS_H

#include "blockwise.h"
#include "userspace/coaps/coaps_identity.h"
#include "server/ingest/queries.h"

#define OBSERVERS_MAX \
	1024 /* each keeps a session open; one more gets a plain answer (RFC 7641 4.1) */
#define OBSERVERS_PER_SESSION 8
#define OBSERVERS_PER_PEER 64
#define OBSERVERS_PAUSE_MS 500
#define OBSERVERS_POLL_MS 1000

struct observer {
	struct observer *next;
	struct query query; /* of the first answer, to be repeated */
	struct blockwise_request request; /* the token, the size of blocks; its session is
					     referenced */
	char identity[READING_DEVICE_SIZE]; /* of the certificate at first: it must stay the same */
	char peer[COAPS_PEER_SIZE];
	uint64_t etag; /* of what was sent last */
	uint64_t mark; /* of the last poll; 0: none yet */
	uint64_t due_ms, con_ms; /* not before; last CON */
	unsigned since_con;
	bool changed, reading, gone; /* gone: freed when the read is done */
};

struct observers {
	struct observer *first;
	unsigned n;
	uint64_t refused; /* counted */
	uint64_t swept_ms, polled_ms;
	bool polling; /* a poll is under way */
	struct queries *queries; /* to poll; NULL: no other server writes into the database */
	/* Submits o->query; observers_notify() or observers_read_failed() when it is done.
	 * Negative: not now. */
	int (*read)(void *arg, struct observer *o);
	void *arg;
};

/*
 * Registers the observer of *r, a request whose answer is known but not yet sent: that answer gets
 * the Observe option. False: no room for another observer; the answer goes without.
 */
bool observers_add(struct observers *os, struct blockwise_request *r, const struct query *query,
		   uint64_t etag);
/* Observe 1, or a GET with a token that is in use. */
void observers_forget(struct observers *os, const coap_session_t *session, coap_bin_const_t token);
/* A reset or no answer to a notification. */
void observers_drop_by_mid(struct observers *os, const coap_session_t *session, coap_mid_t mid);

void observers_mark_changed(struct observers *os, const char *device);
/* Submits the reads and polls that are due. Returns the ms until the next, -1: no observers. */
int observers_tick(struct observers *os);

/* o's read is done. Takes data. */
void observers_notify(struct observers *os, struct observer *o, struct transfers *kept,
		      int content_format, void *data, size_t size);
void observers_read_failed(struct observers *os, struct observer *o);
/* After queries has stopped. */
void observers_free(struct observers *os);

#endif
