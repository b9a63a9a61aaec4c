/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_proof: a server shakes hands with itself before it serves, to see that what deps/patches
 * adds to libcoap is in force: a hook that is never called would be a server without cookies or
 * policy that looks like any other.
 *
 * One thread, that of the server. Inside userspace/coaps only.
 */
#ifndef COAPS_PROOF_H
#define COAPS_PROOF_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "coaps_endpoint.h"

/* What the server's hooks saw of the one client that is the server itself. */
struct coaps_proof {
	struct sockaddr_storage client; /* its address; family 0: nothing is being proven */
	unsigned hellos; /* asked for before anything was kept */
	bool early; /* a session was there before a cookie had come back */
	bool policed; /* its session has our policy */
	bool failed; /* its handshake failed, and that was told */
};

bool coaps_proof_is_of(const struct coaps_proof *proof, const coap_address_t *remote);

/*
 * address: where the server listens; process(arg) lets it handle what is due. 0, or -EPROTO with
 * err naming what is missing, or the error of a socket. A few ms; 5 s where nothing answers.
 */
int coaps_proof_run(struct coaps_proof *proof, struct coaps_endpoint *endpoint,
		    const coap_address_t *address, void (*process)(void *arg), void *arg, char *err,
		    size_t err_size);

#endif
