// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/daemon/file_replace.h"

static char folder[PATH_MAX - 64];
static char path[PATH_MAX];
static char temporary[PATH_MAX + 8];

static int make_folder(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/replace-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(temporary);
	return rmdir(folder);
}

static void assert_content(const char *expected)
{
	char text[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, f), strlen(expected));
	assert_string_equal(text, expected);
	fclose(f);
}

static void the_new_content_takes_the_place_of_the_old_with_its_mode(void **state)
{
	mode_t old = umask(077);
	struct stat st;

	(void)state;
	assert_int_equal(file_replace(path, 0600, true, "first", 5), 0);
	assert_content("first");
	assert_int_equal(file_replace(path, 0644, false, "second one", 10), 0);
	assert_content("second one");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(access(temporary, F_OK), -1);
	umask(old);
}

static void a_path_without_a_folder_is_one_in_this_folder(void **state)
{
	char *here = getcwd(NULL, 0);

	(void)state;
	assert_non_null(here);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(file_replace("file", 0600, true, "x", 1), 0);
	assert_int_equal(chdir(here), 0);
	free(here);
	assert_content("x");
}

static void what_cannot_be_written_leaves_the_old_file(void **state)
{
	char longest[PATH_MAX + 1];

	(void)state;
	assert_int_equal(file_replace(path, 0600, false, "old", 3), 0);
	assert_int_equal(symlink("/dev/full", temporary), 0);
	assert_int_equal(file_replace(path, 0600, false, "new", 3), -ELOOP);
	assert_content("old");
	unlink(temporary);
	assert_int_equal(file_replace("/proc/none/file", 0600, true, "new", 3), -ENOENT);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(file_replace(longest, 0600, true, "new", 3), -ENAMETOOLONG);
}

static void a_folder_in_the_way_is_an_error_and_leaves_no_temporary_file(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(file_replace(path, 0600, false, "new", 3), -EISDIR);
	assert_int_equal(access(temporary, F_OK), -1);
	assert_int_equal(rmdir(path), 0);
}

#define ON_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FOLDER(the_new_content_takes_the_place_of_the_old_with_its_mode),
		ON_FOLDER(a_path_without_a_folder_is_one_in_this_folder),
		ON_FOLDER(what_cannot_be_written_leaves_the_old_file),
		ON_FOLDER(a_folder_in_the_way_is_an_error_and_leaves_no_temporary_file),
	};

	return cmocka_run_group_tests_name("file_replace", tests, NULL, NULL);
}
