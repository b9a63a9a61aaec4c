// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_side.h"

#include <errno.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <string.h>

#include "coaps_cookie.h"
#include "userspace/daemon/log.h"

static struct coaps_side *newest; /* for the log handler, which knows no context */

/*
 * libcoap's own lines are for its developers: its errors reach the log as warnings, the rest as
 * debug. The newest is kept, as libcoap says nowhere else why a handshake failed.
 */
static void libcoap_says(coap_log_t level, const char *message)
{
	size_t len = strcspn(message, "\n");

	if (newest != NULL && level <= COAP_LOG_WARN) {
		snprintf(newest->last_words, sizeof newest->last_words, "%.*s", (int)len, message);
	}
	if (level <= COAP_LOG_ERR) {
		log_warning("libcoap: %.*s", (int)len, message);
	} else {
		log_debug("libcoap: %.*s", (int)len, message);
	}
}

void coaps_side_describe(uint32_t flags, char *out, size_t size)
{
	int len = mbedtls_x509_crt_verify_info(out, size, "", flags);

	for (int i = 0; i < len; i++) {
		if (out[i] == '\n') {
			out[i] = i == len - 1 ? '\0' : ' ';
		}
	}
}

/* Leaves the flags as they are, so that mbedTLS refuses what it found wrong; only notes why. */
static int verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct coaps_side *side = arg;
	char subject[96], why[128];

	if (coaps_now_s() == 0) {
		*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_FUTURE; /* the clock is wrong, not the
								     certificate */
	}
	if (*flags == 0) {
		return 0;
	}
	/* 0: a subject without a name in it, and nothing is written. */
	if (mbedtls_x509_dn_gets(subject, sizeof subject, &crt->subject) <= 0) {
		snprintf(subject, sizeof subject, "?");
	}
	coaps_side_describe(*flags, why, sizeof why);
	snprintf(side->refused, sizeof side->refused, "certificate of \"%s\"%s: %s", subject,
		 depth > 0 ? " (a CA)" : "", why);
	/* VERIFY_OPTIONAL means "none will do", not "a bad one will do". */
	return side->authmode == MBEDTLS_SSL_VERIFY_OPTIONAL ? MBEDTLS_ERR_X509_FATAL_ERROR : 0;
}

static int setup(coap_session_t *session, void *ssl, void *arg, int is_client)
{
	struct coaps_side *side = coap_get_app_data(coap_session_get_context(session));
	mbedtls_ssl_config *conf = arg;

	mbedtls_ssl_conf_ciphersuites(conf, side->policy.suites);
	mbedtls_ssl_conf_groups(conf, coaps_policy_groups);
	mbedtls_ssl_conf_authmode(conf, side->authmode);
	mbedtls_ssl_conf_ca_chain(conf, &side->keys.ca, &side->keys.crl); /* an empty list revokes
									     nothing */
	mbedtls_ssl_conf_verify(conf, verify, side);
	if (is_client) {
		/* A name or an address: mbedTLS compares it with the certificate's SANs, or its CN
		 * where it has none. */
		return mbedtls_ssl_set_hostname(ssl, side->server_name);
	}
	side->on_setup(session);
	coaps_cookie_configure(conf, &side->cookies);
	coaps_tickets_configure(conf, &side->tickets);
	return mbedtls_ssl_conf_own_cert(conf, &side->keys.own, &side->keys.key);
}

static void keys_init(struct coaps_keys *k)
{
	mbedtls_x509_crt_init(&k->own);
	mbedtls_pk_init(&k->key);
	mbedtls_x509_crt_init(&k->ca);
	mbedtls_x509_crl_init(&k->crl);
}

static void keys_free(struct coaps_keys *k)
{
	mbedtls_x509_crt_free(&k->own);
	mbedtls_pk_free(&k->key);
	mbedtls_x509_crt_free(&k->ca);
	mbedtls_x509_crl_free(&k->crl);
}

/* coaps_credentials_check() has said of most files what is wrong with them; what is left is a race
 * with who writes them. */
static int keys_load(struct coaps_side *side, struct coaps_keys *k,
		     const struct coaps_credentials *c, char *err, size_t err_size)
{
	const char *key = c->key != NULL ? c->key : c->certificate;

	if (c->ca != NULL && mbedtls_x509_crt_parse_file(&k->ca, c->ca) != 0) {
		snprintf(err, err_size, "%s: the CA certificate cannot be read", c->ca);
		return -EINVAL;
	}
	if (c->crl != NULL && mbedtls_x509_crl_parse_file(&k->crl, c->crl) != 0) {
		snprintf(err, err_size, "%s: the revocation list cannot be read", c->crl);
		return -EINVAL;
	}
	if (side->role == COAPS_SERVER &&
	    (mbedtls_x509_crt_parse_file(&k->own, c->certificate) != 0 ||
	     mbedtls_pk_parse_keyfile(&k->key, key, NULL, mbedtls_ctr_drbg_random, &side->drbg) !=
		     0 ||
	     mbedtls_pk_check_pair(&k->own.pk, &k->key, mbedtls_ctr_drbg_random, &side->drbg) !=
		     0)) {
		snprintf(err, err_size, "%s: the certificate and its key cannot be read",
			 c->certificate);
		return -EINVAL;
	}
	return 0;
}

