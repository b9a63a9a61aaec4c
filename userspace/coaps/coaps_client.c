// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* EPOLL_CLOEXEC and friends */
#include "coaps_client.h"

#include <coap3/coap.h>
#include <errno.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "coaps_exchange.h"
#include "coaps_link.h"
#include "coaps_resolve.h"
#include "coaps_endpoint.h"
#include "time/now.h"

#define ACK_TIMEOUT_MS 2000 /* RFC 7252 4.8 */
#define ACK_TIMEOUT_MIN_MS 1000 /* with less libcoap silently keeps its own default */
#define ACK_SPREAD_PERCENT 50
#define MAX_RETRANSMIT 2 /* with RFC 7252's 4 a dead server would look slow for 93 s */
#define DEADLINE_MS 60000
#define MAX_ANSWER 64000000
#define IDLE_MS                                                                                    \
	120000 /* RFC 4787 5: a NAT keeps a mapping for two minutes or more; some keep it for less \
		*/

#define NS_PER_MS UINT64_C(1000000)

struct coaps_client {
	struct coaps_endpoint endpoint;
	struct coaps_credentials credentials;
	bool secure; /* coaps, not coap */
	char host[256];
	char server_name[256];
	uint16_t port;
	unsigned deadline_ms, idle_ms;
	int epoll_fd, timer_fd;

	struct coaps_resolve *resolve; /* a lookup that runs */
	struct coaps_addresses addresses; /* of the last lookup that found any */
	unsigned at, left; /* the address in use; number of untried ones */
	struct coaps_link link;
	uint64_t answered_ns; /* the newest answer, or when its session was established */

	struct coaps_exchange exchanges[COAPS_REQUESTS_MAX];
	/* A failure is reported outside of libcoap's callbacks: its session is closed first. */
	bool close_wanted, processing;
	struct coaps_failure failure; /* that the failed exchanges share */
};

/* Sets the timer to the first deadline, or to now if a failure is to be reported. */
static void arm(struct coaps_client *c)
{
	uint64_t at = coaps_exchange_due_ns(c->exchanges);
	uint64_t late_ns = coaps_link_due_ns(&c->link, coaps_exchange_oldest_ns(c->exchanges));
	struct itimerspec t = { .it_value = { 0, 0 } };

	at = late_ns < at ? late_ns : at;
	if (at != UINT64_MAX) {
		t.it_value =
			(struct timespec){ (time_t)(at / 1000000000u), (long)(at % 1000000000u) };
	}
	timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void close_session(struct coaps_client *c)
{
	c->close_wanted = false;
	coaps_link_close(&c->link);
}

/* All requests in flight share it. */
static void fail(struct coaps_client *c, const struct coaps_failure *failure)
{
	c->close_wanted = true;
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		struct coaps_exchange *e = &c->exchanges[i];

		if (e->fn != NULL && e->failed == COAPS_ANSWERED) {
			e->failed = failure->cause;
			c->failure = *failure;
		}
	}
}

static void fail_for(struct coaps_client *c, enum coaps_cause cause)
{
	fail(c, &(const struct coaps_failure){
			.cause = cause, .in_handshake = c->secure && c->link.established_ns == 0 });
}

static void on_failed_handshake(coap_session_t *session, const struct coaps_failure *failure)
{
	struct coaps_client *c = coap_get_app_data(coap_session_get_context(session));

	if (session == c->link.session) {
		fail(c, failure);
	}
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
	struct coaps_client *c = coap_get_app_data(coap_session_get_context(session));

	if (session == c->link.session && event == COAP_EVENT_DTLS_CLOSED) {
		fail_for(c, COAPS_PEER_CLOSED);
	} else if (session == c->link.session && event == COAP_EVENT_BLOCK_ISSUE) {
		fail_for(c, COAPS_TOO_LARGE);
	}
	return 0;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
		    const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct coaps_client *c = coap_get_app_data(coap_session_get_context(session));

	(void)sent;
	(void)mid;
	if (session != c->link.session) {
		return;
	}
	switch (reason) {
	case COAP_NACK_TLS_FAILED: /* in a handshake the failure was reported */
	case COAP_NACK_TLS_LAYER_FAILED:
		fail_for(c, c->link.established_ns != 0 ? COAPS_PEER_CLOSED : COAPS_NO_ANSWER);
		break;
	case COAP_NACK_TOO_MANY_RETRIES:
		fail_for(c, COAPS_NO_ANSWER);
		break;
	case COAP_NACK_RST:
		fail_for(c, COAPS_PEER_RESET);
		break;
	case COAP_NACK_ICMP_ISSUE:
	case COAP_NACK_NOT_DELIVERABLE:
		fail_for(c, COAPS_NOT_LISTENING);
		break;
	default:
		fail_for(c, COAPS_UNREADABLE);
		break;
	}
}

