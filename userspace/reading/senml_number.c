// SPDX-License-Identifier: BSD-2-Clause
#include "senml_number.h"

#include <errno.h>
#include <string.h>

static int multiply_10(uint64_t *magnitude, unsigned digit)
{
	if (*magnitude > (UINT64_MAX - digit) / 10) {
		return -ERANGE;
	}
	*magnitude = *magnitude * 10 + digit;
	return 0;
}

static struct senml_number normalise(uint64_t magnitude, bool negative, int exponent)
{
	while (exponent < 0 && magnitude % 10 == 0 && magnitude != 0) {
		magnitude /= 10;
		exponent++;
	}
	return (struct senml_number){
		.magnitude = magnitude,
		.exponent = magnitude == 0 ? 0 : exponent,
		.negative = negative && magnitude != 0,
	};
}

struct senml_number senml_number_i64(int64_t value, int exponent)
{
	return value < 0 ? normalise(0 - (uint64_t)value, true, exponent)
			 : normalise((uint64_t)value, false, exponent);
}

struct senml_number senml_number_u64(uint64_t value, int exponent)
{
	return normalise(value, false, exponent);
}

/* n's magnitude in units of 10^exponent. */
static int scale_to(const struct senml_number *n, int exponent, uint64_t *magnitude)
{
	uint64_t m = n->magnitude;

	for (int by = n->exponent; by > exponent && m != 0; by--) {
		if (multiply_10(&m, 0) != 0) {
			return -ERANGE;
		}
	}
	for (int by = n->exponent; by < exponent && m != 0; by++) {
		if (m % 10 != 0) {
			return -EDOM;
		}
		m /= 10;
	}
	*magnitude = m;
	return 0;
}

int senml_number_to_i64(const struct senml_number *n, int exponent, int64_t *value)
{
	uint64_t m;
	int rc = scale_to(n, exponent, &m);

	if (rc != 0) {
		return rc;
	}
	if (m > (uint64_t)INT64_MAX + n->negative) {
		return -ERANGE;
	}
	*value = n->negative ? -(int64_t)(m - (m != 0)) - (m != 0) : (int64_t)m;
	return 0;
}

int senml_number_to_u64(const struct senml_number *n, int exponent, uint64_t *value)
{
	uint64_t m;
	int rc = scale_to(n, exponent, &m);

	if (rc != 0) {
		return rc;
	}
	if (n->negative && m != 0) {
		return -ERANGE;
	}
	*value = m;
	return 0;
}

int senml_number_add(const struct senml_number *a, const struct senml_number *b,
		     struct senml_number *sum)
{
	int exponent = a->exponent < b->exponent ? a->exponent : b->exponent;
	uint64_t x, y;

	if (a->magnitude == 0 || b->magnitude == 0) {
		*sum = a->magnitude == 0 ? *b : *a;
		return 0;
	}
	if (scale_to(a, exponent, &x) != 0 || scale_to(b, exponent, &y) != 0 ||
	    (a->negative == b->negative && x > UINT64_MAX - y)) {
		return -ERANGE;
	}
	if (a->negative == b->negative) {
		*sum = normalise(x + y, a->negative, exponent);
	} else if (x >= y) {
		*sum = normalise(x - y, a->negative, exponent);
	} else {
		*sum = normalise(y - x, b->negative, exponent);
	}
	return 0;
}

int senml_number_from_float(double value, bool single, struct senml_number *n)
{
	/* 10^22 is the last power of ten that a double holds exactly; 2^53 the last such run of
	 * integers. */
	const double exact = 9007199254740992.0;
	double size = value < 0 ? -value : value, power = 1;

	if (!(size < 18446744073709551616.0)) { /* 2^64; NaN too */
		return -EDOM;
	}
	if (size == (double)(uint64_t)size) {
		*n = normalise((uint64_t)size, value < 0, 0);
		return 0;
	}
	for (int digits = 1; digits <= 22; digits++) {
		double scaled = size * (power *= 10);

		if (scaled >= exact) {
			break;
		}
		/* The product is rounded: its neighbours are candidates too. */
		for (uint64_t m = (uint64_t)scaled; m <= (uint64_t)scaled + 1; m++) {
			double back = (double)m / power;

			if (m != 0 && (single ? (float)back == (float)size : back == size)) {
				*n = normalise(m, value < 0, -digits);
				return 0;
			}
		}
	}
	return -EDOM;
}

#define EXPONENT_LIMIT 10000 /* no number from here on is a Reading's */

struct digits {
	uint64_t magnitude;
	int zeros; /* at its end, not multiplied in: they are lost room unless another digit follows
		    */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits from *at: how many, or -ERANGE. */
static int read_digits(const char **at, const char *end, struct digits *d)
{
	const char *start = *at;

	for (; *at < end && is_digit(**at); (*at)++) {
		if (**at == '0') {
			d->zeros++;
			continue;
		}
		for (; d->zeros > 0 && d->magnitude != 0; d->zeros--) {
			if (multiply_10(&d->magnitude, 0) != 0) {
				return -ERANGE;
			}
		}
		d->zeros = 0;
		if (multiply_10(&d->magnitude, (unsigned)(**at - '0')) != 0) {
			return -ERANGE;
		}
	}
	return (int)(*at - start);
}

/* "e-3", if there is one: 0, or -EINVAL without a digit. */
static int read_exponent(const char **at, const char *end, int *exponent)
{
	bool negative;
	const char *start;

	if (*at == end || (**at != 'e' && **at != 'E')) {
		return 0;
	}
	(*at)++;
	negative = *at < end && **at == '-';
	*at += *at < end && (**at == '-' || **at == '+');
	for (start = *at; *at < end && is_digit(**at); (*at)++) {
		*exponent = *exponent < EXPONENT_LIMIT ? *exponent * 10 + (**at - '0') : *exponent;
	}
	*exponent = negative ? -*exponent : *exponent;
	return *at > start ? 0 : -EINVAL;
}

int senml_number_parse(const char *text, size_t length, struct senml_number *n)
{
	const char *at = text, *end = text + length;
	struct digits d = { 0 };
	bool negative = at < end && *at == '-';
	int count, fraction = 0, exponent = 0;

	at += negative;
	if (end - at > 1 && at[0] == '0' && is_digit(at[1])) {
		return -EINVAL;
	}
	count = read_digits(&at, end, &d);
	if (count > 0 && at < end && *at == '.') {
		at++;
		count = fraction = read_digits(&at, end, &d);
	}
	if (count <= 0) { /* no digit, or none after the point */
		return count < 0 ? count : -EINVAL;
	}
	if (read_exponent(&at, end, &exponent) != 0 || at != end) {
		return -EINVAL;
	}
	if ((exponent >= EXPONENT_LIMIT || exponent <= -EXPONENT_LIMIT) && d.magnitude != 0) {
		return -ERANGE;
	}
	*n = normalise(d.magnitude, negative, exponent + d.zeros - fraction);
	return 0;
}

size_t senml_number_print(const struct senml_number *n, char text[SENML_NUMBER_TEXT])
{
	char digits[SENML_NUMBER_TEXT], *out = text;
	uint64_t m = n->magnitude;
	int count = 0, point = -n->exponent;

	/* From the right, with zeros in front down to one digit before the point. */
	do {
		digits[count++] = (char)('0' + m % 10);
		m /= 10;
	} while (m != 0 || count <= point);
	if (n->negative) {
		*out++ = '-';
	}
	while (count > 0) {
		*out++ = digits[--count];
		if (count == point && count > 0) {
			*out++ = '.';
		}
	}
	*out = '\0';
	return (size_t)(out - text);
}
