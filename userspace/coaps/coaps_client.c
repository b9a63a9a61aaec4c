// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE	/* EPOLL_CLOEXEC and friends */
#include "coaps_client.h"

#include <coap3/coap.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "coaps_side.h"

#define ACK_TIMEOUT_MS 2000	/* RFC 7252 4.8 */
#define ACK_TIMEOUT_MIN_MS 1000	/* with less libcoap keeps its own default, without a word */
#define MAX_RETRANSMIT 2	/* RFC 7252's 4 means 93 s in which a dead server is taken for a slow one */
#define DEADLINE_MS 60000

struct coaps_client {
	struct coaps_side side;
	struct coaps_credentials credentials;
	bool secure;			/* coaps, not coap */
	char host[256];
	char server_name[256];
	uint16_t port;
	unsigned ack_timeout_ms, max_retransmit, deadline_ms;

	coap_session_t *session;	/* NULL: closed */
	int epoll_fd, timer_fd;

	coaps_response_fn fn;		/* NULL: nothing is pending */
	void *arg;
	bool observe;
	uint8_t token[8];
	size_t token_size;
	/* A failure is told when libcoap is not on the stack: its session is closed first. */
	enum coaps_failure failed;
	char reason[640];
	bool close_wanted;
};

static void arm(struct coaps_client *c, unsigned ms)
{
	const struct itimerspec t = { .it_value = { ms / 1000, (long)(ms % 1000) * 1000000 } };

	timerfd_settime(c->timer_fd, 0, &t, NULL);
}

static void close_session(struct coaps_client *c)
{
	c->close_wanted = false;
	if (c->session != NULL) {
		coap_session_t *session = c->session;

		c->session = NULL;	/* the release may raise an event */
		coap_session_release(session);
	}
}

static void fail(struct coaps_client *c, enum coaps_failure failure, const char *reason)
{
	c->close_wanted = true;
	if (c->fn != NULL && c->failed == COAPS_ANSWERED) {
		c->failed = failure;
		snprintf(c->reason, sizeof c->reason, "%s", reason);
	}
}

/* The best that is known of why a handshake failed. */
static void fail_handshake(struct coaps_client *c)
{
	char why[640];

	if (c->side.refused[0] != '\0') {
		snprintf(why, sizeof why, "the server (expected as \"%s\") was not believed: %s", c->server_name,
			 c->side.refused);
	} else if (strstr(c->side.last_words, "fatal alert") != NULL) {
		snprintf(why, sizeof why, "the server refused the handshake, most likely our certificate");
	} else {
		snprintf(why, sizeof why, "the handshake failed%s%s", c->side.last_words[0] != '\0' ? ": " : "",
			 c->side.last_words);
	}
	fail(c, COAPS_REFUSED, why);
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
	struct coaps_client *c = coap_get_app_data(coap_session_get_context(session));

	if (session != c->session) {
		return 0;
	}
	if (event == COAP_EVENT_DTLS_ERROR) {
		fail_handshake(c);
	} else if (event == COAP_EVENT_DTLS_CLOSED) {
		if (c->side.refused[0] != '\0') {
			fail_handshake(c);
		} else {
			fail(c, COAPS_RESET, "the server closed the session");
		}
	}
	return 0;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent, const coap_nack_reason_t reason,
		    const coap_mid_t mid)
{
	struct coaps_client *c = coap_get_app_data(coap_session_get_context(session));

	(void)sent;
	(void)mid;
	if (session != c->session) {
		return;
	}
	switch (reason) {
	case COAP_NACK_TOO_MANY_RETRIES:
		fail(c, COAPS_NO_ANSWER, "no answer");
		break;
	case COAP_NACK_TLS_FAILED:
	case COAP_NACK_TLS_LAYER_FAILED:
		if (c->side.refused[0] == '\0' && c->side.last_words[0] == '\0') {
			fail(c, COAPS_NO_ANSWER, "no answer to the handshake");
		} else {
			fail_handshake(c);
		}
		break;
	case COAP_NACK_RST:
		fail(c, COAPS_RESET, "the server reset the request");
		break;
	case COAP_NACK_ICMP_ISSUE:
	case COAP_NACK_NOT_DELIVERABLE:
		fail(c, COAPS_UNREACHABLE, "nothing listens there");
		break;
	default:
		fail(c, COAPS_RESET, "the answer was unreadable");
		break;
	}
}

