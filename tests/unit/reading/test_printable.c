// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* open_memstream() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/reading/printable.h"

#define TEXT(s) s, sizeof(s) - 1

static const struct {
	const char *in;
	size_t n;
	const char *line, *text;
} rows[] = {
	{ TEXT(""), "", "" },
	{ TEXT("21.5 \u00b0C, \u6c34, \U0001f321"), "21.5 \u00b0C, \u6c34, \U0001f321",
	  "21.5 \u00b0C, \u6c34, \U0001f321" },
	{ TEXT("\x1b[2J\x1b]0;owned\x07"), "\\u001b[2J\\u001b]0;owned\\u0007",
	  "\\u001b[2J\\u001b]0;owned\\u0007" },
	{ TEXT("a\nb\tc\r\nd"), "a\\u000ab\\u0009c\\u000d\\u000ad", "a\nb\tc\r\nd" },
	{ TEXT("good\rbad"), "good\\u000dbad", "good\\u000dbad" },
	{ TEXT("a\0b\x7f"), "a\\u0000b\\u007f", "a\\u0000b\\u007f" },
	{ TEXT("\xc2\x9b"
	       "31m"),
	  "\\u009b31m", "\\u009b31m" },
	{ TEXT("\xe2\x80\xae rtl \xe2\x81\xa6"), "\\u202e rtl \\u2066", "\\u202e rtl \\u2066" },
	/* no UTF-8: C1 as one byte, an overlong ESC, a surrogate, a cut one */
	{ TEXT("\x9b"
	       "31m"),
	  "\\x9b31m", "\\x9b31m" },
	{ TEXT("\xc0\x9b"), "\\xc0\\x9b", "\\xc0\\x9b" },
	{ TEXT("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\\xed\\xa0\\x80" },
	{ TEXT("\xe2\x80"), "\\xe2\\x80", "\\xe2\\x80" },
	{ TEXT("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80", "\\xf8\\x88\\x80\\x80\\x80" },
};

static void nothing_reaches_a_terminal_that_it_would_obey(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[100], *put;
		size_t size;
		FILE *f = open_memstream(&put, &size);

		printable(out, sizeof(out), rows[i].in, rows[i].n, PRINTABLE_LINE);
		assert_string_equal(out, rows[i].line);
		printable(out, sizeof(out), rows[i].in, rows[i].n, PRINTABLE_TEXT);
		assert_string_equal(out, rows[i].text);
		printable_put(f, rows[i].in, rows[i].n, PRINTABLE_TEXT);
		fclose(f);
		assert_string_equal(put, rows[i].text);
		free(put);
	}
}

static void what_does_not_fit_is_cut_between_characters(void **state)
{
	char out[8];

	(void)state;
	printable(out, sizeof(out), TEXT("123456\u00b0"), PRINTABLE_LINE);
	assert_string_equal(out, "123456");
	printable(out, sizeof(out), TEXT("12\x1b"), PRINTABLE_LINE);
	assert_string_equal(out, "12");
	printable(out, 1, TEXT("1"), PRINTABLE_LINE);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_reaches_a_terminal_that_it_would_obey),
		cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
