/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senml_number: an exact decimal number, as SenML carries it (RFC 8428 4: "JSON numbers").
 *
 * value = magnitude * 10^exponent, negative if so. Integers of a Reading become such numbers
 * and come back without a rounding anywhere. Pure.
 *
 * Errors: -ERANGE the value does not fit, -EDOM it is not a whole multiple of what was asked
 * for, -EINVAL no number.
 */
#ifndef SENML_NUMBER_H
#define SENML_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct senml_number {
	uint64_t magnitude;
	int exponent;
	bool negative;
};

/* Room for every number with an exponent from -20 to 0 in text, with its NUL. */
#define SENML_NUMBER_TEXT 48

/* Without zeros at the end of a fraction: 25400e-3 is 254e-1. */
struct senml_number senml_number_i64(int64_t value, int exponent);
struct senml_number senml_number_u64(uint64_t value, int exponent);

/* value in units of 10^exponent. */
int senml_number_to_i64(const struct senml_number *n, int exponent, int64_t *value);
int senml_number_to_u64(const struct senml_number *n, int exponent, uint64_t *value);

int senml_number_add(const struct senml_number *a, const struct senml_number *b,
		     struct senml_number *sum);

/*
 * The decimal that a binary float stands for: the one with the fewest digits that, rounded to
 * that format (single or double), is the float itself; up to 2^53 in the digits. -EDOM where
 * there is none, for NaN and for infinities.
 */
int senml_number_from_float(double value, bool single, struct senml_number *n);

/* The number grammar of RFC 8259 6, all of text. */
int senml_number_parse(const char *text, size_t length, struct senml_number *n);
/* The same value without an exponent; terminated. Returns its length. */
size_t senml_number_print(const struct senml_number *n, char text[SENML_NUMBER_TEXT]);

#endif
