/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_answer: an answer that waits for something slower than the handler, such as a commit.
 *
 * The handler defers the request and returns; nothing is sent. Later, on the same thread,
 * coaps_answer() sends the piggybacked ACK (RFC 7252 5.2.1): the client receives 2.04 only after
 * the commit. If that takes long, coaps_answers_tick() sends the empty ACK first and the answer
 * follows as a separate CON (5.2.2). An answer that No-Response (RFC 7967) excludes is
 * not sent; a CON is acknowledged.
 *
 * A message that comes twice is known by its session and Message ID (4.5): while it waits, it is
 * dropped; after that, one that is not to be carried out twice gets the same answer again. The
 * newest COAPS_ANSWERS_KEPT of a session are known, for EXCHANGE_LIFETIME; a client that keeps to
 * NSTART = 1 sends the last one again, no other.
 */
#ifndef COAPS_ANSWER_H
#define COAPS_ANSWER_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COAPS_ANSWERS_KEPT 64
#define COAPS_ANSWER_LIFETIME_S 247 /* EXCHANGE_LIFETIME, RFC 7252 4.8.2 */
#define COAPS_HOLD_AFTER_MS 1500 /* before a client's first retransmission: ACK_TIMEOUT is 2 s */

/* A deferred request; holds a reference on its session. */
struct coaps_deferred;

enum coaps_how {
	COAPS_ONCE = 1, /* not idempotent: a record without a key, a removal */
	COAPS_PIGGYBACK = 2, /* its client knows no separate answer: send no empty ACK; and no
				Block1 in the last answer to a body in blocks */
};

/*
 * In a request handler: defers the request. *out is the handle for the answer. how: a sum of enum
 * coaps_how. 0; -EALREADY: a repeated message, already handled: return; -ENOMEM: answer 5.00
 * yourself.
 */
int coaps_defer(coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *response,
		unsigned how, struct coaps_deferred **out);

/*
 * In a request handler, before a body that comes in blocks is joined: true if the message was
 * deferred before; what it gets was sent, and the response is silent.
 */
bool coaps_answer_repeat(coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *response);

struct coaps_reply {
	coap_pdu_code_t code;
	int content_format; /* -1: none */
	int64_t max_age_s; /* -1: no Max-Age option */
	const void *payload; /* at most 1024 bytes are sent (RFC 7252 4.6) */
	size_t payload_size;
};

/* Sends the answer and frees d. */
void coaps_answer(struct coaps_deferred *d, const struct coaps_reply *reply);
/* For an answer with other options: its message, with the token, code 2.05; NULL: no memory. Not
 * for COAPS_ONCE. */
coap_pdu_t *coaps_answer_pdu(const struct coaps_deferred *d);
/* Sends the message, or nothing if it is NULL, and frees d. */
void coaps_answer_send(struct coaps_deferred *d, coap_pdu_t *pdu);

/* Sends the empty ACKs of a server's context that are due. now_ns: CLOCK_MONOTONIC. Returns in how
 * many ms to call again; -1: not needed. */
int coaps_answers_tick(const coap_context_t *context, uint64_t now_ns);

/* Inside userspace/coaps: the deferred requests of a server; NULL: no memory. */
struct coaps_answers *coaps_answers_new(void);
void coaps_answers_free(struct coaps_answers *answers);
/* The session ends, or its DTLS session is new: forgets the requests of the former one. */
void coaps_answers_forget(coap_session_t *session);

#endif
