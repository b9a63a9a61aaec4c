/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_identity: who the peer of a session is, from its certificate.
 *
 * Read from the live TLS session at each request and never kept with the coap_session_t: a new
 * handshake from the same address runs on the same session, without an event.
 */
#ifndef COAPS_IDENTITY_H
#define COAPS_IDENTITY_H

#include <coap3/coap.h>
#include <stdbool.h>

struct coaps_identity {
	bool certified; /* the peer showed a certificate, and it was verified */
	bool revoked; /* it is on our revocation list, or its CA was removed: it has no rights */
	bool untrusted; /* its CA was removed */
	bool is_operator; /* subject has organizationalUnitName "operator" */
	char name[96]; /* SAN URI that begins with "urn:dev:", else the subject's CN, else "" */
};

void coaps_identity_of(coap_session_t *session, struct coaps_identity *out);

#define COAPS_PEER_SIZE 96

/*
 * Whom limits and logged refusals count: the name in the certificate, or the address without the
 * port where there is none. It is no right to anything. True: it is a name.
 */
bool coaps_peer_of(coap_session_t *session, char name[COAPS_PEER_SIZE]);

#endif
