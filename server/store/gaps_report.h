/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gaps_report: the answer of /gaps/{device}, as JSON:
 *
 *	{"device": "urn:dev:...", "streams": [
 *		{"epoch": "16 hex digits", "complete": 41, "last": 60, "holes": [
 *			{"first": 42, "last": 44, "cause": "never arrived"},
 *			{"first": 50, "last": 50, "cause": "removed by operator"}]}]}
 *
 * complete: every number from 1 to it has arrived or is explained. last: the highest of these.
 */
#ifndef GAPS_REPORT_H
#define GAPS_REPORT_H

#include "store.h"

/* malloc'ed text in *out. The number of streams, a code of store.h, or -ENOMEM. */
int gaps_report(struct store *store, const char *device, char **out);

#endif
