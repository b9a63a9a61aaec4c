/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observers: who is told when a representation changes (RFC 7641).
 *
 * A GET with Observe 0 is answered and its session and token are kept. After a commit the owner
 * says which device changed; the representation is then read again, and sent if it differs from
 * what was sent last. Changes that come while that is under way, or within OBSERVERS_PAUSE_MS of
 * it, are told together. Most notifications are NON; each 16th, and one an hour even where nothing
 * changed, is a CON: a client that is gone is found out, and a reset ends it.
 *
 * Threads: the loop's.
 */
#ifndef OBSERVERS_H
#define OBSERVERS_H

#include "blockwise.h"
#include "server/ingest/reads.h"

#define OBSERVERS_MAX \
	1024 /* each holds a session open; one more gets a plain answer (RFC 7641 4.1) */
#define OBSERVERS_PER_SESSION 8
#define OBSERVERS_PAUSE_MS 500

struct observer {
	struct observer *next;
	struct read_job read; /* what it asked, to be asked again */
	struct blockwise_request request; /* the token, the size of blocks; its session is
					     referenced */
	char who[READING_DEVICE_SIZE]; /* whom the certificate named: it must go on to */
	uint64_t etag; /* of what was sent last */
	uint64_t due_ms, con_ms; /* not before; last CON */
	unsigned since_con;
	bool changed, reading, gone; /* gone: freed when the read is back */
};

struct observers {
	struct observer *first;
	unsigned n;
	uint64_t swept_ms;
	/* Reads o->read again; observers_told() or observers_failed() when it is back. Negative:
	 * not now. */
	int (*look)(void *arg, struct observer *o);
	void *arg;
};

/*
 * After the first answer is known: *r is the request, still open; what it is answered with gets the
 * Observe option. False: no room, it is a plain answer.
 */
bool observers_add(struct observers *os, struct blockwise_request *r, const struct read_job *read,
		   uint64_t etag);
/* Observe 1, or a GET with a token that is in use. */
void observers_forget(struct observers *os, const coap_session_t *session, coap_bin_const_t token);
/* A reset or no answer to a notification. */
void observers_lost(struct observers *os, const coap_session_t *session, coap_mid_t mid);

void observers_changed(struct observers *os, const char *device);
/* Looks where it is due. Returns in how many ms again, -1: nobody observes. */
int observers_tick(struct observers *os);

/* The read is back. Takes data. */
void observers_told(struct observers *os, struct observer *o, struct blockwise *b,
		    int content_format, void *data, size_t size);
void observers_failed(struct observers *os, struct observer *o);
void observers_free(struct observers *os);

#endif
