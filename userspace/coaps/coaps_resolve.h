/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_resolve: a host name's addresses, without a wait: getaddrinfo() can take a minute when the
 * name servers are away, and the caller has thermometers and a receiver to serve.
 *
 * A numeric address is ready at once; a name is looked up on a thread of its own, which ends with
 * the lookup (or with the process, if the lookup was cancelled).
 */
#ifndef COAPS_RESOLVE_H
#define COAPS_RESOLVE_H

#include <coap3/coap.h>
#include <stddef.h>
#include <stdint.h>

#define COAPS_ADDRESSES_MAX 8

struct coaps_addresses {
	coap_address_t address[COAPS_ADDRESSES_MAX]; /* the best first (RFC 6724) */
	unsigned n;
	char why_none[128]; /* n is 0 */
};

struct coaps_resolve;

/* NULL with errno. */
struct coaps_resolve *coaps_resolve_start(const char *host, uint16_t port);
/* Readable when coaps_resolve_take() has something. */
int coaps_resolve_fd(const struct coaps_resolve *r);
/* 1 and *found when the lookup has finished, else 0. */
int coaps_resolve_take(struct coaps_resolve *r, struct coaps_addresses *found);
/* Also during a lookup. Accepts NULL. */
void coaps_resolve_free(struct coaps_resolve *r);

#endif
