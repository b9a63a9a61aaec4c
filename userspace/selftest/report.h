/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report: where outcomes go: lines for people, TAP 14, or one JSON object.
 *
 *   human  PASS  bus/idle  high in 100 of 100 samples  (limit: high)
 *          FAIL  bus/rise  cause: value  (limit: ...), then the next thing to try on its own line
 *          SKIP  bus/low to presence, sensors/search to power (7) no-line: why
 *   TAP    ok 1 - bus/idle, a YAML block with the value, WARN is "ok" with a status; a plan line
 *   JSON   {"version", "checks": [{group, name, status, value, limit, cause, hint, ms}], "passed",
 *          "warned", ...}
 *
 * A stream of checks is begun, reported one by one, and ended; one at a time, one thread.
 */
#ifndef SELFTEST_REPORT_H
#define SELFTEST_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "selftest.h"

enum report_format { REPORT_HUMAN, REPORT_TAP, REPORT_JSON };

struct report {
	FILE *out;
	enum report_format format;
	bool colour;
	unsigned count[SELFTEST_SKIP + 1]; /* by status */
	unsigned reported;
	/* human: consecutive checks that are skipped for one reason share a line */
	char skipped_names[200];
	size_t skipped_run; /* of the names: up to where the last group has its first */
	const struct selftest_check *skipped_last;
	const char *skipped_cause, *skipped_hint;
	unsigned skipped;
	json_t *checks;
};

void report_begin(struct report *r, FILE *out, enum report_format format, bool colour,
		  unsigned planned);
void report_add(struct report *r, const struct selftest_outcome *o);
/* The closing line: "N passed, N warned, N failed, N skipped". */
void report_end(struct report *r);

#endif
