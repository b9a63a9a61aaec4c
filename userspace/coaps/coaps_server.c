// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC */
#include "coaps_server.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coaps_answer.h"
#include "coaps_cookie.h"
#include "coaps_endpoint.h"
#include "coaps_sessions.h"
#include "time/now.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/refusals.h"

#define SESSION_TIMEOUT_S 86400
/* libcoap refuses new clients while so many have not finished their handshake; its 100 is three a
 * second. */
#define MAX_HANDSHAKES 1000
#define TRIM_AFTER 100 /* sessions that have ended: some MB */
#define TRIM_PERIOD_MS 10000

struct coaps_server {
	struct coaps_endpoint endpoint;
	void *user;
	struct refusals refusals; /* of handshakes, by address */
	struct coaps_sessions sessions;
	uint64_t unfinished;
	unsigned freed; /* sessions, since memory was last given back */
	uint64_t trimmed_ms;
};

/* libcoap closes what it is given. */
static int listen_on(struct coaps_server *s, const struct coaps_listen *sockets, char *err,
		     size_t err_size)
{
	for (unsigned i = 0; i < sockets->n; i++) {
		int fd = fcntl(sockets->at[i].fd, F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			int error = errno;

			snprintf(err, err_size, "listen: %s", strerror(error));
			return -error;
		}
		if (coap_new_endpoint_fd(s->endpoint.context, &sockets->at[i].address,
					 COAP_PROTO_DTLS, fd) == NULL) {
			snprintf(err, err_size, "listen: libcoap rejects the socket");
			return -ENOMEM;
		}
	}
	return 0;
}

static struct coaps_server *server_of(const coap_context_t *context)
{
	return coap_get_app_data(context);
}

static int on_hello(coap_context_t *context, const coap_address_t *remote, const uint8_t *data,
		    size_t size, uint8_t *reply, size_t *reply_size)
{
	struct coaps_endpoint *endpoint = &server_of(context)->endpoint;
	const uint8_t *ticket;
	size_t ticket_size = 0;

	if (coaps_cookie_judge(&endpoint->cookies, remote, data, size, reply, reply_size) == 0) {
		return 0;
	}
	ticket = coaps_hello_ticket(data, size, &ticket_size);
	return ticket != NULL && coaps_tickets_accept(&endpoint->tickets, ticket, ticket_size) ? 2
											       : 1;
}

static void on_failed_handshake(coap_session_t *session, const struct coaps_failure *failure)
{
	struct coaps_server *s = server_of(coap_session_get_context(session));
	char peer[INET6_ADDRSTRLEN + 8], text[400];
	unsigned suppressed;

	if (coap_print_ip_addr(coap_session_get_addr_remote(session), peer, sizeof peer) == NULL) {
		snprintf(peer, sizeof peer, "?");
	}
	if (refusals_should_log(&s->refusals, peer, now_ms(), &suppressed)) {
		coaps_failure_text(failure, NULL, text, sizeof(text));
		log_warning("refused peer=%s reason=\"%s\" (%u similar suppressed)", peer, text,
			    suppressed);
	}
}

static void on_established(coap_session_t *session)
{
	coaps_sessions_add(&server_of(coap_session_get_context(session))->sessions, session);
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
	if (event == COAP_EVENT_SERVER_SESSION_DEL) {
		struct coaps_server *s = server_of(coap_session_get_context(session));

		s->unfinished += coap_session_get_state(session) == COAP_SESSION_STATE_HANDSHAKE;
		coaps_sessions_remove(&s->sessions, session);
		s->freed++;
	}
	if (event == COAP_EVENT_SERVER_SESSION_DEL || event == COAP_EVENT_DTLS_CONNECTED ||
	    event == COAP_EVENT_DTLS_CLOSED) {
		coaps_answers_forget(session);
	}
	return 0;
}

static int secure(struct coaps_server *s, const struct coaps_server_config *config, char *err,
		  size_t err_size)
{
	coap_dtls_pki_t pki;
	int code = coaps_server_renew(s, &config->credentials, err, err_size);

	if (code != 0) {
		return code;
	}
	if (coaps_endpoint_set_secrets(&s->endpoint, config->secrets) != 0) {
		snprintf(err, err_size, "no randomness for the session tickets");
		return -EIO;
	}
	if (config->client_auth == COAPS_AUTH_NONE) {
		s->endpoint.authmode = MBEDTLS_SSL_VERIFY_NONE;
	} else if (config->credentials.ca == NULL) {
		snprintf(err, err_size,
			 "ca: needed to verify the clients (client_auth = none would do without)");
		return -EKEYREJECTED;
	} else if (config->client_auth == COAPS_AUTH_OPTIONAL) {
		s->endpoint.authmode = MBEDTLS_SSL_VERIFY_OPTIONAL;
	}
	/* No files: the endpoint holds what was in them (deps/patches/0001). */
	coaps_endpoint_pki(&(const struct coaps_credentials){ NULL },
			   config->client_auth != COAPS_AUTH_NONE, &pki);
	if (!coap_context_set_pki(s->endpoint.context, &pki)) {
		snprintf(err, err_size, "%s: libcoap rejects these credentials",
			 config->credentials.certificate);
		return -EKEYREJECTED;
	}
	return 0;
}

