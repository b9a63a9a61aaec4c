/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coap_peer: enough of a CoAP server on a plain socket to test a client with: what libcoap sends is
 * parsed, and answered as a test wants, rightly or not.
 */
#ifndef COAP_PEER_H
#define COAP_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CODE(class, detail) ((class) << 5 | (detail))

struct coap_message {
	uint8_t type, code, token[8];
	unsigned token_size;
	uint16_t mid;
	char path[64];
	int content_format; /* -1: none */
	const uint8_t *payload;
	size_t payload_size;
};

/* RFC 7252 3: enough of it for what a client of libcoap sends. */
bool coap_parse(const uint8_t *b, size_t n, struct coap_message *m);

/* A piggybacked answer; max_age_s -1: none. */
bool coap_reply(int fd, const struct coap_message *m, uint8_t code, int max_age_s,
		const char *payload, const struct sockaddr_in *to);

/* A socket on *port; if that is 0, on any free one that no client is given by the kernel meanwhile.
 */
int coap_listen(uint16_t *port);

#endif
