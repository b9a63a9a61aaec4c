/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * post: decodes the body of a POST or PUT, submits its readings to the store, and answers after the
 * commit. A pack is stored whole or not at all. Where a commit takes long, the client gets an empty
 * ACK first; the legacy client does not understand that, and gets its answer piggybacked or after
 * one of its retransmissions.
 *
 * Threads: the loop's.
 */
#ifndef POST_H
#define POST_H

#include <coap3/coap.h>

#include "observers.h"
#include "server/ingest/ingest.h"
#include "upload.h"
#include "userspace/coaps/coaps_server.h"

#define POST_READINGS_MAX 256 /* in one pack: what a node sends at most */

struct post {
	struct ingest *ingest;
	enum coaps_client_auth client_auth;
	struct reading *scratch; /* POST_READINGS_MAX */
	struct observers *observers; /* of what is stored */
};

/* The reading that a PUT names in its path, and its body must hold. */
struct post_key {
	const char *device;
	uint64_t epoch, seq;
};

/* A whole request handler. key NULL: a POST. */
void post_readings(struct post *p, const struct post_key *key, coap_session_t *session,
		   const coap_pdu_t *request, const struct upload_body *body, coap_pdu_t *response);

/* The same for a POST to /gaps/{device} (userspace/reading/gap_list.h). */
void post_gaps(struct post *p, const char *device, coap_session_t *session,
	       const coap_pdu_t *request, const struct upload_body *body, coap_pdu_t *response);

#endif
