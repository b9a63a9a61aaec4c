// SPDX-License-Identifier: BSD-2-Clause
/* The uplink and one server: what each answer means for the outbox. */
#define _GNU_SOURCE /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "disk_takes.h"
#include "uplink_rig.h"

static void what_the_server_has_is_deleted_in_packs_of_the_batch(void **state)
{
	(void)state;
	rig_put(10);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.posts, 3);
	assert_int_equal(t.sizes[0], 4);
	assert_int_equal(t.sizes[1], 4);
	assert_int_equal(t.sizes[2], 2);
	for (unsigned seq = 1; seq <= 10; seq++) {
		assert_int_equal(t.stored[seq], 1);
	}
	assert_int_equal(uplink().sent, 10);
	assert_int_equal(uplink().failures, 0);
	assert_true(uplink_deadline_ns(t.uplink, rig_now_ns()) == UINT64_MAX);
}

static void only_2_04_is_an_acknowledgement(void **state)
{
	static const uint8_t codes[] = { CODE(2, 1), CODE(2, 3), CODE(2, 5) };

	(void)state;
	rig_put(2);
	for (unsigned i = 0; i < sizeof(codes); i++) {
		t.code = codes[i];
		t.skew_ns += 120 * S;
		UNTIL(uplink().failures == i + 1);
		assert_int_equal(outbox().rows, 2);
	}
	t.code = CODE(2, 4);
	t.skew_ns += 120 * S;
	UNTIL(outbox().rows == 0);
}

static void only_the_reading_that_is_wrong_is_set_aside(void **state)
{
	(void)state;
	t.poison = 6;
	rig_put(12);
	UNTIL(outbox().rows - outbox().refused == 0 && t.gap_posts == 1 && outbox().gaps == 0);
	assert_int_equal(outbox().refused, 1);
	assert_non_null(strstr(t.gaps, "[{\"first\":6,\"last\":6,\"cause\":\"refused\"}]"));
	for (unsigned seq = 1; seq <= 12; seq++) {
		assert_int_equal(t.stored[seq], seq != 6);
	}
	assert_non_null(strstr(uplink().last_error, "record 7: not a number"));
}

static void readings_whose_numbers_are_taken_go_again_in_a_new_epoch(void **state)
{
	uint64_t epoch = outbox().epoch;
	char expected[80];

	(void)state;
	catch_log();
	rig_put(10);
	t.taken_epoch = epoch;
	t.taken = 3;
	UNTIL(outbox().rows == 0 && outbox().gaps == 0);
	assert_true(outbox().epoch != epoch);
	assert_int_equal(outbox().refused, 0);
	assert_int_equal(outbox().next_seq, 14);
	for (unsigned seq = 4; seq <= 13; seq++) { /* 11 to 13 are those of 1 to 3 */
		assert_true(t.stored[seq] >= 1);
	}
	assert_int_equal(t.stored[1] + t.stored[2] + t.stored[3], 0);
	snprintf(expected, sizeof(expected),
		 "[{\"first\":1,\"last\":10,\"cause\":\"renumbered\"}]");
	assert_non_null(strstr(t.gaps, expected));
	assert_true(log_lines("in a new epoch") >= 1);
}

static void an_outbox_behind_the_server_begins_a_new_epoch_before_it_sends(void **state)
{
	uint64_t epoch = outbox().epoch;

	(void)state;
	catch_log();
	t.report = "{\"streams\":[{\"epoch\":\"EPOCH\",\"last\":3,\"holes\":[]}]}";
	rig_put(2);
	UNTIL(outbox().epoch != epoch);
	assert_int_equal(t.posts, 0);
	assert_int_equal(outbox().new_epochs, 1);
	t.report = NULL;
	rig_put(1);
	UNTIL(outbox().rows == 0 && outbox().gaps == 0);
	assert_non_null(strstr(t.gaps, "[{\"first\":1,\"last\":2,\"cause\":\"renumbered\"}]"));
	assert_int_equal(t.stored[1] + t.stored[2] + t.stored[3], 3);
	assert_int_equal(log_lines("a new epoch begins"), 1);
	assert_int_equal(t.checks, 1);
}

