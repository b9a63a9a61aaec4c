// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "userspace/node/uplink_plan.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)

static void start(struct uplink_plan *p, unsigned batch, unsigned servers, uint64_t seed)
{
	const struct uplink_plan_config config = { .batch = batch,
						   .window = 32,
						   .servers = servers,
						   .backoff_max_ms = 60000,
						   .seed = seed };

	uplink_plan_init(p, &config);
}

/* A request of n readings that is answered at once. */
static enum uplink_verdict answer(struct uplink_plan *p, unsigned code, int64_t max_age_s,
				  unsigned n, uint64_t now_ns)
{
	return uplink_plan_answer(p, uplink_plan_sent(p, n, now_ns), code, max_age_s, now_ns);
}

static void no_answer(struct uplink_plan *p, uint64_t now_ns)
{
	uplink_plan_no_answer(p, uplink_plan_sent(p, 1, now_ns), now_ns);
}

static void each_answer_means_one_thing_for_the_pack(void **state)
{
	static const struct {
		unsigned class, detail, n;
		enum uplink_verdict verdict;
		bool at_once;
	} rows[] = {
		{ 2, 1, 9, UPLINK_KEEP, false },  { 2, 4, 9, UPLINK_CONFIRM, true },
		{ 2, 5, 9, UPLINK_KEEP, false },  { 2, 31, 1, UPLINK_KEEP, false },
		{ 4, 0, 9, UPLINK_HALVE, true },  { 4, 0, 1, UPLINK_REFUSE, true },
		{ 4, 1, 1, UPLINK_KEEP, false },  { 4, 3, 1, UPLINK_KEEP, false },
		{ 4, 4, 1, UPLINK_KEEP, false },  { 4, 6, 1, UPLINK_REFUSE, true },
		{ 4, 8, 1, UPLINK_KEEP, false },  { 4, 13, 2, UPLINK_HALVE, true },
		{ 4, 9, 2, UPLINK_HALVE, true },  { 4, 9, 1, UPLINK_RENUMBER, true },
		{ 4, 15, 1, UPLINK_KEEP, false }, { 4, 22, 1, UPLINK_REFUSE, true },
		{ 5, 0, 9, UPLINK_KEEP, false },  { 5, 3, 1, UPLINK_KEEP, false },
		{ 3, 0, 1, UPLINK_KEEP, false }, /* not a class that exists */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uplink_plan p;

		start(&p, 64, 1, i);
		assert_int_equal(answer(&p, UPLINK_CODE(rows[i].class, rows[i].detail), -1,
					rows[i].n, 7 * S),
				 rows[i].verdict);
		assert_int_equal(uplink_plan_may_send(&p, 0, 7 * S), rows[i].at_once);
		assert_true(uplink_plan_may_send(&p, 0, 7 * S + UPLINK_MAX_AGE_DEFAULT_S * S));
	}
}

static void a_refused_pack_is_halved_down_to_the_reading_that_is_wrong(void **state)
{
	struct uplink_plan p;
	unsigned n = 64, sent = 0;

	(void)state;
	start(&p, 64, 1, 1);
	while (answer(&p, UPLINK_CODE(4, 0), -1, n, 0) == UPLINK_HALVE) {
		assert_true(p.limit < n && p.limit > 0);
		n = p.limit;
		sent++;
	}
	assert_int_equal(n, 1);
	assert_int_equal(sent, 6);
	while (p.limit < 64) { /* and grows again */
		unsigned before = p.limit;

		assert_int_equal(answer(&p, UPLINK_CODE(2, 4), -1, p.limit, 0), UPLINK_CONFIRM);
		assert_true(p.limit > before);
	}
	assert_int_equal(p.limit, 64);
}

static void the_limit_grows_to_a_batch_that_is_no_power_of_two(void **state)
{
	struct uplink_plan p;

	(void)state;
	start(&p, 7, 1, 1);
	p.limit = 1;
	for (int i = 0; i < 5; i++) {
		answer(&p, UPLINK_CODE(2, 4), -1, p.limit, 0);
		assert_true(p.limit <= 7);
	}
	assert_int_equal(p.limit, 7);
}

