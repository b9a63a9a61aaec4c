// SPDX-License-Identifier: BSD-2-Clause
/* The outbox's gaps: what they hold, and that none is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "disk_takes.h"
#include "outbox_place.h"
#include "peek_readings.h"

static void a_gap_holds_only_what_was_dropped_not_what_was_confirmed(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[4];

	p->config.max_rows = 4;
	assert_int_equal(place_reopen(p), 0);
	for (uint64_t i = 1; i <= 4; i++) {
		place_put(p, i);
	}
	outbox_confirm(p->o, stats(p).epoch, 2, 3);
	for (uint64_t i = 5; i <= 8; i++) {
		place_put(p, i);
	}
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 4), 2);
	assert_int_equal(gaps[0].first, 1);
	assert_int_equal(gaps[0].last, 1);
	assert_int_equal(gaps[1].first, 4);
	assert_int_equal(gaps[1].last, 4);
	assert_int_equal(outbox_gaps(p->o, 2, gaps, 4), 1);
}

static void a_gap_that_the_server_knows_is_gone_unless_it_has_grown(void **state)
{
	struct place *p = *state;
	struct outbox_gap told, now;

	p->config.max_rows = 3;
	assert_int_equal(place_reopen(p), 0);
	for (uint64_t i = 1; i <= 5; i++) {
		place_put(p, i);
	}
	assert_int_equal(outbox_gaps(p->o, 1, &told, 1), 1);
	assert_int_equal(told.last, 2);
	place_put(p, 6);
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &told), 0);
	assert_int_equal(outbox_gaps(p->o, 1, &now, 1), 1);
	assert_int_equal(now.first, 1);
	assert_int_equal(now.last, 3);
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch + 1, &now), 0); /* of another file
										  */
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &now), 1);
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &now), 0);
	assert_int_equal(stats(p).gaps, 0);
	assert_int_equal(outbox_refuse(p->o, stats(p).epoch, 6, "it"), 0);
	assert_int_equal(outbox_confirm(p->o, stats(p).epoch, 4, 5), 2);
	assert_int_equal(outbox_gaps(p->o, 1, &now, 1), 1);
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &now), 1);
	assert_int_equal(place_reopen(p), 0);
	assert_int_equal(place_put(p, 7).seq, 7);
}

/* Gives 1 and 2, and 3 to 5, which the disk does not take. */
static void give_five_of_which_two_are_written(struct place *p)
{
	rlim_t before;

	place_put(p, 1);
	place_put(p, 2);
	before = disk_takes(512);
	for (uint64_t i = 3; i <= 5; i++) {
		struct reading r = sample(i);

		assert_true(outbox_put(p->o, &r) < 0);
		assert_true(outbox_reason(p->o)[0] != '\0');
	}
	assert_true(outbox_confirm(p->o, stats(p).epoch, 1, 1) < 0); /* it stays, as it cannot be
									deleted */
	disk_takes(before);
	assert_int_equal(stats(p).not_written, 3);
	assert_int_equal(stats(p).rows, 2);
}

static void assert_gap_of_three_to_five(struct place *p)
{
	struct outbox_gap gaps[2];

	assert_int_equal(outbox_gaps(p->o, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 3);
	assert_int_equal(gaps[0].last, 5);
	assert_int_equal(gaps[0].reason, OUTBOX_GAP_NOT_WRITTEN);
}

static void what_the_disk_does_not_take_is_counted_and_in_a_gap(void **state)
{
	struct place *p = *state;
	struct reading out[8];

	give_five_of_which_two_are_written(p);
	assert_int_equal(peek_readings(p->o, OUTBOX_OLDEST_FIRST, none, out, 8), 2); /* what there
										      is can be sent
										    */
	assert_int_equal(place_put(p, 6).seq, 6);
	assert_gap_of_three_to_five(p);
	assert_int_equal(outbox_confirm(p->o, stats(p).epoch, 1, 6), 3);
}

/* Each of these saves that 3 to 5 were given: it must save what became of them too. */

static void the_gap_is_there_when_a_confirm_comes_before_the_next_put(void **state)
{
	struct place *p = *state;

	give_five_of_which_two_are_written(p);
	assert_int_equal(outbox_confirm(p->o, stats(p).epoch, 1, 2), 2);
	assert_int_equal(place_crash(p), 0);
	assert_gap_of_three_to_five(p);
	assert_int_equal(place_put(p, 6).seq, 6);
}

static void the_gap_is_there_when_a_refusal_comes_before_the_next_put(void **state)
{
	struct place *p = *state;
	struct outbox_gap gaps[3];

	give_five_of_which_two_are_written(p);
	assert_int_equal(outbox_refuse(p->o, stats(p).epoch, 2, "4.00"), 0);
	assert_int_equal(place_crash(p), 0);
	assert_int_equal(outbox_gaps(p->o, 1, gaps, 3), 2);
	assert_int_equal(gaps[0].first, 2);
	assert_int_equal(gaps[1].first, 3);
	assert_int_equal(gaps[1].last, 5);
}

static void the_gap_is_there_when_another_is_confirmed_before_the_next_put(void **state)
{
	struct place *p = *state;
	struct outbox_gap gap;

	place_put(p, 1);
	assert_int_equal(outbox_refuse(p->o, stats(p).epoch, 1, "4.00"), 0);
	assert_int_equal(outbox_gaps(p->o, 1, &gap, 1), 1);
	place_put(p, 2);
	{
		rlim_t before = disk_takes(512);
		struct reading r = sample(3);

		assert_true(outbox_put(p->o, &r) < 0);
		disk_takes(before);
	}
	assert_int_equal(outbox_confirm_gap(p->o, stats(p).epoch, &gap), 1);
	assert_int_equal(place_crash(p), 0);
	assert_int_equal(outbox_gaps(p->o, 1, &gap, 1), 1);
	assert_int_equal(gap.first, 3);
	assert_int_equal(gap.last, 3);
	assert_int_equal(place_put(p, 4).seq, 4);
}

static void the_gap_is_there_when_the_outbox_is_closed_before_the_next_put(void **state)
{
	struct place *p = *state;

	give_five_of_which_two_are_written(p);
	assert_int_equal(place_reopen(p), 0);
	assert_gap_of_three_to_five(p);
	assert_int_equal(place_put(p, 6).seq, 6);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_gap_holds_only_what_was_dropped_not_what_was_confirmed),
		TEST(a_gap_that_the_server_knows_is_gone_unless_it_has_grown),
		TEST(what_the_disk_does_not_take_is_counted_and_in_a_gap),
		TEST(the_gap_is_there_when_a_confirm_comes_before_the_next_put),
		TEST(the_gap_is_there_when_a_refusal_comes_before_the_next_put),
		TEST(the_gap_is_there_when_another_is_confirmed_before_the_next_put),
		TEST(the_gap_is_there_when_the_outbox_is_closed_before_the_next_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
