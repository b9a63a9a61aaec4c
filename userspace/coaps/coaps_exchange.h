/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_exchange: one request of a coaps_client from the call to its answer. It keeps a copy, as a
 * session may have to be opened first, and another one when an address does not answer. Inside
 * userspace/coaps only.
 */
#ifndef COAPS_EXCHANGE_H
#define COAPS_EXCHANGE_H

#include <coap3/coap.h>

#include "coaps_client.h"

struct coaps_exchange {
	coaps_response_fn fn; /* NULL: this one is free */
	void *arg;
	struct coaps_request request; /* with a copy of the path; the payload is in body */
	struct coaps_body *body; /* NULL: no payload */
	bool sent;
	uint8_t token[8]; /* once sent */
	size_t token_size;
	uint64_t sent_ns;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none (an observation that goes on) */
	enum coaps_cause failed; /* to be reported; COAPS_ANSWERED: has not failed */
};

/* 0, -EINVAL for a path that is none, -ENOMEM. */
int coaps_exchange_init(struct coaps_exchange *e, const struct coaps_request *request,
			coaps_response_fn fn, void *arg, uint64_t deadline_ns);
/* Hands it to libcoap: 0; -ENOMEM; -ECONNREFUSED: an earlier datagram found nothing listening;
 * -EHOSTUNREACH: it could not be sent. */
int coaps_exchange_send(struct coaps_exchange *e, coap_session_t *session);
/* Makes it free. */
void coaps_exchange_end(struct coaps_exchange *e);

/* Of all COAPS_REQUESTS_MAX of a client: */
/* Which was sent with that token and waits; NULL: none. */
struct coaps_exchange *coaps_exchange_find(struct coaps_exchange *all, coap_bin_const_t token);
/* When the first has its deadline, in the past if one has failed; UINT64_MAX: none. */
uint64_t coaps_exchange_due_ns(const struct coaps_exchange *all);
/* When the oldest was sent that waits for its first answer; UINT64_MAX: none waits. */
uint64_t coaps_exchange_oldest_ns(const struct coaps_exchange *all);

#endif
