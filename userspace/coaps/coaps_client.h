/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_client: requests to one server, several at a time, over one session that is kept open.
 *
 * The session is opened by the first request and closed by a failure, which all requests in flight
 * share; the next request opens another, with the server's session ticket if there is one (RFC
 * 5077). The name is looked up again for each session, without blocking; its addresses are tried in
 * turn, beginning with the one that worked last. After a silence of idle_ms, too: by then a NAT on
 * the way may have forgotten it (coaps_link.h: what happens where it gives us another port). The
 * server's certificate must come from the CA *and* name the server. Large payloads go and come in
 * blocks (RFC 7959), transparently.
 *
 * How many requests are under way is the caller's business, up to COAPS_REQUESTS_MAX; RFC 7252 4.7
 * asks a client with more than one for some congestion control.
 *
 * Threads: everything on one thread.
 */
#ifndef COAPS_CLIENT_H
#define COAPS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coaps_cause.h"
#include "coaps_credentials.h"

#define COAPS_REQUESTS_MAX 32

struct coaps_client_config {
	const char *uri; /* "coaps://host[:port]" or "coap://..."; a path in it is ignored here */
	struct coaps_credentials credentials;
	const char *server_name; /* what the certificate must name; NULL: the host of the uri */
	const char *ciphers; /* coaps_policy.h; NULL: default */
	int64_t utc_s; /* as coaps_client_set_utc() */
	unsigned ack_timeout_ms; /* RFC 7252 ACK_TIMEOUT, at least 1000 as libcoap takes no less; 0:
				    2000 */
	unsigned max_retransmit; /* 0: 2, which gives up after 14 to 21 s */
	unsigned ack_spread_percent; /* ACK_RANDOM_FACTOR is 1 and so many hundredths; 0: 50 */
	unsigned deadline_ms; /* for a whole request, handshake included; 0: 60 000 */
	unsigned idle_ms; /* a session silent for longer is re-opened for the next request; 0:
			     120 000 */
	size_t max_answer; /* bytes; a larger one is a failure; 0: 64 MB */
};

struct coaps_client;

/* Checks config and credentials; connects nothing. NULL with err; *code as for coaps_server_new().
 */
struct coaps_client *coaps_client_new(const struct coaps_client_config *config, int *code,
				      char *err, size_t err_size);
/* Ends the session; a pending request's callback is not called. NULL is accepted. */
void coaps_client_free(struct coaps_client *c);

int coaps_client_fd(const struct coaps_client *c);
void coaps_client_process(struct coaps_client *c); /* never blocks; calls back from in here */

enum coaps_session_state { COAPS_CLOSED, COAPS_HANDSHAKE, COAPS_ESTABLISHED };
enum coaps_session_state coaps_client_state(const struct coaps_client *c);
/* CLOCK_MONOTONIC, of the session that is open; 0: none is. */
uint64_t coaps_client_established_ns(const struct coaps_client *c);

enum coaps_method {
	COAPS_GET = 1,
	COAPS_POST = 2,
	COAPS_PUT = 3,
	COAPS_DELETE = 4
}; /* RFC 7252 12.1.1 */

struct coaps_request {
	enum coaps_method method;
	const char *path; /* "/gpsflowtemp/urn:dev:x?limit=3"; copied */
	int content_format; /* of the payload; -1: none */
	int accept; /* -1: none */
	bool observe; /* GET: observe; the callback runs again for each notification, where the
			 server grants it */
	const void *payload; /* copied */
	size_t payload_size;
};

struct coaps_response {
	enum coaps_cause cause; /* COAPS_ANSWERED, or why there is no answer; then: */
	uint8_t alert; /* of TLS, from the server; 0: none */
	uint32_t certificate_flags; /* MBEDTLS_X509_BADCERT_..., of the server's; 0: none */
	const char *reason; /* one line about all of that, for people; else "" */
	uint8_t code; /* class << 5 | detail: 0x44 is 2.04 */
	int content_format; /* -1: none */
	int64_t max_age_s; /* -1: not given */
	bool observed; /* of an observation: another answer will follow */
	const uint8_t *payload; /* the whole body; "" if empty */
	size_t payload_size;
};

/* Everything in *response is valid during the call only. A new request may be made from in here. */
typedef void (*coaps_response_fn)(void *arg, const struct coaps_response *response);

/*
 * 0: the callback will run, exactly once unless observing, and never within this call. -EBUSY while
 * COAPS_REQUESTS_MAX are pending; -EINVAL for a path that is none; -ENOMEM.
 */
int coaps_client_request(struct coaps_client *c, const struct coaps_request *request,
			 coaps_response_fn fn, void *arg);
/* Forgets pending requests and observations without calling back. */
void coaps_client_cancel(struct coaps_client *c);
/*
 * The time now by a better clock than this machine's, for the dates of certificates; it runs on
 * from here. 0: this machine's clock.
 */
void coaps_client_set_utc(struct coaps_client *c, int64_t utc_s);
/* Ends the session, for example before a clock step or with new credentials. */
void coaps_client_disconnect(struct coaps_client *c);

#endif
