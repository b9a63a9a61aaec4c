/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gaps_report: the answer of /gaps/{device}, as JSON:
 *
 *	{"device": "urn:dev:...", "streams": [
 *		{"epoch": "16 hex digits", "complete": 41, "last": 60, "holes": [
 *			{"first": 42, "last": 44, "cause": "never arrived"},
 *			{"first": 50, "last": 50, "cause": "removed by operator"}]}],
 *	 "starts": [{"epoch": "16 hex digits", "seq": 45, "cause": "power cut",
 *		"since": "2026-11-29T18:02:11Z", "until": "2026-11-29T18:05:01Z"}]}
 *
 * complete: every number from 1 to it has arrived or is explained. last: the highest of these.
 * starts: where the node did not run: seq is the first reading after it, since and until are the
 * times of the reading before it and its own, omitted where they are unknown. No number is missing
 * there.
 *
 * Of one epoch only: its stream in any case, and of its holes the first GAP_LIST_MAX that never
 * arrived, for the node, which may still have them.
 */
#ifndef GAPS_REPORT_H
#define GAPS_REPORT_H

#include "store.h"

/* malloc'ed text in *out, in *missing how many numbers never arrived. only_epoch 0: all. The number
 * of streams, a code of store.h, or -ENOMEM.
 */
int gaps_report(struct store *store, const char *device, uint64_t only_epoch, char **out,
		uint64_t *missing);

#endif
