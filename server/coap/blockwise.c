// SPDX-License-Identifier: BSD-2-Clause
#include "blockwise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/hash.h"

#define SZX_MAX 6 /* 1024 bytes: fits a datagram with its options */

/* A representation; kept where it is longer than a block. */
struct body {
	struct transfer transfer; /* first; its session began to read it */
	char key[BLOCKWISE_KEY_SIZE]; /* path, query, format */
	int content_format;
	uint64_t etag;
	size_t size;
};

static size_t size_of(unsigned szx)
{
	return (size_t)16 << szx;
}

/* Options are written in ascending order. */
static void put_option(coap_pdu_t *pdu, uint16_t number, uint64_t value)
{
	uint8_t bytes[8];
	size_t n = coap_encode_var_safe8(bytes, sizeof(bytes), value);

	coap_add_option(pdu, number, n, bytes);
}

/* Fills code, options and payload. */
static void put_body(coap_pdu_t *pdu, const struct body *body, uint32_t block, unsigned szx,
		     int32_t observe)
{
	size_t start = (size_t)block * size_of(szx), size = size_of(szx);
	bool more;

	if (block > 0 && start >= body->size) {
		static const char text[] = "no such block";

		coap_pdu_set_code(pdu, COAP_RESPONSE_CODE_BAD_REQUEST);
		coap_add_data(pdu, sizeof(text) - 1, (const uint8_t *)text);
		return;
	}
	more = start + size < body->size;
	if (!more) {
		size = body->size - start;
	}
	coap_pdu_set_code(pdu, COAP_RESPONSE_CODE_CONTENT);
	put_option(pdu, COAP_OPTION_ETAG, body->etag);
	if (observe >= 0) {
		put_option(pdu, COAP_OPTION_OBSERVE, (uint64_t)observe);
	}
	put_option(pdu, COAP_OPTION_CONTENT_FORMAT, (uint64_t)body->content_format);
	if (block > 0 || more) {
		put_option(pdu, COAP_OPTION_BLOCK2, (uint64_t)block << 4 | (more ? 8 : 0) | szx);
		put_option(pdu, COAP_OPTION_SIZE2, body->size);
	}
	coap_add_data(pdu, size, body->transfer.data + start);
}

static void read_etags(const coap_pdu_t *request, struct blockwise_request *r)
{
	coap_opt_iterator_t at;
	coap_opt_filter_t filter;
	const coap_opt_t *option;

	coap_option_filter_clear(&filter);
	coap_option_filter_set(&filter, COAP_OPTION_ETAG);
	coap_option_iterator_init(request, &at, &filter);
	for (unsigned i = 0; i < BLOCKWISE_ETAGS && (option = coap_option_next(&at)) != NULL; i++) {
		r->etags[i] =
			coap_decode_var_bytes8(coap_opt_value(option), coap_opt_length(option));
	}
}

static struct body *find(const struct transfers *kept, const coap_session_t *session,
			 const char *key)
{
	for (struct transfer *t = kept->newest; t != NULL; t = t->next) {
		struct body *body = (struct body *)t;

		if (t->session == session && strcmp(body->key, key) == 0) {
			return body;
		}
	}
	return NULL;
}