static int listen_alone(struct coaps_server *s, const char *list, char *err, size_t err_size)
{
	struct coaps_listen sockets;
	int code = coaps_listen_open(&sockets, list, err, err_size);

	if (code == 0) {
		code = listen_on(s, &sockets, err, err_size);
		coaps_listen_close(&sockets);
	}
	return code;
}

struct coaps_server *coaps_server_new(const struct coaps_server_config *config, int *code,
				      char *err, size_t err_size)
{
	struct coaps_server *s = calloc(1, sizeof *s);

	if (s == NULL) {
		*code = -ENOMEM;
		snprintf(err, err_size, "no memory");
		return NULL;
	}
	*code = coaps_endpoint_init(&s->endpoint, COAPS_SERVER, config->ciphers, err, err_size);
	if (*code != 0) {
		free(s);
		return NULL;
	}
	coap_context_set_session_timeout(s->endpoint.context, config->session_timeout_s != 0
								      ? config->session_timeout_s
								      : SESSION_TIMEOUT_S);
	coap_context_set_max_handshake_sessions(s->endpoint.context, MAX_HANDSHAKES);
	coap_context_set_max_idle_sessions(s->endpoint.context, COAPS_SESSIONS_MAX);
	s->endpoint.on_done = on_established;
	s->endpoint.on_failed = on_failed_handshake;
	coap_register_event_handler(s->endpoint.context, on_event);
	coap_context_set_dtls_hello_call_back(s->endpoint.context, on_hello);
	s->endpoint.answers = coaps_answers_new();
	if (s->endpoint.answers == NULL) {
		coaps_server_free(s);
		snprintf(err, err_size, "no memory");
		*code = -ENOMEM;
		return NULL;
	}
	*code = secure(s, config, err, err_size);
	if (*code == 0) {
		*code = config->sockets != NULL ? listen_on(s, config->sockets, err, err_size)
						: listen_alone(s, config->listen, err, err_size);
	}
	if (*code != 0) {
		coaps_server_free(s);
		return NULL;
	}
	return s;
}

int coaps_server_renew(struct coaps_server *s, const struct coaps_credentials *credentials,
		       char *err, size_t err_size)
{
	int code = coaps_endpoint_renew(&s->endpoint, credentials, coaps_now_s(), err, err_size);

	if (code == 0) {
		coaps_sessions_end_untrusted(&s->sessions);
	}
	return code;
}

int coaps_server_set_secrets(struct coaps_server *s, const struct coaps_secrets *secrets)
{
	return coaps_endpoint_set_secrets(&s->endpoint, secrets);
}

void coaps_server_free(struct coaps_server *s)
{
	if (s == NULL) {
		return;
	}
	coaps_endpoint_free(&s->endpoint);
	coaps_sessions_free(&s->sessions);
	free(s);
}

struct coaps_server_counts coaps_server_counts(const struct coaps_server *s)
{
	return (struct coaps_server_counts){ .sessions = s->sessions.n,
					     .displaced = s->sessions.displaced,
					     .unfinished = s->unfinished };
}

coap_context_t *coaps_server_context(struct coaps_server *s)
{
	return s->endpoint.context;
}

void coaps_server_set_user(struct coaps_server *s, void *user)
{
	s->user = user;
}

void *coaps_server_user(const struct coaps_server *s)
{
	return s->user;
}

int coaps_server_fd(const struct coaps_server *s)
{
	return coap_context_get_coap_fd(s->endpoint.context);
}

void coaps_server_process(struct coaps_server *s)
{
	coap_io_process(s->endpoint.context, COAP_IO_NO_WAIT);
	/* What a flood of handshakes took: glibc keeps free memory below what is in use. */
	if (s->freed >= TRIM_AFTER && now_ms() - s->trimmed_ms >= TRIM_PERIOD_MS) {
		malloc_trim(0);
		s->freed = 0;
		s->trimmed_ms = now_ms();
	}
}
