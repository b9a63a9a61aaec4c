// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_link.h"

#include <string.h>

#include "coaps_endpoint.h"
#include "time/now.h"

#define NS_PER_MS UINT64_C(1000000)

void coaps_link_init(struct coaps_link *l)
{
	memset(l, 0, sizeof(*l));
	mbedtls_ssl_session_init(&l->ticket);
}

static coap_session_t *open_session(const struct coaps_link *l)
{
	const coap_fixed_point_t timeout = { (uint16_t)(l->ack_timeout_ms / 1000),
					     (uint16_t)(l->ack_timeout_ms % 1000) };
	const coap_fixed_point_t factor = { 1, (uint16_t)(l->ack_spread_percent * 10) };
	coap_session_t *session;
	coap_dtls_pki_t pki;

	if (l->credentials != NULL) {
		coaps_endpoint_pki(l->credentials, true, &pki);
		session = coap_new_client_session_pki(l->context, NULL, &l->address,
						      COAP_PROTO_DTLS, &pki);
	} else {
		session = coap_new_client_session(l->context, NULL, &l->address, COAP_PROTO_UDP);
	}
	if (session != NULL) {
		coap_session_set_ack_timeout(session, timeout);
		coap_session_set_ack_random_factor(session, factor);
		coap_session_set_max_retransmit(session, (uint16_t)l->max_retransmit);
		coap_session_set_nstart(session, (uint16_t)l->nstart);
	}
	return session;
}

bool coaps_link_open(struct coaps_link *l, const coap_address_t *address)
{
	l->address = *address;
	l->session = open_session(l);
	return l->session != NULL;
}

/* A ticket is used once: the server sends another one in the new session. */
void coaps_link_resume(struct coaps_link *l, mbedtls_ssl_context *ssl)
{
	if (l->has_ticket) {
		mbedtls_ssl_set_session(ssl, &l->ticket);
		if (!l->is_opening_beside) { /* which may be given up */
			mbedtls_ssl_session_free(&l->ticket);
			l->has_ticket = false;
		}
	}
}

static mbedtls_ssl_context *tls_of(const struct coaps_link *l)
{
	coap_tls_library_t library;

	return l->credentials != NULL ? coap_session_get_tls(l->session, &library) : NULL;
}

static uint64_t newest_record(const struct coaps_link *l)
{
	const mbedtls_ssl_context *ssl = tls_of(l);

	return ssl != NULL ? ssl->MBEDTLS_PRIVATE(in_window_top) : 0;
}

static bool is_in_state(const coap_session_t *session, coap_session_state_t state)
{
	return session != NULL && coap_session_get_state(session) == state;
}

static void establish(struct coaps_link *l)
{
	const mbedtls_ssl_context *ssl = tls_of(l);

	l->established_ns = l->heard_ns = now_ns();
	l->newest_record = newest_record(l);
	l->late_ns = COAPS_LATE_MS * NS_PER_MS;
	if (ssl != NULL) {
		mbedtls_ssl_session_free(&l->ticket);
		mbedtls_ssl_session_init(&l->ticket);
		l->has_ticket = mbedtls_ssl_get_session(ssl, &l->ticket) == 0;
	}
}

static void close_one(coap_session_t **at)
{
	coap_session_t *session = *at;

	*at = NULL; /* the release may raise an event */
	if (session != NULL) {
		coap_session_release(session);
	}
}

/* The server is slow, not away. */
static void give_up_beside(struct coaps_link *l)
{
	close_one(&l->beside);
	l->late_ns *= 2;
}

static void open_beside(struct coaps_link *l)
{
	l->is_opening_beside = true;
	l->beside = open_session(l);
	l->is_opening_beside = false;
	l->beside_ns = now_ns();
	if (l->beside == NULL) {
		give_up_beside(l);
	}
}

enum coaps_link_news coaps_link_process(struct coaps_link *l, uint64_t oldest_ns)
{
	coap_session_t *silent = l->session;
	uint64_t record;

	if (l->established_ns == 0) {
		if (!is_in_state(l->session, COAP_SESSION_STATE_ESTABLISHED)) {
			return COAPS_LINK_SAME;
		}
		establish(l);
		return COAPS_LINK_ESTABLISHED;
	}
	record = newest_record(l);
	if (record != l->newest_record) {
		l->newest_record = record;
		l->heard_ns = now_ns();
	}
	if (is_in_state(l->beside, COAP_SESSION_STATE_ESTABLISHED)) {
		l->session = l->beside;
		l->beside = NULL;
		close_one(&silent);
		establish(l);
		return COAPS_LINK_REPLACED;
	}
	if (l->beside != NULL &&
	    (l->heard_ns > l->beside_ns || is_in_state(l->beside, COAP_SESSION_STATE_NONE))) {
		give_up_beside(l);
	} else if (now_ns() >= coaps_link_due_ns(l, oldest_ns)) {
		open_beside(l);
	}
	return COAPS_LINK_SAME;
}

uint64_t coaps_link_due_ns(const struct coaps_link *l, uint64_t oldest_ns)
{
	if (!l->has_ticket || l->established_ns == 0 || l->beside != NULL ||
	    oldest_ns == UINT64_MAX) {
		return UINT64_MAX;
	}
	return (oldest_ns > l->heard_ns ? oldest_ns : l->heard_ns) + l->late_ns;
}

void coaps_link_close(struct coaps_link *l)
{
	l->established_ns = 0;
	close_one(&l->beside);
	close_one(&l->session);
}

void coaps_link_free(struct coaps_link *l)
{
	coaps_link_close(l);
	mbedtls_ssl_session_free(&l->ticket);
	l->has_ticket = false;
}
