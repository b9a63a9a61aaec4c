/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_answer: an answer that waits for something slower than the handler, such as a commit.
 *
 * The handler defers the request and returns; nothing is sent. Later, on the same thread, coaps_answer()
 * sends the piggybacked ACK (RFC 7252 5.2.1): the client hears "stored" only when it is. If that
 * takes long, coaps_answer_hold() sends the empty ACK first and the answer follows as a
 * separate CON (5.2.2). Retransmissions that arrive meanwhile are dropped.
 */
#ifndef COAPS_ANSWER_H
#define COAPS_ANSWER_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A deferred request; holds a reference on its session. */
struct coaps_deferred;

/*
 * In a request handler: takes the request out of libcoap's hands. *out is the token for the answer.
 * 0; -EALREADY: a retransmission of a request that is pending, already silenced: just return;
 * -ENOMEM: answer 5.00 yourself.
 */
int coaps_defer(coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *response, struct coaps_deferred **out);

struct coaps_reply {
	coap_pdu_code_t code;
	int content_format;	/* -1: none */
	int64_t max_age_s;	/* -1: no Max-Age option */
	const void *payload;	/* at most 1024 bytes are sent (RFC 7252 4.6) */
	size_t payload_size;
};

/* Sends the answer and frees d. */
void coaps_answer(struct coaps_deferred *d, const struct coaps_reply *reply);
/* Says "received, wait" by an empty ACK if d is a CON that has not had one. */
void coaps_answer_hold(struct coaps_deferred *d);
/* Frees d without a word: the client will send again. */
void coaps_answer_drop(struct coaps_deferred *d);
/* CLOCK_MONOTONIC ns of the request's arrival. */
uint64_t coaps_deferred_since_ns(const struct coaps_deferred *d);

#endif