static int64_t uint_option(const coap_pdu_t *pdu, coap_option_num_t number)
{
	coap_opt_iterator_t at;
	const coap_opt_t *option = coap_check_option(pdu, number, &at);

	return option == NULL ? -1 : (int64_t)coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
				   const coap_mid_t mid)
{
	struct coaps_client *c = coap_get_app_data(coap_session_get_context(session));
	coap_bin_const_t token = coap_pdu_get_token(received);
	struct coaps_response response = { .failure = COAPS_ANSWERED, .reason = "" };
	coaps_response_fn fn = c->fn;
	const uint8_t *body = (const uint8_t *)"";
	size_t size = 0, offset, total;

	(void)sent;
	(void)mid;
	/* The tail of a request that was given up, or a notification after the end of an observation. */
	if (fn == NULL || session != c->session || token.length != c->token_size ||
	    memcmp(token.s, c->token, token.length) != 0) {
		return fn == NULL && coap_pdu_get_type(received) != COAP_MESSAGE_ACK ? COAP_RESPONSE_FAIL
										     : COAP_RESPONSE_OK;
	}
	coap_get_data_large(received, &size, &body, &offset, &total);
	response.code = (uint8_t)coap_pdu_get_code(received);
	response.content_format = (int)uint_option(received, COAP_OPTION_CONTENT_FORMAT);
	response.max_age_s = uint_option(received, COAP_OPTION_MAXAGE);
	response.payload = body;
	response.payload_size = size;
	if (!c->observe || response.code >= COAP_RESPONSE_CODE(400)) {
		c->fn = NULL;
	}
	arm(c, 0);	/* answered; an observation that goes on has no deadline */
	fn(c->arg, &response);
	return COAP_RESPONSE_OK;
}

/* --- opening -------------------------------------------------------------- */

static int parse_uri(struct coaps_client *c, const char *text, char *err, size_t err_size)
{
	coap_uri_t uri;

	if (coap_split_uri((const uint8_t *)text, strlen(text), &uri) != 0 || uri.host.length == 0 ||
	    uri.host.length >= sizeof c->host ||
	    (uri.scheme != COAP_URI_SCHEME_COAPS && uri.scheme != COAP_URI_SCHEME_COAP)) {
		snprintf(err, err_size, "\"%s\" is not coaps://HOST[:PORT][/PATH] or coap://...", text);
		return -EINVAL;
	}
	memcpy(c->host, uri.host.s, uri.host.length);
	c->host[uri.host.length] = '\0';
	c->port = uri.port;
	c->secure = uri.scheme == COAP_URI_SCHEME_COAPS;
	return 0;
}

/* 0, or -EHOSTUNREACH with reason. Blocks while the resolver does. */
static int resolve(struct coaps_client *c, coap_address_t *address)
{
	const coap_str_const_t host = { strlen(c->host), (const uint8_t *)c->host };
	coap_addr_info_t *found = coap_resolve_address_info(&host, c->port, c->port, 0, 0, 0,
							   c->secure ? 1 << COAP_URI_SCHEME_COAPS : 1 << COAP_URI_SCHEME_COAP,
							   COAP_RESOLVE_TYPE_REMOTE);

	if (found == NULL) {
		return -EHOSTUNREACH;
	}
	*address = found->addr;
	coap_free_address_info(found);
	return 0;
}

static int open_session(struct coaps_client *c)
{
	coap_address_t address;
	coap_dtls_pki_t pki;
	coap_fixed_point_t timeout = { (uint16_t)(c->ack_timeout_ms / 1000), (uint16_t)(c->ack_timeout_ms % 1000) };

	c->side.refused[0] = '\0';
	c->side.last_words[0] = '\0';
	if (resolve(c, &address) != 0) {
		snprintf(c->reason, sizeof c->reason, "no such host: %s", c->host);
		return -EHOSTUNREACH;
	}
	if (c->secure) {
		coaps_side_pki(&c->credentials, true, &pki);
		c->session = coap_new_client_session_pki(c->side.context, NULL, &address, COAP_PROTO_DTLS, &pki);
	} else {
		c->session = coap_new_client_session(c->side.context, NULL, &address, COAP_PROTO_UDP);
	}
	if (c->session == NULL) {
		snprintf(c->reason, sizeof c->reason, "no session to %s port %u: %s", c->host, c->port,
			 c->side.last_words[0] != '\0' ? c->side.last_words : "the network is unreachable");
		return -EHOSTUNREACH;
	}
	coap_session_set_ack_timeout(c->session, timeout);
	coap_session_set_max_retransmit(c->session, (uint16_t)c->max_retransmit);
	return 0;
}

