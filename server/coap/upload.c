// SPDX-License-Identifier: BSD-2-Clause
#include "upload.h"

#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "request.h"
#include "server/store/hash.h"
#include "time/now.h"

#define BUSY_MAX_AGE_S 2

struct upload {
	struct upload *next;
	coap_session_t *session; /* a reference */
	char peer[PEER_SIZE];
	uint64_t place; /* of method and path */
	uint64_t options; /* of all others that the blocks of a request share */
	uint64_t at_ms; /* of the last block */
	size_t last; /* where the last block begins */
	size_t size, room;
	uint8_t *data;
};

/* What a block is of. */
struct place {
	uint64_t place, options;
};

/* NoCacheKey (RFC 7252 5.4.6), or of the block itself. */
static bool is_of_the_block(uint16_t option)
{
	return (option & 0x1e) == 0x1c || option == COAP_OPTION_BLOCK1 ||
	       option == COAP_OPTION_BLOCK2;
}

static struct place place_of(const coap_pdu_t *request)
{
	uint8_t method = (uint8_t)coap_pdu_get_code(request);
	struct place at = { hash_bytes(HASH_START, &method, 1), HASH_START };
	coap_opt_iterator_t iterator;
	const coap_opt_t *option;

	coap_option_iterator_init(request, &iterator, COAP_OPT_ALL);
	while ((option = coap_option_next(&iterator)) != NULL) {
		uint32_t size = coap_opt_length(option);
		uint64_t *hash = iterator.number == COAP_OPTION_URI_PATH ? &at.place : &at.options;

		if (!is_of_the_block(iterator.number)) {
			*hash = hash_bytes(*hash, &iterator.number, sizeof(iterator.number));
			*hash = hash_bytes(*hash, &size, sizeof(size));
			*hash = hash_bytes(*hash, coap_opt_value(option), size);
		}
	}
	return at;
}

/* --- the list ------------------------------------------------------------- */

static void drop(struct uploads *u, struct upload **at)
{
	struct upload *upload = *at;

	if (upload == NULL) {
		return;
	}
	*at = upload->next;
	u->bytes -= upload->room;
	coap_session_release(upload->session);
	free(upload->data);
	free(upload);
}

static struct upload **find(struct uploads *u, const coap_session_t *session, uint64_t place)
{
	struct upload **at = &u->newest;

	while (*at != NULL && ((*at)->session != session || (*at)->place != place)) {
		at = &(*at)->next;
	}
	return at;
}

/* Keeps the limits at the cost of the oldest; the newest, which the peer is sending, stays. */
static void obey_limits(struct uploads *u, struct upload *newest)
{
	struct upload **at, **of_peer, **last;
	size_t bytes, n;

	do {
		bytes = newest->room;
		n = 1;
		of_peer = last = NULL;
		for (at = &newest->next; *at != NULL; at = &(*at)->next) {
			last = at;
			if (strcmp((*at)->peer, newest->peer) == 0) {
				of_peer = at;
				bytes += (*at)->room;
				n++;
			}
		}
		if (n <= UPLOAD_PER_PEER && bytes <= UPLOAD_PEER_BYTES) {
			of_peer = u->bytes > UPLOAD_BYTES ? last : NULL;
		}
		if (of_peer != NULL) {
			drop(u, of_peer);
		}
	} while (of_peer != NULL);
}

/* --- a block -------------------------------------------------------------- */

static bool refuse(coap_pdu_t *response, coap_pdu_code_t code, const char *text)
{
	request_refuse(response, code, -1, "%s", text);
	return false;
}

static bool refuse_size(coap_pdu_t *response)
{
	uint8_t bytes[4];

	coap_pdu_set_code(response, COAP_RESPONSE_CODE_REQUEST_TOO_LARGE);
	coap_add_option(response, COAP_OPTION_SIZE1,
			coap_encode_var_safe(bytes, sizeof(bytes), UPLOAD_BODY_MAX), bytes);
	return false;
}

/* 2.31 to a block that is not the last. */
static bool go_on(coap_pdu_t *response, const coap_block_t *block)
{
	uint8_t bytes[4];

	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTINUE);
	coap_add_option(
		response, COAP_OPTION_BLOCK1,
		coap_encode_var_safe(bytes, sizeof(bytes), block->num << 4 | 1 << 3 | block->szx),
		bytes);
	return false;
}

/* NULL without memory. */
static struct upload *begin(struct uploads *u, coap_session_t *session, const struct place *place)
{
	struct upload *upload = calloc(1, sizeof(*upload));

	if (upload != NULL) {
		peer_of(session, upload->peer);
		upload->session = coap_session_reference(session);
		upload->place = place->place;
		upload->options = place->options;
		upload->next = u->newest;
		u->newest = upload;
		obey_limits(u, upload);
	}
	return upload;
}

