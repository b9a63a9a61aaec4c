// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* pipe2() */
#include "stderr_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static int kept_stderr, pipe_fds[2];

void stderr_begin(void)
{
	assert_int_equal(pipe2(pipe_fds, O_NONBLOCK), 0);
	kept_stderr = dup(STDERR_FILENO);
	dup2(pipe_fds[1], STDERR_FILENO);
}

const char *stderr_end(void)
{
	static char text[65537];
	ssize_t n;

	fflush(stderr);
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	close(pipe_fds[1]);
	n = read(pipe_fds[0], text, sizeof(text) - 1);
	close(pipe_fds[0]);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}