static void a_server_that_has_what_was_given_or_cannot_tell_changes_no_epoch(void **state)
{
	static const char *const reports[] = {
		"{\"streams\":[{\"epoch\":\"EPOCH\",\"last\":2,\"holes\":[]}]}",
		"{\"streams\":[{\"epoch\":\"0123456789abcdef\",\"last\":9,\"holes\":[]}]}",
		"{\"streams\":[]}",
		"no JSON",
	};
	uint64_t epoch = outbox().epoch;

	(void)state;
	rig_put(1);
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		t.report = reports[i];
		rig_put(1);
		open_with(NULL, NULL);
		UNTIL(outbox().rows == 0);
		assert_int_equal(t.checks, i + 1);
	}
	t.check_code = CODE(4, 4);
	rig_put(1);
	open_with(NULL, NULL);
	UNTIL(outbox().rows == 0);
	assert_true(outbox().epoch == epoch);
	t.check_code = CODE(5, 3); /* its store is down: so it would be for readings */
	rig_put(1);
	open_with(NULL, NULL);
	UNTIL(uplink().failures == 1);
	assert_int_equal(t.posts, 5);
	t.check_code = 0;
	t.skew_ns += 120 * S;
	UNTIL(outbox().rows == 0);
}

static void what_the_server_has_lost_is_sent_again(void **state)
{
	struct outbox_config config = { .path = t.path,
					.max_rows = 1000,
					.max_bytes = 10000000,
					.keep_us = INT64_C(3600000000),
					.boot = 7 };
	char err[600];

	(void)state;
	outbox_close(t.outbox);
	assert_int_equal(outbox_open(&t.outbox, &config, err, sizeof(err)), 0);
	catch_log();
	rig_put(150);
	UNTIL(outbox().rows == 0);
	assert_int_equal(outbox().kept, 150);
	/* It lacks 5 to 7, and all from 21 on: more than go at once. */
	memset(t.stored, 0, sizeof(t.stored));
	t.report = "{\"streams\":[{\"epoch\":\"EPOCH\",\"last\":20,\"holes\":["
		   "{\"first\":5,\"last\":7,\"cause\":\"never arrived\"}]}]}";
	open_with(NULL, NULL);
	rig_put(1);
	UNTIL(outbox().rows == 0 && t.stored[7] == 1);
	t.skew_ns += 2 * S;
	UNTIL(t.stored[120] == 1 && outbox().rows == 0);
	t.skew_ns += 2 * S;
	UNTIL(t.stored[150] == 1 && outbox().rows == 0);
	for (unsigned seq = 1; seq <= 151; seq++) {
		assert_int_equal(t.stored[seq], (seq >= 5 && seq <= 7) || seq >= 21);
	}
	assert_int_equal(outbox().kept, 151);
	assert_int_equal(log_lines("133 readings that it had confirmed are missing there"), 1);
	t.skew_ns += 2 * S;
	rig_put(1);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.checks, 2);
}

static void what_will_never_come_is_told_until_the_server_knows(void **state)
{
	char expected[160];

	(void)state;
	rig_put(5);
	assert_int_equal(outbox_refuse(t.outbox, outbox().epoch, 2, "it"), 0);
	assert_int_equal(outbox_refuse(t.outbox, outbox().epoch, 3, "it"), 0);
	t.code = CODE(5, 0);
	UNTIL(uplink().failures == 1);
	assert_int_equal(outbox().gaps, 1);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows - outbox().refused == 0 && outbox().gaps == 0);
	snprintf(
		expected, sizeof(expected),
		"{\"epoch\":\"%016llx\",\"gaps\":[{\"first\":2,\"last\":3,\"cause\":\"refused\"}]}",
		(unsigned long long)outbox().epoch);
	assert_string_equal(t.gaps, expected);
	assert_int_equal(t.gap_posts, 2);
}

static void a_server_that_takes_no_note_of_gaps_gets_the_readings(void **state)
{
	(void)state;
	rig_put(3);
	assert_int_equal(outbox_refuse(t.outbox, outbox().epoch, 2, "it"), 0);
	t.gap_code = CODE(4, 5);
	UNTIL(outbox().rows - outbox().refused == 0);
	assert_int_equal(t.gap_posts, 1);
	assert_int_equal(outbox().gaps, 1);
	rig_put(1);
	UNTIL(outbox().rows - outbox().refused == 0);
	assert_int_equal(t.gap_posts, 1);
	t.gap_code = 0;
	t.skew_ns = 601 * S; /* it is asked again after ten minutes */
	UNTIL(outbox().gaps == 0);
}

