// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_endpoint.h"

#include <errno.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <string.h>

#include "coaps_answer.h"
#include "coaps_cookie.h"
#include "coaps_x509.h"
#include "time/now.h"
#include "userspace/daemon/log.h"

/* libcoap's lines are for its developers: errors reach the log as warnings, the rest as debug. */
static void on_log(coap_log_t level, const char *message)
{
	size_t len = strcspn(message, "\n");

	if (level <= COAP_LOG_ERR) {
		log_warning("libcoap: %.*s", (int)len, message);
	} else {
		log_debug("libcoap: %.*s", (int)len, message);
	}
}

static void check_dates(const struct coaps_endpoint *endpoint, const mbedtls_x509_crt *crt,
			uint32_t *flags)
{
	int64_t now_s = endpoint->booted_utc_s + (int64_t)(now_boot_ns() / 1000000000);

	if (endpoint->booted_utc_s == 0) {
		if (coaps_now_s() == 0) { /* the clock is wrong, not the certificate */
			*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_FUTURE;
		}
		return;
	}
	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_FUTURE | MBEDTLS_X509_BADCERT_EXPIRED);
	if (now_s < coaps_x509_seconds(&crt->valid_from)) {
		*flags |= MBEDTLS_X509_BADCERT_FUTURE;
	} else if (now_s > coaps_x509_seconds(&crt->valid_to)) {
		*flags |= MBEDTLS_X509_BADCERT_EXPIRED;
	}
}

/* Leaves the other flags unchanged, so that mbedTLS rejects the certificate; records the cause. */
static int verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct coaps_endpoint *endpoint = arg;

	check_dates(endpoint, crt, flags);
	/* The peer's own comes last, and may still be rejected for its key usage. */
	if (*flags != 0 || (depth == 0 && endpoint->verified.flags == 0)) {
		endpoint->verified.flags = *flags;
		/* 0: a subject without a name in it, and nothing is written. */
		if (mbedtls_x509_dn_gets(endpoint->verified.subject,
					 sizeof(endpoint->verified.subject), &crt->subject) <= 0) {
			snprintf(endpoint->verified.subject, sizeof(endpoint->verified.subject),
				 "?");
		}
	}
	if (*flags == 0) {
		return 0;
	}
	/* VERIFY_OPTIONAL allows no certificate, but not a bad one. */
	return endpoint->authmode == MBEDTLS_SSL_VERIFY_OPTIONAL ? MBEDTLS_ERR_X509_FATAL_ERROR : 0;
}

/* What libcoap cannot set. */
static int configure(struct coaps_endpoint *endpoint, mbedtls_ssl_context *ssl,
		     mbedtls_ssl_config *conf)
{
	mbedtls_ssl_conf_ciphersuites(conf, endpoint->policy.suites);
	mbedtls_ssl_conf_groups(conf, coaps_policy_groups);
	mbedtls_ssl_conf_authmode(conf, endpoint->authmode);
	/* An empty list revokes nothing. */
	mbedtls_ssl_conf_ca_chain(conf, &endpoint->keys.ca, &endpoint->keys.crl);
	mbedtls_ssl_conf_verify(conf, verify, endpoint);
	if (endpoint->role == COAPS_CLIENT) {
		/* A name or an address: mbedTLS compares it with the certificate's SANs, or its CN
		 * where it has none. */
		return mbedtls_ssl_set_hostname(ssl, endpoint->server_name);
	}
	coaps_cookie_configure(conf, &endpoint->cookies);
	coaps_tickets_configure(conf, &endpoint->tickets);
	return mbedtls_ssl_conf_own_cert(conf, &endpoint->keys.own, &endpoint->keys.key);
}

/* What verify() noted is of this handshake: Mbed TLS ends it in the call that verified. */
static void report_failure(struct coaps_endpoint *endpoint, coap_session_t *session,
			   const mbedtls_ssl_context *ssl, int error)
{
	uint32_t flags = mbedtls_ssl_get_verify_result(ssl);
	struct coaps_failure f;

	/* UINT32_MAX: verify() ended it. */
	f = coaps_failure_of_handshake(ssl, error,
				       flags != UINT32_MAX ? flags : endpoint->verified.flags);
	if (f.flags != 0) {
		snprintf(f.detail, sizeof(f.detail), "%s", endpoint->verified.subject);
	}
	memset(&endpoint->verified, 0, sizeof(endpoint->verified));
	endpoint->on_failed(session, &f);
}

static int on_tls(coap_session_t *session, coap_dtls_phase_t phase, void *tls, void *config,
		  int error)
{
	struct coaps_endpoint *endpoint = coap_get_app_data(coap_session_get_context(session));
	mbedtls_ssl_context *ssl = tls;

	switch (phase) {
	case COAP_DTLS_PHASE_CONFIGURE:
		return configure(endpoint, ssl, config) == 0;
	case COAP_DTLS_PHASE_START:
		mbedtls_ssl_set_user_data_n(ssl, (uintptr_t)endpoint->trust);
		if (endpoint->on_start != NULL) {
			endpoint->on_start(session, ssl);
		}
		return 1;
	case COAP_DTLS_PHASE_DONE:
		if (endpoint->on_done != NULL) {
			endpoint->on_done(session);
		}
		return 1;
	case COAP_DTLS_PHASE_FAILED:
		report_failure(endpoint, session, ssl, error);
		return 1;
	default:
		return 1;
	}
}

static uint64_t mark_of(const mbedtls_x509_crt *ca)
{
	psa_hash_operation_t hash = PSA_HASH_OPERATION_INIT;
	uint8_t digest[32];
	uint64_t mark = 0;
	size_t size;

	psa_hash_setup(&hash, PSA_ALG_SHA_256);
	for (; ca != NULL && ca->version != 0; ca = ca->next) {
		psa_hash_update(&hash, ca->raw.p, ca->raw.len);
	}
	if (psa_hash_finish(&hash, digest, sizeof(digest), &size) == PSA_SUCCESS) {
		memcpy(&mark, digest, sizeof(mark));
	}
	return mark;
}

