/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_server: a libcoap context that listens for CoAP over DTLS, with our policy in force.
 *
 * The owner adds resources and handlers to its context and joins its descriptor to an event loop.
 * Threads: everything on one thread, and that of coaps_answer.h as well; libcoap has no locks here.
 */
#ifndef COAPS_SERVER_H
#define COAPS_SERVER_H

#include <coap3/coap.h>
#include <stddef.h>
#include <stdint.h>

#include "coaps_credentials.h"
#include "coaps_listen.h"
#include "coaps_tickets.h"

enum coaps_client_auth {
	COAPS_AUTH_REQUIRED, /* no certificate of our CA: no handshake */
	COAPS_AUTH_OPTIONAL, /* without one: a session without identity; a bad one is refused */
	COAPS_AUTH_NONE, /* clients are not asked for one */
};

struct coaps_server_config {
	const char *listen; /* "192.0.2.1:5684,[2001:db8::1]"; port 5684 where none is given; "*"
			       and "[::]" take IPv4 too */
	struct coaps_credentials credentials;
	enum coaps_client_auth client_auth;
	const char *ciphers; /* coaps_policy.h, NULL: default */
	unsigned session_timeout_s; /* idle sessions end after this; 0: 86 400, for nodes post
				       rarely */
	/*
	 * Sockets that another process has bound (coaps_listen_adopt()); they stay the caller's and
	 * replace `listen`. NULL: alone on its port.
	 */
	const struct coaps_listen *sockets;
	/* What tickets and cookies come from, copied; processes that share a port share them. NULL:
	 * one of its own. */
	const struct coaps_secrets *secrets;
};

struct coaps_server;

/*
 * Credentials are checked first. NULL on failure, then *code is -EADDRINUSE, -EADDRNOTAVAIL,
 * -EACCES ... for an address, -EKEYREJECTED for credentials, -EINVAL for the policy or an address'
 * form, and err a text.
 */
struct coaps_server *coaps_server_new(const struct coaps_server_config *config, int *code,
				      char *err, size_t err_size);
void coaps_server_free(struct coaps_server *s);

/*
 * Loads credentials while it runs, from the same or other files. Sessions continue, but for those
 * whose CA is gone; each later handshake uses them, also of a known address; a revoked client has
 * no rights from its next request on. 0, or -EKEYREJECTED with err, and the old ones stay in use.
 */
int coaps_server_renew(struct coaps_server *s, const struct coaps_credentials *credentials,
		       char *err, size_t err_size);

/* Derives tickets and cookies from these from now on. 0 or -EIO. */
int coaps_server_set_secrets(struct coaps_server *s, const struct coaps_secrets *secrets);

struct coaps_server_counts {
	unsigned sessions; /* established */
	uint64_t displaced; /* sessions that ended for a further one of their peer */
	uint64_t unfinished; /* handshakes that gave way to others, or took too long */
};
struct coaps_server_counts coaps_server_counts(const struct coaps_server *s);

/* Owned by s. Handlers find s by coap_context_get_app_data(), the owner's data by
 * coaps_server_user(). */
coap_context_t *coaps_server_context(struct coaps_server *s);
void coaps_server_set_user(struct coaps_server *s, void *user);
void *coaps_server_user(const struct coaps_server *s);

/* Readable when coaps_server_process() has work (datagrams or timers); owned by s. */
int coaps_server_fd(const struct coaps_server *s);
/* Runs the pending work; never blocks. */
void coaps_server_process(struct coaps_server *s);

#endif
