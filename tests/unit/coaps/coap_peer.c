// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "coap_peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool coap_parse(const uint8_t *b, size_t n, struct coap_message *m)
{
	size_t at = 4;
	unsigned option = 0;

	memset(m, 0, sizeof(*m));
	m->content_format = -1;
	if (n < 4 || b[0] >> 6 != 1 || (b[0] & 15) > 8) {
		return false;
	}
	m->type = b[0] >> 4 & 3;
	m->token_size = b[0] & 15;
	m->code = b[1];
	m->mid = (uint16_t)(b[2] << 8 | b[3]);
	memcpy(m->token, b + at, m->token_size);
	at += m->token_size;
	while (at < n && b[at] != 0xff) {
		unsigned delta = b[at] >> 4, size = b[at] & 15;

		at++;
		if (delta == 13) {
			delta = 13 + b[at++];
		} else if (delta == 14) {
			delta = 269 + (unsigned)(b[at] << 8 | b[at + 1]);
			at += 2;
		}
		if (size == 13) {
			size = 13 + b[at++];
		}
		option += delta;
		if (option == 11) {
			snprintf(m->path + strlen(m->path), sizeof(m->path) - strlen(m->path),
				 "/%.*s", (int)size, b + at);
		}
		if (option == 12) {
			m->content_format = 0;
			for (unsigned i = 0; i < size; i++) {
				m->content_format = m->content_format << 8 | b[at + i];
			}
		}
		at += size;
	}
	if (at < n) {
		m->payload = b + at + 1;
		m->payload_size = n - at - 1;
	}
	return true;
}

bool coap_reply(int fd, const struct coap_message *m, uint8_t code, int max_age_s,
		const char *payload, const struct sockaddr_in *to)
{
	uint8_t b[256] = { 0x60 | (uint8_t)m->token_size, code, (uint8_t)(m->mid >> 8),
			   (uint8_t)m->mid };
	size_t n = 4;

	memcpy(b + n, m->token, m->token_size);
	n += m->token_size;
	if (max_age_s >= 0) {
		b[n++] = 0xd1; /* option 14, one byte */
		b[n++] = 1;
		b[n++] = (uint8_t)max_age_s;
	}
	if (payload[0] != '\0') {
		b[n++] = 0xff;
		n += (size_t)snprintf((char *)b + n, sizeof(b) - n, "%s", payload);
	}
	return sendto(fd, b, n, 0, (const struct sockaddr *)to, sizeof(*to)) == (ssize_t)n;
}

int coap_listen(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t tried = *port != 0 ? *port : (uint16_t)(20000 + getpid() % 10000);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool bound;

	do {
		at.sin_port = htons(tried);
		bound = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	} while (!bound && *port == 0 && ++tried < 32000);
	if (!bound) {
		close(fd);
		return -1;
	}
	*port = tried;
	return fd;
}
