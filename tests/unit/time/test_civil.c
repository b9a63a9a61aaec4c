// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "time/civil.h"

static void every_day_of_years_1_to_9999_agrees_with_the_c_library(void **state)
{
	const struct civil first = { .year = 1, .month = 1, .day = 1 };
	int64_t s = civil_to_s(&first);

	(void)state;
	assert_int_equal(s, INT64_C(-62135596800)); /* date -d 0001-01-01 +%s */
	for (; s < INT64_C(253402300800); s += 86400 + 3599 * (s % 7 == 0)) {
		time_t t = (time_t)s;
		struct civil c;
		struct tm tm;

		gmtime_r(&t, &tm);
		civil_from_s(s, &c);
		assert_int_equal(c.year, tm.tm_year + 1900);
		assert_int_equal(c.month, tm.tm_mon + 1);
		assert_int_equal(c.day, tm.tm_mday);
		assert_int_equal(c.hour, tm.tm_hour);
		assert_int_equal(c.min, tm.tm_min);
		assert_int_equal(c.sec, tm.tm_sec);
		assert_true(civil_is_valid(&c));
		assert_int_equal(civil_to_s(&c), s);
	}
}

static void a_date_that_does_not_exist_is_not_valid(void **state)
{
	static const struct {
		struct civil date;
		bool is_valid;
	} cases[] = {
		{ { 2024, 2, 29, 0, 0, 0 }, true },   { { 2023, 2, 29, 0, 0, 0 }, false },
		{ { 2000, 2, 29, 0, 0, 0 }, true },   { { 1900, 2, 29, 0, 0, 0 }, false },
		{ { 1, 1, 1, 0, 0, 0 }, true },	      { { 0, 12, 31, 0, 0, 0 }, false },
		{ { 9999, 12, 31, 0, 0, 0 }, true },  { { 10000, 1, 1, 0, 0, 0 }, false },
		{ { 2026, 0, 1, 0, 0, 0 }, false },   { { 2026, 13, 1, 0, 0, 0 }, false },
		{ { 2026, 12, 1, 0, 0, 0 }, true },   { { 2026, 4, 30, 0, 0, 0 }, true },
		{ { 2026, 4, 31, 0, 0, 0 }, false },  { { 2026, 1, 0, 0, 0, 0 }, false },
		{ { 2026, 1, 1, 23, 59, 60 }, true }, { { 2026, 1, 1, 23, 59, 61 }, false },
		{ { 2026, 1, 1, 24, 0, 0 }, false },  { { 2026, 1, 1, 0, 60, 0 }, false },
		{ { 2026, 1, 1, -1, 0, 0 }, false },  { { 2026, 1, 1, 0, -1, 0 }, false },
		{ { 2026, 1, 1, 0, 0, -1 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(civil_is_valid(&cases[i].date), cases[i].is_valid);
	}
}

static void a_leap_second_is_the_first_second_of_the_next_minute(void **state)
{
	const struct civil leap = { 2016, 12, 31, 23, 59, 60 };

	(void)state;
	assert_int_equal(civil_to_s(&leap), INT64_C(1483228800)); /* 2017-01-01T00:00:00Z */
}

static void a_date_has_a_text(void **state)
{
	char text[CIVIL_TEXT_SIZE];

	(void)state;
	assert_string_equal(civil_text(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(civil_text(1795459623, text), "2026-11-23T18:47:03Z");
	assert_string_equal(civil_text(253402300799, text), "9999-12-31T23:59:59Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_years_1_to_9999_agrees_with_the_c_library),
		cmocka_unit_test(a_date_that_does_not_exist_is_not_valid),
		cmocka_unit_test(a_leap_second_is_the_first_second_of_the_next_minute),
		cmocka_unit_test(a_date_has_a_text),
	};

	return cmocka_run_group_tests_name("civil", tests, NULL, NULL);
}
