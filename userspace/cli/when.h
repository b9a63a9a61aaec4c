/* SPDX-License-Identifier: BSD-2-Clause */
/* when: times as people write them, for from= and to= of a track. Pure. */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEN_EXPECTED \
	"2026-11-29, 2026-11-29T12:30[:00]Z, -90min, -2h, -1d, -1w or seconds since 1970"

/*
 * The seconds since 1970 of text, which is one of WHEN_EXPECTED (UTC), as decimal text into
 * seconds. False: it is none of them, or does not fit.
 */
bool when_parse(const char *text, int64_t now_s, char *seconds, size_t size);

/* "/x?limit=5&from=-1d" with from= and to= in seconds; NULL, or the first that is no time. */
const char *when_convert_query(const char *path, int64_t now_s, char *converted, size_t size);

#endif
