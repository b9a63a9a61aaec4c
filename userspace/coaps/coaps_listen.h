/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_listen: the addresses that a server listens on, and the sockets bound to them.
 *
 * They are bound without SO_REUSEADDR, by which two servers would share a UDP port without a word,
 * each losing the other's datagrams. Processes that share a port on purpose bind one set each, all
 * in the process that starts them: the kernel deals senders out to the sockets by their addresses,
 * and deals anew when one is closed, so that every session would lose its server. deps/patches/0011
 * hands a socket to libcoap.
 *
 * Inside userspace/coaps, and for who starts such processes.
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
 * list: "192.0.2.1:5684,[2001:db8::1]", as in coaps_server.h. shared: others that say so too may
 * bind the same (SO_REUSEPORT). 0, or a negative errno with err, and nothing is open: -EADDRINUSE,
 * -EADDRNOTAVAIL, -EACCES, -EINVAL for the form ...
 */
int coaps_listen_open(struct coaps_listen *l, const char *list, bool shared, char *err,
		      size_t err_size);
void coaps_listen_close(struct coaps_listen *l); /* a zeroed one is closed */

#endif
