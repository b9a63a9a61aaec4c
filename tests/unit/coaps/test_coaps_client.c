// SPDX-License-Identifier: BSD-2-Clause
/*
 * coaps_client's requests, names and addresses, without DTLS (test_coaps.c has that): the server is
 * a plain socket that answers what each test wants.
 */
#define _GNU_SOURCE /* poll */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coap_peer.h"
#include "time/now.h"
#include "userspace/coaps/coaps_client.h"

static struct {
	struct coaps_client *client;
	int fd;
	uint16_t port;
	struct coap_message waiting[64];
	struct sockaddr_in from;
	unsigned asked, answered, failed;
	enum coaps_cause cause;
	char reason[640];
	bool ask_again; /* each answer makes one more request */
} t;

/* The rest of the configuration is the test's. */
static void begin_with(const char *host, struct coaps_client_config config)
{
	char uri[96], err[256];
	int code;

	memset(&t, 0, sizeof(t));
	t.fd = coap_listen(&t.port);
	assert_true(t.fd >= 0);
	snprintf(uri, sizeof(uri), "coap://%s:%u", host, t.port);
	config.uri = uri;
	config.ack_timeout_ms = 1000;
	config.max_retransmit = 1;
	t.client = coaps_client_new(&config, &code, err, sizeof(err));
	if (t.client == NULL) {
		fail_msg("%s", err);
	}
}

static void begin(const char *host)
{
	begin_with(host, (struct coaps_client_config){ .idle_ms = 0 });
}

static void end(void)
{
	coaps_client_free(t.client);
	if (t.fd >= 0) {
		close(t.fd);
	}
}

static int ask(void);

static void on_answer(void *arg, const struct coaps_response *response)
{
	assert_ptr_equal(arg, &t);
	t.answered += response->cause == COAPS_ANSWERED;
	t.failed += response->cause != COAPS_ANSWERED;
	t.cause = response->cause;
	snprintf(t.reason, sizeof(t.reason), "%s", response->reason);
	if (t.ask_again) {
		t.ask_again = false;
		assert_int_equal(ask(), 0);
	}
}

static int ask(void)
{
	const struct coaps_request request = { .method = COAPS_POST,
					       .path = "/x",
					       .content_format = -1,
					       .accept = -1,
					       .payload = "p",
					       .payload_size = 1 };

	return coaps_client_request(t.client, &request, on_answer, &t);
}

/* One turn of both sides; what was asked is kept in t.waiting. */
static void turn(void)
{
	struct pollfd fds[2] = { { .fd = coaps_client_fd(t.client), .events = POLLIN },
				 { .fd = t.fd, .events = POLLIN } };
	socklen_t size = sizeof(t.from);
	uint8_t bytes[1500];
	ssize_t n;

	assert_true(poll(fds, 2, 30000) > 0); /* a time that only a fault can exceed */
	coaps_client_process(t.client);
	while (t.fd >= 0 && (n = recvfrom(t.fd, bytes, sizeof(bytes), MSG_DONTWAIT,
					  (struct sockaddr *)&t.from, &size)) > 0) {
		if (t.asked < 64 && coap_parse(bytes, (size_t)n, &t.waiting[t.asked]) &&
		    t.waiting[t.asked].code != 0) {
			t.asked++;
		}
	}
}

static void as_many_requests_as_allowed_are_under_way_and_answers_may_come_in_any_order(void **state)
{
	(void)state;
	begin("127.0.0.1");
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		assert_int_equal(ask(), 0);
	}
	assert_int_equal(ask(), -EBUSY);
	while (t.asked < COAPS_REQUESTS_MAX) {
		turn();
	}
	assert_int_equal(t.answered, 0);
	for (unsigned i = COAPS_REQUESTS_MAX; i-- > 0;) {
		assert_true(coap_reply(t.fd, &t.waiting[i], CODE(2, 4), -1, "", &t.from));
	}
	t.ask_again = true;
	while (t.answered < COAPS_REQUESTS_MAX || t.asked < COAPS_REQUESTS_MAX + 1) {
		turn();
	}
	assert_true(coap_reply(t.fd, &t.waiting[COAPS_REQUESTS_MAX], CODE(2, 4), -1, "", &t.from));
	while (t.answered < COAPS_REQUESTS_MAX + 1) {
		turn();
	}
	assert_int_equal(t.failed, 0);
	end();
}

static void when_the_server_is_gone_each_request_is_told_once(void **state)
{
	(void)state;
	begin("127.0.0.1");
	close(t.fd);
	t.fd = -1;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(ask(), 0);
	}
	assert_int_equal(t.failed, 0); /* never from within the call */
	while (t.failed < 5) {
		turn();
	}
	assert_int_equal(t.cause, COAPS_NOT_LISTENING);
	assert_int_equal(coaps_client_state(t.client), COAPS_CLOSED);
	t.fd = coap_listen(&t.port);
	assert_int_equal(ask(), 0);
	while (t.asked == 0) {
		turn();
	}
	coap_reply(t.fd, &t.waiting[0], CODE(2, 4), -1, "", &t.from);
	while (t.answered == 0) {
		turn();
	}
	assert_int_equal(t.failed, 5);
	end();
}