static int64_t uint_option(const coap_pdu_t *pdu, coap_option_num_t number)
{
	coap_opt_iterator_t at;
	const coap_opt_t *option = coap_check_option(pdu, number, &at);

	return option == NULL ? -1
			      : (int64_t)coap_decode_var_bytes(coap_opt_value(option),
							       coap_opt_length(option));
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
				   const coap_pdu_t *received, const coap_mid_t mid)
{
	struct coaps_client *c = coap_get_app_data(coap_session_get_context(session));
	struct coaps_exchange *e =
		session == c->link.session
			? coaps_exchange_find(c->exchanges, coap_pdu_get_token(received))
			: NULL;
	struct coaps_response response = { .cause = COAPS_ANSWERED, .reason = "" };
	const uint8_t *body;
	size_t size, offset, total;
	coaps_response_fn fn;
	void *arg;

	(void)sent;
	(void)mid;
	if (e == NULL) { /* a notification after the end of an observation, or an unknown message */
		return coap_pdu_get_type(received) != COAP_MESSAGE_ACK ? COAP_RESPONSE_FAIL
								       : COAP_RESPONSE_OK;
	}
	c->answered_ns = now_ns();
	if (uint_option(received, COAP_OPTION_BLOCK2) > 7) { /* number or M */
		/* libcoap joins blocks and takes the option away: it could not. */
		fail_for(c, COAPS_UNREADABLE);
		return COAP_RESPONSE_OK;
	}
	if (!coap_get_data_large(received, &size, &body, &offset, &total)) {
		body = (const uint8_t *)"";
	}
	response.code = (uint8_t)coap_pdu_get_code(received);
	response.content_format = (int)uint_option(received, COAP_OPTION_CONTENT_FORMAT);
	response.max_age_s = uint_option(received, COAP_OPTION_MAXAGE);
	response.observed = e->request.observe && response.code < COAP_RESPONSE_CODE(400) &&
			    uint_option(received, COAP_OPTION_OBSERVE) >= 0;
	response.payload = body;
	response.payload_size = size;
	fn = e->fn;
	arg = e->arg;
	e->deadline_ns = 0; /* an observation that goes on has none */
	if (!response.observed) {
		coaps_exchange_end(e);
	}
	fn(arg, &response);
	return COAP_RESPONSE_OK;
}

/* --- opening -------------------------------------------------------------- */

static int parse_uri(struct coaps_client *c, const char *text, char *err, size_t err_size)
{
	coap_uri_t uri;

	if (coap_split_uri((const uint8_t *)text, strlen(text), &uri) != 0 ||
	    uri.host.length == 0 || uri.host.length >= sizeof c->host ||
	    (uri.scheme != COAP_URI_SCHEME_COAPS && uri.scheme != COAP_URI_SCHEME_COAP)) {
		snprintf(err, err_size, "\"%s\" is not coaps://HOST[:PORT][/PATH] or coap://...",
			 text);
		return -EINVAL;
	}
	memcpy(c->host, uri.host.s, uri.host.length);
	c->host[uri.host.length] = '\0';
	c->port = uri.port;
	c->secure = uri.scheme == COAP_URI_SCHEME_COAPS;
	return 0;
}

static void resume(coap_session_t *session, mbedtls_ssl_context *ssl)
{
	struct coaps_client *c = coap_get_app_data(coap_session_get_context(session));

	coaps_link_resume(&c->link, ssl);
}

