// SPDX-License-Identifier: BSD-2-Clause
/*
 * clock_shift: for LD_PRELOAD: this machine's clock is CLOCK_SHIFT_S seconds ahead (negative:
 * behind) for the program that loads it.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static long long shift_s(void)
{
	const char *text = getenv("CLOCK_SHIFT_S");

	return text != NULL ? atoll(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *at)
{
	static int (*real)(clockid_t, struct timespec *);
	int rc;

	if (real == NULL) {
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	}
	rc = real(id, at);
	if (rc == 0 && id == CLOCK_REALTIME) {
		at->tv_sec += (time_t)shift_s();
	}
	return rc;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL) {
		*out = now.tv_sec;
	}
	return now.tv_sec;
}
