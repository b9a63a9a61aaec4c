// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* mkstemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "userspace/daemon/unit_user.h"

/* In a process of its own: the errno of a root's private file as that user, 0 if it can be read. */
static int read_as(const char *user)
{
	char path[] = "/tmp/unit_user.XXXXXX";
	int fd = mkstemp(path), status;
	pid_t pid;

	assert_true(fd >= 0);
	close(fd);
	pid = fork();
	if (pid == 0) {
		fd = unit_user_become(user) ? open(path, O_RDONLY) : -1;
		_exit(fd >= 0 ? 0 : errno);
	}
	assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	unlink(path);
	return WEXITSTATUS(status);
}

static void root_checks_with_the_rights_of_the_units_user(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		skip();
	}
	assert_int_equal(read_as("nobody"), EACCES);
}

static void without_that_account_the_user_stays(void **state)
{
	(void)state;
	assert_int_equal(read_as("geotherm-no-such-account"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_checks_with_the_rights_of_the_units_user),
		cmocka_unit_test(without_that_account_the_user_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
