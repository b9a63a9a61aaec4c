// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_identity.h"

#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <string.h>

#include "coaps_endpoint.h"
#include "coaps_x509.h"

static bool is_revoked(const struct coaps_endpoint *endpoint, const mbedtls_x509_crt *crt)
{
	for (const mbedtls_x509_crl *crl = &endpoint->keys.crl; crl != NULL && crl->version != 0;
	     crl = crl->next) {
		if (crl->issuer_raw.len == crt->issuer_raw.len &&
		    memcmp(crl->issuer_raw.p, crt->issuer_raw.p, crl->issuer_raw.len) == 0 &&
		    mbedtls_x509_crt_is_revoked(crt, crl) != 0) {
			return true;
		}
	}
	return false;
}

/* By the CA of today: again for a session that was made under others. */
static bool is_trusted(const struct coaps_endpoint *endpoint, mbedtls_ssl_context *ssl,
		       const mbedtls_x509_crt *crt)
{
	mbedtls_x509_crt *chain = (mbedtls_x509_crt *)crt; /* verified only */
	mbedtls_x509_crt *ca = (mbedtls_x509_crt *)&endpoint->keys.ca;
	uint32_t flags = 0;

	if (mbedtls_ssl_get_user_data_n(ssl) == (uintptr_t)endpoint->trust) {
		return true;
	}
	mbedtls_x509_crt_verify(chain, ca, NULL, NULL, &flags, NULL, NULL);
	if (coaps_now_s() == 0) { /* the clock is wrong, not the certificate */
		flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_FUTURE;
	}
	if (flags == 0) {
		mbedtls_ssl_set_user_data_n(ssl, (uintptr_t)endpoint->trust);
	}
	return flags == 0;
}

void coaps_identity_of(coap_session_t *session, struct coaps_identity *out)
{
	coap_tls_library_t library = COAP_TLS_LIBRARY_NOTLS;
	mbedtls_ssl_context *ssl = coap_session_get_tls(session, &library);
	const struct coaps_endpoint *endpoint;
	const mbedtls_x509_crt *crt;
	char unit[64];

	memset(out, 0, sizeof *out);
	if (ssl == NULL || library != COAP_TLS_LIBRARY_MBEDTLS) {
		return;
	}
	crt = mbedtls_ssl_get_peer_cert(ssl);
	if (crt == NULL) {
		return;
	}
	out->certified = true;
	endpoint = coap_get_app_data(coap_session_get_context(session));
	out->untrusted = !is_trusted(endpoint, ssl, crt);
	out->revoked = out->untrusted || is_revoked(endpoint, crt);
	if (!coaps_x509_device(crt, out->name, sizeof out->name)) {
		coaps_x509_attribute(crt, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN),
				     out->name, sizeof out->name);
	}
	/* The first unit counts: an attribute that a CA appends does not make an operator. */
	out->is_operator = coaps_x509_attribute(crt, MBEDTLS_OID_AT_ORG_UNIT,
						MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_ORG_UNIT), unit,
						sizeof unit) &&
			   strcmp(unit, "operator") == 0;
}

bool coaps_peer_of(coap_session_t *session, char name[COAPS_PEER_SIZE])
{
	struct coaps_identity who;

	coaps_identity_of(session, &who);
	if (who.name[0] != '\0') {
		snprintf(name, COAPS_PEER_SIZE, "%s", who.name);
		return true;
	}
	if (coap_print_ip_addr(coap_session_get_addr_remote(session), name, COAPS_PEER_SIZE) ==
	    NULL) {
		snprintf(name, COAPS_PEER_SIZE, "?");
	}
	return false;
}
