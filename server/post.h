/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * post: the body of a POST or PUT to readings, and these to the store; the answer comes after the
 * commit. A pack is stored whole or not at all.
 */
#ifndef POST_H
#define POST_H

#include <coap3/coap.h>

#include "ingest.h"
#include "userspace/coaps/coaps_server.h"

#define POST_READINGS_MAX 256	/* in one pack: what a node sends at most */

struct post {
	struct ingest *ingest;
	enum coaps_client_auth client_auth;
	struct reading *scratch;	/* POST_READINGS_MAX */
};

/* A whole request handler. */
void post_readings(struct post *p, coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *response);

#endif
