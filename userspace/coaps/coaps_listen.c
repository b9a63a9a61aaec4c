// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "coaps_listen.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_PORT "5684" /* RFC 7252 12.8 */

/* "host:port", "[v6]:port", "host", "*:port" */
static int split_address(const char *text, size_t len, char *host, size_t host_size, char *port,
			 size_t port_size)
{
	const char *end = text + len, *host_end, *port_at = NULL;

	if (len > 0 && *text == '[') {
		host_end = memchr(text, ']', len);
		if (host_end == NULL) {
			return -EINVAL;
		}
		text++;
		port_at = host_end + 1 < end ? host_end + 1 : NULL;
		if (port_at != NULL && *port_at != ':') {
			return -EINVAL;
		}
	} else {
		port_at = memchr(text, ':', len);
		host_end = port_at != NULL ? port_at : end;
	}
	if ((size_t)(host_end - text) >= host_size || host_end == text) {
		return -EINVAL;
	}
	memcpy(host, text, (size_t)(host_end - text));
	host[host_end - text] = '\0';
	if (strcmp(host, "*") == 0) {
		snprintf(host, host_size, "::");
	}
	if (port_at == NULL) {
		snprintf(port, port_size, "%s", DEFAULT_PORT);
		return 0;
	}
	port_at++;
	if (port_at == end || (size_t)(end - port_at) >= port_size) {
		return -EINVAL;
	}
	memcpy(port, port_at, (size_t)(end - port_at));
	port[end - port_at] = '\0';
	for (const char *c = port; *c != '\0'; c++) {
		if (!isdigit((unsigned char)*c)) {
			return -EINVAL;
		}
	}
	return atoi(port) >= 1 && atoi(port) <= 65535 ? 0 : -EINVAL;
}

static int bind_to(const struct addrinfo *ai)
{
	const int off = 0;
	int fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0) {
		return -errno;
	}
	if ((ai->ai_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static int add(struct coaps_listen *l, const char *text, size_t len, char *err, size_t err_size)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found = NULL;
	coap_address_t *address = &l->at[l->n].address;
	char host[256], port[8];
	int code = split_address(text, len, host, sizeof host, port, sizeof port), fd;

	if (code != 0) {
		snprintf(err, err_size, "listen: \"%.*s\" is not HOST:PORT, [IPv6]:PORT or *:PORT",
			 (int)len, text);
		return code;
	}
	code = getaddrinfo(host, port, &hints, &found);
	if (code != 0) {
		snprintf(err, err_size, "listen: %s: %s", host, gai_strerror(code));
		return -EADDRNOTAVAIL;
	}
	fd = bind_to(found);
	if (fd >= 0) {
		coap_address_init(address);
		address->size = found->ai_addrlen;
		memcpy(&address->addr, found->ai_addr, found->ai_addrlen);
		l->at[l->n++].fd = fd;
	} else if (fd == -EADDRINUSE) {
		snprintf(err, err_size,
			 "listen: UDP port %s of %s is in use: another server runs there "
			 "(ss -ulpn shows which); choose another port",
			 port, host);
	} else if (fd == -EACCES) {
		snprintf(err, err_size, "listen: no right to use UDP port %s of %s", port, host);
	} else {
		snprintf(err, err_size, "listen: %s port %s: %s", host, port, strerror(-fd));
	}
	freeaddrinfo(found);
	return fd < 0 ? fd : 0;
}

int coaps_listen_open(struct coaps_listen *l, const char *list, char *err, size_t err_size)
{
	int code = 0;

	l->n = 0;
	for (const char *at = list + strspn(list, ", "); code == 0 && *at != '\0';) {
		size_t len = strcspn(at, ", ");

		if (l->n == COAPS_LISTEN_MAX) {
			snprintf(err, err_size, "listen: names more than %d addresses",
				 COAPS_LISTEN_MAX);
			code = -EINVAL;
		} else {
			code = add(l, at, len, err, err_size);
		}
		at += len;
		at += strspn(at, ", ");
	}
	if (code == 0 && l->n == 0) {
		snprintf(err, err_size, "listen: names no address");
		code = -EINVAL;
	}
	if (code != 0) {
		coaps_listen_close(l);
	}
	return code;
}

static int adopt(struct coaps_listen *l, int fd, char *err, size_t err_size)
{
	coap_address_t *address = &l->at[l->n].address;
	socklen_t type_size = sizeof(int), size = sizeof(address->addr);
	int type = 0, flags = fcntl(fd, F_GETFL);

	coap_address_init(address);
	l->at[l->n++].fd = fd;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 ||
	    getsockname(fd, &address->addr.sa, &size) != 0) {
		int error = errno;

		snprintf(err, err_size, "inherited descriptor %d: %s", fd, strerror(error));
		return -error;
	}
	address->size = size;
	if (type != SOCK_DGRAM ||
	    (address->addr.sa.sa_family != AF_INET && address->addr.sa.sa_family != AF_INET6)) {
		snprintf(err, err_size,
			 "inherited descriptor %d: expected a bound UDP socket (ListenDatagram=)",
			 fd);
		return -EINVAL;
	}
	return 0;
}

int coaps_listen_adopt(struct coaps_listen *l, int first, unsigned n, char *err, size_t err_size)
{
	int code = 0;

	l->n = 0;
	if (n > COAPS_LISTEN_MAX) {
		snprintf(err, err_size, "more than %d inherited sockets", COAPS_LISTEN_MAX);
		return -EINVAL;
	}
	for (unsigned i = 0; code == 0 && i < n; i++) {
		code = adopt(l, first + (int)i, err, err_size);
	}
	if (code != 0) {
		coaps_listen_close(l);
	}
	return code;
}

void coaps_listen_close(struct coaps_listen *l)
{
	while (l->n > 0) {
		close(l->at[--l->n].fd);
	}
}
