/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer: whom limits and logged refusals count: the name in the certificate, or the address without
 * the port where there is none. It is no right to anything (authorise.h).
 */
#ifndef PEER_H
#define PEER_H

#include <coap3/coap.h>

#define PEER_SIZE 96

void peer_of(coap_session_t *session, char name[PEER_SIZE]);

#endif