int coaps_side_renew(struct coaps_side *side, const struct coaps_credentials *credentials,
		     char *err, size_t err_size)
{
	struct coaps_keys fresh;
	int code;

	keys_init(&fresh);
	code = keys_load(side, &fresh, credentials, err, err_size);
	if (code != 0) {
		keys_free(&fresh);
		return code;
	}
	keys_free(&side->keys);
	side->keys = fresh; /* nothing in these structures points to themselves */
	return 0;
}

/* secrets NULL: one of its own. */
static int load_secrets(struct coaps_side *side, const struct coaps_secrets *secrets)
{
	struct coaps_secrets own = { .n = 1 };
	int rc = 0;

	if (secrets == NULL) {
		rc = mbedtls_ctr_drbg_random(&side->drbg, own.key[0], sizeof(own.key[0]));
		secrets = &own;
	}
	rc = rc != 0 ? rc : coaps_cookies_setup(&side->cookies, secrets);
	rc = rc != 0 ? rc
		     : coaps_tickets_setup(&side->tickets, secrets, mbedtls_ctr_drbg_random,
					   &side->drbg);
	mbedtls_platform_zeroize(&own, sizeof(own));
	return rc;
}

int coaps_side_set_secrets(struct coaps_side *side, const struct coaps_secrets *secrets)
{
	coaps_tickets_free(&side->tickets);
	coaps_cookies_free(&side->cookies);
	coaps_tickets_init(&side->tickets);
	coaps_cookies_init(&side->cookies);
	return load_secrets(side, secrets) == 0 ? 0 : -EIO;
}

static int load(struct coaps_side *side, const struct coaps_credentials *credentials,
		const struct coaps_secrets *secrets, char *err, size_t err_size)
{
	if (mbedtls_ctr_drbg_seed(&side->drbg, mbedtls_entropy_func, &side->entropy, NULL, 0) !=
		    0 ||
	    (side->role == COAPS_SERVER && load_secrets(side, secrets) != 0)) {
		snprintf(err, err_size, "no randomness for the session tickets");
		return -EIO;
	}
	return keys_load(side, &side->keys, credentials, err, err_size);
}

int coaps_side_init(struct coaps_side *side, enum coaps_role role,
		    const struct coaps_credentials *credentials, const char *ciphers,
		    const struct coaps_secrets *secrets, char *err, size_t err_size)
{
	int code;

	memset(side, 0, sizeof *side);
	side->role = role;
	side->authmode = MBEDTLS_SSL_VERIFY_REQUIRED;
	keys_init(&side->keys);
	mbedtls_entropy_init(&side->entropy);
	mbedtls_ctr_drbg_init(&side->drbg);
	coaps_tickets_init(&side->tickets);
	coaps_cookies_init(&side->cookies);
	code = coaps_policy_parse(ciphers, &side->policy, err, err_size);
	if (code == 0) {
		code = load(side, credentials, secrets, err, err_size);
	}
	if (code != 0) {
		coaps_side_free(side);
		return code;
	}
	coap_startup();
	coap_set_log_handler(libcoap_says);
	coap_set_log_level(COAP_LOG_WARN);
	coap_dtls_set_log_level(COAP_LOG_WARN);
	coap_mbedtls_setup_hook = setup;
	side->context = coap_new_context(NULL);
	if (side->context == NULL) {
		coaps_side_free(side);
		snprintf(err, err_size, "no memory for a CoAP context");
		return -ENOMEM;
	}
	newest = side;
	coap_set_app_data(side->context, side);
	coap_context_set_block_mode(side->context, COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
	return 0;
}

void coaps_side_free(struct coaps_side *side)
{
	if (newest == side) {
		newest = NULL;
	}
	if (side->context != NULL) {
		coap_free_context(side->context);
		side->context = NULL;
	}
	coaps_tickets_free(&side->tickets);
	coaps_cookies_free(&side->cookies);
	mbedtls_ctr_drbg_free(&side->drbg);
	mbedtls_entropy_free(&side->entropy);
	keys_free(&side->keys);
}

/* mbedTLS through libcoap: without check_common_ca the CA file is not loaded, and both must be set.
 */
void coaps_side_pki(const struct coaps_credentials *credentials, bool verify_peer,
		    coap_dtls_pki_t *pki)
{
	const char *key = credentials->key != NULL ? credentials->key : credentials->certificate;

	memset(pki, 0, sizeof *pki);
	pki->version = COAP_DTLS_PKI_SETUP_VERSION;
	pki->verify_peer_cert = verify_peer;
	pki->check_common_ca = verify_peer;
	pki->cert_chain_validation = 1;
	pki->cert_chain_verify_depth = 3;
	pki->pki_key.key_type = COAP_PKI_KEY_PEM;
	pki->pki_key.key.pem.ca_file = credentials->ca;
	pki->pki_key.key.pem.public_cert = credentials->certificate;
	pki->pki_key.key.pem.private_key = credentials->certificate != NULL ? key : NULL;
}