int blockwise_open(struct transfers *kept, struct blockwise_request *r, coap_session_t *session,
		   const coap_pdu_t *request, coap_pdu_t *response, const struct blockwise_how *how)
{
	coap_bin_const_t token = coap_pdu_get_token(request);
	struct coaps_deferred *deferred;
	struct body *body;
	int rc;
	coap_block_t block = { .szx = SZX_MAX };
	coap_opt_iterator_t at;

	if (strlen(how->key) >= sizeof(r->key) || token.length > sizeof(r->token)) {
		return -ENAMETOOLONG;
	}
	if (coap_check_option(request, COAP_OPTION_BLOCK2, &at) != NULL &&
	    !coap_get_block(request, COAP_OPTION_BLOCK2, &block)) {
		return -EINVAL;
	}
	if (block.szx > SZX_MAX) {
		return -EINVAL;
	}
	body = block.num > 0 ? find(kept, session, how->key) : NULL;
	if (body != NULL) {
		transfers_touch(kept, &body->transfer, body->size, BLOCKWISE_PEER_BYTES);
		put_body(response, body, block.num, block.szx, -1);
		return 1;
	}
	rc = coaps_defer(session, request, response, how->defer, &deferred);
	if (rc < 0) {
		return rc == -EALREADY ? 1 : rc;
	}
	*r = (struct blockwise_request){
		.deferred = deferred,
		.session = coap_session_reference(session),
		.token_size = token.length,
		.block = block.num,
		.szx = block.szx,
		.observe = -1,
	};
	read_etags(request, r);
	memcpy(r->token, token.s, token.length);
	memcpy(r->key, how->key, strlen(how->key) + 1);
	return 0;
}

static coap_pdu_t *answer_to(const struct blockwise_request *r)
{
	coap_pdu_t *pdu;

	if (r->deferred != NULL) {
		return coaps_answer_pdu(r->deferred);
	}
	pdu = coap_pdu_init(r->type, COAP_RESPONSE_CODE_CONTENT, r->mid,
			    coap_session_max_pdu_size(r->session));
	if (pdu != NULL) {
		coap_add_token(pdu, r->token_size, r->token);
	}
	return pdu;
}

static void send_answer(struct blockwise_request *r, coap_pdu_t *pdu)
{
	if (r->deferred != NULL) {
		coaps_answer_send(r->deferred, pdu);
		r->deferred = NULL;
	} else if (pdu != NULL) {
		coap_send(r->session, pdu);
	}
	coap_session_release(r->session);
	r->session = NULL;
}

/* False without memory. Takes the data. */
static bool keep(struct transfers *kept, const struct blockwise_request *r, const struct body *body)
{
	struct body *found = find(kept, r->session, r->key);

	if (found != NULL) {
		transfers_drop(kept, &found->transfer);
	}
	found = (struct body *)transfers_add(kept, sizeof(*found), r->session);
	if (found == NULL) {
		return false;
	}
	memcpy(found->key, r->key, sizeof(found->key));
	found->content_format = body->content_format;
	found->etag = body->etag;
	found->size = body->size;
	found->transfer.data = body->transfer.data;
	transfers_touch(kept, &found->transfer, body->size, BLOCKWISE_PEER_BYTES);
	return true;
}

void blockwise_answer(struct transfers *kept, struct blockwise_request *r, int content_format,
		      void *data, size_t size)
{
	struct body body = {
		.transfer = { .data = data },
		.content_format = content_format,
		.etag = hash_etag(data, size),
		.size = size,
	};
	coap_pdu_t *pdu = answer_to(r);

	for (unsigned i = 0; i < BLOCKWISE_ETAGS && pdu != NULL && r->deferred != NULL; i++) {
		if (r->etags[i] == body.etag) {
			coap_pdu_set_code(pdu, COAP_RESPONSE_CODE_VALID);
			put_option(pdu, COAP_OPTION_ETAG, body.etag);
			if (r->observe >= 0) {
				put_option(pdu, COAP_OPTION_OBSERVE, (uint64_t)r->observe);
			}
			free(data);
			send_answer(r, pdu);
			return;
		}
	}
	if (pdu != NULL) {
		put_body(pdu, &body, r->block, r->szx, r->observe);
	}
	if (size <= size_of(r->szx) || !keep(kept, r, &body)) {
		free(data);
	}
	send_answer(r, pdu);
}

void blockwise_reply(struct blockwise_request *r, coap_pdu_code_t code, int64_t max_age_s,
		     const char *text)
{
	coaps_answer(r->deferred, &(struct coaps_reply){
					  .code = code,
					  .content_format = -1,
					  .max_age_s = max_age_s,
					  .payload = text,
					  .payload_size = strlen(text),
				  });
	r->deferred = NULL;
	coap_session_release(r->session);
	r->session = NULL;
}
