// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* strdup() */
#include "coaps_exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "time/now.h"

#define BLOCK_MAX 1024 /* RFC 7959 */

/* One copy of a payload, for the exchange and for libcoap's transfers of it. */
struct coaps_body {
	unsigned holders;
	uint8_t bytes[];
};

static void release_body(coap_session_t *session, void *arg)
{
	struct coaps_body *body = arg;

	(void)session;
	if (body != NULL && --body->holders == 0) {
		free(body);
	}
}

static bool insert_uint(coap_optlist_t **options, uint16_t number, unsigned value)
{
	uint8_t bytes[4];

	return coap_insert_optlist(
		       options,
		       coap_new_optlist(number, coap_encode_var_safe(bytes, sizeof bytes, value),
					bytes)) != 0;
}

static int request_options(const struct coaps_request *request, coap_optlist_t **options)
{
	size_t path_len = strcspn(request->path, "?");
	const char *query = request->path[path_len] == '?' ? request->path + path_len + 1 : NULL;
	const char *path = *request->path == '/' ? request->path + 1 : request->path;

	path_len -= (size_t)(path - request->path);
	if ((path_len > 0 && !coap_path_into_optlist((const uint8_t *)path, path_len,
						     COAP_OPTION_URI_PATH, options)) ||
	    (query != NULL && !coap_query_into_optlist((const uint8_t *)query, strlen(query),
						       COAP_OPTION_URI_QUERY, options))) {
		return -EINVAL;
	}
	if ((request->content_format >= 0 && !insert_uint(options, COAP_OPTION_CONTENT_FORMAT,
							  (unsigned)request->content_format)) ||
	    (request->accept >= 0 &&
	     !insert_uint(options, COAP_OPTION_ACCEPT, (unsigned)request->accept)) ||
	    (request->observe &&
	     !insert_uint(options, COAP_OPTION_OBSERVE, COAP_OBSERVE_ESTABLISH))) {
		return -ENOMEM;
	}
	return 0;
}

int coaps_exchange_init(struct coaps_exchange *e, const struct coaps_request *request,
			coaps_response_fn fn, void *arg, uint64_t deadline_ns)
{
	coap_optlist_t *options = NULL;
	int code = request_options(request, &options); /* an invalid path fails here */

	coap_delete_optlist(options);
	if (code != 0) {
		return code;
	}
	*e = (struct coaps_exchange){ .request = *request, .arg = arg, .deadline_ns = deadline_ns };
	e->request.path = strdup(request->path);
	e->request.payload = NULL;
	if (request->payload_size > 0) {
		e->body = malloc(sizeof(*e->body) + request->payload_size);
		if (e->body != NULL) {
			e->body->holders = 1;
			memcpy(e->body->bytes, request->payload, request->payload_size);
			e->request.payload = e->body->bytes;
		}
	}
	if (e->request.path == NULL || (request->payload_size > 0 && e->body == NULL)) {
		coaps_exchange_end(e);
		return -ENOMEM;
	}
	e->fn = fn;
	return 0;
}

static int add_payload(const struct coaps_exchange *e, coap_session_t *session, coap_pdu_t *pdu)
{
	const struct coaps_request *request = &e->request;

	/* A request within a datagram needs no Request-Tag (RFC 9175) and no block transfer state
	 * of libcoap. */
	if (request->payload_size == 0 ||
	    (request->payload_size <= BLOCK_MAX &&
	     coap_add_data(pdu, request->payload_size, request->payload))) {
		return 0;
	}
	/* libcoap releases the body also when it fails. */
	e->body->holders++;
	return coap_add_data_large_request(session, pdu, request->payload_size, e->body->bytes,
					   release_body, e->body)
		       ? 0
		       : -ENOMEM;
}

int coaps_exchange_send(struct coaps_exchange *e, coap_session_t *session)
{
	coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_CON, (coap_pdu_code_t)e->request.method,
					coap_new_message_id(session),
					coap_session_max_pdu_size(session));
	coap_optlist_t *options = NULL;
	int code;

	if (pdu == NULL) {
		return -ENOMEM;
	}
	coap_session_new_token(session, &e->token_size, e->token);
	code = coap_add_token(pdu, e->token_size, e->token) ? request_options(&e->request, &options)
							    : -ENOMEM;
	if (code == 0 && !coap_add_optlist_pdu(pdu, &options)) {
		code = -ENOMEM;
	}
	coap_delete_optlist(options);
	code = code == 0 ? add_payload(e, session, pdu) : code;
	if (code != 0) {
		coap_delete_pdu(pdu);
		return code;
	}
	e->sent = true;
	e->sent_ns = now_ns();
	/* coap_send() owns the PDU in any case; later errors arrive as a nack. */
	errno = 0;
	if (coap_send(session, pdu) != COAP_INVALID_MID) {
		return 0;
	}
	return errno == ECONNREFUSED ? -ECONNREFUSED : -EHOSTUNREACH;
}

void coaps_exchange_end(struct coaps_exchange *e)
{
	free((void *)e->request.path);
	release_body(NULL, e->body);
	*e = (struct coaps_exchange){ .fn = NULL };
}

struct coaps_exchange *coaps_exchange_find(struct coaps_exchange *all, coap_bin_const_t token)
{
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		struct coaps_exchange *e = &all[i];

		if (e->fn != NULL && e->sent && e->failed == COAPS_ANSWERED &&
		    e->token_size == token.length && memcmp(e->token, token.s, token.length) == 0) {
			return e;
		}
	}
	return NULL;
}

uint64_t coaps_exchange_due_ns(const struct coaps_exchange *all)
{
	uint64_t due_ns = UINT64_MAX;

	for (const struct coaps_exchange *e = all; e < all + COAPS_REQUESTS_MAX; e++) {
		if (e->fn != NULL && e->failed != COAPS_ANSWERED) {
			return 1;
		}
		if (e->fn != NULL && e->deadline_ns != 0 && e->deadline_ns < due_ns) {
			due_ns = e->deadline_ns;
		}
	}
	return due_ns;
}

uint64_t coaps_exchange_oldest_ns(const struct coaps_exchange *all)
{
	uint64_t oldest_ns = UINT64_MAX;

	for (const struct coaps_exchange *e = all; e < all + COAPS_REQUESTS_MAX; e++) {
		if (e->fn != NULL && e->sent && e->deadline_ns != 0 && e->sent_ns < oldest_ns) {
			oldest_ns = e->sent_ns;
		}
	}
	return oldest_ns;
}
