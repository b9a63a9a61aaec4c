// SPDX-License-Identifier: BSD-2-Clause
/*
 * What deps/patches change in libcoap and no other test would miss: how often it goes to the kernel
 * (0004, 0005). A plain endpoint; its clients are bytes from a socket.
 */
#define _GNU_SOURCE /* syscall */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <coap3/coap.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define REQUESTS 20

static struct {
	coap_context_t *context;
	int fd; /* the client's, connected */
	unsigned handled, timer_set;
} t;

/* In the place of libc's, for libcoap. */
int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	t.timer_set++;
	return (int)syscall(SYS_timerfd_settime, fd, flags, value, old);
}

static void handle(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
		   const coap_string_t *query, coap_pdu_t *response)
{
	(void)resource;
	(void)session;
	(void)request;
	(void)query;
	(void)response; /* NON, and no code: no answer */
	t.handled++;
}

static int start(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	coap_address_t address;
	coap_resource_t *resource;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	coap_startup();
	t.context = coap_new_context(NULL);
	coap_address_init(&address);
	address.addr.sin = at;
	address.size = size;
	assert_non_null(coap_new_endpoint_fd(t.context, &address, COAP_PROTO_UDP, fd));
	resource = coap_resource_init(coap_make_str_const("x"), 0);
	coap_register_request_handler(resource, COAP_REQUEST_POST, handle);
	coap_add_resource(t.context, resource);
	t.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return connect(t.fd, (struct sockaddr *)&at, size);
}

static int stop(void **state)
{
	(void)state;
	close(t.fd);
	coap_free_context(t.context);
	return 0;
}

static void post(uint8_t mid)
{
	const uint8_t request[] = { 0x50, COAP_REQUEST_CODE_POST, 0, mid, 0xb1, 'x' };

	assert_int_equal(send(t.fd, request, sizeof(request), 0), sizeof(request));
}

static void process(void)
{
	struct pollfd readable = { .fd = coap_context_get_coap_fd(t.context), .events = POLLIN };

	assert_int_equal(poll(&readable, 1, 30000), 1);
	coap_io_process(t.context, COAP_IO_NO_WAIT);
}

static void what_has_come_is_read_at_one_wake_up(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < REQUESTS; i++) {
		post(i);
	}
	process();
	assert_int_equal(t.handled, REQUESTS);
}

static void the_timer_is_not_set_for_each_datagram(void **state)
{
	(void)state;
	post(0);
	process();
	t.timer_set = 0;
	for (uint8_t i = 1; i <= REQUESTS; i++) {
		post(i);
		process();
	}
	assert_in_range(t.handled, REQUESTS + 1, REQUESTS + 1);
	assert_in_range(t.timer_set, 0, REQUESTS - 1); /* it was twice for each */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_has_come_is_read_at_one_wake_up, start, stop),
		cmocka_unit_test_setup_teardown(the_timer_is_not_set_for_each_datagram, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