static void what_a_server_cannot_do_is_told_once(void **state)
{
	(void)state;
	catch_log();
	t.gap_code = CODE(4, 5);
	rig_put(4);
	assert_int_equal(outbox_refuse(t.outbox, outbox().epoch, 1, "it"), 0);
	for (unsigned i = 1; i <= 3; i++) {
		rig_put(1);
		UNTIL_NEEDING(true, outbox().rows - outbox().refused == 0 && t.gap_posts == i &&
					    t.gets == i);
		t.skew_ns += 601 * S;
	}
	assert_int_equal(log_lines("4.05"), 1);
	assert_int_equal(log_lines("GET /time failed (4.04)"), 1);
	assert_int_equal(log_lines("to POST /gaps: it does not learn which readings are lost"), 1);
	t.gap_code = 0;
	rig_put(1);
	UNTIL(outbox().gaps == 0);
	t.gap_code = CODE(4, 5); /* it could, and cannot any more */
	rig_put(1);
	assert_int_equal(outbox_refuse(t.outbox, outbox().epoch, outbox().next_seq - 1, "it"), 0);
	rig_put(1);
	UNTIL(log_lines("4.05") == 2);
}

static void a_disk_that_takes_no_confirmation_is_no_reason_to_send_on_and_on(void **state)
{
	uint64_t wait_ns = 0;

	(void)state;
	rig_put(2);
	t.disk_full = true;
	disk_takes(512);
	for (unsigned i = 1; i <= 6; i++) {
		UNTIL(t.posts == i && uplink().in_flight == 0);
		for (int n = 0; n < 5; n++) {
			rig_turn(false);
		}
		assert_int_equal(t.posts, i);
		assert_int_equal(t.outbox_errors, i);
		wait_ns = uplink_deadline_ns(t.uplink, rig_now_ns()) - rig_now_ns();
		assert_in_range(wait_ns, 0, 64 * S);
		t.skew_ns += wait_ns;
	}
	assert_true(wait_ns > 8 * S); /* it waits longer and longer */
	assert_int_equal(outbox().rows, 2);
	assert_string_equal(uplink().server, t.config.servers[0]);
	disk_takes(RLIM_INFINITY);
	t.disk_full = false;
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.posts, 7);
}

static void a_card_that_takes_nothing_keeps_no_reading_from_the_server(void **state)
{
	struct outbox_config config = { .path = t.path,
					.max_rows = 1000,
					.max_bytes = 10000000,
					.max_memory = 100,
					.boot = 7 };
	char err[600];

	(void)state;
	outbox_close(t.outbox);
	assert_int_equal(outbox_open(&t.outbox, &config, err, sizeof(err)), 0);
	t.disk_full = true;
	disk_takes(512);
	for (unsigned i = 0; i < 50; i++) {
		struct reading r;

		reading_init(&r);
		strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
		r.boot_ns = now_boot_ns();
		assert_int_equal(outbox_put(t.outbox, &r), OUTBOX_UNPROTECTED);
	}
	UNTIL(outbox().unprotected == 0);
	for (unsigned seq = 1; seq <= 50; seq++) {
		assert_int_equal(t.stored[seq], 1);
	}
	assert_int_equal(outbox().not_written, 0);
	disk_takes(RLIM_INFINITY);
}

static void a_server_that_is_busy_is_left_alone_for_max_age(void **state)
{
	uint64_t until;

	(void)state;
	t.code = CODE(5, 3);
	t.max_age_s = 90;
	rig_put(1);
	UNTIL(uplink().failures == 1);
	until = uplink_deadline_ns(t.uplink, rig_now_ns());
	assert_in_range(until - rig_now_ns(), 88 * S, 90 * S);
	t.code = CODE(2, 4);
	t.max_age_s = -1;
	for (int i = 0; i < 5; i++) {
		rig_turn(false);
	}
	assert_int_equal(t.posts, 1);
	t.skew_ns = 91 * S;
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.posts, 2);
}

static void a_server_that_refuses_this_node_keeps_it_waiting_and_nothing_is_lost(void **state)
{
	(void)state;
	t.code = CODE(4, 3);
	rig_put(2);
	UNTIL(uplink().failures == 1);
	assert_non_null(strstr(uplink().last_error, "4.03"));
	assert_non_null(strstr(uplink().last_error, "not your device"));
	assert_int_equal(outbox().rows, 2);
	assert_int_equal(outbox().refused, 0);
	assert_in_range(uplink_deadline_ns(t.uplink, rig_now_ns()) - rig_now_ns(), 0, S);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows == 0);
}

