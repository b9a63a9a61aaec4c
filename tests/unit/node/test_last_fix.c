// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/node/last_fix.h"

#define S UINT64_C(1000000000)
#define BOOT 0xabc

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/geotherm-fix-XXXXXX");
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/fix", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* fails if anything else is left */
}

static const struct gnss_fix fix = { .received_ns = 99 * S,
				     .position_known = true,
				     .lat_e7 = -276004400,
				     .lon_e7 = -485188400,
				     .height_mm = -12345,
				     .hacc_mm = 2500 };

static void the_next_process_of_this_boot_reads_the_last_fix_and_no_other_does(void **state)
{
	struct ubx_assist assist;

	(void)state;
	assert_int_equal(last_fix_read(path, BOOT, 100 * S, &assist), 0);
	assert_int_equal(last_fix_write(path, BOOT, &fix), 0);
	assert_int_equal(last_fix_read(path, BOOT + 1, 100 * S, &assist), 0);
	assert_int_equal(last_fix_read(path, BOOT, 99 * S - 1, &assist), 0); /* of the future */
	assert_int_equal(last_fix_read(path, BOOT, 99 * S, &assist), 1);
	assert_true(assist.position_known && !assist.time_known);
	assert_true(assist.at_ns == 99 * S);
	assert_int_equal(assist.lat_e7, -276004400);
	assert_int_equal(assist.lon_e7, -485188400);
	assert_int_equal(assist.height_mm, -12345);
	assert_int_equal(assist.pos_acc_mm, 2500);
}

static void another_text_is_no_fix(void **state)
{
	static const char *const texts[] = {
		"",
		"{\"format\": 1}\n",
		"0000000000000abc 99000000000 -276004400 -485188400 5\n",
		"0000000000000abc 99000000000 900000001 0 5 5\n",
		"0000000000000abc 99000000000 -900000001 0 5 5\n",
		"0000000000000abc 99000000000 0 1800000001 5 5\n",
		"0000000000000abc 99000000000 0 -1800000001 5 5\n",
	};
	struct ubx_assist assist;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(texts[i], f);
		fclose(f);
		assert_int_equal(last_fix_read(path, BOOT, 100 * S, &assist), 0);
	}
	assert_int_equal(last_fix_write("/nonexistent/fix", BOOT, &fix), -ENOENT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_next_process_of_this_boot_reads_the_last_fix_and_no_other_does),
		TEST(another_text_is_no_fix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
