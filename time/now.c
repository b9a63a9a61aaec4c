// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "now.h"

#include <sys/timex.h>
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t;
}

static uint64_t to_ns(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
	return to_ns(read_clock(CLOCK_MONOTONIC));
}

uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

uint64_t now_boot_ns(void)
{
	return to_ns(read_clock(CLOCK_BOOTTIME));
}

int64_t now_utc_us(void)
{
	struct timespec t = read_clock(CLOCK_REALTIME);

	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool now_is_synchronised(int64_t *max_error_us)
{
	struct timex clock = { .modes = 0 };
	int state = adjtimex(&clock);

	*max_error_us = clock.maxerror;
	return state >= 0 && state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
}
