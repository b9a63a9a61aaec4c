/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_link: a client's session with an address, its ticket, and what becomes of it when a NAT on
 * the way gives it another port. With a Connection ID (RFC 9146) it goes on. Where the peer has
 * none, or another server gets what it sends, a second session begins beside it, by ticket, when
 * nothing has come for COAPS_LATE_MS after a request; the first of the two that receives an
 * answer is the session then.
 *
 * One thread. Inside userspace/coaps only.
 */
#ifndef COAPS_LINK_H
#define COAPS_LINK_H

#include <coap3/coap.h>
#include <mbedtls/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "coaps_credentials.h"

#define COAPS_LATE_MS 2000 /* the server's empty ACK comes after 1,500 (coaps_answer.h) */

struct coaps_link {
	coap_context_t *context; /* borrowed */
	const struct coaps_credentials *credentials; /* borrowed; NULL: without DTLS */
	unsigned ack_timeout_ms, max_retransmit, ack_spread_percent, nstart;

	coap_session_t *session; /* NULL: closed */
	uint64_t established_ns; /* CLOCK_MONOTONIC; 0: not yet */
	coap_address_t address;
	bool has_ticket;
	mbedtls_ssl_session ticket;
	uint64_t newest_record; /* from the server: its number */
	uint64_t heard_ns; /* when that came */
	uint64_t late_ns; /* after how much silence `beside` begins */
	coap_session_t *beside; /* in its handshake */
	uint64_t beside_ns; /* when it began */
	bool is_opening_beside;
};

enum coaps_link_news {
	COAPS_LINK_SAME,
	COAPS_LINK_ESTABLISHED,
	COAPS_LINK_REPLACED, /* established, too: what waits is to be sent again */
};

void coaps_link_init(struct coaps_link *l);
/* False: no route, or no memory. */
bool coaps_link_open(struct coaps_link *l, const coap_address_t *address);
/* The TLS session of one of its sessions is set up. */
void coaps_link_resume(struct coaps_link *l, mbedtls_ssl_context *ssl);
/* After libcoap's work. oldest_ns: when the oldest request was sent that waits; UINT64_MAX: none.
 */
enum coaps_link_news coaps_link_process(struct coaps_link *l, uint64_t oldest_ns);
/* When to call that next; UINT64_MAX: after libcoap's next work. */
uint64_t coaps_link_due_ns(const struct coaps_link *l, uint64_t oldest_ns);
void coaps_link_close(struct coaps_link *l);
/* Closes it and forgets the ticket. */
void coaps_link_free(struct coaps_link *l);

#endif