/* --- requests ------------------------------------------------------------- */

static void free_body(coap_session_t *session, void *body)
{
	(void)session;
	free(body);
}

static bool insert_uint(coap_optlist_t **options, uint16_t number, unsigned value)
{
	uint8_t bytes[4];

	return coap_insert_optlist(options, coap_new_optlist(number, coap_encode_var_safe(bytes, sizeof bytes, value),
							     bytes)) != 0;
}

static int request_options(const struct coaps_request *request, coap_optlist_t **options)
{
	size_t path_len = strcspn(request->path, "?");
	const char *query = request->path[path_len] == '?' ? request->path + path_len + 1 : NULL;
	const char *path = *request->path == '/' ? request->path + 1 : request->path;

	path_len -= (size_t)(path - request->path);
	if ((path_len > 0 &&
	     !coap_path_into_optlist((const uint8_t *)path, path_len, COAP_OPTION_URI_PATH, options)) ||
	    (query != NULL && !coap_query_into_optlist((const uint8_t *)query, strlen(query), COAP_OPTION_URI_QUERY,
							  options))) {
		return -EINVAL;
	}
	if ((request->content_format >= 0 &&
	     !insert_uint(options, COAP_OPTION_CONTENT_FORMAT, (unsigned)request->content_format)) ||
	    (request->accept >= 0 && !insert_uint(options, COAP_OPTION_ACCEPT, (unsigned)request->accept)) ||
	    (request->observe && !insert_uint(options, COAP_OPTION_OBSERVE, COAP_OBSERVE_ESTABLISH))) {
		return -ENOMEM;
	}
	return 0;
}

static int send_request(struct coaps_client *c, const struct coaps_request *request)
{
	coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_CON, (coap_pdu_code_t)request->method,
					coap_new_message_id(c->session), coap_session_max_pdu_size(c->session));
	coap_optlist_t *options = NULL;
	uint8_t *body;
	int code;

	if (pdu == NULL) {
		return -ENOMEM;
	}
	coap_session_new_token(c->session, &c->token_size, c->token);
	code = coap_add_token(pdu, c->token_size, c->token) ? request_options(request, &options) : -ENOMEM;
	if (code == 0 && !coap_add_optlist_pdu(pdu, &options)) {
		code = -ENOMEM;
	}
	coap_delete_optlist(options);
	if (code == 0 && request->payload_size > 0) {
		body = malloc(request->payload_size);
		if (body != NULL) {
			memcpy(body, request->payload, request->payload_size);
		}
		/* libcoap frees the body itself, also when it fails */
		if (body == NULL || !coap_add_data_large_request(c->session, pdu, request->payload_size, body,
								 free_body, body)) {
			code = -ENOMEM;
		}
	}
	if (code != 0) {
		coap_delete_pdu(pdu);
		return code;
	}
	/* coap_send() takes the PDU in any case; what goes wrong from here comes as a nack. */
	if (coap_send(c->session, pdu) == COAP_INVALID_MID) {
		fail(c, COAPS_UNREACHABLE, c->side.last_words[0] != '\0' ? c->side.last_words : "it could not be sent");
	}
	return 0;
}

int coaps_client_request(struct coaps_client *c, const struct coaps_request *request, coaps_response_fn fn, void *arg)
{
	int code = 0;

	if (c->fn != NULL) {
		return -EBUSY;
	}
	if (c->close_wanted) {
		close_session(c);
	}
	c->fn = fn;
	c->arg = arg;
	c->observe = request->observe;
	c->failed = COAPS_ANSWERED;
	arm(c, c->deadline_ms);
	if (c->session == NULL && open_session(c) != 0) {
		c->failed = COAPS_UNREACHABLE;
	} else {
		code = send_request(c, request);
	}
	if (c->failed != COAPS_ANSWERED) {
		arm(c, 1);	/* told from coaps_client_process(), not from in here */
	}
	if (code != 0) {
		c->fn = NULL;
		arm(c, 0);
	}
	return code;
}

void coaps_client_cancel(struct coaps_client *c)
{
	c->fn = NULL;
	arm(c, 0);
}

