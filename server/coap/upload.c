// SPDX-License-Identifier: BSD-2-Clause
#include "upload.h"

#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "server/store/hash.h"

#define BUSY_MAX_AGE_S 2

struct upload {
	struct transfer transfer; /* first */
	uint64_t place; /* of method and path */
	uint64_t options; /* of all others that the blocks of a request share */
	size_t last; /* where the last block begins */
	size_t size;
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

static struct upload *find(struct transfers *u, const coap_session_t *session, uint64_t place)
{
	for (struct transfer *t = u->newest; t != NULL; t = t->next) {
		struct upload *upload = (struct upload *)t;

		if (t->session == session && upload->place == place) {
			return upload;
		}
	}
	return NULL;
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
static bool answer_continue(coap_pdu_t *response, const coap_block_t *block)
{
	uint8_t bytes[4];

	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTINUE);
	coap_add_option(
		response, COAP_OPTION_BLOCK1,
		coap_encode_var_safe(bytes, sizeof(bytes), block->num << 4 | 1 << 3 | block->szx),
		bytes);
	return false;
}

static bool append(struct transfers *u, struct upload *upload, const uint8_t *data, size_t size)
{
	struct transfer *t = &upload->transfer;
	size_t room = t->bytes;

	while (room < upload->size + size) {
		room = room == 0 ? 4096 : 2 * room;
	}
	if (room > t->bytes) {
		uint8_t *grown = realloc(t->data, room);

		if (grown == NULL) {
			return false;
		}
		t->data = grown;
	}
	transfers_touch(u, t, room, UPLOAD_PEER_BYTES);
	memcpy(t->data + upload->size, data, size);
	upload->last = upload->size;
	upload->size += size;
	return true;
}

static bool is_last_again(const struct upload *upload, size_t offset, const uint8_t *data,
			  size_t size)
{
	return offset == upload->last && upload->size - offset == size &&
	       memcmp(upload->transfer.data + offset, data, size) == 0;
}

/* A block of a valid form; the first one has made the transfer. */
static bool take_block(struct transfers *u, struct upload *upload, const coap_block_t *block,
		       const uint8_t *data, size_t size, coap_pdu_t *response,
		       struct upload_body *body)
{
	size_t offset = (size_t)block->num << (block->szx + 4);

	if (block->m && upload->size > 0 && is_last_again(upload, offset, data, size)) {
		return answer_continue(response, block);
	}
	if (offset != upload->size) {
		return refuse(response, COAP_RESPONSE_CODE_INCOMPLETE,
			      "a block before this one is missing: begin with block 0");
	}
	if (!append(u, upload, data, size)) {
		transfers_drop(u, &upload->transfer);
		request_refuse(response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, BUSY_MAX_AGE_S,
			       "out of memory");
		return false;
	}
	if (block->m) {
		return answer_continue(response, block);
	}
	*body = (struct upload_body){ upload->transfer.data, upload->size, upload->transfer.data };
	upload->transfer.data = NULL;
	transfers_drop(u, &upload->transfer);
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

bool upload_receive(struct transfers *u, coap_session_t *session, const coap_pdu_t *request,
		    coap_pdu_t *response, struct upload_body *body)
{
	const uint8_t *data = NULL;
	coap_opt_iterator_t iterator;
	struct place place;
	struct upload *upload;
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
	upload = find(u, session, place.place);
	if (((size_t)block.num << (block.szx + 4)) + size > UPLOAD_BODY_MAX ||
	    size1_of(request) > UPLOAD_BODY_MAX) {
		if (upload != NULL && upload->options == place.options) {
			transfers_drop(u, &upload->transfer);
		}
		return refuse_size(response);
	}
	if (block.num == 0) {
		if (upload != NULL) {
			transfers_drop(u, &upload->transfer);
		}
		if (!block.m) {
			return true;
		}
		upload = (struct upload *)transfers_add(u, sizeof(*upload), session);
		if (upload == NULL) {
			request_refuse(response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE,
				       BUSY_MAX_AGE_S, "out of memory");
			return false;
		}
		upload->place = place.place;
		upload->options = place.options;
	} else if (upload == NULL || upload->options != place.options) {
		return refuse(response, COAP_RESPONSE_CODE_INCOMPLETE,
			      "no such transfer is under way: begin with block 0");
	}
	return take_block(u, upload, &block, data, size, response, body);
}

void upload_body_free(struct upload_body *body)
{
	free(body->owned);
	body->owned = NULL;
}