/* A session with the address that is next. */
static void open_session(struct coaps_client *c)
{
	c->left--;
	if (!coaps_link_open(&c->link, &c->addresses.address[c->at])) {
		fail_for(c, COAPS_NO_ROUTE);
	}
}

static int watch(struct coaps_client *c, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd >= 0 ? epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event) : -1;
}

static void end_lookup(struct coaps_client *c)
{
	if (c->resolve != NULL) {
		epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, coaps_resolve_fd(c->resolve), NULL);
		coaps_resolve_free(c->resolve);
		c->resolve = NULL;
	}
}

/* A failed lookup keeps the addresses of the last one: the server may still be up.
 */
static void take_lookup(struct coaps_client *c)
{
	struct coaps_addresses found;
	struct coaps_failure failure = { .cause = COAPS_NO_SUCH_HOST };

	if (c->resolve == NULL || !coaps_resolve_take(c->resolve, &found)) {
		return;
	}
	end_lookup(c);
	if (found.n > 0) {
		unsigned at = 0;

		for (unsigned i = 0; i < found.n && c->addresses.n > 0; i++) {
			if (coap_address_equals(&found.address[i], &c->addresses.address[c->at])) {
				at = i;
			}
		}
		c->at = at;
		c->addresses = found;
	}
	c->left = c->addresses.n;
	if (c->left > 0) {
		open_session(c);
		return;
	}
	snprintf(failure.detail, sizeof(failure.detail), "%.120s (%s)", c->host, found.why_none);
	fail(c, &failure);
}

static void look_up(struct coaps_client *c)
{
	struct coaps_failure failure = { .cause = COAPS_NO_SUCH_HOST };

	c->resolve = coaps_resolve_start(c->host, c->port);
	if (c->resolve == NULL || watch(c, coaps_resolve_fd(c->resolve)) != 0) {
		snprintf(failure.detail, sizeof(failure.detail), "%.120s (%s)", c->host,
			 strerror(errno));
		coaps_resolve_free(c->resolve);
		c->resolve = NULL;
		fail(c, &failure);
		return;
	}
	take_lookup(c);
}

/* --- requests ------------------------------------------------------------- */

/* A server that never answered may have other addresses. One whose certificate was rejected is not
 * tried elsewhere. */
static bool try_next_address(struct coaps_client *c, bool was_heard)
{
	bool again = false;

	if (was_heard || c->left == 0) {
		return false;
	}
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		struct coaps_exchange *e = &c->exchanges[i];

		if (e->fn != NULL &&
		    (e->failed == COAPS_NO_ANSWER || e->failed == COAPS_NO_ROUTE ||
		     e->failed == COAPS_NOT_LISTENING) &&
		    (e->deadline_ns == 0 || e->deadline_ns > now_ns())) {
			e->failed = COAPS_ANSWERED;
			e->sent = false;
			again = true;
		}
	}
	if (again) {
		c->at = (c->at + 1) % c->addresses.n;
		open_session(c);
	}
	return again;
}

/* Sends waiting requests; opens a session if there is none. */
static void send_waiting(struct coaps_client *c)
{
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		struct coaps_exchange *e = &c->exchanges[i];
		int code;

		if (e->fn == NULL || e->sent || e->failed != COAPS_ANSWERED || c->close_wanted ||
		    c->resolve != NULL) {
			continue;
		}
		if (c->link.session == NULL) {
			look_up(c);
		}
		if (c->link.session == NULL) {
			continue;
		}
		code = coaps_exchange_send(e, c->link.session);
		if (code != 0) {
			fail_for(c, code == -ECONNREFUSED   ? COAPS_NOT_LISTENING
				    : code == -EHOSTUNREACH ? COAPS_NO_ROUTE
							    : COAPS_NO_MEMORY);
		}
	}
}

static void expire(struct coaps_client *c)
{
	uint64_t expired, now = now_ns();

	if (read(c->timer_fd, &expired, sizeof expired) != (ssize_t)sizeof expired) {
		return;
	}
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		const struct coaps_exchange *e = &c->exchanges[i];

		if (e->fn != NULL && e->failed == COAPS_ANSWERED && e->deadline_ns != 0 &&
		    now >= e->deadline_ns) {
			fail_for(c, COAPS_NO_ANSWER);
		}
	}
}