static void max_age_is_waited_for_but_not_for_days(void **state)
{
	static const struct {
		int64_t max_age_s;
		uint64_t wait_s;
	} rows[] = { { 5, 5 }, { 0, 1 }, { -1, 60 }, { 600, 600 }, { 4294967295, 600 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uplink_plan p;

		start(&p, 64, 1, i);
		assert_int_equal(answer(&p, UPLINK_CODE(5, 3), rows[i].max_age_s, 3, 100 * S),
				 UPLINK_KEEP);
		assert_false(uplink_plan_may_send(&p, 0, 100 * S + rows[i].wait_s * S - 1));
		assert_true(uplink_plan_may_send(&p, 0, 100 * S + rows[i].wait_s * S));
	}
}

static void the_back_off_doubles_to_its_maximum_with_jitter_and_begins_again_after_success(
	void **state)
{
	struct uplink_plan p;
	uint64_t bound_ms = 1000;

	(void)state;
	start(&p, 64, 1, 12345);
	for (int i = 0; i < 12; i++) {
		no_answer(&p, 50 * S);
		assert_in_range(p.not_before_ns - 50 * S, bound_ms / 2 * MS, bound_ms * MS);
		bound_ms = bound_ms * 2 < 60000 ? bound_ms * 2 : 60000;
	}
	answer(&p, UPLINK_CODE(2, 4), -1, 1, 50 * S);
	no_answer(&p, 50 * S);
	assert_in_range(p.not_before_ns - 50 * S, 500 * MS, 1000 * MS);
}

static void nodes_that_lost_the_same_server_come_back_apart(void **state)
{
	unsigned tenth[10] = { 0 };

	(void)state;
	for (uint64_t node = 0; node < 1000; node++) {
		struct uplink_plan p;

		start(&p, 64, 1, node * UINT64_C(0x9e3779b97f4a7c15));
		for (int i = 0; i < 8; i++) {
			no_answer(&p, 0);
		}
		tenth[(p.not_before_ns / MS - 30000) * 10 / 30001]++;
	}
	for (int i = 0; i < 10; i++) {
		assert_in_range(tenth[i], 60, 140);
	}
}

static void the_window_grows_with_quick_answers_and_is_halved_once_by_slow_ones(void **state)
{
	struct uplink_plan p;
	struct uplink_attempt asked[32];

	(void)state;
	start(&p, 64, 1, 1);
	assert_true(uplink_plan_may_send(&p, 0, S));
	assert_false(uplink_plan_may_send(&p, 1, S));
	for (unsigned i = 0; i < 100; i++) {
		answer(&p, UPLINK_CODE(2, 4), -1, 1, S);
	}
	assert_int_equal(p.window, 32);
	assert_true(uplink_plan_may_send(&p, 31, S));
	assert_false(uplink_plan_may_send(&p, 32, S));
	for (unsigned i = 0; i < 32; i++) {
		asked[i] = uplink_plan_sent(&p, 1, 2 * S);
	}
	for (unsigned i = 0; i < 32; i++) { /* all of one lost second: that is one sign, not 32 */
		uplink_plan_answer(&p, asked[i], UPLINK_CODE(2, 4), -1, 3 * S);
	}
	assert_int_equal(p.window, 16);
	for (unsigned i = 0; i < 10; i++) {
		uplink_plan_answer(&p, uplink_plan_sent(&p, 1, (4 + 2 * i) * S), UPLINK_CODE(2, 4),
				   -1, (5 + 2 * i) * S);
	}
	assert_int_equal(p.window, 1);
}

static void a_failure_ends_the_round_and_is_one_failure_however_many_were_under_way(void **state)
{
	struct uplink_plan p;
	struct uplink_attempt asked[8];

	(void)state;
	start(&p, 64, 1, 1);
	p.window = 32;
	for (unsigned i = 0; i < 8; i++) {
		asked[i] = uplink_plan_sent(&p, 3, S);
	}
	uplink_plan_no_answer(&p, asked[0], S);
	assert_int_equal(p.backoff_ms, 1000);
	for (unsigned i = 1; i < 7; i++) {
		uplink_plan_no_answer(&p, asked[i], S);
	}
	assert_int_equal(p.backoff_ms, 1000);
	assert_int_equal(uplink_plan_answer(&p, asked[7], UPLINK_CODE(2, 4), -1, S),
			 UPLINK_CONFIRM);
	assert_false(uplink_plan_may_send(&p, 0, S)); /* that one had been answered before */
	assert_false(uplink_plan_may_send(&p, 1, 3 * S)); /* what is under way is waited for */
	assert_true(uplink_plan_may_send(&p, 0, 3 * S));
	assert_int_equal(p.window, 1);
	answer(&p, UPLINK_CODE(2, 4), -1, 1, 3 * S);
	assert_true(uplink_plan_may_send(&p, 1, 3 * S)); /* several again */
}

static void servers_are_tried_in_their_order_before_there_is_a_wait(void **state)
{
	struct uplink_plan p;

	(void)state;
	start(&p, 64, 3, 1);
	no_answer(&p, S);
	assert_int_equal(p.server, 1);
	assert_true(uplink_plan_may_send(&p, 0, S));
	answer(&p, UPLINK_CODE(5, 3), 30, 1, S);
	assert_int_equal(p.server, 2);
	assert_true(uplink_plan_may_send(&p, 0, S));
	no_answer(&p, S);
	assert_int_equal(p.server, 0);
	assert_false(uplink_plan_may_send(&p, 0, S));
	assert_true(uplink_plan_may_send(&p, 0, 2 * S));
}

static void the_first_server_is_tried_again_in_its_time_and_costs_one_request_while_it_is_down(
	void **state)
{
	const uint64_t later = S + UPLINK_RETURN_MAXIMA * 60 * S;
	struct uplink_plan p;

	(void)state;
	start(&p, 64, 2, 1);
	no_answer(&p, S);
	assert_int_equal(p.server, 1);
	answer(&p, UPLINK_CODE(2, 4), -1, 1, S);
	p.window = 8;
	assert_true(uplink_plan_may_send(&p, 0, later - 1));
	assert_int_equal(p.server, 1);
	assert_false(uplink_plan_may_send(&p, 3, later)); /* the second one's are waited for */
	assert_int_equal(p.server, 1);
	assert_true(uplink_plan_may_send(&p, 0, later));
	assert_int_equal(p.server, 0);
	no_answer(&p, later);
	assert_int_equal(p.server, 1);
	assert_true(uplink_plan_may_send(&p, 0, later));
	assert_int_equal(p.server, 1);
	assert_true(uplink_plan_may_send(&p, 0, 2 * later));
	assert_int_equal(p.server, 0);
	answer(&p, UPLINK_CODE(2, 4), -1, 1, 2 * later);
	assert_true(uplink_plan_may_send(&p, 0, 3 * later));
	assert_int_equal(p.server, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_means_one_thing_for_the_pack),
		cmocka_unit_test(a_refused_pack_is_halved_down_to_the_reading_that_is_wrong),
		cmocka_unit_test(the_limit_grows_to_a_batch_that_is_no_power_of_two),
		cmocka_unit_test(max_age_is_waited_for_but_not_for_days),
		cmocka_unit_test(
			the_back_off_doubles_to_its_maximum_with_jitter_and_begins_again_after_success),
		cmocka_unit_test(
			the_window_grows_with_quick_answers_and_is_halved_once_by_slow_ones),
		cmocka_unit_test(
			a_failure_ends_the_round_and_is_one_failure_however_many_were_under_way),
		cmocka_unit_test(servers_are_tried_in_their_order_before_there_is_a_wait),
		cmocka_unit_test(
			the_first_server_is_tried_again_in_its_time_and_costs_one_request_while_it_is_down),
		cmocka_unit_test(nodes_that_lost_the_same_server_come_back_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
