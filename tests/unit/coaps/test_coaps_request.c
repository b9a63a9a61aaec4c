// SPDX-License-Identifier: BSD-2-Clause
/* coaps_request: the wait ends with the answer, with a failure, or when it is told to stop. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "coap_peer.h"
#include "coaps_rig.h"
#include "userspace/coaps/coaps_request.h"

static const struct coaps_request get = {
	.method = COAPS_GET, .path = "/x", .content_format = -1, .accept = -1
};

static struct {
	int fd;
	struct coaps_client *client;
	unsigned called;
	enum coaps_cause cause;
	uint8_t code;
} t;

static void on_response(void *arg, const struct coaps_response *response)
{
	assert_ptr_equal(arg, &t);
	t.called++;
	t.cause = response->cause;
	t.code = response->code;
}

static int start(void **state)
{
	char uri[64], err[256];
	uint16_t port = 0;
	int code;

	(void)state;
	memset(&t, 0, sizeof(t));
	t.fd = coap_listen(&port);
	snprintf(uri, sizeof(uri), "coap://127.0.0.1:%u", port);
	t.client = coaps_client_new(
		&(struct coaps_client_config){ .uri = uri, .ack_timeout_ms = 1000 }, &code, err,
		sizeof(err));
	return t.client == NULL ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	coaps_client_free(t.client);
	if (t.fd >= 0) {
		close(t.fd);
	}
	return 0;
}

static void *answer_one(void *arg)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	struct coap_message m;
	uint8_t bytes[1500];
	ssize_t n = recvfrom(t.fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);

	if (n > 0 && coap_parse(bytes, (size_t)n, &m)) {
		coap_reply(t.fd, &m, CODE(4, 4), -1, "none", &from);
	}
	return arg;
}

static void the_answer_ends_the_wait(void **state)
{
	pthread_t server;

	(void)state;
	assert_int_equal(pthread_create(&server, NULL, answer_one, NULL), 0);
	assert_int_equal(coaps_request_wait(t.client, &get, on_response, &t, NULL), 0);
	assert_int_equal(pthread_join(server, NULL), 0);
	assert_int_equal(t.called, 1);
	assert_int_equal(t.cause, COAPS_ANSWERED);
	assert_int_equal(t.code, CODE(4, 4));
}

static void a_failure_ends_the_wait(void **state)
{
	(void)state;
	close(t.fd);
	t.fd = -1;
	assert_int_equal(coaps_request_wait(t.client, &get, on_response, &t, NULL), 0);
	assert_int_equal(t.called, 1);
	assert_int_equal(t.cause, COAPS_NOT_LISTENING);
}

static void stop_ends_the_wait_and_nothing_is_called_after(void **state)
{
	static volatile sig_atomic_t stopped = 1;

	(void)state;
	assert_int_equal(coaps_request_wait(t.client, &get, on_response, &t, &stopped), -EINTR);
	assert_int_equal(t.called, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_answer_ends_the_wait, start, stop),
		cmocka_unit_test_setup_teardown(a_failure_ends_the_wait, start, stop),
		cmocka_unit_test_setup_teardown(stop_ends_the_wait_and_nothing_is_called_after,
						start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
