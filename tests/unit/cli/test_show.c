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

#include "userspace/cli/show.h"
#include "userspace/reading/senml.h"

static char *shown;
static size_t shown_size;

static FILE *begin(void)
{
	free(shown);
	shown = NULL;
	return open_memstream(&shown, &shown_size);
}

static int end(void **state)
{
	(void)state;
	free(shown);
	return 0;
}

static void a_time_is_shown_as_a_date_and_anything_else_is_left(void **state)
{
	static const struct {
		const char *body, *shown;
	} rows[] = {
		{ "1795953600000001", "2026-11-29T12:00:00.000001Z\n" },
		{ "0", "1970-01-01T00:00:00.000000Z\n" },
		{ "253402300799999999", "9999-12-31T23:59:59.999999Z\n" },
		{ "253402300800000000", NULL },
		{ "-1", NULL },
		{ "", NULL },
		{ "12 apples", NULL },
		{ "999999999999999999999999", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *out = begin();
		bool done = show_time(out, (const uint8_t *)rows[i].body, strlen(rows[i].body));

		fclose(out);
		assert_int_equal(done, rows[i].shown != NULL);
		assert_string_equal(shown, rows[i].shown != NULL ? rows[i].shown : "");
	}
}

static const char *body_shown(int format, const void *body, size_t size, int json)
{
	FILE *out = begin();

	assert_int_equal(show_body(out, format, body, size, json), 0);
	fclose(out);
	return shown;
}

static void readings_are_lines_or_json_whatever_they_came_in(void **state)
{
	uint8_t body[SENML_READING_MAX];
	struct reading r;
	int size;

	(void)state;
	reading_init(&r);
	snprintf(r.device, sizeof(r.device), "urn:dev:x:1");
	r.epoch = 1;
	r.seq = 2;
	size = senml_encode(SENML_CBOR, &r, 1, body, sizeof(body), NULL);
	assert_true(size > 0);
	assert_non_null(strstr(body_shown(SENML_CBOR, body, (size_t)size, 0),
			       "urn:dev:x:1  0000000000000001.2  no thermometer"));
	assert_memory_equal(body_shown(SENML_CBOR, body, (size_t)size, 1), "[{", 2);
	assert_string_equal(body_shown(SENML_CBOR, "\x80", 1, 0), "no readings\n");
	assert_string_equal(body_shown(SENML_JSON, "[]", 2, 1), "[]\n");
}

static void what_is_no_reading_is_shown_as_it_is_with_a_line_break(void **state)
{
	(void)state;
	assert_string_equal(body_shown(0, "hello", 5, 0), "hello\n");
	assert_string_equal(body_shown(0, "hello\n", 6, 0), "hello\n");
	assert_string_equal(body_shown(SENML_JSON, "[{\"n\":\"x\"}]", 11, 0), "[{\"n\":\"x\"}]\n");
	assert_string_equal(body_shown(0, "", 0, 0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_shown_as_a_date_and_anything_else_is_left),
		cmocka_unit_test(readings_are_lines_or_json_whatever_they_came_in),
		cmocka_unit_test(what_is_no_reading_is_shown_as_it_is_with_a_line_break),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
