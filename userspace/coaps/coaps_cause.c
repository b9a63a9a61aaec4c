// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_cause.h"

#include <mbedtls/x509.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>

#define ALERT_CLOSE_NOTIFY 0

static const char *text_of(enum coaps_cause cause)
{
	static const char *const texts[] = {
#define COAPS_CAUSE_TEXT(name, text) [name] = text,
		COAPS_CAUSES(COAPS_CAUSE_TEXT)
#undef COAPS_CAUSE_TEXT
	};

	return texts[cause];
}

enum coaps_cause coaps_cause_of_flags(uint32_t flags)
{
	static const struct {
		uint32_t flags;
		enum coaps_cause cause;
	} by_weight[] = {
		{ MBEDTLS_X509_BADCERT_REVOKED, COAPS_REVOKED },
		{ MBEDTLS_X509_BADCERT_NOT_TRUSTED, COAPS_WRONG_CA },
		{ MBEDTLS_X509_BADCERT_EXPIRED, COAPS_EXPIRED },
		{ MBEDTLS_X509_BADCERT_FUTURE, COAPS_NOT_YET_VALID },
		{ MBEDTLS_X509_BADCERT_CN_MISMATCH, COAPS_WRONG_NAME },
		{ MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
			  MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
		  COAPS_WRONG_USAGE },
		{ MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
			  MBEDTLS_X509_BADCERT_BAD_KEY,
		  COAPS_WEAK },
		{ MBEDTLS_X509_BADCRL_NOT_TRUSTED | MBEDTLS_X509_BADCRL_EXPIRED |
			  MBEDTLS_X509_BADCRL_FUTURE | MBEDTLS_X509_BADCRL_BAD_MD |
			  MBEDTLS_X509_BADCRL_BAD_PK | MBEDTLS_X509_BADCRL_BAD_KEY,
		  COAPS_CRL_UNUSABLE },
	};

	for (size_t i = 0; i < sizeof(by_weight) / sizeof(by_weight[0]); i++) {
		if ((flags & by_weight[i].flags) != 0) {
			return by_weight[i].cause;
		}
	}
	return COAPS_BAD_CERTIFICATE;
}

/* RFC 5246 7.2.2; 41, of SSL 3, is libcoap's where a client has sent no certificate. */
static enum coaps_cause cause_of_alert(uint8_t alert)
{
	switch (alert) {
	case MBEDTLS_SSL_ALERT_MSG_NO_CERT:
	case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
	case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
	case MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED:
	case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
	case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
	case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
	case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
		return COAPS_WE_ARE_REJECTED;
	case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
	case MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY:
		return COAPS_NO_COMMON_SUITE;
	case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
		return COAPS_NO_DTLS_1_2;
	case ALERT_CLOSE_NOTIFY:
		return COAPS_PEER_CLOSED;
	default:
		return COAPS_HANDSHAKE_FAILED;
	}
}

/* Mbed TLS' module of that name: -0x2080 to -0x3000, with or without a low-level error added. */
static bool is_x509_error(int error)
{
	int high = -error & ~0x7f;

	return high >= -MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE &&
	       high <= -MBEDTLS_ERR_X509_FATAL_ERROR;
}

struct coaps_failure coaps_failure_of_handshake(const mbedtls_ssl_context *ssl, int error,
						uint32_t flags)
{
	struct coaps_failure f = { .in_handshake = true };

	if (error == MBEDTLS_ERR_SSL_BAD_CERTIFICATE || is_x509_error(error)) {
		f.flags = flags;
		f.cause = coaps_cause_of_flags(flags);
		return f;
	}
	switch (error) {
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		/* Mbed TLS has no call for the alert: libcoap reads it there, too. */
		f.alert = ssl->MBEDTLS_PRIVATE(in_msg)[1];
		f.cause = cause_of_alert(f.alert);
		break;
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
	case MBEDTLS_ERR_SSL_CONN_EOF:
		f.cause = COAPS_PEER_CLOSED;
		break;
	case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
		f.cause = COAPS_NO_CERTIFICATE;
		break;
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
		f.cause = COAPS_NO_DTLS_1_2;
		break;
	case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
		f.cause = COAPS_NO_COMMON_SUITE;
		break;
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
		f.cause = COAPS_NO_MEMORY;
		break;
	default:
		f.cause = COAPS_HANDSHAKE_FAILED;
		f.tls_error = error;
		break;
	}
	return f;
}

void coaps_failure_text(const struct coaps_failure *f, const char *server_name, char *out,
			size_t size)
{
	bool rejected = f->cause >= COAPS_WRONG_NAME && f->cause <= COAPS_BAD_CERTIFICATE;
	char more[32] = "";

	if (rejected && server_name != NULL) {
		snprintf(out, size, "server certificate rejected (expected name %s): %s: %s",
			 server_name, text_of(f->cause), f->detail);
		return;
	}
	if (rejected) {
		snprintf(out, size, "certificate of \"%s\" rejected: %s", f->detail,
			 text_of(f->cause));
		return;
	}
	if (f->alert != 0) {
		snprintf(more, sizeof(more), " (alert %u)", f->alert);
	} else if (f->tls_error != 0) {
		snprintf(more, sizeof(more), " (-0x%04x)", (unsigned)-f->tls_error);
	} else if (f->in_handshake && f->cause == COAPS_NO_ANSWER) {
		snprintf(more, sizeof(more), " to the handshake");
	}
	snprintf(out, size, "%s%s%s%s", text_of(f->cause), more, f->detail[0] != '\0' ? ": " : "",
		 f->detail);
}
