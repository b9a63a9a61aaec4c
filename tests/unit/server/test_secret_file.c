// SPDX-License-Identifier: BSD-2-Clause
/* What a file of keys may be; what its lines may not be is in test_server_instances.py. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/secret_file.h"

static char folder[] = "/tmp/secret-file-XXXXXX";
static char path[64], err[300];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/secret-file-XXXXXX");
	if (mkdtemp(folder) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/secrets", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return remove(path) != 0 || rmdir(folder) != 0;
}

static void a_comment_may_have_any_length(void **state)
{
	struct coaps_secrets secrets;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fprintf(f, "#%0200d\n%064d\n", 0, 7);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(secret_file_read(path, &secrets, err, sizeof(err)), 0);
	assert_int_equal(secrets.n, 1);
	assert_int_equal(secrets.key[0][COAPS_SECRET_SIZE - 1], 7);
}

static void only_a_regular_file_has_keys(void **state)
{
	struct coaps_secrets secrets;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(5); /* a read of it has no end */
	assert_int_equal(secret_file_read(path, &secrets, err, sizeof(err)), -EINVAL);
	alarm(0);
	assert_non_null(strstr(err, "expected a regular file"));
	assert_int_equal(remove(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(secret_file_read(path, &secrets, err, sizeof(err)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_comment_may_have_any_length, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_a_regular_file_has_keys, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
