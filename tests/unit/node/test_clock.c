// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "userspace/node/clock.h"

#define S UINT64_C(1000000000)
#define DAY_US (INT64_C(86400) * 1000000)
#define T0 (INT64_C(20800) * DAY_US) /* December 2026 */

static struct clock_stamp stamp(uint64_t boot_ns, int64_t utc_us, enum reading_time_source source,
				uint64_t acc_ns)
{
	return (struct clock_stamp){ boot_ns, utc_us, source, acc_ns };
}

static int feed(struct clock *c, uint64_t boot_ns, int64_t utc_us, enum reading_time_source source,
		uint64_t acc_ns)
{
	struct clock_stamp s = stamp(boot_ns, utc_us, source, acc_ns);

	return clock_feed(c, &s);
}

static void nothing_is_known_before_the_first_stamp(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	assert_int_equal(clock_at(&c, 5 * S).source, READING_TIME_NONE);
}

static void an_instant_before_the_first_stamp_is_dated_by_it(void **state)
{
	struct clock_stamp at;
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	assert_int_equal(feed(&c, 100 * S, T0 + 7000000, READING_TIME_GNSS, 50), CLOCK_FIRST);
	at = clock_at(&c, 40 * S);
	assert_int_equal(at.source, READING_TIME_GNSS);
	assert_true(at.utc_us == T0 + 7000000 - 60 * 1000000);
	assert_true(at.acc_ns == 50 + 60 * S / CLOCK_DRIFT_DIVISOR);
	at = clock_at(&c, 130 * S);
	assert_true(at.utc_us == T0 + 37000000);
}

/* What is known of ms ms; `later_s` later a stamp `by_ms` off, of next_ms: what comes of it. */
static void sources_compete_by_their_uncertainty(void **state)
{
	const enum reading_time_source GNSS = READING_TIME_GNSS, NTP = READING_TIME_NTP,
				       SERVER = READING_TIME_SERVER;
	const struct {
		enum reading_time_source known;
		unsigned ms;
		enum reading_time_source next;
		unsigned next_ms, later_s;
		int64_t by_ms;
		int event;
	} rows[] = {
		/* agreeing */
		{ SERVER, 50, NTP, 5, 1, 3, CLOCK_KEPT },
		{ NTP, 5, GNSS, 75, 1, 3, CLOCK_IGNORED },
		{ NTP, 5, GNSS, 1, 1, 3, CLOCK_KEPT },
		{ GNSS, 75, NTP, 5, 1, 3, CLOCK_KEPT },
		{ GNSS, 1, NTP, 5, 1, 3, CLOCK_IGNORED },
		{ GNSS, 1, GNSS, 1, 1, 0, CLOCK_KEPT },
		{ NTP, 5, NTP, 30, 16, 0, CLOCK_IGNORED },
		/* of a server only the way is known, not how its own clock is set */
		{ SERVER, 1, GNSS, 75, 1, 3, CLOCK_KEPT },
		{ GNSS, 75, SERVER, 1, 1, 3, CLOCK_IGNORED },
		{ SERVER, 1, GNSS, 75, 1, -10800000, CLOCK_STEPPED },
		{ GNSS, 75, SERVER, 1, 1, -10800000, CLOCK_DISAGREES },
		/* 100 us/s: what was 5 is 7 after 20 s */
		{ NTP, 5, GNSS, 7, 20, 0, CLOCK_KEPT },
		{ NTP, 5, GNSS, 8, 20, 0, CLOCK_IGNORED },
		/* differing by more than both */
		{ NTP, 5, GNSS, 75, 1, 81, CLOCK_DISAGREES },
		{ NTP, 5, GNSS, 75, 1, -10800000, CLOCK_DISAGREES },
		{ NTP, 5, GNSS, 1, 1, 10800000, CLOCK_STEPPED },
		{ GNSS, 75, NTP, 5, 1, -1000, CLOCK_STEPPED },
		{ NTP, 5, NTP, 30, 16, 3000, CLOCK_STEPPED }, /* it corrects itself */
		/* not renewed for ten minutes */
		{ GNSS, 1, SERVER, 500, 600, 3000, CLOCK_DISAGREES },
		{ GNSS, 1, SERVER, 500, 601, 3000, CLOCK_STEPPED },
		{ GNSS, 1, SERVER, 500, 601, 0, CLOCK_KEPT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct clock c;
		int event;

		clock_init(&c, T0);
		feed(&c, 10 * S, T0 + DAY_US, rows[i].known, rows[i].ms * UINT64_C(1000000));
		event = feed(&c, (10 + rows[i].later_s) * S,
			     T0 + DAY_US + (int64_t)rows[i].later_s * 1000000 +
				     rows[i].by_ms * 1000,
			     rows[i].next, rows[i].next_ms * UINT64_C(1000000));
		if (event != rows[i].event) {
			fail_msg("row %zu: %d, wanted %d", i, event, rows[i].event);
		}
		assert_int_equal(c.best.source, event == CLOCK_IGNORED || event == CLOCK_DISAGREES
							? rows[i].known
							: rows[i].next);
		assert_int_equal(c.disagrees,
				 event == CLOCK_DISAGREES ? rows[i].next : READING_TIME_NONE);
		assert_true(event != CLOCK_DISAGREES || c.disagrees_us == rows[i].by_ms * 1000);
	}
}

static void of_equal_uncertainty_the_better_source_wins(void **state)
{
	static const enum reading_time_source order[] = { READING_TIME_SERVER, READING_TIME_NTP,
							  READING_TIME_GNSS };

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		for (size_t n = 0; n < 3; n++) {
			struct clock c;

			clock_init(&c, T0);
			feed(&c, 10 * S, T0, order[k], 1000000);
			assert_int_equal(feed(&c, 10 * S, T0, order[n], 1000000),
					 n >= k ? CLOCK_KEPT : CLOCK_IGNORED);
		}
	}
}

