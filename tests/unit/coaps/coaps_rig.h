/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_rig: a real server and a real client over loopback DTLS, in one process and one loop:
 *
 *   coaps_client ==DTLS== coaps_server, its handler answers at once, later, or never
 *
 * Certificates are made for the run by certs/make-test-ca.
 */
#ifndef COAPS_RIG_H
#define COAPS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "userspace/coaps/coaps_answer.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/coaps/coaps_identity.h"
#include "userspace/coaps/coaps_server.h"

#define COAPS_RIG_DEVICE "urn:dev:mac:0200c0fffe000001"

extern char coaps_rig_dir[64];

struct coaps_rig {
	struct coaps_server *server;
	struct coaps_client *client;
	char listen[32], uri[48];
	/* the handler */
	bool defer;
	unsigned how;
	struct coaps_deferred *deferred;
	unsigned handled;
	size_t body_size;
	struct coaps_identity identity;
	/* the answer */
	bool answered;
	struct coaps_response answer;
	char reason[640], payload[256];
};

/* A file of the test's CA; up to 16 at a time. */
const char *coaps_rig_file(const char *name);
/* node, server, operator, other/node ...: its certificate and key, and ca.pem. */
struct coaps_credentials coaps_rig_credentials(const char *who);
/* A shell command that has to succeed. */
void coaps_rig_run(const char *format, ...);
/* Setup and teardown of a group: certs/make-test-ca into coaps_rig_dir, and another CA into other/.
 */
int coaps_rig_make_ca(void **state);
int coaps_rig_remove_ca(void **state);
/* The handler of POST /x. */
void coaps_rig_handle(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
		      const coap_string_t *query, coap_pdu_t *response);
/* A port that no other test of this program has got. */
unsigned coaps_rig_next_port(void);
/* -errno of coaps_server_new(), or 0. */
int coaps_rig_start_server(struct coaps_rig *r, enum coaps_client_auth auth,
			   const struct coaps_credentials *own);
void coaps_rig_start_client(struct coaps_rig *r, const struct coaps_credentials *own,
			    const char *name);
/* One turn of both sides. */
void coaps_rig_turn(struct coaps_rig *r);
/* Begins a POST to /x. */
void coaps_rig_post(struct coaps_rig *r, const void *payload, size_t size);
void coaps_rig_wait_answer(struct coaps_rig *r);
void coaps_rig_stop(struct coaps_rig *r);
/* A server that requires certificates, and a client with that of `who`; name: what the server's
 * must name. */
void coaps_rig_begin(struct coaps_rig *r, const char *who, const char *name);

#endif