static bool append(struct uploads *u, struct upload *upload, const uint8_t *data, size_t size)
{
	size_t room = upload->room;

	while (room < upload->size + size) {
		room = room == 0 ? 4096 : 2 * room;
	}
	if (room > upload->room) {
		uint8_t *grown = realloc(upload->data, room);

		if (grown == NULL) {
			return false;
		}
		upload->data = grown;
		u->bytes += room - upload->room;
		upload->room = room;
	}
	memcpy(upload->data + upload->size, data, size);
	upload->last = upload->size;
	upload->size += size;
	return true;
}

static bool is_last_again(const struct upload *upload, size_t offset, const uint8_t *data,
			  size_t size)
{
	return offset == upload->last && upload->size - offset == size &&
	       memcmp(upload->data + offset, data, size) == 0;
}

/* A block of a valid form; the first one has made the transfer. */
static bool take_block(struct uploads *u, struct upload *upload, const coap_block_t *block,
		       const uint8_t *data, size_t size, coap_pdu_t *response,
		       struct upload_body *body)
{
	size_t offset = (size_t)block->num << (block->szx + 4), room = upload->room;

	if (block->m && upload->size > 0 && is_last_again(upload, offset, data, size)) {
		return go_on(response, block);
	}
	if (offset != upload->size) {
		return refuse(response, COAP_RESPONSE_CODE_INCOMPLETE,
			      "a block before this one is missing: begin with block 0");
	}
	if (!append(u, upload, data, size)) {
		drop(u, find(u, upload->session, upload->place));
		request_refuse(response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, BUSY_MAX_AGE_S,
			       "out of memory");
		return false;
	}
	if (block->m) {
		if (upload->room > room) {
			obey_limits(u, upload); /* this is the newest: it stays */
		}
		return go_on(response, block);
	}
	*body = (struct upload_body){ upload->data, upload->size, upload->data };
	upload->data = NULL;
	drop(u, find(u, upload->session, upload->place));
	return true;
}

/* 0: absent. An estimate (RFC 7959 4), so what has come counts too. */
static uint32_t size1_of(const coap_pdu_t *request)
{
	coap_opt_iterator_t at;
	const coap_opt_t *option = coap_check_option(request, COAP_OPTION_SIZE1, &at);

	return option != NULL
		       ? coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option))
		       : 0;
}

bool upload_receive(struct uploads *u, coap_session_t *session, const coap_pdu_t *request,
		    coap_pdu_t *response, struct upload_body *body)
{
	const uint8_t *data = NULL;
	coap_opt_iterator_t iterator;
	struct place place;
	struct upload **at, *upload;
	coap_block_t block;
	size_t size = 0;

	coap_get_data(request, &size, &data);
	*body = (struct upload_body){ data, size, NULL };
	if (coap_check_option(request, COAP_OPTION_BLOCK1, &iterator) == NULL) {
		return true;
	}
	if (!coap_get_block(request, COAP_OPTION_BLOCK1, &block) || block.szx > 6 ||
	    (block.m ? size != (size_t)16 << block.szx : size > (size_t)16 << block.szx)) {
		return refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST,
			      "the Block1 option does not fit the payload");
	}
	place = place_of(request);
	at = find(u, session, place.place);
	if (((size_t)block.num << (block.szx + 4)) + size > UPLOAD_BODY_MAX ||
	    size1_of(request) > UPLOAD_BODY_MAX) {
		if (*at != NULL && (*at)->options == place.options) {
			drop(u, at);
		}
		return refuse_size(response);
	}
	if (block.num == 0) {
		if (*at != NULL) {
			drop(u, at);
		}
		if (!block.m) {
			return true;
		}
		upload = begin(u, session, &place);
		if (upload == NULL) {
			request_refuse(response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE,
				       BUSY_MAX_AGE_S, "out of memory");
			return false;
		}
	} else if (*at == NULL || (*at)->options != place.options) {
		return refuse(response, COAP_RESPONSE_CODE_INCOMPLETE,
			      "no such transfer is under way: begin with block 0");
	} else {
		upload = *at;
		*at = upload->next;
		upload->next = u->newest;
		u->newest = upload;
	}
	upload->at_ms = now_ms();
	return take_block(u, upload, &block, data, size, response, body);
}

void upload_body_free(struct upload_body *body)
{
	free(body->owned);
	body->owned = NULL;
}

int uploads_tick(struct uploads *u, uint64_t now)
{
	for (struct upload **at = &u->newest; *at != NULL;) {
		if (coap_session_get_state((*at)->session) != COAP_SESSION_STATE_ESTABLISHED ||
		    now - (*at)->at_ms > UPLOAD_IDLE_MS) {
			drop(u, at);
		} else {
			at = &(*at)->next;
		}
	}
	return u->newest != NULL ? UPLOAD_IDLE_MS / 10 : -1;
}

void uploads_free(struct uploads *u)
{
	while (u->newest != NULL) {
		drop(u, &u->newest);
	}
}