static void a_source_that_is_accepted_no_longer_disagrees(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	feed(&c, 10 * S, T0, READING_TIME_GNSS, 1000000);
	assert_int_equal(feed(&c, 20 * S, T0 + 3000000, READING_TIME_NTP, 5000000),
			 CLOCK_DISAGREES);
	assert_int_equal(feed(&c, 900 * S, T0 + 903000000, READING_TIME_NTP, 5000000),
			 CLOCK_STEPPED);
	assert_int_equal(c.disagrees, READING_TIME_NONE);
}

/* An uncertainty that is not stated loses to any, and is an event beyond a second. */
static void a_stamp_of_unknown_uncertainty_does_not_displace_one_that_is_known(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	feed(&c, 1 * S, T0 + DAY_US, READING_TIME_NTP, 5000000);
	assert_int_equal(feed(&c, 2 * S, T0 + DAY_US + 1000000 - INT64_C(10800000000),
			      READING_TIME_GNSS, CLOCK_ACC_UNKNOWN),
			 CLOCK_DISAGREES);
	assert_true(c.disagrees_us == -INT64_C(10800000000));
	assert_int_equal(feed(&c, 18 * S, T0 + DAY_US + 17000000, READING_TIME_NTP, 5000000),
			 CLOCK_KEPT);
	assert_int_equal(c.disagrees, READING_TIME_GNSS);
	assert_int_equal(clock_at(&c, 18 * S).source, READING_TIME_NTP);
	assert_true(clock_at(&c, 18 * S).utc_us == T0 + DAY_US + 17000000);
	assert_int_equal(
		feed(&c, 19 * S, T0 + DAY_US + 18900000, READING_TIME_GNSS, CLOCK_ACC_UNKNOWN),
		CLOCK_IGNORED);
	assert_int_equal(c.disagrees, READING_TIME_NONE); /* it agrees again */
	/* Alone it is better than nothing, and gives way to any that is stated. */
	clock_init(&c, T0);
	assert_int_equal(feed(&c, 1 * S, T0 + DAY_US, READING_TIME_GNSS, CLOCK_ACC_UNKNOWN),
			 CLOCK_FIRST);
	assert_int_equal(feed(&c, 2 * S, T0 + DAY_US + 5000000, READING_TIME_SERVER, 50000000),
			 CLOCK_STEPPED);
}

static void a_fix_sets_the_clock_by_the_middle_of_its_possible_age(void **state)
{
	struct gnss_fix fix = { .received_ns = 5 * S,
				.age_min_ns = 8000000,
				.age_max_ns = 168000000,
				.time_known = true,
				.utc_us = T0,
				.tacc_ns = 30 };
	struct clock_stamp s;

	(void)state;
	assert_true(clock_stamp_of_fix(&fix, &s));
	assert_int_equal(s.source, READING_TIME_GNSS);
	assert_true(s.boot_ns == 5 * S);
	assert_true(s.utc_us == T0 + 88000);
	assert_true(s.acc_ns == 80000030);
	fix.tacc_ns = UINT32_MAX;
	assert_true(clock_stamp_of_fix(&fix, &s) && s.acc_ns == CLOCK_ACC_UNKNOWN);
	fix.age_max_ns = UINT64_MAX; /* an answer to a poll */
	assert_false(clock_stamp_of_fix(&fix, &s));
	fix.age_max_ns = 168000000;
	fix.time_known = false;
	assert_false(clock_stamp_of_fix(&fix, &s));
}

