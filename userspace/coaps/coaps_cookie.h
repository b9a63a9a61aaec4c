/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_cookie: proof of a client's address before anything is kept for it (RFC 6347 4.2.1).
 *
 * A ClientHello without a valid cookie is answered by HelloVerifyRequest; the cookie is a keyed
 * hash of the address and the time, so nothing is remembered, and a flood from made-up addresses
 * costs an HMAC for each datagram. The first secret makes cookies, every one is accepted.
 *
 * One thread. Inside userspace/coaps only.
 */
#ifndef COAPS_COOKIE_H
#define COAPS_COOKIE_H

#include <coap3/coap.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>
#include <stddef.h>
#include <stdint.h>

#include "coaps_tickets.h"

struct coaps_cookies {
	unsigned n;
	mbedtls_svc_key_id_t key[COAPS_SECRETS_MAX]; /* HMAC */
};

#define COAPS_COOKIE_LIFETIME_S 60 /* a client sends it back within a round trip */

void coaps_cookies_init(struct coaps_cookies *c);
/* 0, or an error: no memory, or no room for keys. */
int coaps_cookies_setup(struct coaps_cookies *c, const struct coaps_secrets *secrets);
void coaps_cookies_free(struct coaps_cookies *c);

/*
 * Checks the first datagram of an unknown address: 1: it has a valid cookie; 0: drop it and send
 * *reply_size bytes of reply (0: none, it was no ClientHello).
 */
int coaps_cookie_judge(struct coaps_cookies *cookies, const coap_address_t *remote,
		       const uint8_t *data, size_t size, uint8_t reply[COAP_DTLS_HELLO_REPLY_MAX],
		       size_t *reply_size);
/* The session ticket (RFC 5077) in a ClientHello with a cookie; NULL: none. */
const uint8_t *coaps_hello_ticket(const uint8_t *data, size_t size, size_t *ticket_size);
/* The same cookies for mbedTLS, which asks for them when a known address begins again. */
void coaps_cookie_configure(mbedtls_ssl_config *conf, struct coaps_cookies *cookies);

#endif