static void report_failures(struct coaps_client *c)
{
	const struct coaps_failure failure = c->failure; /* a callback may set the next one */
	char reason[640];

	coaps_failure_text(&failure, c->server_name, reason, sizeof(reason));
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		struct coaps_exchange *e = &c->exchanges[i];
		const struct coaps_response response = { .cause = e->failed,
							 .alert = failure.alert,
							 .certificate_flags = failure.flags,
							 .reason = reason,
							 .content_format = -1,
							 .max_age_s = -1,
							 .payload = (const uint8_t *)"" };

		if (e->fn != NULL && e->failed != COAPS_ANSWERED) {
			coaps_response_fn fn = e->fn;
			void *arg = e->arg;

			coaps_exchange_end(e);
			fn(arg, &response);
		}
	}
}

/* What the session has become. */
static void follow_link(struct coaps_client *c)
{
	enum coaps_link_news news =
		coaps_link_process(&c->link, coaps_exchange_oldest_ns(c->exchanges));

	if (news != COAPS_LINK_SAME) {
		c->answered_ns = c->link.established_ns;
	}
	for (unsigned i = 0; news == COAPS_LINK_REPLACED && i < COAPS_REQUESTS_MAX; i++) {
		c->exchanges[i].sent = false;
	}
}

void coaps_client_process(struct coaps_client *c)
{
	c->processing = true;
	coap_io_process(c->endpoint.context, COAP_IO_NO_WAIT);
	expire(c);
	take_lookup(c);
	if (!c->close_wanted) {
		follow_link(c);
	}
	if (c->close_wanted) {
		/* Without DTLS a session is there at once: only an answer shows a server. */
		bool was_heard = c->link.established_ns != 0 &&
				 (c->secure || c->answered_ns > c->link.established_ns);

		close_session(c);
		if (!try_next_address(c, was_heard)) {
			report_failures(c);
		}
	}
	c->processing = false;
	send_waiting(c);
	arm(c);
}

static bool is_idle(const struct coaps_client *c)
{
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		if (c->exchanges[i].fn != NULL) {
			return false;
		}
	}
	return c->link.established_ns != 0 && now_ns() - c->answered_ns > c->idle_ms * NS_PER_MS;
}

int coaps_client_request(struct coaps_client *c, const struct coaps_request *request,
			 coaps_response_fn fn, void *arg)
{
	int code = -EBUSY;

	if (!c->processing && is_idle(c)) {
		close_session(c);
	}
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX && code == -EBUSY; i++) {
		if (c->exchanges[i].fn == NULL) {
			code = coaps_exchange_init(&c->exchanges[i], request, fn, arg,
						   now_ns() + c->deadline_ms * NS_PER_MS);
		}
	}
	if (code == 0 && !c->processing) { /* else inside a callback of libcoap: it is sent
					      afterwards */
		send_waiting(c);
		arm(c);
	}
	return code;
}

void coaps_client_cancel(struct coaps_client *c)
{
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		coaps_exchange_end(&c->exchanges[i]);
	}
	arm(c);
}

void coaps_client_disconnect(struct coaps_client *c)
{
	coaps_client_cancel(c);
	end_lookup(c);
	close_session(c);
}

int coaps_client_fd(const struct coaps_client *c)
{
	return c->epoll_fd;
}

uint64_t coaps_client_established_ns(const struct coaps_client *c)
{
	return c->link.established_ns;
}

enum coaps_session_state coaps_client_state(const struct coaps_client *c)
{
	if (c->resolve != NULL) {
		return COAPS_HANDSHAKE;
	}
	if (c->link.session == NULL || c->close_wanted) {
		return COAPS_CLOSED;
	}
	switch (coap_session_get_state(c->link.session)) {
	case COAP_SESSION_STATE_ESTABLISHED:
		return COAPS_ESTABLISHED;
	case COAP_SESSION_STATE_NONE:
		return COAPS_CLOSED;
	default:
		return COAPS_HANDSHAKE;
	}
}

static unsigned or_default(unsigned value, unsigned fallback)
{
	return value != 0 ? value : fallback;
}

