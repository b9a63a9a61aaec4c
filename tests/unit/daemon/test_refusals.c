// SPDX-License-Identifier: BSD-2-Clause
/* Refusals are logged once per source per minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "userspace/daemon/refusals.h"

static void a_source_is_logged_at_once_and_then_each_minute_with_a_count(void **state)
{
	struct refusals r = { 0 };
	unsigned suppressed = 7, logged = 0;

	(void)state;
	assert_true(refusals_should_log(&r, "urn:dev:a", 5, &suppressed));
	assert_int_equal(suppressed, 0);
	for (uint64_t ms = 6; ms < 5 + REFUSALS_PAUSE_MS; ms += 100) {
		logged += refusals_should_log(&r, "urn:dev:a", ms, &suppressed);
	}
	assert_int_equal(logged, 0);
	assert_true(refusals_should_log(&r, "urn:dev:b", 1000, &suppressed));
	assert_true(refusals_should_log(&r, "urn:dev:a", 5 + REFUSALS_PAUSE_MS, &suppressed));
	assert_int_equal(suppressed, REFUSALS_PAUSE_MS / 100);
}

static void a_flood_of_sources_pushes_out_those_that_are_quiet_longest(void **state)
{
	struct refusals r = { 0 };
	unsigned suppressed;
	char name[200];

	(void)state;
	assert_true(refusals_should_log(&r, "busy", 1, &suppressed));
	for (unsigned i = 0; i < 10 * REFUSALS_SOURCES; i++) {
		snprintf(name, sizeof(name), "source %u", i);
		assert_true(refusals_should_log(&r, name, 10 + 2 * i, &suppressed));
		assert_false(refusals_should_log(&r, "busy", 11 + 2 * i, &suppressed));
	}
}

static void a_name_longer_than_its_room_is_one_source(void **state)
{
	struct refusals r = { 0 };
	unsigned suppressed;
	char name[300];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_true(refusals_should_log(&r, name, 1, &suppressed));
	assert_false(refusals_should_log(&r, name, 2, &suppressed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_logged_at_once_and_then_each_minute_with_a_count),
		cmocka_unit_test(a_flood_of_sources_pushes_out_those_that_are_quiet_longest),
		cmocka_unit_test(a_name_longer_than_its_room_is_one_source),
	};

	return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
