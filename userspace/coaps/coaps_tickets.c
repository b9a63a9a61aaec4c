// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_tickets.h"

#include <mbedtls/platform_util.h>
#include <psa/crypto.h>
#include <string.h>
#include <time.h>

#include "coaps_tls.h"

/* RFC 5077 recommends a lifetime of a day at the most; the key changes every half of it. */
#define LIFETIME_S 86400
#define PERIOD_S (LIFETIME_S / 2)
#define TICKET_MAX 2048 /* more than a datagram */

int coaps_secret_derive(const uint8_t secret[COAPS_SECRET_SIZE], const char *label, int64_t number,
			uint8_t out[32])
{
	psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
	mbedtls_svc_key_id_t key;
	psa_status_t rc;
	uint8_t text[32] = { 0 };
	size_t length = strlen(label), size;

	memcpy(text, label, length < sizeof(text) - 8 ? length : sizeof(text) - 8);
	for (unsigned i = 0; i < 8; i++) {
		text[sizeof(text) - 1 - i] = (uint8_t)((uint64_t)number >> 8 * i);
	}
	psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
	psa_set_key_algorithm(&attributes, PSA_ALG_HMAC(PSA_ALG_SHA_256));
	psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
	rc = psa_import_key(&attributes, secret, COAPS_SECRET_SIZE, &key);
	if (rc == PSA_SUCCESS) {
		rc = psa_mac_compute(key, PSA_ALG_HMAC(PSA_ALG_SHA_256), text, sizeof(text), out,
				     32, &size);
		psa_destroy_key(key);
	}
	return rc;
}

static int use_period(struct coaps_ticket_keys *t, int64_t period)
{
	uint8_t key[32], name[32];
	int rc = coaps_secret_derive(t->secret, "ticket key", period, key);

	rc = rc != 0 ? rc : coaps_secret_derive(t->secret, "ticket name", period, name);
	rc = rc != 0 ? rc
		     : mbedtls_ssl_ticket_rotate(&t->context, name,
						 MBEDTLS_SSL_TICKET_KEY_NAME_BYTES, key,
						 sizeof(key), LIFETIME_S);
	mbedtls_platform_zeroize(key, sizeof(key));
	return rc;
}

/* The keys of this period and of the one before. If the clock was set back before its creation,
 * mbedTLS makes a key of its own: set ours again. */
static int update(struct coaps_ticket_keys *t)
{
	int64_t now_s = (int64_t)time(NULL), period = now_s / PERIOD_S;
	int rc = 0;

	if (period == t->period && now_s >= t->set_s) {
		return 0;
	}
	if (period != t->period + 1 || now_s < t->set_s) {
		rc = use_period(t, period - 1);
	}
	rc = rc != 0 ? rc : use_period(t, period);
	if (rc == 0) {
		t->period = period;
		t->set_s = now_s;
	}
	return rc;
}

static int write_ticket(void *arg, const mbedtls_ssl_session *session, unsigned char *start,
			const unsigned char *end, size_t *size, uint32_t *lifetime)
{
	struct coaps_tickets *t = arg;
	int rc = update(&t->of[0]);

	return rc != 0 ? rc
		       : mbedtls_ssl_ticket_write(&t->of[0].context, session, start, end, size,
						  lifetime);
}

/* mbedTLS compares the key's name first: a ticket of another secret is "expired", and as it was. */
static int parse_ticket(void *arg, mbedtls_ssl_session *session, unsigned char *ticket, size_t size)
{
	struct coaps_tickets *t = arg;
	int rc = MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;

	for (unsigned i = 0; rc == MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED && i < t->n; i++) {
		rc = update(&t->of[i]);
		rc = rc != 0 ? rc
			     : mbedtls_ssl_ticket_parse(&t->of[i].context, session, ticket, size);
	}
	return rc;
}

bool coaps_tickets_accept(struct coaps_tickets *t, const uint8_t *ticket, size_t size)
{
	mbedtls_ssl_session session;
	uint8_t copy[TICKET_MAX]; /* it is decrypted in its place */
	int rc;

	if (size == 0 || size > sizeof(copy)) {
		return false;
	}
	memcpy(copy, ticket, size);
	mbedtls_ssl_session_init(&session);
	rc = parse_ticket(t, &session, copy, size);
	mbedtls_ssl_session_free(&session);
	mbedtls_platform_zeroize(copy, sizeof(copy));
	return rc == 0;
}

void coaps_tickets_init(struct coaps_tickets *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < COAPS_SECRETS_MAX; i++) {
		mbedtls_ssl_ticket_init(&t->of[i].context);
		t->of[i].period = -1;
	}
}

int coaps_tickets_setup(struct coaps_tickets *t, const struct coaps_secrets *secrets)
{
	int rc = 0;

	for (t->n = 0; rc == 0 && t->n < secrets->n; t->n++) {
		struct coaps_ticket_keys *keys = &t->of[t->n];

		rc = coaps_tls_setup_tickets(&keys->context, LIFETIME_S);
		memcpy(keys->secret, secrets->key[t->n], sizeof(keys->secret));
		rc = rc != 0 ? rc : update(keys);
	}
	return rc;
}

void coaps_tickets_configure(mbedtls_ssl_config *conf, struct coaps_tickets *t)
{
	mbedtls_ssl_conf_session_tickets_cb(conf, write_ticket, parse_ticket, t);
}

void coaps_tickets_free(struct coaps_tickets *t)
{
	for (unsigned i = 0; i < COAPS_SECRETS_MAX; i++) {
		mbedtls_ssl_ticket_free(&t->of[i].context);
	}
	mbedtls_platform_zeroize(t, sizeof(*t));
}
