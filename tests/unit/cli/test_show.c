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

static void what_a_terminal_would_obey_is_visible_and_does_nothing(void **state)
{
	(void)state;
	assert_string_equal(body_shown(0, "\x1b[2J\xc2\x9bx", 7, 0), "\\u001b[2J\\u009bx\n");
	assert_string_equal(body_shown(-1, "\x07", 1, 0), "\\u0007\n");
	assert_string_equal(body_shown(50, "{\"a\":\"\xc2\x9b\"}", 10, 0), "{\"a\":\"\\u009b\"}\n");
	assert_string_equal(body_shown(SENML_JSON, "[{\"n\":\"\xc2\x9b\"}]", 12, 0),
			    "[{\"n\":\"\\u009b\"}]\n");
}

static void a_body_that_is_not_what_its_format_says_is_an_error(void **state)
{
	static const struct {
		int format;
		const char *body;
	} rows[] = {
		{ SENML_CBOR, "\x81\xa1" }, { SENML_CBOR, "\xff" }, { SENML_CBOR, "hello" },
		{ SENML_CBOR, "" },	    { SENML_JSON, "[{" },   { SENML_JSON, "" },
		{ 50, "{\"a\":" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *out = begin();

		assert_true(show_body(out, rows[i].format, (const uint8_t *)rows[i].body,
				      strlen(rows[i].body), 0) < 0);
		fclose(out);
		assert_string_equal(shown, "");
	}
}

static void an_acknowledgement_is_shown_as_it_is(void **state)
{
	struct reading_ack acks[2] = { { .device = "urn:dev:x:1", .epoch = 1, .complete = 2 },
				       { .device = "urn:dev:x:1", .epoch = 2, .complete = 3 } };
	uint8_t body[512];

	(void)state;
	for (size_t n = 1; n <= 2; n++) {
		int size = senml_encode_acks(SENML_CBOR, acks, n, body, sizeof(body));

		assert_true(size > 0);
		body_shown(SENML_CBOR, body, (size_t)size, 0);
		assert_int_equal(shown_size, size);
		assert_memory_equal(shown, body, size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_shown_as_a_date_and_anything_else_is_left),
		cmocka_unit_test(readings_are_lines_or_json_whatever_they_came_in),
		cmocka_unit_test(what_is_no_reading_is_shown_as_it_is_with_a_line_break),
		cmocka_unit_test(what_a_terminal_would_obey_is_visible_and_does_nothing),
		cmocka_unit_test(a_body_that_is_not_what_its_format_says_is_an_error),
		cmocka_unit_test(an_acknowledgement_is_shown_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
