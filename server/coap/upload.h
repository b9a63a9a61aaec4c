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
 * One that ended for a limit (transfers.h) is answered 4.08 at its next block.
 *
 * Threads: the loop's.
 */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transfers.h"

#define UPLOAD_BODY_MAX (1024 * 1024) /* 4.13 above */
#define UPLOAD_PEER_BYTES (4 * 1024 * 1024)

/* A whole body. */
struct upload_body {
	const uint8_t *data; /* until the handler returns */
	size_t size;
	uint8_t *owned; /* to be freed, or NULL: data is in the request */
};

/* In a handler of a method with a body. False: the response is set, and there is nothing to handle.
 */
bool upload_receive(struct transfers *u, coap_session_t *session, const coap_pdu_t *request,
		    coap_pdu_t *response, struct upload_body *body);
void upload_body_free(struct upload_body *body);

#endif
