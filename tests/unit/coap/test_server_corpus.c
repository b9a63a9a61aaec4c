// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole server under damaged and odd CoAP messages: each of tests/fuzz/corpus/coap, and its
 * mutations (corpus.h), handed to libcoap as what a DTLS session has decrypted. Sessions, store and
 * threads are real, and go on from one message to the next: transfers, observations and readings
 * of earlier ones are there. Now and then the server must answer a request for the time.
 */
#define _GNU_SOURCE
#include "server_rig.h"

#include <string.h>
#include <sys/socket.h>

#include "corpus.h"

int coap_handle_dgram(coap_context_t *context, coap_session_t *session, uint8_t *message,
		      size_t size); /* coap_net_internal.h */

static const char *who;

static unsigned answers[8]; /* by class; 0: empty messages */

/* What has been answered so far is counted, no more. */
static void drain(void)
{
	turn(0);
	while (has_answer()) {
		answers[answer[1] >> 5]++;
	}
}

static int deliver(const uint8_t *data, size_t size)
{
	static const uint8_t time[] = { 0x41, 1, 0xff, 0xff, 'T', 0xb4, 't', 'i', 'm', 'e' };
	static unsigned played;
	coap_session_t *session = wire_session();
	uint8_t message[1500];

	if (size > sizeof(message)) {
		return 0;
	}
	if (session == NULL || coap_session_get_state(session) != COAP_SESSION_STATE_ESTABLISHED) {
		stop_wire(NULL); /* a message may end its session */
		start_wire_as(who);
		session = wire_session();
		assert_non_null(session);
	}
	memcpy(message, data, size);
	if (size >= 4 && played % 8 != 0) { /* else one that came before is not handled again */
		message[2] = (uint8_t)(played >> 8);
		message[3] = (uint8_t)played;
	}
	coap_handle_dgram(coaps_server_context(rig.server), session, message, size);
	drain();
	if (played++ % 64 == 0 &&
	    coap_session_get_state(session) == COAP_SESSION_STATE_ESTABLISHED) {
		send_message(time, sizeof(time));
		do {
			assert_true(is_answered(30000));
		} while (answer_size < 5 || answer[4] != 'T' || answer[2] != 0xff);
		assert_int_equal(answer[1], CODE(2, 5));
	}
	return 0;
}

static void play_as(const char *client)
{
	who = client;
	memset(answers, 0, sizeof(answers));
	assert_int_equal(start_wire_as(who), 0);
	corpus_play("tests/fuzz/corpus/coap", deliver, 20);
	print_message("answers: %u of class 2, %u of 4, %u of 5, %u empty; %lld readings\n",
		      answers[2], answers[4], answers[5], answers[0], (long long)count_rows());
	assert_true(answers[2] > 0 && answers[4] > 0);
	stop_wire(NULL);
}

static void messages_of_a_node(void **state)
{
	(void)state;
	play_as("node");
}

static void messages_of_an_operator(void **state)
{
	(void)state;
	play_as("operator");
}

static void messages_of_a_client_without_a_certificate(void **state)
{
	(void)state;
	play_as(NULL);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(messages_of_a_node),
		cmocka_unit_test(messages_of_an_operator),
		cmocka_unit_test(messages_of_a_client_without_a_certificate),
	};

	return cmocka_run_group_tests_name("server: corpus", all, NULL, NULL);
}

int main(void)
{
	return rig_run("test_server_corpus", tests);
}
