/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gaps: which sequence numbers of one stream have arrived or are explained, as "complete up to N"
 * and a few ranges above it. Pure: no clock, no allocation, copyable.
 *
 * The set is bounded. Where a range finds no room the highest one is forgotten, and nothing is
 * known from its first number on: below that the set stays exact, and gaps_stale() is true when
 * `complete` can only advance after the set was loaded again from the store.
 * Numbers begin at 1; 0 is "none yet".
 */
#ifndef GAPS_H
#define GAPS_H

#include <stdbool.h>
#include <stdint.h>

#define GAPS_RANGES                                                                                \
	16 /* a node sends in order: more holes than this at once is a lost card, not a lossy link \
	    */

struct gaps_range {
	uint64_t first, last; /* both in the range */
};

struct gaps {
	uint64_t complete; /* 1..complete are all in the set */
	uint64_t forgotten; /* nothing is known from here on; UINT64_MAX: all is known */
	unsigned n;
	struct gaps_range above[GAPS_RANGES]; /* ascending, apart by at least one number */
};

void gaps_init(struct gaps *g, uint64_t complete);

/* Adds first..last (1 <= first <= last < UINT64_MAX). What is in the set already changes nothing.
 */
void gaps_add(struct gaps *g, uint64_t first, uint64_t last);

/* Whether the number is in the set; false for what is forgotten. */
bool gaps_is_accounted(const struct gaps *g, uint64_t seq);

/* complete has reached what was forgotten: load the set again from the store. */
bool gaps_stale(const struct gaps *g);

#endif
