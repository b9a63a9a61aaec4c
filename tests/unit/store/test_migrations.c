// SPDX-License-Identifier: BSD-2-Clause
/* A file that is not in the table would never run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/migrations.h"

static void check(const char *backend, const struct migration *table, size_t n)
{
	char pattern[128], path[160];
	glob_t files;

	snprintf(pattern, sizeof(pattern), "server/store/migrations/%s/*", backend);
	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc || i < n; i++) {
		assert_true(i < n); /* a file is not in the table */
		assert_true(i < files.gl_pathc);
		snprintf(path, sizeof(path), "server/store/migrations/%s/%s.sql", backend,
			 table[i].name);
		assert_string_equal(files.gl_pathv[i], path);
		assert_int_equal(strtoul(table[i].name, NULL, 10), i + 1);
	}
	globfree(&files);
}

static void each_file_is_in_the_table_in_the_order_of_its_number(void **state)
{
	(void)state;
	check("sqlite", migrations_sqlite, migrations_sqlite_count);
	check("mariadb", migrations_mariadb, migrations_mariadb_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_is_in_the_table_in_the_order_of_its_number),
	};

	return cmocka_run_group_tests_name("migrations", tests, NULL, NULL);
}
