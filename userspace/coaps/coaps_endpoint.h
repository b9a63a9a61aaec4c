/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_endpoint: what server and client share of a libcoap context: start-up, log, and our policy
 * in every TLS session, by the callback of deps/patches/0001. Inside userspace/coaps only.
 *
 * A struct coaps_endpoint is the first member of the owner, and the owner the context's app data.
 */
#ifndef COAPS_ENDPOINT_H
#define COAPS_ENDPOINT_H

#include <coap3/coap.h>
#include <mbedtls/ssl.h>
#include <stdbool.h>

#include "coaps_cause.h"
#include "coaps_cookie.h"
#include "coaps_keys.h"
#include "coaps_policy.h"
#include "coaps_tickets.h"

struct coaps_endpoint {
	enum coaps_role role;
	int authmode; /* MBEDTLS_SSL_VERIFY_... */
	struct coaps_policy policy;
	const char *server_name; /* client: what the server's certificate must name; borrowed */
	int64_t booted_utc_s; /* by a better clock than this machine's, for the dates of the peer's
				 certificate; 0: this machine's */
	coap_context_t *context;
	struct coaps_keys keys; /* every TLS session points into it: renewed in its place */
	uint64_t trust; /* a mark of the CA's certificates: what sessions and tickets were verified
			   by */
	struct coaps_secrets secrets; /* server */
	struct coaps_tickets tickets; /* server: RFC 5077 */
	struct coaps_cookies cookies; /* server: RFC 6347 4.2.1 */
	struct coaps_answers *answers; /* server */
	/* A session is set up and has sent nothing yet; may be NULL. */
	void (*on_start)(coap_session_t *session, mbedtls_ssl_context *ssl);
	/* A handshake is complete; may be NULL. */
	void (*on_done)(coap_session_t *session);
	/* A handshake has failed. */
	void (*on_failed)(coap_session_t *session, const struct coaps_failure *failure);
	struct { /* the newest certificate: its defect, its owner */
		uint32_t flags;
		char subject[128];
	} verified;
};

/* Makes the context. 0, or -ENOMEM, -EINVAL, -EIO with err, and there is nothing to free. */
int coaps_endpoint_init(struct coaps_endpoint *endpoint, enum coaps_role role, const char *ciphers,
			char *err, size_t err_size);
void coaps_endpoint_free(struct coaps_endpoint *endpoint);
/* Reads the files, at first and later: from now on every handshake uses them, those of known
 * addresses too. 0, or -EKEYREJECTED with err and nothing has changed. With other CA certificates
 * the tickets made before are void. */
int coaps_endpoint_renew(struct coaps_endpoint *endpoint,
			 const struct coaps_credentials *credentials, int64_t now_s, char *err,
			 size_t err_size);
/* Tickets and cookies come from these secrets from now on, which are copied; NULL: from one of its
 * own. After the credentials. 0 or -EIO. */
int coaps_endpoint_set_secrets(struct coaps_endpoint *endpoint,
			       const struct coaps_secrets *secrets);
/* libcoap's form of the credentials; the strings stay borrowed. */
void coaps_endpoint_pki(const struct coaps_credentials *credentials, bool verify_peer,
			coap_dtls_pki_t *pki);

#endif
