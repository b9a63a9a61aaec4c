// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "userspace/cli/when.h"

#define NOW 1795953600 /* 2026-11-29T12:00:00Z */

static void a_time_becomes_seconds(void **state)
{
	static const struct {
		const char *text, *seconds;
	} rows[] = {
		{ "2026-11-29", "1795910400" },
		{ "1970-01-01", "0" },
		{ "2028-02-29", "1835395200" },
		{ "2026-11-29T12:00", "1795953600" },
		{ "2026-11-29T12:00Z", "1795953600" },
		{ "2026-11-29T12:00:01", "1795953601" },
		{ "2026-11-29T12:00:01Z", "1795953601" },
		{ "-0s", "1795953600" },
		{ "-90s", "1795953510" },
		{ "-90min", "1795948200" },
		{ "-2h", "1795946400" },
		{ "-1d", "1795867200" },
		{ "-1w", "1795348800" },
		{ "1795953600", "1795953600" },
		{ "1795953600.25", "1795953600.25" },
	};
	char seconds[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!when_parse(rows[i].text, NOW, seconds, sizeof(seconds)) ||
		    strcmp(seconds, rows[i].seconds) != 0) {
			fail_msg("%s: %s instead of %s", rows[i].text, seconds, rows[i].seconds);
		}
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"-",
		"-d",
		"-1",
		"-1y",
		"-1 d",
		"--1d",
		"1d",
		"-1d ",
		"yesterday",
		"2026-02-29",
		"2026-13-01",
		"2026-1-1",
		"2026-11-29 12:00",
		"2026-11-29T",
		"2026-11-29T12",
		"2026-11-29Z",
		"2026-11-29T24:00",
		"2026-11-29T1:00",
		"2026-11-29T12:00:1",
		"1969-12-31",
		"2026-+1-29",
		"-+1d",
		"- 1d",
		"2026-11-29T12:00+01",
	};
	char seconds[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (when_parse(rows[i], NOW, seconds, sizeof(seconds))) {
			fail_msg("\"%s\" was taken as %s", rows[i], seconds);
		}
	}
	assert_true(when_parse("2026-11-29", NOW, seconds, 11));
	assert_false(when_parse("2026-11-29", NOW, seconds, 10));
	assert_false(when_parse("1795953600", NOW, seconds, 10));
}

static void only_from_and_to_of_a_query_are_converted(void **state)
{
	static const struct {
		const char *path, *converted;
	} rows[] = {
		{ "/x", "/x" },
		{ "/x?", "/x?" },
		{ "/x?limit=5", "/x?limit=5" },
		{ "/x?from=-1d", "/x?from=1795867200" },
		{ "/x?from=-1d&to=2026-11-29&limit=-1d",
		  "/x?from=1795867200&to=1795910400&limit=-1d" },
		{ "/x?limit=5&to=7&xfrom=-1d", "/x?limit=5&to=7&xfrom=-1d" },
		{ "/from=-1d", "/from=-1d" },
	};
	char path[128], small[] = "/x?from=179586720";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(when_convert_query(rows[i].path, NOW, path, sizeof(path)));
		assert_string_equal(path, rows[i].converted);
	}
	assert_string_equal(when_convert_query("/x?to=1&from=soon&to=2", NOW, path, sizeof(path)),
			    "soon");
	assert_non_null(when_convert_query("/x?from=-1d", NOW, small, sizeof(small)));
	assert_non_null(when_convert_query("/x", NOW, small, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_becomes_seconds),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(only_from_and_to_of_a_query_are_converted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
