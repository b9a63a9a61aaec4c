/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refusals: which refusals are logged: the first of each source, then one a minute with the number
 * suppressed between. Pure. A source for which there is no room takes the place of the one that was
 * quiet longest.
 */
#ifndef REFUSALS_H
#define REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#define REFUSALS_SOURCES 64
#define REFUSALS_SOURCE_SIZE 96
#define REFUSALS_PAUSE_MS 60000

struct refusals {
	struct refusals_source {
		char name[REFUSALS_SOURCE_SIZE]; /* cut if longer; "": free */
		uint64_t logged_ms, last_ms;
		unsigned suppressed;
	} source[REFUSALS_SOURCES];
};

/* A refusal of this source: true if it is to be logged, and *suppressed is how many were not since
 * the last that was logged. */
bool refusals_should_log(struct refusals *r, const char *source, uint64_t now_ms,
			 unsigned *suppressed);

#endif
