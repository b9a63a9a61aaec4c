/* SPDX-License-Identifier: BSD-2-Clause */
/* dtls_peer: a DTLS client on a socket of the test's own, for messages of a test's own making. */
#ifndef DTLS_PEER_H
#define DTLS_PEER_H

#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>
#include <stdbool.h>

#include "userspace/coaps/coaps_credentials.h"

struct dtls_peer {
	int fd; /* connected, non-blocking; the caller's */
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt ca, own;
	mbedtls_pk_context key;
	mbedtls_timing_delay_context timer;
};

/* files->certificate NULL: without one. The server's must name localhost. False: a file cannot be
 * read. Must not move from now on. */
bool dtls_peer_init(struct dtls_peer *p, int fd, const struct coaps_credentials *files);
void dtls_peer_free(struct dtls_peer *p);
/* Until its end, or for so many turns of serve(): 0, or the error of Mbed TLS. */
int dtls_peer_handshake(struct dtls_peer *p, unsigned turns, void (*serve)(int fd));

#endif