static int configure(struct coaps_client *c, const struct coaps_client_config *config, char *err,
		     size_t err_size)
{
	int code = parse_uri(c, config->uri, err, err_size);

	c->link.ack_timeout_ms = or_default(config->ack_timeout_ms, ACK_TIMEOUT_MS);
	if (c->link.ack_timeout_ms < ACK_TIMEOUT_MIN_MS) {
		c->link.ack_timeout_ms = ACK_TIMEOUT_MIN_MS;
	}
	c->link.max_retransmit = or_default(config->max_retransmit, MAX_RETRANSMIT);
	c->link.ack_spread_percent = or_default(config->ack_spread_percent, ACK_SPREAD_PERCENT);
	c->idle_ms = or_default(config->idle_ms, IDLE_MS);
	c->deadline_ms = or_default(config->deadline_ms, DEADLINE_MS);
	c->credentials = config->credentials;
	snprintf(c->server_name, sizeof c->server_name, "%s",
		 config->server_name != NULL ? config->server_name : c->host);
	return code;
}

void coaps_client_set_utc(struct coaps_client *c, int64_t utc_s)
{
	c->endpoint.booted_utc_s = utc_s != 0 ? utc_s - (int64_t)(now_boot_ns() / 1000000000) : 0;
}

static int open_context(struct coaps_client *c, const struct coaps_client_config *config, char *err,
			size_t err_size)
{
	int64_t now_s = config->utc_s != 0 ? config->utc_s : coaps_now_s();
	int code = coaps_endpoint_init(&c->endpoint, COAPS_CLIENT, config->ciphers, err, err_size);
	coap_context_t *context;

	if (code == 0 && c->secure) {
		code = coaps_endpoint_renew(&c->endpoint, &c->credentials, now_s, err, err_size);
	}
	if (code != 0) {
		return code;
	}
	c->endpoint.server_name = c->server_name;
	coaps_client_set_utc(c, config->utc_s);
	c->endpoint.on_failed = on_failed_handshake;
	c->endpoint.on_start = resume;
	context = c->endpoint.context;
	c->link.context = context;
	c->link.credentials = c->secure ? &c->credentials : NULL;
	c->link.nstart = COAPS_REQUESTS_MAX;
	coap_context_set_max_body_size(context,
				       config->max_answer != 0 ? config->max_answer : MAX_ANSWER);
	/* A Request-Tag only where there are blocks: the legacy server (CoAPthon) never saw one. */
	coap_context_set_block_mode(context, COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY |
						     COAP_BLOCK_NO_PREEMPTIVE_RTAG);
	coap_register_event_handler(context, on_event);
	coap_register_nack_handler(context, on_nack);
	coap_register_response_handler(context, on_response);
	return 0;
}

static int open_loop(struct coaps_client *c, char *err, size_t err_size)
{
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->epoll_fd < 0 || watch(c, c->timer_fd) != 0 ||
	    watch(c, coap_context_get_coap_fd(c->endpoint.context)) != 0) {
		int error = errno;

		snprintf(err, err_size, "cannot make an epoll or timer descriptor: %s",
			 strerror(error));
		return -error;
	}
	return 0;
}

struct coaps_client *coaps_client_new(const struct coaps_client_config *config, int *code,
				      char *err, size_t err_size)
{
	struct coaps_client *c = calloc(1, sizeof *c);

	if (c == NULL) {
		*code = -ENOMEM;
		snprintf(err, err_size, "no memory");
		return NULL;
	}
	c->epoll_fd = c->timer_fd = -1;
	coaps_link_init(&c->link);
	*code = configure(c, config, err, err_size);
	*code = *code != 0 ? *code : open_context(c, config, err, err_size);
	*code = *code != 0 ? *code : open_loop(c, err, err_size);
	if (*code != 0) {
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
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		coaps_exchange_end(&c->exchanges[i]);
	}
	end_lookup(c);
	coaps_link_free(&c->link);
	coaps_endpoint_free(&c->endpoint);
	if (c->timer_fd >= 0) {
		close(c->timer_fd);
	}
	if (c->epoll_fd >= 0) {
		close(c->epoll_fd);
	}
	free(c);
}
