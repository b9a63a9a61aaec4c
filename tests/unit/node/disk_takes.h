/* SPDX-License-Identifier: BSD-2-Clause */
/* disk_takes: a limit on the size of files, which is what a full or failing disk looks like to
 * SQLite. */
#ifndef DISK_TAKES_H
#define DISK_TAKES_H

#include <signal.h>
#include <sys/resource.h>

/* No file of this process grows beyond so many bytes from here on; what the limit was. */
static inline rlim_t disk_takes(rlim_t bytes)
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

#endif
