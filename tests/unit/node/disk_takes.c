// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "disk_takes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

rlim_t disk_takes(rlim_t bytes)
{
	struct rlimit limit;
	rlim_t was;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	was = limit.rlim_cur;
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	return was;
}
