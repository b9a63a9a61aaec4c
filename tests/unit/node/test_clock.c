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

/* first: what is known; then a stamp; what comes of it */
static void a_stamp_is_taken_by_rank_and_age(void **state)
{
	static const struct {
		enum reading_time_source known, next;
		uint64_t later_s;
		int event;
	} rows[] = {
		{ READING_TIME_SERVER, READING_TIME_SERVER, 1, CLOCK_KEPT },
		{ READING_TIME_SERVER, READING_TIME_NTP, 1, CLOCK_KEPT },
		{ READING_TIME_SERVER, READING_TIME_GNSS, 1, CLOCK_KEPT },
		{ READING_TIME_NTP, READING_TIME_SERVER, 1, CLOCK_IGNORED },
		{ READING_TIME_GNSS, READING_TIME_SERVER, 1, CLOCK_IGNORED },
		{ READING_TIME_GNSS, READING_TIME_NTP, 600, CLOCK_IGNORED },
		{ READING_TIME_GNSS, READING_TIME_NTP, 601, CLOCK_KEPT },
		{ READING_TIME_GNSS, READING_TIME_SERVER, 601, CLOCK_KEPT },
		{ READING_TIME_NTP, READING_TIME_GNSS, 1, CLOCK_KEPT },
		{ READING_TIME_HOST, READING_TIME_NTP, 1, CLOCK_KEPT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct clock c;

		clock_init(&c, T0);
		assert_int_equal(feed(&c, 10 * S, T0, rows[i].known, 1000000), CLOCK_FIRST);
		assert_int_equal(feed(&c, (10 + rows[i].later_s) * S,
				      T0 + (int64_t)rows[i].later_s * 1000000, rows[i].next,
				      1000000),
				 rows[i].event);
		assert_int_equal(c.best.source,
				 rows[i].event == CLOCK_IGNORED ? rows[i].known : rows[i].next);
	}
}

static void a_difference_beyond_both_uncertainties_is_a_step(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	feed(&c, 10 * S, T0, READING_TIME_NTP, 20000000);
	/* 10 s later: 20 ms + 1 ms of drift + 30 ms of the new one */
	assert_int_equal(feed(&c, 20 * S, T0 + 10000000 + 51000, READING_TIME_NTP, 30000000),
			 CLOCK_KEPT);
	assert_int_equal(feed(&c, 20 * S, T0 + 10000000 - 61000, READING_TIME_NTP, 30000000),
			 CLOCK_STEPPED);
	assert_true(c.step_us == -112000);
	assert_true(clock_at(&c, 20 * S).utc_us == T0 + 10000000 - 61000);
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
		cmocka_unit_test(a_stamp_is_taken_by_rank_and_age),
		cmocka_unit_test(a_difference_beyond_both_uncertainties_is_a_step),
		cmocka_unit_test(a_time_before_its_bound_is_not_believed),
		cmocka_unit_test(a_time_that_no_reading_can_have_is_not_believed),
		cmocka_unit_test(any_source_will_do_when_the_best_was_not_renewed),
		cmocka_unit_test(an_unknown_uncertainty_stays_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
