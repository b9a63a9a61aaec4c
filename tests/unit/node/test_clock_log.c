// SPDX-License-Identifier: BSD-2-Clause
/* clock_log: which lines the times of several sources make. */
#define _GNU_SOURCE /* unsetenv() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/daemon/stderr_rig.h"
#include "userspace/daemon/log.h"
#include "userspace/node/clock_log.h"

#define S UINT64_C(1000000000)
#define T0 (INT64_C(20800) * 86400 * 1000000) /* December 2026 */

static unsigned rejected;

/* The lines that this stamp makes, without the program's name. */
static const char *logged(struct clock *c, uint64_t boot_s, int64_t utc_us,
			  enum reading_time_source source)
{
	const struct clock_stamp stamp = { boot_s * S, utc_us, source, 1000000 };

	stderr_begin();
	clock_log_feed(c, &stamp, &rejected);
	return stderr_end();
}

static void an_implausible_time_is_logged_once_beside_a_good_one(void **state)
{
	unsigned lines = 0;
	struct clock c;

	(void)state;
	rejected = 0;
	clock_init(&c, T0);
	for (unsigned s = 0; s < 10; s++) {
		lines += *logged(&c, s, T0 - 1, READING_TIME_NTP) != '\0';
		lines += *logged(&c, s, T0 - 1, READING_TIME_SERVER) != '\0';
		logged(&c, s, T0 + s * 1000000, READING_TIME_GNSS);
	}
	assert_int_equal(lines, 2);
	logged(&c, 10, T0 + 10000000, READING_TIME_NTP);
	assert_non_null(strstr(logged(&c, 11, T0 - 1, READING_TIME_NTP), "implausible"));
}

static void a_source_that_steps_the_clock_is_not_one_that_agrees(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c, T0);
	logged(&c, 10, T0, READING_TIME_GNSS);
	assert_non_null(strstr(logged(&c, 20, T0 + 13000000, READING_TIME_HOST), "differs by"));
	assert_string_equal(logged(&c, 700, T0 + 693000000, READING_TIME_HOST),
			    "geotherm-test: clock: stepped by +3.000 s by host\n");
	assert_string_equal(logged(&c, 701, T0 + 694000000, READING_TIME_HOST), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_implausible_time_is_logged_once_beside_a_good_one),
		cmocka_unit_test(a_source_that_steps_the_clock_is_not_one_that_agrees),
	};

	unsetenv("JOURNAL_STREAM");
	log_init("geotherm-test", LOG_LEVEL_INFO);
	return cmocka_run_group_tests_name("clock_log", tests, NULL, NULL);
}
