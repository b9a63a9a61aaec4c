/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * upload: request bodies that come in blocks (RFC 7959 Block1).
 *
 * libcoap's reassembly takes blocks in any order and knows a transfer by its resource and
 * Request-Tag only, so that blocks of two requests mix. Here a session has one transfer at a time
 * for a method and path. Block 0 begins it again. Any other block must follow the one before, with
 * the same options (RFC 9175 3.3), or it is answered 4.08 and changes nothing. The last one again
 * is confirmed again.
 *
 * Limits are per peer (peer.h), then for all; the transfer that was idle for longest gives way, and
 * its next block is answered 4.08.
 *
 * Threads: the loop's.
 */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPLOAD_BODY_MAX (1024 * 1024) /* 4.13 above */
#define UPLOAD_IDLE_MS 247000 /* EXCHANGE_LIFETIME (RFC 7959 2.5) */
#define UPLOAD_PER_PEER 16
#define UPLOAD_PEER_BYTES (4 * 1024 * 1024)
#define UPLOAD_BYTES (64 * 1024 * 1024)

struct uploads {
	struct upload *newest; /* the one that got a block last is first */
	size_t bytes; /* of all */
};

/* A whole body. */
struct upload_body {
	const uint8_t *data; /* until the handler returns */
	size_t size;
	uint8_t *owned; /* to be freed, or NULL: data is in the request */
};

/* In a handler of a method with a body. False: the response is set, and there is nothing to handle.
 */
bool upload_receive(struct uploads *u, coap_session_t *session, const coap_pdu_t *request,
		    coap_pdu_t *response, struct upload_body *body);
void upload_body_free(struct upload_body *body);

/* Forgets transfers of sessions that have ended, and idle ones. Returns in how many ms again; -1:
 * none. */
int uploads_tick(struct uploads *u, uint64_t now_ms);
void uploads_free(struct uploads *u);

#endif