static void a_fix_contradicts_a_clock_only_beyond_what_either_may_be_off(void **state)
{
	struct gnss_fix fix = {
		.received_ns = 5 * S, .age_max_ns = 100000000, .time_known = true, .tacc_ns = 30
	};
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	fix.utc_us = T0;
	assert_false(clock_contradicts_fix(&c, &fix)); /* nothing is known */
	feed(&c, 5 * S, T0 + DAY_US, READING_TIME_SERVER, 1000000);
	assert_false(clock_contradicts_fix(&c, &fix)); /* a server may be wrong */
	feed(&c, 5 * S, T0 + DAY_US, READING_TIME_NTP, 5000000);
	assert_true(clock_contradicts_fix(&c, &fix));
	fix.utc_us = T0 + DAY_US - 50000; /* its age */
	assert_false(clock_contradicts_fix(&c, &fix));
	fix.utc_us = T0 + DAY_US - 106000;
	assert_true(clock_contradicts_fix(&c, &fix));
	fix.age_max_ns = UINT64_MAX; /* polled: up to an epoch old */
	assert_false(clock_contradicts_fix(&c, &fix));
	fix.utc_us = T0 + DAY_US - 65000000;
	assert_false(clock_contradicts_fix(&c, &fix));
	fix.utc_us = T0 + DAY_US + 1000000; /* but not of the future */
	assert_true(clock_contradicts_fix(&c, &fix));
}

static void a_difference_beyond_both_uncertainties_is_a_step(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	feed(&c, 10 * S, T0, READING_TIME_NTP, 20000000);
	/* 10 s later: 20 ms + 1 ms of drift + 20 ms of the new one */
	assert_int_equal(feed(&c, 20 * S, T0 + 10000000 + 41000, READING_TIME_NTP, 20000000),
			 CLOCK_KEPT);
	assert_int_equal(feed(&c, 20 * S, T0 + 10000000, READING_TIME_NTP, 20000000),
			 CLOCK_STEPPED);
	assert_true(c.step_us == -41000);
	assert_true(clock_at(&c, 20 * S).utc_us == T0 + 10000000);
}

static void a_time_before_its_bound_is_not_believed(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	assert_int_equal(feed(&c, 10 * S, T0 - 1, READING_TIME_GNSS, 1), -ERANGE);
	assert_int_equal(feed(&c, 10 * S, INT64_MAX, READING_TIME_GNSS, 1), -ERANGE);
	assert_int_equal(feed(&c, 10 * S, T0, READING_TIME_NONE, 1), -ERANGE);
	assert_int_equal(c.best.source, READING_TIME_NONE);
	assert_int_equal(feed(&c, 10 * S, T0, READING_TIME_GNSS, 1), CLOCK_FIRST);
}

static void a_time_that_no_reading_can_have_is_not_believed(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	assert_int_equal(feed(&c, 10 * S, READING_UTC_MAX_US, READING_TIME_GNSS, 1), -ERANGE);
	assert_int_equal(feed(&c, 10 * S, READING_UTC_MAX_US - 1, READING_TIME_GNSS, 1),
			 CLOCK_FIRST);
}

static void any_source_will_do_when_the_best_was_not_renewed(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	assert_true(clock_wants_any(&c, 10 * S));
	feed(&c, 10 * S, T0, READING_TIME_SERVER, 1);
	assert_false(clock_wants_any(&c, 10 * S + CLOCK_HOLD_NS));
	assert_true(clock_wants_any(&c, 10 * S + CLOCK_HOLD_NS + 1));
	assert_false(clock_wants_any(&c, 9 * S)); /* an instant before it */
}

static void an_unknown_uncertainty_stays_unknown(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	feed(&c, 10 * S, T0, READING_TIME_GNSS, CLOCK_ACC_UNKNOWN);
	assert_true(clock_at(&c, 500 * S).acc_ns == CLOCK_ACC_UNKNOWN);
	assert_true(clock_acc_add(CLOCK_ACC_UNKNOWN - 1, 1) == CLOCK_ACC_UNKNOWN);
	assert_true(clock_acc_add(CLOCK_ACC_UNKNOWN - 1, 2) == CLOCK_ACC_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_before_the_first_stamp),
		cmocka_unit_test(an_instant_before_the_first_stamp_is_dated_by_it),
		cmocka_unit_test(sources_compete_by_their_uncertainty),
		cmocka_unit_test(of_equal_uncertainty_the_better_source_wins),
		cmocka_unit_test(a_source_that_is_accepted_no_longer_disagrees),
		cmocka_unit_test(
			a_stamp_of_unknown_uncertainty_does_not_displace_one_that_is_known),
		cmocka_unit_test(a_fix_sets_the_clock_by_the_middle_of_its_possible_age),
		cmocka_unit_test(a_fix_contradicts_a_clock_only_beyond_what_either_may_be_off),
		cmocka_unit_test(a_difference_beyond_both_uncertainties_is_a_step),
		cmocka_unit_test(a_time_before_its_bound_is_not_believed),
		cmocka_unit_test(a_time_that_no_reading_can_have_is_not_believed),
		cmocka_unit_test(any_source_will_do_when_the_best_was_not_renewed),
		cmocka_unit_test(an_unknown_uncertainty_stays_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
