// SPDX-License-Identifier: BSD-2-Clause
/* observers: what is sent, as which message, and when; a UDP socket of the test is the client. */
#define _GNU_SOURCE /* strdup */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/coap/observers.h"
#include "server/store/hash.h"

static coap_context_t *context;
static coap_session_t *session;
static int client;
static struct observers observers;
static struct transfers bodies;
static struct observer *reading; /* what read() was called with last */

static int read_later(void *arg, struct observer *o)
{
	(void)arg;
	reading = o;
	return 0;
}

/* An observation with this token, whose first answer was `body`. */
static struct observer *observe(uint8_t token, const char *device, const char *body)
{
	struct blockwise_request r = {
		.session = session,
		.token = { token },
		.token_size = 1,
		.szx = 6,
		.observe = -1,
	};
	struct query query = { .kind = QUERY_NEWEST };

	strcpy(query.device, device);
	assert_true(observers_add(&observers, &r, &query, hash_etag(body, strlen(body))));
	assert_true(r.observe >= 0);
	return observers.first;
}

static void notify(struct observer *o, const char *body)
{
	observers_notify(&observers, o, &bodies, 0, strdup(body), strlen(body));
}

/* The message that the client got, -1: none. *mid: its number. */
static int receive(uint16_t *mid)
{
	uint8_t message[1500];
	ssize_t n = recv(client, message, sizeof(message), MSG_DONTWAIT);

	if (n < 4) {
		return -1;
	}
	*mid = (uint16_t)(message[2] << 8 | message[3]);
	return message[0] >> 4 & 3;
}

static void acknowledge(uint16_t mid)
{
	const uint8_t ack[] = { 0x60, 0, (uint8_t)(mid >> 8), (uint8_t)mid };

	assert_int_equal(send(client, ack, sizeof(ack), 0), sizeof(ack));
	coap_io_process(context, 1000);
}

static void most_notifications_are_non_and_each_sixteenth_is_con(void **state)
{
	struct observer *o = observe(1, "", "none");
	uint16_t mid = 0;
	char body[16];

	(void)state;
	for (unsigned i = 1; i <= 48; i++) {
		snprintf(body, sizeof(body), "%u", i);
		notify(o, body);
		assert_int_equal(receive(&mid), i % 16 == 0 ? COAP_MESSAGE_CON : COAP_MESSAGE_NON);
		if (i % 16 == 0) {
			acknowledge(mid);
		}
	}
}

static void what_did_not_change_is_not_sent(void **state)
{
	struct observer *o = observe(1, "", "same");
	uint16_t mid;

	(void)state;
	notify(o, "same");
	assert_int_equal(receive(&mid), -1);
	notify(o, "other");
	assert_int_equal(receive(&mid), COAP_MESSAGE_NON);
	notify(o, "other");
	assert_int_equal(receive(&mid), -1);
}

static void only_observers_of_what_changed_read_it_again(void **state)
{
	struct observer *all = observe(1, "", "x"), *a = observe(2, "urn:dev:a", "x"),
			*b = observe(3, "urn:dev:b", "x");

	(void)state;
	observers_mark_changed(&observers, "urn:dev:a");
	observers_tick(&observers);
	assert_true(all->reading && a->reading && !b->reading);
}

static void a_change_within_the_pause_is_read_at_its_end(void **state)
{
	struct observer *o = observe(1, "", "x");
	uint16_t mid;
	int wait_ms;

	(void)state;
	assert_true(observers_tick(&observers) > OBSERVERS_PAUSE_MS);
	observers_mark_changed(&observers, "urn:dev:a");
	observers_tick(&observers);
	assert_ptr_equal(reading, o);
	reading = NULL;
	notify(o, "y");
	assert_int_equal(receive(&mid), COAP_MESSAGE_NON);
	observers_mark_changed(&observers, "urn:dev:a");
	wait_ms = observers_tick(&observers);
	if (reading == NULL) { /* unless the machine stood still for the whole pause */
		assert_true(wait_ms > 0 && wait_ms <= OBSERVERS_PAUSE_MS);
	}
	while (reading == NULL) {
		poll(NULL, 0, wait_ms);
		wait_ms = observers_tick(&observers);
	}
}

