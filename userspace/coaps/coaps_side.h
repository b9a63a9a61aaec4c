/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_side: what server and client share of a libcoap context: start-up, log, and our policy
 * in every TLS session, by the hook that deps/patches/0001 gives libcoap. Inside userspace/coaps
 * only.
 *
 * A struct coaps_side is the first member of the owner, and the owner the context's app data.
 */
#ifndef COAPS_SIDE_H
#define COAPS_SIDE_H

#include <coap3/coap.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>

#include "coaps_cookie.h"
#include "coaps_credentials.h"
#include "coaps_policy.h"
#include "coaps_tickets.h"

/* What the files of the credentials hold. */
struct coaps_keys {
	mbedtls_x509_crt own; /* server only: libcoap reads a client's */
	mbedtls_pk_context key;
	mbedtls_x509_crt ca;
	mbedtls_x509_crl crl;
};

struct coaps_side {
	enum coaps_role role;
	int authmode; /* MBEDTLS_SSL_VERIFY_... */
	struct coaps_policy policy;
	const char *server_name; /* client: what the server's certificate must name; borrowed */
	coap_context_t *context;
	struct coaps_keys keys; /* every TLS session points into it: renewed in its place */
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context drbg;
	struct coaps_tickets tickets; /* server: RFC 5077 */
	struct coaps_cookies cookies; /* server: RFC 6347 4.2.1 */
	void (*on_setup)(coap_session_t *session); /* server: a session has got our policy */
	char refused[256]; /* why the newest certificate was refused, "" if none was */
	char last_words[160]; /* libcoap's newest warning */
};

/*
 * Parses the credentials, makes the context. secrets: what tickets and cookies come from, copied;
 * NULL: its own. 0, or -ENOMEM, -EINVAL with err.
 */
int coaps_side_init(struct coaps_side *side, enum coaps_role role,
		    const struct coaps_credentials *credentials, const char *ciphers,
		    const struct coaps_secrets *secrets, char *err, size_t err_size);
void coaps_side_free(struct coaps_side *side);
/* Reads the files again: from now on every handshake uses them, those of known addresses too. 0, or
 * as above and nothing has changed. */
int coaps_side_renew(struct coaps_side *side, const struct coaps_credentials *credentials,
		     char *err, size_t err_size);
/* Tickets and cookies of other secrets from now on. 0 or -EIO. */
int coaps_side_set_secrets(struct coaps_side *side, const struct coaps_secrets *secrets);
/* The lines of mbedtls_x509_crt_verify_info() as one. */
void coaps_side_describe(uint32_t flags, char *out, size_t size);
/* libcoap's form of the credentials; the strings stay borrowed. */
void coaps_side_pki(const struct coaps_credentials *credentials, bool verify_peer,
		    coap_dtls_pki_t *pki);

#endif