/* A ticket resumes a session without its chain: its key comes from the CA's certificates too. */
static int setup_tickets(struct coaps_endpoint *endpoint)
{
	struct coaps_secrets derived = { .n = endpoint->secrets.n };
	int rc = 0;

	for (unsigned i = 0; i < derived.n && rc == 0; i++) {
		rc = coaps_secret_derive(endpoint->secrets.key[i], "tickets by CA",
					 (int64_t)endpoint->trust, derived.key[i]);
	}
	coaps_tickets_free(&endpoint->tickets);
	coaps_tickets_init(&endpoint->tickets);
	rc = rc != 0 ? rc : coaps_tickets_setup(&endpoint->tickets, &derived);
	mbedtls_platform_zeroize(&derived, sizeof(derived));
	return rc;
}

/* secrets NULL: one of its own. */
static int load_secrets(struct coaps_endpoint *endpoint, const struct coaps_secrets *secrets)
{
	int rc = 0;

	if (secrets != NULL) {
		endpoint->secrets = *secrets;
	} else {
		endpoint->secrets.n = 1;
		rc = psa_generate_random(endpoint->secrets.key[0],
					 sizeof(endpoint->secrets.key[0]));
	}
	rc = rc != 0 ? rc : coaps_cookies_setup(&endpoint->cookies, &endpoint->secrets);
	return rc != 0 ? rc : setup_tickets(endpoint);
}

int coaps_endpoint_renew(struct coaps_endpoint *endpoint,
			 const struct coaps_credentials *credentials, int64_t now_s, char *err,
			 size_t err_size)
{
	struct coaps_keys fresh;
	uint64_t trust;

	coaps_keys_init(&fresh);
	if (coaps_keys_load(&fresh, credentials, endpoint->role, now_s, err, err_size) != 0) {
		coaps_keys_free(&fresh);
		return -EKEYREJECTED;
	}
	coaps_keys_free(&endpoint->keys);
	endpoint->keys = fresh; /* nothing in these structures points to themselves */
	trust = mark_of(&fresh.ca);
	if (trust != endpoint->trust) {
		endpoint->trust = trust;
		if (endpoint->secrets.n > 0 && setup_tickets(endpoint) != 0) {
			log_warning(
				"no keys for session tickets: each session takes a full handshake");
		}
	}
	return 0;
}

int coaps_endpoint_set_secrets(struct coaps_endpoint *endpoint, const struct coaps_secrets *secrets)
{
	coaps_cookies_free(&endpoint->cookies);
	coaps_cookies_init(&endpoint->cookies);
	return load_secrets(endpoint, secrets) == 0 ? 0 : -EIO;
}

int coaps_endpoint_init(struct coaps_endpoint *endpoint, enum coaps_role role, const char *ciphers,
			char *err, size_t err_size)
{
	int code;

	memset(endpoint, 0, sizeof *endpoint);
	endpoint->role = role;
	endpoint->authmode = MBEDTLS_SSL_VERIFY_REQUIRED;
	code = coaps_policy_parse(ciphers, &endpoint->policy, err, err_size);
	if (code != 0) {
		return code;
	}
	if (psa_crypto_init() != PSA_SUCCESS) {
		snprintf(err, err_size, "no random numbers: psa_crypto_init() failed");
		return -EIO;
	}
	coap_startup();
	coap_set_log_handler(on_log);
	coap_set_log_level(COAP_LOG_WARN);
	coap_dtls_set_log_level(COAP_LOG_WARN);
	endpoint->context = coap_new_context(NULL);
	if (endpoint->context == NULL) {
		snprintf(err, err_size, "no memory for a CoAP context");
		return -ENOMEM;
	}
	coaps_keys_init(&endpoint->keys);
	coaps_tickets_init(&endpoint->tickets);
	coaps_cookies_init(&endpoint->cookies);
	coap_set_app_data(endpoint->context, endpoint);
	return 0;
}

void coaps_endpoint_free(struct coaps_endpoint *endpoint)
{
	if (endpoint->context != NULL) {
		coap_free_context(endpoint->context);
		endpoint->context = NULL;
	}
	coaps_answers_free(endpoint->answers);
	coaps_tickets_free(&endpoint->tickets);
	coaps_cookies_free(&endpoint->cookies);
	mbedtls_platform_zeroize(&endpoint->secrets, sizeof(endpoint->secrets));
	coaps_keys_free(&endpoint->keys);
}

/* mbedTLS through libcoap: without check_common_ca the CA file is not loaded, and both must be set.
 */
void coaps_endpoint_pki(const struct coaps_credentials *credentials, bool verify_peer,
			coap_dtls_pki_t *pki)
{
	const char *key = credentials->key != NULL ? credentials->key : credentials->certificate;

	memset(pki, 0, sizeof *pki);
	pki->version = COAP_DTLS_PKI_SETUP_VERSION;
	pki->verify_peer_cert = verify_peer;
	pki->check_common_ca = verify_peer;
	pki->cert_chain_validation = 1;
	pki->cert_chain_verify_depth = 3;
	pki->use_cid = 1; /* a client asks for one; a server gives one in any case */
	pki->additional_tls_session_call_back = on_tls;
	pki->pki_key.key_type = COAP_PKI_KEY_PEM;
	pki->pki_key.key.pem.ca_file = credentials->ca;
	pki->pki_key.key.pem.public_cert = credentials->certificate;
	pki->pki_key.key.pem.private_key = credentials->certificate != NULL ? key : NULL;
}
