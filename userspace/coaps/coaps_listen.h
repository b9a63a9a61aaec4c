/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_listen: the addresses that a server listens on, and the sockets bound to them.
 *
 * They are bound without SO_REUSEADDR, by which two servers would share a UDP port without an
 * error, each losing the other's datagrams. Processes that share a port on purpose inherit their
 * sockets from a service manager that keeps them open: the kernel assigns senders to sockets by
 * address, and assigns them again when one is closed, so that every session would lose its server.
 * deps/patches/0006 hands a socket to libcoap.
 */
#ifndef COAPS_LISTEN_H
#define COAPS_LISTEN_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>

#define COAPS_LISTEN_MAX 16 /* addresses of a server */

struct coaps_listen {
	unsigned n;
	struct {
		coap_address_t address;
		int fd;
	} at[COAPS_LISTEN_MAX];
};

/*
 * list: "192.0.2.1:5684,[2001:db8::1]", as in coaps_server.h. 0, or a negative errno with err, and
 * nothing is open: -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL for the form ...
 */
int coaps_listen_open(struct coaps_listen *l, const char *list, char *err, size_t err_size);
/*
 * Takes the n bound datagram sockets from descriptor first on, as a service manager passes them
 * (sd_listen_fds(3)). 0, or -EINVAL or another negative errno with err, and all are closed.
 */
int coaps_listen_adopt(struct coaps_listen *l, int first, unsigned n, char *err, size_t err_size);
void coaps_listen_close(struct coaps_listen *l); /* a zeroed one is closed */

#endif