void coaps_client_disconnect(struct coaps_client *c)
{
	coaps_client_cancel(c);
	close_session(c);
}

void coaps_client_process(struct coaps_client *c)
{
	uint64_t expired;

	coap_io_process(c->side.context, COAP_IO_NO_WAIT);
	if (read(c->timer_fd, &expired, sizeof expired) == (ssize_t)sizeof expired && c->fn != NULL &&
	    c->failed == COAPS_ANSWERED) {
		fail(c, COAPS_NO_ANSWER, "no answer within the deadline");
	}
	if (c->close_wanted) {
		close_session(c);
	}
	if (c->fn != NULL && c->failed != COAPS_ANSWERED) {
		const struct coaps_response response = { .failure = c->failed, .reason = c->reason,
							 .content_format = -1, .max_age_s = -1,
							 .payload = (const uint8_t *)"" };
		coaps_response_fn fn = c->fn;

		c->fn = NULL;
		c->failed = COAPS_ANSWERED;
		arm(c, 0);
		fn(c->arg, &response);
	}
}

int coaps_client_fd(const struct coaps_client *c)
{
	return c->epoll_fd;
}

enum coaps_session_state coaps_client_state(const struct coaps_client *c)
{
	if (c->session == NULL || c->close_wanted) {
		return COAPS_CLOSED;
	}
	switch (coap_session_get_state(c->session)) {
	case COAP_SESSION_STATE_ESTABLISHED:
		return COAPS_ESTABLISHED;
	case COAP_SESSION_STATE_NONE:
		return COAPS_CLOSED;
	default:
		return COAPS_HANDSHAKE;
	}
}

static int watch(struct coaps_client *c, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd >= 0 ? epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event) : -1;
}

struct coaps_client *coaps_client_new(const struct coaps_client_config *config, int *code, char *err, size_t err_size)
{
	struct coaps_client *c = calloc(1, sizeof *c);

	if (c == NULL) {
		*code = -ENOMEM;
		snprintf(err, err_size, "no memory");
		return NULL;
	}
	c->epoll_fd = c->timer_fd = -1;
	c->credentials = config->credentials;
	c->ack_timeout_ms = config->ack_timeout_ms != 0 ? config->ack_timeout_ms : ACK_TIMEOUT_MS;
	if (c->ack_timeout_ms < ACK_TIMEOUT_MIN_MS) {
		c->ack_timeout_ms = ACK_TIMEOUT_MIN_MS;
	}
	c->max_retransmit = config->max_retransmit != 0 ? config->max_retransmit : MAX_RETRANSMIT;
	c->deadline_ms = config->deadline_ms != 0 ? config->deadline_ms : DEADLINE_MS;
	*code = parse_uri(c, config->uri, err, err_size);
	if (*code == 0 && c->secure) {
		snprintf(c->server_name, sizeof c->server_name, "%s",
			 config->server_name != NULL ? config->server_name : c->host);
		if (coaps_credentials_check(&c->credentials, COAPS_CLIENT, coaps_now_s(), NULL, err, err_size) != 0) {
			*code = -EKEYREJECTED;
		}
	} else if (*code == 0) {
		memset(&c->credentials, 0, sizeof c->credentials);
	}
	if (*code == 0) {
		*code = coaps_side_init(&c->side, COAPS_CLIENT, &c->credentials, config->ciphers, err, err_size);
	}
	if (*code != 0) {
		free(c);
		return NULL;
	}
	c->side.server_name = c->server_name;
	coap_register_event_handler(c->side.context, on_event);
	coap_register_nack_handler(c->side.context, on_nack);
	coap_register_response_handler(c->side.context, on_response);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->epoll_fd < 0 || watch(c, c->timer_fd) != 0 || watch(c, coap_context_get_coap_fd(c->side.context)) != 0) {
		*code = -errno;
		snprintf(err, err_size, "no descriptors: %s", strerror(errno));
		coaps_client_free(c);
		return NULL;
	}
	return c;
}

void coaps_client_free(struct coaps_client *c)
{
	if (c == NULL) {
		return;
	}
	c->fn = NULL;
	close_session(c);
	coaps_side_free(&c->side);
	if (c->timer_fd >= 0) {
		close(c->timer_fd);
	}
	if (c->epoll_fd >= 0) {
		close(c->epoll_fd);
	}
	free(c);
}
