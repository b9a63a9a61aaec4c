/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_tls: the calls that differ between Mbed TLS 3.6 and 4.x, where PSA's generator is the only
 * one and no call takes another. psa_crypto_init() goes before them. A process that forks must do
 * so before: the child would continue the parent's random numbers. Inside userspace/coaps only.
 */
#ifndef COAPS_TLS_H
#define COAPS_TLS_H

#include <mbedtls/pk.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <psa/crypto.h>

#if MBEDTLS_VERSION_MAJOR >= 4

static inline int coaps_tls_parse_key(mbedtls_pk_context *key, const char *path)
{
	return mbedtls_pk_parse_keyfile(key, path, NULL);
}

static inline int coaps_tls_check_pair(const mbedtls_pk_context *public,
				       const mbedtls_pk_context *key)
{
	return mbedtls_pk_check_pair(public, key);
}

static inline int coaps_tls_setup_tickets(mbedtls_ssl_ticket_context *tickets, uint32_t lifetime_s)
{
	return mbedtls_ssl_ticket_setup(tickets, PSA_ALG_GCM, PSA_KEY_TYPE_AES, 256, lifetime_s);
}

#else
#include <mbedtls/psa_util.h>

static inline int coaps_tls_parse_key(mbedtls_pk_context *key, const char *path)
{
	return mbedtls_pk_parse_keyfile(key, path, NULL, mbedtls_psa_get_random,
					MBEDTLS_PSA_RANDOM_STATE);
}

static inline int coaps_tls_check_pair(const mbedtls_pk_context *public,
				       const mbedtls_pk_context *key)
{
	return mbedtls_pk_check_pair(public, key, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
}

static inline int coaps_tls_setup_tickets(mbedtls_ssl_ticket_context *tickets, uint32_t lifetime_s)
{
	return mbedtls_ssl_ticket_setup(tickets, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE,
					MBEDTLS_CIPHER_AES_256_GCM, lifetime_s);
}

#endif
#endif
