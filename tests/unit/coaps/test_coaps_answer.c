// SPDX-License-Identifier: BSD-2-Clause
/* coaps_answer: an answer that waits for something slower than the handler. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coaps_rig.h"

static void a_deferred_answer_comes_once_and_retransmissions_meanwhile_are_dropped(void **state)
{
	const struct coaps_reply reply = { .code = COAP_RESPONSE_CODE_CHANGED,
					   .content_format = 112,
					   .max_age_s = 7,
					   .payload = "done",
					   .payload_size = 4 };
	struct coaps_rig r;

	(void)state;
	coaps_rig_begin(&r, "node", NULL);
	r.defer = true;
	coaps_rig_post(&r, "hello", 5);
	while (r.handled < 2) { /* the client sends again after ACK_TIMEOUT */
		coaps_rig_turn(&r);
	}
	assert_false(r.answered);
	coaps_answer(r.deferred, &reply);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE_CHANGED);
	assert_int_equal(r.answer.content_format, 112);
	assert_int_equal(r.answer.max_age_s, 7);
	assert_string_equal(r.payload, "done");
	coaps_rig_stop(&r);
}

static void a_held_request_is_not_sent_again_and_is_answered_by_itself(void **state)
{
	const struct coaps_reply reply = { .code = COAP_RESPONSE_CODE_CHANGED,
					   .content_format = -1,
					   .max_age_s = -1 };
	struct coaps_rig r;
	unsigned turns = 0;

	(void)state;
	coaps_rig_begin(&r, "node", NULL);
	r.defer = true;
	coaps_rig_post(&r, "hello", 5);
	while (r.deferred == NULL) {
		coaps_rig_turn(&r);
	}
	assert_in_range(coaps_answers_tick(coaps_server_context(r.server), 0), 1, INT_MAX);
	assert_int_equal(coaps_answers_tick(coaps_server_context(r.server), UINT64_MAX), -1);
	while (turns++ < 3) {
		coaps_client_process(r.client);
		coaps_server_process(r.server);
	}
	coaps_answer(r.deferred, &reply);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.code, COAP_RESPONSE_CODE_CHANGED);
	assert_int_equal(r.handled, 1);
	coaps_rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_deferred_answer_comes_once_and_retransmissions_meanwhile_are_dropped),
		cmocka_unit_test(a_held_request_is_not_sent_again_and_is_answered_by_itself),
	};

	return cmocka_run_group_tests(tests, coaps_rig_make_ca, coaps_rig_remove_ca);
}
