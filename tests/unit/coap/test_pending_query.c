// SPDX-License-Identifier: BSD-2-Clause
/* pending_query: peers take turns. */
#define _GNU_SOURCE
#include "server_rig.h"

#include <stdlib.h>
#include <time.h>

#define GREEDY 32 /* COAPS_REQUESTS_MAX */

static unsigned greedy_answers;

static void on_greedy_answer(void *arg, const struct coaps_response *r)
{
	(void)arg;
	assert_int_equal(r->cause, COAPS_ANSWERED);
	assert_int_equal(r->code, CODE(2, 5));
	greedy_answers++;
}

static void one_that_asks_for_much_does_not_make_another_wait(void **state)
{
	struct coaps_client *greedy;
	time_t until = time(NULL) + 60;

	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 200), CODE(2, 4));
	greedy = rig.client;
	rig.client = NULL;
	be("operator");
	assert_int_equal(get("/time"), CODE(2, 5));
	greedy_answers = 0;
	for (unsigned i = 0; i < GREEDY; i++) {
		assert_int_equal(
			coaps_client_request(
				greedy,
				&(struct coaps_request){ .method = COAPS_GET,
							 .path = "/gpsflowtemp/" NODE "?limit=200",
							 .content_format = -1,
							 .accept = SENML_JSON },
				on_greedy_answer, NULL),
			0);
	}
	while (greedy_answers == 0) {
		assert_true(time(NULL) < until);
		turn(10);
		coaps_client_process(greedy);
	}
	ask(COAPS_GET, "/gpsflowtemp", -1, -1, NULL, 0);
	while (!rig.answered) {
		assert_true(time(NULL) < until);
		turn(10);
		coaps_client_process(greedy);
	}
	assert_int_equal(rig.code, CODE(2, 5));
	assert_true(greedy_answers < GREEDY / 2);
	while (greedy_answers < GREEDY) {
		assert_true(time(NULL) < until);
		turn(10);
		coaps_client_process(greedy);
	}
	coaps_client_free(greedy);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		ON(one_that_asks_for_much_does_not_make_another_wait, start),
	};

	return cmocka_run_group_tests_name("pending_query", all, NULL, NULL);
}

int main(void)
{
	return rig_run("test_pending_query", tests);
}