/* Where "localhost" is ::1 too, nothing listens there: the other address is tried. */
static void a_name_is_looked_up_and_its_server_asked(void **state)
{
	(void)state;
	begin("localhost");
	assert_int_equal(ask(), 0);
	while (t.asked == 0) {
		turn();
	}
	coap_reply(t.fd, &t.waiting[0], CODE(2, 4), -1, "", &t.from);
	while (t.answered == 0) {
		turn();
	}
	assert_int_equal(t.failed, 0);
	end();
}

static void a_name_that_does_not_exist_is_told_and_named(void **state)
{
	(void)state;
	begin("no-such-host.invalid");
	assert_int_equal(ask(), 0);
	while (t.failed == 0) {
		turn();
	}
	assert_int_equal(t.cause, COAPS_NO_SUCH_HOST);
	assert_non_null(strstr(t.reason, "no such host: no-such-host.invalid"));
	end();
}

static void a_client_may_be_freed_in_the_middle_of_a_lookup(void **state)
{
	(void)state;
	begin("no-such-host.invalid");
	assert_int_equal(ask(), 0);
	end();
	begin("127.0.0.1");
	assert_int_equal(ask(), 0);
	coaps_client_cancel(t.client);
	for (unsigned i = 0; i < COAPS_REQUESTS_MAX; i++) {
		assert_int_equal(ask(), 0);
	}
	end();
	assert_int_equal(t.failed, 0);
}

/* Asks, answers, and returns the port that it came from. */
static in_port_t round_trip(void)
{
	unsigned asked = t.asked, answered = t.answered;

	assert_int_equal(ask(), 0);
	while (t.asked == asked) {
		turn();
	}
	assert_true(coap_reply(t.fd, &t.waiting[asked], CODE(2, 4), -1, "", &t.from));
	while (t.answered == answered) {
		turn();
	}
	return t.from.sin_port;
}

static void a_session_that_was_silent_for_long_is_opened_anew(void **state)
{
	in_port_t port;

	(void)state;
	begin("127.0.0.1");
	port = round_trip();
	assert_int_equal(round_trip(), port);
	end();
	begin_with("127.0.0.1", (struct coaps_client_config){ .idle_ms = 20 });
	port = round_trip();
	poll(NULL, 0, 30);
	assert_int_not_equal(round_trip(), port);
	end();
}

/* Block2 (23) and, if not 0, Size2 (28) of RFC 7959; 1024 bytes, and more to come. */
static void reply_block(const struct coap_message *m, uint8_t number, uint32_t size2)
{
	uint8_t b[1100] = { 0x60 | (uint8_t)m->token_size, CODE(2, 5), (uint8_t)(m->mid >> 8),
			    (uint8_t)m->mid };
	size_t n = 4;

	memcpy(b + n, m->token, m->token_size);
	n += m->token_size;
	b[n++] = 0xd1;
	b[n++] = 23 - 13;
	b[n++] = (uint8_t)(number << 4 | 1 << 3 | 6);
	if (size2 != 0) {
		b[n++] = (28 - 23) << 4 | 4;
		for (int i = 3; i >= 0; i--) {
			b[n++] = (uint8_t)(size2 >> 8 * i);
		}
	}
	b[n++] = 0xff;
	n += 1024;
	assert_int_equal(sendto(t.fd, b, n, 0, (struct sockaddr *)&t.from, sizeof(t.from)), n);
}

static void an_answer_that_is_too_large_is_a_failure(void **state)
{
	static const struct {
		uint32_t size2;
		unsigned blocks; /* that come before it is known */
	} vectors[] = { { 100000000, 1 }, { 0, 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		begin_with("127.0.0.1", (struct coaps_client_config){ .max_answer = 2500 });
		assert_int_equal(ask(), 0);
		for (unsigned block = 0; block < vectors[i].blocks; block++) {
			assert_int_equal(t.failed, 0);
			while (t.asked == block) {
				turn();
			}
			reply_block(&t.waiting[block], (uint8_t)block, vectors[i].size2);
		}
		while (t.failed == 0) {
			turn();
		}
		assert_int_equal(t.cause, COAPS_TOO_LARGE);
		assert_int_equal(t.answered, 0);
		end();
	}
}

/* libcoap's own would be 2 s at least. */
static void a_request_is_sent_again_after_the_configured_timeout(void **state)
{
	uint64_t first_ns;

	(void)state;
	begin_with("127.0.0.1", (struct coaps_client_config){ .ack_spread_percent = 1 });
	assert_int_equal(ask(), 0);
	while (t.asked == 0) {
		turn();
	}
	first_ns = now_ns();
	while (t.asked == 1) {
		turn();
	}
	assert_int_equal(t.waiting[1].mid, t.waiting[0].mid);
	assert_in_range(now_ns() - first_ns, UINT64_C(800000000), UINT64_C(1900000000));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			as_many_requests_as_allowed_are_under_way_and_answers_may_come_in_any_order),
		cmocka_unit_test(when_the_server_is_gone_each_request_is_told_once),
		cmocka_unit_test(a_name_is_looked_up_and_its_server_asked),
		cmocka_unit_test(a_name_that_does_not_exist_is_told_and_named),
		cmocka_unit_test(a_session_that_was_silent_for_long_is_opened_anew),
		cmocka_unit_test(an_answer_that_is_too_large_is_a_failure),
		cmocka_unit_test(a_request_is_sent_again_after_the_configured_timeout),
		cmocka_unit_test(a_client_may_be_freed_in_the_middle_of_a_lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