static void an_observation_that_ends_while_its_read_is_under_way_gets_nothing(void **state)
{
	struct observer *o = observe(1, "", "x");
	uint16_t mid;

	(void)state;
	observers_mark_changed(&observers, "urn:dev:a");
	observers_tick(&observers);
	assert_ptr_equal(reading, o);
	observers_forget(&observers, session, (coap_bin_const_t){ 1, (const uint8_t *)"\1" });
	assert_int_equal(observers.n, 0);
	notify(o, "y"); /* the read is done */
	assert_int_equal(receive(&mid), -1);
	o = observe(2, "", "x");
	observers_mark_changed(&observers, "urn:dev:a");
	observers_tick(&observers);
	observers_drop_by_mid(&observers, session, o->request.mid);
	observers_read_failed(&observers, o);
	assert_int_equal(observers.n, 0);
	assert_int_equal(observers_tick(&observers), -1);
}

static void a_session_has_so_many_observations_and_no_more(void **state)
{
	struct blockwise_request r = { .session = session, .observe = -1 };
	const struct query query = { .kind = QUERY_NEWEST };

	(void)state;
	for (uint8_t i = 0; i < OBSERVERS_PER_SESSION; i++) {
		observe(i, "", "x");
	}
	assert_false(observers_add(&observers, &r, &query, 1));
	assert_int_equal(r.observe, -1);
	assert_int_equal(observers.n, OBSERVERS_PER_SESSION);
}

static int start(void **state)
{
	coap_address_t address;

	(void)state;
	coap_address_init(&address);
	address.addr.sin.sin_family = AF_INET;
	address.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.size = sizeof(address.addr.sin);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(client, &address.addr.sa, address.size) != 0 ||
	    getsockname(client, &address.addr.sa, &address.size) != 0) {
		return -1;
	}
	context = coap_new_context(NULL);
	session = coap_new_client_session(context, NULL, &address, COAP_PROTO_UDP);
	if (session == NULL ||
	    connect(client, &coap_session_get_addr_local(session)->addr.sa, address.size) != 0) {
		return -1;
	}
	observers = (struct observers){ .read = read_later };
	reading = NULL;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (struct observer *o = observers.first; o != NULL; o = o->next) {
		o->reading = false; /* no read is left under way */
	}
	observers_free(&observers);
	transfers_free(&bodies);
	coap_session_release(session);
	coap_free_context(context);
	close(client);
	return 0;
}

/* However many sessions it opens. */
static void a_peer_has_so_many_observations(void **state)
{
	struct query query = { .kind = QUERY_NEWEST };
	coap_session_t *sessions[OBSERVERS_PER_PEER / OBSERVERS_PER_SESSION + 1];
	coap_address_t to = *coap_session_get_addr_remote(session);
	unsigned granted = 0, n = sizeof(sessions) / sizeof(sessions[0]);

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		to.addr.sin.sin_port = htons((uint16_t)(40000 + i));
		sessions[i] = coap_new_client_session(context, NULL, &to, COAP_PROTO_UDP);
		assert_non_null(sessions[i]);
		for (unsigned token = 0; token < OBSERVERS_PER_SESSION; token++) {
			struct blockwise_request r = { .session = sessions[i],
						       .token = { (uint8_t)token },
						       .token_size = 1,
						       .observe = -1 };

			granted += observers_add(&observers, &r, &query, 1);
		}
	}
	assert_int_equal(granted, OBSERVERS_PER_PEER);
	observers_free(&observers);
	for (unsigned i = 0; i < n; i++) {
		coap_session_release(sessions[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(test) cmocka_unit_test_setup_teardown(test, start, stop)
		ON(most_notifications_are_non_and_each_sixteenth_is_con),
		ON(what_did_not_change_is_not_sent),
		ON(only_observers_of_what_changed_read_it_again),
		ON(a_change_within_the_pause_is_read_at_its_end),
		ON(an_observation_that_ends_while_its_read_is_under_way_gets_nothing),
		ON(a_session_has_so_many_observations_and_no_more),
		ON(a_peer_has_so_many_observations),
	};

	coap_startup();
	coap_set_log_level(COAP_LOG_EMERG);
	return cmocka_run_group_tests_name("observers", tests, NULL, NULL);
}
