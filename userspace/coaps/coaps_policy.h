/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_policy: which cipher suites and groups a handshake may use.
 *
 * A policy is a string of tokens joined by ':' or ',', in order of preference. A token is an
 * mbedTLS or IANA suite name ("TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", '_' for '-' will do) or
 * OpenSSL-style words joined by '+', all of which must fit: ECDHE ECDSA RSA AESGCM AES128 AES256
 * CHACHA20 AESCCM CCM8 SHA256 SHA384 ALL. "!words" takes suites out, wherever it stands.
 * Only suites of DTLS 1.2 with forward secrecy, a certificate and an AEAD are ever in (RFC 7925,
 * RFC 9325).
 */
#ifndef COAPS_POLICY_H
#define COAPS_POLICY_H

#include <stddef.h>
#include <stdint.h>

#define COAPS_SUITES_MAX 32

/* ECDSA first: cheaper certificates; ChaCha20 and both GCM: a Pi 3 has no AES instructions. */
#define COAPS_POLICY_DEFAULT "ECDHE+ECDSA:ECDHE"

struct coaps_policy {
	int suites[COAPS_SUITES_MAX + 1]; /* IANA numbers, 0 ends */
};

/* NULL or "" means COAPS_POLICY_DEFAULT. 0, or -EINVAL with err naming the token that fits no
 * suite. */
int coaps_policy_parse(const char *text, struct coaps_policy *policy, char *err, size_t err_size);

/* Groups of a handshake, IANA numbers, 0 ends: X25519, P-256, P-384. Not P-521: twice the cost for
 * nothing here. */
extern const uint16_t coaps_policy_groups[];

#endif
