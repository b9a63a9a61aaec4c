// SPDX-License-Identifier: BSD-2-Clause
/* Decimal numbers: exact over the full ranges, through text and through floats. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_reading.h"
#include "userspace/reading/senml_number.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void integers_of_every_size_come_back_from_text(void **state)
{
	char text[SENML_NUMBER_TEXT];
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		int exponent = -(int)random_below(&seed, 21);
		uint64_t bits = random_bits(&seed, 1 + (unsigned)random_below(&seed, 64)), u;
		struct senml_number n = senml_number_u64(bits, exponent);
		int64_t value;

		assert_in_range(senml_number_print(&n, text), 1, sizeof(text) - 1);
		assert_int_equal(senml_number_parse(text, strlen(text), &n), 0);
		assert_int_equal(senml_number_to_u64(&n, exponent, &u), 0);
		assert_true(u == bits);
		n = senml_number_i64((int64_t)bits, exponent);
		senml_number_print(&n, text);
		assert_int_equal(senml_number_parse(text, strlen(text), &n), 0);
		assert_int_equal(senml_number_to_i64(&n, exponent, &value), 0);
		assert_true(value == (int64_t)bits);
	}
}

/* What an encoder that has only doubles sends. */
static void scaled_32_bit_integers_come_back_from_doubles_and_small_ones_from_singles(void **state)
{
	static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7 };
	uint64_t seed = 2;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		int exponent = -(int)random_below(&seed, COUNT(power));
		int32_t value = (int32_t)random_bits(&seed, 32);
		struct senml_number n;
		int64_t back;

		assert_int_equal(senml_number_from_float(value / power[-exponent], false, &n), 0);
		assert_int_equal(senml_number_to_i64(&n, exponent, &back), 0);
		assert_int_equal(back, value);
		value %= 1000000; /* a single has six digits for certain */
		assert_int_equal(
			senml_number_from_float((float)(value / power[-exponent]), true, &n), 0);
		assert_int_equal(senml_number_to_i64(&n, exponent, &back), 0);
		assert_int_equal(back, value);
	}
}

static void microseconds_up_to_the_year_2106_come_back_from_doubles(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		int64_t us = (int64_t)random_below(&seed, READING_UTC_MAX_US), back;
		struct senml_number n;

		assert_int_equal(senml_number_from_float((double)us / 1e6, false, &n), 0);
		assert_int_equal(senml_number_to_i64(&n, -6, &back), 0);
		assert_int_equal(back, us);
	}
}

static void whole_doubles_are_exact_up_to_64_bits(void **state)
{
	struct senml_number n;
	uint64_t u;

	(void)state;
	assert_int_equal(senml_number_from_float(18446744073709549568.0, false, &n), 0);
	assert_int_equal(senml_number_to_u64(&n, 0, &u), 0);
	assert_true(u == UINT64_C(18446744073709549568));
	assert_int_equal(senml_number_from_float(18446744073709551616.0, false, &n), -EDOM);
	assert_int_equal(senml_number_from_float(-0.0, false, &n), 0);
	assert_false(n.negative);
	assert_int_equal(senml_number_from_float((double)NAN, false, &n), -EDOM);
	assert_int_equal(senml_number_from_float(-(double)INFINITY, false, &n), -EDOM);
	assert_int_equal(senml_number_from_float(0.1 + 0.2, false, &n), -EDOM);
	assert_int_equal(senml_number_from_float(1e-30, false, &n), -EDOM);
}

