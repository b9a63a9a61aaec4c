// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L	/* clock_gettime */
#include "coaps_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKETS 1024

struct coaps_deferred {
	coap_session_t *session;	/* referenced */
	coap_mid_t mid;
	bool confirmable;
	bool held;			/* the empty ACK is out: the answer goes by itself */
	uint64_t since_ns;
	size_t token_size;
	uint8_t token[8];		/* RFC 7252: at most 8 */
	struct coaps_deferred *next;	/* in its bucket */
};

/* Pending requests by (session, message id): RFC 7252 4.5 asks to know a retransmission. */
static struct coaps_deferred *pending[BUCKETS];

static struct coaps_deferred **bucket(const coap_session_t *session, coap_mid_t mid)
{
	return &pending[(((uintptr_t)session >> 6) ^ (unsigned)mid) % BUCKETS];
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int coaps_defer(coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *response, struct coaps_deferred **out)
{
	coap_mid_t mid = coap_pdu_get_mid(request);
	coap_bin_const_t token = coap_pdu_get_token(request);
	struct coaps_deferred **list = bucket(session, mid);
	struct coaps_deferred *d;

	for (d = *list; d != NULL; d = d->next) {
		if (d->session == session && d->mid == mid) {
			break;
		}
	}
	if (d == NULL) {
		if (token.length > sizeof d->token || (*out = calloc(1, sizeof **out)) == NULL) {
			return -ENOMEM;
		}
		(*out)->mid = mid;
		(*out)->confirmable = coap_pdu_get_type(request) == COAP_MESSAGE_CON;
		(*out)->since_ns = now_ns();
		(*out)->token_size = token.length;
		memcpy((*out)->token, token.s, token.length);
		(*out)->session = coap_session_reference(session);
		(*out)->next = *list;
		*list = *out;
	}
	/* libcoap sends nothing for a NON response without a code. */
	coap_pdu_set_type(response, COAP_MESSAGE_NON);
	coap_pdu_set_code(response, COAP_EMPTY_CODE);
	return d == NULL ? 0 : -EALREADY;
}

uint64_t coaps_deferred_since_ns(const struct coaps_deferred *d)
{
	return d->since_ns;
}

void coaps_answer_drop(struct coaps_deferred *d)
{
	struct coaps_deferred **at = bucket(d->session, d->mid);

	while (*at != d) {
		at = &(*at)->next;
	}
	*at = d->next;
	coap_session_release(d->session);
	free(d);
}

void coaps_answer_hold(struct coaps_deferred *d)
{
	coap_pdu_t *ack;

	if (!d->confirmable || d->held) {
		return;
	}
	ack = coap_pdu_init(COAP_MESSAGE_ACK, COAP_EMPTY_CODE, d->mid, coap_session_max_pdu_size(d->session));
	if (ack != NULL) {
		coap_send(d->session, ack);
		d->held = true;
	}
}

static void add_uint_option(coap_pdu_t *pdu, coap_option_num_t number, unsigned value)
{
	uint8_t bytes[4];

	coap_add_option(pdu, number, coap_encode_var_safe(bytes, sizeof bytes, value), bytes);
}

void coaps_answer(struct coaps_deferred *d, const struct coaps_reply *reply)
{
	bool piggyback = d->confirmable && !d->held;
	coap_pdu_type_t type = piggyback ? COAP_MESSAGE_ACK : d->confirmable ? COAP_MESSAGE_CON : COAP_MESSAGE_NON;
	coap_pdu_t *pdu = coap_pdu_init(type, reply->code, piggyback ? d->mid : coap_new_message_id(d->session),
					coap_session_max_pdu_size(d->session));

	/* Options in the order of their numbers: Content-Format 12, Max-Age 14. */
	if (pdu != NULL && coap_add_token(pdu, d->token_size, d->token)) {
		if (reply->content_format >= 0) {
			add_uint_option(pdu, COAP_OPTION_CONTENT_FORMAT, (unsigned)reply->content_format);
		}
		if (reply->max_age_s >= 0) {
			add_uint_option(pdu, COAP_OPTION_MAXAGE, (unsigned)reply->max_age_s);
		}
		if (reply->payload_size > 0) {
			coap_add_data(pdu, reply->payload_size < 1024 ? reply->payload_size : 1024, reply->payload);
		}
		coap_send(d->session, pdu);
	} else {
		coap_delete_pdu(pdu);
	}
	coaps_answer_drop(d);
}
