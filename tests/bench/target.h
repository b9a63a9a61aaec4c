/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * target: how a figure that has a target is told, here and in target.py: "0.6968 (target at least
 * 0.7: missed)".
 *
 * What is compared is the figure itself; it is printed with as many digits as it takes to see on
 * which side it is. tests/bench/run counts these words. A missed target is no error: it is told.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum target_side { AT_LEAST, AT_MOST };

static inline bool target_met(double value, enum target_side side, double target)
{
	return side == AT_LEAST ? value >= target : value <= target;
}

/* Ends the line. The unit has its space before it, or is "". */
static inline void target_print(double value, const char *unit, enum target_side side,
				double target)
{
	bool met = target_met(value, side, target);
	int decimals = value >= 1000 ? 0 : value >= 10 ? 1 : 3;
	char text[48];

	do {
		snprintf(text, sizeof(text), "%.*f", decimals, value);
	} while (target_met(strtod(text, NULL), side, target) != met && decimals++ < 15);
	printf("%s%s (target at %s %g%s: %s)\n", text, unit, side == AT_LEAST ? "least" : "most",
	       target, unit, met ? "met" : "missed");
}

#endif