static void text_is_read_by_the_grammar_of_json(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t magnitude;
		int exponent;
	} cases[] = {
		{ "0", 0, 0, 0 },
		{ "-0", 0, 0, 0 },
		{ "-0.000", 0, 0, 0 },
		{ "0e5", 0, 0, 0 },
		{ "0e99999", 0, 0, 0 },
		{ "10", 0, 1, 1 },
		{ "100.100", 0, 1001, -1 },
		{ "1e3", 0, 1, 3 },
		{ "1E+3", 0, 1, 3 },
		{ "1.5e-3", 0, 15, -4 },
		{ "18446744073709551615", 0, UINT64_MAX, 0 },
		{ "1844674407370955161500000000000000000000", 0, UINT64_MAX, 20 },
		{ "0.0000000000000000000000000000018446744073709551615", 0, UINT64_MAX, -49 },
		{ "1.0000000000000000000000000000000", 0, 1, 0 },
		{ "18446744073709551616", -ERANGE, 0, 0 },
		{ "1.00000000000000000001", -ERANGE, 0, 0 },
		{ "1e10000", -ERANGE, 0, 0 },
		{ "1e-99999999999999999999", -ERANGE, 0, 0 },
		{ "", -EINVAL, 0, 0 },
		{ "-", -EINVAL, 0, 0 },
		{ ".", -EINVAL, 0, 0 },
		{ ".5", -EINVAL, 0, 0 },
		{ "5.", -EINVAL, 0, 0 },
		{ "01", -EINVAL, 0, 0 },
		{ "-01", -EINVAL, 0, 0 },
		{ "00", -EINVAL, 0, 0 },
		{ "+1", -EINVAL, 0, 0 },
		{ "1e", -EINVAL, 0, 0 },
		{ "1e+", -EINVAL, 0, 0 },
		{ "e5", -EINVAL, 0, 0 },
		{ "1.2.3", -EINVAL, 0, 0 },
		{ "1.e3", -EINVAL, 0, 0 },
		{ "1 ", -EINVAL, 0, 0 },
		{ "0x10", -EINVAL, 0, 0 },
		{ "nan", -EINVAL, 0, 0 },
		{ "--1", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct senml_number n = { 0 };
		int rc = senml_number_parse(cases[i].text, strlen(cases[i].text), &n);

		if (rc != cases[i].rc || (rc == 0 && (n.magnitude != cases[i].magnitude ||
						      n.exponent != cases[i].exponent))) {
			fail_msg("%s: %d, %llue%d", cases[i].text, rc,
				 (unsigned long long)n.magnitude, n.exponent);
		}
	}
}

static void what_does_not_fit_is_told_from_what_is_finer(void **state)
{
	struct senml_number n = { .magnitude = UINT64_MAX };
	struct senml_number one = { .magnitude = 1 }, minus = { .magnitude = 1, .negative = true };
	uint64_t u;
	int64_t i;

	(void)state;
	assert_int_equal(senml_number_to_u64(&n, -1, &u), -ERANGE);
	assert_int_equal(senml_number_to_i64(&n, 0, &i), -ERANGE);
	assert_int_equal(senml_number_to_u64(&minus, 0, &u), -ERANGE);
	assert_int_equal(senml_number_to_u64(&one, 1, &u), -EDOM);
	n = (struct senml_number){ .magnitude = UINT64_C(1) << 63, .negative = true };
	assert_int_equal(senml_number_to_i64(&n, 0, &i), 0);
	assert_true(i == INT64_MIN);
	n.negative = false;
	assert_int_equal(senml_number_to_i64(&n, 0, &i), -ERANGE);
	n = (struct senml_number){ .magnitude = 1, .exponent = -10000 };
	assert_int_equal(senml_number_to_i64(&n, -3, &i), -EDOM);
	n.exponent = 10000;
	assert_int_equal(senml_number_to_i64(&n, -3, &i), -ERANGE);
}

static void sums_are_exact_or_refused(void **state)
{
	uint64_t seed = 4;
	struct senml_number a, b, sum;
	int64_t value;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		int32_t x = (int32_t)random_bits(&seed, 32), y = (int32_t)random_bits(&seed, 32);
		int ex = -(int)random_below(&seed, 5), ey = -(int)random_below(&seed, 5);
		int64_t px = x, py = y;

		a = senml_number_i64(x, ex);
		b = senml_number_i64(y, ey);
		assert_int_equal(senml_number_add(&a, &b, &sum), 0);
		assert_int_equal(senml_number_to_i64(&sum, -4, &value), 0);
		for (int e = ex; e > -4; e--) {
			px *= 10;
		}
		for (int e = ey; e > -4; e--) {
			py *= 10;
		}
		assert_int_equal(value, px + py);
	}
	a = (struct senml_number){ .magnitude = UINT64_MAX };
	b = (struct senml_number){ .magnitude = 1 };
	assert_int_equal(senml_number_add(&a, &b, &sum), -ERANGE);
	b.negative = true;
	assert_int_equal(senml_number_add(&a, &b, &sum), 0);
	assert_true(sum.magnitude == UINT64_MAX - 1 && !sum.negative);
	b.exponent = -3;
	assert_int_equal(senml_number_add(&a, &b, &sum), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_every_size_come_back_from_text),
		cmocka_unit_test(
			scaled_32_bit_integers_come_back_from_doubles_and_small_ones_from_singles),
		cmocka_unit_test(microseconds_up_to_the_year_2106_come_back_from_doubles),
		cmocka_unit_test(whole_doubles_are_exact_up_to_64_bits),
		cmocka_unit_test(text_is_read_by_the_grammar_of_json),
		cmocka_unit_test(what_does_not_fit_is_told_from_what_is_finer),
		cmocka_unit_test(sums_are_exact_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