static void a_server_that_was_away_gets_what_was_kept(void **state)
{
	(void)state;
	close(t.fd);
	t.fd = -1;
	rig_put(3);
	UNTIL(uplink().failures >= 2);
	assert_int_equal(outbox().rows, 3);
	assert_true(uplink().last_error[0] != '\0');
	listen_again();
	UNTIL(outbox().rows == 0);
	for (unsigned seq = 1; seq <= 3; seq++) {
		assert_true(t.stored[seq] >= 1); /* the key keeps what comes twice from being stored
						    twice */
	}
}

static void a_server_that_answers_nonsense_costs_neither_readings_nor_the_processor(void **state)
{
	unsigned turns = 0, busy = 0;

	(void)state;
	t.code = NONSENSE;
	rig_put(2);
	while (uplink().failures == 0 && turns < 5000) {
		busy += rig_turn(false) < 1;
		turns++;
	}
	assert_int_equal(uplink().failures, 1);
	assert_true(busy < 200);
	assert_int_equal(outbox().rows, 2);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows == 0);
}

static void an_answer_that_is_too_large_or_no_text_is_told_and_costs_no_reading(void **state)
{
	(void)state;
	t.code = HUGE_ANSWER;
	rig_put(2);
	UNTIL(uplink().failures == 1);
	assert_non_null(strstr(uplink().last_error, "too large"));
	t.code = BINARY;
	UNTIL(uplink().failures == 2);
	assert_non_null(strstr(uplink().last_error, "4.03: ?( ??"));
	assert_int_equal(outbox().rows, 2);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows == 0);
}

static void the_time_is_asked_before_anything_is_sent(void **state)
{
	(void)state;
	t.time = "1797120010000000";
	rig_put(1);
	UNTIL_NEEDING(true, t.stamps == 1);
	assert_int_equal(t.posts, 0);
	assert_int_equal(t.stamp.source, READING_TIME_SERVER);
	assert_in_range(t.stamp.utc_us - INT64_C(1797120010000000), 0, 10000000);
	assert_true(t.stamp.acc_ns < 10 * S && t.stamp.acc_ns > 0);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.gets, 1);
}

static void a_server_without_a_clock_does_not_stop_the_readings(void **state)
{
	static const char *const times[] = { NULL, "half past ten", "", "99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		t.time = times[i];
		rig_put(1);
		UNTIL_NEEDING(true, outbox().rows == 0);
		assert_int_equal(t.stamps, 0);
		t.skew_ns += 601 * S; /* it is asked again after ten minutes */
		assert_int_equal(t.gets, i + 1);
	}
}

static void newest_first_confirms_what_was_sent(void **state)
{
	(void)state;
	t.config.server_order = OUTBOX_NEWEST_FIRST;
	rig_put(6);
	UNTIL(t.posts == 1);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.sizes[0], 4);
	for (unsigned seq = 1; seq <= 6; seq++) {
		assert_int_equal(t.stored[seq], 1);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_the_server_has_is_deleted_in_packs_of_the_batch),
		TEST(only_2_04_is_an_acknowledgement),
		TEST(readings_whose_numbers_are_taken_go_again_in_a_new_epoch),
		TEST(an_outbox_behind_the_server_begins_a_new_epoch_before_it_sends),
		TEST(a_server_that_has_what_was_given_or_cannot_tell_changes_no_epoch),
		TEST(what_the_server_has_lost_is_sent_again),
		TEST(only_the_reading_that_is_wrong_is_set_aside),
		TEST(what_will_never_come_is_told_until_the_server_knows),
		TEST(a_server_that_takes_no_note_of_gaps_gets_the_readings),
		TEST(what_a_server_cannot_do_is_told_once),
		TEST(a_disk_that_takes_no_confirmation_is_no_reason_to_send_on_and_on),
		TEST(a_card_that_takes_nothing_keeps_no_reading_from_the_server),
		TEST(a_server_that_is_busy_is_left_alone_for_max_age),
		TEST(a_server_that_refuses_this_node_keeps_it_waiting_and_nothing_is_lost),
		TEST(a_server_that_was_away_gets_what_was_kept),
		TEST(a_server_that_answers_nonsense_costs_neither_readings_nor_the_processor),
		TEST(an_answer_that_is_too_large_or_no_text_is_told_and_costs_no_reading),
		TEST(the_time_is_asked_before_anything_is_sent),
		TEST(a_server_without_a_clock_does_not_stop_the_readings),
		TEST(newest_first_confirms_what_was_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
