/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_cause: why a request has no answer, or a handshake failed, as a value that code acts on. It
 * is made where the event occurs (Mbed TLS, libcoap, the resolver) and never parsed from a message;
 * the message for people is made from it, at the edge.
 *
 * Plain functions, any thread.
 */
#ifndef COAPS_CAUSE_H
#define COAPS_CAUSE_H

#include <mbedtls/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(cause, text). */
#define COAPS_CAUSES(X)                                                                  \
	X(COAPS_ANSWERED, "answered")                                                    \
	X(COAPS_NO_ANSWER, "no answer")                                                  \
	X(COAPS_NO_SUCH_HOST, "no such host")                                            \
	X(COAPS_NO_ROUTE, "no route to the host")                                        \
	X(COAPS_NOT_LISTENING, "nothing listens there")                                  \
	X(COAPS_PEER_CLOSED, "the peer closed the session")                              \
	X(COAPS_PEER_RESET, "the peer reset the request")                                \
	X(COAPS_UNREADABLE, "unreadable answer")                                         \
	X(COAPS_TOO_LARGE, "the answer is too large")                                    \
	X(COAPS_NO_MEMORY, "out of memory")                                              \
	/* the peer's certificate, rejected here */                                      \
	X(COAPS_WRONG_NAME, "issued for another name")                                   \
	X(COAPS_WRONG_CA, "not signed by the CA")                                        \
	X(COAPS_REVOKED, "revoked")                                                      \
	X(COAPS_EXPIRED, "expired")                                                      \
	X(COAPS_NOT_YET_VALID, "not yet valid")                                          \
	X(COAPS_CRL_UNUSABLE, "the revocation list is expired, or not signed by the CA") \
	X(COAPS_WRONG_USAGE, "its key usage does not allow this role")                   \
	X(COAPS_WEAK, "its key or signature is too weak")                                \
	X(COAPS_BAD_CERTIFICATE, "malformed")                                            \
	/* other ends of a handshake */                                                  \
	X(COAPS_WE_ARE_REJECTED, "the peer rejected our certificate")                    \
	X(COAPS_NO_CERTIFICATE, "the peer sent no certificate")                          \
	X(COAPS_NO_DTLS_1_2, "the peer does not speak DTLS 1.2")                         \
	X(COAPS_NO_COMMON_SUITE,                                                         \
	  "no cipher suite or curve in common ([server] ciphers, key type)")             \
	X(COAPS_HANDSHAKE_FAILED, "the handshake failed")

#define COAPS_CAUSE_NAME(cause, text) cause,
enum coaps_cause { COAPS_CAUSES(COAPS_CAUSE_NAME) };
#undef COAPS_CAUSE_NAME

struct coaps_failure {
	enum coaps_cause cause;
	uint32_t flags; /* MBEDTLS_X509_BADCERT_... of a rejected certificate; else 0 */
	uint8_t alert; /* RFC 5246 7.2, from the peer; 0: none */
	int tls_error; /* error of Mbed TLS, where cause is not precise; else 0 */
	bool in_handshake;
	char detail[256]; /* the certificate's subject, the host; "": none */
};

/* The most important flag of a rejected certificate. */
enum coaps_cause coaps_cause_of_flags(uint32_t flags);

/*
 * A handshake that ended with this error of Mbed TLS, before ssl is reset. flags: what the
 * verification of the peer's certificate found.
 */
struct coaps_failure coaps_failure_of_handshake(const mbedtls_ssl_context *ssl, int error,
						uint32_t flags);

/* One line. server_name: what the server's certificate had to name; NULL: the peer is a client. */
void coaps_failure_text(const struct coaps_failure *f, const char *server_name, char *out,
			size_t size);

#endif
